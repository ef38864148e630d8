/**
 * Which papers conditions let through, for who asks of hundreds or thousands of them: the index of words in memory. A filter
 * is asked paper by paper where few come; of more, all of its papers are read at once as a set of bits, which is kept until
 * the database changes.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { type Condition, selectOf } from './conditions.ts'
import { kept } from './kept.ts'
import type { Node } from './query.ts'

/** To read the set of a filter costs as much as to ask of a hundred to a few thousand papers. */
const mostAskedSingly = 100
const mostSets = 50

type Allows = (position: number) => boolean

export function openAllowed(database: DatabaseSync, prepare: (sql: string) => StatementSync) {
  // One moves with every change of ours, the other with those of other processes.
  const changes = database.prepare('SELECT total_changes() AS own')
  const version = database.prepare('PRAGMA data_version')
  const sets = kept(mostSets, (_: string, _changes: unknown, _version: unknown): { bits?: Uint8Array } => ({}))

  function isIn({ sql, values }: Condition, singly: number): Allows {
    const set = sets(changes.get()!.own, version.get()!.data_version)(JSON.stringify([sql, values]))
    const one = prepare(`SELECT 1 FROM (${sql}) WHERE position = ?`)
    let asked = 0
    return position => {
      if (!set.bits && asked++ < singly) return one.get(...values, position) !== undefined
      set.bits ??= bitsOf(
        numbersOf(prepare(`SELECT group_concat(position) AS list FROM (${sql})`).get(...values)!.list),
      )
      return (set.bits[position >> 3] & (1 << (position & 7))) !== 0
    }
  }

  function allows(node: Node): Allows {
    const select = selectOf(node)
    // FTS5 answers wrongly whether one row matches (SQLite 3.53: `MATCH ? AND rowid = ?`); all of them it gives rightly.
    if (select) return isIn(select, 'filter' in node ? mostAskedSingly : 0)
    if ('not' in node) {
      const inner = allows(node.not)
      return position => !inner(position)
    }
    if ('all' in node) return every(node.all)
    const parts = 'any' in node ? node.any.map(allows) : []
    return position => parts.some(part => part(position))
  }

  function every(nodes: Node[]): Allows {
    const parts = nodes.map(allows)
    return parts.length === 1 ? parts[0] : position => parts.every(part => part(position))
  }

  /** @returns undefined where there is no condition */
  return (conditions: Node[]): Allows | undefined => (conditions.length ? every(conditions) : undefined)
}

/** What `group_concat` gave, null where there was none: many times as quick to read as rows are. */
export function numbersOf(list: unknown): number[] {
  return JSON.parse(`[${list ?? ''}]`)
}

function bitsOf(positions: number[]): Uint8Array {
  let last = 0
  for (const position of positions) last = Math.max(last, position)
  const bits = new Uint8Array((last >> 3) + 1)
  for (const position of positions) bits[position >> 3] |= 1 << (position & 7)
  return bits
}
