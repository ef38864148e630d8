/** What the reader does with papers over HTTP: votes, lists, notes and tags, saved searches, keys for feeds, and all of it to take away. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { InputError } from '@offprint/kernels'
import Papa from 'papaparse'
import yazl from 'yazl'
import type { MarksChange } from '../library/reading.ts'
import { citeFormats, exportFormats } from '../library/sources/exports.ts'
import type { Library, PaperRecord } from '../library/types.ts'
import type { Offprint } from '../offprint.ts'
import { readFlatBody } from './body.ts'
import { ownPath, wantsPage } from './browser.ts'
import { attachment } from './downloads.ts'
import { HttpError, seeOther, sendJson } from './problem.ts'

interface Call {
  request: IncomingMessage
  response: ServerResponse
  url: URL
  offprint: Offprint
}

const bodyLimit = 64 * 1024

/** `GET`: what the reader made of a paper. */
export function sendMarks({ response, offprint }: Call, key: string): void {
  sendJson(response, offprint.library.reading.marks(knownKey(offprint.library, key)))
}

/**
 * `POST` with any of `vote`, `read`, `hide` (1 or 0), `note`, `tags` (a list, or a text with commas), `addTo` and
 * `removeFrom` (names of lists): what is not named stays.
 */
export async function changeMarks({ request, response, offprint }: Call, name: string): Promise<void> {
  const fields = await readFlatBody(request, bodyLimit)
  const key = knownKey(offprint.library, name)
  const marks = offprint.library.reading.change(key, readChange(fields))
  if (!wantsPage(request)) return sendJson(response, marks)
  // Back to where the reader was: on a list, at this paper.
  const page = ownPath(text(fields.next) ?? null)
  seeOther(response, page.includes('#') ? page : `${page}#paper-${encodeURIComponent(key)}`)
}

export function sendReading({ response, offprint }: Call): void {
  const { reading } = offprint.library
  sendJson(response, {
    counts: reading.counts(),
    lists: reading.lists(),
    tags: reading.tags(),
    searches: reading.searches(),
    unfinished: reading.unfinished().map(({ paper, openedAt }) => ({ key: paper.key, title: paper.title, openedAt })),
  })
}

/** `POST` with `query` saves a search, with `drop` (its id) forgets it. */
export async function changeSearches({ request, response, offprint }: Call): Promise<void> {
  const { reading } = offprint.library
  const fields = await readFlatBody(request, bodyLimit)
  if (fields.drop !== undefined) reading.dropSearch(wholeNumber('drop', fields.drop))
  else reading.saveSearch(text(fields.query) ?? '')
  answer(request, response, fields, '/reading#searches', { searches: reading.searches() })
}

/** `POST` with `id` and `name` renames a list, with `drop` (its id) takes it away; its papers stay. */
export async function changeLists({ request, response, offprint }: Call): Promise<void> {
  const { reading } = offprint.library
  const fields = await readFlatBody(request, bodyLimit)
  if (fields.drop !== undefined) reading.dropList(wholeNumber('drop', fields.drop))
  else reading.renameList(wholeNumber('id', fields.id), text(fields.name) ?? '')
  answer(request, response, fields, '/reading#lists', { lists: reading.lists() })
}

/** `POST` with `name` makes a key for feed readers, with `drop` takes one back. */
export async function changeFeedKeys({ request, response, offprint }: Call): Promise<void> {
  const { reading } = offprint.library
  const fields = await readFlatBody(request, bodyLimit)
  if (fields.drop !== undefined) {
    reading.dropFeedKey(text(fields.drop) ?? '')
    return answer(request, response, fields, '/reading#feeds', { keys: reading.feedKeys() })
  }
  const key = reading.addFeedKey(text(fields.name) ?? '')
  answer(request, response, fields, `/reading?key=${key}#feeds`, { key, keys: reading.feedKeys() })
}

/** Of each table of the archive, also of an empty one. */
const archiveColumns = {
  votes: ['key', 'title', 'votedAt'],
  read: ['key', 'title', 'readAt'],
  hidden: ['key', 'title', 'hiddenAt'],
  notes: ['key', 'title', 'note'],
  tags: ['tag', 'key', 'title'],
  lists: ['list', 'key', 'title'],
  searches: ['query', 'createdAt'],
}

/** All that the reader made, in one archive: the papers (JSON lines and BibTeX), and a table each of votes, lists, notes… */
export function sendReadingArchive({ response, offprint }: Call): void {
  const { reading } = offprint.library
  const archive = new yazl.ZipFile()
  const papers: PaperRecord[] = []
  const tables: Record<keyof typeof archiveColumns, Record<string, string>[]> = {
    votes: [],
    read: [],
    hidden: [],
    notes: [],
    tags: [],
    lists: [],
    searches: [],
  }
  for (const { paper, marks, votedAt, readAt, hiddenAt } of reading.touched()) {
    papers.push(paper)
    const { key, title } = paper
    if (votedAt) tables.votes.push({ key, title, votedAt })
    if (readAt) tables.read.push({ key, title, readAt })
    if (hiddenAt) tables.hidden.push({ key, title, hiddenAt })
    if (marks.note) tables.notes.push({ key, title, note: marks.note })
    for (const tag of marks.tags) tables.tags.push({ tag, key, title })
    for (const list of marks.lists) tables.lists.push({ list, key, title })
  }
  tables.searches = reading.searches().map(({ query, createdAt }) => ({ query, createdAt }))
  const mtime = new Date()
  const add = (name: string, content: string) => archive.addBuffer(Buffer.from(content), name, { mtime })
  add('papers.jsonl', [...exportFormats.jsonl.write(papers)].join(''))
  add('papers.bib', [...exportFormats.bibtex.write(papers)].join(''))
  // Cells that a spreadsheet would take for formulas are quoted with an apostrophe.
  for (const [name, columns] of Object.entries(archiveColumns)) {
    const rows = tables[name as keyof typeof archiveColumns].map(row => columns.map(column => row[column]))
    add(`${name}.csv`, `${Papa.unparse([columns, ...rows], { escapeFormulae: true, newline: '\n' })}\n`)
  }
  response.writeHead(200, {
    'content-type': 'application/zip',
    'content-disposition': attachment(`reading-${mtime.toISOString().slice(0, 10)}.zip`),
    'cache-control': 'private, no-store',
  })
  archive.on('error', error => response.destroy(error as Error))
  archive.outputStream.pipe(response)
  archive.end()
}

/** The papers of a list, as reference managers take them. */
export function sendList({ response, offprint }: Call, name: string, ending: string): void {
  const known = offprint.library.reading.lists().find(list => list.name.toLowerCase() === name.toLowerCase())
  if (!known) throw new HttpError(404, `there is no list ${name.slice(0, 60)}`)
  const { type, write } = citeFormats[ending as keyof typeof citeFormats]
  response.writeHead(200, {
    'content-type': `${type}; charset=utf-8`,
    'content-disposition': attachment(`${known.name}.${ending}`),
  })
  for (const piece of write(offprint.library.listed(known.id))) response.write(piece)
  response.end()
}

function knownKey(library: Library, name: string): string {
  const paper = library.paper(name)
  if (!paper) throw new HttpError(404, `there is no paper ${name.slice(0, 100)}`)
  return 'redirect' in paper ? paper.redirect : paper.key
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  fields: Record<string, unknown>,
  page: string,
  json: unknown,
): void {
  if (wantsPage(request)) seeOther(response, fields.next === undefined ? page : ownPath(text(fields.next) ?? null))
  else sendJson(response, json)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function flag(field: string, value: unknown): boolean | undefined {
  if (value === undefined) return undefined
  if (value === true || value === 1 || value === '1' || value === 'true') return true
  if (value === false || value === 0 || value === '0' || value === 'false') return false
  throw new InputError(field, found(value), '1 or 0')
}

/** A text where the field is there; what else JSON may hold is refused, not left out. */
function textOf(field: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  throw new InputError(field, found(value), 'a text')
}

function tagsOf(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return textOf('tags', value)?.split(',')
  const strange = value.findIndex(tag => typeof tag !== 'string')
  if (strange >= 0) throw new InputError('tags', found(value[strange]), 'a list of texts')
  return value
}

function found(value: unknown): string {
  return `'${(typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).slice(0, 20).toWellFormed()}'`
}

function wholeNumber(field: string, value: unknown): number {
  if ((typeof value === 'string' || typeof value === 'number') && /^\d{1,15}$/.test(`${value}`)) return Number(value)
  throw new InputError(field, found(value), 'a number of those shown')
}

function readChange({ vote, read, hide, note, tags, addTo, removeFrom }: Record<string, unknown>): MarksChange {
  const given: MarksChange = {
    vote: flag('vote', vote),
    read: flag('read', read),
    hide: flag('hide', hide),
    note: textOf('note', note),
    tags: tagsOf(tags),
    // A form sends its empty fields as well.
    addTo: textOf('addTo', addTo)?.trim() ? textOf('addTo', addTo) : undefined,
    removeFrom: textOf('removeFrom', removeFrom),
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
