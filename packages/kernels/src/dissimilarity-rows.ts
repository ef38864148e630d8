/** Rows of dissimilarities worked out as they are asked for, where all pairs would not fit into memory. */
import { simd } from '../build/dissimilarities.js'
import { type Arena, arena } from './arena.ts'
import {
  fill,
  kindOf,
  type Metric,
  type PointDissimilarityOptions,
  requirePoints,
  rescale,
  unitOf,
} from './dissimilarities.ts'
import { InputError } from './input-error.ts'
import type { Matrix } from './matrix.ts'
import { distancesOfRows } from './products.ts'
import { columnMoments, type Rows } from './rows.ts'
import { workerPool } from './worker-pool.ts'

export interface DissimilarityRows {
  /** Objects. */
  n: number
  arena: Arena
  /**
   * Works out d(o, j) for the rows j that are listed and all objects o, or those listed. O(rows · objects · d).
   *
   * @param rows numbers of rows, from 0
   * @param out pointer to 32-bit floats, a row after the other
   * @param bytes from one row to the next, a multiple of 16
   */
  compute(rows: ArrayLike<number>, out: number, bytes: number, objects?: ArrayLike<number>): Promise<void>
}

/** Columns from which products of matrices are faster than differences; measured at n = 20,000. */
const leastForProducts = 24

const inThisThread = workerPool({ threads: 1 })

/**
 * The rows of a matrix in memory, ready to be compared. Values are those of `dissimilarities`, to the bit where they are worked out
 * from differences; for 24 columns or more `euclidean`, `sqeuclidean` and `cosine` are worked out as products of matrices
 * (see `distanceMatrix` for how good they are).
 *
 * @param options.bytes room in the arena for what else is to lie there
 * @throws InputError for no rows or columns, a cell that is not finite, an unknown metric, and for `cosine` a row of zeros
 */
export async function dissimilarityRows(
  points: Matrix,
  metric: Metric = 'euclidean',
  { signal, field = 'points', pool, bytes = 0 }: Omit<PointDissimilarityOptions, 'most'> & { bytes?: number } = {},
): Promise<DissimilarityRows> {
  const { kind, scale, root } = kindOf(metric)
  const { rows: n, columns: d } = points
  if (n === 0) throw new InputError(field, 'no row', 'at least one row')
  requirePoints(points, field)
  const stride = Math.ceil(d / 4) * 4
  const space = arena(4 * n * stride + bytes, { shared: pool !== undefined })
  const unit = metric === 'cosine' ? 1 : unitOf(points.data)
  const placed: Rows = {
    arena: space,
    pointer: space.take(4 * n * stride),
    rows: n,
    columns: d,
    type: 'float32',
    bytes: 4 * stride,
  }
  const values = () => new Float32Array(space.memory.buffer, placed.pointer, n * stride)
  fill(values(), points, { stride, metric, unit, field })
  const byProducts = d >= leastForProducts && kind === 0
  if (byProducts) {
    // Nearer to 0, rows keep more digits of their distances. For cosine half of the squared distance is wanted.
    const { means } = await columnMoments(placed, { signal })
    const all = values()
    const factor = Math.sqrt(scale)
    for (let row = 0; row < n; row++)
      for (let column = 0; column < d; column++)
        all[row * stride + column] = factor * (all[row * stride + column] - means[column])
  }

  /** Copies of rows, side by side. */
  const gather = (list: ArrayLike<number>): Rows => {
    const copy = { ...placed, pointer: space.take(4 * list.length * stride), rows: list.length }
    const all = values()
    const target = new Float32Array(space.memory.buffer, copy.pointer, list.length * stride)
    for (let at = 0; at < list.length; at++)
      target.set(all.subarray(list[at] * stride, (list[at] + 1) * stride), at * stride)
    return copy
  }

  return {
    n,
    arena: space,
    async compute(rows, out, bytes, objects) {
      const left = gather(rows)
      const right = objects ? gather(objects) : placed
      try {
        if (byProducts)
          await distancesOfRows(
            left,
            right,
            { arena: space, pointer: out, rows: left.rows, columns: right.rows, type: 'float32', bytes },
            root ? 'euclidean' : 'sqeuclidean',
            { pool, signal, field },
          )
        else
          await (pool ?? inThisThread).run(
            simd,
            space,
            ({ queue }) => [
              {
                name: 'rowsToRows',
                args: [
                  ...[left.pointer, left.rows, right.pointer, right.rows, stride, out, bytes],
                  ...[kind, scale, Number(root), queue],
                ],
              },
            ],
            { total: right.rows, signal },
          )
        if (unit !== 1)
          for (let row = 0; row < left.rows; row++)
            rescale(
              new Float32Array(space.memory.buffer, out + row * bytes, right.rows),
              metric === 'sqeuclidean' ? unit * unit : unit,
              field,
            )
      } finally {
        if (objects) space.give(right.pointer)
        space.give(left.pointer)
      }
    },
  }
}
