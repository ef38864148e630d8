/** The page of an author, an organization or a category: their papers, and what they are about. */
import type { Offprint } from '@offprint/server'
import { showPapers } from './papers.ts'
import { runnable } from './runnable.ts'

const papersOnPage = 50

/** @param path of the page, without a query */
export function showFacet(
  offprint: Offprint,
  kind: 'category' | 'author' | 'organization',
  value: string,
  { pathname, searchParams }: URL,
) {
  const page = Math.min(100_000, Math.max(1, Math.floor(Number(searchParams.get('page')) || 1)))
  const found = offprint.library.facet(kind, value, { limit: papersOnPage, offset: (page - 1) * papersOnPage })
  if (!found) return undefined
  const href = (to: number) => `${pathname}${to > 1 ? `?page=${to}` : ''}`
  return {
    ...found,
    value,
    papers: showPapers(offprint, found.papers),
    runnable: runnable(offprint),
    previousHref: page > 1 ? href(page - 1) : undefined,
    nextHref: page * papersOnPage < found.total ? href(page + 1) : undefined,
    years: everyYear(found.facets.years),
  }
}

/** From the first to the last, those without a paper as well. */
function everyYear(years: { value: string; count: number }[]) {
  const counts = new Map(years.map(({ value, count }) => [Number(value), count]))
  const [first, last] = [Math.min(...counts.keys()), Math.max(...counts.keys())]
  if (!(last - first < 300)) return years.toReversed()
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    value: String(first + index),
    count: counts.get(first + index) ?? 0,
  }))
}

export type ShownFacet = NonNullable<ReturnType<typeof showFacet>>
