import { readFileSync } from 'node:fs'
import {
  clusterMedoids,
  clusterProfile,
  type Difference,
  matchLabels,
  project,
  type Variable,
} from '@offprint/clustering'
import { type Matrix, random, workerPool } from '@offprint/kernels'
import { type Block, defineMethod, InputError, input, type SeriesBlock, type TableBlock, z } from '../../define.ts'
import type { Table } from '../../input.ts'
import { askForTable, pointsOf, type ReadTable, readTable } from './columns.ts'
import { evidenceBlock, gapsOf, measure } from './evidence.ts'
import { writeTable } from './labels-file.ts'
import { type Curve, type How, methodNames, methods } from './methods.ts'

/** Points of a picture; more would not be seen. */
const shownPoints = 5000
/** Rows of the table of labels on the page; the file has all. */
const shownLabels = 20_000
const shownDifferences = 6
/** What sets a cluster apart in one line of text. */
const toldDifferences = 3
const drawnDifferences = 3
/** Effects below it are small (Cohen 1988). */
const leastEffect = 0.2

export const exampleTable = {
  name: 'elements.csv',
  text: readFileSync(new URL('./elements.csv', import.meta.url), 'utf8'),
}

/** How many clusters, and how many are tried where that is left open. */
export const askForCount = {
  k: input.optionalNumber({ label: 'Number of clusters', integer: true, min: 1, max: 1000 }),
  mostClusters: input.number({
    label: 'Most clusters to try',
    hint: 'Where the number of clusters is left empty.',
    integer: true,
    min: 2,
    max: 50,
    default: 10,
  }),
}

/** @throws InputError where there are fewer rows than clusters */
export function requireCount(k: number | undefined, rows: number): void {
  if (k !== undefined && k > rows)
    throw new InputError(
      'k',
      String(k),
      `at most the number of rows without empty cells (${rows.toLocaleString('en')})`,
    )
}

export const cluster = defineMethod({
  title: 'Cluster the rows',
  description:
    'Groups the rows of a table by one method, into as many clusters as you say or as the data speak for. Says whether there are groups at all, shows a typical row of each and what sets it apart, and gives your table back with a column of clusters.',
  effort: 'quick',
  example: { table: exampleTable, method: 'k-means' },
  input: z
    .object({
      table: askForTable.table,
      columns: askForTable.columns,
      method: input.choice(methodNames, {
        label: 'Method',
        hint: 'k-means: round groups of like width. mixture: normal distributions of any shape; it may find that there is one. k-medoids: around real rows, less moved by extreme ones. hierarchical: Ward’s tree, in which like rows are joined first. hdbscan: dense places of any shape and number; rows in none are noise.',
      }),
      ...askForCount,
      smallest: input.optionalNumber({
        label: 'Smallest cluster of hdbscan, in rows',
        integer: true,
        min: 2,
        max: 1_000_000,
      }),
      scaling: askForTable.scaling,
      missing: askForTable.missing,
      categories: askForTable.categories,
      earlier: input.text({
        label: 'Column with earlier clusters',
        hint: 'Whole numbers from 1, such as last month’s result; 0 or empty where a row had none. Clusters keep their numbers as far as their rows do. It is not compared.',
        maxLength: 500,
      }),
    })
    .superRefine(
      input.checked(given => {
        const read = readTable(given)
        if (given.method === 'mixture') requireNumbers(read)
        const { rows } = pointsOf(read, given).points
        requireCount(given.k, rows)
        if (given.method === 'hdbscan' && given.k !== undefined)
          throw new InputError(
            'k',
            String(given.k),
            '',
            'k: hdbscan finds the number of clusters itself; leave it empty',
          )
        earlierOf(given)
      }),
    ),
  async run(given, context): Promise<Block[]> {
    const read = readTable(given)
    const { points, rows, filled } = pointsOf(read, given)
    const method = methods[given.method]
    const pool = workerPool({ threads: context.threads })
    try {
      const how = (what: string): How => ({
        seed: context.seed,
        pool,
        signal: context.signal,
        smallest: given.smallest,
        progress: (done, total) => context.progress(done, total, what),
      })
      const chosen =
        given.k === undefined
          ? await method.choose?.(points, given.mostClusters, how('Choosing the number of clusters'))
          : undefined
      const k = Math.min(chosen?.k ?? given.k ?? 0, points.rows)
      const found = await method.fit(points, k, how('Clustering'))
      const shown = numbered(found.labels, earlierOf(given), rows)
      const gap = await gapsOf(points, shown.numbers.length, how('Comparing with rows that have no groups'))
      context.progress(0, 1, 'Leaving rows out')
      const quiet = { ...how('Leaving rows out'), progress: () => {} }
      const { fit, stability } = await measure(
        points,
        shown.labels,
        async sample =>
          (
            await method.fit(sample, Math.min(k, sample.rows), {
              ...quiet,
              smallest: scaled(given.smallest, sample, points),
            })
          ).labels,
        quiet,
      )
      const evidence = { k: shown.numbers.length, silhouette: fit.mean, stability, gap, shapes: method.shapes }
      const medoids = clusterMedoids(points, shown.labels)
      const profile = clusterProfile(
        read.variables.map(variable => ofRows(variable, rows)),
        shown.labels,
      )
      const result: Result = { read, points, rows, ...shown, medoids, differences: profile.differences, fit }
      const file = context.output('clusters.csv')
      const cells = new Array<number | undefined>(read.table.rows)
      for (const [at, row] of rows.entries()) cells[row] = shown.labels[at] < 0 ? 0 : shown.numbers[shown.labels[at]]
      writeTable(file, read.table, [{ name: 'cluster', cells }])
      return [
        {
          type: 'metric',
          name: 'k',
          title: 'Clusters',
          value: shown.numbers.length,
          note: given.k === undefined ? `by ${method.criterion}` : 'as you asked for',
        },
        {
          type: 'metric',
          name: 'rows',
          title: 'Rows clustered',
          value: rows.length,
          note: rowsNote(read.table, rows, filled),
        },
        {
          type: 'metric',
          name: 'silhouette',
          title: 'Silhouette',
          value: fit.mean,
          note:
            fit.mean === null
              ? 'needs 2 clusters or more'
              : `from −1 to 1, high is good${fit.sampled ? '; on a sample' : ''}`,
        },
        {
          type: 'metric',
          name: 'stability',
          title: 'Stability',
          value: evidence.k < 2 ? null : stability,
          note: 'agreement when rows are left out: 1 the same, 0 chance',
        },
        evidenceBlock(evidence),
        inWords(result),
        await map(result, context),
        {
          type: 'file',
          name: 'file',
          title: 'Your table with its clusters',
          note: 'All columns and rows as they were, in their order, and a column of clusters.',
          file: 'clusters.csv',
          mediaType: 'text/csv',
        },
        ...(shown.numbers.length > 1 ? [differencesChart(result), differencesTable(result)] : []),
        medoidsTable(result),
        sizesChart(result),
        clustersTable(result),
        ...(chosen && chosen.curve.points.length > 1 ? [curveBlock(chosen.curve, k)] : []),
        ...(fit.mean === null ? [] : [silhouettes(result)]),
        columnsTable(read, profile.explained),
        labelsTable(result),
        ...notesBlock([...found.notes, ...matchNotes(shown)]),
      ]
    } finally {
      pool.close()
    }
  },
})

/** The same share of fewer rows. */
function scaled(smallest: number | undefined, { rows }: Matrix, all: Matrix): number | undefined {
  return smallest && Math.max(2, Math.round((smallest * rows) / all.rows))
}

interface Result {
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

function requireNumbers({ variables }: ReadTable): void {
  const category = variables.find(variable => variable.kind === 'category')
  if (category)
    throw new InputError(
      'method',
      'mixture',
      '',
      `method: a mixture of normal distributions is for numbers, and '${category.name}' is text; take k-means or k-medoids, or leave out columns of text`,
    )
}

/** Earlier labels from 0, −1 where a row had none. @throws InputError that names the row */
function earlierOf({ table, earlier }: { table: Table; earlier: string }): Int32Array | undefined {
  const column = table.columns.find(({ name }) => name === earlier.trim())
  if (!column) return undefined
  return Int32Array.from(column.text, (cell, row) => {
    const value = cell === '' ? 0 : column.numbers[row]
    if (Number.isInteger(value) && value >= 0 && value <= 10_000) return value - 1
    throw new InputError(
      'earlier',
      cell,
      '',
      `earlier: row ${row + 1}, column '${column.name}': '${cell.slice(0, 40)}' is no whole number from 0 to 10,000`,
    )
  })
}

interface Numbered {
  labels: Int32Array
  numbers: number[]
  match?: { kept: number | null; appeared: number[]; vanished: number[] }
}

/** Clusters from 1 by descending size, then by their first row; or by the numbers that they had earlier. */
function numbered(found: Int32Array, earlier: Int32Array | undefined, rows: Uint32Array): Numbered {
  const sizes = new Map<number, number>()
  for (const label of found) if (label >= 0) sizes.set(label, (sizes.get(label) ?? 0) + 1)
  // A map keeps the order in which its keys came, and sorting keeps it among equals.
  const order = [...sizes.keys()].sort((a, b) => sizes.get(b)! - sizes.get(a)!)
  const place = new Map(order.map((label, at) => [label, at]))
  const labels = found.map(label => (label < 0 ? -1 : place.get(label)!))
  if (!earlier) return { labels, numbers: order.map((_, at) => at + 1) }
  const match = matchLabels(
    Int32Array.from(rows, row => earlier[row]),
    labels,
  )
  const byNumber = order.map((_, at) => at).sort((a, b) => match.numbers[a] - match.numbers[b])
  const rank = new Map(byNumber.map((slot, at) => [slot, at]))
  return {
    labels: labels.map(label => (label < 0 ? -1 : rank.get(label)!)),
    numbers: byNumber.map(slot => match.numbers[slot] + 1),
    match: {
      kept: match.kept,
      appeared: match.appeared.map(one => one + 1),
      vanished: match.vanished.map(one => one + 1),
    },
  }
}

function matchNotes({ match }: Numbered): string[] {
  if (!match) return []
  const list = (numbers: number[]) => numbers.join(', ')
  return [
    match.kept === null
      ? 'No row had an earlier cluster.'
      : `${percent(match.kept)} of the rows that had a cluster kept it.`,
    ...(match.appeared.length ? [`New since then: ${list(match.appeared)}.`] : []),
    ...(match.vanished.length ? [`No longer there: ${list(match.vanished)}.`] : []),
  ]
}

function ofRows(variable: Variable, rows: Uint32Array): Variable {
  return variable.kind === 'number'
    ? { ...variable, values: Float64Array.from(rows, row => variable.values[row]) }
    : { ...variable, values: Int32Array.from(rows, row => variable.values[row]) }
}

function rowsNote({ rows: all }: Table, rows: Uint32Array, filled: number): string {
  if (rows.length < all) return `of ${all.toLocaleString('en')}; the others have an empty cell`
  return filled ? `${filled.toLocaleString('en')} empty cells filled` : 'all of the table'
}

const percent = (share: number) => `${+(100 * share).toPrecision(share < 0.1 ? 2 : 3)} %`
const figure = (value: number) => value.toLocaleString('en', { maximumSignificantDigits: 3 })

function titleOf({ read }: Result, { variable, category }: Difference): string {
  const { name, ...column } = read.variables[variable]
  return category !== undefined && column.kind === 'category' ? `${name} = ${column.categories[category]}` : name
}

/** `melting_K high (3,240; all rows 1,460)`. */
function told(result: Result, difference: Difference): string {
  const { category, effect, inside, overall } = difference
  const shown = category === undefined ? figure : percent
  const word = category === undefined ? (effect > 0 ? 'high' : 'low') : effect > 0 ? 'often' : 'seldom'
  return `${plain(titleOf(result, difference))} ${word} (${shown(inside)}; all rows ${shown(overall)})`
}

/** Text of the user's table stays what it is in Markdown. */
function plain(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*[\]<>&~|]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\$&')
}

/** Each cluster in a sentence. */
function inWords(result: Result): Block {
  const { labels, numbers, rows, read, medoids, differences } = result
  const sizes = sizesOf(result)
  const lines = numbers.map((number, cluster) => {
    const most = differences[cluster].filter(({ effect }) => Math.abs(effect) >= leastEffect).slice(0, toldDifferences)
    const apart = most.length ? most.map(one => told(result, one)).join(', ') : 'no column sets it apart'
    const many = `${sizes[cluster].toLocaleString('en')} ${sizes[cluster] === 1 ? 'row' : 'rows'}`
    const typical = plain(read.names[rows[medoids[cluster]]])
    return `- **Cluster ${number}**, ${many} (${percent(sizes[cluster] / labels.length)}), such as *${typical || 'a row without a name'}*${numbers.length > 1 ? `: ${apart}` : ''}.`
  })
  const noise = labels.reduce((sum, label) => sum + Number(label < 0), 0)
  if (noise)
    lines.push(`- **Noise**, ${noise.toLocaleString('en')} rows (${percent(noise / labels.length)}): in no cluster.`)
  return { type: 'markdown', name: 'words', title: 'The clusters', text: lines.join('\n') }
}

function sizesOf({ labels, numbers }: Result): number[] {
  const sizes = numbers.map(() => 0)
  for (const label of labels) if (label >= 0) sizes[label]++
  return sizes
}

function sizesChart(result: Result): Block {
  return {
    type: 'bars',
    name: 'sizes',
    title: 'Sizes',
    y: { label: 'rows' },
    bars: sizesOf(result).map((value, cluster) => ({
      label: `cluster ${result.numbers[cluster]}`,
      group: `cluster ${result.numbers[cluster]}`,
      value,
    })),
  }
}

function clustersTable(result: Result): TableBlock {
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
async function map(result: Result, { seed, signal }: { seed: number; signal: AbortSignal }): Promise<Block> {
  const { read, points, rows, labels, numbers, medoids } = result
  const [first, second] = read.variables
  const plain =
    read.variables.length === 2 && first.kind === 'number' && second.kind === 'number' ? [first, second] : undefined
  const place = await project(points, { signal })
  const at = (point: number, axis: number) => {
    const value = plain?.[axis].values[rows[point]]
    // A filled cell has a place on the scaled axis only; it is left out of a picture of the column as it was.
    return value === undefined ? place.data[2 * point + axis] : value
  }
  const typical = new Set(Array.from(medoids).filter(row => row >= 0))
  const drawn =
    points.rows <= shownPoints
      ? Array.from({ length: points.rows }, (_, row) => row)
      : [...new Set([...random(seed, 2).sample(shownPoints, points.rows), ...typical])].sort((a, b) => a - b)
  const kept = drawn.filter(row => Number.isFinite(at(row, 0)) && Number.isFinite(at(row, 1)))
  const axis = (index: number) =>
    plain?.[index].name ?? `principal component ${index + 1} (${percent(place.shares![index])} of the variance)`
  const shownShare = place.shares![0] + place.shares![1]
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
      group: kept.map(row => (labels[row] < 0 ? 'noise' : `cluster ${numbers[labels[row]]}`)),
      label: kept.map(row => read.names[rows[row]]),
    },
    emphasis: kept.flatMap((row, index) => (typical.has(row) ? [index] : [])),
  }
}

function differencesChart(result: Result): Block {
  return {
    type: 'bars',
    name: 'differences',
    title: 'What sets each cluster apart',
    note: 'Each cluster against all other rows, in standard deviations of the column: 0.2 is small, 0.5 middling, 0.8 large.',
    y: { label: 'lower ← difference → higher' },
    bars: result.differences.flatMap((differences, cluster) =>
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

function differencesTable(result: Result): TableBlock {
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

function medoidsTable({ read, rows, numbers, medoids }: Result): TableBlock {
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

export function curveBlock({ measure, points }: Curve, k: number): SeriesBlock {
  const at = points.find(point => point[0] === k)
  return {
    type: 'series',
    name: 'curve',
    title: `${measure[0].toUpperCase()}${measure.slice(1)} over the number of clusters`,
    note: measure === 'BIC' ? 'Less is better.' : 'More is better. A flat curve has no best number.',
    x: { label: 'number of clusters' },
    y: { label: measure },
    series: [{ name: measure, points }],
    marks: at && at[1] !== null ? [{ x: k, y: at[1], label: String(k) }] : undefined,
  }
}

/** Each cluster's silhouettes in descending order, one cluster after the other. */
function silhouettes({ labels, numbers, fit }: Result): SeriesBlock {
  const step = Math.ceil(fit.rows.length / 2000)
  const values = numbers.map((): number[] => [])
  for (let at = 0; at < fit.rows.length; at++) values[labels[fit.rows[at]]].push(fit.values[at])
  let start = 0
  return {
    type: 'series',
    name: 'silhouettePlot',
    title: 'Silhouettes, sorted within each cluster',
    note: `Near 1: well inside its cluster; near 0: between two; below 0: nearer to another one.${fit.sampled ? ' On a sample of the rows.' : ''}`,
    x: { label: 'rows' },
    y: { label: 'silhouette' },
    series: values.map((own, cluster) => {
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

function labelsTable({ read, rows, labels, numbers, fit }: Result): TableBlock {
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
