/** Medoids of another number, as near to given ones as can be: a start for a search that is to change little. */
import { breathe, type Dissimilarities, InputError, type LongCall } from '@offprint/kernels'
import { leastOf, requireK } from './k-medoids.ts'

const pieceMs = 20

/**
 * Adds, one after the other, the object that lowers the total deviation most (the step of PAM's BUILD, Kaufman and Rousseeuw 1990), or
 * takes away the medoid without which it rises least. Of equally good ones the first. O(n²) for one that is added, O(n·k) for one that
 * is taken away.
 *
 * @param medoids different objects; the kept ones come first, in their order
 * @throws InputError for k outside 1..n, objects that there are not, and one that is there twice
 */
export async function resizeMedoids(
  distances: Dissimilarities,
  medoids: ArrayLike<number>,
  k: number,
  { signal }: Pick<LongCall, 'signal'> = {},
): Promise<number[]> {
  signal?.throwIfAborted()
  const { n } = distances
  requireK(k, n)
  const kept = Array.from(medoids)
  for (const [at, medoid] of kept.entries())
    if (!Number.isInteger(medoid) || medoid < 0 || medoid >= n || kept.indexOf(medoid) < at)
      throw new InputError('medoids', String(medoid), `different whole numbers from 0 to ${n - 1}`)
  while (kept.length > k) kept.splice(leastMissed(distances, kept), 1)
  if (kept.length === k) return kept
  const nearest = new Float64Array(n).fill(Infinity)
  const reach = (medoid: number) => {
    const { data } = distances
    for (let object = 0; object < n; object++) nearest[object] = Math.min(nearest[object], data[medoid * n + object])
  }
  for (const medoid of kept) reach(medoid)
  let since = performance.now()
  while (kept.length < k) {
    let best = -1
    let least = Infinity
    for (let candidate = 0; candidate < n; candidate++) {
      if (kept.includes(candidate)) continue
      const { data } = distances
      let deviation = 0
      for (let object = 0, at = candidate * n; object < n; object++, at++)
        deviation += data[at] < nearest[object] ? data[at] : nearest[object]
      if (deviation < least || best < 0) {
        least = deviation
        best = candidate
      }
      if (performance.now() - since < pieceMs) continue
      await breathe(signal)
      since = performance.now()
    }
    kept.push(best)
    reach(best)
  }
  return kept
}

/** Place of the medoid whose objects lose least by going to their second nearest one. */
function leastMissed({ n, data }: Dissimilarities, medoids: number[]): number {
  const loss = new Float64Array(medoids.length)
  for (let object = 0; object < n; object++) {
    let own = 0
    let first = Infinity
    let second = Infinity
    for (const [slot, medoid] of medoids.entries()) {
      const distance = data[medoid * n + object]
      if (distance < first) {
        second = first
        first = distance
        own = slot
      } else if (distance < second) second = distance
    }
    loss[own] += second - first
  }
  return leastOf(loss, 'first')
}
