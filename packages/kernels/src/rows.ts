/** Rows of vectors in an arena's memory, where kernels work on them; and sums over rows and columns. */
import { simd } from '../build/rows.js'
import { type Arena, onArena } from './arena.ts'
import { InputError } from './input-error.ts'
import { breathe, type LongCall } from './long-call.ts'
import type { Matrix } from './matrix.ts'

/** How numbers are stored: 32 or 16 bits of a float, a signed byte (−127 to 127) or one bit. */
export type NumberType = 'float32' | 'float16' | 'int8' | 'bit'

/** Vectors in an arena, one after the other, each padded with zeros to 16 bytes. */
export interface Rows {
  arena: Arena
  /** Where the first begins. */
  pointer: number
  rows: number
  columns: number
  type: NumberType
  /** From one row to the next. */
  bytes: number
}

const bitsOf: Record<NumberType, number> = { float32: 32, float16: 16, int8: 8, bit: 1 }

interface Kernels {
  rowLengths(base: number, bytes: number, from: number, to: number, squared: boolean, out: number): void
  normaliseRows(base: number, bytes: number, from: number, to: number): number
  addColumns(base: number, bytes: number, from: number, to: number, sums: number): void
  addDeviations(base: number, bytes: number, from: number, to: number, means: number, sums: number): void
}

const kernelsOn = onArena<Kernels>(simd)

/** Takes room for rows, filled with zeros. Give it back by `giveRows`. @throws InputError where memory cannot be had */
export function takeRows(space: Arena, rows: number, columns: number, type: NumberType = 'float32'): Rows {
  const bytes = Math.ceil((columns * bitsOf[type]) / 128) * 16
  const pointer = space.take(rows * bytes)
  new Uint8Array(space.memory.buffer, pointer, rows * bytes).fill(0)
  return { arena: space, pointer, rows, columns, type, bytes }
}

/** Copies a matrix into an arena, as 32-bit floats. @throws InputError where memory cannot be had */
export function placeRows(space: Arena, { data, rows, columns }: Matrix): Rows {
  // Without padding, what is taken need not be filled with zeros first.
  const bytes = 4 * columns
  const placed: Rows =
    columns % 4 === 0
      ? { arena: space, pointer: space.take(rows * bytes), rows, columns, type: 'float32', bytes }
      : takeRows(space, rows, columns)
  const stride = placed.bytes / 4
  const target = new Float32Array(space.memory.buffer, placed.pointer, rows * stride)
  if (stride === columns) target.set(data)
  else for (let row = 0; row < rows; row++) target.set(data.subarray(row * columns, (row + 1) * columns), row * stride)
  return placed
}

/** Copies rows of 32-bit floats out of their arena. */
export function readRows(placed: Rows): Matrix {
  requireType(placed, 'float32')
  const { rows, columns, bytes, pointer, arena } = placed
  const source = new Float32Array(arena.memory.buffer, pointer, (rows * bytes) / 4)
  const data = new Float32Array(rows * columns)
  const stride = bytes / 4
  if (stride === columns) data.set(source)
  else
    for (let row = 0; row < rows; row++) data.set(source.subarray(row * stride, row * stride + columns), row * columns)
  return { data, rows, columns }
}

export function giveRows({ arena, pointer }: Rows): void {
  arena.give(pointer)
}

/** @throws Error, as only code can be wrong about it */
export function requireType({ type }: Rows, wanted: NumberType): void {
  if (type !== wanted) throw new Error(`rows of ${wanted} are needed, these are ${type}`)
}

const bytesAtOnce = 1 << 24

/** Rows in pieces of some milliseconds, with a turn of the event loop after each. */
export async function inPieces(
  { rows, bytes }: Rows,
  { signal, onProgress }: LongCall,
  work: (from: number, to: number) => void,
): Promise<void> {
  signal?.throwIfAborted()
  const atOnce = Math.max(1, Math.floor(bytesAtOnce / Math.max(1, bytes)))
  for (let from = 0; from < rows; from += atOnce) {
    const to = Math.min(rows, from + atOnce)
    work(from, to)
    onProgress?.(to, rows)
    if (to < rows) await breathe(signal)
  }
}

/**
 * Length of each row of 32-bit floats, summed in 64 bits. O(n·d).
 * @param options.squared the squares of the lengths instead
 */
export async function rowLengths(
  placed: Rows,
  { squared = false, ...call }: { squared?: boolean } & LongCall = {},
): Promise<Float32Array> {
  requireType(placed, 'float32')
  const { arena, pointer, rows, bytes } = placed
  const out = arena.take(4 * rows)
  try {
    const { rowLengths } = kernelsOn(arena)
    await inPieces(placed, call, (from, to) => rowLengths(pointer, bytes, from, to, squared, out))
    return new Float32Array(arena.memory.buffer, out, rows).slice()
  } finally {
    arena.give(out)
  }
}

/**
 * Brings each row of 32-bit floats to length 1, in place. O(n·d). Lengths are good to 1e-7.
 * @throws InputError that names the first row (from 1) of nothing but zeros
 */
export async function normaliseRows(
  placed: Rows,
  { field = 'vectors', ...call }: { field?: string } & LongCall = {},
): Promise<void> {
  requireType(placed, 'float32')
  const { arena, pointer, bytes } = placed
  const { normaliseRows } = kernelsOn(arena)
  await inPieces(placed, call, (from, to) => {
    const zeros = normaliseRows(pointer, bytes, from, to)
    if (zeros < to) throw noDirection(zeros, field)
  })
}

export function noDirection(row: number, field: string): InputError {
  const message = `${field}: row ${row + 1} has nothing but zeros, so it has no direction`
  return new InputError(field, 'zeros', 'a row with a length', message)
}

/** Mean and variance (of all rows, not of a sample) of each column of 32-bit floats, in 64-bit arithmetic. O(n·d), two passes. */
export async function columnMoments(
  placed: Rows,
  { signal, onProgress }: LongCall = {},
): Promise<{ means: Float64Array; variances: Float64Array }> {
  requireType(placed, 'float32')
  const { arena, pointer, rows, columns, bytes } = placed
  const padded = bytes / 4
  const sums = arena.take(16 * padded)
  const squares = sums + 8 * padded
  const view = (at: number) => new Float64Array(arena.memory.buffer, at, padded)
  try {
    const { addColumns, addDeviations } = kernelsOn(arena)
    new Float64Array(arena.memory.buffer, sums, 2 * padded).fill(0)
    const report = (pass: number) => onProgress && ((done: number) => onProgress(pass * rows + done, 2 * rows))
    const first = { signal, onProgress: report(0) }
    await inPieces(placed, first, (from, to) => addColumns(pointer, bytes, from, to, sums))
    const means = view(sums)
    for (let column = 0; column < padded; column++) means[column] /= Math.max(1, rows)
    const second = { signal, onProgress: report(1) }
    await inPieces(placed, second, (from, to) => addDeviations(pointer, bytes, from, to, sums, squares))
    return {
      means: view(sums).slice(0, columns),
      variances: view(squares)
        .slice(0, columns)
        .map(square => square / Math.max(1, rows)),
    }
  } finally {
    arena.give(sums)
  }
}

/**
 * Where the groups of a list begin: sums of all counts before each, and behind the last the sum of all.
 * @throws InputError where that is 2³² or more
 */
export function prefixSums(counts: ArrayLike<number>): Uint32Array {
  const sums = new Uint32Array(counts.length + 1)
  let sum = 0
  for (let index = 0; index < counts.length; index++) {
    sum += counts[index]
    sums[index + 1] = sum
  }
  if (sum > 0xffffffff) throw new InputError('counts', `a sum of ${sum}`, 'counts with a sum below 2³²')
  return sums
}
