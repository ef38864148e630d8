import { error } from '@sveltejs/kit'
import { showFacet } from '#lib/server/facet.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint }, params, url }) => {
  const shown = showFacet(offprint, 'organization', params.name, url)
  if (!shown) error(404, `No paper here is from '${params.name.slice(0, 100)}'.`)
  return { shown }
}
