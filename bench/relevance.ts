/**
 * How good the library's search is: two sets of texts and queries of which it is known what is relevant to each. Every
 * text is a paper of a library, and the `test` queries are asked as a reader would. By turns: words alone (a
 * library without vectors); the search as it is shipped, also with a filter that lets all papers through; vectors alone; and the ranks of words and vectors
 * fused by 1 / (60 + rank). What a search gives as close comes behind what it found; beside that stands what it found
 * alone. It fails where the search as it is shipped is worse than plain BM25.
 *
 * A plain BM25 of the bench's own is measured too: it must come to what the sets' README says, or the bench is wrong.
 * nDCG@10, MRR@10 and R@100 are computed as there. The search looks at 250 characters and 32 words of a query; no
 * query here has more, which is asserted. It finds the papers with all words where there are any, so a list may be
 * shorter than 100.
 *
 * ir-scifact has titles. In ir-medquad only `text` may be indexed: its first sentence is the title, the rest the
 * abstract. So no word is indexed twice, but those of the first sentence weigh more, as a title's do.
 * Usage: npm run bench -- relevance [ir-scifact|ir-medquad]
 */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { openDatabase } from '../apps/server/src/database.ts'
import { createLibrary } from '../apps/server/src/library/library.ts'
import { parseQuery } from '../apps/server/src/library/query.ts'
import type { Library } from '../apps/server/src/library/types.ts'
import { computeVectors, openVectors } from '../apps/server/src/library/vectors.ts'
import { printMachine } from './machine.ts'

/** With the nDCG@10 of plain BM25 by their README. */
const sets = [
  { name: 'ir-scifact', reference: 0.6611 },
  { name: 'ir-medquad', reference: 0.5337 },
]
/** Places that nDCG and MRR look at, and those that recall does. */
const top = 10
const depth = 100
/** Key of the first paper: made-up arXiv ids, because papers with different ones are never merged. */
const firstNumber = 10_000

interface Query {
  text: string
  relevant: Set<string>
}

interface DataSet {
  /** In order of the corpus; papers are named by their place in it. */
  papers: { title: string; abstract: string }[]
  /** The set's own id of each paper. In ir-medquad 42 papers share 8: of those with the same the first found counts. */
  ids: string[]
  queries: Query[]
}

/** Papers by place, the best first. */
type Ranking = number[]

const only = process.argv[2]
if (only && !sets.some(({ name }) => name === only))
  throw new Error(`one of ${sets.map(({ name }) => name).join(', ')}`)
printMachine()
for (const set of sets) if (!only || only === set.name) await measure(set)

async function measure({ name, reference }: { name: string; reference: number }): Promise<void> {
  const folder = fileURLToPath(new URL(`../../shared/data/${name}/`, import.meta.url))
  if (!existsSync(folder)) return console.log(`\n${name} is not beside the project: skipped`)
  const set = readSet(folder)
  const { papers, queries } = set
  console.log(`\n${name}: ${papers.length.toLocaleString('en')} papers, ${queries.length.toLocaleString('en')} queries`)
  const vectorsFolder = mkdtempSync(join(tmpdir(), 'offprint-bench-'))
  const database = openDatabase(':memory:')
  try {
    let began = performance.now()
    const wordsFolder = join(vectorsFolder, 'words')
    const words = createLibrary(database, { wordsFolder })
    const report = await words.importStream(jsonLines(papers), { name, format: 'jsonl' })
    const { state, added, refusedCount, repaired } = report
    assert.deepEqual(
      { state, added, refusedCount, repaired, count: words.count() },
      { state: 'done', added: papers.length, refusedCount: 0, repaired: 0, count: papers.length },
    )
    const importSeconds = (performance.now() - began) / 1000
    began = performance.now()
    await computeVectors(vectorsFolder, { [Symbol.iterator]: () => words.records() }, words.revision())
    console.log(
      `imported in ${importSeconds.toFixed(1)} s, vectors in ${((performance.now() - began) / 1000).toFixed(1)} s`,
    )
    const vectors = openVectors(vectorsFolder)
    await words.saveWords(wordsFolder)
    const fused = createLibrary(database, { vectors, wordsFolder })
    assert.equal(fused.vectorsRevision(), fused.revision())

    const ask = (system: string, search: (text: string) => Ranking) => {
      const start = performance.now()
      const rankings = queries.map(({ text }) => search(text))
      return show(system, set, rankings, (performance.now() - start) / queries.length)
    }
    /** A library as it shows what it finds: behind that, what is close. Then only what it finds. */
    const askLibrary = (system: string, library: Library, filter = '') => {
      const only: Ranking[] = []
      const shown = ask(system, text => {
        const { papers: found, close = [] } = library.search(`${text}${filter}`, { limit: depth })
        only.push(found.map(placeOf))
        return [...found, ...close].map(placeOf).slice(0, depth)
      })
      return { shown, found: show(`${system}, only found`, set, only) }
    }
    const plain = ask("plain BM25, the README's", plainBm25(papers))
    const byWords = askLibrary('words alone', words)
    const shipped = askLibrary('fused, as shipped', fused)
    askLibrary('with a filter all pass', fused, ' is:unread')
    const byVectors = ask('vectors alone', text => vectors()!.nearestToText(text, depth).map(placeOf))
    const rankings = queries.map((_, at) => fuseRanks(byWords.found.rankings[at], byVectors.rankings[at]))
    show('fused by 1 / (60 + rank)', set, rankings)

    const all = queries.filter(({ text }) => !words.search(text, { limit: 1 }).note).length
    console.log(`of ${all} queries all words are in a paper, so that only such papers are found`)
    printGain('fused less words alone', shipped.shown.gains, byWords.shown.gains)
    printGain('the same, only found', shipped.found.gains, byWords.found.gains)
    const checked = mean(queries.map((query, at) => gainOf(query, ranksOf(set, query, plain.rankings[at], true))))
    console.log(`plain BM25 as the README counts: ${checked.toFixed(4)}, there ${reference}`)
    if (Math.abs(checked - reference) > 0.0001) {
      console.log('the bench does not measure what the README does')
      process.exitCode = 1
    }
    if (mean(shipped.shown.gains) < reference) {
      console.log('the search as it is shipped is worse than plain BM25')
      process.exitCode = 1
    }
  } finally {
    database.close()
    rmSync(vectorsFolder, { recursive: true, force: true })
  }
}

function readSet(folder: string): DataSet {
  const lines = (file: string) =>
    gunzipSync(readFileSync(join(folder, `${file}.gz`)))
      .toString()
      .trimEnd()
      .split('\n')
  const records = (file: string): Record<string, string>[] => lines(file).map(line => JSON.parse(line))
  const corpus = records('corpus.jsonl')
  const ids = corpus.map(({ _id }) => _id)
  const known = new Set(ids)
  const relevant = new Map<string, Set<string>>()
  for (const line of lines('qrels.tsv').slice(1)) {
    const [query, document] = line.split('\t')
    assert.ok(known.has(document), `${document} is relevant, and not in the corpus`)
    relevant.set(query, (relevant.get(query) ?? new Set()).add(document))
  }
  const queries = records('queries.jsonl').filter(({ split }) => split === 'test')
  for (const { text } of queries) assert.equal(parseQuery(text).note, undefined, text)
  return {
    papers: corpus.map(({ title, text }) => (title === undefined ? titled(text) : { title, abstract: text })),
    ids,
    queries: queries.map(({ _id, text }) => ({ text, relevant: relevant.get(_id)! })),
  }
}

/** The first sentence is the title. */
function titled(text: string): { title: string; abstract: string } {
  const end = text.search(/(?<=[.!?])\s/)
  return end < 0 ? { title: text, abstract: '' } : { title: text.slice(0, end), abstract: text.slice(end + 1) }
}

async function* jsonLines(papers: DataSet['papers']): AsyncGenerator<Uint8Array> {
  assert.ok(firstNumber + papers.length <= 100_000)
  for (const [place, paper] of papers.entries())
    yield Buffer.from(`${JSON.stringify({ id: `2001.${firstNumber + place}`, ...paper })}\n`)
}

function placeOf({ key }: { key: string }): number {
  return Number(key.slice(5)) - firstNumber
}

/** BM25 with k1 1.2 and b 0.75 over words of `[a-z0-9]+`; equals stand in order of the corpus. */
function plainBm25(papers: DataSet['papers']): (text: string) => Ranking {
  const [k1, b] = [1.2, 0.75]
  const wordsOf = (text: string) => text.toLowerCase().match(/[a-z0-9]+/g) ?? []
  const postings = new Map<string, { place: number; times: number }[]>()
  const lengths = papers.map(({ title, abstract }, place) => {
    const words = wordsOf(`${title} ${abstract}`)
    for (const word of words) {
      const list = postings.get(word) ?? []
      if (!list.length) postings.set(word, list)
      const last = list.at(-1)
      if (last?.place === place) last.times++
      else list.push({ place, times: 1 })
    }
    return words.length
  })
  const average = mean(lengths)
  return text => {
    const scores = new Map<number, number>()
    for (const word of wordsOf(text)) {
      const list = postings.get(word) ?? []
      const rarity = Math.log(1 + (papers.length - list.length + 0.5) / (list.length + 0.5))
      for (const { place, times } of list) {
        const weight = (times * (k1 + 1)) / (times + k1 * (1 - b + (b * lengths[place]) / average))
        scores.set(place, (scores.get(place) ?? 0) + rarity * weight)
      }
    }
    return bestOf(scores)
  }
}

function fuseRanks(...rankings: Ranking[]): Ranking {
  const scores = new Map<number, number>()
  for (const ranking of rankings)
    for (const [at, place] of ranking.entries()) scores.set(place, (scores.get(place) ?? 0) + 1 / (60 + at + 1))
  return bestOf(scores)
}

function bestOf(scores: Map<number, number>): Ranking {
  return [...scores]
    .sort((x, y) => y[1] - x[1] || x[0] - y[0])
    .slice(0, depth)
    .map(([place]) => place)
}

/** Prints a row of the table, and gives nDCG@10 of each query. */
function show(system: string, set: DataSet, rankings: Ranking[], milliseconds?: number) {
  const ranks = set.queries.map((query, at) => ranksOf(set, query, rankings[at]))
  const gains = set.queries.map((query, at) => gainOf(query, ranks[at]))
  const reciprocals = ranks.map(([first]) => (first < top ? 1 / (first + 1) : 0))
  const recalls = set.queries.map(({ relevant }, at) => ranks[at].length / relevant.size)
  const time = milliseconds === undefined ? '' : `   ${milliseconds.toFixed(1).padStart(5)} ms a query`
  const [ndcg, mrr, recall] = [gains, reciprocals, recalls].map(values => mean(values).toFixed(4))
  console.log(`${system.padEnd(30)} nDCG@${top} ${ndcg}   MRR@${top} ${mrr}   R@${depth} ${recall}${time}`)
  return { rankings, gains }
}

/**
 * Ranks, from 0, of what is relevant to a query.
 * @param every every paper of an id counts, as it did in the README's figures
 */
function ranksOf({ ids }: DataSet, { relevant }: Query, ranking: Ranking, every = false): number[] {
  const found = ranking.map(place => ids[place])
  return [...found.keys()].filter(rank => relevant.has(found[rank]) && (every || found.indexOf(found[rank]) === rank))
}

/** nDCG of a query. */
function gainOf({ relevant }: Query, ranks: number[]): number {
  return discounted(ranks) / discounted([...Array(relevant.size).keys()])
}

/** Discounted gain of what stands within the top. */
function discounted(ranks: number[]): number {
  return ranks.filter(rank => rank < top).reduce((sum, rank) => sum + 1 / Math.log2(rank + 2), 0)
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function printGain(system: string, gains: number[], others: number[]): void {
  const differences = gains.map((gain, at) => gain - others[at])
  const gain = mean(differences)
  const error = Math.sqrt(mean(differences.map(one => (one - gain) ** 2)) / (gains.length - 1))
  const better = differences.filter(one => one > 0).length
  const worse = differences.filter(one => one < 0).length
  console.log(
    `${system}: ${gain.toFixed(4)} ± ${error.toFixed(4)} (standard error), ${better} queries better, ${worse} worse`,
  )
}
