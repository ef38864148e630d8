import type { PageRequest } from '@offprint/server'
import type { Handle } from '@sveltejs/kit/hooks'
import { themeOf } from './lib/server/theme.ts'

/** The server's edge hands the library in with the request: engines never pass through the bundler. */
export const handle: Handle = ({ event, resolve }) => {
  event.locals.offprint = (event.platform!.req as PageRequest).offprint
  const theme = themeOf(event.cookies)
  return resolve(event, { transformPageChunk: ({ html }) => html.replace('%theme%', theme) })
}
