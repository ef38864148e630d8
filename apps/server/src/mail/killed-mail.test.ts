import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { random } from '@offprint/kernels'
import { confirmed, dayMs, hourMs, importRecords, morning, readMessage, startSmtp, testMail } from './mail.fixture.ts'

const kills = 30
const people = 240
const fixture = fileURLToPath(new URL('./killed-mail.fixture.ts', import.meta.url))

test(`after ${kills} kills between handing over and writing down nobody has a digest twice, and nobody who left has one`, async t => {
  const { integer } = random(20_261_212)
  let running: ReturnType<typeof spawn> | undefined
  let untilKill = Number.POSITIVE_INFINITY
  const smtp = await startSmtp(t, {
    // The content is there; the answer comes late, and the kill before, with or after it.
    async onData() {
      if (--untilKill === 0) {
        const child = running
        setTimeout(() => child?.kill('SIGKILL'), integer(12))
      }
      await wait(integer(10))
      return undefined
    },
  })
  const made = testMail(t)
  const { mail, library, clock } = made
  const address = (index: number) => `reader${index}@example.org`
  const tokens: string[] = []
  for (let index = 0; index < people; index++) {
    if (index % 100 === 99) clock.moment += hourMs / 100
    // The hourly limit of confirmations is not what is tried here.
    made.database.prepare('UPDATE mail_confirmations SET createdAt = 0').run()
    const manage = confirmed(made, { address: address(index) })
    tokens.push(mail.subscribers.leaveToken(mail.subscribers.managed(manage)!.subscriptions[0].id, address(index)))
  }
  const start = morning + hourMs

  async function runOnce(killed: boolean) {
    untilKill = killed ? 1 + integer(8) : Number.POSITIVE_INFINITY
    const args = [
      '--disable-warning=ExperimentalWarning',
      fixture,
      made.file,
      smtp.settings.SMTP_URL,
      String(clock.moment),
    ]
    running = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => running?.kill('SIGKILL'))
    let text = ''
    running.stdout!.on('data', chunk => {
      text += chunk
    })
    const [code, signal] = await once(running, 'close')
    return { code, signal, text }
  }

  /** Those who left while their digest was not on its way: they must never get it. */
  const leftInTime = new Set<string>()
  function leave(index: number) {
    const row = mail.outbox.list({ limit: 1000 }).find(one => one.address === address(index))
    if (!row || row.state === 'queued' || row.state === 'deferred') leftInTime.add(address(index))
    mail.subscribers.leaveBy(tokens[index])
  }

  await importRecords(library, [{ title: 'The paper of the day' }])
  clock.moment = start
  for (let index = 0; index < 5; index++) leave(index)
  let killed = 0
  for (let kill = 0; kill < kills; kill++) {
    if ((await runOnce(true)).signal === 'SIGKILL') killed++
    leave(people - 1 - kill)
  }
  assert.ok(killed >= 25, `${killed} were killed in the middle`)
  const last = await runOnce(false)
  assert.equal(last.code, 0, last.text)
  assert.equal((await runOnce(false)).code, 0)

  const times = new Map<string, number>()
  for (const { to } of smtp.received) times.set(to, (times.get(to) ?? 0) + 1)
  assert.deepEqual(
    [...times].filter(([, count]) => count > 1),
    [],
  )
  const messageIds = smtp.received.map(one => readMessage(one.data).headers['message-id'])
  assert.equal(new Set(messageIds).size, messageIds.length)
  assert.deepEqual(
    [...leftInTime].filter(one => times.has(one)),
    [],
  )
  assert.ok(leftInTime.size > 5)
  const rows = mail.outbox.list({ limit: 1000 })
  const counts = mail.outbox.counts()
  assert.equal(counts.queued ?? 0, 0)
  assert.equal(counts.sending ?? 0, 0)
  // Nothing that was written down as sent is missing, and what nobody can know is said to be so.
  for (const row of rows) if (row.state === 'sent') assert.ok(times.has(row.address), row.address)
  const known = new Map(rows.map(row => [row.address, row.state]))
  for (const to of times.keys()) assert.ok(['sent', 'uncertain'].includes(known.get(to)!), `${to} is ${known.get(to)}`)
  assert.ok(counts.uncertain! > 0 && counts.uncertain! <= kills * 4)
  t.diagnostic(`${killed} kills: ${JSON.stringify(counts)}, ${smtp.received.length} received`)

  // The next day goes to everybody who is still there, once, although three processes want to send.
  await importRecords(library, [{ title: 'The paper of the day after' }])
  clock.moment = start + dayMs
  smtp.received.length = 0
  await Promise.all([runOnce(false), runOnce(false), runOnce(false)])
  assert.equal(new Set(smtp.received.map(one => one.to)).size, people - 5 - kills)
  assert.equal(smtp.received.length, people - 5 - kills)
})
