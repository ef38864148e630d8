/** The user's own table with a column of clusters, as CSV. */
import { appendFileSync, writeFileSync } from 'node:fs'
import Papa from 'papaparse'
import { parseNumber } from '../../fields.ts'
import type { Table } from '../../input.ts'

const rowsAtOnce = 10_000

/**
 * Writes all rows in the order of the file: its columns as they were, then the added ones. Lines end as RFC 4180 has it. A cell that
 * a spreadsheet would take for a formula is quoted with an apostrophe; numbers are not.
 *
 * @param added cells by row; empty where undefined
 */
export function writeTable(
  path: string,
  table: Table,
  added: { name: string; cells: ArrayLike<number | undefined> }[],
): void {
  const taken = new Set(table.columns.map(column => column.name))
  const free = (name: string) => {
    let found = name
    for (let number = 2; taken.has(found); number++) found = `${name} ${number}`
    taken.add(found)
    return found
  }
  const header = [...table.columns.map(column => harmless(column.name)), ...added.map(({ name }) => free(name))]
  // Spreadsheets read UTF-8 by this mark.
  writeFileSync(path, `\ufeff${lines([header])}`)
  for (let from = 0; from < table.rows; from += rowsAtOnce) {
    const rows = Array.from({ length: Math.min(rowsAtOnce, table.rows - from) }, (_, at) => [
      ...table.columns.map(column => harmless(column.text[from + at])),
      ...added.map(({ cells }) => String(cells[from + at] ?? '')),
    ])
    appendFileSync(path, lines(rows))
  }
}

function lines(rows: string[][]): string {
  return `${Papa.unparse(rows, { newline: '\r\n' })}\r\n`
}

function harmless(cell: string): string {
  return /^[=+\-@\t\r]/.test(cell) && parseNumber(cell) === undefined ? `'${cell}` : cell
}
