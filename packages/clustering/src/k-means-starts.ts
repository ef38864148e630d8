/** Where k-means starts. */
import { InputError, type Matrix, type Random } from '@offprint/kernels'
import type { Workspace } from './k-means-workspace.ts'

/**
 * - `greedy-k-means++`: rows drawn with a chance that grows with w·D², D the distance to the nearest of those drawn before; of
 *   2 + ⌊ln k⌋ drawn each time, the one that lowers Σ w·D² most is taken (Arthur and Vassilvitskii 2007; the default). O(n·k·d·ln k).
 * - `k-means++`: the same with one draw each time. O(n·k·d).
 * - `random`: k different rows.
 * - or k row numbers from 0, or a matrix of k centres.
 */
export type KMeansInit = 'greedy-k-means++' | 'k-means++' | 'random' | ArrayLike<number> | Matrix

export const kMeansInits = ['greedy-k-means++', 'k-means++', 'random'] as const

/** The numbers of a start that is given as centres. */
export function numbersOf(init: KMeansInit): ArrayLike<number> {
  return typeof init === 'object' && 'rows' in init ? init.data : []
}

const mostCandidates = 8

/** k × columns centres. @throws InputError for a start that cannot be used */
export async function initialCentres(
  space: Workspace,
  k: number,
  init: KMeansInit,
  random: Random,
): Promise<Float64Array> {
  if (typeof init === 'object' && 'rows' in init) return givenCentres(init, k, space.columns)
  const rows = await initialRows(space, k, init, random)
  const centres = new Float64Array(k * space.columns)
  for (const [at, row] of rows.entries()) centres.set(space.row(row), at * space.columns)
  return centres
}

function givenCentres({ data, rows, columns }: Matrix, k: number, wanted: number): Float64Array {
  if (rows !== k || columns !== wanted)
    throw new InputError('init', `${rows} × ${columns} centres`, `k × d = ${k} × ${wanted} centres`)
  const bad = data.findIndex(value => !Number.isFinite(value))
  if (bad >= 0) throw new InputError('init', String(data[bad]), 'finite numbers')
  return Float64Array.from(data)
}

async function initialRows(
  space: Workspace,
  k: number,
  init: Exclude<KMeansInit, Matrix>,
  random: Random,
): Promise<number[]> {
  switch (init) {
    case 'random':
      return randomRows(space, k, random)
    case 'k-means++':
      return plusPlus(space, k, 1, random)
    case 'greedy-k-means++':
      return plusPlus(space, k, Math.min(mostCandidates, 2 + Math.floor(Math.log(k))), random)
  }
  if (typeof init === 'string')
    throw new InputError('init', `'${init}'`, `one of ${kMeansInits.join(', ')}, k row numbers or k centres`)
  const rows = Array.from(init)
  if (rows.length !== k) throw new InputError('init', `${rows.length} row numbers`, `k = ${k} row numbers`)
  for (const row of rows)
    if (!Number.isInteger(row) || row < 0 || row >= space.n)
      throw new InputError('init', String(row), `row numbers from 0 to ${space.n - 1}`)
  return rows
}

/** Rows without weight only where there are too few with. */
function randomRows({ n, weights }: Workspace, k: number, random: Random): number[] {
  if (!weights) return random.sample(k, n)
  const heavy: number[] = []
  const light: number[] = []
  for (let row = 0; row < n; row++) (weights[row] > 0 ? heavy : light).push(row)
  const drawn = random.sample(Math.min(k, heavy.length), heavy.length).map(at => heavy[at])
  return [...drawn, ...light.slice(0, k - drawn.length)]
}

async function plusPlus(space: Workspace, k: number, draws: number, random: Random): Promise<number[]> {
  const { n, weights } = space
  const blockRows = 1024
  const rows: number[] = []
  let first = random.integer(n)
  if (weights) {
    let left = random.next() * space.weight
    first = weights.findIndex(weight => {
      left -= weight
      return left < 0
    })
    if (first < 0) first = weights.findLastIndex(weight => weight > 0)
  }
  for (let row = first; ; ) {
    rows.push(row)
    const sums = await space.tryCandidates([row])
    const blocks = Float64Array.from({ length: sums.length / 8 }, (_, block) => sums[8 * block])
    const total = blocks.reduce((sum, one) => sum + one, 0)
    if (rows.length === k) return rows
    // All rows lie on a centre: what is left are copies.
    if (!(total > 0)) {
      const taken = new Set(rows)
      for (let other = 0; rows.length < k; other++) if (!taken.has(other)) rows.push(other)
      return rows
    }
    const nearest = space.nearest()
    const share = (one: number) => (weights?.[one] ?? 1) * nearest[one]
    const candidates = Array.from({ length: draws }, () => {
      let left = random.next() * total
      let block = 0
      while (block < blocks.length - 1 && left >= blocks[block]) left -= blocks[block++]
      const end = Math.min(n, (block + 1) * blockRows)
      let last = -1
      for (let one = block * blockRows; one < end; one++) {
        if (!(share(one) > 0)) continue
        last = one
        left -= share(one)
        if (left < 0) break
      }
      for (let one = 0; last < 0; one++) if (share(one) > 0) last = one
      return last
    })
    row = candidates[0]
    if (draws === 1) continue
    const tried = await space.tryCandidates(candidates)
    let least = Infinity
    for (let at = 0; at < draws; at++) {
      let sum = 0
      for (let block = 0; block < blocks.length; block++) sum += tried[8 * block + at]
      if (sum < least) {
        least = sum
        row = candidates[at]
      }
    }
  }
}
