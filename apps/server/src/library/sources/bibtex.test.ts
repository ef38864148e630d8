import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseBibtex, writeBibtex } from './bibtex.ts'
import type { CitedPaper } from './paper-record.ts'
import {
  assertItemsOrError,
  assertSameInPieces,
  assertWholeRecordsWhereCut,
  citedPapers,
  itemsOf,
  recordsOf,
  refusalsOf,
} from './source-properties.fixture.ts'

const file = String.raw`Whatever stands outside, name@example.org too, is a comment.
% @article{out, title = {Commented out}}
@comment{jabref-meta: {x}}
@preamble{ "\newcommand{\x}{y}" # {z} }
@STRING( phys = "Phys. {Rev.}" )
@string{both = phys # { D}}

@Article{kaplan2020,
  author  = {Knuth, Donald E. and {Big Lab, Inc.} and van der Berg, Jr., Anna and Ren{\'e} d'{\'E}t{\'e} and others},
  title   = "On {K}{\"o}nig's {"}quoted{"} $\sum_{i} x_i^2$ \& \emph{more}",
  journal = both,
  volume = 76, number = {1}, pages = {1--9},
  year = 2020, month = 2 # "~" # jan,
  abstract = {One
    two.

    Three.},
  url = {https://example.org/a%20b_c?x=1&y=2}, % a remark
  doi = {10.1000/ABC_d},
  title = {The second of one name},
}

@misc{,title={{Without Key}},eprint={2008.05171v3},archiveprefix={arXiv},primaryClass={cs.LG}} @misc{ title = {No key at all} }
@inproceedings(paren, title = {In (parentheses)}, date = {2021-03-04/2021-04}, eprinttype = arxiv, eprint = {math.GT/0309136})
`

describe('BibTeX', () => {
  test('gives papers with the text that TeX would set', async () => {
    const [first] = await itemsOf(parseBibtex, file)
    assert.deepEqual(first, {
      line: 8,
      record: {
        title: `On König's "quoted" $\\sum_{i} x_i^2$ & more`,
        abstract: 'One two.\n\nThree.',
        authors: [
          { name: 'Donald E. Knuth' },
          { name: 'Big Lab, Inc.' },
          { name: 'Anna van der Berg Jr.' },
          { name: "René d'Été" },
        ],
        categories: [],
        withdrawn: false,
        source: 'bibtex',
        doi: '10.1000/abc_d',
        publishedAt: '2020-01-02',
        journalRef: 'Phys. Rev. D 76(1), 1–9',
        sourceUrl: 'https://example.org/a%20b_c?x=1&y=2',
        raw: {
          title: 'On {K}{\\"o}nig\'s {"}quoted{"} $\\sum_{i} x_i^2$ \\& \\emph{more}',
          authors: ['Donald E. Knuth', 'Big Lab, Inc.', 'Anna van der Berg Jr.', "Ren{\\'e} d'{\\'E}t{\\'e}"],
        },
      },
    })
  })

  test('is read without keys, in parentheses, several in a line', async () => {
    const records = await recordsOf(parseBibtex, file)
    assert.deepEqual(
      records
        .slice(1)
        .map(({ title, arxivId, version, primary, publishedAt }) => [title, arxivId, version, primary, publishedAt]),
      [
        ['Without Key', '2008.05171', 3, 'cs.LG', undefined],
        ['No key at all', undefined, undefined, undefined, undefined],
        ['In (parentheses)', 'math/0309136', undefined, undefined, '2021-03-04'],
      ],
    )
  })

  test('has ids where people put them', async () => {
    const ids = async (fields: string) => {
      const [{ arxivId, doi }] = await recordsOf(parseBibtex, `@misc{a, title={T}, ${fields}}`)
      return arxivId ?? doi
    }
    for (const fields of [
      'eprint={2008.05171}, archivePrefix={arXiv}',
      'eprint={2008.05171}, eprinttype={arxiv}',
      'eprint={2008.05171}',
      'url={https://arxiv.org/abs/2008.05171}',
      'url={\\url{http://arxiv.org/pdf/2008.05171v1.pdf}}',
      'doi={10.48550/arXiv.2008.05171}',
      'doi={https://doi.org/10.48550/arXiv.2008.05171}',
      'note={arXiv:2008.05171 [cs.LG]}',
      'howpublished={\\url{https://arxiv.org/abs/2008.05171}}',
      'journal={arXiv preprint arXiv:2008.05171}',
      'journal={CoRR}, volume={abs/2008.05171}',
    ])
      assert.equal(await ids(fields), '2008.05171', fields)
    for (const fields of [
      'doi={10.1000/a\\_b}',
      'url={https://doi.org/10.1000/a_b}',
      'note={DOI: 10.1000/A_b.}',
      'note={\\url{https://doi.org/10.1000/a_b}}',
    ])
      assert.equal(await ids(fields), '10.1000/a_b', fields)
    for (const fields of [
      'eprint={2008.05171}, eprinttype={jstor}',
      'note={Supersedes arXiv:2008.05171}',
      'pages={2008.05171}',
    ])
      assert.equal(await ids(fields), undefined, fields)
  })

  test('knows the year alone', async () => {
    const [item] = await itemsOf(parseBibtex, '@misc{a,title={T},year={2020}}')
    assert.ok('record' in item)
    assert.equal(item.record.publishedAt, '2020')
  })

  test('that is not closed is refused by its line, and the rest is read', async () => {
    const text = `@article{a, title={Good}}
@article{b, title={Not {closed},
  author={A B}
@article{c,
  title={Good}}
@article{d, title="Not closed either}
@article{e, title={Good}, year=}
@article{f, title={Good} year=2020}
@article{g, author={A B}} @misc{h, title={}}
@article{i, eprint={0808.05394}, archivePrefix={arXiv}, title={T}}
@string{x = {${'y'.repeat(10_001)}}}
@article{i, title={Good}}
@article{j, title={Not`
    assert.deepEqual(await refusalsOf(parseBibtex, text), [
      { line: 2, reason: 'the entry is not closed' },
      { line: 6, reason: "a '}' too many in line 6" },
      { line: 7, reason: 'a value is missing in line 7' },
      { line: 9, reason: "'g': the title is missing" },
      { line: 9, reason: "'h': the title is missing" },
      { line: 10, reason: "'i': 0808.05394: a paper of August 2008 has 4 digits after the point" },
      { line: 11, reason: 'an abbreviation of 10001 characters in line 11' },
      { line: 13, reason: 'the entry is not closed' },
    ])
    const titles = (await itemsOf(parseBibtex, text)).flatMap(item => ('record' in item ? [item.record.title] : []))
    assert.deepEqual(titles, ['Good', 'Good', 'Good', 'Good'])
  })

  test('of strings of strings and of deep braces ends all the same', async () => {
    const doubling = Array.from({ length: 60 }, (_, at) => `@string{s${at + 1} = s${at} # s${at}}`).join('\n')
    const items = await itemsOf(parseBibtex, `@string{s0={x}}\n${doubling}\n@misc{a,title=s9}\n@misc{b,title=s60}`)
    assert.ok(items.some(item => 'record' in item && item.record.title === 'x'.repeat(512)))
    const many = (text: string) => text.repeat(Math.floor(400_000 / text.length))
    for (const text of ['{', '}', '@a{', '@', '%@a{', '"', '#', ' ', '=', '\\', '@a{b,c=', "{\\'", 'and ', '$'])
      await itemsOf(parseBibtex, `@misc{a, title={T}, author={${many(text)}`, `}}\n@misc{b, title={T}}\n${many(text)}`)
    const deep = `${'{'.repeat(200_000)}T${'}'.repeat(200_000)}`
    assert.equal((await recordsOf(parseBibtex, `@misc{a, title={T}, author=${deep}, note=${deep}}`)).length, 1)
    const [long] = await itemsOf(parseBibtex, '@misc{a, title={', ...Array(40).fill(`${'x'.repeat(50_000)}\n`), '}}')
    assert.deepEqual(long, { refused: { line: 1, reason: 'longer than 1 MB: no paper' } })
  })

  test('keeps hostile text as text, and only web addresses as links', async () => {
    const [record] = await recordsOf(
      parseBibtex,
      '@misc{a, title={<script>alert(1)</script>\u0000 $\\href{javascript:x}{y}$}, url={javascript:alert(1)}}',
    )
    assert.equal(record.title, '<script>alert(1)</script> $\\href{javascript:x}{y}$')
    assert.equal(record.sourceUrl, undefined)
  })

  test('comes out the same wherever the chunks end', async () => {
    await assertSameInPieces(parseBibtex, file)
    await assertSameInPieces(parseBibtex, `\ufeff${file.slice(0, 900).replaceAll('\n', '\r\n')}`)
  })

  test('that was cut gives whole papers only', async () => {
    await assertWholeRecordsWhereCut(parseBibtex, file)
  })

  test('gives items or an error, whatever stands there', async () => {
    const marks = [
      '@',
      '{',
      '}',
      '"',
      '#',
      ',',
      '=',
      '(',
      ')',
      '%',
      '\\',
      '\n',
      '\r',
      '@misc{a,title={T}}',
      '@string{',
      'and',
      '$',
    ]
    await assertItemsOrError(parseBibtex, file, marks)
  })
})

describe('written BibTeX', () => {
  const paper: CitedPaper = {
    key: '2001.08361',
    arxivId: '2001.08361',
    doi: '10.1000/a_b%c',
    title: 'A {Law} of 100% & $x^{2}$',
    abstract: '',
    authors: [{ name: 'Jörg Großmann' }, { name: 'Made Things, Inc.' }, { name: 'Sammy Davis Jr.' }],
    authorCount: 5,
    categories: ['cs.LG'],
    primary: 'cs.LG',
    publishedAt: '2020-01-23',
  }

  test('is an entry as people write it', () => {
    assert.equal(
      [...writeBibtex([paper])].join(''),
      String.raw`@misc{grossmann2020a,
  title = {{A \textbraceleft{}Law\textbraceright{} of 100\% \& $x^{2}$}},
  author = {Jörg Großmann and {Made Things, Inc.} and Davis, Jr., Sammy and others},
  year = {2020},
  eprint = {2001.08361},
  archivePrefix = {arXiv},
  primaryClass = {cs.LG},
  url = {https://arxiv.org/abs/2001.08361},
  doi = {10.1000/a_b%c}
}
`,
    )
  })

  test('has keys of name, year and word, and letters where they collide', () => {
    const keys = (papers: CitedPaper[]) => [...writeBibtex(papers)].map(entry => /\{(.*),/.exec(entry)![1])
    const scaling = { ...paper, title: 'On the Scaling' }
    assert.deepEqual(keys([scaling, scaling, scaling]), [
      'grossmann2020scaling',
      'grossmann2020scalinga',
      'grossmann2020scalingb',
    ])
    assert.equal(keys(Array(60).fill(scaling)).at(-1), 'grossmann2020scalingbg')
    assert.deepEqual(keys([{ ...paper, title: '中文', authors: [{ name: '李明' }], publishedAt: undefined }]), [
      'anonymous',
    ])
    assert.equal(new Set(keys([scaling, { ...scaling, title: 'Scalinga' }, scaling, scaling])).size, 4)
  })

  test('gives the same papers when it is read', async () => {
    await fc.assert(
      fc.asyncProperty(citedPapers, async papers => {
        const text = [...writeBibtex(papers)].join('')
        const read = await recordsOf(parseBibtex, text)
        // What has an `and` stands in braces in any case.
        const asWritten = (authors: CitedPaper['authors']) =>
          authors.map(author => (/\band\b/i.test(author.name) ? { name: author.name } : author))
        assert.deepEqual(
          read.map(({ title, authors, arxivId, doi, primary }) => ({
            ...{ title, authors: asWritten(authors), arxivId, doi, primary },
          })),
          papers.map(({ title, authors, arxivId, doi, primary }) => ({
            ...{ title, authors: asWritten(authors), arxivId, doi },
            primary: arxivId ? primary : undefined,
          })),
        )
      }),
      { numRuns: 1000, seed: 7 },
    )
  })
})
