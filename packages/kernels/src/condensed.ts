/** Symmetric dissimilarities as a list of each pair once, as SciPy's `pdist` and R's `dist` give them. */
import { arena } from './arena.ts'
import {
  type Dissimilarities,
  type DissimilarityOptions,
  mostObjects,
  requireCount,
  squareOf,
} from './dissimilarities.ts'
import { InputError } from './input-error.ts'
import { breathe } from './long-call.ts'

const chunkMs = 15

/**
 * Takes dissimilarities that are given as a list: d(0, 1), d(0, 2), …, d(0, n − 1), d(1, 2), … They are kept as a square of 4n² bytes, as all
 * that reads them goes along rows.
 *
 * @param values n(n − 1)/2 numbers of at least 0; an empty list is one object
 * @throws InputError for a length that belongs to no n, more than `most` objects (default 16,384), or a number that is negative or not
 * finite, by the pair that it belongs to (from 1); the signal's reason once it is aborted
 *
 * @example
 * const { labels } = cutByCount(await agglomerative(await fromCondensed([1, 8, 7]), { linkage: 'average' }), 2)
 */
export async function fromCondensed(
  values: ArrayLike<number>,
  { signal, field = 'dissimilarities', most = mostObjects }: DissimilarityOptions = {},
): Promise<Dissimilarities> {
  const n = Math.round((1 + Math.sqrt(1 + 8 * values.length)) / 2)
  if ((n * (n - 1)) / 2 !== values.length)
    throw new InputError(field, `${values.length} numbers`, 'n(n − 1)/2 numbers, one for each pair of n objects')
  requireCount(n, field, most)
  const square = squareOf(n, arena(4 * n * n + 64), true)
  let { data } = square
  data.fill(0)
  let since = performance.now()
  let at = 0
  for (let row = 0; row < n - 1; row++) {
    for (let other = row + 1; other < n; other++) {
      const value = values[at++]
      if (!(value >= 0 && value < Infinity))
        throw new InputError(
          field,
          String(value),
          'a number of at least 0',
          `${field}: the pair of ${row + 1} and ${other + 1} must be a number of at least 0, found ${value}`,
        )
      data[row * n + other] = data[other * n + row] = value
    }
    if (performance.now() - since < chunkMs) continue
    await breathe(signal)
    data = square.data
    since = performance.now()
  }
  return square
}

/**
 * The same list of dissimilarities that are there.
 *
 * @returns n(n − 1)/2 numbers
 * @throws InputError for asymmetric ones
 */
export function toCondensed({ n, data, symmetric }: Dissimilarities): Float32Array {
  if (!symmetric) throw new InputError('dissimilarities', 'asymmetric ones', 'symmetric ones')
  const values = new Float32Array((n * (n - 1)) / 2)
  let at = 0
  for (let row = 0; row < n - 1; row++) {
    values.set(data.subarray(row * n + row + 1, (row + 1) * n), at)
    at += n - 1 - row
  }
  return values
}
