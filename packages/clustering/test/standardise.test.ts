import assert from 'node:assert/strict'
import { test } from 'node:test'
import { completeRows, gower, gowerKinds, scaleColumns, standardisations, standardise } from '@offprint/clustering'
import { type Matrix, matrix } from '@offprint/kernels'
import fc from 'fast-check'
import { rowsOf } from './k-means-by-hand.ts'

const of = (...rows: number[][]) => matrix(rows.length, rows[0].length, Float32Array.from(rows.flat()))
const near = (found: ArrayLike<number>, expected: ArrayLike<number>) => {
  assert.equal(found.length, expected.length)
  for (let at = 0; at < found.length; at++)
    assert.ok(Math.abs(found[at] - expected[at]) < 1e-6, `${found[at]} instead of ${expected[at]} at ${at}`)
}

test('columns come to the scales that were asked for, and other rows go with them', () => {
  const points = of([1, 5, 0], [2, 5, 0], [3, 5, 0], [10, 5, 7])
  const score = standardise(points)
  near(score.offsets, [4, 5, 1.75])
  near(score.scales, [Math.sqrt(12.5), 1, Math.sqrt(9.1875)])
  near(
    score.points.data.filter((_, at) => at % 3 === 1),
    [0, 0, 0, 0],
  )
  const robust = standardise(points, 'robust')
  // Median 2.5, deviations 0.5, 0.5, 1.5, 7.5; the last column's median deviation is 0, its mean one 1.75.
  near(robust.offsets, [2.5, 5, 0])
  near(robust.scales, [1.4826, 1, 1.2533 * 1.75])
  const range = standardise(points, 'min-max')
  near(range.points.data, [0, 0, 0, 1 / 9, 0, 0, 2 / 9, 0, 0, 1, 0, 1])
  near(scaleColumns(of([19, 6, 14]), range).data, [2, 1, 2])
  assert.throws(() => scaleColumns(of([1]), range), /3 columns/)
})

test('standardised columns have location 0 and spread 1 whatever they were', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: -20, max: 20 }),
      fc.constantFrom(...standardisations),
      (values, power, how) => {
        const { points } = standardise(of(...values.map(value => [value * 2 ** power])), how)
        const found = [...points.data]
        assert.ok(found.every(Number.isFinite))
        const mean = found.reduce((a, b) => a + b, 0) / found.length
        if (new Set(values).size === 1)
          assert.deepEqual(
            found,
            values.map(() => 0),
          )
        else if (how === 'min-max') assert.deepEqual([Math.min(...found), Math.max(...found)], [0, 1])
        else if (how === 'z-score') {
          near([mean, found.reduce((a, b) => a + (b - mean) ** 2, 0) / found.length], [0, 1])
        } else assert.ok(found.filter(value => value <= 1e-6).length * 2 >= found.length)
      },
    ),
    { seed: 1, numRuns: 300 },
  )
})

const gap = Number.NaN

test('missing cells are refused, left out or filled in, as was asked', async () => {
  const points = of([1, 10, 3], [gap, 20, 4], [3, gap, 5], [4, 40, 60])
  const refused = { name: 'InputError', message: /row 2, column 1/ }
  await assert.rejects(completeRows(points), refused)
  const dropped = await completeRows(points, 'drop')
  assert.deepEqual(
    [[...dropped.rows], rowsOf(dropped.points)],
    [
      [0, 3],
      [
        [1, 10, 3],
        [4, 40, 60],
      ],
    ],
  )
  const mean = await completeRows(points, 'mean')
  assert.equal(mean.filled, 2)
  near([mean.points.data[3], mean.points.data[7]], [8 / 3, 70 / 3])
  const median = await completeRows(points, 'median')
  near([median.points.data[3], median.points.data[7]], [3, 20])
  // Row 2 is nearest to row 3 where it may be, which differs by 1 in the last column only.
  const nearest = await completeRows(points, 'nearest')
  assert.deepEqual(rowsOf(nearest.points).slice(1, 3), [
    [3, 20, 4],
    [3, 20, 5],
  ])
  assert.deepEqual([...points.data.filter(Number.isNaN)].length, 2)
  const whole: Matrix = of([1, 2])
  assert.equal((await completeRows(whole)).points, whole)
  for (const how of ['mean', 'median', 'nearest'] as const)
    await assert.rejects(completeRows(of([gap, 1], [gap, 2]), how), {
      name: 'InputError',
      message: /column 1 has no number/,
    })
  await assert.rejects(completeRows(of([gap], [gap]), 'drop'), /every row/)
  await assert.rejects(completeRows(of([Infinity, gap]), 'mean'), /row 1, column 1/)
  await assert.rejects(completeRows(of([1]), 'zero' as 'mean'), /missing/)
})

const mixed = [
  { kind: 'number', values: [1.5, 2, gap, 4, 3], weight: 2 },
  { kind: 'ordered', values: [1, 2, 3, 2, 1] },
  { kind: 'nominal', values: ['red', 'blue', 'red', null, 'green'] },
  { kind: 'asymmetric', values: [1, 0, 0, 1, 0], weight: 3 },
  { kind: 'nominal', values: [false, true, false, false, false], weight: 0.5 },
  { kind: 'number', values: [5, 5, 5, 5, 5] },
] as const

test('Gower’s dissimilarities are those of R’s daisy', async () => {
  // cluster 2.1.4, daisy(metric = "gower", type = list(asymm = 4, symm = 5)), without weights and with them: rows below the diagonal.
  const plain = await gower(
    mixed.map(({ weight: _, ...column }: (typeof mixed)[number] & { weight?: number }) => column),
  )
  const expected = [[0.6166666667], [0.4, 0.625], [0.3, 0.56, 0.375], [0.4333333333, 0.58, 0.5, 0.38]]
  const weighted = [
    [0.6352941176],
    [0.6153846154, 0.5714285714],
    [0.3333333333, 0.68, 0.6363636364],
    [0.6117647059, 0.5090909091, 0.5714285714, 0.5733333333],
  ]
  for (const [found, rows] of [
    [plain, expected],
    [await gower(mixed), weighted],
  ] as const)
    for (const [at, row] of rows.entries()) near(found.data.subarray(5 * (at + 1), 5 * (at + 1) + at + 1), row)
})

test('Gower’s dissimilarities of numbers whose difference is beyond all numbers', async () => {
  const { data } = await gower([{ kind: 'number', values: [-1.7e308, 0, 1.7e308] }])
  assert.deepEqual([...data], [0, 0.5, 1, 0.5, 0, 0.5, 1, 0.5, 0])
})

test('Gower’s dissimilarities are from 0 to 1, and wrong columns are refused by name', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          kind: fc.constantFrom(...gowerKinds),
          values: fc.array(fc.constantFrom(0, 1), { minLength: 6, maxLength: 6 }),
          weight: fc.integer({ min: 1, max: 3 }),
        }),
        { minLength: 1, maxLength: 5 },
      ),
      async columns => {
        // One that all rows have.
        const found = await gower([...columns, { kind: 'number', values: [0, 1, 2, 3, 4, 5] }])
        for (let a = 0; a < 6; a++)
          for (let b = 0; b < 6; b++) {
            let [sum, weight] = [Math.abs(a - b) / 5, 1]
            for (const column of columns) {
              const [x, y] = [column.values[a], column.values[b]]
              if (column.kind === 'asymmetric' && x + y === 0) continue
              weight += column.weight
              if (x !== y) sum += column.weight
            }
            assert.ok(Math.abs(found.data[6 * a + b] - (a === b ? 0 : sum / weight)) < 1e-6)
          }
      },
    ),
    { seed: 1, numRuns: 100 },
  )
  const bad = (message: RegExp) => ({ name: 'InputError', message })
  await assert.rejects(gower([]), bad(/columns/))
  await assert.rejects(
    gower([
      { kind: 'number', values: [1] },
      { kind: 'number', values: [1, 2] },
    ]),
    bad(/2 rows in column 2/),
  )
  await assert.rejects(
    gower([{ name: 'age', kind: 'number', values: [1, 'x'] }]),
    bad(/row 2 of age must be a finite number/),
  )
  await assert.rejects(gower([{ kind: 'asymmetric', values: [1, 2] }]), bad(/0 or 1/))
  await assert.rejects(gower([{ kind: 'ordered', values: [1, 1.5] }]), bad(/whole number/))
  await assert.rejects(gower([{ kind: 'number', values: [1, 2], weight: -1 }]), bad(/weight/))
  await assert.rejects(gower([{ kind: 'number', values: [1, 2], weight: 0 }]), bad(/weight/))
  await assert.rejects(gower([{ kind: 'number', values: [1, gap] }]), bad(/rows 1 and 2 have no column in common/))
  await assert.rejects(gower([{ kind: 'binary' as 'number', values: [1] }]), bad(/kind/))
})
