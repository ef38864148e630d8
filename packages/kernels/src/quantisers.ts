/** Vectors in less memory: as 16-bit floats, as bytes, as bits. */
import { simd } from '../build/quantisers.js'
import { type Arena, onArena } from './arena.ts'
import { InputError } from './input-error.ts'
import type { LongCall } from './long-call.ts'
import { random } from './random.ts'
import { columnMoments, inPieces, type NumberType, type Rows, requireType, takeRows } from './rows.ts'

interface Kernels {
  encodeHalves(...numbers: number[]): number
  decodeHalves(...numbers: number[]): void
  encodeBytes(...numbers: number[]): void
  decodeBytes(...numbers: number[]): void
  encodeBits(...numbers: number[]): void
}

/** The kernels on pointers, started on an arena; see assembly/quantisers.ts. */
export const quantisersOn: (space: Arena) => Kernels = onArena(simd)

/** The largest number that a 16-bit float holds. */
export const largestHalf = 65_504

/**
 * Rows of 32-bit floats as 16-bit floats, rounded to the nearest: |x − x'| ≤ |x|·2⁻¹¹, or 2⁻²⁵ where |x| < 2⁻¹⁴. O(n·d).
 * @throws InputError that names row and column (from 1) of a number beyond ±65,504
 */
export async function encodeHalves(
  rows: Rows,
  { field = 'vectors', ...call }: { field?: string } & LongCall = {},
): Promise<Rows> {
  requireType(rows, 'float32')
  return into(rows, 'float16', async ({ pointer, bytes }) => {
    const { encodeHalves } = quantisersOn(rows.arena)
    await inPieces(rows, call, (from, to) => {
      const row = encodeHalves(rows.pointer, rows.bytes, from, to, pointer, bytes)
      if (row < to) throw beyondHalves(rows, row, field)
    })
  })
}

function beyondHalves({ arena, pointer, bytes, columns }: Rows, row: number, field: string): InputError {
  const values = new Float32Array(arena.memory.buffer, pointer + row * bytes, columns)
  const column = values.findIndex(value => !(Math.abs(value) <= largestHalf))
  const place = `row ${row + 1}, column ${column + 1}`
  const message = `${field}: ${place} must be within ±65,504, found ${values[column]}`
  return new InputError(field, String(values[column]), 'a number within ±65,504', message)
}

/** Rows of 16-bit floats as 32-bit floats, exactly. */
export async function decodeHalves(rows: Rows, call: LongCall = {}): Promise<Rows> {
  requireType(rows, 'float16')
  return into(rows, 'float32', async ({ pointer, bytes }) => {
    const { decodeHalves } = quantisersOn(rows.arena)
    await inPieces(rows, call, (from, to) => decodeHalves(rows.pointer, rows.bytes, from, to, pointer, bytes))
  })
}

/** Takes room for as many rows of another type, and gives it back where they cannot be filled. */
async function into(rows: Rows, type: NumberType, fill: (made: Rows) => Promise<void>): Promise<Rows> {
  const made = takeRows(rows.arena, rows.rows, rows.columns, type)
  try {
    await fill(made)
    return made
  } catch (error) {
    rows.arena.give(made.pointer)
    throw error
  }
}

/** What code 0 stands for in each column, and how far it is from one code to the next. */
export interface ByteQuantiser {
  offsets: Float32Array
  steps: Float32Array
}

export interface ByteQuantiserOptions extends LongCall {
  /**
   * `column`: an offset and a step for each column, the least error. `one`: no offset and the same step for all, so that the inner
   * products of codes are those of vectors over step². Default `column`.
   */
  scale?: 'column' | 'one'
  /** Share of the numbers that lies within the range of codes, from the middle; what is outside gets the first or last. Default 0.999. */
  coverage?: number
  /** Default 1: for the rows looked at where there are more than 20,000. */
  seed?: number
}

/** Codes are from −127 to 127: with −128 sums of products would not fit relaxed SIMD. */
const greatestCode = 127
const sampleRows = 20_000

/**
 * Finds how to store rows of 32-bit floats as bytes: from the percentiles of a sample of at most 20,000 rows.
 * O(s·d·log s) for s rows looked at.
 *
 * A number within the range of its column comes back to within half a step, which is 1/508 of that range; rounding adds up to
 * 1e-6 of the number and its offset. Numbers outside come back as the end of the range.
 *
 * @throws InputError for no rows, or a coverage that is not above 0 and at most 1
 */
export async function trainBytes(
  rows: Rows,
  { scale = 'column', coverage = 0.999, seed = 1 }: ByteQuantiserOptions = {},
): Promise<ByteQuantiser> {
  requireType(rows, 'float32')
  if (!(coverage > 0 && coverage <= 1)) throw new InputError('coverage', String(coverage), 'above 0 and at most 1')
  if (!rows.rows) throw new InputError('vectors', 'no row', 'at least one row')
  const { columns, bytes, pointer, arena } = rows
  const drawn = rows.rows <= sampleRows ? undefined : random(seed).sample(sampleRows, rows.rows)
  const count = drawn?.length ?? rows.rows
  const data = new Float32Array(arena.memory.buffer, pointer, (rows.rows * bytes) / 4)
  const value = (at: number, column: number) => data[((drawn ? drawn[at] : at) * bytes) / 4 + column]
  if (scale === 'one') {
    const sizes = new Float32Array(count * columns)
    for (let at = 0; at < count; at++)
      for (let column = 0; column < columns; column++) sizes[at * columns + column] = Math.abs(value(at, column))
    sizes.sort()
    const reach = sizes[Math.ceil(coverage * (sizes.length - 1))] ?? 0
    return {
      offsets: new Float32Array(columns),
      // Where all is 0 any step will do.
      steps: new Float32Array(columns).fill(reach / greatestCode || 1),
    }
  }
  const offsets = new Float32Array(columns)
  const steps = new Float32Array(columns)
  const sorted = new Float32Array(count)
  const outside = (1 - coverage) / 2
  for (let column = 0; column < columns; column++) {
    for (let at = 0; at < count; at++) sorted[at] = value(at, column)
    sorted.sort()
    const low = sorted[Math.floor(outside * (count - 1))]
    const high = sorted[Math.ceil((1 - outside) * (count - 1))]
    // Each halved before the sum, which might overflow.
    offsets[column] = low / 2 + high / 2
    steps[column] = (high / 2 - low / 2) / greatestCode
  }
  return { offsets, steps }
}

/** Rows of 32-bit floats as bytes: (x − offset) / step, to the nearest from −127 to 127. O(n·d). */
export async function encodeBytes(rows: Rows, quantiser: ByteQuantiser, call: LongCall = {}): Promise<Rows> {
  requireType(rows, 'float32')
  requireColumns(rows, quantiser.steps)
  return into(rows, 'int8', async encoded => {
    const { arena, pointer, bytes } = rows
    const table = placeColumns(
      arena,
      bytes,
      quantiser.offsets,
      quantiser.steps.map(step => (step ? 1 / step : 0)),
    )
    try {
      const { encodeBytes } = quantisersOn(arena)
      await inPieces(rows, call, (from, to) =>
        encodeBytes(
          pointer,
          bytes,
          from,
          to,
          table,
          table + bytes,
          -greatestCode,
          greatestCode,
          encoded.pointer,
          encoded.bytes,
        ),
      )
    } finally {
      arena.give(table)
    }
  })
}

/** Rows of bytes as 32-bit floats: offset + step · code. O(n·d). */
export async function decodeBytes(rows: Rows, quantiser: ByteQuantiser, call: LongCall = {}): Promise<Rows> {
  requireType(rows, 'int8')
  requireColumns(rows, quantiser.steps)
  return into(rows, 'float32', async decoded => {
    const { arena, pointer, bytes } = rows
    const table = placeColumns(arena, decoded.bytes, quantiser.offsets, quantiser.steps)
    const steps = table + decoded.bytes
    try {
      const { decodeBytes } = quantisersOn(arena)
      await inPieces(rows, call, (from, to) =>
        decodeBytes(pointer, bytes, from, to, table, steps, decoded.pointer, decoded.bytes),
      )
    } finally {
      arena.give(table)
    }
  })
}

/** Two floats for each column, padded with zeros to `bytes` each, one after the other, and `more` bytes. */
export function placeColumns(arena: Arena, bytes: number, first: Float32Array, second: Float32Array, more = 0): number {
  const pointer = arena.take(2 * bytes + more)
  const table = new Float32Array(arena.memory.buffer, pointer, bytes / 2)
  table.fill(0)
  table.set(first)
  table.set(second, bytes / 4)
  return pointer
}

export function requireColumns({ columns }: Rows, steps: Float32Array): void {
  if (steps.length !== columns)
    throw new InputError('quantiser', `${steps.length} columns`, `a quantiser of ${columns} columns`)
}

/** What a bit stands for in each column: `centres` − `sizes` or `centres` + `sizes`. */
export interface BitQuantiser {
  centres: Float32Array
  sizes: Float32Array
}

/**
 * Finds how to store rows of 32-bit floats as bits: above the mean of its column or not. A bit comes back as the mean plus or minus
 * the column's mean distance from it, so the squared error of a column is n·(variance − size²). O(n·d).
 *
 * @throws InputError for no rows
 */
export async function trainBits(rows: Rows, call: LongCall = {}): Promise<BitQuantiser> {
  if (!rows.rows) throw new InputError('vectors', 'no row', 'at least one row')
  const centres = Float32Array.from((await columnMoments(rows, call)).means)
  const sizes = new Float64Array(rows.columns)
  await inPieces(rows, { signal: call.signal }, (from, to) => {
    const data = new Float32Array(rows.arena.memory.buffer, rows.pointer, (rows.rows * rows.bytes) / 4)
    for (let row = from; row < to; row++) {
      const start = (row * rows.bytes) / 4
      for (let column = 0; column < rows.columns; column++)
        sizes[column] += Math.abs(data[start + column] - centres[column])
    }
  })
  return { centres, sizes: Float32Array.from(sizes, size => size / rows.rows) }
}

/** Rows of 32-bit floats as bits: whether a number is above its column's centre. O(n·d). */
export async function encodeBits(rows: Rows, { centres }: BitQuantiser, call: LongCall = {}): Promise<Rows> {
  requireType(rows, 'float32')
  requireColumns(rows, centres)
  return into(rows, 'bit', async encoded => {
    const { arena, pointer, bytes } = rows
    const table = placeColumns(arena, bytes, centres, centres)
    try {
      const { encodeBits } = quantisersOn(arena)
      await inPieces(rows, call, (from, to) =>
        encodeBits(pointer, bytes, from, to, table, encoded.pointer, encoded.bytes),
      )
    } finally {
      arena.give(table)
    }
  })
}

/** Rows of bits as 32-bit floats. O(n·d). */
export async function decodeBits(rows: Rows, { centres, sizes }: BitQuantiser, call: LongCall = {}): Promise<Rows> {
  requireType(rows, 'bit')
  requireColumns(rows, centres)
  return into(rows, 'float32', async decoded => {
    await inPieces(decoded, call, (from, to) => {
      const { buffer } = rows.arena.memory
      for (let row = from; row < to; row++) {
        const bits = new Uint8Array(buffer, rows.pointer + row * rows.bytes, rows.bytes)
        const floats = new Float32Array(buffer, decoded.pointer + row * decoded.bytes, rows.columns)
        for (let column = 0; column < rows.columns; column++) {
          const above = (bits[column >> 3] >> (column & 7)) & 1
          floats[column] = above ? centres[column] + sizes[column] : centres[column] - sizes[column]
        }
      }
    })
  })
}
