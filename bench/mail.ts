/**
 * Digests of a morning: chosen, rendered and handed to a mail server on loopback, each at most once whatever is killed when.
 * The server is smtp-server in a process of its own; the library is in SQLite with each state on the disk.
 * Usage: npm run bench -- mail [subscribers] [connections]
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDatabase, transaction } from '@offprint/server/database'
import { createLibrary } from '@offprint/server/library/library'
import { openMail } from '@offprint/server/mail/mail'
import { processOwner } from '@offprint/server/runs/store'
import { SMTPServer } from 'smtp-server'
import { printMachine } from './machine.ts'

/** What must be reached: seconds for 10,000 digests. */
const mostSeconds = 120
const papers = 60

if (process.argv[2] === 'server') serve()
else await measure()

/** Accepts everything, and tells its parent how many mails and bytes it has taken. */
function serve(): void {
  let mails = 0
  let bytes = 0
  const recipients = new Set<string>()
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS', 'AUTH'],
    disableReverseLookup: true,
    logger: false,
    onData(stream, session, callback) {
      stream.on('data', chunk => {
        bytes += chunk.length
      })
      stream.on('end', () => {
        mails++
        recipients.add(session.envelope.rcptTo[0].address)
        callback()
      })
    },
  })
  server.listen(0, '127.0.0.1', () => process.send!((server.server.address() as AddressInfo).port))
  process.on('message', () => process.send!({ mails, bytes, recipients: recipients.size }))
  process.on('disconnect', () => process.exit(0))
}

async function answer<T>(child: ChildProcess): Promise<T> {
  const [message] = await once(child, 'message')
  return message as T
}

async function measure(): Promise<void> {
  const people = Number(process.argv[2] ?? 10_000)
  const connections = Number(process.argv[3] ?? 8)
  printMachine()
  const folder = mkdtempSync(join(tmpdir(), 'offprint-bench-'))
  const child = fork(fileURLToPath(import.meta.url), ['server'])
  process.on('exit', () => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  const port = await answer<number>(child)

  let moment = Date.parse('2026-12-12T06:30:00Z')
  const database = openDatabase(join(folder, 'offprint.db'))
  const library = createLibrary(database, { now: () => new Date(moment) })
  const mail = openMail(database, {
    library,
    place: { url: 'https://papers.example.org', host: 'papers.example.org' },
    settings: {
      SMTP_URL: `smtp://127.0.0.1:${port}`,
      MAIL_FROM: 'Offprint <papers@example.org>',
      MAIL_REPLY_TO: 'help@example.org',
    },
    owner: processOwner(),
    now: () => moment,
    connections,
  })
  const sentence =
    'We study how clusters of many machines train large models, and find that most of the time goes where few look. '
  const lines = Array.from({ length: papers }, (_, index) =>
    JSON.stringify({
      arxivId: `2512.${10_001 + index}`,
      title: `A Made Paper About Clusters, Machines and the Models Between Them, Number ${index + 1}`,
      abstract: sentence.repeat(8),
      authors: Array.from({ length: 6 }, (_, author) => ({ name: `Author ${author} of Paper ${index}` })),
      categories: ['cs.DC'],
    }),
  )
  await library.importStream(
    (async function* () {
      yield new TextEncoder().encode(lines.join('\n'))
    })(),
    { name: 'made' },
  )
  transaction(database, () => {
    const subscriber = database.prepare(
      `INSERT INTO mail_subscribers (address, addressKey, state, createdAt) VALUES (?1, ?1, 'active', 0) RETURNING id`,
    )
    const subscription = database.prepare(
      `INSERT INTO mail_subscriptions (subscriber, kind, query, hour, zone, state, nextDue, covered, consentAt)
       VALUES (?, 'daily', ?, 7, 'Europe/Berlin', 'active', ?, '2026-12-11T06:00:00.000Z', 0)`,
    )
    for (let index = 0; index < people; index++) {
      const { id } = subscriber.get(`reader${index}@example.net`)!
      // Every tenth follows a search of his own.
      subscription.run(id, index % 10 ? '' : `number ${1 + (index % papers)}`, Date.parse('2026-12-13T06:00:00Z'))
    }
  })

  moment = Date.parse('2026-12-13T06:00:00Z')
  const began = performance.now()
  const cpu = process.cpuUsage()
  const report = await mail.round()
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpu)
  child.send('count')
  const taken = await answer<{ mails: number; bytes: number; recipients: number }>(child)
  await mail.close()
  const ten = (seconds * 10_000) / people
  console.log(
    `${report.sent.toLocaleString('en')} digests in ${seconds.toFixed(1)} s over ${connections} connections: ${Math.round(report.sent / seconds)} a second, ${ten.toFixed(1)} s for 10,000 (below ${mostSeconds} wanted)`,
  )
  console.log(
    `the server took ${taken.mails.toLocaleString('en')} mails for ${taken.recipients.toLocaleString('en')} addresses, ${(taken.bytes / taken.mails / 1000).toFixed(1)} kB each; here ${((user + system) / 1e6).toFixed(1)} s of processor time`,
  )
  const complete = report.sent === people && taken.mails === people && taken.recipients === people
  if (!complete) console.error(`not all were sent: ${JSON.stringify(report)}`)
  process.exit(complete && ten < mostSeconds ? 0 : 1)
}
