/** Papers as CSL-JSON, the format of citation processors and Zotero; read and written. */
import { webAddress } from '../jsonl.ts'
import { type Chunks, decodeText } from '../lines.ts'
import { oneLine } from '../text.ts'
import type { Author } from '../types.ts'
import { elementProblem, jsonObject, splitElements } from './json-elements.ts'
import {
  addressOf,
  type CitedPaper,
  dateOf,
  defined,
  itemOf,
  joinIds,
  mentionedIds,
  NoPaper,
  paperRecord,
  readNote,
  type SourceItem,
  statedIds,
} from './paper-record.ts'
import { joinName, partsOf, wholeAuthor } from './person-name.ts'

type Fields = Record<string, unknown>

/**
 * Reads a list of items, or one. An item without a title is refused by its line. CSL-JSON is no TeX, so all text stays as it
 * is, also its `<i>`.
 *
 * @param options.onInvalid called once where the text has bytes that are not UTF-8
 * @throws Error where the text is longer than 32 MB
 */
export async function* parseCsl(
  chunks: Chunks,
  { onInvalid }: { onInvalid?(): void } = {},
): AsyncGenerator<SourceItem> {
  for await (const elements of splitElements(decodeText(chunks, onInvalid))) {
    for (const element of elements) {
      yield itemOf(element.line, () => {
        const problem = elementProblem(element)
        if (problem) throw new NoPaper(problem)
        return readItem(jsonObject(element.text))
      })
    }
  }
}

/** @throws NoPaper */
function readItem(fields: Fields) {
  const journal = text(fields, 'container-title')
  const inArxiv = /^arxiv/i.test(journal ?? '')
  const note = readNote(text(fields, 'note'))
  const stated = statedIds({ doi: text(fields, 'DOI') })
  const mentioned = mentionedIds(
    ...['number', 'URL', 'archive_location', 'archive', 'id'].map(name => text(fields, name)),
    note.id,
    journal,
  )
  const record = paperRecord(
    {
      ...joinIds(stated, mentioned),
      title: text(fields, 'title'),
      abstract: text(fields, 'abstract'),
      authors: readNames(fields.author),
      categories: Array.isArray(fields.categories) ? fields.categories.filter(name => typeof name === 'string') : [],
      publishedAt: readDate(fields.issued),
      journalRef: inArxiv ? undefined : journal && citation(journal, fields),
      comment: note.comment,
      sourceUrl: webAddress(fields.URL),
    },
    'csl',
    text => text,
  )
  return { record }
}

function citation(journal: string, fields: Fields): string {
  const [volume, issue, page] = ['volume', 'issue', 'page'].map(name => oneLine(text(fields, name) ?? ''))
  const place = volume + (issue && `(${issue})`)
  return [[oneLine(journal), place].filter(Boolean).join(' '), page].filter(Boolean).join(', ')
}

function readNames(value: unknown): Author[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((item: Fields | null) => {
    if (typeof item !== 'object' || item === null) return []
    const part = (name: string) => oneLine(text(item, name) ?? '')
    const family = [part('dropping-particle'), part('non-dropping-particle'), part('family')].filter(Boolean).join(' ')
    if (part('literal')) return [wholeAuthor(part('literal'))]
    const name = joinName({ given: part('given'), family, suffix: part('suffix') })
    return name ? [{ name }] : []
  })
}

/** `date-parts` with numbers or texts, else an ISO date in `raw` or `literal`; the first day of a range. */
function readDate(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const issued = value as Fields
  const parts = Array.isArray(issued['date-parts']) ? (issued['date-parts'] as unknown[])[0] : undefined
  if (Array.isArray(parts)) {
    const [year, month, day] = parts.map(String)
    return dateOf(year, month, day)
  }
  const written = String(issued.raw ?? issued.literal ?? '')
  const [, year, month, day] = /^\s*(\d{4})(?:-(\d\d?)(?:-(\d\d?))?)?(?!\d)/.exec(written) ?? []
  return dateOf(year, month, day)
}

/** Fields of text may be numbers: `"volume": 12`. */
function text(fields: Fields, name: string): string | undefined {
  const value = fields[name]
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number') return String(value)
  if (typeof value !== 'string') throw new NoPaper(`"${name}" must be text`)
  return value
}

/**
 * Writes a list with an item for each paper, in the order given; the JSON is the text of all pieces.
 *
 * @example response.end([...writeCsl(library.records())].join(''))
 */
export function* writeCsl(papers: Iterable<CitedPaper>): Generator<string> {
  let before = '[\n'
  for (const paper of papers) {
    yield before + JSON.stringify(itemFrom(paper))
    before = ',\n'
  }
  yield before === '[\n' ? '[]\n' : '\n]\n'
}

function itemFrom(paper: CitedPaper) {
  const { key, title, abstract, authors, categories, publishedAt, arxivId, doi, comment, journalRef } = paper
  return defined({
    id: key,
    type: journalRef ? 'article-journal' : 'article',
    title,
    author: authors.length ? authors.map(writtenName) : undefined,
    issued: publishedAt ? { 'date-parts': [publishedAt.split('-').map(Number)] } : undefined,
    abstract,
    categories: categories.length ? categories : undefined,
    'container-title': journalRef,
    publisher: arxivId ? 'arXiv' : undefined,
    number: arxivId && `arXiv:${arxivId}`,
    DOI: doi,
    URL: addressOf(paper),
    note: comment,
  })
}

function writtenName(author: Author) {
  const parts = partsOf(author)
  return parts.given ? parts : { literal: author.name }
}
