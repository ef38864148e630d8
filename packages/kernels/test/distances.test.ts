import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  arena,
  distanceBetween,
  distancesTo,
  encodeHalves,
  type Matrix,
  matrix,
  placeRows,
  type Rows,
  readNumbers,
  takeRows,
  type VectorMetric,
} from '@offprint/kernels'
import fc from 'fast-check'
import { arenas, dot, matrices, rowOf } from './variants.ts'

const metrics = ['sqeuclidean', 'inner', 'cosine'] as const

/** In 64 bits, and how far 32-bit sums may be from it. */
function exact(x: ArrayLike<number>, y: ArrayLike<number>, metric: VectorMetric): { value: number; within: number } {
  const roundings = (x.length + 8) * 2 ** -23
  const squares = dot(x, x) + dot(y, y)
  if (metric === 'cosine') {
    const lengths = Math.sqrt(dot(x, x) * dot(y, y))
    return { value: Math.max(0, 1 - dot(x, y) / lengths), within: 2 * roundings }
  }
  if (metric === 'inner') return { value: dot(x, y), within: roundings * Math.sqrt(dot(x, x) * dot(y, y)) + 1e-30 }
  let value = 0
  for (let at = 0; at < x.length; at++) value += (x[at] - y[at]) ** 2
  return { value, within: roundings * Math.min(value * 2, squares) + 1e-30 }
}

function check(query: ArrayLike<number>, rows: ArrayLike<number>[], metric: VectorMetric, found: Float32Array): void {
  assert.equal(found.length, rows.length)
  rows.forEach((row, at) => {
    const { value, within } = exact(query, row, metric)
    if (Number.isNaN(value)) assert.ok(Number.isNaN(found[at]))
    else assert.ok(Math.abs(found[at] - value) <= within, `${metric}: ${found[at]}, expected ${value} within ${within}`)
  })
}

const idsOf = (rows: number) => fc.array(fc.integer({ min: 0, max: rows - 1 }), { maxLength: 13 })
const cases = (given = matrices()) =>
  given.chain(points => fc.tuple(fc.constant(points), idsOf(points.rows), fc.integer({ min: 0, max: points.rows - 1 })))

/** A query that is a row at times, so that distances of 0 are among them. */
function queryOf(points: Matrix, row: number): Float32Array {
  return row % 3 ? rowOf(points, row) : rowOf(points, row).map(value => value * 0.5 + 1)
}

function placeBytes(space: Rows['arena'], points: Matrix): Rows {
  const rows = takeRows(space, points.rows, points.columns, 'int8')
  for (let row = 0; row < points.rows; row++)
    new Int8Array(space.memory.buffer, rows.pointer + row * rows.bytes, points.columns).set(rowOf(points, row))
  return rows
}

for (const [name, open] of arenas) {
  test(`${name}: floats to floats, halves and signed bytes are as in 64 bits`, async () => {
    const space = open()
    const byte = fc.integer({ min: -127, max: 127 })
    await fc.assert(
      fc.asyncProperty(cases(), async ([points, ids, row]) => {
        const query = queryOf(points, row)
        const rows = placeRows(space, points)
        const halves = await encodeHalves(rows)
        for (const metric of metrics) {
          const all = Array.from({ length: points.rows }, (_, at) => rowOf(points, at))
          check(query, all, metric, distancesTo(query, rows, metric))
          const chosen = ids.map(id => all[id])
          check(query, chosen, metric, distancesTo(query, rows, metric, { ids }))
          const rounded = ids.map(id => readNumbers(halves, id))
          check(query, rounded, metric, distancesTo(query, halves, metric, { ids }))
          const { value, within } = exact(all[0], all[row], metric)
          const pair = distanceBetween(rows, 0, row, metric)
          assert.ok(
            Number.isNaN(value) ? Number.isNaN(pair) : Math.abs(pair - value) <= within,
            `${pair}, not ${value}`,
          )
        }
        space.give(rows.pointer)
        space.give(halves.pointer)
      }),
      { seed: 1, numRuns: 60 },
    )
    await fc.assert(
      fc.property(cases(matrices({ cell: byte, columns: [1, 70] })), ([points, ids, row]) => {
        const rows = placeBytes(space, points)
        const query = rowOf(points, row)
        for (const metric of metrics) {
          const found = distancesTo(query, rows, metric, { ids })
          ids.forEach((id, at) => {
            const { value } = exact(query, rowOf(points, id), metric)
            // Whole numbers are exact.
            if (metric !== 'cosine') assert.equal(found[at], value)
            else assert.ok(Number.isNaN(value) ? Number.isNaN(found[at]) : Math.abs(found[at] - value) < 1e-6)
          })
        }
        space.give(rows.pointer)
      }),
      { seed: 2, numRuns: 60 },
    )
  })

  test(`${name}: bits that differ are counted`, () => {
    const space = open()
    const bits = fc
      .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9000 }), fc.integer())
      .map(([rows, columns, seed]) => {
        const data = Float32Array.from({ length: rows * columns }, (_, at) => ((at + 1) * (seed | 1) * 2654435761) & 64)
        return matrix(rows, columns, data)
      })
    fc.assert(
      fc.property(bits, points => {
        const rows = takeRows(space, points.rows, points.columns, 'bit')
        const view = new Uint8Array(space.memory.buffer)
        points.data.forEach((value, at) => {
          const column = at % points.columns
          if (value)
            view[rows.pointer + Math.floor(at / points.columns) * rows.bytes + (column >> 3)] |= 1 << (column & 7)
        })
        const query = rowOf(points, 0)
        const found = distancesTo(query, rows, 'hamming')
        for (let row = 0; row < points.rows; row++) {
          const other = rowOf(points, row)
          assert.equal(found[row], query.filter((value, at) => Boolean(value) !== Boolean(other[at])).length)
          assert.equal(distanceBetween(rows, 0, row, 'hamming'), found[row])
        }
        space.give(rows.pointer)
      }),
      { seed: 3, numRuns: 30 },
    )
  })
}

test('whole numbers give the same sums in both builds, floats nearly so', () => {
  const points = matrix(
    9,
    33,
    Float32Array.from({ length: 9 * 33 }, (_, at) => ((at * 7919) % 255) - 127),
  )
  const [relaxed, plain] = [true, false].map(wanted => placeBytes(arena(0, { relaxed: wanted }), points))
  for (const metric of metrics)
    assert.deepEqual(distancesTo(rowOf(points, 4), relaxed, metric), distancesTo(rowOf(points, 4), plain, metric))
})

test('what does not fit is refused in words', () => {
  const rows = placeRows(arena(), matrix(2, 3))
  assert.throws(() => distancesTo([1], rows, 'inner'), /query must be 3 numbers, found 1 numbers/)
  assert.throws(() => distancesTo([1, 2, 3], rows, 'hamming'), /metric must be one of .* for rows of float32/)
  assert.throws(() => distancesTo([1, 2, 3], rows, 'inner', { ids: [0, 2] }), /ids must be whole numbers from 0 to 1/)
  const bits = takeRows(arena(), 2, 3, 'bit')
  assert.throws(() => distancesTo([1, 0, 1], bits, 'cosine'), /metric must be hamming for rows of bit/)
  assert.throws(() => distanceBetween(rows, 0, 5, 'inner'), /ids must be/)
})

test('no row and no id give no distance', () => {
  assert.equal(distancesTo([1, 2], placeRows(arena(), matrix(0, 2)), 'inner').length, 0)
  assert.equal(distancesTo([1, 2], placeRows(arena(), matrix(3, 2)), 'inner', { ids: [] }).length, 0)
})
