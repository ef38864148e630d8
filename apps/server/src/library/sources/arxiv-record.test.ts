import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { arxivRecord, utcDay } from './arxiv-record.ts'
import { NoPaper } from './paper-record.ts'

const fields = { id: '2008.05171', title: 'T', abstract: 'A', authors: [], categories: [] }

describe('a record of arXiv', () => {
  test('holds its text converted, and as it came where that differs', () => {
    const record = arxivRecord({
      ...fields,
      id: 'https://arxiv.org/abs/math.GT/0309136v3',
      title: " K\\\"onig\n  ``quoted'' ",
      abstract: "  One\ntwo.\n  {\\'E}t\\'e",
      authors: [{ name: "Ren\\'e  A", affiliation: "Universit\\'e" }, { name: ' ' }, { name: 'B' }],
      categories: ['math.GT', 'math.GT', ' '],
      comment: 'x--y',
      journalRef: 'J. \\& K.',
    })
    assert.deepEqual(record, {
      title: 'König “quoted”',
      abstract: 'One two.\n\nÉté',
      authors: [{ name: 'René A', affiliation: 'Université' }, { name: 'B' }],
      categories: ['math.GT'],
      withdrawn: false,
      source: 'arxiv',
      arxivId: 'math/0309136',
      version: 3,
      authorCount: 2,
      primary: 'math.GT',
      comment: 'x–y',
      journalRef: 'J. & K.',
      sourceUrl: 'https://arxiv.org/abs/math/0309136',
      raw: { title: "K\\\"onig ``quoted''", abstract: "One two.\n\n{\\'E}t\\'e", authors: ["Ren\\'e A", 'B'] },
    })
  })

  test('has its first DOI in lower case, but not the one that arXiv gives', () => {
    assert.equal(arxivRecord({ ...fields, doi: '10.1/x 10.1000/ABC 10.1000/d' }).doi, '10.1000/abc')
    assert.equal(arxivRecord({ ...fields, doi: 'https://doi.org/10.48550/arXiv.2008.05171' }).doi, undefined)
    assert.equal(arxivRecord({ ...fields, doi: '10.48550/arXiv.2008.05171 10.1000/d' }).doi, '10.1000/d')
    assert.equal(arxivRecord({ ...fields, doi: 'none' }).doi, undefined)
  })

  test('is withdrawn where its format, its comment or its abstract says so', () => {
    assert.equal(arxivRecord({ ...fields, withdrawn: true }).withdrawn, true)
    assert.equal(arxivRecord({ ...fields, comment: 'This paper has been withdrawn' }).withdrawn, true)
    assert.equal(arxivRecord({ ...fields, abstract: ' Withdrawn.' }).withdrawn, true)
    assert.equal(arxivRecord({ ...fields, abstract: 'Cash was withdrawn' }).withdrawn, false)
  })

  test('is refused without a title, with a wrong id or with a title that is none', () => {
    const refusal = (changed: object, reason: RegExp) =>
      assert.throws(
        () => arxivRecord({ ...fields, ...changed }),
        error => error instanceof NoPaper && reason.test(error.message),
      )
    refusal({ title: ' \n' }, /^2008\.05171: the title is missing$/)
    refusal({ title: 'x'.repeat(2001) }, /^2008\.05171: a title of 2001 characters, at most 2000$/)
    refusal({ id: '0808.05394' }, /^"id" 0808\.05394: a paper of August 2008 has 4 digits after the point$/)
  })
})

describe('a date', () => {
  test('is a day in UTC in all the spellings of feeds', () => {
    const days: [string, string][] = [
      ['2016-05-26T17:59:46Z', '2016-05-26'],
      ['2016-05-26', '2016-05-26'],
      [' 2016-05-26T23:30:00.5-04:00\n', '2016-05-27'],
      ['2016-05-26T00:30:00+0100', '2016-05-25'],
      ['Wed, 30 Mar 2016 19:29:44 GMT', '2016-03-30'],
      ['2 Feb 2009 10:00 +0000', '2009-02-02'],
      ['Fri, 01 Jan 2010 00:00:00 -0500', '2010-01-01'],
      ['Thu, 31 Dec 2009 22:00:00 EST', '2010-01-01'],
    ]
    for (const [text, day] of days) assert.equal(utcDay(text, 'date'), day, text)
    assert.equal(utcDay('  ', 'date'), undefined)
  })

  test('that is none is refused by its name', () => {
    const wrong = [
      ...['yesterday', '2016-02-30', '2016-02-30T00:00:00Z', '2016-05-26T25:00:00Z', '30 Foo 2016 10:00:00 GMT'],
      ...['31 Feb 2016 10:00:00 GMT', '2016', '0000-01-01T00:00:00+14:00', '9'.repeat(1000)],
    ]
    for (const text of wrong)
      assert.throws(() => utcDay(text, 'created'), /^Error: "created" must be a date such as/, text)
  })

  test('that is written is read again', () => {
    const moment = fc.date({ min: new Date('1990-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
    fc.assert(
      fc.property(moment, date => {
        assert.equal(utcDay(date.toISOString(), 'x'), date.toISOString().slice(0, 10))
        assert.equal(utcDay(date.toUTCString(), 'x'), date.toISOString().slice(0, 10))
      }),
    )
  })
})
