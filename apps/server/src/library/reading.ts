/** What the reader of this library makes of its papers: votes, lists, notes, tags, what is read and what is hidden. */
import { createHash, randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { InputError } from '@offprint/kernels'
import { isBusy, transaction, writeBriefly } from '../database.ts'
import { type PaperStore, type Row, toRow } from './store.ts'
import { oneLine } from './text.ts'
import { openTrend } from './trend.ts'
import type { PaperRecord } from './types.ts'

/** What the reader made of one paper. Moments are ISO 8601. */
export interface Marks {
  voted: boolean
  read: boolean
  hidden: boolean
  /** When its page was last opened. */
  openedAt?: string
  note?: string
  /** In lower case, in the order of the alphabet. */
  tags: string[]
  /** Names of lists, in the order of the alphabet. */
  lists: string[]
}

/** What is to change; what is not named stays. */
export interface MarksChange {
  vote?: boolean
  read?: boolean
  hide?: boolean
  /** An empty one is taken away. At most 10,000 characters. */
  note?: string
  /** All of them. */
  tags?: string[]
  /** Puts the paper on this list, made where it is missing. */
  addTo?: string
  removeFrom?: string
}

export interface PaperList {
  id: number
  name: string
  count: number
}

export interface SavedSearch {
  id: number
  query: string
  createdAt: string
  /** When its page was last opened: what came later is new. */
  seenAt: string
}

export interface FeedKey {
  /** What names it where it is taken back; the key itself is not kept. */
  id: string
  name: string
  createdAt: string
  usedAt?: string
}

export type Reading = ReturnType<typeof openReading>

const most = { note: 10_000, name: 60, tags: 20, lists: 500, searches: 200, query: 250, keys: 50 }
/** A page that is loaded again and again is opened once. */
const openedAgainMs = 60_000
const usedAgainMs = 60_000
const retryMs = 1000
const mostTries = 5

export function openReading(database: DatabaseSync, store: PaperStore, now: () => Date) {
  const trend = openTrend(database)
  const statement = (sql: string) => database.prepare(sql)
  const marksOf = statement('SELECT * FROM marks WHERE position = ?')
  const tagsOf = statement('SELECT tag FROM tagged WHERE position = ? ORDER BY tag')
  const listsOf = statement(
    'SELECT name FROM listed JOIN lists ON lists.id = list WHERE position = ? ORDER BY name COLLATE NOCASE',
  )
  const set = Object.fromEntries(
    (['votedAt', 'readAt', 'hiddenAt', 'openedAt'] as const).map(column => [
      column,
      statement(
        `INSERT INTO marks (position, ${column}) VALUES (?1, ?2) ON CONFLICT (position) DO UPDATE SET ${column} = ?2`,
      ),
    ]),
  )
  const setNote = statement(
    `INSERT INTO marks (position, note, notedAt) VALUES (?1, ?2, ?3)
     ON CONFLICT (position) DO UPDATE SET note = ?2, notedAt = ?3`,
  )
  const dropTags = statement('DELETE FROM tagged WHERE position = ? AND tag NOT IN (SELECT value FROM json_each(?))')
  const addTag = statement('INSERT OR IGNORE INTO tagged (tag, position, at) VALUES (?, ?, ?)')
  const listNamed = statement('SELECT id FROM lists WHERE name = ?')
  const addList = statement('INSERT INTO lists (name, createdAt) VALUES (?, ?) RETURNING id')
  const countLists = statement('SELECT count(*) AS total FROM lists')
  const addListed = statement('INSERT OR IGNORE INTO listed (list, position, at) VALUES (?, ?, ?)')
  const dropListed = statement('DELETE FROM listed WHERE list = ? AND position = ?')
  const allLists = statement(
    `SELECT id, name, count(listed.position) AS count FROM lists LEFT JOIN listed ON list = id
     GROUP BY id ORDER BY name COLLATE NOCASE`,
  )
  const allTags = statement('SELECT tag, count(*) AS count FROM tagged GROUP BY tag ORDER BY count DESC, tag')
  const lastOpened = statement(
    `SELECT papers.position, record, openedAt FROM marks JOIN papers USING (position)
     WHERE openedAt IS NOT NULL AND readAt IS NULL AND hiddenAt IS NULL ORDER BY openedAt DESC LIMIT ?`,
  )
  const noted = statement(
    `SELECT papers.position, record, note FROM marks JOIN papers USING (position)
     WHERE note IS NOT NULL ORDER BY notedAt DESC LIMIT ? OFFSET ?`,
  )
  const counts = statement(
    `SELECT count(votedAt) AS voted, count(readAt) AS read, count(hiddenAt) AS hidden, count(note) AS noted,
       count(openedAt) AS opened FROM marks`,
  )
  const touched = statement(
    `SELECT papers.position, record FROM papers WHERE position IN
       (SELECT position FROM marks WHERE coalesce(votedAt, readAt, hiddenAt, note) IS NOT NULL
        UNION SELECT position FROM tagged UNION SELECT position FROM listed)
     AND position > ? ORDER BY position LIMIT 500`,
  )
  const addRan = statement('INSERT OR IGNORE INTO ran (position, day) VALUES (?, ?)')
  const searches = statement('SELECT id, query, createdAt, seenAt FROM savedSearches ORDER BY id')
  const keys = statement('SELECT hash, name, createdAt, usedAt FROM feedKeys ORDER BY createdAt')

  /**
   * Notes what happened beside what was asked for: the reader does not wait for it, nor hear of it where it cannot be
   * written. Where another process is writing, it is tried again later.
   */
  function inPassing(write: () => void, tries = mostTries): void {
    try {
      writeBriefly(database, write)
    } catch (error) {
      if (isBusy(error) && tries > 1) setTimeout(() => database.isOpen && inPassing(write, tries - 1), retryMs).unref()
      else console.error(`reading: ${(error as Error).message}`)
    }
  }

  function rowOf(key: string): Row {
    const row = store.byKey(key) ?? store.named(key)
    if (!row) throw new InputError('paper', `'${key.slice(0, 100)}'`, 'a paper of the library')
    return row
  }

  function stateAt(position: number): Marks {
    const row = marksOf.get(position)
    return {
      voted: Boolean(row?.votedAt),
      read: Boolean(row?.readAt),
      hidden: Boolean(row?.hiddenAt),
      ...(row?.openedAt ? { openedAt: String(row.openedAt) } : {}),
      ...(row?.note ? { note: String(row.note) } : {}),
      tags: tagsOf.all(position).map(({ tag }) => String(tag)),
      lists: listsOf.all(position).map(({ name }) => String(name)),
    }
  }

  function putOnList(position: number, name: string, moment: string): void {
    let list = listNamed.get(name)
    if (!list) {
      if (Number(countLists.get()!.total) >= most.lists)
        throw new InputError('list', `a list more than ${most.lists}`, `at most ${most.lists} lists`)
      list = addList.get(name, moment)!
    }
    addListed.run(Number(list.id), position, moment)
  }

  function change(key: string, wanted: MarksChange): Marks {
    const checked = checkChange(wanted)
    return transaction(database, () => {
      const { position } = rowOf(key)
      const moment = now().toISOString()
      const before = stateAt(position)
      const flag = (column: keyof typeof set, is: boolean, value: boolean | undefined) => {
        if (value !== undefined && value !== is) set[column].run(position, value ? moment : null)
      }
      flag('votedAt', before.voted, checked.vote)
      flag('readAt', before.read, checked.read)
      flag('hiddenAt', before.hidden, checked.hide)
      if (checked.note !== undefined && checked.note !== (before.note ?? ''))
        setNote.run(position, checked.note || null, checked.note ? moment : null)
      if (checked.tags) {
        dropTags.run(position, JSON.stringify(checked.tags))
        for (const tag of checked.tags) addTag.run(tag, position, moment)
      }
      if (checked.addTo) putOnList(position, checked.addTo, moment)
      if (checked.removeFrom) {
        const list = listNamed.get(checked.removeFrom)
        if (list) dropListed.run(Number(list.id), position)
      }
      trend.refresh(position)
      return stateAt(position)
    })
  }

  return {
    /** @throws InputError where there is no such paper */
    marks: (key: string): Marks => stateAt(rowOf(key).position),

    /** @throws InputError where there is no such paper, or a name or a note is too long; then nothing has changed */
    change,

    /** The reader is on the paper's page. */
    opened(key: string): void {
      inPassing(() => {
        const { position } = rowOf(key)
        const moment = now()
        const before = marksOf.get(position)?.openedAt
        if (before && Date.parse(String(before)) > moment.getTime() - openedAgainMs) return
        set.openedAt.run(position, moment.toISOString())
      })
    },

    /** A method of the paper was run: it counts once a day. */
    ran(slug: string): void {
      const row = store.bySlug(slug)
      if (!row) return
      transaction(database, () => {
        if (addRan.run(row.position, now().toISOString().slice(0, 10)).changes) trend.refresh(row.position)
      })
    },

    /** Which of these papers are voted for or read: for the marks on a list. */
    marksOf(papers: string[]): Map<string, { voted: boolean; read: boolean }> {
      const rows = database
        .prepare(
          `SELECT key, votedAt, readAt FROM marks JOIN papers USING (position)
           WHERE key IN (SELECT value FROM json_each(?)) AND (votedAt IS NOT NULL OR readAt IS NOT NULL)`,
        )
        .all(JSON.stringify(papers))
      return new Map(rows.map(row => [String(row.key), { voted: row.votedAt !== null, read: row.readAt !== null }]))
    },

    /** Papers that were opened but not marked as read, the last one first. */
    unfinished: (limit = 10): { paper: PaperRecord; openedAt: string }[] =>
      lastOpened.all(limit).map(row => ({ paper: toRow(row)!.record, openedAt: String(row.openedAt) })),

    notes: (limit = 50, offset = 0): { paper: PaperRecord; note: string }[] =>
      noted.all(limit, offset).map(row => ({ paper: toRow(row)!.record, note: String(row.note) })),

    counts(): Record<'voted' | 'read' | 'hidden' | 'noted' | 'opened', number> {
      const row = counts.get()!
      return {
        voted: Number(row.voted),
        read: Number(row.read),
        hidden: Number(row.hidden),
        noted: Number(row.noted),
        opened: Number(row.opened),
      }
    },

    lists: (): PaperList[] =>
      allLists.all().map(row => ({ id: Number(row.id), name: String(row.name), count: Number(row.count) })),

    tags: (): { tag: string; count: number }[] =>
      allTags.all().map(row => ({ tag: String(row.tag), count: Number(row.count) })),

    /** @throws InputError where another list is called so */
    renameList(id: number, name: string): void {
      const wanted = checkName('list', name)
      transaction(database, () => {
        const other = listNamed.get(wanted)
        if (other && Number(other.id) !== id)
          throw new InputError('list', `'${wanted}'`, 'a name that no other list has')
        if (!database.prepare('UPDATE lists SET name = ? WHERE id = ?').run(wanted, id).changes)
          throw new InputError('id', `${id}`, 'the id of a list')
      })
    },

    /** The papers stay in the library. */
    dropList(id: number): void {
      transaction(database, () => {
        const positions = database.prepare('SELECT position FROM listed WHERE list = ?').all(id)
        database.prepare('DELETE FROM lists WHERE id = ?').run(id)
        for (const { position } of positions) trend.refresh(Number(position))
      })
    },

    searches: (): SavedSearch[] => searches.all() as unknown as SavedSearch[],

    /** Saving a search again changes nothing. @throws InputError */
    saveSearch(query: string): SavedSearch {
      const text = oneLine(query).toWellFormed()
      if (!text) throw new InputError('search', 'nothing', 'the words of a search')
      if (text.length > most.query)
        throw new InputError('search', `${text.length} characters`, `at most ${most.query} characters`)
      const moment = now().toISOString()
      return transaction(database, () => {
        const saved = searches.all()
        if (!saved.some(row => row.query === text) && saved.length >= most.searches)
          throw new InputError(
            'search',
            `a search more than ${most.searches}`,
            `at most ${most.searches} saved searches`,
          )
        database
          .prepare('INSERT OR IGNORE INTO savedSearches (query, createdAt, seenAt) VALUES (?1, ?2, ?2)')
          .run(text, moment)
        return searches.all().find(row => row.query === text) as unknown as SavedSearch
      })
    },

    dropSearch: (id: number): void => void database.prepare('DELETE FROM savedSearches WHERE id = ?').run(id),

    /** The page of this search was opened: what is there is no longer new. */
    seenSearch(query: string): void {
      inPassing(() =>
        database
          .prepare('UPDATE savedSearches SET seenAt = ? WHERE query = ?')
          .run(now().toISOString(), oneLine(query).toWellFormed()),
      )
    },

    feedKeys: (): FeedKey[] =>
      keys.all().map(({ hash, name, createdAt, usedAt }) => ({
        id: String(hash).slice(0, 16),
        name: String(name),
        createdAt: String(createdAt),
        ...(usedAt ? { usedAt: String(usedAt) } : {}),
      })),

    /** A key for feed readers, which cannot log in. It is given once; only its hash is kept. @throws InputError */
    addFeedKey(name: string): string {
      const wanted = checkName('name', name)
      if (keys.all().length >= most.keys)
        throw new InputError('name', `a key more than ${most.keys}`, `at most ${most.keys} keys`)
      const key = randomBytes(24).toString('base64url')
      database
        .prepare('INSERT INTO feedKeys (hash, name, createdAt) VALUES (?, ?, ?)')
        .run(hashOf(key), wanted, now().toISOString())
      return key
    },

    /** Whether it is one of the keys; when it was used is noted once a minute. A wrong key writes nothing. */
    isFeedKey(key: string): boolean {
      const hash = hashOf(key.slice(0, 100))
      const row = database.prepare('SELECT usedAt FROM feedKeys WHERE hash = ?').get(hash)
      if (!row) return false
      const moment = now()
      if (!row.usedAt || Date.parse(String(row.usedAt)) <= moment.getTime() - usedAgainMs)
        inPassing(() =>
          database.prepare('UPDATE feedKeys SET usedAt = ? WHERE hash = ?').run(moment.toISOString(), hash),
        )
      return true
    },

    dropFeedKey: (id: string): void =>
      void database.prepare('DELETE FROM feedKeys WHERE substr(hash, 1, 16) = ?').run(id),

    /** Every paper that the reader has voted for, read, hidden, noted, tagged or listed, in the order in which they came. */
    *touched(): Generator<{ paper: PaperRecord; marks: Marks; votedAt?: string; readAt?: string; hiddenAt?: string }> {
      for (let rows = touched.all(0); rows.length; rows = touched.all(rows.at(-1)!.position))
        for (const row of rows) {
          const { position, record } = toRow(row)!
          const moments = marksOf.get(position) ?? {}
          const at = (column: string) => (moments[column] ? { [column]: String(moments[column]) } : {})
          yield { paper: record, marks: stateAt(position), ...at('votedAt'), ...at('readAt'), ...at('hiddenAt') }
        }
    },
  }
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

function checkName(field: string, name: string): string {
  const text = oneLine(name).toWellFormed()
  if (!text) throw new InputError(field, 'nothing', 'a name')
  if (text.length > most.name)
    throw new InputError(field, `${text.length} characters`, `at most ${most.name} characters`)
  return text.replaceAll('"', '’')
}

function checkChange({ tags, note, addTo, removeFrom, ...flags }: MarksChange): MarksChange {
  if (note !== undefined && note.length > most.note)
    throw new InputError('note', `${note.length} characters`, `at most ${most.note} characters`)
  const named = tags && [...new Set(tags.filter(tag => tag.trim()).map(tag => checkName('tags', tag).toLowerCase()))]
  if (named && named.length > most.tags) throw new InputError('tags', `${named.length} tags`, `at most ${most.tags}`)
  return {
    ...flags,
    ...(note === undefined ? {} : { note: note.toWellFormed().replaceAll('\r\n', '\n').trim() }),
    ...(named ? { tags: named } : {}),
    ...(addTo === undefined ? {} : { addTo: checkName('list', addTo) }),
    ...(removeFrom === undefined ? {} : { removeFrom: checkName('list', removeFrom) }),
  }
}
