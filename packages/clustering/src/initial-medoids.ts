/** Where the search for medoids starts. */
import { InputError, type Random } from '@offprint/kernels'
import { leastOf } from './k-medoids.ts'
import type { Workspace } from './k-medoids-workspace.ts'

/**
 * - `random`: k different objects; O(k).
 * - `build`: PAM's greedy start; O(n²·k).
 * - `lab`: BUILD on a fresh sample of 10 + ⌈√n⌉ objects for each medoid (section 4.2); O(n·k).
 * - `k-medoids++`: the first at random, each further one with a probability that grows with its distance to the nearest; O(n·k).
 * - `park-jun`: the k objects with the least Σ_o d_jo / Σ_l d_ol; a poor start, as a baseline; O(n²).
 * - `first`: objects 0 to k − 1.
 * - or the row numbers themselves, from 0.
 */
export type Init = 'random' | 'build' | 'lab' | 'k-medoids++' | 'park-jun' | 'first' | ArrayLike<number>

export const inits = ['random', 'build', 'lab', 'k-medoids++', 'park-jun', 'first'] as const

/** @param pause called between pieces of work */
export async function initialMedoids(
  space: Workspace,
  init: Init,
  random: Random,
  pause: () => Promise<void> | undefined = () => undefined,
  ties: 'first' | 'last' = 'first',
): Promise<number[]> {
  const { candidates, k } = space
  const order = space.order()
  for (let position = 0; position < candidates; position++) order[position] = position
  switch (init) {
    case 'random':
      return random.sample(k, candidates)
    case 'first':
      return Array.from({ length: k }, (_, slot) => slot)
    case 'build':
      return build(space, pause, ties)
    case 'lab':
      return lab(space, random, pause)
    case 'k-medoids++':
      return plusPlus(space, random, pause)
    case 'park-jun':
      return parkJun(space, pause)
  }
  if (typeof init === 'string')
    throw new InputError('init', `'${init}'`, `one of ${inits.join(', ')}, or k row numbers`)
  return given(init, candidates, k)
}

function given(init: ArrayLike<number>, n: number, k: number): number[] {
  const medoids = Array.from(init)
  if (medoids.length !== k) throw new InputError('init', `${medoids.length} row numbers`, `k = ${k} row numbers`)
  for (const [slot, row] of medoids.entries()) {
    if (!Number.isInteger(row) || row < 0 || row >= n)
      throw new InputError('init', String(row), `row numbers from 0 to ${n - 1}`)
    if (medoids.indexOf(row) < slot) throw new InputError('init', `${row} twice`, 'different row numbers')
  }
  return medoids
}

async function build(
  space: Workspace,
  pause: () => Promise<void> | undefined,
  ties: 'first' | 'last',
): Promise<number[]> {
  const { engine, candidates, k } = space
  const medoids = [leastOf(await space.rowSums(pause), ties)]
  const chosen = new Set(medoids)
  space.dn().fill(Infinity)
  engine.lowerTo(await space.rowOf(medoids[0]))
  while (medoids.length < k) {
    const gains = await space.gains(pause)
    for (const medoid of medoids) gains[medoid] = Infinity
    const best = leastOf(gains, ties)
    // Nothing helps any more: what is left has copies among the medoids.
    if (!(gains[best] < 0)) break
    medoids.push(best)
    chosen.add(best)
    engine.lowerTo(await space.rowOf(best))
  }
  for (let object = 0; medoids.length < k && object < candidates; object++)
    if (!chosen.has(object)) medoids.push(object)
  return medoids
}

async function lab(space: Workspace, random: Random, pause: () => Promise<void> | undefined): Promise<number[]> {
  const { n, k, weights } = space
  const nearest = new Float32Array(n).fill(Infinity)
  const medoids: number[] = []
  const chosen = new Set<number>()
  while (medoids.length < k) {
    const wanted = Math.min(10 + Math.ceil(Math.sqrt(n)), n - medoids.length)
    const sample = random.sample(Math.min(n, wanted + medoids.length), n).filter(object => !chosen.has(object))
    sample.length = Math.min(sample.length, wanted)
    const distances = await space.between(sample, sample)
    let best = sample[0]
    let least = Infinity
    for (const [row, candidate] of sample.entries()) {
      let sum = 0
      for (const [column, object] of sample.entries())
        sum += (weights?.[object] ?? 1) * Math.min(distances[row * sample.length + column], nearest[object])
      if (sum < least) {
        least = sum
        best = candidate
      }
    }
    medoids.push(best)
    chosen.add(best)
    const row = space.values(await space.rowOf(best))
    for (let object = 0; object < n; object++) nearest[object] = Math.min(nearest[object], row[object])
    await pause()
  }
  return medoids
}

async function plusPlus(space: Workspace, random: Random, pause: () => Promise<void> | undefined): Promise<number[]> {
  const { n, k, weights } = space
  const nearest = new Float32Array(n).fill(Infinity)
  const medoids = [random.integer(n)]
  const chosen = new Set(medoids)
  for (;;) {
    const row = space.values(await space.rowOf(medoids.at(-1)!))
    let sum = 0
    for (let object = 0; object < n; object++) {
      nearest[object] = Math.min(nearest[object], row[object])
      if (!chosen.has(object)) sum += (weights?.[object] ?? 1) * nearest[object]
    }
    if (medoids.length === k) return medoids
    let left = random.next() * sum
    let drawn = -1
    for (let object = 0; object < n; object++) {
      if (chosen.has(object)) continue
      const share = (weights?.[object] ?? 1) * nearest[object]
      // Objects that cost nothing are drawn only where all do.
      if (drawn < 0 || share > 0) drawn = object
      left -= share
      if (left < 0) break
    }
    medoids.push(drawn)
    chosen.add(drawn)
    await pause()
  }
}

async function parkJun(space: Workspace, pause: () => Promise<void> | undefined): Promise<number[]> {
  const { n, k } = space
  // Σ_l d_ol for each object o; zero only where all objects are the same.
  const sums = (await space.rowSums(pause)).slice()
  const scores = (
    await space.rowSums(
      pause,
      sums.map(sum => (sum > 0 ? 1 / sum : 0)),
    )
  ).slice()
  return Array.from({ length: n }, (_, object) => object)
    .sort((a, b) => scores[a] - scores[b] || a - b)
    .slice(0, k)
}
