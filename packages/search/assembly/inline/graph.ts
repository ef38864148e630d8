// The graph of HNSW (arXiv 1603.09320) in memory, and the walk through it. Memory is the caller's: `bind` is given the address of a
// table of all that the graph consists of, `bindWorkspace` that of one thread's own room. A node's links in layer 0 fill a record
// of 2M ids, in upper layers one of M; a shorter list ends with `none`.
//
// The walk compares 7-bit codes where there are some, else floats; either way a distance is a whole number that sorts as the distance does
// (`key`). A candidate is one i64: key, id, and in the lowest bit whether its links have been followed. So one comparison orders
// candidates, ties go to the lower id, and results do not depend on the machine.
import {
  codeDistance,
  codeDistance4,
  innerProduct,
  innerProduct4,
  squaredDistance,
  squaredDistance4,
} from '../../../kernels/assembly/inline/distance'
import { differingBits4 } from '../../../kernels/assembly/inline/bits'
import { halfBits, halfSquaredDistance4, rebias } from '../../../kernels/assembly/inline/halves'
import { kept } from '../../../kernels/assembly/inline/kept'
import { encodeBits } from './bits'

export const none: u32 = 0xffffffff
export const deletedFlag: u8 = 1
/** Equal to another row, which stands in the graph for both. */
export const twinFlag: u8 = 2
/** Taken out of the graph: the place of a row that may come. */
export const holeFlag: u8 = 4
/** Deleted, and about to be taken out of the graph. */
export const leavingFlag: u8 = 8
export const noBound: i64 = i64.MAX_VALUE

// What is compared; constant wherever a function that takes it is inlined.
export const byCodes: i32 = 0
export const bySquares: i32 = 1
export const byProducts: i32 = 2
export const byHalves: i32 = 3
export const byBits: i32 = 4

export let vectors: usize = 0
export let rowBytes: usize = 0
/** Bytes of a row of 32-bit floats, which queries are; the stored rows may be 16-bit floats. */
export let queryBytes: usize = 0
export let codes: usize = 0
export let codeBytes: usize = 0
export let dimension: i32 = 0
/** Per dimension, the value of code 0; the step from one code to the next is the same in all. */
export let offsets: usize = 0
export let inverseStep: f32 = 0
export let M: i32 = 0
export let links: usize = 0
export let linkCap: i32 = 0
/** Per node, where its upper links start in `upper`, in ids; only read for nodes of level 1 and more. */
export let upperAt: usize = 0
export let upper: usize = 0
export let levels: usize = 0
export let flags: usize = 0
/** Equal rows are one node of the graph and a chain of twins. */
export let twins: usize = 0
/** What the walk compares: codes while rows are added and searched for; bits only while they are searched for. */
export let kind: i32 = byCodes
let addingKind: i32 = byCodes
let searchingKind: i32 = byCodes
/** Dimensions of codes of bits, a power of two. */
let bitCount: i32 = 0
/** What decides in the end. */
export let floatKind: i32 = bySquares
export let simple: boolean = false
/** Options of algorithm 4: places that are left go to candidates that were passed over; links of candidates are candidates too. */
let keepPruned: boolean = false
export let extend: boolean = false

export let count: u32 = 0
export let entry: u32 = none
export let top: i32 = -1
/** Rows that are marked as deleted but still linked; those taken out of the graph already. */
export let deleted: u32 = 0
export let holes: u32 = 0

/** Candidates in ascending order: the best `ef` found so far, and what may not be found among them. */
export let pool: usize = 0
/** Most that the pool holds. */
export let room: i32 = 0
export let size: i32 = 0
let live: i32 = 0
export let bound: i64 = noBound
/** Before it, every candidate's links have been followed. */
let cursor: i32 = 0

export let gather: usize = 0
let gatherRoom: i32 = 0
export let shortlist: usize = 0
export let chosen: usize = 0
export let queryCode: usize = 0
let visited: usize = 0
/** Of this thread: epoch of the visited marks (u32), hops and compared rows (f64). */
let ledger: usize = 0
/** Room for as many ids as the pool holds. */
let extended: usize = 0
/** Room for four keys. */
let lane: usize = 0

/** One bit a node, whether it stands for a row that may be found; 0: all may. */
let nodeFilter: usize = 0
/** One bit a row. */
export let rowFilter: usize = 0
/** A node that no walk may pass through. */
let skipped: u32 = none

export let nearest: u32 = none
export let nearestKey: i32 = 0

/** Where each node whose links are followed is noted with its layer, in the order of the walk; 0: nowhere. */
let trail: usize = 0
let trailRoom: i32 = 0
export let trailLength: i32 = 0

/** From now on walks leave a trail. @param out room for `room` pairs of node and layer; 0: no longer, and what it was stays counted */
export function leaveTrail(out: usize, room: i32): void {
  trail = out
  trailRoom = room
  if (out) trailLength = 0
}

function note(node: u32, layer: i32): void {
  if (trailLength == trailRoom) return
  putId(trail, 2 * trailLength, node)
  putId(trail, 2 * trailLength + 1, <u32>layer)
  trailLength++
}

/** @param table 24 words: see `tableFields` in graph.ts */
export function bind(table: usize): void {
  vectors = word(table, 0)
  rowBytes = word(table, 1)
  queryBytes = word(table, 2)
  codes = word(table, 3)
  codeBytes = word(table, 4)
  dimension = <i32>word(table, 5)
  offsets = word(table, 6)
  inverseStep = load<f32>(table + (7 << 2))
  M = <i32>word(table, 8)
  links = word(table, 9)
  linkCap = <i32>word(table, 10)
  upperAt = word(table, 11)
  upper = word(table, 12)
  levels = word(table, 13)
  flags = word(table, 14)
  twins = word(table, 15)
  floatKind = <i32>word(table, 16)
  bitCount = <i32>word(table, 23)
  addingKind = codes && !bitCount ? byCodes : floatKind
  searchingKind = codes ? (bitCount ? byBits : byCodes) : floatKind
  kind = addingKind
  simple = (word(table, 17) & 1) != 0
  keepPruned = (word(table, 17) & 2) != 0
  extend = (word(table, 17) & 4) != 0
  count = <u32>word(table, 18)
  entry = <u32>word(table, 19)
  top = <i32>word(table, 20)
  deleted = <u32>word(table, 21)
  holes = <u32>word(table, 22)
}

/** @param workspace 9 words: see `workspaceFields` in graph.ts */
export function bindWorkspace(workspace: usize): void {
  pool = word(workspace, 0)
  room = <i32>word(workspace, 1)
  gather = word(workspace, 2)
  gatherRoom = <i32>word(workspace, 3)
  shortlist = word(workspace, 4)
  chosen = word(workspace, 5)
  queryCode = word(workspace, 6)
  visited = word(workspace, 7)
  ledger = word(workspace, 8)
  lane = ledger + 32
  extended = pool + ((<usize>room + 2) << 3)
}

/** From now on only these rows may be found; 0 for all. */
export function setFilter(rows: usize, nodes: usize): void {
  rowFilter = rows
  nodeFilter = nodes
}

/** From now on walks go round this node; `none` for no node. */
export function skip(id: u32): void {
  skipped = id
}

export function setEntry(id: u32, level: i32): void {
  entry = id
  top = level
}

@inline
function word(table: usize, at: i32): usize {
  return load<u32>(table + ((<usize>at) << 2))
}

export function counted(hops: f64, evaluations: f64): void {
  store<f64>(ledger + 8, load<f64>(ledger + 8) + hops)
  store<f64>(ledger + 16, load<f64>(ledger + 16) + evaluations)
}

@inline
export function idOf(candidate: i64): u32 {
  return <u32>candidate >> 1
}
@inline
export function keyOf(candidate: i64): i32 {
  return <i32>(candidate >> 32)
}
@inline
export function candidate(key: i32, id: u32): i64 {
  return ((<i64>key) << 32) | ((<i64>id) << 1)
}
@inline
export function candidateAt(list: usize, index: i32): i64 {
  return load<i64>(list + ((<usize>index) << 3))
}
@inline
export function idAt(list: usize, index: i32): u32 {
  return load<u32>(list + ((<usize>index) << 2))
}
@inline
export function putId(list: usize, index: i32, id: u32): void {
  store<u32>(list + ((<usize>index) << 2), id)
}

/** The float's bits as a whole number that sorts as the floats do. */
@inline
export function sortable(value: f32): i32 {
  const bits = reinterpret<i32>(value)
  return bits ^ ((bits >> 31) & 0x7fffffff)
}
@inline
export function unsortable(key: i32): f32 {
  return reinterpret<f32>(key ^ ((key >> 31) & 0x7fffffff))
}

/** From now on compares as is done for searching, or again as for adding. */
export function forSearching(on: boolean): void {
  kind = on ? searchingKind : addingKind
}

@inline
export function isCoded(kind: i32): boolean {
  return kind == byCodes || kind == byBits
}

@inline
export function rowOf(kind: i32, id: u32): usize {
  return isCoded(kind) ? codes + <usize>id * codeBytes : vectors + <usize>id * rowBytes
}

/** Key of the distance of two rows; 16-bit floats are compared four at a time only. */
@inline
export function distance(kind: i32, a: usize, b: usize): i32 {
  if (kind == byCodes) return codeDistance(a, b, codeBytes)
  if (kind == byBits) return i32x4.extract_lane(differingBits4(a, b, b, b, b, codeBytes), 0)
  return sortable(kind == bySquares ? squaredDistance(a, b, rowBytes) : -innerProduct(a, b, rowBytes))
}

@inline
export function distance4(kind: i32, query: usize, a: usize, b: usize, c: usize, d: usize): v128 {
  if (kind == byCodes) return codeDistance4(query, a, b, c, d, codeBytes)
  if (kind == byBits) return differingBits4(query, a, b, c, d, codeBytes)
  const values =
    kind == byHalves
      ? halfSquaredDistance4(query, a, b, c, d, rowBytes, kept(halfBits), kept(rebias))
      : kind == bySquares
        ? squaredDistance4(query, a, b, c, d, rowBytes)
        : f32x4.neg(innerProduct4(query, a, b, c, d, rowBytes))
  return v128.xor(values, v128.and(i32x4.shr_s(values, 31), i32x4.splat(0x7fffffff)))
}

@inline
export function recordOf(id: u32, layer: i32): usize {
  if (layer == 0) return links + ((<usize>id * linkCap) << 2)
  return upper + ((<usize>load<u32>(upperAt + ((<usize>id) << 2)) + <usize>(layer - 1) * M) << 2)
}
@inline
export function capOf(layer: i32): i32 {
  return layer == 0 ? linkCap : M
}
@inline
export function levelOf(id: u32): i32 {
  return <i32>load<u8>(levels + <usize>id)
}
@inline
export function flagsOf(id: u32): u8 {
  return load<u8>(flags + <usize>id)
}
@inline
export function twinOf(id: u32): u32 {
  return load<u32>(twins + ((<usize>id) << 2))
}
@inline
export function inFilter(filter: usize, id: u32): boolean {
  return (load<u8>(filter + <usize>(id >> 3)) & (1 << (id & 7))) != 0
}
/** Whether a node stands for a row that may be found, or for twins, which are looked at one by one later. */
@inline
function isLive(id: u32): boolean {
  // A place that a row of this batch is about to take has the mark of a hole: it is met beside its mates only.
  if (deleted != 0 && (flagsOf(id) & (deletedFlag | holeFlag)) == deletedFlag && twinOf(id) == none) return false
  return nodeFilter == 0 || inFilter(nodeFilter, id)
}

export function nextEpoch(): void {
  let epoch = load<u32>(ledger)
  if (epoch == 65535) {
    memory.fill(visited, 0, (<usize>count) << 1)
    epoch = 0
  }
  store<u32>(ledger, epoch + 1)
  current = <u16>(epoch + 1)
}
let current: u16 = 0
/** Marks a node; false where it was marked already. */
@inline
export function visit(id: u32): boolean {
  const at = visited + ((<usize>id) << 1)
  if (load<u16>(at) == current) return false
  store<u16>(at, current)
  return true
}
@inline
export function wasVisited(id: u32): boolean {
  return load<u16>(visited + ((<usize>id) << 1)) == current
}

// ---- The pool ----

export function startPool(): void {
  size = 0
  live = 0
  cursor = 0
  bound = noBound
}

/** Puts a candidate that is below `bound` into its place, and drops what falls out of the best `ef`. */
@inline
export function insert(entry: i64, ef: i32): void {
  if (size == room) {
    const last = candidateAt(pool, size - 1)
    if (entry > last) return
    size--
    if (isLive(idOf(last))) live--
    cursor = min(cursor, size)
  }
  let low = cursor
  let high = size
  // What comes while a node's links are followed is seldom nearer than that node.
  if (low > 0 && candidateAt(pool, low - 1) > entry) low = 0
  // By halves, without a branch that cannot be foretold.
  for (let n = high - low; n > 0; ) {
    const half = (n + 1) >> 1
    low = select<i32>(low + half, low, candidateAt(pool, low + half - 1) < entry)
    n -= half
  }
  const place = pool + ((<usize>low) << 3)
  let at = pool + ((<usize>size) << 3)
  // Two at a time from the end.
  for (; at >= place + 16; at -= 16) v128.store(at - 8, v128.load(at - 16))
  if (at > place) store<i64>(at, load<i64>(at - 8))
  store<i64>(place, entry)
  size++
  if (low < cursor) cursor = low
  if (isLive(idOf(entry))) live++
  if (live > ef) {
    // The last live one goes, and with it the others that are now beyond the bound.
    while (!isLive(idOf(candidateAt(pool, size - 1)))) size--
    size--
    live--
  }
  if (live == ef) {
    while (!isLive(idOf(candidateAt(pool, size - 1)))) size--
    bound = candidateAt(pool, size - 1)
  }
}

/** Compares the first `found` ids of `gather` with a query, and puts those that are near enough into the pool. */
@inline
function offer(kind: i32, query: usize, found: i32, ef: i32): void {
  const last = idAt(gather, found - 1)
  putId(gather, found, last)
  putId(gather, found + 1, last)
  putId(gather, found + 2, last)
  for (let i = 0; i < found; i += 4) {
    const a = idAt(gather, i)
    const b = idAt(gather, i + 1)
    const c = idAt(gather, i + 2)
    const d = idAt(gather, i + 3)
    const keys = distance4(kind, query, rowOf(kind, a), rowOf(kind, b), rowOf(kind, c), rowOf(kind, d))
    // Most are too far: one look at four.
    let near = i32x4.bitmask(i32x4.le_s(keys, i32x4.splat(keyOf(bound))))
    near &= 15 >> max(0, i + 4 - found)
    if (near) insertNear(keys, near, i, ef)
  }
}

/** Puts those lanes into the pool whose bit is set. @param from where their ids begin in `gather` */
function insertNear(keys: v128, lanes: i32, from: i32, ef: i32): void {
  putLanes(keys)
  for (let near = lanes; near; near &= near - 1) {
    const at = ctz(near)
    const one = candidate(keyInLane(at), idAt(gather, from + at))
    if (one < bound) insert(one, ef)
  }
}

/** As `offer`, for what is not in the innermost loop. */
export function offerFound(query: usize, found: i32, ef: i32): void {
  if (found == 0) return
  if (kind == byCodes) offer(byCodes, query, found, ef)
  else if (kind == byBits) offer(byBits, query, found, ef)
  else if (kind == bySquares) offer(bySquares, query, found, ef)
  else offer(byProducts, query, found, ef)
}

// WebAssembly cannot prefetch. A read whose value nobody waits for does the same: what it touches is on its way from memory while
// other work goes on.
let touched: u32 = 0

@inline
export function touch(start: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 64) touched ^= load<u32>(start + at)
}

/** Touches the rows of the first `found` ids of `gather`, all before any is compared. */
@inline
function touchRows(kind: i32, found: i32): void {
  const bytes = isCoded(kind) ? codeBytes : rowBytes
  for (let i = 0; i < found; i++) touch(rowOf(kind, idAt(gather, i)), bytes)
}

/** Takes the next candidate whose links have not been followed, if there is one. */
@inline
function nextCandidate(): u32 {
  while (cursor < size) {
    const at = pool + ((<usize>cursor) << 3)
    const from = load<i64>(at)
    cursor++
    if (from & 1) continue
    store<i64>(at, from | 1)
    return idOf(from)
  }
  return none
}

/** Algorithm 2: follows links from what is in the pool until the best `ef` have all been followed. */
@inline
function walk(kind: i32, query: usize, ef: i32, layer: i32): void {
  const cap = capOf(layer)
  let followed = 0
  let compared = 0
  for (let node = nextCandidate(); node != none; node = nextCandidate()) {
    followed++
    if (trail) note(node, layer)
    const record = recordOf(node, layer)
    let found = 0
    // Whether a node was met before cannot be foretold, so no branch depends on it.
    for (let i = 0; i < cap; i++) {
      const id = idAt(record, i)
      if (id == none) break
      const at = visited + ((<usize>id) << 1)
      putId(gather, found, id)
      found += i32(load<u16>(at) != current)
      store<u16>(at, current)
    }
    if (found == 0) continue
    compared += found
    touchRows(kind, found)
    if (cursor < size) touch(recordOf(idOf(candidateAt(pool, cursor)), layer), (<usize>cap) << 2)
    offer(kind, query, found, ef)
  }
  counted(<f64>followed, <f64>compared)
}

function walkLayer(query: usize, ef: i32, layer: i32): void {
  if (kind == byCodes) walk(byCodes, query, ef, layer)
  else if (kind == byBits) walk(byBits, query, ef, layer)
  else if (kind == bySquares) walk(bySquares, query, ef, layer)
  else walk(byProducts, query, ef, layer)
}

/** The same in layer 0, past nodes that may not be found to those behind them: compared are only those that may be found. */
function walkAround(query: usize, ef: i32): void {
  let followed = 0
  let compared = 0
  for (let node = nextCandidate(); node != none; node = nextCandidate()) {
    followed++
    const record = recordOf(node, 0)
    let found = 0
    for (let i = 0; i < linkCap; i++) {
      const id = idAt(record, i)
      if (id == none) break
      if (!visit(id)) continue
      if (inFilter(nodeFilter, id)) {
        putId(gather, found++, id)
        continue
      }
      const behind = recordOf(id, 0)
      for (let j = 0; j < linkCap && found < gatherRoom; j++) {
        const other = idAt(behind, j)
        if (other == none) break
        if (inFilter(nodeFilter, other) && visit(other)) putId(gather, found++, other)
      }
    }
    compared += found
    offerFound(query, found, ef)
  }
  counted(<f64>followed, <f64>compared)
}

export function compare(a: usize, b: usize): i32 {
  if (kind == byCodes) return distance(byCodes, a, b)
  if (kind == byBits) return distance(byBits, a, b)
  return kind == bySquares ? distance(bySquares, a, b) : distance(byProducts, a, b)
}

export function compare4(query: usize, list: usize): v128 {
  const a = idAt(list, 0)
  const b = idAt(list, 1)
  const c = idAt(list, 2)
  const d = idAt(list, 3)
  if (kind == byCodes)
    return distance4(byCodes, query, rowOf(byCodes, a), rowOf(byCodes, b), rowOf(byCodes, c), rowOf(byCodes, d))
  if (kind == byBits)
    return distance4(byBits, query, rowOf(byBits, a), rowOf(byBits, b), rowOf(byBits, c), rowOf(byBits, d))
  if (kind == bySquares)
    return distance4(bySquares, query, rowOf(bySquares, a), rowOf(bySquares, b), rowOf(bySquares, c), rowOf(bySquares, d))
  return distance4(byProducts, query, rowOf(byProducts, a), rowOf(byProducts, b), rowOf(byProducts, c), rowOf(byProducts, d))
}

@inline
export function rowOfNode(id: u32): usize {
  return isCoded(kind) ? rowOf(byCodes, id) : rowOf(bySquares, id)
}

/** Goes greedily from the entry point down to just above `layer`; the node reached is `nearest`. */
export function descend(query: usize, layer: i32): void {
  nearest = entry
  nearestKey = compare(query, rowOfNode(entry))
  let compared = 1
  let followed = 0
  for (let at = top; at > layer; at--) {
    for (let from = none; from != nearest; ) {
      from = nearest
      followed++
      if (trail) note(from, at)
      const record = recordOf(from, at)
      let found = 0
      for (; found < M && idAt(record, found) != none; found++) putId(gather, found, idAt(record, found))
      if (found == 0) break
      compared += found
      for (let i = found; i < found + 3; i++) putId(gather, i, idAt(gather, found - 1))
      if (isCoded(kind)) touchRows(byCodes, found)
      else touchRows(bySquares, found)
      for (let i = 0; i < found; i += 4) {
        putLanes(compare4(query, gather + ((<usize>i) << 2)))
        for (let j = 0; j < 4; j++) {
          const key = keyInLane(j)
          const id = idAt(gather, i + j)
          if (key >= nearestKey || id == skipped) continue
          nearestKey = key
          nearest = id
        }
      }
    }
  }
  counted(<f64>followed, <f64>compared)
}

/** Begins at a node instead of where `descend` came to. */
export function beginAt(id: u32, key: i32): void {
  nearest = id
  nearestKey = key
}

/** Fills the pool with the best `ef` of a layer, from the node that is `nearest`. */
export function searchLayer(query: usize, ef: i32, layer: i32): void {
  begin(ef)
  walkLayer(query, ef, layer)
}

/**
 * The same in layer 0 for few rows that may be found: goes round the others, two links at a time, from `nearest` and from some of
 * those rows.
 */
export function searchAround(query: usize, ef: i32, seeds: usize, n: i32): void {
  begin(ef)
  let found = 0
  for (let i = 0; i < n && found < gatherRoom; i++) if (visit(idAt(seeds, i))) putId(gather, found++, idAt(seeds, i))
  offerFound(query, found, ef)
  walkAround(query, ef)
}

/** Offers what the pool's nodes link to and the walk has not met, as algorithm 4 may extend its candidates. */
export function extendPool(query: usize, ef: i32, layer: i32): void {
  const cap = capOf(layer)
  // The pool changes meanwhile: its nodes are listed first.
  const n = min(size, ef)
  for (let i = 0; i < n; i++) putId(extended, i, idOf(candidateAt(pool, i)))
  for (let i = 0; i < n; i++) {
    const record = recordOf(idAt(extended, i), layer)
    let found = 0
    for (let j = 0; j < cap; j++) {
      const id = idAt(record, j)
      if (id == none) break
      if (visit(id)) putId(gather, found++, id)
    }
    offerFound(query, found, ef)
  }
}

function begin(ef: i32): void {
  nextEpoch()
  startPool()
  if (skipped != none) visit(skipped)
  visit(nearest)
  insert(candidate(nearestKey, nearest), ef)
}

/**
 * Algorithm 4 for candidates that are extended already: takes them by distance, each unless one already taken is nearer to
 * it than `q` is; then, where pruned ones are kept, the nearest of those.
 * @param candidates in ascending order @param out room for three more ids than `most`
 * @param taken how many ids are in `out` already, and stay
 */
export function selectLinks(candidates: usize, n: i32, most: i32, out: usize, taken: i32 = 0): i32 {
  if (taken > 0) repeatLast(out, taken)
  for (let i = 0; i < n && taken < most; i++) {
    const one = candidateAt(candidates, i)
    const id = idOf(one)
    if (!isLive(id)) continue
    const limit = i32x4.splat(keyOf(one))
    const row = rowOfNode(id)
    let keep = true
    for (let at = 0; keep && !simple && at < taken; at += 4)
      keep = !v128.any_true(i32x4.lt_s(compare4(row, out + ((<usize>at) << 2)), limit))
    if (!keep) continue
    putId(out, taken++, id)
    repeatLast(out, taken)
  }
  for (let i = 0; keepPruned && i < n && taken < most; i++) {
    const id = idOf(candidateAt(candidates, i))
    let fresh = isLive(id)
    for (let at = 0; fresh && at < taken; at++) fresh = idAt(out, at) != id
    if (!fresh) continue
    putId(out, taken++, id)
    repeatLast(out, taken)
  }
  return taken
}

/** Groups of four are always full. */
@inline
function repeatLast(list: usize, n: i32): void {
  const id = idAt(list, n - 1)
  putId(list, n, id)
  putId(list, n + 1, id)
  putId(list, n + 2, id)
}

/** Keys of four rows by the floats. @param query 32-bit floats */
export function floatKeys4(query: usize, a: u32, b: u32, c: u32, d: u32): v128 {
  const ra = rowOf(bySquares, a)
  const rb = rowOf(bySquares, b)
  const rc = rowOf(bySquares, c)
  const rd = rowOf(bySquares, d)
  if (floatKind == bySquares) return distance4(bySquares, query, ra, rb, rc, rd)
  return floatKind == byHalves
    ? distance4(byHalves, query, ra, rb, rc, rd)
    : distance4(byProducts, query, ra, rb, rc, rd)
}

/** One of the keys that were put there. */
@inline
export function keyInLane(at: i32): i32 {
  return load<i32>(lane + ((<usize>at) << 2))
}
@inline
export function putLanes(keys: v128): void {
  v128.store(lane, keys)
}

/** Insertion into a sorted list of at most k; gives its new length. */
@inline
export function keepBest(list: usize, n: i32, k: i32, one: i64): i32 {
  let at = n
  if (n == k) {
    if (one >= candidateAt(list, k - 1)) return n
    at = k - 1
  }
  for (; at > 0 && candidateAt(list, at - 1) > one; at--)
    store<i64>(list + ((<usize>at) << 3), candidateAt(list, at - 1))
  store<i64>(list + ((<usize>at) << 3), one)
  return n == k ? n : n + 1
}

/** Writes a row's code. */
export function encode(row: usize, code: usize): void {
  if (bitCount) {
    encodeBits(row, code, dimension, offsets, bitCount, queryCode + codeBytes)
    return
  }
  for (let j = 0; j < dimension; j++) {
    const at = (<usize>j) << 2
    const scaled = f32.nearest((load<f32>(row + at) - load<f32>(offsets + at)) * inverseStep)
    store<u8>(code + j, <u8>max<f32>(0, min<f32>(127, scaled)))
  }
  for (let j = <usize>dimension; j < codeBytes; j++) store<u8>(code + j, 0)
}
