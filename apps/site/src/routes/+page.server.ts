import { showPeriod } from '#lib/server/period.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint }, url }) => {
  const latest = offprint.library.latestDay()
  return { shown: latest ? showPeriod(offprint, latest, url) : undefined }
}
