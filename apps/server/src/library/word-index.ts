/**
 * The words of all papers in memory, for the searches that are asked most: words and phrases, ranked by BM25. SQLite's index
 * knows the same words and answers everything else; this one gives the same answer many times as fast, but for phrases, which
 * it takes to be as frequent in a paper as their longest word.
 *
 * It is made in the background, lies in one file, and takes in what has changed since by itself. Where too much has, it steps
 * back until it is made anew.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { breathe, runSteps, type Steps, takeSteps } from '@offprint/kernels'
import { type Alternative, type Bm25, createBm25, openBm25 } from '@offprint/search'
import { stemmer } from 'stemmer'
import { numbersOf } from './allowed.ts'
import { kept } from './kept.ts'
import type { Term } from './query.ts'
import { readFileInSteps } from './read-file.ts'
import { searchColumns } from './search-text.ts'
import type { PaperStore } from './store.ts'
import type { PaperRecord } from './types.ts'

/** As in the index of SQLite: title, authors, text, topics, organization, and the joined forms of the title and of the rest. */
export const columnWeights = [4, 2, 1, 1, 1, 4, 1]
const writtenColumns = 5
/** More changes than this are not taken in while somebody waits for an answer. */
const mostChanges = 200
const mostPhrases = 1000
const plainWord = /^[a-z]+$/
/** Too many words begin like shorter ones. */
const shortestBeginning = 3
const mostRelated = 30
const mostStems = 20_000
const papersBetweenPauses = 200

/** A word or a phrase of each group must be there or, with `any`, one of any group; where they stand is not looked at. */
export interface WantedWords {
  groups: Term[][]
  any?: boolean
}

export interface WordIndex {
  /**
   * Positions of the best with their scores, how many match in all, and the best score that there is without `only`.
   *
   * @param options.only which positions may be found
   * @param options.countAll default true; without it `total` may be too low with `any`
   */
  search(
    words: WantedWords,
    options: { k: number; only?: (position: number) => boolean; countAll?: boolean },
  ): { best: { position: number; score: number }[]; total: number; highest: number }
  /** Other words of the papers that have the same stem: of `clustering` `clustered` and `clusters`. */
  related(word: string): string[]
}

/** Joined forms are words of their own: a word that is written beside another is not one that was joined. */
const joined = (word: string) => `+${word}`

/** Gives the positions of papers that have these words one after the other. */
type FindPhrase = (words: string[]) => number[]

function alternativesOf({ sequences, withNeighbours, forms }: Term, find: FindPhrase): Alternative[] {
  return [
    ...sequences.map(words =>
      words.length === 1
        ? [words[0], ...forms].flatMap(word => [word, joined(word)])
        : // The longest word is mostly the rarest, and a phrase is not more frequent than that.
          { term: words.toSorted((a, b) => b.length - a.length)[0], documents: find(words) },
    ),
    ...withNeighbours.map(word => [word]),
  ]
}

/** By the stems of Porter (1980), of English words of letters alone. */
function relatedTo(word: string, index: Bm25): string[] {
  if (!plainWord.test(word)) return []
  const stem = stemmer(word)
  // The last letter of a stem may stand for another: of `study` and `studies` it is `studi`.
  const beginning = stem.replace(/[ie]$/, '')
  if (beginning.length < shortestBeginning) return []
  return index
    .termsBeginning(beginning)
    .filter(other => other !== word && plainWord.test(other) && stemmer(other) === stem)
    .slice(0, mostRelated)
}

/** Phrases are SQLite's to find. */
function phrases(database: DatabaseSync): (revision: number) => FindPhrase {
  const having = database.prepare('SELECT group_concat(rowid) AS list FROM search WHERE search MATCH ?')
  const find = kept(mostPhrases, (words: string, _revision: number) =>
    numbersOf(having.get(`"${words.replaceAll('"', '""')}"`)!.list),
  )
  return revision => words => find(revision)(words.join(' '))
}

/** The words of a paper with their weights, and how many there are. */
export function wordsOf(record: PaperRecord): { frequencies: Map<string, number>; length: number } {
  const frequencies = new Map<string, number>()
  let length = 0
  for (const [column, text] of searchColumns(record).entries())
    for (const [word] of text.matchAll(/[\p{L}\p{N}\p{Co}]+/gu)) {
      const term = column < writtenColumns ? word : joined(word)
      frequencies.set(term, (frequencies.get(term) ?? 0) + columnWeights[column])
      length++
    }
  return { frequencies, length }
}

/** Takes in what changed after a revision. @returns undefined where that is more than `most` */
function takeIn(database: DatabaseSync, store: PaperStore, index: Bm25, after: number, most: number): true | undefined {
  const changes = database
    .prepare('SELECT position FROM wordChanges WHERE revision > ? LIMIT ?')
    .all(after, most + 1)
    .map(({ position }) => Number(position))
  if (changes.length > most) return undefined
  for (const position of changes) {
    const row = store.byPosition(position)
    if (row) {
      const { frequencies, length } = wordsOf(row.record)
      index.add(position, frequencies, length)
    } else index.delete(position)
  }
  return true
}

/**
 * Opens the newest index of a folder, and again whenever another lies there.
 *
 * @param options.patient only the first is waited for; later ones are opened in steps, and until then SQLite answers. Default
 * false.
 * @returns gives it as the library is at that moment; undefined where there is none, or it is too far behind
 */
export function openWordIndex(
  database: DatabaseSync,
  store: PaperStore,
  folder: string,
  { patient = false } = {},
): () => WordIndex | undefined {
  const revisionNow = database.prepare('SELECT revision FROM library')
  const phrasesAt = phrases(database)
  const related = kept(mostStems, (word: string, index: Bm25, _revision: number) => relatedTo(word, index))
  let opened: { file: string; index: Bm25; revision: number } | undefined
  let looked: { revision: number; at: number } | undefined
  let lookedOnce = false

  function* openNewest(): Steps<void> {
    const file = newestOf(folder)
    if (!file || file.name === opened?.file) return
    try {
      const index = yield* openBm25.inSteps(yield* readFileInSteps(join(folder, file.name)))
      opened = { file: file.name, index, revision: file.revision }
    } catch (error) {
      console.error(`words: ${(error as Error).message}; they are indexed anew`)
      rmSync(join(folder, file.name), { force: true })
    }
  }

  let opening = false
  async function openPatiently(): Promise<void> {
    if (opening) return
    opening = true
    await takeSteps(openNewest())
    opening = false
  }

  return () => {
    const revision = Number(revisionNow.get()!.revision)
    if (opened?.revision !== revision) {
      // What is too far behind is looked for again once a second, not at every search.
      if (looked?.revision !== revision || performance.now() > looked.at + 1000) {
        looked = { revision, at: performance.now() }
        // At the first look there is nobody yet who could wait.
        if (patient && lookedOnce) void openPatiently()
        else runSteps(openNewest())
        lookedOnce = true
        if (opened && takeIn(database, store, opened.index, opened.revision, mostChanges)) opened.revision = revision
      }
      if (opened?.revision !== revision) return undefined
    }
    const { index } = opened
    const find = phrasesAt(revision)
    return {
      search({ groups, any }, options) {
        const alternatives = groups.map(group => group.flatMap(term => alternativesOf(term, find)))
        const { ids, scores, total, highest } = index.search(alternatives, { ...options, any })
        const best = Array.from(ids, (position, at) => ({ position, score: scores[at] }))
        return { best, total, highest }
      },
      related: related(index, revision),
    }
  }
}

/** Brings the index of a folder up to the library as it is, and writes it there under a new name. */
export async function computeWordIndex(database: DatabaseSync, store: PaperStore, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const revision = Number(database.prepare('SELECT revision FROM library').get()!.revision)
  const before = newestOf(folder)
  if (before?.revision === revision) return
  const known = before && openOrForget(join(folder, before.name))
  const count = Number(database.prepare('SELECT count(*) AS total FROM papers').get()!.total)
  let index = known
  if (!index || !takeIn(database, store, index, before!.revision, Math.ceil(count / 10))) {
    index = createBm25()
    const after = database.prepare('SELECT position FROM papers WHERE position > ? ORDER BY position LIMIT ?')
    for (let position = 0; ; ) {
      const page = after.all(position, papersBetweenPauses)
      for (const row of page) {
        position = Number(row.position)
        const record = store.byPosition(position)?.record
        if (!record) continue
        const { frequencies, length } = wordsOf(record)
        index.add(position, frequencies, length)
      }
      if (page.length < papersBetweenPauses) break
      await breathe()
    }
  }
  const part = join(folder, `part-${process.pid}`)
  writeFileSync(part, index.toBytes())
  renameSync(part, join(folder, `words-${revision}`))
  // Whoever has an old one open keeps it.
  for (const file of readdirSync(folder))
    if (file !== `words-${revision}` && !file.startsWith('part-')) rmSync(join(folder, file), { force: true })
}

function openOrForget(path: string): Bm25 | undefined {
  try {
    return openBm25(readFileSync(path))
  } catch {
    return undefined
  }
}

/** Revision of the library whose words lie in a folder. */
export function wordsRevision(folder: string): number | undefined {
  return newestOf(folder)?.revision
}

function newestOf(folder: string): { name: string; revision: number } | undefined {
  let newest: { name: string; revision: number } | undefined
  let names: string[] = []
  try {
    names = readdirSync(folder)
  } catch {
    // No index was made yet.
  }
  for (const name of names) {
    const revision = Number(/^words-(\d+)$/.exec(name)?.[1] ?? Number.NaN)
    if (revision >= 0 && !(newest && newest.revision >= revision)) newest = { name, revision }
  }
  return newest
}
