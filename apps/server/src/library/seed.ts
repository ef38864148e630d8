/** The papers that run here, as their definitions describe them. */
import type { DatabaseSync } from 'node:sqlite'
import type { Paper } from '@offprint/papers'
import { transaction } from '../database.ts'
import { fingerprintKey, fingerprintOf } from './fingerprint.ts'
import { parseArxivId, parseDoi } from './identifiers.ts'
import { webAddress } from './jsonl.ts'
import { isDay } from './listing.ts'
import { keyOf, sameRecord } from './merge.ts'
import type { PaperStore, Row } from './store.ts'
import { oneLine } from './text.ts'
import type { ImportedRecord, PaperRecord } from './types.ts'

/** What a definition says about a paper, in the record's fields. */
type Facts = Pick<
  PaperRecord,
  'arxivId' | 'doi' | 'title' | 'authorCount' | 'organization' | 'publishedAt' | 'journalRef' | 'githubRepo' | 'summary'
> & { authors?: PaperRecord['authors']; topics: string[]; runs?: boolean }

/**
 * Puts the definitions' papers into the store. What a definition said before is remembered: only what it says differently
 * now is written, so that what users imported stays.
 *
 * @param changed called within the transaction, where there was something to write
 */
export function seedPapers(
  database: DatabaseSync,
  store: PaperStore,
  papers: readonly Paper[],
  now: () => Date,
  changed: () => void,
): void {
  const seeded = database.prepare('SELECT slug, position, facts FROM seeds')
  const save = database.prepare(
    `INSERT INTO seeds (slug, position, facts) VALUES (?1, ?2, ?3)
     ON CONFLICT (slug) DO UPDATE SET position = ?2, facts = ?3`,
  )
  const forget = database.prepare('DELETE FROM seeds WHERE slug = ?')
  const wanted = new Map(papers.map(paper => [paper.slug, factsOf(paper)]))

  const readSeeded = () => new Map(seeded.all().map(row => [String(row.slug), row]))
  const isCurrent = (known: ReturnType<typeof readSeeded>) =>
    known.size === wanted.size && [...wanted].every(([slug, facts]) => known.get(slug)?.facts === JSON.stringify(facts))
  // The usual start: nothing changed, and no other process has to wait for us.
  if (isCurrent(readSeeded())) return

  transaction(database, () => {
    const moment = now().toISOString()
    const known = readSeeded()
    for (const [slug, row] of known) {
      if (wanted.has(slug)) continue
      const paper = store.byPosition(Number(row.position))
      if (paper?.record.slug === slug) store.replace(paper, { ...paper.record, slug: undefined, runs: undefined })
      forget.run(slug)
    }
    for (const [slug, facts] of wanted) {
      const text = JSON.stringify(facts)
      const before = known.get(slug)
      if (before?.facts === text) continue
      const { row, isNew } = findSeed(store, slug, facts, before && Number(before.position), moment)
      const said: Partial<Facts> = before ? JSON.parse(String(before.facts)) : {}
      const record = isNew ? row.record : withFacts(row.record, slug, facts, before ? said : undefined)
      if (!sameRecord(record, row.record)) store.replace(row, { ...record, fetchedAt: moment })
      save.run(slug, row.position, text)
    }
    changed()
  })
}

function factsOf({ slug, about, methods }: Paper): Facts {
  const arxiv = about.arxiv === undefined ? undefined : parseArxivId(about.arxiv)
  if (arxiv && 'error' in arxiv) throw new Error(`paper '${slug}': about.arxiv ${arxiv.error}`)
  const doi = about.doi === undefined ? undefined : parseDoi(about.doi)
  if (about.doi !== undefined && !doi) throw new Error(`paper '${slug}': about.doi '${about.doi}' is not a DOI`)
  const day = about.publishedAt
  if (day !== undefined && !isDay(day.length === 7 ? `${day}-01` : day))
    throw new Error(`paper '${slug}': about.publishedAt '${day}' is not a day`)
  return {
    arxivId: arxiv?.id,
    doi: doi?.startsWith('10.48550/arxiv.') ? undefined : doi,
    title: oneLine(about.title),
    authors: about.authors?.map(name => ({ name: oneLine(name) })),
    authorCount: about.authors?.length ?? about.authorCount,
    organization: about.organization && oneLine(about.organization),
    publishedAt: day,
    journalRef: about.venue && oneLine(about.venue),
    githubRepo: webAddress(about.code),
    summary: about.summary,
    topics: about.topics,
    ...(Object.keys(methods).length ? { runs: true } : {}),
  }
}

function findSeed(store: PaperStore, slug: string, facts: Facts, position: number | undefined, moment: string) {
  const imported: ImportedRecord = {
    ...facts,
    abstract: '',
    authors: facts.authors ?? [],
    categories: [],
    withdrawn: false,
    source: 'offprint',
  }
  const own = position === undefined ? undefined : store.byPosition(position)
  const byId = facts.arxivId ? store.byArxivId(facts.arxivId) : undefined
  // A definition may correct its arXiv id: then its own paper goes along, into the one that has the id where there is one.
  let row: Row | undefined = own && byId && own.position !== byId.position ? store.absorb(byId, own) : (byId ?? own)
  if (!row) {
    const [first, ...others] = store.find(imported)
    row = others.reduce((winner, other) => store.absorb(winner, other), first)
  }
  if (row) {
    // Another definition's paper keeps its slug; that two describe the same paper is for their authors to settle.
    return { row, isNew: false }
  }
  const key = fingerprintKey(fingerprintOf(imported))
  const { arxivId, doi } = facts
  const record: PaperRecord = {
    ...imported,
    key: keyOf({ key, arxivId, doi }),
    submittedAt: moment,
    fetchedAt: moment,
    summary: facts.summary,
    topics: facts.topics,
    slug,
    ...(facts.runs ? { runs: true } : {}),
  }
  return { row: store.add(record), isNew: true }
}

/** A paper with what its definition says now: everything that changed, or, the first time, what was not known. */
function withFacts(record: PaperRecord, slug: string, facts: Facts, said: Partial<Facts> | undefined): PaperRecord {
  const { summary, topics, runs } = facts
  const next: PaperRecord = { ...record, slug: record.slug ?? slug, summary, topics }
  if (next.slug === slug) next.runs = runs
  for (const field of Object.keys(facts) as (keyof Facts)[]) {
    const value = facts[field]
    if (value === undefined || field === 'summary' || field === 'topics' || field === 'runs') continue
    const known = next[field]
    const isEmpty = known === undefined || known === '' || (Array.isArray(known) && !known.length)
    const changed = said !== undefined && JSON.stringify(said[field]) !== JSON.stringify(value)
    if (isEmpty || changed) Object.assign(next, { [field]: value })
  }
  if (said?.arxivId !== facts.arxivId && facts.arxivId) next.arxivId = facts.arxivId
  if (next.authors.length) next.authorCount = next.authors.length
  return { ...next, key: keyOf(next) }
}
