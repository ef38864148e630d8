/** What the k-medoids methods share: options, result, and runs from several starts. */
import {
  type Dissimilarities,
  InputError,
  type LongCall,
  type Matrix,
  type Metric,
  type Random,
  random,
  type WorkerPool,
} from '@offprint/kernels'
import { type Init, initialMedoids } from './initial-medoids.ts'
import { type MatrixChoice, type Source, sourceOf, type Workspace, workspace } from './k-medoids-workspace.ts'
import { pauses } from './pauses.ts'

export interface KMedoidsOptions extends LongCall {
  /** Number of clusters, from 1 to n. */
  k: number
  /** How far apart two rows are, where a matrix of points is given; default `euclidean`. */
  metric?: Metric
  /** Start; default `random` for the eager methods and `alternating`, `build` for those that take the best swap. */
  init?: Init
  /** Which of equally good objects `build` takes; default `first`. R's `cluster::pam` takes the `last`. */
  ties?: 'first' | 'last'
  /** Runs from different starts, of which the best counts; default 1. */
  restarts?: number
  /** Whole number from 0 to 2³² − 1; default 0. Same input and seed, same result. */
  seed?: number
  /** n weights of at least 0, not all 0; a whole weight counts as so many equal rows. Default all 1. */
  weights?: ArrayLike<number>
  /** Passes over all candidates (swaps for the methods that take the best swap) after which a run stops unsettled; default 100. */
  maxPasses?: number
  /**
   * Where points are given: `full` keeps all pairs in memory (4n² bytes, up to 32,000 rows), `none` works rows of distances out as
   * they are needed, in O(n·k) memory and O(n²·d) time a pass. `auto` (default): `full` up to 16,384 rows.
   */
  matrix?: MatrixChoice
  /**
   * Threads to work in; default the calling one. Results are the same. Dissimilarities that are given must have been made with
   * a pool as well.
   */
  pool?: WorkerPool
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
  /** Distance of each row to the second nearest medoid; infinite for k = 1. */
  second: Float32Array
  /** Total deviation: the weighted sum of `nearest`. */
  deviation: number
  /** Weighted mean of 1 − nearest/second, the medoid silhouette (1 where `nearest` is 0, and for a single medoid). */
  medoidSilhouette: number
  /** What was optimised: the total deviation, or for `fasterMsc` and its kin the medoid silhouette, of which more is better. */
  objective: number
  /** Passes over all candidates. */
  iterations: number
  swaps: number
  /** Whether no further swap helps; false where `maxPasses` stopped it. */
  converged: boolean
  seed: number
  /** The objective at the start and after each swap. */
  trace: number[]
  /** Candidates whose swap was evaluated. */
  evaluations: number
  /** Time of the start and of the swaps, in seconds; the dissimilarities are not in it where all are kept in memory. */
  seconds: { init: number; swap: number }
  /** What the reader should know, such as fewer distinct rows than clusters. */
  notes: string[]
}

/** What a search makes small (the deviation) or great (the silhouettes). */
export type Objective = 'deviation' | 'medoidSilhouette' | 'silhouette'

export interface SearchOptions {
  maxPasses: number
  random: Random
  /**
   * What is made small, at the start and after each swap: the engine's total, or for `silhouette` the negative mean, of which the
   * search itself replaces the first.
   */
  totals: number[]
  /** Called with passes done so far; breaks the work into pieces of some milliseconds. */
  pause(passes: number): Promise<void> | undefined
}

/** How a method goes from a start to its end. Gives back passes, candidates evaluated and whether it settled. */
export type Search = (
  space: Workspace,
  options: SearchOptions,
) => Promise<{ passes: number; converged: boolean; evaluations: number; swaps?: number }>

/** Runs a search from each start and gives back the best result. @throws InputError for wrong options */
export async function kMedoids(
  data: Matrix | Dissimilarities,
  options: KMedoidsOptions & { init: Init },
  search: Search,
): Promise<KMedoids> {
  requireOptions(options, 'n' in data ? data.n : data.rows)
  const { metric, matrix, pool, signal } = options
  return kMedoidsOf(
    await sourceOf(data, { metric, matrix, pool, signal }),
    options,
    options.k === 1 ? bestSingle : search,
  )
}

/** @throws InputError for options of a search that cannot be used */
export function requireOptions(options: KMedoidsOptions, n: number): void {
  const { k, restarts = 1, seed = 0, maxPasses = 100 } = options
  requireK(k, n)
  requireWhole('restarts', restarts, 1, 1_000_000)
  requireWhole('seed', seed, 0, 2 ** 32 - 1)
  requireWhole('maxPasses', maxPasses, 1, 1_000_000_000)
}

/** `kMedoids` on rows of distances. */
export async function kMedoidsOf(
  source: Source,
  options: KMedoidsOptions & { init: Init; objective?: Objective },
  search: Search,
): Promise<KMedoids> {
  const { k, init, ties, restarts = 1, seed = 0, maxPasses = 100, weights, pool, signal, onProgress } = options
  const { objective = 'deviation' } = options
  signal?.throwIfAborted()
  const space = workspace(source, k, { weights, silhouettes: objective === 'medoidSilhouette', pool, signal })
  try {
    let best: KMedoids | undefined
    let least = Infinity
    const wait = pauses({ signal, onProgress })
    for (let restart = 0; restart < restarts; restart++) {
      // Nobody knows how many passes there will be: each takes half of what is left.
      const pause = (passes: number) => wait(restart + 1 - 0.5 ** passes, restarts)
      const { total, ...found } = await once(
        space,
        { init, ties, objective, seed, random: random(seed, restart), maxPasses, pause },
        search,
      )
      await wait(restart + 1, restarts)
      if (best && !(total < least)) continue
      best = { ...found, notes: notesOn(space, found) }
      least = total
    }
    onProgress?.(restarts, restarts)
    return best!
  } finally {
    space.release()
  }
}

async function once(
  space: Workspace,
  {
    init,
    ties,
    objective,
    seed,
    random,
    maxPasses,
    pause,
  }: Omit<SearchOptions, 'totals'> & { init: Init; ties?: 'first' | 'last'; objective: Objective; seed: number },
  search: Search,
): Promise<KMedoids & { total: number }> {
  const { engine, k } = space
  const begin = performance.now()
  const start = await initialMedoids(space, init, random, () => pause(0), ties)
  const started = performance.now()
  await space.place(start)
  const totals = [engine.total()]
  const { passes, converged, evaluations, swaps } =
    k === space.candidates && objective === 'deviation'
      ? { passes: 0, converged: true, evaluations: 0, swaps: 0 }
      : await search(space, { maxPasses, random, pause, totals })
  const ended = performance.now()
  // After many swaps a tie may stand the other way round: a last assignment makes labels depend on the medoids alone.
  engine.assign()
  const total = objective === 'silhouette' ? totals.at(-1)! : engine.total()
  const labels = space.near().slice()
  const nearest = space.dn().slice()
  const second = space.ds().slice()
  const sizes = new Uint32Array(k)
  for (const label of labels) sizes[label]++
  const { deviation, medoidSilhouette, weight } = summary(nearest, second, space.weights)
  const objectiveOf = (one: number) =>
    objective === 'deviation' ? one : objective === 'silhouette' ? -one : 1 - one / weight
  return {
    medoids: Uint32Array.from(space.medoids()),
    labels,
    k,
    sizes,
    nearest,
    second,
    deviation: objective === 'deviation' ? total : deviation,
    medoidSilhouette,
    objective: objectiveOf(total),
    iterations: passes,
    swaps: swaps ?? totals.length - 1,
    converged,
    seed,
    trace: totals.map(objectiveOf),
    evaluations,
    seconds: { init: (started - begin) / 1000, swap: (ended - started) / 1000 },
    notes: [],
    total,
  }
}

/** What follows from the distances to the nearest two medoids. */
export function summary(nearest: Float32Array, second: Float32Array, weights?: ArrayLike<number>) {
  let deviation = 0
  let ratios = 0
  let weight = 0
  for (let object = 0; object < nearest.length; object++) {
    const own = weights?.[object] ?? 1
    weight += own
    deviation += own * nearest[object]
    if (nearest[object] > 0) ratios += (own * nearest[object]) / second[object]
  }
  return { deviation, medoidSilhouette: 1 - ratios / weight, weight }
}

/** k = 1 is solved exactly: the object with the least sum. */
export const bestSingle: Search = async (space, { totals, pause }) => {
  const best = leastOf(await space.rowSums(() => pause(0)), 'first')
  await space.place([best])
  if (space.engine.total() < totals[0]) totals.push(space.engine.total())
  return { passes: 1, converged: true, evaluations: space.candidates }
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

function notesOn(space: Workspace, { k, deviation, converged }: KMedoids): string[] {
  const notes: string[] = []
  if (!converged) notes.push('It stopped before it settled: more passes may give a better result.')
  // Only then can there be fewer distinct rows than clusters; each row is like one of the medoids.
  if (deviation === 0 && k > 1 && k < space.candidates) {
    const distinct = space.distinctMedoids()
    if (distinct === 1) notes.push('All distances are 0: the rows are all the same.')
    else if (distinct < k) notes.push(`There are only ${distinct} distinct rows, fewer than k = ${k}.`)
  }
  return notes
}
