/**
 * What goes out, on its last way: addresses get the path under which the site lies (`sub-path.ts`), and text is compressed
 * where the reader takes that.
 *
 * Compressing an answer that holds a secret beside text of an attacker's choice gives the secret away by its length (BREACH).
 * No page here holds one: there are no tokens in forms (writes are guarded by `Origin` and `Sec-Fetch-Site`), and the
 * session is a cookie.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type BrotliCompress,
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  type Gzip,
  gzipSync,
} from 'node:zlib'
import { headerWithBase, scanHtml } from './sub-path.ts'

/** Shorter than this it does not get shorter. */
const leastBytes = 1024
/** Up to here an answer is gathered and compressed at once, and has its length; a longer one is compressed as it comes. */
const gatheredBytes = 128 * 1024
/** Cheap ones: a page must not wait for its last tenth. */
const brotliQuality = 1
const gzipLevel = 1

const compressible =
  /^(?:text\/(?!event-stream)[\w.-]+|image\/svg\+xml|application\/(?:json|javascript|xml|[\w.-]+\+(?:json|xml)))(?:;|$)/i
const addressHeaders = ['location', 'content-location', 'link', 'set-cookie']

type Encoding = 'br' | 'gzip'

/** @param base such as `/offprint`; '' where the site has a host of its own */
export function shapeOutgoing(request: IncomingMessage, response: ServerResponse, base: string): void {
  // A tag that went out with a compressed answer comes back weak; it is the same text.
  const tags = request.headers['if-none-match']
  if (tags) request.headers['if-none-match'] = tags.replace(/(^|,\s*)W\/"/g, '$1"')
  const plain = {
    writeHead: response.writeHead.bind(response) as (status: number, headers?: object) => ServerResponse,
    write: response.write.bind(response) as (chunk: Uint8Array, done?: (error?: Error | null) => void) => boolean,
    end: response.end.bind(response) as (chunk?: Uint8Array, done?: () => void) => ServerResponse,
  }
  let decided = false
  let scanner: ReturnType<typeof scanHtml> | undefined
  let encoding: Encoding | undefined
  let gathered: Uint8Array[] = []
  let gatheredLength = 0
  let stream: Gzip | BrotliCompress | undefined
  const bodyless = () => request.method === 'HEAD' || response.statusCode === 204 || response.statusCode === 304

  /** Headers are final now: says what becomes of the body. They are sent with its first part. */
  function decide(): void {
    decided = true
    const type = String(response.getHeader('content-type') ?? '')
    if (base) {
      for (const name of addressHeaders) {
        const value = response.getHeader(name)
        if (value === undefined) continue
        const shaped = [value].flat().map(one => headerWithBase(name, String(one), base))
        response.setHeader(name, Array.isArray(value) ? shaped : shaped[0])
      }
      if (/^text\/html\b/i.test(type) && !response.hasHeader('content-encoding')) {
        scanner = scanHtml(base)
        response.removeHeader('content-length')
      }
    }
    if (response.statusCode === 304) return void vary()
    if (!compressible.test(type) || response.hasHeader('content-encoding') || response.hasHeader('content-range'))
      return
    if (/\bno-transform\b/.test(String(response.getHeader('cache-control') ?? ''))) return
    vary()
    if (!bodyless()) encoding = acceptedEncoding(String(request.headers['accept-encoding'] ?? ''))
  }

  function vary(): void {
    const value = String(response.getHeader('vary') ?? '')
    if (!/\baccept-encoding\b|\*/i.test(value))
      response.setHeader('vary', value ? `${value}, accept-encoding` : 'accept-encoding')
  }

  /** Node would send it through our own `writeHead`. */
  function sendHead(): void {
    if (!response.headersSent) plain.writeHead(response.statusCode)
  }

  function markEncoded(): void {
    response.setHeader('content-encoding', encoding!)
    response.removeHeader('content-length')
    // The same text in other bytes.
    const tag = response.getHeader('etag')
    if (typeof tag === 'string' && !tag.startsWith('W/')) response.setHeader('etag', `W/${tag}`)
  }

  function startStream(): Gzip | BrotliCompress {
    markEncoded()
    const packing =
      encoding === 'br'
        ? createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: brotliQuality } })
        : createGzip({ level: gzipLevel })
    stream = packing
    sendHead()
    packing.on('data', chunk => {
      if (plain.write(chunk)) return
      packing.pause()
      response.once('drain', () => packing.resume())
    })
    // Whoever writes waits for room here; the response's own is ours to wait for.
    packing.on('drain', () => response.emit('drain'))
    packing.on('end', () => plain.end())
    packing.on('error', error => response.destroy(error))
    response.once('close', () => packing.destroy())
    for (const chunk of gathered) packing.write(chunk)
    gathered = []
    return packing
  }

  response.writeHead = ((status: number, ...rest: unknown[]) => {
    const headers = rest.at(-1)
    response.statusCode = status
    if (typeof rest[0] === 'string') response.statusMessage = rest[0]
    if (Array.isArray(headers))
      for (let at = 0; at < headers.length; at += 2) response.setHeader(String(headers[at]), headers[at + 1])
    else if (headers && typeof headers === 'object')
      for (const [name, value] of Object.entries(headers))
        if (value !== undefined) response.setHeader(name, value as string)
    // An error that takes the place of what was not sent yet begins anew.
    gathered = []
    gatheredLength = 0
    scanner = undefined
    encoding = undefined
    decide()
    // What is answered as it happens is not held back; neither is a head without a body.
    if (!encoding && !scanner) sendHead()
    return response
  }) as typeof response.writeHead

  response.write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
    const done = rest.findLast(one => typeof one === 'function') as ((error?: Error | null) => void) | undefined
    if (!decided) decide()
    let bytes = toBytes(chunk, rest[0])
    if (scanner) bytes = scanner.push(bytes)
    if (!encoding) {
      sendHead()
      // Nothing is an end to some readers.
      if (!bytes.length) {
        if (done) process.nextTick(done)
        return true
      }
      return plain.write(bytes, done)
    }
    if (stream) return stream.write(bytes, done)
    gathered.push(Uint8Array.from(bytes))
    gatheredLength += bytes.length
    if (done) process.nextTick(done)
    return gatheredLength <= gatheredBytes || !startStream().writableNeedDrain
  }) as typeof response.write

  response.end = ((...given: unknown[]) => {
    const done = given.findLast(one => typeof one === 'function') as (() => void) | undefined
    const chunk = typeof given[0] === 'string' || given[0] instanceof Uint8Array ? given[0] : undefined
    if (response.writableEnded) return plain.end(undefined, done)
    if (!decided) decide()
    let bytes = chunk === undefined ? Buffer.alloc(0) : toBytes(chunk, given[1])
    if (scanner && !bodyless()) bytes = Buffer.concat([scanner.push(bytes), scanner.end()])
    if (!encoding) {
      if (!response.headersSent && !bodyless() && !response.hasHeader('content-length'))
        response.setHeader('content-length', bytes.length)
      sendHead()
      return plain.end(bytes.length && !bodyless() ? bytes : undefined, done)
    }
    if (done) response.once('finish', done)
    if (stream) {
      stream.end(bytes)
      return response
    }
    const whole = gathered.length ? Buffer.concat([...gathered, bytes]) : bytes
    gathered = []
    if (whole.length < leastBytes) {
      response.setHeader('content-length', whole.length)
      sendHead()
      return plain.end(whole)
    }
    const packed =
      encoding === 'br'
        ? brotliCompressSync(whole, {
            params: {
              [constants.BROTLI_PARAM_QUALITY]: brotliQuality,
              [constants.BROTLI_PARAM_SIZE_HINT]: whole.length,
            },
          })
        : gzipSync(whole, { level: gzipLevel })
    markEncoded()
    response.setHeader('content-length', packed.length)
    sendHead()
    return plain.end(packed)
  }) as typeof response.end
}

function toBytes(chunk: string | Uint8Array, encoding: unknown): Buffer {
  if (typeof chunk === 'string')
    return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
}

/** The better of those that the reader takes; undefined where he takes neither. */
export function acceptedEncoding(header: string): Encoding | undefined {
  const weights = new Map<string, number>()
  for (const part of header.toLowerCase().split(',')) {
    const [name, ...parameters] = part.split(';').map(one => one.trim())
    const weight = parameters.find(one => one.startsWith('q='))?.slice(2)
    if (name) weights.set(name, weight === undefined ? 1 : Number(weight) || 0)
  }
  const weightOf = (name: Encoding) =>
    weights.get(name) ?? (name === 'gzip' ? weights.get('x-gzip') : undefined) ?? weights.get('*') ?? 0
  const [br, gzip] = [weightOf('br'), weightOf('gzip')]
  if (br > 0 && br >= gzip) return 'br'
  return gzip > 0 ? 'gzip' : undefined
}
