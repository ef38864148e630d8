// HNSW (arXiv 1603.09320): the graph is built, searched and mended wholly in here, one call a batch. What is exported works on the graph
// that `bind` was given last; several threads may work on one graph, each with a workspace of its own.
import { innerProduct, innerProduct4 } from '../../kernels/assembly/inline/distance'
import { claim } from '../../kernels/assembly/inline/work-queue'
import {
  beginAt,
  bound,
  byCodes,
  byHalves,
  byProducts,
  bySquares,
  candidate,
  candidateAt,
  capOf,
  chosen,
  codeBytes,
  codes,
  compare,
  compare4,
  count,
  counted,
  deleted,
  deletedFlag,
  descend,
  dimension,
  distance4,
  encode,
  entry,
  extend,
  extendPool,
  flags,
  flagsOf,
  floatKeys4,
  floatKind,
  forSearching,
  gather,
  holeFlag,
  holes,
  idAt,
  idOf,
  inFilter,
  isCoded,
  keepBest,
  keyInLane,
  keyOf,
  kind,
  leaveTrail,
  leavingFlag,
  levelOf,
  levels,
  linkCap,
  links,
  M,
  nearest,
  nearestKey,
  nextEpoch,
  noBound,
  none,
  offerFound,
  pool,
  putId,
  putLanes,
  queryBytes,
  queryCode,
  recordOf,
  rowBytes,
  rowFilter,
  rowOfNode,
  searchAround,
  searchLayer,
  selectLinks,
  setEntry,
  shortlist,
  size,
  sortable,
  startPool,
  top,
  touch,
  trailLength,
  twinFlag,
  twinOf,
  twins,
  unsortable,
  upperAt,
  vectors,
  visit,
  wasVisited,
} from './inline/graph'
import { fromHalves, toHalves } from './inline/half'

export { bind, bindWorkspace, setFilter, skip } from './inline/graph'

export function entryPoint(): u32 {
  return entry
}
export function topLevel(): i32 {
  return top
}
export function newEntry(id: u32, level: i32): void {
  setEntry(id, level)
}

// ---- Building ----
//
// New rows come in batches, in three steps: each looks for its neighbours among the rows of earlier batches by algorithm 1, and
// among those before it in its batch by comparing all; equal rows become twins; links are written in the rows' order. The first step only
// reads the graph and the third writes the records of some nodes only, so that threads share either, and the graph is
// the same for any number of them.

/** What was found for a row of a batch: ids to link to in each layer, and how many. */
@inline
function listOf(found: usize, index: i32, layer: i32): usize {
  return found + ((<usize>(layer * rowsOfBatch + index) * (M + 4)) << 2)
}
/** As in hnsw-graph.ts. Layer by layer, so that the memory of layers that there are not is never touched. */
const rowsOfBatch: i32 = 256

/**
 * The first step, for rows `from` to `to` − 1 of a batch, whose vectors, codes, levels and empty records are in place.
 * @param batch ids of the batch's rows
 * @param found room for 16 × (M + 4) ids a row: those to link to
 * @param equals a row's equal, or `none`
 */
export function findLinks(batch: usize, from: i32, to: i32, found: usize, equals: usize, efConstruction: i32): void {
  for (let index = from; index < to; index++) findLinksOf(batch, index, found, equals, efConstruction)
}

/** The same, in as many threads as call it. @param queue that the rows of the batch, `n`, are taken from */
export function findLinksOfPieces(batch: usize, n: u32, found: usize, equals: usize, efConstruction: i32, queue: usize): void {
  for (;;) {
    const from = claim(queue, rowsOfPiece, n)
    if (from >= n) return
    findLinks(batch, from, min(from + rowsOfPiece, n), found, equals, efConstruction)
  }
}
const rowsOfPiece: u32 = 4

function findLinksOf(batch: usize, index: i32, found: usize, equals: usize, ef: i32): void {
  const id = idAt(batch, index)
  const level = levelOf(id)
  const query = rowOfNode(id)
  const first = min(level, top)
  putId(equals, index, none)
  if (entry != none) descend(query, first)
  for (let layer = level; layer >= 0; layer--) {
    startPool()
    if (entry != none && layer <= first) {
      searchLayer(query, ef, layer)
      const best = candidateAt(pool, 0)
      beginAt(idOf(best), keyOf(best))
      if (extend) extendPool(query, ef, layer)
    }
    offerMates(batch, index, layer, query, ef)
    const list = listOf(found, index, layer)
    putId(list, M + 3, <u32>selectLinks(pool, size, M, list))
  }
  // Equal rows have equal codes, and the distance of a row to itself is the least there is (but not by inner product).
  if (kind == byProducts) return
  for (let i = 0; i < size && keyOf(candidateAt(pool, i)) == 0; i++) {
    const other = idOf(candidateAt(pool, i))
    if (!equalRows(other, id)) continue
    putId(equals, index, other)
    return
  }
}

/** Offers the rows of a batch before this one. */
function offerMates(batch: usize, index: i32, layer: i32, query: usize, ef: i32): void {
  let found = 0
  for (let other = 0; other < index; other++) {
    const mate = idAt(batch, other)
    if (levelOf(mate) < layer) continue
    putId(gather, found++, mate)
    if (found < linkCap) continue
    offerFound(query, found, ef)
    found = 0
  }
  offerFound(query, found, ef)
  counted(0, <f64>index)
}

/** The second step: equal rows hang on one node, and the highest new node becomes the entry point. */
export function settle(batch: usize, n: i32, found: usize, equals: usize): void {
  let twinned = false
  for (let index = 0; index < n; index++) {
    const id = idAt(batch, index)
    let root = idAt(equals, index)
    if (root != none) {
      // A mate may itself have become a twin.
      for (let other = 0; flagsOf(root) & twinFlag; other++) if (idAt(batch, other) == root) root = idAt(equals, other)
      putId(equals, index, root)
      store<u32>(twins + ((<usize>id) << 2), twinOf(root))
      store<u32>(twins + ((<usize>root) << 2), id)
      store<u8>(flags + <usize>id, flagsOf(id) | twinFlag)
      twinned = true
      continue
    }
    if (levelOf(id) <= top && entry != none) continue
    setEntry(id, levelOf(id))
  }
  if (twinned) for (let index = 0; index < n; index++) followTwins(batch, index, found, equals)
}

/** Links to rows that have become twins go to the nodes that stand for them. */
function followTwins(batch: usize, index: i32, found: usize, equals: usize): void {
  for (let layer = 0; layer <= levelOf(idAt(batch, index)); layer++) {
    const list = listOf(found, index, layer)
    const n = <i32>idAt(list, M + 3)
    let kept = 0
    for (let i = 0; i < n; i++) {
      let id = idAt(list, i)
      for (let other = 0; flagsOf(id) & twinFlag; other++) if (idAt(batch, other) == id) id = idAt(equals, other)
      // The other may be in fewer layers.
      let keep = id != idAt(batch, index) && levelOf(id) >= layer
      for (let j = 0; keep && j < kept; j++) keep = idAt(list, j) != id
      if (keep) putId(list, kept++, id)
    }
    putId(list, M + 3, <u32>kept)
  }
}

/** The third step: writes the records of those nodes whose id leaves `part` when it is divided by `parts`. */
export function linkBatch(batch: usize, n: i32, found: usize, part: u32, parts: u32): void {
  for (let index = 0; index < n; index++) {
    const id = idAt(batch, index)
    if (flagsOf(id) & twinFlag) continue
    for (let layer = levelOf(id); layer >= 0; layer--) {
      const list = listOf(found, index, layer)
      const chosen = <i32>idAt(list, M + 3)
      if (id % parts == part) writeRecord(recordOf(id, layer), capOf(layer), list, chosen)
      for (let i = 0; i < chosen; i++) {
        const to = idAt(list, i)
        if (to % parts == part) link(to, id, layer)
      }
    }
  }
}

function writeRecord(record: usize, cap: i32, list: usize, n: i32): void {
  // A shorter list is never without its end for another thread that reads meanwhile.
  for (let i = n; i < cap; i++) putId(record, i, none)
  memory.copy(record, list, (<usize>n) << 2)
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
  const kept = selectLinks(shortlist, n, cap, gather)
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

// ---- Taking nodes out ----

/**
 * Nodes `from` to `to` − 1 let go of links to nodes that are leaving: they choose anew among their other links and those of
 * the leaving.
 * @returns how many records were mended
 */
export function mend(from: u32, to: u32, ef: i32): u32 {
  let mended: u32 = 0
  for (let id = from; id < to; id++) {
    if (flagsOf(id) & (twinFlag | holeFlag | leavingFlag)) continue
    for (let layer = 0; layer <= levelOf(id); layer++) {
      const record = recordOf(id, layer)
      const cap = capOf(layer)
      for (let i = 0; i < cap; i++) {
        const other = idAt(record, i)
        if (other == none) break
        if (!(flagsOf(other) & leavingFlag)) continue
        mendRecord(id, layer, ef)
        mended++
        break
      }
    }
  }
  return mended
}

function mendRecord(id: u32, layer: i32, ef: i32): void {
  const query = rowOfNode(id)
  const record = recordOf(id, layer)
  const cap = capOf(layer)
  nextEpoch()
  startPool()
  visit(id)
  // The other links stay: many of them are there because others chose this node.
  let kept = 0
  let before = 0
  for (; before < cap && idAt(record, before) != none; before++) {
    const other = idAt(record, before)
    if (flagsOf(other) & leavingFlag || !visit(other)) continue
    putId(chosen, kept++, other)
  }
  let found = 0
  for (let i = 0; i < before; i++) {
    const leaving = idAt(record, i)
    if (!(flagsOf(leaving) & leavingFlag)) continue
    const behind = recordOf(leaving, layer)
    for (let j = 0; j < cap; j++) {
      const other = idAt(behind, j)
      if (other == none) break
      if (flagsOf(other) & leavingFlag || !visit(other)) continue
      putId(gather, found++, other)
      if (found < linkCap) continue
      offerFound(query, found, ef)
      found = 0
    }
  }
  offerFound(query, found, ef)
  const n = selectLinks(pool, size, cap, chosen, kept)
  writeRecord(record, cap, chosen, n)
  for (let i = kept; i < n; i++) linkBack(idAt(chosen, i), id, layer)
}

/** As `link`, where the link may be there already. */
function linkBack(from: u32, to: u32, layer: i32): void {
  const record = recordOf(from, layer)
  const cap = capOf(layer)
  for (let i = 0; i < cap && idAt(record, i) != none; i++) if (idAt(record, i) == to) return
  link(from, to, layer)
}

/**
 * Marks what layer 0 reaches from the entry point, and lists the nodes that it does not.
 * @param list room for `count` ids @returns how many are listed
 */
export function unreached(list: usize): u32 {
  if (entry == none) return 0
  nextEpoch()
  visit(entry)
  putId(list, 0, entry)
  let end = 1
  for (let at = 0; at < end; at++) {
    const record = recordOf(idAt(list, at), 0)
    for (let i = 0; i < linkCap; i++) {
      const id = idAt(record, i)
      if (id == none) break
      if (visit(id)) putId(list, end++, id)
    }
  }
  // The nodes that are still to be followed stood where the list comes.
  let found: i32 = 0
  for (let id: u32 = 0; id < count; id++) {
    if (flagsOf(id) & (twinFlag | holeFlag)) continue
    if (!wasVisited(id)) putId(list, found++, id)
  }
  return <u32>found
}

/**
 * Links a node that nothing reaches from one of its nearest that is reached: from the first with a free place; if
 * there is none, from the nearest, whose last link the node takes over.
 */
export function reconnect(id: u32, efConstruction: i32): void {
  const query = rowOfNode(id)
  // From the entry point in layer 0, so that whatever is found is reached.
  beginAt(entry, compare(query, rowOfNode(entry)))
  searchLayer(query, efConstruction, 0)
  for (let i = 0; i < size; i++) {
    const other = idOf(candidateAt(pool, i))
    // Another that was linked just now may have brought it along.
    if (other == id || append(recordOf(other, 0), linkCap, id)) return
  }
  const record = recordOf(idOf(candidateAt(pool, 0)), 0)
  const replaced = idAt(record, linkCap - 1)
  putId(record, linkCap - 1, id)
  if (replaced == id) return
  const own = recordOf(id, 0)
  if (!append(own, linkCap, replaced)) putId(own, linkCap - 1, replaced)
}

/** Puts a link behind the others. @returns whether it is there now; false where the record is full */
function append(record: usize, cap: i32, id: u32): boolean {
  for (let n = 0; n < cap; n++) {
    const one = idAt(record, n)
    if (one == id) return true
    if (one != none) continue
    putId(record, n, id)
    return true
  }
  return false
}

/** Whether all links of a record in layer 0 lie within the index. */
@inline
function groundHolds(id: u32): boolean {
  const record = recordOf(id, 0)
  for (let i = 0; i < linkCap; i++) {
    const to = idAt(record, i)
    if (to == none) return true
    if (to >= count) return false
  }
  return true
}

/** Whether links, levels and twins are such that no walk can leave the index: 0, or the number of the rule that is broken.
 * @param quickly of layer 0 only what could lead out of memory
 */
export function broken(upperSize: u32, quickly: boolean): i32 {
  if (entry == none) {
    for (let id: u32 = 0; id < count; id++) if (!(flagsOf(id) & holeFlag)) return 1
    return top == -1 ? 0 : 1
  }
  if (entry >= count || top < 0 || top > 15 || levelOf(entry) != top) return 2
  for (let id: u32 = 0; id < count; id++) {
    const level = levelOf(id)
    if (level > top) {
      // Twins and holes are not in the graph and may have drawn any level.
      if (!(flagsOf(id) & (twinFlag | holeFlag)) || level > 15) return 3
    }
    const twin = twinOf(id)
    if (twin != none && (twin >= count || !(flagsOf(twin) & twinFlag))) return 4
    if (level > 0) {
      const start = <u64>load<u32>(upperAt + ((<usize>id) << 2))
      if (start + <u64>level * M > <u64>upperSize) return 5
    }
    if (quickly && !groundHolds(id)) return 6
    for (let layer = quickly ? 1 : 0; layer <= level; layer++) {
      const record = recordOf(id, layer)
      const cap = capOf(layer)
      for (let i = 0; i < cap; i++) {
        const to = idAt(record, i)
        if (to == none) break
        if (to >= count || to == id || flagsOf(to) & (twinFlag | holeFlag)) return 6
        if (layer > 0 && levelOf(to) < layer) return 6
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
    if (flagsOf(id) & twinFlag && !wasVisited(id)) return 8
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

// ---- Rows ----

/**
 * Stores rows of 32-bit floats, which are not in the graph yet, and their codes.
 * @param rows padded like queries @param ids where each goes
 */
export function storeRows(rows: usize, ids: usize, n: u32): void {
  for (let i: u32 = 0; i < n; i++) {
    const id = idAt(ids, i)
    const row = rows + <usize>i * queryBytes
    const to = vectors + <usize>id * rowBytes
    if (floatKind == byHalves) toHalves(row, to, <i32>(queryBytes >> 2))
    else memory.copy(to, row, rowBytes)
    if (codes) encode(row, codes + <usize>id * codeBytes)
  }
}

/** A stored row as 32-bit floats. */
export function readRow(id: u32, out: usize): void {
  const row = vectors + <usize>id * rowBytes
  if (floatKind == byHalves) fromHalves(row, out, <i32>(queryBytes >> 2))
  else memory.copy(out, row, rowBytes)
}

/**
 * Inner products of a row of floats with stored rows.
 * @param ids n rows, with room for 3 more @param out n floats, with room for 3 more @param scratch room for a row of floats
 */
export function innerProducts(row: usize, ids: usize, n: u32, out: usize, scratch: usize): void {
  if (floatKind == byHalves) {
    for (let at: u32 = 0; at < n; at++) {
      readRow(idAt(ids, at), scratch)
      f32.store(out + ((<usize>at) << 2), innerProduct(row, scratch, queryBytes))
    }
    return
  }
  for (let at = n; at % 4; at++) putId(ids, at, idAt(ids, n - 1))
  for (let at: u32 = 0; at < n; at += 4)
    v128.store(
      out + ((<usize>at) << 2),
      innerProduct4(
        row,
        vectors + <usize>idAt(ids, at) * rowBytes,
        vectors + <usize>idAt(ids, at + 1) * rowBytes,
        vectors + <usize>idAt(ids, at + 2) * rowBytes,
        vectors + <usize>idAt(ids, at + 3) * rowBytes,
        rowBytes,
      ),
    )
}

// ---- Searching ----

/**
 * Algorithm 5 for queries `from` to `to` − 1: the best `ef` by the walk, of these the best `k` by the floats.
 *
 * @param queries rows of 32-bit floats @param results room for k candidates
 * @param ids k a query; `none` where fewer are found @param distances the same, as `sqDistance`, or 1 − inner product
 * @param scale factor on the distances
 * @param seeds rows that may be found, to begin with; `seeded` of them. 0: the walk goes through all nodes alike
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
  seeds: usize,
  seeded: i32,
): void {
  forSearching(true)
  for (let q = from; q < to; q++) {
    const row = queries + <usize>q * queryBytes
    let n = 0
    if (entry != none) {
      walkFrom(row, ef, seeds, seeded)
      n = rank(row, k, results, true)
    }
    output(results, n, k, ids + ((<usize>q * k) << 2), distances + ((<usize>q * k) << 2), scale)
  }
  forSearching(false)
}

/** The same without a filter, in as many threads as call it. @param results room for k candidates of this thread @param n queries, taken from `queue` */
export function searchPieces(
  queries: usize,
  n: u32,
  k: i32,
  ef: i32,
  results: usize,
  ids: usize,
  distances: usize,
  scale: f32,
  queue: usize,
): void {
  for (;;) {
    const from = claim(queue, queriesOfPiece, n)
    if (from >= n) return
    searchMany(queries, from, min(from + queriesOfPiece, n), k, ef, results, ids, distances, scale, 0, 0)
  }
}
const queriesOfPiece: u32 = 8

function walkFrom(row: usize, ef: i32, seeds: usize, seeded: i32): void {
  let query = row
  if (isCoded(kind)) {
    encode(row, queryCode)
    query = queryCode
  }
  descend(query, 0)
  if (seeds) searchAround(query, ef, seeds, seeded)
  else searchLayer(query, ef, 0)
}

/** The best k of some rows, for queries `from` to `to` − 1: the best `ef` by what the walk compares, of these the best k by the floats. */
export function searchRows(
  queries: usize,
  from: u32,
  to: u32,
  k: i32,
  ef: i32,
  results: usize,
  ids: usize,
  distances: usize,
  scale: f32,
  rows: usize,
  n: i32,
): void {
  for (let q = from; q < to; q++) {
    const row = queries + <usize>q * queryBytes
    let query = row
    if (kind == byCodes) {
      encode(row, queryCode)
      query = queryCode
    }
    startPool()
    for (let done = 0; done < n; done += linkCap) {
      const found = min(linkCap, n - done)
      memory.copy(gather, rows + ((<usize>done) << 2), (<usize>found) << 2)
      offerFound(query, found, ef)
    }
    counted(0, <f64>n)
    const kept = rank(row, k, results, false)
    output(results, kept, k, ids + ((<usize>q * k) << 2), distances + ((<usize>q * k) << 2), scale)
  }
}

/**
 * Walks with `ef` and lists what it found, by the floats, in no order.
 * @param out room for all rows: id and distance key @returns how many; `furtherOut` tells whether there may be more
 */
export function searchWithin(row: usize, ef: i32, most: i32, out: usize): u32 {
  let found: u32 = 0
  outside = 0
  if (entry == none) return 0
  forSearching(true)
  walkFrom(row, ef, 0, 0)
  forSearching(false)
  for (let i = 0; i < size; i += 4) {
    putLanes(floatKeys4(row, poolId(i), poolId(i + 1), poolId(i + 2), poolId(i + 3)))
    for (let at = 0; at < 4 && i + at < size; at++) {
      const key = keyInLane(at)
      outside = key > most ? outside + 1 : 0
      if (key > most) continue
      for (let id = poolId(i + at); id != none; id = twinOf(id)) {
        if (!mayBeFound(id)) continue
        store<i64>(out + ((<usize>found) << 3), candidate(key, id))
        found++
      }
    }
  }
  return found
}
let outside: i32 = 0

/** How many of the last that the walk found were all too far: with few there may be more that are near enough. */
export function furtherOut(): i32 {
  return outside
}

/** The same for rows `from` to `to` − 1, by comparing all. */
export function scanWithin(row: usize, from: u32, to: u32, most: i32, out: usize, before: u32): u32 {
  let found = before
  for (let id = from; id < to; id += 4) {
    putLanes(floatKeys4(row, id, min(id + 1, to - 1), min(id + 2, to - 1), min(id + 3, to - 1)))
    for (let at: u32 = 0; at < 4 && id + at < to; at++) {
      const key = keyInLane(at)
      if (key > most || !mayBeFound(id + at)) continue
      store<i64>(out + ((<usize>found) << 3), candidate(key, id + at))
      found++
    }
  }
  return found
}

@inline
function mayBeFound(id: u32): boolean {
  return !(flagsOf(id) & deletedFlag) && (rowFilter == 0 || inFilter(rowFilter, id))
}

/** The bits of a distance as they sort. */
export function keyOfDistance(value: f32): i32 {
  return sortable(floatKind == byProducts ? value - 1 : value)
}

/** Writes candidates as ids and distances. */
export function output(results: usize, n: i32, k: i32, ids: usize, distances: usize, scale: f32): void {
  for (let i = 0; i < n; i++) {
    const one = candidateAt(results, i)
    putId(ids, i, idOf(one))
    const value = unsortable(keyOf(one))
    store<f32>(distances + ((<usize>i) << 2), floatKind == byProducts ? <f32>1 + value : value * scale)
  }
  for (let i = n; i < k; i++) {
    putId(ids, i, none)
    store<f32>(distances + ((<usize>i) << 2), f32.MAX_VALUE)
  }
}

/** Rows that are on their way from memory while one is compared. */
const rowsAhead: i32 = 4

/** The best k rows of the pool's nodes, by the floats. @param chains nodes stand for their twins as well */
function rank(row: usize, k: i32, results: usize, chains: boolean): i32 {
  let n = 0
  const coded = isCoded(kind)
  for (let i = 0; i < size; i += 4) {
    if (coded) {
      for (let ahead = i + rowsAhead; ahead < min(size, i + rowsAhead + 4); ahead++)
        touch(vectors + <usize>idOf(candidateAt(pool, ahead)) * rowBytes, rowBytes)
      putLanes(floatKeys4(row, poolId(i), poolId(i + 1), poolId(i + 2), poolId(i + 3)))
    }
    for (let at = 0; at < 4 && i + at < size; at++) {
      const one = candidateAt(pool, i + at)
      const key = coded ? keyInLane(at) : keyOf(one)
      // Of many equal rows no more are looked at than are needed.
      for (let id = idOf(one); id != none; id = chains ? twinOf(id) : none) {
        if (n == k && key >= keyOf(candidateAt(results, k - 1))) break
        if (mayBeFound(id)) n = keepBest(results, n, k, candidate(key, id))
      }
    }
  }
  return n
}

/** The last one for those behind it, so that groups of four are always full. */
@inline
function poolId(at: i32): u32 {
  return idOf(candidateAt(pool, min(at, size - 1)))
}

/** Lists the nodes that a walk finds, nearest first by what it compares. @returns how many */
export function walked(row: usize, ef: i32, out: usize): i32 {
  if (entry == none) return 0
  forSearching(true)
  walkFrom(row, ef, 0, 0)
  forSearching(false)
  for (let i = 0; i < size; i++) putId(out, i, idOf(candidateAt(pool, i)))
  return size
}

/** Lists the nodes whose links a walk follows, each with its layer, in the walk's order. @param out room for `most` pairs @returns how many */
export function followed(row: usize, ef: i32, most: i32, out: usize): i32 {
  if (entry == none) return 0
  leaveTrail(out, most)
  forSearching(true)
  walkFrom(row, ef, 0, 0)
  forSearching(false)
  leaveTrail(0, 0)
  return trailLength
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
  else if (floatKind == byHalves) scanRows(byHalves, queries, fromQuery, toQuery, from, to, k, state, lengths)
  else if (floatKind == byProducts) scanRows(byProducts, queries, fromQuery, toQuery, from, to, k, state, lengths)
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
  const marked = deleted + holes != 0
  const tile = max<u32>(4, <u32>(tileBytes / bytes) & ~3)
  for (let start = from; start < to; start += tile) {
    const end = min(start + tile, to)
    for (let q = fromQuery; q < toQuery; q++) {
      let query = queries + <usize>q * queryBytes
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
          if (one >= worst || (marked && flagsOf(id + lane) & deletedFlag)) continue
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

// ---- Order in memory ----

/**
 * Lists all rows in the order in which a search in breadth from the entry point meets them, twins behind their node; then
 * what is left, holes last.
 * @param out room for `count` ids @param withHoles false leaves the holes out @returns how many are listed
 */
export function breadthFirst(out: usize, withHoles: boolean): u32 {
  nextEpoch()
  let end = 0
  if (entry != none) {
    visit(entry)
    putId(out, end++, entry)
    for (let at = 0; at < end; at++) {
      const id = idAt(out, at)
      for (let twin = twinOf(id); twin != none; twin = twinOf(twin)) if (visit(twin)) putId(out, end++, twin)
      if (flagsOf(id) & twinFlag) continue
      const record = recordOf(id, 0)
      for (let i = 0; i < linkCap; i++) {
        const other = idAt(record, i)
        if (other == none) break
        if (visit(other)) putId(out, end++, other)
      }
    }
  }
  for (let id: u32 = 0; id < count; id++) if (!(flagsOf(id) & holeFlag) && visit(id)) putId(out, end++, id)
  for (let id: u32 = 0; withHoles && id < count; id++) if (visit(id)) putId(out, end++, id)
  return end
}

/** Copies rows of a column in a new order. */
export function permute(from: usize, to: usize, bytes: usize, order: usize, n: u32): void {
  for (let i: u32 = 0; i < n; i++) memory.copy(to + <usize>i * bytes, from + <usize>idAt(order, i) * bytes, bytes)
}

/** Puts the new number of each row into a list of ids. */
export function renumber(list: usize, length: u32, numbers: usize): void {
  for (let i: u32 = 0; i < length; i++) {
    const id = idAt(list, i)
    if (id != none) putId(list, i, idAt(numbers, id))
  }
}

// ---- What has changed since it was saved ----

/**
 * A 64-bit digest of each block, the last of which may be shorter: blocks with different content have different digests but for
 * one chance in 2⁶⁴.
 * @param out room for a digest a block
 */
export function digest(start: usize, bytes: usize, block: usize, out: usize): void {
  let to = out
  for (let at: usize = 0; at < bytes; at += block) {
    store<u64>(to, digestOf(start + at, min(block, bytes - at)))
    to += 8
  }
}

function digestOf(start: usize, bytes: usize): u64 {
  const odd: u64 = 0x9e3779b97f4a7c15
  // Four at a time, as each product waits for the one before.
  let a: u64 = bytes
  let b: u64 = 1
  let c: u64 = 2
  let d: u64 = 3
  let at = start
  const end = start + bytes
  for (; at + 32 <= end; at += 32) {
    a = rotl(a ^ load<u64>(at), 29) * odd
    b = rotl(b ^ load<u64>(at + 8), 29) * odd
    c = rotl(c ^ load<u64>(at + 16), 29) * odd
    d = rotl(d ^ load<u64>(at + 24), 29) * odd
  }
  for (; at < end; at++) a = rotl(a ^ <u64>load<u8>(at), 29) * odd
  a = rotl(a ^ b, 31) * odd
  a = rotl(a ^ c, 31) * odd
  a = rotl(a ^ d, 31) * odd
  return a ^ (a >> 32)
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
