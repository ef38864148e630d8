/** Which columns of a table are compared, as what, and why the others are not. */
import {
  type MissingRule,
  missingRules,
  type Scaling,
  scalings,
  type Variable,
  variablePoints,
} from '@offprint/clustering'
import type { Matrix } from '@offprint/kernels'
import { inOneLine, namesIn, whyId } from '../../columns.ts'
import { InputError, input } from '../../define.ts'
import type { Column, Table } from '../../input.ts'

/** A column of text with more different values than this is no category. */
const mostCategories = 20
/** In characters. Whole paragraphs are no names, and thousands of them no picture. */
const longestName = 100
/** A matrix of more cells takes more memory and time than a run has. */
const mostCells = 20_000_000

export const askForTable = {
  table: input.table({
    label: 'Table',
    hint: 'CSV, TSV or JSON lines, one customer, sensor or product a row.',
  }),
  columns: input.text({
    label: 'Columns to compare',
    hint: 'Names, separated by commas; one with a comma in double quotes. Empty: all columns of numbers but ids and constant ones. The result says what was taken.',
    maxLength: 5000,
    columnsOf: 'table',
  }),
  categories: input.toggle({
    label: `Take columns of text with 2 to ${mostCategories} different values too`,
    hint: 'Each as one indicator for every value, together as heavy as one column of numbers. Clusters tend to follow such columns: compare the result with the one without them.',
  }),
  scaling: input.choice(scalings, {
    label: 'Scaling',
    hint: 'z-score: mean 0 and standard deviation 1, so that no unit outweighs another. robust: by median and its deviation, where a few values are extreme. none: only where all columns have one unit.',
  }),
  missing: input.choice(missingRules, {
    label: 'Empty cells',
    hint: 'refuse: says where the first one is. drop: leaves out the rows that have one. median: puts the column’s median there, of text the commonest value.',
  }),
}

export interface Given {
  table: Table
  columns: string
  categories: boolean
  scaling: Scaling
  missing: MissingRule
  /** Column that holds earlier clusters: it is not compared. */
  earlier?: string
}

export interface ReadColumn {
  name: string
  /** What it is taken as; `left out` has a reason. */
  use: 'number' | 'category' | 'left out'
  reason?: string
  missing: number
}

export interface ReadTable {
  table: Table
  variables: Variable[]
  /** All columns of the table in their order. */
  columns: ReadColumn[]
  /** A name for each row: of the first column of text that tells rows apart, else the row's number from 1. */
  names: string[]
}

/** Of fewer rows one has much of the variance anyway. */
const fewestForOutlying = 10

/** What people write where there is no value. */
const blanks = new Set(['', 'NA', 'N/A', 'n/a', 'NaN', 'nan', 'NULL', 'null', 'None', '?', '-', '–', '.'])
export const isBlank = (cell: string) => blanks.has(cell)

/** @throws InputError beside the field that is wrong, with row and column where it is a cell */
export function readTable({ table, columns, categories, missing, earlier = '' }: Given): ReadTable {
  const wanted = namesIn(columns)
  for (const [field, names] of [
    ['columns', wanted],
    ['earlier', earlier.trim() ? [earlier.trim()] : []],
  ] as const) {
    const unknown = names.find(name => !table.columns.some(column => inOneLine(column.name) === name))
    if (unknown === undefined) continue
    const all = table.columns.map(column => inOneLine(column.name)).join(', ')
    throw new InputError(field, unknown, all, `${field}: the table has no column '${unknown}'; it has ${all}`)
  }
  const variables: Variable[] = []
  const read = table.columns.map((column): ReadColumn => {
    const named = wanted.includes(inOneLine(column.name))
    const gaps = column.text.reduce((sum, cell) => sum + Number(isBlank(cell)), 0)
    const leave = (reason: string): ReadColumn => ({ name: column.name, use: 'left out', reason, missing: gaps })
    if (inOneLine(column.name) === earlier.trim()) return leave('the earlier clusters')
    if (wanted.length && !named) return leave('not asked for')
    if (gaps === table.rows) {
      if (named) throw new InputError('columns', column.name, '', `columns: '${column.name}' has no value`)
      return leave('empty')
    }
    const values = column.type === 'text' && !isSparse(column) ? undefined : numbersOf(column, table)
    if (values) {
      const reason = named ? undefined : whyNoMeasure(column.name, values)
      if (reason) return leave(reason)
      variables.push({ name: column.name, kind: 'number', values })
      return { name: column.name, use: 'number', missing: gaps }
    }
    const different = new Set(column.text.filter(cell => !isBlank(cell)))
    const few = different.size >= 2 && different.size <= mostCategories && different.size < table.rows - gaps
    if (named && !few)
      throw new InputError(
        'columns',
        column.name,
        '',
        `columns: '${column.name}' is text with ${different.size.toLocaleString('en')} different values; a category has 2 to ${mostCategories}`,
      )
    if (!few)
      return leave(
        different.size === 1
          ? 'the same in every row'
          : [...different].every(value => /^[+-]?\d[\d.,’' ]*$/.test(value))
            ? 'numbers with commas or other marks in them: write 1234.5, not 1,234.5 or 1.234,5'
            : `text, ${different.size.toLocaleString('en')} different values`,
      )
    if (!named && !categories) return leave(`text with ${different.size} values; can be taken as a category`)
    const order = [...different].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    const place = new Map(order.map((value, at) => [value, at]))
    const codes = Int32Array.from(column.text, cell => place.get(cell) ?? -1)
    variables.push({ name: column.name, kind: 'category', values: codes, categories: order })
    return { name: column.name, use: 'category', missing: gaps }
  })
  if (!variables.length) {
    const why = read.map(({ name, reason }) => `${name} (${reason})`).join(', ')
    throw new InputError('table', 'none', 'a column to compare', `${table.name} has no column to compare: ${why}`)
  }
  const width = variables.reduce((sum, one) => sum + (one.kind === 'number' ? 1 : one.categories.length), 0)
  if (width * table.rows > mostCells)
    throw new InputError(
      'columns',
      `${table.rows.toLocaleString('en')} × ${width}`,
      '',
      `columns: ${table.rows.toLocaleString('en')} rows × ${width} columns are more than ${mostCells.toLocaleString('en')} cells; choose fewer columns`,
    )
  if (missing === 'refuse') refuseGaps(table, variables)
  return { table, variables, columns: read, names: namesOf(table) }
}

/** The points to cluster. @throws InputError beside the field that is wrong */
export function pointsOf({ variables, table }: ReadTable, { scaling, missing }: Pick<Given, 'scaling' | 'missing'>) {
  try {
    return variablePoints(variables, { scaling, missing })
  } catch (error) {
    if (!(error instanceof InputError) || error.field !== 'variables') throw error
    throw new InputError(
      'table',
      error.found,
      error.expected,
      `${table.name}: ${error.message.replace(/^variables /, 'columns ')}`,
    )
  }
}

/**
 * Where columns are compared as they are, one in large units may be all that counts: a sentence that says so, if one has more than
 * nine tenths of the variance.
 */
export function outweighing({ variables }: ReadTable, { data, rows, columns }: Matrix): string[] {
  const variances = new Float64Array(columns)
  for (let column = 0; column < columns; column++) {
    let sum = 0
    for (let row = 0; row < rows; row++) sum += data[row * columns + column] / rows
    for (let row = 0; row < rows; row++) variances[column] += (data[row * columns + column] - sum) ** 2 / rows
  }
  const total = variances.reduce((sum, one) => sum + one, 0)
  let from = 0
  for (const variable of variables) {
    const width = variable.kind === 'number' ? 1 : variable.categories.length
    const share = variances.subarray(from, from + width).reduce((sum, one) => sum + one, 0) / total
    if (variables.length > 1 && share > 0.9)
      return [
        `The column ${inMarkdown(variable.name)} has ${Math.floor(100 * share)} % of the variance: the clusters follow it almost alone. Scaling brings the others in.`,
      ]
    from += width
  }
  return []
}

/**
 * A row so far from all others that what these differ by hardly counts: a sentence that says so, if one has more than half of the
 * variance.
 *
 * @param rows row of the table of each point
 */
export function outlying(
  { names }: ReadTable,
  rows: ArrayLike<number>,
  { data, rows: n, columns }: Matrix,
  scaling: Scaling,
): string[] {
  if (n < fewestForOutlying) return []
  const means = new Float64Array(columns)
  for (const [at, value] of data.entries()) means[at % columns] += value / n
  const squares = new Float64Array(n)
  for (const [at, value] of data.entries()) squares[Math.floor(at / columns)] += (value - means[at % columns]) ** 2
  const furthest = squares.indexOf(squares.reduce((one, other) => Math.max(one, other)))
  const share = squares[furthest] / squares.reduce((sum, one) => sum + one, 0)
  return share > 0.5
    ? [
        `One row, ${inMarkdown(names[rows[furthest]])}, has ${Math.floor(100 * share)} % of the variance: beside it the others hardly differ. Leave it out${scaling === 'robust' ? '' : ', or choose the scaling robust'}.`,
      ]
    : []
}

/** Text of the user's table stays what it is in Markdown. */
export function inMarkdown(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*[\]<>&~|]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\$&')
}

/** A column of numbers in which most cells are blank is text to the reader of tables, which does not know these words. */
function isSparse({ text, numbers }: Column): boolean {
  return text.every((cell, row) => isBlank(cell) || !Number.isNaN(numbers[row]))
}

/** @throws InputError for a cell that is neither a number nor blank */
function numbersOf(column: Column, table: Table): Float64Array | undefined {
  const bad = column.text.findIndex((cell, row) => Number.isNaN(column.numbers[row]) && !isBlank(cell))
  if (bad < 0) return column.numbers
  throw new InputError(
    'table',
    column.text[bad],
    'a number',
    `${table.name}, row ${bad + 1}, column '${column.name}': '${column.text[bad].slice(0, 60)}' is not a number; correct it, or name the columns to compare without '${column.name}'`,
  )
}

function refuseGaps(table: Table, variables: Variable[]): void {
  for (const { name, values, kind } of variables) {
    const row = kind === 'number' ? values.findIndex(Number.isNaN) : values.indexOf(-1)
    if (row < 0) continue
    throw new InputError(
      'missing',
      'an empty cell',
      '',
      `${table.name}, row ${row + 1}, column '${name}': the cell is empty; choose drop to leave out such rows or median to fill them, or leave out the column`,
    )
  }
}

/** Why a column of numbers measures nothing; undefined where it does. */
function whyNoMeasure(name: string, values: Float64Array): string | undefined {
  const known = values.filter(value => !Number.isNaN(value))
  if (known.every(value => value === known[0])) return 'the same in every row'
  const id = whyId(name, values)
  if (id) return id
  if (known.length * 2 < values.length) return 'more than half of its cells are empty; name it to take it'
  return undefined
}

function namesOf(table: Table): string[] {
  const texts = table.columns.filter(column => column.type === 'text' && !isSparse(column))
  const different = new Map(texts.map(column => [column, new Set(column.text).size]))
  // Some rows may have the same name; by a column in which most do, none is known.
  const telling =
    texts.find(column => different.get(column) === table.rows) ??
    texts.find(column => 2 * different.get(column)! > table.rows)
  return Array.from({ length: table.rows }, (_, row) => {
    const name = telling?.text[row] ?? ''
    if (isBlank(name)) return `row ${row + 1}`
    return name.length > longestName ? `${name.slice(0, longestName - 1)}…` : name
  })
}
