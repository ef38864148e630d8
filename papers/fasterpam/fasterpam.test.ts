import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { Worker } from 'node:worker_threads'
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
  how = context,
): Promise<Map<string, Block>> {
  const blocks: Block[] = await method.run(parseInput(method, values), how)
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
    assert.equal(metric(blocks, 'medoidSilhouette') === null, k === 1 || k === 7)
    assert.equal(blocks.has('silhouettePlot'), k > 1 && k < 7)
    if (k === 1) assert.match(blocks.get('medoidSilhouette')!.note!, /not defined: it needs 2 to n − 1 clusters/)
  }
  for (const k of [1, 7]) {
    const blocks = await run(compare, { table: table(groups), k })
    assert.deepEqual(new Set(column(blocks, 'variants', 'medoidSilhouette')), new Set([null]))
  }
})

test('where all distances are 0, the medoid silhouette is 1 by convention, and that is said', async () => {
  const blocks = await run(cluster, { table: table('x,y\n1,2\n1,2\n1,2\n1,2\n'), k: 2 })
  assert.equal(metric(blocks, 'objective'), 0)
  assert.equal(metric(blocks, 'medoidSilhouette'), 1)
  assert.match(blocks.get('medoidSilhouette')!.note!, /by convention: all distances are 0/)
  assert.match((blocks.get('note1') as { text: string }).text, /the rows are all the same/)
})

test('large numbers keep their digits: what columns have in common is taken away in 64 bits', async () => {
  const small = [0.1, 0.9, 1.7, 9.3, 10.1, 10.9]
  const text = (from: number) => `x,label\n${small.map(value => `${(from + value).toFixed(1)},a`).join('\n')}\n`
  for (const values of [
    { standardize: false },
    { standardize: true },
    { metric: 'manhattan' },
    { metric: 'chebyshev' },
    { metric: 'sqeuclidean' },
  ]) {
    const near = await run(cluster, { table: table(text(0)), k: 2, ...values })
    const far = await run(cluster, { table: table(text(1e9)), k: 2, ...values })
    assert.deepEqual(column(far, 'labels', 'cluster'), [0, 0, 0, 1, 1, 1])
    const difference = metric(far, 'objective')! - metric(near, 'objective')!
    assert.ok(Math.abs(difference) < 1e-5, `${JSON.stringify(values)}: ${difference}`)
    // Medoids are rows of the table as it is.
    assert.deepEqual(column(far, 'medoids', 'row.x'), [1000000000.9, 1000000010.1])
  }
  const withOutlier = await run(cluster, { table: table('x\n0.1\n0.2\n5.1\n5.2\n1e20\n'), k: 3 })
  assert.deepEqual(column(withOutlier, 'labels', 'cluster'), [0, 0, 1, 1, 2])
  const rows = 'a,b,c\n1000000001,1000000002,1000000003.5\n5,6,7.5\n3,2,0.5\n9.3,8.2,6.5\n'
  const correlated = await run(cluster, { table: table(rows), k: 2, metric: 'correlation' })
  assert.deepEqual(column(correlated, 'labels', 'cluster'), [0, 0, 1, 1])
  const map = (await run(cluster, { table: table('x,y\n1000000000.5,1\n1000000009.5,2\n'), k: 1 })).get('map')
  assert.deepEqual(map?.type === 'scatter' && map.points.x, [1000000000.5, 1000000009.5])
})

test('correlation, jaccard and hamming compare rows as they are defined', async () => {
  const ones = 'a,b,c,d\n1,1,0,0\n1,1,1,0\n0,0,1,1\n'
  for (const [metricName, distances] of [
    ['hamming', [0.25, 0, 0.75]],
    ['jaccard', [1 / 3, 0, 0.75]],
  ] as const) {
    const blocks = await run(cluster, { table: table(ones), k: 1, metric: metricName })
    assert.deepEqual(column(blocks, 'labels', 'distance'), distances.map(Math.fround))
  }
  // A row and its double correlate by 1, a falling one by −1, whatever their height.
  const profiles = table('a,b,c\n1,2,4\n12,14,18\n4,2,-2\n')
  const blocks = await run(cluster, { table: profiles, k: 1, metric: 'correlation' })
  const distances = column(blocks, 'labels', 'distance') as number[]
  for (const [row, distance] of [0, 0, 2].entries()) assert.ok(Math.abs(distances[row] - distance) < 1e-6)
  for (const method of [chooseK, compare]) {
    const k = method === compare ? { k: 2 } : {}
    assert.ok((await run(method, { table: table(ones), metric: 'jaccard', ...k })).size > 3)
  }
  refuse(
    { table: table('a,b\n0,1\n1,2\n'), k: 1, metric: 'jaccard' },
    'table',
    /row 2, column 'b' must be 0 or 1 for jaccard/,
  )
  refuse({ table: table('a,b\n0,1\n2,2\n'), k: 1, metric: 'correlation' }, 'table', /row 2 is the same in every column/)
  refuse({ table: table(ones), k: 1, metric: 'hamming', standardize: true }, 'standardize', /leave it out/)
  const many = { ...matrix(16_385, 1), name: 'v.npy' }
  refuse({ vectors: many, k: 2, metric: 'hamming' }, 'vectors', /at most 16,384 rows/)
})

test('the lower triangle of a matrix of dissimilarities is as good as the square', async () => {
  const square = await run(cluster, { table: table('0,1,8,9\n1,0,7,6\n8,7,0,2\n9,6,2,0\n'), precomputed: true, k: 2 })
  for (const text of [
    '1\n8,7\n9,6,2\n',
    '0\n1,0\n8,7,0\n9,6,2,0\n',
    '0,,,\n1,0,,\n8,7,0,\n9,6,2,0\n',
    'a\nb,1\nc,8,7\nd,9,6,2\n',
    'a,0\nb,1,0\nc,8,7,0\nd,9,6,2,0\n',
  ]) {
    const blocks = await run(cluster, { table: table(text), precomputed: true, k: 2 })
    assert.deepEqual(column(blocks, 'labels', 'distance'), column(square, 'labels', 'distance'), text)
    assert.deepEqual(column(blocks, 'labels', 'cluster'), column(square, 'labels', 'cluster'), text)
    if (text.startsWith('a'))
      assert.deepEqual(
        column(blocks, 'medoids', 'row.column1'),
        column(blocks, 'medoids', 'index').map(row => 'abcd'[Number(row)]),
      )
  }
  const wrong = { table: table('a,0\nb,1,3\n'), precomputed: true, k: 1 }
  await assert.rejects(run(cluster, wrong), /row 2, column 2 must be 0/)
  refuse(
    { table: table('0,1.5,\n1.5,0,2\n3,2,0\n'), precomputed: true, k: 1 },
    'table',
    /row 1, column 'column3': the cell is empty/,
  )
})

test('a metric or a scale of dissimilarities that are given is refused', () => {
  const values = { table: table('0,1\n1,0\n'), precomputed: true, k: 1 }
  refuse({ ...values, metric: 'cosine' }, 'metric', /are dissimilarities already, so cosine cannot be worked out/)
  refuse({ ...values, standardize: true }, 'standardize', /dissimilarities already; leave it out/)
})

test('a row of weight 2 counts as two rows', async () => {
  const weighted = table('x,y,w\n1,1,1\n1,2,2\n2,1,0\n8,8,1\n9,8,3\n')
  const repeated = table('x,y\n1,1\n1,2\n1,2\n8,8\n9,8\n9,8\n9,8\n')
  for (const metricName of ['euclidean', 'chebyshev']) {
    const one = await run(cluster, { table: weighted, weights: 'w', k: 2, metric: metricName })
    const other = await run(cluster, { table: repeated, k: 2, metric: metricName })
    for (const name of ['objective', 'meanDeviation', 'medoidSilhouette', 'silhouette'])
      assert.ok(Math.abs(metric(one, name)! - metric(other, name)!) < 1e-6, name)
  }
  const compared = await run(compare, { table: weighted, weights: 'w', k: 2 })
  assert.equal(metric(compared, 'best'), metric(await run(compare, { table: repeated, k: 2 }), 'best'))
  const chosen = await run(chooseK, { table: weighted, weights: 'w' })
  assert.equal(metric(chosen, 'k'), 2)
  refuse({ table: table(groups), k: 2, weights: 'z' }, 'weights', /no column 'z'; it has name, x, y/)
  refuse(
    { table: table(groups), k: 2, weights: 'name' },
    'weights',
    /row 1, column 'name' must be a number of at least 0/,
  )
  refuse({ table: table('x,w\n1,1\n2,-1\n'), k: 2, weights: 'w' }, 'weights', /row 2, column 'w'.*found '-1'/)
  refuse({ table: table('x,w\n1,0\n2,0\n'), k: 2, weights: 'w' }, 'weights', /above 0 in some row/)
  refuse({ table: table('w\n1\n2\n'), k: 2, weights: 'w' }, 'columns', /no column to compare: w \(the weights\)/)
  refuse({ vectors: { ...matrix(2, 1), name: 'v.npy' }, k: 2, weights: 'w' }, 'weights', /column of a table/)
})

test('ids are not compared unless they are named, and the result says which columns were', async () => {
  const mine = table('id,name,"w, kg",x,note\n9001,a,1,1,p\n17,b,2,1,q\n9002,c,8,9,p\n18,d,9,8,q\n')
  const blocks = await run(cluster, { table: mine, k: 2 })
  assert.deepEqual(column(blocks, 'labels', 'cluster'), [0, 0, 1, 1])
  assert.deepEqual((blocks.get('columns') as TableBlock).rows, [
    ['id', 'left out', 'an id: a different whole number in every row'],
    ['name', 'label', null],
    ['w, kg', 'compared', null],
    ['x', 'compared', null],
    ['note', 'left out', 'text'],
  ])
  const named = await run(compare, { table: mine, k: 2, columns: '"w, kg"' })
  assert.deepEqual(column(named, 'columns', 'use'), ['left out', 'label', 'compared', 'left out', 'left out'])
  const byId = await run(cluster, { table: mine, k: 2, columns: 'id, x' })
  assert.deepEqual(column(byId, 'labels', 'cluster'), [0, 1, 0, 1])
  refuse({ table: table('id\n7\n3\n'), k: 1 }, 'columns', /no column to compare: id \(an id.*name a column to take it/)
})

test('each method works in threads, ends them, and finds the same as in one', async () => {
  const vectors = { ...matrix(3200, 4), name: 'v.npy' }
  for (let at = 0; at < vectors.data.length; at++) vectors.data[at] = (at * 7919) % 1009
  for (const [method, given, figure] of [
    [cluster, { k: 5 }, 'objective'],
    [chooseK, { kMax: 4 }, 'silhouette'],
    [compare, { k: 3 }, 'best'],
  ] as const) {
    const ends: Promise<unknown>[] = []
    const watch = (worker: Worker) => ends.push(once(worker, 'exit'))
    process.on('worker', watch)
    const two = await run(method, { vectors, ...given }, { ...context, threads: 2 }).finally(() =>
      process.off('worker', watch),
    )
    assert.ok(ends.length > 0, 'no thread was started')
    await Promise.all(ends)
    const one = await run(method, { vectors, ...given })
    if (method === compare) assert.equal(metric(two, figure), metric(one, figure))
    else assert.deepEqual([...two], [...one])
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
  assert.ok(metric(blocks, 'silhouette')! > 0.9)
  assert.match(blocks.get('silhouette')!.note!, /on a sample of 5,000 rows/)
  assert.ok(column(blocks, 'medoids', 'silhouette').every(value => Number(value) > 0.9))
  assert.ok(blocks.has('silhouettePlot'))
  assert.ok(!(blocks.get('labels') as TableBlock).columns.some(({ name }) => name === 'silhouette'))
  assert.ok(metric(await run(cluster, { vectors, k: 3, metric: 'chebyshev' }), 'silhouette')! > 0.9)
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

test('choose-k of few rows is not drawn to as many clusters as rows', async () => {
  // Three normal groups of six.
  const rows =
    '0,0.5 5.5,6.4 12.9,0.4 1.6,-0.9 6.1,5.3 11.2,-0.2 0.2,0.4 6.5,8.2 12.9,-1.6 0.2,-0.6 5.5,7.3 11.8,-2 0.3,-0.3 4.8,5.1 11.4,-0 -0.4,0.1 7.8,5.2 11.2,-0.2'
  const few = table(`x,y\n${rows.replaceAll(' ', '\n')}\n`)
  for (const search of ['fasterpam', 'dynmsc'])
    for (const kMax of [undefined, 12, 17, 18]) {
      const blocks = await run(chooseK, { table: few, search, kMax, restarts: 5 })
      assert.equal(metric(blocks, 'k'), 3, `${search} ${kMax}`)
      assert.match(blocks.get('k')!.note!, /^highest (medoid )?silhouette/)
      const ks = column(blocks, 'curve', 'k')
      assert.equal(ks.at(-1), kMax ?? 9)
      assert.equal(column(blocks, 'curve', 'medoidSilhouette').at(-1) === null, kMax === 18)
    }
  const short = await run(chooseK, { table: few, kMax: 2 })
  assert.match(short.get('k')!.note!, /^highest silhouette/)
  const all = await run(chooseK, { table: table('x\n1\n1\n1\n1\n1\n') })
  assert.match(all.get('k')!.note!, /no k separates the rows/)
  const most = await run(chooseK, { table: few, kMin: 18 })
  assert.equal(metric(most, 'k'), null)
  for (const [text, found] of [
    ['x,y\n1,2\n', '1 row'],
    ['x,y\n1,2\n3,4\n', '2 rows'],
  ])
    refuse({ table: table(text) }, 'table', new RegExp(`at least 3 rows.*found ${found}$`), chooseK)
  assert.equal(metric(await run(chooseK, { table: table('x\n1\n2\n9\n') }), 'k'), 2)
})

test('choose-k says to try more only where there is more to try', async () => {
  const six = table(
    `x\n${[0, 1, 2, 3, 4, 5].flatMap(group => [0, 0.25, 0.75, 1.5].map(x => 20 * group + x)).join('\n')}\n`,
  )
  const blocks = await run(chooseK, { table: six, kMax: 6, restarts: 5 })
  assert.equal(metric(blocks, 'k'), 6)
  assert.match(blocks.get('k')!.note!, /is highest at the largest k: try more/)
  const pairs = table('x\n0\n1\n20\n21\n40\n41\n')
  const half = await run(chooseK, { table: pairs, restarts: 5 })
  assert.equal(metric(half, 'k'), 3)
  assert.match(half.get('k')!.note!, /^highest silhouette$/)
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
