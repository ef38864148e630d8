/**
 * Finding papers: BM25 over the index fused with the closeness of vectors.
 *
 * Every paper that is found has the words; vectors change the order of the best. Behind them comes what has some of the words,
 * also in other forms (`clustered` for `clustering`), or is close in meaning. The order is by BM25 as a share of the best
 * paper's, plus half the cosine of the vectors. Measured by `npm run bench -- relevance` (nDCG@10): plain BM25 0.661 on SciFact
 * and 0.534 on MedQuAD, words alone 0.690 and 0.601, this 0.696 and 0.603; without other forms it was 0.671 and 0.596. Fusing
 * ranks by 1 / (60 + rank), as is common, gives 0.581 and 0.444: it takes the weaker list to be as good as the stronger one.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { breathe } from '@offprint/kernels'
import { readTogether } from '../database.ts'
import { openAllowed } from './allowed.ts'
import { also, asksFor, type Condition, positionsOf } from './conditions.ts'
import { openFacetCounts } from './facet-counts.ts'
import { findIdentifier } from './identifiers.ts'
import { kept } from './kept.ts'
import { type Found, showFound } from './marked.ts'
import {
  anyExpression,
  type Filter,
  matchExpression,
  type Node,
  parseQuery,
  type Query,
  splitWords,
  tellingTerms,
  withForms,
} from './query.ts'
import type { PaperStore } from './store.ts'
import { openSuggestions } from './suggestions.ts'
import type { FacetPapers } from './types.ts'
import type { PaperVectors } from './vectors.ts'
import type { WantedWords, WordIndex } from './word-index.ts'

/** Weights of the index's columns, in their order: title, authors, text, topics, organization, and the joined forms. */
const rank = 'bm25(search, 4, 2, 1, 1, 1, 4, 1)'
const mostPapers = 1000
const mostStatements = 200
/** Of a category or an author the newest of these are counted. */
const mostOfFacet = 20_000
/** The best by BM25 are ordered anew with their vectors. */
const mostFused = 100
const mostPlaces = 200_000
const placedAtOnce = 500
const cosineWeight = 0.5
/** In place of a position. */
const gone = -1
const mostClose = 10
/** Papers less like the query than this are not close. */
const leastClose = 0.3

export interface SearchOptions {
  /** Papers a page, 0 to 1000. Default 20. */
  limit?: number
  /** Papers to skip. Default 0. */
  offset?: number
  /** The query is being typed: its last word may be unfinished. Default false. */
  typing?: boolean
  /** Also count what is found by year, category and so on. Default false. */
  facets?: boolean
  /** For followers of a search: only what matches, never what has some of the words; the newest first unless it has a `sort:`. Default false. */
  following?: boolean
}

/** Total orders, so that pages neither repeat nor lose a paper. */
export const orders = {
  new: 'submittedAt DESC, publishedAt DESC, position',
  top: `(position IN (SELECT position FROM marks WHERE votedAt IS NOT NULL)) DESC, (position IN (SELECT position FROM listed)) DESC,
    ifnull(externalVotes, 0) DESC, submittedAt, key`,
  trending: 'trend DESC, publishedAt DESC, key',
}

const withdrawn: Node = { filter: 'has', value: 'withdrawn' }
const hidden: Node = { filter: 'mark', value: 'hidden' }

export function openSearch(
  database: DatabaseSync,
  store: PaperStore,
  vectors: () => PaperVectors | undefined = () => undefined,
  words: () => WordIndex | undefined = () => undefined,
) {
  const statements = new Map<string, StatementSync>()
  const prepare = (sql: string): StatementSync => {
    const statement = statements.get(sql) ?? database.prepare(sql)
    statements.delete(sql)
    statements.set(sql, statement)
    if (statements.size > mostStatements) statements.delete(statements.keys().next().value!)
    return statement
  }
  const allowed = openAllowed(database, prepare)
  const revisionNow = database.prepare('SELECT revision FROM library')
  const keyOf = database.prepare('SELECT key FROM papers WHERE position = ?')
  const positionOf = database.prepare('SELECT position FROM papers WHERE key = ?')
  const positionAt = kept(mostPlaces, (key: string, _revision: number) => Number(positionOf.get(key)?.position ?? gone))
  const keysAfter = database.prepare('SELECT position, key FROM papers WHERE position > ? ORDER BY position LIMIT ?')
  const lastPosition = database.prepare('SELECT max(position) AS last FROM papers')
  const revision = () => Number(revisionNow.get()!.revision)
  let placed: { known: PaperVectors; revision: number; rows: Int32Array } | undefined

  /** Rows of papers among the vectors, by their positions; −1 for those that are not there. Every search asks for hundreds. */
  function rowsOf(positions: number[], known: PaperVectors): number[] {
    const now = revision()
    if (placed?.known !== known || placed.revision !== now) {
      placed = { known, revision: now, rows: new Int32Array(Number(lastPosition.get()!.last) + 1) }
      // What fails here is looked up one by one.
      placeAll(placed).catch(() => {})
    }
    const { rows } = placed
    return positions.map(position => {
      // 0 where it was not looked up yet.
      if (!rows[position]) rows[position] = known.rowOf(String(keyOf.get(position)?.key)) + 2
      return rows[position] - 2
    })
  }

  /** The same of all papers, in the background: one by one it costs as much as ranking them. */
  async function placeAll(target: NonNullable<typeof placed>): Promise<void> {
    for (let position = 0; ; ) {
      await breathe()
      if (!database.isOpen || placed !== target) return
      const page = keysAfter.all(position, placedAtOnce)
      if (!page.length) return
      for (const row of page) {
        position = Number(row.position)
        target.rows[position] = target.known.rowOf(String(row.key)) + 2
      }
    }
  }
  const anyHidden = database.prepare('SELECT 1 FROM marks WHERE hiddenAt IS NOT NULL LIMIT 1')
  const hasList = database.prepare('SELECT 1 FROM lists WHERE name = ?')
  const suggest = openSuggestions(database)
  const countFacets = openFacetCounts(prepare)

  const search = (text: string, options?: SearchOptions) => readTogether(database, () => show(found(text, options)))
  const found = (text: string, options: SearchOptions = {}) => readTogether(database, () => find(text, options))
  const show = (found: Found) => readTogether(database, () => showFound(found, store.byPosition))

  function find(text: string, options: SearchOptions): Found {
    const { limit = 20, offset = 0, typing = false, facets = false, following = false } = options
    const size = wholeNumber(limit, 20, mostPapers)
    const skip = wholeNumber(offset, 0, Number.MAX_SAFE_INTEGER)
    const query = parseQuery(text, { typing })
    const named = findNamed(query.text)
    if (named) return { query, ...named, papers: named.papers.slice(skip, skip + size) }
    const called = query.text ? store.bySlug(query.text.toLowerCase())?.record : undefined
    const opened = {
      ...(called ? { called: { key: called.key, title: called.title } } : {}),
      ...(query.personal ? { personal: true } : {}),
      ...(query.sort ? { sort: query.sort } : {}),
    }
    if (query.text && !query.nodes.length && !query.sort) {
      const about = { total: 0, ...opened, ...noteOf(query.note, 'There is no word to search for in this.') }
      return { query, papers: [], about }
    }
    const isTrending = query.sort === 'trending' || (!query.nodes.length && !query.sort)
    const more: Node[] = []
    if (isTrending && !asksFor(query, withdrawn)) more.push({ not: withdrawn })
    if (anyHidden.get() && !asksFor(query, hidden)) more.push({ not: hidden })
    const wanted = wantedOf(query.nodes, more)
    const { match, rest } = wanted
    const isFused = Boolean(match) && !isTrending && (query.sort ? query.sort === 'relevance' : !following)
    const first = isFused ? best(wanted) : undefined
    const total = first?.total ?? count(wanted)
    const about = (which: Wanted, of: number, ...notes: (string | undefined)[]) => ({
      total: of,
      ...opened,
      ...noteOf(query.note, ...notes),
      ...(facets && of > 1 ? { facets: countFacets(which) } : {}),
    })
    const sort = isTrending ? 'trending' : query.sort === 'top' ? 'top' : 'new'
    const missing = first && query.plain && isLastPage(total, skip, size) ? mostClose - total : 0
    if (following || (total && missing <= 0))
      return {
        query,
        papers: first ? fused(wanted, first, query, size, skip) : sorted(wanted, sort, size, skip),
        about: about(wanted, total, missingLists(query)),
      }
    // What has not all words may have them in another form.
    const known = words()
    const wide = known && query.plain ? withForms(query, known.related) : query
    if (total || !query.plain || !query.terms.length)
      return {
        query: wide,
        papers: first ? fused(wanted, first, query, size, skip) : [],
        close: first && close(first, wide, rest, missing),
        about: { ...about(wanted, total, missingLists(query)), ...(total ? {} : suggest(query)) },
      }
    const any = anyOf(wide, rest)
    const having = first && best(any)
    const some = having?.total ?? count(any)
    const which = rest.length > more.length ? 'No such paper' : 'No paper'
    const note =
      query.terms.length > 1
        ? `${which} has all of these words; these have some of them.`
        : `${which} has this word; these have it in another form.`
    return {
      query: wide,
      papers: having ? fused(any, having, query, size, skip) : sorted(any, sort, size, skip),
      close: having && close(having, wide, rest, isLastPage(some, skip, size) ? mostClose - some : 0),
      about: { ...about(any, some, some ? note : undefined), ...suggest(wide) },
    }
  }

  /** What the index of words in memory answers, where it can. */
  function inMemory({ words: looked, conditions = [] }: Wanted, k: number, countAll = true) {
    const known = looked && words()
    return known?.search(looked!, { k, only: allowed(conditions), countAll })
  }

  function count(wanted: Wanted): number {
    const known = inMemory(wanted, 0)
    if (known) return known.total
    const { match, rest } = wanted
    const row = match
      ? ((and: Condition) =>
          prepare(`SELECT count(*) AS total FROM search WHERE search MATCH ?${and.sql}`).get(match, ...and.values))(
          also(rest, '+rowid'),
        )
      : ((and: Condition) => prepare(`SELECT count(*) AS total FROM papers WHERE true${and.sql}`).get(...and.values))(
          also(rest, 'position'),
        )
    return Number(row!.total)
  }

  function sorted(wanted: Wanted, sort: keyof typeof orders, size: number, skip: number): number[] {
    const { sql, values } = positionsOf(wanted)
    // Without their records: those of all papers would be sorted with them.
    return prepare(`SELECT position FROM papers WHERE true${sql} ORDER BY ${orders[sort]} LIMIT ? OFFSET ?`)
      .all(...values, size, skip)
      .map(({ position }) => Number(position))
  }

  /** By BM25 alone. */
  function byWords(wanted: Wanted, skip: number, size: number): number[] {
    const known = inMemory(wanted, skip + size)
    if (known) return known.best.slice(skip).map(({ position }) => position)
    const and = also(wanted.rest, '+rowid')
    return prepare(
      `SELECT rowid AS position FROM search WHERE search MATCH ?${and.sql} ORDER BY ${rank}, position LIMIT ? OFFSET ?`,
    )
      .all(wanted.match!, ...and.values, size, skip)
      .map(({ position }) => Number(position))
  }

  /** @param countAll whether it must be right how many there are in all */
  function best(wanted: Wanted, countAll = true): Best {
    const known = inMemory(wanted, mostFused, countAll)
    if (known) return known
    const and = also(wanted.rest, '+rowid')
    const found = prepare(
      `SELECT rowid AS position, ${rank} AS score FROM search WHERE search MATCH ?${and.sql} ORDER BY score, position LIMIT ${mostFused}`,
    )
      .all(wanted.match!, ...and.values)
      .map(row => ({ position: Number(row.position), score: -Number(row.score) }))
    // The best tell how many there are, where they are all.
    const total = found.length < mostFused || !countAll ? found.length : count(wanted)
    return { best: found, total, highest: found[0]?.score ?? 0 }
  }

  /** By shares of the best score and by how close papers are to a text in meaning, the best first. */
  function ordered(scores: Map<number, number>, text: string, known: PaperVectors | undefined): number[] {
    const positions = [...scores.keys()]
    const cosines = known?.similarities(text, rowsOf(positions, known))
    return positions
      .map((position, at) => ({ position, score: scores.get(position)! + cosineWeight * (cosines?.[at] ?? 0) }))
      .sort((a, b) => b.score - a.score)
      .map(({ position }) => position)
  }

  /** One page of what matches, the best first. */
  function fused(wanted: Wanted, { best, highest }: Best, query: Query, size: number, skip: number): number[] {
    const known = query.terms.length && skip < mostFused ? vectors() : undefined
    if (!known) return byWords(wanted, skip, size)
    const order = ordered(sharesOf({ best, highest }), textOf(query), known).slice(skip, skip + size)
    return order.length < size && best.length === mostFused
      ? [...order, ...byWords(wanted, mostFused, size - order.length)]
      : order
  }

  /**
   * What lacks a word of a query of plain words, but has others of them or is close in meaning; in the same order as what
   * has them all, and let through by the same filters. It fills up what few were found, on their last page.
   */
  function close(matched: Best, query: Query, filters: Node[], most: number): number[] {
    if (!query.plain || most <= 0) return []
    const some = best(anyOf(query, filters), false)
    const scores = sharesOf(some)
    const text = textOf(query)
    const known = vectors()
    const position = positionAt(revision())
    for (const { key, similarity } of known?.nearestToText(text, 3 * mostClose) ?? [])
      if (similarity >= leastClose && !scores.has(position(key))) scores.set(position(key), 0)
    // So few that all of them are among the best.
    for (const { position } of matched.best) scores.delete(position)
    // Of papers that are gone the vectors may still know.
    scores.delete(gone)
    const passes = allowed(filters)
    const found: number[] = []
    for (const position of ordered(scores, text, known)) {
      if (found.length === most) break
      if (!passes || passes(position)) found.push(position)
    }
    return found
  }

  /** What an id, a DOI or an address alone names. */
  function findNamed(text: string): Pick<Found, 'papers' | 'about'> | undefined {
    const identifier = text ? findIdentifier(text) : undefined
    if (!identifier) return undefined
    const row = identifier.kind === 'arxiv' ? store.byArxivId(identifier.id) : store.named(`doi:${identifier.doi}`)
    if (row) return { papers: [row.position], about: { total: 1, open: row.record.key } }
    const name = identifier.kind === 'arxiv' ? `arXiv:${identifier.id}` : `doi:${identifier.doi}`
    return { papers: [], about: { total: 0, note: `${name} is not in this library.` } }
  }

  function missingLists({ nodes }: Query): string | undefined {
    const lists: string[] = []
    const look = (node: Node): void => {
      if ('not' in node) look(node.not)
      else if ('all' in node) node.all.forEach(look)
      else if ('any' in node) node.any.forEach(look)
      else if ('filter' in node && node.filter === 'list' && !hasList.get(node.value)) lists.push(`‘${node.value}’`)
    }
    nodes.forEach(look)
    return lists.length ? `There is no list called ${lists.join(' or ')}.` : undefined
  }

  /** Papers for which a filter holds, the newest first. */
  function filtered(filter: Filter, { limit = 20, offset = 0 }: SearchOptions): Omit<FacetPapers, 'label'> {
    const wanted: Wanted = { rest: [filter] }
    const positions = sorted(wanted, 'new', wholeNumber(limit, 20, mostPapers), wholeNumber(offset, 0, 1e9))
    const papers = positions.flatMap(position => store.byPosition(position)?.record ?? [])
    return { papers, total: count(wanted), facets: countFacets(wanted, mostOfFacet) }
  }

  /** How many papers that a search finds came in later than a moment. */
  function countSince(text: string, moment: string): number {
    return count(wantedOf(parseQuery(text).nodes, [{ not: hidden }, { filter: 'since', value: moment }]))
  }

  return { search, found, show, filtered, countSince }
}

/** What is wanted: what the index of words finds, where there are words, and what else must hold. */
export interface Wanted {
  match?: string
  rest: Node[]
  /** The same as `match` and `rest` for the index in memory, where it can answer: words, and what else must hold. */
  words?: WantedWords
  conditions?: Node[]
}

/** @param more must hold besides */
function wantedOf(nodes: Node[], more: Node[]): Wanted {
  const { match, rest } = matchExpression(nodes)
  const { groups = [], conditions = [] } = splitWords(nodes) ?? {}
  return {
    match,
    rest: [...rest, ...more],
    ...(groups.length ? { words: { groups }, conditions: [...conditions, ...more] } : {}),
  }
}

/** Papers with any of a plain query's words. */
function anyOf(query: Query, more: Node[]): Wanted {
  const terms = tellingTerms(query)
  const words = splitWords(terms.map(term => ({ term })))
  return {
    match: anyExpression(terms),
    rest: more,
    ...(words ? { words: { groups: words.groups, any: true }, conditions: more } : {}),
  }
}

/** The best by BM25, how many there are in all, and the highest score: of filtered papers that of all, where it is known. */
interface Best {
  best: { position: number; score: number }[]
  total: number
  highest: number
}

/** Of each paper its score as a share of the highest. */
function sharesOf({ best, highest }: Pick<Best, 'best' | 'highest'>): Map<number, number> {
  return new Map(best.map(({ position, score }) => [position, score / (highest || 1)]))
}

/** What of a query says what it is about. */
export function textOf(query: Query): string {
  return query.plain ? query.written : query.terms.map(term => term.sequences[0].join(' ')).join(' ')
}

/** The last page that has papers; where nothing was found, the first. */
function isLastPage(total: number, skip: number, size: number): boolean {
  return skip + size >= total && skip < Math.max(1, total)
}

function noteOf(...notes: (string | undefined)[]): { note?: string } {
  const note = notes.filter(Boolean).join(' ')
  return note ? { note } : {}
}

function wholeNumber(value: number, preset: number, most: number): number {
  return Number.isFinite(value) ? Math.min(most, Math.max(0, Math.floor(value))) : preset
}
