import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { random } from '@offprint/kernels'
import { openDatabase } from '../src/database.ts'
import { createLibrary } from '../src/library/library.ts'
import { madePapers, madeSite } from '../src/sync/site.fixture.ts'
import { temporaryFolder } from './harness.ts'

const kills = 30
const papers = madePapers(3_000)
const pageSize = 150

test(`after ${kills} kills at random moments of a sync it goes on, and every paper is there once`, async t => {
  const site = await madeSite(papers, { pageSize })
  t.after(() => site.close())
  const folder = temporaryFolder(t)
  const { integer } = random(20_261_127)
  const fixture = fileURLToPath(new URL('./syncing.fixture.ts', import.meta.url))

  /** Lines that the child said before it ended, or was killed after so many of them. */
  async function sync(killAfter?: number): Promise<string[]> {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', fixture, folder, site.url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.after(() => child.kill('SIGKILL'))
    let text = ''
    let left = killAfter ?? Number.POSITIVE_INFINITY
    child.stdout.on('data', chunk => {
      text += chunk
      left -= String(chunk).split('\n').length - 1
      // Not always at the moment of a line: some turns of the event loop later.
      if (left <= 0) setTimeout(() => child.kill('SIGKILL'), integer(25))
    })
    await once(child, 'close')
    return text.split('\n').slice(0, -1)
  }

  const state = () => {
    const database = openDatabase(join(folder, 'offprint.db'))
    const library = createLibrary(database)
    const ids = [...library.records()].map(({ arxivId }) => arxivId!)
    const saved = JSON.parse(String(database.prepare('SELECT state FROM syncs').get()?.state ?? 'null'))
    const imports = library.imports()
    database.close()
    return { ids, saved: saved as { token?: string; from?: string } | null, imports }
  }

  let acknowledged = 0
  let resumed = 0
  let done = 0
  for (let kill = 0; kill < kills; kill++) {
    const before = site.asked.length
    const lines = await sync(1 + integer(3))
    const first = site.asked[before]
    for (const line of lines) {
      if (line.startsWith('done')) done++
      else acknowledged = Math.max(acknowledged, Number(line.split(' ')[1]))
    }
    const { ids, saved, imports } = state()
    assert.ok(ids.length >= acknowledged, `${acknowledged} papers were said to be kept, ${ids.length} are there`)
    assert.equal(new Set(ids).size, ids.length)
    // What counts as done is there: all papers before the page that is next.
    const next = saved?.token ? Number(saved.token) : saved ? papers.length : 0
    const known = new Set(ids)
    for (const { id } of papers.slice(0, next)) assert.ok(known.has(id), `${id} is missing before page ${next}`)
    if (first?.includes('resumptionToken')) resumed++
    assert.ok(imports.every(report => report.state !== 'running'))
  }
  assert.ok(resumed >= 10, `${resumed} went on in the middle, ${done} came to the end`)

  const lines = await sync()
  assert.match(lines.at(-1)!, /^done/)
  const { ids, saved } = state()
  assert.deepEqual(
    ids.toSorted(),
    papers.map(({ id }) => id),
  )
  assert.deepEqual(saved, { from: '2026-01-20', responseDate: '2026-01-20T03:04:05Z' })
})
