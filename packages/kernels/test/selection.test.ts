import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { leastOfRows, type Matrix, matrix, random, topK, workerPool } from '@offprint/kernels'
import fc from 'fast-check'
import { matrices, rowOf } from './variants.ts'

const pool = workerPool({ threads: 2 })
after(() => pool.close())

/** By sorting: NaN last, equal numbers by column. */
function sorted(values: Float32Array, largest: boolean): number[] {
  const sign = largest ? -1 : 1
  return [...values.keys()].sort((a, b) => {
    const [x, y] = [values[a] * sign, values[b] * sign]
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || a - b
    return x - y || a - b
  })
}

async function checkTopK(values: Matrix, k: number): Promise<void> {
  for (const largest of [false, true])
    for (const one of [undefined, pool]) {
      const found = await topK(values, k, { largest, pool: one })
      assert.equal(found.k, Math.min(k, values.columns))
      for (let row = 0; row < values.rows; row++) {
        const expected = sorted(rowOf(values, row), largest).slice(0, k)
        const from = row * found.k
        assert.deepEqual([...found.ids.subarray(from, from + found.k)], expected)
        assert.deepEqual(
          [...found.values.subarray(from, from + found.k)],
          expected.map(id => rowOf(values, row)[id]),
        )
      }
    }
}

// Few different numbers, so that many are equal; and all that a float can be.
const cell = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.float(),
  fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-45, -1e-45),
)

test('the k least and greatest of each row are those of a sort, ties by column, NaN last', async () => {
  const given = fc.tuple(matrices({ rows: [0, 6], columns: [1, 70], cell }), fc.integer({ min: 1, max: 80 }))
  await fc.assert(
    fc.asyncProperty(given, ([values, k]) => checkTopK(values, k)),
    { seed: 1, numRuns: 60 },
  )
})

test('many columns and a large k are sorted out likewise', async () => {
  const { next } = random(1)
  const values = matrix(3, 5000)
  for (let at = 0; at < values.data.length; at++)
    values.data[at] = at < 5000 ? next() - 0.5 : Math.floor(next() * 40) - 20
  values.data.fill(Number.NaN, 10_000, 14_900)
  for (const k of [1, 10, 32, 33, 100, 300, 2500, 4999, 5000, 9000]) await checkTopK(values, k)
})

test('rows in whatever order, in which a sample misleads, come out right', async () => {
  // Every 39th number is small, or large, and the sample takes none but those.
  for (const odd of [-1e6, 1e6]) {
    const values = matrix(1, 10_000)
    for (let at = 0; at < 10_000; at++) values.data[at] = at % 39 ? Math.sin(at) : odd + at
    for (const k of [40, 400, 5000]) await checkTopK(values, k)
  }
  const climbing = matrix(2, 3000)
  for (let at = 0; at < 6000; at++) climbing.data[at] = at < 3000 ? at : -at
  for (const k of [20, 100]) await checkTopK(climbing, k)
})

test('the least of each row comes with the one after it', async () => {
  await fc.assert(
    fc.asyncProperty(matrices({ rows: [0, 20], columns: [1, 40], cell }), async values => {
      for (const one of [undefined, pool]) {
        const { ids, least, second } = await leastOfRows(values, { pool: one })
        for (let row = 0; row < values.rows; row++) {
          const numbers = rowOf(values, row)
          const rest = sorted(numbers, false).filter(at => !Number.isNaN(numbers[at]))
          assert.equal(ids[row], rest[0] !== undefined && numbers[rest[0]] < Infinity ? rest[0] : 0)
          assert.ok(least[row] === (numbers[rest[0]] ?? Infinity))
          assert.ok(second[row] === (numbers[rest[1]] ?? Infinity))
        }
      }
    }),
    { seed: 2, numRuns: 100 },
  )
})

test('a k that is no number of rows, and rows without columns, are refused', async () => {
  for (const k of [0, -1, 1.5, Number.NaN])
    await assert.rejects(topK(matrix(1, 1), k), /k must be a whole number of at least 1/)
  await assert.rejects(leastOfRows(matrix(2, 0)), /values must be rows with at least one column/)
  assert.deepEqual(await topK(matrix(2, 0), 3), { k: 0, ids: new Uint32Array(), values: new Float32Array() })
})
