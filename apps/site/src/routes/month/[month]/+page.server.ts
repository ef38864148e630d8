import { error } from '@sveltejs/kit'
import { showPeriod } from '#lib/server/period.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint }, params, url }) => {
  const shown = showPeriod(offprint, params.month, url)
  if (shown?.period.kind !== 'month')
    error(
      404,
      `There is no month '${params.month.slice(0, 20)}': a month is written 2026-11, and none is in the future.`,
    )
  return { shown }
}
