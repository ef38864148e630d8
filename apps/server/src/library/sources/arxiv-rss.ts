/** What arXiv announces each day, `https://rss.arxiv.org/rss/cs.DC` or `/atom/cs.DC`. On weekends there is nothing in it. */
import type { Chunks } from '../lines.ts'
import { oneLine } from '../text.ts'
import type { ImportedRecord, ImportItem, Refusal } from '../types.ts'
import { ArxivError, arxivRecord, readItem, utcDay } from './arxiv-record.ts'
import { isArxivCategory } from './arxiv-taxonomy.ts'
import { parseAuthorString } from './author-string.ts'
import { NoPaper } from './paper-record.ts'
import { childrenOf, childText, readXmlRecords, textOf, type XmlElement } from './xml-records.ts'

const atom = (name: string) => `{http://www.w3.org/2005/Atom}${name}`
const arxiv = (name: string) => `{http://arxiv.org/schemas/atom}${name}`
const dc = (name: string) => `{http://purl.org/dc/elements/1.1/}${name}`

const announceTypes = ['new', 'cross', 'replace', 'replace-cross'] as const
/** A new paper, one that is also listed here from now on, or a new version of either. */
export type AnnounceType = (typeof announceTypes)[number]

/** A paper with what was said about its announcement, or why there is none. */
export type AnnouncedItem =
  | { record: ImportedRecord; line: number; announceType?: AnnounceType; announcedAt?: string }
  | { refused: Refusal }

/**
 * Reads a day's announcements in either flavour. A feed does not say when a paper was submitted, so `publishedAt` stays open;
 * `announcedAt` is the day of the announcement.
 *
 * @param options.onInvalid called once where the text has bytes that are not UTF-8, or characters that XML forbids
 * @throws ArxivError with arXiv's words where the feed is about an error, such as a category that does not exist
 * @throws XmlError where the text is no feed, or ends early
 */
export async function* parseArxivRss(
  chunks: Chunks,
  { onInvalid }: { onInvalid?(): void } = {},
): AsyncGenerator<AnnouncedItem> {
  let title = ''
  let description = ''
  const batches = readXmlRecords(chunks, {
    roots: ['rss', atom('feed')],
    expected: 'a feed of arXiv',
    records: ['item', atom('entry'), 'title', atom('title'), 'description', atom('subtitle')],
    onInvalid,
  })
  for await (const elements of batches) {
    for (const element of elements) {
      if (element.name === 'title' || element.name === atom('title')) title ||= oneLine(textOf(element))
      else if (element.name === 'item' || element.name === atom('entry')) yield readAnnouncement(element)
      else description ||= oneLine(textOf(element))
    }
  }
  if (/^Feed error\b/i.test(title)) throw new ArxivError(`arXiv: ${(description || title).slice(0, 500)}`)
}

function readAnnouncement(element: XmlElement): AnnouncedItem {
  const field = (...names: string[]) => names.map(name => childText(element, name).trim()).find(Boolean) ?? ''
  const text = plain(field('description', atom('summary')))
  const head = /^arXiv:(\S+)\s+Announce Type:\s*(\S+)\s*(?:Abstract:\s*|$)/i.exec(text)
  const item: ImportItem = readItem(element, () => {
    const id = head?.[1] ?? field('guid', atom('id')).replace(/^oai:arXiv\.org:/i, '')
    const link = field('link') || (childrenOf(element, atom('link'))[0]?.attributes.get('href') ?? '')
    if (!id && !link) throw new NoPaper('"id" is missing')
    const terms = [
      ...childrenOf(element, 'category').map(textOf),
      ...childrenOf(element, atom('category')).map(category => category.attributes.get('term') ?? ''),
    ]
    const creators = childrenOf(element, dc('creator')).map(textOf)
    const named = childrenOf(element, atom('author')).map(author => ({ name: plain(childText(author, atom('name'))) }))
    return arxivRecord({
      id: id || link,
      title: plain(field('title', atom('title'))),
      abstract: text.slice(head?.[0].length ?? 0),
      authors: creators.length
        ? creators.flatMap(line => parseAuthorString(plain(line))).map(name => ({ name }))
        : named,
      categories: terms.map(term => term.trim()).filter(isArxivCategory),
      comment: plain(field(arxiv('comment'))),
      journalRef: plain(field(arxiv('journal_reference'), arxiv('journal_ref'))),
      doi: field(arxiv('DOI'), arxiv('doi')),
      license: field(dc('rights'), atom('rights')),
    })
  })
  if ('refused' in item) return item
  const type = field(arxiv('announce_type')) || head?.[2]
  const announceType = announceTypes.find(name => name === type?.toLowerCase())
  const announcedAt = announcementDay(field('pubDate', atom('published'), atom('updated')))
  return { ...item, ...(announceType ? { announceType } : {}), ...(announcedAt ? { announcedAt } : {}) }
}

/** A date that cannot be read says nothing about the paper. */
function announcementDay(text: string): string | undefined {
  try {
    return utcDay(text, 'pubDate')
  } catch {
    return undefined
  }
}

const escapes: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", '#39': "'", '#x27': "'" }

/** Feeds are sometimes escaped twice: `&amp;amp;`. */
function plain(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|apos|#39|#x27);/g, (_, name: string) => escapes[name])
}
