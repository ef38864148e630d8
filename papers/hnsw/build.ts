import { saveHnsw } from '@offprint/search/node'
import { type Block, defineMethod, z } from '../define.ts'
import { places } from './places.ts'
import { askForGraph, askForVectors, buildOrOpen, indexArtefact } from './vectors.ts'

export const build = defineMethod({
  title: 'Build an index',
  description:
    'Links vectors into a navigable graph and keeps it as a file, which later runs and your own code can search. Shows what the graph is made of.',
  effort: 'quick',
  example: { vectors: places },
  input: z.object({ vectors: askForVectors, ...askForGraph }),
  async run(given, context): Promise<Block[]> {
    const { index, buildSeconds } = await buildOrOpen(given, context)
    const stats = index.stats()
    context.progress(1, 1, 'Writing the file')
    await saveHnsw(index, context.output('vectors.hnsw'))
    const degrees = new Uint32Array(stats.size)
    for (let id = 0; id < stats.size; id++) for (const to of index.linksOf(id)) degrees[to]++
    const megabytes = (bytes: number) => bytes / 1e6
    return [
      metric('rows', 'Rows', stats.size),
      metric('dimension', 'Dimension', stats.dimension),
      metric('buildSeconds', 'Build time', buildSeconds!, 's'),
      metric('bytesPerVector', 'Memory a vector', stats.size ? stats.bytes.total / stats.size : 0, 'bytes'),
      metric('meanLinks', 'Links a node on the ground', stats.meanLinks),
      {
        type: 'file',
        name: 'index',
        title: 'The index',
        note: 'Give this run’s id to search or sweep as index, or open the file with openHnsw of @offprint/search/node.',
        file: 'vectors.hnsw',
        mediaType: 'application/octet-stream',
        artefact: indexArtefact,
      },
      {
        type: 'bars',
        name: 'memory',
        title: 'What the memory holds',
        note: stats.codes === 'i8' ? 'The walk reads codes and links; the vectors only rank what it found.' : undefined,
        y: { label: 'MB' },
        bars: [
          { label: 'vectors', value: megabytes(stats.bytes.vectors) },
          { label: 'codes', value: megabytes(stats.bytes.codes) },
          { label: 'links', value: megabytes(stats.bytes.links) },
          { label: 'marks and other', value: megabytes(stats.bytes.other + stats.bytes.scratch) },
        ],
      },
      {
        type: 'bars',
        name: 'levels',
        title: 'Nodes by their highest layer',
        note: 'Each layer should hold about 1/M of the one below. Equal rows share a node.',
        y: { label: 'nodes' },
        bars: stats.nodesByLevel.map((nodes, level) => ({ label: `layer ${level}`, value: nodes })),
      },
      {
        type: 'series',
        name: 'inDegrees',
        title: 'How many nodes link to a node',
        note: 'On the ground layer. Nodes with very few are hard to find, nodes with very many are hubs.',
        x: { label: 'links to a node' },
        y: { label: 'nodes' },
        series: [{ name: 'nodes', points: histogram(degrees) }],
      },
    ]
  },
})

function metric(name: string, title: string, value: number, unit?: string): Block {
  return { type: 'metric', name, title, value, ...(unit && { unit }) }
}

function histogram(degrees: Uint32Array): [number, number][] {
  const counts = new Map<number, number>()
  for (const degree of degrees) counts.set(degree, (counts.get(degree) ?? 0) + 1)
  return [...counts].sort((a, b) => a[0] - b[0])
}
