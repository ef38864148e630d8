import type { PageServerLoad } from './$types'

/** Only shows what would be confirmed: programs that look at mail open every link in it. */
export const load: PageServerLoad = ({ locals: { offprint }, params, setHeaders }) => {
  setHeaders({ 'cache-control': 'no-store', 'x-robots-tag': 'noindex' })
  const asked = offprint.mail.subscribers.asked(params.token)
  return {
    asked,
    rhythm: asked && offprint.mail.describe(asked),
    action: `/confirm/${encodeURIComponent(params.token)}`,
  }
}
