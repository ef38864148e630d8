/** Mail as it is sent: subject, headers, a text part and an HTML part that any reader of mail can show. */
import { createHash } from 'node:crypto'
import MailComposer from 'nodemailer/lib/mail-composer'
import { oneLine } from '../library/text.ts'
import type { DigestPaper } from './digest.ts'
import { localDay, type Rhythm } from './due.ts'

/** HTML parts of more bytes are cut short: readers of mail cut at about 102 kB. */
const mostBytes = 100_000

export interface Sender {
  /** Name and address that mail is from. */
  from: { name: string; address: string }
  /** Where answers go. */
  replyTo?: string
  /** Address of the site without a slash at the end, and its host, as `PUBLIC_URL` gives them. */
  site: string
  host: string
}

export interface Message {
  to: string
  subject: string
  text: string
  html: string
  messageId: string
  headers: Record<string, string>
}

/** Text as HTML: nothing in it is markup. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, letter => `&#${letter.charCodeAt(0)};`)
}

/** The same for the same mail, so that a second try is known as such. */
export function messageId(host: string, ...what: (string | number)[]): string {
  return `<${createHash('sha256').update(what.join('\n')).digest('hex').slice(0, 32)}@${host}>`
}

const dayNames = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', timeZone: 'UTC' })

/** `12 December`, where the subscriber is. */
function dayName(moment: number, zone: string): string {
  return dayNames.format(new Date(localDay(moment, zone)))
}

/** `daily at 7:00 (Europe/Berlin)` */
export function describeRhythm({ kind, hour, zone }: Rhythm): string {
  return `${kind === 'daily' ? 'daily' : 'on Mondays'} at ${hour}:00 (${zone})`
}

/** `Monday, 30 November at 07:00` */
export function describeMoment(moment: number, zone: string): string {
  const options = { weekday: 'long', day: 'numeric', month: 'long', hour: '2-digit', minute: '2-digit' } as const
  return new Intl.DateTimeFormat('en-GB', { ...options, timeZone: zone }).format(moment)
}

const papersCounted = (count: number) => (count === 1 ? '1 paper' : `${count.toLocaleString('en')} papers`)

// Inline for readers that know nothing else; the classes are for those that can show mail on a dark ground.
const style = `@media (prefers-color-scheme: dark) {
.ground { background: #15161a !important } .ink { color: #e9e5dc !important } .quiet { color: #a59f94 !important }
.link { color: #e98c73 !important } .line { border-color: #33353c !important } }`
const serif = "font-family:Georgia,'Times New Roman',serif"
const sans = 'font-family:Helvetica,Arial,sans-serif'
const look = {
  ink: `class="ink" style="color:#1d1b18;${serif};font-size:16px;line-height:1.5;margin:0 0 14px"`,
  small: `class="quiet" style="color:#645f57;${sans};font-size:13px;line-height:1.5;margin:0 0 8px"`,
  link: 'class="link" style="color:#8c3322"',
}

/** @param rows table rows */
function page(title: string, rows: string): string {
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">
<title>${escapeHtml(title)}</title><style>${style}</style></head>
<body class="ground" style="margin:0;padding:0;background:#fcfbf7">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" class="ground" style="background:#fcfbf7"><tr><td align="center" style="padding:20px 14px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:600px;text-align:left">
${rows}
</table></td></tr></table></body></html>
`
}

function row(html: string, line = false): string {
  const border = line ? ' class="line" style="border-top:1px solid #e3ddd1;padding:16px 0 4px"' : ' style="padding:0"'
  return `<tr><td${border}>${html}</td></tr>`
}

function link(url: string, text: string): string {
  return `<a href="${escapeHtml(url)}" ${look.link}>${escapeHtml(text)}</a>`
}

/** The papers of a digest in both forms; the same for all who get them, so made once. */
export interface PaperList {
  text: string
  rows: string
  shown: number
}

/** As many of the papers as there is room for. */
export function listPapers(papers: DigestPaper[]): PaperList {
  const room = mostBytes - 12_000
  let rows = ''
  let text = ''
  let shown = 0
  for (const paper of papers) {
    const next = `${rows}${paperRow(paper)}\n`
    if (Buffer.byteLength(next) > room) break
    rows = next
    shown++
    text += `${shown}. ${paperText(paper)}\n\n`
  }
  return { rows, text, shown }
}

function marksOf({ votes, runsHere }: DigestPaper): string {
  return [
    votes !== undefined && `${votes === 1 ? '1 vote' : `${votes.toLocaleString('en')} votes`}`,
    runsHere && 'runs here',
  ]
    .filter(Boolean)
    .join(' · ')
}

function paperText(paper: DigestPaper): string {
  return [paper.title, paper.authors, paper.summary, marksOf(paper), paper.url].filter(Boolean).join('\n   ')
}

function paperRow(paper: DigestPaper): string {
  const title = `<p class="ink" style="color:#1d1b18;${serif};font-size:19px;line-height:1.25;margin:0 0 4px"><a href="${escapeHtml(paper.url)}" class="ink" style="color:#1d1b18;text-decoration:none">${escapeHtml(paper.title)}</a></p>`
  const small = (text: string) => (text ? `<p ${look.small}>${escapeHtml(text)}</p>` : '')
  const summary = paper.summary ? `<p ${look.ink}>${escapeHtml(paper.summary)}</p>` : ''
  return row(title + small(paper.authors) + summary + small(marksOf(paper)), true)
}

export interface Digest {
  /** The subscription's id. */
  subscription: number
  rhythm: Rhythm
  /** The search that it is about; empty for all papers. */
  query: string
  period: string
  /** When it was due, in ms since 1970. */
  at: number
  total: number
  papers: PaperList
  /** Tokens of the links to leave it, and to change what one gets. */
  leave: string
  manage: string
}

/** A digest, with the headers by which readers of mail know a list and offer to leave it with one click (RFC 8058). */
export function composeDigest(sender: Sender, to: string, digest: Digest): Message {
  const { site, host } = sender
  const { rhythm, papers, total, query } = digest
  const day = dayName(digest.at, rhythm.zone)
  const about = query ? ` for ${oneLine(query).slice(0, 60).toWellFormed()}` : ''
  const subject = `Offprint, ${day}: ${papersCounted(total)}${about}`
  const list = query ? `${site}/search?${new URLSearchParams({ q: query })}` : `${site}/`
  const leave = `${site}/unsubscribe/${digest.leave}`
  const manage = `${site}/subscriptions/${digest.manage}`
  const more = total - papers.shown
  const moreText = more > 0 ? `${papersCounted(more)} more on the site` : 'All of them on the site'
  const why = `You get this ${describeRhythm(rhythm)}${query ? `, for the search ${oneLine(query)}` : ''}, because you asked for it at ${host}.`
  const text = `${subject}\n\n${papers.text}${moreText}: ${list}\n\n-- \n${why}\nUnsubscribe: ${leave}\nYour subscriptions: ${manage}\n`
  const html = page(
    subject,
    [
      row(
        `<p ${look.small}>${escapeHtml(day)}</p><h1 class="ink" style="color:#1d1b18;${serif};font-size:26px;font-weight:normal;line-height:1.2;margin:0 0 16px">${escapeHtml(papersCounted(total) + about)}</h1>`,
      ),
      papers.rows,
      row(`<p ${look.ink}>${link(list, moreText)}</p>`, true),
      row(
        `<p ${look.small}>${escapeHtml(why)}<br>${link(leave, 'Unsubscribe')} · ${link(manage, 'Your subscriptions')}</p>`,
        true,
      ),
    ].join('\n'),
  )
  const mailbox = sender.replyTo
  const addresses = [`<${leave}>`, mailbox && `<mailto:${encodeMailto(mailbox)}?subject=unsubscribe-${digest.leave}>`]
  return {
    to,
    subject,
    text,
    html,
    messageId: messageId(host, 'digest', digest.subscription, digest.period),
    headers: {
      'List-Id': `Offprint digest <digest.${host}>`,
      'List-Unsubscribe': addresses.filter(Boolean).join(', '),
      // The standard is about https alone; a site without it has the address and no one-click.
      ...(site.startsWith('https:') ? { 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' } : {}),
      'Auto-Submitted': 'auto-generated',
      Precedence: 'bulk',
    },
  }
}

function encodeMailto(address: string): string {
  return encodeURIComponent(address).replaceAll('%40', '@').replaceAll('%2B', '+')
}

export interface Confirmation extends Rhythm {
  id: number
  query: string
  /** Token of the link; without one the mail says where the link will stand. */
  token?: string
}

/** The mail that asks whether somebody wants a digest. */
export function composeConfirmation(sender: Sender, to: string, wish: Confirmation): Message {
  const { site, host } = sender
  const url = `${site}/confirm/${wish.token ?? '…'}`
  const what = wish.query ? `new papers for the search ${oneLine(wish.query)}` : 'the new papers'
  const ask = `Somebody, probably you, asked ${host} to mail ${what} to this address, ${describeRhythm(wish)}.`
  const rest =
    'Mail starts only after you confirm it. The link holds for 48 hours. If you did not ask for it, do nothing: no further mail comes.'
  const subject = 'Offprint: please confirm your subscription'
  return {
    to,
    subject,
    text: `${ask}\n\nConfirm: ${url}\n\n${rest}\n`,
    html: page(
      subject,
      row(
        `<p ${look.ink}>${escapeHtml(ask)}</p><p ${look.ink}>${link(url, 'Confirm your subscription')}</p><p ${look.small}>${escapeHtml(rest)}</p>`,
      ),
    ),
    messageId: messageId(host, 'confirmation', wish.id),
    headers: { 'Auto-Submitted': 'auto-generated' },
  }
}

/** The mail that shows the owner that mail works. */
export function composeTest(sender: Sender, to: string, id: string): Message {
  const subject = 'Offprint: a test'
  const line = `This is the test that you asked for on the page ${sender.site}/mail. Mail from this site arrives.`
  return {
    to,
    subject,
    text: `${line}\n`,
    html: page(subject, row(`<p ${look.ink}>${escapeHtml(line)}</p>`)),
    messageId: messageId(sender.host, 'test', id),
    headers: { 'Auto-Submitted': 'auto-generated' },
  }
}

/** The bytes of a message: multipart/alternative with the text first, in lines of at most 76 characters. */
export function toMime(sender: Sender, message: Message, date: Date): Promise<Buffer> {
  const { from, replyTo } = sender
  const { to, subject, text, html, messageId, headers } = message
  const boundary = createHash('sha256').update(messageId).digest('hex').slice(0, 24)
  const composer = new MailComposer({
    from,
    ...(replyTo ? { replyTo: { name: '', address: replyTo } } : {}),
    to: { name: '', address: to },
    subject,
    text,
    html,
    messageId,
    date,
    headers: Object.entries(headers).map(([key, value]) => ({ key, value })),
    textEncoding: 'base64',
    baseBoundary: boundary,
    disableUrlAccess: true,
    disableFileAccess: true,
  })
  return new Promise((resolve, reject) => {
    composer.compile().build((error, bytes) => (error ? reject(error) : resolve(bytes)))
  })
}
