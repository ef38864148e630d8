/**
 * An inverted index of words, ranked by BM25 (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009). It knows
 * nothing of texts: documents come as terms with their frequencies, which may be weighted by where they stand.
 *
 * What was opened from bytes lies there as flat arrays; what is added later lies in a map beside them, until the index is
 * written again.
 */
import { InputError, runSteps, type Steps } from '@offprint/kernels'
import { checksumOf } from './checksum.ts'
import { damaged, layOut, readHeader, sectionOf } from './sections.ts'

export interface Bm25Options {
  /** How soon more of the same word stops to count. Default 1.2. */
  k1?: number
  /** How much long documents are held back, 0 to 1. Default 0.75. */
  b?: number
}

/**
 * Terms that count as one: their frequencies are added. Or a phrase that somebody else found: the documents that have it, and
 * a term that stands for it; it counts as often as that term. What lists the documents must not change afterwards.
 */
export type Alternative = readonly string[] | { term: string; documents: Iterable<number> & object }

export interface Bm25Found {
  /** The best first; of the same score the lower id first. */
  ids: Uint32Array
  scores: Float64Array
  /** Documents that match in all. */
  total: number
  /** The best score of all that match, also of those that `only` leaves out; 0 where none does. */
  highest: number
}

export interface Bm25 {
  /** Documents in it. */
  readonly size: number
  /**
   * Puts a document in, in the place of the one that had its id.
   *
   * @param id a whole number from 0 to 2^32 − 1
   * @param length in words; default: the sum of the frequencies
   * @throws InputError
   */
  add(id: number, frequencies: ReadonlyMap<string, number>, length?: number): void
  /** Whether there was one. */
  delete(id: number): boolean
  /**
   * Documents that match every group, or with `any` at least one; of a group one alternative must be there, and each that is
   * there counts.
   *
   * @param options.k at most so many; default 10. `total` counts all that match.
   * @param options.only which ids may be found; default all. The scores are the same with it and without.
   * @param options.countAll default true. Without it `total` may be too low with `any`: what cannot be among the best is passed over.
   */
  search(
    groups: readonly (readonly Alternative[])[],
    options?: { k?: number; any?: boolean; only?: (id: number) => boolean; countAll?: boolean },
  ): Bm25Found
  /** Terms that documents have, or had, and that begin so. */
  termsBeginning(beginning: string): string[]
  /** All of it, for `openBm25`. */
  toBytes(): Uint8Array
}

const format = { magic: 'OFFPBM25', version: 1 }

interface Flat {
  /** Where each term begins in `text`, in the order of their UTF-16 code units. */
  termStarts: Uint32Array
  text: Uint8Array
  /** Where the postings of each term begin. */
  starts: Uint32Array
  /** Row of a document, ascending in each term. */
  rows: Uint32Array
  frequencies: Float32Array
  /** Of each row, ascending. */
  ids: Uint32Array
  lengths: Float32Array
}

/** Merged lists that were asked for lately are kept: 8 bytes a document. */
const mostKept = 3_000_000
const mostNames = 20_000

interface Postings {
  rows: ArrayLike<number>
  frequencies: ArrayLike<number>
  from: number
  to: number
}

/** Documents that have one alternative. */
interface Having {
  rows: Uint32Array
  frequencies: Float32Array
  from: number
  to: number
  /** No document gets more for it. */
  weight: number
}

/** @throws InputError */
export function createBm25(options: Bm25Options = {}): Bm25 {
  return bm25(
    {
      termStarts: new Uint32Array(1),
      text: new Uint8Array(),
      starts: new Uint32Array(1),
      rows: new Uint32Array(),
      frequencies: new Float32Array(),
      ids: new Uint32Array(),
      lengths: new Float32Array(),
    },
    options,
  )
}

function bm25(flat: Flat, { k1 = 1.2, b = 0.75 }: Bm25Options): Bm25 {
  if (!(k1 >= 0)) throw new InputError('k1', String(k1), 'a number of at least 0')
  if (!(b >= 0 && b <= 1)) throw new InputError('b', String(b), 'a number from 0 to 1')
  const decoder = new TextDecoder()
  const flatRows = flat.ids.length
  const addedIds: number[] = []
  const addedLengths: number[] = []
  const added = new Map<string, { rows: number[]; frequencies: number[] }>()
  /** Row of each document that was added. */
  const rowOfAdded = new Map<number, number>()
  const gone = new Set<number>()
  let totalLength = flat.lengths.reduce((sum, length) => sum + length, 0)

  // For one search at a time; left as they were found.
  let scores = new Float64Array(0)
  let hits = new Uint8Array(0)
  let sums = new Float64Array(0)
  let touched = new Uint32Array(0)
  let matching = new Uint32Array(0)

  // Until a document comes or goes.
  const kept = new Map<string, Having>()
  let keptOfPhrases = new WeakMap<object, Having & { term: string }>()
  let keptRows = 0

  function forget(): void {
    kept.clear()
    keptOfPhrases = new WeakMap()
    keptRows = 0
  }

  const idOf = (row: number) => (row < flatRows ? flat.ids[row] : addedIds[row - flatRows])
  const lengthOf = (row: number) => (row < flatRows ? flat.lengths[row] : addedLengths[row - flatRows])

  function rowOf(id: number): number | undefined {
    const row = rowOfAdded.get(id)
    if (row !== undefined) return row
    const at = lowerBound(flatRows, middle => flat.ids[middle] < id)
    return at < flatRows && flat.ids[at] === id && !gone.has(at) ? at : undefined
  }

  const termAt = (index: number) =>
    decoder.decode(flat.text.subarray(flat.termStarts[index], flat.termStarts[index + 1]))

  /** Index of the first term that is not before this one. */
  function placeOf(term: string): number {
    const count = flat.starts.length - 1
    // Bytes of ASCII and of UTF-8 are in the order of UTF-16, and need not be decoded.
    if (!/^[\x00-\x7f]*$/.test(term)) return lowerBound(count, middle => termAt(middle) < term)
    return lowerBound(count, middle => {
      const end = flat.termStarts[middle + 1]
      let byte = flat.termStarts[middle]
      for (let at = 0; at < term.length; at++, byte++) {
        if (byte === end) return true
        const difference = flat.text[byte] - term.charCodeAt(at)
        if (difference) return difference < 0
      }
      return false
    })
  }

  function postingsOf(term: string): Postings[] {
    const found: Postings[] = []
    const count = flat.starts.length - 1
    const at = placeOf(term)
    if (at < count && termAt(at) === term)
      found.push({ rows: flat.rows, frequencies: flat.frequencies, from: flat.starts[at], to: flat.starts[at + 1] })
    const more = added.get(term)
    if (more) found.push({ ...more, from: 0, to: more.rows.length })
    return found
  }

  function remove(row: number, id: number): void {
    forget()
    gone.add(row)
    rowOfAdded.delete(id)
    totalLength -= lengthOf(row)
  }

  function add(id: number, frequencies: ReadonlyMap<string, number>, length?: number): void {
    if (!Number.isInteger(id) || id < 0 || id > 0xffffffff)
      throw new InputError('id', String(id), 'a whole number from 0 to 4294967295')
    let sum = 0
    for (const frequency of frequencies.values()) {
      if (!(frequency > 0 && Number.isFinite(frequency)))
        throw new InputError('frequencies', String(frequency), 'numbers above 0')
      sum += frequency
    }
    const words = length ?? sum
    if (!(words >= 0 && Number.isFinite(words))) throw new InputError('length', String(words), 'a number of at least 0')
    const before = rowOf(id)
    if (before !== undefined) remove(before, id)
    forget()
    const row = flatRows + addedIds.length
    addedIds.push(id)
    addedLengths.push(words)
    rowOfAdded.set(id, row)
    totalLength += words
    for (const [term, frequency] of frequencies) {
      const postings = added.get(term)
      if (postings) {
        postings.rows.push(row)
        postings.frequencies.push(frequency)
      } else added.set(term, { rows: [row], frequencies: [frequency] })
    }
  }

  function size(): number {
    return flatRows + addedIds.length - gone.size
  }

  function search(
    groups: readonly (readonly Alternative[])[],
    {
      k = 10,
      any = false,
      only,
      countAll = true,
    }: { k?: number; any?: boolean; only?: (id: number) => boolean; countAll?: boolean } = {},
  ): Bm25Found {
    if (!Number.isInteger(k) || k < 0) throw new InputError('k', String(k), 'a whole number of at least 0')
    const all = flatRows + addedIds.length
    if (scores.length < all) {
      scores = new Float64Array(2 * all)
      hits = new Uint8Array(2 * all)
      sums = new Float64Array(2 * all)
      touched = new Uint32Array(2 * all)
      matching = new Uint32Array(2 * all)
    }
    const looked = groups.map(group => group.map(havingOf))
    // The rarest group first: what it does not have need not be looked at again.
    const sizeOf = (group: Having[]) => group.reduce((sum, { from, to }) => sum + to - from, 0)
    if (!any) looked.sort((a, b) => sizeOf(a) - sizeOf(b))
    if (looked.length > 255) throw new InputError('groups', String(looked.length), 'at most 255')
    const documents = size()
    const held = documents ? (k1 * b * documents) / (totalLength || 1) : 0
    const scoreOf = (frequency: number, row: number, weight: number) =>
      (weight * frequency) / (frequency + k1 * (1 - b) + held * lengthOf(row))
    let touchedRows = 0
    const isBefore = (a: number, b: number) => scores[a] > scores[b] || (scores[a] === scores[b] && idOf(a) < idOf(b))
    const first = any ? looked.flat().sort((a, b) => b.weight - a.weight) : (looked[0] ?? [])
    // What this word and those after it add at most; a little more, as sums are rounded.
    let left = 1.000001 * first.reduce((sum, { weight }) => sum + weight, 0)
    for (const { rows, frequencies, from, to, weight } of first) {
      // Whoever has none of the words before cannot be among the best any more (MaxScore, Turtle and Flood 1995).
      const isLate =
        any &&
        !(countAll || only) &&
        k > 0 &&
        touchedRows >= k &&
        to - from > touchedRows &&
        left < scores[firstOf(touched.slice(0, touchedRows), k, isBefore)[k - 1]]
      left -= weight
      for (let at = from; at < to; at++) {
        const row = rows[at]
        // What has a word has a score.
        if (scores[row] === 0) {
          if (isLate) continue
          touched[touchedRows++] = row
        }
        scores[row] += scoreOf(frequencies[at], row, weight)
      }
    }
    for (const [group, alternatives] of looked.entries())
      for (const { rows, frequencies, from, to, weight } of any || !group ? [] : alternatives)
        for (let at = from; at < to; at++) {
          const row = rows[at]
          // It lacks a group that came before.
          if (scores[row] === 0 || hits[row] < group - 1) continue
          hits[row] = group
          scores[row] += scoreOf(frequencies[at], row, weight)
        }
    const needed = any ? 0 : groups.length - 1
    let matchingRows = 0
    let highest = 0
    for (let at = 0; at < touchedRows; at++) {
      const row = touched[at]
      if (hits[row] !== needed) continue
      if (scores[row] > highest) highest = scores[row]
      if (!only || only(idOf(row))) matching[matchingRows++] = row
    }
    const best = firstOf(matching.subarray(0, matchingRows), k, isBefore)
    const found: Bm25Found = {
      ids: best.map(idOf),
      scores: Float64Array.from(best, row => scores[row]),
      total: matchingRows,
      highest,
    }
    for (let at = 0; at < touchedRows; at++) {
      scores[touched[at]] = 0
      hits[touched[at]] = 0
    }
    return found
  }

  function havingOf(alternative: Alternative): Having {
    if ('term' in alternative) {
      const { term, documents } = alternative
      const before = keptOfPhrases.get(documents)
      if (before?.term === term) return before
      const found = { ...joined(listsOf(alternative)), term }
      keptOfPhrases.set(documents, found)
      return found
    }
    const name = alternative.some(term => term.includes('\0')) ? JSON.stringify(alternative) : alternative.join('\0')
    const before = kept.get(name)
    if (before) return before
    const found = joined(listsOf(alternative))
    keptRows += ownRows(found)
    kept.set(name, found)
    for (const [oldest, having] of kept) {
      if (keptRows <= mostKept && kept.size <= mostNames) break
      kept.delete(oldest)
      keptRows -= ownRows(having)
    }
    return found
  }

  const ownRows = ({ rows }: Having) => (rows === flat.rows ? 0 : rows.length)

  /** Lists as one; what lies in the index as it is wanted is taken from there. */
  function joined(lists: Postings[]): Having {
    const [first] = lists
    const having =
      lists.length === 1 && first.rows === flat.rows && !gone.size
        ? { rows: flat.rows, frequencies: flat.frequencies, from: first.from, to: first.to }
        : together(lists)
    return { ...having, weight: rarity(size(), having.to - having.from) * (k1 + 1) }
  }

  function listsOf(alternative: Alternative): Postings[] {
    if (!('term' in alternative)) return alternative.flatMap(postingsOf)
    const rows = new Set<number>()
    for (const id of alternative.documents) {
      const row = rowOf(id)
      if (row !== undefined) rows.add(row)
    }
    const own: { rows: number[]; frequencies: number[] } = { rows: [], frequencies: [] }
    for (const list of postingsOf(alternative.term))
      for (let at = list.from; at < list.to; at++)
        if (rows.delete(list.rows[at])) {
          own.rows.push(list.rows[at])
          own.frequencies.push(list.frequencies[at])
        }
    // Who has the phrase but not its term has it once.
    for (const row of rows) {
      own.rows.push(row)
      own.frequencies.push(1)
    }
    return [{ ...own, from: 0, to: own.rows.length }]
  }

  /** Terms that count as one: two of them mostly have few documents in common. Without the documents that are gone. */
  function together(lists: Postings[]): Omit<Having, 'weight'> {
    let count = 0
    for (const list of lists)
      for (let at = list.from; at < list.to; at++) {
        const row = list.rows[at]
        if (gone.size && gone.has(row)) continue
        if (sums[row] === 0) touched[count++] = row
        sums[row] += list.frequencies[at]
      }
    const rows = touched.slice(0, count)
    const frequencies = new Float32Array(count)
    for (let at = 0; at < count; at++) {
      frequencies[at] = sums[rows[at]]
      sums[rows[at]] = 0
    }
    return { rows, frequencies, from: 0, to: count }
  }

  /** The same documents as flat arrays, in the order of their ids. */
  function flatten(): Flat {
    const alive = Array.from({ length: flatRows + addedIds.length }, (_, row) => row).filter(row => !gone.has(row))
    alive.sort((a, b) => idOf(a) - idOf(b))
    const place = new Int32Array(flatRows + addedIds.length).fill(-1)
    for (const [at, row] of alive.entries()) place[row] = at
    const known = Array.from({ length: flat.starts.length - 1 }, (_, index) => termAt(index))
    const terms = [...new Set([...known, ...added.keys()])].sort()
    const encoder = new TextEncoder()
    const rows: number[] = []
    const frequencies: number[] = []
    const kept: Uint8Array[] = []
    const starts = [0]
    for (const term of terms) {
      const own: [number, number][] = []
      for (const list of postingsOf(term))
        for (let at = list.from; at < list.to; at++) {
          const row = place[list.rows[at]]
          if (row >= 0) own.push([row, list.frequencies[at]])
        }
      if (!own.length) continue
      own.sort((a, b) => a[0] - b[0])
      for (const [row, frequency] of own) {
        rows.push(row)
        frequencies.push(frequency)
      }
      starts.push(rows.length)
      kept.push(encoder.encode(term))
    }
    const termStarts = new Uint32Array(kept.length + 1)
    for (const [at, bytes] of kept.entries()) termStarts[at + 1] = termStarts[at] + bytes.length
    const text = new Uint8Array(termStarts.at(-1)!)
    for (const [at, bytes] of kept.entries()) text.set(bytes, termStarts[at])
    return {
      termStarts,
      text,
      starts: Uint32Array.from(starts),
      rows: Uint32Array.from(rows),
      frequencies: Float32Array.from(frequencies),
      ids: Uint32Array.from(alive, idOf),
      lengths: Float32Array.from(alive, lengthOf),
    }
  }

  return {
    get size() {
      return size()
    },
    add,
    delete(id) {
      const row = rowOf(id)
      if (row !== undefined) remove(row, id)
      return row !== undefined
    },
    search,
    termsBeginning(beginning) {
      const count = flat.starts.length - 1
      const found = new Set<string>()
      for (let at = placeOf(beginning); at < count; at++) {
        const term = termAt(at)
        if (!term.startsWith(beginning)) break
        found.add(term)
      }
      for (const term of added.keys()) if (term.startsWith(beginning)) found.add(term)
      return [...found]
    },
    toBytes: () => write(flatten(), { k1, b }),
  }
}

/** How telling a term is that so many documents have: ln((N − n + ½) / (n + ½)), but never less than nothing. */
function rarity(documents: number, having: number): number {
  return Math.max(1e-6, Math.log((documents - having + 0.5) / (having + 0.5)))
}

/** The first index for which this no longer holds. */
function lowerBound(count: number, isBelow: (index: number) => boolean): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBelow(middle)) low = middle + 1
    else high = middle
  }
  return low
}

/** The first `k` in their order; of many by a heap whose top is the last of those kept. */
function firstOf(rows: Uint32Array, k: number, isBefore: (a: number, b: number) => boolean): Uint32Array {
  const inOrder = (some: Uint32Array) => some.sort((a, b) => (isBefore(a, b) ? -1 : 1))
  if (rows.length <= 4 * k) return inOrder(rows).slice(0, k)
  const heap = rows.slice(0, k)
  const sink = (from: number) => {
    const row = heap[from]
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= k) break
      if (child + 1 < k && isBefore(heap[child], heap[child + 1])) child++
      if (!isBefore(row, heap[child])) break
      heap[at] = heap[child]
      at = child
    }
    heap[at] = row
  }
  for (let at = (k >>> 1) - 1; at >= 0; at--) sink(at)
  for (let at = k; k && at < rows.length; at++)
    if (isBefore(rows[at], heap[0])) {
      heap[0] = rows[at]
      sink(0)
    }
  return inOrder(heap)
}

// ---- Its file ----

const arrays = {
  termStarts: Uint32Array,
  text: Uint8Array,
  starts: Uint32Array,
  rows: Uint32Array,
  frequencies: Float32Array,
  ids: Uint32Array,
  lengths: Float32Array,
}

function write(flat: Flat, options: Required<Bm25Options>): Uint8Array {
  const names = Object.keys(arrays) as (keyof Flat)[]
  const parts = names.map(name => {
    const { buffer, byteOffset, byteLength } = flat[name]
    return { name, data: new Uint8Array(buffer, byteOffset, byteLength) }
  })
  const described = parts.map(({ name, data }) => ({ name, bytes: data.length, crc: checksumOf(data) }))
  const { head, sections, bytes } = layOut(format, { ...options }, described)
  const all = new Uint8Array(bytes)
  all.set(head)
  for (const [at, { data }] of parts.entries()) all.set(data, sections[at].offset)
  return all
}

/**
 * Opens what `toBytes` wrote. The bytes are used as they are: they must not change afterwards. `openBm25.inSteps` does the same as a
 * generator that pauses every few milliseconds, for whoever has other things to answer meanwhile.
 * @throws InputError for bytes that are foreign, truncated or damaged
 */
export const openBm25 = Object.assign((bytes: Uint8Array): Bm25 => runSteps(openInSteps(bytes)), {
  inSteps: openInSteps,
})

/** What is looked at between two pauses. */
const stepBytes = 4 << 20

function* openInSteps(bytes: Uint8Array): Steps<Bm25> {
  const header = readHeader(
    { bytes: bytes.length, read: (at, into) => into.set(bytes.subarray(at, at + into.length)) },
    format,
  )
  function* read<Name extends keyof Flat>(name: Name): Steps<Flat[Name]> {
    const { offset, bytes: size, crc } = sectionOf(header, name)
    const data = bytes.subarray(offset, offset + size)
    let found = 0
    for (let at = 0; at < size; at += stepBytes) {
      found = checksumOf(data.subarray(at, at + stepBytes), found)
      yield
    }
    if (found !== crc) throw damaged(`its section '${name}'`)
    const kind = arrays[name]
    if (size % kind.BYTES_PER_ELEMENT) throw damaged(`its section '${name}'`)
    // Sections begin at multiples of 64; the bytes themselves may begin anywhere.
    const aligned = (data.byteOffset % kind.BYTES_PER_ELEMENT ? Uint8Array.from(data) : data) as Uint8Array<ArrayBuffer>
    return new kind(aligned.buffer, aligned.byteOffset, size / kind.BYTES_PER_ELEMENT) as Flat[Name]
  }
  const flat: Flat = {
    termStarts: yield* read('termStarts'),
    text: yield* read('text'),
    starts: yield* read('starts'),
    rows: yield* read('rows'),
    frequencies: yield* read('frequencies'),
    ids: yield* read('ids'),
    lengths: yield* read('lengths'),
  }
  const { termStarts, text, starts, rows, frequencies, ids, lengths } = flat
  let isSound =
    starts.length === termStarts.length &&
    starts.length > 0 &&
    termStarts.at(-1) === text.length &&
    starts.at(-1) === rows.length &&
    rows.length === frequencies.length &&
    ids.length === lengths.length
  for (let from = 0; isSound && from < rows.length; from += stepBytes / 4) {
    const end = Math.min(rows.length, from + stepBytes / 4)
    for (let at = from; at < end; at++) if (rows[at] >= ids.length) isSound = false
    yield
  }
  if (!isSound) throw damaged('what its sections have in common')
  return bm25(flat, header.about as Bm25Options)
}
