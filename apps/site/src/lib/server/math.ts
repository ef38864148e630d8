/** Text with formulas as HTML: TeX becomes MathML, which browsers set by themselves, and everything else stays text. */
import type { Offprint } from '@offprint/server'
import katex from 'katex'

/** A longer formula stays as it is written. */
const longestFormula = 2000

/** @param split cuts a text into formulas, with their marks, and what stands between them */
export function renderMath(text: string, split: Offprint['splitMath']): string {
  // Most texts have none.
  if (!/\$|\\\(/.test(text)) return escapeHtml(text)
  return split(text)
    .map(part => (part.math && part.text.length <= longestFormula ? renderFormula(part.text) : escapeHtml(part.text)))
    .join('')
}

/** Formulas come again, on lists and pages of the same papers. */
const rendered = new Map<string, string>()
const mostRendered = 5000

function renderFormula(formula: string): string {
  const known = rendered.get(formula)
  if (known !== undefined) return known
  const html = draw(formula)
  if (rendered.size >= mostRendered) rendered.clear()
  rendered.set(formula, html)
  return html
}

/** What TeX cannot read stays as it is written. */
function draw(formula: string): string {
  const display = formula.startsWith('$$')
  const tex = formula.startsWith('$') && !display ? formula.slice(1, -1) : formula.slice(2, -2)
  try {
    const html = katex.renderToString(tex, {
      output: 'mathml',
      displayMode: display,
      throwOnError: true,
      trust: false,
      strict: 'ignore',
      maxExpand: 200,
      maxSize: 10,
    })
    // The page's policy allows no inline styles.
    return html.replace(/ style="[^"]*"/g, '')
  } catch {
    return escapeHtml(formula)
  }
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, character => escapes[character])
}
