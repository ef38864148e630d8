/**
 * Vectors like embeddings, of any number, from a seed: clusters of skewed sizes and unequal radii in a space of few
 * dimensions, mapped to many. Any row can be made alone. Its intrinsic dimension is below that of real sets, so it is easier.
 */
import { type Matrix, matrix } from '@offprint/kernels'

const latent = 24
const spread = 0.6
const noise = 0.15
const goldenRatio = 0x9e3779b9

export interface SyntheticClusters {
  rows: number
  /** Default 128. */
  columns?: number
  /** Default 1000. */
  clusters?: number
  seed?: number
  /** Queries are drawn beside the rows, from the same clusters. */
  queries?: boolean
}

/** Makes `rows × columns` vectors. */
export function syntheticClusters({
  rows,
  columns = 128,
  clusters = 1000,
  seed = 1,
  queries,
}: SyntheticClusters): Matrix {
  const uniform = (stream: number, i: number, j: number) => {
    let h = mix(seed ^ Math.imul(stream, goldenRatio))
    h = mix(h ^ (Math.imul(i, 0x85ebca77) + 0x165667b1))
    h = mix(h ^ (Math.imul(j, 0xc2b2ae3d) + 0x27d4eb2f))
    return h / 4_294_967_296
  }
  // Four uniform numbers make one that is nearly normal, with mean 0 and variance 1.
  const normal = (stream: number, i: number, j: number) =>
    (uniform(stream, i, 4 * j) +
      uniform(stream, i, 4 * j + 1) +
      uniform(stream, i, 4 * j + 2) +
      uniform(stream, i, 4 * j + 3) -
      2) *
    Math.sqrt(3)
  const table = (stream: number, n: number, width: number) =>
    Float64Array.from({ length: n * width }, (_, at) => normal(stream, Math.floor(at / width), at % width))
  const centres = table(2, clusters, latent)
  const radii = Float64Array.from({ length: clusters }, (_, cluster) => 0.5 + uniform(3, cluster, 0))
  const mapping = table(5, columns, latent)
  const shifts = Float64Array.from({ length: columns }, (_, column) => 0.3 * normal(6, column, 0))
  const shrink = Float64Array.from({ length: latent }, (_, k) => Math.sqrt(1 + k / 4))
  const own = queries ? 10 : 0
  const made = matrix(rows, columns)
  const place = new Float64Array(latent)
  for (let row = 0; row < rows; row++) {
    const cluster = Math.min(clusters - 1, Math.floor(clusters * uniform(1 + own, row, 0) ** 2))
    for (let k = 0; k < latent; k++)
      place[k] = (centres[cluster * latent + k] + spread * radii[cluster] * normal(4 + own, row, k)) / shrink[k]
    for (let column = 0; column < columns; column++) {
      let sum = 0
      for (let k = 0; k < latent; k++) sum += (place[k] * mapping[column * latent + k]) / Math.sqrt(latent)
      const value = Math.max(0, sum + shifts[column]) + noise * Math.max(0, normal(7 + own, row, column))
      made.data[row * columns + column] = value
    }
  }
  return made
}

/** A finaliser that spreads every bit of a 32-bit number over all. */
function mix(value: number): number {
  let x = value | 0
  x ^= x >>> 16
  x = Math.imul(x, 0x85ebca6b)
  x ^= x >>> 13
  x = Math.imul(x, 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}
