/** Turns stored blocks into what a page shows: charts drawn, tables sorted and cut into pages. */
import type { Block, TableBlock } from '@offprint/papers'
import { renderMarkdown } from './markdown.ts'
import { drawChart } from './plot.ts'

const rowsOnPage = 25

export interface ShownTable {
  columns: (TableBlock['columns'][number] & { sortHref: string; sorted?: 'ascending' | 'descending' })[]
  rows: TableBlock['rows']
  total: number
  from: number
  previousHref?: string
  nextHref?: string
}

export interface ShownBlock {
  block: Exclude<Block, TableBlock> | Omit<TableBlock, 'rows'>
  chart?: { svg: string; legend: string[] }
  table?: ShownTable
  /** Of a markdown block. */
  html?: string
}

/**
 * @param url of the page: `?sort=<table>.<column>` (with `-` before for descending) and `?from=<table>.<row>` choose what
 * is shown, so that sorting and paging work without scripts
 */
export function showBlocks(blocks: Block[], url: URL): ShownBlock[] {
  return blocks.map(block => {
    if (block.type === 'markdown') return { block, html: renderMarkdown(block.text) }
    if (block.type !== 'table') return { block, chart: drawChart(block) }
    const { rows, ...head } = block
    return { block: head, table: showTable(block, rows, url) }
  })
}

function showTable(block: TableBlock, all: TableBlock['rows'], url: URL): ShownTable {
  const sort = parameter(url, 'sort', block.name)
  const descending = sort?.startsWith('-') ?? false
  const by = block.columns.findIndex(column => column.name === sort?.replace(/^-/, ''))
  const rows = by < 0 ? all : [...all].sort((a, b) => compare(a[by], b[by]) * (descending ? -1 : 1))
  const from = Math.min(
    Math.max(0, Math.floor(Number(parameter(url, 'from', block.name)) || 0)),
    Math.max(0, rows.length - 1),
  )
  const href = (name: string, value: string | number) => {
    const next = new URL(url)
    if (name === 'sort') next.searchParams.delete('from')
    next.searchParams.set(name, `${block.name}.${value}`)
    return `${next.pathname}${next.search}#${block.name}`
  }
  return {
    columns: block.columns.map((column, index) => ({
      ...column,
      sortHref: href('sort', index === by && !descending ? `-${column.name}` : column.name),
      sorted: index === by ? (descending ? 'descending' : 'ascending') : undefined,
    })),
    rows: rows.slice(from, from + rowsOnPage),
    total: rows.length,
    from,
    previousHref: from > 0 ? href('from', Math.max(0, from - rowsOnPage)) : undefined,
    nextHref: from + rowsOnPage < rows.length ? href('from', from + rowsOnPage) : undefined,
  }
}

function parameter(url: URL, name: string, table: string): string | undefined {
  const value = url.searchParams.get(name)
  return value?.startsWith(`${table}.`) ? value.slice(table.length + 1) : undefined
}

/** Numbers by size, everything else by alphabet; missing values last. */
function compare(a: unknown, b: unknown): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en')
}
