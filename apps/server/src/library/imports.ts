/** Bringing papers in from a file or a pasted text: in small commits, with a report that never says more than is stored. */
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { DatabaseSync } from 'node:sqlite'
import { transaction } from '../database.ts'
import type { Chunks } from './lines.ts'
import { boundedExtra } from './merge.ts'
import { notUtf8, readPlainText } from './plain-text.ts'
import { formatOf, type ImportFormat, importFormats, type ReadItem, type ReadOptions } from './sources/formats.ts'
import type { PaperStore } from './store.ts'
import { oneLine } from './text.ts'
import type { ImportedRecord, ImportItemsOptions, ImportOptions, ImportReport, ItemReader } from './types.ts'

type Reader = (chunks: Chunks, options: ReadOptions) => AsyncIterable<ReadItem>

const batchRecords = 200
const batchRecordsAlone = 500
/** The log beside the database may grow to 32 MB before it is written into it: pages that change often are written once. */
const logPagesAlone = 8000
const batchMs = 250
const mostRefusals = 1000
/** An import of another machine counts as dead after this long without a sign of life, in ms. */
const leaseMs = 30_000
const heartbeatMs = 5_000

/** Imports of this process, whichever connection they use. */
const running = new Set<string>()

export function openImports(database: DatabaseSync, store: PaperStore, now: () => Date, changed: () => void) {
  const host = hostname()
  const insert = database.prepare('INSERT INTO imports (id, report, host, process, heartbeat) VALUES (?, ?, ?, ?, ?)')
  const update = database.prepare('UPDATE imports SET report = ?, heartbeat = ? WHERE id = ?')
  const beat = database.prepare('UPDATE imports SET heartbeat = ? WHERE id = ?')
  const one = database.prepare('SELECT report, host, process, heartbeat FROM imports WHERE id = ?')
  const newest = database.prepare(
    'SELECT report, host, process, heartbeat FROM imports ORDER BY sequence DESC LIMIT 100',
  )

  function read(row: Record<string, unknown>): ImportReport {
    const report: ImportReport = JSON.parse(String(row.report))
    if (report.state !== 'running' || running.has(report.id)) return report
    const sameHost = row.host === host
    const gone = sameHost && (Number(row.process) === process.pid || !isProcess(Number(row.process)))
    return gone || Date.now() - Number(row.heartbeat) > leaseMs ? { ...report, state: 'interrupted' } : report
  }

  async function importItems(
    read: ItemReader,
    { name, format, signal, alone = false, onStart, onProgress }: ImportItemsOptions,
  ): Promise<ImportReport> {
    const startedAt = now().toISOString()
    const report: ImportReport = {
      id: newImportId(startedAt),
      name: oneLine(name).slice(0, 200).toWellFormed(),
      format,
      read: 0,
      added: 0,
      updated: 0,
      unchanged: 0,
      refused: [],
      refusedCount: 0,
      repaired: 0,
      notes: [],
      startedAt,
      state: 'running',
    }
    insert.run(report.id, JSON.stringify(report), host, process.pid, Date.now())
    running.add(report.id)
    const heartbeat = setInterval(() => {
      try {
        beat.run(Date.now(), report.id)
      } catch {
        // The next commit says what is wrong, and a missed beat does no harm.
      }
    }, heartbeatMs)
    heartbeat.unref()

    if (alone) database.exec(`PRAGMA wal_autocheckpoint = ${logPagesAlone}`)
    const most = alone ? batchRecordsAlone : batchRecords
    let batch: ReadItem[] = []
    const commit = (write?: () => void) => {
      const items = batch
      batch = []
      const next: ImportReport = { ...report, refused: [...report.refused], notes: [...report.notes] }
      transaction(database, () => {
        for (const item of items) putItem(store, item, next, startedAt)
        if (next.added + next.updated > report.added + report.updated) changed()
        write?.()
        update.run(JSON.stringify(next), Date.now(), report.id)
      })
      Object.assign(report, next)
      onProgress?.({ ...report })
    }
    const finish = (state: ImportReport['state'], error?: string) => {
      const next = { ...report, state, finishedAt: now().toISOString(), ...(error ? { error } : {}) }
      update.run(JSON.stringify(next), Date.now(), report.id)
      return next
    }
    try {
      onStart?.({ ...report })
      let started = Date.now()
      const items = read({ checkpoint: commit, note: text => void report.notes.push(text), startedAt })
      for await (const item of items) {
        signal?.throwIfAborted()
        if (!batch.length) started = Date.now()
        batch.push(item)
        if (batch.length < most && Date.now() - started < batchMs) continue
        commit()
        await new Promise(resolve => setImmediate(resolve))
      }
      signal?.throwIfAborted()
      if (batch.length) commit()
      return finish('done')
    } catch (error) {
      if (signal?.aborted) return finish('interrupted')
      try {
        // What came whole before it is kept.
        if (batch.length) commit()
      } catch {
        // What went wrong first is said.
      }
      return finish('failed', error instanceof Error ? error.message : String(error))
    } finally {
      clearInterval(heartbeat)
      running.delete(report.id)
    }
  }

  async function importStream(chunks: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<ImportReport> {
    const { format, read } = await openSource(chunks, options)
    return importItems(read, { ...options, format })
  }

  return {
    importStream,
    importItems,
    importReport(id: string): ImportReport | undefined {
      const row = one.get(id)
      return row && read(row)
    },
    imports: (): ImportReport[] => newest.all().map(read),
  }
}

function putItem(store: PaperStore, item: ReadItem, report: ImportReport, moment: string): void {
  report.read++
  if ('refused' in item) {
    report.refusedCount++
    if (report.refused.length < mostRefusals) report.refused.push(item.refused)
    return
  }
  const record = recordOf(store, item)
  if (!('deleted' in item) && item.repaired) report.repaired++
  if (record) report[store.put(record, moment)]++
  else report.unchanged++
}

/** What an item says of a paper, as it is put in; undefined where it speaks of one that is not here. */
export function recordOf(store: PaperStore, item: Exclude<ReadItem, { refused: unknown }>): ImportedRecord | undefined {
  if ('deleted' in item) {
    // Gone at its source: it stays here, with what readers have made of it, and says so.
    const known = store.named(item.deleted)?.record
    return known && { ...known, withdrawn: true }
  }
  const { record, externalVotes } = item
  const extra = boundedExtra({ ...record.extra, ...item.extra })
  return { ...record, ...(externalVotes === undefined ? {} : { externalVotes }), ...(extra ? { extra } : {}) }
}

/** A source with its format, which is found from its beginning where it is not given, and what reads it. */
export async function openSource(
  chunks: AsyncIterable<Uint8Array>,
  {
    format: given,
    name,
    signal,
    year,
    columns,
    unpackedLimit,
  }: Pick<ImportOptions, 'format' | 'name' | 'signal' | 'year' | 'columns' | 'unpackedLimit'>,
): Promise<{ format: ImportFormat; read: ItemReader }> {
  // The text is read before there is a report that could say something about it.
  const notes: string[] = []
  let say = (text: string): void => void notes.push(text)
  const source = readPlainText(untilAborted(chunks, signal), { note: text => say(text), unpackedLimit })
  const { format, rest } = given ? { format: given, rest: source } : await detectFormat(source, name)
  const read: ItemReader = ({ note, startedAt }) => {
    say = note
    for (const text of notes) note(text)
    return (importFormats[format].read as Reader)(rest, {
      onInvalid: () => note(notUtf8),
      importDay: startedAt.slice(0, 10),
      year,
      columns,
    })
  }
  return { format, read }
}

class NotTextError extends Error {
  override message =
    'this is not text: a listing, JSON lines or another of the formats is wanted (gzip is unpacked here, any other archive must be unpacked first)'
}

const detectedLength = 65_536

/** What was read to see the format is given back. */
async function detectFormat(
  texts: AsyncIterable<string>,
  name: string,
): Promise<{ format: ImportFormat; rest: Chunks }> {
  const iterator = texts[Symbol.asyncIterator]()
  const seen: string[] = []
  let start = ''
  let failure: { error: unknown } | undefined
  try {
    while (start.length < detectedLength) {
      const { done, value } = await iterator.next()
      if (done) break
      seen.push(value)
      start += value
      if (!value.includes('\0')) continue
      failure = { error: new NotTextError() }
      break
    }
  } catch (error) {
    failure = { error }
  }
  async function* rest() {
    if (failure?.error instanceof NotTextError) throw failure.error
    yield* seen
    if (failure) throw failure.error
    yield* { [Symbol.asyncIterator]: () => iterator }
  }
  return { format: formatOf(start, name.replace(/\.gz$/i, '')), rest: rest() }
}

/** Ends a wait for the next chunk as soon as the import is cancelled. */
async function* untilAborted(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  if (!signal) {
    yield* chunks
    return
  }
  signal.throwIfAborted()
  const iterator = (async function* () {
    yield* chunks
  })()
  // Not `Promise.race` with one promise for the whole import: that would hold every chunk until its end.
  let reject = (_: unknown) => {}
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  const next = () =>
    new Promise<IteratorResult<Uint8Array>>((resolve, fail) => {
      reject = fail
      iterator.next().then(resolve, fail)
    })
  try {
    for (;;) {
      signal.throwIfAborted()
      const { done, value } = await next()
      if (done) return
      yield value
    }
  } finally {
    signal.removeEventListener('abort', abort)
    // A source that is waiting cannot be ended before it wakes.
    iterator.return(undefined).catch(() => {})
  }
}

/** Ids sort by time: base-36 milliseconds, then 40 random bits. */
function newImportId(startedAt: string): string {
  return (
    Date.parse(startedAt).toString(36) +
    BigInt(`0x${randomBytes(5).toString('hex')}`)
      .toString(36)
      .padStart(8, '0')
  )
}

function isProcess(id: number): boolean {
  try {
    process.kill(id, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
