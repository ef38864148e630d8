/**
 * k-means, Gaussian mixtures and silhouettes beside scikit-learn (Debian: python3-sklearn) and npm's ml-kmeans: the same rows, starts, stops and number
 * of threads, one after the other in turns. Ratios are of medians of wall clock; processor time stands beside it, as others use
 * the machine too. scikit-learn is as fast as its BLAS: without OpenBLAS (Debian: libopenblas0-pthread; or unpacked somewhere, its
 * folder in BLAS) it has the slow reference BLAS, and nothing follows from a ratio.
 * Usage: [BLAS=folder] npm run bench -- kmeans [rounds] [part of a name]
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { type Algorithm, gaussianMixture, kMeans, pointSilhouette } from '@offprint/clustering'
import { fillNormal, type Matrix, matrix, random, workerPool } from '@offprint/kernels'
import { median, printMachine, spread } from './machine.ts'

const rounds = Number(process.argv[2] ?? 5)
const only = process.argv[3] ?? ''
const python = '/usr/bin/python3'
const data = fileURLToPath(new URL('../../shared/data', import.meta.url))

/** Of more multiplications an iteration ml-kmeans takes minutes. */
const mostForNpm = 100e6

interface Result {
  seconds: number
  cpu: number
  value: number
  iterations: number
}

printMachine()
const pool = workerPool({ threads: 2 })
const folder = mkdtempSync(join(tmpdir(), 'offprint-kmeans-'))
const peer = await startPeer()
console.log(
  `${pool.threads} threads, ${rounds} rounds in turns; scikit-learn ${peer?.version ?? 'is not here (Debian: python3-sklearn)'}\n`,
)

try {
  const digits = read('optdigits/optdigits.tes.csv.gz', text => {
    const lines = text.toString('utf8').trim().split('\n')
    const points = matrix(lines.length, 64)
    for (const [row, line] of lines.entries()) points.data.set(line.split(',').slice(0, 64).map(Number), row * 64)
    return points
  })
  const images = read('mnist-t10k/t10k-images-idx3-ubyte.gz', bytes =>
    matrix(10_000, 784, Float32Array.from(bytes.subarray(16))),
  )
  if (digits) await compareKMeans('optdigits, 1,797 × 64, k = 10', digits, 10)
  if (images) await compareKMeans('mnist-t10k, 10,000 × 784, k = 10', images, 10)
  if (images) await compareKMeans('mnist-t10k, 10,000 × 784, k = 100', images, 100)
  if ('generated, 1,000,000 × 32, k = 64'.includes(only))
    await compareKMeans('generated, 1,000,000 × 32, k = 64', groups(1_000_000, 32, 64).points, 64, 20)
  if ('mixture full, 100,000 × 16, k = 10'.includes(only)) await compareMixture()
  if ('silhouette, 20,000 × 32, k = 10'.includes(only)) await compareSilhouette()
} finally {
  peer?.stop()
  await pool.close()
  rmSync(folder, { recursive: true })
}

async function compareKMeans(name: string, points: Matrix, k: number, maxIterations = 300): Promise<void> {
  if (!name.includes(only)) return
  const file = save(name, points.data)
  const init = Array.from({ length: k }, (_, at) => Math.floor((at * points.rows) / k))
  const options = { k, init, tol: 1e-4, maxIterations, pool }
  const ours = (algorithm?: Algorithm) => async (): Promise<Result> => {
    const { objective, iterations } = await kMeans(points, { ...options, algorithm })
    return { seconds: 0, cpu: 0, value: objective, iterations }
  }
  const npm = points.data.length * k > mostForNpm ? [] : [await mlKmeans(points, init, maxIterations)]
  const ask = { file, columns: points.columns, k, start: init, tol: options.tol, maxIterations }
  await compare(name, [
    ['Offprint', ours()],
    ['Offprint lloyd', ours('lloyd')],
    ['Offprint hamerly', ours('hamerly')],
    ['Offprint elkan', ours('elkan')],
    ...peers('scikit-learn lloyd', { ...ask, work: 'lloyd' }),
    ...peers('scikit-learn elkan', { ...ask, work: 'elkan' }),
    ...npm,
  ])
}

/** npm's ml-kmeans from the same start, with the stop of its own that lets it go on longest. */
async function mlKmeans(
  points: Matrix,
  init: number[],
  maxIterations: number,
): Promise<[string, () => Promise<Result>]> {
  // By name, as types are checked where bench/node_modules may be missing.
  const name = 'ml-kmeans'
  const { kmeans } = (await import(name)) as {
    kmeans(
      rows: number[][],
      k: number,
      options: { initialization: number[][]; maxIterations: number; tolerance: number },
    ): { clusters: number[]; centroids: number[][]; iterations: number }
  }
  const { columns } = points
  const rows = Array.from({ length: points.rows }, (_, row) => [
    ...points.data.subarray(row * columns, (row + 1) * columns),
  ])
  const options = { initialization: init.map(row => rows[row]), maxIterations, tolerance: 1e-9 }
  return [
    'ml-kmeans',
    async () => {
      const { clusters, centroids, iterations } = kmeans(rows, init.length, options)
      let value = 0
      for (const [row, label] of clusters.entries())
        for (let at = 0; at < columns; at++) value += (rows[row][at] - centroids[label][at]) ** 2
      return { seconds: 0, cpu: 0, value, iterations }
    },
  ]
}

async function compareMixture(): Promise<void> {
  const { points } = groups(100_000, 16, 10)
  // A start some way off, so that there is something to do.
  const { labels } = await kMeans(points, { k: 10, seed: 3, maxIterations: 1 })
  const [file, from] = [save('mixture', points.data), save('mixture', labels)]
  const options = { k: 10, tol: 1e-7, maxIterations: 20 }
  await compare('mixture full, 100,000 × 16, k = 10', [
    [
      'Offprint',
      async () => {
        const { objective, iterations } = await gaussianMixture(points, { ...options, init: labels, pool })
        return { seconds: 0, cpu: 0, value: objective / points.rows, iterations }
      },
    ],
    ...peers('scikit-learn', { ...options, work: 'mixture', file, labels: from, columns: 16 }),
  ])
}

async function compareSilhouette(): Promise<void> {
  const { points, labels } = groups(20_000, 32, 10)
  const [file, from] = [save('silhouette', points.data), save('silhouette', labels)]
  await compare('silhouette, 20,000 × 32, k = 10', [
    [
      'Offprint',
      async () => {
        const { mean } = await pointSilhouette(points, labels, { pool })
        return { seconds: 0, cpu: 0, value: mean!, iterations: 1 }
      },
    ],
    ...peers('scikit-learn', { work: 'silhouette', file, labels: from, columns: 32 }),
  ])
}

function peers(name: string, ask: object): [string, () => Promise<Result>][] {
  return peer ? [[name, () => peer.ask(ask)]] : []
}

/** Prints each work's times, and how many times as long as the first the others take. */
async function compare(name: string, works: [string, () => Promise<Result>][]): Promise<void> {
  const all = works.map(() => [] as Result[])
  for (let round = 0; round <= rounds; round++)
    for (const [at, [who, work]] of works.entries()) {
      const began = performance.now()
      const used = process.cpuUsage()
      const result = await work()
      const { user, system } = process.cpuUsage(used)
      if (!who.startsWith('scikit')) {
        result.seconds = (performance.now() - began) / 1000
        result.cpu = (user + system) / 1e6
      }
      // The first round runs code that is not yet optimised.
      if (round) all[at].push(result)
    }
  console.log(name)
  const of = (at: number, what: 'seconds' | 'cpu') => median(all[at].map(one => one[what]))
  for (const [at, [who]] of works.entries()) {
    const { value, iterations } = all[at][0]
    const ratios = at
      ? `${(of(at, 'seconds') / of(0, 'seconds')).toFixed(2)}x (cpu ${(of(at, 'cpu') / of(0, 'cpu')).toFixed(2)}x)`
      : ''
    console.log(
      `  ${who.padEnd(20)} ${of(at, 'seconds').toFixed(4)} s (${spread(all[at].map(one => one.seconds))})  cpu ${of(at, 'cpu').toFixed(3)} s  ` +
        `${iterations} iterations, ${value.toPrecision(10)}  ${ratios}`,
    )
  }
}

function save(name: string, values: Float32Array | Int32Array): string {
  const path = join(folder, `${name.replace(/\W+/g, '-')}.${values instanceof Float32Array ? 'f32' : 'i32'}`)
  writeFileSync(path, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  return path
}

function read<Result>(path: string, of: (bytes: Buffer) => Result): Result | undefined {
  const full = join(data, path)
  if (existsSync(full)) return of(gunzipSync(readFileSync(full)))
  console.log(`${path} is not here`)
  return undefined
}

/** Gaussian groups that overlap. */
function groups(rows: number, columns: number, count: number): { points: Matrix; labels: Int32Array } {
  const points = matrix(rows, columns, fillNormal(new Float32Array(rows * columns), { seed: 1 }))
  const { next } = random(2)
  const centres = Float32Array.from({ length: count * columns }, () => 3 * next())
  const labels = new Int32Array(rows)
  for (let row = 0; row < rows; row++) {
    labels[row] = Math.floor(next() * count)
    for (let column = 0; column < columns; column++)
      points.data[row * columns + column] += centres[labels[row] * columns + column]
  }
  return { points, labels }
}

async function startPeer() {
  if (spawnSync(python, ['-c', 'import sklearn']).status !== 0) return undefined
  const child = spawn(python, [fileURLToPath(new URL('./kmeans.py', import.meta.url)), String(pool.threads)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, LD_LIBRARY_PATH: process.env.BLAS ?? '' },
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error('scikit-learn has ended')
    return JSON.parse(value)
  }
  const { version, blas } = await next()
  return {
    version: `${version}, BLAS ${blas}`,
    ask(what: object): Promise<Result> {
      child.stdin.write(`${JSON.stringify(what)}\n`)
      return next()
    },
    stop: () => child.kill(),
  }
}
