/**
 * The outbox: one row a mail, with its state. A row is `sending` on the disk before the mail server is given a byte of it, so
 * that after a crash nothing that may have arrived is sent again by itself.
 */
import type { DatabaseSync } from 'node:sqlite'
import { oneLine } from '../library/text.ts'
import { isAlive } from '../runs/store.ts'
import { messageId } from './compose.ts'
import type { DigestContent } from './digest.ts'
import type { MailKind, MailState } from './tables.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const firstBackOffMs = 5 * 60_000
const longestBackOffMs = 4 * hourMs
/** A mail that could not be sent for so long is given up. */
const longestWaitMs = dayMs
/** What was sent or ended is forgotten after so long; what is uncertain is not. */
const keptMs = 35 * dayMs

export interface OutboxRow {
  id: number
  kind: MailKind
  address: string
  subscription?: number
  /** Day or week of a digest. */
  period?: string
  confirmation?: number
  content: string
  messageId: string
  state: MailState
  owner?: string
  attempts: number
  /** In ms since 1970, as all moments here. */
  nextAttempt: number
  queuedAt: number
  changedAt: number
  /** What the server answered last, or why it is in this state. */
  response?: string
}

export type Outbox = ReturnType<typeof openOutbox>

/** @param owner this process, from `processOwner()`, with a part of its own for each that opens the outbox */
export function openOutbox(
  database: DatabaseSync,
  { host, owner, now }: { host: string; owner: string; now(): number },
) {
  const statement = (sql: string) => database.prepare(sql)
  const insert = statement(
    `INSERT INTO mail_outbox
       (kind, address, subscription, period, confirmation, content, messageId, state, nextAttempt, queuedAt, changedAt)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'queued', ?8, ?8, ?8) ON CONFLICT DO NOTHING`,
  )
  const waiting = `state IN ('queued', 'deferred')`
  const lives = `(kind <> 'digest' OR EXISTS (
      SELECT 1 FROM mail_subscriptions JOIN mail_subscribers ON mail_subscribers.id = subscriber
      WHERE mail_subscriptions.id = mail_outbox.subscription
        AND mail_subscriptions.state = 'active' AND mail_subscribers.state = 'active'))
    AND (kind <> 'confirmation' OR EXISTS (
      SELECT 1 FROM mail_confirmations WHERE mail_confirmations.id = confirmation AND mail_confirmations.subscription IS NULL))`
  const claim = statement(
    `UPDATE mail_outbox SET state = 'sending', owner = ?, attempts = attempts + 1, changedAt = ?
     WHERE id = ? AND ${waiting} AND nextAttempt <= ? AND ${lives} RETURNING *`,
  )
  const dropDead = statement(
    `UPDATE mail_outbox SET state = 'cancelled', changedAt = ?,
       response = iif(kind = 'confirmation', 'confirmed before it was sent', 'left before it was sent')
     WHERE id = ? AND ${waiting} AND NOT (${lives})`,
  )
  const finish = statement(
    `UPDATE mail_outbox SET state = ?, response = ?, nextAttempt = ?, changedAt = ?
     WHERE id = ? AND owner = ? AND state IN ('sending', 'uncertain')`,
  )
  const cancelQueued = statement(
    `UPDATE mail_outbox SET state = 'cancelled', response = ?, changedAt = ? WHERE subscription = ? AND ${waiting}`,
  )
  const waitingOf = statement(`SELECT id FROM mail_outbox WHERE subscription = ? AND ${waiting}`)
  const replace = statement(
    `UPDATE mail_outbox SET state = 'cancelled', response = 'its papers are in the next digest', changedAt = ?
     WHERE id = ? AND ${waiting}`,
  )
  const unsent = statement(
    `SELECT content FROM mail_outbox WHERE subscription = ?1 AND state IN ('queued', 'deferred', 'failed', 'cancelled')
     AND id > (SELECT coalesce(max(id), 0) FROM mail_outbox
       WHERE subscription = ?1 AND state IN ('sending', 'sent', 'uncertain', 'forgotten'))`,
  )
  const sending = statement(`SELECT id, owner, changedAt FROM mail_outbox WHERE state = 'sending'`)
  const setUncertain = statement(
    `UPDATE mail_outbox SET state = 'uncertain', changedAt = ?,
       response = 'the process ended while it was sending: it may have arrived or not'
     WHERE id = ? AND state = 'sending' AND owner = ?`,
  )
  const expire = statement(
    `UPDATE mail_outbox SET state = 'failed', changedAt = ?1,
       response = 'waited longer than 24 hours' || coalesce('; last: ' || response, '')
     WHERE ${waiting} AND queuedAt < ?2`,
  )
  // Confirmations first: somebody waits for them.
  const sendable = statement(
    `SELECT id FROM mail_outbox WHERE ${waiting} AND nextAttempt <= ?1 AND (kind = 'digest') = ?2 AND id > ?3 ORDER BY id LIMIT ?4`,
  )
  const firstAttempt = statement(`SELECT min(nextAttempt) AS moment FROM mail_outbox WHERE ${waiting}`)
  const again = statement(
    `UPDATE mail_outbox SET state = 'queued', owner = NULL, attempts = 0, nextAttempt = ?1, queuedAt = ?1, changedAt = ?1,
       response = 'sent again by the owner of the site' WHERE id = ?2 AND state IN ('uncertain', 'failed')`,
  )
  const forget = statement(
    `UPDATE mail_outbox SET state = 'forgotten', changedAt = ? WHERE id = ? AND state IN ('uncertain', 'failed', 'queued', 'deferred')`,
  )
  const one = statement('SELECT * FROM mail_outbox WHERE id = ?')
  const byMessageId = statement('SELECT * FROM mail_outbox WHERE messageId = ?')
  const page = statement(
    `SELECT * FROM mail_outbox WHERE (?1 = '' OR state = ?1) AND id < ?2 ORDER BY id DESC LIMIT ?3`,
  )
  const counts = statement('SELECT state, count(*) AS total FROM mail_outbox GROUP BY state')
  const tidy = statement(
    `DELETE FROM mail_outbox WHERE changedAt < ? AND state IN ('sent', 'failed', 'cancelled', 'forgotten')`,
  )
  let tests = 0

  return {
    /** @returns false where this period's is there already */
    queueDigest(subscription: number, address: string, period: string, content: DigestContent): boolean {
      const id = messageId(host, 'digest', subscription, period)
      const text = JSON.stringify(content)
      return insert.run('digest', address, subscription, period, null, text, id, now()).changes > 0
    },
    queueConfirmation(confirmation: number, address: string): void {
      const id = messageId(host, 'confirmation', confirmation)
      insert.run('confirmation', address, null, null, confirmation, '{}', id, now())
    },
    queueTest(address: string): void {
      const id = `${now().toString(36)}-${(tests++).toString(36)}`
      insert.run('test', address, null, null, null, JSON.stringify({ id }), messageId(host, 'test', id), now())
    },
    cancelQueued: (subscription: number, why: string) => void cancelQueued.run(why, now(), subscription),
    waitingOf: (subscription: number): number[] => waitingOf.all(subscription).map(row => Number(row.id)),
    /** Ends one that a newer one of the same subscription stands for. */
    replace: (id: number) => void replace.run(now(), id),
    /** What a subscription was to get and did not, since it last got something. */
    unsent: (subscription: number): DigestContent[] =>
      unsent.all(subscription).map(row => JSON.parse(String(row.content))),
    /** Marks as uncertain what was being sent by a process that is gone, or by this one, which must not be sending now. */
    markInterrupted(): number {
      let count = 0
      for (const row of sending.all()) {
        const who = String(row.owner)
        if (who !== owner && isAlive(who, Number(row.changedAt))) continue
        count += Number(setUncertain.run(now(), Number(row.id), who).changes)
      }
      return count
    },
    /** Gives up what has waited too long. */
    expire: () => void expire.run(now(), now() - longestWaitMs),
    /** Ids of what is to be sent now, from behind an id on. */
    sendable: (isDigest: boolean, after: number, limit: number): number[] =>
      sendable.all(now(), Number(isDigest), after, limit).map(row => Number(row.id)),
    /** When the next is to be sent. */
    firstAttempt(): number | undefined {
      const { moment } = firstAttempt.get()!
      return moment === null ? undefined : Number(moment)
    },
    /** Takes one to send it; undefined where it is not to be sent any more. Called within a transaction. */
    claim(id: number): OutboxRow | undefined {
      const row = claim.get(owner, now(), id, now())
      if (!row) dropDead.run(now(), id)
      return row && toRow(row)
    },
    /** Writes down how it ended. Called within a transaction. */
    finish(id: number, state: MailState, response: string): void {
      const attempts = Number(one.get(id)?.attempts ?? 1)
      const wait = Math.min(longestBackOffMs, firstBackOffMs * 2 ** Math.max(0, attempts - 1))
      const text = oneLine(response).slice(0, 500).toWellFormed()
      finish.run(state, text, now() + (state === 'deferred' ? wait : 0), now(), id, owner)
    },
    again: (id: number): boolean => again.run(now(), id).changes > 0,
    forget: (id: number): boolean => forget.run(now(), id).changes > 0,
    one(id: number): OutboxRow | undefined {
      const row = one.get(id)
      return row && toRow(row)
    },
    byMessageId(id: string): OutboxRow | undefined {
      const row = byMessageId.get(id)
      return row && toRow(row)
    },
    /** Newest first. */
    list: ({ state = '', before = Number.MAX_SAFE_INTEGER, limit = 50 } = {}): OutboxRow[] =>
      page.all(state, before, limit).map(toRow),
    counts(): Partial<Record<MailState, number>> {
      return Object.fromEntries(counts.all().map(row => [row.state, Number(row.total)]))
    },
    tidy: () => void tidy.run(now() - keptMs),
  }
}

function toRow(row: Record<string, unknown>): OutboxRow {
  const number = (value: unknown) => (value === null ? undefined : Number(value))
  const text = (value: unknown) => (value === null ? undefined : String(value))
  return {
    id: Number(row.id),
    kind: row.kind as MailKind,
    address: String(row.address),
    subscription: number(row.subscription),
    period: text(row.period),
    confirmation: number(row.confirmation),
    content: String(row.content),
    messageId: String(row.messageId),
    state: row.state as MailState,
    owner: text(row.owner),
    attempts: Number(row.attempts),
    nextAttempt: Number(row.nextAttempt),
    queuedAt: Number(row.queuedAt),
    changedAt: Number(row.changedAt),
    response: text(row.response),
  }
}
