/** BibTeX's own grammar: entries with their fields as texts of TeX, and the line of each. */
import { type Line, longestLine } from '../lines.ts'

export interface BibtexEntry {
  /** In lower case: `article`, `misc`. */
  type: string
  /** Empty where it is missing. */
  key: string
  /** By name in lower case; the first of two with one name counts, as in BibTeX. */
  fields: Map<string, string>
  /** From 1. */
  line: number
}

export interface BibtexProblem {
  /** First line of the entry that cannot be read. */
  line: number
  problem: string
}

/** A longer `@string`, which strings of strings can grow to, is no abbreviation. */
const longestString = 10_000
/** An entry starts where a line does: so one that was not closed ends before the next. */
const entryLine = /^\s*@\s*[A-Za-z]+\s*[{(]\s*(?:$|[^\s,{}()="]+\s*(?:$|[,=])|,|["{])/

/**
 * Reads entries one after the other; abbreviations (`@string`) hold from where they stand to the end. An entry that cannot be
 * read gives a problem, and reading goes on behind it. Memory is bounded by the longest entry.
 */
export async function* readEntries(batches: AsyncIterable<Line[]>): AsyncGenerator<BibtexEntry | BibtexProblem> {
  const strings = new Map<string, string>()
  let lines: string[] = []
  let length = 0
  let first = 0
  function* flush(): Generator<BibtexEntry | BibtexProblem> {
    if (length > longestLine) yield { line: first, problem: `longer than ${longestLine / 1e6} MB: no paper` }
    else if (lines.length) yield* entriesOf(lines.join('\n'), first, strings)
    lines = []
    length = 0
  }
  for await (const batch of batches) {
    for (const { text, number, tooLong } of batch) {
      if (entryLine.test(text)) yield* flush()
      if (!lines.length && length <= longestLine) {
        // What stands outside of entries is a comment.
        if (!text.includes('@') && !tooLong) continue
        first = number
      }
      length += tooLong ? longestLine + 1 : text.length + 1
      if (length > longestLine) lines = []
      else lines.push(text)
    }
  }
  yield* flush()
}

class GrammarError extends Error {}

const commentedOut = /[^\S\n]*%/y

function* entriesOf(
  text: string,
  firstLine: number,
  strings: Map<string, string>,
): Generator<BibtexEntry | BibtexProblem> {
  let at = 0
  let counted = 0
  let line = firstLine
  let commented = /^[^\S\n]*%/.test(text)
  const lineAt = (place: number) => {
    for (; counted < place; counted++) {
      if (text[counted] !== '\n') continue
      line++
      commentedOut.lastIndex = counted + 1
      commented = commentedOut.test(text)
    }
    return line
  }
  const take = (pattern: RegExp) => {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (match) at += match[0].length
    return match
  }
  const fail = (why: string): never => {
    throw new GrammarError(at >= text.length ? 'the entry is not closed' : `${why} in line ${lineAt(at)}`)
  }

  /** What stands between braces or quotes; braces within must be balanced, and a quote within them does not end it. */
  function delimited(close: string): string {
    const start = at
    let depth = 0
    for (; at < text.length; at++) {
      const character = text[at]
      if (depth === 0 && character === close) return text.slice(start, at++)
      if (character === '{') depth++
      else if (character === '}' && --depth < 0) fail(`a '}' too many`)
    }
    return fail('')
  }

  function value(): string {
    let whole = ''
    do {
      take(/\s*/y)
      const open = take(/[{"]/y)?.[0]
      if (open) {
        whole += delimited(open === '{' ? '}' : '"')
      } else {
        const word = take(/[^\s,{}()"#%=]+/y)?.[0] ?? fail('a value is missing')
        // Abbreviations that style files define, such as the months, stay as they are written.
        whole += /^\d+$/.test(word) ? word : (strings.get(word.toLowerCase()) ?? word)
      }
      if (whole.length > longestLine) fail('too long a value')
      take(/\s*/y)
    } while (take(/#/y))
    return whole
  }

  function field(): [name: string, value: string] {
    const name = take(/[^\s,{}()"#%=]+/y)?.[0] ?? fail('the name of a field is missing')
    if (!take(/\s*=/y)) fail(`there is no = after '${name.slice(0, 60).toWellFormed()}'`)
    return [name.toLowerCase(), value()]
  }

  function entry(type: string, close: string, from: number): BibtexEntry {
    const key = take(/\s*([^\s,{}="#]*)\s*(?:,|(?=[})]))/y)?.[1] ?? ''
    const fields = new Map<string, string>()
    for (;;) {
      take(/[\s,]*/y)
      if (text[at] === close) break
      // A line of an entry that was commented out.
      if (take(/%[^\n]*/y)) continue
      const [name, content] = field()
      if (!fields.has(name)) fields.set(name, content)
    }
    at++
    return { type, key, fields, line: from }
  }

  while (at < text.length) {
    const start = text.indexOf('@', at)
    if (start < 0) return
    at = start + 1
    const from = lineAt(start)
    const head = commented ? null : take(/\s*([A-Za-z]+)\s*([{(])/y)
    if (!head) continue
    const type = head[1].toLowerCase()
    const close = head[2] === '{' ? '}' : ')'
    try {
      if (type === 'comment') {
        delimited(close)
      } else if (type === 'preamble') {
        value()
      } else if (type === 'string') {
        take(/\s*/y)
        const [name, content] = field()
        if (content.length > longestString) fail(`an abbreviation of ${content.length} characters`)
        strings.set(name, content)
      } else {
        yield entry(type, close, from)
      }
    } catch (error) {
      if (!(error instanceof GrammarError)) throw error
      // A comment ends wherever it likes, and what it hides is none of ours.
      if (type !== 'comment') yield { line: from, problem: error.message }
    }
  }
}
