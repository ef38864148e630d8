import { type Dissimilarities, type Matrix, random } from '@offprint/kernels'
import { type KMedoids, type KMedoidsOptions, kMedoids, type Search } from './k-medoids.ts'

export interface FasterPamOptions extends KMedoidsOptions {
  /** Try the candidates in a seeded random order instead of the rows' order; default false. */
  shuffle?: boolean
}

/**
 * FasterPAM (arXiv 2008.05171, section 3.3): k medoids with a small total deviation. The best swap that brings a candidate
 * in is found for all medoids at once, and made as soon as it helps; O(n²) a pass, whatever k is. The result is a local
 * optimum: no single swap lowers the total deviation further.
 *
 * @param data points with a `metric`, or dissimilarities (from `dissimilarities` or `precomputed`)
 * @throws InputError for wrong options or data; the signal's reason once it is aborted
 *
 * @example
 * const { medoids, labels, objective } = await fasterPam(points, { k: 8, seed: 1 })
 */
export function fasterPam(data: Matrix | Dissimilarities, options: FasterPamOptions): Promise<KMedoids> {
  return kMedoids(data, { ...options, init: options.init ?? 'random' }, eagerSwaps(options))
}

/** Every swap that helps as soon as it is found, until a whole round has passed without one. */
export function eagerSwaps({ shuffle, seed = 0 }: Pick<FasterPamOptions, 'shuffle' | 'seed'>): Search {
  return async (space, { maxPasses, totals, pause }) => {
    const { engine, candidates } = space
    const order = space.order()
    for (let position = 0; position < candidates; position++) order[position] = position
    if (shuffle) random(seed, 2 ** 31).shuffle(order)
    for (let pass = 0; pass < maxPasses; pass++) {
      const before = engine.total()
      for (let position = 0; position < candidates; ) {
        const end = Math.min(candidates, position + space.atOnce)
        await space.load(position, end)
        while (position < end) {
          const next = await space.sweep(position, Math.min(end, position + space.sweepPiece))
          totals.push(...space.takeTrace())
          if (next < 0) return { passes: pass + 1, converged: true, evaluations: pass * candidates + engine.lastSwap() }
          position = next
          await pause(pass + position / candidates)
        }
      }
      if (!(engine.total() < before)) return { passes: pass + 1, converged: true, evaluations: (pass + 1) * candidates }
    }
    return { passes: maxPasses, converged: false, evaluations: maxPasses * candidates }
  }
}
