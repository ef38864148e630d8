import { pageMetadata } from '#lib/server/metadata.ts'
import { themeOf } from '#lib/server/theme.ts'
import type { LayoutServerLoad } from './$types'

const lookAgainMs = 500
let lookedAt = Number.NEGATIVE_INFINITY

export const load: LayoutServerLoad = ({ locals, url, cookies, route, params }) => {
  // Papers may have come in by a command beside this server.
  if (performance.now() > lookedAt + lookAgainMs) {
    lookedAt = performance.now()
    locals.offprint.catchUp()
  }
  return {
    path: url.pathname,
    address: url.pathname + url.search,
    query: url.pathname === '/search' ? (url.searchParams.get('q') ?? '') : '',
    theme: themeOf(cookies),
    metadata: pageMetadata(locals.offprint, route.id, params, url),
    locked: locals.offprint.settings.OWNER_TOKEN !== undefined && url.pathname !== '/login',
  }
}
