// Sums over rows and columns of a matrix of floats, in 64-bit arithmetic. Rows are `bytes` long, padded with zeros to 16.

@inline
function squares(row: usize, bytes: usize): f64 {
  let t0 = f64x2.splat(0)
  let t1 = f64x2.splat(0)
  for (let at: usize = 0; at < bytes; at += 16) {
    const v = v128.load(row + at)
    const low = f64x2.promote_low_f32x4(v)
    const high = f64x2.promote_low_f32x4(v128.shuffle<i64>(v, v, 1, 1))
    t0 = f64x2.add(t0, f64x2.mul(low, low))
    t1 = f64x2.add(t1, f64x2.mul(high, high))
  }
  const sum = f64x2.add(t0, t1)
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1)
}

/** Lengths of rows `from` to `to` − 1, as floats. @param squared their squares instead */
export function rowLengths(base: usize, bytes: usize, from: u32, to: u32, squared: bool, out: usize): void {
  for (let row = from; row < to; row++) {
    const sum = squares(base + <usize>row * bytes, bytes)
    f32.store(out + ((<usize>row) << 2), <f32>(squared ? sum : sqrt<f64>(sum)))
  }
}

/** Brings rows to length 1, in place. Gives back the first row of zeros, or `to` where there is none; such rows stay. */
export function normaliseRows(base: usize, bytes: usize, from: u32, to: u32): u32 {
  let zeros = to
  for (let row = from; row < to; row++) {
    const pointer = base + <usize>row * bytes
    const sum = squares(pointer, bytes)
    if (sum == 0) {
      zeros = min(zeros, row)
      continue
    }
    const factor = f64x2.splat(1 / sqrt<f64>(sum))
    for (let at: usize = 0; at < bytes; at += 16) {
      const v = v128.load(pointer + at)
      const low = f32x4.demote_f64x2_zero(f64x2.mul(f64x2.promote_low_f32x4(v), factor))
      const high = f32x4.demote_f64x2_zero(f64x2.mul(f64x2.promote_low_f32x4(v128.shuffle<i64>(v, v, 1, 1)), factor))
      v128.store(pointer + at, v128.shuffle<i64>(low, high, 0, 2))
    }
  }
  return zeros
}

@inline
function addTo(target: usize, low: v128, high: v128): void {
  v128.store(target, f64x2.add(v128.load(target), low))
  v128.store(target, f64x2.add(v128.load(target, 16), high), 16)
}

/** Adds rows `from` to `to` − 1 to `sums`, a 64-bit float for each column, padded to 32 bytes. */
export function addColumns(base: usize, bytes: usize, from: u32, to: u32, sums: usize): void {
  for (let row = from; row < to; row++) {
    const pointer = base + <usize>row * bytes
    for (let at: usize = 0; at < bytes; at += 16) {
      const v = v128.load(pointer + at)
      addTo(sums + (at << 1), f64x2.promote_low_f32x4(v), f64x2.promote_low_f32x4(v128.shuffle<i64>(v, v, 1, 1)))
    }
  }
}

/** Adds the squared differences of rows from `means` to `sums`, both as in `addColumns`. */
export function addDeviations(base: usize, bytes: usize, from: u32, to: u32, means: usize, sums: usize): void {
  for (let row = from; row < to; row++) {
    const pointer = base + <usize>row * bytes
    for (let at: usize = 0; at < bytes; at += 16) {
      const v = v128.load(pointer + at)
      const mean = means + (at << 1)
      const low = f64x2.sub(f64x2.promote_low_f32x4(v), v128.load(mean))
      const high = f64x2.sub(f64x2.promote_low_f32x4(v128.shuffle<i64>(v, v, 1, 1)), v128.load(mean, 16))
      addTo(sums + (at << 1), f64x2.mul(low, low), f64x2.mul(high, high))
    }
  }
}
