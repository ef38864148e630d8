// The EM step of Gaussian mixtures, in 64 bits: densities, responsibilities and the sums of the next step, block by block, so that a
// step reads the rows once. Rows are shared out in parts whose sums are kept apart: results do not depend on the threads.
import { claim } from '../../kernels/assembly/inline/work-queue'

/** Rows that are worked on at a time; beside one another, two in a vector. */
const blockRows: u32 = 32
const blockBytes: usize = 256

/** Kinds of covariance. */
const full: u32 = 0
const tied: u32 = 1
const alone: u32 = 2

let points: usize
let stride: usize
let n: u32
let columns: u32
/** n f64, or 0 where all are 1. */
let weights: usize
/** columns f64 that are taken off all rows. */
let origin: usize
/** n i32; read where responsibilities are given by labels, written in the last pass. */
let labels: usize
/** n f64: log-likelihood of each row, or 0 where it is not wanted. */
let rowLikelihoods: usize
/** n × k f64, or 0. */
let allShares: usize

let k: u32
let kind: u32
/** k × columns f64, the origin taken off. */
let means: usize
/** Inverses of the Cholesky factors: k (tied: 1) × even × even f64, lower triangle; else k × columns f64. */
let precisions: usize
/** k f64: ln π + ln|Σ|^-½ − d/2·ln 2π */
let constants: usize
/** Per part: 3 f64 (log-likelihood, entropy, Σ ln γ of the labels), then k × (1 + columns + size) f64. */
let sums: usize
let partRows: u32
/** Numbers of a component's second moments. */
let size: u32

/** This thread's own: three of even × blockRows f64, and k × blockRows f64. */
let x: usize
let dev: usize
let scaled: usize
let logs: usize

export function bindRows(
  points_: usize,
  stride_: usize,
  n_: u32,
  columns_: u32,
  weights_: usize,
  origin_: usize,
  labels_: usize,
  rowLikelihoods_: usize,
  allShares_: usize,
): void {
  points = points_
  stride = stride_
  n = n_
  columns = columns_
  weights = weights_
  origin = origin_
  labels = labels_
  rowLikelihoods = rowLikelihoods_
  allShares = allShares_
}

export function bindMixture(
  k_: u32,
  kind_: u32,
  means_: usize,
  precisions_: usize,
  constants_: usize,
  sums_: usize,
  partRows_: u32,
  scratch: usize,
): void {
  k = k_
  kind = kind_
  means = means_
  precisions = precisions_
  constants = constants_
  sums = sums_
  partRows = partRows_
  size = kind == full ? columns * columns : kind == tied ? 0 : columns
  x = scratch
  dev = x + <usize>even() * blockBytes
  scaled = dev + <usize>even() * blockBytes
  logs = scaled + <usize>even() * blockBytes
}

@inline
function even(): u32 {
  return (columns + 1) & ~1
}
@inline
function madd(a: v128, b: v128, total: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f64x2.relaxed_madd(a, b, total)
  return f64x2.add(total, f64x2.mul(a, b))
}
@inline
function sumDoubles(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1)
}
@inline
function doubleAt(pointer: usize, index: u32): f64 {
  return f64.load(pointer + ((<usize>index) << 3))
}

/** exp of numbers up to 0, good to 1e-15; below −700 it is 0. */
@inline
function exponential(v: v128): v128 {
  const low = f64x2.lt(v, f64x2.splat(-700))
  const value = f64x2.pmax(v, f64x2.splat(-700))
  const power = f64x2.nearest(f64x2.mul(value, f64x2.splat(1.4426950408889634)))
  let r = f64x2.sub(value, f64x2.mul(power, f64x2.splat(0.693147180369123816490)))
  r = f64x2.sub(r, f64x2.mul(power, f64x2.splat(1.90821492927058770002e-10)))
  let p = f64x2.splat(1.6059043836821613e-10)
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(2.08767569878681e-9))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(2.505210838544172e-8))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(2.755731922398589e-7))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(2.7557319223985893e-6))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(2.48015873015873e-5))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(0.0001984126984126984))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(0.001388888888888889))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(0.008333333333333333))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(0.041666666666666664))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(0.16666666666666666))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(0.5))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1))
  const whole = i64x2.extend_low_i32x4_s(i32x4.trunc_sat_f64x2_s_zero(power))
  return v128.andnot(i64x2.add(p, i64x2.shl(whole, 52)), low)
}

/** ln of a number of at least 1. */
function logarithm(value: f64): f64 {
  const bits = reinterpret<u64>(value)
  let power = <f64>(<i64>(bits >> 52) - 1023)
  let rest = reinterpret<f64>((bits & 0xfffffffffffff) | 0x3ff0000000000000)
  if (rest > 1.4142135623730951) {
    rest *= 0.5
    power += 1
  }
  const s = (rest - 1) / (rest + 1)
  const t = s * s
  let sum: f64 = 0
  for (let odd: f64 = 23; odd >= 1; odd -= 2) sum = sum * t + 1 / odd
  return power * 0.6931471805599453 + 2 * s * sum
}

/** Rows from `from` on, as 64-bit floats, column by column; beyond `to` the last one stands in. */
function loadBlock(from: u32, to: u32): void {
  for (let at: u32 = 0; at < blockRows; at++) {
    const source = points + <usize>min(from + at, to - 1) * stride
    let target = x + ((<usize>at) << 3)
    for (let column: u32 = 0; column < columns; column++) {
      f64.store(target, <f64>f32.load(source + ((<usize>column) << 2)) - doubleAt(origin, column))
      target += blockBytes
    }
  }
}

/** Deviations of the block from a mean, into `dev`. */
@inline
function deviate(mean: usize): void {
  for (let column: u32 = 0; column < columns; column++) {
    const value = f64x2.splat(doubleAt(mean, column))
    const source = x + <usize>column * blockBytes
    const target = dev + <usize>column * blockBytes
    for (let at: usize = 0; at < blockBytes; at += 16)
      v128.store(target + at, f64x2.sub(v128.load(source + at), value))
  }
}

/** Squared lengths of L⁻¹·(deviations), into `out`. */
function triangular(factor: usize, out: usize): void {
  const across = (<usize>even()) << 3
  for (let at: usize = 0; at < blockBytes; at += 16) v128.store(out + at, f64x2.splat(0))
  for (let row: u32 = 0; row < columns; row += 2) {
    const first = factor + <usize>row * across
    const last = first + ((<usize>min(row + 2, columns)) << 3)
    for (let at: usize = 0; at < blockBytes; at += 64) {
      let a0 = f64x2.splat(0)
      let a1 = f64x2.splat(0)
      let a2 = f64x2.splat(0)
      let a3 = f64x2.splat(0)
      let b0 = f64x2.splat(0)
      let b1 = f64x2.splat(0)
      let b2 = f64x2.splat(0)
      let b3 = f64x2.splat(0)
      let source = dev + at
      for (let p = first; p < last; p += 8) {
        const v0 = v128.load(source)
        const v1 = v128.load(source, 16)
        const v2 = v128.load(source, 32)
        const v3 = v128.load(source, 48)
        const upper = v128.load64_splat(p)
        a0 = madd(upper, v0, a0)
        a1 = madd(upper, v1, a1)
        a2 = madd(upper, v2, a2)
        a3 = madd(upper, v3, a3)
        const lower = v128.load64_splat(p + across)
        b0 = madd(lower, v0, b0)
        b1 = madd(lower, v1, b1)
        b2 = madd(lower, v2, b2)
        b3 = madd(lower, v3, b3)
        source += blockBytes
      }
      const target = out + at
      v128.store(target, madd(b0, b0, madd(a0, a0, v128.load(target))))
      v128.store(target, madd(b1, b1, madd(a1, a1, v128.load(target, 16))), 16)
      v128.store(target, madd(b2, b2, madd(a2, a2, v128.load(target, 32))), 32)
      v128.store(target, madd(b3, b3, madd(a3, a3, v128.load(target, 48))), 48)
    }
  }
}

function diagonal(factor: usize, out: usize): void {
  for (let at: usize = 0; at < blockBytes; at += 16) {
    let total = f64x2.splat(0)
    for (let column: u32 = 0; column < columns; column++) {
      const value = f64x2.mul(v128.load(dev + <usize>column * blockBytes + at), f64x2.splat(doubleAt(factor, column)))
      total = madd(value, value, total)
    }
    v128.store(out + at, total)
  }
}

/** ln(π·density) of each component, into `logs`. */
function densities(): void {
  for (let one: u32 = 0; one < k; one++) {
    const out = logs + <usize>one * blockBytes
    deviate(means + (((<usize>one) * columns) << 3))
    if (kind == alone) diagonal(precisions + (((<usize>one) * columns) << 3), out)
    else triangular(precisions + (kind == full ? (((<usize>one) * even() * even()) << 3) : 0), out)
    const constant = f64x2.splat(doubleAt(constants, one))
    for (let at: usize = 0; at < blockBytes; at += 16)
      v128.store(out + at, f64x2.sub(constant, f64x2.mul(f64x2.splat(0.5), v128.load(out + at))))
  }
}

/** Makes responsibilities of `logs`, for `count` rows, and adds up what is said of them. */
function share(from: u32, count: u32, final: bool, part: usize): void {
  const bytes = (<usize>k) * blockBytes
  for (let at: usize = 0; at < blockBytes; at += 16) {
    let most = v128.load(logs + at)
    for (let one: usize = blockBytes; one < bytes; one += blockBytes) most = f64x2.pmax(most, v128.load(logs + one + at))
    let total = f64x2.splat(0)
    let mixed = f64x2.splat(0)
    for (let one: usize = 0; one < bytes; one += blockBytes) {
      const difference = f64x2.sub(v128.load(logs + one + at), most)
      const value = exponential(difference)
      total = f64x2.add(total, value)
      if (final) {
        // 0·ln 0 is 0, also where the logarithm is infinite.
        const product = f64x2.mul(value, f64x2.pmax(difference, f64x2.splat(-1e300)))
        mixed = f64x2.add(mixed, product)
        if (from + (<u32>at >> 3) < n) findLabel(from + (<u32>at >> 3), count, <u32>at >> 3, <u32>(one / blockBytes), difference)
      }
      v128.store(logs + one + at, value)
    }
    const inverse = f64x2.div(f64x2.splat(1), total)
    for (let one: usize = 0; one < bytes; one += blockBytes)
      v128.store(logs + one + at, f64x2.mul(v128.load(logs + one + at), inverse))
    const first = <u32>at >> 3
    if (first < count)
      account(from + first, f64x2.extract_lane(most, 0), f64x2.extract_lane(total, 0), f64x2.extract_lane(mixed, 0), part)
    if (first + 1 < count)
      account(
        from + first + 1,
        f64x2.extract_lane(most, 1),
        f64x2.extract_lane(total, 1),
        f64x2.extract_lane(mixed, 1),
        part,
      )
  }
}

/** The first component with the greatest density is the label. */
@inline
function findLabel(row: u32, count: u32, first: u32, one: u32, difference: v128): void {
  if (first < count && f64x2.extract_lane(difference, 0) == 0) setLabel(row, one)
  if (first + 1 < count && f64x2.extract_lane(difference, 1) == 0) setLabel(row + 1, one)
}
@inline
function setLabel(row: u32, one: u32): void {
  const at = labels + ((<usize>row) << 2)
  if (i32.load(at) < 0) i32.store(at, one)
}

@inline
function account(row: u32, most: f64, total: f64, mixed: f64, part: usize): void {
  const weight = weights == 0 ? 1 : doubleAt(weights, row)
  const log = logarithm(total)
  const likelihood = most + log
  f64.store(part, f64.load(part) + weight * likelihood)
  f64.store(part, f64.load(part, 8) + weight * (log - mixed / total), 8)
  f64.store(part, f64.load(part, 16) - weight * log, 16)
  if (rowLikelihoods) f64.store(rowLikelihoods + ((<usize>row) << 3), likelihood)
}

/** Adds the block's moments about the means to the sums: weights, first and second moments of each component. */
function addMoments(part: usize): void {
  const each = ((<usize>(1 + columns + size)) << 3)
  let target = part + 24
  for (let one: u32 = 0; one < k; one++, target += each) {
    const shares = logs + <usize>one * blockBytes
    let total = f64x2.splat(0)
    for (let at: usize = 0; at < blockBytes; at += 16) total = f64x2.add(total, v128.load(shares + at))
    const count = sumDoubles(total)
    if (count == 0) continue
    f64.store(target, f64.load(target) + count)
    deviate(means + (((<usize>one) * columns) << 3))
    for (let column: u32 = 0; column < columns; column++) {
      const source = dev + <usize>column * blockBytes
      const out = scaled + <usize>column * blockBytes
      let first = f64x2.splat(0)
      let second = f64x2.splat(0)
      for (let at: usize = 0; at < blockBytes; at += 16) {
        const value = v128.load(source + at)
        const product = f64x2.mul(value, v128.load(shares + at))
        v128.store(out + at, product)
        first = f64x2.add(first, product)
        if (kind == alone) second = madd(product, value, second)
      }
      const sum = target + ((<usize>(1 + column)) << 3)
      f64.store(sum, f64.load(sum) + sumDoubles(first))
      if (kind == alone) {
        const square = sum + ((<usize>columns) << 3)
        f64.store(square, f64.load(square) + sumDoubles(second))
      }
    }
    if (kind == full) addProducts(target + ((<usize>(1 + columns)) << 3))
  }
}

/** The lower triangle of Σ γ·dev·devᵀ (some of the upper one comes along). */
function addProducts(target: usize): void {
  const across = (<usize>columns) << 3
  for (let row: u32 = 0; row < columns; row += 2) {
    const a = scaled + <usize>row * blockBytes
    const end = min(row + 2, columns)
    for (let column: u32 = 0; column < end; column += 4) {
      const b = dev + <usize>column * blockBytes
      const one = min(column + 1, columns - 1) - column
      const two = min(column + 2, columns - 1) - column
      const three = min(column + 3, columns - 1) - column
      const below = row + 1 < columns ? blockBytes : 0
      let c00 = f64x2.splat(0)
      let c01 = f64x2.splat(0)
      let c02 = f64x2.splat(0)
      let c03 = f64x2.splat(0)
      let c10 = f64x2.splat(0)
      let c11 = f64x2.splat(0)
      let c12 = f64x2.splat(0)
      let c13 = f64x2.splat(0)
      const b1 = b + <usize>one * blockBytes
      const b2 = b + <usize>two * blockBytes
      const b3 = b + <usize>three * blockBytes
      const a1 = a + below
      for (let at: usize = 0; at < blockBytes; at += 16) {
        const first = v128.load(a + at)
        const second = v128.load(a1 + at)
        const v0 = v128.load(b + at)
        c00 = madd(first, v0, c00)
        c10 = madd(second, v0, c10)
        const v1 = v128.load(b1 + at)
        c01 = madd(first, v1, c01)
        c11 = madd(second, v1, c11)
        const v2 = v128.load(b2 + at)
        c02 = madd(first, v2, c02)
        c12 = madd(second, v2, c12)
        const v3 = v128.load(b3 + at)
        c03 = madd(first, v3, c03)
        c13 = madd(second, v3, c13)
      }
      const out = target + <usize>row * across + ((<usize>column) << 3)
      const wide = min<u32>(4, columns - column)
      add(out, c00, c01, c02, c03, wide)
      if (below) add(out + across, c10, c11, c12, c13, wide)
    }
  }
}

@inline
function add(out: usize, a: v128, b: v128, c: v128, d: v128, wide: u32): void {
  f64.store(out, f64.load(out) + sumDoubles(a))
  if (wide > 1) f64.store(out, f64.load(out, 8) + sumDoubles(b), 8)
  if (wide > 2) f64.store(out, f64.load(out, 16) + sumDoubles(c), 16)
  if (wide > 3) f64.store(out, f64.load(out, 24) + sumDoubles(d), 24)
}

/** Responsibilities of 0 and 1, by labels. */
function shareByLabels(from: u32, count: u32): void {
  memory.fill(logs, 0, (<usize>k) * blockBytes)
  for (let at: u32 = 0; at < count; at++) {
    const label = i32.load(labels + ((<usize>(from + at)) << 2))
    if (label >= 0) f64.store(logs + <usize>label * blockBytes + ((<usize>at) << 3), 1)
  }
}

/** What is beyond the last row counts nothing, the rest as much as its weight. */
function weigh(from: u32, count: u32): void {
  for (let one: u32 = 0; one < k; one++) {
    const shares = logs + <usize>one * blockBytes
    if (weights)
      for (let at: u32 = 0; at < count; at++) {
        const target = shares + ((<usize>at) << 3)
        f64.store(target, f64.load(target) * doubleAt(weights, from + at))
      }
    for (let at = count; at < blockRows; at++) f64.store(shares + ((<usize>at) << 3), 0)
  }
}

/** Parts `from` to `to − 1`. @param mode 0 a step of EM, 1 sums by labels, 2 the last pass: labels and what is said of them */
export function workParts(from: u32, to: u32, mode: u32): void {
  const bytes = ((<usize>3 + <usize>k * (1 + columns + size)) << 3)
  for (let part = from; part < to; part++) {
    const target = sums + <usize>part * bytes
    memory.fill(target, 0, bytes)
    const end = min(n, (part + 1) * partRows)
    for (let row = part * partRows; row < end; row += blockRows) {
      const count = min(blockRows, end - row)
      loadBlock(row, end)
      if (mode == 1) shareByLabels(row, count)
      else {
        densities()
        share(row, count, mode == 2, target)
      }
      if (mode == 2) {
        if (allShares) copyShares(row, count)
        continue
      }
      weigh(row, count)
      addMoments(target)
    }
  }
}

function copyShares(from: u32, count: u32): void {
  for (let at: u32 = 0; at < count; at++) {
    const target = allShares + (((<usize>(from + at)) * k) << 3)
    for (let one: u32 = 0; one < k; one++)
      f64.store(target + ((<usize>one) << 3), f64.load(logs + <usize>one * blockBytes + ((<usize>at) << 3)))
  }
}

export function workAll(mode: u32, parts: u32, queue: usize): void {
  for (let at = claim(queue, 1, parts); at < parts; at = claim(queue, 1, parts)) workParts(at, at + 1, mode)
}
