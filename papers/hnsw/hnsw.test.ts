import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { matrix, random, readMatrix } from '@offprint/kernels'
import { Hnsw } from '@offprint/search'
import { openHnsw, saveHnsw } from '@offprint/search/node'
import { type Block, block, type InputError, type Method, type RunContext, type TableBlock } from '../define.ts'
import { InputErrors, parseInput } from '../fields.ts'
import type { Vectors } from '../input.ts'
import hnsw from './index.ts'
import { syntheticClusters } from './synthetic-clusters.ts'

const { build, check, filters, look, search, sweep } = hnsw.methods
const folder = mkdtempSync(join(tmpdir(), 'offprint-hnsw-paper-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const context: RunContext = {
  seed: 1,
  threads: 1,
  signal: new AbortController().signal,
  progress() {},
  log() {},
  output: name => join(folder, name),
  dataset: () => undefined,
}

async function run(method: Method, values: Record<string, unknown>): Promise<Map<string, Block>> {
  const blocks: Block[] = await method.run(parseInput(method, values), context)
  for (const one of blocks) block.parse(one)
  return new Map(blocks.map(one => [one.name, one]))
}

const metric = (blocks: Map<string, Block>, name: string) => {
  const found = blocks.get(name)
  return found?.type === 'metric' ? found.value : assert.fail(`no metric ${name}`)
}

const vectors: Vectors = { ...syntheticClusters({ rows: 2000, columns: 24, clusters: 20 }), name: 'mine.npy' }
const queries: Vectors = {
  ...syntheticClusters({ rows: 40, columns: 24, clusters: 20, queries: true }),
  name: 'asked.npy',
}

test('search gives recall, speed, build time, memory and each query’s neighbours', async () => {
  const blocks = await run(search, { vectors, queries, k: 5, efSearch: 40 })
  assert.ok(metric(blocks, 'recall')! > 0.95)
  assert.ok(metric(blocks, 'queriesPerSecond')! > 0)
  assert.ok(metric(blocks, 'buildSeconds')! > 0)
  // Floats, codes, links and marks.
  const bytes = metric(blocks, 'bytesPerVector')!
  assert.ok(bytes > 24 * 4 + 32 + 128 && bytes < 24 * 4 + 32 + 128 + 40, String(bytes))
  const { columns, rows } = blocks.get('neighbours') as TableBlock
  assert.deepEqual(
    columns.map(({ name }) => name),
    ['query', 'rank', 'id', 'distance'],
  )
  assert.equal(rows.length, 200)
  const [query, rank, id, distance] = rows[7] as number[]
  assert.deepEqual([query, rank], [1, 3])
  const expected = vectors.data
    .subarray(id * 24, (id + 1) * 24)
    .reduce((sum, value, column) => sum + (value - queries.data[24 + column]) ** 2, 0)
  assert.ok(Math.abs(distance - expected) < 1e-4)
  const written = readMatrix(readFileSync(join(folder, 'neighbours.ivecs')), 'neighbours.ivecs')
  assert.deepEqual([written.rows, written.columns, written.data[7]], [40, 5, id])
  assert.ok(existsSync(join(folder, 'distances.fvecs')))
})

test('names of rows and queries stand in the table, and k is bounded by the rows', async () => {
  const named = { ...matrix(3, 2, Float32Array.of(0, 0, 1, 0, 5, 5)), name: 'three.csv', labels: ['a', 'b', 'c'] }
  const asked = { ...matrix(1, 2, Float32Array.of(4, 4)), name: 'one.csv', labels: ['here'] }
  const blocks = await run(search, { vectors: named, queries: asked, k: 10 })
  assert.deepEqual((blocks.get('neighbours') as TableBlock).rows, [
    [0, 'here', 1, 2, 'c', 2],
    [0, 'here', 2, 1, 'b', 25],
    [0, 'here', 3, 0, 'a', 32],
  ])
  assert.ok([...blocks.values()].some(one => one.type === 'markdown' && /There are 3 rows/.test(one.text)))
})

test('build leaves an index that search takes, with the same neighbours', async () => {
  const built = await run(build, { vectors, metric: 'cosine', M: 8 })
  const file = built.get('index')
  assert.ok(file?.type === 'file' && file.artefact === 'hnsw-index')
  const path = join(folder, 'vectors.hnsw')
  assert.equal(openHnsw(path).size, 2000)
  assert.equal(metric(built, 'rows'), 2000)
  const levels = built.get('levels')
  assert.ok(levels?.type === 'bars')
  assert.equal(
    levels.bars.reduce((sum, { value }) => sum + value!, 0),
    2000,
  )
  const artefact = { artefact: 'hnsw-index', run: 'abc', name: 'vectors.hnsw', path, bytes: statSync(path).size }
  const fromIndex = await run(search, { index: artefact, queries, k: 3 })
  const direct = await run(search, { vectors, queries, k: 3, metric: 'cosine', M: 8 })
  assert.deepEqual((fromIndex.get('neighbours') as TableBlock).rows, (direct.get('neighbours') as TableBlock).rows)
  assert.equal(metric(fromIndex, 'buildSeconds'), null)
})

test('sweep plots recall against speed with comparing all beside it', async () => {
  const blocks = await run(sweep, { vectors, k: 5, efSearch: '5, 80,20 ' })
  const { rows } = blocks.get('curve') as TableBlock
  assert.deepEqual(
    rows.map(([ef]) => ef),
    [5, 20, 80],
  )
  const recalls = rows.map(row => row[1] as number)
  assert.ok(recalls[0] < recalls[2] && recalls[2] > 0.98)
  const plot = blocks.get('recallAgainstSpeed')
  assert.ok(plot?.type === 'series')
  assert.deepEqual(
    plot.series.map(({ name }) => name),
    ['HNSW', 'comparing all'],
  )
  const madeHere = await run(sweep, { rows: 500, efSearch: '10,20' })
  assert.match(String(madeHere.get('recallAgainstSpeed')?.note), /made here: 500 × 128; 500 queries/)
})

test('look draws each layer, and a path along its links from the entry point to what was found', async () => {
  const blocks = await run(look, { vectors, queries, M: 4, efSearch: 12 })
  const graph = blocks.get('layers')
  assert.ok(graph?.type === 'graph' && graph.path)
  const layerOf = (id: string) => Number(id.split(':')[0])
  const nodes = new Set(graph.nodes.map(({ id }) => id))
  // Every row is on the ground, fewer above, and the query beside them.
  const above = [...nodes].filter(id => layerOf(id) === 1).length
  assert.equal([...nodes].filter(id => layerOf(id) === 0).length, 2000)
  assert.ok(above > 300 && above < 700, String(above))
  assert.ok(nodes.has('query'))
  const linked = new Set(graph.edges.flatMap(({ from, to }) => [`${from} ${to}`, `${to} ${from}`]))
  for (const { from, to } of graph.edges) assert.ok(nodes.has(from) && nodes.has(to) && layerOf(from) === layerOf(to))
  for (const [at, { from, to }] of graph.path.entries())
    if (at) assert.ok(linked.has(`${from} ${to}`) || (layerOf(from) > layerOf(to) && nodes.has(to)), `${from} to ${to}`)
  const steps = blocks.get('steps') as TableBlock
  assert.equal(steps.rows.length, metric(blocks, 'hops')! + metric(blocks, 'hopsAbove')!)
  const followed = new Set(steps.rows.map(([, , row]) => row))
  for (const [, row] of (blocks.get('found') as TableBlock).rows) assert.ok(followed.has(row))
  assert.ok(metric(blocks, 'compared')! < 2000)
  // Of many rows some are drawn; without a query one of them is asked for, and finds itself.
  const many: Vectors = { ...syntheticClusters({ rows: 2500, columns: 2, clusters: 20 }), name: 'many.npy' }
  const drawn = await run(look, { vectors: many, metric: 'l2' })
  assert.ok([...drawn.values()].some(one => one.type === 'markdown' && /2,000 of the 2,500 rows/.test(one.text)))
  const found = (drawn.get('found') as TableBlock).rows
  assert.equal(found[0][3], 0)
  // Their numbers are those that they have in the file.
  const at = (row: unknown) => many.data.subarray(2 * Number(row), 2 * Number(row) + 2)
  const [query] = found.map(([, row]) => at(row))
  for (const [, row, name, distance] of found) {
    assert.equal(name, `row ${row}`)
    assert.ok(Math.abs(Number(distance) - ((at(row)[0] - query[0]) ** 2 + (at(row)[1] - query[1]) ** 2)) < 1e-4)
  }
})

test('filters measures recall for every share of the rows that may be found', async () => {
  const blocks = await run(filters, { vectors, k: 5 })
  const { rows } = blocks.get('shares') as TableBlock
  // Of the 1,800 rows that are left, 0.01 % are none.
  assert.deepEqual(
    rows.map(([share, passing]) => [share, passing]),
    [
      [100, 1800],
      [50, 900],
      [20, 360],
      [10, 180],
      [5, 90],
      [2, 36],
      [1, 18],
      [0.5, 9],
      [0.1, 2],
    ],
  )
  for (const [share, , recall] of rows) assert.ok((recall as number) > 0.9, `${recall} at ${share} %`)
  assert.equal(metric(blocks, 'leastRecall'), Math.min(...rows.map(row => row[2] as number)))
})

test('check reads an index of a run, a file with names of its own, or builds one; and refuses a damaged file', async () => {
  const direct = await run(check, { vectors, sample: 50 })
  assert.equal(metric(direct, 'unreached'), 0)
  const degrees = direct.get('inDegrees')
  assert.ok(degrees?.type === 'series')
  assert.equal(
    degrees.series[0].points.reduce((sum, [, nodes]) => sum + nodes!, 0),
    2000,
  )
  const curve = direct.get('recall')
  assert.ok(curve?.type === 'series' && curve.series.every(({ points }) => points.at(-1)![1]! > 0.95))

  const named = await Hnsw.build<string>(vectors, { ids: Array.from({ length: 2000 }, (_, row) => `row ${row}`) })
  named.delete(['row 3', 'row 4'])
  const path = join(folder, 'named.hnsw')
  await saveHnsw(named, path)
  const file = { name: 'named.hnsw', path, bytes: statSync(path).size }
  const fromFile = await run(check, { file, sample: 50 })
  assert.deepEqual([metric(fromFile, 'rows'), metric(fromFile, 'deleted')], [1998, 2])

  const bytes = readFileSync(path)
  bytes[bytes.length >> 1] ^= 4
  writeFileSync(path, bytes)
  const refused = (message: RegExp) =>
    assert.rejects(run(check, { file }), (error: InputError) => error.field === 'file' && message.test(error.message))
  await refused(/^file: named\.hnsw.*damaged/)
  writeFileSync(path, 'hello')
  await refused(/^file: named\.hnsw is no index file/)
  assert.throws(() => parseInput(check, { file, vectors }), /one of an index, an index file, or vectors/)
  assert.throws(() => parseInput(check, {}), /one of an index, an index file, or vectors/)
})

test('bad input is refused beside its field', () => {
  const few: Vectors = { ...matrix(4, 24, Float32Array.from({ length: 96 }, random(1).next)), name: 'few.npy' }
  const wide: Vectors = { ...matrix(1, 3, Float32Array.of(1, 2, 3)), name: 'wide.npy' }
  const cases: [Method, Record<string, unknown>, string, RegExp][] = [
    [search, { queries }, 'vectors', /give one of vectors or an index/],
    [search, { vectors }, 'queries', /queries must be given/],
    [search, { vectors, queries: wide }, 'queries', /wide.npy has 3 columns, mine.npy has 24/],
    [sweep, { vectors, rows: 500 }, 'vectors', /not several/],
    [sweep, { vectors, efSearch: '10, x' }, 'efSearch', /whole numbers from 1 to 10000/],
    [sweep, { vectors, efSearch: '0' }, 'efSearch', /whole numbers from 1/],
    [build, { vectors: few, M: 2 }, 'M', /from 4 to 64/],
  ]
  for (const [method, values, field, message] of cases)
    assert.throws(
      () => parseInput(method, values),
      (error: InputErrors) =>
        error instanceof InputErrors && error.errors[0].field === field && message.test(error.message),
      field,
    )
})

test('the made vectors are those of their description', () => {
  const close = (found: ArrayLike<number>, expected: number[]) => {
    for (const [at, value] of expected.entries())
      assert.ok(Math.abs(found[at] - value) < 1e-6, `${found[at]} for ${value}`)
  }
  close(syntheticClusters({ rows: 1 }).data, [0, 0.13797206, 0, 0, 0.34927392, 0.20794393])
  close(syntheticClusters({ rows: 1, queries: true }).data, [0.32628644, 0.46400416, 0])
})

test('the claim on the layers holds on data made here', async () => {
  const claim = hnsw.claims.find(({ id }) => id === 'C3')!
  const { value, notes } = await claim.check!(context)
  assert.ok('atLeast' in claim.tolerance && value >= claim.tolerance.atLeast, `${value} (${notes})`)
})
