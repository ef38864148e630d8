/** Rows as kernels compare them: by squared distance, sum or greatest of absolute differences. */
import { dissimilarity, InputError, type Matrix, type Metric, matrix, metrics, requireFinite } from '@offprint/kernels'
import { requireRows } from './k-means-workspace.ts'

export interface ComparableRows {
  /** Scaled, or brought to length 1, so that measures give the metric's order. */
  rows: Matrix
  /** 0 squared distance, 1 sum of absolute differences, 2 greatest of them. */
  measure: number
  /** Share of its length by which a row may be off its true place, as its numbers are of 32 bits. */
  rounding: number
  /** From a distance by the metric to the kernels' measure. */
  toMeasure(distance: number): number
  toDistance(measure: number): number
  /** Distance of two rows in 64 bits. */
  between(a: number, b: number): number
}

/** Of 32-bit floats. */
const unitRoundoff = 2 ** -24

/** Rows of a matrix, by number. */
export function rowsAt({ data, columns }: Matrix, rows: ArrayLike<number>): Matrix {
  const some = matrix(rows.length, columns)
  for (let at = 0; at < rows.length; at++)
    some.data.set(data.subarray(rows[at] * columns, (rows[at] + 1) * columns), at * columns)
  return some
}

/** Numbers beyond 2^±40 are scaled to about 2^40: their squares stay within 32-bit floats, as do those of numbers a 2^100th of them. */
const mostPower = 40

/** @throws InputError for points that cannot be compared by the metric, and for an unknown one */
export function comparableRows(points: Matrix, metric: Metric = 'euclidean'): ComparableRows {
  if (!metrics.includes(metric)) throw new InputError('metric', `'${metric}'`, `one of ${metrics.join(', ')}`)
  requireRows(points)
  requireFinite(points, 'points')
  const { data, rows, columns } = points
  const row = (at: number) => data.subarray(at * columns, (at + 1) * columns)
  const between = (a: number, b: number) => dissimilarity(row(a), row(b), metric)
  if (metric === 'cosine') {
    const made = matrix(rows, columns)
    for (let at = 0; at < rows; at++) {
      const length = Math.sqrt(row(at).reduce((sum, value) => sum + value * value, 0))
      if (!(length > 0)) {
        const message = `points: row ${at + 1} has nothing but zeros, so it has no direction; metric cosine needs one`
        throw new InputError('points', 'zeros', 'a row with a length', message)
      }
      for (let column = 0; column < columns; column++)
        made.data[at * columns + column] = data[at * columns + column] / length
    }
    // On rows of length one, 1 − x·y is half the squared distance.
    return {
      rows: made,
      measure: 0,
      // Rounded twice: as they were given, and at length one.
      rounding: 2 * unitRoundoff,
      toMeasure: far => 2 * far,
      toDistance: square => square / 2,
      between,
    }
  }
  const { rows: made, scale } = scaledRows(points)
  if (metric === 'manhattan' || metric === 'chebyshev')
    return {
      rows: made,
      measure: metric === 'manhattan' ? 1 : 2,
      rounding: unitRoundoff,
      toMeasure: far => far / scale,
      toDistance: measure => measure * scale,
      between,
    }
  return metric === 'sqeuclidean'
    ? {
        rows: made,
        measure: 0,
        rounding: unitRoundoff,
        toMeasure: far => far / scale / scale,
        toDistance: square => square * scale * scale,
        between,
      }
    : {
        rows: made,
        measure: 0,
        rounding: unitRoundoff,
        toMeasure: far => (far / scale) ** 2,
        toDistance: square => Math.sqrt(square) * scale,
        between,
      }
}

/** Rows divided by a power of two, so that their squares stay within 32-bit floats. */
export function scaledRows(points: Matrix): { rows: Matrix; scale: number } {
  const scale = powerNear(points)
  const { data, rows, columns } = points
  if (scale === 1) return { rows: points, scale }
  const scaled = data.map(value => value / scale)
  return { rows: matrix(rows, columns, scaled), scale }
}

/** 1, or the power of two that brings the largest number to about 2^40 where that is beyond 2^±40. */
export function powerNear({ data }: Pick<Matrix, 'data'>): number {
  let largest = 0
  for (let at = 0; at < data.length; at++) largest = Math.max(largest, Math.abs(data[at]))
  const power = largest > 0 ? Math.floor(Math.log2(largest)) : 0
  return Math.abs(power) > mostPower ? 2 ** (power - mostPower) : 1
}
