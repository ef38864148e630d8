/** The text of a file as people have it: packed with gzip, as UTF-16 from a spreadsheet, or in Windows' old encoding. */
import { isAscii, isUtf8 } from 'node:buffer'
import { finished } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'

/** What a gzip file may unpack to, in bytes, where nothing else is said. */
const unpackedLimit = 200_000_000
/** No text of papers of this size or more shrinks to less than a hundredth: what does is there to keep a machine busy. */
const ratioFrom = 10_000_000
const highestRatio = 100
/** Unpacks to some megabytes at most. */
const packedPiece = 4096
/** Decoded at a time. */
const pieceSize = 32_768
/** How much text from the first byte that is not UTF-8 decides what the text is. */
const judged = 262_144
/** Bytes to which Windows-1252 gives no character. */
const unassigned = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d])

/** What a report says once about a text that had to be repaired. */
export const notUtf8 = 'The text has bytes that are not UTF-8; each was replaced by \ufffd.'
const windows1252 = 'The text is not UTF-8; it was read as Windows-1252.'

export interface PlainTextOptions {
  /** Takes a sentence for the report where bytes were not what they should be. */
  note(text: string): void
  /** Most bytes that a gzip file may unpack to, default 200 MB. */
  unpackedLimit?: number
}

/**
 * Text from the bytes of a file. Gzip is unpacked, UTF-16 is known by its mark; else it is UTF-8, or Windows-1252 where UTF-8
 * does not explain it. Memory stays bounded, and the same text comes out wherever the chunks end.
 *
 * @throws Error where a gzip file is cut, damaged or unpacks to more than it should; what came before it has been given
 */
export async function* readPlainText(
  chunks: AsyncIterable<Uint8Array>,
  { note, unpackedLimit: limit = unpackedLimit }: PlainTextOptions,
): AsyncGenerator<string> {
  const packed = await withStart(chunks, 2)
  const isGzip = packed.start[0] === 0x1f && packed.start[1] === 0x8b
  const { start, all } = isGzip ? await withStart(unpacked(packed.all, limit), 3) : await withStart(packed.all, 3)
  const mark = start.toString('hex')
  if (mark.startsWith('fffe')) yield* decoded(all, new TextDecoder('utf-16le', { ignoreBOM: true }))
  else if (mark.startsWith('feff')) yield* decoded(all, new TextDecoder('utf-16be', { ignoreBOM: true }))
  else yield* utf8OrWindows(all, mark === 'efbbbf', note)
}

/** The first bytes, and all of them. */
async function withStart(
  chunks: AsyncIterable<Uint8Array>,
  length: number,
): Promise<{ start: Buffer; all: AsyncIterable<Uint8Array> }> {
  const iterator = chunks[Symbol.asyncIterator]()
  let start = Buffer.alloc(0)
  let failure: { error: unknown } | undefined
  try {
    while (start.length < length) {
      const { done, value } = await iterator.next()
      if (done) break
      start = Buffer.concat([start, value])
    }
  } catch (error) {
    failure = { error }
  }
  async function* all() {
    try {
      if (start.length) yield start
      if (failure) throw failure.error
      for (;;) {
        const { done, value } = await iterator.next()
        if (done) return
        yield value
      }
    } finally {
      await iterator.return?.()
    }
  }
  return { start: start.subarray(0, length), all: all() }
}

async function* unpacked(chunks: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip()
  const ready: Uint8Array[] = []
  let [read, given] = [0, 0]
  let damage: (Error & { code?: string }) | undefined
  gunzip.on('data', piece => void ready.push(piece))
  const ended = finished(gunzip).catch(error => {
    damage = error
  })
  function* take() {
    for (const piece of ready.splice(0)) {
      given += piece.length
      if (given > limit)
        throw new Error(
          `the gzip file unpacks to more than ${limit / 1e6} MB; unpack it first, or use the command offprint import`,
        )
      if (given > ratioFrom && given > highestRatio * read)
        throw new Error(
          `the gzip file unpacks to more than ${highestRatio} times its size, which no text of papers does`,
        )
      yield piece
    }
    if (damage?.code === 'Z_BUF_ERROR') throw new Error('the gzip file is cut off: its end is missing')
    if (damage) throw new Error(`the gzip file is damaged: ${damage.message}`)
  }
  try {
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length; at += packedPiece) {
        const piece = chunk.subarray(at, at + packedPiece)
        read += piece.length
        // A damaged piece is never said to be written.
        await Promise.race([new Promise(resolve => gunzip.write(piece, resolve)), ended])
        yield* take()
      }
    }
    gunzip.end()
    await ended
    yield* take()
  } finally {
    gunzip.destroy()
  }
}

async function* inPieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks)
    for (let at = 0; at < chunk.length; at += pieceSize) yield chunk.subarray(at, at + pieceSize)
}

async function* decoded(chunks: AsyncIterable<Uint8Array>, decoder: TextDecoder): AsyncGenerator<string> {
  for await (const piece of inPieces(chunks)) yield decoder.decode(piece, { stream: true })
  yield decoder.decode()
}

/**
 * UTF-8 for as long as it is. From the first byte that is not, the text is Windows-1252 if such bytes are more than the
 * characters of UTF-8 beyond ASCII, here and before: in texts of Windows those come about by chance only.
 */
async function* utf8OrWindows(
  chunks: AsyncIterable<Uint8Array>,
  hasMark: boolean,
  note: (text: string) => void,
): AsyncGenerator<string> {
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  let decoder: TextDecoder | undefined
  let seen = hasMark ? Number.POSITIVE_INFINITY : 0
  let held: Uint8Array = Buffer.alloc(0)
  let isBroken = false
  const decide = (isEnd: boolean) => {
    const isWindows = looksLikeWindows(held.subarray(0, judged), seen, isEnd)
    note(isWindows ? windows1252 : notUtf8)
    decoder = isWindows ? new TextDecoder('windows-1252') : utf8
    const text = decoder.decode(held, { stream: true })
    held = Buffer.alloc(0)
    return text
  }
  let failure: { error: unknown } | undefined
  try {
    for await (const piece of inPieces(chunks)) {
      if (decoder) {
        yield decoder.decode(piece, { stream: true })
        continue
      }
      held = held.length ? Buffer.concat([held, piece]) : piece
      if (!isBroken) {
        const whole = wholeLength(held)
        isBroken = !isUtf8(held.subarray(0, whole))
        const right = held.subarray(0, isBroken ? firstWrong(held) : whole)
        held = held.subarray(right.length)
        seen += charactersBeyondAscii(right)
        yield utf8.decode(right)
      }
      if (isBroken && held.length >= judged) yield decide(false)
    }
  } catch (error) {
    failure = { error }
  }
  // Half a character where the source broke says nothing about the rest.
  if (!decoder && held.length && (isBroken || !failure)) yield decide(true)
  if (failure) throw failure.error
  if (decoder) yield decoder.decode()
}

function looksLikeWindows(bytes: Uint8Array, seen: number, isEnd: boolean): boolean {
  let right = seen
  let wrong = 0
  let wrongUntil = -1
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at] < 0x80 ? 1 : characterLength(bytes, at)
    if (length > 1) right++
    else if (bytes[at] >= 0x80) {
      if (!isEnd && at >= wholeLength(bytes)) break
      if (unassigned.has(bytes[at])) return false
      // Half a character of several bytes is one fault.
      if (at !== wrongUntil) wrong++
      wrongUntil = at + 1
    }
    at += length || 1
  }
  return wrong > right
}

/** How many bytes a lead byte announces; 0 where it is none. */
function announced(byte: number): number {
  return byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 0
}

/** Length of the character beyond ASCII that starts there, in bytes; 0 where none does. */
function characterLength(bytes: Uint8Array, at: number): number {
  const length = announced(bytes[at])
  return length && at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : 0
}

/** Length without a character that has only begun. */
function wholeLength(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]
    if (announced(byte)) return announced(byte) > back ? bytes.length - back : bytes.length
    if (byte < 0x80) break
  }
  return bytes.length
}

function firstWrong(bytes: Uint8Array): number {
  let at = 0
  while (at < bytes.length) {
    const length = bytes[at] < 0x80 ? 1 : characterLength(bytes, at)
    if (!length) break
    at += length
  }
  return at
}

function charactersBeyondAscii(bytes: Uint8Array): number {
  if (isAscii(bytes)) return 0
  let count = 0
  for (const byte of bytes) if (byte >= 0xc0) count++
  return count
}
