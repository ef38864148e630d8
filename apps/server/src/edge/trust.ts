/** Who may ask what: the Host header, cross-site writes, and the owner's token. */
import { createHmac, hash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isLoopback, type Settings } from '../settings.ts'
import { HttpError } from './problem.ts'

/**
 * Refuses a foreign Host header: a page elsewhere could otherwise point its own name at this machine and read the site
 * (DNS rebinding).
 */
export function checkHost(request: IncomingMessage, settings: Settings): void {
  const header = request.headers.host ?? ''
  const host = header
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()
  if (isLoopback(host) || host === settings.HOST.toLowerCase()) return
  if (settings.ALLOWED_HOSTS.some(allowed => allowed.toLowerCase() === host)) return
  throw new HttpError(
    421,
    `this server does not answer for '${header.slice(0, 100)}'; the setting ALLOWED_HOSTS lists further names`,
  )
}

/** Refuses writes that a page of another site makes a browser send. Programs send neither header and are let through. */
export function checkSameSite(request: IncomingMessage): void {
  if (request.method === 'GET' || request.method === 'HEAD') return
  const site = request.headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    throw new HttpError(403, 'this was sent by a page of another site')
  const { origin } = request.headers
  if (origin === undefined) return
  let host: string | undefined
  try {
    host = new URL(origin).host
  } catch {
    // 'null' and other opaque origins are foreign
  }
  if (host !== request.headers.host)
    throw new HttpError(403, `this was sent by a page of another site (${origin.slice(0, 100)})`)
}

/** True where the request came by https, directly or through a proxy that is trusted. */
export function isSecure(request: IncomingMessage, settings: Settings): boolean {
  return settings.TRUST_PROXY && request.headers['x-forwarded-proto'] === 'https'
}

const sessionSeconds = 30 * 86_400
const cookieName = 'offprint'

/** The cookie that proves knowledge of the token: an expiry and its signature, so that a new token ends all sessions. */
export function sessionCookie(token: string, secure: boolean, now = Date.now()): string {
  const expires = Math.floor(now / 1000) + sessionSeconds
  const attributes = `Path=/; Max-Age=${sessionSeconds}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
  return `${cookieName}=${expires}.${sign(token, expires)}; ${attributes}`
}

export const endedCookie = `${cookieName}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax`

/** Whether the request carries the owner's session, or the token as `Authorization: Bearer …`. */
export function isOwner(request: IncomingMessage, token: string, now = Date.now()): boolean {
  const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')
  if (bearer) return isToken(bearer[1], token)
  const cookie = new RegExp(`(?:^|; )${cookieName}=(\\d{1,12})\\.([0-9a-f]{64})`).exec(request.headers.cookie ?? '')
  return cookie !== null && Number(cookie[1]) > now / 1000 && same(cookie[2], sign(token, Number(cookie[1])))
}

export function isToken(given: string, token: string): boolean {
  return same(hash('sha256', given), hash('sha256', token))
}

function sign(token: string, expires: number): string {
  return createHmac('sha256', token).update(`offprint session ${expires}`).digest('hex')
}

function same(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
