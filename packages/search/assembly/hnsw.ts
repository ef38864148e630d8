// HNSW (arXiv 1603.09320): the graph is built and searched wholly in here, one call a batch. Memory is the caller's: `bind` is given
// every pointer, again after each growth. A node's links in layer 0 fill a record of 2M ids, in upper layers one of M; a
// shorter list ends with `none`.
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
} from '../../kernels/assembly/inline/distance'

const none: u32 = 0xffffffff
const deletedFlag: u8 = 1
const twinFlag: u8 = 2
const noBound: i64 = i64.MAX_VALUE

// What the walk compares; constant wherever a function that takes it is inlined.
const byCodes: i32 = 0
const bySquares: i32 = 1
const byProducts: i32 = 2

let vectors: usize = 0
let rowBytes: usize = 0
let codes: usize = 0
let codeBytes: usize = 0
let dimension: i32 = 0
/** Per dimension, the value of code 0; the step from one code to the next is the same in all. */
let offsets: usize = 0
let inverseStep: f32 = 0
let M: i32 = 0
let links: usize = 0
let linkCap: i32 = 0
/** Per node, where its upper links start in `upper`, in ids; only read for nodes of level 1 and more. */
let upperAt: usize = 0
let upper: usize = 0
let levels: usize = 0
let flags: usize = 0
/** Equal rows are one node of the graph and a chain of twins. */
let twins: usize = 0
let visited: usize = 0
let kind: i32 = byCodes
let simple: boolean = false

let count: u32 = 0
let entry: u32 = none
let top: i32 = -1
let deleted: u32 = 0
let epoch: u32 = 0

/** Candidates in ascending order: the best `ef` found so far, and what was deleted among them. */
let pool: usize = 0
let size: i32 = 0
let live: i32 = 0
let bound: i64 = noBound
/** Before it, every candidate's links have been followed. */
let cursor: i32 = 0

let gather: usize = 0
let shortlist: usize = 0
let chosen: usize = 0
let queryCode: usize = 0

let nearest: u32 = none
let nearestKey: i32 = 0

let hops: f64 = 0
let evaluations: f64 = 0

export function bind(
  vectors_: usize,
  rowBytes_: usize,
  codes_: usize,
  codeBytes_: usize,
  dimension_: i32,
  offsets_: usize,
  inverseStep_: f32,
  M_: i32,
  linkCap_: i32,
  links_: usize,
  upperAt_: usize,
  upper_: usize,
  levels_: usize,
  flags_: usize,
  twins_: usize,
  visited_: usize,
  products: boolean,
): void {
  vectors = vectors_
  rowBytes = rowBytes_
  codes = codes_
  codeBytes = codeBytes_
  dimension = dimension_
  offsets = offsets_
  inverseStep = inverseStep_
  M = M_
  linkCap = linkCap_
  links = links_
  upperAt = upperAt_
  upper = upper_
  levels = levels_
  flags = flags_
  twins = twins_
  visited = visited_
  kind = codes_ ? byCodes : products ? byProducts : bySquares
}

/** Room for: candidates of a walk; a node's links; a sorted list of these; a new node's links in each layer; a code. */
export function bindScratch(pool_: usize, gather_: usize, shortlist_: usize, chosen_: usize, queryCode_: usize): void {
  pool = pool_
  gather = gather_
  shortlist = shortlist_
  chosen = chosen_
  queryCode = queryCode_
}

export function setState(count_: u32, entry_: u32, top_: i32, deleted_: u32): void {
  count = count_
  entry = entry_
  top = top_
  deleted = deleted_
}

/** Algorithm 3 instead of 4: the nearest candidates as they are. */
export function selectSimply(on: boolean): void {
  simple = on
}

/** After the visited marks were moved or cleared. */
export function resetEpoch(): void {
  epoch = 0
}

export function entryPoint(): u32 {
  return entry
}
export function topLevel(): i32 {
  return top
}
export function takeHops(): f64 {
  const taken = hops
  hops = 0
  return taken
}
export function takeEvaluations(): f64 {
  const taken = evaluations
  evaluations = 0
  return taken
}

@inline
function idOf(candidate: i64): u32 {
  return <u32>candidate >> 1
}
@inline
function keyOf(candidate: i64): i32 {
  return <i32>(candidate >> 32)
}
@inline
function candidate(key: i32, id: u32): i64 {
  return ((<i64>key) << 32) | ((<i64>id) << 1)
}
@inline
function candidateAt(list: usize, index: i32): i64 {
  return load<i64>(list + ((<usize>index) << 3))
}
@inline
function idAt(list: usize, index: i32): u32 {
  return load<u32>(list + ((<usize>index) << 2))
}
@inline
function putId(list: usize, index: i32, id: u32): void {
  store<u32>(list + ((<usize>index) << 2), id)
}

/** The float's bits as a whole number that sorts as the floats do. */
@inline
function sortable(value: f32): i32 {
  const bits = reinterpret<i32>(value)
  return bits ^ ((bits >> 31) & 0x7fffffff)
}
@inline
function unsortable(key: i32): f32 {
  return reinterpret<f32>(key ^ ((key >> 31) & 0x7fffffff))
}

@inline
function rowOf(kind: i32, id: u32): usize {
  return kind == byCodes ? codes + <usize>id * codeBytes : vectors + <usize>id * rowBytes
}

@inline
function distance(kind: i32, a: usize, b: usize): i32 {
  if (kind == byCodes) return codeDistance(a, b, codeBytes)
  return sortable(kind == bySquares ? squaredDistance(a, b, rowBytes) : -innerProduct(a, b, rowBytes))
}

@inline
function distance4(kind: i32, query: usize, a: usize, b: usize, c: usize, d: usize): v128 {
  if (kind == byCodes) return codeDistance4(query, a, b, c, d, codeBytes)
  const values =
    kind == bySquares ? squaredDistance4(query, a, b, c, d, rowBytes) : f32x4.neg(innerProduct4(query, a, b, c, d, rowBytes))
  return v128.xor(values, v128.and(i32x4.shr_s(values, 31), i32x4.splat(0x7fffffff)))
}

@inline
function recordOf(id: u32, layer: i32): usize {
  if (layer == 0) return links + ((<usize>id * linkCap) << 2)
  return upper + ((<usize>load<u32>(upperAt + ((<usize>id) << 2)) + <usize>(layer - 1) * M) << 2)
}
@inline
function capOf(layer: i32): i32 {
  return layer == 0 ? linkCap : M
}
@inline
function flagsOf(id: u32): u8 {
  return load<u8>(flags + <usize>id)
}
@inline
function twinOf(id: u32): u32 {
  return load<u32>(twins + ((<usize>id) << 2))
}
/** Whether a node stands for any row that was not deleted (or for twins, which are looked at one by one later). */
@inline
function isLive(id: u32): boolean {
  return deleted == 0 || !(flagsOf(id) & deletedFlag) || twinOf(id) != none
}

function nextEpoch(): void {
  if (epoch == 65535) {
    memory.fill(visited, 0, (<usize>count) << 1)
    epoch = 0
  }
  epoch++
}
/** Marks a node; false where it was marked already. */
@inline
function visit(id: u32): boolean {
  const at = visited + ((<usize>id) << 1)
  if (load<u16>(at) == <u16>epoch) return false
  store<u16>(at, <u16>epoch)
  return true
}

// ---- The pool ----

@inline
function startPool(): void {
  size = 0
  live = 0
  cursor = 0
  bound = noBound
}

/** Puts a candidate that is below `bound` into its place, and drops what falls out of the best `ef`. */
@inline
function insert(entry: i64, ef: i32): void {
  let low = cursor
  let high = size
  // What comes while a node's links are followed is seldom nearer than that node.
  if (low > 0 && candidateAt(pool, low - 1) > entry) low = 0
  while (low < high) {
    const middle = (low + high) >>> 1
    if (candidateAt(pool, middle) < entry) low = middle + 1
    else high = middle
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
    // The last live one goes, and with it the deleted ones that are now beyond the bound.
    while (!isLive(idOf(candidateAt(pool, size - 1)))) size--
    size--
    live--
  }
  if (live == ef) {
    while (!isLive(idOf(candidateAt(pool, size - 1)))) size--
    bound = candidateAt(pool, size - 1)
  }
}

/** Algorithm 2: follows links from what is in the pool until the best `ef` have all been followed. */
@inline
function walk(kind: i32, query: usize, ef: i32, layer: i32): void {
  const cap = capOf(layer)
  let followed = 0
  let compared = 0
  while (cursor < size) {
    const at = pool + ((<usize>cursor) << 3)
    const from = load<i64>(at)
    cursor++
    if (from & 1) continue
    store<i64>(at, from | 1)
    followed++
    const record = recordOf(idOf(from), layer)
    let found = 0
    for (let i = 0; i < cap; i++) {
      const id = idAt(record, i)
      if (id == none) break
      if (visit(id)) putId(gather, found++, id)
    }
    if (found == 0) continue
    compared += found
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
      const ea = candidate(i32x4.extract_lane(keys, 0), a)
      if (ea < bound) insert(ea, ef)
      if (i + 1 < found) {
        const eb = candidate(i32x4.extract_lane(keys, 1), b)
        if (eb < bound) insert(eb, ef)
      }
      if (i + 2 < found) {
        const ec = candidate(i32x4.extract_lane(keys, 2), c)
        if (ec < bound) insert(ec, ef)
      }
      if (i + 3 < found) {
        const ed = candidate(i32x4.extract_lane(keys, 3), d)
        if (ed < bound) insert(ed, ef)
      }
    }
  }
  hops += <f64>followed
  evaluations += <f64>compared
}

function walkLayer(query: usize, ef: i32, layer: i32): void {
  if (kind == byCodes) walk(byCodes, query, ef, layer)
  else if (kind == bySquares) walk(bySquares, query, ef, layer)
  else walk(byProducts, query, ef, layer)
}

function compare(a: usize, b: usize): i32 {
  if (kind == byCodes) return distance(byCodes, a, b)
  return kind == bySquares ? distance(bySquares, a, b) : distance(byProducts, a, b)
}

function compare4(query: usize, list: usize): v128 {
  const a = idAt(list, 0)
  const b = idAt(list, 1)
  const c = idAt(list, 2)
  const d = idAt(list, 3)
  if (kind == byCodes)
    return distance4(byCodes, query, rowOf(byCodes, a), rowOf(byCodes, b), rowOf(byCodes, c), rowOf(byCodes, d))
  if (kind == bySquares)
    return distance4(bySquares, query, rowOf(bySquares, a), rowOf(bySquares, b), rowOf(bySquares, c), rowOf(bySquares, d))
  return distance4(byProducts, query, rowOf(byProducts, a), rowOf(byProducts, b), rowOf(byProducts, c), rowOf(byProducts, d))
}

@inline
function rowOfNode(id: u32): usize {
  return kind == byCodes ? rowOf(byCodes, id) : rowOf(bySquares, id)
}

/** Goes greedily from the entry point down to just above `layer`; the node reached is `nearest`. */
function descend(query: usize, layer: i32): void {
  nearest = entry
  nearestKey = compare(query, rowOfNode(entry))
  let compared = 1
  for (let at = top; at > layer; at--) {
    for (let moved = true; moved; ) {
      moved = false
      hops++
      const record = recordOf(nearest, at)
      for (let i = 0; i < M; i++) {
        const id = idAt(record, i)
        if (id == none) break
        compared++
        const key = compare(query, rowOfNode(id))
        if (key < nearestKey) {
          nearestKey = key
          nearest = id
          moved = true
        }
      }
    }
  }
  evaluations += <f64>compared
}

/** Fills the pool with the best `ef` of a layer, from the node that is `nearest`. */
function searchLayer(query: usize, ef: i32, layer: i32): void {
  nextEpoch()
  startPool()
  visit(nearest)
  insert(candidate(nearestKey, nearest), ef)
  walkLayer(query, ef, layer)
}

// ---- Building ----

/**
 * Algorithm 4 without extended candidates and without keeping the pruned: takes candidates by distance, each unless
 * one already taken is nearer to it than `q` is.
 * @param candidates in ascending order @param out room for three more ids than `most`
 */
function select(candidates: usize, n: i32, most: i32, out: usize): i32 {
  let taken = 0
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
    // Groups of four are always full: the last is repeated.
    putId(out, taken, id)
    putId(out, taken + 1, id)
    putId(out, taken + 2, id)
  }
  return taken
}

function writeRecord(record: usize, cap: i32, list: usize, n: i32): void {
  memory.copy(record, list, (<usize>n) << 2)
  for (let i = n; i < cap; i++) putId(record, i, none)
}

/** Adds the link `from` → `to`; a full record is selected anew from its links and `to`. */
function link(from: u32, to: u32, layer: i32): void {
  const record = recordOf(from, layer)
  const cap = capOf(layer)
  let n = 0
  while (n < cap && idAt(record, n) != none) n++
  if (n < cap) {
    putId(record, n, to)
    return
  }
  memory.copy(gather, record, (<usize>n) << 2)
  putId(gather, n, to)
  n++
  for (let i = n; i < n + 3; i++) putId(gather, i, to)
  const row = rowOfNode(from)
  for (let i = 0; i < n; i += 4) {
    const keys = compare4(row, gather + ((<usize>i) << 2))
    sortIn(candidate(i32x4.extract_lane(keys, 0), idAt(gather, i)), i)
    if (i + 1 < n) sortIn(candidate(i32x4.extract_lane(keys, 1), idAt(gather, i + 1)), i + 1)
    if (i + 2 < n) sortIn(candidate(i32x4.extract_lane(keys, 2), idAt(gather, i + 2)), i + 2)
    if (i + 3 < n) sortIn(candidate(i32x4.extract_lane(keys, 3), idAt(gather, i + 3)), i + 3)
  }
  const kept = select(shortlist, n, cap, gather)
  writeRecord(record, cap, gather, kept)
}

/** Insertion into the sorted shortlist, which has `n` members. */
@inline
function sortIn(one: i64, n: i32): void {
  let at = n
  for (; at > 0 && candidateAt(shortlist, at - 1) > one; at--)
    store<i64>(shortlist + ((<usize>at) << 3), candidateAt(shortlist, at - 1))
  store<i64>(shortlist + ((<usize>at) << 3), one)
}

@inline
function equalRows(a: u32, b: u32): boolean {
  return memory.compare(vectors + <usize>a * rowBytes, vectors + <usize>b * rowBytes, rowBytes) == 0
}

/** Algorithm 1 for rows `from` to `to` − 1, whose vectors, codes, levels and empty records are in place. */
export function insertRange(from: u32, to: u32, efConstruction: i32): void {
  for (let id = from; id < to; id++) {
    count = id + 1
    insertOne(id, efConstruction)
  }
}

function insertOne(id: u32, efConstruction: i32): void {
  const level = <i32>load<u8>(levels + <usize>id)
  if (entry == none) {
    entry = id
    top = level
    return
  }
  const query = rowOfNode(id)
  const first = min(level, top)
  descend(query, first)
  const room = M + 4
  // All layers are searched before anything is linked: an equal row may turn up in the last.
  for (let layer = first; layer >= 0; layer--) {
    searchLayer(query, efConstruction, layer)
    const list = chosen + ((<usize>layer * room) << 2)
    putId(list, room - 1, <u32>select(pool, size, M, list))
    nearest = idOf(candidateAt(pool, 0))
    nearestKey = keyOf(candidateAt(pool, 0))
  }
  const least = keyOf(candidateAt(pool, 0))
  // Equal rows have equal codes, and the distance of a row to itself is the least there is (but not by inner product).
  if (kind != byProducts && least == 0) {
    for (let i = 0; i < size && keyOf(candidateAt(pool, i)) == 0; i++) {
      const other = idOf(candidateAt(pool, i))
      if (!equalRows(other, id)) continue
      store<u32>(twins + ((<usize>id) << 2), twinOf(other))
      store<u32>(twins + ((<usize>other) << 2), id)
      store<u8>(flags + <usize>id, flagsOf(id) | twinFlag)
      return
    }
  }
  for (let layer = first; layer >= 0; layer--) {
    const list = chosen + ((<usize>layer * room) << 2)
    const n = <i32>idAt(list, room - 1)
    writeRecord(recordOf(id, layer), capOf(layer), list, n)
    for (let i = 0; i < n; i++) link(idAt(list, i), id, layer)
  }
  if (level > top) {
    entry = id
    top = level
  }
}

/**
 * Marks what layer 0 reaches from the entry point, and lists the nodes that it does not.
 * @param queue room for `count` ids @param out room for `count` ids @returns how many are listed
 */
export function unreached(queue: usize, out: usize): u32 {
  if (entry == none) return 0
  nextEpoch()
  visit(entry)
  putId(queue, 0, entry)
  let end = 1
  for (let at = 0; at < end; at++) {
    const record = recordOf(idAt(queue, at), 0)
    for (let i = 0; i < linkCap; i++) {
      const id = idAt(record, i)
      if (id == none) break
      if (visit(id)) putId(queue, end++, id)
    }
  }
  let found: u32 = 0
  for (let id: u32 = 0; id < count; id++) {
    if (flagsOf(id) & twinFlag) continue
    if (load<u16>(visited + ((<usize>id) << 1)) != <u16>epoch) putId(out, found++, id)
  }
  return found
}

/**
 * Links a node that nothing reaches from one of its nearest that is reached: from the first with a free place; if
 * there is none, from the nearest, whose last link the node takes over.
 */
export function reconnect(id: u32, efConstruction: i32): void {
  const query = rowOfNode(id)
  // From the entry point in layer 0, so that whatever is found is reached.
  nearest = entry
  nearestKey = compare(query, rowOfNode(entry))
  searchLayer(query, efConstruction, 0)
  for (let i = 0; i < size; i++) {
    const other = idOf(candidateAt(pool, i))
    if (other == id) return
    const record = recordOf(other, 0)
    if (idAt(record, linkCap - 1) != none) continue
    let n = 0
    while (idAt(record, n) != none) n++
    putId(record, n, id)
    return
  }
  const record = recordOf(idOf(candidateAt(pool, 0)), 0)
  const replaced = idAt(record, linkCap - 1)
  putId(record, linkCap - 1, id)
  const own = recordOf(id, 0)
  let n = 0
  while (n < linkCap - 1 && idAt(own, n) != none) n++
  putId(own, n, replaced)
}

/** Whether links, levels and twins are such that no walk can leave the index: 0, or the number of the rule that is broken. */
export function broken(upperSize: u32): i32 {
  if (count == 0) return entry == none && top == -1 ? 0 : 1
  if (entry >= count || top < 0 || top > 15 || <i32>load<u8>(levels + <usize>entry) != top) return 2
  for (let id: u32 = 0; id < count; id++) {
    const level = <i32>load<u8>(levels + <usize>id)
    if (level > top) {
      // A twin is not in the graph and may have drawn any level.
      if (!(flagsOf(id) & twinFlag) || level > 15) return 3
    }
    const twin = twinOf(id)
    if (twin != none && (twin >= count || !(flagsOf(twin) & twinFlag))) return 4
    if (level > 0) {
      const start = <u64>load<u32>(upperAt + ((<usize>id) << 2))
      if (start + <u64>level * M > <u64>upperSize) return 5
    }
    for (let layer = 0; layer <= level; layer++) {
      const record = recordOf(id, layer)
      const cap = capOf(layer)
      for (let i = 0; i < cap; i++) {
        const to = idAt(record, i)
        if (to == none) break
        if (to >= count || to == id || flagsOf(to) & twinFlag || <i32>load<u8>(levels + <usize>to) < layer) return 6
      }
    }
  }
  // Each twin hangs in one chain only, so chains end.
  nextEpoch()
  for (let id: u32 = 0; id < count; id++) {
    const twin = twinOf(id)
    if (twin != none && !visit(twin)) return 7
  }
  // A circle of twins has no start outside of it.
  for (let id: u32 = 0; id < count; id++)
    if (flagsOf(id) & twinFlag && load<u16>(visited + ((<usize>id) << 1)) != <u16>epoch) return 8
  let reached: u32 = 0
  for (let id: u32 = 0; id < count; id++) {
    if (flagsOf(id) & twinFlag) continue
    for (let at = id; at != none; at = twinOf(at)) reached++
  }
  return reached == count ? 0 : 9
}

/** Links of all nodes in layer 0. */
export function linkTotal(): f64 {
  let total: f64 = 0
  for (let id: u32 = 0; id < count; id++) {
    const record = recordOf(id, 0)
    for (let i = 0; i < linkCap && idAt(record, i) != none; i++) total++
  }
  return total
}

// ---- Codes ----

/** Writes the codes of rows `from` to `to` − 1. */
export function encodeRows(from: u32, to: u32): void {
  for (let id = from; id < to; id++) encode(vectors + <usize>id * rowBytes, codes + <usize>id * codeBytes)
}

function encode(row: usize, code: usize): void {
  for (let j = 0; j < dimension; j++) {
    const at = (<usize>j) << 2
    const scaled = f32.nearest((load<f32>(row + at) - load<f32>(offsets + at)) * inverseStep)
    store<u8>(code + j, <u8>max<f32>(0, min<f32>(127, scaled)))
  }
  for (let j = <usize>dimension; j < codeBytes; j++) store<u8>(code + j, 0)
}

// ---- Searching ----

/**
 * Algorithm 5 for queries `from` to `to` − 1: the best `ef` by the walk, of these the best `k` by the floats.
 *
 * @param queries rows like `vectors` @param results room for k candidates
 * @param ids k a query; `none` where fewer are found @param distances the same, as `sqDistance`, or 1 − inner product
 * @param scale factor on the distances
 */
export function searchMany(
  queries: usize,
  from: u32,
  to: u32,
  k: i32,
  ef: i32,
  results: usize,
  ids: usize,
  distances: usize,
  scale: f32,
): void {
  for (let q = from; q < to; q++) {
    const row = queries + <usize>q * rowBytes
    let query = row
    if (kind == byCodes) {
      encode(row, queryCode)
      query = queryCode
    }
    let n = 0
    if (entry != none) {
      descend(query, 0)
      searchLayer(query, ef, 0)
      n = rank(row, k, results)
    }
    output(results, n, k, ids + ((<usize>q * k) << 2), distances + ((<usize>q * k) << 2), scale)
  }
}

@inline
function output(results: usize, n: i32, k: i32, ids: usize, distances: usize, scale: f32): void {
  for (let i = 0; i < n; i++) {
    const one = candidateAt(results, i)
    putId(ids, i, idOf(one))
    const value = unsortable(keyOf(one))
    store<f32>(distances + ((<usize>i) << 2), kind == byProducts ? <f32>1 + value : value * scale)
  }
  for (let i = n; i < k; i++) {
    putId(ids, i, none)
    store<f32>(distances + ((<usize>i) << 2), f32.MAX_VALUE)
  }
}

/** The best k rows of the pool's nodes, by the floats. */
function rank(row: usize, k: i32, results: usize): i32 {
  let n = 0
  for (let i = 0; i < size; i++) {
    const id = idOf(candidateAt(pool, i))
    if (!isLive(id)) continue
    const key =
      kind == byCodes ? sortable(squaredDistance(row, vectors + <usize>id * rowBytes, rowBytes)) : keyOf(candidateAt(pool, i))
    for (let at = id; at != none; at = twinOf(at)) {
      // Of many equal rows no more are looked at than are needed.
      if (n == k && key >= keyOf(candidateAt(results, k - 1))) break
      if (flagsOf(at) & deletedFlag) continue
      n = keepBest(results, n, k, candidate(key, at))
    }
  }
  return n
}

/** Insertion into a sorted list of at most k; gives its new length. */
@inline
function keepBest(list: usize, n: i32, k: i32, one: i64): i32 {
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

// ---- Exact search ----

/** Rows of a tile, which stays in the first-level cache while all queries are compared with it. */
const tileBytes: usize = 24576

/**
 * Compares queries `fromQuery` to `toQuery` − 1 with rows `from` to `to` − 1 and keeps each query's best k.
 *
 * @param state k candidates a query, sorted @param lengths how many there are, a query
 * @param codesOnly compare codes (the queries' are made here)
 */
export function scan(
  queries: usize,
  fromQuery: u32,
  toQuery: u32,
  from: u32,
  to: u32,
  k: i32,
  state: usize,
  lengths: usize,
  codesOnly: boolean,
): void {
  if (codesOnly) scanRows(byCodes, queries, fromQuery, toQuery, from, to, k, state, lengths)
  else if (kind == byProducts) scanRows(byProducts, queries, fromQuery, toQuery, from, to, k, state, lengths)
  else scanRows(bySquares, queries, fromQuery, toQuery, from, to, k, state, lengths)
}

@inline
function scanRows(
  kind: i32,
  queries: usize,
  fromQuery: u32,
  toQuery: u32,
  from: u32,
  to: u32,
  k: i32,
  state: usize,
  lengths: usize,
): void {
  const bytes = kind == byCodes ? codeBytes : rowBytes
  const base = kind == byCodes ? codes : vectors
  const tile = max<u32>(4, <u32>(tileBytes / bytes) & ~3)
  for (let start = from; start < to; start += tile) {
    const end = min(start + tile, to)
    for (let q = fromQuery; q < toQuery; q++) {
      let query = queries + <usize>q * rowBytes
      if (kind == byCodes) {
        encode(query, queryCode)
        query = queryCode
      }
      const list = state + ((<usize>q * k) << 3)
      let n = <i32>idAt(lengths, q)
      let worst = n == k ? candidateAt(list, k - 1) : noBound
      for (let id = start; id < end; id += 4) {
        const a = base + <usize>id * bytes
        const last = base + <usize>(end - 1) * bytes
        const keys = distance4(kind, query, a, min(a + bytes, last), min(a + 2 * bytes, last), min(a + 3 * bytes, last))
        for (let lane: u32 = 0; lane < 4; lane++) {
          if (id + lane >= end) break
          const key =
            lane == 0
              ? i32x4.extract_lane(keys, 0)
              : lane == 1
                ? i32x4.extract_lane(keys, 1)
                : lane == 2
                  ? i32x4.extract_lane(keys, 2)
                  : i32x4.extract_lane(keys, 3)
          const one = candidate(key, id + lane)
          if (one >= worst || (deleted != 0 && flagsOf(id + lane) & deletedFlag)) continue
          n = keepBest(list, n, k, one)
          if (n == k) worst = candidateAt(list, k - 1)
        }
      }
      putId(lengths, q, <u32>n)
    }
  }
}

/** Writes what `scan` kept as ids and distances. */
export function scanned(
  queries: u32,
  k: i32,
  state: usize,
  lengths: usize,
  ids: usize,
  distances: usize,
  scale: f32,
): void {
  for (let q: u32 = 0; q < queries; q++)
    output(
      state + ((<usize>q * k) << 3),
      <i32>idAt(lengths, q),
      k,
      ids + ((<usize>q * k) << 2),
      distances + ((<usize>q * k) << 2),
      scale,
    )
}

// ---- CRC-32C of a file's sections (Castagnoli, reflected), eight bytes at a time ----

/** @param table room for 8 × 256 words */
export function crcTable(table: usize): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let value = byte
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0x82f63b78 : 0)
    store<u32>(table + ((<usize>byte) << 2), value)
  }
  for (let slice: usize = 1; slice < 8; slice++)
    for (let byte: usize = 0; byte < 256; byte++) {
      const before = load<u32>(table + (((slice - 1) * 256 + byte) << 2))
      store<u32>(
        table + ((slice * 256 + byte) << 2),
        (before >>> 8) ^ load<u32>(table + ((<usize>(before & 255)) << 2)),
      )
    }
}

@inline
function entryOf(table: usize, slice: usize, byte: u32): u32 {
  return load<u32>(table + ((slice * 256 + <usize>(byte & 255)) << 2))
}

export function crc(table: usize, start: usize, bytes: usize, before: u32): u32 {
  let value = ~before
  let at = start
  const end = start + bytes
  for (; at + 8 <= end; at += 8) {
    const low = load<u32>(at) ^ value
    const high = load<u32>(at + 4)
    value =
      entryOf(table, 7, low) ^
      entryOf(table, 6, low >>> 8) ^
      entryOf(table, 5, low >>> 16) ^
      entryOf(table, 4, low >>> 24) ^
      entryOf(table, 3, high) ^
      entryOf(table, 2, high >>> 8) ^
      entryOf(table, 1, high >>> 16) ^
      entryOf(table, 0, high >>> 24)
  }
  for (; at < end; at++) value = (value >>> 8) ^ entryOf(table, 0, value ^ <u32>load<u8>(at))
  return ~value
}
