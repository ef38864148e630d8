/**
 * Our HNSW beside hnswlib-node, in turns in one process, and beside the native libraries' batch calls (python3-hnswlib,
 * python3-faiss, where they are installed): queries a second on one thread at recall@10 of 0.95 and 0.99, same M and efConstruction.
 * A neighbour that is returned counts if it is no further than the true tenth. Queries a second between the points of a
 * curve are interpolated (their logarithm, linearly in recall).
 * Usage: npm run bench -- hnsw [glove|synthetic] [rows of the synthetic set] [rounds]
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { type Matrix, readMatrix } from '@offprint/kernels'
import { Hnsw } from '@offprint/search'
import { syntheticClusters } from '../papers/hnsw/synthetic-clusters.ts'
import { median, printMachine } from './machine.ts'

const [only, rows = '100000', rounds = '5'] = process.argv.slice(2)
const M = 16
const efConstruction = 200
const k = 10
const efs = [10, 16, 24, 32, 48, 64, 96, 128, 192, 256]
const recalls = [0.95, 0.99]
/** Rows at length 1, by set. */
const units = new Map<Matrix, Float32Array>()

interface Curve {
  name: string
  buildSeconds: number
  /** By ef, in ascending order. */
  points: { ef: number; recall: number; queriesPerSecond: number }[]
}

printMachine()
for (const set of [glove, synthetic]) if (!only || only === set.name) await compare(set())

interface DataSet {
  name: string
  metric: 'cosine' | 'l2'
  base: Matrix
  queries: Matrix
}

function glove(): DataSet | undefined {
  const folder = fileURLToPath(new URL('../../shared/data/glove-100d/', import.meta.url))
  if (!existsSync(folder)) return undefined
  const load = (name: string) => readMatrix(gunzipSync(readFileSync(join(folder, `${name}.gz`))), name)
  return { name: 'glove-100d', metric: 'cosine', base: load('base.f16.npy'), queries: load('query.f16.npy') }
}

function synthetic(): DataSet {
  return {
    name: 'synthetic clusters',
    metric: 'l2',
    base: syntheticClusters({ rows: Number(rows) }),
    queries: syntheticClusters({ rows: 1000, queries: true }),
  }
}

async function compare(set: DataSet | undefined): Promise<void> {
  if (!set) return console.log('\nglove-100d is not beside the project: skipped')
  const { name, metric, base, queries } = set
  console.log(
    `\n${name}: ${base.rows.toLocaleString('en')} × ${base.columns}, ${queries.rows} queries, ${metric}, M ${M}, efConstruction ${efConstruction}, one thread, ${rounds} rounds in turns`,
  )
  let began = performance.now()
  const index = await Hnsw.build(base, { metric, M, efConstruction })
  const ourBuild = (performance.now() - began) / 1000
  const { distances: truth } = await index.searchExact(queries, k)
  const { bytes, size } = index.stats()
  console.log(`ours: ${(bytes.total / size).toFixed(0)} bytes a vector, all counted`)
  began = performance.now()
  const peer = buildPeer(set)
  const peerBuild = (performance.now() - began) / 1000

  const batch: Curve = { name: 'Offprint, batch', buildSeconds: ourBuild, points: [] }
  const single: Curve = { name: 'Offprint, single calls', buildSeconds: ourBuild, points: [] }
  const theirs: Curve = { name: 'hnswlib-node, single calls', buildSeconds: peerBuild, points: [] }
  const query = (row: number) => queries.data.subarray(row * queries.columns, (row + 1) * queries.columns)
  const unit = unitRows(set, queries)
  const plain = Array.from({ length: queries.rows }, (_, row) =>
    Array.from(unit.subarray(row * queries.columns, (row + 1) * queries.columns)),
  )
  for (const ef of efs) {
    const seconds = { batch: [] as number[], single: [] as number[], theirs: [] as number[] }
    const ids = { batch: [] as number[], single: [] as number[], theirs: [] as number[] }
    peer.setEf(ef)
    for (let round = 0; round <= Number(rounds); round++) {
      const times = {
        batch: await time(async () => {
          ids.batch = [...(await index.searchBatch(queries, k, { ef })).ids]
        }),
        single: await time(() => {
          ids.single = []
          for (let row = 0; row < queries.rows; row++) ids.single.push(...index.search(query(row), k, { ef }).ids)
        }),
        theirs: await time(() => {
          ids.theirs = []
          for (const one of plain) ids.theirs.push(...peer.searchKnn(one, k).neighbors)
        }),
      }
      // The first round warms up.
      if (round) for (const who of ['batch', 'single', 'theirs'] as const) seconds[who].push(times[who])
    }
    for (const [who, curve] of [
      ['batch', batch],
      ['single', single],
      ['theirs', theirs],
    ] as const)
      curve.points.push({
        ef,
        recall: recallOf(set, ids[who], truth),
        queriesPerSecond: queries.rows / median(seconds[who]),
      })
  }
  const curves = [batch, single, theirs, ...nativePeers(set, truth)]
  for (const curve of curves) print(curve)
  for (const recall of recalls) {
    const [best, ours, other] = curves.map(curve => at(curve, recall))
    console.log(
      `recall ${recall}: single calls ${(ours / other).toFixed(2)}× hnswlib-node, batch ${(best / other).toFixed(2)}×${curves
        .slice(3)
        .map(curve => `, batch ${(best / at(curve, recall)).toFixed(2)}× ${curve.name}`)
        .join('')}`,
    )
    if (recall === 0.95 && !(ours >= other)) process.exitCode = 1
  }
}

async function time(work: () => unknown): Promise<number> {
  const began = performance.now()
  await work()
  return (performance.now() - began) / 1000
}

interface PeerIndex {
  initIndex(rows: number, M: number, efConstruction: number, seed: number): void
  addPoint(point: number[], label: number): void
  setEf(ef: number): void
  searchKnn(query: number[], k: number): { neighbors: number[] }
}

function buildPeer(set: DataSet): PeerIndex {
  const { HierarchicalNSW } = createRequire(import.meta.url)('hnswlib-node') as {
    HierarchicalNSW: new (space: string, columns: number) => PeerIndex
  }
  const { base, metric } = set
  const peer = new HierarchicalNSW(metric === 'cosine' ? 'ip' : 'l2', base.columns)
  peer.initIndex(base.rows, M, efConstruction, 100)
  const unit = unitRows(set, base)
  for (let row = 0; row < base.rows; row++)
    peer.addPoint(Array.from(unit.subarray(row * base.columns, (row + 1) * base.columns)), row)
  return peer
}

/** Rows at length 1 for the cosine: inner product is then the peers' fastest way. */
function unitRows({ metric }: DataSet, { data, rows, columns }: Matrix): Float32Array {
  if (metric !== 'cosine') return data
  const unit = data.slice()
  for (let row = 0; row < rows; row++) {
    const own = unit.subarray(row * columns, (row + 1) * columns)
    const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0))
    for (let column = 0; column < columns; column++) own[column] /= length
  }
  return unit
}

function recallOf(set: DataSet, ids: number[], truth: Float32Array): number {
  const { base, queries, metric } = set
  for (const one of [base, queries]) if (!units.has(one)) units.set(one, unitRows(set, one))
  const [rows, asked] = [units.get(base)!, units.get(queries)!]
  let found = 0
  for (let q = 0; q < queries.rows; q++)
    for (const id of ids.slice(q * k, (q + 1) * k)) {
      let sum = 0
      for (let column = 0; column < base.columns; column++)
        sum += (rows[id * base.columns + column] - asked[q * base.columns + column]) ** 2
      const distance = metric === 'cosine' ? sum / 2 : sum
      if (distance <= truth[q * k + k - 1] * (1 + 1e-5)) found++
    }
  return found / (queries.rows * k)
}

/** The native libraries of Debian's Python, in a process of their own after ours. */
function nativePeers(set: DataSet, truth: Float32Array): Curve[] {
  const folder = mkdtempSync(join(tmpdir(), 'offprint-bench-'))
  try {
    const files = [set.base, set.queries].map(({ data }, index) => {
      const file = join(folder, `${index}.f32`)
      writeFileSync(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
      return file
    })
    const script = fileURLToPath(new URL('./hnsw.py', import.meta.url))
    const words = [script, ...files, set.base.columns, set.metric, M, efConstruction, efs.join(), rounds].map(String)
    const { status, stdout } = spawnSync('/usr/bin/python3', words, {
      encoding: 'utf8',
      maxBuffer: 1 << 30,
      env: { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' },
    })
    if (status !== 0) {
      console.log("native peers: Debian's python3-numpy with python3-hnswlib and python3-faiss is not here")
      return []
    }
    const curves: Curve[] = []
    for (const line of stdout
      .trim()
      .split('\n')
      .map(text => JSON.parse(text))) {
      if (line.missing) console.log(`${line.missing} is not installed`)
      else if (line.buildSeconds) curves.push({ name: line.peer, buildSeconds: line.buildSeconds, points: [] })
      else
        curves.at(-1)!.points.push({
          ef: line.ef,
          recall: recallOf(set, line.ids, truth),
          queriesPerSecond: set.queries.rows / median(line.seconds),
        })
    }
    return curves
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Queries a second at a recall; NaN where the curve does not reach it. */
function at({ points }: Curve, recall: number): number {
  const next = points.findIndex(point => point.recall >= recall)
  if (next < 0) return Number.NaN
  if (next === 0) return points[0].queriesPerSecond
  const [low, high] = [points[next - 1], points[next]]
  const share = (recall - low.recall) / (high.recall - low.recall)
  return Math.exp((1 - share) * Math.log(low.queriesPerSecond) + share * Math.log(high.queriesPerSecond))
}

function print(curve: Curve): void {
  const points = curve.points
    .filter(({ recall }) => recall > 0.9 && recall < 0.9995)
    .map(
      ({ ef, recall, queriesPerSecond }) => `${ef}: ${recall.toFixed(4)} / ${(queriesPerSecond / 1000).toFixed(1)} k`,
    )
  const [mid, high] = recalls.map(recall => `${(at(curve, recall) / 1000).toFixed(1)} k`)
  console.log(
    `${curve.name.padEnd(28)} build ${curve.buildSeconds.toFixed(1).padStart(5)} s   at 0.95: ${mid}/s, at 0.99: ${high}/s   ef: recall / queries a second  ${points.join(' · ')}`,
  )
}
