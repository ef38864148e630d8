// Rows of floats as halves, as bytes and as bits, and back. Rows are `bytes` long, padded with zeros to 16.
import { anyFloats, halfBits, halvesOf, leastNormal, rebias, rounding } from './inline/halves'
import { kept } from './inline/kept'

/** 65,504 as a float. */
const largestHalf: u32 = 0x477fe000

/**
 * Rows `from` to `to` − 1 of floats as halves. Gives back `to`, or the first row with a number that is not within ±65,504; it and
 * those after it are not written.
 *
 * @param floatBytes of a row of floats, padded to 16
 * @param bytes of a row of halves, padded to 16
 */
export function encodeHalves(floats: usize, floatBytes: usize, from: u32, to: u32, halves: usize, bytes: usize): u32 {
  const size = kept(0x7fffffff)
  const one = kept(1)
  const round = kept(rounding)
  const least = kept(leastNormal)
  const half = kept(reinterpret<u32>(<f32>0.5))
  for (let row = from; row < to; row++) {
    const source = floats + <usize>row * floatBytes
    const target = halves + <usize>row * bytes
    let greatest = i32x4.splat(0)
    for (let at: usize = 0; at < floatBytes; at += 16)
      greatest = i32x4.max_s(greatest, v128.and(v128.load(source + at), size))
    // As whole numbers sizes have the same order, and NaN is above all.
    if (v128.any_true(i32x4.gt_s(greatest, i32x4.splat(largestHalf)))) return row
    for (let at: usize = 0; at < bytes; at += 16) {
      const low = halvesOf(v128.load(source + (at << 1)), size, one, round, least, half)
      const more = (at << 1) + 16 < floatBytes
      const high = more ? halvesOf(v128.load(source + (at << 1), 16), size, one, round, least, half) : i32x4.splat(0)
      v128.store(target + at, i16x8.narrow_i32x4_u(low, high))
    }
  }
  return to
}

/** Rows of halves as floats. */
export function decodeHalves(halves: usize, bytes: usize, from: u32, to: u32, floats: usize, floatBytes: usize): void {
  const bits = kept(halfBits)
  const scale = kept(rebias)
  const size = kept(0x7fffffff)
  const largest = kept(0x0f7fffff)
  const exponent = kept(0x7f800000)
  for (let row = from; row < to; row++) {
    const source = halves + <usize>row * bytes
    const target = floats + <usize>row * floatBytes
    for (let at: usize = 0; at < bytes; at += 16) {
      const h = v128.load(source + at)
      const low = i32x4.extend_low_i16x8_s(h)
      v128.store(target + (at << 1), anyFloats(low, bits, scale, size, largest, exponent))
      if ((at << 1) + 16 >= floatBytes) continue
      const high = i32x4.extend_high_i16x8_s(h)
      v128.store(target + (at << 1), anyFloats(high, bits, scale, size, largest, exponent), 16)
    }
  }
}

/** 1.5 · 2²³ as a float: beside it the last bit of a float is worth 1. */
const rounder: u32 = 0x4b400000

// The bound comes first in each comparison, so that NaN becomes the least.
@inline
function codes(x: v128, offsets: usize, inverse: usize, least: v128, most: v128, round: v128): v128 {
  const scaled = f32x4.mul(f32x4.sub(x, v128.load(offsets)), v128.load(inverse))
  return i32x4.sub(f32x4.add(f32x4.pmin(most, f32x4.pmax(least, scaled)), round), round)
}

/**
 * Codes of rows: (x − offset) / step, to the nearest whole number from `least` to `most`.
 *
 * @param floatBytes bytes of a row of floats, padded to 16; what a row of codes has beyond it is set to 0
 * @param offsets a float for each column, padded with zeros to 16 bytes
 * @param inverse 1 / step, likewise (0 where a column has one value, and in the padding)
 * @param bytes of a row of codes, padded to 16
 */
export function encodeBytes(
  floats: usize,
  floatBytes: usize,
  from: u32,
  to: u32,
  offsets: usize,
  inverse: usize,
  least: f32,
  most: f32,
  out: usize,
  bytes: usize,
): void {
  const low = f32x4.splat(least)
  const high = f32x4.splat(most)
  const round = kept(rounder)
  for (let row = from; row < to; row++) {
    const source = floats + <usize>row * floatBytes
    const target = out + <usize>row * bytes
    // The padding, where the row does not fill its last sixteen.
    v128.store(target + bytes - 16, i32x4.splat(0))
    let at: usize = 0
    for (; at + 64 <= floatBytes; at += 64) {
      const a = codes(v128.load(source + at), offsets + at, inverse + at, low, high, round)
      const b = codes(v128.load(source + at, 16), offsets + at + 16, inverse + at + 16, low, high, round)
      const c = codes(v128.load(source + at, 32), offsets + at + 32, inverse + at + 32, low, high, round)
      const d = codes(v128.load(source + at, 48), offsets + at + 48, inverse + at + 48, low, high, round)
      v128.store(
        target + (at >> 2),
        i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)),
      )
    }
    for (; at < floatBytes; at += 16) {
      const c = codes(v128.load(source + at), offsets + at, inverse + at, low, high, round)
      const words = i16x8.narrow_i32x4_s(c, c)
      v128.store32_lane(target + (at >> 2), i8x16.narrow_i16x8_s(words, words), 0)
    }
  }
}

/** Rows of codes to floats: offset + step · code. */
export function decodeBytes(
  codes: usize,
  bytes: usize,
  from: u32,
  to: u32,
  offsets: usize,
  steps: usize,
  floats: usize,
  floatBytes: usize,
): void {
  for (let row = from; row < to; row++) {
    const source = codes + <usize>row * bytes
    const target = floats + <usize>row * floatBytes
    for (let at: usize = 0; at < floatBytes; at += 16) {
      const wide = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(source + (at >> 2))))
      const value = f32x4.mul(f32x4.convert_i32x4_s(wide), v128.load(steps + at))
      v128.store(target + at, f32x4.add(value, v128.load(offsets + at)))
    }
  }
}

/** Signs of rows: bit j of a row is 1 where column j is above `centres` there. The padding has bits 0. */
export function encodeBits(
  floats: usize,
  floatBytes: usize,
  from: u32,
  to: u32,
  centres: usize,
  out: usize,
  bytes: usize,
): void {
  for (let row = from; row < to; row++) {
    const source = floats + <usize>row * floatBytes
    const target = out + <usize>row * bytes
    memory.fill(target, 0, bytes)
    for (let at: usize = 0; at < floatBytes; at += 16) {
      const above = <u32>i32x4.bitmask(f32x4.gt(v128.load(source + at), v128.load(centres + at)))
      const byte = target + (at >> 5)
      store<u8>(byte, load<u8>(byte) | (above << (<u32>(at >> 2) & 4)))
    }
  }
}
