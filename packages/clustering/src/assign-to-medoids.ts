import { dissimilarity, InputError, type Matrix, type Metric } from '@offprint/kernels'

/**
 * Nearest medoid of points that were not clustered themselves; of equally near ones the first. O(n·k·d).
 *
 * @param medoids the medoids' own rows, k × d
 * @throws InputError where the columns differ or there is no medoid
 */
export function assignToMedoids(
  points: Matrix,
  medoids: Matrix,
  metric: Metric = 'euclidean',
): { labels: Int32Array; nearest: Float64Array } {
  if (medoids.rows === 0) throw new InputError('medoids', 'none', 'at least one row')
  if (points.columns !== medoids.columns)
    throw new InputError('points', `${points.columns} columns`, `${medoids.columns} columns, as the medoids have`)
  const labels = new Int32Array(points.rows)
  const nearest = new Float64Array(points.rows).fill(Infinity)
  const rowOf = ({ data, columns }: Matrix, row: number) => data.subarray(row * columns, (row + 1) * columns)
  for (let row = 0; row < points.rows; row++) {
    const point = rowOf(points, row)
    for (let medoid = 0; medoid < medoids.rows; medoid++) {
      const distance = dissimilarity(point, rowOf(medoids, medoid), metric)
      if (distance < nearest[row]) {
        nearest[row] = distance
        labels[row] = medoid
      }
    }
  }
  return { labels, nearest }
}
