import { type Matrix, random } from '@offprint/kernels'
import { distinctRowsNote } from './distinct-rows.ts'
import { type KMeans, type KMeansOptions, lloyd, requireSearch, rowsOfLengthOne } from './k-means.ts'
import { initialCentres } from './k-means-starts.ts'
import { requireRows, workspace } from './k-means-workspace.ts'

/**
 * k-means by direction (Dhillon and Modha 2001): rows and centres are brought to length 1, and Σ w x·c is maximised. `objective` is
 * Σ w‖x − c‖² of the rows at length 1, Σ 2w(1 − x·c). O(n·k·d) a step.
 *
 * @throws InputError for wrong options or points, or a row of zeros; the signal's reason once it is aborted
 */
export async function sphericalKMeans(points: Matrix, options: Omit<KMeansOptions, 'algorithm'>): Promise<KMeans> {
  const { k, init = 'greedy-k-means++', seed = 0, tol = 1e-4, maxIterations = 300, onProgress } = options
  const restarts = options.restarts ?? (init === 'random' ? 10 : 1)
  requireRows(points)
  requireSearch(points.rows, { k, restarts, seed, tol, maxIterations })
  const rows = await rowsOfLengthOne(points, options)
  const space = await workspace(rows, options)
  space.room(k, 'lloyd')
  let best: KMeans | undefined
  for (let restart = 0; restart < restarts; restart++) {
    space.clear()
    const start = await initialCentres(space, k, init, random(seed, restart))
    for (let at = 0; at < start.length; at += points.columns) toUnit(start.subarray(at, at + points.columns))
    space.setCentres(start)
    const report = (step: number) => onProgress?.(restart + 1 - 0.5 ** (step / 8), restarts)
    const stop = tol * space.variance
    const found = await lloyd(space, { stop, maxIterations, seed, report, project: toUnit })
    if (!best || found.objective < best.objective) best = found
  }
  best!.notes.push(...(await distinctRowsNote(rows, k, options)))
  onProgress?.(restarts, restarts)
  return { ...best!, metric: 'cosine' }
}

/** False where the rows of a cluster cancel each other out, so that it has no direction. */
function toUnit(centre: Float64Array): boolean {
  const length = Math.sqrt(centre.reduce((sum, value) => sum + value * value, 0))
  if (!(length > 1e-12)) return false
  for (let column = 0; column < centre.length; column++) centre[column] /= length
  return true
}
