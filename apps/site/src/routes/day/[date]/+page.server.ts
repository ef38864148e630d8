import { error } from '@sveltejs/kit'
import { runnable } from '#lib/server/runnable.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint }, params }) => {
  const day = offprint.library.day(params.date)
  if (!day)
    error(404, `There is no day '${params.date.slice(0, 20)}': a day is a date such as 2026-11-24, not in the future.`)
  return { day, runnable: runnable(offprint) }
}
