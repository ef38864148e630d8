/** What is done to columns before rows are compared: scales brought together, missing cells dealt with. */
import { InputError, type LongCall, type Matrix, matrix, requireFinite } from '@offprint/kernels'
import { requireRows } from './k-means-workspace.ts'
import { eachRow, pauses } from './pauses.ts'
import { weightedSelect } from './weighted-select.ts'

/**
 * `z-score`: mean 0, standard deviation (of all rows, not of a sample) 1. `robust`: median 0, and 1.4826 × the median absolute
 * deviation, which is the standard deviation of normal numbers, 1; where more than half of a column's numbers are equal, 1.2533 ×
 * the mean absolute deviation from the median instead. `min-max`: 0 to 1.
 */
export type Standardisation = 'z-score' | 'robust' | 'min-max'

export const standardisations: readonly Standardisation[] = ['z-score', 'robust', 'min-max']

/** A column's numbers become (x − offset) / scale. */
export interface ColumnScales {
  offsets: Float64Array
  /** Above 0; 1 for a column of equal numbers, which so becomes 0. */
  scales: Float64Array
}

/** Of normal numbers, the standard deviation divided by the median absolute and the mean absolute deviation. */
const perMedianDeviation = 1.4826
const perMeanDeviation = 1.2533

/**
 * Brings columns to a common scale, so that one in large units does not drown the others. 64-bit arithmetic. O(n·d).
 *
 * @returns the scales as well, for other rows by `scaleColumns`
 * @throws InputError for points that cannot be used
 *
 * @example
 * const { points: scaled, ...scales } = standardise(points, 'robust')
 */
export function standardise(points: Matrix, how: Standardisation = 'z-score'): { points: Matrix } & ColumnScales {
  if (!standardisations.includes(how))
    throw new InputError('standardisation', `'${how}'`, `one of ${standardisations.join(', ')}`)
  requireRows(points)
  requireFinite(points, 'points')
  const { data, rows, columns } = points
  const offsets = new Float64Array(columns)
  const scales = new Float64Array(columns)
  const column = new Float64Array(rows)
  for (let at = 0; at < columns; at++) {
    for (let row = 0; row < rows; row++) column[row] = data[row * columns + at]
    const [offset, scale] = scaleOf(column, how)
    offsets[at] = offset
    scales[at] = scale > 0 ? scale : 1
  }
  return { points: scaleColumns(points, { offsets, scales }), offsets, scales }
}

/** Offset and scale of one column of finite numbers; the scale is 0 where all are equal. */
export function scaleOf(column: Float64Array, how: Standardisation): [offset: number, scale: number] {
  const first = column[0]
  // Rounding must not make something of equal numbers.
  if (column.every(value => value === first)) return [first, 0]
  const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value / values.length, 0)
  if (how === 'z-score') {
    const middle = mean(column)
    // Squares of shares neither overflow nor vanish.
    const widest = column.reduce((most, value) => Math.max(most, Math.abs(value - middle)), 0)
    return [middle, widest * Math.sqrt(mean(column.map(value => ((value - middle) / widest) ** 2)))]
  }
  if (how === 'min-max') {
    const least = column.reduce((a, b) => Math.min(a, b))
    return [least, column.reduce((a, b) => Math.max(a, b)) - least]
  }
  const middle = medianOf(column)
  const deviations = column.map(value => Math.abs(value - middle))
  return [middle, perMedianDeviation * medianOf(deviations) || perMeanDeviation * mean(deviations)]
}

/** O(n). */
export function medianOf(values: Float64Array): number {
  const copy = values.slice()
  const half = copy.length >> 1
  const upper = weightedSelect(copy, half + 1)
  if (copy.length % 2) return upper
  const lower = weightedSelect(copy, half)
  return lower + (upper - lower) / 2
}

/** Scales other rows as those that `standardise` has measured. @throws InputError where the columns differ */
export function scaleColumns({ data, rows, columns }: Matrix, { offsets, scales }: ColumnScales): Matrix {
  if (columns !== offsets.length)
    throw new InputError('points', `${columns} columns`, `${offsets.length} columns, as there are scales`)
  const scaled = matrix(rows, columns)
  for (let at = 0; at < data.length; at++) scaled.data[at] = (data[at] - offsets[at % columns]) / scales[at % columns]
  return scaled
}

/**
 * `refuse`: an error. `drop`: rows with missing cells are left out. `mean`, `median`: of the column. `nearest`: the cell of the
 * nearest row that has it, by the mean squared difference of the columns that both rows have, each divided by its variance.
 */
export type Missing = 'refuse' | 'drop' | 'mean' | 'median' | 'nearest'

export const missingChoices: readonly Missing[] = ['refuse', 'drop', 'mean', 'median', 'nearest']

interface Moments {
  mean: number
  variance: number
  median: number
}

/**
 * Deals with missing cells, which are NaN. `nearest` takes O(n·d) for each row with any.
 *
 * @returns `rows`: numbers of the rows that were kept; `filled`: how many cells got a number
 * @throws InputError for a missing cell where they are refused, an infinite one, a column (or every row) without a number, or no row; the
 * signal's reason once it is aborted
 */
export async function completeRows(
  points: Matrix,
  missing: Missing = 'refuse',
  { signal }: Pick<LongCall, 'signal'> = {},
): Promise<{ points: Matrix; rows: Uint32Array; filled: number }> {
  signal?.throwIfAborted()
  if (!missingChoices.includes(missing))
    throw new InputError('missing', `'${missing}'`, `one of ${missingChoices.join(', ')}`)
  requireRows(points)
  const { data, rows, columns } = points
  const pause = pauses({ signal })
  const isMissing = (row: number, column: number) => Number.isNaN(data[row * columns + column])
  const whole: number[] = []
  await eachRow(rows, pause, row => {
    let gaps = 0
    for (let column = 0; column < columns; column++) {
      const value = data[row * columns + column]
      if (Number.isFinite(value)) continue
      // Names the cell.
      if (missing === 'refuse') requireFinite(points, 'points')
      else if (!Number.isNaN(value)) requireFinite({ ...points, data: data.map(one => one || 0) }, 'points')
      gaps++
    }
    if (!gaps) whole.push(row)
  })
  const all = Uint32Array.from({ length: rows }, (_, row) => row)
  if (whole.length === rows) return { points, rows: all, filled: 0 }
  if (missing === 'drop') {
    if (!whole.length) throw new InputError('points', 'a missing cell in every row', 'a row without any')
    const kept = matrix(whole.length, columns)
    for (const [at, row] of whole.entries())
      kept.data.set(data.subarray(row * columns, (row + 1) * columns), at * columns)
    return { points: kept, rows: Uint32Array.from(whole), filled: 0 }
  }
  const moments: Moments[] = []
  for (let column = 0; column < columns; column++) {
    let count = 0
    for (let row = 0; row < rows; row++) if (!isMissing(row, column)) count++
    if (!count) {
      const message = `points: column ${column + 1} has no number at all, so nothing can be filled in`
      throw new InputError('points', 'no number', 'a number in every column', message)
    }
    const known = new Float64Array(count)
    for (let row = 0, at = 0; row < rows; row++) if (!isMissing(row, column)) known[at++] = data[row * columns + column]
    const mean = known.reduce((sum, value) => sum + value / count, 0)
    const variance = known.reduce((sum, value) => sum + (value - mean) ** 2 / count, 0)
    moments.push({ mean, variance, median: missing === 'median' ? medianOf(known) : 0 })
    await pause(column, columns)
  }
  const filled = matrix(rows, columns, data.slice())
  let cells = 0
  const fill = (row: number, column: number, value: number) => {
    filled.data[row * columns + column] = value
    cells++
  }
  const isWhole = new Uint8Array(rows)
  for (const row of whole) isWhole[row] = 1
  await eachRow(rows, pause, row => {
    if (isWhole[row]) return
    const far = missing === 'nearest' ? differences(row) : undefined
    for (let column = 0; column < columns; column++) {
      if (!isMissing(row, column)) continue
      if (!far) {
        fill(row, column, moments[column][missing as 'mean' | 'median'])
        continue
      }
      let nearest = -1
      for (let other = 0; other < rows; other++)
        if (!isMissing(other, column) && (nearest < 0 || far[other] < far[nearest])) nearest = other
      fill(row, column, data[nearest * columns + column])
    }
  })
  return { points: filled, rows: all, filled: cells }

  /** Infinite for rows that have no column in common. */
  function differences(row: number): Float64Array {
    const far = new Float64Array(rows)
    for (let other = 0; other < rows; other++) {
      let sum = 0
      let count = 0
      for (let column = 0; column < columns; column++) {
        if (isMissing(row, column) || isMissing(other, column)) continue
        count++
        const { variance } = moments[column]
        if (variance > 0) sum += (data[row * columns + column] - data[other * columns + column]) ** 2 / variance
      }
      far[other] = count ? sum / count : Infinity
    }
    return far
  }
}
