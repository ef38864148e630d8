import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { migrate, openDatabase } from '../src/database.ts'
import { type Feed, paperFeed } from '../src/feeds/feed.ts'
import { writeFeed } from '../src/feeds/write.ts'
import { createLibrary } from '../src/library/library.ts'
import { paper, streamOf } from '../src/library/made-papers.fixture.ts'
import { steps } from '../src/library/store.ts'
import { startServer } from './harness.ts'

const place = { PUBLIC_URL: 'https://papers.example.org' }
const hostile = {
  id: '2401.00001',
  title: 'A & B <script>alert(1)</script> ]]> "quoted" $a < b$',
  abstract: `First\u0001paragraph with <b>tags</b> & more.\n\n Second.`,
  authors: ['Ann "A" O’Neil', '李四'],
  categories: ['cs.LG'],
}

async function served(t: import('node:test').TestContext, environment = {}) {
  const server = await startServer(t, { ...place, ...environment })
  await fetch(`${server.url}/api/import`, { method: 'POST', body: `${JSON.stringify(hostile)}\n` })
  return server
}

/** What an independent parser, that of Python, makes of XML: the texts of all elements of a name. */
function textsOf(xml: string, name: string): string[] {
  const script =
    'import sys,json,xml.etree.ElementTree as e; print(json.dumps([x.text or "" for x in e.fromstring(sys.stdin.buffer.read()).iter(sys.argv[1])]))'
  return JSON.parse(execFileSync('python3', ['-c', script, name], { input: xml, encoding: 'utf8' }))
}
const python = (() => {
  try {
    execFileSync('python3', ['--version'])
    return true
  } catch {
    return false
  }
})()

test('the three formats say the same of the newest papers, whatever is in a title', async t => {
  const { url } = await served(t)
  const feed = await (await fetch(`${url}/feed.json`)).json()
  assert.equal(feed.version, 'https://jsonfeed.org/version/1.1')
  assert.equal(feed.feed_url, 'https://papers.example.org/feed.json')
  assert.equal(feed.items.length, 36)
  const [first] = feed.items
  assert.equal(first.id, 'tag:papers.example.org,2025:paper:2401.00001')
  assert.equal(first.url, 'https://papers.example.org/papers/2401.00001')
  assert.equal(first.title, hostile.title)
  assert.equal(first.content_html, '<p>Firstparagraph with &lt;b&gt;tags&lt;/b&gt; &amp; more.</p><p>Second.</p>')
  assert.deepEqual(
    first.authors.map((author: { name: string }) => author.name),
    hostile.authors,
  )
  if (!python) return t.diagnostic('python3 is not here: the XML is not parsed')
  const atom = await (await fetch(`${url}/feed.atom`)).text()
  // Before Python runs: meanwhile a kept connection would time out.
  const rss = await (await fetch(`${url}/feed.rss`)).text()
  const namespace = '{http://www.w3.org/2005/Atom}'
  assert.equal(textsOf(atom, `${namespace}summary`)[0], 'Firstparagraph with <b>tags</b> & more.')
  assert.deepEqual(
    textsOf(atom, `${namespace}title`).slice(1),
    feed.items.map((item: { title: string }) => item.title),
  )
  assert.deepEqual(
    textsOf(atom, `${namespace}id`).slice(1),
    feed.items.map((item: { id: string }) => item.id),
  )
  assert.deepEqual(
    textsOf(atom, `${namespace}content`),
    feed.items.map((item: { content_html: string }) => item.content_html),
  )
  assert.deepEqual(
    textsOf(rss, 'guid'),
    feed.items.map((item: { id: string }) => item.id),
  )
  for (const date of textsOf(rss, 'pubDate')) assert.match(date, /^\w{3}, \d{2} \w{3} \d{4} \d\d:\d\d:\d\d \+0000$/)
})

test('a feed of a search and of a topic has what these have, in pages without gaps', async t => {
  const { url, offprint } = await served(t)
  const read = async (path: string) => (await (await fetch(url + path)).json()) as Feedlike
  const all = await read('/feed.json?limit=200')
  const paged: string[] = []
  for (let next: string | undefined = '/feed.json?limit=10'; next; ) {
    const page: Feedlike = await read(next)
    paged.push(...page.items.map(item => item.id))
    next = page.next_url?.replace(place.PUBLIC_URL, '')
  }
  assert.deepEqual(
    paged,
    all.items.map(item => item.id),
  )
  const found = await read('/feed.json?q=vector%20search')
  const keys = offprint.library
    .search('vector search')
    .papers.map(paper => `tag:papers.example.org,2025:paper:${paper.key}`)
  assert.deepEqual(found.items.map(item => item.id).sort(), keys.sort())
  assert.equal(found.home_page_url, 'https://papers.example.org/search?q=vector+search')
  const { computeTopics } = await import('../src/library/topics.ts')
  offprint.library.saveTopics(await computeTopics([...offprint.library.records()]), offprint.library.revision())
  const topic = offprint.library.topics()[0]
  assert.equal((await read(`/feed.json?topic=${topic.id}`)).items.length, topic.members.length)
  assert.equal((await fetch(`${url}/feed.atom?topic=none`)).status, 404)
  for (const query of ['limit=-1', 'limit=x', 'limit=1e9', 'page=0', 'page=1e99', `q=${'x'.repeat(5000)}`, 'q=%22'])
    assert.equal((await fetch(`${url}/feed.atom?${query}`)).status, 200, query)
})

interface Feedlike {
  items: { id: string }[]
  next_url?: string
  home_page_url: string
}

test('a reader that has the feed already is told so, compressed or not; a change gives a new tag', async t => {
  const { url } = await served(t)
  const first = await fetch(`${url}/feed.atom`, { headers: { 'accept-encoding': 'identity' } })
  const { etag, 'last-modified': modified, 'cache-control': cache } = Object.fromEntries(first.headers)
  const body = await first.text()
  assert.equal(cache, 'public, max-age=300')
  const known: Record<string, string>[] = [
    { 'if-none-match': etag },
    { 'if-none-match': `"other", W/${etag}` },
    { 'if-modified-since': modified },
  ]
  for (const headers of known) {
    const again = await fetch(`${url}/feed.atom`, { headers: { 'accept-encoding': 'identity', ...headers } })
    assert.equal(again.status, 304)
    assert.equal(await again.text(), '')
  }
  const compressed = await fetch(`${url}/feed.atom`, { headers: { 'accept-encoding': 'gzip' } })
  assert.notEqual(compressed.headers.get('etag'), etag)
  assert.equal(await compressed.text(), body)
  await fetch(`${url}/api/import`, { method: 'POST', body: '{"id":"2401.00002","title":"New","abstract":"x"}\n' })
  const changed = await fetch(`${url}/feed.atom`, { headers: { 'accept-encoding': 'identity', 'if-none-match': etag } })
  assert.equal(changed.status, 200)
  assert.match(await changed.text(), /2401.00002/)
  const locked = await startServer(t, { OWNER_TOKEN: 'the-token-of-the-owner' })
  assert.equal((await fetch(`${locked.url}/feed.atom`, { redirect: 'manual' })).status, 303)
})

test('any text makes well-formed feeds', { skip: python ? false : 'no python3' }, () => {
  const text = fc.string({ unit: 'binary', maxLength: 40 })
  const feeds = fc.sample(
    fc.record({
      title: text,
      authors: fc.array(text, { maxLength: 3 }),
      text,
      categories: fc.array(text, { maxLength: 2 }),
    }),
    { numRuns: 300, seed: 1 },
  )
  const feed: Feed = {
    title: 'any',
    page: 'https://x.example/',
    self: 'https://x.example/feed.atom?q=a&b',
    id: 'tag:x.example,2025:feed:papers',
    personal: false,
    entries: feeds.map((one, at) => ({
      ...one,
      id: `tag:x.example,2025:paper:${at}`,
      url: `https://x.example/${at}`,
      published: '2026-01-01T00:00:00.000Z',
      updated: '2026-01-01T00:00:00.000Z',
    })),
  }
  assert.equal(textsOf(writeFeed(feed, 'atom'), '{http://www.w3.org/2005/Atom}content').length, 300)
  assert.equal(textsOf(writeFeed(feed, 'rss'), 'item').length, 300)
  assert.equal(JSON.parse(writeFeed(feed, 'json')).items.length, 300)
})

const site = { url: 'https://x.example', host: 'x.example' }

async function libraryOf(records: object[]) {
  const library = createLibrary(openDatabase(':memory:'))
  const add = (more: object[]) =>
    library.importStream(streamOf(more.map(record => JSON.stringify(record)).join('\n')), {
      name: 'made',
      format: 'jsonl',
    })
  await add(records)
  const keys = (q: string, page = 1) =>
    paperFeed(library, site, { q, page, limit: 200 }, 'json')!.entries.map(({ url }) => url.split('/').at(-1))
  return { library, add, keys }
}

test('a feed of a search has only what the search means, never what has some of its words', async () => {
  const { library, keys } = await libraryOf([
    { id: '2401.00001', title: 'Zebra clustering', abstract: 'x' },
    { id: '2401.00002', title: 'Clustering of xylophones', abstract: 'x' },
  ])
  for (const query of ['zebra clustering xylophone', 'zebra xylophone sort:relevance', 'zebra xylophone sort:top']) {
    assert.deepEqual(keys(query), [], query)
    assert.equal(library.countSince(query, ''), 0)
  }
  assert.equal(library.search('zebra clustering xylophone').total, 2)
  assert.deepEqual(keys('clustering zebra'), ['2401.00001'])
  assert.deepEqual(keys('clustering zebra sort:relevance'), ['2401.00001'])
  assert.deepEqual(keys('arXiv:2401.00002'), ['2401.00002'])
})

test('a feed of a search has the newest first and all of them, however many match', async () => {
  const records = Array.from({ length: 1300 }, (_, at) => ({
    id: `2401.${String(10_000 + at)}`,
    title: at % 13 ? 'A model of a model' : 'Of something else',
    abstract: at % 13 ? 'model model' : `A long text ${'of other words '.repeat(20)} and one model.`,
    submittedAt: new Date(Date.UTC(2024, 0, 1, 0, at)).toISOString(),
  }))
  const { keys } = await libraryOf(records)
  const newest = records.map(({ id }) => id).reverse()
  assert.deepEqual(keys('model'), newest.slice(0, 200))
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7].flatMap(page => keys('model', page)),
    newest,
  )
})

test('an entry keeps its id when its paper gets another key, or takes another paper in', async () => {
  const { library, add } = await libraryOf([
    { title: 'Efficient gadget theory of things', authors: ['Ann Lee'], publishedAt: '2020', abstract: 'x' },
  ])
  const ids = () =>
    (['atom', 'rss', 'json'] as const).map(ending => {
      const feed = paperFeed(library, site, {}, ending)!
      assert.equal(new Set(feed.entries.map(({ id }) => id)).size, feed.entries.length)
      for (const { id } of feed.entries) assert.ok(writeFeed(feed, ending).includes(id))
      return feed.entries.map(({ id }) => id).join(' ')
    })
  const atFirst = ids()
  assert.match(atFirst[0], /^tag:x\.example,2025:paper:t:[0-9a-f]{16}$/)
  const now = { title: 'Efficient Gadget Theory of Things', authors: ['Ann Lee'], publishedAt: '2020-09-01' }
  await add([{ ...now, doi: '10.1000/gadget', abstract: 'x' }])
  assert.equal([...library.records()][0].key, 'doi:10.1000/gadget')
  assert.deepEqual(ids(), atFirst)
  await add([{ ...now, id: '2009.00777', abstract: 'x' }])
  assert.equal([...library.records()][0].key, '2009.00777')
  assert.deepEqual(ids(), atFirst)
  // Another paper, of which it turns out later that it is the same.
  await add([{ title: 'Gadgets', doi: '10.1000/other', abstract: 'x' }])
  await add([{ id: '2009.00777', title: 'Gadgets', doi: '10.1000/other', abstract: 'x' }])
  assert.equal(library.count(), 1)
  assert.deepEqual(ids(), atFirst)
})

test('a library made before ids were kept goes on with the ids that its feeds have', async () => {
  const database = openDatabase(':memory:')
  migrate(database, 'library', steps.slice(0, 2))
  const insert = database.prepare(
    `INSERT INTO papers (key, arxivId, submittedAt, record) VALUES ('2009.00777', '2009.00777', '2024-01-01T00:00:00.000Z', ?)`,
  )
  const moment = '2024-01-01T00:00:00.000Z'
  insert.run(JSON.stringify(paper({ key: '2009.00777', arxivId: '2009.00777', title: 'Old', submittedAt: moment })))
  database.exec(`INSERT INTO aliases VALUES ('t:0000000000000000', 1)`)
  const [{ id }] = paperFeed(createLibrary(database), site, {}, 'atom')!.entries
  assert.equal(id, 'tag:x.example,2025:paper:2009.00777')
})

test('an empty library has an empty feed', () => {
  const library = { search: () => ({ papers: [], total: 0 }), firstKeys: () => new Map() } as never
  const feed = paperFeed(library, { url: 'https://x.example', host: 'x.example' }, {}, 'atom')!
  assert.equal(feed.updated, undefined)
  assert.match(writeFeed(feed, 'atom'), /<updated>1970-01-01T00:00:00.000Z<\/updated>/)
})
