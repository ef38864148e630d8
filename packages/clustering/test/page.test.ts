/** The package in a page, from plain files and without a bundler. Skipped by name where there is no Chromium. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isolation, packagePages, skip } from '../../kernels/test/package-pages.ts'

describe('in a page', { skip }, () => {
  const open = packagePages()

  /** Runs in the page and here. */
  async function clusterAll([clustering, kernels]: [string, string]) {
    const {
      agglomerative,
      cutByCount,
      dbscan,
      fasterPam,
      gaussianMixture,
      hdbscan,
      hdbscanOf,
      kMeans,
      openModel,
      pointSilhouette,
      saveModel,
    } = (await import(clustering)) as typeof import('@offprint/clustering')
    const { matrix, random, workerPool } = (await import(kernels)) as typeof import('@offprint/kernels')
    const { next, normal } = random(3)
    const points = matrix(3000, 3)
    for (let row = 0; row < 3000; row++)
      for (let column = 0; column < 3; column++)
        points.data[3 * row + column] = row % 10 ? 6 * ((row >> column) & 1) + 0.5 * normal() : 10 * next()
    const some = matrix(500, 3, points.data.slice(0, 1500))
    const pool = workerPool({ threads: 2 })
    try {
      const means = await kMeans(points, { k: 8, seed: 1, pool })
      const dense = await dbscan(points, { eps: 0.6, minPts: 8, pool })
      const nested = await hdbscan(points, { minPts: 10, pool })
      const model = openModel(saveModel(nested.model!)) as typeof nested.model
      const trees = []
      for (const linkage of ['single', 'complete', 'average', 'ward'] as const)
        trees.push([...cutByCount(await agglomerative(some, { linkage, pool }), 8).labels])
      const mixture = await gaussianMixture(points, { k: 8, type: 'diag', seed: 1, pool })
      return {
        means: [...means.labels],
        dense: [...dense.labels],
        nested: [...nested.labels],
        placed: [...(await hdbscanOf(some, model!, { pool })).labels],
        trees,
        mixture: [...mixture.labels],
        medoids: [...(await fasterPam(some, { k: 8, seed: 1 })).medoids],
        silhouette: (await pointSilhouette(points, means.labels, { pool })).mean!.toFixed(5),
      }
    } finally {
      await pool.close()
    }
  }

  for (const [what, headers] of [
    ['isolated from other origins', isolation],
    ['not isolated', {}],
  ] as const)
    test(`that is ${what}, 3,000 rows are clustered as in Node`, async t => {
      const page = await open(t, headers)
      const sources: [string, string] = ['/clustering/src/index.ts', '/kernels/src/index.ts']
      const found = await page.evaluate(clusterAll, sources)
      assert.deepEqual(found, await clusterAll(['../src/index.ts', '../../kernels/src/index.ts']))
      assert.equal(new Set(found.nested.filter(label => label >= 0)).size, 8)
    })
})
