// The least of many numbers, row by row of a matrix of floats. Of equal numbers the first is taken; NaN comes after all numbers.
// Rows are shared out by a queue.
import { claim } from './inline/work-queue'

const pieceRows: u32 = 16
/** Up to here the k least are kept in a heap while the row is read. */
const mostInHeap: u32 = 32
/** Of more, a bound is taken from a sample, and all that is within it is sorted. */
const sampleSize: u32 = 256
const digitBits: u32 = 8
const digits: u32 = 1 << digitBits
/** Below so many, a heap sorts faster than digits do. */
const fewKeys: u32 = 64

/** Bits that have the order of the floats. */
@inline
function sortable(value: f32): u32 {
  // Plus 0, so that −0 and 0 are equal.
  const bits = reinterpret<u32>(value + 0)
  if ((bits & 0x7fffffff) > 0x7f800000) return 0xffffffff
  return bits ^ (<u32>(<i32>bits >> 31) | 0x80000000)
}

@inline
function valueAt(row: usize, index: u32): f32 {
  return f32.load(row + ((<usize>index) << 2))
}

/** Orders by value, NaN last, and then by index. */
@inline
function keyAt(row: usize, index: u32, largest: bool): u64 {
  const value = valueAt(row, index)
  return ((<u64>sortable(largest ? -value : value)) << 32) | index
}

@inline
function keyOf(keys: usize, at: u32): u64 {
  return load<u64>(keys + ((<usize>at) << 3))
}

@inline
function setKey(keys: usize, at: u32, key: u64): void {
  store<u64>(keys + ((<usize>at) << 3), key)
}

/** Puts `key` where a heap with the greatest on top has a free place at `from`. */
function sink(heap: usize, size: u32, from: u32, key: u64): void {
  let at = from
  for (;;) {
    let child: u32 = 2 * at + 1
    if (child >= size) break
    let greater = keyOf(heap, child)
    if (child + 1 < size) {
      const other = keyOf(heap, child + 1)
      if (other > greater) {
        greater = other
        child++
      }
    }
    if (greater <= key) break
    setKey(heap, at, greater)
    at = child
  }
  setKey(heap, at, key)
}

function makeHeap(heap: usize, size: u32): void {
  for (let at = size >> 1; at-- > 0; ) sink(heap, size, at, keyOf(heap, at))
}

/** Takes a heap apart, the greatest first, from the end on. */
function sortHeap(heap: usize, size: u32): void {
  while (size > 1) {
    size--
    const last = keyOf(heap, size)
    setKey(heap, size, keyOf(heap, 0))
    sink(heap, size, 0, last)
  }
}

/** Which of four numbers come before the bound (`equal`: or are the same). */
@inline
function before(v: v128, bounds: v128, largest: bool, equal: bool): v128 {
  if (equal) return largest ? f32x4.ge(v, bounds) : f32x4.le(v, bounds)
  return largest ? f32x4.gt(v, bounds) : f32x4.lt(v, bounds)
}

/** For each of sixteen numbers a bit: whether it comes before the bound. */
@inline
function mask16(at: usize, bounds: v128, largest: bool, equal: bool): u32 {
  const a = before(v128.load(at), bounds, largest, equal)
  const b = before(v128.load(at, 16), bounds, largest, equal)
  const c = before(v128.load(at, 32), bounds, largest, equal)
  const d = before(v128.load(at, 48), bounds, largest, equal)
  // Each is all ones or all zeros, so that narrowing keeps it.
  return <u32>i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)))
}

@inline
function byHeap(row: usize, count: u32, k: u32, largest: bool, heap: usize): void {
  for (let index: u32 = 0; index < k; index++) setKey(heap, index, keyAt(row, index, largest))
  makeHeap(heap, k)
  let index = k
  // Any number comes before NaN, which no comparison says.
  for (; index < count; index++) {
    const bound = valueAt(row, <u32>keyOf(heap, 0))
    if (bound == bound) break
    offer(row, index, k, largest, heap)
  }
  let bounds = f32x4.splat(valueAt(row, <u32>keyOf(heap, 0)))
  for (; index + 16 <= count; index += 16) {
    for (let lanes = mask16(row + ((<usize>index) << 2), bounds, largest, false); lanes; lanes &= lanes - 1)
      offer(row, index + ctz(lanes), k, largest, heap)
    bounds = f32x4.splat(valueAt(row, <u32>keyOf(heap, 0)))
  }
  for (; index < count; index++) offer(row, index, k, largest, heap)
  sortHeap(heap, k)
}

@inline
function offer(row: usize, index: u32, k: u32, largest: bool, heap: usize): void {
  const key = keyAt(row, index, largest)
  if (key < keyOf(heap, 0)) sink(heap, k, 0, key)
}

/**
 * Sorts keys whose indices are in order already, so that four stable passes over the digits of the rest do, lowest first.
 * @param others room for as many keys, and four histograms behind
 */
function sortKeys(keys: usize, others: usize, count: u32): void {
  if (count <= fewKeys) {
    makeHeap(keys, count)
    sortHeap(keys, count)
    return
  }
  const end = (<usize>count) << 3
  const first = others + end
  const second = first + (digits << 2)
  const third = second + (digits << 2)
  const fourth = third + (digits << 2)
  memory.fill(first, 0, digits << 4)
  for (let at: usize = 0; at < end; at += 8) {
    const key = <u32>(load<u64>(keys + at) >> 32)
    countUp(first, key & (digits - 1))
    countUp(second, (key >> digitBits) & (digits - 1))
    countUp(third, (key >> (2 * digitBits)) & (digits - 1))
    countUp(fourth, key >> (3 * digitBits))
  }
  distribute(keys, others, end, first, 32)
  distribute(others, keys, end, second, 32 + digitBits)
  distribute(keys, others, end, third, 32 + 2 * digitBits)
  distribute(others, keys, end, fourth, 32 + 3 * digitBits)
}

@inline
function countUp(histogram: usize, digit: u32): u32 {
  const at = histogram + ((<usize>digit) << 2)
  const before = load<u32>(at)
  store<u32>(at, before + 1)
  return before
}

function distribute(from: usize, to: usize, end: usize, histogram: usize, shift: u64): void {
  let sum: u32 = 0
  for (let at = histogram; at < histogram + (digits << 2); at += 4) {
    const here = load<u32>(at)
    store<u32>(at, sum)
    sum += here
  }
  for (let at: usize = 0; at < end; at += 8) {
    const key = load<u64>(from + at)
    store<u64>(to + ((<usize>countUp(histogram, <u32>(key >> shift) & (digits - 1))) << 3), key)
  }
}

/** The k least keys, in order, at `keys`; room for twice `count` or the sample, and histograms behind. */
@inline
function bySample(row: usize, count: u32, k: u32, largest: bool, keys: usize): void {
  // The bound is the sample's number at the place that k has in the row, and some more: then it is rare that too few are within.
  let found: u32 = 0
  if (count > 2 * sampleSize) {
    const expected = <f64>k * sampleSize / count
    const place = <u32>(expected + 3 * sqrt<f64>(expected) + 4)
    if (place < (sampleSize * 3) / 4) {
      const step = count / sampleSize
      for (let at: u32 = 0; at <= place; at++) setKey(keys, at, keyAt(row, at * step, largest))
      makeHeap(keys, place + 1)
      for (let at = place + 1; at < sampleSize; at++) offer(row, at * step, place + 1, largest, keys)
      const bound = valueAt(row, <u32>keyOf(keys, 0))
      if (bound == bound) found = within(row, count, bound, largest, keys)
    }
  }
  if (found < k) {
    for (let index: u32 = 0; index < count; index++) setKey(keys, index, keyAt(row, index, largest))
    found = count
  }
  sortKeys(keys, keys + ((<usize>found) << 3), found)
}

/** Keys of all numbers up to the bound, in order of their indices. Gives back how many there are. */
@inline
function within(row: usize, count: u32, bound: f32, largest: bool, keys: usize): u32 {
  const bounds = f32x4.splat(bound)
  let found: u32 = 0
  let index: u32 = 0
  for (; index + 16 <= count; index += 16)
    for (let lanes = mask16(row + ((<usize>index) << 2), bounds, largest, true); lanes; lanes &= lanes - 1)
      setKey(keys, found++, keyAt(row, index + ctz(lanes), largest))
  for (; index < count; index++) {
    const value = valueAt(row, index)
    if (largest ? value >= bound : value <= bound) setKey(keys, found++, keyAt(row, index, largest))
  }
  return found
}

/** Bytes that `selectRows` needs for each thread. */
export function selectionBytes(count: u32, k: u32): usize {
  return k <= mostInHeap ? (<usize>k) << 3 : ((<usize>max(count, sampleSize)) << 4) + (digits << 4)
}

/**
 * The k least of each row, in order; or the greatest.
 *
 * @param values rows × count floats, `stride` bytes from row to row
 * @param k at most `count`
 * @param outIndices rows × k of u32
 * @param outValues rows × k floats
 * @param scratch `selectionBytes(count, k)` bytes of this thread's own
 */
export function selectRows(
  values: usize,
  stride: usize,
  rows: u32,
  count: u32,
  k: u32,
  largest: bool,
  outIndices: usize,
  outValues: usize,
  scratch: usize,
  queue: usize,
): void {
  for (let from = claim(queue, pieceRows, rows); from < rows; from = claim(queue, pieceRows, rows)) {
    for (let row = from; row < min(rows, from + pieceRows); row++) {
      const source = values + <usize>row * stride
      if (k <= mostInHeap) {
        if (largest) byHeap(source, count, k, true, scratch)
        else byHeap(source, count, k, false, scratch)
      } else if (largest) bySample(source, count, k, true, scratch)
      else bySample(source, count, k, false, scratch)
      for (let at: u32 = 0; at < k; at++) {
        const index = <u32>keyOf(scratch, at)
        const target = (<usize>row * k + at) << 2
        store<u32>(outIndices + target, index)
        f32.store(outValues + target, valueAt(source, index))
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
    for (let row = from; row < min(rows, from + pieceRows); row++) {
      const source = values + <usize>row * stride
      let least: f32 = Infinity
      let second: f32 = Infinity
      let place: u32 = 0
      let index: u32 = 0
      // Almost always nothing of sixty-four numbers is below the second.
      let bounds = f32x4.splat(second)
      while (index < count) {
        const end = min(count, index + 64)
        if (end - index == 64 && !anyBelow(source + ((<usize>index) << 2), bounds)) {
          index = end
          continue
        }
        for (; index < end; index++) {
          const value = valueAt(source, index)
          if (value < least) {
            second = least
            least = value
            place = index
          } else if (value < second) second = value
        }
        bounds = f32x4.splat(second)
      }
      const target = (<usize>row) << 2
      store<u32>(outIndices + target, place)
      f32.store(outLeast + target, least)
      f32.store(outSecond + target, second)
    }
  }
}

@inline
function anyBelow(at: usize, bounds: v128): bool {
  let a = v128.load(at)
  let b = v128.load(at, 16)
  let c = v128.load(at, 32)
  let d = v128.load(at, 48)
  // The bound comes first, so that a NaN, which is below nothing, leaves it.
  a = f32x4.pmin(f32x4.pmin(bounds, a), v128.load(at, 64))
  b = f32x4.pmin(f32x4.pmin(bounds, b), v128.load(at, 80))
  c = f32x4.pmin(f32x4.pmin(bounds, c), v128.load(at, 96))
  d = f32x4.pmin(f32x4.pmin(bounds, d), v128.load(at, 112))
  a = f32x4.pmin(f32x4.pmin(a, v128.load(at, 128)), v128.load(at, 192))
  b = f32x4.pmin(f32x4.pmin(b, v128.load(at, 144)), v128.load(at, 208))
  c = f32x4.pmin(f32x4.pmin(c, v128.load(at, 160)), v128.load(at, 224))
  d = f32x4.pmin(f32x4.pmin(d, v128.load(at, 176)), v128.load(at, 240))
  return v128.any_true(f32x4.lt(f32x4.pmin(f32x4.pmin(a, b), f32x4.pmin(c, d)), bounds))
}
