/** Papers brought in from arXiv and Hugging Face: what is followed, when it is due, and what one asks for by hand. */
import type { DatabaseSync } from 'node:sqlite'
import { fingerprintOf, sameFingerprint } from '../library/fingerprint.ts'
import { findIdentifier, looksLikeArxivId, parseArxivId } from '../library/identifiers.ts'
import { isDay } from '../library/listing.ts'
import { periodOf } from '../library/period.ts'
import { notUtf8 } from '../library/plain-text.ts'
import { ArxivError } from '../library/sources/arxiv-record.ts'
import { setOfCategory } from '../library/sources/arxiv-taxonomy.ts'
import type { ImportFormat, ReadItem } from '../library/sources/formats.ts'
import type { ImportItem, ImportOptions, ImportReport, ItemReader, ItemReading, Library } from '../library/types.ts'
import { processOwner } from '../runs/store.ts'
import { describeSchedule, type FollowedSource, nextTime, parseSource, scheduleText } from './followed.ts'
import {
  type DailyState,
  type Get,
  harvestArxivIds,
  harvestArxivOai,
  harvestArxivQuery,
  harvestHfDaily,
  mostIds,
  type OaiState,
  type QueryState,
} from './harvest.ts'
import type { PacedGet } from './pace.ts'
import { openSyncStore } from './store.ts'

export interface SyncSettings {
  /** Sources that are followed, from the settings. */
  followed: readonly string[]
  /** Gets addresses at the pace of their sites. */
  get: PacedGet
  /** Where the sites are, where they are not themselves: in tests. */
  addresses?: { oai?: string; query?: string; daily?: string }
  now?(): Date
  pause?(ms: number): Promise<unknown>
  /** How often a sync says that it lives, and asks whether it should stop, in ms. Default 2,000. */
  beatMs?: number
  /** Called after a sync that may have changed papers. */
  onChange?(): void
}

/** What a person can ask for that cannot be had, in a sentence. */
export class SyncError extends Error {
  override name = 'SyncError'
}

/** A source that is followed, as it is shown. */
export interface SourceStatus {
  name: string
  title: string
  /** Who follows it: the setting SYNC, or the form on the page. */
  by: 'settings' | 'page'
  schedule: string
  state: 'running' | 'waiting'
  /** ISO 8601. Undefined while it runs. */
  next?: string
  startedAt?: string
  finishedAt?: string
  /** The newest import, also the one that is going on. */
  report?: ImportReport
  error?: string
}

export interface SyncStatus {
  sources: SourceStatus[]
  /** Papers without arXiv id that arXiv can be asked for. */
  incomplete: number
  /** Whether a completion is going on, and what came of the newest one. */
  completion: Pick<SourceStatus, 'state' | 'startedAt' | 'finishedAt' | 'report' | 'error'>
}

export interface SyncOptions {
  signal?: AbortSignal
  onStart?(report: ImportReport): void
  onProgress?: ImportOptions['onProgress']
}

/** One thing to sync. Its name is the row that keeps how far it is. */
interface Task {
  name: string
  title: string
  format: ImportFormat
  read(state: unknown, save: (state: unknown) => void, tools: Tools): AsyncIterable<ReadItem>
}

interface Tools extends Pick<ItemReading, 'checkpoint' | 'note'> {
  get: Get
  onInvalid(): void
  pause?(ms: number): Promise<unknown>
}

const completion = 'complete'
const firstDays = 7
/** Hugging Face is asked for each day by itself: after a long time away not for all of them. */
const mostDays = 31
const tickMs = 15_000
const mostFollowed = 50
/** A paper that arXiv did not have is asked for again after so many days. */
const askAgainDays = 30
const longestTitleQuery = 200

export type Sync = ReturnType<typeof openSync>

export function openSync(
  database: DatabaseSync,
  library: Library,
  {
    followed,
    get: pacedGet,
    addresses = {},
    now = () => new Date(),
    pause,
    beatMs = 2_000,
    onChange = () => {},
  }: SyncSettings,
) {
  const store = openSyncStore(database, processOwner())
  const today = () => now().toISOString().slice(0, 10)
  const askedSince = () => new Date(now().getTime() - askAgainDays * 86_400_000).toISOString()
  const fromSettings = followed
    .map(text => parseSource(text))
    .filter((source): source is FollowedSource => !('error' in source))

  /** Undefined where a living process is at it already. */
  async function runTask(
    task: Task,
    { signal, onStart, onProgress }: SyncOptions = {},
  ): Promise<ImportReport | undefined> {
    if (!store.hold(task.name, now().toISOString())) return undefined
    const cancelled = new AbortController()
    const stopping = signal ? AbortSignal.any([signal, cancelled.signal]) : cancelled.signal
    const heartbeat = setInterval(() => {
      try {
        if (store.beat(task.name)) cancelled.abort(new SyncError('cancelled'))
      } catch {
        // The next commit says what is wrong.
      }
    }, beatMs)
    heartbeat.unref()
    let end: [string | null, string | null] = [now().toISOString(), 'it was interrupted']
    try {
      const report = await library.importItems(
        ({ checkpoint, note }) =>
          task.read(store.get(task.name)?.state, state => checkpoint(() => store.saveState(task.name, state)), {
            ...tools(stopping),
            checkpoint,
            note,
            onInvalid: once(() => note(notUtf8)),
          }),
        {
          name: task.title,
          format: task.format,
          signal: stopping,
          onProgress,
          onStart(report) {
            store.saveReport(task.name, report.id)
            onStart?.(report)
          },
        },
      )
      const isCutShort = report.state === 'interrupted' && !cancelled.signal.aborted
      end = [isCutShort ? null : now().toISOString(), report.state === 'failed' ? (report.error ?? 'it failed') : null]
      return report
    } finally {
      clearInterval(heartbeat)
      store.release(task.name, ...end)
      onChange()
    }
  }

  function tools(signal: AbortSignal | undefined): Pick<Tools, 'get' | 'pause'> {
    return { get: address => pacedGet(address, { signal }), ...(pause ? { pause } : {}) }
  }

  /** @throws SyncError where another process is at it */
  async function mustRun(task: Task, options?: SyncOptions): Promise<ImportReport> {
    const report = await runTask(task, options)
    if (!report) throw new SyncError(`${task.title} is being synced by another process already`)
    return report
  }

  /** Papers of a category or archive that changed since the last time, at first in the last seven days. */
  function arxivTask(category: string, from?: string): Task {
    const set = setOfCategory(category)
    if (!set) throw new SyncError(`'${category.slice(0, 40)}' is no category of arXiv such as cs.DC, hep-th or stat`)
    if (from !== undefined && (!isDay(from) || from > today() || from < '2005-09-16'))
      throw new SyncError(
        `from must be a day from 2005-09-16 to today such as 2026-11-01, found '${from.slice(0, 20)}'`,
      )
    const own = `arxiv:${category}`
    return {
      name: from ? `${own} from ${from}` : own,
      title: from ? `arXiv ${category} from ${from}` : `arXiv ${category}`,
      format: 'oai',
      async *read(state, save, tools) {
        // One that was asked for from a day and is done is asked for anew.
        const known = state as OaiState | undefined
        const begun = from && !known?.token ? undefined : known
        const done = yield* harvestArxivOai({
          ...tools,
          set,
          from: from ?? daysFrom(today(), -firstDays),
          state: begun,
          save,
          ...(addresses.oai ? { address: addresses.oai } : {}),
        })
        if (!from || !store.hold(own, now().toISOString())) return
        // What is followed goes on from here, unless days between would be left out.
        const ours = store.get(own)?.state as OaiState | undefined
        if (!ours?.token && (!ours?.from || ours.from >= from)) tools.checkpoint(() => store.saveState(own, done))
        store.release(own, now().toISOString(), null)
      },
    }
  }

  /** Papers that match a query, once a day: results change no more often. */
  function queryTask(query: string, most: number): Task {
    const text = query.trim().replace(/\s+/g, ' ')
    if (!text || text.length > 500)
      throw new SyncError('query must have 1 to 500 characters, such as cat:cs.DC AND ti:medoids')
    return {
      name: `query ${text}`,
      title: `arXiv query ${text}`,
      format: 'atom',
      async *read(state, save, tools) {
        const known = state as { day: string; query: QueryState } | undefined
        const day = today()
        const begun = known?.day === day ? known.query : undefined
        if (begun && (begun.complete || begun.start >= most))
          tools.note(
            `This query was asked today already: ${begun.start} of ${begun.total} papers came. arXiv's answers change once a day.`,
          )
        const end = yield* harvestArxivQuery({
          ...tools,
          query: text,
          most,
          state: begun,
          save: query => save({ day, query }),
          ...(addresses.query ? { address: addresses.query } : {}),
        })
        if (!end.complete)
          tools.note(
            `${end.total?.toLocaleString('en')} papers match; the newest ${end.start.toLocaleString('en')} were asked for.`,
          )
      },
    }
  }

  /** A day, week or month of Hugging Face's daily papers. */
  function periodTask(name: string): Task {
    const period = periodOf(name)
    if (!period || period.start > today())
      throw new SyncError(`'${name.slice(0, 20)}' is no past day (2026-11-27), week (2026-W48) or month (2026-11)`)
    const wanted = period.kind === 'day' ? { date: name } : period.kind === 'week' ? { week: name } : { month: name }
    return {
      name: `hf ${name}`,
      title: `Hugging Face daily papers of ${name}`,
      format: 'hf',
      async *read(state, save, tools) {
        const known = state as { day: string; daily: DailyState } | undefined
        const day = today()
        // Pages shift from day to day, and what is complete may have grown.
        const begun = known?.day === day && !known.daily.complete ? known.daily : undefined
        yield* harvestHfDaily({
          ...tools,
          ...wanted,
          state: begun,
          save: daily => save({ day, daily }),
          ...(addresses.daily ? { address: addresses.daily } : {}),
        })
      },
    }
  }

  /** All days since the last time, at first seven; yesterday and today once more, as they may have grown. */
  const latestTask: Task = {
    name: 'hf',
    title: 'Hugging Face daily papers',
    format: 'hf',
    async *read(state, save, tools) {
      const known = state as { day: string; daily?: DailyState } | undefined
      const last = today()
      const earliest = daysFrom(last, -mostDays)
      let day = known?.day ?? daysFrom(last, -firstDays)
      if (day < earliest) {
        tools.note(`The days before ${earliest} were left out; offprint sync hf --month brings them.`)
        day = earliest
      }
      for (; day <= last; day = daysFrom(day, 1)) {
        yield* harvestHfDaily({
          ...tools,
          date: day,
          state: day === known?.day ? known.daily : undefined,
          save: daily => save(daily.complete ? { day: daysFrom(day, 1) } : { day, daily }),
          ...(addresses.daily ? { address: addresses.daily } : {}),
        })
      }
      save({ day: daysFrom(last, -1) })
    },
  }

  /**
   * Asks arXiv by title for papers that have neither id nor DOI, as those of pasted listings, and takes the one that is the
   * same paper. Where several are, none is taken.
   */
  function completeTask(most: number, onAsked: (asked: number, of: number) => void = () => {}): Task {
    return {
      name: completion,
      title: 'Ids from arXiv for papers without one',
      format: 'atom',
      async *read(_, __, tools) {
        const since = askedSince()
        const papers = []
        for (const paper of library.records()) {
          if (!paper.key.startsWith('t:') || store.wasAsked(paper.key, since)) continue
          papers.push(paper)
          if (papers.length === most) break
        }
        const counts: Record<string, number> = { found: 0, none: 0, several: 0, refused: 0 }
        for (const [index, paper] of papers.entries()) {
          onAsked(index, papers.length)
          const { item, outcome } = await findOnArxiv(paper, tools)
          counts[outcome]++
          if (item) yield item
          tools.checkpoint(() => store.saveAsked(paper.key, now().toISOString(), outcome))
        }
        onAsked(papers.length, papers.length)
        const left = store.incomplete(since)
        tools.note(
          `${[
            `${papers.length} asked for`,
            `${counts.found} found`,
            counts.none && `${counts.none} not on arXiv under the same title`,
            counts.several && `${counts.several} left alone, as several papers there have this title`,
            counts.refused && `${counts.refused} that arXiv could not look for`,
            left && `${left} left for the next time`,
          ]
            .filter(Boolean)
            .join(', ')}.`,
        )
      },
    }
  }

  async function findOnArxiv(
    paper: Parameters<typeof fingerprintOf>[0],
    tools: Tools,
  ): Promise<{ outcome: 'found' | 'none' | 'several' | 'refused'; item?: ImportItem }> {
    const words = titleWords(paper.title)
    if (!words) return { outcome: 'refused' }
    const wanted = fingerprintOf(paper)
    const same = new Map<string, ImportItem>()
    try {
      const harvest = harvestArxivQuery({
        ...tools,
        query: `ti:"${words}"`,
        most: 10,
        pageSize: 10,
        sortBy: 'relevance',
        save: undefined,
        ...(addresses.query ? { address: addresses.query } : {}),
      })
      for await (const item of harvest)
        if ('record' in item && item.record.arxivId && sameFingerprint(wanted, fingerprintOf(item.record)))
          same.set(item.record.arxivId, item)
    } catch (error) {
      if (error instanceof ArxivError) return { outcome: 'refused' }
      throw error
    }
    if (same.size > 1) return { outcome: 'several' }
    const [item] = same.values()
    return item ? { outcome: 'found', item } : { outcome: 'none' }
  }

  /** Reads papers by ids, addresses or arXiv's DOIs, one a line. @throws SyncError where there are more than 100 */
  function readIds(texts: readonly string[], signal?: AbortSignal): ItemReader {
    if (texts.length > mostIds) throw new SyncError(`${texts.length} ids, at most ${mostIds} at a time`)
    return async function* ({ note }) {
      const lines = new Map<string, number>()
      for (const [index, text] of texts.entries()) {
        const found = findIdentifier(text)
        if (found?.kind === 'arxiv') {
          if (!lines.has(found.id)) lines.set(found.id, index + 1)
        } else yield { refused: { line: index + 1, reason: whyNoId(text, found?.kind === 'doi') } }
      }
      const harvest = harvestArxivIds({
        ...tools(signal),
        ids: [...lines.keys()],
        onInvalid: once(() => note(notUtf8)),
        ...(addresses.query ? { address: addresses.query } : {}),
      })
      for (;;) {
        const { done, value } = await harvest.next()
        if (done) {
          for (const id of value)
            yield { refused: { line: lines.get(id)!, reason: `${id}: arXiv has no paper of this id` } }
          return
        }
        yield 'record' in value ? { ...value, line: lines.get(value.record.arxivId ?? '') ?? value.line } : value
      }
    }
  }

  function taskOf({ name }: FollowedSource): Task {
    return name === 'hf' ? latestTask : arxivTask(name.slice('arxiv:'.length))
  }

  function allFollowed(): (FollowedSource & { by: SourceStatus['by'] })[] {
    const found = new Map<string, FollowedSource & { by: SourceStatus['by'] }>()
    for (const row of store.followed()) {
      const source = parseSource(row.followed!)
      if (!('error' in source)) found.set(source.name, { ...source, by: 'page' })
    }
    for (const source of fromSettings) found.set(source.name, { ...source, by: 'settings' })
    return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  function lastOf(name: string): Pick<SourceStatus, 'state' | 'startedAt' | 'finishedAt' | 'report' | 'error'> {
    const row = store.get(name)
    const report = row?.report ? library.importReport(row.report) : undefined
    const { startedAt, finishedAt, error } = row ?? {}
    return {
      state: row?.running ? 'running' : 'waiting',
      ...(startedAt ? { startedAt } : {}),
      ...(finishedAt ? { finishedAt } : {}),
      ...(report ? { report } : {}),
      ...(error ? { error } : {}),
    }
  }

  // What this process works through in the background, one after the other.
  const closing = new AbortController()
  const wanted = new Map<string, Task>()
  let working: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  function work(): void {
    working ??= (async () => {
      for (;;) {
        const [task] = wanted.values()
        if (!task || closing.signal.aborted) return
        wanted.delete(task.name)
        try {
          await runTask(task, { signal: closing.signal })
        } catch (error) {
          console.error(`${task.title}: ${error instanceof Error ? error.message : error}`)
        }
      }
    })().finally(() => {
      working = undefined
    })
  }

  function tick(): void {
    try {
      for (const source of allFollowed()) {
        const row = store.get(source.name)
        if (row?.running || nextTime(source.schedule, row ?? {}, now().getTime()) > now().getTime()) continue
        wanted.set(source.name, taskOf(source))
      }
      work()
    } catch (error) {
      console.error(`sync: ${error instanceof Error ? error.message : error}`)
    }
  }

  return {
    /** @throws SyncError where such a sync cannot be had */
    check: (category: string, from?: string) => void arxivTask(category, from),
    /** @throws SyncError */
    arxiv: async (category: string, from?: string, options?: SyncOptions) =>
      mustRun(arxivTask(category, from), options),
    /** @throws SyncError */
    query: async (query: string, most: number, options?: SyncOptions) => mustRun(queryTask(query, most), options),
    /** A day, week or month; undefined: all since the last time. @throws SyncError */
    hf: async (period: string | undefined, options?: SyncOptions) =>
      mustRun(period === undefined ? latestTask : periodTask(period), options),
    /** @throws SyncError where another process is at it */
    complete: async (most: number, options?: SyncOptions & { onAsked?(asked: number, of: number): void }) =>
      mustRun(completeTask(most, options?.onAsked), options),
    readIds,
    /** Imports papers by ids, addresses or arXiv's DOIs. @throws SyncError where there are more than 100 */
    async importIds(texts: readonly string[], options: SyncOptions = {}): Promise<ImportReport> {
      const read = readIds(texts, options.signal)
      const report = await library.importItems(read, { ...options, name: nameOfIds(texts), format: 'atom' })
      onChange()
      return report
    },
    status(): SyncStatus {
      const time = now().getTime()
      return {
        sources: allFollowed().map(source => {
          const last = lastOf(source.name)
          const next = nextTime(source.schedule, last, time)
          return {
            name: source.name,
            title: source.title,
            by: source.by,
            schedule: describeSchedule(source.schedule),
            ...last,
            ...(last.state === 'running' ? {} : { next: new Date(next).toISOString() }),
          }
        }),
        incomplete: store.incomplete(askedSince()),
        completion: lastOf(completion),
      }
    },
    /** Follows a source from now on. @throws SyncError */
    follow(text: string): FollowedSource {
      const source = parseSource(text)
      if ('error' in source) throw new SyncError(`the source ${source.error}`)
      if (allFollowed().some(({ name, by }) => name === source.name && by === 'settings'))
        throw new SyncError(`${source.name} is followed by the setting SYNC already`)
      if (store.followed().length >= mostFollowed)
        throw new SyncError(`at most ${mostFollowed} sources can be followed`)
      store.follow(source.name, source.name + scheduleText(source.schedule))
      return source
    },
    /** What came stays. @throws SyncError */
    unfollow(name: string): void {
      const source = allFollowed().find(one => one.name === name)
      if (!source) throw new SyncError(`'${name.slice(0, 60)}' is not followed`)
      if (source.by === 'settings') throw new SyncError(`${name} is followed by the setting SYNC; take it out there`)
      store.follow(name, null)
    },
    /** Syncs a followed source, all of them, or `complete`, in the background. @throws SyncError */
    begin(name?: string): void {
      const sources = allFollowed().filter(source => !name || source.name === name)
      if (name === completion) wanted.set(completion, completeTask(mostIds))
      else if (name && !sources.length) throw new SyncError(`'${name.slice(0, 60)}' is not followed`)
      for (const source of sources) wanted.set(source.name, taskOf(source))
      work()
    },
    /** Stops a sync, whichever process is at it; within some seconds. False where nobody is. */
    cancel(name: string): boolean {
      const waited = wanted.delete(name)
      return store.cancel(name) || waited
    },
    /** Syncs what is due, from now on. */
    start(): void {
      if (timer) return
      timer = setInterval(tick, tickMs)
      timer.unref()
      tick()
    },
    /** Resolved when nothing is going on in the background. */
    async idle(): Promise<void> {
      while (working) await working
    },
    async close(): Promise<void> {
      clearInterval(timer)
      closing.abort(new SyncError('the server stops'))
      await working
    },
  }
}

/** The day so many days later. */
function daysFrom(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10)
}

/** The words of a title as arXiv's search takes them within quotes: without formulas, commands and marks. */
function titleWords(title: string): string {
  const words = title
    .replace(/\$[^$]*\$|\\[A-Za-z]+/g, ' ')
    .replace(/[^\p{L}\p{N}'-]+/gu, ' ')
    .trim()
  return words.length > longestTitleQuery ? words.slice(0, longestTitleQuery).replace(/\s\S*$/, '') : words
}

function whyNoId(text: string, isDoi: boolean): string {
  const id = looksLikeArxivId(text) ? parseArxivId(text) : undefined
  if (id && 'error' in id) return id.error
  const found = `'${text.trim().slice(0, 60).toWellFormed()}'`
  return isDoi
    ? `${found} is a DOI of another publisher; only papers of arXiv are fetched`
    : `${found} is no id or address of arXiv such as 2008.05171, cs/9808004 or https://arxiv.org/abs/2008.05171`
}

function nameOfIds(texts: readonly string[]): string {
  const [first = 'nothing'] = texts
  return texts.length > 1 ? `${first.trim()} and ${texts.length - 1} more from arXiv` : `${first.trim()} from arXiv`
}

function once(call: () => void): () => void {
  let called = false
  return () => {
    if (!called) call()
    called = true
  }
}

/** The lines of a text that is nothing but ids and addresses of arXiv, at least one of which looks like one; else undefined. */
export function linesOfIds(text: string): string[] | undefined {
  if (text.length > 100_000) return undefined
  const lines = text.split(/\r\n?|\n/).map(line => line.trim())
  const given = lines.filter(Boolean)
  if (!given.length || given.some(line => /\s/.test(line.replace(/^(?:arxiv|doi):\s+/i, '')))) return undefined
  return given.some(line => findIdentifier(line)?.kind === 'arxiv' || looksLikeArxivId(line)) ? given : undefined
}
