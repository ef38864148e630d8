import { error } from '@sveltejs/kit'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint }, url }) => {
  const id = url.searchParams.get('report')
  const report = id ? offprint.library.importReport(id) : undefined
  if (id && !report) error(404, `There is no import ${id.slice(0, 40)}.`)
  return {
    report,
    empty: url.searchParams.has('empty'),
    imports: offprint.library.imports().slice(0, 20),
    formats: offprint.formats,
    limit: offprint.settings.UPLOAD_LIMIT_MB,
    year: new Date().getUTCFullYear(),
  }
}
