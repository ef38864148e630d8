/** Pages in Chromium that load the packages' sources from plain files. Skipped by name where there is no Chromium. */
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { stripTypeScriptTypes } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { type Browser, chromium } from 'playwright-core'

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
export const skip = executablePath ? false : 'no Chromium on this machine'

export const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"
/** Headers with which a page may share memory with its workers. */
export const isolation = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}

/** For all tests of a `describe`: call it at the top of one. */
export function packagePages() {
  let browser: Browser
  before(async () => {
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--no-first-run'] })
  })
  after(() => browser?.close())

  /** Serves packages/, types taken out and names of packages made paths, and opens an empty page beside them. */
  return async (t: { after(end: () => unknown): void }, headers: Record<string, string>) => {
    const server = createServer((request, response) => {
      const path = join(import.meta.dirname, '../..', new URL(request.url!, 'http://localhost').pathname)
      const page = request.url === '/'
      const found = page || existsSync(path)
      response.writeHead(found ? 200 : 404, {
        'content-type': page ? 'text/html' : 'text/javascript',
        'content-security-policy': policy,
        ...headers,
      })
      if (page) response.end('<!doctype html><title>packages</title><link rel="icon" href="data:,">')
      else if (!found) response.end()
      else {
        const text = stripTypeScriptTypes(readFileSync(path, 'utf8'))
        response.end(text.replaceAll("'@offprint/kernels'", "'/kernels/src/index.ts'"))
      }
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const page = await browser.newPage()
    t.after(() => page.close())
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    return page
  }
}
