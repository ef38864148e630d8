/** Addresses of mail as this site takes them: plain ones, without names, comments or quoted parts. */
import { domainToASCII } from 'node:url'

const longest = 254
const longestLocal = 64

/**
 * The address with its domain in lower case and in ASCII; undefined where it is none that mail is sent to from here.
 * What is before the `@` stays as it was written.
 */
export function parseAddress(text: string): string | undefined {
  const given = text.trim()
  if (given.length > longest) return undefined
  const at = given.lastIndexOf('@')
  const local = given.slice(0, Math.max(0, at))
  if (!/^[A-Za-z0-9#$&'*+/=?^_{}~.-]+$/.test(local) || local.length > longestLocal) return undefined
  if (local.startsWith('.') || local.endsWith('.') || local.includes('..')) return undefined
  const written = given.slice(at + 1)
  if (/[\s\u0000-\u0020%\\/?#:@[\]"<>,;()]/.test(written)) return undefined
  const domain = domainToASCII(written).toLowerCase()
  const labels = domain.split('.')
  const sound = labels.every(label => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label))
  if (labels.length < 2 || !sound || /^\d+$/.test(labels.at(-1)!)) return undefined
  const address = `${local}@${domain}`
  return address.length <= longest ? address : undefined
}

/** By this an address is known: two that differ only in case are one person's. */
export function addressKey(address: string): string {
  return address.toLowerCase()
}

/** An address with or without a name before it, `Offprint <papers@example.org>`; undefined where it is neither. */
export function parseMailbox(text: string): { name: string; address: string } | undefined {
  if (/[\u0000-\u001f\u007f]/.test(text)) return undefined
  const named = /^([^<>"@,;]{0,100})<([^<>]+)>$/.exec(text.trim())
  const address = parseAddress(named ? named[2] : text)
  return address === undefined ? undefined : { name: named?.[1].trim() ?? '', address }
}
