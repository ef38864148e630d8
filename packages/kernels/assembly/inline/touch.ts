// Rows that lie anywhere in memory. A machine works on what it waits for some 200 instructions ahead: that is a few rows, if each is
// also summed up. So all lines of the next rows are touched first.

/** Rows are touched together up to so many bytes. */
const touchedBytes: usize = 4096
/** Of rows of 512 bytes a tenth is gained where they lie anywhere, and a third lost where they lie in a cache. */
const longestTouched: usize = 256

/** Row `index`, or the row whose number is at `index` in `ids`. */
@inline
export function rowAt(base: usize, ids: usize, index: u32, bytes: usize): usize {
  return base + <usize>(ids ? load<u32>(ids + ((<usize>index) << 2)) : index) * bytes
}

/**
 * Reads a byte of each line of some rows, and nothing else, so that the machine fetches as many lines at a time as it can: there
 * is no other prefetch in WebAssembly. Gives back a number that the caller must give back in its turn, or all this is left out.
 */
@inline
export function touch(base: usize, ids: usize, from: u32, to: u32, bytes: usize): u32 {
  let sum: u32 = 0
  for (let index = from; index < to; index++) {
    const row = rowAt(base, ids, index, bytes)
    for (let at: usize = 0; at < bytes; at += 64) sum |= load<u8>(row + at)
  }
  return sum
}

/** How many rows to touch together: a multiple of 4, or 0 where it does not pay. */
@inline
export function rowsTouched(ids: usize, bytes: usize): u32 {
  // Rows in a row, and the later lines of long rows, are fetched ahead by the machine itself.
  return ids && bytes <= longestTouched ? <u32>(touchedBytes / bytes) & ~3 : 0
}
