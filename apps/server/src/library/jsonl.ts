/** Papers as JSON lines: the library's own export, or arXiv's metadata as `{ id, title, abstract, authors, date, … }`. */
import { parseArxivId, parseDoi } from './identifiers.ts'
import { type Chunks, decodeText, longestLine, splitLines } from './lines.ts'
import { isDay } from './listing.ts'
import { boundedExtra } from './merge.ts'
import { defined, NoPaper, paperRecord } from './sources/paper-record.ts'
import { inReadingOrder } from './sources/person-name.ts'
import { convertTex, oneLine, showable } from './text.ts'
import type { Author, ExportedRecord, ImportedRecord, ImportItem, PaperRecord } from './types.ts'

/**
 * Reads one record a line. A line that is no record is refused by its number; empty lines are skipped.
 *
 * @param options.onInvalid called once where the text has bytes that are not UTF-8
 */
export async function* parseJsonl(
  chunks: Chunks,
  { onInvalid }: { onInvalid?(): void } = {},
): AsyncGenerator<ImportItem> {
  for await (const lines of splitLines(decodeText(chunks, onInvalid))) {
    for (const { text, number, tooLong } of lines) {
      if (tooLong) {
        yield { refused: { line: number, reason: `longer than ${longestLine / 1e6} MB: no paper` } }
        continue
      }
      const trimmed = text.replace(/^\ufeff/, '').trim()
      if (!trimmed) continue
      try {
        const value: unknown = JSON.parse(trimmed)
        yield { ...readRecord(value), line: number }
      } catch (error) {
        const reason = error instanceof NoPaper ? error.message : 'not valid JSON'
        yield { refused: { line: number, reason } }
      }
    }
  }
}

/** A paper as it is exported: its fields always in the same order, so that equal libraries give equal bytes. */
export function exportedRecord(record: PaperRecord): ExportedRecord {
  const { key, arxivId, version, doi, title, abstract, authors, authorCount, categories, primary } = record
  const { organization, publishedAt, updatedAt, submittedAt, comment, journalRef, license, withdrawn } = record
  const { projectPage, githubRepo, source, sourceUrl, fetchedAt, commentCount, externalVotes } = record
  const { extra } = record
  const raw = record.raw && { title: record.raw.title, abstract: record.raw.abstract, authors: record.raw.authors }
  return defined({
    ...{ key, arxivId, version, doi, title, abstract, authors, authorCount, categories, primary },
    ...{ organization, publishedAt, updatedAt, submittedAt, comment, journalRef, license, withdrawn },
    ...{
      projectPage,
      githubRepo,
      source,
      sourceUrl,
      fetchedAt,
      commentCount,
      externalVotes,
      raw: raw && defined(raw),
      extra,
    },
  }) as ExportedRecord
}

/** Keys that only an export of ours has, beside arXiv ids. */
const ownKey = /^(?:t:[0-9a-f]{16}|doi:10\.[^\s\p{Lu}]{1,300})$/u

/** @throws NoPaper */
function readRecord(value: unknown): { record: ImportedRecord; repaired?: boolean } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new NoPaper('not an object')
  const fields = value as Record<string, unknown>
  // Our own export has been through all of this before, and its `raw` says how the text came.
  const key = typeof fields.key === 'string' && ownKey.test(fields.key) ? fields.key : undefined
  const own = key !== undefined || (typeof fields.key === 'string' && fields.key === fields.arxivId)
  const authors = readAuthors(fields.authors, own)
  const { arxivId, version, doi, repaired } = readIdentifiers(fields)
  const record = paperRecord(
    {
      title: text(fields, 'title'),
      abstract: text(fields, 'abstract'),
      authors,
      ...(authors.length ? {} : { authorCount: count(fields, 'authorCount') }),
      categories: readCategories(fields.categories),
      primary: text(fields, 'primary'),
      arxivId,
      version,
      doi,
      withdrawn: boolean(fields, 'withdrawn'),
      organization: text(fields, 'organization'),
      publishedAt: day(fields, 'publishedAt') ?? day(fields, 'date'),
      updatedAt: day(fields, 'updatedAt') ?? day(fields, 'updated'),
      submittedAt: moment(fields, 'submittedAt'),
      fetchedAt: moment(fields, 'fetchedAt'),
      comment: text(fields, 'comment'),
      journalRef: text(fields, 'journalRef') ?? text(fields, 'journal-ref'),
      license: text(fields, 'license'),
      projectPage: webAddress(fields.projectPage),
      githubRepo: webAddress(fields.githubRepo),
      sourceUrl: webAddress(fields.sourceUrl),
      commentCount: count(fields, 'commentCount'),
      externalVotes: count(fields, 'externalVotes'),
      extra: readExtra(fields.extra),
    },
    sourceName(fields.source) ?? 'jsonl',
    own ? text => text : convertTex,
  )
  const raw = own ? readRaw(fields.raw) : undefined
  return {
    record: { ...record, ...defined({ key }), ...(raw && Object.keys(raw).length ? { raw } : {}) },
    ...(repaired ? { repaired } : {}),
  }
}

function readIdentifiers(fields: Record<string, unknown>) {
  const given = fields.arxivId ?? fields.id
  const doiText = text(fields, 'doi')
  // Some records name several, separated by spaces.
  const doi = doiText?.split(/\s+/).map(parseDoi).find(Boolean)
  const fromDoi = doiText ? parseArxivId(doiText) : undefined
  const isArxivDoi = doi?.startsWith('10.48550/arxiv.')
  if (given === undefined || given === null || given === '') {
    if (!isArxivDoi) return { doi }
    if (!fromDoi || 'error' in fromDoi) throw new NoPaper(`"doi" ${fromDoi?.error ?? ''}`)
    return { arxivId: fromDoi.id, version: fromDoi.version }
  }
  if (typeof given !== 'string' && typeof given !== 'number') throw new NoPaper('"id" must be an arXiv id')
  const id = parseArxivId(String(given), { repair: true })
  if ('error' in id) throw new NoPaper(`"${fields.arxivId === undefined ? 'id' : 'arxivId'}" ${id.error}`)
  return {
    arxivId: id.id,
    version: count(fields, 'version') || id.version,
    doi: isArxivDoi ? undefined : doi,
    repaired: id.repaired,
  }
}

/** @param own whether the names are in the order in which people read them */
function readAuthors(value: unknown, own: boolean): Author[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw new NoPaper('"authors" must be a list')
  return value.map(item => {
    const fields = typeof item === 'string' ? { name: item } : ((item ?? {}) as Record<string, unknown>)
    const name = oneLine(text(fields, 'name') ?? '')
    if (!name) throw new NoPaper('"authors" has one without a name')
    const whole = fields.whole === true || undefined
    return {
      name: own || whole ? name : inReadingOrder(name),
      ...defined({ affiliation: text(fields, 'affiliation'), whole }),
    }
  })
}

function readCategories(value: unknown): string[] {
  const list = typeof value === 'string' ? value.split(/\s+/) : (value ?? [])
  if (!Array.isArray(list) || list.some(item => typeof item !== 'string'))
    throw new NoPaper('"categories" must be a list of names')
  return [...new Set(list.map(oneLine).filter(Boolean))]
}

function readRaw(value: unknown): ImportedRecord['raw'] {
  if (typeof value !== 'object' || value === null) return undefined
  const fields = value as Record<string, unknown>
  const authors = Array.isArray(fields.authors) ? fields.authors.filter(name => typeof name === 'string') : undefined
  return defined({
    title: text(fields, 'title'),
    abstract: text(fields, 'abstract'),
    authors: authors?.map(showable),
  })
}

/** What other sites said of it, as an export of ours has it. */
function readExtra(value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return boundedExtra(value as Record<string, unknown>)
}

function text(fields: Record<string, unknown>, name: string): string | undefined {
  const value = fields[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw new NoPaper(`"${name}" must be text`)
  return showable(value)
}

function boolean(fields: Record<string, unknown>, name: string): boolean | undefined {
  const value = fields[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'boolean') throw new NoPaper(`"${name}" must be true or false`)
  return value
}

function count(fields: Record<string, unknown>, name: string): number | undefined {
  const value = fields[name]
  if (value === undefined || value === null) return undefined
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw new NoPaper(`"${name}" must be a whole number from 0`)
  return value as number
}

/** A day, a month or a year; what follows a day (a time) is left out. */
function day(fields: Record<string, unknown>, name: string): string | undefined {
  const value = text(fields, name)?.trim()
  if (!value) return undefined
  if (/^\d{4}(?:-(?:0[1-9]|1[0-2]))?$/.test(value)) return value
  if (!isDay(value.slice(0, 10)) || /^\d/.test(value.slice(10)))
    throw new NoPaper(`"${name}" must be a day such as 2020-08-12, found '${value.slice(0, 40).toWellFormed()}'`)
  return value.slice(0, 10)
}

function moment(fields: Record<string, unknown>, name: string): string | undefined {
  const value = text(fields, name)
  if (!value) return undefined
  const date = new Date(value)
  const iso = /^\d{4}-\d\d-\d\d/.test(value) && !Number.isNaN(date.getTime()) ? date.toISOString() : ''
  // A year that a time zone moves out of 0 to 9999 is written otherwise, and sorts otherwise.
  if (!/^\d{4}-/.test(iso)) throw new NoPaper(`"${name}" must be a time such as 2020-08-12T10:00:00.000Z`)
  return iso
}

/** Anything but the web's own schemes (`javascript:`) must never become a link. */
export function webAddress(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > 2000) return undefined
  const url = URL.parse(value.trim())
  return url && (url.protocol === 'https:' || url.protocol === 'http:') ? url.href : undefined
}

function sourceName(value: unknown): string | undefined {
  return typeof value === 'string' && /^[a-z][a-z-]{0,30}$/.test(value) ? value : undefined
}
