/** The settings of mail, and what they mean together. */

import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { parseMailbox } from './address.ts'

const mailbox = z
  .string()
  .refine(value => parseMailbox(value) !== undefined)
  .optional()
  .meta({ expected: 'an address such as papers@example.org or Offprint <papers@example.org>' })
const domain = z
  .string()
  .regex(/^(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/)

export const mailSettings = {
  SMTP_URL: z
    .string()
    .refine(value => parseSmtpUrl(value) !== undefined)
    .optional()
    .meta({
      expected:
        'smtp://user:password@host:port or smtps://…, with : / @ % in user or password written as %3A %2F %40 %25',
    }),
  MAIL_FROM: mailbox,
  MAIL_REPLY_TO: mailbox,
  DKIM_DOMAIN: domain.optional().meta({ expected: 'a domain such as example.org' }),
  DKIM_SELECTOR: domain.optional().meta({ expected: 'a selector such as mail' }),
  DKIM_KEY_FILE: z.string().min(1).optional().meta({ expected: 'a file with a private RSA key in PEM form' }),
}

export interface SmtpServer {
  host: string
  port: number
  /** TLS from the start; else STARTTLS where the server offers it. */
  secure: boolean
  user?: string
  password?: string
}

/** Undefined where it is no such address. */
export function parseSmtpUrl(text: string): SmtpServer | undefined {
  const url = URL.parse(text)
  if (!url || !/^smtps?:$/.test(url.protocol) || !url.hostname) return undefined
  if (!['', '/'].includes(url.pathname) || url.search || url.hash || url.port === '0') return undefined
  if (Boolean(url.username) !== Boolean(url.password)) return undefined
  const secure = url.protocol === 'smtps:'
  try {
    return {
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: Number(url.port) || (secure ? 465 : 587),
      secure,
      user: decodeURIComponent(url.username) || undefined,
      password: decodeURIComponent(url.password) || undefined,
    }
  } catch {
    return undefined
  }
}

interface Given {
  SMTP_URL?: string
  MAIL_FROM?: string
  DKIM_DOMAIN?: string
  DKIM_SELECTOR?: string
  DKIM_KEY_FILE?: string
}

/** What is missing or contradicts itself, as a sentence that names the setting; undefined where all is well. */
export function mailSettingsProblem(given: Given): string | undefined {
  if (given.SMTP_URL && !given.MAIL_FROM) return 'SMTP_URL is set: set MAIL_FROM too, the address that mail comes from'
  const dkim = ['DKIM_DOMAIN', 'DKIM_SELECTOR', 'DKIM_KEY_FILE'] as const
  const missing = dkim.filter(name => !given[name])
  if (missing.length && missing.length < dkim.length)
    return `${dkim.find(name => given[name])} is set: set ${missing.join(' and ')} too, or none of ${dkim.join(', ')}`
  if (given.DKIM_KEY_FILE) {
    try {
      const { asymmetricKeyType } = createPrivateKey(readFileSync(given.DKIM_KEY_FILE))
      if (asymmetricKeyType !== 'rsa') throw new Error(`it is a key of the kind ${asymmetricKeyType}`)
    } catch (error) {
      return `DKIM_KEY_FILE must be ${mailSettings.DKIM_KEY_FILE.meta()?.expected}, found '${given.DKIM_KEY_FILE}': ${(error as Error).message}`
    }
  }
  return undefined
}
