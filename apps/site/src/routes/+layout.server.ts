import type { LayoutServerLoad } from './$types'

export const load: LayoutServerLoad = ({ locals, url }) => ({
  path: url.pathname,
  query: url.pathname === '/search' ? (url.searchParams.get('q') ?? '') : '',
  locked: locals.offprint.settings.OWNER_TOKEN !== undefined && url.pathname !== '/login',
})
