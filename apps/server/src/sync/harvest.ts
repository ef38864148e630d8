/** Harvests from arXiv and Hugging Face: page after page, each kept as it comes, so that a killed one goes on where it was. */
import { setTimeout as timeout } from 'node:timers/promises'
import { isDay } from '../library/listing.ts'
import { type AtomPage, parseArxivAtom } from '../library/sources/arxiv-atom.ts'
import { OaiError, type OaiItem, parseArxivOai } from '../library/sources/arxiv-oai.ts'
import { ArxivError } from '../library/sources/arxiv-record.ts'
import { parseHfDailyPapers } from '../library/sources/hf-daily-papers.ts'
import type { SourceItem } from '../library/sources/paper-record.ts'
import { XmlError } from '../library/sources/xml-records.ts'
import type { ImportItem } from '../library/types.ts'
import { backOffMs } from './pace.ts'
import { FetchError } from './polite-fetch.ts'

/** Gets an address at the pace that its site wants, such as `pacedGet` does. */
export type Get = (address: string) => Promise<{ status: number; body: AsyncIterable<Uint8Array> }>

interface HarvestOptions<State> {
  get: Get
  /**
   * Called after each page, when all of its items were taken. Commit them before, or together with the state: what is called
   * saved is not asked for again.
   */
  save?(state: State): void | Promise<void>
  /** Called once for each page that has bytes which are not UTF-8. */
  onInvalid?(): void
  /** Waits before a page that was cut off is asked for again. Default: as long as it is told. */
  pause?(ms: number): Promise<unknown>
}

/** A harvest that could not go on. What was saved stays, and the next one starts from there. */
export class HarvestError extends Error {
  override name = 'HarvestError'
}

/** How far a harvest of OAI-PMH is: of one set in one format. */
export interface OaiState {
  /** First day that is asked for, `YYYY-MM-DD`; all days where there is none. */
  from?: string
  /** Of the next page. None: the harvest is done, or at its first page. */
  token?: string
  /** When the first page of the harvest was answered. Papers that change meanwhile may be missing from its later pages. */
  responseDate?: string
}

export interface OaiOptions extends HarvestOptions<OaiState> {
  /** `cs`, `physics:hep-th`, `cs:cs:DC`. Default: all of arXiv. */
  set?: string
  /** First day of the first harvest. Later ones start where the state says. */
  from?: string
  /** Default `arXivRaw`, which has all versions. */
  metadataPrefix?: 'arXiv' | 'arXivRaw' | 'oai_dc'
  /** What was last saved for this set and format. */
  state?: OaiState
  address?: string
}

/**
 * Papers that changed since a day, from arXiv's OAI-PMH interface. The return value is the state for the next harvest.
 * Where arXiv has forgotten how far we were, it starts again from the same day: what comes twice changes nothing.
 *
 * @throws OaiError, XmlError as `parseArxivOai` does
 * @throws HarvestError where arXiv answers with a fault, or leads in a circle
 */
export async function* harvestArxivOai({
  set,
  from,
  metadataPrefix = 'arXivRaw',
  state = {},
  get,
  save,
  onInvalid,
  pause,
  address = 'https://oaipmh.arxiv.org/oai',
}: OaiOptions): AsyncGenerator<OaiItem, OaiState> {
  const read = (body: AsyncIterable<Uint8Array>) => parseArxivOai(body, { onInvalid })
  let now: OaiState = { ...state, from: state.from ?? from }
  let restartedAt = -1
  for (let pageNumber = 0; ; pageNumber++) {
    const { token } = now
    const query = token ? { resumptionToken: token } : { metadataPrefix, set, from: now.from }
    try {
      const asked = withQuery(address, { verb: 'ListRecords', ...query })
      const page = yield* whole(pause, async function* () {
        return yield* readAnswer(await get(asked), address, read)
      })
      if (page.resumptionToken && page.resumptionToken === token)
        throw new HarvestError(`${hostOf(address)}: the same page again and again`)
      const responseDate = token ? now.responseDate : page.responseDate
      now = page.resumptionToken
        ? { ...now, token: page.resumptionToken, responseDate }
        : { from: dayOf(responseDate) ?? now.from, responseDate }
    } catch (error) {
      const isForgotten = error instanceof OaiError && error.code === 'badResumptionToken' && token !== undefined
      // Once for each page: no further than the last time is no way forward.
      if (!isForgotten || pageNumber <= restartedAt) throw error
      restartedAt = pageNumber
      pageNumber = -1
      now = { from: now.from }
      continue
    }
    await save?.(now)
    if (!now.token) return now
  }
}

function dayOf(moment: string | undefined): string | undefined {
  const day = moment?.slice(0, 10) ?? ''
  return isDay(day) ? day : undefined
}

/** How far a query is. */
export interface QueryState {
  /** How many papers came so far. */
  start: number
  /** How many match in all, as the last page says. */
  total?: number
  /** All that match have come. */
  complete: boolean
}

export interface QueryOptions extends HarvestOptions<QueryState> {
  /** In arXiv's language: `cat:cs.DC AND ti:"load balancing"`. */
  query: string
  /** How many papers at most, up to arXiv's own limit of 30,000, which is the default. */
  most?: number
  /** 1 to 2,000, which is arXiv's limit and the default. */
  pageSize?: number
  sortBy?: 'relevance' | 'lastUpdatedDate' | 'submittedDate'
  sortOrder?: 'ascending' | 'descending'
  /** What was last saved for this query, on the same day: its results change from day to day. */
  state?: QueryState
  address?: string
}

const mostResults = 30_000
const longestPage = 2_000
const pageRetries = 3

/**
 * Papers that match a query, from arXiv's query interface. A page is given when it is whole: one with fewer papers than
 * there are is a fault of arXiv's that happens, and is asked for again.
 *
 * @throws ArxivError, XmlError as `parseArxivAtom` does
 * @throws HarvestError where a page stays too short
 */
export async function* harvestArxivQuery({
  query,
  most = mostResults,
  pageSize = longestPage,
  sortBy = 'submittedDate',
  sortOrder = 'descending',
  state = { start: 0, complete: false },
  get,
  save,
  onInvalid,
  pause,
  address = 'https://export.arxiv.org/api/query',
}: QueryOptions): AsyncGenerator<ImportItem, QueryState> {
  const end = Math.min(most, mostResults)
  const size = Math.max(1, Math.min(pageSize, longestPage))
  let now = state
  while (!now.complete && now.start < end) {
    const asked = Math.min(size, end - now.start)
    const from = { search_query: query, start: now.start, max_results: asked, sortBy, sortOrder }
    const { items, total } = await wholePage(withQuery(address, from), now.start, asked)
    yield* items
    const start = now.start + items.length
    now = { start, total, complete: start >= total }
    await save?.(now)
  }
  return now

  async function wholePage(page: string, start: number, asked: number) {
    for (let attempt = 0; ; attempt++) {
      const read = (body: AsyncIterable<Uint8Array>) => parseArxivAtom(body, { onInvalid })
      const [items, about] = await wholeList(pause, async () => readAnswer(await get(page), address, read))
      const problem = faultOf(about, start, asked)
      if (problem === undefined) return { items, total: about.totalResults! }
      if (attempt === pageRetries) throw new HarvestError(`${hostOf(address)}: ${problem}, also when asked again`)
    }
  }
}

/** What is wrong with a page, as a whole. */
function faultOf({ totalResults, startIndex, entries }: AtomPage, start: number, asked: number): string | undefined {
  if (totalResults === undefined) return 'a page that does not say how many papers match'
  if (startIndex !== undefined && startIndex !== start) return `a page from paper ${startIndex} instead of ${start}`
  const expected = Math.max(0, Math.min(asked, totalResults - start))
  return entries < expected
    ? `a page of ${entries} papers instead of ${expected} (from ${start} of ${totalResults})`
    : undefined
}

/** How often a page is asked for that breaks off, the first time included. */
const tries = 5
const sleep = (ms: number) => timeout(ms)

/** Reads a page again where it broke off; what came twice changes nothing. */
async function* whole<Item, Page>(
  pause: HarvestOptions<unknown>['pause'] = sleep,
  read: () => AsyncGenerator<Item, Page>,
): AsyncGenerator<Item, Page> {
  for (let attempt = 1; ; attempt++) {
    try {
      return yield* read()
    } catch (error) {
      if (!brokeOff(error) || attempt === tries) throw error
      await pause(backOffMs(attempt))
    }
  }
}

/** The items of a page that counts only when it is whole, and what it says about itself. */
async function wholeList<Item, Page>(
  pause: HarvestOptions<unknown>['pause'] = sleep,
  open: () => Promise<AsyncGenerator<Item, Page>>,
): Promise<[Item[], Page]> {
  for (let attempt = 1; ; attempt++) {
    try {
      const items: Item[] = []
      const reader = await open()
      for (;;) {
        const { done, value } = await reader.next()
        if (done) return [items, value]
        items.push(value)
      }
    } catch (error) {
      if (!brokeOff(error) || attempt === tries) throw error
      await pause(backOffMs(attempt))
    }
  }
}

/** A connection that ended, or a text that did: sites that fail midway close an answer as if it were whole. */
function brokeOff(error: unknown): boolean {
  return (error instanceof FetchError && error.passing) || error instanceof XmlError || error instanceof EarlyEnd
}

class EarlyEnd extends HarvestError {}

/** Most ids that arXiv is asked for at a time. */
export const mostIds = 100

/**
 * Papers by their arXiv ids, at most 100, in the order in which arXiv gives them. Ids that it does not know are left out of
 * its answer: the return value names them.
 *
 * @throws ArxivError, XmlError as `parseArxivAtom` does
 * @throws HarvestError where arXiv answers with a fault
 */
export async function* harvestArxivIds({
  ids,
  get,
  onInvalid,
  pause,
  address = 'https://export.arxiv.org/api/query',
}: Omit<HarvestOptions<never>, 'save'> & { ids: readonly string[]; address?: string }): AsyncGenerator<
  ImportItem,
  string[]
> {
  const left = new Set(ids)
  if (!left.size) return []
  const page = withQuery(address, { id_list: [...left].join(','), max_results: left.size })
  const read = (body: AsyncIterable<Uint8Array>) => parseArxivAtom(body, { onInvalid })
  const [items] = await wholeList(pause, async () => readAnswer(await get(page), address, read))
  for (const item of items) {
    if ('record' in item) left.delete(item.record.arxivId ?? '')
    yield item
  }
  return [...left]
}

/** How far a listing is. */
export interface DailyState {
  /** Next page, from 0. */
  page: number
  /** All pages have come. */
  complete: boolean
}

/** One of `date` (`2026-11-27`), `week` (`2026-W48`) and `month` (`2026-11`). */
export type DailyPeriod =
  | { date: string; week?: never; month?: never }
  | { week: string; date?: never; month?: never }
  | { month: string; date?: never; week?: never }

export type DailyOptions = DailyPeriod & HarvestOptions<DailyState> & { state?: DailyState; address?: string }

const dailyPageSize = 100

/**
 * The papers of a day, a week or a month as Hugging Face lists them. The end is a page with an empty list, and nothing else.
 *
 * @throws HarvestError where a page is no list, ends early, or is the one before again
 */
export async function* harvestHfDaily({
  date,
  week,
  month,
  state = { page: 0, complete: false },
  get,
  save,
  onInvalid,
  pause,
  address = 'https://huggingface.co/api/daily_papers',
}: DailyOptions): AsyncGenerator<SourceItem, DailyState> {
  const readList = (body: AsyncIterable<Uint8Array>) => readDailyList(body, address, onInvalid)
  let now = state
  let before = ''
  while (!now.complete) {
    const page = withQuery(address, { date, week, month, p: now.page, limit: dailyPageSize })
    const [items] = await wholeList(pause, async () => readAnswer(await get(page), address, readList))
    const names = JSON.stringify(items.map(item => ('record' in item ? item.record.arxivId : item.refused.reason)))
    if (items.length && names === before) throw new HarvestError(`${hostOf(address)}: the same page again and again`)
    before = names
    yield* items
    now = items.length ? { page: now.page + 1, complete: false } : { ...now, complete: true }
    await save?.(now)
  }
  return now
}

async function* readDailyList(
  body: AsyncIterable<Uint8Array>,
  address: string,
  onInvalid?: () => void,
): AsyncGenerator<SourceItem> {
  const ends = { first: '', last: '' }
  yield* parseHfDailyPapers(watchEnds(body, ends), { onInvalid })
  if (ends.first !== '[') throw new HarvestError(`${hostOf(address)}: an answer that is no list`)
  if (ends.last !== ']') throw new EarlyEnd(`${hostOf(address)}: a list that ends early`)
}

/** Passes chunks on, and notes the first and the last character that is no white space. */
async function* watchEnds(
  chunks: AsyncIterable<Uint8Array>,
  ends: { first: string; last: string },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1')
    ends.first ||= /[^\sï»¿]/.exec(text)?.[0] ?? ''
    ends.last = /\S(?=\s*$)/.exec(text.slice(-1000))?.[0] ?? ends.last
    yield chunk
  }
}

/**
 * The items of an answer. Of one with another status than 200 none are taken, only arXiv's own words about what is wrong.
 *
 * @throws HarvestError
 */
async function* readAnswer<Item, Page>(
  { status, body }: Awaited<ReturnType<Get>>,
  address: string,
  read: (body: AsyncIterable<Uint8Array>) => AsyncGenerator<Item, Page>,
): AsyncGenerator<Item, Page> {
  if (status === 200) return yield* read(body)
  try {
    for await (const _ of read(body)) break
  } catch (error) {
    if (error instanceof ArxivError) throw error
  }
  throw new HarvestError(`${hostOf(address)}: it answered with HTTP ${status}`)
}

function withQuery(address: string, fields: Record<string, string | number | undefined>): string {
  const url = new URL(address)
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined && value !== '') url.searchParams.set(name, String(value))
  return url.href
}

function hostOf(address: string): string {
  return new URL(address).host
}
