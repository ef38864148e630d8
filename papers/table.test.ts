import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InputError } from '@offprint/kernels'
import fc from 'fast-check'
import { numericMatrix, parseTable } from './table.ts'

const parse = (text: string) => parseTable(new TextEncoder().encode(text), { name: 'points.csv' })

test('a CSV with a header gives typed columns', () => {
  const table = parse('city,lat,lon\nParis,48.9,2.4\n"Rome, Italy",41.9,12.5\n')
  assert.equal(table.rows, 2)
  assert.deepEqual(
    table.columns.map(column => [column.name, column.type]),
    [
      ['city', 'text'],
      ['lat', 'number'],
      ['lon', 'number'],
    ],
  )
  assert.deepEqual(table.columns[0].text, ['Paris', 'Rome, Italy'])
  const { data, names } = numericMatrix(table)
  assert.deepEqual(names, ['lat', 'lon'])
  assert.deepEqual([...data], [48.9, 2.4, 41.9, 12.5].map(Math.fround))
})

test('tabs, semicolons, blanks, a byte order mark and CRLF are understood; numbers only means no header', () => {
  for (const text of ['1\t2\r\n3\t4\r\n', '1;2\n3;4', '\ufeff1,2\n3,4', ' 1  2\n3 4\n']) {
    const table = parse(text)
    assert.deepEqual(
      table.columns.map(column => column.name),
      ['column1', 'column2'],
      text,
    )
    assert.deepEqual([...numericMatrix(table).data], [1, 2, 3, 4], text)
  }
})

test('the lower triangle of a matrix is a table whose other cells are empty', () => {
  for (const [text, columns] of [
    [
      '1\n2,3\n4,5,6\n',
      [
        ['1', '2', '4'],
        ['', '3', '5'],
        ['', '', '6'],
      ],
    ],
    [
      '0\n2\t0\n',
      [
        ['0', '2'],
        ['', '0'],
      ],
    ],
    [
      '0\n2 0\n4 5 0\n',
      [
        ['0', '2', '4'],
        ['', '0', '5'],
        ['', '', '0'],
      ],
    ],
    [
      'a\nb,1\nc,2,3\n',
      [
        ['a', 'b', 'c'],
        ['', '1', '2'],
        ['', '', '3'],
      ],
    ],
    [
      'a,0\nb,1,0\n',
      [
        ['a', 'b'],
        ['0', '1'],
        ['', '0'],
      ],
    ],
  ] as const)
    assert.deepEqual(
      parse(text).columns.map(column => column.text),
      columns,
      text,
    )
})

test('columns are prepared in 64 bits before they are rounded', () => {
  const table = parse('x,"a, b"\n1000000000.25,1\n1000000000.5,2\n')
  const prepare = (columns: Float64Array[]) => columns.map(column => column.map(value => value - column[0]))
  assert.deepEqual([...numericMatrix(table, { prepare }).data], [0, 0, 0.25, 1])
  assert.deepEqual(numericMatrix(table, { wanted: ['a, b'] }).names, ['a, b'])
})

test('columns without a name are called by their place, whatever the others are called', () => {
  const names = parse(',b,column1,\n1,2,3,4').columns.map(column => column.name)
  assert.deepEqual(names, ['column1_', 'b', 'column1', 'column4'])
})

for (const [text, rows] of [
  ['country,2019,2020\nFrance,1.5,2.5\n', 1],
  ['country,2020\nFrance,1.5\n', 1],
  ['Acer,0.25,0,0\nAcer,0.5,0,1\n', 2],
  ['5.1,3.5,setosa\n4.9,3,setosa\n', 2],
  ['Paris,3\nRome,4\n', 2],
] as const) {
  test(`a first row with numbers is read as ${rows === 1 ? 'a header' : 'data'}: ${text.split('\n')[0]}`, () => {
    assert.equal(parse(text).rows, rows)
  })
}

test('JSON lines become a table; missing keys are empty cells', () => {
  const table = parse('{"a": 1, "b": "x"}\n{"a": 2}\n')
  assert.deepEqual(
    table.columns.map(column => column.text),
    [
      ['1', '2'],
      ['x', ''],
    ],
  )
})

test('a cell that is no number in a column of numbers is named by row and column', () => {
  const table = parse('x,qps\n1,2\n2,3\n3,abc\n')
  assert.throws(() => numericMatrix(table), { message: "points.csv, row 3, column 'qps': 'abc' is not a number" })
})

test('an empty cell among numbers is named', () => {
  assert.throws(() => numericMatrix(parse('x,y\n1,2\n2,\n')), {
    message: "points.csv, row 2, column 'y': the cell is empty",
  })
})

for (const [what, text, message] of [
  ['empty', '  \n', /is empty/],
  ['header only', 'a,b\n', /header but no rows/],
  ['ragged', 'a,b\n1,2\n3\n', /row 2 has 1 cells, the header has 2/],
  ['decimal commas', 'x\n1,5\n2,5\n', /row 1 has 2 cells, the header has 1/],
  ['twice', 'a,a\n1,2\n', /two columns are called 'a'/],
  ['open quote', 'a,b\n"1,2\n', /quote is not closed/],
  ['no JSON', '{"a":1}\n{oops\n', /line 2 is not JSON/],
] as const) {
  test(`a broken table is refused with its place: ${what}`, () => assert.throws(() => parse(text), message))
}

test('text that is not UTF-8 is refused', () => {
  assert.throws(() => parseTable(new Uint8Array([0x61, 0xff, 0x0a]), { name: 'x.csv' }), /not UTF-8/)
})

test('any text gives a rectangular table or an InputError', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', '1', '.', ',', '\n', '"', ' ', '\t', '{', '}', ';', 'é') }),
      text => {
        try {
          const table = parse(text)
          for (const column of table.columns) assert.equal(column.text.length, table.rows)
        } catch (error) {
          assert.ok(error instanceof InputError, String(error))
        }
      },
    ),
  )
})
