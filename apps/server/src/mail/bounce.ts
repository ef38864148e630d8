/** Reports of mail servers that could not deliver (RFC 3464), and mails that ask to be taken off, as an inbox has them. */
import { createHash } from 'node:crypto'
import { parseAddress } from './address.ts'

/** What is read of a mail, in characters. */
const longest = 1_000_000
const mostRecipients = 100
const mostParts = 50
const longestHeader = 2000

export interface ReportedRecipient {
  address: string
  /** `failed`, `delayed`, `delivered`, `relayed` or `expanded`. */
  action: string
  /** Such as `5.1.1`. */
  status: string
  diagnostic: string
  /** The same for the same report, however often it is read. */
  hash: string
}

export interface MailReport {
  recipients: ReportedRecipient[]
  /** Token of a mail whose subject is `unsubscribe-TOKEN`. */
  unsubscribe?: string
}

interface Part {
  headers: Map<string, string>
  body: string
}

/** Reads what it can, and never throws: a mail that is neither gives nothing. */
export function readReport(text: string): MailReport {
  const mail = readPart(
    text
      .slice(0, longest)
      .replace(/\r\n?/g, '\n')
      .replace(/^From [^\n]*\n/, ''),
  )
  const unsubscribe = /^\s*unsubscribe-(\d{1,15}-[A-Za-z0-9_-]{43})\s*$/.exec(mail.headers.get('subject') ?? '')?.[1]
  const recipients = partsOf(mail, 0)
    .filter(part => /^message\/(?:global-)?delivery-status\b/i.test(part.headers.get('content-type') ?? ''))
    .flatMap(part => recipientsOf(part, mail.headers.get('message-id') ?? ''))
    .slice(0, mostRecipients)
  return { recipients, ...(unsubscribe === undefined ? {} : { unsubscribe }) }
}

function recipientsOf(part: Part, name: string): ReportedRecipient[] {
  const groups = decoded(part)
    .split(/\n[ \t]*\n/)
    .map(text => readHeaders(text))
  const about = groups[0]?.get('original-envelope-id') ?? ''
  return groups.slice(0, mostRecipients + 1).flatMap(fields => {
    const given = fields.get('final-recipient') ?? fields.get('original-recipient')
    const address = parseAddress(
      (given ?? '')
        .replace(/^[^;]*;/, '')
        .trim()
        .replace(/^<(.*)>$/, '$1'),
    )
    if (address === undefined) return []
    const action = (fields.get('action') ?? '').trim().toLowerCase().slice(0, 20)
    const status = /^\s*(\d\.\d{1,3}\.\d{1,3})\b/.exec(fields.get('status') ?? '')?.[1] ?? ''
    const diagnostic = (fields.get('diagnostic-code') ?? '').replace(/^[^;]*;/, '').trim()
    const facts = [
      name,
      about,
      address.toLowerCase(),
      action,
      status,
      diagnostic,
      fields.get('last-attempt-date') ?? '',
    ]
    return [{ address, action, status, diagnostic, hash: createHash('sha256').update(facts.join('\n')).digest('hex') }]
  })
}

/** The part itself, or where it has parts, those. */
function partsOf(part: Part, depth: number): Part[] {
  const type = part.headers.get('content-type') ?? ''
  if (depth > 3 || !/^multipart\//i.test(type)) return [part]
  const boundary = /;\s*boundary\s*=\s*(?:"([^"\n]{1,200})"|([^\s;"]{1,200}))/i.exec(type)
  if (!boundary) return []
  const mark = `--${boundary[1] ?? boundary[2]}`
  const pieces: string[] = []
  let piece: string[] | undefined
  for (const line of part.body.split('\n')) {
    const trimmed = line.trimEnd()
    if (trimmed === mark || trimmed === `${mark}--`) {
      if (piece) pieces.push(piece.join('\n'))
      if (trimmed !== mark || pieces.length >= mostParts) {
        piece = undefined
        break
      }
      piece = []
    } else piece?.push(line)
  }
  // A report whose end was cut off still says what it says.
  if (piece) pieces.push(piece.join('\n'))
  return pieces.flatMap(text => partsOf(readPart(text), depth + 1))
}

function readPart(text: string): Part {
  if (text.startsWith('\n')) return { headers: new Map(), body: text.slice(1) }
  const end = text.indexOf('\n\n')
  return { headers: readHeaders(end < 0 ? text : text.slice(0, end)), body: end < 0 ? '' : text.slice(end + 2) }
}

/** By name in lower case, continued lines put together; of several the first. */
function readHeaders(text: string): Map<string, string> {
  const headers = new Map<string, string>()
  for (const line of text
    .trim()
    .replace(/\n[ \t]+/g, ' ')
    .split('\n')) {
    const colon = line.indexOf(':')
    if (colon < 1) continue
    const name = line.slice(0, colon).trim().toLowerCase()
    if (!headers.has(name)) headers.set(name, line.slice(colon + 1, colon + 1 + longestHeader).trim())
  }
  return headers
}

function decoded({ headers, body }: Part): string {
  const encoding = (headers.get('content-transfer-encoding') ?? '').toLowerCase()
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8').replace(/\r\n?/g, '\n')
  if (encoding !== 'quoted-printable') return body
  return body
    .replace(/=\n/g, '')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
}
