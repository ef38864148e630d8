import { readFileSync } from 'node:fs'
import { project, silhouette } from '@offprint/clustering'
import { mostObjects, workerPool } from '@offprint/kernels'
import { type Block, defineMethod, input, type SeriesBlock, type TableBlock, z } from '../define.ts'
import { askForPoints, askForStart, compare, type Objects, pointsOf, readObjects, requireK } from './points.ts'
import { chosen, clusterBy, requireVariant, titles, variants } from './variants.ts'

/** Columns of the user's table that are repeated beside each medoid. */
const shownColumns = 24
/** Points of the silhouette plot and of the map; more would not be seen. */
const shownPoints = 2000
const mappedPoints = 20_000

export const exampleTable = {
  name: 'cities.csv',
  text: readFileSync(new URL('./cities.csv', import.meta.url), 'utf8'),
}

export const cluster = defineMethod({
  title: 'Cluster my data',
  description:
    'Groups the rows of a table around k of them, the medoids, so that the total distance of all rows to their medoid is small. Works on any dissimilarity; gives the medoids, a label for each row, and how good the grouping is.',
  effort: 'quick',
  example: { table: exampleTable, k: 6, restarts: 10 },
  input: z
    .object({
      table: askForPoints.table,
      vectors: askForPoints.vectors,
      k: input.number({ label: 'k, the number of clusters', integer: true }),
      variant: input.choice(variants, {
        label: 'Variant',
        hint: 'auto: FasterPAM up to 16,384 rows, OneBatchPAM beyond. fastermsc seeks a high medoid silhouette instead of short distances.',
      }),
      columns: askForPoints.columns,
      metric: askForPoints.metric,
      standardize: askForPoints.standardize,
      precomputed: askForPoints.precomputed,
      ...askForStart,
    })
    .superRefine(
      input.checked(given => {
        const { count } = readObjects(given)
        requireK('k', given.k, count)
        requireVariant(given.variant, { ...given, count })
      }),
    ),
  async run(given, context): Promise<Block[]> {
    const objects = readObjects(given)
    // Beyond that, rows of distances are worked out as they are needed.
    const few = objects.count <= mostObjects
    const pool = context.threads > 1 ? workerPool({ threads: context.threads }) : undefined
    const data = few ? await compare(objects, given, context, pool) : pointsOf(objects, given)
    const found = await clusterBy(given.variant, data, {
      k: given.k,
      metric: given.metric,
      init: given.init,
      restarts: given.restarts,
      seed: context.seed,
      pool,
      signal: context.signal,
      onProgress: (done, total) => context.progress(done, total, 'Swapping medoids'),
    }).finally(() => pool?.close())
    context.log(
      `start ${found.seconds.init.toFixed(4)} s, swaps ${found.seconds.swap.toFixed(4)} s, ${found.evaluations} candidates evaluated`,
    )
    const display = displayOrder(found.labels, found.sizes)
    const medoids = display.order.map(slot => found.medoids[slot])
    const labels = found.labels.map(slot => display.rank[slot])
    const fit = 'n' in data ? await silhouette(data, found.labels, context) : { mean: null, values: [] }
    return [
      metric('objective', 'Total deviation', found.deviation, 'sum of all rows’ distances to their medoid'),
      metric('meanDeviation', 'Mean deviation', found.deviation / objects.count),
      metric(
        'silhouette',
        'Silhouette',
        fit.mean,
        fit.mean !== null
          ? 'from −1 to 1, high is good'
          : few
            ? 'needs 2 to n − 1 clusters'
            : `left out beyond ${mostObjects.toLocaleString('en')} rows`,
      ),
      metric('medoidSilhouette', 'Medoid silhouette', found.medoidSilhouette, 'from 0 to 1, high is good'),
      metric('swaps', 'Swaps', found.swaps, `by ${titles[chosen(given.variant, data)]}`),
      metric(
        'passes',
        'Passes over the data',
        found.iterations,
        found.converged ? undefined : 'stopped before it settled',
      ),
      ...found.notes.map((text, index) => ({
        type: 'markdown' as const,
        name: `note${index + 1}`,
        title: 'Note',
        text,
      })),
      medoidTable(objects, medoids, labels, found.nearest, fit.values),
      await picture(objects, data, labels, medoids, context.signal),
      ...(fit.mean === null ? [] : [silhouettePlot(labels, fit.values, medoids.length)]),
      trace(found.trace, given.variant === 'fastermsc' ? 'medoid silhouette' : 'total deviation'),
      labelTable(objects, labels, found.nearest, fit.mean === null ? undefined : fit.values),
    ]
  },
})

function metric(name: string, title: string, value: number | null, note?: string): Block {
  return { type: 'metric', name, title, value, ...(note && { note }) }
}

/** Clusters are shown by descending size, then by their number. */
function displayOrder(labels: Int32Array, sizes: ArrayLike<number>): { order: number[]; rank: number[] } {
  const first = Array.from(sizes, (_, slot) => labels.indexOf(slot))
  const order = Array.from(sizes, (_, slot) => slot).sort((a, b) => sizes[b] - sizes[a] || first[a] - first[b])
  const rank = new Array<number>(order.length)
  for (const [position, slot] of order.entries()) rank[slot] = position
  return { order, rank }
}

function medoidTable(
  { table, labels: names }: Objects,
  medoids: number[],
  labels: Int32Array,
  nearest: Float32Array,
  fit: ArrayLike<number>,
): TableBlock {
  const size = new Array<number>(medoids.length).fill(0)
  const sum = new Array<number>(medoids.length).fill(0)
  const radius = new Array<number>(medoids.length).fill(0)
  const fitSum = new Array<number>(medoids.length).fill(0)
  for (const [row, label] of labels.entries()) {
    size[label]++
    sum[label] += nearest[row]
    radius[label] = Math.max(radius[label], nearest[row])
    fitSum[label] += fit[row] ?? Number.NaN
  }
  const columns = table?.columns.slice(0, shownColumns) ?? []
  return {
    type: 'table',
    name: 'medoids',
    title: 'Medoids',
    note: names.length ? 'Each is a row of your table.' : undefined,
    columns: [
      { name: 'cluster', type: 'integer', title: 'cluster' },
      { name: 'index', type: 'integer', title: 'row (from 0)' },
      { name: 'size', type: 'integer' },
      { name: 'meanDistance', type: 'number', title: 'mean distance' },
      { name: 'radius', type: 'number' },
      { name: 'silhouette', type: 'number' },
      ...columns.map(({ name, type }) => ({
        name: `row.${name}`,
        title: name,
        type: type === 'number' ? ('number' as const) : ('text' as const),
      })),
    ],
    rows: medoids.map((row, cluster) => [
      cluster,
      row,
      size[cluster],
      sum[cluster] / size[cluster],
      radius[cluster],
      finite(fitSum[cluster] / size[cluster]),
      ...columns.map(({ type, text, numbers }) => (type === 'number' ? finite(numbers[row]) : text[row])),
    ]),
  }
}

function labelTable(
  { labels: names }: Objects,
  labels: Int32Array,
  nearest: Float32Array,
  fit: ArrayLike<number> | undefined,
): TableBlock {
  return {
    type: 'table',
    name: 'labels',
    title: 'Labels',
    columns: [
      { name: 'index', type: 'integer', title: 'row (from 0)' },
      ...(names.length ? [{ name: 'name', type: 'text' as const }] : []),
      { name: 'cluster', type: 'integer', title: 'cluster' },
      { name: 'distance', type: 'number', title: 'distance to its medoid' },
      ...(fit ? [{ name: 'silhouette', type: 'number' as const }] : []),
    ],
    rows: Array.from(labels, (label, row) => [
      row,
      ...(names.length ? [names[row]] : []),
      label,
      nearest[row],
      ...(fit ? [finite(fit[row])] : []),
    ]),
  }
}

/** The objects in the plane, coloured by cluster: two columns as they are, more by a projection. */
async function picture(
  { points, names, labels: titles, count }: Objects,
  distances: Parameters<typeof project>[0],
  labels: Int32Array,
  medoids: number[],
  signal: AbortSignal,
): Promise<Block> {
  const plain = points?.columns === 2
  const place = plain ? points.data : (await project(points ?? distances, { signal })).data
  const axis = (index: number) =>
    plain && names[index]
      ? names[index]
      : points
        ? `principal component ${index + 1}`
        : `scaled coordinate ${index + 1}`
  const step = Math.ceil(count / mappedPoints)
  const ringed = new Set(medoids)
  const shown = Array.from({ length: count }, (_, row) => row).filter(row => row % step === 0 || ringed.has(row))
  const some = step > 1 ? ` One row in ${step} is shown.` : ''
  return {
    type: 'scatter',
    name: 'map',
    title: 'Map of the clusters',
    note: plain
      ? `Medoids are ringed.${some}`
      : `Medoids are ringed. ${points ? 'Principal components' : 'Classical scaling'}: distances in the picture are only roughly right.${some}`,
    x: { label: axis(0) },
    y: { label: axis(1) },
    points: {
      x: shown.map(row => place[2 * row]),
      y: shown.map(row => place[2 * row + 1]),
      group: shown.map(row => labels[row]),
      label: shown.map(row => (titles.length ? titles[row] : `row ${row}`)),
    },
    emphasis: step > 1 ? medoids.map(row => shown.indexOf(row)) : medoids,
  }
}

/** Each cluster's silhouettes in descending order, one cluster after the other. */
function silhouettePlot(labels: Int32Array, fit: ArrayLike<number>, k: number): SeriesBlock {
  const step = Math.ceil(labels.length / shownPoints)
  let start = 0
  const series = Array.from({ length: k }, (_, cluster) => {
    const values: number[] = []
    for (let row = 0; row < labels.length; row++) if (labels[row] === cluster) values.push(fit[row])
    values.sort((a, b) => b - a)
    const points = values
      .map((value, rank): [number, number] => [start + rank, value])
      .filter((_, rank) => rank % step === 0 || rank === values.length - 1)
    start += values.length
    return { name: `cluster ${cluster}`, points }
  })
  return {
    type: 'series',
    name: 'silhouettePlot',
    title: 'Silhouettes, sorted within each cluster',
    note: 'Near 1: well inside its cluster; near 0: between two; below 0: nearer to another one.',
    x: { label: 'rows' },
    y: { label: 'silhouette' },
    series,
  }
}

function trace(objective: ArrayLike<number>, label: string): SeriesBlock {
  return {
    type: 'series',
    name: 'trace',
    title: `${label[0].toUpperCase()}${label.slice(1)}, swap by swap`,
    x: { label: 'swaps' },
    y: { label },
    series: [{ name: label, points: Array.from(objective, (value, swaps) => [swaps, value]) }],
  }
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
