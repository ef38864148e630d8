import type { Dissimilarities, Matrix } from '@offprint/kernels'
import { requireTwo } from './faster-msc.ts'
import { eagerSwaps, type FasterPamOptions } from './faster-pam.ts'
import type { Init } from './initial-medoids.ts'
import { type KMedoids, kMedoidsOf, leastOf, requireOptions } from './k-medoids.ts'
import { sourceOf } from './k-medoids-workspace.ts'

export interface DynMscOptions extends Omit<FasterPamOptions, 'k'> {
  /** Most medoids: where the search starts. */
  kMax: number
  /** Fewest medoids, from 2; default 2. */
  kMin?: number
}

export interface DynMsc extends KMedoids {
  /** Medoid silhouette and total deviation for each number of medoids, ascending. */
  curve: { k: number; medoidSilhouette: number; deviation: number }[]
}

/**
 * DynMSC (arXiv 2309.03751): the number of medoids with the highest medoid silhouette. From `fasterMsc` with `kMax` medoids on, the
 * medoid that is missed least is dropped and the rest are improved, down to `kMin`. O(n²) a pass. Look at the curve before you
 * believe the highest point: few far groups may hide many near ones.
 *
 * @param options `init` for `kMax` medoids, default `build`; `restarts` of that start
 * @returns the result with the highest medoid silhouette (of equal ones that with fewer medoids), and the curve
 * @throws InputError for wrong options or data; the signal's reason once it is aborted
 */
export async function dynMsc(data: Matrix | Dissimilarities, options: DynMscOptions): Promise<DynMsc> {
  const { kMax, kMin = 2, onProgress } = options
  const n = 'n' in data ? data.n : data.rows
  requireTwo('kMax', kMax, n)
  requireTwo('kMin', kMin, kMax)
  requireOptions({ ...options, k: kMax }, n)
  const source = await sourceOf(data, options)
  const eager = eagerSwaps(options)
  const curve: DynMsc['curve'] = []
  let best: KMedoids | undefined
  let init: Init = options.init ?? 'build'
  for (let k = kMax; k >= kMin; k--) {
    /** The cost of removing each medoid, by its row. */
    const costs = new Map<number, number>()
    const found = await kMedoidsOf(
      source,
      {
        ...options,
        k,
        init,
        objective: 'medoidSilhouette',
        restarts: k === kMax ? options.restarts : 1,
        onProgress: onProgress && ((done, total) => onProgress(kMax - k + done / total, kMax - kMin + 1)),
      },
      async (space, how) => {
        const ended = await eager(space, how)
        const removals = space.removals()
        for (const [slot, row] of space.medoids().entries()) costs.set(row, removals[slot])
        return ended
      },
    )
    curve.unshift({ k, medoidSilhouette: found.medoidSilhouette, deviation: found.deviation })
    if (!best || found.medoidSilhouette >= best.medoidSilhouette) best = found
    const medoids = [...found.medoids]
    medoids.splice(
      leastOf(
        medoids.map(row => costs.get(row)!),
        'first',
      ),
      1,
    )
    init = medoids
  }
  return { ...best!, curve }
}
