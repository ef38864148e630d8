import { saveHnsw } from '@offprint/search/node'
import { type Block, defineMethod, z } from '../define.ts'
import { healthOf } from './health.ts'
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
      ...healthOf(index),
    ]
  },
})

function metric(name: string, title: string, value: number, unit?: string): Block {
  return { type: 'metric', name, title, value, ...(unit && { unit }) }
}
