import assert from 'node:assert/strict'
import { test } from 'node:test'
import { confirmed, dayMs, hourMs, importRecords, morning, testMail } from './mail.fixture.ts'
import { mostConfirmations, readWish, TooManyError, type Wish } from './subscribers.ts'
import { tokenHash } from './tokens.ts'

const wish = (address: string, rest: Partial<Wish> = {}): Wish => ({
  address,
  kind: 'daily',
  hour: 7,
  zone: 'UTC',
  query: '',
  ...rest,
})

test('of a link to confirm only the hash is kept, and it holds for 48 hours', t => {
  const { mail, database, clock } = testMail(t)
  mail.ask(wish('ada@example.org'))
  const row = mail.outbox.list()[0]
  assert.equal(row.kind, 'confirmation')
  const token = mail.subscribers.newLink(row.confirmation!)
  assert.equal(Buffer.from(token, 'base64url').length, 32)
  const stored = database.prepare('SELECT tokenHash FROM mail_confirmations').get()!.tokenHash
  assert.equal(stored, tokenHash(token))
  for (const { name } of database
    .prepare(`SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'mail%'`)
    .all())
    assert.ok(!JSON.stringify(database.prepare(`SELECT * FROM ${name}`).all()).includes(token), String(name))

  assert.equal(mail.subscribers.asked(token)!.confirmed, false)
  assert.equal(mail.subscribers.counts().subscribers, 0)
  clock.moment += 48 * hourMs
  assert.equal(mail.subscribers.asked(token), undefined)
  assert.equal(mail.subscribers.confirm(token), undefined)
  assert.equal(mail.subscribers.confirm('x'.repeat(43)), undefined)
})

test('confirming twice changes nothing, also where the digest was left in between', t => {
  const { mail } = testMail(t)
  mail.ask(wish('ada@example.org'))
  const token = mail.subscribers.newLink(mail.outbox.list()[0].confirmation!)
  const manage = mail.subscribers.confirm(token)!
  assert.equal(mail.subscribers.confirm(token), manage)
  const { subscriptions } = mail.subscribers.managed(manage)!
  assert.equal(subscriptions.length, 1)
  assert.ok(mail.subscribers.change(manage, { action: 'leave', subscription: subscriptions[0].id }))
  assert.equal(mail.subscribers.confirm(token), manage)
  assert.equal(mail.subscribers.managed(manage)!.subscriptions[0].state, 'left')
})

test('an address is asked three times a day at most, the same wish once an hour, and all together have a limit', t => {
  const { mail, clock } = testMail(t)
  const mails = () => mail.outbox.list({ limit: 1000 }).length
  mail.ask(wish('ada@example.org'))
  mail.ask(wish('ada@example.org'))
  assert.equal(mails(), 1)
  for (let hour = 8; hour < 14; hour++) mail.ask(wish(hour % 2 ? 'ada@example.org' : 'ADA@example.org', { hour }))
  assert.equal(mails(), 3)
  clock.moment += dayMs + 1
  mail.ask(wish('ada@example.org'))
  assert.equal(mails(), 4)
  for (let count = 1; count < mostConfirmations.all; count++) mail.ask(wish(`a${count}@example.org`))
  assert.throws(() => mail.ask(wish('late@example.org')), TooManyError)
  clock.moment += hourMs + 1
  mail.ask(wish('late@example.org'))
  assert.equal(mails(), mostConfirmations.all + 4)
})

test('one address has several digests; the same one again takes the new hour', t => {
  const made = testMail(t)
  confirmed(made, { address: 'ada@example.org' })
  confirmed(made, { address: 'Ada@example.org', kind: 'weekly' })
  confirmed(made, { address: 'ada@example.org', query: 'vector search' })
  made.clock.moment += dayMs + 1
  const manage = confirmed(made, { address: 'ada@example.org', hour: 9 })
  assert.deepEqual(
    made.mail.subscribers.managed(manage)!.subscriptions.map(({ kind, query, hour }) => [kind, query, hour]),
    [
      ['daily', '', 9],
      ['weekly', '', 7],
      ['daily', 'vector search', 7],
    ],
  )
  assert.deepEqual(made.mail.subscribers.counts(), { subscribers: 1, suspended: 0, subscriptions: 3, unconfirmed: 0 })
})

test('links to leave and to manage are signed: none that was made up works', t => {
  const made = testMail(t)
  const ada = confirmed(made, { address: 'ada@example.org' })
  const ben = confirmed(made, { address: 'ben@example.org' })
  const { subscribers } = made.mail
  const [one] = subscribers.managed(ada)!.subscriptions
  const leave = subscribers.leaveToken(one.id, 'ada@example.org')
  for (const forged of [
    '',
    '1',
    leave.replace(/^\d+/, '2'),
    `${leave.slice(0, -1)}${leave.endsWith('A') ? 'B' : 'A'}`,
    ada,
    ben,
  ]) {
    assert.equal(subscribers.leaveBy(forged), false, forged)
    assert.equal(subscribers.leaving(forged), undefined)
  }
  assert.equal(subscribers.managed(leave), undefined)
  // Somebody else's subscription is not one's own.
  assert.equal(subscribers.change(ben, { action: 'leave', subscription: one.id }), false)
  assert.equal(subscribers.managed(ada)!.subscriptions[0].state, 'active')
  assert.equal(subscribers.leaveBy(leave), true)
  assert.equal(subscribers.leaveBy(leave), true)
  assert.equal(subscribers.managed(ada)!.subscriptions[0].state, 'left')
})

test('who pauses gets nothing, and afterwards only what is new', async t => {
  const made = testMail(t)
  const { mail, library, clock } = made
  const manage = confirmed(made, { address: 'ada@example.org' })
  const [{ id }] = mail.subscribers.managed(manage)!.subscriptions
  mail.subscribers.change(manage, { action: 'pause', subscription: id })
  await importRecords(library, [{ title: 'While away' }])
  clock.moment += 10 * dayMs
  assert.equal((await mail.round()).queued, 0)
  mail.subscribers.change(manage, { action: 'resume', subscription: id })
  await importRecords(library, [{ title: 'Back again' }])
  clock.moment += dayMs
  assert.equal((await mail.round()).queued, 1)
  const { text } = mail.message(mail.outbox.list()[0].id)!
  assert.match(text, /Back again/)
  assert.doesNotMatch(text, /While away/)
})

test('changing the hour gives no second digest of the same day', async t => {
  const made = testMail(t)
  const { mail, library, clock } = made
  const manage = confirmed(made, { address: 'ada@example.org' })
  const [{ id }] = mail.subscribers.managed(manage)!.subscriptions
  await importRecords(library, [{ title: 'First' }])
  clock.moment = morning + hourMs
  assert.equal((await mail.round()).queued, 1)
  mail.subscribers.change(manage, { action: 'change', subscription: id, hour: '9', zone: 'UTC' })
  await importRecords(library, [{ title: 'Second' }])
  clock.moment = morning + 3 * hourMs
  assert.equal((await mail.round()).queued, 0)
  clock.moment += dayMs
  assert.equal((await mail.round()).queued, 1)
  assert.match(mail.message(mail.outbox.list()[0].id)!.text, /Second/)
  assert.throws(
    () => mail.subscribers.change(manage, { action: 'change', subscription: id, hour: '24', zone: 'UTC' }),
    /hour.*0 to 23/,
  )
})

test('an address that is taken away leaves nothing behind', async t => {
  const made = testMail(t)
  const { mail, library, clock, database } = made
  confirmed(made, { address: 'Ada@example.org' })
  await importRecords(library, [{ title: 'One' }])
  clock.moment += dayMs
  await mail.round()
  const [{ id }] = mail.subscribers.list()
  assert.ok(mail.subscribers.remove(id))
  assert.equal(mail.subscribers.remove(id), false)
  for (const { name } of database
    .prepare(`SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'mail%'`)
    .all())
    assert.ok(
      !JSON.stringify(database.prepare(`SELECT * FROM ${name}`).all())
        .toLowerCase()
        .includes('ada@'),
      String(name),
    )
})

for (const [fields, message] of [
  [
    { address: 'nobody' },
    "address must be an address of mail such as ada@example.org, at most 254 characters, found 'nobody'",
  ],
  [{ kind: 'hourly' }, "kind must be daily or weekly, found 'hourly'"],
  [{ hour: '25' }, "hour must be a whole hour from 0 to 23, found '25'"],
  [{ hour: '' }, "hour must be a whole hour from 0 to 23, found ''"],
  [{ zone: 'Mars/Base' }, "zone must be a time zone such as Europe/Berlin or UTC, found 'Mars/Base'"],
  [{ consent: undefined }, 'consent must be yes: mail is sent only to people who want it, found nothing'],
  [{ q: 'x'.repeat(251) }, 'q must be a search of at most 250 characters, found 251 characters'],
  [
    { q: 'medoids is:read' },
    "q must be a search for papers, without what only the owner knows, such as is:read or list:, found 'medoids is:read'",
  ],
  [
    { q: '!!!' },
    "q must be a search for papers, without what only the owner knows, such as is:read or list:, found '!!!'",
  ],
] as const)
  test(`a wish that cannot be used is refused with a sentence: ${message}`, () => {
    const whole = { address: 'ada@example.org', kind: 'daily', hour: '7', zone: 'UTC', consent: 'yes', ...fields }
    assert.throws(() => readWish(whole), { name: 'InputError', message })
  })
