/** A list of papers as a feed: what Atom, RSS and JSON Feed have in common. */
import { createHash } from 'node:crypto'
import type { Library, PaperRecord } from '../library/types.ts'

export interface Feed {
  title: string
  /** Where people read the same list. */
  page: string
  /** Its own address, and that of what comes after it. */
  self: string
  next?: string
  /** Stays the same wherever the feed is fetched from. */
  id: string
  /** When its newest entry changed, ISO 8601; undefined for an empty one. */
  updated?: string
  /** It says what the reader does, or its address is a secret: nobody else's business. */
  personal: boolean
  entries: FeedEntry[]
}

export interface FeedEntry {
  id: string
  url: string
  title: string
  authors: string[]
  /** Plain text; paragraphs are separated by an empty line. */
  text: string
  categories: string[]
  /** When it appeared on this site, and when what is known of it last changed; ISO 8601. */
  published: string
  updated: string
}

/** Where the site is reached, from its settings: never from a request. */
export interface Place {
  /** With the path under which it lies, and without a slash at the end. */
  url: string
  host: string
}

export const mostEntries = 200
const entriesAtOnce = 50

export interface FeedQuery {
  /** A search, as the search page takes it; without one and without a topic: all papers. */
  q?: string
  topic?: string
  /** Stays in the feed's own addresses: a feed reader cannot log in. */
  key?: string
  /** Entries, 1 to 200, default 50. */
  limit?: number
  /** From 1. */
  page?: number
}

/**
 * The newest papers of a list.
 * @param ending `atom`, `rss` or `json`: of the feed's own address
 * @returns undefined where there is no such topic
 */
export function paperFeed(library: Library, place: Place, query: FeedQuery, ending: string): Feed | undefined {
  const limit = clamp(query.limit, entriesAtOnce, mostEntries)
  const page = clamp(query.page, 1, 100_000)
  const topic = query.topic === undefined ? undefined : library.topic(query.topic)
  if (query.topic !== undefined && !topic) return undefined
  const skip = (page - 1) * limit
  let papers: PaperRecord[]
  let personal = query.key !== undefined
  if (topic) {
    const members = topic.members.flatMap(({ key }) => {
      const paper = library.paper(key)
      return paper && !('redirect' in paper) ? [paper] : []
    })
    papers = members.sort(newestFirst).slice(skip, skip + limit + 1)
  } else if (query.q) {
    const found = library.search(query.q, { limit: limit + 1, offset: skip, following: true })
    personal ||= found.personal ?? false
    papers = found.papers
  } else papers = library.search('sort:new', { limit: limit + 1, offset: skip }).papers
  const shown = papers.slice(0, limit).filter(paper => !paper.withdrawn)
  const address = (path: string, parameters: Record<string, string | number | undefined>) => {
    const given = Object.entries(parameters).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]],
    )
    return `${place.url}${path}${given.length ? `?${new URLSearchParams(given)}` : ''}`
  }
  const given = { q: query.q || undefined, topic: query.topic, limit: query.limit, key: query.key }
  const firstKeys = library.firstKeys(shown.map(paper => paper.key))
  const entries = shown.map(paper => entryOf(paper, firstKeys.get(paper.key) ?? paper.key, place))
  const name = topic ? topic.words.slice(0, 3).join(', ') : query.q
  return {
    title: name ? `Offprint: ${name}` : 'Offprint: new papers',
    page: topic ? `${place.url}/topics/${topic.id}` : query.q ? address('/search', { q: query.q }) : `${place.url}/`,
    self: address(`/feed.${ending}`, { ...given, page: page > 1 ? page : undefined }),
    next: papers.length > limit ? address(`/feed.${ending}`, { ...given, page: page + 1 }) : undefined,
    id: `tag:${place.host},2025:feed:${topic ? `topic:${topic.id}` : query.q ? `search:${digest(query.q)}` : 'papers'}`,
    updated: entries
      .map(entry => entry.updated)
      .sort()
      .at(-1),
    personal,
    entries,
  }
}

/** Where a paper's page is. Old arXiv ids keep their slash. */
export function paperAddress(place: Place, key: string): string {
  return `${place.url}/papers/${key.split('/').map(encodeURIComponent).join('/')}`
}

/** @param firstKey a reader knows an entry by it: a paper whose arXiv id comes to be known gets another key, and no other entry */
function entryOf(paper: PaperRecord, firstKey: string, place: Place): FeedEntry {
  return {
    id: `tag:${place.host},2025:paper:${firstKey}`,
    url: paperAddress(place, paper.key),
    title: paper.title,
    authors: paper.authors.map(author => author.name),
    text: paper.summary || paper.abstract,
    categories: [...new Set([...paper.topics, ...paper.categories])],
    published: paper.submittedAt,
    updated: paper.fetchedAt > paper.submittedAt ? paper.fetchedAt : paper.submittedAt,
  }
}

function newestFirst(a: PaperRecord, b: PaperRecord): number {
  if (a.submittedAt !== b.submittedAt) return a.submittedAt < b.submittedAt ? 1 : -1
  const [left, right] = [a.publishedAt ?? '', b.publishedAt ?? '']
  if (left !== right) return left < right ? 1 : -1
  return a.key < b.key ? -1 : 1
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

function clamp(value: number | undefined, preset: number, most: number): number {
  return value !== undefined && Number.isFinite(value) ? Math.min(most, Math.max(1, Math.floor(value))) : preset
}
