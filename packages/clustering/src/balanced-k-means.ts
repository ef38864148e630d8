import { breathe, type Matrix, random } from '@offprint/kernels'
import { distinctRowsNote } from './distinct-rows.ts'
import { type KMeans, type KMeansOptions, requireSearch } from './k-means.ts'
import { initialCentres } from './k-means-starts.ts'
import { refuseWeights, workspace } from './k-means-workspace.ts'

const pieceMs = 15

/**
 * k-means with clusters of ⌊n/k⌋ or ⌈n/k⌉ rows. Each step assigns the rows at the least cost of all such assignments, exactly: a
 * min-cost flow by shortest augmenting paths over the clusters, about O(n·(k² + n)) a step, so for up to some ten thousand rows.
 *
 * @throws InputError for wrong options or points; the signal's reason once it is aborted
 */
export async function balancedKMeans(
  points: Matrix,
  options: Omit<KMeansOptions, 'algorithm' | 'weights' | 'tol'>,
): Promise<KMeans> {
  const { k, init = 'greedy-k-means++', seed = 0, maxIterations = 300, onProgress, signal } = options
  const restarts = options.restarts ?? (init === 'random' ? 10 : 1)
  refuseWeights(options, 'balancedKMeans')
  requireSearch(points.rows, { k, restarts, seed, tol: 0, maxIterations })
  const space = await workspace(points, { signal, pool: options.pool })
  space.room(k, 'lloyd')
  const { rows: n, columns, data } = points
  let best: KMeans | undefined
  for (let restart = 0; restart < restarts; restart++) {
    space.clear()
    const centres = await initialCentres(space, k, init, random(seed, restart))
    let labels = new Int32Array(n)
    let objective = Infinity
    let iterations = 0
    let converged = false
    while (!converged && iterations < maxIterations) {
      const costs = new Float64Array(n * k)
      for (let row = 0; row < n; row++)
        for (let cluster = 0; cluster < k; cluster++)
          for (let column = 0; column < columns; column++)
            costs[row * k + cluster] += (data[row * columns + column] - centres[cluster * columns + column]) ** 2
      const found = await balancedAssignment(costs, n, k, signal)
      let cost = 0
      for (let row = 0; row < n; row++) cost += costs[row * k + found[row]]
      iterations++
      converged = !(cost < objective * (1 - 1e-12))
      if (converged) break
      labels = found
      objective = cost
      centres.fill(0)
      const counts = new Float64Array(k)
      for (const label of labels) counts[label]++
      for (let row = 0; row < n; row++)
        for (let column = 0; column < columns; column++)
          centres[labels[row] * columns + column] += data[row * columns + column] / counts[labels[row]]
      onProgress?.(restart + 1 - 0.5 ** (iterations / 8), restarts)
    }
    objective = 0
    for (let row = 0; row < n; row++)
      for (let column = 0; column < columns; column++)
        objective += (data[row * columns + column] - centres[labels[row] * columns + column]) ** 2
    const sizes = new Uint32Array(k)
    for (const label of labels) sizes[label]++
    const notes = converged ? [] : ['It stopped before it settled: more iterations may lower the objective.']
    if (!best || objective < best.objective)
      best = { labels, k, sizes, centres, columns, metric: 'euclidean', objective, iterations, converged, seed, notes }
  }
  best!.notes.push(...(await distinctRowsNote(points, k, { signal })))
  onProgress?.(restarts, restarts)
  return best!
}

/**
 * The cheapest assignment of n rows to k clusters of ⌊n/k⌋ or ⌈n/k⌉ rows. Rows come in one after the other, each along the cheapest
 * path by which rows move from cluster to cluster until one has room. Node k stands for the n mod k places that any cluster may have
 * beyond ⌊n/k⌋.
 *
 * @param costs n × k
 */
export async function balancedAssignment(
  costs: Float64Array,
  n: number,
  k: number,
  signal?: AbortSignal,
): Promise<Int32Array<ArrayBuffer>> {
  const labels = new Int32Array(n).fill(-1)
  const members: Set<number>[] = Array.from({ length: k }, () => new Set<number>())
  const least = Math.floor(n / k)
  let extra = n % k
  const hasExtra = new Uint8Array(k)
  /** The row that moves from one cluster to another at the least cost, −1 for none. */
  const mover = new Int32Array(k * k).fill(-1)
  const price = new Float64Array(k * k).fill(Infinity)
  const change = (row: number, from: number, to: number) => costs[row * k + to] - costs[row * k + from]
  const offer = (row: number, from: number, to: number) => {
    const value = change(row, from, to)
    if (value >= price[from * k + to]) return
    price[from * k + to] = value
    mover[from * k + to] = row
  }
  const enter = (row: number, cluster: number) => {
    labels[row] = cluster
    members[cluster].add(row)
    for (let to = 0; to < k; to++) if (to !== cluster) offer(row, cluster, to)
  }
  const leave = (row: number, cluster: number) => {
    members[cluster].delete(row)
    for (let to = 0; to < k; to++) {
      if (mover[cluster * k + to] !== row) continue
      mover[cluster * k + to] = -1
      price[cluster * k + to] = Infinity
      for (const other of members[cluster]) offer(other, cluster, to)
    }
  }
  const distance = new Float64Array(k + 1)
  const before = new Int32Array(k + 1)
  let since = performance.now()
  for (let row = 0; row < n; row++) {
    for (let cluster = 0; cluster < k; cluster++) distance[cluster] = costs[row * k + cluster]
    distance[k] = Infinity
    before.fill(-1)
    // Bellman and Ford: moves can gain, but no circle of them does.
    for (let round = 0, changed = true; changed && round <= k + 1; round++) {
      changed = false
      for (let from = 0; from < k; from++) {
        const base = distance[from]
        for (let to = 0; to < k; to++)
          if (base + price[from * k + to] < distance[to] - 1e-12 * Math.abs(distance[to])) {
            distance[to] = base + price[from * k + to]
            before[to] = from
            changed = true
          }
        if (!hasExtra[from] && members[from].size >= least && base < distance[k]) {
          distance[k] = base
          before[k] = from
          changed = true
        }
      }
      for (let to = 0; to < k; to++)
        if (hasExtra[to] && distance[k] < distance[to] - 1e-12 * Math.abs(distance[to])) {
          distance[to] = distance[k]
          before[to] = k
          changed = true
        }
    }
    let end = extra > 0 ? k : -1
    for (let cluster = 0; cluster < k; cluster++)
      if (members[cluster].size < least && (end < 0 || distance[cluster] < distance[end])) end = cluster
    if (end === k) extra--
    const path: number[] = []
    for (let at = end; at >= 0; at = before[at]) path.unshift(at)
    const clusters: [number, number, number][] = []
    for (let at = 1; at < path.length; at++) {
      const [from, to] = [path[at - 1], path[at]]
      if (to === k) hasExtra[from] = 1
      else if (from === k) hasExtra[to] = 0
      else clusters.push([mover[from * k + to], from, to])
    }
    for (const [moved, from] of clusters) leave(moved, from)
    for (const [moved, , to] of clusters) enter(moved, to)
    enter(row, path[0])
    if (performance.now() - since < pieceMs) continue
    await breathe(signal)
    since = performance.now()
  }
  return labels
}
