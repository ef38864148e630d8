/** A paper as a search shows it: with marks where the words stand, and the piece of its text around the first ones. */
import type { Query, Term } from './query.ts'
import { asciiTokens, eachToken, isWordCode, joins, type Token } from './search-text.ts'
import type { Row } from './store.ts'
import type { FoundPaper, PaperRecord, SearchResult, TextPart } from './types.ts'

const snippetLength = 240
/** Marks are looked for this far into a text. */
const longestMarked = 20_000
const mostJoined = 4

/** What a search found, before the papers are read. */
export interface Found {
  query: Pick<Query, 'terms'>
  /** Positions of the papers of one page, in order. */
  papers: number[]
  /** Those of papers that are only close to what was searched for. */
  close?: number[]
  about: Omit<SearchResult, 'papers' | 'close'>
}

/** Reads the papers that a search found; those that went meanwhile are left out. */
export function showFound(
  { query, papers, close = [], about }: Found,
  byPosition: (position: number) => Row | undefined,
): SearchResult {
  const shown = (positions: number[]) =>
    positions.flatMap(position => {
      const row = byPosition(position)
      return row ? { ...row.record, ...partsOf(row.record, query) } : []
    })
  return { papers: shown(papers), ...about, ...(close.length ? { close: shown(close) } : {}) }
}

/**
 * The same as JSON, of which most is there already.
 *
 * @param recordAt JSON of the record at a position
 */
export function writeFound(
  { query, papers, close = [], about }: Found,
  recordAt: (position: number) => string | undefined,
): string {
  const written = (positions: number[]) => {
    const found = positions.flatMap(position => {
      const record = recordAt(position)
      if (record === undefined) return []
      return `${record.slice(0, -1)},${JSON.stringify(partsOf(JSON.parse(record), query)).slice(1)}`
    })
    return `[${found.join(',')}]`
  }
  const rest = JSON.stringify(about).slice(1, -1)
  return `{"papers":${written(papers)},${rest}${close.length ? `,"close":${written(close)}` : ''}}`
}

/** What a search shows of a paper beside its record. */
function partsOf(
  { title, abstract, summary = '' }: PaperRecord,
  query: Pick<Query, 'terms'>,
): Pick<FoundPaper, 'titleParts' | 'snippetParts'> {
  const own = markedRanges(abstract, query, snippetLength)
  const text =
    (abstract && own.length) || !summary
      ? abstract
      : markedRanges(summary, query, snippetLength).length || !abstract
        ? summary
        : abstract
  return {
    titleParts: cut(title, 0, title.length, markedRanges(title, query)),
    snippetParts: snippet(text, text === abstract ? own : markedRanges(text, query, snippetLength)),
  }
}

type Range = [start: number, end: number]

/** What is looked for, made once for a query. */
interface Looked {
  sequences: string[][]
  beginnings: string[]
  /** Of ASCII: 1 for letters and digits, 2 for those that any of these begins with. */
  kinds: Uint8Array
  /** Words that may have to be read ahead. */
  reach: number
}

const lookedFor = new WeakMap<readonly Term[], Looked>()

function lookFor(terms: readonly Term[]): Looked {
  const before = lookedFor.get(terms)
  if (before) return before
  const sequences = terms.flatMap(term => [
    ...term.sequences,
    ...[...term.withNeighbours, ...term.forms].map(word => [word]),
  ])
  const beginnings = terms.flatMap(term => (term.unfinished ? term.sequences.map(words => words.join('')) : []))
  const kinds = Uint8Array.from({ length: 128 }, (_, code) => (isWordCode(code) ? 1 : 0))
  for (const [word] of [...sequences, ...beginnings]) {
    const code = word.charCodeAt(0)
    if (code < 128) kinds[code] = kinds[word[0].toUpperCase().charCodeAt(0)] = 2
  }
  const reach = Math.max(mostJoined, ...sequences.map(words => words.length))
  const looked = { sequences, beginnings, kinds, reach }
  lookedFor.set(terms, looked)
  return looked
}

/**
 * Where the words of a query stand in a text, in order and without overlap.
 *
 * @param after those further behind the first one are not looked for; default: all are
 */
export function markedRanges(text: string, { terms }: Pick<Query, 'terms'>, after = Number.POSITIVE_INFINITY): Range[] {
  const looked = lookFor(terms)
  if (!looked.sequences.length) return []
  const source = text.slice(0, longestMarked)
  return inAscii(source, looked, after) ?? inAny(source, looked, after)
}

/** Every search marks some thirty abstracts: most words of them are passed by at their first letter. */
function inAscii(text: string, looked: Looked, after: number): Range[] | undefined {
  const { kinds, reach } = looked
  const ranges: Range[] = []
  let last = text.length
  let inWord = false
  for (let at = 0; at < last; at++) {
    const code = text.charCodeAt(at)
    if (code > 127) return undefined
    const kind = kinds[code]
    const begins = kind > 0 && !inWord
    inWord = kind > 0
    if (!begins || kind === 1) continue
    const first = asciiTokens(text, at, 1)
    if (!first) return undefined
    if (!mayBegin(first[0], looked)) continue
    const words = asciiTokens(text, at, reach)
    if (!words) return undefined
    const length = lengthAt(text, words, 0, looked)
    if (!length) continue
    const { end } = words[length - 1]
    ranges.push([at, end])
    if (ranges.length === 1) last = Math.min(last, at + after + 1)
    at = end - 1
  }
  return ranges
}

function inAny(text: string, looked: Looked, after: number): Range[] {
  const source = eachToken(text)[Symbol.iterator]()
  const words: Token[] = []
  let ended = false
  const read = (at: number) => {
    while (!ended && words.length < at + looked.reach) {
      const { done, value } = source.next()
      if (done) ended = true
      else words.push(value)
    }
    return words[at]
  }
  const ranges: Range[] = []
  for (let at = 0; read(at); at++) {
    if (ranges.length && words[at].start > ranges[0][0] + after) break
    const length = lengthAt(text, words, at, looked)
    if (!length) continue
    ranges.push([words[at].start, words[at + length - 1].end])
    at += length - 1
  }
  return ranges
}

/** Whether anything that is looked for can begin with this word: mostly not, and then no more words are read. */
function mayBegin({ folded, stem }: Token, { sequences, beginnings }: Looked): boolean {
  return (
    beginnings.some(beginning => folded.startsWith(beginning)) ||
    sequences.some(([word]) => word.startsWith(folded) || word === stem)
  )
}

/** How many words from `at` on are marked. */
function lengthAt(text: string, words: Token[], at: number, { sequences, beginnings }: Looked): number {
  let length = 0
  for (const beginning of beginnings) if (words[at].folded.startsWith(beginning)) length = 1
  for (const sequence of sequences) length = Math.max(length, matchLength(text, words, at, sequence))
  return length
}

/** How many words from `at` on are the sequence, one after the other or joined as one; 0 where they are not. */
function matchLength(text: string, words: Token[], at: number, sequence: string[]): number {
  const { folded, stem } = words[at]
  if (
    (folded === sequence[0] || stem === sequence[0]) &&
    sequence.every((word, index) => words[at + index]?.folded === word || words[at + index]?.stem === word)
  )
    return sequence.length
  if (sequence.length > 1 || !sequence[0].startsWith(folded)) return 0
  let whole = words[at].folded
  for (let next = at + 1; next < Math.min(words.length, at + mostJoined) && whole.length < sequence[0].length; next++) {
    if (!joins(text.slice(words[next - 1].end, words[next].start), words[next - 1].folded)) return 0
    if (whole + words[next].stem === sequence[0] || whole + words[next].folded === sequence[0]) return next - at + 1
    whole += words[next].folded
  }
  return 0
}

function cut(text: string, start: number, end: number, ranges: Range[]): TextPart[] {
  const parts: TextPart[] = []
  let at = start
  for (const [from, to] of ranges) {
    if (from < at || to > end) continue
    if (from > at) parts.push({ text: text.slice(at, from), match: false })
    parts.push({ text: text.slice(from, to), match: true })
    at = to
  }
  if (at < end) parts.push({ text: text.slice(at, end), match: false })
  return parts
}

/** The piece of a text around its first marks, cut between words. */
function snippet(text: string, ranges: Range[]): TextPart[] {
  const first = ranges.length ? ranges[0][0] : 0
  let start = Math.max(0, first - snippetLength / 4)
  if (start > 0) {
    const space = text.slice(start, first).search(/\s/)
    start = space < 0 ? first : start + space + 1
  }
  let end = Math.min(text.length, start + snippetLength)
  if (end < text.length) {
    const space = text.slice(start, end).search(/\s\S*$/)
    // A text without spaces is cut anywhere but within a character.
    if (space > 0) end = start + space
    else if (/[\ud800-\udbff]/.test(text[end - 1])) end--
  }
  const parts = cut(text, start, end, ranges)
  if (start > 0) parts.unshift({ text: '… ', match: false })
  if (end < text.length) parts.push({ text: ' …', match: false })
  return parts
}
