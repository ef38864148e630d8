import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { parseArxivSnapshot } from './arxiv-snapshot.ts'
import {
  assertItemsOrError,
  assertSameInPieces,
  assertWholeRecordsWhereCut,
  itemsOf,
  recordsOf,
  refusalsOf,
  sample,
} from './source-properties.fixture.ts'

const paper = {
  id: '0704.0010',
  submitter: 'Not Kept',
  authors: "C. Bal\\'azs, S. Davis, Jr.",
  title: 'Partial cubes:\n  structures & $x<y$',
  comments: '36 pages',
  'journal-ref': 'J. Comb. 1 (2008)',
  doi: '10.1000/ABC',
  'report-no': 'ANL-1',
  categories: 'math.CO cs.CG',
  license: 'http://example.org/l',
  abstract: "  Djokovi\\'{c}'s relation,\nand more.\n  New paragraph.\n",
  versions: [
    { version: 'v1', created: 'Sat, 31 Mar 2007 23:26:18 GMT' },
    { version: 'v10', created: 'Sat, 13 Dec 2008 17:26:00 GMT' },
    { version: 'v2', created: 'Sun, 1 Apr 2007 17:26:00 GMT' },
  ],
  update_date: '2008-12-16',
  authors_parsed: [
    ['Balázs', 'C.', ''],
    ['Davis', 'S.', 'Jr.', 'KEK', 'CERN'],
  ],
}
const columns = Object.keys(paper)
const quoted = (value: string) => `"${value.replaceAll('"', '""')}"`
const python = (value: unknown): string =>
  Array.isArray(value)
    ? `[${value.map(python).join(', ')}]`
    : typeof value === 'object' && value
      ? `{${Object.entries(value)
          .map(([name, inner]) => `'${name}': ${python(inner)}`)
          .join(', ')}}`
      : String(value).includes("'")
        ? `"${value}"`
        : `'${value}'`
const row = (fields: Record<string, unknown>) =>
  columns.map(name => quoted(typeof fields[name] === 'string' ? fields[name] : python(fields[name]))).join(',')
const sheet = (...papers: object[]) =>
  [columns.join(','), ...papers.map(fields => row({ ...paper, ...fields }))].join('\n')
const spoiled = sheet(
  { id: '704.001', update_date: '12/16/2008' },
  { id: '704.0002', title: 'It\'s "quoted"', authors_parsed: [["O'Brien", 'C.', '']] },
)

const expected = {
  arxivId: '0704.0010',
  version: 10,
  doi: '10.1000/abc',
  title: 'Partial cubes: structures & $x<y$',
  abstract: "Djoković's relation, and more.\n\nNew paragraph.",
  authors: [{ name: 'C. Balázs' }, { name: 'S. Davis Jr.', affiliation: 'KEK; CERN' }],
  authorCount: 2,
  categories: ['math.CO', 'cs.CG'],
  primary: 'math.CO',
  publishedAt: '2007-03-31',
  updatedAt: '2008-12-13',
  comment: '36 pages',
  journalRef: 'J. Comb. 1 (2008)',
  license: 'http://example.org/l',
  withdrawn: false,
  source: 'arxiv-snapshot',
  raw: { abstract: "Djokovi\\'{c}'s relation, and more.\n\nNew paragraph." },
}

describe("arXiv's snapshot", () => {
  test('gives papers from JSON lines, without the submitter', async () => {
    const [item] = await itemsOf(parseArxivSnapshot, `${JSON.stringify(paper)}\n`)
    assert.deepEqual(item, { line: 1, record: expected, extra: { 'report-no': 'ANL-1' } })
  })

  test('gives the same papers from a spreadsheet, with ids repaired and days of the United States', async () => {
    const [first, second] = await itemsOf(parseArxivSnapshot, spoiled)
    assert.deepEqual(first, { line: 2, record: expected, extra: { 'report-no': 'ANL-1' }, repaired: true })
    assert.ok('record' in second && second.line === 7)
    assert.equal(second.record.title, 'It\'s "quoted"')
    assert.deepEqual(second.record.authors, [{ name: "C. O'Brien" }])
    const [dated] = await recordsOf(parseArxivSnapshot, sheet({ versions: [], update_date: '11/26/2008' }))
    assert.deepEqual([dated.publishedAt, dated.updatedAt], [undefined, '2008-11-26'])
  })

  test('takes the line of authors where the names are not taken apart', async () => {
    const [{ authors }] = await recordsOf(parseArxivSnapshot, JSON.stringify({ ...paper, authors_parsed: undefined }))
    assert.deepEqual(authors, [{ name: 'C. Balázs' }, { name: 'S. Davis Jr.' }])
  })

  test('has bad papers refused by line with the reason, and the rest is read', async () => {
    const bad = [
      { id: undefined },
      { id: '0808.05394' },
      { title: ' ' },
      { versions: 'v1' },
      { versions: [{ version: 'one', created: 'x' }] },
      { versions: [{ version: 'v1', created: 'Someday' }] },
      { authors_parsed: ['A B'] },
      { abstract: 7 },
    ]
    const lines = bad.flatMap(fields => [JSON.stringify({ ...paper, ...fields }), JSON.stringify(paper)])
    const items = await itemsOf(parseArxivSnapshot, [...lines, '{', '[]'].join('\n'))
    assert.deepEqual(
      items.flatMap(item => ('refused' in item ? [item.refused.line] : [])),
      [1, 3, 5, 7, 9, 11, 13, 15, 17, 18],
    )
    const rows = [sheet({ id: '2.51E+03' }, { update_date: '13/13/2008', versions: '' }, {}), 'too,few', ''].join('\n')
    assert.deepEqual(await refusalsOf(parseArxivSnapshot, rows), [
      { line: 2, reason: '"id" 2.51E+03: a spreadsheet has turned this id into a number and lost its digits' },
      { line: 7, reason: "a date must be a day such as 2020-08-12 or 8/12/2020 (month first), found '13/13/2008'" },
      { line: 17, reason: 'a row of 2 cells, the header has 14' },
    ])
  })

  test('is an error where the table is another one', async () => {
    await assert.rejects(
      itemsOf(parseArxivSnapshot, 'name,age\nAda,36\n'),
      /must name the columns id and title, found 'name, age'/,
    )
    assert.deepEqual(await itemsOf(parseArxivSnapshot, ''), [])
  })

  test('keeps hostile text as text', async () => {
    const hostile = { title: '<script>alert(1)</script>\u0000', abstract: '$\\href{javascript:x}{y}$' }
    for (const text of [JSON.stringify({ ...paper, ...hostile }), sheet(hostile)]) {
      const [record] = await recordsOf(parseArxivSnapshot, text)
      assert.equal(record.title, '<script>alert(1)</script>')
      assert.equal(record.abstract, '$\\href{javascript:x}{y}$')
    }
  })

  test('comes out the same wherever the chunks end', async () => {
    await assertSameInPieces(parseArxivSnapshot, `\ufeff\n${spoiled.replaceAll('\n', '\r\n')}`)
    await assertSameInPieces(parseArxivSnapshot, `\n${JSON.stringify(paper)}\r\n{}\r${JSON.stringify(paper)}`)
  })

  test('that was cut gives whole papers only', async () => {
    await assertWholeRecordsWhereCut(parseArxivSnapshot, spoiled, 3)
    await assertWholeRecordsWhereCut(parseArxivSnapshot, `${JSON.stringify(paper)}\n${JSON.stringify(paper)}\n`, 3)
  })

  test('gives items or an error, whatever stands there', async () => {
    const marks = [
      '"',
      '""',
      ',',
      '\n',
      '\r',
      '[',
      ']',
      "'",
      '\\',
      '{',
      '}',
      'id,title\n',
      '704.',
      '\\x',
      '\\U0001F600',
    ]
    await assertItemsOrError(parseArxivSnapshot, spoiled, marks)
    await assertItemsOrError(parseArxivSnapshot, JSON.stringify(paper), marks)
  })

  test('of any length takes no more memory than a short one', async () => {
    const line = `${JSON.stringify(paper)}\n`.repeat(500)
    const body = `${row(paper)}\n`.repeat(500)
    const papers = async (chunks: Iterable<string>) => {
      let count = 0
      let most = 0
      for await (const item of parseArxivSnapshot(chunks)) {
        assert.ok('record' in item)
        if (++count % 1000 === 0) most = Math.max(most, process.memoryUsage().heapUsed)
      }
      return { count, most }
    }
    const repeated = function* (start: string, text: string, times: number) {
      if (start) yield start
      for (let time = 0; time < times; time++) yield text
    }
    for (const [start, text] of [
      ['', line],
      [`${columns.join(',')}\n`, body],
    ]) {
      const { count, most } = await papers(repeated(start, text, 40))
      assert.equal(count, 20_000)
      assert.ok(most < 400e6, `${most} bytes`)
    }
  })

  test('with a quote that never ends loses one megabyte of rows, not all', async () => {
    const chunks = [`${columns.join(',')}\n"`, ...Array(30).fill(`${'x'.repeat(49_999)}\n`), `${row(paper)}\n`]
    const items = await itemsOf(parseArxivSnapshot, ...chunks)
    assert.deepEqual(items[0], { refused: { line: 2, reason: 'longer than 1 MB: no paper' } })
    assert.ok('record' in items.at(-1)!)
  })

  const name = 'kaggle-snapshot-300.csv.gz'
  test('as a spreadsheet spoiled it: 300 papers of April 2007', {
    skip: existsSync(sample(name)) ? false : 'no shared/data',
  }, async () => {
    const items = await itemsOf(parseArxivSnapshot, gunzipSync(readFileSync(sample(name))))
    const records = items.map(item => ('record' in item ? item.record : assert.fail(JSON.stringify(item))))
    assert.equal(records.length, 300)
    assert.equal(new Set(records.map(({ arxivId }) => arxivId)).size, 300)
    assert.ok(items.every(item => 'record' in item && item.repaired))
    assert.deepEqual(
      records.map(({ arxivId }) => arxivId),
      records.map((_, index) => `0704.${String(index + 1).padStart(4, '0')}`),
    )
    assert.ok(records.every(({ publishedAt }) => publishedAt! >= '2007-03-01' && publishedAt! <= '2007-04-30'))
    assert.ok(records.every(({ authors, abstract, categories }) => authors.length && abstract && categories.length))
    assert.ok(records.every(({ updatedAt, publishedAt }) => updatedAt! >= publishedAt!))
    assert.deepEqual(
      records[0].authors.map(({ name: author }) => author),
      ['C. Balázs', 'E. L. Berger', 'P. M. Nadolsky', 'C. -P. Yuan'],
    )
    assert.equal(
      records[0].title,
      'Calculation of prompt diphoton production cross sections at Tevatron and LHC energies',
    )
  })
})
