/** One request at a time to each site, and some seconds apart, over all processes that use a data folder. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as timeout } from 'node:timers/promises'
import { FetchError, type Fetched, type FetchOptions, politeFetch } from './polite-fetch.ts'

export interface PaceOptions {
  /** From one request to the next, in ms. Default 3,000, as arXiv wants it. */
  everyMs?: number
  /** How often a site that is busy is asked, the first time included. Default 5. */
  tries?: number
  /** A site that wants to be left alone for longer is given up for now. Default 10 minutes. */
  longestWaitMs?: number
  /** In ms since 1970. */
  now?(): number
  sleep?(ms: number, signal?: AbortSignal): Promise<unknown>
  /** From 0 to 1. */
  random?(): number
  fetch?(address: string, options?: FetchOptions): Promise<Fetched>
}

export type PacedGet = (address: string, options?: FetchOptions) => Promise<Fetched>

const pollMs = 50
const firstBackOffMs = 5_000
const dayMs = 86_400_000
/** Answers after which a site is asked again. */
const faults: Record<number, string> = { 429: 'busy', 500: 'at fault', 502: 'at fault', 503: 'busy', 504: 'at fault' }

/**
 * Gets addresses as `politeFetch` does, each when it is its turn; so is each that an answer sends us to. A site that is busy
 * or at fault (429, 500, 502, 503, 504), or breaks off, is asked again when it says, else after 5, 10, 20… seconds; meanwhile
 * nobody asks it. The next request waits until the body is read or ended.
 *
 * @param folder one for all processes, such as `DATA_DIR/pace`
 * @throws FetchError where the site stays so; what `politeFetch` throws
 * @example
 * const get = pacedGet(join(settings.DATA_DIR, 'pace'))
 * const { body } = await get('https://oaipmh.arxiv.org/oai?verb=Identify')
 */
export function pacedGet(
  folder: string,
  {
    everyMs = 3_000,
    tries = 5,
    longestWaitMs = 600_000,
    now = Date.now,
    sleep = (ms, signal) => timeout(ms, undefined, { signal }),
    random = Math.random,
    fetch = politeFetch,
  }: PaceOptions = {},
): PacedGet {
  async function takeTurn(host: string, signal: AbortSignal | undefined) {
    let turn = openTurn(folder, host)
    while (!turn) {
      await sleep(pollMs, signal)
      turn = openTurn(folder, host)
    }
    try {
      const wait = turn.next() - now()
      // Further ahead than is ever written: the clock was set back.
      if (wait > 0 && wait <= dayMs) {
        if (wait > longestWaitMs) throw leftAlone(host, turn.next())
        await sleep(wait, signal)
      }
      signal?.throwIfAborted()
      turn.postpone(now() + everyMs)
      return turn
    } catch (error) {
      turn.end()
      throw error
    }
  }

  return async (address, options) => {
    const host = URL.parse(address)?.hostname ?? ''
    // It says what is wrong with it.
    if (!host) return fetch(address, options)
    for (let attempt = 1; ; attempt++) {
      let turn = await takeTurn(host, options?.signal)
      const onRedirect = async (next: URL) => {
        turn.end()
        turn = await takeTurn(next.hostname, options?.signal)
        await options?.onRedirect?.(next)
      }
      const postpone = (header?: string) => {
        const wait = Math.max(retryAfter(header, now()) ?? backOffMs(attempt, random()), everyMs)
        turn.postpone(now() + Math.min(wait, dayMs))
      }
      try {
        const answer = await fetch(address, { ...options, onRedirect })
        if (!faults[answer.status]) {
          answer.closed.then(turn.end)
          return answer
        }
        postpone(answer.headers['retry-after'])
        for await (const _ of answer.body) break
        await answer.closed
        if (attempt >= tries)
          throw new FetchError(host, `it is ${faults[answer.status]} (HTTP ${answer.status}), also the ${tries}th time`)
      } catch (error) {
        try {
          if (!(error instanceof FetchError && error.passing) || options?.signal?.aborted) throw error
          postpone()
          if (attempt >= tries) throw new FetchError(error.host, `${error.problem}, also the ${tries}th time`)
        } finally {
          turn.end()
        }
      }
      turn.end()
    }
  }
}

function leftAlone(host: string, until: number): FetchError {
  return new FetchError(host, `it wants to be left alone until ${new Date(until).toISOString()}`)
}

/** How long a site is left alone after it failed for the nth time: 5, 10, 20… seconds and up to a quarter more. */
export function backOffMs(attempt: number, random = Math.random()): number {
  return firstBackOffMs * 2 ** (attempt - 1) * (1 + random / 4)
}

/** What a `Retry-After` asks for, in ms: seconds or a date. */
export function retryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d{1,12}$/.test(text)) return Number(text) * 1000
  // Other texts, such as '-5', are dates to `Date.parse` as well.
  const date = /^[A-Z][a-z]+, /.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

/** arXiv counts all of its machines as one. */
function siteOf(host: string): string {
  return /(?:^|\.)arxiv\.org$/.test(host) ? 'arxiv.org' : host.replace(/[^a-z0-9.-]/g, '_')
}

/**
 * The site's file, if nobody else has it. SQLite's lock on a file ends with its process, however that ends, so that there is
 * none to take over from the dead.
 */
function openTurn(folder: string, host: string) {
  mkdirSync(folder, { recursive: true })
  const file = new DatabaseSync(join(folder, `${siteOf(host)}.turn`), { timeout: 0 })
  try {
    // Exclusive: the lock outlives the transactions, up to `end`.
    file.exec(`PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;
      CREATE TABLE IF NOT EXISTS turn (id INTEGER PRIMARY KEY CHECK (id = 1), next REAL NOT NULL) STRICT;
      INSERT OR IGNORE INTO turn VALUES (1, 0); COMMIT`)
  } catch (error) {
    file.close()
    if ((error as { errcode?: number }).errcode === 5) return undefined
    throw error
  }
  return {
    /** When the site may be asked next, in ms since 1970. */
    next: () => Number(file.prepare('SELECT next FROM turn').get()?.next),
    postpone: (until: number) => void file.prepare('UPDATE turn SET next = ?').run(until),
    end: () => {
      if (file.isOpen) file.close()
    },
  }
}
