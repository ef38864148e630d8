import { matrix, random } from '@offprint/kernels'
import { type Block, defineMethod, input, z } from '../define.ts'
import {
  amount,
  askForEfSearch,
  askForEither,
  askForGraph,
  askForK,
  buildOrOpen,
  recallOf,
  refuseQueriesWithRows,
  requireOne,
  requireSameColumns,
  timeSearch,
  vectorsAndQueries,
} from './vectors.ts'

/** In which part of the rows may be found, in percent. */
const percents = [100, 50, 20, 10, 5, 2, 1, 0.5, 0.1, 0.01]
/** Queries of which the true neighbours are found as well. */
const mostAsked = 200

export const filters = defineMethod({
  title: 'Search with a filter',
  description:
    'Lets a smaller and smaller share of the rows be found, drawn by lot, and measures recall and speed of the walk beside comparing all rows that pass: how a search among “only my documents” behaves on your vectors.',
  effort: { full: 20 },
  example: { rows: 20_000 },
  input: z
    .object({
      ...askForEither,
      k: askForK,
      efSearch: input.number(askForEfSearch),
      ...askForGraph,
    })
    .superRefine(
      input.checked(given => {
        requireOne(given, true)
        refuseQueriesWithRows(given)
        requireSameColumns(given.vectors, given.queries)
      }),
    ),
  async run(given, context): Promise<Block[]> {
    const { seed, signal } = context
    const set = vectorsAndQueries(given, seed)
    const { index, on } = await buildOrOpen({ ...given, vectors: set.vectors }, context)
    const { columns, data } = set.queries
    const asked = Math.min(mostAsked, set.queries.rows)
    const queries = matrix(asked, columns, data.subarray(0, asked * columns))
    const order = Uint32Array.from(random(seed, 5).sample(index.size, index.size))
    const rows: (number | null)[][] = []
    for (const [at, percent] of percents.entries()) {
      context.progress(at, percents.length, `Searching among ${percent} % of the rows`)
      const passing = Math.round((index.size * percent) / 100)
      if (!passing) continue
      const filter = index.filter(order.subarray(0, passing))
      // A walk as wide as the index compares all that pass.
      const truth = await timeSearch(index, queries, given.k, Math.max(1, index.size), { filter, signal })
      const found = await timeSearch(index, queries, given.k, given.efSearch, { filter, signal })
      rows.push([
        percent,
        passing,
        recallOf(found.distances, truth.distances, truth.k),
        (1e6 * found.seconds) / asked,
        (1e6 * truth.seconds) / asked,
        found.compared,
      ])
    }
    const column = (number: number) => rows.map((row): [number, number | null] => [row[0]!, row[number]])
    const recalls = rows.map(row => row[2]!)
    const worst = rows[recalls.indexOf(Math.min(...recalls))]
    return [
      {
        type: 'metric',
        name: 'leastRecall',
        title: 'Least recall',
        value: worst?.[2] ?? null,
        note: worst && `where ${worst[0]} % of the rows may be found`,
      },
      {
        type: 'metric',
        name: 'rows',
        title: 'Rows',
        value: index.size,
      },
      {
        type: 'series',
        name: 'recall',
        title: 'Recall by the share of rows that may be found',
        note: `${on}; ${amount(asked)} queries (${set.queries.name}), efSearch ${given.efSearch}.`,
        x: { label: 'rows that may be found', unit: '%', scale: 'log' },
        y: { label: `recall at ${given.k}` },
        series: [{ name: 'recall', points: column(2) }],
      },
      {
        type: 'series',
        name: 'time',
        title: 'Time a query',
        note: 'The search takes the way that costs least: it walks through rows that may not be found, goes round them, or compares all that pass.',
        x: { label: 'rows that may be found', unit: '%', scale: 'log' },
        y: { label: 'time a query', unit: 'µs', scale: 'log' },
        series: [
          { name: 'HNSW', points: column(3) },
          { name: 'comparing all that pass', points: column(4) },
        ],
      },
      {
        type: 'table',
        name: 'shares',
        title: 'By the share that may be found',
        columns: [
          { name: 'share', type: 'number', title: 'may be found', unit: '%' },
          { name: 'rows', type: 'integer' },
          { name: 'recall', type: 'number' },
          { name: 'microseconds', type: 'number', title: 'time a query', unit: 'µs' },
          { name: 'microsecondsExact', type: 'number', title: 'comparing all that pass', unit: 'µs' },
          { name: 'distancesPerQuery', type: 'number', title: 'vectors compared' },
        ],
        rows,
      },
    ]
  },
})
