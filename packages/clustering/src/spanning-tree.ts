/** Minimum spanning trees of rows: what single linkage and HDBSCAN are made from. */
import {
  arena,
  breathe,
  type Dissimilarities,
  instantiate,
  type LongCall,
  type Matrix,
  type Metric,
  placeRows,
} from '@offprint/kernels'
import { simd } from '../build/spanning-tree.js'
import { comparableRows } from './comparable-rows.ts'

/** n − 1 edges, by the order in which rows joined the tree. */
export interface SpanningTree {
  /** The end that was in the tree, and the one that joined. */
  from: Uint32Array
  to: Uint32Array
  /** 64 bits, from the rows themselves. */
  lengths: Float64Array
}

interface Engine {
  scratchBytes(n: number, columns: number): number
  begin(...numbers: number[]): void
  run(rows: number): number
}

/** Differences of numbers between two looks at the signal: some 10 ms. */
const pieceWork = 2 ** 24
const pieceMs = 15

/**
 * The tree of least length that joins all rows, by Prim's method. O(n²·d) time, O(n·d) memory. Which rows are the nearest is
 * decided on distances of 32-bit floats; of equally near ones the first joins.
 *
 * @param cores n numbers, below none of which a distance to the row counts: core distances make it HDBSCAN's tree of mutual reachability
 * @throws InputError for points that cannot be compared by the metric; the signal's reason once it is aborted
 */
export async function spanningTree(
  data: Matrix | Dissimilarities,
  { metric, cores, signal, onProgress }: { metric?: Metric; cores?: Float64Array } & LongCall = {},
): Promise<SpanningTree> {
  if ('n' in data) return treeOfSquare(data, { cores, signal, onProgress })
  const { rows, measure, toMeasure, between } = comparableRows(data, metric)
  const { rows: n, columns } = rows
  const padded = 16 * Math.ceil(n / 16)
  const space = arena(4 * (n * (columns + 4) + padded * (columns + 5)) + 8 * n + 4096)
  const engine = instantiate<Engine>(simd, space)
  const placed = placeRows(space, rows)
  const coresAt = cores ? space.take(4 * n) : 0
  const panels = space.take(4 * padded * columns)
  const scratch = space.take(engine.scratchBytes(n, columns))
  const edges = space.take(8 * n)
  if (cores) new Float32Array(space.memory.buffer, coresAt, n).set(cores.map(toMeasure))
  engine.begin(placed.pointer, placed.bytes, n, columns, measure, coresAt, panels, scratch, edges)
  space.give(placed.pointer)
  for (let left = n - 1; left > 0; ) {
    left = engine.run(Math.max(1, Math.floor(pieceWork / (left * columns))))
    onProgress?.(n - 1 - left, n - 1)
    await breathe(signal)
  }
  const pairs = new Uint32Array(space.memory.buffer, edges, 2 * (n - 1))
  const from = Uint32Array.from({ length: n - 1 }, (_, edge) => pairs[2 * edge])
  const to = Uint32Array.from({ length: n - 1 }, (_, edge) => pairs[2 * edge + 1])
  const lengths = new Float64Array(n - 1)
  for (let edge = 0; edge < n - 1; edge++)
    lengths[edge] = reach(from[edge], to[edge], between(from[edge], to[edge]), cores)
  return { from, to, lengths }
}

function reach(a: number, b: number, distance: number, cores?: Float64Array): number {
  return cores ? Math.max(distance, cores[a], cores[b]) : distance
}

async function treeOfSquare(
  square: Dissimilarities,
  { cores, signal, onProgress }: { cores?: Float64Array } & LongCall,
): Promise<SpanningTree> {
  const { n } = square
  let { data } = square
  const from = new Uint32Array(n - 1)
  const to = new Uint32Array(n - 1)
  const lengths = new Float64Array(n - 1)
  const nearest = new Float64Array(n).fill(Infinity)
  const nearestIds = new Uint32Array(n)
  const left = Uint32Array.from({ length: n - 1 }, (_, at) => at + 1)
  let last = 0
  let since = performance.now()
  for (let edge = 0; edge < n - 1; edge++) {
    let best = 0
    const count = n - 1 - edge
    for (let at = 0; at < count; at++) {
      const row = left[at]
      const far = reach(last, row, data[last * n + row], cores)
      if (far < nearest[row]) {
        nearest[row] = far
        nearestIds[row] = last
      }
      if (nearest[row] < nearest[left[best]]) best = at
    }
    last = left[best]
    from[edge] = nearestIds[last]
    to[edge] = last
    lengths[edge] = nearest[last]
    left.copyWithin(best, best + 1, count)
    if (performance.now() - since < pieceMs) continue
    onProgress?.(edge + 1, n - 1)
    await breathe(signal)
    data = square.data
    since = performance.now()
  }
  return { from, to, lengths }
}
