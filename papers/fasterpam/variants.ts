/** The methods of the k-medoids family, by the names that the form has. */
import {
  alternating,
  fastClarans,
  fasterClara,
  fasterMsc,
  fasterPam,
  fastPam1,
  fastPam2,
  type KMedoids,
  type KMedoidsOptions,
  oneBatchPam,
  pam,
} from '@offprint/clustering'
import { type Dissimilarities, type Matrix, mostObjects } from '@offprint/kernels'
import { InputError } from '../define.ts'
import type { inits } from './points.ts'

export const variants = [
  'auto',
  'fasterpam',
  'fastpam1',
  'fastpam2',
  'pam',
  'alternating',
  'fasterclara',
  'fastclarans',
  'onebatchpam',
  'fastermsc',
] as const

export type Variant = (typeof variants)[number]

export const titles: Record<Variant, string> = {
  auto: 'chosen by the number of rows',
  fasterpam: 'FasterPAM',
  fastpam1: 'FastPAM1',
  fastpam2: 'FastPAM2',
  pam: 'PAM, the original',
  alternating: 'alternating',
  fasterclara: 'FasterCLARA',
  fastclarans: 'FastCLARANS',
  onebatchpam: 'OneBatchPAM',
  fastermsc: 'FasterMSC',
}

/** Bytes that the distances to OneBatchPAM's batch may take. */
const mostBatchBytes = 2 ** 30

export type VariantOptions = Omit<KMedoidsOptions, 'init'> & { init?: (typeof inits)[number] | number[] }

/** Clusters by a variant; `auto` is FasterPAM where all pairs fit into memory, else OneBatchPAM. */
export function clusterBy(
  variant: Variant,
  data: Matrix | Dissimilarities,
  options: VariantOptions,
): Promise<KMedoids> {
  switch (chosen(variant, data)) {
    case 'fastpam1':
      return fastPam1(data, options)
    case 'fastpam2':
      return fastPam2(data, options)
    case 'pam':
      return pam(data, options)
    case 'alternating':
      return alternating(data, options)
    case 'fasterclara':
      return fasterClara(data, options)
    case 'fastclarans':
      return fastClarans(data, options)
    case 'onebatchpam': {
      const n = rowsOf(data)
      const wanted = Math.min(n, Math.floor(100 * Math.log(n * options.k)), Math.floor(mostBatchBytes / (4 * n)))
      return oneBatchPam(data, { ...options, batch: Math.max(options.k, wanted) })
    }
    case 'fastermsc':
      return fasterMsc(data, options)
    default:
      return fasterPam(data, options)
  }
}

export function chosen(variant: Variant, data: Matrix | Dissimilarities): Variant {
  if (variant !== 'auto') return variant
  return rowsOf(data) <= mostObjects ? 'fasterpam' : 'onebatchpam'
}

const rowsOf = (data: Matrix | Dissimilarities) => ('n' in data ? data.n : data.rows)

/** @throws InputError for variants that need all pairs, or two medoids, where there are too many rows or one */
export function requireVariant(variant: Variant, { k, init, count }: { k: number; init: string; count: number }): void {
  if (variant === 'fastermsc' && k < 2) throw new InputError('k', String(k), 'at least 2 for FasterMSC')
  if (count <= mostObjects) return
  const most = `at most ${mostObjects.toLocaleString('en')} rows`
  if (!['auto', 'fasterpam', 'fasterclara', 'fastclarans', 'onebatchpam'].includes(variant))
    throw new InputError('variant', variant, `auto, fasterclara, fastclarans, onebatchpam or fasterpam beyond ${most}`)
  if (['build', 'park-jun'].includes(init) && variant !== 'fasterclara')
    throw new InputError('init', init, `random, lab, k-medoids++ or first beyond ${most}`)
}
