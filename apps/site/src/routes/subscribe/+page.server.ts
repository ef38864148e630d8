import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ url }) => ({
  asked: url.searchParams.has('asked'),
  query: (url.searchParams.get('q') ?? '').slice(0, 250),
})
