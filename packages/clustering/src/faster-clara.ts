import { type Dissimilarities, dissimilarities, type Matrix, type Metric, matrix, precomputed } from '@offprint/kernels'
import { eagerSwaps, fasterPam } from './faster-pam.ts'
import { type KMedoids, type KMedoidsOptions, kMedoidsOf, requireOptions, requireWhole } from './k-medoids.ts'
import { sourceOf } from './k-medoids-workspace.ts'

export interface FasterClaraOptions extends Omit<KMedoidsOptions, 'matrix'> {
  /** Samples that are clustered; default 5. */
  samples?: number
  /** Rows in a sample; default 80 + 4k. At most n. */
  sampleSize?: number
  /** End with a pass of FasterPAM over all rows, O(n²); default false. */
  polish?: boolean
}

/**
 * FasterCLARA (arXiv 2008.05171, section 3.5; CLARA is Kaufman and Rousseeuw's of 1986): FasterPAM on samples, into each of which the
 * best medoids so far go as well; those that are best for all rows are kept. O(samples·(sampleSize² + n·k)), in O(n·k) memory.
 *
 * @returns `trace`: the total deviation of the random start, and of each sample's medoids that were better
 * @throws InputError for wrong options or data; the signal's reason once it is aborted
 */
export async function fasterClara(data: Matrix | Dissimilarities, options: FasterClaraOptions): Promise<KMedoids> {
  const n = 'n' in data ? data.n : data.rows
  requireOptions(options, n)
  const { k, samples = 5, sampleSize = Math.min(n, 80 + 4 * k), polish = false, metric, init, pool, signal } = options
  requireWhole('samples', samples, 1, 1_000_000)
  requireWhole('sampleSize', sampleSize, Math.min(n, k + 1), n)
  const source = await sourceOf(data, { metric, matrix: 'none', pool, signal })
  // The start of `init` is that of each sample.
  return kMedoidsOf(source, { ...options, init: 'random' }, async (space, { maxPasses, totals, random, pause }) => {
    const { engine } = space
    let best = [...space.medoids()]
    let evaluations = 0
    let swaps = 0
    for (let sample = 0; sample < samples; sample++) {
      const rows = sampleWith(best, random.sample(sampleSize, n))
      const weights = space.weights && rows.map(row => space.weights![row])
      const { medoids, ...found } = await fasterPam(await part(data, rows, metric, signal), {
        k,
        init,
        maxPasses,
        seed: random.integer(2 ** 32),
        // Rows without weight may be all that was drawn.
        weights: weights?.some(weight => weight > 0) ? weights : undefined,
        signal,
      })
      evaluations += found.evaluations
      swaps += found.swaps
      await space.place(Array.from(medoids, place => rows[place]))
      if (engine.total() < totals.at(-1)!) {
        best = [...space.medoids()]
        totals.push(engine.total())
      }
      await pause(sample + 1)
    }
    await space.place(best)
    const before = totals.length
    if (polish && k > 1) {
      const polished = await eagerSwaps({})(space, { maxPasses: 1, totals, random, pause: () => pause(samples) })
      evaluations += polished.evaluations
    }
    return { passes: samples, converged: true, evaluations, swaps: swaps + totals.length - before }
  })
}

/** Rows that were drawn, with the medoids in the place of the last of those that are none. */
function sampleWith(medoids: number[], drawn: number[]): number[] {
  const others = drawn.filter(row => !medoids.includes(row))
  return [...medoids, ...others.slice(0, drawn.length - medoids.length)].sort((a, b) => a - b)
}

async function part(
  data: Matrix | Dissimilarities,
  rows: number[],
  metric: Metric | undefined,
  signal: AbortSignal | undefined,
): Promise<Dissimilarities> {
  const count = rows.length
  if ('n' in data) {
    const values = new Float32Array(count * count)
    const all = data.data
    for (const [b, object] of rows.entries())
      for (const [a, candidate] of rows.entries()) values[b * count + a] = all[candidate * data.n + object]
    return precomputed(matrix(count, count, values), { asymmetric: !data.symmetric, signal })
  }
  const { columns } = data
  const points = matrix(count, columns)
  for (const [at, row] of rows.entries())
    points.data.set(data.data.subarray(row * columns, (row + 1) * columns), at * columns)
  return dissimilarities(points, metric, { signal })
}
