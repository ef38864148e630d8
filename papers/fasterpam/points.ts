/** What both methods ask for: a table, vectors or a matrix of dissimilarities; and how it becomes what the engine takes. */
import { standardise } from '@offprint/clustering'
import {
  type Dissimilarities,
  dissimilarities,
  type Matrix,
  matrix,
  mostObjects,
  precomputed,
  type WorkerPool,
} from '@offprint/kernels'
import { InputError, input, type RunContext } from '../define.ts'
import type { Table, Vectors } from '../input.ts'
import { numericMatrix } from '../table.ts'

export const metrics = ['euclidean', 'sqeuclidean', 'manhattan', 'chebyshev', 'cosine'] as const
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
    hint: 'Names, separated by commas; empty: every column of numbers.',
    maxLength: 2000,
  }),
  precomputed: input.toggle({
    label: 'The numbers are dissimilarities already',
    hint: 'A square matrix: the cell in row i and column j says how far apart objects i and j are.',
  }),
  metric: input.choice(metrics, { label: 'Metric', hint: 'How far apart two rows are.' }),
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
  precomputed: boolean
  metric: (typeof metrics)[number]
  standardize: boolean
}

/** The objects to cluster. */
export interface Objects {
  count: number
  /** Their coordinates; undefined where only dissimilarities were given. */
  points?: Matrix
  names: string[]
  /** A name for each object, from the table's first column of text; empty where there is none. */
  labels: string[]
  table?: Table
}

/** Reads the objects from the input. @throws InputError where neither or both of table and vectors are given */
export function readObjects(given: Given): Objects & { matrix: Matrix } {
  const { table, vectors } = given
  if (table && vectors) throw new InputError('vectors', 'both', 'left out', 'give a table or vectors, not both')
  if (!table && !vectors)
    throw new InputError('table', 'nothing', 'a table (CSV, TSV or JSONL), or vectors must be given')
  const count = (table ?? vectors)!.rows
  if (given.precomputed) requireAllPairs(given, count)
  if (count > mostRows) {
    const expected = `at most ${mostRows.toLocaleString('en')} rows`
    throw new InputError(fieldOf(given), `${count.toLocaleString('en')} rows`, expected)
  }
  if (!table) return { count, points: given.precomputed ? undefined : vectors, matrix: vectors!, names: [], labels: [] }
  const { names, ...numbers } = numericMatrix(table, { wanted: given.columns })
  const labels = table.columns.find(column => column.type === 'text')?.text ?? []
  const read = matrix(numbers.rows, numbers.columns, numbers.data)
  return { count, points: given.precomputed ? undefined : read, matrix: read, names, labels, table }
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

/** The objects' coordinates, standardised where that is asked for. */
export function pointsOf(objects: { matrix: Matrix }, given: Given): Matrix {
  return given.standardize ? standardise(objects.matrix).points : objects.matrix
}

/** All pairwise dissimilarities of the objects. @param pool threads to work in */
export async function compare(
  objects: { matrix: Matrix },
  given: Given,
  context: RunContext,
  pool?: WorkerPool,
): Promise<Dissimilarities> {
  const field = fieldOf(given)
  if (given.precomputed) return precomputed(objects.matrix, { signal: context.signal, field })
  return dissimilarities(pointsOf(objects, given), given.metric, {
    field,
    pool,
    signal: context.signal,
    onProgress: (done, total) => context.progress(done, total, 'Comparing all pairs'),
  })
}
