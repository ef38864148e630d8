/** Papers in a table of any making: a header, and which of its columns is what. */
import { looksLikeArxivId, parseArxivId } from '../identifiers.ts'
import { webAddress } from '../jsonl.ts'
import { type Chunks, decodeText } from '../lines.ts'
import { convertTex, oneLine } from '../text.ts'
import type { Author } from '../types.ts'
import { readRows } from './csv-rows.ts'
import {
  defined,
  excerpt,
  itemOf,
  joinIds,
  mentionedIds,
  NoPaper,
  paperRecord,
  readDate,
  type SourceItem,
  statedIds,
} from './paper-record.ts'
import { joinName } from './person-name.ts'
import { parsePythonLiteral } from './python-literal.ts'

/** What a column can be, with the headers that usually mean it, most telling first; case and marks don't count. */
const usualNames = {
  title: ['title', 'papertitle', 'articletitle', 'documenttitle', 'name'],
  abstract: ['abstract', 'summary', 'abstractnote', 'abstracttext'],
  authors: ['authors', 'author', 'authornames', 'creators'],
  doi: ['doi'],
  arxivId: ['arxivid', 'arxiv', 'eprint', 'arxivnumber'],
  id: ['id', 'paperid'],
  url: ['url', 'link', 'arxivurl', 'paperurl', 'pdfurl'],
  publishedAt: ['publishedat', 'published', 'publicationdate', 'date', 'submitted', 'publicationyear', 'year'],
  updatedAt: ['updatedat', 'updated', 'updatedate'],
  categories: ['categories', 'category', 'subjects', 'primarycategory'],
  journalRef: ['journalref', 'venue', 'journal', 'publicationtitle', 'conference', 'booktitle'],
  comment: ['comment', 'comments', 'notes'],
} satisfies Record<string, string[]>

export type CsvField = keyof typeof usualNames

export interface CsvOptions {
  /** Header of the column for each field; what is left out is found from the usual names. */
  columns?: Partial<Record<CsvField, string>>
  /** Called once where the text has bytes that are not UTF-8. */
  onInvalid?(): void
}

/**
 * Reads a table (CSV, or with tabs, semicolons or bars) row by row. A row that is no paper is refused by its line.
 *
 * @example parseCsvPapers(chunks, { columns: { title: 'Name of the work' } })
 * @throws Error where there is no column for the title, or none of a given name; it names the columns that there are
 */
export async function* parseCsvPapers(
  chunks: Chunks,
  { columns = {}, onInvalid }: CsvOptions = {},
): AsyncGenerator<SourceItem> {
  let header: string[] | undefined
  let places: Map<CsvField, number> = new Map()
  for await (const rows of readRows(decodeText(chunks, onInvalid))) {
    for (const { cells, line, problem } of rows) {
      if (!header) {
        if (problem) throw new Error(`the header: ${problem}`)
        header = cells.map(cell => cell.trim())
        places = findColumns(header, columns)
        continue
      }
      const names = header
      yield itemOf(line, () => {
        if (problem) throw new NoPaper(problem)
        if (cells.length !== names.length)
          throw new NoPaper(`a row of ${cells.length} cells, the header has ${names.length}`)
        return readRow(field => cells[places.get(field) ?? -1]?.trim() || undefined, names, places)
      })
    }
  }
}

function findColumns(header: string[], given: NonNullable<CsvOptions['columns']>): Map<CsvField, number> {
  const places = new Map<CsvField, number>()
  const bare = header.map(name => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, ''))
  const there = `the columns are ${excerptOf(header)}`
  for (const field of Object.keys(usualNames) as CsvField[]) {
    const name = given[field]
    if (name !== undefined) {
      const place = header.indexOf(name.trim())
      if (place < 0) throw new Error(`there is no column '${excerpt(name)}' for ${field}; ${there}`)
      places.set(field, place)
      continue
    }
    const usual = usualNames[field].find(one => bare.includes(one))
    if (usual) places.set(field, bare.indexOf(usual))
  }
  if (!places.has('title')) throw new Error(`there is no column for the title; ${there}`)
  return places
}

function excerptOf(header: string[]): string {
  const names = header.slice(0, 30).map(name => excerpt(name) || '(without name)')
  return names.join(', ') + (header.length > 30 ? ` and ${header.length - 30} more` : '')
}

/** A year says too little about when a version came. */
function dayOrMonth(date: string | undefined): string | undefined {
  return date && date.length > 4 ? date : undefined
}

/** @throws NoPaper */
function readRow(cell: (field: CsvField) => string | undefined, names: string[], places: Map<CsvField, number>) {
  const of = (field: CsvField) => `column "${excerpt(names[places.get(field)!])}"`
  const within = <Value>(field: CsvField, read: () => Value): Value => {
    try {
      return read()
    } catch (error) {
      if (error instanceof NoPaper) throw new NoPaper(`${of(field)}: ${error.message}`)
      throw error
    }
  }
  const arxiv = within(cell('arxivId') ? 'arxivId' : 'id', () => readId(cell('arxivId'), cell('id')))
  const stated = within('doi', () => statedIds({ doi: cell('doi') }))
  const ids = joinIds(joinIds(arxiv, stated), mentionedIds(cell('url'), cell('id')))
  const categories = cell('categories')
  const record = paperRecord(
    {
      ...ids,
      title: cell('title'),
      abstract: cell('abstract'),
      authors: splitNames(oneLine(cell('authors') ?? '')),
      categories: categories ? (listOf(categories) ?? categories.split(/[\s;,|]+/)) : [],
      publishedAt: within('publishedAt', () => readDate(cell('publishedAt') ?? '')),
      updatedAt: within('updatedAt', () => dayOrMonth(readDate(cell('updatedAt') ?? ''))),
      journalRef: cell('journalRef'),
      comment: cell('comment'),
      sourceUrl: webAddress(cell('url')),
    },
    'csv',
    convertTex,
  )
  return {
    record,
    ...(arxiv.repaired ? { repaired: true } : {}),
  }
}

/** A column called `id` often has numbers of rows: only what looks like an arXiv id, or like what a spreadsheet makes of one, is refused there. */
function readId(stated: string | undefined, loose: string | undefined) {
  const given = stated ?? loose
  if (!given) return {}
  const id = parseArxivId(given, { repair: true })
  if (!('error' in id)) return defined({ arxivId: id.id, version: id.version, repaired: id.repaired })
  if (stated || looksLikeArxivId(given) || /^\d{3,4}\.\d+$|^\d+(?:\.\d+)?e[+-]?\d+$/i.test(given))
    throw new NoPaper(id.error)
  return {}
}

/**
 * Names of a cell: split at `;`, else at ` and `, or a list as Python prints it. Commas separate names where both sides have
 * two words at least (`Ada Byron, Carl Dahl`); else they stand between family and given name (`Byron, Ada`).
 */
function splitNames(cell: string): Author[] {
  const listed = listOf(cell)
  if (listed) return listed.map(name => ({ name }))
  const parts = cell.includes(';') ? cell.split(';') : cell.split(/,?\s+(?:and|&)\s+/i)
  const names = parts.flatMap(part => {
    const pieces = part.split(',').map(piece => piece.trim())
    if (pieces.length === 1) return pieces
    if (!cell.includes(';') && pieces.every(piece => /\S\s+\S/.test(piece))) return pieces
    const [family, given, ...rest] = pieces
    return pieces.length <= 3 ? [joinName({ family, given, suffix: rest[0] })] : pieces
  })
  return names.map(name => ({ name: name.trim() })).filter(({ name }) => name && !/^et al\.?$/i.test(name))
}

function listOf(cell: string): string[] | undefined {
  if (!/^\[/.test(cell)) return undefined
  const value = parsePythonLiteral(cell)
  return Array.isArray(value) && value.every(item => typeof item === 'string') ? value : undefined
}
