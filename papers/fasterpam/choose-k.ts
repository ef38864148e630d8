import { dynMsc, fasterPam, type KMedoids } from '@offprint/clustering'
import { type Block, defineMethod, InputError, input, z } from '../define.ts'
import { exampleTable } from './cluster.ts'
import { askForPoints, askForStart, compare, readObjects, requireAllPairs, requireK } from './points.ts'

export const chooseK = defineMethod({
  title: 'Choose k',
  description:
    'Clusters the data for each k of a range, and shows the total deviation and the medoid silhouette over k. The k with the highest medoid silhouette is a good first choice; look at the curve before you take it.',
  effort: 'quick',
  example: { table: exampleTable, kMin: 2, kMax: 15, restarts: 10 },
  input: z
    .object({
      table: askForPoints.table,
      vectors: askForPoints.vectors,
      kMin: input.number({ label: 'Smallest k', integer: true, min: 2, default: 2 }),
      kMax: input.number({ label: 'Largest k', integer: true, min: 2, max: 1000, default: 15 }),
      search: input.choice(['fasterpam', 'dynmsc'], {
        label: 'Search',
        hint: 'fasterpam: each k by itself, for short distances. dynmsc: from the largest k down, for a high medoid silhouette.',
      }),
      columns: askForPoints.columns,
      metric: askForPoints.metric,
      standardize: askForPoints.standardize,
      precomputed: askForPoints.precomputed,
      ...askForStart,
    })
    .superRefine(
      input.checked(given => {
        const { count } = readObjects(given)
        requireAllPairs(given, count)
        requireK('kMin', given.kMin, count)
        requireK('kMax', given.kMax, count)
        if (given.kMax < given.kMin) throw new InputError('kMax', String(given.kMax), `at least kMin (${given.kMin})`)
      }),
    ),
  async run(given, context): Promise<Block[]> {
    const objects = readObjects(given)
    const distances = await compare(objects, given, context)
    const curve: { k: number; objective: number; fit: number; swaps: number | null }[] = []
    const notes = new Set<string>()
    const options = {
      init: given.init,
      restarts: given.restarts,
      seed: context.seed,
      signal: context.signal,
    }
    const note = ({ k, notes: all }: KMedoids) => all.forEach(one => void notes.add(`k = ${k}: ${one}`))
    if (given.search === 'dynmsc') {
      const onProgress = (done: number, total: number) => context.progress(done, total, 'Dropping medoids')
      const found = await dynMsc(distances, { ...options, kMin: given.kMin, kMax: given.kMax, onProgress })
      note(found)
      for (const { k, deviation, medoidSilhouette } of found.curve)
        curve.push({ k, objective: deviation, fit: medoidSilhouette, swaps: null })
    } else
      for (let k = given.kMin; k <= given.kMax; k++) {
        context.progress(k - given.kMin, given.kMax - given.kMin + 1, 'Clustering for each k')
        const found = await fasterPam(distances, { ...options, k })
        note(found)
        curve.push({ k, objective: found.deviation, fit: found.medoidSilhouette, swaps: found.swaps })
      }
    const best = curve.reduce((one, other) => (other.fit > one.fit ? other : one))
    const suggestion =
      best.k === given.kMax
        ? 'the medoid silhouette is still rising at the largest k: try more'
        : 'highest medoid silhouette'
    return [
      { type: 'metric', name: 'k', title: 'Suggested k', value: best.k, note: suggestion },
      { type: 'metric', name: 'medoidSilhouette', title: 'Medoid silhouette there', value: best.fit },
      {
        type: 'series',
        name: 'medoidSilhouettes',
        title: 'Medoid silhouette over k',
        x: { label: 'k' },
        y: { label: 'medoid silhouette' },
        series: [{ name: 'medoid silhouette', points: curve.map(({ k, fit }) => [k, fit]) }],
        marks: [{ x: best.k, y: best.fit, label: `k = ${best.k}` }],
      },
      {
        type: 'series',
        name: 'objectives',
        title: 'Total deviation over k',
        note: 'It falls with k; a bend shows where more clusters stop helping.',
        x: { label: 'k' },
        y: { label: 'total deviation' },
        series: [{ name: 'total deviation', points: curve.map(({ k, objective }) => [k, objective]) }],
      },
      {
        type: 'table',
        name: 'curve',
        title: 'Figures for each k',
        columns: [
          { name: 'k', type: 'integer' },
          { name: 'objective', type: 'number', title: 'total deviation' },
          { name: 'medoidSilhouette', type: 'number', title: 'medoid silhouette' },
          { name: 'swaps', type: 'integer' },
        ],
        rows: curve.map(({ k, objective, fit, swaps }) => [k, objective, fit, swaps]),
      },
      ...(notes.size
        ? [
            {
              type: 'markdown' as const,
              name: 'notes',
              title: 'Notes',
              text: [...notes].map(note => `- ${note}`).join('\n'),
            },
          ]
        : []),
    ]
  },
})
