// Distances of one vector to another or to many: rows of floats, of halves, of signed bytes and of bits, each padded with zeros to
// 16 bytes. Memory is the caller's: every pointer is given.
//
// `metric`: 0 squared distance, 1 inner product, 2 cosine distance (1 − x·y/‖x‖‖y‖, NaN beside a row of zeros). Where a function
// takes it, it is a constant once inlined.
import { differingBits4 } from './inline/bits'
import { addSquare, innerProduct4, multiplyAdd, squaredDistance4, sumFloats, sumFloats4, sumInts4 } from './inline/distance'
import {
  halfBits,
  halfInnerProduct4,
  halfSquaredDistance4,
  highFinite,
  lowFinite,
  rebias,
} from './inline/halves'
import { kept } from './inline/kept'
import { rowAt, rowsTouched, touch } from './inline/touch'

@inline
function cosine(product: v128, squares: v128, ownSquares: f32): v128 {
  const lengths = f32x4.sqrt(f32x4.mul(squares, f32x4.splat(ownSquares)))
  return f32x4.max(f32x4.splat(0), f32x4.sub(f32x4.splat(1), f32x4.div(product, lengths)))
}

/** Stores the first `count` of four lanes. */
@inline
function storeSome(out: usize, values: v128, count: u32): void {
  if (count >= 4) {
    v128.store(out, values)
    return
  }
  f32.store(out, f32x4.extract_lane(values, 0))
  if (count > 1) f32.store(out, f32x4.extract_lane(values, 1), 4)
  if (count > 2) f32.store(out, f32x4.extract_lane(values, 2), 8)
}

// Floats

@inline
function term(metric: i32, total: v128, a: v128, b: v128): v128 {
  return metric == 0 ? addSquare(total, a, b) : multiplyAdd(a, b, total)
}

/** Of two rows, four sums side by side, so that none waits for the one before. */
@inline
function ofPair(metric: i32, a: usize, b: usize, bytes: usize): f32 {
  let t0 = f32x4.splat(0)
  let t1 = f32x4.splat(0)
  let t2 = f32x4.splat(0)
  let t3 = f32x4.splat(0)
  let at: usize = 0
  for (; at + 64 <= bytes; at += 64) {
    t0 = term(metric, t0, v128.load(a + at), v128.load(b + at))
    t1 = term(metric, t1, v128.load(a + at, 16), v128.load(b + at, 16))
    t2 = term(metric, t2, v128.load(a + at, 32), v128.load(b + at, 32))
    t3 = term(metric, t3, v128.load(a + at, 48), v128.load(b + at, 48))
  }
  for (; at < bytes; at += 16) t0 = term(metric, t0, v128.load(a + at), v128.load(b + at))
  return sumFloats(f32x4.add(f32x4.add(t0, t1), f32x4.add(t2, t3)))
}

@inline
function cosineOfPair(a: usize, b: usize, bytes: usize): f32 {
  let product = f32x4.splat(0)
  let left = f32x4.splat(0)
  let right = f32x4.splat(0)
  let product1 = f32x4.splat(0)
  let left1 = f32x4.splat(0)
  let right1 = f32x4.splat(0)
  let at: usize = 0
  for (; at + 32 <= bytes; at += 32) {
    const x = v128.load(a + at)
    const y = v128.load(b + at)
    const x1 = v128.load(a + at, 16)
    const y1 = v128.load(b + at, 16)
    product = multiplyAdd(x, y, product)
    left = multiplyAdd(x, x, left)
    right = multiplyAdd(y, y, right)
    product1 = multiplyAdd(x1, y1, product1)
    left1 = multiplyAdd(x1, x1, left1)
    right1 = multiplyAdd(y1, y1, right1)
  }
  if (at < bytes) {
    const x = v128.load(a + at)
    const y = v128.load(b + at)
    product = multiplyAdd(x, y, product)
    left = multiplyAdd(x, x, left)
    right = multiplyAdd(y, y, right)
  }
  const lengths = sumFloats(f32x4.add(left, left1)) * sumFloats(f32x4.add(right, right1))
  return max<f32>(0, 1 - sumFloats(f32x4.add(product, product1)) / sqrt<f32>(lengths))
}

/** Of two rows of floats. @param bytes a row */
export function floatPair(metric: i32, a: usize, b: usize, bytes: usize): f32 {
  if (metric == 0) return ofPair(0, a, b, bytes)
  if (metric == 1) return ofPair(1, a, b, bytes)
  return cosineOfPair(a, b, bytes)
}

@inline
function floatMany(metric: i32, query: usize, base: usize, bytes: usize, ids: usize, count: u32, out: usize): u32 {
  const own = metric == 2 ? ofPair(1, query, query, bytes) : 0
  // Rows in a row are read one after the other: the machine fetches ahead of one stream better than of four.
  if (metric < 2 && ids == 0) {
    for (let index: u32 = 0; index < count; index++)
      f32.store(out + ((<usize>index) << 2), ofPair(metric, query, base + <usize>index * bytes, bytes))
    return 0
  }
  const together = rowsTouched(ids, bytes)
  let touched: u32 = 0
  for (let index: u32 = 0; index < count; index += 4) {
    if (together && index % together == 0) touched |= touch(base, ids, index, min(count, index + together), bytes)
    const last = count - 1
    const a = rowAt(base, ids, index, bytes)
    const b = rowAt(base, ids, min(index + 1, last), bytes)
    const c = rowAt(base, ids, min(index + 2, last), bytes)
    const d = rowAt(base, ids, min(index + 3, last), bytes)
    let values: v128
    if (metric == 0) values = squaredDistance4(query, a, b, c, d, bytes)
    else if (metric == 1) values = innerProduct4(query, a, b, c, d, bytes)
    else values = floatCosine4(query, a, b, c, d, bytes, own)
    storeSome(out + ((<usize>index) << 2), values, count - index)
  }
  return touched
}

@inline
function floatCosine4(query: usize, a: usize, b: usize, c: usize, d: usize, bytes: usize, own: f32): v128 {
  let ta = f32x4.splat(0)
  let tb = f32x4.splat(0)
  let tc = f32x4.splat(0)
  let td = f32x4.splat(0)
  let na = f32x4.splat(0)
  let nb = f32x4.splat(0)
  let nc = f32x4.splat(0)
  let nd = f32x4.splat(0)
  for (let at: usize = 0; at < bytes; at += 16) {
    const q = v128.load(query + at)
    const va = v128.load(a + at)
    const vb = v128.load(b + at)
    const vc = v128.load(c + at)
    const vd = v128.load(d + at)
    ta = multiplyAdd(q, va, ta)
    tb = multiplyAdd(q, vb, tb)
    tc = multiplyAdd(q, vc, tc)
    td = multiplyAdd(q, vd, td)
    na = multiplyAdd(va, va, na)
    nb = multiplyAdd(vb, vb, nb)
    nc = multiplyAdd(vc, vc, nc)
    nd = multiplyAdd(vd, vd, nd)
  }
  return cosine(sumFloats4(ta, tb, tc, td), sumFloats4(na, nb, nc, nd), own)
}

/**
 * Of a row of floats to `count` rows.
 *
 * @param ids numbers of the rows (u32), or 0 for rows 0 to count − 1
 * @param out `count` floats
 */
export function floatDistances(
  metric: i32,
  query: usize,
  base: usize,
  bytes: usize,
  ids: usize,
  count: u32,
  out: usize,
): u32 {
  if (metric == 0) return floatMany(0, query, base, bytes, ids, count, out)
  if (metric == 1) return floatMany(1, query, base, bytes, ids, count, out)
  return floatMany(2, query, base, bytes, ids, count, out)
}

// Halves

@inline
function ownTerm(total: v128, row: v128, bits: v128, scale: v128): v128 {
  const low = lowFinite(row, bits, scale)
  const high = highFinite(row, bits, scale)
  return multiplyAdd(high, high, multiplyAdd(low, low, total))
}

@inline
function halfMany(metric: i32, query: usize, base: usize, bytes: usize, ids: usize, count: u32, out: usize): u32 {
  const own = metric == 2 ? ofPair(1, query, query, bytes << 1) : 0
  const bits = kept(halfBits)
  const scale = kept(rebias)
  const together = rowsTouched(ids, bytes)
  let touched: u32 = 0
  for (let index: u32 = 0; index < count; index += 4) {
    if (together && index % together == 0) touched |= touch(base, ids, index, min(count, index + together), bytes)
    const last = count - 1
    const a = rowAt(base, ids, index, bytes)
    const b = rowAt(base, ids, min(index + 1, last), bytes)
    const c = rowAt(base, ids, min(index + 2, last), bytes)
    const d = rowAt(base, ids, min(index + 3, last), bytes)
    let values =
      metric == 0
        ? halfSquaredDistance4(query, a, b, c, d, bytes, bits, scale)
        : halfInnerProduct4(query, a, b, c, d, bytes, bits, scale)
    if (metric == 2) {
      let na = f32x4.splat(0)
      let nb = f32x4.splat(0)
      let nc = f32x4.splat(0)
      let nd = f32x4.splat(0)
      for (let at: usize = 0; at < bytes; at += 16) {
        na = ownTerm(na, v128.load(a + at), bits, scale)
        nb = ownTerm(nb, v128.load(b + at), bits, scale)
        nc = ownTerm(nc, v128.load(c + at), bits, scale)
        nd = ownTerm(nd, v128.load(d + at), bits, scale)
      }
      values = cosine(values, sumFloats4(na, nb, nc, nd), own)
    }
    storeSome(out + ((<usize>index) << 2), values, count - index)
  }
  return touched
}

/** Of a row of floats (padded to 32 bytes) to `count` rows of halves, all finite. @param bytes a row of halves */
export function halfDistances(
  metric: i32,
  query: usize,
  base: usize,
  bytes: usize,
  ids: usize,
  count: u32,
  out: usize,
): u32 {
  if (metric == 0) return halfMany(0, query, base, bytes, ids, count, out)
  if (metric == 1) return halfMany(1, query, base, bytes, ids, count, out)
  return halfMany(2, query, base, bytes, ids, count, out)
}

// Signed bytes, −127 to 127: sums are whole numbers, the same in all builds.

/** Adds x·y. The relaxed product takes 7 bits on its right: the sizes of `x`, whose signs go over to `y`. */
@inline
function addProduct(total: v128, x: v128, sizes: v128, negative: v128, y: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD)
    return i32x4.relaxed_dot_i8x16_i7x16_add_s(i8x16.sub(v128.xor(y, negative), negative), sizes, total)
  return addPlain(total, x, y)
}

@inline
function addPlain(total: v128, x: v128, y: v128): v128 {
  const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(x), i16x8.extend_low_i8x16_s(y))
  const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(x), i16x8.extend_high_i8x16_s(y))
  return i32x4.add(total, i32x4.add(low, high))
}

@inline
function addOwn(total: v128, x: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    const sizes = i8x16.abs(x)
    return i32x4.relaxed_dot_i8x16_i7x16_add_s(sizes, sizes, total)
  }
  return addPlain(total, x, x)
}

@inline
function ownSquares(row: usize, bytes: usize): i32 {
  let total = i32x4.splat(0)
  for (let at: usize = 0; at < bytes; at += 16) total = addOwn(total, v128.load(row + at))
  return i32x4.extract_lane(sumInts4(total, total, total, total), 0)
}

@inline
function byteMany(metric: i32, query: usize, base: usize, bytes: usize, ids: usize, count: u32, out: usize): u32 {
  const own = metric == 1 ? 0 : ownSquares(query, bytes)
  const together = rowsTouched(ids, bytes)
  let touched: u32 = 0
  for (let index: u32 = 0; index < count; index += 4) {
    if (together && index % together == 0) touched |= touch(base, ids, index, min(count, index + together), bytes)
    const last = count - 1
    const a = rowAt(base, ids, index, bytes)
    const b = rowAt(base, ids, min(index + 1, last), bytes)
    const c = rowAt(base, ids, min(index + 2, last), bytes)
    const d = rowAt(base, ids, min(index + 3, last), bytes)
    let ta = i32x4.splat(0)
    let tb = i32x4.splat(0)
    let tc = i32x4.splat(0)
    let td = i32x4.splat(0)
    let na = i32x4.splat(0)
    let nb = i32x4.splat(0)
    let nc = i32x4.splat(0)
    let nd = i32x4.splat(0)
    for (let at: usize = 0; at < bytes; at += 16) {
      const q = v128.load(query + at)
      const sizes = i8x16.abs(q)
      const negative = i8x16.lt_s(q, i8x16.splat(0))
      const va = v128.load(a + at)
      const vb = v128.load(b + at)
      const vc = v128.load(c + at)
      const vd = v128.load(d + at)
      ta = addProduct(ta, q, sizes, negative, va)
      tb = addProduct(tb, q, sizes, negative, vb)
      tc = addProduct(tc, q, sizes, negative, vc)
      td = addProduct(td, q, sizes, negative, vd)
      if (metric != 1) {
        na = addOwn(na, va)
        nb = addOwn(nb, vb)
        nc = addOwn(nc, vc)
        nd = addOwn(nd, vd)
      }
    }
    const products = sumInts4(ta, tb, tc, td)
    let values: v128
    if (metric == 1) values = f32x4.convert_i32x4_s(products)
    else {
      const squares = sumInts4(na, nb, nc, nd)
      if (metric == 0)
        values = f32x4.convert_i32x4_s(
          i32x4.sub(i32x4.add(squares, i32x4.splat(own)), i32x4.shl(products, 1)),
        )
      else values = cosine(f32x4.convert_i32x4_s(products), f32x4.convert_i32x4_s(squares), <f32>own)
    }
    storeSome(out + ((<usize>index) << 2), values, count - index)
  }
  return touched
}

/** Of a row of signed bytes to `count` rows of them; none is −128, and a row has at most 32,768. */
export function byteDistances(
  metric: i32,
  query: usize,
  base: usize,
  bytes: usize,
  ids: usize,
  count: u32,
  out: usize,
): u32 {
  if (metric == 0) return byteMany(0, query, base, bytes, ids, count, out)
  if (metric == 1) return byteMany(1, query, base, bytes, ids, count, out)
  return byteMany(2, query, base, bytes, ids, count, out)
}

// Floats to codes: a byte stands for offset + step · byte, offset and step being those of its column.

@inline
function codeTerm(metric: i32, total: v128, query: usize, steps: usize, codes: v128): v128 {
  const values = f32x4.convert_i32x4_s(codes)
  if (metric == 1) return multiplyAdd(v128.load(query), values, total)
  const difference = f32x4.sub(v128.load(query), f32x4.mul(v128.load(steps), values))
  return multiplyAdd(difference, difference, total)
}

@inline
function codeRow(metric: i32, query: usize, steps: usize, row: usize, bytes: usize): f32 {
  let t0 = f32x4.splat(0)
  let t1 = f32x4.splat(0)
  let t2 = f32x4.splat(0)
  let t3 = f32x4.splat(0)
  for (let at: usize = 0; at < bytes; at += 16) {
    const codes = v128.load(row + at)
    const low = i16x8.extend_low_i8x16_s(codes)
    const high = i16x8.extend_high_i8x16_s(codes)
    const q = query + (at << 2)
    const s = steps + (at << 2)
    t0 = codeTerm(metric, t0, q, s, i32x4.extend_low_i16x8_s(low))
    t1 = codeTerm(metric, t1, q + 16, s + 16, i32x4.extend_high_i16x8_s(low))
    t2 = codeTerm(metric, t2, q + 32, s + 32, i32x4.extend_low_i16x8_s(high))
    t3 = codeTerm(metric, t3, q + 48, s + 48, i32x4.extend_high_i16x8_s(high))
  }
  return sumFloats(f32x4.add(f32x4.add(t0, t1), f32x4.add(t2, t3)))
}

/**
 * Of a vector of floats to `count` rows of codes: metric 0 gives Σ (query − steps · code)², metric 1 Σ query · code. The caller
 * has taken the offsets from the query, or multiplied it with the steps.
 *
 * @param query floats, padded with zeros to 64 bytes
 * @param steps likewise
 */
export function codeDistances(
  metric: i32,
  query: usize,
  steps: usize,
  base: usize,
  bytes: usize,
  ids: usize,
  count: u32,
  out: usize,
): void {
  if (metric == 0)
    for (let index: u32 = 0; index < count; index++)
      f32.store(out + ((<usize>index) << 2), codeRow(0, query, steps, rowAt(base, ids, index, bytes), bytes))
  else
    for (let index: u32 = 0; index < count; index++)
      f32.store(out + ((<usize>index) << 2), codeRow(1, query, steps, rowAt(base, ids, index, bytes), bytes))
}

// Bits

/** Bits that differ between a row of bits and `count` rows of them. */
export function bitDistances(query: usize, base: usize, bytes: usize, ids: usize, count: u32, out: usize): u32 {
  const together = rowsTouched(ids, bytes)
  let touched: u32 = 0
  for (let index: u32 = 0; index < count; index += 4) {
    if (together && index % together == 0) touched |= touch(base, ids, index, min(count, index + together), bytes)
    const last = count - 1
    const a = rowAt(base, ids, index, bytes)
    const b = rowAt(base, ids, min(index + 1, last), bytes)
    const c = rowAt(base, ids, min(index + 2, last), bytes)
    const d = rowAt(base, ids, min(index + 3, last), bytes)
    const counts = differingBits4(query, a, b, c, d, bytes)
    storeSome(out + ((<usize>index) << 2), f32x4.convert_i32x4_s(counts), count - index)
  }
  return touched
}
