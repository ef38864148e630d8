import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  agreement,
  type CovarianceType,
  covarianceTypes,
  gaussianMixture,
  type MixtureModel,
  mixtureOf,
  mixtureParameters,
} from '@offprint/clustering'
import { fillNormal, type Matrix, matrix, random, workerPool } from '@offprint/kernels'
import { benchmark, folderOf, on } from './data.ts'
import { rowsOf } from './k-means-by-hand.ts'

const pool = workerPool({ threads: 2 })
after(() => pool.close())

const close = (found: number, expected: number, within: number) =>
  assert.ok(Math.abs(found - expected) <= within, `${found} instead of ${expected}`)

/** Data, k, type; ln L at the labels and after EM, p, BIC, AIC, ICL, ARI: scikit-learn. */
const reference: [string, number, CovarianceType, ...number[]][] = [
  ['iris', 3, 'full', -182.920861, -180.185478, 44, 580.838908, 448.370955, 590.585529, 0.903874],
  ['iris', 3, 'diag', -309.362817, -306.860461, 26, 743.997439, 665.720921, 764.905763, 0.834259],
  ['iris', 3, 'spherical', -392.498458, -384.314095, 17, 853.80899, 802.62819, 870.276453, 0.730238],
  ['iris', 3, 'tied', -256.6462, -256.354043, 24, 632.963334, 560.708086, 645.614756, 0.941012],
  ['wine', 3, 'full', -2782.261375, -2781.244134, 314, 7189.568303, 6190.488268, 7191.156421, 0.981691],
  ['s1', 15, 'full', -130003.397346, -129997.949555, 89, 260753.929305, 260173.899111, 260811.51795, 0.989705],
  ['d31', 31, 'full', -17461.380907, -17448.117832, 185, 36383.479781, 35266.235664, 36740.969003, 0.943939],
  ['engytime', 2, 'full', -14470.288491, -14468.595487, 11, 29028.686401, 28959.190973, 29862.277831, 0.867922],
]
for (const [name, k, type, start, end, p, bic, aic, icl, ari] of reference)
  test(`${name}, ${type}: likelihoods and criteria are scikit-learn's`, on(folderOf(name)), async () => {
    const { points, labels } = benchmark(name)
    const found = await gaussianMixture(points, { k, type, init: labels, tol: 1e-10, maxIterations: 10_000 })
    // 1e-6 a row: the reference has the numbers of the file in 64 bits, here they are rounded to 32.
    const within = 1e-6 * points.rows
    close(found.startObjective, start, within)
    close(found.objective, end, within)
    assert.equal(found.parameters, p)
    close(found.bic, bic, 2 * within)
    close(found.aic, aic, 2 * within)
    close(found.icl, icl, 4 * within)
    close(agreement(labels, found.labels).ari, ari, 1e-6)
    assert.deepEqual([found.converged, found.degenerate], [true, []])
  })

test('the ICL by labels is as mclust has it', on('clustering-bench'), async () => {
  const { points, labels } = benchmark('iris')
  const found = await gaussianMixture(points, { k: 3, init: labels, tol: 1e-10, maxIterations: 1000 })
  close(found.iclHard, -584.052206, 0.01)
})

// mclust 6.0.0 ends at a change of 1e-5. Its EII, with one variance for all components, is none of the types here: `spherical` is its VII.
for (const [name, type, bic, runs] of [
  ['VVV,2', 'full', -574.017832, [50, 100]],
  ['VVV,3', 'full', -580.83963, [50, 18, 1, 1, 1, 1, 1, 4, 1, 5, 1, 16, 50]],
  ['EEE,3', 'tied', -632.964732, [50, 20, 1, 12, 1, 16, 33, 1, 16]],
] as const)
  test(
    `iris, ${name}: from mclust's labels on, BIC is mclust's with the sign turned`,
    on('clustering-bench'),
    async () => {
      // Run lengths of its labels: 0, then 1 and 2 in turns.
      const labels = runs.flatMap((length, run) => new Array<number>(length).fill(run ? 2 - (run % 2) : 0))
      const k = Math.max(...labels) + 1
      const found = await gaussianMixture(benchmark('iris').points, {
        k,
        type,
        init: labels,
        tol: 1e-10,
        maxIterations: 1000,
      })
      close(-found.bic, bic, 2e-3)
      assert.equal(found.converged, true)
    },
  )

/** ln of share times density, by elimination. */
function logDensity(
  row: number[],
  { shares, means, covariances, columns: d, type }: MixtureModel,
  one: number,
): number {
  const matrix = Array.from({ length: d }, (_, a) =>
    Array.from({ length: d }, (_, b) => {
      if (type === 'full') return covariances[one * d * d + a * d + b]
      if (type === 'tied') return covariances[a * d + b]
      if (a !== b) return 0
      return type === 'diag' ? covariances[one * d + a] : covariances[one]
    }),
  )
  const difference = row.map((value, column) => value - means[one * d + column])
  const solved = [...difference]
  let log = 0
  for (let a = 0; a < d; a++) {
    log += Math.log(matrix[a][a])
    for (let b = a + 1; b < d; b++) {
      const factor = matrix[b][a] / matrix[a][a]
      for (let c = a; c < d; c++) matrix[b][c] -= factor * matrix[a][c]
      solved[b] -= factor * solved[a]
    }
  }
  for (let a = d - 1; a >= 0; a--) {
    for (let b = a + 1; b < d; b++) solved[a] -= matrix[a][b] * solved[b]
    solved[a] /= matrix[a][a]
  }
  const square = difference.reduce((sum, value, at) => sum + value * solved[at], 0)
  return Math.log(shares[one]) - (square + log + d * Math.log(2 * Math.PI)) / 2
}

for (const type of covarianceTypes)
  for (const columns of [1, 2, 5])
    test(`${type}, ${columns} columns: densities, responsibilities and a step of EM are as the definition says`, async () => {
      const points = blobs(333, columns, 3)
      const rows = rowsOf(points)
      const before = await gaussianMixture(points, { k: 3, type, seed: 2, maxIterations: 2, tol: 0 })
      const { labels, logLikelihoods, responsibilities } = await mixtureOf(points, before)
      let total = 0
      const shares = rows.map((row, at) => {
        const logs = [0, 1, 2].map(one => logDensity(row, before, one))
        const most = Math.max(...logs)
        const sum = logs.reduce((all, log) => all + Math.exp(log - most), 0)
        const likelihood = most + Math.log(sum)
        close(logLikelihoods[at], likelihood, 1e-9 * (1 + Math.abs(likelihood)))
        total += likelihood
        const gammas = logs.map(log => Math.exp(log - likelihood))
        for (const one of [0, 1, 2]) close(responsibilities[3 * at + one], gammas[one], 1e-9)
        assert.equal(labels[at], logs.indexOf(most))
        return gammas
      })
      close(before.objective, total, 1e-8 * Math.abs(total))
      const entropy = -shares.flat().reduce((sum, share) => sum + (share > 0 ? share * Math.log(share) : 0), 0)
      close(before.icl, before.bic + 2 * entropy, 1e-6)
      const hard = shares.reduce((sum, gammas) => sum + Math.log(Math.max(...gammas)), 0)
      close(before.iclHard, 2 * hard - before.bic, 1e-6)
      const after = await gaussianMixture(points, { k: 3, type, init: before, maxIterations: 1, tol: 0 })
      close(after.startObjective, before.objective, 1e-8 * Math.abs(total))
      assert.ok(after.objective >= before.objective - 1e-6)
      for (const one of [0, 1, 2]) {
        const count = shares.reduce((sum, gammas) => sum + gammas[one], 0)
        close(after.shares[one], count / 333, 1e-9)
        for (let column = 0; column < columns; column++) {
          const mean = rows.reduce((sum, row, at) => sum + shares[at][one] * row[column], 0) / count
          close(after.means[one * columns + column], mean, 1e-8)
          if (type !== 'full' && type !== 'diag') continue
          const variance =
            rows.reduce((sum, row, at) => sum + shares[at][one] * (row[column] - mean) ** 2, 0) / count + 1e-6
          const place = type === 'full' ? one * columns * columns + column * (columns + 1) : one * columns + column
          close(after.covariances[place], variance, 1e-7 * variance)
        }
      }
    })

for (const type of covarianceTypes)
  test(`${type}: a whole weight is so many equal rows; threads change nothing; far from 0 neither`, async () => {
    const points = blobs(700, 3, 4)
    const weights = Array.from({ length: 700 }, (_, row) => row % 3)
    const labels = Int32Array.from({ length: 700 }, (_, row) => row % 4)
    const options = { k: 4, type, init: labels, maxIterations: 20, tol: 0 }
    const one = await gaussianMixture(points, { ...options, weights })
    const copies = weights.flatMap((weight, row) => new Array<number>(weight).fill(row))
    const repeated = matrix(copies.length, 3, Float32Array.from(copies.flatMap(row => rowsOf(points)[row])))
    const other = await gaussianMixture(repeated, { ...options, init: copies.map(row => labels[row]) })
    close(one.objective, other.objective, 1e-7 * Math.abs(one.objective))
    close(one.bic, other.bic, 1e-6 * Math.abs(one.bic))
    const many = blobs(20_000, 3, 4)
    const start = { ...options, init: 'k-means' as const, seed: 3 }
    const alone = await gaussianMixture(many, start)
    assert.deepEqual(await gaussianMixture(many, { ...start, pool }), alone)
    for (let at = 0; at < points.data.length; at++) points.data[at] = Math.round(points.data[at] * 256) / 256
    const near = await gaussianMixture(points, options)
    const far = await gaussianMixture({ ...points, data: points.data.map(value => value + 32_768) }, options)
    close(far.objective, near.objective, 1e-6 * Math.abs(near.objective))
  })

test('components that collapse are reported, and are not the best of several starts', async () => {
  const points = blobs(60, 2, 2)
  // Ten equal rows: a component of no extent.
  for (let row = 0; row < 10; row++) points.data.set([50, 50], 2 * row)
  const labels = Int32Array.from({ length: 60 }, (_, row) => (row < 10 ? 0 : 1 + (row % 2)))
  const found = await gaussianMixture(points, { k: 3, init: labels })
  assert.deepEqual(found.degenerate, [0])
  assert.match(found.notes.at(-1)!, /Component 1 has collapsed/)
  const equal = await gaussianMixture(matrix(8, 2), { k: 2, type: 'diag', init: [0, 0, 0, 0, 1, 1, 1, 1] })
  assert.deepEqual(equal.degenerate, [0, 1])
  assert.ok(Number.isFinite(equal.objective))
  await assert.rejects(gaussianMixture(matrix(8, 2), { k: 1, reg: 0 }), /reg must be great enough/)
})

for (const type of covarianceTypes)
  test(`${type}: more components than distinct rows, or than rows of any weight, are empty and said to be so`, async () => {
    const two = matrix(6, 2, Float32Array.of(1, 2, 3, 5, 1, 2, 3, 5, 1, 2, 3, 5))
    for (const init of ['k-means', 'k-means++'] as const) {
      const found = await gaussianMixture(two, { k: 4, seed: 1, type, init })
      assert.deepEqual(
        Array.from({ length: 4 }, (_, one) => one).filter(one => found.shares[one] === 0),
        found.degenerate.filter(one => found.sizes[one] === 0),
      )
      assert.equal(found.degenerate.length, 4)
      assert.match(found.notes.join(' '), /has collapsed.*There are only 2 distinct rows, fewer than k = 4\./)
      assert.ok([found.objective, found.bic, found.icl, found.iclHard].every(Number.isFinite))
      assert.ok(found.covariances.every(Number.isFinite))
      assert.deepEqual((await mixtureOf(two, found)).labels, found.labels)
      const wide = await gaussianMixture(two, { k: 4, seed: 1, type, init, reg: 1 })
      assert.ok(Number.isFinite(wide.objective))
    }
    const weightless = [1, 1, 1, 1, 0, 0]
    const spread = matrix(6, 2, Float32Array.of(1, 2, 3, 5, 1, 3, 3, 6, 8, 8, 9, 9))
    const found = await gaussianMixture(spread, { k: 2, type, weights: weightless, init: [0, 0, 0, 0, 1, 1] })
    assert.deepEqual([found.degenerate, [...found.shares]], [[1], [1, 0]])
  })

test('one row, one component; many components; parameters are counted', async () => {
  const single = await gaussianMixture(matrix(1, 2, Float32Array.of(3, 4)), { k: 1 })
  assert.deepEqual([...single.means], [3, 4])
  const points = blobs(500, 2, 2)
  const one = await gaussianMixture(points, { k: 1, tol: 0 })
  const rows = rowsOf(points)
  close(
    one.means[0],
    rows.reduce((sum, row) => sum + row[0] / 500, 0),
    1e-9,
  )
  const spread = await gaussianMixture(points, { k: 500, type: 'spherical', reg: 0.1 })
  assert.equal(spread.k, 500)
  assert.ok(Number.isFinite(spread.objective))
  assert.deepEqual(
    covarianceTypes.map(type => mixtureParameters(3, 4, type)),
    [44, 24, 26, 17],
  )
})

test('the best of several starts is no worse, and the same seed gives the same', async () => {
  const points = blobs(400, 2, 6)
  const options = { k: 6, init: 'k-means++' as const, seed: 4 }
  const one = await gaussianMixture(points, options)
  assert.deepEqual(await gaussianMixture(points, options), one)
  const several = await gaussianMixture(points, { ...options, restarts: 5 })
  assert.ok(several.objective >= one.objective || one.degenerate.length > 0)
})

test('what cannot be used is refused in words, and an aborted run ends', async () => {
  const points = blobs(50, 2, 2)
  const refuse = (options: object, message: RegExp, on = points) =>
    assert.rejects(gaussianMixture(on, { k: 2, ...options }), error => message.test((error as Error).message))
  await refuse({ type: 'round' }, /type must be one of full, tied, diag, spherical, found 'round'/)
  await refuse({ reg: -1 }, /reg must be a number of at least 0/)
  await refuse({ k: 51 }, /k must be a whole number from 1 to n/)
  await refuse({ init: [0, 1] }, /init must be one for each of 50 rows, found 2 labels/)
  await refuse({ init: new Array(50).fill(0) }, /at least one row of each, found no row with label 1/)
  await refuse({ init: 'best' }, /init must be one of k-means, k-means\+\+/)
  await refuse({ weights: [1] }, /weights must be one weight for each of 50 rows/)
  await refuse({}, /row 1, column 2 must be a finite number/, matrix(2, 2, Float32Array.of(1, NaN, 2, 3)))
  const model = await gaussianMixture(points, { k: 2 })
  await assert.rejects(mixtureOf(matrix(1, 3), model), /points must be 2 columns, as the mixture has/)
  await refuse({ k: 3, init: model }, /init must be k = 3 components of 2 columns/)
  const reason = new Error('enough')
  for (const using of [undefined, pool]) {
    const controller = new AbortController()
    const running = gaussianMixture(blobs(30_000, 8, 5), {
      k: 5,
      tol: 0,
      signal: controller.signal,
      pool: using,
      onProgress: () => controller.abort(reason),
    })
    await assert.rejects(running, reason)
  }
})

/** Normal groups of their own shapes. */
function blobs(rows: number, columns: number, groups: number): Matrix {
  const points = matrix(rows, columns, fillNormal(new Float32Array(rows * columns), { seed: rows }))
  const { next } = random(columns)
  const centres = Float64Array.from({ length: groups * columns }, () => 6 * next())
  const scales = Float64Array.from({ length: groups * columns }, () => 0.5 + next())
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column
      const group = (row % groups) * columns + column
      points.data[at] = points.data[at] * scales[group] + centres[group]
      if (column) points.data[at] += 0.4 * points.data[at - 1]
    }
  return points
}
