/** A JSON text in pieces: the elements of its list, each with its line, without parsing the whole. */
import { longestLine } from '../lines.ts'
import { NoPaper } from './paper-record.ts'

/** A larger JSON text is no answer of an API. In characters (32 MB of ASCII). */
export const longestJson = 32_000_000

export interface JsonElement {
  /** Empty where it is `tooLong`. */
  text: string
  /** Of its first character, from 1. */
  line: number
  tooLong: boolean
  /** The text ended before the element, or the list that it stands in, did. */
  cut?: boolean
  /** Stands behind the end of the list. */
  stray?: boolean
}

/**
 * Cuts a JSON list into its elements; anything but a list is one element. The elements are not checked: the parser says what
 * is wrong with each, and one that is damaged does not take the others with it.
 *
 * @throws Error where the text is longer than `longestJson`
 */
export async function* splitElements(texts: AsyncIterable<string>): AsyncGenerator<JsonElement[]> {
  let total = 0
  let line = 1
  let depth = 0
  let inList = false
  let ended = false
  let inString = false
  let escaped = false
  let afterReturn = false
  let held = ''
  let start = 1
  let tooLong = false
  let listLine = 1
  let elements: JsonElement[] = []
  const keep = (text: string) => {
    if (!held && !tooLong) {
      const blank = /^[\s\ufeff]*/.exec(text)![0].length
      text = text.slice(blank)
      if (text) start = line
    }
    if (held.length + text.length > longestLine) tooLong = true
    held = tooLong ? '' : held + text
  }
  const end = (more: Partial<JsonElement> = {}) => {
    if (held || tooLong) elements.push({ text: held, line: start, tooLong, ...more })
    held = ''
    tooLong = false
  }
  for await (const text of texts) {
    total += text.length
    if (total > longestJson) throw new Error(`the JSON is longer than ${longestJson / 1e6} MB`)
    const mark = /["\\\r\n[\]{},]/g
    let at = 0
    if (escaped && text) {
      keep(text[0])
      afterReturn = text[0] === '\r'
      if (/[\r\n]/.test(text[0])) line++
      escaped = false
      at = 1
    }
    while (at < text.length) {
      mark.lastIndex = at
      const found = mark.exec(text)
      const to = found ? found.index : text.length
      if (to > at) {
        keep(text.slice(at, to))
        afterReturn = false
      }
      if (!found) break
      const character = found[0]
      at = to + 1
      if (character === '\n' || character === '\r') {
        keep(character)
        if (!(character === '\n' && afterReturn)) line++
        afterReturn = character === '\r'
        continue
      }
      afterReturn = false
      if (character === '\\') {
        keep(character)
        if (!inString) continue
        if (at === text.length) escaped = true
        else if (text[at] !== '\n' && text[at] !== '\r') keep(text[at++])
      } else if (character === '"' || inString) {
        keep(character)
        if (character === '"') inString = !inString
      } else if (character === '[' && depth === 0 && !inList && !ended && !held && !tooLong) {
        inList = true
        listLine = line
      } else if (character === ',' && depth === 0 && inList) {
        end()
      } else if (character === ']' && depth === 0 && inList) {
        end()
        inList = false
        ended = true
      } else {
        keep(character)
        if (character === '[' || character === '{') depth++
        else if (depth > 0 && character !== ',') depth--
      }
    }
    if (elements.length) yield elements
    elements = []
  }
  const cut = inList || depth > 0 || inString
  if (ended) end({ stray: true })
  else if (held || tooLong) end(cut ? { cut } : {})
  else if (inList) elements.push({ text: '', line: listLine, tooLong: false, cut })
  if (elements.length) yield elements
}

/** Why an element has no value, in words; undefined where it may have one. */
export function elementProblem({ tooLong, cut, stray }: JsonElement): string | undefined {
  if (cut) return 'the JSON ends before this does'
  if (stray) return 'stands behind the end of the JSON'
  return tooLong ? `longer than ${longestLine / 1e6} MB: no paper` : undefined
}

/** @throws NoPaper */
export function jsonObject(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new NoPaper('not valid JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new NoPaper('not an object')
  return value as Record<string, unknown>
}
