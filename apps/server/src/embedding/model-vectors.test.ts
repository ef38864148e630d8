import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openDatabase } from '../database.ts'
import { createLibrary } from '../library/library.ts'
import { streamOf } from '../library/made-papers.fixture.ts'
import { type Fault, madeEndpoint } from './endpoint.fixture.ts'
import { computeModelVectors, modelRevision, noteProblem, openModelVectors, readProblem } from './model-vectors.ts'
import { openOpenaiEmbedder } from './openai-embedder.ts'
import { openQueryVectors } from './query-vectors.ts'

const words = ['medoids clusters', 'transformers attention', 'galaxies telescopes']
const made = (count: number, first = 0) =>
  Array.from({ length: count }, (_, at) => ({
    id: `2001.${10_000 + first + at}`,
    title: `Paper ${first + at}`,
    abstract: words[(first + at) % 3],
  }))
const fieldOf = (key: string) => (Number(key.slice(5)) - 10_000) % 3

async function opened(t: TestContext, options: { fault?: Fault; dimension?: number } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'offprint-embeddings-'))
  const endpoint = await madeEndpoint(options)
  const open = (model = 'made') =>
    openOpenaiEmbedder({ url: `${endpoint.url}/embeddings`, model, wait: async () => {} })
  const embedder = open()
  const queries = openQueryVectors(embedder)
  t.after(() => {
    queries.close()
    endpoint.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const vectors = openModelVectors(folder, embedder.name)
  const library = createLibrary(openDatabase(':memory:'), { vectors: () => vectors()?.over(undefined, queries.get) })
  return {
    folder,
    endpoint,
    embedder,
    queries,
    vectors,
    library,
    open,
    put: (records: object[]) =>
      library.importStream(streamOf(records.map(one => JSON.stringify(one)).join('\n')), {
        name: 'made',
        format: 'jsonl',
      }),
    compute: (by = embedder) =>
      computeModelVectors(folder, { [Symbol.iterator]: () => library.records() }, library.revision(), by),
  }
}

test('a query whose words are in no paper finds what is close in meaning', async t => {
  const { library, put, compute, queries, endpoint } = await opened(t)
  await put(made(60))
  await compute()
  assert.equal(library.search('stargazing').close, undefined)
  await queries.prepare('stargazing', 10_000)
  const { papers, total, close } = library.search('stargazing')
  assert.deepEqual([papers.length, total], [0, 0])
  assert.equal(close?.length, 10)
  assert.ok(close.every(({ key }) => fieldOf(key) === 2))
  const asked = endpoint.calls.length
  assert.equal(queries.prepare('stargazing'), undefined)
  for (const query of ['', '2001.10000', 'sort:new', 'stargazing sort:new'])
    assert.equal(queries.prepare(query), undefined)
  assert.equal(endpoint.calls.length, asked)
  assert.ok(library.similar('2001.10001').every(({ paper }) => fieldOf(paper.key) === 1))
  assert.equal(library.similar('2001.10001').length, 6)
})

test('what came stays when it breaks off, and is not asked for again; new papers alone are', async t => {
  const { library, folder, put, compute, endpoint, embedder, vectors } = await opened(t, {
    fault: ({ asked, response }) => (asked > 3 ? Boolean(response.writeHead(500).end()) || true : false),
  })
  await put(made(300))
  const error = await compute().catch(error => error)
  assert.match(error.message, /HTTP 500/)
  noteProblem(folder, embedder.name, error)
  assert.match(readProblem(folder, embedder.name)!.message, /HTTP 500/)
  assert.equal(vectors(), undefined)
  const first = new Set(endpoint.calls.slice(1, 3).flatMap(({ texts }) => texts))
  assert.equal(first.size, 128)
  endpoint.state.fault = undefined
  endpoint.calls.length = 0
  await compute()
  assert.equal(endpoint.texts().length, 300 - 128)
  assert.ok(endpoint.texts().every(text => !first.has(text)))
  assert.equal(readProblem(folder, embedder.name), undefined)
  assert.equal(modelRevision(folder, embedder.name), library.revision())
  endpoint.calls.length = 0
  await put(made(5, 300))
  await compute()
  assert.equal(endpoint.texts().length, 5)
  assert.equal(readdirSync(folder).filter(name => name.startsWith('papers-')).length, 1)
  assert.equal(library.similar('2001.10304').length, 6)
  // Down again: what was there stays in use.
  await put(made(1, 400))
  endpoint.state.fault = ({ response }) => Boolean(response.writeHead(500).end()) || true
  await assert.rejects(compute())
  assert.equal(vectors()?.revision, library.revision() - 1)
  assert.equal(library.similar('2001.10304').length, 6)
})

test('another model or dimension makes all anew', async t => {
  const { folder, put, compute, endpoint, open, vectors } = await opened(t)
  await put(made(30))
  await compute()
  assert.equal(vectors()?.dimension, 8)
  endpoint.calls.length = 0
  endpoint.state.dimension = 12
  await compute()
  assert.equal(endpoint.texts().length, 30)
  assert.equal(vectors()?.dimension, 12)
  endpoint.calls.length = 0
  const other = open('other')
  await compute(other)
  assert.equal(endpoint.texts().length, 30)
  assert.equal(vectors(), undefined)
  assert.ok(modelRevision(folder, other.name))
})

test('a text that the model refuses costs no other its vector, and is not asked for again', async t => {
  const { library, put, compute, endpoint, vectors } = await opened(t, {
    fault: ({ texts, response }) => {
      if (!texts.some(text => text.includes('poison') || text.length > 500)) return false
      response.writeHead(400).end('{"error":"input is too long"}')
      return true
    },
  })
  await put([
    ...made(20),
    { id: '2002.00001', title: 'Long', abstract: 'galaxies '.repeat(100) },
    { id: '2002.00002', title: 'poison', abstract: 'poison' },
  ])
  await compute()
  assert.equal(library.similar('2002.00001').length, 6)
  assert.deepEqual(
    vectors()!
      .over(undefined, () => undefined)
      .nearestTo('2002.00002', 3),
    [],
  )
  endpoint.calls.length = 0
  await compute()
  assert.deepEqual(endpoint.texts(), [])
})

test('while the endpoint fails, searches go by words and do not ask at every query', async t => {
  t.mock.method(console, 'error', () => {})
  const { library, queries, put, compute, endpoint } = await opened(t)
  await put(made(30))
  await compute()
  endpoint.state.fault = ({ response }) => Boolean(response.writeHead(500).end()) || true
  const asked = endpoint.calls.length
  await queries.prepare('galaxies', 10_000)
  assert.equal(endpoint.calls.length, asked + 1)
  assert.equal(queries.prepare('telescopes'), undefined)
  assert.equal(library.search('galaxies').total, 10)
  assert.equal(library.search('galaxies').note, undefined)
})
