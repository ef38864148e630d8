import { runnable } from '#lib/server/runnable.ts'
import type { PageServerLoad } from './$types'

const runsOnPage = 50

export const load: PageServerLoad = ({ locals: { offprint }, url }) => {
  const paper = url.searchParams.get('paper') ?? ''
  const before = url.searchParams.get('before') ?? ''
  const runs = offprint.runs.store.list({ paper, before, limit: runsOnPage + 1 })
  const next = runs.length > runsOnPage ? runs[runsOnPage - 1].id : undefined
  return {
    runs: runs.slice(0, runsOnPage),
    paper,
    runnable: runs.length ? [] : Object.values(runnable(offprint)),
    first: !before,
    nextHref: next && `/runs?${new URLSearchParams({ ...(paper && { paper }), before: next })}`,
  }
}
