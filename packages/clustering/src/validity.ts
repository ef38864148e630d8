/** How good a partition of points is, without knowing the right one. Rows labelled −1 are noise and left out. */
import {
  arena,
  breathe,
  InputError,
  instantiate,
  type LongCall,
  type Matrix,
  type Metric,
  matrix,
  normaliseRows,
  placeRows,
  random,
  readRows,
  requireFinite,
  symmetricEigen,
  type WorkerPool,
} from '@offprint/kernels'
import { relaxed, simd } from '../build/validity.js'
import { adjustedRandIndex, contingency } from './agreement.ts'
import { scaledRows } from './comparable-rows.ts'
import { kMeans } from './k-means.ts'
import { checkedWeights, requireRows } from './k-means-workspace.ts'
import { requireK, requireWhole } from './k-medoids.ts'
import { eachRow, pauses } from './pauses.ts'

/** An index, or null where it is not defined: fewer than two clusters, or as many as rows. */
export interface Index {
  value: number | null
  /** Why `value` is null. */
  note?: string
}

export interface PointSilhouetteOptions extends LongCall {
  /** Default `euclidean`. */
  metric?: Metric
  /**
   * Rows to take the mean over, each against all: a number of rows, drawn from each cluster in proportion; or all. Default all of up to
   * 20,000 rows, 5,000 of more.
   */
  sample?: number | 'all'
  /** For the sample; default 0. */
  seed?: number
  /** n weights of at least 0; a whole weight counts as so many equal rows, and rows without any are left out. Default all 1. */
  weights?: ArrayLike<number>
  pool?: WorkerPool
}

/** For indices of points and labels alone. */
export interface IndexOptions {
  /** As for `pointSilhouette`. */
  weights?: ArrayLike<number>
}

export interface PointSilhouettes {
  /** Mean over the rows; null where the index is not defined. */
  mean: number | null
  /** Numbers of the rows that were looked at, in order. */
  rows: Uint32Array
  /** One for each of `rows`. */
  values: Float64Array
  /** Whether `rows` are a sample. */
  sampled: boolean
  /** Rows left out: noise, and what has no weight. */
  noise: number
  note?: string
}

interface Engine {
  bind(...numbers: number[]): void
  means(ids: number, from: number, to: number, out: number, scratch: number): void
  extremes(ids: number, from: number, to: number, out: number, scratch: number): void
}

const metricOf: Record<Metric, number> = { euclidean: 0, sqeuclidean: 1, cosine: 2, manhattan: 3, chebyshev: 4 }
const mostRows = 20_000
const sampleRows = 5000
/** Differences in a piece of work of a thread, short of 10 ms. */
const pieceWork = 2 ** 24
const pieceMs = 15

/** Labels without gaps, and the rows that count. */
function partition(points: Matrix, labels: ArrayLike<number>, given?: ArrayLike<number>) {
  requireRows(points)
  const weights = checkedWeights(given, points.rows)
  if (labels.length !== points.rows)
    throw new InputError('labels', `${labels.length} labels`, `one for each of ${points.rows} rows`)
  const kept: number[] = []
  for (let row = 0; row < points.rows; row++) {
    if (!Number.isInteger(labels[row]) || labels[row] < -1)
      throw new InputError('labels', String(labels[row]), 'whole numbers from 0, or -1 for noise')
    if (labels[row] >= 0 && weights?.[row] !== 0) kept.push(row)
  }
  const names = [...new Set(kept.map(row => labels[row]))].sort((a, b) => a - b)
  const order = new Map(names.map((name, at) => [name, at]))
  const compact = new Int32Array(points.rows).fill(-1)
  for (const row of kept) compact[row] = order.get(labels[row])!
  const sizes = new Float64Array(names.length)
  const weightOf = (row: number) => weights?.[row] ?? 1
  for (const row of kept) sizes[compact[row]] += weightOf(row)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const k = names.length
  const undefinedNote = k < 2 || k >= total ? `not defined for ${k} clusters of ${total} rows` : undefined
  return { kept, labels: compact, sizes, total, weightOf, k, undefinedNote }
}

type Partition = ReturnType<typeof partition>

/** For each of `rows` two numbers of its distances to all rows: means or extremes, of its own cluster and of others. */
async function perRow(
  given: Matrix,
  { kept, labels, sizes, weightOf, k }: Partition,
  rows: ArrayLike<number>,
  which: 'means' | 'extremes',
  { metric = 'euclidean', pool, signal, onProgress }: PointSilhouetteOptions,
): Promise<Float64Array> {
  if (!Object.hasOwn(metricOf, metric))
    throw new InputError('metric', `'${metric}'`, `one of ${Object.keys(metricOf).join(', ')}`)
  requireFinite(given, 'points')
  // No index depends on the scale.
  const points = metric === 'cosine' ? given : scaledRows(given).rows
  const { columns } = points
  const threads = pool?.threads ?? 1
  const shared = pool !== undefined && threads > 1
  const count = rows.length
  const space = arena(8 * points.rows * (columns + 8), { shared })
  const engine = instantiate<Engine>([relaxed, simd], space)
  const placed = placeRows(space, points)
  if (metric === 'cosine') await normaliseRows(placed, { field: 'points', signal })
  const { data } = metric === 'cosine' ? readRows(placed) : points
  const members: number[][] = Array.from({ length: k }, () => [])
  for (const row of kept) members[labels[row]].push(row)
  const begins = new Uint32Array(k + 1)
  for (let cluster = 0; cluster < k; cluster++)
    begins[cluster + 1] = begins[cluster] + Math.ceil(members[cluster].length / 8)
  const panelFloats = 8 * (columns + 1)
  const panelsAt = space.take(4 * panelFloats * begins[k])
  const panels = new Float32Array(space.memory.buffer, panelsAt, panelFloats * begins[k])
  for (let cluster = 0; cluster < k; cluster++)
    for (let at = 0; at < 8 * (begins[cluster + 1] - begins[cluster]); at++) {
      const real = at < members[cluster].length
      const row = members[cluster][real ? at : members[cluster].length - 1]
      const target = panelFloats * (begins[cluster] + (at >> 3)) + (at & 7)
      for (let column = 0; column < columns; column++) panels[target + 8 * column] = data[row * columns + column]
      panels[target + 8 * columns] = real ? weightOf(row) : 0
    }
  const place = (values: ArrayLike<number>, kind: typeof Uint32Array | typeof Int32Array | typeof Float64Array) => {
    const at = space.take(values.length * kind.BYTES_PER_ELEMENT)
    new kind(space.memory.buffer, at, values.length).set(values)
    return at
  }
  const beginsAt = place(begins, Uint32Array)
  const labelsAt = place(labels, Int32Array)
  const sizesAt = place(sizes, Float64Array)
  const ids = place(rows, Uint32Array)
  const out = space.take(16 * count)
  const scratchBytes = 128 + 32 * k
  const scratch = space.take(threads * scratchBytes)
  const bind = [placed.pointer, placed.bytes, columns, panelsAt, beginsAt, k, labelsAt, sizesAt, metricOf[metric]]
  const chunk = Math.max(4, Math.floor(pieceWork / (kept.length * columns) / 4) * 4)
  const total = Math.ceil(count / chunk)
  if (shared && kept.length * columns * count > 2 ** 22)
    await pool!.run(
      [relaxed, simd],
      space,
      ({ thread, queue }) => [
        { name: 'bind', args: bind },
        {
          name: 'workAll',
          args: [Number(which === 'extremes'), ids, count, chunk, out, scratch + thread * scratchBytes, queue],
        },
      ],
      { total, signal, onProgress },
    )
  else {
    engine.bind(...bind)
    let since = performance.now()
    signal?.throwIfAborted()
    for (let from = 0; from < count; from += chunk) {
      engine[which](ids, from, Math.min(count, from + chunk), out, scratch)
      if (performance.now() - since < pieceMs) continue
      onProgress?.(from, count)
      await breathe(signal)
      since = performance.now()
    }
  }
  return new Float64Array(space.memory.buffer, out, 2 * count).slice()
}

/**
 * Silhouettes of points (Rousseeuw 1987): (b − a) / max(a, b) with a the mean distance to the row's own cluster without itself, and b
 * the least mean distance to another one; 0 for a row alone in its cluster. O(n²·d) time, O(n·d) memory. Distances are of 32 bits,
 * their sums of 64.
 *
 * @param labels cluster of each row, −1 for noise
 * @throws InputError for points or labels that cannot be used; the signal's reason once it is aborted
 */
export async function pointSilhouette(
  points: Matrix,
  labels: ArrayLike<number>,
  options: PointSilhouetteOptions = {},
): Promise<PointSilhouettes> {
  const parts = partition(points, labels, options.weights)
  const { sample = parts.kept.length > mostRows ? sampleRows : 'all', seed = 0 } = options
  if (sample !== 'all') requireWhole('sample', sample, 1, 1_000_000_000)
  requireWhole('seed', seed, 0, 2 ** 32 - 1)
  const noise = points.rows - parts.kept.length
  if (parts.undefinedNote)
    return {
      mean: null,
      rows: new Uint32Array(),
      values: new Float64Array(),
      sampled: false,
      noise,
      note: parts.undefinedNote,
    }
  const sampled = sample !== 'all' && sample < parts.kept.length
  const rows = Uint32Array.from(sampled ? stratified(parts, sample, seed) : parts.kept)
  const found = await perRow(points, parts, rows, 'means', options)
  const values = new Float64Array(rows.length)
  let total = 0
  let weight = 0
  for (let at = 0; at < rows.length; at++) {
    const a = found[2 * at]
    const b = found[2 * at + 1]
    const most = Math.max(a, b)
    values[at] = a >= 0 && most > 0 ? (b - a) / most : 0
    total += parts.weightOf(rows[at]) * values[at]
    weight += parts.weightOf(rows[at])
  }
  return { mean: total / weight, rows, values, sampled, noise }
}

/** From each cluster its share of the rows, the largest remainders first. */
function stratified({ kept, labels, k }: Partition, count: number, seed: number): number[] {
  const members: number[][] = Array.from({ length: k }, () => [])
  for (const row of kept) members[labels[row]].push(row)
  const exact = members.map(rows => (rows.length * count) / kept.length)
  const shares = exact.map(Math.floor)
  const order = [...exact.keys()].sort((a, b) => exact[b] - shares[b] - (exact[a] - shares[a]) || a - b)
  const missing = count - shares.reduce((sum, one) => sum + one, 0)
  for (const cluster of order.slice(0, missing)) shares[cluster]++
  const { sample } = random(seed)
  return members
    .flatMap((rows, cluster) => sample(shares[cluster], rows.length).map(at => rows[at]))
    .sort((a, b) => a - b)
}

/**
 * Dunn's index: the least distance between rows of different clusters, divided by the greatest within a cluster; more is better.
 * O(n²·d) time, O(n·d) memory.
 */
export async function dunn(
  points: Matrix,
  labels: ArrayLike<number>,
  options: Omit<PointSilhouetteOptions, 'sample' | 'seed'> = {},
): Promise<Index> {
  const parts = partition(points, labels, options.weights)
  if (parts.undefinedNote) return { value: null, note: parts.undefinedNote }
  const found = await perRow(points, parts, parts.kept, 'extremes', options)
  let diameter = 0
  let gap = Infinity
  for (let at = 0; at < found.length; at += 2) {
    diameter = Math.max(diameter, found[at])
    gap = Math.min(gap, found[at + 1])
  }
  if (!(diameter > 0)) return { value: null, note: 'not defined where all rows of each cluster are the same' }
  return { value: gap / diameter }
}

/** Means of the clusters, k × d. */
function centresOf({ data, columns }: Matrix, { kept, labels, sizes, weightOf, k }: Partition): Float64Array {
  const centres = new Float64Array(k * columns)
  for (const row of kept)
    for (let column = 0; column < columns; column++)
      centres[labels[row] * columns + column] += weightOf(row) * data[row * columns + column]
  return centres.map((sum, at) => sum / sizes[Math.floor(at / columns)])
}

function squaredTo({ data, columns }: Matrix, row: number, centres: Float64Array, centre: number): number {
  let sum = 0
  for (let column = 0; column < columns; column++)
    sum += (data[row * columns + column] - centres[centre * columns + column]) ** 2
  return sum
}

/**
 * Simplified silhouettes: (b − a) / max(a, b) with a the distance to the row's own centre and b that to the nearest other one. The
 * centres are the clusters' means. O(n·k·d).
 */
export function simplifiedSilhouette(points: Matrix, labels: ArrayLike<number>, { weights }: IndexOptions = {}): Index {
  requireFinite(points, 'points')
  const parts = partition(points, labels, weights)
  if (parts.undefinedNote) return { value: null, note: parts.undefinedNote }
  const centres = centresOf(points, parts)
  let total = 0
  for (const row of parts.kept) {
    let a = 0
    let b = Infinity
    for (let centre = 0; centre < parts.k; centre++) {
      const distance = Math.sqrt(squaredTo(points, row, centres, centre))
      if (centre === parts.labels[row]) a = distance
      else b = Math.min(b, distance)
    }
    const most = Math.max(a, b)
    if (most > 0) total += (parts.weightOf(row) * (b - a)) / most
  }
  return { value: total / parts.total }
}

/**
 * Davies–Bouldin index: the mean over clusters of the greatest (s + s′)/‖c − c′‖, s the mean distance of a cluster's rows to its
 * centre; less is better. O(n·d + k²·d).
 */
export function daviesBouldin(points: Matrix, labels: ArrayLike<number>, { weights }: IndexOptions = {}): Index {
  requireFinite(points, 'points')
  const parts = partition(points, labels, weights)
  if (parts.undefinedNote) return { value: null, note: parts.undefinedNote }
  const { kept, sizes, k } = parts
  const centres = centresOf(points, parts)
  const spreads = new Float64Array(k)
  for (const row of kept) {
    const own = parts.labels[row]
    spreads[own] += (parts.weightOf(row) * Math.sqrt(squaredTo(points, row, centres, own))) / sizes[own]
  }
  let total = 0
  for (let one = 0; one < k; one++) {
    let worst = 0
    for (let other = 0; other < k; other++) {
      if (other === one) continue
      let square = 0
      for (let column = 0; column < points.columns; column++)
        square += (centres[one * points.columns + column] - centres[other * points.columns + column]) ** 2
      if (square === 0) return { value: null, note: 'not defined where two clusters have the same centre' }
      worst = Math.max(worst, (spreads[one] + spreads[other]) / Math.sqrt(square))
    }
    total += worst
  }
  return { value: total / k }
}

/** Calinski–Harabasz index: [B/(k − 1)] / [SSE/(n − k)], B = Σ n‖c − c̄‖²; more is better. O(n·d). */
export function calinskiHarabasz(points: Matrix, labels: ArrayLike<number>, { weights }: IndexOptions = {}): Index {
  requireFinite(points, 'points')
  const parts = partition(points, labels, weights)
  if (parts.undefinedNote) return { value: null, note: parts.undefinedNote }
  const { kept, sizes, total, weightOf, k } = parts
  const { columns } = points
  const centres = centresOf(points, parts)
  let within = 0
  for (const row of kept) within += weightOf(row) * squaredTo(points, row, centres, parts.labels[row])
  const mean = new Float64Array(columns)
  for (let at = 0; at < centres.length; at++)
    mean[at % columns] += (centres[at] * sizes[Math.floor(at / columns)]) / total
  let between = 0
  for (let at = 0; at < centres.length; at++)
    between += sizes[Math.floor(at / columns)] * (centres[at] - mean[at % columns]) ** 2
  if (!(within > 0)) return { value: null, note: 'not defined where all rows of each cluster are the same' }
  return { value: between / (k - 1) / (within / (total - k)) }
}

export interface GapOptions extends LongCall {
  /** Numbers of clusters to look at, from 1 to this. */
  mostClusters: number
  /** Sets of points without clusters to compare with; default 100. */
  references?: number
  /** 1: W adds distances, as R's clusGap does (the default). 2: squared distances, as Tibshirani has it. */
  power?: 1 | 2
  /** The box that references are uniform in: along the principal axes of the points (the default), or along the columns. */
  box?: 'principal' | 'columns'
  /** Starts of each k-means; default 10. */
  restarts?: number
  seed?: number
  pool?: WorkerPool
}

export interface Gap {
  /** From k = 1 to `mostClusters`, or to the last k at which rows still differ within a cluster: beyond it W is 0, and ln W nothing. */
  gaps: Float64Array
  /** Standard errors, with √(1 + 1/references). */
  errors: Float64Array
  /** ln W of the points. */
  logW: Float64Array
  /**
   * The least k whose gap is at least that of k + 1 less its error (Tibshirani et al. 2001); the last one where there is none, and 1
   * where all rows are equal.
   */
  k: number
  /** Where and why there are fewer gaps than `mostClusters`. */
  notes: string[]
}

/**
 * Gap statistic (Tibshirani, Walther and Hastie 2001): how much more compact the points' clusters are than those of points without
 * any. Clusters are by k-means. O(references·mostClusters) runs of it.
 *
 * @throws InputError for wrong options or points; the signal's reason once it is aborted
 */
export async function gapStatistic(points: Matrix, options: GapOptions): Promise<Gap> {
  const { mostClusters, references = 100, power = 1, box = 'principal', restarts = 10, seed = 0 } = options
  const { pool, signal, onProgress } = options
  requireRows(points)
  requireFinite(points, 'points')
  requireK(mostClusters, points.rows)
  requireWhole('references', references, 1, 1_000_000)
  requireWhole('seed', seed, 0, 2 ** 32 - 1)
  if (power !== 1 && power !== 2) throw new InputError('power', String(power), '1 or 2')
  if (box !== 'principal' && box !== 'columns') throw new InputError('box', `'${box}'`, "'principal' or 'columns'")
  /** ln W from k = 1 on, as long as W is above 0. */
  const measure = async (set: Matrix, most: number, report: (k: number) => void): Promise<number[]> => {
    const logs: number[] = []
    for (let k = 1; k <= most; k++) {
      const { labels, objective } = await kMeans(set, { k, restarts, seed, pool, signal })
      const log = Math.log(power === 2 ? objective : await dispersion(set, labels, { pool, signal }))
      if (log === -Infinity) break
      logs.push(log)
      report(k)
    }
    return logs
  }
  const total = (references + 1) * mostClusters
  const ofPoints = await measure(points, mostClusters, k => onProgress?.(k, total))
  let most = ofPoints.length
  const make = most ? await uniformIn(points, box, signal) : undefined
  const all: number[][] = []
  for (let one = 0; make && one < references; one++) {
    const set = await make(random(seed, one + 1).next)
    all.push(await measure(set, most, k => onProgress?.((one + 1) * mostClusters + k, total)))
    most = Math.min(most, all[one].length)
  }
  const logW = Float64Array.from(ofPoints.slice(0, most))
  const gaps = new Float64Array(most)
  const errors = new Float64Array(most)
  for (let at = 0; at < most; at++) {
    const mean = all.reduce((sum, logs) => sum + logs[at] / references, 0)
    const variance = all.reduce((sum, logs) => sum + (logs[at] - mean) ** 2 / Math.max(1, references - 1), 0)
    gaps[at] = mean - logW[at]
    errors[at] = Math.sqrt(variance * (1 + 1 / references))
  }
  let k = 1
  while (k < most && !(gaps[k - 1] >= gaps[k] - errors[k])) k++
  const notes: string[] = []
  if (!most) notes.push('All rows are the same, so that there is no gap: they are one cluster.')
  else if (most < mostClusters)
    notes.push(`The gap is not defined for ${most + 1} clusters or more, as all rows of each are then the same.`)
  onProgress?.(total, total)
  return { gaps, errors, logW, k, notes }
}

/** Σ over clusters of Σ d(x, y) over unordered pairs, divided by twice its rows: R's clusGap. */
async function dispersion(points: Matrix, labels: Int32Array, options: PointSilhouetteOptions): Promise<number> {
  const parts = partition(points, labels)
  const found = await perRow(points, parts, parts.kept, 'means', options)
  let total = 0
  for (const [at, row] of parts.kept.entries()) {
    const size = parts.sizes[parts.labels[row]]
    if (size > 1) total += (found[2 * at] * (size - 1)) / (4 * size)
  }
  return total
}

/** Points of the same number, uniform in a box around the given ones. O(n·d²) each. */
async function uniformIn(
  points: Matrix,
  box: 'principal' | 'columns',
  signal?: AbortSignal,
): Promise<(next: () => number) => Promise<Matrix>> {
  const { data, rows, columns: d } = points
  const pause = pauses({ signal })
  const mean = new Float64Array(d)
  await eachRow(rows, pause, row => {
    for (let column = 0; column < d; column++) mean[column] += data[row * d + column] / rows
  })
  const centred = new Float64Array(d)
  const centre = (row: number) => {
    for (let column = 0; column < d; column++) centred[column] = data[row * d + column] - mean[column]
  }
  let axes = new Float64Array(d * d)
  if (box === 'principal') {
    const covariance = new Float64Array(d * d)
    await eachRow(rows, pause, row => {
      centre(row)
      for (let a = 0; a < d; a++) for (let b = 0; b <= a; b++) covariance[a * d + b] += centred[a] * centred[b]
    })
    for (let a = 0; a < d; a++) for (let b = 0; b < a; b++) covariance[b * d + a] = covariance[a * d + b]
    axes = Float64Array.from(symmetricEigen(covariance, d).vectors)
  } else for (let at = 0; at < d; at++) axes[at * d + at] = 1
  const least = new Float64Array(d).fill(Infinity)
  const most = new Float64Array(d).fill(-Infinity)
  await eachRow(rows, pause, row => {
    centre(row)
    for (let axis = 0; axis < d; axis++) {
      let place = 0
      for (let column = 0; column < d; column++) place += centred[column] * axes[axis * d + column]
      least[axis] = Math.min(least[axis], place)
      most[axis] = Math.max(most[axis], place)
    }
  })
  return async next => {
    const made = matrix(rows, d)
    const row = new Float64Array(d)
    await eachRow(rows, pause, at => {
      row.set(mean)
      for (let axis = 0; axis < d; axis++) {
        const place = least[axis] + next() * (most[axis] - least[axis])
        for (let column = 0; column < d; column++) row[column] += place * axes[axis * d + column]
      }
      made.data.set(row, at * d)
    })
    return made
  }
}

export interface StabilityOptions {
  /** Pairs of samples; default 20. */
  pairs?: number
  /** Share of the rows in a sample; default 0.8. */
  share?: number
  seed?: number
  signal?: AbortSignal
}

/**
 * Whether clusters stay when rows are left out (Ben-Hur, Elisseeff and Guyon 2002): pairs of samples are clustered apart, and the
 * adjusted Rand index says how far they agree on the rows that both have. Near 1 is stable.
 *
 * @param cluster labels of a matrix's rows, by the method in question
 *
 * @example
 * await stability(points, async sample => (await kMeans(sample, { k: 3 })).labels)
 */
export async function stability(
  points: Matrix,
  cluster: (sample: Matrix) => Promise<ArrayLike<number>> | ArrayLike<number>,
  { pairs = 20, share = 0.8, seed = 0, signal }: StabilityOptions = {},
): Promise<{ mean: number; values: Float64Array }> {
  requireRows(points)
  requireWhole('pairs', pairs, 1, 1_000_000)
  requireWhole('seed', seed, 0, 2 ** 32 - 1)
  if (!(share > 0.5 && share <= 1)) throw new InputError('share', String(share), 'above 0.5 and at most 1')
  const { rows, columns, data } = points
  const size = Math.max(1, Math.round(share * rows))
  const values = new Float64Array(pairs)
  for (let pair = 0; pair < pairs; pair++) {
    const { sample } = random(seed, pair)
    const labelled: Map<number, number>[] = []
    for (let half = 0; half < 2; half++) {
      await breathe(signal)
      const chosen = sample(size, rows).sort((a, b) => a - b)
      const part = matrix(size, columns)
      for (const [at, row] of chosen.entries())
        part.data.set(data.subarray(row * columns, (row + 1) * columns), at * columns)
      const labels = await cluster(part)
      labelled.push(new Map(chosen.map((row, at) => [row, labels[at]])))
    }
    const common = [...labelled[0].keys()].filter(row => labelled[1].has(row))
    const of = (half: number) => common.map(row => labelled[half].get(row)!)
    values[pair] = adjustedRandIndex(contingency(of(0), of(1), { noise: 'cluster' }))
  }
  return { mean: values.reduce((sum, one) => sum + one, 0) / pairs, values }
}
