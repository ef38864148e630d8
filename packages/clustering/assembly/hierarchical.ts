// Nearest-neighbour chains (Murtagh 1983): from any cluster to its nearest, and on, until two are each other's nearest; these merge.
// Clusters live in slots, at first those of their rows; of two that merge the higher slot stays. Of equally near ones the one before
// in the chain counts, then the lowest slot. Memory is the caller's: every pointer is given.
import { panelBytes, panelMeasures, panelRows, rowInPanels } from './inline/panels'

const none: u32 = 0xffffffff

let n: u32
/** u32: slots, the last of which is looked at. */
let chain: usize
let chainLength: u32
/** (n − 1) × 3 f64: lower slot, higher slot, height. */
let merges: usize
let merged: u32
/** f64 a slot: rows in it, or their weight. */
let weights: usize
/** Below it no slot is alive. */
let first: u32

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

function begin(n_: u32, chain_: usize, merges_: usize, weights_: usize): void {
  n = n_
  chain = chain_
  chainLength = 0
  merges = merges_
  merged = 0
  weights = weights_
  first = 0
}

@inline
function record(lower: u32, higher: u32, height: f64): void {
  const target = merges + <usize>merged * 24
  f64.store(target, <f64>lower)
  f64.store(target, <f64>higher, 8)
  f64.store(target, height, 16)
  f64.store(weights + ((<usize>higher) << 3), f64At(weights, lower) + f64At(weights, higher))
  merged++
}

@inline
function before(): u32 {
  return chainLength > 1 ? u32At(chain, chainLength - 2) : none
}

@inline
function sumLanes(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1)
}

@inline
function leastLane(v: v128): f32 {
  return min(
    min(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    min(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  )
}

// On a square matrix of floats. Only rows are written: where two clusters merge, the row of the new one is worked out, and the
// others fetch their numbers from it when their turn comes. A column would be as many lines of memory as there are rows.

/** n × n floats; the diagonal and columns of dead slots are infinite. */
let square: usize
/** 0 complete, 1 average, 2 Ward, on squared distances. */
let linkage: u32
/** u32 a slot: merges before its row was worked out, and merges that are in it. */
let created: usize
let seen: usize
let alive: usize

/** @param marks 9n bytes, 0; the last n are 1 */
export function beginMatrix(
  n_: u32,
  square_: usize,
  linkage_: u32,
  weights_: usize,
  chain_: usize,
  merges_: usize,
  marks: usize,
): void {
  begin(n_, chain_, merges_, weights_)
  square = square_
  linkage = linkage_
  created = marks
  seen = marks + ((<usize>n_) << 2)
  alive = marks + ((<usize>n_) << 3)
}

@inline
function rowOf(slot: u32): usize {
  return square + (((<usize>slot) * n) << 2)
}

/** Brings the row of a slot up to the last merge. */
function refresh(slot: u32): void {
  const row = rowOf(slot)
  for (let at = u32At(seen, slot); at < merged; at++) {
    const lower = <u32>f64.load(merges + <usize>at * 24)
    const higher = <u32>f64.load(merges + <usize>at * 24, 8)
    f32.store(row + ((<usize>lower) << 2), Infinity)
    if (u32At(created, higher) == at + 1 && load<u8>(alive + higher))
      f32.store(row + ((<usize>higher) << 2), f32.load(rowOf(higher) + ((<usize>slot) << 2)))
  }
  setU32(seen, slot, merged)
}

/** The nearest to a slot whose row is up to date. */
function nearestInRow(slot: u32, previous: u32): u32 {
  const row = rowOf(slot)
  let low = f32x4.splat(Infinity)
  let low2 = low
  let at: u32 = 0
  for (; at + 8 <= n; at += 8) {
    low = f32x4.pmin(low, v128.load(row + ((<usize>at) << 2)))
    low2 = f32x4.pmin(low2, v128.load(row + ((<usize>at) << 2), 16))
  }
  let least = leastLane(f32x4.pmin(low, low2))
  for (; at < n; at++) least = min(least, f32.load(row + ((<usize>at) << 2)))
  if (previous != none && f32.load(row + ((<usize>previous) << 2)) == least) return previous
  const sought = f32x4.splat(least)
  for (at = 0; at + 4 <= n; at += 4) {
    const hits = i32x4.bitmask(f32x4.eq(v128.load(row + ((<usize>at) << 2)), sought))
    if (hits) return at + ctz(hits)
  }
  while (f32.load(row + ((<usize>at) << 2)) != least) at++
  return at
}

/** The row of two slots' cluster, by Lance and Williams, in the higher's place. */
function combine(lower: u32, higher: u32): void {
  const a = rowOf(lower)
  const b = rowOf(higher)
  const na = f64At(weights, lower)
  const nb = f64At(weights, higher)
  let at: u32 = 0
  if (linkage == 0) {
    for (; at + 4 <= n; at += 4) {
      const target = b + ((<usize>at) << 2)
      v128.store(target, f32x4.pmax(v128.load(a + ((<usize>at) << 2)), v128.load(target)))
    }
    for (; at < n; at++) {
      const target = b + ((<usize>at) << 2)
      f32.store(target, max(f32.load(a + ((<usize>at) << 2)), f32.load(target)))
    }
  } else if (linkage == 1) {
    const share = f64x2.splat(na / (na + nb))
    for (; at + 2 <= n; at += 2) {
      const target = b + ((<usize>at) << 2)
      const x = f64x2.promote_low_f32x4(v128.load64_zero(a + ((<usize>at) << 2)))
      const y = f64x2.promote_low_f32x4(v128.load64_zero(target))
      // Written so that equal numbers stay as they are; an infinite difference of infinite ones is no number.
      const mean = f64x2.add(y, f64x2.mul(f64x2.sub(x, y), share))
      v128.store64_lane(target, f32x4.demote_f64x2_zero(v128.bitselect(x, mean, f64x2.eq(x, y))), 0)
    }
    for (; at < n; at++) {
      const target = b + ((<usize>at) << 2)
      const x = <f64>f32.load(a + ((<usize>at) << 2))
      const y = <f64>f32.load(target)
      f32.store(target, x == y ? <f32>x : <f32>(y + (x - y) * (na / (na + nb))))
    }
  } else {
    const between = <f64>f32.load(a + ((<usize>higher) << 2))
    for (; at < n; at++) {
      const target = b + ((<usize>at) << 2)
      const x = <f64>f32.load(a + ((<usize>at) << 2))
      if (x == Infinity) {
        f32.store(target, Infinity)
        continue
      }
      const y = <f64>f32.load(target)
      const nk = f64At(weights, at)
      f32.store(target, <f32>(((na + nk) * x + (nb + nk) * y - nk * between) / (na + nb + nk)))
    }
  }
  f32.store(b + ((<usize>lower) << 2), Infinity)
  f32.store(b + ((<usize>higher) << 2), Infinity)
}

/** Goes on with the chain for so many rows. @returns merges so far */
export function runMatrix(rows: u32): u32 {
  while (merged + 1 < n && rows-- > 0) {
    if (chainLength == 0) {
      while (!load<u8>(alive + first)) first++
      setU32(chain, 0, first)
      chainLength = 1
    }
    const slot = u32At(chain, chainLength - 1)
    const previous = before()
    refresh(slot)
    const nearest = nearestInRow(slot, previous)
    if (nearest != previous) {
      setU32(chain, chainLength, nearest)
      chainLength++
      continue
    }
    chainLength -= 2
    refresh(nearest)
    const lower = min(slot, nearest)
    const higher = max(slot, nearest)
    const value = <f64>f32.load(rowOf(slot) + ((<usize>nearest) << 2))
    combine(lower, higher)
    record(lower, higher, linkage == 2 ? sqrt<f64>(value) : value)
    store<u8>(alive + lower, 0)
    setU32(created, higher, merged)
    setU32(seen, higher, merged)
  }
  return merged
}

// Ward's linkage on points: the distance of two clusters follows from their means, so no matrix is needed. Floats say which are
// about the nearest; among those 64 bits decide.

let columns: u32
/** f64, slot by slot. */
let means: usize
/** The same as floats, in panels, those of dead slots among them until they are closed up. */
let panels: usize
let inPanels: u32
let dead: u32
/** u32: slot of each row of the panels; row of each slot, none for the dead. */
let slots: usize
let places: usize
/** Floats, row by row of the panels: weight, NaN for those that do not count; distance to the one looked at. */
let shares: usize
let distances: usize
/** How far a distance of two means may be from that of the floats. */
let rounding: f64

/**
 * @param error length of a vector of the columns' greatest absolute values
 * @param scratch 16 × ⌈n/16⌉ × (16 + 4·columns) bytes
 */
export function beginWard(
  n_: u32,
  columns_: u32,
  means_: usize,
  weights_: usize,
  error: f64,
  chain_: usize,
  merges_: usize,
  scratch: usize,
): void {
  begin(n_, chain_, merges_, weights_)
  columns = columns_
  means = means_
  const padded = <usize>((n_ + panelRows - 1) / panelRows) * panelRows
  slots = scratch
  places = slots + (padded << 2)
  shares = places + (padded << 2)
  distances = shares + (padded << 2)
  panels = distances + (padded << 2)
  rounding = error * 1.2e-7
  inPanels = n_
  dead = 0
  for (let slot: u32 = 0; slot < n_; slot++) {
    setU32(slots, slot, slot)
    setU32(places, slot, slot)
    place(slot)
  }
  close()
}

/** Writes the mean and weight of a slot into the panels. */
function place(slot: u32): void {
  const row = u32At(places, slot)
  // Two weights of 0 would make a distance that is no number.
  f32.store(shares + ((<usize>row) << 2), max<f32>(<f32>f64At(weights, slot), 1e-30))
  const source = means + (((<usize>slot) * columns) << 3)
  const target = rowInPanels(panels, columns, row)
  for (let column: u32 = 0; column < columns; column++)
    f32.store(target + ((<usize>column) << 6), <f32>f64At(source, column))
}

/** What fills the last panel does not count. */
function close(): void {
  for (let row = inPanels; row % panelRows; row++) f32.store(shares + ((<usize>row) << 2), NaN)
}

/** Takes dead slots out of the panels; the others stay in order. */
function compact(): void {
  let kept: u32 = 0
  for (let row: u32 = 0; row < inPanels; row++) {
    const slot = u32At(slots, row)
    if (u32At(places, slot) == none) continue
    setU32(slots, kept, slot)
    setU32(places, slot, kept)
    place(slot)
    kept++
  }
  inPanels = kept
  dead = 0
  close()
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
  let sum = sumLanes(sums)
  if (column < columns) {
    const difference = f64At(x, column) - f64At(y, column)
    sum += difference * difference
  }
  const wa = f64At(weights, a)
  const wb = f64At(weights, b)
  return sum * ((2 * (wa * wb)) / (wa + wb))
}

let height: f64

/** The nearest to a slot; `height` is then Ward's squared distance. */
function nearestMean(slot: u32, previous: u32): u32 {
  const row = u32At(places, slot)
  const share = shares + ((<usize>row) << 2)
  const own = f32.load(share)
  f32.store(share, NaN)
  const source = rowInPanels(panels, columns, row)
  const bytes = panelBytes(columns)
  const twice = f32x4.splat(own + own)
  const one = f32x4.splat(own)
  let low = f32x4.splat(Infinity)
  const end = (inPanels + panelRows - 1) / panelRows
  for (let panel: u32 = 0; panel < end; panel++) {
    const out = distances + ((<usize>panel) << 6)
    panelMeasures(panels + <usize>panel * bytes, source, columns, 0, out)
    const w = shares + ((<usize>panel) << 6)
    for (let at: usize = 0; at < 64; at += 16) {
      const other = v128.load(w + at)
      // Numbers that are none are below nothing.
      const value = f32x4.mul(v128.load(out + at), f32x4.div(f32x4.mul(twice, other), f32x4.add(one, other)))
      v128.store(out + at, value)
      low = f32x4.pmin(low, value)
    }
  }
  f32.store(share, own)
  const relative = 1 + (<f64>columns + 8) * 6e-8
  const root = (sqrt<f64>(<f64>leastLane(low)) * relative + 2 * sqrt<f64>(2 * <f64>own) * rounding) * relative
  const bound = <f32>(root * root * relative)
  const bounds = f32x4.splat(bound)
  let nearest = none
  height = Infinity
  for (let at: u32 = 0; at < inPanels; at += 4) {
    let hits = i32x4.bitmask(f32x4.le(v128.load(distances + ((<usize>at) << 2)), bounds))
    for (; hits; hits &= hits - 1) {
      const place = at + ctz(hits)
      if (place >= inPanels) break
      const other = u32At(slots, place)
      const distance = exactDistance(slot, other)
      if (distance < height) {
        height = distance
        nearest = other
      }
    }
  }
  if (previous == none) return nearest
  const back = exactDistance(slot, previous)
  if (nearest != none && height < back) return nearest
  height = back
  return previous
}

/** Goes on with the chain for so many rows. @returns merges so far */
export function runWard(rows: u32): u32 {
  while (merged + 1 < n && rows-- > 0) {
    if (chainLength == 0) {
      while (u32At(places, first) == none) first++
      setU32(chain, 0, first)
      chainLength = 1
    }
    const slot = u32At(chain, chainLength - 1)
    const previous = before()
    const nearest = nearestMean(slot, previous)
    if (nearest != previous) {
      setU32(chain, chainLength, nearest)
      chainLength++
      continue
    }
    chainLength -= 2
    const lower = min(slot, nearest)
    const higher = max(slot, nearest)
    const share = f64At(weights, lower) / (f64At(weights, lower) + f64At(weights, higher))
    const from = means + (((<usize>lower) * columns) << 3)
    const to = means + (((<usize>higher) * columns) << 3)
    for (let column: u32 = 0; column < columns; column++) {
      const value = f64At(to, column)
      f64.store(to + ((<usize>column) << 3), value + (f64At(from, column) - value) * share)
    }
    record(lower, higher, sqrt<f64>(height))
    f32.store(shares + ((<usize>u32At(places, lower)) << 2), NaN)
    setU32(places, lower, none)
    dead++
    if (dead > 64 && dead * 8 > inPanels) compact()
    else place(higher)
  }
  return merged
}
