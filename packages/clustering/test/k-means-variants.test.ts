import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  agreement,
  balancedAssignment,
  balancedKMeans,
  bisectingKMeans,
  type CentresModel,
  gaussianMixture,
  type KMeans,
  kMeans,
  kMedians,
  type MixtureModel,
  miniBatchKMeans,
  mixtureOf,
  nearestCentres,
  openModel,
  saveModel,
  sphericalKMeans,
  trimmedKMeans,
} from '@offprint/clustering'
import { type Matrix, matrix, random, workerPool } from '@offprint/kernels'
import fc from 'fast-check'
import { rowsOf, spacedRows, sse } from './k-means-by-hand.ts'

const close = (found: number, expected: number, relative = 1e-9) =>
  assert.ok(Math.abs(found - expected) <= relative * Math.abs(expected), `${found} instead of ${expected}`)

const methods = { balancedKMeans, bisectingKMeans, kMedians, miniBatchKMeans, sphericalKMeans, trimmedKMeans }

for (const [name, method] of Object.entries(methods)) {
  test(`${name}: groups that lie apart are found, the same for the same seed`, async () => {
    const { points, labels } = groups(600, 4, 5)
    const options = { k: 5, seed: 3, restarts: 5 }
    const one = await method(points, options)
    assert.ok(agreement(labels, one.labels).ari > 0.95, `ARI ${agreement(labels, one.labels).ari}`)
    assert.deepEqual(await method(points, options), one)
    assert.equal(one.centres.length, 20)
    for (let cluster = 0; cluster < 5; cluster++)
      assert.equal(one.sizes[cluster], one.labels.filter(label => label === cluster).length)
  })

  test(`${name}: one row, equal rows, a cluster for each row; wrong options and aborts`, async () => {
    const row = await method(matrix(1, 2, Float32Array.of(3, 4)), { k: 1 })
    assert.deepEqual([...row.labels], [0])
    const equal = await method(matrix(6, 2, new Float32Array(12).fill(2)), { k: 3 })
    assert.ok(Math.abs(equal.objective) < 1e-9)
    const { points } = groups(20, 2, 2)
    const every = { k: 20, alpha: 0 }
    const all = await method(points, every)
    assert.ok(all.labels.every(label => label >= 0 && label < 20))
    for (const k of [0, 21, 1.5]) await assert.rejects(method(points, { k }), /k must be a whole number from 1 to n/)
    await assert.rejects(method(matrix(0, 2), { k: 1 }), /points must be at least one row/)
    const bad = { ...points, data: points.data.with(3, NaN) }
    await assert.rejects(method(bad, { k: 2 }), /points: row 2, column 2 must be a finite number|points: row 2/)
    const reason = new Error('enough')
    await assert.rejects(method(points, { k: 2, signal: AbortSignal.abort(reason) }), reason)
  })
}

test('a balanced assignment is the cheapest of all with these sizes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 28, maxLength: 28 }),
      async (n, k, numbers) => {
        fc.pre(k <= n)
        const costs = Float64Array.from(numbers.slice(0, n * k))
        const most = Math.ceil(n / k)
        const least = Math.floor(n / k)
        const best = (row: number, sizes: number[]): number => {
          if (row === n) return sizes.every(size => size >= least) ? 0 : Infinity
          return Math.min(
            ...sizes.map((size, cluster) =>
              size < most ? costs[row * k + cluster] + best(row + 1, sizes.with(cluster, size + 1)) : Infinity,
            ),
          )
        }
        const labels = await balancedAssignment(costs, n, k)
        const sizes = Array.from({ length: k }, (_, cluster) => labels.filter(label => label === cluster).length)
        assert.ok(sizes.every(size => size >= least && size <= most))
        assert.equal(
          labels.reduce((sum, label, row) => sum + costs[row * k + label], 0),
          best(0, new Array(k).fill(0)),
        )
      },
    ),
    { seed: 1, numRuns: 300 },
  )
})

test('balanced clusters differ by at most a row, at no less cost than free ones', async () => {
  const { points } = groups(403, 3, 3)
  const found = await balancedKMeans(points, { k: 7, seed: 1 })
  assert.deepEqual([...found.sizes].sort(), [57, 57, 57, 58, 58, 58, 58])
  close(found.objective, objectiveOf(points, found))
  const free = await kMeans(points, { k: 7, init: { ...centresOf(found) }, tol: 0 })
  assert.ok(free.objective <= found.objective)
})

test('spherical: lengths of rows do not count; labels and objective are by cosine', async () => {
  const { points } = groups(300, 3, 4)
  const init = spacedRows(300, 4)
  const found = await sphericalKMeans(points, { k: 4, init, tol: 0 })
  const longer = { ...points, data: points.data.map((value, at) => value * 2 ** (Math.floor(at / 3) % 5)) }
  assert.deepEqual((await sphericalKMeans(longer, { k: 4, init, tol: 0 })).labels, found.labels)
  let objective = 0
  for (const [at, row] of rowsOf(points).entries()) {
    const length = Math.hypot(...row)
    const cosines = rowsOf(centresOf(found)).map(centre =>
      row.reduce((sum, x, column) => sum + (x * centre[column]) / length, 0),
    )
    assert.ok(cosines[found.labels[at]] > Math.max(...cosines) - 1e-6)
    objective += 2 * (1 - cosines[found.labels[at]])
  }
  close(found.objective, objective, 1e-5)
  for (const centre of rowsOf(centresOf(found))) close(Math.hypot(...centre), 1, 1e-6)
  await assert.rejects(
    sphericalKMeans(matrix(2, 2, Float32Array.of(1, 0, 0, 0)), { k: 1 }),
    /row 2 has nothing but zeros/,
  )
})

test('k-medians: centres are medians, and rows at their nearest by Manhattan distance', async () => {
  const { points } = groups(301, 2, 3)
  const weights = Array.from({ length: 301 }, (_, row) => 1 + (row % 3))
  const found = await kMedians(points, { k: 3, weights, seed: 2 })
  const rows = rowsOf(points)
  let objective = 0
  for (const [at, row] of rows.entries()) {
    const to = [0, 1, 2].map(
      one => Math.abs(row[0] - found.centres[2 * one]) + Math.abs(row[1] - found.centres[2 * one + 1]),
    )
    assert.equal(found.labels[at], to.indexOf(Math.min(...to)))
    objective += weights[at] * Math.min(...to)
  }
  close(found.objective, objective)
  for (const cluster of [0, 1, 2]) {
    const copies = rows.flatMap((row, at) =>
      found.labels[at] === cluster ? new Array<number>(weights[at]).fill(row[0]) : [],
    )
    copies.sort((a, b) => a - b)
    assert.equal(found.centres[2 * cluster], copies[Math.ceil(copies.length / 2) - 1])
  }
})

test('trimmed: outliers are noise and draw no centre away', async () => {
  const { points, labels } = groups(200, 2, 2)
  for (let row = 0; row < 10; row++) points.data.set([1e4 * (row + 1), -2e4], 2 * row)
  const found = await trimmedKMeans(points, { k: 2, alpha: 0.05, seed: 1 })
  assert.deepEqual([...found.labels.slice(0, 10)], new Array(10).fill(-1))
  assert.equal(found.labels.filter(label => label < 0).length, 10)
  assert.equal(agreement(labels.slice(10), found.labels.slice(10)).ari, 1)
  close(found.objective, objectiveOf(points, found))
  await assert.rejects(trimmedKMeans(points, { k: 2, alpha: 1 }), /alpha must be at least 0 and below 1/)
  await assert.rejects(trimmedKMeans(points, { k: 150, alpha: 0.5 }), /alpha must be small enough/)
})

test('bisecting: the parts of k are those of k − 1 but for one that is split', async () => {
  const { points } = groups(300, 3, 6)
  for (const split of ['sse', 'rows'] as const) {
    const [few, more] = [await bisectingKMeans(points, { k: 4, split }), await bisectingKMeans(points, { k: 5, split })]
    close(more.objective, objectiveOf(points, more))
    const pairs = new Set(more.labels.map((label, row) => 10 * label + few.labels[row]))
    assert.equal(pairs.size, 5)
  }
  await assert.rejects(bisectingKMeans(points, { k: 2, split: 'any' as 'sse' }), /split must be 'sse' or 'rows'/)
})

test('mini-batch: near the objective of k-means on many rows', async () => {
  const { points } = groups(30_000, 8, 12)
  const full = await kMeans(points, { k: 12, seed: 1, restarts: 3 })
  const found = await miniBatchKMeans(points, { k: 12, seed: 1 })
  assert.ok(found.objective < 1.1 * full.objective, `${found.objective} beside ${full.objective}`)
  close(found.objective, objectiveOf(points, found), 1e-9)
  const weighted = await miniBatchKMeans(points, {
    k: 12,
    weights: Float64Array.from({ length: 30_000 }, (_, row) => row % 2),
  })
  assert.ok(weighted.objective < 0.6 * full.objective)
})

test('mini-batch: the same in any number of threads', async () => {
  const { points } = groups(12_000, 16, 12)
  const pool = workerPool({ threads: 2 })
  try {
    // Batches of more than 2²² multiplications are shared out.
    const options = {
      k: 40,
      seed: 2,
      batch: 8000,
      maxSteps: 4,
      weights: Float64Array.from(points.data.slice(0, 12_000), Math.abs),
    }
    assert.deepEqual(await miniBatchKMeans(points, { ...options, pool }), await miniBatchKMeans(points, options))
  } finally {
    await pool.close()
  }
})

test('rows that were clustered get their own labels by the model, saved and opened, also by cosine and manhattan', async () => {
  const { normal } = random(7)
  const points = matrix(
    600,
    5,
    Float32Array.from({ length: 3000 }, (_, at) => Math.exp(normal()) * (1 + (at % 5)) - 2),
  )
  for (const method of [kMeans, miniBatchKMeans, sphericalKMeans, kMedians]) {
    const found = await method(points, { k: 6, seed: 1 })
    const { labels, distances } = await nearestCentres(points, openModel(saveModel(found)) as CentresModel)
    assert.deepEqual(labels, found.labels, method.name)
    const total = distances.reduce((sum, one) => sum + one, 0)
    if (method === kMedians) close(total, found.objective)
    if (method === sphericalKMeans) close(2 * total, found.objective)
  }
  const mixture = await gaussianMixture(points, { k: 3, seed: 1 })
  assert.deepEqual((await mixtureOf(points, openModel(saveModel(mixture)) as MixtureModel)).labels, mixture.labels)
  const trimmed = await trimmedKMeans(points, { k: 4, seed: 1, alpha: 0.1 })
  const { labels } = await nearestCentres(points, openModel(saveModel(trimmed)) as CentresModel)
  for (const [row, label] of trimmed.labels.entries()) if (label >= 0) assert.equal(labels[row], label)
})

for (const [name, method] of Object.entries({ ...methods, kMeans }))
  test(`${name} says so where there are fewer distinct rows than clusters`, async () => {
    const two = matrix(6, 2, Float32Array.of(1, 2, 3, 5, 1, 2, 3, 5, 1, 2, 3, 5))
    assert.deepEqual((await method(two, { k: 4, seed: 1 })).notes, [
      'There are only 2 distinct rows, fewer than k = 4.',
    ])
    const one = matrix(3, 1, Float32Array.of(5, 5, 5))
    assert.deepEqual((await method(one, { k: 2 })).notes, ['There is only one distinct row, fewer than k = 2.'])
    assert.deepEqual((await method(two, { k: 2, seed: 1 })).notes, [])
  })

test('balanced and trimmed k-means refuse weights, which they do not know', async () => {
  const { points } = groups(20, 2, 2)
  for (const [method, name] of [
    [balancedKMeans, 'balancedKMeans'],
    [trimmedKMeans, 'trimmedKMeans'],
  ] as const)
    for (const weights of [[1, 2], new Array(20).fill(1)])
      await assert.rejects(
        method(points, { k: 2, weights } as Parameters<typeof method>[1]),
        new RegExp(`weights must be left out, as ${name} counts each row once, found weights`),
      )
})

test('models are the same after saving and opening, and place rows alike', async () => {
  const { points } = groups(200, 3, 3)
  const means = await kMeans(points, { k: 3 })
  const opened = openModel(saveModel(means)) as CentresModel
  assert.deepEqual(opened, { k: 3, columns: 3, metric: 'euclidean', centres: means.centres })
  // As it was written before there was a metric.
  const older = saveModel(means).replace('"version":2', '"version":1').replace('"metric":"euclidean",', '')
  assert.deepEqual(openModel(older), opened)
  assert.deepEqual((await nearestCentres(points, opened)).labels, means.labels)
  for (const type of ['full', 'tied', 'diag', 'spherical'] as const) {
    const mixture = await gaussianMixture(points, { k: 3, type })
    const again = openModel(saveModel(mixture)) as MixtureModel
    assert.deepEqual((await mixtureOf(points, again)).labels, mixture.labels)
    assert.deepEqual(again.covariances, mixture.covariances)
  }
  const text = saveModel(means)
  for (const [wrong, message] of [
    ['k-means', /found no JSON/],
    ['{}', /found JSON of another kind/],
    ['null', /found JSON of another kind/],
    [text.replace('"version":2', '"version":3'), /found version 3/],
    [text.replace('"euclidean"', '"chebyshev"'), /found the metric 'chebyshev'/],
    [text.replace('"metric":"euclidean",', ''), /found the metric 'undefined'/],
    [text.replace('"k":3', '"k":4'), /found damaged centres/],
    [text.replace('"k":3', '"k":0'), /found a model without its sizes/],
    [text.slice(0, -1), /found no JSON/],
  ] as const)
    assert.throws(() => openModel(wrong), message)
})

const centresOf = ({ centres, k, columns }: KMeans): Matrix => matrix(k, columns, Float32Array.from(centres))

/** Σ‖x − c‖² of the rows that are no noise. */
function objectiveOf(points: Matrix, { centres, k, columns, labels }: KMeans): number {
  const rows = rowsOf(points)
  const kept = [...rows.keys()].filter(row => labels[row] >= 0)
  const all = Array.from({ length: k }, (_, at) => [...centres.subarray(at * columns, (at + 1) * columns)])
  return sse(
    kept.map(row => rows[row]),
    kept.map(row => labels[row]),
    all,
  )
}

/** Groups of a size in directions of their own, far apart. */
function groups(rows: number, columns: number, count: number): { points: Matrix; labels: number[] } {
  const { normal } = random(columns)
  const points = matrix(rows, columns)
  const labels = Array.from({ length: rows }, (_, row) => row % count)
  const centres = Array.from({ length: count }, () => Array.from({ length: columns }, () => 40 * normal()))
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      points.data[row * columns + column] = centres[labels[row]][column] + normal()
  return { points, labels }
}
