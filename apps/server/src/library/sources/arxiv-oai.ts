/** Answers of arXiv's OAI-PMH interface, `https://oaipmh.arxiv.org/oai`: records in one of three formats, or errors. */
import { parseArxivId } from '../identifiers.ts'
import type { Chunks } from '../lines.ts'
import { oneLine } from '../text.ts'
import type { Author, ImportedRecord, ImportItem } from '../types.ts'
import { ArxivError, arxivRecord, readItem, utcDay } from './arxiv-record.ts'
import { categoryOfLongName, categoryOfSet } from './arxiv-taxonomy.ts'
import { parseAuthorString } from './author-string.ts'
import { NoPaper } from './paper-record.ts'
import { childrenOf, childText, readXmlRecords, textOf, type XmlElement } from './xml-records.ts'

const oai = (name: string) => `{http://www.openarchives.org/OAI/2.0/}${name}`
const arxiv = (name: string) => `{http://arxiv.org/OAI/arXiv/}${name}`
const arxivRaw = (name: string) => `{http://arxiv.org/OAI/arXivRaw/}${name}`
const dc = (name: string) => `{http://purl.org/dc/elements/1.1/}${name}`

/** A paper, why there is none, or the id of one that arXiv no longer has. */
export type OaiItem = ImportItem | { deleted: string; line: number }

/** What an answer says about itself. */
export interface OaiPage {
  /** As it came: `2026-01-02T03:04:05Z`. The next harvest starts on its day. */
  responseDate?: string
  /** Ask for the next page with it; undefined where this was the last. */
  resumptionToken?: string
}

/** An error of the protocol. After `badResumptionToken` a harvest starts again from the last day that it has whole. */
export class OaiError extends ArxivError {
  override name = 'OaiError'
  /** `badResumptionToken`, `idDoesNotExist`, `badArgument`… */
  code: string

  constructor(code: string, words: string) {
    super(`arXiv: ${words || code}`)
    this.code = code
  }
}

/**
 * Reads the records of one answer to ListRecords or GetRecord, in whichever of the formats `arXiv`, `arXivRaw` and `oai_dc` each
 * is; what the answer says about itself comes at its end, as the generator's return value. That nothing matches is no error.
 *
 * @param options.onInvalid called once where the text has bytes that are not UTF-8, or characters that XML forbids
 * @throws OaiError where the answer is an error of the protocol
 * @throws XmlError where the text is no answer of OAI-PMH, or ends early
 */
export async function* parseArxivOai(
  chunks: Chunks,
  { onInvalid }: { onInvalid?(): void } = {},
): AsyncGenerator<OaiItem, OaiPage> {
  const page: OaiPage = {}
  let answered = false
  const batches = readXmlRecords(chunks, {
    roots: [oai('OAI-PMH')],
    expected: 'an answer of OAI-PMH',
    records: ['responseDate', 'record', 'resumptionToken', 'error'].map(oai),
    onInvalid,
  })
  for await (const elements of batches) {
    for (const element of elements) {
      if (element.name === oai('responseDate')) {
        page.responseDate = textOf(element).trim() || undefined
        continue
      }
      answered = true
      if (element.name === oai('record')) {
        yield readRecord(element)
      } else if (element.name === oai('resumptionToken')) {
        page.resumptionToken = textOf(element).trim() || undefined
      } else {
        const code = (element.attributes.get('code') ?? '').trim() || 'error'
        if (code !== 'noRecordsMatch') throw new OaiError(code, oneLine(textOf(element)).slice(0, 500))
      }
    }
  }
  // A harvest must not take this for its end.
  if (!answered) throw new ArxivError('arXiv: an answer with neither records nor an error')
  return page
}

function readRecord(element: XmlElement): OaiItem {
  const [header] = childrenOf(element, oai('header'))
  const identifier = header
    ? childText(header, oai('identifier'))
        .trim()
        .replace(/^oai:arXiv\.org:/i, '')
    : ''
  if (header?.attributes.get('status') === 'deleted') {
    if (!identifier) return { refused: { line: element.line, reason: 'a deleted record without "identifier"' } }
    const id = parseArxivId(identifier)
    // One that is no id names no paper of ours, but it was said.
    return { deleted: 'error' in id ? oneLine(identifier).slice(0, 100) : id.id, line: element.line }
  }
  const name = identifier || 'a record'
  return readItem(element, () => {
    const [metadata] = childrenOf(element, oai('metadata'))
    const formats = metadata?.content.filter(part => typeof part !== 'string') ?? []
    for (const format of formats) {
      if (format.name === arxiv('arXiv')) return readArxiv(format, identifier)
      if (format.name === arxivRaw('arXivRaw')) return readArxivRaw(format, identifier)
      if (format.name === '{http://www.openarchives.org/OAI/2.0/oai_dc/}dc') {
        const sets = childrenOf(header ?? element, oai('setSpec')).map(textOf)
        return readDublinCore(format, identifier, sets)
      }
    }
    throw new NoPaper(
      formats.length
        ? `${name}: no metadata as arXiv, arXivRaw or oai_dc, but as ${formats[0].name.slice(0, 100)}`
        : `${name}: no metadata`,
    )
  })
}

/** @throws NoPaper */
function readArxiv(format: XmlElement, identifier: string): ImportedRecord {
  const field = (name: string) => childText(format, arxiv(name))
  const authors = childrenOf(format, arxiv('authors')).flatMap(list => childrenOf(list, arxiv('author')))
  return arxivRecord({
    ...sharedFields(field, identifier),
    authors: authors.map(readAuthor),
    publishedAt: utcDay(field('created'), 'created'),
    updatedAt: utcDay(field('updated'), 'updated'),
  })
}

function readAuthor(author: XmlElement): Author {
  const name = ['forenames', 'keyname', 'suffix'].map(part => childText(author, arxiv(part))).join(' ')
  const affiliations = childrenOf(author, arxiv('affiliation')).map(textOf).map(oneLine).filter(Boolean)
  return { name, affiliation: affiliations.join('; ') }
}

/** @throws NoPaper */
function readArxivRaw(format: XmlElement, identifier: string): ImportedRecord {
  const field = (name: string) => childText(format, arxivRaw(name))
  // They come in the order of text: v1, v10, v2.
  const versions = childrenOf(format, arxivRaw('version'))
    .map(element => ({
      element,
      number: Number(/^v([1-9]\d{0,3})$/.exec(element.attributes.get('version') ?? '')?.[1]),
    }))
    .filter(({ number }) => number)
    .sort((a, b) => a.number - b.number)
  const day = (version: (typeof versions)[number] | undefined) =>
    version && utcDay(childText(version.element, arxivRaw('date')), 'date')
  const latest = versions.at(-1)
  const nothingLeft =
    latest !== undefined &&
    (childText(latest.element, arxivRaw('source_type')).includes('I') ||
      /^0\s*kb$/i.test(childText(latest.element, arxivRaw('size')).trim()))
  return arxivRecord({
    ...sharedFields(field, identifier),
    version: latest?.number,
    authors: parseAuthorString(field('authors')).map(name => ({ name })),
    publishedAt: day(versions.find(({ number }) => number === 1)),
    updatedAt: day(latest),
    withdrawn: nothingLeft,
  })
}

/** What `arXiv` and `arXivRaw` name alike. */
function sharedFields(field: (name: string) => string, identifier: string) {
  return {
    id: field('id').trim() || identifier,
    title: field('title'),
    abstract: field('abstract'),
    categories: field('categories').trim().split(/\s+/),
    comment: field('comments'),
    journalRef: field('journal-ref'),
    doi: field('doi'),
    license: field('license'),
  }
}

/** @throws NoPaper */
function readDublinCore(format: XmlElement, identifier: string, sets: string[]): ImportedRecord {
  const fields = (name: string) =>
    childrenOf(format, dc(name))
      .map(textOf)
      .map(text => text.trim())
      .filter(Boolean)
  const descriptions = fields('description')
  const isComment = (text: string) => /^Comments?: /i.test(text)
  // The abstract of a comment may start with this word as well.
  const abstract = descriptions.find(text => !isComment(text)) ?? descriptions[0] ?? ''
  const comments = descriptions.filter(text => text !== abstract && isComment(text))
  const identifiers = fields('identifier')
  const isDoi = (text: string) => /^(?:doi:|https?:\/\/(?:dx\.)?doi\.org\/)/i.test(text)
  const days = fields('date')
    .map(text => utcDay(text, 'date')!)
    .sort()
  const subjects = fields('subject').map(text => categoryOfLongName(oneLine(text)))
  return arxivRecord({
    id: identifiers.find(text => /\barxiv\.org\/abs\//i.test(text)) ?? identifier,
    title: fields('title')[0] ?? '',
    abstract,
    authors: fields('creator').map(text => ({ name: givenFirst(text) })),
    categories: [...subjects, ...sets.map(set => categoryOfSet(set.trim()))].filter(id => id !== undefined),
    publishedAt: days[0],
    updatedAt: days.length > 1 ? days.at(-1) : undefined,
    comment: comments.map(text => text.replace(/^Comments?: /i, '')).join(' '),
    journalRef: identifiers.find(text => !isDoi(text) && !/^https?:/i.test(text)),
    doi: identifiers.find(isDoi),
    license: fields('rights')[0],
  })
}

/** `King, Martin Luther, Jr.` as it is spoken. */
function givenFirst(name: string): string {
  const [family, ...rest] = name.split(',').map(part => part.trim())
  const suffix = rest.length > 1 ? rest.pop() : ''
  return `${rest.join(' ')} ${family} ${suffix}`
}
