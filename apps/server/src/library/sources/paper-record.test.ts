import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { convertTex } from '../text.ts'
import {
  addressOf,
  dateOf,
  mentionedIds,
  monthNumber,
  NoPaper,
  paperRecord,
  readDate,
  statedIds,
} from './paper-record.ts'

describe('a paper of any format', () => {
  test('keeps its raw text where TeX was turned into letters', () => {
    const { raw, ...record } = paperRecord(
      { title: 'K\\"onig\n ', abstract: 'a--b', authors: [{ name: "Ren\\'e A" }, { name: ' ' }, { name: 'B C' }] },
      'made',
      convertTex,
    )
    assert.deepEqual(record, {
      title: 'König',
      abstract: 'a–b',
      authors: [{ name: 'René A' }, { name: 'B C' }],
      authorCount: 2,
      categories: [],
      withdrawn: false,
      source: 'made',
    })
    assert.deepEqual(raw, { title: 'K\\"onig', abstract: 'a--b', authors: ["Ren\\'e A", 'B C'] })
  })

  test('is none without a title or with one of thousands of characters', () => {
    for (const title of [undefined, '', ' \u0000\n', 'x'.repeat(2001)])
      assert.throws(() => paperRecord({ title }, 'made', convertTex), NoPaper)
  })

  test('says withdrawn in its comment or abstract', () => {
    const withdrawn = (comment: string) => paperRecord({ title: 'T', comment }, 'made', convertTex).withdrawn
    assert.deepEqual([withdrawn('This paper has been withdrawn'), withdrawn('12 pages')], [true, false])
  })
})

describe('ids', () => {
  test('that are stated must be ids; a DOI of arXiv is an arXiv id', () => {
    assert.deepEqual(statedIds({ arxiv: 'arXiv:2008.05171v2', doi: '10.1000/A' }), {
      arxivId: '2008.05171',
      version: 2,
      doi: '10.1000/a',
    })
    assert.deepEqual(statedIds({ doi: 'https://doi.org/10.48550/arXiv.2008.05171' }), { arxivId: '2008.05171' })
    assert.deepEqual(statedIds({ doi: '10.48550/arXiv.2008.05171 10.1000/A' }), {
      arxivId: '2008.05171',
      doi: '10.1000/a',
    })
    assert.deepEqual(statedIds({ doi: 'none' }), {})
    assert.deepEqual(statedIds({ doi: '10.1000/\ud800\u0007' }), { doi: '10.1000/\ufffd' })
    assert.throws(() => statedIds({ arxiv: '0808.05394' }), NoPaper)
  })

  test('that are mentioned are found where the text speaks of arXiv or is an address', () => {
    for (const text of [
      'arXiv preprint arXiv:2008.05171',
      'see (arXiv: 2008.05171).',
      'https://hf.co/papers/2008.05171',
      'abs/2008.05171',
    ])
      assert.deepEqual(mentionedIds(text), { arxivId: '2008.05171' }, text)
    assert.deepEqual(mentionedIds(undefined, 'math/0309136', '(doi:10.1000/a(b)c)'), {
      arxivId: 'math/0309136',
      doi: '10.1000/a(b)c',
    })
    assert.deepEqual(mentionedIds('2008.05171', 'pages 1201.1234', '0704.0001 pounds'), {})
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), text => {
        mentionedIds(text, `arXiv ${text}`)
      }),
      { numRuns: 500, seed: 7 },
    )
  })
})

test('the address of a paper is its page at arXiv, where it came from, or its DOI', () => {
  const [sourceUrl, doi] = ['https://example.org/', '10.1000/a<b>#c?d']
  assert.equal(addressOf({ arxivId: 'cs/9808004', sourceUrl, doi }), 'https://arxiv.org/abs/cs/9808004')
  assert.equal(addressOf({ sourceUrl, doi }), sourceUrl)
  assert.equal(addressOf({ doi }), 'https://doi.org/10.1000/a%3Cb%3E%23c%3Fd')
  assert.equal(addressOf({}), undefined)
})

test('dates are days, months or, by themselves, years', () => {
  const pairs: [string, string | undefined][] = [
    ['2020-08-12', '2020-08-12'],
    ['2020/8/2', '2020-08-02'],
    ['2020-08-12T10:00:00Z', '2020-08-12'],
    ['11/26/2008', '2008-11-26'],
    ['1/2/2008 0:00', '2008-01-02'],
    ['2020-08', '2020-08'],
    [' 2020 ', '2020'],
    ['', undefined],
  ]
  for (const [text, date] of pairs) assert.equal(readDate(text), date, text)
  for (const text of ['26/11/2008', '2020-02-30', '2020-13', '12.8.2020', 'August 2020', '20200812', '0'])
    assert.throws(() => readDate(text), NoPaper, text)
  assert.deepEqual(
    [monthNumber('Sept.'), monthNumber('JAN'), monthNumber('13'), monthNumber('x')],
    ['09', '01', undefined, undefined],
  )
  assert.equal(dateOf('2020', 'feb', '30'), '2020-02')
})
