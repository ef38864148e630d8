import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Offprint, PaperRecord } from '@offprint/server'
import fc from 'fast-check'
import { parseHTML } from 'linkedom'
import { pageMetadata, shorten } from './metadata.ts'

const paper: PaperRecord = {
  key: 'cs/9808004',
  arxivId: 'cs/9808004',
  doi: '10.1000/a<b',
  title: 'A title with </script><script>alert(1)</script> & "quotes"',
  abstract: 'First line.\n\nSecond </script> line.',
  authors: [{ name: 'Ada Example' }, { name: 'O’Neil, "Bob"' }],
  categories: ['cs.LG'],
  publishedAt: '1998-08-12',
  updatedAt: '1999-01-02',
  submittedAt: '2025-12-12T00:00:00.000Z',
  fetchedAt: '2025-12-12T00:00:00.000Z',
  withdrawn: false,
  source: 'arxiv',
  topics: ['clustering'],
}

const of = (one: PaperRecord | undefined, route = '/papers/[...key]', params = { key: 'x' }, query = '') =>
  pageMetadata(
    {
      place: { url: 'https://example.org/offprint', host: 'example.org' },
      library: {
        paper: () => one,
        topic: () => undefined,
        period: (name: string) => (name === '2025-12-12' ? { kind: 'day' } : undefined),
      },
    } as unknown as Offprint,
    route,
    params,
    new URL(`http://localhost/x${query}`),
  )

test('a paper says what reference managers and search engines read', () => {
  const { names, properties, canonical, jsonLd, description } = of(paper)
  assert.equal(canonical, 'https://example.org/offprint/papers/cs/9808004')
  assert.equal(description, 'First line. Second </script> line.')
  const named = (name: string) => names.filter(one => one[0] === name).map(one => one[1])
  assert.deepEqual(named('citation_author'), ['Ada Example', 'O’Neil, "Bob"'])
  assert.deepEqual(named('citation_publication_date'), ['1998/08/12'])
  assert.deepEqual(named('citation_arxiv_id'), ['cs/9808004'])
  assert.deepEqual(named('citation_pdf_url'), ['https://arxiv.org/pdf/cs/9808004'])
  assert.deepEqual(named('robots'), [])
  assert.deepEqual(Object.fromEntries(properties)['og:type'], 'article')
  assert.deepEqual(Object.fromEntries(properties)['og:url'], canonical)
  const { document } = parseHTML(`<html><head>${jsonLd}</head></html>`)
  assert.equal(document.querySelectorAll('script').length, 1)
  const data = JSON.parse(document.querySelector('script')!.textContent)
  assert.equal(data['@type'], 'ScholarlyArticle')
  assert.equal(data.name, paper.title)
  assert.equal(data.abstract, paper.abstract)
  assert.deepEqual(data.sameAs, ['https://arxiv.org/abs/cs/9808004', 'https://doi.org/10.1000/a%3Cb'])
  assert.deepEqual(data.identifier, { '@type': 'PropertyValue', propertyID: 'arXiv', value: 'cs/9808004' })
})

test('whatever a paper says, its JSON stays in its element and comes back whole', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('</script>', '<!--<script>', ']]>', '\u2028', ''),
      (text, more) => {
        const title = (text + more + text).toWellFormed()
        const { jsonLd } = of({ ...paper, title })
        const inner = /^<script type="application\/ld\+json">([\s\S]*)<\/script>$/.exec(jsonLd!)![1]
        assert.ok(!inner.includes('<'))
        assert.equal(JSON.parse(inner).name, title)
      },
    ),
  )
})

test('a paper of which little is known says little', () => {
  const { names, jsonLd, description } = of({
    ...paper,
    key: 't:0123456789abcdef',
    arxivId: undefined,
    doi: undefined,
    abstract: '',
    authors: [],
    authorCount: 3,
    publishedAt: '2025-05',
    updatedAt: undefined,
    topics: [],
    categories: [],
  })
  assert.equal(description, '3 authors, May 2025')
  assert.deepEqual(
    names.filter(([name]) => name.startsWith('citation_')).map(([name]) => name),
    ['citation_title', 'citation_publication_date', 'citation_online_date', 'citation_abstract_html_url'],
  )
  assert.ok(!/null|undefined/.test(jsonLd!))
})

test('pages of the reader’s own work are not for search engines; periods have one address', () => {
  for (const route of ['/runs', '/runs/[id]', '/search', '/import', '/login', '/offline', '/compare', '/later'])
    assert.deepEqual(of(undefined, route, { key: '' }).names, [['robots', 'noindex']], route)
  assert.equal(of(undefined).canonical, undefined)
  assert.equal(of(undefined, '/', { key: '' }).canonical, 'https://example.org/offprint/')
  const day = of(undefined, '/day/[date]', { date: '2025-12-12' } as never, '?page=2')
  assert.equal(day.canonical, 'https://example.org/offprint/day/2025-12-12?page=2')
  assert.equal(day.description, 'The papers of 12 December 2025.')
  for (const [route, params] of [
    ['/day/[date]', { date: 'tomorrow' }],
    ['/week/[week]', { week: '2025-12-12' }],
  ] as const)
    assert.equal(of(undefined, route, params as never).canonical, undefined)
})

test('a description has at most 200 characters and ends between words', () => {
  const short = shorten(`${'several words '.repeat(40)}`)
  assert.ok(short.length <= 200 && /\b(several|words)…$/.test(short), short)
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 600 }), text => {
      const cut = shorten(text)
      assert.ok(cut.length <= 200)
      assert.ok(!/[\n\r\t]/.test(cut))
    }),
  )
})
