/** Mail over HTTP: subscribing, confirming, leaving with one click, and what only the owner may see. */
import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { type TestContext, test } from 'node:test'
import type { OutboxRow } from '@offprint/server'
import { startServer } from './harness.ts'

interface Asked {
  method?: string
  headers?: Record<string, string>
  body?: string
}

/** A request with headers that `fetch` would not let through. */
function ask(url: string, { method = 'GET', headers = {}, body = '' }: Asked = {}) {
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

const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' }
const html = { accept: 'text/html' }
const wish = { address: 'ada@example.org', kind: 'daily', hour: '7', zone: 'Europe/Berlin', consent: 'yes' }
const form = (fields: Record<string, string>): Asked => ({
  method: 'POST',
  headers: urlencoded,
  body: new URLSearchParams(fields).toString(),
})

async function serve(t: TestContext, environment: Record<string, string> = {}) {
  const served = await startServer(t, environment)
  const { mail } = served.offprint
  const confirmations = (): OutboxRow[] => mail.outbox.list().filter(row => row.kind === 'confirmation')
  /** Subscribes and confirms; gives the tokens to leave and to manage. */
  function subscribed(fields: Partial<typeof wish> = {}) {
    const { address, kind, hour, zone } = { ...wish, ...fields }
    mail.ask({ address, kind: kind as 'daily', hour: Number(hour), zone, query: '' })
    const manage = mail.subscribers.confirm(mail.subscribers.newLink(confirmations()[0].confirmation!))!
    const { id } = mail.subscribers.managed(manage)!.subscriptions.at(-1)!
    return { manage, leave: mail.subscribers.leaveToken(id, address) }
  }
  const state = (manage: string) => mail.subscribers.managed(manage)!.subscriptions[0].state
  return { ...served, mail, confirmations, subscribed, state }
}

test('the answer to a wish is the same for known and unknown addresses, as a form, in parts and as JSON', async t => {
  const { url, confirmations, subscribed } = await serve(t)
  subscribed()
  const answers = []
  for (const address of ['ada@example.org', 'new@example.org'])
    answers.push(
      await ask(`${url}/subscribe`, { ...form({ ...wish, address, hour: '8' }), headers: { ...urlencoded, ...html } }),
    )
  for (const { status, headers, body } of answers)
    assert.deepEqual([status, headers.location, body], [303, '/subscribe?asked=1', ''])
  const json = { 'content-type': 'application/json' }
  const program = await ask(`${url}/subscribe`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ ...wish, address: 'x@example.org', hour: 9, consent: true }),
  })
  assert.equal(program.status, 202)
  const parts = new FormData()
  for (const [name, value] of Object.entries({ ...wish, address: 'y@example.org' })) parts.set(name, value)
  assert.equal((await fetch(`${url}/subscribe`, { method: 'POST', body: parts })).status, 202)
  assert.deepEqual(
    confirmations().map(row => row.address),
    ['y@example.org', 'x@example.org', 'new@example.org', 'ada@example.org', 'ada@example.org'],
  )
})

test('a wish that cannot be used is 422 with its field, and nothing is kept of it', async t => {
  const { url, mail } = await serve(t)
  for (const [field, value] of [
    ['address', 'ada@example.org\r\nBcc: x@example.org'],
    ['address', `${'a'.repeat(250)}@example.org`],
    ['kind', 'hourly'],
    ['hour', '7.5'],
    ['zone', 'Nowhere'],
    ['consent', ''],
  ]) {
    const { status, body } = await ask(`${url}/subscribe`, form({ ...wish, [field]: value }))
    assert.equal(status, 422, field)
    assert.equal(JSON.parse(body).errors[0].field, field)
  }
  assert.equal((await ask(`${url}/subscribe`, form({ ...wish, q: 'x'.repeat(11_000) }))).status, 413)
  assert.equal(
    (await ask(`${url}/subscribe`, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x' })).status,
    415,
  )
  assert.equal(
    (await ask(`${url}/subscribe`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '[1' }))
      .status,
    400,
  )
  assert.deepEqual(mail.outbox.list(), [])
})

test('looking at a link to confirm changes nothing; the button does', async t => {
  const { url, mail, confirmations } = await serve(t)
  await ask(`${url}/subscribe`, form(wish))
  const token = mail.subscribers.newLink(confirmations()[0].confirmation!)
  assert.equal((await ask(`${url}/confirm/${token}`)).status, 200)
  assert.equal(mail.subscribers.counts().subscribers, 0)
  const page = await ask(`${url}/confirm/${token}`, { method: 'POST', headers: html })
  assert.equal(page.status, 303)
  assert.match(String(page.headers.location), /^\/subscriptions\/1-[\w-]{43}\?confirmed=1$/)
  assert.equal(mail.subscribers.counts().subscribers, 1)
  assert.equal((await ask(`${url}/confirm/${token}`, { method: 'POST' })).status, 200)
  assert.equal((await ask(`${url}/confirm/unknown`, { method: 'POST' })).status, 404)
})

test('one click leaves at once: from anywhere, without a cookie, in either form, with 200 and no redirect', async t => {
  const boundary = 'part'
  const multipart = `--${boundary}\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--${boundary}--\r\n`
  for (const owner of [{}, { OWNER_TOKEN: 'a-secret-of-the-owner' }] as Record<string, string>[]) {
    const { url, subscribed, state } = await serve(t, owner)
    const foreign: Record<string, string>[] = [
      {},
      { origin: 'null' },
      { origin: 'https://mail.example' },
      { 'sec-fetch-site': 'cross-site', origin: 'https://mail.example' },
    ]
    for (const [index, headers] of foreign.entries())
      for (const isMultipart of [false, true]) {
        const { leave, manage } = subscribed({ address: `a${index}${isMultipart}@example.org` })
        assert.equal((await ask(`${url}/unsubscribe/${leave}`)).status, 200)
        assert.equal((await ask(`${url}/unsubscribe/${leave}`, { method: 'HEAD' })).status, 200)
        assert.equal(state(manage), 'active')
        const body = isMultipart ? multipart : 'List-Unsubscribe=One-Click'
        const type = isMultipart ? `multipart/form-data; boundary=${boundary}` : 'application/x-www-form-urlencoded'
        const answer = await ask(`${url}/unsubscribe/${leave}`, {
          method: 'POST',
          headers: { ...headers, 'content-type': type },
          body,
        })
        assert.deepEqual(
          [answer.status, answer.headers.location, answer.headers['set-cookie']],
          [200, undefined, undefined],
        )
        assert.equal(state(manage), 'left')
        assert.equal((await ask(`${url}/unsubscribe/${leave}`, { method: 'POST', headers, body: '' })).status, 200)
      }
    for (const token of ['unknown', '1-x', `99-${'A'.repeat(43)}`]) {
      assert.equal(
        (await ask(`${url}/unsubscribe/${token}`, { method: 'POST', headers: { origin: 'null' } })).status,
        200,
        token,
      )
      assert.equal((await ask(`${url}/unsubscribe/${token}`)).status, 200)
    }
    // The name of the host is still looked at, and nothing else is open to other sites.
    assert.equal((await ask(`${url}/unsubscribe/x`, { method: 'POST', headers: { host: 'evil.example' } })).status, 421)
    for (const path of ['/subscribe', '/confirm/x', '/subscriptions/x', '/mail/test', '/unsubscribe/x/y'])
      assert.equal(
        (await ask(url + path, { method: 'POST', headers: { origin: 'https://evil.example' } })).status,
        403,
        path,
      )
    assert.equal((await ask(`${url}/unsubscribe/x`, { method: 'POST', body: 'x'.repeat(20_000) })).status, 413)
  }
})

test('a browser that leaves gets a page, still with 200', async t => {
  const { url, subscribed, state } = await serve(t)
  const { leave, manage } = subscribed()
  const { status, body } = await ask(`${url}/unsubscribe/${leave}`, {
    method: 'POST',
    headers: { ...html, ...urlencoded },
    body: 'List-Unsubscribe=One-Click',
  })
  assert.deepEqual([status, body], [200, `page /unsubscribe/${leave}?left=1`])
  assert.equal(state(manage), 'left')
})

test('with an owner token the links in mail are open, and mail itself is not', async t => {
  const { url, subscribed } = await serve(t, { OWNER_TOKEN: 'a-secret-of-the-owner' })
  const { leave, manage } = subscribed()
  for (const path of [`/confirm/x`, `/unsubscribe/${leave}`, `/subscriptions/${manage}`])
    assert.equal((await ask(url + path)).status, 200, path)
  assert.equal((await ask(`${url}/subscriptions/${manage}`, form({ action: 'leave-all' }))).status, 200)
  for (const path of ['/mail', '/mail/1', '/mail/outbox/1.eml', '/subscribe'])
    assert.equal((await ask(url + path)).status, 303, path)
  assert.equal((await ask(`${url}/api/mail`)).status, 401)
  for (const path of [
    '/mail/test',
    '/mail/outbox/1/again',
    '/mail/outbox/1/forget',
    '/mail/outbox/1/link',
    '/mail/subscribers/1/remove',
    '/subscribe',
  ])
    assert.equal((await ask(url + path, { method: 'POST' })).status, 401, path)
  const authorization = 'Bearer a-secret-of-the-owner'
  assert.equal(JSON.parse((await ask(`${url}/api/mail`, { headers: { authorization } })).body).counts.subscriptions, 0)
})

test('one’s own subscriptions can be changed, paused and left', async t => {
  const { url, mail, subscribed } = await serve(t)
  const { manage } = subscribed()
  const one = () => mail.subscribers.managed(manage)!.subscriptions[0]
  const change = (fields: Record<string, string>) =>
    ask(`${url}/subscriptions/${manage}`, form({ subscription: String(one().id), ...fields }))
  assert.equal((await change({ action: 'change', hour: '18', zone: 'america/new_york' })).status, 200)
  assert.deepEqual([one().hour, one().zone], [18, 'America/New_York'])
  for (const [action, state] of [
    ['pause', 'paused'],
    ['resume', 'active'],
    ['leave', 'left'],
    ['resume', 'active'],
    ['leave-all', 'left'],
  ]) {
    assert.equal((await change({ action })).status, 200)
    assert.equal(one().state, state)
  }
  assert.equal((await change({ action: 'explode' })).status, 422)
  assert.equal((await change({ action: 'change', hour: '77', zone: 'UTC' })).status, 422)
  assert.equal((await change({ action: 'leave', subscription: '999' })).status, 404)
  assert.equal((await ask(`${url}/subscriptions/1-${'A'.repeat(43)}`, form({ action: 'leave-all' }))).status, 404)
})

test('without a mail server the owner sees what would be sent, and can try its link', async t => {
  const { url, mail, confirmations } = await serve(t, { PUBLIC_URL: 'https://papers.example.org' })
  await ask(`${url}/subscribe`, form({ ...wish, q: 'vector search' }))
  await mail.round()
  const [{ id, state }] = confirmations()
  assert.equal(state, 'queued')
  const file = await ask(`${url}/mail/outbox/${id}.eml`)
  assert.equal(file.headers['content-type'], 'message/rfc822')
  assert.match(file.body, /^To: ada@example\.org\r$/m)
  assert.match(file.body, /^Message-ID: <[0-9a-f]{32}@papers\.example\.org>\r$/m)
  const link = await ask(`${url}/mail/outbox/${id}/link`, { method: 'POST' })
  assert.equal(link.status, 303)
  assert.equal((await ask(url + link.headers.location, { method: 'POST' })).status, 200)
  assert.equal(mail.subscribers.counts().subscriptions, 1)
  assert.equal((await ask(`${url}/mail/outbox/${id}/forget`, { method: 'POST' })).status, 200)
  assert.equal((await ask(`${url}/mail/outbox/${id}/link`, { method: 'POST' })).status, 409)
  assert.equal((await ask(`${url}/mail/outbox/${id}/again`, { method: 'POST' })).status, 409)
  assert.equal((await ask(`${url}/mail/outbox/999.eml`)).status, 404)
  const [subscriber] = mail.subscribers.list()
  assert.equal((await ask(`${url}/mail/subscribers/${subscriber.id}/remove`, { method: 'POST' })).status, 200)
  assert.equal((await ask(`${url}/mail/subscribers/${subscriber.id}/remove`, { method: 'POST' })).status, 404)
  assert.equal((await ask(`${url}/mail/test`, form({ address: 'nobody' }))).status, 422)
})
