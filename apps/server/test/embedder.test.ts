import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { examine, type Offprint, readSettings } from '@offprint/server'
import { madeEndpoint } from '../src/embedding/endpoint.fixture.ts'
import { startServer } from './harness.ts'

const key = 'sk-secret-of-the-owner'
const lines = Array.from({ length: 200 }, (_, at) =>
  JSON.stringify({
    id: `2001.${10_000 + at}`,
    title: `Paper ${at}`,
    abstract: ['medoids clusters', 'transformers attention', 'galaxies telescopes'][at % 3],
  }),
).join('\n')

async function importLines({ library }: Offprint) {
  const { added } = await library.importStream(Readable.from([Buffer.from(lines)]), { name: 'made', format: 'jsonl' })
  assert.equal(added, 200)
}

test('a server with an endpoint finds by meaning over HTTP, and keeps the key to itself', async t => {
  const endpoint = await madeEndpoint()
  t.after(() => endpoint.close())
  const environment = { EMBEDDER: 'openai', EMBEDDER_URL: endpoint.url, EMBEDDER_MODEL: 'made', EMBEDDER_KEY: key }
  const { offprint, settings, url } = await startServer(t, environment)
  await importLines(offprint)
  await offprint.caughtUp()
  assert.deepEqual(offprint.behind(), [])
  const found = await (await fetch(`${url}/api/search?q=stargazing`)).json()
  assert.equal(found.total, 0)
  assert.ok(found.close.length > 0)
  assert.match(found.close[0].abstract, /galaxies/)
  assert.ok(endpoint.calls.every(({ authorization }) => authorization === `Bearer ${key}`))
  const asked = endpoint.calls.length
  await fetch(`${url}/api/search?q=quasars&typing=1`)
  assert.equal(endpoint.calls.length, asked)
  const { findings } = await examine(settings)
  const own = findings.find(({ check }) => check === 'embedder')
  assert.match(own!.found, /has seen all papers/)
  const inFiles = readdirSync(settings.DATA_DIR, { recursive: true, encoding: 'utf8' })
    .map(name => join(settings.DATA_DIR, name))
    .filter(path => statSync(path).isFile() && readFileSync(path).includes(key))
  assert.deepEqual(inFiles, [])
  assert.ok(!JSON.stringify([findings, offprint.embedder()]).includes(key))
})

test('a refusing endpoint is told of, and the own embedder serves', async t => {
  const endpoint = await madeEndpoint({ fault: ({ response }) => Boolean(response.writeHead(401).end(key)) || true })
  t.after(() => endpoint.close())
  const environment = { EMBEDDER: 'openai', EMBEDDER_URL: endpoint.url, EMBEDDER_MODEL: 'made', EMBEDDER_KEY: key }
  const { offprint, settings, url } = await startServer(t, environment)
  await offprint.caughtUp()
  assert.deepEqual(offprint.behind(), ['embeddings'])
  assert.match(offprint.embedder()!.problem!.message, /HTTP 401, '…' \(look at EMBEDDER_KEY\)/)
  const asked = endpoint.calls.length
  // Not again at once.
  await offprint.caughtUp()
  assert.equal(endpoint.calls.length, asked)
  const found = await (await fetch(`${url}/api/search?q=k-medoids`)).json()
  assert.ok(found.total > 0)
  const own = (await examine(settings)).findings.find(({ check }) => check === 'embedder')
  assert.equal(own?.state, 'warning')
  assert.match(own.found, /HTTP 401/)
})

test('a process that is killed in the middle leaves what came, and the next one asks for the rest alone', async t => {
  const { offprint, settings } = await startServer(t)
  await importLines(offprint)
  let killed = false
  const endpoint = await madeEndpoint({
    fault: ({ asked }) => {
      if (asked !== 4) return false
      child.kill('SIGKILL')
      killed = true
      return true
    },
  })
  t.after(() => endpoint.close())
  const script = fileURLToPath(new URL('../src/embedding/embed-process.ts', import.meta.url))
  const start = () =>
    spawn(process.execPath, [script, join(settings.DATA_DIR, 'offprint.db'), join(settings.DATA_DIR, 'embeddings')], {
      env: { ...process.env, EMBEDDER: 'openai', EMBEDDER_URL: endpoint.url, EMBEDDER_MODEL: 'made' },
      stdio: 'inherit',
    })
  let child = start()
  await once(child, 'exit')
  assert.ok(killed)
  const before = new Set(endpoint.calls.slice(0, 3).flatMap(({ texts }) => texts))
  const all = new Set([...offprint.library.records()].map(({ key }) => key)).size
  endpoint.calls.length = 0
  endpoint.state.fault = undefined
  child = start()
  const [code] = await once(child, 'exit')
  assert.equal(code, 0)
  assert.ok(before.size > 100)
  assert.ok(endpoint.texts().every(text => !before.has(text)))
  assert.equal(endpoint.texts().length, all - (before.size - 1))
})

test('with the own embedder nothing is waited for', async t => {
  const { offprint } = await startServer(t)
  assert.equal(offprint.prepareQuery('medoids'), undefined)
  assert.equal(offprint.embedder(), undefined)
})

test('settings that do not fit are named, and the key is not shown', () => {
  const read = (environment: Record<string, string>) => () => readSettings(environment, '/nonexistent/.env')
  assert.throws(read({ EMBEDDER: 'other' }), /EMBEDDER must be openai, onnx or empty/)
  assert.throws(read({ EMBEDDER_KEY: key }), /EMBEDDER_KEY is set: set EMBEDDER to openai or onnx too/)
  assert.throws(read({ EMBEDDER: 'openai' }), /set EMBEDDER_URL too/)
  assert.throws(read({ EMBEDDER: 'openai', EMBEDDER_URL: 'http://localhost:1/v1' }), /set EMBEDDER_MODEL too/)
  assert.throws(read({ EMBEDDER: 'onnx' }), /set EMBEDDER_MODEL too/)
  assert.throws(
    read({ EMBEDDER: 'onnx', EMBEDDER_MODEL: '/nonexistent', EMBEDDER_URL: 'http://localhost:1/v1' }),
    /leave EMBEDDER_URL empty/,
  )
  for (const EMBEDDER_URL of ['localhost:11434', 'ftp://a', `http://me:${key}@a/v1`, `http://a/v1?key=${key}`])
    assert.throws(read({ EMBEDDER: 'openai', EMBEDDER_URL }), error => {
      assert.match((error as Error).message, /^EMBEDDER_URL must be an address/)
      return !(error as Error).message.includes(key)
    })
  assert.throws(read({ EMBEDDER_KEY: `${key} x` }), error => !(error as Error).message.includes(key))
})
