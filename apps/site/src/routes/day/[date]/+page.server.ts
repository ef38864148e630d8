import { error } from '@sveltejs/kit'
import { showDay } from '#lib/server/day.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint }, params, url }) => {
  const shown = showDay(offprint, params.date, url)
  if (!shown)
    error(404, `There is no day '${params.date.slice(0, 20)}': a day is a date such as 2026-11-24, not in the future.`)
  return { shown }
}
