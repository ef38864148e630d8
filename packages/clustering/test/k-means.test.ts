import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { centresMatrix, type KMeans, kMeans, kMeansInits, nearestCentres } from '@offprint/clustering'
import { fillNormal, type Matrix, matrix, random, workerPool } from '@offprint/kernels'
import fc from 'fast-check'
import { benchmark, folderOf, on } from './data.ts'
import { lloydByHand, rowsOf, spacedRows, squared, sse } from './k-means-by-hand.ts'

const algorithms = ['lloyd', 'hamerly', 'elkan'] as const
const pool = workerPool({ threads: 2 })
after(() => pool.close())

const close = (found: number, expected: number, relative = 1e-9) =>
  assert.ok(Math.abs(found - expected) <= relative * Math.abs(expected), `${found} instead of ${expected}`)

/** Rows of small whole numbers, so that ties and equal rows abound, whole weights, and k. */
const cases = fc.tuple(fc.integer({ min: 1, max: 24 }), fc.integer({ min: 1, max: 6 })).chain(([n, columns]) =>
  fc.record({
    rows: fc.array(fc.array(fc.integer({ min: -4, max: 9 }), { minLength: columns, maxLength: columns }), {
      minLength: n,
      maxLength: n,
    }),
    k: fc.integer({ min: 1, max: n }),
    weights: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: n, maxLength: n }),
    seed: fc.integer({ min: 0, max: 1000 }),
  }),
)

const matrixOf = (rows: number[][]) => matrix(rows.length, rows[0].length, Float32Array.from(rows.flat()))

function assertSound(found: KMeans, rows: number[][], weights?: number[]): void {
  const { k, columns, labels, sizes } = found
  const centres = rowsOf({ data: found.centres as unknown as Float32Array, rows: k, columns })
  for (const [at, row] of rows.entries()) {
    const distances = centres.map(centre => squared(row, centre))
    assert.ok(distances[labels[at]] <= Math.min(...distances) * (1 + 1e-9) + 1e-12)
  }
  for (let cluster = 0; cluster < k; cluster++)
    assert.equal(sizes[cluster], labels.filter(label => label === cluster).length)
  const objective = sse(rows, labels, centres, weights)
  assert.ok(Math.abs(found.objective - objective) <= 1e-9 * (1 + objective))
}

for (const algorithm of algorithms)
  test(`${algorithm}: labels, centres and objective are those of Lloyd's method by hand, with ties and weights`, async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ rows, k, weights, seed }) => {
        fc.pre(weights.some(weight => weight > 0))
        const init = random(seed).sample(k, rows.length)
        for (const given of [undefined, weights]) {
          const byHand = lloydByHand(
            rows,
            init.map(row => rows[row]),
            given,
          )
          const found = await kMeans(matrixOf(rows), { k, init, tol: 0, algorithm, weights: given })
          assert.deepEqual([...found.labels], byHand.labels)
          assert.equal(found.iterations, byHand.iterations)
          assert.ok(found.converged)
          assertSound(found, rows, given)
        }
      }),
      { seed: 1, numRuns: 200 },
    )
  })

test('all algorithms, threads and kinds of rows give the same labels, to the last', async () => {
  for (const [n, columns, k] of [
    [3000, 2, 9],
    [3000, 33, 20],
    [2000, 130, 50],
    [5000, 7, 3],
  ]) {
    const points = blobs(n, columns, k)
    const init = spacedRows(n, k)
    const byHand = lloydByHand(
      rowsOf(points),
      init.map(row => rowsOf(points)[row]),
    )
    for (const algorithm of algorithms) {
      const one = await kMeans(points, { k, init, tol: 0, algorithm })
      assert.deepEqual([...one.labels], byHand.labels)
      close(one.objective, byHand.sse)
      const threaded = await kMeans(points, { k, init, tol: 0, algorithm, pool })
      assert.deepEqual(threaded, one)
    }
  }
})

test('far from 0, in large and in small numbers, labels are the same', async () => {
  const points = blobs(500, 3, 6)
  for (const one of [points.data]) for (let at = 0; at < one.length; at++) one[at] = Math.round(one[at] * 64) / 64
  const init = spacedRows(500, 6)
  const plain = await kMeans(points, { k: 6, init })
  for (const algorithm of algorithms)
    for (const change of [
      (value: number) => value + 4096,
      (value: number) => value * 2 ** 70,
      (value: number) => value * 2 ** -70,
      (value: number) => value * 2 ** 110,
      (value: number) => (value - 1000) * 4,
    ]) {
      const found = await kMeans({ ...points, data: points.data.map(change) }, { k: 6, init, algorithm })
      assert.deepEqual(found.labels, plain.labels)
      const factor = (change(1) - change(0)) ** 2
      close(found.objective, plain.objective * factor)
      for (const [at, value] of found.centres.entries()) close(value, change(plain.centres[at]), 1e-6)
    }
})

test('a whole weight is so many equal rows', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ rows, k, weights, seed }) => {
      const copies = rows.flatMap((row, at) => new Array<number[]>(weights[at]).fill(row))
      fc.pre(copies.length >= k)
      const init = matrixOf(
        random(seed)
          .sample(k, rows.length)
          .map(row => rows[row]),
      )
      const weighted = await kMeans(matrixOf(rows), { k, init, weights })
      const plain = await kMeans(matrixOf(copies), { k, init })
      // An empty cluster takes one copy, or the row with all its weight.
      if (lloydByHand(copies, rowsOf(init)).filled) return
      close(weighted.objective, plain.objective)
      assert.deepEqual(weighted.centres, plain.centres)
    }),
    { seed: 2, numRuns: 200 },
  )
})

test('the order of the rows changes nothing but the order of the labels', async () => {
  const points = blobs(400, 5, 7)
  const order = random(3).shuffle(Array.from({ length: 400 }, (_, at) => at))
  const moved = matrixOf(order.map(row => rowsOf(points)[row]))
  const init = spacedRows(400, 7)
  const one = await kMeans(points, { k: 7, init })
  const other = await kMeans(moved, { k: 7, init: init.map(row => order.indexOf(row)) })
  assert.deepEqual(
    [...other.labels],
    order.map(row => one.labels[row]),
  )
  assert.deepEqual(other.centres, one.centres)
})

for (const init of kMeansInits)
  test(`start ${init}: sound, the same for the same seed, in any number of threads`, async () => {
    const points = blobs(5000, 4, 12)
    const one = await kMeans(points, { k: 12, init, seed: 5 })
    assertSound(one, rowsOf(points))
    assert.deepEqual(await kMeans(points, { k: 12, init, seed: 5, pool }), one)
    const other = await kMeans(points, { k: 12, init, seed: 6 })
    assert.notDeepEqual(other.centres, one.centres)
    const weights = Float64Array.from({ length: 5000 }, (_, row) => (row % 3) / 7)
    const weighted = await kMeans(points, { k: 12, init, seed: 5, weights, pool })
    assertSound(weighted, rowsOf(points), [...weights])
  })

test('more restarts are never worse', async () => {
  const points = blobs(600, 2, 15)
  const one = await kMeans(points, { k: 15, init: 'k-means++', seed: 1 })
  const more = await kMeans(points, { k: 15, init: 'k-means++', seed: 1, restarts: 10 })
  assert.ok(more.objective <= one.objective)
})

test('one row, one cluster, a cluster for each row, equal rows, constant columns', async () => {
  const single = await kMeans(matrix(1, 3, Float32Array.of(1, 2, 3)), { k: 1 })
  assert.deepEqual([...single.centres], [1, 2, 3])
  assert.equal(single.objective, 0)
  const points = blobs(50, 3, 2)
  const one = await kMeans(points, { k: 1 })
  const rows = rowsOf(points)
  for (const column of [0, 1, 2])
    close(
      one.centres[column],
      rows.reduce((sum, row) => sum + row[column] / 50, 0),
    )
  for (const algorithm of algorithms)
    for (const init of kMeansInits) {
      const all = await kMeans(points, { k: 50, init, algorithm })
      assert.equal(all.objective, 0)
      assert.ok(all.sizes.every(size => size === 1))
      const few = await kMeans(matrix(6, 1, Float32Array.of(1, 1, 1, 5, 5, 5)), { k: 4, init, algorithm })
      assert.equal(few.objective, 0)
      assert.deepEqual(few.notes, ['There are only 2 distinct rows, fewer than k = 4.'])
      const equal = await kMeans(matrix(9, 2), { k: 3, init, algorithm })
      assert.equal(equal.objective, 0)
      const constant = matrix(50, 4)
      for (const [at, row] of rows.entries()) constant.data.set([7e6, ...row], 4 * at)
      const start = { k: 4, init: spacedRows(50, 4), algorithm }
      assert.deepEqual((await kMeans(constant, start)).labels, (await kMeans(points, start)).labels)
    }
})

test('what cannot be clustered is refused in words', async () => {
  const points = blobs(10, 2, 2)
  const refuse = (changed: Matrix, options: object, message: RegExp) =>
    assert.rejects(kMeans(changed, { k: 2, ...options }), error => message.test((error as Error).message))
  const withCell = (value: number) => ({ ...points, data: points.data.with(5, value) })
  await refuse(withCell(NaN), {}, /points: row 3, column 2 must be a finite number, found NaN/)
  await refuse(withCell(-Infinity), {}, /row 3, column 2 must be a finite number, found -Infinity/)
  await refuse(matrix(0, 2), {}, /points must be at least one row, found no row/)
  await refuse(matrix(3, 0), {}, /points must be rows with at least one column/)
  for (const k of [0, 11, 1.5, NaN]) await refuse(points, { k }, /k must be a whole number from 1 to n \(n = 10\)/)
  await refuse(points, { weights: [1] }, /weights must be one weight for each of 10 rows, found 1 weights/)
  await refuse(points, { weights: new Array(10).fill(0) }, /above 0 somewhere/)
  await refuse(points, { weights: [1, -1, 1, 1, 1, 1, 1, 1, 1, 1] }, /row 2 must be a number of at least 0/)
  await refuse(points, { init: 'best' }, /init must be one of greedy-k-means\+\+/)
  await refuse(points, { init: [0, 10] }, /row numbers from 0 to 9, found 10/)
  await refuse(points, { init: [0] }, /k = 2 row numbers, found 1/)
  await refuse(points, { init: matrix(2, 3) }, /init must be k × d = 2 × 2 centres, found 2 × 3/)
  await refuse(points, { algorithm: 'fast' }, /algorithm must be one of auto, lloyd/)
  await refuse(points, { tol: -1 }, /tol must be a number of at least 0/)
  await refuse(points, { seed: -1 }, /seed must be a whole number/)
})

test('a run that is stopped early says so, and its labels fit its centres', async () => {
  const points = blobs(2000, 2, 20)
  const found = await kMeans(points, { k: 20, init: spacedRows(2000, 20), maxIterations: 1 })
  assert.equal(found.converged, false)
  assert.match(found.notes[0], /stopped before it settled/)
  assertSound(found, rowsOf(points))
})

test('an aborted run ends with the reason, in one thread and in several', async () => {
  const points = blobs(60_000, 24, 64)
  const reason = new Error('enough')
  for (const using of [undefined, pool]) {
    const controller = new AbortController()
    const onProgress = () => controller.abort(reason)
    const running = kMeans(points, { k: 64, tol: 0, signal: controller.signal, onProgress, pool: using })
    await assert.rejects(running, reason)
    await assert.rejects(kMeans(points, { k: 64, signal: AbortSignal.abort(reason), pool: using }), reason)
  }
})

test('new rows go to their nearest centre', async () => {
  const points = blobs(1000, 6, 9)
  const model = await kMeans(points, { k: 9 })
  const { labels, distances } = await nearestCentres(points, model)
  assert.deepEqual(labels, model.labels)
  close(
    distances.reduce((sum, distance) => sum + distance ** 2, 0),
    model.objective,
  )
  const own = await nearestCentres(centresMatrix(model), model)
  assert.deepEqual([...own.labels], [0, 1, 2, 3, 4, 5, 6, 7, 8])
  await assert.rejects(nearestCentres(matrix(2, 5), model), /points must be 6 columns, as the centres have, found 5/)
})

/** SSE from rows ⌊i·n/k⌋ until labels repeat, and the best of 50 runs by k-means++. */
const reference: [string, number, number, number][] = [
  ['iris', 3, 78.85144143, 78.85144143],
  ['wine', 3, 2370689.68678297, 2370689.68678297],
  ['s1', 15, 8917615616867.2578, 8917615616867.2578],
  ['d31', 31, 3393.44701673, 3393.27179938],
  ['a3', 50, 28937773156.1814, 28937415099.6897],
  ['engytime', 2, 11774.99923226, 11774.99923226],
  ['unbalance', 8, 2171975322167.2581, 214492062847.6831],
  // scikit-learn: 1243029.95517393; rows 364 and 1570 are equally far from the starts 3 and 9, and its rounding parts them. The first
  // of equal centres gives 1242999.32886568, as Lloyd's method by hand.
  ['optdigits.tes', 10, 1242999.32886568, 1165175.14248482],
]
for (const [name, k, objective, best] of reference)
  test(`${name}: the sum of squares is scikit-learn's`, on(folderOf(name)), async () => {
    const { points } = benchmark(name)
    for (const algorithm of algorithms) {
      const found = await kMeans(points, { k, init: spacedRows(points.rows, k), tol: 0, algorithm })
      close(found.objective, objective, 5e-8)
    }
    const several = await kMeans(points, { k, restarts: 50, seed: 1 })
    assert.ok(several.objective <= best * (1 + 1e-4))
  })

/** Points around `groups` centres in a square. */
function blobs(rows: number, columns: number, groups: number): Matrix {
  const points = matrix(rows, columns, fillNormal(new Float32Array(rows * columns), { seed: rows }))
  const { next } = random(columns)
  const centres = Float64Array.from({ length: groups * columns }, () => 6 * next())
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      points.data[row * columns + column] += centres[(row % groups) * columns + column]
  return points
}

test('centres that are far larger than the rows are compared with them all the same', async () => {
  for (const [small, large] of [
    [1e-38, 1e6],
    [1e-30, 1e15],
    [1e-13, 1e30],
  ]) {
    const points = matrix(3, 1, Float32Array.of(0, small, 2 * small))
    const centres = Float64Array.of(large, 0, -large)
    assert.deepEqual([...(await nearestCentres(points, { centres, columns: 1, k: 3 })).labels], [1, 1, 1])
    const found = await kMeans(points, { k: 2, init: matrix(2, 1, Float32Array.of(large, 0)) })
    assert.ok(found.centres.every(Number.isFinite))
  }
  const centres = Float64Array.of(Number.NaN)
  await assert.rejects(nearestCentres(matrix(1, 1), { centres, columns: 1, k: 1 }), /centres must be finite numbers/)
})
