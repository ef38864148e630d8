/**
 * One file of named sections: 8 bytes of magic, the version of the format, the header's length, its checksum, the header as JSON
 * (what the index is, and where each section lies with its checksum), and the sections at multiples of 64 bytes. All
 * little-endian. The same bytes are a file, a message to a worker, and what a page keeps.
 */
import { InputError } from '@offprint/kernels'
import { checksumOf } from './checksum.ts'

const alignment = 64
/** Magic, version, header length and checksum. */
const fixedBytes = 20
const mostHeaderBytes = 1 << 20

export interface Section {
  name: string
  offset: number
  bytes: number
  crc: number
}

export interface Header {
  /** Of the format. */
  version: number
  /** What the file says of its content. */
  about: Record<string, unknown>
  sections: Section[]
  /** Size of the whole file in bytes. */
  bytes: number
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
  { magic, version }: { magic: string; version: number },
  about: Record<string, unknown>,
  sections: { name: string; bytes: number; crc: number }[],
): { head: Uint8Array; sections: Section[]; bytes: number } {
  // Offsets count from the end of the header, so that they do not depend on its length.
  let offset = 0
  const placed = sections.map(section => {
    const at = offset
    offset = align(offset + section.bytes)
    return { ...section, offset: at }
  })
  const json = new TextEncoder().encode(JSON.stringify({ about, sections: placed }))
  const start = align(fixedBytes + json.length)
  const head = new Uint8Array(start)
  head.set(new TextEncoder().encode(magic))
  const view = new DataView(head.buffer)
  view.setUint32(8, version, true)
  view.setUint32(12, json.length, true)
  view.setUint32(16, checksumOf(json), true)
  head.set(json, fixedBytes)
  return {
    head,
    sections: placed.map(section => ({ ...section, offset: start + section.offset })),
    bytes: start + offset,
  }
}

/**
 * Reads and checks the header. The content of `about` is the caller's to check.
 * @param readable older versions that are known as well
 * @throws InputError for a file that is foreign, of another version, truncated, or damaged in its header
 */
export function readHeader(
  source: Source,
  { magic, version, readable = [] }: { magic: string; version: number; readable?: number[] },
): Header {
  const fixed = new Uint8Array(Math.min(fixedBytes, source.bytes))
  source.read(0, fixed)
  const view = new DataView(fixed.buffer)
  const found = new TextDecoder('latin1').decode(fixed.subarray(0, 8))
  if (found !== magic) throw refuse('another kind of file', `is no index file: it does not begin with ${magic}`)
  if (source.bytes < fixedBytes) throw truncated()
  const written = view.getUint32(8, true)
  if (written !== version && !readable.includes(written))
    throw refuse(`version ${written}`, `has version ${written} of the format; version ${version} is known here`)
  const length = view.getUint32(12, true)
  if (length > mostHeaderBytes) throw damaged('its header')
  const start = align(fixedBytes + length)
  if (start > source.bytes) throw truncated()
  const json = new Uint8Array(length)
  source.read(fixedBytes, json)
  if (checksumOf(json) !== view.getUint32(16, true)) throw damaged('its header')
  const { about, sections } = JSON.parse(new TextDecoder().decode(json)) as Pick<Header, 'about' | 'sections'>
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
  if (source.bytes !== end)
    throw source.bytes < end ? truncated() : damaged('its end: there is more than it should hold')
  requireZeros(fixedBytes + length, start)
  for (const { offset, bytes } of placed) requireZeros(offset + bytes, align(offset + bytes))
  return { version: written, about, sections: placed, bytes: end }
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
