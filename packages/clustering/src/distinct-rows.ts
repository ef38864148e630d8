import type { Matrix } from '@offprint/kernels'
import { pauses } from './pauses.ts'

/**
 * A note where there are fewer distinct rows of a weight above 0 than clusters. O(n·d) then; otherwise it ends when there are enough.
 *
 * @throws the signal's reason once it is aborted
 */
export async function distinctRowsNote(
  { data, rows, columns }: Matrix,
  k: number,
  { weights, signal }: { weights?: ArrayLike<number>; signal?: AbortSignal } = {},
): Promise<string[]> {
  const bits = new Int32Array(data.buffer, data.byteOffset, data.length)
  const seen = new Map<number, number[]>()
  let count = 0
  const pause = pauses({ signal })
  for (let row = 0; row < rows; row++) {
    if (weights && !(weights[row] > 0)) continue
    const key = keyOf(row)
    const alike = seen.get(key) ?? []
    if (!alike.some(other => isEqual(row, other))) {
      if (++count >= k) return []
      seen.set(key, [...alike, row])
    }
    const wait = pause(row, rows)
    if (wait) await wait
  }
  const found = count === 1 ? 'only one distinct row' : `only ${count} distinct rows`
  return [`There ${count === 1 ? 'is' : 'are'} ${found}${weights ? ' of a weight above 0' : ''}, fewer than k = ${k}.`]

  /** 0 and −0 are equal. */
  function keyOf(row: number): number {
    let key = 0
    for (let at = row * columns; at < (row + 1) * columns; at++) {
      key = Math.imul(key ^ (data[at] === 0 ? 0 : bits[at]), 0x9e3779b1)
      key ^= key >>> 15
    }
    return key
  }

  function isEqual(a: number, b: number): boolean {
    for (let column = 0; column < columns; column++)
      if (data[a * columns + column] !== data[b * columns + column]) return false
    return true
  }
}
