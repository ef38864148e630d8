import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { renderMath } from './math.ts'

/** As the library cuts texts, but for prices. */
const split = (text: string) =>
  text.split(/(\$\$[^$]+\$\$|\$[^$\s][^$]*\$|\\\([\s\S]+?\\\))/).map((text, at) => ({ text, math: at % 2 === 1 }))
const render = (text: string) => renderMath(text, split)

describe('formulas', () => {
  test('become MathML, with their source for whoever copies it', () => {
    const html = render('In $O(n \\log n)$ time & \\(x_1\\).')
    assert.equal(html.match(/<math /g)?.length, 2)
    assert.match(html, /^In <span class="katex"><math/)
    assert.match(html, /<annotation encoding="application\/x-tex">O\(n \\log n\)<\/annotation>/)
    assert.match(html, / time &amp; /)
  })

  test('that TeX cannot read, and other text stay as they are written', () => {
    for (const text of ['$\\frac{1}{$', 'for $5 a month', '$\\undefined{x}$ stays', `$${'x'.repeat(2500)}$`])
      assert.equal(render(text), text)
  })

  test('are never markup, links or styles, whatever they say', () => {
    const hostile = [
      '<script>alert(1)</script> $x$',
      '$\\href{javascript:alert(1)}{x}$',
      '$\\url{javascript:alert(1)}$',
      '$\\includegraphics{http://elsewhere.example/x.png}$',
      '$\\htmlClass{a}{x}$ $\\htmlStyle{color:red}{x}$ $\\htmlData{a=b}{x}$',
      '$\\color{red}{x}$ $\\rule{1000em}{1000em}$ $\\text{<img src=x onerror=alert(1)>}$',
    ]
    for (const text of hostile) {
      const html = render(text)
      assert.doesNotMatch(html, /<script|<img|<a[ >]|<[^>]*\s(?:href|src|style|on\w+)=/, text)
    }
  })

  test('that grow without end are given up', () => {
    const text = '$\\def\\a{\\a\\a}\\a$ and $\\newcommand{\\x}[1]{#1#1#1#1}\\x{\\x{\\x{\\x{\\x{\\x{y}}}}}}$'
    assert.ok(render(text).length < 200_000)
  })

  test('any text gives text and MathML and nothing else', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 12 }),
      fc.constantFrom('$', '\\(', '\\)', '$$', '\\frac', '{', '}', '^', '_', '\\text', '<b>', '&', '\\\\'),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), pieces => {
        const html = render(pieces.join(''))
        const outside = html.replace(/<span class="katex(?:-display)?">|<\/span>|<math [\s\S]*?<\/math>/g, '')
        assert.doesNotMatch(outside, /[<>]/)
      }),
    )
  })
})
