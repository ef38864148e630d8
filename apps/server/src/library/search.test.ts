import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { definePaper } from '@offprint/papers'
import fc from 'fast-check'
import { openDatabase } from '../database.ts'
import { createLibrary } from './library.ts'
import { streamOf } from './made-papers.fixture.ts'
import type { Library, TextPart } from './types.ts'

async function libraryOf(...records: object[]): Promise<Library> {
  const library = createLibrary(openDatabase(':memory:'))
  const lines = records.map(record => JSON.stringify(record)).join('\n')
  await library.importStream(streamOf(lines), { name: 'made', format: 'jsonl' })
  return library
}

const papers = [
  { title: 'Fast k-Medoids Clustering', abstract: 'PAM made faster.', id: '2008.05171', authors: ['Erich Müller'] },
  {
    title: 'Attention in large language models',
    abstract: 'GPT-4 and C++ and LR^2VQ. A naïve method.',
    id: 'cs/9808004',
  },
  { title: 'Large-language dictionaries', abstract: 'Clustering of entries: k medoids too.', doi: '10.1000/abc' },
  { title: '深度学习 的 方法', abstract: 'Ελληνικά, Москва, Толстой, हिन्दी, 한국어, データ.' },
  {
    title: '<script>alert("medoids")</script> & more',
    abstract: '<img src=x onerror=alert(1)> clustering',
    organization: 'Zyphra',
  },
]
const library = await libraryOf(...papers)
const titles = (query: string) =>
  library.search(query).papers.map(paper => papers.findIndex(({ title }) => title === paper.title))
const marked = (parts: TextPart[]) => parts.map(({ text, match }) => (match ? `[${text}]` : text)).join('')

describe('a search', () => {
  test('finds papers that have all words, the title first, and any accents and case', () => {
    assert.deepEqual(titles('clustering medoids').sort(), [0, 2, 4])
    assert.deepEqual(titles('CLUSTERING')[0], 0)
    for (const query of ['muller', 'MÜLLER', 'mu\u0308ller', 'Erich  Müller'])
      assert.deepEqual(titles(query), [0], query)
    assert.deepEqual([titles('naive'), titles('МОСКВА'), titles('zyphra')], [[1], [3], [4]])
  })

  test('finds words of any script, with their accents or without', () => {
    for (const query of ['Ελληνικά', 'ελληνικα', 'ΕΛΛΗΝΙΚΑ', 'Толстой', 'толстои', 'हिन्दी', '한국어', 'データ', 'ﾃﾞｰﾀ'])
      assert.deepEqual(titles(query), [3], query)
    assert.equal(marked(library.search('ελληνικα').papers[0].snippetParts).slice(0, 10), '[Ελληνικά]')
  })

  test('finds compound words in any spelling', () => {
    for (const query of ['k-medoids', 'k medoids', 'kmedoids', 'K‐Medoids', '"k-medoids"'])
      assert.deepEqual(titles(query).sort(), [0, 2], query)
    for (const query of ['GPT-4', 'gpt4', 'gpt 4', 'C++', 'c++', 'LR^2VQ', 'lr2vq'])
      assert.deepEqual(titles(query), [1], query)
    assert.deepEqual(titles('c#'), [])
  })

  test('finds phrases only as they stand', () => {
    assert.deepEqual(titles('"language models"'), [1])
    assert.deepEqual(titles('“models language”'), [])
    assert.deepEqual(titles('"large language"').sort(), [1, 2])
  })

  test('leaves out what has a word with a minus', () => {
    assert.deepEqual(titles('clustering -fast').sort(), [2, 4])
    assert.deepEqual(titles('clustering -"made faster" -onerror'), [2])
    assert.deepEqual(titles('-clustering').sort(), [1, 3])
  })

  test('finds either of two words with OR', () => {
    assert.deepEqual(titles('attention OR zyphra').sort(), [1, 4])
    assert.deepEqual(titles('attention OR fast clustering').sort(), [0])
  })

  test('finds writing without spaces', () => {
    assert.deepEqual([titles('学习'), titles('深度学习'), titles('习学')], [[3], [3], []])
  })

  test('opens the paper that an id, an address or a DOI names, and names the one of a slug', () => {
    const ids = [
      '2008.05171',
      'arXiv:2008.05171v3',
      'https://arxiv.org/abs/2008.05171',
      'https://arxiv.org/pdf/2008.05171v2.pdf',
      ' https://huggingface.co/papers/2008.05171?x=1#y ',
      '10.48550/arXiv.2008.05171',
    ]
    for (const id of ids)
      assert.deepEqual([titles(id), library.search(id).open, library.search(id).total], [[0], '2008.05171', 1], id)
    assert.equal(library.search('https://arxiv.org/abs/cs/9808004').open, 'cs/9808004')
    assert.equal(library.search('https://doi.org/10.1000/ABC').open, 'doi:10.1000/abc')
    const absent = library.search('arXiv:2008.99999')
    assert.deepEqual(
      [absent.papers, absent.open, absent.note],
      [[], undefined, 'arXiv:2008.99999 is not in this library.'],
    )
    const runs = createLibrary(openDatabase(':memory:'))
    runs.seed([
      definePaper({ slug: 'made-slug', about: { title: 'A', summary: 'Words.', topics: ['t'], arxiv: '2008.05171' } }),
    ])
    // A name may be a word too: what has it is found, and the paper is named.
    assert.deepEqual(runs.search('Made-Slug').called, { key: '2008.05171', title: 'A' })
    assert.equal(runs.search('Made-Slug').open, undefined)
  })

  test('marks the words it found, and gives the text as text', () => {
    const found = library.search('alert medoids').papers[0]
    assert.equal(marked(found.titleParts), '<script>[alert]("[medoids]")</script> & more')
    assert.equal(marked(found.snippetParts), '<img src=x onerror=[alert](1)> clustering')
    assert.equal(marked(library.search('kmedoids').papers[0].titleParts), 'Fast [k-Medoids] Clustering')
    const snippet = marked(library.search('gpt4 c++ naive lr2vq').papers[0].snippetParts)
    assert.equal(snippet, '[GPT-4] and [C++] and [LR^2VQ]. A [naïve] method.')
  })

  test('shows the text around the first mark, cut between words', async () => {
    const words = Array.from({ length: 300 }, (_, number) => `word${number}`).join(' ')
    const long = await libraryOf({ title: 'T', abstract: words }, { title: 'U', abstract: `${'𝒳'.repeat(400)} end` })
    const [{ snippetParts }] = long.search('word200').papers
    const text = marked(snippetParts)
    assert.match(text, /^… word\d+ .*\[word200\].* word\d+ …$/)
    assert.ok(text.length > 200 && text.length < 260)
    for (const { snippetParts } of long.search('').papers)
      assert.ok(snippetParts.every(({ text }) => text.isWellFormed()))
  })

  test('gives pages that neither repeat nor lose a paper', async () => {
    const many = await libraryOf(...Array.from({ length: 57 }, (_, number) => ({ title: `Same words ${number}` })))
    for (const query of ['same words', '', '-other', 'same OR nothing']) {
      const keys = [0, 10, 20, 30, 40, 50, 60].flatMap(offset => {
        const { papers, total } = many.search(query, { offset, limit: 10 })
        assert.equal(total, 57)
        return papers.map(({ key }) => key)
      })
      assert.equal(new Set(keys).size, 57, query)
      assert.equal(keys.length, 57, query)
    }
    for (const limit of [Number.NaN, -1, Infinity, 0.5, 1e9])
      for (const offset of [Number.NaN, -5, Infinity, 1e300]) many.search('same', { limit, offset })
    assert.equal(many.search('same', { limit: 0 }).papers.length, 0)
  })

  test('for nothing gives the newest first, and for words that are nowhere nothing', async () => {
    assert.equal(library.search('').total, 5)
    assert.equal(library.search(' \n ').total, 5)
    const dated = await libraryOf(
      { title: 'Old', submittedAt: '2020-01-01T00:00:00Z' },
      { title: 'New', submittedAt: '2021-01-01T00:00:00Z' },
    )
    assert.deepEqual(
      dated.search('').papers.map(({ title }) => title),
      ['New', 'Old'],
    )
    assert.deepEqual(library.search('nowhere'), { papers: [], total: 0 })
    assert.deepEqual(createLibrary(openDatabase(':memory:')).search('x'), { papers: [], total: 0 })
    assert.match(library.search('!!! ???').note!, /no word/)
  })

  test('for words of which no paper has all gives those with some, and says so', () => {
    const { papers: found, note } = library.search('attention zyphra')
    assert.deepEqual([found.length, note], [2, 'No paper has all of these words; these have some of them.'])
  })

  test('beside a filter gives papers with some of the words, too, and only those that pass it', () => {
    const { papers: found, total, note } = library.search('attention müller zyphra -is:read -org:zyphra')
    assert.deepEqual([found.length, total, note?.slice(0, 46)], [0, 0, undefined])
    const some = library.search('attention müller -org:"Zyphra Inc" is:unread')
    assert.deepEqual([some.total, some.note], [2, 'No such paper has all of these words; these have some of them.'])
    library.reading.change('2008.05171', { read: true })
    assert.deepEqual(titles('attention müller is:unread'), [1])
    library.reading.change('2008.05171', { read: false })
    assert.deepEqual(titles('attention müller "medoids"'), [])
  })

  test('follows what changes in the library', async () => {
    const changing = await libraryOf({ id: '2008.05171v1', title: 'Before' })
    await changing.importStream(streamOf('{"id":"2008.05171v2","title":"After"}'), { name: 'made' })
    assert.deepEqual([changing.search('before').total, changing.search('after').total], [0, 1])
  })
})

describe('any query is answered:', () => {
  test('what means something to the index is a plain word here', () => {
    const queries = [
      'title:clustering',
      'NEAR(a b, 2)',
      'AND',
      'OR',
      'NOT',
      'a AND',
      'OR a',
      'fast OR',
      '-',
      '--',
      '- fast',
      '-"',
      '"',
      '""',
      '"""',
      "'",
      'a*',
      '^a',
      '{a b}:c',
      'a + b',
      '(',
      ')',
      '\\',
      '%',
      '_',
      ';',
      'fast"; DROP TABLE papers; --',
      '\u0000',
      '\ud800',
      'search',
      'rowid:1',
      '-OR',
      '"-a"',
      'OR OR OR',
      'a OR -b',
      '-a OR b',
      '١٢',
      '𝒳𝒴',
      'ﬁne',
      '🙂',
    ]
    for (const query of queries) assert.ok(library.search(query).total >= 0, query)
    assert.equal(library.count(), 5)
    assert.deepEqual(titles('NOT clustering').length > 0, true)
    assert.match(library.search('clustering "fast').note!, /quotation mark/)
  })

  test('one of 10 MB as well, and it is said what was searched', () => {
    for (const query of [
      'clustering '.repeat(1e6),
      'x'.repeat(1e7),
      '"'.repeat(1e7),
      '-'.repeat(1e7),
      'a-'.repeat(5e6),
      '\ud83d'.repeat(5e6),
      ' '.repeat(1e7),
      'a OR '.repeat(2e6),
    ]) {
      const { note } = library.search(query)
      assert.match(note ?? '', /Only the first 250 characters were searched/)
    }
    assert.match(
      library.search(Array.from({ length: 60 }, (_, number) => `w${number}`).join(' ')).note!,
      /first 32 words/,
    )
  })

  test('and what it shows is put together again the paper’s own text', () => {
    const pieces = fc.constantFrom(
      '"',
      '-',
      ' ',
      'OR',
      ' OR ',
      'AND',
      '(',
      '*',
      ':',
      '^',
      'k-medoids',
      'clustering',
      'c++',
      '<',
      '深',
      "'",
      '.',
      'alert',
      'é',
      '\u0301',
      '\ud800',
      '2008.05171',
      '/',
      '\u200b',
    )
    const queries = fc.oneof(
      fc.array(pieces, { maxLength: 12 }).map(parts => parts.join('')),
      fc.string({ unit: 'binary', maxLength: 40 }),
    )
    fc.assert(
      fc.property(queries, query => {
        const result = library.search(query)
        assert.ok(result.papers.length <= result.total)
        for (const { title, abstract, titleParts, snippetParts } of result.papers) {
          assert.equal(titleParts.map(({ text }) => text).join(''), title)
          assert.equal(snippetParts.map(({ text }) => text).join(''), abstract)
        }
      }),
      { numRuns: 1500, seed: 7 },
    )
  })
})
