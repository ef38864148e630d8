import css from '../../app.css?raw'

/** Colours of the light theme, by token. */
const tokens = new Map(
  [...css.matchAll(/(--[\w-]+): light-dark\((#\w+), #\w+\)/g)].map(([, name, light]) => [name, light]),
)

const styles = [
  `svg{font:12.5px sans-serif;color:${tokens.get('--quiet')};background:#fff}`,
  `.ink{color:${tokens.get('--ink')}}`,
  ...Array.from({ length: 8 }, (_, index) => {
    const colour = tokens.get(`--series-${index + 1}`)
    return `.area.s${index + 1}{fill:${colour}}.stroke.s${index + 1}{stroke:${colour}}`
  }),
].join('')

/** A chart's SVG as it stands in a file: with its colours, which on a page come from app.css. */
export function standalone(svg: string): string {
  return svg.replace(/^<svg([^>]*)>/, (_, attributes: string) => {
    const namespace = attributes.includes('xmlns=') ? '' : ' xmlns="http://www.w3.org/2000/svg"'
    return `<svg${namespace}${attributes}><style>${styles}</style>`
  })
}
