// What the machine can do at best, for bench/kernels.ts. No part of the package.
import { kept } from '../inline/kept'

/** a ← b + factor · c, `bytes` of each. */
export function triad(a: usize, b: usize, c: usize, bytes: usize, factor: f32): void {
  const factors = f32x4.splat(factor)
  for (let at: usize = 0; at < bytes; at += 64) {
    v128.store(a + at, f32x4.relaxed_madd(factors, v128.load(c + at), v128.load(b + at)))
    v128.store(a + at, f32x4.relaxed_madd(factors, v128.load(c + at, 16), v128.load(b + at, 16)), 16)
    v128.store(a + at, f32x4.relaxed_madd(factors, v128.load(c + at, 32), v128.load(b + at, 32)), 32)
    v128.store(a + at, f32x4.relaxed_madd(factors, v128.load(c + at, 48), v128.load(b + at, 48)), 48)
  }
}

/** Reads `bytes` and does next to nothing with them. */
export function read(a: usize, bytes: usize): i32 {
  let t0 = i32x4.splat(0)
  let t1 = i32x4.splat(0)
  let t2 = i32x4.splat(0)
  let t3 = i32x4.splat(0)
  for (let at: usize = 0; at < bytes; at += 64) {
    t0 = v128.xor(t0, v128.load(a + at))
    t1 = v128.xor(t1, v128.load(a + at, 16))
    t2 = v128.xor(t2, v128.load(a + at, 32))
    t3 = v128.xor(t3, v128.load(a + at, 48))
  }
  return i32x4.extract_lane(v128.xor(v128.xor(t0, t1), v128.xor(t2, t3)), 0)
}

/** `rounds` × 12 multiply-adds of four floats, in registers; all begin apart, or the compiler makes one of them. */
export function multiplyAdds(rounds: u32): f32 {
  const x = kept(reinterpret<u32>(<f32>0.999))
  const y = kept(reinterpret<u32>(<f32>0.001))
  let a = f32x4.splat(1)
  let b = f32x4.splat(2)
  let c = f32x4.splat(3)
  let d = f32x4.splat(4)
  let e = f32x4.splat(5)
  let f = f32x4.splat(6)
  let g = f32x4.splat(7)
  let h = f32x4.splat(8)
  let i = f32x4.splat(9)
  let j = f32x4.splat(10)
  let k = f32x4.splat(11)
  let l = f32x4.splat(12)
  for (let round: u32 = 0; round < rounds; round++) {
    a = f32x4.relaxed_madd(a, x, y)
    b = f32x4.relaxed_madd(b, x, y)
    c = f32x4.relaxed_madd(c, x, y)
    d = f32x4.relaxed_madd(d, x, y)
    e = f32x4.relaxed_madd(e, x, y)
    f = f32x4.relaxed_madd(f, x, y)
    g = f32x4.relaxed_madd(g, x, y)
    h = f32x4.relaxed_madd(h, x, y)
    i = f32x4.relaxed_madd(i, x, y)
    j = f32x4.relaxed_madd(j, x, y)
    k = f32x4.relaxed_madd(k, x, y)
    l = f32x4.relaxed_madd(l, x, y)
  }
  const all = f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(f32x4.add(e, f), f32x4.add(g, h)))
  return f32x4.extract_lane(f32x4.add(f32x4.add(all, f32x4.add(i, j)), f32x4.add(k, l)), 0)
}
