import { error } from '@sveltejs/kit'
import { showFacet } from '#lib/server/facet.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint }, params, url }) => {
  const shown = showFacet(offprint, 'category', params.id, url)
  if (!shown) error(404, `No paper here is in the category '${params.id.slice(0, 40)}'.`)
  return { shown, name: offprint.categoryName(params.id) }
}
