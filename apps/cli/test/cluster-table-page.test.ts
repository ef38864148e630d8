/** "Cluster a table" in a real browser. Skipped by name where there is no Chromium. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { random } from '@offprint/kernels'
import type { Page } from 'playwright-core'
import { skip, withBrowser } from './browser.ts'

/** Two kinds of customers, 15 standard deviations apart in spending. */
function customers(): string {
  const { normal } = random(3)
  const rows = Array.from({ length: 60 }, (_, row) => [
    `customer ${row + 1}`,
    (row % 2 ? 400 : 100) + 20 * normal(),
    (row % 2 ? 2 : 9) + normal() / 2,
    row % 2 ? '=cmd|calc' : 'shop',
  ])
  return ['name,spend,visits,way', ...rows.map(row => row.join(','))].join('\n')
}

function noise(): string {
  const { next } = random(4)
  return ['a,b,c,d', ...Array.from({ length: 120 }, () => [next(), next(), next(), next()].join(','))].join('\n')
}

async function done(page: Page): Promise<void> {
  await page.waitForURL(/\/runs\//)
  await page.locator('.headline .badge', { hasText: /done|failed/ }).waitFor()
  assert.equal(await page.locator('.headline .badge').innerText(), 'done')
}

describe('cluster a table', { skip }, () => {
  const { open, serve } = withBrowser()

  for (const [javaScriptEnabled, width] of [
    [true, 1280],
    [false, 1280],
    [true, 390],
    [false, 390],
  ] as const)
    test(`the example in one click, then an own table, at ${width} px ${javaScriptEnabled ? 'with' : 'without'} scripts`, async t => {
      const { url } = await serve(t)
      const { page, wrong } = await open(t, { viewport: { width, height: 900 }, javaScriptEnabled })
      await page.goto(url)
      await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Cluster' }).click()
      await page.getByRole('heading', { level: 1, name: 'Cluster a table' }).waitFor()
      await page.getByRole('button', { name: 'See it on an example' }).click()
      await done(page)
      assert.equal((await page.locator('#map circle').count()) > 44, true)
      assert.match(await page.locator('#evidence').innerText(), /gap statistic/)

      await page.getByRole('link', { name: 'Cluster a table' }).click()
      await page.locator('textarea[name=table]').fill(customers())
      await page.getByLabel('Number of clusters').fill('61')
      await page.getByRole('button', { name: 'Run', exact: true }).click()
      await page.getByText('k must be at most the number of rows without empty cells (60), found 61').waitFor()
      await page.getByLabel('Number of clusters').fill('')
      await page.getByRole('button', { name: 'Run', exact: true }).click()
      await done(page)
      assert.match(await page.locator('#evidence').innerText(), /The groups hold up\./)
      assert.equal(await page.locator('[data-metric=k] dd').first().innerText(), '2')
      assert.match(await page.locator('#words').innerText(), /such as customer \d+: (spend|visits) (high|low)/)
      const way = page.locator('#columns tbody tr', { hasText: 'way' })
      assert.match(await way.innerText(), /left out.*can be taken as a category/s)
      const address = await page.locator('#file a').getAttribute('href')
      const file = await (await fetch(new URL(address!, page.url()))).text()
      const lines = file.trimEnd().split('\r\n')
      assert.equal(lines.length, 61)
      assert.match(lines[1], /^customer 1,[\d.]+,[\d.]+,shop,[12]$/)
      assert.match(lines[2], /^customer 2,[\d.]+,[\d.]+,'=cmd\|calc,[12]$/)
      // Nothing is wider than the page.
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth))
      assert.deepEqual(wrong, [])
    })

  test('the columns of a table that is chosen or pasted are offered, and those that are pressed are compared', async t => {
    const { url } = await serve(t)
    const { page, wrong } = await open(t, { viewport: { width: 390, height: 900 } })
    await page.goto(`${url}/tools/cluster-table`)
    const offered = page.getByRole('group', { name: 'Columns of the table' })
    const field = page.getByLabel('Columns to compare')
    assert.equal(await offered.getByRole('button').count(), 0)
    const buffer = Buffer.from(
      '"a ""b""";x 1;;"y;z";"u,v";"two\nlines"\n1;2;3;4;5;6\n5;6;7;9;0;1\n9;9;1;2;8;0\n1;7;1;1;8;3\n',
    )
    await page.locator('input[type=file][name=table]').setInputFiles({ name: 'c.csv', mimeType: 'text/csv', buffer })
    await offered.getByRole('button').first().waitFor()
    assert.deepEqual(await offered.getByRole('button').allInnerTexts(), [
      'a "b"',
      'x 1',
      'column3',
      'y;z',
      'u,v',
      'two lines',
    ])
    await field.focus()
    for (const name of ['two lines', 'u,v', 'a "b"']) await offered.getByRole('button', { name }).click()
    assert.equal(await field.inputValue(), 'a "b", "u,v", two lines')
    assert.equal(await offered.getByRole('button', { name: 'u,v' }).getAttribute('aria-pressed'), 'true')
    await page.getByRole('button', { name: 'Run', exact: true }).click()
    await done(page)
    assert.equal(await page.locator('#columns tbody tr', { hasText: 'not asked for' }).count(), 3)
    await page.goto(`${url}/tools/cluster-table?method=cluster&example=1`)
    assert.equal(await offered.getByRole('button').count(), 0)
    await field.focus()
    await offered.getByRole('button', { name: 'radius_pm' }).click()
    await offered.getByRole('button', { name: 'density_g_cm3' }).click()
    await offered.getByRole('button', { name: 'electronegativity' }).click()
    assert.equal(await field.inputValue(), 'radius_pm, electronegativity, density_g_cm3')
    await offered.getByRole('button', { name: 'density_g_cm3' }).click()
    assert.equal(await field.inputValue(), 'radius_pm, electronegativity')
    await field.fill('melting_K')
    assert.equal(await offered.getByRole('button', { name: 'melting_K' }).getAttribute('aria-pressed'), 'true')
    assert.equal(await offered.getByRole('button', { name: 'radius_pm' }).getAttribute('aria-pressed'), 'false')
    await offered.getByRole('button', { name: 'boiling_K' }).click()
    await page.getByRole('button', { name: 'Run', exact: true }).click()
    await done(page)
    assert.equal(await page.locator('#columns tbody tr', { hasText: 'not asked for' }).count(), 7)
    assert.match((await page.locator('#map svg.narrow').textContent()) ?? '', /melting_K/)
    assert.deepEqual(wrong, [])
  })

  test('rows without groups are said to have none, by one method and by all, with the keyboard alone', async t => {
    const { url } = await serve(t)
    const { page, wrong } = await open(t, { viewport: { width: 1280, height: 900 } })
    await page.goto(`${url}/tools/cluster-table`)
    const focus = async (name: string) => {
      for (let step = 0; step < 60; step++) {
        await page.keyboard.press('Tab')
        const at = await page.evaluate(() => {
          const element = document.activeElement as HTMLInputElement | null
          return element?.getAttribute('name') ?? element?.textContent?.trim()
        })
        const kind = await page.evaluate(() => document.activeElement?.tagName)
        if (at === name && (name !== 'table' || kind === 'TEXTAREA')) return
      }
      assert.fail(`${name} is not reached by the keyboard`)
    }
    await focus('table')
    await page.keyboard.insertText(noise())
    await focus('Run')
    await page.keyboard.press('Enter')
    await done(page)
    assert.match(await page.locator('#evidence').innerText(), /No clear groups\./)
    await page.goto(`${url}/tools/cluster-table`)
    await focus('Compare methods')
    await page.keyboard.press('Enter')
    await page.waitForURL(/method=compare/)
    await focus('table')
    await page.keyboard.insertText(noise())
    await focus('Run')
    await page.keyboard.press('Enter')
    await done(page)
    assert.match(await page.locator('#evidence').innerText(), /No clear groups by any method\./)
    assert.ok((await page.locator('#methods tbody tr').count()) >= 3)
    assert.deepEqual(wrong, [])
  })
})

test('a tool is run and described over HTTP, and is in no list of papers', async t => {
  const { startServer } = await import('../../server/test/harness.ts')
  const { url, run, offprint } = await startServer(t)
  const { body } = await run('cluster-table/cluster', { table: { name: 'c.csv', text: customers() }, k: 2 })
  assert.equal(body.run.status, 'done')
  assert.ok(body.blocks.some((block: { name: string }) => block.name === 'words'))
  const refused = await run('cluster-table/cluster', { table: { name: 'c.csv', text: 'x\n1\n' }, k: 5 })
  assert.equal(refused.status, 422)
  const json = async (path: string) => (await fetch(url + path)).json()
  assert.ok((await json('/api/openapi.json')).paths['/api/run/cluster-table/compare'])
  const papers = await json('/api/papers')
  assert.ok(!JSON.stringify(papers).includes('cluster-table'))
  assert.ok(!JSON.stringify(await json('/api/claims')).includes('cluster-table'))
  assert.equal(offprint.library.paper('cluster-table'), undefined)
  assert.ok(!(await (await fetch(`${url}/feed.atom`)).text()).includes('cluster-table'))
  assert.match(await (await fetch(`${url}/llms.txt`)).text(), /\[Cluster a table\]\(.*\/tools\/cluster-table\)/)
  assert.match(await (await fetch(`${url}/sitemap.xml`)).text(), /\/tools\/cluster-table</)
})
