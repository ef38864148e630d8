/** HDBSCAN (Campello, Moulavi and Sander 2013): clusters that stay when the density that counts as dense is varied. */
import {
  type Dissimilarities,
  InputError,
  type LongCall,
  type Matrix,
  type Metric,
  type Rows,
  topKOfRows,
  type WorkerPool,
} from '@offprint/kernels'
import { comparableRows } from './comparable-rows.ts'
import { type CondensedTree, chosenAbove, condensedTree } from './condensed-tree.ts'
import { reports, twoTrees } from './dbscan.ts'
import { requireRows } from './k-means-workspace.ts'
import { requireWhole } from './k-medoids.ts'
import {
  kdTree,
  kthNearest,
  nearestReachable,
  reachabilityTree,
  requireColumns,
  treeArena,
  treeBytes,
} from './neighbours.ts'
import { eachRow, pauses } from './pauses.ts'
import { type SpanningTree, spanningTree } from './spanning-tree.ts'

export interface HdbscanOptions extends LongCall {
  /** A row's core distance is that to its minPts-th nearest row, itself counted; default 5. */
  minPts?: number
  /** Least rows of a cluster, from 2; default `minPts`, or 2 where that is 1. */
  minClusterSize?: number
  /** Whether all rows may be one cluster, without noise; default false. */
  allowSingle?: boolean
  /**
   * Whether edges of equal length come apart at once, as the paper has it. A core distance is the length of many edges; where these
   * come apart one by one, as in R's and Python's packages, a row between clusters belongs to the one or the other by the order of
   * rows, and where `minClusterSize` is small the number of clusters can depend on that. Default false.
   */
  simultaneous?: boolean
  /** How far apart two rows are, where points are given; default `euclidean`. */
  metric?: Metric
  /**
   * Finds the k nearest rows of each (itself the first), as n × k row numbers: another index, such as HNSW, in place of exact
   * search. Only core distances depend on it.
   */
  neighbours?: (points: Matrix, k: number) => Promise<{ ids: ArrayLike<number> }>
  /** Threads to work in; default the calling one. Results are the same. */
  pool?: WorkerPool
}

/** What places new rows. */
export interface HdbscanModel {
  minPts: number
  metric: Metric
  /** d */
  columns: number
  /** n × d */
  rows: Float32Array
  /** Core distance of each row. */
  coreDistances: Float64Array
  /** See `CondensedTree`. */
  parents: Int32Array
  births: Float64Array
  deaths: Float64Array
  clusterOf: Int32Array
  /** Label of each cluster of the condensed tree, −1 for those that are not chosen. */
  labelOf: Int32Array
}

export interface Hdbscan {
  /** Cluster of each row, −1 for noise. Clusters are numbered by their first rows. */
  labels: Int32Array
  k: number
  /** Rows in each cluster. */
  sizes: Uint32Array
  /** Rows that are in none. */
  noise: number
  /** How firmly each row belongs to its cluster: λ at which it leaves divided by λ at which the cluster ends; 0 for noise. */
  memberships: Float64Array
  /** GLOSH: 1 − λ at which the row leaves its last cluster / greatest λ within that cluster; near 1 is an outlier. */
  outlierScores: Float64Array
  /** Stability of each cluster. */
  stabilities: Float64Array
  coreDistances: Float64Array
  /** All clusters there are at any density, for plots. */
  tree: CondensedTree
  /** Number of each cluster in `tree`. */
  clusters: Uint32Array
  /** For `hdbscanOf`; not for dissimilarities. */
  model?: HdbscanModel
  notes: string[]
}

/** Rows for which Prim's method is the faster one; and columns from which it is for all: by measurement, bench/density.ts. */
const mostForPrim = 1000
const columnsForPrim = 24

/**
 * HDBSCAN. Core distances by a k-d tree, or by `neighbours`; the minimum spanning tree of mutual reachability by Borůvka's method
 * on that tree, or by Prim's where columns are many; then the condensed tree, of which excess of mass chooses clusters. Exact but
 * for rounding: which rows are the nearest is decided on distances of 32-bit floats, lengths of edges are of 64. About O(n·log² n)
 * where columns are few, O(n²·d) at worst; memory O(n·d).
 *
 * @param data n × d points, or dissimilarities
 * @throws InputError for wrong options or points; the signal's reason once it is aborted
 *
 * @example
 * const { labels, memberships, outlierScores } = await hdbscan(points, { minPts: 10 })
 */
export async function hdbscan(data: Matrix | Dissimilarities, options: HdbscanOptions = {}): Promise<Hdbscan> {
  const { minPts = 5, minClusterSize = Math.max(2, minPts), allowSingle = false, metric = 'euclidean' } = options
  const { simultaneous = false } = options
  if (!('n' in data)) requireRows(data)
  const n = 'n' in data ? data.n : data.rows
  if (options.minPts === undefined && n && n < minPts)
    throw new InputError('minPts', `${minPts}, the default`, `a whole number from 1 to n (n = ${n})`)
  requireWhole('minPts', minPts, 1, n)
  requireWhole('minClusterSize', minClusterSize, 2, 1_000_000_000)
  const { coreDistances, edges } =
    'n' in data ? await edgesOfSquare(data, minPts, options) : await edgesOfPoints(data, { ...options, minPts, metric })
  const tree = await condensedTree(edges, n, {
    minClusterSize,
    allowSingle,
    simultaneous,
    signal: options.signal,
  })
  const found = labelled(tree, n)
  const notes = found.k ? [] : ['No cluster was found: everything is noise.']
  if (options.neighbours)
    notes.push('Core distances are those of the neighbours that were given, which may be approximate.')
  const model: HdbscanModel | undefined =
    'n' in data
      ? undefined
      : {
          minPts,
          metric,
          columns: data.columns,
          rows: data.data.slice(),
          coreDistances,
          parents: tree.parents,
          births: tree.births,
          deaths: tree.deaths,
          clusterOf: tree.clusterOf,
          labelOf: found.labelOf,
        }
  return {
    labels: found.labels,
    k: found.k,
    sizes: found.sizes,
    noise: found.noise,
    memberships: found.memberships,
    outlierScores: found.outlierScores,
    stabilities: Float64Array.from(found.clusters, cluster => tree.stabilities[cluster]),
    coreDistances,
    tree,
    clusters: found.clusters,
    ...(model && { model }),
    notes,
  }
}

async function edgesOfPoints(
  points: Matrix,
  { minPts, metric, neighbours, pool, signal, onProgress }: HdbscanOptions & { minPts: number; metric: Metric },
): Promise<{ coreDistances: Float64Array; edges: SpanningTree }> {
  const compare = comparableRows(points, metric)
  const { rows: n, columns } = compare.rows
  const report = reports({ onProgress }, 2)
  const space = treeArena(treeBytes(n, columns) + 64 * n, pool)
  const tree = await kdTree(space, compare.rows, compare.measure, { signal })
  const kth = neighbours
    ? await lastGiven(points, minPts, neighbours)
    : await kthNearest(tree, tree, minPts, { pool, signal, onProgress: report(0) })
  const pause = pauses({ signal })
  const coreDistances = await inPieces(n, row => compare.between(row, kth[row]))
  if (n <= mostForPrim || columns >= columnsForPrim)
    return {
      coreDistances,
      edges: await spanningTree(points, { metric, cores: coreDistances, signal, onProgress: report(1) }),
    }
  const cores = coreDistances.map(compare.toMeasure)
  const { from, to } = await reachabilityTree(tree, cores, { pool, signal, onProgress: report(1) })
  const lengths = await inPieces(n - 1, edge => {
    const [a, b] = [from[edge], to[edge]]
    return Math.max(compare.between(a, b), coreDistances[a], coreDistances[b])
  })
  return { coreDistances, edges: { from, to, lengths } }

  async function inPieces(count: number, measure: (at: number) => number): Promise<Float64Array> {
    const values = new Float64Array(count)
    await eachRow(count, pause, at => {
      values[at] = measure(at)
    })
    return values
  }
}

/** The last neighbour of each row. @throws InputError where there are not n × k rows of the points */
async function lastGiven(
  points: Matrix,
  k: number,
  neighbours: NonNullable<HdbscanOptions['neighbours']>,
): Promise<Uint32Array> {
  const { ids } = await neighbours(points, k)
  if (ids.length !== points.rows * k)
    throw new InputError('neighbours', `${ids.length} numbers`, `${points.rows} × ${k} row numbers`)
  return Uint32Array.from({ length: points.rows }, (_, row) => {
    const id = ids[row * k + k - 1]
    if (!Number.isInteger(id) || id < 0 || id >= points.rows)
      throw new InputError('neighbours', String(id), `row numbers from 0 to ${points.rows - 1}`)
    return id
  })
}

async function edgesOfSquare(
  square: Dissimilarities,
  minPts: number,
  { signal, onProgress }: LongCall,
): Promise<{ coreDistances: Float64Array; edges: SpanningTree }> {
  if (!square.symmetric) throw new InputError('data', 'asymmetric dissimilarities', 'symmetric ones')
  const { n, arena, pointer } = square
  const rows: Rows = { arena, pointer, rows: n, columns: n, type: 'float32', bytes: 4 * n }
  const { values } = await topKOfRows(rows, minPts, { signal })
  const coreDistances = Float64Array.from({ length: n }, (_, row) => values[row * minPts + minPts - 1])
  return { coreDistances, edges: await spanningTree(square, { cores: coreDistances, signal, onProgress }) }
}

/** Labels, memberships and outlier scores by a condensed tree. */
function labelled(tree: CondensedTree, n: number) {
  const { parents, clusterOf, leaves, deaths } = tree
  const above = chosenAbove(tree)
  const labelOf = new Int32Array(parents.length).fill(-1)
  const clusters: number[] = []
  const labels = new Int32Array(n).fill(-1)
  // Greatest λ within each cluster.
  const ends = Float64Array.from(deaths)
  for (let cluster = parents.length - 1; cluster > 0; cluster--)
    ends[parents[cluster]] = Math.max(ends[parents[cluster]], ends[cluster])
  const memberships = new Float64Array(n)
  const outlierScores = new Float64Array(n)
  for (let row = 0; row < n; row++) {
    const last = clusterOf[row]
    if (ends[last] > 0) outlierScores[row] = 1 - leaves[row] / ends[last]
    const cluster = above[last]
    if (cluster < 0) continue
    if (labelOf[cluster] < 0) {
      labelOf[cluster] = clusters.length
      clusters.push(cluster)
    }
    labels[row] = labelOf[cluster]
    memberships[row] = deaths[cluster] > 0 ? Math.min(1, leaves[row] / deaths[cluster]) : 1
  }
  const sizes = new Uint32Array(clusters.length)
  let noise = 0
  for (const label of labels)
    if (label < 0) noise++
    else sizes[label]++
  return {
    labels,
    labelOf,
    clusters: Uint32Array.from(clusters),
    k: clusters.length,
    sizes,
    noise,
    memberships,
    outlierScores,
  }
}

/**
 * Places rows that need not be those that were clustered, without changing the clusters: each joins its nearest row by mutual
 * reachability, in the smallest cluster that is there at that density.
 *
 * @throws InputError for points that do not fit; the signal's reason once it is aborted
 */
export async function hdbscanOf(
  points: Matrix,
  model: HdbscanModel,
  options: LongCall & { pool?: WorkerPool } = {},
): Promise<{ labels: Int32Array; memberships: Float64Array }> {
  const { minPts, metric, columns, coreDistances, parents, births, deaths, clusterOf, labelOf } = model
  requireColumns(points, columns)
  requireRows(points)
  const n = coreDistances.length
  const known = { data: model.rows, rows: n, columns }
  const { between, toMeasure, tree, queries } = await twoTrees(known, points, metric, options)
  const report = reports(options, 2)
  const cores = new Float64Array(points.rows)
  if (minPts > 1) {
    // The row itself is the first.
    const kth = await kthNearest(tree, queries, minPts - 1, { ...options, onProgress: report(0) })
    for (let row = 0; row < points.rows; row++) cores[row] = between(n + row, kth[row])
  }
  const call = { ...options, onProgress: report(1) }
  const nearest = await nearestReachable(tree, queries, coreDistances.map(toMeasure), cores.map(toMeasure), call)
  const labels = new Int32Array(points.rows).fill(-1)
  const memberships = new Float64Array(points.rows)
  for (let row = 0; row < points.rows; row++) {
    const other = nearest[row]
    const lambda = 1 / Math.max(cores[row], coreDistances[other], between(n + row, other))
    let cluster = clusterOf[other]
    while (cluster > 0 && births[cluster] > lambda) cluster = parents[cluster]
    while (cluster > 0 && labelOf[cluster] < 0) cluster = parents[cluster]
    labels[row] = labelOf[cluster]
    if (labels[row] >= 0) memberships[row] = deaths[cluster] > 0 ? Math.min(1, lambda / deaths[cluster]) : 1
  }
  return { labels, memberships }
}
