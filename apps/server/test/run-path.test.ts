import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openOffprint, type Run, readSettings } from '@offprint/server'
import { outsidePaper, startServer, temporaryFolder } from './harness.ts'

const numbers = 'name,x\none,1\ntwo,2\nthree,3.5\n'

test('a run over HTTP gives its record: input, seed, machine, blocks', async t => {
  const { run } = await startServer(t)
  const { status, body } = await run('outside/sum', { table: numbers, factor: 2, seed: 7, threads: 1 })
  assert.equal(status, 200)
  assert.equal(body.run.status, 'done')
  assert.equal(body.run.paper, 'outside')
  assert.equal(body.run.method, 'sum')
  assert.equal(body.run.seed, 7)
  assert.equal(body.run.input.factor, 2)
  assert.match(body.run.input.table.file, /^[0-9a-f]{64}$/)
  assert.ok(body.run.durationMs > 0)
  assert.match(body.run.machine, /cores, Node 24/)
  assert.deepEqual(body.run.log, ['summed 3 rows'])
  assert.equal(body.blocks.find((block: { name: string }) => block.name === 'sum').value, 13)
})

test('without Prefer: wait a run is accepted with its address, and can be read until it is done', async t => {
  const { url, offprint } = await startServer(t)
  const response = await fetch(`${url}/api/run/outside/sum`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ table: numbers }),
  })
  assert.equal(response.status, 202)
  const location = response.headers.get('location')!
  const { run } = (await response.json()) as { run: Run }
  assert.equal(location, `/api/runs/${run.id}`)
  await offprint.runs.wait(run.id)
  const record = (await (await fetch(url + location)).json()) as { run: Run }
  assert.equal(record.run.status, 'done')
})

test('a multipart form with an uploaded file is the same run as JSON', async t => {
  const { url, run } = await startServer(t)
  const form = new FormData()
  form.set('table', new Blob([numbers]), '../../etc/numbers.csv')
  form.set('factor', '2')
  form.set('twice', 'on')
  const response = await fetch(`${url}/api/run/outside/sum`, {
    method: 'POST',
    headers: { prefer: 'wait=60' },
    body: form,
  })
  assert.equal(response.status, 200)
  const byForm = (await response.json()) as { run: Run; blocks: unknown }
  assert.equal((byForm.run.input.table as { name: string }).name, 'numbers.csv')
  const byJson = await run('outside/sum', { table: { name: 'numbers.csv', text: numbers }, factor: 2, twice: true })
  assert.deepEqual(byForm.blocks, byJson.body.blocks)
  assert.deepEqual(byForm.run.input, byJson.body.run.input)
})

test('all that is wrong with an input is said at once, field by field', async t => {
  const { run } = await startServer(t)
  const { status, body, headers } = await run('outside/sum', {
    factor: 'abc',
    rounds: 2.5,
    sign: 'times',
    colour: 'red',
    seed: -1,
  })
  assert.equal(status, 422)
  assert.equal(headers.get('content-type'), 'application/problem+json')
  assert.deepEqual(
    body.errors.map((error: { field: string }) => error.field),
    ['seed', 'colour', 'table', 'factor', 'rounds', 'sign'],
  )
  const said = Object.fromEntries(
    body.errors.map((error: { field: string; message: string }) => [error.field, error.message]),
  )
  assert.equal(said.factor, "factor must be a number from 0.5 to 10, found 'abc'")
  assert.equal(said.rounds, 'rounds must be a whole number from 1 to 5, found 2.5')
  assert.equal(said.sign, "sign must be one of plus, minus, found 'times'")
  assert.equal(said.table, 'table must be a table (CSV, TSV or JSONL), found nothing')
})

test('an error that only the method finds is an input error with its field', async t => {
  const { run } = await startServer(t)
  const { status, body } = await run('outside/sum', { table: 'name\none\n' })
  assert.equal(status, 422)
  assert.equal(body.errors[0].field, 'table')
})

test('unknown papers and methods are 404 and name what there is', async t => {
  const { run } = await startServer(t)
  const paper = await run('nothing/sum')
  assert.equal(paper.status, 404)
  assert.match(paper.body.detail, /outside/)
  const method = await run('outside/constructor')
  assert.equal(method.status, 404)
  assert.match(method.body.detail, /one of sum, wait/)
})

test('same input and seed, same result; another seed, another draw', async t => {
  const { run } = await startServer(t)
  const one = await run('outside/sum', { table: numbers, seed: 5 })
  const same = await run('outside/sum', { table: numbers, seed: 5 })
  const other = await run('outside/sum', { table: numbers, seed: 6 })
  assert.deepEqual(one.body.blocks, same.body.blocks)
  assert.notDeepEqual(one.body.blocks, other.body.blocks)
})

test('a run is repeated from what was stored', async t => {
  const { run, url } = await startServer(t)
  const one = await run('outside/sum', { table: numbers, seed: 5, factor: 3 })
  const response = await fetch(`${url}/api/runs/${one.body.run.id}/repeat`, {
    method: 'POST',
    headers: { prefer: 'wait=60' },
  })
  const again = (await response.json()) as { run: Run; blocks: unknown }
  assert.notEqual(again.run.id, one.body.run.id)
  assert.deepEqual(again.run.input, one.body.run.input)
  assert.deepEqual(again.blocks, one.body.blocks)
})

for (const deaf of [false, true]) {
  test(`a ${deaf ? 'method that never listens' : 'listening method'} is really stopped by a cancel within a second`, async t => {
    const { url, offprint } = await startServer(t)
    const run = await offprint.runs.submit('outside', 'wait', { deaf })
    await new Promise<void>(resolve => {
      const stop = offprint.runs.watch(run.id, event => {
        if (event.type !== 'progress') return
        stop()
        resolve()
      })
    })
    const before = childProcesses()
    assert.ok(before.length > 0)
    const started = performance.now()
    const response = await fetch(`${url}/api/runs/${run.id}/cancel`, { method: 'POST' })
    assert.equal(response.status, 200)
    const record = await offprint.runs.wait(run.id)
    assert.equal(record!.run.status, 'cancelled')
    assert.ok(performance.now() - started < 1000)
    assert.ok(before.every(id => !childProcesses().includes(id)))
  })
}

test('a queued run can be cancelled before it starts', async t => {
  const { offprint } = await startServer(t, { RUN_CONCURRENCY: '1' })
  const first = await offprint.runs.submit('outside', 'wait', {})
  const second = await offprint.runs.submit('outside', 'wait', {})
  assert.equal(second.status, 'queued')
  assert.ok(offprint.runs.cancel(second.id))
  assert.equal(offprint.runs.store.get(second.id)!.status, 'cancelled')
  offprint.runs.cancel(first.id)
  await offprint.runs.wait(first.id)
})

test('a run beyond the time limit ends with a message that names the setting', async t => {
  const { run } = await startServer(t, { RUN_TIME_LIMIT_SECONDS: '1' })
  const { body } = await run('outside/wait', { deaf: true })
  assert.equal(body.run.status, 'failed')
  assert.equal(body.run.error.kind, 'limit')
  assert.match(body.run.error.message, /after 1 s.*RUN_TIME_LIMIT_SECONDS/)
})

test('a run beyond the memory limit ends with a message that names the setting, WebAssembly memory included', async t => {
  const { run } = await startServer(t, { RUN_MEMORY_LIMIT_MB: '300' })
  const { body } = await run('outside/take')
  assert.equal(body.run.status, 'failed')
  assert.equal(body.run.error.kind, 'limit')
  assert.match(body.run.error.message, /limit of a run is 300 MB \(setting RUN_MEMORY_LIMIT_MB\)/)
})

test('a full queue says so', async t => {
  const { run, offprint } = await startServer(t, { RUN_CONCURRENCY: '1', RUN_QUEUE_LIMIT: '1' })
  const first = await offprint.runs.submit('outside', 'wait', {})
  await offprint.runs.submit('outside', 'wait', {})
  const { status, body } = await run('outside/sum', { table: numbers })
  assert.equal(status, 503)
  assert.match(body.detail, /waiting already/)
  offprint.runs.cancel(first.id)
})

for (const [how, message] of [
  ['throw', /the engine broke/],
  ['exit', /ended \(exit 7\)/],
  ['nonsense', /block|result|value/i],
] as const) {
  test(`a method that fails (${how}) is a failed run with its input kept, and the server lives on`, async t => {
    const { run } = await startServer(t)
    const { body } = await run('outside/fail', { how })
    assert.equal(body.run.status, 'failed')
    assert.equal(body.run.error.kind, 'failure')
    assert.match(body.run.error.message, message)
    assert.equal(body.run.input.how, how)
    assert.deepEqual(body.blocks, [])
    assert.equal((await run('outside/sum', { table: numbers })).body.run.status, 'done')
  })
}

test('a run takes the file that an earlier run left, and only of the right type', async t => {
  const { run, url } = await startServer(t)
  const { body } = await run('outside/leave', { text: 'hello' })
  const { id } = body.run
  const used = await run('outside/use', { model: id })
  assert.equal(used.body.blocks[0].value, 5)
  for (const model of ['nothing', '../../etc/passwd', `${id}/other.txt`, { run: id, file: '../blocks.json' }])
    assert.equal((await run('outside/use', { model })).status, 422)
  const file = await fetch(`${url}/api/runs/${id}/files/model.txt`)
  assert.equal(await file.text(), 'hello')
  assert.match(file.headers.get('content-disposition')!, /^attachment/)
  assert.equal(file.headers.get('content-type'), 'application/octet-stream')
  assert.equal((await fetch(`${url}/api/runs/${id}/files/${encodeURIComponent('../../offprint.db')}`)).status, 404)
})

test('tables come as CSV in which no cell is a formula', async t => {
  const { run, url } = await startServer(t)
  const { body } = await run('outside/sum', { table: 'name,x\n=1+1,1\n<script>,2\n' })
  const csv = await (await fetch(`${url}/api/runs/${body.run.id}/tables/rows.csv`)).text()
  assert.equal(csv, `name,x\n"'=1+1",1\n<script>,2\n`)
  assert.equal((await fetch(`${url}/api/runs/${body.run.id}/tables/none.csv`)).status, 404)
})

test('events tell status, progress and the end', async t => {
  const { url, offprint } = await startServer(t)
  const run = await offprint.runs.submit('outside', 'wait', {})
  const response = await fetch(`${url}/api/runs/${run.id}/events`)
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  let text = ''
  let cancelled = false
  for await (const chunk of response.body!) {
    text += Buffer.from(chunk).toString()
    if (text.includes('event: progress') && !cancelled) {
      cancelled = true
      offprint.runs.cancel(run.id)
    }
  }
  assert.match(text, /event: status/)
  assert.match(text, /"what":"Counting"/)
  assert.match(text, /"status":"cancelled"/)
})

test('checks give a figure and a verdict; one without a check says why', async t => {
  const { url, offprint } = await startServer(t)
  for (const id of ['T1', 'T2']) {
    const response = await fetch(`${url}/api/check/outside/${id}`, { method: 'POST', headers: { prefer: 'wait=60' } })
    assert.equal(response.status, 200)
  }
  assert.equal((await fetch(`${url}/api/check/outside/T3`, { method: 'POST' })).status, 404)
  const rows = offprint.claims('outside')
  assert.deepEqual(
    rows.map(({ id, verdict, ourValue, paperValue }) => [id, verdict, ourValue, paperValue]),
    [
      ['T1', 'holds', 4, 4],
      ['T2', 'does not hold here', 4, 5],
      ['T3', 'not checked', undefined, undefined],
    ],
  )
  assert.equal(rows[0].tolerance, 'within 1 % of the paper')
  assert.equal(rows[2].pending, 'there is no way to measure it')
  assert.ok(rows[0].run)
})

test('closing stops what runs, marks it as interrupted, and a later start can repeat it', async t => {
  const settings = readSettings({ DATA_DIR: temporaryFolder(t), PAPERS: outsidePaper }, '/nonexistent/.env')
  const first = await openOffprint(settings)
  const run = await first.runs.submit('outside', 'wait', {})
  await first.close()
  const second = await openOffprint(settings)
  t.after(() => second.close())
  assert.equal(second.runs.store.get(run.id)!.status, 'interrupted')
  const again = second.runs.repeat(run.id)!
  assert.deepEqual(again.input, run.input)
  second.runs.cancel(again.id)
  await second.runs.wait(again.id)
})

test('a start never takes the run of a living command for a dead one', async t => {
  const settings = readSettings({ DATA_DIR: temporaryFolder(t), PAPERS: outsidePaper }, '/nonexistent/.env')
  const command = await openOffprint(settings)
  t.after(() => command.close())
  const run = await command.runs.submit('outside', 'wait', {})
  const server = await openOffprint(settings)
  t.after(() => server.close())
  assert.ok(['queued', 'running'].includes(server.runs.store.get(run.id)!.status))
  assert.equal(server.runs.isOurs(run.id), false)
  command.runs.cancel(run.id)
  await command.runs.wait(run.id)
})

test('a result that was cut or has one flipped bit is said to be damaged, and whole again it is shown', async t => {
  const { run, offprint, url, settings } = await startServer(t)
  const { body } = await run('outside/sum', { table: numbers })
  const file = join(offprint.runs.store.directory(body.run.id), 'result.txt')
  const whole = readFileSync(file)
  const read = async () =>
    (await (await fetch(`${url}/api/runs/${body.run.id}`)).json()) as { run: Run; blocks: unknown[] }
  const damaged = [whole.subarray(0, 0), whole.subarray(0, 64), whole.subarray(0, whole.length - 1)]
  for (let at = 0; at < whole.length; at += 7) {
    const flipped = Buffer.from(whole)
    flipped[at] ^= 1 << (at % 8)
    damaged.push(flipped)
  }
  for (const content of damaged) {
    writeFileSync(file, content)
    const record = await read()
    assert.equal(record.run.status, 'failed')
    assert.match(record.run.error!.message, /missing or damaged; repeat the run/)
    assert.deepEqual(record.blocks, [])
  }
  writeFileSync(file, whole)
  assert.deepEqual((await read()).blocks, body.blocks)
  assert.ok(!readdirSync(join(settings.DATA_DIR, 'files')).some(name => name.startsWith('.part-')))
})

test('an upload that is damaged on disk is not used', async t => {
  const { run, offprint, url } = await startServer(t)
  const { body } = await run('outside/sum', { table: numbers })
  const path = offprint.files.path(body.run.input.table.file)!
  writeFileSync(path, numbers.replace('3.5', '3.6'))
  const again = await fetch(`${url}/api/runs/${body.run.id}/repeat`, { method: 'POST', headers: { prefer: 'wait=60' } })
  assert.equal(again.status, 422)
  assert.match(((await again.json()) as { detail: string }).detail, /the stored file is damaged; upload it again/)
})

/** Ids of this process's children that still run. */
function childProcesses(): string[] {
  return readdirSync(`/proc/${process.pid}/task`).flatMap(task => {
    const list = `/proc/${process.pid}/task/${task}/children`
    return existsSync(list) ? readFileSync(list, 'utf8').trim().split(/\s+/).filter(Boolean) : []
  })
}
