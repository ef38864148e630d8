/** Which rows of a table a page shows: filtered, sorted, and one page of them. */
import type { TableBlock } from '@offprint/papers'

type Column = TableBlock['columns'][number]
type Row = TableBlock['rows'][number]

export interface View {
  /** Words that a row must have, or comparisons such as `distance>=2`; all of them. */
  filter?: string
  /** A column's name; with `-` before it descending. */
  sort?: string
  /** First row, from 0. */
  from?: number
}

const byAlphabet = new Intl.Collator('en', { numeric: true }).compare

/** @returns the rows of one page, how many there are on all, and where the page begins */
export function rowsOf({ columns, rows }: Pick<TableBlock, 'columns' | 'rows'>, view: View, rowsOnPage: number) {
  const found = filtered(columns, rows, view.filter ?? '')
  const { sort = '' } = view
  const descending = sort.startsWith('-')
  const by = columns.findIndex(column => column.name === sort.replace(/^-/, ''))
  const sorted = by < 0 ? found : sortedBy(found, by, descending)
  const lastPage = Math.max(0, Math.ceil(sorted.length / rowsOnPage) - 1) * rowsOnPage
  const asked = Math.max(0, Math.floor(view.from ?? 0) || 0)
  // Behind the end is the last page.
  const from = asked < sorted.length ? asked : lastPage
  return { rows: sorted.slice(from, from + rowsOnPage), total: sorted.length, from, by, descending }
}

/** Orders of the tables that were sorted lately, as long as the tables are kept: 100,000 names take a third of a second. */
const orders = new WeakMap<Row[], Map<string, Row[]>>()

function sortedBy(rows: Row[], by: number, descending: boolean): Row[] {
  const known = orders.get(rows) ?? new Map<string, Row[]>()
  if (!known.size) orders.set(rows, known)
  const order = `${by} ${descending}`
  const sorted = known.get(order) ?? sortRows(rows, by, descending)
  return known.set(order, sorted).get(order)!
}

/** Numbers by size, everything else by alphabet; missing values stand last either way. */
function sortRows(rows: Row[], by: number, descending: boolean): Row[] {
  const sign = descending ? -1 : 1
  return rows.toSorted((one, other) => {
    const [a, b] = [one[by], other[by]]
    if (a === null || b === null) return Number(a === null) - Number(b === null)
    return sign * (typeof a === 'number' && typeof b === 'number' ? a - b : byAlphabet(String(a), String(b)))
  })
}

function filtered(columns: Column[], rows: Row[], text: string): Row[] {
  const tests = text
    .replace(/\s*(>=|<=|!=|=|>|<)\s*/g, '$1')
    .trim()
    .split(/\s+/)
    .filter(Boolean)
    .slice(0, 20)
    .map(word => testOf(columns, word))
  return tests.length ? rows.filter(row => tests.every(test => test(row))) : rows
}

/** `name>=2` compares where the table has such a column; anything else is looked for in every cell. */
function testOf(columns: Column[], word: string): (row: Row) => boolean {
  const comparison = /^([^<>=!]+)(>=|<=|!=|=|>|<)(.+)$/.exec(word)
  const at = comparison ? columns.findIndex(column => isCalled(column, comparison[1])) : -1
  if (!comparison || at < 0) {
    const wanted = word.toLowerCase()
    return row => row.some(cell => cell !== null && String(cell).toLowerCase().includes(wanted))
  }
  const [, , sign, value] = comparison
  const numeric = columns[at].type === 'number' || columns[at].type === 'integer'
  const wanted = numeric ? Number(value.replaceAll(',', '')) : value.toLowerCase()
  return row => {
    const cell = row[at]
    if (cell === null) return false
    const found = numeric ? Number(cell) : String(cell).toLowerCase()
    if (sign === '=') return found === wanted
    if (sign === '!=') return found !== wanted
    if (sign === '>') return found > wanted
    if (sign === '<') return found < wanted
    return sign === '>=' ? found >= wanted : found <= wanted
  }
}

/** By its name or its title; blanks, which part words of a filter, may be left out. */
function isCalled({ name, title }: Column, word: string): boolean {
  const plain = (text: string) => text.toLowerCase().replace(/\s+/g, '')
  return plain(word) === plain(name) || (title !== undefined && plain(word) === plain(title))
}
