import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseCsl, writeCsl } from './csl.ts'
import {
  assertItemsOrError,
  assertSameInPieces,
  assertWholeRecordsWhereCut,
  citedPapers,
  itemsOf,
  recordsOf,
  refusalsOf,
} from './source-properties.fixture.ts'

const item = {
  id: 'http://zotero.org/users/1/items/X',
  type: 'article-journal',
  title: 'On <i>made</i> things & $x<y$',
  author: [
    { family: 'Byron', given: 'Ada' },
    { family: 'Beethoven', given: 'Ludwig', 'non-dropping-particle': 'van' },
    { family: 'Davis', given: 'Sammy', suffix: 'Jr.' },
    { literal: 'Made Things, Inc.' },
    {},
    null,
  ],
  issued: { 'date-parts': [['2020', 8, 12]] },
  abstract: 'One\ntwo.\n\nThree.',
  'container-title': 'J. Made Things',
  volume: 7,
  issue: '2',
  page: '10-19',
  DOI: '10.1000/ABC',
  URL: 'https://example.org/x',
  number: 'arXiv:2008.05171v2',
  note: 'A note',
}
const text = JSON.stringify([item, { id: 'b', title: 'Second' }], null, 1)

describe('CSL-JSON', () => {
  test('gives papers', async () => {
    const [first] = await itemsOf(parseCsl, text)
    assert.deepEqual(first, {
      line: 2,
      record: {
        title: 'On <i>made</i> things & $x<y$',
        abstract: 'One two.\n\nThree.',
        authors: [
          { name: 'Ada Byron' },
          { name: 'Ludwig van Beethoven' },
          { name: 'Sammy Davis Jr.' },
          { name: 'Made Things, Inc.' },
        ],
        authorCount: 4,
        categories: [],
        withdrawn: false,
        source: 'csl',
        arxivId: '2008.05171',
        version: 2,
        doi: '10.1000/abc',
        publishedAt: '2020-08-12',
        journalRef: 'J. Made Things 7(2), 10-19',
        comment: 'A note',
        sourceUrl: 'https://example.org/x',
      },
    })
  })

  test('has days in several spellings', async () => {
    const pairs: [unknown, string | undefined][] = [
      [{ 'date-parts': [[2020]] }, '2020'],
      [
        {
          'date-parts': [
            [2020, 8],
            [2020, 9],
          ],
        },
        '2020-08',
      ],
      [{ raw: '2020-08-12T00:00:00Z' }, '2020-08-12'],
      [{ literal: 'in 2020' }, undefined],
      [{ 'date-parts': [[2020, 2, 30]] }, '2020-02'],
      [{ 'date-parts': 'x' }, undefined],
      [null, undefined],
    ]
    for (const [issued, day] of pairs) {
      const [read] = await itemsOf(parseCsl, JSON.stringify({ title: 'T', issued }))
      assert.ok('record' in read)
      assert.equal(read.record.publishedAt, day, JSON.stringify(issued))
    }
  })

  test('is refused by line where an item is none, and the rest is read', async () => {
    const made =
      '[{"id":"a"},\n{"title":["x"]},\n"x",{"title":},\n{"title":"good"},{"title":"x","DOI":"10.48550/arxiv.0704.0000"}\n] []'
    assert.deepEqual(await refusalsOf(parseCsl, made), [
      { line: 1, reason: 'the title is missing' },
      { line: 2, reason: '"title" must be text' },
      { line: 3, reason: 'not an object' },
      { line: 3, reason: 'not valid JSON' },
      { line: 4, reason: '0704.0000: numbers within a month start at 1' },
      { line: 5, reason: 'stands behind the end of the JSON' },
    ])
    assert.equal((await itemsOf(parseCsl, made)).length, 7)
  })

  test('keeps hostile text as text, and only web addresses as links', async () => {
    const hostile = { title: '<script>\u0000</script>\ud800', URL: 'javascript:x', author: [{ literal: '<b>' }] }
    const [record] = await recordsOf(parseCsl, JSON.stringify(hostile))
    assert.deepEqual([record.title, record.sourceUrl], ['<script></script>\ufffd', undefined])
  })

  test('comes out the same wherever the chunks end', async () => {
    await assertSameInPieces(parseCsl, text.replaceAll('\n', '\r\n'))
  })

  test('that was cut gives whole papers only', async () => {
    await assertWholeRecordsWhereCut(parseCsl, text)
  })

  test('gives items or an error, whatever stands there', async () => {
    await assertItemsOrError(parseCsl, text, [
      '"',
      '{',
      '}',
      '[',
      ']',
      ',',
      '\\',
      '\n',
      '"title":',
      'null',
      '7',
      '[[2020,1,1]]',
    ])
  })

  test('gives the same papers when it is written and read', async () => {
    assert.equal([...writeCsl([])].join(''), '[]\n')
    await fc.assert(
      fc.asyncProperty(citedPapers, async papers => {
        const made = papers.map(paper => ({
          ...paper,
          journalRef: paper.arxivId && `J. of ${paper.title}`,
          comment: paper.title,
        }))
        const written = [...writeCsl(made)].join('')
        assert.equal(JSON.parse(written).length, made.length)
        const read = await recordsOf(parseCsl, written)
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
