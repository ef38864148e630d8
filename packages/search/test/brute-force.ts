/** Made rows, and what is really near to them. */
import { type Matrix, matrix, random } from '@offprint/kernels'
import type { Hnsw, HnswMetric } from '@offprint/search'

/** Rows around some centres, normally distributed. The centres are the same for the same number of groups and columns. */
export function clustered(rows: number, columns: number, seed: number, groups = 10): Matrix {
  const drawn = random(groups * 1000 + columns)
  const { next, integer } = random(seed)
  const normal = (from: () => number) => Math.sqrt(-2 * Math.log(1 - from())) * Math.cos(2 * Math.PI * from())
  const centres = Float64Array.from({ length: groups * columns }, () => 2 * normal(drawn.next))
  const made = matrix(rows, columns)
  for (let row = 0; row < rows; row++) {
    const group = integer(groups)
    for (let column = 0; column < columns; column++)
      made.data[row * columns + column] = centres[group * columns + column] + normal(next)
  }
  return made
}

export const rowOf = ({ data, columns }: Matrix, row: number) => data.subarray(row * columns, (row + 1) * columns)

/** By its definition, in 64-bit arithmetic. */
export function distance(a: Float32Array, b: Float32Array, metric: HnswMetric): number {
  let [product, aa, bb, squares] = [0, 0, 0, 0]
  for (let at = 0; at < a.length; at++) {
    product += a[at] * b[at]
    aa += a[at] ** 2
    bb += b[at] ** 2
    squares += (a[at] - b[at]) ** 2
  }
  return metric === 'l2' ? squares : metric === 'ip' ? 1 - product : 1 - product / Math.sqrt(aa * bb)
}

/** Share of the true neighbours that are found with `ef`; what is as near as the last of them counts. */
export async function recall(index: Hnsw, queries: Matrix, ef: number, k = 10): Promise<number> {
  const { distances: truth } = await index.searchExact(queries, k)
  const { distances } = await index.searchBatch(queries, k, { ef })
  let hits = 0
  for (let q = 0; q < queries.rows; q++)
    for (let rank = 0; rank < k; rank++)
      if (distances[q * k + rank] <= truth[q * k + k - 1] + 1e-6 * Math.abs(truth[q * k + k - 1]) + 1e-9) hits++
  return hits / (queries.rows * k)
}
