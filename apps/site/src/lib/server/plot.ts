/**
 * Charts drawn on the server with Observable Plot, in the page's own theme: colours are classes of app.css, so that light,
 * dark and paper all work. Each chart is drawn for a wide and for a narrow place; the page shows the one that fits.
 */

import * as Plot from '@observablehq/plot'
import type { Block } from '@offprint/papers'
import { parseHTML } from 'linkedom'

const { document } = parseHTML('<!doctype html><html><body></body></html>')

/** More points than this are thinned evenly: beyond it the picture only gets heavier. Emphasised points always stay. */
const drawnPoints = { wide: 2000, narrow: 700 }

/** A line of more points than this is drawn without a dot on each. */
const dottedPoints = 60

const sizes = { wide: { width: 720, height: 420 }, narrow: { width: 380, height: 320 } }
type Size = keyof typeof sizes

/** Colours come again after eight series, with the next of these shapes. */
const colours = 8
const shapes = ['circle', 'square', 'triangle', 'diamond', 'star', 'cross', 'wye'] as const

/** The part of a chart that is looked at, in its own units. */
export interface Window {
  x: [number, number]
  y: [number, number]
}

export interface Chart {
  wide: string
  narrow: string
  /** Empty where there is one series only. */
  legend: { name: string; style: string; shape: string }[]
  /** Whether a part of it can be looked at more closely. */
  zooms: boolean
  /** How many of its points are drawn, where not all are. */
  thinned?: { drawn: number; of: number }
}

/** The chart of a block; undefined for blocks that are no charts. */
export function drawChart(block: Block, window?: Window): Chart | undefined {
  if (!['series', 'bars', 'scatter', 'graph', 'timeline'].includes(block.type)) return undefined
  const wide = draw(block, 'wide', window)
  const narrow = draw(block, 'narrow', window)
  const groups = groupsOf(block)
  return {
    wide: wide.svg,
    narrow: narrow.svg,
    legend:
      groups.length > 1
        ? groups.map((name, index) => ({ name, style: `s${(index % colours) + 1}`, shape: pathOf(index) }))
        : [],
    zooms: block.type === 'series' || block.type === 'scatter',
    thinned: wide.thinned,
  }
}

function draw(block: Block, size: Size, window?: Window) {
  const { width, height } = sizes[size]
  const { thinned, ...options } = optionsOf(block, size, window)
  const drawn = Plot.plot({
    document: document as unknown as Document,
    width,
    height,
    marginLeft: size === 'wide' ? 60 : 46,
    marginRight: 16,
    marginBottom: 44,
    ...options,
    ...(window && {
      x: { ...options.x, domain: window.x, nice: false },
      y: { ...options.y, domain: window.y, nice: false },
    }),
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

function optionsOf(block: Block, size: Size, window?: Window): Plot.PlotOptions & { thinned?: Chart['thinned'] } {
  const groups = groupsOf(block)
  const clip = window !== undefined
  switch (block.type) {
    case 'series': {
      const radius = size === 'wide' ? 3 : 2.5
      return {
        x: axis(block.x),
        y: { ...axis(block.y), grid: true },
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
      const names = block.bars.map(bar => bar.label)
      const room = size === 'wide' ? 240 : 130
      const longest = Math.max(0, ...names.map(name => name.length))
      const letters = Math.floor((room - 16) / 6.6)
      return {
        marginLeft: Math.min(room, 16 + 6.6 * longest),
        height: 60 + 28 * block.bars.length,
        x: { ...axis(block.y), grid: true, ticks: size === 'wide' ? 8 : 4 },
        y: {
          label: null,
          domain: names,
          tickFormat: (name: string) => (name.length > letters ? `${name.slice(0, letters - 1)}…` : name),
        },
        marks: [
          groups.map((group, index) =>
            Plot.barX(
              block.bars.filter(bar => (bar.group ?? '') === group),
              {
                x: 'value',
                y: 'label',
                className: styleOf(index, 'area'),
                title: bar => `${bar.label}${group && ` (${group})`}\n${label(block.y, bar.value)}`,
              },
            ),
          ),
          Plot.ruleX([0]),
        ],
      }
    }
    case 'scatter': {
      const { points, emphasis } = block
      const ringed = new Set(emphasis)
      const rows = points.x.flatMap((x, index) => {
        const y = points.y[index]
        const outside = window && (x < window.x[0] || x > window.x[1] || y < window.y[0] || y > window.y[1])
        return outside
          ? []
          : [
              {
                x,
                y,
                group: String(points.group?.[index] ?? ''),
                label: points.label?.[index] ?? `row ${index}`,
                index,
              },
            ]
      })
      const step = Math.max(1, Math.ceil(rows.length / drawnPoints[size]))
      const shown = rows.filter((row, at) => at % step === 0 || ringed.has(row.index))
      const byGroup = Map.groupBy(shown, row => row.group)
      const title = (row: (typeof rows)[number]) =>
        `${row.label}${row.group && ` (${row.group})`}\n${label(block.x, row.x)}\n${label(block.y, row.y)}`
      return {
        thinned: shown.length < rows.length ? { drawn: shown.length, of: rows.length } : undefined,
        x: axis(block.x),
        y: axis(block.y),
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
          Plot.dot(
            shown.filter(row => ringed.has(row.index)),
            { x: 'x', y: 'y', r: 7, stroke: 'currentColor', strokeWidth: 1.8, className: 'ink', title },
          ),
        ],
      }
    }
    case 'timeline': {
      const spans = block.lanes.flatMap(lane =>
        lane.spans.map(span => ({ ...span, lane: lane.name, group: span.group ?? span.label })),
      )
      return {
        marginLeft: size === 'wide' ? 120 : 70,
        height: 60 + 30 * block.lanes.length,
        x: { label: block.unit, grid: true },
        y: { label: null, domain: block.lanes.map(lane => lane.name) },
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
      const edges = block.edges.filter(edge => place.has(edge.from) && place.has(edge.to))
      return {
        axis: null,
        inset: 20,
        marks: [
          Plot.link(edges, {
            x1: edge => place.get(edge.from)!.x,
            y1: edge => place.get(edge.from)!.y,
            x2: edge => place.get(edge.to)!.x,
            y2: edge => place.get(edge.to)!.y,
            stroke: 'currentColor',
            strokeOpacity: 0.45,
          }),
          groups.map((group, index) =>
            Plot.dot(
              [...place.values()].filter(node => (node.group ?? '') === group),
              {
                x: 'x',
                y: 'y',
                r: 6,
                symbol: shapeOf(index),
                fill: 'currentColor',
                className: styleOf(index, 'area'),
                title: node => node.label ?? node.id,
              },
            ),
          ),
          Plot.text(place.values(), {
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

function axis({ label, unit, scale }: Axis): Plot.ScaleOptions {
  return { label: unit ? `${label} (${unit})` : label, type: scale ?? 'linear', nice: true }
}

/** A figure with its axis, as a pointer is shown it. */
function label({ label, unit }: Axis, value: number | null): string {
  const figure = value === null ? '–' : value.toLocaleString('en', { maximumSignificantDigits: 5 })
  return `${label}: ${figure}${unit ? ` ${unit}` : ''}`
}
