/** A real row for each cluster of a partition that was found by means. */
import { InputError, type Matrix } from '@offprint/kernels'
import { compactLabels } from './labels.ts'

/**
 * The medoid of each cluster by squared Euclidean distance: the row with the least sum of squared distances to the cluster's others,
 * which is the one nearest to its mean. Of equally near rows the first. O(n·d).
 *
 * @param labels cluster of each row from 0, −1 for noise
 * @returns a row for each cluster; −1 for one without rows
 * @throws InputError for labels of another length, below −1 or above 999,999
 */
export function clusterMedoids({ data, rows, columns }: Matrix, labels: ArrayLike<number>): Int32Array {
  if (labels.length !== rows) throw new InputError('labels', `${labels.length} labels`, `one for each of ${rows} rows`)
  const { k, names, places } = compactLabels(labels)
  const sizes = new Float64Array(names.length)
  const means = new Float64Array(names.length * columns)
  for (let row = 0; row < rows; row++) {
    const cluster = places[row]
    if (cluster < 0) continue
    sizes[cluster]++
    for (let column = 0; column < columns; column++) means[cluster * columns + column] += data[row * columns + column]
  }
  for (let at = 0; at < means.length; at++) means[at] /= sizes[Math.floor(at / columns)]
  const nearest = new Float64Array(names.length).fill(Infinity)
  const medoids = new Int32Array(k).fill(-1)
  for (let row = 0; row < rows; row++) {
    const cluster = places[row]
    if (cluster < 0) continue
    let distance = 0
    for (let column = 0; column < columns; column++)
      distance += (data[row * columns + column] - means[cluster * columns + column]) ** 2
    if (!(distance < nearest[cluster])) continue
    nearest[cluster] = distance
    medoids[names[cluster]] = row
  }
  return medoids
}
