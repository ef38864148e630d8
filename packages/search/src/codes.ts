/**
 * Codes of a byte a dimension, with 7 bits in use: the walk through the graph reads these, a quarter of the floats' memory. All
 * dimensions share one step, so that the squared distance of codes times step² is that of the vectors, up to rounding.
 */
import { type Matrix, matrix, random } from '@offprint/kernels'

export interface Codes {
  /** Per dimension, the value of code 0; of codes of bits, the centre, and then the signs of the rotation. */
  offsets: Float32Array
  /** From one code to the next. */
  step: number
}

/** The highest code: seven bits, so that the dot product of relaxed SIMD is exact on every machine. */
export const highestCode = 127
const sampleRows = 4000
/** Shares of all components that lie within the range of codes; what lies outside gets the first or last code. */
const coverages = [0.98, 0.99, 0.995, 0.998, 0.9995, 1]

/** Bits of a code: the dimension, padded to a power of two of at least 128, which are 16 bytes. */
export const bitsOf = (dimension: number) => 2 ** Math.ceil(Math.log2(Math.max(128, dimension)))

/** The centre of some rows, and the random signs of two rounds of a rotation. */
export function trainBits({ data, rows, columns }: Matrix, seed: number): Codes {
  const bits = bitsOf(columns)
  const { next } = random(seed, 3)
  const offsets = new Float32Array(columns + 2 * bits)
  for (let column = 0; column < columns; column++) {
    let sum = 0
    for (let row = 0; row < rows; row++) sum += data[row * columns + column]
    offsets[column] = sum / rows
  }
  for (let at = columns; at < offsets.length; at++) offsets[at] = next() < 0.5 ? -1 : 1
  return { offsets, step: 1 }
}

/** Some of the rows of two matrices, at length 1 where they are compared so, to train codes on. */
export function codeSample(first: Matrix, second: Matrix, { seed, unit }: { seed: number; unit: boolean }): Matrix {
  const rows = first.rows + second.rows
  const { columns } = second
  const drawn =
    rows <= sampleRows ? Array.from({ length: rows }, (_, row) => row) : random(seed).sample(sampleRows, rows)
  const sample = matrix(drawn.length, columns)
  for (const [at, row] of drawn.entries()) {
    const { data } = row < first.rows ? first : second
    const from = (row < first.rows ? row : row - first.rows) * columns
    const own = data.subarray(from, from + columns)
    let squares = 0
    for (const value of own) squares += value * value
    const scale = unit && squares > 0 ? 1 / Math.sqrt(squares) : 1
    for (let j = 0; j < columns; j++) sample.data[at * columns + j] = own[j] * scale
  }
  return sample
}

/**
 * Chooses the centre of each dimension (the middle of its values' inner 99 %) and the step with the least squared
 * error on some rows.
 */
export function trainCodes({ data, rows, columns }: Matrix): Codes {
  const centres = new Float64Array(columns)
  const distances = new Float32Array(rows * columns)
  const column = new Float32Array(rows)
  for (let j = 0; j < columns; j++) {
    for (let row = 0; row < rows; row++) column[row] = data[row * columns + j]
    column.sort()
    const last = rows - 1
    centres[j] = (column[Math.floor(0.005 * last)] + column[Math.ceil(0.995 * last)]) / 2
    for (let row = 0; row < rows; row++) distances[row * columns + j] = Math.abs(column[row] - centres[j])
  }
  distances.sort()
  let best = { step: 0, error: Number.POSITIVE_INFINITY }
  for (const coverage of coverages) {
    const reach = distances[Math.ceil(coverage * (distances.length - 1))]
    const step = (2 * reach) / highestCode
    if (!(step > 0)) continue
    let error = 0
    for (const distance of distances) error += distance > reach ? (distance - reach) ** 2 : step ** 2 / 12
    if (error < best.error) best = { step, error }
  }
  // Where all rows are equal any step will do.
  const step = best.step || 1
  return { offsets: Float32Array.from(centres, centre => centre - (step * highestCode) / 2), step }
}
