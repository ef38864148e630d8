import assert from 'node:assert/strict'
import { test } from 'node:test'
import { random, symmetricEigen } from '@offprint/kernels'
import fc from 'fast-check'

/** A·v = λ·v for every vector, all of length 1 and at right angles, and the values descend. */
function assertEigen(matrix: Float64Array, d: number): Float64Array {
  const before = matrix.slice()
  const { values, vectors } = symmetricEigen(matrix, d)
  assert.deepEqual(matrix, before)
  const scale = matrix.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const row = (at: number) => vectors.subarray(at * d, (at + 1) * d)
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a).reduce((sum, one, at) => sum + one * b[at], 0)
  for (let at = 0; at < d; at++) {
    assert.ok(at === 0 || values[at] <= values[at - 1])
    for (let other = 0; other <= at; other++)
      assert.ok(Math.abs(dot(row(at), row(other)) - Number(at === other)) < 1e-12 * d, `vectors ${at} and ${other}`)
    for (let k = 0; k < d; k++)
      assert.ok(
        Math.abs(dot(matrix.subarray(k * d, (k + 1) * d), row(at)) - values[at] * vectors[at * d + k]) <=
          1e-13 * d * scale,
        `vector ${at}`,
      )
  }
  return values
}

test('every vector is one, whatever the matrix', () => {
  const values = fc.oneof(
    fc.constantFrom(0, 1, -1, 1e-160, 3e-16),
    fc.double({ min: -1e3, max: 1e3, noNaN: true }).map(value => (Math.abs(value) < 1e-290 ? 0 : value)),
  )
  fc.assert(
    fc.property(
      fc
        .integer({ min: 0, max: 12 })
        .chain(d => fc.tuple(fc.constant(d), fc.array(values, { minLength: d * d, maxLength: d * d }))),
      ([d, given]) => {
        const matrix = Float64Array.from({ length: d * d }, (_, at) => {
          const [row, column] = [Math.floor(at / d), at % d]
          return given[Math.min(row, column) * d + Math.max(row, column)]
        })
        assertEigen(matrix, d)
      },
    ),
    { numRuns: 300, seed: 1 },
  )
})

test('values that are known', () => {
  assert.deepEqual(
    [...assertEigen(Float64Array.of(2, 1, 1, 2), 2)].map(value => +value.toFixed(12)),
    [3, 1],
  )
  assert.deepEqual([...assertEigen(Float64Array.of(5), 1)], [5])
  // Far apart, and all alike.
  const far = new Float64Array(16)
  for (const [at, value] of [2 ** -400, 2 ** 400, -(2 ** 200), 1].entries()) far[at * 5] = value
  assert.deepEqual([...symmetricEigen(far, 4).values], [2 ** 400, 1, 2 ** -400, -(2 ** 200)])
  assert.deepEqual(
    [
      ...assertEigen(
        Float64Array.from({ length: 49 }, (_, at) => Number(at % 8 === 0)),
        7,
      ),
    ],
    Array(7).fill(1),
  )
  // A matrix of rank 3 and 60 rows: three values, the rest nothing.
  const { normal } = random(1)
  const rows = Float64Array.from({ length: 180 }, normal)
  const matrix = Float64Array.from({ length: 3600 }, (_, at) =>
    [0, 1, 2].reduce((sum, k) => sum + rows[3 * Math.floor(at / 60) + k] * rows[3 * (at % 60) + k], 0),
  )
  const values = assertEigen(matrix, 60)
  assert.ok(values[2] > 10 && values.subarray(3).every(value => Math.abs(value) < 1e-11))
})
