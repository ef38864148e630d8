import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { Run } from '@offprint/server'
import { startServer } from './harness.ts'

/** A request with headers that `fetch` would not let through. */
function ask(
  url: string,
  {
    method = 'GET',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
    const sent = httpRequest(url, { method, headers }, async response => {
      let text = ''
      for await (const chunk of response) text += chunk
      resolve({ status: response.statusCode!, headers: response.headers, body: text })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

const json = { 'content-type': 'application/json' }
const html = { accept: 'text/html,application/xhtml+xml' }
const table = 'name,x\none,1\ntwo,2\n'

test('a foreign Host is refused, listed and local ones are answered', async t => {
  const { url } = await startServer(t, { ALLOWED_HOSTS: 'papers.example, other.example' })
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '127.0.0.1@evil'])
    assert.equal((await ask(`${url}/health`, { headers: { host } })).status, 421, host)
  for (const host of ['localhost:3000', '127.0.0.1', '[::1]:80', 'papers.example', 'OTHER.example:8080'])
    assert.equal((await ask(`${url}/health`, { headers: { host } })).status, 200, host)
})

test('writes from other sites are refused, those of programs and of the site itself are not', async t => {
  const { url, offprint } = await startServer(t)
  const post = (headers: Record<string, string>) =>
    ask(`${url}/api/run/outside/sum`, {
      method: 'POST',
      headers: { ...json, ...headers },
      body: JSON.stringify({ table }),
    })
  const { host } = new URL(url)
  for (const headers of [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: `http://${host}.evil.example` },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ] as Record<string, string>[])
    assert.equal((await post(headers)).status, 403, JSON.stringify(headers))
  assert.equal(offprint.runs.store.list().length, 0)
  for (const headers of [
    {},
    { origin: `http://${host}` },
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
  ] as Record<string, string>[])
    assert.equal((await post(headers)).status, 202, JSON.stringify(headers))
})

test('every answer carries the policy, without unsafe-inline', async t => {
  const { url } = await startServer(t)
  for (const path of ['/', '/api/papers', '/nothing', '/api/nothing']) {
    const { headers } = await ask(url + path)
    assert.match(String(headers['content-security-policy']), /default-src 'none'; script-src 'self'; style-src 'self'/)
    assert.doesNotMatch(String(headers['content-security-policy']), /unsafe/)
    assert.equal(headers['x-content-type-options'], 'nosniff')
  }
})

test('with an owner token everything but the login asks for it', async t => {
  const token = 'a-secret-of-the-owner'
  const { url } = await startServer(t, { OWNER_TOKEN: token })
  for (const path of ['/api/papers', '/api/runs', '/api/export']) assert.equal((await ask(url + path)).status, 401)
  const page = await ask(`${url}/runs?paper=x`)
  assert.equal(page.status, 303)
  assert.equal(page.headers.location, '/login?next=%2Fruns%3Fpaper%3Dx')
  assert.equal((await ask(`${url}/login`)).status, 200)
  assert.equal((await ask(`${url}/health`)).status, 200)
  assert.equal((await ask(`${url}/api/papers`, { headers: { authorization: `Bearer ${token}` } })).status, 200)
  assert.equal((await ask(`${url}/api/papers`, { headers: { authorization: 'Bearer wrong' } })).status, 401)

  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const login = (body: string, next: string) =>
    ask(`${url}/login?next=${encodeURIComponent(next)}`, { method: 'POST', headers: form, body })
  const wrong = await login('token=wrong', '/runs')
  assert.equal(wrong.headers.location, '/login?wrong=1&next=%2Fruns')
  assert.equal(wrong.headers['set-cookie'], undefined)
  const right = await login(`token=${token}`, '/runs')
  assert.equal(right.headers.location, '/runs')
  const cookie = String((right.headers['set-cookie'] as string[])[0])
  assert.match(cookie, /HttpOnly; SameSite=Lax/)
  assert.ok(!cookie.includes(token))
  const session = cookie.split(';')[0]
  assert.equal((await ask(`${url}/api/papers`, { headers: { cookie: session } })).status, 200)
  const [name, value] = session.split('=')
  const [expires, signature] = value.split('.')
  for (const forged of [
    `${Number(expires) + 1}.${signature}`,
    `${expires}.${signature.replace(/./, 'f').replace(/.$/, '0')}x`,
    '1.2',
  ])
    assert.equal((await ask(`${url}/api/papers`, { headers: { cookie: `${name}=${forged}` } })).status, 401)
  for (const next of ['https://evil.example', '//evil.example', '/\\evil.example'])
    assert.equal((await login(`token=${token}`, next)).headers.location, '/')
})

test('guessing the token is slowed down', async t => {
  const { url } = await startServer(t, { OWNER_TOKEN: 'another-secret-of-the-owner' })
  const statuses = []
  for (let guess = 0; guess < 25; guess++)
    statuses.push(
      (
        await ask(`${url}/login`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: `token=${guess}`,
        })
      ).status,
    )
  assert.equal(statuses.at(-1), 429)
})

test('proxy headers count only where the proxy is trusted', async t => {
  const seen: unknown[] = []
  const pages = (request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => {
    seen.push([request.headers['x-forwarded-proto'], request.headers['x-forwarded-for']])
    response.end()
  }
  const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '1.2.3.4' }
  const plain = await startServer(t, {}, pages)
  await ask(plain.url, { headers })
  const trusting = await startServer(t, { TRUST_PROXY: '1' }, pages)
  await ask(trusting.url, { headers })
  assert.deepEqual(seen, [
    ['http', undefined],
    ['https', '1.2.3.4'],
  ])
})

test('a browser whose form is wrong is sent back to it with what it had entered', async t => {
  const { url, offprint } = await startServer(t)
  const body = new URLSearchParams({ table, factor: '99', remark: '<script>alert(1)</script>', seed: '4' }).toString()
  const response = await ask(`${url}/api/run/outside/sum`, {
    method: 'POST',
    headers: { ...html, 'content-type': 'application/x-www-form-urlencoded' },
    body,
  })
  assert.equal(response.status, 303)
  const draftId = new URL(String(response.headers.location), url).searchParams.get('draft')!
  const draft = offprint.runs.store.draft(draftId)!
  assert.deepEqual(draft.errors, [{ field: 'factor', message: "factor must be a number from 0.5 to 10, found '99'" }])
  assert.equal(draft.values.remark, '<script>alert(1)</script>')
  assert.equal(draft.values.seed, '4')
})

test('a browser gets errors as a page, a program as problem+json', async t => {
  const { url } = await startServer(t)
  const page = await ask(`${url}/api/runs/nothing`, { headers: html })
  assert.equal(page.status, 404)
  assert.equal(page.body, 'problem: there is no run nothing')
  const program = await ask(`${url}/api/runs/nothing`)
  assert.equal(program.headers['content-type'], 'application/problem+json')
  assert.equal(JSON.parse(program.body).detail, 'there is no run nothing')
})

test('hostile addresses, methods and bodies get an error, and the server lives on', async t => {
  const { url } = await startServer(t)
  const statuses = async (list: [string, Parameters<typeof ask>[1]][]) => {
    for (const [path, options] of list) {
      const { status } = await ask(url + path, options)
      assert.ok(status >= 400 && status < 500, `${path} ${JSON.stringify(options)}: ${status}`)
    }
  }
  await statuses([
    ['/api/runs/%E0%A4%A', {}],
    ['/api/runs/..%2F..%2Foffprint.db', {}],
    ['/api/runs/x/files/..%2F..%2F..%2Fetc%2Fpasswd', {}],
    ['/api/papers/..%2F..%2Fetc%2Fpasswd', {}],
    ['/api/run/outside/sum', { method: 'DELETE' }],
    ['/', { method: 'POST', headers: json, body: '{}' }],
    ['/api/run/outside/sum', { method: 'POST', headers: json, body: '{"table":' }],
    ['/api/run/outside/sum', { method: 'POST', headers: json, body: '[1]' }],
    ['/api/run/outside/sum', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x' }],
    ['/api/run/outside/sum', { method: 'POST', headers: { 'content-type': 'multipart/form-data' }, body: 'x' }],
    [
      '/api/run/outside/sum',
      { method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=x' }, body: '--x\r\nbroken' },
    ],
    ['/api/run/__proto__/constructor', { method: 'POST', headers: json, body: '{}' }],
    ['/api/run/outside/sum', { method: 'POST', headers: json, body: '{"__proto__":{"x":1},"constructor":1}' }],
    [
      '/api/run/outside/sum',
      { method: 'POST', headers: json, body: JSON.stringify({ table: { file: 'a'.repeat(64), name: 'x', bytes: 1 } }) },
    ],
    ['/api/import?year=12', { method: 'POST', body: 'x' }],
  ])
  assert.equal((await ask(`${url}/health`)).status, 200)
})

test('a query of 10 MB is refused, and the server lives on', async t => {
  const { url } = await startServer(t)
  const { hostname, port } = new URL(url)
  const answer = await new Promise<string>(resolve => {
    const socket = connect(Number(port), hostname)
    let text = ''
    socket.on('data', chunk => {
      text += chunk
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(text))
    socket.write(`GET /api/search?q=${'a'.repeat(10_000_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  })
  assert.match(answer, /^HTTP\/1.1 4\d\d/)
  const long = await ask(`${url}/api/search?q=${'"('.repeat(3000)}`)
  assert.equal(long.status, 200)
  assert.equal((await ask(`${url}/health`)).status, 200)
})

test('an upload of 100 MB above the limit is refused without being kept', async t => {
  const { url, offprint } = await startServer(t, { UPLOAD_LIMIT_MB: '5' })
  const form = new FormData()
  form.set('table', new Blob([new Uint8Array(100_000_000)]), 'large.csv')
  let status = 0
  let detail = ''
  try {
    const response = await fetch(`${url}/api/run/outside/sum`, { method: 'POST', body: form })
    status = response.status
    detail = ((await response.json()) as { detail: string }).detail
  } catch {
    // The server may close the connection before all is sent; then the answer is lost.
  }
  if (status) {
    assert.equal(status, 413)
    assert.match(detail, /large.csv is larger than the limit of 5 MB \(setting UPLOAD_LIMIT_MB\)/)
  }
  assert.equal(offprint.runs.store.list().length, 0)
  assert.equal((await ask(`${url}/health`)).status, 200)
})

test('an upload of 100 MB within the limit is streamed and the server stays small', async t => {
  const { url } = await startServer(t)
  const row = 'x'.repeat(99)
  const form = new FormData()
  form.set('table', new Blob([`name\n${`${row}\n`.repeat(1_000_000)}`]), 'large.csv')
  const response = await fetch(`${url}/api/run/outside/sum`, { method: 'POST', body: form })
  assert.equal(response.status, 202)
  const { run } = (await response.json()) as { run: Run }
  assert.equal((run.input.table as { bytes: number }).bytes, 100_000_005)
  assert.equal((await fetch(`${url}/api/runs/${run.id}/cancel`, { method: 'POST' })).status, 200)
})

test('a form with too many fields or a field beyond 16 MB is refused', async t => {
  const { url } = await startServer(t)
  const many = new FormData()
  for (let field = 0; field < 300; field++) many.set(`f${field}`, 'x')
  assert.equal((await fetch(`${url}/api/run/outside/sum`, { method: 'POST', body: many })).status, 413)
  const large = new FormData()
  large.set('table', 'x'.repeat(17 * 1024 * 1024))
  const response = await fetch(`${url}/api/run/outside/sum`, { method: 'POST', body: large }).catch(() => undefined)
  if (response) assert.equal(response.status, 413)
})

test('a listing is imported by body, form and file, and exported again', async t => {
  const { url } = await startServer(t)
  const record = {
    key: '2401.00001',
    arxivId: '2401.00001',
    title: 'A <b>title</b> & more',
    abstract: 'An abstract with <script>alert(1)</script> in it.',
    authors: [{ name: 'Ada' }],
  }
  const line = `${JSON.stringify(record)}\n`
  const report = async (response: Response) =>
    (await response.json()) as { added: number; unchanged: number; refusedCount: number }
  const first = await report(await fetch(`${url}/api/import`, { method: 'POST', body: line }))
  assert.equal(first.added, 1)
  const form = new FormData()
  form.set('file', new Blob([`${line}{"broken\n`]), '../x.jsonl')
  const second = await report(await fetch(`${url}/api/import`, { method: 'POST', body: form }))
  assert.deepEqual([second.added, second.unchanged, second.refusedCount], [0, 1, 1])
  const exported = (await (await fetch(`${url}/api/export`)).text())
    .trim()
    .split('\n')
    .map(one => JSON.parse(one))
  assert.equal(exported.find(one => one.arxivId === '2401.00001').title, record.title)
  const found = (await (await fetch(`${url}/api/search?q=abstract%20script`)).json()) as { papers: { key: string }[] }
  assert.equal(found.papers[0].key, '2401.00001')
})

test('the OpenAPI document lists every method with its schema', async t => {
  const { url } = await startServer(t)
  const document = (await (await fetch(`${url}/api/openapi.json`)).json()) as {
    paths: Record<string, { post: { requestBody: { content: Record<string, { schema: { properties: object } }> } } }>
  }
  const { schema } = document.paths['/api/run/outside/sum'].post.requestBody.content['application/json']
  assert.deepEqual(Object.keys(schema.properties), ['table', 'factor', 'rounds', 'sign', 'twice', 'remark'])
  assert.ok(document.paths['/api/run/fasterpam/cluster'])
})
