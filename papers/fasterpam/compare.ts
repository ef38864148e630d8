import type { KMedoids } from '@offprint/clustering'
import { workerPool } from '@offprint/kernels'
import { type Block, defineMethod, input, z } from '../define.ts'
import { exampleTable } from './cluster.ts'
import { medoidSilhouetteOf } from './fit.ts'
import { askForPoints, columnsBlock, compare, readObjects, requireAllPairs, requireK } from './points.ts'
import { clusterBy, titles, type Variant } from './variants.ts'

/** Looks at a distance that the original PAM may take: some 20 seconds. */
const mostOfPam = 2e10
/** Swaps that PAM is expected to make from BUILD, for each ten medoids; see the paper's page. */
const swapsForTen = 4

const swapping: Variant[] = ['fasterpam', 'fastpam1', 'fastpam2', 'pam', 'alternating']
const sampling: Variant[] = ['fasterclara', 'fastclarans', 'onebatchpam']

export const compareVariants = defineMethod({
  title: 'Compare the variants',
  description:
    'Clusters the same data by every variant, from the same start where it takes one, and shows what each costs and how good it is: time, total deviation, swaps.',
  effort: 'quick',
  example: { table: exampleTable, k: 6 },
  input: z
    .object({
      table: askForPoints.table,
      vectors: askForPoints.vectors,
      k: input.number({ label: 'k, the number of clusters', integer: true }),
      columns: askForPoints.columns,
      weights: askForPoints.weights,
      metric: askForPoints.metric,
      standardize: askForPoints.standardize,
      precomputed: askForPoints.precomputed,
      init: input.choice(['random', 'build', 'lab', 'k-medoids++', 'first'], { label: 'Start' }),
    })
    .superRefine(
      input.checked(given => {
        const { count } = readObjects(given)
        requireK('k', given.k, count)
        requireAllPairs(given, count)
      }),
    ),
  async run(given, context): Promise<Block[]> {
    const objects = readObjects(given)
    const { k, init } = given
    const { count, weights } = objects
    const looks = (1 + (swapsForTen * k) / 10) * k * (count - k) * count
    const all = [...swapping, ...sampling].filter(variant => variant !== 'pam' || looks <= mostOfPam)
    const runs: { variant: Variant; title: string; found: KMedoids; seconds: number }[] = []
    const pool = context.threads > 1 ? workerPool({ threads: context.threads }) : undefined
    try {
      const distances = await compare(objects, given, context, pool)
      for (const [index, variant] of all.entries()) {
        let found: KMedoids | undefined
        let seconds = Infinity
        // What is over in no time is run again, as starting anything for the first time takes longer.
        for (let turn = 0; turn === 0 || (turn < 3 && seconds < 0.05); turn++) {
          const began = performance.now()
          found = await clusterBy(variant, distances, {
            k,
            init,
            restarts: 1,
            weights,
            seed: context.seed,
            pool,
            signal: context.signal,
            onProgress: (done, total) => context.progress(index + done / total, all.length, titles[variant]),
          })
          seconds = Math.min(seconds, (performance.now() - began) / 1000)
        }
        runs.push({ variant, title: titles[variant], found: found!, seconds: Number(seconds.toPrecision(3)) })
      }
    } finally {
      await pool?.close()
    }
    const best = Math.min(...runs.map(({ found }) => found.deviation))
    const fastest = runs.reduce((one, other) => (other.seconds < one.seconds ? other : one))
    return [
      { type: 'metric', name: 'best', title: 'Least total deviation', value: best },
      {
        type: 'metric',
        name: 'fastest',
        title: 'Shortest time',
        value: fastest.seconds,
        unit: 's',
        note: fastest.title,
      },
      {
        type: 'table',
        name: 'variants',
        title: 'Variants',
        note: all.includes('pam')
          ? 'Times are without the distances; short ones the least of three.'
          : 'Times are without the distances; short ones the least of three. The original PAM would take too long for this many rows and clusters.',
        columns: [
          { name: 'variant', type: 'text' },
          { name: 'deviation', type: 'number', title: 'total deviation' },
          { name: 'above', type: 'number', title: 'above the least', unit: '%' },
          { name: 'medoidSilhouette', type: 'number', title: 'medoid silhouette' },
          { name: 'swaps', type: 'integer' },
          { name: 'evaluations', type: 'integer', title: 'candidates evaluated' },
          { name: 'seconds', type: 'number', title: 'time', unit: 's' },
        ],
        rows: runs.map(({ title, found, seconds }) => [
          title,
          found.deviation,
          best > 0 ? 100 * (found.deviation / best - 1) : 0,
          medoidSilhouetteOf(found).value,
          found.swaps,
          found.evaluations,
          seconds,
        ]),
      },
      {
        type: 'series',
        name: 'traces',
        title: 'Total deviation, swap by swap',
        x: { label: 'swaps' },
        y: { label: 'total deviation' },
        series: runs
          .filter(({ variant }) => swapping.includes(variant) || variant === 'fastclarans')
          .map(({ title, found }) => ({
            name: title,
            points: found.trace.map((value, swaps): [number, number] => [swaps, value]),
          })),
      },
      {
        type: 'bars',
        name: 'times',
        title: 'Time of each variant',
        y: { label: 'time', unit: 's', scale: 'log' },
        bars: runs.map(({ title, seconds }) => ({ label: title, value: seconds })),
      },
      ...columnsBlock(objects),
    ]
  },
})
