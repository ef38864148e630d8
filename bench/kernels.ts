/**
 * The kernels beside what the machine can do at best, measured in the same run: memory bandwidth by a triad and by reading alone,
 * multiply-adds by a loop in registers; and beside npm's simsimd, which has a native function for one pair of vectors.
 * One thread, except where it says so. Usage: npm run bench -- kernels [rounds]
 */
import {
  arena,
  columnMoments,
  distanceKernels,
  distancesOfRows,
  encodeBytes,
  encodeHalves,
  fillNormal,
  fillUniform,
  giveRows,
  instantiate,
  leastOfPlaced,
  matrix,
  multiplyRows,
  placeRows,
  type Rows,
  random,
  rowLengths,
  takeRows,
  topKOfRows,
  trainBytes,
  workerPool,
} from '@offprint/kernels'
import { median, printMachine } from './machine.ts'

const rounds = Number(process.argv[2] ?? 25)
// Typed here, as the script is plain JavaScript and the peer is installed in this folder alone.
const script = '../scripts/build-wasm.mjs'
const { compile } = (await import(script)) as { compile(source: string, more: string[]): Promise<string> }
const peerName = 'simsimd'
type Pair = (a: Float32Array | Int8Array | Uint8Array, b: Float32Array | Int8Array | Uint8Array) => number
const peer = (await import(peerName).catch(() => {
  console.error('simsimd is not here: delete bench/node_modules, and the next run installs it')
  process.exit(1)
})) as Record<'sqeuclidean' | 'inner' | 'cosine' | 'hamming', Pair>

printMachine()
const space = arena(1 << 29)
const limits = instantiate<{
  triad(a: number, b: number, c: number, bytes: number, factor: number): void
  read(a: number, bytes: number): number
  multiplyAdds(rounds: number): number
}>(await compile('packages/kernels/assembly/test/limits.ts', ['--enable', 'relaxed-simd']), space)

/**
 * Seconds of one call: the best of many short rounds, in turns, as the question is what a kernel reaches, and others use the machine
 * too; and the median, which tells how much they do.
 */
async function time(...works: (() => unknown)[]): Promise<{ best: number; median: number }[]> {
  const once = async (work: () => unknown, calls: number) => {
    const began = performance.now()
    for (let call = 0; call < calls; call++) {
      const running = work()
      if (running instanceof Promise) await running
    }
    return (performance.now() - began) / 1000
  }
  const calls: number[] = []
  for (const work of works) {
    // The first calls run code that is not yet optimised.
    await once(work, 3)
    let count = 1
    while ((await once(work, count)) < 0.001) count *= 2
    calls.push(count)
  }
  const seconds: number[][] = works.map(() => [])
  for (let round = 0; round < rounds; round++)
    for (const [at, work] of works.entries()) seconds[at].push((await once(work, calls[at])) / calls[at])
  return seconds.map(all => ({ best: Math.min(...all), median: median(all) }))
}

const large = 1 << 27
const block = space.take(large + 64)
const part = Math.floor(large / 3 / 64) * 64
const [triad, read, near, multiplyAdds] = await time(
  () => limits.triad(block, block + part, block + 2 * part, part, 0.5),
  () => limits.read(block, large),
  () => limits.read(block, 1 << 15),
  () => limits.multiplyAdds(100_000),
)
space.give(block)
const gigabytes = large / read.best / 1e9
const peak = (12 * 4 * 100_000) / multiplyAdds.best / 1e9
console.log(
  `limits: triad ${((3 * part) / triad.best / 1e9).toFixed(1)} GB/s, reading ${gigabytes.toFixed(1)} GB/s from memory and ` +
    `${((1 << 15) / near.best / 1e9).toFixed(0)} GB/s from the nearest cache, ${peak.toFixed(1)} G multiply-adds of floats a second\n`,
)

const title = (name: string) => name.padEnd(58)
const share = (value: number, limit: number) => `${((100 * value) / limit).toFixed(0)} %`
console.log(`${title('kernel')}${'rate'.padStart(16)}  ${'of the limit'.padEnd(22)}  best, ms    median`)

/** One kernel: what a call reads, or how many multiply-adds it is, against that limit. */
async function row(name: string, work: () => unknown, { bytes, madds }: { bytes?: number; madds?: number }) {
  const [{ best: seconds, median }] = await time(work)
  const each = `${(seconds * 1000).toFixed(3).padStart(9)} ${(median * 1000).toFixed(3).padStart(9)}`
  if (madds) {
    const rate = madds / seconds / 1e9
    console.log(
      `${title(name)}${`${rate.toFixed(1)} Gmadd/s`.padStart(16)}  ${`${share(rate, peak)} of multiply-adds`.padEnd(22)} ${each}`,
    )
  } else {
    const rate = bytes! / seconds / 1e9
    console.log(
      `${title(name)}${`${rate.toFixed(2)} GB/s`.padStart(16)}  ${`${share(rate, gigabytes)} of reading`.padEnd(22)} ${each}`,
    )
  }
}

const { integer } = random(1)
const noise = (rows: number, columns: number) =>
  matrix(rows, columns, fillNormal(new Float32Array(rows * columns), { seed: rows + columns }))

// One vector to many
{
  const kernels = distanceKernels(space)
  const d = 128
  const n = 200_000
  const floats = placeRows(space, noise(n, d))
  const halves = await encodeHalves(floats)
  const quantiser = await trainBytes(floats)
  const bytes = await encodeBytes(floats, quantiser)
  const bits = takeRows(space, n, 1024, 'bit')
  fillUniform(new Float32Array(space.memory.buffer, bits.pointer, (n * bits.bytes) / 4), { seed: 2 })
  const ids = space.take(4 * n)
  const few = space.take(4 * n)
  const out = space.take(4 * n)
  const places = new Uint32Array(space.memory.buffer, ids, n)
  for (let at = 0; at < n; at++) places[at] = integer(n)
  new Uint32Array(space.memory.buffer, few, n).forEach((_, at, all) => {
    all[at] = at % 64
  })
  for (const [name, rows, call] of [
    ['float32 sqeuclidean', floats, kernels.floatDistances],
    ['float16 sqeuclidean', halves, kernels.halfDistances],
    ['int8 sqeuclidean', bytes, kernels.byteDistances],
    ['int8 inner', bytes, kernels.byteDistances],
    ['1-bit hamming (d = 1024)', bits, kernels.bitDistances],
  ] as const) {
    const metric = name.includes('inner') ? 1 : 0
    const run = (base: Rows, where: number, count: number) => () =>
      rows === bits
        ? kernels.bitDistances(rows.pointer, rows.pointer, rows.bytes, where, count, out)
        : (call as typeof kernels.floatDistances)(metric, floats.pointer, base.pointer, base.bytes, where, count, out)
    const type = `${name}, `
    const madds = rows === floats || rows === halves ? { madds: 4096 * d } : { bytes: 4096 * rows.bytes }
    await row(`${type}64 rows in the cache`, run(rows, few, 4096), madds)
    await row(`${type}${n.toLocaleString('en')} rows in a row`, run(rows, 0, n), { bytes: n * rows.bytes })
    // Other rows at each call, so that few are in a cache.
    let at = 0
    const elsewhere = () => {
      at = (at + 10_000) % (n - 10_000)
      run(rows, ids + 4 * at, 10_000)()
    }
    await row(`${type}at random`, elsewhere, { bytes: 10_000 * rows.bytes })
  }
  const codes = () =>
    kernels.codeDistances(0, floats.pointer, floats.pointer + 512, bytes.pointer, bytes.bytes, 0, n, out)
  await row('floats to int8 codes, sqeuclidean, in a row', codes, { bytes: n * bytes.bytes })

  await row('row lengths', () => rowLengths(floats), { bytes: n * 4 * d })
  await row('column means and variances (two passes)', () => columnMoments(floats), { bytes: 2 * n * 4 * d })
  const encode = async (make: () => Promise<Rows>) => giveRows(await make())
  await row('encode as float16 (bytes read)', () => encode(() => encodeHalves(floats)), { bytes: n * 4 * d })
  await row('encode as int8 (bytes read)', () => encode(() => encodeBytes(floats, quantiser)), { bytes: n * 4 * d })
  for (const one of [floats, halves, bytes, bits]) giveRows(one)
  for (const one of [ids, few, out]) space.give(one)
}

// Products
for (const [n, m, d] of [
  [1024, 1024, 1024],
  [4096, 100, 128],
  [512, 4096, 100],
]) {
  const [a, b, out] = [placeRows(space, noise(n, d)), placeRows(space, noise(m, d)), takeRows(space, n, m)]
  const madds = n * m * d
  await row(`A·Bᵀ, ${n} × ${m} × ${d}`, () => multiplyRows(a, b, out, { transposed: true }), { madds })
  if (n === m) await row(`A·B, ${n} × ${m} × ${d}`, () => multiplyRows(a, b, out), { madds })
  await row(`sqeuclidean, ${n} × ${m} × ${d}`, () => distancesOfRows(a, b, out, 'sqeuclidean'), { madds })
  for (const one of [a, b, out]) giveRows(one)
}
{
  const pool = workerPool()
  const shared = arena(1 << 25, { shared: true })
  const [a, b, out] = [
    placeRows(shared, noise(1024, 1024)),
    placeRows(shared, noise(1024, 1024)),
    takeRows(shared, 1024, 1024),
  ]
  await row(
    `A·Bᵀ, 1024 × 1024 × 1024, ${pool.threads} threads`,
    () => multiplyRows(a, b, out, { transposed: true, pool }),
    { madds: 2 ** 30 },
  )
  await pool.close()
}

// Selection
{
  const rows = placeRows(space, noise(500, 10_000))
  const bytes = 500 * 40_000
  for (const k of [1, 10, 100, 256, 1000, 5000])
    await row(`top ${k} of 10,000 (500 rows)`, () => topKOfRows(rows, k), { bytes })
  await row('least and second of 10,000 (500 rows)', () => leastOfPlaced(rows), { bytes })
  giveRows(rows)
}

// Random numbers
{
  const doubles = new Float64Array(100_000)
  const floats = new Float32Array(100_000)
  await row('uniform, 64-bit (bytes made)', () => fillUniform(doubles, { seed: 1 }), { bytes: 8e5 })
  await row('normal, 32-bit (bytes made)', () => fillNormal(floats, { seed: 1 }), { bytes: 4e5 })
}

// One pair, from JavaScript: what the call costs is in it. The longest are read from the second-level cache.
console.log(
  `\n${'one pair of vectors'.padEnd(30)}${'ours, ns'.padStart(12)}${'simsimd, ns'.padStart(14)}${'ratio'.padStart(8)}`,
)
{
  const kernels = distanceKernels(space)
  for (const d of [128, 1536, 16_384])
    for (const [name, metric] of [
      ['sqeuclidean', 0],
      ['inner', 1],
      ['cosine', 2],
    ] as const) {
      const data = noise(2, d)
      const rows = placeRows(space, data)
      const [x, y] = [data.data.subarray(0, d), data.data.subarray(d)]
      const { pointer, bytes } = rows
      const [ours, theirs] = await time(
        () => {
          for (let call = 0; call < 100; call++) kernels.floatPair(metric, pointer, pointer + bytes, bytes)
        },
        () => {
          for (let call = 0; call < 100; call++) peer[name](x, y)
        },
      )
      compare(`float32 ${name}, d = ${d}`, ours.best, theirs.best)
      giveRows(rows)
    }
  const d = 1536
  const x = Int8Array.from({ length: d }, () => integer(255) - 127)
  const many = takeRows(space, 100, d, 'int8')
  for (let at = 0; at < 100; at++) new Int8Array(space.memory.buffer, many.pointer + at * many.bytes, d).set(x)
  const out = space.take(400)
  for (const [name, metric, mine, theirs] of [
    ['sqeuclidean', 0, kernels.byteDistances, peer.sqeuclidean],
    ['inner', 1, kernels.byteDistances, peer.inner],
    ['hamming', 0, kernels.byteDistances, peer.hamming],
  ] as const) {
    const bytes = new Uint8Array(x.buffer)
    const [ours, other] = await time(
      () =>
        name === 'hamming'
          ? kernels.bitDistances(many.pointer, many.pointer, many.bytes, 0, 100, out)
          : mine(metric, many.pointer, many.pointer, many.bytes, 0, 100, out),
      () => {
        for (let call = 0; call < 100; call++) name === 'hamming' ? theirs(bytes, bytes) : theirs(x, x)
      },
    )
    compare(
      `${name === 'hamming' ? '1-bit' : 'int8'} ${name}, d = ${name === 'hamming' ? 8 * d : d}, 100 a call`,
      ours.best,
      other.best,
    )
  }
}

function compare(name: string, ours: number, theirs: number): void {
  const ns = (seconds: number) => (seconds * 1e7).toFixed(1)
  console.log(
    `${name.padEnd(44)}${ns(ours).padStart(10)}${ns(theirs).padStart(12)}${(theirs / ours).toFixed(2).padStart(10)}`,
  )
}
