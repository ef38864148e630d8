/** Every page in a real browser, with and without scripts. Skipped by name where there is no Chromium. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, describe, test } from 'node:test'
import type { PageHandler } from '@offprint/server'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { startServer } from '../../server/test/harness.ts'

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
const skip = executablePath ? false : 'no Chromium on this machine'

// The same as `offprint serve` sets for the site's handler.
process.env.PROTOCOL_HEADER = 'x-forwarded-proto'
process.env.HOST_HEADER = 'host'

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

  /** A page in a context of its own, and what went wrong on it so far. */
  async function open(t: import('node:test').TestContext, options: BrowserContextOptions = {}) {
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
  }

  const serve = (t: import('node:test').TestContext, environment = {}) => startServer(t, environment, pages)

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
    await fetch(`${served.url}/api/check/outside/T1`, { method: 'POST', headers: { prefer: 'wait=60' } })
    await fetch(`${served.url}/api/check/outside/T2`, { method: 'POST', headers: { prefer: 'wait=60' } })
    const { computeTopics } = await import('../../server/src/library/topics.ts')
    const { library } = served.offprint
    library.saveTopics(await computeTopics([...library.records()]), library.revision())
    const id = (record: { body: { run?: { id: string } } }) =>
      record.body.run?.id ?? assert.fail(JSON.stringify(record))
    const checked = served.offprint.claims('outside').find(claim => claim.run)!.run!
    const paths = [
      '/',
      '/day/2020-01-01',
      '/papers/2008.05171',
      '/papers/2008.05171?method=choose-k&example=1',
      '/papers/1603.09320',
      '/papers/2401.00001',
      '/papers/outside',
      '/search?q=vector%20search',
      '/search?q=',
      '/search?q=nothingofthekind',
      '/topics',
      `/topics/${library.topics()[0].id}`,
      '/runs',
      `/runs/${id(one)}`,
      `/runs/${id(curve)}`,
      `/runs/${id(failed)}`,
      `/runs/${id(shown)}`,
      `/runs/${id(sum)}`,
      `/runs/${checked}`,
      `/compare?run=${id(one)}&run=${id(two)}`,
      '/claims',
      '/import',
      '/about',
      '/login',
    ]
    const broken: [string, number][] = [
      ['/nothing', 404],
      ['/papers/none', 404],
      ['/runs/none', 404],
      ['/topics/none', 404],
      ['/day/tomorrow', 404],
      ['/compare?run=1', 400],
      ['/import?report=none', 404],
    ]
    return { ...served, paths, broken }
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
          const { violations } = await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa'] })
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
      assert.equal(await page.locator('#map figure > svg').count(), 1)
      assert.equal(await page.locator('#map figure > svg circle').count(), 78 + 6)
      assert.equal(await page.locator('#medoids tbody tr').count(), 6)
      await page.locator('#labels').getByRole('link', { name: 'distance to its medoid' }).click()
      await page.locator('#labels').getByRole('link', { name: 'distance to its medoid' }).click()
      const distances = await page.locator('#labels tbody tr td:nth-child(4)').allInnerTexts()
      const numbers = distances.map(text => Number(text.replaceAll(',', '')))
      assert.deepEqual(
        numbers,
        [...numbers].sort((a, b) => b - a),
      )
      await page.locator('#labels').getByRole('link', { name: 'next →' }).click()
      assert.match(await page.locator('#labels').innerText(), /26 to 50 shown/)
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
    await page.getByText('This run was cancelled.').waitFor()
    assert.deepEqual(wrong, [])
  })

  test('every kind of block is shown on the page', async t => {
    const { url, run } = await serve(t)
    const { body } = await run('outside/show')
    assert.equal(body.run.status, 'done', JSON.stringify(body.run.error))
    const { page, wrong } = await open(t)
    await page.goto(`${url}/runs/${body.run.id}`)
    assert.equal(await page.locator('[data-metric=none] dd').first().innerText(), '–')
    assert.match(await page.locator('[data-metric=rate] dd').first().innerText(), /1,234.568 rows\/s/)
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
      assert.ok((await page.locator(`#${name} figure > svg ${marks}`).count()) > 0, name)
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
    await row.getByRole('button', { name: 'Check' }).click()
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

  test('reading pages carry one small script and no inline style', async t => {
    const { url } = await serve(t)
    for (const path of ['/', '/papers/2008.05171', '/topics']) {
      const html = await (await fetch(url + path)).text()
      assert.deepEqual(
        [...html.matchAll(/<script[^>]*>/g)].map(([tag]) => tag),
        ['<script type="module" src="/offprint.js">'],
      )
      assert.doesNotMatch(html, /<style|style="/)
    }
    assert.ok((await (await fetch(`${url}/offprint.js`)).text()).length < 5000)
  })
})

/** Waits until the run's page shows a state; without scripts the page loads itself anew. */
async function untilState(page: Page, state: string): Promise<void> {
  await page.locator(`.headline .badge.${state}`).waitFor({ timeout: 30_000 })
}
