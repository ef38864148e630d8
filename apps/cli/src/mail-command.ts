/** `offprint mail`: what is due, what waits, and reports of mail servers, from a shell. */
import { createReadStream, statSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { InputError } from '@offprint/kernels'
import type { Offprint } from '@offprint/server'
import { type Command, Option } from 'commander'
import { printTable } from './terminal.ts'

/** A report of a mail server is far smaller. */
const longestReport = 10_000_000
const states = ['queued', 'deferred', 'sending', 'sent', 'uncertain', 'failed', 'cancelled', 'forgotten']

/** @param fail called with an exit code other than 0 */
export function addMailCommands(program: Command, offprint: Offprint, fail: (code: number) => void): void {
  const { mail } = offprint
  const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`)
  const command = program
    .command('mail')
    .description('Digests by mail: what is due, what waits, what came back')
    .addHelpText(
      'after',
      `
Examples:
  offprint mail status
  offprint mail send --dry-run
  offprint mail outbox --state uncertain --json
  offprint mail bounce report.eml`,
    )

  command
    .command('status')
    .description('Subscribers, the outbox, and when the next digest is due')
    .option('--json', 'one JSON document')
    .addHelpText('after', '\nExample: offprint mail status --json')
    .action(({ json }) => {
      const status = mail.overview()
      if (json) return print(status)
      const when = (moment?: number) => (moment === undefined ? 'none' : new Date(moment).toISOString())
      printTable(
        ['what', 'is'],
        [
          ['mail server', status.server ?? 'none: mail stays in the outbox (setting SMTP_URL)'],
          ['from', status.from],
          ['subscribers', String(status.counts.subscribers)],
          ['subscriptions', String(status.counts.subscriptions)],
          ['not confirmed yet', String(status.counts.unconfirmed)],
          ['suspended', String(status.counts.suspended)],
          ['next digest due', when(status.nextDigest)],
          ['last looked at', when(status.roundAt)],
          ...Object.entries(status.outbox).map(([state, count]) => [`outbox: ${state}`, String(count)]),
        ],
      )
      if (status.trouble) console.error(`In trouble until ${when(status.trouble.resumeAt)}: ${status.trouble.text}`)
      for (const note of status.notes) console.error(note)
    })

  command
    .command('send')
    .description('Put what is due into the outbox and send what waits, as the server does by itself')
    .option('--dry-run', 'only say what is due')
    .option('--json', 'one JSON document')
    .addHelpText('after', '\nExamples: offprint mail send --dry-run\n  offprint mail send --json')
    .action(async ({ json, dryRun }) => {
      if (dryRun) {
        const due = mail.due()
        if (json) return print({ due })
        if (due.length)
          printTable(
            ['to', 'digest', 'search', 'papers'],
            due.map(one => [one.address, one.period, one.query, one.total]),
          )
        else console.error('No digest with new papers is due.')
        return
      }
      const report = await mail.round({ evenInTrouble: true })
      if (json) print(report)
      else if (report.busy) console.error('Another process is sending at the moment.')
      else
        console.log(
          `${report.queued} digests queued; ${report.sent} mails sent, ${report.deferred} deferred, ${report.failed} failed, ${report.uncertain + report.interrupted} uncertain`,
        )
      if (report.trouble) {
        console.error(`The mail server is in trouble, what waits is kept: ${report.trouble}`)
        fail(1)
      } else if (!json && !report.busy && !mail.overview().server)
        console.error('No mail server is set (SMTP_URL): mail stays in the outbox.')
    })

  command
    .command('outbox')
    .description('The newest mails with their states')
    .addOption(new Option('--state <state>', 'only those').choices(states))
    .option('--limit <n>', 'at most so many', '50')
    .option('--json', 'one JSON document')
    .addHelpText('after', '\nExample: offprint mail outbox --state failed')
    .action(({ json, state = '', limit }) => {
      const many = Number(limit)
      if (!Number.isInteger(many) || many < 1 || many > 10_000)
        throw new InputError('limit', `'${limit}'`, 'a whole number from 1 to 10000')
      const rows = mail.outbox.list({ state, limit: many })
      if (json) {
        const moment = (ms: number) => new Date(ms).toISOString()
        return print({
          mails: rows.map(({ content: _, owner: __, queuedAt, changedAt, nextAttempt, ...row }) => ({
            ...row,
            queuedAt: moment(queuedAt),
            changedAt: moment(changedAt),
            nextAttempt: moment(nextAttempt),
          })),
        })
      }
      if (rows.length)
        printTable(
          ['id', 'when', 'to', 'what', 'state', 'last answer'],
          rows.map(row => [
            String(row.id),
            new Date(row.changedAt).toISOString().slice(0, 16),
            row.address,
            `${row.kind} ${row.period ?? ''}`.trim(),
            row.state,
            row.response ?? '',
          ]),
        )
      else console.error('There is no such mail.')
    })

  command
    .command('bounce')
    .description('Read a mail that came back, or one that asks to be taken off, and note it')
    .argument('<file>', 'the mail as a file, or - for standard input')
    .option('--json', 'one JSON document')
    .addHelpText('after', '\nExamples: offprint mail bounce report.eml\n  offprint mail bounce - < report.eml')
    .action(async (file: string, { json }) => {
      const noted = mail.report(await readReport(file))
      if (json) return print({ noted })
      for (const { address, did } of noted) console.log(`${address ?? 'unknown address'}: ${did}`)
      if (!noted.length) {
        console.error(
          'This is neither a report of a mail that came back (RFC 3464) nor a mail that asks to be taken off.',
        )
        fail(2)
      }
    })
}

async function readReport(file: string): Promise<string> {
  if (file !== '-') {
    const isFile = statSync(file, { throwIfNoEntry: false })?.isFile()
    if (!isFile) throw new InputError('file', `'${file}'`, 'a file', `file: there is no file ${file}`)
  }
  const stream: Readable = file === '-' ? process.stdin : createReadStream(file)
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of stream) {
    bytes += chunk.length
    if (bytes > longestReport)
      throw new InputError(
        'file',
        `more than ${longestReport / 1e6} MB`,
        `one mail of at most ${longestReport / 1e6} MB`,
      )
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
