/** Names of authors: as people read them (`Given Family Jr.`) and in the parts that reference formats have. */
import type { Author } from '../types.ts'

export interface NameParts {
  given?: string
  family: string
  suffix?: string
}

const generation = /^(?:jr|sr|ii|iii|iv)\.?$/i
const particle = /^(?:da|de|del|della|den|der|di|do|dos|du|el|la|le|ten|ter|van|von|zu)$/
const company = /^(?:inc|llc|ltd|gmbh|corp|co|plc|ag|s\.?a)\.?$/i
const organization = /\b(?:collaboration|consortium|group|team|university|institute|laboratory)\b/i

/** Whether a name must not be taken apart: of an organisation, or with a comma of its own. */
export function isWhole(name: string): boolean {
  return name.includes(',') || organization.test(name)
}

/** Parts of a name; an organisation or a single word is all family. Put together by `joinName` they give the name. */
export function splitName(name: string): NameParts {
  if (isWhole(name)) return { family: name }
  const words = name.split(' ')
  const suffix = words.length > 2 && generation.test(words.at(-1)!) ? words.pop() : undefined
  const from = words.findIndex((word, index) => index > 0 && particle.test(word))
  const given = words.splice(0, from > 0 ? from : words.length - 1).join(' ')
  const family = words.join(' ')
  return { ...(given ? { given } : {}), family, ...(suffix ? { suffix } : {}) }
}

/** The author of a name that a format marks as one that must not be taken apart; the mark stays where it says something. */
export function wholeAuthor(name: string): Author {
  return splitName(name).given ? { name, whole: true } : { name }
}

/** Parts of an author's name; all family where it must not be taken apart. */
export function partsOf({ name, whole }: Author): NameParts {
  return whole ? { family: name } : splitName(name)
}

/** `Family, Given`, also with a `Jr.`, as people read it; an organisation's name keeps its commas. */
export function inReadingOrder(name: string): string {
  const [first, ...rest] = name.split(',').map(part => part.trim())
  if (!rest.length || rest.length > 2 || !first || rest.includes('')) return name
  if (organization.test(name) || company.test(rest.at(-1)!)) return name
  const suffix = rest.find(part => generation.test(part))
  const given = rest.filter(part => part !== suffix)
  return given.length > 1 ? name : joinName({ given: given[0], family: first, suffix })
}

export function joinName({ given, family, suffix }: NameParts): string {
  return [given, family, suffix].filter(Boolean).join(' ')
}
