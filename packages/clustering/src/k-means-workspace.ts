/** The rows and centres of k-means in WebAssembly memory, and the passes over them, in one thread or several. */
import {
  type Arena,
  arena,
  breathe,
  columnMoments,
  InputError,
  instantiate,
  type LongCall,
  type Matrix,
  matrix,
  placeRows,
  type Rows,
  requireFinite,
  type WorkerPool,
} from '@offprint/kernels'
import { relaxed, simd } from '../build/k-means.js'

interface Engine {
  bindRows(...numbers: number[]): void
  bindCentres(...numbers: number[]): void
  bindThread(...numbers: number[]): void
  columnRanges(from: number, to: number, out: number): void
  markInexact(from: number, to: number, shift: number, marks: number): void
  shiftAndMeasure(from: number, to: number, shift: number): void
  relabel(row: number, label: number): void
  gather(sums: number, counts: number): number
  moveCentres(sums: number, counts: number): number
  placeCentres(): void
  longestCentre(): number
  greatestMove(): number
  secondMove(): number
  movedMost(): number
  halveDistances(): void
  assignRows(from: number, to: number, bounds: number, fresh: number): void
  assignListed(count: number): void
  ownDistances(from: number, to: number, out: number): void
  tryCandidates(from: number, to: number, candidates: number, count: number, nearest: number, out: number): void
}

/** How a pass finds the nearest centres: by all distances, or with bounds from the passes before. */
export type Algorithm = 'lloyd' | 'hamerly' | 'elkan'

// As in assembly/k-means.ts.
const boundsOf: Record<Algorithm, number> = { lloyd: 0, hamerly: 1, elkan: 2 }
const tileRows = 64
const blockRows = 1024
const mostCandidates = 8

/** Multiplications in a piece of work for a thread, short of 10 ms; and in a pass that is worth to be shared out. */
const pieceWork = 2 ** 24
const leastShared = 2 ** 22
/** Longest piece of work between two looks at the signal, in ms. */
const pieceMs = 15
/** Lengths beyond 2^±this are brought nearer to 1, so that no square leaves the range of floats. */
const mostPower = 40

export interface WorkspaceOptions extends LongCall {
  weights?: ArrayLike<number>
  pool?: WorkerPool
  /** Name of the input in errors; default `points`. */
  field?: string
  /** Centres that rows are compared with, so that they fit the same scale. */
  centres?: ArrayLike<number>
}

/** Rows in memory. Within, columns far from 0 are shifted where that loses nothing, and very large or small numbers scaled. */
export interface Workspace {
  n: number
  columns: number
  weights: Float64Array | undefined
  /** Sum of the weights. */
  weight: number
  /** Mean over the columns of their weighted variance. */
  variance: number
  /** Takes room for k centres, instead of those before. */
  room(k: number, algorithm: Algorithm): void
  /** Sets all centres: k × columns, in the points' own coordinates. Bounds are forgotten. */
  setCentres(centres: ArrayLike<number>): void
  centres(): Float64Array
  /** Cluster of each row, −1 before the first pass. A view: to be made anew after memory was taken. */
  labels(): Int32Array
  /** Weight of each cluster, as of `gather`. */
  counts(): Float64Array
  /** All rows to their nearest centres. @returns how many have changed their cluster */
  assign(): Promise<number>
  /** Some rows, each listed once, to their nearest centres. @returns sums and weights of them alone, by cluster */
  assignSome(rows: Uint32Array): Promise<{ sums: Float64Array; weights: Float64Array }>
  /** Gives a row another cluster. */
  relabel(row: number, label: number): void
  /** Centres to the means of their rows. @returns Σ‖Δc‖² */
  update(): number
  /** Squared distance of each row to its centre, 64 bits. */
  ownDistances(): Promise<Float64Array>
  /** A row in the points' own coordinates. */
  row(at: number): Float64Array
  /** For a start by k-means++. */
  tryCandidates(rows: readonly number[]): Promise<Float64Array>
  /** `nearest` of `tryCandidates`, squared. */
  nearest(): Float32Array
  /** Forgets labels, sums, counts and nearest distances. */
  clear(): void
  /** Waits if the last turn of the event loop is some time ago. */
  pause(): Promise<void> | undefined
}

export function checkedWeights(weights: ArrayLike<number> | undefined, n: number): Float64Array | undefined {
  if (!weights) return undefined
  if (weights.length !== n)
    throw new InputError('weights', `${weights.length} weights`, `one weight for each of ${n} rows`)
  const checked = Float64Array.from(weights)
  const bad = checked.findIndex(weight => !(weight >= 0 && weight < Infinity))
  if (bad >= 0) {
    const message = `weights: row ${bad + 1} must be a number of at least 0, found ${weights[bad]}`
    throw new InputError('weights', String(weights[bad]), 'a number of at least 0', message)
  }
  if (checked.every(weight => weight === 0)) throw new InputError('weights', 'nothing but 0', 'above 0 somewhere')
  return checked
}

/** @throws InputError where a method that knows no weights is given some, as JavaScript can */
export function refuseWeights(options: object, method: string): void {
  if ('weights' in options && options.weights !== undefined)
    throw new InputError('weights', 'weights', `left out, as ${method} counts each row once`)
}

export function requireRows({ data, rows, columns }: Matrix, field = 'points'): void {
  if (!rows) throw new InputError(field, 'no row', 'at least one row')
  if (!columns) throw new InputError(field, 'no column', 'rows with at least one column')
  // As one that was not made by `matrix` may hold fewer numbers than it says.
  matrix(rows, columns, data)
}

/** 1.5·2⁵²·q, q the least power of two of which sums of n numbers of up to `most` are exact multiples in 64 bits. */
const gridOf = (n: number, most: number) => (most > 0 ? 1.5 * 2 ** (52 + Math.ceil(Math.log2(n * most)) + 1 - 51) : 0)

/** @throws InputError for points or weights that cannot be used; the signal's reason once it is aborted */
export async function workspace(
  points: Matrix,
  { weights: given, pool, signal, field = 'points', centres: beside = [] }: WorkspaceOptions,
): Promise<Workspace> {
  requireRows(points, field)
  const { rows: n, columns } = points
  const weights = checkedWeights(given, n)
  const threads = pool?.threads ?? 1
  const shared = pool !== undefined && threads > 1
  const stride = Math.ceil(columns / 4) * 16
  const width = stride / 4
  const space: Arena = arena(n * (stride + 8) + (weights ? 8 * n : 0) + 65_536, { shared })
  const engine = instantiate<Engine>([relaxed, simd], space)
  const placed = placeRows(space, points)
  const floats = (at: number, count: number) => new Float32Array(space.memory.buffer, at, count)
  const doubles = (at: number, count: number) => new Float64Array(space.memory.buffer, at, count)

  let since = performance.now()
  const pause = () => {
    if (performance.now() - since < pieceMs) return undefined
    return breathe(signal).then(() => {
      since = performance.now()
    })
  }
  const inPieces = async (units: number, workOfOne: number, work: (from: number, to: number) => void) => {
    signal?.throwIfAborted()
    const atOnce = Math.max(1, Math.floor(pieceWork / 8 / workOfOne))
    for (let from = 0; from < units; from += atOnce) {
      work(from, Math.min(units, from + atOnce))
      await pause()
    }
  }

  const lengths = space.take(4 * n)
  const labelsAt = space.take(4 * n)
  const grids = space.take(8 * width)
  const weightsAt = weights ? space.take(8 * n) : 0
  let weight = n
  if (weights) {
    const all = weights.reduce((sum, one) => sum + one, 0)
    const grid = gridOf(1, all)
    // As the sums of them are exact then.
    for (let row = 0; row < n; row++) weights[row] = weights[row] + grid - grid
    weight = weights.reduce((sum, one) => sum + one, 0)
    doubles(weightsAt, n).set(weights)
  }
  engine.bindRows(placed.pointer, stride, n, columns, weightsAt, lengths, labelsAt, grids)
  let k = 0
  let algorithm: Algorithm = 'lloyd'
  let block = 0
  let at = { centres: 0, bound: [] as number[], sums: 0, counts: 0, threads: 0, each: 0, uppers: 0, lowers: 0 }
  let fresh = true
  let chunk = tileRows
  let nearestAt = 0
  let triesAt = 0
  let distancesAt = 0

  const threadArgs = (thread: number) => {
    const padded = Math.ceil(k / 8) * 8
    const tile = at.threads + thread * at.each
    const list = tile + 4 * (tileRows + 4) * padded
    const exact = list + 4 * Math.ceil(chunk / 2) * 2
    const near = exact + 8 * padded
    const sums = Math.ceil((near + 4 * padded) / 64) * 64
    return [tile, list, exact, near, sums, sums + 8 * k * width]
  }

  async function pass(
    name: string,
    args: (queue: number, thread: number) => number[],
    work: number,
    units: number,
    direct: (from: number, to: number) => void,
    pieces = Math.ceil(units / chunk),
  ): Promise<void> {
    if (!shared || work < leastShared) return inPieces(units, Math.max(1, work / units), direct)
    await pool!.run(
      [relaxed, simd],
      space,
      ({ thread, queue }) => [
        { name: 'bindRows', args: [placed.pointer, stride, n, columns, weightsAt, lengths, labelsAt, grids] },
        { name: 'bindCentres', args: at.bound },
        { name: 'bindThread', args: k ? threadArgs(thread) : [0, 0, 0, 0, 0, 0] },
        {
          name: 'bindMoves',
          args: [engine.longestCentre(), engine.greatestMove(), engine.secondMove(), engine.movedMost()],
        },
        { name, args: args(queue, thread) },
      ],
      { total: pieces, signal },
    )
    since = performance.now()
  }

  const ranges = space.take(2 * stride * threads)
  for (let thread = 0; thread < threads; thread++) {
    floats(ranges + 2 * stride * thread, width).fill(Infinity)
    floats(ranges + 2 * stride * thread + stride, width).fill(-Infinity)
  }
  await pass(
    'allColumnRanges',
    (queue, thread) => [ranges, thread, chunk, queue],
    n * columns,
    n,
    (from, to) => engine.columnRanges(from, to, ranges),
  )
  const least = floats(ranges, columns).slice()
  const most = floats(ranges + stride, columns).slice()
  for (let thread = 1; thread < threads; thread++) {
    const own = floats(ranges + 2 * stride * thread, 2 * width)
    for (let column = 0; column < columns; column++) {
      // NaN, where there is one, stays.
      least[column] = Math.min(least[column], own[column])
      most[column] = Math.max(most[column], own[width + column])
    }
  }
  space.give(ranges)
  const sizes = least.map((low, column) => Math.max(Math.abs(low), Math.abs(most[column])))
  let largest = sizes.reduce((a, b) => Math.max(a, b), 0)
  for (let at = 0; at < beside.length; at++)
    if (Number.isFinite(beside[at])) largest = Math.max(largest, Math.abs(beside[at]))
  if (!sizes.every(Number.isFinite)) requireFinite(points, field)
  const scale = powerBeside(largest)
  if (scale !== 1) scaleRows(floats(placed.pointer, n * width), 1 / scale)
  const { means, variances } = await moments(placed, weights, weight, signal)
  const shift = await shiftRows(means, variances, sizes, scale)
  const weightMost = weights ? weights.reduce((a, b) => Math.max(a, b), 0) : 1
  for (let column = 0; column < columns; column++) {
    const low = Math.abs(least[column] / scale - shift[column])
    const high = Math.abs(most[column] / scale - shift[column])
    doubles(grids, width)[column] = gridOf(n, weightMost * Math.max(low, high))
  }
  new Int32Array(space.memory.buffer, labelsAt, n).fill(-1)

  /** Columns far from 0 are shifted by their mean, if no number loses a bit by that; then rows are measured. */
  async function shiftRows(
    mean: Float64Array,
    variance: Float64Array,
    size: Float32Array,
    by: number,
  ): Promise<Float64Array> {
    const wanted = new Float64Array(width)
    for (let column = 0; column < columns; column++) {
      if (mean[column] ** 2 <= variance[column] || !(size[column] > 0)) continue
      const unit = 2 ** (Math.floor(Math.log2(size[column] / by)) - 23)
      wanted[column] = Math.fround(Math.round(mean[column] / unit) * unit)
    }
    const shiftAt = space.take(stride * (1 + threads))
    const marksAt = shiftAt + stride
    if (wanted.some(one => one !== 0)) {
      floats(shiftAt, width).set(wanted)
      const marks = new Uint32Array(space.memory.buffer, marksAt, width * threads).fill(0)
      await pass(
        'allMarkInexact',
        (queue, thread) => [shiftAt, marksAt, thread, chunk, queue],
        n * columns,
        n,
        (from, to) => engine.markInexact(from, to, shiftAt, marksAt),
      )
      for (const [at, mark] of marks.entries()) if (mark) wanted[at % width] = 0
    }
    floats(shiftAt, width).set(wanted)
    const shiftFrom = wanted.every(one => one === 0) ? 0 : shiftAt
    await pass(
      'allShiftAndMeasure',
      queue => [shiftFrom, chunk, queue],
      n * columns,
      n,
      (from, to) => engine.shiftAndMeasure(from, to, shiftFrom),
    )
    space.give(shiftAt)
    return wanted
  }

  const labels = () => new Int32Array(space.memory.buffer, labelsAt, n)
  const counts = () => doubles(at.counts, k)
  const gather = () => {
    let changed = 0
    for (let thread = threads - 1; thread >= 0; thread--) {
      engine.bindThread(...threadArgs(thread))
      changed += engine.gather(at.sums, at.counts)
    }
    return changed
  }
  const clear = () => {
    labels().fill(-1)
    doubles(at.sums, k * width).fill(0)
    counts().fill(0)
    for (let thread = 0; thread < threads; thread++) {
      const [, , , , sums, own] = threadArgs(thread)
      doubles(sums, k * width).fill(0)
      doubles(own, k + 1).fill(0)
    }
    fresh = true
    if (nearestAt) floats(nearestAt, n).fill(Infinity)
  }
  const place = () => {
    engine.placeCentres()
    if (algorithm !== 'lloyd') {
      if (k * 50 <= n) engine.halveDistances()
      else floats(at.bound[6], k).fill(0)
    }
  }

  return {
    n,
    columns,
    weights,
    weight,
    variance: (variances.reduce((sum, one) => sum + one, 0) / columns) * scale * scale,
    room(clusters, wanted) {
      if (clusters === k && wanted === algorithm) return
      if (block) space.give(block)
      k = clusters
      algorithm = wanted
      const padded = Math.ceil(k / 8) * 8
      chunk = Math.max(tileRows, Math.floor(pieceWork / (k * columns) / tileRows) * tileRows)
      chunk = Math.min(chunk, 4096, Math.ceil(n / (4 * threads) / tileRows) * tileRows)
      const round = (bytes: number) => Math.ceil(bytes / 64) * 64
      const parts = {
        centres: 8 * k * width,
        floats: k * stride,
        panels: 4 * padded * columns,
        squares: 4 * padded,
        moves: 4 * padded,
        halves: 4 * padded,
        uppers: algorithm === 'lloyd' ? 0 : 4 * n,
        lowers: { lloyd: 0, hamerly: 4 * n, elkan: 4 * n * padded }[algorithm],
        sums: 8 * k * width,
        counts: 8 * k,
      }
      const each = round(4 * (tileRows + 4) * padded + 4 * chunk + 16 + 12 * padded + 64 + 8 * k * width + 8 * (k + 1))
      block = space.take(Object.values(parts).reduce((sum, bytes) => sum + round(bytes), 0) + threads * each)
      let next = block
      const place = (bytes: number) => {
        const pointer = next
        next += round(bytes)
        return pointer
      }
      const centres = place(parts.centres)
      const [f, panels, squares, moves, halves] = [
        parts.floats,
        parts.panels,
        parts.squares,
        parts.moves,
        parts.halves,
      ].map(place)
      const uppers = place(parts.uppers)
      const lowers = place(parts.lowers)
      const sums = place(parts.sums)
      const countsAt = place(parts.counts)
      at = {
        centres,
        bound: [k, centres, f, panels, squares, moves, halves, uppers, lowers],
        sums,
        counts: countsAt,
        threads: next,
        each,
        uppers,
        lowers,
      }
      doubles(centres, k * width).fill(0)
      new Uint8Array(space.memory.buffer, f, parts.floats).fill(0)
      engine.bindCentres(...at.bound)
      engine.bindThread(...threadArgs(0))
      clear()
    },
    clear,
    setCentres(values) {
      const target = doubles(at.centres, k * width)
      for (let centre = 0; centre < k; centre++)
        for (let column = 0; column < columns; column++)
          target[centre * width + column] = values[centre * columns + column] / scale - shift[column]
      fresh = true
      floats(at.bound[5], k).fill(0)
      place()
    },
    centres() {
      const source = doubles(at.centres, k * width)
      const all = new Float64Array(k * columns)
      for (let centre = 0; centre < k; centre++)
        for (let column = 0; column < columns; column++)
          all[centre * columns + column] = (source[centre * width + column] + shift[column]) * scale
      return all
    },
    labels,
    counts,
    async assign() {
      const bounds = boundsOf[algorithm]
      const first = Number(fresh)
      await pass(
        'assignAll',
        queue => [bounds, first, chunk, queue],
        n * k * columns,
        n,
        (from, to) => {
          for (let one = from; one < to; one += chunk) engine.assignRows(one, Math.min(to, one + chunk), bounds, first)
        },
      )
      fresh = false
      return gather()
    },
    async assignSome(rows) {
      const [, list] = threadArgs(0)
      doubles(at.sums, k * width).fill(0)
      counts().fill(0)
      const count = rows.length
      const piece = Math.min(chunk, Math.ceil(count / (4 * threads) / tileRows) * tileRows)
      const all = space.take(4 * count)
      new Uint32Array(space.memory.buffer, all, count).set(rows)
      try {
        await pass(
          'assignAllListed',
          queue => [all, count, piece, queue],
          count * k * columns,
          count,
          (from, to) => {
            for (let first = from; first < to; first += chunk) {
              const part = rows.subarray(first, Math.min(to, first + chunk))
              new Uint32Array(space.memory.buffer, list, part.length).set(part)
              engine.assignListed(part.length)
            }
          },
          Math.ceil(count / piece),
        )
      } finally {
        space.give(all)
      }
      gather()
      const source = doubles(at.sums, k * width)
      const weightOf = counts().slice()
      const sums = new Float64Array(k * columns)
      for (let centre = 0; centre < k; centre++)
        for (let column = 0; column < columns; column++)
          sums[centre * columns + column] = (source[centre * width + column] + weightOf[centre] * shift[column]) * scale
      return { sums, weights: weightOf }
    },
    relabel(row, label) {
      engine.relabel(row, label)
      gather()
      if (algorithm === 'lloyd') return
      // Nothing is known of it any more.
      floats(at.uppers, n)[row] = Infinity
      const bounds = algorithm === 'elkan' ? Math.ceil(k / 8) * 8 : 1
      floats(at.lowers + 4 * row * bounds, Math.min(bounds, k)).fill(0)
    },
    update() {
      const moved = engine.moveCentres(at.sums, at.counts)
      place()
      return moved * scale * scale
    },
    async ownDistances() {
      distancesAt ||= space.take(8 * n)
      const out = distancesAt
      await pass(
        'allOwnDistances',
        queue => [out, chunk, queue],
        n * columns,
        n,
        (from, to) => engine.ownDistances(from, to, out),
      )
      return doubles(out, n).map(distance => distance * scale * scale)
    },
    row(which) {
      const source = floats(placed.pointer + which * stride, columns)
      return Float64Array.from(source, (value, column) => (value + shift[column]) * scale)
    },
    async tryCandidates(rows) {
      const blocks = Math.ceil(n / blockRows)
      if (!nearestAt) {
        nearestAt = space.take(4 * n)
        triesAt = space.take(64 * blocks + 4 * mostCandidates)
        floats(nearestAt, n).fill(Infinity)
      }
      const list = triesAt + 64 * blocks
      new Uint32Array(space.memory.buffer, list, rows.length).set(rows)
      const args = [list, rows.length, nearestAt, triesAt]
      await pass(
        'tryAllCandidates',
        queue => [...args, queue],
        n * columns * rows.length,
        blocks,
        (from, to) => engine.tryCandidates(from, to, list, rows.length, nearestAt, triesAt),
        blocks,
      )
      return doubles(triesAt, 8 * blocks)
    },
    nearest: () => floats(nearestAt, n),
    pause,
  }
}

/** 1, or for numbers far from 1 the power of two beside them. */
function powerBeside(largest: number): number {
  const power = largest > 0 ? Math.floor(Math.log2(largest)) : 0
  return Math.abs(power) > mostPower ? 2 ** power : 1
}

/** In two steps where one factor would leave the range of floats. */
function scaleRows(values: Float32Array, factor: number): void {
  for (let at = 0; at < values.length; at++) values[at] *= factor
}

async function moments(rows: Rows, weights: Float64Array | undefined, weight: number, signal?: AbortSignal) {
  if (!weights) return columnMoments(rows, { signal })
  const { arena: space, pointer, bytes, columns, rows: n } = rows
  const data = new Float32Array(space.memory.buffer, pointer, (n * bytes) / 4)
  const means = new Float64Array(columns)
  const variances = new Float64Array(columns)
  const stride = bytes / 4
  for (let row = 0; row < n; row++)
    for (let column = 0; column < columns; column++) means[column] += weights[row] * data[row * stride + column]
  for (let column = 0; column < columns; column++) means[column] /= weight
  for (let row = 0; row < n; row++)
    for (let column = 0; column < columns; column++)
      variances[column] += (weights[row] * (data[row * stride + column] - means[column]) ** 2) / weight
  return { means, variances }
}
