/** What can be read where the site does not answer, and the site as an app; in a real browser. Skipped without Chromium. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as timeout } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { startServer } from '../../server/test/harness.ts'
import { skip, withBrowser } from './browser.ts'

describe('offline', { skip }, () => {
  const { browser, pages } = withBrowser()

  async function open(t: TestContext, environment: Record<string, string> = {}, withPages = pages()) {
    const served = await startServer(t, environment, withPages)
    const context = await browser().newContext()
    t.after(() => context.close())
    const page = await context.newPage()
    return { ...served, page, context }
  }

  /** The service worker works, and has kept the page that is open. */
  async function ready(page: Page) {
    await page.evaluate(() => navigator.serviceWorker.ready)
    await page.waitForFunction(() => navigator.serviceWorker.controller)
    await untilKept(page, page.url())
  }

  /** Polls: what a page is asked for here comes as a promise. */
  async function until(holds: () => Promise<boolean>, what: string) {
    for (let tries = 0; tries < 1000; tries++) {
      if (await holds()) return
      await timeout(20)
    }
    assert.fail(what)
  }

  const untilKept = (page: Page, url: string) =>
    until(
      () => page.evaluate(async address => Boolean(await caches.match(address)), url.replace(/#.*/, '')),
      `${url} is kept`,
    )

  const keptPages = (page: Page) =>
    page.evaluate(async () => {
      const name = (await caches.keys()).find(one => one.startsWith('offprint-pages'))
      if (!name) return []
      return (await (await caches.open(name)).keys()).map(
        request => new URL(request.url).pathname + new URL(request.url).search,
      )
    })

  test('what was read is there without the site, and says so; what was not leads to a list of it', async t => {
    const { url, page, context } = await open(t)
    await page.goto(`${url}/papers/2008.05171`)
    await ready(page)
    await page.goto(`${url}/search?q=k-medoids&x=<"`)
    await untilKept(page, page.url())
    await page.goto(`${url}/import`)
    await context.setOffline(true)

    await page.goto(`${url}/papers/2008.05171`)
    await page.getByRole('heading', { level: 1, name: /Fast and Eager k-Medoids/ }).waitFor()
    assert.match(
      await page.locator('[data-kept-page]').innerText(),
      /^Kept from \d+ \w+ \d{4}.*; the site does not answer now\./,
    )
    assert.ok(await page.locator('[data-kept-page]').isVisible())
    if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/kept.png` })
    // With its styles.
    assert.equal(await page.locator('.masthead-inner').evaluate(one => getComputedStyle(one).display), 'grid')

    await page.goto(`${url}/papers/1603.09320`)
    await page.getByRole('heading', { name: 'This site does not answer' }).waitFor()
    if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/offline.png` })
    const links = page.locator('ul.kept a')
    assert.deepEqual(await links.allInnerTexts(), [
      'k-medoids · Search',
      'Fast and Eager k-Medoids Clustering: O(k) Runtime Improvement of the PAM, CLARA, and CLARANS Algorithms',
    ])
    await links.first().click()
    await page.getByRole('heading', { level: 1 }).waitFor()
    assert.equal(await page.locator('[data-kept-page]').count(), 1)
    await page.goto(`${url}/import`)
    await page.getByRole('heading', { name: 'This site does not answer' }).waitFor()

    await context.setOffline(false)
    await page.goto(`${url}/papers/2008.05171`)
    await page.getByRole('heading', { level: 1, name: /Fast and Eager/ }).waitFor()
    assert.equal(await page.locator('[data-kept-page]').count(), 0)
  })

  test('a proxy whose server is gone counts as no answer', async t => {
    let gone = false
    const { url, page } = await open(t, {}, (request, response) => {
      if (!gone) return pages()(request, response)
      response.writeHead(502, { 'content-type': 'text/html' }).end('Bad gateway')
    })
    await page.goto(`${url}/claims`)
    await ready(page)
    gone = true
    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'Claims' }).waitFor()
    assert.equal(await page.locator('[data-kept-page]').count(), 1)
  })

  test('at most 100 pages are kept, the last ones, and none that is of the moment', async t => {
    const { url, page } = await open(t)
    await page.goto(`${url}/about`)
    await ready(page)
    for (const path of ['/import', '/offline', '/papers/2008.05171?draft=none', '/api/papers', '/nothing'])
      await page.goto(url + path)
    for (let number = 0; number < 105; number++) await page.goto(`${url}/search?q=${number}`, { waitUntil: 'commit' })
    await page.goto(`${url}/claims`)
    await untilKept(page, `${url}/claims`)
    await until(async () => (await keptPages(page)).length <= 100, 'the rest is gone')
    const kept = await keptPages(page)
    assert.ok(kept.includes('/claims'), String(kept))
    assert.equal(kept.length, 100)
    assert.ok(
      kept.every(path => path.startsWith('/search?q=') || path === '/claims'),
      String(kept),
    )
    assert.ok(!kept.includes('/search?q=0'))
  })

  test('who logs out leaves nothing to be read', async t => {
    const token = 'a-secret-of-the-owner'
    const { url, page, context } = await open(t, { OWNER_TOKEN: token })
    await page.goto(`${url}/runs`)
    await page.getByLabel(/token/i).fill(token)
    await page.getByRole('button', { name: /log in/i }).click()
    await page.getByRole('heading', { level: 1, name: 'Runs' }).waitFor()
    await page.evaluate(() => navigator.serviceWorker.ready)
    await page.reload()
    await untilKept(page, `${url}/runs`)
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('button', { name: /log in/i }).waitFor()
    await until(async () => !(await keptPages(page)).length, 'the kept pages are gone')
    await context.setOffline(true)
    await page.goto(`${url}/runs`)
    await page.getByRole('heading', { name: 'This site does not answer' }).waitFor()
    assert.equal(await page.locator('ul.kept').count(), 0)
  })

  test('the site can be installed as an app', async t => {
    const { url, page, context } = await open(t)
    await page.goto(url)
    const session = await context.newCDPSession(page)
    const { errors, data } = await session.send('Page.getAppManifest')
    assert.deepEqual(errors, [])
    const manifest = JSON.parse(data!)
    assert.equal(manifest.display, 'standalone')
    for (const { src, sizes, type } of manifest.icons) {
      const response = await fetch(new URL(src, url))
      assert.equal(response.status, 200, src)
      assert.equal(response.headers.get('content-type'), type)
      if (type !== 'image/png') continue
      const bytes = Buffer.from(await response.arrayBuffer())
      assert.ok(bytes.length < 10_000, `${src}: ${bytes.length} bytes`)
      assert.equal(`${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}`, sizes)
    }
    await page.evaluate(() => navigator.serviceWorker.ready)
    const { installabilityErrors } = await session.send('Page.getInstallabilityErrors')
    // A window without history or profile is what this test runs in.
    assert.deepEqual(
      installabilityErrors.filter(error => error.errorId !== 'in-incognito'),
      [],
    )
  })

  test('a paper’s page carries its data for reference managers, and the policy lets it stand', async t => {
    const { url, page } = await open(t, { PUBLIC_URL: 'https://papers.example' })
    const wrong: string[] = []
    page.on('console', message => message.type() === 'error' && wrong.push(message.text()))
    await page.goto(`${url}/papers/2008.05171`)
    const content = (name: string) =>
      page
        .locator(`meta[name="${name}"], meta[property="${name}"]`)
        .evaluateAll(all => all.map(one => (one as HTMLMetaElement).content))
    assert.equal(
      await page.locator('link[rel=canonical]').getAttribute('href'),
      'https://papers.example/papers/2008.05171',
    )
    assert.deepEqual(await content('citation_arxiv_id'), ['2008.05171'])
    assert.equal((await content('description')).length, 1)
    assert.deepEqual(await content('og:url'), ['https://papers.example/papers/2008.05171'])
    const data = JSON.parse((await page.locator('script[type="application/ld+json"]').textContent())!)
    assert.match(data.name, /^Fast and Eager k-Medoids/)
    for (const path of ['/', '/topics', '/claims', '/about', '/search?q=x', '/runs']) {
      await page.goto(url + path)
      assert.equal((await content('description')).length, 1, path)
    }
    assert.deepEqual(wrong, [])
  })
})
