import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ url }) => ({
  wrong: url.searchParams.has('wrong'),
  next: url.searchParams.get('next') ?? '/',
})
