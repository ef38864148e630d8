import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseRis, writeRis } from './ris.ts'
import {
  assertItemsOrError,
  assertSameInPieces,
  assertWholeRecordsWhereCut,
  citedPapers,
  itemsOf,
  recordsOf,
  refusalsOf,
} from './source-properties.fixture.ts'

const file = `Provider: Made Things
TY  - JOUR
TI  - On made things: $x<y$ and
  more
AU  - Byron, Ada
A1  - Davis, Sammy, Jr.
AU  - Made Things, , Inc.
AU  - ATLAS Collaboration
PY  - 2020
DA  - 2020/08/12/Summer
AB  - One
two.

 Three.
JO  - J. Made Things
VL  - 7
IS  - 2
SP  - 10
EP  - 19
KW  - cs.LG
KW  - machine learning
DO  - https://doi.org/10.1000/ABC
UR  - https://arxiv.org/abs/2008.05171v2
ER  - 

TY  - GEN
T1  - Second
Y1  - 2021///
N1  - This paper has been withdrawn
ER  -
`

describe('RIS', () => {
  test('gives papers', async () => {
    const [first, second] = await itemsOf(parseRis, file)
    assert.deepEqual(first, {
      line: 2,
      record: {
        title: 'On made things: $x<y$ and more',
        abstract: 'One two.\n\nThree.',
        authors: [
          { name: 'Ada Byron' },
          { name: 'Sammy Davis Jr.' },
          { name: 'Made Things, Inc.' },
          { name: 'ATLAS Collaboration' },
        ],
        authorCount: 4,
        categories: ['cs.LG'],
        primary: 'cs.LG',
        withdrawn: false,
        source: 'ris',
        arxivId: '2008.05171',
        version: 2,
        doi: '10.1000/abc',
        publishedAt: '2020-08-12',
        journalRef: 'J. Made Things 7(2), 10-19',
        sourceUrl: 'https://arxiv.org/abs/2008.05171v2',
      },
    })
    assert.ok('record' in second)
    assert.deepEqual([second.record.withdrawn, second.record.publishedAt], [true, '2021'])
  })

  test('is refused by line where a record has no end, no start or no title, and the rest is read', async () => {
    const text =
      'AU  - A\nTI  - B\nTY  - A\nTI  - Cut\nTY  - B\nER  - \nTY  - C\nTI  - Good\nER  - \nTY  - D\nTI  - Cut'
    assert.deepEqual(await refusalsOf(parseRis, text), [
      { line: 1, reason: 'stands outside of a record: AU before TY' },
      { line: 3, reason: 'the record has no end (ER)' },
      { line: 5, reason: 'the title is missing' },
      { line: 10, reason: 'the record has no end (ER)' },
    ])
    assert.equal((await itemsOf(parseRis, text)).length, 5)
    const long = await itemsOf(
      parseRis,
      'TY  - A\n',
      ...Array(30).fill(`AB  - ${'x'.repeat(50_000)}\n`),
      'ER  - \n',
      file,
    )
    assert.deepEqual(long[0], { refused: { line: 1, reason: 'longer than 1 MB: no paper' } })
    assert.equal(long.length, 3)
  })

  test('keeps hostile text as text, and only web addresses as links', async () => {
    const [record] = await recordsOf(parseRis, 'TY  - A\nTI  - <script>\u0000</script>\nUR  - javascript:x\nER  - ')
    assert.deepEqual([record.title, record.sourceUrl], ['<script></script>', undefined])
    for (const text of [' ', ',', ';', '/', ' http:'])
      for (const tag of ['UR', 'AU', 'DA', 'DO', 'KW', 'AN'])
        await itemsOf(
          parseRis,
          `TY  - A\nTI  - T\n${tag}  - x${text.repeat(Math.floor(900_000 / text.length))}x\nER  - `,
        )
  })

  test('comes out the same wherever the chunks end', async () => {
    await assertSameInPieces(parseRis, `\ufeff${file.slice(file.indexOf('TY'))}`)
    await assertSameInPieces(parseRis, file.replaceAll('\n', '\r\n'))
  })

  test('that was cut gives whole papers only', async () => {
    await assertWholeRecordsWhereCut(parseRis, file)
  })

  test('gives items or an error, whatever stands there', async () => {
    await assertItemsOrError(parseRis, file, [
      'TY  - ',
      'ER  - ',
      '\n',
      '\r',
      'AU  - ',
      'TI  - ',
      ' ',
      '-',
      'DO  - 10.1/',
      '2020/',
    ])
  })

  test('gives the same papers when it is written and read', async () => {
    await fc.assert(
      fc.asyncProperty(citedPapers, async papers => {
        const made = papers.map(paper => ({
          ...paper,
          journalRef: paper.arxivId && `J. of ${paper.title}`,
          comment: paper.title,
        }))
        const read = await recordsOf(parseRis, [...writeRis(made)].join(''))
        assert.deepEqual(
          read.map(({ title, abstract, authors, categories, arxivId, doi, publishedAt, journalRef, comment }) => ({
            ...{ title, abstract, authors, categories, arxivId, doi, publishedAt, journalRef, comment },
          })),
          made.map(({ title, abstract, authors, categories, arxivId, doi, publishedAt, journalRef, comment }) => ({
            ...{ title, abstract, authors, categories, arxivId, doi, publishedAt, journalRef, comment },
          })),
        )
      }),
      { numRuns: 1000, seed: 7 },
    )
  })
})
