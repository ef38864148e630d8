import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { openDatabase } from '../database.ts'
import { createLibrary } from './library.ts'
import { streamOf } from './made-papers.fixture.ts'
import { otherForms, parseQuery } from './query.ts'
import { editDistance } from './suggestions.ts'
import type { Library } from './types.ts'

interface Made {
  id: string
  title: string
  abstract: string
  authors: string[]
  categories: string[]
  publishedAt: string
  organization?: string
  githubRepo?: string
}

async function libraryOf(records: object[]): Promise<Library> {
  const library = createLibrary(openDatabase(':memory:'))
  const lines = records.map(record => JSON.stringify(record)).join('\n')
  const report = await library.importStream(streamOf(lines), { name: 'made', format: 'jsonl' })
  assert.equal(report.refusedCount, 0, JSON.stringify(report.refused[0]))
  return library
}

const words = ['alpha', 'beta', 'gamma', 'delta', 'omega']
const people = ['Ada Lovelace', 'Li Wang', 'Wang Li', 'José Núñez']
const categories = ['cs.LG', 'cs.DC', 'stat.ML', 'hep-th']
const days = ['2023-01-15', '2023-12-31', '2024-01-01', '2024-03-09', '2024-03', '2025-07-20']
let seed = 7
const random = (many: number) => {
  seed = (seed * 1103515245 + 12345) % 2147483648
  return Math.floor((seed / 2147483648) * many)
}
const some = <T>(from: T[]) => from.filter(() => random(2) === 0)
const made: Made[] = Array.from({ length: 60 }, (_, index) => ({
  id: `2401.${String(10_000 + index)}`,
  title: ['about', ...some(words)].join(' '),
  abstract: ['text', ...some(words), ...some(words)].join(' '),
  authors: some(people),
  categories: some(categories),
  publishedAt: days[random(days.length)],
  ...(random(3) ? {} : { organization: 'Zyphra Labs' }),
  ...(random(2) ? {} : { githubRepo: 'https://github.com/a/b' }),
}))
const library = await libraryOf(made)
const keys = made.map(paper => paper.id)
for (const [index, key] of keys.entries()) {
  if (index % 3 === 0) library.reading.change(key, { vote: true, read: true })
  if (index % 4 === 0) library.reading.change(key, { tags: ['To Do'], addTo: 'my list' })
  if (index % 5 === 0) library.reading.change(key, { note: 'seen' })
}
const found = (query: string) =>
  library
    .search(query, { limit: 1000 })
    .papers.map(paper => paper.key)
    .sort()
const where = (is: (paper: Made, index: number) => boolean) => keys.filter((_, index) => is(made[index], index))
const has = (text: string, word: string) => text.split(' ').includes(word)

/** Parts of queries with what they mean, said in another way than the search does. */
const atoms: [string, (paper: Made, index: number) => boolean][] = [
  ...words.flatMap((word): [string, (paper: Made) => boolean][] => [
    [word, paper => has(paper.title, word) || has(paper.abstract, word)],
    [`title:${word}`, paper => has(paper.title, word)],
    [`abstract:${word}`, paper => has(paper.abstract, word)],
  ]),
  ['"alpha beta"', paper => [paper.title, paper.abstract].some(text => text.includes('alpha beta'))],
  ['author:wang', paper => paper.authors.some(name => name.includes('Wang'))],
  ['author:"li wang"', paper => paper.authors.includes('Li Wang')],
  ['author:"Jose Nunez"', paper => paper.authors.includes('José Núñez')],
  ['org:zyphra', paper => paper.organization !== undefined],
  ['org:"Zyphra Labs"', paper => paper.organization !== undefined],
  ['cat:cs.dc', paper => paper.categories.includes('cs.DC')],
  ['cat:cs', paper => paper.categories.some(category => category.startsWith('cs.'))],
  ['cat:hep-th', paper => paper.categories.includes('hep-th')],
  ['date:2024', paper => paper.publishedAt.startsWith('2024')],
  ['date:2024-03', paper => paper.publishedAt.startsWith('2024-03')],
  ['date:>=2024-01-01', paper => paper.publishedAt >= '2024-01-01'],
  ['date:<2024', paper => paper.publishedAt < '2024'],
  ['date:<=2023', paper => paper.publishedAt < '2024'],
  ['date:>2023-12-31', paper => paper.publishedAt >= '2024-01-01'],
  ['date:2023-02..2024-01', paper => paper.publishedAt >= '2023-02' && paper.publishedAt < '2024-02'],
  ['date:..2023', paper => paper.publishedAt < '2024'],
  ['has:code', paper => paper.githubRepo !== undefined],
  ['has:notes', (_, index) => index % 5 === 0],
  ['is:read', (_, index) => index % 3 === 0],
  ['is:unread', (_, index) => index % 3 !== 0],
  ['is:voted', (_, index) => index % 3 === 0],
  ['tag:"to do"', (_, index) => index % 4 === 0],
  ['list:"My List"', (_, index) => index % 4 === 0],
  ['id:2401.10007', (_, index) => index === 7],
]

type Meaning = { text: string; is: (paper: Made, index: number) => boolean; negative?: boolean }
const { group } = fc.letrec<{ group: Meaning; part: Meaning }>(tie => ({
  part: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...atoms).map(([text, is]) => ({ text, is })),
    fc.constantFrom(...atoms).map(
      ([text, is]): Meaning => ({
        text: `-${text}`,
        is: (paper, index) => !is(paper, index),
        negative: true,
      }),
    ),
    tie('group').map(({ text, is }) => ({ text: `(${text})`, is })),
    tie('group').map(
      ({ text, is }): Meaning => ({
        text: `-(${text})`,
        is: (paper, index) => !is(paper, index),
        negative: true,
      }),
    ),
  ),
  group: fc
    .array(fc.tuple(tie('part'), fc.constantFrom(' ', ' AND ', ' OR ')), { minLength: 1, maxLength: 4 })
    .map(parts => {
      let text = ''
      // OR binds closer than what stands beside each other, and not to what has a minus.
      const all: Meaning[][] = []
      for (const [index, [part]] of parts.entries()) {
        const before = parts[index - 1]
        const either = before?.[1] === ' OR ' && !before[0].negative && !part.negative
        text += `${index ? (before[1] === ' OR ' && !either ? ' ' : before[1]) : ''}${part.text}`
        if (either) all.at(-1)!.push(part)
        else all.push([part])
      }
      return { text, is: (paper: Made, index: number) => all.every(any => any.some(one => one.is(paper, index))) }
    }),
}))

describe('the search language', () => {
  test('finds just the papers that a query means, however it is put together', () => {
    fc.assert(
      fc.property(group, ({ text, is }) => {
        fc.pre(text.length <= 250)
        const result = library.search(text, { limit: 1000 })
        // A query of plain words that no paper has falls back to some of them, and says so.
        fc.pre(!result.note)
        assert.deepEqual(result.papers.map(paper => paper.key).sort(), where(is), text)
        assert.equal(result.total, result.papers.length)
      }),
      { numRuns: 400, seed: 11 },
    )
  })

  test('reads each of its parts alone', () => {
    for (const [text, is] of atoms) assert.deepEqual(found(text), where(is), text)
  })

  test('takes a field before parentheses for all words in them that have none of their own', () => {
    const means = (query: string, same: string) => {
      assert.deepEqual(found(query), found(same), query)
      assert.equal(library.search(query).note, undefined, query)
    }
    assert.notDeepEqual(found('title:(alpha OR beta)'), found('title:alpha OR beta'))
    means('title:(alpha OR beta)', 'title:alpha OR title:beta')
    means('title:( alpha OR beta ) gamma', '(title:alpha OR title:beta) gamma')
    means('title:(alpha beta) OR gamma', '(title:alpha title:beta) OR gamma')
    means('title:(alpha abstract:(beta gamma) -delta)', 'title:alpha abstract:beta abstract:gamma -title:delta')
    means('-title:(alpha OR beta)', '-title:alpha -title:beta')
    means('title:((alpha OR beta) (gamma OR delta))', '(title:alpha OR title:beta) (title:gamma OR title:delta)')
    means('author:("li wang" OR núñez)', 'author:"li wang" OR author:núñez')
    means('cat:(cs.LG OR hep-th)', 'cat:cs.LG OR cat:hep-th')
    means('title:(alpha cat:cs.LG)', 'title:alpha cat:cs.LG')
    assert.match(library.search('title:(alpha OR beta').note ?? '', /A parenthesis is not closed/)
    assert.match(library.search('cat:(cs.LG OR nowhere)').note ?? '', /^cat:nowhere is searched as plain words/)
  })

  test('says what of a query it could not read, and searches it as words', () => {
    for (const [query, note] of [
      ['date:2024-13', /^date:2024-13 is searched as plain words: date: takes 2024/],
      ['date:2023-02-30 alpha', /plain words/],
      ['cat:nowhere', /cat: takes a category such as cs\.LG/],
      ['has:everything', /has: takes code, runs, comments or notes/],
      ['is:new', /is: takes read, unread/],
      ['sort:best', /sort: takes relevance, new, top or trending/],
      ['id:12', /id: takes an arXiv id or a DOI/],
      ['(alpha beta', /A parenthesis is not closed/],
      ['"alpha', /A quotation mark is not closed/],
      ['list:nothing', /There is no list called ‘nothing’/],
    ] as const)
      assert.match(library.search(query).note ?? '', note, query)
    assert.deepEqual(found('unknown:alpha').length, 0)
    for (const query of [
      'alpha (+)-thing',
      'f(x) alpha',
      ':-( alpha',
      'alpha )',
      'alpha (beta).',
      'alpha (beta gamma), delta',
    ])
      assert.equal(library.search(query).note?.includes('parenthesis') ?? false, false, query)
  })

  test('leaves an operator out that joins nothing, and says so', () => {
    for (const [query, same, note] of [
      ['alpha OR', 'alpha', /^OR was left out: it goes between two words, none of them with a minus\.$/],
      ['OR alpha', 'alpha', /^OR was left out/],
      ['OR alpha OR', 'alpha', /^OR was left out[^.]*\.$/],
      ['AND alpha', 'alpha', /^AND was left out: it goes between two words\.$/],
      ['alpha AND', 'alpha', /^AND was left out/],
      ['(OR alpha) (beta AND) gamma', 'alpha beta gamma', /^OR was left out.*AND was left out/],
      ['-alpha OR beta', '-alpha beta', /^OR was left out/],
      ['alpha OR -beta', 'alpha -beta', /^OR was left out/],
      ['sort:new AND alpha', 'alpha', /^AND was left out/],
      ['alpha OR "', 'alpha', /A quotation mark is not closed.*OR was left out/],
    ] as const) {
      assert.deepEqual(found(query), found(same), query)
      assert.match(library.search(query).note ?? '', note, query)
    }
    for (const query of ['alpha or', '"OR" alpha', 'alpha OR OR beta', 'alpha OR AND beta', '-(alpha) OR beta'])
      assert.doesNotMatch(library.search(query).note ?? '', /left out/, query)
    assert.match(library.search('OR AND').note ?? '', /left out.*There is no word to search for in this\.$/)
    assert.deepEqual(parseQuery('OR').written, 'OR', 'alone it is a word')
  })

  test('says that a field has nothing behind it, or a range its dates the wrong way round', () => {
    for (const field of ['title', 'abstract', 'author', 'org', 'tag', 'list', 'cat', 'id', 'date', 'has', 'is', 'sort'])
      for (const query of [`${field}:`, `alpha ${field}: beta`, `(${field}:)`, `${field}:""`]) {
        const { note, nodes } = parseQuery(query)
        assert.match(note ?? '', new RegExp(`^${field}: is searched as plain words: ${field}: takes `), query)
        assert.ok(nodes.length, query)
      }
    assert.match(
      parseQuery('title:*** alpha').note ?? '',
      /^title:\*\*\* is searched as plain words: title: takes words\.$/,
    )
    assert.deepEqual(
      parseQuery('has: alpha').terms.map(({ sequences }) => sequences[0]),
      [['has'], ['alpha']],
    )
    for (const query of ['date:2021..2020', 'date:2021..2020-12', 'date:2020-03-02..2020-03-01'])
      assert.match(
        parseQuery(query).note ?? '',
        /is searched as plain words: date: takes .* the earlier first\.$/,
        query,
      )
    for (const query of ['date:2020..2020', 'date:2020-03..2020', 'date:2020..2020-01', 'date:2020-03-01..2020-03'])
      assert.equal(parseQuery(query).note, undefined, query)
  })

  test('answers any text, and never finds what fails a filter', () => {
    const pieces = fc.constantFrom(
      '(',
      ')',
      '-',
      '"',
      ' ',
      'OR',
      'AND',
      'alpha',
      'date:',
      'cat:cs.LG',
      'is:read',
      ':',
      '..',
      'sort:new',
      '*',
      '^',
      'NEAR(',
      '\u0000',
      '😀',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'grapheme' }),
          fc.array(pieces, { maxLength: 30 }).map(all => all.join('')),
        ),
        text => {
          for (const options of [{}, { typing: true }, { facets: true }]) library.search(text, options)
          const some = library.search(`${text.replace(/["()]/g, ' ')} cat:cs.DC`).papers
          if (!/OR\s*$/.test(text) && text.length < 200)
            for (const paper of some) assert.ok(paper.categories.includes('cs.DC'), text)
        },
      ),
      { numRuns: 300, seed: 5 },
    )
  })

  test('orders as it is asked to', () => {
    const order = (query: string) => library.search(query, { limit: 1000 }).papers
    const voted = new Set(where((_, index) => index % 3 === 0))
    const top = order('about sort:top').map(paper => voted.has(paper.key))
    assert.deepEqual(
      top,
      [...top].sort((a, b) => Number(b) - Number(a)),
    )
    assert.deepEqual(order('sort:new').length, 60)
    // Who voted later counts more, and an empty query is what trends.
    assert.deepEqual(
      order('sort:trending').map(paper => paper.key),
      order('').map(paper => paper.key),
    )
    assert.ok(
      order('')
        .slice(0, voted.size)
        .every(paper => voted.has(paper.key)),
    )
    const pages = [0, 7, 14, 21, 28, 35, 42, 49, 56].flatMap(offset => library.search('', { limit: 7, offset }).papers)
    assert.equal(new Set(pages.map(paper => paper.key)).size, 60)
  })

  test('knows that a query is about what the reader did', () => {
    const personal = (query: string) => parseQuery(query).personal
    assert.deepEqual(['is:read', '(a OR -list:b)', 'tag:x', 'has:notes'].map(personal), [true, true, true, true])
    assert.deepEqual(['cat:cs.LG', 'is:withdrawn', 'has:code', 'list'].map(personal), [false, false, false, false])
  })

  test('finds words whose end is still being typed', () => {
    const typed = (query: string) => library.search(query, { typing: true, limit: 1000 }).total
    assert.equal(typed('alp'), found('alpha').length)
    assert.equal(typed('alpha bet'), found('alpha beta').length)
    assert.deepEqual(
      [typed('alp '), typed('alp beta')],
      [0, 0].map((_, index) => library.search(['alp', 'alp beta'][index]).total),
    )
    const [{ titleParts }] = library.search('title:gam', { typing: true }).papers
    assert.ok(titleParts.some(part => part.match && part.text === 'gamma'))
  })

  test('takes the plural and the singular of a word for the same, but not in quotation marks', async () => {
    const forms = await libraryOf([
      { title: 'Vector databases', abstract: 'Queries of indexes.', id: '2401.00001' },
      { title: 'A vector database', abstract: 'One query, one index, one class.', id: '2401.00002' },
      { title: 'Classes of bus', abstract: 'Analysis.', id: '2401.00003' },
    ])
    const keys = (query: string) =>
      forms
        .search(query)
        .papers.map(({ key }) => key.slice(-1))
        .sort()
        .join('')
    assert.deepEqual(
      [
        'database',
        'databases',
        '"databases"',
        'query',
        'queries',
        'index',
        'class',
        'classes',
        'title:vectors',
        '-databases',
      ].map(keys),
      ['12', '12', '1', '12', '12', '12', '23', '23', '12', '3'],
    )
    const [{ titleParts }] = forms.search('databases vector a').papers
    assert.ok(titleParts.some(part => part.match))
    assert.deepEqual(
      ['medoid', 'study', 'day', 'box', 'boxes', 'process', 'corpus', 'analysis', 'c', 'gpt4', 'queries'].map(word =>
        otherForms(word),
      ),
      [['medoids'], ['studies'], [], [], ['box', 'boxe'], ['processes'], [], [], [], [], ['query']],
    )
  })

  test('counts what it found', () => {
    const { facets, total } = library.search('alpha', { facets: true })
    const of = (is: (paper: Made) => boolean) =>
      where(paper => (has(paper.title, 'alpha') || has(paper.abstract, 'alpha')) && is(paper)).length
    assert.equal(
      total,
      of(() => true),
    )
    assert.equal(
      facets!.code,
      of(paper => paper.githubRepo !== undefined),
    )
    assert.deepEqual(
      facets!.years.map(({ value }) => value),
      ['2025', '2024', '2023'],
    )
    for (const { value, count } of facets!.years)
      assert.equal(
        count,
        of(paper => paper.publishedAt.startsWith(value)),
      )
    for (const { value, count } of facets!.categories)
      assert.equal(
        count,
        of(paper => paper.categories.includes(value)),
      )
    assert.equal(facets!.categories.find(({ value }) => value === 'cs.LG')!.label, 'Machine Learning')
    const ada = facets!.authors.find(({ label }) => label === 'Ada Lovelace')!
    assert.deepEqual([ada.value, ada.count], ['ada-lovelace', of(paper => paper.authors.includes('Ada Lovelace'))])
  })

  test('says what may have been meant', () => {
    const meant = (query: string) => library.search(query).suggestion
    assert.deepEqual(
      [meant('alhpa'), meant('gama'), meant('alpha gammma'), meant('lapha')],
      ['alpha', 'gamma', 'alpha gamma', 'alpha'],
    )
    assert.deepEqual([meant('alpha'), meant('xyzzy'), meant('abc')], [undefined, undefined, undefined])
  })
})

test('a paper of a year or a month is in all ranges that have a day of it', async () => {
  const dates = [
    '2019',
    '2020',
    '2020-01',
    '2020-03',
    '2020-12',
    '2021',
    '2020-01-01',
    '2020-02-29',
    '2020-03-15',
    '2021-01-01',
  ]
  const dated = await libraryOf(
    dates.map((publishedAt, at) => ({ id: `2401.${10_000 + at}`, title: `t${at}`, abstract: 'x', publishedAt })),
  )
  const day = (text: string, last: boolean) => {
    const [year, month, date] = text.split('-').map(Number)
    const [first, after] = date
      ? [Date.UTC(year, month - 1, date), Date.UTC(year, month - 1, date + 1)]
      : month
        ? [Date.UTC(year, month - 1), Date.UTC(year, month)]
        : [Date.UTC(year, 0), Date.UTC(year + 1, 0)]
    return last ? after - 1 : first
  }
  const check = (query: string, from: number, to: number) => {
    const wanted = dates.filter(date => day(date, false) <= to && day(date, true) >= from)
    const found = dated.search(query, { limit: 100 }).papers.map(({ publishedAt }) => publishedAt)
    assert.deepEqual(found.sort(), [...wanted].sort(), query)
  }
  const ends = ['2019', '2020', '2021', '2020-01', '2020-02', '2020-03', '2020-12', '2021-01']
  ends.push('2019-12-31', '2020-01-01', '2020-01-02', '2020-03-01', '2020-03-15', '2020-12-31', '2021-01-01')
  for (const end of ends) {
    check(`date:${end}`, day(end, false), day(end, true))
    check(`date:>=${end}`, day(end, false), Infinity)
    check(`date:>${end}`, day(end, true) + 1, Infinity)
    check(`date:<=${end}`, -Infinity, day(end, true))
    check(`date:<${end}`, -Infinity, day(end, false) - 1)
    for (const other of ends)
      if (day(end, false) <= day(other, true)) check(`date:${end}..${other}`, day(end, false), day(other, true))
  }
  assert.equal(dated.search('date:2020-01..2020-12').total, 7)
})

test('a name in quotation marks is found with its hyphens and apostrophes, and with the family name first', async () => {
  const people = await libraryOf([
    { id: '2401.00001', title: 'a', abstract: 'x', authors: ['Hector Garcia-Molina', 'Shaquille O’Neal'] },
    {
      id: '2401.00002',
      title: 'b',
      abstract: 'x',
      authors: ["Cathy O'Neil", 'Jean-Pierre Serre'],
      organization: 'AT&T',
    },
    { id: '2401.00003', title: 'c', abstract: 'x', authors: ['Serre, Jean-Pierre'], organization: 'AT&T Bell Labs' },
    { id: '2401.00004', title: 'd', abstract: 'x', authors: ['Jean Pierre', 'Anne Serre', 'Neil Garcia'] },
  ])
  for (const [query, wanted] of [
    ['author:"Garcia-Molina"', '1'],
    ['author:"O\'Neil"', '2'],
    ['author:"O’Neal"', '1'],
    ['author:"Hector Garcia-Molina"', '1'],
    ['author:"Garcia-Molina, Hector"', '1'],
    ['author:"Serre, Jean-Pierre"', '23'],
    ['author:"Serre, Jean-Pierre" OR author:"O’Neal"', '123'],
    ['-author:"Serre, Jean-Pierre"', '14'],
    ['author:"Jean-Pierre Serre"', '23'],
    ['author:"Jean Serre"', ''],
    ['author:" Serre "', '234'],
    ['author:"Serre, "', '234'],
    ['org:"AT&T"', '23'],
    ['org:"AT&T Bell Labs"', '3'],
  ]) {
    const found = people
      .search(query)
      .papers.map(({ key }) => key.at(-1))
      .sort()
    assert.equal(found.join(''), wanted, query)
  }
})

test('the distance of two words is that of the shortest way between them', () => {
  // By trying all ways, which are few for words this short.
  const slow = (a: string, b: string): number => {
    if (!a || !b) return a.length + b.length
    const swap = a.length > 1 && b.length > 1 && a[0] === b[1] && a[1] === b[0] ? 1 + slow(a.slice(2), b.slice(2)) : 99
    return Math.min(
      slow(a.slice(1), b) + 1,
      slow(a, b.slice(1)) + 1,
      slow(a.slice(1), b.slice(1)) + (a[0] === b[0] ? 0 : 1),
      swap,
    )
  }
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 5 })
  fc.assert(
    fc.property(word, word, fc.nat(4), (a, b, most) => {
      const distance = slow(a, b)
      assert.equal(editDistance(a, b, most), distance <= most ? distance : undefined)
    }),
  )
})
