/** Readers and writers of the usual vector files, on bytes: `.npy`, `.fvecs`, `.ivecs`, `.bvecs`. */
import { InputError } from './input-error.ts'
import type { Matrix } from './matrix.ts'

type Refuse = (problem: string) => InputError

/**
 * Reads a file by its ending.
 * @param field the input's name, for errors
 * @throws InputError for an unknown ending, or a file that is foreign, truncated or damaged
 */
export function readMatrix(bytes: Uint8Array, name: string, field = 'vectors'): Matrix {
  const refuse: Refuse = problem => new InputError(field, problem, 'a vector file', `${field}: ${name} ${problem}`)
  const ending = /\.([a-z]+)$/i.exec(name)?.[1].toLowerCase()
  switch (ending) {
    case 'npy':
      return npy(bytes, refuse)
    case 'fvecs':
      return vecs(bytes, 4, (view, at) => view.getFloat32(at, true), refuse)
    case 'ivecs':
      return vecs(bytes, 4, (view, at) => view.getInt32(at, true), refuse)
    case 'bvecs':
      return vecs(bytes, 1, (view, at) => view.getUint8(at), refuse)
    default:
      throw refuse('must end in .npy, .fvecs, .ivecs or .bvecs')
  }
}

const npyMagic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

type ReadCell = (view: DataView, at: number, little: boolean) => number
const npyTypes: Record<string, { size: number; read: ReadCell }> = {
  f2: { size: 2, read: (view, at, little) => half(view.getUint16(at, little)) },
  f4: { size: 4, read: (view, at, little) => view.getFloat32(at, little) },
  f8: { size: 8, read: (view, at, little) => view.getFloat64(at, little) },
  i1: { size: 1, read: (view, at) => view.getInt8(at) },
  u1: { size: 1, read: (view, at) => view.getUint8(at) },
  b1: { size: 1, read: (view, at) => view.getUint8(at) },
  i2: { size: 2, read: (view, at, little) => view.getInt16(at, little) },
  u2: { size: 2, read: (view, at, little) => view.getUint16(at, little) },
  i4: { size: 4, read: (view, at, little) => view.getInt32(at, little) },
  u4: { size: 4, read: (view, at, little) => view.getUint32(at, little) },
  i8: { size: 8, read: (view, at, little) => Number(view.getBigInt64(at, little)) },
  u8: { size: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) },
}

/** A 16-bit float (IEEE 754 binary16) from its bits. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** NumPy's format, versions 1 to 3: real numbers and booleans, one or two dimensions (one: a single column), either order. */
function npy(bytes: Uint8Array, refuse: Refuse): Matrix {
  if (bytes.length < 10 || !npyMagic.every((byte, index) => bytes[index] === byte)) throw refuse('is not a .npy file')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const version = bytes[6]
  if (version < 1 || version > 3) throw refuse(`has version ${version} of the .npy format; 1 to 3 are known`)
  const headerAt = version === 1 ? 10 : 12
  if (bytes.length < headerAt) throw refuse('is cut off in its header')
  const headerLength = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  const start = headerAt + headerLength
  if (start > bytes.length) throw refuse('is cut off in its header')
  const header = new TextDecoder('latin1').decode(bytes.subarray(headerAt, start))
  const descr = /'descr'\s*:\s*'([<>|=])([a-z]\d+)'/.exec(header)
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)
  const shape = /'shape'\s*:\s*\(\s*(\d{1,15})\s*,?\s*(\d{1,15})?\s*,?\s*\)/.exec(header)
  const type = descr && npyTypes[descr[2]]
  if (!type)
    throw refuse(
      `holds ${descr ? `type '${descr[2]}'` : 'no plain type of number'}; it must be one of ${Object.keys(npyTypes).join(', ')}`,
    )
  if (!order) throw refuse('has a header without fortran_order')
  if (!shape) throw refuse('must have one or two dimensions')
  const rows = Number(shape[1])
  const columns = shape[2] === undefined ? 1 : Number(shape[2])
  const wanted = rows * columns * type.size
  if (start + wanted !== bytes.length)
    throw refuse(
      `should hold ${rows} × ${columns} numbers (${wanted} bytes) but has ${bytes.length - start} bytes of them`,
    )
  const little = descr![1] !== '>'
  const fortran = order[1] === 'True'
  const data = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const index = fortran ? column * rows + row : row * columns + column
      data[row * columns + column] = type.read(view, start + index * type.size, little)
    }
  return { data, rows, columns }
}

/** TEXMEX's formats: each vector is its dimension (32-bit) and then its components. */
function vecs(bytes: Uint8Array, size: number, read: (view: DataView, at: number) => number, refuse: Refuse): Matrix {
  if (bytes.length < 4) throw refuse('is empty or cut off')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const columns = view.getInt32(0, true)
  const record = 4 + columns * size
  if (columns < 1 || record > bytes.length)
    throw refuse(`gives ${columns} as its dimension, which does not fit its ${bytes.length} bytes`)
  if (bytes.length % record)
    throw refuse(
      `is cut off: ${bytes.length} bytes are no multiple of ${record}, the size of a vector of dimension ${columns}`,
    )
  const rows = bytes.length / record
  const data = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    const at = row * record
    const own = view.getInt32(at, true)
    if (own !== columns) throw refuse(`vector ${row + 1} has dimension ${own}, the first has ${columns}`)
    for (let column = 0; column < columns; column++) data[row * columns + column] = read(view, at + 4 + column * size)
  }
  return { data, rows, columns }
}

/** Writes 32-bit floats as `.npy`, version 1. */
export function writeNpy({ data, rows, columns }: Matrix): Uint8Array {
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`
  const length = Math.ceil((10 + dictionary.length + 1) / 64) * 64
  const bytes = new Uint8Array(length + data.length * 4)
  bytes.set([...npyMagic, 1, 0])
  const view = new DataView(bytes.buffer)
  view.setUint16(8, length - 10, true)
  bytes.set(new TextEncoder().encode(`${dictionary.padEnd(length - 11)}\n`), 10)
  for (let index = 0; index < data.length; index++) view.setFloat32(length + index * 4, data[index], true)
  return bytes
}

/** Writes `.fvecs`: 32-bit floats. */
export const writeFvecs = (points: Matrix) =>
  writeVecs(points, 4, (view, at, value) => view.setFloat32(at, value, true))
/** Writes `.ivecs`: 32-bit whole numbers. */
export const writeIvecs = (points: Matrix) => writeVecs(points, 4, (view, at, value) => view.setInt32(at, value, true))
/** Writes `.bvecs`: bytes. */
export const writeBvecs = (points: Matrix) => writeVecs(points, 1, (view, at, value) => view.setUint8(at, value))

function writeVecs(
  { data, rows, columns }: Matrix,
  size: number,
  write: (view: DataView, at: number, value: number) => void,
): Uint8Array {
  const record = 4 + columns * size
  const bytes = new Uint8Array(rows * record)
  const view = new DataView(bytes.buffer)
  for (let row = 0; row < rows; row++) {
    view.setInt32(row * record, columns, true)
    for (let column = 0; column < columns; column++)
      write(view, row * record + 4 + column * size, data[row * columns + column])
  }
  return bytes
}
