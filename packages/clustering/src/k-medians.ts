import { type Matrix, random, requireFinite } from '@offprint/kernels'
import { distinctRowsNote } from './distinct-rows.ts'
import { type KMeans, type KMeansOptions, nearestByManhattan, requireSearch } from './k-means.ts'
import { initialCentres } from './k-means-starts.ts'
import { checkedWeights, workspace } from './k-means-workspace.ts'
import { weightedSelect } from './weighted-select.ts'

/**
 * k-medians: k centres with the least sum of Manhattan distances, each column of a centre the (lower) weighted median of its rows. Less
 * is drawn away by outliers. `objective` is Σ w‖x − c‖₁. The start is by squared distances, as for `kMeans`. O(n·k·d) a
 * step, in one thread.
 *
 * @throws InputError for wrong options or points; the signal's reason once it is aborted
 */
export async function kMedians(points: Matrix, options: Omit<KMeansOptions, 'algorithm' | 'tol'>): Promise<KMeans> {
  const { k, init = 'greedy-k-means++', seed = 0, maxIterations = 300, onProgress, signal } = options
  const restarts = options.restarts ?? (init === 'random' ? 10 : 1)
  requireSearch(points.rows, { k, restarts, seed, tol: 0, maxIterations })
  requireFinite(points, 'points')
  const space = await workspace(points, options)
  space.room(k, 'lloyd')
  const weights = checkedWeights(options.weights, points.rows)
  const { rows: n, columns, data } = points
  const weightOf = (row: number) => weights?.[row] ?? 1
  let best: KMeans | undefined
  for (let restart = 0; restart < restarts; restart++) {
    space.clear()
    const centres = await initialCentres(space, k, init, random(seed, restart))
    let labels: Int32Array = new Int32Array(n).fill(-1)
    let distances: Float64Array = new Float64Array(n)
    let iterations = 0
    let converged = false
    for (;;) {
      const found = await nearestByManhattan(points, centres, { signal })
      converged = found.labels.every((label, row) => label === labels[row])
      labels = found.labels
      distances = found.distances
      iterations++
      if (converged || iterations > maxIterations) break
      fillEmpty(labels, distances)
      await moveToMedians(labels, centres)
      onProgress?.(restart + 1 - 0.5 ** (iterations / 8), restarts)
    }
    const sizes = new Uint32Array(k)
    for (const label of labels) sizes[label]++
    const objective = distances.reduce((sum, distance, row) => sum + weightOf(row) * distance, 0)
    const notes = converged ? [] : ['It stopped before it settled: more iterations may lower the objective.']
    const metric = 'manhattan'
    if (!best || objective < best.objective)
      best = { labels, k, sizes, centres, columns, metric, objective, iterations, converged, seed, notes }
  }
  best!.notes.push(...(await distinctRowsNote(points, k, options)))
  onProgress?.(restarts, restarts)
  return best!

  /** An empty cluster takes the row of greatest weighted distance to its centre. */
  function fillEmpty(labels: Int32Array, distances: Float64Array): void {
    const counts = new Float64Array(k)
    for (let row = 0; row < n; row++) counts[labels[row]] += weightOf(row)
    for (let cluster = 0; cluster < k; cluster++) {
      if (counts[cluster] > 0) continue
      let farthest = 0
      const far = (row: number) => weightOf(row) * distances[row]
      for (let row = 1; row < n; row++) if (far(row) > far(farthest)) farthest = row
      if (!(far(farthest) > 0)) return
      distances[farthest] = 0
      labels[farthest] = cluster
    }
  }

  async function moveToMedians(labels: Int32Array, centres: Float64Array): Promise<void> {
    // Rows of a weight above 0, cluster by cluster.
    const ends = new Uint32Array(k)
    for (let row = 0; row < n; row++) if (weightOf(row) > 0) ends[labels[row]]++
    for (let cluster = 1; cluster < k; cluster++) ends[cluster] += ends[cluster - 1]
    const members = new Uint32Array(ends[k - 1])
    const begins = ends.slice()
    for (let row = n - 1; row >= 0; row--) if (weightOf(row) > 0) members[--begins[labels[row]]] = row
    for (let cluster = 0; cluster < k; cluster++) {
      const rows = members.subarray(begins[cluster], ends[cluster])
      if (!rows.length) continue
      let half = 0
      for (const row of rows) half += weightOf(row) / 2
      for (let column = 0; column < columns; column++) {
        const values = new Float64Array(rows.length)
        for (let at = 0; at < rows.length; at++) values[at] = data[rows[at] * columns + column]
        centres[cluster * columns + column] = weightedSelect(values, half, weights && Float64Array.from(rows, weightOf))
        await space.pause()
      }
    }
  }
}
