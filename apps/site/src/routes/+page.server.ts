import { runnable } from '#lib/server/runnable.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint } }) => {
  const latest = offprint.library.latestDay()
  return { day: latest ? offprint.library.day(latest) : undefined, runnable: runnable(offprint) }
}
