import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startServer } from './harness.ts'

const samples = fileURLToPath(new URL('../../../../shared/data/api-samples/', import.meta.url))
const withPapers = async (t: import('node:test').TestContext) => {
  const server = await startServer(t)
  const record = {
    id: '2401.00001',
    title: 'A *title* with `marks`',
    abstract: 'First.\n\nSecond.',
    authors: ['Ann Ample', 'Ben Bold'],
    date: '2024-01-02',
    organization: 'Big Lab',
    githubRepo: 'https://github.com/x/y',
    submittedAt: '2024-01-03T04:05:06.789Z',
  }
  await fetch(`${server.url}/api/import`, { method: 'POST', body: `${JSON.stringify(record)}\n` })
  const get = async (path: string) => {
    const response = await fetch(server.url + path)
    return { status: response.status, body: await response.json() }
  }
  return { ...server, get }
}

test('a day’s papers come as items, in pages, newest first; a page behind the last is empty', async t => {
  const { get } = await withPapers(t)
  const { body } = await get('/api/daily_papers?date=2024-01-03')
  assert.equal(body.length, 1)
  const [item] = body
  assert.deepEqual(
    [item.paper.id, item.title, item.publishedAt, item.paper.publishedAt, item.paper.upvotes],
    ['2401.00001', 'A *title* with `marks`', '2024-01-03T04:05:06.789Z', '2024-01-02T00:00:00.000Z', 0],
  )
  assert.deepEqual((await get('/api/daily_papers?month=2024-01')).body, body)
  assert.deepEqual((await get('/api/daily_papers?week=2024-W01')).body, body)
  const today = new Date().toISOString().slice(0, 10)
  const all = (await get(`/api/daily_papers?date=${today}&limit=100`)).body
  assert.equal(all.length, 35)
  const paged = []
  for (let page = 0; ; page++) {
    const { body: items } = await get(`/api/daily_papers?date=${today}&limit=10&p=${page}`)
    if (!items.length) break
    paged.push(...items)
  }
  assert.deepEqual(paged, all)
  assert.equal((await get('/api/daily_papers')).body.length, 36)
  for (const query of [
    'date=2024-13-01',
    'week=2024-W60',
    'month=24',
    'date=2999-01-01',
    'date=2024-W01',
    'date=2024-01',
    'week=2024-01-03',
    'week=2024-01',
    'month=2024-01-03',
    'month=2024-W01',
    'date=',
    'limit=x',
    'p=-1',
    'sort=x',
  ]) {
    const refused = await get(`/api/daily_papers?${query}`)
    assert.equal(refused.status, 400, query)
    assert.equal(typeof refused.body.error, 'string')
  }
  const { error } = (await get('/api/daily_papers?week=2024-01-03')).body
  assert.equal(error, '"week" must be a week such as 2026-W48, found \'2024-01-03\'')
})

test('a paper is found, and read by its id, with our own record beside', async t => {
  const { get, url } = await withPapers(t)
  const found = (await get('/api/papers/search?q=vector%20search&limit=3')).body
  assert.equal(found.length, 3)
  const { body } = await get('/api/papers/2401.00001')
  assert.deepEqual([body.id, body.summary, body.organization.fullname], ['2401.00001', 'First.\n\nSecond.', 'Big Lab'])
  assert.equal(body.offprint.key, '2401.00001')
  assert.equal((await get('/api/papers/fasterpam')).body.id, '2008.05171')
  assert.deepEqual((await get('/api/papers/none')).status, 404)
  const markdown = await (await fetch(`${url}/papers/2008.05171.md`)).text()
  assert.match(markdown, /^# Fast and Eager k-Medoids/)
  assert.match(markdown, /## Run it here\n\n- `npx offprint run fasterpam cluster`/)
  const negotiated = await fetch(`${url}/papers/2401.00001`, { headers: { accept: 'text/markdown' } })
  assert.equal(negotiated.headers.get('content-type'), 'text/markdown; charset=utf-8')
  assert.match(await negotiated.text(), /Ann Ample, Ben Bold\n\n- arXiv: /)
  assert.equal((await fetch(`${url}/papers/none.md`)).status, 404)
  const page = await fetch(`${url}/papers/2401.00001`, { headers: { accept: 'text/html' } })
  assert.equal(page.headers.get('link'), '</papers/2401.00001.md>; rel="alternate"; type="text/markdown"')
  assert.match(page.headers.get('vary') ?? '', /\baccept\b/)
  assert.equal((await fetch(`${url}/papers/none`)).headers.get('link'), null)
})

test('what stands in both has the same type as there', {
  skip: existsSync(samples) ? false : 'no shared/data',
}, async t => {
  const { get } = await withPapers(t)
  const read = (name: string) => JSON.parse(readFileSync(samples + name, 'utf8'))
  const typeOf = (value: unknown) => (Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value)
  const compare = (ours: Record<string, unknown>, theirs: Record<string, unknown>, path: string) => {
    for (const [name, value] of Object.entries(theirs)) {
      if (!(name in ours)) continue
      assert.equal(typeOf(ours[name]), typeOf(value), `${path}.${name}`)
      if (typeOf(value) === 'object') compare(ours[name] as never, value as never, `${path}.${name}`)
      if (/At$/.test(name))
        assert.match(String(ours[name]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, `${path}.${name}`)
      if (name === '_id') assert.match(String(ours[name]), /^[0-9a-f]{24}$/, `${path}.${name}`)
    }
  }
  const [item] = (await get('/api/daily_papers?date=2024-01-03')).body
  for (const theirs of read('hf-daily-papers.json')) {
    compare(item, theirs, 'item')
    compare(item.paper.authors[0], theirs.paper.authors[0], 'author')
    for (const name of ['id', 'authors', 'publishedAt', 'title', 'summary', 'upvotes', 'discussionId'])
      assert.ok(name in item.paper, name)
  }
  compare((await get('/api/papers/2401.00001')).body, read('hf-paper.json'), 'paper')
})

test('what another Offprint serves is imported as the same papers', async t => {
  const { url } = await withPapers(t)
  const served = await (await fetch(`${url}/api/daily_papers?limit=100`)).text()
  const other = await startServer(t)
  const report = await (await fetch(`${other.url}/api/import`, { method: 'POST', body: served })).json()
  assert.deepEqual([report.format, report.state, report.refusedCount], ['hf', 'done', 1])
  assert.equal(report.added, 1)
})
