import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { type MigrationStep, migrate, stepsDone } from './database.ts'
import { isNewer, schemaSteps } from './schema.ts'

type Steps = Readonly<Record<string, readonly MigrationStep[]>>

function made(steps: Steps): DatabaseSync {
  const database = new DatabaseSync(':memory:')
  for (const [owner, list] of Object.entries(steps)) migrate(database, owner, list)
  return database
}

/** Every table, index, view and trigger, with its columns as SQLite understands them: however it came to be. */
function schemaOf(database: DatabaseSync) {
  const objects = database
    .prepare(
      `SELECT type, name, tbl_name AS on_table, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name`,
    )
    .all()
  return objects.map(object => ({
    ...object,
    sql: String(object.sql ?? '')
      .replace(/--[^\n]*/g, '')
      .replace(/"/g, '')
      .replace(/\s+/g, ' ')
      // Columns that came later stand at the end; they are compared below.
      .replace(/\(.*\)/, object.type === 'table' ? '' : '$&'),
    ...(object.type === 'table' && {
      columns: rows(database, `PRAGMA table_xinfo('${object.name}')`)
        .map(({ cid: _, ...column }) => column)
        .sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1)),
      keys: rows(database, `PRAGMA foreign_key_list('${object.name}')`).map(({ id: _, seq: __, ...key }) => key),
    }),
  }))
}

const rows = (database: DatabaseSync, sql: string): Record<string, unknown>[] =>
  database
    .prepare(sql)
    .all()
    .map(row => ({ ...row }))

/** Tables that hold data of ours: no index's own tables. */
function dataTables(database: DatabaseSync): string[] {
  const virtual = rows(database, `SELECT name FROM sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL TABLE%'`).map(row =>
    String(row.name),
  )
  return rows(
    database,
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid`,
  )
    .map(row => String(row.name))
    .filter(name => name !== 'migrations' && !virtual.some(one => name === one || name.startsWith(`${one}_`)))
}

/** Three rows in every table, with values of the columns' kinds; rows that are there already stay. */
function fill(database: DatabaseSync): void {
  database.exec('PRAGMA foreign_keys = OFF')
  for (const table of dataTables(database)) {
    const columns = rows(database, `PRAGMA table_xinfo('${table}')`).filter(column => Number(column.hidden) === 0)
    for (let number = 1; number <= 3; number++) {
      const values = columns.map(({ name, type }) => {
        if (/INT|REAL|NUM/i.test(String(type))) return number
        if (/BLOB/i.test(String(type))) return Buffer.from(`${table} ${number}`)
        return JSON.stringify({
          [String(name)]: `${table} ${number}`,
          key: `k${number}`,
          title: 'T',
          authors: [],
          categories: [],
          topics: [],
          abstract: '',
        })
      })
      const names = columns.map(({ name }) => `"${name}"`).join(', ')
      const marks = columns.map(() => '?').join(', ')
      // A table may hold one row only, or refuse a value that this knows nothing of.
      database.prepare(`INSERT OR IGNORE INTO "${table}" (${names}) VALUES (${marks})`).run(...values)
    }
    assert.ok(
      Number(database.prepare(`SELECT count(*) AS total FROM "${table}"`).get()!.total) > 0,
      `${table} has rows`,
    )
  }
}

/**
 * Goes from a prefix of the steps to all of them, and holds that the schema is that of a fresh database and every value is
 * still there. A step that drops or rewrites a column on purpose names it in `changed`, as `table.column` or `table`.
 */
function checkUpgrade(steps: Steps, owner: string, prefix: number, changed: readonly string[] = []): void {
  const where = `${owner} from step ${prefix} of ${steps[owner].length}`
  const database = made({ ...steps, [owner]: steps[owner].slice(0, prefix) })
  fill(database)
  const before = new Map(dataTables(database).map(table => [table, rows(database, `SELECT * FROM "${table}"`)]))
  for (const [name, list] of Object.entries(steps)) migrate(database, name, list)
  assert.deepEqual(schemaOf(database), schemaOf(made(steps)), where)
  assert.deepEqual(stepsDone(database), stepsDone(made(steps)), where)
  assert.deepEqual(rows(database, 'PRAGMA integrity_check'), [{ integrity_check: 'ok' }], where)
  const tables = dataTables(database)
  for (const [table, had] of before) {
    if (changed.includes(table)) continue
    assert.ok(tables.includes(table), `${where}: table ${table} is still there`)
    const now = rows(database, `SELECT * FROM "${table}"`)
    assert.equal(now.length, had.length, `${where}: rows of ${table}`)
    for (const column of Object.keys(had[0])) {
      if (changed.includes(`${table}.${column}`)) continue
      const values = (list: Record<string, unknown>[]) => list.map(row => String(row[column])).sort()
      assert.deepEqual(values(now), values(had), `${where}: ${table}.${column}`)
    }
  }
}

/** What steps change on purpose, by owner and the number of the step: an entry needs a test of its own that shows how. */
const changedOnPurpose: Record<string, Record<number, string[]>> = {}

for (const [owner, list] of Object.entries(schemaSteps))
  for (let prefix = 0; prefix <= list.length; prefix++)
    test(`a database of ${owner} step ${prefix} of ${list.length} becomes a new one, with all that was in it`, () => {
      const changed = list.flatMap((_, step) => (step >= prefix ? (changedOnPurpose[owner]?.[step + 1] ?? []) : []))
      checkUpgrade(schemaSteps, owner, prefix, changed)
    })

const good: Steps = {
  one: [
    'CREATE TABLE a (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT',
    `ALTER TABLE a ADD COLUMN more TEXT NOT NULL DEFAULT 'x'; CREATE INDEX a_more ON a(more)`,
    'CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a(id)) STRICT',
  ],
}

test('this very check passes good steps, and finds those that lose something', () => {
  for (let prefix = 0; prefix <= 3; prefix++) checkUpgrade(good, 'one', prefix)
  const with4 = (step: string): Steps => ({ one: [...good.one, step] })
  for (const [step, message] of [
    ['DELETE FROM a WHERE id = 2', /rows of a/],
    [`UPDATE a SET text = ''`, /a\.text/],
    ['DROP TABLE b', /table b is still there/],
    ['ALTER TABLE a RENAME COLUMN text TO words', /a\.text/],
  ] as const) {
    assert.throws(() => checkUpgrade(with4(step), 'one', 3), message, step)
  }
  checkUpgrade(with4(`UPDATE a SET text = ''`), 'one', 3, ['a.text'])
})

test('every owner that is migrated somewhere is listed in schema.ts', () => {
  const folder = import.meta.dirname
  const owners = new Set<string>()
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || name.endsWith('.test.ts') || name === 'database.ts') continue
    for (const [, owner] of readFileSync(join(folder, name), 'utf8').matchAll(/\bmigrate\(\s*\w+,\s*'([\w-]+)'/g))
      owners.add(owner)
  }
  assert.ok(owners.size >= 2)
  assert.deepEqual([...owners].sort(), Object.keys(schemaSteps).sort(), 'export the steps, and list them in schema.ts')
})

test('a newer database is refused by name, and stays as it is', () => {
  const database = made(good)
  const before = schemaOf(database)
  assert.throws(
    () => migrate(database, 'one', good.one.slice(0, 2)),
    /made by a newer version of Offprint \(one: step 3, this one knows 2\)/,
  )
  assert.deepEqual(schemaOf(database), before)
  assert.equal(isNewer({ library: schemaSteps.library.length }), undefined)
  assert.match(isNewer({ library: schemaSteps.library.length + 1 })!, /newer version of Offprint \(library: step/)
  assert.match(isNewer({ other: 1 })!, /other: step 1, this one knows 0/)
})

test('a step that fails leaves the database at the step before', () => {
  const database = made({ one: good.one.slice(0, 1) })
  fill(database)
  const before = schemaOf(database)
  assert.throws(() => migrate(database, 'one', [good.one[0], `${good.one[1]}; CREATE TABLE a (x TEXT)`]))
  assert.deepEqual(schemaOf(database), before)
  assert.deepEqual(stepsDone(database), { one: 1 })
})
