import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { familyName, titleFingerprint } from './fingerprint.ts'
import { findIdentifier, parseArxivId, parseDoi } from './identifiers.ts'
import { convertTex, oneLine, paragraphs, saysWithdrawn, splitMath } from './text.ts'

test('text of a paper has nothing that turns the direction of a line, and keeps its letters of any direction', () => {
  assert.equal(oneLine('safe\u202egnp.exe \u2066a\u2069  \u202ab\u202c'), 'safegnp.exe a b')
  for (const control of ['\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069'])
    assert.deepEqual([oneLine(`a${control}b`), paragraphs(`a${control}b\n\n c`)], ['ab', 'ab\n\nc'])
  assert.equal(oneLine('\u200fשלום عالم\u200e'), '\u200fשלום عالم\u200e')
})

test('runs of white space are one space', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(' ', '\t', '\n', '\u00a0', 'a', 'b', '\u2003')).map(parts => parts.join('')),
      text => assert.equal(oneLine(text), text.replace(/\s+/g, ' ').trim()),
    ),
  )
})

describe('an arXiv id', () => {
  const idOf = (text: string) => {
    const found = parseArxivId(text)
    return 'error' in found ? found.error : found.version ? `${found.id}v${found.version}` : found.id
  }

  test('is read in every spelling', () => {
    const spellings =
      '2008.05171|arXiv:2008.05171|arxiv: 2008.05171|https://arxiv.org/abs/2008.05171|http://www.arxiv.org/pdf/2008.05171.pdf|export.arxiv.org/abs/2008.05171|https://de.arxiv.org/html/2008.05171|https://arxiv.org/e-print/2008.05171|https://arxiv.org/format/2008.05171|https://ar5iv.org/abs/2008.05171|https://ar5iv.labs.arxiv.org/html/2008.05171|https://huggingface.co/papers/2008.05171|hf.co/papers/2008.05171|https://www.alphaxiv.org/abs/2008.05171|10.48550/arXiv.2008.05171|https://doi.org/10.48550/ARXIV.2008.05171|2008.05171.|2008.05171),|2008.05171#S1|2008.05171?x=1'
    for (const spelling of spellings.split('|')) assert.equal(idOf(spelling), '2008.05171', spelling)
    assert.equal(idOf('https://arxiv.org/pdf/2008.05171v2.pdf#page=3'), '2008.05171v2')
    for (const spelling of ['math.GT/0309136v1', 'https://arxiv.org/abs/math/0309136v1', 'math%2F0309136v1'])
      assert.equal(idOf(spelling), 'math/0309136v1')
  })

  test('is refused where there cannot be such a paper', () => {
    assert.equal(idOf('0808.05394'), '0808.05394: a paper of August 2008 has 4 digits after the point')
    for (const text of [
      '0704.0000',
      '9107.00010',
      '9912.00001',
      '0703.0001',
      '2013.00001',
      '2000.00001',
      '1412.12345',
      '1501.1234',
      'cs/0704001',
      'cs/9106001',
      'xx/9808004',
      'cs/9808000',
      'v1',
      '',
      '../../2008.05171',
      '2008.05171v0',
    ])
      assert.match(idOf(text), /: | is not /, text)
  })

  test('or a DOI is found in any text, or is not', () => {
    assert.deepEqual(findIdentifier('https://dx.doi.org/10.1000/ABC.'), { kind: 'doi', doi: '10.1000/abc' })
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), text => {
        findIdentifier(text)
        parseDoi(text)
      }),
      { numRuns: 500, seed: 7 },
    )
  })
})

describe('text', () => {
  test('has its TeX accents turned into letters outside formulas', () => {
    const pairs: [string, string][] = [
      [String.raw`\'e \'{e} {\'e} \'\i`, 'é é é í'],
      [String.raw`\^o \"u \~n \=a \.z \c{c} \v{s} \u{g} \H{o} \r{a} \k{a} \d{t} \b{b}`, 'ô ü ñ ā ż ç š ğ ő å ą ṭ ḇ'],
      [String.raw`Stra\ss e {\ae} \AA{} \o{}re \L{}`, 'Straße æ Å øre Ł'],
      ["``quoted'' -- and --- 5~km, 3 \\% \\& \\_", '“quoted” – and — 5 km, 3 % & _'],
      [String.raw`$\'e$ and \(\"u\)`, String.raw`$\'e$ and \(\"u\)`],
      ['run --seed for $5 and $10', 'run --seed for $5 and $10'],
    ]
    for (const [tex, text] of pairs) assert.equal(convertTex(tex), text)
  })

  test('is cut into formulas and words, and is the same put together', () => {
    assert.deepEqual(
      splitMath('a $x$ costs $5 or $6').filter(part => part.math),
      [{ text: '$x$', math: true }],
    )
    fc.assert(
      fc.property(fc.array(fc.constantFrom('$', '$$', '\\(', '\\)', '\\', ' ', 'x', '5')), pieces => {
        const text = pieces.join('')
        assert.equal(
          splitMath(text)
            .map(part => part.text)
            .join(''),
          text,
        )
      }),
      { numRuns: 1000, seed: 7 },
    )
  })

  test('of one line has single spaces; an abstract keeps its paragraphs', () => {
    assert.equal(oneLine(' a\n\t b\u00a0c\u0000\ufeff '), 'a b c')
    assert.equal(paragraphs('  One\nline.\r\n  Two.\n\n\nThree. '), 'One line.\n\nTwo.\n\nThree.')
  })

  test('says when a paper was withdrawn', () => {
    for (const text of [
      'This paper has been withdrawn by the author',
      'Withdrawn.',
      'We note: this submission was withdrawn',
    ])
      assert.ok(saysWithdrawn(text))
    for (const text of ['Troops were withdrawn', undefined, '', 'not yet withdrawn']) assert.ok(!saysWithdrawn(text))
  })
})

test('titles and names are compared without accents, case, TeX and marks', () => {
  assert.equal(titleFingerprint('The {K}\\"onig--Method: $O(n)$!'), titleFingerprint('the konig method o(n)'))
  for (const name of ['Anna Müller', 'Müller, Anna', 'A. M\\"uller Jr.', 'Muller'])
    assert.equal(familyName(name), 'muller')
  assert.equal(familyName('Sammy Davis, Jr.'), 'davis')
  assert.equal(familyName('…'), undefined)
})
