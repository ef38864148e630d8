/** The reference values of the paper's page, on real data where this machine has it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { alternating, fasterPam, fastPam1, medoidSilhouette, pam, silhouette } from '@offprint/clustering'
import { dissimilarities, type Metric, matrix, precomputed } from '@offprint/kernels'
import { data, on, table } from './data.ts'

const digits = () => table('optdigits/optdigits.tes.csv.gz', 64)
const leaves = (kind: string) => table(`plants-leaves/data_${kind}_64.csv.gz`, 64, 1)

function near(found: number, expected: number, relative = 1e-6): void {
  assert.ok(Math.abs(found / expected - 1) <= relative, `${found} instead of ${expected}`)
}

test('optical digits: BUILD, PAM and their swaps', on('optdigits'), async () => {
  const distances = await dissimilarities(digits())
  for (const [k, start, end, swaps] of [
    [10, 51884.049849, 51194.699816, 4],
    [50, 39683.420214, 39307.264422, 15],
    [100, 35091.194301, 34812.79228, 24],
  ]) {
    const found = await fastPam1(distances, { k })
    near(found.trace[0], start)
    near(found.objective, end)
    assert.equal(found.swaps, swaps)
    if (k !== 10) continue
    assert.deepEqual(
      [...found.medoids].sort((a, b) => a - b),
      [186, 345, 360, 983, 1039, 1075, 1327, 1387, 1417, 1696],
    )
    assert.deepEqual((await pam(distances, { k })).trace, found.trace)
  }
})

test('optical digits: the exact runs from the first rows', on('optdigits'), async () => {
  const distances = await dissimilarities(digits())
  const hundred = await fasterPam(distances, { k: 100, init: 'first' })
  near(hundred.objective, 34780.762001)
  assert.deepEqual([hundred.swaps, hundred.iterations], [432, 5])
  const fifty = await fasterPam(distances, { k: 50, init: 'first' })
  near(fifty.objective, 39250.673846)
  assert.equal(fifty.swaps, 255)
})

test(
  'optical digits: random starts do as well as PAM, the alternating method clearly worse',
  on('optdigits'),
  async () => {
    const distances = await dissimilarities(digits())
    const seeds = Array.from({ length: 20 }, (_, seed) => seed)
    const mean = async (run: (seed: number) => Promise<{ objective: number }>) => {
      let sum = 0
      for (const seed of seeds) sum += (await run(seed)).objective
      return sum / seeds.length
    }
    near(await mean(seed => fasterPam(distances, { k: 50, seed })), 39251.79, 5e-4)
    near(await mean(seed => alternating(distances, { k: 50, seed })), 41523.76, 1e-2)
  },
)

for (const [metric, start, end] of [
  ['manhattan', 245478, 235109],
  ['cosine', 194.510883, 188.39958],
] as [Metric, number, number][])
  test(`optical digits by ${metric} distance`, on('optdigits'), async () => {
    const found = await fastPam1(await dissimilarities(digits(), metric), { k: 10 })
    near(found.trace[0], start)
    near(found.objective, end)
  })

test('plant leaves: texture and shape', on('plants-leaves'), async () => {
  const texture = await dissimilarities(leaves('Tex'))
  for (const [k, start, end] of [
    [100, 176.696446, 173.9643],
    [200, 145.870094, 143.757728],
  ]) {
    const found = await fastPam1(texture, { k })
    near(found.trace[0], start)
    near(found.objective, end)
    near((await fasterPam(texture, { k, seed: 1 })).objective, end, 5e-3)
  }
  const shape = await fastPam1(await dissimilarities(leaves('Sha')), { k: 100 })
  near(shape.trace[0], 0.707465, 2e-6)
  near(shape.objective, 0.693162, 2e-6)
})

test('iris: PAM, weights, silhouettes', on('clustering-bench'), async () => {
  const points = table('clustering-bench/other/iris.data.gz', 4)
  const distances = await dissimilarities(points)
  const found = await fastPam1(distances, { k: 3 })
  near(found.trace[0], 100.640863)
  near(found.objective, 98.131155)
  assert.deepEqual(
    [...found.medoids].sort((a, b) => a - b),
    [7, 78, 112],
  )
  const weights = Array.from({ length: 150 }, (_, row) => (row % 2) + 1)
  const weighted = await fastPam1(distances, { k: 3, weights })
  near(weighted.trace[0], 150.942638)
  near(weighted.objective, 147.075903)
  const species = Array.from({ length: 150 }, (_, row) => Math.floor(row / 50))
  near((await silhouette(distances, species)).mean!, 0.50347744)
  assert.ok(medoidSilhouette(distances, found.medoids).mean > 0.6)
})

test('p-median graphs of OR-Library: losses and swaps of PAM and FasterPAM', on('orlib-pmed'), async () => {
  const [head, ...rows] = readFileSync(join(data, 'orlib-pmed/reference.csv'), 'utf8').trim().split('\n')
  const names = head.split(',')
  for (const line of rows) {
    const row = Object.fromEntries(line.split(',').map((cell, index) => [names[index], cell]))
    // The larger graphs take seconds each to prepare; those up to 600 nodes are most of them.
    if (Number(row.n) > 600) continue
    const { distances, k } = await graph(row.instance)
    const built = await fastPam1(distances, { k })
    assert.deepEqual([built.objective, built.swaps], [Number(row.pam_build_swap_loss), Number(row.pam_swaps)], line)
    const first = await fasterPam(distances, { k, init: 'first' })
    assert.deepEqual(
      [first.objective, first.swaps, first.iterations],
      [row.fasterpam_firstk_loss, row.fasterpam_firstk_swaps, row.fasterpam_firstk_passes].map(Number),
      line,
    )
  }
})

/** Shortest paths in a graph; an edge may occur twice, and the last one counts. */
async function graph(name: string) {
  const text = gunzipSync(readFileSync(join(data, `orlib-pmed/${name}.txt.gz`))).toString('utf8')
  const [n, , k, ...edges] = text.trim().split(/\s+/).map(Number)
  const paths = new Float32Array(n * n).fill(Infinity)
  for (let a = 0; a < n; a++) paths[a * n + a] = 0
  for (let edge = 0; edge + 2 < edges.length; edge += 3) {
    const [a, b] = [edges[edge] - 1, edges[edge + 1] - 1]
    paths[a * n + b] = edges[edge + 2]
    paths[b * n + a] = edges[edge + 2]
  }
  for (let middle = 0; middle < n; middle++)
    for (let a = 0; a < n; a++) {
      const to = paths[a * n + middle]
      if (to === Infinity) continue
      for (let b = 0; b < n; b++) {
        const through = to + paths[middle * n + b]
        if (through < paths[a * n + b]) paths[a * n + b] = through
      }
    }
  return { distances: await precomputed(matrix(n, n, paths)), k }
}
