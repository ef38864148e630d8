/** Mail for tests: a library with a clock of its own, and a mail server on loopback that says what it was told to say. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { temporaryFolder } from '../../test/harness.ts'
import { openDatabase } from '../database.ts'
import { createLibrary } from '../library/library.ts'
import type { ExportedRecord } from '../library/types.ts'
import { processOwner } from '../runs/store.ts'
import { type MailOptions, openMail } from './mail.ts'
import type { Wish } from './subscribers.ts'

/** A Saturday. */
export const morning = Date.parse('2026-12-12T06:30:00.000Z')
export const hourMs = 3_600_000
export const dayMs = 24 * hourMs

export interface Clock {
  moment: number
}

export async function importRecords(
  library: ReturnType<typeof createLibrary>,
  records: (Partial<ExportedRecord> & { title: string })[],
): Promise<void> {
  const lines = records.map(
    record => `${JSON.stringify({ abstract: '', authors: [], categories: ['cs.LG'], ...record })}\n`,
  )
  const report = await library.importStream(
    (async function* () {
      yield new TextEncoder().encode(lines.join(''))
    })(),
    { name: 'made', format: 'jsonl' },
  )
  if (report.refusedCount || report.state !== 'done') throw new Error(JSON.stringify(report))
}

export interface MailSetup {
  file?: string
  clock?: Clock
  settings?: MailOptions['settings']
  publicUrl?: string
  options?: Partial<MailOptions>
}

export function openTestMail(
  database: DatabaseSync,
  { clock = { moment: morning }, settings = {}, publicUrl = 'https://offprint.place', options = {} }: MailSetup = {},
) {
  const library = createLibrary(database, { now: () => new Date(clock.moment) })
  const { origin, hostname } = new URL(publicUrl)
  const mail = openMail(database, {
    library,
    place: { url: origin, host: hostname },
    settings,
    owner: processOwner(),
    now: () => clock.moment,
    ...options,
  })
  return { library, mail, clock }
}

/** A library with mail in a folder of its own. */
export function testMail(t: TestContext, setup: MailSetup = {}) {
  const file = setup.file ?? join(temporaryFolder(t), 'offprint.db')
  const database = openDatabase(file)
  const made = openTestMail(database, setup)
  t.after(async () => {
    await made.mail.close()
    database.close()
  })
  return { ...made, database, file }
}

export type TestMail = ReturnType<typeof testMail>

/** Has an address confirm a wish without any mail being sent. @returns the token to manage it */
export function confirmed(
  { mail, database }: Pick<TestMail, 'mail' | 'database'>,
  wish: Partial<Wish> & { address: string },
): string {
  const whole: Wish = { kind: 'daily', hour: 7, zone: 'UTC', query: '', ...wish }
  mail.ask(whole)
  const row = database.prepare('SELECT max(id) AS id FROM mail_confirmations').get()!
  const token = mail.subscribers.newLink(Number(row.id))
  database.prepare(`DELETE FROM mail_outbox WHERE kind = 'confirmation'`).run()
  return mail.subscribers.confirm(token)!
}

export interface Received {
  to: string
  from: string
  data: string
}

/** A mail server that keeps what it accepts. Its hooks answer with an error to refuse. */
export async function startSmtp(
  t: Pick<TestContext, 'after'>,
  {
    onRecipient = () => undefined,
    onData = () => undefined,
    ...options
  }: {
    onRecipient?(address: string): Error | undefined
    /** Before it is accepted. */
    onData?(received: Received): Promise<Error | undefined> | Error | undefined
  } & Omit<SMTPServerOptions, 'onData'> = {},
) {
  const received: Received[] = []
  let connections = 0
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS', 'AUTH'],
    disableReverseLookup: true,
    logger: false,
    onConnect(_session, callback) {
      connections++
      callback()
    },
    onRcptTo: ({ address }, _session, callback) => callback(onRecipient(address)),
    async onData(stream, session, callback) {
      let data = ''
      try {
        for await (const chunk of stream) data += chunk
      } catch {
        // Cut off before its end: it was never taken.
        return
      }
      const { mailFrom, rcptTo } = session.envelope
      const one = { to: rcptTo[0].address, from: mailFrom ? mailFrom.address : '', data }
      const refused = await onData(one)
      if (refused) return callback(refused)
      received.push(one)
      callback()
    },
    ...options,
  })
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  t.after(() => new Promise<void>(resolve => server.close(resolve)))
  const { port } = server.server.address() as AddressInfo
  return {
    server,
    received,
    port,
    connections: () => connections,
    settings: { SMTP_URL: `smtp://127.0.0.1:${port}`, MAIL_FROM: 'Offprint <papers@offprint.place>' },
  }
}

/** What a mail server says when it refuses. */
export function refusal(code: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode: code })
}

/** A message taken apart: headers by name in lower case, unfolded; and its parts decoded, in their order. */
export function readMessage(data: string) {
  const [head, ...rest] = data.replaceAll('\r\n', '\n').split('\n\n')
  const headers = readHead(head)
  const boundary = /boundary="?([^";]+)"?/.exec(headers['content-type'] ?? '')?.[1]
  const body = rest.join('\n\n')
  const parts = boundary
    ? body
        .split(`--${boundary}`)
        .slice(1, -1)
        .map(part => {
          const [partHead, ...text] = part.trimStart().split('\n\n')
          const partHeaders = readHead(partHead)
          const raw = text.join('\n\n')
          return { headers: partHeaders, raw, text: Buffer.from(raw, 'base64').toString('utf8') }
        })
    : []
  return { headers, head, parts, body }
}

function readHead(head: string): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const line of head.replace(/\n[ \t]+/g, ' ').split('\n')) {
    const colon = line.indexOf(':')
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
  }
  return headers
}
