import { type Matrix, random, requireFinite } from '@offprint/kernels'
import { type KMeans, type KMeansOptions, requireSearch } from './k-means.ts'
import { initialCentres } from './k-means-starts.ts'
import { checkedWeights, workspace } from './k-means-workspace.ts'

/**
 * k-medians: k centres with the least sum of Manhattan distances, each column of a centre the (lower) weighted median of its rows. Less
 * is drawn away by outliers. `objective` is Σ w‖x − c‖₁. The start is by squared distances, as for `kMeans`. O(n·k·d + n·d·log n) a
 * step, in one thread.
 *
 * @throws InputError for wrong options or points; the signal's reason once it is aborted
 */
export async function kMedians(points: Matrix, options: Omit<KMeansOptions, 'algorithm' | 'tol'>): Promise<KMeans> {
  const { k, init = 'greedy-k-means++', seed = 0, maxIterations = 300, onProgress } = options
  const restarts = options.restarts ?? (init === 'random' ? 10 : 1)
  requireSearch(points.rows, { k, restarts, seed, tol: 0, maxIterations })
  requireFinite(points, 'points')
  const space = await workspace(points, options)
  space.room(k, 'lloyd')
  const weights = checkedWeights(options.weights, points.rows)
  const { rows: n, columns, data } = points
  let best: KMeans | undefined
  for (let restart = 0; restart < restarts; restart++) {
    space.clear()
    const centres = await initialCentres(space, k, init, random(seed, restart))
    const labels = new Int32Array(n).fill(-1)
    const distances = new Float64Array(n)
    let iterations = 0
    let converged = false
    for (;;) {
      let changed = 0
      for (let row = 0; row < n; row++) {
        const label = assign(row, centres)
        if (label !== labels[row]) changed++
        labels[row] = label
        await space.pause()
      }
      iterations++
      converged = !changed
      if (converged || iterations > maxIterations) break
      fillEmpty(labels, distances)
      for (let cluster = 0; cluster < k; cluster++) moveToMedian(cluster, labels, centres)
      onProgress?.(restart + 1 - 0.5 ** (iterations / 8), restarts)
    }
    const sizes = new Uint32Array(k)
    for (const label of labels) sizes[label]++
    const objective = distances.reduce((sum, distance, row) => sum + (weights?.[row] ?? 1) * distance, 0)
    const notes = converged ? [] : ['It stopped before it settled: more iterations may lower the objective.']
    if (!best || objective < best.objective)
      best = { labels, k, sizes, centres, columns, objective, iterations, converged, seed, notes }

    function assign(row: number, of: Float64Array): number {
      let label = 0
      distances[row] = Infinity
      for (let cluster = 0; cluster < k; cluster++) {
        let sum = 0
        for (let column = 0; column < columns; column++)
          sum += Math.abs(data[row * columns + column] - of[cluster * columns + column])
        if (sum < distances[row]) {
          distances[row] = sum
          label = cluster
        }
      }
      return label
    }
  }
  onProgress?.(restarts, restarts)
  return best!

  /** An empty cluster takes the row of greatest weighted distance to its centre. */
  function fillEmpty(labels: Int32Array, distances: Float64Array): void {
    const counts = new Float64Array(k)
    for (let row = 0; row < n; row++) counts[labels[row]] += weights?.[row] ?? 1
    for (let cluster = 0; cluster < k; cluster++) {
      if (counts[cluster] > 0) continue
      let farthest = 0
      const far = (row: number) => (weights?.[row] ?? 1) * distances[row]
      for (let row = 1; row < n; row++) if (far(row) > far(farthest)) farthest = row
      if (!(far(farthest) > 0)) return
      distances[farthest] = 0
      labels[farthest] = cluster
    }
  }

  function moveToMedian(cluster: number, labels: Int32Array, centres: Float64Array): void {
    const rows = [...labels.keys()].filter(row => labels[row] === cluster && (weights?.[row] ?? 1) > 0)
    if (!rows.length) return
    const half = rows.reduce((sum, row) => sum + (weights?.[row] ?? 1), 0) / 2
    for (let column = 0; column < columns; column++) {
      const value = (row: number) => data[row * columns + column]
      rows.sort((a, b) => value(a) - value(b))
      let weight = 0
      const median = rows.find(row => {
        weight += weights?.[row] ?? 1
        return weight >= half
      })
      centres[cluster * columns + column] = value(median ?? rows[0])
    }
  }
}
