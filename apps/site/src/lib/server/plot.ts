/** Charts drawn on the server with Observable Plot. Colours are classes of app.css, so that light and dark both work. */

import * as Plot from '@observablehq/plot'
import type { Block } from '@offprint/papers'
import { parseHTML } from 'linkedom'

const { document } = parseHTML('<!doctype html><html><body></body></html>')

/** Colours of the series in their order; the values are in app.css. */
export const seriesColours = Array.from({ length: 8 }, (_, index) => `var(--series-${index + 1})`)

/** More points than this are thinned evenly: beyond it the picture only gets heavier. Emphasised points always stay. */
const drawnPoints = 2000

/** A line of more points than this is drawn without a dot on each. */
const dottedPoints = 60

/** The chart of a block as an SVG element, and its legend; undefined for blocks that are no charts. */
export function drawChart(block: Block, width = 720): { svg: string; legend: string[] } | undefined {
  const chart = options(block)
  if (!chart) return undefined
  const { legend, ...rest } = chart
  const drawn = Plot.plot({
    document: document as unknown as Document,
    width,
    height: 420,
    marginLeft: 64,
    marginBottom: 44,
    ...rest,
    color: { type: 'categorical', domain: legend, range: seriesColours, ...rest.color },
  })
  // The page's policy allows no inline styles; what Plot would put there stands in app.css.
  for (const style of [...drawn.querySelectorAll('style')]) style.remove()
  for (const element of [drawn, ...drawn.querySelectorAll('[style]')]) element.removeAttribute('style')
  // One picture with one name: labels of its parts would only be read out as noise.
  for (const element of drawn.querySelectorAll('[aria-label]')) element.removeAttribute('aria-label')
  drawn.setAttribute('role', 'img')
  drawn.setAttribute('aria-label', block.title)
  return { svg: drawn.outerHTML, legend: legend.length > 1 ? legend : [] }
}

type Chart = Plot.PlotOptions & { legend: string[] }

function options(block: Block): Chart | undefined {
  switch (block.type) {
    case 'series': {
      const rows = block.series.flatMap(({ name, points }) => points.map(([x, y]) => ({ x, y, name })))
      const crowded = new Set(block.series.filter(one => one.points.length > dottedPoints).map(one => one.name))
      const dotted = rows.filter(row => !crowded.has(row.name))
      return {
        legend: block.series.map(one => one.name),
        x: axis(block.x),
        y: { ...axis(block.y), grid: true },
        marks: [
          Plot.line(rows, { x: 'x', y: 'y', stroke: 'name', strokeWidth: 2 }),
          Plot.dot(dotted, { x: 'x', y: 'y', fill: 'name', r: 3, title: row => `${row.name}: ${row.x}, ${row.y}` }),
          Plot.dot(block.marks ?? [], { x: 'x', y: 'y', r: 8, stroke: 'currentColor', strokeWidth: 2 }),
          Plot.text(block.marks ?? [], { x: 'x', y: 'y', text: 'label', dy: -16, fill: 'currentColor' }),
        ],
      }
    }
    case 'bars': {
      const groups = [...new Set(block.bars.map(bar => bar.group ?? ''))]
      return {
        legend: groups,
        marginLeft: 160,
        height: 60 + 28 * block.bars.length,
        x: { ...axis(block.y), grid: true },
        y: { label: null, domain: block.bars.map(bar => bar.label) },
        marks: [
          Plot.barX(block.bars, {
            x: 'value',
            y: 'label',
            fill: bar => bar.group ?? '',
            title: bar => `${bar.label}: ${bar.value}`,
          }),
          Plot.ruleX([0]),
        ],
      }
    }
    case 'scatter': {
      const { x, y, group, label } = block.points
      const ringed = new Set(block.emphasis)
      const step = Math.max(1, Math.ceil(x.length / drawnPoints))
      const rows = x
        .map((at, index) => ({
          x: at,
          y: y[index],
          group: String(group?.[index] ?? ''),
          label: label?.[index] ?? String(index),
          index,
        }))
        .filter(row => row.index % step === 0 || ringed.has(row.index))
      const groups = [...new Set((group ?? ['']).map(String))].sort((a, b) =>
        a.localeCompare(b, 'en', { numeric: true }),
      )
      return {
        legend: groups,
        x: axis(block.x),
        y: axis(block.y),
        color: { range: groups.map((_, index) => seriesColours[index % seriesColours.length]) },
        marks: [
          Plot.dot(rows, {
            x: 'x',
            y: 'y',
            fill: 'group',
            r: 3,
            fillOpacity: 0.75,
            title: row => `${row.label} (${row.group})`,
          }),
          Plot.dot(
            rows.filter(row => ringed.has(row.index)),
            { x: 'x', y: 'y', r: 7, stroke: 'currentColor', strokeWidth: 1.8, title: 'label' },
          ),
        ],
      }
    }
    case 'timeline': {
      const spans = block.lanes.flatMap(lane =>
        lane.spans.map(span => ({ ...span, lane: lane.name, group: span.group ?? span.label })),
      )
      return {
        legend: [...new Set(spans.map(span => span.group))],
        marginLeft: 120,
        height: 60 + 30 * block.lanes.length,
        x: { label: block.unit, grid: true },
        y: { label: null, domain: block.lanes.map(lane => lane.name) },
        marks: [
          Plot.barX(spans, {
            x1: 'start',
            x2: 'end',
            y: 'lane',
            fill: 'group',
            title: span => `${span.label}: ${span.start} to ${span.end} ${block.unit}`,
          }),
        ],
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
        legend: [...new Set(block.nodes.map(node => node.group ?? ''))],
        axis: null,
        marks: [
          Plot.link(edges, {
            x1: edge => place.get(edge.from)!.x,
            y1: edge => place.get(edge.from)!.y,
            x2: edge => place.get(edge.to)!.x,
            y2: edge => place.get(edge.to)!.y,
            stroke: 'currentColor',
            strokeOpacity: 0.35,
          }),
          Plot.dot(place.values(), {
            x: 'x',
            y: 'y',
            fill: node => node.group ?? '',
            r: 6,
            title: node => node.label ?? node.id,
          }),
          Plot.text(place.values(), {
            x: 'x',
            y: 'y',
            text: node => node.label ?? node.id,
            dy: -12,
            fill: 'currentColor',
          }),
        ],
      }
    }
    default:
      return undefined
  }
}

function axis({ label, unit, scale }: { label: string; unit?: string; scale?: 'linear' | 'log' }): Plot.ScaleOptions {
  return { label: unit ? `${label} (${unit})` : label, type: scale ?? 'linear', nice: true }
}
