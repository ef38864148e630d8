/**
 * Codes of a byte a dimension, with 7 bits in use: the walk through the graph reads these, a quarter of the floats' memory. All
 * dimensions share one step, so that the squared distance of codes times step² is that of the vectors, up to rounding.
 */
import { random } from '@offprint/kernels'

export interface Codes {
  /** Per dimension, the value of code 0. */
  offsets: Float32Array
  /** From one code to the next. */
  step: number
}

/** The highest code: seven bits, so that the dot product of relaxed SIMD is exact on every machine. */
export const highestCode = 127
const sampleRows = 4000
/** Shares of all components that lie within the range of codes; what lies outside gets the first or last code. */
const coverages = [0.98, 0.99, 0.995, 0.998, 0.9995, 1]

/**
 * Chooses the centre of each dimension (the middle of its values' inner 99 %) and the step with the least squared
 * error, on a sample of the rows.
 * @param stride numbers from one row of `data` to the next
 */
export function trainCodes(
  data: Float32Array,
  { rows, columns, stride, seed }: { rows: number; columns: number; stride: number; seed: number },
): Codes {
  const drawn =
    rows <= sampleRows ? Array.from({ length: rows }, (_, row) => row) : random(seed).sample(sampleRows, rows)
  const centres = new Float64Array(columns)
  const distances = new Float32Array(drawn.length * columns)
  const column = new Float32Array(drawn.length)
  for (let j = 0; j < columns; j++) {
    for (let at = 0; at < drawn.length; at++) column[at] = data[drawn[at] * stride + j]
    column.sort()
    const last = drawn.length - 1
    centres[j] = (column[Math.floor(0.005 * last)] + column[Math.ceil(0.995 * last)]) / 2
    for (let at = 0; at < drawn.length; at++) distances[at * columns + j] = Math.abs(column[at] - centres[j])
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
