// The numbers of src/random.ts, bit for bit: the n-th depends on nothing but seed, stream and n. What is done here in 64-bit floats is
// done there in the same order, with +, −, ×, ÷ and the root alone, which all machines round alike.

import { kept, keptDouble } from './inline/kept'

const multiplier: u64 = 0xd256d193
const weyl: u32 = 0x9e3779b9

/** The 64 random bits of a number: the first word in the upper half. */
@inline
function philox(counter: u64, stream: u32, seed: u32): u64 {
  let x = <u32>counter
  let y = stream ^ <u32>(counter >> 32)
  let key = seed
  for (let round = 0; round < 10; round++) {
    const product = multiplier * <u64>x
    x = <u32>(product >> 32) ^ key ^ y
    y = <u32>product
    key += weyl
  }
  return ((<u64>x) << 32) | y
}

@inline
function uniform(bits: u64): f64 {
  // The upper 27 bits of the first word and 26 of the second.
  return <f64>(((bits >> 37) << 26) | ((bits & 0xffffffff) >> 6)) * (1.0 / 9007199254740992.0)
}

// Four numbers at a time. The words of four counters; `first` so far from a multiple of 2³² that the upper word is the same.

@inline
function lowHalves(x: v128, factor: v128): v128 {
  return i64x2.extmul_low_i32x4_u(x, factor)
}

/** The upper words of two products and of two more. */
@inline
function upper(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 1, 3, 5, 7)
}

/** Lanes 0 and 1 of the first words, and of the second, as uniform numbers. */
@inline
function uniform2(high: v128, low: v128, shift: v128, scale: v128): v128 {
  const upper27 = f64x2.convert_low_i32x4_u(high)
  const lower26 = f64x2.convert_low_i32x4_u(low)
  return f64x2.mul(f64x2.add(f64x2.mul(upper27, shift), lower26), scale)
}

/** Where four numbers go: 0 uniform, 1 normal, as 64-bit floats; 2 and 3 as 32-bit floats. */
@inline
function fill(kind: i32, seed: u32, stream: u32, from: f64, count: u32, out: usize): void {
  const size: u32 = kind < 2 ? 3 : 2
  const start = <u64>from
  const factor = kept(<u32>multiplier)
  const step = kept(weyl)
  const shift = keptDouble(67108864.0)
  const scale = keptDouble(1.0 / 9007199254740992.0)
  let index: u32 = 0
  while (index < count) {
    const counter = start + index
    const target = out + ((<usize>index) << size)
    if (count - index < 4 || <u32>counter > 0xfffffffc) {
      const bits = philox(counter, stream, seed)
      if (kind == 0) store<f64>(target, uniform(bits))
      else if (kind == 1) store<f64>(target, normal(uniform(bits)))
      else if (kind == 2) store<f32>(target, <f32>(bits >> 40) * <f32>(1.0 / 16777216.0))
      else store<f32>(target, <f32>normal(uniform(bits)))
      index++
      continue
    }
    let x = i32x4.add(i32x4.splat(<u32>counter), i32x4(0, 1, 2, 3))
    let y = i32x4.splat(stream ^ <u32>(counter >> 32))
    let key = i32x4.splat(seed)
    for (let round = 0; round < 10; round++) {
      const a = lowHalves(x, factor)
      const b = i64x2.extmul_high_i32x4_u(x, factor)
      x = v128.xor(v128.xor(upper(a, b), key), y)
      y = v128.shuffle<i32>(a, b, 0, 2, 4, 6)
      key = i32x4.add(key, step)
    }
    index += 4
    if (kind == 2) {
      // Below 2²⁴, so that the conversion is exact.
      const whole = f32x4.convert_i32x4_s(i32x4.shr_u(x, 8))
      v128.store(target, f32x4.mul(whole, f32x4.splat(1.0 / 16777216.0)))
      continue
    }
    const high = i32x4.shr_u(x, 5)
    const low = i32x4.shr_u(y, 6)
    let first = uniform2(high, low, shift, scale)
    let second = uniform2(v128.shuffle<i64>(high, high, 1, 1), v128.shuffle<i64>(low, low, 1, 1), shift, scale)
    if (kind != 0) {
      first = normal2(first)
      second = normal2(second)
    }
    if (kind == 3) {
      v128.store(
        target,
        v128.shuffle<i64>(f32x4.demote_f64x2_zero(first), f32x4.demote_f64x2_zero(second), 0, 2),
      )
    } else {
      v128.store(target, first)
      v128.store(target, second, 16)
    }
  }
}

/**
 * Uniform numbers in [0, 1).
 *
 * @param from number of the first, a whole number below 2⁵³
 * @param out `count` 64-bit floats
 */
export function fillUniform(seed: u32, stream: u32, from: f64, count: u32, out: usize): void {
  fill(0, seed, stream, from, count, out)
}

/** The same numbers as 32-bit floats: their first 24 bits, so that none is 1. */
export function fillUniformFloats(seed: u32, stream: u32, from: f64, count: u32, out: usize): void {
  fill(2, seed, stream, from, count, out)
}

/** Standard normal numbers. */
export function fillNormal(seed: u32, stream: u32, from: f64, count: u32, out: usize): void {
  fill(1, seed, stream, from, count, out)
}

/** The same numbers, rounded to 32 bits. */
export function fillNormalFloats(seed: u32, stream: u32, from: f64, count: u32, out: usize): void {
  fill(3, seed, stream, from, count, out)
}

@inline
function horner(value: v128, r: v128, coefficient: f64): v128 {
  return f64x2.add(f64x2.mul(value, r), f64x2.splat(coefficient))
}

/** `normal` of two numbers: in four of five cases both lie in the middle, where the operations are the same. */
function normal2(u: v128): v128 {
  const q = f64x2.add(f64x2.sub(u, f64x2.splat(0.5)), f64x2.splat(5.551115123125783e-17))
  if (!i64x2.all_true(f64x2.le(f64x2.abs(q), f64x2.splat(0.425)))) {
    const first = normal(f64x2.extract_lane(u, 0))
    return f64x2.replace_lane(f64x2.splat(first), 1, normal(f64x2.extract_lane(u, 1)))
  }
  const r = f64x2.sub(f64x2.splat(0.180625), f64x2.mul(q, q))
  let over = horner(f64x2.splat(2509.0809287301227), r, 33430.57558358813)
  over = horner(over, r, 67265.7709270087)
  over = horner(over, r, 45921.95393154987)
  over = horner(over, r, 13731.693765509461)
  over = horner(over, r, 1971.5909503065513)
  over = horner(over, r, 133.14166789178438)
  over = horner(over, r, 3.3871328727963665)
  let under = horner(f64x2.splat(5226.495278852854), r, 28729.085735721943)
  under = horner(under, r, 39307.89580009271)
  under = horner(under, r, 21213.794301586597)
  under = horner(under, r, 5394.196021424751)
  under = horner(under, r, 687.1870074920579)
  under = horner(under, r, 42.31333070160091)
  under = horner(under, r, 1)
  return f64x2.div(f64x2.mul(q, over), under)
}

/** The normal distribution's quantile at `u` + 2⁻⁵⁴, by Wichura's algorithm AS 241 (1988). */
@inline
function normal(u: f64): f64 {
  const q = u - 0.5 + 5.551115123125783e-17
  if (abs(q) <= 0.425) {
    const r = 0.180625 - q * q
    const over =
      ((((((2509.0809287301227 * r + 33430.57558358813) * r + 67265.7709270087) * r +
        45921.95393154987) * r + 13731.69376550946) * r + 1971.5909503065513) * r +
        133.14166789178438) * r + 3.3871328727963665
    const under =
      ((((((5226.495278852854 * r + 28729.085735721943) * r + 39307.89580009271) * r +
        21213.794301586597) * r + 5394.196021424751) * r + 687.1870074920579) * r +
        42.31333070160091) * r + 1
    return q * over / under
  }
  const r = sqrt<f64>(-logarithm(0.5 - abs(q)))
  const size = r <= 5 ? middle(r - 1.6) : tail(r - 5)
  return q < 0 ? -size : size
}

@inline
function middle(r: f64): f64 {
  const over =
    ((((((0.0007745450142783414 * r + 0.022723844989269184) * r + 0.2417807251774506) * r +
      1.2704582524523684) * r + 3.6478483247632045) * r + 5.769497221460691) * r +
      4.630337846156546) * r + 1.4234371107496835
  const under =
    ((((((1.0507500716444169e-09 * r + 0.0005475938084995345) * r + 0.015198666563616457) * r +
      0.14810397642748008) * r + 0.6897673349851) * r + 1.6763848301838038) * r +
      2.053191626637759) * r + 1
  return over / under
}

@inline
function tail(r: f64): f64 {
  const over =
    ((((((2.0103343992922881e-07 * r + 2.7115555687434876e-05) * r + 0.0012426609473880784) * r +
      0.026532189526576124) * r + 0.29656057182850487) * r + 1.7848265399172913) * r +
      5.463784911164114) * r + 6.657904643501103
  const under =
    ((((((2.0442631033899397e-15 * r + 1.421511758316446e-07) * r + 1.8463183175100548e-05) * r +
      0.0007868691311456133) * r + 0.014875361290850615) * r + 0.1369298809227358) * r +
      0.599832206555888) * r + 1
  return over / under
}

/** The natural logarithm of a number from 2⁻⁵⁴ to 1: its power of two, and a series of the rest, which lies beside 1. */
@inline
function logarithm(x: f64): f64 {
  let power = 0.0
  while (x < 0.7071067811865476) {
    x *= 2
    power -= 1
  }
  const s = (x - 1) / (x + 1)
  const t = s * s
  let sum = 0.0
  for (let odd = 23.0; odd >= 1; odd -= 2) sum = sum * t + 1 / odd
  return power * 0.6931471805599453 + 2 * s * sum
}
