import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseAuthorString } from './author-string.ts'

const cases: [string, string[]][] = [
  ['Simeon Warner', ['Simeon Warner']],
  ['Jon Crowcroft, Philippe Oechslin', ['Jon Crowcroft', 'Philippe Oechslin']],
  ['A. One, B. Two and C. Three', ['A. One', 'B. Two', 'C. Three']],
  ['A. One, B. Two, and C. Three', ['A. One', 'B. Two', 'C. Three']],
  ['A. One & B. Two', ['A. One', 'B. Two']],
  ['A. One\n  and\n  B. Two', ['A. One', 'B. Two']],
  ['Andy Brandt, Rand Anders', ['Andy Brandt', 'Rand Anders']],
  ['Anatoly Z (MIT) and Jr-Shin Li', ['Anatoly Z', 'Jr-Shin Li']],
  ['Fred Bloggs, Jr, Ann Other, III and Bob Third Sr.', ['Fred Bloggs Jr', 'Ann Other III', 'Bob Third Sr.']],
  ['Fred Bloggs (MIT), Jr.', ['Fred Bloggs Jr.']],
  ['A. One (1), B. Two (2 and 3) ((1) Lab, City, (2) Other (Dept. X), (3) Third)', ['A. One', 'B. Two']],
  ['A. One(1,2)((1)lab a,(2)lab b)', ['A. One']],
  ['A. One (for the ABC Collaboration)', ['A. One']],
  ['A. One (never closed, B. Two', ['A. One']],
  ['A. One), B. Two', ['A. One', 'B. Two']],
  ['BELLE Collaboration: A. One, B. Two', ['BELLE Collaboration', 'A. One', 'B. Two']],
  ['The DELPHI Collaboration, J. Abdallah, et al', ['The DELPHI Collaboration', 'J. Abdallah']],
  ['X Collaboration and Y Collaboration: A. One', ['X Collaboration', 'Y Collaboration', 'A. One']],
  ['A. One, for the ALICE Collaboration', ['A. One', 'ALICE Collaboration']],
  ['A. One, on behalf of the X Collaboration', ['A. One', 'X Collaboration']],
  ['A. One et al.', ['A. One']],
  ['A. One et. al', ['A. One']],
  ['A. One, et al. (27 others)', ['A. One']],
  ['Pet Alder, Et Allen', ['Pet Alder', 'Et Allen']],
  ["A.\\,B. One, R.~H. Barb\\'a", ['A. B. One', "R.~H. Barb\\'a"]],
  ['BELLE', ['BELLE']],
  ['', []],
  [' , ,, (x) , ', []],
  ['Jr', ['Jr']],
]

describe('a line of authors', () => {
  for (const [line, names] of cases)
    test(`${JSON.stringify(line)} names ${names.length}`, () => assert.deepEqual(parseAuthorString(line), names))

  test('gives back names that were joined, whatever stands in parentheses after them', () => {
    const name = fc.stringMatching(/^[A-Z]\. [A-Z][a-z]{3,8}$/)
    const affiliation = fc.constantFrom('', ' (1)', ' (MIT, (x) and y)', '(2,3)')
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, affiliation), { minLength: 1 }),
        fc.constantFrom(', ', ' and ', ', and '),
        (all, by) => {
          assert.deepEqual(
            parseAuthorString(all.map(parts => parts.join('')).join(by)),
            all.map(([one]) => one),
          )
        },
      ),
    )
  })

  test('of any kind gives names of one line without commas', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('A', 'b', ' ', ',', '(', ')', ':', '.', '\n', ' and ', 'et al') }),
        line => {
          for (const name of parseAuthorString(line)) assert.match(name, /^[^\s,()](?:[^,()\n]*[^\s,()])?$/)
        },
      ),
    )
  })
})
