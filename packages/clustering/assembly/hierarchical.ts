// Agglomeration in rounds: all pairs of clusters that are each other's nearest merge at once. Linkages here are reducible (no merge
// brings the new cluster nearer to a third than both of its parts were), so these are the merges that would come one by one.
// Clusters live in slots, at first those of their rows; of two that merge the higher slot stays. Of equally near ones the lowest slot is the
// nearest, so that pairs are in one order, (distance, lower slot, higher slot), of which the first are always each other's nearest.
// A round is planned by one thread; its tasks, the merges and the slots that are to be looked at, go to several, in any order.
// Memory is the caller's: every pointer is given.
import { claim } from '../../kernels/assembly/inline/work-queue'
import { panelBytes, panelRows, rowInPanels } from './inline/panels'

const none: u32 = 0xffffffff

let n: u32
/** Merges so far, and those before the round. */
let merged: u32
let since: u32
/** Slots that are looked at in the round, beside the new ones. */
let looks: u32
/** How many more may be looked at to find pairs sooner than a single chain would. */
let credit: u32
/** Below it no slot is alive. */
let first: u32
/** Slots alive lie side by side, in order, among some dead ones until these are closed up. */
let width: u32
let dead: u32
/** Times they were closed up. */
let layout: u32

/** What threads are told of the above: 32 bytes. */
let state: usize
/** 32 bytes a merge: u32 lower slot and higher slot; f64 distance, and weights of both. */
let log: usize
/** 16 bytes a merge: u32 places of both; f64 the lower's share of the weight. */
let pairs: usize
/** f64 a slot: rows in it, or their weight; that before the last merge that made it; distance of its nearest; none other is below. */
let weights: usize
let weightsBefore: usize
let nearestFar: usize
let otherFar: usize
/**
 * u32 a slot: what a look has found; its nearest (none where that is not known); the first of those whose nearest it is, and the next
 * and the one before among those with the same nearest; its place (none for the dead); the last merge that made it, counted from 1.
 */
let found: usize
let nearest: usize
let heads: usize
let nexts: usize
let befores: usize
let places: usize
let madeBy: usize
/** u32: slot of each place; slots to be looked at; lower slots of pairs that may merge. */
let slots: usize
let listed: usize
let pairsFound: usize
let pairCount: u32
/** Queues of slots whose nearest is not known: those that are the nearest of others, and those that are nobody's. */
let wanted: usize
let wantedBegin: u32
let wantedCount: u32
let idle: usize
let idleBegin: u32
let idleCount: u32
/** A byte a slot: 1 in the first queue, 2 in the second, 4 to be looked at. */
let flags: usize

/** Slots that may be looked at for each merge, beside those that a single chain would look at. */
const creditOfMerge: u32 = 2
/** So many chains are begun that a round has tasks for a 32nd of the slots, or 16: more would be looks too early, fewer nothing to share. */
const tasksAtOnce: u32 = 32
const leastTasks: u32 = 16

@inline
function u32At(base: usize, index: u32): u32 {
  return load<u32>(base + ((<usize>index) << 2))
}

@inline
function setU32(base: usize, index: u32, value: u32): void {
  store<u32>(base + ((<usize>index) << 2), value)
}

@inline
function f64At(base: usize, index: u32): f64 {
  return f64.load(base + ((<usize>index) << 3))
}

@inline
function setF64(base: usize, index: u32, value: f64): void {
  f64.store(base + ((<usize>index) << 3), value)
}

@inline
function logOf(merge: u32): usize {
  return log + ((<usize>merge) << 5)
}

@inline
function pairOf(merge: u32): usize {
  return pairs + ((<usize>merge) << 4)
}

/** Bytes of `room` that rounds take for n slots. */
export function roundBytes(n_: u32): usize {
  return 64 + <usize>n_ * (32 + 16 + 4 * 8 + 14 * 4)
}

function bindRounds(n_: u32, room: usize): usize {
  n = n_
  state = room
  log = state + 64
  pairs = log + ((<usize>n) << 5)
  weights = pairs + ((<usize>n) << 4)
  weightsBefore = weights + ((<usize>n) << 3)
  nearestFar = weightsBefore + ((<usize>n) << 3)
  otherFar = nearestFar + ((<usize>n) << 3)
  const bytes = (<usize>n) << 2
  found = otherFar + 2 * bytes
  nearest = found + bytes
  heads = nearest + bytes
  nexts = heads + bytes
  befores = nexts + bytes
  places = befores + bytes
  madeBy = places + bytes
  slots = madeBy + bytes
  listed = slots + bytes
  pairsFound = listed + bytes
  wanted = pairsFound + 2 * bytes
  idle = wanted + bytes
  flags = idle + bytes
  merged = u32At(state, 0)
  since = u32At(state, 1)
  looks = u32At(state, 2)
  width = u32At(state, 3)
  layout = u32At(state, 4)
  return flags + bytes
}

function tell(): void {
  setU32(state, 0, merged)
  setU32(state, 1, since)
  setU32(state, 2, looks)
  setU32(state, 3, width)
  setU32(state, 4, layout)
}

function beginRounds(): void {
  merged = 0
  since = 0
  looks = 0
  credit = n
  first = 0
  width = n
  dead = 0
  layout = 0
  pairCount = 0
  wantedBegin = 0
  wantedCount = 0
  idleBegin = 0
  idleCount = n
  for (let slot: u32 = 0; slot < n; slot++) {
    setU32(nearest, slot, none)
    setU32(heads, slot, none)
    setU32(places, slot, slot)
    setU32(madeBy, slot, 0)
    setU32(slots, slot, slot)
    setU32(idle, slot, slot)
    store<u8>(flags + slot, 2)
  }
}

@inline
function isAlive(slot: u32): bool {
  return u32At(places, slot) != none
}

/** Makes the nearest of a slot known. */
function point(slot: u32, other: u32): void {
  const head = u32At(heads, other)
  setU32(nearest, slot, other)
  setU32(nexts, slot, head)
  setU32(befores, slot, none)
  if (head != none) setU32(befores, head, slot)
  setU32(heads, other, slot)
}

function unpoint(slot: u32): void {
  const next = u32At(nexts, slot)
  const before = u32At(befores, slot)
  if (before == none) setU32(heads, u32At(nearest, slot), next)
  else setU32(nexts, before, next)
  if (next != none) setU32(befores, next, before)
  setU32(nearest, slot, none)
}

/** Puts a slot whose nearest is not known into the queue that it belongs to. */
function enqueue(slot: u32): void {
  const flag: u8 = u32At(heads, slot) == none ? 2 : 1
  const all = load<u8>(flags + slot)
  if (all & flag) return
  store<u8>(flags + slot, all | flag)
  if (flag == 1) setU32(wanted, (wantedBegin + wantedCount++) % n, slot)
  else setU32(idle, (idleBegin + idleCount++) % n, slot)
}

/** Those whose nearest has merged: where the new cluster is still below all others, it is the nearest. */
function settle(merge: u32): void {
  const lower = load<u32>(logOf(merge))
  const higher = load<u32>(logOf(merge), 4)
  for (let side = 0; side < 2; side++)
    for (let slot = u32At(heads, side ? lower : higher); slot != none; ) {
      const next = u32At(nexts, slot)
      const far = between(higher, slot)
      unpoint(slot)
      if (far < f64At(otherFar, slot)) {
        setF64(nearestFar, slot, far)
        point(slot, higher)
      } else enqueue(slot)
      slot = next
    }
}

function pair(a: u32, b: u32): void {
  setU32(pairsFound, pairCount++, min(a, b))
}

/**
 * Where `slot`, whose nearest is `other`, is nearer to it than what that holds for its nearest, it becomes that. Rounding can make it so,
 * of a merged cluster that comes nearer than its parts were; from slot to nearest distances would then not always go down, and could
 * go round in circles.
 */
function mend(slot: u32, other: u32): void {
  const far = f64At(nearestFar, slot)
  const itsFar = f64At(nearestFar, other)
  if (far > itsFar || (far == itsFar && slot > u32At(nearest, other))) return
  unpoint(other)
  point(other, slot)
  setF64(nearestFar, other, far)
  setF64(otherFar, other, min(itsFar, f64At(otherFar, other)))
  pair(slot, other)
}

/** Takes in what a look has found. */
function take(slot: u32): void {
  const other = u32At(found, slot)
  store<u8>(flags + slot, load<u8>(flags + slot) & 3)
  point(slot, other)
  const its = u32At(nearest, other)
  if (its == none) enqueue(other)
  else if (its == slot) pair(slot, other)
  else mend(slot, other)
  for (let one = u32At(heads, slot); one != none; ) {
    const next = u32At(nexts, one)
    if (one != u32At(nearest, slot)) mend(one, slot)
    one = next
  }
}

function record(lower: u32, higher: u32): void {
  const target = logOf(merged)
  store<u32>(target, lower)
  store<u32>(target, higher, 4)
  const a = f64At(weights, lower)
  const b = f64At(weights, higher)
  f64.store(target, f64At(nearestFar, lower), 8)
  f64.store(target, a, 16)
  f64.store(target, b, 24)
  const pair = pairOf(merged)
  store<u32>(pair, u32At(places, lower))
  store<u32>(pair, u32At(places, higher), 4)
  f64.store(pair, a / (a + b), 8)
  merged++
  setF64(weightsBefore, higher, b)
  setF64(weights, higher, a + b)
  setU32(madeBy, higher, merged)
  setU32(places, lower, none)
  unpoint(lower)
  unpoint(higher)
  dead++
  credit += creditOfMerge
  if (!ofPoints) return
  moveMean(merged - 1)
  settle(merged - 1)
  enqueue(higher)
}

function list(slot: u32): void {
  setU32(listed, looks++, slot)
  store<u8>(flags + slot, load<u8>(flags + slot) | 4)
}

/** Whether a slot from a queue is still to be looked at. */
@inline
function isUnknown(slot: u32): bool {
  return isAlive(slot) && u32At(nearest, slot) == none && !(load<u8>(flags + slot) & 4) && u32At(madeBy, slot) <= since
}

/**
 * Takes in what the last round has found, and plans the next. Who is the nearest of others is looked at, and of the rest as many as make
 * up for few tasks, as long as there is credit. Where there is neither credit nor a pair, the chain from the first slot goes on: as in one
 * chain alone, no more than three looks a merge. So there are O(n) looks in all.
 *
 * @returns tasks of the round
 */
export function plan(): u32 {
  if (!ofPoints) {
    for (let merge = since; merge < merged; merge++) settle(merge)
    for (let merge = since; merge < merged; merge++) take(load<u32>(logOf(merge), 4))
  }
  for (let at: u32 = 0; at < looks; at++) take(u32At(listed, at))
  if (width > leastWidth && dead * (ofPoints ? 16 : 4) > width) closeUp()
  const before = merged
  since = merged
  for (let at: u32 = 0; at < pairCount; at++) {
    const slot = u32At(pairsFound, at)
    const other = u32At(nearest, slot)
    if (other != none && u32At(nearest, other) == slot) record(min(slot, other), max(slot, other))
  }
  pairCount = 0
  // Of points all is known of a new cluster but its nearest.
  if (ofPoints) since = merged
  looks = 0
  for (; wantedCount > 0 && credit > 0; wantedCount--, wantedBegin = (wantedBegin + 1) % n) {
    const slot = u32At(wanted, wantedBegin)
    store<u8>(flags + slot, load<u8>(flags + slot) & ~1)
    if (!isUnknown(slot) || u32At(heads, slot) == none) continue
    list(slot)
    credit--
  }
  const few = max<u32>(leastTasks, width / tasksAtOnce)
  for (; idleCount > 0 && credit > 0 && merged - since + looks < few; idleCount--, idleBegin = (idleBegin + 1) % n) {
    const slot = u32At(idle, idleBegin)
    store<u8>(flags + slot, load<u8>(flags + slot) & ~2)
    if (!isUnknown(slot)) continue
    list(slot)
    credit--
  }
  if (merged == before && looks == 0 && merged + 1 < n) {
    while (!isAlive(first)) first++
    let end = first
    while (u32At(nearest, end) != none) end = u32At(nearest, end)
    list(end)
  }
  tell()
  return merged - since + looks
}

export function mergesMade(): u32 {
  return merged
}

/** 32 bytes a merge: u32 lower slot and higher slot, f64 distance (of Ward's linkage its square); the rest is not for the caller. */
export function mergesPointer(): usize {
  return log
}

export function widthNow(): u32 {
  return width
}

/** Width up to which the dead are left where they are. */
const leastWidth: u32 = 64

/** Puts the slots alive side by side. */
function closeUp(): void {
  const stay = ofPoints ? 0 : beginLayout()
  let kept: u32 = 0
  for (let place: u32 = 0; place < width; place++) {
    const slot = u32At(slots, place)
    if (!isAlive(slot)) continue
    if (stay) setU32(stay, kept, place)
    setU32(slots, kept, slot)
    setU32(places, slot, kept)
    if (ofPoints) fillPlace(slot)
    kept++
  }
  width = kept
  dead = 0
  if (ofPoints) closePanels()
  else endLayout(stay)
}

@inline
function between(slot: u32, other: u32): f64 {
  if (ofPoints) return exactDistance(slot, other)
  return <f64>f32.load(rowOf(slot) + ((<usize>u32At(places, other)) << 2))
}

function task(at: u32): void {
  const count = merged - since
  const slot = at < count ? load<u32>(logOf(since + at), 4) : u32At(listed, at - count)
  if (ofPoints) return lookAtMeans(slot)
  if (at < count) unite(since + at)
  look(slot)
}

/** Does tasks of the round, in one thread or several. */
export function work(queue: usize): void {
  const total = merged - since + looks
  for (let one = claim(queue, 1, total); one < total; one = claim(queue, 1, total)) task(one)
}

/** Does tasks in the thread that plans. */
export function workFrom(from: u32, to: u32): void {
  for (; from < to; from++) task(from)
}

// On a square matrix of floats. A row takes part in merges by itself: what it holds of two clusters is all that its distance to their
// union follows from. So a row is brought up to the last merge when it is looked at, from one piece of memory, while other rows are
// not touched. Merges of a round have an order for this: in the rows of both of two clusters the same is then worked out.

/** n × n floats, as many of each row as there are places in its layout; its own place and those of the dead are infinite. */
let square: usize
/** 0 complete, 1 average, 2 Ward, on squared distances. */
let linkage: u32
/** u32 a slot: merges that are in its row, and its layout. */
let seen: usize
let layouts: usize
/** u32: where each layout begins: merges before it, places, then for each its place in the layout before. */
let layoutsAt: usize
const mostLayouts: u32 = 64

export function squareBytes(n_: u32): usize {
  return roundBytes(n_) + <usize>n_ * (8 + 4 * 3) + <usize>mostLayouts * 16
}

export function bindSquare(n_: u32, square_: usize, linkage_: u32, room: usize): void {
  seen = bindRounds(n_, room)
  layouts = seen + ((<usize>n_) << 2)
  layoutsAt = layouts + ((<usize>n_) << 2)
  square = square_
  linkage = linkage_
}

/** @param weights_ n f64 */
export function beginSquare(weights_: usize): void {
  beginRounds()
  memory.copy(weights, weights_, (<usize>n) << 3)
  memory.fill(seen, 0, (<usize>n) << 3)
  setU32(layoutsAt, 0, <u32>(layoutsAt + <usize>mostLayouts * 4))
}

function beginLayout(): usize {
  layout++
  const at = <usize>u32At(layoutsAt, layout - 1)
  store<u32>(at, merged)
  return at + 8
}

function endLayout(stay: usize): void {
  store<u32>(stay - 4, width)
  setU32(layoutsAt, layout, <u32>(stay + ((<usize>width) << 2)))
}

@inline
function rowOf(slot: u32): usize {
  return square + (((<usize>slot) * n) << 2)
}

/** How far a cluster of weight nk is from the union of two, at x and y of it, by Lance and Williams. */
@inline
function ward(x: f64, y: f64, na: f64, nb: f64, nk: f64, far: f64): f64 {
  return ((na + nk) * x + (nb + nk) * y - nk * far) / (na + nb + nk)
}

/** Written so that equal numbers stay as they are. */
@inline
function mean(x: f32, y: f32, share: f64): f32 {
  return x == y ? x : <f32>(<f64>y + (<f64>x - <f64>y) * share)
}

const worthTouching: u32 = 64

/** Brings the row of a slot of a weight up to so many merges. */
function bring(slot: u32, weight: f64, until: u32): void {
  const row = rowOf(slot)
  let at = u32At(seen, slot)
  let own = u32At(layouts, slot)
  if (until - at > worthTouching) touch(row, own ? load<u32>(<usize>u32At(layoutsAt, own - 1), 4) : n)
  for (; own < layout; own++) {
    const next = <usize>u32At(layoutsAt, own)
    const end = load<u32>(next)
    apply(row, weight, at, end)
    at = end
    gather(row, next + 8, load<u32>(next, 4))
  }
  apply(row, weight, at, until)
  setU32(layouts, slot, layout)
  setU32(seen, slot, until)
}

let touched: i32

/** Fetches a row in one go, ahead of what would wait for memory here and there in it: a third less time for all. */
function touch(row: usize, count: u32): void {
  let sum: i32 = 0
  for (let at: u32 = 0; at < count; at += 16) sum += load<i32>(row + ((<usize>at) << 2))
  touched = sum
}

/** Closes up a row, in place. */
function gather(row: usize, stay: usize, count: u32): void {
  let at: u32 = 0
  for (; at + 4 <= count; at += 4) {
    const source = stay + ((<usize>at) << 2)
    const a = f32.load(row + ((<usize>load<u32>(source)) << 2))
    const b = f32.load(row + ((<usize>load<u32>(source, 4)) << 2))
    const c = f32.load(row + ((<usize>load<u32>(source, 8)) << 2))
    const d = f32.load(row + ((<usize>load<u32>(source, 12)) << 2))
    const target = row + ((<usize>at) << 2)
    f32.store(target, a)
    f32.store(target, b, 4)
    f32.store(target, c, 8)
    f32.store(target, d, 12)
  }
  for (; at < count; at++) f32.store(row + ((<usize>at) << 2), f32.load(row + ((<usize>u32At(stay, at)) << 2)))
}

/** Merges columns of a row. */
function apply(row: usize, weight: f64, from: u32, to: u32): void {
  const end = pairOf(to)
  if (linkage == 0)
    for (let pair = pairOf(from); pair < end; pair += 16) {
      const lower = row + ((<usize>load<u32>(pair)) << 2)
      const higher = row + ((<usize>load<u32>(pair, 4)) << 2)
      v128.store32_lane(higher, f32x4.pmax(v128.load32_zero(lower), v128.load32_zero(higher)), 0)
      f32.store(lower, Infinity)
    }
  else if (linkage == 1)
    for (let pair = pairOf(from); pair < end; pair += 16) {
      const lower = row + ((<usize>load<u32>(pair)) << 2)
      const higher = row + ((<usize>load<u32>(pair, 4)) << 2)
      f32.store(higher, mean(f32.load(lower), f32.load(higher), f64.load(pair, 8)))
      f32.store(lower, Infinity)
    }
  else
    for (let pair = pairOf(from), merge = logOf(from); pair < end; pair += 16, merge += 32) {
      const lower = row + ((<usize>load<u32>(pair)) << 2)
      const higher = row + ((<usize>load<u32>(pair, 4)) << 2)
      const x = <f64>f32.load(lower)
      const y = <f64>f32.load(higher)
      f32.store(higher, <f32>ward(x, y, f64.load(merge, 16), f64.load(merge, 24), weight, f64.load(merge, 8)))
      f32.store(lower, Infinity)
    }
}

/** The row of two slots' cluster, in the higher's place. */
function combine(merge: u32): void {
  const record = logOf(merge)
  const a = rowOf(load<u32>(record))
  const b = rowOf(load<u32>(record, 4))
  let at: u32 = 0
  if (linkage == 0) {
    for (; at + 4 <= width; at += 4) {
      const target = b + ((<usize>at) << 2)
      v128.store(target, f32x4.pmax(v128.load(a + ((<usize>at) << 2)), v128.load(target)))
    }
    for (; at < width; at++) {
      const target = b + ((<usize>at) << 2)
      f32.store(target, max(f32.load(a + ((<usize>at) << 2)), f32.load(target)))
    }
  } else if (linkage == 1) {
    const share = f64.load(pairOf(merge), 8)
    const shares = f64x2.splat(share)
    for (; at + 2 <= width; at += 2) {
      const target = b + ((<usize>at) << 2)
      const x = f64x2.promote_low_f32x4(v128.load64_zero(a + ((<usize>at) << 2)))
      const y = f64x2.promote_low_f32x4(v128.load64_zero(target))
      // As `mean`; an infinite difference of infinite ones is no number.
      const value = f64x2.add(y, f64x2.mul(f64x2.sub(x, y), shares))
      v128.store64_lane(target, f32x4.demote_f64x2_zero(v128.bitselect(x, value, f64x2.eq(x, y))), 0)
    }
    for (; at < width; at++) {
      const target = b + ((<usize>at) << 2)
      f32.store(target, mean(f32.load(a + ((<usize>at) << 2)), f32.load(target), share))
    }
  } else {
    const far = f64.load(record, 8)
    const na = f64.load(record, 16)
    const nb = f64.load(record, 24)
    for (; at < width; at++) {
      const target = b + ((<usize>at) << 2)
      const x = <f64>f32.load(a + ((<usize>at) << 2))
      if (x == Infinity) {
        f32.store(target, Infinity)
        continue
      }
      const other = u32At(slots, at)
      const nk = f64At(u32At(madeBy, other) > merge ? weightsBefore : weights, other)
      f32.store(target, <f32>ward(x, <f64>f32.load(target), na, nb, nk, far))
    }
  }
  f32.store(b + ((<usize>load<u32>(pairOf(merge))) << 2), Infinity)
  f32.store(b + ((<usize>load<u32>(pairOf(merge), 4)) << 2), Infinity)
}

function unite(merge: u32): void {
  const record = logOf(merge)
  const higher = load<u32>(record, 4)
  bring(load<u32>(record), f64.load(record, 16), merge)
  bring(higher, f64.load(record, 24), merge)
  combine(merge)
  setU32(seen, higher, merge + 1)
}

let least: f32
let second: f32

@inline
function meet(value: f32): void {
  second = min(second, max(least, value))
  least = min(least, value)
}

@inline
function meetLanes(v: v128): void {
  meet(f32x4.extract_lane(v, 0))
  meet(f32x4.extract_lane(v, 1))
  meet(f32x4.extract_lane(v, 2))
  meet(f32x4.extract_lane(v, 3))
}

/** Finds the nearest to a slot. */
function look(slot: u32): void {
  bring(slot, f64At(weights, slot), merged)
  const row = rowOf(slot)
  let low = f32x4.splat(Infinity)
  let low2 = low
  let next = low
  let next2 = low
  let at: u32 = 0
  for (; at + 8 <= width; at += 8) {
    const value = v128.load(row + ((<usize>at) << 2))
    next = f32x4.pmin(next, f32x4.pmax(low, value))
    low = f32x4.pmin(low, value)
    const value2 = v128.load(row + ((<usize>at) << 2), 16)
    next2 = f32x4.pmin(next2, f32x4.pmax(low2, value2))
    low2 = f32x4.pmin(low2, value2)
  }
  least = Infinity
  second = Infinity
  meetLanes(low)
  meetLanes(low2)
  meetLanes(next)
  meetLanes(next2)
  for (; at < width; at++) meet(f32.load(row + ((<usize>at) << 2)))
  const sought = f32x4.splat(least)
  for (at = 0; at + 4 <= width; at += 4) {
    const hits = i32x4.bitmask(f32x4.eq(v128.load(row + ((<usize>at) << 2)), sought))
    if (!hits) continue
    at += ctz(hits)
    break
  }
  while (f32.load(row + ((<usize>at) << 2)) != least) at++
  setU32(found, slot, u32At(slots, at))
  setF64(nearestFar, slot, <f64>least)
  setF64(otherFar, slot, <f64>second)
}

// Ward's linkage on points: the distance of two clusters follows from their means, so no matrix is needed. Floats say which are
// about the nearest; among those 64 bits decide.

/** Whether this is about points. */
let ofPoints: bool = false
let columns: u32
/** f64, slot by slot. */
let means: usize
/** The same as floats, in panels, by places. */
let panels: usize
/** Floats by places: weight, NaN for those that do not count. */
let shares: usize
/** Floats by places: how far they are from the one looked at; a thread's own. */
let distances: usize
/** How far a distance of two means may be from that of the floats. */
let rounding: f64

@inline
function padded(n_: u32): usize {
  return <usize>((n_ + panelRows - 1) / panelRows) * panelRows
}

export function pointsBytes(n_: u32, columns_: u32): usize {
  return roundBytes(n_) + padded(n_) * (4 + 4 * columns_) + 64
}

/** Bytes that each thread takes for itself. */
export function distancesBytes(n_: u32): usize {
  return padded(n_) << 2
}

/**
 * @param means_ n × columns f64
 * @param error length of a vector of the columns' greatest absolute values
 */
export function bindPoints(n_: u32, columns_: u32, means_: usize, error: f64, room: usize, distances_: usize): void {
  panels = (bindRounds(n_, room) + 63) & ~63
  shares = panels + padded(n_) * panelBytes(columns_) / panelRows
  ofPoints = true
  columns = columns_
  means = means_
  rounding = error * 1.2e-7
  distances = distances_
}

/** @param weights_ n f64 */
export function beginPoints(weights_: usize): void {
  beginRounds()
  memory.copy(weights, weights_, (<usize>n) << 3)
  for (let slot: u32 = 0; slot < n; slot++) fillPlace(slot)
  closePanels()
}

/** Writes the mean and weight of a slot into its place. */
function fillPlace(slot: u32): void {
  const place = u32At(places, slot)
  // Two weights of 0 would make a distance that is no number.
  f32.store(shares + ((<usize>place) << 2), max<f32>(<f32>f64At(weights, slot), 1e-30))
  const source = means + (((<usize>slot) * columns) << 3)
  const target = rowInPanels(panels, columns, place)
  for (let column: u32 = 0; column < columns; column++)
    f32.store(target + ((<usize>column) << 6), <f32>f64At(source, column))
}

/** What fills the last panel does not count. */
function closePanels(): void {
  for (let place = width; place % panelRows; place++) f32.store(shares + ((<usize>place) << 2), NaN)
}

/** Moves the mean of the last merge's cluster to where it belongs. */
function moveMean(merge: u32): void {
  const record = logOf(merge)
  const from = means + (((<usize>load<u32>(record)) * columns) << 3)
  const to = means + (((<usize>load<u32>(record, 4)) * columns) << 3)
  const pair = pairOf(merge)
  for (let column: u32 = 0; column < columns; column++) {
    const value = f64At(to, column)
    setF64(to, column, value + (f64At(from, column) - value) * f64.load(pair, 8))
  }
  f32.store(shares + ((<usize>load<u32>(pair)) << 2), NaN)
  fillPlace(load<u32>(record, 4))
}

/** Ward's squared distance, the same from both sides. */
function exactDistance(a: u32, b: u32): f64 {
  const x = means + (((<usize>a) * columns) << 3)
  const y = means + (((<usize>b) * columns) << 3)
  let sums = f64x2.splat(0)
  let column: u32 = 0
  for (; column + 2 <= columns; column += 2) {
    const difference = f64x2.sub(v128.load(x + ((<usize>column) << 3)), v128.load(y + ((<usize>column) << 3)))
    sums = f64x2.add(sums, f64x2.mul(difference, difference))
  }
  let sum = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1)
  if (column < columns) {
    const difference = f64At(x, column) - f64At(y, column)
    sum += difference * difference
  }
  const wa = f64At(weights, a)
  const wb = f64At(weights, b)
  return sum * ((2 * (wa * wb)) / (wa + wb))
}

@inline
function addSquare(total: v128, difference: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(difference, difference, total)
  return f32x4.add(total, f32x4.mul(difference, difference))
}

/** Squared distances of a mean to the sixteen of a panel. What is fused here and not there does not matter, as 64 bits decide. */
@inline
function squares(panel: usize, row: usize, out: usize): void {
  let a = f32x4.splat(0)
  let b = a
  let c = a
  let d = a
  for (const end = panel + panelBytes(columns); panel < end; panel += 64) {
    const x = v128.load32_splat(row)
    a = addSquare(a, f32x4.sub(x, v128.load(panel)))
    b = addSquare(b, f32x4.sub(x, v128.load(panel, 16)))
    c = addSquare(c, f32x4.sub(x, v128.load(panel, 32)))
    d = addSquare(d, f32x4.sub(x, v128.load(panel, 48)))
    row += 64
  }
  v128.store(out, a)
  v128.store(out, b, 16)
  v128.store(out, c, 32)
  v128.store(out, d, 48)
}

/** Finds the nearest to a slot, and how far the one after it is. */
function lookAtMeans(slot: u32): void {
  const place = u32At(places, slot)
  const own = f32.load(shares + ((<usize>place) << 2))
  const source = rowInPanels(panels, columns, place)
  const bytes = panelBytes(columns)
  const twice = f32x4.splat(own + own)
  const one = f32x4.splat(own)
  let low = f32x4.splat(Infinity)
  let next = low
  const end = (width + panelRows - 1) / panelRows
  for (let panel: u32 = 0; panel < end; panel++) {
    const out = distances + ((<usize>panel) << 6)
    squares(panels + <usize>panel * bytes, source, out)
    if (panel == place / panelRows) f32.store(distances + ((<usize>place) << 2), NaN)
    const w = shares + ((<usize>panel) << 6)
    for (let at: usize = 0; at < 64; at += 16) {
      const other = v128.load(w + at)
      // Products of small weights would be 0.
      const value = f32x4.mul(v128.load(out + at), f32x4.mul(f32x4.div(twice, f32x4.add(one, other)), other))
      v128.store(out + at, value)
      // Numbers that are none are below nothing.
      const nearer = f32x4.lt(value, low)
      next = f32x4.pmin(next, v128.bitselect(low, value, nearer))
      low = f32x4.pmin(low, value)
    }
  }
  least = Infinity
  second = Infinity
  meetLanes(low)
  meetLanes(next)
  // Both the nearest and the next are among those up to this bound; where there is but one other, that is no number or infinite.
  const relative = 1 + (<f64>columns + 8) * 6e-8
  const root = (sqrt<f64>(<f64>second) * relative + 2 * sqrt<f64>(2 * <f64>own) * rounding) * relative
  const bounds = f32x4.splat(<f32>(root * root * relative))
  let closest = none
  let far: f64 = Infinity
  let nextFar: f64 = Infinity
  // Where two are at no distance, no other can be the nearest.
  for (let at: u32 = 0; at < width && nextFar > 0; at += 4) {
    let hits = i32x4.bitmask(f32x4.le(v128.load(distances + ((<usize>at) << 2)), bounds))
    for (; hits; hits &= hits - 1) {
      const hit = at + ctz(hits)
      const other = u32At(slots, hit)
      const distance = exactDistance(slot, other)
      if (distance < far) {
        nextFar = far
        far = distance
        closest = other
      } else nextFar = min(nextFar, distance)
    }
  }
  setU32(found, slot, closest)
  setF64(nearestFar, slot, far)
  setF64(otherFar, slot, nextFar)
}
