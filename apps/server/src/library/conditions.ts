/** A query as SQL: which positions of papers it is true for. */
import type { SQLInputValue } from 'node:sqlite'
import { nameInAddress } from './facets.ts'
import { expressionOf, type Filter, type Node, type Query } from './query.ts'

export interface Condition {
  sql: string
  values: SQLInputValue[]
}

const select = (sql: string, ...values: SQLInputValue[]): Condition => ({ sql, values })

const marked = (column: string) => select(`SELECT position FROM marks WHERE ${column} IS NOT NULL`)

const marks: Record<string, Condition> = {
  read: marked('readAt'),
  opened: marked('openedAt'),
  voted: marked('votedAt'),
  hidden: marked('hiddenAt'),
  note: marked('note'),
}

/**
 * @param at the expression that gives a paper's position
 */
export function conditionOf(node: Node, at: string): Condition {
  const set = selectOf(node)
  if (set) return { sql: `${at} IN (${set.sql})`, values: set.values }
  if ('not' in node) {
    const { sql, values } = conditionOf(node.not, at)
    return { sql: `NOT (${sql})`, values }
  }
  if ('all' in node) return joined(node.all, ' AND ', at)
  if ('any' in node) return joined(node.any, ' OR ', at)
  throw new Error('a word or a filter is always one statement')
}

/** What gives the positions of the papers that one filter or some words are true for; undefined where it is not one statement. */
export function selectOf(node: Node): Condition | undefined {
  const words = expressionOf(node)
  if (words !== undefined) return select('SELECT rowid AS position FROM search WHERE search MATCH ?', words)
  return 'filter' in node ? selectFilter(node) : undefined
}

/** By text, so that the index answers: `2020` stands before `2020-01-01`. */
function selectDates({ from, to }: { from?: string; to?: string }): Condition {
  // What is known as 2020 does not begin before 2020-01-01.
  const end = to?.replace(/(?:-01)+$/, '')
  const bounds = [from, end].filter(bound => bound !== undefined)
  const between = [from && 'publishedAt >= ?', end && 'publishedAt < ?'].filter(Boolean).join(' AND ')
  // Of which only the year or the month is known, that may be of any day in it.
  const rough = from ? [from.slice(0, 4), from.slice(0, 7)] : []
  const orRough = rough.length ? ' OR publishedAt IN (?, ?)' : ''
  return select(`SELECT position FROM papers WHERE ${between}${orRough}`, ...bounds, ...rough)
}

function selectFilter(node: Filter): Condition {
  if (node.filter === 'date') return selectDates(node)
  const { filter, value } = node
  switch (filter) {
    case 'category':
      // An archive has its classes in it: `cs` is all from `cs.` up to `cs/`.
      return value.includes('.')
        ? select(`SELECT position FROM facets WHERE kind = 'category' AND value = ?`, value)
        : select(
            `SELECT position FROM facets WHERE kind = 'category' AND (value = ? OR (value >= ? AND value < ?))`,
            value,
            `${value}.`,
            `${value}/`,
          )
    case 'author':
    case 'organization':
    case 'has':
      return select('SELECT position FROM facets WHERE kind = ? AND value = ?', filter, value)
    case 'tag':
      return select(
        `SELECT position FROM tagged WHERE tag = ? UNION ALL SELECT position FROM facets WHERE kind = 'topic' AND value = ?`,
        value.toLowerCase(),
        nameInAddress(value),
      )
    case 'list':
      return select('SELECT position FROM listed JOIN lists ON lists.id = list WHERE name = ?', value)
    case 'since':
      return select('SELECT position FROM papers WHERE submittedAt > ?', value)
    case 'key':
      return select('SELECT position FROM papers WHERE key = ?', value)
    case 'mark':
      return marks[value]
  }
}

/** Further conditions as they stand behind others; `at` is the expression of a paper's position. */
export function also(rest: Node[], at: string): Condition {
  if (!rest.length) return { sql: '', values: [] }
  // The plus keeps SQLite from asking the index of words once for each position of the list.
  const { sql, values } = conditionOf({ all: rest }, at)
  return { sql: ` AND ${sql}`, values }
}

/** The same for the table of papers. */
export function positionsOf({ match, rest }: { match?: string; rest: Node[] }): Condition {
  const { sql, values } = also(rest, 'position')
  return match
    ? { sql: ` AND position IN (SELECT rowid FROM search WHERE search MATCH ?)${sql}`, values: [match, ...values] }
    : { sql, values }
}

function joined(nodes: Node[], operator: string, at: string): Condition {
  const parts = nodes.map(node => conditionOf(node, at))
  return { sql: `(${parts.map(part => part.sql).join(operator)})`, values: parts.flatMap(part => part.values) }
}

/** Whether a query has this filter anywhere: what is asked for is not left out. */
export function asksFor({ nodes }: Query, wanted: Node): boolean {
  const text = JSON.stringify(wanted)
  const asks = (node: Node): boolean => {
    if ('not' in node) return asks(node.not)
    if ('all' in node) return node.all.some(asks)
    if ('any' in node) return node.any.some(asks)
    return JSON.stringify(node) === text
  }
  return nodes.some(asks)
}
