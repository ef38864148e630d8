/** Reading other sites' pages and feeds: addresses that people type in, with limits on everything that comes back. */
import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { get as getPlain, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { get as getSecure } from 'node:https'
import { BlockList, isIP, isIPv4, isIPv6, type LookupFunction } from 'node:net'
import { addAbortSignal, pipeline, type Readable } from 'node:stream'
import { createBrotliDecompress, createUnzip } from 'node:zlib'

export interface FetchOptions {
  /** Sent to the first site only: what is meant for it is not told to the one that it sends us to. */
  headers?: Record<string, string>
  /** Who asks, with an address where its people can read about it. */
  userAgent?: string
  /** Until a connection stands, name and TLS included. Default 10 seconds. */
  connectMs?: number
  /** Between two pieces of an answer, and before its first. Default 30 seconds; the reader's own time doesn't count. */
  idleMs?: number
  /** From the call to the end of the body, redirects and reading included. Default 10 minutes. */
  wholeMs?: number
  /** Most bytes of a body after it was unpacked. Default 64 MB. */
  mostBytes?: number
  /**
   * Hosts of one's own network that may be asked all the same, with the port where it is not the usual one:
   * `127.0.0.1:8080`. Others that they send us to are refused as ever.
   */
  allowPrivate?: readonly string[]
  /** Called before each further site or page that an answer sends us to is asked, and waited for. */
  onRedirect?(next: URL): void | Promise<void>
  /** Finds the addresses of a name. Default: as the system does. */
  resolve?(host: string): Promise<LookupAddress[]>
  /** Ends the wait and the body with its own reason. */
  signal?: AbortSignal
}

export interface Fetched {
  status: number
  headers: IncomingHttpHeaders
  /** Unpacked. Read it, or end it (`break` in a loop): the connection stays open until then, or until a limit. */
  body: AsyncIterable<Uint8Array>
  /** Where the answer came from in the end. */
  url: string
  /** Fulfilled when the connection is no longer in use, for whatever reason. Never rejected. */
  closed: Promise<void>
}

/** Why an address was not read to its end, in words for the person who gave it. */
export class FetchError extends Error {
  override name = 'FetchError'
  host: string
  /** The message without the host. */
  problem: string
  /** Whether it may well go better the next time: a connection that broke, a site that is slow. */
  passing: boolean

  constructor(
    host: string,
    problem: string,
    { passing = false, ...options }: ErrorOptions & { passing?: boolean } = {},
  ) {
    super(`${host}: ${problem}`, options)
    this.host = host
    this.problem = problem
    this.passing = passing
  }
}

const defaultUserAgent = 'Offprint/0.1 (a site for reading papers that one person runs)'
const mostRedirects = 5

/**
 * Gets what stands at a http or https address, whatever its status is. Only addresses of the open internet are asked, and
 * that is seen to when the connection is made: a name can lead elsewhere than it did a moment before.
 *
 * @throws FetchError, here and while the body is read
 * @example
 * const { status, body } = await politeFetch('https://rss.arxiv.org/rss/cs.DC')
 * if (status === 200) await library.importStream(body, { name: 'cs.DC' })
 */
export async function politeFetch(address: string, options: FetchOptions = {}): Promise<Fetched> {
  options.signal?.throwIfAborted()
  const { wholeMs = 600_000 } = options
  let url = readAddress(address)
  const limits = new AbortController()
  const whole = setTimeout(
    () => limits.abort(new FetchError(url.host, `no whole answer within ${inSeconds(wholeMs)}`, { passing: true })),
    wholeMs,
  )
  // An answer that nobody reads keeps no process from ending.
  whole.unref()
  const signal = options.signal ? AbortSignal.any([options.signal, limits.signal]) : limits.signal
  try {
    for (let redirects = 0; ; redirects++) {
      checkLiteral(url, options)
      const response = await send(url, options, redirects === 0, limits, signal)
      // Its reader is told as well; without one it must not end the process.
      response.on('error', () => {})
      const next = redirectOf(url, response)
      if (!next) {
        response.once('close', () => clearTimeout(whole))
        return answerOf(url, response, options, limits, signal)
      }
      response.destroy()
      if (redirects === mostRedirects) throw new FetchError(url.host, `more than ${mostRedirects} redirects`)
      await options.onRedirect?.(next)
      signal.throwIfAborted()
      url = next
    }
  } catch (error) {
    clearTimeout(whole)
    throw reasonOf(error, url, signal)
  }
}

/** @throws FetchError */
function readAddress(address: string, from?: URL): URL {
  const url = URL.parse(address, from)
  const host = url?.host || from?.host || 'this address'
  const redirected = from ? `it sends us from ${from.host} to ` : ''
  if (!url) throw new FetchError(host, `${redirected || 'it is '}no address such as https://arxiv.org/`)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new FetchError(host, `${redirected}${url.protocol} addresses are not read, only http and https`)
  if (url.username || url.password)
    throw new FetchError(host, `${redirected}an address with a name or password in it, which is not sent`)
  url.hash = ''
  return url
}

/** Where the answer sends us, checked like an address that was typed in. @throws FetchError */
function redirectOf(url: URL, { statusCode = 0, headers }: IncomingMessage): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(statusCode)) return undefined
  if (!headers.location) throw new FetchError(url.host, `a redirect (HTTP ${statusCode}) that does not say where to`)
  return readAddress(headers.location, url)
}

/** A host that is an address is connected to without a look-up. `0x7f.1` is `127.0.0.1` here: URLs are read so. */
function checkLiteral(url: URL, options: FetchOptions): void {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (isIP(host)) checkAddresses(url, [{ address: host, family: isIP(host) }], options)
}

/** @throws FetchError */
function checkAddresses(url: URL, addresses: LookupAddress[], { allowPrivate = [] }: FetchOptions): void {
  if (allowPrivate.includes(url.host)) return
  const refused = addresses.find(({ address }) => !isPublicAddress(address))
  if (refused)
    throw new FetchError(url.host, `its address ${refused.address} is not one of the open internet, and is not asked`)
}

/** The name is resolved once, and what was found is both checked and connected to. */
function checkedLookup(url: URL, options: FetchOptions): LookupFunction {
  const { resolve = host => lookup(host, { all: true }) } = options
  return (host, { all }, callback) => {
    const found = async () => {
      const addresses = await resolve(host)
      if (!addresses.length) throw new FetchError(url.host, 'this name has no address')
      checkAddresses(url, addresses, options)
      return addresses
    }
    found().then(
      addresses => (all ? callback(null, addresses) : callback(null, addresses[0].address, addresses[0].family)),
      error => callback(error, []),
    )
  }
}

function send(
  url: URL,
  options: FetchOptions,
  isFirst: boolean,
  limits: AbortController,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { connectMs = 10_000, idleMs = 30_000, userAgent = defaultUserAgent } = options
  const isSecure = url.protocol === 'https:'
  return new Promise((resolve, reject) => {
    const limit = (ms: number, problem: string) =>
      setTimeout(
        () => limits.abort(new FetchError(url.host, `${problem} within ${inSeconds(ms)}`, { passing: true })),
        ms,
      )
    let timer = limit(connectMs, 'no connection')
    const request = (isSecure ? getSecure : getPlain)(url, {
      agent: false,
      headers: {
        accept: '*/*',
        ...(isFirst ? options.headers : {}),
        'accept-encoding': 'gzip, deflate, br',
        'user-agent': userAgent,
      },
      lookup: checkedLookup(url, options),
      signal,
    })
    request.once('socket', socket => {
      socket.once(isSecure ? 'secureConnect' : 'connect', () => {
        clearTimeout(timer)
        timer = limit(idleMs, 'no answer')
      })
    })
    request.once('response', response => {
      clearTimeout(timer)
      resolve(response)
    })
    request.on('error', error => {
      clearTimeout(timer)
      reject(error)
    })
  })
}

function answerOf(
  url: URL,
  response: IncomingMessage,
  options: FetchOptions,
  limits: AbortController,
  signal: AbortSignal,
): Fetched {
  const { mostBytes = 64_000_000 } = options
  const encoding = response.headers['content-encoding']?.trim().toLowerCase() ?? ''
  const isPacked = encoding !== '' && encoding !== 'identity'
  const closed = new Promise<void>(resolve => response.once('close', resolve))
  addAbortSignal(signal, response)
  try {
    if (!isPacked && Number(response.headers['content-length']) > mostBytes) throw tooLarge(url, mostBytes)
    const stream = isPacked ? unpack(url, response, encoding) : response
    const body = readBody(url, stream, options, limits, signal)
    return { status: response.statusCode ?? 0, headers: response.headers, body, url: url.href, closed }
  } catch (error) {
    response.destroy()
    throw error
  }
}

function unpack(url: URL, response: IncomingMessage, encoding: string): Readable {
  if (!['gzip', 'x-gzip', 'deflate', 'br'].includes(encoding))
    throw new FetchError(url.host, `it is packed as '${encoding.slice(0, 40)}', which was not asked for`)
  const decoder = encoding === 'br' ? createBrotliDecompress() : createUnzip()
  // An error of either ends both, and its reader is told.
  return pipeline(response, decoder, () => {})
}

async function* readBody(
  url: URL,
  stream: Readable,
  { idleMs = 30_000, mostBytes = 64_000_000 }: FetchOptions,
  limits: AbortController,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const chunks: AsyncIterator<Uint8Array> = stream[Symbol.asyncIterator]()
  let size = 0
  try {
    for (;;) {
      const idle = setTimeout(
        () =>
          limits.abort(new FetchError(url.host, `it stopped answering for ${inSeconds(idleMs)}`, { passing: true })),
        idleMs,
      )
      const { done, value } = await chunks.next().finally(() => clearTimeout(idle))
      if (done) return
      size += value.length
      if (size > mostBytes) throw tooLarge(url, mostBytes)
      yield value
    }
  } catch (error) {
    throw reasonOf(error, url, signal)
  } finally {
    stream.destroy()
  }
}

function tooLarge(url: URL, mostBytes: number): FetchError {
  const most = mostBytes < 1e6 ? `${mostBytes} bytes` : `${Math.round(mostBytes / 1e6)} MB`
  return new FetchError(url.host, `an answer of more than ${most}`)
}

/** By the system's name for it. All but the last two may pass. */
const sentences: Record<string, string> = {
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'its name could not be looked up just now',
  ECONNREFUSED: 'it takes no connections',
  ECONNRESET: 'it broke the connection off',
  ERR_STREAM_PREMATURE_CLOSE: 'it broke the connection off',
  EHOSTUNREACH: 'it cannot be reached',
  ENETUNREACH: 'it cannot be reached',
  Z_BUF_ERROR: 'its packed answer ends early',
  Z_DATA_ERROR: 'its answer is packed wrongly',
  CERT_HAS_EXPIRED: 'its certificate has expired',
}
const lasting = ['Z_DATA_ERROR', 'CERT_HAS_EXPIRED']

/** What ended it: a limit or the caller by the signal's reason, else what the system says, in a sentence. */
function reasonOf(error: unknown, url: URL, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  if (error instanceof FetchError) return error
  const { code = '', message } = error as NodeJS.ErrnoException
  return new FetchError(url.host, sentences[code] ?? (code.startsWith('HPE_') ? 'it does not speak HTTP' : message), {
    cause: error,
    passing: code in sentences && !lasting.includes(code),
  })
}

function inSeconds(ms: number): string {
  return ms === 1000 ? 'a second' : `${ms / 1000} seconds`
}

/** IANA's registry of special-purpose addresses, and one that is public by its number only. */
const specialIPv4 = blockList('ipv4', [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // What Azure tells its machines about themselves.
  '168.63.129.16/32',
])
const globalIPv6 = blockList('ipv6', ['2000::/3'])
/** Tunnels (Teredo, 6to4) are among them: an IPv4 address that they hold would need checks of its own. */
const specialIPv6 = blockList('ipv6', ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'])

/**
 * Whether an IP address belongs to the open internet: not to this machine, its network, a cloud's own services, or many at
 * once. An IPv4 address within an IPv6 one (mapped, NAT64) is looked at itself.
 */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !specialIPv4.check(address)
  if (!isIPv6(address)) return false
  const bare = address.replace(/%.*/, '')
  const groups = groupsOf(bare)
  const start = groups.slice(0, 6).join(':')
  if (start === '0:0:0:0:0:ffff' || start === '64:ff9b:0:0:0:0') {
    const bytes = groups.slice(6).flatMap(group => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255])
    return isPublicAddress(bytes.join('.'))
  }
  return globalIPv6.check(bare, 'ipv6') && !specialIPv6.check(bare, 'ipv6')
}

/** The eight groups of an IPv6 address, in hex without leading zeros. */
function groupsOf(address: string): string[] {
  const [before, after] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const parts = (text = '') => (text ? text.split(':') : [])
  const first = parts(before)
  const last = parts(after)
  return [...first, ...Array<string>(8 - first.length - last.length).fill('0'), ...last]
}

function blockList(family: 'ipv4' | 'ipv6', subnets: string[]): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [network, prefix] = subnet.split('/')
    list.addSubnet(network, Number(prefix), family)
  }
  return list
}
