import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { weightedSelect } from '../src/weighted-select.ts'

test('a number is selected as from a sorted list in which each stands as often as it weighs', () => {
  const one = fc.record({ value: fc.integer({ min: -9, max: 9 }), weight: fc.integer({ min: 1, max: 4 }) })
  fc.assert(
    fc.property(
      fc.array(one, { minLength: 1, maxLength: 60 }),
      fc.double({ min: 0.001, max: 1, noNaN: true }),
      (all, share) => {
        const sorted = all.flatMap(({ value, weight }) => new Array<number>(weight).fill(value)).sort((a, b) => a - b)
        const target = share * sorted.length
        const values = () => Float64Array.from(all, ({ value }) => value)
        const weights = Float64Array.from(all, ({ weight }) => weight)
        assert.equal(weightedSelect(values(), target, weights), sorted[Math.ceil(target) - 1])
        const rank = Math.ceil(share * all.length)
        assert.equal(weightedSelect(values(), rank), values().sort()[rank - 1])
      },
    ),
    { seed: 1, numRuns: 500 },
  )
})

test('sorted, equal and falling numbers are no slow case', () => {
  const n = 1_000_000
  for (const valueAt of [(at: number) => at, () => 3, (at: number) => -at])
    assert.equal(
      weightedSelect(
        Float64Array.from({ length: n }, (_, at) => valueAt(at)),
        n / 2,
      ),
      [valueAt(n / 2 - 1), valueAt(n / 2)].sort((a, b) => a - b)[0],
    )
})
