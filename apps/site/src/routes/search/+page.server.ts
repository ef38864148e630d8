import { redirect } from '@sveltejs/kit'
import { paperPath, searchPath } from '#lib/format.ts'
import { showPapers } from '#lib/server/papers.ts'
import { runnable } from '#lib/server/runnable.ts'
import { isVisit } from '#lib/server/visit.ts'
import type { PageServerLoad } from './$types'

const papersOnPage = 20
const sortings = ['relevance', 'new', 'top', 'trending'] as const

export const load: PageServerLoad = async ({ locals: { offprint }, url, request }) => {
  const { library } = offprint
  const query = url.searchParams.get('q') ?? ''
  const page = Math.min(10_000, Math.max(1, Math.floor(Number(url.searchParams.get('page')) || 1)))
  const waiting = offprint.prepareQuery(query)
  if (waiting) await waiting
  const found = library.search(query, { limit: papersOnPage, offset: (page - 1) * papersOnPage, facets: page === 1 })
  // An id or an address in the box means that paper.
  if (found.open) redirect(302, paperPath(found.open))
  const saved = library.reading.searches().find(search => search.query === query.trim().replace(/\s+/g, ' '))
  // The reader need not wait for it to be written.
  if (saved && isVisit(request)) setImmediate(() => library.reading.seenSearch(saved.query))
  const href = (to: number) => `${searchPath(query)}&page=${to}`
  const withoutSort = query.replace(/(?:^|\s)sort:\S*/gi, '').trim()
  const sort = found.sort ?? (withoutSort ? 'relevance' : 'trending')
  return {
    query,
    ...found,
    papers: showPapers(offprint, found.papers),
    close: found.close && showPapers(offprint, found.close),
    sortings: sortings
      .filter(by => by !== 'relevance' || withoutSort)
      .map(by => ({
        by,
        href: searchPath(by === 'relevance' ? withoutSort : `${withoutSort} sort:${by}`.trim()),
        chosen: by === sort,
      })),
    saved: saved?.id,
    page,
    lastHref: found.total > 0 && !found.papers.length ? href(Math.ceil(found.total / papersOnPage)) : undefined,
    from: (page - 1) * papersOnPage + 1,
    previousHref: page > 1 ? href(page - 1) : undefined,
    nextHref: page * papersOnPage < found.total ? href(page + 1) : undefined,
    runnable: runnable(offprint),
  }
}
