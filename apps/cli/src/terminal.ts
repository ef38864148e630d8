/** Result blocks on a terminal: aligned tables and plots in unicode. */
import { join } from 'node:path'
import type { Block, ScatterBlock, SeriesBlock } from '@offprint/papers'

type Cell = string | number | boolean | null

/** Rows of a table that are shown before the rest is only counted. */
const shownRows = 40

/** Prints an aligned table; numbers stand to the right, the widest text column is cut to the terminal's width. */
export function printTable(header: string[], rows: Cell[][]): void {
  const lines = [header, ...rows.map(row => row.map(format))]
  const right = header.map(
    (_, column) => rows.length > 0 && rows.every(row => typeof row[column] === 'number' || row[column] === null),
  )
  const widths = header.map((_, column) => Math.max(...lines.map(line => displayWidth(line[column]))))
  const room = (process.stdout.columns ?? 120) - 2 * (header.length - 1)
  const excess = widths.reduce((sum, width) => sum + width, 0) - room
  const widest = widths.indexOf(Math.max(...widths))
  if (excess > 0) widths[widest] = Math.max(12, widths[widest] - excess)
  for (const [index, line] of lines.entries()) {
    print(
      line
        .map((cell, column) => pad(cell, widths[column], right[column]))
        .join('  ')
        .trimEnd(),
    )
    if (index === 0) print(widths.map(width => '─'.repeat(width)).join('  '))
  }
}

export async function printBlocks(blocks: Block[], directory: string): Promise<void> {
  const metrics = blocks.filter(block => block.type === 'metric')
  const width = Math.max(0, ...metrics.map(block => displayWidth(block.title)))
  for (const block of metrics)
    print(
      `${pad(block.title, width)}  ${format(block.value)}${block.unit ? ` ${block.unit}` : ''}${block.note ? `  (${block.note})` : ''}`,
    )
  for (const block of blocks) {
    if (block.type === 'metric') continue
    print(`\n${block.title}${block.note ? ` (${block.note})` : ''}`)
    switch (block.type) {
      case 'table':
        printTable(
          block.columns.map(column => column.title ?? column.name),
          block.rows.slice(0, shownRows),
        )
        if (block.rows.length > shownRows)
          print(`… and ${(block.rows.length - shownRows).toLocaleString('en')} more rows (--json has all)`)
        break
      case 'bars': {
        const size = (value: number | null) => Math.abs(value ?? 0)
        const most = Math.max(...block.bars.map(bar => size(bar.value)), Number.MIN_VALUE)
        // A label that stands in several groups is a bar of its own in each.
        const repeated = new Set(block.bars.map(bar => bar.label)).size < block.bars.length
        const names = block.bars.map(({ label, group }) => (repeated && group ? `${label}, ${group}` : label))
        const width = Math.max(0, ...names.map(displayWidth))
        for (const [at, { value }] of block.bars.entries()) {
          // What is below zero is drawn lighter.
          const bar = ((value ?? 0) < 0 ? '░' : '█').repeat(Math.round((40 * size(value)) / most))
          print(`${pad(names[at], width)}  ${bar} ${format(value)}`)
        }
        break
      }
      case 'series':
        printSeries(block)
        break
      case 'scatter':
        printScatter(block)
        break
      case 'timeline':
        printTable(
          ['lane', 'span', `start (${block.unit})`, `end (${block.unit})`],
          block.lanes
            .flatMap(lane => lane.spans.map(span => [lane.name, span.label, span.start, span.end]))
            .slice(0, shownRows),
        )
        break
      case 'graph':
        print(`${block.nodes.length} nodes, ${block.edges.length} edges (--json has them)`)
        for (const [at, { label }] of (block.path ?? []).slice(0, shownRows).entries())
          print(`${String(at + 1).padStart(4)}  ${label}`)
        if ((block.path?.length ?? 0) > shownRows) print(`      and ${block.path!.length - shownRows} more steps`)
        break
      case 'markdown':
        // Backslashes are for the page, where text of the user's stays what it is.
        print(block.text.replace(/\\([!-/:-@[-`{-~])/g, '$1'))
        break
      case 'file':
        print(`${join(directory, block.file)} (${format(block.bytes ?? 0)} bytes)`)
        break
    }
  }
}

const plotWidth = 64
const plotHeight = 16
const marks = 'ox+*#@%&=~'

function printSeries({ series, x, y }: SeriesBlock): void {
  const points = series.flatMap((one, index) =>
    one.points
      .filter(([, value]) => value !== null)
      .map(([at, value]) => ({ x: at, y: value!, mark: marks[index % marks.length] })),
  )
  if (series.length > 1) print(series.map((one, index) => `${marks[index % marks.length]} ${one.name}`).join('   '))
  plot(points, x.label, y.label)
}

function printScatter({ points, x, y, emphasis = [] }: ScatterBlock): void {
  const groups = [...new Set(points.group ?? [])].sort(byName)
  const plotted = points.x.map((at, index) => ({
    x: at,
    y: points.y[index],
    mark: points.group ? letter(groups.indexOf(points.group[index])) : '·',
  }))
  for (const index of emphasis)
    if (plotted[index]) plotted.push({ ...plotted[index], mark: plotted[index].mark.toUpperCase() })
  plot(plotted, x.label, y.label)
  if (emphasis.length) print('Capital letters are the marked points.')
}

/** Numbers by size, names by alphabet. */
const byName = (a: number | string, b: number | string) =>
  typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', { numeric: true })

const letter = (index: number) => String.fromCharCode(97 + (index % 26))

function plot(points: { x: number; y: number; mark: string }[], xLabel: string, yLabel: string): void {
  if (!points.length) {
    print('(no points)')
    return
  }
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity]
  for (const { x, y } of points) {
    left = Math.min(left, x)
    right = Math.max(right, x)
    low = Math.min(low, y)
    high = Math.max(high, y)
  }
  const grid = Array.from({ length: plotHeight }, () => new Array<string>(plotWidth).fill(' '))
  for (const { x, y, mark } of points) {
    const column = Math.round(((x - left) / (right - left || 1)) * (plotWidth - 1))
    const row = Math.round(((high - y) / (high - low || 1)) * (plotHeight - 1))
    grid[row][column] = mark
  }
  const scale = [format(high), format(low)]
  const margin = Math.max(...scale.map(displayWidth))
  print(`${' '.repeat(margin)} ${yLabel}`)
  for (const [index, row] of grid.entries())
    print(
      `${pad(index === 0 ? scale[0] : index === plotHeight - 1 ? scale[1] : '', margin, true)} │${row.join('').trimEnd()}`,
    )
  print(`${' '.repeat(margin)} └${'─'.repeat(plotWidth)}`)
  const ends = [format(left), format(right)]
  print(`${' '.repeat(margin + 2)}${pad(ends[0], plotWidth - displayWidth(ends[1]))}${ends[1]}  ${xLabel}`)
}

function format(value: Cell | undefined): string {
  if (value === null || value === undefined) return '–'
  if (typeof value === 'number')
    return Number.isInteger(value) ? value.toLocaleString('en') : String(Number(value.toPrecision(7)))
  return String(value).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
}

/** No title, label or cell may send control sequences to the terminal. */
function print(text: string): void {
  console.log(text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, ' '))
}

function displayWidth(text: string): number {
  return [...text].length
}

function pad(text: string, width: number, right = false): string {
  const letters = [...text]
  const cut = letters.length > width ? `${letters.slice(0, width - 1).join('')}…` : text
  const space = ' '.repeat(Math.max(0, width - letters.length))
  return right ? space + cut : cut + space
}
