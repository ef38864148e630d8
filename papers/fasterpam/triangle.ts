import { type Matrix, matrix } from '@offprint/kernels'
import type { Column } from '../input.ts'

/**
 * The square matrix of dissimilarities of which a table holds the lower triangle, with a diagonal or without; the other cells are
 * empty. Without a diagonal the first row is that of the second object, unless the rows have names.
 *
 * @returns n × n; undefined where the table holds no triangle
 */
export function squareOfTriangle(columns: Column[], named: boolean): Matrix | undefined {
  const rows = columns[0].text.length
  const inFirstRow = columns[0].text[0] === '' ? 0 : 1
  if (rows < 2 || columns.length !== rows - 1 + inFirstRow) return undefined
  for (const [at, { text, numbers }] of columns.entries())
    for (let row = 0; row < rows; row++) {
      const isThere = row + inFirstRow > at
      if (isThere ? Number.isNaN(numbers[row]) : text[row] !== '') return undefined
    }
  const diagonal = named || columns.every(({ numbers }, at) => numbers[at] === 0)
  const shift = inFirstRow && !diagonal ? 1 : 0
  const n = rows + shift
  const square = matrix(n, n)
  for (const [at, { numbers }] of columns.entries())
    for (let row = at + 1 - inFirstRow; row < rows; row++)
      square.data[(row + shift) * n + at] = square.data[at * n + row + shift] = numbers[row]
  return square
}
