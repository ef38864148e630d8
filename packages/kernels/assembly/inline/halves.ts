// 16-bit floats (IEEE 754 binary16), a v128 of eight at a time, to and from 32-bit floats; and distances of a row of 32-bit floats
// (padded with zeros to 32 bytes) to four rows of them (padded to 16).
import { addSquare, multiplyAdd, sumFloats4 } from './distance'

/** Sign and the rest of a half, where they are in a float after a shift; all between them is 0. */
export const halfBits: u32 = 0x8fffe000
/** 2¹¹² as a float: the biases of the two formats' exponents differ by 112. */
export const rebias: u32 = 0x77800000

/**
 * Halves 0 to 3 of `h` as floats. Infinities and NaN come out as finite numbers: for halves known to be finite.
 *
 * @param bits `halfBits` in all lanes (see kept.ts)
 * @param scale `rebias` likewise
 */
@inline
export function lowFinite(h: v128, bits: v128, scale: v128): v128 {
  return finite(i32x4.extend_low_i16x8_s(h), bits, scale)
}

/** Halves 4 to 7, likewise. */
@inline
export function highFinite(h: v128, bits: v128, scale: v128): v128 {
  return finite(i32x4.extend_high_i16x8_s(h), bits, scale)
}

// The sign was spread over the upper bits: one of them is kept, and the rest moves to its place in a float. The product sets
// the exponent right, also of subnormal halves.
@inline
function finite(wide: v128, bits: v128, scale: v128): v128 {
  return f32x4.mul(v128.and(i32x4.shl(wide, 13), bits), scale)
}

/** Halves of any kind, each in an i32 lane with its sign spread, as floats. */
@inline
export function anyFloats(wide: v128, bits: v128, scale: v128, size: v128, largest: v128, exponent: v128): v128 {
  const moved = v128.and(i32x4.shl(wide, 13), bits)
  const special = i32x4.gt_s(v128.and(moved, size), largest)
  return v128.or(f32x4.mul(moved, scale), v128.and(special, exponent))
}

/** Rounds to the nearest, but for ties, and turns the bias of a float's exponent into that of a half's. */
export const rounding: u32 = 0xfff - (112 << 23)
/** 2⁻¹⁴ as a float. */
export const leastNormal: u32 = 0x38800000

/**
 * Four floats within ±65,504 as halves, each in an i32 lane; to the nearest, ties to even.
 *
 * @param size 0x7fffffff in all lanes; `one` 1, `round` `rounding`, `least` `leastNormal`, `half` the float 0.5 likewise
 */
@inline
export function halvesOf(x: v128, size: v128, one: v128, round: v128, least: v128, half: v128): v128 {
  const bits = v128.and(x, size)
  const odd = v128.and(i32x4.shr_u(bits, 13), one)
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(bits, round), odd), 13)
  // Beside 0.5 the last bit of a float is worth as much as the smallest half.
  const subnormal = i32x4.sub(f32x4.add(bits, half), half)
  const positive = v128.bitselect(subnormal, normal, i32x4.lt_s(bits, least))
  return v128.or(positive, i32x4.shl(i32x4.shr_u(x, 31), 15))
}

/** @param bytes of a row of halves @param bits `halfBits` in all lanes @param scale `rebias` likewise */
@inline
export function halfSquaredDistance4(
  query: usize,
  a: usize,
  b: usize,
  c: usize,
  d: usize,
  bytes: usize,
  bits: v128,
  scale: v128,
): v128 {
  let ta = f32x4.splat(0)
  let tb = f32x4.splat(0)
  let tc = f32x4.splat(0)
  let td = f32x4.splat(0)
  for (let at: usize = 0; at < bytes; at += 16) {
    const low = v128.load(query + (at << 1))
    const high = v128.load(query + (at << 1), 16)
    const va = v128.load(a + at)
    const vb = v128.load(b + at)
    const vc = v128.load(c + at)
    const vd = v128.load(d + at)
    ta = addSquare(ta, low, lowFinite(va, bits, scale))
    ta = addSquare(ta, high, highFinite(va, bits, scale))
    tb = addSquare(tb, low, lowFinite(vb, bits, scale))
    tb = addSquare(tb, high, highFinite(vb, bits, scale))
    tc = addSquare(tc, low, lowFinite(vc, bits, scale))
    tc = addSquare(tc, high, highFinite(vc, bits, scale))
    td = addSquare(td, low, lowFinite(vd, bits, scale))
    td = addSquare(td, high, highFinite(vd, bits, scale))
  }
  return sumFloats4(ta, tb, tc, td)
}

/** @param bytes of a row of halves @param bits `halfBits` in all lanes @param scale `rebias` likewise */
@inline
export function halfInnerProduct4(
  query: usize,
  a: usize,
  b: usize,
  c: usize,
  d: usize,
  bytes: usize,
  bits: v128,
  scale: v128,
): v128 {
  let ta = f32x4.splat(0)
  let tb = f32x4.splat(0)
  let tc = f32x4.splat(0)
  let td = f32x4.splat(0)
  for (let at: usize = 0; at < bytes; at += 16) {
    const low = v128.load(query + (at << 1))
    const high = v128.load(query + (at << 1), 16)
    const va = v128.load(a + at)
    const vb = v128.load(b + at)
    const vc = v128.load(c + at)
    const vd = v128.load(d + at)
    ta = multiplyAdd(low, lowFinite(va, bits, scale), ta)
    ta = multiplyAdd(high, highFinite(va, bits, scale), ta)
    tb = multiplyAdd(low, lowFinite(vb, bits, scale), tb)
    tb = multiplyAdd(high, highFinite(vb, bits, scale), tb)
    tc = multiplyAdd(low, lowFinite(vc, bits, scale), tc)
    tc = multiplyAdd(high, highFinite(vc, bits, scale), tc)
    td = multiplyAdd(low, lowFinite(vd, bits, scale), td)
    td = multiplyAdd(high, highFinite(vd, bits, scale), td)
  }
  return sumFloats4(ta, tb, tc, td)
}
