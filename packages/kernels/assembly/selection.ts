// The least of many numbers, row by row of a matrix of floats. Of equal numbers the first is taken; NaN comes after all numbers.
// Rows are shared out by a queue.
import { claim } from './inline/work-queue'

const pieceRows: u32 = 16
/** Up to here candidates are kept in a heap; of more, the one at which to cut is found by counting digits. */
const mostInHeap: u32 = 256
const digits: u32 = 2048

/** Bits that have the order of the floats. */
@inline
function sortable(value: f32): u32 {
  // Plus 0, so that −0 and 0 are equal.
  const bits = reinterpret<u32>(value + 0)
  if ((bits & 0x7fffffff) > 0x7f800000) return 0xffffffff
  return bits ^ (<u32>(<i32>bits >> 31) | 0x80000000)
}

@inline
function valueAt(row: usize, index: u32, sign: f32): f32 {
  return sign * f32.load(row + ((<usize>index) << 2))
}

@inline
function keyAt(row: usize, index: u32, sign: f32): u64 {
  return ((<u64>sortable(valueAt(row, index, sign))) << 32) | index
}

/** Puts `key` where a heap with the greatest on top has a free place at `from`. */
@inline
function sink(heap: usize, size: u32, from: u32, key: u64): void {
  let at = from
  for (;;) {
    let child: u32 = 2 * at + 1
    if (child >= size) break
    let greater = load<u64>(heap + ((<usize>child) << 3))
    if (child + 1 < size) {
      const other = load<u64>(heap + ((<usize>child + 1) << 3))
      if (other > greater) {
        greater = other
        child++
      }
    }
    if (greater <= key) break
    store<u64>(heap + ((<usize>at) << 3), greater)
    at = child
  }
  store<u64>(heap + ((<usize>at) << 3), key)
}

function byHeap(row: usize, count: u32, k: u32, sign: f32, heap: usize): void {
  for (let index: u32 = 0; index < k; index++) store<u64>(heap + ((<usize>index) << 3), keyAt(row, index, sign))
  for (let at = k >> 1; at-- > 0; ) sink(heap, k, at, load<u64>(heap + ((<usize>at) << 3)))
  const factor = f32x4.splat(sign)
  let index = k
  while (index < count) {
    // What is not below the greatest that is kept is passed over, sixteen numbers at a time.
    const top = <u32>load<u64>(heap)
    const bound = valueAt(row, top, sign)
    if (bound == bound) {
      const bounds = f32x4.splat(bound)
      while (index + 16 <= count) {
        const at = row + ((<usize>index) << 2)
        const a = f32x4.lt(f32x4.mul(v128.load(at), factor), bounds)
        const b = f32x4.lt(f32x4.mul(v128.load(at, 16), factor), bounds)
        const c = f32x4.lt(f32x4.mul(v128.load(at, 32), factor), bounds)
        const d = f32x4.lt(f32x4.mul(v128.load(at, 48), factor), bounds)
        if (v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) break
        index += 16
      }
    }
    for (const end = min(count, index + 16); index < end; index++) {
      const key = keyAt(row, index, sign)
      if (key < load<u64>(heap)) sink(heap, k, 0, key)
    }
  }
  for (let size = k; size > 1; ) {
    size--
    const last = load<u64>(heap + ((<usize>size) << 3))
    store<u64>(heap + ((<usize>size) << 3), load<u64>(heap))
    sink(heap, size, 0, last)
  }
}

@inline
function clear(histogram: usize): void {
  memory.fill(histogram, 0, digits << 2)
}

@inline
function countUp(histogram: usize, digit: u32): u32 {
  const at = histogram + ((<usize>digit) << 2)
  const before = load<u32>(at)
  store<u32>(at, before + 1)
  return before
}

@inline
function shiftOf(pass: u32): u32 {
  return pass == 0 ? 21 : pass == 1 ? 10 : 0
}

@inline
function maskOf(pass: u32): u32 {
  return pass == 2 ? 1023 : 2047
}

/** The k least keys, in order, at `keys`; room for 2k of them and a histogram behind. */
function byDigits(row: usize, count: u32, k: u32, sign: f32, keys: usize): void {
  const others = keys + ((<usize>k) << 3)
  const histogram = others + ((<usize>k) << 3)
  // The k-th least number, digit by digit from the highest.
  let prefix: u32 = 0
  let known: u32 = 0
  let wanted = k
  for (let pass: u32 = 0; pass < 3; pass++) {
    clear(histogram)
    const shift = shiftOf(pass)
    const mask = maskOf(pass)
    for (let index: u32 = 0; index < count; index++) {
      const key = sortable(valueAt(row, index, sign))
      if ((key & known) == prefix) countUp(histogram, (key >> shift) & mask)
    }
    let digit: u32 = 0
    for (;; digit++) {
      const here = load<u32>(histogram + ((<usize>digit) << 2))
      if (here >= wanted) break
      wanted -= here
    }
    prefix |= digit << shift
    known |= mask << shift
  }
  // All below it, and of those equal to it the first.
  let found: usize = keys
  for (let index: u32 = 0; index < count; index++) {
    const key = sortable(valueAt(row, index, sign))
    if (key > prefix) continue
    if (key == prefix) {
      if (!wanted) continue
      wanted--
    }
    store<u64>(found, ((<u64>key) << 32) | index)
    found += 8
  }
  // They are in the order of their numbers; three stable passes, lowest digit first, bring them into that of their keys.
  let from = keys
  let to = others
  for (let pass = 3; pass-- > 0; ) {
    clear(histogram)
    const shift = shiftOf(pass) + 32
    const mask = maskOf(pass)
    for (let at: usize = 0; at < (<usize>k) << 3; at += 8)
      countUp(histogram, <u32>(load<u64>(from + at) >> shift) & mask)
    let sum: u32 = 0
    for (let digit: u32 = 0; digit < digits; digit++) {
      const at = histogram + ((<usize>digit) << 2)
      const here = load<u32>(at)
      store<u32>(at, sum)
      sum += here
    }
    for (let at: usize = 0; at < (<usize>k) << 3; at += 8) {
      const key = load<u64>(from + at)
      store<u64>(to + ((<usize>countUp(histogram, <u32>(key >> shift) & mask)) << 3), key)
    }
    const other = from
    from = to
    to = other
  }
  // An odd number of passes ends in the other place.
  memory.copy(keys, others, (<usize>k) << 3)
}

/** Bytes that `selectRows` needs for each thread. */
export function selectionBytes(k: u32): usize {
  return k <= mostInHeap ? (<usize>k) << 3 : ((<usize>k) << 4) + (digits << 2)
}

/**
 * The k least of each row, in order; or the greatest.
 *
 * @param values rows × count floats, `stride` bytes from row to row
 * @param k at most `count`
 * @param sign 1 for the least, −1 for the greatest
 * @param outIndices rows × k of u32
 * @param outValues rows × k floats
 * @param scratch `selectionBytes(k)` bytes of this thread's own
 */
export function selectRows(
  values: usize,
  stride: usize,
  rows: u32,
  count: u32,
  k: u32,
  sign: f32,
  outIndices: usize,
  outValues: usize,
  scratch: usize,
  queue: usize,
): void {
  for (let from = claim(queue, pieceRows, rows); from < rows; from = claim(queue, pieceRows, rows)) {
    for (let row = from; row < min(rows, from + pieceRows); row++) {
      const source = values + <usize>row * stride
      if (k <= mostInHeap) byHeap(source, count, k, sign, scratch)
      else byDigits(source, count, k, sign, scratch)
      for (let at: u32 = 0; at < k; at++) {
        const index = <u32>load<u64>(scratch + ((<usize>at) << 3))
        const target = (<usize>row * k + at) << 2
        store<u32>(outIndices + target, index)
        f32.store(outValues + target, f32.load(source + ((<usize>index) << 2)))
      }
    }
  }
}

/**
 * The least of each row, and the one after it.
 *
 * @param count at least 1
 * @param outIndices of the least, u32
 * @param outLeast floats
 * @param outSecond floats, infinite where there is one number only
 */
export function leastOfRows(
  values: usize,
  stride: usize,
  rows: u32,
  count: u32,
  outIndices: usize,
  outLeast: usize,
  outSecond: usize,
  queue: usize,
): void {
  for (let from = claim(queue, pieceRows, rows); from < rows; from = claim(queue, pieceRows, rows)) {
    for (let row = from; row < min(rows, from + pieceRows); row++)
      leastOfRow(values + <usize>row * stride, count, row, outIndices, outLeast, outSecond)
  }
}

@inline
function leastOfRow(values: usize, count: u32, row: u32, outIndices: usize, outLeast: usize, outSecond: usize): void {
  let least = f32x4.splat(<f32>Infinity)
  let second = least
  let places = i32x4.splat(-1)
  let here = i32x4(0, 1, 2, 3)
  let at: u32 = 0
  for (; at + 4 <= count; at += 4) {
    const v = v128.load(values + ((<usize>at) << 2))
    const less = f32x4.lt(v, least)
    second = f32x4.pmin(second, v128.bitselect(least, v, less))
    least = v128.bitselect(v, least, less)
    places = v128.bitselect(here, places, less)
    here = i32x4.add(here, i32x4.splat(4))
  }
  let best: f32 = Infinity
  let next: f32 = Infinity
  let place: u32 = -1
  for (let lane = 0; lane < 4; lane++) {
    const value = f32x4.extract_lane(least, 0)
    const index = <u32>i32x4.extract_lane(places, 0)
    if (value < best || (value == best && index < place)) {
      next = min(next, best)
      best = value
      place = index
    } else next = min(next, value)
    next = min(next, f32x4.extract_lane(second, 0))
    least = v128.shuffle<i32>(least, least, 1, 2, 3, 0)
    second = v128.shuffle<i32>(second, second, 1, 2, 3, 0)
    places = v128.shuffle<i32>(places, places, 1, 2, 3, 0)
  }
  for (; at < count; at++) {
    const value = f32.load(values + ((<usize>at) << 2))
    if (value < best) {
      next = best
      best = value
      place = at
    } else if (value < next) next = value
  }
  const target = (<usize>row) << 2
  // Nothing but infinities and NaN: the first.
  store<u32>(outIndices + target, place == <u32>-1 ? 0 : place)
  f32.store(outLeast + target, best)
  f32.store(outSecond + target, next)
}
