import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { markedRanges } from './marked.ts'
import { parseQuery } from './query.ts'

test('the same words are marked in a text of ASCII and in one that goes on with other letters', () => {
  const pieces = [
    'k',
    'K',
    'medoids',
    'Medoid',
    'C',
    '++',
    '#',
    '-',
    '/',
    ' ',
    ' ',
    '.',
    "'",
    'gpt',
    '4',
    'gp',
    'large',
  ]
  const texts = fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map(parts => parts.join(''))
  const queries = ['k-medoids', 'kmedoids c++', 'gpt4', '"c gpt" large', 'c#', 'medoids k', '4']
  fc.assert(
    fc.property(
      texts,
      fc.constantFrom(...queries),
      fc.boolean(),
      fc.integer({ min: 0, max: 40 }),
      (text, words, typing, after) => {
        const query = parseQuery(words, { typing })
        for (const reach of [after, Number.POSITIVE_INFINITY])
          assert.deepEqual(markedRanges(text, query, reach), markedRanges(`${text} . é`, query, reach))
        for (const [start, end] of markedRanges(text, query))
          assert.match(text.slice(start, end), /^[\w].*[\w+#]$|^\w$/)
      },
    ),
    { numRuns: 3000, seed: 6 },
  )
})
