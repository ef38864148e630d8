import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { completeOrNothing, outcome, sameWhereverCut, soundWhenSpoiled } from './arxiv-answers.fixture.ts'
import { ArxivError } from './arxiv-record.ts'
import { parseArxivRss } from './arxiv-rss.ts'
import { XmlError } from './xml-records.ts'

const read = (chunks: Iterable<Uint8Array | string>) => parseArxivRss(chunks)

async function announcements(text: string) {
  const { items, error } = await outcome(read([text]))
  assert.equal(error, undefined)
  return items.map(item => {
    assert.ok('record' in item, JSON.stringify(item))
    return item
  })
}

const head = `<title>cs.DC updates on arXiv.org</title><link>http://rss.arxiv.org/rss/cs.DC</link>
<description>cs.DC updates on the arXiv.org e-print archive.</description>
<pubDate>Mon, 30 Sep 2024 00:00:00 -0400</pubDate><skipDays><day>Sunday</day><day>Saturday</day></skipDays>`
const rss = (...items: string[]) =>
  `<?xml version='1.0' encoding='UTF-8'?>
<rss xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0"><channel>
${head}
${items.join('\n')}</channel></rss>`
const item = `<item><title>Agreement, &amp;amp; K\\"onig's &lt;b&gt; in $O(n^2)$</title><link>https://arxiv.org/abs/2409.01234</link>
<description>arXiv:2409.01234v2 Announce Type: replace-cross
Abstract: We show &lt;i&gt;two&lt;/i&gt; things:
one.</description><guid isPermaLink="false">oai:arXiv.org:2409.01234v2</guid>
<category>cs.DC</category><category>cs.LG</category><pubDate>Mon, 30 Sep 2024 00:00:00 -0400</pubDate>
<arxiv:announce_type>replace-cross</arxiv:announce_type><dc:rights>http://x.org/by</dc:rights>
<arxiv:DOI>10.1000/ABC</arxiv:DOI><arxiv:journal_reference>J. 1</arxiv:journal_reference>
<dc:creator>Ada L (Lab, City), Alan T</dc:creator></item>`
const entry = `<entry><id>oai:arXiv.org:2409.01234v1</id><title>T</title><updated>2024-09-30T04:00:00+00:00</updated>
<link href="https://arxiv.org/abs/2409.01234" rel="alternate" type="text/html"/>
<summary>arXiv:2409.01234v1 Announce Type: new Abstract: We show.</summary><category term="cs.DC"/><category term="68T50"/>
<published>2024-09-30T00:00:00-04:00</published><arxiv:announce_type>new</arxiv:announce_type>
<dc:creator>Ada L, Alan T</dc:creator></entry>`
const atom = (...entries: string[]) =>
  `<feed xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns="http://www.w3.org/2005/Atom" xml:lang="en-us">
<id>http://rss.arxiv.org/atom/cs.DC</id><title>cs.DC updates on arXiv.org</title><updated>2024-09-30T04:00:00Z</updated>
${entries.join('\n')}</feed>`

describe('a feed of arXiv', () => {
  test('gives what an item of RSS says, and not when it was submitted', async () => {
    assert.deepEqual(await announcements(rss(item)), [
      {
        line: 6,
        announceType: 'replace-cross',
        announcedAt: '2024-09-30',
        record: {
          title: "Agreement, & König's <b> in $O(n^2)$",
          abstract: 'We show <i>two</i> things: one.',
          authors: [{ name: 'Ada L' }, { name: 'Alan T' }],
          categories: ['cs.DC', 'cs.LG'],
          withdrawn: false,
          source: 'arxiv',
          arxivId: '2409.01234',
          version: 2,
          doi: '10.1000/abc',
          authorCount: 2,
          primary: 'cs.DC',
          journalRef: 'J. 1',
          license: 'http://x.org/by',
          sourceUrl: 'https://arxiv.org/abs/2409.01234',
          raw: { title: 'Agreement, & K\\"onig\'s <b> in $O(n^2)$' },
        },
      },
    ])
  })

  test('gives what an entry of Atom says', async () => {
    const [found] = await announcements(atom(entry))
    assert.deepEqual([found.announceType, found.announcedAt, found.line], ['new', '2024-09-30', 3])
    const { arxivId, version, title, abstract, authors, categories, publishedAt } = found.record
    assert.deepEqual([arxivId, version, title, abstract], ['2409.01234', 1, 'T', 'We show.'])
    assert.deepEqual(authors, [{ name: 'Ada L' }, { name: 'Alan T' }])
    assert.deepEqual([categories, publishedAt], [['cs.DC'], undefined])
  })

  test('tells all kinds of announcements apart, also where only the description says it', async () => {
    for (const type of ['new', 'cross', 'replace', 'replace-cross']) {
      const typed = item.replaceAll('replace-cross', type)
      assert.equal((await announcements(rss(typed)))[0].announceType, type)
      const described = typed.replace(/<arxiv:announce_type>.*<\/arxiv:announce_type>/, '')
      assert.equal((await announcements(rss(described)))[0].announceType, type)
    }
    assert.equal((await announcements(rss(item.replaceAll('replace-cross', 'absonly'))))[0].announceType, undefined)
  })

  test('finds the id wherever it stands', async () => {
    const link = '<link>https://arxiv.org/abs/cs/9808004</link>'
    const [found] = await announcements(
      rss(`<item><title>T</title>${link}<description>All of it.</description></item>`),
    )
    assert.deepEqual([found.record.arxivId, found.record.abstract], ['cs/9808004', 'All of it.'])
    assert.deepEqual([found.announceType, found.announcedAt], [undefined, undefined])
    const [other] = await announcements(
      rss('<item><title>T</title><guid>oai:arXiv.org:2409.01234v1</guid><pubDate>x</pubDate></item>'),
    )
    assert.deepEqual([other.record.arxivId, other.record.version, other.announcedAt], ['2409.01234', 1, undefined])
    const named =
      '<entry><title>T</title><link href="https://arxiv.org/abs/2409.01234"/><author><name>A, B</name></author></entry>'
    assert.deepEqual((await announcements(atom(named)))[0].record.authors, [{ name: 'A, B' }])
  })

  test('is empty on weekends', async () => {
    for (const text of [rss(), atom(), '<rss version="2.0"><channel/></rss>'])
      assert.deepEqual(await outcome(read([text])), { items: [], page: undefined })
  })

  test('refuses an item that is no paper and goes on', async () => {
    const { items } = await outcome(
      read([rss('<item><title>T</title></item>', item.replaceAll('2409.01234', '0808.05394'), item)]),
    )
    assert.deepEqual(
      items.map(one => ('refused' in one ? one.refused : one.record.arxivId)),
      [
        { line: 6, reason: '"id" is missing' },
        { line: 7, reason: '"id" 0808.05394v2: a paper of August 2008 has 4 digits after the point' },
        '2409.01234',
      ],
    )
  })

  test('about an error is thrown with the words of arXiv', async () => {
    const wrong = '<title>Feed error for query: http://rss.arxiv.org/rss/cs.XX</title>'
    const texts = [
      `<rss version="2.0"><channel>${wrong}<description>Invalid subject class 'XX'.</description></channel></rss>`,
      `<feed xmlns="http://www.w3.org/2005/Atom">${wrong}<subtitle>Invalid subject class 'XX'.</subtitle></feed>`,
    ]
    for (const text of texts) {
      const { error } = await outcome(read([text]))
      assert.ok(error instanceof ArxivError)
      assert.equal(error.message, "arXiv: Invalid subject class 'XX'.")
    }
  })

  test('that is something else is an error', async () => {
    for (const text of ['', '<html/>', 'busy', '<feed/>'])
      assert.ok((await outcome(read([text]))).error instanceof XmlError, text)
  })

  test('gives the same wherever it is cut, and nothing half', async () => {
    for (const text of [rss(item, '<item/>', item), atom(entry, '<entry/>', entry)]) {
      await sameWhereverCut(text, read)
      await completeOrNothing(text, read)
      await soundWhenSpoiled(text, read)
    }
  })
})
