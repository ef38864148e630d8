/** DBSCAN (Ester, Kriegel, Sander and Xu 1996): clusters are where rows are dense, and the rest is noise. */
import {
  breathe,
  type Dissimilarities,
  InputError,
  type LongCall,
  type Matrix,
  type Metric,
  type WorkerPool,
} from '@offprint/kernels'
import { type ComparableRows, comparableRows, rowsAt } from './comparable-rows.ts'
import { checkedWeights, requireRows } from './k-means-workspace.ts'
import { requireWhole } from './k-medoids.ts'
import {
  connectedWithin,
  firstWithin,
  haveNeighbours,
  kdTree,
  type Radius,
  requireColumns,
  treeArena,
  treeBytes,
} from './neighbours.ts'

export interface DbscanOptions extends LongCall {
  /** Rows up to this far apart are neighbours: see `dbscan` on what is just as far. */
  eps: number
  /** A row with so many neighbours, itself among them, is a core row. */
  minPts: number
  /** How far apart two rows are, where points are given; default `euclidean`. */
  metric?: Metric
  /** n weights of at least 0; a row's neighbours then weigh `minPts`, and a whole weight counts as so many equal rows. Default all 1. */
  weights?: ArrayLike<number>
  /** Threads to work in; default the calling one. Results are the same. */
  pool?: WorkerPool
}

/** What places new rows: the core rows and their clusters. */
export interface DbscanModel {
  eps: number
  metric: Metric
  /** d */
  columns: number
  /** Core rows × d, in the order of the rows. */
  cores: Float32Array
  coreLabels: Int32Array
}

export interface Dbscan {
  /** Cluster of each row, −1 for noise. Clusters are numbered by their first core rows. */
  labels: Int32Array
  k: number
  /** Rows in each cluster. */
  sizes: Uint32Array
  /** Rows that are in none. */
  noise: number
  /** Per row 1 for core rows. */
  core: Uint8Array
  /** For `dbscanOf`; not for dissimilarities. */
  model?: DbscanModel
  notes: string[]
}

const pieceMs = 15
const roundingOfSquare = 2 ** -18

function radiusOf(eps: number, { toMeasure, rounding }: ComparableRows): Radius {
  return { limit: toMeasure(eps), rounding: eps > 0 ? rounding : 0 }
}

/**
 * DBSCAN. Core rows within `eps` of each other are in one cluster; a row that is none but within `eps` of one is on the border, and
 * belongs to the first such core row's. Neighbours are found by k-d trees, exactly: whether a row is within `eps` is decided in 64
 * bits where 32 could be wrong. 0.1 and 0.4 are 0.3 apart although they are not quite so as 32-bit floats: rows x and y are
 * neighbours up to `eps` + 2⁻²⁴·(‖x‖ + ‖y‖), the most by which writing them in 32 bits brings them apart (‖·‖ by the metric; for
 * cosine of rows of length one, twice that). Dissimilarities do not tell how large the rows are: they may be beyond `eps` by
 * 2⁻¹⁸ (4e-6) of it. Where `eps` is 0, only equal rows are neighbours. About O(n·log n) where columns are few, O(n²·d) at worst; memory O(n·d), and for dissimilarities
 * nothing more.
 *
 * @param data n × d points, or dissimilarities
 * @throws InputError for wrong options or points; the signal's reason once it is aborted
 *
 * @example
 * const { labels, k, noise } = await dbscan(points, { eps: 0.5, minPts: 5 })
 */
export async function dbscan(data: Matrix | Dissimilarities, options: DbscanOptions): Promise<Dbscan> {
  const { eps, minPts, metric = 'euclidean', pool, signal } = options
  signal?.throwIfAborted()
  if (!(eps >= 0 && eps < Infinity)) throw new InputError('eps', String(eps), 'a number of at least 0')
  requireWhole('minPts', minPts, 1, 1_000_000_000)
  if ('n' in data) return ofSquare(data, options)
  const compare = comparableRows(data, metric)
  const weights = checkedWeights(options.weights, data.rows)
  const radius = radiusOf(eps, compare)
  const all = compare.rows
  const space = treeArena(2 * treeBytes(all.rows, all.columns), pool)
  const call = { pool, signal }
  const report = reports(options, 4)
  const tree = await kdTree(space, all, compare.measure, call)
  const core = await haveNeighbours(tree, radius, minPts, weights, { ...call, onProgress: report(0) })
  const coreRows = rowsWhere(core, 1)
  const labels = new Int32Array(all.rows).fill(-1)
  if (!coreRows.length) return partition(labels, core, 0, options)
  const coreTree = await kdTree(space, rowsAt(all, coreRows), compare.measure, call)
  const { components, count } = await connectedWithin(coreTree, radius, { ...call, onProgress: report(1) })
  for (const [at, row] of coreRows.entries()) labels[row] = components[at]
  const otherRows = rowsWhere(core, 0)
  if (otherRows.length) {
    const others = await kdTree(space, rowsAt(all, otherRows), compare.measure, call)
    const first = await firstWithin(coreTree, others, radius, { ...call, onProgress: report(2) })
    for (const [at, row] of otherRows.entries()) if (first[at] >= 0) labels[row] = components[first[at]]
  }
  report(3)(1, 1)
  const model = {
    eps,
    metric,
    columns: data.columns,
    cores: rowsAt(data, coreRows).data,
    coreLabels: Int32Array.from(components),
  }
  return { ...partition(labels, core, count, options), model }
}

/** Progress of parts that follow each other. */
export function reports({ onProgress }: LongCall, parts: number) {
  return (part: number) => (done: number, total: number) => onProgress?.((part + done / total) / parts, 1)
}

function rowsWhere(flags: Uint8Array, value: number): Uint32Array {
  const rows: number[] = []
  for (const [row, flag] of flags.entries()) if (flag === value) rows.push(row)
  return Uint32Array.from(rows)
}

function partition(labels: Int32Array, core: Uint8Array, k: number, { eps, minPts }: DbscanOptions): Dbscan {
  const sizes = new Uint32Array(k)
  let noise = 0
  for (const label of labels)
    if (label < 0) noise++
    else sizes[label]++
  const notes = k ? [] : [`No row has ${minPts} neighbours within ${eps}: everything is noise.`]
  return { labels, k, sizes, noise, core, notes }
}

async function ofSquare(square: Dissimilarities, options: DbscanOptions): Promise<Dbscan> {
  const { eps, minPts, signal, onProgress } = options
  const { n } = square
  if (!square.symmetric) throw new InputError('data', 'asymmetric dissimilarities', 'symmetric ones')
  const weights = checkedWeights(options.weights, n)
  const radius = eps * (1 + roundingOfSquare)
  let data = square.data
  let since = performance.now()
  const pause = async (done: number) => {
    if (performance.now() - since < pieceMs) return
    onProgress?.(done, 3 * n)
    await breathe(signal)
    data = square.data
    since = performance.now()
  }
  const core = new Uint8Array(n)
  for (let row = 0; row < n; row++) {
    let weight = 0
    for (let other = 0; other < n; other++) if (data[row * n + other] <= radius) weight += weights?.[other] ?? 1
    core[row] = Number(weight >= minPts)
    await pause(row)
  }
  const labels = new Int32Array(n).fill(-1)
  let k = 0
  for (let first = 0; first < n; first++) {
    if (!core[first] || labels[first] >= 0) continue
    const open = [first]
    labels[first] = k
    while (open.length) {
      const row = open.pop()!
      for (let other = 0; other < n; other++)
        if (core[other] && labels[other] < 0 && data[row * n + other] <= radius) {
          labels[other] = k
          open.push(other)
        }
      await pause(n)
    }
    k++
  }
  for (let row = 0; row < n; row++) {
    if (core[row]) continue
    for (let other = 0; other < n && labels[row] < 0; other++)
      if (core[other] && data[row * n + other] <= radius) labels[row] = labels[other]
    await pause(2 * n + row)
  }
  onProgress?.(1, 1)
  return partition(labels, core, k, options)
}

/**
 * Clusters of rows that need not be those that were clustered: that of the first core row within `eps`, −1 where there is none.
 * Rows that were clustered get their own again.
 *
 * @throws InputError for points that do not fit; the signal's reason once it is aborted
 */
export async function dbscanOf(
  points: Matrix,
  { eps, metric, columns, cores, coreLabels }: DbscanModel,
  options: LongCall & { pool?: WorkerPool } = {},
): Promise<Int32Array> {
  requireColumns(points, columns)
  requireRows(points)
  const labels = new Int32Array(points.rows).fill(-1)
  if (!coreLabels.length) return labels
  const known = { data: cores, rows: coreLabels.length, columns }
  const { tree, queries, ...compare } = await twoTrees(known, points, metric, options)
  const first = await firstWithin(tree, queries, radiusOf(eps, compare), options)
  for (let row = 0; row < points.rows; row++) if (first[row] >= 0) labels[row] = coreLabels[first[row]]
  return labels
}

/** Trees of rows that are known and of those that ask, scaled alike. */
export async function twoTrees(
  known: Matrix,
  points: Matrix,
  metric: Metric,
  { pool, signal }: LongCall & { pool?: WorkerPool },
) {
  // Together, so that one scale fits both.
  const both = { data: new Float32Array(known.data.length + points.data.length), rows: known.rows + points.rows }
  both.data.set(known.data)
  both.data.set(points.data, known.data.length)
  comparableRows(points, metric)
  const compare: ComparableRows = comparableRows({ ...both, columns: known.columns }, metric)
  const part = (from: number, rows: number): Matrix => ({
    data: compare.rows.data.subarray(from * known.columns, (from + rows) * known.columns),
    rows,
    columns: known.columns,
  })
  const space = treeArena(2 * treeBytes(both.rows, known.columns), pool)
  const tree = await kdTree(space, part(0, known.rows), compare.measure, { signal })
  const queries = await kdTree(space, part(known.rows, points.rows), compare.measure, { signal })
  return { ...compare, tree, queries }
}
