/** Sends what is due until nothing waits, or until it is killed. Its database and mail server come as arguments. */
import { openDatabase } from '../database.ts'
import { openTestMail } from './mail.fixture.ts'

const [file, SMTP_URL, moment] = process.argv.slice(2)
const { mail } = openTestMail(openDatabase(file), {
  clock: { moment: Number(moment) },
  settings: { SMTP_URL, MAIL_FROM: 'papers@offprint.place' },
  options: { connections: 4 },
})
const { busy, queued } = await mail.round()
process.stdout.write(`${JSON.stringify({ busy, queued, outbox: mail.outbox.counts() })}\n`)
process.exit(0)
