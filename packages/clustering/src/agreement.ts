/** How far two partitions of the same rows agree: with reference labels, or with each other. */
import { InputError } from '@offprint/kernels'
import { bestMatching } from './matching.ts'

export interface ContingencyOptions {
  /**
   * What becomes of noise, labels of −1: rows that are noise in either partition are left out (`drop`, the default), each is a
   * cluster of its own (`singletons`), or all of a partition's are one cluster (`cluster`).
   */
  noise?: 'drop' | 'singletons' | 'cluster'
}

/** How many rows are in cluster i of one partition and j of the other: the counts above 0, in order of i, then j. */
export interface Contingency {
  /** Rows that count. */
  n: number
  /** Rows left out as noise. */
  dropped: number
  noise: 'drop' | 'singletons' | 'cluster'
  /** Sizes of the clusters of the first partition, in order of their labels; and of the second. */
  rowSums: Float64Array
  columnSums: Float64Array
  rows: Int32Array
  columns: Int32Array
  counts: Float64Array
}

/**
 * The table of two partitions, from which all that follows is worked out. O(n log n) time, whatever the number of clusters.
 *
 * @param truth cluster of each row, whole numbers from 0; −1 is noise
 * @param found likewise
 * @throws InputError for labels of different length, other labels, or no row that counts
 */
export function contingency(
  truth: ArrayLike<number>,
  found: ArrayLike<number>,
  { noise = 'drop' }: ContingencyOptions = {},
): Contingency {
  const total = truth.length
  if (found.length !== total)
    throw new InputError('found', `${found.length} labels`, `as many labels as truth has (${total})`)
  if (!['drop', 'singletons', 'cluster'].includes(noise))
    throw new InputError('noise', `'${noise}'`, 'one of drop, singletons, cluster')
  requireLabels('truth', truth)
  requireLabels('found', found)
  const kept: number[] = []
  for (let row = 0; row < total; row++) if (noise !== 'drop' || (truth[row] >= 0 && found[row] >= 0)) kept.push(row)
  if (!kept.length) throw new InputError('truth', 'no row that is not noise', 'at least one')
  const first = compact(truth, kept, noise)
  const second = compact(found, kept, noise)
  const width = second.sizes.length
  const keys = Float64Array.from(first.labels, (label, at) => label * width + second.labels[at]).sort()
  const rows: number[] = []
  const columns: number[] = []
  const counts: number[] = []
  for (let at = 0; at < keys.length; at++) {
    if (at && keys[at] === keys[at - 1]) {
      counts[counts.length - 1]++
      continue
    }
    rows.push(Math.floor(keys[at] / width))
    columns.push(keys[at] % width)
    counts.push(1)
  }
  return {
    n: kept.length,
    dropped: total - kept.length,
    noise,
    rowSums: first.sizes,
    columnSums: second.sizes,
    rows: Int32Array.from(rows),
    columns: Int32Array.from(columns),
    counts: Float64Array.from(counts),
  }
}

function requireLabels(field: string, labels: ArrayLike<number>): void {
  for (let row = 0; row < labels.length; row++)
    if (!Number.isInteger(labels[row]) || labels[row] < -1)
      throw new InputError(field, String(labels[row]), 'whole numbers from 0, or -1 for noise')
}

/** Labels from 0 without gaps, in the order of the given ones; noise behind them. */
function compact(labels: ArrayLike<number>, kept: number[], noise: Contingency['noise']) {
  const known = new Set<number>()
  for (const row of kept) if (labels[row] >= 0) known.add(labels[row])
  const order = new Map([...known].sort((a, b) => a - b).map((label, at) => [label, at]))
  let next = order.size
  const noiseAt = next
  const compacted = Int32Array.from(kept, row => {
    if (labels[row] >= 0) return order.get(labels[row])!
    if (noise === 'singletons') return next++
    next = noiseAt + 1
    return noiseAt
  })
  const sizes = new Float64Array(next)
  for (const label of compacted) sizes[label]++
  return { labels: compacted, sizes }
}

const pairs = (count: number) => (count * (count - 1)) / 2

function sum(values: ArrayLike<number>, of: (value: number, at: number) => number): number {
  let total = 0
  for (let at = 0; at < values.length; at++) total += of(values[at], at)
  return total
}

/** Whether both partitions are the same but for the names of the clusters. */
const identical = ({ counts, rowSums, columnSums }: Contingency) =>
  counts.length === rowSums.length && counts.length === columnSums.length

/** Adjusted Rand index (Hubert and Arabie 1985): 1 for equal partitions, 0 on average for random ones of these sizes. */
export function adjustedRandIndex(table: Contingency): number {
  if (identical(table)) return 1
  const both = sum(table.counts, pairs)
  const first = sum(table.rowSums, pairs)
  const second = sum(table.columnSums, pairs)
  const expected = (first * second) / pairs(table.n)
  return (both - expected) / ((first + second) / 2 - expected)
}

/** Fowlkes–Mallows index: the geometric mean of precision and recall over pairs of rows; 0 where no pair is together in both. */
export function fowlkesMallows(table: Contingency): number {
  const both = sum(table.counts, pairs)
  return both && (both / Math.sqrt(sum(table.rowSums, pairs))) * (1 / Math.sqrt(sum(table.columnSums, pairs)))
}

/** Mutual information, in nats; never below 0. */
export function mutualInformation({ n, counts, rows, columns, rowSums, columnSums }: Contingency): number {
  const value = sum(
    counts,
    (count, at) =>
      (count / n) * (Math.log(count) + Math.log(n) - Math.log(rowSums[rows[at]] * columnSums[columns[at]])),
  )
  return Math.max(0, value)
}

/** Entropy of a partition, in nats, from the sizes of its clusters. */
export function entropy(sizes: ArrayLike<number>): number {
  const n = sum(sizes, size => size)
  return sum(sizes, size => (size > 0 ? -(size / n) * Math.log(size / n) : 0))
}

/** What mutual information is divided by: a mean of the two entropies, the lesser or the greater. */
export type EntropyMean = 'arithmetic' | 'geometric' | 'min' | 'max'

function meanOf({ rowSums, columnSums }: Contingency, mean: EntropyMean): number {
  const [a, b] = [entropy(rowSums), entropy(columnSums)]
  switch (mean) {
    case 'arithmetic':
      return (a + b) / 2
    case 'geometric':
      return Math.sqrt(a * b)
    case 'min':
      return Math.min(a, b)
    case 'max':
      return Math.max(a, b)
  }
  throw new InputError('mean', `'${mean}'`, 'one of arithmetic, geometric, min, max')
}

/** Normalised mutual information, 0 to 1: 1 for equal partitions; 0 where one of two different ones has a single cluster. */
export function normalisedMutualInformation(table: Contingency, mean: EntropyMean = 'arithmetic'): number {
  const most = meanOf(table, mean)
  if (identical(table)) return 1
  return most > 0 ? mutualInformation(table) / most : 0
}

/**
 * Adjusted mutual information (Vinh, Epps and Bailey 2010): 1 for equal partitions, 0 on average for random ones of these sizes.
 * About O(√n) for each pair of different sizes.
 */
export function adjustedMutualInformation(table: Contingency, mean: EntropyMean = 'arithmetic'): number {
  const most = meanOf(table, mean)
  if (identical(table)) return 1
  const expected = expectedInformation(table)
  // Partitions that can only agree by chance, such as all rows alone against one cluster.
  if (Math.abs(most - expected) <= 1e-14 * most) return 0
  return (mutualInformation(table) - expected) / (most - expected)
}

/**
 * Mutual information on average over all pairs of partitions with these sizes: n_ij is then hypergeometric. Its probabilities
 * follow from one another from the most likely one on, and are divided by their sum, so no factorials are needed and no digits lost.
 */
function expectedInformation({ n, rowSums, columnSums }: Contingency): number {
  let total = 0
  const columnSizes = countOf(columnSums)
  for (const [a, rows] of countOf(rowSums))
    for (const [b, columns] of columnSizes) {
      const from = Math.max(0, a + b - n)
      const to = Math.min(a, b)
      const gain = (count: number) =>
        count > 0 ? (count / n) * (Math.log(n) + Math.log(count) - Math.log(a) - Math.log(b)) : 0
      const mode = Math.min(to, Math.max(from, Math.floor(((a + 1) * (b + 1)) / (n + 2))))
      let weights = 1
      let gains = gain(mode)
      for (let count = mode, weight = 1; count < to && weight > 1e-20; ) {
        weight *= ((a - count) * (b - count)) / ((count + 1) * (n - a - b + count + 1))
        count++
        weights += weight
        gains += weight * gain(count)
      }
      for (let count = mode, weight = 1; count > from && weight > 1e-20; ) {
        weight *= (count * (n - a - b + count)) / ((a - count + 1) * (b - count + 1))
        count--
        weights += weight
        gains += weight * gain(count)
      }
      total += (rows * columns * gains) / weights
    }
  return total
}

/** How often each value is there. */
function countOf(values: Float64Array): Map<number, number> {
  const counts = new Map<number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}

/** Whether each found cluster holds rows of one true cluster only: 0 to 1. */
export function homogeneity(table: Contingency): number {
  const most = entropy(table.rowSums)
  return most > 0 ? Math.min(1, mutualInformation(table) / most) : 1
}

/** Whether all rows of a true cluster are in one found cluster: 0 to 1. */
export function completeness(table: Contingency): number {
  const most = entropy(table.columnSums)
  return most > 0 ? Math.min(1, mutualInformation(table) / most) : 1
}

/** V-measure (Rosenberg and Hirschberg 2007): the harmonic mean of homogeneity and completeness. */
export function vMeasure(table: Contingency): number {
  const [h, c] = [homogeneity(table), completeness(table)]
  return h + c > 0 ? (2 * h * c) / (h + c) : 0
}

/**
 * Share of the rows that are in the right cluster, where found clusters are matched one to one with true ones as well as can be;
 * rows of a cluster that is left over are wrong. Not purity, which lets several clusters stand for the same. O(k³).
 *
 * @returns `matched`: for each true cluster, in order of labels, the found one (its place in that order), or −1
 */
export function accuracy(table: Contingency): { value: number; matched: Int32Array } {
  const { n, counts, rows, columns, rowSums, columnSums } = table
  const scores = new Float64Array(rowSums.length * columnSums.length)
  for (let at = 0; at < counts.length; at++) scores[rows[at] * columnSums.length + columns[at]] = counts[at]
  const matching = bestMatching(scores, rowSums.length, columnSums.length)
  return { value: matching.total / n, matched: matching.columns }
}

export interface Agreement {
  n: number
  /** Rows left out as noise. */
  dropped: number
  ari: number
  ami: number
  mi: number
  /** By the arithmetic mean of the entropies, as is the AMI. */
  nmi: number
  homogeneity: number
  completeness: number
  v: number
  fmi: number
  accuracy: number
}

/**
 * All measures of agreement at once.
 *
 * @throws InputError as `contingency`
 *
 * @example
 * const { ari, accuracy } = agreement(species, labels)
 */
export function agreement(
  truth: ArrayLike<number>,
  found: ArrayLike<number>,
  options: ContingencyOptions = {},
): Agreement {
  const table = contingency(truth, found, options)
  return {
    n: table.n,
    dropped: table.dropped,
    ari: adjustedRandIndex(table),
    ami: adjustedMutualInformation(table),
    mi: mutualInformation(table),
    nmi: normalisedMutualInformation(table),
    homogeneity: homogeneity(table),
    completeness: completeness(table),
    v: vMeasure(table),
    fmi: fowlkesMallows(table),
    accuracy: accuracy(table).value,
  }
}
