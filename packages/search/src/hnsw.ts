/**
 * HNSW, hierarchical navigable small worlds (arXiv 1603.09320): approximate nearest neighbours in a graph of layers. Graph, codes
 * and vectors lie in WebAssembly memory; building, searching and deleting are one call a batch.
 */
import {
  type Arena,
  arena,
  breathe,
  InputError,
  instantiate,
  type LongCall,
  type Matrix,
  random,
  requireFinite,
} from '@offprint/kernels'
import { relaxed, simd } from '../build/hnsw.js'
import { type Codes, trainCodes } from './codes.ts'
import { damaged, type Header, layOut, readHeader, type Source, sectionOf } from './sections.ts'

export type HnswMetric = 'l2' | 'cosine' | 'ip'
export const hnswMetrics = ['l2', 'cosine', 'ip'] as const

export interface HnswOptions {
  /**
   * `l2`: squared Euclidean distance (the default). `cosine`: 1 − cosine, rows are stored at length 1. `ip`: 1 − inner product.
   */
  metric?: HnswMetric
  /** Links a node in upper layers, twice as many in layer 0; 4 to 64, default 16. More for high dimensions and recalls. */
  M?: number
  /** Candidates kept while a node's links are looked for; 8 to 4,096, default 200. */
  efConstruction?: number
  /** Whole number from 0 to 2³² − 1, for the levels; default 100. Same rows in the same order and seed, same graph. */
  seed?: number
  /**
   * What the walk compares. `i8`: codes of a byte a dimension, with the floats read only to rank what was found. `none`: the
   * floats. `auto` (the default): codes, if on rows of the first batch they miss next to no true neighbour. `ip` has none.
   */
  codes?: 'auto' | 'i8' | 'none'
  /** How a node's links are chosen among candidates: by the heuristic (algorithm 4, the default), or just the nearest. */
  selection?: 'heuristic' | 'simple'
  /** Level factor mL of section 4.1; default 1/ln M. 0 gives a single layer. For experiments. */
  levelFactor?: number
  /** Links a node in layer 0 as a multiple of M, 1 to 4; default 2. For experiments. */
  layer0Factor?: number
}

export interface SearchOptions {
  /** Candidates kept on the walk, at least k; default max(2k, 50). More find more and take longer. */
  ef?: number
}

/** Neighbours of one query, nearest first. */
export interface Neighbours {
  ids: Uint32Array
  /** By the metric: squared, or 1 − cosine, or 1 − inner product. */
  distances: Float32Array
}

/** Neighbours of many queries: `k` a query, one after the other. */
export interface BatchNeighbours extends Neighbours {
  /** Neighbours a query: what was asked for, or all rows where there are fewer. */
  k: number
}

export interface HnswStats {
  metric: HnswMetric
  M: number
  efConstruction: number
  seed: number
  /** What the walk compares. */
  codes: 'i8' | 'none'
  dimension: number
  /** Rows that can be found. */
  size: number
  deleted: number
  /** Nodes whose highest layer is this one; equal rows share a node. */
  nodesByLevel: number[]
  /** Mean number of links of a node in layer 0. */
  meanLinks: number
  /** Memory of the rows that are there, by what it holds. `scratch` is needed by searching alone. */
  bytes: { vectors: number; codes: number; links: number; other: number; scratch: number; total: number }
}

/** In a batch's ids: fewer neighbours were found than asked for. */
export const noNeighbour = 0xffff_ffff

const format = { magic: 'OFPHNSW1', version: 1 }
const topMost = 15
const none = 0xffff_ffff
/** Ids leave one bit of 32 free. */
const mostRows = 2 ** 31 - 1
/** Of one call into WebAssembly, which should take about 10 ms. */
const rowsAtOnce = 64
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
/** Squared length up to which no squared distance overflows. */
const longestSquare = 8e37
const pieceBytes = 1 << 24

interface Engine {
  bind(...numbers: number[]): void
  bindScratch(...numbers: number[]): void
  setState(count: number, entry: number, top: number, deleted: number): void
  selectSimply(on: number): void
  resetEpoch(): void
  entryPoint(): number
  topLevel(): number
  takeHops(): number
  takeEvaluations(): number
  insertRange(from: number, to: number, efConstruction: number): void
  unreached(queue: number, out: number): number
  reconnect(id: number, efConstruction: number): void
  broken(upperSize: number): number
  linkTotal(): number
  encodeRows(from: number, to: number): void
  searchMany(...numbers: number[]): void
  scan(...numbers: number[]): void
  scanned(...numbers: number[]): void
  crcTable(table: number): void
  crc(table: number, start: number, bytes: number, before: number): number
}

const fileColumns = ['codes', 'links', 'upperAt', 'levels', 'flags', 'twins', 'vectors'] as const
/** Blocks with so many bytes a row. */
type Column = (typeof fileColumns)[number] | 'visited'

type Settings = Required<HnswOptions>

export class Hnsw {
  readonly dimension: number
  readonly #settings: Settings
  readonly #memory: Arena
  readonly #engine: Engine
  /** Bytes a row of vectors: floats padded to 16 bytes. */
  readonly #rowBytes: number
  #codes: (Codes & { pointer: number }) | undefined
  #count = 0
  #capacity = 0
  #deleted = 0
  /** Pointer and bytes a row. */
  #columns: Partial<Record<Column, { pointer: number; bytes: number }>> = {}
  /** Links of the layers above 0, in ids. */
  #upper = { pointer: 0, size: 0, capacity: 0 }
  /** The candidates of a walk. */
  #pool = { pointer: 0, room: 0 }
  #crcTable = 0
  #workspace: number[] | undefined
  /** Rows that came since it was last made sure that every node can be reached. */
  #unproven = 0
  /** Additions and saving take turns. */
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(dimension: number, options: HnswOptions, bytes = 0) {
    if (!Number.isInteger(dimension) || dimension < 1 || dimension > 65_536)
      throw new InputError('dimension', String(dimension), 'a whole number from 1 to 65536')
    this.#settings = readOptions(options)
    this.dimension = dimension
    this.#rowBytes = Math.ceil(dimension / 4) * 16
    this.#memory = arena(bytes)
    this.#engine = instantiate<Engine>([relaxed, simd], this.#memory)
    this.#engine.selectSimply(Number(this.#settings.selection === 'simple'))
  }

  /**
   * An empty index for rows of `dimension` floats.
   * @throws InputError for wrong options
   */
  static create(dimension: number, options: HnswOptions = {}): Hnsw {
    return new Hnsw(dimension, options)
  }

  /**
   * An index of all rows; their ids are the row numbers, from 0. O(n log n).
   *
   * @param points n × d
   * @throws InputError for wrong options, NaN or infinity (row and column are named), a row of zeros where the metric is
   * `cosine`, or more than memory can hold; the signal's reason once it is aborted
   *
   * @example
   * const index = await Hnsw.build(points, { metric: 'cosine' })
   * const { ids, distances } = index.search(points.data.subarray(0, points.columns), 10)
   */
  static async build(points: Matrix, { signal, onProgress, ...options }: HnswOptions & LongCall = {}): Promise<Hnsw> {
    const index = new Hnsw(points.columns, options, estimate(points.rows, points.columns, options))
    await index.add(points, { signal, onProgress })
    await index.#inTurn(() => index.#connect(signal))
    return index
  }

  /**
   * Opens what `toBytes` or `saveHnsw` wrote.
   * @throws InputError for a file that is foreign, truncated or damaged
   */
  static open(bytes: Uint8Array): Hnsw {
    return Hnsw.openFrom({ bytes: bytes.length, read: (at, into) => into.set(bytes.subarray(at, at + into.length)) })
  }

  /** Opens a source that is read in pieces, straight into the index's memory. @throws InputError as `open` */
  static openFrom(source: Source): Hnsw {
    const header = readHeader(source, format)
    const about = readAbout(header)
    const index = new Hnsw(about.dimension, about.options, header.bytes)
    index.#load(source, header, about)
    return index
  }

  /** Rows that can be found: those added less those deleted. */
  get size(): number {
    return this.#count - this.#deleted
  }

  get metric(): HnswMetric {
    return this.#settings.metric
  }

  /**
   * Adds rows; searching goes on meanwhile, other additions wait. When it is aborted, the rows that were in already stay.
   *
   * @param points m × d
   * @returns the m ids: whole numbers that count on from the last row added before
   * @throws InputError as `build`, before anything is added; the signal's reason once it is aborted
   */
  async add(points: Matrix, { signal, onProgress }: LongCall = {}): Promise<Uint32Array> {
    this.#requireRows(points, 'vectors')
    return this.#inTurn(async () => {
      const { rows } = points
      const first = this.#count
      if (first + rows > mostRows) throw new InputError('vectors', `${first + rows} rows`, `at most ${mostRows} rows`)
      if (!rows) return new Uint32Array(0)
      const levels = drawLevels(first, rows, this.#settings)
      this.#reserve(first + rows)
      this.#reserveUpper(levels)
      this.#writeRows(this.#columns.vectors!.pointer + first * this.#rowBytes, points)
      this.#clearRows(first, levels)
      if (!first) await this.#chooseCodes(rows, signal)
      else if (this.#codes) this.#engine.encodeRows(first, first + rows)
      let added = 0
      try {
        while (added < rows) {
          this.#room(this.#settings.efConstruction)
          const next = Math.min(rows, added + rowsAtOnce)
          this.#engine.insertRange(first + added, first + next, this.#settings.efConstruction)
          for (; added < next; added++) this.#upper.size += levels[added] * this.#settings.M
          this.#count = first + added
          onProgress?.(added, rows)
          await breathe(signal)
        }
      } finally {
        this.#unproven += added
      }
      if (first && this.#unproven * 20 > this.#count) await this.#connect(signal)
      return Uint32Array.from({ length: rows }, (_, row) => first + row)
    })
  }

  /**
   * Deletes rows: they are no longer found, but the walk still passes through them. Their ids are not given again.
   *
   * @returns how many of the ids were there
   */
  delete(ids: Iterable<number>): number {
    let gone = 0
    for (const id of ids) {
      if (!this.has(id)) continue
      this.#bytes('flags')[id] |= 1
      gone++
    }
    this.#deleted += gone
    this.#setState()
    return gone
  }

  /** Whether a row is there and not deleted. */
  has(id: number): boolean {
    return Number.isInteger(id) && id >= 0 && id < this.#count && !(this.#bytes('flags')[id] & 1)
  }

  /** A row as it is stored: at length 1 where the metric is `cosine`. @throws InputError for an id that is not there */
  vector(id: number): Float32Array {
    if (!this.has(id)) throw new InputError('id', String(id), 'the id of a row that is there')
    return this.#floats(this.#columns.vectors!.pointer + id * this.#rowBytes, this.dimension).slice()
  }

  /**
   * Inner product of a row, as it is stored, with another vector: their cosine, where the metric is `cosine` and the vector
   * has length 1.
   * @throws InputError for an id that is not there, or a vector of another length
   */
  innerProduct(id: number, vector: Float32Array): number {
    if (!this.has(id)) throw new InputError('id', String(id), 'the id of a row that is there')
    if (vector.length !== this.dimension)
      throw new InputError('vector', `${vector.length} numbers`, `${this.dimension} numbers`)
    const row = this.#floats(this.#columns.vectors!.pointer + id * this.#rowBytes, this.dimension)
    let sum = 0
    for (let at = 0; at < vector.length; at++) sum += row[at] * vector[at]
    return sum
  }

  /**
   * The rows nearest to a query.
   *
   * @param query d floats
   * @param k neighbours wanted; fewer come back where the index holds fewer
   * @throws InputError for a wrong query or wrong options
   *
   * @example
   * const { ids, distances } = index.search(query, 10, { ef: 64 })
   */
  search(query: Float32Array, k = 10, options: SearchOptions = {}): Neighbours {
    const points = { data: query, rows: 1, columns: query.length }
    this.#requireRows(points, 'query')
    const call = this.#begin(points, k)
    try {
      this.#walk(call, this.#chooseEf(call.k, options), 0, 1)
      const { ids, distances } = this.#found(call)
      const missing = ids.indexOf(none)
      return missing < 0 ? { ids, distances } : { ids: ids.slice(0, missing), distances: distances.slice(0, missing) }
    } finally {
      this.#end(call)
    }
  }

  /**
   * The rows nearest to each of many queries, by the walk.
   *
   * @param queries m × d
   * @returns m × k ids and distances, one query's after the other. Where the walk found fewer, which only happens where parts of
   * the graph cannot be reached, `noNeighbour` and the largest float fill up.
   * @throws InputError for wrong queries or options; the signal's reason once it is aborted
   */
  async searchBatch(
    queries: Matrix,
    k = 10,
    { signal, onProgress, ...options }: SearchOptions & LongCall = {},
  ): Promise<BatchNeighbours> {
    this.#requireRows(queries, 'queries')
    const call = this.#begin(queries, k)
    try {
      const ef = this.#chooseEf(call.k, options)
      for (let done = 0; done < queries.rows; ) {
        const next = Math.min(queries.rows, done + queriesAtOnce)
        this.#walk(call, ef, done, next)
        done = next
        onProgress?.(done, queries.rows)
        if (done < queries.rows) await breathe(signal)
      }
      return { ...this.#found(call), k: call.k }
    } finally {
      this.#end(call)
    }
  }

  /**
   * The rows that are really nearest to each of many queries, by comparing all. For measuring recall, and for few rows. Rows
   * that are added or deleted meanwhile may or may not be found.
   *
   * @param queries m × d
   * @throws InputError as `searchBatch`; the signal's reason once it is aborted
   */
  async searchExact(queries: Matrix, k = 10, { signal, onProgress }: LongCall = {}): Promise<BatchNeighbours> {
    this.#requireRows(queries, 'queries')
    const call = this.#begin(queries, k)
    try {
      await this.#scan(call, queries.rows, this.#count, false, { signal, onProgress })
      return { ...this.#found(call), k: call.k }
    } finally {
      this.#end(call)
    }
  }

  /** The node where every walk begins, and its level, the highest; undefined where there are no rows. */
  entryPoint(): { id: number; level: number } | undefined {
    return this.#count ? { id: this.#entry, level: this.#engine.topLevel() } : undefined
  }

  /** Highest layer in which a row is; −1 for a row that is equal to another, which stands in the graph for both. */
  levelOf(id: number): number {
    if (!Number.isInteger(id) || id < 0 || id >= this.#count)
      throw new InputError('id', String(id), `a whole number from 0 to ${this.#count - 1}`)
    return this.#bytes('flags')[id] & 2 ? -1 : this.#bytes('levels')[id]
  }

  /** Ids that a row links to in a layer; none where it is not in that layer. */
  linksOf(id: number, layer = 0): Uint32Array {
    if (layer > this.levelOf(id)) return new Uint32Array(0)
    const { M } = this.#settings
    const { buffer } = this.#memory.memory
    const upperAt = () => new Uint32Array(buffer, this.#columns.upperAt!.pointer, this.#count)[id]
    const links = layer
      ? new Uint32Array(buffer, this.#upper.pointer + (upperAt() + (layer - 1) * M) * 4, M)
      : new Uint32Array(buffer, this.#columns.links!.pointer + id * this.#linkCap * 4, this.#linkCap)
    const end = links.indexOf(none)
    return links.slice(0, end < 0 ? links.length : end)
  }

  /** Hops (nodes whose links were followed) and compared rows since it was last asked, by adding and searching. */
  takeCounts(): { hops: number; distances: number } {
    return { hops: this.#engine.takeHops(), distances: this.#engine.takeEvaluations() }
  }

  /** What the index is made of. */
  stats(): HnswStats {
    const { metric, M, efConstruction, seed } = this.#settings
    const n = this.#count
    const nodesByLevel = new Array<number>(this.#engine.topLevel() + 1).fill(0)
    const levels = n ? this.#bytes('levels') : []
    const flags = n ? this.#bytes('flags') : []
    let nodes = 0
    for (let id = 0; id < n; id++) {
      if (flags[id] & 2) continue
      nodes++
      nodesByLevel[levels[id]]++
    }
    const bytesOf = (name: Column) => (this.#columns[name] ? n * this.#columns[name].bytes : 0)
    const bytes = {
      vectors: bytesOf('vectors'),
      codes: bytesOf('codes'),
      links: bytesOf('links') + this.#upper.size * 4,
      other: bytesOf('upperAt') + bytesOf('levels') + bytesOf('flags') + bytesOf('twins'),
      scratch: bytesOf('visited') + this.#pool.room * 8,
    }
    return {
      metric,
      M,
      efConstruction,
      seed,
      codes: this.#codes ? 'i8' : 'none',
      dimension: this.dimension,
      size: this.size,
      deleted: this.#deleted,
      nodesByLevel,
      meanLinks: nodes ? this.#engine.linkTotal() / nodes : 0,
      bytes: { ...bytes, total: Object.values(bytes).reduce((sum, part) => sum + part, 0) },
    }
  }

  /** The index as the bytes of its file. */
  toBytes(): Uint8Array {
    const { head, pieces, bytes } = this.#layOut()
    const all = new Uint8Array(bytes)
    all.set(head)
    for (const { pointer, size, offset } of pieces)
      all.set(new Uint8Array(this.#memory.memory.buffer, pointer, size), offset)
    return all
  }

  /**
   * Gives the bytes of its file piece by piece, so that they need not be in memory twice. Additions wait meanwhile.
   * @param write is awaited; a piece is its to keep
   */
  writeTo(write: (bytes: Uint8Array, at: number) => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      const { head, pieces, bytes } = this.#layOut()
      const flags = pieces.find(({ name }) => name === 'flags')
      // Deleting does not wait: the marks are taken as they are now.
      const marks = flags && new Uint8Array(this.#memory.memory.buffer, flags.pointer, flags.size).slice()
      await write(head, 0)
      let end = head.length
      for (const { name, pointer, size, offset } of pieces) {
        for (let at = 0; at < size; at += pieceBytes) {
          const length = Math.min(pieceBytes, size - at)
          const from = name === 'flags' ? marks! : new Uint8Array(this.#memory.memory.buffer, pointer, size)
          await write(from.slice(at, at + length), offset + at)
        }
        end = offset + size
      }
      if (end < bytes) await write(new Uint8Array(bytes - end), end)
    })
  }

  // ---- Calls on many queries ----

  /** Puts queries and room for their neighbours into memory; `#end` gives it back. */
  #begin(queries: Matrix, k: number): Call {
    if (!Number.isInteger(k) || k < 1) throw new InputError('k', String(k), 'a whole number of at least 1')
    const call = { queries: 0, ids: 0, distances: 0, rows: queries.rows, k: Math.min(k, this.size) }
    call.queries = this.#memory.take(queries.rows * this.#rowBytes)
    call.ids = this.#memory.take(queries.rows * call.k * 4)
    call.distances = this.#memory.take(queries.rows * call.k * 4)
    this.#writeRows(call.queries, queries)
    return call
  }

  #end(call: Call): void {
    for (const pointer of [call.queries, call.ids, call.distances]) this.#memory.give(pointer)
  }

  #chooseEf(k: number, { ef }: SearchOptions): number {
    if (ef !== undefined && (!Number.isInteger(ef) || ef < 1))
      throw new InputError('ef', String(ef), 'a whole number of at least 1')
    return Math.min(Math.max(k, ef ?? Math.max(2 * k, 50)), Math.max(1, this.#count))
  }

  #walk({ queries, k, ids, distances }: Call, ef: number, from: number, to: number): void {
    if (!k) return
    this.#room(ef)
    const results = this.#memory.take(k * 8)
    this.#engine.searchMany(queries, from, to, k, ef, results, ids, distances, this.#scale)
    this.#memory.give(results)
  }

  /** Compares all of the first `n` rows with each query. */
  async #scan(call: Call, rows: number, n: number, byCodes: boolean, { signal, onProgress }: LongCall): Promise<void> {
    const state = this.#memory.take(rows * call.k * 8)
    const lengths = this.#memory.take(rows * 4)
    try {
      this.#room(1)
      this.#floats(lengths, rows).fill(0)
      const block = Math.max(256, Math.floor(multiplicationsAtOnce / this.dimension / queriesAtOnce))
      for (let from = 0; from < rows && call.k; from += queriesAtOnce) {
        const to = Math.min(rows, from + queriesAtOnce)
        for (let start = 0; start < n; start += block) {
          const end = Math.min(n, start + block)
          this.#engine.scan(call.queries, from, to, start, end, call.k, state, lengths, Number(byCodes))
          onProgress?.(from * n + (to - from) * end, rows * n)
          await breathe(signal)
        }
      }
      this.#engine.scanned(rows, call.k, state, lengths, call.ids, call.distances, this.#scale)
    } finally {
      this.#memory.give(state)
      this.#memory.give(lengths)
    }
  }

  #found({ ids, distances, rows, k }: Call): Neighbours {
    return {
      ids: new Uint32Array(this.#memory.memory.buffer, ids, rows * k).slice(),
      distances: this.#floats(distances, rows * k).slice(),
    }
  }

  /** The graph compares unit vectors by squared distance, which is twice 1 − cosine. */
  get #scale(): number {
    return this.metric === 'cosine' ? 0.5 : 1
  }

  // ---- The graph ----

  /** Gives every node that cannot be reached from the entry point a link from one that can. */
  async #connect(signal?: AbortSignal): Promise<void> {
    this.#unproven = 0
    if (!this.#count) return
    this.#room(this.#settings.efConstruction)
    const queue = this.#memory.take(this.#count * 4)
    const list = this.#memory.take(this.#count * 4)
    try {
      for (let round = 0; round < mostRepairs; round++) {
        const lost = this.#engine.unreached(queue, list)
        if (!lost) return
        const ids = new Uint32Array(this.#memory.memory.buffer, list, lost).slice()
        for (const [at, id] of ids.entries()) {
          this.#engine.reconnect(id, this.#settings.efConstruction)
          if (at % rowsAtOnce === 0) await breathe(signal)
        }
      }
    } finally {
      this.#memory.give(queue)
      this.#memory.give(list)
    }
  }

  /** Decides on the first rows whether there are codes, and writes them. */
  async #chooseCodes(rows: number, signal?: AbortSignal): Promise<void> {
    const { codes, seed } = this.#settings
    const wanted = codes === 'i8' || (codes === 'auto' && this.metric !== 'ip' && rows >= leastRowsForCodes)
    if (!wanted) return
    const stored = this.#floats(this.#columns.vectors!.pointer, (rows * this.#rowBytes) / 4)
    this.#setCodes(trainCodes(stored, { rows, columns: this.dimension, stride: this.#rowBytes / 4, seed }))
    this.#growColumn('codes', this.#codeBytes, this.#capacity)
    this.#bind()
    this.#engine.encodeRows(0, rows)
    if (codes === 'i8' || (await this.#missedByCodes(rows, signal)) <= mostMissed) return
    this.#memory.give(this.#columns.codes!.pointer)
    this.#memory.give(this.#codes!.pointer)
    delete this.#columns.codes
    this.#codes = undefined
    this.#bind()
  }

  #setCodes({ offsets, step }: Codes): void {
    const pointer = this.#memory.take(offsets.length * 4)
    this.#floats(pointer, offsets.length).set(offsets)
    this.#codes = { offsets, step, pointer }
  }

  /** The share of the nearest rows of some rows that are not among four times as many by codes. */
  async #missedByCodes(rows: number, signal?: AbortSignal): Promise<number> {
    const drawn = random(this.#settings.seed, 1).sample(Math.min(probes, rows), rows)
    // Each row finds itself as well.
    const k = Math.min(probedNeighbours + 1, rows)
    const probed = {
      data: new Float32Array(drawn.length * this.dimension),
      rows: drawn.length,
      columns: this.dimension,
    }
    const width = this.#rowBytes / 4
    const rowAt = (id: number) =>
      this.#floats(this.#columns.vectors!.pointer, rows * width).subarray(id * width, id * width + this.dimension)
    for (const [at, id] of drawn.entries()) probed.data.set(rowAt(id), at * this.dimension)
    const search = async (k: number, byCodes: boolean) => {
      const call = { ...this.#begin(probed, 1), k }
      this.#memory.give(call.ids)
      this.#memory.give(call.distances)
      call.ids = this.#memory.take(call.rows * k * 4)
      call.distances = this.#memory.take(call.rows * k * 4)
      try {
        await this.#scan(call, call.rows, rows, byCodes, { signal })
        return this.#found(call)
      } finally {
        this.#end(call)
      }
    }
    const exact = await search(k, false)
    const candidates = Math.min(4 * k, rows)
    const coded = await search(candidates, true)
    let missed = 0
    for (const [at, id] of drawn.entries()) {
      const own = rowAt(id)
      const best = Array.from(coded.ids.subarray(at * candidates, (at + 1) * candidates), other => {
        let sum = 0
        for (const [column, value] of rowAt(other).entries()) sum += (value - own[column]) ** 2
        return sum * this.#scale
      }).sort((a, b) => a - b)
      for (let rank = 0; rank < k; rank++) if (best[rank] > exact.distances[at * k + rank] * 1.0001 + 1e-30) missed++
    }
    return missed / (drawn.length * k)
  }

  // ---- Memory ----

  #requireRows(points: Matrix, field: string): void {
    if (points.columns !== this.dimension)
      throw new InputError(
        field,
        `${points.columns} numbers a row`,
        `rows of ${this.dimension} numbers`,
        `${field}: a row has ${points.columns} numbers; the index holds rows of ${this.dimension}`,
      )
    requireFinite(points, field)
    const { data, rows, columns } = points
    for (let row = 0; row < rows; row++) {
      let sum = 0
      for (let at = row * columns; at < (row + 1) * columns; at++) sum += data[at] * data[at]
      const refuse = (found: string, expected: string) =>
        new InputError(field, found, expected, `${field}: row ${row + 1} is ${found}, it must be ${expected}`)
      if (this.metric === 'cosine') {
        if (sum === 0) throw refuse('all zeros, which has no direction', 'another, or the metric not cosine')
      } else if (sum > longestSquare) throw refuse('too long for 32-bit distances', 'shorter than 8e18')
    }
  }

  /** Copies rows to a pointer, padded with zeros, at length 1 where the metric is cosine. */
  #writeRows(pointer: number, { data, rows, columns }: Matrix): void {
    const width = this.#rowBytes / 4
    const into = this.#floats(pointer, rows * width)
    const unit = this.metric === 'cosine'
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
      at += levels[row] * this.#settings.M
    }
    new Uint32Array(buffer, this.#upper.pointer, at).fill(none, this.#upper.size)
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
    this.#growColumn('visited', 2, capacity)
    if (this.#codes) this.#growColumn('codes', this.#codeBytes, capacity)
    this.#capacity = capacity
    new Uint8Array(this.#memory.memory.buffer, this.#columns.visited!.pointer, capacity * 2).fill(0)
    this.#engine.resetEpoch()
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
    const wanted = levels.reduce((sum, level) => sum + level * this.#settings.M, size)
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

  /** Makes sure that the pool holds `ef` candidates, and all that may have been deleted between them. */
  #room(ef: number): void {
    const wanted = ef + this.#deleted + 2
    if (wanted <= this.#pool.room) return
    if (this.#pool.pointer) this.#memory.give(this.#pool.pointer)
    const room = Math.max(wanted, Math.ceil(this.#pool.room * 1.5))
    this.#pool = { pointer: this.#memory.take(room * 8), room }
    this.#workspace ??= this.#takeWorkspace()
    this.#engine.bindScratch(this.#pool.pointer, ...this.#workspace)
  }

  /** Links gathered on the walk, a shortlist to choose from, what was chosen for a new row in each layer, a query's code. */
  #takeWorkspace(): number[] {
    const ids = this.#linkCap + 8
    const chosen = (topMost + 1) * (this.#settings.M + 4)
    return [ids * 4, ids * 8, chosen * 4, this.#codeBytes].map(bytes => this.#memory.take(bytes))
  }

  get #linkCap(): number {
    return Math.round(this.#settings.M * this.#settings.layer0Factor)
  }

  get #codeBytes(): number {
    return Math.ceil(this.dimension / 16) * 16
  }

  #bind(): void {
    const pointer = (name: Column) => this.#columns[name]?.pointer ?? 0
    this.#engine.bind(
      pointer('vectors'),
      this.#rowBytes,
      pointer('codes'),
      this.#codeBytes,
      this.dimension,
      this.#codes?.pointer ?? 0,
      this.#codes ? 1 / this.#codes.step : 0,
      this.#settings.M,
      this.#linkCap,
      pointer('links'),
      pointer('upperAt'),
      this.#upper.pointer,
      pointer('levels'),
      pointer('flags'),
      pointer('twins'),
      pointer('visited'),
      Number(this.metric === 'ip'),
    )
  }

  get #entry(): number {
    return this.#engine.entryPoint() >>> 0
  }

  #setState(): void {
    this.#engine.setState(this.#count, this.#entry, this.#engine.topLevel(), this.#deleted)
  }

  #bytes(name: 'levels' | 'flags'): Uint8Array {
    return new Uint8Array(this.#memory.memory.buffer, this.#columns[name]!.pointer, this.#count)
  }

  #floats(pointer: number, length: number): Float32Array {
    return new Float32Array(this.#memory.memory.buffer, pointer, length)
  }

  /** Waits until earlier additions and savings are done. */
  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => {})
    return result
  }

  // ---- Its file ----

  /** What is written, in order. */
  #parts(): { name: string; pointer: number; size: number }[] {
    const n = this.#count
    const parts = fileColumns
      .filter(name => this.#columns[name] && n)
      .map(name => ({
        name: name as string,
        pointer: this.#columns[name]!.pointer,
        size: n * this.#columns[name]!.bytes,
      }))
    parts.push({ name: 'upper', pointer: this.#upper.pointer, size: this.#upper.size * 4 })
    if (this.#codes) parts.push({ name: 'offsets', pointer: this.#codes.pointer, size: this.dimension * 4 })
    return parts
  }

  #layOut() {
    const parts = this.#parts().map(part => ({
      ...part,
      bytes: part.size,
      crc: this.#checksum(part.pointer, part.size),
    }))
    const about: About = {
      options: { ...this.#settings, codes: this.#codes ? 'i8' : 'none' },
      dimension: this.dimension,
      count: this.#count,
      entry: this.#entry,
      top: this.#engine.topLevel(),
      upper: this.#upper.size,
      step: this.#codes?.step ?? null,
    }
    const named = parts.map(({ name, bytes, crc }) => ({ name, bytes, crc }))
    const { head, sections, bytes } = layOut(format, { ...about }, named)
    return { head, bytes, pieces: parts.map((part, at) => ({ ...part, offset: sections[at].offset })) }
  }

  #load(source: Source, header: Header, about: About): void {
    this.#count = about.count
    this.#upper.size = about.upper
    if (about.step !== null) {
      this.#setCodes({ offsets: new Float32Array(this.dimension), step: about.step })
    }
    if (about.count) this.#reserve(about.count)
    this.#upper = { pointer: this.#memory.take(about.upper * 4), size: about.upper, capacity: about.upper }
    for (const { name, pointer, size } of this.#parts()) {
      const section = sectionOf(header, name, size)
      for (let at = 0; at < size; at += pieceBytes)
        source.read(
          section.offset + at,
          new Uint8Array(this.#memory.memory.buffer, pointer + at, Math.min(pieceBytes, size - at)),
        )
      if (this.#checksum(pointer, size) !== section.crc) throw damaged(`its section '${name}'`)
    }
    if (this.#codes) this.#codes.offsets = this.#floats(this.#codes.pointer, this.dimension).slice()
    if (this.#count) for (const flag of this.#bytes('flags')) this.#deleted += flag & 1
    this.#bind()
    this.#engine.setState(about.count, about.entry, about.top, this.#deleted)
    const rule = this.#engine.broken(about.upper)
    if (rule) throw damaged(`its graph (rule ${rule})`)
  }

  #checksum(pointer: number, size: number): number {
    if (!this.#crcTable) {
      this.#crcTable = this.#memory.take(8 * 256 * 4)
      this.#engine.crcTable(this.#crcTable)
    }
    return this.#engine.crc(this.#crcTable, pointer, size, 0) >>> 0
  }
}

interface Call {
  queries: number
  ids: number
  distances: number
  rows: number
  k: number
}

/** What the file's header says of the index. */
interface About {
  options: Settings
  dimension: number
  count: number
  entry: number
  top: number
  /** Links above layer 0, in ids. */
  upper: number
  step: number | null
}

function readOptions(options: HnswOptions): Settings {
  const {
    metric = 'l2',
    M = 16,
    efConstruction = 200,
    seed = 100,
    codes = 'auto',
    selection = 'heuristic',
    layer0Factor = 2,
  } = options
  if (!hnswMetrics.includes(metric)) throw new InputError('metric', `'${metric}'`, `one of ${hnswMetrics.join(', ')}`)
  requireWhole('M', M, 4, 64)
  requireWhole('efConstruction', efConstruction, 8, 4096)
  requireWhole('seed', seed, 0, 2 ** 32 - 1)
  if (!['auto', 'i8', 'none'].includes(codes)) throw new InputError('codes', `'${codes}'`, 'one of auto, i8, none')
  if (codes === 'i8' && metric === 'ip')
    throw new InputError(
      'codes',
      "'i8'",
      "'none'",
      "codes must be 'none' or 'auto' where the metric is 'ip', found 'i8'",
    )
  if (!['heuristic', 'simple'].includes(selection))
    throw new InputError('selection', `'${selection}'`, 'one of heuristic, simple')
  const levelFactor = options.levelFactor ?? 1 / Math.log(M)
  if (!(levelFactor >= 0 && levelFactor <= 4)) throw new InputError('levelFactor', String(levelFactor), 'from 0 to 4')
  if (!(layer0Factor >= 1 && layer0Factor <= 4))
    throw new InputError('layer0Factor', String(layer0Factor), 'from 1 to 4')
  return { metric, M, efConstruction, seed, codes, selection, levelFactor, layer0Factor }
}

function requireWhole(field: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new InputError(field, String(value), `a whole number from ${least} to ${most}`)
}

/** Checks what a header says before memory is taken for it. */
function readAbout({ about, bytes }: Header): About {
  const { options, dimension, count, entry, top, upper, step } = about as unknown as About
  const whole = (value: number, most: number) => Number.isInteger(value) && value >= 0 && value <= most
  try {
    const settings = readOptions(options)
    const fits = whole(dimension, 65_536) && dimension > 0 && whole(count, mostRows) && whole(upper, 2 ** 30)
    const coded =
      settings.codes === 'i8' ? typeof step === 'number' && step > 0 : settings.codes === 'none' && step === null
    if (fits && coded && whole(entry, none) && Number.isInteger(top) && count * dimension * 4 <= bytes)
      return { options: settings, dimension, count, entry, top, upper, step }
  } catch {
    // said below
  }
  throw damaged('its header')
}

/** Levels of rows from `first` on: level j and more with probability e^(−j / levelFactor), section 4.1. */
function drawLevels(first: number, rows: number, { seed, levelFactor }: Settings): Uint8Array {
  const shares = Array.from({ length: topMost }, (_, level) => (levelFactor ? Math.exp(-(level + 1) / levelFactor) : 0))
  return Uint8Array.from({ length: rows }, (_, row) => {
    const drawn = random(seed, first + row).next()
    let level = 0
    while (level < topMost && drawn < shares[level]) level++
    return level
  })
}

/** Bytes that an index of so many rows needs, so that its memory need not grow step by step. */
function estimate(rows: number, columns: number, { M = 16, layer0Factor = 2, codes, metric }: HnswOptions): number {
  const withCodes = codes !== 'none' && metric !== 'ip'
  const row = 4 * columns + 4 * M * (layer0Factor + 0.1) + (withCodes ? columns + 16 : 0) + 32
  return Number.isFinite(rows * row) ? rows * row : 0
}
