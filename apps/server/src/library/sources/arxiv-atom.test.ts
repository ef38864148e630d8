import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  completeOrNothing,
  outcome,
  sameWhereverCut,
  sample,
  soundWhenSpoiled,
  withoutSamples,
} from './arxiv-answers.fixture.ts'
import { parseArxivAtom } from './arxiv-atom.ts'
import { ArxivError } from './arxiv-record.ts'
import { XmlError } from './xml-records.ts'

const read = (chunks: Iterable<Uint8Array | string>) => parseArxivAtom(chunks)
const answer = (text: string | Uint8Array) => outcome(read([text]))

async function record(text: string | Uint8Array) {
  const { items, error } = await answer(text)
  assert.equal(error, undefined)
  assert.equal(items.length, 1)
  assert.ok('record' in items[0], JSON.stringify(items[0]))
  return items[0].record
}

async function refusal(text: string) {
  const { items } = await answer(text)
  assert.ok('refused' in items[0])
  return items[0].refused
}

const feed = (...parts: string[]) =>
  `<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">
<id>https://arxiv.org/api/x</id><title>arXiv Query</title><updated>2026-04-12T22:10:19Z</updated>
<opensearch:totalResults>20</opensearch:totalResults><opensearch:itemsPerPage>5</opensearch:itemsPerPage>
${parts.join('\n')}
<opensearch:startIndex>10</opensearch:startIndex></feed>`

const full = `<entry>
  <arxiv:doi>10.1000/ABC</arxiv:doi><link title="doi" href="https://doi.org/10.1000/other" rel="related"/>
  <author><arxiv:affiliation>Lab A</arxiv:affiliation><name>René A</name><arxiv:affiliation>Lab B</arxiv:affiliation></author>
  <author><name>B  C</name></author>
  <arxiv:primary_category term="stat.ML"/>
  <category term="cs.LG" scheme="http://arxiv.org/schemas/atom"/><category term="stat.ML"/>
  <category term="I.2.6"/><category term="68T50; 03B70"/><category term="cs.LG"/>
  <published>2020-08-12T23:00:00-04:00</published><updated>2021-01-02T03:04:05Z</updated>
  <summary>  One
two -- three.
  A \`\`second'' paragraph.</summary>
  <arxiv:journal_ref>J. of
    Things 1</arxiv:journal_ref><arxiv:comment>12 pages</arxiv:comment>
  <title>On &lt;script&gt;alert(1)&lt;/script&gt; &amp;amp;
    &amp; K\\"onig</title>
  <id>http://arxiv.org/abs/2008.05171v2</id></entry>`
const small = (id: string, rest = '') =>
  `<entry><id>http://arxiv.org/abs/${id}</id><title>T</title><summary>S</summary>${rest}</entry>`

describe('an answer of arXiv in Atom', () => {
  test('gives the fields of a paper, in whatever order they come', async () => {
    const { items, page, error } = await answer(feed(full))
    assert.equal(error, undefined)
    assert.deepEqual(page, { totalResults: 20, startIndex: 10, itemsPerPage: 5, entries: 1 })
    assert.deepEqual(items, [
      {
        line: 5,
        record: {
          title: 'On <script>alert(1)</script> &amp; & König',
          abstract: 'One two – three.\n\nA “second” paragraph.',
          authors: [{ name: 'René A', affiliation: 'Lab A; Lab B' }, { name: 'B C' }],
          categories: ['cs.LG', 'stat.ML'],
          withdrawn: false,
          source: 'arxiv',
          arxivId: '2008.05171',
          version: 2,
          doi: '10.1000/abc',
          authorCount: 2,
          primary: 'stat.ML',
          publishedAt: '2020-08-13',
          updatedAt: '2021-01-02',
          comment: '12 pages',
          journalRef: 'J. of Things 1',
          sourceUrl: 'https://arxiv.org/abs/2008.05171',
          raw: {
            title: 'On <script>alert(1)</script> &amp; & K\\"onig',
            abstract: "One two -- three.\n\nA ``second'' paragraph.",
          },
        },
      },
    ])
  })

  test('gives the same with other prefixes', async () => {
    const renamed = feed(full)
      .replace('xmlns="http://www.w3.org/2005/Atom"', 'xmlns:a="http://www.w3.org/2005/Atom"')
      .replaceAll('arxiv:', 'x:')
      .replace('xmlns:arxiv', 'xmlns:x')
      .replace(/<(\/?)(?=[a-z]+[\s>])/g, '<$1a:')
    assert.deepEqual(await answer(renamed), await answer(feed(full)))
  })

  test('leaves fields of other namespaces alone', async () => {
    const stranger = '<title xmlns="urn:x">Other</title><x:doi xmlns:x="urn:x">10.1000/x</x:doi>'
    const found = await record(feed(small('2008.05171', stranger)))
    assert.equal(found.title, 'T')
    assert.equal(found.doi, undefined)
    assert.equal(found.version, undefined)
    assert.deepEqual([found.publishedAt, found.updatedAt, found.comment], [undefined, undefined, undefined])
  })

  test('takes the DOI from its link where it has no other, and the primary category among the others', async () => {
    const found = await record(
      feed(
        small(
          'hep-th/9901001v1',
          '<link title="doi" href="http://dx.doi.org/10.1000/L"/><arxiv:primary_category term="hep-th"/><category term="gr-qc"/>',
        ),
      ),
    )
    assert.equal(found.doi, '10.1000/l')
    assert.deepEqual([found.categories, found.primary], [['hep-th', 'gr-qc'], 'hep-th'])
    const other = await record(
      feed(small('hep-th/9901001', '<arxiv:primary_category term="I.2"/><category term="gr-qc"/>')),
    )
    assert.deepEqual([other.categories, other.primary], [['gr-qc'], 'gr-qc'])
  })

  test('refuses an entry that is no paper and goes on', async () => {
    const { items, page } = await answer(
      feed(
        small('0808.05394v1'),
        '<entry><title>T</title></entry>',
        small('2008.05171', '<updated>soon</updated>'),
        full,
      ),
    )
    assert.deepEqual(
      items.map(item => ('refused' in item ? [item.refused.line, item.refused.reason] : item.record.arxivId)),
      [
        [5, '"id" 0808.05394v1: a paper of August 2008 has 4 digits after the point'],
        [6, '"id" is missing'],
        [7, '"updated" must be a date such as 2016-05-26T17:59:46Z, found \'soon\''],
        '2008.05171',
      ],
    )
    assert.equal(page?.entries, 4)
    assert.deepEqual(await refusal(feed('<entry><id>2008.05171</id></entry>')), {
      line: 5,
      reason: '2008.05171: the title is missing',
    })
  })

  test('refuses an entry of more than 1 MB', async () => {
    const long = small('2008.05171', '<author><name>A</name></author>'.repeat(40_000))
    assert.deepEqual(await refusal(feed(long)), { line: 5, reason: 'longer than 1 MB: no paper' })
  })

  test('that is an error is thrown with the words of arXiv, whatever its status was', async () => {
    for (const id of ['http://arxiv.org/api/errors#incorrect_id_format_for_abc', 'https://arxiv.org/api/errors#x']) {
      const wrong = `<entry><id>${id}</id><title>Error</title><summary>incorrect id format for abc\n</summary></entry>`
      const { items, error } = await answer(feed(small('2008.05171'), wrong))
      assert.equal(items.length, 1)
      assert.ok(error instanceof ArxivError)
      assert.equal(error.message, 'arXiv: incorrect id format for abc')
    }
  })

  test('with nothing in it gives nothing', async () => {
    const { items, page } = await answer('<feed xmlns="http://www.w3.org/2005/Atom"/>')
    assert.deepEqual([items, page], [[], { entries: 0 }])
    const odd =
      '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:o="http://a9.com/-/spec/opensearch/1.1/"><o:totalResults>many</o:totalResults></feed>'
    assert.deepEqual((await answer(odd)).page, { totalResults: undefined, entries: 0 })
  })

  test('that is something else is an error', async () => {
    for (const text of ['', 'Rate exceeded.', '<html/>', '<feed/>', '<rss version="2.0"/>', '{}'])
      assert.ok((await answer(text)).error instanceof XmlError, text)
    assert.match(String((await answer('<feed/>')).error), /<feed> instead of an Atom feed/)
  })

  test('notes wrong bytes and goes on', async () => {
    let notes = 0
    const [before, after] = feed(full).split('René')
    const bytes = Buffer.concat([Buffer.from(`${before}Ren`), Buffer.of(0xe9), Buffer.from(after)])
    const { items } = await outcome(parseArxivAtom([bytes], { onInvalid: () => notes++ }))
    assert.ok('record' in items[0])
    assert.equal(items[0].record.authors[0].name, 'Ren\ufffd A')
    assert.equal(notes, 1)
  })

  test('gives the same wherever it is cut, and nothing half', async () => {
    const text = feed(small('2008.05171'), full, small('0808.05394'), small('cs/9808004v1'))
    await sameWhereverCut(text, read)
    await completeOrNothing(text, read)
    await soundWhenSpoiled(text, read)
  })
})

describe('recorded answers in Atom', { skip: withoutSamples }, () => {
  test('give one paper with 34 authors and an umlaut', async () => {
    const found = await record(sample('arxiv-atom-one.xml'))
    assert.equal(found.title, 'Proceedings of Workshop AEW10: Concepts in Information Theory and Communications')
    assert.match(found.abstract, /^The 10th Asia-Europe workshop in "Concepts .* respected and special scientist\.$/)
    assert.equal(found.authors.length, 34)
    assert.equal(found.authorCount, 34)
    assert.deepEqual(found.authors[0], { name: 'Kees A. Schouhamer Immink' })
    assert.deepEqual(found.authors[32], { name: 'Dirk Wübben' })
    assert.deepEqual(found.authors.at(-1), { name: 'Hirosuke Yamamoto' })
    assert.deepEqual([found.arxivId, found.version, found.primary], ['1707.08567', 1, 'cs.IT'])
    assert.deepEqual([found.publishedAt, found.updatedAt], ['2017-07-27', '2017-07-27'])
    assert.equal(found.comment, '44 pages, editors for the proceedings: Yanling Chen and A. J. Han Vinck')
  })

  test('give one with two categories', async () => {
    const found = await record(sample('arxiv-atom-1605.xml'))
    assert.deepEqual([found.arxivId, found.version], ['1605.08386', 1])
    assert.deepEqual([found.categories, found.primary], [['math.CO', 'math.ST'], 'math.CO'])
    assert.deepEqual(found.authors, [{ name: 'Caprice Stanley' }, { name: 'Tobias Windisch' }])
    assert.equal(found.comment, '20 pages, 3 figures')
  })

  test('give one that was asked for by its version', async () => {
    const found = await record(sample('arxiv-atom-version.xml'))
    assert.deepEqual([found.title, found.arxivId, found.version], ['0', '2104.12255', 1])
    assert.match(found.abstract, /awarded \$35,000 in total/)
    assert.equal(found.comment, undefined)
  })

  test('give old ids, affiliations and an abstract that starts with spaces', async () => {
    const found = await record(sample('arxiv-atom-old-id.xml'))
    assert.deepEqual([found.arxivId, found.version, found.publishedAt], ['astro-ph/0601001', 1, '2006-01-02'])
    assert.deepEqual([found.categories, found.primary], [['astro-ph'], 'astro-ph'])
    assert.deepEqual(
      found.authors.map(author => author.affiliation),
      ['Ohio State', 'Ohio State', 'CfA', 'Warsaw University Observatory'],
    )
    assert.equal(found.journalRef, 'ActaAstron.56:1-50,2006')
    assert.match(found.abstract, /^We derive the frequencies of hot Jupiters \(HJs\) with 3–5 day periods/)
    assert.match(found.raw?.abstract ?? '', /3--5 day/)
    const versioned = await record(sample('arxiv-atom-old-id-version.xml'))
    assert.deepEqual([versioned.arxivId, versioned.version], ['quant-ph/0201082', 1])
    assert.deepEqual([versioned.categories, versioned.comment], [['quant-ph', 'cs.PL'], '32 pages'])
  })

  test('give two pages of ten of 214,881', async () => {
    const first = await answer(sample('arxiv-atom-search-10.xml'))
    assert.deepEqual(first.page, { totalResults: 214_881, startIndex: 0, itemsPerPage: 10, entries: 10 })
    const ids = (items: typeof first.items) =>
      items.map(item => 'record' in item && `${item.record.arxivId}v${item.record.version}`)
    assert.deepEqual(
      ids(first.items).join(' '),
      '2202.12139v1 2405.13786v1 2005.14124v2 2204.08348v3 2302.03287v3 1202.4527v1 2503.05378v2 1205.1866v1 2502.07719v2 1812.11470v1',
    )
    assert.deepEqual(
      first.items.flatMap(item => ('record' in item ? (item.record.doi ?? []) : [])),
      [
        '10.1109/icstw55395.2022.00035',
        '10.1109/icstw58534.2023.00023',
        '10.1145/3395363.3397376',
        '10.1145/3533767.3534401',
        '10.1109/icstw58534.2023.00078',
        '10.5121/vlsic.2012.3205',
      ],
    )
    const third = first.items[2]
    assert.ok('record' in third)
    assert.deepEqual([third.record.publishedAt, third.record.updatedAt], ['2020-05-28', '2020-07-16'])
    const second = await answer(sample('arxiv-atom-search-10-page2.xml'))
    assert.deepEqual(second.page, { totalResults: 214_881, startIndex: 10, itemsPerPage: 10, entries: 10 })
    assert.equal(
      ids(second.items).join(' '),
      '2403.16981v2 2004.03322v1 1912.09881v1 2406.19956v3 1912.04900v1 2301.05651v1 1605.01097v1 2301.13615v1 2407.18756v1 2202.06271v1',
    )
  })

  test('leave out unknown ids without a word', async () => {
    const two = await answer(sample('arxiv-atom-two-ids-one-unknown.xml'))
    assert.deepEqual(two.page, { totalResults: 1, startIndex: 0, itemsPerPage: 100, entries: 1 })
    const none = await answer(sample('arxiv-atom-empty.xml'))
    assert.deepEqual([none.items, none.page], [[], { totalResults: 0, startIndex: 0, itemsPerPage: 100, entries: 0 }])
  })

  test('give an error for a malformed id', async () => {
    const { items, error } = await answer(sample('arxiv-atom-error-400.xml'))
    assert.deepEqual(items, [])
    assert.ok(error instanceof ArxivError)
    assert.equal(error.message, 'arXiv: incorrect id format for abc')
  })

  test('give the same wherever they are cut, and nothing half', async () => {
    await sameWhereverCut(sample('arxiv-atom-one.xml'), read)
    await completeOrNothing(sample('arxiv-atom-search-10.xml'), read)
    await soundWhenSpoiled(sample('arxiv-atom-old-id.xml'), read)
  })
})
