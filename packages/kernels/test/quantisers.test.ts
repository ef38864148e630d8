import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  arena,
  decodeBits,
  decodeBytes,
  decodeHalves,
  distancesTo,
  distancesToBytes,
  encodeBits,
  encodeBytes,
  encodeHalves,
  matrix,
  placeRows,
  random,
  readNumbers,
  readRows,
  trainBits,
  trainBytes,
} from '@offprint/kernels'
import fc from 'fast-check'
import { arenas, dot, matrices, rowOf } from './variants.ts'

const wide = fc.oneof(
  fc.float({ min: -65_504, max: 65_504, noNaN: true }),
  fc.float({ min: -(2 ** -10), max: 2 ** -10, noNaN: true }),
  fc.constantFrom(0, -0, 65_504, -65_504, 2 ** -14, 2 ** -24, 2 ** -25, 1.5 * 2 ** -24, 2049 / 2048, 2051 / 2048),
)

for (const [name, open] of arenas) {
  test(`${name}: 16-bit floats are the nearest, and every one of them comes back as it was`, async () => {
    const space = open()
    await fc.assert(
      fc.asyncProperty(matrices({ cell: wide }), async points => {
        const rows = placeRows(space, points)
        const halves = await encodeHalves(rows)
        const back = await decodeHalves(halves)
        const { data } = readRows(back)
        points.data.forEach((value, at) => {
          const bound = Math.abs(value) < 2 ** -14 ? 2 ** -25 : Math.abs(value) * 2 ** -11
          assert.ok(Math.abs(data[at] - value) <= bound, `${value} came back as ${data[at]}`)
        })
        const again = await decodeHalves(await encodeHalves(back))
        assert.deepEqual(readRows(again).data, data)
      }),
      { seed: 1, numRuns: 40 },
    )
    // All finite halves, whose neighbours tell whether ties go to the even one.
    const all = Float32Array.from({ length: 31 * 1024 }, (_, bits) => half(bits))
    const back = readRows(await decodeHalves(await encodeHalves(placeRows(space, matrix(31, 1024, all))))).data
    assert.deepEqual(back, all)
    const between = all.slice(0, -1).map((value, at) => (value + all[at + 1]) / 2)
    const even = readRows(await decodeHalves(await encodeHalves(placeRows(space, matrix(1, between.length, between)))))
    even.data.forEach((value, at) => {
      assert.equal(value, all[at % 2 ? at + 1 : at])
    })
  })

  test(`${name}: bytes come back within half a step of their column’s range`, async () => {
    const space = open()
    const given = fc.tuple(matrices(), fc.constantFrom('column', 'one'), fc.constantFrom(1, 0.9))
    await fc.assert(
      fc.asyncProperty(given, async ([points, scale, coverage]) => {
        const rows = placeRows(space, points)
        const quantiser = await trainBytes(rows, { scale, coverage })
        const { offsets, steps } = quantiser
        const codes = await encodeBytes(rows, quantiser)
        const { data } = readRows(await decodeBytes(codes, quantiser))
        points.data.forEach((value, at) => {
          const column = at % points.columns
          const [low, high] = [-127, 127].map(code => offsets[column] + code * steps[column])
          const kept = Math.min(Math.max(value, low), high)
          const rounding = 1e-6 * (Math.abs(value) + Math.abs(offsets[column]))
          assert.ok(Math.abs(data[at] - kept) <= steps[column] / 2 + rounding, `${value} came back as ${data[at]}`)
          if (coverage === 1) assert.ok(Math.abs(kept - value) <= rounding, `${value} lies outside`)
        })
        assert.ok(scale === 'column' || (offsets.every(offset => offset === 0) && new Set(steps).size === 1))
        // Distances of a query to codes are those to what they stand for.
        const query = rowOf(points, 0).map(value => value + 0.25)
        for (const metric of ['sqeuclidean', 'inner'] as const) {
          const found = distancesToBytes(query, codes, quantiser, metric)
          const few = distancesToBytes(query, codes, quantiser, metric, Uint32Array.of(points.rows - 1))
          assert.equal(few[0], found[points.rows - 1])
          for (let row = 0; row < points.rows; row++) {
            const decoded = data.subarray(row * points.columns, (row + 1) * points.columns)
            const difference = query.map((value, at) => value - decoded[at])
            const expected = metric === 'inner' ? dot(query, decoded) : dot(difference, difference)
            const sizes =
              Math.sqrt(dot(query, query) * (dot(decoded, decoded) + dot(offsets, offsets) + 1)) + dot(query, query)
            assert.ok(
              Math.abs(found[row] - expected) <= 1e-5 * (sizes + dot(decoded, decoded)),
              `${found[row]}, not ${expected}`,
            )
          }
        }
      }),
      { seed: 2, numRuns: 40 },
    )
  })

  test(`${name}: bits say on which side of the mean a number is`, async () => {
    const space = open()
    await fc.assert(
      fc.asyncProperty(matrices({ columns: [1, 150] }), async points => {
        const rows = placeRows(space, points)
        const quantiser = await trainBits(rows)
        const { centres, sizes } = quantiser
        const bits = await encodeBits(rows, quantiser)
        const { data } = readRows(await decodeBits(bits, quantiser))
        const errors = new Float64Array(points.columns)
        const deviations = new Float64Array(points.columns)
        points.data.forEach((value, at) => {
          const column = at % points.columns
          const above = value > centres[column]
          assert.equal(data[at], Math.fround(centres[column] + (above ? 1 : -1) * sizes[column]))
          errors[column] += (data[at] - value) ** 2
          deviations[column] += (value - centres[column]) ** 2
        })
        errors.forEach((error, column) => {
          const expected = deviations[column] - points.rows * sizes[column] ** 2
          assert.ok(
            Math.abs(error - expected) <= 1e-5 * (deviations[column] + centres[column] ** 2),
            `${error}, not ${expected}`,
          )
        })
        const first = readNumbers(bits, 0)
        const found = distancesTo(first, bits, 'hamming')
        for (let row = 0; row < points.rows; row++) {
          const other = readNumbers(bits, row)
          assert.equal(found[row], first.filter((bit, at) => bit !== other[at]).length)
        }
      }),
      { seed: 3, numRuns: 40 },
    )
  })
}

function half(bits: number): number {
  const exponent = bits >> 10
  const fraction = bits & 1023
  return exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24
}

test('numbers that lie outside the percentiles get the last code, and one outlier does not cost the rest their digits', async () => {
  const { next } = random(1)
  const points = matrix(
    1000,
    1,
    Float32Array.from({ length: 1000 }, (_, at) => (at === 7 ? 1e6 : next())),
  )
  const rows = placeRows(arena(), points)
  const quantiser = await trainBytes(rows, { coverage: 0.99 })
  const { data } = readRows(await decodeBytes(await encodeBytes(rows, quantiser), quantiser))
  assert.ok(quantiser.steps[0] < 1 / 250)
  assert.ok(data[7] <= 1.01)
  assert.ok(data.every((value, at) => at === 7 || Math.abs(value - points.data[at]) < 0.02))
})

test('columns and matrices of one value come back exactly', async () => {
  for (const value of [0, 7, -1e30]) {
    const points = matrix(5, 3, new Float32Array(15).fill(value))
    const rows = placeRows(arena(), points)
    const quantiser = await trainBytes(rows)
    assert.deepEqual(readRows(await decodeBytes(await encodeBytes(rows, quantiser), quantiser)), points)
    const bits = await trainBits(rows)
    assert.deepEqual(readRows(await decodeBits(await encodeBits(rows, bits), bits)), points)
  }
})

test('the sample of many rows follows the seed', async () => {
  const { next } = random(3)
  const rows = placeRows(arena(), matrix(25_000, 2, Float32Array.from({ length: 50_000 }, next)))
  assert.deepEqual(await trainBytes(rows, { seed: 5 }), await trainBytes(rows, { seed: 5 }))
  assert.notDeepEqual(await trainBytes(rows, { seed: 5 }), await trainBytes(rows, { seed: 6 }))
})

test('what cannot be stored is refused, and its memory given back', async () => {
  const space = arena()
  const rows = placeRows(space, matrix(2, 2, Float32Array.of(1, 2, 3, 70_000)))
  const free = space.take(16)
  space.give(free)
  await assert.rejects(
    encodeHalves(rows, { field: 'table' }),
    /table: row 2, column 2 must be within ±65,504, found 70000/,
  )
  assert.equal(space.take(16), free)
  await assert.rejects(trainBytes(rows, { coverage: 0 }), /coverage must be above 0 and at most 1/)
  await assert.rejects(trainBytes(placeRows(space, matrix(0, 2))), /vectors must be at least one row/)
  await assert.rejects(trainBits(placeRows(space, matrix(0, 2))), /vectors must be at least one row/)
  const other = await trainBytes(placeRows(space, matrix(1, 3)))
  await assert.rejects(encodeBytes(rows, other), /quantiser must be a quantiser of 2 columns, found 3 columns/)
})
