/** A connection to the mail server, and what its answers mean: sent, not sent, or nobody knows. */
import { Readable } from 'node:stream'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import { isLoopback } from '../settings.ts'
import type { SmtpServer } from './settings.ts'

export type Outcome =
  | { state: 'sent'; response: string }
  /** Not sent, for good. `refused`: this address does not take mail, and with which status. */
  | { state: 'failed'; response: string; refused?: string }
  /** Not sent, for now. `trouble`: it is about the server and not about this mail. */
  | { state: 'deferred'; response: string; trouble: boolean }
  /** The server had all or some of it, and did not say what became of it. */
  | { state: 'uncertain'; response: string }

export interface Connection {
  send(from: string, to: string, bytes: Buffer): Promise<Outcome>
  /** Nothing can be sent over it any more. */
  broken(): boolean
  close(): void
}

export interface SmtpTimes {
  /** To be connected and greeted, in ms. Default 20 s. */
  connectMs?: number
  /** Without a word from the server, in ms. Default 5 minutes, as servers may look at a mail for long. */
  silentMs?: number
}

const farewellMs = 2_000

interface SmtpError extends Error {
  code?: string
  command?: string
  responseCode?: number
  response?: string
}

/** @throws Error where the server cannot be reached or does not let us in; the password is never in its message */
export function openConnection(
  server: SmtpServer,
  { connectMs = 20_000, silentMs = 300_000 }: SmtpTimes = {},
): Promise<Connection> {
  const { host, port, secure, user, password } = server
  const here = isLoopback(host)
  const connection = new SMTPConnection({
    host,
    port,
    secure,
    // A password goes over a line that others can read only within this machine.
    requireTLS: user !== undefined && !here,
    connectionTimeout: connectMs,
    greetingTimeout: connectMs,
    socketTimeout: silentMs,
    // Within this machine nobody is between us and the server.
    tls: { rejectUnauthorized: !here },
  })
  let broken = false
  const clean = (text: string) => withoutSecrets(text, server)

  async function send(from: string, to: string, bytes: Buffer): Promise<Outcome> {
    let started = false
    // The server asks for the content only after it has taken sender and recipient.
    const content = new Readable({
      read() {
        started = true
        this.push(bytes)
        this.push(null)
      },
    })
    const { error, response } = await new Promise<{ error?: SmtpError; response?: string }>(resolve => {
      connection.send({ from, to: [to], size: bytes.length }, content, (error, info) =>
        resolve(error ? { error } : { response: info?.response }),
      )
    })
    if (!error) return { state: 'sent', response: clean(response ?? '') }
    const outcome = outcomeOf(error, started)
    outcome.response = clean(outcome.response)
    if (outcome.state === 'uncertain' || (outcome.state === 'deferred' && outcome.trouble)) broken = true
    if (broken) connection.close()
    else await reset()
    return outcome
  }

  // After a refusal the server is told to forget the mail; it may hang up instead.
  let onEnd = () => {}
  function reset(): Promise<void> {
    return new Promise(resolve => {
      onEnd = resolve
      connection.reset(error => {
        if (error) broken = true
        resolve()
      })
    })
  }

  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      broken = true
      connection.close()
      reject(new Error(clean(error.message)))
      onEnd()
    }
    connection.on('error', fail)
    connection.once('end', () => {
      broken = true
      onEnd()
    })
    const ready = () =>
      resolve({
        send,
        broken: () => broken,
        close() {
          if (broken) return
          broken = true
          connection.quit()
          // Some do not answer to a farewell.
          setTimeout(() => connection.close(), farewellMs).unref()
        },
      })
    connection.connect(error => {
      if (error) fail(error)
      else if (user === undefined) ready()
      else connection.login({ user, pass: password }, failure => (failure ? fail(failure) : ready()))
    })
  })
}

/** @param started whether the server has been given any of the content */
function outcomeOf(error: SmtpError, started: boolean): Outcome {
  const { responseCode = 0, command = '', message } = error
  const response = error.response ?? message
  const status = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1] ?? ''
  if (started) {
    if (responseCode >= 500) {
      const aboutAddress = /^5\.(?:1\.\d+|2\.1)$/.test(status)
      return { state: 'failed', response, ...(aboutAddress ? { refused: status } : {}) }
    }
    if (responseCode >= 400) return { state: 'deferred', response, trouble: responseCode === 421 }
    return { state: 'uncertain', response: `the connection ended after the mail was handed over: ${response}` }
  }
  if (command === 'RCPT TO' && responseCode >= 500)
    return { state: 'failed', response, refused: status || String(responseCode) }
  if (command === 'RCPT TO' && responseCode >= 400 && responseCode !== 421)
    return { state: 'deferred', response, trouble: false }
  if (command === 'DATA' && responseCode >= 500) return { state: 'failed', response }
  if (command === 'DATA' && responseCode >= 400) return { state: 'deferred', response, trouble: false }
  if (error.code === 'EMESSAGE' || (error.code === 'EENVELOPE' && command === 'API'))
    return { state: 'failed', response }
  return { state: 'deferred', response, trouble: true }
}

/** A server may repeat what it was sent. */
function withoutSecrets(text: string, { user, password }: SmtpServer): string {
  let clean = text
  if (password)
    for (const form of [
      password,
      encodeURIComponent(password),
      Buffer.from(password).toString('base64'),
      Buffer.from(`\0${user}\0${password}`).toString('base64'),
    ])
      clean = clean.replaceAll(form, '***')
  return clean
}
