// The hot loops of the k-medoids family. Names and steps follow section 3 of arXiv 2008.05171: `near` and `sec` are the slots
// of an object's nearest and second nearest medoid, `dn` and `ds` the distances to them; for the medoid silhouette
// (arXiv 2209.12553) `third` and `dt` are added. All memory is the caller's. What threads share lies in memory; globals are a
// thread's own and set by `bind`.
import { claim } from '../../kernels/assembly/inline/work-queue'

/** Objects whose distances are summed. */
let n: i32
/** Rows that may become medoids; the objects themselves, unless `home` is given. */
let candidates: i32
let k: i32
/** Whether the medoid silhouette is searched for instead of the total deviation. */
let silhouettes: bool
/** What `total` and those after it lie in. */
let state: usize
/** Candidates × i32: the order in which they are tried. */
let order: usize
/** Rows of n floats, `stride` bytes apart: d(o, j) for all objects o. */
let rows: usize
let stride: usize
/** −1: a row for each candidate; else a block of rows, the first of them that of the candidate at this position of `order`. */
let blockFrom: i32 = -1
/** k × u32: where the row of each medoid is. */
let medoidRows: usize
/** Where medoids' rows are copied to (k × `stride`), or 0 where they stay in `rows`. */
let kept: usize
/** k × i32: candidate of each slot. */
let med: usize
/** Candidates × i32: the object that a candidate is, or −1; 0 where they are the same. */
let home: usize
/** n × i32 each. */
let near: usize
let sec: usize
let third: usize
/** n × f32 each. */
let dn: usize
let ds: usize
let dt: usize
/** n × f64, or 0 where all weights are 1. */
let weights: usize
/** k × f64 each: what removing a medoid costs, and (each thread's own) the change that a swap with it brings. */
let removal: usize
let loss: usize
/** Candidates × u8: whether it is a medoid. */
let isMedoid: usize
/** n × i32: objects whose medoids are looked for again. */
let listed: usize
/** Candidates × f64: totals after each swap of a sweep. */
let trace: usize
/** A swap counts only if it lowers the total by more than this share of it. */
let tolerance: f64

// Offsets in `state`.
/** f64: the weighted sum of all distances to the nearest medoid, or of all a/b. */
const totalAt: usize = 0
/** i32: position in `order` of the last swap, −1 before the first. */
const lastAt: usize = 8
/** i32: swaps in `trace`. */
const swapsAt: usize = 12
/** i32: where a sweep has ended, −1 where nothing helps any more. */
const reachedAt: usize = 16
// Of a round of several threads: next position, its end (−1: no more rounds), the least position that helps.
const nextAt: usize = 20
const untilAt: usize = 24
const foundAt: usize = 28
const arrivedAt: usize = 32
const roundsAt: usize = 36

/** Looks at the state of others before a thread goes to sleep: some ten microseconds. */
const mostLooks: i32 = 4000
/** Positions in a round. */
const mostRound: i32 = 2048
/** Candidates in a row that have not helped before the threads go on together. */
const patience: i32 = 32

export function bind(
  n_: i32,
  candidates_: i32,
  k_: i32,
  silhouettes_: bool,
  state_: usize,
  order_: usize,
  rows_: usize,
  stride_: usize,
  blockFrom_: i32,
  medoidRows_: usize,
  kept_: usize,
  med_: usize,
  home_: usize,
  near_: usize,
  sec_: usize,
  third_: usize,
  dn_: usize,
  ds_: usize,
  dt_: usize,
  weights_: usize,
  removal_: usize,
  loss_: usize,
  isMedoid_: usize,
  listed_: usize,
  trace_: usize,
  tolerance_: f64,
): void {
  n = n_
  candidates = candidates_
  k = k_
  silhouettes = silhouettes_
  state = state_
  order = order_
  rows = rows_
  stride = stride_
  blockFrom = blockFrom_
  medoidRows = medoidRows_
  kept = kept_
  med = med_
  home = home_
  near = near_
  sec = sec_
  third = third_
  dn = dn_
  ds = ds_
  dt = dt_
  weights = weights_
  removal = removal_
  loss = loss_
  isMedoid = isMedoid_
  listed = listed_
  trace = trace_
  tolerance = tolerance_
}

/** Says which candidates a block of rows now holds: those from this position of the order on. */
export function bindBlock(from: i32): void {
  blockFrom = from
}

export function total(): f64 {
  return f64.load(state, totalAt)
}

@inline
function weight(o: i32): f64 {
  return weights == 0 ? 1 : f64.load(weights + ((<usize>o) << 3))
}

/** The row of the candidate at a position of the order. */
@inline
function rowAt(p: i32): usize {
  return rows + <usize>(blockFrom < 0 ? slot(order, p) : p - blockFrom) * stride
}

@inline
function medoidRow(m: i32): usize {
  return <usize>load<u32>(medoidRows + ((<usize>m) << 2))
}

@inline
function homeOf(j: i32): i32 {
  return home == 0 ? j : slot(home, j)
}

@inline
function at(pointer: usize, o: i32): f32 {
  return f32.load(pointer + ((<usize>o) << 2))
}

@inline
function slot(pointer: usize, o: i32): i32 {
  return i32.load(pointer + ((<usize>o) << 2))
}

@inline
function put(pointer: usize, o: i32, value: f32): void {
  f32.store(pointer + ((<usize>o) << 2), value)
}

@inline
function putSlot(pointer: usize, o: i32, value: i32): void {
  i32.store(pointer + ((<usize>o) << 2), value)
}

@inline
function addTo(sums: usize, m: i32, value: f64): void {
  const where = sums + ((<usize>m) << 3)
  f64.store(where, f64.load(where) + value)
}

/** x/y for 0 ≤ x ≤ y; 0 where x is 0, also of 0. */
@inline
function ratio(x: f64, y: f64): f64 {
  return x == 0 ? 0 : x / y
}

/** Puts slot m with distance v before the nearest medoids that are farther. */
@inline
function insert(o: i32, m: i32, v: f32): void {
  if (v < at(dn, o)) {
    if (silhouettes) {
      put(dt, o, at(ds, o))
      putSlot(third, o, slot(sec, o))
    }
    put(ds, o, at(dn, o))
    putSlot(sec, o, slot(near, o))
    put(dn, o, v)
    putSlot(near, o, m)
  } else if (v < at(ds, o)) {
    if (silhouettes) {
      put(dt, o, at(ds, o))
      putSlot(third, o, slot(sec, o))
    }
    put(ds, o, v)
    putSlot(sec, o, m)
  } else if (silhouettes && v < at(dt, o)) {
    put(dt, o, v)
    putSlot(third, o, m)
  }
}

@inline
function forget(o: i32): void {
  put(dn, o, Infinity)
  put(ds, o, Infinity)
  putSlot(near, o, -1)
  putSlot(sec, o, -1)
  if (silhouettes) {
    put(dt, o, Infinity)
    putSlot(third, o, -1)
  }
}

/** A medoid belongs to its own slot, also where another one is at distance 0. */
function takeHome(m: i32): void {
  const o = homeOf(slot(med, m))
  if (o < 0 || slot(near, o) == m) return
  if (silhouettes && slot(sec, o) != m) {
    put(dt, o, at(ds, o))
    putSlot(third, o, slot(sec, o))
  }
  put(ds, o, at(dn, o))
  putSlot(sec, o, slot(near, o))
  put(dn, o, 0)
  putSlot(near, o, m)
}

/** Nearest medoids of every object; the lowest slot wins ties, but a medoid belongs to its own slot. */
export function assign(): void {
  for (let o = 0; o < n; o++) forget(o)
  memory.fill(isMedoid, 0, candidates)
  for (let m = 0; m < k; m++) {
    const from = medoidRow(m)
    store<u8>(isMedoid + slot(med, m), 1)
    for (let o = 0; o < n; o++) insert(o, m, at(from, o))
  }
  for (let m = 0; m < k; m++) takeHome(m)
  i32.store(state, -1, lastAt)
  i32.store(state, 0, swapsAt)
  summarise()
}

/** The total and the cost of each removal, summed anew so that nothing drifts. */
function summarise(): void {
  memory.fill(removal, 0, (<usize>k) << 3)
  let sum: f64 = 0
  if (silhouettes)
    for (let o = 0; o < n; o++) {
      const w = weight(o)
      const a = <f64>at(dn, o)
      const b = <f64>at(ds, o)
      const c = <f64>at(dt, o)
      const r = ratio(a, b)
      sum += w * r
      addTo(removal, slot(near, o), w * (ratio(b, c) - r))
      if (k > 1) addTo(removal, slot(sec, o), w * (ratio(a, c) - r))
    }
  else
    for (let o = 0; o < n; o++) {
      const w = weight(o)
      const d = <f64>at(dn, o)
      sum += w * d
      addTo(removal, slot(near, o), w * (<f64>at(ds, o) - d))
    }
  f64.store(state, sum, totalAt)
}

@inline
function account(o: i32, v: f32, acc: f64): f64 {
  const d = at(dn, o)
  const w = weight(o)
  if (v < d) {
    addTo(loss, slot(near, o), w * (<f64>d - <f64>at(ds, o)))
    return acc + w * (<f64>v - <f64>d)
  }
  addTo(loss, slot(near, o), w * (<f64>v - <f64>at(ds, o)))
  return acc
}

@inline
function accountRatio(o: i32, v_: f32, acc: f64): f64 {
  const v = <f64>v_
  const a = <f64>at(dn, o)
  const b = <f64>at(ds, o)
  const c = <f64>at(dt, o)
  const w = weight(o)
  const r = ratio(a, b)
  const general = v < a ? v / a : v < b ? ratio(a, v) : r
  const outNear = v < b ? v / b : ratio(b, v)
  const outSec = v < a ? v / a : ratio(a, v)
  addTo(loss, slot(near, o), w * (outNear - general - (ratio(b, c) - r)))
  addTo(loss, slot(sec, o), w * (outSec - general - (ratio(a, c) - r)))
  return acc + w * (general - r)
}

// Few objects are nearer to a candidate than to their second medoid (their third, for silhouettes): 16 are compared at once,
// and only those that are go on.
@inline
function changes(ratios: bool, from: usize, limits: usize): f64 {
  let acc: f64 = 0
  let o: i32 = 0
  for (; o + 16 <= n; o += 16) {
    const v = from + ((<usize>o) << 2)
    const s = limits + ((<usize>o) << 2)
    const low = i16x8.narrow_i32x4_s(
      f32x4.lt(v128.load(v), v128.load(s)),
      f32x4.lt(v128.load(v, 16), v128.load(s, 16)),
    )
    const high = i16x8.narrow_i32x4_s(
      f32x4.lt(v128.load(v, 32), v128.load(s, 32)),
      f32x4.lt(v128.load(v, 48), v128.load(s, 48)),
    )
    let hits = i8x16.bitmask(i8x16.narrow_i16x8_s(low, high))
    while (hits != 0) {
      const hit = o + ctz(hits)
      acc = ratios ? accountRatio(hit, at(from, hit), acc) : account(hit, at(from, hit), acc)
      hits &= hits - 1
    }
  }
  for (; o < n; o++) {
    const v = at(from, o)
    if (v < at(limits, o)) acc = ratios ? accountRatio(o, v, acc) : account(o, v, acc)
  }
  return acc
}

/** What bringing in the candidate with this row changes, whichever slot goes out; what a slot adds is left in `loss`. */
function shared(from: usize): f64 {
  memory.copy(loss, removal, (<usize>k) << 3)
  return silhouettes ? changes(true, from, dt) : changes(false, from, ds)
}

/** Change of the total by the best swap that brings the candidate with this row in. */
@inline
function evaluate(from: usize): f64 {
  return shared(from) + leastLoss()
}

/** The least entry of `loss`. */
function leastLoss(): f64 {
  let a = v128.load(loss)
  if (k >= 8) {
    let b = v128.load(loss, 16)
    let c = v128.load(loss, 32)
    let d = v128.load(loss, 48)
    let m: i32 = 8
    for (; m + 8 <= k; m += 8) {
      const p = loss + ((<usize>m) << 3)
      a = f64x2.pmin(a, v128.load(p))
      b = f64x2.pmin(b, v128.load(p, 16))
      c = f64x2.pmin(c, v128.load(p, 32))
      d = f64x2.pmin(d, v128.load(p, 48))
    }
    a = f64x2.pmin(f64x2.pmin(a, b), f64x2.pmin(c, d))
    let least = min(f64x2.extract_lane(a, 0), f64x2.extract_lane(a, 1))
    for (; m < k; m++) least = min(least, f64.load(loss + ((<usize>m) << 3)))
    return least
  }
  let least = f64.load(loss)
  for (let m = 1; m < k; m++) least = min(least, f64.load(loss + ((<usize>m) << 3)))
  return least
}

/** The first slot of least loss. */
function bestSlot(): i32 {
  const least = leastLoss()
  for (let m = 0; m < k; m++) if (f64.load(loss + ((<usize>m) << 3)) == least) return m
  return 0
}

/** Puts a candidate into slot i. @param from its row */
export function swap(i: i32, j: i32, from: usize): void {
  store<u8>(isMedoid + slot(med, i), 0)
  store<u8>(isMedoid + j, 1)
  putSlot(med, i, j)
  if (kept) memory.copy(medoidRow(i), from, (<usize>n) << 2)
  else store<u32>(medoidRows + ((<usize>i) << 2), <u32>from)
  const slots = i32x4.splat(i)
  let count: i32 = 0
  let o: i32 = 0
  const limits = silhouettes ? dt : ds
  for (; o + 4 <= n; o += 4) {
    const p = (<usize>o) << 2
    const nearer = f32x4.lt(v128.load(from + p), v128.load(limits + p))
    let touched = v128.or(
      nearer,
      v128.or(i32x4.eq(v128.load(near + p), slots), i32x4.eq(v128.load(sec + p), slots)),
    )
    if (silhouettes) touched = v128.or(touched, i32x4.eq(v128.load(third + p), slots))
    let lanes = i32x4.bitmask(touched)
    while (lanes != 0) {
      const one = o + ctz(lanes)
      count = move(i, one, at(from, one), count)
      lanes &= lanes - 1
    }
  }
  for (; o < n; o++) count = move(i, o, at(from, o), count)
  for (let m = 0; m < k && count > 0; m++) {
    const row = medoidRow(m)
    for (let index = 0; index < count; index++) {
      const one = slot(listed, index)
      // The nearest of an object in the list is known already, unless it has none.
      if (slot(near, one) != m) insert(one, m, at(row, one))
    }
  }
  // Objects in the list may be medoids that have lost sight of their own slot.
  if (silhouettes) for (let m = 0; m < k; m++) takeHome(m)
  else takeHome(i)
  summarise()
}

/** What a new medoid at distance v in slot i is to object o; those whose medoids must be looked for again are listed. */
@inline
function move(i: i32, o: i32, v: f32, count: i32): i32 {
  if (silhouettes) {
    const gone = slot(near, o) == i || slot(sec, o) == i || slot(third, o) == i
    if (gone) {
      forget(o)
      putSlot(listed, count, o)
      return count + 1
    }
    insert(o, i, v)
    return count
  }
  if (slot(near, o) == i) {
    if (v < at(ds, o)) {
      put(dn, o, v)
      return count
    }
    putSlot(near, o, slot(sec, o))
    put(dn, o, at(ds, o))
  } else if (v < at(ds, o) || slot(sec, o) != i) {
    insert(o, i, v)
    return count
  }
  putSlot(sec, o, -1)
  put(ds, o, Infinity)
  putSlot(listed, count, o)
  return count + 1
}

/** Below 0 there is nothing, so that a total of 0 is lowered by rounding alone. */
@inline
function helps(change: f64): bool {
  const now = total()
  return now > 0 && change < -tolerance * now
}

@inline
function swapAt(p: i32): void {
  swap(bestSlot(), slot(order, p), rowAt(p))
  i32.store(state, p, lastAt)
  const swaps = i32.load(state, swapsAt)
  f64.store(trace + ((<usize>swaps) << 3), total())
  i32.store(state, swaps + 1, swapsAt)
}

/** Swaps noted in `trace` so far; they are forgotten. */
export function takeSwaps(): i32 {
  const swaps = i32.load(state, swapsAt)
  i32.store(state, 0, swapsAt)
  return swaps
}

/** Position in the order of the last swap, −1 before the first. */
export function lastSwap(): i32 {
  return i32.load(state, lastAt)
}

/** Before sweeps in another order. */
export function forgetLastSwap(): void {
  i32.store(state, -1, lastAt)
}

/** Where the last sweep has ended. */
export function reached(): i32 {
  return i32.load(state, reachedAt)
}

/**
 * Tries the candidates at positions `from` to `to − 1` of the order and makes each swap that helps. Gives back `to`, or −1 where a
 * whole round has passed since the last swap. @param once return after a swap, with the position behind it
 */
export function sweep(from: i32, to: i32, once: bool): i32 {
  for (let p = from; p < to; p++) {
    if (p == i32.load(state, lastAt)) return -1
    if (load<u8>(isMedoid + slot(order, p))) continue
    if (!helps(evaluate(rowAt(p)))) continue
    swapAt(p)
    if (once) return p + 1
  }
  return to
}

/** Waits until all threads are here. */
function meet(threads: i32): void {
  const rounds = atomic.load<i32>(state, roundsAt)
  if (atomic.add<i32>(state, 1, arrivedAt) == threads - 1) {
    atomic.store<i32>(state, 0, arrivedAt)
    atomic.add<i32>(state, 1, roundsAt)
    atomic.notify(state + roundsAt, threads)
    return
  }
  for (let looks = 0; looks < mostLooks; looks++) if (atomic.load<i32>(state, roundsAt) != rounds) return
  while (atomic.load<i32>(state, roundsAt) == rounds) atomic.wait<i32>(state + roundsAt, rounds, 10_000_000)
}

/** Makes ready what `meet` needs. */
export function beginRounds(): void {
  i32.store(state, 0, arrivedAt)
}

/**
 * `sweep` by several threads, with the same swaps: in rounds, each thread evaluates candidates against the same medoids; the first
 * in the order that helps is swapped in, and the next round begins behind it. What was evaluated behind it is lost, so while
 * swaps are frequent the first thread goes on alone.
 */
export function sweepTogether(from: i32, to: i32, thread: i32, threads: i32, queue: usize): void {
  let position = from
  let round = patience
  // A whole sweep is often without a swap.
  let quiet = patience
  for (;;) {
    if (thread == 0) {
      let end = lastBetween(position, to)
      while (position < end && quiet < patience && atomic.load<u32>(queue, 4) == 0) {
        if (sweep(position, position + 1, true) < 0) break
        const swapped = i32.load(state, lastAt) == position
        quiet = swapped ? 0 : quiet + 1
        position++
        if (swapped) end = to
      }
      const stopped = atomic.load<u32>(queue, 4) != 0
      i32.store(state, position, nextAt)
      i32.store(state, to, foundAt)
      i32.store(state, position >= end || stopped ? -1 : min(end, position + round), untilAt)
      atomic.store<u32>(queue, position - from)
    }
    meet(threads)
    const until = i32.load(state, untilAt)
    if (until < 0) break
    for (;;) {
      const p = atomic.add<i32>(state, 1, nextAt)
      if (p >= until || p > atomic.load<i32>(state, foundAt)) break
      if (load<u8>(isMedoid + slot(order, p)) || !helps(evaluate(rowAt(p)))) continue
      let found = atomic.load<i32>(state, foundAt)
      while (p < found) found = atomic.cmpxchg<i32>(state, found, p, foundAt)
    }
    meet(threads)
    if (thread == 0) {
      const p = i32.load(state, foundAt)
      if (p < until) {
        evaluate(rowAt(p))
        swapAt(p)
        position = p + 1
        round = patience
        quiet = 0
      } else {
        position = until
        round = min(2 * round, mostRound)
      }
    }
  }
  if (thread > 0) return
  i32.store(state, position == i32.load(state, lastAt) && position < to ? -1 : position, reachedAt)
  atomic.store<u32>(queue, to - from)
}

/** Where a sweep from this position ends: at the last swap, or at `to`. */
@inline
function lastBetween(position: i32, to: i32): i32 {
  const last = i32.load(state, lastAt)
  return last >= position && last < to ? last : to
}

// The best swap of a round lies where the caller wants it: f64 change, i32 position (−1: none), i32 slot.

/** Evaluates the candidates at `from` to `to − 1`; the best swap, if better than what is there, goes to `best`. */
export function evaluateRange(from: i32, to: i32, best: usize): void {
  for (let p = from; p < to; p++) {
    if (load<u8>(isMedoid + slot(order, p))) continue
    const change = evaluate(rowAt(p))
    if (change < f64.load(best)) {
      f64.store(best, change)
      i32.store(best, p, 8)
      i32.store(best, bestSlot(), 12)
    }
  }
}

export function evaluateAll(from: i32, to: i32, piece: i32, best: usize, queue: usize): void {
  const count = to - from
  for (let p: i32 = claim(queue, piece, count); p < count; p = claim(queue, piece, count))
    evaluateRange(from + p, from + min(p + piece, count), best)
}

/** FastPAM2: the best swap for each slot. @param best one for each slot */
export function evaluateSlots(from: i32, to: i32, best: usize): void {
  for (let p = from; p < to; p++) {
    if (load<u8>(isMedoid + slot(order, p))) continue
    const all = shared(rowAt(p))
    for (let m = 0; m < k; m++) {
      const change = all + f64.load(loss + ((<usize>m) << 3))
      const own = best + ((<usize>m) << 4)
      if (change < f64.load(own)) {
        f64.store(own, change)
        i32.store(own, p, 8)
        i32.store(own, m, 12)
      }
    }
  }
}

/** Change of the total by putting the candidate with this row into slot i. */
export function changeOf(i: i32, from: usize): f64 {
  return shared(from) + f64.load(loss + ((<usize>i) << 3))
}

/** Whether a change counts, against rounding. */
export function counts(change: f64): bool {
  return helps(change)
}

/** The originals, PAM and PAMMEDSIL: for each candidate and each slot the change is summed over all objects. */
export function evaluatePairs(from: i32, to: i32, best: usize): void {
  for (let p = from; p < to; p++) {
    if (load<u8>(isMedoid + slot(order, p))) continue
    const row = rowAt(p)
    for (let i = 0; i < k; i++) {
      const change = silhouettes ? ratiosWith(i, row) - total() : deviationChange(i, row)
      if (change < f64.load(best)) {
        f64.store(best, change)
        i32.store(best, p, 8)
        i32.store(best, i, 12)
      }
    }
  }
}

function deviationChange(i: i32, row: usize): f64 {
  let change: f64 = 0
  for (let o = 0; o < n; o++) {
    const v = at(row, o)
    const d = at(dn, o)
    if (slot(near, o) == i) change += weight(o) * (<f64>min(v, at(ds, o)) - <f64>d)
    else if (v < d) change += weight(o) * (<f64>v - <f64>d)
  }
  return change
}

/** Σ w·a/b with this row in slot i, from all medoids anew: O(n·k). */
function ratiosWith(i: i32, row: usize): f64 {
  let sum: f64 = 0
  for (let o = 0; o < n; o++) {
    let a = at(row, o)
    let b: f32 = Infinity
    for (let m = 0; m < k; m++) {
      if (m == i) continue
      const v = at(medoidRow(m), o)
      if (v < a) {
        b = a
        a = v
      } else if (v < b) b = v
    }
    sum += weight(o) * ratio(a, b)
  }
  return sum
}

/** What removing each slot would cost: k × f64. */
export function removals(out: usize): void {
  memory.copy(out, removal, (<usize>k) << 3)
}

/** Sums of the rows at `from` to `to − 1` times the factors of the objects (0: all 1), into `sums`. */
export function rowSums(from: i32, to: i32, factors: usize, sums: usize): void {
  for (let p = from; p < to; p++) {
    const candidate = rowAt(p)
    let sum: f64 = 0
    if (factors) for (let o = 0; o < n; o++) sum += f64.load(factors + ((<usize>o) << 3)) * <f64>at(candidate, o)
    else {
      let a = f64x2.splat(0)
      let b = f64x2.splat(0)
      let o: i32 = 0
      for (; o + 4 <= n; o += 4) {
        const v = v128.load(candidate + ((<usize>o) << 2))
        a = f64x2.add(a, f64x2.promote_low_f32x4(v))
        b = f64x2.add(b, f64x2.promote_low_f32x4(i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)))
      }
      a = f64x2.add(a, b)
      sum = f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1)
      for (; o < n; o++) sum += <f64>at(candidate, o)
    }
    f64.store(sums + ((<usize>p) << 3), sum)
  }
}

/** BUILD: what the candidates at `from` to `to − 1` as further medoids would change, into `sums`. Reads `dn`. */
export function buildGains(from: i32, to: i32, sums: usize): void {
  for (let p = from; p < to; p++) {
    const candidate = rowAt(p)
    let acc: f64 = 0
    let o: i32 = 0
    for (; o + 4 <= n; o += 4) {
      let hits = i32x4.bitmask(
        f32x4.lt(v128.load(candidate + ((<usize>o) << 2)), v128.load(dn + ((<usize>o) << 2))),
      )
      while (hits != 0) {
        const hit = o + ctz(hits)
        acc += weight(hit) * (<f64>at(candidate, hit) - <f64>at(dn, hit))
        hits &= hits - 1
      }
    }
    for (; o < n; o++)
      if (at(candidate, o) < at(dn, o)) acc += weight(o) * (<f64>at(candidate, o) - <f64>at(dn, o))
    f64.store(sums + ((<usize>p) << 3), acc)
  }
}

export function allBuildGains(from: i32, to: i32, piece: i32, sums: usize, queue: usize): void {
  const count = to - from
  for (let p: i32 = claim(queue, piece, count); p < count; p = claim(queue, piece, count))
    buildGains(from + p, from + min(p + piece, count), sums)
}

/** Lowers `dn` to the distances in a new medoid's row. */
export function lowerTo(from: usize): void {
  for (let o = 0; o < n; o++) if (at(from, o) < at(dn, o)) put(dn, o, at(from, o))
}

/**
 * Weighted sums of the distances from each of `count` members to all of them, for members `from` to `to − 1`. A block of rows holds
 * those of these members, to the members alone.
 */
export function memberSums(members: usize, count: i32, from: i32, to: i32, sums: usize): void {
  for (let a = from; a < to; a++) {
    const candidate = blockFrom < 0 ? rows + <usize>slot(members, a) * stride : rows + <usize>(a - from) * stride
    let sum: f64 = 0
    for (let b = 0; b < count; b++) {
      const o = slot(members, b)
      sum += weight(o) * <f64>at(candidate, blockFrom < 0 ? o : b)
    }
    f64.store(sums + ((<usize>a) << 3), sum)
  }
}

/**
 * The full silhouette (Rousseeuw 1987) of the partition with this row in slot i (−1: as it is), summed with the weights 1. Each
 * candidate must be an object. @param labels n × i32, @param sums k × f64, @param sizes k × i32: room to work in
 */
export function silhouetteWith(i: i32, j: i32, row: usize, labels: usize, sums: usize, sizes: usize): f64 {
  memory.fill(sizes, 0, (<usize>k) << 2)
  for (let o = 0; o < n; o++) {
    let label = slot(near, o)
    if (i >= 0) {
      const v = at(row, o)
      if (o == j) label = i
      else if (label == i) label = v < at(ds, o) || (v == at(ds, o) && i < slot(sec, o)) ? i : slot(sec, o)
      else if ((v < at(dn, o) || (v == at(dn, o) && i < label)) && slot(med, label) != o) label = i
    }
    putSlot(labels, o, label)
    putSlot(sizes, label, slot(sizes, label) + 1)
  }
  let total: f64 = 0
  for (let o = 0; o < n; o++) {
    const own = slot(labels, o)
    if (slot(sizes, own) < 2) continue
    memory.fill(sums, 0, (<usize>k) << 3)
    // Rows are in the order of the objects: that of o holds the distances of all others to it.
    const from = rows + <usize>o * stride
    for (let other = 0; other < n; other++) addTo(sums, slot(labels, other), <f64>at(from, other))
    const a = f64.load(sums + ((<usize>own) << 3)) / (slot(sizes, own) - 1)
    let b: f64 = Infinity
    for (let m = 0; m < k; m++)
      if (m != own && slot(sizes, m) > 0) b = min(b, f64.load(sums + ((<usize>m) << 3)) / slot(sizes, m))
    const most = max(a, b)
    if (most > 0) total += (b - a) / most
  }
  return total
}
