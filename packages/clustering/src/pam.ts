import type { Dissimilarities, Matrix } from '@offprint/kernels'
import { type KMedoids, type KMedoidsOptions, kMedoids, pieceOf, type Search, type Workspace } from './k-medoids.ts'

/**
 * FastPAM1 (section 3.2): makes the same swaps as `pam`, each the best of all, but evaluates a candidate for all medoids at
 * once; O(n²) a swap.
 *
 * @throws InputError for wrong options or data; the signal's reason once it is aborted
 */
export function fastPam1(data: Matrix | Dissimilarities, options: KMedoidsOptions): Promise<KMedoids> {
  const search = bestSwaps(1, ({ engine }, from, to) => engine.evaluateRange(from, to))
  return kMedoids(data, { init: 'build', ...options }, search)
}

/**
 * The original PAM (Kaufman and Rousseeuw 1987): the best of all k·(n − k) swaps, each summed over all objects;
 * O(k·n²) a swap. Kept as the reference that the others are compared with.
 *
 * @throws InputError for wrong options or data; the signal's reason once it is aborted
 */
export function pam(data: Matrix | Dissimilarities, options: KMedoidsOptions): Promise<KMedoids> {
  const search = bestSwaps(options.k, ({ engine }, from, to) => engine.evaluatePairs(from, to))
  return kMedoids(data, { init: 'build', ...options }, search)
}

/** Evaluates every candidate and makes the best swap, until none helps. */
function bestSwaps(cost: number, evaluate: (space: Workspace, from: number, to: number) => void): Search {
  return async (space, { maxPasses, swapped, pause }) => {
    const { engine, n, k } = space
    const piece = pieceOf(n, cost)
    for (let pass = 0; pass < maxPasses; pass++) {
      engine.beginRound()
      for (let from = 0; from < n; from += piece) {
        evaluate(space, from, Math.min(n, from + piece))
        await pause((pass + from / n) / 8)
      }
      if (!engine.swapBest()) return { passes: pass + 1, converged: true, evaluations: (pass + 1) * (n - k) }
      swapped()
    }
    return { passes: maxPasses, converged: false, evaluations: maxPasses * (n - k) }
  }
}
