/** What an import would change, found in a copy in memory of just the papers that it is about. */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { fingerprintKey, fingerprintOf, sameFingerprint } from './fingerprint.ts'
import { openSource, recordOf } from './imports.ts'
import type { ReadItem } from './sources/formats.ts'
import { openPaperStore } from './store.ts'
import { oneLine } from './text.ts'
import type {
  ImportedRecord,
  ImportItemsOptions,
  ImportOptions,
  ImportPreview,
  ItemReader,
  PaperRecord,
  PreviewRecord,
} from './types.ts'

/** Further records are not looked at. */
const mostRecords = 2000
const mostShown = 200
const mostRefusals = 1000
const mostLookalikes = 5
const longestValue = 300
const msBetweenPauses = 50

/** Changes that nobody reads: they are shown by what they are about, or are the moment of the import. */
const silentFields = new Set(['key', 'fetchedAt', 'raw', 'topics', 'slug', 'summary'])

export function openPreview(database: DatabaseSync, now: () => Date) {
  const lookalikes = database.prepare(
    `SELECT DISTINCT papers.position, record FROM sightings JOIN papers ON papers.position = sightings.position
     WHERE title = ? AND arxivId IS NOT NULL AND arxivId <> ? LIMIT 50`,
  )

  async function previewItems(read: ItemReader, { name, format, signal }: ImportItemsOptions): Promise<ImportPreview> {
    const startedAt = now().toISOString()
    const preview: ImportPreview = {
      name: oneLine(name).slice(0, 200).toWellFormed(),
      format,
      ...{ read: 0, added: 0, updated: 0, unchanged: 0, refused: [], refusedCount: 0, repaired: 0, notes: [] },
      more: false,
      records: [],
    }
    const copy = openCopy(database)
    const changed: PreviewRecord[] = []
    const same: PreviewRecord[] = []
    const lines = new Map<number, number>()

    const take = (item: ReadItem) => {
      preview.read++
      if ('refused' in item) {
        preview.refusedCount++
        if (preview.refused.length < mostRefusals) preview.refused.push(item.refused)
        return
      }
      const given = 'deleted' in item ? { arxivId: item.deleted } : item.record
      copy.bring(given)
      const record = recordOf(copy.store, item)
      if (!record) {
        preview.unchanged++
        return
      }
      const [before] = copy.store.find(record)
      const outcome = copy.store.put(record, startedAt)
      const after = before ? copy.store.byPosition(before.position)! : copy.store.find(record)[0]
      preview[outcome]++
      const repaired = 'repaired' in item && item.repaired === true
      if (repaired) preview.repaired++
      const shown = outcome === 'unchanged' ? same : changed
      if (shown.length < mostShown)
        shown.push({
          line: item.line,
          outcome,
          key: after.record.key,
          title: after.record.title,
          ...(repaired ? { repaired } : {}),
          ...(lines.has(after.position) ? { sameAs: lines.get(after.position) } : {}),
          changes: before ? changesOf(before.record, after.record) : [],
          lookalikes: lookalikesOf(after.record),
        })
      if (!lines.has(after.position)) lines.set(after.position, item.line)
    }

    const lookalikesOf = (record: PaperRecord) => {
      if (!record.arxivId) return []
      const wanted = fingerprintOf(record)
      const rows = [lookalikes, copy.lookalikes].flatMap(statement => statement.all(wanted.title, record.arxivId!))
      const papers = rows
        .map((row): PaperRecord => JSON.parse(String(row.record)))
        .filter(other => sameFingerprint(wanted, { ...fingerprintOf(other), title: wanted.title }))
      const titles = new Map(papers.map(({ key, title }) => [key, title]))
      return Array.from(titles, ([key, title]) => ({ key, title })).slice(0, mostLookalikes)
    }

    try {
      const reading = { checkpoint() {}, note: (text: string) => void preview.notes.push(text), startedAt }
      let paused = performance.now()
      for await (const item of read(reading)) {
        signal?.throwIfAborted()
        if (preview.read === mostRecords) {
          preview.more = true
          break
        }
        take(item)
        if (performance.now() - paused < msBetweenPauses) continue
        await new Promise(resolve => setImmediate(resolve))
        paused = performance.now()
      }
    } catch (error) {
      preview.error = error instanceof Error ? error.message : String(error)
    } finally {
      copy.close()
    }
    const shown = changed.concat(same.slice(0, mostShown - changed.length))
    preview.records = shown.sort((a, b) => a.line - b.line)
    return preview
  }

  return {
    previewItems,
    async preview(
      chunks: AsyncIterable<Uint8Array>,
      options: Omit<ImportOptions, 'onProgress'>,
    ): Promise<ImportPreview> {
      const { format, read } = await openSource(chunks, options)
      return previewItems(read, { ...options, format })
    },
  }
}

/** A store in memory, into which papers are brought when a record asks for them. Places and order are those of the original. */
function openCopy(database: DatabaseSync) {
  const memory = new DatabaseSync(':memory:')
  const copy = openPaperStore(memory)
  // What is new comes after all that is there.
  const last = (table: string, column: string) =>
    Number(database.prepare(`SELECT max(${column}) AS last FROM ${table}`).get()!.last ?? 0)
  const lastPosition = last('papers', 'position')
  memory.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES ('papers', ?)").run(lastPosition)
  const tables = ['papers', 'aliases', 'sightings'].map(table => {
    // Without columns that are computed from others.
    const names = database
      .prepare('SELECT name FROM pragma_table_info(?)')
      .all(table)
      .map(({ name }) => String(name))
    const rows = database.prepare(`SELECT ${names} FROM ${table} WHERE position = ?`)
    const insert = memory.prepare(`INSERT OR IGNORE INTO ${table} (${names}) VALUES (${names.map(() => '?')})`)
    return {
      rows,
      /** Whether it could be put in: nothing else there has its keys. */
      put: (row: Record<string, SQLInputValue>) => Number(insert.run(...names.map(name => row[name])).changes) > 0,
    }
  })
  const byTitle = database.prepare('SELECT DISTINCT position FROM sightings WHERE title = ? LIMIT 1000')
  const byName = database.prepare(
    `SELECT position FROM papers WHERE key = ?1 OR arxivId = ?1 UNION SELECT position FROM aliases WHERE alias = ?1`,
  )
  const copied = new Set<number>()
  const bringRow = (position: number) => {
    if (copied.has(position)) return
    copied.add(position)
    const [papers, ...others] = tables
    const row = papers.rows.get(position) as Record<string, SQLInputValue> | undefined
    if (!row || !papers.put(row)) return
    // Two papers may say the same DOI, which leads to one of them.
    const { doi }: PaperRecord = JSON.parse(String(row.record))
    if (doi) for (const owner of byName.all(`doi:${doi}`)) bringRow(Number(owner.position))
    for (const { rows, put } of others) for (const row of rows.all(position)) put(row as Record<string, SQLInputValue>)
  }
  // Sightings of the file itself come after those of the library, as they would.
  const place = copy.add({
    ...{ key: '-', title: '-', abstract: '', authors: [], categories: [], topics: [] },
    ...{ withdrawn: false, source: '', submittedAt: '', fetchedAt: '' },
  })
  memory
    .prepare('UPDATE sightings SET sequence = ? WHERE position = ?')
    .run(last('sightings', 'sequence') + 1, place.position)
  return {
    store: copy,
    /** Copies the papers that a record, or the id of a paper, may be about. */
    bring(given: ImportedRecord | { arxivId: string }) {
      const names = [given.arxivId]
      if ('title' in given) {
        const fingerprint = fingerprintOf(given)
        names.push(given.key, given.doi && `doi:${given.doi}`, fingerprintKey(fingerprint))
        for (const { position } of byTitle.all(fingerprint.title)) bringRow(Number(position))
      }
      for (const name of names.filter(name => name !== undefined))
        for (const { position } of byName.all(name)) bringRow(Number(position))
    },
    lookalikes: memory.prepare(
      `SELECT DISTINCT papers.position, record FROM sightings JOIN papers ON papers.position = sightings.position
       WHERE title = ? AND arxivId IS NOT NULL AND arxivId <> ? LIMIT 50`,
    ),
    close: () => memory.close(),
  }
}

function changesOf(before: PaperRecord, after: PaperRecord): PreviewRecord['changes'] {
  const names = Object.keys({ ...before, ...after }) as (keyof PaperRecord)[]
  return names
    .filter(name => !silentFields.has(name) && JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .map(name => {
      const [from, to] = [wordsOf(before[name]), wordsOf(after[name])]
      return { field: name, ...(from ? { from } : {}), ...(to ? { to } : {}) }
    })
}

/** A field's value in one line, cut where it is long. */
function wordsOf(value: unknown): string {
  const text = Array.isArray(value)
    ? value.map(part => (typeof part === 'object' && part !== null && 'name' in part ? part.name : part)).join(', ')
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value ?? '')
  return text.length > longestValue ? `${text.slice(0, longestValue).toWellFormed()}…` : text
}
