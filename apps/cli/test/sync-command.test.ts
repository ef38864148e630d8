import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Fault, madePapers, madeSite } from '../../server/src/sync/site.fixture.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const outside = fileURLToPath(new URL('../../server/test/outside-paper', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'offprint-sync-'))
let fault: Fault = () => false
const site = await madeSite(madePapers(120), { pageSize: 50, fault: (...call) => fault(...call) })
after(() => {
  site.close()
  rmSync(folder, { recursive: true, force: true })
})

function start(words: string[], environment: Record<string, string> = {}) {
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...words], {
    cwd: folder,
    env: {
      ...{ PATH: process.env.PATH, DATA_DIR: join(folder, 'data'), PAPERS: outside },
      ...{ OFFPRINT_TEST_SITE: site.url, ...environment },
    },
  })
}

async function ended(command: ReturnType<typeof start>) {
  let stdout = ''
  let stderr = ''
  command.stdout.on('data', chunk => {
    stdout += chunk
  })
  command.stderr.on('data', chunk => {
    stderr += chunk
  })
  const [code] = await once(command, 'close')
  return { code, stdout, stderr }
}
const offprint = (words: string[], environment?: Record<string, string>) => ended(start(words, environment))

test('sync arxiv is stopped by an interrupt and goes on where it was', async () => {
  const reached = Promise.withResolvers<void>()
  fault = request => {
    if (!request.url!.includes('Token=50')) return false
    reached.resolve()
    return true
  }
  const command = start(['sync', 'arxiv', 'cs.DC'])
  const stopped = ended(command)
  await reached.promise
  command.kill('SIGINT')
  const first = await stopped
  assert.deepEqual([first.code, first.stdout], [1, '50 new, 0 updated, 0 unchanged, 0 refused\n'])
  assert.match(first.stderr, /interrupted; what is counted above is kept/)
  fault = () => false
  const asked = site.asked.length
  const second = await offprint(['sync', 'arxiv', 'cs.DC', '--json'])
  assert.deepEqual([second.code, JSON.parse(second.stdout).added], [0, 70])
  assert.match(site.asked[asked], /Token=50$/)
  const both = JSON.parse((await offprint(['sync', 'arxiv', 'cs.DC', 'stat', '--json'])).stdout)
  assert.deepEqual(
    both.reports.map(({ unchanged }: { unchanged: number }) => unchanged),
    [120, 120],
  )
})

test('sync says what is wrong with what it is asked for, and asks nobody', async () => {
  const asked = site.asked.length
  for (const [words, message] of [
    [['arxiv'], /category.*such as cs\.DC/],
    [['arxiv', 'cs.DC', 'cs.XX'], /'cs\.XX' is no category of arXiv/],
    [['arxiv', 'cs.DC', '--from', 'yesterday'], /from must be a day .* found 'yesterday'/],
    [['arxiv', '--query', 'ti:x', '--most', '0'], /most.*from 1 to 30000/],
    [['arxiv', 'cs.DC', '--query', 'ti:x'], /one of them/],
    [['hf', '--date', '2026-1-1'], /a day such as 2026-11-27/],
    [['hf', '--date', '2026-01-01', '--week', '2026-W01'], /cannot be used with/],
    [['complete', '--most', 'x'], /from 1 to 1000/],
    [['nonsense'], /unknown command/],
  ] as const) {
    const { code, stderr } = await offprint(['sync', ...words])
    assert.equal(code, 2, words.join(' '))
    assert.match(stderr, message)
  }
  const elsewhere = await offprint(['sync', 'arxiv', 'cs.DC'], { OFFPRINT_TEST_SITE: 'http://10.0.0.1/' })
  assert.deepEqual([elsewhere.code, /must be on this machine/.test(elsewhere.stderr)], [1, true])
  assert.equal(site.asked.length, asked)
})

test('sync hf, --query, complete and status do what they say', async () => {
  const hf = await offprint(['sync', 'hf', '--week', '2026-W02'])
  assert.deepEqual([hf.code, hf.stdout], [0, '0 new, 120 updated, 0 unchanged, 0 refused\n'])
  const query = await offprint(['sync', 'arxiv', '--query', 'ti:"number 7"', '--json'])
  assert.equal(JSON.parse(query.stdout).read, 11)
  writeFileSync(join(folder, 'known.jsonl'), '{"title":"Made Paper of the Site, Number 77"}\n{"title":"Nowhere"}\n')
  await offprint(['import', 'known.jsonl'])
  const complete = await offprint(['sync', 'complete'])
  assert.equal(complete.code, 0)
  assert.match(complete.stderr, /^2 asked for, 0 found, 2 not on arXiv under the same title/)
  const status = await offprint(['sync', 'status', '--json'], { SYNC: 'cs.DC@6h' })
  assert.deepEqual(JSON.parse(status.stdout).sources[0].schedule, 'every 6 hours')
  const table = await offprint(['sync', 'status'], { SYNC: 'cs.DC' })
  assert.match(table.stdout, /arxiv:cs\.DC.*daily at 01:30 UTC \(SYNC\)/)
  const help = await offprint(['sync', 'arxiv', '--help'])
  assert.match(help.stdout, /Examples:\n {2}offprint sync arxiv cs\.DC --from/)
})

test('import takes ids and addresses, and shows what would change', async () => {
  const ids = await offprint(['import', '2601.00001', 'https://arxiv.org/abs/2601.99999', '10.1000/x'])
  assert.deepEqual([ids.code, ids.stdout], [0, '0 new, 0 updated, 1 unchanged, 2 refused\n'])
  assert.match(ids.stderr, /line 2: 2601\.99999: arXiv has no paper of this id/)
  assert.equal((await offprint(['import', 'https://doi.org/10.48550/arXiv.2601.99998'])).code, 2)
  writeFileSync(
    join(folder, 'changes.jsonl'),
    '{"id":"2601.00002","version":9,"title":"Renamed"}\n{"title":"Fresh"}\n{"title":""}\n',
  )
  const shown = await offprint(['import', '--dry-run', 'changes.jsonl'])
  assert.equal(shown.code, 0)
  assert.match(
    shown.stdout,
    /^line 1: updated 2601\.00002 Renamed\n {2}title: Made paper of the site, number 2 → Renamed\n/,
  )
  assert.match(
    shown.stdout,
    /line 2: new t:[0-9a-f]{16} Fresh\nWould be: 1 new, 1 updated, 0 unchanged, 1 refused\. Nothing was changed\.\n$/,
  )
  assert.match(shown.stderr, /line 3: the title is missing/)
  const again = JSON.parse((await offprint(['import', '--dry-run', '--json', 'changes.jsonl'])).stdout)
  assert.deepEqual([again.added, again.updated], [1, 1])
  const mixed = await offprint(['import', 'changes.jsonl', '2601.00001'])
  assert.deepEqual([mixed.code, mixed.stdout, /there is no file 2601\.00001/.test(mixed.stderr)], [2, '', true])
})

test('import says of an id that cannot be one why, and asks nobody', async () => {
  for (const words of [['0808.05394'], ['--dry-run', '0808.05394']]) {
    const { code, stderr } = await offprint(['import', ...words])
    assert.equal(code, 2)
    assert.match(stderr, /line 1: 0808\.05394: a paper of August 2008 has 4 digits after the point/)
  }
})
