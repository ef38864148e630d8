/**
 * HNSW, hierarchical navigable small worlds (arXiv 1603.09320): approximate nearest neighbours in a graph of layers. Graph, codes
 * and vectors lie in WebAssembly memory; building, searching and deleting are one call a batch.
 */
import { breathe, InputError, type LongCall, type Matrix, requireFinite } from '@offprint/kernels'
import { efFor, measureRecall } from './hnsw-calibration.ts'
import { type GrowingFile, HnswFile, hnswFormat, readAbout } from './hnsw-file.ts'
import { HnswFilter, passingOf } from './hnsw-filter.ts'
import { type Call, HnswGraph, mostRows, none } from './hnsw-graph.ts'
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
import { type HnswId, type IdList, RowIds } from './row-ids.ts'
import { readHeader, type Source } from './sections.ts'

/** In a batch's ids: fewer neighbours were found than asked for. Where ids are bigints it is 2⁶⁴ − 1, for strings ''. */
export const noNeighbour = none

const queriesAtOnce = 64
/** Squared length up to which no squared distance overflows. */
const longestSquare = 8e37
const largestHalf = 65_504
const mostAnswerBytes = 2 ** 32
const defaultLimit = 10_000
/** Candidates of the first walk for a range. */
const rangeEf = 64
/** Deleted rows are taken out of the graph by themselves once they are this share of all. */
const mostDeleted = 0.1
const fewDeleted = 64

export class Hnsw<Id extends HnswId = number> {
  readonly dimension: number
  readonly #settings: HnswSettings
  readonly #graph: HnswGraph
  readonly #ids: RowIds
  readonly #file: HnswFile
  /** Additions, repairs and saving take turns. */
  #turn: Promise<unknown> = Promise.resolve()
  #repairing = false
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
    this.#file = new HnswFile(this.#graph, ids, work => this.#inTurn(work))
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
    const header = readHeader(source, hnswFormat)
    const about = readAbout(header)
    const ids = new RowIds(about.ids)
    ids.next = about.next
    const index = new Hnsw<Id>(about.dimension, about.options, { bytes: header.bytes, threads }, ids)
    index.#file.calibration = about.calibration
    index.#file.load(source, header, about, lazy)
    return index
  }

  /**
   * Resolved when all of an index that was opened `lazy` is in memory and was found sound; additions wait for it.
   * @throws InputError where the file is damaged; from then on every search says so as well
   */
  get ready(): Promise<void> {
    return this.#file.ready
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
      this.#file.remember()
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

  /** The ids of all rows that are there, in the order of their places in memory. */
  *ids(): Generator<Id> {
    for (let row = 0; row < this.#graph.count; row++) if (this.#graph.isThere(row)) yield this.#ids.at(row) as Id
  }

  /** A row as it is stored: at length 1 where the metric is `cosine`. @throws InputError for an id that is not there */
  vector(id: Id): Float32Array {
    const row = this.#requireRow(id)
    this.#file.fetchAll()
    return this.#graph.vector(row)
  }

  /**
   * Inner products of rows, as they are stored, with another vector: their cosines, where the metric is `cosine` and the vector
   * has length 1.
   * @throws InputError for an id that is not there, or a vector of another length
   */
  innerProducts(ids: ArrayLike<Id>, vector: Float32Array): Float32Array {
    if (vector.length !== this.dimension)
      throw new InputError('vector', `${vector.length} numbers`, `${this.dimension} numbers`)
    const rows = Uint32Array.from(ids, id => this.#requireRow(id))
    this.#file.fetchAll()
    return this.#graph.innerProducts(rows, vector)
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
      if (filter || this.size <= ef) this.#file.fetchAll()
      else this.#file.fetchFound(points, ef)
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
    if (filter || size <= ef || queries.rows > queriesAtOnce) this.#file.fetchAll()
    else this.#file.fetchFound(queries, ef)
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
    this.#file.fetchAll()
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
    this.#file.fetchAll()
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
      const calibration = await measureRecall(this.#graph, { given: queries, sample, signal, onProgress })
      this.#file.calibration = calibration
      return calibration
    })
  }

  /** What `calibrate` measured, here or before the index was saved. */
  get calibration(): Calibration | undefined {
    return this.#file.calibration
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

  /**
   * The way of a search's walk: the nodes whose links it follows, in order, from the entry point down to layer 0. Of equal rows one stands for
   * all; deleted rows are passed through.
   *
   * @param query d floats
   * @param options.ef candidates of the walk, default 50
   * @returns the first 100,000 hops
   * @throws InputError for a wrong query or `ef`
   */
  pathOf(query: Float32Array, { ef = 50 }: { ef?: number } = {}): { id: Id; layer: number }[] {
    const points = { data: query, rows: 1, columns: query.length }
    this.#requireRows(points, 'query')
    requireWhole('ef', ef, 1, mostRows)
    this.#file.fetchAll()
    const pairs = this.#graph.followed(points, Math.min(ef, Math.max(1, this.#graph.count)))
    return Array.from({ length: pairs.length / 2 }, (_, at) => ({
      id: this.#ids.at(pairs[2 * at]) as Id,
      layer: pairs[2 * at + 1],
    }))
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
    return this.#file.toBytes()
  }

  /**
   * Gives the bytes of its file piece by piece, so that they need not be in memory twice. Additions wait meanwhile.
   * @param write is awaited; a piece is its to keep
   */
  writeTo(write: (bytes: Uint8Array, at: number) => Promise<void>): Promise<void> {
    return this.#file.writeTo(write)
  }

  /**
   * Writes what has changed since `writeTo`, or since the index was opened, behind what stands in its file already. A file whose last
   * change was not finished opens as it was before.
   *
   * @returns bytes written; undefined, and nothing is written, where the file must be written whole: it is another one, or too
   * much has changed
   */
  writeChangesTo(file: GrowingFile): Promise<number | undefined> {
    return this.#file.writeChangesTo(file)
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
  #takeIds(rows: number, given?: ArrayLike<Id>): HnswId[] | Uint32Array {
    const ids = this.#ids
    if (!given) {
      if (ids.kind === 'bigint' || ids.kind === 'string')
        throw new InputError('ids', 'nothing', `${ids.kind}s, as the rows before have them`)
      const next = ids.kind === 'sequence' ? this.#graph.count : ids.next
      if (next + rows > none) throw new InputError('ids', String(next + rows), `at most ${none}`)
      return Uint32Array.from({ length: rows }, (_, row) => next + row)
    }
    if (given.length !== rows) throw new InputError('ids', `${given.length} ids`, `${rows} ids, one a row`)
    if (!rows) return []
    const before = ids.kind === 'sequence' && !this.#graph.count ? undefined : ids.kind
    RowIds.kindOf(given, before)
    return Array.from(given)
  }

  /** @throws InputError for an id that is there twice, or in the index already */
  #requireUnique(ids: HnswId[] | Uint32Array, replacing: boolean): void {
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
  async #put(points: Matrix, given: HnswId[] | Uint32Array, options: LongCall & { keep?: boolean }): Promise<number> {
    const ids = this.#ids
    const graph = this.#graph
    this.#file.remember()
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
            if (ids.kind !== 'sequence') added.push(id)
          }
        },
        options,
      )
    } catch (error) {
      // Rows that were in have been deleted again: so are their ids.
      if (!options.keep) for (const id of added) ids.forget(id)
      throw error
    }
    return replaced
  }

  #listOf(given: HnswId[] | Uint32Array): IdList<Id> {
    if (given instanceof Uint32Array) return given as unknown as IdList<Id>
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
    const chosen = ef ?? (recall === undefined ? usual : efFor(this.#file.calibration, wanted, recall))
    return Math.min(Math.max(k, chosen), most)
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
      this.#file.fetchAll()
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

  #requireRows(points: Matrix, field: string): void {
    this.#file.requireSound()
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
      this.#file.requireSound()
      return work()
    })
    this.#turn = result.catch(() => {})
    return result
  }
}

interface Room {
  /** Memory to begin with. */
  bytes?: number
  threads?: number
}

/** Bytes that an index of so many rows needs, so that its memory need not grow step by step. */
function estimate(rows: number, columns: number, options: HnswOptions): number {
  const { M = 16, layer0Factor = 2, codes, metric, keepFloats } = options
  const withCodes = codes !== 'none' && metric !== 'ip'
  const floats = withCodes && keepFloats === 'f16' ? 2 : 4
  const row = floats * columns + 4 * M * (layer0Factor + 0.1) + (withCodes ? columns + 16 : 0) + 32
  return Number.isFinite(rows * row) ? rows * row : 0
}
