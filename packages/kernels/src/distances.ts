/** Distances from one vector to others that lie in an arena, in any of the types that they can be stored as. */
import { relaxed, simd } from '../build/distances.js'
import { type Arena, onArena } from './arena.ts'
import { InputError } from './input-error.ts'
import { type ByteQuantiser, placeColumns, quantisersOn, requireColumns } from './quantisers.ts'
import { type NumberType, type Rows, requireType } from './rows.ts'

/**
 * `sqeuclidean` ‖x − y‖²; `inner` x·y; `cosine` 1 − x·y/(‖x‖‖y‖), not below 0, NaN beside a row of zeros; `hamming` the number of
 * bits that differ, for rows of bits and only for them.
 */
export type VectorMetric = 'sqeuclidean' | 'inner' | 'cosine' | 'hamming'

const codes: Record<Exclude<VectorMetric, 'hamming'>, number> = { sqeuclidean: 0, inner: 1, cosine: 2 }

/** From a vector to `count` rows whose numbers (u32) are at `ids`; 0 for rows 0 to count − 1. `out`: `count` floats. */
type ToMany = (
  metric: number,
  query: number,
  base: number,
  bytes: number,
  ids: number,
  count: number,
  out: number,
) => void

/** The kernels on pointers, for engines: metric 0 `sqeuclidean`, 1 `inner`, 2 `cosine`; `bytes` is a row's, a multiple of 16. */
export interface DistanceKernels {
  /** Of two rows of floats. */
  floatPair(metric: number, a: number, b: number, bytes: number): number
  floatDistances: ToMany
  /** The query is of 32-bit floats, padded to 32 bytes; the rows are of halves that are finite. */
  halfDistances: ToMany
  /** Rows and query are of signed bytes from −127. */
  byteDistances: ToMany
  bitDistances(query: number, base: number, bytes: number, ids: number, count: number, out: number): void
  /** Query of floats, rows of codes; see assembly/distances.ts. */
  codeDistances(
    metric: number,
    query: number,
    steps: number,
    base: number,
    bytes: number,
    ids: number,
    count: number,
    out: number,
  ): void
}

/** The kernels, started on an arena. */
export const distanceKernels: (space: Arena) => DistanceKernels = onArena([relaxed, simd])

export interface DistancesToOptions {
  /** Numbers of the rows wanted, in the order wanted; default all rows. */
  ids?: ArrayLike<number>
}

/**
 * Distances from a query to rows of an arena. O(m·d) for m rows. Sums are of 32-bit floats, good to about 1e-7·√d relative
 * (`cosine`: absolute); of `int8` and `bit` they are exact up to 2²⁴.
 *
 * @param query d numbers: floats for `float32` and `float16`, whole numbers from −127 to 127 for `int8`, truth values for `bit`
 * @throws InputError for a query of another length, an id that is not there, or a metric that the type does not have
 */
export function distancesTo(
  query: ArrayLike<number>,
  rows: Rows,
  metric: VectorMetric,
  { ids }: DistancesToOptions = {},
): Float32Array {
  const { arena: space, type, columns, pointer, bytes } = rows
  if (query.length !== columns) throw new InputError('query', `${query.length} numbers`, `${columns} numbers`)
  if ((type === 'bit') !== (metric === 'hamming')) {
    const fitting = type === 'bit' ? 'hamming' : 'one of sqeuclidean, inner, cosine'
    throw new InputError('metric', `'${metric}'`, `${fitting} for rows of ${type}`)
  }
  const count = ids?.length ?? rows.rows
  const queryBytes = { float32: bytes, float16: 2 * bytes, int8: bytes, bit: bytes }[type]
  const block = space.take(queryBytes + 8 * count)
  const out = block + queryBytes
  const places = ids ? out + 4 * count : 0
  try {
    if (ids) writeIds(new Uint32Array(space.memory.buffer, places, count), ids, rows.rows)
    writeQuery(space, block, queryBytes, type, query)
    const kernels = distanceKernels(space)
    if (metric === 'hamming') kernels.bitDistances(block, pointer, bytes, places, count, out)
    else
      kernels[functions[type as Exclude<NumberType, 'bit'>]](codes[metric], block, pointer, bytes, places, count, out)
    return new Float32Array(space.memory.buffer, out, count).slice()
  } finally {
    space.give(block)
  }
}

const functions = { float32: 'floatDistances', float16: 'halfDistances', int8: 'byteDistances' } as const

/**
 * Distances from a query of floats to rows of bytes, as if these were decoded: the query loses no digits. O(m·d).
 *
 * @param query d numbers
 * @param metric `sqeuclidean` or `inner`
 * @param ids numbers of the rows wanted; default all
 * @throws InputError for a query of another length
 */
export function distancesToBytes(
  query: ArrayLike<number>,
  rows: Rows,
  { offsets, steps }: ByteQuantiser,
  metric: 'sqeuclidean' | 'inner',
  ids?: Uint32Array,
): Float32Array {
  requireType(rows, 'int8')
  requireColumns(rows, steps)
  const { arena, pointer, bytes, columns } = rows
  if (query.length !== columns) throw new InputError('query', `${query.length} numbers`, `${columns} numbers`)
  const wrong = ids?.find(id => id >= rows.rows)
  if (wrong !== undefined) throw new InputError('ids', String(wrong), `whole numbers from 0 to ${rows.rows - 1}`)
  const inner = metric === 'inner'
  const turned = Float32Array.from(steps, (step, column) =>
    inner ? query[column] * step : query[column] - offsets[column],
  )
  let constant = 0
  if (inner) for (let column = 0; column < columns; column++) constant += query[column] * offsets[column]
  const count = ids?.length ?? rows.rows
  const table = placeColumns(arena, 4 * bytes, turned, steps, 8 * count)
  const out = table + 8 * bytes
  const places = ids ? out + 4 * count : 0
  try {
    if (ids) new Uint32Array(arena.memory.buffer, places, count).set(ids)
    distanceKernels(arena).codeDistances(Number(inner), table, table + 4 * bytes, pointer, bytes, places, count, out)
    const values = new Float32Array(arena.memory.buffer, out, count).slice()
    return inner ? values.map(value => value + constant) : values
  } finally {
    arena.give(table)
  }
}

/** The distance of two rows of an arena to each other. @throws InputError as `distancesTo` */
export function distanceBetween(rows: Rows, a: number, b: number, metric: VectorMetric): number {
  const { arena: space, pointer, bytes, type } = rows
  writeIds(new Uint32Array(2), [a, b], rows.rows)
  if (type === 'float32' && metric !== 'hamming')
    return distanceKernels(space).floatPair(codes[metric], pointer + a * bytes, pointer + b * bytes, bytes)
  return distancesTo(readNumbers(rows, a), rows, metric, { ids: [b] })[0]
}

function writeIds(target: Uint32Array, ids: ArrayLike<number>, rows: number): void {
  for (let at = 0; at < ids.length; at++) {
    if (!(Number.isInteger(ids[at]) && ids[at] >= 0 && ids[at] < rows))
      throw new InputError('ids', String(ids[at]), `whole numbers from 0 to ${rows - 1}`)
    target[at] = ids[at]
  }
}

function writeQuery(space: Arena, pointer: number, bytes: number, type: NumberType, query: ArrayLike<number>): void {
  const { buffer } = space.memory
  new Uint8Array(buffer, pointer, bytes).fill(0)
  if (type === 'int8') new Int8Array(buffer, pointer, bytes).set(query)
  else if (type !== 'bit') new Float32Array(buffer, pointer, bytes / 4).set(query)
  else {
    const bits = new Uint8Array(buffer, pointer, bytes)
    for (let at = 0; at < query.length; at++) if (query[at]) bits[at >> 3] |= 1 << (at & 7)
  }
}

/** A row's numbers as they are stored. */
export function readNumbers(rows: Rows, row: number): Float32Array | Int8Array {
  const { arena: space, pointer, bytes, columns, type } = rows
  const { buffer } = space.memory
  const at = pointer + row * bytes
  if (type === 'float32') return new Float32Array(buffer, at, columns).slice()
  if (type === 'int8') return new Int8Array(buffer, at, columns).slice()
  if (type === 'bit') {
    const bits = new Uint8Array(buffer, at, bytes)
    return Int8Array.from({ length: columns }, (_, column) => (bits[column >> 3] >> (column & 7)) & 1)
  }
  const out = space.take(2 * bytes)
  try {
    quantisersOn(space).decodeHalves(at, bytes, 0, 1, out, 2 * bytes)
    return new Float32Array(space.memory.buffer, out, columns).slice()
  } finally {
    space.give(out)
  }
}
