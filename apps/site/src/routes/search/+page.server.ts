import type { FoundPaper } from '@offprint/server'
import { redirect } from '@sveltejs/kit'
import { paperPath } from '#lib/format.ts'
import { showPaper } from '#lib/server/papers.ts'
import { runnable } from '#lib/server/runnable.ts'
import type { PageServerLoad } from './$types'

const papersOnPage = 20

export const load: PageServerLoad = ({ locals: { offprint }, url }) => {
  const query = url.searchParams.get('q') ?? ''
  const page = Math.min(10_000, Math.max(1, Math.floor(Number(url.searchParams.get('page')) || 1)))
  const found = offprint.library.search(query, { limit: papersOnPage, offset: (page - 1) * papersOnPage })
  // An id or an address in the box means that paper.
  if (found.open) redirect(302, paperPath(found.open))
  const shown = (paper: FoundPaper) => ({ ...paper, ...showPaper(offprint, paper) })
  const href = (to: number) => `/search?q=${encodeURIComponent(query)}&page=${to}`
  return {
    query,
    ...found,
    papers: found.papers.map(shown),
    close: found.close?.map(shown),
    page,
    lastHref: found.total > 0 && !found.papers.length ? href(Math.ceil(found.total / papersOnPage)) : undefined,
    from: (page - 1) * papersOnPage + 1,
    previousHref: page > 1 ? href(page - 1) : undefined,
    nextHref: page * papersOnPage < found.total ? href(page + 1) : undefined,
    runnable: runnable(offprint),
  }
}
