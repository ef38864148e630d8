/** Every page in a real browser, with and without scripts. Skipped by name where there is no Chromium. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { temporaryFolder } from '../../server/test/harness.ts'
import { skip, withBrowser } from './browser.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const hostile = [
  {
    arxivId: '2401.00001',
    title: '<script>alert(1)</script><img src=x onerror=alert(2)> & a title',
    abstract: `An abstract with </p><script>alert(3)</script> in it.\n\nSecond paragraph. ${'A_very_long_word'.repeat(30)}`,
    authors: Array.from({ length: 300 }, (_, index) => ({ name: `Author "${index}" <b>O’Neil</b>` })),
    categories: ['cs.LG'],
    projectPage: 'javascript:alert(4)',
  },
]

const listing = `Daily Papers

byAK and the research community

Dec 12

Grid Medoids for Everyone

Some people want medoids on grids, and grids are everywhere. ${'This abstract goes on to say how they get them. '.repeat(5)}

  • 3 authors
·
Dec 10
`

describe('pages', { skip }, () => {
  const { open, serve } = withBrowser()

  async function withRuns(t: import('node:test').TestContext) {
    const served = await serve(t)
    const body = hostile.map(one => `${JSON.stringify(one)}\n`).join('')
    await fetch(`${served.url}/api/import`, { method: 'POST', body })
    const { example } = served.offprint.papers.get('fasterpam')!.methods.cluster
    const one = await served.run('fasterpam/cluster', example)
    const two = await served.run('fasterpam/cluster', { ...example, k: 4 })
    const curve = await served.run('fasterpam/choose-k', { ...example, k: undefined, kMax: 5 })
    const failed = await served.run('outside/fail', { how: 'throw' })
    const shown = await served.run('outside/show')
    const sum = await served.run('outside/sum', {
      table: { name: '<img src=x onerror=alert(5)>.csv', text: 'a<script>,x\n<script>alert(6)</script>,1\nb,2\n' },
      remark: '<script>alert(7)</script> *and* [a link](javascript:alert(8))',
    })
    const { cluster, compare } = served.offprint.tools.get('cluster-table')!.methods
    const clustered = await served.run('cluster-table/cluster', { ...cluster.example, categories: true })
    const compared = await served.run('cluster-table/compare', compare.example)
    await fetch(`${served.url}/api/check/outside/T1`, { method: 'POST', headers: { prefer: 'wait=60' } })
    await fetch(`${served.url}/api/check/outside/T2`, { method: 'POST', headers: { prefer: 'wait=60' } })
    const { computeTopics } = await import('../../server/src/library/topics.ts')
    const { library } = served.offprint
    const { withHistory } = await import('../../server/src/library/topic-history.ts')
    const records = [...library.records()]
    library.saveTopics(withHistory(await computeTopics(records), records, '2026-11-27'), library.revision())
    library.reading.change('2401.00001', { vote: true, note: '<b>note</b>', tags: ['<i>'], addTo: '<script>list' })
    library.reading.saveSearch('"<script>" OR medoids')
    const id = (record: { body: { run?: { id: string } } }) =>
      record.body.run?.id ?? assert.fail(JSON.stringify(record))
    const mailed = await withMail(served.offprint)
    const checked = served.offprint.claims('outside').find(claim => claim.run)!.run!
    const paths = [
      '/',
      '/day/2020-01-01',
      '/week/2020-W53',
      `/month/${new Date().toISOString().slice(0, 7)}`,
      '/papers/2008.05171',
      '/papers/2008.05171?method=choose-k&example=1',
      '/papers/1603.09320',
      '/tools/cluster-table',
      '/tools/cluster-table?method=compare&example=1',
      `/runs/${id(clustered)}`,
      `/runs/${id(compared)}`,
      '/papers/2401.00001',
      '/papers/outside',
      '/search?q=vector%20search',
      '/search?q=',
      '/search?q=nothingofthekind',
      '/search?q=medoids%20cat%3Anothing',
      '/trending',
      '/trending?by=hot',
      '/authors/author-7-b-o-neil-b',
      '/organizations/alibaba-cloud',
      '/categories',
      '/categories/cs.LG',
      '/categories/cs',
      '/reading',
      '/topics',
      '/topics?sort=change',
      `/topics/${library.topics()[0].id}`,
      `/topics/${library.topics()[0].id}?sort=new`,
      '/runs',
      `/runs/${id(one)}`,
      `/runs/${id(curve)}`,
      `/runs/${id(failed)}`,
      `/runs/${id(shown)}`,
      `/runs/${id(sum)}`,
      `/runs/${checked}`,
      `/compare?run=${id(one)}&run=${id(two)}`,
      '/claims',
      '/tools',
      '/import',
      '/about',
      '/login',
      '/offline',
      `/runs/${id(one)}?labels.filter=nothing&labels.sort=-distance&map.zoom=0,500,0,500`,
      `/compare?run=${id(curve)}&run=${id(curve)}`,
      '/day/2020-01-01',
      ...mailed,
    ]
    const broken: [string, number][] = [
      ['/nothing', 404],
      ['/papers/none', 404],
      ['/tools/none', 404],
      ['/runs/none', 404],
      ['/topics/none', 404],
      ['/authors/none', 404],
      ['/organizations/none', 404],
      ['/categories/none', 404],
      ['/day/tomorrow', 404],
      ['/day/2020-01', 404],
      ['/week/2025-W53', 404],
      ['/month/2999-01', 404],
      ['/compare?run=1', 400],
      ['/import?report=none', 404],
      ['/subscriptions/none', 404],
      ['/mail/999', 404],
    ]
    return { ...served, paths, broken }
  }

  /** Somebody with two digests, a third that waits to be confirmed, and a digest in the outbox; gives the pages of all that. */
  async function withMail({ mail }: Awaited<ReturnType<typeof serve>>['offprint']) {
    const { subscribers } = mail
    const wish = {
      address: `${'long.'.repeat(12)}name@example.org`,
      kind: 'daily',
      hour: 7,
      zone: 'Europe/Berlin',
    } as const
    const links = ['', 'vector <b>search</b>', 'unconfirmed'].map(query => {
      mail.ask({ ...wish, query })
      return subscribers.newLink(mail.outbox.list()[0].confirmation!)
    })
    const [manage] = links.slice(0, 2).map(link => subscribers.confirm(link)!)
    const { id } = subscribers.managed(manage)!.subscriptions[0]
    const content = { keys: ['2401.00001', '2008.05171'], total: 2, at: Date.now(), after: '', until: '' }
    mail.outbox.queueDigest(id, wish.address, '2026-12-12', content)
    const [digest, confirmation] = mail.outbox.list()
    const leave = subscribers.leaveToken(id, wish.address)
    return [
      '/subscribe',
      '/subscribe?asked=1',
      '/subscribe?q=vector%20search',
      `/confirm/${links[2]}`,
      `/confirm/${links[0]}`,
      '/confirm/none',
      `/unsubscribe/${leave}`,
      `/unsubscribe/${leave}?left=1`,
      '/unsubscribe/none',
      `/subscriptions/${manage}?confirmed=1`,
      '/mail',
      '/mail?state=sent',
      `/mail/${digest.id}`,
      `/mail/${confirmation.id}`,
    ]
  }

  test('every page stands at 390 and 1440 px, light and dark, with and without scripts, without an error', async t => {
    const { url, paths, broken } = await withRuns(t)
    for (const [width, colorScheme, javaScriptEnabled] of [
      [390, 'dark', true],
      [1440, 'light', true],
      [390, 'light', false],
    ] as const) {
      const { page, wrong } = await open(t, { viewport: { width, height: 900 }, colorScheme, javaScriptEnabled })
      for (const path of paths) {
        const response = await page.goto(url + path)
        const where = `${path} at ${width}`
        assert.equal(response!.status(), 200, where)
        assert.equal(await page.locator('h1').count(), 1, where)
        assert.match(await page.title(), /Offprint$/, where)
        const { scrollWidth } = await page.locator('html').evaluate(html => ({ scrollWidth: html.scrollWidth }))
        assert.ok(scrollWidth <= width, `${where} is ${scrollWidth} px wide`)
        assert.deepEqual(wrong, [], where)
      }
      for (const [path, status] of broken) {
        const response = await page.goto(url + path)
        assert.equal(response!.status(), status, path)
        assert.ok(await page.locator('main a[href="/"]').isVisible(), path)
        assert.deepEqual(wrong, [], path)
      }
    }
  })

  test('every page passes axe in light and dark', async t => {
    const { url, paths } = await withRuns(t)
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await open(t, { viewport: { width: 1280, height: 900 }, colorScheme, bypassCSP: true })
      for (const path of paths) {
        await page.goto(url + path)
        await page.addScriptTag({ content: axe })
        const found = await page.evaluate(async () => {
          const { axe } = globalThis as unknown as { axe: typeof import('axe-core') }
          const { violations } = await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] })
          return violations.map(
            one =>
              `${one.id}: ${one.nodes
                .slice(0, 3)
                .map(node => node.html.slice(0, 150))
                .join(' | ')}`,
          )
        })
        assert.deepEqual(found, [], `${path} in ${colorScheme}`)
      }
    }
  })

  for (const javaScriptEnabled of [true, false])
    test(`the main job ${javaScriptEnabled ? 'with' : 'without'} scripts: paste a listing, find a paper, run it, read the result`, async t => {
      const { url } = await serve(t)
      const { page, wrong } = await open(t, { viewport: { width: 1280, height: 900 }, javaScriptEnabled })
      await page.goto(`${url}/import`)
      await page.getByLabel('Paste a daily-papers listing').fill(listing)
      await page.getByRole('button', { name: 'Import' }).click()
      await page.getByText('1 new, 0 updated').waitFor()

      await page.getByLabel('Search papers').fill('k-medoids')
      await page.keyboard.press('Enter')
      await page
        .getByRole('link', { name: /Fast and Eager k-Medoids/ })
        .first()
        .click()
      await page.getByRole('link', { name: 'Fill in the example' }).click()
      assert.equal(await page.getByLabel('k, the number of clusters').inputValue(), '6')
      await page.getByRole('button', { name: 'Run', exact: true }).click()
      await page.waitForURL(/\/runs\//)
      await untilState(page, 'done')

      assert.ok(
        Number((await page.locator('[data-metric=objective] dd').first().innerText()).replaceAll(',', '')) > 30_000,
      )
      assert.equal(await page.locator('#map figure > svg').count(), 2)
      assert.equal(await page.locator('#map figure > svg.wide circle').count(), 78 + 6)
      assert.equal(await page.locator('#medoids tbody tr').count(), 6)
      const byDistance = page.locator('#labels').getByRole('link', { name: 'distance to its medoid' })
      await byDistance.click()
      await page.locator('#labels [aria-sort=ascending]').waitFor()
      await byDistance.click()
      await page.locator('#labels [aria-sort=descending]').waitFor()
      const distances = await page.locator('#labels tbody tr td:nth-child(4)').allInnerTexts()
      const numbers = distances.map(text => Number(text.replaceAll(',', '')))
      assert.deepEqual(
        numbers,
        [...numbers].sort((a, b) => b - a),
      )
      await page.locator('#labels').getByRole('link', { name: 'next →' }).click()
      await page.locator('#labels').getByText('26 to 50 shown').waitFor()
      await page.locator('#labels input[name="labels.filter"]').fill('cluster=0')
      await page.locator('#labels').getByRole('button', { name: 'Filter' }).click()
      await page
        .locator('#labels')
        .getByText(/of 78 rows/)
        .waitFor()
      for (const text of await page.locator('#labels tbody tr td:nth-child(3)').allInnerTexts()) assert.equal(text, '0')
      assert.match(page.url(), /labels\.sort=-distance.*labels\.filter=cluster%3D0/)
      const csv = await (
        await fetch(
          `${page
            .url()
            .replace('/runs/', '/api/runs/')
            .replace(/[?#].*/, '')}/tables/labels.csv`,
        )
      ).text()
      assert.equal(csv.trim().split('\n').length, 79)

      await page.getByRole('link', { name: 'Change and run' }).click()
      await page.getByText('Kept: pasted').waitFor()
      await page.getByLabel('k, the number of clusters').fill('0')
      await page.getByRole('button', { name: 'Run', exact: true }).click()
      await page.getByText('k must be a whole number from 1 to n (n = 78), found 0').waitFor()
      assert.equal(await page.getByLabel('Restarts').inputValue(), '10')
      await page.getByLabel('k, the number of clusters').fill('3')
      await page.getByRole('button', { name: 'Run', exact: true }).click()
      await page.waitForURL(/\/runs\//)
      await untilState(page, 'done')
      await page.getByRole('button', { name: 'Compare' }).click()
      await page.getByRole('heading', { name: 'Two runs compared' }).waitFor()
      assert.equal(await page.locator('dd.differs').count(), 2)
      assert.deepEqual(wrong, [])
    })

  test('a broken file is refused beside its field, and a good one takes its place', async t => {
    const { url } = await serve(t)
    const { page } = await open(t)
    await page.goto(`${url}/papers/fasterpam`)
    const file = page.getByLabel('Table: file')
    const upload = (name: string, text: string) =>
      file.setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) })
    await upload('mine.csv', 'x,y\n1,2\n3,abc\n5,6\n7,8\n')
    await page.getByLabel('k, the number of clusters').fill('2')
    await page.getByRole('button', { name: 'Run', exact: true }).click()
    const field = page.locator('.field.wrong')
    await field.waitFor()
    assert.match(await field.innerText(), /mine.csv, row 2, column 'y': 'abc' is not a number/)
    assert.equal(await page.getByLabel('k, the number of clusters').inputValue(), '2')
    await upload('mine.csv', 'x,y\n1,2\n3,4\n5,6\n7,8\n')
    await page.getByRole('button', { name: 'Run', exact: true }).click()
    await page.waitForURL(/\/runs\//)
    await untilState(page, 'done')
  })

  test('progress is shown as it comes, and a run is cancelled from its page', async t => {
    const { url } = await serve(t)
    const { page, wrong } = await open(t)
    await page.goto(`${url}/papers/outside?method=wait`)
    await page.getByRole('button', { name: 'Run', exact: true }).click()
    await page.waitForURL(/\/runs\//)
    await page.getByText('1 of 100').waitFor()
    assert.equal(await page.locator('progress').getAttribute('value'), '0.01')
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('Nothing of it goes on.').waitFor()
    assert.deepEqual(wrong, [])
  })

  test('every kind of block is shown on the page', async t => {
    const { url, run } = await serve(t)
    const { body } = await run('outside/show')
    assert.equal(body.run.status, 'done', JSON.stringify(body.run.error))
    const { page, wrong } = await open(t)
    await page.goto(`${url}/runs/${body.run.id}`)
    assert.equal(await page.locator('[data-metric=none] dd').first().innerText(), '–')
    assert.match(await page.locator('[data-metric=rate] dd').first().innerText(), /1,234.57 rows\/s/)
    assert.deepEqual(await page.locator('#table tbody tr').first().locator('td').allInnerTexts(), [
      '1.5',
      '2',
      'text',
      'true',
      '2026-11-24',
    ])
    assert.deepEqual(await page.locator('#table tbody tr').last().locator('td').allInnerTexts(), Array(5).fill('–'))
    for (const [name, marks] of [
      ['series', 'circle'],
      ['bars', 'rect'],
      ['scatter', 'circle'],
      ['graph', 'circle'],
      ['timeline', 'rect'],
    ])
      assert.ok((await page.locator(`#${name} figure > svg.wide ${marks}`).count()) > 0, name)
    const drawn = () => page.locator('#graph svg.wide .step:not(.later) path').count()
    const slider = page.getByRole('slider', { name: 'Step' })
    assert.equal(await slider.inputValue(), '3')
    const all = await drawn()
    await slider.press('ArrowLeft')
    await slider.press('ArrowLeft')
    await page.getByText('1 of 3: out').waitFor()
    assert.ok((await drawn()) < all && (await drawn()) > 0)
    await page.getByRole('button', { name: 'Play' }).click()
    await page.getByText('3 of 3: on').waitFor()
    assert.equal(await drawn(), all)
    assert.equal(await page.locator('#text td').count(), 2)
    assert.equal(await page.locator('#text li').count(), 2)
    assert.match(await page.locator('#file').innerText(), /plan.json.*as plan/s)
    assert.deepEqual(wrong, [])
  })

  test('a claim is checked from the claims page and shows what came out', async t => {
    const { url } = await serve(t)
    const { page } = await open(t)
    await page.goto(`${url}/claims`)
    const row = page.locator('#outside-T2')
    assert.match(await row.innerText(), /not checked/)
    await row.getByRole('button', { name: 'Check it here' }).click()
    await page.waitForURL(/\/runs\//)
    await untilState(page, 'done')
    await page.getByText('T2 does not hold here.').waitFor()
    await page.getByRole('link', { name: 'All claims' }).click()
    assert.match(await page.locator('#outside-T2').innerText(), /does not hold here/)
  })

  test('what users bring is shown as text, never run', async t => {
    const { url, paths } = await withRuns(t)
    const { page, wrong } = await open(t)
    await page.goto(`${url}/papers/2401.00001`)
    assert.equal(await page.locator('h1').innerText(), hostile[0].title)
    assert.equal(await page.locator('a[href^="javascript:"]').count(), 0)
    for (const path of paths.filter(one => one.startsWith('/runs/'))) {
      await page.goto(url + path)
      assert.equal(await page.locator('main script, main img, main a[href^="javascript:"]').count(), 0, path)
    }
    assert.deepEqual(wrong, [])
  })

  test('a site that others can reach asks for the token first', async t => {
    const { url } = await serve(t, { OWNER_TOKEN: 'the-token-of-the-owner' })
    const { page, wrong } = await open(t)
    await page.goto(`${url}/runs`)
    await page.getByLabel('Owner token').fill('wrong')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('That is not the token.').waitFor()
    await page.getByLabel('Owner token').fill('the-token-of-the-owner')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('heading', { name: 'Runs' }).waitFor()
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    assert.deepEqual(wrong, [])
  })

  test('reading pages carry one small script and no inline style; nothing comes from elsewhere', async t => {
    const { url, paths } = await withRuns(t)
    for (const path of ['/', '/papers/2008.05171', '/topics']) {
      const html = await (await fetch(url + path)).text()
      // JSON-LD is data: no browser runs it.
      const scripts = [...html.matchAll(/<script[^>]*>/g)].map(([tag]) => tag)
      assert.deepEqual(
        scripts.filter(tag => tag !== '<script type="application/ld+json">'),
        ['<script type="module" src="/offprint.js">'],
      )
      assert.doesNotMatch(html, /<style|style="/)
    }
    const { page } = await open(t)
    const scripts = new Set<string>()
    page.on('request', request => {
      assert.ok(request.url().startsWith(url), request.url())
      if (request.resourceType() === 'script') scripts.add(request.url())
    })
    for (const path of paths) {
      scripts.clear()
      await page.goto(url + path)
      const bodies = await Promise.all(
        [...scripts].map(async one => Buffer.from(await (await fetch(one)).arrayBuffer())),
      )
      const bytes = bodies.reduce((sum, body) => sum + gzipSync(body).length, 0)
      // Reading pages may have 15 kB, any page 60 kB.
      const most = /^\/(runs\/|compare)/.test(path) ? 60_000 : 15_000
      assert.ok(bytes > 0 && bytes <= most, `${path}: ${bytes} bytes of scripts`)
    }
  })

  test('nothing moves on a page that has come', async t => {
    const { url, paths } = await withRuns(t)
    for (const width of [390, 1440]) {
      const { page } = await open(t, { viewport: { width, height: 900 } })
      for (const path of paths) {
        await page.goto(url + path)
        const shift = await page.evaluate(async () => {
          await document.fonts.ready
          return new Promise<number>(resolve => {
            let sum = 0
            new PerformanceObserver(list => {
              for (const entry of list.getEntries()) sum += (entry as unknown as { value: number }).value
            }).observe({ type: 'layout-shift', buffered: true })
            requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)))
          })
        })
        assert.equal(shift, 0, `${path} at ${width}`)
      }
    }
  })

  test('all is done by the keyboard alone', async t => {
    const { url } = await serve(t)
    const { page, wrong } = await open(t, { viewport: { width: 1280, height: 900 } })
    const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim())
    await page.goto(url)
    await page.keyboard.press('Tab')
    assert.equal(await focused(), 'Skip to the content')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    assert.ok(await page.evaluate(() => document.querySelector('main')!.contains(document.activeElement)))
    await page.keyboard.press('?')
    assert.ok(await page.getByRole('dialog', { name: 'Keys' }).isVisible())
    await page.keyboard.press('Escape')
    assert.equal(await page.getByRole('dialog').count(), 0)

    const titles = await page.locator('.papers h2 a').allInnerTexts()
    await page.reload()
    for (const [key, at] of [
      ['j', 0],
      ['j', 1],
      ['j', 2],
      ['k', 1],
    ] as const) {
      await page.keyboard.press(key)
      assert.equal(await focused(), titles[at])
    }
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: titles[1] }).waitFor()

    await page.keyboard.press('/')
    await page.keyboard.type('k-medoids j?')
    assert.equal(await page.getByLabel('Search papers').inputValue(), 'k-medoids j?')
    await page.keyboard.press('ControlOrMeta+A')
    await page.keyboard.type('2008.05171')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: /Fast and Eager/ }).waitFor()
    await tabTo(page, 'Fill in the example')
    await page.keyboard.press('Enter')
    await page.waitForURL(/example=1/)
    await tabTo(page, 'Run')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/runs\//)
    await untilState(page, 'done')

    const map = page.locator('#map svg.wide')
    await map.focus()
    const said: string[] = []
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowLeft']) {
      await page.keyboard.press(key)
      said.push(await page.locator('#map .tooltip:not([hidden])').innerText())
    }
    assert.equal(said[0], said[2])
    assert.notEqual(said[0], said[1])
    assert.match(said[0], /east_km/)
    await tabTo(page, 'distance to its medoid')
    await page.keyboard.press('Enter')
    await page.locator('#labels [aria-sort=ascending]').waitFor()
    // The reader is still where he was.
    assert.equal(await focused(), 'distance to its medoid ↑')
    assert.deepEqual(wrong, [])
  })

  for (const javaScriptEnabled of [true, false])
    test(`the theme is the reader’s choice ${javaScriptEnabled ? 'with' : 'without'} scripts, and stays`, async t => {
      const { url } = await serve(t)
      const { page, wrong } = await open(t, { colorScheme: 'light', javaScriptEnabled })
      const background = () => page.locator('body').evaluate(body => getComputedStyle(body).backgroundColor)
      await page.goto(`${url}/search?q=vector`)
      const light = await background()
      await page.getByRole('button', { name: 'Dark' }).click()
      await page.locator('[data-theme=dark]').waitFor()
      assert.match(page.url(), /search\?q=vector$/)
      const dark = await background()
      assert.notEqual(dark, light)
      await page.waitForLoadState('networkidle')
      await page.goto(`${url}/topics`)
      assert.equal(await background(), dark)
      await page.emulateMedia({ media: 'print' })
      assert.equal(await background(), 'rgb(255, 255, 255)')
      assert.equal(await page.getByRole('navigation', { name: 'Main' }).isVisible(), false)
      await page.emulateMedia({ media: 'screen' })
      await page.getByRole('button', { name: 'System' }).click()
      await page.locator('[data-theme=""]').waitFor()
      assert.equal(await background(), light)
      assert.deepEqual(wrong, [])
    })

  test('a chart says what is under the pointer, hides series, and shows a part closer', async t => {
    const { url, run, offprint } = await serve(t)
    const { example } = offprint.papers.get('fasterpam')!.methods.cluster
    const { body } = await run('fasterpam/cluster', example)
    const { page, wrong } = await open(t, { viewport: { width: 1440, height: 1000 } })
    await page.goto(`${url}/runs/${body.run.id}`)
    const map = page.locator('#map')
    const chart = map.locator('svg.wide')
    await chart.scrollIntoViewIfNeeded()
    await chart.locator('circle').nth(20).hover({ force: true })
    assert.match(await map.locator('.tooltip:not([hidden])').innerText(), /\neast_km: .*\nnorth_km: /)

    await map.getByRole('button', { name: '2', exact: true }).click()
    assert.equal(await map.getByRole('button', { name: '2', exact: true }).getAttribute('aria-pressed'), 'false')
    assert.match((await chart.locator('.area.g2').getAttribute('class'))!, /faded/)

    const before = (await chart.getAttribute('data-x'))!.split(' ').map(Number)
    const { x, y, width, height } = (await chart.boundingBox())!
    await page.mouse.move(x + width / 2, y + height / 4)
    await page.mouse.down()
    await page.mouse.move(x + 0.9 * width, y + 0.7 * height, { steps: 4 })
    await page.mouse.up()
    await map.getByRole('link', { name: 'Whole chart' }).waitFor()
    const after = (await chart.getAttribute('data-x'))!.split(' ').map(Number)
    assert.ok(after[0] > before[0] && after[1] < before[1], `${after} within ${before}`)
    assert.match(page.url(), /map\.zoom=/)
    assert.match((await chart.locator('.area.g2').getAttribute('class'))!, /faded/)
    await map.getByRole('link', { name: 'Whole chart' }).click()
    await map.getByRole('link', { name: 'Whole chart' }).waitFor({ state: 'detached' })
    assert.deepEqual((await chart.getAttribute('data-x'))!.split(' ').slice(0, 2).map(Number), before.slice(0, 2))

    const svg = await (await fetch(`${url}/runs/${body.run.id}/charts/map.svg`)).text()
    assert.match(svg, /^<svg[^>]* xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
    assert.match(svg, /\.area\.s1\{fill:#[0-9a-f]{6}\}/)
    assert.deepEqual(wrong, [])
  })

  test('a table of 100,000 rows is filtered and sorted in its place', async t => {
    const { url, run } = await serve(t)
    const rows = Array.from({ length: 100_000 }, (_, row) => `city ${row},${(row * 7919) % 100_003}`)
    const { body } = await run('outside/sum', { table: { name: 'many.csv', text: `name,x\n${rows.join('\n')}\n` } })
    const { page, wrong } = await open(t)
    await page.goto(`${url}/runs/${body.run.id}`)
    const table = page.locator('#rows')
    await table.getByText('100,000 rows, 1 to 25 shown').waitFor()
    await page.evaluate(() => {
      ;(window as unknown as { stayed: boolean }).stayed = true
    })
    await table.getByRole('textbox').pressSequentially('city 9999 x>=50000')
    const wanted = rows
      .map(row => row.split(','))
      .filter(row => row.some(cell => cell.includes('9999')) && Number(row[1]) >= 50_000)
      .map(([name]) => name)
    await table.getByText(`${wanted.length} of 100,000 rows`).waitFor()
    assert.deepEqual(await table.locator('tbody td:first-child').allInnerTexts(), wanted)
    assert.equal(await table.getByRole('textbox').inputValue(), 'city 9999 x>=50000')
    await table.getByRole('textbox').fill('none of them')
    await table.getByText('No row has this.').waitFor()
    await table.getByRole('link', { name: 'All rows' }).click()
    await table.getByText('100,000 rows, 1 to 25 shown').waitFor()
    await table.getByRole('link', { name: 'x', exact: true }).click()
    await table.locator('[aria-sort=ascending]').waitFor()
    assert.equal(await table.locator('tbody tr').first().innerText(), 'city 0\t0')
    assert.ok(await page.evaluate(() => (window as unknown as { stayed: boolean }).stayed))
    assert.deepEqual(wrong, [])
  })

  test('what was changed in one block stays when another is changed, also for whoever opens the address', async t => {
    const { url, run, offprint } = await serve(t)
    const { example } = offprint.papers.get('fasterpam')!.methods.cluster
    const { body } = await run('fasterpam/cluster', example)
    const { page, wrong } = await open(t, { viewport: { width: 1440, height: 1000 } })
    await page.goto(`${url}/runs/${body.run.id}`)
    const chart = page.locator('#map svg.wide')
    await chart.scrollIntoViewIfNeeded()
    const { x, y, width, height } = (await chart.boundingBox())!
    // Both at once: neither answer may push out the other.
    const { promise: sorted, resolve: isSorted } = Promise.withResolvers<void>()
    await page.route(/only=map/, async route => {
      await sorted
      await route.continue()
    })
    await page.mouse.move(x + width / 2, y + height / 4)
    await page.mouse.down()
    await page.mouse.move(x + 0.9 * width, y + 0.7 * height, { steps: 4 })
    await page.mouse.up()
    await page.locator('#labels').getByRole('link', { name: 'silhouette' }).click()
    await page.locator('#labels [aria-sort=ascending]').waitFor()
    isSorted()
    await page.locator('#map').getByRole('link', { name: 'Whole chart' }).waitFor()
    const part = await chart.getAttribute('data-x')
    assert.match(page.url(), /map\.zoom=.*labels\.sort=silhouette|labels\.sort=silhouette.*map\.zoom=/)
    await page.reload()
    assert.equal(await chart.getAttribute('data-x'), part)
    assert.equal(await page.locator('#labels [aria-sort=ascending]').count(), 1)
    // On the last page there is no next one; the focus must not come to rest on a download.
    const labels = page.locator('#labels')
    for (const text of ['26 to 50 shown', '51 to 75 shown', '76 to 78 shown']) {
      await labels.getByRole('link', { name: 'next →' }).focus()
      await page.keyboard.press('Enter')
      await labels.getByText(text).waitFor()
    }
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), '← previous')
    assert.deepEqual(wrong, [])
  })

  test('a finger’s tap on a chart says what is there, also after it is lifted', async t => {
    const { url, run, offprint } = await serve(t)
    const { body } = await run('fasterpam/cluster', offprint.papers.get('fasterpam')!.methods.cluster.example)
    const { page } = await open(t, { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true })
    await page.goto(`${url}/runs/${body.run.id}`)
    await page.locator('#map svg.narrow circle').nth(10).tap({ force: true })
    assert.match(await page.locator('#map .tooltip:not([hidden])').innerText(), /east_km/)
  })

  test('whoever comes late to a run reads its whole log, and an interrupted run keeps it', async t => {
    const { url } = await serve(t)
    const { page } = await open(t)
    await page.goto(`${url}/papers/outside?method=wait`)
    await page.getByRole('button', { name: 'Run', exact: true }).click()
    await page.waitForURL(/\/runs\//)
    await page.locator('[data-log]').getByText('counting').waitFor()
    await page.reload()
    assert.equal(await page.locator('[data-log]').innerText(), 'counting')
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('Nothing of it goes on.').waitFor()
    assert.equal(await page.locator('[data-log]').innerText(), 'counting')
  })

  test('a page of a search behind the last one leads back to it', async t => {
    const { url } = await serve(t)
    const { page } = await open(t)
    await page.goto(`${url}/search?q=clustering&page=999`)
    await page.getByText('There is no page 999').waitFor()
    assert.equal(await page.getByText('With some of these words').count(), 0)
    await page.getByRole('link', { name: 'The last page' }).click()
    assert.ok((await page.locator('.papers li').count()) > 0)
    await page.goto(`${url}/search?q=curator`)
    await page.getByText('is called so here').waitFor({ state: 'visible' })
  })

  test('what repeats a run elsewhere works as it is pasted', async t => {
    const { url, run, offprint, settings } = await serve(t)
    const { example } = offprint.papers.get('fasterpam')!.methods.cluster
    const { table } = example as { table: { text: string } }
    const { body } = await run('fasterpam/cluster', { ...example, table: { ...table, name: "o'neil; $(x).csv" } })
    const objective = body.blocks.find((block: { name: string }) => block.name === 'objective').value
    const { page } = await open(t)
    await page.goto(`${url}/runs/${body.run.id}`)
    const codes = await page.locator('.snippets code').evaluateAll(all => all.map(one => one.textContent!))
    assert.equal(codes.length, 3)
    const folder = temporaryFolder(t)
    const offprintCommand = fileURLToPath(new URL('../bin/offprint.mjs', import.meta.url))
    const environment = { ...process.env, DATA_DIR: settings.DATA_DIR }
    const [shell, script, http] = codes
    const pasted = async (code: string) =>
      (await promisify(execFile)('bash', ['-ec', code], { cwd: folder, env: environment, maxBuffer: 1e8 })).stdout
    const inFolder = shell.replace('npx offprint', `node '${offprintCommand}'`)
    assert.equal(metricOf(JSON.parse(await pasted(`${inFolder} --json`)), 'objective'), objective)
    assert.equal(metricOf(JSON.parse(await pasted(http)), 'objective'), objective)
    writeFileSync(join(folder, 'run.mjs'), script)
    assert.match(await pasted(`'${process.execPath}' run.mjs`), new RegExp(`^done\\nTotal deviation ${objective}`))
  })

  test('where the site does not answer, a page of its own says so', async t => {
    const { url } = await serve(t)
    const { page } = await open(t)
    await page.goto(url)
    await page.evaluate(() => navigator.serviceWorker.ready)
    await page.context().setOffline(true)
    await page.goto(`${url}/runs`)
    await page.getByRole('heading', { name: 'This site does not answer' }).waitFor()
    // With its styles, which are kept too.
    assert.equal(await page.locator('.masthead-inner').evaluate(one => getComputedStyle(one).display), 'grid')
    await page.context().setOffline(false)
    await page.getByRole('link', { name: 'load this page anew' }).click()
    await page.getByRole('heading', { name: 'Runs' }).waitFor()
  })

  test('an empty library says what to do next', async t => {
    const { url, settings } = await serve(t)
    const { page } = await open(t)
    const database = new DatabaseSync(join(settings.DATA_DIR, 'offprint.db'))
    database.exec('DELETE FROM papers; DELETE FROM search')
    database.close()
    await page.goto(url)
    await page.getByRole('heading', { name: 'No papers yet' }).waitFor()
    await page.getByRole('link', { name: 'import it' }).click()
    await page.getByRole('heading', { name: 'Import papers' }).waitFor()
    await page.goto(`${url}/runs`)
    await page.getByText('Nothing has been run yet.').waitFor()
    await page.goto(`${url}/search?q=`)
    await page.getByText('No paper has come in yet.').waitFor()
  })

  for (const javaScriptEnabled of [true, false])
    test(`a reader subscribes, confirms, changes and leaves ${javaScriptEnabled ? 'with' : 'without'} scripts`, async t => {
      const { url, offprint } = await serve(t)
      const { mail } = offprint
      const { page, wrong } = await open(t, { javaScriptEnabled, timezoneId: 'America/New_York' })
      await page.goto(`${url}/search?q=vector%20search`)
      await page.locator('.subscribe summary').click()
      await page.getByLabel('Address').fill('ada@example.org')
      await page.getByLabel('How often').selectOption('weekly')
      await page.getByLabel('Hour').selectOption('18')
      const zone = page.getByLabel('Time zone')
      if (javaScriptEnabled) assert.equal(await zone.inputValue(), 'America/New_York')
      else await zone.fill('America/New_York')
      await page.getByLabel('Send me this mail until I leave').check()
      await page.getByRole('button', { name: 'Subscribe' }).click()
      await page.waitForURL(`${url}/subscribe?asked=1`)
      assert.match(await page.locator('main').innerText(), /A mail with a link is on its way/)

      await page.goto(`${url}/mail`)
      assert.match(await page.locator('main').innerText(), /No mail server is set/)
      await page.getByRole('region', { name: 'Outbox' }).locator('tbody a').click()
      await page.getByRole('button', { name: 'Open its link' }).click()
      await page.waitForURL(`${url}/confirm/*`)
      await page.getByRole('button', { name: 'Confirm' }).click()
      await page.waitForURL(`${url}/subscriptions/*?confirmed=1`)
      assert.match(
        await page.locator('main').innerText(),
        /On Mondays at 18:00 \(America\/New_York\); the next is due Monday/,
      )
      await page.getByLabel('Hour').selectOption('6')
      await page.getByRole('button', { name: 'Change the hour' }).click()
      await page.waitForURL(`${url}/subscriptions/*?changed=1`)
      const [subscriber] = mail.subscribers.list()
      assert.deepEqual([subscriber.subscriptions[0].hour, subscriber.subscriptions[0].query], [6, 'vector search'])

      await page.goto(
        `${url}/unsubscribe/${mail.subscribers.leaveToken(subscriber.subscriptions[0].id, subscriber.address)}`,
      )
      assert.equal(mail.subscribers.list()[0].subscriptions[0].state, 'active')
      await page.getByRole('button', { name: 'Unsubscribe' }).click()
      await page.getByRole('heading', { name: 'You have left' }).waitFor()
      assert.equal(mail.subscribers.list()[0].subscriptions[0].state, 'left')
      assert.deepEqual(wrong, [])
    })
})

/** Presses Tab until the control of this text has the focus. */
async function tabTo(page: Page, text: string): Promise<void> {
  for (let press = 0; press < 150; press++) {
    await page.keyboard.press('Tab')
    if ((await page.evaluate(() => document.activeElement?.textContent?.trim())) === text) return
  }
  assert.fail(`Tab never reaches '${text}'`)
}

function metricOf({ blocks }: { blocks: { name: string; value: number }[] }, name: string): number {
  return blocks.find(block => block.name === name)!.value
}

/** Waits until the run's page shows a state; without scripts the page loads itself anew. */
async function untilState(page: Page, state: string): Promise<void> {
  await page.locator(`.headline .badge.${state}`).waitFor({ timeout: 30_000 })
}
