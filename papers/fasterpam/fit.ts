/** How well a clustering fits: silhouettes, and medoid silhouettes where they are defined. */
import { type KMedoids, pointSilhouette, silhouette } from '@offprint/clustering'
import type { Dissimilarities, Matrix, Metric, WorkerPool } from '@offprint/kernels'
import type { RunContext } from '../define.ts'
import type { Objects } from './points.ts'

/** An index of a whole clustering: null where it is not defined, with the reason. */
export interface Figure {
  value: number | null
  note: string
}

const undefinedNote = 'not defined: it needs 2 to n − 1 clusters'

/** The medoid silhouette of a result. With one medoid, or with every object one, it would be 1 and say nothing. */
export function medoidSilhouetteOf({ k, medoidSilhouette, second }: KMedoids): Figure {
  if (k < 2 || k >= second.length) return { value: null, note: undefinedNote }
  if (second.every(distance => distance === 0))
    return { value: medoidSilhouette, note: '1 by convention: all distances are 0' }
  return { value: medoidSilhouette, note: 'from 0 to 1, high is good' }
}

export interface Silhouettes extends Figure {
  /** One for each object; NaN where it was not looked at. */
  values: Float64Array
  /** Whether the mean is over a sample of the objects. */
  sampled: boolean
}

/**
 * Silhouettes of a clustering: from all pairs where they are there and every object counts once, else from the points, of more
 * than 20,000 on a sample of 5,000.
 *
 * @param data what was clustered
 * @param metric of points; undefined where there are none
 */
export async function silhouettesOf(
  { matrix, weights }: Objects,
  {
    data,
    metric,
    labels,
    pool,
  }: { data: Matrix | Dissimilarities; metric?: Metric; labels: ArrayLike<number>; pool?: WorkerPool },
  { seed, signal, progress }: Pick<RunContext, 'seed' | 'signal' | 'progress'>,
): Promise<Silhouettes> {
  const onProgress = (done: number, total: number) => progress(done, total, 'Silhouettes')
  if ('n' in data && !(weights && metric)) {
    const { mean, values } = await silhouette(data, labels, { signal, onProgress })
    const note = weights ? 'from −1 to 1, high is good; without the weights' : 'from −1 to 1, high is good'
    if (mean === null) return { value: null, values: values.fill(Number.NaN), sampled: false, note: undefinedNote }
    return { value: mean, values, sampled: false, note }
  }
  const values = new Float64Array(labels.length).fill(Number.NaN)
  const found = await pointSilhouette(matrix, labels, { metric, weights, seed, pool, signal, onProgress })
  for (const [at, row] of found.rows.entries()) values[row] = found.values[at]
  const sample = found.sampled ? `, on a sample of ${found.rows.length.toLocaleString('en')} rows` : ''
  return {
    value: found.mean,
    values,
    sampled: found.sampled,
    note: found.mean === null ? undefinedNote : `from −1 to 1, high is good${sample}`,
  }
}
