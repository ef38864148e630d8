/** Papers as BibTeX, read and written. */
import { familyName } from '../fingerprint.ts'
import { webAddress } from '../jsonl.ts'
import { type Chunks, decodeText, splitLines } from '../lines.ts'
import { convertTex, oneLine, splitMath } from '../text.ts'
import type { Author } from '../types.ts'
import { type BibtexEntry, readEntries } from './bibtex-entries.ts'
import {
  addressOf,
  type CitedPaper,
  dateOf,
  excerpt,
  itemOf,
  joinIds,
  mentionedIds,
  NoPaper,
  paperRecord,
  readNote,
  refused,
  type SourceItem,
  statedIds,
} from './paper-record.ts'
import { joinName, partsOf, wholeAuthor } from './person-name.ts'

/**
 * Reads the entries that have a title. One that cannot be read is refused by the line that it starts in, and the rest is read.
 *
 * @param options.onInvalid called once where the text has bytes that are not UTF-8
 */
export async function* parseBibtex(
  chunks: Chunks,
  { onInvalid }: { onInvalid?(): void } = {},
): AsyncGenerator<SourceItem> {
  for await (const entry of readEntries(splitLines(decodeText(chunks, onInvalid)))) {
    yield 'problem' in entry ? refused(entry.line, entry.problem) : itemOf(entry.line, () => readEntry(entry))
  }
}

/** @throws NoPaper */
function readEntry({ key, fields }: BibtexEntry) {
  const named = key ? `'${excerpt(key)}': ` : ''
  const field = (...names: string[]) => names.map(name => withoutBraces(oneLine(fields.get(name) ?? ''))).find(Boolean)
  const address = verbatim(field('url') ?? field('howpublished'))
  const doi = verbatim(field('doi'))
  const eprint = verbatim(field('eprint', 'arxivid', 'arxiv'))
  const archive = field('archiveprefix', 'eprinttype')
  const journal = field('journal', 'journaltitle', 'booktitle')
  const note = readNote(verbatim(field('note')))
  const names = splitAuthors(oneLine(fields.get('author') ?? ''))
  try {
    const stated = statedIds({ arxiv: /^arxiv$/i.test(archive ?? '') ? eprint : undefined, doi })
    const mentioned = mentionedIds(
      archive === undefined ? `arXiv ${eprint ?? ''}` : undefined,
      address,
      ...[journal, field('volume'), note.id, field('howpublished'), field('number')].map(verbatim),
    )
    const inArxiv = /^(?:arxiv|corr\b)/i.test(journal ?? '')
    const record = paperRecord(
      {
        ...joinIds(stated, mentioned),
        title: [field('title'), field('subtitle')].filter(Boolean).join(': '),
        // Lines are indented as the entry is; only an empty one starts a paragraph.
        abstract: withoutBraces(fields.get('abstract') ?? '').replace(/\n[^\S\n]+(?=\S)/g, '\n'),
        authors: names.filter(name => !isOthers(name)).map(readAuthor),
        // How many the others are, nobody knows.
        ...(names.some(isOthers) ? { authorCount: undefined } : {}),
        categories: (field('primaryclass', 'eprintclass') ?? '').split(/[\s,;]+/),
        publishedAt: readDate(field),
        journalRef: inArxiv ? undefined : journal && citation(journal, field),
        comment: note.comment && field('note'),
        sourceUrl: webAddress(address),
      },
      'bibtex',
      readTex,
    )
    return { record }
  } catch (error) {
    throw error instanceof NoPaper ? new NoPaper(named + error.message) : error
  }
}

type Field = (...names: string[]) => string | undefined

/** `date` of biblatex (the first of two) or `year`, `month` and `day`; what is no date is left out, as BibTeX does. */
function readDate(field: Field): string | undefined {
  const [, year, month, day] = /^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?![\d])/.exec(field('date') ?? '') ?? []
  if (year) return dateOf(year, month, day)
  // `month = "12 " # jan` has the day with it.
  const written = (field('month') ?? '').slice(0, 40)
  const months = /^(?:(\d{1,2})[\s~.]+)?([A-Za-z]+)\.?(?:[\s~]+(\d{1,2}))?$/.exec(written)
  return dateOf(field('year'), months?.[2] ?? written, field('day') ?? months?.[1] ?? months?.[3])
}

function citation(journal: string, field: Field): string {
  const volume = field('volume')
  const number = field('number', 'issue')
  const place = [volume, number && `(${number})`].filter(Boolean).join('')
  return [[journal, place].filter(Boolean).join(' '), field('pages')].filter(Boolean).join(', ')
}

/** Names between `and`s outside of braces, each as it is written. */
function splitAuthors(text: string): string[] {
  const names = splitOutside(text, /\s+and\s+/iy).map(name => name.trim())
  return names.filter(Boolean)
}

function isOthers(name: string): boolean {
  return /^others$/i.test(name)
}

/** `Family, Given` and `Family, Jr, Given` as `Given Family Jr`; a name in braces is one of an organisation and stays. */
function readAuthor(name: string): Author {
  const bare = withoutBraces(name)
  return bare === name ? { name: inReadingOrder(name) } : wholeAuthor(bare)
}

function inReadingOrder(name: string): string {
  const parts = splitOutside(name, /,/y).map(part => part.trim())
  if (parts.length > 3) return name
  const [family, second, third] = parts
  return third === undefined ? joinName({ family, given: second }) : joinName({ family, suffix: second, given: third })
}

/** @param separator a sticky pattern */
function splitOutside(text: string, separator: RegExp): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  let at = 0
  while (at < text.length) {
    const character = text[at]
    if (depth === 0 && (character === ' ' || character === ',')) {
      separator.lastIndex = at
      const match = separator.exec(text)
      if (match) {
        parts.push(text.slice(start, at))
        at += match[0].length
        start = at
        continue
      }
    }
    if (character === '{') depth++
    else if (character === '}') depth--
    at++
  }
  return [...parts, text.slice(start)]
}

/** Without the braces around the whole: `{{Title}}` and `{Big Lab}`, but not `{A} and {B}`. */
function withoutBraces(text: string): string {
  let bare = text.trim()
  // More than a few pairs are no one's style, and looking through each takes its time.
  for (let pairs = 0; pairs < 5; pairs++) {
    if (!bare.startsWith('{') || !bare.endsWith('}')) return bare
    let depth = 0
    for (let at = 0; at < bare.length - 1; at++) {
      if (bare[at] === '{') depth++
      else if (bare[at] === '}') depth--
      if (depth === 0) return bare
    }
    // `{\'e}` is a letter.
    if (bare[1] === '\\' && /^\{\\[^A-Za-z]/.test(bare) && bare.length < 12) return bare
    bare = bare.slice(1, -1).trim()
  }
  return bare
}

/** Commands for characters that TeX reads otherwise, by name. */
const characters: Record<string, string> = {
  textbackslash: '\\',
  textasciitilde: '~',
  textasciicircum: '^',
  textbraceleft: '{',
  textbraceright: '}',
  textdollar: '$',
  textunderscore: '_',
  textendash: '–',
  textemdash: '—',
  textquoteright: '’',
  textquoteleft: '‘',
  textquotedblleft: '“',
  textquotedblright: '”',
  textless: '<',
  textgreater: '>',
  textbar: '|',
  ldots: '…',
  dots: '…',
  copyright: '©',
  textregistered: '®',
  texttrademark: '™',
}
const commands = new RegExp(
  String.raw`\\(${Object.keys(characters).join('|')})(?:\{\}|\s+|(?![A-Za-z]))|\\([{}])|\\([~^])\{\s*\}|\\(?:emph|text(?:bf|it|tt|sc|rm|sf|sl|up|md|normal)?|mbox|url|uppercase|lowercase|mkbibquote|enquote)(?=\s*\{)|\\(?:em|it|bf|tt|sc|rm|sf|sl)(?![A-Za-z])\s*|\\[-/,]|\\(?=\s)|[{}]`,
  'g',
)

/** TeX as text: accents, characters with names, and no braces; formulas stay as they are. */
function readTex(text: string): string {
  return splitMath(text)
    .map(part => (part.math ? part.text : readWords(part.text)))
    .join('')
}

function readWords(text: string): string {
  return convertTex(text).replace(commands, (_, name?: string, brace?: string, mark?: string) =>
    name ? characters[name] : (brace ?? mark ?? ''),
  )
}

/** A field that is no prose: an address, a DOI, an id. */
function verbatim(text: string | undefined): string | undefined {
  if (!text) return undefined
  const bare = text.replace(/^\\url\s*(?=\{)/, '')
  return withoutBraces(bare)
    .replace(/\\([%&_#$~])/g, '$1')
    .replace(commands, (_, name?: string, brace?: string, mark?: string) =>
      name ? characters[name] : (brace ?? mark ?? ''),
    )
    .trim()
}

/**
 * Writes an entry for each paper, in the order given. Keys are those that people make by hand, `kaplan2020scaling`; a second
 * paper of the same key gets an `a`, the next a `b`.
 *
 * @example response.end([...writeBibtex(library.records())].join(''))
 */
export function* writeBibtex(papers: Iterable<CitedPaper>): Generator<string> {
  const used = new Set<string>()
  const next = new Map<string, number>()
  for (const paper of papers) {
    const base = citationKey(paper)
    let key = base
    while (used.has(key)) {
      const count = next.get(base) ?? 0
      next.set(base, count + 1)
      key = base + letters(count)
    }
    used.add(key)
    const { title, authors, authorCount = 0, publishedAt, arxivId, doi, primary } = paper
    const names = authors.map(writtenName)
    if (names.length && authorCount > names.length) names.push('others')
    const fields = {
      title: `{${escapeTex(title)}}`,
      author: names.join(' and '),
      year: publishedAt?.slice(0, 4),
      eprint: arxivId,
      archivePrefix: arxivId && 'arXiv',
      primaryClass: arxivId && primary && escapeTex(primary),
      url: addressOf(paper)?.replace(/[{}\\\s]/g, encodeURIComponent),
      doi: doi && (/[{}\\]/.test(doi) ? escapeTex(doi) : doi),
    }
    const lines = Object.entries(fields).flatMap(([name, value]) => (value ? [`  ${name} = {${value}}`] : []))
    yield `@misc{${key},\n${lines.join(',\n')}\n}\n`
  }
}

/** 0 gives `a`, 25 `z`, 26 `aa`. */
function letters(count: number): string {
  const last = String.fromCharCode(97 + (count % 26))
  return count < 26 ? last : letters(Math.floor(count / 26) - 1) + last
}

const asciiLetters: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
}

function ascii(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[ßæœøłđðþı]/g, letter => asciiLetters[letter])
    .replace(/[^\x20-\x7e]/g, '')
}

function citationKey({ title, authors, publishedAt = '' }: CitedPaper): string {
  const family = ascii(authors.length ? (familyName(authors[0].name) ?? '') : '').replace(/[^a-z0-9]/g, '')
  const prose = splitMath(title).map(part => (part.math ? ' ' : part.text))
  const words = ascii(prose.join('')).match(/[a-z]+/g) ?? []
  return (family || 'anonymous') + publishedAt.slice(0, 4) + (words.find(word => word.length >= 4) ?? words[0] ?? '')
}

/** A name that BibTeX would take apart otherwise than people do stands in braces, or with its parts in BibTeX's order. */
function writtenName(author: Author): string {
  const { name } = author
  const { given, family, suffix } = partsOf(author)
  if (!given && (name.includes(' ') || /^others$/i.test(name))) return `{${escapeTex(name)}}`
  if (/(?:^|\s)and(?:\s|$)/i.test(name) || name.includes(',')) return `{${escapeTex(name)}}`
  return suffix ? [family, suffix, given].map(part => escapeTex(part!)).join(', ') : escapeTex(name)
}

const escapes: Record<string, string> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  // BibTeX counts `\{` as a brace, so that one alone would open an entry for good.
  '{': '\\textbraceleft{}',
  '}': '\\textbraceright{}',
}

/** Text for TeX; formulas stay as they are, unless their braces would break the entry. */
function escapeTex(text: string): string {
  return splitMath(text)
    .map(part => (part.math && isBalanced(part.text) ? part.text : escapeWords(part.text)))
    .join('')
}

function escapeWords(text: string): string {
  // Between two quotes or hyphens stand empty braces: else TeX makes a quotation mark or a dash of them.
  return text.replace(/[\\~^{}]|[&%$#_]|`(?=`)|'(?=')|-(?=-)/g, found =>
    /[&%$#_]/.test(found) ? `\\${found}` : (escapes[found] ?? `${found}{}`),
  )
}

function isBalanced(text: string): boolean {
  let depth = 0
  for (const character of text) {
    if (character === '{') depth++
    else if (character === '}' && --depth < 0) return false
  }
  return depth === 0
}
