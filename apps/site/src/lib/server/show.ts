/** Turns stored blocks into what a page shows: charts drawn, tables filtered, sorted and cut into pages. */
import type { Block, TableBlock } from '@offprint/papers'
import { renderMarkdown } from './markdown.ts'
import { type Chart, drawChart, type Window } from './plot.ts'
import { rowsOf } from './rows.ts'

const rowsOnPage = 25
/** A table of fewer rows needs no filter. */
const leastFiltered = 12

export interface ShownTable {
  columns: (TableBlock['columns'][number] & { sortHref: string; sorted?: 'ascending' | 'descending' })[]
  rows: TableBlock['rows']
  total: number
  /** Rows there are without the filter. */
  all: number
  from: number
  previousHref?: string
  nextHref?: string
  /** Undefined for a short table. */
  filter?: { name: string; value: string; kept: [name: string, value: string][] }
  clearHref?: string
}

export interface ShownBlock {
  /** Of its section on the page, and before the names of its parameters. */
  id: string
  block: Exclude<Block, TableBlock> | Omit<TableBlock, 'rows'>
  chart?: Chart & { wholeHref?: string; zoomName: string; zoom?: string }
  table?: ShownTable
  /** Of a markdown block. */
  html?: string
}

/**
 * @param address of the page. `labels.sort=-distance`, `labels.from=25` and `labels.filter=Rome` say what the table `labels`
 * shows, `map.zoom=x0,x1,y0,y1` the part of the chart `map`: so all of it works by links and forms. `only=labels` asks for
 * one block alone; scripts do, to put it in the place of the old one.
 * @param prefix before the names, where a page shows blocks of several runs
 */
export function showBlocks(blocks: Block[], address: URL, prefix = ''): ShownBlock[] {
  const url = new URL(address)
  const only = url.searchParams.get('only')
  url.searchParams.delete('only')
  return blocks
    .map(block => ({ block, id: prefix + block.name }))
    .filter(({ id }) => !only || id === only)
    .map(({ block, id }) => {
      if (block.type === 'markdown') return { id, block, html: renderMarkdown(block.text) }
      if (block.type !== 'table') return { id, block: withoutPoints(block), chart: showChart(block, id, url) }
      const { rows: _, ...head } = block
      return { id, block: head, table: showTable(block, id, url) }
    })
}

/** The points are in the picture already. */
function withoutPoints(block: Exclude<Block, TableBlock>): Exclude<Block, TableBlock> {
  return block.type === 'scatter' ? { ...block, points: { x: [], y: [] } } : block
}

function showChart(block: Block, id: string, url: URL): ShownBlock['chart'] {
  const zoomName = `${id}.zoom`
  const zoom = url.searchParams.get(zoomName) ?? undefined
  const window = readWindow(zoom)
  const chart = drawChart(block, window)
  return (
    chart && {
      ...chart,
      zoomName,
      zoom: window && zoom,
      wholeHref: window && hrefWith(url, id, { [zoomName]: undefined }),
    }
  )
}

/** `x0,x1,y0,y1`; undefined for anything else. */
export function readWindow(text: string | null | undefined): Window | undefined {
  const numbers = text?.split(',').map(Number) ?? []
  const [x0, x1, y0, y1] = numbers
  return numbers.length === 4 && numbers.every(Number.isFinite) && x0 < x1 && y0 < y1
    ? { x: [x0, x1], y: [y0, y1] }
    : undefined
}

function showTable(block: TableBlock, id: string, url: URL): ShownTable {
  const name = (part: string) => `${id}.${part}`
  const asked = (part: string) => url.searchParams.get(name(part)) ?? undefined
  const filter = (asked('filter') ?? '').slice(0, 200)
  const view = { filter, sort: asked('sort'), from: Number(asked('from')) }
  const { rows, total, from, by, descending } = rowsOf(block, view, rowsOnPage)
  const href = (changes: Record<string, string | number | undefined>) =>
    hrefWith(url, id, Object.fromEntries(Object.entries(changes).map(([part, value]) => [name(part), value])))
  return {
    columns: block.columns.map((column, index) => ({
      ...column,
      sortHref: href({ from: undefined, sort: index === by && !descending ? `-${column.name}` : column.name }),
      sorted: index === by ? (descending ? 'descending' : 'ascending') : undefined,
    })),
    rows,
    total,
    all: block.rows.length,
    from,
    previousHref: from > 0 ? href({ from: Math.max(0, from - rowsOnPage) }) : undefined,
    nextHref: from + rowsOnPage < total ? href({ from: from + rowsOnPage }) : undefined,
    filter:
      block.rows.length >= leastFiltered
        ? {
            name: name('filter'),
            value: filter,
            kept: [...url.searchParams].filter(([key]) => key !== name('filter') && key !== name('from')),
          }
        : undefined,
    clearHref: filter ? href({ filter: undefined, from: undefined }) : undefined,
  }
}

/** The page's address with some parameters changed, or dropped where undefined; goes to the block. */
function hrefWith(url: URL, id: string, changes: Record<string, string | number | undefined>): string {
  const next = new URL(url)
  for (const [name, value] of Object.entries(changes))
    if (value === undefined) next.searchParams.delete(name)
    else next.searchParams.set(name, String(value))
  return `${next.pathname}${next.search}#${id}`
}
