/** A real browser for tests of pages, and the site's own handler. Skipped by name where there is no Chromium. */
import { existsSync } from 'node:fs'
import { after, before, type TestContext } from 'node:test'
import type { PageHandler } from '@offprint/server'
import { type Browser, type BrowserContextOptions, chromium } from 'playwright-core'
import { startServer } from '../../server/test/harness.ts'

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
export const skip = executablePath ? false : 'no Chromium on this machine'

// The same as `offprint serve` sets for the site's handler.
process.env.PROTOCOL_HEADER = 'x-forwarded-proto'
process.env.HOST_HEADER = 'host'

/** For all tests of a `describe`: call it at the top of one. */
export function withBrowser() {
  let browser: Browser
  let pages: PageHandler
  before(async () => {
    pages = (await import('@offprint/site')).handler as unknown as PageHandler
    browser = await chromium.launch({
      executablePath,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    })
  })
  after(() => browser?.close())

  return {
    /** Known once the tests have begun. */
    browser: () => browser,
    pages: () => pages,

    serve: (t: TestContext, environment: Record<string, string> = {}) => startServer(t, environment, pages),

    /** A page in a context of its own, and what went wrong on it so far. */
    async open(t: TestContext, options: BrowserContextOptions = {}) {
      const context = await browser.newContext(options)
      t.after(() => context.close())
      const page = await context.newPage()
      const wrong: string[] = []
      page.on('pageerror', error => wrong.push(`script error: ${error.message}`))
      page.on('console', message => {
        // A page that is meant to be 404 or 400 says so in the console.
        if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) wrong.push(message.text())
      })
      page.on('dialog', dialog => {
        wrong.push(`a script ran: ${dialog.message()}`)
        dialog.dismiss()
      })
      return { page, wrong }
    },
  }
}
