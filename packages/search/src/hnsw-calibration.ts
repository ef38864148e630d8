/** Which recall candidates on the walk give, measured on an index. */
import { breathe, InputError, type LongCall, type Matrix, random } from '@offprint/kernels'
import { type HnswGraph, none } from './hnsw-graph.ts'
import type { Calibration } from './hnsw-options.ts'

const calibrated = {
  neighbours: [1, 10, 100],
  efs: [10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 896, 1280],
  /** Above it no more candidates are tried. */
  enough: 0.9995,
}

/**
 * Measures which recall candidates give.
 * @param given queries, m × d; otherwise rows of the index ask for their own neighbours, going round themselves
 */
export async function measureRecall(
  graph: HnswGraph,
  { given, sample, signal, onProgress }: { given?: Matrix; sample: number } & LongCall,
): Promise<Calibration> {
  const own: number[] = []
  if (!given) {
    // Nodes that stand for one row only, and are not where every walk begins.
    const nodes = graph.nodes()
    const several = new Set<number>()
    if (nodes) for (const [row, node] of nodes.entries()) if (row !== node) several.add(node)
    for (const row of random(graph.settings.seed, 2).sample(Math.min(graph.count, 2 * sample), graph.count))
      if (
        own.length < sample &&
        graph.isThere(row) &&
        graph.levelOf(row) >= 0 &&
        row !== graph.entry &&
        !several.has(row)
      )
        own.push(row)
  }
  const asked = given ? Math.min(sample, given.rows) : own.length
  const query = (at: number) =>
    given ? given.data.subarray(at * graph.dimension, (at + 1) * graph.dimension) : graph.vector(own[at])
  const others = graph.size - (given ? 0 : 1)
  const most = Math.min(others, Math.max(...calibrated.neighbours))
  const hits = calibrated.neighbours.map(() => new Float64Array(calibrated.efs.length))
  if (asked && most > 0)
    for (let at = 0; at < asked; at++) {
      const points = { data: query(at), rows: 1, columns: graph.dimension }
      const truth = await truthOf(graph, points, most, own[at])
      for (const [step, ef] of calibrated.efs.entries()) {
        const call = graph.begin(points, Math.min(most, ef))
        graph.search(call, Math.min(ef, Math.max(1, graph.count)), 0, 1, given ? none : own[at])
        const { distances } = graph.found(call)
        graph.end(call)
        for (const [curve, k] of calibrated.neighbours.entries()) {
          const wanted = Math.min(k, most)
          const limit = truth[wanted - 1] * (1 + 1e-6) + 1e-30
          let found = 0
          while (found < Math.min(wanted, distances.length) && distances[found] <= limit) found++
          hits[curve][step] += found / wanted
        }
      }
      onProgress?.(at + 1, asked)
      await breathe(signal)
    }
  return {
    queries: asked,
    curves: calibrated.neighbours.map((k, curve) => {
      const points: [number, number][] = []
      for (const [step, ef] of calibrated.efs.entries()) {
        if (ef < k) continue
        const recall = asked ? hits[curve][step] / asked : 1
        // More candidates never find less but by chance.
        points.push([ef, Math.max(recall, points.at(-1)?.[1] ?? 0)])
        if (recall >= calibrated.enough) break
      }
      return { k, points }
    }),
  }
}

/** Distances of the rows that are really nearest, but for one. */
async function truthOf(graph: HnswGraph, points: Matrix, k: number, except: number | undefined): Promise<Float32Array> {
  const call = graph.begin(points, Math.min(graph.size, k + (except === undefined ? 0 : 1)))
  try {
    await graph.scan(call, {})
    const { rows, distances } = graph.found(call)
    return except === undefined ? distances : distances.filter((_, at) => rows[at] !== except)
  } finally {
    graph.end(call)
  }
}

/** Candidates that gave a recall when it was measured. @throws InputError where it was not */
export function efFor(calibration: Calibration | undefined, k: number, recall: number): number {
  if (!(recall > 0 && recall <= 1)) throw new InputError('recall', String(recall), 'above 0 and at most 1')
  if (!calibration)
    throw new InputError('recall', String(recall), 'left out until calibrate() has measured what ef gives which recall')
  const { curves } = calibration
  const curve = curves.find(curve => curve.k >= k) ?? curves.at(-1)!
  // Of more neighbours than were measured, as many times the candidates.
  const times = Math.max(1, k / curve.k)
  const { points } = curve
  const next = points.findIndex(([, measured]) => measured >= recall)
  if (next < 0) return Math.ceil(points.at(-1)![0] * times)
  if (next === 0) return Math.ceil(points[0][0] * times)
  const [[ef0, recall0], [ef1, recall1]] = [points[next - 1], points[next]]
  const share = (recall - recall0) / (recall1 - recall0)
  return Math.ceil(ef0 * (ef1 / ef0) ** share * times)
}

/** Whether a file's calibration can be one. */
export function isCalibration({ queries, curves }: Calibration): boolean {
  return (
    queries >= 0 &&
    curves.length > 0 &&
    curves.every(
      ({ k, points }) =>
        k > 0 && points.length > 0 && points.every(([ef, recall]) => ef > 0 && recall >= 0 && recall <= 1),
    )
  )
}
