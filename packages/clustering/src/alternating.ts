import type { Dissimilarities, Matrix } from '@offprint/kernels'
import { type KMedoids, type KMedoidsOptions, kMedoids, leastOf } from './k-medoids.ts'
import { pieceOf } from './k-medoids-workspace.ts'

/**
 * The alternating method, k-means with medoids: each cluster's member with the least sum becomes its medoid, objects go to
 * their nearest medoid, until nothing changes. Quick, and clearly worse than swapping; a baseline.
 *
 * @throws InputError for wrong options or data; the signal's reason once it is aborted
 */
export function alternating(data: Matrix | Dissimilarities, options: KMedoidsOptions): Promise<KMedoids> {
  return kMedoids(data, { ...options, init: options.init ?? 'random' }, async (space, { maxPasses, totals, pause }) => {
    const { engine, n, k } = space
    for (let pass = 0; pass < maxPasses; pass++) {
      const before = engine.total()
      const clusters = membersOf(space.near(), k)
      const medoids = [...space.medoids()]
      for (const [slot, list] of clusters.entries()) {
        const count = list.length
        space.members().values.set(list)
        const piece = Math.min(space.atOnce, pieceOf(count, 1))
        for (let from = 0; from < count; from += piece) {
          const to = Math.min(count, from + piece)
          await space.loadListed(list.slice(from, to), list)
          engine.memberSums(space.members().pointer, count, from, to, space.sums().pointer)
          await pause(pass + slot / k)
        }
        const sums = space.sums().values.subarray(0, count)
        const current = list.indexOf(medoids[slot])
        const best = leastOf(sums, 'first')
        if (sums[best] < sums[current]) medoids[slot] = list[best]
      }
      await space.place(medoids)
      if (!(engine.total() < before)) return { passes: pass + 1, converged: true, evaluations: (pass + 1) * n }
      totals.push(engine.total())
    }
    return { passes: maxPasses, converged: false, evaluations: maxPasses * n }
  })
}

function membersOf(labels: Int32Array, k: number): number[][] {
  const members: number[][] = Array.from({ length: k }, () => [])
  for (const [object, label] of labels.entries()) members[label].push(object)
  return members
}
