import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import Papa from 'papaparse'
import { decodeText } from '../lines.ts'
import { type Row, readRows } from './csv-rows.ts'

async function rowsOf(...texts: string[]): Promise<Row[]> {
  const rows: Row[] = []
  for await (const some of readRows(decodeText(texts))) rows.push(...some)
  return rows
}

describe('rows of a table', () => {
  test('have the line that they start in', async () => {
    assert.deepEqual(await rowsOf('a,b\r\n"1\r\n2",3\r\n\r\n4,"5"'), [
      { cells: ['a', 'b'], line: 1 },
      { cells: ['1\r\n2', '3'], line: 2 },
      { cells: ['4', '5'], line: 5 },
    ])
  })

  test('are what was written, in every dialect and wherever it was cut', async () => {
    const cell = fc.array(fc.constantFrom('"', ',', ';', '\t', '\n', '\r\n', 'a', ' ', 'ö', '|'), { maxLength: 5 })
    const table = fc.integer({ min: 2, max: 4 }).chain(width =>
      fc.array(
        fc.array(
          cell.map(parts => parts.join('')),
          { minLength: width, maxLength: width },
        ),
        { maxLength: 5 },
      ),
    )
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.constantFrom(',', '\t', ';', '|'),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.boolean(),
        fc.nat(),
        async (cells, delimiter, newline, quotes, cut) => {
          const header = cells[0]?.map((_, index) => `h${index}`) ?? ['h0', 'h1']
          const text = Papa.unparse([header, ...cells], { delimiter, newline, quotes })
          const at = cut % (text.length + 1)
          const rows = await rowsOf(text.slice(0, at), text.slice(at))
          assert.deepEqual(
            rows.map(row => row.cells),
            [header, ...cells],
          )
        },
      ),
      { numRuns: 500, seed: 7 },
    )
  })

  test('that are too long or whose quotes do not end are no rows', async () => {
    assert.deepEqual(await rowsOf('a,b\n1,"2\n3\n'), [
      { cells: ['a', 'b'], line: 1 },
      { cells: [], line: 2, problem: 'a cell in quotes does not end' },
    ])
    assert.deepEqual(await rowsOf('a,b\n', ',x'.repeat(500_001), '\n1,2\n'), [
      { cells: ['a', 'b'], line: 1 },
      { cells: [], line: 2, problem: 'longer than 1 MB: no paper' },
      { cells: ['1', '2'], line: 3 },
    ])
  })
})
