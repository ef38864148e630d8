// 16-bit floats (IEEE 754 binary16), a v128 of eight at a time, to and from 32-bit floats.

/** 2¹¹²: the biases of the two formats' exponents differ by 112. */
const rebias: u32 = 0x77800000

/** Halves 0 to 3 of `h` as floats. Infinities and NaN come out as finite numbers: for halves known to be finite. */
@inline
export function lowFinite(h: v128): v128 {
  return shifted(i32x4.extend_low_i16x8_s(h))
}

/** Halves 4 to 7, likewise. */
@inline
export function highFinite(h: v128): v128 {
  return shifted(i32x4.extend_high_i16x8_s(h))
}

// The sign was spread over the upper bits: one of them is kept, and the rest moves to its place in a float. The product sets
// the exponent right, also of subnormal halves.
@inline
function shifted(wide: v128): v128 {
  const bits = v128.and(i32x4.shl(wide, 13), i32x4.splat(0x8fffe000))
  return f32x4.mul(bits, i32x4.splat(rebias))
}

/** Halves of any kind, each in an i32 lane with its sign spread, as floats. */
@inline
export function anyFloats(wide: v128): v128 {
  const bits = v128.and(i32x4.shl(wide, 13), i32x4.splat(0x8fffe000))
  const special = i32x4.gt_s(v128.and(bits, i32x4.splat(0x7fffffff)), i32x4.splat(0x0f7fffff))
  return v128.or(f32x4.mul(bits, i32x4.splat(rebias)), v128.and(special, i32x4.splat(0x7f800000)))
}

/** Four floats as halves, each in an i32 lane; to the nearest, ties to even, beyond 65,520 infinite. */
@inline
export function halvesOf(x: v128): v128 {
  const size = v128.and(x, i32x4.splat(0x7fffffff))
  const sign = v128.and(i32x4.shr_u(x, 16), i32x4.splat(0x8000))
  const odd = v128.and(i32x4.shr_u(size, 13), i32x4.splat(1))
  const rounded = i32x4.add(i32x4.add(size, i32x4.splat(0xfff)), odd)
  const normal = i32x4.shr_u(i32x4.sub(rounded, i32x4.splat(112 << 23)), 13)
  // Beside 0.5 the last bit of a float is worth as much as the smallest half.
  const subnormal = i32x4.sub(f32x4.add(size, f32x4.splat(0.5)), i32x4.splat(0x3f000000))
  const finite = v128.bitselect(subnormal, normal, i32x4.lt_s(size, i32x4.splat(0x38800000)))
  const infinite = v128.bitselect(i32x4.splat(0x7c00), finite, i32x4.ge_s(size, i32x4.splat(0x47800000)))
  const all = v128.bitselect(i32x4.splat(0x7e00), infinite, i32x4.gt_s(size, i32x4.splat(0x7f800000)))
  return v128.or(all, sign)
}
