/** Neighbours of rows by k-d trees in WebAssembly memory, in one thread or several. Exact. */
import {
  type Arena,
  arena,
  breathe,
  giveRows,
  InputError,
  instantiate,
  type LongCall,
  type Matrix,
  placeRows,
  type WorkerPool,
  workerPool,
} from '@offprint/kernels'
import { simd } from '../build/neighbours.js'
import type { SpanningTree } from './spanning-tree.ts'

interface Engine {
  threadBytes(columns: number, k: number): number
  bindTree(...numbers: number[]): void
  split(points: number, stride: number, keys: number, node: number, begin: number, end: number): void
  fillPanels(points: number, stride: number): void
  bindParents(parents: number): void
  bindReach(...numbers: number[]): void
  weighNodes(node: number, begin: number, end: number, fresh: boolean): void
  beginRound(): void
  endRound(chosen: number, edges: number, count: number): number
}

/** Rows in the order of a k-d tree: see assembly/neighbours.ts. */
export interface KdTree {
  arena: Arena
  engine: Engine
  rows: number
  columns: number
  measure: number
  panels: number
  /** Pointer to the row number of each place. */
  ids: number
  boxes: number
  nodes: number
}

export interface NeighbourOptions extends LongCall {
  pool?: WorkerPool
}

const pieceMs = 15
const none = 0xffffffff
const inThisThread = workerPool({ threads: 1 })

/** Memory for trees, that threads can work in where there are several. */
export function treeArena(bytes: number, pool?: WorkerPool): Arena {
  return arena(bytes, { shared: pool !== undefined && pool.threads > 1 })
}

/** Bytes that a tree takes, about. */
export function treeBytes(rows: number, columns: number): number {
  return 4 * rows * (3 * columns + 12) + 65_536
}

/** Sorts rows into a tree. O(n·d·log n). */
export async function kdTree(
  space: Arena,
  points: Matrix,
  measure: number,
  { signal }: LongCall = {},
): Promise<KdTree> {
  const { rows, columns } = points
  const engine = instantiate<Engine>(simd, space)
  const count = Math.ceil(rows / 16)
  const nodes = Math.max(1, 2 * count - 1)
  const panels = space.take(64 * count * columns)
  const ids = space.take(4 * rows)
  const boxes = space.take(nodes * 8 * Math.ceil(columns / 4) * 4)
  const placed = placeRows(space, points)
  const keys = space.take(4 * rows)
  new Uint32Array(space.memory.buffer, ids, rows).forEach((_, row, all) => {
    all[row] = row
  })
  engine.bindTree(columns, measure, rows, panels, ids, boxes)
  const open = [[0, 0, count]]
  let since = performance.now()
  while (open.length) {
    const [node, begin, end] = open.pop()!
    engine.split(placed.pointer, placed.bytes, keys, node, begin, end)
    const half = (end - begin) >> 1
    if (half) open.push([node + 1, begin, begin + half], [node + 2 * half, begin + half, end])
    if (performance.now() - since < pieceMs) continue
    await breathe(signal)
    since = performance.now()
  }
  engine.fillPanels(placed.pointer, placed.bytes)
  space.give(keys)
  giveRows(placed)
  return { arena: space, engine, rows, columns, measure, panels, ids, boxes, nodes }
}

/** Calls a kernel that takes panels of the rows that ask from a queue. */
async function ask(
  tree: KdTree,
  queries: KdTree,
  binds: { name: string; args: number[] }[],
  name: string,
  args: number[],
  { k = 0, pool = inThisThread, ...call }: NeighbourOptions & { k?: number },
): Promise<void> {
  const { arena: space, columns } = tree
  const total = Math.ceil(queries.rows / 16)
  if (!total) return
  const each = Math.ceil(tree.engine.threadBytes(columns, k) / 64) * 64
  const threads = space.shared ? pool.threads : 1
  const scratch = space.take(threads * each)
  // Few enough panels that a piece is short of 10 ms even where all rows have to be looked at.
  const piece = Math.max(
    1,
    Math.min(8, Math.floor(2 ** 22 / (16 * tree.rows * columns)), Math.floor(total / threads / 4)),
  )
  try {
    await pool.run(
      simd,
      space,
      ({ thread, queue }) => [
        { name: 'bindTree', args: [columns, tree.measure, tree.rows, tree.panels, tree.ids, tree.boxes] },
        { name: 'bindQueries', args: [queries.rows, queries.panels, queries.ids, scratch + thread * each] },
        ...binds,
        { name, args: [...args, piece, queue] },
      ],
      { total, ...call },
    )
  } finally {
    space.give(scratch)
  }
}

/** Calls a kernel that writes a number for each row that asks, and gives these back. */
async function answers<T>(
  space: Arena,
  bytes: number,
  work: (pointer: number) => Promise<void>,
  read: (pointer: number) => T,
): Promise<T> {
  const pointer = space.take(bytes)
  try {
    await work(pointer)
    return read(pointer)
  } finally {
    space.give(pointer)
  }
}

/**
 * Number of the k-th nearest row of a tree for each row of another (or the same, whose rows then count themselves): one of
 * those that are equally near, the same in any number of threads.
 */
export async function kthNearest(
  tree: KdTree,
  queries: KdTree,
  k: number,
  options: NeighbourOptions = {},
): Promise<Uint32Array> {
  return answers(
    tree.arena,
    4 * queries.rows,
    pointer => ask(tree, queries, [], 'nearestAll', [k, pointer], { ...options, k }),
    pointer => new Uint32Array(tree.arena.memory.buffer, pointer, queries.rows).slice(),
  )
}

/** How far rows may be apart to be neighbours. */
export interface Radius {
  /** As a measure. */
  limit: number
  /** Rows x and y may be farther apart than that by rounding·(‖x‖ + ‖y‖). */
  rounding: number
}

/** Whether rows of a weight of at least `least` are within a radius of each row. */
export async function haveNeighbours(
  tree: KdTree,
  radius: Radius,
  least: number,
  weights: Float64Array | undefined,
  options: NeighbourOptions = {},
): Promise<Uint8Array> {
  const { arena: space, rows } = tree
  const before = space.take(8 * (rows + 1))
  const sums = new Float64Array(space.memory.buffer, before, rows + 1)
  const order = idsOf(tree)
  // Memory that is taken holds what lay there before. A weight beyond `least` is enough in any case, and would cost the others digits.
  sums[0] = 0
  for (let at = 0; at < rows; at++) sums[at + 1] = sums[at] + (weights ? Math.min(weights[order[at]], least) : 1)
  try {
    return await answers(
      space,
      rows,
      pointer =>
        ask(
          tree,
          tree,
          [{ name: 'bindRadius', args: [radius.limit, radius.rounding, before] }],
          'countAll',
          [least, pointer],
          options,
        ),
      pointer => new Uint8Array(space.memory.buffer, pointer, rows).slice(),
    )
  } finally {
    space.give(before)
  }
}

/** The lowest number of a tree's row within a radius of each row that asks; −1 where there is none. */
export async function firstWithin(
  tree: KdTree,
  queries: KdTree,
  radius: Radius,
  options: NeighbourOptions = {},
): Promise<Int32Array> {
  return answers(
    tree.arena,
    4 * queries.rows,
    pointer =>
      ask(
        tree,
        queries,
        [{ name: 'bindRadius', args: [radius.limit, radius.rounding, 0] }],
        'firstAll',
        [pointer],
        options,
      ),
    pointer => new Int32Array(tree.arena.memory.buffer, pointer, queries.rows).slice(),
  )
}

/** Components of rows that are within a radius of each other; numbered by their first rows. */
export async function connectedWithin(
  tree: KdTree,
  radius: Radius,
  options: NeighbourOptions = {},
): Promise<{ components: Uint32Array; count: number }> {
  const { arena: space, rows, nodes } = tree
  const bytes = 4 * rows + nodes
  const parents = await answers(
    space,
    bytes,
    pointer => {
      firstNumbers(space, pointer, rows)
      new Uint8Array(space.memory.buffer, pointer + 4 * rows, nodes).fill(0)
      const binds = [
        { name: 'bindRadius', args: [radius.limit, radius.rounding, 0] },
        { name: 'bindParents', args: [pointer] },
        { name: 'bindConnected', args: [pointer + 4 * rows] },
      ]
      return ask(tree, tree, binds, 'connectAll', [], options)
    },
    pointer => new Uint32Array(space.memory.buffer, pointer, rows).slice(),
  )
  const order = idsOf(tree)
  const components = new Uint32Array(rows)
  // Parents have lower places.
  for (let at = 0; at < rows; at++) {
    parents[at] = parents[parents[at]]
    components[order[at]] = parents[at]
  }
  const numbers = new Map<number, number>()
  for (let row = 0; row < rows; row++) {
    const one = components[row]
    if (!numbers.has(one)) numbers.set(one, numbers.size)
    components[row] = numbers.get(one)!
  }
  return { components, count: numbers.size }
}

function firstNumbers(space: Arena, pointer: number, count: number): void {
  const numbers = new Uint32Array(space.memory.buffer, pointer, count)
  for (let at = 0; at < count; at++) numbers[at] = at
}

/** Row numbers in the order of the tree. */
function idsOf({ arena: space, ids, rows }: KdTree): Uint32Array {
  return new Uint32Array(space.memory.buffer, ids, rows)
}

/** Room for a search by mutual reachability. */
function reachRoom(tree: KdTree, queries: KdTree) {
  const { arena: space, rows, nodes } = tree
  const padded = 16 * Math.ceil(rows / 16)
  const asking = 16 * Math.ceil(queries.rows / 16)
  const sizes = [padded, asking, nodes, padded, nodes, asking, asking, padded]
  const pointer = space.take(4 * sizes.reduce((sum, one) => sum + one, 0))
  let next = pointer
  const parts = sizes.map(size => {
    const at = next
    next += 4 * size
    return at
  })
  const [cores, queryCores] = parts
  const [components, targets, distances] = [parts[3], parts[5], parts[6]]
  const set = (of: KdTree, values: Float64Array, at: number) => {
    const target = new Float32Array(space.memory.buffer, at, of.rows)
    for (const [place, row] of idsOf(of).entries()) target[place] = values[row]
  }
  return { pointer, parts, cores, queryCores, components, targets, distances, asking, set }
}

/**
 * The spanning tree of least length by mutual reachability, max(core, core, distance): Borůvka's method, as each component asks the
 * tree for its nearest other one (March, Ram and Gray 2010). O(n·log² n) where columns are few and rows not all alike; at worst
 * O(n²·d·log n).
 *
 * @param cores measures of all rows
 * @returns edges of which the lengths are left to be worked out
 */
export async function reachabilityTree(
  tree: KdTree,
  cores: Float64Array,
  { onProgress, ...options }: NeighbourOptions = {},
): Promise<Omit<SpanningTree, 'lengths'>> {
  const { arena: space, engine, rows } = tree
  const room = reachRoom(tree, tree)
  const parents = space.take(4 * rows)
  const chosen = space.take(4 * rows)
  const edges = space.take(8 * rows)
  try {
    room.set(tree, cores, room.cores)
    room.set(tree, cores, room.queryCores)
    const { buffer } = space.memory
    // What is known of a row's nearest at first.
    new Float32Array(buffer, room.distances, rows).set(new Float32Array(buffer, room.cores, rows))
    new Uint32Array(buffer, room.targets, rows).fill(none)
    firstNumbers(space, parents, rows)
    firstNumbers(space, room.components, rows)
    engine.bindReach(...room.parts)
    engine.bindParents(parents)
    engine.weighNodes(0, 0, Math.ceil(rows / 16), true)
    let count = 0
    while (count < rows - 1) {
      engine.beginRound()
      await ask(tree, tree, [{ name: 'bindReach', args: room.parts }], 'reachAll', [1], options)
      count = engine.endRound(chosen, edges, count)
      onProgress?.(count, rows - 1)
    }
    const pairs = new Uint32Array(space.memory.buffer, edges, 2 * (rows - 1))
    return {
      from: Uint32Array.from({ length: rows - 1 }, (_, edge) => pairs[2 * edge]),
      to: Uint32Array.from({ length: rows - 1 }, (_, edge) => pairs[2 * edge + 1]),
    }
  } finally {
    for (const pointer of [edges, chosen, parents, room.pointer]) space.give(pointer)
  }
}

/**
 * For each row that asks, the tree's row that is nearest by mutual reachability.
 * @param cores measures of the tree's rows
 * @param queryCores of those that ask
 */
export async function nearestReachable(
  tree: KdTree,
  queries: KdTree,
  cores: Float64Array,
  queryCores: Float64Array,
  options: NeighbourOptions = {},
): Promise<Uint32Array> {
  const { arena: space, engine, rows } = tree
  const room = reachRoom(tree, queries)
  try {
    room.set(tree, cores, room.cores)
    room.set(queries, queryCores, room.queryCores)
    new Uint32Array(space.memory.buffer, room.targets, room.asking).fill(none)
    firstNumbers(space, room.components, rows)
    engine.bindReach(...room.parts)
    engine.weighNodes(0, 0, Math.ceil(rows / 16), true)
    await ask(tree, queries, [{ name: 'bindReach', args: room.parts }], 'reachAll', [0], options)
    const found = new Uint32Array(queries.rows)
    const targets = new Uint32Array(space.memory.buffer, room.targets, queries.rows)
    const [own, others] = [idsOf(tree), idsOf(queries)]
    for (let at = 0; at < queries.rows; at++) found[others[at]] = own[targets[at]]
    return found
  } finally {
    space.give(room.pointer)
  }
}

/** @throws InputError unless rows have as many columns as a model's */
export function requireColumns({ columns }: Matrix, wanted: number): void {
  if (columns !== wanted)
    throw new InputError('points', `${columns} columns`, `${wanted} columns, as the clustered rows have`)
}
