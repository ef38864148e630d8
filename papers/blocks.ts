/** Result blocks: what a run shows, the same on the page, on a terminal and as JSON. */
import { z } from 'zod'

const number = z.number().nullable().describe('null where there is no figure')
const axis = z.object({ label: z.string(), unit: z.string().optional(), scale: z.enum(['linear', 'log']).optional() })
/**
 * `name` is for programs (stable, camelCase, of its own in a result), `title` for people, `note` says what a reader should
 * know.
 */
const base = {
  name: z.string().regex(/^[a-zA-Z][a-zA-Z0-9]*$/, 'a name in camelCase'),
  title: z.string(),
  note: z.string().optional(),
}

export const metricBlock = z.object({ ...base, type: z.literal('metric'), value: number, unit: z.string().optional() })

export const tableBlock = z.object({
  ...base,
  type: z.literal('table'),
  columns: z.array(
    z.object({
      name: z.string(),
      title: z.string().optional(),
      type: z.enum(['number', 'integer', 'text', 'boolean', 'date']),
      unit: z.string().optional(),
    }),
  ),
  /** One array a row, in the order of `columns`. */
  rows: z.array(z.array(z.union([z.number(), z.string(), z.boolean(), z.null()]))),
})

export const seriesBlock = z.object({
  ...base,
  type: z.literal('series'),
  x: axis,
  y: axis,
  series: z.array(z.object({ name: z.string(), points: z.array(z.tuple([z.number(), number])) })),
  /** Points worth marking, such as the best k. */
  marks: z.array(z.object({ x: z.number(), y: z.number(), label: z.string() })).optional(),
})

export const barsBlock = z.object({
  ...base,
  type: z.literal('bars'),
  y: axis,
  bars: z.array(z.object({ label: z.string(), value: number, group: z.string().optional() })),
})

export const scatterBlock = z.object({
  ...base,
  type: z.literal('scatter'),
  x: axis,
  y: axis,
  /** Columns of equal length. */
  points: z.object({
    x: z.array(z.number()),
    y: z.array(z.number()),
    group: z.array(z.union([z.number(), z.string()])).optional(),
    label: z.array(z.string()).optional(),
  }),
  /** Indexes of points to ring, such as medoids. */
  emphasis: z.array(z.number().int()).optional(),
})

export const graphBlock = z.object({
  ...base,
  type: z.literal('graph'),
  nodes: z.array(
    z.object({
      id: z.string(),
      label: z.string().optional(),
      group: z.string().optional(),
      x: z.number().optional(),
      y: z.number().optional(),
    }),
  ),
  edges: z.array(
    z.object({ from: z.string(), to: z.string(), weight: z.number().optional(), label: z.string().optional() }),
  ),
  /** Steps from node to node, in order: drawn above the edges, and shown one after the other. */
  path: z.array(z.object({ from: z.string(), to: z.string(), label: z.string() })).optional(),
})

export const timelineBlock = z.object({
  ...base,
  type: z.literal('timeline'),
  /** Unit of time of `start` and `end`. */
  unit: z.string(),
  lanes: z.array(
    z.object({
      name: z.string(),
      spans: z.array(z.object({ start: z.number(), end: z.number(), label: z.string(), group: z.string().optional() })),
    }),
  ),
})

export const markdownBlock = z.object({ ...base, type: z.literal('markdown'), text: z.string() })

export const fileBlock = z.object({
  ...base,
  type: z.literal('file'),
  /** Name given to `context.output`. */
  file: z.string(),
  mediaType: z.string(),
  /** Set by the runner. */
  bytes: z.number().int().optional(),
  /** What a later run can take it as: `index`, `model`, `plan`, … */
  artefact: z.string().optional(),
})

export const block = z.discriminatedUnion('type', [
  metricBlock,
  tableBlock,
  seriesBlock,
  barsBlock,
  scatterBlock,
  graphBlock,
  timelineBlock,
  markdownBlock,
  fileBlock,
])

export type Block = z.infer<typeof block>
export type MetricBlock = z.infer<typeof metricBlock>
export type TableBlock = z.infer<typeof tableBlock>
export type SeriesBlock = z.infer<typeof seriesBlock>
export type BarsBlock = z.infer<typeof barsBlock>
export type ScatterBlock = z.infer<typeof scatterBlock>
export type GraphBlock = z.infer<typeof graphBlock>
export type TimelineBlock = z.infer<typeof timelineBlock>
export type MarkdownBlock = z.infer<typeof markdownBlock>
export type FileBlock = z.infer<typeof fileBlock>
