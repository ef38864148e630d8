/**
 * FasterPAM beside R's `cluster::pam(variant = "faster", cluster.only = TRUE)`, both from random starts on the same points,
 * one thread each, one after the other in turns. The distances are computed before on both sides and not in the times.
 * Usage: npm run bench -- fasterpam [n] [k] [rounds]
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { fasterPam } from '@offprint/clustering'
import { dissimilarities, type Matrix, matrix, random } from '@offprint/kernels'
import { median, printMachine, spread } from './machine.ts'

const [n = 5000, k = 50, rounds = 7] = process.argv.slice(2).map(Number)
/** The ratio that must be reached, and how much worse the objective may be. */
const leastRatio = 2
const mostWorse = 0.002

printMachine()
const { points, name } = load()
console.log(`${name}: n = ${n}, ${points.columns} columns, k = ${k}, random starts, ${rounds} rounds in turns`)
let began = performance.now()
const distances = await dissimilarities(points)
console.log(`our distances: ${((performance.now() - began) / 1000).toFixed(2)} s`)

const peer = await startPeer()
const ours = { seconds: [] as number[], objectives: [] as number[] }
const theirs = { seconds: [] as number[], objectives: [] as number[] }
await fasterPam(distances, { k, seed: 99 })
for (let seed = 1; seed <= rounds; seed++) {
  began = performance.now()
  const { objective } = await fasterPam(distances, { k, seed })
  ours.seconds.push((performance.now() - began) / 1000)
  ours.objectives.push(objective)
  if (!peer) continue
  const [seconds, loss] = await peer.cluster(seed)
  theirs.seconds.push(seconds)
  theirs.objectives.push(loss)
}
peer?.stop()

const row = (title: string, { seconds, objectives }: typeof ours) =>
  console.log(
    `${title.padEnd(34)} ${median(seconds).toFixed(4)} s (${spread(seconds)})   total deviation ${mean(objectives).toFixed(1)} (mean)`,
  )
row('Offprint fasterPam', ours)
if (!peer)
  console.log('R with its package cluster is not here: nothing to compare with (Debian: r-base-core, r-cran-cluster)')
else {
  row(`R cluster ${peer.version} pam "faster"`, theirs)
  const ratio = median(theirs.seconds) / median(ours.seconds)
  const worse = mean(ours.objectives) / mean(theirs.objectives) - 1
  console.log(
    `ratio ${ratio.toFixed(1)} (at least ${leastRatio} wanted), objective ${(worse * 100).toFixed(3)} % above R's`,
  )
  if (ratio < leastRatio || worse > mostWorse) process.exitCode = 1
}

/** The first images of MNIST where they are here, else Gaussian groups from a seed. */
function load(): { points: Matrix; name: string } {
  const images = fileURLToPath(new URL('../../shared/data/mnist-t10k/t10k-images-idx3-ubyte.gz', import.meta.url))
  if (existsSync(images) && n <= 10_000) {
    const pixels = gunzipSync(readFileSync(images)).subarray(16, 16 + n * 784)
    return { points: matrix(n, 784, Float32Array.from(pixels)), name: 'MNIST test images' }
  }
  const { next } = random(1)
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
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

async function startPeer() {
  if (spawnSync('Rscript', ['-e', 'library(cluster)'], { stdio: 'ignore' }).status !== 0) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'offprint-bench-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'points.f32')
  writeFileSync(file, new Uint8Array(points.data.buffer))
  const script = fileURLToPath(new URL('./fasterpam.R', import.meta.url))
  const started = performance.now()
  const child = spawn('Rscript', [script, file, n, points.columns, k].map(String), {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]()
  const line = async () => String((await answers.next()).value)
  const [, version] = (await line()).split(' ')
  console.log(`R's distances: ${((performance.now() - started) / 1000).toFixed(2)} s, with its start`)
  return {
    version,
    async cluster(seed: number): Promise<number[]> {
      child.stdin.write(`${seed}\n`)
      return (await line()).trim().split(' ').map(Number)
    },
    stop: () => child.stdin.end(),
  }
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
