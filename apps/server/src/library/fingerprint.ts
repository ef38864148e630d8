/** What tells whether two records without a common id are the same paper. */
import { createHash } from 'node:crypto'
import { convertTex } from './text.ts'

/** What is left of a title to compare: letters and digits without accents, in lower case, without TeX commands. */
export function titleFingerprint(title: string): string {
  const words = convertTex(title).replace(/\\(?:[A-Za-z]+|.)/gs, '')
  return fold(words) || title.replace(/\s+/g, '').toLowerCase()
}

/** Family name of `Given Family` or `Family, Given`, folded as titles are; undefined where there is no letter. */
export function familyName(name: string): string | undefined {
  const [first, ...rest] = convertTex(name).split(',')
  // `Family, Given` has the given name after the comma; `Given Family, Jr.` has not.
  const family = rest.length && !generation.test(rest[0].trim())
  const words = first.trim().split(/\s+/)
  while (words.length > 1 && generation.test(words.at(-1)!)) words.pop()
  return fold(family ? first : words.at(-1)!) || undefined
}

const generation = /^(?:jr|sr|ii|iii|iv)\.?$/i

function fold(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '')
}

/** A record as it is compared: `family` and `year` where they are known. */
export interface Fingerprint {
  title: string
  family?: string
  year?: number
}

export function fingerprintOf(record: {
  title: string
  authors: readonly { name: string }[]
  publishedAt?: string
}): Fingerprint {
  return {
    title: titleFingerprint(record.title),
    family: record.authors.length ? familyName(record.authors[0].name) : undefined,
    year: record.publishedAt ? Number(record.publishedAt.slice(0, 4)) : undefined,
  }
}

/** Whether two records may be the same paper: equal titles, and nothing known on both sides speaks against it. */
export function sameFingerprint(a: Fingerprint, b: Fingerprint): boolean {
  if (a.title !== b.title) return false
  if (a.family !== undefined && b.family !== undefined && a.family !== b.family) return false
  return a.year === undefined || b.year === undefined || Math.abs(a.year - b.year) <= 1
}

/** The key of a paper that has neither an arXiv id nor a DOI. */
export function fingerprintKey({ title, family = '', year }: Fingerprint): string {
  return `t:${createHash('sha256')
    .update(`${title}\n${family}\n${year ?? ''}`)
    .digest('hex')
    .slice(0, 16)}`
}
