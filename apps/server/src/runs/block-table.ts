/** What a result block holds, as the rows of a table: tables as they are, charts by their points. */
import type { Block } from '@offprint/papers'

export interface BlockTable {
  columns: string[]
  rows: (string | number | boolean | null | undefined)[][]
}

/** Undefined for blocks that are neither tables nor charts. */
export function blockTable(block: Block): BlockTable | undefined {
  switch (block.type) {
    case 'table':
      return { columns: block.columns.map(column => column.name), rows: block.rows }
    case 'series':
      return {
        columns: ['series', block.x.label, block.y.label],
        rows: block.series.flatMap(({ name, points }) => points.map(([x, y]) => [name, x, y])),
      }
    case 'bars':
      return {
        columns: ['label', 'group', block.y.label],
        rows: block.bars.map(({ label, group, value }) => [label, group, value]),
      }
    case 'scatter': {
      const { x, y, group, label } = block.points
      const ringed = new Set(block.emphasis)
      return {
        columns: ['label', 'group', block.x.label, block.y.label, 'emphasised'],
        rows: x.map((at, index) => [label?.[index], group?.[index], at, y[index], ringed.has(index)]),
      }
    }
    case 'graph': {
      const edges = block.edges.map(({ from, to, weight, label }) => [from, to, weight, label])
      if (!block.path) return { columns: ['from', 'to', 'weight', 'label'], rows: edges }
      return {
        columns: ['from', 'to', 'weight', 'label', 'step'],
        rows: [...edges, ...block.path.map(({ from, to, label }, at) => [from, to, undefined, label, at + 1])],
      }
    }
    case 'timeline':
      return {
        columns: ['lane', 'label', 'group', `start (${block.unit})`, `end (${block.unit})`],
        rows: block.lanes.flatMap(({ name, spans }) =>
          spans.map(({ start, end, label, group }) => [name, label, group, start, end]),
        ),
      }
    default:
      return undefined
  }
}
