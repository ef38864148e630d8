/**
 * Charts drawn on the server with Observable Plot, in the page's own theme: colours are classes of app.css, so that light,
 * dark and paper all work. Each chart is drawn for a wide and for a narrow place; the page shows the one that fits.
 */

import * as Plot from '@observablehq/plot'
import type { Block } from '@offprint/papers'
import { parseHTML } from 'linkedom'

const { document } = parseHTML('<!doctype html><html><body></body></html>')

/** More points than this are thinned: beyond it the picture only gets heavier. Emphasised points always stay. */
const drawnPoints = { wide: 2000, narrow: 700 }

/** A line of more points than this is drawn without a dot on each. */
const dottedPoints = 60

const sizes = { wide: { width: 720, height: 420 }, narrow: { width: 380, height: 320 } }
type Size = keyof typeof sizes

/** In a graph of more nodes a name at each would hide the rest: they are named under the pointer. */
const namedNodes = 60

/** Colours come again after eight series, with the next of these shapes. */
const colours = 8
const shapes = ['circle', 'square', 'triangle', 'diamond', 'star', 'cross', 'wye'] as const

/** The part of a chart that is looked at, in its own units. */
export interface Window {
  x: [number, number]
  y: [number, number]
}

export interface Chart {
  /** Undefined where there is no point to draw. */
  wide?: string
  narrow?: string
  /** Empty where there is one series only. */
  legend: { name: string; style: string; shape: string }[]
  /** Whether a part of it can be looked at more closely. */
  zooms: boolean
  /** How many of its points are drawn, where not all are; and how many a logarithmic axis has no place for. */
  thinned?: { wide: number; narrow: number; of: number }
  misplaced: number
}

/** The chart of a block; undefined for blocks that are no charts. @param given the part to show; nonsense shows the whole */
export function drawChart(given: Block, part?: Window): Chart | undefined {
  if (!['series', 'bars', 'scatter', 'graph', 'timeline'].includes(given.type)) return undefined
  const { block, misplaced } = placeable(given)
  const groups = groupsOf(block)
  const zooms = block.type === 'series' || block.type === 'scatter'
  const window = zooms && part && fits(block, part) ? part : undefined
  const chart: Chart = {
    legend:
      groups.length > 1
        ? groups.map((name, index) => ({ name, style: `s${(index % colours) + 1}`, shape: pathOf(index) }))
        : [],
    zooms,
    misplaced,
  }
  if (isEmpty(block)) return { ...chart, legend: [], zooms: false }
  const [wide, narrow] = [draw(block, 'wide', window), draw(block, 'narrow', window)]
  return {
    ...chart,
    wide: wide.svg,
    narrow: narrow.svg,
    thinned: narrow.thinned && {
      wide: wide.thinned?.drawn ?? narrow.thinned.of,
      narrow: narrow.thinned.drawn,
      of: narrow.thinned.of,
    },
  }
}

/** A chart without the points that its axes have no place for: missing ones, and those at or below zero on a log axis. */
function placeable(block: Block): { block: Block; misplaced: number } {
  const has = ({ scale }: Axis, value: number | null) =>
    value !== null && Number.isFinite(value) && (scale !== 'log' || value > 0)
  let misplaced = 0
  const keep = (known: boolean, placed: boolean) => {
    if (known && !placed) misplaced++
    return placed
  }
  if (block.type === 'series') {
    const series = block.series.map(one => ({
      ...one,
      // A missing figure breaks the line.
      points: one.points
        .filter(([x, y]) => keep(y !== null, has(block.x, x) && (y === null || has(block.y, y))))
        .map(([x, y]) => [x, y] as [number, number | null]),
    }))
    const marks = block.marks?.filter(({ x, y }) => has(block.x, x) && has(block.y, y))
    return { block: { ...block, series, marks }, misplaced }
  }
  if (block.type === 'bars')
    return {
      block: { ...block, bars: block.bars.filter(bar => keep(bar.value !== null, has(block.y, bar.value))) },
      misplaced,
    }
  if (block.type === 'scatter') {
    const { x, y, group, label } = block.points
    const placed = x.flatMap((at, index) => (keep(true, has(block.x, at) && has(block.y, y[index])) ? [index] : []))
    if (placed.length === x.length) return { block, misplaced }
    const now = new Map(placed.map((before, index) => [before, index]))
    const points = {
      x: placed.map(index => x[index]),
      y: placed.map(index => y[index]),
      ...(group && { group: placed.map(index => group[index]) }),
      ...(label && { label: placed.map(index => label[index]) }),
    }
    return { block: { ...block, points, emphasis: block.emphasis?.flatMap(index => now.get(index) ?? []) }, misplaced }
  }
  return { block, misplaced }
}

function isEmpty(block: Block): boolean {
  switch (block.type) {
    case 'series':
      return !block.series.some(({ points }) => points.some(([, y]) => y !== null))
    case 'bars':
      return !block.bars.length
    case 'scatter':
      return !block.points.x.length
    case 'graph':
      return !block.nodes.length
    case 'timeline':
      return !block.lanes.some(lane => lane.spans.length)
    default:
      return true
  }
}

/** Whether there is a picture to be made of a part: wide enough to tell its ends apart, and above zero on a log axis. */
function fits(block: Block & { x: Axis; y: Axis }, { x, y }: Window): boolean {
  const wide = ([low, high]: [number, number], { scale }: Axis) =>
    Math.max(-low, high) < 1e300 &&
    high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high), 1e-300) &&
    (scale !== 'log' || low > 1e-300)
  return wide(x, block.x) && wide(y, block.y)
}

function draw(block: Block, size: Size, window?: Window) {
  const { width, height } = sizes[size]
  const { thinned, ...options } = optionsOf(block, size, window)
  const drawn = Plot.plot({
    document: document as unknown as Document,
    width,
    height,
    marginLeft: 60,
    marginRight: 16,
    marginBottom: 44,
    ...options,
  })
  // The page's policy allows no inline styles; what Plot would put there stands in app.css.
  for (const style of [...drawn.querySelectorAll('style')]) style.remove()
  for (const element of [drawn, ...drawn.querySelectorAll('[style]')]) element.removeAttribute('style')
  // One picture with one name: labels of its parts would only be read out as noise.
  for (const element of drawn.querySelectorAll('[aria-label]')) element.removeAttribute('aria-label')
  drawn.setAttribute('role', 'img')
  drawn.setAttribute('aria-label', block.title)
  drawn.setAttribute('class', size)
  // Where the script finds back from pixels to units.
  for (const name of ['x', 'y'] as const) {
    const scale = drawn.scale(name)
    const ends = [...(scale?.domain ?? []), ...(scale?.range ?? [])]
    if (ends.length === 4 && ends.every(Number.isFinite))
      drawn.setAttribute(`data-${name}`, [...ends, scale!.type].join(' '))
  }
  return { svg: drawn.outerHTML, thinned }
}

/**
 * So many of the points, by lot but always the same: of each group its share, and of a small group more than that, so
 * that no order of the rows can hide one.
 */
function thinnedOut<Row extends { group: string; index: number }>(rows: Row[], most: number, kept: Set<number>): Row[] {
  if (rows.length <= most) return rows
  const lot = ({ index }: Row) => Math.imul(index + 1, 0x9e3779b1) >>> 0
  const byGroup = Map.groupBy(rows, row => row.group)
  const least = Math.max(1, Math.floor(most / (4 * byGroup.size)))
  const chosen = new Set<Row>()
  for (const group of byGroup.values()) {
    const quota = Math.max(least, Math.floor((most * group.length) / rows.length))
    for (const row of group.toSorted((a, b) => lot(a) - lot(b)).slice(0, quota)) chosen.add(row)
  }
  return rows.filter(row => chosen.has(row) || kept.has(row.index))
}

/** The series of a chart, in the order of its legend. */
function groupsOf(block: Block): string[] {
  switch (block.type) {
    case 'series':
      return block.series.map(one => one.name)
    case 'bars':
      return [...new Set(block.bars.map(bar => bar.group ?? ''))]
    case 'scatter':
      return [...new Set((block.points.group ?? ['']).map(String))].sort((a, b) =>
        a.localeCompare(b, 'en', { numeric: true }),
      )
    case 'timeline':
      return [...new Set(block.lanes.flatMap(lane => lane.spans.map(span => span.group ?? span.label)))]
    case 'graph':
      return [...new Set(block.nodes.map(node => node.group ?? ''))]
    default:
      return []
  }
}

/** Classes of a series: its colour, and the number by which the legend hides it. */
const styleOf = (index: number, kind: 'area' | 'stroke') => `${kind} s${(index % colours) + 1} g${index}`
const shapeOf = (index: number) => shapes[Math.floor(index / colours) % shapes.length]

/** The shape of a series for the legend, within a box of 10 by 10. */
function pathOf(index: number): string {
  return {
    circle: 'M1,5a4,4 0 1,0 8,0a4,4 0 1,0 -8,0',
    square: 'M1.5,1.5h7v7h-7z',
    triangle: 'M5,1L9.3,8.6H0.7z',
    diamond: 'M5,0.5L8.5,5L5,9.5L1.5,5z',
    star: 'M5,0.4L6.4,3.6L9.8,3.9L7.2,6.2L8,9.6L5,7.8L2,9.6L2.8,6.2L0.2,3.9L3.6,3.6z',
    cross: 'M3.5,0.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z',
    wye: 'M3.5,9.5v-4L0.5,3.2L2,0.6L5,2.5L8,0.6L9.5,3.2L6.5,5.5v4z',
  }[shapeOf(index)]
}

function optionsOf(
  block: Block,
  size: Size,
  window?: Window,
): Plot.PlotOptions & { thinned?: { drawn: number; of: number } } {
  const groups = groupsOf(block)
  const clip = window !== undefined
  switch (block.type) {
    case 'series': {
      const radius = size === 'wide' ? 3 : 2.5
      const all = block.series.flatMap(({ points }) => points)
      return {
        ...axes(
          block,
          [...all.map(([x]) => x)],
          all.flatMap(([, y]) => y ?? []),
          size,
          window,
          true,
        ),
        marks: [
          block.series.map(({ points }, index) =>
            Plot.line(points, { strokeWidth: 2, clip, className: styleOf(index, 'stroke') }),
          ),
          block.series.map(({ name, points }, index) =>
            Plot.dot(points.length > dottedPoints ? [] : points, {
              r: radius,
              symbol: shapeOf(index),
              fill: 'currentColor',
              clip,
              className: styleOf(index, 'area'),
              title: ([x, y]) => `${name}\n${label(block.x, x)}\n${label(block.y, y)}`,
            }),
          ),
          Plot.dot(block.marks ?? [], {
            x: 'x',
            y: 'y',
            r: 8,
            stroke: 'currentColor',
            strokeWidth: 2,
            clip,
            className: 'ink',
          }),
          Plot.text(block.marks ?? [], {
            x: 'x',
            y: 'y',
            text: 'label',
            dy: -16,
            fill: 'currentColor',
            clip,
            className: 'ink',
          }),
        ],
      }
    }
    case 'bars': {
      // A label that stands in several groups is a bar of its own in each.
      const seen = new Set(block.bars.map(bar => bar.label))
      const named = (bar: (typeof block.bars)[number]) =>
        seen.size < block.bars.length && bar.group ? `${bar.label}, ${bar.group}` : bar.label
      const names = block.bars.map(named)
      const values = block.bars.flatMap(bar => bar.value ?? [])
      const least = Math.min(...values)
      const start = block.y.scale === 'log' ? 10 ** Math.floor(Math.log10(least) - 1e-9) : 0
      const room = namesRoom(names, size)
      return {
        marginLeft: room.margin,
        height: 60 + 28 * new Set(names).size,
        x: { ...axis(block.y, [start, ...values], size, undefined, room.margin), grid: true },
        y: { label: null, domain: names, tickFormat: room.shown },
        marks: [
          groups.map((group, index) =>
            Plot.barX(
              block.bars.filter(bar => (bar.group ?? '') === group),
              {
                x1: start,
                x2: 'value',
                y: named,
                fill: 'currentColor',
                className: styleOf(index, 'area'),
                title: bar => `${named(bar)}\n${label(block.y, bar.value)}`,
              },
            ),
          ),
          Plot.ruleX([start]),
        ],
      }
    }
    case 'scatter': {
      const { points, emphasis } = block
      const ringed = new Set(emphasis)
      const rows = points.x.flatMap((x, index) => {
        const y = points.y[index]
        const outside = window && (x < window.x[0] || x > window.x[1] || y < window.y[0] || y > window.y[1])
        const group = String(points.group?.[index] ?? '')
        return outside ? [] : [{ x, y, group, label: points.label?.[index] ?? `row ${index}`, index }]
      })
      const shown = thinnedOut(rows, drawnPoints[size], ringed)
      const byGroup = Map.groupBy(shown, row => row.group)
      const title = (row: (typeof rows)[number]) =>
        `${row.label}${row.group && ` (${row.group})`}\n${label(block.x, row.x)}\n${label(block.y, row.y)}`
      return {
        thinned: shown.length < rows.length ? { drawn: shown.length, of: rows.length } : undefined,
        ...axes(block, points.x, points.y, size, window, false),
        marks: [
          groups.map((group, index) =>
            Plot.dot(byGroup.get(group) ?? [], {
              x: 'x',
              y: 'y',
              r: size === 'wide' ? 3 : 2.5,
              symbol: shapeOf(index),
              fill: 'currentColor',
              fillOpacity: 0.75,
              className: styleOf(index, 'area'),
              title,
            }),
          ),
          groups.map((group, index) =>
            Plot.dot(
              (byGroup.get(group) ?? []).filter(row => ringed.has(row.index)),
              { x: 'x', y: 'y', r: 7, stroke: 'currentColor', strokeWidth: 1.8, className: `ink g${index}`, title },
            ),
          ),
        ],
      }
    }
    case 'timeline': {
      const spans = block.lanes.flatMap(lane =>
        lane.spans.map(span => ({ ...span, lane: lane.name, group: span.group ?? span.label })),
      )
      const room = namesRoom(
        block.lanes.map(lane => lane.name),
        size,
      )
      return {
        marginLeft: room.margin,
        height: 60 + 30 * block.lanes.length,
        x: {
          ...axis(
            { label: block.unit },
            spans.flatMap(({ start, end }) => [start, end]),
            size,
          ),
          grid: true,
        },
        y: { label: null, domain: block.lanes.map(lane => lane.name), tickFormat: room.shown },
        marks: groups.map((group, index) =>
          Plot.barX(
            spans.filter(span => span.group === group),
            {
              x1: 'start',
              x2: 'end',
              y: 'lane',
              className: styleOf(index, 'area'),
              title: span => `${span.label}\n${span.start} to ${span.end} ${block.unit}`,
            },
          ),
        ),
      }
    }
    case 'graph': {
      const place = new Map(
        block.nodes.map((node, index) => {
          const angle = (2 * Math.PI * index) / block.nodes.length
          return [node.id, { ...node, x: node.x ?? Math.cos(angle), y: node.y ?? Math.sin(angle) }]
        }),
      )
      const isPlaced = ({ from, to }: { from: string; to: string }) => place.has(from) && place.has(to)
      const ends = {
        x1: (edge: { from: string }) => place.get(edge.from)!.x,
        y1: (edge: { from: string }) => place.get(edge.from)!.y,
        x2: (edge: { to: string }) => place.get(edge.to)!.x,
        y2: (edge: { to: string }) => place.get(edge.to)!.y,
      }
      const isSmall = place.size <= namedNodes
      return {
        axis: null,
        inset: 20,
        marks: [
          Plot.link(block.edges.filter(isPlaced), {
            ...ends,
            stroke: 'currentColor',
            strokeOpacity: Math.max(0.08, Math.min(0.45, 150 / block.edges.length)),
          }),
          groups.map((group, index) =>
            Plot.dot(
              [...place.values()].filter(node => (node.group ?? '') === group),
              {
                x: 'x',
                y: 'y',
                r: isSmall ? 6 : size === 'wide' ? 3 : 2.5,
                symbol: shapeOf(index),
                fill: 'currentColor',
                className: styleOf(index, 'area'),
                title: node => node.label ?? node.id,
              },
            ),
          ),
          (block.path ?? []).map((step, index) => [
            Plot.link([step].filter(isPlaced), {
              ...ends,
              stroke: 'currentColor',
              strokeWidth: 2.5,
              className: `ink step step-${index + 1}`,
            }),
            Plot.dot([step].filter(isPlaced), {
              x: ends.x2,
              y: ends.y2,
              r: 7,
              stroke: 'currentColor',
              strokeWidth: 1.8,
              className: `ink step step-${index + 1}`,
              title: 'label',
            }),
          ]),
          Plot.text(isSmall ? place.values() : [], {
            x: 'x',
            y: 'y',
            text: node => node.label ?? node.id,
            dy: -12,
            fill: 'currentColor',
            className: 'ink',
          }),
        ],
      }
    }
    default:
      return {}
  }
}

interface Axis {
  label: string
  unit?: string
  scale?: 'linear' | 'log'
}

/** Both axes, with room for the longest figure on the left. */
function axes(
  block: { x: Axis; y: Axis },
  xs: number[],
  ys: number[],
  size: Size,
  window: Window | undefined,
  grid: boolean,
): Plot.PlotOptions {
  const [x, y] = [axis(block.x, window?.x ?? xs, size, window), axis(block.y, window?.y ?? ys, size, window)]
  const longest = Math.max(...(y.domain as number[]).map(value => figure(value, block.y).length))
  return { x, y: { ...y, ticks: 8, grid }, marginLeft: Math.min(size === 'wide' ? 150 : 110, 24 + 7 * longest) }
}

/** An axis over some values; exactly over them where they are the ends of a part. */
function axis(of: Axis, values: number[], size: Size, exactly?: unknown, margin = 60): Plot.ScaleOptions {
  const { label, unit, scale = 'linear' } = of
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)]
  // A constant has some room on either side.
  if (low === high)
    [low, high] =
      scale === 'log' ? [low / 2, high * 2] : [low - (Math.abs(low) / 10 || 1), high + (Math.abs(high) / 10 || 1)]
  const room = 24 + 7.5 * Math.max(figure(low, of).length, figure(high, of).length)
  const decades = Math.log10(high / low)
  const leading = decades < 1.2 ? [1, 2, 3, 4, 5, 6, 7, 8, 9] : decades < 3.2 ? [1, 2, 5] : [1]
  return {
    label: unit ? `${label} (${unit})` : label,
    type: scale,
    domain: [low, high],
    nice: !exactly,
    ticks: scale === 'log' ? undefined : Math.max(2, Math.floor((sizes[size].width - margin - 20) / room)),
    tickFormat:
      scale === 'log'
        ? (value: number) => {
            const power = Math.floor(Math.log10(value) + 1e-9)
            return leading.includes(Math.round(value / 10 ** power)) ? figure(value, of) : ''
          }
        : undefined,
  }
}

/** A figure on an axis, short: `20K`, `0.001`. */
function figure(value: number, { scale }: Axis): string {
  if (scale !== 'log') return value.toLocaleString('en', { maximumSignificantDigits: 15 })
  const size = Math.abs(value)
  if (size >= 1e15 || size < 1e-4) return value.toExponential(0)
  return value.toLocaleString('en', { maximumSignificantDigits: 3, ...(size >= 1e4 && { notation: 'compact' }) })
}

/** Room for names at the left, and how a name stands in it. */
function namesRoom(names: string[], size: Size) {
  const most = size === 'wide' ? 240 : 130
  const longest = Math.max(0, ...names.map(name => name.length))
  const letters = Math.floor((most - 20) / 6.8)
  return {
    margin: Math.min(most, 20 + 6.8 * longest),
    shown: (name: string) => (name.length > letters ? `${name.slice(0, letters - 1)}…` : name),
  }
}

/** A figure with its axis, as a pointer is shown it. */
function label({ label, unit }: Axis, value: number | null): string {
  const figure = value === null ? '–' : value.toLocaleString('en', { maximumSignificantDigits: 5 })
  return `${label}: ${figure}${unit ? ` ${unit}` : ''}`
}
