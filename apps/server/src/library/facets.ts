/** What papers can be counted and filtered by, and the short names that stand for people and places in addresses. */
import type { PaperRecord } from './types.ts'

export type FacetKind = 'category' | 'author' | 'organization' | 'topic' | 'has'

export interface Facet {
  kind: FacetKind
  value: string
  /** The name as it is written, where the value is a short form of it. */
  label?: string
}

const longestName = 100
/** Of a collaboration of thousands the first are found by their page; by their words all of them are. */
const mostAuthors = 200

/** A name as it stands in addresses: `Erich Müller` is `erich-muller`. Empty where it has no letter or digit. */
export function nameInAddress(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .slice(0, longestName)
    .toWellFormed()
    .replace(/^-+|-+$/g, '')
}

export function facetsOf(record: PaperRecord): Facet[] {
  const { categories, authors, organization, topics } = record
  const named = (kind: FacetKind, names: string[]) =>
    names.flatMap(label => {
      const value = nameInAddress(label)
      return value ? [{ kind, value, label }] : []
    })
  const has = {
    code: record.githubRepo,
    runs: record.runs,
    comments: record.commentCount,
    withdrawn: record.withdrawn,
  }
  return [
    ...categories.map(value => ({ kind: 'category' as const, value })),
    ...named(
      'author',
      authors.slice(0, mostAuthors).map(author => author.name),
    ),
    ...named('organization', organization ? [organization] : []),
    ...named('topic', topics),
    ...Object.entries(has)
      .filter(([, value]) => value)
      .map(([value]) => ({ kind: 'has' as const, value })),
  ]
}
