/** What readers do with papers, in a real browser, with and without scripts. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { skip, withBrowser } from './browser.ts'

const papers = [
  {
    id: '2401.00001',
    title: 'Grid medoids',
    abstract: 'About medoids on grids.',
    authors: ['Ada Lovelace'],
    categories: ['cs.LG'],
    publishedAt: '2024-01-03',
  },
  {
    id: '2401.00002',
    title: 'Tree medoids',
    abstract: 'About medoids on trees.',
    authors: ['Ada Lovelace', 'Li Wang'],
    categories: ['cs.DC'],
    publishedAt: '2023-05-01',
  },
  {
    id: '2401.00003',
    title: 'Quantization',
    abstract: 'About codes.',
    authors: ['Li Wang'],
    categories: ['cs.LG'],
    publishedAt: '2025-05-01',
  },
]

describe('reading', { skip }, () => {
  const { open, serve } = withBrowser()

  async function withPapers(t: import('node:test').TestContext, environment = {}) {
    const served = await serve(t, environment)
    await served.offprint.library.importStream(
      [Buffer.from(papers.map(paper => JSON.stringify(paper)).join('\n'))] as unknown as AsyncIterable<Uint8Array>,
      { name: 'made', format: 'jsonl' },
    )
    return served
  }

  for (const javaScriptEnabled of [true, false])
    test(`vote, list, tag, note, read and hide ${javaScriptEnabled ? 'with' : 'without'} scripts`, async t => {
      const { url, offprint } = await withPapers(t)
      const marks = () => offprint.library.reading.marks('2401.00001')
      const { page, wrong } = await open(t, { javaScriptEnabled })
      await page.goto(url)
      const vote = page.locator('[data-paper="2401.00001"] button.vote')
      // With scripts the button changes at once, before the answer.
      await Promise.all([page.waitForResponse(answer => answer.url().endsWith('/marks')), vote.click()])
      await page.locator('[data-paper="2401.00001"] button.vote[aria-pressed=true]').waitFor()
      assert.equal(marks().voted, true)
      if (!javaScriptEnabled) assert.match(page.url(), /#paper-2401\.00001$/)
      await page.getByRole('link', { name: 'Grid medoids' }).first().click()
      const panel = page.locator('#marks-panel')
      assert.equal(await panel.getByRole('button', { name: 'Vote' }).getAttribute('aria-pressed'), 'true')
      await panel.getByLabel('Put it on a new list').fill('To read')
      await panel.getByRole('button', { name: 'Add' }).click()
      await panel.locator('button[aria-pressed=true]', { hasText: 'To read' }).waitFor()
      await panel.locator('summary').click()
      await panel.getByLabel('Note').fill('First line\nsecond <b>line</b>')
      await panel.getByLabel('Tags, with commas between them').fill('grids, Medoids')
      await panel.getByRole('button', { name: 'Save' }).click()
      await panel.getByRole('link', { name: 'medoids' }).waitFor()
      await panel.getByRole('button', { name: 'Read', exact: true }).click()
      await panel.locator('button[aria-pressed=true]', { hasText: /^Read$/ }).waitFor()
      const { openedAt, ...rest } = marks()
      assert.ok(openedAt)
      assert.deepEqual(rest, {
        voted: true,
        read: true,
        hidden: false,
        note: 'First line\nsecond <b>line</b>',
        tags: ['grids', 'medoids'],
        lists: ['To read'],
      })
      await page.goto(`${url}/reading`)
      for (const text of ['1 voted for', '1 read', 'To read', 'grids', 'second <b>line</b>'])
        await page.getByText(text).first().waitFor()
      await page.getByRole('link', { name: 'To read' }).click()
      await page.getByRole('heading', { name: 'list:"To read"' }).waitFor()
      assert.equal(await page.locator('[data-paper]').count(), 1)
      await page.goto(`${url}/papers/2401.00001`)
      await panel.getByRole('button', { name: 'Hide' }).click()
      await panel.getByRole('button', { name: 'Hidden' }).waitFor()
      await page.goto(url)
      assert.equal(await page.locator('[data-paper="2401.00001"]').count(), 0)
      await page.getByRole('link', { name: 'One paper is hidden' }).click()
      assert.equal(await page.locator('[data-paper="2401.00001"]').count(), 1)
      assert.deepEqual(wrong, [])
    })

  test('a search is narrowed, ordered, saved, and says what is new in it', async t => {
    const { url, offprint } = await withPapers(t)
    const { page, wrong } = await open(t, { javaScriptEnabled: false })
    await page.goto(`${url}/search?q=medoids`)
    const shown = () => page.locator('[data-paper]').evaluateAll(all => all.map(one => one.getAttribute('data-paper')))
    assert.deepEqual((await shown()).includes('2401.00001'), true)
    await page.getByRole('link', { name: 'Newest' }).click()
    await page.locator('aside').getByRole('link', { name: '2023' }).click()
    await page.getByRole('heading', { name: 'medoids sort:new date:2023' }).waitFor()
    assert.deepEqual(await shown(), ['2401.00002'])
    await page.goto(`${url}/search?q=author%3A%22Ada%20Lovelace%22`)
    await page.getByRole('button', { name: 'Save this search' }).click()
    await page.getByRole('button', { name: 'Saved' }).waitFor()
    const later = JSON.stringify({ id: '2401.00009', title: 'More medoids', abstract: 'x', authors: ['Ada Lovelace'] })
    await offprint.library.importStream([Buffer.from(later)] as unknown as AsyncIterable<Uint8Array>, {
      name: 'x',
      format: 'jsonl',
    })
    await page.goto(`${url}/reading`)
    await page.getByText('1 new').waitFor()
    await page.getByRole('link', { name: 'author:"Ada Lovelace"' }).click()
    assert.equal((await shown()).includes('2401.00009'), true)
    await page.goto(`${url}/search?q=medodis`)
    await page.getByRole('link', { name: 'medoids', exact: true }).click()
    assert.match(page.url(), /q=medoids$/)
    await page.goto(`${url}/papers/2401.00002`)
    await page.getByRole('link', { name: 'Li Wang' }).click()
    await page.getByRole('heading', { name: 'Li Wang' }).waitFor()
    assert.deepEqual((await shown()).sort(), ['2401.00002', '2401.00003'])
    assert.deepEqual(wrong, [])
  })

  test('papers are found while a search is typed, and opened by keys', async t => {
    const { url } = await withPapers(t)
    const { page, wrong } = await open(t)
    await page.goto(url)
    await page.keyboard.press('/')
    await page.keyboard.type('medo')
    const box = page.getByRole('combobox')
    const options = page.getByRole('option')
    await options.first().waitFor()
    assert.equal(await box.getAttribute('aria-expanded'), 'true')
    assert.deepEqual(await options.locator('mark').first().textContent(), 'medoids')
    await page.keyboard.press('ArrowDown')
    const active = await box.getAttribute('aria-activedescendant')
    assert.equal(await page.locator('[aria-selected=true]').getAttribute('id'), active)
    await page.keyboard.press('Escape')
    assert.equal(await box.getAttribute('aria-expanded'), 'false')
    assert.equal(await box.inputValue(), 'medo')
    await page.keyboard.type('i')
    await options.first().waitFor()
    await page.keyboard.press('ArrowDown')
    const title = await options.first().textContent()
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/papers\//)
    assert.equal(await page.locator('h1').textContent(), title)
    // Without a choice it is an ordinary search.
    await page.keyboard.press('/')
    await page.keyboard.type('tree')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/search\?q=tree/)
    assert.deepEqual(wrong, [])
  })

  test('a key for feeds is made, shown once and taken back', async t => {
    const { url } = await withPapers(t, { OWNER_TOKEN: 'secret-of-the-owner' })
    const { page, wrong } = await open(t, { javaScriptEnabled: false })
    await page.goto(`${url}/reading`)
    await page.getByLabel('Token').fill('secret-of-the-owner')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByLabel('What the key is for').fill('phone')
    await page.getByRole('button', { name: 'Make a key' }).click()
    const address = new URL((await page.locator('.notice .mono').textContent())!)
    const status = async () =>
      (await fetch(`${url}${address.pathname}${address.search}`, { redirect: 'manual' })).status
    assert.equal(await status(), 200)
    await page.goto(`${url}/reading`)
    assert.equal(await page.locator('.notice .mono').count(), 0)
    await page.getByRole('button', { name: 'Take back' }).click()
    await page.waitForLoadState()
    assert.equal(await status(), 303)
    assert.deepEqual(wrong, [])
  })
})
