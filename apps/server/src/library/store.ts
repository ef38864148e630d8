/** The papers' tables: one row a paper, what it is also known by, and its words for searching, all changed together. */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { type MigrationStep, migrate } from '../database.ts'
import { facetsOf } from './facets.ts'
import { type Fingerprint, fingerprintKey, fingerprintOf, sameFingerprint } from './fingerprint.ts'
import { keyOf, mergeRecord, sameRecord } from './merge.ts'
import { searchColumns } from './search-text.ts'
import { openTrend, startTrend } from './trend.ts'
import type { ImportedRecord, PaperRecord } from './types.ts'

export const steps: MigrationStep[] = [
  `CREATE TABLE papers (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    arxivId TEXT UNIQUE,
    slug TEXT UNIQUE,
    publishedAt TEXT,
    submittedAt TEXT NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX papers_submitted ON papers(submittedAt, position);
  -- Keys that a paper had before, and its DOIs.
  CREATE TABLE aliases (
    alias TEXT PRIMARY KEY,
    position INTEGER NOT NULL REFERENCES papers(position) ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX aliases_position ON aliases(position);
  -- Every title, first author and year under which a paper was ever seen: so a second import finds what the first one made.
  CREATE TABLE sightings (
    sequence INTEGER PRIMARY KEY,
    title TEXT NOT NULL,
    family TEXT NOT NULL,
    year INTEGER NOT NULL,
    position INTEGER NOT NULL REFERENCES papers(position) ON DELETE CASCADE,
    UNIQUE (title, family, year, position)
  ) STRICT;
  CREATE INDEX sightings_position ON sightings(position);
  CREATE TABLE seeds (
    slug TEXT PRIMARY KEY,
    position INTEGER NOT NULL REFERENCES papers(position) ON DELETE CASCADE,
    facts TEXT NOT NULL
  ) STRICT;
  CREATE TABLE imports (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    report TEXT NOT NULL,
    host TEXT NOT NULL,
    process INTEGER NOT NULL,
    heartbeat INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE library (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), revision INTEGER NOT NULL, topics TEXT, topicsRevision INTEGER) STRICT;
  INSERT INTO library (only_row, revision) VALUES (1, 0);
  CREATE VIRTUAL TABLE search USING fts5(
    title, authors, text, topics, organization, titleJoined, textJoined,
    content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
  );`,
  database => {
    database.exec(`
  -- What papers can be counted and filtered by: category, author, organization, topic, and what they have.
  CREATE TABLE facets (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    position INTEGER NOT NULL REFERENCES papers(position) ON DELETE CASCADE,
    label TEXT,
    PRIMARY KEY (kind, value, position)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX facets_position ON facets(position, kind, value);
  ALTER TABLE papers ADD COLUMN trend REAL;
  ALTER TABLE papers ADD COLUMN externalVotes INTEGER GENERATED ALWAYS AS (json_extract(record, '$.externalVotes')) VIRTUAL;
  CREATE INDEX papers_trend ON papers(trend DESC, publishedAt DESC, key);
  CREATE INDEX papers_published ON papers(publishedAt);
  -- What the reader made of a paper; moments are ISO 8601.
  CREATE TABLE marks (
    position INTEGER PRIMARY KEY REFERENCES papers(position) ON DELETE CASCADE,
    votedAt TEXT, openedAt TEXT, readAt TEXT, hiddenAt TEXT, note TEXT, notedAt TEXT
  ) STRICT;
  CREATE INDEX marks_opened ON marks(openedAt) WHERE openedAt IS NOT NULL;
  CREATE INDEX marks_hidden ON marks(position) WHERE hiddenAt IS NOT NULL;
  CREATE TABLE tagged (
    tag TEXT NOT NULL,
    position INTEGER NOT NULL REFERENCES papers(position) ON DELETE CASCADE,
    at TEXT NOT NULL,
    PRIMARY KEY (tag, position)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tagged_position ON tagged(position);
  CREATE TABLE lists (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE COLLATE NOCASE, createdAt TEXT NOT NULL) STRICT;
  CREATE TABLE listed (
    list INTEGER NOT NULL REFERENCES lists(id) ON DELETE CASCADE,
    position INTEGER NOT NULL REFERENCES papers(position) ON DELETE CASCADE,
    at TEXT NOT NULL,
    PRIMARY KEY (list, position)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX listed_position ON listed(position);
  -- Days (UTC) on which a paper was run here.
  CREATE TABLE ran (
    position INTEGER NOT NULL REFERENCES papers(position) ON DELETE CASCADE,
    day TEXT NOT NULL,
    PRIMARY KEY (position, day)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE savedSearches (
    id INTEGER PRIMARY KEY AUTOINCREMENT, query TEXT NOT NULL UNIQUE, createdAt TEXT NOT NULL, seenAt TEXT NOT NULL
  ) STRICT;
  -- In which revision of the library the words of a paper last changed, or it went: for indexes that follow.
  CREATE TABLE wordChanges (position INTEGER PRIMARY KEY, revision INTEGER NOT NULL) STRICT;
  CREATE INDEX wordChanges_revision ON wordChanges(revision, position);
  CREATE TABLE feedKeys (hash TEXT PRIMARY KEY, name TEXT NOT NULL, createdAt TEXT NOT NULL, usedAt TEXT) STRICT;`)
    const addFacet = database.prepare('INSERT OR IGNORE INTO facets (kind, value, position, label) VALUES (?, ?, ?, ?)')
    const setTrend = database.prepare('UPDATE papers SET trend = ? WHERE position = ?')
    const after = database.prepare('SELECT position, record FROM papers WHERE position > ? ORDER BY position LIMIT 500')
    for (let rows = after.all(0); rows.length; rows = after.all(rows.at(-1)!.position))
      for (const row of rows) {
        const { position, record } = toRow(row)!
        for (const { kind, value, label } of facetsOf(record)) addFacet.run(kind, value, position, label ?? null)
        setTrend.run(startTrend(record.submittedAt), position)
      }
  },
  // Every paper with a definition was taken for one that runs; those that do are written again.
  `DELETE FROM facets WHERE kind = 'has' AND value = 'runs'`,
  `-- The key that a paper had at first, where it has another now.
  ALTER TABLE papers ADD COLUMN firstKey TEXT`,
]

/** A paper with its place in the library. */
export interface Row {
  position: number
  record: PaperRecord
}

export type Outcome = 'added' | 'updated' | 'unchanged'

export type PaperStore = ReturnType<typeof openPaperStore>

/** Opens the tables, made where they are missing. What changes papers must be called within a transaction. */
export function openPaperStore(database: DatabaseSync) {
  migrate(database, 'library', steps)
  const statement = (sql: string) => database.prepare(sql)
  const byKey = statement('SELECT position, record FROM papers WHERE key = ?')
  const byArxivId = statement('SELECT position, record FROM papers WHERE arxivId = ?')
  const bySlug = statement('SELECT position, record FROM papers WHERE slug = ?')
  const byAlias = statement(
    'SELECT papers.position, record FROM aliases JOIN papers ON papers.position = aliases.position WHERE alias = ?',
  )
  const byPosition = statement('SELECT position, record FROM papers WHERE position = ?')
  const byTitle = statement(
    `SELECT sequence, family, year, papers.position, record FROM sightings
     JOIN papers ON papers.position = sightings.position
     WHERE title = ?1 AND (?2 = '' OR arxivId IS NULL OR arxivId = ?2)`,
  )
  // A statement that could be taken back by itself makes FTS5 write its words for every paper, which takes most of an
  // import's time: one that fails here leaves the transaction to be taken back.
  const insert = statement(
    'INSERT OR FAIL INTO papers (key, arxivId, slug, publishedAt, submittedAt, record, trend) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )
  const update = statement(
    `UPDATE OR FAIL papers SET key = ?1, arxivId = ?2, slug = ?3, publishedAt = ?4, submittedAt = ?5, record = ?6,
       firstKey = iif(key = ?1, firstKey, ifnull(firstKey, key)) WHERE position = ?7`,
  )
  const remove = statement('DELETE FROM papers WHERE position = ?')
  const addAlias = statement('INSERT OR IGNORE INTO aliases (alias, position) VALUES (?, ?)')
  const dropAlias = statement('DELETE FROM aliases WHERE alias = ?')
  const addSighting = statement('INSERT OR IGNORE INTO sightings (title, family, year, position) VALUES (?, ?, ?, ?)')
  const moveAliases = statement('UPDATE aliases SET position = ? WHERE position = ?')
  const moveSightings = statement('UPDATE OR IGNORE sightings SET position = ? WHERE position = ?')
  const moveSeeds = statement('UPDATE seeds SET position = ? WHERE position = ?')
  // What the loser has and the winner has not; the rest goes with the loser.
  const moveReading = ['tagged', 'listed', 'ran'].map(table =>
    statement(`UPDATE OR IGNORE ${table} SET position = ? WHERE position = ?`),
  )
  const joinMarks = statement(
    `INSERT INTO marks SELECT ?1, votedAt, openedAt, readAt, hiddenAt, note, notedAt FROM marks WHERE position = ?2
     ON CONFLICT (position) DO UPDATE SET
       votedAt = min(ifnull(votedAt, excluded.votedAt), ifnull(excluded.votedAt, votedAt)),
       openedAt = max(ifnull(openedAt, excluded.openedAt), ifnull(excluded.openedAt, openedAt)),
       readAt = ifnull(readAt, excluded.readAt), hiddenAt = ifnull(hiddenAt, excluded.hiddenAt),
       note = CASE WHEN note IS NULL OR excluded.note IS NULL THEN ifnull(note, excluded.note) ELSE note || char(10, 10) || excluded.note END,
       notedAt = max(ifnull(notedAt, excluded.notedAt), ifnull(excluded.notedAt, notedAt))`,
  )
  // A transaction raises the revision once, at its end.
  const revision = statement('SELECT revision FROM library')
  const changeWords = statement(
    'INSERT INTO wordChanges (position, revision) VALUES (?1, ?2) ON CONFLICT (position) DO UPDATE SET revision = ?2',
  )
  const changedWords = (position: number) => changeWords.run(position, Number(revision.get()!.revision) + 1)
  const addFacet = statement('INSERT OR IGNORE INTO facets (kind, value, position, label) VALUES (?, ?, ?, ?)')
  const dropFacets = statement('DELETE FROM facets WHERE position = ?')
  const trend = openTrend(database)
  const unindex = statement('DELETE FROM search WHERE rowid = ?')
  const index = statement(
    `INSERT INTO search (rowid, title, authors, text, topics, organization, titleJoined, textJoined)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  )

  function columns(record: PaperRecord): SQLInputValue[] {
    const { key, arxivId, slug, publishedAt, submittedAt } = record
    return [key, arxivId ?? null, slug ?? null, publishedAt ?? null, submittedAt, JSON.stringify(record)]
  }

  function indexWords(position: number, record: PaperRecord): void {
    unindex.run(position)
    index.run(position, ...searchColumns(record))
    changedWords(position)
  }

  /** Remembers under what the paper was seen. */
  function remember(position: number, seen: Pick<ImportedRecord, 'title' | 'authors' | 'publishedAt' | 'doi'>): void {
    const { title, family = '', year = 0 } = fingerprintOf(seen)
    addSighting.run(title, family, year, position)
    if (seen.doi) addAlias.run(`doi:${seen.doi}`, position)
  }

  function indexFacets(position: number, record: PaperRecord): void {
    for (const { kind, value, label } of facetsOf(record)) addFacet.run(kind, value, position, label ?? null)
  }

  function add(record: PaperRecord): Row {
    const position = Number(insert.run(...columns(record), startTrend(record.submittedAt)).lastInsertRowid)
    remember(position, record)
    indexWords(position, record)
    indexFacets(position, record)
    return { position, record }
  }

  /** Writes a paper's new state. Where its key changed, the old one becomes an alias. */
  function replace(before: Row, record: PaperRecord): Row {
    update.run(...columns(record), before.position)
    if (record.key !== before.record.key) {
      dropAlias.run(record.key)
      addAlias.run(before.record.key, before.position)
    }
    remember(before.position, record)
    if (searchColumns(record).join('\0') !== searchColumns(before.record).join('\0'))
      indexWords(before.position, record)
    if (JSON.stringify(facetsOf(record)) !== JSON.stringify(facetsOf(before.record))) {
      dropFacets.run(before.position)
      indexFacets(before.position, record)
    }
    if (record.submittedAt !== before.record.submittedAt) trend.refresh(before.position)
    return { position: before.position, record }
  }

  /** Makes two rows one: `loser`'s keys and everything it was seen under lead to `winner` from now on. */
  function absorb(winner: Row, loser: Row): Row {
    const { summary, topics, slug, runs } = loser.record
    const merged = mergeRecord(winner.record, loser.record)
    merged.summary ??= summary
    merged.slug ??= slug
    merged.runs ??= runs
    if (!merged.topics.length) merged.topics = topics
    moveAliases.run(winner.position, loser.position)
    moveSightings.run(winner.position, loser.position)
    moveSeeds.run(winner.position, loser.position)
    for (const move of moveReading) move.run(winner.position, loser.position)
    joinMarks.run(winner.position, loser.position)
    unindex.run(loser.position)
    changedWords(loser.position)
    remove.run(loser.position)
    addAlias.run(loser.record.key, winner.position)
    if (slug && slug !== merged.slug) addAlias.run(slug, winner.position)
    const row = replace(winner, { ...merged, key: keyOf(merged) })
    trend.refresh(winner.position)
    return row
  }

  /**
   * The papers that a record is about, the one that keeps its key first: by arXiv id, then by key or DOI, then by
   * fingerprint. Never two with different arXiv ids.
   */
  function find(
    incoming: Pick<ImportedRecord, 'arxivId' | 'key' | 'doi' | 'title' | 'authors' | 'publishedAt'>,
  ): Row[] {
    const found: Row[] = []
    let arxivId = incoming.arxivId
    const take = (row: Row | undefined) => {
      if (!row || found.some(other => other.position === row.position)) return
      if (arxivId && row.record.arxivId && row.record.arxivId !== arxivId) return
      arxivId ??= row.record.arxivId
      found.push(row)
    }
    if (arxivId) take(toRow(byArxivId.get(arxivId)))
    if (incoming.key) take(named(incoming.key))
    if (incoming.doi) take(named(`doi:${incoming.doi}`))
    const fingerprint = fingerprintOf(incoming)
    take(named(fingerprintKey(fingerprint)))
    take(bestSighting(fingerprint, arxivId))
    return found
  }

  function bestSighting(wanted: Fingerprint, arxivId: string | undefined): Row | undefined {
    let best: { distance: number; sequence: number; row: Row } | undefined
    for (const seen of byTitle.iterate(wanted.title, arxivId ?? '')) {
      const family = String(seen.family) || undefined
      const year = Number(seen.year) || undefined
      if (!sameFingerprint(wanted, { title: wanted.title, family, year })) continue
      const row = toRow(seen)!
      const exact = family === wanted.family && year === wanted.year
      // A paper that was once seen without its author is not anybody's.
      if (!exact && !sameFingerprint(wanted, { ...fingerprintOf(row.record), title: wanted.title })) continue
      // What was seen exactly so before comes first, then what is known as exactly; then whatever was seen first.
      const distance = exact ? 0 : 1 + Math.abs((wanted.year ?? 0) - (year ?? wanted.year ?? 0))
      const sequence = Number(seen.sequence)
      if (!best || distance < best.distance || (distance === best.distance && sequence < best.sequence))
        best = { distance, sequence, row }
    }
    return best?.row
  }

  function named(key: string): Row | undefined {
    return toRow(byKey.get(key)) ?? toRow(byAlias.get(key))
  }

  /** Puts a record in: as a new paper, or merged with the one it is about. */
  function put(incoming: ImportedRecord, moment: string): Outcome {
    const [first, ...others] = find(incoming)
    if (!first) {
      const { key = '', ...fields } = incoming
      const submittedAt = incoming.submittedAt && incoming.submittedAt < moment ? incoming.submittedAt : moment
      const fetchedAt = incoming.fetchedAt && incoming.fetchedAt < moment ? incoming.fetchedAt : moment
      const ownKey = key || fingerprintKey(fingerprintOf(incoming))
      const record: PaperRecord = { ...fields, key: ownKey, submittedAt, fetchedAt, topics: [] }
      add({ ...record, key: keyOf(record) })
      return 'added'
    }
    let row = first
    for (const other of others) row = absorb(row, other)
    const merged = mergeRecord(row.record, incoming)
    merged.key = keyOf(merged)
    remember(row.position, incoming)
    if (sameRecord(merged, row.record)) return others.length ? 'updated' : 'unchanged'
    replace(row, { ...merged, fetchedAt: moment })
    return 'updated'
  }

  return {
    add,
    replace,
    absorb,
    find,
    put,
    named,
    byArxivId: (id: string) => toRow(byArxivId.get(id)),
    bySlug: (slug: string) => toRow(bySlug.get(slug)),
    byPosition: (position: number) => toRow(byPosition.get(position)),
    /** Puts a paper's words into the index anew. */
    indexWords,
    byKey: (key: string) => toRow(byKey.get(key)),
  }
}

export function toRow(row: Record<string, unknown> | undefined): Row | undefined {
  return row && { position: Number(row.position), record: JSON.parse(String(row.record)) }
}
