import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { type Arena, arena, InputError, instantiate, type Place, workerPool } from '@offprint/kernels'

// Typed here, as the script is plain JavaScript.
const script = '../../../scripts/build-wasm.mjs'
const { compile } = (await import(script)) as { compile(source: string): Promise<string> }
const module = await compile('packages/kernels/assembly/test/pool.ts')

const workers: Worker[] = []
process.on('worker', worker => workers.push(worker))
const pool = workerPool({ threads: 3 })
after(() => pool.close())

const total = 1000
function counting({ piece = 7, delay = 0, shared = true }) {
  const space = arena(4 * total, { shared })
  const at = space.take(4 * total)
  const view = () => new Uint32Array(space.memory.buffer, at, total)
  view().fill(0)
  const calls = ({ queue }: Place) => [
    { name: 'bind', args: [at] },
    { name: 'count', args: [queue, piece, total, delay] },
  ]
  return { space, at, view, calls }
}
/** Some milliseconds a unit, all in all far more than a test waits for. */
const slow = 20_000_000
const trap = () => [{ name: 'trap', args: [] }]

for (const shared of [true, false])
  test(`every unit is done once, ${shared ? 'in several threads' : 'in the calling one where memory is not shared'}`, async () => {
    for (const piece of [1, 7, 999, 1000, 5000]) {
      const { space, view, calls } = counting({ piece, shared })
      assert.equal(space.shared, shared)
      const places: Place[] = []
      const seen: number[] = []
      await pool.run(
        module,
        space,
        place => {
          places.push(place)
          return calls(place)
        },
        { total, onProgress: done => seen.push(done) },
      )
      assert.ok(view().every(count => count === 1))
      assert.deepEqual(
        places.map(({ thread, threads }) => [thread, threads]),
        shared
          ? [
              [0, 3],
              [1, 3],
              [2, 3],
            ]
          : [[0, 1]],
      )
      assert.equal(seen.at(-1), total)
      assert.deepEqual(
        seen,
        [...seen].sort((a, b) => a - b),
      )
    }
  })

test('one thread is the calling one, also on shared memory, and starts no worker', async () => {
  const before = workers.length
  const { space, view, calls } = counting({})
  await workerPool({ threads: 1 }).run(module, space, calls, { total })
  assert.ok(view().every(count => count === 1))
  assert.equal(workers.length, before)
})

test('without a queue each thread makes its calls once', async () => {
  const space = arena(0, { shared: true })
  const at = space.take(16)
  const cell = () => new Uint32Array(space.memory.buffer, at, 1)
  cell()[0] = 0
  const calls = () => [
    { name: 'mark', args: [at] },
    { name: 'mark', args: [at] },
  ]
  await pool.run(module, space, calls)
  assert.equal(cell()[0], 6)
})

test('threads are kept from one run to the next', async () => {
  await pool.run(module, arena(0, { shared: true }), () => [])
  const before = workers.length
  for (let run = 0; run < 5; run++) await pool.run(module, arena(0, { shared: true }), () => [])
  assert.equal(workers.length, before)
})

test('memory that grew between runs is seen by the threads', async () => {
  const { space, calls } = counting({})
  await pool.run(module, space, calls, { total })
  const far = space.take(1_000_000)
  new Uint8Array(space.memory.buffer, far, 1_000_000).fill(0)
  await pool.run(module, space, () => [{ name: 'mark', args: [far + 999_000] }])
  assert.equal(new Uint32Array(space.memory.buffer, far + 999_000, 1)[0], 3)
})

for (const shared of [true, false])
  test(`an aborted run is rejected with the reason once its pieces are done${shared ? '' : ', in the calling thread'}`, async () => {
    const { space, view, calls } = counting({ delay: slow / 20, piece: 1, shared })
    const controller = new AbortController()
    const reason = new Error('enough')
    const onProgress = () => controller.abort(reason)
    await assert.rejects(pool.run(module, space, calls, { total, signal: controller.signal, onProgress }), reason)
    const done = view().reduce((sum, count) => sum + count, 0)
    assert.ok(done < total, String(done))
    // Nothing goes on behind the caller's back.
    await pool.run(module, arena(0, { shared: true }), () => [])
    assert.equal(
      view().reduce((sum, count) => sum + count, 0),
      done,
    )
    await assert.rejects(pool.run(module, space, calls, { total, signal: controller.signal }), reason)
  })

test('threads that make no end are stopped, and others take their place', async () => {
  const space = arena(0, { shared: true })
  const at = space.take(16)
  new Uint32Array(space.memory.buffer, at, 1)[0] = 0
  const controller = new AbortController()
  const calls = ({ queue }: Place) => [{ name: 'endless', args: [at], queue }]
  for (const units of [0, 5]) {
    const run = pool.run(module, space, calls, {
      total: units,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    })
    await assert.rejects(run, { name: 'AbortError' })
  }
  const { space: other, view, calls: count } = counting({})
  await pool.run(module, other, count, { total })
  assert.ok(view().every(one => one === 1))
})

test('a call that traps rejects the run in words, and the pool goes on', async () => {
  for (const shared of [true, false]) {
    const { space, calls, view } = counting({ shared })
    await assert.rejects(pool.run(module, space, trap), /WebAssembly.* failed.*unreachable/)
    await assert.rejects(
      pool.run(module, space, () => [{ name: 'missing', args: [] }]),
      /missing/,
    )
    await pool.run(module, space, calls, { total })
    assert.ok(view().every(one => one === 1))
  }
})

test('a report of progress that throws rejects the run', async () => {
  for (const shared of [true, false]) {
    const { space, calls } = counting({ delay: slow / 20, piece: 1, shared })
    const wrong = new Error('cannot show it')
    const onProgress = () => {
      throw wrong
    }
    await assert.rejects(pool.run(module, space, calls, { total, onProgress }), wrong)
  }
})

test('a trap in one thread stops the others', async () => {
  const { space, at, view } = counting({})
  const calls = ({ thread, queue }: Place) => [
    { name: 'bind', args: [at] },
    { name: 'trapInOne', args: [thread, queue, total] },
  ]
  await assert.rejects(pool.run(module, space, calls, { total }), /trapInOne: unreachable/)
  assert.ok(view().some(count => count === 0))
})

test('a thread that ends by itself rejects the run, and another is started for the next', async () => {
  const { space, view, calls } = counting({ delay: slow })
  await pool.run(module, space, () => [])
  const run = pool.run(module, space, calls, { total, onProgress: () => void workers.at(-1)?.terminate() })
  await assert.rejects(run, /a thread of the pool has ended: exit code/)
  const other = counting({})
  await pool.run(module, other.space, other.calls, { total })
  assert.ok(other.view().every(one => one === 1))
  assert.ok(view().some(one => one === 0))
})

test('runs on one pool take turns, and one that waits can be aborted', async () => {
  const ends: string[] = []
  const run = async (name: string, signal?: AbortSignal) => {
    const { space, calls } = counting({ delay: 1000 })
    await pool.run(module, space, calls, { total, signal }).catch(() => ends.push(`${name} aborted`))
    ends.push(name)
  }
  const controller = new AbortController()
  const all = [run('first'), run('second', controller.signal), run('third')]
  controller.abort()
  await Promise.all(all)
  assert.deepEqual(ends, ['second aborted', 'second', 'first', 'third'])
})

test('a pool that is closed rejects the run at work and those after', async () => {
  const own = workerPool({ threads: 2 })
  const { space, calls } = counting({ delay: slow })
  const run = own.run(module, space, calls, { total, onProgress: () => void own.close() })
  await assert.rejects(run, /ended: it was stopped/)
  await assert.rejects(own.run(module, space, calls, { total }), /was closed/)
})

test('what the host must give is checked', async () => {
  for (const threads of [0, 1.5, 1000, Number.NaN])
    assert.throws(() => workerPool({ threads }), { name: 'InputError', field: 'threads' })
  await assert.rejects(
    pool.run(module, arena(), () => [], { total: -1 }),
    InputError,
  )
  const space = arena()
  const at = space.take(4)
  await assert.rejects(
    pool.run(module, space, () => [{ name: 'mark', args: [at] }], { total: 5 }),
    /mark took no work/,
  )
})

test('a process that used a pool ends by itself, and one that still waits for a run does not end before', async () => {
  const code = `
    import { arena, workerPool } from '@offprint/kernels'
    const space = arena(4000, { shared: true })
    const at = space.take(4000)
    const pool = workerPool({ threads: 2 })
    const calls = ({ queue }) => [{ name: 'bind', args: [at] }, { name: 'count', args: [queue, 1, 1000, 5000] }]
    await pool.run(process.argv[1], space, calls, { total: 1000 })
    await pool.run(process.argv[1], space, calls, { total: 1000 })
    console.log('counted', new Uint32Array(space.memory.buffer, at, 1000).every(count => count === 2))
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, module], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: import.meta.dirname,
  })
  const output = child.stdout.setEncoding('utf8').toArray()
  const [status] = await once(child, 'exit')
  assert.equal(status, 0)
  assert.equal((await output).join(''), 'counted true\n')
})

test('one binary serves plain and shared memory', () => {
  for (const shared of [true, false]) {
    const space: Arena = arena(0, { shared })
    const at = space.take(4)
    new Uint32Array(space.memory.buffer, at, 1)[0] = 4
    instantiate<{ mark(at: number): void }>(module, space).mark(at)
    assert.equal(new Uint32Array(space.memory.buffer, at, 1)[0], 5)
    assert.equal(space.memory.buffer instanceof SharedArrayBuffer, shared)
  }
})
