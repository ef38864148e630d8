/**
 * HNSW, hierarchical navigable small worlds (arXiv 1603.09320): approximate nearest neighbours in a graph of layers. Graph, codes
 * and vectors lie in WebAssembly memory; building, searching and deleting are one call a batch.
 */
import { breathe, InputError, type LongCall, type Matrix, random, requireFinite } from '@offprint/kernels'
import { checksumOf } from './checksum.ts'
import { HnswFilter, passingOf } from './hnsw-filter.ts'
import { type Call, type GraphState, HnswGraph, mostRows, none } from './hnsw-graph.ts'
import {
  type AddOptions,
  type BatchNeighbours,
  type Calibration,
  type FilterSource,
  type HnswMetric,
  type HnswOptions,
  type HnswSettings,
  type HnswStats,
  type Neighbours,
  type OpenOptions,
  type RangeOptions,
  readOptions,
  requireWhole,
  type SearchOptions,
  type ThreadOptions,
} from './hnsw-options.ts'
import { type HnswId, type IdKind, type IdList, idKinds, RowIds } from './row-ids.ts'
import {
  changedBytes,
  commitment,
  committedAt,
  damaged,
  type Header,
  layOut,
  layOutChange,
  readHeader,
  type Section,
  type Source,
  sectionOf,
} from './sections.ts'

/** In a batch's ids: fewer neighbours were found than asked for. Where ids are bigints it is 2⁶⁴ − 1, for strings ''. */
export const noNeighbour = none

const format = { magic: 'OFPHNSW1', version: 2, readable: [1], growsSince: 2 }
const queriesAtOnce = 64
/** Squared length up to which no squared distance overflows. */
const longestSquare = 8e37
const largestHalf = 65_504
const pieceBytes = 1 << 24
const mostAnswerBytes = 2 ** 32
/** What has changed is found and written in such pieces. */
const blockBytes = 4096
/** Of more runs of changed blocks, or more bytes beside the first file's, a file is written anew. */
const mostRuns = 20_000
const mostAppended = 0.5
/** Read or checked later where an index is opened `lazy`. */
const largeParts = ['codes', 'links', 'upper', 'vectors']
const defaultLimit = 10_000
/** Candidates of the first walk for a range. */
const rangeEf = 64
/** Deleted rows are taken out of the graph by themselves once they are this share of all. */
const mostDeleted = 0.1
const fewDeleted = 64
const calibrated = {
  neighbours: [1, 10, 100],
  efs: [10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 896, 1280],
  /** Above it no more candidates are tried. */
  enough: 0.9995,
}

export class Hnsw<Id extends HnswId = number> {
  readonly dimension: number
  readonly #settings: HnswSettings
  readonly #graph: HnswGraph
  readonly #ids: RowIds
  #calibration: Calibration | undefined
  /** Additions, repairs and saving take turns. */
  #turn: Promise<unknown> = Promise.resolve()
  #repairing = false
  /** Floats that are still in the file. */
  #absent: Absent | undefined
  /** Parts whose checksums are not known yet. */
  #unchecked: Part[] | undefined
  #ready: Promise<void> = Promise.resolve()
  #damage: InputError | undefined
  /** The file that holds this index, as it was when it was last written or opened. */
  #saved: Saved | undefined
  /** Made by this index. */
  readonly #filters = new WeakSet<HnswFilter<Id>>()
  /** Lets all rows through. */
  readonly #all = this.filter(() => true)

  private constructor(dimension: number, options: HnswOptions, room: Room = {}, ids = new RowIds()) {
    if (!Number.isInteger(dimension) || dimension < 1 || dimension > 65_536)
      throw new InputError('dimension', String(dimension), 'a whole number from 1 to 65536')
    this.#settings = readOptions(options)
    this.dimension = dimension
    this.#graph = new HnswGraph(dimension, this.#settings, room)
    this.#ids = ids
  }

  /**
   * An empty index for rows of `dimension` floats.
   * @throws InputError for wrong options
   */
  static create<Id extends HnswId = number>(
    dimension: number,
    { threads, ...options }: HnswOptions & ThreadOptions = {},
  ): Hnsw<Id> {
    return new Hnsw<Id>(dimension, options, { threads })
  }

  /**
   * An index of all rows; unless `ids` are given, they are the row numbers, from 0. O(n log n). Same rows, options and seed, same
   * graph.
   *
   * @param points n × d
   * @throws InputError for wrong options, NaN or infinity (row and column are named), a row of zeros where the metric is
   * `cosine`, wrong ids, or more than memory can hold; the signal's reason once it is aborted
   *
   * @example
   * const index = await Hnsw.build(points, { metric: 'cosine' })
   * const { ids, distances } = index.search(points.data.subarray(0, points.columns), 10)
   */
  static async build<Id extends HnswId = number>(
    points: Matrix,
    { signal, onProgress, ids, threads, ...options }: HnswOptions & ThreadOptions & AddOptions<Id> & LongCall = {},
  ): Promise<Hnsw<Id>> {
    const bytes = estimate(points.rows, points.columns, options)
    const index = new Hnsw<Id>(points.columns, options, { bytes, threads })
    await index.add(points, { ids, signal, onProgress })
    await index.#inTurn(() => index.#graph.connect(signal))
    return index
  }

  /**
   * Opens what `toBytes` or `saveHnsw` wrote.
   * @throws InputError for a file that is foreign, truncated or damaged
   */
  static open<Id extends HnswId = number>(bytes: Uint8Array, options: OpenOptions = {}): Hnsw<Id> {
    const read = (at: number, into: Uint8Array) => into.set(bytes.subarray(at, at + into.length))
    return Hnsw.openFrom<Id>({ bytes: bytes.length, read }, options)
  }

  /** Opens a source that is read in pieces, straight into the index's memory. @throws InputError as `open` */
  static openFrom<Id extends HnswId = number>(source: Source, { threads, lazy = false }: OpenOptions = {}): Hnsw<Id> {
    const header = readHeader(source, format)
    const about = readAbout(header)
    const ids = new RowIds(about.ids)
    ids.next = about.next
    const index = new Hnsw<Id>(about.dimension, about.options, { bytes: header.bytes, threads }, ids)
    index.#calibration = about.calibration
    index.#load(source, header, about, lazy)
    return index
  }

  /**
   * Resolved when all of an index that was opened `lazy` is in memory and was found sound; additions wait for it.
   * @throws InputError where the file is damaged; from then on every search says so as well
   */
  get ready(): Promise<void> {
    return this.#ready
  }

  /** Rows that can be found. */
  get size(): number {
    return this.#graph.size
  }

  get metric(): HnswMetric {
    return this.#settings.metric
  }

  // ---- Rows come and go ----

  /**
   * Adds rows; searching goes on meanwhile, other additions wait. When it is aborted, none of them stays.
   *
   * @param points m × d
   * @returns the m ids: those given, or whole numbers that count on
   * @throws InputError as `build`, also for an id that is there (`upsert` replaces), before anything is added; the signal's reason
   * once it is aborted
   */
  async add(points: Matrix, { ids, signal, onProgress }: AddOptions<Id> & LongCall = {}): Promise<IdList<Id>> {
    this.#requireRows(points, 'vectors')
    return this.#changing(async () => {
      const given = this.#takeIds(points.rows, ids)
      if (ids) this.#requireUnique(given, false)
      await this.#put(points, given, { signal, onProgress })
      return this.#listOf(given)
    })
  }

  /**
   * Adds rows, or replaces those that have these ids; searching finds either the old or the new. When it is aborted, the rows that
   * were in stay.
   *
   * @param points m × d
   * @param ids m ids
   * @returns how many were replaced
   * @throws InputError as `add`; for an id that is in the list twice
   */
  async upsert(points: Matrix, ids: ArrayLike<Id>, { signal, onProgress }: LongCall = {}): Promise<number> {
    this.#requireRows(points, 'vectors')
    return this.#changing(async () => {
      const given = this.#takeIds(points.rows, ids)
      this.#requireUnique(given, true)
      return this.#put(points, given, { keep: true, signal, onProgress })
    })
  }

  /**
   * Deletes rows: they are no longer found. Once they are a tenth of all, they are taken out of the graph in the background, and
   * their memory is used again.
   *
   * @returns how many of the ids were there
   */
  delete(ids: Iterable<Id>): number {
    let gone = 0
    for (const id of ids) {
      const row = this.#rowOf(id)
      if (row === undefined) continue
      this.#graph.delete(row)
      this.#ids.remove(row)
      gone++
    }
    const { deleted, count } = this.#graph
    if (!this.#repairing && deleted > fewDeleted && deleted > mostDeleted * count) {
      this.#repairing = true
      this.repair()
        .catch(() => {})
        .finally(() => {
          this.#repairing = false
        })
    }
    return gone
  }

  /** Takes deleted rows out of the graph now; the nodes around them choose new links. Searching goes on meanwhile. */
  async repair(options: LongCall = {}): Promise<void> {
    await this.#changing(async () => {
      this.#remember()
      return this.#graph.repair((from, to) => this.#rename(from, to), options)
    })
  }

  /** Takes deleted rows out and gives back the memory of their places. */
  async compact(options: LongCall = {}): Promise<void> {
    await this.repair(options)
    await this.#changing(async () => this.#reorder(false))
  }

  /**
   * Puts neighbours near each other in memory, which makes searching quicker where the index is much larger than the processor's
   * cache. Ids stay.
   */
  async reorder(): Promise<void> {
    await this.#changing(async () => this.#reorder(true))
  }

  /** Whether a row is there and not deleted. */
  has(id: Id): boolean {
    return this.#rowOf(id) !== undefined
  }

  /** A row as it is stored: at length 1 where the metric is `cosine`. @throws InputError for an id that is not there */
  vector(id: Id): Float32Array {
    const row = this.#requireRow(id)
    this.#fetchAll()
    return this.#graph.vector(row)
  }

  /**
   * Inner product of a row, as it is stored, with another vector: their cosine, where the metric is `cosine` and the vector
   * has length 1.
   * @throws InputError for an id that is not there, or a vector of another length
   */
  innerProduct(id: Id, vector: Float32Array): number {
    const row = this.#requireRow(id)
    this.#fetchAll()
    if (vector.length !== this.dimension)
      throw new InputError('vector', `${vector.length} numbers`, `${this.dimension} numbers`)
    return this.#graph.innerProduct(row, vector)
  }

  // ---- Searching ----

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
  search(query: Float32Array, k = 10, options: SearchOptions<Id> = {}): Neighbours<Id> {
    const points = { data: query, rows: 1, columns: query.length }
    this.#requireRows(points, 'query')
    const filter = this.#filterOf(options)
    const call = this.#begin(points, k, filter)
    try {
      const ef = this.#chooseEf(k, call.k, options)
      if (filter || this.size <= ef) this.#fetchAll()
      else this.#fetchFound(points, ef)
      this.#walk(call, ef, 0, 1, filter)
      return this.#neighbours(call)
    } finally {
      this.#graph.end(call)
    }
  }

  /**
   * The rows nearest to each of many queries, by the walk.
   *
   * @param queries m × d
   * @returns m × k ids and distances, one query's after the other. Where rows are deleted meanwhile there may be fewer:
   * `noNeighbour` and the largest float fill up.
   * @throws InputError for wrong queries or options; the signal's reason once it is aborted
   */
  async searchBatch(
    queries: Matrix,
    k = 10,
    { signal, onProgress, ...options }: SearchOptions<Id> & LongCall = {},
  ): Promise<BatchNeighbours<Id>> {
    this.#requireRows(queries, 'queries')
    const filter = this.#filterOf(options)
    const graph = this.#graph
    const most = this.#mostOf(k, filter)
    const ef = this.#chooseEf(k, most, options)
    const { size } = graph
    if (filter || size <= ef || queries.rows > queriesAtOnce) this.#fetchAll()
    else this.#fetchFound(queries, ef)
    if (graph.mayShare && !filter && queries.rows >= queriesAtOnce && size > ef)
      return graph.share(async () => {
        const call = graph.begin(queries, most)
        try {
          await graph.searchInThreads(call, ef, { signal, onProgress })
          this.#fill(call, ef, 0, queries.rows)
          return this.#batch(call)
        } finally {
          graph.end(call)
        }
      })
    return this.#inPieces(queries, most, async (points, done) => {
      if (done) await breathe(signal)
      const call = graph.begin(points, most)
      try {
        this.#walk(call, ef, 0, points.rows, filter)
        onProgress?.(done + points.rows, queries.rows)
        return this.#batch(call)
      } finally {
        graph.end(call)
      }
    })
  }

  /** Answers some queries at a time, each under the ids that rows have then: meanwhile rows may move. */
  async #inPieces(
    { data, rows, columns }: Matrix,
    k: number,
    answer: (points: Matrix, done: number) => Promise<BatchNeighbours<Id>>,
  ): Promise<BatchNeighbours<Id>> {
    if (rows * k * 8 > mostAnswerBytes)
      throw new InputError('k', String(k), `at most ${Math.floor(mostAnswerBytes / 8 / rows)} for so many queries`)
    // An empty index may get ids of another kind meanwhile.
    if (!k) return { ...this.#nothing(), k }
    let ids: ArrayLike<Id> | undefined
    const distances = new Float32Array(rows * k)
    for (let done = 0; done < rows || !ids; done += queriesAtOnce) {
      const next = Math.min(rows, done + queriesAtOnce)
      const found = await answer(
        { data: data.subarray(done * columns, next * columns), rows: next - done, columns },
        done,
      )
      if (next === rows && !ids) return found
      distances.set(found.distances, done * k)
      if (Array.isArray(found.ids)) ids = ((ids ?? []) as Id[]).concat(found.ids as Id[])
      else {
        ids ??= new (found.ids.constructor as Uint32ArrayConstructor)(rows * k) as ArrayLike<unknown> as ArrayLike<Id>
        ;(ids as unknown as Uint32Array).set(found.ids as unknown as Uint32Array, done * k)
      }
    }
    return { ids: ids as IdList<Id>, distances, k }
  }

  /**
   * The nearest group of rows, such as documents of which each row is a part: of every group its nearest row counts.
   *
   * @param groupOf the group of a row: a function, or a list by id where ids are numbers
   * @param k groups wanted
   * @returns the nearest row of each group, nearest first; fewer than k where there are fewer groups
   */
  searchGroups(
    query: Float32Array,
    k: number,
    groupOf: ((id: Id) => unknown) | ArrayLike<unknown>,
    options: SearchOptions<Id> = {},
  ): Neighbours<Id> {
    const group = typeof groupOf === 'function' ? groupOf : (id: Id) => groupOf[id as number]
    requireWhole('k', k, 1, mostRows)
    const filter = this.#filterOf(options)
    const all = filter ? filter.size : this.size
    for (let rows = 2 * k; ; rows *= 4) {
      const ef = Math.max(this.#chooseEf(k, k, options), rows)
      const { ids, distances } = this.search(query, rows, { ef, filter })
      const seen = new Set<unknown>()
      const kept: number[] = []
      for (let at = 0; at < ids.length && kept.length < k; at++) {
        const own = group(ids[at] as Id)
        if (seen.has(own)) continue
        seen.add(own)
        kept.push(at)
      }
      if (kept.length < k && rows < all) continue
      const list = kept.map(at => ids[at])
      return {
        ids: (Array.isArray(ids)
          ? list
          : (ids.constructor as Uint32ArrayConstructor).from(list as number[])) as IdList<Id>,
        distances: Float32Array.from(kept, at => distances[at]),
      }
    }
  }

  /**
   * The rows that are within a distance of a query, nearest first.
   *
   * @param query d floats
   * @param radius as distances are given: squared, or 1 − cosine, or 1 − inner product
   * @returns `truncated` where more than `limit` (default 10,000) are within it
   */
  range(
    query: Float32Array,
    radius: number,
    { limit = defaultLimit, filter: given }: RangeOptions<Id> = {},
  ): Neighbours<Id> & { truncated: boolean } {
    const points = { data: query, rows: 1, columns: query.length }
    this.#requireRows(points, 'query')
    if (!Number.isFinite(radius)) throw new InputError('radius', String(radius), 'a finite number')
    requireWhole('limit', limit, 1, mostRows)
    const filter = this.#filterOf({ filter: given })
    if (!this.size) return { ...this.#nothing(), truncated: false }
    this.#fetchAll()
    const { rows, distances } = this.#graph.within(points, radius, rangeEf, filter?.passing())
    const order = Uint32Array.from(rows.keys()).sort((a, b) => distances[a] - distances[b] || rows[a] - rows[b])
    const kept = order.subarray(0, limit)
    return {
      ids: this.#ids.many(Uint32Array.from(kept, at => rows[at])) as IdList<Id>,
      distances: Float32Array.from(kept, at => distances[at]),
      truncated: rows.length > limit,
    }
  }

  /**
   * The rows that are really nearest to each of many queries, by comparing all. For measuring recall, and for few rows. Rows
   * that are added or deleted meanwhile may or may not be found.
   *
   * @param queries m × d
   * @throws InputError as `searchBatch`; the signal's reason once it is aborted
   */
  async searchExact(queries: Matrix, k = 10, options: LongCall = {}): Promise<BatchNeighbours<Id>> {
    this.#requireRows(queries, 'queries')
    const graph = this.#graph
    const most = this.#mostOf(k)
    this.#fetchAll()
    const { signal, onProgress } = options
    return this.#inPieces(queries, most, async (points, done) => {
      const report = (part: number, of: number) =>
        onProgress?.(done * (of / points.rows) + part, queries.rows * (of / points.rows))
      // Where rows moved meanwhile it begins anew, and makes no pause.
      for (let atOnce = false; ; atOnce = true) {
        const { moves } = graph
        const call = graph.begin(points, most)
        try {
          await graph.scan(call, { atOnce, signal, onProgress: report })
          if (graph.moves === moves) return this.#batch(call)
        } finally {
          graph.end(call)
        }
      }
    })
  }

  /** Prepares what may be found, for many searches. @throws InputError for an id in a list that is no id */
  filter(source: FilterSource<Id>): HnswFilter<Id> {
    const ids = typeof source === 'function' ? undefined : [...source]
    const prepare = () => {
      const graph = this.#graph
      const bits = new Uint8Array(Math.ceil(graph.count / 8))
      const allow = (row: number) => {
        bits[row >> 3] |= 1 << (row & 7)
      }
      if (ids)
        for (const id of ids) {
          const row = this.#rowOf(id)
          if (row !== undefined) allow(row)
        }
      else
        for (let row = 0; row < graph.count; row++)
          if (graph.isThere(row) && (source as (id: Id) => boolean)(this.#ids.at(row) as Id)) allow(row)
      return passingOf(bits, graph.count, graph.nodes())
    }
    const filter = new HnswFilter<Id>(prepare, () => this.#graph.revision)
    this.#filters.add(filter)
    return filter
  }

  /**
   * Measures which recall candidates give on this index, so that searches can ask for a `recall`. By default rows of the index ask for
   * their own neighbours, going round themselves.
   *
   * @param options.queries m × d, where those that will come are of another kind than the rows
   * @param options.sample how many are asked, default 200
   */
  async calibrate({
    queries,
    sample = 200,
    signal,
    onProgress,
  }: { queries?: Matrix; sample?: number } & LongCall = {}): Promise<Calibration> {
    requireWhole('sample', sample, 1, 100_000)
    if (queries) this.#requireRows(queries, 'queries')
    return this.#inTurn(async () => {
      this.#calibration = await this.#measureRecall(queries, sample, { signal, onProgress })
      return this.#calibration
    })
  }

  /** What `calibrate` measured, here or before the index was saved. */
  get calibration(): Calibration | undefined {
    return this.#calibration
  }

  // ---- What it is made of ----

  /** The node where every walk begins, and its level, the highest; undefined where there are no rows. */
  entryPoint(): { id: Id; level: number } | undefined {
    const { entry, top } = this.#graph
    return entry === none ? undefined : { id: this.#ids.at(entry) as Id, level: top }
  }

  /** Highest layer in which a row is; −1 for a row that is equal to another, which stands in the graph for both. */
  levelOf(id: Id): number {
    return this.#graph.levelOf(this.#place(id))
  }

  /** Ids that a row links to in a layer; none where it is not in that layer. */
  linksOf(id: Id, layer = 0): IdList<Id> {
    return this.#ids.many(this.#graph.linksOf(this.#place(id), layer)) as IdList<Id>
  }

  /** Nodes that no walk can reach. After building there are none. */
  unreached(): number {
    return this.#graph.unreached()
  }

  /** Hops (nodes whose links were followed) and compared rows since it was last asked, by adding and searching. */
  takeCounts(): { hops: number; distances: number } {
    return this.#graph.takeCounts()
  }

  /** What the index is made of. */
  stats(): HnswStats {
    const graph = this.#graph
    const { metric, M, efConstruction, seed } = this.#settings
    const { nodesByLevel, meanLinks, bytes } = graph.stats()
    const all = { ...bytes, other: bytes.other + this.#ids.bytes }
    return {
      metric,
      M,
      efConstruction,
      seed,
      codes: graph.codes,
      floats: graph.floats,
      threads: graph.threads,
      dimension: this.dimension,
      size: graph.size,
      deleted: graph.deleted,
      holes: graph.holes,
      nodesByLevel,
      meanLinks,
      bytes: { ...all, total: Object.values(all).reduce((sum, part) => sum + part, 0) },
    }
  }

  // ---- Its file ----

  /** The index as the bytes of its file. */
  toBytes(): Uint8Array {
    this.#fetchAll()
    // What was damaged must not get checksums that are right.
    for (const { name, pointer, size, crc } of this.#unchecked ?? [])
      if (this.#graph.checksum(pointer, size) !== crc) throw damaged(`its section '${name}'`)
    const { head, pieces, bytes } = this.#layOut()
    const all = new Uint8Array(bytes)
    all.set(head)
    for (const { read, size, offset } of pieces) all.set(read(0, size), offset)
    return all
  }

  /**
   * Gives the bytes of its file piece by piece, so that they need not be in memory twice. Additions wait meanwhile.
   * @param write is awaited; a piece is its to keep
   */
  writeTo(write: (bytes: Uint8Array, at: number) => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      const { head, pieces, bytes, crc } = this.#layOut()
      const saved = this.#newSaved(crc, bytes, pieces)
      await write(head, 0)
      let end = head.length
      for (const { read, size, offset } of pieces) {
        for (let at = 0; at < size; at += pieceBytes)
          await write(read(at, Math.min(pieceBytes, size - at)).slice(), offset + at)
        if (size) end = offset + size
      }
      if (end < bytes) await write(new Uint8Array(bytes - end), end)
      this.#saved = saved
    })
  }

  /**
   * Writes what has changed since `writeTo`, or since the index was opened, behind what stands in its file already. A file whose last
   * change was not finished opens as it was before.
   *
   * @returns bytes written; undefined, and nothing is written, where the file must be written whole: it is another one, or too
   * much has changed
   */
  writeChangesTo(file: GrowingFile): Promise<number | undefined> {
    return this.#inTurn(async () => {
      const saved = this.#saved
      if (!saved || saved.layout !== this.#graph.layout || !(await this.#isIn(file, saved))) return undefined
      const parts = this.#contents()
      const sections: { name: string; bytes: number; runs: [number, number][]; content: Uint8Array }[] = []
      const digests = new Map<string, BigUint64Array>()
      let bytes = 0
      let runs = 0
      for (const part of parts) {
        const before = saved.digests.get(part.name)
        if (!before && saved.remembered) return undefined
        if (!before) continue
        const now = part.digests()
        digests.set(part.name, now)
        const changed = runsOf(before, now)
        const content = new Uint8Array(changedBytes({ bytes: part.size, runs: changed }, blockBytes))
        let at = 0
        for (const [first, blocks] of changed) {
          const from = first * blockBytes
          const length = Math.min(part.size, (first + blocks) * blockBytes) - from
          content.set(part.read(from, length), at)
          at += length
        }
        sections.push({ name: part.name, bytes: part.size, runs: changed, content })
        bytes += content.length
        runs += changed.length
      }
      if (runs > mostRuns || saved.end - saved.base + bytes > mostAppended * saved.base) return undefined
      const written = layOutChange({ ...this.#about() }, blockBytes, sections)
      await file.write(written, saved.end)
      await file.sync()
      await file.write(commitment(saved.end + written.length), committedAt)
      await file.sync()
      for (const [name, now] of digests) saved.digests.set(name, now)
      saved.end += written.length
      return written.length
    })
  }

  /** Whether a file holds what this index was last saved or opened as. */
  async #isIn(file: GrowingFile, saved: Saved): Promise<boolean> {
    const head = new Uint8Array(committedAt + 12)
    if ((await file.read(head, 0)) < head.length) return false
    const view = new DataView(head.buffer)
    const known = new TextDecoder('latin1').decode(head.subarray(0, 8)) === format.magic
    return known && view.getUint32(16, true) === saved.crc && Number(view.getBigUint64(committedAt, true)) === saved.end
  }

  #newSaved(crc: number, bytes: number, parts: Content[], base = bytes): Saved {
    const digests = new Map<string, BigUint64Array>()
    // Deletions change the marks at any time; the others wait until `#remember`.
    for (const part of parts) if (part.name === 'flags' || part.name === 'ids') digests.set(part.name, part.digests())
    return { crc, end: bytes, base, layout: this.#graph.layout, digests, remembered: false }
  }

  /** Before anything but marks changes: takes digests of what the file holds. */
  #remember(): void {
    if (!this.#saved || this.#saved.remembered) return
    for (const part of this.#contents())
      if (!this.#saved.digests.has(part.name)) this.#saved.digests.set(part.name, part.digests())
    this.#saved.remembered = true
  }

  /** What the file's sections hold, as it is now. */
  #contents(): Content[] {
    const graph = this.#graph
    const ids = this.#ids.toBytes(graph.count)
    const inGraph = graph.parts().map(({ name, pointer, size }) => {
      // Deleting does not wait: the marks are taken as they are now.
      const marks = name === 'flags' ? graph.view(pointer, size).slice() : undefined
      return {
        name,
        size,
        crc: () => graph.checksum(pointer, size),
        digests: () => graph.digests(pointer, size, blockBytes),
        read: (at: number, length: number) =>
          marks ? marks.subarray(at, at + length) : graph.view(pointer + at, length),
      }
    })
    return [
      ...inGraph,
      {
        name: 'ids',
        size: ids.length,
        crc: () => checksumOf(ids),
        digests: () => graph.digestsOf(ids, blockBytes),
        read: (at: number, length: number) => ids.subarray(at, at + length),
      },
    ]
  }

  #about(): About {
    return {
      options: this.#settings,
      dimension: this.dimension,
      ...this.#graph.state(),
      ids: this.#ids.kind,
      next: this.#ids.next,
      ...(this.#calibration && { calibration: this.#calibration }),
    }
  }

  #layOut() {
    const parts = this.#contents()
    const named = parts.map(({ name, size, crc }) => ({ name, bytes: size, crc: crc() }))
    const { head, sections, bytes, crc } = layOut(format, { ...this.#about() }, named)
    return { head, bytes, crc, pieces: parts.map((part, at) => ({ ...part, offset: sections[at].offset })) }
  }

  #load(source: Source, header: Header, about: About, lazy: boolean): void {
    const graph = this.#graph
    graph.allot(about)
    const grown = header.changes.length > 0
    const parts = graph.parts()
    const waits = lazy && !grown && graph.codes !== 'none' && graph.count > 0
    const later: Part[] = []
    for (const part of parts) {
      const { name, pointer, size } = part
      const section = sectionOf(header, name, grown ? undefined : size)
      if (waits && largeParts.includes(name)) {
        later.push({ ...part, ...section })
        if (name !== 'vectors') this.#readPart(source, { ...part, ...section })
        continue
      }
      readSection(source, header, name, size, {
        view: (at, length) => graph.view(pointer + at, length),
        checksum: (at, length, before) => graph.checksum(pointer + at, length, before),
      })
    }
    graph.adopt(about)
    const named = header.sections.some(({ name }) => name === 'ids')
    if (named === (header.version === 1)) throw damaged('its version')
    if (named) {
      const ids = new Uint8Array(sizeOf(header, 'ids'))
      readSection(source, header, 'ids', ids.length, {
        view: (at, length) => ids.subarray(at, at + length),
        checksum: (at, length, before) => checksumOf(ids.subarray(at, at + length), before),
      })
      if (!this.#ids.fromBytes(ids, about.count)) throw damaged("its section 'ids'")
      const base = header.sections.reduce((end, { offset, bytes }) => Math.max(end, offset + bytes), 0)
      this.#saved = this.#newSaved(header.crc, header.bytes, this.#contents(), base)
    }
    // Walks begin before the checksums are known.
    this.#checkGraph()
    if (later.length) this.#loadLater(source, later)
    else source.close?.()
  }

  #readPart(source: Source, { pointer, size, offset }: Part): void {
    for (let at = 0; at < size; at += pieceBytes)
      source.read(offset + at, this.#graph.view(pointer + at, Math.min(pieceBytes, size - at)))
  }

  #checkGraph(): void {
    const rule = this.#graph.broken()
    if (rule) throw damaged(`its graph (rule ${rule})`)
  }

  /** Reads the floats in the background, and checks what was read before. */
  #loadLater(source: Source, parts: Part[]): void {
    const graph = this.#graph
    const vectors = parts.find(({ name }) => name === 'vectors')!
    const absent: Absent = {
      source,
      part: vectors,
      rowBytes: vectors.size / graph.count,
      present: new Uint8Array(graph.count),
    }
    this.#absent = absent
    this.#unchecked = parts
    this.#ready = this.#inTurn(async () => {
      try {
        for (let at = 0; at < vectors.size && this.#absent; at += pieceBytes) {
          source.read(vectors.offset + at, graph.view(vectors.pointer + at, Math.min(pieceBytes, vectors.size - at)))
          await breathe()
        }
        this.#absent = undefined
        for (const { name, pointer, size, crc } of parts) {
          let sum = 0
          for (let at = 0; at < size; at += pieceBytes) {
            sum = graph.checksum(pointer + at, Math.min(pieceBytes, size - at), sum)
            await breathe()
          }
          if (sum !== crc) throw damaged(`its section '${name}'`)
        }
        this.#unchecked = undefined
      } catch (error) {
        this.#damage = error as InputError
        throw error
      } finally {
        source.close?.()
      }
    })
    this.#ready.catch(() => {})
  }

  /** Reads the floats of what walks for these queries find, where they are still in the file. */
  #fetchFound(queries: Matrix, ef: number): void {
    if (!this.#absent) return
    const { source, part, rowBytes, present } = this.#absent
    const { columns } = queries
    for (let row = 0; row < queries.rows; row++) {
      const query = { data: queries.data.subarray(row * columns, (row + 1) * columns), rows: 1, columns }
      for (const node of this.#graph.walked(query, ef)) {
        if (present[node]) continue
        source.read(part.offset + node * rowBytes, this.#graph.view(part.pointer + node * rowBytes, rowBytes))
        present[node] = 1
      }
    }
  }

  /** Makes sure that all floats are in memory. */
  #fetchAll(): void {
    if (this.#damage) throw this.#damage
    if (!this.#absent) return
    this.#readPart(this.#absent.source, this.#absent.part)
    this.#absent = undefined
  }

  // ---- Ids ----

  /** The row of an id that is there. */
  #rowOf(id: Id): number | undefined {
    return this.#ids.rowOf(id, this.#graph.count, row => this.#graph.isThere(row))
  }

  #requireRow(id: Id): number {
    const row = this.#rowOf(id)
    if (row === undefined) throw new InputError('id', String(id), 'the id of a row that is there')
    return row
  }

  /** Where a row is, or was before it was deleted. */
  #place(id: Id): number {
    if (this.#ids.kind !== 'sequence') return this.#requireRow(id)
    if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= this.#graph.count)
      throw new InputError('id', String(id), `a whole number from 0 to ${this.#graph.count - 1}`)
    return id as number
  }

  /** Ids of rows to come: those given, or the next of the sequence. */
  #takeIds(rows: number, given?: ArrayLike<Id>): HnswId[] {
    const ids = this.#ids
    if (!given) {
      if (ids.kind === 'bigint' || ids.kind === 'string')
        throw new InputError('ids', 'nothing', `${ids.kind}s, as the rows before have them`)
      const next = ids.kind === 'sequence' ? this.#graph.count : ids.next
      if (next + rows > none) throw new InputError('ids', String(next + rows), `at most ${none}`)
      return Array.from({ length: rows }, (_, row) => next + row)
    }
    if (given.length !== rows) throw new InputError('ids', `${given.length} ids`, `${rows} ids, one a row`)
    if (!rows) return []
    const before = ids.kind === 'sequence' && !this.#graph.count ? undefined : ids.kind
    RowIds.kindOf(given, before)
    return Array.from(given)
  }

  /** @throws InputError for an id that is there twice, or in the index already */
  #requireUnique(ids: HnswId[], replacing: boolean): void {
    const seen = new Set<HnswId>()
    for (const [row, id] of ids.entries()) {
      const name = typeof id === 'string' ? `'${id}'` : String(id)
      if (seen.has(id))
        throw new InputError('ids', name, 'given once', `ids: row ${row + 1}: ${name} is in the list twice`)
      if (!replacing && this.has(id as Id))
        throw new InputError(
          'ids',
          name,
          'new',
          `ids: row ${row + 1}: ${name} is in the index already; upsert replaces`,
        )
      seen.add(id)
    }
    // Only now, as what is refused changes nothing.
    if (ids.length) this.#ids.becomeOwn(RowIds.kindOf(ids, undefined), this.#graph.count)
  }

  /** Adds rows under ids; rows that had these go. @returns how many went */
  async #put(points: Matrix, given: HnswId[], options: LongCall & { keep?: boolean }): Promise<number> {
    const ids = this.#ids
    const graph = this.#graph
    this.#remember()
    if (graph.holes) ids.becomeOwn('number', graph.count)
    let replaced = 0
    const added: HnswId[] = []
    try {
      await graph.add(
        points,
        (places, first) => {
          for (const [at, place] of places.entries()) {
            const id = given[first + at]
            const old = ids.kind === 'sequence' ? undefined : this.#rowOf(id as Id)
            if (old !== undefined) {
              graph.delete(old)
              ids.remove(old)
              replaced++
            }
            ids.set(place, id)
            if (typeof id === 'number') ids.next = Math.max(ids.next, id + 1)
            added.push(id)
          }
        },
        options,
      )
    } catch (error) {
      // Rows that were in have been deleted again: so are their ids.
      if (!options.keep && ids.kind !== 'sequence') for (const id of added) ids.forget(id)
      throw error
    }
    return replaced
  }

  #listOf(given: HnswId[]): IdList<Id> {
    const { kind } = this.#ids
    if (kind === 'string') return given as IdList<Id>
    return (
      kind === 'bigint' ? BigUint64Array.from(given as bigint[]) : Uint32Array.from(given as number[])
    ) as IdList<Id>
  }

  /** A row takes the place of an equal one that has gone. */
  #rename(from: number, to: number): void {
    const ids = this.#ids
    ids.becomeOwn('number', this.#graph.count)
    const id = ids.at(from)
    ids.remove(from)
    ids.set(to, id)
  }

  #reorder(keepHoles: boolean): void {
    const graph = this.#graph
    if (!graph.count) return
    this.#ids.next = Math.max(this.#ids.next, this.#ids.kind === 'sequence' ? graph.count : 0)
    this.#ids.becomeOwn('number', graph.count)
    this.#ids.permute(graph.reorder(keepHoles))
  }

  // ---- Calls ----

  #begin(queries: Matrix, k: number, filter?: HnswFilter<Id>): Call {
    return this.#graph.begin(queries, this.#mostOf(k, filter))
  }

  /** Neighbours that there can be. */
  #mostOf(k: number, filter?: HnswFilter<Id>): number {
    if (!Number.isInteger(k) || k < 1) throw new InputError('k', String(k), 'a whole number of at least 1')
    return Math.min(k, filter ? filter.size : this.size)
  }

  #filterOf({ filter }: SearchOptions<Id>): HnswFilter<Id> | undefined {
    if (filter === undefined) return undefined
    if (!(filter instanceof HnswFilter)) return this.filter(filter)
    if (!this.#filters.has(filter)) throw new InputError('filter', 'one of another index', 'one that this index made')
    return filter
  }

  #chooseEf(wanted: number, k: number, { ef, recall }: SearchOptions<Id>): number {
    if (ef !== undefined && (!Number.isInteger(ef) || ef < 1))
      throw new InputError('ef', String(ef), 'a whole number of at least 1')
    const most = Math.max(1, this.#graph.count)
    const usual = Math.max(2 * k, 50) * (this.#graph.codes === 'bit' ? 3 : 1)
    const chosen = ef ?? (recall === undefined ? usual : this.#efFor(wanted, recall))
    return Math.min(Math.max(k, chosen), most)
  }

  /** Candidates that gave a recall when it was measured. */
  #efFor(k: number, recall: number): number {
    if (!(recall > 0 && recall <= 1)) throw new InputError('recall', String(recall), 'above 0 and at most 1')
    if (!this.#calibration)
      throw new InputError(
        'recall',
        String(recall),
        'left out until calibrate() has measured what ef gives which recall',
      )
    const { curves } = this.#calibration
    const curve = curves.find(curve => curve.k >= k) ?? curves.at(-1)!
    // Of more neighbours than were measured, as many times the candidates.
    const times = Math.max(1, k / curve.k)
    const { points } = curve
    const next = points.findIndex(([, measured]) => measured >= recall)
    if (next < 0) return Math.ceil(points.at(-1)![0] * times)
    if (next === 0) return Math.ceil(points[0][0] * times)
    const [[ef0, recall0], [ef1, recall1]] = [points[next - 1], points[next]]
    const share = (recall - recall0) / (recall1 - recall0)
    return Math.ceil(ef0 * (ef1 / ef0) ** share * times)
  }

  #walk(call: Call, ef: number, from: number, to: number, filter?: HnswFilter<Id>): void {
    const graph = this.#graph
    // Where as many are kept as there are, comparing all takes no longer, and misses nothing.
    const few = graph.size <= ef
    if (!filter && !few) graph.search(call, ef, from, to)
    else {
      const passing = (filter ?? this.#all).passing()
      const route = few ? 'list' : graph.routeFor(passing.size, ef)
      graph.searchPassing(call, ef, from, to, passing, route)
      if (route === 'list') return
    }
    this.#fill(call, ef, from, to, filter)
  }

  /** Compares all for queries of which a walk found too few. */
  #fill(call: Call, ef: number, from: number, to: number, filter?: HnswFilter<Id>): void {
    for (let query = from; query < to; query++) {
      if (!this.#graph.isShort(call, query)) continue
      this.#fetchAll()
      this.#graph.searchPassing(call, ef, query, query + 1, (filter ?? this.#all).passing(), 'list')
    }
  }

  /** Of one query; without what is missing. */
  #neighbours(call: Call): Neighbours<Id> {
    const { rows, distances } = this.#graph.found(call)
    const missing = rows.indexOf(none)
    const n = missing < 0 ? rows.length : missing
    return { ids: this.#ids.many(rows.subarray(0, n)) as IdList<Id>, distances: distances.subarray(0, n) }
  }

  #batch(call: Call): BatchNeighbours<Id> {
    const { rows, distances } = this.#graph.found(call)
    return { ids: this.#ids.many(rows) as IdList<Id>, distances, k: call.k }
  }

  #nothing(): Neighbours<Id> {
    return { ids: this.#ids.many(new Uint32Array(0)) as IdList<Id>, distances: new Float32Array(0) }
  }

  async #measureRecall(
    given: Matrix | undefined,
    sample: number,
    { signal, onProgress }: LongCall,
  ): Promise<Calibration> {
    const graph = this.#graph
    const own: number[] = []
    if (!given) {
      // Nodes that stand for one row only, and are not where every walk begins.
      const nodes = graph.nodes()
      const several = new Set<number>()
      if (nodes) for (const [row, node] of nodes.entries()) if (row !== node) several.add(node)
      for (const row of random(this.#settings.seed, 2).sample(Math.min(graph.count, 2 * sample), graph.count))
        if (
          own.length < sample &&
          graph.isThere(row) &&
          graph.levelOf(row) >= 0 &&
          row !== graph.entry &&
          !several.has(row)
        )
          own.push(row)
    }
    const asked = given ? Math.min(sample, given.rows) : own.length
    const query = (at: number) =>
      given ? given.data.subarray(at * this.dimension, (at + 1) * this.dimension) : graph.vector(own[at])
    const others = this.size - (given ? 0 : 1)
    const most = Math.min(others, Math.max(...calibrated.neighbours))
    const hits = calibrated.neighbours.map(() => new Float64Array(calibrated.efs.length))
    if (asked && most > 0)
      for (let at = 0; at < asked; at++) {
        const points = { data: query(at), rows: 1, columns: this.dimension }
        const truth = await this.#truth(points, most, own[at])
        for (const [step, ef] of calibrated.efs.entries()) {
          const call = graph.begin(points, Math.min(most, ef))
          graph.search(call, Math.min(ef, Math.max(1, graph.count)), 0, 1, given ? none : own[at])
          const { distances } = graph.found(call)
          graph.end(call)
          for (const [curve, k] of calibrated.neighbours.entries()) {
            const wanted = Math.min(k, most)
            const limit = truth[wanted - 1] * (1 + 1e-6) + 1e-30
            let found = 0
            while (found < Math.min(wanted, distances.length) && distances[found] <= limit) found++
            hits[curve][step] += found / wanted
          }
        }
        onProgress?.(at + 1, asked)
        await breathe(signal)
      }
    return {
      queries: asked,
      curves: calibrated.neighbours.map((k, curve) => {
        const points: [number, number][] = []
        for (const [step, ef] of calibrated.efs.entries()) {
          if (ef < k) continue
          const recall = asked ? hits[curve][step] / asked : 1
          // More candidates never find less but by chance.
          points.push([ef, Math.max(recall, points.at(-1)?.[1] ?? 0)])
          if (recall >= calibrated.enough) break
        }
        return { k, points }
      }),
    }
  }

  /** Distances of the rows that are really nearest, but for one. */
  async #truth(points: Matrix, k: number, except: number | undefined): Promise<Float32Array> {
    const graph = this.#graph
    const call = graph.begin(points, Math.min(this.size, k + (except === undefined ? 0 : 1)))
    try {
      await graph.scan(call, {})
      const { rows, distances } = graph.found(call)
      return except === undefined ? distances : distances.filter((_, at) => rows[at] !== except)
    } finally {
      graph.end(call)
    }
  }

  #requireRows(points: Matrix, field: string): void {
    if (this.#damage) throw this.#damage
    if (points.columns !== this.dimension)
      throw new InputError(
        field,
        `${points.columns} numbers a row`,
        `rows of ${this.dimension} numbers`,
        `${field}: a row has ${points.columns} numbers; the index holds rows of ${this.dimension}`,
      )
    requireFinite(points, field)
    const { data, rows, columns } = points
    const halves = field === 'vectors' && this.#settings.keepFloats === 'f16'
    for (let row = 0; row < rows; row++) {
      let sum = 0
      let largest = 0
      for (let at = row * columns; at < (row + 1) * columns; at++) {
        sum += data[at] * data[at]
        if (halves && Math.abs(data[at]) > largest) largest = Math.abs(data[at])
      }
      const refuse = (found: string, expected: string) =>
        new InputError(field, found, expected, `${field}: row ${row + 1} is ${found}, it must be ${expected}`)
      if (this.metric === 'cosine') {
        if (sum === 0) throw refuse('all zeros, which has no direction', 'another, or the metric not cosine')
      } else if (sum > longestSquare) throw refuse('too long for 32-bit distances', 'shorter than 8e18')
      else if (largest > largestHalf)
        throw refuse(`too large for 16-bit floats (${largest})`, "within ±65,504, or keepFloats 'f32'")
    }
  }

  /** Adds, moves or takes out rows in turn. */
  #changing<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#inTurn(() => this.#graph.change(work))
  }

  /** Waits until earlier additions, repairs and savings are done. */
  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(() => {
      if (this.#damage) throw this.#damage
      return work()
    })
    this.#turn = result.catch(() => {})
    return result
  }
}

/** A file that can be written to at any place. */
export interface GrowingFile {
  /** Fills `into` from a position; how many bytes there were. */
  read(into: Uint8Array, at: number): Promise<number>
  write(bytes: Uint8Array, at: number): Promise<void>
  /** Resolved once all that was written is on the disk. */
  sync(): Promise<void>
}

interface Saved {
  /** Of the file's first header. */
  crc: number
  /** Bytes of the file that count, and of those its first sections. */
  end: number
  base: number
  layout: number
  /** Of the blocks of each section, as the file has them; all of them once `remembered`, before that nothing else has changed. */
  digests: Map<string, BigUint64Array>
  remembered: boolean
}

/** What a section of the file holds. */
interface Content {
  name: string
  size: number
  crc(): number
  digests(): BigUint64Array
  read(at: number, length: number): Uint8Array
}

/** Where the bytes of a section go. */
interface Target {
  view(at: number, length: number): Uint8Array
  checksum(at: number, length: number, before: number): number
}

/** A section's size after all changes. */
function sizeOf(header: Header, name: string): number {
  const last = header.changes.findLast(({ sections }) => sections.some(section => section.name === name))
  return last?.sections.find(section => section.name === name)?.bytes ?? sectionOf(header, name).bytes
}

/** Reads a section as it was written first, and then what has changed. @throws InputError where it is damaged */
function readSection(source: Source, header: Header, name: string, size: number, target: Target): void {
  const wrong = () => damaged(`its section '${name}'`)
  const read = (offset: number, at: number, length: number, before: number) => {
    for (let done = 0; done < length; done += pieceBytes)
      source.read(offset + done, target.view(at + done, Math.min(pieceBytes, length - done)))
    return target.checksum(at, length, before)
  }
  const section = sectionOf(header, name)
  if (sizeOf(header, name) !== size) throw wrong()
  if (section.bytes <= size) {
    if (read(section.offset, 0, section.bytes, 0) !== section.crc) throw wrong()
  } else {
    // It has become shorter.
    const bytes = new Uint8Array(section.bytes)
    source.read(section.offset, bytes)
    if (checksumOf(bytes) !== section.crc) throw wrong()
    target.view(0, size).set(bytes.subarray(0, size))
  }
  for (const { sections, block } of header.changes)
    for (const change of sections) {
      if (change.name !== name) continue
      let crc = 0
      let offset = change.offset
      for (const [first, blocks] of change.runs) {
        const at = first * block
        const length = Math.min(change.bytes, at + blocks * block) - at
        // What was there then may lie beyond the end now.
        if (at + length <= size) crc = read(offset, at, length, crc)
        else {
          const bytes = new Uint8Array(length)
          source.read(offset, bytes)
          crc = checksumOf(bytes, crc)
          if (at < size) target.view(at, size - at).set(bytes.subarray(0, size - at))
        }
        offset += length
      }
      if (crc !== change.crc) throw wrong()
    }
}

/** Blocks whose digests differ, or that are new, as runs. */
function runsOf(before: BigUint64Array, now: BigUint64Array): [number, number][] {
  const runs: [number, number][] = []
  for (let block = 0; block < now.length; block++) {
    if (block < before.length && before[block] === now[block]) continue
    const last = runs.at(-1)
    if (last && last[0] + last[1] === block) last[1]++
    else runs.push([block, 1])
  }
  return runs
}

/** A section of the file and where it lies in memory. */
interface Part extends Section {
  pointer: number
  size: number
}

interface Absent {
  source: Source
  part: Part
  rowBytes: number
  /** Of each row whether its floats were read. */
  present: Uint8Array
}

interface Room {
  /** Memory to begin with. */
  bytes?: number
  threads?: number
}

/** What the file's header says of the index. */
interface About extends GraphState {
  options: HnswSettings
  dimension: number
  ids: IdKind
  next: number
  calibration?: Calibration
}

/** Checks what a header says before memory is taken for it. */
function readAbout({ about, bytes, changes }: Header): About {
  const given = (changes.at(-1)?.about ?? about) as unknown as About
  const { options, dimension, count, entry, top, upper, step, halves = false, ids = 'sequence', next = count } = given
  const whole = (value: number, most: number) => Number.isInteger(value) && value >= 0 && value <= most
  try {
    const settings = readOptions(options)
    const fits = whole(dimension, 65_536) && dimension > 0 && whole(count, mostRows) && whole(upper, 2 ** 30)
    const coded = step === null ? !halves : typeof step === 'number' && step > 0 && settings.metric !== 'ip'
    const called = idKinds.includes(ids) && whole(next, 2 ** 32) && typeof halves === 'boolean'
    const links = Math.round(settings.M * settings.layer0Factor)
    // The file holds all that memory is taken for.
    const size = count * (dimension * (halves ? 2 : 4) + links * 4) + upper * 4
    if (fits && coded && called && whole(entry, none) && Number.isInteger(top) && size <= bytes)
      return {
        options: settings,
        dimension,
        count,
        entry,
        top,
        upper,
        step,
        halves,
        ids,
        next,
        calibration: readCalibration(given),
      }
  } catch {
    // said below
  }
  throw damaged('its header')
}

function readCalibration({ calibration }: About): Calibration | undefined {
  if (!calibration) return undefined
  const { queries, curves } = calibration
  const sound = curves.every(
    ({ k, points }) => k > 0 && points.length && points.every(([ef, recall]) => ef > 0 && recall >= 0 && recall <= 1),
  )
  if (!sound || !curves.length || !(queries >= 0)) throw damaged('its header')
  return calibration
}

/** Bytes that an index of so many rows needs, so that its memory need not grow step by step. */
function estimate(rows: number, columns: number, options: HnswOptions): number {
  const { M = 16, layer0Factor = 2, codes, metric, keepFloats } = options
  const withCodes = codes !== 'none' && metric !== 'ip'
  const floats = withCodes && keepFloats === 'f16' ? 2 : 4
  const row = floats * columns + 4 * M * (layer0Factor + 0.1) + (withCodes ? columns + 16 : 0) + 32
  return Number.isFinite(rows * row) ? rows * row : 0
}
