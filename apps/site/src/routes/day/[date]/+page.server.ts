import { error } from '@sveltejs/kit'
import { showPeriod } from '#lib/server/period.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint }, params, url }) => {
  const shown = showPeriod(offprint, params.date, url)
  if (shown?.period.kind !== 'day')
    error(404, `There is no day '${params.date.slice(0, 20)}': a day is a date such as 2026-11-24, not in the future.`)
  return { shown }
}
