/** The objects, medoids and rows of dissimilarities of the k-medoids family in WebAssembly memory, in one thread or several. */
import {
  type Arena,
  type Dissimilarities,
  type DissimilarityRows,
  dissimilarities,
  dissimilarityRows,
  InputError,
  instantiate,
  type Matrix,
  type Metric,
  mostObjects,
  type WorkerPool,
} from '@offprint/kernels'
import { simd } from '../build/k-medoids.js'
import { checkedWeights } from './k-means-workspace.ts'

interface Engine {
  bind(...numbers: number[]): void
  bindBlock(from: number): void
  total(): number
  assign(): void
  sweep(from: number, to: number, once: number): number
  reached(): number
  lastSwap(): number
  forgetLastSwap(): void
  takeSwaps(): number
  beginRounds(): void
  swap(slot: number, candidate: number, row: number): void
  evaluateRange(from: number, to: number, best: number): void
  evaluateSlots(from: number, to: number, best: number): void
  evaluatePairs(from: number, to: number, best: number): void
  changeOf(slot: number, row: number): number
  counts(change: number): number
  removals(out: number): void
  rowSums(from: number, to: number, factors: number, sums: number): void
  buildGains(from: number, to: number, sums: number): void
  lowerTo(row: number): void
  memberSums(members: number, count: number, from: number, to: number, sums: number): void
  silhouetteWith(slot: number, candidate: number, row: number, labels: number, sums: number, sizes: number): number
}

/** A swap that was found: the candidate at a position of the order into a slot. */
export interface Swap {
  change: number
  /** −1: none. */
  position: number
  slot: number
}

/** Where rows of dissimilarities come from: all are in memory, or they are worked out. A row holds d(o, j) for all objects o. */
export interface Source {
  arena: Arena
  /** Objects that distances are summed over. */
  n: number
  /** Rows that may become medoids. */
  candidates: number
  /** The object that each candidate is, −1 for none; left out where candidates and objects are the same. */
  home?: Int32Array
  /** Where the rows are, if all are in memory. */
  pointer?: number
  /** Bytes from one row to the next. */
  stride: number
  /** Works out rows. */
  compute?: DissimilarityRows['compute']
  symmetric: boolean
}

/** The state of a run: section 3's near, sec, dn, ds and what goes with them. Views are to be made anew after every `await`. */
export interface Workspace {
  engine: Engine
  n: number
  candidates: number
  k: number
  weights: Float64Array | undefined
  symmetric: boolean
  /** Candidates in rows that are held at once; as many as there are where all rows are in memory. */
  atOnce: number
  medoids(): Int32Array
  near(): Int32Array
  dn(): Float32Array
  ds(): Float32Array
  order(): Int32Array
  /** Candidates × f64 for sums over them, with their address. */
  sums(): { pointer: number; values: Float64Array }
  /** n × i32 for lists of objects, with their address. */
  members(): { pointer: number; values: Int32Array }
  /** Addresses of k × f64 and k × i32 for sums and sizes of clusters. */
  silhouetteRoom(): [number, number]
  /** Makes the rows of the candidates at these positions of the order ready; at most `atOnce`. */
  load(from: number, to: number): Promise<void>
  /** Makes rows of candidates ready, in the place of those that `load` has made ready. For all rows in memory, nothing is done. */
  loadListed(list: ArrayLike<number>, objects?: ArrayLike<number>): Promise<void>
  /** The address of a candidate's row; of a worked out one until the next is asked for. */
  rowOf(candidate: number): Promise<number>
  values(row: number): Float32Array
  /** Distances of objects to candidates, a row for each candidate. */
  between(candidates: number[], objects: number[]): Promise<Float32Array>
  /** Sets all medoids and assigns the objects to them. */
  place(medoids: ArrayLike<number>): Promise<void>
  /** Puts a candidate into a slot. */
  swap(slot: number, candidate: number): Promise<void>
  /** `sweep` of the engine in one thread or several, from one position to another or to where nothing helps any more (−1). */
  sweep(from: number, to: number): Promise<number>
  /** Positions of a sweep between two looks at the signal. */
  sweepPiece: number
  /** Totals after the swaps since it was asked last. */
  takeTrace(): number[]
  /** The best swap of each of `count` kinds that `evaluate` finds among all candidates, in pieces. */
  best(
    evaluate: 'evaluateRange' | 'evaluateSlots' | 'evaluatePairs',
    options: { cost: number; pause(done: number): Promise<void> | undefined },
  ): Promise<Swap[]>
  /** A value for each candidate, worked out in pieces: what it adds as a further medoid to those that `dn` knows. */
  gains(pause: () => Promise<void> | undefined): Promise<Float64Array>
  /** Sums of all candidates' rows, times a factor for each object (default its weight). */
  rowSums(pause: () => Promise<void> | undefined, factors?: Float64Array): Promise<Float64Array>
  /** What removing each medoid would cost. */
  removals(): Float64Array
  /** Medoids of which none is at distance 0 from one before it. */
  distinctMedoids(): number
  release(): void
}

/** A swap counts only if it lowers the total by more than this share: rounding of 32-bit distances. */
const leastGain = 1e-9
/** Candidates whose rows are worked out at once. */
const blockRows = 64
/** Objects from which several threads are quicker than one; measured by bench/fasterpam.ts. */
const leastShared = 3000
const stateBytes = 64

/** `auto`: all rows in memory up to 1 GiB, beyond that they are worked out as they are needed. */
export type MatrixChoice = 'auto' | 'full' | 'none'

export interface SourceOptions {
  metric?: Metric
  matrix?: MatrixChoice
  pool?: WorkerPool
  signal?: AbortSignal
}

/** @throws InputError for points or options that do not fit */
export async function sourceOf(
  data: Matrix | Dissimilarities,
  { metric, matrix = 'auto', pool: given, signal }: SourceOptions,
): Promise<Source> {
  if (!['auto', 'full', 'none'].includes(matrix))
    throw new InputError('matrix', `'${matrix}'`, 'one of auto, full, none')
  if ('n' in data) return sourceOfAll(data)
  const pool = data.rows >= leastShared ? given : undefined
  if (matrix === 'none' || (matrix === 'auto' && data.rows > mostObjects)) {
    const rows = await dissimilarityRows(data, metric, { pool, signal, bytes: 4 * (blockRows + 16) * data.rows })
    const { n, arena } = rows
    const stride = Math.ceil(n / 4) * 16
    return { arena, n, candidates: n, stride, compute: rows.compute, symmetric: true }
  }
  const most = matrix === 'full' ? Number.POSITIVE_INFINITY : mostObjects
  return sourceOfAll(await dissimilarities(data, metric, { pool, most, signal }))
}

function sourceOfAll({ n, arena, pointer, symmetric }: Dissimilarities): Source {
  return { arena, n, candidates: n, pointer, stride: 4 * n, symmetric }
}

/** Takes memory for a run. `release` gives it back. */
export function workspace(
  source: Source,
  k: number,
  {
    weights: given,
    silhouettes = false,
    tolerance = leastGain,
    pool,
    signal,
  }: {
    weights?: ArrayLike<number>
    silhouettes?: boolean
    tolerance?: number
    pool?: WorkerPool
    signal?: AbortSignal
  } = {},
): Workspace {
  const { arena, n, candidates, stride } = source
  const weights = checkedWeights(given, n)
  const shared = pool !== undefined && arena.shared && pool.threads > 1 && n >= leastShared
  const threads = shared ? pool.threads : 1
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
    const state = take(stateBytes)
    const medoidsAt = take(4 * k)
    const medoidRows = take(4 * k)
    const [nearAt, secAt, dnAt, dsAt] = [take(4 * n), take(4 * n), take(4 * n), take(4 * n)]
    const [thirdAt, dtAt] = silhouettes ? [take(4 * n), take(4 * n)] : [0, 0]
    const weightsAt = weights ? take(8 * n) : 0
    const homeAt = source.home ? take(4 * candidates) : 0
    // `leastLoss` reads eight at a time.
    const lossBytes = 8 * k + 64
    const removalAt = take(lossBytes)
    const lossAt = take(threads * lossBytes)
    const isMedoidAt = take(candidates)
    const orderAt = take(4 * candidates)
    const listedAt = take(4 * n)
    const traceAt = take(8 * candidates)
    const sumsAt = take(8 * Math.max(candidates, n))
    const bests = 16 * Math.max(k, threads)
    const bestAt = take(bests)
    const blockAt = source.compute ? take(blockRows * stride) : source.pointer!
    const spareAt = source.compute ? take(stride) : 0
    const keptAt = source.compute ? take(k * stride) : 0
    const ints = (pointer: number, count: number) => new Int32Array(arena.memory.buffer, pointer, count)
    const floats = (pointer: number, count: number) => new Float32Array(arena.memory.buffer, pointer, count)
    const doubles = (pointer: number, count: number) => new Float64Array(arena.memory.buffer, pointer, count)
    if (weights) doubles(weightsAt, n).set(weights)
    if (source.home) ints(homeAt, candidates).set(source.home)
    ints(orderAt, candidates).forEach((_, position, all) => {
      all[position] = position
    })
    new Uint8Array(arena.memory.buffer, state, stateBytes).fill(0)
    const engine = instantiate<Engine>(simd, arena)
    let blockFrom = source.compute ? 0 : -1
    const bound = (thread: number) => [
      ...[n, candidates, k, Number(silhouettes), state, orderAt, blockAt, stride, blockFrom, medoidRows, keptAt],
      ...[medoidsAt, homeAt, nearAt, secAt, thirdAt, dnAt, dsAt, dtAt, weightsAt, removalAt],
      ...[lossAt + thread * lossBytes, isMedoidAt, listedAt, traceAt, tolerance],
    ]
    engine.bind(...bound(0))
    const inThreads = (
      name: string,
      args: (thread: number, threads: number, queue: number) => number[],
      total: number,
    ) =>
      pool!.run(
        simd,
        arena,
        ({ thread, threads, queue }) => [
          { name: 'bind', args: bound(thread) },
          { name, args: args(thread, threads, queue) },
        ],
        { total, signal },
      )
    /** Steps that are worth to be shared out. */
    const worthIt = (count: number, cost = 1) => shared && count * cost * n >= 2 ** 22

    const rowAddress = (candidate: number) => source.pointer! + candidate * stride

    const space: Workspace = {
      engine,
      n,
      candidates,
      k,
      weights,
      symmetric: source.symmetric,
      atOnce: source.compute ? blockRows : candidates,
      medoids: () => ints(medoidsAt, k),
      near: () => ints(nearAt, n),
      dn: () => floats(dnAt, n),
      ds: () => floats(dsAt, n),
      order: () => ints(orderAt, candidates),
      sums: () => ({ pointer: sumsAt, values: doubles(sumsAt, candidates) }),
      members: () => ({ pointer: listedAt, values: ints(listedAt, n) }),
      silhouetteRoom: () => [lossAt, bestAt],
      async load(from, to) {
        if (!source.compute) return
        await source.compute(space.order().slice(from, to), blockAt, stride)
        blockFrom = from
        engine.bindBlock(from)
      },
      async loadListed(list, objects) {
        if (!source.compute) return
        await source.compute(list, blockAt, stride, objects)
        blockFrom = 0
        engine.bindBlock(0)
      },
      async rowOf(candidate) {
        if (!source.compute) return rowAddress(candidate)
        await source.compute([candidate], spareAt, stride)
        return spareAt
      },
      values: row => floats(row, n),
      async between(list, objects) {
        const found = new Float32Array(list.length * objects.length)
        if (!source.compute) {
          for (const [at, candidate] of list.entries()) {
            const row = floats(rowAddress(candidate), n)
            for (const [place, object] of objects.entries()) found[at * objects.length + place] = row[object]
          }
          return found
        }
        const bytes = Math.ceil(objects.length / 4) * 16
        const out = arena.take(list.length * bytes)
        try {
          await source.compute(list, out, bytes, objects)
          for (let at = 0; at < list.length; at++)
            found.set(floats(out + at * bytes, objects.length), at * objects.length)
        } finally {
          arena.give(out)
        }
        return found
      },
      async place(medoids) {
        space.medoids().set(medoids)
        for (let slot = 0; slot < k; slot++) {
          const row = source.compute ? keptAt + slot * stride : rowAddress(medoids[slot])
          new Uint32Array(arena.memory.buffer, medoidRows, k)[slot] = row
        }
        for (let slot = 0; source.compute && slot < k; slot += blockRows) {
          const part = Array.from({ length: Math.min(blockRows, k - slot) }, (_, at) => medoids[slot + at])
          await source.compute(part, keptAt + slot * stride, stride)
        }
        engine.assign()
      },
      async swap(slot, candidate) {
        engine.swap(slot, candidate, await space.rowOf(candidate))
      },
      async sweep(from, to) {
        if (!worthIt(to - from)) return engine.sweep(from, to, 0)
        engine.beginRounds()
        const args = (thread: number, threads: number, queue: number) => [from, to, thread, threads, queue]
        await inThreads('sweepTogether', args, to - from)
        return engine.reached()
      },
      // Threads are asked to stop within a sweep.
      sweepPiece: worthIt(candidates) ? candidates : pieceOf(n, 1),
      takeTrace: () => [...doubles(traceAt, engine.takeSwaps())],
      async best(evaluate, { cost, pause }) {
        const count = evaluate === 'evaluateSlots' ? k : threads
        const view = () => new DataView(arena.memory.buffer, bestAt, bests)
        for (let at = 0; at < count; at++) {
          view().setFloat64(16 * at, 0, true)
          view().setInt32(16 * at + 8, -1, true)
        }
        const together = evaluate === 'evaluateRange' && shared
        await inBlocks(space, together ? 1 / threads : cost, pause, async (from, to) => {
          if (!together || !worthIt(to - from)) return engine[evaluate](from, to, bestAt)
          const args = (thread: number, _: number, queue: number) => [from, to, 1, bestAt + 16 * thread, queue]
          await inThreads('evaluateAll', args, to - from)
        })
        const found = Array.from({ length: count }, (_, at) => ({
          change: view().getFloat64(16 * at, true),
          position: view().getInt32(16 * at + 8, true),
          slot: view().getInt32(16 * at + 12, true),
        })).filter(({ position }) => position >= 0)
        if (evaluate === 'evaluateSlots') return found
        // Of threads that have found equally good ones, the first in the order.
        return found.sort((a, b) => a.change - b.change || a.position - b.position).slice(0, 1)
      },
      async gains(pause) {
        await inBlocks(space, shared ? 1 / threads : 1, pause, async (from, to) => {
          if (!worthIt(to - from)) return engine.buildGains(from, to, sumsAt)
          await inThreads('allBuildGains', (_, __, queue) => [from, to, 4, sumsAt, queue], to - from)
        })
        return space.sums().values
      },
      async rowSums(pause, factors) {
        const own = factors ? arena.take(8 * n) : weightsAt
        try {
          if (factors) doubles(own, n).set(factors)
          await inBlocks(space, 1, pause, (from, to) => engine.rowSums(from, to, own, sumsAt))
        } finally {
          if (factors) arena.give(own)
        }
        return space.sums().values
      },
      removals() {
        engine.removals(sumsAt)
        return doubles(sumsAt, k).slice()
      },
      distinctMedoids() {
        const medoids = space.medoids()
        const rowsOfMedoids = new Uint32Array(arena.memory.buffer, medoidRows, k)
        const objects = [...medoids].map(candidate => source.home?.[candidate] ?? candidate)
        return objects.filter(
          (object, slot) => !objects.some((_, other) => other < slot && floats(rowsOfMedoids[other], n)[object] === 0),
        ).length
      },
      release,
    }
    return space
  } catch (error) {
    release()
    throw error
  }
}

/** Works on all candidates in the order, in pieces of some milliseconds whose rows are ready. @param cost of one, in passes over the objects */
async function inBlocks(
  space: Workspace,
  cost: number,
  pause: (done: number) => Promise<void> | undefined,
  work: (from: number, to: number) => unknown,
): Promise<void> {
  const { n, candidates, atOnce } = space
  const piece = pieceOf(n, cost)
  for (let from = 0; from < candidates; from += atOnce) {
    const end = Math.min(candidates, from + atOnce)
    await space.load(from, end)
    for (let at = from; at < end; at += piece) {
      await work(at, Math.min(end, at + piece))
      await pause(at / candidates)
    }
  }
}

/** Candidates in a piece of work that takes some milliseconds at `cost` steps for each object. */
export function pieceOf(n: number, cost: number): number {
  return Math.max(1, Math.floor(4_000_000 / (n * cost)))
}
