/** The library of papers: what is in it, how it is found, and how more comes in. */
import type { DatabaseSync } from 'node:sqlite'
import { transaction } from '../database.ts'
import { findIdentifier } from './identifiers.ts'
import { openImports } from './imports.ts'
import { exportedRecord } from './jsonl.ts'
import { isDay } from './listing.ts'
import { periodAround, periodOf } from './period.ts'
import { openPreview } from './preview.ts'
import { openSearch } from './search.ts'
import { seedPapers } from './seed.ts'
import { openPaperStore, type Row, toRow } from './store.ts'
import { keepTopicIds } from './topic-ids.ts'
import type { Library, PaperRecord, Redirect, SimilarPaper, Topic } from './types.ts'
import type { PaperVectors } from './vectors.ts'

export type { Library } from './types.ts'

const rowsAtOnce = 500

/**
 * Opens the library in a database, and makes its tables where they are missing.
 *
 * @example
 * const library = createLibrary(openDatabase('offprint.db'))
 * await library.importStream(createReadStream('listing.txt'), { name: 'listing.txt' })
 * library.search('k-medoids').papers[0].title
 *
 * @param options.now the clock; default the system's
 * @param options.vectors gives the papers' vectors, as far as there are any: without them papers are found by words alone
 */
export function createLibrary(
  database: DatabaseSync,
  {
    now = () => new Date(),
    vectors = () => undefined,
  }: { now?: () => Date; vectors?: () => PaperVectors | undefined } = {},
): Library {
  const store = openPaperStore(database)
  const bump = database.prepare('UPDATE library SET revision = revision + 1')
  const state = database.prepare('SELECT revision, topicsRevision FROM library')
  const storedTopics = database.prepare('SELECT topics FROM library')
  const saveTopics = database.prepare('UPDATE library SET topics = ?, topicsRevision = ?')
  const count = database.prepare('SELECT count(*) AS total FROM papers')
  const after = database.prepare('SELECT position, record FROM papers WHERE position > ? ORDER BY position LIMIT ?')
  const between = database.prepare(
    'SELECT position, record FROM papers WHERE submittedAt >= ? AND submittedAt < ? ORDER BY submittedAt, position LIMIT ? OFFSET ?',
  )
  const countBetween = database.prepare(
    'SELECT count(*) AS total FROM papers WHERE submittedAt >= ? AND submittedAt < ?',
  )
  const lastBefore = database.prepare('SELECT max(submittedAt) AS moment FROM papers WHERE submittedAt < ?')
  const firstFrom = database.prepare(
    'SELECT min(submittedAt) AS moment FROM papers WHERE submittedAt >= ? AND submittedAt <= ?',
  )
  const dayOf = (row: Record<string, unknown> | undefined) =>
    row?.moment ? String(row.moment).slice(0, 10) : undefined
  const changed = () => void bump.run()
  const imports = openImports(database, store, now, changed)

  function* rows(): Generator<Row> {
    for (let position = 0; ; ) {
      const page = after.all(position, rowsAtOnce).map(row => toRow(row)!)
      yield* page
      if (page.length < rowsAtOnce) return
      position = page.at(-1)!.position
    }
  }

  function findRedirect(text: string): Redirect | undefined {
    const identifier = findIdentifier(text)
    if (identifier?.kind === 'arxiv') {
      const row = store.byArxivId(identifier.id)
      if (row) return { redirect: row.record.key, ...(identifier.version ? { version: identifier.version } : {}) }
    }
    const row =
      store.named(text) ??
      store.named(text.toLowerCase()) ??
      (identifier?.kind === 'doi' ? store.named(`doi:${identifier.doi}`) : undefined) ??
      store.bySlug(text) ??
      store.bySlug(text.toLowerCase())
    return row && { redirect: row.record.key }
  }

  // Of a large library the topics are megabytes of JSON: parsed once for each time that they are computed.
  let parsed: { revision: unknown; topics: Topic[] } | undefined

  function topics(): Topic[] {
    const revision = state.get()!.topicsRevision
    if (parsed?.revision !== revision) {
      const stored = storedTopics.get()!.topics
      parsed = { revision, topics: stored ? JSON.parse(String(stored)) : [] }
    }
    return parsed!.topics
  }

  function similar(key: string, most = 6): SimilarPaper[] {
    const paper = store.byKey(key)?.record
    const known = vectors()
    if (!paper || !known) return []
    const found: SimilarPaper[] = []
    for (const near of known.nearestTo(key, 3 * most)) {
      if (found.length === most) break
      const other = store.byKey(near.key)?.record
      const shared = other && known.shared(paper, other)
      if (shared?.length) found.push({ paper: other!, similarity: near.similarity, shared })
    }
    return found
  }

  const library: Library = {
    ...imports,
    ...openPreview(database, now),
    search: openSearch(database, store, vectors),
    seed: papers => seedPapers(database, store, papers, now, changed),
    paper(keyOrId): PaperRecord | Redirect | undefined {
      const text = keyOrId.slice(0, 1000).toWellFormed().trim()
      return store.byKey(text)?.record ?? findRedirect(text)
    },
    period(name, { limit = 100, offset = 0 } = {}) {
      const today = now().toISOString()
      const period = periodOf(name)
      if (!period || period.start > today.slice(0, 10)) return undefined
      const { kind, start, end } = period
      const previous = dayOf(lastBefore.get(start))
      const next = dayOf(firstFrom.get(end, today))
      const last = dayOf(lastBefore.get(end))
      const inside = last && last >= start ? last : start
      return {
        ...period,
        around: {
          day: inside,
          week: periodAround(inside, 'week').name,
          month: periodAround(inside, 'month').name,
        },
        papers: between.all(start, end, limit, offset).map(row => toRow(row)!.record),
        total: Number(countBetween.get(start, end)!.total),
        ...(previous ? { previous: periodAround(previous, kind).name } : {}),
        ...(next ? { next: periodAround(next, kind).name } : {}),
      }
    },
    day(date, options) {
      const period = isDay(date) ? library.period(date, options) : undefined
      if (!period) return undefined
      const { name, papers, total, previous, next } = period
      return { date: name, papers, total, ...(previous ? { previous } : {}), ...(next ? { next } : {}) }
    },
    latestDay: () => dayOf(lastBefore.get(`${now().toISOString()}~`)),
    similar,
    vectorsRevision: () => vectors()?.revision,
    count: () => Number(count.get()!.total),
    *records() {
      for (const { record } of rows()) yield record
    },
    *exportRecords() {
      for (const { record } of rows()) yield exportedRecord(record)
    },
    revision: () => Number(state.get()!.revision),
    topics,
    topic: id => topics().find(topic => topic.id === id),
    topicsRevision() {
      const { topicsRevision } = state.get()!
      return topicsRevision === null ? undefined : Number(topicsRevision)
    },
    saveTopics(computed, revision) {
      parsed = undefined
      transaction(database, () => saveTopics.run(JSON.stringify(keepTopicIds(topics(), computed)), revision))
      parsed = undefined
    },
  }
  return library
}
