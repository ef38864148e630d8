import assert from 'node:assert/strict'
import { createReadStream, existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { defineMethod, definePaper, type Paper, z } from '@offprint/papers'
import fc from 'fast-check'
import { openDatabase } from '../database.ts'
import { createLibrary } from './library.ts'
import { parseListing } from './listing.ts'
import { abstractAbout, listed, streamOf } from './made-papers.fixture.ts'
import type { ImportedRecord, Library, PaperRecord } from './types.ts'

const day = 86_400_000
/** A library whose clock stands still until it is set. */
function open(start = '2025-12-12T10:00:00.000Z') {
  const clock = { now: new Date(start) }
  const library = createLibrary(openDatabase(':memory:'), { now: () => clock.now })
  return { library, clock }
}

const importLines = (library: Library, ...records: object[]) =>
  library.importStream(streamOf(records.map(record => JSON.stringify(record)).join('\n')), {
    name: 'made',
    format: 'jsonl',
  })
const importListing = (library: Library, text: string) => library.importStream(streamOf(text), { name: 'made' })
const all = (library: Library) => [...library.records()]

function paperAt(library: Library, key: string): PaperRecord {
  const found = library.paper(key)
  assert.ok(found && 'title' in found, `${key} leads to ${JSON.stringify(found)}`)
  return found
}

const seedOf = (slug: string, about: Partial<Paper['about']> & { title: string }) =>
  definePaper({ slug, about: { summary: `Our words about ${slug}.`, topics: ['made'], ...about } })

describe('records of the same paper become one', () => {
  test('by arXiv id, in any spelling and version', async () => {
    const { library } = open()
    const ids = [
      '2008.05171',
      'arXiv:2008.05171v2',
      'https://arxiv.org/pdf/2008.05171v1.pdf',
      'https://hf.co/papers/2008.05171',
    ]
    const report = await importLines(library, ...ids.map((id, index) => ({ id, title: `Title ${index}` })), {
      doi: '10.48550/arXiv.2008.05171',
      title: 'x',
    })
    assert.deepEqual([library.count(), report.added], [1, 1])
    assert.deepEqual([paperAt(library, '2008.05171').title, paperAt(library, '2008.05171').version], ['Title 1', 2])
  })

  test('by DOI, whatever its case', async () => {
    const { library } = open()
    await importLines(
      library,
      { title: 'A', doi: '10.1000/AbC' },
      { title: 'B', doi: 'https://doi.org/10.1000/aBc', id: '2008.05171' },
    )
    assert.equal(library.count(), 1)
    assert.equal(all(library)[0].key, '2008.05171')
    assert.deepEqual(library.paper('doi:10.1000/abc'), { redirect: '2008.05171' })
    assert.deepEqual(library.paper('https://doi.org/10.1000/ABC'), { redirect: '2008.05171' })
  })

  test('by title, first author and year, where nothing known speaks against it', async () => {
    const { library } = open()
    await importLines(
      library,
      { title: 'On K\\"onig', authors: ['A. Müller'], date: '2020-12-31' },
      { title: 'ON KONIG!', authors: ['Muller, Anna'], date: '2021-01-01' },
      { title: 'On König' },
    )
    assert.equal(library.count(), 1)
    await importLines(
      library,
      { title: 'On König', authors: ['B. Other'] },
      { title: 'On König', authors: ['A. Müller'], date: '2024-01-01' },
    )
    assert.equal(library.count(), 3)
  })

  test('but never two different arXiv ids, though title and authors are the same', async () => {
    const { library } = open()
    await importLines(
      library,
      { title: 'Same', id: '2008.05171' },
      { title: 'Same', id: '2008.05172' },
      { title: 'Same' },
    )
    assert.equal(library.count(), 2)
  })

  test('and their old keys lead to them', async () => {
    const { library } = open()
    await importLines(library, { title: 'Same' })
    const [{ key }] = all(library)
    await importLines(
      library,
      { title: 'Same', doi: '10.1000/a' },
      { title: 'Same', doi: '10.1000/a', id: 'math.GT/0309136v2' },
    )
    assert.deepEqual(library.paper(key), { redirect: 'math/0309136' })
    assert.deepEqual(library.paper('doi:10.1000/a'), { redirect: 'math/0309136' })
    assert.deepEqual(library.paper('math/0309136v2'), { redirect: 'math/0309136', version: 2 })
  })

  test('also where a later record shows that two are one', async () => {
    const { library } = open()
    await importLines(
      library,
      { title: 'Working title', doi: '10.1000/a' },
      { title: 'Final title', abstract: 'Text.' },
    )
    const keys = all(library).map(({ key }) => key)
    await importLines(library, { title: 'Final title', doi: '10.1000/a', id: '2008.05171' })
    assert.deepEqual([library.count(), paperAt(library, '2008.05171').abstract], [1, 'Text.'])
    for (const key of keys) assert.deepEqual(library.paper(key), { redirect: '2008.05171' })
  })
})

describe('of two records of a paper', () => {
  test('the newer version wins, and empty never overwrites full', async () => {
    const { library } = open()
    const id = '2008.05171'
    await importLines(library, { id: `${id}v2`, title: 'Two', abstract: 'Second.', authors: ['B'], comment: 'c' })
    await importLines(library, { id: `${id}v1`, title: 'One', abstract: 'First.', authors: ['A'], license: 'CC0' })
    assert.partialDeepStrictEqual(paperAt(library, id), {
      title: 'Two',
      abstract: 'Second.',
      license: 'CC0',
      version: 2,
    })
    await importLines(library, { id: `${id}v3`, title: 'Three' })
    assert.partialDeepStrictEqual(paperAt(library, id), {
      title: 'Three',
      abstract: 'Second.',
      authors: [{ name: 'B' }],
      comment: 'c',
    })
  })

  test('the moment when the paper first appeared here stays', async () => {
    const { library, clock } = open()
    await importLines(library, { id: '2008.05171', title: 'A' })
    clock.now = new Date(clock.now.getTime() + day)
    await importLines(library, { id: '2008.05171v2', title: 'B' })
    assert.partialDeepStrictEqual(paperAt(library, '2008.05171'), {
      title: 'B',
      submittedAt: '2025-12-12T10:00:00.000Z',
      fetchedAt: '2025-12-13T10:00:00.000Z',
    })
    await importLines(
      library,
      { id: '2008.05171', title: 'A', submittedAt: '2024-01-01T00:00:00Z' },
      { title: 'Future', submittedAt: '2999-01-01T00:00:00Z' },
    )
    assert.deepEqual(
      all(library).map(record => record.submittedAt),
      ['2024-01-01T00:00:00.000Z', '2025-12-13T10:00:00.000Z'],
    )
  })

  test('neither changes anything when they are read again, whatever they say', async () => {
    const records = fc.array(
      fc.record(
        {
          title: fc.constantFrom('One', 'Two', 'one!'),
          id: fc.constantFrom('2008.05171', '2008.05171v2', '2008.05171v3', '2008.05172'),
          doi: fc.constantFrom('10.1000/a', '10.1000/b', '10.48550/arXiv.2008.05172'),
          authors: fc.constantFrom(['A'], ['B', 'C'], []),
          abstract: fc.constantFrom('First.', 'Second.', ''),
          date: fc.constantFrom('2020-01', '2020-01-05', '2021-03-04', '2022-02'),
          updated: fc.constantFrom('2021-03-04', '2023-01-01'),
          categories: fc.constantFrom('cs.LG', 'cs.DC'),
          withdrawn: fc.boolean(),
          commentCount: fc.nat(3),
          authorCount: fc.nat(3),
        },
        { requiredKeys: ['title'] },
      ),
      { minLength: 1, maxLength: 8 },
    )
    await fc.assert(
      fc.asyncProperty(records, async made => {
        const { library, clock } = open()
        await importLines(library, ...made)
        const [before, revision] = [all(library), library.revision()]
        clock.now = new Date(clock.now.getTime() + day)
        const report = await importLines(library, ...made)
        assert.deepEqual(all(library), before)
        assert.equal(report.unchanged, made.length)
        assert.equal(library.revision(), revision)
        assert.equal(new Set(before.map(({ key }) => key)).size, before.length)
        for (const { key, title } of before) assert.equal(paperAt(library, key).title, title)
      }),
      { numRuns: 500, seed: 7 },
    )
  })
})

describe('papers that run here', () => {
  const about = { title: 'A Made Method', publishedAt: '2020-08', authors: ['Ann Bee'], code: 'https://example.com' }

  test('runs where it has a method, and no longer where it has none', () => {
    const library = createLibrary(openDatabase(':memory:'))
    const run = defineMethod({
      title: 'Run',
      description: 'Runs.',
      effort: 'quick',
      input: z.object({}),
      run: async () => [],
    })
    const paper = (methods: Record<string, typeof run>) => {
      const about = { title: 'Made', summary: 'Words.', topics: ['made'], arxiv: '2008.05171' }
      return definePaper({ slug: 'made', about, methods })
    }
    const found = () => library.search('has:runs').total
    library.seed([paper({}), seedOf('other', { title: 'Other', arxiv: '2401.00001' })])
    assert.equal(found(), 0)
    library.seed([paper({ run })])
    assert.equal(found(), 1)
    library.seed([paper({})])
    assert.equal(found(), 0)
    library.seed([paper({ run })])
    library.seed([])
    assert.equal(found(), 0, 'its definition is gone')
  })

  test('are there from the start, and seeding them again changes nothing', () => {
    const { library, clock } = open()
    library.seed([seedOf('made', about), seedOf('other', { title: 'Other', arxiv: '2008.05171' })])
    const [before, revision] = [all(library), library.revision()]
    assert.deepEqual(
      before.map(({ slug, source, authorCount }) => [slug, source, authorCount]),
      [
        ['made', 'offprint', 1],
        ['other', 'offprint', undefined],
      ],
    )
    clock.now = new Date(clock.now.getTime() + day)
    library.seed([seedOf('made', about), seedOf('other', { title: 'Other', arxiv: '2008.05171' })])
    assert.deepEqual([all(library), library.revision()], [before, revision])
    assert.deepEqual(library.paper('other'), { redirect: '2008.05171' })
  })

  test('merge with what is imported, before or after, and keep its abstract and our summary', async () => {
    for (const seedFirst of [true, false]) {
      const { library } = open()
      const text = listed('A made method', '• 3 authors\n·\nAug 12, 2020 2')
      if (seedFirst) library.seed([seedOf('made', about)])
      await importListing(library, text)
      library.seed([seedOf('made', about)])
      assert.equal((await importListing(library, text)).unchanged, 1)
      const [paper, ...rest] = all(library)
      assert.equal(rest.length, 0)
      assert.partialDeepStrictEqual(paper, {
        slug: 'made',
        abstract: abstractAbout('A made method'),
        summary: 'Our words about made.',
        publishedAt: '2020-08-12',
        commentCount: 2,
        authorCount: 1,
      })
    }
  })

  test('change where their definition changes, and stay without it', async () => {
    const { library } = open()
    library.seed([seedOf('made', about)])
    await importLines(library, {
      title: about.title,
      authors: about.authors,
      abstract: 'Imported.',
      organization: 'Imported Lab',
    })
    library.seed([seedOf('made', { ...about, summary: 'New words.', arxiv: '2008.05171' })])
    assert.partialDeepStrictEqual(paperAt(library, '2008.05171'), {
      summary: 'New words.',
      abstract: 'Imported.',
      organization: 'Imported Lab',
      slug: 'made',
    })
    library.seed([])
    assert.equal(paperAt(library, '2008.05171').slug, undefined)
    assert.equal(library.count(), 1)
    library.seed([seedOf('made', about)])
    assert.equal(library.count(), 1)
    assert.equal(all(library)[0].slug, 'made')
  })

  test('with facts that cannot be are refused by name', () => {
    const { library } = open()
    assert.throws(() => library.seed([seedOf('made', { title: 'A', arxiv: '../../etc' })]), /paper 'made': about.arxiv/)
    assert.throws(() => library.seed([seedOf('made', { title: 'A', doi: 'x' })]), /paper 'made': about.doi/)
    assert.throws(
      () => library.seed([seedOf('made', { title: 'A', publishedAt: '2020-02-30' })]),
      /paper 'made': about.publishedAt/,
    )
    assert.equal(library.count(), 0)
  })
})

describe('days', () => {
  test('have the papers that appeared on them, and their neighbours', async () => {
    const { library, clock } = open()
    await importLines(
      library,
      { title: 'A' },
      { title: 'Old', submittedAt: '2025-12-01T23:59:59.999Z' },
      { title: 'B' },
    )
    clock.now = new Date('2025-12-14T00:00:00.000Z')
    await importLines(library, { title: 'C' })
    const titles = (date: string) => library.day(date)?.papers.map(({ title }) => title)
    assert.deepEqual(titles('2025-12-12'), ['A', 'B'])
    const page = library.day('2025-12-12', { limit: 1, offset: 1 })!
    assert.deepEqual([page.papers.map(({ title }) => title), page.total], [['B'], 2])
    assert.deepEqual([titles('2025-12-01'), titles('2025-12-02'), titles('2025-12-14')], [['Old'], [], ['C']])
    const { previous, next } = library.day('2025-12-13')!
    assert.deepEqual([previous, next, library.latestDay()], ['2025-12-12', '2025-12-14', '2025-12-14'])
    assert.equal(library.day('2025-12-14')!.next, undefined)
    // The same papers by week and by month.
    const week = library.period('2025-W50')!
    assert.deepEqual(
      [week.start, week.papers.map(({ title }) => title), week.previous],
      ['2025-12-08', ['A', 'B', 'C'], '2025-W49'],
    )
    const month = library.period('2025-12', { limit: 2 })!
    assert.deepEqual([month.total, month.papers.length, month.next], [4, 2, undefined])
    assert.deepEqual(month.around, { day: '2025-12-14', week: '2025-W50', month: '2025-12' })
    assert.equal(library.period('2025-13'), undefined)
    assert.equal(library.day('2025-12'), undefined)
  })

  test('that are none, or not yet, are not there', () => {
    const { library } = open()
    for (const date of ['2025-12-13', '2025-02-30', 'today', '', '2025-12-12T00', '../..', '9999-99-99', "' OR 1"])
      assert.equal(library.day(date), undefined, date)
    assert.deepEqual(library.day('2025-12-12'), { date: '2025-12-12', papers: [], total: 0 })
    assert.equal(library.latestDay(), undefined)
  })
})

test('any key is answered', async () => {
  const { library } = open()
  await importLines(library, { title: 'A' })
  for (const key of [
    '',
    '../../etc/passwd',
    '%',
    '\u0000',
    '\ud800',
    "'; DROP TABLE papers",
    'x'.repeat(1e7),
    'constructor',
    't:',
    'doi:',
  ])
    assert.equal(library.paper(key), undefined)
})

test('a database of a newer version is refused', () => {
  const database = openDatabase(':memory:')
  createLibrary(database)
  database.exec("UPDATE migrations SET step = 99 WHERE owner = 'library'")
  assert.throws(() => createLibrary(database), /newer version/)
})

const sample = fileURLToPath(new URL('../../../../../shared/data/daily-papers-listing/listing.txt', import.meta.url))
const missing = existsSync(sample) ? false : 'shared/data/daily-papers-listing is missing'

describe('the real listing', { skip: missing }, () => {
  async function titlesOf(): Promise<ImportedRecord[]> {
    const records: ImportedRecord[] = []
    for await (const item of parseListing(createReadStream(sample), { importDay: '2025-12-12' }))
      if ('record' in item) records.push(item.record)
    return records
  }
  const importSample = (library: Library) => library.importStream(createReadStream(sample), { name: 'listing.txt' })

  test('merges with all 34 papers of the same titles that run here, and again changes nothing', async () => {
    const { library, clock } = open()
    const records = await titlesOf()
    library.seed(
      records.map(({ title, publishedAt }, index) =>
        seedOf(`made-${index}`, { title, publishedAt, authors: ['Ann Bee'] }),
      ),
    )
    clock.now = new Date(clock.now.getTime() + day)
    const report = await importSample(library)
    assert.partialDeepStrictEqual(report, {
      format: 'listing',
      state: 'done',
      read: 34,
      added: 0,
      updated: 34,
      refusedCount: 0,
    })
    assert.equal(library.count(), 34)
    for (const record of library.records()) {
      assert.ok(record.slug && record.abstract.length >= 200)
      assert.equal(record.submittedAt, '2025-12-12T10:00:00.000Z')
    }
    assert.equal((await importSample(library)).unchanged, 34)
  })

  test('makes 34 papers of its own where there are none, and 34 seeds then find them', async () => {
    const { library } = open()
    assert.equal((await importSample(library)).added, 34)
    const records = await titlesOf()
    library.seed(records.map(({ title }, index) => seedOf(`made-${index}`, { title, arxiv: `2008.0${5171 + index}` })))
    assert.equal(library.count(), 34)
    assert.equal((await importSample(library)).unchanged, 34)
    for (const record of library.records()) assert.ok(record.slug && record.arxivId && record.abstract)
  })
})
