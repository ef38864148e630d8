/** The tables of what is followed and how far it is; who syncs a source holds its row, so that nobody else does. */
import type { DatabaseSync } from 'node:sqlite'
import { migrate, transaction } from '../database.ts'
import { isAlive } from '../runs/store.ts'

export const steps = [
  `CREATE TABLE syncs (
    name TEXT PRIMARY KEY,
    -- Followed by the page's form: as it was written there.
    followed TEXT,
    state TEXT,
    owner TEXT,
    heartbeat INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0,
    startedAt TEXT,
    finishedAt TEXT,
    report TEXT,
    error TEXT
  ) STRICT;
  -- Papers without arXiv id that arXiv was asked for.
  CREATE TABLE completions (key TEXT PRIMARY KEY, askedAt TEXT NOT NULL, outcome TEXT NOT NULL) STRICT;`,
]

export interface SyncRow {
  name: string
  followed?: string
  state?: unknown
  /** Whether a living process syncs it now. */
  running: boolean
  startedAt?: string
  finishedAt?: string
  /** Id of its newest import. */
  report?: string
  error?: string
}

/** @param owner who this process is, from `processOwner()` */
export function openSyncStore(database: DatabaseSync, owner: string) {
  migrate(database, 'sync', steps)
  const add = database.prepare('INSERT OR IGNORE INTO syncs (name) VALUES (?)')
  const one = database.prepare('SELECT * FROM syncs WHERE name = ?')
  const all = database.prepare('SELECT * FROM syncs WHERE followed IS NOT NULL ORDER BY name')
  const hold = database.prepare(
    `UPDATE syncs SET owner = ?, heartbeat = ?, cancelled = 0, startedAt = ?, finishedAt = NULL, report = NULL, error = NULL
     WHERE name = ?`,
  )
  const beat = database.prepare('UPDATE syncs SET heartbeat = ? WHERE name = ? AND owner = ? RETURNING cancelled')
  const saveState = database.prepare('UPDATE syncs SET state = ? WHERE name = ? AND owner = ?')
  const saveReport = database.prepare('UPDATE syncs SET report = ? WHERE name = ? AND owner = ?')
  const release = database.prepare(
    'UPDATE syncs SET owner = NULL, finishedAt = ?, error = ? WHERE name = ? AND owner = ?',
  )
  const follow = database.prepare('UPDATE syncs SET followed = ? WHERE name = ?')
  const cancel = database.prepare('UPDATE syncs SET cancelled = 1 WHERE name = ? AND owner IS NOT NULL')
  const forgetState = database.prepare(
    "DELETE FROM syncs WHERE followed IS NULL AND owner IS NULL AND finishedAt < ? AND name LIKE '% %'",
  )
  const asked = database.prepare('SELECT 1 FROM completions WHERE key = ? AND askedAt > ?')
  const saveAsked = database.prepare('INSERT OR REPLACE INTO completions VALUES (?, ?, ?)')
  const incomplete = database.prepare(
    `SELECT count(*) AS total FROM papers WHERE key >= 't:' AND key < 't;'
     AND NOT EXISTS (SELECT 1 FROM completions WHERE completions.key = papers.key AND askedAt > ?)`,
  )

  const toRow = (row: Record<string, unknown>): SyncRow => ({
    name: String(row.name),
    running: row.owner !== null && isAlive(String(row.owner), Number(row.heartbeat)),
    ...(row.state === null ? {} : { state: JSON.parse(String(row.state)) }),
    ...Object.fromEntries(
      ['followed', 'startedAt', 'finishedAt', 'report', 'error'].flatMap(name =>
        row[name] === null ? [] : [[name, String(row[name])]],
      ),
    ),
  })

  return {
    get(name: string): SyncRow | undefined {
      const row = one.get(name)
      return row && toRow(row)
    },
    /** What is followed by the page's form. */
    followed: (): SyncRow[] => all.all().map(toRow),
    follow: (name: string, text: string | null) =>
      transaction(database, () => {
        add.run(name)
        follow.run(text, name)
      }),
    /** Takes a source for this process. False where a living process has it. */
    hold: (name: string, now: string): boolean =>
      transaction(database, () => {
        // Queries and periods that somebody asked for once are not kept for ever.
        forgetState.run(new Date(Date.parse(now) - 90 * 86_400_000).toISOString())
        add.run(name)
        if (toRow(one.get(name)!).running) return false
        hold.run(owner, Date.now(), now, name)
        return true
      }),
    /** Says that this process lives. Gives back whether somebody wants it to stop. */
    beat: (name: string): boolean => Boolean(beat.get(Date.now(), name, owner)?.cancelled ?? 1),
    /** Within the transaction of what the state counts. @throws Error where another process has taken the source over */
    saveState(name: string, state: unknown): void {
      if (!saveState.run(JSON.stringify(state), name, owner).changes)
        throw new Error('another process has gone on with this source meanwhile')
    },
    saveReport: (name: string, id: string) => void saveReport.run(id, name, owner),
    /** @param finishedAt null where it was cut short and should go on at the next start */
    release: (name: string, finishedAt: string | null, error: string | null) =>
      void release.run(finishedAt, error, name, owner),
    /** Asks whoever syncs a source to stop. */
    cancel: (name: string): boolean => cancel.run(name).changes > 0,
    wasAsked: (key: string, since: string): boolean => asked.get(key, since) !== undefined,
    saveAsked: (key: string, at: string, outcome: string) => void saveAsked.run(key, at, outcome),
    /** Papers without arXiv id and DOI that arXiv was not asked for since then. */
    incomplete: (since: string): number => Number(incomplete.get(since)!.total),
  }
}
