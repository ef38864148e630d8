/** Tar archives (POSIX ustar, with pax headers for long names and sizes) as streams: plain files only. */

const block = 512
/** More than this no header of a long name is. */
const longestPax = 64 * 1024

export interface TarEntry {
  name: string
  bytes: number
  /** Must be read to its end before the next entry comes. */
  content: AsyncIterable<Uint8Array>
}

/** An archive that is no tar archive, is cut off, or holds more than plain files. */
export class TarError extends Error {
  override name = 'TarError'
}

/** The blocks that come before a file's content. @param mode permissions, such as 0o600 */
export function tarHeader(name: string, bytes: number, mtime: Date, mode = 0o600): Buffer {
  const plain = /^[\x20-\x7e]{1,100}$/.test(name)
  const small = bytes < 8 ** 11
  if (plain && small) return header(name, bytes, mtime, mode, '0')
  const records = Buffer.from(record('path', name) + (small ? '' : record('size', String(bytes))))
  return Buffer.concat([
    header('PaxHeader', records.length, mtime, mode, 'x'),
    records,
    tarPadding(records.length),
    header(name.replace(/[^\x20-\x7e]/g, '_').slice(-100), small ? bytes : 0, mtime, mode, '0'),
  ])
}

/** What fills the last block of a content of so many bytes. */
export function tarPadding(bytes: number): Buffer {
  return Buffer.alloc((block - (bytes % block)) % block)
}

/** What an archive ends with. */
export const tarEnd = Buffer.alloc(2 * block)

/** A pax record counts its own length. */
function record(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest + String(rest).length
  if (rest + String(length).length !== length) length = rest + String(length).length
  return `${length} ${key}=${value}\n`
}

function header(name: string, bytes: number, mtime: Date, mode: number, type: string): Buffer {
  const head = Buffer.alloc(block)
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0')
  head.write(name, 0, 100, 'latin1')
  head.write(`${octal(mode, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0${octal(bytes, 11)}\0`, 100, 'latin1')
  head.write(`${octal(Math.max(0, Math.floor(mtime.getTime() / 1000)), 11)}\0        ${type}`, 136, 'latin1')
  head.write('ustar\x0000', 257, 'latin1')
  head.write(`${octal(checksum(head), 6)}\0 `, 148, 'latin1')
  return head
}

/** Sum of a header's bytes, its own field counted as spaces. */
function checksum(head: Buffer): number {
  let sum = 0
  for (let at = 0; at < block; at++) sum += at >= 148 && at < 156 ? 32 : head[at]
  return sum
}

/**
 * The files of an archive, in their order.
 * @throws TarError as soon as something is not as it must be; also where anything comes after the end
 */
export async function* readTar(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const source = bytesOf(chunks)
  let long: Record<string, string> = {}
  for (;;) {
    const head = await source.exactly(block)
    if (head.every(byte => byte === 0)) break
    if (parseOctal(head, 148, 8) !== checksum(head) || head.toString('latin1', 257, 262) !== 'ustar')
      throw new TarError('this is no tar archive, or it is damaged')
    const type = String.fromCharCode(head[156] || 48)
    const size = parseOctal(head, 124, 12)
    if (type === 'x') {
      if (size > longestPax) throw new TarError('a header in the archive is too long')
      long = parsePax((await source.exactly(size + tarPadding(size).length)).subarray(0, size))
      continue
    }
    const prefix = text(head, 345, 155)
    const name = long.path ?? (prefix ? `${prefix}/${text(head, 0, 100)}` : text(head, 0, 100))
    const bytes = long.size === undefined ? size : Number(long.size)
    if (type !== '0') throw new TarError(`'${name.slice(0, 200)}' in the archive is no plain file`)
    if (!Number.isSafeInteger(bytes) || bytes < 0) throw new TarError('a size in the archive cannot be read')
    long = {}
    let left = bytes
    yield {
      name,
      bytes,
      content: (async function* () {
        while (left > 0) {
          const chunk = await source.upTo(left)
          left -= chunk.length
          yield chunk
        }
      })(),
    }
    while (left > 0) left -= (await source.upTo(left)).length
    await source.exactly(tarPadding(bytes).length)
  }
  for await (const chunk of source.rest())
    if (chunk.some(byte => byte !== 0)) throw new TarError('there is more after the end of the archive')
}

function text(head: Buffer, start: number, length: number): string {
  const field = head.subarray(start, start + length)
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? length : end)
}

function parseOctal(head: Buffer, start: number, length: number): number {
  const field = text(head, start, length).trim()
  if (!/^[0-7]{1,12}$/.test(field)) throw new TarError('this is no tar archive, or it is damaged')
  return Number.parseInt(field, 8)
}

function parsePax(bytes: Buffer): Record<string, string> {
  const found: Record<string, string> = {}
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(32, at)
    const length = Number(bytes.toString('latin1', at, space))
    const equals = bytes.indexOf(61, space)
    const end = at + length
    if (!(space > at && length > 0 && equals > space && end <= bytes.length && bytes[end - 1] === 10))
      throw new TarError('a header in the archive is damaged')
    found[bytes.toString('utf8', space + 1, equals)] = bytes.toString('utf8', equals + 1, end - 1)
    at = end
  }
  return found
}

/** Chunks, cut anew to the lengths that are asked for. */
function bytesOf(chunks: AsyncIterable<Uint8Array>) {
  const iterator = chunks[Symbol.asyncIterator]()
  let chunk: Buffer = Buffer.alloc(0)
  /** At least one byte, and at most so many. */
  async function upTo(most: number): Promise<Buffer> {
    while (!chunk.length) {
      const { done, value } = await iterator.next()
      if (done) throw new TarError('the archive ends too early')
      chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    }
    const part = chunk.subarray(0, most)
    chunk = chunk.subarray(part.length)
    return part
  }
  return {
    upTo,
    async exactly(length: number): Promise<Buffer> {
      const parts: Buffer[] = []
      for (let left = length; left > 0; ) {
        const part = await upTo(left)
        parts.push(part)
        left -= part.length
      }
      return Buffer.concat(parts)
    },
    async *rest(): AsyncGenerator<Uint8Array> {
      yield chunk
      yield* { [Symbol.asyncIterator]: () => iterator }
    },
  }
}
