// Rows of 16-bit floats beside queries of 32-bit floats, both padded with zeros to 8 numbers.
import { halfBits, halvesOf, highFinite, leastNormal, lowFinite, rebias, rounding } from '../../../kernels/assembly/inline/halves'

/** Writes floats within ±65,504 as halves, to the nearest, ties to even. @param n a multiple of 8 */
export function toHalves(from: usize, to: usize, n: i32): void {
  const size = i32x4.splat(0x7fffffff)
  const one = i32x4.splat(1)
  const round = i32x4.splat(rounding)
  const least = i32x4.splat(leastNormal)
  const half = f32x4.splat(0.5)
  for (let i: usize = 0; i < <usize>n << 1; i += 16) {
    const low = halvesOf(v128.load(from + (i << 1)), size, one, round, least, half)
    const high = halvesOf(v128.load(from + (i << 1), 16), size, one, round, least, half)
    // The low 16 bits of each lane.
    v128.store(to + i, v128.shuffle<i16>(low, high, 0, 2, 4, 6, 8, 10, 12, 14))
  }
}

/** Writes halves as 32-bit floats. @param n a multiple of 8 */
export function fromHalves(from: usize, to: usize, n: i32): void {
  const bits = i32x4.splat(halfBits)
  const scale = i32x4.splat(rebias)
  for (let i: usize = 0; i < <usize>n << 1; i += 16) {
    const halves = v128.load(from + i)
    v128.store(to + (i << 1), lowFinite(halves, bits, scale))
    v128.store(to + (i << 1), highFinite(halves, bits, scale), 16)
  }
}
