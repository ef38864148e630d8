/** The links in mail: long random ones that are stored hashed, and signed ones of which nothing need be stored. */
import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto'

/** 32 random bytes as they stand in a link. */
export function newToken(): string {
  return randomBytes(32).toString('base64url')
}

/** What is stored of a token. */
export function tokenHash(token: string): string {
  return hash('sha256', token)
}

/** @param subject what the link is for and whose, the id included: `leave 17 somebody@example.org` */
export function signedToken(secret: Buffer, id: number, subject: string): string {
  return `${id}-${createHmac('sha256', secret).update(subject).digest('base64url')}`
}

/** The id that a signed token claims; it must be signed again and compared. */
export function claimedId(token: string): number | undefined {
  const match = /^(\d{1,15})-[A-Za-z0-9_-]{43}$/.exec(token)
  return match ? Number(match[1]) : undefined
}

export function sameToken(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
