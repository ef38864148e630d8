import { type Matrix, matrix, random } from '@offprint/kernels'
import { distinctRowsNote } from './distinct-rows.ts'
import { type KMeans, type KMeansOptions, partitionOf, requireSearch } from './k-means.ts'
import { initialCentres, numbersOf } from './k-means-starts.ts'
import { requireRows, type Workspace, workspace } from './k-means-workspace.ts'
import { requireWhole } from './k-medoids.ts'

export interface MiniBatchOptions extends Omit<KMeansOptions, 'algorithm' | 'restarts' | 'tol' | 'maxIterations'> {
  /** Rows of a step; default 1024. */
  batch?: number
  /** Steps at most; default as many as go through the rows 100 times. */
  maxSteps?: number
}

// As in scikit-learn.
const startBatches = 3
const patience = 10
const leastShare = 0.01

/**
 * k-means from a few rows at a time (Sculley 2010): for many rows, and where a rough result will do. Each centre is the mean of all
 * rows it was ever nearest to; centres that get next to none are put onto rows of the batch. It ends when ten batches have not
 * lowered the smoothed objective. The start is made from three batches of rows. O(batch·k·d) a step, and one pass over all rows.
 *
 * @throws InputError for wrong options or points; the signal's reason once it is aborted
 */
export async function miniBatchKMeans(points: Matrix, options: MiniBatchOptions): Promise<KMeans> {
  const { k, init = 'greedy-k-means++', seed = 0, batch = 1024, signal, onProgress } = options
  requireRows(points)
  requireSearch(points.rows, { k, restarts: 1, seed, tol: 0, maxIterations: 1 })
  requireWhole('batch', batch, 1, 1_000_000_000)
  const size = Math.min(batch, points.rows)
  const { maxSteps = Math.ceil((100 * points.rows) / size) } = options
  requireWhole('maxSteps', maxSteps, 1, 1_000_000_000)
  const draws = random(seed)
  const space = await workspace(points, { ...options, centres: numbersOf(init) })
  const { n, columns } = space
  space.room(k, 'lloyd')
  const centres = await start()
  const seen = new Float64Array(k)
  let smoothed: number | undefined
  let least = Infinity
  let without = 0
  let sinceMoved = 0
  let steps = 0
  const alpha = Math.min(1, (2 * size) / (n + 1))
  while (steps < maxSteps && without < patience) {
    signal?.throwIfAborted()
    const rows = Uint32Array.from(draws.sample(size, n))
    space.setCentres(centres)
    const { sums, weights } = await space.assignSome(rows)
    let weight = 0
    let objective = 0
    for (const row of rows) {
      const w = space.weights?.[row] ?? 1
      weight += w
      for (let column = 0; column < columns; column++) objective += w * points.data[row * columns + column] ** 2
    }
    for (let one = 0; one < k; one++) {
      seen[one] += weights[one]
      if (!(weights[one] > 0)) continue
      for (let column = 0; column < columns; column++) {
        const at = one * columns + column
        objective += centres[at] * (weights[one] * centres[at] - 2 * sums[at])
        centres[at] += (sums[at] - weights[one] * centres[at]) / seen[one]
      }
    }
    steps++
    // The first batch says how good the start was.
    const mean = weight > 0 ? objective / weight : 0
    if (steps > 1) smoothed = smoothed === undefined ? mean : smoothed * (1 - alpha) + mean * alpha
    if (smoothed !== undefined && smoothed < least) {
      least = smoothed
      without = 0
    } else if (smoothed !== undefined) without++
    sinceMoved += size
    if (seen.includes(0) || sinceMoved >= 10 * k) {
      sinceMoved = 0
      moveUnused(rows)
    }
    onProgress?.(steps, maxSteps)
    await space.pause()
  }
  space.setCentres(centres)
  space.clear()
  await space.assign()
  const found = await partitionOf(space, { iterations: steps, converged: without >= patience, seed })
  found.notes.push(...(await distinctRowsNote(points, k, options)))
  return found

  async function start(): Promise<Float64Array> {
    const wanted = Math.min(n, Math.max(startBatches * size, 3 * k))
    if (wanted === n || typeof init !== 'string') return initialCentres(space, k, init, draws)
    const rows = draws.sample(wanted, n)
    const part = matrix(wanted, columns)
    for (const [at, row] of rows.entries())
      part.data.set(points.data.subarray(row * columns, (row + 1) * columns), at * columns)
    const weights = space.weights && rows.map(row => space.weights![row])
    const small: Workspace = await workspace(part, { signal, weights: weights?.some(w => w > 0) ? weights : undefined })
    small.room(k, 'lloyd')
    return initialCentres(small, k, init, draws)
  }

  function moveUnused(rows: Uint32Array): void {
    const most = Math.max(...seen)
    const unused = [...seen.keys()].filter(one => seen[one] < leastShare * most).slice(0, Math.floor(size / 2))
    if (!unused.length) return
    const others = seen.filter(count => count >= leastShare * most)
    const given = others.reduce((a, b) => Math.min(a, b), Infinity)
    for (const [at, from] of draws.sample(unused.length, size).entries()) {
      centres.set(points.data.subarray(rows[from] * columns, (rows[from] + 1) * columns), unused[at] * columns)
      seen[unused[at]] = given
    }
  }
}
