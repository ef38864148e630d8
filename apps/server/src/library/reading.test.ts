import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { InputError } from '@offprint/kernels'
import fc from 'fast-check'
import { openDatabase } from '../database.ts'
import { createLibrary } from './library.ts'
import { streamOf } from './made-papers.fixture.ts'
import { log2Sum } from './trend.ts'
import type { Library } from './types.ts'

const line = (paper: object) => `${JSON.stringify(paper)}\n`

async function open(count = 6, clock?: () => Date) {
  const database = openDatabase(':memory:')
  const library = createLibrary(database, clock ? { now: clock } : {})
  const lines = Array.from({ length: count }, (_, index) =>
    line({ id: `2401.0000${index + 1}`, title: `Paper ${index + 1}`, abstract: 'Text.' }),
  )
  await library.importStream(streamOf(lines.join('')), { name: 'made', format: 'jsonl' })
  return { database, library, reading: library.reading }
}

const keysOf = (library: Library, query: string) => library.search(query).papers.map(paper => paper.key)

describe('what the reader makes of a paper', () => {
  test('stays, and is found again', async () => {
    const { library, reading } = await open()
    const key = '2401.00002'
    assert.deepEqual(reading.marks(key), { voted: false, read: false, hidden: false, tags: [], lists: [] })
    reading.change(key, { vote: true, note: ' Read <this>\r\nagain ', tags: ['B', 'a ', 'b', ''], addTo: ' To  read ' })
    const marks = {
      voted: true,
      read: false,
      hidden: false,
      note: 'Read <this>\nagain',
      tags: ['a', 'b'],
      lists: ['To read'],
    }
    assert.deepEqual(reading.marks(key), marks)
    // What is not named stays as it is, and the same once more changes nothing.
    assert.deepEqual(reading.change(key, { addTo: 'TO READ' }), marks)
    assert.deepEqual(reading.lists(), [{ id: 1, name: 'To read', count: 1 }])
    assert.deepEqual(reading.tags(), [
      { tag: 'a', count: 1 },
      { tag: 'b', count: 1 },
    ])
    assert.deepEqual(
      ['is:voted', 'tag:a', 'list:"to read"', 'has:notes'].map(query => keysOf(library, query)),
      Array(4).fill([key]),
    )
    assert.deepEqual(
      reading.notes().map(({ note }) => note),
      ['Read <this>\nagain'],
    )
    reading.change(key, { vote: false, note: '', tags: [], removeFrom: 'to read' })
    assert.deepEqual(reading.marks(key), { voted: false, read: false, hidden: false, tags: [], lists: [] })
    assert.deepEqual(reading.counts(), { voted: 0, read: 0, hidden: 0, noted: 0, opened: 0 })
  })

  test('is refused where it is too much, and then nothing has changed', async () => {
    const { reading } = await open()
    const refused = (change: object, field: string) =>
      assert.throws(
        () => reading.change('2401.00001', { vote: true, ...change }),
        (error: InputError) => error instanceof InputError && error.field === field,
        field,
      )
    refused({ note: 'x'.repeat(10_001) }, 'note')
    refused({ tags: ['x'.repeat(61)] }, 'tags')
    refused({ tags: Array.from({ length: 21 }, (_, index) => `t${index}`) }, 'tags')
    refused({ addTo: ' ' }, 'list')
    assert.throws(() => reading.change('2401.99999', { vote: true }), InputError)
    assert.equal(reading.marks('2401.00001').voted, false)
    for (let index = 0; index < 500; index++) reading.change('2401.00001', { addTo: `list ${index}` })
    refused({ addTo: 'one more' }, 'list')
    assert.equal(reading.marks('2401.00001').lists.length, 500)
  })

  test('hides papers from lists and searches, not from those who ask for them', async () => {
    const { library, reading } = await open()
    reading.change('2401.00003', { hide: true })
    assert.equal(library.search('').total, 5)
    assert.equal(library.countSince('paper', '2000-01-01T00:00:00.000Z'), 5)
    assert.deepEqual(keysOf(library, 'is:hidden'), ['2401.00003'])
    assert.ok(!keysOf(library, 'paper').includes('2401.00003'))
    assert.ok(!keysOf(library, 'sort:new').includes('2401.00003'))
    assert.equal(library.search('2401.00003').open, '2401.00003')
    const day = library.latestDay()!
    assert.deepEqual([library.period(day)!.total, library.period(day, { withoutHidden: true })!.total], [6, 5])
    assert.equal(library.trending().papers.length, 5)
  })

  test('goes along when two papers turn out to be one', async () => {
    const { library, reading } = await open(0)
    const add = (paper: object) => library.importStream(streamOf(line(paper)), { name: 'more', format: 'jsonl' })
    await add({ title: 'Alone', abstract: 'x', doi: '10.1000/one' })
    await add({ title: 'Other', abstract: 'x', id: '2401.00009' })
    reading.change('doi:10.1000/one', { vote: true, note: 'first', tags: ['a'], addTo: 'list' })
    reading.change('2401.00009', { note: 'second', tags: ['a', 'b'], read: true })
    await add({ title: 'Other', abstract: 'x', id: '2401.00009', doi: '10.1000/one' })
    assert.equal(library.count(), 1)
    const marks = { voted: true, read: true, hidden: false, tags: ['a', 'b'], lists: ['list'] }
    const { note, ...rest } = reading.marks('2401.00009')
    assert.deepEqual(rest, marks)
    assert.deepEqual(note?.split('\n\n').sort(), ['first', 'second'])
    assert.deepEqual(keysOf(library, 'is:voted list:list'), ['2401.00009'])
  })

  test('knows where the reader was', async () => {
    let time = Date.UTC(2026, 0, 1)
    const { reading } = await open(3, () => new Date(time))
    for (const key of ['2401.00001', '2401.00002', '2401.00003', '2401.00001']) {
      time += 120_000
      reading.opened(key)
    }
    const unfinished = () => reading.unfinished().map(({ paper }) => paper.key)
    assert.deepEqual(unfinished(), ['2401.00001', '2401.00003', '2401.00002'])
    // A page that is loaded again within a minute was not left.
    time += 30_000
    reading.opened('2401.00001')
    assert.equal(reading.unfinished()[0].openedAt, new Date(time - 30_000).toISOString())
    reading.change('2401.00001', { read: true })
    reading.change('2401.00003', { hide: true })
    assert.deepEqual(unfinished(), ['2401.00002'])
  })
})

test('what is noted in passing does not wait for another process that writes, and is noted after it', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const folder = mkdtempSync(join(tmpdir(), 'offprint-reading-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'offprint.db')
  const database = openDatabase(file)
  const other = openDatabase(file)
  const { reading, importStream } = createLibrary(database)
  await importStream(streamOf(line({ id: '2401.00001', title: 'One' })), { name: 'made', format: 'jsonl' })
  const errors = t.mock.method(console, 'error', () => {})
  other.exec('BEGIN IMMEDIATE')
  reading.opened('2401.00001')
  assert.equal(reading.marks('2401.00001').openedAt, undefined)
  other.exec('COMMIT')
  t.mock.timers.tick(1000)
  assert.ok(reading.marks('2401.00001').openedAt)
  assert.equal(errors.mock.callCount(), 0)
  // What somebody waits for has its patience again.
  assert.equal(database.prepare('PRAGMA busy_timeout').get()!.timeout, 10_000)
  other.close()
  database.close()
})

describe('lists, searches and keys', () => {
  test('lists are renamed and dropped', async () => {
    const { reading } = await open()
    reading.change('2401.00001', { addTo: 'one' })
    reading.change('2401.00002', { addTo: 'two' })
    const [one, two] = reading.lists()
    reading.renameList(one.id, 'three')
    assert.throws(() => reading.renameList(two.id, 'Three'), InputError)
    reading.dropList(one.id)
    assert.deepEqual(reading.lists(), [{ id: two.id, name: 'two', count: 1 }])
    assert.deepEqual(reading.marks('2401.00001').lists, [])
  })

  test('searches are saved once, and forgotten', async () => {
    const { reading } = await open()
    const saved = reading.saveSearch('  k-medoids   cat:cs.LG ')
    assert.equal(saved.query, 'k-medoids cat:cs.LG')
    assert.deepEqual(reading.saveSearch('k-medoids cat:cs.LG'), saved)
    for (const query of ['', ' ', 'x'.repeat(251)]) assert.throws(() => reading.saveSearch(query), InputError)
    reading.dropSearch(saved.id)
    assert.deepEqual(reading.searches(), [])
  })

  test('a key opens until it is taken back, and only its hash is kept', async () => {
    const { database, reading } = await open()
    const key = reading.addFeedKey('phone')
    assert.ok(reading.isFeedKey(key))
    for (const wrong of ['', 'x', `${key}x`, key.slice(1)]) assert.ok(!reading.isFeedKey(wrong))
    const stored = JSON.stringify(database.prepare('SELECT * FROM feedKeys').all())
    assert.ok(!stored.includes(key))
    const [{ id, name, usedAt }] = reading.feedKeys()
    assert.ok(name === 'phone' && usedAt)
    reading.dropFeedKey(id)
    assert.ok(!reading.isFeedKey(key))
  })

  test('a wrong key writes nothing, and the right one once a minute', async () => {
    let time = Date.UTC(2026, 0, 1)
    const { database, reading } = await open(1, () => new Date(time))
    const key = reading.addFeedKey('phone')
    const writes = (times: number[], given: string) => {
      const before = Number(database.prepare('SELECT total_changes() AS all_').get()!.all_)
      for (const at of times) {
        time = Date.UTC(2026, 0, 1) + at
        reading.isFeedKey(given)
      }
      return Number(database.prepare('SELECT total_changes() AS all_').get()!.all_) - before
    }
    assert.deepEqual([writes([0, 1_000, 59_999], key), writes([60_000], key), writes([200_000], 'x')], [1, 1, 0])
  })

  test('what is noted in passing stops nobody where the library cannot be written', async t => {
    const { database, reading } = await open(1)
    const key = reading.addFeedKey('phone')
    const { query } = reading.saveSearch('graphs')
    const said = t.mock.method(console, 'error', () => {})
    database.exec('PRAGMA query_only = ON')
    reading.opened('2401.00001')
    // Taken out by another process just now.
    reading.opened('nothing')
    reading.seenSearch(query)
    assert.ok(reading.isFeedKey(key))
    assert.equal(said.mock.callCount(), 4)
    assert.throws(() => reading.change('2401.00001', { vote: true }))
    database.exec('PRAGMA query_only = OFF')
    reading.opened('2401.00001')
    assert.ok(reading.marks('2401.00001').openedAt)
  })

  test('a tag without a letter is found again, and a list that is gone cannot be renamed', async () => {
    const { library, reading } = await open(3)
    reading.change('2401.00002', { tags: ['🔥', '..', 'a'] })
    assert.deepEqual(
      ['tag:🔥', 'tag:".."', 'tag:"★"', '-tag:🔥'].map(query => library.search(query).total),
      [1, 1, 0, 2],
    )
    assert.throws(() => reading.renameList(7, 'x'), { field: 'id' })
  })
})

describe('what trends', () => {
  test('counts votes half after 36 hours, and forgets one that is taken back', async () => {
    let time = Date.UTC(2026, 0, 1)
    const { database, library, reading } = await open(3, () => new Date(time))
    const trend = (key: string) => Number(database.prepare('SELECT trend FROM papers WHERE key = ?').get(key)!.trend)
    const start = trend('2401.00001')
    assert.equal(start, (Date.UTC(2026, 0, 1) - Date.UTC(2020, 0, 1)) / 3_600_000 / 36 - 1)
    time += 36 * 3_600_000
    reading.change('2401.00002', { vote: true })
    // Half for arriving, seen from 36 hours later a quarter; and one: 1.25.
    assert.ok(Math.abs(trend('2401.00002') - (start + 2 + Math.log2(1.25))) < 1e-9)
    reading.change('2401.00001', { addTo: 'list' })
    assert.deepEqual(
      library.trending().papers.map(paper => paper.key),
      ['2401.00002', '2401.00001', '2401.00003'],
    )
    reading.change('2401.00002', { vote: false })
    reading.change('2401.00001', { removeFrom: 'list' })
    assert.deepEqual([trend('2401.00001'), trend('2401.00002')], [start, start])
  })

  test('gives all papers once, page after page, whatever is voted for in between', async () => {
    const { library, reading } = await open(9)
    const seen: string[] = []
    for (let after: string | undefined, page = 0; page < 20; page++) {
      const { papers, next } = library.trending({ limit: 2, after })
      seen.push(...papers.map(paper => paper.key))
      if (!next) break
      // What was shown already goes up; nothing that is still to come is lost or shown twice.
      reading.change(papers[0].key, { vote: true })
      after = next
    }
    assert.deepEqual(
      seen.toSorted(),
      Array.from({ length: 9 }, (_, index) => `2401.0000${index + 1}`),
    )
    assert.deepEqual(library.trending({ after: 'nonsense' }).papers.length, 9)
  })

  test('adds powers of two as they are', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 1, maxLength: 6 }), terms => {
        const plain = Math.log2(terms.reduce((sum, one) => sum + 2 ** one, 0))
        assert.ok(Math.abs(log2Sum(terms) - plain) < 1e-9)
        assert.ok(Math.abs(log2Sum(terms.map(one => one + 5000)) - plain - 5000) < 1e-6)
      }),
    )
  })

  test('leaves out what was withdrawn', async () => {
    const { library } = await open(2)
    const text = line({
      id: '2401.00001',
      title: 'Paper 1',
      abstract: 'Text.',
      comment: 'This paper has been withdrawn by the author',
    })
    await library.importStream(streamOf(text), { name: 'x', format: 'jsonl' })
    assert.deepEqual(
      library.trending().papers.map(paper => paper.key),
      ['2401.00002'],
    )
    assert.deepEqual(
      library.hot().map(paper => paper.key),
      ['2401.00002'],
    )
    assert.deepEqual(keysOf(library, 'is:withdrawn'), ['2401.00001'])
  })
})

test('papers of a category, an archive, an author and an organization', async () => {
  const { library } = await open(0)
  const papers = [
    {
      id: '2401.00001',
      title: 'A',
      abstract: 'x',
      authors: ['José Núñez', 'Ada'],
      categories: ['cs.LG'],
      publishedAt: '2024-01-02',
    },
    {
      id: '2401.00002',
      title: 'B',
      abstract: 'x',
      authors: ['Jose Nunez'],
      categories: ['cs.DC', 'cs.LG'],
      organization: 'Zyphra Labs',
    },
    { id: '2401.00003', title: 'C', abstract: 'x', authors: ['Ada'], categories: ['hep-th'] },
  ]
  await library.importStream(streamOf(papers.map(line).join('')), { name: 'x', format: 'jsonl' })
  const keys = (kind: 'category' | 'author' | 'organization', value: string) =>
    library
      .facet(kind, value)
      ?.papers.map(paper => paper.key)
      .toSorted()
  assert.deepEqual(keys('category', 'cs.LG'), ['2401.00001', '2401.00002'])
  assert.deepEqual(keys('category', 'cs'), ['2401.00001', '2401.00002'])
  assert.deepEqual(keys('author', 'jose-nunez'), ['2401.00001', '2401.00002'])
  assert.equal(library.facet('author', 'jose-nunez')!.label, 'Jose Nunez')
  assert.deepEqual(keys('organization', 'zyphra-labs'), ['2401.00002'])
  assert.deepEqual([keys('author', 'nobody'), keys('category', 'c')], [undefined, undefined])
  assert.deepEqual(
    library.facetValues('category').map(({ value, count }) => [value, count]),
    [
      ['cs.LG', 2],
      ['cs.DC', 1],
      ['hep-th', 1],
    ],
  )
})
