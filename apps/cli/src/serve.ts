/** `offprint serve`: the server's edge and the site's pages put together. */
import { once } from 'node:events'
import { createEdge, openOffprint, type PageHandler, readSettings } from '@offprint/server'

/** Serves until the process is told to stop; gives back the exit code. */
export async function serve(): Promise<number> {
  const settings = readSettings()
  const offprint = await openOffprint(settings, { syncSite: process.env.OFFPRINT_TEST_SITE })
  const server = createEdge(offprint, await sitePages())
  server.listen(settings.PORT, settings.HOST)
  try {
    await once(server, 'listening')
  } catch (error) {
    await offprint.close()
    const { code, message } = error as NodeJS.ErrnoException
    console.error(
      code === 'EADDRINUSE'
        ? `PORT ${settings.PORT} is in use already; set another, such as PORT=${settings.PORT + 1}`
        : message,
    )
    return 1
  }
  const address = server.address() as { port: number }
  const host = settings.HOST.includes(':') ? `[${settings.HOST}]` : settings.HOST
  console.log(`Offprint: http://${host === '127.0.0.1' ? 'localhost' : host}:${address.port}`)
  offprint.catchUp()
  offprint.mail.start()
  offprint.sync.start()
  await new Promise<void>(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  server.close()
  server.closeAllConnections()
  await offprint.close()
  return 0
}

async function sitePages(): Promise<PageHandler> {
  // Kit takes the scheme and host of a request from these headers, which the edge sets.
  process.env.PROTOCOL_HEADER = 'x-forwarded-proto'
  process.env.HOST_HEADER = 'host'
  const { handler } = await import('@offprint/site')
  return handler as unknown as PageHandler
}
