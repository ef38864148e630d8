import { writeFileSync } from 'node:fs'
import { matrix, writeFvecs, writeIvecs } from '@offprint/kernels'
import { noNeighbour } from '@offprint/search'
import { type Block, defineMethod, InputError, input, z } from '../define.ts'
import { places, viewpoints } from './places.ts'
import {
  amount,
  askForEfSearch,
  askForGraph,
  askForIndex,
  askForK,
  askForQueries,
  askForVectors,
  buildOrOpen,
  recallOf,
  requireOne,
  requireSameColumns,
  timeSearch,
} from './vectors.ts'

/** Rows of the table of neighbours; the files hold all. */
const mostRows = 100_000
/** Multiplications that finding the true neighbours may take; beyond it recall is measured on some of the queries. */
const mostMultiplications = 4e11

export const search = defineMethod({
  title: 'Search',
  description:
    'Finds the nearest vectors to each query, and says how many of the true neighbours were found, how many queries a second that makes, how long the index took to build and what memory it needs.',
  effort: 'quick',
  example: { vectors: places, queries: viewpoints, k: 5 },
  input: z
    .object({
      vectors: askForVectors.optional(),
      queries: input.vectors(askForQueries).optional(),
      index: askForIndex,
      k: askForK,
      efSearch: input.number(askForEfSearch),
      ...askForGraph,
    })
    .superRefine(
      input.checked(given => {
        requireOne(given, false)
        if (!given.queries) throw new InputError('queries', 'nothing', 'vectors', 'queries must be given')
        requireSameColumns(given.vectors, given.queries)
      }),
    ),
  async run(given, context): Promise<Block[]> {
    const queries = given.queries!
    const { index, buildSeconds, labels, notes } = await buildOrOpen(given, context)
    const { signal } = context
    context.progress(0, 1, 'Searching')
    const found = await timeSearch(index, queries, given.k, given.efSearch, { signal })
    const { k } = found
    const affordable = Math.floor(mostMultiplications / Math.max(1, index.size * queries.columns))
    const asked = Math.min(queries.rows, Math.max(1, affordable))
    const began = performance.now()
    const some = matrix(asked, queries.columns, queries.data.subarray(0, asked * queries.columns))
    const truth = await index.searchExact(some, k, {
      signal,
      onProgress: (done, total) => context.progress(done, total, 'Comparing with all, for the recall'),
    })
    const exactSeconds = (performance.now() - began) / 1000
    if (asked < queries.rows) notes.push(`Recall is measured on the first ${amount(asked)} queries.`)
    if (k < given.k) notes.push(`There are ${k} rows, so each query has ${k} neighbours instead of ${given.k}.`)
    if (given.efSearch < k) notes.push(`efSearch was raised to k = ${k}.`)
    const shown = k ? Math.min(queries.rows, Math.floor(mostRows / k)) : 0
    if (shown < queries.rows) notes.push(`The table shows the first ${amount(shown)} queries; the files hold all.`)
    const { bytes, codes } = index.stats()
    const speed = queries.rows / found.seconds
    writeFileSync(
      context.output('neighbours.ivecs'),
      writeIvecs(matrix(k ? queries.rows : 0, k, Float32Array.from(found.ids))),
    )
    writeFileSync(context.output('distances.fvecs'), writeFvecs(matrix(k ? queries.rows : 0, k, found.distances)))
    return [
      metric(
        'recall',
        `Recall at ${k}`,
        recallOf(found.distances.subarray(0, asked * k), truth.distances, k),
        undefined,
        'share of the true neighbours that were found',
      ),
      metric('queriesPerSecond', 'Queries a second', speed, undefined, 'one thread'),
      metric(
        'buildSeconds',
        'Build time',
        buildSeconds ?? null,
        's',
        buildSeconds === undefined ? 'the index was given' : undefined,
      ),
      metric(
        'bytesPerVector',
        'Memory a vector',
        index.size ? bytes.total / index.size : null,
        'bytes',
        codes === 'i8' ? 'codes, links and floats' : 'links and floats',
      ),
      metric('distancesPerQuery', 'Vectors compared a query', found.compared, undefined, `of ${amount(index.size)}`),
      metric(
        'exactQueriesPerSecond',
        'By comparing all',
        asked / exactSeconds,
        '/s',
        `the walk is ${(speed / (asked / exactSeconds)).toFixed(1)} times as fast`,
      ),
      ...notes.map((text, at) => ({ type: 'markdown' as const, name: `note${at + 1}`, title: 'Note', text })),
      {
        type: 'table',
        name: 'neighbours',
        title: 'Neighbours',
        columns: [
          { name: 'query', type: 'integer', title: 'query (from 0)' },
          ...(queries.labels ? [{ name: 'queryName', type: 'text' as const, title: 'its name' }] : []),
          { name: 'rank', type: 'integer' },
          { name: 'id', type: 'integer', title: 'row (from 0)' },
          ...(labels ? [{ name: 'name', type: 'text' as const }] : []),
          { name: 'distance', type: 'number' },
        ],
        rows: Array.from({ length: shown * k }, (_, at) => at)
          .filter(at => found.ids[at] !== noNeighbour)
          .map(at => [
            Math.floor(at / k),
            ...(queries.labels ? [queries.labels[Math.floor(at / k)]] : []),
            (at % k) + 1,
            found.ids[at],
            ...(labels ? [labels[found.ids[at]]] : []),
            found.distances[at],
          ]),
      },
      {
        type: 'file',
        name: 'ids',
        title: 'All neighbours’ rows',
        file: 'neighbours.ivecs',
        mediaType: 'application/octet-stream',
      },
      {
        type: 'file',
        name: 'distances',
        title: 'All neighbours’ distances',
        file: 'distances.fvecs',
        mediaType: 'application/octet-stream',
      },
    ]
  },
})

function metric(name: string, title: string, value: number | null, unit?: string, note?: string): Block {
  return { type: 'metric', name, title, value, ...(unit && { unit }), ...(note && { note }) }
}
