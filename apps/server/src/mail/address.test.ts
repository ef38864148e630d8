import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAddress, parseMailbox } from './address.ts'

test('plain addresses are taken, the domain in lower case and in ASCII', () => {
  for (const [given, taken] of [
    ['ada@example.org', 'ada@example.org'],
    [' Ada.Lovelace+papers@EXAMPLE.org ', 'Ada.Lovelace+papers@example.org'],
    ["o'neil@example.org", "o'neil@example.org"],
    ['ada@bücher.example', 'ada@xn--bcher-kva.example'],
  ])
    assert.equal(parseAddress(given), taken)
})

test('anything else is not', () => {
  for (const wrong of [
    '',
    'ada',
    '@example.org',
    'ada@',
    'ada@localhost',
    'ada@@example.org',
    'a da@example.org',
    '"ada"@example.org',
    'ada@example.org, ben@example.org',
    'ada@example.org\r\nBcc: ben@example.org',
    'ada\u0000@example.org',
    '.ada@example.org',
    'ada..b@example.org',
    'ada@-example.org',
    'ada@example..org',
    'ada@[127.0.0.1]',
    'ada@127.0.0.1',
    'Ada <ada@example.org>',
    'ada%evil.example@example.org',
    `${'a'.repeat(65)}@example.org`,
    `ada@${'a.'.repeat(130)}org`,
    'ådä@example.org',
  ])
    assert.equal(parseAddress(wrong), undefined, JSON.stringify(wrong))
})

test('whatever comes in, what is taken has no control character, no space and no quote, and is at most 254 long', () => {
  const parts = fc.constantFrom(
    'a',
    'Z',
    '.',
    '@',
    '"',
    "'",
    ' ',
    '\r',
    '\n',
    '\u0000',
    '<',
    '>',
    ',',
    '%',
    'é',
    'example.org',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(parts, { maxLength: 20 }).map(list => list.join('')),
        fc.emailAddress(),
      ),
      text => {
        const address = parseAddress(text)
        if (address === undefined) return
        assert.match(address, /^[\x21-\x7e]+$/)
        assert.doesNotMatch(address, /["<>,;\\]/)
        assert.ok(address.length <= 254)
        assert.equal(parseAddress(address), address)
      },
    ),
    { numRuns: 2000, seed: 2 },
  )
})

test('a mailbox has a name before its address, or none', () => {
  assert.deepEqual(parseMailbox('Offprint <papers@example.org>'), { name: 'Offprint', address: 'papers@example.org' })
  assert.deepEqual(parseMailbox('papers@example.org'), { name: '', address: 'papers@example.org' })
  for (const wrong of ['Offprint', 'Offprint <papers>', 'a <b@example.org> c', 'A\n <b@example.org>'])
    assert.equal(parseMailbox(wrong), undefined, wrong)
})
