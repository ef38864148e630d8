/** The database of a data directory: SQLite in write-ahead mode, used by several processes at a time. */
import { DatabaseSync } from 'node:sqlite'

/** So long a write waits for another process's, in ms. */
const patience = 10_000
const shortPatience = 50

/** Opens (and makes where missing) a database file. Commits are on disk when they return. */
export function openDatabase(file: string): DatabaseSync {
  const database = new DatabaseSync(file)
  database.exec(
    `PRAGMA busy_timeout = ${patience}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -32000;`,
  )
  return database
}

/** Opens a database file that must be there, and never writes to it. What others commit meanwhile is seen. */
export function openForReading(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { readOnly: true })
  database.exec(`PRAGMA busy_timeout = ${patience}`)
  return database
}

/** Writes the database as it is at this moment to a new file, while others go on reading and writing. */
export function writeSnapshot(database: DatabaseSync, file: string): void {
  database.prepare('VACUUM INTO ?').run(file)
}

/** What is damaged in a database, at most ten sentences; the search index is looked at too. @param quick leaves out the indexes */
export function findDamage(database: DatabaseSync, { quick = false } = {}): string[] {
  const name = quick ? 'quick_check' : 'integrity_check'
  const rows = database.prepare(`PRAGMA ${name}(10)`).all()
  return rows.map(row => String(row[name])).filter(text => text !== 'ok')
}

/** What is damaged in the tables of a full-text index, by the name of the index. */
export function findIndexDamage(database: DatabaseSync): Record<string, string> {
  const damage: Record<string, string> = {}
  for (const name of fullTextIndexes(database))
    try {
      database.exec(`INSERT INTO "${name}"("${name}") VALUES ('integrity-check')`)
    } catch (error) {
      damage[name] = (error as Error).message
    }
  return damage
}

export function fullTextIndexes(database: DatabaseSync): string[] {
  return database
    .prepare(
      `SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%fts5%' ORDER BY name`,
    )
    .all()
    .map(row => String(row.name))
}

/** Writes what waits in the log beside the database into the database, as far as nobody reads it now. */
export function emptyLog(database: DatabaseSync): void {
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
}

/** Rows that point to rows that are not there: of each table how many. */
export function findOrphans(database: DatabaseSync): Record<string, number> {
  const orphans: Record<string, number> = {}
  for (const { table } of database.prepare('PRAGMA foreign_key_check').iterate())
    orphans[String(table)] = (orphans[String(table)] ?? 0) + 1
  return orphans
}

/** Of each owner how many of its steps were done. Empty where the database has none of our tables. */
export function stepsDone(database: DatabaseSync): Record<string, number> {
  const known = database.prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'`).get()
  if (!known) return {}
  const rows = database.prepare('SELECT owner, step FROM migrations ORDER BY owner').all()
  return Object.fromEntries(rows.map(({ owner, step }) => [String(owner), Number(step)]))
}

/** Runs `work` in one transaction that is taken back if it throws. */
export function transaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

/** Has `work` read one state of the database, whatever others write meanwhile. Many reads cost less so: each would lock it by itself. */
export function readTogether<T>(database: DatabaseSync, work: () => T): T {
  if (database.isTransaction) return work()
  database.exec('BEGIN')
  try {
    return work()
  } finally {
    database.exec('COMMIT')
  }
}

/** Writes what nobody waits for: while another process writes it gives up soon, and pages go on. @throws the database's error */
export function writeBriefly(database: DatabaseSync, write: () => void): void {
  database.exec(`PRAGMA busy_timeout = ${shortPatience}`)
  try {
    write()
  } finally {
    database.exec(`PRAGMA busy_timeout = ${patience}`)
  }
}

/** Whether another process was writing. */
export function isBusy(error: unknown): boolean {
  return (error as { errcode?: number }).errcode === 5
}

/** SQL, or what SQL alone cannot do. */
export type MigrationStep = string | ((database: DatabaseSync) => void)

/**
 * Brings the tables of one owner (`library`, `runs`, …) up to date: each step runs once, in order. Two processes that
 * start at once do not disturb each other.
 * @throws Error where the database was made by a newer version
 */
export function migrate(database: DatabaseSync, owner: string, steps: readonly MigrationStep[]): void {
  transaction(database, () => {
    database.exec('CREATE TABLE IF NOT EXISTS migrations (owner TEXT PRIMARY KEY, step INTEGER NOT NULL) STRICT')
    const row = database.prepare('SELECT step FROM migrations WHERE owner = ?').get(owner)
    const done = Number(row?.step ?? 0)
    if (done > steps.length)
      throw new Error(
        `the data directory was made by a newer version of Offprint (${owner}: step ${done}, this one knows ${steps.length})`,
      )
    for (const step of steps.slice(done)) {
      if (typeof step === 'string') database.exec(step)
      else step(database)
    }
    database
      .prepare('INSERT INTO migrations VALUES (?1, ?2) ON CONFLICT (owner) DO UPDATE SET step = ?2')
      .run(owner, steps.length)
  })
}
