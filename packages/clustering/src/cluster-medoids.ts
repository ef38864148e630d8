/** A real row for each cluster of a partition that was found by means. */
import { InputError, type Matrix } from '@offprint/kernels'

/**
 * The medoid of each cluster by squared Euclidean distance: the row with the least sum of squared distances to the cluster's others,
 * which is the one nearest to its mean. Of equally near rows the first. O(n·d).
 *
 * @param labels cluster of each row from 0, −1 for noise
 * @returns a row for each cluster; −1 for one without rows
 * @throws InputError for labels of another length or below −1
 */
export function clusterMedoids({ data, rows, columns }: Matrix, labels: ArrayLike<number>): Int32Array {
  if (labels.length !== rows) throw new InputError('labels', `${labels.length} labels`, `one for each of ${rows} rows`)
  let k = 0
  for (let row = 0; row < rows; row++) {
    if (!Number.isInteger(labels[row]) || labels[row] < -1)
      throw new InputError('labels', String(labels[row]), 'whole numbers from 0, or -1 for noise')
    k = Math.max(k, labels[row] + 1)
  }
  const sizes = new Float64Array(k)
  const means = new Float64Array(k * columns)
  for (let row = 0; row < rows; row++) {
    if (labels[row] < 0) continue
    sizes[labels[row]]++
    for (let column = 0; column < columns; column++)
      means[labels[row] * columns + column] += data[row * columns + column]
  }
  for (let at = 0; at < means.length; at++) means[at] /= sizes[Math.floor(at / columns)]
  const nearest = new Float64Array(k).fill(Infinity)
  const medoids = new Int32Array(k).fill(-1)
  for (let row = 0; row < rows; row++) {
    const cluster = labels[row]
    if (cluster < 0) continue
    let distance = 0
    for (let column = 0; column < columns; column++)
      distance += (data[row * columns + column] - means[cluster * columns + column]) ** 2
    if (!(distance < nearest[cluster])) continue
    nearest[cluster] = distance
    medoids[cluster] = row
  }
  return medoids
}
