/** The index in a page, from plain files and without a bundler. Skipped by name where there is no Chromium. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isolation, packagePages, skip } from '../../kernels/test/package-pages.ts'

describe('in a page', { skip }, () => {
  const open = packagePages()

  /** Runs in the page and here. */
  async function buildAndSearch([search, kernels]: [string, string]) {
    const { Hnsw } = (await import(search)) as typeof import('@offprint/search')
    const { fillNormal, matrix } = (await import(kernels)) as typeof import('@offprint/kernels')
    const rows = 20_000
    const points = matrix(rows, 32, fillNormal(new Float32Array(rows * 32), { seed: 1 }))
    const queries = matrix(50, 32, fillNormal(new Float32Array(1600), { seed: 2 }))
    const index = await Hnsw.build(points, { M: 8, efConstruction: 40, threads: 2, keepFloats: 'f16' })
    const exact = await index.searchExact(queries, 10)
    const { ids, distances } = await index.searchBatch(queries, 10, { ef: 400 })
    const hits = distances.filter((far, at) => far <= exact.distances[10 * Math.floor(at / 10) + 9] * 1.000001).length
    const even = index.search(queries.data.subarray(0, 32), 5, { filter: (id: number) => id % 2 === 0 })
    const again = Hnsw.open(index.toBytes())
    const one = again.search(points.data.subarray(0, 32), 1).ids[0]
    const { threads, size, codes, floats } = index.stats()
    return { threads, size, codes, floats, hits, one, even: [...even.ids], ids: [...ids] }
  }

  for (const [what, headers, threads] of [
    ['isolated from other origins', isolation, 2],
    ['not isolated', {}, 1],
  ] as const)
    test(`that is ${what}, 20,000 vectors are indexed and searched as in Node`, async t => {
      const page = await open(t, headers)
      const sources: [string, string] = ['/search/src/index.ts', '/kernels/src/index.ts']
      const { ids, hits, ...found } = await page.evaluate(buildAndSearch, sources)
      const here = await buildAndSearch(['../src/index.ts', '../../kernels/src/index.ts'])
      assert.deepEqual(found, { threads, size: 20_000, codes: 'i8', floats: 'f16', one: here.one, even: here.even })
      assert.ok(hits >= 450, `${hits} of 500`)
      // The last bits may differ where only one of the two has relaxed SIMD.
      assert.ok(ids.filter((id, at) => id === here.ids[at]).length >= 490)
    })
})
