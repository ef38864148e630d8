import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  clusterMedoids,
  clusterProfile,
  matchLabels,
  project,
  type Variable,
  variablePoints,
} from '@offprint/clustering'
import { matrix } from '@offprint/kernels'
import fc from 'fast-check'

const number = (name: string, ...values: number[]): Variable => ({
  name,
  kind: 'number',
  values: Float64Array.from(values),
})
const category = (name: string, categories: string[], ...values: number[]): Variable => ({
  name,
  kind: 'category',
  categories,
  values: Int32Array.from(values),
})
const near = (found: number, expected: number, within = 1e-9) =>
  assert.ok(Math.abs(found - expected) <= within * Math.max(1, Math.abs(expected)), `${found} instead of ${expected}`)
const mean = (values: number[]) => values.reduce((sum, one) => sum + one, 0) / values.length
const variance = (values: number[]) => mean(values.map(value => (value - mean(values)) ** 2))

test('columns of numbers are scaled as they are asked to be', () => {
  const column = number('x', 1, 2, 3, 10)
  const of = (scaling: 'z-score' | 'robust' | 'min-max' | 'none') => [
    ...variablePoints([column], { scaling }).points.data,
  ]
  assert.deepEqual(of('none'), [1, 2, 3, 10])
  assert.deepEqual(of('min-max'), [0, 1 / 9, 2 / 9, 1].map(Math.fround))
  // Median 2.5, absolute deviations 1.5, 0.5, 0.5, 7.5, of which the median is 1.
  assert.deepEqual(
    of('robust'),
    [-1.5, -0.5, 0.5, 7.5].map(value => Math.fround(value / 1.4826)),
  )
  near(mean(of('z-score')), 0, 1e-6)
  near(variance(of('z-score')), 1, 1e-6)
})

test('a column of categories has variance 1, as a standardised one of numbers, or is 1 apart', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3), { minLength: 2, maxLength: 40 }), values => {
      const { points } = variablePoints([category('c', ['a', 'b', 'c', 'd'], ...values)])
      const columns = [0, 1, 2, 3].map(at => values.map((_, row) => points.data[4 * row + at]))
      const total = columns.reduce((sum, column) => sum + variance(column), 0)
      near(total, new Set(values).size > 1 ? 1 : 0, 1e-5)
    }),
  )
  const { points } = variablePoints([category('c', ['a', 'b'], 0, 1, 1)], { scaling: 'min-max' })
  near(Math.hypot(points.data[0] - points.data[2], points.data[1] - points.data[3]), 1, 1e-6)
})

test('missing cells are refused with their place, or dropped or filled where that is asked', () => {
  const columns = [number('x', 1, Number.NaN, 3, 4), category('c', ['a', 'b'], 0, 1, -1, 1)]
  assert.throws(() => variablePoints(columns), { field: 'missing', message: /row 2, column 'x': the cell is empty/ })
  assert.deepEqual([...variablePoints(columns, { missing: 'drop' }).rows], [0, 3])
  const filled = variablePoints(columns, { missing: 'median', scaling: 'none' })
  assert.equal(filled.filled, 2)
  assert.deepEqual(
    Array.from({ length: 4 }, (_, row) => filled.points.data[3 * row]),
    [1, 3, 3, 4],
  )
  // The commonest category.
  assert.ok(filled.points.data[3 * 2 + 2] > 0)
  assert.throws(() => variablePoints([number('x', Number.NaN)], { missing: 'drop' }), /no row is without an empty cell/)
  assert.throws(() => variablePoints([number('x', Number.NaN)], { missing: 'median' }), /'x' has none/)
})

test('degenerate columns: constant, enormous, tiny, infinite, none at all', () => {
  for (const scaling of ['z-score', 'robust', 'min-max'] as const) {
    assert.deepEqual([...variablePoints([number('x', 7, 7, 7)], { scaling }).points.data], [0, 0, 0])
    for (const unit of [1e300, 1e-300]) {
      const { data } = variablePoints([number('x', -unit, 0, unit)], { scaling }).points
      assert.ok(data.every(Number.isFinite) && data[2] > data[1] && data[1] > data[0], `${scaling}: ${data}`)
    }
    // Milliseconds since 1970 keep their differences.
    const { data } = variablePoints([number('t', 1764201600000, 1764201600001, 1764201600002)], { scaling }).points
    near(data[2] - data[1], data[1] - data[0], 1e-3)
    assert.ok(data[1] > data[0])
  }
  // More than half of the cells are equal: the median absolute deviation is 0.
  const { data } = variablePoints([number('x', 0, 0, 0, 0, 5)], { scaling: 'robust' }).points
  near(data[4], 5 / 1.2533, 1e-6)
  assert.throws(() => variablePoints([number('x', 1, Infinity)]), /finite numbers in 'x'/)
  assert.throws(
    () => variablePoints([number('x', 1, 1e39)], { scaling: 'none' }),
    /32-bit floats \(row 2, column 'x'\)/,
  )
  assert.throws(() => variablePoints([]), /at least one column/)
  assert.throws(() => variablePoints([number('x', 1), number('y', 1, 2)]), /one for each of 1 rows/)
})

test('a profile equals means, shares and deviations by hand', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ x: fc.integer({ min: -50, max: 50 }), c: fc.nat(2), label: fc.integer({ min: -1, max: 3 }) }),
        {
          minLength: 1,
          maxLength: 40,
        },
      ),
      rows => {
        const labels = rows.map(row => row.label)
        const variables = [
          number('x', ...rows.map(row => row.x)),
          category('c', ['a', 'b', 'c'], ...rows.map(row => row.c)),
        ]
        const { differences, explained } = clusterProfile(variables, labels)
        assert.equal(differences.length, Math.max(...labels) + 1)
        for (const of of differences) {
          for (let at = 1; at < of.length; at++) assert.ok(Math.abs(of[at].effect) <= Math.abs(of[at - 1].effect))
          for (const { cluster, variable, category: which, inside, outside, overall, effect } of of) {
            const value = (row: (typeof rows)[number]) => (variable ? Number(row.c === which) : row.x)
            const mine = rows.filter(row => row.label === cluster).map(value)
            const others = rows.filter(row => row.label !== cluster).map(value)
            near(inside, mean(mine))
            near(outside, mean(others))
            near(overall, mean(rows.map(value)))
            if (variable) near(effect, 2 * Math.asin(Math.sqrt(inside)) - 2 * Math.asin(Math.sqrt(outside)), 1e-7)
            else near(effect, (mean(mine) - mean(others)) / Math.sqrt(variance(rows.map(value))))
          }
        }
        const clustered = rows.filter(row => row.label >= 0)
        const shareOf = (value: (row: (typeof rows)[number]) => number) => {
          const groups = [...Map.groupBy(clustered, row => row.label).values()].map(group => group.map(value))
          const within = groups.reduce((sum, group) => sum + group.length * variance(group), 0)
          return [within, clustered.length ? clustered.length * variance(clustered.map(value)) : 0]
        }
        const [within, whole] = shareOf(row => row.x)
        if (explained[0] === null) assert.ok(whole < 1e-9)
        else near(explained[0], 1 - within / whole)
        const parts = [0, 1, 2].map(which => shareOf(row => Number(row.c === which)))
        const all = parts.reduce((sum, part) => sum + part[1], 0)
        if (explained[1] === null) assert.ok(all < 1e-9)
        else near(explained[1], 1 - parts.reduce((sum, part) => sum + part[0], 0) / all)
      },
    ),
  )
})

test('a profile leaves missing cells and constant columns out, and keeps the digits of large numbers', () => {
  const labels = [0, 0, 1, 1]
  const far = 2 ** 40
  const { differences, explained } = clusterProfile(
    [number('gap', 1, Number.NaN, 3, 5), number('same', 2, 2, 2, 2), number('far', far, far + 1, far + 2, far + 3)],
    labels,
  )
  assert.deepEqual(differences[0].map(one => one.variable).sort(), [0, 2])
  assert.equal(differences[0].find(one => one.variable === 0)!.inside, 1)
  assert.equal(differences[1].find(one => one.variable === 0)!.inside, 4)
  near(differences[0].find(one => one.variable === 2)!.effect, -2 / Math.sqrt(1.25))
  assert.equal(explained[1], null)
  near(explained[2]!, 0.8)
  assert.throws(() => clusterProfile([number('x', 1, 2)], [0]), /labels must be one for each of 2 rows/)
  assert.throws(() => clusterProfile([number('x', 1)], [-2]), /whole numbers from 0/)
})

test('a profile of enormous and of tiny numbers is that of the same numbers near 1', () => {
  const values = [1, 2, 4, 9, 9.5, NaN, 11]
  const labels = [0, 0, 0, 1, 1, 1, -1]
  const plain = clusterProfile([number('x', ...values)], labels)
  for (const unit of [1e300, 1e-300]) {
    const { differences, explained } = clusterProfile([number('x', ...values.map(value => value * unit))], labels)
    near(explained[0]!, plain.explained[0]!)
    for (const [cluster, [one]] of differences.entries()) {
      const [expected] = plain.differences[cluster]
      near(one.effect, expected.effect)
      for (const key of ['inside', 'outside', 'overall'] as const) near(one[key] / unit, expected[key])
    }
  }
})

test('a column that is the same in all clusters has no variance between them, whatever noise has', () => {
  const { explained } = clusterProfile([number('x', 0.1, 0.1, 0.1, 0.7)], [0, 0, 1, -1])
  assert.deepEqual(explained, [null])
})

test('labels keep their numbers as well as any renaming can do it', () => {
  const label = fc.integer({ min: -1, max: 3 })
  fc.assert(
    fc.property(fc.array(fc.tuple(label, label), { maxLength: 30 }), rows => {
      const before = rows.map(row => row[0])
      const after = rows.map(row => row[1])
      const found = matchLabels(before, after)
      // The same partition under other numbers.
      for (let row = 0; row < rows.length; row++)
        assert.equal(found.labels[row], after[row] < 0 ? -1 : found.numbers[after[row]])
      assert.equal(new Set(found.numbers).size, found.numbers.length)
      const k = Math.max(-1, ...after) + 1
      const count = (numbers: number[]) => rows.filter(([a, b]) => a >= 0 && b >= 0 && numbers[b] === a).length
      let best = 0
      const tryAll = (numbers: number[]): void => {
        if (numbers.length === k) best = Math.max(best, count(numbers))
        else for (let number = 0; number < 8; number++) if (!numbers.includes(number)) tryAll([...numbers, number])
      }
      tryAll([])
      assert.equal(count([...found.numbers]), best)
      const common = rows.filter(([a, b]) => a >= 0 && b >= 0).length
      assert.equal(found.kept, common ? best / common : null)
      assert.deepEqual(
        found.appeared.toSorted((a, b) => a - b),
        [...new Set(found.labels)].filter(number => number >= 0 && !before.includes(number)).sort((a, b) => a - b),
      )
    }),
    { numRuns: 60 },
  )
  assert.deepEqual([...matchLabels([0, 0, 1, 1, -1], [1, 1, 0, 2, 2]).labels], [0, 0, 1, 2, 2])
  assert.deepEqual(matchLabels([0, 1, 2], [0, 0, 0]).vanished, [1, 2])
  assert.throws(() => matchLabels([0], []), /after must be one for each of the 1 before/)
})

test('large label numbers take neither time nor memory, and are refused where a result has a place for each', () => {
  const ids = matchLabels([2_000_000_000, 7, 7], [1, 0, 0])
  assert.deepEqual([[...ids.labels], ids.kept], [[2_000_000_000, 7, 7], 1])
  const fresh = matchLabels([100_000_000, -1], [0, 1])
  assert.deepEqual([[...fresh.labels], fresh.appeared], [[100_000_000, 100_000_001], [100_000_001]])
  const points = matrix(3, 2, Float32Array.of(0, 0, 1, 1, 9, 9))
  const medoids = clusterMedoids(points, [0, 0, 900_000])
  assert.deepEqual([medoids.length, medoids[0], medoids[5], medoids[900_000]], [900_001, 0, -1, 2])
  const wide = category('c', [...Array(50).keys()].map(String), 3, 3, 4)
  const { differences } = clusterProfile([number('x', 1, 2, 9), wide], [0, 0, 900_000])
  assert.deepEqual(differences[900_000].map(({ cluster, variable }) => [cluster, variable]).sort(), [
    [900_000, 0],
    [900_000, 1],
  ])
  for (const call of [
    () => clusterMedoids(points, [0, 1, 100_000_000]),
    () => clusterProfile([number('x', 1, 2, 9)], [0, 1, 100_000_000]),
  ])
    assert.throws(call, /labels must be at most 999999, found 100000000/)
  assert.throws(() => matchLabels([0, 1], [0, 100_000_000]), /after must be at most 999999/)
  assert.throws(() => matchLabels([0, 2 ** 31], [0, 1]), /before must be at most 2000000000/)
})

test('a cluster is shown by the row with the least sum of squared distances to its others', () => {
  const cell = fc.integer({ min: -9, max: 9 })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(cell, cell, fc.integer({ min: -1, max: 2 })), { minLength: 1, maxLength: 25 }),
      rows => {
        const points = matrix(rows.length, 2, Float32Array.from(rows.flatMap(row => row.slice(0, 2))))
        const medoids = clusterMedoids(
          points,
          rows.map(row => row[2]),
        )
        for (const [cluster, medoid] of medoids.entries()) {
          const own = rows.filter(row => row[2] === cluster)
          const sum = (row: number[]) =>
            own.reduce((all, other) => all + (row[0] - other[0]) ** 2 + (row[1] - other[1]) ** 2, 0)
          if (!own.length) assert.equal(medoid, -1)
          else {
            assert.equal(rows[medoid][2], cluster)
            assert.equal(sum(rows[medoid]), Math.min(...own.map(sum)))
          }
        }
      },
    ),
  )
})

test('a projection of points says how much of their variance it shows', async () => {
  // Variances 8, 2 and 0.5 along the columns, without covariance.
  const corners = [-1, 1].flatMap(x =>
    [-1, 1].flatMap(y => [-1, 1].map(z => [x * Math.sqrt(8), y * Math.sqrt(2), z * Math.sqrt(0.5)])),
  )
  const { shares } = await project(matrix(8, 3, Float32Array.from(corners.flat())))
  near(shares![0], 8 / 10.5, 1e-4)
  near(shares![1], 2 / 10.5, 1e-4)
  assert.deepEqual((await project(matrix(3, 1))).shares, [0, 0])
})
