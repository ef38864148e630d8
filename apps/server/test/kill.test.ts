import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { random } from '@offprint/kernels'
import { openOffprint, readSettings } from '@offprint/server'
import { outsidePaper, temporaryFolder } from './harness.ts'

const kills = 25

test(`after ${kills} kills at random moments every accepted run is there, and every finished one with its result`, async t => {
  const environment = { DATA_DIR: temporaryFolder(t), PAPERS: outsidePaper, RUN_CONCURRENCY: '2' }
  const settings = readSettings(environment, '/nonexistent/.env')
  const { integer } = random(20_261_124)
  const accepted = new Set<string>()
  const done = new Set<string>()
  for (let kill = 0; kill < kills; kill++) {
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', fileURLToPath(new URL('./working.fixture.ts', import.meta.url))],
      { env: { PATH: process.env.PATH, ...environment }, stdio: ['ignore', 'pipe', 'inherit'] },
    )
    t.after(() => child.kill('SIGKILL'))
    let left = integer(7)
    let text = ''
    child.stdout.on('data', chunk => {
      text += chunk
      left -= String(chunk).split('\n').length - 1
      // Not always at the moment of a line: some turns of the event loop later.
      if (left <= 0) setTimeout(() => child.kill('SIGKILL'), integer(40))
    })
    await once(child, 'close')
    for (const line of text.split('\n').slice(0, -1)) {
      const [what, id] = line.split(' ')
      if (what === 'accepted') accepted.add(id)
      if (what === 'done') done.add(id)
    }
    const offprint = await openOffprint(settings)
    for (const id of accepted) {
      const record = offprint.runs.store.record(id)!
      assert.ok(['done', 'interrupted'].includes(record.run.status), `${id} is ${record.run.status}`)
      if (done.has(id)) assert.equal(record.run.status, 'done')
      if (record.run.status === 'done') assert.equal(record.blocks.length, 4)
    }
    await offprint.close()
  }
  assert.ok(accepted.size >= kills, `${accepted.size} runs were accepted`)

  const offprint = await openOffprint(settings)
  t.after(() => offprint.close())
  const interrupted = offprint.runs.store.list({ limit: 1000 }).filter(run => run.status === 'interrupted')
  assert.ok(interrupted.length > 0)
  const again = await offprint.runs.wait(offprint.runs.repeat(interrupted[0].id)!.id)
  assert.equal(again!.run.status, 'done')
})
