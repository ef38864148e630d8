import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { EmbedderError } from './embedder.ts'
import { type Fault, madeEndpoint, meaningOf } from './endpoint.fixture.ts'
import { openOpenaiEmbedder, readRetryAfter } from './openai-embedder.ts'

const key = 'sk-secret-of-the-owner'

async function opened(t: TestContext, fault?: Fault) {
  const endpoint = await madeEndpoint({ fault })
  const waits: number[] = []
  const embedder = openOpenaiEmbedder({
    url: `${endpoint.url}/embeddings`,
    model: 'made',
    key,
    wait: async ms => void waits.push(ms),
  })
  t.after(() => {
    endpoint.close()
    return embedder.close()
  })
  return { endpoint, embedder, waits }
}

test('vectors come in the order of their texts, at length 1, with the key sent', async t => {
  const { endpoint, embedder } = await opened(t)
  const texts = ['medoids', 'attention', 'galaxies galaxies']
  const vectors = await embedder.embed(texts)
  for (const [at, vector] of vectors.entries()) {
    const raw = meaningOf(texts[at])
    const length = Math.hypot(...raw)
    assert.ok(vector.every((value, column) => Math.abs(value - raw[column] / length) < 1e-6))
    assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-6)
  }
  assert.deepEqual(
    endpoint.calls.map(({ model, authorization }) => [model, authorization]),
    [['made', `Bearer ${key}`]],
  )
  assert.ok(!embedder.name.includes(key))
})

test('faults that may pass are tried again, later each time, and not before Retry-After', async t => {
  const { embedder, waits, endpoint } = await opened(t, ({ asked, request, response }) => {
    if (asked === 1) response.writeHead(429, { 'retry-after': '7' }).end('{"error":{"message":"slow down"}}')
    else if (asked === 2) response.writeHead(503).end('busy')
    else if (asked === 3) request.socket.destroy()
    else if (asked === 4) {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('{"data":[', () => response.socket!.destroy())
    } else return false
    return true
  })
  assert.equal((await embedder.embed(['medoids'])).length, 1)
  assert.deepEqual(waits, [7000, 2000, 4000, 8000])
  assert.equal(endpoint.calls.length, 5)
})

test('who stays away for long is not waited for', async t => {
  const { embedder, waits } = await opened(t, ({ response }) => {
    response.writeHead(429, { 'retry-after': '3600' }).end()
    return true
  })
  await assert.rejects(embedder.embed(['a']), { passing: true, retryAfterMs: 3_600_000 })
  assert.deepEqual(waits, [])
  assert.equal(readRetryAfter('Thu, 01 Jan 1970 00:01:00 GMT', 30_000), 30_000)
  assert.equal(readRetryAfter('soon'), undefined)
})

test('a slow answer ends at its limit', async t => {
  const { embedder } = await opened(t, () => true)
  await assert.rejects(embedder.embed(['a'], { limitMs: 50, retries: 0 }), /no whole answer within 0.05 seconds/)
})

test('wrong answers are refused, each in a sentence, and never with the key', async t => {
  const answers: [number, string, RegExp][] = [
    [200, 'not JSON', /no JSON: 'not JSON'/],
    [200, '{"data":{}}', /no list 'data'/],
    [200, 'null', /no list 'data'/],
    [200, '{"data":[]}', /0 vectors for 2 texts/],
    [200, '{"data":[{"embedding":[1,2]},{"embedding":[1]}]}', /vector 2 has 1 numbers, the first one 2/],
    [200, '{"data":[{"embedding":[1,null]},{"embedding":[1,2]}]}', /vector 1 has 'null'/],
    [200, '{"data":[{"embedding":[1,1e999]},{"embedding":[1,2]}]}', /vector 1 has 'Infinity'/],
    [200, '{"data":[{"embedding":[1,"NaN"]},{"embedding":[1,2]}]}', /vector 1 has 'NaN'/],
    [200, '{"data":[{"embedding":[0,0]},{"embedding":[1,2]}]}', /vector 1 has the length 0/],
    [200, '{"data":[{"embedding":"AAAA"},{"embedding":[1,2]}]}', /vector 1 is no list/],
    [200, '{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}', /index '0' twice/],
    [401, `{"error":{"message":"wrong key ${key}"}}`, /HTTP 401, 'wrong key …' \(look at EMBEDDER_KEY\)/],
    [404, '{"error":"model made not found"}', /model made not found' \(look at EMBEDDER_URL and EMBEDDER_MODEL\)/],
    [302, '', /HTTP 302, nothing \(redirects are not followed/],
  ]
  let answer: (typeof answers)[number]
  const { embedder, waits } = await opened(t, ({ response }) => {
    response.writeHead(answer[0]).end(answer[1])
    return true
  })
  for (answer of answers) {
    const error = await embedder.embed(['a', 'b']).catch(error => error)
    assert.ok(error instanceof EmbedderError)
    assert.match(error.message, answer[2])
    assert.ok(!error.message.includes(key))
  }
  assert.deepEqual(waits, [])
})
