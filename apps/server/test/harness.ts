/** A server on a port of its own with an empty data directory and the paper from outside. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createEdge, openOffprint, type PageHandler, readSettings } from '@offprint/server'

export const outsidePaper = fileURLToPath(new URL('./outside-paper', import.meta.url))

/** A folder that is gone after the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'offprint-test-'))
  // A process in the background may write its last file into it just now.
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }))
  return folder
}

/** Stands in for the site: says what it was asked for. */
const plainPages: PageHandler = (request, response) => {
  response.statusCode = request.problem?.status ?? 200
  response.end(request.problem ? `problem: ${request.problem.detail}` : `page ${request.url}`)
}

export async function startServer(
  t: TestContext,
  environment: Record<string, string> = {},
  pages: PageHandler = plainPages,
  options: { syncSite?: string } = {},
) {
  const settings = readSettings(
    { DATA_DIR: temporaryFolder(t), PAPERS: outsidePaper, RUN_CONCURRENCY: '2', PORT: '0', ...environment },
    '/nonexistent/.env',
  )
  const offprint = await openOffprint(settings, options)
  const server = createEdge(offprint, pages)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await offprint.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    offprint,
    settings,
    url,
    /** Posts JSON and waits for the run to end. */
    async run(path: string, body: unknown = {}) {
      const response = await fetch(`${url}/api/run/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', prefer: 'wait=60' },
        body: JSON.stringify(body),
      })
      return { status: response.status, body: await response.json(), headers: response.headers }
    },
  }
}
