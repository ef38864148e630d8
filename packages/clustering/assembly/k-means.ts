// The hot loops of k-means. Nearest centres are found in 32 bits with an error that is known, and where two centres are nearer to
// each other than that error, in 64 bits: so labels are those of arithmetic in 64 bits, whatever the method, the order of the work
// and the kind of processor. All memory is the caller's. Rows are padded with zeros to 16 bytes.
import { multiplyAdd, squaredDistance4, sumFloats } from '../../kernels/assembly/inline/distance'
import { claim } from '../../kernels/assembly/inline/work-queue'

/** Rows in a tile of products; all its products with a panel of eight centres are made one after the other. */
const tileRows: u32 = 64
const panelCentres: u32 = 8
/** 2⁻²⁴: the greatest relative error of one rounding of a float. */
const rounding: f32 = 5.9604644775390625e-8
/** Distances in 64 bits that differ less count as equal; the first centre wins. */
const tie: f64 = 1e-12
/** Bounds are widened by this share each time they move. */
const widen: f32 = 1e-6
/** Above this share of all centres, a product with all of them is faster than one distance after the other. */
const mostDirect: f32 = 0.4
/** Rows whose sums are kept apart in a start, so that they are added in the same order in any number of threads. */
const blockRows: u32 = 1024

export const plain: u32 = 0
export const single: u32 = 1
export const each: u32 = 2

let points: usize
let stride: usize
let n: u32
let columns: u32
/** n f64, or 0 where all are 1. */
let weights: usize
/** n f32: lengths of the rows. */
let lengths: usize
/** n i32 */
let labels: usize
/** Per column, 1.5·2⁵²·q: adding and taking it off rounds to a multiple of q, so that sums have no error and no order. */
let grids: usize

let k: u32
/** k rounded up to a multiple of 8. */
let padded: u32
/** k × columns (padded to 4) f64 */
let centres: usize
/** The same as floats, in rows of `stride` bytes. */
let floats: usize
/** The same, for products: of each eight centres, column by column eight floats. */
let panels: usize
/** padded f32: squared lengths, infinite beyond k. */
let squares: usize
/** padded f32: how far each centre moved last, rounded up. */
let moves: usize
/** k f32: half the distance to the nearest other centre, rounded down; 0 where that is not used. */
let halves: usize
/** Greatest length of a centre; greatest and second greatest move, and whose the greatest is. */
let longest: f32 = 0
let mostMove: f32 = 0
let nextMove: f32 = 0
let mover: i32 = -1

/** n f32 each where bounds are kept: distance to the own centre at most; to any other at least (n × 1, or n × padded). */
let uppers: usize
let lowers: usize

/** This thread's own: tileRows × padded f32, chunk u32, padded f64, padded u32. */
let tile: usize
let list: usize
let exact: usize
let near: usize
/** k × columns f64 and k f64 of this thread: what rows that changed their cluster change in the sums; and how many did. */
let sums: usize
let counts: usize

export function bindRows(
  points_: usize,
  stride_: usize,
  n_: u32,
  columns_: u32,
  weights_: usize,
  lengths_: usize,
  labels_: usize,
  grids_: usize,
): void {
  points = points_
  stride = stride_
  n = n_
  columns = columns_
  weights = weights_
  lengths = lengths_
  labels = labels_
  grids = grids_
}

export function bindCentres(
  k_: u32,
  centres_: usize,
  floats_: usize,
  panels_: usize,
  squares_: usize,
  moves_: usize,
  halves_: usize,
  uppers_: usize,
  lowers_: usize,
): void {
  k = k_
  padded = (k_ + panelCentres - 1) & ~(panelCentres - 1)
  centres = centres_
  floats = floats_
  panels = panels_
  squares = squares_
  moves = moves_
  halves = halves_
  uppers = uppers_
  lowers = lowers_
}

export function bindThread(tile_: usize, list_: usize, exact_: usize, near_: usize, sums_: usize, counts_: usize): void {
  tile = tile_
  list = list_
  exact = exact_
  near = near_
  sums = sums_
  counts = counts_
}

/** What `placeCentres` has found, for the other threads. */
export function bindMoves(longest_: f32, mostMove_: f32, nextMove_: f32, mover_: i32): void {
  longest = longest_
  mostMove = mostMove_
  nextMove = nextMove_
  mover = mover_
}

export function longestCentre(): f32 {
  return longest
}
export function greatestMove(): f32 {
  return mostMove
}
export function secondMove(): f32 {
  return nextMove
}
export function movedMost(): i32 {
  return mover
}

@inline
function width(): usize {
  return stride >> 2
}
@inline
function rowAt(row: u32): usize {
  return points + <usize>row * stride
}
@inline
function centreAt(centre: u32): usize {
  return centres + ((<usize>centre * width()) << 3)
}
@inline
function floatAt(pointer: usize, index: u32): f32 {
  return f32.load(pointer + ((<usize>index) << 2))
}
@inline
function weightOf(row: u32): f64 {
  return weights == 0 ? 1 : f64.load(weights + ((<usize>row) << 3))
}
@inline
function labelOf(row: u32): i32 {
  return i32.load(labels + ((<usize>row) << 2))
}
@inline
function highHalf(v: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i64>(v, v, 1, 0))
}

// Rows

function rowLengths(from: u32, to: u32): void {
  for (let row = from; row < to; row++) {
    const source = rowAt(row)
    let a = f64x2.splat(0)
    let b = f64x2.splat(0)
    for (let at: usize = 0; at < stride; at += 16) {
      const v = v128.load(source + at)
      const low = f64x2.promote_low_f32x4(v)
      const high = highHalf(v)
      a = f64x2.add(a, f64x2.mul(low, low))
      b = f64x2.add(b, f64x2.mul(high, high))
    }
    a = f64x2.add(a, b)
    f32.store(
      lengths + ((<usize>row) << 2),
      <f32>(sqrt(f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1)) * 1.0000002),
    )
  }
}

/** Least and greatest number of each column, NaN where there is one. @param out 2 × stride bytes of floats, filled before */
export function columnRanges(from: u32, to: u32, out: usize): void {
  for (let row = from; row < to; row++) {
    const source = rowAt(row)
    for (let at: usize = 0; at < stride; at += 16) {
      const v = v128.load(source + at)
      v128.store(out + at, f32x4.min(v, v128.load(out + at)))
      v128.store(out + stride + at, f32x4.max(v, v128.load(out + stride + at)))
    }
  }
}

/** Marks the columns (u32 each, beside one another) that would lose a bit if `shift` were taken off. */
export function markInexact(from: u32, to: u32, shift: usize, marks: usize): void {
  for (let row = from; row < to; row++) {
    const source = rowAt(row)
    for (let at: usize = 0; at < stride; at += 16) {
      const v = v128.load(source + at)
      const s = v128.load(shift + at)
      const moved = f32x4.sub(v, s)
      const low = f64x2.eq(
        f64x2.promote_low_f32x4(moved),
        f64x2.sub(f64x2.promote_low_f32x4(v), f64x2.promote_low_f32x4(s)),
      )
      const high = f64x2.eq(highHalf(moved), f64x2.sub(highHalf(v), highHalf(s)))
      const good = v128.shuffle<i32>(low, high, 0, 2, 4, 6)
      v128.store(marks + at, v128.or(v128.load(marks + at), v128.not(good)))
    }
  }
}

function shiftColumns(from: u32, to: u32, shift: usize): void {
  for (let row = from; row < to; row++) {
    const source = rowAt(row)
    for (let at: usize = 0; at < stride; at += 16)
      v128.store(source + at, f32x4.sub(v128.load(source + at), v128.load(shift + at)))
  }
}

/** The same for `chunk` rows at a time, until the queue is empty. @param out 2 × stride bytes for each thread */
export function allColumnRanges(out: usize, thread: u32, chunk: u32, queue: usize): void {
  const chunks = (n + chunk - 1) / chunk
  for (let at = claim(queue, 1, chunks); at < chunks; at = claim(queue, 1, chunks))
    columnRanges(at * chunk, min(n, (at + 1) * chunk), out + 2 * stride * thread)
}

/** @param marks stride bytes for each thread */
export function allMarkInexact(shift: usize, marks: usize, thread: u32, chunk: u32, queue: usize): void {
  const chunks = (n + chunk - 1) / chunk
  for (let at = claim(queue, 1, chunks); at < chunks; at = claim(queue, 1, chunks))
    markInexact(at * chunk, min(n, (at + 1) * chunk), shift, marks + stride * thread)
}

/** Shifts the columns, unless `shift` is 0, and measures the rows. */
export function shiftAndMeasure(from: u32, to: u32, shift: usize): void {
  if (shift) shiftColumns(from, to, shift)
  rowLengths(from, to)
}

export function allShiftAndMeasure(shift: usize, chunk: u32, queue: usize): void {
  const chunks = (n + chunk - 1) / chunk
  for (let at = claim(queue, 1, chunks); at < chunks; at = claim(queue, 1, chunks))
    shiftAndMeasure(at * chunk, min(n, (at + 1) * chunk), shift)
}

// Sums

@inline
function addRow(row: u32, label: i32, sign: f64): void {
  const source = rowAt(row)
  const target = sums + ((<usize>label * width()) << 3)
  const weight = weightOf(row)
  const w = f64x2.splat(weight)
  const s = f64x2.splat(sign)
  for (let at: usize = 0; at < stride; at += 16) {
    const v = v128.load(source + at)
    const to = target + 2 * at
    const g = grids + 2 * at
    const low = v128.load(g)
    const high = v128.load(g, 16)
    const a = f64x2.sub(f64x2.add(f64x2.mul(f64x2.promote_low_f32x4(v), w), low), low)
    const b = f64x2.sub(f64x2.add(f64x2.mul(highHalf(v), w), high), high)
    v128.store(to, f64x2.add(v128.load(to), f64x2.mul(a, s)))
    v128.store(to, f64x2.add(v128.load(to, 16), f64x2.mul(b, s)), 16)
  }
  const count = counts + ((<usize>label) << 3)
  f64.store(count, f64.load(count) + weight * sign)
}

/** Gives a row another label, and has the sums follow. */
export function relabel(row: u32, label: i32): void {
  const before = labelOf(row)
  if (before == label) return
  if (before >= 0) addRow(row, before, -1)
  addRow(row, label, 1)
  i32.store(labels + ((<usize>row) << 2), label)
  const changed = counts + ((<usize>k) << 3)
  f64.store(changed, f64.load(changed) + 1)
}

/** Adds a thread's sums to those of all, and clears them. @returns how many rows have changed their cluster */
export function gather(allSums: usize, allCounts: usize): f64 {
  const end = (<usize>k * width()) << 3
  for (let at: usize = 0; at < end; at += 16) {
    v128.store(allSums + at, f64x2.add(v128.load(allSums + at), v128.load(sums + at)))
    v128.store(sums + at, f64x2.splat(0))
  }
  for (let at: usize = 0; at < (<usize>k) << 3; at += 8) {
    f64.store(allCounts + at, f64.load(allCounts + at) + f64.load(counts + at))
    f64.store(counts + at, 0)
  }
  const changed = counts + ((<usize>k) << 3)
  const count = f64.load(changed)
  f64.store(changed, 0)
  return count
}

// Centres

/** Puts every centre that has a weight to the mean of its rows. @returns Σ‖Δc‖²; `moves` are the ‖Δc‖ */
export function moveCentres(allSums: usize, allCounts: usize): f64 {
  let total: f64 = 0
  for (let centre: u32 = 0; centre < k; centre++) {
    const count = f64.load(allCounts + ((<usize>centre) << 3))
    let moved: f64 = 0
    if (count > 0) {
      const target = centreAt(centre)
      const source = allSums + ((<usize>centre * width()) << 3)
      for (let at: usize = 0; at < (<usize>columns) << 3; at += 8) {
        const value = f64.load(source + at) / count
        const difference = value - f64.load(target + at)
        moved += difference * difference
        f64.store(target + at, value)
      }
    }
    total += moved
    f32.store(moves + ((<usize>centre) << 2), <f32>sqrt(moved))
  }
  return total
}

/** Lays the centres out as floats: rows, panels, squared lengths; and finds what is greatest among lengths and moves. */
export function placeCentres(): void {
  longest = 0
  for (let centre: u32 = 0; centre < padded; centre++) {
    const panel = panels + (((<usize>(centre >> 3) * columns) << 3) << 2) + ((<usize>(centre & 7)) << 2)
    if (centre >= k) {
      for (let column: usize = 0; column < columns; column++) f32.store(panel + (column << 5), 0)
      f32.store(squares + ((<usize>centre) << 2), Infinity)
      f32.store(moves + ((<usize>centre) << 2), 0)
      continue
    }
    const source = centreAt(centre)
    const target = floats + <usize>centre * stride
    let square: f64 = 0
    for (let column: usize = 0; column < columns; column++) {
      const value = f64.load(source + (column << 3))
      square += value * value
      f32.store(target + (column << 2), <f32>value)
      f32.store(panel + (column << 5), <f32>value)
    }
    f32.store(squares + ((<usize>centre) << 2), <f32>square)
    longest = max(longest, <f32>(sqrt(square) * 1.0000002))
  }
  // Rounded up, with the rounding of the centres themselves to floats before and after.
  mostMove = 0
  nextMove = 0
  mover = -1
  for (let centre: u32 = 0; centre < k; centre++) {
    const at = moves + ((<usize>centre) << 2)
    const move = f32.load(at)
    const value: f32 = move == 0 ? <f32>0 : move * (1 + widen) + 2 * rounding * longest
    f32.store(at, value)
    if (value > mostMove) {
      nextMove = mostMove
      mostMove = value
      mover = centre
    } else if (value > nextMove) nextMove = value
  }
}

/** Half the distance of each centre to the nearest other one. */
export function halveDistances(): void {
  for (let a: u32 = 0; a < k; a++) f32.store(halves + ((<usize>a) << 2), Infinity)
  for (let a: u32 = 0; a < k; a++)
    for (let b: u32 = a + 1; b < k; b++) {
      const value = sqrt<f32>(squaredDistance(floats + <usize>a * stride, floats + <usize>b * stride))
      const low = <f32>0.5 * lowered(value)
      const first = halves + ((<usize>a) << 2)
      const second = halves + ((<usize>b) << 2)
      f32.store(first, min(f32.load(first), low))
      f32.store(second, min(f32.load(second), low))
    }
}

// Distances in 32 bits: relative error of the sum, and that of the centre's rounding.

@inline
function raised(distance: f32): f32 {
  return distance * (1 + (<f32>columns / 8 + 8) * rounding) + rounding * longest
}
@inline
function lowered(distance: f32): f32 {
  return max<f32>(0, distance * (1 - (<f32>columns / 8 + 8) * rounding) - 2 * rounding * longest)
}

function squaredDistance(a: usize, b: usize): f32 {
  let p = f32x4.splat(0)
  let q = f32x4.splat(0)
  let r = f32x4.splat(0)
  let s = f32x4.splat(0)
  let at: usize = 0
  for (; at + 64 <= stride; at += 64) {
    const d0 = f32x4.sub(v128.load(a + at), v128.load(b + at))
    const d1 = f32x4.sub(v128.load(a + at, 16), v128.load(b + at, 16))
    const d2 = f32x4.sub(v128.load(a + at, 32), v128.load(b + at, 32))
    const d3 = f32x4.sub(v128.load(a + at, 48), v128.load(b + at, 48))
    p = multiplyAdd(d0, d0, p)
    q = multiplyAdd(d1, d1, q)
    r = multiplyAdd(d2, d2, r)
    s = multiplyAdd(d3, d3, s)
  }
  for (; at < stride; at += 16) {
    const d0 = f32x4.sub(v128.load(a + at), v128.load(b + at))
    p = multiplyAdd(d0, d0, p)
  }
  return sumFloats(f32x4.add(f32x4.add(p, q), f32x4.add(r, s)))
}

/** In 64 bits. */
function exactDistance(row: u32, centre: u32): f64 {
  const source = rowAt(row)
  const target = centreAt(centre)
  let a = f64x2.splat(0)
  let b = f64x2.splat(0)
  for (let at: usize = 0; at < stride; at += 16) {
    const v = v128.load(source + at)
    const low = f64x2.sub(f64x2.promote_low_f32x4(v), v128.load(target + 2 * at))
    const high = f64x2.sub(highHalf(v), v128.load(target + 2 * at, 16))
    a = f64x2.add(a, f64x2.mul(low, low))
    b = f64x2.add(b, f64x2.mul(high, high))
  }
  a = f64x2.add(a, b)
  return f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1)
}

/** The nearest of the centres whose value is not above the bound, in 64 bits; the first of equal ones. */
function exactNearest(row: u32, values: usize, bound: f32): i32 {
  let least: f64 = Infinity
  let found: u32 = 0
  const bounds = f32x4.splat(bound)
  for (let from: u32 = 0; from < padded; from += 4) {
    let hits = i32x4.bitmask(f32x4.le(v128.load(values + ((<usize>from) << 2)), bounds))
    for (; hits; hits &= hits - 1) {
      const centre = from + ctz(hits)
      if (centre >= k) break
      const distance = exactDistance(row, centre)
      least = min(least, distance)
      i32.store(near + ((<usize>found) << 2), centre)
      f64.store(exact + ((<usize>found) << 3), distance)
      found++
    }
  }
  for (let at: u32 = 0; at < found; at++)
    if (f64.load(exact + ((<usize>at) << 3)) <= least + tie * least) return i32.load(near + ((<usize>at) << 2))
  return 0
}

// Products of the rows in `list` with all centres

@inline
function listed(at: u32): u32 {
  return load<u32>(list + ((<usize>at) << 2))
}

/** Four rows times eight centres (four where the panel holds no more): ‖c‖² − 2x·c. */
function panelProducts(a: usize, b: usize, c: usize, d: usize, panel: usize, square: usize, out: usize): void {
  let c00 = f32x4.splat(0)
  let c01 = f32x4.splat(0)
  let c10 = f32x4.splat(0)
  let c11 = f32x4.splat(0)
  let c20 = f32x4.splat(0)
  let c21 = f32x4.splat(0)
  let c30 = f32x4.splat(0)
  let c31 = f32x4.splat(0)
  const end = panel + ((<usize>columns) << 5)
  while (panel < end) {
    const left = v128.load(panel)
    const right = v128.load(panel, 16)
    const a0 = v128.load32_splat(a)
    c00 = multiplyAdd(a0, left, c00)
    c01 = multiplyAdd(a0, right, c01)
    const a1 = v128.load32_splat(b)
    c10 = multiplyAdd(a1, left, c10)
    c11 = multiplyAdd(a1, right, c11)
    const a2 = v128.load32_splat(c)
    c20 = multiplyAdd(a2, left, c20)
    c21 = multiplyAdd(a2, right, c21)
    const a3 = v128.load32_splat(d)
    c30 = multiplyAdd(a3, left, c30)
    c31 = multiplyAdd(a3, right, c31)
    a += 4
    b += 4
    c += 4
    d += 4
    panel += 32
  }
  const left = v128.load(square)
  const right = v128.load(square, 16)
  const bytes = (<usize>padded) << 2
  v128.store(out, f32x4.sub(left, f32x4.add(c00, c00)))
  v128.store(out, f32x4.sub(right, f32x4.add(c01, c01)), 16)
  out += bytes
  v128.store(out, f32x4.sub(left, f32x4.add(c10, c10)))
  v128.store(out, f32x4.sub(right, f32x4.add(c11, c11)), 16)
  out += bytes
  v128.store(out, f32x4.sub(left, f32x4.add(c20, c20)))
  v128.store(out, f32x4.sub(right, f32x4.add(c21, c21)), 16)
  out += bytes
  v128.store(out, f32x4.sub(left, f32x4.add(c30, c30)))
  v128.store(out, f32x4.sub(right, f32x4.add(c31, c31)), 16)
}

function halfPanelProducts(a: usize, b: usize, c: usize, d: usize, panel: usize, square: usize, out: usize): void {
  let c0 = f32x4.splat(0)
  let c1 = f32x4.splat(0)
  let c2 = f32x4.splat(0)
  let c3 = f32x4.splat(0)
  const end = panel + ((<usize>columns) << 5)
  while (panel < end) {
    const left = v128.load(panel)
    c0 = multiplyAdd(v128.load32_splat(a), left, c0)
    c1 = multiplyAdd(v128.load32_splat(b), left, c1)
    c2 = multiplyAdd(v128.load32_splat(c), left, c2)
    c3 = multiplyAdd(v128.load32_splat(d), left, c3)
    a += 4
    b += 4
    c += 4
    d += 4
    panel += 32
  }
  const left = v128.load(square)
  const none = v128.load(square, 16)
  const bytes = (<usize>padded) << 2
  v128.store(out, f32x4.sub(left, f32x4.add(c0, c0)))
  v128.store(out, none, 16)
  out += bytes
  v128.store(out, f32x4.sub(left, f32x4.add(c1, c1)))
  v128.store(out, none, 16)
  out += bytes
  v128.store(out, f32x4.sub(left, f32x4.add(c2, c2)))
  v128.store(out, none, 16)
  out += bytes
  v128.store(out, f32x4.sub(left, f32x4.add(c3, c3)))
  v128.store(out, none, 16)
}

/** The nearest centres of `count` listed rows, and what bounds are kept of the others. */
function scan(from: u32, count: u32, bounds: u32): void {
  for (let first: u32 = 0; first < count; first += tileRows) {
    const height = min(tileRows, count - first)
    const begin = from + first
    for (let centre: u32 = 0; centre < padded; centre += panelCentres) {
      const panel = panels + (((<usize>centre) * columns) << 2)
      const square = squares + ((<usize>centre) << 2)
      const half = centre + 4 >= k
      for (let row: u32 = 0; row < height; row += 4) {
        // Beyond the last row the last one stands in; the tile has room for it.
        const end = height - 1
        const a = rowAt(listed(begin + row))
        const b = rowAt(listed(begin + min(row + 1, end)))
        const c = rowAt(listed(begin + min(row + 2, end)))
        const d = rowAt(listed(begin + min(row + 3, end)))
        const out = tile + ((<usize>(row * padded + centre)) << 2)
        if (half) halfPanelProducts(a, b, c, d, panel, square, out)
        else panelProducts(a, b, c, d, panel, square, out)
      }
    }
    for (let row: u32 = 0; row < height; row++)
      settle(listed(begin + row), tile + ((<usize>(row * padded)) << 2), bounds)
  }
}

/** Takes the least of a row of the tile. */
@inline
function settle(row: u32, values: usize, bounds: u32): void {
  let low = v128.load(values)
  let next = f32x4.splat(Infinity)
  const end = values + ((<usize>padded) << 2)
  for (let at = values + 16; at < end; at += 16) {
    const v = v128.load(at)
    next = f32x4.pmin(next, f32x4.pmax(low, v))
    low = f32x4.pmin(low, v)
  }
  let least: f32 = f32x4.extract_lane(low, 0)
  let second: f32 = f32x4.extract_lane(next, 0)
  const l1 = f32x4.extract_lane(low, 1)
  second = min(second, max(least, l1))
  least = min(least, l1)
  const l2 = f32x4.extract_lane(low, 2)
  second = min(second, max(least, l2))
  least = min(least, l2)
  const l3 = f32x4.extract_lane(low, 3)
  second = min(second, max(least, l3))
  least = min(least, l3)
  second = min(second, f32x4.extract_lane(next, 1))
  second = min(second, min(f32x4.extract_lane(next, 2), f32x4.extract_lane(next, 3)))
  const length = floatAt(lengths, row)
  const square = length * length
  const error = rounding * (<f32>2.1 * longest * longest + (<f32>2 * <f32>columns + 10) * length * longest)
  const bound = least + 2 * error
  let label = labelOf(row)
  let value = least
  if (second <= bound) {
    label = exactNearest(row, values, bound)
    value = floatAt(values, label)
  } else if (label < 0 || floatAt(values, label) != least) {
    const sought = f32x4.splat(least)
    for (let at = values; ; at += 16) {
      const hits = i32x4.bitmask(f32x4.eq(v128.load(at), sought))
      if (hits) {
        label = (<u32>(at - values) >> 2) + ctz(hits)
        break
      }
    }
  }
  if (bounds != plain) {
    const slack = error + 4 * rounding * square
    f32.store(uppers + ((<usize>row) << 2), sqrt<f32>(max<f32>(0, value + square + slack)) * (1 + widen))
    if (bounds == single) {
      const other = value == least ? second : least
      f32.store(lowers + ((<usize>row) << 2), sqrt<f32>(max<f32>(0, other + square - slack)) * (1 - widen))
    } else {
      const shift = f32x4.splat(square - slack)
      const share = f32x4.splat(1 - widen)
      const zero = f32x4.splat(0)
      let target = lowers + (((<usize>row) * padded) << 2)
      for (let at = values; at < end; at += 16) {
        v128.store(target, f32x4.mul(f32x4.sqrt(f32x4.pmax(zero, f32x4.add(v128.load(at), shift))), share))
        target += 16
      }
    }
  }
  if (label != labelOf(row)) relabel(row, label)
}

// Passes over rows

/** Rows from `from` to `to` to their nearest centres. @param fresh nothing is known of these rows yet */
export function assignRows(from: u32, to: u32, bounds: u32, fresh: bool): void {
  let count: u32 = 0
  if (fresh || bounds == plain)
    for (let row = from; row < to; row++) {
      store<u32>(list + ((<usize>count) << 2), row)
      count++
    }
  else if (bounds == single) count = keepSingle(from, to)
  else count = keepEach(from, to)
  scan(0, count, bounds)
}

/** Hamerly: rows whose own centre may not be the nearest any more, into the list. */
function keepSingle(from: u32, to: u32): u32 {
  let count: u32 = 0
  for (let row = from; row < to; row++) {
    const label = labelOf(row)
    const u = uppers + ((<usize>row) << 2)
    const l = lowers + ((<usize>row) << 2)
    let upper = (f32.load(u) + floatAt(moves, label)) * (1 + widen)
    const lower = (f32.load(l) - (label == mover ? nextMove : mostMove)) * (1 - widen)
    f32.store(l, lower)
    const least = max(lower, floatAt(halves, label))
    if (upper < least) {
      f32.store(u, upper)
      continue
    }
    upper = raised(sqrt<f32>(squaredDistance(rowAt(row), floats + <usize>label * stride)))
    f32.store(u, upper)
    if (upper < least) continue
    store<u32>(list + ((<usize>count) << 2), row)
    count++
  }
  return count
}

/** Elkan: few centres are looked at one by one; rows for which that are many go into the list. */
function keepEach(from: u32, to: u32): u32 {
  let count: u32 = 0
  const most = <u32>(mostDirect * <f32>k)
  const share = f32x4.splat(1 - widen)
  for (let row = from; row < to; row++) {
    const label = labelOf(row)
    const own = lowers + (((<usize>row) * padded) << 2)
    const u = uppers + ((<usize>row) << 2)
    let upper = (f32.load(u) + floatAt(moves, label)) * (1 + widen)
    // Its own bound is kept out of the way.
    const bounds = f32x4.splat(upper)
    let open: u32 = 0
    for (let centre: u32 = 0; centre < padded; centre += 4) {
      const at = own + ((<usize>centre) << 2)
      const lower = f32x4.mul(f32x4.sub(v128.load(at), v128.load(moves + ((<usize>centre) << 2))), share)
      v128.store(at, lower)
      open += popcnt(i32x4.bitmask(f32x4.le(lower, bounds)))
    }
    const mine = own + ((<usize>label) << 2)
    if (f32.load(mine) <= upper) open--
    if (open == 0) {
      f32.store(u, upper)
      continue
    }
    const source = rowAt(row)
    const distance = sqrt<f32>(squaredDistance(source, floats + <usize>label * stride))
    upper = raised(distance)
    f32.store(mine, lowered(distance))
    f32.store(u, upper)
    open = listOpen(own, upper, label)
    if (open == 0) continue
    if (open > most) {
      store<u32>(list + ((<usize>count) << 2), row)
      count++
      continue
    }
    let best = label
    for (let at: u32 = 0; at < open; at += 4) {
      const end = open - 1
      const a = nearAt(at)
      const b = nearAt(min(at + 1, end))
      const c = nearAt(min(at + 2, end))
      const d = nearAt(min(at + 3, end))
      const distances = f32x4.sqrt(
        squaredDistance4(
          source,
          floats + <usize>a * stride,
          floats + <usize>b * stride,
          floats + <usize>c * stride,
          floats + <usize>d * stride,
          stride,
        ),
      )
      best = take(own, a, f32x4.extract_lane(distances, 0), best, u)
      best = take(own, b, f32x4.extract_lane(distances, 1), best, u)
      best = take(own, c, f32x4.extract_lane(distances, 2), best, u)
      best = take(own, d, f32x4.extract_lane(distances, 3), best, u)
    }
    upper = f32.load(u)
    if (listOpen(own, upper, best) > 0) {
      best = exactNearest(row, own, upper)
      f32.store(u, raised(sqrt<f32>(squaredDistance(source, floats + <usize>best * stride))))
    }
    if (best != label) relabel(row, best)
  }
  return count
}

@inline
function nearAt(at: u32): u32 {
  return load<u32>(near + ((<usize>at) << 2))
}

@inline
function take(own: usize, centre: u32, distance: f32, best: i32, u: usize): i32 {
  f32.store(own + ((<usize>centre) << 2), lowered(distance))
  const upper = raised(distance)
  if (upper >= f32.load(u)) return best
  f32.store(u, upper)
  return centre
}

/** Centres other than `label` that may be as near as `upper`, into `near`. */
@inline
function listOpen(own: usize, upper: f32, label: i32): u32 {
  let count: u32 = 0
  const bounds = f32x4.splat(upper)
  for (let centre: u32 = 0; centre < padded; centre += 4) {
    let hits = i32x4.bitmask(f32x4.le(v128.load(own + ((<usize>centre) << 2)), bounds))
    for (; hits; hits &= hits - 1) {
      const one = centre + ctz(hits)
      if (one == <u32>label || one >= k) continue
      store<u32>(near + ((<usize>count) << 2), one)
      count++
    }
  }
  return count
}

/** `assignRows`, `chunk` rows at a time, until the queue is empty. */
export function assignAll(bounds: u32, fresh: bool, chunk: u32, queue: usize): void {
  const chunks = (n + chunk - 1) / chunk
  for (let at = claim(queue, 1, chunks); at < chunks; at = claim(queue, 1, chunks))
    assignRows(at * chunk, min(n, (at + 1) * chunk), bounds, fresh)
}

/** `count` rows of the list to their nearest centres; what they were before does not count. */
export function assignListed(count: u32): void {
  for (let at: u32 = 0; at < count; at++) i32.store(labels + ((<usize>listed(at)) << 2), -1)
  scan(0, count, plain)
}

/** `assignListed` of `count` rows that another list holds, `chunk` at a time, until the queue is empty. */
export function assignAllListed(rows: usize, count: u32, chunk: u32, queue: usize): void {
  const chunks = (count + chunk - 1) / chunk
  for (let at = claim(queue, 1, chunks); at < chunks; at = claim(queue, 1, chunks)) {
    const size = min(chunk, count - at * chunk)
    memory.copy(list, rows + ((<usize>(at * chunk)) << 2), (<usize>size) << 2)
    assignListed(size)
  }
}

/** Squared distance of each row to the centre of its label, in 64 bits. */
export function ownDistances(from: u32, to: u32, out: usize): void {
  for (let row = from; row < to; row++) f64.store(out + ((<usize>row) << 3), exactDistance(row, labelOf(row)))
}

export function allOwnDistances(out: usize, chunk: u32, queue: usize): void {
  const chunks = (n + chunk - 1) / chunk
  for (let at = claim(queue, 1, chunks); at < chunks; at = claim(queue, 1, chunks))
    ownDistances(at * chunk, min(n, (at + 1) * chunk), out)
}

// Starts

/**
 * k-means++: for blocks of rows, Σ w·min(nearest, d²) for each of up to eight candidates (rows, u32), eight f64 a block. Where
 * there is one candidate, `nearest` (n f32) is lowered to it.
 */
export function tryCandidates(from: u32, to: u32, candidates: usize, count: u32, nearest: usize, out: usize): void {
  for (let block = from; block < to; block++) {
    for (let first: u32 = 0; first < count; first += 4) {
      const a = rowAt(load<u32>(candidates + ((<usize>first) << 2)))
      const b = rowAt(load<u32>(candidates + ((<usize>min(first + 1, count - 1)) << 2)))
      const c = rowAt(load<u32>(candidates + ((<usize>min(first + 2, count - 1)) << 2)))
      const d = rowAt(load<u32>(candidates + ((<usize>min(first + 3, count - 1)) << 2)))
      let low = f64x2.splat(0)
      let high = f64x2.splat(0)
      const end = min(n, (block + 1) * blockRows)
      for (let row = block * blockRows; row < end; row++) {
        const at = nearest + ((<usize>row) << 2)
        if (count == 1) {
          const value = min(f32.load(at), squaredDistance(rowAt(row), a))
          f32.store(at, value)
          low = f64x2.add(low, f64x2.splat(weightOf(row) * <f64>value))
          continue
        }
        const values = f32x4.pmin(squaredDistance4(rowAt(row), a, b, c, d, stride), v128.load32_splat(at))
        const weight = f64x2.splat(weightOf(row))
        low = f64x2.add(low, f64x2.mul(weight, f64x2.promote_low_f32x4(values)))
        high = f64x2.add(high, f64x2.mul(weight, highHalf(values)))
      }
      const target = out + ((<usize>block) << 6) + ((<usize>first) << 3)
      v128.store(target, low)
      v128.store(target, high, 16)
    }
  }
}

export function tryAllCandidates(candidates: usize, count: u32, nearest: usize, out: usize, queue: usize): void {
  const blocks = (n + blockRows - 1) / blockRows
  for (let at = claim(queue, 1, blocks); at < blocks; at = claim(queue, 1, blocks))
    tryCandidates(at, at + 1, candidates, count, nearest, out)
}
