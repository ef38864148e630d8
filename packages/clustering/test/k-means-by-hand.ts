/** k-means written down as plainly as can be, in 64 bits, to compare the engine with. */
import type { Matrix } from '@offprint/kernels'

export const rowsOf = ({ data, rows, columns }: Matrix): number[][] =>
  Array.from({ length: rows }, (_, row) => [...data.subarray(row * columns, (row + 1) * columns)])

export const squared = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, value, column) => sum + (value - b[column]) ** 2, 0)

/** The nearest centre; the first of those that are equally near but for rounding. */
export function nearest(row: readonly number[], centres: readonly (readonly number[])[]): number {
  const distances = centres.map(centre => squared(row, centre))
  const least = Math.min(...distances)
  return distances.findIndex(distance => distance <= least + 1e-12 * least)
}

export function sse(rows: number[][], labels: ArrayLike<number>, centres: number[][], weights?: readonly number[]) {
  return rows.reduce((sum, row, at) => sum + (weights?.[at] ?? 1) * squared(row, centres[labels[at]]), 0)
}

/** Rows ⌊i·n/k⌋. */
export const spacedRows = (n: number, k: number) => Array.from({ length: k }, (_, at) => Math.floor((at * n) / k))

/** Lloyd's method until labels repeat. */
export function lloydByHand(rows: number[][], start: number[][], weights: readonly number[] = rows.map(() => 1)) {
  let centres = start
  let labels: number[] = []
  let filled = 0
  for (let iterations = 1; ; iterations++) {
    const before = labels
    labels = rows.map(row => nearest(row, centres))
    if (labels.every((label, at) => label === before[at]) || iterations > 1000)
      return { labels, centres, iterations, filled, sse: sse(rows, labels, centres, weights) }
    filled += fillEmpty(rows, labels, centres, weights)
    centres = centres.map((centre, label) => meanOf(rows, labels, label, weights) ?? centre)
  }
}

/**
 * Empty clusters take the rows of greatest weighted squared distance to their centres, of equal ones the first; none where all lie
 * on their centres.
 */
function fillEmpty(rows: number[][], labels: number[], centres: number[][], weights: readonly number[]): number {
  const distances = rows.map((row, at) => weights[at] * squared(row, centres[labels[at]]))
  const empty = [...centres.keys()].filter(label => !labels.some((one, at) => one === label && weights[at] > 0))
  for (const label of empty) {
    const most = Math.max(...distances)
    if (!(most > 0)) break
    const farthest = distances.findIndex(distance => distance >= most * (1 - 1e-12))
    distances[farthest] = 0
    labels[farthest] = label
  }
  return empty.length
}

function meanOf(rows: number[][], labels: number[], label: number, weights: readonly number[]): number[] | undefined {
  let total = 0
  const sums = rows[0].map(() => 0)
  for (const [at, row] of rows.entries()) {
    if (labels[at] !== label) continue
    total += weights[at]
    for (const [column, value] of row.entries()) sums[column] += weights[at] * value
  }
  return total > 0 ? sums.map(sum => sum / total) : undefined
}
