import type { Dissimilarities, Matrix } from '@offprint/kernels'
import { type KMedoids, type KMedoidsOptions, kMedoids, type Search } from './k-medoids.ts'

/**
 * FastPAM1 (section 3.2): makes the same swaps as `pam`, each the best of all, but evaluates a candidate for all medoids at
 * once; O(n²) a swap.
 *
 * @throws InputError for wrong options or data; the signal's reason once it is aborted
 */
export function fastPam1(data: Matrix | Dissimilarities, options: KMedoidsOptions): Promise<KMedoids> {
  return kMedoids(data, { ...options, init: options.init ?? 'build' }, bestSwaps('evaluateRange', 1))
}

/**
 * The original PAM (Kaufman and Rousseeuw 1987): the best of all k·(n − k) swaps, each summed over all objects;
 * O(k·n²) a swap. Kept as the reference that the others are compared with.
 *
 * @throws InputError for wrong options or data; the signal's reason once it is aborted
 */
export function pam(data: Matrix | Dissimilarities, options: KMedoidsOptions): Promise<KMedoids> {
  return kMedoids(data, { ...options, init: options.init ?? 'build' }, bestSwaps('evaluatePairs', options.k))
}

/** Evaluates every candidate and makes the best swap, until none helps. @param cost of a candidate, in passes over the objects */
export function bestSwaps(evaluate: 'evaluateRange' | 'evaluatePairs', cost: number): Search {
  return async (space, { maxPasses, totals, pause }) => {
    const { engine, k, candidates } = space
    for (let pass = 0; pass < maxPasses; pass++) {
      const [found] = await space.best(evaluate, { cost, pause: done => pause((pass + done) / 8) })
      if (!found || !engine.counts(found.change))
        return { passes: pass + 1, converged: true, evaluations: (pass + 1) * (candidates - k) }
      await space.swap(found.slot, space.order()[found.position])
      totals.push(engine.total())
    }
    return { passes: maxPasses, converged: false, evaluations: maxPasses * (candidates - k) }
  }
}

/**
 * FastPAM2 (section 3.2): finds the best swap for each medoid in one pass over the candidates, makes the best of them, and then
 * each of the others that still helps; O(n²) a pass with up to k swaps.
 *
 * @throws InputError for wrong options or data; the signal's reason once it is aborted
 */
export function fastPam2(data: Matrix | Dissimilarities, options: KMedoidsOptions): Promise<KMedoids> {
  return kMedoids(data, { ...options, init: options.init ?? 'build' }, async (space, { maxPasses, totals, pause }) => {
    const { engine, k, candidates } = space
    let evaluations = 0
    for (let pass = 0; pass < maxPasses; pass++) {
      const found = await space.best('evaluateSlots', { cost: 1, pause: done => pause((pass + done) / 2) })
      evaluations += candidates - k
      let swaps = 0
      for (const { position, slot } of found.sort((a, b) => a.change - b.change || a.slot - b.slot)) {
        const candidate = space.order()[position]
        if (space.medoids().includes(candidate)) continue
        const row = await space.rowOf(candidate)
        evaluations++
        if (!engine.counts(engine.changeOf(slot, row))) continue
        engine.swap(slot, candidate, row)
        totals.push(engine.total())
        swaps++
        await pause((pass + 1) / 2)
      }
      if (!swaps) return { passes: pass + 1, converged: true, evaluations }
    }
    return { passes: maxPasses, converged: false, evaluations }
  })
}
