import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createLibrary } from './library.ts'
import { streamOf } from './made-papers.fixture.ts'

const lines = (...records: object[]) => streamOf(records.map(record => `${JSON.stringify(record)}\n`).join(''))
const named = (name: string) => ({ name, format: 'jsonl' as const })

async function libraryOf(...records: object[]) {
  const database = new DatabaseSync(':memory:')
  const library = createLibrary(database)
  await library.importStream(lines(...records), named('before'))
  return { database, library }
}

describe('a preview', () => {
  test('says what is new, what changes from what to what, and what is refused, and changes nothing', async () => {
    const { library, database } = await libraryOf(
      { id: '2401.00001', title: 'First', authors: ['Ada Byron'], version: 1 },
      { id: '2401.00002', title: 'Second' },
    )
    const state = () =>
      JSON.stringify(
        ['papers', 'aliases', 'sightings', 'library'].map(table => database.prepare(`SELECT * FROM ${table}`).all()),
      )
    const before = state()
    const preview = await library.preview(
      lines(
        { arxivId: '2401.00001', version: 2, title: 'First, mended', authors: ['Ada Byron', 'Carl Dahl'] },
        { id: '2401.00002', title: 'Second' },
        { title: 'Third' },
        { title: 'THIRD', abstract: 'Now with words.' },
        { id: '13.1', title: 'No' },
        { id: 704.001, title: 'Repaired' },
      ),
      named('a.jsonl'),
    )
    assert.equal(state(), before)
    const { added, updated, unchanged, refusedCount, repaired, read, more } = preview
    assert.deepEqual([added, updated, unchanged, refusedCount, repaired, read, more], [2, 2, 1, 1, 1, 6, false])
    assert.match(preview.refused[0].reason, /^"id" /)
    assert.equal(preview.refused[0].line, 5)
    const [first, second, third, again, mended] = preview.records
    assert.deepEqual(first.changes, [
      { field: 'title', from: 'First', to: 'First, mended' },
      { field: 'authors', from: 'Ada Byron', to: 'Ada Byron, Carl Dahl' },
      { field: 'version', from: '1', to: '2' },
      { field: 'authorCount', from: '1', to: '2' },
    ])
    assert.deepEqual([second.outcome, second.changes, third.outcome], ['unchanged', [], 'added'])
    assert.deepEqual([again.outcome, again.sameAs, again.key], ['updated', 3, third.key])
    assert.deepEqual(again.changes, [{ field: 'abstract', to: 'Now with words.' }])
    assert.deepEqual([mended.key, mended.repaired], ['0704.0010', true])
  })

  test('names papers that look the same under another arXiv id', async () => {
    const { library } = await libraryOf({ id: '2401.00001', title: 'The Same', authors: ['Ada Byron'] })
    const preview = await library.preview(
      lines(
        { id: '2401.00007', title: 'The same!', authors: ['A. Byron'] },
        { id: '2401.00008', title: 'The same', authors: ['Carl Dahl'] },
        { id: '2401.00009', title: 'The SAME', authors: ['Byron, Ada'] },
      ),
      named('a'),
    )
    assert.deepEqual(
      preview.records.map(({ lookalikes }) => lookalikes.map(({ key }) => key)),
      [['2401.00001'], [], ['2401.00001', '2401.00007']],
    )
    assert.deepEqual([preview.added, library.count()], [3, 1])
  })

  test('looks at 2,000 records and shows 200, of those that change something first', async () => {
    const { library } = await libraryOf(
      ...Array.from({ length: 300 }, (_, number) => ({ title: `Made paper ${number}` })),
    )
    const records = Array.from({ length: 2001 }, (_, number) => ({ title: `Made paper ${number}` }))
    const preview = await library.preview(lines(...records), named('a'))
    assert.deepEqual([preview.read, preview.more, preview.added, preview.unchanged], [2000, true, 1700, 300])
    assert.equal(preview.records.length, 200)
    assert.ok(preview.records.every(({ outcome }) => outcome === 'added'))
  })

  test('of no text, of a broken one and of one whose source ends says what is wrong', async () => {
    const { library } = await libraryOf()
    assert.match((await library.preview(streamOf('a\0b'), { name: 'x' })).error!, /^this is not text/)
    const broken = await library.preview(streamOf('<feed xmlns="http://www.w3.org/2005/Atom"><entry>'), {
      name: 'x',
      format: 'atom',
    })
    assert.match(broken.error!, /^line 1: /)
  })

  test('foretells what the import then does, whatever stands in the file and in the library', async () => {
    const made = fc.record(
      {
        id: fc.constantFrom('2401.00001', '2401.00002', '2401.00003v2'),
        doi: fc.constantFrom('10.1000/a', '10.1000/b'),
        title: fc.constantFrom('One', 'Two', 'one', 'Three'),
        authors: fc.constantFrom(['Ada Byron'], ['Carl Dahl'], []),
        publishedAt: fc.constantFrom('2020', '2021-05', '2023-01-02'),
        abstract: fc.constantFrom('', 'Words.', 'Other words.'),
      },
      { requiredKeys: ['title'] },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(made, { maxLength: 8 }), fc.array(made, { maxLength: 8 }), async (before, file) => {
        const { library, database } = await libraryOf(...before)
        const foretold = await library.preview(lines(...file), named('a'))
        const report = await library.importStream(lines(...file), named('a'))
        const counts = ({ added, updated, unchanged, refusedCount }: typeof report | typeof foretold) => ({
          ...{ added, updated, unchanged, refusedCount },
        })
        assert.equal(foretold.error, undefined)
        assert.deepEqual(counts(foretold), counts(report))
        for (const { key } of foretold.records) assert.ok(library.paper(key), key)
        database.close()
      }),
      { numRuns: 300 },
    )
  })
})
