import { InputError } from './input-error.ts'

/** A dense matrix: `rows × columns` 32-bit floats, row after row in one buffer. */
export interface Matrix {
  data: Float32Array
  rows: number
  columns: number
}

/** Makes a matrix over `data` (zeros where left out). @throws InputError where the sizes do not fit */
export function matrix(rows: number, columns: number, data: Float32Array = new Float32Array(rows * columns)): Matrix {
  if (!Number.isInteger(rows) || rows < 0) throw new InputError('rows', String(rows), 'a whole number of at least 0')
  if (!Number.isInteger(columns) || columns < 0)
    throw new InputError('columns', String(columns), 'a whole number of at least 0')
  if (data.length !== rows * columns)
    throw new InputError('data', `${data.length} numbers`, `${rows} × ${columns} = ${rows * columns} numbers`)
  return { data, rows, columns }
}

/** @throws InputError that names row and column (from 1) of the first cell that is NaN or infinite */
export function requireFinite(points: Matrix, field = 'vectors'): void {
  const { data, columns } = points
  for (let index = 0; index < data.length; index++) {
    if (Number.isFinite(data[index])) continue
    const row = Math.floor(index / columns) + 1
    const column = (index % columns) + 1
    const message = `${field}: row ${row}, column ${column} must be a finite number, found ${data[index]}`
    throw new InputError(field, String(data[index]), 'a finite number', message)
  }
}
