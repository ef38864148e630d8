import { error } from '@sveltejs/kit'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint }, params, url, setHeaders }) => {
  setHeaders({ 'cache-control': 'no-store', 'x-robots-tag': 'noindex' })
  const { mail } = offprint
  const subscriber = mail.subscribers.managed(params.token)
  if (!subscriber)
    error(404, 'This link to your subscriptions is unknown here; the one in the newest mail is the right one.')
  return {
    subscriber: {
      ...subscriber,
      subscriptions: subscriber.subscriptions.map(one => ({
        ...one,
        rhythm: mail.describe(one),
        next: mail.when(one),
      })),
    },
    confirmed: url.searchParams.has('confirmed'),
    changed: url.searchParams.has('changed'),
    action: `/subscriptions/${encodeURIComponent(params.token)}`,
  }
}
