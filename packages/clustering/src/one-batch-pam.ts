import { type Dissimilarities, InputError, type Matrix } from '@offprint/kernels'
import { eagerSwaps } from './faster-pam.ts'
import {
  bestSingle,
  type KMedoids,
  type KMedoidsOptions,
  kMedoidsOf,
  requireOptions,
  requireWhole,
} from './k-medoids.ts'
import { type Source, sourceOf, type Workspace, workspace } from './k-medoids-workspace.ts'
import { pauses } from './pauses.ts'

export interface OneBatchPamOptions extends Omit<KMedoidsOptions, 'matrix'> {
  /** Rows in the batch, from k to n; default 100·ln(n·k). */
  batch?: number
  /**
   * What a row of the batch counts: `nniw` (default) as many rows as it is the nearest one of the batch to, `uniform` all the same.
   */
  weighting?: 'nniw' | 'uniform'
  /** Try the candidates in a seeded random order; default false. */
  shuffle?: boolean
}

/** A swap must lower the batch's total deviation by this share: section 3 of arXiv 2501.19285. */
const leastGain = 1e-6
/** Candidates whose distances to the batch are worked out at once. */
const atOnce = 1024

/**
 * OneBatchPAM (arXiv 2501.19285): FasterPAM with all rows as candidates, but distances summed over one random batch only.
 * O(n·batch) time a pass and memory.
 *
 * @returns `trace`: total deviation of the start and of the result, over all rows
 * @throws InputError for wrong options or data; the signal's reason once it is aborted
 */
export async function oneBatchPam(data: Matrix | Dissimilarities, options: OneBatchPamOptions): Promise<KMedoids> {
  const n = 'n' in data ? data.n : data.rows
  requireOptions(options, n)
  const { k, metric, weighting = 'nniw', shuffle, pool, signal } = options
  const { batch = Math.min(n, Math.max(k, Math.floor(100 * Math.log(n * k)))) } = options
  requireWhole('batch', batch, k, n)
  if (weighting !== 'nniw' && weighting !== 'uniform')
    throw new InputError('weighting', `'${weighting}'`, 'one of nniw, uniform')
  const source = await sourceOf(data, { metric, matrix: 'none', pool, signal })
  return kMedoidsOf(
    source,
    { ...options, init: options.init ?? 'random' },
    async (space, { maxPasses, totals, random, pause }) => {
      const objects = random.sample(batch, n).sort((a, b) => a - b)
      const part = await distancesTo(source, objects, signal)
      try {
        const weights =
          weighting === 'nniw'
            ? await nearestCounts(part, space, signal)
            : space.weights && objects.map(one => space.weights![one])
        const inner = workspace(part, k, {
          weights: weights?.some(weight => weight > 0) ? weights : undefined,
          tolerance: leastGain,
          pool,
          signal,
        })
        try {
          await inner.place(space.medoids())
          const innerTotals = [inner.engine.total()]
          const search = k === 1 ? bestSingle : eagerSwaps({ shuffle, seed: random.integer(2 ** 32) })
          const found = await search(inner, {
            maxPasses,
            totals: innerTotals,
            random,
            pause,
          })
          await space.place([...inner.medoids()])
          totals.push(space.engine.total())
          return { ...found, swaps: innerTotals.length - 1 }
        } finally {
          inner.release()
        }
      } finally {
        part.arena.give(part.pointer!)
      }
    },
  )
}

/** A row for each candidate, with its distances to the objects of the batch. */
async function distancesTo(source: Source, objects: number[], signal?: AbortSignal): Promise<Source> {
  const { arena, candidates, compute, n } = source
  const stride = Math.ceil(objects.length / 4) * 16
  const pointer = arena.take(candidates * stride)
  try {
    const wait = pauses({ signal })
    for (let from = 0; from < candidates; from += atOnce) {
      const count = Math.min(atOnce, candidates - from)
      if (compute) {
        const list = Array.from({ length: count }, (_, at) => from + at)
        await compute(list, pointer + from * stride, stride, objects)
      } else {
        const all = new Float32Array(arena.memory.buffer, source.pointer!, candidates * n)
        const target = new Float32Array(arena.memory.buffer, pointer, (candidates * stride) / 4)
        for (let candidate = from; candidate < from + count; candidate++)
          for (const [at, object] of objects.entries())
            target[(candidate * stride) / 4 + at] = all[candidate * n + object]
      }
      await wait(0, 1)
    }
  } catch (error) {
    arena.give(pointer)
    throw error
  }
  const home = new Int32Array(candidates).fill(-1)
  for (const [at, object] of objects.entries()) home[object] = at
  return { arena, n: objects.length, candidates, pointer, stride, home, symmetric: source.symmetric }
}

/** Weight of the rows that each row of the batch is the nearest one to. */
async function nearestCounts(
  { arena, pointer, stride, n, candidates }: Source,
  { weights }: Workspace,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const counts = new Float64Array(n)
  const wait = pauses({ signal })
  for (let candidate = 0; candidate < candidates; candidate++) {
    const row = new Float32Array(arena.memory.buffer, pointer! + candidate * stride, n)
    let nearest = 0
    for (let object = 1; object < n; object++) if (row[object] < row[nearest]) nearest = object
    counts[nearest] += weights?.[candidate] ?? 1
    if (candidate % atOnce === 0) await wait(0, 1)
  }
  return counts
}
