/** What the library of papers holds and gives: the nouns that the site, the HTTP edge and the command line share. */
import type { Paper } from '@offprint/papers'
import type { FacetKind } from './facets.ts'
import type { Found } from './marked.ts'
import type { Period, PeriodKind } from './period.ts'
import type { Sorting } from './query.ts'
import type { Reading } from './reading.ts'
import type { SearchOptions } from './search.ts'
import type { CsvOptions } from './sources/csv.ts'
import type { ImportFormat, ReadItem } from './sources/formats.ts'

export interface Author {
  name: string
  affiliation?: string
  /** An organisation, or another name that must not be taken apart into given and family name. */
  whole?: true
  /** Who of this site's people has claimed to be this author. */
  claimedBy?: string
}

/** One paper, whatever it came from. All text is stored as text: `<script>` in a title is nine characters. */
export interface PaperRecord {
  /** Base arXiv id (`2008.05171`, `cs/9808004`), else `doi:` and the DOI in lower case, else `t:` and 16 hex digits. */
  key: string
  /** Base id without version. */
  arxivId?: string
  /** Newest version seen, from 1. */
  version?: number
  /** In lower case, without a resolver's address. */
  doi?: string
  title: string
  /** Paragraphs are separated by an empty line. Empty where only our summary is known. */
  abstract: string
  /** Empty where the names are not known; never filled with made-up ones. */
  authors: Author[]
  /** How many authors there are, where that is known. */
  authorCount?: number
  categories: string[]
  primary?: string
  organization?: string
  /** First version's day, `YYYY-MM-DD`; `YYYY-MM` or `YYYY` where only the month or the year is known. */
  publishedAt?: string
  /** Latest version's day, `YYYY-MM-DD`. */
  updatedAt?: string
  /** When it appeared on this site, ISO 8601 in UTC with milliseconds. Daily pages group by its day. */
  submittedAt: string
  comment?: string
  journalRef?: string
  license?: string
  withdrawn: boolean
  /** A http or https URL. */
  projectPage?: string
  /** A http or https URL. */
  githubRepo?: string
  /** Where it came from first: `offprint` (a paper that runs here), or the format that it was read from: `listing`, `arxiv`, `bibtex`… */
  source: string
  sourceUrl?: string
  /** When its data last changed, ISO 8601 in UTC with milliseconds. */
  fetchedAt: string
  /** Offprint's own words about a paper that runs here. */
  summary?: string
  /** Topics of a paper that runs here, from its definition. */
  topics: string[]
  /** Name of the paper module, where the paper runs here. */
  slug?: string
  /** It has a method that can be run here. */
  runs?: boolean
  /** Comments on the site that a listing was copied from; never our own. */
  commentCount?: number
  /** Votes on the site that it came from; never our own. */
  externalVotes?: number
  /** The text as it came, where TeX was turned into letters. */
  raw?: { title?: string; abstract?: string; authors?: string[] }
  /** What its sources say beyond all of this, by the names that they have for it; at most 20 kB as JSON. */
  extra?: Record<string, unknown>
}

/** A record as it is exported: without what comes from our definitions. */
export type ExportedRecord = Omit<PaperRecord, 'summary' | 'topics' | 'slug' | 'runs'>

/** A record as an importer reads it, before it is matched with the library. */
export type ImportedRecord = Partial<Omit<PaperRecord, 'summary' | 'topics' | 'slug' | 'runs'>> &
  Pick<PaperRecord, 'title' | 'abstract' | 'authors' | 'categories' | 'withdrawn' | 'source'>

/** What a reader of an import file found: a record, or why there is none. `line` counts from 1. */
export type ImportItem = { record: ImportedRecord; line: number; repaired?: boolean } | { refused: Refusal }

export interface Refusal {
  /** First line of what was refused, counted from 1. */
  line: number
  reason: string
}

export interface ImportReport {
  id: string
  /** What was imported, such as a file's name. */
  name: string
  format: ImportFormat
  /** Records read so far: added, updated, unchanged and refused ones together. Only what is committed counts. */
  read: number
  added: number
  updated: number
  unchanged: number
  /** The first 1000. */
  refused: Refusal[]
  refusedCount: number
  /** How many ids were damaged by a spreadsheet and could be repaired. */
  repaired: number
  /** What the reader should know about the whole, such as bytes that were not UTF-8. */
  notes: string[]
  startedAt: string
  finishedAt?: string
  /** `interrupted`: cancelled, or its process is gone. What was committed stays in either case. */
  state: 'running' | 'done' | 'interrupted' | 'failed'
  /** What went wrong, where `state` is `failed`. */
  error?: string
}

export interface ImportOptions {
  /** Default: found from how the text begins. */
  format?: ImportFormat
  /** Of a table: the header of the column for each field, where it has none of the usual names. */
  columns?: CsvOptions['columns']
  /** What is imported, such as a file's name. Shown in the report. */
  name: string
  /** Year of a listing's date, where it is not the latest possible one. */
  year?: number
  /** Most bytes that a gzip file may unpack to. Default 200 MB; from 10 MB on at most 100 times its size in any case. */
  unpackedLimit?: number
  /** Stops after the current batch; the report's state is then `interrupted`. */
  signal?: AbortSignal
  /**
   * Nobody waits for this process: 500 records a commit instead of 200, which takes less time in all. Whoever writes
   * meanwhile waits for up to half a second. Default false.
   */
  alone?: boolean
  /** Called after each commit, or about 250 ms apart. */
  onProgress?(report: ImportReport): void
}

/** What a reader of items is given. */
export interface ItemReading {
  /**
   * Commits all items that were taken so far, together with what `write` writes (how far the reader is, say), in one
   * transaction: either both are there afterwards or neither.
   */
  checkpoint(write?: () => void): void
  /** Adds a sentence to the report. */
  note(text: string): void
  /** When the import started, ISO 8601 in UTC. */
  startedAt: string
}

/** Gives items that are read already, one after the other. */
export type ItemReader = (reading: ItemReading) => AsyncIterable<ReadItem>

export interface ImportItemsOptions extends Pick<ImportOptions, 'name' | 'signal' | 'alone' | 'onProgress'> {
  format: ImportFormat
  /** Called once, as soon as the import has an id. */
  onStart?(report: ImportReport): void
}

/** What an import would do, found without changing anything. */
export interface ImportPreview
  extends Pick<
    ImportReport,
    'name' | 'format' | 'read' | 'added' | 'updated' | 'unchanged' | 'refused' | 'refusedCount' | 'repaired' | 'notes'
  > {
  /** Whether there is more than was looked at. */
  more: boolean
  /** The first 200 that would change something, else of those that would not. In the order of the text. */
  records: PreviewRecord[]
  /** What ended the reading early. */
  error?: string
}

export interface PreviewRecord {
  /** Where it starts, from 1. */
  line: number
  outcome: 'added' | 'updated' | 'unchanged'
  /** Under which the paper is found afterwards. */
  key: string
  title: string
  repaired?: boolean
  /** Line of an earlier record of the same paper in the same text. */
  sameAs?: number
  /** Which fields change. */
  changes: { field: string; from?: string; to?: string }[]
  /** Papers that look the same but have another arXiv id: they stay apart. */
  lookalikes: { key: string; title: string }[]
}

/** A piece of text that does or does not match the query. Put together they give the text. */
export interface TextPart {
  text: string
  match: boolean
}

export interface FoundPaper extends PaperRecord {
  titleParts: TextPart[]
  /** About 240 characters of the abstract or summary around the first match; an ellipsis stands where it was cut. */
  snippetParts: TextPart[]
}

export interface SearchResult {
  /** One page, best first. */
  papers: FoundPaper[]
  /** Papers found in all. */
  total: number
  /** Key of the paper that the query names by id or URL: open it. */
  open?: string
  /** A paper that runs here under the name that was searched for; what has the word is found all the same. */
  called?: { key: string; title: string }
  /** A sentence about how the query was understood, where that is not as it was written. */
  note?: string
  /** The query as it may have been meant, where nothing was found for it. */
  suggestion?: string
  /** It asks for what the reader did: lists, tags, notes, votes. */
  personal?: boolean
  /** The order that the query asks for. */
  sort?: Sorting
  /** How many of what was found are of which kind, where that was asked for. */
  facets?: FacetCounts
  /**
   * Papers that lack a word of the query but have others of them, or are close in meaning; the best ten, on the last page of
   * what was found, and only for a query of plain words.
   */
  close?: FoundPaper[]
}

export interface FacetCount {
  value: string
  count: number
  /** As people read it, where that differs. */
  label?: string
}

/** Counts of what a search found, the largest first; years the newest first. */
export interface FacetCounts {
  years: FacetCount[]
  categories: FacetCount[]
  authors: FacetCount[]
  organizations: FacetCount[]
  code: number
  runs: number
  /** Of how many papers, where only the newest were counted. */
  among?: number
}

/** A paper like another. */
export interface SimilarPaper {
  paper: PaperRecord
  /** Cosine of their vectors, −1 to 1. */
  similarity: number
  /** What they have in common, the most telling first: `product quantization`, `recall`. None only where another embedder finds them alike. */
  shared: string[]
}

/** The papers that appeared here on one day (UTC). */
export interface Day {
  /** `YYYY-MM-DD`. */
  date: string
  /** One page of them, by `submittedAt`, then in the order in which they came. May be empty. */
  papers: PaperRecord[]
  /** Papers of the day in all. */
  total: number
  /** The nearest earlier day that has papers. */
  previous?: string
  /** The nearest later day that has papers. */
  next?: string
}

/** The papers that appeared here in a day, a week or a month (UTC). */
export interface PeriodPapers extends Period, Omit<Day, 'date' | 'previous' | 'next'> {
  /** Names of the nearest earlier and later periods of this kind that have papers. */
  previous?: string
  next?: string
  /** Names of the day, the week and the month that its newest papers are in. */
  around: Record<PeriodKind, string>
}

/** Papers that belong together, shown by the one in their middle. */
export interface Topic {
  /** Stable from day to day as long as the medoid or most of the members stay. Letters, digits, `.` and `-`. */
  id: string
  /** Key of the paper in the middle: the member with the least distance to all the others. */
  medoid: string
  /** Up to six words that tell this topic from the rest, the most telling first. */
  words: string[]
  /** All papers of the topic with the cosine distance to the medoid (0 to 1), nearest first; the medoid is the first. */
  members: { key: string; distance: number }[]
  history?: TopicHistory
}

/** How many papers of a topic were published when. */
export interface TopicHistory {
  unit: 'week' | 'month' | 'year'
  /** The oldest first: a week's Monday `2026-11-23`, a month `2026-11`, a year. */
  periods: string[]
  counts: number[]
  /** Of all papers of the period, 0 to 1. */
  shares: number[]
  /** Share in the newest quarter of the periods as a multiple of that before. */
  factor?: number
  /** Where the two differ by more than three standard errors. */
  change?: 'rising' | 'falling'
}

/** The papers of a category, an author or an organization. */
export interface FacetPapers {
  /** As it is written: of several spellings the one of the newest paper. */
  label: string
  /** One page, the newest first. */
  papers: PaperRecord[]
  total: number
  facets: FacetCounts
}

/** Where a key, an id in any accepted spelling, an old key or a slug leads. */
export interface Redirect {
  /** Key to go to. */
  redirect: string
  /** The version that was asked for. */
  version?: number
}

/** The library of papers. All calls are synchronous but those that import; several processes may use one database. */
export interface Library {
  /**
   * Puts the papers that run here in. Called again it changes only what changed in the definitions, and never an
   * abstract. A paper whose definition is gone stays, without `slug`.
   */
  seed(papers: readonly Paper[]): void
  /** The paper of this key, or where to go from an old key, an id in another spelling, a version, a DOI or a slug. */
  paper(keyOrId: string): PaperRecord | Redirect | undefined
  /** Of these papers, by their keys, the key that each had at first, where that was another. It never changes. */
  firstKeys(keys: string[]): Map<string, string>
  /**
   * @param date `YYYY-MM-DD`; undefined comes back where that is no day, or one in the future
   * @param options.limit papers a page, default 100
   * @param options.offset papers to skip, default 0
   */
  day(date: string, options?: { limit?: number; offset?: number }): Day | undefined
  /**
   * The same for a day, a week (`2026-W48`) or a month (`2026-11`).
   *
   * @param options.sort in the order in which they came (the default), what trends or has most votes first
   * @param options.withoutHidden leaves out what the reader has hidden; default false
   */
  period(
    name: string,
    options?: { limit?: number; offset?: number; sort?: 'arrival' | 'trending' | 'top'; withoutHidden?: boolean },
  ): PeriodPapers | undefined
  /** The newest day that has papers, `YYYY-MM-DD`. */
  latestDay(): string | undefined
  /**
   * Imports a pasted listing or JSON lines. What `onProgress` or the result counts is committed. Never rejects because of
   * what the text says or how its source ends: the report says it.
   */
  importStream(chunks: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<ImportReport>
  /** What the reader makes of the papers. */
  reading: Reading
  /**
   * Imports items that are read already, such as those of a harvest, whose state is committed together with them. Never
   * rejects, as `importStream`.
   */
  importItems(read: ItemReader, options: ImportItemsOptions): Promise<ImportReport>
  /** What `importStream` would do with the first 2,000 records. Nothing is changed, and nobody waits for it. */
  preview(chunks: AsyncIterable<Uint8Array>, options: Omit<ImportOptions, 'onProgress'>): Promise<ImportPreview>
  /** The same for `importItems`; a reader's checkpoints write nothing. */
  previewItems(read: ItemReader, options: ImportItemsOptions): Promise<ImportPreview>
  importReport(id: string): ImportReport | undefined
  /** The newest 100, newest first. */
  imports(): ImportReport[]
  /**
   * Words (all must be there), `"a phrase"`, `-word`, `OR`, parentheses and filters (see query.ts); an empty query gives what
   * is trending. Any string is answered.
   */
  search(query: string, options?: SearchOptions): SearchResult
  /** The same in two parts: what is found, and the papers that it shows. */
  found(query: string, options?: SearchOptions): Found
  show(found: Found): SearchResult
  /** How many of the papers that a search finds came in after a moment (ISO 8601). */
  countSince(query: string, moment: string): number
  /**
   * Papers like this one, the most alike first, by the vectors as they were last computed; empty before the first time.
   *
   * @param most default 6
   */
  similar(key: string, most?: number): SimilarPaper[]
  /** Revision of the library that the vectors in use were computed from; undefined where there are none. */
  vectorsRevision(): number | undefined
  /**
   * Papers of this category (or archive, such as `cs`), author or organization, by its value (see facets.ts); undefined where
   * there are none.
   */
  facet(
    kind: 'category' | 'author' | 'organization',
    value: string,
    options?: { limit?: number; offset?: number },
  ): FacetPapers | undefined
  /** The values of a kind that most papers have, the most frequent first. */
  facetValues(kind: FacetKind, limit?: number): FacetCount[]
  /**
   * What trends, one page after the other: the order may change between two pages, and still no paper is lost or repeated
   * that stayed where it was.
   *
   * @param options.after what the page before gave as `next`; one that cannot be read gives the first page
   */
  trending(options?: { limit?: number; after?: string }): { papers: PaperRecord[]; next?: string }
  /**
   * As Hacker News orders: votes here and elsewhere against age. Changes with time.
   */
  hot(limit?: number): PaperRecord[]
  /** All papers of a list, by its id, the last ones that came in first. */
  listed(list: number): IterableIterator<PaperRecord>
  /** Of these papers the first in an order. */
  ordered(keys: string[], sort: 'new' | 'top', limit?: number): PaperRecord[]
  /** Papers in the library. */
  count(): number
  /** All papers in the order in which they came, without loading them at once. */
  records(): IterableIterator<PaperRecord>
  /** Grows with each commit that changed a paper. */
  revision(): number
  /** The topics as they were last computed; empty before the first time. */
  topics(): Topic[]
  topic(id: string): Topic | undefined
  /** Revision of the library that the stored topics were computed from; undefined before the first time. */
  topicsRevision(): number | undefined
  /** Revision of the library whose words lie ready for quick searches; undefined where none do. */
  wordsRevision(): number | undefined
  /** Brings the words that lie in a folder for quick searches up to the library as it is. */
  saveWords(folder: string): Promise<void>
  /**
   * Stores newly computed topics. Their ids are taken over from the stored ones where the medoid or most members stayed.
   *
   * @param revision `revision()` from before the records were read
   */
  saveTopics(topics: Topic[], revision: number): void
}
