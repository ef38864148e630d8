import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  arena,
  columnMoments,
  fillNormal,
  fillUniform,
  giveRows,
  matrix,
  normaliseRows,
  placeRows,
  prefixSums,
  random,
  readRows,
  rowLengths,
} from '@offprint/kernels'
import fc from 'fast-check'
import { arenas, dot, matrices, rowOf } from './variants.ts'

for (const [name, open] of arenas)
  test(`${name}: rows are placed and read, their lengths and the columns’ moments are as in 64 bits`, async () => {
    const space = open()
    await fc.assert(
      fc.asyncProperty(matrices({ rows: [0, 20] }), async points => {
        const rows = placeRows(space, points)
        assert.deepEqual(readRows(rows), points)
        const squares = Float32Array.from({ length: points.rows }, (_, row) =>
          dot(rowOf(points, row), rowOf(points, row)),
        )
        assert.deepEqual(
          await rowLengths(rows),
          squares.map((_, row) => Math.sqrt(dot(rowOf(points, row), rowOf(points, row)))),
        )
        assert.deepEqual(await rowLengths(rows, { squared: true }), squares)
        const { means, variances } = await columnMoments(rows)
        for (let column = 0; column < points.columns; column++) {
          const values = Float64Array.from(
            { length: points.rows },
            (_, row) => points.data[row * points.columns + column],
          )
          const n = Math.max(1, points.rows)
          const mean = values.reduce((sum, value) => sum + value, 0) / n
          const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n
          assert.ok(Math.abs(means[column] - mean) <= 1e-13 * 100)
          assert.ok(Math.abs(variances[column] - variance) <= 1e-12 * (variance + mean ** 2) + 1e-30)
        }
        const zeros = squares.indexOf(0)
        if (zeros < 0) {
          await normaliseRows(rows)
          const lengths = await rowLengths(rows)
          assert.ok(lengths.every(length => Math.abs(length - 1) < 1e-6))
          const unit = readRows(rows)
          for (let row = 0; row < points.rows; row++)
            for (let column = 0; column < points.columns; column++) {
              const expected = points.data[row * points.columns + column] / Math.sqrt(squares[row])
              assert.ok(Math.abs(unit.data[row * points.columns + column] - expected) < 2e-7)
            }
        } else
          await assert.rejects(normaliseRows(rows, { field: 'table' }), {
            message: `table: row ${zeros + 1} has nothing but zeros, so it has no direction`,
          })
        giveRows(rows)
      }),
      { seed: 1, numRuns: 60 },
    )
  })

test('lengths of numbers near the ends of 32-bit floats neither overflow nor vanish', async () => {
  const rows = placeRows(arena(), matrix(2, 2, Float32Array.of(3e30, 4e30, 3e-30, 4e-30)))
  assert.deepEqual([...(await rowLengths(rows))], [Math.fround(5e30), Math.fround(5e-30)])
  await normaliseRows(rows)
  const unit = [0.6, 0.8, 0.6, 0.8]
  assert.ok(readRows(rows).data.every((value, at) => Math.abs(value - unit[at]) < 1e-7))
})

test('a long pass over rows stops when it is aborted', async () => {
  const rows = placeRows(arena(), matrix(100_000, 128))
  const controller = new AbortController()
  const reason = new Error('enough')
  const onProgress = () => controller.abort(reason)
  await assert.rejects(columnMoments(rows, { signal: controller.signal, onProgress }), reason)
})

test('prefix sums say where groups begin', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1000 })), counts => {
      const sums = prefixSums(counts)
      assert.equal(sums.length, counts.length + 1)
      counts.forEach((count, at) => {
        assert.equal(sums[at + 1] - sums[at], count)
      })
    }),
  )
  assert.throws(() => prefixSums(Uint32Array.of(4e9, 4e9)), /counts must be counts with a sum below 2³²/)
})

test('random numbers in bulk are those one by one, bit for bit, from any place', () => {
  const any = fc.tuple(
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.integer({ min: 0, max: 20 }),
    fc.integer({ min: 0, max: 50 }),
  )
  fc.assert(
    fc.property(any, ([seed, stream, from, count]) => {
      const [uniform, normal] = [random(seed, stream), random(seed, stream)]
      const numbers = Float64Array.from({ length: from + count }, uniform.next).subarray(from)
      const normals = Float64Array.from({ length: from + count }, normal.normal).subarray(from)
      const options = { seed, stream, from }
      assert.deepEqual(fillUniform(new Float64Array(count), options), numbers)
      assert.deepEqual(fillNormal(new Float64Array(count), options), normals)
      assert.deepEqual(fillNormal(new Float32Array(count), options), Float32Array.from(normals))
      const cut = Float32Array.from(numbers, value => Math.floor(value * 2 ** 24) / 2 ** 24)
      assert.deepEqual(fillUniform(new Float32Array(count), options), cut)
    }),
    { seed: 1 },
  )
  // Past the pieces that they are made in, and past 2³².
  const many = fillUniform(new Float64Array(20_000), { seed: 3 })
  const { next } = random(3)
  assert.ok(many.every(value => value === next()))
  const late = fillUniform(new Float64Array(10), { seed: 3, from: 2 ** 32 - 5 })
  assert.deepEqual(fillUniform(new Float64Array(5), { seed: 3, from: 2 ** 32 }), late.slice(5))
  assert.throws(() => fillUniform(new Float64Array(1), { seed: 1, from: -1 }), /from must be/)
})

test('normal numbers have the moments and quantiles of the normal distribution', () => {
  const n = 200_000
  const values = fillNormal(new Float64Array(n), { seed: 11 })
  const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / n
  // Five standard errors each.
  assert.ok(Math.abs(moment(1)) < 5 / Math.sqrt(n))
  assert.ok(Math.abs(moment(2) - 1) < 5 * Math.sqrt(2 / n))
  assert.ok(Math.abs(moment(3)) < 5 * Math.sqrt(15 / n))
  assert.ok(Math.abs(moment(4) - 3) < 5 * Math.sqrt(96 / n))
  const sorted = values.toSorted()
  for (const [share, quantile] of [
    [0.001, -3.0902323],
    [0.025, -1.959964],
    [0.25, -0.6744898],
    [0.5, 0],
    [0.9, 1.2815516],
    [0.9999, 3.7190165],
  ]) {
    const density = Math.exp(-(quantile ** 2) / 2) / Math.sqrt(2 * Math.PI)
    const error = (5 * Math.sqrt((share * (1 - share)) / n)) / density
    assert.ok(Math.abs(sorted[Math.floor(share * n)] - quantile) < error, `${share}: ${sorted[Math.floor(share * n)]}`)
  }
})
