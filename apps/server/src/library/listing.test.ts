import assert from 'node:assert/strict'
import { createReadStream, existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { parseListing } from './listing.ts'
import { abstractAbout, listed } from './made-papers.fixture.ts'
import type { ImportedRecord, ImportItem } from './types.ts'

const importDay = '2025-12-20'

async function parse(
  text: string | Iterable<string | Uint8Array>,
  options: { importDay?: string; year?: number } = {},
) {
  const items: ImportItem[] = []
  for await (const item of parseListing(typeof text === 'string' ? [text] : text, { importDay, ...options }))
    items.push(item)
  return items
}

async function read(text: string, options = {}): Promise<ImportedRecord[]> {
  return (await parse(text, options)).map(item => {
    assert.ok('record' in item, `refused: ${JSON.stringify(item)}`)
    return item.record
  })
}

async function refusals(text: string) {
  return (await parse(text)).flatMap(item => ('refused' in item ? [item.refused] : []))
}

const header =
  'new\n\nGet trending papers in your email inbox!\n\nSubscribe\n\nDaily Papers\n\nbyAK and the research community\n\nDec 12\n\n'

describe('a listing', () => {
  test('gives a title, an abstract, authors, a date and comments', async () => {
    const [paper, ...rest] = await read(header + listed('On Made Things', '  • 5 authors\n·\nFeb 24, 2024 2'))
    assert.equal(rest.length, 0)
    assert.deepEqual(paper, {
      title: 'On Made Things',
      abstract: abstractAbout('On Made Things'),
      authors: [],
      authorCount: 5,
      organization: undefined,
      publishedAt: '2024-02-24',
      commentCount: 2,
      categories: [],
      withdrawn: false,
      source: 'listing',
    })
  })

  test('takes a date without year as the latest one not after its own date', async () => {
    const papers = await read(header + listed('One', 'Dec 12') + listed('Two', 'Dec 13') + listed('Three', 'Jan 7 3'))
    assert.deepEqual(
      papers.map(paper => paper.publishedAt),
      ['2025-12-12', '2024-12-13', '2025-01-07'],
    )
    assert.equal(papers[2].commentCount, 3)
  })

  test('takes the header date of the year before where it would lie in the future', async () => {
    const papers = await read(header + listed('One', 'Dec 11'), { importDay: '2026-03-01' })
    assert.equal(papers[0].publishedAt, '2025-12-11')
  })

  test('takes the year that is given for its own date', async () => {
    const papers = await read(header + listed('One', 'Dec 13'), { year: 2021 })
    assert.equal(papers[0].publishedAt, '2020-12-13')
  })

  test('finds 29 February in the last leap year', async () => {
    const [paper] = await read(listed('One', 'Feb 29'))
    assert.equal(paper.publishedAt, '2024-02-29')
  })

  test('may have no header, or only its date', async () => {
    assert.equal((await read(listed('One', '1 author')))[0].title, 'One')
    assert.equal((await read(`Dec 12\n\n${listed('One', 'Dec 13')}`))[0].publishedAt, '2024-12-13')
  })

  test('keeps two papers apart that have no lines of authors', async () => {
    const papers = await read(header + listed('One') + listed('Two') + listed('Three', '·\nMay 1, 2020'))
    assert.deepEqual(
      papers.map(paper => paper.title),
      ['One', 'Two', 'Three'],
    )
    assert.equal(papers[0].publishedAt, undefined)
  })

  test('keeps an abstract of two paragraphs together', async () => {
    const [paper, ...rest] = await read(listed('One', '2 authors', `${abstractAbout('a')}\n\n${abstractAbout('b')}`))
    assert.equal(rest.length, 0)
    assert.equal(paper.abstract, `${abstractAbout('a')}\n\n${abstractAbout('b')}`)
  })

  test('keeps a first paragraph that has no full stop', async () => {
    const first = abstractAbout('a').slice(0, 250)
    const [paper, ...rest] = await read(listed('One', '2 authors', `${first}\n\n${abstractAbout('b')}`))
    assert.equal(rest.length, 0)
    assert.ok(paper.abstract.startsWith(first))
  })

  test('gives an organization once where its logo says it too', async () => {
    const names = ['Zyphra Zyphra', 'New Lab New Lab', 'One Two Three', 'Solo'].map(name => `${name}\n·\nNov 21 1`)
    const papers = await read(names.map((meta, index) => listed(`Paper ${index}`, meta)).join(''))
    assert.deepEqual(
      papers.map(paper => paper.organization),
      ['Zyphra', 'New Lab', 'One Two Three', 'Solo'],
    )
  })

  test('may have an empty line within the lines of authors and date', async () => {
    const [paper, ...rest] = await read(
      listed('One', '• 3 authors\n\n·\n\nFeb 3, 2021 4') + listed('Two', 'Feb 4, 2021'),
    )
    assert.equal(rest.length, 1)
    assert.deepEqual([paper.authorCount, paper.publishedAt, paper.commentCount], [3, '2021-02-03', 4])
  })

  test('may have no empty line between abstract and authors', async () => {
    const [paper] = await read(`One\n\n${abstractAbout('it')}\n• 3 authors\n·\nFeb 3, 2021`)
    assert.deepEqual([paper.abstract, paper.authorCount, paper.organization], [abstractAbout('it'), 3, undefined])
  })

  test('pasted twice gives every paper twice and nothing else', async () => {
    const once = header + listed('One', '1 authors\n·\nDec 1') + listed('Two')
    const papers = await read(once + once)
    assert.deepEqual(
      papers.map(paper => paper.title),
      ['One', 'Two', 'One', 'Two'],
    )
  })

  test('may be indented, with non-breaking spaces, a byte-order mark and old Mac line ends', async () => {
    const plain = header + listed('One Two', '• 1 authors\n·\nDec 1')
    const expected = await read(plain)
    assert.deepEqual(await read(`\ufeff${plain.replaceAll('\n', '\r')}`), expected)
    assert.deepEqual(await read(plain.replaceAll('\n', '  \r\n\t ')), expected)
    assert.deepEqual(await read(plain.replace('One Two', 'One\u00a0\u200bTwo')), expected)
  })

  test('may have its line ends as the two characters \\n', async () => {
    const plain = header + listed('One', '• 1 authors\n·\nDec 1')
    assert.deepEqual(await read(plain.replaceAll('\n', '\\n')), await read(plain))
    assert.deepEqual(await read(plain.replaceAll('\n', '\\r\\n')), await read(plain))
  })

  test('keeps a \\n of TeX where it has real line ends', async () => {
    const [paper] = await read(listed('One', '1 author', `${abstractAbout('it')} Here $\\nu$ is small.`))
    assert.match(paper.abstract, /\$\\nu\$/)
  })

  test('keeps markup as text', async () => {
    const [paper] = await read(listed('<script>alert(1)</script> & <b>x</b>'))
    assert.equal(paper.title, '<script>alert(1)</script> & <b>x</b>')
  })

  test('turns TeX accents into letters and keeps the text as it came', async () => {
    const [paper] = await read(listed("Sch\\\"on and G\\'{e}om\\'etrie", '1 author'))
    assert.equal(paper.title, 'Schön and Géométrie')
    assert.equal(paper.raw?.title, "Sch\\\"on and G\\'{e}om\\'etrie")
  })

  test('that is empty gives nothing', async () => {
    assert.deepEqual(await parse(''), [])
    assert.deepEqual(await parse('\n \r\n\t\n'), [])
    assert.deepEqual(await parse(header), [])
  })
})

describe('what is no paper is refused by line, and reading goes on:', () => {
  const good = listed('Good', '1 author')

  test('a short abstract', async () => {
    assert.deepEqual(await refusals(`${listed('Short', '1 author', 'Too short.')}${good}`), [
      { line: 1, reason: "the abstract of 'Short' has 10 characters, at least 200" },
    ])
    assert.equal((await parse(`${listed('Short', '1 author', 'Too short.')}${good}`)).length, 2)
  })

  test('a cut pair at the end', async () => {
    assert.deepEqual(await refusals(`${good}Cut\n\nThe text ends he`), [
      { line: 7, reason: "the abstract of 'Cut' has 16 characters, at least 200" },
    ])
  })

  test('a title alone at the end', async () => {
    assert.deepEqual(await refusals(`${good}Alone`), [{ line: 7, reason: "'Alone' has no abstract" }])
  })

  test('a title of more than 300 characters', async () => {
    const items = await parse(`${listed('long '.repeat(70))}${good}`)
    assert.deepEqual(
      items.map(item => 'record' in item),
      [false, true],
    )
    assert.deepEqual(await refusals(`${listed('long '.repeat(70))}${good}`), [
      { line: 1, reason: 'a title of 349 characters, at most 300' },
    ])
  })

  test('a day that does not exist', async () => {
    assert.deepEqual(
      await refusals(listed('One', 'Feb 30, 2024') + listed('Two', 'Feb 29, 2023') + listed('Three', 'Apr 31')),
      [
        { line: 1, reason: 'there is no day February 30, 2024' },
        { line: 7, reason: 'there is no day February 29, 2023' },
        { line: 13, reason: 'there is no day April 31' },
      ],
    )
  })

  test('authors without a paper', async () => {
    assert.deepEqual(await refusals(`• 3 authors\n·\n\n${good}`), [
      { line: 1, reason: 'authors or a date without a paper before them' },
    ])
  })

  test('a block of more than 1 MB', async () => {
    const items = await parse(['Huge\n\n', ...Array(1100).fill('x'.repeat(1000)), `\n\n1 author\n\n${good}`])
    assert.deepEqual(
      items.map(item => ('record' in item ? item.record.title : item.refused)),
      [{ line: 1, reason: 'longer than 1 MB: no paper' }, 'Good'],
    )
  })

  test('a million short blocks, in bounded memory', async () => {
    const items = await parse(
      (function* () {
        yield good
        for (let at = 0; at < 1000; at++) yield 'some words\n\n'.repeat(200)
        yield good
      })(),
    )
    assert.deepEqual(
      items.map(item => 'record' in item),
      [true, false, true],
    )
  })

  test('a long text before the heading', async () => {
    assert.deepEqual(await refusals(`Cookies\n\n${abstractAbout('cookies')}\n\n${header}${good}`), [
      { line: 3, reason: 'text before the heading Daily Papers' },
    ])
  })
})

test('bytes that are not UTF-8 are replaced, and it is said', async () => {
  let said = 0
  const bytes = new TextEncoder().encode(listed('Caf? One', '1 author'))
  bytes[3] = 0xe9
  const items: ImportItem[] = []
  for await (const item of parseListing([bytes], { onInvalid: () => said++ })) items.push(item)
  assert.equal(said, 1)
  assert.equal('record' in items[0] && items[0].record.title, 'Caf\ufffd One')
})

const lines = fc.oneof(
  fc.constantFrom(
    'Daily Papers',
    'new',
    'Subscribe',
    'byAK',
    'Dec 12',
    'Feb 30, 2020',
    '•  3 authors',
    '·',
    '',
    '',
    '\u00a0',
    '\\n',
    '\\',
    'Title',
    'Zyphra Zyphra',
    abstractAbout('one'),
    `${abstractAbout('two')} $`,
    'é'.repeat(210),
    '\ufeff',
    '🙂 emoji title',
  ),
  fc.string({ unit: 'binary', maxLength: 30 }),
)
const listings = fc
  .array(fc.tuple(lines, fc.constantFrom('\n', '\n\n', '\r\n\r\n', '\r', '\\n', '\\r\\n')), { maxLength: 30 })
  .map(parts => parts.flat().join(''))

test('chunks may end anywhere, also within a character', async () => {
  await fc.assert(
    fc.asyncProperty(listings, fc.array(fc.nat(), { maxLength: 8 }), async (text, cuts) => {
      const bytes = new TextEncoder().encode(text)
      const ends = [...cuts.map(cut => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
      const chunks = ends.map((end, index) => bytes.subarray(index ? ends[index - 1] : 0, end))
      assert.deepEqual(await parse(chunks), await parse([bytes]))
    }),
    { numRuns: 300, seed: 7 },
  )
})

test('a listing gives the same one byte at a time', async () => {
  const text = `${header}${listed('Über One', '• 1 authors\n·\nDec 1')}${listed('Two')}`
  for (const variant of [text, text.replaceAll('\n', '\r\n'), text.replaceAll('\n', '\\r\\n')]) {
    const bytes = new TextEncoder().encode(variant)
    assert.deepEqual(await parse(Array.from(bytes, byte => Uint8Array.of(byte))), await parse([bytes]))
  }
})

test('any bytes are read to the end, and every item has its line', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), listings, async (bytes, text) => {
      for (const item of await parse([bytes, text])) assert.ok(('record' in item ? item.line : item.refused.line) >= 1)
    }),
    { numRuns: 200, seed: 7 },
  )
})

const sample = fileURLToPath(new URL('../../../../../shared/data/daily-papers-listing/listing.txt', import.meta.url))
const missing = existsSync(sample) ? false : 'shared/data/daily-papers-listing is missing'

describe('the real listing of 12 December 2025', { skip: missing }, () => {
  async function readSample(options = {}) {
    const items: ImportItem[] = []
    for await (const item of parseListing(createReadStream(sample), { importDay: '2026-11-24', ...options }))
      items.push(item)
    return items.map(item => {
      assert.ok('record' in item)
      return item.record
    })
  }

  test('has 34 papers, 31 with 189 authors in all, and one organization', async () => {
    const papers = await readSample()
    const counts = papers.flatMap(paper => paper.authorCount ?? [])
    assert.equal(papers.length, 34)
    assert.equal(counts.length, 31)
    assert.equal(
      counts.reduce((a, b) => a + b),
      189,
    )
    assert.equal(Math.max(...counts), 25)
    assert.match(papers.find(paper => paper.authorCount === 25)!.title, /C4/)
    assert.deepEqual(
      papers.flatMap(paper => paper.organization ?? []),
      ['Zyphra'],
    )
  })

  test('has dates from 2016-03-30 to 2025-11-21 and two papers without, and 11 comments', async () => {
    const papers = await readSample()
    const dates = papers.flatMap(paper => paper.publishedAt ?? []).sort()
    assert.deepEqual([dates.length, dates[0], dates.at(-1)], [32, '2016-03-30', '2025-11-21'])
    assert.equal(dates.filter(date => date >= '2025').length, 11)
    const undated = papers.filter(paper => !paper.publishedAt && !paper.authorCount && !paper.organization)
    assert.deepEqual(
      undated.map(paper => paper.title.split(':')[0]),
      ['EfficientLLM', 'SWE-Bench Pro'],
    )
    assert.deepEqual(
      papers.flatMap(paper => paper.commentCount ?? []),
      [2, 1, 8],
    )
  })
})
