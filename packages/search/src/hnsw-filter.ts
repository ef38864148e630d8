/** Which rows of an index may be found, prepared for searching. */
import type { Passing } from './hnsw-graph.ts'
import type { HnswId } from './row-ids.ts'

/** Rows to begin at when the walk goes round all others. */
const seedRows = 32

/** Made by `index.filter`. Follows the index: ids that come or go later are asked about as well. */
export class HnswFilter<Id extends HnswId = number> {
  readonly #prepare: () => Passing
  readonly #revision: () => number
  #kept: { passing: Passing; revision: number } | undefined
  /** Never there: a filter belongs to an index of such ids. */
  declare readonly ids?: Id

  /** @param revision changes whenever `prepare` would give something else */
  constructor(prepare: () => Passing, revision: () => number) {
    this.#prepare = prepare
    this.#revision = revision
  }

  /** How many rows of the index may be found. */
  get size(): number {
    return this.passing().size
  }

  /** Rows that may be found, as they are now. */
  passing(): Passing {
    const revision = this.#revision()
    if (this.#kept?.revision !== revision) this.#kept = { passing: this.#prepare(), revision }
    return this.#kept.passing
  }
}

/**
 * @param rows a bit a row
 * @param count rows of the index
 * @param nodes of each row the node that stands for it; undefined where all stand for themselves
 */
export function passingOf(rows: Uint8Array, count: number, nodes: Uint32Array | undefined): Passing {
  let size = 0
  const byNode = nodes ? new Uint8Array(rows.length) : rows
  for (let row = 0; row < count; row++) {
    if (!((rows[row >> 3] >> (row & 7)) & 1)) continue
    size++
    if (nodes) byNode[nodes[row] >> 3] |= 1 << (nodes[row] & 7)
  }
  const list = new Uint32Array(size)
  for (let row = 0, at = 0; at < size; row++) if ((rows[row >> 3] >> (row & 7)) & 1) list[at++] = row
  const seeds = new Set<number>()
  for (let at = 0; at < Math.min(seedRows, size); at++) {
    const row = list[Math.floor((at * size) / seedRows)]
    seeds.add(nodes ? nodes[row] : row)
  }
  return { size, rows, nodes: byNode, list, seeds: Uint32Array.from(seeds) }
}
