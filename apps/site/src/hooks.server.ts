import type { PageRequest } from '@offprint/server'
import type { Handle } from '@sveltejs/kit/hooks'

/** The server's edge hands the library in with the request: engines never pass through the bundler. */
export const handle: Handle = ({ event, resolve }) => {
  event.locals.offprint = (event.platform!.req as PageRequest).offprint
  return resolve(event)
}
