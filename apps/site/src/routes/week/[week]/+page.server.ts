import { error } from '@sveltejs/kit'
import { showPeriod } from '#lib/server/period.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint }, params, url }) => {
  const shown = showPeriod(offprint, params.week, url)
  if (shown?.period.kind !== 'week')
    error(404, `There is no week '${params.week.slice(0, 20)}': a week is written 2026-W48, and none is in the future.`)
  return { shown }
}
