/**
 * One file of named sections: 8 bytes of magic, the version of the format, the header's length, its checksum, the header as JSON
 * (what the index is, and where each section lies with its checksum), and the sections at multiples of 64 bytes. All
 * little-endian. The same bytes are a file, a message to a worker, and what a page keeps.
 *
 * A format may say that its files can be added to. Behind the header's checksum then stand, with a checksum of their own, the bytes that
 * count; behind the sections come changes, each a header as JSON and the blocks of sections that are new. What lies behind the bytes
 * that count was never finished.
 */
import { InputError } from '@offprint/kernels'
import { checksumOf } from './checksum.ts'

const alignment = 64
/** Magic, version, header length and checksum. */
const fixedBytes = 20
const mostHeaderBytes = 1 << 20
/** Where in a file that can be added to the bytes that count, and their checksum, are written. */
export const committedAt = 20
const committedBytes = 12
const changeMagic = 0x4547_4e43
const changeFixedBytes = 12

/** How a kind of file begins. */
export interface Format {
  magic: string
  version: number
  /** Older versions that are known as well. */
  readable?: number[]
  /** From this version on files can be added to. */
  growsSince?: number
}

const fixedOf = ({ growsSince }: Format, version: number) =>
  growsSince !== undefined && version >= growsSince ? committedAt + committedBytes : fixedBytes

export interface Section {
  name: string
  offset: number
  bytes: number
  crc: number
}

/** Blocks of a section that have changed: runs of first block and how many, one after the other from `offset` on. */
export interface ChangedSection {
  name: string
  /** Size of the section now. */
  bytes: number
  runs: [first: number, blocks: number][]
  offset: number
  crc: number
}

export interface Change {
  about: Record<string, unknown>
  block: number
  sections: ChangedSection[]
}

export interface Header {
  /** Of the format. */
  version: number
  /** What the file says of its content. */
  about: Record<string, unknown>
  sections: Section[]
  /** Size of the whole file in bytes. */
  bytes: number
  /** What came later, in order. */
  changes: Change[]
  /** Checksum of the first header, by which a file is known again. */
  crc: number
}

/** Bytes that can be read in pieces: a buffer, or a file. */
export interface Source {
  bytes: number
  /** Fills `into` from a position; never past the end. */
  read(at: number, into: Uint8Array): void
  /** Called once it is not read any more. */
  close?(): void
}

/** Where things lie in the file that is to be written, and its first bytes. */
export function layOut(
  format: Format,
  about: Record<string, unknown>,
  sections: { name: string; bytes: number; crc: number }[],
): { head: Uint8Array; sections: Section[]; bytes: number; crc: number } {
  // Offsets count from the end of the header, so that they do not depend on its length.
  let offset = 0
  const placed = sections.map(section => {
    const at = offset
    offset = align(offset + section.bytes)
    return { ...section, offset: at }
  })
  const json = new TextEncoder().encode(JSON.stringify({ about, sections: placed }))
  const fixed = fixedOf(format, format.version)
  const start = align(fixed + json.length)
  const head = new Uint8Array(start)
  const crc = checksumOf(json)
  head.set(new TextEncoder().encode(format.magic))
  const view = new DataView(head.buffer)
  view.setUint32(8, format.version, true)
  view.setUint32(12, json.length, true)
  view.setUint32(16, crc, true)
  if (fixed > fixedBytes) head.set(commitment(start + offset), committedAt)
  head.set(json, fixed)
  return {
    head,
    sections: placed.map(section => ({ ...section, offset: start + section.offset })),
    bytes: start + offset,
    crc,
  }
}

/** What is written at `committedAt` once so many bytes count. */
export function commitment(bytes: number): Uint8Array {
  const written = new Uint8Array(committedBytes)
  const view = new DataView(written.buffer)
  view.setBigUint64(0, BigInt(bytes), true)
  view.setUint32(8, checksumOf(written.subarray(0, 8)), true)
  return written
}

/** The bytes of a change, to be written at the end of those that count. */
export function layOutChange(
  about: Record<string, unknown>,
  block: number,
  sections: (Omit<ChangedSection, 'offset' | 'crc'> & { content: Uint8Array })[],
): Uint8Array {
  let offset = 0
  const placed = sections.map(({ content, ...section }) => {
    const at = offset
    offset = align(offset + content.length)
    return { ...section, offset: at, crc: checksumOf(content) }
  })
  const json = new TextEncoder().encode(JSON.stringify({ about, block, sections: placed }))
  const start = align(changeFixedBytes + json.length)
  const written = new Uint8Array(start + offset)
  const view = new DataView(written.buffer)
  view.setUint32(0, changeMagic, true)
  view.setUint32(4, json.length, true)
  view.setUint32(8, checksumOf(json), true)
  written.set(json, changeFixedBytes)
  for (const [at, { content }] of sections.entries()) written.set(content, start + placed[at].offset)
  return written
}

/**
 * Reads and checks the header. The content of `about` is the caller's to check.
 * @param readable older versions that are known as well
 * @throws InputError for a file that is foreign, of another version, truncated, or damaged in its header
 */
export function readHeader(source: Source, format: Format): Header {
  const { magic, version, readable = [] } = format
  const fixed = new Uint8Array(Math.min(fixedBytes, source.bytes))
  source.read(0, fixed)
  const view = new DataView(fixed.buffer)
  const found = new TextDecoder('latin1').decode(fixed.subarray(0, 8))
  if (found !== magic) throw refuse('another kind of file', `is no index file: it does not begin with ${magic}`)
  if (source.bytes < fixedBytes) throw truncated()
  const written = view.getUint32(8, true)
  if (written !== version && !readable.includes(written))
    throw refuse(`version ${written}`, `has version ${written} of the format; version ${version} is known here`)
  const jsonAt = fixedOf(format, written)
  const length = view.getUint32(12, true)
  if (length > mostHeaderBytes) throw damaged('its header')
  const start = align(jsonAt + length)
  if (start > source.bytes) throw truncated()
  const json = new Uint8Array(length)
  source.read(jsonAt, json)
  const crc = checksumOf(json)
  if (crc !== view.getUint32(16, true)) throw damaged('its header')
  const { about, sections } = parse<Pick<Header, 'about' | 'sections'>>(json, damaged('its header'))
  const requireZeros = (from: number, to: number) => {
    const padding = new Uint8Array(to - from)
    source.read(from, padding)
    if (padding.some(byte => byte)) throw damaged('what lies between its sections')
  }
  let end = start
  const placed = sections.map(section => {
    const at = start + section.offset
    // In order, without overlap, at whole places: otherwise the header was made by somebody else.
    if (!Number.isSafeInteger(section.bytes) || section.bytes < 0 || at !== end) throw damaged('its header')
    end = align(at + section.bytes)
    return { ...section, offset: at }
  })
  if (source.bytes < end) throw truncated()
  const changes: Change[] = []
  if (jsonAt === fixedBytes) {
    if (source.bytes > end) throw damaged('its end: there is more than it should hold')
  } else {
    const counted = readCommitment(source)
    if (counted > source.bytes) throw truncated()
    if (counted < end) throw damaged('its header')
    while (end < counted) {
      const change = readChange(source, end, counted)
      changes.push(change)
      end = change.end
    }
  }
  requireZeros(jsonAt + length, start)
  for (const { offset, bytes } of placed) requireZeros(offset + bytes, align(offset + bytes))
  return { version: written, about, sections: placed, bytes: end, changes, crc }
}

function readCommitment(source: Source): number {
  const written = new Uint8Array(committedBytes)
  source.read(committedAt, written)
  const view = new DataView(written.buffer)
  const bytes = Number(view.getBigUint64(0, true))
  if (checksumOf(written.subarray(0, 8)) !== view.getUint32(8, true) || !Number.isSafeInteger(bytes))
    throw damaged('its header')
  return bytes
}

function readChange(source: Source, at: number, most: number): Change & { end: number } {
  const wrong = () => damaged('its changes')
  if (at + changeFixedBytes > most) throw wrong()
  const fixed = new Uint8Array(changeFixedBytes)
  source.read(at, fixed)
  const view = new DataView(fixed.buffer)
  const length = view.getUint32(4, true)
  const start = at + align(changeFixedBytes + length)
  if (view.getUint32(0, true) !== changeMagic || length > mostHeaderBytes || start > most) throw wrong()
  const json = new Uint8Array(length)
  source.read(at + changeFixedBytes, json)
  if (checksumOf(json) !== view.getUint32(8, true)) throw wrong()
  const { about, block, sections } = parse<Change>(json, wrong())
  if (!isWhole(block) || block < 1 || !sections.every(section => runsFit(section, block))) throw wrong()
  let end = start
  const placed = sections.map(section => {
    const offset = start + section.offset
    if (offset !== end) throw wrong()
    end = align(offset + changedBytes(section, block))
    return { ...section, offset }
  })
  if (end > most) throw wrong()
  return { about, block, sections: placed, end }
}

const isWhole = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0

/** A header, of which more than this is its reader's to check. */
function parse<Head extends { about: unknown; sections: Section[] }>(json: Uint8Array, refusal: InputError): Head {
  try {
    const head = JSON.parse(new TextDecoder().decode(json))
    const { about, sections } = head
    const sound = sections.every(
      ({ name, offset, bytes }: Section) => typeof name === 'string' && isWhole(offset) && isWhole(bytes),
    )
    if (sound && typeof about === 'object' && about) return head
  } catch {
    // said below
  }
  throw refusal
}

/** Whether runs of blocks are one behind the other and within a section. */
function runsFit({ bytes, runs }: ChangedSection, block: number): boolean {
  let end = 0
  const blocks = Math.ceil(bytes / block)
  return (
    Array.isArray(runs) &&
    runs.every(run => {
      const [first, more] = Array.isArray(run) ? run : [-1, 0]
      const fits = isWhole(first) && isWhole(more) && first >= end && more > 0 && first + more <= blocks
      end = first + more
      return fits
    })
  )
}

/** Bytes of the blocks that a change brings for a section. */
export function changedBytes({ bytes, runs }: Pick<ChangedSection, 'bytes' | 'runs'>, block: number): number {
  let sum = 0
  for (const [first, blocks] of runs) sum += Math.min(bytes, (first + blocks) * block) - first * block
  return sum
}

/** Where a section lies. @throws InputError where it is missing or has not the size that it must have, if that is known */
export function sectionOf(header: Header, name: string, bytes?: number): Section {
  const section = header.sections.find(section => section.name === name)
  if (!section || section.bytes !== (bytes ?? section.bytes)) throw damaged(`its section '${name}'`)
  return section
}

export function damaged(what: string): InputError {
  return refuse('a damaged file', `is damaged in ${what}`)
}

function truncated(): InputError {
  return refuse('a truncated file', 'is cut off')
}

function refuse(found: string, problem: string): InputError {
  return new InputError('index', found, 'an index file', `index: the file ${problem}`)
}

function align(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment
}
