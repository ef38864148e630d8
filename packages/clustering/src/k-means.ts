/** k-means: k centres with the least sum of squared distances from rows to their nearest centre. */
import {
  arena,
  InputError,
  type LongCall,
  type Matrix,
  matrix,
  normaliseRows,
  placeRows,
  random,
  readRows,
  requireFinite,
  type WorkerPool,
} from '@offprint/kernels'
import { distinctRowsNote } from './distinct-rows.ts'
import { initialCentres, type KMeansInit, numbersOf } from './k-means-starts.ts'
import { type Algorithm, requireRows, type Workspace, workspace } from './k-means-workspace.ts'
import { requireK, requireWhole } from './k-medoids.ts'
import { eachRow, pauses } from './pauses.ts'

export interface KMeansOptions extends LongCall {
  /** Number of clusters, from 1 to n. */
  k: number
  /** Start; default `greedy-k-means++`. */
  init?: KMeansInit
  /** Runs from different starts, of which the best counts; default 1, for `random` 10. */
  restarts?: number
  /** Whole number from 0 to 2³² − 1; default 0. Same input and seed, same result. */
  seed?: number
  /** n weights of at least 0, not all 0; a whole weight counts as so many equal rows. Default all 1. */
  weights?: ArrayLike<number>
  /** A run ends when Σ‖Δc‖² of a step is at most this share of the mean variance of a column; default 1e-4. 0: when no label changes. */
  tol?: number
  /** Steps after which a run stops unsettled; default 300. */
  maxIterations?: number
  /**
   * How nearest centres are found; labels are the same. `lloyd`: all distances, as a product of matrices. `hamerly` and `elkan` skip
   * those that bounds rule out, with one bound a row or one for each row and centre (4·n·k bytes). Default `auto`.
   */
  algorithm?: 'auto' | Algorithm
  /** Threads to work in; default the calling one. Results are the same. */
  pool?: WorkerPool
}

/** What rows are compared with centres by: `sphericalKMeans` goes by cosine, `kMedians` by manhattan. */
export type CentresMetric = 'euclidean' | 'manhattan' | 'cosine'

export const centresMetrics: readonly CentresMetric[] = ['euclidean', 'manhattan', 'cosine']

export interface KMeans {
  /** Cluster of each row. */
  labels: Int32Array
  k: number
  /** Rows in each cluster; 0 is possible only where there are fewer distinct rows than clusters. */
  sizes: Uint32Array
  /** k × d, row after row. */
  centres: Float64Array
  /** d */
  columns: number
  /** For `nearestCentres`. */
  metric: CentresMetric
  /** Σ w‖x − c‖², the inertia. */
  objective: number
  /** Assignments of all rows to their nearest centres. */
  iterations: number
  /** Whether labels or centres had settled; false where `maxIterations` stopped it. */
  converged: boolean
  seed: number
  /** What the reader should know, such as fewer distinct rows than clusters. */
  notes: string[]
}

/** What is needed to place new rows by `nearestCentres`: euclidean where it has no metric. */
export type CentresModel = Pick<KMeans, 'k' | 'columns' | 'centres'> & Partial<Pick<KMeans, 'metric'>>

/** Most bytes that the bounds of `elkan` may take where the method is chosen by itself. */
const mostBounds = 2 ** 29

/**
 * k-means by Lloyd's iteration. O(n·k·d) a step at most. Distances that 32 bits cannot tell apart are worked out in 64, and sums of
 * rows do not depend on their order: so neither does the result on `algorithm` or the number of threads. A row that is equally far from two centres belongs to the
 * first; an empty cluster takes the row of greatest weighted squared distance to its centre.
 *
 * @param points n × d
 * @throws InputError for wrong options or points; the signal's reason once it is aborted
 *
 * @example
 * const { labels, centres, columns } = await kMeans(points, { k: 8, seed: 1 })
 */
export async function kMeans(points: Matrix, options: KMeansOptions): Promise<KMeans> {
  const { k, init = 'greedy-k-means++', seed = 0, tol = 1e-4, maxIterations = 300, onProgress } = options
  const restarts = options.restarts ?? (init === 'random' ? 10 : 1)
  const algorithm = options.algorithm ?? 'auto'
  requireSearch(points.rows, { k, restarts, seed, tol, maxIterations })
  if (!['auto', 'lloyd', 'hamerly', 'elkan'].includes(algorithm))
    throw new InputError('algorithm', `'${algorithm}'`, 'one of auto, lloyd, hamerly, elkan')
  const space = await workspace(points, { ...options, centres: numbersOf(init) })
  space.room(k, algorithm === 'auto' ? chooseAlgorithm(space.n, space.columns, k) : algorithm)
  const stop = tol * space.variance
  let best: KMeans | undefined
  for (let restart = 0; restart < restarts; restart++) {
    space.clear()
    const start = await initialCentres(space, k, init, random(seed, restart))
    space.setCentres(start)
    const report = (step: number) => onProgress?.(restart + 1 - 0.5 ** (step / 8), restarts)
    const found = await lloyd(space, { stop, maxIterations, seed, report })
    if (!best || found.objective < best.objective) best = found
  }
  best!.notes.push(...(await distinctRowsNote(points, k, options)))
  onProgress?.(restarts, restarts)
  return best!
}

/** @throws InputError for options of a search that cannot be used */
export function requireSearch(
  n: number,
  { k, restarts, seed, tol, maxIterations }: Record<'k' | 'restarts' | 'seed' | 'tol' | 'maxIterations', number>,
): void {
  if (n) requireK(k, n)
  requireWhole('restarts', restarts, 1, 1_000_000)
  requireWhole('seed', seed, 0, 2 ** 32 - 1)
  requireWhole('maxIterations', maxIterations, 1, 1_000_000_000)
  if (!(tol >= 0 && tol < Infinity)) throw new InputError('tol', String(tol), 'a number of at least 0')
}

/** By measurement, bench/kmeans.ts. */
function chooseAlgorithm(n: number, columns: number, k: number): Algorithm {
  if (k <= 2) return 'lloyd'
  if (columns >= 64 && k >= 32 && 4 * n * k <= mostBounds) return 'elkan'
  return 'hamerly'
}

export async function lloyd(
  space: Workspace,
  {
    stop,
    maxIterations,
    seed,
    report,
    project,
  }: {
    stop: number
    maxIterations: number
    seed: number
    report: (step: number) => void
    /** Brings a centre to where it must lie; false where it cannot. */
    project?: (centre: Float64Array) => boolean
  },
): Promise<KMeans> {
  let iterations = 0
  let converged = false
  for (;;) {
    const changed = await space.assign()
    iterations++
    if (!changed) converged = true
    // A last assignment after the centres have settled: labels fit the centres.
    if (converged || iterations > maxIterations) break
    await fillEmpty(space)
    const before = project && space.centres()
    let moved = space.update()
    if (before) moved = projectCentres(space, before, project)
    if (moved <= stop) converged = true
    report(iterations)
    await space.pause()
  }
  return partitionOf(space, { iterations, converged, seed })
}

/** What is to be said of the labels and centres that a workspace holds. */
export async function partitionOf(
  space: Workspace,
  { iterations, converged, seed }: Pick<KMeans, 'iterations' | 'converged' | 'seed'>,
): Promise<KMeans> {
  const labels = space.labels().slice()
  const distances = await space.ownDistances()
  let objective = 0
  for (let row = 0; row < distances.length; row++) objective += (space.weights?.[row] ?? 1) * distances[row]
  const centres = space.centres()
  const k = centres.length / space.columns
  const sizes = new Uint32Array(k)
  for (const label of labels) sizes[label]++
  const notes: string[] = []
  if (!converged) notes.push('It stopped before it settled: more iterations may lower the objective.')
  const { columns } = space
  return { labels, k, sizes, centres, columns, metric: 'euclidean', objective, iterations, converged, seed, notes }
}

/** @returns Σ‖Δc‖² */
function projectCentres(
  space: Workspace,
  before: Float64Array,
  project: (centre: Float64Array) => boolean = () => true,
): number {
  const centres = space.centres()
  let moved = 0
  for (let at = 0; at < centres.length; at += space.columns) {
    const centre = centres.subarray(at, at + space.columns)
    if (!project(centre)) centre.set(before.subarray(at, at + space.columns))
    for (let column = 0; column < space.columns; column++) moved += (centre[column] - before[at + column]) ** 2
  }
  space.setCentres(centres)
  return moved
}

/** Empty clusters take the rows of greatest weighted squared distance to their centres, as long as any has one. */
async function fillEmpty(space: Workspace): Promise<void> {
  const empty = [...space.counts().keys()].filter(cluster => space.counts()[cluster] === 0)
  if (!empty.length) return
  const distances = await space.ownDistances()
  if (space.weights) for (let row = 0; row < distances.length; row++) distances[row] *= space.weights[row]
  for (const cluster of empty) {
    let most = 0
    for (let row = 0; row < distances.length; row++) if (distances[row] > most) most = distances[row]
    if (!(most > 0)) return
    // Equal but for rounding: the first.
    const farthest = distances.findIndex(distance => distance >= most * (1 - 1e-12))
    distances[farthest] = 0
    space.relabel(farthest, cluster)
  }
}

/**
 * The nearest centres of rows that need not be those that were clustered: the first of equally near ones. The clustered rows of
 * `kMeans`, `miniBatchKMeans`, `sphericalKMeans` and `kMedians` get their own labels again; those of bisecting and balanced
 * k-means, whose clusters are not those of the nearest centres, need not, and noise of trimmed k-means joins a cluster. O(n·k·d).
 *
 * @param points n × d
 * @param model a result of `kMeans` or of its variants, or anything with centres
 * @returns `distances` to the nearest centre, by the metric
 * @throws InputError for points that do not fit, and by cosine for a row of zeros; the signal's reason once it is aborted
 */
export async function nearestCentres(
  points: Matrix,
  { centres, columns, k, metric = 'euclidean' }: CentresModel,
  options: LongCall & { pool?: WorkerPool } = {},
): Promise<{ labels: Int32Array; distances: Float64Array }> {
  if (points.columns !== columns)
    throw new InputError('points', `${points.columns} columns`, `${columns} columns, as the centres have`)
  if (!centres.every(Number.isFinite)) throw new InputError('centres', 'NaN or infinite ones', 'finite numbers')
  if (!centresMetrics.includes(metric))
    throw new InputError('metric', `'${metric}'`, `one of ${centresMetrics.join(', ')}`)
  if (!points.rows) return { labels: new Int32Array(), distances: new Float64Array() }
  if (metric === 'manhattan') {
    requireRows(points)
    requireFinite(points, 'points')
    return nearestByManhattan(points, centres, options)
  }
  const space = await workspace(metric === 'cosine' ? await rowsOfLengthOne(points, options) : points, {
    ...options,
    centres,
  })
  space.room(k, 'lloyd')
  space.setCentres(centres)
  await space.assign()
  const labels = space.labels().slice()
  // At length 1, 1 − x·c is half the squared distance.
  const distanceOf = metric === 'cosine' ? (square: number) => square / 2 : Math.sqrt
  return { labels, distances: (await space.ownDistances()).map(distanceOf) }
}

/** Nearest of k × d centres by the sum of absolute differences; the first of equally near ones. */
export async function nearestByManhattan(
  { data, rows, columns }: Matrix,
  centres: Float64Array,
  { signal, onProgress }: LongCall = {},
): Promise<{ labels: Int32Array; distances: Float64Array }> {
  signal?.throwIfAborted()
  const labels = new Int32Array(rows)
  const distances = new Float64Array(rows)
  await eachRow(rows, pauses({ signal, onProgress }), row => {
    const from = row * columns
    let [nearest, least] = [0, Infinity]
    for (let at = 0, cluster = 0; at < centres.length; at += columns, cluster++) {
      let sum = 0
      for (let column = 0; column < columns; column++) sum += Math.abs(data[from + column] - centres[at + column])
      if (!(sum < least)) continue
      nearest = cluster
      least = sum
    }
    labels[row] = nearest
    distances[row] = least
  })
  return { labels, distances }
}

/** @throws InputError for a row of zeros; the signal's reason once it is aborted */
export async function rowsOfLengthOne(points: Matrix, { signal }: LongCall): Promise<Matrix> {
  const placed = placeRows(arena(4 * points.rows * (points.columns + 4)), points)
  await normaliseRows(placed, { field: 'points', signal })
  return readRows(placed)
}

/** The centres as a matrix of 32-bit floats, such as `init` and pictures take. */
export function centresMatrix({ centres, columns, k }: CentresModel): Matrix {
  return matrix(k, columns, Float32Array.from(centres))
}
