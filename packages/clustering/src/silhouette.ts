/** How well objects lie in their clusters, without knowing the right answer. */
import { breathe, type Dissimilarities, InputError, type LongCall } from '@offprint/kernels'
import { compactLabels } from './labels.ts'

export interface Silhouettes {
  /** Mean over all objects but noise; null where the index is not defined (fewer than 2 clusters, or as many as objects). */
  mean: number | null
  /** One for each object; 0 for noise, and where the index is not defined. */
  values: Float64Array
  /** Why `mean` is null. */
  note?: string
}

const pieceMs = 20

/**
 * Silhouettes (Rousseeuw 1987): (b − a) / max(a, b) with a the mean distance to the object's own cluster without itself, and b
 * the least mean distance to another one; 0 for an object alone in its cluster. O(n²).
 *
 * @param labels cluster of each object, whole numbers from 0; −1 for noise, which is left out
 * @throws InputError for labels of another length or below −1
 */
export async function silhouette(
  distances: Dissimilarities,
  labels: ArrayLike<number>,
  { signal, onProgress }: LongCall = {},
): Promise<Silhouettes> {
  signal?.throwIfAborted()
  const { n, symmetric } = distances
  if (labels.length !== n) throw new InputError('labels', `${labels.length} labels`, `one for each of ${n} objects`)
  const { names, places } = compactLabels(labels, 'labels', Infinity)
  const clusters = names.length
  // Noise comes after the clusters.
  const clusterOf = Uint32Array.from(places, place => (place < 0 ? clusters : place))
  const sizes = new Uint32Array(clusters + 1)
  for (const cluster of clusterOf) sizes[cluster]++
  const counted = n - sizes[clusters]
  const values = new Float64Array(n)
  const note = undefinedNote(clusters, counted)
  if (note) return { mean: null, values, note }
  const sums = new Float64Array(clusters + 1)
  let { data } = distances
  let since = performance.now()
  let total = 0
  for (let object = 0; object < n; object++) {
    if (clusterOf[object] === clusters) continue
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
  return { mean: total / counted, values }
}

const undefinedNote = (clusters: number, objects: number) =>
  clusters < 2 || clusters >= objects ? `not defined for ${clusters} clusters of ${objects} objects` : undefined

/**
 * Medoid silhouettes: 1 − d₁/d₂ with the distances to the nearest and second nearest medoid; 1 where d₁ = 0. O(n·k).
 *
 * @param medoids their row numbers
 * @throws InputError for a number that is no object
 */
export function medoidSilhouette({ n, data }: Dissimilarities, medoids: ArrayLike<number>): Silhouettes {
  const wrong = Array.from(medoids).find(row => !Number.isInteger(row) || row < 0 || row >= n)
  if (wrong !== undefined) throw new InputError('medoids', String(wrong), `row numbers from 0 to ${n - 1}`)
  const note = undefinedNote(medoids.length, n)
  if (note) return { mean: null, values: new Float64Array(n), note }
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
