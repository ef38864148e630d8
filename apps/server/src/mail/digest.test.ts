import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { paper } from '../library/made-papers.fixture.ts'
import { composeDigest, escapeHtml, listPapers, type Sender, toMime } from './compose.ts'
import { digestPaper, firstSentence } from './digest.ts'
import { confirmed, dayMs, hourMs, importRecords, morning, readMessage, startSmtp, testMail } from './mail.fixture.ts'

const sender: Sender = {
  from: { name: 'Offprint', address: 'papers@offprint.place' },
  replyTo: 'help@offprint.place',
  site: 'https://offprint.place',
  host: 'offprint.place',
}
const rhythm = { kind: 'daily', hour: 7, zone: 'Europe/Berlin' } as const

function digestOf(
  papers: Parameters<typeof digestPaper>[0][],
  rest: Partial<Parameters<typeof composeDigest>[2]> = {},
) {
  const list = listPapers(papers.map(one => digestPaper(one, sender.site, 3, true)))
  return {
    subscription: 1,
    rhythm,
    query: '',
    period: '2026-12-12',
    at: morning,
    total: papers.length,
    papers: list,
    leave: '1-leave',
    manage: '1-manage',
    ...rest,
  }
}

test('the first sentence of a text, not that of an abbreviation, and formulas whole', () => {
  for (const [text, sentence] of [
    ['We look at k-medoids, e.g. PAM and CLARA. They are slow.', 'We look at k-medoids, e.g. PAM and CLARA.'],
    ['Following Smith et al. we show that it is fast. Then more.', 'Following Smith et al. we show that it is fast.'],
    ['It costs $O(n. m)$ where others need more time! Really.', 'It costs $O(n. m)$ where others need more time!'],
    ['Is accuracy 99.5 percent enough for anybody? Perhaps.', 'Is accuracy 99.5 percent enough for anybody?'],
    ['No end', 'No end'],
    ['', ''],
  ])
    assert.equal(firstSentence(text), sentence)
  const long = firstSentence('word '.repeat(500))
  assert.ok(long.length <= 300 && long.endsWith('word…'))
})

test('a digest has all that the standards want of it', async () => {
  const message = composeDigest(
    sender,
    'ada@example.org',
    digestOf([
      paper({
        key: '2501.00001',
        title: 'A title – with $x^2$',
        authors: ['A', 'B', 'C', 'D', 'E'].map(name => ({ name })),
        abstract: 'One sentence that is long enough to be one. Another.',
      }),
      paper({ key: 'cs/9808004', title: 'Old', authorCount: 7 }),
    ]),
  )
  assert.equal(message.subject, 'Offprint, 12 December: 2 papers')
  const bytes = String(await toMime(sender, message, new Date(morning)))
  for (const line of bytes.split('\r\n')) assert.ok(line.length <= 998)
  const { headers, parts } = readMessage(bytes)
  assert.equal(headers['list-id'], 'Offprint digest <digest.offprint.place>')
  assert.equal(
    headers['list-unsubscribe'],
    '<https://offprint.place/unsubscribe/1-leave>, <mailto:help@offprint.place?subject=unsubscribe-1-leave>',
  )
  assert.equal(headers['list-unsubscribe-post'], 'List-Unsubscribe=One-Click')
  assert.equal(headers['auto-submitted'], 'auto-generated')
  assert.equal(headers.precedence, 'bulk')
  assert.equal(headers.from, 'Offprint <papers@offprint.place>')
  assert.equal(headers['reply-to'], 'help@offprint.place')
  assert.match(headers['message-id'], /^<[0-9a-f]{32}@offprint\.place>$/)
  assert.equal(Date.parse(headers.date), morning)
  assert.match(headers['content-type'], /^multipart\/alternative;/)
  assert.deepEqual(
    parts.map(part => part.headers['content-type'].split(';')[0]),
    ['text/plain', 'text/html'],
  )
  for (const part of parts) for (const line of part.raw.split('\n')) assert.ok(line.length <= 76)
  const [text, html] = parts.map(part => part.text)
  assert.match(
    text,
    /1\. A title – with \$x\^2\$\n {3}A, B, C and 2 more\n {3}One sentence that is long enough to be one\.\n {3}3 votes · runs here\n {3}https:\/\/offprint\.place\/papers\/2501\.00001\n/,
  )
  assert.match(
    text,
    /2\. Old\n {3}7 authors\n {3}3 votes · runs here\n {3}https:\/\/offprint\.place\/papers\/cs\/9808004\n/,
  )
  assert.match(text, /Unsubscribe: https:\/\/offprint\.place\/unsubscribe\/1-leave\n/)
  assert.match(html, /with \$x\^2\$/)
  assert.match(html, /color-scheme" content="light dark/)
  assert.doesNotMatch(html, /<script|<img|<link|url\(/)
  const again = composeDigest(sender, 'ada@example.org', digestOf([]))
  assert.equal(again.messageId, message.messageId)
  assert.notEqual(
    composeDigest(sender, 'ada@example.org', digestOf([], { period: '2026-12-13' })).messageId,
    message.messageId,
  )
})

test('without https there is no one-click, which the standard has for https alone', () => {
  const { headers } = composeDigest(
    { ...sender, site: 'http://localhost:3000', replyTo: undefined },
    'a@example.org',
    digestOf([]),
  )
  assert.equal(headers['List-Unsubscribe'], '<http://localhost:3000/unsubscribe/1-leave>')
  assert.equal(headers['List-Unsubscribe-Post'], undefined)
})

test('no title, name, summary or search becomes markup', async () => {
  const hostile =
    '<script>alert(1)</script><img src=x onerror=alert(2)>"\'& </td></table><style>*{display:none}</style>'
  const message = composeDigest(
    sender,
    'ada@example.org',
    digestOf(
      [paper({ key: '"><script>x</script>', title: hostile, abstract: hostile, authors: [{ name: hostile }] })],
      { query: hostile },
    ),
  )
  const tags = [...message.html.matchAll(/<\/?([a-z0-9]+)/gi)].map(match => match[1].toLowerCase())
  const allowed = ['html', 'head', 'meta', 'title', 'style', 'body', 'table', 'tr', 'td', 'p', 'a', 'h1', 'br']
  assert.deepEqual(
    [...new Set(tags)].filter(tag => !allowed.includes(tag)),
    [],
  )
  assert.equal(tags.filter(tag => tag === 'style').length, 2)
  assert.ok(message.html.includes(escapeHtml('<script>alert(1)</script>')))
  for (const [, url] of message.html.matchAll(/href="([^"]*)"/g)) assert.match(url, /^https:\/\/offprint\.place\//)
})

test('nothing that is typed or imported can add a header or a part', async () => {
  const nasty = fc
    .array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom(
          '\r\n',
          '\n',
          '\r',
          '\u0000',
          '\u2028',
          '\r\n\r\n',
          'Bcc: x@example.org',
          '\r\nBcc: evil@example.org\r\n',
          '=?UTF-8?Q?=0D=0ABcc:?=',
          '--',
          '.',
          'é',
          '😀',
          '<>',
        ),
      ),
      { maxLength: 12 },
    )
    .map(list => list.join(''))
  await fc.assert(
    fc.asyncProperty(nasty, nasty, nasty, nasty, async (title, name, abstract, query) => {
      const message = composeDigest(
        sender,
        'ada@example.org',
        digestOf([paper({ key: '2501.00001', title, abstract, authors: [{ name }] })], { query }),
      )
      const bytes = String(await toMime(sender, message, new Date(morning)))
      const head = bytes.slice(0, bytes.indexOf('\r\n\r\n'))
      const names = head
        .replace(/\r\n[ \t]+/g, ' ')
        .split('\r\n')
        .map(line => line.slice(0, line.indexOf(':')).toLowerCase())
      assert.deepEqual(names.sort(), [
        'auto-submitted',
        'content-type',
        'date',
        'from',
        'list-id',
        'list-unsubscribe',
        'list-unsubscribe-post',
        'message-id',
        'mime-version',
        'precedence',
        'reply-to',
        'subject',
        'to',
      ])
      assert.doesNotMatch(head, /[^\r]\n|\r[^\n]|[^\x09\x0a\x0d\x20-\x7e]/)
      assert.equal(readMessage(bytes).parts.length, 2)
      assert.equal(readMessage(bytes).headers.to, 'ada@example.org')
    }),
    { numRuns: 300, seed: 3 },
  )
})

test('at most 25 papers, and never more than 100 kB, however the papers are', () => {
  const wide = '"&<😀'.repeat(2000)
  const many = Array.from({ length: 25 }, (_, index) =>
    paper({
      key: `2501.${10_000 + index}`,
      title: wide,
      abstract: wide,
      authors: Array.from({ length: 40 }, () => ({ name: wide })),
    }),
  )
  const message = composeDigest(sender, 'ada@example.org', digestOf(many, { total: 1000, query: '"'.repeat(250) }))
  assert.ok(Buffer.byteLength(message.html) <= 100_000, `${Buffer.byteLength(message.html)} bytes`)
  const shown = [...message.text.matchAll(/^\d+\. /gm)].length
  assert.ok(shown >= 5 && shown <= 25)
  assert.match(message.text, new RegExp(`${1000 - shown} papers more on the site`))
})

test('a digest has the papers since the last one, none without any, and none that was withdrawn', async t => {
  const made = testMail(t)
  const { mail, library, clock } = made
  confirmed(made, { address: 'ada@example.org' })
  clock.moment = morning + hourMs
  assert.equal((await mail.round()).queued, 0)
  await importRecords(library, [{ title: 'Kept' }, { title: 'Gone', comment: 'This paper has been withdrawn' }])
  clock.moment += dayMs
  assert.deepEqual(
    mail.due().map(({ address, period, total }) => [address, period, total]),
    [['ada@example.org', '2026-12-13', 1]],
  )
  assert.equal((await mail.round()).queued, 1)
  assert.equal((await mail.round()).queued, 0)
  const first = mail.message(mail.outbox.list()[0].id)!
  assert.equal(first.subject, 'Offprint, 13 December: 1 paper')
  assert.match(first.text, /Kept/)
  assert.doesNotMatch(first.text, /Gone/)
  clock.moment += dayMs
  assert.equal((await mail.round()).queued, 0)
})

test('papers that an import brings late, with the day before as theirs, come with the next digest', async t => {
  const made = testMail(t, { settings: (await startSmtp(t)).settings })
  const { mail, library, clock } = made
  confirmed(made, { address: 'ada@example.org' })
  await importRecords(library, [{ title: 'In time' }])
  clock.moment = morning + hourMs
  await mail.round()
  await importRecords(library, [
    { title: 'Late', submittedAt: new Date(morning - hourMs).toISOString() },
    { title: 'Old', submittedAt: new Date(morning - 30 * dayMs).toISOString() },
  ])
  clock.moment += dayMs
  await mail.round()
  const { text } = mail.message(mail.outbox.list()[0].id)!
  assert.match(text, /Late/)
  assert.doesNotMatch(text, /In time|Old/)
})

test('a search of one’s own gives only what has all of its words', async t => {
  const made = testMail(t)
  const { mail, library, clock } = made
  confirmed(made, { address: 'ada@example.org', query: 'vector "product quantization" -images' })
  confirmed(made, { address: 'ben@example.org', query: '-vector' })
  confirmed(made, { address: 'cy@example.org', query: 'nothingofthekind' })
  await importRecords(library, [
    { title: 'Vector search by product quantization' },
    { title: 'Vector images by product quantization' },
    { title: 'Vector quantization of a product' },
    { title: 'Something else' },
  ])
  clock.moment += dayMs
  assert.equal((await mail.round()).queued, 2)
  const [ben, ada] = mail.outbox.list().map(row => mail.message(row.id)!)
  assert.match(ada.subject, /^Offprint, 12 December: 1 paper for vector "product quantization" -images$/)
  assert.match(ada.text, /1\. Vector search by product quantization/)
  assert.match(ben.text, /1\. Something else/)
})

test('most votes first, then the newest, and no more than 25', async t => {
  const votes = new Map<string, number>()
  const made = testMail(t, { options: { votesOf: key => votes.get(key) ?? 0 } })
  const { mail, library, clock } = made
  confirmed(made, { address: 'ada@example.org' })
  await importRecords(
    library,
    Array.from({ length: 40 }, (_, index) => ({ title: `Paper ${index + 1}`, arxivId: `2501.${10_001 + index}` })),
  )
  votes.set('2501.10003', 5)
  votes.set('2501.10007', 9)
  clock.moment += dayMs
  await mail.round()
  const { subject, text } = mail.message(mail.outbox.list()[0].id)!
  assert.equal(subject, 'Offprint, 12 December: 40 papers')
  const titles = [...text.matchAll(/^\d+\. (.*)$/gm)].map(match => match[1])
  assert.deepEqual(titles.slice(0, 3), ['Paper 7', 'Paper 3', 'Paper 40'])
  assert.equal(titles.length, 25)
  assert.match(text, /9 votes/)
  assert.match(text, /15 papers more on the site: https:\/\/offprint\.place\//)
})

test('each subscriber gets it at the hour of the own zone; after days off there is one for all of them', async t => {
  const made = testMail(t)
  const { mail, library, clock } = made
  confirmed(made, { address: 'berlin@example.org', zone: 'Europe/Berlin' })
  confirmed(made, { address: 'york@example.org', zone: 'America/New_York' })
  confirmed(made, { address: 'week@example.org', kind: 'weekly' })
  const got = async (moment: string) => {
    clock.moment = Date.parse(moment)
    const before = mail.outbox.list()[0]?.id ?? 0
    await mail.round()
    return mail.outbox
      .list()
      .filter(row => row.id > before)
      .map(row => `${row.address} ${row.period}`)
      .sort()
  }
  await importRecords(library, [{ title: 'One' }])
  assert.deepEqual(await got('2026-12-12T11:59:00Z'), [])
  assert.deepEqual(await got('2026-12-12T12:00:00Z'), ['york@example.org 2026-12-12'])
  assert.deepEqual(await got('2026-12-13T06:00:00Z'), ['berlin@example.org 2026-12-13'])
  assert.deepEqual(await got('2026-12-14T07:00:00Z'), ['week@example.org 2026-W51'])
  await importRecords(library, [{ title: 'Two' }])
  assert.deepEqual(await got('2026-12-20T07:00:00Z'), ['berlin@example.org 2026-12-20', 'york@example.org 2026-12-19'])
})

test('a digest that could not be sent is replaced by the next, which has its papers too', async t => {
  const made = testMail(t)
  const { mail, library, clock } = made
  confirmed(made, { address: 'ada@example.org' })
  for (const title of ['One', 'Two', 'Three']) {
    await importRecords(library, [{ title }])
    clock.moment += dayMs
    await mail.round()
  }
  assert.deepEqual(
    mail.outbox.list().map(row => row.state),
    ['queued', 'cancelled', 'cancelled'],
  )
  assert.match(mail.message(mail.outbox.list()[0].id)!.text, /Three.*Two.*One/s)
})
