import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dissimilarities, dissimilarity, InputError, matrix, metrics, precomputed, random } from '@offprint/kernels'
import fc from 'fast-check'

const coordinate = fc.float({ min: -1000, max: 1000, noNaN: true }).map(value => Math.round(value * 100) / 100)
const points = fc
  .tuple(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 19 }))
  .chain(([rows, columns]) =>
    fc
      .array(coordinate, { minLength: rows * columns, maxLength: rows * columns })
      .map(values => matrix(rows, columns, Float32Array.from(values))),
  )

for (const metric of metrics)
  test(`${metric}: every pair is as the definition says, the diagonal 0, the matrix symmetric`, async () => {
    await fc.assert(
      fc.asyncProperty(points, async given => {
        const { rows, columns, data } = given
        const row = (index: number) => data.subarray(index * columns, (index + 1) * columns)
        if (
          metric === 'cosine' &&
          Array.from({ length: rows }, (_, index) => row(index)).some(one => one.every(v => v === 0))
        )
          return
        const all = await dissimilarities(given, metric)
        assert.equal(all.n, rows)
        const values = all.data
        for (let a = 0; a < rows; a++) {
          assert.equal(values[a * rows + a], 0)
          for (let b = 0; b < a; b++) {
            const expected = dissimilarity(row(a), row(b), metric)
            const found = values[a * rows + b]
            assert.equal(found, values[b * rows + a])
            // Half the squared distance of rounded unit vectors is good to about 1e-7 of 1, not of itself.
            const allowed = metric === 'cosine' ? 2e-6 * Math.sqrt(expected) + 1e-12 : 2e-6 * expected
            assert.ok(Math.abs(found - expected) <= allowed, `${found} and ${expected}`)
          }
        }
      }),
      { seed: 1, numRuns: 40 },
    )
  })

test('a row of zeros has no direction for cosine, and is named', async () => {
  await assert.rejects(dissimilarities(matrix(2, 2, Float32Array.of(1, 2, 0, 0)), 'cosine', { field: 'table' }), {
    name: 'InputError',
    field: 'table',
    message: 'table: row 2 has nothing but zeros, so it has no direction; metric cosine needs one',
  })
})

test('numbers far from 1 keep their distances, and those beyond 32 bits are refused in words', async () => {
  for (const size of [1e-30, 1e-20, 1e20, 1e30])
    for (const metric of ['euclidean', 'manhattan', 'chebyshev'] as const) {
      const { data } = await dissimilarities(matrix(2, 2, Float32Array.of(0, 0, 3 * size, 4 * size)), metric)
      const expected = { euclidean: 5, manhattan: 7, chebyshev: 4 }[metric]
      assert.ok(Math.abs(data[1] / size / expected - 1) < 1e-6, `${metric} at ${size}: ${data[1]}`)
    }
  const huge = matrix(2, 1, Float32Array.of(3e38, -3e38))
  await assert.rejects(dissimilarities(huge, 'euclidean', { field: 'table' }), /table: the numbers are so large/)
  await assert.rejects(dissimilarities(matrix(2, 1, Float32Array.of(0, 1e30)), 'sqeuclidean'), /beyond 3.4e38/)
})

test('wrong input is refused in words', async () => {
  await assert.rejects(dissimilarities(matrix(0, 3)), /points must be at least one row, found no row/)
  await assert.rejects(dissimilarities(matrix(3, 0)), /found no column/)
  await assert.rejects(dissimilarities(matrix(20_000, 1)), /at most 16,384 rows, .*found 20,000 rows/)
  await assert.rejects(
    dissimilarities(matrix(1, 2, Float32Array.of(1, NaN))),
    /row 1, column 2 must be a finite number/,
  )
  await assert.rejects(
    dissimilarities(matrix(1, 1), 'miles' as never),
    /metric must be one of euclidean, .*found 'miles'/,
  )
})

for (const [what, values, message] of [
  ['not square', [0, 1], /1 rows and 2 columns/],
  ['negative', [0, -1, -1, 0], /row 1, column 2 must be a number of at least 0, found -1/],
  ['not a number', [0, NaN, 1, 0], /row 1, column 2 must be a number of at least 0, found NaN/],
  ['infinite', [0, 1, Infinity, 0], /row 2, column 1/],
  ['a diagonal', [0, 1, 1, 3], /row 2, column 2 must be 0.*found 3/],
  ['asymmetric', [0, 1, 2, 0], /row 2, column 1 must be the same as row 1, column 2, found 2 and 1/],
] as const)
  test(`a given matrix that is wrong is refused with its place: ${what}`, async () => {
    const columns = values.length === 2 ? 2 : 2
    const given = matrix(values.length / columns, columns, Float32Array.from(values))
    await assert.rejects(precomputed(given, { field: 'table' }), error => {
      assert.ok(error instanceof InputError)
      assert.equal(error.field, 'table')
      assert.match(error.message, message)
      return true
    })
  })

test('an asymmetric matrix is taken where that is asked for, row j holding d(o, j)', async () => {
  const all = await precomputed(matrix(2, 2, Float32Array.of(0, 1, 2, 0)), { asymmetric: true })
  assert.equal(all.symmetric, false)
  assert.deepEqual([...all.data], [0, 2, 1, 0])
})

test('where a given matrix is symmetric but for rounding, it is so to the bit afterwards', async () => {
  const all = await precomputed(matrix(2, 2, Float32Array.of(0, 1.0000005, 1, 0)))
  assert.deepEqual([all.symmetric, ...all.data], [true, 0, 1, 1, 0])
})

test('a long call stops soon after it is aborted', async () => {
  const controller = new AbortController()
  const { next } = random(1)
  const many = matrix(4000, 200)
  for (let index = 0; index < many.data.length; index++) many.data[index] = next()
  const reason = new Error('enough')
  await assert.rejects(
    dissimilarities(many, 'euclidean', { signal: controller.signal, onProgress: () => controller.abort(reason) }),
    reason,
  )
})
