import assert from 'node:assert/strict'
import { test } from 'node:test'
import { binaryDissimilarities, correlationRows, dissimilarities, matrix, random } from '@offprint/kernels'
import fc from 'fast-check'

const rowOf = ({ data, columns }: { data: Float32Array; columns: number }, row: number) =>
  data.subarray(row * columns, (row + 1) * columns)

test('of rows of zeros and ones: columns that differ, and ones in common', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 0, max: 999 }),
      fc.constantFrom(0.1, 0.5, 0.9),
      async (n, d, seed, share) => {
        const { next } = random(seed)
        const points = matrix(
          n,
          d,
          Float32Array.from({ length: n * d }, () => Number(next() < share)),
        )
        const hamming = await binaryDissimilarities(points, 'hamming')
        const jaccard = await binaryDissimilarities(points, 'jaccard')
        for (let a = 0; a < n; a++)
          for (let b = 0; b < n; b++) {
            const pairs = Array.from(rowOf(points, a), (value, at) => [value, rowOf(points, b)[at]])
            const differing = pairs.filter(([x, y]) => x !== y).length
            const either = pairs.filter(([x, y]) => x || y).length
            assert.ok(Math.abs(hamming.data[a * n + b] - differing / d) < 1e-6)
            assert.ok(Math.abs(jaccard.data[a * n + b] - (either ? differing / either : 0)) < 1e-6)
          }
      },
    ),
    { numRuns: 60, seed: 1 },
  )
  await assert.rejects(
    binaryDissimilarities(matrix(2, 2, Float32Array.of(0, 1, 2, 1)), 'jaccard'),
    /row 2, column 1 must be 0 or 1, found 2/,
  )
  await assert.rejects(binaryDissimilarities(matrix(1, 1), 'cosine' as 'jaccard'), /metric must be hamming or jaccard/)
})

test('the cosine of centred rows is their correlation', async () => {
  const points = matrix(5, 12, Float32Array.from({ length: 60 }, random(4).normal))
  // A row and the same at another level and scale, and upside down.
  for (let at = 0; at < 12; at++) {
    points.data[12 + at] = 1000 + 3 * points.data[at]
    points.data[24 + at] = -points.data[at]
  }
  const { data } = await dissimilarities(correlationRows(points), 'cosine')
  for (let a = 0; a < 5; a++)
    for (let b = 0; b < 5; b++) {
      const [x, y] = [rowOf(points, a), rowOf(points, b)]
      const mean = (row: Float32Array) => row.reduce((sum, value) => sum + value, 0) / 12
      const product = (p: Float32Array, q: Float32Array) =>
        p.reduce((sum, value, at) => sum + (value - mean(p)) * (q[at] - mean(q)), 0)
      const correlation = product(x, y) / Math.sqrt(product(x, x) * product(y, y))
      assert.ok(Math.abs(data[a * 5 + b] - (1 - correlation)) < 1e-5, `${a}, ${b}`)
    }
  assert.ok(data[1] < 1e-6 && Math.abs(data[2] - 2) < 1e-6)
  assert.throws(
    () => correlationRows(matrix(2, 2, Float32Array.of(1, 2, 0.1, 0.1))),
    /row 2 is the same in every column/,
  )
  assert.throws(() => correlationRows(matrix(1, 2, Float32Array.of(1, Number.NaN))), /NaN/)
})
