import { readFileSync } from 'node:fs'
import { clusterMedoids, clusterProfile, matchLabels, type Variable } from '@offprint/clustering'
import { type Matrix, workerPool } from '@offprint/kernels'
import { inOneLine } from '../../columns.ts'
import { type Block, defineMethod, InputError, input, z } from '../../define.ts'
import type { Table } from '../../input.ts'
import { askForTable, isBlank, outlying, outweighing, pointsOf, type ReadTable, readTable } from './columns.ts'
import { evidenceBlock, gapsOf, measure } from './evidence.ts'
import { writeTable } from './labels-file.ts'
import { atTheEnd, type ClusterMethod, type Curve, type How, methodNames, methods } from './methods.ts'
import {
  clustersTable,
  columnsTable,
  curveBlock,
  differencesChart,
  differencesTable,
  inWords,
  labelsTable,
  map,
  medoidsTable,
  notesBlock,
  percent,
  type Result,
  silhouettes,
  sizesChart,
} from './result.ts'

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
        if (given.method === 'hdbscan' && given.smallest !== undefined && given.smallest > rows)
          throw new InputError(
            'smallest',
            String(given.smallest),
            `at most the number of rows without empty cells (${rows.toLocaleString('en')})`,
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
          note: countNote(shown.numbers.length, given.k, method, chosen?.curve),
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
              ? shown.numbers.length < 2
                ? 'needs 2 clusters or more'
                : 'needs a cluster of 2 rows or more'
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
          note: 'All columns and rows in their order, and a column of clusters; empty for rows that were left out, 0 for noise. A cell that a spreadsheet would run as a formula begins with an apostrophe.',
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
        ...notesBlock([
          ...found.notes,
          ...atTheEnd(chosen?.curve, k, given.mostClusters),
          ...outweighing(read, points),
          ...outlying(read, rows, points, given.scaling),
          ...matchNotes(shown),
        ]),
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
  const column = table.columns.find(({ name }) => inOneLine(name) === earlier.trim())
  if (!column) return undefined
  return Int32Array.from(column.text, (cell, row) => {
    const value = isBlank(cell) ? 0 : column.numbers[row]
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
  /** `kept`: the share of the rows with an earlier cluster that are in it now; null where no row had one. */
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
  // Of all rows, so that no new cluster gets the number of one whose rows are left out now.
  const after = new Int32Array(earlier.length).fill(-1)
  for (const [at, row] of rows.entries()) after[row] = labels[at]
  const match = matchLabels(earlier, after)
  let [had, kept] = [0, 0]
  for (const [row, label] of earlier.entries()) {
    if (label < 0) continue
    had++
    if (match.labels[row] === label) kept++
  }
  const byNumber = order.map((_, at) => at).sort((a, b) => match.numbers[a] - match.numbers[b])
  const rank = new Map(byNumber.map((slot, at) => [slot, at]))
  return {
    labels: labels.map(label => (label < 0 ? -1 : rank.get(label)!)),
    numbers: byNumber.map(slot => match.numbers[slot] + 1),
    match: {
      kept: had ? kept / had : null,
      appeared: match.appeared.map(one => one + 1),
      vanished: match.vanished.map(one => one + 1),
    },
  }
}

function matchNotes({ match }: Numbered): string[] {
  if (!match) return []
  const list = (numbers: number[]) =>
    numbers.slice(0, 20).join(', ') +
    (numbers.length > 20 ? ` and ${(numbers.length - 20).toLocaleString('en')} more` : '')
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

function countNote(found: number, asked: number | undefined, { criterion }: ClusterMethod, curve?: Curve): string {
  if (asked !== undefined) return found === asked ? 'as you asked for' : `you asked for ${asked.toLocaleString('en')}`
  return curve && !curve.points.length ? 'too few rows to choose' : `by ${criterion}`
}

function rowsNote({ rows: all }: Table, rows: Uint32Array, filled: number): string {
  if (rows.length < all) return `of ${all.toLocaleString('en')}; the others have an empty cell`
  return filled ? `${filled.toLocaleString('en')} empty cells filled` : 'all of the table'
}
