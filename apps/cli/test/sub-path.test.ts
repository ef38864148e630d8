/** The whole site under a path of another one, behind a proxy, in a real browser. Skipped by name without Chromium. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { random } from '@offprint/kernels'
import type { BrowserContextOptions } from 'playwright-core'
import { scanHtml } from '../../server/src/edge/sub-path.ts'
import { startServer } from '../../server/test/harness.ts'
import { skip, withBrowser } from './browser.ts'

const base = '/offprint'

describe('under a path', { skip }, () => {
  const { browser, pages } = withBrowser()

  /** The server behind a proxy that passes on what lies below the path, and answers 404 to all else. */
  async function behindProxy(t: TestContext, environment: Record<string, string> = {}, { strips = false } = {}) {
    let upstream = ''
    const outside: string[] = []
    const forward = (request: IncomingMessage) => request.url!.startsWith(`${base}/`) || request.url === base
    const proxy = createServer((request, response) => {
      if (!forward(request)) {
        // A browser looks for it by itself.
        if (request.url !== '/favicon.ico') outside.push(request.url!)
        response.writeHead(404).end('the other site')
        return
      }
      // As nginx and Caddy do for a path that ends in a slash.
      if (strips && request.url === base) return void response.writeHead(301, { location: `${base}/` }).end()
      const path = strips ? request.url!.slice(base.length) || '/' : request.url!
      const passed = send(upstream + path, { method: request.method, headers: request.headers }, answer => {
        response.writeHead(answer.statusCode!, answer.rawHeaders)
        answer.pipe(response)
      })
      passed.on('error', () => response.destroy())
      request.pipe(passed)
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    t.after(() => {
      proxy.closeAllConnections()
      proxy.close()
    })
    const origin = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const served = await startServer(t, { PUBLIC_URL: origin + base, ...environment }, pages())
    upstream = served.url
    return { ...served, origin, site: origin + base, outside }
  }

  async function open(t: TestContext, options: BrowserContextOptions = {}) {
    const context = await browser().newContext(options)
    t.after(() => context.close())
    const page = await context.newPage()
    const wrong: string[] = []
    page.on('pageerror', error => wrong.push(`script error: ${error.message}`))
    page.on('console', message => message.type() === 'error' && wrong.push(message.text()))
    page.on('response', response => response.status() >= 400 && wrong.push(`${response.status()} ${response.url()}`))
    return { page, context, wrong }
  }

  for (const strips of [false, true])
    test(`the whole tour, with a proxy that ${strips ? 'takes the path off' : 'passes the path on'}`, async t => {
      const { site, origin, outside } = await behindProxy(t, {}, { strips })
      const { page, wrong } = await open(t)
      await page.goto(`${site}/import`)
      await page
        .getByLabel('Paste a daily-papers listing')
        .fill(`${JSON.stringify({ arxivId: 'cs/9808004', title: 'An old paper', abstract: 'Of old.', authors: [] })}\n`)
      await page.getByRole('button', { name: 'Import' }).click()
      await page.getByText('1 new, 0 updated').waitFor()
      await page.getByLabel('Search papers').fill('k-medoids')
      await page.keyboard.press('Enter')
      await page
        .getByRole('link', { name: /Fast and Eager k-Medoids/ })
        .first()
        .click()
      await page.getByRole('link', { name: 'Fill in the example' }).click()
      await page.getByLabel('k, the number of clusters').fill('0')
      await page.getByRole('button', { name: 'Run', exact: true }).click()
      await page.getByText('k must be a whole number').first().waitFor()
      await page.getByLabel('k, the number of clusters').fill('4')
      await page.getByRole('button', { name: 'Run', exact: true }).click()
      await page.waitForURL(/\/offprint\/runs\//)
      await page.locator('.headline .badge.done').waitFor()
      await page.locator('#labels').getByRole('link', { name: 'distance to its medoid' }).click()
      await page.locator('#labels [aria-sort=ascending]').waitFor()
      assert.match(
        await page
          .locator('pre code')
          .allTextContents()
          .then(all => all.join('\n')),
        new RegExp(`${site}/api/run/fasterpam/cluster`),
      )
      await page.locator('.themes').getByRole('button', { name: 'Dark' }).click()
      await page.goto(`${site}/claims`)
      assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark')
      await page.goto(site)
      assert.equal(page.url(), `${site}/`)
      const background = await page.evaluate(() => getComputedStyle(document.body).fontFamily)
      assert.match(background, /Source Sans|Newsreader/)
      await page.evaluate(() => document.fonts.load('1rem "Newsreader Variable"'))
      assert.ok(await page.evaluate(() => [...document.fonts].some(font => font.status === 'loaded')), 'fonts come')

      // Every address of every page that can be reached by links.
      const seen = new Set<string>()
      const waiting = [`${site}/`]
      while (waiting.length && seen.size < 200) {
        const address = waiting.shift()!
        if (seen.has(address)) continue
        seen.add(address)
        const response = await fetch(address, { headers: { accept: 'text/html' } })
        assert.equal(response.status, 200, address)
        if (!/^text\/html/.test(response.headers.get('content-type')!)) continue
        const text = await response.text()
        for (const [, value] of text.matchAll(/\s(?:href|src|action|formaction)="([^"]*)"/g)) {
          const found = new URL(value.replaceAll('&amp;', '&'), address)
          if (found.origin !== origin) continue
          assert.ok(found.pathname.startsWith(`${base}/`), `${value} on ${address}`)
          found.hash = ''
          // What is only posted to is not fetched.
          if (
            !/\/(?:theme|logout|cancel|repeat|import|api\/.*)$/.test(found.pathname) ||
            found.pathname === `${base}/import`
          )
            waiting.push(found.href)
        }
      }
      assert.ok(seen.size > 60, `${seen.size} pages and files`)
      for (const feed of ['atom', 'rss', 'json']) {
        const text = await (await fetch(`${site}/feed.${feed}`)).text()
        assert.ok(text.includes(`${site}/papers/cs/9808004`), feed)
      }
      const answer = await fetch(`${site}/api/run/fasterpam/cluster`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ table: 'x\n1\n2\n3\n', k: 1 }),
      })
      const { url, page: shown } = (await answer.json()) as { url: string; page: string }
      for (const path of [url, shown, answer.headers.get('location')!])
        assert.equal((await fetch(origin + path)).status, 200, path)
      assert.deepEqual(outside, [])
      assert.deepEqual(
        wrong.filter(text => !/ERR_ABORTED/.test(text)),
        [],
      )
    })

  test('progress of a run comes live, and it can be cancelled', async t => {
    const { site, offprint, outside } = await behindProxy(t)
    const { page, wrong } = await open(t)
    const run = await offprint.runs.submit('outside', 'wait', { deaf: false })
    await page.goto(`${site}/runs/${run.id}`)
    await page.waitForFunction(
      () =>
        Number(document.querySelector('progress')?.getAttribute('value') ?? document.querySelector('progress')?.value) >
        0,
    )
    await page.getByRole('button', { name: /cancel/i }).click()
    await page.locator('.headline .badge.cancelled').waitFor()
    assert.deepEqual([outside, wrong], [[], []])
  })

  test('the owner logs in and out; the cookie is of this path', async t => {
    const token = 'a-secret-of-the-owner'
    const { site, origin, outside } = await behindProxy(t, { OWNER_TOKEN: token })
    const { page, context } = await open(t)
    await page.goto(`${site}/runs?paper=fasterpam`)
    assert.equal(page.url(), `${site}/login?next=%2Fruns%3Fpaper%3Dfasterpam`)
    await page.getByLabel(/token/i).fill('a wrong token for sure')
    await page.getByRole('button', { name: /log in/i }).click()
    await page.waitForURL(/wrong=1/)
    await page.getByLabel(/token/i).fill(token)
    await page.getByRole('button', { name: /log in/i }).click()
    await page.getByRole('heading', { level: 1, name: 'Runs' }).waitFor()
    assert.equal(page.url(), `${site}/runs?paper=fasterpam`)
    const [cookie] = await context.cookies(site)
    assert.deepEqual([cookie.name, cookie.path], ['offprint', base])
    assert.deepEqual(await context.cookies(origin), [])
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.waitForURL(`${site}/login`)
    assert.deepEqual(await context.cookies(site), [])
    assert.deepEqual(outside, [])
  })

  test('what was read is kept there too, and the app is of this path', async t => {
    const { site, outside } = await behindProxy(t)
    const { page, context } = await open(t)
    await page.goto(`${site}/papers/2008.05171`)
    const scope = await page.evaluate(async () => (await navigator.serviceWorker.ready).scope)
    assert.equal(scope, `${site}/`)
    await page.waitForFunction(() => navigator.serviceWorker.controller)
    await page.reload()
    const session = await context.newCDPSession(page)
    const { errors, url, data } = await session.send('Page.getAppManifest')
    assert.deepEqual([errors, url], [[], `${site}/manifest.webmanifest`])
    assert.equal(new URL(JSON.parse(data!).start_url, url).href, `${site}/`)
    for (let tries = 0; tries < 500; tries++)
      if (await page.evaluate(async () => Boolean(await caches.match(location.href)))) break
    await context.setOffline(true)
    await page.reload()
    await page.locator('[data-kept-page]').waitFor()
    assert.equal(await page.locator('.masthead-inner').evaluate(one => getComputedStyle(one).display), 'grid')
    await page.getByRole('link', { name: 'All kept pages' }).click()
    await page.locator('ul.kept a').first().click()
    await page.locator('[data-kept-page]').waitFor()
    assert.deepEqual(outside, [])
  })

  test('a browser reads what was rewritten as it would have read it before, but for the addresses', async t => {
    const { page } = await open(t)
    const parts = [
      '<a href="/x">',
      "<a\nhref='/x' href=/y>",
      '<a href=/x/>',
      '<a href = "/x"title=\'/y\'>',
      '</a>',
      '<p>',
      '</p href="/x">',
      '<img src="/x" srcset="/x 1x, /y 2x">',
      '<!-- <a href="/x"> -->',
      '<!-->',
      '<!--->',
      '<!-- a --!>',
      '<!-- ',
      '<!doctype html>',
      '<?x href="/x"?>',
      '</ x>',
      '</>',
      '<',
      '>',
      '"',
      "'",
      '=',
      '/',
      ' href="/x" ',
      '<script>var a = \'<a href="/x">\'</script>',
      '<script src="/x"></script >',
      '<style>a{content:\'<a href="/x">\'}</style>',
      '<title><a href="/x"></title>',
      '<textarea><a href="/x"></textarea>',
      '<textarea>',
      '<svg><title>t</title><use href="/x" /></svg>',
      '<math><mi>x</mi></math>',
      '<table><tr><td><a href="/x">',
      '</table>',
      '<form action="/x">',
      '<button formaction=/x>',
      '<noscript><a href="/x"></noscript>',
      '<a ="/x" href="//e.example">',
      '<a href="/\\e">',
      '<a/href="/x"/>',
      '<a href>',
      '<a href=>',
      '<template><a href="/x"></template>',
      '&lt;a href="/x"&gt;',
      'é文',
      '<select><option value="/x">',
      '<xmp><a href="/x"></xmp>',
    ]
    const { integer } = random(7)
    const cases = Array.from({ length: 3000 }, () => {
      const html = Array.from({ length: 1 + integer(9) }, () => parts[integer(parts.length)]).join('')
      const scanner = scanHtml('/BASE')
      return { html, scanned: Buffer.concat([scanner.push(Buffer.from(html)), scanner.end()]).toString() }
    })
    assert.ok(cases.filter(({ html, scanned }) => html !== scanned).length > 1500)
    const different = await page.evaluate(list => {
      const addressed = ['href', 'src', 'action', 'formaction', 'poster', 'srcset']
      const shown = (node: Node): unknown => {
        const inner = node instanceof HTMLTemplateElement ? node.content : node
        return {
          name: node.nodeName,
          text: node.nodeValue,
          attributes:
            node instanceof Element
              ? [...node.attributes].map(({ name, value }) => [
                  name,
                  addressed.includes(name) ? value.replaceAll('/BASE', '') : value,
                ])
              : [],
          children: [...inner.childNodes].map(shown),
        }
      }
      const parse = (html: string) => new DOMParser().parseFromString(html, 'text/html')
      return list.filter(({ html, scanned }) => {
        const after = parse(scanned)
        const all = (root: ParentNode): Element[] =>
          [...root.querySelectorAll('*')].flatMap(one => [
            one,
            ...(one instanceof HTMLTemplateElement ? all(one.content) : []),
          ])
        const left = all(after).some(one =>
          ['href', 'src', 'action', 'formaction'].some(name =>
            /^[\t\n\f\r ]*\/(?![/\\]|BASE\/)/.test(one.getAttribute(name) ?? ''),
          ),
        )
        return left || JSON.stringify(shown(parse(html))) !== JSON.stringify(shown(after))
      })
    }, cases)
    assert.deepEqual(different.slice(0, 3), [], `${different.length} differ`)
  })
})
