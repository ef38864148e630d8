/** The methods that a table can be clustered by: how each finds k clusters, and how many it thinks there are. */
import {
  agglomerative,
  type CovarianceType,
  covarianceTypes,
  cutByCount,
  fasterClara,
  fasterPam,
  type GaussianMixture,
  gaussianMixture,
  hdbscan,
  hdbscanOf,
  kMeans,
  nearestCentres,
  pointSilhouette,
  silhouette,
} from '@offprint/clustering'
import { dissimilarities, InputError, type Matrix, matrix, random, type WorkerPool } from '@offprint/kernels'

export interface How {
  seed: number
  pool: WorkerPool
  signal: AbortSignal
  /** Least rows of a cluster, where density says what is one; by the number of rows where it is left open. */
  smallest?: number
  progress(done: number, total: number): void
}

export interface Found {
  /** Cluster of each row from 0; −1 is noise. */
  labels: Int32Array
  notes: string[]
}

/** A measure for each number of clusters that was tried. */
export interface Curve {
  measure: string
  points: [k: number, value: number | null][]
}

export interface ClusterMethod {
  title: string
  /** How k is chosen where none is given, as it stands after "chosen by". */
  criterion: string
  /** Finds clusters of any shape, on which measures of round ones say little. */
  shapes?: boolean
  fit(points: Matrix, k: number, how: How): Promise<Found>
  /**
   * The best number of clusters up to the most that are wanted, on a sample of a large table; undefined where the method finds
   * the number itself.
   */
  choose?(points: Matrix, most: number, how: How): Promise<{ k: number; curve: Curve }>
}

export const methodNames = ['k-means', 'mixture', 'k-medoids', 'hierarchical', 'hdbscan'] as const
export type MethodName = (typeof methodNames)[number]

/** Rows on which the number of clusters and a mixture's type are chosen. */
const sampleRows = 3000
/** Rows of which all pairs are compared; of more, the medoids are those of samples. */
const pairedRows = 5000
/** Rows of a tree; of more, it is of a sample. */
const treeRows = 10_000
/** Neighbours by which density is measured; more than these blur it. */
const mostNeighbours = 25
const restarts = 5
/** Covariances between more columns than this are neither quick nor well known. */
const mostCovaried = 40

export const methods: Record<MethodName, ClusterMethod> = {
  'k-means': {
    title: 'k-means',
    criterion: 'the greatest silhouette',
    async fit(points, k, { seed, pool, signal, progress }) {
      const { labels, notes } = await kMeans(points, { k, restarts, seed, pool, signal, onProgress: progress })
      return { labels, notes }
    },
    choose: bySilhouette(async (points, k, { seed, pool, signal }) => {
      return (await kMeans(points, { k, restarts, seed, pool, signal })).labels
    }),
  },
  mixture: {
    title: 'Gaussian mixture',
    criterion: 'the least BIC',
    async fit(points, k, how) {
      const sample = sampleOf(points, sampleRows, how.seed)
      const model = await bestMixture(sample, k, how)
      if (!model) {
        const { labels } = await methods['k-means'].fit(points, k, how)
        return {
          labels,
          notes: [`A mixture of ${k} normal distributions collapses on these rows; the clusters are those of k-means.`],
        }
      }
      if (sample.rows === points.rows) return { labels: model.labels, notes: model.notes }
      const { seed, pool, signal, progress } = how
      const { labels, notes } = await gaussianMixture(points, {
        k,
        type: model.type,
        init: model,
        seed,
        pool,
        signal,
        onProgress: progress,
      })
      return { labels, notes }
    },
    async choose(points, most, how) {
      const sample = sampleOf(points, sampleRows, how.seed)
      const curve: Curve = { measure: 'BIC', points: [] }
      const counts = range(1, Math.min(most, sample.rows))
      for (const [at, k] of counts.entries()) {
        how.progress(at, counts.length)
        const model = await bestMixture(sample, k, how)
        curve.points.push([k, model && !model.degenerate.length ? model.bic : null])
      }
      const best = curve.points.reduce((one, other) => ((other[1] ?? Infinity) < (one[1] ?? Infinity) ? other : one))
      return { k: best[0], curve }
    },
  },
  'k-medoids': {
    title: 'k-medoids',
    criterion: 'the greatest silhouette',
    async fit(points, k, { seed, pool, signal, progress }) {
      if (points.rows <= pairedRows) {
        const { labels, notes } = await fasterPam(points, { k, restarts, seed, pool, signal, onProgress: progress })
        return { labels, notes }
      }
      const sampleSize = Math.max(sampleRows, k + 1)
      const how = { k, samples: restarts, sampleSize, init: 'build' as const, seed, pool, signal, onProgress: progress }
      const { labels, notes } = await fasterClara(points, how)
      return {
        labels,
        notes: [
          ...notes,
          `The medoids are the best of ${restarts} lots of ${sampleSize.toLocaleString('en')} rows (FasterCLARA); every row is with its nearest one.`,
        ],
      }
    },
    async choose(points, most, { seed, pool, signal, progress }) {
      // Not by DynMSC: medoids that are best by silhouette are not those of `fit`, and nor is then their best number. Nor by medoid
      // silhouettes, of which medoids have 1 themselves: of few rows the greatest number would always be best.
      const distances = await dissimilarities(sampleOf(points, sampleRows, seed), 'euclidean', { pool, signal })
      const curve: Curve = { measure: 'silhouette', points: [] }
      for (const k of range(2, Math.min(most, distances.n - 1))) {
        progress(k - 2, most - 1)
        const { labels } = await fasterPam(distances, { k, restarts, seed, signal })
        curve.points.push([k, (await silhouette(distances, labels, { signal })).mean])
      }
      return { k: greatest(curve), curve }
    },
  },
  hierarchical: {
    title: 'Hierarchical (Ward)',
    criterion: 'the greatest silhouette',
    async fit(points, k, { seed, pool, signal, progress }) {
      const sample = sampleOf(points, treeRows, seed, k)
      const tree = await agglomerative(sample, { seed, pool, signal, onProgress: progress })
      const { labels } = cutByCount(tree, k)
      if (sample.rows === points.rows) return { labels, notes: tree.notes }
      return {
        labels: (await nearestCentres(points, meansOf(sample, labels, k), { pool, signal })).labels,
        notes: [
          ...tree.notes,
          `The tree is of ${treeRows.toLocaleString('en')} rows drawn by lot; every row is in the cluster with the nearest mean.`,
        ],
      }
    },
    async choose(points, most, how) {
      const { seed, pool, signal, progress } = how
      const sample = sampleOf(points, sampleRows, seed)
      const tree = await agglomerative(sample, { seed, pool, signal })
      const curve: Curve = { measure: 'silhouette', points: [] }
      for (const k of range(2, Math.min(most, sample.rows - 1))) {
        progress(k - 2, most - 1)
        curve.points.push([k, (await pointSilhouette(sample, cutByCount(tree, k).labels, { pool, signal })).mean])
      }
      return { k: greatest(curve), curve }
    },
  },
  hdbscan: {
    title: 'HDBSCAN',
    criterion: 'density',
    shapes: true,
    async fit(points, _, { seed, pool, signal, progress, smallest = smallestOf(points.rows) }) {
      const sample = sampleOf(points, treeRows, seed)
      const size = Math.max(2, Math.round((smallest * sample.rows) / points.rows))
      const found = await hdbscan(sample, {
        minPts: Math.min(size, mostNeighbours, sample.rows),
        minClusterSize: size,
        pool,
        signal,
        onProgress: progress,
      })
      if (sample.rows === points.rows) return { labels: found.labels, notes: found.notes }
      return {
        labels: (await hdbscanOf(points, found.model!, { pool, signal })).labels,
        notes: [
          ...found.notes,
          `The clusters are those of ${treeRows.toLocaleString('en')} rows drawn by lot; every row is where its nearest dense row is.`,
        ],
      }
    },
  },
}

/** Least rows of a cluster where nobody says so. */
export const smallestOf = (rows: number) => Math.max(5, Math.round(rows / 100))

/** Clusters by their means, for `nearestCentres`. */
function meansOf({ data, columns }: Matrix, labels: Int32Array, k: number) {
  const centres = new Float64Array(k * columns)
  const sizes = new Float64Array(k)
  for (const [row, label] of labels.entries()) {
    sizes[label]++
    for (let column = 0; column < columns; column++) centres[label * columns + column] += data[row * columns + column]
  }
  for (let at = 0; at < centres.length; at++) centres[at] /= sizes[Math.floor(at / columns)]
  return { k, columns, centres }
}

/** The number of clusters with the greatest mean silhouette; 1 where the index is not defined for any. */
function bySilhouette(
  cluster: (points: Matrix, k: number, how: How) => Promise<ArrayLike<number>>,
): Required<ClusterMethod>['choose'] {
  return async (points, most, how) => {
    const sample = sampleOf(points, sampleRows, how.seed)
    const curve: Curve = { measure: 'silhouette', points: [] }
    for (const k of range(2, Math.min(most, sample.rows - 1))) {
      how.progress(k - 2, most - 1)
      const { pool, signal } = how
      const { mean } = await pointSilhouette(sample, await cluster(sample, k, how), { pool, signal })
      curve.points.push([k, mean])
    }
    return { k: greatest(curve), curve }
  }
}

function greatest({ points }: Curve): number {
  let best: [number, number | null] = [1, null]
  for (const point of points) if ((point[1] ?? -Infinity) > (best[1] ?? -Infinity)) best = point
  return best[0]
}

/**
 * Of the types of covariances the one with the least BIC, none with collapsed components where there is another; undefined where
 * no type has covariances with an inverse.
 */
async function bestMixture(points: Matrix, k: number, { seed, pool, signal }: How) {
  const types: CovarianceType[] = points.columns > mostCovaried ? ['diag', 'spherical'] : covarianceTypes
  let best: GaussianMixture | undefined
  for (const type of types) {
    let model: GaussianMixture
    try {
      model = await gaussianMixture(points, { k, type, seed, pool, signal })
    } catch (error) {
      if (error instanceof InputError && error.field === 'reg') continue
      throw error
    }
    const collapsed = Math.sign(model.degenerate.length) - Math.sign(best?.degenerate.length ?? 1)
    if (!best || collapsed < 0 || (collapsed === 0 && model.bic < best.bic)) best = model
  }
  return best
}

/** A sentence where the best number of clusters is the greatest that was tried. */
export function atTheEnd(curve: Curve | undefined, k: number, most: number): string[] {
  return curve && k === most && curve.points.length > 1
    ? [`The ${curve.measure} is best at ${k}, the most clusters that were tried: try more.`]
    : []
}

function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at)
}

/** All rows, or of more than so many a lot in file order. */
export function sampleOf(points: Matrix, most: number, seed: number, least = 0): Matrix {
  const rows = sampleRowsOf(points.rows, Math.max(most, least), seed)
  return rows ? takeRows(points, rows) : points
}

/** The rows of such a lot; undefined where all are in it. */
export function sampleRowsOf(rows: number, most: number, seed: number): number[] | undefined {
  if (rows <= most) return undefined
  return random(seed, 1)
    .sample(most, rows)
    .sort((a, b) => a - b)
}

export function takeRows({ data, columns }: Matrix, rows: ArrayLike<number>): Matrix {
  const chosen = matrix(rows.length, columns)
  for (let at = 0; at < rows.length; at++)
    chosen.data.set(data.subarray(rows[at] * columns, (rows[at] + 1) * columns), at * columns)
  return chosen
}
