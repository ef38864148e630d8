import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { openDatabase } from '../database.ts'
import { createLibrary } from './library.ts'
import { streamOf } from './made-papers.fixture.ts'
import { openShowApart } from './show-apart.ts'

const folder = mkdtempSync(join(tmpdir(), 'offprint-show-'))
after(() => rmSync(folder, { recursive: true }))
const file = join(folder, 'library.db')
const database = openDatabase(file)
const library = createLibrary(database)
const lines = ['Fast k-Medoids', 'Москва und Köln: clustering', 'Clustering of streams'].map((title, at) =>
  JSON.stringify({ title, abstract: `About clustering, ${at} times. ${'words '.repeat(80)}`, id: `2008.0000${at}` }),
)
await library.importStream(streamOf(lines.join('\n')), { name: 'made', format: 'jsonl' })
const text = (json: Uint8Array | undefined) => json && new TextDecoder().decode(json)

test('a thread of its own writes out what a search gives', async () => {
  const apart = openShowApart(file)
  const queries = [
    'clustering',
    'moskva OR москва',
    'about clustering nothing',
    '2008.00001',
    '',
    'sort:new',
    'köln',
    '!!',
  ]
  // All at once, as several readers ask.
  const answers = await Promise.all(queries.map(query => apart.json(library.found(query, { facets: true, limit: 2 }))))
  for (const [at, query] of queries.entries())
    assert.equal(text(answers[at]), JSON.stringify(library.search(query, { facets: true, limit: 2 })), query)
  const found = library.found('medoids')
  database.exec('DELETE FROM papers WHERE position = 1')
  assert.deepEqual(JSON.parse(text(await apart.json(found))!).papers, [], 'a paper that went meanwhile is left out')
  await apart.close()
  assert.equal(await apart.json(found), undefined, 'after it was closed')
})

test('where the thread cannot work nobody waits for it', async t => {
  const errors = t.mock.method(console, 'error', () => {})
  const apart = openShowApart(join(folder, 'missing.db'))
  const found = library.found('clustering')
  assert.deepEqual(await Promise.all([apart.json(found), apart.json(found)]), [undefined, undefined])
  assert.equal(await apart.json(found), undefined, 'it is not started again at once')
  assert.equal(errors.mock.callCount(), 1)
  assert.match(errors.mock.calls[0].arguments[0], /unable to open database file; answers are written out in the server/)
  await apart.close()
})

test('where no thread can be started, or it does not answer, nobody waits for it', async t => {
  const errors = t.mock.method(console, 'error', () => {})
  const found = library.found('clustering')
  const none = openShowApart(file, {
    start: () => {
      throw new Error('too many threads')
    },
  })
  assert.equal(await none.json(found), undefined)
  const deaf = openShowApart(file, {
    start: () => new Worker('setInterval(() => {}, 1000)', { eval: true }),
    waitMs: 10,
  })
  assert.deepEqual(await Promise.all([deaf.json(found), deaf.json(found)]), [undefined, undefined])
  assert.deepEqual(
    errors.mock.calls.map(({ arguments: [text] }) => String(text).split(';')[0]),
    ['search: too many threads', 'search: its thread does not answer'],
  )
})
