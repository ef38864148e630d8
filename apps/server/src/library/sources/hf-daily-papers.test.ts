import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { parseHfDailyPapers } from './hf-daily-papers.ts'
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
  id: '2008.05171',
  title: 'On K\\"onig\'s\n theorem',
  summary: 'One line\nand another.\n  A paragraph.',
  authors: [
    { _id: '1', name: 'Ada Byron', hidden: false, user: { user: 'ada' } },
    { name: 'Hid Den', hidden: true },
  ],
  publishedAt: '2020-08-12T09:00:00.000Z',
  upvotes: 62,
  githubRepo: 'https://github.com/example/repo',
  projectPage: 'javascript:alert(1)',
  organization: { _id: '2', name: 'example-org', fullname: 'Example Org', avatar: 'https://x.example/a.png' },
  ai_keywords: ['one', 'two'],
  unheardOf: { by: { fullname: 'Carl Dahl', avatarUrl: '/a.svg' }, avatar: 'x' },
}
const item = {
  paper,
  publishedAt: '2020-08-13T00:00:00.000Z',
  title: 'Not this one',
  numComments: 4,
  submittedBy: { name: 'eve', fullname: 'Eve Farr', avatarUrl: '/e.svg' },
}
const text = JSON.stringify([item, { paper: { id: '2008.05172' }, title: 'Only here "{]}\\"', summary: null }], null, 1)

describe("Hugging Face's papers", () => {
  test('give a record, and beside it what is not ours', async () => {
    const [first] = await itemsOf(parseHfDailyPapers, JSON.stringify([item]))
    assert.deepEqual(first, {
      line: 1,
      record: {
        arxivId: '2008.05171',
        title: "On König's theorem",
        abstract: 'One line and another.\n\nA paragraph.',
        authors: [{ name: 'Ada Byron' }],
        authorCount: 1,
        categories: [],
        withdrawn: false,
        organization: 'Example Org',
        publishedAt: '2020-08-12',
        submittedAt: '2020-08-13T00:00:00.000Z',
        githubRepo: 'https://github.com/example/repo',
        commentCount: 4,
        source: 'hf-daily-papers',
        sourceUrl: 'https://huggingface.co/papers/2008.05171',
        raw: { title: 'On K\\"onig\'s theorem' },
      },
      externalVotes: 62,
      extra: { ai_keywords: ['one', 'two'], unheardOf: { by: 'Carl Dahl' }, submittedBy: 'Eve Farr' },
    })
  })

  test('are read flat, alone, and with a title on either side', async () => {
    for (const made of [[paper], paper, [item], item])
      assert.equal((await recordsOf(parseHfDailyPapers, JSON.stringify(made)))[0].title, "On König's theorem")
    const [, second] = await recordsOf(parseHfDailyPapers, text)
    assert.deepEqual([second.title, second.abstract, second.authors], ['Only here "{]}\\"', '', []])
    const [flat] = await recordsOf(
      parseHfDailyPapers,
      JSON.stringify({ ...paper, submittedOnDailyAt: '2020-08-14T01:02:03Z' }),
    )
    assert.equal(flat.submittedAt, '2020-08-14T01:02:03.000Z')
    for (const nothing of ['', ' \n', '[]', '\ufeff[ ]\n'])
      assert.deepEqual(await itemsOf(parseHfDailyPapers, nothing), [])
  })

  test('may miss every field but id and title', async () => {
    const names = [
      'summary',
      'authors',
      'publishedAt',
      'upvotes',
      'organization',
      'githubRepo',
      'projectPage',
      'ai_summary',
    ]
    const empty = Object.fromEntries(names.map(name => [name, null]))
    const [read] = await itemsOf(parseHfDailyPapers, JSON.stringify({ id: '2008.05171', title: 'T', ...empty }))
    assert.ok('record' in read)
    assert.deepEqual([read.externalVotes, read.extra, read.record.publishedAt], [undefined, undefined, undefined])
  })

  test('are refused by line where they are none, and the rest is read', async () => {
    const made = `[{"paper":{"title":"a"}},\n{"id":"0808.05394","title":"a"},\n{"id":"2008.05171"},\n7, {"id" "x"},\n
{"id":"2008.05171","title":"good"}, null]`
    assert.deepEqual(await refusalsOf(parseHfDailyPapers, made), [
      { line: 1, reason: '"id" is missing' },
      { line: 2, reason: '"id" 0808.05394: a paper of August 2008 has 4 digits after the point' },
      { line: 3, reason: 'the title is missing' },
      { line: 4, reason: 'not an object' },
      { line: 4, reason: 'not valid JSON' },
      { line: 6, reason: 'not an object' },
    ])
    const [error] = await refusalsOf(parseHfDailyPapers, '{"error":"Invalid date"}')
    assert.equal(error.reason, 'the site answered with an error: Invalid date')
    const [page] = await refusalsOf(parseHfDailyPapers, '<html><body>Bad gateway</body></html>')
    assert.equal(page.reason, 'not valid JSON')
    for (const date of ['now', '0000-01-01T00:00:00+14:00'])
      assert.match(
        (await refusalsOf(parseHfDailyPapers, JSON.stringify({ ...paper, publishedAt: date })))[0].reason,
        /a time/,
      )
  })

  test('keep hostile text as text', async () => {
    const title = '<script>alert(1)</script> $x<y$ \u0000\u0007\ud800'
    const [record] = await recordsOf(
      parseHfDailyPapers,
      JSON.stringify({ ...paper, title, authors: [{ name: '<b>' }] }),
    )
    assert.equal(record.title, '<script>alert(1)</script> $x<y$ \ufffd')
    assert.equal(record.projectPage, undefined)
  })

  test('of more than 32 MB are an error, one of more than 1 MB is refused', async () => {
    const long = JSON.stringify([{ ...paper, summary: 'x'.repeat(1_000_001) }, paper])
    const items = await itemsOf(parseHfDailyPapers, long)
    assert.deepEqual(items[0], { refused: { line: 1, reason: 'longer than 1 MB: no paper' } })
    assert.ok('record' in items[1])
    await assert.rejects(
      itemsOf(parseHfDailyPapers, '[', ...Array(33).fill(' '.repeat(1_000_000))),
      /^Error: the JSON is longer than 32 MB$/,
    )
    for (const deep of ['[', '{"a":', '[{"a":['])
      assert.ok((await itemsOf(parseHfDailyPapers, deep.repeat(100_000))).length)
  })

  test('come out the same wherever the chunks end', async () => {
    await assertSameInPieces(parseHfDailyPapers, text.replaceAll('\n', '\r\n'))
    await assertSameInPieces(parseHfDailyPapers, '\ufeff[{"id":"2008.05171","title":"ö🙂\\\\"},{"x\\"":[{}]} ,] x')
  })

  test('that were cut give whole records, and say that they were cut', async () => {
    await assertWholeRecordsWhereCut(parseHfDailyPapers, text)
    for (let length = 1; length < text.length; length += 7)
      assert.equal((await itemsOf(parseHfDailyPapers, text.slice(0, length))).filter(one => 'refused' in one).length, 1)
  })

  test('give items or an error, whatever stands there', async () => {
    await assertItemsOrError(parseHfDailyPapers, text, [
      '"',
      '{',
      '}',
      '[',
      ']',
      ',',
      '\\',
      '\r',
      '\n',
      '"id":',
      'null',
    ])
  })

  const options = { skip: existsSync(sample('hf-paper.json')) ? false : 'no shared/data' }
  test('of the samples: five of a day, one, three found', options, async () => {
    const read = (name: string) => itemsOf(parseHfDailyPapers, readFileSync(sample(name)))
    const [day, one, found] = await Promise.all(
      ['hf-daily-papers.json', 'hf-paper.json', 'hf-papers-search.json'].map(read),
    )
    for (const items of [day, one, found]) assert.ok(items.every(entry => 'record' in entry))
    const records = day.map(entry => ('record' in entry ? entry.record : assert.fail()))
    assert.deepEqual(
      records.map(({ arxivId, authors, commentCount }) => [arxivId, authors.length, commentCount]),
      [
        ['2510.23730', 3, 4],
        ['2510.23744', 5, 2],
        ['2510.23746', 4, 0],
        ['2510.23775', 6, 1],
        ['2510.23785', 3, 0],
      ],
    )
    assert.deepEqual(
      day.map(entry => 'record' in entry && entry.externalVotes),
      [62, 17, 8, 1, 0],
    )
    assert.deepEqual([day.length, one.length, found.length], [5, 1, 3])
    assert.deepEqual(
      records[0].authors.map(({ name }) => name),
      ['Alessandra Terranova', 'Björn Ross', 'Alexandra Birch'],
    )
    assert.ok(
      'record' in one[0] && one[0].record.title === records[0].title && one[0].record.organization === 'Example Org',
    )
    assert.doesNotMatch(JSON.stringify([day, one, found]), /avatar|isPro|example-submitter/)
  })
})
