// Rows of bits, padded with zeros to 16 bytes.
import { sumInts4 } from './distance'

/** So many counts of up to 8 add up within a byte. */
const mostSteps: usize = 31 * 16

@inline
function widen(counts: v128): v128 {
  return i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(counts))
}

@inline
function differing(a: v128, b: v128): v128 {
  return i8x16.popcnt(v128.xor(a, b))
}

/** Bits in which a row differs from four others, as four whole numbers. */
@inline
export function differingBits4(query: usize, a: usize, b: usize, c: usize, d: usize, bytes: usize): v128 {
  let ta = i32x4.splat(0)
  let tb = i32x4.splat(0)
  let tc = i32x4.splat(0)
  let td = i32x4.splat(0)
  for (let at: usize = 0; at < bytes; ) {
    const end = min(bytes, at + mostSteps)
    let na = i8x16.splat(0)
    let nb = i8x16.splat(0)
    let nc = i8x16.splat(0)
    let nd = i8x16.splat(0)
    for (; at < end; at += 16) {
      const q = v128.load(query + at)
      na = i8x16.add(na, differing(q, v128.load(a + at)))
      nb = i8x16.add(nb, differing(q, v128.load(b + at)))
      nc = i8x16.add(nc, differing(q, v128.load(c + at)))
      nd = i8x16.add(nd, differing(q, v128.load(d + at)))
    }
    ta = i32x4.add(ta, widen(na))
    tb = i32x4.add(tb, widen(nb))
    tc = i32x4.add(tc, widen(nc))
    td = i32x4.add(td, widen(nd))
  }
  return sumInts4(ta, tb, tc, td)
}
