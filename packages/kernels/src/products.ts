/** Products of matrices, and by way of them all distances of rows to rows. In several threads where a pool is given. */
import { relaxed, simd } from '../build/products.js'
import { type Arena, arena } from './arena.ts'
import { InputError } from './input-error.ts'
import type { LongCall } from './long-call.ts'
import type { Matrix } from './matrix.ts'
import { noDirection, placeRows, type Rows, readRows, requireType, rowLengths, takeRows } from './rows.ts'
import { type WorkerPool, workerPool } from './worker-pool.ts'

export interface ProductOptions extends LongCall {
  /** Threads to work in, where the memory is shared; default the calling one. */
  pool?: WorkerPool
  /** Multiply with the rows of B instead of its columns: A·Bᵀ. Default false. */
  transposed?: boolean
}

export type ProductMetric = 'sqeuclidean' | 'euclidean' | 'cosine'

export interface DistanceMatrixOptions extends LongCall {
  pool?: WorkerPool
  /** Name of the input in errors; default `points`. */
  field?: string
}

const kinds: Record<ProductMetric, number> = { sqeuclidean: 1, euclidean: 2, cosine: 3 }

/** Side of a tile, in the caches' favour, and how few multiplications of numbers a tile may come down to. */
const mostSide = 512
const leastSide = 64
/** Multiplications in a tile: 10 to 20 ms. */
const mostWork = 2 ** 28
// As in assembly/products.ts.
const scratchRows = 128
const scratchDepth = 256

const inThisThread = workerPool({ threads: 1 })

/**
 * The product of two matrices: A·B, or A·Bᵀ where `transposed`. O(n·m·d). Sums are of 32-bit floats: good to about
 * 6e-8·√d of ‖x‖·‖y‖.
 *
 * @param a n × d
 * @param b d × m, or m × d
 * @returns n × m
 * @throws InputError where the sizes do not fit, or for memory; the signal's reason once it is aborted
 *
 * @example
 * const cosines = await product(rows, rows, { transposed: true })
 */
export async function product(a: Matrix, b: Matrix, options: ProductOptions = {}): Promise<Matrix> {
  const columns = options.transposed ? b.rows : b.columns
  return onShared(a, b, columns, options.pool, (left, right, out) => multiplyRows(left, right, out, options))
}

/**
 * `product` on rows of 32-bit floats that lie in one arena.
 * @param out n × m, overwritten
 */
export async function multiplyRows(a: Rows, b: Rows, out: Rows, options: ProductOptions = {}): Promise<void> {
  const { transposed = false } = options
  const depth = transposed ? b.columns : b.rows
  const columns = transposed ? b.rows : b.columns
  if (a.columns !== depth)
    throw new InputError(
      'b',
      `${b.rows} × ${b.columns}`,
      `a matrix with ${a.columns} ${transposed ? 'columns' : 'rows'}`,
    )
  if (out.rows !== a.rows || out.columns !== columns)
    throw new InputError('out', `${out.rows} × ${out.columns}`, `${a.rows} × ${columns}`)
  await multiply(a, b, out, { ...options, transposed })
}

/**
 * All distances from the rows of one matrix to those of another. O(n·m·d).
 *
 * Worked out as ‖x‖² + ‖y‖² − 2x·y, which is good to about 1e-7·√d of ‖x‖² + ‖y‖², not of the distance itself: so what comes
 * to less than 1/1000 of that is worked out again from the differences, and squared distances are good to 1e-4·√d relative at
 * worst. Rows that are far from 0 and near each other gain from having their mean taken off before. None is below 0, and that
 * of equal rows is 0.
 *
 * @param a n × d
 * @param b m × d
 * @param metric default `euclidean`; `cosine` is 1 − x·y/(‖x‖‖y‖)
 * @returns n × m
 * @throws InputError where the columns differ, for `cosine` a row of zeros, or for memory; the signal's reason once it is aborted
 */
export async function distanceMatrix(
  a: Matrix,
  b: Matrix,
  metric: ProductMetric = 'euclidean',
  options: DistanceMatrixOptions = {},
): Promise<Matrix> {
  return onShared(a, b, b.rows, options.pool, (left, right, out) => distancesOfRows(left, right, out, metric, options))
}

/**
 * `distanceMatrix` on rows of 32-bit floats that lie in one arena.
 * @param out n × m, overwritten
 */
export async function distancesOfRows(
  a: Rows,
  b: Rows,
  out: Rows,
  metric: ProductMetric = 'euclidean',
  { field = 'points', ...options }: DistanceMatrixOptions = {},
): Promise<void> {
  if (!Object.hasOwn(kinds, metric))
    throw new InputError('metric', `'${metric}'`, `one of ${Object.keys(kinds).join(', ')}`)
  if (a.columns !== b.columns) throw new InputError('b', `${b.columns} columns`, `${a.columns} columns, as a has`)
  if (out.rows !== a.rows || out.columns !== b.rows)
    throw new InputError('out', `${out.rows} × ${out.columns}`, `${a.rows} × ${b.rows}`)
  const squaresA = await rowLengths(a, { squared: true, signal: options.signal })
  const squaresB = a === b ? squaresA : await rowLengths(b, { squared: true, signal: options.signal })
  if (metric === 'cosine')
    for (const squares of [squaresA, squaresB]) {
      const zeros = squares.indexOf(0)
      if (zeros >= 0) throw noDirection(zeros, field)
    }
  const pointer = a.arena.take(4 * (a.rows + b.rows))
  try {
    const all = new Float32Array(a.arena.memory.buffer, pointer, a.rows + b.rows)
    all.set(squaresA)
    all.set(squaresB, a.rows)
    const finish = { name: 'bindDistance', args: [kinds[metric], pointer, pointer + 4 * a.rows] }
    await multiply(a, b, out, { ...options, transposed: true, finish })
  } finally {
    a.arena.give(pointer)
  }
}

interface Multiply extends ProductOptions {
  transposed: boolean
  finish?: { name: string; args: number[] }
}

async function multiply(
  a: Rows,
  b: Rows,
  out: Rows,
  { pool = inThisThread, transposed, finish, signal, onProgress }: Multiply,
): Promise<void> {
  for (const one of [a, b, out]) {
    requireType(one, 'float32')
    if (one.arena !== a.arena) throw new Error('all rows must lie in one arena')
  }
  const threads = a.arena.shared ? pool.threads : 1
  const side = sideOfTiles(out, a.columns, threads)
  const total = Math.ceil(out.rows / side) * Math.ceil(out.columns / side)
  if (!total) return
  const scratchBytes = 4 * ((scratchRows + side) * scratchDepth + 32)
  const scratch = a.arena.take(threads * scratchBytes)
  const sizes = [out.rows, out.columns, a.columns]
  try {
    await pool.run(
      [relaxed, simd],
      a.arena,
      ({ thread, queue }) => [
        { name: 'bindTiles', args: [side, side] },
        finish ?? { name: 'bindDistance', args: [0, 0, 0] },
        {
          name: 'multiply',
          args: [
            ...[a.pointer, a.bytes, b.pointer, b.bytes, Number(transposed), out.pointer, out.bytes],
            ...[...sizes, scratch + thread * scratchBytes, queue],
          ],
        },
      ],
      { total, signal, onProgress },
    )
  } finally {
    a.arena.give(scratch)
  }
}

/** Tiles as large as the caches and the wait for a cancel allow, and several for each thread. */
function sideOfTiles({ rows, columns }: Rows, depth: number, threads: number): number {
  let side = mostSide
  while (side > leastSide && side * side * depth > mostWork) side /= 2
  if (threads > 1)
    while (side > leastSide && Math.ceil(rows / side) * Math.ceil(columns / side) < 4 * threads) side /= 2
  return side
}

/** Copies two matrices into memory that the pool's threads can share, and the result out of it. */
async function onShared(
  a: Matrix,
  b: Matrix,
  columns: number,
  pool: WorkerPool | undefined,
  work: (left: Rows, right: Rows, out: Rows) => Promise<void>,
): Promise<Matrix> {
  const padded = (count: number) => Math.ceil(count / 4) * 4
  const bytes = 4 * (a.rows * padded(a.columns) + b.rows * padded(b.columns) + a.rows * padded(columns))
  const space: Arena = arena(bytes + 2e6, { shared: pool !== undefined })
  const left = placeRows(space, a)
  const right = a === b ? left : placeRows(space, b)
  const out = takeRows(space, a.rows, columns)
  await work(left, right, out)
  return readRows(out)
}
