/** Kaggle's snapshot of arXiv's metadata: JSON lines, or the spreadsheet that people made of them. */
import { parseArxivId } from '../identifiers.ts'
import { type Chunks, decodeText, longestLine, splitLines } from '../lines.ts'
import { convertTex, showable } from '../text.ts'
import type { Author } from '../types.ts'
import { parseAuthorString } from './author-string.ts'
import { readRows } from './csv-rows.ts'
import { jsonObject } from './json-elements.ts'
import {
  defined,
  excerpt,
  itemOf,
  joinIds,
  NoPaper,
  paperRecord,
  readDate,
  refused,
  type SourceItem,
  statedIds,
} from './paper-record.ts'
import { joinName } from './person-name.ts'
import { parsePythonLiteral } from './python-literal.ts'

/**
 * Reads the snapshot in either form, told apart by its first character, paper by paper: 4.7 GB take no more memory than a
 * page. Ids that a spreadsheet damaged are repaired, and the item says so.
 *
 * @param options.onInvalid called once where the text has bytes that are not UTF-8
 */
export async function* parseArxivSnapshot(
  chunks: Chunks,
  { onInvalid }: { onInvalid?(): void } = {},
): AsyncGenerator<SourceItem> {
  const texts = decodeText(chunks, onInvalid)[Symbol.asyncIterator]()
  let start = ''
  for (;;) {
    const { value, done } = await texts.next()
    if (done) break
    start += value
    if (/[^\s\ufeff]/.test(start) || start.length > longestLine) break
  }
  const whole = startingWith(start, texts)
  yield* /^[\s\ufeff]*\{/.test(start) ? readJson(whole) : readSpreadsheet(whole)
}

async function* startingWith(start: string, rest: AsyncIterator<string>): AsyncGenerator<string> {
  yield start
  yield* { [Symbol.asyncIterator]: () => rest }
}

async function* readJson(texts: AsyncIterable<string>): AsyncGenerator<SourceItem> {
  for await (const lines of splitLines(texts)) {
    for (const { text, number, tooLong } of lines) {
      const trimmed = text.replace(/^\ufeff/, '').trim()
      if (tooLong) yield refused(number, `longer than ${longestLine / 1e6} MB: no paper`)
      else if (trimmed)
        yield itemOf(number, () => {
          const fields = jsonObject(trimmed)
          return readPaper(fields, false)
        })
    }
  }
}

async function* readSpreadsheet(texts: AsyncIterable<string>): AsyncGenerator<SourceItem> {
  let header: string[] | undefined
  for await (const rows of readRows(texts)) {
    for (const { cells, line, problem } of rows) {
      if (!header) {
        header = cells.map(cell => cell.trim())
        if (problem || !header.includes('id') || !header.includes('title'))
          throw new Error(
            `no snapshot of arXiv: its first line must name the columns id and title, found '${excerpt(header.join(', '))}'`,
          )
        continue
      }
      const columns = header
      yield itemOf(line, () => {
        if (problem) throw new NoPaper(problem)
        if (cells.length !== columns.length)
          throw new NoPaper(`a row of ${cells.length} cells, the header has ${columns.length}`)
        return readPaper(Object.fromEntries(columns.map((name, index) => [name, cells[index]])), true)
      })
    }
  }
}

/** @throws NoPaper */
function readPaper(fields: Record<string, unknown>, spreadsheet: boolean) {
  const id = readId(fields.id, spreadsheet)
  const versions = readVersions(fields.versions)
  const first = versions.find(({ number }) => number === 1)
  const last = versions.at(-1)
  const categories = text(fields, 'categories')?.split(/\s+/)
  const record = paperRecord(
    {
      ...joinIds({ arxivId: id.id }, statedIds({ doi: text(fields, 'doi') })),
      ...defined({ version: last?.number ?? id.version }),
      title: text(fields, 'title'),
      abstract: text(fields, 'abstract'),
      authors: readAuthors(fields),
      categories,
      publishedAt: first?.day,
      // The day on which arXiv last touched the entry stands in only where no version has a day.
      updatedAt: last?.day ?? day(text(fields, 'update_date')),
      comment: text(fields, 'comments'),
      journalRef: text(fields, 'journal-ref'),
      license: text(fields, 'license'),
    },
    'arxiv-snapshot',
    convertTex,
  )
  const report = text(fields, 'report-no')
  return {
    record,
    ...(id.repaired ? { repaired: true } : {}),
    ...(report ? { extra: { 'report-no': showable(report).trim() } } : {}),
  }
}

function readId(given: unknown, spreadsheet: boolean) {
  if ((typeof given !== 'string' && typeof given !== 'number') || !String(given).trim())
    throw new NoPaper('"id" is missing')
  // JSON of a data frame has the same damage as a spreadsheet, but only as a number.
  const id = parseArxivId(String(given), { repair: spreadsheet || typeof given === 'number' })
  if ('error' in id) throw new NoPaper(`"id" ${id.error}`)
  return id
}

/** Versions by number; the snapshot has them in the order of their text now and then. */
function readVersions(value: unknown): { number: number; day?: string }[] {
  const versions: { number: number; day?: string }[] = []
  for (const item of list(value, 'versions')) {
    const { version, created } = (item ?? {}) as Record<string, unknown>
    const number = Number(/^v([1-9]\d{0,3})$/.exec(String(version))?.[1])
    if (!number) throw new NoPaper(`"versions" has one without a number`)
    const moment = new Date(String(created))
    if (Number.isNaN(moment.getTime()) || !/^\d{4}-/.test(moment.toISOString()))
      throw new NoPaper(`"versions": there is no day '${excerpt(String(created))}'`)
    versions.push({ number, day: moment.toISOString().slice(0, 10) })
  }
  return versions.sort((a, b) => a.number - b.number)
}

function readAuthors(fields: Record<string, unknown>): Author[] {
  const parsed = list(fields.authors_parsed, 'authors_parsed')
  if (!parsed.length) return parseAuthorString(text(fields, 'authors') ?? '').map(name => ({ name }))
  return parsed.map(item => {
    if (!Array.isArray(item) || item.some(part => typeof part !== 'string'))
      throw new NoPaper('"authors_parsed" has one that is no list of names')
    const [family = '', given, suffix, ...affiliations] = item as string[]
    return {
      name: joinName({ given, family, suffix }),
      ...defined({ affiliation: affiliations.filter(Boolean).join('; ') }),
    }
  })
}

/** A list, or a text that is one in JSON or Python. */
function list(value: unknown, name: string): unknown[] {
  if (value === undefined || value === null || value === '') return []
  const items = typeof value === 'string' ? parsePythonLiteral(value) : value
  if (!Array.isArray(items)) throw new NoPaper(`"${name}" must be a list`)
  return items
}

function text(fields: Record<string, unknown>, name: string): string | undefined {
  const value = fields[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw new NoPaper(`"${name}" must be text`)
  return value
}

function day(written: string | undefined): string | undefined {
  return readDate(written ?? '')
}
