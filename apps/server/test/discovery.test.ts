import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { SaxesParser } from 'saxes'
import { sendSitemap } from '../src/edge/discovery.ts'
import type { Offprint } from '../src/offprint.ts'
import { startServer } from './harness.ts'

const PUBLIC_URL = 'https://example.org/papers'

/** The texts of all elements of a name; throws where it is no XML. */
function texts(xml: string, name: string): string[] {
  const found: string[] = []
  let text: string | undefined
  const parser = new SaxesParser()
  parser.on('opentag', tag => {
    if (tag.name === name) text = ''
  })
  parser.on('text', more => {
    if (text !== undefined) text += more
  })
  parser.on('closetag', tag => {
    if (tag.name !== name) return
    found.push(text!)
    text = undefined
  })
  parser.on('error', error => {
    throw error
  })
  parser.write(xml).close()
  return found
}

const get = async (address: string, headers: Record<string, string> = {}) => {
  const response = await fetch(address, { headers })
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    tag: response.headers.get('etag'),
    text: await response.text(),
  }
}

async function withPapers(t: TestContext, environment: Record<string, string> = {}) {
  const served = await startServer(t, { PUBLIC_URL, ...environment })
  const papers = [
    { arxivId: '2401.00001', title: 'One' },
    { arxivId: 'cs/9808004', title: 'Two' },
    { doi: '10.1000/a&b<c>"d"', title: 'Three' },
  ]
  const lines = papers.map(paper => `${JSON.stringify({ abstract: '', authors: [], ...paper })}\n`).join('')
  await fetch(`${served.url}/api/import`, { method: 'POST', body: lines })
  return served
}

/** Pages of the site map that stay: today, trending, topics, categories, claims, tools, about, and cluster-table. */
const pagesBeside = 8

test('the site map has every page that stays and every paper, with when it changed', async t => {
  const { url, offprint } = await withPapers(t)
  const { status, type, tag, text } = await get(`${url}/sitemap.xml`)
  assert.equal(status, 200)
  assert.match(type, /^application\/xml/)
  const places = texts(text, 'loc')
  assert.equal(places.length, new Set(places).size)
  assert.equal(places.length, pagesBeside + offprint.library.count())
  assert.ok(places.includes(`${PUBLIC_URL}/papers/cs/9808004`))
  assert.ok(places.includes(`${PUBLIC_URL}/papers/doi%3A10.1000/a%26b%3Cc%3E%22d%22`))
  for (const place of places) assert.equal(new URL(place).href, place)
  for (const day of texts(text, 'lastmod')) assert.equal(new Date(day).toISOString(), day)
  assert.equal((await get(`${url}/sitemap.xml`, { 'if-none-match': tag! })).status, 304)
  const head = await fetch(`${url}/sitemap.xml`, { method: 'HEAD' })
  // Nothing is compressed there.
  assert.equal(`W/${head.headers.get('etag')}`, tag)
  assert.equal((await get(`${url}/sitemap-1.xml`)).status, 200)
  for (const part of ['0', '2', '-1', 'x'])
    assert.notEqual((await get(`${url}/sitemap-${part}.xml`)).type.startsWith('application/xml'), true, part)
  await fetch(`${url}/api/import`, {
    method: 'POST',
    body: `${JSON.stringify({ arxivId: '2401.00002', title: 'Four', abstract: '', authors: [] })}\n`,
  })
  assert.notEqual((await get(`${url}/sitemap.xml`, { 'if-none-match': tag! })).status, 304)
})

test('a library that does not fit into one file gets an index, and its parts have all of it once', async t => {
  const { offprint } = await withPapers(t)
  const most = 10
  const server = createServer((request, response) => {
    const part = /^\/sitemap(?:-(\d+))?\.xml$/.exec(request.url!)?.[1] ?? ''
    sendSitemap({ request, response, offprint: offprint as Offprint }, part, most).catch(() =>
      response.writeHead(404).end(),
    )
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const index = texts((await get(`${url}/sitemap.xml`)).text, 'loc')
  const total = pagesBeside + offprint.library.count()
  assert.equal(index.length, Math.ceil(total / most))
  assert.equal(index[1], `${PUBLIC_URL}/sitemap-2.xml`)
  const places: string[] = []
  for (const part of index) {
    const some = texts((await get(url + new URL(part).pathname.replace('/papers', ''))).text, 'loc')
    assert.ok(some.length > 0 && some.length <= most)
    places.push(...some)
  }
  assert.equal(places.length, total)
  assert.equal(new Set(places).size, total)
  assert.equal((await get(`${url}/sitemap-99.xml`)).status, 404)
})

test('robots are told what is not for them; all of it where the owner is asked for', async t => {
  const { url } = await withPapers(t)
  const { text, type } = await get(`${url}/robots.txt`)
  assert.match(type, /^text\/plain/)
  assert.match(text, /^User-agent: \*\n/)
  assert.match(text, /^Disallow: \/papers\/api\/$/m)
  assert.match(text, /^Sitemap: https:\/\/example\.org\/papers\/sitemap\.xml$/m)
  const locked = await startServer(t, { OWNER_TOKEN: 'a-secret-of-the-owner' })
  assert.equal((await get(`${locked.url}/robots.txt`)).text, 'User-agent: *\nDisallow: /\n')
  assert.equal((await get(`${locked.url}/sitemap.xml`)).text.includes('urlset'), false)
})

test('a browser learns how to search here', async t => {
  const { url } = await withPapers(t)
  const { text, type } = await get(`${url}/opensearch.xml`)
  assert.match(type, /^application\/opensearchdescription\+xml/)
  assert.deepEqual(texts(text, 'ShortName'), ['Offprint'])
  assert.match(text, /template="https:\/\/example\.org\/papers\/search\?q=\{searchTerms\}"/)
})

test('llms.txt names what can be read and run, and each address answers', async t => {
  const { url } = await startServer(t)
  const { text } = await get(`${url}/llms.txt`)
  assert.match(text, /^# Offprint\n\n> /)
  const links = [...text.matchAll(/\]\((http:\/\/localhost:0\/[^)]*)\)/g)].map(([, link]) => link)
  assert.ok(links.length > 8)
  for (const link of links) {
    const { status } = await get(link.replace('http://localhost:0', url))
    assert.equal(status, 200, link)
  }
  assert.match(
    text,
    /\[Fast and Eager k-Medoids.*\]\(.*\/papers\/2008\.05171\.md\).*Methods: cluster, choose-k, compare\./,
  )
})
