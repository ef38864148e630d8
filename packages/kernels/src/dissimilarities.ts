/** How far apart things are: every pair of rows of a matrix, or a matrix of dissimilarities that is given. */
import { simd } from '../build/dissimilarities.js'
import { type Arena, arena } from './arena.ts'
import { InputError } from './input-error.ts'
import { breathe, type LongCall } from './long-call.ts'
import { type Matrix, matrix, requireFinite } from './matrix.ts'
import { type WorkerPool, workerPool } from './worker-pool.ts'

export type Metric = 'euclidean' | 'sqeuclidean' | 'manhattan' | 'chebyshev' | 'cosine'

/** A square matrix of 32-bit dissimilarities in WebAssembly memory, so that an engine need not copy it. */
export interface Dissimilarities {
  /** Objects. */
  n: number
  /** `n × n` floats: row j, column o is d(o, j). Made anew each time: keep it only until the next `await`. */
  readonly data: Float32Array
  /** Whether d(a, b) = d(b, a) for all pairs. */
  symmetric: boolean
  arena: Arena
  /** Where `data` begins in `arena.memory`. */
  pointer: number
}

export interface DissimilarityOptions extends LongCall {
  /** Name of the input in errors; default `points`. */
  field?: string
  /** Most rows that are accepted; default 16,384, at most 32,000. */
  most?: number
}

export interface PointDissimilarityOptions extends DissimilarityOptions {
  /** Threads to work in, and for engines to work on the result in; default the calling one. Results are the same. */
  pool?: WorkerPool
}

/** Largest n where nothing else is said: 4n² bytes are then 1 GiB. */
export const mostObjects = 16_384
/** All that an arena holds, with room for what works on it. */
const mostInArena = 32_000

const blockRows = 32
const chunkMs = 20

export const kinds: Record<Metric, { kind: number; scale: number; root: boolean }> = {
  euclidean: { kind: 0, scale: 1, root: true },
  sqeuclidean: { kind: 0, scale: 1, root: false },
  manhattan: { kind: 1, scale: 1, root: false },
  chebyshev: { kind: 2, scale: 1, root: false },
  // On rows of length one, 1 − x·y is half the squared distance; so written, near duplicates keep their digits.
  cosine: { kind: 0, scale: 0.5, root: false },
}

export const metrics = Object.keys(kinds) as Metric[]

/**
 * All pairwise dissimilarities of the rows of a matrix, O(n²·d) time and 4n² bytes. Sums are of 32-bit floats: good to
 * about 1e-6 relative.
 *
 * @throws InputError for no rows or columns, more than `most` rows, a cell that is not finite, an unknown metric, and for
 * `cosine` a row of zeros
 */
export async function dissimilarities(
  points: Matrix,
  metric: Metric = 'euclidean',
  { signal, onProgress, field = 'points', pool, most = mostObjects }: PointDissimilarityOptions = {},
): Promise<Dissimilarities> {
  const how = kindOf(metric)
  const { rows: n, columns: d } = points
  requireCount(n, field, most)
  requirePoints(points, field)
  const stride = Math.ceil(d / 4) * 4
  const space = arena(4 * n * n + 4 * n * stride + 64, { shared: pool !== undefined })
  const result = squareOf(n, space, true)
  const padded = space.take(4 * n * stride)
  // Squares of very large or very small numbers leave the range of 32-bit floats; those are brought near 1 before.
  const unit = metric === 'cosine' ? 1 : unitOf(points.data)
  fill(new Float32Array(space.memory.buffer, padded, n * stride), points, { stride, metric, unit, field })
  const { kind, scale, root } = how
  await (pool ?? inThisThread).run(
    simd,
    space,
    ({ queue }) => [
      { name: 'allBlockRows', args: [padded, stride, n, result.pointer, kind, scale, Number(root), queue] },
    ],
    { total: Math.ceil(n / blockRows), signal, onProgress },
  )
  space.give(padded)
  if (unit !== 1) rescale(result.data, metric === 'sqeuclidean' ? unit * unit : unit, field)
  return result
}

const inThisThread = workerPool({ threads: 1 })

/** @throws InputError for a metric that there is not */
export function kindOf(metric: Metric) {
  if (!Object.hasOwn(kinds, metric)) throw new InputError('metric', `'${metric}'`, `one of ${metrics.join(', ')}`)
  return kinds[metric]
}

/** @throws InputError for no columns, other numbers than rows × columns, or a cell that is not finite */
export function requirePoints(points: Matrix, field: string): void {
  if (points.columns === 0) throw new InputError(field, 'no column', 'rows with at least one column')
  // As one that was not made by `matrix` may hold fewer numbers than it says.
  matrix(points.rows, points.columns, points.data)
  requireFinite(points, field)
}

/**
 * A power of two that the numbers are counted in: 1, unless the largest is beyond 10¹⁵ or below 10⁻¹⁵. That becomes some 10¹⁵, so that
 * squares of numbers 10³⁰ times smaller are still above 0.
 */
export function unitOf(data: Float32Array): number {
  let largest = 0
  for (let index = 0; index < data.length; index++) largest = Math.max(largest, Math.abs(data[index]))
  return largest === 0 || (largest > 1e-15 && largest < 1e15) ? 1 : 2 ** (Math.floor(Math.log2(largest)) - 49)
}

/** @throws InputError where a dissimilarity is too large for 32 bits */
export function rescale(values: Float32Array, factor: number, field: string): void {
  for (let index = 0; index < values.length; index++) {
    values[index] *= factor
    if (values[index] < Infinity) continue
    const message = `${field}: the numbers are so large that their dissimilarities are beyond 3.4e38; divide them by a constant`
    throw new InputError(field, 'too large numbers', 'numbers whose dissimilarities are below 3.4e38', message)
  }
}

export function fill(
  target: Float32Array,
  points: Matrix,
  { stride, metric, unit, field }: { stride: number; metric: Metric; unit: number; field: string },
): void {
  const { data, rows, columns } = points
  target.fill(0)
  for (let row = 0; row < rows; row++) {
    const source = data.subarray(row * columns, (row + 1) * columns)
    if (metric !== 'cosine') {
      if (unit === 1) target.set(source, row * stride)
      else for (let column = 0; column < columns; column++) target[row * stride + column] = source[column] / unit
      continue
    }
    let squares = 0
    for (let column = 0; column < columns; column++) squares += source[column] * source[column]
    if (squares === 0)
      throw new InputError(
        field,
        'zeros',
        'a row with a length',
        `${field}: row ${row + 1} has nothing but zeros, so it has no direction; metric cosine needs one`,
      )
    const length = Math.sqrt(squares)
    for (let column = 0; column < columns; column++) target[row * stride + column] = source[column] / length
  }
}

/**
 * Takes a matrix of dissimilarities that is given: the cell in row i and column j is d(i, j).
 *
 * @param options.asymmetric accept d(i, j) ≠ d(j, i); otherwise they may differ by 1e-6 relative, and those below the diagonal count
 * @throws InputError that names row and column (from 1): not square, not finite, negative, not zero on the diagonal, or
 * asymmetric
 */
export async function precomputed(
  { data, rows: n, columns }: Matrix,
  {
    signal,
    field = 'dissimilarities',
    asymmetric = false,
    most = mostObjects,
  }: DissimilarityOptions & { asymmetric?: boolean } = {},
): Promise<Dissimilarities> {
  signal?.throwIfAborted()
  if (n !== columns)
    throw new InputError(field, `${n} rows and ${columns} columns`, 'a square matrix, as many rows as columns')
  requireCount(n, field, most)
  matrix(n, n, data)
  const wrong = (row: number, column: number, expected: string, found = String(data[row * n + column])) =>
    new InputError(
      field,
      found,
      expected,
      `${field}: row ${row + 1}, column ${column + 1} must be ${expected}, found ${found}`,
    )
  let since = performance.now()
  let symmetric = true
  let mirror = false
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < n; column++) {
      const value = data[row * n + column]
      if (!(value >= 0 && value < Infinity)) throw wrong(row, column, 'a number of at least 0')
      if (column >= row) continue
      const mirrored = data[column * n + row]
      if (value === mirrored) continue
      mirror = true
      if (Math.abs(value - mirrored) <= 1e-6 * Math.max(value, mirrored)) continue
      symmetric = false
      if (asymmetric) continue
      const found = `${value} and ${mirrored}`
      throw wrong(row, column, `the same as row ${column + 1}, column ${row + 1}`, found)
    }
    if (data[row * n + row] !== 0) throw wrong(row, row, '0: an object is no distance from itself')
    if (performance.now() - since < chunkMs) continue
    await breathe(signal)
    since = performance.now()
  }
  const result = squareOf(n, arena(4 * n * n + 64), symmetric)
  const target = result.data
  if (symmetric) {
    target.set(data.subarray(0, n * n))
    // Who is the nearest of whom must not go round in circles.
    for (let row = 0; mirror && row < n; row++)
      for (let column = 0; column < row; column++) target[column * n + row] = target[row * n + column]
  } else
    for (let row = 0; row < n; row++)
      for (let column = 0; column < n; column++) target[column * n + row] = data[row * n + column]
  return result
}

export function squareOf(n: number, space: Arena, symmetric: boolean): Dissimilarities {
  const pointer = space.take(4 * n * n)
  return {
    n,
    symmetric,
    arena: space,
    pointer,
    get data() {
      return new Float32Array(space.memory.buffer, pointer, n * n)
    },
  }
}

export function requireCount(n: number, field: string, wanted: number): void {
  const most = Math.min(wanted, mostInArena)
  if (n === 0) throw new InputError(field, 'no row', 'at least one row')
  if (n > most)
    throw new InputError(
      field,
      `${n.toLocaleString('en')} rows`,
      `at most ${most.toLocaleString('en')} rows, as all pairs are kept in memory`,
    )
}

/** The dissimilarity of two vectors in 64-bit arithmetic. A vector of zeros is at NaN from everything by `cosine`. */
export function dissimilarity(a: ArrayLike<number>, b: ArrayLike<number>, metric: Metric): number {
  let total = 0
  let lengthA = 0
  let lengthB = 0
  for (let index = 0; index < a.length; index++) {
    const difference = a[index] - b[index]
    if (metric === 'manhattan') total += Math.abs(difference)
    else if (metric === 'chebyshev') total = Math.max(total, Math.abs(difference))
    else if (metric === 'cosine') total += a[index] * b[index]
    else total += difference * difference
    lengthA += a[index] * a[index]
    lengthB += b[index] * b[index]
  }
  if (metric === 'cosine') return Math.max(0, 1 - total / Math.sqrt(lengthA * lengthB))
  return metric === 'euclidean' ? Math.sqrt(total) : total
}
