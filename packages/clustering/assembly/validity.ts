// All distances from rows to the rows of each cluster, in O(n) memory: the rows lie in panels of eight of one cluster each, and what is
// asked of the distances is kept while they pass. Differences are squared one by one, so near rows lose no digits.
import { multiplyAdd } from '../../kernels/assembly/inline/distance'
import { claim } from '../../kernels/assembly/inline/work-queue'

/** Panels whose distances are added as floats before the sum goes on in 64 bits. */
const panelsAtOnce: u32 = 8

/** Rows, `stride` bytes each. */
let points: usize
let stride: usize
let columns: u32
/** Panels: column by column eight floats, then eight factors, 0 where the last row of a cluster stands in for none. */
let panels: usize
let panelBytes: usize
/** clusters + 1 u32: the first panel of each. */
let begins: usize
let clusters: u32
/** Per row i32. */
let labels: usize
/** clusters f64 */
let sizes: usize
/** 0 distance, 1 its square, 2 half of that, 3 Manhattan, 4 Chebyshev. */
let metric: u32

export function bind(
  points_: usize,
  stride_: usize,
  columns_: u32,
  panels_: usize,
  begins_: usize,
  clusters_: u32,
  labels_: usize,
  sizes_: usize,
  metric_: u32,
): void {
  points = points_
  stride = stride_
  columns = columns_
  panels = panels_
  panelBytes = (<usize>(columns_ + 1)) << 5
  begins = begins_
  clusters = clusters_
  labels = labels_
  sizes = sizes_
  metric = metric_
}


/** Distances of four rows to the eight of a panel, into `out`: 4 × 8 floats. */
@inline
function panelDistances(a: usize, b: usize, c: usize, d: usize, panel: usize, out: usize): void {
  let c00 = f32x4.splat(0)
  let c01 = f32x4.splat(0)
  let c10 = f32x4.splat(0)
  let c11 = f32x4.splat(0)
  let c20 = f32x4.splat(0)
  let c21 = f32x4.splat(0)
  let c30 = f32x4.splat(0)
  let c31 = f32x4.splat(0)
  const end = panel + panelBytes - 32
  if (metric == 3)
    for (; panel < end; panel += 32) {
      const left = v128.load(panel)
      const right = v128.load(panel, 16)
      const a0 = v128.load32_splat(a)
      c00 = f32x4.add(c00, f32x4.abs(f32x4.sub(a0, left)))
      c01 = f32x4.add(c01, f32x4.abs(f32x4.sub(a0, right)))
      const a1 = v128.load32_splat(b)
      c10 = f32x4.add(c10, f32x4.abs(f32x4.sub(a1, left)))
      c11 = f32x4.add(c11, f32x4.abs(f32x4.sub(a1, right)))
      const a2 = v128.load32_splat(c)
      c20 = f32x4.add(c20, f32x4.abs(f32x4.sub(a2, left)))
      c21 = f32x4.add(c21, f32x4.abs(f32x4.sub(a2, right)))
      const a3 = v128.load32_splat(d)
      c30 = f32x4.add(c30, f32x4.abs(f32x4.sub(a3, left)))
      c31 = f32x4.add(c31, f32x4.abs(f32x4.sub(a3, right)))
      a += 4
      b += 4
      c += 4
      d += 4
    }
  else if (metric == 4)
    for (; panel < end; panel += 32) {
      const left = v128.load(panel)
      const right = v128.load(panel, 16)
      const a0 = v128.load32_splat(a)
      c00 = f32x4.pmax(c00, f32x4.abs(f32x4.sub(a0, left)))
      c01 = f32x4.pmax(c01, f32x4.abs(f32x4.sub(a0, right)))
      const a1 = v128.load32_splat(b)
      c10 = f32x4.pmax(c10, f32x4.abs(f32x4.sub(a1, left)))
      c11 = f32x4.pmax(c11, f32x4.abs(f32x4.sub(a1, right)))
      const a2 = v128.load32_splat(c)
      c20 = f32x4.pmax(c20, f32x4.abs(f32x4.sub(a2, left)))
      c21 = f32x4.pmax(c21, f32x4.abs(f32x4.sub(a2, right)))
      const a3 = v128.load32_splat(d)
      c30 = f32x4.pmax(c30, f32x4.abs(f32x4.sub(a3, left)))
      c31 = f32x4.pmax(c31, f32x4.abs(f32x4.sub(a3, right)))
      a += 4
      b += 4
      c += 4
      d += 4
    }
  else
    for (; panel < end; panel += 32) {
      const left = v128.load(panel)
      const right = v128.load(panel, 16)
      const a0 = v128.load32_splat(a)
      const d00 = f32x4.sub(a0, left)
      c00 = multiplyAdd(d00, d00, c00)
      const d01 = f32x4.sub(a0, right)
      c01 = multiplyAdd(d01, d01, c01)
      const a1 = v128.load32_splat(b)
      const d10 = f32x4.sub(a1, left)
      c10 = multiplyAdd(d10, d10, c10)
      const d11 = f32x4.sub(a1, right)
      c11 = multiplyAdd(d11, d11, c11)
      const a2 = v128.load32_splat(c)
      const d20 = f32x4.sub(a2, left)
      c20 = multiplyAdd(d20, d20, c20)
      const d21 = f32x4.sub(a2, right)
      c21 = multiplyAdd(d21, d21, c21)
      const a3 = v128.load32_splat(d)
      const d30 = f32x4.sub(a3, left)
      c30 = multiplyAdd(d30, d30, c30)
      const d31 = f32x4.sub(a3, right)
      c31 = multiplyAdd(d31, d31, c31)
      a += 4
      b += 4
      c += 4
      d += 4
    }
  v128.store(out, measure(c00))
  v128.store(out, measure(c01), 16)
  v128.store(out, measure(c10), 32)
  v128.store(out, measure(c11), 48)
  v128.store(out, measure(c20), 64)
  v128.store(out, measure(c21), 80)
  v128.store(out, measure(c30), 96)
  v128.store(out, measure(c31), 112)
}

@inline
function measure(value: v128): v128 {
  if (metric == 0) return f32x4.sqrt(value)
  if (metric == 2) return f32x4.mul(value, f32x4.splat(0.5))
  return value
}

@inline
function rowOf(ids: usize, at: u32, end: u32): u32 {
  return load<u32>(ids + ((<usize>min(at, end - 1)) << 2))
}

/**
 * Of each row `ids[from … to − 1]`, the mean distances within its cluster and to the nearest other one: two f64 each. The former is −1
 * for a row alone in its cluster.
 *
 * @param scratch 128 bytes and 4 × clusters f64 of this thread
 */
export function means(ids: usize, from: u32, to: u32, out: usize, scratch: usize): void {
  const sums = scratch + 128
  for (let at = from; at < to; at += 4) {
    const a = points + <usize>rowOf(ids, at, to) * stride
    const b = points + <usize>rowOf(ids, at + 1, to) * stride
    const c = points + <usize>rowOf(ids, at + 2, to) * stride
    const d = points + <usize>rowOf(ids, at + 3, to) * stride
    for (let cluster: u32 = 0; cluster < clusters; cluster++) {
      const end = load<u32>(begins + ((<usize>(cluster + 1)) << 2))
      let r0: f64 = 0
      let r1: f64 = 0
      let r2: f64 = 0
      let r3: f64 = 0
      for (let panel = load<u32>(begins + ((<usize>cluster) << 2)); panel < end; ) {
        let s0 = f32x4.splat(0)
        let s1 = f32x4.splat(0)
        let s2 = f32x4.splat(0)
        let s3 = f32x4.splat(0)
        for (const last = min(end, panel + panelsAtOnce); panel < last; panel++) {
          const base = panels + <usize>panel * panelBytes
          panelDistances(a, b, c, d, base, scratch)
          const left = v128.load(base + panelBytes - 32)
          const right = v128.load(base + panelBytes - 16)
          s0 = f32x4.add(s0, f32x4.add(f32x4.mul(left, v128.load(scratch)), f32x4.mul(right, v128.load(scratch, 16))))
          s1 = f32x4.add(s1, f32x4.add(f32x4.mul(left, v128.load(scratch, 32)), f32x4.mul(right, v128.load(scratch, 48))))
          s2 = f32x4.add(s2, f32x4.add(f32x4.mul(left, v128.load(scratch, 64)), f32x4.mul(right, v128.load(scratch, 80))))
          s3 = f32x4.add(
            s3,
            f32x4.add(f32x4.mul(left, v128.load(scratch, 96)), f32x4.mul(right, v128.load(scratch, 112))),
          )
        }
        r0 += sumLanes(s0)
        r1 += sumLanes(s1)
        r2 += sumLanes(s2)
        r3 += sumLanes(s3)
      }
      const target = sums + ((<usize>cluster) << 5)
      f64.store(target, r0)
      f64.store(target, r1, 8)
      f64.store(target, r2, 16)
      f64.store(target, r3, 24)
    }
    for (let one: u32 = 0; one < min<u32>(4, to - at); one++) {
      const own = load<u32>(labels + ((<usize>rowOf(ids, at + one, to)) << 2))
      let within: f64 = -1
      let nearest: f64 = Infinity
      for (let cluster: u32 = 0; cluster < clusters; cluster++) {
        const size = f64.load(sizes + ((<usize>cluster) << 3))
        const sum = f64.load(sums + ((<usize>cluster) << 5) + ((<usize>one) << 3))
        if (cluster == own) {
          if (size > 1) within = sum / (size - 1)
        } else if (size > 0) nearest = min(nearest, sum / size)
      }
      f64.store(out + ((<usize>(at + one)) << 4), within)
      f64.store(out + ((<usize>(at + one)) << 4), nearest, 8)
    }
  }
}

@inline
function sumLanes(v: v128): f64 {
  return (
    <f64>f32x4.extract_lane(v, 0) +
    <f64>f32x4.extract_lane(v, 1) +
    (<f64>f32x4.extract_lane(v, 2) + <f64>f32x4.extract_lane(v, 3))
  )
}

/** Of each row, the greatest distance within its cluster and the least to another one. @param out, scratch as for `means` */
export function extremes(ids: usize, from: u32, to: u32, out: usize, scratch: usize): void {
  for (let at = from; at < to; at += 4) {
    const a = points + <usize>rowOf(ids, at, to) * stride
    const b = points + <usize>rowOf(ids, at + 1, to) * stride
    const c = points + <usize>rowOf(ids, at + 2, to) * stride
    const d = points + <usize>rowOf(ids, at + 3, to) * stride
    for (let one: u32 = 0; one < min<u32>(4, to - at); one++) {
      f64.store(out + ((<usize>(at + one)) << 4), 0)
      f64.store(out + ((<usize>(at + one)) << 4), Infinity, 8)
    }
    for (let cluster: u32 = 0; cluster < clusters; cluster++) {
      const end = load<u32>(begins + ((<usize>(cluster + 1)) << 2))
      for (let panel = load<u32>(begins + ((<usize>cluster) << 2)); panel < end; panel++) {
        panelDistances(a, b, c, d, panels + <usize>panel * panelBytes, scratch)
        for (let one: u32 = 0; one < min<u32>(4, to - at); one++) {
          const own = load<u32>(labels + ((<usize>rowOf(ids, at + one, to)) << 2)) == cluster
          const target = out + ((<usize>(at + one)) << 4)
          const v = v128.load(scratch + ((<usize>one) << 5))
          const w = v128.load(scratch + ((<usize>one) << 5), 16)
          const kept = own ? f32x4.pmax(v, w) : f32x4.pmin(v, w)
          const x = f32x4.extract_lane(kept, 0)
          const y = f32x4.extract_lane(kept, 1)
          const z = f32x4.extract_lane(kept, 2)
          const u = f32x4.extract_lane(kept, 3)
          if (own) f64.store(target, max(f64.load(target), <f64>max(max(x, y), max(z, u))))
          else f64.store(target, min(f64.load(target, 8), <f64>min(min(x, y), min(z, u))), 8)
        }
      }
    }
  }
}

/** `means` or `extremes` of `count` rows, `chunk` at a time, until the queue is empty. */
export function workAll(which: u32, ids: usize, count: u32, chunk: u32, out: usize, scratch: usize, queue: usize): void {
  const chunks = (count + chunk - 1) / chunk
  for (let at = claim(queue, 1, chunks); at < chunks; at = claim(queue, 1, chunks)) {
    const from = at * chunk
    const to = min(count, from + chunk)
    if (which == 0) means(ids, from, to, out, scratch)
    else extremes(ids, from, to, out, scratch)
  }
}
