/** What sets clusters apart: the columns in which each differs most from the other rows. */
import { InputError } from '@offprint/kernels'
import { compactLabels } from './labels.ts'
import type { CategoryVariable, NumberVariable, Variable } from './variables.ts'

/** How a column differs between a cluster's rows and all others. */
export interface Difference {
  cluster: number
  /** Place of the column. */
  variable: number
  /** Of a column of categories, the one whose shares differ most. */
  category?: number
  /** Mean of the cluster's rows; of a category its share of them. */
  inside: number
  /** The same of all other rows. */
  outside: number
  /** The same of all rows. */
  overall: number
  /**
   * Of numbers: (inside − outside) / standard deviation of all rows. Of a category: Cohen's h = 2·asin√inside − 2·asin√outside
   * (Cohen 1988, ch. 6). Both are read alike: 0.2 is small, 0.5 middling, 0.8 large.
   */
  effect: number
}

export interface ClusterProfile {
  /** For each cluster its columns, the greatest |effect| first. A column with nothing to compare is left out. */
  differences: Difference[][]
  /**
   * For each column the share of its variance that is between the clusters, from 0 to 1: η² of numbers, Goodman and Kruskal's τ of
   * categories (the same for their indicators). Null for a constant column. Noise does not count.
   */
  explained: (number | null)[]
}

/**
 * Compares each cluster with all other rows, column by column; a missing cell is left out of its column. O(rows · (columns + categories)).
 *
 * @param labels cluster of each row from 0, −1 for noise, whose rows count among the others
 * @throws InputError for labels of another length, below −1 or above 999,999
 */
export function clusterProfile(variables: readonly Variable[], labels: ArrayLike<number>): ClusterProfile {
  const { k, names, places } = compactLabels(labels)
  const differences: Difference[][] = Array.from({ length: k }, () => [])
  const explained = variables.map((variable, at) => {
    if (variable.values.length !== labels.length)
      throw new InputError('labels', `${labels.length} labels`, `one for each of ${variable.values.length} rows`)
    const found =
      variable.kind === 'number'
        ? numberDifferences(variable, places, names.length)
        : shares(variable, places, names.length)
    for (const [place, difference] of found.differences.entries())
      if (difference) differences[names[place]].push({ cluster: names[place], variable: at, ...difference })
    return found.explained
  })
  for (const of of differences) of.sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect) || a.variable - b.variable)
  return { differences, explained }
}

interface Found {
  differences: (Omit<Difference, 'cluster' | 'variable'> | undefined)[]
  explained: number | null
}

function numberDifferences({ values }: NumberVariable, labels: ArrayLike<number>, k: number): Found {
  // The last is noise.
  const counts = new Float64Array(k + 1)
  const sums = new Float64Array(k + 1)
  // Deviations from one of the values keep digits that sums of large numbers would lose. As shares of the widest, neither they nor
  // their squares overflow or vanish; of a power of 2, they lose nothing.
  const origin = values.find(Number.isFinite) ?? 0
  const widest = values.reduce((most, value) => Math.max(most, Math.abs(value - origin) || 0), 0)
  const unit = 2 ** Math.floor(Math.log2(widest || 1))
  const shareOf = (value: number) => (value - origin) / unit
  const place = (row: number) => (labels[row] < 0 ? k : labels[row])
  for (let row = 0; row < values.length; row++) {
    if (Number.isNaN(values[row])) continue
    counts[place(row)]++
    sums[place(row)] += shareOf(values[row])
  }
  const n = counts.reduce((sum, one) => sum + one, 0)
  const total = sums.reduce((sum, one) => sum + one, 0)
  const mean = total / n
  const clustered = n - counts[k]
  const clusteredMean = (total - sums[k]) / clustered
  let squares = 0
  let clusteredSquares = 0
  // Rounding must not make something of equal numbers.
  const first = values.findIndex((value, row) => labels[row] >= 0 && !Number.isNaN(value))
  let differ = false
  for (let row = 0; row < values.length; row++) {
    if (Number.isNaN(values[row])) continue
    const value = shareOf(values[row])
    squares += (value - mean) ** 2
    if (labels[row] < 0) continue
    clusteredSquares += (value - clusteredMean) ** 2
    differ ||= values[row] !== values[first]
  }
  const deviation = Math.sqrt(squares / n)
  let between = 0
  const differences = Array.from({ length: k }, (_, cluster) => {
    const inside = sums[cluster] / counts[cluster]
    if (counts[cluster]) between += counts[cluster] * (inside - clusteredMean) ** 2
    const outside = (total - sums[cluster]) / (n - counts[cluster])
    const effect = (inside - outside) / deviation
    if (!Number.isFinite(effect)) return undefined
    const unscaled = (share: number) => origin + share * unit
    return { inside: unscaled(inside), outside: unscaled(outside), overall: unscaled(mean), effect }
  })
  return {
    differences,
    explained: differ ? Math.min(1, between / clusteredSquares) : null,
  }
}

function shares({ values, categories }: CategoryVariable, labels: ArrayLike<number>, k: number): Found {
  const many = categories.length
  const counts = new Float64Array((k + 1) * many)
  const sizes = new Float64Array(k + 1)
  const all = new Float64Array(many)
  for (let row = 0; row < values.length; row++) {
    if (values[row] < 0) continue
    const cluster = labels[row] < 0 ? k : labels[row]
    counts[cluster * many + values[row]]++
    sizes[cluster]++
    all[values[row]]++
  }
  const n = sizes.reduce((sum, one) => sum + one, 0)
  const angle = (share: number) => 2 * Math.asin(Math.sqrt(Math.min(1, share)))
  const differences = Array.from({ length: k }, (_, cluster) => {
    let most: Omit<Difference, 'cluster' | 'variable'> | undefined
    if (all.some(count => count === n)) return undefined
    for (let category = 0; category < many; category++) {
      const count = counts[cluster * many + category]
      const inside = count / sizes[cluster]
      const outside = (all[category] - count) / (n - sizes[cluster])
      const effect = angle(inside) - angle(outside)
      if (Number.isFinite(effect) && !(most && Math.abs(effect) <= Math.abs(most.effect)))
        most = { category, inside, outside, overall: all[category] / n, effect }
    }
    return most
  })
  const clustered = n - sizes[k]
  let within = 0
  let whole = 1
  for (let category = 0; category < many; category++)
    whole -= ((all[category] - counts[k * many + category]) / clustered) ** 2
  for (let cluster = 0; cluster < k; cluster++) {
    if (!sizes[cluster]) continue
    let left = 1
    for (let category = 0; category < many; category++)
      left -= (counts[cluster * many + category] / sizes[cluster]) ** 2
    within += (sizes[cluster] / clustered) * left
  }
  return { differences, explained: whole > 1e-12 ? Math.min(1, Math.max(0, 1 - within / whole)) : null }
}
