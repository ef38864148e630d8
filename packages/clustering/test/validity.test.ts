import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  calinskiHarabasz,
  daviesBouldin,
  dunn,
  gapStatistic,
  kMeans,
  medoidSilhouette,
  pointSilhouette,
  silhouette,
  simplifiedSilhouette,
  stability,
} from '@offprint/clustering'
import { dissimilarities, type Matrix, matrix, random, workerPool } from '@offprint/kernels'
import fc from 'fast-check'
import { benchmark, folderOf, on } from './data.ts'
import { spacedRows, squared } from './k-means-by-hand.ts'

const pool = workerPool({ threads: 2 })
after(() => pool.close())

const close = (found: number | null, expected: number, relative = 1e-6) =>
  assert.ok(
    found !== null && Math.abs(found - expected) <= relative * Math.abs(expected),
    `${found} instead of ${expected}`,
  )

/** Silhouette, Davies–Bouldin, Calinski–Harabasz, Dunn, simplified silhouette, medoid silhouette of the clusters' medoids. */
const reference: [string, number | 'reference', ...number[]][] = [
  ['iris', 'reference', 0.50347744, 0.75137071, 487.330876, 0.05848053, 0.61369938, 0.64567469],
  ['iris', 3, 0.55281901, 0.66197155, 561.627757, 0.09880739, 0.66638556, 0.64695853],
  ['wine', 'reference', 0.20008298, 1.51548625, 206.678116, 0.00478451, 0.29195448, 0.62668739],
  ['s1', 'reference', 0.70785412, 0.3686491, 22178.279428, 0.00844567, 0.79731084, 0.80036201],
  ['d31', 31, 0.57553413, 0.5470047, 9167.691598, 0.01871005, 0.68439928, 0.68397809],
  ['chainlink', 'reference', 0.16665163, 1.99031877, 250.864878, 0.37226766, 0.08627935, 0.42115747],
  ['optdigits.tes', 'reference', 0.16294321, 2.15170974, 144.190279, 0.25897601, 0.25181867, 0.26172374],
]
for (const [name, which, ...values] of reference)
  test(
    `${name}, ${which === 'reference' ? 'reference labels' : 'k-means'}: indices are scikit-learn's`,
    on(folderOf(name)),
    async () => {
      const { points, labels: given } = benchmark(name)
      const labels =
        which === 'reference'
          ? given
          : (await kMeans(points, { k: which, init: spacedRows(points.rows, which), tol: 0 })).labels
      close((await pointSilhouette(points, labels)).mean, values[0])
      close(daviesBouldin(points, labels).value, values[1])
      close(calinskiHarabasz(points, labels).value, values[2])
      // Of single distances, and the numbers of the files are rounded to 32 bits here.
      close((await dunn(points, labels)).value, values[3], 5e-6)
      close(simplifiedSilhouette(points, labels).value, values[4])
      const distances = await dissimilarities(points)
      close(medoidSilhouette(distances, medoidsOf(distances.data, distances.n, labels)).mean, values[5])
    },
  )

function medoidsOf(distances: Float32Array, n: number, labels: ArrayLike<number>): number[] {
  const least = new Map<number, { sum: number; row: number }>()
  for (let row = 0; row < n; row++) {
    let sum = 0
    for (let other = 0; other < n; other++) if (labels[other] === labels[row]) sum += distances[row * n + other]
    const best = least.get(labels[row])
    if (!best || sum < best.sum) least.set(labels[row], { sum, row })
  }
  return [...least.entries()].sort(([a], [b]) => a - b).map(([, { row }]) => row)
}

const labelled = fc.tuple(fc.integer({ min: 2, max: 30 }), fc.integer({ min: 1, max: 7 })).chain(([n, columns]) =>
  fc.record({
    rows: fc.array(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: columns, maxLength: columns }), {
      minLength: n,
      maxLength: n,
    }),
    labels: fc.array(fc.integer({ min: -1, max: 3 }), { minLength: n, maxLength: n }),
  }),
)
const matrixOf = (rows: number[][]) => matrix(rows.length, rows[0].length, Float32Array.from(rows.flat()))

const metrics = {
  euclidean: (a: number[], b: number[]) => Math.sqrt(squared(a, b)),
  sqeuclidean: squared,
  manhattan: (a: number[], b: number[]) => a.reduce((sum, value, at) => sum + Math.abs(value - b[at]), 0),
  chebyshev: (a: number[], b: number[]) => Math.max(...a.map((value, at) => Math.abs(value - b[at]))),
  cosine: (a: number[], b: number[]) => {
    const dot = (x: number[], y: number[]) => x.reduce((sum, value, at) => sum + value * y[at], 0)
    return 1 - dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
  },
}

for (const [metric, distance] of Object.entries(metrics))
  test(`silhouettes and Dunn's index by ${metric} are as the definitions say, with noise`, async () => {
    await fc.assert(
      fc.asyncProperty(labelled, async ({ rows, labels }) => {
        const kept = [...rows.keys()].filter(row => labels[row] >= 0)
        const groups = new Set(kept.map(row => labels[row]))
        const options = { metric: metric as keyof typeof metrics }
        const found = await pointSilhouette(matrixOf(rows), labels, options)
        const index = await dunn(matrixOf(rows), labels, options)
        assert.equal(found.noise, rows.length - kept.length)
        if (groups.size < 2 || groups.size >= kept.length) {
          assert.deepEqual([found.mean, index.value], [null, null])
          assert.match(found.note!, /not defined for/)
          return
        }
        assert.deepEqual([...found.rows], kept)
        let diameter = 0
        let gap = Infinity
        for (const [at, row] of kept.entries()) {
          const to = (label: number) =>
            kept
              .filter(other => labels[other] === label && other !== row)
              .map(other => distance(rows[row], rows[other]))
          const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
          const own = to(labels[row])
          const others = [...groups].filter(label => label !== labels[row]).map(to)
          diameter = Math.max(diameter, ...own)
          gap = Math.min(gap, ...others.flat())
          const [a, b] = [mean(own), Math.min(...others.map(mean))]
          const expected = own.length === 0 || Math.max(a, b) < 1e-9 ? 0 : (b - a) / Math.max(a, b)
          assert.ok(
            Math.abs(found.values[at] - expected) < (metric === 'cosine' ? 2e-3 : 1e-5) || Math.max(a, b) < 1e-6,
          )
        }
        if (metric !== 'cosine' && diameter > 0) close(index.value, gap / diameter)
        if (diameter === 0) assert.equal(index.value, null)
      }),
      { seed: 1, numRuns: 100 },
    )
  })

test('a whole weight counts as so many equal rows for every index', async () => {
  await fc.assert(
    fc.asyncProperty(
      labelled,
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 30, maxLength: 30 }),
      async (drawn, all) => {
        const { rows, labels } = drawn
        const weights = all.slice(0, rows.length)
        const copies = [...rows.keys()].flatMap(row => new Array<number>(weights[row]).fill(row))
        if (!copies.length) return
        const [points, repeated] = [matrixOf(rows), matrixOf(copies.map(row => rows[row]))]
        const others = copies.map(row => labels[row])
        const same = (found: number | null, expected: number | null) => {
          if (expected === null) assert.equal(found, null)
          else
            assert.ok(
              found !== null && Math.abs(found - expected) <= 1e-5 * Math.abs(expected) + 1e-9,
              `${found} instead of ${expected}`,
            )
        }
        same((await pointSilhouette(points, labels, { weights })).mean, (await pointSilhouette(repeated, others)).mean)
        same((await dunn(points, labels, { weights })).value, (await dunn(repeated, others)).value)
        for (const index of [simplifiedSilhouette, daviesBouldin, calinskiHarabasz])
          same(index(points, labels, { weights }).value, index(repeated, others).value)
      },
    ),
    { seed: 5, numRuns: 200 },
  )
})

test('silhouettes of points are those of their dissimilarities, in any number of threads', async () => {
  const points = blobs(1500, 6, 5)
  const { labels } = await kMeans(points, { k: 5 })
  const one = await pointSilhouette(points, labels)
  close(one.mean, (await silhouette(await dissimilarities(points), labels)).mean!, 1e-7)
  assert.deepEqual(await pointSilhouette(points, labels, { pool }), one)
  const far = { ...points, data: points.data.map(value => value + 4096) }
  close((await pointSilhouette(far, labels)).mean, one.mean!, 1e-3)
})

test('a sample has of each cluster its share, the same for the same seed, and is said to be one', async () => {
  const points = blobs(3000, 2, 3)
  const labels = Int32Array.from({ length: 3000 }, (_, row) => (row % 10 === 0 ? 1 : row % 10 < 4 ? 2 : 0))
  const one = await pointSilhouette(points, labels, { sample: 100, seed: 7 })
  assert.equal(one.sampled, true)
  const counts = [0, 1, 2].map(label => [...one.rows].filter(row => labels[row] === label).length)
  assert.deepEqual(counts, [60, 10, 30])
  assert.deepEqual(await pointSilhouette(points, labels, { sample: 100, seed: 7 }), one)
  const all = await pointSilhouette(points, labels)
  assert.equal(all.sampled, false)
  for (const [at, row] of one.rows.entries()) assert.equal(one.values[at], all.values[row])
})

test('Davies–Bouldin, Calinski–Harabasz and simplified silhouettes do not change with place and scale', () => {
  const points = blobs(300, 3, 4)
  const labels = Array.from({ length: 300 }, (_, row) => row % 4)
  const moved = { ...points, data: points.data.map(value => value * 8 - 64) }
  for (const index of [daviesBouldin, calinskiHarabasz, simplifiedSilhouette]) {
    close(index(moved, labels).value, index(points, labels).value!, 1e-5)
    assert.equal(index(points, new Array(300).fill(0)).value, null)
    assert.equal(index(points, [...labels.keys()]).value, null)
  }
  assert.match(daviesBouldin(matrix(4, 1, Float32Array.of(0, 2, 0, 2)), [0, 0, 1, 1]).note!, /the same centre/)
  assert.match(calinskiHarabasz(matrix(4, 1, Float32Array.of(0, 0, 2, 2)), [0, 0, 1, 1]).note!, /are the same/)
})

test('silhouettes and Dunn’s index are those of the same rows in other units, however large or small', async () => {
  const rows = [0, 0, 1, 0, 0, 1, 5, 5, 6, 5, 5, 6]
  const labels = [0, 0, 0, 1, 1, 1]
  for (const unit of [1e-30, 1, 1e20, 1e37]) {
    const points = matrix(
      6,
      2,
      Float32Array.from(rows, value => value * unit),
    )
    close((await pointSilhouette(points, labels)).mean, 0.8398163)
    close((await dunn(points, labels)).value, 4.5276926)
  }
})

test('the gap statistic of iris is that of R', on('clustering-bench'), async () => {
  const { gaps, logW, errors } = await gapStatistic(benchmark('iris').points, {
    mostClusters: 6,
    references: 40,
    seed: 1,
    pool,
  })
  for (const [at, value] of [4.55164, 3.8084, 3.51941].entries()) close(logW[at], value, 1e-4)
  for (const [at, value] of [0.092, 0.386, 0.493, 0.544, 0.549, 0.567].entries())
    assert.ok(Math.abs(gaps[at] - value) < 0.035, `${gaps[at]} instead of ${value}`)
  assert.ok(errors.every(error => error > 0.005 && error < 0.05))
})

test('the gap statistic finds as many groups as there are, and one where there is none', async () => {
  const options = { mostClusters: 5, references: 15, restarts: 3 }
  for (const power of [1, 2] as const) {
    assert.equal((await gapStatistic(blobs(300, 2, 3), { ...options, power })).k, 3)
    const { next } = random(1)
    const none = matrix(
      300,
      2,
      Float32Array.from({ length: 600 }, () => next()),
    )
    for (const box of ['principal', 'columns'] as const)
      assert.equal((await gapStatistic(none, { ...options, power, box })).k, 1)
  }
})

test('the gap statistic ends where rows no longer differ within clusters, and says so', async () => {
  for (const power of [1, 2] as const) {
    const equal = matrix(6, 2, new Float32Array(12).fill(1))
    const none = await gapStatistic(equal, { mostClusters: 3, references: 5, power })
    assert.deepEqual([none.k, none.gaps.length, none.errors.length, none.logW.length], [1, 0, 0, 0])
    assert.match(none.notes[0], /All rows are the same/)
    // Three distinct rows, and six.
    const three = matrix(9, 1, Float32Array.of(0, 1, 5, 0, 1, 5, 0, 1, 5))
    const six = matrix(6, 1, Float32Array.of(0, 1, 5, 7, 12, 14))
    for (const [points, most] of [
      [three, 2],
      [six, 5],
    ] as const) {
      const found = await gapStatistic(points, { mostClusters: 6, references: 5, power })
      assert.ok(found.gaps.length > 0 && found.gaps.length <= most && found.k <= found.gaps.length)
      for (const values of [found.gaps, found.errors, found.logW]) assert.ok(values.every(Number.isFinite))
      assert.match(found.notes[0], new RegExp(`not defined for ${found.gaps.length + 1} clusters or more`))
    }
  }
  assert.deepEqual((await gapStatistic(blobs(60, 2, 2), { mostClusters: 3, references: 3 })).notes, [])
})

test('true groups are more stable under resampling than too many', async () => {
  const points = blobs(240, 2, 3)
  const by = (k: number) =>
    stability(points, async sample => (await kMeans(sample, { k, restarts: 3 })).labels, { pairs: 8 })
  const [right, wrong] = [await by(3), await by(7)]
  close(right.mean, 1, 0.05)
  assert.ok(wrong.mean < right.mean - 0.1)
  assert.equal(right.values.length, 8)
})

test('what cannot be used is refused, and an aborted call ends', async () => {
  const points = blobs(40, 2, 2)
  const labels = Array.from({ length: 40 }, (_, row) => row % 2)
  await assert.rejects(pointSilhouette(points, [0, 1]), /labels must be one for each of 40 rows, found 2 labels/)
  await assert.rejects(pointSilhouette(points, labels.with(3, -2)), /labels must be whole numbers from 0, or -1/)
  await assert.rejects(pointSilhouette(points, labels, { metric: 'far' as 'euclidean' }), /metric must be one of/)
  await assert.rejects(pointSilhouette(matrix(40, 2), labels, { metric: 'cosine' }), /nothing but zeros/)
  assert.throws(() => daviesBouldin({ ...points, data: points.data.with(0, NaN) }, labels), /row 1, column 1/)
  await assert.rejects(gapStatistic(points, { mostClusters: 41 }), /k must be a whole number from 1 to n/)
  await assert.rejects(
    stability(points, () => [], { share: 0.2 }),
    /share must be above 0.5/,
  )
  const reason = new Error('enough')
  for (const using of [undefined, pool]) {
    const controller = new AbortController()
    const many = blobs(20_000, 32, 4)
    setTimeout(() => controller.abort(reason), 20)
    const running = pointSilhouette(
      many,
      Int32Array.from({ length: 20_000 }, (_, row) => row % 4),
      {
        signal: controller.signal,
        pool: using,
      },
    )
    await assert.rejects(running, reason)
  }
})

/** Groups that lie far apart. */
function blobs(rows: number, columns: number, groups: number): Matrix {
  const { next, normal } = random(columns)
  const points = matrix(rows, columns)
  const centres = Float64Array.from(
    { length: groups * columns },
    (_, at) => 10 * next() + 8 * (Math.floor(at / columns) % groups),
  )
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      points.data[row * columns + column] = centres[(row % groups) * columns + column] + normal()
  return points
}
