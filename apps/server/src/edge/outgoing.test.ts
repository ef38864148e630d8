import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { acceptedEncoding, shapeOutgoing } from './outgoing.ts'

async function ask(
  t: TestContext,
  answer: (response: ServerResponse, request: IncomingMessage) => void,
  {
    encoding = 'gzip, deflate, br',
    base = '',
    method = 'GET',
  }: { encoding?: string; base?: string; method?: string } = {},
) {
  const server = createServer((incoming, response) => {
    shapeOutgoing(incoming, response, base)
    answer(response, incoming)
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const sent = request({
    port: (server.address() as AddressInfo).port,
    method,
    headers: { 'accept-encoding': encoding },
  })
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  const packed = response.headers['content-encoding']
  const plain = packed === 'br' ? brotliDecompressSync(body) : packed === 'gzip' ? gunzipSync(body) : body
  return { status: response.statusCode, headers: response.headers, bytes: body.length, text: plain.toString() }
}

const html = { 'content-type': 'text/html' }
const page = `<!doctype html>${'<p>Ein Absatz über <a href="/papers/1">etwas</a>.</p>'.repeat(200)}`

test('text is compressed as the reader takes it, with its length, and told apart by Vary', async t => {
  for (const [encoding, wanted] of [
    ['gzip, deflate, br', 'br'],
    ['gzip, deflate', 'gzip'],
    ['br;q=0.5, gzip', 'gzip'],
    ['identity', undefined],
    ['', undefined],
    ['gzip;q=0, br;q=0', undefined],
  ] as const) {
    const { headers, text, bytes } = await ask(
      t,
      response => response.writeHead(200, { ...html, etag: '"a"' }).end(page),
      { encoding },
    )
    assert.equal(headers['content-encoding'], wanted, encoding)
    assert.equal(headers.vary, 'accept-encoding')
    assert.equal(text, page)
    if (wanted) assert.equal(Number(headers['content-length']), bytes)
    assert.equal(headers.etag, wanted ? 'W/"a"' : '"a"')
    assert.equal(bytes < page.length / 5, wanted !== undefined)
  }
})

test('however an answer is written, all of it comes', async t => {
  const long = page.repeat(40)
  const ways: [string, (response: ServerResponse) => void, string][] = [
    ['end alone', response => void response.setHeader('content-type', 'text/html').end(page), page],
    [
      'in pieces',
      response => {
        response.writeHead(200, html)
        for (let at = 0; at < page.length; at += 1000) response.write(page.slice(at, at + 1000))
        response.end()
      },
      page,
    ],
    [
      'in bytes, with a last piece',
      response => {
        response.writeHead(200, html)
        response.write(Buffer.from(page))
        response.end('<p>last', 'utf8')
      },
      `${page}<p>last`,
    ],
    ['more than is gathered', response => void response.writeHead(200, html).end(long), long],
    [
      'a stream of pieces',
      response => {
        response.writeHead(200, { ...html, 'content-length': Buffer.byteLength(long) })
        Readable.from(
          (function* () {
            for (let at = 0; at < long.length; at += 5000) yield Buffer.from(long.slice(at, at + 5000))
          })(),
        ).pipe(response)
      },
      long,
    ],
    ['nothing', response => void response.writeHead(200, html).end(), ''],
    ['little', response => void response.writeHead(200, html).end('little'), 'little'],
    [
      'an error in the place of a page',
      response => {
        response.writeHead(200, html)
        response.write(page)
        response.writeHead(500, { 'content-type': 'application/problem+json' }).end('{"a":1}')
      },
      '{"a":1}',
    ],
  ]
  for (const [name, way, wanted] of ways)
    for (const encoding of ['gzip', 'br', 'identity'])
      for (const base of ['', '/base']) {
        if (name.startsWith('an error') && encoding === 'identity') continue
        const { text } = await ask(t, way, { encoding, base })
        assert.equal(
          text,
          base ? wanted.replaceAll('href="/', 'href="/base/') : wanted,
          `${name}, ${encoding}, '${base}'`,
        )
      }
})

test('events, what is compressed already, parts and pictures stay as they are', async t => {
  const body = 'data: x\n\n'.repeat(1000)
  for (const headers of [
    { 'content-type': 'text/event-stream' },
    { 'content-type': 'application/octet-stream' },
    { 'content-type': 'image/png' },
    { 'content-type': 'application/zip' },
    { ...html, 'content-encoding': 'x-own' },
    { ...html, 'content-range': 'bytes 0-1/2' },
    { ...html, 'cache-control': 'no-transform' },
  ] as Record<string, string>[]) {
    const { headers: got, text } = await ask(t, response => response.writeHead(200, headers).end(body))
    assert.equal(got['content-encoding'], headers['content-encoding'])
    assert.equal(text, body)
  }
})

test('events arrive while the answer goes on', async t => {
  let end = () => {}
  const server = createServer((incoming, response) => {
    shapeOutgoing(incoming, response, '/base')
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: one\n\n')
    end = () => response.end()
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  const reader = response.body!.getReader()
  assert.equal(Buffer.from((await reader.read()).value!).toString(), 'data: one\n\n')
  end()
  assert.ok((await reader.read()).done)
})

test('heads and answers without a body have none', async t => {
  const head = await ask(t, response => response.writeHead(200, html).end(page), { method: 'HEAD', base: '/base' })
  assert.deepEqual([head.text, head.headers.vary], ['', 'accept-encoding'])
  const known = await ask(t, response => response.writeHead(304, { etag: '"a"' }).end(), { base: '/base' })
  assert.deepEqual([known.status, known.text, known.headers.vary], [304, '', 'accept-encoding'])
  const nothing = await ask(t, response => response.writeHead(204).end())
  assert.deepEqual([nothing.status, nothing.text], [204, ''])
})

test('a reader that has the compressed text already is told so', async t => {
  let asked: string | undefined
  const server = createServer((incoming, response) => {
    shapeOutgoing(incoming, response, '')
    asked = incoming.headers['if-none-match']
    response.writeHead(asked === '"a", "b"' ? 304 : 200, { ...html, etag: '"a"' }).end(page)
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const first = await fetch(url)
  assert.equal(first.headers.get('etag'), 'W/"a"')
  const again = await fetch(url, { headers: { 'if-none-match': 'W/"a", W/"b"' } })
  assert.deepEqual([again.status, asked], [304, '"a", "b"'])
})

test('addresses in headers get the path, several cookies too', async t => {
  const { headers } = await ask(
    t,
    response => {
      response.setHeader('set-cookie', ['a=1; Path=/', 'b=2; Path=/; HttpOnly'])
      response.writeHead(303, { location: '/runs/1', link: '</x.md>; rel="alternate"' }).end()
    },
    { base: '/base' },
  )
  assert.deepEqual(headers['set-cookie'], ['a=1; Path=/base', 'b=2; Path=/base; HttpOnly'])
  assert.equal(headers.location, '/base/runs/1')
  assert.equal(headers.link, '</base/x.md>; rel="alternate"')
})

test('a reader that goes away in the middle ends the work', async t => {
  let closed: Promise<unknown> | undefined
  const server = createServer((incoming, response) => {
    shapeOutgoing(incoming, response, '')
    closed = once(response, 'close')
    response.writeHead(200, html)
    const write = () => {
      while (!response.destroyed && response.write(page)) {}
      if (!response.destroyed) response.once('drain', write)
    }
    write()
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const sent = request({ port: (server.address() as AddressInfo).port, headers: { 'accept-encoding': 'gzip' } })
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  await once(response, 'data')
  response.destroy()
  await closed
})

test('what a reader takes is read as the standard has it', () => {
  for (const [header, wanted] of [
    ['br', 'br'],
    ['GZIP', 'gzip'],
    ['x-gzip', 'gzip'],
    ['*', 'br'],
    ['*;q=0', undefined],
    ['gzip;q=0.9, br;q=0.8', 'gzip'],
    ['br;q=0, *', 'gzip'],
    ['deflate, zstd', undefined],
    ['gzip;q=x', undefined],
  ] as const)
    assert.equal(acceptedEncoding(header), wanted, header)
})
