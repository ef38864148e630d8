import type { PageServerLoad } from './$types'

const rowsOnPage = 50

export const load: PageServerLoad = ({ locals: { offprint }, url }) => {
  const { mail } = offprint
  const whole = (name: string) => {
    const value = Number(url.searchParams.get(name))
    return Number.isSafeInteger(value) && value > 0 ? value : undefined
  }
  const state = url.searchParams.get('state') ?? ''
  const rows = mail.outbox.list({ state, before: whole('before'), limit: rowsOnPage + 1 })
  const subscribers = mail.subscribers.list(whole('after'), rowsOnPage + 1)
  const last = rows[rowsOnPage - 1]
  const lastSubscriber = subscribers[rowsOnPage - 1]
  return {
    overview: mail.overview(),
    state,
    rows: rows.slice(0, rowsOnPage),
    olderHref:
      rows.length > rowsOnPage
        ? `/mail?${new URLSearchParams({ ...(state && { state }), before: String(last.id) })}`
        : undefined,
    subscribers: subscribers.slice(0, rowsOnPage).map(one => ({
      ...one,
      subscriptions: one.subscriptions.map(subscription => ({
        ...subscription,
        rhythm: mail.describe(subscription),
      })),
    })),
    moreSubscribersHref: subscribers.length > rowsOnPage ? `/mail?after=${lastSubscriber.id}#subscribers` : undefined,
    rejections: mail.subscribers.rejections(),
  }
}
