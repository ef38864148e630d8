import { type Block, defineMethod, InputError, input, z } from '../define.ts'
import {
  amount,
  askForEither,
  askForGraph,
  askForIndex,
  askForK,
  buildOrOpen,
  recallOf,
  refuseQueriesWithRows,
  requireOne,
  requireSameColumns,
  timeSearch,
  vectorsAndQueries,
} from './vectors.ts'

export interface CurvePoint {
  ef: number
  recall: number
  queriesPerSecond: number
  compared: number
  hops: number
}

export const sweep = defineMethod({
  title: 'Recall against speed',
  description:
    'Searches with narrow and wide walks, and plots how recall is paid for with speed, beside comparing with all vectors. Shows which efSearch to take for your data.',
  effort: { full: 20 },
  example: { rows: 20_000 },
  input: z
    .object({
      ...askForEither,
      index: askForIndex,
      k: askForK,
      efSearch: input.text({
        label: 'Values of efSearch',
        hint: 'Whole numbers, separated by commas.',
        default: '10, 16, 24, 32, 48, 64, 96, 128, 192, 256',
        maxLength: 500,
      }),
      ...askForGraph,
    })
    .superRefine(
      input.checked(given => {
        requireOne(given, true)
        readWidths(given.efSearch)
        if (given.index && !given.queries)
          throw new InputError('queries', 'nothing', 'vectors', 'queries must be given with an index')
        refuseQueriesWithRows(given)
        requireSameColumns(given.vectors, given.queries)
      }),
    ),
  async run(given, context): Promise<Block[]> {
    const widths = readWidths(given.efSearch)
    const { signal } = context
    const set = vectorsAndQueries(given, context.seed)
    const { queries } = set
    const { index, buildSeconds, on, notes } = await buildOrOpen({ ...given, vectors: set.vectors }, context)
    const began = performance.now()
    const truth = await index.searchExact(queries, given.k, {
      signal,
      onProgress: (done, total) => context.progress(done, total, 'Comparing with all, for the recall'),
    })
    const exact = queries.rows / ((performance.now() - began) / 1000)
    const curve: CurvePoint[] = []
    for (const [at, ef] of widths.entries()) {
      context.progress(at, widths.length, `Searching with efSearch ${ef}`)
      const { distances, seconds, compared, hops, k } = await timeSearch(index, queries, given.k, ef, { signal })
      curve.push({
        ef,
        recall: recallOf(distances, truth.distances, k),
        queriesPerSecond: queries.rows / seconds,
        compared,
        hops,
      })
    }
    const good = curve.find(({ recall }) => recall >= 0.95)
    const { bytes } = index.stats()
    const lowest = Math.min(...curve.map(({ recall }) => recall))
    return [
      {
        type: 'metric',
        name: 'efSearch',
        title: 'Least efSearch for a recall of 0.95',
        value: good?.ef ?? null,
        note: good
          ? `${(good.queriesPerSecond / exact).toFixed(1)} times as fast as comparing all`
          : 'none of these reaches it: try wider walks',
      },
      {
        type: 'metric',
        name: 'queriesPerSecond',
        title: 'Queries a second there',
        value: good?.queriesPerSecond ?? null,
        note: 'one thread',
      },
      { type: 'metric', name: 'exactQueriesPerSecond', title: 'By comparing all', value: exact, unit: '/s' },
      { type: 'metric', name: 'buildSeconds', title: 'Build time', value: buildSeconds ?? null, unit: 's' },
      {
        type: 'metric',
        name: 'bytesPerVector',
        title: 'Memory a vector',
        value: bytes.total / Math.max(1, index.size),
        unit: 'bytes',
      },
      {
        type: 'series',
        name: 'recallAgainstSpeed',
        title: 'Recall against queries a second',
        note: `${on}; ${amount(queries.rows)} queries (${queries.name}). Up and to the right is better.`,
        x: { label: `recall at ${truth.k}` },
        y: { label: 'queries a second', scale: 'log' },
        series: [
          { name: 'HNSW', points: sorted(curve.map(({ recall, queriesPerSecond }) => [recall, queriesPerSecond])) },
          {
            name: 'comparing all',
            points: [
              [Math.min(lowest, 0.99), exact],
              [1, exact],
            ],
          },
        ],
        marks: good ? [{ x: good.recall, y: good.queriesPerSecond, label: `efSearch ${good.ef}` }] : [],
      },
      {
        type: 'series',
        name: 'work',
        title: 'Vectors compared a query',
        note: 'What the walk costs, whatever the machine.',
        x: { label: `recall at ${truth.k}` },
        y: { label: 'vectors compared' },
        series: [{ name: 'HNSW', points: sorted(curve.map(({ recall, compared }) => [recall, compared])) }],
      },
      {
        type: 'table',
        name: 'curve',
        title: 'The curve',
        columns: [
          { name: 'efSearch', type: 'integer' },
          { name: 'recall', type: 'number' },
          { name: 'queriesPerSecond', type: 'number', title: 'queries a second' },
          { name: 'distancesPerQuery', type: 'number', title: 'vectors compared' },
          { name: 'hops', type: 'number' },
        ],
        rows: curve.map(({ ef, recall, queriesPerSecond, compared, hops }) => [
          ef,
          recall,
          queriesPerSecond,
          compared,
          hops,
        ]),
      },
      ...notes.map((text, at) => ({ type: 'markdown' as const, name: `note${at + 1}`, title: 'Note', text })),
    ]
  },
})

const sorted = (points: [number, number][]) => points.sort((a, b) => a[0] - b[0])

/** Values of efSearch, ascending. @throws InputError for anything but whole numbers from 1 to 10,000 */
function readWidths(text: string): number[] {
  const words = text.split(',').map(word => word.trim())
  for (const word of words)
    if (!/^\d{1,5}$/.test(word) || Number(word) < 1 || Number(word) > 10_000)
      throw new InputError('efSearch', `'${word}'`, 'whole numbers from 1 to 10000, separated by commas')
  if (words.length > 30) throw new InputError('efSearch', `${words.length} values`, 'at most 30 values')
  return [...new Set(words.map(Number))].sort((a, b) => a - b)
}
