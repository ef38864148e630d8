import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, describe, test } from 'node:test'
import {
  type Get,
  harvestArxivOai,
  harvestArxivQuery,
  harvestHfDaily,
  type OaiOptions,
  type OaiState,
} from './harvest.ts'
import { politeFetch } from './polite-fetch.ts'

const closing: (() => void)[] = []
after(() => {
  for (const close of closing) close()
})

type Answer = string | Buffer | ((response: ServerResponse) => void)

/** A site that gives these answers by its query, with what it was asked. */
async function site(answer: (query: URLSearchParams, asked: number) => Answer, idleMs = 30_000) {
  const asked: string[] = []
  const server = createServer((request: IncomingMessage, response) => {
    const url = new URL(request.url!, 'http://a.example')
    asked.push(url.searchParams.toString())
    const found = answer(url.searchParams, asked.length)
    if (typeof found === 'function') found(response)
    else response.end(found)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const get: Get = address => politeFetch(address, { allowPrivate: [host], idleMs, mostBytes: 1_000_000 })
  return { asked, get, address: `http://${host}/` }
}

const pause = async () => {}

/** What came, with the return value or the error. */
async function outcome(harvest: AsyncGenerator<object, unknown>) {
  const ids: string[] = []
  try {
    for (;;) {
      const { done, value } = await harvest.next()
      if (done) return { ids, end: value }
      const item = value as { record?: { arxivId: string }; deleted?: string }
      ids.push(item.record?.arxivId ?? `deleted ${item.deleted}`)
    }
  } catch (error) {
    return { ids, error: String(error) }
  }
}

const status =
  (code: number, text = 'busy') =>
  (response: ServerResponse) =>
    void response.writeHead(code).end(text)
const cut = (text: string) => (response: ServerResponse) => {
  response.writeHead(200, { 'content-length': text.length * 2 }).write(text)
  setTimeout(() => response.destroy(), 10)
}

describe('a harvest by OAI-PMH', () => {
  const oai = (content: string, day = '2026-01-02') =>
    `<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>${day}T03:04:05Z</responseDate>${content}</OAI-PMH>`
  const paper = (id: string) =>
    `<record><header><identifier>oai:arXiv.org:${id}</identifier></header><metadata><arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>${id}</id><title>T</title><authors>A</authors><categories>cs.DC</categories><abstract>B</abstract></arXivRaw></metadata></record>`
  const page = (id: string, token = '', day?: string) =>
    oai(`<ListRecords>${paper(id)}<resumptionToken>${token.replace('&', '&amp;')}</resumptionToken></ListRecords>`, day)
  const fault = (code: string) => oai(`<error code="${code}">words</error>`, '2026-01-09')
  const pages: Record<string, string> = {
    none: page('2601.00001', 'a b&c'),
    'a b&c': page('2601.00002', 'last', '2026-01-03'),
    last: page('2601.00003', '', '2026-01-04'),
  }
  const byToken = (query: URLSearchParams) =>
    pages[query.get('resumptionToken') ?? 'none'] ?? fault('badResumptionToken')

  async function harvest(answer: Parameters<typeof site>[0], options: Partial<OaiOptions> = {}) {
    const { asked, get, address } = await site(answer)
    const saved: OaiState[] = []
    const save = (state: OaiState) => void saved.push(state)
    return { ...(await outcome(harvestArxivOai({ pause, set: 'cs', get, save, address, ...options }))), asked, saved }
  }

  test('follows the tokens, saves each page, and says where the next one starts', async () => {
    const { ids, end, asked, saved } = await harvest(byToken, { from: '2026-01-01' })
    assert.deepEqual(ids, ['2601.00001', '2601.00002', '2601.00003'])
    assert.deepEqual(asked, [
      'verb=ListRecords&metadataPrefix=arXivRaw&set=cs&from=2026-01-01',
      'verb=ListRecords&resumptionToken=a+b%26c',
      'verb=ListRecords&resumptionToken=last',
    ])
    const responseDate = '2026-01-02T03:04:05Z'
    assert.deepEqual(saved, [
      { from: '2026-01-01', token: 'a b&c', responseDate },
      { from: '2026-01-01', token: 'last', responseDate },
      { from: '2026-01-02', responseDate },
    ])
    assert.deepEqual(end, saved[2])
  })

  test('goes on from the last whole page, whatever ended it', async () => {
    for (const broken of [status(500), status(404), cut(pages['a b&c']), cut('<OAI-PMH'), 'x', '', () => {}]) {
      let isBroken = true
      const answer = (query: URLSearchParams) => (isBroken && query.has('resumptionToken') ? broken : byToken(query))
      const first = await harvest(answer)
      assert.ok(first.error)
      assert.equal(first.saved.length, 1)
      isBroken = false
      const { ids, end } = await harvest(answer, { state: first.saved[0] })
      assert.deepEqual(ids, ['2601.00002', '2601.00003'])
      assert.deepEqual(end, { from: '2026-01-02', responseDate: '2026-01-02T03:04:05Z' })
    }
  })

  test('saves a page after its last item was taken', async () => {
    const { get, address } = await site(byToken)
    const events: string[] = []
    const save = async () => void events.push('saved')
    for await (const item of harvestArxivOai({ pause, get, save, address }))
      events.push('record' in item ? 'item' : 'other')
    assert.deepEqual(events, ['item', 'saved', 'item', 'saved', 'item', 'saved'])
  })

  test('starts again from its day where a token is no longer known', async () => {
    const { ids, asked, end } = await harvest(byToken, { state: { from: '2025-12-31', token: 'expired' } })
    assert.deepEqual(ids, ['2601.00001', '2601.00002', '2601.00003'])
    assert.match(asked[1], /from=2025-12-31/)
    assert.partialDeepStrictEqual(end, { from: '2026-01-02' })
  })

  test('gives up where a token is never known, or the same comes again and again', async () => {
    const never = await harvest(query => (query.has('resumptionToken') ? fault('badResumptionToken') : pages.none))
    assert.match(never.error!, /^OaiError: arXiv: words/)
    assert.equal(never.asked.length, 4)
    const circle = await harvest(() => page('2601.00001', 'same'))
    assert.match(circle.error!, /the same page again and again/)
    assert.equal(circle.asked.length, 2)
    const words = await harvest(() => status(400, fault('badResumptionToken'))).then(({ error }) => error)
    assert.match(words!, /words/)
  })

  test('with nothing new is done, and is not asked from an earlier day again', async () => {
    const { ids, end } = await harvest(() => fault('noRecordsMatch'), { from: '2026-01-08' })
    assert.deepEqual(ids, [])
    assert.deepEqual(end, { from: '2026-01-09', responseDate: '2026-01-09T03:04:05Z' })
  })

  test('keeps its day where the answer does not say which it is', async () => {
    const answer = page('2601.00001').replace('2026-01-02T', 'yesterday')
    assert.partialDeepStrictEqual(await harvest(() => answer, { from: '2026-01-01' }), { end: { from: '2026-01-01' } })
  })

  test('notices text that is not UTF-8, and papers that are gone', async () => {
    let invalid = 0
    const text = page('2601.00001').replace('>B<', '>\xe9<')
    const gone = '<record><header status="deleted"><identifier>oai:arXiv.org:2601.00009</identifier></header></record>'
    const answer = Buffer.from(text.replace('<resumptionToken>', `${gone}<resumptionToken>`), 'latin1')
    const { ids } = await harvest(() => answer, { onInvalid: () => invalid++ })
    assert.deepEqual([ids, invalid], [['2601.00001', 'deleted 2601.00009'], 1])
  })
})

describe('a harvest by query', () => {
  const feed = (start: number, entries: number, total: number | '') =>
    `<feed xmlns="http://www.w3.org/2005/Atom" xmlns:o="http://a9.com/-/spec/opensearch/1.1/"><o:totalResults>${total}</o:totalResults><o:startIndex>${start}</o:startIndex>${Array.from(
      { length: entries },
      (_, i) =>
        `<entry><id>http://arxiv.org/abs/2601.0000${start + i + 1}v1</id><title>T</title><summary>S</summary></entry>`,
    ).join('')}</feed>`
  const whole = (total: number) => (query: URLSearchParams) => {
    const start = Number(query.get('start'))
    return feed(start, Math.max(0, Math.min(Number(query.get('max_results')), total - start)), total)
  }
  const run = async (answer: Parameters<typeof site>[0], options = {}) => {
    const { asked, ...where } = await site(answer)
    return {
      ...(await outcome(harvestArxivQuery({ pause, query: 'cat:cs.DC', pageSize: 2, ...where, ...options }))),
      asked,
    }
  }

  test('takes all pages, or as many papers as are wanted', async () => {
    const { ids, end, asked } = await run(whole(5))
    assert.deepEqual(ids.map(Number), [2601.00001, 2601.00002, 2601.00003, 2601.00004, 2601.00005])
    assert.deepEqual(end, { start: 5, total: 5, complete: true })
    assert.equal(asked[1], 'search_query=cat%3Acs.DC&start=2&max_results=2&sortBy=submittedDate&sortOrder=descending')
    assert.deepEqual((await run(whole(5), { most: 3 })).end, { start: 3, total: 5, complete: false })
    assert.deepEqual((await run(whole(0))).end, { start: 0, total: 0, complete: true })
    assert.equal((await run(whole(5), { state: { start: 4, complete: false } })).ids.length, 1)
    assert.match((await run(whole(1), { pageSize: 9999 })).asked[0], /max_results=2000/)
  })

  test('asks for a short page again, and gives none of it before it is whole', async () => {
    const until = (times: number) => (query: URLSearchParams, asked: number) =>
      asked <= times ? feed(0, asked % 3, 3) : whole(3)(query)
    const { ids, asked, end } = await run(until(3), { pageSize: 3 })
    assert.deepEqual([ids.length, asked.length, end], [3, 4, { start: 3, total: 3, complete: true }])
    const failed = await run(until(4), { pageSize: 3 })
    assert.match(failed.error!, /a page of 1 papers instead of 3 \(from 0 of 3\), also when asked again/)
    assert.deepEqual([failed.asked.length, failed.ids], [4, []])
  })

  test('is not complete where a page is another, or does not say how many match', async () => {
    assert.match((await run(() => feed(0, 2, 4))).error!, /from paper 0 instead of 2/)
    assert.match((await run(() => feed(0, 1, ''))).error!, /does not say how many/)
  })

  test('ends with arXiv’s words, or the status, or what is wrong with the text', async () => {
    const words = `<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>http://arxiv.org/api/errors#x</id><summary>too many</summary></entry></feed>`
    for (const code of [200, 400])
      assert.match((await run(() => status(code, words))).error!, /^ArxivError: arXiv: too many/)
    assert.match((await run(() => status(500))).error!, /^HarvestError: 127.*it answered with HTTP 500/)
    assert.match((await run(() => status(503, feed(0, 2, 2)))).error!, /HTTP 503/)
    assert.match((await run(() => cut(feed(0, 2, 2)))).error!, /^FetchError/)
    assert.match((await run(() => feed(0, 2, 2).slice(0, -9))).error!, /^XmlError/)
    assert.match((await run(() => 'x'.repeat(2_000_000))).error!, /Error/)
    const { get, address } = await site(() => () => {}, 50)
    const silent = await outcome(harvestArxivQuery({ pause, query: 'cat:cs.DC', get, address }))
    assert.match(silent.error!, /no answer within/)
  })
})

describe('a harvest of daily papers', () => {
  const item = (id: string) => ({ paper: { id, title: 'T' } })
  const list = (query: URLSearchParams) =>
    ({
      0: JSON.stringify([item('2601.00001'), item('2601.00002')]),
      1: ` \n[${JSON.stringify(item('2601.00003'))}]\n`,
    })[Number(query.get('p'))] ?? '[]'
  const run = async (answer: Parameters<typeof site>[0], options = {}) => {
    const { asked, ...where } = await site(answer)
    return { ...(await outcome(harvestHfDaily({ pause, week: '2026-W01', ...where, ...options }))), asked }
  }

  test('takes pages up to an empty one', async () => {
    const { ids, asked, end } = await run(list)
    assert.deepEqual(ids, ['2601.00001', '2601.00002', '2601.00003'])
    assert.deepEqual(
      asked,
      [0, 1, 2].map(page => `week=2026-W01&p=${page}&limit=100`),
    )
    assert.deepEqual(end, { page: 2, complete: true })
    const { get, address } = await site(list)
    const later = harvestHfDaily({ pause, date: '2026-01-01', get, address, state: { page: 1, complete: false } })
    assert.deepEqual((await outcome(later)).ids, ['2601.00003'])
  })

  test('does not take anything else for the end', async () => {
    for (const [answer, message] of [
      ['', /no list/],
      ['<html>', /no list/],
      ['{"error":"x"}', /no list/],
      ['[', /ends early/],
      [JSON.stringify([item('2601.00001')]).slice(0, -1), /ends early/],
      [JSON.stringify([item('2601.00001')]), /the same page again and again/],
      [status(400, '{"error":"x"}'), /HTTP 400/],
      [status(500, '[]'), /HTTP 500/],
      [cut('[]'), /FetchError/],
    ] as const) {
      const { error, end } = await run(() => answer)
      assert.match(error ?? '', message)
      assert.equal(end, undefined)
    }
  })
})
