import { showPapers } from '#lib/server/papers.ts'
import { showRail } from '#lib/server/rail.ts'
import { runnable } from '#lib/server/runnable.ts'
import type { PageServerLoad } from './$types'

const papersOnPage = 50

export const load: PageServerLoad = ({ locals: { offprint }, url }) => {
  const { library } = offprint
  const hot = url.searchParams.get('by') === 'hot'
  const after = url.searchParams.get('after') ?? undefined
  const { papers, next } = hot
    ? { papers: library.hot(papersOnPage) }
    : library.trending({ limit: papersOnPage, after })
  const running = runnable(offprint)
  const around = library.period(library.latestDay() ?? '')?.around
  return {
    papers: showPapers(offprint, papers),
    hot,
    first: after === undefined,
    nextHref: next && `/trending?after=${next}`,
    tops: around
      ? (['day', 'week', 'month'] as const).map(kind => ({ kind, href: `/${kind}/${around[kind]}?sort=top` }))
      : [],
    runnable: running,
    rail: showRail(offprint, running),
  }
}
