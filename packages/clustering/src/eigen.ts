/**
 * Eigenvectors of a symmetric matrix by Jacobi's rotations, in 64 bits. O(d³) a sweep, about ten sweeps.
 *
 * @param matrix d × d
 * @returns `values`, greatest first, and `vectors`, d × d, one in each row
 */
export function symmetricEigen(matrix: Float64Array, d: number): { values: Float64Array; vectors: Float64Array } {
  const a = Float64Array.from(matrix)
  const vectors = new Float64Array(d * d)
  for (let at = 0; at < d; at++) vectors[at * d + at] = 1
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0
    let size = 0
    for (let row = 0; row < d; row++)
      for (let column = 0; column < d; column++) {
        if (row !== column) off += a[row * d + column] ** 2
        size += a[row * d + column] ** 2
      }
    if (off <= 1e-30 * size) break
    for (let p = 0; p < d; p++)
      for (let q = p + 1; q < d; q++) {
        if (a[p * d + q] === 0) continue
        const theta = (a[q * d + q] - a[p * d + p]) / (2 * a[p * d + q])
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
        const c = 1 / Math.sqrt(t * t + 1)
        const s = t * c
        for (let at = 0; at < d; at++) {
          const x = a[at * d + p]
          const y = a[at * d + q]
          a[at * d + p] = c * x - s * y
          a[at * d + q] = s * x + c * y
        }
        for (let at = 0; at < d; at++) {
          const x = a[p * d + at]
          const y = a[q * d + at]
          a[p * d + at] = c * x - s * y
          a[q * d + at] = s * x + c * y
          const u = vectors[p * d + at]
          const v = vectors[q * d + at]
          vectors[p * d + at] = c * u - s * v
          vectors[q * d + at] = s * u + c * v
        }
      }
  }
  const order = Array.from({ length: d }, (_, at) => at).sort((one, other) => a[other * d + other] - a[one * d + one])
  const sorted = new Float64Array(d * d)
  for (const [at, from] of order.entries()) sorted.set(vectors.subarray(from * d, (from + 1) * d), at * d)
  return { values: Float64Array.from(order, at => a[at * d + at]), vectors: sorted }
}
