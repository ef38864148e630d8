/** What a clustered table is shown by: the clusters in words, pictures and tables. */
import { type Difference, project } from '@offprint/clustering'
import { type Matrix, random } from '@offprint/kernels'
import type { Block, SeriesBlock, TableBlock } from '../../define.ts'
import { inMarkdown, type ReadTable } from './columns.ts'
import type { Curve } from './methods.ts'

/** Points of a picture; more would not be seen. */
const shownPoints = 5000
/** Rows of the table of labels on the page; the file has all. */
const shownLabels = 20_000
/** Clusters that are told and drawn each by itself; the tables and the file have all. */
const shownClusters = 30
const shownDifferences = 6
/** What sets a cluster apart in one line of text. */
const toldDifferences = 3
const drawnDifferences = 3
/** Effects below it are small (Cohen 1988). */
const leastEffect = 0.2

export interface Result {
  read: ReadTable
  points: Matrix
  /** The row of the table that each point is. */
  rows: Uint32Array
  /** From 0 in the order of their numbers; −1 is noise. */
  labels: Int32Array
  /** What each cluster is called. */
  numbers: number[]
  medoids: Int32Array
  differences: Difference[][]
  fit: { rows: ArrayLike<number>; values: ArrayLike<number>; sampled: boolean }
}

/** Only all are 100 %. */
export const percent = (share: number) =>
  `${Math.min(+(100 * share).toPrecision(share < 0.1 ? 2 : 3), share < 1 ? 99.9 : 100)} %`

function figure(value: number): string {
  const size = Math.abs(value)
  if (size && (size >= 1e15 || size < 1e-6)) return value.toExponential(2)
  return value.toLocaleString('en', { maximumSignificantDigits: 3 })
}

function titleOf({ read }: Result, { variable, category }: Difference): string {
  const { name, ...column } = read.variables[variable]
  return category !== undefined && column.kind === 'category' ? `${name} = ${column.categories[category]}` : name
}

/** `melting_K high (3,240; all rows 1,460)`. */
function told(result: Result, difference: Difference): string {
  const { category, effect, inside, overall } = difference
  const shown = category === undefined ? figure : percent
  const word = category === undefined ? (effect > 0 ? 'high' : 'low') : effect > 0 ? 'often' : 'seldom'
  return `${inMarkdown(titleOf(result, difference))} ${word} (${shown(inside)}; all rows ${shown(overall)})`
}

/** Each cluster in a sentence. */
export function inWords(result: Result): Block {
  const { labels, numbers, rows, read, medoids, differences } = result
  const sizes = sizesOf(result)
  const lines = numbers.slice(0, shownClusters).map((number, cluster) => {
    const most = differences[cluster].filter(({ effect }) => Math.abs(effect) >= leastEffect).slice(0, toldDifferences)
    const apart = most.length
      ? most.map(one => told(result, one)).join(', ')
      : 'near the average of all rows in every column'
    const many = `${sizes[cluster].toLocaleString('en')} ${sizes[cluster] === 1 ? 'row' : 'rows'}`
    const typical = inMarkdown(read.names[rows[medoids[cluster]]])
    return `- **Cluster ${number}**, ${many} (${percent(sizes[cluster] / labels.length)}), such as *${typical || 'a row without a name'}*${numbers.length > 1 ? `: ${apart}` : ''}.`
  })
  if (numbers.length > shownClusters) lines.push(`- And ${countOfOthers(numbers)} more, in the tables below.`)
  const noise = labels.reduce((sum, label) => sum + Number(label < 0), 0)
  if (noise)
    lines.push(`- **Noise**, ${noise.toLocaleString('en')} rows (${percent(noise / labels.length)}): in no cluster.`)
  return { type: 'markdown', name: 'words', title: 'The clusters', text: lines.join('\n') }
}

const countOfOthers = (numbers: number[]) => (numbers.length - shownClusters).toLocaleString('en')

/** What a picture says where it does not show all clusters. */
const onlyFirst = ({ numbers }: Result) =>
  numbers.length > shownClusters
    ? ` The first ${shownClusters} of ${numbers.length.toLocaleString('en')} clusters.`
    : ''

function sizesOf({ labels, numbers }: Result): number[] {
  const sizes = numbers.map(() => 0)
  for (const label of labels) if (label >= 0) sizes[label]++
  return sizes
}

export function sizesChart(result: Result): Block {
  return {
    type: 'bars',
    name: 'sizes',
    title: 'Sizes',
    note: onlyFirst(result).trim() || undefined,
    y: { label: 'rows' },
    bars: sizesOf(result)
      .slice(0, shownClusters)
      .map((value, cluster) => ({
        label: `cluster ${result.numbers[cluster]}`,
        group: `cluster ${result.numbers[cluster]}`,
        value,
      })),
  }
}

export function clustersTable(result: Result): TableBlock {
  const { labels, numbers, rows, read, medoids, fit } = result
  const sizes = sizesOf(result)
  const sums = numbers.map(() => ({ sum: 0, count: 0 }))
  for (let at = 0; at < fit.rows.length; at++) {
    const own = sums[labels[fit.rows[at]]]
    own.sum += fit.values[at]
    own.count++
  }
  return {
    type: 'table',
    name: 'clusters',
    title: 'Figures of the clusters',
    columns: [
      { name: 'cluster', type: 'integer' },
      { name: 'rows', type: 'integer' },
      { name: 'share', type: 'number', unit: '%' },
      { name: 'silhouette', type: 'number' },
      { name: 'typical', type: 'text', title: 'typical row' },
    ],
    rows: numbers.map((number, cluster) => [
      number,
      sizes[cluster],
      (100 * sizes[cluster]) / labels.length,
      sums[cluster].count ? sums[cluster].sum / sums[cluster].count : null,
      read.names[rows[medoids[cluster]]],
    ]),
  }
}

/** Two columns of numbers as they are, more by their principal components. */
export async function map(result: Result, { seed, signal }: { seed: number; signal: AbortSignal }): Promise<Block> {
  const { read, points, rows, labels, numbers, medoids } = result
  const [first, second] = read.variables
  const plain =
    read.variables.length === 2 && first.kind === 'number' && second.kind === 'number' ? [first, second] : undefined
  const projected = plain ? undefined : await project(points, { signal })
  // A filled cell has a place on the scaled axis only; it is left out of a picture of the column as it was.
  const at = (point: number, axis: number) =>
    plain ? plain[axis].values[rows[point]] : projected!.data[2 * point + axis]
  const typical = new Set(Array.from(medoids).filter(row => row >= 0))
  const drawn =
    points.rows <= shownPoints
      ? Array.from({ length: points.rows }, (_, row) => row)
      : [...new Set([...random(seed, 2).sample(shownPoints, points.rows), ...typical])].sort((a, b) => a - b)
  const kept = drawn.filter(row => Number.isFinite(at(row, 0)) && Number.isFinite(at(row, 1)))
  const axis = (index: number) =>
    plain?.[index].name ?? `principal component ${index + 1} (${percent(projected!.shares![index])} of the variance)`
  const shownShare = projected ? projected.shares![0] + projected.shares![1] : 1
  return {
    type: 'scatter',
    name: 'map',
    title: 'Map of the rows',
    note: [
      'Typical rows are ringed.',
      plain
        ? ''
        : `The picture shows ${percent(Math.min(1, shownShare))} of the variance${shownShare < 0.7 ? '; clusters that overlap here may be apart in what it does not show' : ''}.`,
      kept.length < points.rows
        ? `${kept.length.toLocaleString('en')} of ${points.rows.toLocaleString('en')} rows.`
        : '',
    ]
      .filter(Boolean)
      .join(' '),
    x: { label: axis(0) },
    y: { label: axis(1) },
    points: {
      x: kept.map(row => at(row, 0)),
      y: kept.map(row => at(row, 1)),
      group: kept.map(row =>
        labels[row] < 0 ? 'noise' : labels[row] < shownClusters ? `cluster ${numbers[labels[row]]}` : 'other clusters',
      ),
      label: kept.map(row => read.names[rows[row]]),
    },
    emphasis: kept.flatMap((row, index) => (typical.has(row) ? [index] : [])),
  }
}

export function differencesChart(result: Result): Block {
  return {
    type: 'bars',
    name: 'differences',
    title: 'What sets each cluster apart',
    note: `Each cluster against all other rows, in standard deviations of the column: 0.2 is small, 0.5 middling, 0.8 large.${onlyFirst(result)}`,
    y: { label: 'lower ← difference → higher' },
    bars: result.differences.slice(0, shownClusters).flatMap((differences, cluster) =>
      differences
        .filter(({ effect }) => Math.abs(effect) >= leastEffect)
        .slice(0, drawnDifferences)
        .map(difference => ({
          label: titleOf(result, difference),
          group: `cluster ${result.numbers[cluster]}`,
          value: difference.effect,
        })),
    ),
  }
}

export function differencesTable(result: Result): TableBlock {
  return {
    type: 'table',
    name: 'profile',
    title: 'Profiles',
    note: 'Means of numbers and shares of categories. The difference is against all other rows: of numbers in standard deviations of the column, of shares as Cohen’s h.',
    columns: [
      { name: 'cluster', type: 'integer' },
      { name: 'column', type: 'text' },
      { name: 'inside', type: 'number', title: 'in the cluster' },
      { name: 'outside', type: 'number', title: 'other rows' },
      { name: 'overall', type: 'number', title: 'all rows' },
      { name: 'difference', type: 'number' },
    ],
    rows: result.differences.flatMap((differences, cluster) =>
      differences
        .slice(0, shownDifferences)
        .map(one => [result.numbers[cluster], titleOf(result, one), one.inside, one.outside, one.overall, one.effect]),
    ),
  }
}

export function medoidsTable({ read, rows, numbers, medoids }: Result): TableBlock {
  const { columns } = read.table
  return {
    type: 'table',
    name: 'medoids',
    title: 'Typical rows',
    note: 'For each cluster the row of your table that is nearest to its mean.',
    columns: [
      { name: 'cluster', type: 'integer' },
      { name: 'row', type: 'integer', title: 'row (from 1)' },
      ...columns.map(({ name, type }) => ({
        name: `row.${name}`,
        title: name,
        type: type === 'number' ? ('number' as const) : ('text' as const),
      })),
    ],
    rows: Array.from(medoids, (point, cluster) => {
      const row = rows[point]
      return [
        numbers[cluster],
        row + 1,
        ...columns.map(({ type, text, numbers }) =>
          type !== 'number' ? text[row] : Number.isFinite(numbers[row]) ? numbers[row] : null,
        ),
      ]
    }),
  }
}

/** What a picture of a measure over the number of clusters says of itself. */
export function curveHead(measure: string) {
  return {
    type: 'series' as const,
    title: `${measure[0].toUpperCase()}${measure.slice(1)} over the number of clusters`,
    note: measure === 'BIC' ? 'Less is better.' : 'More is better. A flat curve has no best number.',
    x: { label: 'number of clusters' },
    y: { label: measure },
  }
}

export function curveBlock({ measure, points }: Curve, k: number): SeriesBlock {
  const at = points.find(point => point[0] === k)
  return {
    ...curveHead(measure),
    name: 'curve',
    series: [{ name: measure, points }],
    marks: at && at[1] !== null ? [{ x: k, y: at[1], label: String(k) }] : undefined,
  }
}

/** Each cluster's silhouettes in descending order, one cluster after the other. */
export function silhouettes(result: Result): SeriesBlock {
  const { labels, numbers, fit } = result
  const step = Math.ceil(fit.rows.length / 2000)
  const values = numbers.map((): number[] => [])
  for (let at = 0; at < fit.rows.length; at++) values[labels[fit.rows[at]]].push(fit.values[at])
  let start = 0
  return {
    type: 'series',
    name: 'silhouettePlot',
    title: 'Silhouettes, sorted within each cluster',
    note: `Near 1: well inside its cluster; near 0: between two; below 0: nearer to another one.${fit.sampled ? ' On a sample of the rows.' : ''}${onlyFirst(result)}`,
    x: { label: 'rows' },
    y: { label: 'silhouette' },
    series: values.slice(0, shownClusters).map((own, cluster) => {
      own.sort((a, b) => b - a)
      const points = own
        .map((value, rank): [number, number] => [start + rank, value])
        .filter((_, rank) => rank % step === 0 || rank === own.length - 1)
      start += own.length
      return { name: `cluster ${numbers[cluster]}`, points }
    }),
  }
}

export function columnsTable({ columns }: ReadTable, explained?: (number | null)[]): TableBlock {
  let at = 0
  return {
    type: 'table',
    name: 'columns',
    title: 'Your columns',
    note: explained && 'How much of a column’s variance is between the clusters says how much it has to do with them.',
    columns: [
      { name: 'column', type: 'text' },
      { name: 'use', type: 'text', title: 'taken as' },
      ...(explained
        ? [{ name: 'between', type: 'number' as const, title: 'variance between clusters', unit: '%' }]
        : []),
      { name: 'empty', type: 'integer', title: 'empty cells' },
      { name: 'reason', type: 'text', title: 'why it is left out' },
    ],
    rows: columns.map(({ name, use, reason, missing }) => {
      const share = use === 'left out' ? null : (explained?.[at++] ?? null)
      return [name, use, ...(explained ? [share === null ? null : 100 * share] : []), missing, reason ?? null]
    }),
  }
}

export function labelsTable({ read, rows, labels, numbers, fit }: Result): TableBlock {
  const silhouette = fit.sampled || fit.rows.length !== labels.length ? undefined : fit.values
  const shown = Math.min(rows.length, shownLabels)
  return {
    type: 'table',
    name: 'labels',
    title: 'Rows',
    note: shown < rows.length ? `The first ${shown.toLocaleString('en')}; the file has all.` : undefined,
    columns: [
      { name: 'row', type: 'integer', title: 'row (from 1)' },
      { name: 'name', type: 'text' },
      { name: 'cluster', type: 'integer' },
      ...(silhouette ? [{ name: 'silhouette', type: 'number' as const }] : []),
    ],
    rows: Array.from({ length: shown }, (_, at) => [
      rows[at] + 1,
      read.names[rows[at]],
      labels[at] < 0 ? 0 : numbers[labels[at]],
      ...(silhouette ? [silhouette[at]] : []),
    ]),
  }
}

export function notesBlock(notes: string[]): Block[] {
  const different = [...new Set(notes)]
  return different.length
    ? [{ type: 'markdown', name: 'notes', title: 'Notes', text: different.map(note => `- ${note}`).join('\n') }]
    : []
}
