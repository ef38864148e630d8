/** Clusters found anew keep the numbers that they had before. */
import { InputError } from '@offprint/kernels'
import { compactLabels } from './labels.ts'
import { bestMatching } from './matching.ts'

export interface MatchedLabels {
  /** The new labels under the old numbers. */
  labels: Int32Array
  /** Of each cluster of `after` its number in `labels`. */
  numbers: Int32Array
  /** Numbers in `labels` that are new, and old ones that are in it no more. */
  appeared: number[]
  vanished: number[]
  /** Share of the rows with a label before and after that kept it; null where there are none. */
  kept: number | null
}

/** So that new numbers are 32-bit ones too. */
const mostBefore = 2_000_000_000

/**
 * Numbers clusters after earlier ones so that as many rows as possible keep their label: the best one-to-one matching by shared rows.
 * A cluster without a partner takes a number that no earlier one has.
 *
 * @param before the earlier label of each row, −1 where it had none
 * @param after the new label of each row, −1 for noise
 * @throws InputError for labels of unequal length, below −1, or above 999,999 in `after` (`numbers` has a place for each)
 *
 * @example
 * matchLabels([0, 0, 1, 1, -1], [1, 1, 0, 2, 2]).labels // 0, 0, 1, 2, 2
 */
export function matchLabels(before: ArrayLike<number>, after: ArrayLike<number>): MatchedLabels {
  if (before.length !== after.length)
    throw new InputError('after', `${after.length} labels`, `one for each of the ${before.length} before`)
  const old = compactLabels(before, 'before', mostBefore)
  const now = compactLabels(after, 'after')
  const wide = old.names.length
  const shared = new Float64Array(now.names.length * wide)
  let common = 0
  for (let row = 0; row < after.length; row++) {
    if (old.places[row] < 0 || now.places[row] < 0) continue
    shared[now.places[row] * wide + old.places[row]]++
    common++
  }
  const { columns } = bestMatching(shared, now.names.length, wide)
  const numbers = new Int32Array(now.k).fill(-1)
  let kept = 0
  for (const [place, cluster] of now.names.entries()) {
    const partner = columns[place]
    if (partner < 0 || !shared[place * wide + partner]) continue
    numbers[cluster] = old.names[partner]
    kept += shared[place * wide + partner]
  }
  const taken = new Set(numbers)
  const vanished = old.names.filter(number => !taken.has(number))
  const there = new Set(now.names)
  const appeared: number[] = []
  let next = old.k
  for (let cluster = 0; cluster < now.k; cluster++) {
    if (numbers[cluster] >= 0) continue
    // An empty cluster has a number too, but has not appeared.
    if (there.has(cluster)) appeared.push(next)
    numbers[cluster] = next++
  }
  const labels = Int32Array.from(after, label => (label < 0 ? -1 : numbers[label]))
  return { labels, numbers, appeared, vanished, kept: common ? kept / common : null }
}
