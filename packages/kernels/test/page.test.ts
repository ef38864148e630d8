import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { isolation, packagePages, policy, skip } from './package-pages.ts'

const script = '../../../scripts/build-wasm.mjs'
const { compile } = (await import(script)) as { compile(source: string): Promise<string> }

describe('in a page', { skip }, () => {
  const open = packagePages()
  let module: string
  before(async () => {
    module = await compile('packages/kernels/assembly/test/pool.ts')
  })

  /** Runs in the page. */
  async function count({ module, threads }: { module: string; threads: number }) {
    const from = '/kernels/src/index.ts'
    const { arena, workerPool } = (await import(from)) as typeof import('@offprint/kernels')
    const total = 1000
    const space = arena(4 * total, { shared: true })
    const at = space.take(4 * total)
    new Uint32Array(space.memory.buffer, at, total).fill(0)
    const pool = workerPool({ threads })
    const used = new Set<number>()
    for (let run = 0; run < 3; run++)
      await pool.run(
        module,
        space,
        ({ thread, queue }) => {
          used.add(thread)
          return [
            { name: 'bind', args: [at] },
            { name: 'count', args: [queue, 7, total, 1000] },
          ]
        },
        { total },
      )
    const trap = await pool.run(module, space, () => [{ name: 'trap', args: [] }]).catch(error => error.message)
    let aborted = ''
    // In one thread there is no way to stop what never claims.
    if (pool.threads > 1) {
      const controller = new AbortController()
      const onProgress = () => controller.abort()
      const endless = pool.run(module, space, () => [{ name: 'endless', args: [at] }], {
        signal: controller.signal,
        onProgress,
      })
      aborted = await endless.catch(error => error.name)
    }
    const threadsAfter = pool.threads
    await pool.close()
    const counts = [...new Set(new Uint32Array(space.memory.buffer, at + 4, total - 1))]
    return { shared: space.shared, threads: threadsAfter, used: used.size, counts, trap, aborted }
  }

  test('that is cross-origin isolated, the pool works in several threads', async t => {
    const page = await open(t, isolation)
    const { trap, ...rest } = await page.evaluate(count, { module, threads: 3 })
    assert.deepEqual(rest, { shared: true, threads: 3, used: 3, counts: [3], aborted: 'AbortError' })
    assert.match(String(trap), /trap: unreachable/)
  })

  /** Runs in the page and here: kernels in two threads where there are any, and in one. */
  async function nearest(from: string) {
    const { distanceMatrix, fillNormal, matrix, topK, workerPool } = (await import(
      from
    )) as typeof import('@offprint/kernels')
    const points = matrix(700, 40, fillNormal(new Float32Array(28_000), { seed: 1 }))
    const pool = workerPool({ threads: 2 })
    const distances = await distanceMatrix(points, points, 'euclidean', { pool })
    const { ids, values } = await topK(distances, 7, { pool })
    await pool.close()
    return { threads: pool.threads, ids: [...ids], values: [...values] }
  }

  for (const [what, headers, threads] of [
    ['isolated', isolation, 2],
    ['not isolated', {}, 1],
  ] as const)
    test(`that is ${what}, products and selection give what they give in Node`, async t => {
      const page = await open(t, headers)
      const expected = await nearest('../src/index.ts')
      const found = await page.evaluate(nearest, '/kernels/src/index.ts')
      assert.equal(found.threads, threads)
      assert.deepEqual(found.ids, expected.ids)
      // The last bits may differ where only one of the two has relaxed SIMD. Of itself a row is at 0.
      found.values.forEach((value, at) => {
        assert.ok(Math.abs(value - expected.values[at]) <= 1e-5 * value, `${value}, not ${expected.values[at]}`)
      })
    })

  const noWorkers = { 'content-security-policy': `${policy}; worker-src 'none'` }
  for (const [what, headers, shared] of [
    ['that is not isolated', {}, false],
    ['whose policy lets no worker start', { ...isolation, ...noWorkers }, true],
  ] as const)
    test(`${what}, the pool works in the page’s own thread`, async t => {
      const page = await open(t, headers)
      const { trap, ...rest } = await page.evaluate(count, { module, threads: 3 })
      assert.deepEqual(rest, { shared, threads: 1, used: 1, counts: [3], aborted: '' })
      assert.match(String(trap), /trap failed/)
    })
})
