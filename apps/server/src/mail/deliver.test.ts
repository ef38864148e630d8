import assert from 'node:assert/strict'
import { createVerify, generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { temporaryFolder } from '../../test/harness.ts'
import { openDatabase } from '../database.ts'
import {
  confirmed,
  dayMs,
  hourMs,
  importRecords,
  morning,
  openTestMail,
  readMessage,
  refusal,
  startSmtp,
  type TestMail,
  testMail,
} from './mail.fixture.ts'

const names = ['ada', 'ben', 'cy', 'dan', 'eve', 'fay', 'gus', 'hal', 'ida', 'jon']

/** Ten subscribers, and something new that is due. */
async function withDigests(t: TestContext, settings: Parameters<typeof testMail>[1]) {
  const made = testMail(t, settings)
  for (const name of names) confirmed(made, { address: `${name}@example.org` })
  await importRecords(made.library, [{ title: 'Something new' }])
  made.clock.moment = morning + hourMs
  return made
}

const states = ({ mail }: Pick<TestMail, 'mail'>) =>
  Object.fromEntries(mail.outbox.list().map(row => [row.address.split('@')[0], row.state]))

test('each subscriber gets it once, over a few connections, and a second round sends nothing', async t => {
  const smtp = await startSmtp(t)
  const made = await withDigests(t, {
    settings: { ...smtp.settings, MAIL_REPLY_TO: 'help@offprint.place' },
    options: { connections: 3 },
  })
  const report = await made.mail.round()
  assert.deepEqual([report.queued, report.sent, report.failed], [10, 10, 0])
  assert.deepEqual(
    smtp.received.map(one => one.to).sort(),
    names.map(name => `${name}@example.org`),
  )
  assert.ok(smtp.connections() <= 3)
  const { headers, parts } = readMessage(smtp.received[0].data)
  assert.equal(smtp.received[0].from, 'papers@offprint.place')
  assert.equal(headers.subject, 'Offprint, 12 December: 1 paper')
  assert.match(parts[0].text, /Something new/)
  const leave = /^<https:\/\/offprint\.place\/unsubscribe\/([^>]+)>/.exec(headers['list-unsubscribe'])![1]
  assert.equal(made.mail.subscribers.leaving(leave)!.address, smtp.received[0].to)
  assert.deepEqual(await made.mail.round().then(({ queued, sent }) => [queued, sent]), [0, 0])
  assert.equal(smtp.received.length, 10)
})

test('a confirmation is sent with its link, once', async t => {
  const smtp = await startSmtp(t)
  const { mail } = testMail(t, { settings: smtp.settings })
  mail.ask({ address: 'ada@example.org', kind: 'daily', hour: 7, zone: 'UTC', query: '' })
  await mail.round()
  await mail.round()
  assert.equal(smtp.received.length, 1)
  const { headers, parts } = readMessage(smtp.received[0].data)
  assert.equal(headers['auto-submitted'], 'auto-generated')
  const token = /https:\/\/offprint\.place\/confirm\/(\S+)/.exec(parts[0].text)![1]
  assert.ok(mail.subscribers.confirm(token))
  const { text } = mail.message(mail.outbox.list()[0].id)!
  assert.ok(!text.includes(token) && text.includes('/confirm/…'))
})

test('5xx for one of many is his alone; after the second time he is suspended and gets nothing', async t => {
  const smtp = await startSmtp(t, {
    onRecipient: address => (address.startsWith('cy@') ? refusal(550, '5.1.1 no such mailbox') : undefined),
  })
  const made = await withDigests(t, { settings: smtp.settings })
  const { mail, library, clock } = made
  const report = await mail.round()
  assert.deepEqual([report.sent, report.failed], [9, 1])
  assert.equal(states(made).cy, 'failed')
  assert.equal(mail.subscribers.find('cy@example.org')!.state, 'active')
  await importRecords(library, [{ title: 'The day after' }])
  clock.moment += dayMs
  await mail.round()
  const cy = mail.subscribers.find('cy@example.org')!
  assert.equal(cy.state, 'suspended')
  assert.match(cy.reason!, /refused twice: .*no such mailbox/)
  assert.equal(mail.subscribers.counts().suspended, 1)
  await importRecords(library, [{ title: 'Two days after' }])
  clock.moment += dayMs
  assert.equal((await mail.round()).queued, 9)
  assert.equal(smtp.received.length, 27)
})

test('mail that arrives in between takes an old refusal back', async t => {
  let refuses = true
  const smtp = await startSmtp(t, { onRecipient: () => (refuses ? refusal(550, 'no') : undefined) })
  const made = testMail(t, { settings: smtp.settings })
  const { mail, library, clock } = made
  confirmed(made, { address: 'ada@example.org' })
  for (const [index, refused] of [true, false, true].entries()) {
    refuses = refused
    await importRecords(library, [{ title: `Paper ${index}` }])
    clock.moment += dayMs
    await mail.round()
  }
  assert.equal(mail.subscribers.find('ada@example.org')!.state, 'active')
})

test('4xx is tried again later and later, and given up after 24 hours', async t => {
  let asked = 0
  const smtp = await startSmtp(t, {
    onRecipient(address) {
      if (!address.startsWith('ada@')) return undefined
      asked++
      return refusal(451, '4.7.1 greylisted, come back later')
    },
  })
  const made = await withDigests(t, { settings: smtp.settings })
  const { mail, clock } = made
  const report = await mail.round()
  assert.deepEqual([report.sent, report.deferred], [9, 1])
  await mail.round()
  assert.equal(asked, 1)
  const waits = []
  for (let step = 0; step < 400 && states(made).ada === 'deferred'; step++) {
    clock.moment += 5 * 60_000
    const before = asked
    await mail.round()
    if (asked > before) waits.push((clock.moment - morning - hourMs) / 60_000)
  }
  assert.deepEqual(waits.slice(0, 5), [5, 15, 35, 75, 155])
  const row = mail.outbox.list().find(one => one.address.startsWith('ada@'))!
  assert.equal(row.state, 'failed')
  assert.match(row.response!, /waited longer than 24 hours; last: .*greylisted/)
  assert.ok(clock.moment - morning <= 26 * hourMs)
  assert.equal(mail.subscribers.find('ada@example.org')!.state, 'active')
})

test('refused after the content: 5xx fails, 4xx waits, and neither suspends', async t => {
  const smtp = await startSmtp(t, {
    onData: ({ to }) =>
      to.startsWith('ada@')
        ? refusal(554, '5.7.1 looks like spam')
        : to.startsWith('ben@')
          ? refusal(452, '4.2.2 full')
          : undefined,
  })
  const made = await withDigests(t, { settings: smtp.settings })
  const report = await made.mail.round()
  assert.deepEqual([report.sent, report.failed, report.deferred], [8, 1, 1])
  assert.deepEqual([states(made).ada, states(made).ben], ['failed', 'deferred'])
  assert.deepEqual(made.mail.subscribers.rejections(), [])
})

test('a connection that is cut after the content leaves it uncertain, and nothing sends it again but the owner', async t => {
  let cut = true
  const smtp = await startSmtp(t, {
    // Taken by the server, whose answer is lost.
    onData({ to }) {
      if (!cut || !to.startsWith('ada@')) return undefined
      for (const connection of smtp.server.connections)
        (connection as unknown as { _socket: { destroy(): void } })._socket.destroy()
      return new Promise(() => {})
    },
  })
  const made = await withDigests(t, { settings: smtp.settings, options: { connections: 1 } })
  const { mail, clock } = made
  await mail.round()
  assert.equal(states(made).ada, 'uncertain')
  assert.equal(smtp.received.length, 9)
  cut = false
  clock.moment += hourMs
  await mail.round()
  assert.equal(smtp.received.filter(one => one.to.startsWith('ada@')).length, 0)
  const [{ id, messageId }] = mail.outbox.list({ state: 'uncertain' })
  assert.ok(mail.again(id))
  await mail.round()
  const again = smtp.received.filter(one => one.to.startsWith('ada@'))
  assert.equal(again.length, 1)
  assert.equal(readMessage(again[0].data).headers['message-id'], messageId)
  assert.equal(mail.again(id), false)
})

test('a server that falls silent after the content leaves it uncertain; before it, the mail waits', async t => {
  const smtp = await startSmtp(t, { onData: ({ to }) => (to.startsWith('ada@') ? new Promise(() => {}) : undefined) })
  const made = await withDigests(t, { settings: smtp.settings, options: { connections: 2, times: { silentMs: 300 } } })
  await made.mail.round()
  assert.equal(states(made).ada, 'uncertain')
  assert.equal(smtp.received.length, 9)

  const mute = createServer(() => {})
  mute.listen(0, '127.0.0.1')
  await new Promise(resolve => mute.once('listening', resolve))
  t.after(() => mute.close())
  const { port } = mute.address() as { port: number }
  const other = await withDigests(t, {
    settings: { SMTP_URL: `smtp://127.0.0.1:${port}`, MAIL_FROM: 'a@example.org' },
    options: { times: { connectMs: 200 } },
  })
  const report = await other.mail.round()
  assert.match(report.trouble!, /never received|timeout/i)
  assert.deepEqual(other.mail.outbox.counts(), { queued: 10 })
})

test('without a server to reach nothing is lost, and it is tried again after a pause', async t => {
  const made = await withDigests(t, { settings: { SMTP_URL: 'smtp://127.0.0.1:1', MAIL_FROM: 'a@example.org' } })
  const { mail, clock } = made
  t.mock.method(console, 'error', () => {})
  const report = await mail.round()
  assert.match(report.trouble!, /ECONNREFUSED/)
  assert.deepEqual(mail.outbox.counts(), { queued: 10 })
  assert.equal(mail.overview().trouble!.resumeAt, clock.moment + 60_000)
  assert.equal((await mail.round()).trouble, undefined)
  assert.match((await mail.round({ evenInTrouble: true })).trouble!, /ECONNREFUSED/)
  clock.moment += 60_000
  clock.moment += 60_000
  await mail.round()
  assert.equal(mail.overview().trouble!.resumeAt, clock.moment + 240_000)
})

test('a server that takes one connection at a time is sent all over that one', async t => {
  const smtp = await startSmtp(t, { maxClients: 1 })
  const made = await withDigests(t, { settings: smtp.settings, options: { connections: 5 } })
  const { sent, trouble } = await made.mail.round()
  assert.deepEqual([sent, trouble], [10, undefined])
})

test('a user and a password over STARTTLS and over TLS; the password is in no message', async t => {
  const password = 'geheim/@:%wort'
  const logins: unknown[] = []
  for (const secure of [false, true]) {
    const smtp = await startSmtp(t, {
      secure,
      disabledCommands: [],
      authOptional: false,
      onAuth(auth, session, callback) {
        logins.push([auth.username, session.secure])
        if (auth.password === password) callback(null, { user: auth.username })
        else callback(new Error(`535 wrong password ${auth.password}`))
      },
    })
    const url = (word: string) =>
      `smtp${secure ? 's' : ''}://ada%40example.org:${encodeURIComponent(word)}@127.0.0.1:${smtp.port}`
    const made = await withDigests(t, { settings: { SMTP_URL: url(password), MAIL_FROM: 'a@example.org' } })
    assert.equal((await made.mail.round()).sent, 10)
    assert.ok(!JSON.stringify(made.mail.overview()).includes('geheim'))
    const logged = t.mock.method(console, 'error', () => {})
    const wrong = await withDigests(t, { settings: { SMTP_URL: url('falsches-wort'), MAIL_FROM: 'a@example.org' } })
    const { trouble } = await wrong.mail.round()
    assert.match(trouble!, /Invalid login.*\*\*\*/)
    assert.ok(!JSON.stringify([wrong.mail.overview(), logged.mock.calls]).includes('falsches-wort'))
    assert.deepEqual(wrong.mail.outbox.counts(), { queued: 10 })
    logged.mock.restore()
  }
  assert.ok(logins.every(login => JSON.stringify(login) === '["ada@example.org",true]'))
})

test('who leaves before it is sent gets nothing, wherever the digest is', async t => {
  const smtp = await startSmtp(t)
  const made = testMail(t, { settings: {} })
  const { mail, library, clock, database } = made
  const managed = names.map(name => confirmed(made, { address: `${name}@example.org` }))
  await importRecords(library, [{ title: 'Something new' }])
  clock.moment = morning + hourMs
  await mail.round()
  assert.deepEqual(mail.outbox.counts(), { queued: 10 })
  const subscription = (token: string) => mail.subscribers.managed(token)!.subscriptions[0].id
  mail.subscribers.leaveBy(mail.subscribers.leaveToken(subscription(managed[0]), 'ada@example.org'))
  mail.subscribers.change(managed[1], { action: 'pause', subscription: subscription(managed[1]) })
  mail.subscribers.remove(mail.subscribers.find('cy@example.org')!.id)
  // As if the outbox had not been told: the state is looked at once more when it is taken.
  database.prepare(`UPDATE mail_subscriptions SET state = 'left' WHERE id = ?`).run(subscription(managed[3]))
  database.prepare(`UPDATE mail_subscribers SET state = 'suspended' WHERE addressKey = 'eve@example.org'`).run()
  const sending = openTestMail(database, { clock, settings: smtp.settings })
  const { sent } = await sending.mail.round()
  assert.equal(sent, 5)
  assert.deepEqual(smtp.received.map(one => one.to.split('@')[0]).sort(), ['fay', 'gus', 'hal', 'ida', 'jon'])
  assert.deepEqual(mail.outbox.counts(), { sent: 5, cancelled: 4 })
})

test('of several processes one sends at a time, and what a dead one was sending is uncertain', async t => {
  let release = () => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  let begun = () => {}
  const first = new Promise<void>(resolve => {
    begun = resolve
  })
  const smtp = await startSmtp(t, {
    async onData() {
      begun()
      await held
      return undefined
    },
  })
  const made = await withDigests(t, { settings: smtp.settings, options: { connections: 2 } })
  const round = made.mail.round()
  await first
  const database = openDatabase(made.file)
  const other = openTestMail(database, { clock: made.clock, settings: smtp.settings })
  t.after(() => database.close())
  assert.equal((await other.mail.round()).busy, true)
  release()
  assert.equal((await round).sent, 10)
  assert.equal((await other.mail.round()).busy, false)
  assert.equal(smtp.received.length, 10)

  // A process id that no process of this machine has.
  const dead = `${(await import('node:os')).hostname()}:4194305:1`
  database
    .prepare(`UPDATE mail_outbox SET state = 'sending', owner = ? WHERE id IN (SELECT id FROM mail_outbox LIMIT 3)`)
    .run(dead)
  database.prepare('UPDATE mail SET roundOwner = ?, roundHeartbeat = ?').run(dead, Date.now())
  const report = await other.mail.round()
  assert.deepEqual([report.busy, report.interrupted, report.sent], [false, 3, 0])
  assert.equal(other.mail.outbox.counts().uncertain, 3)
  assert.ok(other.mail.outbox.forget(other.mail.outbox.list({ state: 'uncertain' })[0].id))
  assert.equal(other.mail.outbox.counts().uncertain, 2)
  await other.mail.round()
  assert.equal(smtp.received.length, 10)
})

test('with a key mail is signed, and the signature covers both headers of leaving', async t => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const file = join(temporaryFolder(t), 'dkim.pem')
  writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const smtp = await startSmtp(t)
  const made = await withDigests(t, {
    settings: { ...smtp.settings, DKIM_DOMAIN: 'offprint.place', DKIM_SELECTOR: 'mail', DKIM_KEY_FILE: file },
  })
  await made.mail.round()
  const { head, headers } = readMessage(smtp.received[0].data)
  const signature = headers['dkim-signature']
  const tags = Object.fromEntries(signature.split(';').map(tag => tag.trim().split(/=(.*)/s).slice(0, 2)))
  assert.deepEqual([tags.d, tags.s, tags.a], ['offprint.place', 'mail', 'rsa-sha256'])
  const signed: string[] = tags.h.replace(/\s/g, '').split(':')
  for (const name of ['from', 'subject', 'list-unsubscribe', 'list-unsubscribe-post'])
    assert.ok(signed.includes(name), name)
  // Relaxed canonicalization (RFC 6376, 3.4.2) of the signed headers, then of the signature itself without its value.
  const unfolded = head.replace(/\n[ \t]+/g, ' ').split('\n')
  const relaxed = (line: string) => {
    const [name, value] = line.split(/:(.*)/s)
    return `${name.toLowerCase()}:${value.replace(/[ \t]+/g, ' ').trim()}`
  }
  const lines = signed
    .map(name => unfolded.find(line => line.toLowerCase().startsWith(`${name}:`)))
    .filter(line => line !== undefined)
  const own = relaxed(unfolded.find(line => /^dkim-signature:/i.test(line))!).replace(/(;\s*b=).*$/, '$1')
  const verify = createVerify('RSA-SHA256').update([...lines.map(relaxed), own].join('\r\n'))
  assert.ok(verify.verify(publicKey, tags.b.replace(/\s/g, ''), 'base64'))
})

test('a test mail goes to the address that the owner gives, and only to an address', async t => {
  const smtp = await startSmtp(t)
  const { mail } = testMail(t, { settings: smtp.settings })
  mail.test('ada@example.org')
  assert.throws(() => mail.test('ada@example.org\r\nBcc: x@example.org'), /address must be/)
  await mail.round()
  assert.equal(readMessage(smtp.received[0].data).headers.subject, 'Offprint: a test')
})

test('started, a confirmation goes out as soon as it is asked for, also after a quiet time', async t => {
  const arrivals: (() => void)[] = []
  const smtp = await startSmtp(t, { onData: () => void arrivals.shift()!() })
  const { mail } = testMail(t, { settings: smtp.settings })
  mail.start()
  for (const name of ['ada', 'ben', 'cy']) {
    const arrival = new Promise<void>(resolve => arrivals.push(resolve))
    mail.ask({ address: `${name}@example.org`, kind: 'daily', hour: 7, zone: 'UTC', query: '' })
    await arrival
  }
  await mail.close()
  assert.deepEqual(mail.outbox.counts(), { sent: 3 })
})

test('started, it sends by itself when a digest is due', async t => {
  let arrived = () => {}
  const arrival = new Promise<void>(resolve => {
    arrived = resolve
  })
  const smtp = await startSmtp(t, { onData: () => void arrived() })
  const made = testMail(t, { settings: smtp.settings })
  confirmed(made, { address: 'ada@example.org' })
  await importRecords(made.library, [{ title: 'New' }])
  made.clock.moment = morning + hourMs
  made.mail.start()
  await arrival
  await made.mail.close()
  assert.deepEqual(states(made), { ada: 'sent' })
})
