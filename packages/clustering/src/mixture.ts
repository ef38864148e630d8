/** Gaussian mixtures by expectation and maximisation, in 64 bits. */
import {
  arena,
  breathe,
  InputError,
  instantiate,
  type LongCall,
  type Matrix,
  placeRows,
  requireFinite,
  type WorkerPool,
} from '@offprint/kernels'
import { relaxed, simd } from '../build/mixture.js'
import { distinctRowsNote } from './distinct-rows.ts'
import { kMeans, requireSearch } from './k-means.ts'
import { checkedWeights, requireRows } from './k-means-workspace.ts'
import { eachRow, pauses } from './pauses.ts'

/**
 * What the components' covariances have in common: `full` nothing, `tied` one for all, `diag` no covariance between columns,
 * `spherical` one variance each.
 */
export type CovarianceType = 'full' | 'tied' | 'diag' | 'spherical'

export interface GaussianMixtureOptions extends LongCall {
  /** Number of components, from 1 to n. */
  k: number
  /** Default `full`. */
  type?: CovarianceType
  /**
   * Start: by the labels of `k-means` (the default), the nearest of k rows drawn by `k-means++`, or given labels (−1: the row is left
   * out of the start); or a model to go on from.
   */
  init?: 'k-means' | 'k-means++' | ArrayLike<number> | Pick<GaussianMixture, 'shares' | 'means' | 'covariances'>
  /** Runs from different starts, of which the most likely counts; default 1. */
  restarts?: number
  /** Whole number from 0 to 2³² − 1; default 0. Same input and seed, same result. */
  seed?: number
  /** n weights of at least 0, not all 0; a whole weight counts as so many equal rows. Default all 1. */
  weights?: ArrayLike<number>
  /** Added to the variances, in the columns' own units; default 1e-6. */
  reg?: number
  /** A run ends when the mean log-likelihood of a row changes by less; default 1e-3. */
  tol?: number
  /** Steps after which a run stops unsettled; default 100. */
  maxIterations?: number
  /** Threads to work in; default the calling one. Results are the same. */
  pool?: WorkerPool
}

/** A mixture: what is needed to place new rows. */
export interface MixtureModel {
  k: number
  columns: number
  type: CovarianceType
  /** π: the components' shares, k. */
  shares: Float64Array
  /** k × d */
  means: Float64Array
  /** `full` k × d × d, `tied` d × d, `diag` k × d, `spherical` k; `reg` is in it. */
  covariances: Float64Array
}

export interface GaussianMixture extends MixtureModel {
  /** Most likely component of each row. */
  labels: Int32Array
  /** Rows in each component by label. */
  sizes: Uint32Array
  /** Σ w ln p(x) */
  objective: number
  /** The same at the start, after the first step of maximisation. */
  startObjective: number
  /** Free parameters. */
  parameters: number
  /** −2 ln L + p ln n; less is better. mclust prints it with the other sign. */
  bic: number
  /** −2 ln L + 2p; less is better. */
  aic: number
  /** BIC + 2E, E = −Σ γ ln γ the entropy of the responsibilities; less is better. */
  icl: number
  /** As mclust has it, by labels: 2 ln L − p ln n + 2 Σ ln γ of each row's label; more is better. */
  iclHard: number
  iterations: number
  converged: boolean
  seed: number
  /** Components with a variance of at most 10·reg in some direction, or without any weight: their density is no evidence. */
  degenerate: number[]
  notes: string[]
}

interface Engine {
  bindRows(...numbers: number[]): void
  bindMixture(...numbers: number[]): void
  workParts(from: number, to: number, mode: number): void
}

export const covarianceTypes: CovarianceType[] = ['full', 'tied', 'diag', 'spherical']

// As in assembly/mixture.ts.
const kindOf: Record<CovarianceType, number> = { full: 0, tied: 1, diag: 2, spherical: 2 }
const blockRows = 32
const blockBytes = 256
const modes = { step: 0, labels: 1, last: 2 }

/** Parts that rows are cut into, each with sums of its own; fewer where those take more bytes than this. */
const mostParts = 256
const mostSumBytes = 2 ** 26
const pieceMs = 15

/**
 * A mixture of k normal distributions. O(n·k·d²) a step (`diag`, `spherical`: O(n·k·d)). All in 64 bits: log-likelihoods are those of
 * scikit-learn to 1e-6 a row.
 *
 * @param points n × d
 * @throws InputError for wrong options or points; the signal's reason once it is aborted
 *
 * @example
 * const { labels, bic, degenerate } = await gaussianMixture(points, { k: 3, type: 'full' })
 */
export async function gaussianMixture(points: Matrix, options: GaussianMixtureOptions): Promise<GaussianMixture> {
  const { k, type = 'full', init = 'k-means', restarts = 1, seed = 0, reg = 1e-6, tol = 1e-3 } = options
  const { maxIterations = 100, onProgress, signal, pool } = options
  requireRows(points)
  requireSearch(points.rows, { k, restarts, seed, tol, maxIterations })
  requireFinite(points, 'points')
  if (!covarianceTypes.includes(type)) throw new InputError('type', `'${type}'`, `one of ${covarianceTypes.join(', ')}`)
  if (!(reg >= 0 && reg < Infinity)) throw new InputError('reg', String(reg), 'a number of at least 0')
  if (typeof init === 'string' && !['k-means', 'k-means++'].includes(init))
    throw new InputError('init', `'${init}'`, 'one of k-means, k-means++, labels or a model')
  const weights = checkedWeights(options.weights, points.rows)
  const space = await room(points, k, type, { weights, signal, pool })
  let best: GaussianMixture | undefined
  for (let restart = 0; restart < restarts; restart++) {
    if (typeof init === 'object' && 'means' in init) space.set({ k, columns: points.columns, type, ...init })
    else {
      const labels =
        typeof init === 'object'
          ? checkedLabels(init, points.rows, k)
          : (
              await kMeans(points, {
                k,
                seed: (seed + restart) >>> 0,
                weights: options.weights,
                init: init === 'k-means' ? 'greedy-k-means++' : 'k-means++',
                maxIterations: init === 'k-means' ? 300 : 1,
                signal,
                pool,
              })
            ).labels
      await space.startFrom(labels)
      space.maximise(reg)
    }
    let before = -Infinity
    let start = 0
    let iterations = 0
    let converged = false
    while (!converged && iterations < maxIterations) {
      const { likelihood } = await space.expect('step')
      if (!iterations) start = likelihood
      space.maximise(reg)
      iterations++
      converged = Math.abs(likelihood - before) / space.weight < tol
      before = likelihood
      onProgress?.(restart + 1 - 0.5 ** (iterations / 8), restarts)
      await space.pause()
    }
    const found = await result(space, { start, iterations, converged, seed, reg })
    if (!best || isBetter(found, best)) best = found
  }
  best!.notes.push(...(await distinctRowsNote(points, k, options)))
  onProgress?.(restarts, restarts)
  return best!
}

/** A degenerate model is the best only where all are. */
function isBetter(one: GaussianMixture, other: GaussianMixture): boolean {
  const [a, b] = [one.degenerate.length > 0, other.degenerate.length > 0]
  return a === b ? one.objective > other.objective : b
}

function checkedLabels(labels: ArrayLike<number>, n: number, k: number): Int32Array {
  if (labels.length !== n) throw new InputError('init', `${labels.length} labels`, `one for each of ${n} rows`)
  const checked = Int32Array.from(labels)
  for (let row = 0; row < n; row++)
    if (!Number.isInteger(labels[row]) || labels[row] < -1 || labels[row] >= k)
      throw new InputError('init', String(labels[row]), `labels from 0 to ${k - 1}, or -1`)
  for (let one = 0; one < k; one++)
    if (!checked.includes(one)) throw new InputError('init', `no row with label ${one}`, 'at least one row of each')
  return checked
}

/** p: (k − 1) shares, k·d means, and the covariances. */
export function mixtureParameters(k: number, d: number, type: CovarianceType): number {
  const covariances = { full: (k * d * (d + 1)) / 2, tied: (d * (d + 1)) / 2, diag: k * d, spherical: k }[type]
  return k - 1 + k * d + covariances
}

async function result(
  space: Room,
  {
    start,
    iterations,
    converged,
    seed,
    reg,
  }: { start: number; iterations: number; converged: boolean; seed: number; reg: number },
): Promise<GaussianMixture> {
  const model = space.model()
  const { likelihood, entropy, hard } = await space.expect('last')
  const labels = space.labels().slice()
  const sizes = new Uint32Array(model.k)
  for (const label of labels) sizes[label]++
  const p = mixtureParameters(model.k, model.columns, model.type)
  const penalty = p * Math.log(space.weight)
  const bic = penalty - 2 * likelihood
  const degenerate = space.leastVariances().flatMap((variance, one) => (variance <= 10 * reg ? [one] : []))
  const notes: string[] = []
  if (!converged) notes.push('It stopped before it settled: more iterations may raise the likelihood.')
  if (degenerate.length)
    notes.push(
      `Component ${degenerate.map(one => one + 1).join(', ')} has collapsed: its variance is next to nothing, and the likelihood says little.`,
    )
  return {
    ...model,
    labels,
    sizes,
    objective: likelihood,
    startObjective: start,
    parameters: p,
    bic,
    aic: 2 * p - 2 * likelihood,
    icl: bic + 2 * entropy,
    iclHard: 2 * hard - bic,
    iterations,
    converged,
    seed,
    degenerate,
    notes,
  }
}

interface Room {
  weight: number
  set(model: MixtureModel): void
  model(): MixtureModel
  /** Sums of the maximisation, from labels. */
  startFrom(labels: Int32Array): Promise<void>
  /** Responsibilities and with them the sums of the maximisation; in the `last` pass labels instead. */
  expect(mode: 'step' | 'last'): Promise<{ likelihood: number; entropy: number; hard: number }>
  /** Parameters from the sums. */
  maximise(reg: number): void
  labels(): Int32Array
  likelihoods(): Float64Array
  responsibilities(): Float64Array
  /** The least variance of each component: the least pivot of its covariance. */
  leastVariances(): number[]
  pause(): Promise<void> | undefined
}

async function room(
  points: Matrix,
  k: number,
  type: CovarianceType,
  {
    weights,
    signal,
    pool,
    everyRow = false,
  }: { weights?: Float64Array; signal?: AbortSignal; pool?: WorkerPool; everyRow?: boolean },
): Promise<Room> {
  const { rows: n, columns } = points
  const threads = pool?.threads ?? 1
  const shared = pool !== undefined && threads > 1
  const kind = kindOf[type]
  const even = Math.ceil(columns / 2) * 2
  const size = { full: columns * columns, tied: 0, diag: columns, spherical: columns }[type]
  const numbers = 3 + k * (1 + columns + size)
  const wanted = Math.min(mostParts, Math.max(1, Math.floor(mostSumBytes / (8 * numbers))))
  const partRows = Math.max(4 * blockRows, Math.ceil(n / wanted / blockRows) * blockRows)
  const parts = Math.ceil(n / partRows)
  const space = arena(4 * n * (columns + 4) + 65_536, { shared })
  const engine = instantiate<Engine>([relaxed, simd], space)
  const placed = placeRows(space, points)
  const factors = type === 'full' ? k * even * even : type === 'tied' ? even * even : k * columns
  const at = {
    weights: weights ? space.take(8 * n) : 0,
    origin: space.take(8 * columns),
    labels: space.take(4 * n),
    likelihoods: everyRow ? space.take(8 * n) : 0,
    shares: everyRow ? space.take(8 * n * k) : 0,
    means: space.take(8 * k * columns),
    precisions: space.take(8 * factors),
    constants: space.take(8 * k),
    sums: space.take(8 * parts * numbers),
  }
  const scratchBytes = (3 * even + k) * blockBytes
  const scratch = space.take(threads * scratchBytes)
  const doubles = (pointer: number, count: number) => new Float64Array(space.memory.buffer, pointer, count)
  const labels = () => new Int32Array(space.memory.buffer, at.labels, n)
  if (weights) doubles(at.weights, n).set(weights)
  const weight = weights ? weights.reduce((sum, one) => sum + one, 0) : n
  // The data's own mean, so that no digits are lost to where it lies.
  const origin = await meanOf(points, { weights, weight, signal })
  doubles(at.origin, columns).set(origin)
  // A last, odd row of the factors and of the deviations stays 0.
  new Uint8Array(space.memory.buffer, scratch, threads * scratchBytes).fill(0)
  doubles(at.precisions, factors).fill(0)

  let shares = new Float64Array(k)
  /** The origin taken off. */
  const means = new Float64Array(k * columns)
  let covariances = new Float64Array(type === 'full' ? k * columns * columns : size || columns * columns)
  if (type === 'diag') covariances = new Float64Array(k * columns)
  if (type === 'spherical') covariances = new Float64Array(k)
  let leastVariances: number[] = []
  const spread = type === 'tied' ? await scatterOf(points, origin, { weights, signal }) : undefined

  const bindRows = [placed.pointer, placed.bytes, n, columns, at.weights, at.origin, at.labels]
  bindRows.push(at.likelihoods, at.shares)
  const bindMixture = (thread: number) => [
    ...[k, kind, at.means, at.precisions, at.constants, at.sums, partRows],
    scratch + thread * scratchBytes,
  ]
  let since = performance.now()
  const pause = () => {
    if (performance.now() - since < pieceMs) return undefined
    return breathe(signal).then(() => {
      since = performance.now()
    })
  }

  async function pass(mode: number): Promise<Float64Array> {
    signal?.throwIfAborted()
    if (shared && n * k * columns > 2 ** 16) {
      await pool!.run(
        [relaxed, simd],
        space,
        ({ thread, queue }) => [
          { name: 'bindRows', args: bindRows },
          { name: 'bindMixture', args: bindMixture(thread) },
          { name: 'workAll', args: [mode, parts, queue] },
        ],
        { total: parts, signal },
      )
      since = performance.now()
    } else {
      engine.bindRows(...bindRows)
      engine.bindMixture(...bindMixture(0))
      for (let part = 0; part < parts; part++) {
        engine.workParts(part, part + 1, mode)
        await pause()
      }
    }
    const all = doubles(at.sums, parts * numbers)
    const total = new Float64Array(numbers)
    for (let part = 0; part < parts; part++)
      for (let index = 0; index < numbers; index++) total[index] += all[part * numbers + index]
    return total
  }

  let sums: Float64Array = new Float64Array(numbers)

  /** Factors and constants from the parameters. */
  function prepare(): void {
    doubles(at.means, k * columns).set(means)
    const precisions = doubles(at.precisions, factors)
    const constants = doubles(at.constants, k)
    leastVariances = []
    let logDeterminant = 0
    for (let one = 0; one < k; one++) {
      if (type === 'full' || (type === 'tied' && one === 0)) {
        const begin = type === 'full' ? one * columns * columns : 0
        const { inverse, log, least } = inverseFactor(
          covariances.subarray(begin, begin + columns * columns),
          columns,
          one,
        )
        const target = type === 'full' ? one * even * even : 0
        for (let row = 0; row < columns; row++)
          for (let column = 0; column <= row; column++)
            precisions[target + row * even + column] = inverse[row * columns + column]
        logDeterminant = log
        leastVariances.push(least)
      } else if (type === 'tied') leastVariances.push(leastVariances[0])
      else {
        logDeterminant = 0
        let least = Infinity
        for (let column = 0; column < columns; column++) {
          const variance = covariances[type === 'diag' ? one * columns + column : one]
          if (!(variance > 0)) throw notPositive(one)
          precisions[one * columns + column] = 1 / Math.sqrt(variance)
          logDeterminant -= Math.log(variance) / 2
          least = Math.min(least, variance)
        }
        leastVariances.push(least)
      }
      constants[one] = Math.log(shares[one]) + logDeterminant - (columns / 2) * Math.log(2 * Math.PI)
      if (shares[one] === 0) leastVariances[one] = 0
    }
  }

  return {
    weight,
    set(model) {
      if (model.means.length !== k * columns || model.shares.length !== k)
        throw new InputError(
          'init',
          `a model of ${model.shares.length} components`,
          `k = ${k} components of ${columns} columns`,
        )
      if (model.covariances.length !== covariances.length)
        throw new InputError('init', `${model.covariances.length} covariances`, `${covariances.length} as ${type} has`)
      shares = Float64Array.from(model.shares)
      for (let index = 0; index < means.length; index++) means[index] = model.means[index] - origin[index % columns]
      covariances = Float64Array.from(model.covariances)
      prepare()
    },
    model: () => ({
      k,
      columns,
      type,
      shares: shares.slice(),
      means: means.map((value, index) => value + origin[index % columns]),
      covariances: covariances.slice(),
    }),
    async startFrom(from) {
      labels().set(from)
      // Moments about the labels' own means.
      const counts = new Float64Array(k)
      means.fill(0)
      for (let row = 0; row < n; row++) {
        const label = from[row]
        if (label < 0) continue
        const w = weights?.[row] ?? 1
        counts[label] += w
        for (let column = 0; column < columns; column++)
          means[label * columns + column] += w * (points.data[row * columns + column] - origin[column])
      }
      for (let index = 0; index < means.length; index++) means[index] /= counts[Math.floor(index / columns)] || 1
      doubles(at.means, k * columns).set(means)
      sums = await pass(modes.labels)
    },
    async expect(mode) {
      if (mode === 'last') labels().fill(-1)
      const total = await pass(modes[mode])
      if (mode === 'step') sums = total
      return { likelihood: total[0], entropy: total[1], hard: total[2] }
    },
    maximise(reg) {
      const each = 1 + columns + size
      let all = 0
      for (let one = 0; one < k; one++) all += sums[3 + one * each]
      for (let one = 0; one < k; one++) {
        const from = 3 + one * each
        const count = sums[from]
        shares[one] = count / all
        if (!(count > 0)) {
          const own = covariances.subarray((one * covariances.length) / k, ((one + 1) * covariances.length) / k)
          if (type === 'full') for (let at = 0; at < own.length; at++) own[at] = at % (columns + 1) ? 0 : reg
          else if (type !== 'tied') own.fill(reg)
          continue
        }
        const moved = sums.subarray(from + 1, from + 1 + columns).map(sum => sum / count)
        const second = sums.subarray(from + 1 + columns, from + each)
        if (type === 'full') {
          const target = covariances.subarray(one * columns * columns, (one + 1) * columns * columns)
          for (let row = 0; row < columns; row++)
            for (let column = 0; column <= row; column++) {
              const value = second[row * columns + column] / count - moved[row] * moved[column]
              target[row * columns + column] = value + (row === column ? reg : 0)
              target[column * columns + row] = target[row * columns + column]
            }
        } else if (type !== 'tied') {
          let mean = 0
          for (let column = 0; column < columns; column++) {
            const variance = Math.max(0, second[column] / count - moved[column] ** 2)
            if (type === 'diag') covariances[one * columns + column] = variance + reg
            mean += (variance + reg) / columns
          }
          if (type === 'spherical') covariances[one] = mean
        }
        for (let column = 0; column < columns; column++) means[one * columns + column] += moved[column]
      }
      if (spread)
        for (let row = 0; row < columns; row++)
          for (let column = 0; column <= row; column++) {
            let value = spread[row * columns + column] / weight
            for (let one = 0; one < k; one++)
              value -= shares[one] * means[one * columns + row] * means[one * columns + column]
            covariances[row * columns + column] = value + (row === column ? reg : 0)
            covariances[column * columns + row] = covariances[row * columns + column]
          }
      prepare()
    },
    labels,
    likelihoods: () => doubles(at.likelihoods, n).slice(),
    responsibilities: () => doubles(at.shares, n * k).slice(),
    leastVariances: () => leastVariances,
    pause,
  }
}

async function meanOf(
  { data, rows, columns }: Matrix,
  { weights, weight, signal }: { weights?: Float64Array; weight: number; signal?: AbortSignal },
): Promise<Float64Array> {
  const sums = new Float64Array(columns)
  await eachRow(rows, pauses({ signal }), row => {
    for (let column = 0; column < columns; column++)
      sums[column] += (weights?.[row] ?? 1) * data[row * columns + column]
  })
  return sums.map(sum => sum / weight)
}

/** Σ w (x − m)(x − m)ᵀ, its lower triangle. */
async function scatterOf(
  { data, rows, columns }: Matrix,
  mean: Float64Array,
  { weights, signal }: { weights?: Float64Array; signal?: AbortSignal },
): Promise<Float64Array> {
  const sums = new Float64Array(columns * columns)
  const row = new Float64Array(columns)
  await eachRow(rows, pauses({ signal }), at => {
    for (let column = 0; column < columns; column++) row[column] = data[at * columns + column] - mean[column]
    const w = weights?.[at] ?? 1
    for (let a = 0; a < columns; a++) for (let b = 0; b <= a; b++) sums[a * columns + b] += w * row[a] * row[b]
  })
  return sums
}

const notPositive = (component: number) =>
  new InputError(
    'reg',
    `a covariance of component ${component + 1} without an inverse`,
    'great enough that all variances are above 0',
  )

/** L⁻¹ of the Cholesky factor of a symmetric matrix, ln|L⁻¹|, and its least pivot. */
function inverseFactor(matrix: Float64Array, d: number, component: number) {
  const factor = new Float64Array(d * d)
  let log = 0
  let least = Infinity
  for (let row = 0; row < d; row++)
    for (let column = 0; column <= row; column++) {
      let value = matrix[row * d + column]
      for (let at = 0; at < column; at++) value -= factor[row * d + at] * factor[column * d + at]
      if (row > column) factor[row * d + column] = value / factor[column * d + column]
      else {
        if (!(value > 0)) throw notPositive(component)
        least = Math.min(least, value)
        factor[row * d + row] = Math.sqrt(value)
        log -= Math.log(value) / 2
      }
    }
  const inverse = new Float64Array(d * d)
  for (let column = 0; column < d; column++) {
    inverse[column * d + column] = 1 / factor[column * d + column]
    for (let row = column + 1; row < d; row++) {
      let value = 0
      for (let at = column; at < row; at++) value -= factor[row * d + at] * inverse[at * d + column]
      inverse[row * d + column] = value / factor[row * d + row]
    }
  }
  return { inverse, log, least }
}

/**
 * What a mixture says of rows that need not be those it was made from. O(n·k·d²).
 *
 * @returns `labels`, most likely components; `logLikelihoods`, ln p(x) of each row; `responsibilities`, n × k
 * @throws InputError for points that do not fit; the signal's reason once it is aborted
 */
export async function mixtureOf(
  points: Matrix,
  model: MixtureModel,
  { signal, pool }: LongCall & { pool?: WorkerPool } = {},
): Promise<{ labels: Int32Array; logLikelihoods: Float64Array; responsibilities: Float64Array }> {
  if (points.columns !== model.columns)
    throw new InputError('points', `${points.columns} columns`, `${model.columns} columns, as the mixture has`)
  requireRows(points)
  requireFinite(points, 'points')
  const space = await room(points, model.k, model.type, { signal, pool, everyRow: true })
  space.set(model)
  await space.expect('last')
  return {
    labels: space.labels().slice(),
    logLikelihoods: space.likelihoods(),
    responsibilities: space.responsibilities(),
  }
}
