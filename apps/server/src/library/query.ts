/**
 * The search language: words, `"a phrase"`, `-without`, `OR` between two of them, parentheses, and filters such as
 * `author:"Erich Schubert"`, `cat:cs.LG`, `date:2024-03..2024-06`, `has:code`, `is:unread`, `sort:new`. Every string means
 * something: what cannot be read as it is written is searched as plain words, and a note says so.
 */
import { nameInAddress } from './facets.ts'
import { findIdentifier } from './identifiers.ts'
import { tokens } from './search-text.ts'
import { arxivCategoryAsWritten } from './sources/arxiv-taxonomy.ts'

/** Longest query in characters, and most words, phrases and filters of it, that are looked at. */
const longestQuery = 250
const mostTerms = 32
/** What is looked at of a query that somebody pasted a book into. */
const longestPaste = 4000
const longestJoined = 40

/** Fields whose words are looked for, with the columns of the index that hold them. */
const columns = {
  title: '{title titleJoined}',
  abstract: '{text textJoined}',
  author: '{authors}',
  org: '{organization}',
  tag: '{topics}',
}

/** One word or phrase: it is found where one of the sequences of words stands. */
export interface Term {
  sequences: string[][]
  /** What it makes when it is joined with the word beside it: found only where it is written so. */
  withNeighbours: string[]
  /** Of a single word that is not in quotation marks its plural or singular, which counts as the same. */
  forms: string[]
  /** Where alone it is looked for. */
  field?: keyof typeof columns
  /** Its last word is still being typed: words that begin so count, too. */
  unfinished?: boolean
}

/** What is exact and is no word of a text. */
export type Filter =
  | { filter: 'category' | 'author' | 'organization' | 'has' | 'mark' | 'tag' | 'list' | 'key'; value: string }
  /** It came in later than this moment (ISO 8601). */
  | { filter: 'since'; value: string }
  /** A range of `publishedAt`, as text: from `from`, up to but without `to`. */
  | { filter: 'date'; from?: string; to?: string }

export type Node = { term: Term } | { not: Node } | { all: Node[] } | { any: Node[] } | Filter

export const sortings = ['relevance', 'new', 'top', 'trending'] as const
export type Sorting = (typeof sortings)[number]

export interface Query {
  /** All of these. */
  nodes: Node[]
  /** Words and phrases that may stand in what is found. */
  terms: Term[]
  /** Its words are nothing but words, all wanted: none is a phrase, one of several, of a field, or unwanted. Filters may stand beside them. */
  plain: boolean
  /** Its plain words as they are written. */
  written: string
  /** Filters by what the reader did: what is found is nobody else's business. */
  personal: boolean
  /** The query as it was looked at. */
  text: string
  sort?: Sorting
  /** How it was understood, where that is not as it was written. */
  note?: string
}

interface Word {
  text: string
  phrase: boolean
  negative: boolean
  field?: string
}

/** What opens a group may have a field for all of its words that have none of their own. */
type Piece = Word | { mark: '(' | ')'; negative: boolean; field?: string }

/**
 * @param typing the last word may be unfinished
 */
export function parseQuery(query: string, { typing = false }: { typing?: boolean } = {}): Query {
  const notes: string[] = []
  const text = shortened(query, notes)
  const cut = cutPieces(text)
  if (typeof cut !== 'string') return readPieces(cut, text, notes, typing && !/\s$/.test(query))
  notes.push(`${cut} is not closed: searched as plain words.`)
  const words = text
    .replace(/["()]/g, ' ')
    .split(' ')
    .filter(Boolean)
    .map(word => ({ text: word, phrase: false, negative: false }))
  return readPieces(words, text, notes, false)
}

function readPieces(pieces: Piece[], text: string, notes: string[], typing: boolean): Query {
  const terms: Term[] = []
  const written: string[] = []
  let plain = true
  let personal = false
  let sort: Sorting | undefined
  // A word may become several, so this counts what is searched, not what was typed.
  let spare = mostTerms
  let at = 0

  /** What stands up to the end or the closing parenthesis. */
  function readGroup(inside: boolean, negated: boolean, field?: string): Node[] {
    const nodes: Node[] = []
    let neighbour: { term: Term; word: string } | undefined
    let alternative = false
    const put = (node: Node) => {
      const before = nodes.at(-1)
      if (!alternative || !before) nodes.push(node)
      else
        nodes[nodes.length - 1] = {
          any: 'any' in before && !isGroup.has(before) ? [...before.any, node] : [before, node],
        }
      alternative = false
    }
    while (at < pieces.length) {
      const piece = pieces[at++]
      const before = pieces[at - 2]
      const next = pieces[at]
      const isOpen = nodes.length > 0 && next !== undefined && !isMark(next, ')')
      if (isMark(piece, ')')) {
        if (inside) return nodes
        continue
      }
      if (isOperator(piece, 'AND') && isOpen) continue
      if (isOperator(piece, 'OR') && isOpen && !next.negative && !before?.negative) {
        alternative = true
        plain = false
        neighbour = undefined
        continue
      }
      if (pieces.length > 1 && (isOperator(piece, 'AND') || isOperator(piece, 'OR'))) {
        const note = strayOperator[piece.text]
        if (!notes.includes(note)) notes.push(note)
        continue
      }
      if ('mark' in piece) {
        neighbour = undefined
        const inner = readGroup(true, negated !== piece.negative, piece.field ?? field)
        if (piece.negative) plain = false
        if (!inner.length) continue
        const group: Node = inner.length === 1 ? inner[0] : { all: inner }
        isGroup.add(group)
        put(piece.negative ? { not: group } : group)
        continue
      }
      const asked = { ...piece, field: piece.field ?? field }
      const read = readPiece(asked, notes)
      if (!read) continue
      if ('sort' in read) {
        sort = read.sort
        continue
      }
      if (spare-- === 0) {
        notes.push(`Only the first ${mostTerms} words were searched.`)
        at = pieces.length
        break
      }
      if (!('term' in read)) {
        neighbour = undefined
        if ('filter' in read && ['mark', 'tag', 'list'].includes(read.filter)) personal = true
        // Papers without a mark are in no table.
        const isUnread = 'filter' in read && read.filter === 'mark' && read.value === 'unread'
        const filter: Node = isUnread ? { not: { filter: 'mark', value: 'read' } } : read
        put(piece.negative ? { not: filter } : filter)
        continue
      }
      const { term } = read
      if (typing && at === pieces.length && !piece.phrase) term.unfinished = true
      const isPlain = !piece.phrase && !piece.negative && !term.field
      if (isPlain) written.push(asked.field ? `${asked.field} ${asked.text}`.trim() : asked.text)
      else plain = false
      if (piece.negative === negated) terms.push(term)
      // Neighbours of a single word may be its other half; but not across a phrase or an operator.
      const word = isPlain && term.sequences[0].length === 1 && !alternative ? term.sequences[0][0] : undefined
      if (neighbour && word) joinNeighbours(neighbour, { term, word })
      neighbour = word ? { term, word } : undefined
      put(piece.negative ? { not: { term } } : { term })
    }
    return nodes
  }

  // `a OR (b OR c)` and `(a OR b) OR c` are the same, but a group's own list is not added to.
  const isGroup = new Set<Node>()
  const nodes = readGroup(false, false)
  return {
    nodes,
    terms,
    plain,
    written: written.join(' '),
    personal,
    text,
    ...(sort ? { sort } : {}),
    ...(notes.length ? { note: notes.join(' ') } : {}),
  }
}

function shortened(query: string, notes: string[]): string {
  const whole = query
    .slice(0, longestPaste)
    .toWellFormed()
    .replace(/[\u0000-\u001f\u007f]/g, ' ')
    .replace(/[“”„«»]/g, '"')
    .replace(/\s+/g, ' ')
    .trim()
  const characters = [...whole]
  if (characters.length <= longestQuery && query.length <= longestPaste) return whole
  notes.push(`Only the first ${longestQuery} characters were searched.`)
  return characters.slice(0, longestQuery).join('').trim()
}

const fieldNames = ['title', 'abstract', 'author', 'cat', 'org', 'tag', 'id', 'list', 'date', 'has', 'is', 'sort']
const fieldAhead = new RegExp(`^(${fieldNames.join('|')}):`, 'i')

/** What is not closed, where something is not. */
function cutPieces(text: string): Piece[] | 'A quotation mark' | 'A parenthesis' {
  const pieces: Piece[] = []
  let depth = 0
  let at = 0
  while (at < text.length) {
    if (text[at] === ' ') {
      at++
      continue
    }
    const negative = /^-(?:["(]|[^\s"-])/.test(text.slice(at, at + 3))
    if (negative) at++
    const field = fieldAhead.exec(text.slice(at, at + 12))?.[1].toLowerCase()
    if (field) at += field.length + 1
    // `(+)-thalassemia` is a word.
    if ((field ? /^\( ?[\p{L}\p{N}"(-]/u : /^\([\p{L}\p{N}"(-]/u).test(text.slice(at, at + 4))) {
      pieces.push({ mark: '(', negative, field })
      depth++
      at++
      continue
    }
    if (text[at] === '"') {
      const end = text.indexOf('"', at + 1)
      if (end < 0) return 'A quotation mark'
      pieces.push({ text: text.slice(at + 1, end), phrase: true, negative, field })
      at = end + 1
      while (depth && text[at] === ')') {
        pieces.push({ mark: ')', negative: false })
        depth--
        at++
      }
    } else {
      const end = text.slice(at).search(/[ "]/)
      const stop = end < 0 ? text.length : at + end
      let word = text.slice(at, stop)
      // The end of a sentence is not part of it.
      if (depth) word = word.replace(/(?<=\))[.,;:!?]+$/, '')
      // `f(x)` has its own; what is left over closes a group.
      let closing = 0
      const spareMarks = () => (word.match(/\)/g)?.length ?? 0) - (word.match(/\(/g)?.length ?? 0)
      while (closing < depth && word.endsWith(')') && spareMarks() > 0) {
        word = word.slice(0, -1)
        closing++
      }
      if (word || field) pieces.push({ text: word, phrase: false, negative, field })
      for (; closing; closing--, depth--) pieces.push({ mark: ')', negative: false })
      at = stop
    }
  }
  return depth ? 'A parenthesis' : pieces
}

function isMark(piece: Piece, mark: '(' | ')'): boolean {
  return 'mark' in piece && piece.mark === mark
}

function isOperator(piece: Piece, name: 'AND' | 'OR'): piece is Word {
  return !('mark' in piece) && !piece.phrase && !piece.negative && !piece.field && piece.text === name
}

/** What is said of an operator that has nothing to join. */
const strayOperator: Record<string, string> = {
  AND: 'AND was left out: it goes between two words.',
  OR: 'OR was left out: it goes between two words, none of them with a minus.',
}

/** A word, a phrase or a filter; a filter that cannot be read is words. */
function readPiece({ text, phrase, field }: Word, notes: string[]): Read | undefined {
  if (!field) return termOf(text, phrase)
  const read = readField(field, text, phrase)
  if (typeof read !== 'string') return read
  notes.push(`${field}:${text} is searched as plain words: ${read}.`)
  return termOf(`${field} ${text}`, phrase)
}

const marks: Record<string, string> = {
  read: 'read',
  unread: 'unread',
  hidden: 'hidden',
  voted: 'voted',
  opened: 'opened',
}

/** What a word or a filter means: of a name in quotation marks one of two. */
type Read = { term: Term } | Filter | { any: Filter[] } | { sort: Sorting }

/** What a filter means, or what was expected. */
function readField(field: string, text: string, phrase: boolean): Read | string {
  const value = text.toLowerCase()
  switch (field) {
    case 'cat': {
      const category = arxivCategoryAsWritten(text.replace(/\.\*$/, ''))
      return category
        ? { filter: 'category', value: category }
        : 'cat: takes a category such as cs.LG or an archive such as cs'
    }
    case 'id': {
      const identifier = findIdentifier(text)
      if (!identifier) return 'id: takes an arXiv id or a DOI'
      return { filter: 'key', value: identifier.kind === 'arxiv' ? identifier.id : `doi:${identifier.doi}` }
    }
    case 'list':
      return text.trim() ? { filter: 'list', value: text.trim() } : 'list: takes the name of a list'
    case 'tag':
      return text.trim() ? { filter: 'tag', value: text.trim() } : 'tag: takes a tag'
    case 'date':
      return (
        readDates(value) ??
        'date: takes 2024, 2024-03, 2024-03-01, with >=, >, <=, < before it or .. between two, the earlier first'
      )
    case 'has':
      if (value === 'notes' || value === 'note') return { filter: 'mark', value: 'note' }
      return ['code', 'runs', 'comments'].includes(value)
        ? { filter: 'has', value }
        : 'has: takes code, runs, comments or notes'
    case 'is':
      if (value === 'withdrawn') return { filter: 'has', value }
      return Object.hasOwn(marks, value)
        ? { filter: 'mark', value: marks[value] }
        : 'is: takes read, unread, opened, voted, hidden or withdrawn'
    case 'sort':
      return sortings.includes(value as Sorting)
        ? { sort: value as Sorting }
        : `sort: takes ${sortings.slice(0, -1).join(', ')} or ${sortings.at(-1)}`
    default: {
      // A whole name in quotation marks is that person or place; one of their words is a word, whatever marks it has.
      if (phrase && (field === 'author' || field === 'org') && /\S\s+\S/.test(text)) {
        const names = (field === 'author' ? [text, givenNameFirst(text)] : [text]).map(nameInAddress)
        const filter = field === 'author' ? ('author' as const) : ('organization' as const)
        const filters = [...new Set(names)].map(value => ({ filter, value }))
        if (names[0].includes('-')) return filters.length > 1 ? { any: filters } : filters[0]
      }
      const read = termOf(text, phrase)
      if (!read) return `${field}: takes words`
      read.term.field = field as keyof typeof columns
      return read
    }
  }
}

/** `Serre, Jean-Pierre` is `Jean-Pierre Serre`. */
function givenNameFirst(name: string): string {
  return name.replace(/^\s*([^,]*[^,\s])\s*,\s*([^,]*[^,\s])\s*$/, '$2 $1')
}

/** `2024`, `2024-03`, `2024-03-01`; undefined where there is no such day. */
function dateSpan(text: string): { from: string; to: string } | undefined {
  const match = /^(\d{4})(?:-(\d\d))?(?:-(\d\d))?$/.exec(text)
  if (!match) return undefined
  const [year, month = 1, day = 1] = match.slice(1).map(part => (part === undefined ? undefined : Number(part)))
  const start = new Date(Date.UTC(year!, month - 1, day))
  start.setUTCFullYear(year!)
  const iso = (date: Date) => date.toISOString().slice(0, text.length)
  if (iso(start) !== text) return undefined
  const end = new Date(start)
  if (match[3]) end.setUTCDate(end.getUTCDate() + 1)
  else if (match[2]) end.setUTCMonth(end.getUTCMonth() + 1)
  else end.setUTCFullYear(end.getUTCFullYear() + 1)
  return { from: text, to: end.getUTCFullYear() > 9999 ? '9999~' : iso(end) }
}

/** The first day of a year or a month. */
function dayOf(date: string): string {
  return `${date}-01-01`.slice(0, 10)
}

function readDates(text: string): Filter | undefined {
  const range = /^([\d-]*)\.\.([\d-]*)$/.exec(text)
  if (range) {
    const [from, to] = range.slice(1).map(part => (part ? dateSpan(part) : undefined))
    if ((range[1] && !from) || (range[2] && !to) || (!from && !to)) return undefined
    if (from && to && dayOf(from.from) >= dayOf(to.to)) return undefined
    return { filter: 'date', ...(from ? { from: from.from } : {}), ...(to ? { to: to.to } : {}) }
  }
  const [, sign = '', day] = /^(>=|<=|>|<)?([\d-]+)$/.exec(text) ?? []
  const span = day && dateSpan(day)
  if (!span) return undefined
  switch (sign) {
    case '>=':
      return { filter: 'date', from: span.from }
    case '>':
      return { filter: 'date', from: span.to }
    case '<':
      return { filter: 'date', to: span.from }
    case '<=':
      return { filter: 'date', to: span.to }
    default:
      return { filter: 'date', ...span }
  }
}

function termOf(text: string, phrase: boolean): { term: Term } | undefined {
  const words = tokens(text.normalize('NFKC')).map(token => token.folded)
  if (!words.length) return undefined
  const forms = !phrase && words.length === 1 ? otherForms(words[0]) : []
  return { term: { sequences: sequencesOf(words, phrase), withNeighbours: [], forms } }
}

/** What may be the plural or the singular of an English word. */
export function otherForms(word: string): string[] {
  if (!/^[a-z]{4,30}$/.test(word)) return []
  if (/[^aeiou]ies$/.test(word)) return [`${word.slice(0, -3)}y`]
  if (/(?:ch|sh|ss|x|z)es$/.test(word)) return [word.slice(0, -2), word.slice(0, -1)]
  if (word.endsWith('ss')) return [`${word}es`]
  if (word.endsWith('s')) return /(?:us|is)$/.test(word) ? [] : [word.slice(0, -1)]
  if (/[^aeiou]y$/.test(word)) return [`${word.slice(0, -1)}ies`]
  return [/(?:ch|sh|x|z)$/.test(word) ? `${word}es` : `${word}s`]
}

/** `k-medoids` stands apart as two words or joined as one. */
function sequencesOf(words: string[], phrase: boolean): string[][] {
  const whole = words.join('')
  const joinable = words.length > 1 && words.length <= (phrase ? 3 : 4) && whole.length <= longestJoined
  return joinable ? [words, [whole]] : [words]
}

function joinNeighbours(left: { term: Term; word: string }, right: { term: Term; word: string }): void {
  const whole = left.word + right.word
  if (whole.length > longestJoined) return
  left.term.withNeighbours.push(whole)
  right.term.withNeighbours.push(whole)
}

/**
 * What of a query the index of words can answer by itself, every word of it quoted.
 *
 * @returns undefined where no word must be there; `rest`: what it cannot answer
 */
export function matchExpression(nodes: Node[]): { match?: string; rest: Node[] } {
  const positive: string[] = []
  const negative: string[] = []
  const rest: Node[] = []
  for (const node of nodes) {
    const own = expressionOf(node)
    if (own !== undefined) positive.push(own)
    else {
      const without = 'not' in node ? expressionOf(node.not) : undefined
      if (without === undefined) rest.push(node)
      else negative.push(without)
    }
  }
  if (positive.length)
    return {
      match: `${positive.length > 1 || negative.length ? `(${positive.join(' AND ')})` : positive[0]}${negative.length ? ` NOT (${negative.join(' OR ')})` : ''}`,
      rest,
    }
  // The index cannot say which papers lack a word.
  return { rest: nodes }
}

/** For FTS5; undefined where it cannot answer. */
export function expressionOf(node: Node): string | undefined {
  if ('term' in node) return `(${termExpression(node.term)})`
  if ('all' in node) {
    const { match, rest } = matchExpression(node.all)
    return rest.length || match === undefined ? undefined : `(${match})`
  }
  if (!('any' in node)) return undefined
  const parts = node.any.map(expressionOf)
  return parts.includes(undefined) ? undefined : `(${parts.join(' OR ')})`
}

/**
 * What of a query the index of words in memory can look for: of each group one word or phrase, wherever it stands. What else
 * a paper must fulfil comes beside it, also that a word stands in its field.
 *
 * @returns undefined where that index cannot say what the query asks of its words
 */
export function splitWords(nodes: Node[]): { groups: Term[][]; conditions: Node[] } | undefined {
  const groups: Term[][] = []
  const conditions: Node[] = []
  for (const node of nodes) {
    const terms = eitherOf(node)
    if (terms?.some(({ unfinished }) => unfinished)) return undefined
    if (terms) {
      groups.push(terms)
      if (terms.some(({ field }) => field)) conditions.push(node)
    } else if ('all' in node) {
      const inner = splitWords(node.all)
      if (!inner) return undefined
      groups.push(...inner.groups)
      conditions.push(...inner.conditions)
    } else if (expressionOf(node) !== undefined) return undefined
    else conditions.push(node)
  }
  return { groups, conditions }
}

/** Terms of which one must be there, where that is all that is asked. */
function eitherOf(node: Node): Term[] | undefined {
  if ('term' in node) return [node.term]
  if (!('any' in node)) return undefined
  const parts = node.any.map(eitherOf)
  return parts.includes(undefined) ? undefined : parts.flatMap(part => part!)
}

/** Papers with any of some words. */
export function anyExpression(terms: Term[]): string {
  return terms.map(term => `(${termExpression(term)})`).join(' OR ')
}

/** Words that count as others of the same query. */
export function withForms(query: Query, formsOf: (word: string) => string[]): Query {
  const terms = query.terms.map(term => {
    const [words] = term.sequences
    const more = term.sequences.length === 1 && words.length === 1 && !term.field ? formsOf(words[0]) : []
    return more.length ? { ...term, forms: [...new Set([...term.forms, ...more])] } : term
  })
  return { ...query, terms }
}

/** Of a question only the words that say what it is about: `how do I` is in every paper that says nothing of it. */
export function tellingTerms({ terms }: Query): Term[] {
  const telling = terms.filter(term => !isCommon(term))
  return telling.length ? telling : terms
}

const commonWords = new Set(
  `a an and any are as at be been by can could did do does for from had has have how i if in into is it its me my no not of on
  or our should so some than that the their them then there these they this those to us use using very was way ways we were
  what when where which who why will with without would you your best better good make most much more quickly`.split(
    /\s+/,
  ),
)

function isCommon({ sequences }: Term): boolean {
  return sequences.every(words => words.every(word => commonWords.has(word)))
}

/** Columns that hold the text as written; the others hold the joined forms of its compound words. */
const written = '{title authors text topics organization}'

function termExpression({ sequences, withNeighbours, forms, field, unfinished }: Term): string {
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"${unfinished ? ' *' : ''}`
  const phrases = [...sequences.map(words => words.join(' ')), ...(unfinished ? [] : forms)].map(quoted)
  if (field) return `${columns[field]} : (${phrases.join(' OR ')})`
  // Of `large language`, not every paper with `large-language`: that one has both words, and would come first for a hyphen.
  return [...phrases, ...withNeighbours.map(word => `${written} : ${quoted(word)}`)].join(' OR ')
}
