// Codes of one bit a dimension: the signs of a centred row after a random rotation. The rotation is two
// rounds of random signs and a Walsh–Hadamard transform, for which a row is padded with zeros to a power of two.

/**
 * Writes the code of a row.
 * @param centre of each dimension; behind it the signs of the two rounds, ±1, `size` each
 * @param size the padded dimension, a power of two of at least 128
 * @param scratch room for `size` floats
 */
export function encodeBits(row: usize, code: usize, dimension: i32, centre: usize, size: i32, scratch: usize): void {
  const signs = centre + ((<usize>dimension) << 2)
  for (let j: usize = 0; j < <usize>dimension << 2; j += 4)
    store<f32>(scratch + j, (load<f32>(row + j) - load<f32>(centre + j)) * load<f32>(signs + j))
  memory.fill(scratch + ((<usize>dimension) << 2), 0, (<usize>(size - dimension)) << 2)
  transform(scratch, size)
  const more = signs + ((<usize>size) << 2)
  for (let j: usize = 0; j < <usize>size << 2; j += 16)
    v128.store(scratch + j, f32x4.mul(v128.load(scratch + j), v128.load(more + j)))
  transform(scratch, size)
  for (let j = 0; j < size; j += 8) {
    const at = scratch + ((<usize>j) << 2)
    const low = i32x4.bitmask(f32x4.gt(v128.load(at), f32x4.splat(0)))
    const high = i32x4.bitmask(f32x4.gt(v128.load(at + 16), f32x4.splat(0)))
    store<u8>(code + <usize>(j >> 3), <u8>(low | (high << 4)))
  }
}

/** The Walsh–Hadamard transform, in place and without its factor. */
function transform(list: usize, n: i32): void {
  for (let at: usize = 0; at < <usize>n << 2; at += 16) {
    const v = v128.load(list + at)
    const pairs = f32x4.add(
      v128.shuffle<f32>(v, v, 0, 0, 2, 2),
      f32x4.mul(v128.shuffle<f32>(v, v, 1, 1, 3, 3), f32x4(1, -1, 1, -1)),
    )
    v128.store(
      list + at,
      f32x4.add(
        v128.shuffle<f32>(pairs, pairs, 0, 1, 0, 1),
        f32x4.mul(v128.shuffle<f32>(pairs, pairs, 2, 3, 2, 3), f32x4(1, 1, -1, -1)),
      ),
    )
  }
  for (let half: usize = 16; half < <usize>n << 2; half <<= 1)
    for (let from: usize = 0; from < <usize>n << 2; from += half << 1)
      for (let at = from; at < from + half; at += 16) {
        const a = v128.load(list + at)
        const b = v128.load(list + at + half)
        v128.store(list + at, f32x4.add(a, b))
        v128.store(list + at + half, f32x4.sub(a, b))
      }
}
