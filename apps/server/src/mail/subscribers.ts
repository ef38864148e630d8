/** Who gets which digest: asking for one, confirming it, changing it, leaving it. */
import type { DatabaseSync } from 'node:sqlite'
import { InputError } from '@offprint/kernels'
import { transaction } from '../database.ts'
import { isSearchable } from '../library/arrivals.ts'
import { oneLine } from '../library/text.ts'
import { addressKey, parseAddress } from './address.ts'
import { lengthOf, nextDue, type Rhythm, zoneNamed } from './due.ts'
import { claimedId, newToken, sameToken, signedToken, tokenHash } from './tokens.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const confirmationMs = 48 * hourMs
/** Confirmation mails to an address a day, and to all of them an hour. */
export const mostConfirmations = { address: 3, all: 200 }
/** The same wish again so soon is one wish. */
const repeatMs = hourMs
const mostSubscriptions = 50
const longestQuery = 250

/** A wish for a digest, checked. */
export interface Wish extends Rhythm {
  address: string
  /** Only papers with all words of this search; empty for all papers. */
  query: string
}

export interface Subscription extends Rhythm {
  id: number
  query: string
  state: 'active' | 'paused' | 'left'
  /** In ms since 1970. */
  nextDue: number
}

export interface Subscriber {
  id: number
  address: string
  state: 'active' | 'suspended'
  /** Why it is suspended. */
  reason?: string
  subscriptions: Subscription[]
}

/** Too many confirmations are asked for at the moment. */
export class TooManyError extends Error {
  override name = 'TooManyError'
}

/**
 * Reads the fields of a form or of JSON.
 * @throws InputError that names the field
 */
export function readWish(fields: Record<string, unknown>): Wish {
  const text = (name: string) => {
    const value = fields[name]
    return typeof value === 'number' ? String(value) : typeof value === 'string' ? value.slice(0, 1000) : ''
  }
  const found = (name: string) => `'${oneLine(text(name)).slice(0, 60)}'`
  const address = parseAddress(text('address'))
  if (address === undefined)
    throw new InputError(
      'address',
      found('address'),
      'an address of mail such as ada@example.org, at most 254 characters',
    )
  const query = oneLine(text('q'))
  if ([...query].length > longestQuery)
    throw new InputError('q', `${[...query].length} characters`, `a search of at most ${longestQuery} characters`)
  if (query && !isSearchable(query))
    throw new InputError(
      'q',
      found('q'),
      'a search for papers, without what only the owner knows, such as is:read or list:',
    )
  if (!['on', 'yes', 'true', '1'].includes(text('consent')) && fields.consent !== true)
    throw new InputError(
      'consent',
      text('consent') ? found('consent') : 'nothing',
      'yes: mail is sent only to people who want it',
    )
  return { address, query, ...readRhythm(fields) }
}

/** @throws InputError that names the field */
export function readRhythm(fields: Record<string, unknown>): Rhythm {
  const given = (name: string) => oneLine(String(fields[name] ?? '').slice(0, 200))
  const kind = given('kind')
  if (kind !== 'daily' && kind !== 'weekly') throw new InputError('kind', `'${kind.slice(0, 60)}'`, 'daily or weekly')
  const hour = given('hour')
  if (!/^\d{1,2}$/.test(hour) || Number(hour) > 23)
    throw new InputError('hour', `'${hour.slice(0, 60)}'`, 'a whole hour from 0 to 23')
  const zone = zoneNamed(given('zone'))
  if (zone === undefined)
    throw new InputError('zone', `'${given('zone').slice(0, 60)}'`, 'a time zone such as Europe/Berlin or UTC')
  return { kind, hour: Number(hour), zone }
}

export type Subscribers = ReturnType<typeof openSubscribers>

export interface SubscribersOptions {
  secret: Buffer
  now(): number
  /** Puts a confirmation into the outbox; called within the transaction that makes it. */
  queueConfirmation(id: number, address: string): void
  /** Ends what waits for a subscription, within the transaction that ends it. */
  cancelQueued(subscription: number, why: string): void
}

export function openSubscribers(
  database: DatabaseSync,
  { secret, now, queueConfirmation, cancelQueued }: SubscribersOptions,
) {
  const statement = (sql: string) => database.prepare(sql)
  const countAsked = statement('SELECT count(*) AS total FROM mail_confirmations WHERE createdAt > ?')
  const countAskedBy = statement(
    'SELECT count(*) AS total FROM mail_confirmations WHERE addressKey = ? AND createdAt > ?',
  )
  const sameAsked = statement(
    `SELECT 1 FROM mail_confirmations WHERE addressKey = ? AND kind = ? AND query = ? AND hour = ? AND zone = ?
     AND createdAt > ? AND subscription IS NULL`,
  )
  const insertConfirmation = statement(
    `INSERT INTO mail_confirmations (address, addressKey, kind, query, hour, zone, createdAt)
     VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id`,
  )
  const setToken = statement('UPDATE mail_confirmations SET tokenHash = ?, expiresAt = ? WHERE id = ?')
  const byToken = statement('SELECT * FROM mail_confirmations WHERE tokenHash = ? AND expiresAt > ?')
  const oneConfirmation = statement('SELECT * FROM mail_confirmations WHERE id = ?')
  const setConfirmed = statement('UPDATE mail_confirmations SET subscription = ? WHERE id = ?')
  const dropConfirmations = statement(
    'DELETE FROM mail_confirmations WHERE createdAt < ? AND coalesce(expiresAt, 0) < ?',
  )
  const putSubscriber = statement(
    `INSERT INTO mail_subscribers (address, addressKey, state, createdAt) VALUES (?, ?, 'active', ?)
     ON CONFLICT (addressKey) DO UPDATE SET state = 'active', reason = NULL, rejections = 0 RETURNING id`,
  )
  const oneSubscriber = statement('SELECT * FROM mail_subscribers WHERE id = ?')
  const subscriberByKey = statement('SELECT * FROM mail_subscribers WHERE addressKey = ?')
  const pageOfSubscribers = statement('SELECT * FROM mail_subscribers WHERE id > ? ORDER BY id LIMIT ?')
  const removeSubscriber = statement('DELETE FROM mail_subscribers WHERE id = ?')
  const forgetOutbox = statement('DELETE FROM mail_outbox WHERE lower(address) = ?')
  const forgetConfirmations = statement('DELETE FROM mail_confirmations WHERE addressKey = ?')
  const forgetRejections = statement('DELETE FROM mail_rejections WHERE lower(address) = ?')
  const setState = statement('UPDATE mail_subscribers SET state = ?, reason = ? WHERE id = ?')
  const countRejection = statement(
    'UPDATE mail_subscribers SET rejections = rejections + 1 WHERE addressKey = ? RETURNING id, rejections, state',
  )
  const clearRejections = statement(
    'UPDATE mail_subscribers SET rejections = 0 WHERE addressKey = ? AND rejections > 0',
  )
  const insertRejection = statement('INSERT OR IGNORE INTO mail_rejections VALUES (?, ?, ?, ?, ?)')
  const newestRejections = statement('SELECT * FROM mail_rejections ORDER BY at DESC LIMIT 50')
  const subscriptionsOf = statement('SELECT * FROM mail_subscriptions WHERE subscriber = ? ORDER BY id')
  const oneSubscription = statement(
    `SELECT mail_subscriptions.*, addressKey, address FROM mail_subscriptions
     JOIN mail_subscribers ON mail_subscribers.id = subscriber WHERE mail_subscriptions.id = ?`,
  )
  const countSubscriptions = statement('SELECT count(*) AS total FROM mail_subscriptions WHERE subscriber = ?')
  const putSubscription = statement(
    `INSERT INTO mail_subscriptions (subscriber, kind, query, hour, zone, state, nextDue, covered, consentAt)
     VALUES (?1, ?2, ?3, ?4, ?5, 'active', ?6, ?7, ?8)
     ON CONFLICT (subscriber, kind, query) DO UPDATE SET hour = ?4, zone = ?5, nextDue = ?6, consentAt = ?8,
       covered = iif(state = 'active', covered, ?7), seen = iif(state = 'active', seen, NULL), state = 'active'
     RETURNING id`,
  )
  const changeSubscription = statement('UPDATE mail_subscriptions SET hour = ?, zone = ?, nextDue = ? WHERE id = ?')
  const resume = statement(
    `UPDATE mail_subscriptions SET state = 'active', nextDue = ?, covered = max(covered, ?) WHERE id = ? AND state <> 'active'`,
  )
  const setSubscriptionState = statement('UPDATE mail_subscriptions SET state = ? WHERE id = ?')
  const counts = statement(
    `SELECT
       (SELECT count(*) FROM mail_subscribers WHERE state = 'active' AND id IN
         (SELECT subscriber FROM mail_subscriptions WHERE state = 'active')) AS subscribers,
       (SELECT count(*) FROM mail_subscribers WHERE state = 'suspended') AS suspended,
       (SELECT count(*) FROM mail_subscriptions WHERE state = 'active') AS subscriptions,
       (SELECT count(*) FROM mail_confirmations WHERE subscription IS NULL AND createdAt > ?) AS unconfirmed`,
  )

  const leaveToken = (subscription: number, key: string) =>
    signedToken(secret, subscription, `leave ${subscription} ${key}`)
  const manageToken = (subscriber: number, key: string) =>
    signedToken(secret, subscriber, `manage ${subscriber} ${key}`)

  /** Where a subscription starts: its first digest has the papers of the day or week before it. */
  function beginning(rhythm: Rhythm): { due: number; covered: string } {
    const { at } = nextDue(now(), rhythm)
    return { due: at, covered: new Date(at - lengthOf(rhythm)).toISOString() }
  }

  function subscriptionBy(token: string) {
    const id = claimedId(token)
    const row = id === undefined ? undefined : oneSubscription.get(id)
    return row && sameToken(token, leaveToken(Number(row.id), String(row.addressKey))) ? row : undefined
  }

  function subscriberBy(token: string) {
    const id = claimedId(token)
    const row = id === undefined ? undefined : oneSubscriber.get(id)
    return row && sameToken(token, manageToken(Number(row.id), String(row.addressKey))) ? row : undefined
  }

  function leave(id: number): void {
    setSubscriptionState.run('left', id)
    cancelQueued(id, 'left before it was sent')
  }

  function toSubscriber(row: Record<string, unknown>): Subscriber {
    return {
      id: Number(row.id),
      address: String(row.address),
      state: row.state as Subscriber['state'],
      ...(row.reason ? { reason: String(row.reason) } : {}),
      subscriptions: subscriptionsOf.all(Number(row.id)).map(toSubscription),
    }
  }

  return {
    leaveToken,
    manageToken,
    /**
     * Sends a confirmation, as far as the limits allow; what it does is the same for known and unknown addresses.
     * @throws TooManyError where everybody together has asked for too many
     */
    ask(wish: Wish): void {
      const key = addressKey(wish.address)
      transaction(database, () => {
        const moment = now()
        if (sameAsked.get(key, wish.kind, wish.query, wish.hour, wish.zone, moment - repeatMs)) return
        if (Number(countAskedBy.get(key, moment - dayMs)!.total) >= mostConfirmations.address) return
        if (Number(countAsked.get(moment - hourMs)!.total) >= mostConfirmations.all)
          throw new TooManyError('too many people subscribe at the moment; try again in an hour')
        const { address, kind, query, hour, zone } = wish
        const { id } = insertConfirmation.get(address, key, kind, query, hour, zone, moment)!
        queueConfirmation(Number(id), address)
      })
    },
    /** Makes the link of a confirmation, and ends the one that it had before. Called within a transaction. */
    newLink(confirmation: number): string {
      const token = newToken()
      setToken.run(tokenHash(token), now() + confirmationMs, confirmation)
      return token
    },
    wishOf(confirmation: number): Wish | undefined {
      const row = oneConfirmation.get(confirmation)
      return row && toWish(row)
    },
    /** What a link would confirm, and whether it has been. */
    asked(token: string): (Wish & { confirmed: boolean }) | undefined {
      const row = byToken.get(tokenHash(token), now())
      return row && { ...toWish(row), confirmed: row.subscription !== null }
    },
    /**
     * Confirms; a second time nothing changes, also where the digest was left in between.
     * @returns the token of the page of subscriptions; undefined where the link is unknown or older than 48 hours
     */
    confirm(token: string): string | undefined {
      return transaction(database, () => {
        const row = byToken.get(tokenHash(token), now())
        if (!row) return undefined
        if (row.subscription !== null) {
          const known = oneSubscription.get(row.subscription)
          return known && manageToken(Number(known.subscriber), String(known.addressKey))
        }
        const wish = toWish(row)
        const key = String(row.addressKey)
        const subscriber = Number(putSubscriber.get(wish.address, key, now())!.id)
        if (Number(countSubscriptions.get(subscriber)!.total) >= mostSubscriptions)
          throw new InputError(
            'address',
            `${mostSubscriptions} subscriptions`,
            '',
            `this address has ${mostSubscriptions} subscriptions already`,
          )
        const { due, covered } = beginning(wish)
        const { kind, query, hour, zone } = wish
        const { id } = putSubscription.get(subscriber, kind, query, hour, zone, due, covered, now())!
        setConfirmed.run(id, Number(row.id))
        return manageToken(subscriber, key)
      })
    },
    /** What a link to leave is about; undefined where it is unknown. */
    leaving(token: string): { address: string; subscription: Subscription; manage: string } | undefined {
      const row = subscriptionBy(token)
      return (
        row && {
          address: String(row.address),
          subscription: toSubscription(row),
          manage: manageToken(Number(row.subscriber), String(row.addressKey)),
        }
      )
    },
    /** Leaves at once. @returns false where the link is unknown */
    leaveBy(token: string): boolean {
      return transaction(database, () => {
        const row = subscriptionBy(token)
        if (row) leave(Number(row.id))
        return row !== undefined
      })
    },
    managed(token: string): Subscriber | undefined {
      const row = subscriberBy(token)
      return row && toSubscriber(row)
    },
    /**
     * Changes one of somebody's own subscriptions, or with `leave-all` ends them all.
     * @returns false where there is none such
     * @throws InputError that names the field
     */
    change(token: string, fields: Record<string, unknown>): boolean {
      const action = String(fields.action ?? '').slice(0, 20)
      const actions = ['change', 'pause', 'resume', 'leave', 'leave-all']
      if (!actions.includes(action)) throw new InputError('action', `'${action}'`, `one of ${actions.join(', ')}`)
      return transaction(database, () => {
        const subscriber = subscriberBy(token)
        if (!subscriber) return false
        const own = subscriptionsOf.all(Number(subscriber.id)).map(toSubscription)
        if (action === 'leave-all') {
          for (const { id } of own) leave(id)
          return true
        }
        const one = own.find(({ id }) => id === Number(fields.subscription))
        if (!one) return false
        if (action === 'leave') leave(one.id)
        else if (action === 'pause' && one.state === 'active') {
          setSubscriptionState.run('paused', one.id)
          cancelQueued(one.id, 'paused before it was sent')
        } else if (action === 'resume' && one.state !== 'active') {
          const { due, covered } = beginning(one)
          resume.run(due, covered, one.id)
        } else if (action === 'change') {
          const rhythm = readRhythm({ ...fields, kind: one.kind })
          changeSubscription.run(rhythm.hour, rhythm.zone, nextDue(now(), rhythm).at, one.id)
        }
        return true
      })
    },
    /** Takes an address and all that is known of it away. */
    remove(id: number): boolean {
      return transaction(database, () => {
        const row = oneSubscriber.get(id)
        if (!row) return false
        removeSubscriber.run(id)
        for (const drop of [forgetOutbox, forgetConfirmations, forgetRejections]) drop.run(String(row.addressKey))
        return true
      })
    },
    /** In the order in which they came. */
    list: (after = 0, limit = 100): Subscriber[] => pageOfSubscribers.all(after, limit).map(toSubscriber),
    find(address: string): Subscriber | undefined {
      const row = subscriberByKey.get(addressKey(address))
      return row && toSubscriber(row)
    },
    /**
     * Notes that mail to an address was refused for good; the second time in a row it is suspended. Called within a
     * transaction. The same hash counts once.
     */
    reject(
      hash: string,
      address: string,
      status: string,
      diagnostic: string,
    ): 'counted' | 'suspended' | 'known' | 'unknown' {
      const key = addressKey(address)
      if (!subscriberByKey.get(key)) return 'unknown'
      const text = oneLine(diagnostic).slice(0, 500).toWellFormed()
      if (!insertRejection.run(hash, now(), address, status, text).changes) return 'known'
      const row = countRejection.get(key)!
      if (Number(row.rejections) < 2) return 'counted'
      setState.run('suspended', `refused twice: ${text}`, Number(row.id))
      for (const { id } of subscriptionsOf.all(Number(row.id))) cancelQueued(Number(id), 'the address is suspended')
      return 'suspended'
    },
    /** Mail to the address arrived: what was refused before does not count any more. */
    accepted: (address: string) => void clearRejections.run(addressKey(address)),
    rejections: () =>
      newestRejections.all().map(({ at, address, status, diagnostic }) => ({
        at: Number(at),
        address: String(address),
        status: String(status),
        diagnostic: String(diagnostic),
      })),
    counts() {
      const row = counts.get(now() - confirmationMs)!
      return {
        subscribers: Number(row.subscribers),
        suspended: Number(row.suspended),
        subscriptions: Number(row.subscriptions),
        unconfirmed: Number(row.unconfirmed),
      }
    },
    /** Forgets what nobody confirmed. */
    tidy: () => void dropConfirmations.run(now() - 7 * dayMs, now()),
  }
}

function toSubscription(row: Record<string, unknown>): Subscription {
  return {
    id: Number(row.id),
    state: row.state as Subscription['state'],
    nextDue: Number(row.nextDue),
    ...toRhythm(row),
  }
}

function toRhythm(row: Record<string, unknown>): Rhythm & { query: string } {
  return { kind: row.kind as Rhythm['kind'], query: String(row.query), hour: Number(row.hour), zone: String(row.zone) }
}

function toWish(row: Record<string, unknown>): Wish {
  return { address: String(row.address), ...toRhythm(row) }
}
