import { type Dissimilarities, InputError, type Matrix } from '@offprint/kernels'
import { eagerSwaps, type FasterPamOptions } from './faster-pam.ts'
import type { Init } from './initial-medoids.ts'
import { type KMedoids, type KMedoidsOptions, kMedoidsOf, requireOptions, type Search } from './k-medoids.ts'
import { sourceOf } from './k-medoids-workspace.ts'
import { bestSwaps } from './pam.ts'

/**
 * FasterMSC (arXiv 2209.12553): k medoids with a high medoid silhouette, the mean of 1 − d₁/d₂ over the distances to the nearest
 * and second nearest medoid. Every swap that helps is made as soon as it is found; O(n²) a pass.
 *
 * @param options `k` from 2; a whole weight counts as so many equal rows
 * @returns `objective` and `trace`: medoid silhouettes
 * @throws InputError for wrong options or data; the signal's reason once it is aborted
 */
export function fasterMsc(data: Matrix | Dissimilarities, options: FasterPamOptions): Promise<KMedoids> {
  return mostSilhouette(data, { ...options, init: options.init ?? 'random' }, eagerSwaps(options))
}

/**
 * FastMSC (arXiv 2209.12553): as `fasterMsc`, but each swap is the best of all; O(n²) a swap. Ends where `pamMedSil` does.
 * @throws InputError for wrong options or data; the signal's reason once it is aborted
 */
export function fastMsc(data: Matrix | Dissimilarities, options: KMedoidsOptions): Promise<KMedoids> {
  return mostSilhouette(data, { ...options, init: options.init ?? 'build' }, bestSwaps('evaluateRange', 1))
}

/**
 * PAMMEDSIL (Van der Laan, Pollard and Bryan 2003): the best of all k·(n − k) swaps, each by medoid silhouettes worked out anew;
 * O(k²·n²) a swap. Kept as the reference that the others are compared with.
 * @throws InputError for wrong options or data; the signal's reason once it is aborted
 */
export function pamMedSil(data: Matrix | Dissimilarities, options: KMedoidsOptions): Promise<KMedoids> {
  return mostSilhouette(data, { ...options, init: options.init ?? 'build' }, bestSwaps('evaluatePairs', options.k ** 2))
}

async function mostSilhouette(
  data: Matrix | Dissimilarities,
  options: KMedoidsOptions & { init: Init },
  search: Search,
): Promise<KMedoids> {
  const n = 'n' in data ? data.n : data.rows
  requireOptions(options, n)
  requireTwo('k', options.k, n)
  return kMedoidsOf(await sourceOf(data, options), { ...options, objective: 'medoidSilhouette' }, search)
}

/** One medoid has no second nearest. @throws InputError */
export function requireTwo(field: string, k: number, n: number): void {
  if (!Number.isInteger(k) || k < 2 || k > n)
    throw new InputError(field, String(k), `a whole number from 2 to n (n = ${n})`)
}
