/** Dissimilarities of rows of a special kind: of two values, or compared by their shape alone. */
import { type Dissimilarities, dissimilarities, type PointDissimilarityOptions } from './dissimilarities.ts'
import { InputError } from './input-error.ts'
import { breathe } from './long-call.ts'
import { type Matrix, matrix, requireFinite } from './matrix.ts'

const chunkMs = 15

/**
 * All pairwise dissimilarities of rows of zeros and ones. `hamming`: the share of columns that differ. `jaccard`: 1 − ones in common / ones in
 * either; 0 for two rows without any. O(n²·d) time and 4n² bytes.
 *
 * @param points n × d
 * @throws InputError for a cell that is neither 0 nor 1 (row and column are named), and as `dissimilarities`
 */
export async function binaryDissimilarities(
  points: Matrix,
  metric: 'hamming' | 'jaccard',
  options: PointDissimilarityOptions = {},
): Promise<Dissimilarities> {
  const { signal, field = 'points' } = options
  const { data, rows: n, columns } = points
  if (metric !== 'hamming' && metric !== 'jaccard') throw new InputError('metric', `'${metric}'`, 'hamming or jaccard')
  const ones = new Float64Array(n)
  for (let at = 0; at < n * columns; at++) {
    if (data[at] !== 0 && data[at] !== 1)
      throw new InputError(
        field,
        String(data[at]),
        '0 or 1',
        `${field}: row ${Math.floor(at / columns) + 1}, column ${(at % columns) + 1} must be 0 or 1, found ${data[at]}`,
      )
    ones[Math.floor(at / columns)] += data[at]
  }
  // How many columns differ.
  const all = await dissimilarities(points, 'manhattan', options)
  let values = all.data
  let since = performance.now()
  for (let row = 0; row < n; row++) {
    for (let other = 0; other < n; other++) {
      const differing = values[row * n + other]
      const inEither = (ones[row] + ones[other] + differing) / 2
      values[row * n + other] = metric === 'hamming' ? differing / columns : inEither ? differing / inEither : 0
    }
    if (performance.now() - since < chunkMs) continue
    await breathe(signal)
    values = all.data
    since = performance.now()
  }
  return all
}

/**
 * Rows less their own mean, and of length 1: their `cosine` dissimilarity is 1 − Pearson's correlation of the rows.
 *
 * @param points n × d
 * @throws InputError for a cell that is not finite, and a row of equal numbers, which correlates with nothing
 *
 * @example
 * const { medoids } = await fasterPam(correlationRows(profiles), { k: 4, metric: 'cosine' })
 */
export function correlationRows(points: Matrix): Matrix {
  requireFinite(points, 'points')
  const { rows, columns } = points
  const made = matrix(rows, columns)
  for (let row = 0; row < rows; row++) {
    const own = points.data.subarray(row * columns, (row + 1) * columns)
    if (own.every(value => value === own[0])) {
      const message = `points: row ${row + 1} is the same in every column, so it correlates with nothing`
      throw new InputError('points', 'equal numbers', 'a row whose numbers differ', message)
    }
    const mean = own.reduce((sum, value) => sum + value, 0) / columns
    const length = Math.sqrt(own.reduce((sum, value) => sum + (value - mean) ** 2, 0))
    for (let column = 0; column < columns; column++) made.data[row * columns + column] = (own[column] - mean) / length
  }
  return made
}
