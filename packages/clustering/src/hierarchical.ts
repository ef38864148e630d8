/** Agglomerative hierarchical clustering: from single rows on, the two nearest clusters merge. */
import {
  type Arena,
  arena,
  breathe,
  type Dissimilarities,
  dissimilarities,
  dissimilarity,
  InputError,
  instantiate,
  type LongCall,
  type Matrix,
  type Metric,
  type Place,
  type Call as PoolCall,
  requireFinite,
  type WorkerPool,
} from '@offprint/kernels'
import { relaxed, simd } from '../build/hierarchical.js'
import { comparableRows, powerNear } from './comparable-rows.ts'
import { DisjointSets } from './disjoint-sets.ts'
import { centresMatrix, kMeans } from './k-means.ts'
import { checkedWeights, requireRows } from './k-means-workspace.ts'
import { requireK, requireWhole } from './k-medoids.ts'
import { kdTree, reachabilityTree, treeArena, treeBytes } from './neighbours.ts'
import { eachRow, pauses } from './pauses.ts'
import { spanningTree } from './spanning-tree.ts'
import { medianOf } from './standardise.ts'

export type Linkage = 'single' | 'complete' | 'average' | 'ward'

export const linkages: readonly Linkage[] = ['single', 'complete', 'average', 'ward']

export interface AgglomerativeOptions extends LongCall {
  /**
   * How far apart two clusters are. `ward` (default): √(2ab/(a+b))‖c − c′‖ for a and b rows with means c and c′, by which the sum
   * of squares grows least; R's `ward.D2`. `single`, `complete`, `average`: the least, greatest or mean distance of their rows.
   */
  linkage?: Linkage
  /** How far apart two rows are, where points are given; default `euclidean`, the only one for `ward`. */
  metric?: Metric
  /** n weights above 0; a whole weight counts as so many equal rows. Default all 1. */
  weights?: ArrayLike<number>
  /** Of the k-means that goes before where there are too many rows; default 0. */
  seed?: number
  /** Threads to work in; default the calling one. Results are the same to the bit. */
  pool?: WorkerPool
}

export interface Hierarchy {
  linkage: Linkage
  /** Number of leaves. */
  leaves: number
  /**
   * (leaves − 1) × 4, by height: two clusters, the height at which they merge, and the rows (or the weight) of the new one. Leaves
   * are clusters 0 … leaves − 1, and merge i makes cluster leaves + i. SciPy's table.
   */
  merges: Float64Array
  /** Leaf of each row: the row itself, or its k-means centre where there were too many rows. */
  leafOf: Uint32Array
  /** What the reader should know, such as that k-means went before. */
  notes: string[]
}

interface Engine {
  squareBytes(n: number): number
  bindSquare(...numbers: number[]): void
  beginSquare(weights: number): void
  pointsBytes(n: number, columns: number): number
  distancesBytes(n: number): number
  bindPoints(...numbers: number[]): void
  beginPoints(weights: number): void
  plan(): number
  mergesMade(): number
  mergesPointer(): number
  widthNow(): number
  workFrom(from: number, to: number): void
}

/** Most rows where a matrix of all pairs is needed: 1.6 GB. */
const mostInMatrix = 20_000
/** Most rows where it is not. */
const mostWithout = 100_000
/** Centres that take the place of more rows than these. */
const centresInstead = 2000
/** Work of a piece, in numbers that are added up or compared: some 4 ms. */
const pieceWork = 2 ** 22
/** Work from which a round is shared out: measured, as a round takes some 0.2 ms to be handed to threads. */
const sharedWork = 2 ** 21
const pieceMs = 12
/** Rows from which, and columns up to which, the spanning tree is found by a k-d tree: measured, also where rows are all of one kind. */
const leastForKdTree = 4000
const mostForKdTree = 6
/** Rows whose medians Ward's means are counted from. */
const rowsForMiddle = 1000

/**
 * Hierarchical clustering in rounds, in each of which all pairs of clusters that are each other's nearest merge (reciprocal nearest
 * neighbours, Murtagh 1983); single linkage by the minimum spanning tree. O(n²) time, O(n²·d) for `single` and `ward` of points, which
 * take O(n·d) memory; the others keep 4n² bytes of 32-bit distances. Heights of `single` and of `ward` of points are of 64 bits, others
 * good to about 1e-6 relative. Of equally near pairs that with the lowest row merges first, then with the lowest other one, where a
 * cluster counts as its last row.
 *
 * More than 100,000 rows, or 20,000 where all pairs are kept, become 2,000 k-means centres first; `notes` says so.
 *
 * @param data n × d points, or dissimilarities
 * @throws InputError for wrong options or points; the signal's reason once it is aborted
 *
 * @example
 * const { labels } = cutByCount(await agglomerative(points, { linkage: 'average' }), 4)
 */
export async function agglomerative(
  data: Matrix | Dissimilarities,
  options: AgglomerativeOptions = {},
): Promise<Hierarchy> {
  const { linkage = 'ward', metric = 'euclidean', seed = 0, pool, signal, onProgress } = options
  signal?.throwIfAborted()
  if (!linkages.includes(linkage)) throw new InputError('linkage', `'${linkage}'`, `one of ${linkages.join(', ')}`)
  if (linkage === 'ward' && metric !== 'euclidean')
    throw new InputError('metric', `'${metric}'`, 'euclidean, as linkage ward needs means')
  requireWhole('seed', seed, 0, 2 ** 32 - 1)
  if ('n' in data) {
    if (!data.symmetric) throw new InputError('data', 'asymmetric dissimilarities', 'symmetric ones')
  } else {
    requireRows(data)
    requireFinite(data, 'points')
  }
  const n = 'n' in data ? data.n : data.rows
  const weights = checkedWeights(options.weights, n)
  const without = weights ? weights.indexOf(0) : -1
  if (without >= 0) {
    const message = `weights: row ${without + 1} must have a weight above 0, found 0; leave the row out instead`
    throw new InputError('weights', '0', 'above 0', message)
  }
  const call = { metric, pool, signal, onProgress }
  const most = linkage === 'single' || linkage === 'ward' ? mostWithout : mostInMatrix
  if (!('n' in data) && n > most) return ofCentres(data, most, options)
  const leafOf = Uint32Array.from({ length: n }, (_, row) => row)
  const found =
    linkage === 'single'
      ? await ofTree(data, call)
      : linkage === 'ward' && !('n' in data)
        ? await wardOfPoints(data, weights, call)
        : await ofSquare(data, linkage, weights, call)
  return { linkage, leaves: n, merges: tableOf(n, found, weights), leafOf, notes: [] }
}

async function ofCentres(points: Matrix, most: number, options: AgglomerativeOptions): Promise<Hierarchy> {
  const { weights, seed, pool, signal } = options
  if (options.metric && options.metric !== 'euclidean') {
    const expected = `at most ${most.toLocaleString('en')} rows, or metric euclidean`
    throw new InputError('points', `${points.rows.toLocaleString('en')} rows`, expected)
  }
  const found = await kMeans(points, { k: centresInstead, weights, seed, pool, signal, init: 'k-means++' })
  const mass = new Float64Array(found.k)
  for (const [row, label] of found.labels.entries()) mass[label] += weights?.[row] ?? 1
  // Fewer distinct rows than centres leave some without any.
  const kept = [...mass.keys()].filter(one => mass[one] > 0)
  const centres = new Float64Array(kept.length * points.columns)
  for (const [at, one] of kept.entries())
    centres.set(found.centres.subarray(one * points.columns, (one + 1) * points.columns), at * points.columns)
  const tree = await agglomerative(centresMatrix({ centres, columns: points.columns, k: kept.length }), {
    ...options,
    weights: kept.map(one => mass[one]),
  })
  const leafOfCentre = new Map(kept.map((one, at) => [one, at]))
  const rows = points.rows.toLocaleString('en')
  return {
    ...tree,
    leafOf: Uint32Array.from(found.labels, label => leafOfCentre.get(label)!),
    notes: [`The ${rows} rows were brought together in ${kept.length.toLocaleString('en')} k-means clusters first.`],
  }
}

interface Call extends LongCall {
  metric: Metric
  pool?: WorkerPool
}

/** Merges in any order: a row of each of the two clusters, and the height. */
interface Merges {
  from: ArrayLike<number>
  to: ArrayLike<number>
  heights: Float64Array
}

async function ofTree(data: Matrix | Dissimilarities, call: Call): Promise<Merges> {
  if (!('n' in data) && data.rows >= leastForKdTree && data.columns <= mostForKdTree) return ofKdTree(data, call)
  const { from, to, lengths } = await spanningTree(data, call)
  return { from, to, heights: lengths }
}

async function ofKdTree(points: Matrix, { metric, ...call }: Call): Promise<Merges> {
  const { rows, measure, between } = comparableRows(points, metric)
  const space = treeArena(treeBytes(rows.rows, rows.columns) + 64 * rows.rows, call.pool)
  const tree = await kdTree(space, rows, measure, call)
  const { from, to } = await reachabilityTree(tree, new Float64Array(rows.rows), call)
  return { from, to, heights: Float64Array.from(from, (a, edge) => between(a, to[edge])) }
}

async function wardOfPoints(points: Matrix, weights: Float64Array | undefined, call: Call): Promise<Merges> {
  const { data, rows: n, columns } = points
  const scale = powerNear(points)
  const space = sharedArena(8 * n * columns + 8 * n, call)
  const engine = instantiate<Engine>([relaxed, simd], space)
  const meansAt = space.take(8 * n * columns)
  // Medians, as a mean that one far row has moved would cost the other rows their digits; of some rows, as any middle will do.
  const some = Math.min(n, rowsForMiddle)
  const middle = Float64Array.from({ length: columns }, (_, column) =>
    medianOf(
      Float64Array.from({ length: some }, (_, at) => data[Math.floor((at * n) / some) * columns + column] / scale),
    ),
  )
  const means = new Float64Array(space.memory.buffer, meansAt, n * columns)
  const most = new Float64Array(columns)
  for (let at = 0; at < data.length; at++) {
    means[at] = data[at] / scale - middle[at % columns]
    most[at % columns] = Math.max(most[at % columns], Math.abs(means[at]))
  }
  const error = Math.sqrt(most.reduce((sum, one) => sum + one * one, 0))
  const room = space.take(engine.pointsBytes(n, columns))
  const each = engine.distancesBytes(n)
  const distances = space.take(each * threadsOf(space, call))
  const bind = (thread: number) => ({
    name: 'bindPoints' as const,
    args: [n, columns, meansAt, error, room, distances + thread * each],
  })
  const { weightsAt, unit } = placeWeights(space, n, weights)
  engine.bindPoints(...bind(0).args)
  engine.beginPoints(weightsAt)
  return inRounds(engine, space, n, { bind, cost: Math.ceil(columns / 8), scale: scale * unit, root: true }, call)
}

async function ofSquare(
  data: Matrix | Dissimilarities,
  linkage: Linkage,
  weights: Float64Array | undefined,
  call: Call,
): Promise<Merges> {
  const { metric, pool, signal } = call
  const n = 'n' in data ? data.n : data.rows
  let space = arena(0)
  let square = 0
  if ('n' in data) {
    space = sharedArena(4 * n * n, call)
    square = space.take(4 * n * n)
    await eachRow(n, pauses({ signal }, pieceMs), row => {
      const source = data.data.subarray(row * n, (row + 1) * n)
      new Float32Array(space.memory.buffer, square, n * n).set(source, row * n)
    })
  } else {
    const all = await dissimilarities(data, metric, { pool, signal, most: mostInMatrix })
    space = all.arena
    square = all.pointer
  }
  const engine = instantiate<Engine>([relaxed, simd], space)
  const room = space.take(engine.squareBytes(n))
  const { weightsAt, unit } = placeWeights(space, n, weights)
  const { buffer } = space.memory
  const values = new Float32Array(buffer, square, n * n)
  const own = new Float64Array(buffer, weightsAt, n)
  const ward = linkage === 'ward'
  const scale = ward ? await scaleOf(values, n, signal) : 1
  if (ward)
    await eachRow(n, pauses({ signal }, pieceMs), a => {
      for (let b = 0; b < n; b++)
        values[a * n + b] = (values[a * n + b] / scale) ** 2 * ((2 * own[a] * own[b]) / (own[a] + own[b]))
    })
  for (let a = 0; a < n; a++) values[a * n + a] = Infinity
  const bind = () => ({ name: 'bindSquare' as const, args: [n, square, kindOf[linkage], room] })
  engine.bindSquare(...bind().args)
  engine.beginSquare(weightsAt)
  return inRounds(engine, space, n, { bind, cost: 1, scale: ward ? scale * unit : scale, root: ward }, call)
}

async function scaleOf(square: Float32Array, n: number, signal?: AbortSignal): Promise<number> {
  const largest = new Float32Array(n)
  await eachRow(n, pauses({ signal }, pieceMs), row => {
    for (let at = row * n; at < (row + 1) * n; at++) largest[row] = Math.max(largest[row], square[at])
  })
  return powerNear({ data: largest })
}

const kindOf: Record<Linkage, number> = { complete: 0, average: 1, ward: 2, single: 0 }

function sharedArena(bytes: number, { pool }: Call): Arena {
  return arena(bytes, { shared: pool !== undefined && pool.threads > 1 })
}

function threadsOf({ shared }: Arena, { pool }: Call): number {
  return pool && shared ? pool.threads : 1
}

/** Weights of up to 4, so that their products stay within range. @returns what Ward's heights are then too small by */
function placeWeights(space: Arena, n: number, weights?: Float64Array): { weightsAt: number; unit: number } {
  const weightsAt = space.take(8 * n)
  const target = new Float64Array(space.memory.buffer, weightsAt, n).fill(1)
  if (!weights) return { weightsAt, unit: 1 }
  const unit = 2 ** Math.floor(Math.log2(weights.reduce((a, b) => Math.max(a, b))) / 2)
  for (const [row, weight] of weights.entries()) target[row] = weight / unit / unit
  return { weightsAt, unit }
}

interface Rounds {
  /** The call that tells a thread where all is. */
  bind: (thread: number) => PoolCall & { name: keyof Engine }
  /** What a pair of slots costs, as so many numbers of a square. */
  cost: number
  /** Of heights; and whether their roots are wanted. */
  scale: number
  root: boolean
}

/** Rounds are planned here, and their tasks done here where they are few. */
async function inRounds(engine: Engine, space: Arena, n: number, rounds: Rounds, call: Call): Promise<Merges> {
  const { bind, cost, scale, root } = rounds
  const { pool, signal, onProgress } = call
  const pause = pauses(call, pieceMs)
  for (let tasks = engine.plan(); engine.mergesMade() < n - 1; tasks = engine.plan()) {
    const taskWork = engine.widthNow() * cost
    if (threadsOf(space, call) > 1 && tasks * taskWork > sharedWork) {
      const calls = ({ thread, queue }: Place) => [bind(thread), { name: 'work', args: [queue] }]
      await pool!.run([relaxed, simd], space, calls, { total: tasks, signal })
    } else {
      const piece = Math.ceil(pieceWork / taskWork)
      for (let from = 0; from < tasks; from += piece) {
        engine.workFrom(from, Math.min(tasks, from + piece))
        await pause(engine.mergesMade(), n - 1)
      }
    }
    await pause(engine.mergesMade(), n - 1)
  }
  onProgress?.(n - 1, n - 1)
  const { buffer } = space.memory
  const pairs = new Uint32Array(buffer, engine.mergesPointer(), 8 * (n - 1))
  const fars = new Float64Array(buffer, engine.mergesPointer(), 4 * (n - 1))
  const heightOf = (far: number) => scale * (root ? Math.sqrt(far) : far)
  return {
    from: Uint32Array.from({ length: n - 1 }, (_, merge) => pairs[8 * merge]),
    to: Uint32Array.from({ length: n - 1 }, (_, merge) => pairs[8 * merge + 1]),
    heights: Float64Array.from({ length: n - 1 }, (_, merge) => heightOf(fars[4 * merge + 1])),
  }
}

/** SciPy's table: by height, then by slots. */
function tableOf(n: number, { from, to, heights }: Merges, weights: Float64Array | undefined): Float64Array {
  const order = Uint32Array.from(heights.keys()).sort(
    (a, b) => heights[a] - heights[b] || from[a] - from[b] || to[a] - to[b],
  )
  const table = new Float64Array(4 * (n - 1))
  const sets = new DisjointSets(n)
  const cluster = Uint32Array.from({ length: n }, (_, leaf) => leaf)
  const size = Float64Array.from({ length: n }, (_, leaf) => weights?.[leaf] ?? 1)
  for (const [at, merge] of order.entries()) {
    const a = sets.find(from[merge])
    const b = sets.find(to[merge])
    const [low, high] = cluster[a] < cluster[b] ? [a, b] : [b, a]
    const total = size[a] + size[b]
    table.set([cluster[low], cluster[high], heights[merge], total], 4 * at)
    const root = sets.join(a, b)
    cluster[root] = n + at
    size[root] = total
  }
  return table
}

export interface Cut {
  /** Cluster of each row; clusters are numbered by their first rows. */
  labels: Int32Array
  k: number
  sizes: Uint32Array
}

/** The partition into k clusters. @throws InputError for a k that is not a whole number from 1 to the number of leaves */
export function cutByCount(tree: Hierarchy, k: number): Cut {
  requireK(k, tree.leaves)
  return cutAfter(tree, tree.leaves - k)
}

/** The partition in which all merges up to a height are made. @throws InputError for a height that is no number */
export function cutByHeight(tree: Hierarchy, height: number): Cut {
  if (Number.isNaN(height)) throw new InputError('height', 'NaN', 'a number')
  let merges = 0
  while (merges < tree.leaves - 1 && tree.merges[4 * merges + 2] <= height) merges++
  return cutAfter(tree, merges)
}

function cutAfter({ merges, leaves, leafOf }: Hierarchy, count: number): Cut {
  // From the last merge on, so that each cluster knows the highest that it is in.
  const top = Uint32Array.from({ length: leaves + count }, (_, cluster) => cluster)
  for (let merge = count - 1; merge >= 0; merge--) {
    top[merges[4 * merge]] = top[leaves + merge]
    top[merges[4 * merge + 1]] = top[leaves + merge]
  }
  const numbers = new Map<number, number>()
  const labels = new Int32Array(leafOf.length)
  for (const [row, leaf] of leafOf.entries()) {
    const cluster = top[leaf]
    if (!numbers.has(cluster)) numbers.set(cluster, numbers.size)
    labels[row] = numbers.get(cluster)!
  }
  const sizes = new Uint32Array(numbers.size)
  for (const label of labels) sizes[label]++
  return { labels, k: numbers.size, sizes }
}

/** Leaves from left to right, so that no branches of a dendrogram cross: the first cluster of a merge stands left of the second. */
export function leafOrder({ merges, leaves }: Hierarchy): Uint32Array {
  const order = new Uint32Array(leaves)
  const stack = [2 * leaves - 2]
  let at = 0
  while (stack.length) {
    const cluster = stack.pop()!
    if (cluster < leaves) order[at++] = cluster
    else stack.push(merges[4 * (cluster - leaves) + 1], merges[4 * (cluster - leaves)])
  }
  return order
}

/**
 * Correlation of distances with the heights at which their rows come together (Sokal and Rohlf 1962): near 1 the tree keeps them.
 * O(n²·d).
 *
 * @param data what the tree was made from
 * @returns null where it is not defined: fewer than three rows, or equal distances or heights throughout
 * @throws InputError for other data, or a tree whose leaves are k-means centres; the signal's reason once it is aborted
 */
export async function copheneticCorrelation(
  tree: Hierarchy,
  data: Matrix | Dissimilarities,
  { metric = 'euclidean', signal, onProgress }: { metric?: Metric } & LongCall = {},
): Promise<number | null> {
  signal?.throwIfAborted()
  const n = 'n' in data ? data.n : data.rows
  const { leaves, merges } = tree
  if (leaves !== tree.leafOf.length)
    throw new InputError('tree', 'a tree of k-means centres', 'one of the rows themselves')
  if (n !== leaves) throw new InputError('data', `${n} rows`, `${leaves} rows, as the tree has leaves`)
  const row = (at: number) =>
    (data as Matrix).data.subarray(at * (data as Matrix).columns, (at + 1) * (data as Matrix).columns)
  const between = (a: number, b: number) => ('n' in data ? data.data[a * n + b] : dissimilarity(row(a), row(b), metric))
  const order = leafOrder(tree)
  // A cluster is a range of the order.
  const begins = new Uint32Array(2 * n - 1)
  const counts = new Uint32Array(2 * n - 1).fill(1)
  for (const [at, leaf] of order.entries()) begins[leaf] = at
  const pairs = (n * (n - 1)) / 2
  const sums = { d: 0, dd: 0, h: 0, hh: 0, dh: 0 }
  // Squares of what is left after a typical distance, so that no digits are lost.
  const typical = n > 1 ? merges[4 * (n - 2) + 2] : 0
  let since = performance.now()
  for (let merge = 0; merge < n - 1; merge++) {
    const [left, right] = [merges[4 * merge], merges[4 * merge + 1]]
    begins[n + merge] = begins[left]
    counts[n + merge] = counts[left] + counts[right]
    let sum = 0
    for (let a = begins[left]; a < begins[left] + counts[left]; a++) {
      for (let b = begins[right]; b < begins[right] + counts[right]; b++) {
        const far = between(order[a], order[b]) - typical
        sum += far
        sums.dd += far * far
      }
      if (performance.now() - since < pieceMs) continue
      onProgress?.(merge, n - 1)
      await breathe(signal)
      since = performance.now()
    }
    const height = merges[4 * merge + 2] - typical
    const count = counts[left] * counts[right]
    sums.d += sum
    sums.h += height * count
    sums.hh += height * height * count
    sums.dh += height * sum
  }
  const spread = (squares: number, sum: number) => squares - (sum * sum) / pairs
  const square = spread(sums.dd, sums.d) * spread(sums.hh, sums.h)
  if (n < 3 || !(square > 0)) return null
  return (sums.dh - (sums.d * sums.h) / pairs) / Math.sqrt(square)
}
