import { error } from '@sveltejs/kit'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint }, url }) => {
  const id = url.searchParams.get('report')
  const report = id ? offprint.library.importReport(id) : undefined
  if (id && !report) error(404, `There is no import ${id.slice(0, 40)}.`)
  const kept = url.searchParams.get('preview')
  const preview = kept ? offprint.previews.get(kept) : undefined
  if (kept && !preview)
    error(404, 'This preview is gone: they are kept for a day. Paste or choose the text again; nothing was changed.')
  return {
    report,
    preview,
    empty: url.searchParams.has('empty'),
    imports: offprint.library.imports().slice(0, 20),
    sync: offprint.sync.status(),
    formats: offprint.formats,
    limit: offprint.settings.UPLOAD_LIMIT_MB,
    year: new Date().getUTCFullYear(),
  }
}
