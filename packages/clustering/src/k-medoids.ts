/** What the k-medoids methods share: options, result, and the workspace in WebAssembly memory that their hot loops work in. */
import {
  breathe,
  type Dissimilarities,
  dissimilarities,
  InputError,
  instantiate,
  type LongCall,
  type Matrix,
  type Metric,
  random,
} from '@offprint/kernels'
import { simd } from '../build/k-medoids.js'
import { type Init, initialMedoids } from './initial-medoids.ts'

export interface KMedoidsOptions extends LongCall {
  /** Number of clusters, from 1 to n. */
  k: number
  /** How far apart two rows are, where a matrix of points is given; default `euclidean`. */
  metric?: Metric
  /** Start; default `random` for `fasterPam` and `alternating`, `build` for `fastPam1` and `pam`. */
  init?: Init
  /** Runs from different starts, of which the best counts; default 1. */
  restarts?: number
  /** Whole number from 0 to 2³² − 1; default 0. Same input and seed, same result. */
  seed?: number
  /** n weights of at least 0, not all 0; a whole weight counts as so many equal rows. Default all 1. */
  weights?: ArrayLike<number>
  /** Passes over all candidates (swaps for `fastPam1` and `pam`) after which a run stops unsettled; default 100. */
  maxPasses?: number
}

export interface KMedoids {
  /** Row numbers of the medoids, from 0; the position is the cluster's number. */
  medoids: Uint32Array
  /** Cluster of each row. */
  labels: Int32Array
  k: number
  /** Rows in each cluster. */
  sizes: Uint32Array
  /** Distance of each row to its medoid. */
  nearest: Float32Array
  /** Total deviation: the weighted sum of `nearest`. */
  objective: number
  /** Passes over all candidates. */
  iterations: number
  swaps: number
  /** Whether no further swap helps; false where `maxPasses` stopped it. */
  converged: boolean
  seed: number
  /** Total deviation at the start and after each swap. */
  trace: number[]
  /** Candidates whose swap was evaluated. */
  evaluations: number
  /** Time of the start and of the swaps, in seconds; the dissimilarities are not in it. */
  seconds: { init: number; swap: number }
  /** What the reader should know, such as fewer distinct rows than clusters. */
  notes: string[]
}

interface Engine {
  setUp(...numbers: number[]): void
  totalDeviation(): number
  assign(): void
  sweep(from: number, to: number): number
  beginRound(): void
  evaluateRange(from: number, to: number): void
  evaluatePairs(from: number, to: number): void
  swapBest(): number
  rowSums(from: number, to: number, sums: number): void
  buildGains(from: number, to: number, sums: number): void
  lowerTo(object: number): void
  memberSums(members: number, count: number, from: number, to: number, sums: number): void
}

/** The state of one run: section 3's near, sec, dn, ds and what goes with them. */
export interface Workspace {
  engine: Engine
  distances: Dissimilarities
  n: number
  k: number
  weights: Float64Array | undefined
  /** Views into the memory; made anew at each call, as the memory may have grown. */
  medoids(): Int32Array
  near(): Int32Array
  dn(): Float32Array
  order(): Int32Array
  /** n floats of 64 bits for sums over candidates, with their address. */
  sums(): { pointer: number; values: Float64Array }
  /** n whole numbers for lists of objects, with their address. */
  members(): { pointer: number; values: Int32Array }
  release(): void
}

/** How a method goes from a start to its end. Gives back passes, swaps and whether it settled. */
export type Search = (
  space: Workspace,
  options: {
    maxPasses: number
    /** Called after each swap. */
    swapped(): void
    /** Called with passes done so far; breaks the work into pieces of some milliseconds. */
    pause(passes: number): Promise<void> | undefined
  },
) => Promise<{ passes: number; converged: boolean; evaluations: number }>

/** A swap counts only if it lowers the total deviation by more than this share: rounding of 32-bit distances. */
const tolerance = 1e-9
/** Longest piece of work between two looks at the signal, in ms. */
const pieceMs = 20

/** Runs a search from each start and gives back the best result. @throws InputError for wrong options */
export async function kMedoids(
  data: Matrix | Dissimilarities,
  options: KMedoidsOptions & { init: Init },
  search: Search,
): Promise<KMedoids> {
  const { k, metric, init, restarts = 1, seed = 0, maxPasses = 100, signal, onProgress } = options
  const n = 'n' in data ? data.n : data.rows
  requireK(k, n)
  requireWhole('restarts', restarts, 1, 1_000_000)
  requireWhole('seed', seed, 0, 2 ** 32 - 1)
  requireWhole('maxPasses', maxPasses, 1, 1_000_000_000)
  const distances = 'n' in data ? data : await dissimilarities(data, metric, { signal })
  const space = workspace(distances, k, options.weights)
  try {
    let best: KMedoids | undefined
    for (let restart = 0; restart < restarts; restart++) {
      let since = performance.now()
      const pause = (passes: number) => {
        if (performance.now() - since < pieceMs) return undefined
        // Nobody knows how many passes there will be: each takes half of what is left.
        onProgress?.(restart + 1 - 0.5 ** passes, restarts)
        return breathe(signal).then(() => {
          since = performance.now()
        })
      }
      const found = await once(space, { init, seed, restart, maxPasses, pause }, search)
      if (!best || found.objective < best.objective) best = found
    }
    onProgress?.(restarts, restarts)
    return { ...best!, notes: notesOn(distances, best!) }
  } finally {
    space.release()
  }
}

async function once(
  space: Workspace,
  {
    init,
    seed,
    restart,
    maxPasses,
    pause,
  }: {
    init: Init
    seed: number
    restart: number
    maxPasses: number
    pause: (passes: number) => Promise<void> | undefined
  },
  search: Search,
): Promise<KMedoids> {
  const { engine, k, n } = space
  const begin = performance.now()
  const start = await initialMedoids(space, init, random(seed, restart), () => pause(0))
  const started = performance.now()
  space.medoids().set(start)
  engine.assign()
  const trace = [engine.totalDeviation()]
  const { passes, converged, evaluations } =
    k === n
      ? { passes: 0, converged: true, evaluations: 0 }
      : k === 1
        ? await bestSingle(space, () => pause(0))
        : await search(space, {
            maxPasses,
            pause,
            swapped: () => void trace.push(engine.totalDeviation()),
          })
  const ended = performance.now()
  // After many swaps a tie may stand the other way round: a last assignment makes labels depend on the medoids alone.
  engine.assign()
  if (k === 1 && engine.totalDeviation() < trace[0]) trace.push(engine.totalDeviation())
  const labels = space.near().slice()
  const sizes = new Uint32Array(k)
  for (const label of labels) sizes[label]++
  return {
    medoids: Uint32Array.from(space.medoids()),
    labels,
    k,
    sizes,
    nearest: space.dn().slice(),
    objective: engine.totalDeviation(),
    iterations: passes,
    swaps: trace.length - 1,
    converged,
    seed,
    trace,
    evaluations,
    seconds: { init: (started - begin) / 1000, swap: (ended - started) / 1000 },
    notes: [],
  }
}

/** k = 1 is solved exactly: the object with the least sum. */
async function bestSingle(space: Workspace, pause: () => Promise<void> | undefined) {
  const sums = await eachCandidate(space, pause, (from, to, pointer) => space.engine.rowSums(from, to, pointer))
  space.medoids()[0] = leastOf(sums, 'first')
  return { passes: 1, converged: true, evaluations: space.n }
}

/** A value for each candidate, worked out in pieces. */
export async function eachCandidate(
  space: Workspace,
  pause: () => Promise<void> | undefined,
  work: (from: number, to: number, pointer: number) => void,
): Promise<Float64Array> {
  const { pointer } = space.sums()
  const piece = pieceOf(space.n, 1)
  for (let from = 0; from < space.n; from += piece) {
    work(from, Math.min(space.n, from + piece), pointer)
    await pause()
  }
  return space.sums().values
}

/** Candidates in a piece of work that takes some milliseconds at `cost` steps for each object. */
export function pieceOf(n: number, cost: number): number {
  return Math.max(1, Math.floor(4_000_000 / (n * cost)))
}

/** Position of the least value; of equal ones the first or the last. */
export function leastOf(values: ArrayLike<number>, ties: 'first' | 'last'): number {
  let found = 0
  for (let index = 1; index < values.length; index++)
    if (values[index] < values[found] || (ties === 'last' && values[index] === values[found])) found = index
  return found
}

export function requireK(k: number, n: number): void {
  if (!Number.isInteger(k) || k < 1 || k > n)
    throw new InputError('k', String(k), `a whole number from 1 to n (n = ${n})`)
}

export function requireWhole(field: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new InputError(field, String(value), `a whole number from ${min} to ${max}`)
}

/** Takes memory for a run beside the dissimilarities. `release` gives it back. */
export function workspace(distances: Dissimilarities, k: number, weights?: ArrayLike<number>): Workspace {
  const { n, arena } = distances
  const checked = weights && checkWeights(weights, n)
  const taken: number[] = []
  const take = (bytes: number) => {
    const pointer = arena.take(bytes)
    taken.push(pointer)
    return pointer
  }
  const release = () => {
    for (const pointer of taken.reverse()) arena.give(pointer)
    taken.length = 0
  }
  try {
    const medoids = take(4 * k)
    const near = take(4 * n)
    const sec = take(4 * n)
    const dn = take(4 * n)
    const ds = take(4 * n)
    const weighted = checked ? take(8 * n) : 0
    const removal = take(8 * k + 64)
    const loss = take(8 * k + 64)
    const isMedoid = take(n)
    const order = take(4 * n)
    const sums = take(8 * n)
    const { buffer } = arena.memory
    if (checked) new Float64Array(buffer, weighted, n).set(checked)
    new Int32Array(buffer, order, n).forEach((_, index, all) => {
      all[index] = index
    })
    const engine = instantiate<Engine>(simd, arena)
    const { pointer } = distances
    engine.setUp(n, k, pointer, medoids, near, sec, dn, ds, weighted, removal, loss, isMedoid, order, tolerance)
    const members = take(4 * n)
    return {
      engine,
      distances,
      n,
      k,
      weights: checked,
      medoids: () => new Int32Array(arena.memory.buffer, medoids, k),
      near: () => new Int32Array(arena.memory.buffer, near, n),
      dn: () => new Float32Array(arena.memory.buffer, dn, n),
      order: () => new Int32Array(arena.memory.buffer, order, n),
      sums: () => ({ pointer: sums, values: new Float64Array(arena.memory.buffer, sums, n) }),
      members: () => ({ pointer: members, values: new Int32Array(arena.memory.buffer, members, n) }),
      release,
    }
  } catch (error) {
    release()
    throw error
  }
}

function checkWeights(weights: ArrayLike<number>, n: number): Float64Array {
  if (weights.length !== n)
    throw new InputError('weights', `${weights.length} weights`, `one weight for each of ${n} rows`)
  const checked = Float64Array.from(weights)
  const bad = checked.findIndex(weight => !(weight >= 0 && weight < Infinity))
  if (bad >= 0) {
    const message = `weights: row ${bad + 1} must be a number of at least 0, found ${weights[bad]}`
    throw new InputError('weights', String(weights[bad]), 'a number of at least 0', message)
  }
  if (checked.every(weight => weight === 0)) throw new InputError('weights', 'nothing but 0', 'above 0 somewhere')
  return checked
}

function notesOn({ n, data }: Dissimilarities, { k, objective, converged }: KMedoids): string[] {
  const notes: string[] = []
  if (!converged) notes.push('It stopped before it settled: more passes may lower the total deviation.')
  // Only then can there be fewer distinct rows than clusters.
  if (objective === 0 && k > 1 && k < n) {
    let distinct = 0
    for (let o = 0; o < n; o++) {
      let before = 0
      while (before < o && data[before * n + o] !== 0) before++
      if (before === o) distinct++
    }
    if (distinct === 1) notes.push('All distances are 0: the rows are all the same.')
    else if (distinct < k) notes.push(`There are only ${distinct} distinct rows, fewer than k = ${k}.`)
  }
  return notes
}
