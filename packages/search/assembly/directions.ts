// The hot loops of a truncated SVD: a sparse matrix's Gram matrix times a basis, and products of tall matrices with few columns.
// `width` is a multiple of 4.
import { multiplyAdd } from '../../kernels/assembly/inline/distance'

/** Adds AᵀA·basis to `image`, for the sparse rows `from` to `to` − 1 of A. @param sum room for `width` floats */
export function addGramTimes(
  starts: usize,
  columns: usize,
  values: usize,
  from: u32,
  to: u32,
  basis: usize,
  image: usize,
  width: u32,
  sum: usize,
): void {
  const bytes = (<usize>width) << 2
  for (let row = from; row < to; row++) {
    const start = load<u32>(starts + ((<usize>row) << 2))
    const end = load<u32>(starts + ((<usize>row + 1) << 2))
    memory.fill(sum, 0, bytes)
    for (let at = start; at < end; at++) {
      const source = basis + <usize>load<u32>(columns + ((<usize>at) << 2)) * bytes
      addScaled(sum, source, load<f32>(values + ((<usize>at) << 2)), bytes)
    }
    for (let at = start; at < end; at++) {
      const target = image + <usize>load<u32>(columns + ((<usize>at) << 2)) * bytes
      addScaled(target, sum, load<f32>(values + ((<usize>at) << 2)), bytes)
    }
  }
}

@inline
function addScaled(target: usize, source: usize, factor: f32, bytes: usize): void {
  const factors = f32x4.splat(factor)
  for (let at: usize = 0; at < bytes; at += 16)
    v128.store(target + at, multiplyAdd(factors, v128.load(source + at), v128.load(target + at)))
}

/** Adds LᵀR of rows `from` to `to` − 1 to `result`, width × width. */
export function addProduct(left: usize, right: usize, from: u32, to: u32, width: u32, result: usize): void {
  const bytes = (<usize>width) << 2
  let row = from
  // Four rows at a time, so that each partial sum is loaded and stored a quarter as often.
  for (; row + 4 <= to; row += 4) {
    const l = left + <usize>row * bytes
    const r = right + <usize>row * bytes
    for (let i: usize = 0; i < bytes; i += 4) {
      const a = f32x4.splat(load<f32>(l + i))
      const b = f32x4.splat(load<f32>(l + bytes + i))
      const c = f32x4.splat(load<f32>(l + 2 * bytes + i))
      const d = f32x4.splat(load<f32>(l + 3 * bytes + i))
      const target = result + (i >> 2) * bytes
      for (let j: usize = 0; j < bytes; j += 16) {
        let sum = multiplyAdd(a, v128.load(r + j), v128.load(target + j))
        sum = multiplyAdd(b, v128.load(r + bytes + j), sum)
        sum = multiplyAdd(c, v128.load(r + 2 * bytes + j), sum)
        sum = multiplyAdd(d, v128.load(r + 3 * bytes + j), sum)
        v128.store(target + j, sum)
      }
    }
  }
  for (; row < to; row++)
    for (let i: usize = 0; i < bytes; i += 4)
      addScaled(result + (i >> 2) * bytes, right + <usize>row * bytes, load<f32>(left + <usize>row * bytes + i), bytes)
}

/** Writes basis·turn of rows `from` to `to` − 1 over the basis. @param turn width × width @param sum room for `width` floats */
export function turnRows(basis: usize, from: u32, to: u32, width: u32, turn: usize, sum: usize): void {
  const bytes = (<usize>width) << 2
  for (let row = from; row < to; row++) {
    const own = basis + <usize>row * bytes
    memory.fill(sum, 0, bytes)
    for (let i: usize = 0; i < bytes; i += 4) addScaled(sum, turn + (i >> 2) * bytes, load<f32>(own + i), bytes)
    memory.copy(own, sum, bytes)
  }
}
