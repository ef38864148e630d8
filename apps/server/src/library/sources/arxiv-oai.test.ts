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
import { parseArxivOai } from './arxiv-oai.ts'
import { ArxivError } from './arxiv-record.ts'
import { XmlError } from './xml-records.ts'

const read = (chunks: Iterable<Uint8Array | string>) => parseArxivOai(chunks)
const answer = (text: string | Uint8Array) => outcome(read([text]))

async function records(text: string | Uint8Array) {
  const { items, error } = await answer(text)
  assert.equal(error, undefined)
  return items.map(item => {
    assert.ok('record' in item, JSON.stringify(item))
    return item.record
  })
}

async function refusal(text: string) {
  const { items } = await answer(text)
  assert.ok('refused' in items[0], JSON.stringify(items))
  return items[0].refused.reason
}

const response = (...parts: string[]) =>
  `<?xml version="1.0" encoding="UTF-8"?>
<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-01-02T03:04:05Z</responseDate>
<request verb="ListRecords">http://oaipmh.arxiv.org/oai</request>
${parts.join('\n')}
</OAI-PMH>`
const list = (...parts: string[]) => response(`<ListRecords>${parts.join('\n')}</ListRecords>`)
const made = (metadata: string, identifier = '2008.05171', sets = '') =>
  `<record><header><identifier>oai:arXiv.org:${identifier}</identifier><datestamp>2026-01-01</datestamp>${sets}</header><metadata>${metadata}</metadata></record>`
const raw = (fields: string, identifier?: string) =>
  made(`<arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/">${fields}</arXivRaw>`, identifier)
const arxiv = (fields: string, identifier?: string) =>
  made(`<arXiv xmlns="http://arxiv.org/OAI/arXiv/">${fields}</arXiv>`, identifier)
const dublin = (fields: string, sets = '', identifier?: string) =>
  made(
    `<o:dc xmlns:o="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/">${fields}</o:dc>`,
    identifier,
    sets,
  )
const version = (number: number, day: string, rest = '<size>12kb</size>') =>
  `<version version="v${number}"><date>${day} GMT</date>${rest}</version>`
const deleted =
  '<record><header status="deleted"><identifier>oai:arXiv.org:math.GT/0309136</identifier></header></record>'

const rawFields = `<id>2008.05171</id><submitter>S. Ubmitter</submitter>
  ${version(1, 'Tue, 11 Aug 2020 22:00:00')}${version(10, 'Sat, 1 May 2021 10:00:00')}${version(2, 'Sun, 1 Nov 2020 10:00:00')}
  <title>On K\\"onig &amp; &lt;b&gt;</title><authors>X Collaboration: A. One (Lab (City)), B. Two, Jr and Ren\\'e C, et al</authors>
  <categories>cs.LG stat.ML</categories><comments>12--13 pages</comments><msc-class>68T50</msc-class>
  <journal-ref>J. 1</journal-ref><doi>10.1000/ABC</doi><license>http://x.org/l</license><abstract>  One.
</abstract>`

describe('an answer of OAI-PMH', () => {
  test('gives the fields of arXivRaw, its versions by number', async () => {
    const { items, page, error } = await answer(list(raw(rawFields), '<resumptionToken> a%7Cb </resumptionToken>'))
    assert.equal(error, undefined)
    assert.deepEqual(page, { responseDate: '2026-01-02T03:04:05Z', resumptionToken: 'a%7Cb' })
    assert.deepEqual(items, [
      {
        line: 4,
        record: {
          title: 'On König & <b>',
          abstract: 'One.',
          authors: [{ name: 'X Collaboration' }, { name: 'A. One' }, { name: 'B. Two Jr' }, { name: 'René C' }],
          categories: ['cs.LG', 'stat.ML'],
          withdrawn: false,
          source: 'arxiv',
          arxivId: '2008.05171',
          version: 10,
          doi: '10.1000/abc',
          authorCount: 4,
          primary: 'cs.LG',
          publishedAt: '2020-08-11',
          updatedAt: '2021-05-01',
          comment: '12–13 pages',
          journalRef: 'J. 1',
          license: 'http://x.org/l',
          sourceUrl: 'https://arxiv.org/abs/2008.05171',
          raw: {
            title: 'On K\\"onig & <b>',
            authors: ['X Collaboration', 'A. One', 'B. Two Jr', "Ren\\'e C"],
          },
        },
      },
    ])
    assert.ok(!JSON.stringify(items).includes('Ubmitter'))
  })

  test('gives the fields of arXiv', async () => {
    const fields = `<abstract>One.</abstract><created>2020-08-11</created><updated>2021-05-01</updated>
      <authors><author><keyname>C</keyname><forenames>Ren\\'e</forenames><suffix>Jr.</suffix><affiliation>Lab</affiliation><affiliation>City</affiliation></author>
      <author><keyname>X Collaboration</keyname></author></authors>
      <title>T</title><categories>hep-th gr-qc</categories><acm-class>I.2.6</acm-class><report-no>R1</report-no>`
    const [found] = await records(list(arxiv(fields, 'hep-th/9901001'), '<resumptionToken/>'))
    assert.deepEqual(found, {
      title: 'T',
      abstract: 'One.',
      authors: [{ name: 'René C Jr.', affiliation: 'Lab; City' }, { name: 'X Collaboration' }],
      categories: ['hep-th', 'gr-qc'],
      withdrawn: false,
      source: 'arxiv',
      arxivId: 'hep-th/9901001',
      authorCount: 2,
      primary: 'hep-th',
      publishedAt: '2020-08-11',
      updatedAt: '2021-05-01',
      sourceUrl: 'https://arxiv.org/abs/hep-th/9901001',
      raw: { authors: ["Ren\\'e C Jr.", 'X Collaboration'] },
    })
  })

  test('gives the fields of Dublin Core', async () => {
    const fields = `<dc:date>2021-05-01</dc:date><dc:date>2020-08-11</dc:date><dc:date>2020-11-01</dc:date>
      <dc:identifier>doi:10.1000/ABC</dc:identifier><dc:identifier>J. of Things 1</dc:identifier>
      <dc:identifier>http://arxiv.org/abs/2008.05171</dc:identifier>
      <dc:description>Comment: 12 pages</dc:description><dc:description>One.</dc:description>
      <dc:creator>King, Martin Luther, Jr.</dc:creator><dc:creator>X Collaboration</dc:creator><dc:creator>de la Cruz, A.</dc:creator>
      <dc:subject>Statistics - Machine Learning</dc:subject><dc:subject>68T50</dc:subject><dc:title>T</dc:title>`
    const sets = '<setSpec>cs:cs:LG</setSpec><setSpec>stat:stat:ML</setSpec><setSpec>stat</setSpec>'
    const [found] = await records(list(dublin(fields, sets)))
    assert.deepEqual(found, {
      title: 'T',
      abstract: 'One.',
      authors: [{ name: 'Martin Luther King Jr.' }, { name: 'X Collaboration' }, { name: 'A. de la Cruz' }],
      categories: ['stat.ML', 'cs.LG'],
      withdrawn: false,
      source: 'arxiv',
      arxivId: '2008.05171',
      doi: '10.1000/abc',
      authorCount: 3,
      primary: 'stat.ML',
      publishedAt: '2020-08-11',
      updatedAt: '2021-05-01',
      comment: '12 pages',
      journalRef: 'J. of Things 1',
      sourceUrl: 'https://arxiv.org/abs/2008.05171',
    })
    const [bare] = await records(
      list(
        dublin(
          '<dc:title>T</dc:title><dc:date>2020-08-11</dc:date><dc:description>Comment: on a comment</dc:description>',
        ),
      ),
    )
    assert.deepEqual([bare.arxivId, bare.abstract, bare.comment], ['2008.05171', 'Comment: on a comment', undefined])
    assert.deepEqual([bare.publishedAt, bare.updatedAt], ['2020-08-11', undefined])
  })

  test('leaves the first day open where the first version is not listed', async () => {
    const [found] = await records(
      list(raw(`<title>T</title>${version(3, '1 May 2021 10:00:00')}<version version="x"/>`)),
    )
    assert.deepEqual([found.version, found.publishedAt, found.updatedAt], [3, undefined, '2021-05-01'])
    const [none] = await records(list(raw('<title>T</title>')))
    assert.deepEqual([none.version, none.publishedAt, none.updatedAt], [undefined, undefined, undefined])
  })

  test('marks a paper as withdrawn by what its last version is', async () => {
    const withdrawn = async (last: string, first = '<size>1kb</size>') => {
      const versions = version(10, '1 May 2021 10:00:00', last) + version(9, '1 May 2020 10:00:00', first)
      return (await records(list(raw(`<title>T</title>${versions}`))))[0].withdrawn
    }
    assert.equal(await withdrawn('<size>1kb</size><source_type>I</source_type>'), true)
    assert.equal(await withdrawn('<size>1kb</size><source_type>IS</source_type>'), true)
    assert.equal(await withdrawn('<size>0kb</size>'), true)
    assert.equal(await withdrawn('<size>10kb</size><source_type>D</source_type>'), false)
    assert.equal(await withdrawn('<size>10kb</size>', '<size>0kb</size><source_type>I</source_type>'), false)
  })

  test('says which papers arXiv no longer has', async () => {
    const nameless = '<record><header status="deleted"/></record>'
    assert.match(await refusal(list(nameless)), /^a deleted record without "identifier"$/)
    const { items } = await answer(list(deleted, raw(rawFields)))
    assert.deepEqual(items[0], { deleted: 'math/0309136', line: 4 })
    assert.ok('record' in items[1])
  })

  test('gives no token on its last page', async () => {
    for (const end of ['', '<resumptionToken/>', '<resumptionToken expirationDate="x">\n</resumptionToken>']) {
      const { page } = await answer(list(deleted, end))
      assert.equal(page?.resumptionToken, undefined)
      assert.equal(page?.responseDate, '2026-01-02T03:04:05Z')
    }
  })

  test('refuses a record that is no paper and goes on', async () => {
    const unknown = made('<x xmlns="urn:x"/>')
    const { items } = await answer(list(unknown, '<record/>', raw('<title>T</title>', '0808.05394'), raw(rawFields)))
    assert.deepEqual(
      items.map(item => ('refused' in item ? item.refused : 'record' in item)),
      [
        { line: 4, reason: '2008.05171: no metadata as arXiv, arXivRaw or oai_dc, but as {urn:x}x' },
        { line: 5, reason: 'a record: no metadata' },
        { line: 6, reason: '"id" 0808.05394: a paper of August 2008 has 4 digits after the point' },
        true,
      ],
    )
    assert.match(
      await refusal(list(arxiv('<title>T</title><created>2020-13-01</created>'))),
      /^"created" must be a date/,
    )
    assert.match(await refusal(list(raw(`<title>T</title>${version(1, 'soon')}`))), /^"date" must be a date/)
  })

  test('with nothing new gives nothing', async () => {
    const { items, page, error } = await answer(response('<error code="noRecordsMatch">No records match</error>'))
    assert.deepEqual([items, error], [[], undefined])
    assert.deepEqual(page, { responseDate: '2026-01-02T03:04:05Z' })
  })

  test('that is an error is told apart by its code', async () => {
    for (const code of ['badResumptionToken', 'idDoesNotExist', 'badArgument', 'cannotDisseminateFormat']) {
      const { items, error } = await answer(response(`<error code="${code}">It's &lt;wrong&gt;</error>`))
      assert.deepEqual(items, [])
      assert.ok(error instanceof ArxivError && 'code' in error)
      assert.deepEqual([error.code, error.message], [code, "arXiv: It's <wrong>"])
    }
    const { error } = await answer(response('<error code="badVerb"/>'))
    assert.equal(error?.message, 'arXiv: badVerb')
    const both = response('<error code="noRecordsMatch"/>', '<error code="badArgument">x</error>')
    assert.equal((await answer(both)).error?.message, 'arXiv: x')
  })

  test('that answers nothing is no end of a harvest', async () => {
    for (const text of [response(), list(), response('<Identify/>')])
      assert.match(
        String((await answer(text)).error),
        /^ArxivError: arXiv: an answer with neither records nor an error$/,
      )
    for (const text of ['', '<html/>', 'Retry after 10 seconds', '<OAI-PMH/>'])
      assert.ok((await answer(text)).error instanceof XmlError, text)
  })

  test('gives the same wherever it is cut, and nothing half', async () => {
    const text = list(
      ...[raw(rawFields), deleted, arxiv('<title>É🙂</title>'), dublin('<dc:title>T</dc:title>'), made('')],
      '<resumptionToken>x</resumptionToken>',
    )
    await sameWhereverCut(text, read)
    await completeOrNothing(text, read)
    await soundWhenSpoiled(text, read)
  })
})

describe('sample answers of OAI-PMH', { skip: withoutSamples }, () => {
  test('give four records of arXivRaw, a deleted one and a token', async () => {
    const { items, page } = await answer(sample('oai-listrecords-arxivraw.xml'))
    assert.deepEqual(page, {
      responseDate: '2026-01-02T03:04:05Z',
      resumptionToken: 'verb%3DListRecords%26metadataPrefix%3DarXivRaw%26set%3Dcs%26skip%3D4',
    })
    assert.deepEqual(
      items.map(item =>
        'record' in item
          ? [
              item.record.arxivId,
              item.record.version,
              item.record.publishedAt,
              item.record.updatedAt,
              item.record.withdrawn,
            ]
          : item,
      ),
      [
        ['1603.09320', 4, '2016-03-30', '2018-08-14', false],
        ['cs/9808004', 1, '1998-09-03', '1998-09-03', false],
        ['cs/0407014', 10, '2009-02-02', '2009-03-05', true],
        ['0706.2839', 1, '2010-06-01', '2010-06-01', false],
        { deleted: '0000.00000', line: 55 },
      ],
    )
    const found = items.flatMap(item => ('record' in item ? [item.record] : []))
    assert.deepEqual(found[0].authors, [{ name: 'Yu. A. Malkov' }, { name: 'D. A. Yashunin' }])
    assert.deepEqual([found[0].categories, found[0].primary], [['cs.DS', 'cs.CV', 'cs.IR', 'cs.SI'], 'cs.DS'])
    assert.equal(found[2].authorCount, 10)
    assert.match(found[3].abstract, /both `in-place' and `out-of-place' .* from \$\[0, 1\)\$\.$/)
    assert.ok(!JSON.stringify(items).includes('A Submitter'))
  })

  test('give four records of arXiv on the last page', async () => {
    const { items, page } = await answer(sample('oai-listrecords-arxiv-last-page.xml'))
    assert.equal(page?.resumptionToken, undefined)
    const found = items.flatMap(item => ('record' in item ? [item.record] : []))
    assert.deepEqual(
      found.map(({ arxivId, publishedAt, updatedAt, authorCount }) => [arxivId, publishedAt, updatedAt, authorCount]),
      [
        ['1402.1992', '2014-02-09', undefined, 5],
        ['0704.2344', '2007-04-18', undefined, 3],
        ['cs/0005028', '2000-05-26', undefined, 1],
        ['1603.09320', '2016-03-30', '2018-08-14', 2],
      ],
    )
    assert.equal(found[0].raw?.authors?.[4], "Bertram Lu\\''asher")
    assert.equal(found[1].doi, '10.1051/epjap:1998151')
    assert.match(found[2].title, /with addition & rotation iterative/)
    assert.deepEqual(found[3].authors, [{ name: 'Yu. A. Malkov' }, { name: 'D. A. Yashunin' }])
  })

  test('give one record of Dublin Core', async () => {
    const [found, ...rest] = await records(sample('oai-getrecord-dc.xml'))
    assert.equal(rest.length, 0)
    assert.deepEqual(found.authors, [{ name: 'Yu. A. Malkov' }, { name: 'D. A. Yashunin' }])
    assert.deepEqual([found.arxivId, found.comment], ['1603.09320', '13 pages, 15 figures'])
    assert.deepEqual([found.publishedAt, found.updatedAt], ['2016-03-30', '2018-08-14'])
    assert.deepEqual([found.categories, found.primary], [['cs.DS', 'cs.CV', 'cs.IR', 'cs.SI'], 'cs.DS'])
    assert.match(found.abstract, /^We present a new approach .* distributed implementation\.$/)
  })

  test('give the three common errors', async () => {
    const none = await answer(sample('oai-error-noRecordsMatch.xml'))
    assert.deepEqual([none.items, none.page], [[], { responseDate: '2026-01-02T03:04:05Z' }])
    for (const code of ['badResumptionToken', 'idDoesNotExist']) {
      const { error } = await answer(sample(`oai-error-${code}.xml`))
      assert.ok(error instanceof ArxivError && 'code' in error && error.code === code)
    }
  })

  test('give the same wherever they are cut, and nothing half', async () => {
    await sameWhereverCut(sample('oai-listrecords-arxivraw.xml'), read)
    await completeOrNothing(sample('oai-listrecords-arxiv-last-page.xml'), read)
    await soundWhenSpoiled(sample('oai-listrecords-arxivraw.xml'), read)
    await soundWhenSpoiled(sample('oai-getrecord-dc.xml'), read)
  })
})
