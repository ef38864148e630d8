/** How well objects lie in their clusters, without knowing the right answer. */
import { breathe, type Dissimilarities, InputError, type LongCall } from '@offprint/kernels'

export interface Silhouettes {
  /** Mean over all objects; null where the index is not defined (fewer than 2 clusters, or as many as objects). */
  mean: number | null
  /** One for each object. */
  values: Float64Array
  /** Why `mean` is null. */
  note?: string
}

const pieceMs = 20

/**
 * Silhouettes (Rousseeuw 1987): (b − a) / max(a, b) with a the mean distance to the object's own cluster without itself, and b
 * the least mean distance to another one; 0 for an object alone in its cluster. O(n²).
 *
 * @param labels cluster of each object, whole numbers from 0
 * @throws InputError for labels of another length or below 0
 */
export async function silhouette(
  distances: Dissimilarities,
  labels: ArrayLike<number>,
  { signal, onProgress }: LongCall = {},
): Promise<Silhouettes> {
  signal?.throwIfAborted()
  const { n, symmetric } = distances
  if (labels.length !== n) throw new InputError('labels', `${labels.length} labels`, `one for each of ${n} objects`)
  // Clusters by number, as labels may be any, such as those of a database.
  const numbers = new Map<number, number>()
  const clusterOf = new Uint32Array(n)
  for (let object = 0; object < n; object++) {
    const label = labels[object]
    if (!Number.isInteger(label) || label < 0) throw new InputError('labels', String(label), 'whole numbers from 0')
    if (!numbers.has(label)) numbers.set(label, numbers.size)
    clusterOf[object] = numbers.get(label)!
  }
  const clusters = numbers.size
  const sizes = new Uint32Array(clusters)
  for (const cluster of clusterOf) sizes[cluster]++
  const values = new Float64Array(n)
  if (clusters < 2 || clusters >= n)
    return { mean: null, values, note: `not defined for ${clusters} clusters of ${n} objects` }
  const sums = new Float64Array(clusters)
  let { data } = distances
  let since = performance.now()
  let total = 0
  for (let object = 0; object < n; object++) {
    sums.fill(0)
    // d(object, other) stands in row `other`; where that is the same, the object's own row is read in one go.
    if (symmetric) for (let other = 0, at = object * n; other < n; other++, at++) sums[clusterOf[other]] += data[at]
    else for (let other = 0, at = object; other < n; other++, at += n) sums[clusterOf[other]] += data[at]
    const own = clusterOf[object]
    if (sizes[own] > 1) {
      const a = sums[own] / (sizes[own] - 1)
      let b = Infinity
      for (let cluster = 0; cluster < clusters; cluster++)
        if (cluster !== own) b = Math.min(b, sums[cluster] / sizes[cluster])
      const most = Math.max(a, b)
      values[object] = most > 0 ? (b - a) / most : 0
      total += values[object]
    }
    if (performance.now() - since < pieceMs) continue
    onProgress?.(object, n)
    await breathe(signal)
    since = performance.now()
    data = distances.data
  }
  return { mean: total / n, values }
}

/**
 * Medoid silhouettes: 1 − d₁/d₂ with the distances to the nearest and second nearest medoid; 1 where d₁ = 0. With one medoid
 * there is no second one, and every object counts 1. O(n·k).
 */
export function medoidSilhouette(
  { n, data }: Dissimilarities,
  medoids: ArrayLike<number>,
): { mean: number; values: Float64Array } {
  const nearest = new Float32Array(n).fill(Infinity)
  const second = new Float32Array(n).fill(Infinity)
  for (let slot = 0; slot < medoids.length; slot++) {
    const row = medoids[slot] * n
    for (let object = 0; object < n; object++) {
      const distance = data[row + object]
      if (distance < nearest[object]) {
        second[object] = nearest[object]
        nearest[object] = distance
      } else if (distance < second[object]) second[object] = distance
    }
  }
  const values = new Float64Array(n)
  let total = 0
  for (let object = 0; object < n; object++) {
    values[object] = nearest[object] === 0 ? 1 : 1 - nearest[object] / second[object]
    total += values[object]
  }
  return { mean: total / n, values }
}
