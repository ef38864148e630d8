import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alternating, fasterPam, fastPam1, fastPam2, inits, type KMedoids, pam } from '@offprint/clustering'
import { dissimilarities, matrix, metrics, precomputed, random, workerPool } from '@offprint/kernels'
import fc from 'fast-check'
import { bestSwap, buildByHand, pamByHand, type Rows, totalDeviation } from './brute-force.ts'

const methods = { fasterPam, fastPam1, fastPam2, pam, alternating }

/** Dissimilarities in small whole numbers (ties and duplicates abound, no triangle inequality), a k, and whole weights. */
const cases = fc.integer({ min: 1, max: 14 }).chain(n =>
  fc.record({
    n: fc.constant(n),
    k: fc.integer({ min: 1, max: n }),
    upper: fc.array(fc.integer({ min: 0, max: 12 }), { minLength: (n * (n - 1)) / 2, maxLength: (n * (n - 1)) / 2 }),
    weights: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: n, maxLength: n }),
    seed: fc.integer({ min: 0, max: 1000 }),
  }),
)

type Case = typeof cases extends fc.Arbitrary<infer One> ? One : never

function rowsOf({ n, upper }: Pick<Case, 'n' | 'upper'>): Rows {
  const rows = Array.from({ length: n }, () => new Array<number>(n).fill(0))
  let next = 0
  for (let a = 0; a < n; a++)
    for (let b = a + 1; b < n; b++) {
      rows[a][b] = upper[next]
      rows[b][a] = upper[next++]
    }
  return rows
}

const given = (rows: Rows) => precomputed(matrix(rows.length, rows.length, Float32Array.from(rows.flat())))

function assertSound(found: KMedoids, rows: Rows, weights: number[]): void {
  const n = rows.length
  const medoids = [...found.medoids]
  assert.equal(new Set(medoids).size, found.k)
  assert.equal(found.labels.length, n)
  assert.equal(
    found.sizes.reduce((sum, size) => sum + size, 0),
    n,
  )
  for (const [slot, medoid] of medoids.entries()) assert.equal(found.labels[medoid], slot)
  for (let object = 0; object < n; object++) {
    const own = rows[medoids[found.labels[object]]][object]
    assert.equal(found.nearest[object], own)
    if (!medoids.includes(object)) assert.equal(own, Math.min(...medoids.map(medoid => rows[medoid][object])))
  }
  assert.equal(found.objective, totalDeviation(rows, medoids, weights))
  assert.equal(found.trace.at(-1), found.objective)
  assert.equal(found.trace.length, found.swaps + 1)
  for (let step = 1; step < found.trace.length; step++) assert.ok(found.trace[step] < found.trace[step - 1])
}

for (const [name, method] of Object.entries(methods))
  test(`${name}: medoids, labels, distances and objective fit together, from any start`, async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.constantFrom(...inits), async (one, init) => {
        const rows = rowsOf(one)
        const found = await method(await given(rows), { k: one.k, init, seed: one.seed, weights: one.weights })
        assertSound(found, rows, one.weights)
        assert.ok(found.converged)
      }),
      { seed: 2, numRuns: 150 },
    )
  })

test('fastPam1 and pam make the swaps of PAM written down by hand', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async one => {
      fc.pre(one.k > 1)
      const rows = rowsOf(one)
      const start = random(one.seed).sample(one.k, one.n)
      const byHand = pamByHand(rows, start, one.weights)
      const distances = await given(rows)
      for (const method of [pam, fastPam1]) {
        const found = await method(distances, { k: one.k, init: start, weights: one.weights })
        assert.deepEqual(found.trace, byHand.trace)
        assert.deepEqual([...found.medoids], byHand.medoids)
      }
    }),
    { seed: 3, numRuns: 150 },
  )
})

test('no single swap helps any more where fasterPam, fastPam1 and fastPam2 end', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async one => {
      const rows = rowsOf(one)
      const distances = await given(rows)
      for (const method of [fasterPam, fastPam1, fastPam2]) {
        const found = await method(distances, { k: one.k, seed: one.seed, weights: one.weights })
        assert.equal(bestSwap(rows, [...found.medoids], one.weights).slot, -1)
      }
    }),
    { seed: 4, numRuns: 150 },
  )
})

test('BUILD is as written down by hand', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async one => {
      const rows = rowsOf(one)
      const distances = await given(rows)
      const { trace } = await fasterPam(distances, { k: one.k, init: 'build', weights: one.weights })
      const byHand = totalDeviation(rows, buildByHand(rows, one.k, one.weights), one.weights)
      assert.equal(trace[0], byHand)
    }),
    { seed: 5, numRuns: 100 },
  )
})

test('a whole weight is so many equal rows', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async one => {
      fc.pre(one.k > 1)
      const rows = rowsOf(one)
      const copies = one.weights.flatMap((weight, object) => new Array<number>(weight).fill(object))
      const repeated = copies.map(a => copies.map(b => rows[a][b]))
      const start = random(one.seed).sample(one.k, one.n)
      const weighted = await fastPam1(await given(rows), { k: one.k, init: start, weights: one.weights })
      const plain = await fastPam1(await given(repeated), {
        k: one.k,
        init: start.map(object => copies.indexOf(object)),
      })
      // A copy may serve as a second medoid at the same place, which a weight cannot.
      assert.ok(plain.objective <= weighted.objective)
      if (one.k <= 2) assert.ok(plain.trace[0] === weighted.trace[0])
    }),
    { seed: 6, numRuns: 100 },
  )
})

test('k = 1 gives the object with the least sum, k = n gives every object to itself', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async one => {
      const rows = rowsOf(one)
      const distances = await given(rows)
      const sums = rows.map(row => row.reduce((sum, value, object) => sum + one.weights[object] * value, 0))
      const single = await fasterPam(distances, { k: 1, seed: one.seed, weights: one.weights })
      assert.equal(single.objective, Math.min(...sums))
      const all = await fasterPam(distances, { k: one.n, seed: one.seed })
      assert.equal(all.objective, 0)
    }),
    { seed: 7, numRuns: 60 },
  )
})

test('more restarts are never worse, and the same seed gives the same result', async () => {
  const points = blobs(400, 3, 12)
  const one = await fasterPam(points, { k: 12, seed: 9 })
  const again = await fasterPam(points, { k: 12, seed: 9 })
  const more = await fasterPam(points, { k: 12, seed: 9, restarts: 5 })
  assert.deepEqual(one.labels, again.labels)
  assert.deepEqual(one.trace, again.trace)
  assert.ok(more.objective <= one.objective)
  const other = await fasterPam(points, { k: 12, seed: 10 })
  assert.notDeepEqual(one.trace, other.trace)
  const shuffled = await fasterPam(points, { k: 12, seed: 9, shuffle: true })
  assert.ok(Math.abs(shuffled.objective / one.objective - 1) < 0.05)
})

test('several calls on the same dissimilarities at once do not disturb each other', async () => {
  const distances = await dissimilarities(blobs(600, 4, 10))
  const ks = [5, 20, 60]
  const alone = []
  for (const k of ks) alone.push((await fasterPam(distances, { k, seed: 1 })).objective)
  const together = await Promise.all(ks.map(k => fasterPam(distances, { k, seed: 1 })))
  assert.deepEqual(
    together.map(one => one.objective),
    alone,
  )
})

test('rows of distances that are worked out as needed give the results of all pairs in memory', async () => {
  const points = matrix(300, 5)
  const { next } = random(7)
  // Whole numbers, so that sums are exact and ties abound.
  for (let at = 0; at < points.data.length; at++) points.data[at] = 1 + Math.floor(9 * next())
  const weights = Float64Array.from({ length: 300 }, (_, row) => 1 + (row % 3))
  for (const metric of metrics)
    for (const [name, method] of Object.entries(methods)) {
      const init = inits[Object.keys(methods).indexOf(name) + 1]
      const options = { k: 7, metric, init, seed: 3, weights, shuffle: true }
      const { seconds, ...full } = await method(points, { ...options, matrix: 'full' })
      const { seconds: _, ...none } = await method(points, { ...options, matrix: 'none' })
      assert.deepEqual(none, full, `${name} ${metric}`)
    }
})

test('by products of matrices the objective is the same up to rounding', async () => {
  const points = blobs(500, 40, 9)
  for (const metric of ['euclidean', 'sqeuclidean', 'cosine'] as const) {
    const options = { k: 9, metric, init: 'k-medoids++', seed: 3 } as const
    const full = await fasterPam(points, options)
    const none = await fasterPam(points, { ...options, matrix: 'none' })
    assert.deepEqual(none.medoids, full.medoids)
    assert.ok(Math.abs(none.objective / full.objective - 1) < 1e-5)
  }
})

test('any number of threads gives the same swaps, in memory or not', async () => {
  const points = blobs(3200, 3, 30)
  for (const [method, init] of [
    [fasterPam, 'random'],
    [fastPam1, 'build'],
  ] as const)
    for (const matrix of ['full', 'none'] as const) {
      if (method === fastPam1 && matrix === 'none') continue
      const options = { k: 30, init, seed: 2, matrix }
      const { seconds, ...alone } = await method(points, options)
      for (const threads of [2, 3]) {
        const pool = workerPool({ threads })
        const { seconds: _, ...together } = await method(points, { ...options, pool })
        await pool.close()
        assert.deepEqual(together, alone)
      }
    }
})

test('a run in threads stops soon after it is aborted, and the pool can be used again', async () => {
  const pool = workerPool({ threads: 2 })
  const points = blobs(3200, 3, 30)
  const controller = new AbortController()
  const reason = new Error('enough')
  const stopped = fasterPam(points, {
    k: 200,
    restarts: 1000,
    pool,
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  })
  await assert.rejects(stopped, reason)
  const { seconds, ...after } = await fasterPam(points, { k: 5, pool })
  const { seconds: _, ...alone } = await fasterPam(points, { k: 5 })
  assert.deepEqual(after, alone)
  await pool.close()
})

test('numbering the rows otherwise numbers the medoids otherwise, where there are no ties', async () => {
  const points = blobs(200, 4, 6)
  const order = random(5).shuffle(Array.from({ length: 200 }, (_, row) => row))
  const moved = matrix(200, 4)
  for (const [to, from] of order.entries()) moved.data.set(points.data.subarray(4 * from, 4 * from + 4), 4 * to)
  for (const method of [fastPam1, fastPam2, pam]) {
    const before = await method(points, { k: 6 })
    const after = await method(moved, { k: 6 })
    assert.deepEqual(new Set(Array.from(after.medoids, row => order[row])), new Set(before.medoids))
    assert.ok(Math.abs(after.objective / before.objective - 1) < 1e-6)
  }
})

test('doubled coordinates double the objective, moved ones leave it', async () => {
  const points = matrix(150, 2)
  const { next } = random(6)
  for (let at = 0; at < points.data.length; at++) points.data[at] = Math.floor(1000 * next())
  const changed = (change: (value: number) => number) => matrix(150, 2, points.data.map(change))
  for (const method of Object.values(methods)) {
    const own = await method(points, { k: 5, metric: 'manhattan' })
    const doubled = await method(
      changed(value => 2 * value),
      { k: 5, metric: 'manhattan' },
    )
    const moved = await method(
      changed(value => value + 77),
      { k: 5, metric: 'manhattan' },
    )
    assert.deepEqual(doubled.medoids, own.medoids)
    assert.equal(doubled.objective, 2 * own.objective)
    assert.deepEqual({ ...moved, seconds: 0 }, { ...own, seconds: 0 })
  }
})

test('a row that is far out leaves the others their distances', async () => {
  const points = matrix(7, 1, Float32Array.of(0, 1, 2, 10, 11, 12, 1e30))
  for (const matrix of ['full', 'none'] as const) {
    const { medoids, objective } = await fasterPam(points, { k: 3, matrix, restarts: 5 })
    assert.deepEqual([[...medoids].sort(), objective], [[1, 4, 6], 4])
  }
})

test('k out of range is refused in the words of the page', async () => {
  const points = blobs(150, 2, 3)
  for (const k of [0, 151, 2.5, NaN])
    await assert.rejects(fasterPam(points, { k }), {
      name: 'InputError',
      field: 'k',
      message: `k must be a whole number from 1 to n (n = 150), found ${k}`,
    })
})

test('wrong weights, starts and counts are refused in words', async () => {
  const points = blobs(4, 2, 2)
  const refuse = (options: object, message: RegExp) =>
    assert.rejects(fasterPam(points, { k: 2, ...options }), error => message.test((error as Error).message))
  await refuse({ weights: [1, 1] }, /weights must be one weight for each of 4 rows, found 2 weights/)
  await refuse({ weights: [1, -1, 1, 1] }, /row 2 must be a number of at least 0, found -1/)
  await refuse({ weights: [0, 0, 0, 0] }, /above 0 somewhere/)
  await refuse({ init: [0, 9] }, /init must be row numbers from 0 to 3, found 9/)
  await refuse({ init: [1, 1] }, /different row numbers/)
  await refuse({ init: 'best' }, /init must be one of random, build/)
  await refuse({ restarts: 0 }, /restarts must be a whole number from 1/)
})

test('equal rows: no medoid twice, and a note says how many there are', async () => {
  const equal = matrix(6, 1, Float32Array.of(1, 1, 1, 5, 5, 5))
  for (const init of inits) {
    const found = await fasterPam(equal, { k: 4, init, seed: 1 })
    assert.equal(new Set(found.medoids).size, 4)
    assert.equal(found.objective, 0)
    assert.deepEqual(found.notes, ['There are only 2 distinct rows, fewer than k = 4.'])
  }
  const same = await fasterPam(matrix(3, 1), { k: 2 })
  assert.deepEqual(same.notes, ['All distances are 0: the rows are all the same.'])
})

test('a run that is stopped early says so', async () => {
  const found = await fasterPam(blobs(500, 2, 20), { k: 20, init: 'first', maxPasses: 1 })
  assert.equal(found.converged, false)
  assert.match(found.notes[0], /stopped before it settled/)
})

for (const [name, method] of Object.entries(methods))
  test(`${name} stops soon after it is aborted, and its memory can be used again`, async () => {
    const distances = await dissimilarities(blobs(3000, 2, 40))
    const before = distances.arena.take(16)
    distances.arena.give(before)
    const reason = new Error('enough')
    const controller = new AbortController()
    await assert.rejects(
      method(distances, {
        k: 150,
        init: name === 'alternating' ? 'park-jun' : 'build',
        signal: controller.signal,
        onProgress: () => controller.abort(reason),
      }),
      reason,
    )
    assert.equal(distances.arena.take(16), before)
  })

/** Points around `groups` centres in a square. */
function blobs(rows: number, columns: number, groups: number) {
  const { next } = random(42)
  const points = matrix(rows, columns)
  const centres = Float64Array.from({ length: groups * columns }, () => 10 * next())
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      points.data[row * columns + column] = centres[(row % groups) * columns + column] + next() - 0.5
  return points
}
