import { showDay } from '#lib/server/day.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint }, url }) => {
  const latest = offprint.library.latestDay()
  return { shown: latest ? showDay(offprint, latest, url) : undefined }
}
