import { dynMsc, fasterPam, type KMedoids } from '@offprint/clustering'
import { workerPool } from '@offprint/kernels'
import { type Block, defineMethod, InputError, input, type SeriesBlock, z } from '../define.ts'
import { exampleTable } from './cluster.ts'
import { medoidSilhouetteOf, silhouettesOf } from './fit.ts'
import {
  askForPoints,
  askForStart,
  columnsBlock,
  compare,
  metricOf,
  readObjects,
  requireAllPairs,
  requireK,
} from './points.ts'

/** Largest k where none is given; half of the rows where they are fewer. */
const usualMost = 15

export const chooseK = defineMethod({
  title: 'Choose k',
  description:
    'Clusters the data for each k of a range, and shows the total deviation and the silhouettes over k. The k with the highest silhouette is a good first choice; look at the curve before you take it.',
  effort: 'quick',
  example: { table: exampleTable, kMin: 2, kMax: 15, restarts: 10 },
  input: z
    .object({
      table: askForPoints.table,
      vectors: askForPoints.vectors,
      kMin: input.number({ label: 'Smallest k', integer: true, min: 2, default: 2 }),
      kMax: input.optionalNumber({
        label: 'Largest k',
        hint: `Empty: ${usualMost}, or half of the rows where they are few.`,
        integer: true,
        min: 2,
        max: 1000,
      }),
      search: input.choice(['fasterpam', 'dynmsc'], {
        label: 'Search',
        hint: 'fasterpam: each k by itself, for short distances; k by the silhouette. dynmsc: from the largest k down, for a high medoid silhouette; k by that.',
      }),
      columns: askForPoints.columns,
      weights: askForPoints.weights,
      metric: askForPoints.metric,
      standardize: askForPoints.standardize,
      precomputed: askForPoints.precomputed,
      ...askForStart,
    })
    .superRefine(
      input.checked(given => {
        const { count } = readObjects(given)
        requireAllPairs(given, count)
        if (count < 3)
          throw new InputError(
            given.table ? 'table' : 'vectors',
            count === 1 ? '1 row' : `${count} rows`,
            'at least 3 rows: fewer leave no k to choose',
          )
        requireK('kMin', given.kMin, count)
        const kMax = mostOf(given, count)
        requireK('kMax', kMax, count)
        if (kMax < given.kMin) throw new InputError('kMax', String(kMax), `at least kMin (${given.kMin})`)
      }),
    ),
  async run(given, context): Promise<Block[]> {
    const objects = readObjects(given)
    const { count } = objects
    const { kMin } = given
    const kMax = mostOf(given, count)
    const curve: Point[] = []
    const notes = new Set<string>()
    const note = ({ k, notes: all }: KMedoids) => all.forEach(one => void notes.add(`k = ${k}: ${one}`))
    const pool = context.threads > 1 ? workerPool({ threads: context.threads }) : undefined
    try {
      const data = await compare(objects, given, context, pool)
      const options = {
        init: given.init,
        restarts: given.restarts,
        weights: objects.weights,
        seed: context.seed,
        signal: context.signal,
        pool,
      }
      if (given.search === 'dynmsc') {
        const onProgress = (done: number, total: number) => context.progress(done, total, 'Dropping medoids')
        const found = await dynMsc(data, { ...options, kMin, kMax, onProgress })
        note(found)
        for (const { k, deviation, medoidSilhouette } of found.curve) {
          const fit = k < count ? medoidSilhouette : null
          const ofOthers = withoutMedoids(fit, k / count)
          curve.push({ k, objective: deviation, silhouette: null, medoidSilhouette: fit, ofOthers, swaps: null })
        }
      } else
        for (let k = kMin; k <= kMax; k++) {
          context.progress(k - kMin, kMax - kMin + 1, 'Clustering for each k')
          const found = await fasterPam(data, { ...options, k })
          note(found)
          const how = { data, metric: metricOf(given), labels: found.labels, pool }
          const { value: silhouette } = await silhouettesOf(objects, how, { ...context, progress() {} })
          const { value: medoidSilhouette } = medoidSilhouetteOf(found)
          const ofOthers = withoutMedoids(medoidSilhouette, k / count)
          curve.push({ k, objective: found.deviation, silhouette, medoidSilhouette, ofOthers, swaps: found.swaps })
        }
    } finally {
      await pool?.close()
    }
    const { best, why } = suggestion(curve, given.search, count)
    return [
      { type: 'metric', name: 'k', title: 'Suggested k', value: best?.k ?? null, note: why },
      ...(given.search === 'dynmsc'
        ? []
        : [
            {
              type: 'metric' as const,
              name: 'silhouette',
              title: 'Silhouette there',
              value: best?.silhouette ?? null,
              note: 'from −1 to 1, high is good',
            },
            overK('silhouettes', 'Silhouette over k', {
              lines: [{ name: 'silhouette', points: curve.map(({ k, silhouette }) => [k, silhouette]) }],
              mark: best && [best.k, best.silhouette],
            }),
          ]),
      {
        type: 'metric',
        name: 'medoidSilhouette',
        title: 'Medoid silhouette there',
        value: best?.medoidSilhouette ?? null,
        note: 'from 0 to 1, high is good',
      },
      overK('medoidSilhouettes', 'Medoid silhouette over k', {
        lines: [
          { name: 'medoid silhouette', points: curve.map(({ k, medoidSilhouette }) => [k, medoidSilhouette]) },
          { name: 'without the medoids themselves', points: curve.map(({ k, ofOthers }) => [k, ofOthers]) },
        ],
        mark: best && [best.k, best.medoidSilhouette],
      }),
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
          { name: 'silhouette', type: 'number' },
          { name: 'medoidSilhouette', type: 'number', title: 'medoid silhouette' },
          { name: 'swaps', type: 'integer' },
        ],
        rows: curve.map(one => [one.k, one.objective, one.silhouette, one.medoidSilhouette, one.swaps]),
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
      ...columnsBlock(objects),
    ]
  },
})

interface Point {
  k: number
  objective: number
  /** Null where it is not defined, and where the search gives no clusters for each k. */
  silhouette: number | null
  medoidSilhouette: number | null
  /** The medoid silhouette of the rows that are no medoids. */
  ofOthers: number | null
  swaps: number | null
}

/** The largest k to try. */
function mostOf({ kMin, kMax }: { kMin: number; kMax?: number }, count: number): number {
  return kMax ?? Math.max(kMin, Math.min(usualMost, Math.floor(count / 2)))
}

/** Each medoid counts 1: so the index rises to 1 as all rows become medoids. @param share of the rows that are medoids */
function withoutMedoids(medoidSilhouette: number | null, share: number): number | null {
  return medoidSilhouette === null ? null : (medoidSilhouette - share) / (1 - share)
}

/**
 * The k to take, and why. With many clusters most are single rows and pairs, of which silhouettes say little and medoid silhouettes
 * less: so k counts up to a half and a third of the rows.
 */
function suggestion(
  curve: Point[],
  search: 'fasterpam' | 'dynmsc',
  count: number,
): { best: Point | undefined; why: string } {
  const fitOf = (point: Point) => (search === 'dynmsc' ? point.ofOthers : point.silhouette) ?? Number.NaN
  const title = search === 'dynmsc' ? 'medoid silhouette' : 'silhouette'
  const of = search === 'dynmsc' ? ' of rows that are no medoids' : ''
  const known = curve.filter(point => !Number.isNaN(fitOf(point)))
  if (!known.length) return { best: undefined, why: 'no k from 2 to n − 1 was tried' }
  const most = Math.max(known[0].k, Math.floor(count / (search === 'dynmsc' ? 3 : 2)))
  const looked = known.filter(({ k }) => k <= most)
  const best = looked.reduce((one, other) => (fitOf(other) > fitOf(one) ? other : one))
  if (fitOf(best) <= 0) return { best, why: `no k separates the rows: no ${title}${of} is above 0` }
  if (looked.length > 1 && best === curve.at(-1) && best.k < most)
    return { best, why: `the ${title}${of} is highest at the largest k: try more` }
  const upTo = looked.length < known.length ? `, of k up to ${most}` : ''
  return { best, why: `highest ${title}${of}${upTo}` }
}

function overK(
  name: string,
  title: string,
  { lines, mark }: { lines: SeriesBlock['series']; mark?: [k: number, fit: number | null] },
): SeriesBlock {
  const marked = mark && mark[1] !== null ? [{ x: mark[0], y: mark[1], label: `k = ${mark[0]}` }] : undefined
  return { type: 'series', name, title, x: { label: 'k' }, y: { label: lines[0].name }, series: lines, marks: marked }
}
