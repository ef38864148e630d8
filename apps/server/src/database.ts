/** The database of a data directory: SQLite in write-ahead mode, used by several processes at a time. */
import { DatabaseSync } from 'node:sqlite'

/** Opens (and makes where missing) a database file. Commits are on disk when they return. */
export function openDatabase(file: string): DatabaseSync {
  const database = new DatabaseSync(file)
  database.exec(
    'PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;',
  )
  return database
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

/** SQL, or what SQL alone cannot do. */
export type MigrationStep = string | ((database: DatabaseSync) => void)

/**
 * Brings the tables of one owner (`library`, `runs`, …) up to date: each step runs once, in order. Two processes that
 * start at once do not disturb each other.
 * @throws Error where the database was made by a newer version
 */
export function migrate(database: DatabaseSync, owner: string, steps: MigrationStep[]): void {
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
