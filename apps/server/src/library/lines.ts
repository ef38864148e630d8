/** Lines of a text that is too large to hold: the first step of every importer. */

/** A longer line or block is no paper, in characters (1 MB of ASCII). */
export const longestLine = 1_000_000

/** A larger chunk is looked at in pieces of this many characters or bytes, so that cancelling and pages don't wait. */
const pieceSize = 65_536
const piecesBetweenPauses = 16

export interface Line {
  /** Without its end. Empty where it is `tooLong`. */
  text: string
  /** From 1. */
  number: number
  tooLong: boolean
}

export type Chunks = AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>

/**
 * Decodes chunks as UTF-8, also characters that stand across two of them. Bytes that are not UTF-8 become U+FFFD.
 *
 * @param onInvalid called once where there are such bytes
 */
export async function* decodeText(chunks: Chunks, onInvalid: () => void = () => {}): AsyncGenerator<string> {
  const lenient = new TextDecoder('utf-8', { ignoreBOM: true })
  let strict: TextDecoder | undefined = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const check = (piece?: Uint8Array) => {
    try {
      strict?.decode(piece, { stream: piece !== undefined })
    } catch {
      strict = undefined
      onInvalid()
    }
  }
  let pieces = 0
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.length; start += pieceSize) {
      if (++pieces % piecesBetweenPauses === 0) await new Promise(resolve => setImmediate(resolve))
      if (typeof chunk === 'string') {
        yield chunk.slice(start, start + pieceSize)
      } else {
        const piece = chunk.subarray(start, start + pieceSize)
        check(piece)
        yield lenient.decode(piece, { stream: true })
      }
    }
  }
  check()
  yield lenient.decode()
}

/** Splits text into lines at LF, CRLF and CR, some at a time. The same lines come out wherever the chunks end. */
export async function* splitLines(texts: AsyncIterable<string>): AsyncGenerator<Line[]> {
  let rest = ''
  let tooLong = false
  let number = 0
  const line = (text: string): Line => {
    const whole: Line =
      tooLong || rest.length + text.length > longestLine
        ? { text: '', number: ++number, tooLong: true }
        : { text: rest + text, number: ++number, tooLong: false }
    rest = ''
    tooLong = false
    return whole
  }
  let afterReturn = false
  for await (const text of texts) {
    if (!text) continue
    // The LF of a CRLF whose CR ended the text before.
    const parts = text.slice(afterReturn && text[0] === '\n' ? 1 : 0).split(/\r\n?|\n/)
    afterReturn = text.endsWith('\r')
    const last = parts.pop()!
    const lines = parts.map(line)
    if (rest.length + last.length > longestLine) tooLong = true
    rest = tooLong ? '' : rest + last
    if (lines.length) yield lines
  }
  if (rest || tooLong) yield [line('')]
}
