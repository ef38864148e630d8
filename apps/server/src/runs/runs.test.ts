/** What keeps the queue of runs going when the database cannot be written for a while. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRuns, heartbeatMs } from './runs.ts'

test('a heartbeat that cannot be written ends nothing: the next one tries again', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const said = t.mock.method(console, 'error', () => {})
  let beats = 0
  const store = {
    heartbeat() {
      beats++
      if (beats < 3) throw new Error('database is locked')
    },
  }
  const runs = createRuns({
    settings: { RUN_CONCURRENCY: 1 },
    papers: new Map(),
    store,
    sources: {},
  } as unknown as Parameters<typeof createRuns>[0])
  for (let beat = 1; beat <= 3; beat++) {
    t.mock.timers.tick(heartbeatMs)
    assert.equal(beats, beat)
  }
  assert.deepEqual(
    said.mock.calls.map(call => call.arguments),
    [['runs: database is locked'], ['runs: database is locked']],
  )
  await runs.close()
})
