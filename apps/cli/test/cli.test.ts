import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { matrix, random, writeNpy } from '@offprint/kernels'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'offprint-cli-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const outside = fileURLToPath(new URL('../../server/test/outside-paper', import.meta.url))

function start(words: string[], environment: Record<string, string> = {}) {
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...words], {
    cwd: folder,
    env: { PATH: process.env.PATH, DATA_DIR: join(folder, 'data'), PAPERS: outside, ...environment },
  })
}

/** Runs the command to its end. */
async function offprint(words: string[], environment?: Record<string, string>, input?: string) {
  const command = start(words, environment)
  let stdout = ''
  let stderr = ''
  command.stdout.on('data', chunk => {
    stdout += chunk
  })
  command.stderr.on('data', chunk => {
    stderr += chunk
  })
  command.stdin.end(input)
  const [code] = await once(command, 'close')
  return { code, stdout, stderr }
}

writeFileSync(join(folder, 'points.csv'), 'name,x,y\na,1,1\nb,1,2\nc,2,1\nd,8,8\ne,9,8\nf,8,9\n')
writeFileSync(join(folder, 'broken.csv'), 'x,y\n1,2\n3,abc\n5,6\n7,8\n')

test('papers --json lists the papers with their methods', async () => {
  const { code, stdout } = await offprint(['papers', '--json'])
  assert.equal(code, 0)
  const { papers } = JSON.parse(stdout)
  assert.equal(papers.length, 35)
  const fasterpam = papers.find((paper: { slug: string }) => paper.slug === 'fasterpam')
  assert.deepEqual(
    fasterpam.methods.map((method: { name: string }) => method.name),
    ['cluster', 'choose-k', 'compare'],
  )
  assert.match(fasterpam.title, /^Fast and Eager k-Medoids/)
})

test('the command of the README gives one JSON document: the record with objective, medoids and labels', async () => {
  const words = ['run', 'fasterpam', 'cluster', '--table', 'points.csv', '--k', '2', '--seed', '1', '--json']
  const { code, stdout } = await offprint(words)
  assert.equal(code, 0)
  const { run, blocks } = JSON.parse(stdout)
  assert.equal(run.status, 'done')
  assert.equal(run.seed, 1)
  const block = (name: string) => blocks.find((one: { name: string }) => one.name === name)
  assert.equal(block('objective').value, 4)
  const { rows, columns } = block('medoids')
  const index = columns.findIndex((column: { name: string }) => column.name === 'index')
  assert.deepEqual(rows.map((row: number[]) => row[index]).sort(), [0, 3])
  assert.equal(block('labels').rows.length, 6)
  const again = JSON.parse((await offprint(words)).stdout)
  assert.deepEqual(again.blocks, blocks)
})

test('on a terminal the result is a table and plots, messages go to stderr', async () => {
  const { code, stdout, stderr } = await offprint(['run', 'fasterpam', 'cluster', '--example'])
  assert.equal(code, 0)
  assert.match(stdout, /^Total deviation +[\d.]+/m)
  assert.match(stdout, /Bratislava|Vienna|Bern/)
  assert.match(stdout, /│/)
  assert.match(stderr, /^Run \w+: [\d.]+ s, seed 1/m)
})

for (const [what, words, message] of [
  ['k out of range', ['--table', 'points.csv', '--k', '0'], 'k must be a whole number from 1 to n (n = 6), found 0'],
  ['k missing', ['--table', 'points.csv'], 'k must be a whole number, found nothing'],
  ['a broken cell', ['--table', 'broken.csv', '--k', '2'], "broken.csv, row 2, column 'y': 'abc' is not a number"],
  ['no such file', ['--table', 'none.csv', '--k', '2'], 'table: there is no file none.csv'],
  ['a folder', ['--table', '.', '--k', '2'], 'table: . is a folder'],
  ['no data', ['--k', '2'], 'table must be a table (CSV, TSV or JSONL), or vectors must be given, found nothing'],
  [
    'a wrong choice',
    ['--table', 'points.csv', '--k', '2', '--metric', 'miles'],
    /^metric must be one of euclidean, .*found 'miles'$/m,
  ],
  ['an unknown flag', ['--table', 'points.csv', '--colour', 'red'], /unknown option '--colour'/],
] as const)
  test(`bad input is exit 2 with a sentence: ${what}`, async () => {
    const { code, stdout, stderr } = await offprint(['run', 'fasterpam', 'cluster', ...words])
    assert.equal(code, 2)
    assert.equal(stdout, '')
    if (typeof message === 'string') assert.equal(stderr.trim(), message)
    else assert.match(stderr, message)
  })

test('unknown commands, papers and papers that cannot run yet are exit 2 and say what there is', async () => {
  for (const [words, message] of [
    [['runn'], /unknown command 'runn'/],
    [['run', 'nothing'], /paper must be one of cluster-table, fasterpam, hnsw, outside, found 'nothing'/],
    [['run', 'spann'], /spann can be read here but not run yet; these run: cluster-table, fasterpam, hnsw, outside/],
    [['run', 'fasterpam', 'nothing'], /unknown command|method/],
    [['check'], /one of .*fasterpam.*, or --all/],
    [['check', 'fasterpam', '--claim', 'C99'], /claim must be one of C1, /],
    [['import', 'none.txt'], /there is no file none.txt/],
  ] as const) {
    const { code, stderr } = await offprint([...words])
    assert.equal(code, 2, words.join(' '))
    assert.match(stderr, message)
  }
})

test('help shows the flags with ranges and an example, and is exit 0', async () => {
  const { code, stdout } = await offprint(['run', 'fasterpam', 'cluster', '--help'])
  assert.equal(code, 0)
  assert.match(stdout, /--restarts <integer>.*\n?.*1 to 1000; default 1/s)
  assert.match(stdout, /offprint run fasterpam cluster --example/)
  assert.match((await offprint(['--help'])).stdout, /offprint check fasterpam/)
})

test('a paper from outside is listed, run and checked without a line of ours', async () => {
  const { code, stdout } = await offprint([
    'run',
    'outside',
    'sum',
    '--table',
    'points.csv',
    '--factor',
    '2',
    '--twice',
    '--json',
  ])
  assert.equal(code, 0)
  assert.equal(JSON.parse(stdout).blocks[0].value, 116)
  const check = await offprint(['check', 'outside', '--json'])
  assert.equal(check.code, 1)
  const { claims } = JSON.parse(check.stdout)
  assert.deepEqual(
    claims.map(({ id, verdict, paperValue, ourValue }: Record<string, unknown>) => [id, verdict, paperValue, ourValue]),
    [
      ['T1', 'holds', 4, 4],
      ['T2', 'does not hold here', 5, 4],
      ['T3', 'not checked', null, null],
    ],
  )
  assert.equal(claims[0].tolerance, 'within 1 % of the paper')
  assert.ok(claims[0].run)
  const one = await offprint(['check', 'outside', '--claim', 'T1'])
  assert.equal(one.code, 0)
  assert.match(one.stdout, /holds/)
})

test('names in a table do not steer the terminal, and stay what they are in text', async () => {
  const esc = '\u001b[31m'
  const rows = Array.from({ length: 20 }, (_, row) => `${esc}*r* ${row},${9 * (row % 2) + row / 50},${row % 3}`)
  writeFileSync(join(folder, 'steering.csv'), `name,${esc}x,y\n${rows.join('\n')}\n`)
  const { code, stdout } = await offprint(['run', 'cluster-table', 'cluster', '--table', 'steering.csv', '--k', '2'])
  assert.equal(code, 0)
  assert.ok(!stdout.includes('\u001b'))
  assert.match(stdout, /such as \* ?\[31m\*r\* \d+\*/)
})

test('every kind of block is shown on a terminal', async () => {
  const { code, stdout } = await offprint(['run', 'outside', 'show'])
  assert.equal(code, 0)
  for (const title of [
    'Rate',
    'Table of all types',
    'Two series',
    'Bars',
    'Points',
    'Graph',
    'Timeline',
    'Text',
    'File',
  ])
    assert.ok(stdout.includes(title), title)
  assert.match(stdout, /gpu0 +forward +0 +5/)
  assert.match(stdout, /plan.json \(2 bytes\)/)
})

test('a failed run is exit 1 and says why', async () => {
  const { code, stderr } = await offprint(['run', 'outside', 'fail', '--how', 'throw'])
  assert.equal(code, 1)
  assert.match(stderr, /the engine broke/)
})

test('an interrupt cancels the run, which is kept as cancelled', async t => {
  const command = start(['run', 'outside', 'wait', '--json'])
  t.after(() => command.kill('SIGKILL'))
  let stdout = ''
  command.stdout.on('data', chunk => {
    stdout += chunk
  })
  for await (const chunk of command.stderr) {
    if (!String(chunk).includes('counting')) continue
    command.kill('SIGINT')
    break
  }
  const [code] = await once(command, 'close')
  assert.equal(code, 1)
  assert.equal(JSON.parse(stdout).run.status, 'cancelled')
})

test('import reads a file or standard input, search finds it, export prints it', async () => {
  const line = JSON.stringify({
    arxivId: '2401.00001',
    title: 'Sparse grids for \u001b[31mred\u001b[0m terminals',
    abstract: 'An abstract about sparse grids.',
    authors: [{ name: 'Ada' }],
  })
  writeFileSync(join(folder, 'papers.jsonl'), `${line}\n{"title":\n`)
  const file = await offprint(['import', 'papers.jsonl'])
  assert.equal(file.code, 0)
  assert.match(file.stdout, /^1 new, 0 updated, 0 unchanged, 1 refused/)
  assert.match(file.stderr, /line 2: /)
  const piped = await offprint(['import', '-', '--json'], {}, `${line}\n`)
  assert.equal(JSON.parse(piped.stdout).unchanged, 1)
  const found = JSON.parse((await offprint(['search', 'sparse', 'grids', '--json'])).stdout)
  assert.equal(found.papers[0].key, '2401.00001')
  const shown = await offprint(['search', 'sparse grids'])
  assert.ok(!shown.stdout.includes('\u001b'), 'a title must not steer the terminal')
  const exported = (await offprint(['export'])).stdout
    .trim()
    .split('\n')
    .map(one => JSON.parse(one))
  assert.ok(exported.some(one => one.key === '2401.00001'))
  const nothing = await offprint(['import', '-'], {}, 'nothing of use')
  assert.equal(nothing.code, 2)
})

test('import takes several files, packed ones too, and fails where one fails', async () => {
  writeFileSync(join(folder, 'one.jsonl.gz'), gzipSync('{"title":"One of several"}\n'))
  writeFileSync(join(folder, 'two.csv'), 'name,abstract\nTwo of several,x\n')
  writeFileSync(join(folder, 'cut.jsonl.gz'), gzipSync('{"title":"Three of several"}\n').subarray(0, -9))
  const both = await offprint(['import', 'one.jsonl.gz', 'two.csv'])
  assert.deepEqual(
    [both.code, both.stdout],
    [
      0,
      'one.jsonl.gz:\n1 new, 0 updated, 0 unchanged, 0 refused\ntwo.csv:\n1 new, 0 updated, 0 unchanged, 0 refused\n',
    ],
  )
  const failing = await offprint(['import', '--json', 'cut.jsonl.gz', 'one.jsonl.gz'])
  const reports = failing.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.equal(failing.code, 1)
  assert.deepEqual(
    reports.map(({ state, error, unchanged }) => [state, error, unchanged]),
    [
      ['failed', 'the gzip file is cut off: its end is missing', 0],
      ['done', undefined, 1],
    ],
  )
  assert.equal((await offprint(['import', '--dry-run', 'one.jsonl.gz', 'two.csv'])).code, 0)
  const missing = await offprint(['import', 'one.jsonl.gz', 'none.csv'])
  assert.deepEqual([missing.code, missing.stdout], [2, ''])
})

test('a table with columns of its own is imported, and the library goes out as BibTeX', async () => {
  writeFileSync(join(folder, 'works.csv'), 'Name of the work,Who\nA work of note,Ann Ample\n')
  const refused = await offprint(['import', 'works.csv'])
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /no column for the title; the columns are Name of the work, Who/)
  const { code, stdout } = await offprint(['import', 'works.csv', '--columns', 'title=Name of the work,authors=Who'])
  assert.deepEqual([code, stdout], [0, '1 new, 0 updated, 0 unchanged, 0 refused\n'])
  const { stdout: bibtex } = await offprint(['export', '--format', 'bibtex'])
  assert.match(bibtex, /title = ?\{\{A work of note\}\}/)
  assert.equal((await offprint(['import', 'works.csv', '--columns', 'title'])).code, 2)
  assert.equal((await offprint(['import', 'works.csv', '--format', 'docx'])).code, 2)
})

test('a table is clustered by one command, and comes back with its clusters', async () => {
  const { code, stdout, stderr } = await offprint(
    'run cluster-table cluster --table points.csv --k 3 --json'.split(' '),
  )
  assert.equal(code, 0, stderr)
  const { run, blocks } = JSON.parse(stdout)
  assert.equal(run.paper, 'cluster-table')
  const named = (name: string) => blocks.find((block: { name: string }) => block.name === name)
  assert.equal(named('k').value, 3)
  assert.match(named('evidence').text, /^\*\*/)
  assert.equal(named('file').mediaType, 'text/csv')
  const refused = await offprint('run cluster-table cluster --table points.csv --method hdbscan --k 3'.split(' '))
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /hdbscan finds the number of clusters itself/)
})

test('the other command of the README searches vectors of numpy', async () => {
  const { next } = random(1)
  for (const [name, rows] of [
    ['base.npy', 300],
    ['queries.npy', 5],
  ] as const)
    writeFileSync(
      join(folder, name),
      writeNpy(
        matrix(
          rows,
          8,
          Float32Array.from({ length: rows * 8 }, () => next()),
        ),
      ),
    )
  const { code, stdout, stderr } = await offprint(
    'run hnsw search --vectors base.npy --queries queries.npy --k 10 --efSearch 64 --json'.split(' '),
  )
  assert.equal(code, 0, stderr)
  const { blocks } = JSON.parse(stdout)
  const metrics = new Map(blocks.map((block: { name: string; value: number }) => [block.name, block.value]))
  assert.equal(metrics.get('recall'), 1)
  for (const name of ['queriesPerSecond', 'buildSeconds', 'bytesPerVector'])
    assert.ok(Number(metrics.get(name)) > 0, name)
  assert.equal(blocks.find((block: { name: string }) => block.name === 'neighbours').rows.length, 50)
  writeFileSync(join(folder, 'cut.npy'), writeNpy(matrix(5, 8)).subarray(0, 150))
  const broken = await offprint('run hnsw search --vectors base.npy --queries cut.npy'.split(' '))
  assert.equal(broken.code, 2)
  assert.match(broken.stderr, /queries|cut\.npy/)
})

test('similar names papers and what they have in common, and learns that first where nobody has', async () => {
  const { code, stdout, stderr } = await offprint(['similar', '1603.09320', '--json'])
  assert.equal(code, 0)
  assert.match(stderr, /Learning from the texts/)
  const { papers } = JSON.parse(stdout)
  assert.equal(papers.length, 6)
  assert.equal(papers[0].paper.slug, 'spann')
  for (const { shared } of papers) assert.ok(shared.length > 0)
  const found = await offprint(['search', 'vector', 'search', 'recall', '--json'])
  assert.ok(JSON.parse(found.stdout).close.some((paper: { slug: string }) => paper.slug === 'curator'))
  assert.equal((await offprint(['similar', 'hnsw'])).stderr, '')
  const without = JSON.parse((await offprint(['search', 'vector', '-search', '--json'])).stdout)
  assert.ok(
    without.total > 0 && without.total < JSON.parse((await offprint(['search', 'vector', '--json'])).stdout).total,
  )
  for (const words of [
    ['similar', 'none'],
    ['similar', 'hnsw', '--limit', 'x'],
  ])
    assert.equal((await offprint(words)).code, 2)
})

test('a wrong setting stops every command with a sentence that names it', async () => {
  const { code, stderr } = await offprint(['papers'], { PORT: 'x' })
  assert.equal(code, 2)
  assert.equal(stderr.trim(), "PORT must be a whole number from 0 to 65535, found 'x'")
  const wrong = await offprint(['papers'], { PAPERS: '/nowhere' })
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /PAPERS names \/nowhere, but there is no such file or folder/)
})
