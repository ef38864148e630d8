import { type Dissimilarities, type Matrix, random } from '@offprint/kernels'
import { type KMedoids, type KMedoidsOptions, kMedoids, pieceOf } from './k-medoids.ts'

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
  return kMedoids(data, { init: 'random', ...options }, async (space, { maxPasses, swapped, pause }) => {
    const { engine, n } = space
    const order = space.order()
    for (let position = 0; position < n; position++) order[position] = position
    if (options.shuffle) random(options.seed ?? 0, 2 ** 31).shuffle(order)
    const piece = pieceOf(n, 1)
    let evaluations = 0
    let before = engine.totalDeviation()
    for (let pass = 0; pass < maxPasses; pass++) {
      let swaps = 0
      for (let position = 0; position < n; ) {
        const next = engine.sweep(position, Math.min(n, position + piece))
        if (next < 0) return { passes: pass + 1, converged: true, evaluations }
        evaluations += next - position
        position = next
        const now = engine.totalDeviation()
        if (now !== before) {
          swaps++
          swapped()
          before = now
        }
        await pause(pass + position / n)
      }
      if (!swaps) return { passes: pass + 1, converged: true, evaluations }
    }
    return { passes: maxPasses, converged: false, evaluations }
  })
}
