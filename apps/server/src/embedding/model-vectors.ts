/**
 * Vectors that another embedder made of the papers. A folder holds `texts.db`, which has the vector of each text by its hash
 * as soon as it came, so that none is asked for twice; `manifest.json`, written last, and the index that it names; and
 * `problem.json` while the newest try failed.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { breathe, matrix } from '@offprint/kernels'
import { Hnsw } from '@offprint/search'
import { openHnsw, saveHnsw } from '@offprint/search/node'
import { z } from 'zod'
import { openDatabase, transaction } from '../database.ts'
import { cosinesOf, hashOf, type Near, type PaperVectors, type Text, textOf } from '../library/vectors.ts'
import { type Embedder, EmbedderError } from './embedder.ts'

const manifestSchema = z.object({
  revision: z.int(),
  model: z.string(),
  index: z.string().regex(/^papers-[\w-]+$/),
  /** Of each row of the index the paper's key and a hash of its text; null where the row is deleted. */
  rows: z.array(z.tuple([z.string(), z.string()]).nullable()),
})
type Manifest = z.infer<typeof manifestSchema>

const problemSchema = z.object({
  model: z.string(),
  message: z.string(),
  at: z.string(),
  retryAt: z.string().optional(),
})
export type EmbedderProblem = z.infer<typeof problemSchema>

const textsAtOnce = 64
/** Characters of a text that are embedded: about 2,000 tokens. One that is still too long is cut in half, this often. */
const longestText = 8000
const mostHalvings = 4
const shortestHalved = 200
const papersAtOnce = 500
const mostDeleted = 0.2
const ef = 100
/** So many papers say how alike those are that have nothing to do with a query. */
const backgroundPapers = 200

const manifestOf = (folder: string) => join(folder, 'manifest.json')
const problemOf = (folder: string) => join(folder, 'problem.json')

function readJson<Schema extends z.ZodType>(path: string, schema: Schema): z.output<Schema> | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return undefined
  }
}

function writeJson(path: string, value: unknown): void {
  const part = `${path}.${process.pid}.part`
  writeFileSync(part, JSON.stringify(value))
  renameSync(part, path)
}

/** What went wrong the last time; undefined where it went well, or another model was asked. */
export function readProblem(folder: string, model: string): EmbedderProblem | undefined {
  const problem = readJson(problemOf(folder), problemSchema)
  return problem?.model === model ? problem : undefined
}

export function noteProblem(folder: string, model: string, error: Error): void {
  const after = error instanceof EmbedderError ? error.retryAfterMs : undefined
  mkdirSync(folder, { recursive: true })
  writeJson(problemOf(folder), {
    model,
    message: error.message,
    at: new Date().toISOString(),
    ...(after === undefined ? {} : { retryAt: new Date(Date.now() + after).toISOString() }),
  })
}

/** Which model the vectors are of, and the revision of the library. */
export function modelRevision(folder: string, model: string): number | undefined {
  const manifest = readJson(manifestOf(folder), manifestSchema)
  return manifest?.model === model ? manifest.revision : undefined
}

/**
 * Brings the vectors of a folder up to a revision of the library. Only texts whose vector never came are asked for; of another
 * model, or another dimension, all are.
 *
 * @param papers gone through several times
 * @throws EmbedderError, after which all that came stays, and so does what was in use; the signal's reason
 */
export async function computeModelVectors(
  folder: string,
  papers: Iterable<Text>,
  revision: number,
  embedder: Embedder,
  { signal }: { signal?: AbortSignal } = {},
): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const database = openTexts(join(folder, 'texts.db'))
  try {
    // Says whether it answers at all, so that a refusal later on is about a text.
    const [{ length: dimension }] = await embedder.embed(['Offprint'], { signal }).catch(error => {
      if (error instanceof EmbedderError) error.ofText = false
      throw error
    })
    const about = `${embedder.name} ${dimension}`
    if (database.prepare('SELECT about FROM model').get()?.about !== about)
      transaction(database, () => {
        database.exec('DELETE FROM vectors; DELETE FROM model')
        database.prepare('INSERT INTO model VALUES (?)').run(about)
      })
    await embedMissing(database, papers, embedder, dimension, signal)
    const { index, rows } = await indexed(folder, database, papers, { model: embedder.name, dimension, signal })
    const name = `papers-${revision}-${process.pid}-${Date.now()}`
    await saveHnsw(index, join(folder, name))
    writeJson(manifestOf(folder), { revision, model: embedder.name, index: name, rows } satisfies Manifest)
    for (const file of readdirSync(folder))
      if (file.startsWith('papers-') && file !== name) rmSync(join(folder, file), { force: true })
    const used = JSON.stringify(rows.flatMap(row => (row ? [row[1]] : [])))
    database
      .prepare('DELETE FROM vectors WHERE vector IS NOT NULL AND hash NOT IN (SELECT value FROM json_each(?))')
      .run(used)
    rmSync(problemOf(folder), { force: true })
  } finally {
    database.close()
  }
}

function openTexts(file: string): DatabaseSync {
  const open = () => {
    const database = openDatabase(file)
    // A text that the model refuses has no vector.
    database.exec(
      'CREATE TABLE IF NOT EXISTS vectors (hash TEXT PRIMARY KEY, vector BLOB) STRICT; CREATE TABLE IF NOT EXISTS model (about TEXT NOT NULL) STRICT',
    )
    return database
  }
  try {
    return open()
  } catch (error) {
    console.error(`embedder: ${file} is damaged (${(error as Error).message}); all texts are embedded anew`)
    for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true })
    return open()
  }
}

async function embedMissing(
  database: DatabaseSync,
  papers: Iterable<Text>,
  embedder: Embedder,
  dimension: number,
  signal?: AbortSignal,
): Promise<void> {
  const known = database.prepare('SELECT 1 FROM vectors WHERE hash = ?')
  const save = database.prepare('INSERT OR REPLACE INTO vectors VALUES (?, ?)')
  let waiting = new Map<string, string>()
  const flush = async () => {
    const texts = [...waiting]
    waiting = new Map()
    const vectors = await embedPatiently(
      texts.map(([, text]) => text),
      embedder,
      dimension,
      signal,
    )
    transaction(database, () => {
      for (const [at, [hash]] of texts.entries()) {
        const vector = vectors[at]
        save.run(hash, vector ? new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength) : null)
      }
    })
  }
  let count = 0
  for (const paper of papers) {
    const text = textOf(paper)
    const hash = hashOf(text)
    if (/\p{L}/u.test(text) && !waiting.has(hash) && !known.get(hash))
      waiting.set(hash, text.slice(0, longestText).toWellFormed())
    if (waiting.size === textsAtOnce) await flush()
    if (++count % papersAtOnce === 0) await breathe(signal)
  }
  if (waiting.size) await flush()
}

/** Finds the text that is refused, and cuts it; undefined where nothing helps. */
async function embedPatiently(
  texts: string[],
  embedder: Embedder,
  dimension: number,
  signal: AbortSignal | undefined,
  halvings = 0,
): Promise<(Float32Array | undefined)[]> {
  try {
    const vectors = await embedder.embed(texts, { signal })
    const wrong = vectors.find(({ length }) => length !== dimension)
    if (wrong) throw new EmbedderError(`a vector of ${wrong.length} numbers, those before have ${dimension}`)
    return vectors
  } catch (error) {
    if (!(error instanceof EmbedderError) || !error.ofText) throw error
    if (texts.length === 1) {
      // Half of little would say something else.
      if (halvings === mostHalvings || texts[0].length < shortestHalved) return [undefined]
      const half = texts[0].slice(0, texts[0].length >> 1).toWellFormed()
      return embedPatiently([half], embedder, dimension, signal, halvings + 1)
    }
    const middle = texts.length >> 1
    return [
      ...(await embedPatiently(texts.slice(0, middle), embedder, dimension, signal)),
      ...(await embedPatiently(texts.slice(middle), embedder, dimension, signal)),
    ]
  }
}

async function indexed(
  folder: string,
  database: DatabaseSync,
  papers: Iterable<Text>,
  { model, dimension, signal, anew }: { model: string; dimension: number; signal?: AbortSignal; anew?: boolean },
): Promise<{ index: Hnsw; rows: Manifest['rows'] }> {
  const find = database.prepare('SELECT vector FROM vectors WHERE hash = ?')
  const before = anew ? undefined : openIndex(folder, model)
  const fits = before?.index.dimension === dimension
  const { index, rows } = fits
    ? before
    : { index: Hnsw.create(dimension, { metric: 'cosine' }), rows: [] as Manifest['rows'] }
  const old = new Map(rows.flatMap((row, id) => (row ? [[row[0], { id, hash: row[1] }] as const] : [])))
  let waiting: { key: string; hash: string; vector: Float32Array }[] = []
  const flush = async () => {
    if (!waiting.length) return
    const points = matrix(waiting.length, dimension)
    for (const [row, { vector }] of waiting.entries()) points.data.set(vector, row * dimension)
    const ids = await index.add(points, { signal })
    for (const [at, id] of ids.entries()) rows[id] = [waiting[at].key, waiting[at].hash]
    waiting = []
  }
  for (const paper of papers) {
    const hash = hashOf(textOf(paper))
    if (old.get(paper.key)?.hash === hash) {
      old.delete(paper.key)
      continue
    }
    const blob = find.get(hash)?.vector as Uint8Array | null | undefined
    if (blob?.byteLength === dimension * 4)
      waiting.push({ key: paper.key, hash, vector: new Float32Array(Uint8Array.from(blob).buffer) })
    if (waiting.length === papersAtOnce) {
      await flush()
      await breathe(signal)
    }
  }
  await flush()
  for (const { id } of old.values()) {
    index.delete([id])
    rows[id] = null
  }
  if (rows.filter(row => !row).length <= mostDeleted * rows.length) return { index, rows }
  // Many rows that are gone make it slow: made anew, from what is there.
  return indexed(folder, database, papers, { model, dimension, signal, anew: true })
}

function openIndex(folder: string, model: string) {
  const manifest = readJson(manifestOf(folder), manifestSchema)
  if (manifest?.model !== model || !existsSync(join(folder, manifest.index))) return undefined
  try {
    const index = openHnsw(join(folder, manifest.index))
    if (manifest.rows.some((row, id) => Boolean(row) !== index.has(id))) return undefined
    return { index, rows: manifest.rows, revision: manifest.revision }
  } catch (error) {
    console.error(`embedder: ${(error as Error).message}; the index is made anew`)
    return undefined
  }
}

export interface ModelVectors {
  revision: number
  dimension: number
  /** Those that the model has no vector for are looked up among `own`, and so is what two papers share. */
  over(own: PaperVectors | undefined, queryVector: (text: string) => Float32Array | undefined): PaperVectors
}

/** Gives the vectors that lie in a folder, opened again whenever others do. */
export function openModelVectors(folder: string, model: string): () => ModelVectors | undefined {
  let opened: { stamp: string; vectors: ModelVectors | undefined } | undefined
  return () => {
    const stat = statSync(manifestOf(folder), { throwIfNoEntry: false })
    const stamp = stat ? `${stat.mtimeMs} ${stat.size} ${stat.ino}` : ''
    if (opened?.stamp !== stamp) opened = { stamp, vectors: stat && openNow(folder, model) }
    return opened.vectors
  }
}

function openNow(folder: string, model: string): ModelVectors | undefined {
  const state = openIndex(folder, model)
  if (!state?.index.size) return undefined
  const { index, rows, revision } = state
  const ids = new Map(rows.flatMap((row, id) => (row ? [[row[0], id] as const] : [])))
  const every = Math.max(1, Math.floor(ids.size / backgroundPapers))
  const some = [...ids.values()].filter((_, at) => at % every === 0).slice(0, backgroundPapers)
  const found = (vector: Float32Array, most: number): Near[] => {
    const near = index.search(vector, most, { ef: Math.max(ef, 2 * most) })
    return Array.from(near.ids, (id, at) => ({ key: rows[id]![0], similarity: 1 - near.distances[at] }))
  }
  // Models differ in how alike they find what has nothing in common: that is 0 here, as with the own embedder.
  const backgrounds = new WeakMap<Float32Array, number>()
  const rescaled = (similarity: number, vector: Float32Array) => {
    let background = backgrounds.get(vector)
    if (background === undefined) {
      const middle = index.innerProducts(some, vector).sort()[some.length >> 1]
      // Of few papers half may well be about it.
      background = ids.size < 20 ? 0 : Math.min(0.95, Math.max(0, middle))
      backgrounds.set(vector, background)
    }
    return (similarity - background) / (1 - background)
  }
  return {
    revision,
    dimension: index.dimension,
    over: (own, queryVector) => {
      const vectorOf = (text: string) => {
        const vector = queryVector(text)
        return vector?.length === index.dimension ? vector : undefined
      }
      return {
        revision,
        byMeaning: true,
        nearestTo(key, most) {
          const id = ids.get(key)
          if (id === undefined) return own?.nearestTo(key, most) ?? []
          return found(index.vector(id), most + 1)
            .filter(near => near.key !== key)
            .slice(0, most)
        },
        nearestToText(text, most) {
          const vector = vectorOf(text)
          if (!vector) return []
          return found(vector, most).map(near => ({ ...near, similarity: rescaled(near.similarity, vector) }))
        },
        rowOf: key => ids.get(key) ?? -1,
        similarities(text, rows) {
          const vector = vectorOf(text)
          if (!vector) return rows.map(() => 0)
          const cosines = cosinesOf(index, rows, vector)
          return cosines.map((cosine, at) => (rows[at] < 0 ? 0 : rescaled(cosine, vector)))
        },
        shared: (a, b) => own?.shared(a, b) ?? [],
      }
    },
  }
}
