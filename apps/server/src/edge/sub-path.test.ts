import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseHTML } from 'linkedom'
import { headerWithBase, scanHtml, withBase, withoutBase } from './sub-path.ts'

const base = '/zz-base'

function scanned(html: string, pieces: number[] = []): string {
  const scanner = scanHtml(base)
  const bytes = Buffer.from(html)
  const out: Buffer[] = []
  let at = 0
  for (const length of [...pieces, bytes.length]) {
    out.push(scanner.push(bytes.subarray(at, at + length)))
    at += length
  }
  return Buffer.concat([...out, scanner.end()]).toString()
}

test('addresses in attributes get the path, whatever their quotes and case', () => {
  for (const [before, after] of [
    ['<a href="/x">', '<a href="/zz-base/x">'],
    ["<a href='/'>", "<a href='/zz-base/'>"],
    ['<a href=/x>', '<a href=/zz-base/x>'],
    ['<A HREF = "/x" >', '<A HREF = "/zz-base/x" >'],
    ['<a class=b href="/x"title="/y">', '<a class=b href="/zz-base/x"title="/y">'],
    [
      '<form action="/search"><button formaction="/a">',
      '<form action="/zz-base/search"><button formaction="/zz-base/a">',
    ],
    [
      '<img src="/a.png" srcset="/a.png 1x, /b.png 2x, https://e.example/c.png 3x">',
      '<img src="/zz-base/a.png" srcset="/zz-base/a.png 1x, /zz-base/b.png 2x, https://e.example/c.png 3x">',
    ],
    [
      '<video poster="/p"><use xlink:href="/i.svg#a" />',
      '<video poster="/zz-base/p"><use xlink:href="/zz-base/i.svg#a" />',
    ],
    ['<a title="a > b" href="/x">', '<a title="a > b" href="/zz-base/x">'],
    ['<link\nrel=stylesheet\nhref=" /x.css">', '<link\nrel=stylesheet\nhref=" /zz-base/x.css">'],
  ])
    assert.equal(scanned(before), after)
})

test('text, comments, scripts, other attributes and other sites’ addresses stay as they are', () => {
  for (const html of [
    'a href="/x" <b>href="/x"</b> 1 < 2 <a',
    '<!-- <a href="/x"> --><!--><!---><!-- a --!>',
    '<script>const a = \'<a href="/x">\'</script>',
    '<script type="application/ld+json">{"a":"\\u003ca href=\\"/x\\">"}</script>',
    '<style>a::after { content: \'<a href="/x">\' }</style>',
    '<title><a href="/x"></title><textarea><a href="/x"></textare></textarea >',
    '<!doctype html><?xml href="/x"?></a href="/x"></ href="/x">',
    '<p title="/x" data-href="/x" alt=\'<a href="/x">\' content="/x" value="/x">',
    '<a href="//e.example"><a href="/\\e.example"><a href="https://e.example/"><a href="x"><a href="#x"><a href="?x"><a href="">',
    '<a href="/x',
    '<a href',
    '<',
  ])
    assert.equal(scanned(html), html)
})

test('in whatever pieces it comes, the same comes out; and without the path it is what came in', () => {
  const part = fc.oneof(
    fc.constantFrom(
      '<',
      '>',
      '/',
      '!',
      '--',
      '"',
      "'",
      '=',
      ' ',
      '\n',
      '<a href="/x"',
      '<!--',
      '-->',
      '<script',
      '</script',
      '</script>',
      '<title>',
      '</title>',
      'href=',
      'src=',
      '/x',
      'srcset="/a, /b"',
      '?',
      'é文',
    ),
    fc.string({ maxLength: 5 }),
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), fc.array(fc.nat(7), { maxLength: 40 }), (parts, pieces) => {
      const html = parts.join('').toWellFormed()
      const whole = scanned(html)
      assert.equal(scanned(html, pieces), whole)
      assert.equal(whole.replaceAll(base, ''), html)
    }),
    { numRuns: 3000 },
  )
})

test('the page that comes out is the page that came in, but for the addresses', () => {
  const word = fc.constantFrom(
    '/x',
    '/a?b=1&amp;c=2',
    '//e.example/x',
    'https://e.example/',
    '#a',
    '',
    'a/b',
    '/',
    '/é',
    "/it's",
    'href="/x"',
  )
  const attribute = fc.tuple(fc.constantFrom('href', 'src', 'action', 'title', 'data-href', 'class', 'value'), word)
  const { node } = fc.letrec(tie => ({
    node: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(
        'text /x',
        'href="/x"',
        '1 &lt; 2',
        '<!-- <a href="/x"> -->',
        '<script>"<a href=/x>"</script>',
        '<style>/* <a href="/x"> */</style>',
      ),
      fc
        .tuple(
          fc.constantFrom('a', 'p', 'form', 'div', 'img', 'svg'),
          fc.uniqueArray(attribute, { maxLength: 3, selector: one => one[0] }),
          fc.array(tie('node') as fc.Arbitrary<string>, { maxLength: 3 }),
        )
        .map(
          ([name, attributes, inner]) =>
            `<${name}${attributes.map(([one, value]) => ` ${one}="${value.replaceAll('"', '&quot;')}"`).join('')}>${name === 'img' ? '' : `${inner.join('')}</${name}>`}`,
        ),
    ),
  }))
  fc.assert(
    fc.property(fc.array(node as fc.Arbitrary<string>, { maxLength: 5 }), nodes => {
      const html = `<!doctype html><html><body>${nodes.join('')}</body></html>`
      const wanted = parseHTML(html).document
      for (const element of wanted.querySelectorAll('*'))
        for (const name of ['href', 'src', 'action']) {
          const value = element.getAttribute(name)
          if (value !== null) element.setAttribute(name, withBase(value, base))
        }
      assert.equal(parseHTML(scanned(html)).document.toString(), wanted.toString())
    }),
    { numRuns: 500 },
  )
})

test('a tag of a megabyte in small pieces takes no long time', () => {
  const html = `<a title="${'x'.repeat(1_000_000)}" href="/x">`
  const started = performance.now()
  assert.ok(scanned(html, Array(64).fill(16_384)).endsWith('href="/zz-base/x">'))
  assert.ok(performance.now() - started < 2000)
})

test('the path is taken off what comes in, with and without a proxy that does so', () => {
  for (const [address, without] of [
    ['/zz-base/', '/'],
    ['/zz-base/papers/1?x=/zz-base', '/papers/1?x=/zz-base'],
    ['/papers/1', '/papers/1'],
    ['/', '/'],
    ['/zz-based/x', '/zz-based/x'],
    ['/zz-base', undefined],
    ['/zz-base?q=1', undefined],
  ] as const)
    assert.equal(withoutBase(address, base), without)
})

test('headers with addresses get the path', () => {
  for (const [name, value, wanted] of [
    ['location', '/runs/1', '/zz-base/runs/1'],
    ['location', 'https://e.example/', 'https://e.example/'],
    ['location', '//e.example/', '//e.example/'],
    [
      'link',
      '</papers/1.md>; rel="alternate", </_app/x.css>; rel=preload, <https://e.example/>',
      '</zz-base/papers/1.md>; rel="alternate", </zz-base/_app/x.css>; rel=preload, <https://e.example/>',
    ],
    ['set-cookie', 'offprint=1; Path=/; HttpOnly', 'offprint=1; Path=/zz-base; HttpOnly'],
    ['set-cookie', 'a=1; path=/', 'a=1; Path=/zz-base'],
    ['set-cookie', 'a=1; Path=/other', 'a=1; Path=/other'],
    ['content-type', '/x', '/x'],
  ])
    assert.equal(headerWithBase(name, value, base), wanted)
})
