// 16-bit floats (IEEE 754 binary16), a v128 of eight at a time, to and from 32-bit floats.

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
