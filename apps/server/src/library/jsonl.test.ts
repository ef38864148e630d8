import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { openDatabase } from '../database.ts'
import { exportedRecord, parseJsonl } from './jsonl.ts'
import { createLibrary } from './library.ts'
import { abstractAbout, streamOf } from './made-papers.fixture.ts'
import type { ImportItem, Library } from './types.ts'

async function parse(...chunks: (string | Uint8Array)[]): Promise<ImportItem[]> {
  const items: ImportItem[] = []
  for await (const item of parseJsonl(chunks)) items.push(item)
  return items
}

async function one(fields: object) {
  const [item] = await parse(JSON.stringify({ title: 'T', ...fields }))
  return 'record' in item ? item.record : item.refused.reason
}

const empty = () => createLibrary(openDatabase(':memory:'))
const exported = (library: Library) =>
  Array.from(Array.from(library.records(), exportedRecord), record => `${JSON.stringify(record)}\n`).join('')
const importText = (library: Library, text: string | Uint8Array) =>
  library.importStream(
    typeof text === 'string'
      ? streamOf(text)
      : (async function* () {
          yield text
        })(),
    { name: 'made', format: 'jsonl' },
  )

const made = [
  {
    id: '2008.05171v2',
    title: "K\\\"onig and {\\'E}t\\'e",
    abstract: "One.\n  Two ~three ``four''.",
    authors: ["Ren\\'e A", { name: 'B C', affiliation: 'D' }],
    categories: 'cs.LG stat.ML',
    date: '2020-08-12',
    updated: '2021-01-01T00:00:00Z',
    doi: '10.1000/ABC',
    comment: 'x--y',
    license: 'CC0',
  },
  {
    id: 'math.GT/0309136',
    title: 'Old <b>one</b> & $x<y$',
    authors: [],
    projectPage: 'https://example.com',
    'journal-ref': 'J. 1',
  },
  {
    title: 'Without id',
    abstract: abstractAbout('it'),
    authors: null,
    authorCount: 12,
    organization: 'Lab',
    date: '2020-05',
    withdrawn: true,
    commentCount: 3,
  },
  {
    title: 'With DOI',
    doi: 'https://doi.org/10.1000/x(y)<z>',
    githubRepo: 'javascript:alert(1)',
    submittedAt: '2020-02-03T04:05:06+02:00',
  },
  { title: '中文 🙂 \ud800 \u0000 title', abstract: '\ufeffa\u200bb' },
]

describe('JSON lines', () => {
  test('give the fields of a paper', async () => {
    const [item] = await parse(JSON.stringify(made[0]))
    assert.deepEqual(item, {
      line: 1,
      record: {
        title: 'König and Été',
        abstract: 'One.\n\nTwo ~three “four”.',
        authors: [{ name: 'René A' }, { name: 'B C', affiliation: 'D' }],
        categories: ['cs.LG', 'stat.ML'],
        withdrawn: false,
        source: 'jsonl',
        arxivId: '2008.05171',
        version: 2,
        doi: '10.1000/abc',
        authorCount: 2,
        primary: 'cs.LG',
        publishedAt: '2020-08-12',
        updatedAt: '2021-01-01',
        comment: 'x–y',
        license: 'CC0',
        raw: {
          title: "K\\\"onig and {\\'E}t\\'e",
          abstract: "One.\n\nTwo ~three ``four''.",
          authors: ["Ren\\'e A", 'B C'],
        },
      },
    })
  })

  test('are refused by line where they are no paper, and the rest is read', async () => {
    const bad = [
      '{',
      '[]',
      '7',
      'null',
      '"x"',
      '{}',
      '{"title":7}',
      '{"title":"a","authors":"b"}',
      '{"title":"a","authors":[{}]}',
      '{"title":"a","id":true}',
    ]
    const items = await parse(bad.flatMap(line => [line, '', '{"title":"good"}']).join('\r\n'))
    const refused = items.flatMap(item => ('refused' in item ? [item.refused.line] : []))
    assert.deepEqual(
      refused,
      bad.map((_, index) => 1 + 3 * index),
    )
    assert.equal(items.length, 2 * bad.length)
    for (const item of items) assert.ok('record' in item || item.refused.reason.length > 5)
  })

  test('are refused where an id, a date or a number is none', async () => {
    const ids = [
      '../../etc/passwd',
      '0808.05394',
      '2013.00001',
      '0704.0000',
      'cs/0704001',
      'nope/9808004',
      'x'.repeat(9999),
      '2.51E+03',
      '%2e%2e/',
    ]
    for (const id of ids) assert.match(String(await one({ id })), /^"id" /, id)
    for (const date of ['2021-02-29', 'yesterday', '2020-13', '20200101', '2020-01-011'])
      assert.match(String(await one({ date })), /^"date" must be a day/, date)
    for (const submittedAt of [
      '0000-01-01T00:00:00+14:00',
      '9999-12-31T23:00:00-12:00',
      '+012345-01-01T00:00:00Z',
      'now',
    ])
      assert.match(String(await one({ submittedAt })), /^"submittedAt" must be a time/, submittedAt)
    for (const authorCount of [-1, 0.5, 1e300, '3']) assert.match(String(await one({ authorCount })), /whole number/)
    assert.match(String(await one({ title: 'x'.repeat(2001) })), /2001 characters, at most 2000/)
  })

  test('have their ids repaired where a spreadsheet damaged them', async () => {
    const items = await parse(
      '{"id":704.001,"title":"a"}\n{"id":"1502.0123","title":"b"}\n{"id":"1502.01230","title":"c"}',
    )
    assert.deepEqual(
      items.map(item => 'record' in item && [item.record.arxivId, item.repaired]),
      [
        ['0704.0010', true],
        ['1502.01230', true],
        ['1502.01230', undefined],
      ],
    )
  })

  test('keep hostile text as text, and only web addresses as links', async () => {
    const record = await one({
      title: '<script>alert(1)</script>',
      authors: ["'; DROP TABLE papers; --"],
      projectPage: 'javascript:alert(1)',
      __proto__: { x: 1 },
    })
    assert.ok(typeof record === 'object')
    assert.equal(record.title, '<script>alert(1)</script>')
    assert.equal(record.authors[0].name, "'; DROP TABLE papers; –")
    assert.equal(record.projectPage, undefined)
  })

  test('replace lone surrogates and drop control characters', async () => {
    const [item] = await parse('{"title":"a\\ud800b\\u0000c\\u0007","abstract":"\\udfff"}')
    assert.ok('record' in item)
    assert.deepEqual([item.record.title, item.record.abstract], ['a\ufffdbc', '\ufffd'])
  })

  test('of more than 1 MB are refused by line', async () => {
    const items = await parse(
      '{"title":"a"}\n{"title":"',
      ...Array(40).fill('x'.repeat(50_000)),
      '"}\n',
      '{"title":"b"}',
    )
    assert.deepEqual(
      items.map(item => ('refused' in item ? item.refused : item.line)),
      [1, { line: 2, reason: 'longer than 1 MB: no paper' }, 3],
    )
  })

  test('that make a slow pattern are read all the same', async () => {
    const many = (text: string) => text.repeat(Math.floor(900_000 / text.length))
    const hostile = [',.', '\\c{ ', '$1 ', '\\(', '-', 'a-', '  \n', "\\'{", '[', '~a', 'https://arxiv.org/abs/'].map(
      many,
    )
    const fields = hostile.flatMap(text =>
      ['abstract', 'doi', 'comment', 'id', 'title', 'journalRef'].map(name => ({ title: 'a', [name]: `${text}x` })),
    )
    assert.equal((await parse(fields.map(line => JSON.stringify(line)).join('\n'))).length, fields.length)
    await parse(`${many('[')}\n${many('{"a":')}`)
  })
})

describe('an export', () => {
  test('gives the same bytes again after it was imported', async () => {
    const first = empty()
    const report = await importText(first, made.map(record => JSON.stringify(record)).join('\n'))
    assert.deepEqual([report.added, report.refused], [5, []])
    const text = exported(first)
    const second = empty()
    assert.equal((await importText(second, text)).added, 5)
    assert.equal(exported(second), text)
    assert.equal((await importText(second, text)).unchanged, 5)
  })

  test('gives the same bytes again, whatever the text', async () => {
    const tex = fc.constantFrom(
      '\\"',
      "\\'",
      '{',
      '}',
      '$',
      '~',
      '--',
      '``',
      "''",
      '\\i',
      '\\o',
      'a',
      ' ',
      '\n ',
      '\n',
      '\\',
      '\u00a0',
      '\u2028',
      '\ud800',
      'ß',
    )
    const texts = fc.oneof(
      fc.array(tex, { maxLength: 12 }).map(parts => parts.join('')),
      fc.string({ unit: 'binary', maxLength: 12 }),
    )
    const records = fc.array(
      fc.record(
        {
          title: texts,
          abstract: texts,
          authors: fc.array(texts, { maxLength: 3 }),
          comment: texts,
          organization: texts,
          doi: fc.constantFrom('10.1000/a', '10.1000/b'),
          id: fc.constantFrom('2008.05171', '2008.05172v3'),
          date: fc.constantFrom('2020-01-02', '2021-05', '2023-12-31'),
        },
        { requiredKeys: ['title'] },
      ),
      { maxLength: 6 },
    )
    await fc.assert(
      fc.asyncProperty(records, async made => {
        const first = empty()
        await importText(first, made.map(record => JSON.stringify(record)).join('\n'))
        const text = exported(first)
        const second = empty()
        assert.deepEqual((await importText(second, text)).refused, [])
        assert.equal(exported(second), text)
        const again = await importText(first, text)
        assert.equal(again.unchanged, again.read)
      }),
      { numRuns: 150, seed: 7 },
    )
  })

  test('that was cut or damaged never stops the import, and refuses by line', async () => {
    const source = empty()
    await importText(source, made.map(record => JSON.stringify(record)).join('\n'))
    const bytes = new TextEncoder().encode(exported(source))
    const lines = new TextDecoder().decode(bytes).trimEnd().split('\n').length
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length),
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(7)), { maxLength: 3 }),
        async (length, flips) => {
          const damaged = bytes.slice()
          for (const [at, bit] of flips) damaged[at] ^= 1 << bit
          const report = await importText(empty(), damaged.subarray(0, length))
          assert.equal(report.state, 'done')
          assert.equal(report.read, report.added + report.updated + report.unchanged + report.refusedCount)
          for (const { line } of report.refused) assert.ok(line >= 1 && line <= lines + flips.length)
        },
      ),
      { numRuns: 200, seed: 7 },
    )
  })
})

test('a name that stands with the family first is turned round, but not in an export of ours', async () => {
  const authors = ["O'Neil, Pat", { name: 'Byron, Ada', affiliation: 'London, UK' }, 'Made Things, Inc.', 'A B']
  const read = async (fields: object) => {
    for await (const item of parseJsonl([JSON.stringify({ title: 'T', ...fields })]))
      return 'record' in item ? item.record.authors : undefined
  }
  assert.deepEqual(await read({ authors }), [
    { name: "Pat O'Neil" },
    { name: 'Ada Byron', affiliation: 'London, UK' },
    { name: 'Made Things, Inc.' },
    { name: 'A B' },
  ])
  assert.deepEqual(await read({ key: 't:0123456789abcdef', authors: ['Byron, Ada'] }), [{ name: 'Byron, Ada' }])
})
