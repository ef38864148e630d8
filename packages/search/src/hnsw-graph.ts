/**
 * The rows, codes and graph of an HNSW index in WebAssembly memory. Rows are known by their place here; what users call them, and what
 * may be asked, is hnsw.ts's to say.
 */
import {
  type Arena,
  arena,
  breathe,
  type Call as EngineCall,
  InputError,
  instantiate,
  type LongCall,
  type Matrix,
  type Place,
  random,
  type WorkerPool,
  workerPool,
} from '@offprint/kernels'
import { relaxed, simd } from '../build/hnsw.js'
import { bitsOf, type Codes, codeSample, trainBits, trainCodes } from './codes.ts'
import type { HnswSettings } from './hnsw-options.ts'

const topMost = 15
/** Memory for one query and so many neighbours is kept between searches. */
const keptNeighbours = 128
/** In lists of rows: no row. */
export const none = 0xffff_ffff
/** Rows leave one bit of 32 free. */
export const mostRows = 2 ** 31 - 1
/** Rows that look for their neighbours at the same time. */
const batchRows = 256
/** Of fewer rows or queries one thread is as quick as several. */
const leastRowsForThreads = 32
/** Of one call into WebAssembly, which should take about 10 ms. */
const rowsAtOnce = 32
const recordsAtOnce = 2000
const queriesAtOnce = 64
const multiplicationsAtOnce = 100e6
/** `auto` takes codes where they miss at most this share of the true neighbours among four times as many candidates. */
const mostMissed = 0.01
const probes = 64
const probedNeighbours = 10
/** Of fewer rows the floats are as fast, and say more. */
const leastRowsForCodes = 1000
/** Rounds in which nodes that nothing reaches are linked. */
const mostRepairs = 10
/** Candidates that may not be found and are kept on the walk all the same: so many times `ef`, and these. */
const [passedTimes, passedMore] = [3, 1000]
/** Of a walk that is looked at. */
const mostHops = 100_000
/** So few rows are always compared one by one. */
const fewRows = 2000
/** Rows that are compared in the time that a candidate of the walk takes, if all were let through. */
const rowsForCandidate = 35
/** Shares of rows let through between which the walk goes round the others. */
const [leastAround, mostAround] = [0.1, 0.25]

const [deletedFlag, twinFlag, holeFlag, leavingFlag] = [1, 2, 4, 8]

interface Engine {
  bind(table: number): void
  bindWorkspace(workspace: number): void
  setFilter(rows: number, nodes: number): void
  skip(row: number): void
  newEntry(row: number, level: number): void
  entryPoint(): number
  topLevel(): number
  findLinks(batch: number, from: number, to: number, found: number, equals: number, efConstruction: number): void
  settle(batch: number, rows: number, found: number, equals: number): void
  linkBatch(batch: number, rows: number, found: number, part: number, parts: number): void
  mend(from: number, to: number, ef: number): number
  unreached(list: number): number
  reconnect(row: number, efConstruction: number): void
  broken(upperSize: number, quickly: number): number
  linkTotal(): number
  storeRows(rows: number, places: number, n: number): void
  readRow(row: number, out: number): void
  innerProducts(row: number, rows: number, n: number, out: number, scratch: number): void
  searchMany(...numbers: number[]): void
  searchRows(...numbers: number[]): void
  walked(row: number, ef: number, out: number): number
  followed(row: number, ef: number, most: number, out: number): number
  searchWithin(row: number, ef: number, most: number, out: number): number
  furtherOut(): number
  scanWithin(row: number, from: number, to: number, most: number, out: number, found: number): number
  keyOfDistance(distance: number): number
  output(results: number, n: number, k: number, ids: number, distances: number, scale: number): void
  scan(...numbers: number[]): void
  scanned(...numbers: number[]): void
  breadthFirst(out: number, withHoles: number): number
  permute(from: number, to: number, bytes: number, order: number, n: number): void
  renumber(list: number, length: number, numbers: number): void
  digest(start: number, bytes: number, block: number, out: number): void
  crcTable(table: number): void
  crc(table: number, start: number, bytes: number, before: number): number
}

const columns = ['codes', 'links', 'upperAt', 'levels', 'flags', 'twins', 'vectors'] as const
/** Blocks with so many bytes a row. */
export type Column = (typeof columns)[number]

/** Rows that may be found, as the walk needs them. */
export interface Passing {
  /** How many. */
  size: number
  /** A bit a row. */
  rows: Uint8Array
  /** A bit a node that stands for such a row. */
  nodes: Uint8Array
  /** Those rows. */
  list: Uint32Array
  /** Some nodes that stand for such rows. */
  seeds: Uint32Array
}

/** How a walk deals with rows that may not be found: passes through them, goes round them, or compares all others. */
export type Route = 'through' | 'around' | 'list'

/** Queries in memory, with room for their neighbours. */
export interface Call {
  queries: number
  ids: number
  distances: number
  /** Room for k candidates. */
  results: number
  rows: number
  k: number
}

export interface Found {
  rows: Uint32Array
  distances: Float32Array
}

/** What a file says of the graph. */
export interface GraphState {
  count: number
  entry: number
  top: number
  /** Links above layer 0, in ids. */
  upper: number
  /** From one code to the next; null without codes. */
  step: number | null
  halves: boolean
}

/** Room of one thread. */
interface Workspace {
  pointer: number
  /** Candidates that its pool holds. */
  room: number
  pool: number
  ledger: number
}

export class HnswGraph {
  readonly dimension: number
  readonly settings: HnswSettings
  readonly #memory: Arena
  readonly #engine: Engine
  readonly #table: number
  #codes: (Codes & { pointer: number }) | undefined
  /** Whether it is decided what the walk compares. */
  #decided = false
  /** Rows that the codes were trained on. */
  #trained = 0
  #halves = false
  #count = 0
  #capacity = 0
  #deleted = 0
  /** Places to be taken again, in descending order. */
  #holes: number[] = []
  #columns: Partial<Record<Column, { pointer: number; bytes: number }>> = {}
  /** Links of the layers above 0, in ids. */
  #upper = { pointer: 0, size: 0, capacity: 0 }
  /** Of the calling thread, and of each other. */
  #workspaces: Workspace[] = []
  readonly #pool: WorkerPool | undefined
  #kept: Call | undefined
  #viewed: { bytes: Uint8Array; floats: Float32Array } | undefined
  #crcTable = 0
  /** Rows that came since it was last made sure that every node can be reached. */
  #unproven = 0
  /** Searches in threads at work, and whether rows come, go or move. */
  #searching = new Set<Promise<unknown>>()
  #changing = false
  /** Changes whenever rows come, go or move. */
  revision = 0
  /** Changes when columns are laid out otherwise, or all rows move. */
  layout = 0
  /** Changes when a place gets another row, or queries are laid out otherwise. */
  moves = 0

  /** @param bytes of memory to begin with */
  constructor(dimension: number, settings: HnswSettings, { bytes = 0, threads = 1 } = {}) {
    this.dimension = dimension
    this.settings = settings
    const pool = workerPool({ threads })
    this.#memory = arena(bytes, { shared: pool.threads > 1 })
    if (this.#memory.shared) this.#pool = pool
    this.#engine = instantiate<Engine>([relaxed, simd], this.#memory)
    this.#table = this.#memory.take(24 * 4)
    this.#bind()
  }

  /** Places in use, holes among them. */
  get count(): number {
    return this.#count
  }
  /** Rows that can be found. */
  get size(): number {
    return this.#count - this.#deleted - this.#holes.length
  }
  get deleted(): number {
    return this.#deleted
  }
  get holes(): number {
    return this.#holes.length
  }
  get threads(): number {
    return this.#pool?.threads ?? 1
  }
  get codes(): 'i8' | 'bit' | 'none' {
    return this.#codes ? (this.#bits ? 'bit' : 'i8') : 'none'
  }
  /** Bits of a code, where codes are of bits. */
  get #bits(): number {
    return this.settings.codes === 'bit' ? bitsOf(this.dimension) : 0
  }
  get floats(): 'f32' | 'f16' {
    return this.#halves ? 'f16' : 'f32'
  }
  /** The graph compares unit vectors by squared distance, which is twice 1 − cosine. */
  get scale(): number {
    return this.settings.metric === 'cosine' ? 0.5 : 1
  }
  get entry(): number {
    return this.#engine.entryPoint() >>> 0
  }
  get top(): number {
    return this.#engine.topLevel()
  }

  isThere(row: number): boolean {
    return row >= 0 && row < this.#count && !(this.#views().bytes[this.#columns.flags!.pointer + row] & deletedFlag)
  }

  /** Views of all memory, which stay as long as it does not grow: to make one takes longer than to read a mark. */
  #views(): { bytes: Uint8Array; floats: Float32Array } {
    const { buffer } = this.#memory.memory
    if (this.#viewed?.bytes.buffer !== buffer)
      this.#viewed = { bytes: new Uint8Array(buffer), floats: new Float32Array(buffer) }
    return this.#viewed
  }

  /** Makes a change for which memory may move or places change hands: once no thread searches, and none begins before its end. */
  async change<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#changing = true
    try {
      await Promise.allSettled(this.#searching)
      return await work()
    } finally {
      this.#changing = false
    }
  }

  /** Whether threads may search now. */
  get mayShare(): boolean {
    return this.threads > 1 && !this.#changing
  }

  /** Lets changes wait for a search in threads, until what it found has been read. */
  async share<Result>(search: () => Promise<Result>): Promise<Result> {
    const searched = search()
    this.#searching.add(searched)
    try {
      return await searched
    } finally {
      this.#searching.delete(searched)
    }
  }

  // ---- Rows come ----

  /**
   * Adds rows. Those that are in can be found at once. When it is aborted, those that were in are deleted again, unless `keep`.
   * @param named is told which places the next rows get, before they can be found there
   */
  async add(
    points: Matrix,
    named: (places: Uint32Array, first: number) => void,
    { keep = false, signal, onProgress }: LongCall & { keep?: boolean } = {},
  ): Promise<Uint32Array> {
    const { rows } = points
    // Places that are taken again are no sample.
    const reused = this.#mustDecide(rows) ? 0 : Math.min(rows, this.#holes.length)
    const fresh = rows - reused
    const first = this.#count
    if (first + fresh > mostRows) throw new InputError('vectors', `${first + fresh} rows`, `at most ${mostRows} rows`)
    signal?.throwIfAborted()
    if (!rows) return new Uint32Array(0)
    // The last are the lowest.
    const places = Uint32Array.from({ length: rows }, (_, at) => {
      return at < reused ? this.#holes[this.#holes.length - 1 - at] : first + at - reused
    })
    const levels = drawLevels(first, fresh, this.settings)
    this.#reserve(first + fresh)
    this.#reserveUpper(levels)
    this.#clearRows(first, levels)
    const room: number[] = []
    let done = 0
    let there = 0
    try {
      if (!(await this.#decideCodes(points, places, signal))) this.#store(points, places)
      const take = (bytes: number) => {
        room.push(this.#memory.take(bytes))
        return room[room.length - 1]
      }
      const batch = take(batchRows * 4)
      const found = take(batchRows * (topMost + 1) * (this.settings.M + 4) * 4)
      const equals = take(batchRows * 4)
      while (done < rows) {
        const next = Math.min(rows, done + batchRows)
        await this.#insertBatch(
          places.subarray(done, next),
          { batch, found, equals },
          () => {
            named(places.subarray(done, next), done)
            there = next
          },
          signal,
        )
        this.#unproven += next - done
        done = next
        onProgress?.(done, rows)
        await breathe(signal)
      }
      if (this.#unproven * 20 > this.#count) await this.connect(signal)
    } catch (error) {
      if (!keep) for (const place of places.subarray(0, there)) this.delete(place)
      if (this.#count < first + fresh) this.#upper.size = this.#upperAt(this.#count, first + fresh)
      throw error
    } finally {
      for (const pointer of room) this.#memory.give(pointer)
    }
    return places
  }

  /** Adds the rows in some places, whose vectors and codes are there, to the graph. */
  async #insertBatch(
    places: Uint32Array,
    { batch, found, equals }: { batch: number; found: number; equals: number },
    named: () => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const rows = places.length
    const before = this.#count
    const { efConstruction } = this.settings
    this.#room(efConstruction)
    new Uint32Array(this.#memory.memory.buffer, batch, rows).set(places)
    this.#bind()
    if (this.#isWorthThreads(rows))
      await this.#inThreads(
        ({ queue }) => ({ name: 'findLinksOfPieces', args: [batch, rows, found, equals, efConstruction, queue] }),
        { ef: efConstruction, total: rows },
        { signal },
      )
    else
      for (let from = 0; from < rows; from += rowsAtOnce) {
        this.#engine.findLinks(batch, from, Math.min(rows, from + rowsAtOnce), found, equals, efConstruction)
        if (from + rowsAtOnce < rows) await breathe(signal)
      }
    // Until now nothing found them. From here on they are there, though threads may still be linking them.
    const reused = places.filter(place => place < before)
    // Before that, a place would still be called what the row was that has gone.
    named()
    const flags = this.#bytes('flags')
    for (const place of reused) flags[place] = 0
    this.#holes.length -= reused.length
    if (reused.length) this.moves++
    this.#engine.settle(batch, rows, found, equals)
    this.#count = Math.max(before, places[rows - 1] + 1)
    this.revision++
    this.#bind()
    if (this.#isWorthThreads(rows))
      await this.#inThreads(
        ({ thread, threads }) => ({ name: 'linkBatch', args: [batch, rows, found, thread, threads] }),
        { ef: efConstruction, total: 0 },
      )
    else this.#engine.linkBatch(batch, rows, found, 0, 1)
  }

  /** Few are done before the threads have begun. */
  #isWorthThreads(rows: number): boolean {
    return this.#pool !== undefined && rows >= leastRowsForThreads
  }

  /** Makes a call in each thread, on this graph as it is bound now. @param ef candidates that there must be room for */
  async #inThreads(
    call: (place: Place) => EngineCall,
    { ef, total }: { ef: number; total: number },
    options: LongCall = {},
  ): Promise<void> {
    const calls = (place: Place) => {
      const workspace = this.#workspaces[place.thread + 1]
      // Asked for when it is this call's turn: no thread works in there now.
      this.#widen(workspace, ef)
      return [{ name: 'bind', args: [this.#table] }, { name: 'bindWorkspace', args: [workspace.pointer] }, call(place)]
    }
    await this.#pool!.run([relaxed, simd], this.#memory, calls, { ...options, total })
  }

  /** Copies rows to their places, in pieces. */
  #store({ data, rows, columns }: Matrix, places: Uint32Array): void {
    const piece = Math.max(1, Math.min(rows, Math.floor((1 << 20) / this.#queryBytes)))
    const staged = this.#memory.take(piece * this.#queryBytes)
    const list = this.#memory.take(piece * 4)
    this.#room(1)
    this.#bind()
    for (let from = 0; from < rows; from += piece) {
      const to = Math.min(rows, from + piece)
      this.writeQueries(staged, { data: data.subarray(from * columns, to * columns), rows: to - from, columns })
      new Uint32Array(this.#memory.memory.buffer, list, to - from).set(places.subarray(from, to))
      this.#engine.storeRows(staged, list, to - from)
    }
    this.#memory.give(staged)
    this.#memory.give(list)
  }

  #mustDecide(more: number): boolean {
    const { codes, metric } = this.settings
    if (codes === 'none' || metric === 'ip') return false
    // Few rows say little of those to come: codes are made anew whenever there are twice as many.
    if (this.#decided)
      return codes !== 'auto' && this.#trained < leastRowsForCodes && this.size + more >= 2 * this.#trained
    return codes !== 'auto' || this.size + more >= leastRowsForCodes
  }

  /** Once there are rows enough, decides whether there are codes. @returns whether the new rows were stored on the way */
  async #decideCodes(points: Matrix, places: Uint32Array, signal?: AbortSignal): Promise<boolean> {
    if (!this.#mustDecide(points.rows)) return false
    const { codes, keepFloats, metric, seed } = this.settings
    this.#decided = true
    this.#trained = this.size + points.rows
    const before = { data: new Float32Array(this.#count * this.dimension), rows: this.#count, columns: this.dimension }
    for (let row = 0; row < this.#count; row++) before.data.set(this.vector(row), row * this.dimension)
    const sample = codeSample(before, points, { seed, unit: metric === 'cosine' })
    const relay = (codes: Codes | undefined, halves: boolean) => {
      this.layout++
      if (this.#codes) {
        this.#memory.give(this.#codes.pointer)
        this.#memory.give(this.#columns.codes!.pointer)
        delete this.#columns.codes
        this.#codes = undefined
      }
      if (codes) {
        this.#setCodes(codes)
        this.#growColumn('codes', this.#codeBytes, this.#capacity)
      }
      if (halves !== this.#halves) {
        this.#halves = halves
        this.moves++
        // A query is padded otherwise.
        if (this.#kept) this.#giveCall(this.#kept)
        this.#kept = undefined
        this.#memory.give(this.#columns.vectors!.pointer)
        delete this.#columns.vectors
        this.#growColumn('vectors', this.#rowBytes, this.#capacity)
      }
      this.#bind()
      this.#store(
        before,
        Uint32Array.from({ length: before.rows }, (_, row) => row),
      )
    }
    relay(codes === 'bit' ? trainBits(sample, seed) : trainCodes(sample), keepFloats === 'f16')
    if (codes !== 'auto') return false
    try {
      this.#store(points, places)
      if ((await this.#missedByCodes(this.#count + points.rows, signal)) <= mostMissed) return true
    } catch (error) {
      // Nothing is proven: the rows that come next decide.
      relay(undefined, false)
      this.#decided = false
      throw error
    }
    relay(undefined, false)
    return false
  }

  #setCodes({ offsets, step }: Codes): void {
    const pointer = this.#memory.take(offsets.length * 4)
    this.#floats(pointer, offsets.length).set(offsets)
    this.#codes = { offsets, step, pointer }
  }

  /** The share of the nearest rows of some rows that are not among four times as many by codes. */
  async #missedByCodes(rows: number, signal?: AbortSignal): Promise<number> {
    const flags = this.#bytes('flags', rows)
    const all = random(this.settings.seed, 1).sample(Math.min(2 * probes, rows), rows)
    const drawn = all.filter(row => !(flags[row] & deletedFlag)).slice(0, probes)
    const gone = flags.reduce((sum, flag) => sum + (flag & deletedFlag), 0)
    // Each row finds itself as well.
    const k = Math.min(probedNeighbours + 1, rows - gone)
    const probed = {
      data: new Float32Array(drawn.length * this.dimension),
      rows: drawn.length,
      columns: this.dimension,
    }
    for (const [at, row] of drawn.entries()) probed.data.set(this.vector(row), at * this.dimension)
    const search = async (k: number, byCodes: boolean) => {
      const call = this.begin(probed, k)
      try {
        await this.scan(call, { byCodes, signal, count: rows })
        return this.found(call)
      } finally {
        this.end(call)
      }
    }
    const exact = await search(k, false)
    const candidates = Math.min(4 * k, rows - gone)
    const coded = await search(candidates, true)
    let missed = 0
    for (let at = 0; at < drawn.length; at++) {
      const own = probed.data.subarray(at * this.dimension, (at + 1) * this.dimension)
      const best = Array.from(coded.rows.subarray(at * candidates, (at + 1) * candidates), other => {
        let sum = 0
        for (const [column, value] of this.vector(other).entries()) sum += (value - own[column]) ** 2
        return sum * this.scale
      }).sort((a, b) => a - b)
      for (let rank = 0; rank < k; rank++) if (best[rank] > exact.distances[at * k + rank] * 1.0001 + 1e-30) missed++
    }
    return missed / (drawn.length * k)
  }

  /** Gives every node that cannot be reached from the entry point a link from one that can. */
  async connect(signal?: AbortSignal): Promise<void> {
    this.#unproven = 0
    if (this.entry === none) return
    this.#room(this.settings.efConstruction)
    const list = this.#memory.take(this.#count * 4)
    try {
      for (let round = 0; round < mostRepairs; round++) {
        const lost = this.#engine.unreached(list)
        if (!lost) return
        const rows = new Uint32Array(this.#memory.memory.buffer, list, lost).slice()
        for (const [at, row] of rows.entries()) {
          this.#engine.reconnect(row, this.settings.efConstruction)
          if (at % rowsAtOnce === 0) await breathe(signal)
        }
      }
    } finally {
      this.#memory.give(list)
    }
  }

  /** How many nodes no walk can reach. */
  unreached(): number {
    if (this.entry === none) return 0
    this.#room(1)
    const list = this.#memory.take(this.#count * 4)
    const lost = this.#engine.unreached(list)
    this.#memory.give(list)
    return lost
  }

  // ---- Rows go ----

  /** Marks a row that is there: it is no longer found, though walks still pass through it. */
  delete(row: number): void {
    this.#bytes('flags')[row] |= deletedFlag
    this.#deleted++
    this.#bind()
  }

  /**
   * Takes the rows that were deleted out of the graph: nodes that link to them choose anew among their other links and those of
   * the leaving. Their places become free. Searching goes on meanwhile.
   * @param moved is told when a row changes its place
   */
  async repair(moved: (from: number, to: number) => void, { signal, onProgress }: LongCall = {}): Promise<void> {
    if (!this.#deleted) return
    this.#settleTwins(moved)
    const flags = () => this.#bytes('flags')
    const leaving: number[] = []
    const marked = flags()
    for (let row = 0; row < this.#count; row++)
      if ((marked[row] & (deletedFlag | holeFlag | twinFlag)) === deletedFlag) {
        marked[row] |= leavingFlag
        leaving.push(row)
      }
    this.revision++
    try {
      this.#room(this.settings.efConstruction)
      for (let from = 0; from < this.#count && leaving.length; from += recordsAtOnce) {
        this.#engine.mend(from, Math.min(this.#count, from + recordsAtOnce), this.settings.efConstruction)
        onProgress?.(from, this.#count)
        await breathe(signal)
      }
    } catch (error) {
      for (const row of leaving) flags()[row] &= ~leavingFlag
      throw error
    }
    this.#leaveEntry()
    for (const row of leaving) this.#makeHole(row)
    this.#holes.sort((a, b) => b - a)
    this.#bind()
    this.revision++
    await this.connect(signal)
  }

  /** Deleted rows that are equal to others leave their chains at once; a row that is there takes the place of its node. */
  #settleTwins(moved: (from: number, to: number) => void): void {
    const flags = this.#bytes('flags')
    const twins = new Uint32Array(this.#memory.memory.buffer, this.#columns.twins!.pointer, this.#count)
    for (let node = 0; node < this.#count; node++) {
      if (twins[node] === none || flags[node] & twinFlag) continue
      const chain = [node]
      for (let row = twins[node]; row !== none; row = twins[row]) chain.push(row)
      if (!chain.some(row => flags[row] & deletedFlag)) continue
      const there = chain.filter(row => !(flags[row] & deletedFlag))
      const gone = chain.filter(row => flags[row] & deletedFlag && row !== node)
      if (there.length && flags[node] & deletedFlag) {
        // They are equal: only the name moves.
        this.moves++
        const [row] = there.splice(0, 1)
        moved(row, node)
        flags[node] &= ~deletedFlag
        flags[row] |= deletedFlag
        gone.push(row)
      } else if (there.length) there.splice(0, 1)
      twins[node] = there[0] ?? none
      for (const [at, row] of there.entries()) twins[row] = there[at + 1] ?? none
      for (const row of gone) {
        twins[row] = none
        this.#makeHole(row)
      }
    }
  }

  #makeHole(row: number): void {
    const { buffer } = this.#memory.memory
    this.#bytes('flags')[row] = deletedFlag | holeFlag
    new Uint32Array(buffer, this.#columns.twins!.pointer, this.#count)[row] = none
    new Uint32Array(buffer, this.#columns.links!.pointer + row * this.#linkCap * 4, this.#linkCap).fill(none)
    const level = this.#bytes('levels')[row]
    const { M } = this.settings
    if (level) new Uint32Array(buffer, this.#upper.pointer + this.#upperAt(row) * 4, level * M).fill(none)
    this.#deleted--
    this.#holes.push(row)
  }

  /** If the entry point is leaving, the highest node that stays takes its place. */
  #leaveEntry(): void {
    const flags = this.#bytes('flags')
    if (this.entry === none || !(flags[this.entry] & leavingFlag)) return
    const levels = this.#bytes('levels')
    let best = none
    for (let row = 0; row < this.#count; row++) {
      if (flags[row] & (twinFlag | holeFlag | leavingFlag)) continue
      if (best === none || levels[row] > levels[best]) best = row
    }
    this.#engine.newEntry(best, best === none ? -1 : levels[best])
  }

  /**
   * Puts neighbours near each other in memory: in the order in which a search in breadth meets them.
   * @param keepHoles false gives the places of rows that have gone back
   * @returns by new place, the old
   */
  reorder(keepHoles: boolean): Uint32Array {
    const n = this.#count
    this.#room(1)
    const list = this.#memory.take(n * 4)
    const kept = this.#engine.breadthFirst(list, Number(keepHoles)) >>> 0
    const order = new Uint32Array(this.#memory.memory.buffer, list, kept).slice()
    for (const name of columns) {
      const column = this.#columns[name]
      if (!column) continue
      const moved = this.#memory.take(kept * column.bytes)
      this.#engine.permute(column.pointer, moved, column.bytes, list, kept)
      this.#memory.give(column.pointer)
      column.pointer = moved
    }
    const numbers = this.#memory.take(n * 4)
    const byOld = new Uint32Array(this.#memory.memory.buffer, numbers, n).fill(none)
    for (const [place, row] of order.entries()) byOld[row] = place
    this.#packUpper(kept)
    this.#engine.renumber(this.#columns.links!.pointer, kept * this.#linkCap, numbers)
    this.#engine.renumber(this.#columns.twins!.pointer, kept, numbers)
    this.#engine.renumber(this.#upper.pointer, this.#upper.size, numbers)
    const entry = this.entry
    if (entry !== none) this.#engine.newEntry(byOld[entry], this.top)
    this.#memory.give(numbers)
    this.#memory.give(list)
    this.#count = kept
    this.#capacity = kept
    this.#holes = []
    const flags = this.#bytes('flags')
    for (let row = kept - 1; row >= 0; row--) if (flags[row] & holeFlag) this.#holes.push(row)
    this.#freeWorkspaces()
    this.#bind()
    this.revision++
    this.layout++
    this.moves++
    return order
  }

  /** Puts the upper links of the first rows one after the other; those of rows that are no more go. */
  #packUpper(rows: number): void {
    const { M } = this.settings
    const size = this.#bytes('levels', rows).reduce((sum, level) => sum + level * M, 0)
    const pointer = this.#memory.take(size * 4)
    const { buffer } = this.#memory.memory
    const upperAt = new Uint32Array(buffer, this.#columns.upperAt!.pointer, rows)
    let end = 0
    for (const [row, level] of this.#bytes('levels', rows).entries()) {
      const from = this.#upper.pointer + upperAt[row] * 4
      if (level) new Uint8Array(buffer).copyWithin(pointer + end * 4, from, from + level * M * 4)
      upperAt[row] = end
      end += level * M
    }
    this.#memory.give(this.#upper.pointer)
    this.#upper = { pointer, size, capacity: size }
  }

  // ---- Searching ----

  /** Puts queries and room for their neighbours into memory; `end` gives it back. */
  begin(queries: Matrix, k: number): Call {
    const { rows } = queries
    const kept = rows === 1 && k <= keptNeighbours ? this.#kept : undefined
    this.#kept = kept ? undefined : this.#kept
    const room = rows === 1 ? Math.max(k, keptNeighbours) : k
    const call = {
      queries: kept?.queries ?? this.#memory.take(rows * this.#queryBytes),
      ids: kept?.ids ?? this.#memory.take(rows * room * 4),
      distances: kept?.distances ?? this.#memory.take(rows * room * 4),
      results: kept?.results ?? this.#memory.take(room * 8),
      rows,
      k,
    }
    this.writeQueries(call.queries, queries)
    return call
  }

  end(call: Call): void {
    if (call.rows === 1 && call.k <= keptNeighbours && !this.#kept) this.#kept = call
    else this.#giveCall(call)
  }

  #giveCall(call: Call): void {
    for (const pointer of [call.queries, call.ids, call.distances, call.results]) this.#memory.give(pointer)
  }

  found({ ids, distances, rows, k }: Call): Found {
    return {
      rows: new Uint32Array(this.#memory.memory.buffer, ids, rows * k).slice(),
      distances: this.#floats(distances, rows * k).slice(),
    }
  }

  /**
   * Walks for queries `from` to `to` − 1.
   * @param skipped a row that no walk passes through, so that it can ask for its own neighbours
   */
  search(call: Call, ef: number, from: number, to: number, skipped = none): void {
    const { k } = call
    if (!k) return
    this.#room(ef)
    this.#engine.skip(skipped)
    this.#engine.searchMany(call.queries, from, to, k, ef, call.results, call.ids, call.distances, this.scale, 0, 0)
    this.#engine.skip(none)
  }

  /**
   * What is quickest for rows that may be found. To walk through all others takes time in proportion to ef / share, to compare all
   * that may be found takes it to their number; to go round the others takes as long for any share, but loses its way
   * where less than a tenth is left (measured at 100,000 × 128: recall 0.99 at a tenth, 0.96 at a twentieth, 0.71 at a hundredth).
   */
  routeFor(size: number, ef: number): Route {
    const share = size / Math.max(1, this.size)
    if (size <= fewRows || size * share <= rowsForCandidate * ef) return 'list'
    return share >= leastAround && share < mostAround ? 'around' : 'through'
  }

  /** All queries, in the threads there are. */
  async searchInThreads(call: Call, ef: number, options: LongCall): Promise<void> {
    const { queries, rows, k, ids, distances } = call
    this.#room(ef)
    this.#bind()
    const results = this.#workspaces.map(() => this.#memory.take(k * 8))
    try {
      await this.#inThreads(
        ({ thread, queue }) => ({
          name: 'searchPieces',
          args: [queries, rows, k, ef, results[thread], ids, distances, this.scale, queue],
        }),
        { ef, total: rows },
        options,
      )
    } finally {
      for (const pointer of results) this.#memory.give(pointer)
    }
  }

  /** The nodes that a walk finds, by what it compares. */
  walked(query: Matrix, ef: number): Uint32Array {
    this.#room(ef)
    const row = this.#memory.take(this.#queryBytes)
    const out = this.#memory.take((this.#workspaces[0].room + 2) * 4)
    this.writeQueries(row, query)
    const n = this.#engine.walked(row, ef, out)
    const nodes = new Uint32Array(this.#memory.memory.buffer, out, n).slice()
    this.#memory.give(row)
    this.#memory.give(out)
    return nodes
  }

  /** The nodes whose links a walk follows, in its order, each before its layer; the first `mostHops`. */
  followed(query: Matrix, ef: number): Uint32Array {
    this.#room(ef)
    const most = Math.min(mostHops, (this.#count + 1) * (this.top + 2))
    const row = this.#memory.take(this.#queryBytes)
    const out = this.#memory.take(most * 8)
    this.writeQueries(row, query)
    const n = this.#engine.followed(row, ef, most, out)
    const hops = new Uint32Array(this.#memory.memory.buffer, out, 2 * n).slice()
    this.#memory.give(row)
    this.#memory.give(out)
    return hops
  }

  /** Whether fewer neighbours of a query were found than asked for. */
  isShort({ ids, k }: Call, query: number): boolean {
    return k > 0 && new Uint32Array(this.#memory.memory.buffer, ids, (query + 1) * k)[(query + 1) * k - 1] === none
  }

  /** The same among the rows that may be found. */
  searchPassing(call: Call, most: number, from: number, to: number, passing: Passing, route: Route): void {
    const { k, queries, ids, distances, results } = call
    if (!k) return
    const ef = Math.max(most, k)
    const place = (list: Uint8Array | Uint32Array) => {
      const pointer = this.#memory.take(list.byteLength)
      this.view(pointer, list.byteLength).set(new Uint8Array(list.buffer, list.byteOffset, list.byteLength))
      return pointer
    }
    const { rows, nodes, seeds, list, size } = passing
    const blocks = route === 'list' ? [place(list)] : [place(rows), place(nodes), place(seeds)]
    // Only a walk through those that may not be found keeps them among its candidates.
    this.#room(ef, route === 'through' ? this.size - size : 0)
    try {
      if (route === 'list') {
        this.#engine.searchRows(queries, from, to, k, ef, results, ids, distances, this.scale, blocks[0], size)
        return
      }
      const [rowBits, nodeBits, seedList] = blocks
      this.#engine.setFilter(rowBits, nodeBits)
      const seeded = route === 'around' ? [seedList, seeds.length] : [0, 0]
      this.#engine.searchMany(queries, from, to, k, ef, results, ids, distances, this.scale, ...seeded)
    } finally {
      this.#engine.setFilter(0, 0)
      for (const pointer of blocks) this.#memory.give(pointer)
    }
  }

  /**
   * Compares rows with each query: all, by the floats, unless said otherwise. Ends early, with nothing found, when `moves` changes.
   * @param atOnce without a pause
   */
  async scan(
    call: Call,
    {
      byCodes = false,
      count = this.#count,
      atOnce = false,
      signal,
      onProgress,
    }: { byCodes?: boolean; count?: number; atOnce?: boolean } & LongCall,
  ): Promise<void> {
    const { rows } = call
    const { moves } = this
    const state = this.#memory.take(rows * call.k * 8)
    const lengths = this.#memory.take(rows * 4)
    try {
      this.#room(1)
      this.#floats(lengths, rows).fill(0)
      const block = Math.max(256, Math.floor(multiplicationsAtOnce / this.dimension / queriesAtOnce))
      for (let from = 0; from < rows && call.k; from += queriesAtOnce) {
        const to = Math.min(rows, from + queriesAtOnce)
        for (let start = 0; start < count; start += block) {
          const end = Math.min(count, start + block)
          this.#engine.scan(call.queries, from, to, start, end, call.k, state, lengths, Number(byCodes))
          onProgress?.(from * count + (to - from) * end, rows * count)
          if (!atOnce) await breathe(signal)
          if (this.moves !== moves) return
        }
      }
      this.#engine.scanned(rows, call.k, state, lengths, call.ids, call.distances, this.scale)
    } finally {
      this.#memory.give(state)
      this.#memory.give(lengths)
    }
  }

  /** Rows within a distance, in no order. @param begin candidates of the first walk */
  within(query: Matrix, radius: number, begin: number, passing?: Passing): Found {
    const row = this.#memory.take(this.#queryBytes)
    const out = this.#memory.take(this.#count * 8)
    let bits = 0
    try {
      this.writeQueries(row, query)
      if (passing) {
        bits = this.#memory.take(passing.rows.length)
        new Uint8Array(this.#memory.memory.buffer, bits, passing.rows.length).set(passing.rows)
      }
      this.#room(1)
      const most = this.#engine.keyOfDistance(radius / this.scale)
      this.#engine.setFilter(bits, 0)
      const n = this.#walkWithin(row, most, begin, out)
      const ids = this.#memory.take(n * 4)
      const distances = this.#memory.take(n * 4)
      this.#engine.output(out, n, n, ids, distances, this.scale)
      const call = { queries: 0, ids, distances, results: 0, rows: 1, k: n }
      const found = this.found(call)
      this.#memory.give(ids)
      this.#memory.give(distances)
      return found
    } finally {
      this.#engine.setFilter(0, 0)
      for (const pointer of bits ? [row, out, bits] : [row, out]) this.#memory.give(pointer)
    }
  }

  /** Walks with more and more candidates until the last of them are too far; where these would be many, compares all. */
  #walkWithin(row: number, most: number, begin: number, out: number): number {
    for (let ef = begin; ef * this.settings.M * 4 < this.#count; ef *= 2) {
      this.#room(ef)
      const n = this.#engine.searchWithin(row, ef, most, out)
      if (this.#engine.furtherOut() >= ef / 4) return n
    }
    return this.#engine.scanWithin(row, 0, this.#count, most, out, 0)
  }

  // ---- What it is made of ----

  vector(row: number): Float32Array {
    const out = this.#memory.take(this.#queryBytes)
    this.#engine.readRow(row, out)
    const vector = this.#floats(out, this.dimension).slice()
    this.#memory.give(out)
    return vector
  }

  innerProducts(rows: Uint32Array, vector: Float32Array): Float32Array {
    const n = rows.length
    // Whole blocks of four are written.
    const room = 4 * (n + 3)
    const [query, scratch] = [this.#memory.take(this.#queryBytes), this.#memory.take(this.#queryBytes)]
    const [list, out] = [this.#memory.take(room), this.#memory.take(room)]
    this.writeQueries(query, { data: vector, rows: 1, columns: vector.length })
    new Uint32Array(this.#memory.memory.buffer, list, n).set(rows)
    this.#engine.innerProducts(query, list, n, out, scratch)
    const products = this.#floats(out, n).slice()
    for (const pointer of [query, scratch, list, out]) this.#memory.give(pointer)
    return products
  }

  /** Highest layer in which a row is; −1 for one that is not in the graph itself. */
  levelOf(row: number): number {
    return this.#bytes('flags')[row] & (twinFlag | holeFlag) ? -1 : this.#bytes('levels')[row]
  }

  linksOf(row: number, layer: number): Uint32Array {
    if (layer > this.levelOf(row)) return new Uint32Array(0)
    const { M } = this.settings
    const { buffer } = this.#memory.memory
    const links = layer
      ? new Uint32Array(buffer, this.#upper.pointer + (this.#upperAt(row) + (layer - 1) * M) * 4, M)
      : new Uint32Array(buffer, this.#columns.links!.pointer + row * this.#linkCap * 4, this.#linkCap)
    const end = links.indexOf(none)
    return links.slice(0, end < 0 ? links.length : end)
  }

  /** The node that stands for each row in the graph: itself, or its equal; undefined where all are nodes. */
  nodes(): Uint32Array | undefined {
    const n = this.#count
    const flags = this.#bytes('flags')
    if (!flags.some(flag => flag & twinFlag)) return undefined
    const nodes = Uint32Array.from({ length: n }, (_, row) => row)
    const twins = new Uint32Array(this.#memory.memory.buffer, this.#columns.twins!.pointer, n)
    for (let node = 0; node < n; node++)
      if (!(flags[node] & twinFlag)) for (let row = twins[node]; row !== none; row = twins[row]) nodes[row] = node
    return nodes
  }

  /** Hops (nodes whose links were followed) and compared rows since it was last asked. */
  takeCounts(): { hops: number; distances: number } {
    const total = { hops: 0, distances: 0 }
    for (const { ledger } of this.#workspaces) {
      const counts = new Float64Array(this.#memory.memory.buffer, ledger + 8, 2)
      total.hops += counts[0]
      total.distances += counts[1]
      counts.fill(0)
    }
    return total
  }

  /** Nodes by level, mean links, bytes. */
  stats() {
    const n = this.#count
    const nodesByLevel = new Array<number>(this.top + 1).fill(0)
    let nodes = 0
    for (let row = 0; row < n; row++) {
      const level = this.levelOf(row)
      if (level < 0) continue
      nodes++
      nodesByLevel[level]++
    }
    this.#bind()
    const bytesOf = (name: Column) => (this.#columns[name] ? n * this.#columns[name].bytes : 0)
    return {
      nodesByLevel,
      meanLinks: nodes ? this.#engine.linkTotal() / nodes : 0,
      bytes: {
        vectors: bytesOf('vectors'),
        codes: bytesOf('codes'),
        links: bytesOf('links') + this.#upper.size * 4,
        other: bytesOf('upperAt') + bytesOf('levels') + bytesOf('flags') + bytesOf('twins'),
        scratch: this.#workspaces.reduce((sum, { room }) => sum + n * 2 + room * 8, 0),
      },
    }
  }

  // ---- Memory ----

  get #linkCap(): number {
    return Math.round(this.settings.M * this.settings.layer0Factor)
  }
  get #codeBytes(): number {
    return this.#bits ? this.#bits / 8 : Math.ceil(this.dimension / 16) * 16
  }
  /** Bytes of a query: 32-bit floats, padded to 16 bytes, or to 8 numbers where they are compared with 16-bit floats. */
  get #queryBytes(): number {
    return this.#halves ? Math.ceil(this.dimension / 8) * 32 : Math.ceil(this.dimension / 4) * 16
  }
  get #rowBytes(): number {
    return this.#halves ? this.#queryBytes / 2 : this.#queryBytes
  }

  /** Copies rows to a pointer, padded with zeros, at length 1 where the metric is cosine. */
  writeQueries(pointer: number, { data, rows, columns }: Matrix): void {
    const width = this.#queryBytes / 4
    const into = this.#floats(pointer, rows * width)
    const unit = this.settings.metric === 'cosine'
    if (!unit && width === columns) {
      into.set(data)
      return
    }
    for (let row = 0; row < rows; row++) {
      const from = row * columns
      let scale = 1
      if (unit) {
        let sum = 0
        for (let at = from; at < from + columns; at++) sum += data[at] * data[at]
        scale = 1 / Math.sqrt(sum)
      }
      const start = row * width
      for (let column = 0; column < columns; column++) into[start + column] = data[from + column] * scale
      into.fill(0, start + columns, start + width)
    }
  }

  /** New rows have no links, twins or marks yet; their upper links follow one another. */
  #clearRows(first: number, levels: Uint8Array): void {
    const { buffer } = this.#memory.memory
    const rows = levels.length
    const column = (name: Column) => this.#columns[name]!.pointer + first * this.#columns[name]!.bytes
    new Uint8Array(buffer, column('levels'), rows).set(levels)
    new Uint8Array(buffer, column('flags'), rows).fill(0)
    new Uint32Array(buffer, this.#columns.twins!.pointer, first + rows).fill(none, first)
    new Uint32Array(buffer, this.#columns.links!.pointer, (first + rows) * this.#linkCap).fill(
      none,
      first * this.#linkCap,
    )
    const upperAt = new Uint32Array(buffer, this.#columns.upperAt!.pointer, first + rows)
    let at = this.#upper.size
    for (let row = 0; row < rows; row++) {
      upperAt[first + row] = at
      at += levels[row] * this.settings.M
    }
    new Uint32Array(buffer, this.#upper.pointer, at).fill(none, this.#upper.size)
    this.#upper.size = at
  }

  #upperAt(row: number, rows = this.#count): number {
    return new Uint32Array(this.#memory.memory.buffer, this.#columns.upperAt!.pointer, rows)[row]
  }

  #reserve(rows: number): void {
    if (rows <= this.#capacity) return
    // Room for more where rows come bit by bit.
    const capacity = this.#capacity ? Math.max(rows, Math.ceil(this.#capacity * 1.5)) : rows
    this.#growColumn('vectors', this.#rowBytes, capacity)
    this.#growColumn('links', this.#linkCap * 4, capacity)
    this.#growColumn('upperAt', 4, capacity)
    this.#growColumn('levels', 1, capacity)
    this.#growColumn('flags', 1, capacity)
    this.#growColumn('twins', 4, capacity)
    if (this.#codes) this.#growColumn('codes', this.#codeBytes, capacity)
    this.#capacity = capacity
    this.#freeWorkspaces()
    this.#bind()
  }

  #growColumn(name: Column, bytes: number, capacity: number): void {
    const old = this.#columns[name]
    const pointer = this.#memory.take(capacity * bytes)
    if (old) {
      new Uint8Array(this.#memory.memory.buffer).copyWithin(pointer, old.pointer, old.pointer + this.#count * bytes)
      this.#memory.give(old.pointer)
    }
    this.#columns[name] = { pointer, bytes }
  }

  #reserveUpper(levels: Uint8Array): void {
    const { size, capacity, pointer } = this.#upper
    const wanted = levels.reduce((sum, level) => sum + level * this.settings.M, size)
    if (pointer && wanted <= capacity) return
    const room = capacity ? Math.max(wanted, Math.ceil(capacity * 1.5)) : wanted
    const moved = this.#memory.take(room * 4)
    if (pointer) {
      new Uint8Array(this.#memory.memory.buffer).copyWithin(moved, pointer, pointer + size * 4)
      this.#memory.give(pointer)
    }
    this.#upper = { pointer: moved, size, capacity: room }
    this.#bind()
  }

  /** Makes sure that the pool holds `ef` candidates, and of those that may not be found as many as are of use. */
  #room(ef: number, hidden = 0): void {
    const threads = this.#pool ? this.#pool.threads + 1 : 1
    while (this.#workspaces.length < threads) this.#workspaces.push(this.#takeWorkspace())
    this.#widen(this.#workspaces[0], ef, hidden)
    this.#engine.bindWorkspace(this.#workspaces[0].pointer)
  }

  /** The same for one workspace, in which no thread works. */
  #widen(workspace: Workspace, ef: number, hidden = 0): void {
    // So many lie between those that may be found.
    const between = ef * (hidden / Math.max(1, this.size - hidden))
    const passed = Math.min(this.#deleted + hidden, Math.ceil(passedTimes * ef + 2 * between) + passedMore)
    const wanted = ef + passed + 2
    if (wanted <= workspace.room) return
    const room = Math.max(wanted, Math.ceil(workspace.room * 1.5))
    const pool = this.#memory.take((room + 2) * 12)
    if (workspace.pool) this.#memory.give(workspace.pool)
    Object.assign(workspace, { pool, room })
    new Uint32Array(this.#memory.memory.buffer, workspace.pointer, 2).set([pool, room])
  }

  /** Room of a thread: links gathered on the walk, a shortlist to choose from, what was chosen, a query's code, visited marks, counts. */
  #takeWorkspace(): Workspace {
    const gatherRoom = 2 * this.#linkCap
    const sizes = [
      (gatherRoom + this.#linkCap + 16) * 4,
      (this.#linkCap + 8) * 8,
      (this.#linkCap + 8) * 4,
      // A row is rotated behind its code.
      this.#codeBytes + this.#bits * 4,
      this.#capacity * 2,
      48,
    ]
    const pointer = this.#memory.take(9 * 4)
    const [gather, shortlist, chosen, queryCode, visited, ledger] = sizes.map(bytes => this.#memory.take(bytes))
    this.view(visited, this.#capacity * 2).fill(0)
    this.view(ledger, 48).fill(0)
    const cells = [0, 0, gather, gatherRoom, shortlist, chosen, queryCode, visited, ledger]
    new Uint32Array(this.#memory.memory.buffer, pointer, 9).set(cells)
    return { pointer, room: 0, pool: 0, ledger }
  }

  #freeWorkspaces(): void {
    for (const { pointer } of this.#workspaces) {
      const cells = new Uint32Array(this.#memory.memory.buffer, pointer, 9).slice()
      for (const at of [0, 2, 4, 5, 6, 7, 8]) if (cells[at]) this.#memory.give(cells[at])
      this.#memory.give(pointer)
    }
    this.#workspaces = []
  }

  /** Tells the engine where everything lies. */
  #bind(): void {
    const pointer = (name: Column) => this.#columns[name]?.pointer ?? 0
    const bound = this.#capacity > 0
    const entry = bound ? this.entry : none
    const top = bound ? this.top : -1
    const { selection, keepPruned, extendCandidates } = this.settings
    const floatKind = this.settings.metric === 'ip' ? 2 : this.#halves ? 3 : 1
    const cells = new Uint32Array(this.#memory.memory.buffer, this.#table, 24)
    cells.set([
      pointer('vectors'),
      this.#rowBytes,
      this.#queryBytes,
      pointer('codes'),
      this.#codeBytes,
      this.dimension,
      this.#codes?.pointer ?? 0,
      0,
      this.settings.M,
      pointer('links'),
      this.#linkCap,
      pointer('upperAt'),
      this.#upper.pointer,
      pointer('levels'),
      pointer('flags'),
      pointer('twins'),
      floatKind,
      Number(selection === 'simple') + 2 * Number(keepPruned) + 4 * Number(extendCandidates),
      this.#count,
      entry,
      top,
      this.#deleted,
      this.#holes.length,
      this.#bits,
    ])
    this.#floats(this.#table, 24)[7] = this.#codes ? 1 / this.#codes.step : 0
    this.#engine.bind(this.#table)
  }

  #bytes(name: 'levels' | 'flags', rows = this.#count): Uint8Array {
    return new Uint8Array(this.#memory.memory.buffer, this.#columns[name]?.pointer ?? 0, rows)
  }

  #floats(pointer: number, length: number): Float32Array {
    return new Float32Array(this.#memory.memory.buffer, pointer, length)
  }

  // ---- Its file ----

  state(): GraphState {
    return {
      count: this.#count,
      entry: this.entry,
      top: this.top,
      upper: this.#upper.size,
      step: this.#codes?.step ?? null,
      halves: this.#halves,
    }
  }

  /** What is written, in order. */
  parts(): { name: string; pointer: number; size: number }[] {
    const n = this.#count
    const parts = columns
      .filter(name => this.#columns[name] && n)
      .map(name => ({
        name: name as string,
        pointer: this.#columns[name]!.pointer,
        size: n * this.#columns[name]!.bytes,
      }))
    parts.push({ name: 'upper', pointer: this.#upper.pointer, size: this.#upper.size * 4 })
    if (this.#codes) parts.push({ name: 'offsets', pointer: this.#codes.pointer, size: this.#codes.offsets.length * 4 })
    return parts
  }

  /** Bytes of a part, as they are in memory now. */
  view(pointer: number, size: number): Uint8Array {
    return new Uint8Array(this.#memory.memory.buffer, pointer, size)
  }

  /** Makes room for what a file says there is; its parts are then to be filled. */
  allot({ count, upper, step, halves }: GraphState): void {
    this.#count = count
    this.#halves = halves
    this.#decided = step !== null || this.settings.codes === 'none' || count >= leastRowsForCodes
    this.#trained = count
    if (step !== null) this.#setCodes({ offsets: new Float32Array(this.dimension + 2 * this.#bits), step })
    if (count) this.#reserve(count)
    this.#upper = { pointer: this.#memory.take(upper * 4), size: upper, capacity: upper }
    this.#bind()
  }

  /** After the parts were filled, though perhaps not yet the vectors. */
  adopt({ entry, top }: GraphState): void {
    if (this.#codes) this.#codes.offsets = this.#floats(this.#codes.pointer, this.#codes.offsets.length).slice()
    const flags = this.#bytes('flags')
    for (let row = this.#count - 1; row >= 0; row--)
      if (flags[row] & holeFlag) this.#holes.push(row)
      else if (flags[row] & deletedFlag) {
        this.#deleted++
        // It was saved while rows were being taken out.
        flags[row] &= ~leavingFlag
      }
    this.#engine.newEntry(entry, top)
    this.#room(1)
    this.#bind()
  }

  /** 0, or the number of the rule that the graph breaks, so that walks might leave it. @param quickly only where they would leave memory */
  broken(quickly: boolean): number {
    return this.#engine.broken(this.#upper.size, Number(quickly))
  }

  /** Digests of the blocks of a part, the last of which may be shorter. */
  digests(pointer: number, size: number, block: number): BigUint64Array {
    const blocks = Math.ceil(size / block)
    const out = this.#memory.take(blocks * 8)
    this.#engine.digest(pointer, size, block, out)
    const digests = new BigUint64Array(this.#memory.memory.buffer, out, blocks).slice()
    this.#memory.give(out)
    return digests
  }

  /** The same of bytes that lie outside. */
  digestsOf(bytes: Uint8Array, block: number): BigUint64Array {
    const pointer = this.#memory.take(bytes.length)
    this.view(pointer, bytes.length).set(bytes)
    const digests = this.digests(pointer, bytes.length, block)
    this.#memory.give(pointer)
    return digests
  }

  /** @param before that of the bytes before these, if they go on */
  checksum(pointer: number, size: number, before = 0): number {
    if (!this.#crcTable) {
      this.#crcTable = this.#memory.take(8 * 256 * 4)
      this.#engine.crcTable(this.#crcTable)
    }
    return this.#engine.crc(this.#crcTable, pointer, size, before) >>> 0
  }
}

/** Levels of rows from `first` on: level j and more with probability e^(−j / levelFactor), section 4.1. */
function drawLevels(first: number, rows: number, { seed, levelFactor }: HnswSettings): Uint8Array {
  const shares = Array.from({ length: topMost }, (_, level) => (levelFactor ? Math.exp(-(level + 1) / levelFactor) : 0))
  return Uint8Array.from({ length: rows }, (_, row) => {
    const drawn = random(seed, first + row).next()
    let level = 0
    while (level < topMost && drawn < shares[level]) level++
    return level
  })
}
