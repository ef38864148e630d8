/** What any format says of a paper, made into a record in one way: ids, days, text and its raw form. */
import { parseArxivId, parseDoi } from '../identifiers.ts'
import { isDay } from '../listing.ts'
import { oneLine, paragraphs, saysWithdrawn, showable } from '../text.ts'
import type { ImportedRecord, ImportItem, PaperRecord } from '../types.ts'

/** Why something is no paper, in words for the person who imports it. */
export class NoPaper extends Error {}

/**
 * An item with what does not belong to the paper itself: another site's votes (never ours), and `extra`, the fields that we
 * don't read.
 */
export type SourceItem = ImportItem & { externalVotes?: number; extra?: Record<string, unknown> }

/** A paper as a format has it: text as it came, ids and days already read. */
export type PaperText = Partial<Omit<ImportedRecord, 'source' | 'raw' | 'key'>>

/** What an exporter needs to know of a paper. */
export type CitedPaper = Pick<PaperRecord, 'key' | 'title' | 'abstract' | 'authors' | 'categories'> &
  Partial<PaperRecord>

const longestTitle = 2000

/**
 * @param convert turns the format's spelling into text; what it changes is kept in `raw`
 * @throws NoPaper
 */
export function paperRecord(paper: PaperText, source: string, convert: (text: string) => string): ImportedRecord {
  const rawTitle = oneLine(paper.title ?? '')
  const title = oneLine(convert(rawTitle))
  if (!title) throw new NoPaper('the title is missing')
  if (rawTitle.length > longestTitle)
    throw new NoPaper(`a title of ${rawTitle.length} characters, at most ${longestTitle}`)
  const rawAbstract = paragraphs(paper.abstract ?? '')
  const abstract = convert(rawAbstract)
  const named = (paper.authors ?? [])
    .map(author => ({ ...author, name: oneLine(author.name) }))
    .filter(({ name }) => name)
  const authors = named.map(({ name, affiliation, whole }) => ({
    name: oneLine(convert(name)) || name,
    ...defined({ affiliation: affiliation && oneLine(convert(affiliation)), whole }),
  }))
  const comment = convert(oneLine(paper.comment ?? ''))
  const categories = [...new Set((paper.categories ?? []).map(oneLine).filter(Boolean))]
  const raw = defined({
    title: title === rawTitle ? undefined : rawTitle,
    abstract: abstract === rawAbstract ? undefined : rawAbstract,
    authors: authors.some(({ name }, index) => name !== named[index].name) ? named.map(({ name }) => name) : undefined,
  })
  return {
    title,
    abstract,
    authors,
    categories,
    withdrawn: paper.withdrawn ?? saysWithdrawn(comment, abstract),
    source,
    ...defined({
      ...paper,
      ...{ title, abstract, authors, categories, withdrawn: undefined },
      authorCount: 'authorCount' in paper ? paper.authorCount : authors.length || undefined,
      primary: oneLine(paper.primary ?? categories[0] ?? ''),
      organization: oneLine(paper.organization ?? ''),
      comment,
      journalRef: convert(oneLine(paper.journalRef ?? '')),
      license: oneLine(paper.license ?? ''),
      raw: Object.keys(raw).length ? raw : undefined,
    }),
  }
}

/** The item of a paper, or of the reason why there is none. What is no `NoPaper` is a fault of ours and is thrown on. */
export function itemOf(line: number, read: () => Omit<Extract<SourceItem, { record: unknown }>, 'line'>): SourceItem {
  try {
    return { ...read(), line }
  } catch (error) {
    if (!(error instanceof NoPaper)) throw error
    return refused(line, error.message)
  }
}

export function refused(line: number, reason: string): SourceItem {
  return { refused: { line, reason } }
}

/** Leaves out what is undefined or an empty text. */
export function defined<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== '')) as never
}

export type Ids = Pick<ImportedRecord, 'arxivId' | 'version' | 'doi'>

/** Ids of fields that say whose they are. A DOI of arXiv counts as an arXiv id. @throws NoPaper */
export function statedIds({ arxiv, doi }: { arxiv?: string; doi?: string }): Ids {
  // Some records name several, separated by spaces.
  const names = showable(doi ?? '')
    .slice(0, 2000)
    .split(/\s+/)
  const found = names.map(parseDoi).find(one => one && !one.startsWith('10.48550/arxiv.'))
  const given = arxiv?.trim() || names.find(name => /10\.48550\/arxiv\./i.test(name))
  if (!given) return defined({ doi: found })
  const id = parseArxivId(given)
  if ('error' in id) throw new NoPaper(id.error)
  return defined({ arxivId: id.id, version: id.version, doi: found })
}

/**
 * Ids that stand somewhere in addresses, notes and names of journals. A bare number such as `2008.05171` counts only where
 * its text speaks of arXiv.
 */
export function mentionedIds(...texts: (string | undefined)[]): Ids {
  const ids: Ids = {}
  for (const text of texts) {
    const start = showable(text ?? '').slice(0, 2000)
    const aboutArxiv = /arxiv|\babs\//i.test(start)
    for (const part of start.split(/[\s<>"]+/)) {
      const inner = /^[([{]/.test(part) ? part.replace(/^[([{]+|[)\]}.,;]+$/g, '') : part
      const word = inner.replace(/^abs\//i, '')
      const id = parseArxivId(word)
      if (!('error' in id)) {
        if (!ids.arxivId && (aboutArxiv || word.includes('/'))) {
          ids.arxivId = id.id
          if (id.version) ids.version = id.version
        }
        continue
      }
      const doi = parseDoi(word)
      if (doi && !doi.startsWith('10.48550/arxiv.')) ids.doi ??= doi
    }
  }
  return ids
}

/**
 * A note that is an id and nothing else (`arXiv:2008.05171 [cs]`) comes as an id, any other as a comment: ids within
 * sentences are often those of other papers.
 */
export function readNote(note: string | undefined): { id?: string; comment?: string } {
  const alone = /^\s*(?:arxiv|doi|https?)\s*:\s*\S{1,300}(?:\s*\[[^\]]{0,40}\])?\s*$/i.test(note ?? '')
  return alone && Object.keys(mentionedIds(note)).length ? { id: note } : { comment: note }
}

/** Stated ids first; what they leave open is taken from the mentioned ones. */
export function joinIds(stated: Ids, mentioned: Ids): Ids {
  return defined({
    arxivId: stated.arxivId ?? mentioned.arxivId,
    version: stated.arxivId ? stated.version : mentioned.version,
    doi: stated.doi ?? mentioned.doi,
  })
}

const monthNames = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ')

/** Number of a month given as number or English name, `01` to `12`; undefined where it is none. */
export function monthNumber(text: string): string | undefined {
  const bare = text.trim().toLowerCase()
  const number = /^\d{1,2}$/.test(bare)
    ? Number(bare)
    : /^[a-z]{3,9}\.?$/.test(bare)
      ? monthNames.indexOf(bare.slice(0, 3)) + 1
      : 0
  return number >= 1 && number <= 12 ? String(number).padStart(2, '0') : undefined
}

/** The day, else the month, else the year, of three parts. */
export function dateOf(year: string | undefined, month = '', day = ''): string | undefined {
  const years = /^\d{4}$/.exec((year ?? '').trim())?.[0]
  const months = monthNumber(month)
  if (!years || !months) return years
  const whole = `${years}-${months}-${day.trim().padStart(2, '0')}`
  return isDay(whole) ? whole : `${years}-${months}`
}

/**
 * A day, a month or a year: `2020-08-12`, `2020/08`, `2020`, `8/12/2020` (month first, as spreadsheets of the United States
 * have it), with or without a time.
 *
 * @throws NoPaper
 */
export function readDate(text: string): string | undefined {
  const bare = text.trim().slice(0, 100)
  if (!bare) return undefined
  const american = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?: .*)?$/.exec(bare)
  const [, year, month, day] = american
    ? [bare, american[3], american[1], american[2]]
    : (/^(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?(?:[T ].*)?$/.exec(bare) ?? [])
  const date = dateOf(year, month, day)
  const length = day !== undefined ? 10 : month !== undefined ? 7 : 4
  if (date?.length !== length)
    throw new NoPaper(`a date must be a day such as 2020-08-12 or 8/12/2020 (month first), found '${excerpt(bare)}'`)
  return date
}

export function excerpt(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60).toWellFormed()}…` : text
}

/** Address of a paper for people to read it at. */
export function addressOf({
  arxivId,
  sourceUrl,
  doi,
}: Pick<CitedPaper, 'arxivId' | 'sourceUrl' | 'doi'>): string | undefined {
  if (arxivId) return `https://arxiv.org/abs/${arxivId}`
  return sourceUrl ?? (doi && `https://doi.org/${encodeURI(doi).replace(/[?#]/g, encodeURIComponent)}`)
}
