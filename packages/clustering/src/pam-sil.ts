import { type Dissimilarities, InputError, type Matrix } from '@offprint/kernels'
import { type KMedoids, type KMedoidsOptions, kMedoidsOf, requireOptions } from './k-medoids.ts'
import { sourceOf } from './k-medoids-workspace.ts'

/** Rows up to which the silhouettes of all swaps can be waited for. */
const mostRows = 500

/**
 * PAMSIL (Van der Laan, Pollard and Bryan 2003): k medoids whose clusters have a high silhouette, by the best swap each time;
 * O(k·(n − k)·n²) a swap, so for n ≤ 500 only.
 *
 * @param options `k` from 2 to n − 1
 * @returns `objective` and `trace`: mean silhouettes
 * @throws InputError for wrong options or data, or more than 500 rows; the signal's reason once it is aborted
 */
export async function pamSil(
  data: Matrix | Dissimilarities,
  options: Omit<KMedoidsOptions, 'weights' | 'matrix'>,
): Promise<KMedoids> {
  const n = 'n' in data ? data.n : data.rows
  requireOptions(options, n)
  if (n > mostRows) throw new InputError('points', `${n} rows`, `at most ${mostRows} rows, as a swap costs O(k·n³)`)
  if (options.k < 2 || options.k >= n)
    throw new InputError('k', String(options.k), `a whole number from 2 to n − 1 (n = ${n})`)
  const source = await sourceOf(data, { ...options, matrix: 'full' })
  if (!source.symmetric) throw new InputError('dissimilarities', 'asymmetric ones', 'symmetric ones')
  return kMedoidsOf(
    source,
    { ...options, init: options.init ?? 'build', objective: 'silhouette' },
    async (space, { maxPasses, totals, pause }) => {
      const { engine, k } = space
      const mean = (slot: number, candidate: number, row: number) =>
        engine.silhouetteWith(slot, candidate, row, space.members().pointer, ...space.silhouetteRoom()) / n
      let current = mean(-1, 0, 0)
      totals[0] = -current
      let evaluations = 0
      for (let pass = 0; pass < maxPasses; pass++) {
        let best = { value: current, slot: -1, candidate: -1 }
        const medoids = new Set(space.medoids())
        for (let candidate = 0; candidate < n; candidate++) {
          if (medoids.has(candidate)) continue
          const row = await space.rowOf(candidate)
          for (let slot = 0; slot < k; slot++) {
            const value = mean(slot, candidate, row)
            if (value > best.value) best = { value, slot, candidate }
            await pause((pass + candidate / n) / 8)
          }
          evaluations++
        }
        if (!(best.value > current + 1e-9)) return { passes: pass + 1, converged: true, evaluations }
        await space.swap(best.slot, best.candidate)
        // Labels as a new assignment gives them, also where there are ties.
        engine.assign()
        current = mean(-1, 0, 0)
        totals.push(-current)
      }
      return { passes: maxPasses, converged: false, evaluations }
    },
  )
}
