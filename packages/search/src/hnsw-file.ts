/** The file of an HNSW index: read at once or bit by bit, written whole or only what has changed. */
import { breathe, type InputError, type Matrix } from '@offprint/kernels'
import { checksumOf } from './checksum.ts'
import { isCalibration } from './hnsw-calibration.ts'
import { type GraphState, type HnswGraph, mostRows, none } from './hnsw-graph.ts'
import { type Calibration, type HnswSettings, readOptions } from './hnsw-options.ts'
import { type IdKind, idKinds, type RowIds } from './row-ids.ts'
import {
  changedBytes,
  commitment,
  committedAt,
  damaged,
  type Header,
  layOut,
  layOutChange,
  type Section,
  type Source,
  sectionOf,
} from './sections.ts'

export const hnswFormat = { magic: 'OFPHNSW1', version: 2, readable: [1], growsSince: 2 }
const pieceBytes = 1 << 24
/** What has changed is found and written in such pieces. */
const blockBytes = 4096
/** Of more runs of changed blocks, or more bytes beside the first file's, a file is written anew. */
const mostRuns = 20_000
const mostAppended = 0.5
/** Read or checked later where an index is opened `lazy`. */
const largeParts = ['codes', 'links', 'upper', 'vectors']

export class HnswFile {
  readonly #graph: HnswGraph
  readonly #ids: RowIds
  readonly #inTurn: <Result>(work: () => Promise<Result>) => Promise<Result>
  /** Kept with the rows. */
  calibration: Calibration | undefined
  /** Floats that are still in the file. */
  #absent: Absent | undefined
  /** Parts whose checksums are not known yet. */
  #unchecked: Part[] | undefined
  #damage: InputError | undefined
  /** The file that holds this index, as it was when it was last written or opened. */
  #saved: Saved | undefined
  /** Resolved when all of an index that was opened `lazy` is in memory and was found sound. */
  ready: Promise<void> = Promise.resolve()

  /** @param inTurn waits until earlier changes of the index are done */
  constructor(graph: HnswGraph, ids: RowIds, inTurn: <Result>(work: () => Promise<Result>) => Promise<Result>) {
    this.#graph = graph
    this.#ids = ids
    this.#inTurn = inTurn
  }

  /** @throws InputError where the file turned out to be damaged after it was opened */
  requireSound(): void {
    if (this.#damage) throw this.#damage
  }

  /** The index as the bytes of its file. */
  toBytes(): Uint8Array {
    this.fetchAll()
    // What was damaged must not get checksums that are right.
    for (const { name, pointer, size, crc } of this.#unchecked ?? [])
      if (this.#graph.checksum(pointer, size) !== crc) throw damaged(`its section '${name}'`)
    const { head, pieces, bytes } = this.#layOut()
    const all = new Uint8Array(bytes)
    all.set(head)
    for (const { read, size, offset } of pieces) all.set(read(0, size), offset)
    return all
  }

  /** Piece by piece; see Hnsw. */
  writeTo(write: (bytes: Uint8Array, at: number) => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      const { head, pieces, bytes, crc } = this.#layOut()
      const saved = this.#newSaved(crc, bytes, pieces)
      await write(head, 0)
      let end = head.length
      for (const { read, size, offset } of pieces) {
        for (let at = 0; at < size; at += pieceBytes)
          await write(read(at, Math.min(pieceBytes, size - at)).slice(), offset + at)
        if (size) end = offset + size
      }
      if (end < bytes) await write(new Uint8Array(bytes - end), end)
      this.#saved = saved
    })
  }

  /** What has changed; see Hnsw. */
  writeChangesTo(file: GrowingFile): Promise<number | undefined> {
    return this.#inTurn(async () => {
      const saved = this.#saved
      if (!saved || saved.layout !== this.#graph.layout || !(await this.#isIn(file, saved))) return undefined
      const parts = this.#contents()
      const sections: { name: string; bytes: number; runs: [number, number][]; content: Uint8Array }[] = []
      const digests = new Map<string, BigUint64Array>()
      let bytes = 0
      let runs = 0
      for (const part of parts) {
        const before = saved.digests.get(part.name)
        if (!before && saved.remembered) return undefined
        if (!before) continue
        const now = part.digests()
        digests.set(part.name, now)
        const changed = runsOf(before, now)
        const content = new Uint8Array(changedBytes({ bytes: part.size, runs: changed }, blockBytes))
        let at = 0
        for (const [first, blocks] of changed) {
          const from = first * blockBytes
          const length = Math.min(part.size, (first + blocks) * blockBytes) - from
          content.set(part.read(from, length), at)
          at += length
        }
        sections.push({ name: part.name, bytes: part.size, runs: changed, content })
        bytes += content.length
        runs += changed.length
      }
      if (runs > mostRuns || saved.end - saved.base + bytes > mostAppended * saved.base) return undefined
      const written = layOutChange({ ...this.#about() }, blockBytes, sections)
      await file.write(written, saved.end)
      await file.sync()
      await file.write(commitment(saved.end + written.length), committedAt)
      await file.sync()
      for (const [name, now] of digests) saved.digests.set(name, now)
      saved.end += written.length
      return written.length
    })
  }

  /** Whether a file holds what this index was last saved or opened as. */
  async #isIn(file: GrowingFile, saved: Saved): Promise<boolean> {
    const head = new Uint8Array(committedAt + 12)
    if ((await file.read(head, 0)) < head.length) return false
    const view = new DataView(head.buffer)
    const known = new TextDecoder('latin1').decode(head.subarray(0, 8)) === hnswFormat.magic
    return known && view.getUint32(16, true) === saved.crc && Number(view.getBigUint64(committedAt, true)) === saved.end
  }

  #newSaved(crc: number, bytes: number, parts: Content[], base = bytes): Saved {
    const digests = new Map<string, BigUint64Array>()
    // Deletions change the marks at any time; the others wait until `remember`.
    for (const part of parts) if (part.name === 'flags' || part.name === 'ids') digests.set(part.name, part.digests())
    return { crc, end: bytes, base, layout: this.#graph.layout, digests, remembered: false }
  }

  /** Before anything but marks changes: takes digests of what the file holds. */
  remember(): void {
    if (!this.#saved || this.#saved.remembered) return
    for (const part of this.#contents())
      if (!this.#saved.digests.has(part.name)) this.#saved.digests.set(part.name, part.digests())
    this.#saved.remembered = true
  }

  /** What the file's sections hold, as it is now. */
  #contents(): Content[] {
    const graph = this.#graph
    const ids = this.#ids.toBytes(graph.count)
    const inGraph = graph.parts().map(({ name, pointer, size }) => {
      // Deleting does not wait: the marks are taken as they are now.
      const marks = name === 'flags' ? graph.view(pointer, size).slice() : undefined
      return {
        name,
        size,
        crc: () => graph.checksum(pointer, size),
        digests: () => graph.digests(pointer, size, blockBytes),
        read: (at: number, length: number) =>
          marks ? marks.subarray(at, at + length) : graph.view(pointer + at, length),
      }
    })
    return [
      ...inGraph,
      {
        name: 'ids',
        size: ids.length,
        crc: () => checksumOf(ids),
        digests: () => graph.digestsOf(ids, blockBytes),
        read: (at: number, length: number) => ids.subarray(at, at + length),
      },
    ]
  }

  #about(): About {
    const graph = this.#graph
    const calibration = this.calibration
    return {
      options: graph.settings,
      dimension: graph.dimension,
      ...graph.state(),
      ids: this.#ids.kind,
      next: this.#ids.next,
      ...(calibration && { calibration }),
    }
  }

  #layOut() {
    const parts = this.#contents()
    const named = parts.map(({ name, size, crc }) => ({ name, bytes: size, crc: crc() }))
    const { head, sections, bytes, crc } = layOut(hnswFormat, { ...this.#about() }, named)
    return { head, bytes, crc, pieces: parts.map((part, at) => ({ ...part, offset: sections[at].offset })) }
  }

  /** Fills the graph and the ids with what a file says. @throws InputError where it is damaged */
  load(source: Source, header: Header, about: About, lazy: boolean): void {
    const graph = this.#graph
    graph.allot(about)
    const grown = header.changes.length > 0
    const parts = graph.parts()
    const waits = lazy && !grown && graph.codes !== 'none' && graph.count > 0
    const later: Part[] = []
    for (const part of parts) {
      const { name, pointer, size } = part
      const section = sectionOf(header, name, grown ? undefined : size)
      if (waits && largeParts.includes(name)) {
        later.push({ ...part, ...section })
        if (name !== 'vectors') this.#readPart(source, { ...part, ...section })
        continue
      }
      readSection(source, header, name, size, {
        view: (at, length) => graph.view(pointer + at, length),
        checksum: (at, length, before) => graph.checksum(pointer + at, length, before),
      })
    }
    graph.adopt(about)
    const named = header.sections.some(({ name }) => name === 'ids')
    if (named === (header.version === 1)) throw damaged('its version')
    if (named) {
      const ids = new Uint8Array(sizeOf(header, 'ids'))
      readSection(source, header, 'ids', ids.length, {
        view: (at, length) => ids.subarray(at, at + length),
        checksum: (at, length, before) => checksumOf(ids.subarray(at, at + length), before),
      })
      if (!this.#ids.fromBytes(ids, about.count)) throw damaged("its section 'ids'")
      const base = header.sections.reduce((end, { offset, bytes }) => Math.max(end, offset + bytes), 0)
      this.#saved = this.#newSaved(header.crc, header.bytes, this.#contents(), base)
    }
    // Walks begin before the checksums are known.
    this.#checkGraph(later.length > 0)
    if (later.length) this.#loadLater(source, later)
    else source.close?.()
  }

  #readPart(source: Source, { pointer, size, offset }: Part): void {
    readPieces(source, offset, size, (at, length) => this.#graph.view(pointer + at, length))
  }

  #checkGraph(quickly: boolean): void {
    const rule = this.#graph.broken(quickly)
    if (rule) throw damaged(`its graph (rule ${rule})`)
  }

  /** Reads the floats in the background, and checks what was read before. */
  #loadLater(source: Source, parts: Part[]): void {
    const graph = this.#graph
    const vectors = parts.find(({ name }) => name === 'vectors')!
    const absent: Absent = {
      source,
      part: vectors,
      rowBytes: vectors.size / graph.count,
      present: new Uint8Array(graph.count),
    }
    this.#absent = absent
    this.#unchecked = parts
    this.ready = this.#inTurn(async () => {
      try {
        for (let at = 0; at < vectors.size && this.#absent; at += pieceBytes) {
          source.read(vectors.offset + at, graph.view(vectors.pointer + at, Math.min(pieceBytes, vectors.size - at)))
          await breathe()
        }
        this.#absent = undefined
        for (const { name, pointer, size, crc } of parts) {
          let sum = 0
          for (let at = 0; at < size; at += pieceBytes) {
            sum = graph.checksum(pointer + at, Math.min(pieceBytes, size - at), sum)
            await breathe()
          }
          if (sum !== crc) throw damaged(`its section '${name}'`)
        }
        this.#checkGraph(false)
        this.#unchecked = undefined
      } catch (error) {
        this.#damage = error as InputError
        throw error
      } finally {
        source.close?.()
      }
    })
    this.ready.catch(() => {})
  }

  /** Reads the floats of what walks for these queries find, where they are still in the file. */
  fetchFound(queries: Matrix, ef: number): void {
    if (!this.#absent) return
    const { source, part, rowBytes, present } = this.#absent
    const { columns } = queries
    for (let row = 0; row < queries.rows; row++) {
      const query = { data: queries.data.subarray(row * columns, (row + 1) * columns), rows: 1, columns }
      for (const node of this.#graph.walked(query, ef)) {
        if (present[node]) continue
        source.read(part.offset + node * rowBytes, this.#graph.view(part.pointer + node * rowBytes, rowBytes))
        present[node] = 1
      }
    }
  }

  /** Makes sure that all floats are in memory. */
  fetchAll(): void {
    this.requireSound()
    if (!this.#absent) return
    this.#readPart(this.#absent.source, this.#absent.part)
    this.#absent = undefined
  }
}

/** A file that can be written to at any place. */
export interface GrowingFile {
  /** Fills `into` from a position; how many bytes there were. */
  read(into: Uint8Array, at: number): Promise<number>
  write(bytes: Uint8Array, at: number): Promise<void>
  /** Resolved once all that was written is on the disk. */
  sync(): Promise<void>
}

interface Saved {
  /** Of the file's first header. */
  crc: number
  /** Bytes of the file that count, and of those its first sections. */
  end: number
  base: number
  layout: number
  /** Of the blocks of each section, as the file has them; all of them once `remembered`, before that nothing else has changed. */
  digests: Map<string, BigUint64Array>
  remembered: boolean
}

/** What a section of the file holds. */
interface Content {
  name: string
  size: number
  crc(): number
  digests(): BigUint64Array
  read(at: number, length: number): Uint8Array
}

/** Where the bytes of a section go. */
interface Target {
  view(at: number, length: number): Uint8Array
  checksum(at: number, length: number, before: number): number
}

/** A section's size after all changes. */
function sizeOf(header: Header, name: string): number {
  const last = header.changes.findLast(({ sections }) => sections.some(section => section.name === name))
  return last?.sections.find(section => section.name === name)?.bytes ?? sectionOf(header, name).bytes
}

/** Reads bytes into where they go, so many at a time. */
function readPieces(
  source: Source,
  offset: number,
  length: number,
  view: (at: number, length: number) => Uint8Array,
): void {
  for (let at = 0; at < length; at += pieceBytes) source.read(offset + at, view(at, Math.min(pieceBytes, length - at)))
}

/** Reads a section as it was written first, and then what has changed. @throws InputError where it is damaged */
function readSection(source: Source, header: Header, name: string, size: number, target: Target): void {
  const wrong = () => damaged(`its section '${name}'`)
  const read = (offset: number, at: number, length: number, before: number) => {
    readPieces(source, offset, length, (done, most) => target.view(at + done, most))
    return target.checksum(at, length, before)
  }
  const section = sectionOf(header, name)
  if (sizeOf(header, name) !== size) throw wrong()
  if (section.bytes <= size) {
    if (read(section.offset, 0, section.bytes, 0) !== section.crc) throw wrong()
  } else {
    // It has become shorter.
    const bytes = new Uint8Array(section.bytes)
    source.read(section.offset, bytes)
    if (checksumOf(bytes) !== section.crc) throw wrong()
    target.view(0, size).set(bytes.subarray(0, size))
  }
  for (const { sections, block } of header.changes)
    for (const change of sections) {
      if (change.name !== name) continue
      let crc = 0
      let offset = change.offset
      for (const [first, blocks] of change.runs) {
        const at = first * block
        const length = Math.min(change.bytes, at + blocks * block) - at
        // What was there then may lie beyond the end now.
        if (at + length <= size) crc = read(offset, at, length, crc)
        else {
          const bytes = new Uint8Array(length)
          source.read(offset, bytes)
          crc = checksumOf(bytes, crc)
          if (at < size) target.view(at, size - at).set(bytes.subarray(0, size - at))
        }
        offset += length
      }
      if (crc !== change.crc) throw wrong()
    }
}

/** Blocks whose digests differ, or that are new, as runs. */
function runsOf(before: BigUint64Array, now: BigUint64Array): [number, number][] {
  const runs: [number, number][] = []
  for (let block = 0; block < now.length; block++) {
    if (block < before.length && before[block] === now[block]) continue
    const last = runs.at(-1)
    if (last && last[0] + last[1] === block) last[1]++
    else runs.push([block, 1])
  }
  return runs
}

/** A section of the file and where it lies in memory. */
interface Part extends Section {
  pointer: number
  size: number
}

interface Absent {
  source: Source
  part: Part
  rowBytes: number
  /** Of each row whether its floats were read. */
  present: Uint8Array
}

/** What the file's header says of the index. */
export interface About extends GraphState {
  options: HnswSettings
  dimension: number
  ids: IdKind
  next: number
  calibration?: Calibration
}

/** Checks what a header says before memory is taken for it. */
export function readAbout({ about, bytes, changes }: Header): About {
  const given = (changes.at(-1)?.about ?? about) as unknown as About
  const {
    options,
    dimension,
    count,
    entry,
    top,
    upper,
    step,
    halves = false,
    ids = 'sequence',
    next = count,
    calibration,
  } = given
  const whole = (value: number, most: number) => Number.isInteger(value) && value >= 0 && value <= most
  try {
    const settings = readOptions(options)
    const fits = whole(dimension, 65_536) && dimension > 0 && whole(count, mostRows) && whole(upper, 2 ** 30)
    const coded = step === null ? !halves : typeof step === 'number' && step > 0 && settings.metric !== 'ip'
    const called = idKinds.includes(ids) && whole(next, 2 ** 32) && typeof halves === 'boolean'
    const links = Math.round(settings.M * settings.layer0Factor)
    // The file holds all that memory is taken for.
    const size = count * (dimension * (halves ? 2 : 4) + links * 4) + upper * 4
    const measured = !calibration || isCalibration(calibration)
    if (fits && coded && called && measured && whole(entry, none) && Number.isInteger(top) && size <= bytes)
      return {
        options: settings,
        dimension,
        count,
        entry,
        top,
        upper,
        step,
        halves,
        ids,
        next,
        ...(calibration && { calibration }),
      }
  } catch {
    // said below
  }
  throw damaged('its header')
}
