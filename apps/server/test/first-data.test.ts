import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { SQLInputValue } from 'node:sqlite'
import { test } from 'node:test'
import { examine, openOffprint, readSettings } from '@offprint/server'
import { migrate, openDatabase } from '../src/database.ts'
import { schemaSteps } from '../src/schema.ts'
// Rows and files as the first version wrote them: never to be changed, as data folders of that kind are out there.
import first from './first-data.fixture.json' with { type: 'json' }
import { outsidePaper, temporaryFolder } from './harness.ts'

test('a data folder of the first version opens with its papers, its search, its import and its run', async t => {
  const folder = temporaryFolder(t)
  const database = openDatabase(join(folder, 'offprint.db'))
  for (const owner of ['library', 'runs']) migrate(database, owner, schemaSteps[owner].slice(0, 1))
  for (const [table, rows] of Object.entries(first.tables) as [string, Record<string, SQLInputValue>[]][])
    for (const row of rows) {
      // Full-text tables ignore row ids that come as floats.
      const marks = Object.keys(row).map(name => (name === 'rowid' ? 'CAST(? AS INTEGER)' : '?'))
      database.prepare(`INSERT INTO ${table} (${Object.keys(row)}) VALUES (${marks})`).run(...Object.values(row))
    }
  database.close()
  for (const [name, text] of Object.entries(first.files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }

  const settings = readSettings({ DATA_DIR: folder, PAPERS: outsidePaper }, '/nonexistent/.env')
  const offprint = await openOffprint(settings)
  t.after(() => offprint.close())
  const paper = offprint.library.paper('2401.00001')
  assert.ok(paper && !('redirect' in paper))
  assert.equal(paper.abstract, 'Wombats dig burrows that last for decades.')
  assert.deepEqual(paper.authors, [{ name: 'Ada Example' }])
  assert.deepEqual(offprint.library.paper('10.1234/wombat'), { redirect: '2401.00001' })
  assert.deepEqual(
    offprint.library.search('burrows').papers.map(found => found.key),
    ['2401.00001'],
  )
  assert.equal(offprint.library.search('fasterpam').called?.key, '2008.05171')
  const [report] = offprint.library.imports()
  assert.deepEqual([report.name, report.added, report.state], ['first.jsonl', 1, 'done'])
  const [run] = offprint.runs.store.list()
  const record = offprint.runs.store.record(run.id)!
  assert.equal(record.run.status, 'done')
  assert.ok(record.blocks.length > 0)
  const repeated = await offprint.runs.wait(offprint.runs.repeat(run.id)!.id)
  assert.deepEqual(repeated!.blocks, record.blocks)
  const { findings } = await examine(settings, { full: true })
  assert.deepEqual(
    findings.filter(finding => finding.state === 'problem'),
    [],
  )
})
