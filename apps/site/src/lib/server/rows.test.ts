import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { rowsOf } from './rows.ts'

const columns = [
  { name: 'city', type: 'text' as const },
  { name: 'distance', type: 'number' as const, title: 'distance to its medoid' },
  { name: 'size', type: 'integer' as const },
]
const rows = [
  ['Rome', 2.5, 10],
  ['Paris 2', 1, 9],
  ['Paris 10', null, 1000],
  [null, -3, 2],
]
const cities = (filter?: string, sort?: string) =>
  rowsOf({ columns, rows }, { filter, sort }, 25).rows.map(row => row[0])

describe('the rows of a table', () => {
  test('are filtered by words in any cell, whatever their case', () => {
    assert.deepEqual(cities('PARIS'), ['Paris 2', 'Paris 10'])
    assert.deepEqual(cities('paris 10'), ['Paris 10'])
    assert.deepEqual(cities('nothing'), [])
    assert.deepEqual(cities('  '), ['Rome', 'Paris 2', 'Paris 10', null])
  })

  test('are filtered by comparing a column, by its name or title', () => {
    assert.deepEqual(cities('distance>=1'), ['Rome', 'Paris 2'])
    assert.deepEqual(cities('distancetoitsmedoid<0'), [null])
    assert.deepEqual(cities('size=1,000'), ['Paris 10'])
    assert.deepEqual(cities('city!=rome size>5'), ['Paris 2', 'Paris 10'])
    assert.deepEqual(cities('distance >= 1 size < 10'), ['Paris 2'])
    assert.deepEqual(cities('size>five'), [])
    // No such column: looked for as it stands.
    assert.deepEqual(cities('height>5'), [])
  })

  test('are sorted by size or alphabet, missing values last', () => {
    assert.deepEqual(cities('', 'distance'), [null, 'Paris 2', 'Rome', 'Paris 10'])
    assert.deepEqual(cities('', '-distance'), ['Rome', 'Paris 2', null, 'Paris 10'])
    assert.deepEqual(cities('', 'city'), ['Paris 2', 'Paris 10', 'Rome', null])
    assert.deepEqual(cities('', 'none'), cities())
  })

  test('come in pages that together are all of them, whatever is asked', () => {
    const cell = fc.option(fc.integer({ min: -5, max: 5 }))
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell), { maxLength: 60 }),
        fc.integer({ min: 1, max: 9 }),
        (table, onPage) => {
          const block = { columns: ['a', 'b'].map(name => ({ name, type: 'integer' as const })), rows: table }
          const view = { sort: '-a', filter: 'b>=0' }
          const { total } = rowsOf(block, view, onPage)
          const pages = Array.from({ length: Math.ceil(total / onPage) }, (_, page) =>
            rowsOf(block, { ...view, from: page * onPage }, onPage),
          )
          const all = pages.flatMap(page => page.rows)
          assert.equal(all.length, table.filter(([, b]) => b !== null && b >= 0).length)
          assert.deepEqual(all, rowsOf(block, view, 1000).rows)
          for (const from of [-1, 1e9, Number.NaN]) assert.ok(rowsOf(block, { from }, onPage).rows.length <= onPage)
        },
      ),
    )
  })
})
