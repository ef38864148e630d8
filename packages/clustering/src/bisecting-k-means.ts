import { InputError, type Matrix, matrix } from '@offprint/kernels'
import { distinctRowsNote } from './distinct-rows.ts'
import { type KMeans, type KMeansOptions, kMeans, requireSearch } from './k-means.ts'
import { checkedWeights, requireRows } from './k-means-workspace.ts'

export interface BisectingOptions extends Omit<KMeansOptions, 'init'> {
  init?: 'greedy-k-means++' | 'k-means++' | 'random'
  /** Which cluster is split next: that of greatest `sse` (the default) or of most `rows`. */
  split?: 'sse' | 'rows'
}

/**
 * Bisecting k-means (Steinbach, Karypis and Kumar 2000): one cluster is split in two by k-means until there are k. O(n·d·log k) a step
 * where the parts are of a size. A row stays in its part, so another cluster's centre may be nearer.
 *
 * @throws InputError for wrong options or points; the signal's reason once it is aborted
 */
export async function bisectingKMeans(points: Matrix, options: BisectingOptions): Promise<KMeans> {
  const { k, split = 'sse', seed = 0, tol = 1e-4, maxIterations = 300, restarts = 3, onProgress } = options
  requireRows(points)
  requireSearch(points.rows, { k, restarts, seed, tol, maxIterations })
  if (split !== 'sse' && split !== 'rows') throw new InputError('split', `'${split}'`, "'sse' or 'rows'")
  const weights = checkedWeights(options.weights, points.rows)
  const { columns } = points
  const whole = await kMeans(points, { ...options, k: 1, restarts: 1, onProgress: undefined })
  let parts = [{ rows: Array.from(whole.labels.keys()), sse: whole.objective, centre: whole.centres }]
  let iterations = 0
  let converged = true
  while (parts.length < k) {
    let chosen = -1
    for (const [at, part] of parts.entries()) {
      if (part.rows.length < 2) continue
      if (chosen < 0) chosen = at
      else if (split === 'sse' ? part.sse > parts[chosen].sse : part.rows.length > parts[chosen].rows.length)
        chosen = at
    }
    const { rows } = parts[chosen]
    const some = weights && rows.map(row => weights[row])
    const found = await kMeans(pick(points, rows), {
      ...options,
      k: 2,
      restarts,
      weights: some?.some(weight => weight > 0) ? some : undefined,
      onProgress: undefined,
    })
    iterations += found.iterations
    converged &&= found.converged
    // Equal rows cannot be told apart: the last one stands alone.
    const labels = found.sizes.includes(0) ? rows.map((_, at) => Number(at === rows.length - 1)) : found.labels
    const halves = [0, 1].map(label => {
      const own = rows.filter((_, at) => labels[at] === label)
      const centre = found.centres.slice(label * columns, (label + 1) * columns)
      if (found.sizes[label] === 0) centre.set(points.data.subarray(own[0] * columns, (own[0] + 1) * columns))
      return { rows: own, sse: sseOf(points, own, centre, weights), centre }
    })
    parts = parts.toSpliced(chosen, 1, halves[0], halves[1])
    onProgress?.(parts.length, k)
  }
  const labels = new Int32Array(points.rows)
  for (const [label, { rows }] of parts.entries()) for (const row of rows) labels[row] = label
  return {
    labels,
    k,
    sizes: Uint32Array.from(parts, ({ rows }) => rows.length),
    centres: Float64Array.from(parts.flatMap(({ centre }) => [...centre])),
    columns,
    metric: 'euclidean',
    objective: parts.reduce((sum, { sse }) => sum + sse, 0),
    iterations,
    converged,
    seed,
    notes: [
      ...(converged ? [] : ['A split stopped before it settled: more iterations may lower the objective.']),
      ...(await distinctRowsNote(points, k, options)),
    ],
  }
}

function pick({ data, columns }: Matrix, rows: number[]): Matrix {
  const picked = matrix(rows.length, columns)
  for (const [at, row] of rows.entries())
    picked.data.set(data.subarray(row * columns, (row + 1) * columns), at * columns)
  return picked
}

function sseOf({ data, columns }: Matrix, rows: number[], centre: Float64Array, weights?: Float64Array): number {
  let sum = 0
  for (const row of rows)
    for (let column = 0; column < columns; column++)
      sum += (weights?.[row] ?? 1) * (data[row * columns + column] - centre[column]) ** 2
  return sum
}
