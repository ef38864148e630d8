/**
 * An embedder that needs nothing but the texts themselves: TF-IDF weights of words and pairs of words, projected on the
 * strongest directions of the whole collection (truncated SVD; Deerwester et al. 1990, latent semantic analysis; found by
 * subspace iteration from random vectors, as in Halko, Martinsson and Tropp, SIAM Review 2011).
 */
import {
  arena,
  breathe,
  InputError,
  instantiate,
  type LongCall,
  random,
  runSteps,
  type Steps,
  symmetricEigen,
} from '@offprint/kernels'
import { relaxed, simd } from '../build/directions.js'
import { checksumOf } from './checksum.ts'
import { damaged, layOut, readHeader, type Source, sectionOf } from './sections.ts'
import { runsOfWords, vagueWords, type Word } from './words.ts'

export interface EmbedderOptions extends LongCall {
  /** Length of the vectors; less where the texts have fewer directions. 8 to 1,024, default 192. */
  dimensions?: number
  /** Terms that are known, words before pairs of words, the commonest first; default 40,000. */
  mostTerms?: number
  /** Texts that a term must stand in; default 2, and 1 for fewer than 10 texts. */
  leastTexts?: number
  /** Rounds of the subspace iteration; default 6. */
  rounds?: number
  /** Whole number from 0 to 2³² − 1; default 0. Same texts in the same order and seed, same embedder. */
  seed?: number
}

export interface LexicalEmbedder {
  /** Length of the vectors. */
  dimensions: number
  /** Number of known terms. */
  terms: number
  /** A text as a vector of length 1; zeros where it has no known word. */
  embed(text: string): Float32Array
  /** Known terms of a text, by number, with their weights: TF-IDF at length 1. */
  weights(text: string): Map<number, number>
  /**
   * What two texts have in common, the most telling first, as people write it: `product quantization`, `recall`.
   * @param most at most so many; default 3
   */
  shared(a: string, b: string, most?: number): string[]
  /** The embedder as the bytes of its file. */
  toBytes(): Uint8Array
}

const format = { magic: 'OFPLEXE1', version: 1 }
/** More directions than are wanted make the wanted ones exact sooner. */
const oversampling = 12
const textsAtOnce = 200
/** Pairs seen once are forgotten when there are so many. */
const mostPairsCounted = 1_500_000
/** What two texts share is named down to this share of the most telling term's score. */
const leastTelling = 0.1
/** A term in more texts than this share tells nothing. */
const commonShare = 0.4

/**
 * Learns the terms and the directions of a collection.
 *
 * @param texts gone through once; of each the words are kept as numbers, four bytes a word
 * @throws InputError for wrong options; the signal's reason once it is aborted
 *
 * @example
 * const embedder = await trainLexicalEmbedder(texts)
 * const vector = embedder.embed('graph indexes for vector search')
 */
export async function trainLexicalEmbedder(
  texts: Iterable<string>,
  { dimensions = 192, mostTerms = 40_000, leastTexts, rounds = 6, seed = 0, signal, onProgress }: EmbedderOptions = {},
): Promise<LexicalEmbedder> {
  requireWhole('dimensions', dimensions, 8, 1024)
  requireWhole('mostTerms', mostTerms, 1, 1_000_000)
  requireWhole('rounds', rounds, 1, 100)
  requireWhole('seed', seed, 0, 2 ** 32 - 1)
  const steps = 3 + rounds
  const progress = (done: number) => onProgress?.(done, steps)
  const read = await readTexts(texts, signal)
  progress(1)
  const vocabulary = await chooseTerms(read, { mostTerms, leastTexts, signal })
  progress(2)
  const rows = await weigh(read, vocabulary, signal)
  progress(3)
  const projection = await strongestDirections(rows, vocabulary.terms.length, {
    dimensions,
    rounds,
    seed,
    signal,
    onRound: round => progress(3 + round),
  })
  return embedder({ ...vocabulary, ...projection })
}

interface Vocabulary {
  terms: string[]
  /** As it is most often written. */
  written: string[]
  /** Inverse document frequency, a term. */
  rarity: Float32Array
}

interface Model extends Vocabulary {
  dimensions: number
  /** terms × dimensions. */
  projection: Float32Array
}

// ---- Terms ----

/** Texts as numbers of words, of which `breakOfRun` stands between two runs. */
interface ReadTexts {
  /** Words of text i lie from `starts[i]` to `starts[i + 1]`. */
  starts: number[]
  words: Uint32Array
  /** Of each word as it is written, and the number of its term. */
  written: string[]
  termOf: number[]
  terms: string[]
}

const breakOfRun = 0xffffffff

async function readTexts(texts: Iterable<string>, signal?: AbortSignal): Promise<ReadTexts> {
  const numbers = new Map<string, number>()
  const termNumbers = new Map<string, number>()
  const written: string[] = []
  const termOf: number[] = []
  const terms: string[] = []
  const numberOf = (word: Word): number => {
    // How it is written says what its term is.
    let number = numbers.get(word.written)
    if (number !== undefined) return number
    number = written.push(word.written) - 1
    numbers.set(word.written, number)
    let term = termNumbers.get(word.term)
    if (term === undefined) {
      term = terms.push(word.term) - 1
      termNumbers.set(word.term, term)
    }
    termOf.push(term)
    return number
  }
  const starts = [0]
  let words = new Uint32Array(1 << 16)
  let end = 0
  for (const text of texts) {
    const runs = runsOfWords(text)
    const length = runs.reduce((sum, run) => sum + run.length + 1, 0)
    if (end + length > words.length) {
      const before = words
      words = new Uint32Array(Math.max(end + length, 2 * words.length))
      words.set(before)
    }
    for (const run of runs) {
      for (const word of run) words[end++] = numberOf(word)
      words[end++] = breakOfRun
    }
    starts.push(end)
    if (starts.length % textsAtOnce === 0) await breathe(signal)
  }
  return { starts, words, written, termOf, terms }
}

async function chooseTerms(
  { starts, words, written, termOf, terms }: ReadTexts,
  { mostTerms, leastTexts, signal }: { mostTerms: number; leastTexts?: number; signal?: AbortSignal },
): Promise<Vocabulary> {
  const total = starts.length - 1
  const counts = new Uint32Array(terms.length)
  // The text that a term was last counted in, from 1.
  const lastIn = new Uint32Array(terms.length)
  for (let text = 0; text < total; text++) {
    for (let at = starts[text]; at < starts[text + 1]; at++) {
      if (words[at] === breakOfRun) continue
      const term = termOf[words[at]]
      if (lastIn[term] === text + 1) continue
      lastIn[term] = text + 1
      counts[term]++
    }
    if (text % textsAtOnce === 0) await breathe(signal)
  }
  const least = leastTexts ?? (total < 10 ? 1 : 2)
  const most = total < 10 ? total : Math.max(least, commonShare * total)
  const isTelling = Array.from(counts, count => count >= least && count <= most)
  // A pair as one number: there are millions of them.
  const pairs = new Map<number, number>()
  // How often each word is written so.
  const spelled = new Float64Array(written.length)
  for (let text = 0; text < total; text++) {
    const own = new Set<number>()
    let before = -1
    for (let at = starts[text]; at < starts[text + 1]; at++) {
      const word = words[at]
      const term = word === breakOfRun || !isTelling[termOf[word]] ? -1 : termOf[word]
      if (term >= 0) spelled[word]++
      if (term >= 0 && before >= 0) own.add(before * terms.length + term)
      before = term
    }
    for (const pair of own) pairs.set(pair, (pairs.get(pair) ?? 0) + 1)
    if (pairs.size > mostPairsCounted) for (const [pair, count] of pairs) if (count === 1) pairs.delete(pair)
    if (text % textsAtOnce === 0) await breathe(signal)
  }
  // A pair must be met more often than a word to be a phrase rather than chance.
  const phrases: [string, number][] = []
  for (const [pair, count] of pairs)
    if (count >= Math.max(least, 3) || (total < 100 && count >= least))
      phrases.push([`${terms[Math.floor(pair / terms.length)]} ${terms[pair % terms.length]}`, count])
  const byCount = (a: [string, number], b: [string, number]) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)
  const telling = terms.flatMap((term, at): [string, number][] => (isTelling[at] ? [[term, counts[at]]] : []))
  const chosen = [...telling.sort(byCount).slice(0, Math.ceil(mostTerms * 0.75)), ...phrases.sort(byCount)].slice(
    0,
    mostTerms,
  )
  const commonest = new Map<string, [string, number]>()
  for (const [word, times] of spelled.entries()) {
    const one: [string, number] = [written[word], times]
    const term = terms[termOf[word]]
    const other = commonest.get(term)
    if (times && !(other && byCount(other, one) < 0)) commonest.set(term, one)
  }
  const writtenAs = (term: string) =>
    term
      .split(' ')
      .map(part => commonest.get(part)?.[0] ?? part)
      .join(' ')
  return {
    terms: chosen.map(([term]) => term),
    written: chosen.map(([term]) => writtenAs(term)),
    rarity: Float32Array.from(chosen, ([, count]) => Math.log((1 + total) / (1 + count)) + 1),
  }
}

/** Columns of the terms: of words, and of pairs by their first and second word. */
interface Columns {
  words: Map<string, number>
  pairs: Map<string, Map<string, number>>
}

function columnsOf(terms: readonly string[]): Columns {
  const words = new Map<string, number>()
  const pairs = new Map<string, Map<string, number>>()
  for (const [column, term] of terms.entries()) {
    const [first, second] = term.split(' ')
    if (second === undefined) words.set(term, column)
    else pairs.set(first, (pairs.get(first) ?? new Map()).set(second, column))
  }
  return { words, pairs }
}

/** Weights (1 + ln count) · rarity of a text's known terms, at length 1. @param parts of hyphenated words count too */
function weightsOf(text: string, { words, pairs }: Columns, rarity: Float32Array, parts = true): Map<number, number> {
  const weights = new Map<number, number>()
  const count = (column: number | undefined) => {
    if (column !== undefined) weights.set(column, (weights.get(column) ?? 0) + 1)
  }
  for (const run of runsOfWords(text))
    for (let at = 0; at < run.length; at++) {
      const { term } = run[at]
      count(words.get(term))
      if (parts && term.includes('-')) for (const part of term.split('-')) count(words.get(part))
      if (at + 1 < run.length) count(pairs.get(term)?.get(run[at + 1].term))
    }
  return weighted(weights, rarity)
}

/** Turns counts of columns into weights, in place. */
function weighted(counts: Map<number, number>, rarity: Float32Array): Map<number, number> {
  let squares = 0
  for (const [column, times] of counts) {
    const weight = (1 + Math.log(times)) * rarity[column]
    counts.set(column, weight)
    squares += weight * weight
  }
  const length = Math.sqrt(squares)
  for (const [column, weight] of counts) counts.set(column, weight / length)
  return counts
}

/** Sparse rows: those of row i lie from `starts[i]` to `starts[i + 1]`. */
interface SparseRows {
  starts: Uint32Array
  columns: Uint32Array
  values: Float32Array
}

async function weigh(
  { starts: textStarts, words, termOf, terms: read }: ReadTexts,
  { terms, rarity }: Vocabulary,
  signal?: AbortSignal,
): Promise<SparseRows> {
  const known = columnsOf(terms)
  // What `weightsOf` counts of a word and of a pair, by the numbers of terms.
  const ownColumns = read.map(term =>
    [term, ...(term.includes('-') ? term.split('-') : [])].flatMap(word => known.words.get(word) ?? []),
  )
  const numberOf = new Map(read.map((term, number) => [term, number]))
  const pairColumns = new Map<number, number>()
  for (const [first, seconds] of known.pairs)
    for (const [second, column] of seconds)
      pairColumns.set(numberOf.get(first)! * read.length + numberOf.get(second)!, column)
  const starts = [0]
  let columns = new Uint32Array(1 << 16)
  let values = new Float32Array(1 << 16)
  let end = 0
  for (let text = 0; text + 1 < textStarts.length; text++) {
    const counts = new Map<number, number>()
    const count = (column: number) => counts.set(column, (counts.get(column) ?? 0) + 1)
    for (let at = textStarts[text]; at < textStarts[text + 1]; at++) {
      if (words[at] === breakOfRun) continue
      const term = termOf[words[at]]
      for (const column of ownColumns[term]) count(column)
      // A run ends with a break, so that there is always a next.
      if (words[at + 1] === breakOfRun) continue
      const pair = pairColumns.get(term * read.length + termOf[words[at + 1]])
      if (pair !== undefined) count(pair)
    }
    const weights = weighted(counts, rarity)
    if (end + weights.size > columns.length) {
      const room = Math.max(end + weights.size, columns.length * 2)
      const [oldColumns, oldValues] = [columns, values]
      columns = new Uint32Array(room)
      columns.set(oldColumns)
      values = new Float32Array(room)
      values.set(oldValues)
    }
    for (const [column, value] of weights) {
      columns[end] = column
      values[end++] = value
    }
    starts.push(end)
    if (starts.length % textsAtOnce === 0) await breathe(signal)
  }
  return { starts: Uint32Array.from(starts), columns, values }
}

// ---- Directions ----

/** Multiplications between two pauses. */
const multiplicationsAtOnce = 50e6

interface Engine {
  addGramTimes(...numbers: number[]): void
  addProduct(left: number, right: number, from: number, to: number, width: number, result: number): void
  turnRows(basis: number, from: number, to: number, width: number, turn: number, sum: number): void
}

/** The right singular vectors with the largest singular values, as terms × dimensions. */
async function strongestDirections(
  { starts, columns, values }: SparseRows,
  terms: number,
  {
    dimensions,
    rounds,
    seed,
    signal,
    onRound,
  }: { dimensions: number; rounds: number; seed: number; signal?: AbortSignal; onRound: (round: number) => void },
): Promise<{ dimensions: number; projection: Float32Array }> {
  const texts = starts.length - 1
  const rank = Math.min(texts, terms)
  if (!rank) return { dimensions: 0, projection: new Float32Array(0) }
  // More columns than the rank come out as zeros.
  const width = Math.ceil(Math.min(dimensions + oversampling, rank) / 4) * 4
  const entries = starts[texts]
  const memory = arena(4 * (texts + 2 * entries + 2 * terms * width + 3 * width * width) + 1e6)
  const engine = instantiate<Engine>([relaxed, simd], memory)
  const floats = (pointer: number, length: number) => new Float32Array(memory.memory.buffer, pointer, length)
  const [startsAt, columnsAt, valuesAt] = [texts + 1, entries, entries].map(length => memory.take(length * 4))
  new Uint32Array(memory.memory.buffer, startsAt, texts + 1).set(starts)
  new Uint32Array(memory.memory.buffer, columnsAt, entries).set(columns.subarray(0, entries))
  floats(valuesAt, entries).set(values.subarray(0, entries))
  let [basis, image] = [0, 0].map(() => memory.take(terms * width * 4))
  const [square, sum] = [memory.take(width * width * 4), memory.take(width * 4)]

  /** `work` on all rows, some at a time. */
  async function piecewise(rows: number, cost: number, work: (from: number, to: number) => void): Promise<void> {
    const step = Math.max(1, Math.ceil(multiplicationsAtOnce / cost))
    for (let from = 0; from < rows; from += step) {
      work(from, Math.min(rows, from + step))
      await breathe(signal)
    }
  }
  /** leftᵀ·right; summed in 32 bits within a piece, in 64 bits over the pieces. */
  async function product(left: number, right: number): Promise<Float64Array> {
    const total = new Float64Array(width * width)
    await piecewise(terms, width * width, (from, to) => {
      floats(square, width * width).fill(0)
      engine.addProduct(left, right, from, to, width, square)
      for (const [at, value] of floats(square, width * width).entries()) total[at] += value
    })
    return total
  }
  /** To new columns: combinations of the old ones, a combination in each row, each times a factor. */
  async function turn(combinations: Float64Array, factors?: Float64Array): Promise<void> {
    const by = floats(square, width * width)
    for (let to = 0; to < width; to++)
      for (let from = 0; from < width; from++)
        by[from * width + to] = combinations[to * width + from] * (factors ? factors[to] : 1)
    await piecewise(terms, width * width, (from, to) => engine.turnRows(basis, from, to, width, square, sum))
  }

  const { next } = random(seed)
  const first = floats(basis, terms * width)
  for (let at = 0; at < first.length; at++) first[at] = next() - 0.5
  let found = symmetricEigen(new Float64Array(0), 0)
  for (let round = 0; round < rounds; round++) {
    const { values: squares, vectors } = symmetricEigen(await product(basis, basis), width)
    // To columns of length 1 at right angles; what adds nothing becomes zeros.
    const lengths = squares.map(value => (value > 1e-7 * squares[0] ? 1 / Math.sqrt(value) : 0))
    await turn(vectors, lengths)
    floats(image, terms * width).fill(0)
    await piecewise(texts, (2 * width * entries) / texts, (from, to) =>
      engine.addGramTimes(startsAt, columnsAt, valuesAt, from, to, basis, image, width, sum),
    )
    // Rayleigh–Ritz: the directions within the subspace, at the end.
    if (round === rounds - 1) found = symmetricEigen(await product(basis, image), width)
    else [basis, image] = [image, basis]
    onRound(round + 1)
  }
  await turn(found.vectors)
  const kept = found.values.filter((value, at) => at < dimensions && value > 1e-6 * found.values[0]).length
  const turned = floats(basis, terms * width)
  const projection = new Float32Array(terms * kept)
  for (let term = 0; term < terms; term++)
    projection.set(turned.subarray(term * width, term * width + kept), term * kept)
  return { dimensions: kept, projection }
}

// ---- The embedder ----

function embedder(model: Model): LexicalEmbedder {
  const { dimensions, terms, written, rarity, projection } = model
  const columns = columnsOf(terms)
  return {
    dimensions,
    terms: terms.length,
    embed(text) {
      const vector = new Float32Array(dimensions)
      for (const [column, weight] of weightsOf(text, columns, rarity))
        for (let to = 0; to < dimensions; to++) vector[to] += weight * projection[column * dimensions + to]
      const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
      if (length > 1e-9) for (let to = 0; to < dimensions; to++) vector[to] /= length
      else vector.fill(0)
      return vector
    },
    weights: text => weightsOf(text, columns, rarity),
    shared(a, b, most = 3) {
      const [one, other] = [weightsOf(a, columns, rarity, false), weightsOf(b, columns, rarity, false)]
      const common = [...one]
        .filter(([column]) => other.has(column))
        .map(([column, weight]) => ({ column, parts: terms[column].split(' '), score: weight * other.get(column)! }))
        .filter(({ parts }) => !parts.every(part => vagueWords.has(part)))
        .sort((x, y) => y.score - x.score || x.column - y.column)
      const chosen: typeof common = []
      for (const term of common) {
        if (chosen.length === most || term.score < leastTelling * common[0].score) break
        // A phrase says more than its words.
        const phrase = common.find(
          ({ parts, score }) =>
            parts.length > term.parts.length && score > term.score / 3 && parts.includes(term.parts[0]),
        )
        const better = phrase ?? term
        if (!chosen.some(({ parts }) => overlap(parts, better.parts))) chosen.push(better)
      }
      return chosen.map(({ column }) => written[column])
    },
    toBytes: () => write(model),
  }
}

/** Whether two terms say the same: one word of them is the same, or part of the same hyphenated word. */
function overlap(one: string[], other: string[]): boolean {
  const words = (parts: string[]) => parts.flatMap(part => [part, ...part.split('-')])
  const own = new Set(words(one))
  return words(other).some(word => own.has(word))
}

// ---- Its file ----

function write({ dimensions, terms, written, rarity, projection }: Model): Uint8Array {
  const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => new Uint8Array(buffer, byteOffset, byteLength)
  const parts = [
    { name: 'terms', data: new TextEncoder().encode(JSON.stringify([terms, written])) },
    { name: 'rarity', data: bytesOf(rarity) },
    { name: 'projection', data: bytesOf(projection) },
  ]
  const described = parts.map(({ name, data }) => ({ name, bytes: data.length, crc: checksumOf(data) }))
  const { head, sections, bytes } = layOut(format, { dimensions, terms: terms.length }, described)
  const all = new Uint8Array(bytes)
  all.set(head)
  for (const [at, { data }] of parts.entries()) all.set(data, sections[at].offset)
  return all
}

/**
 * Opens what `toBytes` wrote; its `inSteps` does the same in steps of some milliseconds, between which others get their turn.
 * @throws InputError for bytes that are foreign, truncated or damaged
 */
export const openLexicalEmbedder = Object.assign((bytes: Uint8Array): LexicalEmbedder => runSteps(openInSteps(bytes)), {
  inSteps: openInSteps,
})

function* openInSteps(bytes: Uint8Array): Steps<LexicalEmbedder> {
  const source: Source = {
    bytes: bytes.length,
    read: (at, into) => into.set(bytes.subarray(at, at + into.length)),
  }
  const header = readHeader(source, format)
  const { dimensions, terms: count } = header.about as { dimensions: number; terms: number }
  function* read(name: string, size?: number): Steps<Uint8Array<ArrayBuffer>> {
    const section = sectionOf(header, name, size)
    // Not `slice`: that of Node's Buffer does not copy.
    const data = new Uint8Array(bytes.subarray(section.offset, section.offset + section.bytes))
    yield
    if (checksumOf(data) !== section.crc) throw damaged(`its section '${name}'`)
    yield
    return data
  }
  const floats = (data: Uint8Array<ArrayBuffer>) => new Float32Array(data.buffer, 0, data.length / 4)
  const [terms, written] = JSON.parse(new TextDecoder().decode(yield* read('terms'))) as [string[], string[]]
  if (terms.length !== count || written.length !== count) throw damaged("its section 'terms'")
  yield
  const rarity = floats(yield* read('rarity', count * 4))
  const projection = floats(yield* read('projection', count * dimensions * 4))
  return embedder({ dimensions, terms, written, rarity, projection })
}

function requireWhole(field: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new InputError(field, String(value), `a whole number from ${least} to ${most}`)
}
