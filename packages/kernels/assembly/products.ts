// Products of matrices of floats, C = A·Bᵀ or A·B, and all distances of rows to rows by way of them. C is cut into tiles, which
// threads take from a queue. Within a tile, parts of A and B that fit the caches are copied into panels: four rows of A, eight
// columns of Bᵀ, their numbers side by side in the order in which they are used.
import { multiplyAdd, sumFloats } from './inline/distance'
import { claim } from './inline/work-queue'

const panelRows: u32 = 4
const panelColumns: u32 = 8
/** Terms of a sum at a time: a panel of eight columns then takes 8 KB, a quarter of the smallest first-level cache. */
const mostDepth: u32 = 256
/** Rows of A at a time: 128 KB. */
const mostRows: u32 = 128
/** Below this share of ‖x‖² + ‖y‖² a squared distance is worked out directly, as the product has lost its digits. */
const leastShare: f32 = 1e-3

let tileRows: u32 = 0
let tileColumns: u32 = 0
let kind: u32 = 0
let aSquares: usize = 0
let bSquares: usize = 0

/** @param rows, columns of a tile: multiples of 4 and 8 */
export function bindTiles(rows: u32, columns: u32): void {
  tileRows = rows
  tileColumns = columns
}

/**
 * What becomes of each product x·y of rows.
 *
 * @param how 0 nothing, 1 squared distance, 2 distance, 3 cosine distance
 * @param a squared lengths of A's rows (1 to 3)
 * @param b those of B's rows
 */
export function bindDistance(how: u32, a: usize, b: usize): void {
  kind = how
  aSquares = a
  bSquares = b
}

/** Bytes that `multiply` needs for each thread. */
export function scratchBytes(): usize {
  return ((<usize>mostRows + tileColumns) * mostDepth + panelRows * panelColumns) << 2
}

/** Takes four rows (of which those beyond `rows` repeat the last) apart: out holds them column by column, `out + step` the next. */
@inline
function interleave(from: usize, stride: usize, rows: u32, depth: u32, out: usize, step: usize): void {
  const r0 = from
  const r1 = from + <usize>min<u32>(1, rows - 1) * stride
  const r2 = from + <usize>min<u32>(2, rows - 1) * stride
  const r3 = from + <usize>min<u32>(3, rows - 1) * stride
  let target = out
  let at: usize = 0
  const whole = (<usize>(depth & ~3)) << 2
  for (; at < whole; at += 16) {
    const a = v128.load(r0 + at)
    const b = v128.load(r1 + at)
    const c = v128.load(r2 + at)
    const d = v128.load(r3 + at)
    const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5)
    const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5)
    const abHigh = v128.shuffle<i32>(a, b, 2, 6, 3, 7)
    const cdHigh = v128.shuffle<i32>(c, d, 2, 6, 3, 7)
    v128.store(target, v128.shuffle<i64>(ab, cd, 0, 2))
    v128.store(target + step, v128.shuffle<i64>(ab, cd, 1, 3))
    v128.store(target + 2 * step, v128.shuffle<i64>(abHigh, cdHigh, 0, 2))
    v128.store(target + 3 * step, v128.shuffle<i64>(abHigh, cdHigh, 1, 3))
    target += 4 * step
  }
  for (const end = (<usize>depth) << 2; at < end; at += 4) {
    f32.store(target, f32.load(r0 + at))
    f32.store(target, f32.load(r1 + at), 4)
    f32.store(target, f32.load(r2 + at), 8)
    f32.store(target, f32.load(r3 + at), 12)
    target += step
  }
}

/** Panels of `rows` rows of A. */
function packRows(from: usize, stride: usize, rows: u32, depth: u32, out: usize): void {
  for (let row: u32 = 0; row < rows; row += panelRows) {
    interleave(from + <usize>row * stride, stride, rows - row, depth, out, 16)
    out += (<usize>depth) << 4
  }
}

/** Panels of `columns` columns of Bᵀ, which are rows of B. */
function packColumnsOfTransposed(from: usize, stride: usize, columns: u32, depth: u32, out: usize): void {
  for (let column: u32 = 0; column < columns; column += panelColumns) {
    const left = columns - column
    const source = from + <usize>column * stride
    interleave(source, stride, left, depth, out, 32)
    if (left > 4) interleave(source + 4 * stride, stride, left - 4, depth, out + 16, 32)
    out += (<usize>depth) << 5
  }
}

/** Panels of `columns` columns of B. */
function packColumns(from: usize, stride: usize, columns: u32, depth: u32, out: usize): void {
  for (let column: u32 = 0; column < columns; column += panelColumns) {
    const left = columns - column
    let source = from + ((<usize>column) << 2)
    for (let term: u32 = 0; term < depth; term++) {
      if (left >= panelColumns) {
        v128.store(out, v128.load(source))
        v128.store(out, v128.load(source, 16), 16)
      } else for (let at: usize = 0; at < (<usize>left) << 2; at += 4) f32.store(out + at, f32.load(source + at))
      source += stride
      out += 32
    }
  }
}

/** A panel of A times a panel of B into 4 × 8 floats. @param add to what is there */
function multiplyPanels(a: usize, b: usize, depth: u32, c: usize, stride: usize, add: bool): void {
  let c00 = f32x4.splat(0)
  let c01 = f32x4.splat(0)
  let c10 = f32x4.splat(0)
  let c11 = f32x4.splat(0)
  let c20 = f32x4.splat(0)
  let c21 = f32x4.splat(0)
  let c30 = f32x4.splat(0)
  let c31 = f32x4.splat(0)
  const end = a + ((<usize>depth) << 4)
  while (a < end) {
    const left = v128.load(b)
    const right = v128.load(b, 16)
    const a0 = v128.load32_splat(a)
    c00 = multiplyAdd(a0, left, c00)
    c01 = multiplyAdd(a0, right, c01)
    const a1 = v128.load32_splat(a, 4)
    c10 = multiplyAdd(a1, left, c10)
    c11 = multiplyAdd(a1, right, c11)
    const a2 = v128.load32_splat(a, 8)
    c20 = multiplyAdd(a2, left, c20)
    c21 = multiplyAdd(a2, right, c21)
    const a3 = v128.load32_splat(a, 12)
    c30 = multiplyAdd(a3, left, c30)
    c31 = multiplyAdd(a3, right, c31)
    a += 16
    b += 32
  }
  const second = c + stride
  const third = second + stride
  const fourth = third + stride
  if (add) {
    c00 = f32x4.add(c00, v128.load(c))
    c01 = f32x4.add(c01, v128.load(c, 16))
    c10 = f32x4.add(c10, v128.load(second))
    c11 = f32x4.add(c11, v128.load(second, 16))
    c20 = f32x4.add(c20, v128.load(third))
    c21 = f32x4.add(c21, v128.load(third, 16))
    c30 = f32x4.add(c30, v128.load(fourth))
    c31 = f32x4.add(c31, v128.load(fourth, 16))
  }
  v128.store(c, c00)
  v128.store(c, c01, 16)
  v128.store(second, c10)
  v128.store(second, c11, 16)
  v128.store(third, c20)
  v128.store(third, c21, 16)
  v128.store(fourth, c30)
  v128.store(fourth, c31, 16)
}

/** The part of 4 × 8 floats that lies within C. */
function copyEdge(from: usize, c: usize, stride: usize, rows: u32, columns: u32, add: bool): void {
  for (let row: u32 = 0; row < rows; row++)
    for (let column: u32 = 0; column < columns; column++) {
      const target = c + <usize>row * stride + ((<usize>column) << 2)
      const value = f32.load(from + ((<usize>(row * panelColumns + column)) << 2))
      f32.store(target, add ? f32.load(target) + value : value)
    }
}

/**
 * Works on tiles of C until the queue is empty.
 *
 * @param a rows × depth floats, `aStride` bytes from row to row
 * @param b columns × depth floats where `transposed`, else depth × columns
 * @param scratch `scratchBytes` bytes of this thread's own
 */
export function multiply(
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  transposed: bool,
  c: usize,
  cStride: usize,
  rows: u32,
  columns: u32,
  depth: u32,
  scratch: usize,
  queue: usize,
): void {
  const across = (columns + tileColumns - 1) / tileColumns
  const tiles = across * ((rows + tileRows - 1) / tileRows)
  for (let tile = claim(queue, 1, tiles); tile < tiles; tile = claim(queue, 1, tiles)) {
    const top = (tile / across) * tileRows
    const left = (tile % across) * tileColumns
    const height = min(tileRows, rows - top)
    const width = min(tileColumns, columns - left)
    const target = c + <usize>top * cStride + ((<usize>left) << 2)
    fillTile(
      a + <usize>top * aStride,
      aStride,
      transposed ? b + <usize>left * bStride : b + ((<usize>left) << 2),
      bStride,
      transposed,
      target,
      cStride,
      height,
      width,
      depth,
      scratch,
    )
    if (kind)
      finish(
        a + <usize>top * aStride,
        aStride,
        b + <usize>left * bStride,
        bStride,
        target,
        cStride,
        height,
        width,
        depth,
        aSquares + ((<usize>top) << 2),
        bSquares + ((<usize>left) << 2),
      )
  }
}

function fillTile(
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  transposed: bool,
  c: usize,
  cStride: usize,
  height: u32,
  width: u32,
  depth: u32,
  scratch: usize,
): void {
  const edge = scratch
  const packedA = edge + ((panelRows * panelColumns) << 2)
  const packedB = packedA + ((mostRows * mostDepth) << 2)
  if (depth == 0)
    for (let row: u32 = 0; row < height; row++) memory.fill(c + <usize>row * cStride, 0, (<usize>width) << 2)
  for (let term: u32 = 0; term < depth; term += mostDepth) {
    const terms = min(mostDepth, depth - term)
    const add = term > 0
    if (transposed) packColumnsOfTransposed(b + ((<usize>term) << 2), bStride, width, terms, packedB)
    else packColumns(b + <usize>term * bStride, bStride, width, terms, packedB)
    for (let first: u32 = 0; first < height; first += mostRows) {
      const count = min(mostRows, height - first)
      packRows(a + <usize>first * aStride + ((<usize>term) << 2), aStride, count, terms, packedA)
      for (let column: u32 = 0; column < width; column += panelColumns) {
        const panelB = packedB + (((<usize>column) * terms) << 2)
        for (let row: u32 = 0; row < count; row += panelRows) {
          const panelA = packedA + (((<usize>row) * terms) << 2)
          const target = c + <usize>(first + row) * cStride + ((<usize>column) << 2)
          if (row + panelRows <= count && column + panelColumns <= width)
            multiplyPanels(panelA, panelB, terms, target, cStride, add)
          else {
            multiplyPanels(panelA, panelB, terms, edge, panelColumns << 2, false)
            copyEdge(edge, target, cStride, min(panelRows, count - row), min(panelColumns, width - column), add)
          }
        }
      }
    }
  }
}

/** The squared distance of two rows, each times its factor. */
function direct(a: usize, b: usize, depth: u32, left: f32, right: f32): f32 {
  const l = f32x4.splat(left)
  const r = f32x4.splat(right)
  let total = f32x4.splat(0)
  let at: usize = 0
  for (const whole = (<usize>(depth & ~3)) << 2; at < whole; at += 16) {
    const difference = f32x4.sub(f32x4.mul(l, v128.load(a + at)), f32x4.mul(r, v128.load(b + at)))
    total = multiplyAdd(difference, difference, total)
  }
  let sum = sumFloats(total)
  for (const end = (<usize>depth) << 2; at < end; at += 4) {
    const difference = left * f32.load(a + at) - right * f32.load(b + at)
    sum += difference * difference
  }
  return sum
}

/** Makes distances of products, in place. */
function finish(
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  c: usize,
  cStride: usize,
  height: u32,
  width: u32,
  depth: u32,
  squaresA: usize,
  squaresB: usize,
): void {
  for (let row: u32 = 0; row < height; row++) {
    const source = a + <usize>row * aStride
    const values = c + <usize>row * cStride
    const own = f32.load(squaresA + ((<usize>row) << 2))
    let column: u32 = 0
    for (; column + 4 <= width; column += 4) {
      const target = values + ((<usize>column) << 2)
      const others = v128.load(squaresB + ((<usize>column) << 2))
      const products = v128.load(target)
      let all: v128
      let value: v128
      if (kind == 3) {
        all = f32x4.splat(1)
        const lengths = f32x4.mul(f32x4.sqrt(f32x4.splat(own)), f32x4.sqrt(others))
        value = f32x4.sub(all, f32x4.div(products, lengths))
      } else {
        all = f32x4.add(f32x4.splat(own), others)
        value = f32x4.sub(all, f32x4.add(products, products))
      }
      const lost = f32x4.le(value, f32x4.mul(all, f32x4.splat(leastShare)))
      v128.store(target, kind == 2 ? f32x4.sqrt(value) : value)
      for (let lanes = i32x4.bitmask(lost); lanes; lanes &= lanes - 1)
        again(source, b, bStride, depth, own, squaresB, values, column + ctz(lanes))
    }
    for (; column < width; column++) {
      const target = values + ((<usize>column) << 2)
      const other = f32.load(squaresB + ((<usize>column) << 2))
      const product = f32.load(target)
      const all: f32 = kind == 3 ? <f32>1 : own + other
      const value: f32 = all - (kind == 3 ? product / (sqrt<f32>(own) * sqrt<f32>(other)) : product + product)
      f32.store(target, kind == 2 ? sqrt<f32>(value) : value)
      if (value <= all * leastShare) again(source, b, bStride, depth, own, squaresB, values, column)
    }
  }
}

function again(
  source: usize,
  b: usize,
  bStride: usize,
  depth: u32,
  own: f32,
  squaresB: usize,
  values: usize,
  column: u32,
): void {
  const other = b + <usize>column * bStride
  let value: f32
  if (kind == 3) {
    const right: f32 = <f32>1 / sqrt<f32>(f32.load(squaresB + ((<usize>column) << 2)))
    value = direct(source, other, depth, <f32>1 / sqrt<f32>(own), right) / 2
  } else value = direct(source, other, depth, 1, 1)
  f32.store(values + ((<usize>column) << 2), kind == 2 ? sqrt<f32>(value) : value)
}
