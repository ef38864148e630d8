import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  dynMsc,
  fastClarans,
  fasterClara,
  fasterMsc,
  fasterPam,
  fastMsc,
  inits,
  type KMedoids,
  medoidSilhouette,
  oneBatchPam,
  pamMedSil,
  pamSil,
  silhouette,
} from '@offprint/clustering'
import {
  type Dissimilarities,
  dissimilarities,
  type Matrix,
  matrix,
  precomputed,
  random,
  workerPool,
} from '@offprint/kernels'
import fc from 'fast-check'
import { type Rows, totalDeviation } from './brute-force.ts'

type Method = (
  data: Matrix | Dissimilarities,
  options: { k: number; seed?: number; weights?: number[]; signal?: AbortSignal; onProgress?: () => void },
) => Promise<KMedoids>

const sampling: Record<string, Method> = { fasterClara, fastClarans, oneBatchPam }
const silhouettes: Record<string, Method> = { fasterMsc, fastMsc, pamMedSil }

/** Dissimilarities in small whole numbers, so that ties, duplicates and zeros abound. */
const cases = fc.integer({ min: 3, max: 12 }).chain(n =>
  fc.record({
    k: fc.integer({ min: 2, max: n - 1 }),
    upper: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: (n * (n - 1)) / 2, maxLength: (n * (n - 1)) / 2 }),
    weights: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: n, maxLength: n }),
    seed: fc.integer({ min: 0, max: 1000 }),
    n: fc.constant(n),
  }),
)

function rowsOf(n: number, upper: number[]): Rows {
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

/** Weighted mean of 1 − d₁/d₂. */
function silhouetteOf(rows: Rows, medoids: readonly number[], weights: readonly number[]): number {
  let sum = 0
  for (const [object, weight] of weights.entries()) {
    const [a, b] = medoids.map(medoid => rows[medoid][object]).sort((one, other) => one - other)
    sum += weight * (a === 0 ? 1 : 1 - a / b)
  }
  return sum / weights.reduce((one, other) => one + other)
}

function* swapsOf(n: number, medoids: readonly number[]): Generator<number[]> {
  for (let object = 0; object < n; object++)
    if (!medoids.includes(object)) for (let slot = 0; slot < medoids.length; slot++) yield medoids.with(slot, object)
}

const near = (found: number, expected: number, within = 1e-9) =>
  assert.ok(Math.abs(found - expected) <= within, `${found} instead of ${expected}`)

for (const [name, method] of Object.entries(sampling))
  test(`${name}: medoids, labels, distances and objective fit together`, async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.boolean(), async ({ n, k: several, upper, weights, seed }, single) => {
        const k = single ? 1 : several
        const rows = rowsOf(n, upper)
        const found = await method(await given(rows), { k, seed, weights })
        const medoids = [...found.medoids]
        assert.equal(new Set(medoids).size, k)
        assert.equal(found.objective, totalDeviation(rows, medoids, weights))
        for (const [slot, medoid] of medoids.entries()) assert.equal(found.labels[medoid], slot)
        for (let object = 0; object < n; object++)
          if (!medoids.includes(object))
            assert.equal(found.nearest[object], Math.min(...medoids.map(one => rows[one][object])))
        for (let step = 1; step < found.trace.length && name !== 'oneBatchPam'; step++)
          assert.ok(found.trace[step] < found.trace[step - 1])
      }),
      { seed: 1, numRuns: 100 },
    )
  })

for (const [name, method] of Object.entries(sampling))
  test(`${name}: points give what their dissimilarities give, and the same seed the same result`, async () => {
    const points = blobs(700, 3, 6)
    const distances = await dissimilarities(points)
    const { seconds, ...direct } = await method(points, { k: 6, seed: 4 })
    const { seconds: _, ...all } = await method(distances, { k: 6, seed: 4 })
    assert.deepEqual(direct, all)
    const best = await fasterPam(distances, { k: 6, restarts: 5 })
    assert.ok(direct.objective <= 1.1 * best.objective, `${direct.objective} against ${best.objective}`)
    assert.ok(direct.objective >= best.objective * (1 - 1e-6))
  })

test('a batch of all rows makes the swaps of FasterPAM but for its larger tolerance', async () => {
  const distances = await dissimilarities(blobs(150, 3, 5))
  const whole = await oneBatchPam(distances, { k: 5, batch: 150, weighting: 'uniform', seed: 2 })
  const plain = await fasterPam(distances, { k: 5, seed: 2 })
  near(whole.objective / plain.objective, 1, 1e-5)
  const nearest = await oneBatchPam(distances, { k: 5, batch: 150, seed: 2 })
  assert.deepEqual(nearest.medoids, whole.medoids)
})

test('polishing a sample’s medoids never makes them worse', async () => {
  const points = blobs(900, 2, 20)
  const plain = await fasterClara(points, { k: 20, samples: 1, sampleSize: 60, seed: 1 })
  const polished = await fasterClara(points, { k: 20, samples: 1, sampleSize: 60, seed: 1, polish: true })
  assert.ok(polished.objective < plain.objective)
  assert.equal(polished.trace[0], plain.trace[0])
})

for (const [name, method] of Object.entries(silhouettes))
  test(`${name}: no swap makes the medoid silhouette higher`, async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.constantFrom(...inits), async ({ n, k, upper, weights, seed }, init) => {
        const rows = rowsOf(n, upper)
        const options = { k, seed, weights, init }
        const found = await method(await given(rows), options)
        const medoids = [...found.medoids]
        near(found.objective, silhouetteOf(rows, medoids, weights))
        near(found.objective, found.medoidSilhouette)
        near(found.trace.at(-1)!, found.objective)
        for (let step = 1; step < found.trace.length; step++) assert.ok(found.trace[step] > found.trace[step - 1])
        for (const other of swapsOf(n, medoids))
          assert.ok(silhouetteOf(rows, other, weights) <= found.objective + 1e-8, `${other} is better than ${medoids}`)
        assert.ok(found.converged)
      }),
      { seed: 2, numRuns: 120 },
    )
  })

test('fastMsc makes the swaps of pamMedSil where there are no ties', async () => {
  for (const seed of [1, 2, 3, 4]) {
    const { next } = random(seed)
    const points = matrix(60, 3)
    for (let at = 0; at < points.data.length; at++) points.data[at] = next()
    for (const k of [2, 3, 7]) {
      const fast = await fastMsc(points, { k, init: 'first' })
      const slow = await pamMedSil(points, { k, init: 'first' })
      assert.deepEqual(fast.medoids, slow.medoids)
      assert.equal(fast.swaps, slow.swaps)
      for (const [step, value] of fast.trace.entries()) near(value, slow.trace[step])
    }
  }
})

test('threads make the swaps of one', async () => {
  const points = blobs(3100, 2, 12)
  const pool = workerPool({ threads: 2 })
  for (const method of [fasterMsc, oneBatchPam, fasterClara]) {
    const { seconds, ...alone } = await method(points, { k: 12, seed: 1 })
    const { seconds: _, ...together } = await method(points, { k: 12, seed: 1, pool })
    assert.deepEqual(together, alone)
  }
  await pool.close()
})

test('dynMsc drops the medoid that is missed least, finds the groups that are there, and shows the whole curve', async () => {
  const points = blobs(400, 2, 7)
  const found = await dynMsc(points, { kMax: 15 })
  assert.equal(found.k, 7)
  assert.deepEqual(
    found.curve.map(({ k }) => k),
    Array.from({ length: 14 }, (_, at) => at + 2),
  )
  assert.equal(Math.max(...found.curve.map(one => one.medoidSilhouette)), found.medoidSilhouette)
  const distances = await dissimilarities(points)
  near(medoidSilhouette(distances, found.medoids).mean!, found.medoidSilhouette)
  const all = await dynMsc(matrix(5, 1, Float32Array.of(0, 1, 10, 11, 12)), { kMax: 5 })
  assert.equal(all.curve.length, 4)
  assert.equal(all.curve.at(-1)!.medoidSilhouette, 1)
})

test('pamSil ends where no swap makes the silhouette higher', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ n, k, upper }) => {
      const rows = rowsOf(n, upper)
      const distances = await given(rows)
      const found = await pamSil(distances, { k })
      near(found.objective, (await silhouette(distances, found.labels)).mean ?? 0)
      for (const init of swapsOf(n, [...found.medoids])) {
        const { mean } = await silhouette(distances, labelsOf(rows, init))
        assert.ok((mean ?? -1) <= found.objective + 1e-8, `${init} is better than ${found.medoids}`)
      }
    }),
    { seed: 3, numRuns: 25 },
  )
})

test('where there are so few rows that all choices can be tried, FasterPAM with restarts finds the best', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ n, k, upper, weights }) => {
      const rows = rowsOf(n, upper)
      const choices = (from: number, left: number): number[][] =>
        left === 0
          ? [[]]
          : Array.from({ length: n - from }, (_, at) => from + at).flatMap(one =>
              choices(one + 1, left - 1).map(rest => [one, ...rest]),
            )
      const best = Math.min(...choices(0, k).map(medoids => totalDeviation(rows, medoids, weights)))
      assert.equal((await fasterPam(await given(rows), { k, weights, restarts: 60 })).objective, best)
    }),
    { seed: 4, numRuns: 40 },
  )
})

test('options that cannot be used are refused in words', async () => {
  const points = blobs(20, 2, 2)
  const refuse = (run: Promise<unknown>, message: RegExp) =>
    assert.rejects(run, error => message.test((error as Error).message) || assert.fail(String(error)))
  for (const method of Object.values(sampling)) {
    await refuse(method(points, { k: 0 }), /^k must be a whole number from 1 to n \(n = 20\), found 0$/)
    await refuse(method(points, { k: 21 }), /^k must be a whole number from 1 to n \(n = 20\), found 21$/)
    await refuse(method(points, { k: 2, weights: [1] }), /weights must be one weight for each of 20 rows/)
  }
  for (const method of [...Object.values(silhouettes)])
    await refuse(method(points, { k: 1 }), /^k must be a whole number from 2 to n \(n = 20\), found 1$/)
  await refuse(pamSil(points, { k: 20 }), /k must be a whole number from 2 to n − 1/)
  await refuse(pamSil(matrix(501, 1), { k: 2 }), /at most 500 rows/)
  await refuse(dynMsc(points, { kMax: 21 }), /^kMax must be a whole number from 2 to n \(n = 20\), found 21$/)
  await refuse(dynMsc(points, { kMax: 5, kMin: 6 }), /^kMin must be/)
  await refuse(fasterClara(points, { k: 2, samples: 0 }), /samples must be a whole number from 1/)
  await refuse(fasterClara(points, { k: 2, sampleSize: 2 }), /sampleSize must be a whole number from 3 to 20/)
  await refuse(fastClarans(points, { k: 2, rate: 0 }), /rate must be a number above 0/)
  await refuse(oneBatchPam(points, { k: 3, batch: 2 }), /batch must be a whole number from 3 to 20/)
  await refuse(oneBatchPam(points, { k: 3, weighting: 'x' as never }), /weighting must be one of nniw, uniform/)
  await refuse(fasterPam(points, { k: 3, matrix: 'half' as never }), /matrix must be one of auto, full, none/)
  await refuse(fasterPam(matrix(0, 2), { k: 1 }), /k must be/)
})

test('rows that are all the same have deviation 0 and medoid silhouette 1', async () => {
  const same = matrix(8, 2, new Float32Array(16).fill(3))
  for (const method of [...Object.values(sampling), ...Object.values(silhouettes)]) {
    const found = await method(same, { k: 3 })
    assert.equal(found.deviation, 0)
    assert.equal(found.medoidSilhouette, 1)
    assert.equal(new Set(found.medoids).size, 3)
    assert.deepEqual(found.notes, ['All distances are 0: the rows are all the same.'])
  }
})

for (const [name, method] of Object.entries({ ...sampling, ...silhouettes }))
  test(`${name} stops soon after it is aborted`, async () => {
    const reason = new Error('enough')
    const controller = new AbortController()
    const { ...options } = { k: 60, restarts: 1000, samples: 1000, polish: true, batch: 2000, init: 'first' as const }
    await assert.rejects(
      method(blobs(2000, 2, 40), { ...options, signal: controller.signal, onProgress: () => controller.abort(reason) }),
      reason,
    )
  })

function labelsOf(rows: Rows, medoids: number[]): number[] {
  return rows.map((_, object) => {
    const own = medoids.indexOf(object)
    if (own >= 0) return own
    const distances = medoids.map(medoid => rows[medoid][object])
    return distances.indexOf(Math.min(...distances))
  })
}

/** Points around `groups` centres in a square. */
function blobs(rows: number, columns: number, groups: number) {
  const { next } = random(42)
  const points = matrix(rows, columns)
  const centres = Float64Array.from({ length: groups * columns }, () => 30 * next())
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      points.data[row * columns + column] = centres[(row % groups) * columns + column] + next() - 0.5
  return points
}
