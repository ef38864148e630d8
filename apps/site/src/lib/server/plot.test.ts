import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import type { Block } from '@offprint/papers'
import { drawChart } from './plot.ts'
import { standalone } from './standalone.ts'

const css = readFileSync(new URL('../../app.css', import.meta.url), 'utf8')
const axis = (label: string, scale?: 'log') => ({ label, ...(scale && { scale }) })
const count = (svg: string | undefined, pattern: RegExp) => svg?.match(pattern)?.length ?? 0

function scatter(
  rows: number,
  groupOf: (row: number) => string,
  more: Partial<Extract<Block, { type: 'scatter' }>> = {},
) {
  const all = Array.from({ length: rows }, (_, row) => row)
  return {
    type: 'scatter' as const,
    name: 'map',
    title: 'Map',
    x: axis('x'),
    y: axis('y'),
    points: { x: all, y: all.map(row => row % 7), group: all.map(groupOf) },
    ...more,
  }
}

describe('a chart of many points', () => {
  test('shows some of every group, in whatever order the rows come', () => {
    for (const groupOf of [
      (row: number) => String(row % 25),
      (row: number) => (row % 2 ? 'odd' : 'even'),
      (row: number) => (row < 5 ? 'few' : 'many'),
    ]) {
      const chart = drawChart(scatter(50_000, groupOf, { emphasis: [49_999] }))!
      for (const [name, most] of [
        ['wide', 2000],
        ['narrow', 700],
      ] as const) {
        const groups = chart[name]!.split('<g ').filter(part => /class="area/.test(part))
        assert.equal(groups.length, chart.legend.length)
        for (const group of groups) assert.ok(count(group, /<(circle|path)/g) > 0, name)
        const drawn = groups.reduce((sum, group) => sum + count(group, /<(circle|path)/g), 0)
        assert.ok(drawn <= 1.3 * most, `${drawn}`)
        assert.equal(chart.thinned![name], drawn)
      }
      assert.match(chart.wide!, /class="ink g/)
    }
  })

  test('looked at closer shows all that are there', () => {
    const chart = drawChart(
      scatter(50_000, () => 'a'),
      { x: [100, 200], y: [-1, 10] },
    )!
    assert.equal(count(chart.wide, /<circle/g), 101)
    assert.equal(chart.thinned, undefined)
    for (const part of [
      { x: [0, 1e-320], y: [0, 1] },
      { x: [5, 5], y: [0, 1] },
      { x: [-1e308, 1e308], y: [0, 1] },
    ] as { x: [number, number]; y: [number, number] }[])
      assert.equal(
        count(
          drawChart(
            scatter(10, () => 'a'),
            part,
          )!.wide,
          /<circle/g,
        ),
        10,
      )
  })
})

describe('a chart of odd figures', () => {
  const series = (points: [number, number | null][], scale?: 'log'): Block => ({
    type: 'series',
    name: 'line',
    title: 'Line',
    x: axis('x', scale),
    y: axis('y', scale),
    series: [{ name: 'a', points }],
  })

  test('leaves out what a logarithmic axis has no place for, and says so', () => {
    const chart = drawChart(
      series(
        [
          [-1, 1],
          [0, 1],
          [1, 0],
          [10, 10],
          [100, 20],
        ],
        'log',
      ),
    )!
    assert.equal(chart.misplaced, 3)
    assert.equal(count(chart.wide, /<circle/g), 2)
    // A part below zero is no part of it.
    assert.equal(
      count(
        drawChart(
          series(
            [
              [1, 1],
              [9, 9],
            ],
            'log',
          ),
          { x: [-10, 10], y: [0, 1] },
        )!.wide,
        /<circle/g,
      ),
      2,
    )
  })

  test('without any figure is not drawn', () => {
    assert.equal(drawChart(series([]))!.wide, undefined)
    assert.equal(drawChart(series([[1, null]]))!.wide, undefined)
    assert.equal(drawChart(series([[-1, -1]], 'log'))!.wide, undefined)
    assert.equal(
      drawChart({ type: 'bars', name: 'b', title: 'B', y: axis('y'), bars: [{ label: 'a', value: null }] })!.wide,
      undefined,
    )
  })

  test('of one value, or far from zero, has an axis that can be read', () => {
    const labels = (chart: ReturnType<typeof drawChart>) =>
      [...chart!.wide!.matchAll(/<text[^>]*>([^<]+)<\/text>/g)].map(([, text]) => text)
    assert.ok(labels(drawChart(series([[5, 5]]))).every(text => text.length < 8))
    const far = Array.from({ length: 100 }, (_, at) => [1.7e9 + at, 1e6 + at / 100] as [number, number])
    const ticks = labels(drawChart(series(far))).filter(text => text.startsWith('1,700,'))
    assert.ok(ticks.length >= 2 && ticks.length <= 8, ticks.join())
    assert.ok(
      labels(
        drawChart(
          series(
            [
              [0.001, 1],
              [1000, 10],
            ],
            'log',
          ),
        ),
      ).includes('0.001'),
    )
  })

  test('bars of one label in two groups stand beside each other; on a logarithmic axis they begin below the least', () => {
    const bars = (scale?: 'log'): Block => ({
      type: 'bars',
      name: 'bars',
      title: 'Bars',
      y: axis('time', scale),
      bars: [
        { label: 'build', value: 3, group: 'ours' },
        { label: 'build', value: 5, group: 'theirs' },
        { label: 'search', value: null, group: 'ours' },
      ],
    })
    const places = (block: Block) => [...drawChart(block)!.wide!.matchAll(/<rect[^>]* y="([\d.]+)"/g)].map(([, y]) => y)
    assert.equal(new Set(places(bars())).size, 2)
    const widths = [...drawChart(bars('log'))!.wide!.matchAll(/<rect[^>]* width="([\d.]+)"/g)].map(([, width]) =>
      Number(width),
    )
    assert.ok(widths.length === 2 && widths.every(width => width > 10), widths.join())
  })

  test('as a file has its legend, its colours and nothing that could run', () => {
    const chart = drawChart(scatter(10, row => (row % 2 ? '<script>a&b' : 'b')))!
    const svg = standalone(chart, css)
    assert.match(svg, /&lt;script>a&amp;b<\/text>/)
    assert.match(svg, /viewBox="0 0 720 \d+"/)
    assert.ok(Number(/viewBox="0 0 720 (\d+)"/.exec(svg)![1]) > 420)
    assert.doesNotMatch(svg, /<script|var\(--|undefined/)
  })
})
