/** The least or greatest numbers of each row of a matrix. */
import { simd } from '../build/selection.js'
import { arena } from './arena.ts'
import { InputError } from './input-error.ts'
import type { LongCall } from './long-call.ts'
import type { Matrix } from './matrix.ts'
import { placeRows, type Rows, requireType } from './rows.ts'
import { type WorkerPool, workerPool } from './worker-pool.ts'

export interface SelectionOptions extends LongCall {
  /** Threads to work in, where the memory is shared; default the calling one. */
  pool?: WorkerPool
}

export interface TopKOptions extends SelectionOptions {
  /** The greatest instead of the least. Default false. */
  largest?: boolean
}

export interface TopK {
  /** As asked for, or the number of columns where that is less. */
  k: number
  /** rows × k: column numbers, the least value first; of equal values the lower column. */
  ids: Uint32Array
  /** rows × k */
  values: Float32Array
}

export interface LeastOfRows {
  /** Column of the least number of each row, the first of equal ones. */
  ids: Uint32Array
  least: Float32Array
  /** The least of the others: equal to the least where that is there twice, infinite where there is one column. */
  second: Float32Array
}

const inThisThread = workerPool({ threads: 1 })

// As in assembly/selection.ts.
const mostInHeap = 32
const sampleSize = 256
const histogramBytes = 4096

/**
 * The k least numbers of each row, in order. The same for all builds and numbers of threads: of equal numbers the lower column comes
 * first, and NaN after all numbers. About O(n + k) for a row of n numbers: up to 32 in a heap; more by a bound from a sample of
 * the row, and a radix sort of what is within it.
 *
 * @throws InputError for a k that is not a whole number of at least 1; the signal's reason once it is aborted
 *
 * @example
 * const { ids } = await topK(await distanceMatrix(queries, points), 10)
 */
export async function topK(values: Matrix, k: number, options: TopKOptions = {}): Promise<TopK> {
  return topKOfRows(placed(values, options.pool), k, options)
}

/** `topK` on rows of 32-bit floats in an arena. */
export async function topKOfRows(
  rows: Rows,
  k: number,
  { largest = false, pool = inThisThread, ...call }: TopKOptions = {},
): Promise<TopK> {
  requireType(rows, 'float32')
  if (!Number.isInteger(k) || k < 1) throw new InputError('k', String(k), 'a whole number of at least 1')
  const { arena: space, pointer, bytes, rows: count, columns } = rows
  const kept = Math.min(k, columns)
  const size = count * kept
  const threads = space.shared ? pool.threads : 1
  const scratchBytes =
    kept <= mostInHeap ? Math.ceil(kept / 2) * 16 : 16 * Math.max(columns, sampleSize) + histogramBytes
  const ids = space.take(8 * size + 16 + threads * scratchBytes)
  const values = ids + 4 * size
  const scratch = Math.ceil((values + 4 * size) / 16) * 16
  try {
    if (size) {
      const shape = [pointer, bytes, count, columns, kept, Number(largest), ids, values]
      await pool.run(
        simd,
        space,
        ({ thread, queue }) => [{ name: 'selectRows', args: [...shape, scratch + thread * scratchBytes, queue] }],
        { total: count, ...call },
      )
    }
    const { buffer } = space.memory
    return {
      k: kept,
      ids: new Uint32Array(buffer, ids, size).slice(),
      values: new Float32Array(buffer, values, size).slice(),
    }
  } finally {
    space.give(ids)
  }
}

/**
 * The least number of each row and the one after it; NaN is passed over. O(n·m).
 * @throws InputError for rows without columns; the signal's reason once it is aborted
 */
export async function leastOfRows(values: Matrix, options: SelectionOptions = {}): Promise<LeastOfRows> {
  return leastOfPlaced(placed(values, options.pool), options)
}

/** `leastOfRows` on rows of 32-bit floats in an arena. */
export async function leastOfPlaced(
  rows: Rows,
  { pool = inThisThread, ...call }: SelectionOptions = {},
): Promise<LeastOfRows> {
  requireType(rows, 'float32')
  const { arena: space, pointer, bytes, rows: count, columns } = rows
  if (count && !columns) throw new InputError('values', 'no column', 'rows with at least one column')
  const ids = space.take(12 * count)
  try {
    const args = [pointer, bytes, count, columns, ids, ids + 4 * count, ids + 8 * count]
    if (count)
      await pool.run(simd, space, ({ queue }) => [{ name: 'leastOfRows', args: [...args, queue] }], {
        total: count,
        ...call,
      })
    const floats = (at: number) => new Float32Array(space.memory.buffer, at, count).slice()
    return {
      ids: new Uint32Array(space.memory.buffer, ids, count).slice(),
      least: floats(ids + 4 * count),
      second: floats(ids + 8 * count),
    }
  } finally {
    space.give(ids)
  }
}

function placed(values: Matrix, pool: WorkerPool | undefined): Rows {
  const room = 4 * values.rows * (Math.ceil(values.columns / 4) * 4 + 16)
  return placeRows(arena(room, { shared: pool !== undefined }), values)
}
