/** The papers that came in between two moments, of all or of a search: what a digest is made of. */
import type { DatabaseSync } from 'node:sqlite'
import { excludedExpression, matchExpression, parseQuery } from './query.ts'

export interface ArrivalsWanted {
  /** After this moment and up to the other, both ISO 8601 in UTC with milliseconds, by `submittedAt`. */
  after: string
  until: string
  /**
   * The last place in the library that was looked at before. What came in behind it counts although it appeared up to two
   * days before `after`: an import may bring yesterday's papers today. Without it only the moments count.
   */
  seen?: number
  /** Only what has all words of this search; empty for all papers. */
  query?: string
}

export interface Arrivals {
  /** Keys of the newest 1,000, newest first. */
  keys: string[]
  /** How many there are. */
  total: number
}

const mostKeys = 1000
const lateMs = 2 * 86_400_000

/** Whether a search has anything that can be looked for. */
export function isSearchable(query: string): boolean {
  const { required, excluded } = parseQuery(query)
  return required.length + excluded.length > 0
}

/** Opens the tables of the library, which must be there, for `arrivals` and `last`. Withdrawn papers are left out. */
export function openArrivals(database: DatabaseSync) {
  const window = `FROM papers WHERE submittedAt > ?1 AND submittedAt <= ?2 AND (submittedAt > ?3 OR position > ?4)
    AND json_extract(record, '$.withdrawn') IS NOT 1`
  const matched = 'IN (SELECT rowid FROM search WHERE search MATCH ?5)'
  const prepared = [window, `${window} AND position ${matched}`, `${window} AND position NOT ${matched}`].map(sql => ({
    keys: database.prepare(`SELECT key ${sql} ORDER BY submittedAt DESC, position DESC LIMIT ${mostKeys}`),
    count: database.prepare(`SELECT count(*) AS total ${sql}`),
  }))
  const lastPosition = database.prepare('SELECT max(position) AS position FROM papers')

  return {
    arrivals({ after, until, seen, query = '' }: ArrivalsWanted): Arrivals {
      const late = seen === undefined ? after : new Date(Date.parse(after) - lateMs).toISOString()
      const bounds = [late, until, after, seen ?? Number.MAX_SAFE_INTEGER]
      const parsed = parseQuery(query)
      const expression = matchExpression(parsed)
      const without = parsed.excluded.length ? excludedExpression(parsed.excluded) : undefined
      const { keys, count } = prepared[expression ? 1 : without ? 2 : 0]
      const words = expression ?? without
      const values = words === undefined ? bounds : [...bounds, words]
      const found = keys.all(...values).map(row => String(row.key))
      return { keys: found, total: found.length < mostKeys ? found.length : Number(count.get(...values)!.total) }
    },
    /** The last place in the library; 0 where it is empty. */
    last: (): number => Number(lastPosition.get()!.position ?? 0),
  }
}
