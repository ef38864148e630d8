/** What the methods ask for: vectors (or an index, or made ones), and how neighbours are compared. */
import { type Matrix, matrix, random } from '@offprint/kernels'
import { Hnsw, type HnswFilter, type HnswMetric, hnswMetrics } from '@offprint/search'
import { openHnsw } from '@offprint/search/node'
import { InputError, input, type RunContext } from '../define.ts'
import type { Artefact, Vectors } from '../input.ts'
import { syntheticClusters } from './synthetic-clusters.ts'

/** The type under which `build` leaves an index for later runs. */
export const indexArtefact = 'hnsw-index'
const heldOut = 500

export const askForVectors = input.vectors({
  label: 'Vectors',
  hint: '.npy, .fvecs, .ivecs, .bvecs, or CSV: its columns of numbers; the first column of text names the rows.',
})

export const askForIndex = input
  .artefact({ label: 'or an index', hint: 'The id of a run of build.', artefact: indexArtefact })
  .optional()

export const askForQueries = { label: 'Queries', hint: 'Vectors of the same dimension.' }

export const askForEither = {
  vectors: askForVectors.optional(),
  queries: input
    .vectors({ ...askForQueries, hint: 'Left out: up to 500 rows of the vectors are held out and asked for.' })
    .optional(),
  rows: input.optionalNumber({
    label: 'or rows to make',
    hint: 'Instead of vectors of your own: so many of 128 dimensions, in clusters, made from the seed.',
    integer: true,
    min: 100,
    max: 2_000_000,
  }),
}

export const askForEfSearch = {
  label: 'efSearch, width of the walk',
  hint: 'Candidates kept while searching: more find more, and take longer. Less than k counts as k.',
  integer: true,
  min: 1,
  max: 10_000,
  default: 64,
}

export const askForGraph = {
  metric: input.choice(hnswMetrics, {
    label: 'Metric',
    hint: 'l2: squared Euclidean distance. cosine: 1 − cosine, usual for embeddings. ip: 1 − inner product.',
  }),
  M: input.number({
    label: 'M, links a node',
    hint: 'Twice as many on the ground layer. 16 to 32 for embeddings.',
    integer: true,
    min: 4,
    max: 64,
    default: 16,
  }),
  efConstruction: input.number({
    label: 'efConstruction',
    hint: 'Candidates looked at for a node’s links: more make a better graph, and take longer.',
    integer: true,
    min: 8,
    max: 2000,
    default: 200,
  }),
  codes: input.choice(['auto', 'i8', 'bit', 'none'], {
    label: 'Codes',
    hint: 'What the walk compares: codes of a byte a dimension (i8) or a bit (for 384 dimensions and more), the floats (none), or bytes where they lose next to nothing (auto).',
  }),
  keepFloats: input.choice(['f32', 'f16'], {
    label: 'Vectors kept as',
    hint: '32-bit floats, or 16-bit floats in half the memory where the walk compares bytes.',
  }),
}

export const askForK = input.number({
  label: 'k, neighbours a query',
  integer: true,
  min: 1,
  max: 1000,
  default: 10,
})

export interface Graph {
  metric: HnswMetric
  M: number
  efConstruction: number
  codes: 'auto' | 'i8' | 'bit' | 'none'
  keepFloats: 'f32' | 'f16'
}

export interface Built {
  index: Hnsw
  /** Undefined where an index was given. */
  buildSeconds?: number
  /** Names of the rows, where the vectors came with some. */
  labels?: string[]
  /** What was indexed, in a few words. */
  on: string
  notes: string[]
}

/** @throws InputError unless vectors or an index are given, or rows to make */
export function requireOne(given: { vectors?: Vectors; index?: Artefact; rows?: number }, withRows: boolean): void {
  const count = Number(!!given.vectors) + Number(!!given.index) + Number(!!given.rows)
  if (count === 1) return
  const what = withRows ? 'vectors, an index, or rows to make' : 'vectors or an index'
  throw new InputError(
    'vectors',
    count ? 'several' : 'nothing',
    what,
    `vectors: give one of ${what}${count ? ', not several' : ''}`,
  )
}

/** @throws InputError where rows are made, with queries, and queries are given as well */
export function refuseQueriesWithRows({ queries, rows }: { queries?: Vectors; rows?: number }): void {
  if (rows && queries)
    throw new InputError('queries', queries.name, 'left out', 'queries are made with the rows: leave them out')
}

/** @throws InputError where queries are of another dimension than the vectors */
export function requireSameColumns(vectors: Vectors | undefined, queries: Vectors | undefined): void {
  if (!vectors || !queries || vectors.columns === queries.columns) return
  throw new InputError(
    'queries',
    `${queries.columns} columns`,
    `${vectors.columns} columns`,
    `queries: ${queries.name} has ${queries.columns} columns, ${vectors.name} has ${vectors.columns}`,
  )
}

/** Builds the index, or opens the one that was given. */
export async function buildOrOpen(
  { vectors, index: artefact, ...graph }: { vectors?: Vectors; index?: Artefact } & Graph,
  context: RunContext,
): Promise<Built> {
  if (artefact) {
    const index = openHnsw(artefact.path)
    const { M, efConstruction, metric, size, dimension } = index.stats()
    return {
      index,
      on: `${artefact.name} of run ${artefact.run}: ${amount(size)} × ${dimension}`,
      notes: [
        `The index was built with metric ${metric}, M ${M} and efConstruction ${efConstruction}; these count, not the form’s.`,
      ],
    }
  }
  const began = performance.now()
  const index = await Hnsw.build(vectors!, {
    ...graph,
    threads: context.threads,
    seed: context.seed,
    signal: context.signal,
    onProgress: (done, total) => context.progress(done, total, 'Building the index'),
  })
  const buildSeconds = (performance.now() - began) / 1000
  return {
    index,
    buildSeconds,
    labels: vectors!.labels,
    on: `${vectors!.name}: ${amount(vectors!.rows)} × ${vectors!.columns}`,
    notes: [],
  }
}

/** Takes some rows out, to be asked for: at most a tenth. */
function holdOut(vectors: Vectors, seed: number): { vectors: Vectors; queries: Vectors } {
  const { data, rows, columns, name } = vectors
  const count = Math.min(heldOut, Math.floor(rows / 10))
  if (!count)
    throw new InputError(
      'queries',
      'nothing',
      'queries',
      `queries: ${name} has ${rows} rows, too few to take queries from; give some`,
    )
  const chosen = new Set(random(seed, 3).sample(count, rows))
  const base = matrix(rows - count, columns)
  const queries = matrix(count, columns)
  let [kept, taken] = [0, 0]
  for (let row = 0; row < rows; row++) {
    const own = data.subarray(row * columns, (row + 1) * columns)
    if (chosen.has(row)) queries.data.set(own, taken++ * columns)
    else base.data.set(own, kept++ * columns)
  }
  return { vectors: { ...base, name }, queries: { ...queries, name: `${amount(count)} rows held out` } }
}

/** Vectors made from the seed, with queries from the same clusters. */
function made(rows: number, seed: number): { vectors: Vectors; queries: Vectors } {
  return {
    vectors: { ...syntheticClusters({ rows, seed }), name: 'synthetic clusters made here' },
    queries: { ...syntheticClusters({ rows: heldOut, seed, queries: true }), name: 'made queries' },
  }
}

/** The vectors and the queries that a form asked for: made ones, given ones, or some of the rows held out. */
export function vectorsAndQueries(
  { vectors, queries, rows }: { vectors?: Vectors; queries?: Vectors; rows?: number },
  seed: number,
): { vectors?: Vectors; queries: Vectors } {
  if (rows) return made(rows, seed)
  return vectors && !queries ? holdOut(vectors, seed) : { vectors, queries: queries! }
}

/** Share of the true neighbours that were found. One that is no further than the true k-th counts, so ties do not matter. */
export function recallOf(found: ArrayLike<number>, truth: ArrayLike<number>, k: number): number {
  let hits = 0
  for (let at = 0; at < truth.length; at++) {
    const worst = truth[at - (at % k) + k - 1]
    if (found[at] <= worst + 1e-6 * Math.abs(worst)) hits++
  }
  return truth.length ? hits / truth.length : 1
}

/** Median seconds of up to five searches of all queries, after one that warms up; fewer where they take long. */
export async function timeSearch(
  index: Hnsw,
  queries: Matrix,
  k: number,
  ef: number,
  { filter, signal }: { filter?: HnswFilter; signal: AbortSignal },
): Promise<{ seconds: number; distances: Float32Array; ids: Uint32Array; k: number; compared: number; hops: number }> {
  index.takeCounts()
  const found = await index.searchBatch(queries, k, { ef, filter, signal })
  const counts = index.takeCounts()
  const seconds: number[] = []
  for (let total = 0; seconds.length < 5 && (!seconds.length || total < 3); total += seconds.at(-1)!) {
    const began = performance.now()
    await index.searchBatch(queries, k, { ef, filter, signal })
    seconds.push((performance.now() - began) / 1000)
  }
  seconds.sort((a, b) => a - b)
  return {
    ...found,
    seconds: seconds[seconds.length >> 1],
    compared: counts.distances / queries.rows,
    hops: counts.hops / queries.rows,
  }
}

export const amount = (value: number) => value.toLocaleString('en')
