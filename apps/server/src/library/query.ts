/** The search language: words, `"a phrase"`, `-word`, `OR` between two of them. Every string means something. */
import { tokens } from './search-text.ts'

/** Longest query in characters, and most words and phrases of it, that are looked at. */
const longestQuery = 250
const mostTerms = 32
/** What is looked at of a query that somebody pasted a book into. */
const longestPaste = 4000
const longestJoined = 40

/** One word or phrase: it is found where one of the sequences of words stands. */
export interface Term {
  sequences: string[][]
  /** What it makes when it is joined with the word beside it: found only where it is written so. */
  withNeighbours: string[]
  negative: boolean
}

export interface Query {
  /** All of these; of each list, one. */
  required: Term[][]
  excluded: Term[]
  /** Nothing but words: neither a phrase nor `OR` nor a word that must not be there. */
  plain: boolean
  /** The query as it was looked at. */
  text: string
  /** How it was understood, where that is not as it was written. */
  note?: string
}

interface Piece {
  text: string
  phrase: boolean
  negative: boolean
}

export function parseQuery(query: string): Query {
  const notes: string[] = []
  const text = shortened(query, notes)
  let pieces = cutPieces(text)
  if (!pieces) {
    notes.push('A quotation mark is not closed: searched as plain words.')
    pieces = text
      .replaceAll('"', ' ')
      .split(' ')
      .map(word => ({ text: word, phrase: false, negative: false }))
  }
  // A word may become several, so this counts what is searched, not what was typed.
  let spare = mostTerms
  const required: Term[][] = []
  const excluded: Term[] = []
  const plain: { term: Term; word: string }[] = []
  let alternative = false
  let onlyWords = true
  for (const [index, piece] of pieces.entries()) {
    const next = pieces[index + 1]
    if (isOperator(piece, 'AND') && required.length && next) continue
    if (isOperator(piece, 'OR') && required.length && next && !next.negative && !pieces[index - 1].negative) {
      alternative = true
      onlyWords = false
      continue
    }
    const words = tokens(piece.text.normalize('NFKC')).map(token => token.folded)
    if (!words.length) continue
    if (spare-- === 0) {
      notes.push(`Only the first ${mostTerms} words were searched.`)
      break
    }
    const term: Term = { sequences: sequencesOf(words, piece.phrase), withNeighbours: [], negative: piece.negative }
    if (piece.phrase || piece.negative) onlyWords = false
    if (piece.negative) excluded.push(term)
    else if (alternative) required.at(-1)!.push(term)
    else required.push([term])
    // Neighbours of a single word may be its other half; but not across a phrase or an operator.
    if (!piece.negative && !piece.phrase && words.length === 1 && !alternative) plain.push({ term, word: words[0] })
    else plain.length = 0
    if (plain.length > 1) joinNeighbours(plain.at(-2)!, plain.at(-1)!)
    alternative = false
  }
  return { required, excluded, plain: onlyWords, text, ...(notes.length ? { note: notes.join(' ') } : {}) }
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

/** Undefined where a quotation mark is not closed. */
function cutPieces(text: string): Piece[] | undefined {
  const pieces: Piece[] = []
  let at = 0
  while (at < text.length) {
    if (text[at] === ' ') {
      at++
      continue
    }
    const negative = /^-(?:"|[^\s"-])/.test(text.slice(at, at + 3))
    if (negative) at++
    if (text[at] === '"') {
      const end = text.indexOf('"', at + 1)
      if (end < 0) return undefined
      pieces.push({ text: text.slice(at + 1, end), phrase: true, negative })
      at = end + 1
    } else {
      const end = text.slice(at).search(/[ "]/)
      const stop = end < 0 ? text.length : at + end
      pieces.push({ text: text.slice(at, stop), phrase: false, negative })
      at = stop
    }
  }
  return pieces
}

function isOperator(piece: Piece, name: string): boolean {
  return !piece.phrase && !piece.negative && piece.text === name
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
 * The query for FTS5, every word of it quoted.
 *
 * @param any find papers with any of the words instead of all
 * @returns undefined where no word must be there
 */
export function matchExpression({ required, excluded }: Query, any = false): string | undefined {
  if (!required.length) return undefined
  // Of a question only the words that say what it is about: `how do I` is in every paper that says nothing of it.
  const telling = any ? required.filter(terms => !terms.every(isCommon)) : required
  const positive = (telling.length ? telling : required)
    .map(terms => `(${terms.map(termExpression).join(' OR ')})`)
    .join(any ? ' OR ' : ' AND ')
  return excluded.length ? `(${positive}) NOT (${excludedExpression(excluded)})` : positive
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

export function excludedExpression(excluded: Term[]): string {
  return excluded.map(termExpression).join(' OR ')
}

/** Columns that hold the text as written; the others hold the joined forms of its compound words. */
const written = '{title authors text topics organization}'

function termExpression({ sequences, withNeighbours }: Term): string {
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
  // Of `large language`, not every paper with `large-language`: that one has both words, and would come first for a hyphen.
  return [
    ...sequences.map(words => quoted(words.join(' '))),
    ...withNeighbours.map(word => `${written} : ${quoted(word)}`),
  ].join(' OR ')
}
