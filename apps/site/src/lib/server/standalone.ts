import type { Chart } from './plot.ts'

/** Styles of a chart by the light colours of app.css. */
function stylesOf(css: string): string {
  const tokens = new Map(
    [...css.matchAll(/(--[\w-]+): light-dark\((#\w+), #\w+\)/g)].map(([, name, light]) => [name, light]),
  )
  return [
    `svg{font:12.5px sans-serif;color:${tokens.get('--quiet')};background:#fff}`,
    `.ink{color:${tokens.get('--ink')}}text.ink{fill:currentColor}`,
    ...Array.from({ length: 8 }, (_, index) => {
      const colour = tokens.get(`--series-${index + 1}`)
      return `.area.s${index + 1}{fill:${colour}}.stroke.s${index + 1}{stroke:${colour}}`
    }),
  ].join('')
}

const lineHeight = 20

/** A chart's SVG as it stands in a file: with its colours, which on a page come from app.css, and its legend. @param css text of app.css */
export function standalone({ wide = '', legend }: Pick<Chart, 'wide' | 'legend'>, css: string): string {
  const [, width, height] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(wide) ?? ['', '720', '420']
  const rows = legend.map(
    ({ name, style, shape }, index) =>
      `<g transform="translate(60,${Number(height) + 8 + lineHeight * index})"><path class="area ${style}" d="${shape}"/><text class="ink" x="18" y="9">${escapeText(name || 'none')}</text></g>`,
  )
  const tall = Number(height) + (rows.length && 16 + lineHeight * rows.length)
  return wide
    .replace(/^<svg[^>]*>/, opening => {
      const sized = opening
        .replace(/ viewBox="[^"]*"/, ` viewBox="0 0 ${width} ${tall}"`)
        .replace(/ height="[^"]*"/, ` height="${tall}"`)
      return `${sized.includes('xmlns=') ? sized : sized.replace('<svg', '<svg xmlns="http://www.w3.org/2000/svg"')}<style>${stylesOf(css)}</style>`
    })
    .replace(/<\/svg>$/, `${rows.join('')}</svg>`)
}

function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '')
}
