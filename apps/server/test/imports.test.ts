import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { ImportReport, SyncStatus } from '@offprint/server'
import { madePapers, madeSite } from '../src/sync/site.fixture.ts'
import { startServer } from './harness.ts'

const line = (record: object) => `${JSON.stringify(record)}\n`
const form = (fields: Record<string, string | Blob>) => {
  const made = new FormData()
  for (const [name, value] of Object.entries(fields)) made.set(name, value)
  return { method: 'POST', body: made }
}

async function served(t: import('node:test').TestContext, environment: Record<string, string> = {}) {
  const site = await madeSite(madePapers(20))
  t.after(() => site.close())
  const server = await startServer(t, environment, undefined, { syncSite: site.url })
  const ask = async (path: string, init?: RequestInit) => {
    const response = await fetch(server.url + path, { redirect: 'manual', ...init })
    const text = await response.text()
    return {
      status: response.status,
      location: response.headers.get('location'),
      body: text && /^[{[]/.test(text) ? JSON.parse(text) : text,
    }
  }
  return { ...server, site, ask }
}

test('a preview changes nothing and is imported once', async t => {
  const { ask, offprint } = await served(t)
  const before = offprint.library.count()
  const text = line({ title: 'One' }) + line({ id: '13.1', title: 'No' })
  const { status, body } = await ask('/api/import?action=preview', form({ text, format: 'jsonl' }))
  assert.deepEqual([status, body.added, body.refusedCount, body.records[0].title], [200, 1, 1, 'One'])
  assert.equal(offprint.library.count(), before)
  const report: ImportReport = (await ask(`/api/import?preview=${body.id}`, { method: 'POST' })).body
  assert.deepEqual([report.added, report.refusedCount, report.format, report.name], [1, 1, 'jsonl', 'pasted text'])
  const again = await ask(`/api/import?preview=${body.id}`, { method: 'POST' })
  assert.deepEqual([again.status, /kept for a day/.test(again.body.detail)], [410, true])
  for (const id of ['../../etc/passwd', 'x', ''])
    assert.equal((await ask(`/api/import?preview=${encodeURIComponent(id)}`, { method: 'POST' })).status, 410)
  const raw = await ask('/api/import?action=preview&format=jsonl', { method: 'POST', body: line({ title: 'Two' }) })
  assert.deepEqual([raw.status, raw.body.added, raw.body.id], [200, 1, undefined])
  assert.equal(offprint.library.count(), before + 1)
})

test('a form counts whole: the format that comes after the file is used', async t => {
  const { ask } = await served(t)
  const { body } = await ask('/api/import', form({ file: new Blob(['{"title":"A"}\n']), format: 'csv' }))
  assert.equal(body.format, 'csv')
  const wrong = await ask('/api/import', form({ file: new Blob(['x']), format: 'nonsense' }))
  assert.deepEqual([wrong.status, /^format must be one of/.test(wrong.body.detail)], [422, true])
})

test('an upload beyond the limit imports nothing', async t => {
  const { ask, offprint } = await served(t, { UPLOAD_LIMIT_MB: '1' })
  const before = offprint.library.count()
  const { status, body } = await ask('/api/import', form({ file: new Blob([line({ title: 'A' }).repeat(100_000)]) }))
  assert.deepEqual([status, offprint.library.count()], [413, before])
  assert.match(body.detail, /UPLOAD_LIMIT_MB/)
})

test('pasted ids come from arXiv', async t => {
  const { ask, site } = await served(t, { SYNC_CONTACT: 'mailto:papers@example.org' })
  const { body } = await ask(
    '/api/import',
    form({ text: '2601.00002\n\nhttps://arxiv.org/pdf/2601.00003v2.pdf\n2601.07777' }),
  )
  assert.deepEqual(
    [body.added, body.refusedCount, body.refused[0].reason],
    [2, 1, '2601.07777: arXiv has no paper of this id'],
  )
  assert.deepEqual([...site.agents], ['Offprint/0.1.0 (+mailto:papers@example.org)'])
  const many = await ask('/api/import', form({ text: '2601.00001\n'.repeat(101) }))
  assert.deepEqual([many.status, many.body.detail], [422, '101 ids, at most 100 at a time'])
  const preview = await ask('/api/import?action=preview', form({ text: 'arXiv:2601.00005' }))
  assert.deepEqual([preview.body.added, preview.body.records[0].key], [1, '2601.00005'])
})

test('a wrong id alone gets its own sentence, and arXiv is not asked', async t => {
  const { ask, site } = await served(t)
  for (const path of ['/api/import', '/api/import?action=preview']) {
    const { body } = await ask(path, form({ text: '0808.05394' }))
    assert.deepEqual(body.refused, [
      { line: 1, reason: '0808.05394: a paper of August 2008 has 4 digits after the point' },
    ])
  }
  const { body } = await ask('/api/import', form({ text: 'hep-th/0704001' }))
  assert.match(body.refused[0].reason, /^hep-th\/0704001: ids of this form end in March 2007/)
  assert.equal(site.asked.length, 0)
})

test('a packed file is imported, and one that unpacks to too much ends with an error', async t => {
  const { ask } = await served(t)
  const file = new File([gzipSync(line({ title: 'A packed paper' }))], 'papers.jsonl.gz')
  const { status, body } = await ask('/api/import', form({ file }))
  assert.deepEqual([status, body.added, body.format, body.name], [200, 1, 'jsonl', 'papers.jsonl.gz'])
  const raw = await ask('/api/import', { method: 'POST', body: gzipSync(line({ title: 'Another packed paper' })) })
  assert.deepEqual([raw.status, raw.body.added], [200, 1])
  const bomb = Array(20).fill(gzipSync(Buffer.alloc(1_000_000, '\n')))
  const refused = await ask('/api/import', form({ file: new File(bomb, 'bomb.jsonl.gz') }))
  assert.equal(refused.status, 422)
  assert.match(refused.body.error, /^the gzip file unpacks to more than 100 times its size/)
  const ids = await ask(
    '/api/import',
    form({ file: new File([Buffer.from('\ufeff0808.05394\r\n', 'utf16le')], 'ids') }),
  )
  assert.match(ids.body.refused[0].reason, /^0808\.05394: a paper of August 2008/)
})

test('sources are followed, synced, stopped and let go', async t => {
  const { ask, offprint, url } = await served(t)
  const post = (path: string, source?: string) =>
    ask(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ source }) })
  assert.deepEqual((await ask('/api/sync')).body.sources, [])
  const followed: SyncStatus = (await post('/api/sync/follow', 'cs.DC')).body
  assert.deepEqual([followed.sources[0].name, followed.sources[0].by], ['arxiv:cs.DC', 'page'])
  for (const [path, source, words] of [
    ['/api/sync/follow', 'x', /expected arxiv: and a category/],
    ['/api/sync/unfollow', 'x', /'x' is not followed/],
    ['/api/sync', 'x', /'x' is not followed/],
    ['/api/sync/follow', 'y'.repeat(201), /source must be a name/],
  ] as const) {
    const { status, body } = await post(path, source)
    assert.equal(status, 422)
    assert.match(body.detail, words)
  }
  assert.equal((await post('/api/sync')).status, 202)
  await offprint.sync.idle()
  const status: SyncStatus = (await ask('/api/sync')).body
  assert.deepEqual([status.sources[0].state, status.sources[0].report!.added], ['waiting', 20])
  await post('/api/sync/cancel', 'arxiv:cs.DC')
  const page = await fetch(`${url}/api/sync/unfollow`, {
    ...{ method: 'POST', redirect: 'manual', body: new URLSearchParams({ source: 'arxiv:cs.DC' }) },
    headers: { accept: 'text/html' },
  })
  assert.deepEqual([page.status, page.headers.get('location')], [303, '/import#sources'])
  assert.deepEqual((await ask('/api/sync')).body.sources, [])
})

test('a server that stops in the middle of a sync goes on at its next start', async t => {
  const stopped = Promise.withResolvers<void>()
  let hang = true
  const site = await madeSite(madePapers(20), {
    pageSize: 5,
    fault(request) {
      if (!hang || !request.url!.includes('Token=10')) return false
      stopped.resolve()
      return true
    },
  })
  t.after(() => site.close())
  const { settings, offprint } = await startServer(t, { SYNC: 'arxiv:cs.DC' }, undefined, { syncSite: site.url })
  offprint.sync.start()
  await stopped.promise
  await offprint.sync.close()
  assert.deepEqual(
    [offprint.sync.status().sources[0].finishedAt, offprint.library.paper('2601.00010') !== undefined],
    [undefined, true],
  )
  hang = false
  const asked = site.asked.length
  const again = await startServer(t, { DATA_DIR: settings.DATA_DIR, SYNC: 'arxiv:cs.DC' }, undefined, {
    syncSite: site.url,
  })
  again.offprint.sync.start()
  await again.offprint.sync.idle()
  assert.match(site.asked[asked], /Token=10$/)
  assert.ok(again.offprint.library.paper('2601.00020'))
})
