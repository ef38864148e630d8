import type { Hnsw, HnswId } from '@offprint/search'
import { openHnsw } from '@offprint/search/node'
import { type Block, defineMethod, InputError, input, z } from '../define.ts'
import type { InputFile } from '../input.ts'
import { healthOf } from './health.ts'
import { places } from './places.ts'
import { amount, askForGraph, askForIndex, askForVectors, buildOrOpen } from './vectors.ts'

export const check = defineMethod({
  title: 'Check an index',
  description:
    'Reads an index whole, with all its checksums, and says how healthy its graph is: nodes that cannot be found, hubs, deleted rows, and the recall that walks of different widths reach, measured by letting its own rows look for their neighbours.',
  effort: 'quick',
  example: { vectors: places },
  input: z
    .object({
      index: askForIndex,
      file: input
        .file({ label: 'or an index file', hint: 'As saveHnsw of @offprint/search wrote it.', accept: ['.hnsw'] })
        .optional(),
      vectors: askForVectors.optional(),
      sample: input.number({
        label: 'Rows that look for their neighbours',
        hint: 'More make the recall surer, and take longer.',
        integer: true,
        min: 10,
        max: 10_000,
        default: 200,
      }),
      ...askForGraph,
    })
    .superRefine(
      input.checked(({ index, file, vectors }) => {
        const given = [index, file, vectors].filter(Boolean).length
        if (given !== 1)
          throw new InputError('index', given ? 'several' : 'nothing', 'one of an index, an index file, or vectors')
      }),
    ),
  async run(given, context): Promise<Block[]> {
    const index: Hnsw<HnswId> = given.file
      ? openFile(given.file)
      : ((await buildOrOpen(given, context)).index as unknown as Hnsw<HnswId>)
    const stats = index.stats()
    const { size, deleted, holes, bytes } = stats
    const curves = size
      ? (
          await index.calibrate({
            sample: given.sample,
            signal: context.signal,
            onProgress: (done, total) => context.progress(done, total, 'Measuring recall'),
          })
        ).curves
      : []
    const share = deleted / Math.max(1, size + deleted + holes)
    return [
      { type: 'metric', name: 'rows', title: 'Rows', value: size },
      { type: 'metric', name: 'dimension', title: 'Dimension', value: stats.dimension },
      {
        type: 'metric',
        name: 'deleted',
        title: 'Deleted rows still in the graph',
        value: deleted,
        note:
          share > 0.2 ? 'More than a fifth: compact() gives their memory back and makes searches quicker.' : undefined,
      },
      {
        type: 'metric',
        name: 'bytesPerVector',
        title: 'Memory a vector',
        value: size ? bytes.total / size : null,
        unit: 'bytes',
      },
      ...healthOf(index),
      {
        type: 'series',
        name: 'recall',
        title: 'Recall by the width of the walk',
        note: 'Rows look for their own neighbours, going round themselves. Queries of another kind than the rows find less.',
        x: { label: 'efSearch', scale: 'log' },
        y: { label: 'recall' },
        series: curves.map(({ k, points }) => ({
          name: `${amount(k)} ${k === 1 ? 'neighbour' : 'neighbours'}`,
          points,
        })),
      },
    ]
  },
})

/** @throws InputError that names the file, where it is none that can be opened */
function openFile({ name, path }: InputFile): Hnsw<HnswId> {
  try {
    return openHnsw<HnswId>(path)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    throw new InputError(
      'file',
      error.found,
      error.expected,
      error.message.replace(/^index: the file/, `file: ${name}`),
    )
  }
}
