/** Rows of a table as text (CSV, TSV), some at a time, with their lines; cells may hold line ends. */
import { longestLine } from '../lines.ts'

export interface Row {
  /** Empty where there is a `problem`. */
  cells: string[]
  /** Its first line, from 1. */
  line: number
  /** Why this is no row, in words. */
  problem?: string
}

const delimiters = [',', '\t', ';', '|']

/**
 * Reads RFC 4180's format with any of four delimiters, found from the first line. Memory stays bounded by the longest row: a
 * quote that never ends costs the rows of one megabyte, and the rest is read. The same rows come out wherever texts end.
 */
export async function* readRows(texts: AsyncIterable<string>): AsyncGenerator<Row[]> {
  let held = ''
  let reader: ReturnType<typeof rowReader> | undefined
  for await (const text of texts) {
    if (!reader) {
      held += text
      const whole = /[\r\n]/.test(text) && /[\r\n]/.test(withoutMark(held).trimStart())
      if (!whole && held.length < longestLine) continue
      reader = rowReader(delimiterOf(held))
    }
    const rows = reader.next(held ? withoutMark(held) : text)
    held = ''
    if (rows.length) yield rows
  }
  reader ??= rowReader(delimiterOf(held))
  const rows = [...reader.next(withoutMark(held)), ...reader.end()]
  if (rows.length) yield rows
}

function withoutMark(text: string): string {
  return text.replace(/^\ufeff/, '')
}

function delimiterOf(text: string): string {
  const [header] = withoutMark(text)
    .trimStart()
    .split(/[\r\n]/, 1)
  const outside = header.replace(/"[^"]*"/g, '')
  const count = (delimiter: string) => outside.split(delimiter).length
  return delimiters.reduce((best, one) => (count(one) > count(best) ? one : best))
}

function rowReader(delimiter: string) {
  const mark = new RegExp(`[\\${delimiter === '\t' ? 't' : delimiter}"\\r\\n]`, 'g')
  let cells: string[] = []
  let cell = ''
  let length = 0
  let line = 1
  let start = 1
  /** `closing` is after a quote within quotes: it ends the cell, or a second one makes it a character. */
  let state: 'before' | 'plain' | 'quoted' | 'closing' = 'before'
  let afterReturn = false
  let rows: Row[] = []

  const tooLong = () => length > longestLine
  const keep = (text: string) => {
    length += text.length
    if (tooLong()) {
      cell = ''
      cells = []
    } else {
      cell += text
    }
  }
  const endCell = () => {
    if (!tooLong()) cells.push(cell)
    length++
    cell = ''
    state = 'before'
  }
  const endRow = (problem?: string) => {
    const blank = cells.length === 0 && state !== 'closing' && !cell.trim() && !tooLong() && !problem
    endCell()
    if (tooLong()) problem = `longer than ${longestLine / 1e6} MB: no paper`
    if (!blank) rows.push(problem ? { cells: [], line: start, problem } : { cells, line: start })
    cells = []
    length = 0
  }

  function next(text: string): Row[] {
    rows = []
    let at = 0
    while (at < text.length) {
      mark.lastIndex = at
      const found = mark.exec(text)
      const to = found ? found.index : text.length
      if (to > at) {
        keep(text.slice(at, to))
        if (state !== 'quoted') state = 'plain'
        afterReturn = false
      }
      if (!found) break
      at = to + 1
      const character = found[0]
      if (character === '\n' || character === '\r') {
        const half = character === '\n' && afterReturn
        afterReturn = character === '\r'
        if (!half) line++
        if (state === 'quoted' && !tooLong()) keep(character)
        else if (!half) endRow()
        if (state === 'before' && !cells.length) start = line
        continue
      }
      afterReturn = false
      if (character === delimiter) {
        if (state === 'quoted') keep(character)
        else endCell()
      } else if (state === 'before') {
        state = 'quoted'
      } else if (state === 'quoted') {
        state = 'closing'
      } else {
        keep(character)
        if (state === 'closing') state = 'quoted'
      }
    }
    return rows
  }

  function end(): Row[] {
    rows = []
    if (state === 'quoted') endRow('a cell in quotes does not end')
    else if (cells.length || state !== 'before' || tooLong()) endRow()
    return rows
  }

  return { next, end }
}
