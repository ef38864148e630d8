/** Draws queries a second over recall as an SVG that reads well on light and dark pages. */

export interface Curve {
  name: string
  threads: number
  /** By ef, in ascending order. */
  points: { ef: number; recall: number; queriesPerSecond: number }[]
}

const width = 830
const height = 420
const left = 64
const right = 280
const top = 44
const bottom = 48
const colours = [
  '#0a84d0',
  '#e0682c',
  '#1f9d6b',
  '#9b59b6',
  '#c0392b',
  '#7f8c8d',
  '#b8860b',
  '#16a0a0',
  '#d06a9a',
  '#6b7fd6',
  '#8a9a3b',
]
/** Recalls are spread by how many are missed: between 0.9 and 0.99 lies as much as between 0.99 and 0.999. */
const ticks = [0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998]
const [least, most] = [0.8, 0.9985]

const spread = (recall: number) => -Math.log10(1 - recall)
const xOf = (recall: number) =>
  left + ((spread(recall) - spread(least)) / (spread(most) - spread(least))) * (width - left - right)

export function recallPlot(title: string, curves: Curve[]): string {
  const shown = curves
    .map(curve => ({ ...curve, points: curve.points.filter(({ recall }) => recall >= least && recall <= most) }))
    .filter(({ points }) => points.length > 1)
  const speeds = shown.flatMap(({ points }) => points.map(point => point.queriesPerSecond))
  const [low, high] = [Math.log10(Math.min(...speeds) / 1.2), Math.log10(Math.max(...speeds) * 1.2)]
  const yOf = (speed: number) => top + ((high - Math.log10(speed)) / (high - low)) * (height - top - bottom)
  const round = (value: number) => value.toFixed(1)
  const lines: string[] = []
  for (const recall of ticks)
    lines.push(
      `<line x1="${round(xOf(recall))}" x2="${round(xOf(recall))}" y1="${top}" y2="${height - bottom}" class="grid"/>`,
      `<text x="${round(xOf(recall))}" y="${height - bottom + 18}" text-anchor="middle">${recall}</text>`,
    )
  for (let power = Math.floor(low); power <= high; power++)
    for (const digit of [1, 2, 5]) {
      const speed = digit * 10 ** power
      if (Math.log10(speed) < low || Math.log10(speed) > high) continue
      const y = round(yOf(speed))
      lines.push(
        `<line x1="${left}" x2="${width - right}" y1="${y}" y2="${y}" class="grid"/>`,
        `<text x="${left - 8}" y="${y}" dy="4" text-anchor="end">${speed >= 1000 ? `${speed / 1000} k` : speed}</text>`,
      )
    }
  for (const [at, { name, threads, points }] of shown.entries()) {
    const colour = colours[at % colours.length]
    const path = points.map(({ recall, queriesPerSecond }) => `${round(xOf(recall))},${round(yOf(queriesPerSecond))}`)
    const dashes = name.startsWith('Offprint') ? '' : ' stroke-dasharray="5 3"'
    lines.push(`<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>`)
    for (const one of path) {
      const [x, y] = one.split(',')
      lines.push(`<circle cx="${x}" cy="${y}" r="3" fill="${colour}"/>`)
    }
    const y = top + 8 + at * 20
    lines.push(
      `<line x1="${width - right + 16}" x2="${width - right + 40}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="2"${dashes}/>`,
      `<text x="${width - right + 46}" y="${y}" dy="4">${name}, ${threads} thread${threads > 1 ? 's' : ''}</text>`,
    )
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}" font-family="system-ui, sans-serif" font-size="11">
<style>text { fill: #444 } .grid { stroke: #8884 } @media (prefers-color-scheme: dark) { text { fill: #ccc } }</style>
<text x="${left}" y="20" font-size="13">${title}</text>
<text x="${(left + width - right) / 2}" y="${height - 10}" text-anchor="middle">recall@10</text>
<text x="${left - 8}" y="${top - 10}" text-anchor="end">queries/s</text>
${lines.join('\n')}
</svg>
`
}
