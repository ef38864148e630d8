import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readReport } from './bounce.ts'
import { confirmed, dayMs, importRecords, testMail } from './mail.fixture.ts'

interface Made {
  id?: string
  recipient?: string
  action?: string
  status?: string
  encoding?: string
}

/** A report as RFC 3464 has it, with two recipients where `more` is one. */
function reportOf({
  id = '<1@mx.example>',
  recipient = 'rfc822; ada@example.org',
  action = 'failed',
  status = '5.1.1',
  encoding,
}: Made = {}) {
  const fields = `Reporting-MTA: dns; mx.example\nArrival-Date: Sat, 12 Dec 2026 07:00:00 +0000\n\nFinal-Recipient: ${recipient}\nAction: ${action}\nStatus: ${status}\nDiagnostic-Code: smtp; 550 5.1.1\n <ada@example.org>: no such user\n`
  return `Return-Path: <>
From: MAILER-DAEMON@mx.example
To: papers@offprint.place
Subject: Undelivered Mail Returned to Sender
Message-ID: ${id}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary="b=1"

This is a MIME message.
--b=1
Content-Type: text/plain

Action: failed, says this part, which is for people.

--b=1
Content-Type: message/delivery-status
${encoding ? `Content-Transfer-Encoding: ${encoding}\n` : ''}
${encoding === 'base64' ? Buffer.from(fields).toString('base64') : fields}
--b=1
Content-Type: text/rfc822-headers

Subject: Offprint, 12 December: 14 papers
Final-Recipient: rfc822; ben@example.org

--b=1--
`
}

test('a report gives its recipients, whatever its line ends and encoding', () => {
  for (const text of [
    reportOf(),
    reportOf().replaceAll('\n', '\r\n'),
    `From MAILER-DAEMON Sat Dec 12 07:00:00 2026\n${reportOf()}`,
    reportOf({ encoding: 'base64' }),
    reportOf({ encoding: '7bit' }),
  ]) {
    const { recipients, unsubscribe } = readReport(text)
    assert.equal(unsubscribe, undefined)
    assert.deepEqual(
      recipients.map(({ hash: _, ...rest }) => rest),
      [
        {
          address: 'ada@example.org',
          action: 'failed',
          status: '5.1.1',
          diagnostic: '550 5.1.1 <ada@example.org>: no such user',
        },
      ],
    )
  }
  assert.equal(
    readReport(reportOf()).recipients[0].hash,
    readReport(reportOf({ encoding: 'base64' })).recipients[0].hash,
  )
  assert.notEqual(
    readReport(reportOf()).recipients[0].hash,
    readReport(reportOf({ id: '<2@mx.example>' })).recipients[0].hash,
  )
})

test('two reports suspend an address; the same one twice, a delay and a stranger do not', async t => {
  const made = testMail(t)
  const { mail, library, clock } = made
  confirmed(made, { address: 'ada@example.org' })
  const did = (report: Made) => mail.report(reportOf(report)).map(line => line.did)
  assert.deepEqual(did({ action: 'delayed', status: '4.4.1' }), ['nothing: delayed 4.4.1'])
  assert.deepEqual(did({ status: '4.4.1' }), ['nothing: failed 4.4.1'])
  assert.deepEqual(did({ recipient: 'rfc822; stranger@example.org' }), ['nothing: nobody here has this address'])
  assert.deepEqual(did({}), ['refused once; suspended the next time'])
  assert.deepEqual(did({}), ['nothing: this report was counted before'])
  assert.equal(mail.subscribers.find('ada@example.org')!.state, 'active')
  assert.deepEqual(did({ id: '<2@mx.example>', recipient: 'RFC822;<ADA@example.org>' }), ['suspended: refused twice'])
  assert.equal(mail.subscribers.find('ada@example.org')!.state, 'suspended')
  assert.equal(mail.subscribers.rejections().length, 2)
  await importRecords(library, [{ title: 'New' }])
  clock.moment += dayMs
  assert.equal((await mail.round()).queued, 0)
  // Who confirms anew has shown that mail arrives.
  confirmed(made, { address: 'ada@example.org' })
  assert.equal(mail.subscribers.find('ada@example.org')!.state, 'active')
})

test('a mail that asks to be taken off is understood', t => {
  const made = testMail(t)
  const { subscribers } = made.mail
  const manage = confirmed(made, { address: 'ada@example.org' })
  const token = subscribers.leaveToken(subscribers.managed(manage)!.subscriptions[0].id, 'ada@example.org')
  const asked = (subject: string) => made.mail.report(`From: ada@example.org\nSubject: ${subject}\n\n`)
  assert.deepEqual(asked(`unsubscribe-${token.slice(0, -1)}.`), [])
  assert.deepEqual(asked(`unsubscribe-9${token}`), [{ address: undefined, did: 'the link to leave is unknown' }])
  assert.deepEqual(asked(`unsubscribe-${token}`), [{ address: 'ada@example.org', did: 'has left' }])
  assert.equal(subscribers.managed(manage)!.subscriptions[0].state, 'left')
})

test('whatever it is given it ends, soon, and says nothing that is not there', () => {
  const piece = fc.constantFrom(
    '\n',
    '\n\n',
    '--b=1',
    '--b=1--',
    'Content-Type: multipart/report; boundary="b=1"',
    'Content-Type: message/delivery-status',
    'Final-Recipient: rfc822; ada@example.org',
    'Action: failed',
    'Status: 5.1.1',
    ':',
    ' ',
    'Subject: unsubscribe-',
    'é',
    '\u0000',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 60 }), pieces => {
      const { recipients } = readReport(pieces.join(''))
      for (const { address } of recipients) assert.match(address, /^[^\s"<>]+@[^\s"<>]+$/)
    }),
    { numRuns: 1000, seed: 4 },
  )
  const nested = 'Content-Type: multipart/mixed; boundary=b\n\n--b\n'.repeat(5000)
  assert.deepEqual(readReport(nested).recipients, [])
  const many = `Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nX: y\n\n${'Final-Recipient: rfc822; a@example.org\nAction: failed\nStatus: 5.0.0\n\n'.repeat(20_000)}`
  assert.ok(readReport(many).recipients.length <= 100)
})
