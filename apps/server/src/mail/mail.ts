/** Mail digests: who gets which, what is due, and its way out. One process at a time sends; any may take subscriptions. */
import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { buffer } from 'node:stream/consumers'
import { InputError } from '@offprint/kernels'
import DKIM from 'nodemailer/lib/dkim'
import { transaction } from '../database.ts'
import type { Place } from '../feeds/feed.ts'
import { type Arrivals, openArrivals } from '../library/arrivals.ts'
import type { Library, PaperRecord } from '../library/types.ts'
import { isAlive } from '../runs/store.ts'
import type { Settings } from '../settings.ts'
import { parseAddress, parseMailbox } from './address.ts'
import { readReport } from './bounce.ts'
import {
  composeConfirmation,
  composeDigest,
  composeTest,
  describeMoment,
  describeRhythm,
  listPapers,
  type Message,
  type PaperList,
  type Sender,
  toMime,
} from './compose.ts'
import { type Delivered, deliver } from './deliver.ts'
import { chooseKeys, type DigestContent, digestPaper } from './digest.ts'
import { type Due, lastDue, lengthOf, nextDue, type Rhythm } from './due.ts'
import { type OutboxRow, openOutbox } from './outbox.ts'
import { parseSmtpUrl } from './settings.ts'
import { type Connection, openConnection, type SmtpTimes } from './smtp.ts'
import { openSubscribers } from './subscribers.ts'
import { type MailState, openMailTables } from './tables.ts'

/** Pages are answered in between. */
const subscriptionsAtOnce = 50
const heartbeatMs = 5_000
/** Another process may have changed what is due; so long at most until somebody looks. */
const longestSleepMs = 300_000
const busyMs = 10_000
const closeMs = 10_000
const mostTests = 20

export interface MailOptions {
  library: Library
  place: Place
  settings: Pick<
    Settings,
    'SMTP_URL' | 'MAIL_FROM' | 'MAIL_REPLY_TO' | 'DKIM_DOMAIN' | 'DKIM_SELECTOR' | 'DKIM_KEY_FILE'
  >
  /** Who this process is, from `processOwner()`. */
  owner: string
  /** Votes of a paper here; undefined where there are none to show. */
  votesOf?(key: string): number | undefined
  /** Whether the paper of a module's name has something to run. */
  runsHere?(slug: string): boolean
  /** In ms since 1970. */
  now?(): number
  /** At a time to the mail server. Default 8. */
  connections?: number
  times?: SmtpTimes
}

export interface RoundReport extends Delivered {
  /** Digests that were put into the outbox. */
  queued: number
  /** Found half sent by a process that is gone. */
  interrupted: number
  /** Another process is at it. */
  busy: boolean
}

/** A digest that is due. */
export interface DueDigest {
  subscription: number
  address: string
  kind: Rhythm['kind']
  query: string
  period: string
  total: number
}

export interface MailOverview {
  /** Host and port of the mail server; undefined where none is set and mail stays in the outbox. */
  server?: string
  from: string
  /** What the owner should know of the settings. */
  notes: string[]
  /** When the next digest is due, in ms since 1970; undefined without subscriptions. */
  nextDigest?: number
  /** When something was last looked at. */
  roundAt?: number
  /** What is wrong with the mail server, and when it is tried again. */
  trouble?: { text: string; resumeAt: number }
  counts: ReturnType<ReturnType<typeof openSubscribers>['counts']>
  outbox: Partial<Record<MailState, number>>
}

export type Mail = ReturnType<typeof openMail>

let opened = 0

/** Opens mail in the library's database. Nothing is sent before `start()` or `round()`. */
export function openMail(
  database: DatabaseSync,
  {
    library,
    place,
    settings,
    owner: processName,
    votesOf = () => undefined,
    runsHere = () => true,
    now = Date.now,
    connections = 8,
    times,
  }: MailOptions,
) {
  const owner = `${processName}:${opened++}`
  const secret = openMailTables(database)
  const { arrivals, last } = openArrivals(database)
  const outbox = openOutbox(database, { host: place.host, owner, now })
  const subscribers = openSubscribers(database, {
    secret,
    now,
    queueConfirmation: outbox.queueConfirmation,
    cancelQueued: outbox.cancelQueued,
  })
  const server = settings.SMTP_URL === undefined ? undefined : parseSmtpUrl(settings.SMTP_URL)
  const from = (settings.MAIL_FROM && parseMailbox(settings.MAIL_FROM)) || {
    name: '',
    address: `offprint@${place.host}`,
  }
  const sender: Sender = {
    from: { ...from, name: from.name || 'Offprint' },
    replyTo: settings.MAIL_REPLY_TO && parseMailbox(settings.MAIL_REPLY_TO)?.address,
    site: place.url,
    host: place.host,
  }
  const dkim = settings.DKIM_KEY_FILE
    ? new DKIM({
        domainName: settings.DKIM_DOMAIN!,
        keySelector: settings.DKIM_SELECTOR!,
        privateKey: createPrivateKey(readFileSync(settings.DKIM_KEY_FILE)).export({ type: 'pkcs8', format: 'pem' }),
        headerFieldNames:
          'from:to:reply-to:subject:date:message-id:mime-version:content-type:list-id:list-unsubscribe:list-unsubscribe-post:auto-submitted:precedence',
      })
    : undefined

  const statement = (sql: string) => database.prepare(sql)
  const isDue = `mail_subscriptions.state = 'active' AND mail_subscribers.state = 'active'`
  const joined = `FROM mail_subscriptions JOIN mail_subscribers ON mail_subscribers.id = subscriber WHERE ${isDue}`
  const due = statement(
    `SELECT mail_subscriptions.*, address ${joined} AND nextDue <= ? ORDER BY nextDue, mail_subscriptions.id LIMIT ?`,
  )
  const firstDue = statement(`SELECT min(nextDue) AS moment ${joined}`)
  const oneSubscription = statement(
    `SELECT mail_subscriptions.*, addressKey FROM mail_subscriptions
     JOIN mail_subscribers ON mail_subscribers.id = subscriber WHERE mail_subscriptions.id = ?`,
  )
  const setCovered = statement('UPDATE mail_subscriptions SET nextDue = ?, covered = ?, seen = ? WHERE id = ?')
  const setNextDue = statement('UPDATE mail_subscriptions SET nextDue = ? WHERE id = ?')
  const state = statement('SELECT roundOwner, roundHeartbeat, roundAt, troubles, trouble, resumeAt FROM mail')
  const setRound = statement('UPDATE mail SET roundOwner = ?, roundHeartbeat = ?')
  const beat = statement('UPDATE mail SET roundHeartbeat = ? WHERE roundOwner = ?')
  const endRound = statement('UPDATE mail SET roundOwner = NULL, roundAt = ? WHERE roundOwner = ?')
  const setTrouble = statement('UPDATE mail SET troubles = ?, trouble = ?, resumeAt = ?')

  // ---- What a digest has ----

  const found = new Map<string, Arrivals>()
  let dues = { moment: Number.NaN, known: new Map<string, { last: Due; next: Due }>() }
  const lists = new Map<string, { list: PaperList; missing: number }>()

  /** When one of a rhythm was due and is next, as it is for many others. */
  function duesOf(rhythm: Rhythm, moment: number): { last: Due; next: Due } {
    if (dues.moment !== moment) dues = { moment, known: new Map() }
    const name = `${rhythm.kind} ${rhythm.hour} ${rhythm.zone}`
    let known = dues.known.get(name)
    if (!known) {
      known = { last: lastDue(moment, rhythm), next: nextDue(moment, rhythm) }
      dues.known.set(name, known)
    }
    return known
  }

  /** The digest of a subscription that is due, and from where it goes on afterwards. */
  function plan(row: Record<string, unknown>, seenNow: number, moment: number) {
    const rhythm = toRhythm(row)
    const { last: due, next } = duesOf(rhythm, moment)
    const { at, period } = due
    const query = String(row.query)
    const until = new Date(at).toISOString()
    const content = (after: string, seen: number | undefined): DigestContent => ({
      ...chosen(after, until, seen, query),
      at,
      after,
      until,
      ...(seen === undefined ? {} : { seen }),
    })
    const covered = String(row.covered)
    // Also where the clock was set back.
    const goesOn = { period, next: next.at, covered: covered > until ? covered : until, seen: seenNow }
    const seen = row.seen === null ? undefined : Number(row.seen)
    const own = content(covered, seen)
    const earlier = own.total ? outbox.unsent(Number(row.id)) : []
    if (!earlier.length) return { ...goesOn, content: own, waits: false }
    // What could not be sent by now goes out with this one, unless it is too old to be news.
    const oldest = new Date(at - 7 * lengthOf(rhythm)).toISOString()
    const first = [covered, ...earlier.map(one => one.after)].sort()[0]
    const seens = [seen, ...earlier.map(one => one.seen)]
    const firstSeen = seens.includes(undefined) ? undefined : Math.min(...(seens as number[]))
    return { ...goesOn, content: content(first < oldest ? oldest : first, firstSeen), waits: true }
  }

  function chosen(after: string, until: string, seen: number | undefined, query: string): Arrivals {
    const name = [after, until, seen, query].join('\n')
    let papers = found.get(name)
    if (!papers) {
      const all = arrivals({ after, until, seen, query })
      papers = { keys: chooseKeys(all, votesOf), total: all.total }
      if (found.size >= 1000) found.clear()
      found.set(name, papers)
    }
    return papers
  }

  /** Puts all that is due into the outbox. */
  async function queueDue(): Promise<number> {
    let count = 0
    for (let more = true; more && !stopping.signal.aborted; ) {
      transaction(database, () => {
        const moment = now()
        const rows = due.all(moment, subscriptionsAtOnce)
        const seenNow = last()
        for (const row of rows) {
          const id = Number(row.id)
          const { period, content, next, covered, seen, waits } = plan(row, seenNow, moment)
          const isNew = content.total > 0 && content.keys.length > 0
          if (isNew) {
            const before = waits ? outbox.waitingOf(id) : []
            if (!outbox.queueDigest(id, String(row.address), period, content)) {
              setNextDue.run(next, id)
              continue
            }
            for (const old of before) outbox.replace(old)
            count++
          }
          setCovered.run(next, covered, seen, id)
        }
        more = rows.length === subscriptionsAtOnce
      })
      await new Promise(resolve => setImmediate(resolve))
    }
    return count
  }

  function paperOf(key: string): PaperRecord | undefined {
    const known = library.paper(key)
    const paper = known && 'redirect' in known ? library.paper(known.redirect) : known
    return paper && !('redirect' in paper) && !paper.withdrawn ? paper : undefined
  }

  function listOf(keys: string[]): { list: PaperList; missing: number } {
    const name = keys.join('\n')
    let made = lists.get(name)
    if (!made) {
      const papers = keys.flatMap(key => paperOf(key) ?? [])
      const shown = papers.map(paper =>
        digestPaper(paper, place.url, votesOf(paper.key), paper.slug !== undefined && runsHere(paper.slug)),
      )
      made = { list: listPapers(shown), missing: keys.length - papers.length }
      if (lists.size >= 100) lists.clear()
      lists.set(name, made)
    }
    return made
  }

  /** @param token of a confirmation's link; without one the mail is only to be looked at */
  function compose(row: OutboxRow, token?: string): Message | undefined {
    if (row.kind === 'test') return composeTest(sender, row.address, JSON.parse(row.content).id)
    if (row.kind === 'confirmation') {
      const wish = row.confirmation === undefined ? undefined : subscribers.wishOf(row.confirmation)
      return wish && composeConfirmation(sender, row.address, { ...wish, id: row.confirmation!, token })
    }
    const subscription = oneSubscription.get(row.subscription!)
    if (!subscription) return undefined
    const { keys, total, at }: DigestContent = JSON.parse(row.content)
    const { list, missing } = listOf(keys)
    if (!list.shown) return undefined
    const key = String(subscription.addressKey)
    return composeDigest(sender, row.address, {
      subscription: row.subscription!,
      rhythm: toRhythm(subscription),
      query: String(subscription.query),
      period: row.period!,
      at,
      total: total - missing,
      papers: list,
      leave: subscribers.leaveToken(row.subscription!, key),
      manage: subscribers.manageToken(Number(subscription.subscriber), key),
    })
  }

  async function bytesOf(message: Message, date: number): Promise<Buffer> {
    const bytes = await toMime(sender, message, new Date(date))
    return dkim ? buffer(dkim.sign(bytes)) : bytes
  }

  /** Of a mail that was just taken; the link of a confirmation is made only now, as only its hash is kept. */
  function prepare(row: OutboxRow): (() => Promise<Buffer>) | undefined {
    const message = compose(row, row.kind === 'confirmation' ? subscribers.newLink(row.confirmation!) : undefined)
    const date = now()
    return message && (() => bytesOf(message, date))
  }

  // ---- Rounds ----

  let running: Promise<RoundReport> | undefined
  const stopping = new AbortController()

  function takeRound(): boolean {
    return transaction(database, () => {
      const { roundOwner, roundHeartbeat } = state.get()!
      if (roundOwner !== null && roundOwner !== owner && isAlive(String(roundOwner), Number(roundHeartbeat)))
        return false
      setRound.run(owner, Date.now())
      return true
    })
  }

  async function oneRound(evenInTrouble: boolean): Promise<RoundReport> {
    const report: RoundReport = {
      queued: 0,
      interrupted: 0,
      busy: false,
      sent: 0,
      failed: 0,
      deferred: 0,
      uncertain: 0,
    }
    if (!takeRound()) return { ...report, busy: true }
    const heart = setInterval(() => {
      try {
        beat.run(Date.now(), owner)
      } catch {
        // The next write says what is wrong.
      }
    }, heartbeatMs)
    heart.unref()
    try {
      report.interrupted = transaction(database, outbox.markInterrupted)
      report.queued = await queueDue()
      transaction(database, () => {
        subscribers.tidy()
        outbox.tidy()
        if (server) outbox.expire()
      })
      const { troubles, resumeAt } = state.get()!
      if (!server || (!evenInTrouble && now() < Number(resumeAt))) return report
      const delivered = await deliver({
        database,
        outbox,
        open: (): Promise<Connection> => openConnection(server, times),
        connections,
        from: from.address,
        prepare,
        signal: stopping.signal,
        onOutcome(row, outcome) {
          if (outcome.state === 'sent') subscribers.accepted(row.address)
          if (outcome.state === 'failed' && outcome.refused)
            subscribers.reject(`${row.messageId} ${row.attempts}`, row.address, outcome.refused, outcome.response)
        },
      })
      if (delivered.trouble !== undefined) {
        const many = Number(troubles) + 1
        setTrouble.run(many, delivered.trouble.slice(0, 500), now() + Math.min(30, 2 ** (many - 1)) * 60_000)
        console.error(`mail: ${delivered.trouble}`)
      } else if (Number(troubles)) setTrouble.run(0, null, 0)
      return { ...report, ...delivered }
    } finally {
      clearInterval(heart)
      found.clear()
      lists.clear()
      endRound.run(now(), owner)
    }
  }

  function round({ evenInTrouble = false } = {}): Promise<RoundReport> {
    running ??= oneRound(evenInTrouble).finally(() => {
      running = undefined
    })
    return running
  }

  /** When there is something to do next, in ms since 1970. */
  function nextMoment(): number {
    const moments = [Number.POSITIVE_INFINITY]
    const { moment } = firstDue.get()!
    if (moment !== null) moments.push(Number(moment))
    const attempt = server ? outbox.firstAttempt() : undefined
    if (attempt !== undefined) moments.push(Math.max(attempt, Number(state.get()!.resumeAt)))
    return Math.min(...moments)
  }

  let timer: NodeJS.Timeout | undefined
  let started = false

  function sleep(ms: number): void {
    clearTimeout(timer)
    if (!started) return
    timer = setTimeout(() => void tick(), Math.min(longestSleepMs, Math.max(0, ms)))
    timer.unref()
  }

  async function tick(evenInTrouble = false): Promise<void> {
    try {
      const { busy } = await round({ evenInTrouble })
      // A second at least: whatever goes wrong, it is not tried without a pause.
      sleep(busy ? busyMs : Math.max(1_000, nextMoment() - now()))
    } catch (error) {
      console.error(`mail: ${(error as Error).message}`)
      sleep(60_000)
    }
  }

  function wake(): void {
    if (!started) return
    if (running)
      void running.then(
        () => sleep(0),
        () => {},
      )
    else sleep(0)
  }

  return {
    subscribers,
    outbox,
    /** Takes a wish for a digest and mails its confirmation. @throws TooManyError */
    ask(wish: Parameters<typeof subscribers.ask>[0]): void {
      subscribers.ask(wish)
      wake()
    },
    /** The digests that are due now, without changing anything. */
    due(limit = 1000): DueDigest[] {
      found.clear()
      const seenNow = last()
      const moment = now()
      return due.all(moment, limit).flatMap(row => {
        const { period, content } = plan(row, seenNow, moment)
        const { total } = content
        if (!total) return []
        const { kind } = toRhythm(row)
        return [
          { subscription: Number(row.id), address: String(row.address), kind, query: String(row.query), period, total },
        ]
      })
    },
    /**
     * Queues what is due and sends what waits; resolves when there is nothing more to do now.
     *
     * @param options.evenInTrouble also where the mail server failed a short while ago
     */
    round,
    /** Goes on by itself from now on. */
    start(): void {
      started = true
      // The settings may be others than those of the trouble that is noted.
      void tick(true)
    },
    /** One mail as it would be sent, or was; without the link of a confirmation, of which only the hash is kept. */
    message(id: number): (Pick<Message, 'to' | 'subject' | 'text'> & { row: OutboxRow }) | undefined {
      const row = outbox.one(id)
      if (!row) return undefined
      lists.clear()
      const made = compose(row)
      const { subject = 'Nothing of it is left', text = '' } = made ?? {}
      return { row, to: row.address, subject, text }
    },
    /** The same as a file that readers of mail open. */
    async file(id: number): Promise<Buffer | undefined> {
      const row = outbox.one(id)
      lists.clear()
      const message = row && compose(row)
      return message && bytesOf(message, row.changedAt)
    },
    /**
     * A new link for a confirmation that cannot be mailed as no mail server is set, for the owner who tries it out.
     * @returns its token
     */
    linkOf(id: number): string | undefined {
      const row = outbox.one(id)
      if (server || row?.kind !== 'confirmation' || row.state !== 'queued') return undefined
      return transaction(database, () => subscribers.newLink(row.confirmation!))
    },
    /** Sends a test. @throws InputError for what is no address, or too many at once */
    test(text: string): void {
      const address = parseAddress(text)
      if (address === undefined)
        throw new InputError('address', `'${text.slice(0, 60)}'`, 'an address such as ada@example.org')
      const waiting = outbox.list({ state: 'queued', limit: 1000 }).filter(row => row.kind === 'test')
      if (waiting.length >= mostTests)
        throw new InputError('address', '', '', `${mostTests} tests wait to be sent already; no more before they are`)
      outbox.queueTest(address)
      wake()
    },
    again(id: number): boolean {
      const done = outbox.again(id)
      wake()
      return done
    },
    /**
     * Reads a report of a mail server that could not deliver (RFC 3464), or a mail that asks to be taken off
     * (`Subject: unsubscribe-TOKEN`), and notes it.
     * @returns what was noted, a sentence each
     */
    report(text: string): { address?: string; did: string }[] {
      const report = readReport(text)
      const lines: { address?: string; did: string }[] = []
      if (report.unsubscribe !== undefined) {
        const who = subscribers.leaving(report.unsubscribe)?.address
        const left = subscribers.leaveBy(report.unsubscribe)
        lines.push({ address: who, did: left ? 'has left' : 'the link to leave is unknown' })
      }
      for (const { address, action, status, diagnostic, hash } of report.recipients) {
        if (action !== 'failed' || !status.startsWith('5.')) {
          lines.push({ address, did: `nothing: ${action || 'no action'} ${status}`.trim() })
          continue
        }
        const counted = transaction(database, () => subscribers.reject(hash, address, status, diagnostic))
        const did = {
          counted: 'refused once; suspended the next time',
          suspended: 'suspended: refused twice',
          known: 'nothing: this report was counted before',
          unknown: 'nothing: nobody here has this address',
        }[counted]
        lines.push({ address, did })
      }
      return lines
    },
    /** `daily at 7:00 (Europe/Berlin)` */
    describe: (rhythm: Rhythm): string => describeRhythm(rhythm),
    /** When a subscription is due next, by the clocks of its zone. */
    when: ({ nextDue, zone }: { nextDue: number; zone: string }): string => describeMoment(nextDue, zone),
    overview(): MailOverview {
      const { roundAt, trouble, resumeAt } = state.get()!
      const { moment } = firstDue.get()!
      const notes: string[] = []
      if (server && !place.url.startsWith('https:'))
        notes.push(
          `Links in mail start with ${place.url}. Set PUBLIC_URL to the https address of this site: without it nobody can leave with one click.`,
        )
      return {
        ...(server ? { server: `${server.host}:${server.port}` } : {}),
        from: sender.from.address,
        notes,
        ...(moment === null ? {} : { nextDigest: Number(moment) }),
        ...(roundAt === null ? {} : { roundAt: Number(roundAt) }),
        ...(trouble === null ? {} : { trouble: { text: String(trouble), resumeAt: Number(resumeAt) } }),
        counts: subscribers.counts(),
        outbox: outbox.counts(),
      }
    },
    /** Begins nothing more, and waits up to 10 seconds for what is on its way. */
    async close(): Promise<void> {
      started = false
      clearTimeout(timer)
      stopping.abort()
      if (!running) return
      let stop: NodeJS.Timeout | undefined
      const late = new Promise<void>(resolve => {
        stop = setTimeout(resolve, closeMs)
      })
      await Promise.race([
        running.then(
          () => {},
          () => {},
        ),
        late,
      ])
      clearTimeout(stop)
    },
  }
}

function toRhythm(row: Record<string, unknown>): Rhythm {
  return { kind: row.kind as Rhythm['kind'], hour: Number(row.hour), zone: String(row.zone) }
}
