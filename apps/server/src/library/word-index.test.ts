import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { openDatabase } from '../database.ts'
import { createLibrary } from './library.ts'
import { streamOf } from './made-papers.fixture.ts'

const vocabulary = [
  'k-medoids',
  'kmedoids',
  'medoids',
  'large',
  'language',
  'large-language',
  'C++',
  'naïve',
  'Ελληνικά',
  '学习',
  'GPT-4',
  'gpt4',
  'the',
  'of',
  "O'Neil",
  'data/base',
  'İstanbul',
  'ß',
  'x²',
]
const text = fc.array(fc.constantFrom(...vocabulary), { minLength: 1, maxLength: 12 }).map(words => words.join(' '))
const paper = fc.record(
  {
    id: fc.nat(40).map(number => `2401.${String(10_000 + number)}`),
    title: text,
    abstract: text,
    authors: fc.array(text, { maxLength: 2 }),
    organization: text,
  },
  { requiredKeys: ['id', 'title', 'abstract'] },
)
const plain = [
  'medoids',
  'kmedoids',
  'large language',
  'gpt4',
  'naive',
  'the of medoids',
  'ελληνικα',
  'x2',
  'kmedoids language large',
  'unknown',
  'unknown medoids',
  'istanbul',
]

function folderOf(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'offprint-words-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'words')
}

test('plain words give the same papers, in the same order, as the index of the database', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(paper, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 }),
      fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      async (imports, saved) => {
        const words = folderOf(t)
        const database = openDatabase(':memory:')
        const quick = createLibrary(database, { wordsFolder: words })
        const slow = createLibrary(database)
        for (const [at, papers] of imports.entries()) {
          const lines = papers.map(one => JSON.stringify({ ...one, title: `${one.title} ${one.id}` })).join('\n')
          await quick.importStream(streamOf(lines), { name: 'made', format: 'jsonl' })
          if (saved[at]) await quick.saveWords(words)
          for (const query of plain) {
            const [one, other] = [quick, slow].map(library => library.search(query, { limit: 100 }))
            assert.equal(one.total, other.total, query)
            assert.equal(one.note, other.note)
            const keys = (result: typeof one) => result.papers.map(({ key }) => key)
            assert.deepEqual(keys(one).toSorted(), keys(other).toSorted(), query)
          }
        }
        database.close()
      },
    ),
    { numRuns: 25, seed: 2 },
  )
})

test('the order is that of the same scores', async t => {
  const words = folderOf(t)
  const database = openDatabase(':memory:')
  const quick = createLibrary(database, { wordsFolder: words })
  const slow = createLibrary(database)
  // All of different lengths: no two scores are the same.
  const filler = (many: number) => Array.from({ length: many }, (_, index) => `w${index}`).join(' ')
  const lines = Array.from({ length: 60 }, (_, index) =>
    JSON.stringify({
      id: `2401.${10_000 + index}`,
      title: index % 3 ? 'About trees' : 'About medoids',
      abstract: `medoids large language ${filler(index * 3)} ${index % 5 ? '' : 'kmedoids k-medoids'}`,
    }),
  )
  await quick.importStream(streamOf(lines.join('\n')), { name: 'made', format: 'jsonl' })
  await quick.saveWords(words)
  const orders = (query: string) =>
    [quick, slow].map(library => library.search(query, { limit: 30 }).papers.map(({ key }) => key))
  for (const query of ['medoids', 'kmedoids', 'large language medoids', 'medoids absent']) {
    const [one, other] = orders(query)
    assert.ok(one.length)
    assert.deepEqual(one, other, query)
  }
})

test('what changed since is found at once; what is damaged is not used, and made anew', async t => {
  const words = folderOf(t)
  const database = openDatabase(':memory:')
  const library = createLibrary(database, { wordsFolder: words })
  const add = (one: object) => library.importStream(streamOf(JSON.stringify(one)), { name: 'made', format: 'jsonl' })
  await add({ id: '2401.00001', title: 'Old', abstract: 'medoids' })
  await library.saveWords(words)
  await add({ id: '2401.00002', title: 'New', abstract: 'medoids' })
  await add({ id: '2401.00001', title: 'Old', abstract: 'trees now', version: 2 })
  const keys = (query: string) => library.search(query).papers.map(({ key }) => key)
  assert.deepEqual([keys('medoids'), keys('trees')], [['2401.00002'], ['2401.00001']])
  // Two that turn out to be one.
  await add({ title: 'Third', abstract: 'graphs', doi: '10.1000/x' })
  await add({ id: '2401.00002', title: 'New', abstract: 'medoids', doi: '10.1000/x', version: 3 })
  assert.deepEqual([library.count(), keys('medoids')], [2, ['2401.00002']])
  const [name] = readdirSync(words)
  writeFileSync(join(words, name), 'no index')
  const other = createLibrary(database, { wordsFolder: words })
  t.mock.method(console, 'error', () => {})
  assert.deepEqual(
    other.search('trees').papers.map(({ key }) => key),
    ['2401.00001'],
  )
  assert.deepEqual([readdirSync(words), other.wordsRevision()], [[], undefined])
  await add({ id: '2401.00003', title: 'More', abstract: 'trees' })
  await other.saveWords(words)
  assert.equal(readdirSync(words).length, 1)
  assert.equal(createLibrary(database, { wordsFolder: words }).search('trees').total, 2)
})
