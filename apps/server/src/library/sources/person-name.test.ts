import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { inReadingOrder, joinName, splitName } from './person-name.ts'

test('names are taken apart as people do, and put together they are the same', () => {
  assert.deepEqual(splitName('Donald E. Knuth'), { given: 'Donald E.', family: 'Knuth' })
  assert.deepEqual(splitName('Ludwig van Beethoven'), { given: 'Ludwig', family: 'van Beethoven' })
  assert.deepEqual(splitName('Sammy Davis Jr.'), { given: 'Sammy', family: 'Davis', suffix: 'Jr.' })
  for (const whole of ['Plato', 'ATLAS Collaboration', 'Made Things, Inc.', 'The Test Group'])
    assert.deepEqual(splitName(whole), { family: whole })
  const words = fc.array(fc.constantFrom('Ada', 'van', 'der', 'Jr.', 'III', 'B.', '李', 'd’Été', 'and', 'Team'), {
    minLength: 1,
  })
  fc.assert(
    fc.property(words, parts => {
      assert.equal(joinName(splitName(parts.join(' '))), parts.join(' '))
    }),
    { numRuns: 500, seed: 7 },
  )
})

test('a family name that stands first is turned round; names of organisations keep their commas', () => {
  const names = {
    "O'Neil, Pat": "Pat O'Neil",
    'Davis, Sammy, Jr.': 'Sammy Davis Jr.',
    'Davis, Jr., Sammy': 'Sammy Davis Jr.',
    'Sammy Davis, Jr.': 'Sammy Davis Jr.',
    'Made Things, Inc.': 'Made Things, Inc.',
    'Institute of Things, Berlin': 'Institute of Things, Berlin',
    'A, B, C': 'A, B, C',
    'A, B, C, D': 'A, B, C, D',
    'Byron,': 'Byron,',
    ', Ada': ', Ada',
    Plato: 'Plato',
  }
  for (const [written, read] of Object.entries(names)) assert.equal(inReadingOrder(written), read)
})
