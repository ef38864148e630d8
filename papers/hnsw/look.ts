import { project } from '@offprint/clustering'
import { dissimilarity, type Matrix, matrix, random } from '@offprint/kernels'
import { Hnsw } from '@offprint/search'
import { type Block, defineMethod, type GraphBlock, input, z } from '../define.ts'
import type { Vectors } from '../input.ts'
import { places, viewpoints } from './places.ts'
import { amount, askForGraph, askForQueries, askForVectors, requireSameColumns } from './vectors.ts'

/** Nodes of the picture. */
const mostRows = 2000
/** Steps of the picture: more would not be followed. */
const mostSteps = 300
/** A layer's plane leans so far to the side, and takes so much of the height that a layer has. */
const [lean, depth] = [0.25, 0.7]

export const look = defineMethod({
  title: 'Look inside',
  description:
    'Draws the layers of the graph, and the way of one search through them, step by step: long steps above, then the careful walk on the ground.',
  effort: 'quick',
  example: { vectors: places, queries: viewpoints, M: 4, efSearch: 6 },
  input: z
    .object({
      vectors: askForVectors,
      queries: input
        .vectors({
          ...askForQueries,
          label: 'Query',
          hint: 'The first row is looked for; left out, a row of the vectors by lot.',
        })
        .optional(),
      efSearch: input.number({ label: 'efSearch, width of the walk', integer: true, min: 1, max: 500, default: 10 }),
      ...askForGraph,
    })
    .superRefine(input.checked(given => requireSameColumns(given.vectors, given.queries))),
  async run({ vectors: all, queries, efSearch, ...graph }, context): Promise<Block[]> {
    const { seed, signal } = context
    const { vectors, drawn } = some(all, seed)
    const { rows, columns } = vectors
    const labels = Array.from(drawn, row => all.labels?.[row] ?? `row ${row}`)
    const index = await Hnsw.build(vectors, { ...graph, seed, signal })
    const chosen = random(seed, 7).integer(rows)
    const query = queries
      ? queries.data.slice(0, columns)
      : vectors.data.slice(chosen * columns, (chosen + 1) * columns)
    const title = queries ? (queries.labels?.[0] ?? 'the query') : labels[chosen]
    index.takeCounts()
    const hops = index.pathOf(query, { ef: efSearch })
    const { distances: compared } = index.takeCounts()
    const nearest = index.search(query, Math.min(10, rows), { ef: efSearch })
    const levels = (index.entryPoint()?.level ?? 0) + 1

    // The query has its place beside the rows.
    const data = new Float32Array((rows + 1) * columns)
    data.set(vectors.data)
    data.set(query, rows * columns)
    const place = columns === 2 ? { data } : await project(matrix(rows + 1, columns, data), { signal })
    const plane = planeOf(place.data)
    const steps = stepsOf(index, hops.slice(0, mostSteps))
    const distanceTo = (id: number) =>
      graph.metric === 'ip'
        ? 1 - index.innerProducts([id], query)[0]
        : dissimilarity(
            vectors.data.subarray(id * columns, (id + 1) * columns),
            query,
            graph.metric === 'l2' ? 'sqeuclidean' : 'cosine',
          )
    const path = steps.map(({ from, id, layer }) => ({
      from: from ?? nodeId(id, layer),
      to: nodeId(id, layer),
      label: `${labels[id]}, layer ${layer}, at ${+distanceTo(id).toPrecision(4)}`,
    }))
    const ground = hops.filter(({ layer }) => !layer).length
    return [
      { type: 'metric', name: 'hopsAbove', title: 'Steps on the layers above', value: hops.length - ground },
      {
        type: 'metric',
        name: 'hops',
        title: 'Steps on the ground',
        value: ground,
        note: 'nodes whose links were followed',
      },
      { type: 'metric', name: 'compared', title: 'Vectors compared', value: compared, note: `of ${amount(rows)}` },
      ...(all.rows > rows
        ? [
            {
              type: 'markdown' as const,
              name: 'note',
              title: 'Note',
              text: `The picture is of ${amount(rows)} of the ${amount(all.rows)} rows, drawn by lot.`,
            },
          ]
        : []),
      {
        type: 'graph',
        name: 'layers',
        title: `The way of a search for ${title}`,
        note: `The ground layer is below, the others above it, each with about 1/${graph.M} of the nodes. ${columns === 2 ? '' : 'Placed by principal components: what is near here need not be near. '}Ringed are the nodes whose links were followed${hops.length > mostSteps ? `, the first ${mostSteps}` : ''}.`,
        nodes: [
          ...nodesOf(index, levels, plane, place.data, labels),
          { id: 'query', label: title, group: 'query', ...plane(place.data[2 * rows], place.data[2 * rows + 1], 0) },
        ],
        edges: edgesOf(index, levels),
        path,
      },
      {
        type: 'table',
        name: 'found',
        title: 'What was found',
        columns: [
          { name: 'rank', type: 'integer' },
          { name: 'row', type: 'integer', title: 'row (from 0)' },
          { name: 'name', type: 'text' },
          { name: 'distance', type: 'number' },
        ],
        rows: Array.from(nearest.ids, (id, rank) => [rank + 1, drawn[id], labels[id], nearest.distances[rank]]),
      },
      {
        type: 'table',
        name: 'steps',
        title: 'The steps',
        columns: [
          { name: 'step', type: 'integer' },
          { name: 'layer', type: 'integer' },
          { name: 'row', type: 'integer', title: 'row (from 0)' },
          { name: 'name', type: 'text' },
          { name: 'distance', type: 'number', title: 'distance to the query' },
        ],
        rows: hops.map(({ id, layer }, step) => [step + 1, layer, drawn[id], labels[id], distanceTo(id)]),
      },
    ]
  },
})

const nodeId = (id: number, layer: number) => `${layer}:${id}`

/** At most `mostRows` of the vectors, by lot, in their order, and which rows these are. */
function some(vectors: Vectors, seed: number): { vectors: Matrix; drawn: Uint32Array } {
  const { rows, columns, data } = vectors
  if (rows <= mostRows) return { vectors, drawn: Uint32Array.from({ length: rows }, (_, row) => row) }
  const drawn = Uint32Array.from(random(seed, 6).sample(mostRows, rows)).sort()
  const kept = matrix(mostRows, columns)
  for (const [at, row] of drawn.entries())
    kept.data.set(data.subarray(row * columns, (row + 1) * columns), at * columns)
  return { vectors: kept, drawn }
}

/** Every node on each of its layers. */
function nodesOf(
  index: Hnsw,
  levels: number,
  plane: Plane,
  place: ArrayLike<number>,
  labels: string[],
): GraphBlock['nodes'] {
  const nodes: GraphBlock['nodes'] = []
  for (let layer = 0; layer < levels; layer++)
    for (const id of index.ids())
      if (index.levelOf(id) >= layer)
        nodes.push({
          id: nodeId(id, layer),
          label: labels[id],
          group: `layer ${layer}`,
          ...plane(place[2 * id], place[2 * id + 1], layer),
        })
  return nodes
}

/** Links of each layer, once where both link to each other. */
function edgesOf(index: Hnsw, levels: number): GraphBlock['edges'] {
  const edges: GraphBlock['edges'] = []
  for (let layer = 0; layer < levels; layer++)
    for (const id of index.ids())
      for (const to of index.linksOf(id, layer))
        if (id < to || !index.linksOf(to, layer).includes(id))
          edges.push({ from: nodeId(id, layer), to: nodeId(to, layer) })
  return edges
}

/** From which node a step leads: one before it that links to it, or the same node one layer above. */
function stepsOf(index: Hnsw, hops: { id: number; layer: number }[]): { from?: string; id: number; layer: number }[] {
  return hops.map(({ id, layer }, at) => {
    const before = hops.slice(0, at).findLast(hop => hop.layer === layer && index.linksOf(hop.id, layer).includes(id))
    const above = at && hops[at - 1].layer > layer ? hops[at - 1] : undefined
    return { from: before ? nodeId(before.id, layer) : above && nodeId(above.id, above.layer), id, layer }
  })
}

type Plane = (x: number, y: number, layer: number) => { x: number; y: number }

/** Places on the layers' planes, seen from the side. @param place pairs of coordinates, all of which lie on them */
function planeOf(place: ArrayLike<number>): Plane {
  const [low, high] = [
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ]
  for (let at = 0; at < place.length; at++) {
    low[at % 2] = Math.min(low[at % 2], place[at])
    high[at % 2] = Math.max(high[at % 2], place[at])
  }
  const part = (value: number, axis: number) => (value - low[axis]) / (high[axis] - low[axis] || 1)
  return (x, y, layer) => ({ x: part(x, 0) + lean * part(y, 1), y: layer + depth * part(y, 1) })
}
