// A k-d tree (Bentley 1975) over rows in panels of sixteen, and what density methods ask of it: the k-th nearest row, whether enough rows
// are within a radius, which are connected, the nearest row of another component. Rows are asked for a panel at a time, as those of
// a panel lie near each other. Memory is the caller's: every pointer is given.
//
// A node stands for panels `begin … end − 1`; the first half of them is node + 1, the second node + 2·(size of the first half). Plain SIMD
// only: the same bits on every machine.
import { claim } from '../../kernels/assembly/inline/work-queue'
import { panelBytes, panelMeasures, rowInPanels } from './inline/panels'

const none: u32 = 0xffffffff

let columns: u32
let measure: u32

// The tree: rows in panels, their numbers (u32), and for each node the least and greatest number of each column, padded with 0 to 16 bytes.
let rows: u32
let panels: usize
let ids: usize
let boxes: usize

// Rows that ask, likewise; they may be those of the tree.
let queryRows: u32
let queries: usize
let queryIds: usize

// This thread's own: box of a panel that asks, nodes to look at (node, begin, end, distance), sixteen floats thrice.
let queryBox: usize
let stack: usize
let top: u32
let out: usize
let toBox: usize
let bounds: usize

@inline
function at4(base: usize, index: u32): usize {
  return base + ((<usize>index) << 2)
}

@inline
function at8(base: usize, index: u32): usize {
  return base + ((<usize>index) << 3)
}

@inline
function padded(): usize {
  return <usize>((columns + 3) & ~3) << 2
}

@inline
function boxOf(node: u32): usize {
  return boxes + <usize>node * 2 * padded()
}

@inline
function panelCount(count: u32): u32 {
  return (count + 15) >> 4
}

/** Rows of a panel that are there: the last one is filled up. */
@inline
function validRows(panel: u32, count: u32): u32 {
  return min<u32>(16, count - (panel << 4))
}

/** Bytes that each thread needs. */
export function threadBytes(columns_: u32, k: u32): usize {
  return 2 * (<usize>((columns_ + 3) & ~3) << 2) + 64 * 16 + 4 * 64 + 16 * 8 + (<usize>k << 7)
}

export function bindTree(
  columns_: u32,
  measure_: u32,
  rows_: u32,
  panels_: usize,
  ids_: usize,
  boxes_: usize,
): void {
  columns = columns_
  measure = measure_
  rows = rows_
  panels = panels_
  ids = ids_
  boxes = boxes_
}

/** @param scratch `threadBytes` of this thread */
export function bindQueries(rows_: u32, panels_: usize, ids_: usize, scratch: usize): void {
  queryRows = rows_
  queries = panels_
  queryIds = ids_
  queryBox = scratch
  stack = queryBox + 2 * padded()
  out = stack + 64 * 16
  toBox = out + 64
  bounds = toBox + 64
  sums = bounds + 64
  lists = sums + 128
}

// Building

/**
 * Works out the box of a node and puts the lower half of its rows, by the column that is widest, first.
 *
 * @param points rows of floats, `stride` bytes each
 * @param keys 4 × rows bytes
 */
export function split(points: usize, stride: usize, keys: usize, node: u32, begin: u32, end: u32): void {
  const from = begin << 4
  const to = min(rows, end << 4)
  const low = boxOf(node)
  const high = low + padded()
  const first = points + <usize>load<u32>(at4(ids, from)) * stride
  memory.fill(low, 0, 2 * padded())
  memory.copy(low, first, (<usize>columns) << 2)
  memory.copy(high, first, (<usize>columns) << 2)
  for (let at = from + 1; at < to; at++) {
    const row = points + <usize>load<u32>(at4(ids, at)) * stride
    for (let byte: usize = 0; byte < padded(); byte += 16) {
      const x = v128.load(row + byte)
      v128.store(low + byte, f32x4.pmin(v128.load(low + byte), x))
      v128.store(high + byte, f32x4.pmax(v128.load(high + byte), x))
    }
  }
  if (end - begin < 2) return
  let widest: u32 = 0
  let width: f32 = -1
  for (let column: u32 = 0; column < columns; column++) {
    const one = f32.load(at4(high, column)) - f32.load(at4(low, column))
    if (one > width) {
      width = one
      widest = column
    }
  }
  if (!(width > 0)) return
  for (let at = from; at < to; at++)
    f32.store(at4(keys, at), f32.load(at4(points + <usize>load<u32>(at4(ids, at)) * stride, widest)))
  select(keys, from, to - 1, (begin + ((end - begin) >> 1)) << 4)
}

/** Puts what belongs to `place` by order of the keys there, and what is less before it (Hoare 1961). */
function select(keys: usize, left: i32, right: i32, place: i32): void {
  while (left < right) {
    const a = f32.load(at4(keys, left))
    const b = f32.load(at4(keys, (left + right) >> 1))
    const c = f32.load(at4(keys, right))
    const pivot = max(min(a, b), min(max(a, b), c))
    let i = left
    let j = right
    while (i <= j) {
      while (f32.load(at4(keys, i)) < pivot) i++
      while (f32.load(at4(keys, j)) > pivot) j--
      if (i > j) break
      const key = f32.load(at4(keys, i))
      f32.store(at4(keys, i), f32.load(at4(keys, j)))
      f32.store(at4(keys, j), key)
      const id = load<u32>(at4(ids, i))
      store<u32>(at4(ids, i), load<u32>(at4(ids, j)))
      store<u32>(at4(ids, j), id)
      i++
      j--
    }
    if (place <= j) right = j
    else if (place >= i) left = i
    else return
  }
}

/** Writes rows into panels by the order of `ids`; the last fills the last panel up. */
export function fillPanels(points: usize, stride: usize): void {
  for (let at: u32 = 0; at < panelCount(rows) << 4; at++) {
    const source = points + <usize>load<u32>(at4(ids, min(at, rows - 1))) * stride
    const target = rowInPanels(panels, columns, at)
    for (let column: u32 = 0; column < columns; column++)
      f32.store(target + ((<usize>column) << 6), f32.load(at4(source, column)))
  }
}

// Walking

function frame(panel: u32): void {
  memory.fill(queryBox, 0, 2 * padded())
  const source = queries + <usize>panel * panelBytes(columns)
  for (let column: u32 = 0; column < columns; column++) {
    const at = source + ((<usize>column) << 6)
    const a = v128.load(at)
    const b = v128.load(at, 16)
    const c = v128.load(at, 32)
    const d = v128.load(at, 48)
    f32.store(at4(queryBox, column), leastLane(f32x4.pmin(f32x4.pmin(a, b), f32x4.pmin(c, d))))
    f32.store(at4(queryBox + padded(), column), mostLane(f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d))))
  }
}

@inline
function leastLane(v: v128): f32 {
  return min(
    min(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    min(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  )
}

@inline
function mostLane(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  )
}

@inline
function add(total: v128, difference: v128): v128 {
  if (measure == 0) return f32x4.add(total, f32x4.mul(difference, difference))
  if (measure == 1) return f32x4.add(total, difference)
  return f32x4.pmax(total, difference)
}

@inline
function total(v: v128): f32 {
  if (measure == 2) return mostLane(v)
  return (
    f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  )
}

/** What sums of floats in any order may be wrong by. */
@inline
function slack(): f32 {
  return (<f32>columns + 8) * <f32>1.2e-7
}

/** No row of a node is nearer to the rows that ask. */
@inline
function leastToBox(node: u32): f32 {
  let sum = f32x4.splat(0)
  const low = boxOf(node)
  const size = padded()
  const zero = f32x4.splat(0)
  for (let byte: usize = 0; byte < size; byte += 16) {
    const after = f32x4.sub(v128.load(low + byte), v128.load(queryBox + size + byte))
    const before = f32x4.sub(v128.load(queryBox + byte), v128.load(low + size + byte))
    sum = add(sum, f32x4.pmax(zero, f32x4.pmax(after, before)))
  }
  return total(sum) * (1 - slack())
}

/** No row of a node is farther from the rows that ask. */
@inline
function mostToBox(node: u32): f32 {
  let sum = f32x4.splat(0)
  const low = boxOf(node)
  const size = padded()
  for (let byte: usize = 0; byte < size; byte += 16) {
    const after = f32x4.sub(v128.load(low + size + byte), v128.load(queryBox + byte))
    const before = f32x4.sub(v128.load(queryBox + size + byte), v128.load(low + byte))
    sum = add(sum, f32x4.pmax(after, before))
  }
  return total(sum) * (1 + slack())
}

/** Of each row of a panel that asks, what no row of a node is nearer than, into `toBox`. As for single rows: the same order of sums. */
@inline
function rowsToBox(panel: u32, node: u32): void {
  let a = f32x4.splat(0)
  let b = f32x4.splat(0)
  let c = f32x4.splat(0)
  let d = f32x4.splat(0)
  const zero = f32x4.splat(0)
  const low = boxOf(node)
  const high = low + padded()
  let at = queries + <usize>panel * panelBytes(columns)
  for (let column: u32 = 0; column < columns; column++) {
    const l = v128.load32_splat(at4(low, column))
    const h = v128.load32_splat(at4(high, column))
    const x = v128.load(at)
    a = add(a, f32x4.pmax(zero, f32x4.pmax(f32x4.sub(l, x), f32x4.sub(x, h))))
    const y = v128.load(at, 16)
    b = add(b, f32x4.pmax(zero, f32x4.pmax(f32x4.sub(l, y), f32x4.sub(y, h))))
    const z = v128.load(at, 32)
    c = add(c, f32x4.pmax(zero, f32x4.pmax(f32x4.sub(l, z), f32x4.sub(z, h))))
    const u = v128.load(at, 48)
    d = add(d, f32x4.pmax(zero, f32x4.pmax(f32x4.sub(l, u), f32x4.sub(u, h))))
    at += 64
  }
  v128.store(toBox, a)
  v128.store(toBox, b, 16)
  v128.store(toBox, c, 32)
  v128.store(toBox, d, 48)
}

/** Lanes of sixteen floats that are at most as many others. */
@inline
function atMost(values: usize, limits: usize): u32 {
  return (
    i32x4.bitmask(f32x4.le(v128.load(values), v128.load(limits))) |
    (i32x4.bitmask(f32x4.le(v128.load(values, 16), v128.load(limits, 16))) << 4) |
    (i32x4.bitmask(f32x4.le(v128.load(values, 32), v128.load(limits, 32))) << 8) |
    (i32x4.bitmask(f32x4.le(v128.load(values, 48), v128.load(limits, 48))) << 12)
  )
}

@inline
function atMostOne(values: usize, limit: f32): u32 {
  const limits = f32x4.splat(limit)
  return (
    i32x4.bitmask(f32x4.le(v128.load(values), limits)) |
    (i32x4.bitmask(f32x4.le(v128.load(values, 16), limits)) << 4) |
    (i32x4.bitmask(f32x4.le(v128.load(values, 32), limits)) << 8) |
    (i32x4.bitmask(f32x4.le(v128.load(values, 48), limits)) << 12)
  )
}

@inline
function setBounds(value: f32): void {
  const all = f32x4.splat(value)
  v128.store(bounds, all)
  v128.store(bounds, all, 16)
  v128.store(bounds, all, 32)
  v128.store(bounds, all, 48)
}

@inline
function setBound(row: u32, value: f32): void {
  f32.store(at4(bounds, row), value)
}

/**
 * The float before one: what is no nearer than a row that is known need not be looked at, or each of many equal rows would look at all the
 * others.
 */
@inline
function below(value: f32): f32 {
  return value > 0 ? reinterpret<f32>(reinterpret<u32>(value) - 1) : -1
}

@inline
function worstBound(): f32 {
  return mostLane(
    f32x4.pmax(
      f32x4.pmax(v128.load(bounds), v128.load(bounds, 16)),
      f32x4.pmax(v128.load(bounds, 32), v128.load(bounds, 48)),
    ),
  )
}

@inline
function push(node: u32, begin: u32, end: u32, far: f32): void {
  const at = stack + ((<usize>top) << 4)
  store<u32>(at, node)
  store<u32>(at, begin, 4)
  store<u32>(at, end, 8)
  f32.store(at, far, 12)
  top++
}

/** All that is to be looked at is the whole tree. */
@inline
function beginWalk(): void {
  top = 0
  push(0, 0, panelCount(rows), 0)
}

/** What is looked at next: node, begin, end, and how near it may be. It stays there until something is pushed. */
@inline
function pop(): usize {
  top--
  return stack + ((<usize>top) << 4)
}

/** The halves of a node; the nearer one is looked at first. */
@inline
function pushHalves(node: u32, begin: u32, end: u32, bound: f32): void {
  const half = (end - begin) >> 1
  const left = node + 1
  const right = node + 2 * half
  const toLeft = leastToBox(left)
  const toRight = leastToBox(right)
  if (toRight >= toLeft) {
    if (toRight <= bound) push(right, begin + half, end, toRight)
    if (toLeft <= bound) push(left, begin, begin + half, toLeft)
  } else {
    if (toLeft <= bound) push(left, begin, begin + half, toLeft)
    if (toRight <= bound) push(right, begin + half, end, toRight)
  }
}

@inline
function valid(panel: u32): u32 {
  return (<u32>1 << validRows(panel, rows)) - 1
}

// The k-th nearest row

/** Of each row of a panel that asks, the k nearest so far: k floats, then k u32, by distance and then row number. */
let lists: usize

function insert(list: usize, k: u32, value: f32, id: u32): void {
  let at = k - 1
  for (; at > 0; at--) {
    const before = f32.load(at4(list, at - 1))
    const beforeId = load<u32>(at4(list, k + at - 1))
    if (before < value || (before == value && beforeId < id)) break
    f32.store(at4(list, at), before)
    store<u32>(at4(list, k + at), beforeId)
  }
  f32.store(at4(list, at), value)
  store<u32>(at4(list, k + at), id)
}

function nearestOfPanel(panel: u32, k: u32, result: usize): void {
  frame(panel)
  const asking = validRows(panel, queryRows)
  setBounds(-1)
  for (let row: u32 = 0; row < asking; row++) {
    setBound(row, Infinity)
    const list = lists + ((<usize>row * k) << 3)
    for (let at: u32 = 0; at < k; at++) {
      f32.store(at4(list, at), Infinity)
      store<u32>(at4(list, k + at), none)
    }
  }
  beginWalk()
  while (top > 0) {
    const entry = pop()
    const bound = worstBound()
    if (f32.load(entry, 12) > bound) continue
    const node = load<u32>(entry)
    const begin = load<u32>(entry, 4)
    const end = load<u32>(entry, 8)
    if (end - begin > 1) {
      pushHalves(node, begin, end, bound)
      continue
    }
    rowsToBox(panel, node)
    for (let open = atMost(toBox, bounds); open; open &= open - 1) {
      const row = ctz(open)
      const source = rowInPanels(queries, columns, (panel << 4) + row)
      panelMeasures(panels + <usize>begin * panelBytes(columns), source, columns, measure, out)
      const list = lists + ((<usize>row * k) << 3)
      for (let hits = atMostOne(out, f32.load(at4(bounds, row))) & valid(begin); hits; hits &= hits - 1) {
        const lane = ctz(hits)
        const value = f32.load(at4(out, lane))
        if (value < f32.load(at4(list, k - 1))) insert(list, k, value, load<u32>(at4(ids, (begin << 4) + lane)))
      }
      setBound(row, below(f32.load(at4(list, k - 1))))
    }
  }
  for (let row: u32 = 0; row < asking; row++)
    store<u32>(
      at4(result, load<u32>(at4(queryIds, (panel << 4) + row))),
      load<u32>(at4(lists + ((<usize>row * k) << 3), k + k - 1)),
    )
}

/** Number of the k-th nearest row of each, the row itself counted where it is in the tree; one of those that are equally near. */
export function nearestAll(k: u32, result: usize, piece: u32, queue: usize): void {
  const total = panelCount(queryRows)
  for (let at = claim(queue, piece, total); at < total; at = claim(queue, piece, total))
    for (let panel = at; panel < min(total, at + piece); panel++) nearestOfPanel(panel, k, result)
}

// Rows within a radius

/** A distance, not its square. Rows x and y may be farther apart by rounding·(‖x‖ + ‖y‖): see dbscan.ts. */
let radius: f64
let rounding: f64
/** Below the one float the radius is surely kept; above the other surely not, by the rows of the panel that asks. */
let surely: f32
let atBest: f32
/** f64: weights of the rows before each, in the order of the panels; one more than the rows. */
let before: usize
/** Per row that asks, in a panel. */
let sums: usize

/** @param limit the radius as a measure */
export function bindRadius(limit: f64, rounding_: f64, before_: usize): void {
  radius = measure == 0 ? sqrt(limit) : limit
  rounding = rounding_
  before = before_
  surely = <f32>(limit * (1 - <f64>slack()) - tiny())
}

/** What tiny squares may be wrong by. Where only equal rows are within the radius, their 0 is sure. */
@inline
function tiny(): f64 {
  return radius > 0 ? <f64>columns * 1.5e-45 : 0
}

/** One more column of a sum that `lengthOf` ends. */
@inline
function addTo(sum: f64, number: f64): f64 {
  if (measure == 0) return sum + number * number
  return measure == 1 ? sum + abs(number) : max(sum, abs(number))
}

@inline
function lengthOf(sum: f64): f64 {
  return measure == 0 ? sqrt(sum) : sum
}

/** `frame`, and how far rows may be apart that are within the radius of one of the panel. */
function frameWithin(panel: u32): void {
  frame(panel)
  let sum: f64 = 0
  for (let column: u32 = 0; column < columns; column++) {
    const low = abs(f32.load(at4(queryBox, column)))
    const high = abs(f32.load(at4(queryBox + padded(), column)))
    sum = addTo(sum, <f64>max(low, high))
  }
  // A row that is within the radius is no longer than one that asks and the radius together.
  const most = radius + rounding * (1 + 1e-6) * (2 * lengthOf(sum) + radius)
  atBest = <f32>((measure == 0 ? most * most : most) * (1 + <f64>slack()) + tiny())
}

/** Whether two rows are within the radius, by 64 bits. */
function isWithin(a: usize, b: usize): bool {
  let apart: f64 = 0
  let one: f64 = 0
  let other: f64 = 0
  for (let at: usize = 0, end = panelBytes(columns); at < end; at += 64) {
    const x = <f64>f32.load(a + at)
    const y = <f64>f32.load(b + at)
    apart = addTo(apart, x - y)
    one = addTo(one, x)
    other = addTo(other, y)
  }
  return lengthOf(apart) <= radius + rounding * (lengthOf(one) + lengthOf(other))
}

/** Of the sixteen distances in `out`, lanes that are within the radius. */
@inline
function within(source: usize, panel: u32): u32 {
  const likely = atMostOne(out, atBest) & valid(panel)
  let result = atMostOne(out, surely) & likely
  for (let open = likely & ~result; open; open &= open - 1) {
    const lane = ctz(open)
    if (isWithin(source, rowInPanels(panels, columns, (panel << 4) + lane))) result |= 1 << lane
  }
  return result
}

@inline
function weightOf(from: u32, to: u32): f64 {
  return f64.load(at8(before, to)) - f64.load(at8(before, from))
}

function countOfPanel(panel: u32, least: f64, result: usize): void {
  frameWithin(panel)
  const asking = validRows(panel, queryRows)
  setBounds(-1)
  for (let row: u32 = 0; row < asking; row++) {
    setBound(row, atBest)
    f64.store(at8(sums, row), 0)
  }
  beginWalk()
  while (top > 0) {
    const entry = pop()
    if (f32.load(entry, 12) > worstBound()) continue
    const node = load<u32>(entry)
    const begin = load<u32>(entry, 4)
    const end = load<u32>(entry, 8)
    if (mostToBox(node) <= surely) {
      const weight = weightOf(begin << 4, min(rows, end << 4))
      for (let row: u32 = 0; row < asking; row++) gain(row, weight, least)
      continue
    }
    if (end - begin > 1) {
      pushHalves(node, begin, end, atBest)
      continue
    }
    rowsToBox(panel, node)
    for (let open = atMost(toBox, bounds); open; open &= open - 1) {
      const row = ctz(open)
      const source = rowInPanels(queries, columns, (panel << 4) + row)
      panelMeasures(panels + <usize>begin * panelBytes(columns), source, columns, measure, out)
      let weight: f64 = 0
      for (let hits = within(source, begin); hits; hits &= hits - 1) {
        const at = (begin << 4) + ctz(hits)
        weight += weightOf(at, at + 1)
      }
      gain(row, weight, least)
    }
  }
  for (let row: u32 = 0; row < asking; row++)
    store<u8>(result + load<u32>(at4(queryIds, (panel << 4) + row)), <u8>(f64.load(at8(sums, row)) >= least))
}

/** A row that has enough asks no more. */
@inline
function gain(row: u32, weight: f64, least: f64): void {
  const sum = f64.load(at8(sums, row)) + weight
  f64.store(at8(sums, row), sum)
  if (sum >= least) setBound(row, -1)
}

/** Whether rows of a weight of at least `least` are within the radius of each: a byte. */
export function countAll(least: f64, result: usize, piece: u32, queue: usize): void {
  const total = panelCount(queryRows)
  for (let at = claim(queue, piece, total); at < total; at = claim(queue, piece, total))
    for (let panel = at; panel < min(total, at + piece); panel++) countOfPanel(panel, least, result)
}

/** The lowest number of a tree's row within the radius of each row that asks; none where there is none. */
export function firstAll(result: usize, piece: u32, queue: usize): void {
  const total = panelCount(queryRows)
  for (let at = claim(queue, piece, total); at < total; at = claim(queue, piece, total))
    for (let panel = at; panel < min(total, at + piece); panel++) {
      frameWithin(panel)
      const asking = validRows(panel, queryRows)
      setBounds(-1)
      for (let row: u32 = 0; row < asking; row++) {
        setBound(row, atBest)
        store<u32>(at4(result, load<u32>(at4(queryIds, (panel << 4) + row))), none)
      }
      beginWalk()
      while (top > 0) {
        const entry = pop()
        const node = load<u32>(entry)
        const begin = load<u32>(entry, 4)
        const end = load<u32>(entry, 8)
        if (f32.load(entry, 12) > atBest) continue
        if (end - begin > 1) {
          pushHalves(node, begin, end, atBest)
          continue
        }
        rowsToBox(panel, node)
        for (let open = atMost(toBox, bounds); open; open &= open - 1) {
          const row = (panel << 4) + ctz(open)
          const source = rowInPanels(queries, columns, row)
          panelMeasures(panels + <usize>begin * panelBytes(columns), source, columns, measure, out)
          const target = at4(result, load<u32>(at4(queryIds, row)))
          for (let hits = within(source, begin); hits; hits &= hits - 1)
            store<u32>(target, min(load<u32>(target), load<u32>(at4(ids, (begin << 4) + ctz(hits)))))
        }
      }
    }
}

// Components: each points to one with a lower place, the lowest to itself. Threads join them without waiting for each other.

let parents: usize

export function bindParents(parents_: usize): void {
  parents = parents_
}

function find(one: u32): u32 {
  let parent = atomic.load<u32>(at4(parents, one))
  while (parent != one) {
    const next = atomic.load<u32>(at4(parents, parent))
    if (next != parent) atomic.cmpxchg<u32>(at4(parents, one), parent, next)
    one = parent
    parent = next
  }
  return one
}

/** @returns whether they were apart */
function join(a: u32, b: u32): bool {
  a = find(a)
  b = find(b)
  while (a != b) {
    const high = max(a, b)
    if (atomic.cmpxchg<u32>(at4(parents, high), high, min(a, b)) == high) return true
    a = find(a)
    b = find(b)
  }
  return false
}

/** Per node a byte: whether all its rows are known to be connected. */
let connected: usize

export function bindConnected(connected_: usize): void {
  connected = connected_
}

function isConnected(node: u32, begin: u32, end: u32): bool {
  if (load<u8>(connected + node)) return true
  const half = (end - begin) >> 1
  if (half == 0) return false
  if (!load<u8>(connected + node + 1) || !load<u8>(connected + node + 2 * half)) return false
  if (find(begin << 4) != find((begin + half) << 4)) return false
  store<u8>(connected + node, 1)
  return true
}

/** The component of all rows of a panel, none where they are of several. */
function componentOf(panel: u32): u32 {
  const first = find(panel << 4)
  for (let row: u32 = 1; row < validRows(panel, rows); row++) if (find((panel << 4) + row) != first) return none
  return first
}

function connectPanel(panel: u32): void {
  frameWithin(panel)
  const asking = validRows(panel, rows)
  setBounds(-1)
  for (let row: u32 = 0; row < asking; row++) setBound(row, atBest)
  beginWalk()
  while (top > 0) {
    const entry = pop()
    const node = load<u32>(entry)
    const begin = load<u32>(entry, 4)
    const end = load<u32>(entry, 8)
    // Pairs are seen from the later panel.
    if (begin > panel) continue
    const whole = isConnected(node, begin, end)
    if (whole && componentOf(panel) == find(begin << 4)) continue
    if (mostToBox(node) <= surely) {
      const first = begin << 4
      for (let row: u32 = 0; row < asking; row++) join((panel << 4) + row, first)
      if (!whole) {
        for (let row = first + 1; row < min(rows, end << 4); row++) join(row, first)
        store<u8>(connected + node, 1)
      }
      continue
    }
    if (end - begin > 1) {
      pushHalves(node, begin, end, atBest)
      continue
    }
    rowsToBox(panel, node)
    for (let open = atMost(toBox, bounds); open; open &= open - 1) {
      const row = (panel << 4) + ctz(open)
      if (whole && find(row) == find(begin << 4)) continue
      const source = rowInPanels(queries, columns, row)
      panelMeasures(panels + <usize>begin * panelBytes(columns), source, columns, measure, out)
      for (let hits = within(source, begin); hits; hits &= hits - 1) join(row, (begin << 4) + ctz(hits))
    }
    if (!whole && componentOf(begin) != none) store<u8>(connected + node, 1)
  }
}

/** Joins all rows of the tree that are within the radius of each other; the rows that ask are those of the tree. */
export function connectAll(piece: u32, queue: usize): void {
  const total = panelCount(rows)
  for (let at = claim(queue, piece, total); at < total; at = claim(queue, piece, total))
    for (let panel = at; panel < min(total, at + piece); panel++) connectPanel(panel)
}

// Mutual reachability, max(core, core, distance), and Borůvka's minimum spanning tree of it

/** Floats, by place in the tree or among those that ask; per node the least of its rows. */
let cores: usize
let queryCores: usize
let leastCores: usize
/** u32 by place: component, none for rows that are not in the tree; per node that of all its rows, or none. */
let components: usize
let nodeComponents: usize
/** By place: nearest known row of another component (u32 place) and its distance, or what it is at least. */
let targets: usize
let distances: usize
/** Floats per component: the least known distance out of it. */
let leasts: usize

export function bindReach(
  cores_: usize,
  queryCores_: usize,
  leastCores_: usize,
  components_: usize,
  nodeComponents_: usize,
  targets_: usize,
  distances_: usize,
  leasts_: usize,
): void {
  cores = cores_
  queryCores = queryCores_
  leastCores = leastCores_
  components = components_
  nodeComponents = nodeComponents_
  targets = targets_
  distances = distances_
  leasts = leasts_
}

/** What is kept of nodes: least cores, and with `fresh` false components alone. Nodes come after those that they are halves of. */
export function weighNodes(node: u32, begin: u32, end: u32, fresh: bool): void {
  if (end - begin > 1) {
    const half = (end - begin) >> 1
    const left = node + 1
    const right = node + 2 * half
    weighNodes(left, begin, begin + half, fresh)
    weighNodes(right, begin + half, end, fresh)
    if (fresh) f32.store(at4(leastCores, node), min(f32.load(at4(leastCores, left)), f32.load(at4(leastCores, right))))
    const one = load<u32>(at4(nodeComponents, left))
    store<u32>(at4(nodeComponents, node), one == load<u32>(at4(nodeComponents, right)) ? one : none)
    return
  }
  let component = load<u32>(at4(components, begin << 4))
  let least: f32 = Infinity
  for (let row = begin << 4; row < min(rows, end << 4); row++) {
    if (load<u32>(at4(components, row)) != component) component = none
    least = min(least, f32.load(at4(cores, row)))
  }
  if (fresh) f32.store(at4(leastCores, node), least)
  store<u32>(at4(nodeComponents, node), component)
}

@inline
function lower(component: u32, value: f32): void {
  const at = at4(leasts, component)
  const bits = reinterpret<u32>(value)
  // Of numbers that are not negative, the bits have the same order.
  for (let known = atomic.load<u32>(at); bits < known; ) {
    const found = atomic.cmpxchg<u32>(at, known, bits)
    if (found == known) return
    known = found
  }
}

/** Before the rows of a round ask: components as they are now, and what is known from the round before. */
export function beginRound(): void {
  for (let row: u32 = 0; row < rows; row++) store<u32>(at4(components, row), find(row))
  for (let row: u32 = 0; row < rows; row++) f32.store(at4(leasts, row), Infinity)
  for (let row: u32 = 0; row < rows; row++) {
    const target = load<u32>(at4(targets, row))
    if (target == none) continue
    const component = load<u32>(at4(components, row))
    if (load<u32>(at4(components, target)) == component) store<u32>(at4(targets, row), none)
    else lower(component, f32.load(at4(distances, row)))
  }
  weighNodes(0, 0, panelCount(rows), false)
}

function reachOfPanel(panel: u32, inTree: bool): void {
  const first = panel << 4
  setBounds(-1)
  let waiting: u32 = 0
  let common = none
  for (let row: u32 = 0; row < validRows(panel, queryRows); row++) {
    let bound: f32 = Infinity
    if (inTree) {
      if (load<u32>(at4(targets, first + row)) != none) continue
      const component = load<u32>(at4(components, first + row))
      bound = reinterpret<f32>(atomic.load<u32>(at4(leasts, component)))
      if (f32.load(at4(distances, first + row)) > bound) continue
      if (!waiting) common = component
      else if (common != component) common = none
    }
    waiting |= 1 << row
    setBound(row, bound)
    store<u32>(at4(targets, first + row), none)
  }
  if (!waiting) return
  frame(panel)
  beginWalk()
  while (top > 0) {
    const entry = pop()
    const bound = worstBound()
    const node = load<u32>(entry)
    if (max(f32.load(entry, 12), f32.load(at4(leastCores, node))) > bound) continue
    const nodeComponent = inTree ? load<u32>(at4(nodeComponents, node)) : none
    if (nodeComponent != none && nodeComponent == common) continue
    const begin = load<u32>(entry, 4)
    const end = load<u32>(entry, 8)
    if (end - begin > 1) {
      pushHalves(node, begin, end, bound)
      continue
    }
    rowsToBox(panel, node)
    for (let open = atMost(toBox, bounds) & waiting; open; open &= open - 1) {
      const row = ctz(open)
      const own = inTree ? load<u32>(at4(components, first + row)) : none
      if (own != none && own == nodeComponent) continue
      const core = f32x4.splat(f32.load(at4(queryCores, first + row)))
      const source = rowInPanels(queries, columns, first + row)
      panelMeasures(panels + <usize>begin * panelBytes(columns), source, columns, measure, out)
      for (let lane: u32 = 0; lane < 16; lane += 4) {
        const value = f32x4.pmax(f32x4.pmax(v128.load(at4(out, lane)), core), v128.load(at4(cores, (begin << 4) + lane)))
        v128.store(at4(out, lane), value)
      }
      for (let hits = atMostOne(out, f32.load(at4(bounds, row))) & valid(begin); hits; hits &= hits - 1) {
        const lane = ctz(hits)
        const other = (begin << 4) + lane
        if (own != none && load<u32>(at4(components, other)) == own) continue
        const value = f32.load(at4(out, lane))
        if (value > f32.load(at4(bounds, row))) continue
        store<u32>(at4(targets, first + row), other)
        f32.store(at4(distances, first + row), value)
        setBound(row, below(value))
      }
    }
  }
  for (; waiting; waiting &= waiting - 1) {
    const row = ctz(waiting)
    if (load<u32>(at4(targets, first + row)) == none)
      f32.store(at4(distances, first + row), f32.load(at4(bounds, row)))
    else if (inTree) lower(load<u32>(at4(components, first + row)), f32.load(at4(distances, first + row)))
  }
}

/** The nearest row of each that asks, of another component where they are those of the tree (`inTree`). */
export function reachAll(inTree: bool, piece: u32, queue: usize): void {
  const total = panelCount(queryRows)
  for (let at = claim(queue, piece, total); at < total; at = claim(queue, piece, total))
    for (let panel = at; panel < min(total, at + piece); panel++) reachOfPanel(panel, inTree)
}

/**
 * Joins each component to the nearest other one. Which of equally near ones that is does not depend on the threads: each row finds the same of
 * them whatever bound it begins with. An edge that would close a circle is as long as one that is there.
 *
 * @param chosen u32 a place
 * @param edges pairs of u32, row numbers; `count` are there
 * @returns how many are there now
 */
export function endRound(chosen: usize, edges: usize, count: u32): u32 {
  memory.fill(chosen, 0xff, (<usize>rows) << 2)
  for (let row: u32 = 0; row < rows; row++) {
    if (load<u32>(at4(targets, row)) == none) continue
    const component = load<u32>(at4(components, row))
    const best = load<u32>(at4(chosen, component))
    if (best == none || isBefore(row, best)) store<u32>(at4(chosen, component), row)
  }
  for (let component: u32 = 0; component < rows; component++) {
    const row = load<u32>(at4(chosen, component))
    if (row == none) continue
    const target = load<u32>(at4(targets, row))
    if (!join(row, target)) continue
    store<u32>(at8(edges, count), load<u32>(at4(ids, row)))
    store<u32>(at8(edges, count), load<u32>(at4(ids, target)), 4)
    count++
  }
  return count
}

/** By distance, then the lower of the two row numbers, then the higher. */
@inline
function isBefore(a: u32, b: u32): bool {
  const da = f32.load(at4(distances, a))
  const db = f32.load(at4(distances, b))
  if (da != db) return da < db
  const a1 = load<u32>(at4(ids, a))
  const a2 = load<u32>(at4(ids, load<u32>(at4(targets, a))))
  const b1 = load<u32>(at4(ids, b))
  const b2 = load<u32>(at4(ids, load<u32>(at4(targets, b))))
  const lowA = min(a1, a2)
  const lowB = min(b1, b2)
  return lowA != lowB ? lowA < lowB : max(a1, a2) < max(b1, b2)
}
