/** One page of a day's papers, for the day's own address and for the front page. */
import type { Offprint } from '@offprint/server'
import { showPaper } from './papers.ts'
import { showRail } from './rail.ts'
import { runnable } from './runnable.ts'

const papersOnPage = 100

/** Undefined where there is no such day. `?page=2` shows the next hundred papers. */
export function showDay(offprint: Offprint, date: string, url: URL) {
  const page = Math.min(100_000, Math.max(1, Math.floor(Number(url.searchParams.get('page')) || 1)))
  const day = offprint.library.day(date, { limit: papersOnPage, offset: (page - 1) * papersOnPage })
  if (!day) return undefined
  const href = (to: number) => `/day/${date}${to > 1 ? `?page=${to}` : ''}`
  const running = runnable(offprint)
  return {
    day: { ...day, papers: day.papers.map(paper => showPaper(offprint, paper)) },
    first: (page - 1) * papersOnPage + 1,
    previousHref: page > 1 ? href(page - 1) : undefined,
    nextHref: page * papersOnPage < day.total ? href(page + 1) : undefined,
    runnable: running,
    rail: showRail(offprint, running),
  }
}

export type ShownDay = NonNullable<ReturnType<typeof showDay>>
