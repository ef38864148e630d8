import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type PaceOptions, pacedGet, retryAfter } from './pace.ts'
import { FetchError, type Fetched } from './polite-fetch.ts'

const root = mkdtempSync(join(tmpdir(), 'pace-'))
const closing: (() => void)[] = [() => rmSync(root, { recursive: true, force: true })]
after(() => {
  for (const close of closing) close()
})
const newFolder = () => mkdtempSync(join(root, 'folder-'))

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A clock that only sleeping moves on. */
function madeClock(start = 1_000_000) {
  const clock = { time: start, slept: [] as number[] }
  const options: PaceOptions = {
    now: () => clock.time,
    sleep: async ms => {
      clock.slept.push(ms)
      clock.time += ms
      await setImmediate()
    },
    random: () => 0,
  }
  return { clock, options }
}

const answer = (status: number, headers: Record<string, string> = {}): Fetched => ({
  status,
  headers,
  url: '',
  body: (async function* () {})(),
  closed: Promise.resolve(),
})

/** Asks a made-up site whose answers are these, the last again and again. */
async function ask(answers: Fetched[], more: PaceOptions = {}, folder = newFolder()) {
  const { clock, options } = madeClock()
  let asked = 0
  const get = pacedGet(folder, {
    ...options,
    fetch: async () => answers[Math.min(asked++, answers.length - 1)],
    ...more,
  })
  const result = await get('https://a.example/').then(
    ({ status }) => status,
    error => {
      assert.ok(error instanceof FetchError, String(error))
      return error.message
    },
  )
  return { result, asked, slept: clock.slept }
}

describe('requests', () => {
  test('to one site are three seconds apart, also those of another process', async () => {
    const folder = newFolder()
    const { clock, options } = madeClock()
    const times: number[] = []
    const fetch = async () => {
      times.push(clock.time)
      return answer(200)
    }
    for (let i = 0; i < 3; i++) await pacedGet(folder, { ...options, fetch })('https://a.example/x')
    await pacedGet(folder, { ...options, fetch })('https://b.example/')
    assert.deepEqual(times, [1_000_000, 1_003_000, 1_006_000, 1_006_000])
  })

  test('to machines of arXiv count as to one', async () => {
    const { clock, options } = madeClock()
    const get = pacedGet(newFolder(), { ...options, fetch: async () => answer(200) })
    await get('https://export.arxiv.org/api/query')
    await get('https://oaipmh.arxiv.org/oai')
    await get('https://notarxiv.org/')
    assert.deepEqual(clock.slept, [3000])
  })

  test('wait until the answer before is read', async () => {
    let open = 0
    let most = 0
    const host = await serve((_, response) => {
      most = Math.max(most, ++open)
      response.on('close', () => open--)
      response.write('x')
      setTimeout(() => response.end('y'), 20)
    })
    const folder = newFolder()
    const one = async () => {
      const { body } = await pacedGet(folder, { everyMs: 0 })(`http://${host}/`, { allowPrivate: [host] })
      let text = ''
      for await (const chunk of body) text += Buffer.from(chunk)
      return text
    }
    assert.deepEqual(await Promise.all([one(), one(), one(), one()]), ['xy', 'xy', 'xy', 'xy'])
    assert.equal(most, 1)
  })

  test('go on after one that failed', async () => {
    const folder = newFolder()
    const { options } = madeClock()
    const broken = pacedGet(folder, {
      ...options,
      fetch: async () => {
        throw new FetchError('a.example', 'it is broken')
      },
    })
    await assert.rejects(broken('https://a.example/'), /it is broken/)
    assert.equal((await ask([answer(200)], {}, folder)).result, 200)
  })

  test('stop waiting when they are told to', async () => {
    const get = pacedGet(newFolder(), { everyMs: 60_000, fetch: async () => answer(200) })
    await get('https://a.example/')
    const waiting = get('https://a.example/', { signal: AbortSignal.timeout(20) })
    await assert.rejects(waiting, { name: 'AbortError' })
  })

  test('take over from a process that was killed', async () => {
    const host = await serve(({ url }, response) => {
      if (url === '/kept') response.write('x')
      else response.end()
    })
    const folder = newFolder()
    const script = fileURLToPath(new URL('./turn-taker.fixture.ts', import.meta.url))
    const child = spawn(process.execPath, [script, folder, `http://${host}/kept`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    closing.push(() => child.kill('SIGKILL'))
    await once(child.stdout, 'data')
    const get = pacedGet(folder, { everyMs: 0 })
    const options = { allowPrivate: [host] }
    await assert.rejects(get(`http://${host}/`, { ...options, signal: AbortSignal.timeout(120) }), {
      name: 'AbortError',
    })
    child.kill('SIGKILL')
    assert.equal((await get(`http://${host}/`, options)).status, 200)
  })
})

describe('a site that is busy', () => {
  test('is asked again when it says', async () => {
    const { result, slept } = await ask([
      answer(429, { 'retry-after': '7' }),
      answer(503, { 'retry-after': new Date(1_027_000).toUTCString() }),
      answer(503, { 'retry-after': '0' }),
      answer(200),
    ])
    assert.deepEqual([result, slept], [200, [7000, 20_000, 3000]])
  })

  test('is asked five times, further and further apart', async () => {
    assert.deepEqual(await ask([answer(503)]), {
      result: 'a.example: it is busy (HTTP 503), also the 5th time',
      asked: 5,
      slept: [5000, 10_000, 20_000, 40_000],
    })
    assert.deepEqual((await ask([answer(429), answer(200)], { random: () => 1 })).slept, [6250])
  })

  test('for hours is left alone by all', async () => {
    const folder = newFolder()
    const first = await ask([answer(503, { 'retry-after': '7200' })], {}, folder)
    assert.deepEqual(
      [first.asked, first.result],
      [1, 'a.example: it wants to be left alone until 1970-01-01T02:16:40.000Z'],
    )
    assert.equal((await ask([answer(200)], {}, folder)).asked, 0)
    assert.equal((await ask([answer(200)], { now: () => 1_000_000 + 7_200_001 }, folder)).result, 200)
  })

  test('is not waited for longer than a day because of a silly answer, or a clock that was set back', async () => {
    const folder = newFolder()
    await ask([answer(503, { 'retry-after': '999999999999' })], {}, folder)
    assert.equal((await ask([answer(200)], { now: () => 1_000_000 + 86_400_001 }, folder)).result, 200)
    assert.equal((await ask([answer(200)], { now: () => 5 }, folder)).result, 200)
  })

  test('and other answers: only 429, 500 and 502 to 504 are asked again', async () => {
    for (const status of [200, 304, 400, 404, 501]) {
      const { result, asked } = await ask([answer(status, { 'retry-after': '1' }), answer(200)])
      assert.deepEqual([result, asked], [status, 1])
    }
    for (const status of [429, 500, 502, 503, 504]) {
      const { result, asked } = await ask([answer(status, { 'retry-after': '1' }), answer(200)])
      assert.deepEqual([result, asked], [200, 2])
    }
  })

  test('or breaks off is asked again, five times at most; one that is refused is not', async () => {
    for (const [passing, times, words] of [
      [true, 5, 'a.example: it broke off, also the 5th time'],
      [false, 1, 'a.example: it broke off'],
    ] as const) {
      let asked = 0
      const fetch = () => {
        asked++
        return Promise.reject(new FetchError('a.example', 'it broke off', { passing }))
      }
      const { result } = await ask([], { fetch })
      assert.deepEqual([result, asked], [words, times])
    }
  })

  test('says so in seconds or as a date', () => {
    assert.equal(retryAfter(' 120 ', 0), 120_000)
    assert.equal(retryAfter('Thu, 01 Jan 1970 00:00:10 GMT', 4000), 6000)
    assert.equal(retryAfter('Thu, 01 Jan 1970 00:00:10 GMT', 40_000), 0)
    for (const text of [undefined, '', '-5', '1.5', 'soon', '2026-01-01']) assert.equal(retryAfter(text, 0), undefined)
  })
})
