/**
 * Our HNSW beside hnswlib-node and usearch (npm, in turns in this process), and beside hnswlib and faiss of Debian's Python where they
 * are installed: building, searching by single calls and in batches on one thread and on two, memory, opening a file, searching
 * with a filter, and deleting and adding a tenth. Same M and efConstruction.
 * A neighbour that is returned counts if it is no further than the true tenth. Queries a second between the points of a
 * curve are interpolated (their logarithm, linearly in recall).
 * Usage: npm run bench -- hnsw [glove|arxiv|fashion|synthetic] [rows of the synthetic set] [rounds] [plot.svg]
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { type Matrix, matrix, readMatrix } from '@offprint/kernels'
import { Hnsw, type HnswOptions, type ThreadOptions } from '@offprint/search'
import { openHnsw, saveHnsw } from '@offprint/search/node'
import { syntheticClusters } from '../papers/hnsw/synthetic-clusters.ts'
import { median, printMachine } from './machine.ts'
import { type Curve, recallPlot } from './recall-plot.ts'

const [only, rows = '100000', rounds = '3', plot] = process.argv.slice(2)
/** In the place of the rounds: only how a process of its own grows with an index. */
const growthAlone = 'growth'
const M = 16
const efConstruction = 200
const k = 10
const efs = [10, 16, 24, 32, 48, 64, 96, 128, 192, 256]
const recalls = [0.95, 0.99]
const threads = 2
/** One row in so many may be found. */
const every = 100
/** Beyond this only hnswlib is asked, and builds are on two threads only. */
const hugeSet = 250_000
/** With this ef recall is compared before and after rows went and came. */
const churnEf = 64

interface DataSet {
  name: string
  metric: 'cosine' | 'l2'
  base: Matrix
  queries: Matrix
}

if (rounds === growthAlone) {
  await printGrowth([glove, arxiv, fashion, synthetic].find(set => set.name === only)!()!)
  process.exit()
}
printMachine()
const folder = mkdtempSync(join(tmpdir(), 'offprint-bench-'))
try {
  for (const set of [glove, arxiv, fashion, synthetic]) if (!only || only === set.name) await compare(set.name, set())
} finally {
  rmSync(folder, { recursive: true, force: true })
}

// ---- Data ----

function shared(name: string): DataSet | undefined {
  const folder = fileURLToPath(new URL(`../../shared/data/${name}/`, import.meta.url))
  if (!existsSync(folder)) return undefined
  const load = (name: string) => readMatrix(gunzipSync(readFileSync(join(folder, `${name}.gz`))), name)
  return { name, metric: 'cosine', base: load('base.f16.npy'), queries: load('query.f16.npy') }
}

function glove(): DataSet | undefined {
  return shared('glove-100d')
}

function arxiv(): DataSet | undefined {
  return shared('arxiv-glove')
}

/** Debian's dataset-fashion-mnist: pictures of 28 × 28 bytes. */
function fashion(): DataSet | undefined {
  const folder = '/usr/share/datasets/fashion-mnist'
  const files = ['train-images-idx3-ubyte', 't10k-images-idx3-ubyte'].map(name => join(folder, name))
  const load = (path: string, most: number) => {
    const bytes = existsSync(path) ? readFileSync(path) : gunzipSync(readFileSync(`${path}.gz`))
    const n = Math.min(most, bytes.readUInt32BE(4))
    return matrix(n, 784, Float32Array.from(bytes.subarray(16, 16 + n * 784)))
  }
  if (!files.every(path => existsSync(path) || existsSync(`${path}.gz`))) return undefined
  return { name: 'fashion-mnist', metric: 'l2', base: load(files[0], 60_000), queries: load(files[1], 1000) }
}

function synthetic(): DataSet {
  return {
    name: 'synthetic clusters',
    metric: 'l2',
    base: syntheticClusters({ rows: Number(rows) }),
    queries: syntheticClusters({ rows: 1000, queries: true }),
  }
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

// ---- A set ----

interface Way {
  name: string
  threads: number
  /** Answers all queries; how long it took. */
  search(ef: number): Promise<{ ids: ArrayLike<number | bigint>; seconds: number }>
}

async function timed<Result>(work: () => Result | Promise<Result>): Promise<{ result: Result; seconds: number }> {
  const began = performance.now()
  const result = await work()
  return { result, seconds: (performance.now() - began) / 1000 }
}

async function compare(label: string, set: DataSet | undefined): Promise<void> {
  if (!set) return console.log(`\n${label} is not on this machine: skipped`)
  const { name, metric, base, queries } = set
  console.log(
    `\n${name}: ${base.rows.toLocaleString('en')} × ${base.columns}, ${queries.rows} queries, ${metric}, M ${M}, efConstruction ${efConstruction}, ${rounds} rounds in turns`,
  )
  const unit = { base: unitRows(set, base), queries: unitRows(set, queries) }
  const huge = base.rows > hugeSet
  const native = await startNative(set, unit)
  const nativePeers = (native?.peers ?? []).filter(peer => !(huge && peer === 'faiss'))

  // Builds, in turns.
  const builds: Build[] = []
  const build = async (options: HnswOptions & ThreadOptions) =>
    await timed(() => Hnsw.build(base, { metric, M, efConstruction, ...options }))
  let alone: Hnsw | undefined
  let index: Hnsw | undefined
  for (const count of huge ? [threads] : [1, threads]) {
    const { result, seconds } = await build({ threads: count })
    if (count === 1) alone = result
    index = result
    builds.push({ name: 'Offprint', threads: count, seconds })
    for (const peer of nativePeers) {
      const { seconds, bytes } = await native!.ask({ peer, work: 'build', threads: count })
      builds.push({ name: `${peer} (Python)`, threads: count, seconds, bytes })
    }
    const again = await build({ threads: count })
    builds.push({ name: 'Offprint', threads: count, seconds: again.seconds })
  }
  const half = (await build({ threads, codes: 'i8', keepFloats: 'f16' })).result
  alone ??= Hnsw.open(index!.toBytes())
  const reordered = Hnsw.open(index!.toBytes(), { threads })
  await reordered.reorder()
  const truth = (await index!.searchExact(queries, k)).distances
  const exact = (ids: ArrayLike<number | bigint>, of = truth) => recallOf(set, unit, ids, of)
  const query = (row: number) => queries.data.subarray(row * queries.columns, (row + 1) * queries.columns)
  const node = huge ? undefined : buildNode(set, unit.base, builds)
  const usearch = huge ? undefined : buildUsearch(set, unit.base, builds)
  const plain = Array.from({ length: queries.rows }, (_, row) =>
    Array.from(unit.queries.subarray(row * queries.columns, (row + 1) * queries.columns)),
  )

  // Searches, in turns.
  const ours = (name: string, threads: number, one: Hnsw): Way => ({
    name,
    threads,
    async search(ef) {
      const { result, seconds } = await timed(() => one.searchBatch(queries, k, { ef }))
      return { ids: result.ids, seconds }
    },
  })
  const single = (name: string, answer: (row: number, ef: number) => ArrayLike<number | bigint>): Way => ({
    name,
    threads: 1,
    async search(ef) {
      const ids: (number | bigint)[] = []
      const { seconds } = await timed(() => {
        for (let row = 0; row < queries.rows; row++) ids.push(...(Array.from(answer(row, ef)) as number[]))
      })
      return { ids: ids as number[], seconds }
    },
  })
  const ways: Way[] = [
    single('Offprint, single calls', (row, ef) => alone!.search(query(row), k, { ef }).ids),
    ours('Offprint, batch', 1, alone),
    ours('Offprint, batch', threads, index!),
    ours('Offprint f16, batch', threads, half),
    ours('Offprint reordered, batch', threads, reordered),
  ]
  if (node)
    ways.push(
      single('hnswlib-node, single calls', (row, ef) => {
        if (!row) node.setEf(ef)
        return node.searchKnn(plain[row], k).neighbors
      }),
    )
  if (usearch) {
    const one = (row: number) => unit.queries.subarray(row * queries.columns, (row + 1) * queries.columns)
    ways.push(single('usearch, single calls', (row, ef) => usearch(ef).search(one(row), k, 1).keys))
  }
  for (const peer of nativePeers)
    for (const count of [1, threads])
      ways.push({
        name: `${peer} (Python), batch`,
        threads: count,
        search: async ef => {
          const { ids, seconds } = await native!.ask({ peer, work: 'search', ef, threads: count })
          return { ids: ids!, seconds }
        },
      })
  const curves: Curve[] = ways.map(({ name, threads }) => ({ name, threads, points: [] }))
  for (const ef of efs) {
    const seconds = ways.map(() => [] as number[])
    const ids: ArrayLike<number | bigint>[] = []
    for (let round = 0; round <= Number(rounds); round++)
      for (const [at, way] of ways.entries()) {
        const found = await way.search(ef)
        ids[at] = found.ids
        // The first round warms up.
        if (round) seconds[at].push(found.seconds)
      }
    for (const [at, curve] of curves.entries())
      curve.points.push({ ef, recall: exact(ids[at]), queriesPerSecond: queries.rows / median(seconds[at]) })
  }
  for (const curve of curves) print(curve)
  if (plot)
    writeFileSync(plot, recallPlot(`${name}, ${base.rows.toLocaleString('en')} × ${base.columns}, ${metric}`, curves))
  for (const recall of recalls)
    for (const count of [1, threads]) {
      const fastest = (mine: boolean) =>
        curves
          .filter(({ name, threads: used }) => used === count && name.startsWith('Offprint') === mine)
          .map(curve => ({ name: curve.name, speed: at(curve, recall) }))
          .filter(({ speed }) => speed > 0)
          .sort((a, b) => b.speed - a.speed)[0]
      ratio(`recall ${recall}, ${count === 1 ? 'one thread' : 'two threads'}`, fastest(true), fastest(false), '/s')
    }

  for (const count of [1, threads]) {
    const all = builds.filter(({ threads }) => threads === count)
    const mine = all.filter(({ name }) => name === 'Offprint').map(({ seconds }) => seconds)
    if (!mine.length) continue
    const mean = mine.reduce((sum, seconds) => sum + seconds, 0) / mine.length
    const others = all.filter(({ name }) => name !== 'Offprint')
    console.log(
      `build, ${count === 1 ? 'one thread' : 'two threads'}: Offprint ${mine.map(seconds => seconds.toFixed(1)).join(' and ')} s, ${others.map(({ name, seconds }) => `${name} ${seconds.toFixed(1)} s`).join(', ')}`,
    )
    const best = others.map(({ name, seconds }) => ({ name, speed: 1 / seconds })).sort((a, b) => b.speed - a.speed)[0]
    ratio('build', { name: 'Offprint', speed: 1 / mean }, best, ' builds/s')
  }

  const bytesOf = (index: Hnsw) => index.stats().bytes.total / index.size
  const theirs = builds.find(({ name, bytes }) => name.startsWith('hnswlib (Py') && bytes)
  const counted = 4 * base.columns + 4 * (2 * M + 1) + (4 * (M + 1)) / (M - 1) + 8
  const sizes = [alone, half].map(
    one =>
      `${bytesOf(one).toFixed(0)} (${one.stats().codes}, ${one.stats().floats}: ${(bytesOf(one) / counted).toFixed(2)}×)`,
  )
  const grown = growth(label)
  const others = theirs && theirs.bytes! / base.rows
  console.log(
    `bytes a vector: Offprint ${sizes.join(', ')}; hnswlib ${counted.toFixed(0)} by its layout; by the growth of a process: Offprint (i8, f16) ${grown.toFixed(0)}${others ? `, hnswlib ${others.toFixed(0)}: ${(grown / others).toFixed(2)}×` : ''}`,
  )
  await compareOpening(set, index!, native)
  await compareFilter(set, unit, alone, node, nativePeers.includes('faiss') ? native : undefined)
  await compareChurn(set, unit, alone, node, native)
  native?.end()
}

/** Prints by how many bytes a row the process grows with an index of codes and 16-bit floats, as hnswlib's is measured. */
async function printGrowth({ metric, base }: DataSet): Promise<void> {
  const options: HnswOptions = { metric, M, efConstruction, codes: 'i8', keepFloats: 'f16' }
  // Whatever is loaded and compiled once is not the index's.
  const few = Math.min(2000, base.rows)
  await Hnsw.build(matrix(few, base.columns, base.data.slice(0, few * base.columns)), options)
  const before = await settled()
  const index = await Hnsw.build(base, options)
  console.log(((await settled()) - before) / index.size)
}

/** Resident bytes, once what is no longer used has been given back: that is done on other threads. */
async function settled(): Promise<number> {
  for (let round = 0; round < 5; round++) {
    globalThis.gc!()
    await new Promise(resolve => setTimeout(resolve, 200))
  }
  return process.memoryUsage().rss
}

function growth(label: string): number {
  const { stdout } = spawnSync(
    process.execPath,
    ['--expose-gc', '--disable-warning=ExperimentalWarning', fileURLToPath(import.meta.url), label, rows, growthAlone],
    { encoding: 'utf8' },
  )
  return Number(stdout)
}

interface Answer {
  seconds: number
  ids?: number[]
  bytes?: number
}

interface Native {
  peers: string[]
  ask(question: Record<string, unknown>): Promise<Answer>
  end(): void
}

/** The native libraries of Debian's Python, in a process of their own that takes turns with ours. */
async function startNative(
  set: DataSet,
  unit: { base: Float32Array; queries: Float32Array },
): Promise<Native | undefined> {
  const [base, queries] = [unit.base, unit.queries].map((data, index) => {
    const file = join(folder, `${index}.f32`)
    writeFileSync(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    return file
  })
  const about = { base, queries, columns: set.base.columns, metric: set.metric, M, efConstruction, every, folder }
  const script = fileURLToPath(new URL('./hnsw.py', import.meta.url))
  const child = spawn('/usr/bin/python3', [script, JSON.stringify(about)], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.on('error', () => {})
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const { done, value } = await lines.next()
    return done ? undefined : JSON.parse(value)
  }
  const peers: string[] | undefined = await next()
  if (!peers) {
    console.log("native peers: Debian's python3-numpy with python3-hnswlib and python3-faiss is not here")
    return undefined
  }
  return {
    peers,
    async ask(question) {
      child.stdin.write(`${JSON.stringify(question)}\n`)
      const answer = await next()
      if (!answer) throw new Error('the native peers have stopped')
      return answer
    },
    end: () => child.stdin.end(),
  }
}

// ---- npm peers ----

interface NodePeer {
  initIndex(rows: number, M: number, efConstruction: number, seed: number, replaceDeleted: boolean): void
  addPoint(point: number[], label: number, replaceDeleted?: boolean): void
  setEf(ef: number): void
  markDelete(label: number): void
  searchKnn(query: number[], k: number, filter?: (label: number) => boolean): { neighbors: number[] }
}

interface Build {
  name: string
  threads: number
  seconds: number
  bytes?: number
}

function buildNode({ metric, base }: DataSet, unit: Float32Array, builds: Build[]): NodePeer {
  const { HierarchicalNSW } = createRequire(import.meta.url)('hnswlib-node') as {
    HierarchicalNSW: new (space: string, columns: number) => NodePeer
  }
  const peer = new HierarchicalNSW(metric === 'cosine' ? 'ip' : 'l2', base.columns)
  peer.initIndex(base.rows, M, efConstruction, 100, true)
  const began = performance.now()
  for (let row = 0; row < base.rows; row++)
    peer.addPoint(Array.from(unit.subarray(row * base.columns, (row + 1) * base.columns)), row)
  builds.push({ name: 'hnswlib-node', threads: 1, seconds: (performance.now() - began) / 1000 })
  return peer
}

interface Usearch {
  add(keys: BigUint64Array, vectors: Float32Array, threads: number): void
  search(vectors: Float32Array, k: number, threads: number): { keys: BigUint64Array }
  save(path: string): void
  load(path: string): void
}

/** Gives an index for an ef, which can only be chosen when it is made. */
function buildUsearch(
  { metric, base }: DataSet,
  unit: Float32Array,
  builds: Build[],
): ((ef: number) => Usearch) | undefined {
  try {
    const usearch = createRequire(import.meta.url)('usearch')
    const make = (ef: number): Usearch =>
      new usearch.Index({
        metric: metric === 'cosine' ? usearch.MetricKind.IP : usearch.MetricKind.L2sq,
        quantization: usearch.ScalarKind.F32,
        dimensions: base.columns,
        connectivity: M,
        expansion_add: efConstruction,
        expansion_search: ef,
      })
    const keys = BigUint64Array.from({ length: base.rows }, (_, row) => BigInt(row))
    let index = make(64)
    for (const count of [1, threads]) {
      index = make(64)
      const began = performance.now()
      index.add(keys, unit, count)
      builds.push({ name: 'usearch', threads: count, seconds: (performance.now() - began) / 1000 })
    }
    const file = join(folder, 'usearch.bin')
    index.save(file)
    let last = { ef: 64, index }
    return ef => {
      if (ef !== last.ef) {
        last = { ef, index: make(ef) }
        last.index.load(file)
      }
      return last.index
    }
  } catch (error) {
    console.log(`usearch: ${(error as Error).message}`)
    return undefined
  }
}

// ---- Other work ----

async function compareOpening(set: DataSet, index: Hnsw, native: Native | undefined): Promise<void> {
  const path = join(folder, 'ours.hnsw')
  await saveHnsw(index, path)
  const times: Record<'lazy' | 'whole' | 'hnswlib', number[]> = { lazy: [], whole: [], hnswlib: [] }
  const theirs = native?.peers.includes('hnswlib')
  const query = set.queries.data.subarray(0, set.queries.columns)
  for (let round = 0; round <= Number(rounds); round++) {
    for (const way of ['lazy', 'whole'] as const) {
      const began = performance.now()
      const opened = openHnsw(path, { lazy: way === 'lazy' })
      opened.search(query, k, { ef: 64 })
      if (round) times[way].push((performance.now() - began) / 1000)
      await opened.ready
    }
    const seconds = theirs && (await native!.ask({ peer: 'hnswlib', work: 'open' })).seconds
    if (round && seconds) times.hnswlib.push(seconds)
  }
  const ms = (seconds: number[]) => `${(1000 * median(seconds)).toFixed(0)} ms`
  console.log(
    `open and first answer: Offprint ${ms(times.lazy)} lazily, ${ms(times.whole)} checked whole${theirs ? `; hnswlib ${ms(times.hnswlib)}` : ''}`,
  )
  if (theirs)
    ratio(
      'open',
      { name: 'Offprint, lazily', speed: 1 / median(times.lazy) },
      { name: 'hnswlib', speed: 1 / median(times.hnswlib) },
      '/s',
    )
  rmSync(path)
}

/** One row in a hundred may be found. */
async function compareFilter(
  set: DataSet,
  unit: { base: Float32Array; queries: Float32Array },
  index: Hnsw,
  node: NodePeer | undefined,
  native: Native | undefined,
): Promise<void> {
  const { base, queries } = set
  const few = matrix(Math.ceil(base.rows / every), base.columns)
  for (let row = 0; row < few.rows; row++)
    few.data.set(base.data.subarray(row * every * base.columns, (row * every + 1) * base.columns), row * base.columns)
  const truth = (await (await Hnsw.build(few, { metric: set.metric, codes: 'none' })).searchExact(queries, k)).distances
  const filter = index.filter((id: number) => id % every === 0)
  const ways: Way[] = [
    {
      name: 'Offprint, batch',
      threads: 1,
      async search(ef) {
        const { result, seconds } = await timed(() => index.searchBatch(queries, k, { ef, filter }))
        return { ids: result.ids, seconds }
      },
    },
  ]
  if (node) {
    const plain = Array.from({ length: queries.rows }, (_, row) =>
      Array.from(unit.queries.subarray(row * queries.columns, (row + 1) * queries.columns)),
    )
    ways.push({
      name: 'hnswlib-node, single calls',
      threads: 1,
      async search(ef) {
        node.setEf(ef)
        const { result, seconds } = await timed(() =>
          plain.flatMap(query => {
            const { neighbors } = node.searchKnn(query, k, label => label % every === 0)
            return neighbors.concat(new Array(k - neighbors.length).fill(-1))
          }),
        )
        return { ids: result, seconds }
      },
    })
  }
  if (native)
    ways.push({
      name: 'faiss (Python), batch',
      threads: 1,
      search: async ef => {
        const { ids, seconds } = await native.ask({ peer: 'faiss', work: 'filter', ef })
        return { ids: ids!, seconds }
      },
    })
  const curves = ways.map(({ name, threads }): Curve => ({ name, threads, points: [] }))
  for (const [at, { search }] of ways.entries())
    for (const ef of efs) {
      const seconds: number[] = []
      let ids: ArrayLike<number | bigint> = []
      for (let round = 0; round <= Number(rounds); round++) {
        const found = await search(ef)
        ids = found.ids
        if (round) seconds.push(found.seconds)
      }
      const recall = recallOf(set, unit, ids, truth)
      curves[at].points.push({ ef, recall, queriesPerSecond: queries.rows / median(seconds) })
      if (recall > 0.96) break
    }
  console.log(`with a filter that lets 1 in ${every} through:`)
  for (const curve of curves) print(curve, 0)
  const [ours, ...others] = curves.map(curve => ({ name: curve.name, speed: at(curve, 0.95) }))
  ratio('filter, recall 0.95', ours, others.filter(({ speed }) => speed > 0).sort((a, b) => b.speed - a.speed)[0], '/s')
}

/** Every tenth row goes, and comes again. */
async function compareChurn(
  set: DataSet,
  unit: { base: Float32Array; queries: Float32Array },
  index: Hnsw,
  node: NodePeer | undefined,
  native: Native | undefined,
): Promise<void> {
  const { base, queries } = set
  const churned = Uint32Array.from({ length: Math.ceil(base.rows / 10) }, (_, at) => 10 * at)
  const rowsOf = matrix(churned.length, base.columns)
  for (const [at, id] of churned.entries())
    rowsOf.data.set(base.data.subarray(id * base.columns, (id + 1) * base.columns), at * base.columns)
  const truth = (await index.searchExact(queries, k)).distances
  const before = recallOf(set, unit, (await index.searchBatch(queries, k, { ef: churnEf })).ids, truth)
  let began = performance.now()
  index.delete(churned)
  await index.repair()
  const added = await index.add(rowsOf)
  const seconds = (performance.now() - began) / 1000
  const own = new Map([...added].map((id, at) => [id, churned[at]]))
  const ids = Array.from((await index.searchBatch(queries, k, { ef: churnEf })).ids, id => own.get(id) ?? id)
  const after = recallOf(set, unit, ids, truth)
  console.log(
    `a tenth deleted and added: Offprint ${seconds.toFixed(1)} s, recall ${before.toFixed(4)} before, ${after.toFixed(4)} after`,
  )
  if (node) {
    began = performance.now()
    for (const id of churned) node.markDelete(id)
    for (const [at, id] of churned.entries())
      node.addPoint(Array.from(unit.base.subarray(id * base.columns, (id + 1) * base.columns)), churned[at], true)
    ratio(
      'delete and add, hnswlib-node',
      { name: 'Offprint', speed: 1 / seconds },
      { name: 'hnswlib-node', speed: 1000 / (performance.now() - began) },
      '/s',
    )
  }
  if (!native?.peers.includes('hnswlib')) return
  const theirs = await native.ask({ peer: 'hnswlib', work: 'churn', ef: churnEf })
  console.log(
    `  hnswlib (Python) ${theirs.seconds.toFixed(1)} s, recall ${recallOf(set, unit, theirs.ids!, truth).toFixed(4)} after`,
  )
  ratio(
    'delete and add',
    { name: 'Offprint', speed: 1 / seconds },
    { name: 'hnswlib (Python)', speed: 1 / theirs.seconds },
    '/s',
  )
}

// ---- Figures ----

function recallOf(
  { base, queries, metric }: DataSet,
  unit: { base: Float32Array; queries: Float32Array },
  ids: ArrayLike<number | bigint>,
  truth: Float32Array,
): number {
  const { columns } = base
  let found = 0
  for (let q = 0; q < queries.rows; q++)
    for (let rank = 0; rank < k; rank++) {
      const id = Number(ids[q * k + rank])
      if (!(id >= 0 && id < base.rows)) continue
      let sum = 0
      for (let column = 0; column < columns; column++)
        sum += (unit.base[id * columns + column] - unit.queries[q * columns + column]) ** 2
      const distance = metric === 'cosine' ? sum / 2 : sum
      if (distance <= truth[q * k + k - 1] * (1 + 1e-5)) found++
    }
  return found / (queries.rows * k)
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

function ratio(
  what: string,
  ours: { name: string; speed: number } | undefined,
  theirs: { name: string; speed: number } | undefined,
  unit: string,
): void {
  if (!ours || !theirs) {
    console.log(`→ ${what}: nobody to compare with`)
    return
  }
  const number = (value: number) => (value >= 100 ? `${(value / 1000).toFixed(1)} k` : value.toPrecision(3))
  console.log(
    `→ ${what}: ${(ours.speed / theirs.speed).toFixed(2)}× (${ours.name} ${number(ours.speed)}${unit}, ${theirs.name} ${number(theirs.speed)}${unit})`,
  )
}

function print(curve: Curve, least = 0.9): void {
  const points = curve.points
    .filter(({ recall }) => recall > least && recall < 0.9995)
    .map(
      ({ ef, recall, queriesPerSecond }) => `${ef}: ${recall.toFixed(4)} / ${(queriesPerSecond / 1000).toFixed(1)} k`,
    )
  console.log(
    `${`${curve.name}, ${curve.threads} thread${curve.threads > 1 ? 's' : ''}`.padEnd(38)} ef: recall / queries a second  ${points.join(' · ')}`,
  )
}
