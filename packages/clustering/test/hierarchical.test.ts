import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  adjustedRandIndex,
  agglomerative,
  contingency,
  copheneticCorrelation,
  cutByCount,
  cutByHeight,
  dbscan,
  fasterPam,
  type Hierarchy,
  type Linkage,
  leafOrder,
  linkages,
} from '@offprint/clustering'
import {
  type Dissimilarities,
  dissimilarities,
  dissimilarity,
  instantiate,
  type Matrix,
  type Metric,
  matrix,
  metrics,
  precomputed,
  random,
  workerPool,
} from '@offprint/kernels'
import fc from 'fast-check'
import { simd } from '../build/hierarchical.js'
import { spanningTree } from '../src/spanning-tree.ts'
import { benchmark, folderOf, on } from './data.ts'
import { rowsOf } from './k-means-by-hand.ts'

const close = (found: number | null, expected: number, relative = 1e-6) =>
  assert.ok(
    found !== null && Math.abs(found - expected) <= relative * Math.abs(expected) + 1e-12,
    `${found} instead of ${expected}`,
  )
const heightsOf = ({ merges }: Hierarchy) => [...merges].filter((_, at) => at % 4 === 2)

/** The last three heights, and the adjusted Rand index of the cut into as many clusters as there are labels. */
const reference: [string, Linkage, number[], number][] = [
  ['iris', 'single', [0.734847, 0.818535, 1.640122], 0.563751],
  ['iris', 'complete', [3.210919, 4.024922, 7.085196], 0.642251],
  ['iris', 'average', [1.785566, 1.963614, 4.062683], 0.759199],
  ['iris', 'ward', [6.399407, 12.300396, 32.447607], 0.731199],
  ['d31', 'ward', [250.177998, 400.019086, 466.68293], 0.920135],
  ['chainlink', 'single', [0.106858, 0.106858, 0.810275], 1],
  ['optdigits.tes', 'ward', [488.617614, 536.321258, 691.961227], 0.794003],
]
for (const [name, linkage, heights, ari] of reference)
  test(`${name} by ${linkage} linkage: heights and the cut are SciPy's`, on(folderOf(name)), async () => {
    const { points, labels } = benchmark(name)
    const tree = await agglomerative(points, { linkage })
    // To the printed digits, but for one in the last: the numbers of the files are rounded to 32 bits here.
    for (const [at, height] of heightsOf(tree).slice(-3).entries())
      assert.ok(Math.abs(height - heights[at]) < 1.5e-6, `${height} instead of ${heights[at]}`)
    const cut = cutByCount(tree, new Set(labels).size)
    assert.equal(adjustedRandIndex(contingency(labels, cut.labels)).toFixed(6), ari.toFixed(6))
  })

test('iris: cophenetic correlations are those of SciPy', on('clustering-bench'), async () => {
  const { points } = benchmark('iris')
  // Of the file's numbers as 32-bit floats: in 64 bits SciPy breaks some of complete linkage's ties otherwise and has 0.72698568.
  for (const [linkage, expected] of [
    ['single', 0.86387866],
    ['complete', 0.72675296],
    ['average', 0.8769563],
    ['ward', 0.87282832],
  ] as [Linkage, number][])
    close(await copheneticCorrelation(await agglomerative(points, { linkage }), points), expected, 2e-8)
  // Ten times as large they are whole, and ties are ties. Complete linkage has so many that its tree hangs on which counts first: SciPy's, by
  // a chain of neighbours, has 0.72782466; that of `greedy` below has this.
  const whole = tenfold(points)
  for (const [linkage, expected] of [
    ['complete', 0.726972105],
    ['average', 0.876960839],
    ['ward', 0.8728217783],
  ] as [Linkage, number][])
    close(await copheneticCorrelation(await agglomerative(whole, { linkage }), whole), expected, 1e-7)
})

function tenfold({ rows, columns, data }: Matrix): Matrix {
  return matrix(
    rows,
    columns,
    data.map(value => Math.round(10 * value)),
  )
}

/**
 * Complete linkage written down plainly: the nearest pair merges; of equally near ones that with the lowest row, then with the lowest other
 * one, where a cluster counts as its last row.
 */
function greedy({ n, data }: Dissimilarities): number[] {
  const clusters = new Map([...new Array(n).keys()].map(row => [row, { number: row, rows: [row] }]))
  const merges: number[] = []
  for (let merge = 0; merge < n - 1; merge++) {
    let best = { far: Infinity, low: 0, high: 0 }
    const alive = [...clusters].sort(([a], [b]) => a - b)
    for (const [at, [low, one]] of alive.entries())
      for (const [high, other] of alive.slice(at + 1)) {
        const far = Math.max(...one.rows.flatMap(a => other.rows.map(b => data[a * n + b])))
        if (far < best.far) best = { far, low, high }
      }
    const [one, other] = [clusters.get(best.low)!, clusters.get(best.high)!]
    const rows = [...one.rows, ...other.rows]
    merges.push(...[one.number, other.number].sort((a, b) => a - b), best.far, rows.length)
    clusters.delete(best.low)
    clusters.set(best.high, { number: n + merge, rows })
  }
  return merges
}

test('equally near pairs merge in the order of their rows', async () => {
  const grids = fc.tuple(fc.integer({ min: 2, max: 90 }), fc.integer({ min: 2, max: 6 }), fc.integer())
  await fc.assert(
    fc.asyncProperty(grids, async ([n, values, seed]) => {
      const { next } = random(seed)
      const points = matrix(
        n,
        2,
        Float32Array.from({ length: 2 * n }, () => Math.floor(values * next())),
      )
      const square = await dissimilarities(points, 'manhattan')
      assert.deepEqual([...(await agglomerative(square, { linkage: 'complete' })).merges], greedy(square))
    }),
    { seed: 1, numRuns: 60 },
  )
})

test('so do those of iris in whole numbers', on('clustering-bench'), async () => {
  const square = await dissimilarities(tenfold(benchmark('iris').points))
  assert.deepEqual([...(await agglomerative(square, { linkage: 'complete' })).merges], greedy(square))
})

type Between = (a: number, b: number) => number

/** How far apart two clusters are, by the definition of the linkage. */
function apart(a: number[], b: number[], linkage: Linkage, rows: number[][], between: Between, weights: number[]) {
  const pairs = a.flatMap(one => b.map(other => between(one, other)))
  if (linkage === 'single') return Math.min(...pairs)
  if (linkage === 'complete') return Math.max(...pairs)
  const weight = (members: number[]) => members.reduce((sum, row) => sum + weights[row], 0)
  if (linkage === 'average')
    return (
      a.flatMap(one => b.map(other => weights[one] * weights[other] * between(one, other))).reduce((x, y) => x + y, 0) /
      (weight(a) * weight(b))
    )
  const mean = (members: number[], column: number) =>
    members.reduce((sum, row) => sum + weights[row] * rows[row][column], 0) / weight(members)
  const squares = rows[0].reduce((sum, _, column) => sum + (mean(a, column) - mean(b, column)) ** 2, 0)
  return Math.sqrt((squares * 2 * weight(a) * weight(b)) / (weight(a) + weight(b)))
}

/** Whether each merge is of two clusters that are the nearest at that time. */
function requireGreedy(tree: Hierarchy, points: Matrix, metric: Metric, weights: number[]): void {
  const rows = rowsOf(points)
  const n = rows.length
  const between: Between = (a, b) => dissimilarity(rows[a], rows[b], metric)
  const clusters = new Map<number, number[]>(rows.map((_, row) => [row, [row]]))
  assert.equal(tree.merges.length, 4 * (n - 1))
  let last = 0
  for (let merge = 0; merge < n - 1; merge++) {
    const [a, b, height, size] = tree.merges.subarray(4 * merge)
    assert.ok(a < b && height >= last - 1e-6 * last)
    last = height
    let least = Infinity
    const all = [...clusters.values()]
    for (const [at, one] of all.entries())
      for (const other of all.slice(at + 1))
        least = Math.min(least, apart(one, other, tree.linkage, rows, between, weights))
    close(height, least, 1e-4)
    close(apart(clusters.get(a)!, clusters.get(b)!, tree.linkage, rows, between, weights), height, 1e-4)
    const joined = [...clusters.get(a)!, ...clusters.get(b)!]
    close(
      size,
      joined.reduce((sum, row) => sum + weights[row], 0),
      1e-12,
    )
    clusters.delete(a)
    clusters.delete(b)
    clusters.set(n + merge, joined)
  }
}

const wholeRows = fc.tuple(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 5 })).chain(([n, columns]) =>
  fc.record({
    rows: fc.array(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: columns, maxLength: columns }), {
      minLength: n,
      maxLength: n,
    }),
    weights: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: n, maxLength: n }),
  }),
)

for (const linkage of linkages)
  test(`${linkage} linkage: each merge is of the two nearest clusters, also where many are equally near`, async () => {
    await fc.assert(
      fc.asyncProperty(
        wholeRows,
        fc.constantFrom(...metrics),
        fc.boolean(),
        async ({ rows, weights }, metric, given) => {
          const points = matrix(rows.length, rows[0].length, Float32Array.from(rows.flat()))
          const by = linkage === 'ward' ? 'euclidean' : metric
          // Cosines of parallel rows are 0 but for rounding.
          if (by === 'cosine') return
          const data = given ? await dissimilarities(points, by) : points
          requireGreedy(await agglomerative(data, { linkage, metric: by, weights }), points, by, weights)
        },
      ),
      { seed: 1, numRuns: 150 },
    )
  })

/** Rows of some kinds: scattered, on a grid with many ties, all equal, ever further apart, and groups about a few hubs. */
const manners: ((n: number, columns: number, seed: number) => Matrix)[] = [
  scattered,
  (n, columns, seed) => mapped(scattered(n, columns, seed), value => Math.floor(4 * value)),
  (n, columns) => matrix(n, columns),
  (n, columns) =>
    matrix(
      n,
      columns,
      Float32Array.from({ length: n * columns }, (_, at) => Math.floor(at / columns) ** 1.5),
    ),
  (n, columns, seed) => {
    const points = scattered(n, columns, seed)
    return mapped(points, (value, at) => (Math.floor(at / columns) % 3) * 8 + value ** 5)
  },
]

function mapped(points: Matrix, value: (value: number, at: number) => number): Matrix {
  return matrix(points.rows, points.columns, points.data.map(value))
}

test('no rows need more than some looks at each, however they merge', async () => {
  const n = 1500
  const line = matrix(
    n,
    1,
    Float32Array.from({ length: n }, (_, at) => at),
  )
  const growing = mapped(line, value => 1.01 ** value)
  for (const points of [line, growing, mapped(growing, value => -value), ...manners.map(of => of(n, 3, 1))])
    for (const linkage of [0, 1, 2]) {
      const { arena: space, pointer, data } = await dissimilarities(points, linkage === 2 ? 'sqeuclidean' : 'euclidean')
      for (let row = 0; row < n; row++) data[row * n + row] = Infinity
      const engine = instantiate<Record<string, (...numbers: number[]) => number>>(simd, space)
      const weights = space.take(8 * n)
      const room = space.take(engine.squareBytes(n))
      new Float64Array(space.memory.buffer, weights, n).fill(1)
      engine.bindSquare(n, pointer, linkage, room)
      engine.beginSquare(weights)
      let looks = 0
      while (engine.mergesMade() < n - 1) {
        const tasks = engine.plan()
        engine.workFrom(0, tasks)
        looks += tasks
      }
      // By `plan`: one of each row, one of each new cluster, two more of each merge, and three of a single chain.
      assert.ok(looks < 7 * n, `${looks / n} looks a row`)
    }
})

test('single linkage: many rows in few columns have the heights of their spanning tree by Prim', async () => {
  for (const of of manners) {
    const points = of(4100, 2, 3)
    const { lengths } = await spanningTree(points)
    assert.deepEqual(heightsOf(await agglomerative(points, { linkage: 'single' })), [...lengths.sort()])
  }
})

test('trees are the same to the bit in any number of threads', async () => {
  const pools = [1, 2, 3].map(threads => workerPool({ threads }))
  try {
    // Few enough rows for one thread, and so many that rounds are shared out and squares closed up.
    for (const [n, columns] of [...[1, 2, 3, 17, 65, 130].map(n => [n, 3]), [700, 40], [2500, 6]])
      for (const [manner, of] of manners.entries()) {
        const points = of(n, columns, n)
        const weights = n % 2 ? undefined : Array.from({ length: n }, (_, row) => 1 + (row % 5) / 3)
        for (const linkage of linkages)
          for (const given of n < 1000 && linkage === 'ward' ? [false, true] : [false]) {
            const data = given ? await dissimilarities(points) : points
            const { merges } = await agglomerative(data, { linkage, weights })
            for (const pool of pools)
              assert.deepEqual(
                (await agglomerative(data, { linkage, weights, pool })).merges,
                merges,
                `${linkage}, ${n} rows, manner ${manner}, ${pool.threads} threads`,
              )
          }
      }
  } finally {
    await Promise.all(pools.map(pool => pool.close()))
  }
})

test('cancelled in threads, it leaves the pool usable', async () => {
  const pool = workerPool({ threads: 2 })
  try {
    const points = scattered(5000, 8, 2)
    for (const linkage of linkages) {
      const stop = new AbortController()
      const reason = new Error('enough')
      const done = agglomerative(points, { linkage, pool, signal: stop.signal, onProgress: () => stop.abort(reason) })
      await assert.rejects(done, reason)
      const few = scattered(40, 2, 1)
      assert.deepEqual(await agglomerative(few, { linkage, pool }), await agglomerative(few, { linkage }))
    }
  } finally {
    await pool.close()
  }
})

function scattered(n: number, columns: number, seed: number): Matrix {
  const { next } = random(seed)
  return matrix(
    n,
    columns,
    Float32Array.from({ length: n * columns }, () => next()),
  )
}

for (const linkage of linkages)
  test(`${linkage} linkage of 300 rows is that of their dissimilarities`, async () => {
    const points = scattered(300, 5, 7)
    const [tree, other] = [
      await agglomerative(points, { linkage }),
      await agglomerative(await dissimilarities(points), { linkage }),
    ]
    for (const [at, height] of heightsOf(tree).entries()) close(height, heightsOf(other)[at], 1e-5)
    for (const k of [2, 7, 40]) assert.deepEqual(cutByCount(tree, k).labels, cutByCount(other, k).labels)
  })

for (const linkage of ['average', 'ward'] as const)
  test(`${linkage} linkage: a whole weight counts as so many equal rows`, async () => {
    const points = scattered(60, 3, 3)
    const weights = Array.from({ length: 60 }, (_, row) => 1 + (row % 4))
    const copies = weights.flatMap((weight, row) => new Array<number>(weight).fill(row))
    const repeated = matrix(copies.length, 3, Float32Array.from(copies.flatMap(row => rowsOf(points)[row])))
    for (const data of [points, await dissimilarities(points)]) {
      const weighted = await agglomerative(data, { linkage, weights })
      const plain = await agglomerative(repeated, { linkage })
      for (const [at, height] of heightsOf(weighted).entries())
        close(height, heightsOf(plain)[at + repeated.rows - 60], 1e-5)
      for (const k of [2, 5, 20]) {
        const { labels } = cutByCount(weighted, k)
        assert.deepEqual(
          [...cutByCount(plain, k).labels],
          copies.map(row => labels[row]),
        )
      }
    }
  })

test('a cut by height makes the merges up to it, and leaves stand so that no branches cross', async () => {
  const points = scattered(80, 2, 5)
  const tree = await agglomerative(points, { linkage: 'average' })
  const heights = heightsOf(tree)
  assert.equal(cutByHeight(tree, -1).k, 80)
  assert.equal(cutByHeight(tree, Infinity).k, 1)
  assert.equal(cutByHeight(tree, heights[69]).k, 10)
  assert.deepEqual(cutByHeight(tree, heights[69]), cutByCount(tree, 10))
  const order = [...leafOrder(tree)]
  assert.deepEqual(
    order.toSorted((a, b) => a - b),
    [...order.keys()],
  )
  for (const k of [2, 5, 30]) {
    const { labels, sizes } = cutByCount(tree, k)
    const runs = order.filter((leaf, at) => at === 0 || labels[leaf] !== labels[order[at - 1]])
    assert.equal(runs.length, k)
    assert.equal(
      sizes.reduce((a, b) => a + b, 0),
      80,
    )
  }
})

test('equal rows, one row, very large and very small numbers', async () => {
  for (const linkage of linkages) {
    const equal = await agglomerative(matrix(40, 3, new Float32Array(120).fill(7)), { linkage })
    assert.deepEqual(heightsOf(equal), new Array(39).fill(0))
    assert.equal(cutByHeight(equal, 0).k, 1)
    assert.equal(await copheneticCorrelation(equal, matrix(40, 3, new Float32Array(120).fill(7))), null)
    const one = await agglomerative(matrix(1, 2), { linkage })
    assert.deepEqual([one.merges.length, [...leafOrder(one)], [...cutByCount(one, 1).labels]], [0, [0], [0]])
    const points = scattered(30, 3, 9)
    const labels = cutByCount(await agglomerative(points, { linkage }), 4).labels
    for (const power of [100, -100]) {
      const tree = await agglomerative(
        matrix(
          30,
          3,
          points.data.map(value => value * 2 ** power),
        ),
        { linkage },
      )
      assert.deepEqual(cutByCount(tree, 4).labels, labels)
    }
  }
})

test('dissimilarities that are symmetric but for rounding do not send the search round in circles', async () => {
  // Each row's nearest is the next one, by a hair.
  const n = 50
  const values = Float32Array.from({ length: n * n }, (_, at) => {
    const [row, column] = [Math.floor(at / n), at % n]
    return row === column ? 0 : column === (row + 1) % n ? 1 : 1.0000005
  })
  for (const linkage of linkages) {
    const tree = await agglomerative(await precomputed(matrix(n, n, values)), { linkage })
    assert.deepEqual(
      [...leafOrder(tree)].sort((a, b) => a - b),
      [...new Array(n).keys()],
    )
  }
})

test('Ward’s linkage takes weights of any size, and a row that is far out leaves the others their distances', async () => {
  const points = matrix(4, 1, Float32Array.of(0, 1, 5, 7))
  for (const data of [points, await dissimilarities(points)])
    for (const weight of [1e-300, 1e-50, 1, 1e38, 1e300]) {
      const tree = await agglomerative(data, { weights: new Array(4).fill(weight) })
      for (const [at, height] of [1, 2, Math.sqrt(60.5)].entries())
        close(heightsOf(tree)[at] / Math.sqrt(weight), height)
    }
  const tree = await agglomerative(points, { weights: [1e-60, 1e-60, 1e-60, 1] })
  // The third with the fourth adds 4·10⁻⁶⁰ to the sum of squares, with the first two 13.5·10⁻⁶⁰.
  assert.deepEqual([...cutByCount(tree, 2).labels], [0, 0, 1, 1])
  for (const far of [1e17, 1e30, 3e38]) {
    const tree = await agglomerative(matrix(5, 1, Float32Array.of(0, 1, 10, 11, far)))
    assert.deepEqual([...cutByCount(tree, 3).labels], [0, 0, 1, 1, 2])
  }
})

test('more rows than a matrix of all pairs has room for become k-means centres', async () => {
  const points = scattered(20_001, 2, 4)
  for (let row = 0; row < points.rows; row++) points.data[2 * row] += 20 * (row % 3)
  const tree = await agglomerative(points, { linkage: 'average', seed: 1 })
  assert.match(tree.notes[0], /20,001 rows were brought together in 2,000 k-means clusters/)
  assert.equal(tree.leaves, 2000)
  assert.equal(tree.merges.at(-1), 20_001)
  assert.deepEqual([...cutByCount(tree, 3).labels.slice(0, 6)], [0, 1, 2, 0, 1, 2])
  await assert.rejects(copheneticCorrelation(tree, points), /k-means centres/)
})

test('wrong options and points are refused by name', async () => {
  const points = scattered(5, 2, 1)
  const refused = (message: RegExp, options: object, data: Matrix = points) =>
    assert.rejects(agglomerative(data, options), { name: 'InputError', message })
  await refused(/linkage.*centroid/, { linkage: 'centroid' })
  await refused(/metric/, { metric: 'manhattan' })
  await refused(/metric.*hamming/, { metric: 'hamming', linkage: 'single' })
  await refused(/weights: row 2 .*above 0/, { weights: [1, 0, 1, 1, 1] })
  await refused(/weights/, { weights: [1, 1] })
  await refused(/points/, {}, matrix(0, 2))
  await refused(/row 1, column 2/, {}, matrix(1, 2, Float32Array.of(1, Number.NaN)))
  await refused(/zeros/, { metric: 'cosine', linkage: 'complete' }, matrix(2, 2))
  const tree = await agglomerative(points)
  assert.throws(() => cutByCount(tree, 6), /k must be/)
  assert.throws(() => cutByHeight(tree, Number.NaN), /height/)
  await assert.rejects(copheneticCorrelation(tree, scattered(4, 2, 1)), /5 rows/)
})

test('rows that hold fewer or more numbers than they say are refused', async () => {
  for (const count of [3, 8]) {
    const points = { data: new Float32Array(count), rows: 4, columns: 1 }
    for (const linkage of linkages)
      await assert.rejects(agglomerative(points, { linkage }), /data must be 4 × 1 = 4 numbers, found [38] numbers/)
    for (const matrix of ['full', 'none'] as const)
      await assert.rejects(fasterPam(points, { k: 2, matrix }), /data must be 4 × 1 = 4 numbers, found [38] numbers/)
    await assert.rejects(dbscan(points, { eps: 1, minPts: 1 }), /data must be 4 × 1 = 4 numbers, found [38] numbers/)
  }
})

test('cancelled, it ends with the signal’s reason', async () => {
  const points = scattered(4000, 8, 2)
  for (const linkage of linkages) {
    const stop = new AbortController()
    const reason = new Error('enough')
    const done = agglomerative(points, { linkage, signal: stop.signal, onProgress: () => stop.abort(reason) })
    await assert.rejects(done, reason)
  }
})
