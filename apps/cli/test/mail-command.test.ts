import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openOffprint, readSettings } from '@offprint/server'
import { temporaryFolder } from '../../server/test/harness.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** A library with one confirmed subscriber whose digest is due, and the command on it. */
async function library(t: TestContext) {
  const folder = temporaryFolder(t)
  const environment = { DATA_DIR: join(folder, 'data') }
  const offprint = await openOffprint(readSettings(environment, '/nonexistent/.env'))
  offprint.mail.ask({ address: 'ada@example.org', kind: 'daily', hour: 0, zone: 'UTC', query: '' })
  const [{ confirmation }] = offprint.mail.outbox.list()
  offprint.mail.subscribers.confirm(offprint.mail.subscribers.newLink(confirmation!))
  await offprint.close()
  return {
    folder,
    async command(words: string[], { input = '', more = {} }: { input?: string; more?: Record<string, string> } = {}) {
      const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'mail', ...words], {
        cwd: folder,
        env: { PATH: process.env.PATH, ...environment, ...more },
      })
      let stdout = ''
      let stderr = ''
      child.stdout.on('data', chunk => {
        stdout += chunk
      })
      child.stderr.on('data', chunk => {
        stderr += chunk
      })
      child.stdin.end(input)
      const [code] = await once(child, 'close')
      return { code, stdout, stderr }
    },
  }
}

test('status, dry run, outbox and sending, for people and as JSON', async t => {
  const { command } = await library(t)
  const status = JSON.parse((await command(['status', '--json'])).stdout)
  assert.deepEqual(status.counts, { subscribers: 1, suspended: 0, subscriptions: 1, unconfirmed: 0 })
  assert.ok(status.nextDigest > Date.now())
  assert.match((await command(['status'])).stdout, /mail server +none: mail stays in the outbox/)
  assert.deepEqual(JSON.parse((await command(['send', '--dry-run', '--json'])).stdout), { due: [] })
  const sent = await command(['send'])
  assert.deepEqual([sent.code, sent.stdout], [0, '0 digests queued; 0 mails sent, 0 deferred, 0 failed, 0 uncertain\n'])
  assert.match(sent.stderr, /No mail server is set \(SMTP_URL\)/)
  const { mails } = JSON.parse((await command(['outbox', '--json'])).stdout)
  assert.deepEqual(
    mails.map((one: { kind: string; state: string }) => [one.kind, one.state]),
    [['confirmation', 'queued']],
  )
  assert.match((await command(['outbox', '--state', 'sent'])).stderr, /no such mail/)
  assert.equal((await command(['outbox', '--state', 'lost'])).code, 2)
  assert.equal((await command(['outbox', '--limit', '0'])).code, 2)
  for (const name of ['status', 'send', 'outbox', 'bounce'])
    assert.match((await command([name, '--help'])).stdout, /Examples?: offprint mail/)
})

test('a server that cannot be reached ends sending with 1, and the password is not said', async t => {
  const { command } = await library(t)
  const more = { SMTP_URL: 'smtp://ada:geheimes-wort@127.0.0.1:1', MAIL_FROM: 'papers@example.org' }
  const { code, stdout, stderr } = await command(['send'], { more })
  assert.equal(code, 1)
  assert.match(stderr, /in trouble, what waits is kept: .*ECONNREFUSED/)
  assert.ok(!`${stdout}${stderr}`.includes('geheim'))
  const wrong = await command(['status'], { more: { SMTP_URL: 'http://ada:geheimes-wort@mail.example.org' } })
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /^SMTP_URL must be smtp:\/\/user:password@host:port.*, found \d+ characters\n$/)
  const lonely = await command(['status'], { more: { SMTP_URL: 'smtp://mail.example.org' } })
  assert.match(lonely.stderr, /SMTP_URL is set: set MAIL_FROM too/)
  const half = await command(['status'], { more: { DKIM_DOMAIN: 'example.org' } })
  assert.match(half.stderr, /DKIM_DOMAIN is set: set DKIM_SELECTOR and DKIM_KEY_FILE too/)
})

test('a mail that came back is read from a file and from standard input', async t => {
  const { command, folder } = await library(t)
  const report = `Message-ID: <1@mx>\nContent-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; ada@example.org\nAction: failed\nStatus: 5.1.1\n\n--b--\n`
  writeFileSync(join(folder, 'report.eml'), report)
  assert.deepEqual(await command(['bounce', 'report.eml']), {
    code: 0,
    stdout: 'ada@example.org: refused once; suspended the next time\n',
    stderr: '',
  })
  const { noted } = JSON.parse(
    (await command(['bounce', '-', '--json'], { input: report.replace('<1@', '<2@') })).stdout,
  )
  assert.deepEqual(noted, [{ address: 'ada@example.org', did: 'suspended: refused twice' }])
  const other = await command(['bounce', '-'], { input: 'Subject: hello\n\nhello' })
  assert.equal(other.code, 2)
  assert.match(other.stderr, /neither a report/)
  assert.match((await command(['bounce', 'nothing.eml'])).stderr, /there is no file nothing\.eml/)
})
