/** Answers of arXiv's query interface, `https://export.arxiv.org/api/query`: Atom with fields of arXiv's own. */
import type { Chunks } from '../lines.ts'
import { oneLine } from '../text.ts'
import type { Author, ImportedRecord, ImportItem } from '../types.ts'
import { ArxivError, arxivRecord, readItem, utcDay } from './arxiv-record.ts'
import { isArxivCategory } from './arxiv-taxonomy.ts'
import { NoPaper } from './paper-record.ts'
import { childrenOf, childText, readXmlRecords, textOf, type XmlElement } from './xml-records.ts'

const atom = (name: string) => `{http://www.w3.org/2005/Atom}${name}`
const arxiv = (name: string) => `{http://arxiv.org/schemas/atom}${name}`
const openSearch = (name: string) => `{http://a9.com/-/spec/opensearch/1.1/}${name}`

/** What an answer says about itself. */
export interface AtomPage {
  /** How many papers match in all. */
  totalResults?: number
  /** How many of them come before this page. */
  startIndex?: number
  /** How many were asked for. */
  itemsPerPage?: number
  /** How many entries came, refused ones too. Fewer than there should be are a fault of the server: ask again. */
  entries: number
}

/**
 * Reads the papers of one answer; what the answer says about itself comes at its end, as the generator's return value.
 *
 * @param options.onInvalid called once where the text has bytes that are not UTF-8, or characters that XML forbids
 * @throws ArxivError with arXiv's words where the answer is one of its errors, whatever its HTTP status was
 * @throws XmlError where the text is no Atom feed, or ends early
 * @example
 * async function* query(url: string): AsyncGenerator<ImportItem> {
 *   const page = yield* parseArxivAtom((await fetch(url)).body!)
 *   if (page.entries === 0 && page.totalResults) throw new Error('an empty page')
 * }
 */
export async function* parseArxivAtom(
  chunks: Chunks,
  { onInvalid }: { onInvalid?(): void } = {},
): AsyncGenerator<ImportItem, AtomPage> {
  const page: AtomPage = { entries: 0 }
  const numbers = ['totalResults', 'startIndex', 'itemsPerPage'] as const
  const batches = readXmlRecords(chunks, {
    roots: [atom('feed')],
    expected: 'an Atom feed',
    records: [atom('entry'), ...numbers.map(openSearch)],
    onInvalid,
  })
  for await (const elements of batches) {
    for (const element of elements) {
      const number = numbers.find(name => element.name === openSearch(name))
      if (number) {
        page[number] = wholeNumber(element)
        continue
      }
      if (/\/api\/errors\b/.test(childText(element, atom('id'))))
        throw new ArxivError(`arXiv: ${oneLine(childText(element, atom('summary'))).slice(0, 500) || 'an error'}`)
      page.entries++
      yield readItem(element, readEntry)
    }
  }
  return page
}

/** @throws NoPaper */
function readEntry(entry: XmlElement): ImportedRecord {
  const id = childText(entry, atom('id'))
  if (!id.trim()) throw new NoPaper('"id" is missing')
  const terms = childrenOf(entry, atom('category')).map(term).filter(isArxivCategory)
  const primary = childrenOf(entry, arxiv('primary_category')).map(term).find(isArxivCategory)
  return arxivRecord({
    id,
    title: childText(entry, atom('title')),
    abstract: childText(entry, atom('summary')),
    authors: childrenOf(entry, atom('author')).map(readAuthor),
    categories: primary === undefined || terms.includes(primary) ? terms : [primary, ...terms],
    primary,
    publishedAt: utcDay(childText(entry, atom('published')), 'published'),
    updatedAt: utcDay(childText(entry, atom('updated')), 'updated'),
    comment: childText(entry, arxiv('comment')),
    journalRef: childText(entry, arxiv('journal_ref')),
    doi: childText(entry, arxiv('doi')) || doiLink(entry),
  })
}

function readAuthor(author: XmlElement): Author {
  const affiliations = childrenOf(author, arxiv('affiliation')).map(textOf).map(oneLine).filter(Boolean)
  return { name: childText(author, atom('name')), affiliation: affiliations.join('; ') }
}

function term(category: XmlElement): string {
  return (category.attributes.get('term') ?? '').trim()
}

function doiLink(entry: XmlElement): string {
  const links = childrenOf(entry, atom('link')).filter(link => link.attributes.get('title') === 'doi')
  return links[0]?.attributes.get('href') ?? ''
}

function wholeNumber(element: XmlElement): number | undefined {
  const text = textOf(element).trim()
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
