import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CsvOptions, parseCsvPapers } from './csv.ts'
import { assertItemsOrError, assertSameInPieces, itemsOf, recordsOf, refusalsOf } from './source-properties.fixture.ts'

const table = `\ufeffNr,Title,Authors,Abstract,DOI,arXiv ID,Published,Categories,Venue,URL
1,"On ""made"" things, again",Ada Byron; Carl Dahl,"One
two.

  Three.",10.1000/ABC,2008.05171v2,2020-08-12,cs.LG stat.ML,J. Made Things,https://example.org/1
2,K\\"onig's theorem,"Byron, Ada and Dahl, Carl",,,,2021,,,https://arxiv.org/abs/math/0309136v1
`
const authorsOf = async (cell: string) => {
  const [{ authors }] = await recordsOf(parseCsvPapers, `title\tauthors\nT\t${cell}\n`)
  return authors.map(({ name }) => name)
}

describe('a table of papers', () => {
  test('gives papers by the usual names of columns', async () => {
    const [first, second] = await itemsOf(parseCsvPapers, table)
    assert.deepEqual(first, {
      line: 2,
      record: {
        title: 'On "made" things, again',
        abstract: 'One two.\n\nThree.',
        authors: [{ name: 'Ada Byron' }, { name: 'Carl Dahl' }],
        authorCount: 2,
        arxivId: '2008.05171',
        version: 2,
        doi: '10.1000/abc',
        publishedAt: '2020-08-12',
        categories: ['cs.LG', 'stat.ML'],
        primary: 'cs.LG',
        journalRef: 'J. Made Things',
        sourceUrl: 'https://example.org/1',
        withdrawn: false,
        source: 'csv',
      },
    })
    assert.ok('record' in second && second.line === 6)
    assert.equal(second.record.publishedAt, '2021')
    assert.deepEqual(second.record.authors, [{ name: 'Ada Byron' }, { name: 'Carl Dahl' }])
    assert.deepEqual([second.record.title, second.record.raw?.title], ["König's theorem", 'K\\"onig\'s theorem'])
    assert.equal(second.record.arxivId, 'math/0309136')
  })

  test('is read with commas, tabs, semicolons and bars', async () => {
    for (const delimiter of [',', '\t', ';', '|']) {
      const [record] = await recordsOf(parseCsvPapers, ['id', 'title', 'year\nx', 'A "b" c', '2020'].join(delimiter))
      assert.equal(record.title, 'A "b" c', delimiter)
    }
  })

  test('has its columns named where their names are its own', async () => {
    const columns: CsvOptions['columns'] = { title: 'Werk', authors: 'Wer', publishedAt: 'Wann' }
    const read = (chunks: Iterable<string | Uint8Array>) => parseCsvPapers(chunks as string[], { columns })
    const [record] = await recordsOf(chunks => read(chunks as string[]), 'Wann;Wer;Werk;title\n8/12/2020;A B;T;no\n')
    assert.deepEqual([record.title, record.authors[0].name, record.publishedAt], ['T', 'A B', '2020-08-12'])
  })

  test('without a title is one clear error that names the columns', async () => {
    await assert.rejects(itemsOf(parseCsvPapers, 'a,b\n1,2\n3,4\n'), {
      message: 'there is no column for the title; the columns are a, b',
    })
    await assert.rejects(
      itemsOf(chunks => parseCsvPapers(chunks, { columns: { doi: 'Doi' } }), 'title,\nT,1\n'),
      { message: "there is no column 'Doi' for doi; the columns are title, (without name)" },
    )
    assert.deepEqual(await itemsOf(parseCsvPapers, ''), [])
  })

  test('has rows that are no paper refused by line, with the reason', async () => {
    const text = `id,title,date,doi,arxiv
1,,2020,,
2,a,12.8.2020,,
3,a,,,0808.05394
2.51E+03,a,,,
4,a
704.001,good,1/2/2020,,
17,good,2020/03,nonsense,
5,a,,10.48550/arXiv.0704.0000,
6,"a
`
    assert.deepEqual(await refusalsOf(parseCsvPapers, text), [
      { line: 2, reason: 'the title is missing' },
      {
        line: 3,
        reason: `column "date": a date must be a day such as 2020-08-12 or 8/12/2020 (month first), found '12.8.2020'`,
      },
      { line: 4, reason: 'column "arxiv": 0808.05394: a paper of August 2008 has 4 digits after the point' },
      { line: 5, reason: 'column "id": 2.51E+03: a spreadsheet has turned this id into a number and lost its digits' },
      { line: 6, reason: 'a row of 2 cells, the header has 5' },
      { line: 9, reason: 'column "doi": 0704.0000: numbers within a month start at 1' },
      { line: 10, reason: 'a cell in quotes does not end' },
    ])
    const good = (await itemsOf(parseCsvPapers, text)).filter(item => 'record' in item)
    assert.deepEqual(
      good.map(({ record, repaired }) => [record.arxivId, record.publishedAt, repaired]),
      [
        ['0704.0010', '2020-01-02', true],
        [undefined, '2020-03', undefined],
      ],
    )
  })

  test('has wrong old ids and ids of months to come refused, not dropped, also in a column of its own numbers', async () => {
    const wrong: [string, RegExp][] = [
      ['hep-th/0704001', /^column "id": hep-th\/0704001: ids of this form end in March 2007/],
      ['foo/0309136', /^column "id": foo\/0309136: 'foo' is not an archive of arXiv/],
      ['https://arxiv.org/abs/foo/0309136v2', /'foo' is not an archive of arXiv/],
      ['9107.0001', /^column "id": 9107\.0001: July 2091 is yet to come/],
      ['9912.00001', /^column "id": 9912\.00001: December 2099 is yet to come/],
      ['0703.0001', /ids of this form start in April 2007/],
    ]
    for (const [id, reason] of wrong) {
      const [refusal] = await refusalsOf(parseCsvPapers, `id,title\n${id},T\n`)
      assert.match(refusal?.reason ?? 'not refused', reason, id)
    }
    for (const id of ['17', 'row/3', 'a-7', '3.5', 'x'])
      assert.equal((await recordsOf(parseCsvPapers, `id,title\n${id},T\n`))[0].arxivId, undefined, id)
  })

  test('has its authors in several spellings', async () => {
    const both = ['Ada Byron', 'Carl Dahl']
    for (const cell of [
      'Ada Byron; Carl Dahl',
      'Ada Byron and Carl Dahl',
      'Ada Byron, Carl Dahl',
      'Byron, Ada; Dahl, Carl;',
      'Byron, Ada and Dahl, Carl',
      "['Ada Byron', 'Carl Dahl']",
      '["Ada Byron", "Carl Dahl"]',
      'Ada Byron; Carl Dahl; et al.',
    ])
      assert.deepEqual(await authorsOf(cell), both, cell)
    assert.deepEqual(await authorsOf('Ada Byron, Carl Dahl, and Eve Farr'), [...both, 'Eve Farr'])
    assert.deepEqual(await authorsOf('Byron, Ada'), ['Ada Byron'])
    assert.deepEqual(await authorsOf('Davis, Sammy, Jr.; Plato'), ['Sammy Davis Jr.', 'Plato'])
  })

  test('keeps hostile text as text, and only web addresses as links', async () => {
    const [record] = await recordsOf(
      parseCsvPapers,
      'title,url,authors\n<script>alert(1)</script>\u0000 $x$,javascript:alert(1),=cmd()\n',
    )
    assert.deepEqual(
      [record.title, record.sourceUrl, record.authors[0].name],
      ['<script>alert(1)</script> $x$', undefined, '=cmd()'],
    )
  })

  test('that makes a slow pattern is read all the same', async () => {
    for (const text of [' ', ',', '; ', ' and ', '"', "['", '{', '$1 ', '0'])
      for (const field of ['title', 'authors', 'date', 'url', 'doi', 'id', 'categories'])
        await itemsOf(parseCsvPapers, `title|${field}\nx|y${text.repeat(Math.floor(900_000 / text.length))}z\n`)
  })

  test('comes out the same wherever the chunks end', async () => {
    await assertSameInPieces(parseCsvPapers, table)
    await assertSameInPieces(parseCsvPapers, table.replaceAll('\n', '\r\n'))
    await assertSameInPieces(parseCsvPapers, '\r\r\n\ntitle\ta\r"x""\r\n"\ty\r"z" w\t""\n\n"open\n')
  })

  test('gives items or an error, whatever stands there', async () => {
    await assertItemsOrError(parseCsvPapers, table, ['"', '""', ',', '\n', '\r', '\t', ';', 'title', '2020', '704.1'])
  })
})
