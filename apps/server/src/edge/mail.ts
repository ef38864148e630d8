/** `/subscribe`, `/confirm`, `/unsubscribe`, `/subscriptions` and the owner's `/mail`: what changes something is a POST. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { readWish, TooManyError } from '../mail/subscribers.ts'
import type { Offprint } from '../offprint.ts'
import { eachPart, readText } from './body.ts'
import { attachment } from './downloads.ts'
import { HttpError, seeOther, sendJson } from './problem.ts'

const longestBody = 10_000

interface MailCall {
  request: IncomingMessage
  response: ServerResponse
  url: URL
  offprint: Offprint
  /** Has the site answer this request with the page of an address. */
  page(path: string): void
}

type MailRoute = [method: string, path: RegExp, answer: (call: MailCall, ...parts: string[]) => void | Promise<void>]

/** A program of a mail provider posts here (RFC 8058): from wherever, without a cookie, and with no page of ours before it. */
export function isOneClick(method: string | undefined, path: string): boolean {
  return method === 'POST' && /^\/unsubscribe\/[^/]+$/.test(path)
}

/** What people reach from their mail, who have no owner token. */
export function isOpenMailPath(path: string): boolean {
  return /^\/(?:confirm|unsubscribe|subscriptions)\/[^/]+$/.test(path)
}

export const mailRoutes: MailRoute[] = [
  ['POST', /^\/subscribe$/, subscribe],
  ['POST', /^\/confirm\/([^/]+)$/, confirm],
  ['POST', /^\/unsubscribe\/([^/]+)$/, unsubscribe],
  ['POST', /^\/subscriptions\/([^/]+)$/, change],
  ['GET', /^\/api\/mail$/, ({ response, offprint }) => sendJson(response, offprint.mail.overview())],
  ['GET', /^\/mail\/outbox\/(\d{1,15})\.eml$/, sendFile],
  ['POST', /^\/mail\/test$/, test],
  ['POST', /^\/mail\/outbox\/(\d{1,15})\/(again|forget|link)$/, settle],
  ['POST', /^\/mail\/subscribers\/(\d{1,15})\/remove$/, remove],
]

function wantsPage(request: IncomingMessage): boolean {
  return /\btext\/html\b/.test(request.headers.accept ?? '')
}

/** The fields of a small form or of JSON. */
async function readSmall(request: IncomingMessage): Promise<Record<string, unknown>> {
  if (Number(request.headers['content-length'] ?? 0) > longestBody) throw tooLarge()
  const type = request.headers['content-type']?.split(';')[0].trim().toLowerCase() ?? ''
  const body = await readSmallText(request)
  if (type === 'multipart/form-data') {
    const fields: Record<string, unknown> = {}
    await eachPart(Object.assign(Readable.from([Buffer.from(body)]), { headers: request.headers }), {
      field(name, value) {
        fields[name] = value
      },
      async file(_name, _filename, stream) {
        stream.resume()
      },
    })
    return { ...fields }
  }
  if (type === 'application/json') {
    try {
      const parsed = JSON.parse(body)
      if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed
    } catch {
      // said below
    }
    throw new HttpError(400, 'the body must be a JSON object with the fields by name')
  }
  if (type !== '' && type !== 'application/x-www-form-urlencoded')
    throw new HttpError(415, `send a form or application/json, not '${type.slice(0, 100)}'`)
  return Object.fromEntries(new URLSearchParams(body))
}

async function readSmallText(request: IncomingMessage): Promise<string> {
  try {
    return await readText(request, longestBody)
  } catch (error) {
    throw error instanceof HttpError && error.status === 413 ? tooLarge() : error
  }
}

function tooLarge(): HttpError {
  return new HttpError(413, `the body is larger than ${longestBody / 1000} kB`)
}

/** The answer is the same whether the address is known here or not. */
async function subscribe({ request, response, offprint }: MailCall): Promise<void> {
  const wish = readWish(await readSmall(request))
  try {
    offprint.mail.ask(wish)
  } catch (error) {
    if (error instanceof TooManyError) throw new HttpError(429, error.message)
    throw error
  }
  if (wantsPage(request)) seeOther(response, '/subscribe?asked=1')
  else sendJson(response, { asked: true, next: 'a mail with a link to confirm comes to the address' }, 202)
}

async function confirm({ request, response, offprint }: MailCall, token: string): Promise<void> {
  await readSmall(request)
  const manage = offprint.mail.subscribers.confirm(token)
  if (wantsPage(request))
    seeOther(response, manage ? `/subscriptions/${manage}?confirmed=1` : `/confirm/${encodeURIComponent(token)}`)
  else if (manage) sendJson(response, { confirmed: true, subscriptions: `/subscriptions/${manage}` })
  else throw new HttpError(404, 'this link is unknown or older than 48 hours; subscribe again for a new one')
}

/** To the letter of RFC 8058: 200 and no redirect, whoever sends it and whether the token is known or not. */
async function unsubscribe({ request, response, offprint, page }: MailCall, token: string): Promise<void> {
  // What the body says does not matter, but it is read: the answer is not to come in the middle of it.
  await readSmallText(request)
  offprint.mail.subscribers.leaveBy(token)
  if (wantsPage(request)) page(`/unsubscribe/${encodeURIComponent(token)}?left=1`)
  else {
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
    response.end('You have left this digest. No further mail of it comes.\n')
  }
}

async function change({ request, response, offprint }: MailCall, token: string): Promise<void> {
  const fields = await readSmall(request)
  const done = offprint.mail.subscribers.change(token, fields)
  if (!done) throw new HttpError(404, 'there is no such subscription; the links in the newest mail are the right ones')
  if (wantsPage(request)) seeOther(response, `/subscriptions/${encodeURIComponent(token)}?changed=1`)
  else sendJson(response, offprint.mail.subscribers.managed(token))
}

async function sendFile({ request, response, offprint }: MailCall, id: string): Promise<void> {
  const bytes = await offprint.mail.file(Number(id))
  if (!bytes) throw new HttpError(404, `there is no mail ${id}`)
  response.writeHead(200, {
    'content-type': 'message/rfc822',
    'content-disposition': attachment(`offprint-${id}.eml`),
    'content-length': bytes.length,
    'cache-control': 'no-store',
  })
  response.end(request.method === 'HEAD' ? undefined : bytes)
}

async function test({ request, response, offprint }: MailCall): Promise<void> {
  offprint.mail.test(String((await readSmall(request)).address ?? ''))
  done(request, response)
}

async function settle({ request, response, offprint }: MailCall, id: string, action: string): Promise<void> {
  await readSmallText(request)
  const { mail } = offprint
  if (action === 'link') {
    const token = mail.linkOf(Number(id))
    if (!token)
      throw new HttpError(409, 'only a confirmation that waits because no mail server is set can be opened here')
    return seeOther(response, `/confirm/${token}`)
  }
  if (!(action === 'again' ? mail.again(Number(id)) : mail.outbox.forget(Number(id))))
    throw new HttpError(409, `mail ${id} is not in a state in which this can be done`)
  done(request, response)
}

async function remove({ request, response, offprint }: MailCall, id: string): Promise<void> {
  await readSmallText(request)
  if (!offprint.mail.subscribers.remove(Number(id))) throw new HttpError(404, `there is no subscriber ${id}`)
  done(request, response)
}

function done(request: IncomingMessage, response: ServerResponse): void {
  if (wantsPage(request)) seeOther(response, '/mail')
  else sendJson(response, { done: true })
}
