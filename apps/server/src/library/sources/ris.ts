/** Papers as RIS, the format that reference managers exchange; read and written. */
import { webAddress } from '../jsonl.ts'
import { type Chunks, decodeText, longestLine, splitLines } from '../lines.ts'
import { oneLine } from '../text.ts'
import type { Author } from '../types.ts'
import { isArxivCategory } from './arxiv-taxonomy.ts'
import {
  addressOf,
  type CitedPaper,
  dateOf,
  itemOf,
  joinIds,
  mentionedIds,
  paperRecord,
  readNote,
  refused,
  type SourceItem,
  statedIds,
} from './paper-record.ts'
import { joinName, partsOf, wholeAuthor } from './person-name.ts'

const tagLine = /^([A-Z][A-Z0-9]) {1,2}-(?: (.*)|)$/s

type Tags = Map<string, string[]>

/**
 * Reads the records between `TY` and `ER`. A record without its end is refused by the line that it starts in: half a record
 * is none. RIS is no TeX, so all text stays as it is.
 *
 * @param options.onInvalid called once where the text has bytes that are not UTF-8
 */
export async function* parseRis(
  chunks: Chunks,
  { onInvalid }: { onInvalid?(): void } = {},
): AsyncGenerator<SourceItem> {
  let tags: Tags | undefined
  let start = 0
  let length = 0
  /** Values of the tag that was read last: what follows without a tag belongs to the last of them. */
  let last: string[] | undefined
  let outside = false
  const begin = (line: number) => {
    tags = new Map()
    start = line
    length = 0
    last = undefined
    outside = false
  }
  for await (const lines of splitLines(decodeText(chunks, onInvalid))) {
    for (const { text, number, tooLong } of lines) {
      const [, written, value = ''] = tagLine.exec(text.replace(/^\ufeff/, '')) ?? []
      // Of one meaning, and in one order.
      const tag = written === 'A1' ? 'AU' : written
      if (tag === 'TY') {
        if (tags) yield refused(start, 'the record has no end (ER)')
        begin(number)
      } else if (!tags) {
        // One refusal for all that stands together outside of records.
        if ((tag || tooLong) && !outside) {
          yield refused(number, tooLong ? tooLongReason : `stands outside of a record: ${tag} before TY`)
          outside = true
        }
        continue
      }
      length += tooLong ? longestLine + 1 : text.length + 1
      if (length > longestLine) tags!.clear()
      if (tag === 'ER') {
        const read = tags!
        yield length > longestLine ? refused(start, tooLongReason) : itemOf(start, () => readTags(read))
        tags = undefined
      } else if (length > longestLine) {
        last = undefined
      } else if (tag) {
        last = tags!.get(tag) ?? []
        tags!.set(tag, last)
        last.push(value)
      } else if (last) {
        last[last.length - 1] += `\n${text}`
      }
    }
  }
  if (tags) yield refused(start, 'the record has no end (ER)')
}

const tooLongReason = `longer than ${longestLine / 1e6} MB: no paper`

/** @throws NoPaper */
function readTags(tags: Tags) {
  const all = (...names: string[]) => names.flatMap(name => tags.get(name) ?? []).filter(value => value.trim())
  const first = (...names: string[]) => all(...names)[0]
  const journal = first('JO', 'JF', 'T2', 'JA', 'J2', 'BT')
  const inArxiv = /^arxiv/i.test(journal?.trim() ?? '')
  const addresses = all('UR', 'L2', 'L1', 'LK').flatMap(value =>
    oneLine(value.slice(0, 2000)).split(/[ ;]+(?=https?:)/),
  )
  const note = readNote(first('N1'))
  const stated = statedIds({ doi: first('DO') })
  const ids = joinIds(stated, mentionedIds(...addresses, ...all('AN', 'M1', 'M3', 'IS', 'C1', 'ID'), note.id, journal))
  const record = paperRecord(
    {
      ...ids,
      title: first('TI', 'T1', 'CT'),
      abstract: first('AB', 'N2'),
      authors: all('AU').map(name => readAuthor(oneLine(name))),
      categories: all('KW').map(oneLine).filter(isArxivCategory),
      publishedAt: readDates(first('DA'), first('PY', 'Y1')),
      journalRef: inArxiv || !journal ? undefined : citation(oneLine(journal), first),
      comment: note.comment,
      sourceUrl: webAddress(addresses[0]),
    },
    'ris',
    text => text,
  )
  return { record }
}

/** `YYYY/MM/DD/other`, of which any part may be empty; the more exact of the two tags counts. */
function readDates(...texts: (string | undefined)[]): string | undefined {
  const dates = texts.map(text => {
    const [year, month, day] = (text ?? '').trim().split(/[/-]/)
    return dateOf(year, month, day)
  })
  return dates.reduce((best, date) => ((date?.length ?? 0) > (best?.length ?? 0) ? date : best))
}

function citation(journal: string, first: (name: string) => string | undefined): string {
  const [volume, number, from, to] = ['VL', 'IS', 'SP', 'EP'].map(name => oneLine(first(name) ?? ''))
  const place = volume + (number && `(${number})`)
  return [[journal, place].filter(Boolean).join(' '), [from, to].filter(Boolean).join('-')].filter(Boolean).join(', ')
}

/** The name of a person has a comma in it. */
function readAuthor(name: string): Author {
  return name.includes(',') ? { name: inReadingOrder(name) } : wholeAuthor(name)
}

/** `Family, Given, Suffix`. Without a given name, the comma is one of the name itself: `Made Things, , Inc.` */
function inReadingOrder(name: string): string {
  const [family, given = '', ...rest] = name.split(',')
  const suffix = rest.join(',')
  if (!given.trim() && suffix.trim()) return `${family},${suffix}`
  return joinName({ family: family.trim(), given: given.trim(), suffix: suffix.trim() })
}

/**
 * Writes a record for each paper, in the order given; what reads it as a whole is the text of all pieces.
 *
 * @example response.end([...writeRis(library.records())].join(''))
 */
export function* writeRis(papers: Iterable<CitedPaper>): Generator<string> {
  for (const paper of papers) {
    const { title, abstract, authors, categories, publishedAt, arxivId, doi, comment, journalRef } = paper
    const [year, month = '', day = ''] = publishedAt?.split('-') ?? []
    const lines: [tag: string, value: string | undefined][] = [
      ['TY', journalRef ? 'JOUR' : 'GEN'],
      ['TI', oneLine(title)],
      ...authors.map((author): [string, string] => ['AU', writtenName(author)]),
      ['PY', year],
      ['DA', publishedAt && `${year}/${month}/${day}/`],
      // What follows without a tag goes on; the space keeps a paragraph from looking like a tag.
      ['AB', abstract.split('\n\n').map(oneLine).join('\r\n\r\n ')],
      ['JO', journalRef && oneLine(journalRef)],
      ['N1', comment && oneLine(comment)],
      ...categories.map((name): [string, string] => ['KW', name]),
      ['AN', arxivId && `arXiv:${arxivId}`],
      ['DO', doi],
      ['UR', addressOf(paper)],
    ]
    const written = lines.flatMap(([tag, value]) => (value ? [`${tag}  - ${value}\r\n`] : []))
    yield `${written.join('')}ER  - \r\n\r\n`
  }
}

function writtenName(author: Author): string {
  const { name } = author
  const { given, family, suffix } = partsOf(author)
  if (given) return [family, given, suffix].filter(Boolean).join(', ')
  const comma = name.indexOf(',')
  return comma < 0 ? name : `${name.slice(0, comma)}, ,${name.slice(comma + 1)}`
}
