import { InputError } from '@offprint/kernels'

/** Greatest label where a result has a place for each number. */
const greatest = 999_999

export interface CompactLabels {
  /** One more than the greatest label. */
  k: number
  /** The labels that occur, ascending. */
  names: number[]
  /** Per row the place of its label in `names`, −1 for noise. */
  places: Int32Array
}

/**
 * Labels without gaps, so that large numbers take no memory.
 *
 * @param most greatest label that is accepted
 * @throws InputError for a label that is no whole number from −1 on, or too large
 */
export function compactLabels(labels: ArrayLike<number>, field = 'labels', most = greatest): CompactLabels {
  const distinct = new Set<number>()
  for (let row = 0; row < labels.length; row++) {
    if (!Number.isInteger(labels[row]) || labels[row] < -1)
      throw new InputError(field, String(labels[row]), 'whole numbers from 0, or -1 for noise')
    if (labels[row] > most) throw new InputError(field, String(labels[row]), `at most ${most}`)
    if (labels[row] >= 0) distinct.add(labels[row])
  }
  const names = [...distinct].sort((a, b) => a - b)
  const placeOf = new Map(names.map((name, place) => [name, place]))
  const places = Int32Array.from({ length: labels.length }, (_, row) => placeOf.get(labels[row]) ?? -1)
  return { k: (names.at(-1) ?? -1) + 1, names, places }
}
