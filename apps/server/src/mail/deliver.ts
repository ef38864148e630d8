/** Sends what waits in the outbox, over a few connections at a time. */
import type { DatabaseSync } from 'node:sqlite'
import { transaction } from '../database.ts'
import type { Outbox, OutboxRow } from './outbox.ts'
import type { Connection, Outcome } from './smtp.ts'

/** Servers limit how much they take over one connection. */
const mostOverOne = 100
const rowsAtOnce = 500
/** So many failures of the server one after the other end the round. */
const mostTroubles = 3

export interface DeliverOptions {
  database: DatabaseSync
  outbox: Outbox
  open(): Promise<Connection>
  connections: number
  /** Address that mail is from. */
  from: string
  /** The bytes of a mail that was just taken. What it does in the database is part of taking it. */
  prepare(row: OutboxRow): (() => Promise<Buffer>) | undefined
  /** Called within the transaction that writes down how one ended. */
  onOutcome?(row: OutboxRow, outcome: Outcome): void
  /** Nothing more is begun. */
  signal?: AbortSignal
}

export interface Delivered {
  sent: number
  failed: number
  deferred: number
  uncertain: number
  /** Why the round ended early. */
  trouble?: string
}

/** Resolves when all that could be sent now is sent, or the server is in trouble. */
export async function deliver({
  database,
  outbox,
  open,
  connections,
  from,
  prepare,
  onOutcome = () => {},
  signal,
}: DeliverOptions): Promise<Delivered> {
  const result: Delivered = { sent: 0, failed: 0, deferred: 0, uncertain: 0 }
  const commit = groupCommit(database)
  const ids = waitingIds(outbox)
  let connected = 0
  let troubles = 0
  const stopped = () => signal?.aborted || result.trouble !== undefined

  let isReady = () => {}
  // The others wait for the first: a server that is away or full is asked once.
  const ready = new Promise<void>(resolve => {
    isReady = resolve
  })

  async function work(): Promise<void> {
    let connection: Connection | undefined
    let sentOver = 0
    const disconnect = () => {
      if (connection) connected--
      connection?.close()
      connection = undefined
      sentOver = 0
    }
    try {
      for (let id = ids.next(); id !== undefined && !stopped(); id = ids.next()) {
        if (connection?.broken() || sentOver >= mostOverOne) disconnect()
        if (!connection) {
          // Nothing is taken before there is a line to send it over.
          try {
            connection = await open()
            connected++
            isReady()
          } catch (error) {
            ids.giveBack(id)
            // Some servers take only so many connections: the others go on.
            if (connected === 0) result.trouble ??= (error as Error).message
            return
          }
          if (stopped()) return
        }
        const row = await take(id)
        if (!row) continue
        let outcome: Outcome
        try {
          outcome = await connection.send(from, row.row.address, await row.bytes())
        } catch (error) {
          outcome = { state: 'failed', response: `cannot be made: ${(error as Error).message}` }
        }
        sentOver++
        result[outcome.state]++
        await commit(() => {
          outbox.finish(row.row.id, outcome.state, outcome.response)
          onOutcome(row.row, outcome)
        })
        if (outcome.state === 'sent') troubles = 0
        else if (outcome.state === 'uncertain' || (outcome.state === 'deferred' && outcome.trouble)) {
          if (++troubles >= mostTroubles) result.trouble ??= outcome.response
        }
      }
    } finally {
      disconnect()
    }
  }

  function take(id: number) {
    return commit(() => {
      const row = outbox.claim(id)
      if (!row) return undefined
      try {
        const bytes = prepare(row)
        if (bytes) return { row, bytes }
        outbox.finish(row.id, 'cancelled', 'nothing of it is left to be sent')
      } catch (error) {
        outbox.finish(row.id, 'failed', `cannot be made: ${(error as Error).message}`)
        result.failed++
      }
      return undefined
    })
  }

  const first = work().finally(isReady)
  const others = Array.from({ length: connections - 1 }, () => ready.then(() => (stopped() ? undefined : work())))
  const ended = await Promise.allSettled([first, ...others])
  for (const one of ended) if (one.status === 'rejected') throw one.reason
  return result
}

/** Ids one after the other, confirmations and tests before digests. */
function waitingIds(outbox: Outbox) {
  let page: number[] = []
  let after = 0
  let isDigest = false
  return {
    next(): number | undefined {
      while (!page.length) {
        page = outbox.sendable(isDigest, after, rowsAtOnce)
        if (page.length) after = page.at(-1)!
        else if (isDigest) return undefined
        else [isDigest, after] = [true, 0]
      }
      return page.shift()
    },
    giveBack: (id: number) => void page.unshift(id),
  }
}

/**
 * Runs pieces of work in transactions, all that come within one turn of the event loop in one: each transaction waits for
 * the disk. Where one throws, all of its transaction are taken back and rejected.
 */
export function groupCommit(database: DatabaseSync) {
  let waiting: { work: () => unknown; resolve: (result: unknown) => void; reject: (error: unknown) => void }[] = []
  function flush(): void {
    const group = waiting
    waiting = []
    try {
      const results = transaction(database, () => group.map(({ work }) => work()))
      for (const [index, { resolve }] of group.entries()) resolve(results[index])
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  }
  return <T>(work: () => T): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      waiting.push({ work, resolve: resolve as (result: unknown) => void, reject })
      if (waiting.length === 1) setImmediate(flush)
    })
}
