import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { random } from '@offprint/kernels'
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
    categories: fc.subarray(['cs.LG', 'cs.DC', 'stat.ML']),
    date: fc.constantFrom('2019-05-01', '2024-03-02'),
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
const filters = [
  'cat:cs.LG',
  'cat:cs',
  '-cat:cs.DC',
  'date:2024',
  'date:>=2000',
  'is:unread',
  'is:read',
  '-is:withdrawn',
  '(cat:cs.LG OR date:2019)',
  'title:medoids',
  '-the',
  '-"large language"',
  'org:gpt4',
]
const either = ['large OR gpt4', 'title:large language', '(large OR "data base") medoids', '(title:of OR the) language']
const filtered = [...plain, ...either].flatMap((words, at) =>
  [0, 1, 2].map(of => ({ words, filter: filters[(at + 5 * of) % filters.length] })),
)

function folderOf(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'offprint-words-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'words')
}

test('words, with filters or without, give the same papers as the index of the database', async t => {
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
          for (const query of [...plain, ...either, ...filtered.map(({ words, filter }) => `${words} ${filter}`)]) {
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

test('what has not all words may have them in another form', async t => {
  const words = folderOf(t)
  const database = openDatabase(':memory:')
  let library = createLibrary(database)
  const papers = ['Clustered streams', 'Clustering', 'A clusterer of rivers', 'The cluster', 'Studies', 'Deciding']
  const lines = papers.map((title, at) => JSON.stringify({ title, id: `2401.0000${at + 1}`, categories: ['cs.LG'] }))
  await library.importStream(streamOf(lines.join('\n')), { name: 'made', format: 'jsonl' })
  const found = (query: string) => {
    const { papers: first, close = [], note, facets } = library.search(query, { facets: true })
    const titles = (some: typeof first) =>
      some.map(({ titleParts }) => titleParts.map(({ text, match }) => (match ? `[${text}]` : text)).join('')).sort()
    return { first: titles(first), close: titles(close), note, categories: facets?.categories[0]?.count }
  }
  // Until the words are ready SQLite answers, which knows plurals only.
  assert.deepEqual(found('clusterings').first, ['[Clustering]'])
  assert.equal(found('clusters clusterings').note, 'No paper has all of these words; these have some of them.')
  await library.saveWords(words)
  library = createLibrary(database, { wordsFolder: words })
  const forms = ['A [clusterer] of rivers', 'The [cluster]', '[Clustered] streams', '[Clustering]']
  assert.deepEqual(found('clusterize').first, forms)
  assert.deepEqual(found('clustering'), {
    first: ['[Clustering]'],
    close: forms.filter(title => title !== '[Clustering]'),
    note: undefined,
    categories: undefined,
  })
  assert.deepEqual(found('decide'), {
    first: ['[Deciding]'],
    close: [],
    note: 'No paper has this word; these have it in another form.',
    categories: undefined,
  })
  // Facets count what is shown.
  assert.deepEqual(found('clustering decided'), {
    first: [...forms, '[Deciding]'].sort(),
    close: [],
    note: 'No paper has all of these words; these have some of them.',
    categories: 5,
  })
  assert.deepEqual(found('clusterize sort:new').first, forms)
  assert.deepEqual(found('clusterize sort:new is:unread').first, forms)
  assert.equal(library.search('clusterize').suggestion, undefined, 'it is there in another form')
  assert.equal(library.search('clustoring').suggestion, 'clustering')
  assert.deepEqual(found('"clustering"').close, [], 'a phrase is exact')
  assert.deepEqual(found('title:clustering').first, ['[Clustering]'])
  assert.deepEqual(found('clustering -streams').close, [], 'what is excluded stays out')
  assert.deepEqual(found('study').first, ['[Studies]'])
  database.close()
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

test('a filter takes papers away and changes nothing in the order of the others', async t => {
  const words = folderOf(t)
  const database = openDatabase(':memory:')
  const library = createLibrary(database, { wordsFolder: words })
  const { integer } = random(5)
  const some = (many: number) => Array.from({ length: many }, () => vocabulary[integer(vocabulary.length)]).join(' ')
  // More than are asked for one by one.
  const lines = Array.from({ length: 600 }, (_, index) =>
    JSON.stringify({
      id: `2401.${10_000 + index}`,
      title: `${some(3)} ${index}`,
      abstract: some(5 + integer(20)),
      authors: [`Ann Author${index % 4}`],
      categories: [['cs.LG', 'cs.DC', 'stat.ML'][integer(3)]],
      date: `20${10 + integer(10)}-0${1 + integer(9)}-01`,
    }),
  )
  await library.importStream(streamOf(lines.join('\n')), { name: 'made', format: 'jsonl' })
  await library.saveWords(words)
  const keys = (query: string) => {
    const { papers, total } = library.search(query, { limit: 1000 })
    assert.equal(papers.length, total, query)
    return papers.map(({ key }) => key)
  }
  for (const filter of ['date:>=1991', 'is:unread', '-is:withdrawn', '-cat:math', '(cat:cs OR cat:stat)'])
    for (const query of [...plain, ...either].filter(one => !one.includes('unknown')))
      assert.deepEqual(keys(`${query} ${filter}`), keys(query), `${query} ${filter}`)
  // Few and many; asked again after a mark has changed.
  for (const read of [0, 1, 7, 80]) {
    for (let index = 0; index < read; index++) library.reading.change(`2401.${10_000 + index}`, { read: true })
    for (const { words, filter } of filtered.filter(one => !one.words.includes('unknown'))) {
      const query = `${words} ${filter}`
      const has = new Set(keys(filter))
      const expected = keys(words).filter(key => has.has(key))
      // Where words in a field are asked for, they count as words, too.
      if (/^(?:title|org)/.test(filter)) assert.deepEqual(keys(query).toSorted(), expected.toSorted(), query)
      else assert.deepEqual(keys(query), expected, query)
    }
  }
})

test('one hidden paper does not change how the others are found', async t => {
  const words = folderOf(t)
  const library = createLibrary(openDatabase(':memory:'), { wordsFolder: words })
  const lines = Array.from({ length: 30 }, (_, index) =>
    JSON.stringify({ id: `2401.${10_000 + index}`, title: `Tree ${index}`, abstract: 'trees '.repeat(1 + index) }),
  )
  await library.importStream(streamOf(lines.join('\n')), { name: 'made', format: 'jsonl' })
  await library.saveWords(words)
  const scores = () => library.search('trees', { limit: 50 }).papers.map(({ key }) => key)
  const before = scores()
  library.reading.change(before[3], { hide: true })
  assert.deepEqual(scores(), before.toSpliced(3, 1))
  library.reading.change(before[3], { hide: false })
  assert.deepEqual(scores(), before)
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
