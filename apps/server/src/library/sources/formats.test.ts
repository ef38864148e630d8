import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { openDatabase } from '../../database.ts'
import { exportedRecord } from '../jsonl.ts'
import { createLibrary } from '../library.ts'
import { streamOf } from '../made-papers.fixture.ts'
import { writeBibtex } from './bibtex.ts'
import { writeCsl } from './csl.ts'
import { formatOf, type ImportFormat } from './formats.ts'
import { writeRis } from './ris.ts'

const samples = fileURLToPath(new URL('../../../../../../shared/data/api-samples/', import.meta.url))

const texts: [ImportFormat, string, string?][] = [
  ['listing', 'Daily Papers\n\nDec 12\n\nA title\n'],
  ['listing', '[Update] A title, with a comma\n\nAn abstract.'],
  ['listing', ''],
  ['jsonl', '{"title":"A","abstract":"type"}\n{"title":"B"}\n'],
  ['jsonl', '{"id":"2008.05171","title":"A","authors":["B"]}'],
  [
    'snapshot',
    '{"id":"0704.0001","submitter":"x","authors":"A","title":"T","update_date":"2008-11-26","authors_parsed":[]}\n',
  ],
  ['snapshot', 'id,submitter,authors,title,versions\n704.0001,x,A,T,[]\n'],
  ['hf', '[{"paper":{"id":"2401.00001"},"title":"A"}]'],
  ['hf', '{\n  "id": "2401.00001",\n  "upvotes": 3\n}'],
  ['hf', '{"error":"Not found"}\n'.replace('{', '[{').replace('\n', ']')],
  ['csl', '[{"id":"a","type":"article","title":"T","issued":{"date-parts":[[2020]]}}]'],
  ['csl', '[]'],
  ['csl', '{"type":"article","title":"T","issued":{"raw":"2020"}}'],
  ['atom', '<?xml version="1.0"?>\n<feed xmlns="http://www.w3.org/2005/Atom"><id>http://arxiv.org/api/x</id></feed>'],
  [
    'oai',
    '\ufeff<?xml version="1.0"?><!-- a comment --><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"></OAI-PMH>',
  ],
  ['rss', '<rss version="2.0"><channel></channel></rss>'],
  ['rss', '<a:feed xmlns:a="http://www.w3.org/2005/Atom"><a:title>cs.DC updates on arXiv.org</a:title></a:feed>'],
  ['bibtex', '% my papers\n@article{a, title={T}}'],
  ['bibtex', 'notes before\n@misc{a, title={T}}', 'mine.bib'],
  ['ris', 'TY  - JOUR\nTI  - T\nER  - \n'],
  ['csv', 'Title,Authors\nT,A\n'],
  ['csv', 'Name of the work;Year\nT;2020\n', 'works.csv'],
  ['csv', 'Paper Title\tDOI\nT\t10.1/x\n'],
]

test('a text’s format is found from how it begins', () => {
  for (const [format, text, name] of texts) assert.equal(formatOf(text, name), format, text.slice(0, 60))
})

test('every sample of an API is imported as what it is', {
  skip: existsSync(samples) ? false : 'no shared/data',
}, async () => {
  const expected: [RegExp, ImportFormat][] = [
    [/^arxiv-atom/, 'atom'],
    [/^hf-/, 'hf'],
    [/^oai-/, 'oai'],
    [/^kaggle/, 'snapshot'],
  ]
  const library = createLibrary(openDatabase(':memory:'))
  for (const name of readdirSync(samples)) {
    const format = expected.find(([pattern]) => pattern.test(name))?.[1]
    if (!format) continue
    const bytes = readFileSync(samples + name)
    const text = String(name.endsWith('.gz') ? gunzipSync(bytes) : bytes)
    const once = await library.importStream(streamOf(text), { name })
    const isError = /error-(?!noRecords)/.test(name)
    assert.deepEqual([once.format, once.state], [format, isError ? 'failed' : 'done'], name)
    assert.equal(once.refusedCount, 0, `${name}: ${JSON.stringify(once.refused[0])}`)
    // The same again changes nothing.
    const twice = await library.importStream(streamOf(text), { name })
    assert.deepEqual([twice.added, twice.updated, twice.unchanged], [0, 0, once.read], name)
  }
  assert.ok(library.count() > 300)
})

test('what is written for a reference manager comes back as the same papers', async () => {
  const library = createLibrary(openDatabase(':memory:'))
  const lines = [
    {
      id: '2008.05171',
      title: 'k-Medoids & $O(n)$',
      abstract: 'An abstract.',
      authors: ['Erich Schubert'],
      date: '2020-08-12',
    },
    {
      title: 'Without an id: 100 %',
      abstract: 'x',
      authors: ['Ann Ärnström', 'Big Lab Collaboration'],
      doi: '10.1000/x',
    },
  ]
  await library.importStream(streamOf(lines.map(line => JSON.stringify(line)).join('\n')), { name: 'x' })
  const before = [...Array.from(library.records(), exportedRecord)]
  for (const [format, write] of [
    ['bibtex', writeBibtex],
    ['ris', writeRis],
    ['csl', writeCsl],
  ] as const) {
    const report = await library.importStream(streamOf([...write(library.records())].join('')), { name: 'x' })
    assert.deepEqual([report.format, report.added, report.refusedCount], [format, 0, 0])
  }
  const titles = (records: typeof before) => records.map(({ key, title, authors }) => ({ key, title, authors }))
  assert.deepEqual(titles([...Array.from(library.records(), exportedRecord)]), titles(before))
})

test('a paper that is gone at its source stays, and says so', async () => {
  const library = createLibrary(openDatabase(':memory:'))
  await library.importStream(streamOf('{"id":"2008.05171","title":"A","abstract":"x"}'), { name: 'x' })
  const answer = `<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-01-02T03:04:05Z</responseDate>
    <ListRecords>${['2008.05171', '2008.99999']
      .map(id => `<record><header status="deleted"><identifier>oai:arXiv.org:${id}</identifier></header></record>`)
      .join('')}</ListRecords></OAI-PMH>`
  const report = await library.importStream(streamOf(answer), { name: 'harvest' })
  assert.deepEqual([report.updated, report.unchanged, report.state], [1, 1, 'done'])
  const paper = library.paper('2008.05171')!
  assert.equal('withdrawn' in paper && paper.withdrawn, true)
})

test('votes of another site are kept as theirs, and a table’s own columns are named', async () => {
  const library = createLibrary(openDatabase(':memory:'))
  await library.importStream(streamOf('[{"paper":{"id":"2401.00001","title":"A","upvotes":7}}]'), { name: 'x' })
  assert.equal([...Array.from(library.records(), exportedRecord)][0].externalVotes, 7)
  const table = 'Name of the work,Who\nA work of note,Ann Ample\n'
  const columns = { title: 'Name of the work', authors: 'Who' }
  const wrong = await library.importStream(streamOf(table), { name: 'x.csv' })
  assert.equal(wrong.state, 'failed')
  assert.match(wrong.error!, /no column for the title; the columns are Name of the work, Who/)
  const report = await library.importStream(streamOf(table), { name: 'x.csv', columns })
  assert.deepEqual([report.format, report.added], ['csv', 1])
})
