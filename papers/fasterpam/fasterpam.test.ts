import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dissimilarities, matrix } from '@offprint/kernels'
import { type Block, block, type RunContext, type TableBlock } from '../define.ts'
import { InputErrors, parseInput } from '../fields.ts'
import { parseTable } from '../table.ts'
import fasterpam from './index.ts'
import { variants } from './variants.ts'

const { cluster, 'choose-k': chooseK, compare } = fasterpam.methods

const context: RunContext = {
  seed: 1,
  threads: 1,
  signal: new AbortController().signal,
  progress() {},
  log() {},
  output: () => assert.fail('it leaves no files'),
  dataset: () => undefined,
}

const table = (text: string) => parseTable(new TextEncoder().encode(text), { name: 'mine.csv' })

/** Runs a method on its parsed input, and checks that what comes back are blocks. */
async function run(
  method: typeof cluster | typeof chooseK | typeof compare,
  values: Record<string, unknown>,
): Promise<Map<string, Block>> {
  const blocks: Block[] = await method.run(parseInput(method, values), context)
  for (const one of blocks) block.parse(one)
  return new Map(blocks.map(one => [one.name, one]))
}

const metric = (blocks: Map<string, Block>, name: string) => {
  const found = blocks.get(name)
  return found?.type === 'metric' ? found.value : assert.fail(`no metric ${name}`)
}

const column = (blocks: Map<string, Block>, name: string, title: string) => {
  const found = blocks.get(name) as TableBlock
  const index = found.columns.findIndex(one => one.name === title)
  return found.rows.map(row => row[index])
}

const groups = 'name,x,y\na,1,1\nb,1,2\nc,2,1\nd,8,8\ne,9,8\nf,8,9\ng,8,7\n'

test('cluster gives medoids as rows of the table, labels, and the objective', async () => {
  const blocks = await run(cluster, { table: table(groups), k: 2 })
  assert.equal(metric(blocks, 'objective'), 5)
  // The larger cluster comes first.
  assert.deepEqual(column(blocks, 'medoids', 'index'), [3, 0])
  assert.deepEqual(column(blocks, 'medoids', 'row.name'), ['d', 'a'])
  assert.deepEqual(column(blocks, 'medoids', 'size'), [4, 3])
  assert.deepEqual(column(blocks, 'labels', 'cluster'), [1, 1, 1, 0, 0, 0, 0])
  assert.deepEqual(column(blocks, 'labels', 'distance'), [0, 1, 1, 0, 1, 1, 1])
  const map = blocks.get('map')
  assert.ok(map?.type === 'scatter')
  assert.deepEqual(map.points.x, [1, 1, 2, 8, 9, 8, 8])
  assert.deepEqual(map.emphasis, [3, 0])
  assert.equal(map.x.label, 'x')
})

test('a matrix of dissimilarities gives the same clusters as the points it came from', async () => {
  const points = table(groups)
  const xy = Float32Array.from(
    points.columns[1].text.flatMap((x, row) => [Number(x), Number(points.columns[2].text[row])]),
  )
  const distances = await dissimilarities(matrix(7, 2, xy))
  const rows = Array.from({ length: 7 }, (_, row) => [...distances.data.subarray(row * 7, row * 7 + 7)].join(','))
  const direct = await run(cluster, { table: points, k: 2 })
  const given = await run(cluster, { table: table(rows.join('\n')), precomputed: true, k: 2 })
  assert.deepEqual(column(given, 'labels', 'cluster'), column(direct, 'labels', 'cluster'))
  assert.equal(metric(given, 'objective'), metric(direct, 'objective'))
  const place = given.get('map')
  assert.ok(place?.type === 'scatter' && place.points.x.every(Number.isFinite))
})

test('chosen columns only, and standardised ones, count', async () => {
  const wide = table('x,y,noise\n1,1,900\n1,2,-900\n8,8,800\n8,9,-800\n')
  const two = await run(cluster, { table: wide, columns: 'x, y', k: 2 })
  assert.deepEqual(column(two, 'labels', 'cluster'), [0, 0, 1, 1])
  const all = await run(cluster, { table: wide, k: 2 })
  assert.deepEqual(column(all, 'labels', 'cluster'), [0, 1, 0, 1])
  const scaled = await run(cluster, { table: wide, k: 2, standardize: true })
  assert.ok(metric(scaled, 'objective')! < 10)
})

test('every k from 1 to n runs; where there is no silhouette it is left out with a reason', async () => {
  for (let k = 1; k <= 7; k++) {
    const blocks = await run(cluster, { table: table(groups), k })
    assert.equal(metric(blocks, 'silhouette') === null, k === 1 || k === 7)
    assert.equal(blocks.has('silhouettePlot'), k > 1 && k < 7)
  }
})

test('vectors are taken instead of a table, and not both', async () => {
  const vectors = { ...matrix(3, 2, Float32Array.of(0, 0, 0, 1, 9, 9)), name: 'v.npy' }
  const blocks = await run(cluster, { vectors, k: 2 })
  assert.equal(metric(blocks, 'objective'), 1)
  refuse({ vectors, table: table(groups), k: 2 }, 'vectors', /give a table or vectors, not both/)
})

test('input that cannot be used is refused beside its field', () => {
  refuse({ table: table(groups), k: 0 }, 'k', /^k must be a whole number from 1 to n \(n = 7\), found 0$/)
  refuse({ table: table(groups), k: 8 }, 'k', /^k must be a whole number from 1 to n \(n = 7\), found 8$/)
  refuse({ table: table(groups), k: 2, columns: 'z' }, 'columns', /no column 'z'; it has name, x, y/)
  refuse({ table: table('name\na\nb\n'), k: 1 }, 'table', /at least one column of numbers/)
  refuse({ table: table('x\n1\n\n3\n1e400\n'), k: 1 }, 'table', /1e400/)
  const many = { ...matrix(16_385, 1), name: 'v.npy' }
  for (const method of [chooseK, compare])
    refuse({ vectors: many, k: 2 }, 'vectors', /at most 16,384 rows.*found 16,385 rows/, method)
  refuse({ vectors: many, k: 2, variant: 'pam' }, 'variant', /beyond at most 16,384 rows/)
  refuse({ vectors: many, k: 2, init: 'build' }, 'init', /random, lab/)
  refuse({ vectors: { ...matrix(500_001, 1), name: 'v.npy' }, k: 1 }, 'vectors', /at most 500,000 rows/)
  refuse({ table: table(groups), k: 1, variant: 'fastermsc' }, 'k', /at least 2 for FasterMSC/)
  refuse({ k: 1 }, 'table', /table must be a table/)
})

test('a matrix that is no matrix of dissimilarities is refused with its place', async () => {
  for (const [text, message] of [
    ['0,1\n2,0\n', /row 2, column 1 must be the same as row 1, column 2/],
    ['0,1\n1,3\n', /row 2, column 2 must be 0/],
    ['0,-1\n-1,0\n', /row 1, column 2 must be a number of at least 0/],
    ['0,1,2\n1,0,2\n', /2 rows and 3 columns/],
  ] as const)
    await assert.rejects(run(cluster, { table: table(text), precomputed: true, k: 1 }), message)
})

test('numbers that are too large for distances are refused beside their field', async () => {
  await assert.rejects(run(cluster, { table: table('x\n3e38\n-3e38\n'), k: 1 }), {
    name: 'InputError',
    field: 'table',
    message: /so large that their dissimilarities are beyond/,
  })
})

test('every variant clusters the same groups', async () => {
  for (const variant of variants) {
    const blocks = await run(cluster, { table: table(groups), k: 2, variant, restarts: 3 })
    assert.equal(metric(blocks, 'objective'), 5, variant)
  }
})

test('more rows than all pairs of which fit into memory are clustered, and the map shows some of them', async () => {
  const vectors = { ...matrix(40_000, 2), name: 'v.npy' }
  for (let row = 0; row < vectors.rows; row++) {
    vectors.data[2 * row] = 100 * (row % 3) + (row % 7)
    vectors.data[2 * row + 1] = row % 5
  }
  const blocks = await run(cluster, { vectors, k: 3 })
  assert.equal(new Set(column(blocks, 'medoids', 'index').map(row => Number(row) % 3)).size, 3)
  assert.equal(column(blocks, 'labels', 'cluster').length, 40_000)
  const map = blocks.get('map')
  assert.ok(map?.type === 'scatter')
  assert.ok(map.points.x.length <= 20_003)
  assert.deepEqual(
    map.emphasis!.map(at => map.points.x[at]),
    (column(blocks, 'medoids', 'index') as number[]).map(row => vectors.data[2 * row]),
  )
  assert.equal(metric(blocks, 'silhouette'), null)
})

test('compare shows every variant with time, deviation and its swaps', async () => {
  const blocks = await run(compare, { table: table(groups), k: 2 })
  assert.equal(metric(blocks, 'best'), 5)
  const names = column(blocks, 'variants', 'variant')
  assert.equal(names.length, 8)
  assert.ok(column(blocks, 'variants', 'above').every(value => Number(value) >= 0))
  const traces = blocks.get('traces')
  assert.ok(traces?.type === 'series')
  for (const { points } of traces.series) for (const [, value] of points) assert.ok(value! >= 5)
  const times = blocks.get('times')
  assert.ok(times?.type === 'bars' && times.bars.length === 8)
})

test('choose-k finds the number of groups that are there, and refuses ranges that are none', async () => {
  const three = table(
    `x,y\n${[0, 20, 40].flatMap(at => [0, 1, 2, 3].map(step => `${at + step},${at - step}`)).join('\n')}\n`,
  )
  const blocks = await run(chooseK, { table: three, kMax: 8, restarts: 5 })
  assert.equal(metric(blocks, 'k'), 3)
  const dynamic = await run(chooseK, { table: three, kMax: 5, search: 'dynmsc' })
  assert.equal(metric(dynamic, 'k'), 3)
  const objectives = column(blocks, 'curve', 'objective') as number[]
  assert.equal(objectives.length, 7)
  for (let index = 1; index < objectives.length; index++) assert.ok(objectives[index] <= objectives[index - 1])
  const values = { table: three, kMin: 5, kMax: 4 }
  refuse(values, 'kMax', /kMax must be at least kMin \(5\), found 4/, chooseK)
  refuse({ table: three, kMax: 13 }, 'kMax', /from 1 to n \(n = 12\), found 13/, chooseK)
})

test('the examples run as they are', async () => {
  for (const method of [cluster, chooseK, compare]) {
    const { table: given, ...rest } = method.example as { table: { text: string } }
    const blocks = await run(method, { ...rest, table: table(given.text) })
    assert.ok(blocks.size > 3)
  }
})

test('C2, C5 and C6 hold on data made here, and say that it is', async () => {
  for (const id of ['C2', 'C5', 'C6']) {
    const claim = fasterpam.claims.find(one => one.id === id)!
    const { value, on } = await claim.check!(context)
    assert.match(on, /data made here/)
    assert.ok({ C2: value === 0, C5: value <= 1, C6: value >= 3 }[id], `${id}: ${value}`)
  }
})

function refuse(values: Record<string, unknown>, field: string, message: RegExp, method = cluster): void {
  assert.throws(
    () => parseInput(method, values),
    error => {
      assert.ok(error instanceof InputErrors, String(error))
      assert.equal(error.errors[0].field, field)
      assert.match(error.errors[0].message, message)
      return true
    },
  )
}
