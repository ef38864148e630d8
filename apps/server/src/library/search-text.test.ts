import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { asciiCompounds, compounds } from './search-text.ts'

test('compound words of ASCII are found by hand as by the expression for all letters', () => {
  const pieces = [
    'k',
    'b',
    'a',
    'medoids',
    'x1',
    '4',
    'long'.repeat(10),
    'ab'.repeat(21),
    '-',
    '--',
    '/',
    '+',
    '++',
    '#',
    '.',
    "'",
    '$',
    ' ',
    ' ',
    '\n',
    ';',
  ]
  const texts = fc.array(fc.constantFrom(...pieces), { maxLength: 14 }).map(parts => parts.join(''))
  fc.assert(
    fc.property(texts, text =>
      assert.deepEqual(new Set(asciiCompounds(text)), new Set(compounds(text)), JSON.stringify(text)),
    ),
    { numRuns: 20_000, seed: 12 },
  )
})
