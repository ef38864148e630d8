import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  adjustedRandIndex,
  contingency,
  type DbscanModel,
  dbscan,
  dbscanOf,
  type HdbscanModel,
  hdbscan,
  hdbscanOf,
  openModel,
  saveModel,
} from '@offprint/clustering'
import {
  dissimilarities,
  dissimilarity,
  type Matrix,
  type Metric,
  matrix,
  metrics,
  random,
  workerPool,
} from '@offprint/kernels'
import fc from 'fast-check'
import { comparableRows } from '../src/comparable-rows.ts'
import { kdTree, kthNearest, reachabilityTree, treeArena } from '../src/neighbours.ts'
import { spanningTree } from '../src/spanning-tree.ts'
import { on, table } from './data.ts'
import { rowsOf } from './k-means-by-hand.ts'

const pool = workerPool({ threads: 2 })
after(() => pool.close())

function read(path: string): { points: Matrix; labels: number[] } {
  const points = table(`clustering-bench/${path}.data.gz`)
  return { points, labels: [...table(`clustering-bench/${path}.labels0.gz`, 1).data] }
}

const ari = (truth: ArrayLike<number>, found: ArrayLike<number>) =>
  adjustedRandIndex(contingency(truth, found, { noise: 'cluster' })).toFixed(6)

for (const [path, eps, k, noise, expected] of [
  ['sipu/aggregation', 1.5, 5, 1, '0.807355'],
  ['fcps/chainlink', 0.2, 2, 0, '1.000000'],
] as const)
  test(`${path}: DBSCAN finds what R's dbscan does`, on('clustering-bench'), async () => {
    const { points, labels } = read(path)
    const found = await dbscan(points, { eps, minPts: 5, pool })
    assert.deepEqual([found.k, found.noise, ari(labels, found.labels)], [k, noise, expected])
  })

for (const [path, minPts, k, noise, expected] of [
  ['other/iris', 5, 2, 0, '0.568116'],
  ['sipu/aggregation', 5, 5, 0, '0.808943'],
  ['fcps/chainlink', 5, 2, 0, '1.000000'],
  ['sipu/compound', 5, 5, 16, '0.835978'],
  ['sipu/compound', 10, 4, 29, '0.764343'],
  // Here R's own result depends on the order of the rows, as core distances are edges of equal length: 16 clusters and 32 noise rows as the
  // file has them, 15 and 21 after a shuffle.
  ['sipu/r15', 5, 15, 21, '0.948486'],
  ['sipu/r15', 10, 15, 34, '0.917259'],
  ['fcps/hepta', 5, 7, 0, '1.000000'],
] as const)
  test(`${path}: HDBSCAN with minPts ${minPts} finds what R's dbscan does`, on('clustering-bench'), async () => {
    const { points, labels } = read(path)
    const found = await hdbscan(points, { minPts, pool })
    assert.deepEqual([found.k, found.noise, ari(labels, found.labels)], [k, noise, expected])
    if (path === 'fcps/chainlink') assert.deepEqual([...found.stabilities].map(Math.round).sort(), [4127, 4127])
  })

/** Whole numbers, so that distances are equal and at the radius in many places. */
const cases = fc
  .tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 2, max: 12 }))
  .chain(([n, columns, most]) =>
    fc.record({
      rows: fc.array(fc.array(fc.integer({ min: 1, max: most }), { minLength: columns, maxLength: columns }), {
        minLength: n,
        maxLength: n,
      }),
      weights: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: n, maxLength: n }),
      minPts: fc.integer({ min: 1, max: 6 }),
    }),
  )
const matrixOf = (rows: number[][]) => matrix(rows.length, rows[0].length, Float32Array.from(rows.flat()))

function dbscanByHand(rows: number[][], eps: number, minPts: number, metric: Metric, weights: number[]) {
  const near = rows.map(row => rows.flatMap((other, at) => (dissimilarity(row, other, metric) <= eps ? [at] : [])))
  const core = near.map(others => others.reduce((sum, other) => sum + weights[other], 0) >= minPts)
  const labels = new Array<number>(rows.length).fill(-1)
  let k = 0
  const spread = (row: number) => {
    labels[row] = k
    for (const other of near[row]) if (core[other] && labels[other] < 0) spread(other)
  }
  for (const row of rows.keys())
    if (core[row] && labels[row] < 0) {
      spread(row)
      k++
    }
  for (const row of rows.keys()) if (!core[row]) labels[row] = labels[near[row].find(other => core[other]) ?? -1] ?? -1
  return { labels, core: core.map(Number), k }
}

for (const metric of metrics.filter(one => one !== 'cosine'))
  test(`DBSCAN by ${metric} is as its definition says, with weights, ties and new rows`, async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.constantFrom(0, 1, 1.5, 2, 3), fc.boolean(), async (drawn, eps, weighted) => {
        const { rows, minPts } = drawn
        const weights = weighted && drawn.weights.some(weight => weight > 0) ? drawn.weights : rows.map(() => 1)
        const points = matrixOf(rows)
        const expected = dbscanByHand(rows, eps, minPts, metric, weights)
        for (const data of [points, await dissimilarities(points, metric)]) {
          const found = await dbscan(data, { eps, minPts, metric, weights })
          assert.deepEqual([[...found.labels], [...found.core], found.k], [expected.labels, expected.core, expected.k])
          assert.equal(found.noise + found.sizes.reduce((a, b) => a + b, 0), rows.length)
          if (found.model) assert.deepEqual([...(await dbscanOf(points, found.model))], expected.labels)
        }
      }),
      { seed: 1, numRuns: 100 },
    )
  })

for (const metric of metrics.filter(one => one !== 'cosine'))
  test(`DBSCAN by ${metric} of decimals is that of the same numbers as whole ones, wherever they lie`, async () => {
    await fc.assert(
      fc.asyncProperty(
        cases,
        fc.constantFrom(0, 1, 2, 3, 5),
        fc.constantFrom(0, 20_000),
        async ({ rows, minPts }, eps, shift) => {
          const expected = dbscanByHand(rows, eps, minPts, metric, new Array(rows.length).fill(1))
          const tenths = matrixOf(rows.map(row => row.map(value => (value + shift) / 10)))
          const radius = metric === 'sqeuclidean' ? eps / 100 : eps / 10
          const found = await dbscan(tenths, { eps: radius, minPts, metric })
          assert.deepEqual([...found.labels], expected.labels)
          if (found.model) assert.deepEqual([...(await dbscanOf(tenths, found.model))], expected.labels)
          if (shift) return
          const square = await dbscan(await dissimilarities(tenths, metric), { eps: radius, minPts })
          assert.deepEqual([...square.labels], expected.labels)
        },
      ),
      { seed: 1, numRuns: 100 },
    )
  })

test(
  'DBSCAN of 0, 0.1, …, 1 by 0.1 is one cluster; of iris it finds as much noise as whole numbers say',
  on('clustering-bench'),
  async () => {
    const steps = matrixOf(Array.from({ length: 11 }, (_, at) => [at / 10]))
    const { points } = read('other/iris')
    for (const data of [steps, await dissimilarities(steps)])
      assert.deepEqual([...(await dbscan(data, { eps: 0.1, minPts: 2 })).labels], new Array(11).fill(0))
    for (const [metric, eps, noise] of [
      ['manhattan', 0.6, 32],
      ['manhattan', 0.5, 71],
      ['chebyshev', 0.3, 21],
      ['euclidean', 0.3, 86],
    ] as const)
      for (const data of [points, await dissimilarities(points, metric)])
        assert.equal((await dbscan(data, { eps, minPts: 5, metric })).noise, noise)
  },
)

/** Groups of rows with something between them. */
function groups(n: number, columns: number, seed: number, scale = 1): Matrix {
  const { next, normal } = random(seed)
  const centres = Array.from({ length: 6 * columns }, () => 8 * next())
  const points = matrix(n, columns)
  for (let row = 0; row < n; row++) {
    const group = Math.floor(8 * next())
    for (let column = 0; column < columns; column++)
      points.data[row * columns + column] =
        scale * (group < 6 ? centres[group * columns + column] + 0.4 * normal() : 10 * next())
  }
  return points
}

test('DBSCAN of 3,000 rows is the same in any number of threads, by cosine, and with very large or small numbers', async () => {
  const points = groups(3000, 3, 1)
  const { labels, core, k, model } = await dbscan(points, { eps: 0.4, minPts: 8 })
  assert.ok(k >= 4)
  const threads = await dbscan(points, { eps: 0.4, minPts: 8, pool })
  assert.deepEqual([threads.labels, threads.core], [labels, core])
  const square = await dbscan(await dissimilarities(points), { eps: 0.4, minPts: 8 })
  assert.deepEqual(square.labels, labels)
  assert.deepEqual(await dbscanOf(points, model!, { pool }), labels)
  for (const power of [80, -80]) {
    const scaled = matrix(
      3000,
      3,
      points.data.map(value => value * 2 ** power),
    )
    const found = await dbscan(scaled, { eps: 0.4 * 2 ** power, minPts: 8 })
    assert.deepEqual(found.labels, labels)
    assert.deepEqual(await dbscanOf(scaled, found.model!), labels)
  }
  const byAngle = { eps: 2e-4, minPts: 8, metric: 'cosine' as const }
  const [one, other] = [await dbscan(points, byAngle), await dbscan(await dissimilarities(points, 'cosine'), byAngle)]
  assert.ok(one.k > 1 && Number(ari(one.labels, other.labels)) > 0.999)
})

for (const metric of metrics.filter(one => one !== 'cosine'))
  test(`the k-th nearest row by ${metric}, found by a tree, is that of a sorted list`, async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ rows, minPts }) => {
        const k = Math.min(minPts, rows.length)
        const points = matrixOf(rows)
        const { rows: compared, measure } = comparableRows(points, metric)
        const tree = await kdTree(treeArena(0), compared, measure)
        // Which of equally near rows it is does not matter.
        const far = (a: number, b: number) => dissimilarity(rows[a], rows[b], metric)
        for (const [row, found] of (await kthNearest(tree, tree, k)).entries())
          assert.equal(far(row, found), rows.map((_, other) => far(row, other)).sort((a, b) => a - b)[k - 1])
      }),
      { seed: 2, numRuns: 100 },
    )
  })

test('the spanning trees of Prim and Borůvka are as long as the shortest there is', async () => {
  await fc.assert(
    fc.asyncProperty(cases, fc.constantFrom(...metrics), async ({ rows, minPts }, metric) => {
      if (metric === 'cosine') return
      const n = rows.length
      const points = matrixOf(rows)
      const far = (a: number, b: number) => dissimilarity(rows[a], rows[b], metric)
      const cores = Float64Array.from(
        rows.keys(),
        row => [...rows.keys()].map(other => far(row, other)).sort((a, b) => a - b)[Math.min(minPts, n) - 1],
      )
      const reach = (a: number, b: number) => Math.max(far(a, b), cores[a], cores[b])
      // Kruskal's method.
      const pairs = [...rows.keys()].flatMap(a => [...Array(a).keys()].map(b => ({ a, b, length: reach(a, b) })))
      const part = [...rows.keys()]
      const expected: number[] = []
      for (const { a, b, length } of pairs.sort((x, y) => x.length - y.length)) {
        const [one, other] = [part[a], part[b]]
        if (one === other) continue
        expected.push(length)
        for (const row of part.keys()) if (part[row] === other) part[row] = one
      }
      const check = ({ from, to }: { from: Uint32Array; to: Uint32Array }) => {
        assert.equal(from.length, n - 1)
        const joined = [...rows.keys()]
        for (const [edge, a] of from.entries()) {
          const [one, other] = [joined[a], joined[to[edge]]]
          assert.notEqual(one, other, 'a circle')
          for (const row of joined.keys()) if (joined[row] === other) joined[row] = one
        }
        const lengths = [...from].map((a, edge) => reach(a, to[edge])).sort((a, b) => a - b)
        assert.deepEqual(lengths, expected)
      }
      const prim = await spanningTree(points, { metric, cores })
      check(prim)
      check(await spanningTree(await dissimilarities(points, metric), { cores }))
      const { rows: compared, measure, toMeasure } = comparableRows(points, metric)
      const tree = await kdTree(treeArena(0), compared, measure)
      check(await reachabilityTree(tree, cores.map(toMeasure)))
    }),
    { seed: 3, numRuns: 100 },
  )
})

/** Section 4 of Campello and others, as plainly as can be: edges go one by one, the last first. */
async function hdbscanByHand(points: Matrix, minPts: number, minClusterSize: number, allowSingle: boolean) {
  const rows = rowsOf(points)
  const far = rows.map(row => rows.map(other => dissimilarity(row, other, 'euclidean')))
  const cores = Float64Array.from(far, row => row.toSorted((a, b) => a - b)[minPts - 1])
  const { from, to, lengths } = await spanningTree(points, { cores })
  const order = [...lengths.keys()].sort((a, b) => lengths[a] - lengths[b] || a - b)
  const least = lengths.filter(length => length > 0).reduce((a, b) => Math.min(a, b), Infinity)
  const lambdaOf = (edge: number) => 1 / (lengths[edge] || (least < Infinity ? least / 2 : 0.5))
  /** The best choice of clusters within, and how stable it is. */
  const best = (members: number[], edges: number[], birth: number, root: boolean): [number[][], number] => {
    let stability = 0
    let current = members
    let left = edges
    for (;;) {
      const last = left.at(-1)
      if (last === undefined) return root && !allowSingle ? [[], 0] : [[members], stability]
      const lambda = lambdaOf(last)
      left = left.slice(0, -1)
      const reached = new Set([from[last]])
      for (let size = 0; size < reached.size; ) {
        size = reached.size
        for (const edge of left)
          if (reached.has(from[edge]) || reached.has(to[edge])) {
            reached.add(from[edge])
            reached.add(to[edge])
          }
      }
      const parts = [current.filter(row => reached.has(row)), current.filter(row => !reached.has(row))]
      const large = parts.filter(part => part.length >= minClusterSize)
      const edgesOf = (part: number[]) => left.filter(edge => part.includes(from[edge]))
      stability += (current.length - (large.length === 1 ? large[0].length : 0)) * (lambda - birth)
      if (large.length === 1) {
        current = large[0]
        left = edgesOf(current)
        continue
      }
      if (!large.length) return root && !allowSingle ? [[], 0] : [[members], stability]
      const found = large.map(part => best(part, edgesOf(part), lambda, false))
      const sum = found.reduce((total, [, one]) => total + one, 0)
      if (!(root && !allowSingle) && stability >= sum * (1 - 1e-12)) return [[members], stability]
      return [found.flatMap(([clusters]) => clusters), sum]
    }
  }
  const [clusters] = rows.length < 2 ? [[]] : best([...rows.keys()], order, 0, true)
  const labels = new Int32Array(rows.length).fill(-1)
  const sorted = clusters.sort((a, b) => Math.min(...a) - Math.min(...b))
  for (const [label, members] of sorted.entries()) for (const row of members) labels[row] = label
  return labels
}

test('HDBSCAN chooses the clusters that its definition does', async () => {
  await fc.assert(
    fc.asyncProperty(
      cases,
      fc.integer({ min: 2, max: 5 }),
      fc.boolean(),
      async (drawn, minClusterSize, allowSingle) => {
        const points = matrixOf(drawn.rows)
        const minPts = Math.min(drawn.minPts, points.rows)
        const options = { minPts, minClusterSize, allowSingle }
        const found = await hdbscan(points, options)
        const expected = await hdbscanByHand(points, minPts, minClusterSize, allowSingle)
        if (points.rows > 1) assert.deepEqual(found.labels, expected)
        for (const [row, label] of found.labels.entries()) {
          const membership = found.memberships[row]
          assert.ok(label < 0 ? membership === 0 : membership > 0 && membership <= 1)
          assert.ok(found.outlierScores[row] >= 0 && found.outlierScores[row] < 1)
        }
      },
    ),
    { seed: 4, numRuns: 200 },
  )
})

test('HDBSCAN of 3,000 rows: the same in any number of threads, and as by all dissimilarities', async () => {
  const points = groups(3000, 3, 1)
  const options = { minPts: 12, simultaneous: true }
  const found = await hdbscan(points, options)
  assert.ok(found.k >= 6)
  const threads = await hdbscan(points, { ...options, pool })
  assert.deepEqual([threads.labels, threads.memberships, threads.tree], [found.labels, found.memberships, found.tree])
  // One by one, equal edges come apart in the order in which they were found.
  const [one, other] = [
    await hdbscan(points, { minPts: 12 }),
    await hdbscan(await dissimilarities(points), { minPts: 12 }),
  ]
  assert.ok(Number(ari(one.labels, other.labels)) > 0.99)
  const square = await hdbscan(await dissimilarities(points), options)
  assert.deepEqual(square.labels, found.labels)
  const turned = matrix(3000, 3, Float32Array.from(rowsOf(points).toReversed().flat()))
  assert.equal(ari((await hdbscan(turned, options)).labels.toReversed(), found.labels), '1.000000')
  const again = await hdbscan(points, {
    ...options,
    neighbours: async (rows, k) => {
      const { rows: compared, measure } = comparableRows(rows)
      const tree = await kdTree(treeArena(0), compared, measure)
      const lists: Uint32Array[] = []
      for (let at = 1; at <= k; at++) lists.push(await kthNearest(tree, tree, at))
      return { ids: Array.from({ length: rows.rows * k }, (_, at) => lists[at % k][Math.floor(at / k)]) }
    },
  })
  assert.deepEqual(again.labels, found.labels)
  assert.match(again.notes[0], /neighbours/)
})

test('new rows beside clustered ones come to their clusters, far ones to none; models are the same once saved and opened', async () => {
  const points = groups(2000, 4, 3)
  const clustered = await hdbscan(points, { minPts: 10 })
  const beside = matrix(
    2000,
    4,
    points.data.map(value => value + 1e-4),
  )
  const model = openModel(saveModel(clustered.model!)) as HdbscanModel
  assert.deepEqual(model, clustered.model)
  const placed = await hdbscanOf(beside, model, { pool })
  let same = 0
  for (const [row, label] of placed.labels.entries()) same += Number(label === clustered.labels[row])
  assert.ok(same > 1960, `${same} of 2000`)
  assert.deepEqual(await hdbscanOf(beside, clustered.model!), placed)
  const far = await hdbscanOf(matrix(1, 4, new Float32Array(4).fill(1e6)), model)
  assert.deepEqual([far.labels[0], far.memberships[0]], [-1, 0])
  const dense = await dbscan(points, { eps: 0.6, minPts: 6 })
  const opened = openModel(saveModel(dense.model!)) as DbscanModel
  assert.deepEqual(opened, dense.model)
  assert.deepEqual(await dbscanOf(points, opened), dense.labels)
  const text = saveModel(clustered.model!)
  for (const [pattern, message] of [
    [/"metric":"\w+"/, /metric/],
    [/"minPts":10/, /minPts/],
    [/"parents":"[^"]{8}/, /damaged/],
    [/"rows":"[^"]{8}/, /damaged rows/],
  ] as const)
    assert.throws(() => openModel(text.replace(pattern, found => `${found.split(':')[0]}:"`)), {
      name: 'InputError',
      message: pattern.source.includes('metric') || pattern.source.includes('minPts') ? /model/ : message,
    })
})

test('many equal rows do not each look at all the others', async () => {
  const points = matrix(
    60_000,
    2,
    Float32Array.from({ length: 120_000 }, (_, at) => (at >> 1) % 3),
  )
  const options = { minPts: 5, minClusterSize: 1000, pool }
  const { k, sizes, noise } = await hdbscan(points, options)
  assert.deepEqual([k, noise, [...sizes]], [3, 0, [20_000, 20_000, 20_000]])
  assert.equal((await dbscan(points, { eps: 0.5, minPts: 5 })).k, 3)
})

test('DBSCAN counts neighbours rightly whatever the size of numbers and weights', async () => {
  for (const offset of [0, 200, 1e4, 1e7])
    for (const columns of [1, 2, 8, 24]) {
      const points = matrix(2, columns, new Float32Array(2 * columns).fill(offset))
      const { core, k } = await dbscan(points, { eps: 1, minPts: 2 })
      assert.deepEqual([[...core], k], [[1, 1], 1], `${offset}, ${columns} columns`)
    }
  const apart = matrix(3, 1, Float32Array.of(0, 10, 20))
  assert.deepEqual([...(await dbscan(apart, { eps: 1, minPts: 1, weights: [1e17, 1, 1] })).labels], [0, 1, 2])
})

test('a row that is far out leaves the others their distances, also among new rows', async () => {
  const near = [0, 1, 2, 10, 11, 12]
  const points = (...more: number[]) => matrix(6 + more.length, 1, Float32Array.of(...near, ...more))
  const model = (await dbscan(points(), { eps: 1.5, minPts: 2 })).model!
  for (const far of [1e17, 1e25, 1e30]) {
    const expected = [0, 0, 0, 1, 1, 1, -1]
    assert.deepEqual([...(await dbscan(points(far), { eps: 1.5, minPts: 2 })).labels], expected, `${far}`)
    assert.deepEqual([...(await hdbscan(points(far), { minPts: 2 })).labels], expected, `${far}`)
    assert.deepEqual([...(await dbscanOf(points(far), model))], expected, `${far}`)
  }
  // Their squares are 0 in 32 bits.
  const tiny = matrix(3, 1, Float32Array.of(0, 1e-25, 1))
  assert.deepEqual([...(await dbscan(tiny, { eps: 1e-26, minPts: 1 })).labels], [0, 1, 2])
  assert.deepEqual([...(await dbscan(tiny, { eps: 1e-24, minPts: 1 })).labels], [0, 0, 1])
})

test('fewer rows than the default of minPts: the error says that it is the default', async () => {
  const points = matrix(4, 1, Float32Array.of(0, 1, 2, 9))
  for (const data of [points, await dissimilarities(points)]) {
    await assert.rejects(hdbscan(data), /minPts must be a whole number from 1 to n \(n = 4\), found 5, the default/)
    await assert.rejects(hdbscan(data, { minPts: 5 }), /minPts must be a whole number from 1 to 4, found 5$/)
    assert.equal((await hdbscan(data, { minPts: 2 })).labels.length, 4)
  }
})

test('equal rows, one row, everything noise', async () => {
  const equal = matrix(30, 2, new Float32Array(60).fill(3))
  assert.deepEqual([...(await dbscan(equal, { eps: 0, minPts: 30 })).sizes], [30])
  const none = await dbscan(equal, { eps: 1, minPts: 31 })
  assert.deepEqual([none.k, none.noise], [0, 30])
  assert.match(none.notes[0], /everything is noise/)
  assert.equal((await hdbscan(equal, {})).k, 0)
  assert.deepEqual([...(await hdbscan(equal, { allowSingle: true })).sizes], [30])
  const two = matrix(
    60,
    1,
    Float32Array.from({ length: 60 }, (_, row) => row % 2),
  )
  const split = await hdbscan(two, { minPts: 5 })
  assert.deepEqual([split.k, split.noise, [...split.labels.slice(0, 4)]], [2, 0, [0, 1, 0, 1]])
  const one = matrix(1, 2)
  assert.deepEqual([...(await dbscan(one, { eps: 1, minPts: 1 })).labels], [0])
  assert.deepEqual([...(await hdbscan(one, { minPts: 1 })).labels], [-1])
})

test('wrong options and points are refused by name, and a cancel ends the work', async () => {
  const points = groups(40, 2, 5)
  const bad = (message: RegExp) => ({ name: 'InputError', message })
  await assert.rejects(dbscan(points, { eps: -1, minPts: 3 }), bad(/eps/))
  await assert.rejects(dbscan(points, { eps: 1, minPts: 0 }), bad(/minPts/))
  await assert.rejects(dbscan(points, { eps: 1, minPts: 2, weights: [1] }), bad(/weights/))
  await assert.rejects(dbscan(matrix(0, 2), { eps: 1, minPts: 2 }), bad(/points/))
  await assert.rejects(hdbscan(points, { minPts: 41 }), bad(/minPts/))
  await assert.rejects(hdbscan(points, { minClusterSize: 1 }), bad(/minClusterSize/))
  await assert.rejects(hdbscan(points, { metric: 'hamming' as Metric }), bad(/metric/))
  await assert.rejects(hdbscan(matrix(9, 2), { metric: 'cosine' }), bad(/zeros/))
  await assert.rejects(hdbscan(matrix(6, 1, Float32Array.of(1, 2, 3, Infinity, 4, 5))), bad(/row 4, column 1/))
  await assert.rejects(hdbscan(points, { neighbours: async () => ({ ids: [1] }) }), bad(/neighbours/))
  const { model } = await dbscan(points, { eps: 1, minPts: 2 })
  await assert.rejects(dbscanOf(matrix(1, 3), model!), bad(/2 columns/))
  const many = groups(20_000, 8, 6)
  for (const work of [
    (call: object) => hdbscan(many, { ...call, pool }),
    (call: object) => hdbscan(many, call),
    (call: object) => dbscan(many, { ...call, eps: 1, minPts: 5 }),
  ]) {
    const stop = new AbortController()
    const reason = new Error('enough')
    await assert.rejects(work({ signal: stop.signal, onProgress: () => stop.abort(reason) }), reason)
  }
})
