/** The papers that came in between two moments, of all or of a search: what a digest is made of. */
import type { DatabaseSync } from 'node:sqlite'
import { positionsOf } from './conditions.ts'
import { matchExpression, parseQuery } from './query.ts'

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

/** Whether a search can be followed by others: it looks for something, and not for what the owner of the library does. */
export function isSearchable(query: string): boolean {
  const { nodes, personal } = parseQuery(query)
  return nodes.length > 0 && !personal
}

/** Opens the tables of the library, which must be there, for `arrivals` and `last`. Withdrawn papers are left out. */
export function openArrivals(database: DatabaseSync) {
  const window = `FROM papers WHERE submittedAt > ? AND submittedAt <= ? AND (submittedAt > ? OR position > ?)
    AND json_extract(record, '$.withdrawn') IS NOT 1`
  const lastPosition = database.prepare('SELECT max(position) AS position FROM papers')

  return {
    arrivals({ after, until, seen, query = '' }: ArrivalsWanted): Arrivals {
      const late = seen === undefined ? after : new Date(Date.parse(after) - lateMs).toISOString()
      const { sql, values } = positionsOf(matchExpression(parseQuery(query).nodes))
      const all = [late, until, after, seen ?? Number.MAX_SAFE_INTEGER, ...values]
      const order = `ORDER BY submittedAt DESC, position DESC LIMIT ${mostKeys}`
      const found = database
        .prepare(`SELECT key ${window}${sql} ${order}`)
        .all(...all)
        .map(row => String(row.key))
      const count = () => Number(database.prepare(`SELECT count(*) AS total ${window}${sql}`).get(...all)!.total)
      return { keys: found, total: found.length < mostKeys ? found.length : count() }
    },
    /** The last place in the library; 0 where it is empty. */
    last: (): number => Number(lastPosition.get()!.position ?? 0),
  }
}
