/** The library of papers: what is in it, how it is found, and how more comes in. */
import type { DatabaseSync } from 'node:sqlite'
import { transaction } from '../database.ts'
import { findIdentifier } from './identifiers.ts'
import { openImports } from './imports.ts'
import { kept } from './kept.ts'
import { isDay } from './listing.ts'
import { periodAround, periodOf } from './period.ts'
import { openPreview } from './preview.ts'
import { openReading } from './reading.ts'
import { openSearch, orders } from './search.ts'
import { seedPapers } from './seed.ts'
import { openPaperStore, type Row, toRow } from './store.ts'
import { keepTopicIds } from './topic-ids.ts'
import { hotness } from './trend.ts'
import type { Library, PaperRecord, Redirect, SimilarPaper, Topic } from './types.ts'
import type { PaperVectors } from './vectors.ts'
import { computeWordIndex, openWordIndex, wordsRevision } from './word-index.ts'

export type { Library } from './types.ts'

const rowsAtOnce = 500
/** Answers that are kept for as long as the library stays as it is. */
const mostKept = 1000

/** A place in the order of what trends. */
const firstCursor = { trend: Number.MAX_VALUE, published: '~', key: '' }

function readCursor(text: string | undefined): typeof firstCursor | undefined {
  try {
    const [trend, published, key] = JSON.parse(Buffer.from(text ?? '', 'base64url').toString())
    return typeof trend === 'number' && typeof published === 'string' && typeof key === 'string'
      ? { trend, published, key }
      : undefined
  } catch {
    return undefined
  }
}

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
 * @param options.patient nobody waits until a newer index of words is opened; default false
 * @param options.wordsFolder where their words lie for quick searches; without it SQLite answers them all
 */
export function createLibrary(
  database: DatabaseSync,
  {
    now = () => new Date(),
    vectors = () => undefined,
    wordsFolder,
    patient = false,
  }: { now?: () => Date; vectors?: () => PaperVectors | undefined; wordsFolder?: string; patient?: boolean } = {},
): Library {
  const store = openPaperStore(database)
  const bump = database.prepare('UPDATE library SET revision = revision + 1')
  const state = database.prepare('SELECT revision, topicsRevision FROM library')
  const storedTopics = database.prepare('SELECT topics FROM library')
  const saveTopics = database.prepare('UPDATE library SET topics = ?, topicsRevision = ?')
  const count = database.prepare('SELECT count(*) AS total FROM papers')
  const firstKeys = database.prepare(
    'SELECT key, firstKey FROM papers WHERE key IN (SELECT value FROM json_each(?)) AND firstKey IS NOT NULL',
  )
  const after = database.prepare('SELECT position, record FROM papers WHERE position > ? ORDER BY position LIMIT ?')
  const inPeriod = 'FROM papers WHERE submittedAt >= ? AND submittedAt < ?'
  const notHidden = 'AND position NOT IN (SELECT position FROM marks WHERE hiddenAt IS NOT NULL)'
  const between = (order: string, hidden = '') =>
    database.prepare(`SELECT position, record ${inPeriod} ${hidden} ORDER BY ${order} LIMIT ? OFFSET ?`)
  const ordered = {
    arrival: [between('submittedAt, position'), between('submittedAt, position', notHidden)],
    trending: [between(orders.trending), between(orders.trending, notHidden)],
    top: [between(orders.top), between(orders.top, notHidden)],
  }
  const countBetween = database.prepare(`SELECT count(*) AS total ${inPeriod}`)
  const countHidden = database.prepare(
    `SELECT count(*) AS total FROM marks CROSS JOIN papers USING (position)
     WHERE hiddenAt IS NOT NULL AND submittedAt >= ? AND submittedAt < ?`,
  )
  // A day may have tens of thousands of papers: counted once for each state of the library.
  const periods = kept(mostKept, (period: string, _revision: number) =>
    Number(countBetween.get(...period.split(' '))!.total),
  )
  const countPeriod = (start: string, end: string) => periods(library.revision())(`${start} ${end}`)
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

  // What two papers share is read off their texts, which takes its time; most pages are asked for again.
  const similarTo = kept(mostKept, (name: string, known: PaperVectors, _revision: number) => {
    const [most, ...key] = name.split(' ')
    return findSimilar(known, key.join(' '), Number(most))
  })

  function similar(key: string, most = 6): SimilarPaper[] {
    const known = vectors()
    return known ? similarTo(known, library.revision())(`${most} ${key}`) : []
  }

  function findSimilar(known: PaperVectors, key: string, most: number): SimilarPaper[] {
    const paper = store.byKey(key)?.record
    if (!paper) return []
    const found: SimilarPaper[] = []
    for (const near of known.nearestTo(key, 3 * most)) {
      if (found.length === most) break
      const other = store.byKey(near.key)?.record
      const shared = other && known.shared(paper, other)
      if (shared && (shared.length || known.byMeaning))
        found.push({ paper: other!, similarity: near.similarity, shared })
    }
    return found
  }

  const { search, found, show, filtered, countSince } = openSearch(
    database,
    store,
    vectors,
    wordsFolder === undefined ? undefined : openWordIndex(database, store, wordsFolder, { patient }),
  )
  const facetLabel = database.prepare(
    'SELECT label FROM facets WHERE kind = ? AND value = ? ORDER BY position DESC LIMIT 1',
  )
  const facetValues = database.prepare(
    `SELECT value, count(*) AS count, min(label) AS label FROM facets WHERE kind = ? GROUP BY value
     ORDER BY count DESC, value LIMIT ?`,
  )
  const shownInTrending = `position NOT IN (SELECT position FROM facets WHERE kind = 'has' AND value = 'withdrawn') ${notHidden}`
  const trendingAfter = database.prepare(
    `SELECT position, record, trend, publishedAt, key FROM papers
     WHERE trend <= :trend AND (trend < :trend OR ifnull(publishedAt, '') < :published
       OR (ifnull(publishedAt, '') = :published AND key > :key)) AND ${shownInTrending}
     ORDER BY ${orders.trending} LIMIT :limit`,
  )
  const hotCandidates = database.prepare(
    `SELECT position, record, position IN (SELECT position FROM marks WHERE votedAt IS NOT NULL) AS voted FROM papers
     WHERE ${shownInTrending} ORDER BY ${orders.trending} LIMIT 1000`,
  )

  const library: Library = {
    ...imports,
    ...openPreview(database, now),
    reading: openReading(database, store, now),
    search,
    found,
    show,
    countSince,
    facet(kind, value, options = {}) {
      const found = filtered({ filter: kind, value }, options)
      const label = facetLabel.get(kind, value)?.label
      return found.total ? { label: String(label ?? value), ...found } : undefined
    },
    facetValues: (kind, limit = 500) =>
      facetValues.all(kind, limit).map(({ value, count, label }) => ({
        value: String(value),
        count: Number(count),
        ...(label === null ? {} : { label: String(label) }),
      })),
    trending({ limit = 50, after } = {}) {
      const rows = trendingAfter.all({ ...(readCursor(after) ?? firstCursor), limit: limit + 1 })
      const last = rows.length > limit ? rows[limit - 1] : undefined
      const cursor = last && [last.trend, last.publishedAt ?? '', last.key]
      return {
        papers: rows.slice(0, limit).map(row => toRow(row)!.record),
        ...(cursor ? { next: Buffer.from(JSON.stringify(cursor)).toString('base64url') } : {}),
      }
    },
    *listed(list) {
      const among = 'SELECT position, record FROM papers WHERE position IN (SELECT position FROM listed WHERE list = ?)'
      for (const row of database.prepare(`${among} ORDER BY ${orders.new}`).iterate(list)) yield toRow(row)!.record
    },
    ordered(keys, sort, limit = 100) {
      const among = 'SELECT position, record FROM papers WHERE key IN (SELECT value FROM json_each(?))'
      const rows = database.prepare(`${among} ORDER BY ${orders[sort]} LIMIT ?`).all(JSON.stringify(keys), limit)
      return rows.map(row => toRow(row)!.record)
    },
    hot(limit = 50) {
      const time = now().getTime()
      return hotCandidates
        .all()
        .map((row, place) => {
          const { record } = toRow(row)!
          const votes = (record.externalVotes ?? 0) + Number(row.voted)
          return { record, place, score: hotness(votes, (time - Date.parse(record.submittedAt)) / 3_600_000) }
        })
        .sort((a, b) => b.score - a.score || a.place - b.place)
        .slice(0, limit)
        .map(({ record }) => record)
    },
    seed: papers => seedPapers(database, store, papers, now, changed),
    paper(keyOrId): PaperRecord | Redirect | undefined {
      const text = keyOrId.slice(0, 1000).toWellFormed().trim()
      return store.byKey(text)?.record ?? findRedirect(text)
    },
    firstKeys: keys =>
      new Map(firstKeys.all(JSON.stringify(keys)).map(({ key, firstKey }) => [String(key), String(firstKey)])),
    period(name, { limit = 100, offset = 0, sort = 'arrival', withoutHidden = false } = {}) {
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
        papers: ordered[sort][withoutHidden ? 1 : 0].all(start, end, limit, offset).map(row => toRow(row)!.record),
        total: countPeriod(start, end) - (withoutHidden ? Number(countHidden.get(start, end)!.total) : 0),
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
    revision: () => Number(state.get()!.revision),
    topics,
    topic: id => topics().find(topic => topic.id === id),
    topicsRevision() {
      const { topicsRevision } = state.get()!
      return topicsRevision === null ? undefined : Number(topicsRevision)
    },
    wordsRevision: () => (wordsFolder === undefined ? undefined : wordsRevision(wordsFolder)),
    saveWords: folder => computeWordIndex(database, store, folder),
    saveTopics(computed, revision) {
      parsed = undefined
      transaction(database, () => saveTopics.run(JSON.stringify(keepTopicIds(topics(), computed)), revision))
      parsed = undefined
    },
  }
  return library
}
