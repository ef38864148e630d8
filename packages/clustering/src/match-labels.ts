/** Clusters found anew keep the numbers that they had before. */
import { InputError } from '@offprint/kernels'
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

/**
 * Numbers clusters after earlier ones so that as many rows as possible keep their label: the best one-to-one matching by shared rows.
 * A cluster without a partner takes a number that no earlier one has.
 *
 * @param before the earlier label of each row, −1 where it had none
 * @param after the new label of each row, −1 for noise
 * @throws InputError for labels of unequal length or below −1
 *
 * @example
 * matchLabels([0, 0, 1, 1, -1], [1, 1, 0, 2, 2]).labels // 0, 0, 1, 2, 2
 */
export function matchLabels(before: ArrayLike<number>, after: ArrayLike<number>): MatchedLabels {
  if (before.length !== after.length)
    throw new InputError('after', `${after.length} labels`, `one for each of the ${before.length} before`)
  const old = countOf(before, 'before')
  const k = countOf(after, 'after')
  const shared = new Float64Array(k * old)
  const oldSizes = new Float64Array(old)
  const sizes = new Float64Array(k)
  let common = 0
  for (let row = 0; row < after.length; row++) {
    if (before[row] >= 0) oldSizes[before[row]]++
    if (after[row] >= 0) sizes[after[row]]++
    if (before[row] < 0 || after[row] < 0) continue
    shared[after[row] * old + before[row]]++
    common++
  }
  const { columns } = bestMatching(shared, k, old)
  const numbers = new Int32Array(k).fill(-1)
  let kept = 0
  for (let cluster = 0; cluster < k; cluster++) {
    const partner = columns[cluster]
    if (partner < 0 || !shared[cluster * old + partner]) continue
    numbers[cluster] = partner
    kept += shared[cluster * old + partner]
  }
  const taken = new Set(numbers)
  const vanished = Array.from(oldSizes.keys()).filter(number => oldSizes[number] > 0 && !taken.has(number))
  const appeared: number[] = []
  let next = old
  for (let cluster = 0; cluster < k; cluster++) {
    if (numbers[cluster] >= 0) continue
    // An empty cluster has a number too, but has not appeared.
    if (sizes[cluster]) appeared.push(next)
    numbers[cluster] = next++
  }
  const labels = Int32Array.from(after, label => (label < 0 ? -1 : numbers[label]))
  return { labels, numbers, appeared, vanished, kept: common ? kept / common : null }
}

function countOf(labels: ArrayLike<number>, field: string): number {
  let most = 0
  for (let row = 0; row < labels.length; row++) {
    if (!Number.isInteger(labels[row]) || labels[row] < -1)
      throw new InputError(field, String(labels[row]), 'whole numbers from 0, or -1')
    most = Math.max(most, labels[row] + 1)
  }
  return most
}
