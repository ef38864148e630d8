import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  agglomerative,
  completeRows,
  copheneticCorrelation,
  dbscan,
  dynMsc,
  fastClarans,
  fasterClara,
  fasterMsc,
  fasterPam,
  gower,
  hdbscan,
  linkages,
  oneBatchPam,
  pamSil,
  resizeMedoids,
  silhouette,
} from '@offprint/clustering'
import { dissimilarities, matrix, precomputed, random } from '@offprint/kernels'
import { condensedTree } from '../src/condensed-tree.ts'

test('what was cancelled before it began is not begun, however little it is', async () => {
  const reason = new Error('enough')
  const signal = AbortSignal.abort(reason)
  const points = matrix(6, 1, Float32Array.of(0, 1, 2, 10, 11, 12))
  const distances = await dissimilarities(points)
  const tree = await agglomerative(points)
  const calls: Promise<unknown>[] = [
    copheneticCorrelation(tree, points, { signal }),
    gower([{ kind: 'number', values: [1, 2] }], { signal }),
    silhouette(distances, [0, 0, 0, 1, 1, 1], { signal }),
    resizeMedoids(distances, [0], 2, { signal }),
    completeRows(points, 'nearest', { signal }),
    precomputed(matrix(2, 2), { signal }),
  ]
  for (const data of [points, distances]) {
    calls.push(...linkages.map(linkage => agglomerative(data, { linkage, signal })))
    calls.push(dbscan(data, { eps: 1, minPts: 2, signal }), hdbscan(data, { minPts: 2, signal }))
    for (const search of [fasterPam, fasterMsc, fasterClara, fastClarans, oneBatchPam, pamSil])
      calls.push(search(data, { k: 2, signal }))
    calls.push(dynMsc(data, { kMax: 3, signal }))
  }
  for (const ended of await Promise.allSettled(calls)) assert.equal(ended.status === 'rejected' && ended.reason, reason)
})

test('filling cells and condensing a tree let the event loop run, and end when they are told to', async () => {
  const gaps = matrix(
    100_000,
    20,
    Float32Array.from({ length: 2_000_000 }, (_, at) => (at % 7 ? at % 100 : NaN)),
  )
  const { next } = random(1)
  const n = 200_000
  const path = {
    from: Uint32Array.from({ length: n - 1 }, (_, at) => at),
    to: Uint32Array.from({ length: n - 1 }, (_, at) => at + 1),
    lengths: Float64Array.from({ length: n - 1 }, next),
  }
  const calls: ((signal: AbortSignal) => Promise<unknown>)[] = [
    signal => completeRows(gaps, 'median', { signal }),
    signal => condensedTree(path, n, { minClusterSize: 5, allowSingle: false, simultaneous: false, signal }),
  ]
  for (const call of calls) {
    const reason = new Error('enough')
    const controller = new AbortController()
    setImmediate(() => controller.abort(reason))
    await assert.rejects(call(controller.signal), reason)
  }
})
