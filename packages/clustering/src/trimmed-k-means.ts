import { InputError, type Matrix, random } from '@offprint/kernels'
import { distinctRowsNote } from './distinct-rows.ts'
import { type KMeans, type KMeansOptions, partitionOf, requireSearch } from './k-means.ts'
import { initialCentres, numbersOf } from './k-means-starts.ts'
import { refuseWeights, requireRows, workspace } from './k-means-workspace.ts'
import { weightedSelect } from './weighted-select.ts'

export interface TrimmedOptions extends Omit<KMeansOptions, 'algorithm' | 'weights' | 'tol'> {
  /** Share of the rows that belong to no cluster, at least 0 and below 1; default 0.05. */
  alpha?: number
}

/**
 * Trimmed k-means (Cuesta-Albertos, Gordaliza and Matrán 1997): the ⌊α·n⌋ rows farthest from their centres are left out at each step.
 * They are noise, label −1, at the end, and not in the objective. O(n·k·d) a step. Starts are `random` by default, as k-means++ draws
 * outliers first; 10 of them.
 *
 * @throws InputError for wrong options or points; the signal's reason once it is aborted
 */
export async function trimmedKMeans(points: Matrix, options: TrimmedOptions): Promise<KMeans> {
  const { k, alpha = 0.05, init = 'random', seed = 0, maxIterations = 300, onProgress } = options
  const { restarts = 10 } = options
  requireRows(points)
  refuseWeights(options, 'trimmedKMeans')
  requireSearch(points.rows, { k, restarts, seed, tol: 0, maxIterations })
  if (!(alpha >= 0 && alpha < 1)) throw new InputError('alpha', String(alpha), 'at least 0 and below 1')
  const { rows: n, columns, data } = points
  const left = n - Math.floor(alpha * n)
  if (left < k) throw new InputError('alpha', String(alpha), `small enough that k = ${k} of ${n} rows are left`)
  const { signal, pool } = options
  const space = await workspace(points, { signal, pool, centres: numbersOf(init) })
  space.room(k, 'lloyd')
  let best: KMeans | undefined
  for (let restart = 0; restart < restarts; restart++) {
    space.clear()
    let centres = await initialCentres(space, k, init, random(seed, restart))
    let before: Int32Array | undefined
    let iterations = 0
    let converged = false
    for (;;) {
      space.setCentres(centres)
      await space.assign()
      iterations++
      const distances = await space.ownDistances()
      const labels = space.labels().slice()
      // Up to here the rows are left in; of those that are just as far, the first.
      const limit = weightedSelect(distances.slice(), left)
      let equal = left
      for (const distance of distances) if (distance < limit) equal--
      for (let row = 0; row < n; row++)
        if (distances[row] > limit || (distances[row] === limit && equal-- <= 0)) labels[row] = -1
      const last = before
      converged = last !== undefined && labels.every((label, row) => label === last[row])
      if (converged || iterations > maxIterations) {
        const found = await partitionOf(space, { iterations, converged, seed })
        const sizes = new Uint32Array(k)
        for (const label of labels) if (label >= 0) sizes[label]++
        const objective = distances.reduce((sum, distance, row) => (labels[row] < 0 ? sum : sum + distance), 0)
        if (!best || objective < best.objective) best = { ...found, labels, sizes, objective }
        break
      }
      before = labels
      const sums = new Float64Array(k * columns)
      const counts = new Float64Array(k)
      for (let row = 0; row < n; row++) {
        if (labels[row] < 0) continue
        counts[labels[row]]++
        for (let column = 0; column < columns; column++)
          sums[labels[row] * columns + column] += data[row * columns + column]
      }
      const kept = centres
      centres = sums.map((sum, at) => {
        const count = counts[Math.floor(at / columns)]
        return count > 0 ? sum / count : kept[at]
      })
      // An empty cluster takes the farthest of the rows that are left in.
      for (let cluster = 0; cluster < k; cluster++) {
        if (counts[cluster] > 0) continue
        let farthest = -1
        for (let row = 0; row < n; row++)
          if (labels[row] >= 0 && distances[row] > 0 && !(distances[row] < distances[farthest])) farthest = row
        if (farthest < 0) break
        distances[farthest] = 0
        centres.set(data.subarray(farthest * columns, (farthest + 1) * columns), cluster * columns)
      }
      onProgress?.(restart + 1 - 0.5 ** (iterations / 8), restarts)
      await space.pause()
    }
  }
  best!.notes.push(...(await distinctRowsNote(points, k, { signal })))
  onProgress?.(restarts, restarts)
  return best!
}
