import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { random } from '@offprint/kernels'
import { type Block, block, type RunContext, type TableBlock } from '../../define.ts'
import { InputErrors, parseInput } from '../../fields.ts'
import { loadAll } from '../../load.ts'
import { parseTable } from '../../table.ts'
import { verdictOf } from './evidence.ts'
import tool from './index.ts'
import { methodNames } from './methods.ts'
import { percent } from './result.ts'

const { cluster, compare } = tool.methods
const folder = mkdtempSync(join(tmpdir(), 'cluster-table-'))
after(() => rmSync(folder, { recursive: true }))

const context: RunContext = {
  seed: 1,
  threads: 1,
  signal: new AbortController().signal,
  progress() {},
  log() {},
  output: name => join(folder, name),
  dataset: () => undefined,
}

const table = (text: string) => parseTable(new TextEncoder().encode(text), { name: 'mine.csv' })

async function run(method: typeof cluster, values: Record<string, unknown>, how: Partial<RunContext> = {}) {
  const blocks: Block[] = await method.run(parseInput(method, values), { ...context, ...how })
  for (const one of blocks) block.parse(one)
  assert.equal(new Set(blocks.map(one => one.name)).size, blocks.length)
  return new Map(blocks.map(one => [one.name, one]))
}

const metric = (blocks: Map<string, Block>, name: string) => {
  const found = blocks.get(name)
  return found?.type === 'metric' ? found.value : assert.fail(`no metric ${name}`)
}
const text = (blocks: Map<string, Block>, name: string) => {
  const found = blocks.get(name)
  return found?.type === 'markdown' ? found.text : assert.fail(`no text ${name}`)
}
const column = (blocks: Map<string, Block>, name: string, title: string) => {
  const found = blocks.get(name) as TableBlock
  const index = found.columns.findIndex(one => one.name === title)
  return found.rows.map(row => row[index])
}
const csv = (rows: (string | number)[][]) => rows.map(row => row.join(',')).join('\n')

/** Rows around `groups` places that are 9 standard deviations apart in each of two columns. */
function grouped(groups: number, rows = 150, seed = 1): string {
  const { normal } = random(seed)
  return csv([
    ['x', 'y', 'z'],
    ...Array.from({ length: rows }, (_, row) => {
      const group = row % groups
      return [9 * group + normal(), 9 * (group % 2) + normal(), normal()]
    }),
  ])
}

function uniform(rows: number, columns: number, seed: number): string {
  const { next } = random(seed)
  const names = Array.from({ length: columns }, (_, at) => `c${at}`)
  return csv([names, ...Array.from({ length: rows }, () => names.map(next))])
}

for (const method of methodNames)
  test(`${method} finds three groups where there are three, and says that they hold up`, async () => {
    const blocks = await run(cluster, { table: table(grouped(3)), columns: 'x, y', method })
    const labels = column(blocks, 'labels', 'cluster')
    for (let row = 3; row < 150; row++) assert.equal(labels[row], labels[row % 3])
    assert.deepEqual([...new Set(labels)].sort(), [1, 2, 3])
    assert.match(text(blocks, 'evidence'), /\*\*The groups hold up\.\*\*/)
    assert.ok(metric(blocks, 'stability')! > 0.95)
    const map = blocks.get('map')
    assert.ok(map?.type === 'scatter' && map.x.label === 'x' && map.points.x.length === 150)
    assert.equal(map.emphasis!.length, 3)
  })

for (const method of methodNames)
  test(`${method} never says that groups hold up in evenly spread or in normal rows`, async () => {
    const { normal } = random(9)
    const blob = csv([['a', 'b'], ...Array.from({ length: 150 }, () => [normal(), normal()])])
    for (const rows of [uniform(150, 2, 1), uniform(150, 2, 2), uniform(200, 4, 3), blob]) {
      const blocks = await run(cluster, { table: table(rows), method })
      assert.match(text(blocks, 'evidence'), /\*\*(No clear groups|Groups in doubt)\.\*\*/)
    }
  })

test('one measure that speaks against groups is enough, and many groups are not taken for one', () => {
  const good = { k: 3, silhouette: 0.6, stability: 0.95, gap: { k: 3, greatest: 3, most: 10 } }
  const one = { k: 1, greatest: 1, most: 10 }
  assert.equal(verdictOf(good), 'supported')
  for (const against of [
    { k: 1, gap: one },
    { k: 0, gap: undefined },
    { silhouette: 0.24, stability: 0.94 },
    { silhouette: null },
    { stability: 0.59 },
    { gap: one },
  ])
    assert.equal(verdictOf({ ...good, ...against }), 'none')
  assert.equal(verdictOf({ ...good, stability: 0.7 }), 'doubtful')
  // A single cluster where there may be three, and clusters that cut three groups or join them.
  for (const k of [0, 1, 2, 4, 10]) assert.equal(verdictOf({ ...good, k }), 'doubtful')
  assert.equal(verdictOf({ ...good, k: 8, gap: { ...good.gap, greatest: 8 } }), 'supported')
  assert.equal(verdictOf({ ...good, gap: undefined }), 'doubtful')
  assert.equal(verdictOf({ ...good, silhouette: 0.1, stability: 1 }), 'doubtful')
  assert.equal(verdictOf({ ...good, gap: { ...one, greatest: 8 } }), 'doubtful')
  const nine = { ...good, k: 9, gap: { ...one, greatest: 9 } }
  assert.equal(verdictOf(nine), 'supported')
  assert.equal(verdictOf({ ...nine, silhouette: 0.45 }), 'doubtful')
  // Round clusters are not asked of a method that finds any shape; stability is.
  const shapes = { ...good, silhouette: 0.1, gap: one, shapes: true }
  assert.equal(verdictOf(shapes), 'supported')
  assert.equal(verdictOf({ ...shapes, stability: 0.5 }), 'none')
})

test('three groups do not hold up as one, two or six', async () => {
  for (const k of [1, 2, 6]) {
    const blocks = await run(cluster, { table: table(grouped(3)), columns: 'x,y', k })
    assert.match(text(blocks, 'evidence'), /\*\*Groups in doubt\.\*\*.*speaks for 3 groups/)
  }
})

test('the number of clusters and the silhouette are not said to be what they are not', async () => {
  const note = (blocks: Map<string, Block>, name: string) => (blocks.get(name) as { note?: string }).note
  const three = table(csv([['x', 'y'], ...Array.from({ length: 20 }, (_, row) => [row % 3, row % 3])]))
  const fewer = await run(cluster, { table: three, k: 7 })
  assert.equal(metric(fewer, 'k'), 3)
  assert.equal(note(fewer, 'k'), 'you asked for 7')
  const single = await run(cluster, { table: table('x,y\n1,2\n3,1\n7,7'), k: 3 })
  assert.equal(metric(single, 'silhouette'), null)
  assert.equal(note(single, 'silhouette'), 'needs a cluster of 2 rows or more')
  const two = await run(cluster, { table: table('x,y\n1,2\n3,1') })
  assert.equal(note(two, 'k'), 'too few rows to choose')
})

test('of few rows k-medoids does not take nearly as many clusters as rows', async () => {
  const blocks = await run(cluster, {
    table: table(grouped(2, 12)),
    columns: 'x,y',
    method: 'k-medoids',
    mostClusters: 11,
  })
  assert.equal(metric(blocks, 'k'), 2)
})

test('nine groups hold up, and so do two rings by density', async () => {
  const { normal, next } = random(2)
  const nine = Array.from({ length: 270 }, (_, row) => [
    6 * (row % 3) + normal(),
    6 * Math.floor((row % 9) / 3) + normal(),
  ])
  const grid = await run(cluster, { table: table(csv([['x', 'y'], ...nine])) })
  assert.equal(metric(grid, 'k'), 9)
  assert.match(text(grid, 'evidence'), /The groups hold up.*greatest at 9 groups/)
  const rings = Array.from({ length: 300 }, (_, row) => {
    const [angle, radius] = [2 * Math.PI * next(), (row % 2 ? 1 : 5) + normal() / 20]
    return [radius * Math.cos(angle), radius * Math.sin(angle)]
  })
  const found = await run(cluster, { table: table(csv([['x', 'y'], ...rings])), method: 'hdbscan', smallest: 20 })
  const labels = column(found, 'labels', 'cluster')
  assert.equal(metric(found, 'k'), 2)
  for (let row = 2; row < 300; row++) assert.ok(labels[row] === labels[row % 2] || labels[row] === 0)
  assert.match(text(found, 'evidence'), /clusters of this method may have any shape/)
})

test('evenly spread rows in four columns have no clear groups by any method', async () => {
  const blocks = await run(compare, { table: table(uniform(200, 4, 3)) })
  assert.match(text(blocks, 'evidence'), /\*\*No clear groups by any method\.\*\*/)
  assert.equal(metric(blocks, 'holding'), 0)
})

test('methods are compared side by side, with how far they agree', async () => {
  const blocks = await run(compare, { table: table(grouped(3)), columns: 'x,y' })
  assert.equal(metric(blocks, 'holding'), methodNames.length)
  assert.match(text(blocks, 'evidence'), /\*\*All methods find groups that hold up\.\*\*.*All methods come to 3/)
  assert.equal(column(blocks, 'methods', 'clusters').filter(k => k === 3).length, methodNames.length)
  for (const name of methodNames) for (const value of column(blocks, 'agreements', name)) assert.ok(Number(value) > 0.9)
  const given = await run(compare, { table: table(grouped(3)), k: 2 })
  assert.ok(!given.has('curvesilhouette'))
  const header = readFileSync(join(folder, 'clusters.csv'), 'utf8').split('\r\n')[0]
  assert.equal(header, `\ufeffx,y,z,${methodNames.join(',')}`)
})

test('each cluster is told by a row of its own and by the columns that set it apart', async () => {
  const rows = csv([
    ['name', 'spend', 'visits', 'height'],
    ...Array.from({ length: 40 }, (_, row) => [
      `n${row}`,
      row % 2 ? 100 + row / 9 : 5 + row / 9,
      (row * 7) % 5,
      (row * 3) % 7,
    ]),
  ])
  const blocks = await run(cluster, { table: table(rows), k: 2, columns: 'spend,visits,height', scaling: 'none' })
  assert.match(text(blocks, 'words'), /such as \*n\d+\*: spend (high|low) \(/)
  const [first] = column(blocks, 'profile', 'column')
  assert.equal(first, 'spend')
  const between = column(blocks, 'columns', 'between') as (number | null)[]
  assert.equal(between[0], null)
  assert.ok(between[1]! > 99 && between[2]! < 5)
  // A typical row is one of its own cluster.
  const labels = column(blocks, 'labels', 'cluster')
  for (const [at, row] of column(blocks, 'medoids', 'row').entries())
    assert.equal(labels[Number(row) - 1], column(blocks, 'medoids', 'cluster')[at])
})

test('ids, counters, constant columns and text are left out, and the page says why', async () => {
  const rows = csv([
    ['customer_id', 'line', 'age', 'plan', 'remark', 'country', 'void'],
    ...Array.from({ length: 30 }, (_, row) => [
      9000 - 7 * row,
      row + 1,
      (row * 13) % 50,
      row % 2 ? 'paid' : 'free',
      `remark ${row}`,
      'NL',
      '',
    ]),
  ])
  const uses = async (values: object) => {
    const blocks = await run(cluster, { table: table(rows), k: 2, ...values })
    return [column(blocks, 'columns', 'use'), column(blocks, 'columns', 'reason')]
  }
  const [plain, reasons] = await uses({})
  assert.deepEqual(plain, ['left out', 'left out', 'number', 'left out', 'left out', 'left out', 'left out'])
  assert.deepEqual(reasons.map(String), [
    'an id: a different whole number in every row',
    'it counts the rows',
    'null',
    'text with 2 values; can be taken as a category',
    'text, 30 different values',
    'the same in every row',
    'empty',
  ])
  assert.deepEqual((await uses({ categories: true }))[0][3], 'category')
  assert.deepEqual((await uses({ columns: 'line, plan' }))[0].slice(1, 4), ['number', 'left out', 'category'])
})

test('a column that outweighs all others, and a number of clusters at the end of what was tried, are said', async () => {
  const { normal } = random(6)
  const rows = Array.from({ length: 80 }, (_, row) => [10_000 * (row % 4) + 100 * normal(), normal(), normal()])
  const given = { table: table(csv([['pay*', 'a', 'b'], ...rows])), mostClusters: 4 }
  const plain = await run(cluster, { ...given, scaling: 'none' })
  assert.match(text(plain, 'notes'), /The column pay\\\* has 99 % of the variance/)
  assert.match(text(plain, 'notes'), /silhouette is best at 4, the most clusters that were tried/)
  const scaled = await run(cluster, { ...given, k: 4 })
  assert.ok(!scaled.has('notes'))
  assert.match(text(await run(compare, { ...given, scaling: 'none' }), 'notes'), /k-means: The silhouette is best at 4/)
})

test('a row far from all others is named', async () => {
  const { normal } = random(7)
  const rows = Array.from({ length: 60 }, (_, row) => [`r${row}`, 9 * (row % 3) + normal(), 9 * (row % 3) + normal()])
  rows[7] = ['typing error', 1e20, 1e20]
  const given = { table: table(csv([['name', 'x', 'y'], ...rows])), k: 3 }
  assert.match(text(await run(cluster, given), 'notes'), /typing error, has 9\d % .* or choose the scaling robust\./)
  const robust = await run(compare, { ...given, scaling: 'robust' })
  assert.match(text(robust, 'notes'), /typing error, has \d+ % of the variance.* Leave it out\./)
})

test('thirty clear groups are found to be thirty', async () => {
  const { normal } = random(8)
  const rows = Array.from({ length: 900 }, (_, row) => {
    const group = row % 30
    return [20 * (group % 6) + normal(), 20 * Math.floor(group / 6) + normal()]
  })
  const blocks = await run(cluster, { table: table(csv([['x', 'y'], ...rows])), mostClusters: 35 })
  assert.equal(metric(blocks, 'k'), 30)
  assert.match(text(blocks, 'evidence'), /^\*\*The groups hold up\.\*\*/)
})

test('methods whose numbers of clusters differ are named beside them', async () => {
  const { normal } = random(9)
  // Two pairs: HDBSCAN keeps each together.
  const rows = Array.from({ length: 200 }, (_, row) => [20 * (row % 2) + normal(), 4 * ((row >> 1) % 2) + normal()])
  const blocks = await run(compare, { table: table(csv([['x', 'y'], ...rows])), k: 4, scaling: 'none' })
  assert.match(text(blocks, 'evidence'), /groups that hold up: 2 by HDBSCAN and 4 by k-means, /)
})

test('a column of text sets clusters apart by its shares', async () => {
  const rows = csv([
    ['plan', 'x'],
    ...Array.from({ length: 60 }, (_, row) => [row % 3 ? 'paid*' : 'free', (row % 3 ? 8 : 0) + (row % 5) / 5]),
  ])
  const blocks = await run(cluster, { table: table(rows), k: 2, categories: true })
  assert.match(text(blocks, 'words'), /plan = (paid\\\*|free) often \(100 %; all rows/)
  const map = blocks.get('map')
  assert.ok(map?.type === 'scatter' && /principal component 1 \(\d/.test(map.x.label))
})

test('the file has all columns and rows as they were, in their order, and is harmless to spreadsheets', async () => {
  const given = 'note,cluster,x\n"=1+1, ""x""",a,1\n-2,b,\n+x,c,9\n@y,d,1.50\n'
  await run(cluster, { table: table(given), columns: 'x', k: 2, missing: 'drop' })
  const written = readFileSync(join(folder, 'clusters.csv'), 'utf8')
  const [header, ...rows] = written.replace('\ufeff', '').split('\r\n')
  assert.equal(header, 'note,cluster,x,cluster 2')
  assert.deepEqual(rows, [`"'=1+1, ""x""",a,1,1`, '-2,b,,', `'+x,c,9,2`, `'@y,d,1.50,1`, ''])
  assert.ok(written.startsWith('\ufeff'))
  // It can be taken as a table again.
  assert.equal(table(written).columns.length, 4)
})

test('clusters keep the numbers that they had, in whatever order they come out now', async () => {
  const first = await run(cluster, { table: table(grouped(3, 90)), columns: 'x,y', k: 3 })
  const earlier = column(first, 'labels', 'cluster').map(number => [2, 3, 1][Number(number) - 1])
  const rows = grouped(3, 90)
    .split('\n')
    .map((line, row) => `${line},${row ? (row > 80 ? '' : earlier[row - 1]) : 'before'}`)
    .join('\n')
  const again = await run(cluster, { table: table(rows), columns: 'x,y', k: 3, earlier: 'before' })
  assert.deepEqual(column(again, 'labels', 'cluster'), earlier)
  assert.equal(column(again, 'columns', 'reason')[3], 'the earlier clusters')
  // The file has that column, too.
  assert.match(readFileSync(join(folder, 'clusters.csv'), 'utf8'), /^\ufeffx,y,z,before,cluster\r\n/)
  assert.match(text(again, 'notes'), /100 % of the rows that had a cluster kept it/)
  const more = await run(cluster, { table: table(rows), columns: 'x,y', k: 4, earlier: 'before' })
  assert.match(text(more, 'notes'), /New since then: 4/)
})

test('rows that became noise or are left out have not kept their cluster, and its number is not given to another', async () => {
  const lines = grouped(2, 60).split('\n')
  const before = (row: number) => (row <= 2 ? 9 : 1 + (row % 2))
  const rows = lines.map((line, row) => `${line},${row ? before(row) : 'before'}`)
  // The two rows of cluster 9 are left out.
  for (const row of [1, 2]) rows[row] = `NA${rows[row].slice(rows[row].indexOf(','))}`
  const values = { table: table(rows.join('\n')), columns: 'x,y', missing: 'drop', earlier: 'before' }
  const three = await run(cluster, { ...values, k: 3 })
  assert.deepEqual(column(three, 'clusters', 'cluster'), [1, 2, 10])
  assert.match(text(three, 'notes'), /New since then: 10\.\n- No longer there: 9\./)
  const two = await run(cluster, { ...values, k: 2 })
  assert.match(text(two, 'notes'), /96\.7 % of the rows that had a cluster kept it/)
  const blank = rows.map((line, row) => (row % 2 ? line.replace(/[^,]*$/, 'NA') : line)).join('\n')
  const known = await run(cluster, { ...values, k: 2, table: table(blank) })
  assert.equal(metric(known, 'k'), 2)
  const noise = await run(cluster, { ...values, method: 'hdbscan', smallest: 50 })
  assert.match(text(noise, 'notes'), /- 0 % of the rows that had a cluster kept it/)
})

test('a column of numbers is one, however many of its cells are NA', async () => {
  const rows = csv([['x', 'y'], ...Array.from({ length: 30 }, (_, row) => [row % 4 ? 'NA' : row, row * row])])
  const blocks = await run(cluster, { table: table(rows), columns: 'x,y', missing: 'median', k: 2 })
  assert.deepEqual(column(blocks, 'columns', 'use'), ['number', 'number'])
  assert.equal(column(blocks, 'labels', 'name')[1], 'row 2')
  const auto = await run(cluster, { table: table(rows), missing: 'median', k: 2 })
  assert.match(String(column(auto, 'columns', 'reason')[0]), /more than half of its cells are empty/)
})

test('columns with commas in their names can be named, and of numbers with commas it is said how to write them', async () => {
  const lines = Array.from({ length: 20 }, (_, row) => `${row},7${row},${row * row},"1,${100 + row}"`)
  const values = { table: table(['"a, b",c,"say ""x, y""",money', ...lines].join('\n')), k: 2 }
  const blocks = await run(cluster, { ...values, columns: ' "a, b" , "say ""x, y"""' })
  assert.deepEqual(column(blocks, 'columns', 'use'), ['number', 'left out', 'number', 'left out'])
  const all = await run(cluster, values)
  assert.match(String(column(all, 'columns', 'reason')[3]), /write 1234\.5/)
})

test('rows are named by text that tells them apart, not at length', async () => {
  const named = async (name: (row: number) => string) => {
    const rows = Array.from({ length: 20 }, (_, row) => `${name(row)},${9 * (row % 2) + row / 20}`)
    return column(await run(cluster, { table: table(`who,x\n${rows.join('\n')}`), k: 2 }), 'labels', 'name')
  }
  assert.deepEqual((await named(row => (row % 2 ? 'yes' : 'no'))).slice(0, 2), ['row 1', 'row 2'])
  const some = await named(row => ['n0', 'Ann', '', 'Ann'][row] ?? `n${row}`)
  assert.deepEqual(some.slice(0, 4), ['n0', 'Ann', 'row 3', 'Ann'])
  assert.equal(String((await named(row => 'long '.repeat(5000) + row))[0]).length, 100)
})

test('figures of any size are short, and only all rows are 100 %', async () => {
  const rows = Array.from({ length: 3000 }, (_, row) => `${row ? 1 + (row % 7) / 10 : 900}e290,${(row % 5) / 10}e-280`)
  const blocks = await run(cluster, { table: table(`x,y\n${rows.join('\n')}`), k: 2 })
  assert.ok(text(blocks, 'words').length < 600)
  assert.match(text(blocks, 'words'), /e\+29\d/)
  assert.equal(percent(2999 / 3000), '99.9 %')
  assert.equal(percent(1), '100 %')
})

test('of hundreds of clusters the first are told and drawn, and the tables have all', async () => {
  const blocks = await run(cluster, { table: table(grouped(3, 600)), columns: 'x,y', k: 200 })
  assert.match(text(blocks, 'words'), /\n- And 170 more, in the tables below\.$/)
  assert.equal(column(blocks, 'clusters', 'cluster').length, 200)
  assert.equal(column(blocks, 'medoids', 'cluster').length, 200)
  const [sizes, map, plot] = ['sizes', 'map', 'silhouettePlot'].map(name => blocks.get(name))
  assert.ok(sizes?.type === 'bars' && sizes.bars.length === 30 && /first 30 of 200/.test(sizes.note!))
  assert.ok(map?.type === 'scatter' && new Set(map.points.group).size === 31 && map.points.x.length === 600)
  assert.ok(plot?.type === 'series' && plot.series.length === 30)
})

test('what cannot be used is refused beside its field, with row and column', () => {
  refuse({ table: table('x,y\n1,2\n3,\n4,6\n') }, 'missing', /mine\.csv, row 2, column 'y': the cell is empty/)
  refuse({ table: table('x,y\n1,2\n3,4\n5,abc\n') }, 'table', /row 3, column 'y': 'abc' is not a number/)
  refuse({ table: table('x,y\n1,2\n3,4\n'), columns: 'z' }, 'columns', /no column 'z'; it has x, y/)
  refuse({ table: table('a,b\nq,w\ne,r\n') }, 'table', /no column to compare: a \(text/)
  refuse({ table: table('x,y\n1,2\n3,4\n'), k: 3 }, 'k', /at most the number of rows/)
  refuse({ table: table('x,y\n1,2\n3,4\n'), earlier: 'w' }, 'earlier', /no column 'w'/)
  refuse({ table: table('x,y\n1,a\n3,b\n'), earlier: 'y' }, 'earlier', /row 1, column 'y': 'a' is no whole number/)
  refuse({ table: table('x,y\n1,\n2,\n,4\n,5\n'), missing: 'drop' }, 'missing', /no row is without an empty cell/)
  refuse({ table: table('x,y\n1,1e300\n3,4\n'), scaling: 'none' }, 'table', /32-bit floats \(row 1, column 'y'\)/)
  refuse(
    { table: table('x,y\n1,a\n3,b\n4,a\n'), categories: true, method: 'mixture' },
    'method',
    /a mixture of normal distributions is for numbers, and 'y' is text/,
  )
  refuse({ table: table('x\n1\n2\n'), method: 'hdbscan', k: 2 }, 'k', /hdbscan finds the number of clusters itself/)
  refuse({ table: table('x\n1\n2\n'), method: 'hdbscan', smallest: 3 }, 'smallest', /at most the number of rows/)
  // What other programs write for a missing cell is one.
  refuse({ table: table('x\n1\nNA\n3\n4\n') }, 'missing', /row 2, column 'x': the cell is empty/)
})

test('one row, two rows, equal rows: a result and a warning, no failure', async () => {
  for (const given of [
    'x\n1\n',
    'x,y\n1,2\n3,5\n',
    `x,y\n${'1,2\n'.repeat(12)}3,4\n`,
    `x,y\n${'1,2\n3,4\n'.repeat(9)}`,
  ])
    for (const method of methodNames)
      for (const k of method === 'hdbscan' ? [undefined] : [undefined, 1, 2]) {
        const made = table(given)
        if (k && k > made.rows) continue
        const blocks = await run(cluster, { table: made, method, k, columns: 'x' })
        assert.equal(column(blocks, 'labels', 'cluster').length, made.rows)
        assert.match(text(blocks, 'evidence'), /\*\*/)
      }
})

test('the same seed gives the same result in any number of threads', async () => {
  for (const method of methodNames) {
    const values = { table: table(grouped(4, 400)), method }
    const [one, two] = [await run(cluster, values, { threads: 1 }), await run(cluster, values, { threads: 2 })]
    assert.deepEqual([...two.values()], [...one.values()])
  }
})

test('a run that is cancelled ends with the reason', async () => {
  const abort = new AbortController()
  const running = run(
    cluster,
    { table: table(grouped(5, 3000)) },
    { signal: abort.signal, progress: () => abort.abort(new Error('enough')) },
  )
  await assert.rejects(running, /enough/)
})

test('the examples run as they are', async () => {
  for (const method of [cluster, compare]) {
    const { table: given, ...rest } = method.example as { table: { text: string } }
    const blocks = await run(method, { ...rest, table: table(given.text) })
    assert.ok(blocks.size > 6)
  }
})

test('a tool is no paper, and no paper has its slug', async () => {
  const { tools, papers } = await loadAll()
  assert.deepEqual(
    tools.map(one => one.paper.slug),
    ['cluster-table'],
  )
  assert.ok(!papers.some(({ paper }) => paper.slug === 'cluster-table'))
  await assert.rejects(loadAll([import.meta.dirname]), /two papers or tools have the slug 'cluster-table'/)
})

test('a tool comes from elsewhere as a paper does', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'offprint-tool-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(
    join(folder, 'index.mjs'),
    `export default ({ defineTool, defineMethod, input, z }) => defineTool({
      slug: 'count-rows', about: { title: 'Count rows', summary: 'Says how many rows a table has.' },
      methods: { count: defineMethod({ title: 'Count', description: 'Counts.', effort: 'quick', input: z.object({ table: input.table({ label: 'Table' }) }),
        run: ({ table }) => [{ type: 'metric', name: 'rows', title: 'Rows', value: table.rows }] }) },
    })`,
  )
  const { tools } = await loadAll([folder])
  assert.deepEqual(
    tools.map(({ paper }) => paper.slug),
    ['cluster-table', 'count-rows'],
  )
})

function refuse(values: Record<string, unknown>, field: string, message: RegExp): void {
  assert.throws(
    () => parseInput(cluster, values),
    error => {
      assert.ok(error instanceof InputErrors, String(error))
      assert.equal(error.errors[0].field, field)
      assert.match(error.errors[0].message, message)
      return true
    },
  )
}
