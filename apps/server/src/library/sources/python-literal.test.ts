import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parsePythonLiteral } from './python-literal.ts'

describe('a Python literal', () => {
  test('gives the value that Python printed', () => {
    const pairs: [string, unknown][] = [
      [
        `[['Ross', 'B.', ''], ["O'Brien", 'C', '']]`,
        [
          ['Ross', 'B.', ''],
          ["O'Brien", 'C', ''],
        ],
      ],
      [`[{'version': 'v1', 'n': -1.5e2}]`, [{ version: 'v1', n: -150 }]],
      [`('a', u"b", None, True,)`, ['a', 'b', null, true]],
      [String.raw`['\'\"\\', 'a\nb', '\xe9\u00e9\U0001F600\101', '\d']`, [`'"\\`, 'a\nb', 'éé😀A', '\\d']],
      [' [] ', []],
    ]
    for (const [text, value] of pairs) assert.deepEqual(parsePythonLiteral(text), value, text)
  })

  test('reads all JSON that is not deep', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4, noUnicodeString: false }), value => {
        const json = JSON.stringify(value)
        assert.deepEqual(JSON.stringify(parsePythonLiteral(json)), JSON.stringify(JSON.parse(json)))
      }),
      { numRuns: 500, seed: 7 },
    )
  })

  test('is undefined where the text is none, and never hangs or overflows', () => {
    for (const text of [
      '',
      '[',
      "['a'",
      "['a]",
      "[']\\",
      'a',
      '[a]',
      '[1 2]',
      '{1}',
      '__import__("os")',
      '['.repeat(1e5),
      "['\\x4",
    ])
      assert.equal(parsePythonLiteral(text), undefined, text.slice(0, 20))
    const marks = fc.constantFrom('[', ']', '(', ')', '{', '}', "'", '"', ',', ':', '\\', 'x41', 'None', '1', 'e', ' ')
    fc.assert(
      fc.property(fc.array(marks), parts => {
        parsePythonLiteral(parts.join(''))
      }),
      { numRuns: 1000, seed: 7 },
    )
  })
})
