import { adjustedRandIndex, calinskiHarabasz, contingency, daviesBouldin } from '@offprint/clustering'
import { type Matrix, workerPool } from '@offprint/kernels'
import { type Block, defineMethod, input, type MarkdownBlock, type TableBlock, z } from '../../define.ts'
import { askForCount, exampleTable, requireCount } from './cluster.ts'
import { askForTable, outlying, outweighing, pointsOf, readTable } from './columns.ts'
import { type Evidence, gapSentence, gapsOf, measure, type Verdict, verdictOf, verdictWords } from './evidence.ts'
import { writeTable } from './labels-file.ts'
import {
  atTheEnd,
  type ClusterMethod,
  type Curve,
  type How,
  methodNames,
  methods,
  sampleRowsOf,
  takeRows,
} from './methods.ts'
import { columnsTable, curveHead, notesBlock } from './result.ts'

/** Of more rows so many are compared. */
const comparedRows = 5000

interface Compared {
  name: string
  method: ClusterMethod
  labels: Int32Array
  curve?: Curve
  evidence: Evidence
  verdict: Verdict
  daviesBouldin: number | null
  calinskiHarabasz: number | null
  noise: number
  seconds: number
  notes: string[]
}

export const compare = defineMethod({
  title: 'Compare methods',
  description:
    'Clusters a table by several methods, each into as many clusters as you say or as it thinks there are, and puts side by side how good the clusters are, how stable, and how far the methods agree. Groups that are there are found by more than one.',
  effort: 'quick',
  example: { table: exampleTable },
  input: z
    .object({
      table: askForTable.table,
      columns: askForTable.columns,
      ...askForCount,
      scaling: askForTable.scaling,
      missing: askForTable.missing,
      categories: askForTable.categories,
    })
    .superRefine(input.checked(given => requireCount(given.k, pointsOf(readTable(given), given).points.rows))),
  async run(given, context): Promise<Block[]> {
    const read = readTable(given)
    const all = pointsOf(read, given)
    const chosen = sampleRowsOf(all.points.rows, comparedRows, context.seed)
    const points = chosen ? takeRows(all.points, chosen) : all.points
    const categories = read.variables.some(variable => variable.kind === 'category')
    const wanted = methodNames.filter(name => !(categories && name === 'mixture'))
    const pool = workerPool({ threads: context.threads })
    try {
      const compared: Compared[] = []
      const steps = wanted.length + 1
      const how = (step: number, what: string): How => ({
        seed: context.seed,
        pool,
        signal: context.signal,
        progress: (done, total) => context.progress(step + done / Math.max(1, total), steps, what),
      })
      const gap = await gapsOf(points, given.k ?? 1, how(0, 'Comparing with rows that have no groups'))
      for (const [at, name] of wanted.entries()) {
        const { title } = methods[name]
        compared.push(await tryMethod(name, points, given, gap, how(at + 1, title)))
      }
      const file = chosen ? undefined : context.output('clusters.csv')
      if (file)
        writeTable(
          file,
          read.table,
          compared.map(({ name, labels }) => {
            const cells = new Array<number | undefined>(read.table.rows)
            for (const [at, row] of all.rows.entries()) cells[row] = labels[at] + 1
            return { name, cells }
          }),
        )
      return [
        {
          type: 'metric',
          name: 'rows',
          title: 'Rows compared',
          value: points.rows,
          note: chosen ? `drawn by lot from ${all.points.rows.toLocaleString('en')}` : undefined,
        },
        ...overview(compared),
        methodsTable(compared),
        ...(compared.length > 1 ? [agreementTable(compared)] : []),
        ...curves(compared),
        ...(file
          ? [
              {
                type: 'file' as const,
                name: 'file',
                title: 'Your table with the clusters of every method',
                note: 'A column for each method; 0 is noise.',
                file: 'clusters.csv',
                mediaType: 'text/csv',
              },
            ]
          : []),
        columnsTable(read),
        ...notesBlock([
          ...(categories && wanted.length < methodNames.length
            ? ['The Gaussian mixture is left out: it is for numbers, and a column of text is compared.']
            : []),
          ...outweighing(read, points),
          ...outlying(read, all.rows, all.points, given.scaling),
          ...compared.flatMap(({ method, notes }) => notes.map(note => `${method.title}: ${note}`)),
        ]),
      ]
    } finally {
      pool.close()
    }
  },
})

async function tryMethod(
  name: (typeof methodNames)[number],
  points: Matrix,
  given: { k?: number; mostClusters: number },
  gap: Evidence['gap'],
  how: How,
): Promise<Compared> {
  const method = methods[name]
  const began = performance.now()
  const chosen = given.k === undefined ? await method.choose?.(points, given.mostClusters, how) : undefined
  const k = Math.min(chosen?.k ?? given.k ?? 0, points.rows)
  const { labels, notes } = await method.fit(points, k, how)
  const seconds = (performance.now() - began) / 1000
  const quiet = { ...how, progress: () => {}, pairs: 5 }
  const { fit, stability } = await measure(
    points,
    labels,
    async sample => (await method.fit(sample, Math.min(k, sample.rows), quiet)).labels,
    quiet,
  )
  const found = new Set(labels)
  const noise = labels.reduce((sum, label) => sum + Number(label < 0), 0)
  found.delete(-1)
  const evidence: Evidence = { k: found.size, silhouette: fit.mean, stability, gap, shapes: method.shapes }
  return {
    name,
    method,
    labels,
    curve: chosen?.curve,
    evidence,
    verdict: verdictOf(evidence),
    daviesBouldin: daviesBouldin(points, labels).value,
    calinskiHarabasz: calinskiHarabasz(points, labels).value,
    noise: noise / labels.length,
    seconds,
    notes: [...notes, ...atTheEnd(chosen?.curve, k, given.mostClusters)],
  }
}

const inWords = (parts: string[]) => new Intl.ListFormat('en-GB').format(parts)

/** What came out, in a few figures and a sentence. */
function overview(compared: Compared[]): Block[] {
  const holding = compared.filter(({ verdict }) => verdict === 'supported')
  const counts = new Set(compared.map(({ evidence }) => evidence.k))
  const pairs = compared.flatMap((one, at) => compared.slice(at + 1).map(other => agreementOf(one, other)))
  const agreement = pairs.length ? pairs.reduce((sum, one) => sum + one, 0) / pairs.length : null
  const { gap } = compared[0].evidence
  const byCount = [...Map.groupBy(holding, ({ evidence }) => evidence.k)].sort(([a], [b]) => a - b)
  const numbers =
    byCount.length > 1
      ? `: ${inWords(byCount.map(([k, some]) => `${k} by ${inWords(some.map(({ method }) => method.title))}`))}`
      : ''
  const head = holding.length
    ? `**${holding.length === compared.length ? 'All methods find' : holding.length === 1 ? `One of ${compared.length} methods finds` : `${holding.length} of ${compared.length} methods find`} groups that hold up${numbers}.**`
    : compared.every(({ verdict }) => verdict === 'none')
      ? '**No clear groups by any method.**'
      : '**Groups in doubt.**'
  const said = [
    head,
    gapSentence(gap),
    counts.size === 1
      ? `All methods come to ${[...counts][0]}.`
      : `They come to ${inWords([...counts].sort((a, b) => a - b).map(String))} clusters.`,
    agreement === null
      ? ''
      : `Two methods agree by ${agreement.toFixed(2)} on average (1 is the same, 0 is chance)${agreement < 0.5 ? ': what is found depends on the method more than on the rows' : ''}.`,
  ]
  const text: MarkdownBlock = {
    type: 'markdown',
    name: 'evidence',
    title: 'Are there groups?',
    text: said.filter(Boolean).join(' '),
  }
  return [
    {
      type: 'metric',
      name: 'holding',
      title: 'Methods whose groups hold up',
      value: holding.length,
      note: `of ${compared.length}`,
    },
    {
      type: 'metric',
      name: 'agreement',
      title: 'Agreement of methods',
      value: agreement,
      note: 'mean adjusted Rand index of two',
    },
    text,
  ]
}

function methodsTable(compared: Compared[]): TableBlock {
  const withNoise = compared.some(({ noise }) => noise > 0)
  return {
    type: 'table',
    name: 'methods',
    title: 'Methods side by side',
    note: 'Silhouette and Calinski–Harabasz: more is better. Davies–Bouldin: less is better. Stability: agreement when a fifth of the rows is left out. All but stability favour round clusters.',
    columns: [
      { name: 'method', type: 'text' },
      { name: 'clusters', type: 'integer' },
      { name: 'groups', type: 'text', title: 'are there groups?' },
      { name: 'silhouette', type: 'number' },
      { name: 'daviesBouldin', type: 'number', title: 'Davies–Bouldin' },
      { name: 'calinskiHarabasz', type: 'number', title: 'Calinski–Harabasz' },
      { name: 'stability', type: 'number' },
      ...(withNoise ? [{ name: 'noise', type: 'number' as const, unit: '%' }] : []),
      { name: 'seconds', type: 'number', title: 'time', unit: 's' },
    ],
    rows: compared.map(one => [
      one.method.title,
      one.evidence.k,
      verdictWords[one.verdict],
      one.evidence.silhouette,
      one.daviesBouldin,
      one.calinskiHarabasz,
      one.evidence.k < 2 ? null : one.evidence.stability,
      ...(withNoise ? [100 * one.noise] : []),
      Math.round(1000 * one.seconds) / 1000,
    ]),
  }
}

const agreementOf = (one: Compared, other: Compared) =>
  adjustedRandIndex(contingency(one.labels, other.labels, { noise: 'cluster' }))

function agreementTable(compared: Compared[]): TableBlock {
  return {
    type: 'table',
    name: 'agreements',
    title: 'How far two methods agree',
    note: 'Adjusted Rand index: 1 the same clusters, 0 no more than chance. Noise counts as a cluster.',
    columns: [
      { name: 'method', type: 'text' },
      ...compared.map(({ name, method }) => ({ name, type: 'number' as const, title: method.title })),
    ],
    rows: compared.map(one => [one.method.title, ...compared.map(other => agreementOf(one, other))]),
  }
}

/** The silhouettes over the number of clusters share an axis; a measure of its own has a picture of its own. */
function curves(compared: Compared[]): Block[] {
  const all = compared.filter(({ curve }) => curve && curve.points.length > 1)
  return [...Map.groupBy(all, ({ curve }) => curve!.measure)].map(([measure, some]) => ({
    ...curveHead(measure),
    name: `curve${measure.replace(/[^a-zA-Z]/g, '')}`,
    series: some.map(({ method, curve }) => ({ name: method.title, points: curve!.points })),
  }))
}
