import type { PageServerLoad } from './$types'

/** Changes nothing; for a token that is unknown it looks the same, without the name of the list. */
export const load: PageServerLoad = ({ locals: { offprint }, params, url, setHeaders }) => {
  setHeaders({ 'cache-control': 'no-store', 'x-robots-tag': 'noindex' })
  const known = offprint.mail.subscribers.leaving(params.token)
  return {
    left: url.searchParams.has('left') || known?.subscription.state === 'left',
    what: known && { query: known.subscription.query, rhythm: offprint.mail.describe(known.subscription) },
    manage: known && `/subscriptions/${known.manage}`,
    action: `/unsubscribe/${encodeURIComponent(params.token)}`,
  }
}
