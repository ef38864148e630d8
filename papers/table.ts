/** Tables as people have them: CSV, TSV, semicolons, JSON lines; pasted or from a file. */
import { InputError } from '@offprint/kernels'
import Papa from 'papaparse'
import { inOneLine } from './columns.ts'
import { parseNumber } from './fields.ts'
import type { Column, Table } from './input.ts'

/** A table is refused beyond this many cells: it would not fit into a run's memory. */
const maxCells = 50_000_000

/**
 * Parses a table. JSONL where the first character is `{`; otherwise delimited text whose delimiter (comma, tab, semicolon,
 * bar) is found from the first rows. The first row is the header unless it holds numbers as data does (see `isHeader`); then
 * columns are called `column1`, `column2`, …. The lower triangle of a matrix, in which each row of numbers has one cell more than
 * the one before, with a name in front or not, has no header, and its other cells are empty.
 *
 * @param field the input's name, for errors
 * @throws InputError for text that is no UTF-8, no rows, rows of unequal length, equal column names, broken quotes
 */
export function parseTable(bytes: Uint8Array, { name, field = 'table' }: { name: string; field?: string }): Table {
  const refuse = (message: string) => new InputError(field, 'a damaged table', 'a table', `${name}: ${message}`)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw refuse('is not UTF-8 text; a table is CSV, TSV or JSONL')
  }
  if (text.includes('\0')) throw refuse('holds NUL characters; a table is CSV, TSV or JSONL text')
  if (!text.trim()) throw refuse('is empty; a table needs at least one row')
  const { names, cells } = text.trimStart().startsWith('{') ? readJsonLines(text, refuse) : readDelimited(text, refuse)
  const rows = cells[0]?.length ?? 0
  if (!rows) throw refuse('has a header but no rows')
  const twice = names.find((column, index) => names.indexOf(column) !== index)
  if (twice !== undefined) throw refuse(`two columns are called '${twice}'`)
  return { name, rows, columns: names.map((column, index) => typed(column, cells[index])) }
}

type Refuse = (message: string) => InputError

function readDelimited(text: string, refuse: Refuse): { names: string[]; cells: string[][] } {
  const parsed = Papa.parse<string[]>(text, {
    delimitersToGuess: [',', '\t', ';', '|'],
    skipEmptyLines: 'greedy',
  })
  const quote = parsed.errors.find(error => error.type === 'Quotes')
  if (quote) throw refuse(`row ${(quote.row ?? 0) + 1}: a quote is not closed or stands inside a cell`)
  // Blank-separated numbers are common for matrices and are no delimiter to the parser.
  let records = parsed.data
  if (!records.length) throw refuse('has no cell with anything in it')
  const byBlanks = (record?: string[]) => record?.length === 1 && /^\s*[-+.\d]\S*(\s+[-+.\d]\S*)+\s*$/.test(record[0])
  // The first row of a triangle is a single number.
  const single = records[0].length === 1 && parseNumber(records[0][0]) !== undefined
  if (byBlanks(records[0]) || (single && byBlanks(records[1])))
    records = records.map(record => record[0].trim().split(/\s+/))
  const triangle = isTriangle(records)
  const width = triangle ? records.at(-1)!.length : records[0].length
  if (width * records.length > maxCells) throw refuse(`has more than ${maxCells.toLocaleString('en')} cells`)
  const hasHeader = !triangle && isHeader(records[0])
  const first = hasHeader ? 1 : 0
  const names = hasHeader
    ? named(records[0].map(cell => cell.trim()))
    : Array.from({ length: width }, (_, index) => `column${index + 1}`)
  const cells = names.map(() => new Array<string>(records.length - first))
  for (let row = first; row < records.length; row++) {
    const record = records[row]
    if (record.length !== width && !triangle)
      throw refuse(
        `row ${row - first + 1} has ${record.length} cells, the ${hasHeader ? 'header' : 'first row'} has ${width}`,
      )
    for (let column = 0; column < width; column++) cells[column][row - first] = record[column]?.trim() ?? ''
  }
  return { names, cells }
}

/** The lower triangle of a matrix, its rows with a name in front or not. */
function isTriangle(records: string[][]): boolean {
  const { length } = records[0]
  if (records.length < 2 || !records.every((record, row) => record.length === length + row)) return false
  const isNumber = (cell: string) => parseNumber(cell) !== undefined
  if (!records.every(record => record.slice(1).every(isNumber))) return false
  return length === 1
    ? records.every(([cell]) => isNumber(cell)) || !records.some(([cell]) => isNumber(cell))
    : length === 2 && !records.some(([cell]) => isNumber(cell))
}

/** Columns without a name are called by their place; where another one has that name, with `_` after it. */
function named(cells: string[]): string[] {
  const taken = new Set(cells)
  return cells.map((cell, index) => {
    let name = cell || `column${index + 1}`
    while (!cell && taken.has(name)) name += '_'
    return name
  })
}

/** Names may be numbers among words only where they count on, as years do: `country,2019,2020`. */
function isHeader(cells: string[]): boolean {
  const numbers = cells.map(parseNumber).filter(number => number !== undefined)
  if (numbers.length === 0 || numbers.length === cells.length) return numbers.length === 0
  if (numbers.length === 1) return Number.isInteger(numbers[0]) && numbers[0] >= 1900 && numbers[0] <= 2100
  return numbers.every((number, index) => Number.isInteger(number) && number >= 0 && number === numbers[0] + index)
}

function readJsonLines(text: string, refuse: Refuse): { names: string[]; cells: string[][] } {
  const columns = new Map<string, string[]>()
  let row = 0
  let line = 0
  for (const source of text.split('\n')) {
    line++
    if (!source.trim()) continue
    let record: unknown
    try {
      record = JSON.parse(source)
    } catch {
      throw refuse(`line ${line} is not JSON`)
    }
    if (typeof record !== 'object' || record === null || Array.isArray(record))
      throw refuse(`line ${line} must be a JSON object, such as {"x": 1, "y": 2}`)
    for (const [key, value] of Object.entries(record)) {
      if (typeof value === 'object' && value !== null)
        throw refuse(`line ${line}, column '${key}': a cell must be text or a number`)
      let cells = columns.get(key)
      if (!cells) {
        cells = new Array<string>(row).fill('')
        columns.set(key, cells)
        if (columns.size > 10_000) throw refuse('has more than 10,000 columns')
      }
      cells[row] = value === null ? '' : String(value)
    }
    row++
    for (const cells of columns.values()) if (cells.length < row) cells.push('')
    if (row * columns.size > maxCells) throw refuse(`has more than ${maxCells.toLocaleString('en')} cells`)
  }
  return { names: [...columns.keys()], cells: [...columns.values()] }
}

function typed(name: string, text: string[]): Column {
  const numbers = new Float64Array(text.length)
  let filled = 0
  let bad = 0
  let firstBad: Column['firstBad']
  for (let row = 0; row < text.length; row++) {
    const cell = text[row]
    const value = cell === '' ? undefined : parseNumber(cell)
    numbers[row] = value ?? Number.NaN
    if (cell === '') continue
    filled++
    if (value === undefined) {
      bad++
      firstBad ??= { row: row + 1, cell }
    }
  }
  if (filled > 0 && bad === 0) return { name, type: 'number', text, numbers }
  if (bad * 2 < filled) return { name, type: 'mixed', text, numbers, firstBad }
  return { name, type: 'text', text, numbers }
}

/** Which columns are meant, and the input's name for errors. */
interface Wanted {
  /** Names of columns; none: every column of numbers. */
  wanted?: string[]
  field?: string
}

/**
 * Columns of finite numbers, in 64 bits.
 * @throws InputError that names row and column of the first cell that is empty or not a number, or an unknown column
 */
export function numericColumns(table: Table, { wanted, field = 'table' }: Wanted = {}): Column[] {
  const chosen = wanted?.length
    ? columnsNamed(table, wanted, 'columns')
    : table.columns.filter(column => column.type !== 'text')
  if (!chosen.length)
    throw new InputError(
      field,
      'none',
      'a numeric column',
      `${field} must have at least one column of numbers, found none in ${table.name}`,
    )
  for (const column of chosen) {
    const bad = badCell(column)
    if (!bad) continue
    const what = bad.cell === '' ? 'the cell is empty' : `'${bad.cell}' is not a number`
    throw new InputError(field, bad.cell, 'a number', `${table.name}, row ${bad.row}, column '${column.name}': ${what}`)
  }
  return chosen
}

/** Columns by their names, in that order. @throws InputError for a name that no column has; it lists those that there are */
export function columnsNamed(table: Table, names: string[], field: string): Column[] {
  const byName = new Map(table.columns.toReversed().map(column => [inOneLine(column.name), column]))
  return names.map(name => {
    const column = byName.get(inOneLine(name))
    if (column) return column
    const all = table.columns.map(column => inOneLine(column.name)).join(', ')
    throw new InputError(field, name, all, `${field}: the table has no column '${name}'; it has ${all}`)
  })
}

/**
 * The numbers of some columns as a row-major matrix.
 * @param prepare what is done to the columns in 64 bits before they are rounded to 32, such as taking the means away
 * @throws InputError as `numericColumns`, and for a number that is too large
 */
export function numericMatrix(
  table: Table,
  { prepare = columns => columns, ...options }: Wanted & { prepare?: (columns: Float64Array[]) => Float64Array[] } = {},
): { data: Float32Array; rows: number; columns: number; names: string[] } {
  const chosen = numericColumns(table, options)
  const numbers = prepare(chosen.map(column => column.numbers))
  const data = new Float32Array(table.rows * chosen.length)
  for (let column = 0; column < chosen.length; column++)
    for (let row = 0; row < table.rows; row++) data[row * chosen.length + column] = numbers[column][row]
  const tooLarge = data.findIndex(value => !Number.isFinite(value))
  if (tooLarge >= 0) {
    const column = chosen[tooLarge % chosen.length]
    const row = Math.floor(tooLarge / chosen.length)
    const message = `${table.name}, row ${row + 1}, column '${column.name}': ${column.text[row]} is too large for 32-bit floats`
    throw new InputError(options.field ?? 'table', column.text[row], 'a number below 3.4e38', message)
  }
  return { data, rows: table.rows, columns: chosen.length, names: chosen.map(column => column.name) }
}

function badCell(column: Column): { row: number; cell: string } | undefined {
  if (column.firstBad) return column.firstBad
  const row = column.numbers.findIndex(Number.isNaN)
  return row < 0 ? undefined : { row: row + 1, cell: column.text[row] }
}
