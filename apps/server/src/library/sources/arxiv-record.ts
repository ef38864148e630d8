/** One paper of arXiv from the fields that all of its formats share. */
import { parseArxivId } from '../identifiers.ts'
import { isDay } from '../listing.ts'
import { convertTex, oneLine } from '../text.ts'
import type { Author, ImportedRecord, ImportItem } from '../types.ts'
import { defined, itemOf, NoPaper, paperRecord, refused, statedIds } from './paper-record.ts'
import { longestRecord, type XmlElement } from './xml-records.ts'

/** The fields of a paper as they came: with TeX, line ends and spaces; empty where there is nothing. */
export interface ArxivFields {
  /** In any spelling that `parseArxivId` reads. */
  id: string
  /** Where the id does not say it. */
  version?: number
  title: string
  abstract: string
  authors: Author[]
  categories: string[]
  /** Default: the first of the categories. */
  primary?: string
  /** Day of the first version, `YYYY-MM-DD`. */
  publishedAt?: string
  /** Day of the latest version, `YYYY-MM-DD`. */
  updatedAt?: string
  comment?: string
  journalRef?: string
  /** Several are separated by white space. */
  doi?: string
  license?: string
  /** Where the format says it; a comment or an abstract may say it as well. */
  withdrawn?: boolean
}

/** An answer of arXiv that says what is wrong instead of what was asked for. The message has arXiv's words. */
export class ArxivError extends Error {
  override name = 'ArxivError'
}

/** The item of a record: what `read` makes of it, or why that is no paper. */
export function readItem(element: XmlElement, read: (element: XmlElement) => ImportedRecord): ImportItem {
  const { line, tooLong } = element
  if (tooLong) return refused(line, `longer than ${longestRecord / 1e6} MB: no paper`)
  return itemOf(line, () => ({ record: read(element) }))
}

/** @throws NoPaper */
export function arxivRecord({ id: given, version, doi, withdrawn, ...paper }: ArxivFields): ImportedRecord {
  const id = parseArxivId(given)
  if ('error' in id) throw new NoPaper(`"id" ${id.error}`)
  const ids = { ...statedIds({ arxiv: given, doi }), ...defined({ version }) }
  const sourceUrl = `https://arxiv.org/abs/${id.id}`
  try {
    return paperRecord({ ...paper, ...ids, withdrawn: withdrawn || undefined, sourceUrl }, 'arxiv', convertTex)
  } catch (error) {
    throw error instanceof NoPaper ? new NoPaper(`${id.id}: ${error.message}`) : error
  }
}

const longestDate = 60
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')
const internetDate = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:\.\d{1,9})?\s*([Zz]|[+-]\d\d:?\d\d)?)?$/
const mailDate =
  /^(?:[A-Za-z]{3},)?\s*(\d{1,2})\s+([A-Za-z]{3})[a-z]*\s+(\d{4})\s+(\d\d:\d\d(?::\d\d)?)\s*(GMT|UTC|UT|Z|[+-]\d{4}|E[SD]T)?$/
const easternTime: Record<string, string> = { EST: '-05:00', EDT: '-04:00' }

/**
 * The day in UTC of a date as Atom and OAI write it (`2016-05-26T17:59:46Z`, `2016-05-26`) or as mail and RSS do
 * (`Wed, 30 Mar 2016 19:29:44 GMT`). Empty text has none.
 *
 * @throws NoPaper where the text is no date; `name` says whose it is
 */
export function utcDay(text: string, name: string): string | undefined {
  const trimmed = oneLine(text)
  if (!trimmed) return undefined
  const day = trimmed.length <= longestDate ? readDay(trimmed) : undefined
  if (day) return day
  const found = trimmed.slice(0, longestDate).toWellFormed()
  throw new NoPaper(`"${name}" must be a date such as 2016-05-26T17:59:46Z, found '${found}'`)
}

function readDay(text: string): string | undefined {
  const mail = mailDate.exec(text)
  const [day, time = '00:00', zone = 'Z'] = mail
    ? [mailDay(mail), mail[4], mail[5]]
    : (internetDate.exec(text)?.slice(1) ?? [])
  if (!day || !isDay(day)) return undefined
  const offset = easternTime[zone] ?? (/^[+-]/.test(zone) ? zone.replace(/^(...)(\d\d)$/, '$1:$2') : 'Z')
  const moment = new Date(`${day}T${time}${offset}`)
  const utc = Number.isNaN(moment.getTime()) ? '' : moment.toISOString().slice(0, 10)
  // A zone may move a day out of the calendar.
  return isDay(utc) ? utc : undefined
}

function mailDay([, day, month, year]: RegExpExecArray): string {
  const number = months.findIndex(name => name.toLowerCase() === month.toLowerCase()) + 1
  return `${year}-${String(number).padStart(2, '0')}-${day.padStart(2, '0')}`
}
