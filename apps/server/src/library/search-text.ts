/**
 * Words as the search sees them, on both sides: the same cutting for what is indexed, what is asked and what is marked.
 *
 * A word with a hyphen is indexed apart (`k`, `medoids`) and joined (`kmedoids`), `C++` also as `cplusplus`, and writing
 * without spaces (Chinese, Japanese) letter by letter.
 */
import type { PaperRecord } from './types.ts'

const joiners = String.raw`\-‐‑‒–^_./+&$'’`
const unspaced = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}`
const letter = String.raw`(?![${unspaced}])[\p{L}\p{N}\p{M}]`
const word = new RegExp(String.raw`[${unspaced}]|(?:${letter})+(?:(?:\+\+|#)(?![\p{L}\p{N}]))?`, 'gu')
const compound = new RegExp(
  String.raw`(?<![\p{L}\p{N}\p{M}])[\p{L}\p{N}\p{M}]{1,40}(?:[${joiners}]{1,3}[\p{L}\p{N}\p{M}]{1,40}){1,3}(?:\+\+|#)?`,
  'gu',
)
const joiner = new RegExp(`^[${joiners}]{1,3}$`)
const unspacedLetter = new RegExp(`[${unspaced}]`, 'gu')
const longestJoined = 40
/** Of a compound, as in its expression. */
const longestPart = 40
const mostParts = 4

export interface Token {
  start: number
  end: number
  /** Without accents, in lower case; `c++` is `cplusplus`, `c#` is `csharp`. */
  folded: string
  /** The same without a `++` or `#` at its end. */
  stem: string
}

/** Cuts a text into its words. */
export function tokens(text: string): Token[] {
  return [...eachToken(text)]
}

/** The same one after the other: of a long text often only the beginning is looked at. */
export function* eachToken(text: string): Generator<Token> {
  for (const match of text.matchAll(word)) yield tokenOf(match[0], match.index)
}

function tokenOf(text: string, start: number): Token {
  const folded = foldWord(text)
  const last = text.charCodeAt(text.length - 1)
  const stem = last === plus || last === sharp ? foldWord(text.replace(/[+#]+$/, '')) : folded
  return { start, end: start + text.length, folded, stem }
}

function isAscii(text: string): boolean {
  return /^[\x00-\x7f]*$/.test(text)
}

const plus = '+'.charCodeAt(0)
const sharp = '#'.charCodeAt(0)

export function isWordCode(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || (code >= 65 && code <= 90)
}

/**
 * The same by hand, several times as fast: at most so many words from a place on.
 *
 * @returns undefined where there is a letter beyond ASCII among them
 */
export function asciiTokens(text: string, from: number, most: number): Token[] | undefined {
  const found: Token[] = []
  let at = from
  while (at < text.length && found.length < most) {
    const first = text.charCodeAt(at)
    if (first > 127) return undefined
    if (!isWordCode(first)) {
      at++
      continue
    }
    let end = at + 1
    while (isWordCode(text.charCodeAt(end))) end++
    const code = text.charCodeAt(end)
    if (code > 127) return undefined
    const marks = code === sharp ? 1 : code === plus && text.charCodeAt(end + 1) === plus ? 2 : 0
    if (marks) {
      const next = text.charCodeAt(end + marks)
      if (next > 127) return undefined
      if (!isWordCode(next)) end += marks
    }
    found.push(tokenOf(text.slice(at, end), at))
    at = end
  }
  return found
}

function foldWord(text: string): string {
  const last = text.charCodeAt(text.length - 1)
  if (last === plus) return folded(text.replace(/\+\+$/, 'plusplus'))
  return folded(last === sharp ? text.replace(/#$/, 'sharp') : text)
}

/** In lower case, without accents and other marks. SQLite does so for Latin letters only. */
function folded(text: string): string {
  if (isAscii(text)) return text.toLowerCase()
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
}

/** Whether two words that follow each other with this between them count as one word when they are joined. */
export function joins(between: string, left: string): boolean {
  return joiner.test(between) || (/^\s$/.test(between) && isLoneLetter(left))
}

/** `k medoids` is `kmedoids`, but `a method` is not `amethod`. */
function isLoneLetter(folded: string): boolean {
  return /^[b-hj-z]$/.test(folded)
}

/** A paper's text for each column of the index, in their order. */
export function searchColumns(record: PaperRecord): string[] {
  const { title, authors, abstract, summary = '', topics, organization = '' } = record
  const names = authors.map(author => author.name).join(', ')
  const text = `${abstract}\n${summary}`
  const rest = [text, names, topics.join(', '), organization].join('\n')
  const written = [title, names, text, topics.join(', '), organization].map(column => spaced(folded(column)))
  return [...written, joinedWords(folded(title)), joinedWords(folded(rest))]
}

/** Puts spaces around letters that stand for words. */
function spaced(text: string): string {
  return text.replace(unspacedLetter, ' $& ')
}

/** The joined forms of a folded text's compound words. */
function joinedWords(text: string): string {
  const found = new Set<string>()
  for (const whole of isAscii(text) ? asciiCompounds(text) : compounds(text)) found.add(whole)
  // Few texts have one, and to look for the marks alone is quick.
  if (/\+\+|#/.test(text))
    for (const [special] of text.matchAll(/[\p{L}\p{N}]{1,20}(?:\+\+|#)(?![\p{L}\p{N}])/gu))
      found.add(foldWord(special))
  return [...found].join(' ')
}

/** `k-medoids` as `kmedoids`, `k medoids` too. */
export function compounds(text: string): string[] {
  const found: string[] = []
  for (const [parts] of text.matchAll(compound)) found.push(...wholesOf(parts))
  for (const [, lone, next] of text.matchAll(/(?<![\p{L}\p{N}\p{M}])([b-hj-z])\s(\p{L}{3,30})/giu))
    found.push(lone + next)
  return found
}

function wholesOf(parts: string): string[] {
  const whole = parts.replace(/[^\p{L}\p{N}]/gu, '')
  if (whole.length > longestJoined) return []
  const suffix = /(?:\+\+|#)$/.exec(parts)?.[0]
  return suffix ? [whole, foldWord(whole + suffix)] : [whole]
}

const asciiJoiners = new Set([...`-_^./+&$'`].map(one => one.charCodeAt(0)))
const hasJoiner = (text: string, at: number) => asciiJoiners.has(text.charCodeAt(at))

/** The same for a text of ASCII, word by word: every paper is read so when it comes in. */
export function asciiCompounds(text: string): string[] {
  const found: string[] = []
  let compoundEnd = 0
  for (let at = 0; at < text.length; ) {
    if (!isWordCode(text.charCodeAt(at))) {
      at++
      continue
    }
    const start = at
    while (isWordCode(text.charCodeAt(at))) at++
    if (start >= compoundEnd && at - start <= longestPart && hasJoiner(text, at)) {
      // Only here is it looked at closely; a part that is too long ends it.
      let end = at
      for (let part = 1; part < mostParts; part++) {
        let from = end
        while (from < end + 3 && hasJoiner(text, from)) from++
        let next = from
        while (isWordCode(text.charCodeAt(next)) && next < from + longestPart) next++
        if (from === end || next === from) break
        end = next
      }
      if (end > at) {
        compoundEnd = end + (text.startsWith('++', end) ? 2 : text.charCodeAt(end) === sharp ? 1 : 0)
        found.push(...wholesOf(text.slice(start, compoundEnd)))
      }
    }
    if (at - start === 1 && isLoneLetter(text[start].toLowerCase()) && /\s/.test(text[at] ?? '')) {
      const next = /^[a-z]{3,30}/i.exec(text.slice(at + 1, at + 31))
      if (next) found.push(text[start] + next[0])
    }
  }
  return found
}
