import { InputError } from '@offprint/kernels'
import type { Neighbours } from './hnsw-options.ts'
import type { HnswId, IdList } from './row-ids.ts'

/**
 * The nearest of what several indexes found for one query: so a collection larger than the 4 GiB of one index is searched in parts, each
 * with ids of its own. Of equal distances those of the earlier index count.
 *
 * @param found by each index, nearest first
 * @param k neighbours wanted; fewer come back where fewer were found
 * @throws InputError where `k` is no whole number of at least 1
 *
 * @example
 * const { ids } = mergeNeighbours(parts.map(index => index.search(query, 10)), 10)
 */
export function mergeNeighbours<Id extends HnswId>(found: Neighbours<Id>[], k: number): Neighbours<Id> {
  if (!Number.isInteger(k) || k < 1) throw new InputError('k', String(k), 'a whole number of at least 1')
  const all = found
    .flatMap(({ ids, distances }) => Array.from(distances, (distance, at) => ({ id: ids[at] as Id, distance })))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, k)
  const ids = all.map(({ id }) => id)
  const list = found.find(part => part.ids.length)?.ids ?? found[0]?.ids
  return {
    ids: (list instanceof BigUint64Array
      ? BigUint64Array.from(ids as bigint[])
      : list instanceof Uint32Array
        ? Uint32Array.from(ids as number[])
        : ids) as IdList<Id>,
    distances: Float32Array.from(all, ({ distance }) => distance),
  }
}
