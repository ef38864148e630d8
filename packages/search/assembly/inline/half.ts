// Rows of 16-bit floats (IEEE 754 binary16, no infinities) beside queries of 32-bit floats, both padded with zeros to 8 numbers.
import { multiplyAdd, sumFloats, sumFloats4 } from '../../../kernels/assembly/inline/distance'

/** 2¹¹²: what a half's exponent and fraction are short of, read as those of a 32-bit float. */
const raise: f32 = 5.192296858534828e33
const lower: f32 = 1.925929944387236e-34

/** Four halves, as the low 16 bits of four lanes. */
@inline
function widen(halves: v128): v128 {
  const magnitude = i32x4.shl(v128.and(halves, i32x4.splat(0x7fff)), 13)
  const value = f32x4.mul(magnitude, f32x4.splat(raise))
  return v128.or(value, i32x4.shl(v128.and(halves, i32x4.splat(0x8000)), 16))
}

@inline
function addHalfSquares(total: v128, query: usize, row: usize): v128 {
  const halves = v128.load(row)
  const low = f32x4.sub(v128.load(query), widen(i32x4.extend_low_i16x8_u(halves)))
  const high = f32x4.sub(v128.load(query + 16), widen(i32x4.extend_high_i16x8_u(halves)))
  return multiplyAdd(high, high, multiplyAdd(low, low, total))
}

/** @param bytes of the query */
@inline
export function halfSquaredDistance(query: usize, row: usize, bytes: usize): f32 {
  let total = f32x4.splat(0)
  for (let at: usize = 0; at < bytes; at += 32) total = addHalfSquares(total, query + at, row + (at >> 1))
  return sumFloats(total)
}

@inline
export function halfSquaredDistance4(query: usize, a: usize, b: usize, c: usize, d: usize, bytes: usize): v128 {
  let ta = f32x4.splat(0)
  let tb = f32x4.splat(0)
  let tc = f32x4.splat(0)
  let td = f32x4.splat(0)
  for (let at: usize = 0; at < bytes; at += 32) {
    const half = at >> 1
    ta = addHalfSquares(ta, query + at, a + half)
    tb = addHalfSquares(tb, query + at, b + half)
    tc = addHalfSquares(tc, query + at, c + half)
    td = addHalfSquares(td, query + at, d + half)
  }
  return sumFloats4(ta, tb, tc, td)
}

/** Writes 32-bit floats as halves, to the nearest, ties to even. What is beyond 65,504 becomes 65,504. */
export function toHalves(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i++) {
    const value = load<f32>(from + ((<usize>i) << 2))
    const magnitude = reinterpret<u32>(min<f32>(abs(value), 65504) * lower)
    const rounded = (magnitude + 0xfff + ((magnitude >> 13) & 1)) >> 13
    store<u16>(to + ((<usize>i) << 1), <u16>(rounded | ((reinterpret<u32>(value) >> 16) & 0x8000)))
  }
}

/** Writes halves as 32-bit floats. @param n a multiple of 4 */
export function fromHalves(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 4)
    v128.store(to + ((<usize>i) << 2), widen(i32x4.extend_low_i16x8_u(v128.load64_zero(from + ((<usize>i) << 1)))))
}
