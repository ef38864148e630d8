import { readFileSync } from 'node:fs'
import { project } from '@offprint/clustering'
import { breathe, type Dissimilarities, mostObjects, workerPool } from '@offprint/kernels'
import { type Block, defineMethod, input, type SeriesBlock, type TableBlock, z } from '../define.ts'
import { medoidSilhouetteOf, type Silhouettes, silhouettesOf } from './fit.ts'
import {
  askForPoints,
  askForStart,
  columnsBlock,
  compare,
  metricOf,
  type Objects,
  readObjects,
  requireK,
} from './points.ts'
import { chosen, clusterBy, requireVariant, titles, variants } from './variants.ts'

/** Columns of the user's table that are repeated beside each medoid. */
const shownColumns = 24
/** Points of the silhouette plot and of the map; more would not be seen. */
const shownPoints = 2000
const mappedPoints = 20_000
/** Between two looks at the signal. */
const pieceMs = 20

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
      weights: askForPoints.weights,
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
    const { count, weights } = objects
    const metricOfPoints = metricOf(given)
    const pool = context.threads > 1 ? workerPool({ threads: context.threads }) : undefined
    try {
      // Beyond that, rows of distances are worked out as they are needed.
      const data = count <= mostObjects ? await compare(objects, given, context, pool) : objects.matrix
      const found = await clusterBy(given.variant, data, {
        k: given.k,
        metric: metricOfPoints,
        init: given.init,
        restarts: given.restarts,
        weights,
        seed: context.seed,
        pool,
        signal: context.signal,
        onProgress: (done, total) => context.progress(done, total, 'Swapping medoids'),
      })
      context.log(
        `start ${found.seconds.init.toFixed(4)} s, swaps ${found.seconds.swap.toFixed(4)} s, ${found.evaluations} candidates evaluated`,
      )
      const display = displayOrder(found.labels, found.sizes)
      const medoids = display.order.map(slot => found.medoids[slot])
      const labels = found.labels.map(slot => display.rank[slot])
      const fit = await silhouettesOf(objects, { data, metric: metricOfPoints, labels, pool }, context)
      const medoidFit = medoidSilhouetteOf(found)
      const diameters = 'n' in data ? await diametersOf(data, labels, given.k, context.signal) : undefined
      const weight = weights?.reduce((sum, one) => sum + one, 0) ?? count
      return [
        metric(
          'objective',
          'Total deviation',
          found.deviation,
          `sum of all rows’ distances to their medoid${weights ? ', times their weights' : ''}`,
        ),
        metric('meanDeviation', 'Mean deviation', found.deviation / weight),
        metric('silhouette', 'Silhouette', fit.value, fit.note),
        metric('medoidSilhouette', 'Medoid silhouette', medoidFit.value, medoidFit.note),
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
        medoidTable(objects, { medoids, labels, nearest: found.nearest, fit: fit.values, diameters }),
        await picture(objects, data, labels, medoids, context.signal),
        ...(fit.value === null ? [] : [silhouettePlot(labels, fit, medoids.length)]),
        trace(found.trace, given.variant === 'fastermsc' ? 'medoid silhouette' : 'total deviation'),
        labelTable(objects, labels, found.nearest, fit.value === null || fit.sampled ? undefined : fit.values),
        ...columnsBlock(objects),
      ]
    } finally {
      await pool?.close()
    }
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

/** The greatest distance within each cluster. O(n²/k). */
async function diametersOf(
  distances: Dissimilarities,
  labels: Int32Array,
  k: number,
  signal: AbortSignal,
): Promise<Float64Array> {
  const { n } = distances
  const members: number[][] = Array.from({ length: k }, () => [])
  const greatest = new Float64Array(k)
  let { data } = distances
  let since = performance.now()
  for (const [row, label] of labels.entries()) {
    for (const other of members[label]) greatest[label] = Math.max(greatest[label], data[row * n + other])
    members[label].push(row)
    if (performance.now() - since < pieceMs) continue
    await breathe(signal)
    data = distances.data
    since = performance.now()
  }
  return greatest
}

function medoidTable(
  { table, precomputed }: Objects,
  {
    medoids,
    labels,
    nearest,
    fit,
    diameters,
  }: { medoids: number[]; labels: Int32Array; nearest: Float32Array; fit: Float64Array; diameters?: Float64Array },
): TableBlock {
  const size = new Array<number>(medoids.length).fill(0)
  const sum = new Array<number>(medoids.length).fill(0)
  const radius = new Array<number>(medoids.length).fill(0)
  const fitSum = new Array<number>(medoids.length).fill(0)
  const fitCount = new Array<number>(medoids.length).fill(0)
  for (const [row, label] of labels.entries()) {
    size[label]++
    sum[label] += nearest[row]
    radius[label] = Math.max(radius[label], nearest[row])
    if (Number.isNaN(fit[row])) continue
    fitSum[label] += fit[row]
    fitCount[label]++
  }
  // The cells of a matrix of dissimilarities tell nothing about a row.
  const told = table?.columns.filter(({ type }) => !precomputed || type === 'text') ?? []
  const columns = told.slice(0, shownColumns)
  return {
    type: 'table',
    name: 'medoids',
    title: 'Medoids',
    note: table ? 'Each is a row of your table.' : undefined,
    columns: [
      { name: 'cluster', type: 'integer', title: 'cluster' },
      { name: 'index', type: 'integer', title: 'row (from 0)' },
      { name: 'size', type: 'integer' },
      { name: 'meanDistance', type: 'number', title: 'mean distance' },
      { name: 'radius', type: 'number' },
      ...(diameters ? [{ name: 'diameter', type: 'number' as const }] : []),
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
      ...(diameters ? [diameters[cluster]] : []),
      finite(fitSum[cluster] / fitCount[cluster]),
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
  { matrix, precomputed, given, names, labels: titles, count }: Objects,
  distances: Parameters<typeof project>[0],
  labels: Int32Array,
  medoids: number[],
  signal: AbortSignal,
): Promise<Block> {
  const plain = !precomputed && matrix.columns === 2
  const place = plain ? undefined : (await project(precomputed ? distances : matrix, { signal })).data
  const at = (row: number, axis: number) => (place ? place[2 * row + axis] : given(row, axis))
  const axis = (index: number) =>
    plain && names[index]
      ? names[index]
      : precomputed
        ? `scaled coordinate ${index + 1}`
        : `principal component ${index + 1}`
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
      : `Medoids are ringed. ${precomputed ? 'Classical scaling' : 'Principal components'}: distances in the picture are only roughly right.${some}`,
    x: { label: axis(0) },
    y: { label: axis(1) },
    points: {
      x: shown.map(row => at(row, 0)),
      y: shown.map(row => at(row, 1)),
      group: shown.map(row => labels[row]),
      label: shown.map(row => (titles.length ? titles[row] : `row ${row}`)),
    },
    emphasis: step > 1 ? medoids.map(row => shown.indexOf(row)) : medoids,
  }
}

/** Each cluster's silhouettes in descending order, one cluster after the other. */
function silhouettePlot(labels: Int32Array, { values: fit, sampled }: Silhouettes, k: number): SeriesBlock {
  const looked = fit.reduce((sum, value) => sum + Number(!Number.isNaN(value)), 0)
  const step = Math.ceil(looked / shownPoints)
  let start = 0
  const series = Array.from({ length: k }, (_, cluster) => {
    const values: number[] = []
    for (let row = 0; row < labels.length; row++)
      if (labels[row] === cluster && !Number.isNaN(fit[row])) values.push(fit[row])
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
    note: `Near 1: well inside its cluster; near 0: between two; below 0: nearer to another one.${sampled ? ' On a sample of the rows.' : ''}`,
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
