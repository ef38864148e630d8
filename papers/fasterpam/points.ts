/** What the methods ask for: a table, vectors or a matrix of dissimilarities; and how it becomes what the engine takes. */
import { standardise, variablePoints } from '@offprint/clustering'
import {
  binaryDissimilarities,
  correlationRows,
  type Dissimilarities,
  dissimilarities,
  type Matrix,
  type Metric,
  matrix,
  mostObjects,
  precomputed,
  type WorkerPool,
} from '@offprint/kernels'
import { inOneLine, namesIn, whyId } from '../columns.ts'
import { InputError, input, type RunContext, type TableBlock } from '../define.ts'
import type { Column, Table, Vectors } from '../input.ts'
import { columnsNamed, numericColumns, numericMatrix } from '../table.ts'
import { squareOfTriangle } from './triangle.ts'

export const metrics = [
  'euclidean',
  'sqeuclidean',
  'manhattan',
  'chebyshev',
  'cosine',
  'correlation',
  'jaccard',
  'hamming',
] as const
export const inits = ['random', 'build', 'lab', 'k-medoids++', 'park-jun', 'first'] as const

/** A result has a line for each row. */
const mostRows = 500_000

/** Fields of the form that say what is clustered and how. */
export const askForPoints = {
  table: input
    .table({
      label: 'Table',
      hint: 'CSV, TSV or JSON lines, one object a row. Columns of numbers are compared; columns of text become labels.',
    })
    .optional(),
  vectors: input
    .vectors({ label: 'or vectors', hint: '.npy, .fvecs, .ivecs, .bvecs, or CSV with nothing but numbers.' })
    .optional(),
  columns: input.text({
    label: 'Columns to compare',
    hint: 'Names, separated by commas; one with a comma in double quotes. Empty: every column of numbers but ids. The result says what was taken.',
    maxLength: 2000,
  }),
  weights: input.text({
    label: 'Column of weights',
    hint: 'A row of weight 2 counts as two equal rows. It is not compared. Empty: every row counts once.',
    maxLength: 200,
  }),
  precomputed: input.toggle({
    label: 'The numbers are dissimilarities already',
    hint: 'A square matrix: the cell in row i and column j says how far apart objects i and j are. Of a table the lower triangle is enough.',
  }),
  metric: input.choice(metrics, {
    label: 'Metric',
    hint: 'How far apart two rows are. correlation: 1 − Pearson’s correlation of the two rows. jaccard and hamming: for columns of 0 and 1.',
  }),
  standardize: input.toggle({
    label: 'Standardise the columns',
    hint: 'To mean 0 and standard deviation 1, so that a column in large units does not drown the others.',
  }),
}

export const askForStart = {
  init: input.choice(inits, {
    label: 'Start',
    hint: 'How the first medoids are found; random is fast and about as good.',
  }),
  restarts: input.number({
    label: 'Restarts',
    hint: 'Runs from different starts; the best counts.',
    integer: true,
    min: 1,
    max: 1000,
    default: 1,
  }),
}

interface Given {
  table?: Table
  vectors?: Vectors
  columns: string
  weights: string
  precomputed: boolean
  metric: (typeof metrics)[number]
  standardize: boolean
}

/** The objects to cluster. */
export interface Objects {
  count: number
  /** What is compared: a row for each object; of precomputed dissimilarities the square of all pairs. */
  matrix: Matrix
  precomputed: boolean
  /** A number of an object as the user gave it; columns as in the matrix, of a table `names`. Not for dissimilarities. */
  given(row: number, column: number): number
  names: string[]
  /** A name for each object, from the first column of text; empty where there is none. */
  labels: string[]
  table?: Table
  weights?: Float64Array
  /** All columns of the table: what each is taken as, and why it is left out. */
  columns: { name: string; use: 'compared' | 'weights' | 'label' | 'left out'; reason?: string }[]
}

/**
 * Reads the objects from the input.
 * @throws InputError where neither or both of table and vectors are given, and for what cannot be used together
 */
export function readObjects(given: Given): Objects {
  const { table, vectors } = given
  if (table && vectors) throw new InputError('vectors', 'both', 'left out', 'give a table or vectors, not both')
  if (!table && !vectors)
    throw new InputError('table', 'nothing', 'a table (CSV, TSV or JSONL), or vectors must be given')
  requireFitting(given, (table ?? vectors)!.rows)
  return table ? readTable(table, given) : readVectors(vectors!, given)
}

function readVectors(vectors: Vectors, given: Given): Objects {
  const weights = given.weights.trim()
  if (weights) throw new InputError('weights', `'${weights}'`, 'left out, as it is a column of a table')
  const scaled = given.standardize ? standardise(vectors).points : vectors
  return {
    count: vectors.rows,
    matrix: given.metric === 'correlation' ? correlated(scaled, 'vectors') : scaled,
    given: (row, column) => vectors.data[row * vectors.columns + column],
    precomputed: given.precomputed,
    names: [],
    labels: vectors.labels ?? [],
    columns: [],
  }
}

function readTable(table: Table, given: Given): Objects {
  const weights = weightsOf(table, given.weights)
  const columns = usesOf(table, given, weights)
  const wanted = columns.filter(({ use }) => use === 'compared').map(({ name }) => name)
  const unused = columns.filter(({ use, reason }) => use === 'weights' || (use === 'left out' && reason !== 'text'))
  if (!wanted.length && unused.length) {
    const why = unused.map(({ name, reason = 'the weights' }) => `${inOneLine(name)} (${reason})`).join(', ')
    const message = `${table.name} has no column to compare: ${why}; name a column to take it all the same`
    throw new InputError('columns', 'none', 'a column to compare', message)
  }
  const labels = table.columns.find(column => column.type === 'text')?.text ?? []
  const chosen = columnsNamed(table, wanted, 'columns')
  const triangle = given.precomputed && wanted.length ? squareOfTriangle(chosen, labels.length > 0) : undefined
  const points = triangle ?? pointsOf(table, { ...given, wanted })
  return {
    count: points.rows,
    matrix: points,
    given: (row, column) => chosen[column].numbers[row],
    precomputed: given.precomputed,
    names: wanted,
    labels,
    table,
    weights: weights?.values,
    columns,
  }
}

/** What each column of a table is taken as. */
function usesOf(table: Table, given: Given, weights?: { name: string }): Objects['columns'] {
  const named = new Set(columnsNamed(table, namesIn(given.columns), 'columns'))
  const label = table.columns.find(column => column.type === 'text')
  return table.columns.map(column => {
    const { name, type, numbers } = column
    const leave = (reason: string) => ({ name, use: 'left out' as const, reason })
    if (named.has(column)) return { name, use: 'compared' }
    if (name === weights?.name) return { name, use: 'weights' }
    if (name === label?.name) return { name, use: 'label' }
    if (named.size) return leave('not asked for')
    if (type === 'text') return leave('text')
    const id = given.precomputed ? undefined : whyId(inOneLine(name), numbers)
    return id ? leave(id) : { name, use: 'compared' }
  })
}

/** @throws InputError for no such column, a weight below 0 or none, and nothing but zeros */
function weightsOf(table: Table, given: string): { name: string; values: Float64Array } | undefined {
  const wanted = namesIn(given)
  if (!wanted.length) return undefined
  if (wanted.length > 1) throw new InputError('weights', `'${given.trim()}'`, 'the name of one column')
  const [{ name, text, numbers }] = columnsNamed(table, wanted, 'weights')
  const bad = numbers.findIndex(value => !(value >= 0))
  if (bad >= 0) {
    const message = `weights: ${table.name}, row ${bad + 1}, column '${name}' must be a number of at least 0, found '${text[bad]}'`
    throw new InputError('weights', text[bad], 'a number of at least 0', message)
  }
  if (!numbers.some(value => value > 0)) throw new InputError('weights', 'nothing but 0', 'above 0 in some row')
  return { name, values: numbers }
}

/** The numbers of a table as the engine compares them. */
function pointsOf(table: Table, { wanted, precomputed, metric, standardize }: Given & { wanted: string[] }): Matrix {
  if (precomputed) return asMatrix(numericMatrix(table, { wanted }))
  const columns = numericColumns(table, { wanted })
  if (isBinary(metric)) requireBinary(table, columns, metric)
  const variables = columns.map(({ name, numbers }) => ({ name, kind: 'number' as const, values: numbers }))
  const points = standardize
    ? variablePoints(variables, { scaling: 'z-score' }).points
    : asMatrix(numericMatrix(table, { wanted, prepare: preparations[metric] }))
  return metric === 'correlation' ? correlated(points, 'table') : points
}

const asMatrix = ({ rows, columns, data }: Matrix) => matrix(rows, columns, data)

/** Where a metric does not change by it, numbers are brought near 0 before they are rounded to 32 bits, so that they keep their digits. */
const preparations: Partial<Record<Given['metric'], (columns: Float64Array[]) => Float64Array[]>> = {
  euclidean: lessMedians,
  sqeuclidean: lessMedians,
  manhattan: lessMedians,
  chebyshev: lessMedians,
  correlation: lessRowMeans,
}

/**
 * Less the value in the middle: beside a far one, the mean may be far from all. Columns that 32 bits hold as they are stay so, and those
 * that 32 bits would not hold after.
 */
function lessMedians(columns: Float64Array[]): Float64Array[] {
  return columns.map(column => {
    if (column.every(value => Math.fround(value) === value)) return column
    const middle = column.toSorted()[column.length >> 1]
    const less = column.map(value => value - middle)
    return less.every(value => Number.isFinite(Math.fround(value))) ? less : column
  })
}

function lessRowMeans(columns: Float64Array[]): Float64Array[] {
  const means = columns[0].map((_, row) => columns.reduce((sum, column) => sum + column[row] / columns.length, 0))
  return columns.map(column => column.map((value, row) => value - means[row]))
}

function correlated(points: Matrix, field: string): Matrix {
  try {
    return correlationRows(points)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    throw new InputError(field, error.found, error.expected, error.message.replace(/^points/, field))
  }
}

const isBinary = (metric: Given['metric']) => metric === 'jaccard' || metric === 'hamming'

function requireBinary(table: Table, columns: Column[], metric: string): void {
  for (const { name, text, numbers } of columns) {
    const row = numbers.findIndex(value => value !== 0 && value !== 1)
    if (row < 0) continue
    const message = `${table.name}, row ${row + 1}, column '${name}' must be 0 or 1 for ${metric}, found '${text[row]}'`
    throw new InputError('table', text[row], '0 or 1', message)
  }
}

function requireFitting(given: Given, count: number): void {
  const { precomputed, metric, standardize } = given
  if (count > mostRows) {
    const expected = `at most ${mostRows.toLocaleString('en')} rows`
    throw new InputError(fieldOf(given), `${count.toLocaleString('en')} rows`, expected)
  }
  if (precomputed || isBinary(metric)) requireAllPairs(given, count)
  const leaveOut = (field: 'metric' | 'standardize', why: string) =>
    new InputError(field, String(given[field]), '', `${field}: ${why}; leave it out`)
  if (precomputed && metric !== metrics[0])
    throw leaveOut('metric', `the numbers are dissimilarities already, so ${metric} cannot be worked out`)
  if (precomputed && standardize) throw leaveOut('standardize', 'the numbers are dissimilarities already')
  if (isBinary(metric) && standardize) throw leaveOut('standardize', `${metric} compares 0 and 1 as they are`)
}

/** The input that an error about the numbers is shown beside. */
function fieldOf(given: Given): string {
  return given.table ? 'table' : 'vectors'
}

/** @throws InputError for more rows than all pairs of which are kept in memory */
export function requireAllPairs(given: Given, count: number): void {
  if (count <= mostObjects) return
  const expected = `at most ${mostObjects.toLocaleString('en')} rows, as all pairs are kept in memory`
  throw new InputError(fieldOf(given), `${count.toLocaleString('en')} rows`, expected)
}

/** `k must be a whole number from 1 to n (n = 150), found 0`, before anything is computed. */
export function requireK(field: string, k: number, count: number): void {
  if (k >= 1 && k <= count) return
  throw new InputError(field, String(k), `a whole number from 1 to n (n = ${count})`)
}

/** The metric by which the engine compares rows of `Objects.matrix`; undefined where it can only be given all pairs. */
export function metricOf({ metric, precomputed }: Given): Metric | undefined {
  if (precomputed || metric === 'jaccard' || metric === 'hamming') return undefined
  return metric === 'correlation' ? 'cosine' : metric
}

/** All pairwise dissimilarities of the objects. @param pool threads to work in */
export async function compare(
  { matrix }: Objects,
  given: Given,
  context: RunContext,
  pool?: WorkerPool,
): Promise<Dissimilarities> {
  const { signal } = context
  const field = fieldOf(given)
  if (given.precomputed) return precomputed(matrix, { signal, field })
  const onProgress = (done: number, total: number) => context.progress(done, total, 'Comparing all pairs')
  const options = { field, pool, signal, onProgress }
  if (given.metric === 'jaccard' || given.metric === 'hamming')
    return binaryDissimilarities(matrix, given.metric, options)
  return dissimilarities(matrix, metricOf(given), options)
}

/** Which columns of the table were compared, and why the others were not. */
export function columnsBlock({ columns, precomputed }: Objects): TableBlock[] {
  if (!columns.length || precomputed) return []
  return [
    {
      type: 'table',
      name: 'columns',
      title: 'Your columns',
      columns: [
        { name: 'column', type: 'text' },
        { name: 'use', type: 'text', title: 'taken as' },
        { name: 'reason', type: 'text', title: 'why it is left out' },
      ],
      rows: columns.map(({ name, use, reason }) => [name, use, reason ?? null]),
    },
  ]
}
