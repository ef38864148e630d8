// Distances that other kernels inline: rows of 32-bit floats (padded with zeros to 4) and rows of 7-bit codes (0 to 127, a byte
// each, padded with zeros to 16). Relaxed SIMD where the module is compiled with it: the same whole numbers for codes, the last
// bits of floats can differ (fused multiply-add rounds once).

@inline
export function sumFloats(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
}

@inline
export function multiplyAdd(a: v128, b: v128, total: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, total)
  return f32x4.add(total, f32x4.mul(a, b))
}

@inline
export function addSquare(total: v128, a: v128, b: v128): v128 {
  const difference = f32x4.sub(a, b)
  return multiplyAdd(difference, difference, total)
}

@inline
function addCodeSquare(total: v128, a: v128, b: v128): v128 {
  // Differences of codes are within ±127, so their absolute values have the 7 bits that the relaxed dot product asks for.
  const difference = i8x16.abs(i8x16.sub(a, b))
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_dot_i8x16_i7x16_add_s(difference, difference, total)
  const low = i16x8.extmul_low_i8x16_s(difference, difference)
  const high = i16x8.extmul_high_i8x16_s(difference, difference)
  return i32x4.add(
    total,
    i32x4.add(i32x4.extadd_pairwise_i16x8_s(low), i32x4.extadd_pairwise_i16x8_s(high)),
  )
}

/** Four vectors' sums of lanes as one vector of floats. */
@inline
export function sumFloats4(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<i32>(a, b, 0, 4, 2, 6), v128.shuffle<i32>(a, b, 1, 5, 3, 7))
  const cd = f32x4.add(v128.shuffle<i32>(c, d, 0, 4, 2, 6), v128.shuffle<i32>(c, d, 1, 5, 3, 7))
  return f32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7))
}

@inline
export function sumInts4(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 2, 6), v128.shuffle<i32>(a, b, 1, 5, 3, 7))
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 2, 6), v128.shuffle<i32>(c, d, 1, 5, 3, 7))
  return i32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7))
}

@inline
export function squaredDistance(a: usize, b: usize, bytes: usize): f32 {
  let total = f32x4.splat(0)
  for (let at: usize = 0; at < bytes; at += 16) total = addSquare(total, v128.load(a + at), v128.load(b + at))
  return sumFloats(total)
}

@inline
export function innerProduct(a: usize, b: usize, bytes: usize): f32 {
  let total = f32x4.splat(0)
  for (let at: usize = 0; at < bytes; at += 16) total = multiplyAdd(v128.load(a + at), v128.load(b + at), total)
  return sumFloats(total)
}

@inline
export function codeDistance(a: usize, b: usize, bytes: usize): i32 {
  let total = i32x4.splat(0)
  for (let at: usize = 0; at < bytes; at += 16) total = addCodeSquare(total, v128.load(a + at), v128.load(b + at))
  return (
    i32x4.extract_lane(total, 0) +
    i32x4.extract_lane(total, 1) +
    (i32x4.extract_lane(total, 2) + i32x4.extract_lane(total, 3))
  )
}

// Four rows at a time share the loads of `query`, and their own loads from memory overlap.

@inline
export function squaredDistance4(query: usize, a: usize, b: usize, c: usize, d: usize, bytes: usize): v128 {
  let ta = f32x4.splat(0)
  let tb = f32x4.splat(0)
  let tc = f32x4.splat(0)
  let td = f32x4.splat(0)
  for (let at: usize = 0; at < bytes; at += 16) {
    const q = v128.load(query + at)
    ta = addSquare(ta, q, v128.load(a + at))
    tb = addSquare(tb, q, v128.load(b + at))
    tc = addSquare(tc, q, v128.load(c + at))
    td = addSquare(td, q, v128.load(d + at))
  }
  return sumFloats4(ta, tb, tc, td)
}

@inline
export function innerProduct4(query: usize, a: usize, b: usize, c: usize, d: usize, bytes: usize): v128 {
  let ta = f32x4.splat(0)
  let tb = f32x4.splat(0)
  let tc = f32x4.splat(0)
  let td = f32x4.splat(0)
  for (let at: usize = 0; at < bytes; at += 16) {
    const q = v128.load(query + at)
    ta = multiplyAdd(q, v128.load(a + at), ta)
    tb = multiplyAdd(q, v128.load(b + at), tb)
    tc = multiplyAdd(q, v128.load(c + at), tc)
    td = multiplyAdd(q, v128.load(d + at), td)
  }
  return sumFloats4(ta, tb, tc, td)
}

@inline
export function codeDistance4(query: usize, a: usize, b: usize, c: usize, d: usize, bytes: usize): v128 {
  let ta = i32x4.splat(0)
  let tb = i32x4.splat(0)
  let tc = i32x4.splat(0)
  let td = i32x4.splat(0)
  for (let at: usize = 0; at < bytes; at += 16) {
    const q = v128.load(query + at)
    ta = addCodeSquare(ta, q, v128.load(a + at))
    tb = addCodeSquare(tb, q, v128.load(b + at))
    tc = addCodeSquare(tc, q, v128.load(c + at))
    td = addCodeSquare(td, q, v128.load(d + at))
  }
  return sumInts4(ta, tb, tc, td)
}
