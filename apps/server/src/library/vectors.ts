/**
 * Papers as vectors, by the site's own papers: an embedder trained on the library and an HNSW graph of all papers. A
 * process of its own computes both (`catch-up-process.ts`); the site opens the files.
 *
 * A folder holds `manifest.json`, written last, and the two files that it names.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { breathe, matrix, runSteps, type Steps, takeSteps } from '@offprint/kernels'
import { Hnsw, type LexicalEmbedder, openLexicalEmbedder, trainLexicalEmbedder } from '@offprint/search'
import { openHnsw, saveHnsw } from '@offprint/search/node'
import { z } from 'zod'
import { readFileInSteps } from './read-file.ts'
import { splitMath } from './text.ts'
import type { PaperRecord } from './types.ts'

export type Text = Pick<PaperRecord, 'key' | 'title' | 'abstract' | 'summary' | 'topics'>

const manifestSchema = z.object({
  /** Revision of the library that the files are of. */
  revision: z.int(),
  /** Papers that the embedder learned from. */
  learned: z.int(),
  embedder: z.string().regex(/^embedder-[\w-]+$/),
  index: z.string().regex(/^papers-[\w-]+$/),
  /** Of each row of the index the paper's key and a hash of its text; null where the row is deleted. */
  rows: z.array(z.unknown()),
})
type Row = [key: string, hash: string] | null
type Manifest = Omit<z.infer<typeof manifestSchema>, 'rows'> & { rows: Row[] }

// Zod would take ten times as long, for tens of thousands of them.
const isRow = (row: unknown): row is Row =>
  row === null || (Array.isArray(row) && row.length === 2 && typeof row[0] === 'string' && typeof row[1] === 'string')

/** A smaller library is learned anew whenever it changes. */
const smallLibrary = 500
/** So much growth, or so many papers changed or gone, and it is learned anew. */
const growth = 1.2
const mostDeleted = 0.2
const papersAtOnce = 200
const rowsBetweenPauses = 10_000
const ef = 64
/** A search asks several times for what is newest; who is patient sees it this late at most. */
const betweenLooksMs = 100

export interface Near {
  key: string
  /** Cosine, −1 to 1. */
  similarity: number
}

export interface PaperVectors {
  /** Revision of the library that these are of. */
  revision: number
  /** They are of a model that knows more than words: papers may be alike that share none. */
  byMeaning?: boolean
  /** The papers nearest to another, nearest first, without itself; empty where it is not known yet. */
  nearestTo(key: string, most: number): Near[]
  /** The papers nearest to a text. */
  nearestToText(text: string, most: number): Near[]
  /** Row of a paper among these vectors; −1 where it is not known. */
  rowOf(key: string): number
  /** Cosines between a text and the papers of rows; 0 where either is not known. */
  similarities(text: string, rows: readonly number[]): number[]
  /** What two papers have in common, the most telling first. */
  shared(a: Text, b: Text): string[]
}

/** What the vector of a paper is made of: its title twice, its topics, our summary and the abstract, without formulas. */
export function textOf({ title, abstract, summary, topics }: Text): string {
  return [title, title, ...topics, summary ?? '', abstract]
    .map(part =>
      // Most texts have no formula.
      /[$\\]/.test(part)
        ? splitMath(part)
            .map(({ text, math }) => (math ? ' . ' : text))
            .join('')
        : part,
    )
    .join('. ')
}

/** Gives the newest vectors; undefined where none were computed yet, or the files are damaged. */
export interface VectorsSource {
  (): PaperVectors | undefined
  /** Opens the newest in steps between which others get their turn. */
  refresh(): Promise<void>
}

/**
 * Opens the vectors of a folder, as far as there are any, and again whenever other files lie there.
 *
 * @param options.patient those that are open are given until newer ones are opened by `refresh`, which is then called for:
 * so nobody waits for it. Default false.
 */
export function openVectors(folder: string, { patient = false } = {}): VectorsSource {
  let opened: { stamp: string; vectors: PaperVectors | undefined } | undefined
  let refreshing: Promise<void> | undefined
  const stampNow = () => {
    const stat = statSync(manifestOf(folder), { throwIfNoEntry: false })
    return stat ? `${stat.mtimeMs} ${stat.size} ${stat.ino}` : ''
  }
  const refresh = () => {
    refreshing ??= (async () => {
      try {
        const stamp = stampNow()
        if (opened?.stamp === stamp) return
        opened = { stamp, vectors: await takeSteps(openInSteps(folder, true)) }
      } finally {
        refreshing = undefined
      }
    })()
    return refreshing
  }
  let lookedAt = Number.NEGATIVE_INFINITY
  const newest = () => {
    if (patient && opened && performance.now() < lookedAt + betweenLooksMs) return opened.vectors
    lookedAt = performance.now()
    const stamp = stampNow()
    if (opened?.stamp === stamp) return opened.vectors
    // At the first look there is nobody yet who could wait.
    if (patient && opened) void refresh()
    else opened = { stamp, vectors: runSteps(openInSteps(folder)) }
    return opened.vectors
  }
  return Object.assign(newest, { refresh })
}

/** Whether vectors were computed for this revision of the library. Damaged files do not count. */
export function vectorsRevision(folder: string): number | undefined {
  return runSteps(manifestInSteps(folder))?.revision
}

/**
 * Brings the vectors of a folder up to a revision of the library: new and changed papers get theirs, those that are gone
 * lose it; where the library has changed much the embedder learns it anew.
 *
 * @param papers gone through several times
 * @throws the signal's reason once it is aborted; what lay in the folder stays then
 */
export async function computeVectors(
  folder: string,
  papers: Iterable<Text>,
  revision: number,
  { signal }: { signal?: AbortSignal } = {},
): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const state = (await updated(folder, papers, signal)) ?? (await learned(papers, signal))
  const name = `${revision}-${process.pid}`
  const embedder = state.embedderFile ?? `embedder-${name}`
  const index = `papers-${name}`
  if (!state.embedderFile) writeFileSync(join(folder, embedder), state.embedder.toBytes())
  await saveHnsw(state.index, join(folder, index))
  const manifest: Manifest = { revision, learned: state.learned, embedder, index, rows: state.rows }
  const part = `${manifestOf(folder)}.${process.pid}.part`
  writeFileSync(part, JSON.stringify(manifest))
  renameSync(part, manifestOf(folder))
  // Whoever has the old files open keeps them.
  for (const file of readdirSync(folder))
    if (!['manifest.json', embedder, index].includes(file)) rmSync(join(folder, file), { force: true })
}

const manifestOf = (folder: string) => join(folder, 'manifest.json')

function* manifestInSteps(folder: string): Steps<Manifest | undefined> {
  try {
    const text = readFileSync(manifestOf(folder), 'utf8')
    yield
    const value: unknown = JSON.parse(text)
    yield
    const manifest = manifestSchema.parse(value)
    return manifest.rows.every(isRow) ? (manifest as Manifest) : undefined
  } catch {
    return undefined
  }
}

interface State {
  embedder: LexicalEmbedder
  /** Where the embedder lies in a file already. */
  embedderFile?: string
  index: Hnsw
  learned: number
  rows: Manifest['rows']
}

/** What lies in a folder. Undefined where nothing does, or a file is damaged: then all is learned anew. */
function* readInSteps(folder: string, patient = false): Steps<(State & { revision: number }) | undefined> {
  const manifest = yield* manifestInSteps(folder)
  if (!manifest || !existsSync(join(folder, manifest.index))) return undefined
  try {
    yield
    const embedder = yield* openLexicalEmbedder.inSteps(yield* readFileInSteps(join(folder, manifest.embedder)))
    yield
    const index = patient
      ? yield* openIndexInSteps(join(folder, manifest.index))
      : openHnsw(join(folder, manifest.index))
    yield
    if (index.dimension !== Math.max(1, embedder.dimensions)) return undefined
    if (manifest.rows.some((row, id) => Boolean(row) !== index.has(id))) return undefined
    return { ...manifest, embedder, embedderFile: manifest.embedder, index }
  } catch (error) {
    console.error(`vectors: ${(error as Error).message}; they are computed anew`)
    return undefined
  }
}

/** Most of the file is read and checked between the steps. */
function* openIndexInSteps(path: string): Steps<Hnsw> {
  const index = openHnsw(path, { lazy: true })
  let state: 'reading' | 'sound' | Error = 'reading'
  index.ready.then(
    () => {
      state = 'sound'
    },
    error => {
      state = error
    },
  )
  while (state === 'reading') yield
  if (state !== 'sound') throw state
  return index
}

async function updated(folder: string, papers: Iterable<Text>, signal?: AbortSignal): Promise<State | undefined> {
  const state = runSteps(readInSteps(folder))
  if (!state || state.learned < smallLibrary) return undefined
  const { embedder, index, rows } = state
  const before = new Map(rows.flatMap((row, id) => (row ? [[row[0], { id, hash: row[1] }] as const] : [])))
  let count = 0
  let waiting: { key: string; hash: string; vector: Float32Array }[] = []
  const addWaiting = async () => {
    if (!waiting.length) return
    const ids = await index.add(stack(waiting, index.dimension), { signal })
    for (const [at, id] of ids.entries()) rows[id] = [waiting[at].key, waiting[at].hash]
    waiting = []
  }
  for (const paper of papers) {
    const text = textOf(paper)
    const hash = hashOf(text)
    const known = before.get(paper.key)
    if (known?.hash === hash) before.delete(paper.key)
    else {
      const vector = embedder.embed(text)
      if (vector.some(Boolean)) waiting.push({ key: paper.key, hash, vector })
    }
    if (++count % papersAtOnce) continue
    if (count > state.learned * growth) return undefined
    await addWaiting()
    await breathe(signal)
  }
  await addWaiting()
  if (count > state.learned * growth) return undefined
  for (const { id } of before.values()) {
    index.delete([id])
    rows[id] = null
  }
  return rows.filter(row => !row).length > mostDeleted * rows.length ? undefined : state
}

async function learned(papers: Iterable<Text>, signal?: AbortSignal): Promise<State> {
  const texts = {
    *[Symbol.iterator]() {
      for (const paper of papers) yield textOf(paper)
    },
  }
  const embedder = await trainLexicalEmbedder(texts, { signal })
  const index = Hnsw.create(Math.max(1, embedder.dimensions), { metric: 'cosine' })
  const rows: Manifest['rows'] = []
  let vectors: { vector: Float32Array }[] = []
  let count = 0
  for (const paper of papers) {
    const text = textOf(paper)
    const vector = embedder.embed(text)
    count++
    // Of a paper without a known word nothing can be said.
    if (vector.some(Boolean)) {
      rows.push([paper.key, hashOf(text)])
      vectors.push({ vector })
    }
    if (count % papersAtOnce === 0) await breathe(signal)
  }
  await index.add(stack(vectors, index.dimension), { signal })
  vectors = []
  return { embedder, index, learned: count, rows }
}

function stack(rows: { vector: Float32Array }[], columns: number) {
  const points = matrix(rows.length, columns)
  for (const [row, { vector }] of rows.entries()) points.data.set(vector, row * columns)
  return points
}

/** Tells texts apart. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 16)
}

/** Cosine of each row with a vector of length 1; 0 for −1, which is no row. */
export function cosinesOf(index: Hnsw, rows: readonly number[], vector: Float32Array): number[] {
  const known = rows.filter(row => row >= 0)
  if (!known.length) return rows.map(() => 0)
  const found = index.innerProducts(known, vector)
  let at = 0
  return rows.map(row => (row < 0 ? 0 : found[at++]))
}

/** @param patient whether whoever takes the steps lets other things happen between them */
function* openInSteps(folder: string, patient = false): Steps<PaperVectors | undefined> {
  const state = yield* readInSteps(folder, patient)
  if (!state) return undefined
  const { embedder, index, rows, revision } = state
  const ids = new Map<string, number>()
  for (const [id, row] of rows.entries()) {
    if (row) ids.set(row[0], id)
    if (id % rowsBetweenPauses === 0) yield
  }
  const found = (vector: Float32Array, most: number): Near[] => {
    const near = index.search(vector, most, { ef: Math.max(ef, 2 * most) })
    return Array.from(near.ids, (id, at) => ({ key: rows[id]![0], similarity: 1 - near.distances[at] }))
  }
  // One search asks for the same text several times.
  let last = { text: '', vector: embedder.embed('') }
  const embed = (text: string) => {
    if (text !== last.text) last = { text, vector: embedder.embed(text) }
    return last.vector
  }
  return {
    revision,
    nearestTo(key, most) {
      const id = ids.get(key)
      if (id === undefined) return []
      return found(index.vector(id), most + 1)
        .filter(near => near.key !== key)
        .slice(0, most)
    },
    nearestToText(text, most) {
      const vector = embed(text)
      return vector.some(Boolean) ? found(vector, most) : []
    },
    rowOf: key => ids.get(key) ?? -1,
    similarities: (text, rows) => cosinesOf(index, rows, embed(text)),
    shared: (a, b) => embedder.shared(textOf(a), textOf(b)),
  }
}
