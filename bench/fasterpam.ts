/**
 * FasterPAM from the same random starts as R's `cluster::pam(variant = "faster", cluster.only = TRUE)` and as a plain loop in C
 * (bench/peers/fasterpam.c, where there is a compiler), one after the other in turns; ours in one thread and in two. The distances
 * are computed before on all sides and not in the times. Then the swaps of the original PAM beside ours, the paper's figure.
 * Usage: npm run bench -- fasterpam [n] [k,k,…] [rounds] [R's rounds]; npm run bench -- fasterpam swaps
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { fasterPam, pam } from '@offprint/clustering'
import { type Dissimilarities, dissimilarities, type Matrix, matrix, random, workerPool } from '@offprint/kernels'
import { median, printMachine, spread } from './machine.ts'

/** Ratios that must be reached on 5,000 rows or more, by what is beside what. */
const leastOf: Record<string, number> = { 'R / one thread': 5, 'C / one thread': 0.8, 'C / two threads': 1.3 }

const here = fileURLToPath(new URL('.', import.meta.url))
const data = join(here, '../../shared/data')
const folder = mkdtempSync(join(tmpdir(), 'offprint-bench-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

printMachine()
const [first = '5000', second = '10,100,200', third = '7', fourth = third] = process.argv.slice(2)
if (first === 'swaps') await originalSwaps()
else await besidePeers(Number(first), second.split(',').map(Number), Number(third), Number(fourth))

async function besidePeers(n: number, ks: number[], rounds: number, rRounds: number): Promise<void> {
  const { points, name } = load(n)
  console.log(`${name}: n = ${n}, ${points.columns} columns, the same random starts for all, ${rounds} rounds in turns`)
  const file = join(folder, 'points.f32')
  writeFileSync(file, new Uint8Array(points.data.buffer))
  const pool = workerPool({ threads: 2 })
  const began = performance.now()
  const distances = await dissimilarities(points, 'euclidean', { pool, most: 32_000 })
  console.log(`our distances, two threads: ${((performance.now() - began) / 1000).toFixed(2)} s`)
  const loop = compileLoop()
  for (const k of ks) {
    const c = loop ? await startPeer(loop, [file, n, points.columns, k]) : undefined
    const r = rRounds > 0 ? await startR([file, n, points.columns, k]) : undefined
    const times: Record<string, number[]> = { R: [], C: [], one: [], two: [] }
    let worse = 0
    let worseThanR = Number.NEGATIVE_INFINITY
    await fasterPam(distances, { k, seed: 99, pool })
    for (let seed = 1; seed <= rounds; seed++) {
      const init = random(seed).sample(k, n)
      const one = await timed(() => fasterPam(distances, { k, init }), times.one)
      const two = await timed(() => fasterPam(distances, { k, init, pool }), times.two)
      if (one.objective !== two.objective) throw new Error('two threads make other swaps than one')
      if (c) {
        const [seconds, objective] = await c.ask(init)
        times.C.push(seconds)
        worse = Math.max(worse, one.objective / objective - 1)
      }
      if (r && seed <= rRounds) {
        const [seconds, ...labels] = await r.ask(init)
        times.R.push(seconds)
        worseThanR = Math.max(worseThanR, one.objective / objectiveOf(labels, distances) - 1)
      }
    }
    c?.stop()
    r?.stop()
    const show = (title: string, seconds: number[]) =>
      seconds.length && console.log(`  ${title.padEnd(28)} ${median(seconds).toFixed(4)} s (${spread(seconds)})`)
    console.log(`k = ${k}`)
    show('Offprint, one thread', times.one)
    show('Offprint, two threads', times.two)
    show('C, plain loop', times.C)
    show(`R cluster ${r?.version}`, times.R)
    const ratios = {
      'R / one thread': median(times.R) / median(times.one),
      'C / one thread': median(times.C) / median(times.one),
      'C / two threads': median(times.C) / median(times.two),
      'one thread / two': median(times.one) / median(times.two),
    }
    for (const [peer, ratio] of Object.entries(ratios)) {
      if (Number.isNaN(ratio)) continue
      const least = leastOf[peer]
      console.log(`  ${peer.padEnd(28)} ${ratio.toFixed(2)} ×${least ? ` (at least ${least} wanted)` : ''}`)
      if (ratio < least) process.exitCode = 1
    }
    if (c) console.log(`  objective at most ${(100 * worse).toFixed(6)} % above C's`)
    if (times.R.length) console.log(`  objective at most ${(100 * worseThanR).toFixed(4)} % above R's`)
  }
  await pool.close()
}

/** Claim C1 on the paper's data: the same implementation, start and data. */
async function originalSwaps(): Promise<void> {
  const text = gunzipSync(readFileSync(join(data, 'plants-leaves/data_Tex_64.csv.gz'))).toString()
  const rows = text
    .trim()
    .split('\n')
    .map(line => line.split(',').slice(1).map(Number))
  const distances = await dissimilarities(matrix(rows.length, 64, Float32Array.from(rows.flat())))
  for (const [k, paper] of [
    [100, 458],
    [200, 1191],
  ]) {
    const original = await pam(distances, { k })
    const runs = []
    for (let round = 0; round < 5; round++) runs.push(await fasterPam(distances, { k, init: 'build' }))
    const fast = median(runs.map(run => run.seconds.swap))
    console.log(
      `leaves Tex, k = ${k}: PAM ${original.seconds.swap.toFixed(2)} s (${original.swaps} swaps), FasterPAM ${(1000 * fast).toFixed(1)} ms (${runs[0].swaps} swaps): ${(original.seconds.swap / fast).toFixed(0)} × (paper ${paper} ×), total deviation ${original.objective.toFixed(4)} and ${runs[0].objective.toFixed(4)}`,
    )
  }
}

/** The first images of MNIST where they are here, else Gaussian groups from a seed. */
function load(n: number): { points: Matrix; name: string } {
  const images = join(data, 'mnist-t10k/t10k-images-idx3-ubyte.gz')
  if (existsSync(images) && n <= 10_000) {
    const pixels = gunzipSync(readFileSync(images)).subarray(16, 16 + n * 784)
    return { points: matrix(n, 784, Float32Array.from(pixels)), name: 'MNIST test images' }
  }
  const { next, normal } = random(1)
  const columns = 64
  const centres = Float64Array.from({ length: 100 * columns }, next)
  const made = matrix(n, columns)
  for (let at = 0; at < n; at++) {
    const group = Math.floor(next() * 100)
    for (let column = 0; column < columns; column++)
      made.data[at * columns + column] = centres[group * columns + column] + 0.2 * normal()
  }
  return { points: made, name: 'Gaussian groups from a seed' }
}

async function timed<Result>(work: () => Promise<Result>, seconds: number[]): Promise<Result> {
  const began = performance.now()
  const result = await work()
  seconds.push((performance.now() - began) / 1000)
  return result
}

function compileLoop(): string | undefined {
  const program = join(folder, 'fasterpam')
  const flags = ['-O3', '-march=native', '-o', program, join(here, 'peers/fasterpam.c'), '-lm']
  if (spawnSync('cc', flags, { stdio: 'inherit' }).status === 0) return program
  console.log('no C compiler here: nothing to compare with in C')
  return undefined
}

async function startR(words: (string | number)[]) {
  if (spawnSync('Rscript', ['-e', 'library(cluster)'], { stdio: 'ignore' }).status === 0)
    return startPeer('Rscript', [join(here, 'fasterpam.R'), ...words])
  console.log('R with its package cluster is not here (Debian: r-base-core, r-cran-cluster)')
  return undefined
}

async function startPeer(program: string, words: (string | number)[]) {
  const child = spawn(program, words.map(String), { stdio: ['pipe', 'pipe', 'inherit'] })
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]()
  const line = async () => String((await answers.next()).value)
  const [, version = ''] = (await line()).split(' ')
  return {
    version,
    async ask(start: number[]): Promise<number[]> {
      child.stdin.write(`${start.join(' ')}\n`)
      return (await line()).trim().split(' ').map(Number)
    },
    stop: () => child.stdin.end(),
  }
}

/** With `cluster.only` R gives no medoids: the best ones for its clusters, so never worse than what it had. */
function objectiveOf(labels: number[], { n, data }: Dissimilarities): number {
  const clusters = Map.groupBy(labels.keys(), row => labels[row])
  let total = 0
  for (const members of clusters.values()) {
    const sums = members.map(one => members.reduce((sum, other) => sum + data[one * n + other], 0))
    total += Math.min(...sums)
  }
  return total
}
