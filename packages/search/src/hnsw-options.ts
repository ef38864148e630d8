/** What an HNSW index can be told, and what it says of itself. */
import { InputError } from '@offprint/kernels'
import type { HnswFilter } from './hnsw-filter.ts'
import type { HnswId, IdList } from './row-ids.ts'

export type HnswMetric = 'l2' | 'cosine' | 'ip'
export const hnswMetrics = ['l2', 'cosine', 'ip'] as const

export interface ThreadOptions {
  /**
   * Threads that build, and answer batches; from 1, the default, which starts none. The graph is the same for any number of
   * them. Where a page is not isolated from other origins, the work is done in one.
   */
  threads?: number
}

export interface OpenOptions extends ThreadOptions {
  /**
   * Answers as soon as codes and links are read; the floats of what is found are read from the file, and the rest comes in the
   * background, where the file is also checked: see `ready`. Only where the walk compares codes; default false.
   */
  lazy?: boolean
}

export interface HnswOptions {
  /**
   * `l2`: squared Euclidean distance (the default). `cosine`: 1 − cosine, rows are stored at length 1. `ip`: 1 − inner product.
   */
  metric?: HnswMetric
  /** Links a node in upper layers, twice as many in layer 0; 4 to 64, default 16. More for high dimensions and recalls. */
  M?: number
  /** Candidates kept while a node's links are looked for; 8 to 4,096, default 200. */
  efConstruction?: number
  /** Whole number from 0 to 2³² − 1, for the levels; default 100. Same rows in the same order and seed, same graph. */
  seed?: number
  /**
   * What the walk compares. `i8`: codes of a byte a dimension, with the floats read only to rank what was found. `none`: the
   * floats. `auto` (the default): codes once there are 1,000 rows, if on these they miss next to no true neighbour. `ip` has
   * none. `bit`: a bit a dimension, for searching alone: an eighth of the bytes, for 384 dimensions and more, where three times the
   * candidates are needed.
   */
  codes?: 'auto' | 'i8' | 'bit' | 'none'
  /**
   * How vectors are kept. `f32` (the default): as they are. `f16`: as 16-bit floats, half the memory, wherever the walk compares
   * codes; good to about 0.05 % of a component, which must be at most 65,504.
   */
  keepFloats?: 'f32' | 'f16'
  /** How a node's links are chosen among candidates: by the heuristic (algorithm 4, the default), or just the nearest. */
  selection?: 'heuristic' | 'simple'
  /** Algorithm 4's option: places that are left go to the nearest candidates that were passed over. Default false. */
  keepPruned?: boolean
  /** Algorithm 4's option for extremely clustered rows: what candidates link to is a candidate as well. Default false. */
  extendCandidates?: boolean
  /** Level factor mL of section 4.1; default 1/ln M. 0 gives a single layer. For experiments. */
  levelFactor?: number
  /** Links a node in layer 0 as a multiple of M, 1 to 4; default 2. For experiments. */
  layer0Factor?: number
}

export interface AddOptions<Id extends HnswId> {
  /**
   * What the rows are called: numbers (whole, from 0 to 2³² − 2), bigints or strings, one kind an index. Left out, they are whole
   * numbers that count on.
   */
  ids?: ArrayLike<Id>
}

export interface SearchOptions<Id extends HnswId = number> {
  /** Candidates kept on the walk, at least k; default max(2k, 50), with codes of bits three times that. More find more and take longer. */
  ef?: number
  /** Instead of `ef`: share of the true neighbours that should be found, above 0 and at most 1. Needs `calibrate` before. */
  recall?: number
  /** Ids that may be found: a function that says so, a list, or what `filter` made of either, which is quicker from the second use on. */
  filter?: HnswFilter<Id> | FilterSource<Id>
}

export type FilterSource<Id extends HnswId> = ((id: Id) => boolean) | Iterable<Id>

export interface RangeOptions<Id extends HnswId = number> {
  /** Most rows that are given, the nearest ones; default 10,000. */
  limit?: number
  filter?: HnswFilter<Id> | FilterSource<Id>
}

/** Neighbours of one query, nearest first. */
export interface Neighbours<Id extends HnswId = number> {
  ids: IdList<Id>
  /** By the metric: squared, or 1 − cosine, or 1 − inner product. */
  distances: Float32Array
}

/** Neighbours of many queries: `k` a query, one after the other. */
export interface BatchNeighbours<Id extends HnswId = number> extends Neighbours<Id> {
  /** Neighbours a query: what was asked for, or all rows where there are fewer. */
  k: number
}

/** Recall that candidates on the walk gave, measured on this index. */
export interface Calibration {
  /** Queries it was measured on. */
  queries: number
  /** For a number of neighbours k: pairs of ef and recall, in ascending order. */
  curves: { k: number; points: [ef: number, recall: number][] }[]
}

export interface HnswStats {
  metric: HnswMetric
  M: number
  efConstruction: number
  seed: number
  /** What the walk compares. */
  codes: 'i8' | 'bit' | 'none'
  /** How vectors are kept. */
  floats: 'f32' | 'f16'
  /** Threads that build, and answer batches. */
  threads: number
  dimension: number
  /** Rows that can be found. */
  size: number
  /** Rows that are no longer found but not yet taken out of the graph. */
  deleted: number
  /** Places of rows taken out, which the next rows get. */
  holes: number
  /** Nodes whose highest layer is this one; equal rows share a node. */
  nodesByLevel: number[]
  /** Mean number of links of a node in layer 0. */
  meanLinks: number
  /** Memory of the rows that are there, by what it holds. `scratch` is needed by searching alone. */
  bytes: { vectors: number; codes: number; links: number; other: number; scratch: number; total: number }
}

export type HnswSettings = Required<HnswOptions>

/** Fills in what is left out. @throws InputError for an option that cannot be */
export function readOptions(options: HnswOptions): HnswSettings {
  const {
    metric = 'l2',
    M = 16,
    efConstruction = 200,
    seed = 100,
    codes = 'auto',
    keepFloats = 'f32',
    selection = 'heuristic',
    keepPruned = false,
    extendCandidates = false,
    layer0Factor = 2,
  } = options
  requireOneOf('metric', metric, hnswMetrics)
  requireWhole('M', M, 4, 64)
  requireWhole('efConstruction', efConstruction, 8, 4096)
  requireWhole('seed', seed, 0, 2 ** 32 - 1)
  requireOneOf('codes', codes, ['auto', 'i8', 'bit', 'none'])
  if ((codes === 'i8' || codes === 'bit') && metric === 'ip')
    throw new InputError(
      'codes',
      `'${codes}'`,
      "'none'",
      `codes must be 'none' or 'auto' where the metric is 'ip', found '${codes}'`,
    )
  requireOneOf('keepFloats', keepFloats, ['f32', 'f16'])
  // Rows are added by comparing 32-bit floats.
  if (codes === 'bit' && keepFloats === 'f16')
    throw new InputError('keepFloats', "'f16'", "'f32'", "keepFloats must be 'f32' where codes are bits, found 'f16'")
  requireOneOf('selection', selection, ['heuristic', 'simple'])
  for (const [name, value] of Object.entries({ keepPruned, extendCandidates }))
    if (typeof value !== 'boolean') throw new InputError(name, String(value), 'true or false')
  const levelFactor = options.levelFactor ?? 1 / Math.log(M)
  if (!(levelFactor >= 0 && levelFactor <= 4)) throw new InputError('levelFactor', String(levelFactor), 'from 0 to 4')
  if (!(layer0Factor >= 1 && layer0Factor <= 4))
    throw new InputError('layer0Factor', String(layer0Factor), 'from 1 to 4')
  return {
    metric,
    M,
    efConstruction,
    seed,
    codes,
    keepFloats,
    selection,
    keepPruned,
    extendCandidates,
    levelFactor,
    layer0Factor,
  }
}

function requireOneOf(field: string, value: string, values: readonly string[]): void {
  if (!values.includes(value)) throw new InputError(field, `'${value}'`, `one of ${values.join(', ')}`)
}

export function requireWhole(field: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new InputError(field, String(value), `a whole number from ${least} to ${most}`)
}
