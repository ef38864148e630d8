/** The reference values of the paper's page, on real data where this machine has it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import {
  alternating,
  dynMsc,
  fastClarans,
  fasterClara,
  fasterMsc,
  fasterPam,
  fastPam1,
  type KMedoids,
  medoidSilhouette,
  oneBatchPam,
  pam,
  silhouette,
} from '@offprint/clustering'
import { dissimilarities, type Metric, matrix, precomputed, workerPool } from '@offprint/kernels'
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
  assert.ok(medoidSilhouette(distances, found.medoids).mean! > 0.6)
})

const sorted = ({ medoids }: KMedoids) => [...medoids].sort((a, b) => a - b)

test('the medoid silhouette of iris and of optical digits', on('clustering-bench'), async () => {
  const iris = await dissimilarities(table('clustering-bench/other/iris.data.gz', 4))
  const found = await fasterMsc(iris, { k: 3, restarts: 5 })
  near(found.objective, 0.69685903, 1e-7)
  assert.deepEqual(sorted(found), [7, 15, 63])
  const numerals = await dissimilarities(digits())
  for (const seed of [1, 2, 3]) {
    const one = await fasterMsc(numerals, { k: 10, seed })
    near(one.objective, 0.30264609, 1e-7)
    assert.deepEqual(sorted(one), [186, 201, 229, 326, 820, 958, 1140, 1482, 1483, 1740])
  }
})

for (const [name, kMax, k, value] of [
  ['other/iris', 10, 2, 0.77802211],
  ['sipu/r15', 25, 15, 0.82065239],
  ['sipu/s1', 20, 15, 0.80063554],
  ['sipu/d31', 45, 31, 0.6849992],
  ['uci/wine', 10, 2, undefined],
  ['sipu/unbalance', 16, 2, 0.9086],
] as const)
  test(`DynMSC: ${name} has ${k} groups by its medoid silhouette`, on('clustering-bench'), async () => {
    const found = await dynMsc(table(`clustering-bench/${name}.data.gz`), { kMax })
    assert.equal(found.k, k)
    if (value) near(found.medoidSilhouette, value, name === 'sipu/unbalance' ? 1e-4 : 2e-7)
    if (name === 'sipu/unbalance') near(found.curve.find(one => one.k === 8)!.medoidSilhouette, 0.8989, 1e-4)
  })

const images = (n: number) =>
  matrix(
    n,
    784,
    Float32Array.from(
      gunzipSync(readFileSync(join(data, 'mnist-t10k/t10k-images-idx3-ubyte.gz'))).subarray(16, 16 + n * 784),
    ),
  )

test('MNIST, 5,000 images: PAM, and what samples come to', on('mnist-t10k'), async () => {
  const pool = workerPool({ threads: 2 })
  const points = images(5000)
  const distances = await dissimilarities(points, 'euclidean', { pool })
  const seeds = [1, 2, 3, 4, 5]
  const mean = async (run: (seed: number) => Promise<KMedoids>) => {
    let sum = 0
    for (const seed of seeds) sum += (await run(seed)).objective
    return sum / seeds.length
  }
  for (const [k, build, end, faster, clara, clarans, uniform, nearest] of [
    [10, 9226394.507672, 9173312.487554, 9186593, 9433560, 9242235, 9200105, 9200295],
    [100, 7542384.239537, 7514236.990239, 7510842, 7934678, 7554691, 7715876, 7657184],
  ]) {
    const built = await fastPam1(distances, { k, pool })
    near(built.trace[0], build)
    near(built.objective, end)
    near(await mean(seed => fasterPam(distances, { k, seed, pool })), faster, 2e-3)
    // Other samples than those of the reference: means of five.
    near(await mean(seed => fasterClara(distances, { k, seed })), clara, 1.5e-2)
    near(await mean(seed => fastClarans(distances, { k, seed })), clarans, 1e-2)
    near(await mean(seed => oneBatchPam(distances, { k, seed, weighting: 'uniform' })), uniform, 5e-3)
    near(await mean(seed => oneBatchPam(distances, { k, seed })), nearest, 5e-3)
  }
  await pool.close()
})

test('MNIST, 10,000 images: the exact runs from the first rows', on('mnist-t10k'), async () => {
  const pool = workerPool({ threads: 2 })
  const distances = await dissimilarities(images(10_000), 'euclidean', { pool })
  for (const [k, end, swaps, passes] of [
    [10, 18775171.059354, 72, 3],
    [100, 15241601.895003, 568, 6],
  ]) {
    const found = await fasterPam(distances, { k, init: 'first', pool })
    near(found.objective, end)
    assert.deepEqual([found.swaps, found.iterations], [swaps, passes])
  }
  await pool.close()
})

test('p-median graphs of OR-Library: losses and swaps of PAM and FasterPAM', on('orlib-pmed'), async () => {
  const [head, ...rows] = readFileSync(join(data, 'orlib-pmed/reference.csv'), 'utf8').trim().split('\n')
  const names = head.split(',')
  const above = { pam: 0, fasterPam: 0 }
  for (const line of rows) {
    const row = Object.fromEntries(line.split(',').map((cell, index) => [names[index], cell]))
    const { distances, k } = await graph(row.instance)
    const built = await fastPam1(distances, { k })
    assert.deepEqual([built.objective, built.swaps], [Number(row.pam_build_swap_loss), Number(row.pam_swaps)], line)
    const first = await fasterPam(distances, { k, init: 'first' })
    assert.deepEqual(
      [first.objective, first.swaps, first.iterations],
      [row.fasterpam_firstk_loss, row.fasterpam_firstk_swaps, row.fasterpam_firstk_passes].map(Number),
      line,
    )
    above.pam += built.objective / Number(row.published_optimum) - 1
    above.fasterPam += first.objective / Number(row.published_optimum) - 1
    const ofR = lastOfTies[row.instance]
    if (!ofR) continue
    const last = await fastPam1(distances, { k, ties: 'last' })
    assert.deepEqual([last.trace[0], last.objective], ofR, line)
  }
  assert.equal(rows.length, 34)
  near(above.pam / 34, 0.00236, 0.01)
  near(above.fasterPam / 34, 0.00299, 0.01)
})

/** BUILD and PAM of R, which takes the last of equally good objects. */
const lastOfTies: Record<string, [number, number]> = { pmed30: [2044, 2009], pmed40: [5189, 5139] }

test('p-median graph 10: BUILD of R', on('orlib-pmed'), async () => {
  const { distances, k } = await graph('pmed10')
  assert.equal((await fastPam1(distances, { k, ties: 'last', maxPasses: 1 })).trace[0], 1284)
})

/** Shortest paths in a graph, by Dial's method; an edge may occur twice, and the last one counts. */
async function graph(name: string) {
  const text = gunzipSync(readFileSync(join(data, `orlib-pmed/${name}.txt.gz`))).toString('utf8')
  const [n, , k, ...edges] = text.trim().split(/\s+/).map(Number)
  const lengths = Array.from({ length: n }, () => new Map<number, number>())
  for (let edge = 0; edge + 2 < edges.length; edge += 3) {
    const [a, b] = [edges[edge] - 1, edges[edge + 1] - 1]
    lengths[a].set(b, edges[edge + 2])
    lengths[b].set(a, edges[edge + 2])
  }
  const roads = lengths.map(one => [...one.entries()])
  const paths = new Float32Array(n * n).fill(Infinity)
  for (let from = 0; from < n; from++) {
    const own = paths.subarray(from * n, from * n + n)
    own[from] = 0
    /** Nodes that may be this far away. */
    const waiting: number[][] = [[from]]
    for (let far = 0; far < waiting.length; far++)
      for (const node of waiting[far] ?? []) {
        if (own[node] < far) continue
        for (const [to, length] of roads[node]) {
          const through = far + length
          if (through >= own[to]) continue
          own[to] = through
          waiting[through] ??= []
          waiting[through].push(to)
        }
      }
  }
  return { distances: await precomputed(matrix(n, n, paths)), k }
}
