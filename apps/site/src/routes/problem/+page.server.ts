import type { PageRequest } from '@offprint/server'
import { error } from '@sveltejs/kit'
import type { PageServerLoad } from './$types'

/** The edge sends a browser here, in the same request, with what it refused; nobody comes here by address. */
export const load: PageServerLoad = ({ platform }) => {
  const { problem } = platform!.req as PageRequest
  error(problem?.status ?? 404, problem?.detail ?? 'Nothing is kept under this address.')
}
