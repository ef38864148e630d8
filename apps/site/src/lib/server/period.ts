/** One page of the papers of a day, a week or a month, for its own address and for the front page. */
import type { Offprint } from '@offprint/server'
import { showPapers } from './papers.ts'
import { showRail } from './rail.ts'
import { runnable } from './runnable.ts'

const papersOnPage = 50
const kinds = ['day', 'week', 'month'] as const
const sortings = ['arrival', 'trending', 'top'] as const

/** Undefined where there is no such period. `?page=2` shows the next fifty papers. */
export function showPeriod(offprint: Offprint, name: string, url: URL) {
  const page = Math.min(100_000, Math.max(1, Math.floor(Number(url.searchParams.get('page')) || 1)))
  const sort = sortings.find(one => one === url.searchParams.get('sort')) ?? 'arrival'
  const period = offprint.library.period(name, {
    limit: papersOnPage,
    offset: (page - 1) * papersOnPage,
    sort,
    withoutHidden: true,
  })
  if (!period) return undefined
  const href = (to: number, by = sort) => {
    const query = new URLSearchParams({
      ...(by === 'arrival' ? {} : { sort: by }),
      ...(to > 1 ? { page: String(to) } : {}),
    }).toString()
    return `/${period.kind}/${name}${query && `?${query}`}`
  }
  const running = runnable(offprint)
  return {
    period: { ...period, papers: showPapers(offprint, period.papers) },
    around: kinds.map(kind => ({ kind, href: `/${kind}/${period.around[kind]}` })),
    sort,
    sortings: sortings.map(by => ({ by, href: href(1, by) })),
    hidden: offprint.library.reading.counts().hidden,
    first: (page - 1) * papersOnPage + 1,
    previousHref: page > 1 ? href(page - 1) : undefined,
    nextHref: page * papersOnPage < period.total ? href(page + 1) : undefined,
    runnable: running,
    rail: showRail(offprint, running),
  }
}

export type ShownPeriod = NonNullable<ReturnType<typeof showPeriod>>
