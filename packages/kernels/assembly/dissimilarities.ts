// All pairwise dissimilarities, a row of blocks at a time, or those of some rows to others. Memory is the caller's: every pointer is
// given.
import { claim } from './inline/work-queue'

/** Rows and columns of a block: its points stay in the first-level cache while its pairs are worked out. */
const block: i32 = 32

@inline
function sum(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  )
}

@inline
function most(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  )
}

// `kind` is a constant where this is inlined: 0 squares, 1 absolute values, 2 greatest absolute value.
@inline
function add(kind: i32, total: v128, a: v128, b: v128): v128 {
  const difference = f32x4.sub(a, b)
  if (kind == 0) return f32x4.add(total, f32x4.mul(difference, difference))
  if (kind == 1) return f32x4.add(total, f32x4.abs(difference))
  return f32x4.pmax(total, f32x4.abs(difference))
}

@inline
function finish(kind: i32, total: v128, scale: f32, root: bool): f32 {
  const value = (kind == 2 ? most(total) : sum(total)) * scale
  return root ? sqrt<f32>(value) : value
}

@inline
function store(out: usize, n: i32, i: i32, j: i32, value: f32): void {
  f32.store(out + (((<usize>i) * n + j) << 2), value)
  f32.store(out + (((<usize>j) * n + i) << 2), value)
}

@inline
function rows(kind: i32, points: usize, stride: i32, n: i32, out: usize, from: i32, scale: f32, root: bool): void {
  const to = min(from + block, n)
  for (let left = 0; left <= from; left += block) {
    for (let i = from; i < to; i++) {
      const a = points + (((<usize>i) * stride) << 2)
      const end = min(left + block, i)
      let j = left
      // Four partners at a time share each load of row i.
      for (; j + 4 <= end; j += 4) {
        const b0 = points + (((<usize>j) * stride) << 2)
        const b1 = b0 + ((<usize>stride) << 2)
        const b2 = b1 + ((<usize>stride) << 2)
        const b3 = b2 + ((<usize>stride) << 2)
        let t0 = f32x4.splat(0)
        let t1 = f32x4.splat(0)
        let t2 = f32x4.splat(0)
        let t3 = f32x4.splat(0)
        for (let at: usize = 0, last = (<usize>stride) << 2; at < last; at += 16) {
          const v = v128.load(a + at)
          t0 = add(kind, t0, v, v128.load(b0 + at))
          t1 = add(kind, t1, v, v128.load(b1 + at))
          t2 = add(kind, t2, v, v128.load(b2 + at))
          t3 = add(kind, t3, v, v128.load(b3 + at))
        }
        store(out, n, i, j, finish(kind, t0, scale, root))
        store(out, n, i, j + 1, finish(kind, t1, scale, root))
        store(out, n, i, j + 2, finish(kind, t2, scale, root))
        store(out, n, i, j + 3, finish(kind, t3, scale, root))
      }
      for (; j < end; j++) {
        const b = points + (((<usize>j) * stride) << 2)
        let total = f32x4.splat(0)
        for (let at: usize = 0, last = (<usize>stride) << 2; at < last; at += 16)
          total = add(kind, total, v128.load(a + at), v128.load(b + at))
        store(out, n, i, j, finish(kind, total, scale, root))
      }
      if (left == from) f32.store(out + (((<usize>i) * n + i) << 2), 0)
    }
  }
}

/**
 * Dissimilarities of rows `from` to `from + 31` with all rows before them, and of those with these.
 *
 * @param points n rows of `stride` floats, `stride` a multiple of 4, filled up with zeros
 * @param out n × n floats
 * @param kind 0 sum of squares, 1 sum of absolute values, 2 greatest absolute value
 * @param scale factor of the sum, before the root
 */
export function blockRow(
  points: usize,
  stride: i32,
  n: i32,
  out: usize,
  from: i32,
  kind: i32,
  scale: f32,
  root: bool,
): void {
  if (kind == 0) rows(0, points, stride, n, out, from, scale, root)
  else if (kind == 1) rows(1, points, stride, n, out, from, scale, root)
  else rows(2, points, stride, n, out, from, scale, root)
}

/** `blockRow` for all blocks, by several threads; the longest first. */
export function allBlockRows(
  points: usize,
  stride: i32,
  n: i32,
  out: usize,
  kind: i32,
  scale: f32,
  root: bool,
  queue: usize,
): void {
  const blocks = <u32>((n + block - 1) / block)
  for (let one = claim(queue, 1, blocks); one < blocks; one = claim(queue, 1, blocks))
    blockRow(points, stride, n, out, <i32>(blocks - 1 - one) * block, kind, scale, root)
}

@inline
function rectangle(
  kind: i32,
  left: usize,
  count: i32,
  right: usize,
  stride: i32,
  from: i32,
  to: i32,
  out: usize,
  outBytes: usize,
  scale: f32,
  root: bool,
): void {
  const bytes = (<usize>stride) << 2
  for (let i = 0; i < count; i++) {
    const a = left + <usize>i * bytes
    const target = out + <usize>i * outBytes
    let j = from
    for (; j + 4 <= to; j += 4) {
      const b0 = right + <usize>j * bytes
      const b1 = b0 + bytes
      const b2 = b1 + bytes
      const b3 = b2 + bytes
      let t0 = f32x4.splat(0)
      let t1 = f32x4.splat(0)
      let t2 = f32x4.splat(0)
      let t3 = f32x4.splat(0)
      for (let at: usize = 0; at < bytes; at += 16) {
        const v = v128.load(a + at)
        t0 = add(kind, t0, v, v128.load(b0 + at))
        t1 = add(kind, t1, v, v128.load(b1 + at))
        t2 = add(kind, t2, v, v128.load(b2 + at))
        t3 = add(kind, t3, v, v128.load(b3 + at))
      }
      const place = target + ((<usize>j) << 2)
      f32.store(place, finish(kind, t0, scale, root))
      f32.store(place, finish(kind, t1, scale, root), 4)
      f32.store(place, finish(kind, t2, scale, root), 8)
      f32.store(place, finish(kind, t3, scale, root), 12)
    }
    for (; j < to; j++) {
      const b = right + <usize>j * bytes
      let total = f32x4.splat(0)
      for (let at: usize = 0; at < bytes; at += 16) total = add(kind, total, v128.load(a + at), v128.load(b + at))
      f32.store(target + ((<usize>j) << 2), finish(kind, total, scale, root))
    }
  }
}

/** Others at a time: they stay in the caches while all rows are compared with them. */
const others: u32 = 512

/**
 * Dissimilarities of `count` rows to `n` others, both of `stride` floats as in `blockRow`, with the same bits as there. Rows of
 * `outBytes` bytes go to `out`. By one thread or several.
 */
export function rowsToRows(
  left: usize,
  count: i32,
  right: usize,
  n: u32,
  stride: i32,
  out: usize,
  outBytes: usize,
  kind: i32,
  scale: f32,
  root: bool,
  queue: usize,
): void {
  for (let from = claim(queue, others, n); from < n; from = claim(queue, others, n)) {
    const to = min(from + others, n)
    if (kind == 0) rectangle(0, left, count, right, stride, from, to, out, outBytes, scale, root)
    else if (kind == 1) rectangle(1, left, count, right, stride, from, to, out, outBytes, scale, root)
    else rectangle(2, left, count, right, stride, from, to, out, outBytes, scale, root)
  }
}
