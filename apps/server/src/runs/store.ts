/** Stored runs: a row each in the database, their files in `DATA_DIR/runs/<id>/`. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { migrate } from '../database.ts'
import { readResult } from './result-file.ts'
import type { Run, RunRecord, RunStatus } from './types.ts'

/** A run of another machine counts as dead after this long without a heartbeat, in ms. */
const leaseMs = 30_000

export const steps = [
  `CREATE TABLE runs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    paper TEXT NOT NULL,
    method TEXT NOT NULL,
    status TEXT NOT NULL,
    run TEXT NOT NULL,
    owner TEXT,
    heartbeat INTEGER
  ) STRICT;
  CREATE INDEX runs_status ON runs(status);
  CREATE INDEX runs_paper ON runs(paper, method, sequence);
  CREATE TABLE drafts (id TEXT PRIMARY KEY, createdAt INTEGER NOT NULL, draft TEXT NOT NULL) STRICT;`,
]

export type RunStore = ReturnType<typeof openRunStore>

/**
 * @param owner who this process is, from `processOwner()`; its unfinished runs are never taken for dead while it lives
 */
export function openRunStore(database: DatabaseSync, runsDirectory: string, owner: string) {
  migrate(database, 'runs', steps)
  const insert = database.prepare(
    'INSERT INTO runs (id, paper, method, status, run, owner, heartbeat) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )
  const update = database.prepare('UPDATE runs SET status = ?, run = ?, heartbeat = ? WHERE id = ?')
  const one = database.prepare('SELECT run FROM runs WHERE id = ?')
  const beat = database.prepare(`UPDATE runs SET heartbeat = ? WHERE owner = ? AND status IN ('queued', 'running')`)
  const unfinished = database.prepare(
    `SELECT id, owner, heartbeat, run FROM runs WHERE status IN ('queued', 'running')`,
  )
  const page = database.prepare(
    `SELECT run FROM runs WHERE (?1 = '' OR paper = ?1) AND (?2 = '' OR method = ?2) AND sequence < ?3 ORDER BY sequence DESC LIMIT ?4`,
  )
  const lastChecked = database.prepare(
    `SELECT run FROM runs WHERE sequence IN
       (SELECT max(sequence) FROM runs WHERE status = 'done' AND method LIKE 'check:%' GROUP BY paper, method)`,
  )
  const sequence = database.prepare('SELECT sequence FROM runs WHERE id = ?')
  const saveDraft = database.prepare('INSERT INTO drafts (id, createdAt, draft) VALUES (?, ?, ?)')
  const dropDrafts = database.prepare('DELETE FROM drafts WHERE createdAt < ?')
  const oneDraft = database.prepare('SELECT draft FROM drafts WHERE id = ?')

  function get(id: string): Run | undefined {
    const row = one.get(id) as { run: string } | undefined
    return row && JSON.parse(row.run)
  }

  return {
    directory: (id: string) => join(runsDirectory, id),
    add(run: Run): void {
      insert.run(run.id, run.paper, run.method, run.status, JSON.stringify(run), owner, Date.now())
    },
    save(run: Run): void {
      update.run(run.status, JSON.stringify(run), Date.now(), run.id)
    },
    get,
    /** The run with its blocks, which are there once it is done. */
    record(id: string): RunRecord | undefined {
      const run = get(id)
      if (!run) return undefined
      if (run.status !== 'done') return { run, blocks: [] }
      try {
        return { run, blocks: readResult(join(runsDirectory, id)) }
      } catch {
        const error = { kind: 'failure' as const, message: 'the stored result is missing or damaged; repeat the run' }
        return { run: { ...run, status: 'failed', error }, blocks: [] }
      }
    },
    /** Newest first. `before` is the id of the last run of the page before. */
    list({
      paper = '',
      method = '',
      before = '',
      limit = 50,
    }: {
      paper?: string
      method?: string
      before?: string
      limit?: number
    } = {}): Run[] {
      const start = before
        ? (sequence.get(before) as { sequence: number } | undefined)?.sequence
        : Number.MAX_SAFE_INTEGER
      return page.all(paper, method, start ?? 0, limit).map(row => JSON.parse(row.run as string))
    },
    /** Of each claim the newest check that came to an end, by `<paper> check:<claim id>`. */
    lastChecks(): Map<string, Run> {
      const runs = lastChecked.all().map(row => JSON.parse(row.run as string) as Run)
      return new Map(runs.map(run => [`${run.paper} ${run.method}`, run]))
    },
    heartbeat: () => void beat.run(Date.now(), owner),
    /** Marks runs whose process is gone as interrupted, and gives back how many. Never one whose owner still lives. */
    interruptDead(): number {
      let count = 0
      for (const row of unfinished.all()) {
        if (isAlive(String(row.owner), Number(row.heartbeat))) continue
        const run: Run = { ...JSON.parse(row.run as string), status: 'interrupted' satisfies RunStatus }
        update.run(run.status, JSON.stringify(run), Number(row.heartbeat), run.id)
        count++
      }
      return count
    },
    /** Keeps a form that could not be sent as it was, for a day, so that nothing typed is lost. */
    saveDraft(draft: Draft): string {
      const id = newId()
      dropDrafts.run(Date.now() - 86_400_000)
      saveDraft.run(id, Date.now(), JSON.stringify(draft))
      return id
    },
    draft(id: string): Draft | undefined {
      const row = oneDraft.get(id) as { draft: string } | undefined
      return row && JSON.parse(row.draft)
    },
  }
}

/** A run form as it was sent, with what was wrong with it. */
export interface Draft {
  paper: string
  method: string
  values: Record<string, unknown>
  errors: { field: string; message: string }[]
}

/** Ids sort by time: base-36 milliseconds, then 40 random bits. */
export function newId(): string {
  return (
    Date.now().toString(36) +
    BigInt(`0x${randomBytes(5).toString('hex')}`)
      .toString(36)
      .padStart(8, '0')
  )
}

/** Names this process for good: host, process id and when that process started (process ids are used again). */
export function processOwner(pid = process.pid): string {
  return `${hostname()}:${pid}:${processStart(pid) ?? ''}`
}

/** Whether the process of this name lives; where that cannot be seen, whether it gave a sign of life (ms) lately. */
export function isAlive(owner: string, heartbeat: number): boolean {
  const [host, pid, start] = owner.split(':')
  if (host !== hostname()) return Date.now() - heartbeat < leaseMs
  try {
    process.kill(Number(pid), 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  const now = processStart(Number(pid))
  return start && now ? start === now : Date.now() - heartbeat < leaseMs
}

/** When a process started, in clock ticks since boot; undefined where the system does not tell. */
function processStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
