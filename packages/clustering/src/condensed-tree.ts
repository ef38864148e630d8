/** HDBSCAN's condensed tree: what remains of a tree of merges when clusters below a size count as noise. */
import { DisjointSets } from './disjoint-sets.ts'
import { pauses } from './pauses.ts'
import type { SpanningTree } from './spanning-tree.ts'

/** Sorted at once: some 10 ms. */
const pieceEdges = 8192

/** A cluster's density is λ = 1/distance. Cluster 0 holds all rows; the others come after those that they split from. */
export interface CondensedTree {
  /** Cluster that each split from, −1 for the first. */
  parents: Int32Array
  /** λ at which each appears, 0 for the first. */
  births: Float64Array
  /** λ at which the last rows leave it, by splitting or as noise. */
  deaths: Float64Array
  /** Rows at birth. */
  sizes: Uint32Array
  /** Σ over its rows of (λ at which the row leaves − λ of birth). */
  stabilities: Float64Array
  /** 1 for the clusters that were chosen. */
  selected: Uint8Array
  /** Smallest cluster that each row is in. */
  clusterOf: Int32Array
  /** λ at which each row leaves it. */
  leaves: Float64Array
}

/**
 * Condenses a spanning tree (Campello, Moulavi, Zimek and Sander 2015, section 4): a cluster splits where at least two parts of
 * `minClusterSize` rows come apart; rows of smaller parts leave it. Rows at distance 0 count as half as far apart as the nearest
 * that differ.
 *
 * Clusters are chosen by excess of mass: those of the greatest total stability of which none lies in another; of equal ones the
 * larger cluster.
 *
 * @throws the signal's reason once it is aborted
 * @param options.allowSingle whether the cluster of all rows may be chosen
 * @param options.simultaneous edges of equal length come apart at once; otherwise one by one, the later first
 */
export async function condensedTree(
  { from, to, lengths }: SpanningTree,
  n: number,
  {
    minClusterSize,
    allowSingle,
    simultaneous,
    signal,
  }: { minClusterSize: number; allowSingle: boolean; simultaneous: boolean; signal?: AbortSignal },
): Promise<CondensedTree> {
  const pause = pauses({ signal })
  const order = await ascending(lengths, pause)
  const positive = order.find(edge => lengths[edge] > 0)
  const least = positive === undefined ? 1 : lengths[positive]
  const density = (length: number) => 1 / (length > 0 ? length : least / 2)

  // The tree of merges: nodes below n are rows.
  const left = new Uint32Array(Math.max(0, n - 1))
  const right = new Uint32Array(Math.max(0, n - 1))
  const size = new Uint32Array(2 * n - 1).fill(1)
  const sets = new DisjointSets(n)
  const nodeOf = Uint32Array.from({ length: n }, (_, row) => row)
  for (const [at, edge] of order.entries()) {
    const a = nodeOf[sets.find(from[edge])]
    const b = nodeOf[sets.find(to[edge])]
    left[at] = a
    right[at] = b
    size[n + at] = size[a] + size[b]
    nodeOf[sets.join(from[edge], to[edge])] = n + at
    const wait = pause(at, n)
    if (wait) await wait
  }

  const parents: number[] = []
  const births: number[] = []
  const sizes: number[] = []
  const stabilities: number[] = []
  const deaths: number[] = []
  const clusterOf = new Int32Array(n)
  const leaves = new Float64Array(n)
  const appear = (parent: number, birth: number, node: number) => {
    parents.push(parent)
    births.push(birth)
    sizes.push(size[node])
    stabilities.push(0)
    deaths.push(birth)
    return parents.length - 1
  }
  const below: number[] = []
  /** All rows of a node leave a cluster. */
  const leave = (node: number, cluster: number, lambda: number) => {
    below.push(node)
    while (below.length) {
      const one = below.pop()!
      if (one >= n) below.push(left[one - n], right[one - n])
      else {
        clusterOf[one] = cluster
        leaves[one] = lambda
      }
    }
  }
  const open: { node: number; cluster: number }[] = [{ node: 2 * n - 2, cluster: appear(-1, 0, 2 * n - 2) }]
  while (open.length) {
    const wait = pause(0, n)
    if (wait) await wait
    const { node, cluster } = open.pop()!
    if (node < n) {
      leave(node, cluster, births[cluster])
      continue
    }
    const lambda = density(lengths[order[node - n]])
    const parts: number[] = []
    const apart = [right[node - n], left[node - n]]
    while (apart.length) {
      const part = apart.pop()!
      if (simultaneous && part >= n && lengths[order[part - n]] === lengths[order[node - n]])
        apart.push(right[part - n], left[part - n])
      else parts.push(part)
    }
    const large = parts.filter(part => size[part] >= minClusterSize)
    // What stays in the one part that is left leaves later.
    const leaving = size[node] - (large.length === 1 ? size[large[0]] : 0)
    stabilities[cluster] += leaving * (lambda - births[cluster])
    deaths[cluster] = lambda
    for (const part of parts) if (size[part] < minClusterSize) leave(part, cluster, lambda)
    for (const part of large)
      open.push({ node: part, cluster: large.length === 1 ? cluster : appear(cluster, lambda, part) })
  }

  const selected = new Uint8Array(parents.length)
  const best = Float64Array.from(stabilities)
  const ofChildren = new Float64Array(parents.length)
  for (let cluster = parents.length - 1; cluster >= 0; cluster--) {
    const own = stabilities[cluster]
    // Sums of the same numbers in another order are the same but for rounding.
    const chosen = own >= ofChildren[cluster] * (1 - 1e-12) && (cluster > 0 || allowSingle)
    selected[cluster] = Number(chosen)
    best[cluster] = chosen ? own : ofChildren[cluster]
    if (cluster) ofChildren[parents[cluster]] += best[cluster]
  }
  // What lies in a chosen one is not.
  const covered = new Uint8Array(parents.length)
  for (let cluster = 1; cluster < parents.length; cluster++) {
    covered[cluster] = covered[parents[cluster]] | selected[parents[cluster]]
    if (covered[cluster]) selected[cluster] = 0
  }
  return {
    parents: Int32Array.from(parents),
    births: Float64Array.from(births),
    deaths: Float64Array.from(deaths),
    sizes: Uint32Array.from(sizes),
    stabilities: Float64Array.from(stabilities),
    selected,
    clusterOf,
    leaves,
  }
}

/** Edges by length, equal ones by number: pieces are sorted, then merged. */
async function ascending(lengths: Float64Array, pause: ReturnType<typeof pauses>): Promise<Uint32Array> {
  const count = lengths.length
  let order = new Uint32Array(count)
  for (let at = 0; at < count; at++) order[at] = at
  for (let begin = 0; begin < count; begin += pieceEdges) {
    order.subarray(begin, begin + pieceEdges).sort((a, b) => lengths[a] - lengths[b] || a - b)
    await pause(begin, count)
  }
  let merged = new Uint32Array(count)
  for (let width = pieceEdges; width < count; width *= 2) {
    for (let begin = 0; begin < count; begin += 2 * width) {
      const middle = Math.min(begin + width, count)
      const end = Math.min(middle + width, count)
      let [left, right] = [begin, middle]
      for (let at = begin; at < end; at++)
        merged[at] =
          right === end || (left < middle && lengths[order[left]] <= lengths[order[right]])
            ? order[left++]
            : order[right++]
      await pause(begin, count)
    }
    ;[order, merged] = [merged, order]
  }
  return order
}

/** For each cluster the chosen one that it lies in, or −1. */
export function chosenAbove({ parents, selected }: Pick<CondensedTree, 'parents' | 'selected'>): Int32Array {
  const above = new Int32Array(parents.length).fill(-1)
  for (let cluster = 0; cluster < parents.length; cluster++)
    above[cluster] = selected[cluster] ? cluster : cluster ? above[parents[cluster]] : -1
  return above
}
