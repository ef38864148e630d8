import { error } from '@sveltejs/kit'
import { showFacet } from '#lib/server/facet.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint }, params, url }) => {
  const shown = showFacet(offprint, 'author', params.name, url)
  if (!shown) error(404, `No paper here is by '${params.name.slice(0, 100)}'.`)
  return { shown }
}
