/** The import page in a real browser: the preview, ids, the sources. Skipped by name where there is no Chromium. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { describe, type TestContext, test } from 'node:test'
import type { Page } from 'playwright-core'
import { madePapers, madeSite } from '../../server/src/sync/site.fixture.ts'
import { startServer } from '../../server/test/harness.ts'
import { skip, withBrowser } from './browser.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

describe('the import page', { skip }, () => {
  const { browser, pages } = withBrowser()

  async function open(t: TestContext, javaScriptEnabled = true, environment: Record<string, string> = {}) {
    const site = await madeSite(madePapers(30))
    t.after(() => site.close())
    const served = await startServer(t, environment, pages(), { syncSite: site.url })
    const context = await browser().newContext({ javaScriptEnabled, viewport: { width: 1280, height: 900 } })
    t.after(() => context.close())
    context.setDefaultTimeout(10_000)
    const page = await context.newPage()
    const wrong: string[] = []
    page.on('pageerror', error => wrong.push(`script error: ${error.message}`))
    page.on('dialog', dialog => {
      wrong.push(`a script ran: ${dialog.message()}`)
      dialog.dismiss()
    })
    return { ...served, page, wrong, site }
  }

  /** No serious fault by WCAG 2.2 AA, and nothing that needs scrolling sideways on a telephone. */
  async function look(page: Page, name: string) {
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1280, 390]) {
        await page.emulateMedia({ colorScheme })
        await page.setViewportSize({ width, height: 900 })
        const wide = await page.evaluate('document.documentElement.scrollWidth')
        assert.ok(Number(wide) <= width, `${name} is ${wide} px wide at ${width}`)
        await page.evaluate(axe)
        const found = (await page.evaluate(
          "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then(r => r.violations.map(v => v.id + ' ' + v.nodes[0].html))",
        )) as string[]
        assert.deepEqual(found, [], `${name} in ${colorScheme} at ${width}`)
        if (process.env.SCREENSHOTS)
          await page.screenshot({
            path: `${process.env.SCREENSHOTS}/${name}-${colorScheme}-${width}.png`,
            fullPage: true,
          })
      }
    }
    await page.setViewportSize({ width: 1280, height: 900 })
  }

  for (const javaScriptEnabled of [true, false])
    test(`shows what would change and imports it by one click ${javaScriptEnabled ? 'with' : 'without'} scripts`, async t => {
      const { page, url, offprint, wrong } = await open(t, javaScriptEnabled)
      const line = (record: object) => `${JSON.stringify(record)}\n`
      const known = { arxivId: '2401.00001', version: 1, title: 'Known <b>before</b>', authors: ['Ada Byron'] }
      await fetch(`${url}/api/import`, { method: 'POST', body: line(known) })
      const text = [
        { ...known, version: 2, title: 'Known <script>alert(1)</script> since', abstract: 'Long words. '.repeat(60) },
        { arxivId: '2401.00002', title: 'Known <b>before</b>', authors: ['Ada Byron'] },
        { title: 'Another one' },
        { title: 'Another one' },
        { id: '13.1', title: 'Not one' },
        { id: 704.001, title: 'Repaired' },
      ]
      const count = offprint.library.count()
      await page.goto(`${url}/import`)
      await page.getByLabel('or choose a file').setInputFiles({
        name: 'papers.txt',
        mimeType: 'text/plain',
        buffer: Buffer.from(text.map(line).join('')),
      })
      // What is chosen after the file counts as well.
      await page.getByLabel('Format', { exact: true }).selectOption('jsonl')
      await page.getByRole('button', { name: 'Preview' }).click()
      await page.getByText('would give 3 new, 1 updated, 1 unchanged, 1 refused, 1 ids repaired').waitFor()
      assert.equal(offprint.library.count(), count)
      const list = page.getByRole('list', { name: 'Papers of the preview' })
      const change = list.locator('p', { hasText: 'title' }).first()
      assert.equal(await change.innerText(), 'title Known <b>before</b> → Known <script>alert(1)</script> since')
      await list.getByText('the same paper as in line 3').waitFor()
      await list.getByText('(2401.00001)').waitFor()
      await page.getByText('Line 5: "id"').waitFor()
      if (javaScriptEnabled) await look(page, 'preview')
      const address = page.url()
      await page.getByRole('button', { name: 'Import this' }).click()
      await page.getByText('3 new, 1 updated, 1 unchanged, 1 refused').waitFor()
      assert.equal(offprint.library.count(), count + 3)
      assert.equal((await page.goto(address))!.status(), 404)
      assert.deepEqual(wrong, [])
    })

  test('brings papers by their ids, and names those that arXiv does not have', async t => {
    const { page, url, site } = await open(t)
    await page.goto(`${url}/import`)
    await page
      .getByLabel('Paste a daily-papers listing')
      .fill('2601.00003\nhttps://arxiv.org/abs/2601.00004v1\n2601.09999')
    await page.getByRole('button', { name: 'Import', exact: true }).click()
    await page.getByText('2 new, 0 updated, 0 unchanged, 1 refused').waitFor()
    await page.getByText('Line 3: 2601.09999: arXiv has no paper of this id').waitFor()
    assert.match([...site.agents][0], /^Offprint\/\d+\.\d+\.\d+ \(a site/)
  })

  test('follows sources, syncs them now, and lets them go', async t => {
    const { page, url, offprint } = await open(t, true, { SYNC: 'hf@6h' })
    await offprint.library.importStream(
      (async function* () {
        yield Buffer.from('{"title":"Made paper of the site, number 7"}\n')
      })(),
      { name: 'x' },
    )
    await page.goto(`${url}/import`)
    const sources = page.getByRole('region', { name: 'Sources followed' }).last()
    await sources.getByText('by the setting SYNC').waitFor()
    await page.getByLabel('Follow a source').fill('cs.DC@02:15')
    await page.getByRole('button', { name: 'Follow', exact: true }).click()
    await sources.getByText('daily at 02:15 UTC').waitFor()
    // The page after the click is there before it is loaded again: a reload in the middle of the first fails.
    const answered = page.waitForEvent('load')
    await page.getByRole('button', { name: 'Sync now arXiv cs.DC' }).click()
    await answered
    await offprint.sync.idle()
    await page.reload()
    await sources.getByText('29 new, 1 updated, 0 unchanged').waitFor()
    await page.getByLabel('Follow a source').fill('cs.NONE')
    await page.getByRole('button', { name: 'Follow', exact: true }).click()
    await page.getByText(/'cs.NONE', expected arxiv: and a category/).waitFor()
    await page.goto(`${url}/import`)
    await look(page, 'sources')
    await page.getByRole('button', { name: 'Unfollow arXiv cs.DC' }).click()
    await sources.getByText('daily at 02:15 UTC').waitFor({ state: 'detached' })
  })
})
