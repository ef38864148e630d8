/** Whether there are groups at all: what three measures say of it, and the plain sentence that follows from them. */
import { gapStatistic, pointSilhouette, stability } from '@offprint/clustering'
import type { Matrix } from '@offprint/kernels'
import type { MarkdownBlock } from '../../define.ts'
import { type How, sampleOf } from './methods.ts'

/** Below the first a partition is no better than chance or close to it (Kaufman and Rousseeuw 1990 on silhouettes). */
const leastSilhouette = 0.25
const goodSilhouette = 0.5
const leastStability = 0.6
const goodStability = 0.8
const sureStability = 0.95
const gapRows = 1000
/** The greatest number of clusters that the gap statistic tries. */
const mostGaps = 60
/** The gap statistic's box along principal axes is O(columns³), and says little where columns are many. */
const gapColumns = 200
const stabilityRows = 1000

export interface Gaps {
  /** By the rule of Tibshirani, Walther and Hastie. */
  k: number
  /** Least number of clusters whose gap is within two standard errors of the greatest. */
  greatest: number
  most: number
}

export interface Evidence {
  k: number
  silhouette: number | null
  stability: number
  gap?: Gaps
  /** The clusters may have any shape: silhouettes and gaps, which look for round ones, do not count. */
  shapes?: boolean
}

/** The gap statistic of a table: it does not depend on how the table is clustered. Undefined for fewer than 3 rows or many columns. */
export async function gapsOf(
  points: Matrix,
  k: number,
  { seed, pool, signal, progress }: How,
): Promise<Gaps | undefined> {
  const sample = sampleOf(points, gapRows, seed)
  const most = Math.min(Math.max(10, k + 2), mostGaps, sample.rows - 1)
  if (most < 2 || points.columns > gapColumns) return undefined
  const { gaps, errors, ...found } = await gapStatistic(sample, {
    mostClusters: most,
    references: 20,
    restarts: 3,
    seed,
    pool,
    signal,
    onProgress: progress,
  })
  // Few distinct rows have no dispersion to compare.
  if (gaps.length < most) return undefined
  const top = gaps.indexOf(gaps.reduce((one, other) => Math.max(one, other)))
  const greatest = 1 + gaps.findIndex(gap => gap >= gaps[top] - 2 * errors[top])
  return { k: found.k, greatest, most }
}

/** Mean silhouette and whether the clusters come again when rows are left out. */
export async function measure(
  points: Matrix,
  labels: ArrayLike<number>,
  cluster: (sample: Matrix) => Promise<ArrayLike<number>>,
  { seed, pool, signal, pairs = 10 }: Omit<How, 'progress'> & { pairs?: number },
) {
  const fit = await pointSilhouette(points, labels, { seed, pool, signal })
  const sample = sampleOf(points, stabilityRows, seed)
  const stable = await stability(sample, cluster, { pairs, seed, signal })
  return { fit, stability: stable.mean }
}

export type Verdict = 'none' | 'doubtful' | 'supported'

/**
 * What the measures come to: one that speaks clearly against groups is enough for `none`, and all must be there for `supported`, for
 * as many groups as were found. Where the gap statistic's rule says one group but its maximum is at the number of clusters found, and
 * these are well apart, there are many groups (the rule stops at the first number that is no worse than the next). A single cluster is
 * no sign that there are no groups where the gap statistic sees some.
 */
export function verdictOf({ k, silhouette, stability, gap, shapes }: Evidence): Verdict {
  if (k < 2) return gap && gap.k > 1 ? 'doubtful' : 'none'
  if (stability < leastStability) return 'none'
  const stable = stability < goodStability ? 'doubtful' : 'supported'
  if (shapes) return stable
  if (silhouette === null || (gap && gap.k === 1 && gap.greatest === 1)) return 'none'
  // Where most columns have nothing to do with the groups, rows lie between clusters that come again all the same.
  if (silhouette < leastSilhouette) return stability < sureStability ? 'none' : 'doubtful'
  if (!gap) return 'doubtful'
  if (gap.k > 1) return gap.k === k || gap.greatest === k ? stable : 'doubtful'
  return gap.greatest === k && silhouette >= goodSilhouette ? stable : 'doubtful'
}

export const verdictWords: Record<Verdict, string> = { none: 'none clear', doubtful: 'in doubt', supported: 'hold up' }

const heads: Record<Verdict, string> = {
  none: 'No clear groups.',
  doubtful: 'Groups in doubt.',
  supported: 'The groups hold up.',
}

const advice: Record<Verdict, string> = {
  none: 'The clusters below cut the rows into parts all the same, as any method does; do not take them for kinds of things. Other columns, another scaling or another method may show more.',
  doubtful: 'Look at the map and at the profiles before you rely on them.',
  supported:
    'That says that such groups are in these columns, not that they are the ones that you are looking for: the profiles show what they are.',
}

/** @param k clusters that were found, where one number was */
export function gapSentence(gap: Gaps | undefined, k?: number): string {
  if (!gap) return ''
  if (gap.k > 1 && (k === undefined || k < 2 || gap.k === k)) return `The gap statistic speaks for ${gap.k} groups.`
  if (gap.k > 1)
    return `The gap statistic speaks for ${gap.k} groups by its usual rule, ${gap.greatest === k ? `and is greatest at the ${k} that were found` : `not for the ${k} that were found`}.`
  if (gap.greatest > 1 && gap.greatest === k)
    return `The gap statistic is greatest at ${k} groups, as many as were found, though its usual rule stops at one, as it does where groups are many.`
  if (gap.greatest > 1)
    return `The gap statistic speaks for one group by its usual rule, but is greatest at ${gap.greatest}: ${gap.greatest === gap.most ? 'more were not tried.' : 'small or uneven groups look like that, and so do columns with a few extreme values.'}`
  return 'The gap statistic speaks for one group: the rows are no more gathered than rows spread evenly over the same space.'
}

/** The sentence that stands above the result. */
export function evidenceBlock(evidence: Evidence): MarkdownBlock {
  const verdict = verdictOf(evidence)
  const { k, silhouette, stability, gap, shapes } = evidence
  const said: string[] = []
  if (k < 2) said.push(k ? 'There is a single cluster.' : 'The method finds no group.')
  if (gap) said.push(gapSentence(gap, k))
  else if (k > 1)
    said.push('The gap statistic is not worked out here: there are too many columns, or too few different rows.')
  if (silhouette !== null)
    said.push(
      `The silhouette is ${silhouette.toFixed(2)}${silhouette < leastSilhouette ? `, below ${leastSilhouette}: most rows lie between clusters${verdict === 'doubtful' ? ', as they do where many columns have nothing to do with the groups' : ''}` : silhouette < goodSilhouette ? ', a weak separation' : ''}.`,
    )
  if (k >= 2)
    said.push(
      `When a fifth of the rows is left out, the clusters come again with an agreement of ${stability.toFixed(2)} (1 is the same, 0 is chance)${stability < leastStability ? ': they depend on which rows happen to be there' : ''}.`,
    )
  if (shapes && k > 1 && (silhouette ?? 0) < goodSilhouette)
    said.push(
      'Silhouette and gap look for round groups; clusters of this method may have any shape, so here stability counts.',
    )
  return {
    type: 'markdown',
    name: 'evidence',
    title: 'Are there groups?',
    text: `**${heads[verdict]}** ${said.join(' ')} ${k > 1 ? advice[verdict] : 'Other columns, another scaling or another method may show more.'}`,
  }
}
