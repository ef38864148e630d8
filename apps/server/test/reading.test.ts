import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseFeed } from '@rowanmanning/feed-parser'
import { startServer } from './harness.ts'

const papers = [
  { id: '2401.00001', title: 'One', abstract: 'About k-medoids.', authors: ['Ada Lovelace'], categories: ['cs.LG'] },
  { id: 'cs/9808004', title: 'Two <b>&', abstract: 'Old.', authors: ['Ada Lovelace', 'Li Wang'] },
  { id: '2401.00003', title: '=cmd|calc', abstract: 'About trees.' },
]

async function served(t: import('node:test').TestContext, environment = {}) {
  const server = await startServer(t, environment)
  const { importStream } = server.offprint.library
  const lines = papers.map(paper => JSON.stringify(paper)).join('\n')
  await importStream([Buffer.from(lines)] as unknown as AsyncIterable<Uint8Array>, { name: 'made', format: 'jsonl' })
  const post = (path: string, body: unknown, headers = {}) =>
    fetch(`${server.url}${path}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  return { ...server, post }
}

test('papers are voted for, noted, tagged and listed over HTTP, by programs and by forms', async t => {
  const { url, post } = await served(t)
  const marks = await (
    await post('/api/papers/cs/9808004/marks', { vote: true, tags: ['a', 'b'], addTo: 'To read', note: 'n' })
  ).json()
  assert.deepEqual(marks, { voted: true, read: false, hidden: false, note: 'n', tags: ['a', 'b'], lists: ['To read'] })
  assert.deepEqual(await (await fetch(`${url}/api/papers/arXiv:cs/9808004v1/marks`)).json(), marks)
  const form = { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html' }
  const answer = await post(
    '/api/papers/2401.00001/marks',
    'vote=1&read=0&tags=x,%20y&addTo=&next=/day/2026-01-01%23p1',
    form,
  )
  assert.deepEqual([answer.status, answer.headers.get('location')], [303, '/day/2026-01-01#p1'])
  const { voted, tags, lists } = await (await fetch(`${url}/api/papers/2401.00001/marks`)).json()
  assert.deepEqual([voted, tags, lists], [true, ['x', 'y'], []])
  // Never to another site.
  const elsewhere = await post('/api/papers/2401.00001/marks', 'vote=0&next=//evil.example/', form)
  assert.equal(elsewhere.headers.get('location'), '/#paper-2401.00001')
  const found = await (await fetch(`${url}/api/search?q=${encodeURIComponent('list:"to read"')}`)).json()
  assert.deepEqual([found.total, found.papers[0].key, found.personal], [1, 'cs/9808004', true])
  const hf = await (await fetch(`${url}/api/daily_papers?sort=trending`)).json()
  assert.deepEqual([hf[0].paper.id, hf[0].paper.upvotes, hf[1].paper.upvotes], ['cs/9808004', 1, 0])
})

test('what cannot be is refused with its field, and pages of other sites change nothing', async t => {
  const { post } = await served(t)
  const problem = async (body: unknown) => {
    const answer = await post('/api/papers/2401.00001/marks', body)
    return [answer.status, (await answer.json()).errors?.[0].field]
  }
  assert.deepEqual(await problem({ vote: 'perhaps' }), [422, 'vote'])
  assert.deepEqual(await problem({ note: 'x'.repeat(20_000) }), [422, 'note'])
  assert.deepEqual(await problem('[]'), [400, undefined])
  const strange: [string, unknown][] = [
    ['vote', 2],
    ['vote', null],
    ['note', 5],
    ['note', { toString: 1 }],
    ['tags', { a: 1 }],
    ['tags', [null]],
    ['tags', [{ toString: 1 }]],
    ['addTo', 7],
    ['removeFrom', ['x']],
  ]
  for (const [field, value] of strange) assert.deepEqual(await problem({ [field]: value }), [422, field])
  const untouched = { voted: false, read: false, hidden: false, tags: [], lists: [] }
  assert.deepEqual(await (await post('/api/papers/2401.00001/marks', { tags: [] })).json(), untouched)
  assert.equal((await (await post('/api/papers/2401.00001/marks', { vote: 1, read: 0 })).json()).voted, true)
  assert.equal((await post('/api/papers/2401.00001/marks', { note: 'x'.repeat(100_000) })).status, 413)
  assert.equal((await post('/api/papers/nothing/marks', { vote: 1 })).status, 404)
  const foreign: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
  ]
  for (const path of [
    '/api/papers/2401.00001/marks',
    '/api/reading/lists',
    '/api/reading/searches',
    '/api/reading/feed-keys',
  ])
    for (const headers of foreign)
      assert.equal((await post(path, { vote: true, name: 'x', query: 'x' }, headers)).status, 403)
})

test('all of it can be taken away', async t => {
  const { url, post } = await served(t)
  await post('/api/papers/2401.00003/marks', { vote: true, note: '=1+1', addTo: 'My list', tags: ['@a'] })
  await post('/api/reading/searches', { query: 'k-medoids' })
  const zip = Buffer.from(await (await fetch(`${url}/api/reading/archive.zip`)).arrayBuffer())
  const { execFileSync } = await import('node:child_process')
  const read = (name: string) =>
    execFileSync(
      'python3',
      [
        '-c',
        'import sys,io,zipfile; sys.stdout.write(zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read())).read(sys.argv[1]).decode())',
        name,
      ],
      { input: zip, encoding: 'utf8' },
    )
  assert.match(read('papers.jsonl'), /^\{"key":"2401.00003"|"arxivId":"2401.00003"/)
  assert.match(read('papers.bib'), /eprint\s*=\s*\{2401\.00003\}/)
  assert.equal(read('read.csv'), 'key,title,readAt\n')
  assert.equal(read('hidden.csv'), 'key,title,hiddenAt\n')
  // A spreadsheet runs nothing of it.
  assert.match(read('notes.csv'), /2401\.00003,"'=cmd\|calc","'=1\+1"/)
  assert.match(read('lists.csv'), /My list,2401\.00003/)
  assert.match(read('searches.csv'), /k-medoids/)
  const bib = await fetch(`${url}/api/reading/lists/My%20list.bib`)
  assert.match(await bib.text(), /2401\.00003/)
  assert.equal((await fetch(`${url}/api/reading/lists/none.bib`)).status, 404)
})

test('feeds of what the reader does are private, and follow the list', async t => {
  const { url, post } = await served(t)
  await post('/api/papers/2401.00001/marks', { addTo: 'To read' })
  const answer = await fetch(`${url}/feed.atom?q=${encodeURIComponent('list:"To read"')}`)
  assert.deepEqual(
    [answer.headers.get('cache-control'), answer.headers.get('x-robots-tag')],
    ['private, max-age=300', 'noindex'],
  )
  const feed = parseFeed(await answer.text())
  assert.deepEqual(
    feed.items.map(item => item.title),
    ['One'],
  )
  assert.equal((await fetch(`${url}/feed.atom?q=medoids`)).headers.get('cache-control'), 'public, max-age=300')
  const json = await (await fetch(`${url}/feed.json?q=sort%3Atrending`)).json()
  assert.ok(json.items.length >= papers.length)
})

test('with an owner token a key opens the feeds and nothing else, until it is taken back', async t => {
  const token = 'secret-of-the-owner'
  const { url, post } = await served(t, { OWNER_TOKEN: token })
  const owner = { authorization: `Bearer ${token}` }
  assert.equal((await post('/api/reading/feed-keys', { name: 'phone' })).status, 401)
  const { key, keys } = await (await post('/api/reading/feed-keys', { name: 'phone' }, owner)).json()
  const status = async (path: string) => (await fetch(`${url}${path}`, { redirect: 'manual' })).status
  assert.equal(await status(`/feed.atom?key=${key}`), 200)
  assert.deepEqual(
    await Promise.all([`/feed.atom?key=${key}x`, '/feed.atom', `/?key=${key}`, `/feeds.opml?key=${key}`].map(status)),
    [303, 303, 303, 303],
  )
  assert.equal(await status(`/api/reading?key=${key}`), 401)
  const feed = await (await fetch(`${url}/feed.atom?key=${key}&limit=1`)).text()
  assert.match(feed, new RegExp(`rel="next"[^>]*href="[^"]*key=${key}`))
  await post('/api/reading/feed-keys', { drop: keys[0].id }, owner)
  assert.equal(await status(`/feed.atom?key=${key}`), 303)
})

test('what is followed goes to a feed reader as OPML', async t => {
  const { url, post } = await served(t)
  await post('/api/reading/searches', { query: 'a <b> "c" & d' })
  await post('/api/papers/2401.00001/marks', { addTo: 'To read', tags: ['t'] })
  const opml = await (await fetch(`${url}/feeds.opml?key=k&ey`)).text()
  const { execFileSync } = await import('node:child_process')
  const outlines: [string, string][] = JSON.parse(
    execFileSync(
      'python3',
      [
        '-c',
        'import sys,json,xml.etree.ElementTree as e; print(json.dumps([[o.get("title"),o.get("xmlUrl")] for o in e.fromstring(sys.stdin.buffer.read()).iter("outline") if o.get("xmlUrl")]))',
      ],
      { input: opml, encoding: 'utf8' },
    ),
  )
  assert.deepEqual(
    outlines.map(([title]) => title),
    ['New papers', 'Trending papers', 'a <b> "c" & d', 'To read', 't'],
  )
  for (const [, feed] of outlines) {
    const { pathname, search } = new URL(feed)
    assert.equal((await fetch(`${url}${pathname}${search}`)).status, 200)
    assert.match(feed, /key=k$/)
  }
})
