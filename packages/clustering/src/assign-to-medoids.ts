import { dissimilarity, InputError, type Matrix, type Metric, matrix } from '@offprint/kernels'
import { rowsAt } from './comparable-rows.ts'

/** What places new rows; `saveModel` writes it. */
export interface MedoidsModel {
  metric: Metric
  /** d */
  columns: number
  /** The medoids' own rows, k × d. */
  medoidRows: Float32Array
}

/**
 * The medoids of clustered points as a model.
 *
 * @param medoids their row numbers, such as `fasterPam` gives them
 * @throws InputError for a number that is no row
 *
 * @example
 * const model = medoidsModel(points, (await fasterPam(points, { k: 8 })).medoids)
 * const { labels } = assignToMedoids(others, model)
 */
export function medoidsModel(points: Matrix, medoids: ArrayLike<number>, metric: Metric = 'euclidean'): MedoidsModel {
  const wrong = Array.from(medoids).find(row => !Number.isInteger(row) || row < 0 || row >= points.rows)
  if (wrong !== undefined) throw new InputError('medoids', String(wrong), `row numbers from 0 to ${points.rows - 1}`)
  return { metric, columns: points.columns, medoidRows: rowsAt(points, medoids).data }
}

/**
 * Nearest medoid of points that were not clustered themselves; of equally near ones the first. O(n·k·d).
 *
 * @param model of `medoidsModel`, or the medoids' own rows, k × d
 * @param metric for rows; a model has its own
 * @throws InputError where the columns differ or there is no medoid
 */
export function assignToMedoids(
  points: Matrix,
  model: Matrix | MedoidsModel,
  metric: Metric = 'euclidean',
): { labels: Int32Array; nearest: Float64Array } {
  if ('medoidRows' in model) {
    const { columns, medoidRows } = model
    return assignToMedoids(points, matrix(medoidRows.length / columns, columns, medoidRows), model.metric)
  }
  const medoids = model
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
