/** What the tests of all readers of files ask of them. */
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import type { Chunks } from '../lines.ts'
import type { ImportedRecord, ImportItem } from '../types.ts'
import type { CitedPaper, SourceItem } from './paper-record.ts'
import { wholeAuthor } from './person-name.ts'

export type Reader = (chunks: Chunks) => AsyncGenerator<SourceItem | ImportItem>

export async function itemsOf(read: Reader, ...chunks: (string | Uint8Array)[]): Promise<SourceItem[]> {
  const items: SourceItem[] = []
  for await (const item of read(chunks)) items.push(item)
  return items
}

/** All records; fails where something was refused. */
export async function recordsOf(read: Reader, ...chunks: (string | Uint8Array)[]): Promise<ImportedRecord[]> {
  return (await itemsOf(read, ...chunks)).map(item => {
    assert.ok('record' in item, `refused: ${JSON.stringify(item)}`)
    return item.record
  })
}

export async function refusalsOf(read: Reader, ...chunks: (string | Uint8Array)[]) {
  return (await itemsOf(read, ...chunks)).flatMap(item => ('refused' in item ? [item.refused] : []))
}

export const sample = (name: string) =>
  fileURLToPath(new URL(`../../../../../../shared/data/api-samples/${name}`, import.meta.url))

/** The same items come out wherever the chunks end, also within characters and line ends. */
export async function assertSameInPieces(read: Reader, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text)
  const whole = await itemsOf(read, bytes)
  assert.deepEqual(await itemsOf(read, ...Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))), whole)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 5 }), async cuts => {
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length]
      const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end))
      assert.deepEqual(await itemsOf(read, ...chunks), whole)
    }),
    { numRuns: 100, seed: 7 },
  )
}

/** A text that was cut gives, before anything refused, only records that the whole has too. */
export async function assertWholeRecordsWhereCut(read: Reader, text: string, stride = 1): Promise<void> {
  const whole = (await recordsOf(read, text)).map(record => JSON.stringify(record))
  for (let length = 0; length < text.length; length += stride) {
    const items = await itemsOf(read, text.slice(0, length)).catch(clearError)
    for (const item of items) if ('record' in item) assert.ok(whole.includes(JSON.stringify(item.record)), `${length}`)
  }
}

/** Whatever stands in the text, items come out, or an error that says what is wrong. */
export async function assertItemsOrError(read: Reader, text: string, marks: string[]): Promise<void> {
  const lines = (where: string) => where.split(/\r\n?|\n/).length
  const piece = fc.oneof(fc.constantFrom(...marks), fc.string({ unit: 'binary', maxLength: 5 }))
  const damaged = fc.tuple(fc.nat(text.length), fc.nat(8), fc.array(piece, { maxLength: 3 }))
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.array(piece, { maxLength: 40 }).map(pieces => pieces.join('')),
        fc
          .array(damaged, { minLength: 1, maxLength: 4 })
          .map(all =>
            all.reduce(
              (made, [at, length, pieces]) => made.slice(0, at) + pieces.join('') + made.slice(at + length),
              text,
            ),
          ),
      ),
      async made => {
        const items = await itemsOf(read, made).catch(clearError)
        for (const item of items) {
          const line = 'record' in item ? item.line : item.refused.line
          assert.ok(line >= 1 && line <= lines(made))
          if ('record' in item) assertHarmless(item.record)
          else assert.ok(item.refused.reason.length > 5)
        }
      },
    ),
    { numRuns: 400, seed: 7 },
  )
}

function clearError(error: unknown): SourceItem[] {
  assert.ok(error instanceof Error && error.constructor === Error && error.message.length > 10, String(error))
  return []
}

export function assertHarmless(record: ImportedRecord): void {
  assert.ok(record.title)
  const texts = [
    record.title,
    record.abstract,
    record.comment,
    record.journalRef,
    ...record.authors.map(({ name }) => name),
  ]
  for (const text of texts) assert.doesNotMatch(text ?? '', /[\u0000-\u0008\u000b-\u001f\u007f\ufeff]|[\ud800-\udfff]/u)
  for (const address of [record.sourceUrl, record.projectPage, record.githubRepo])
    assert.match(address ?? 'https://', /^https?:\/\//)
}

const piece = fc.constantFrom(
  ...[
    '\\',
    '{',
    '}',
    '$',
    '$$',
    '\\(',
    '\\)',
    '~',
    '^',
    '--',
    '``',
    "''",
    '&',
    '%',
    '#',
    '_',
    '"',
    '\\"o',
    '{\\ss}',
    '$x_{i}^2$',
  ],
  ...[
    '$\\{x$',
    '\\textbf',
    '\\&',
    '\\textbackslash{}',
    '@article{a,',
    'ö',
    '中',
    '🙂',
    '<b>',
    'and',
    ',',
    ';',
    ':',
    '-',
    '5',
    'Word',
    'a',
  ],
)
const prose = fc
  .array(fc.tuple(piece, fc.constantFrom('', ' ')), { maxLength: 12 })
  .map(parts => parts.map(([text, space]) => text + space).join(''))
/** One line of text with all that is special to TeX. */
const line = fc
  .tuple(fc.constantFrom('On ', '$n$-ary ', ''), prose)
  .map(([start, rest]) => `${start}${rest}x`.replace(/ +/g, ' '))
const name = fc.oneof(
  fc.constantFrom(
    ...[
      'Ada Byron',
      'Ludwig van Beethoven',
      'Sammy Davis Jr.',
      'Plato',
      'ATLAS Collaboration',
      'Made Things, Inc.',
      'O. N. Önn',
    ],
    ...[
      'Rock and Roll',
      'others',
      'A, B, C and D',
      'The Test Group',
      '李 明',
      'van Gogh',
      "Conan O'Brien III",
      'von der Leyen',
    ],
  ),
  line,
)

/** Papers as the library may hold them. */
export const citedPapers: fc.Arbitrary<CitedPaper[]> = fc.array(
  fc
    .record({
      title: line,
      abstract: fc.array(line, { maxLength: 3 }).map(lines => lines.join('\n\n')),
      authors: fc.array(
        fc.oneof(
          name.map(one => ({ name: one })),
          fc.constantFrom('World Health Organization', 'ACME Corp').map(wholeAuthor),
        ),
        { maxLength: 4 },
      ),
      categories: fc.subarray(['cs.LG', 'stat.ML', 'hep-th']),
      publishedAt: fc.constantFrom('2020-01-02', '2021-05', '2022', undefined),
      ids: fc.constantFrom(
        {},
        { arxivId: '2008.05171' },
        { arxivId: 'math/0309136', doi: '10.1000/x(y)<z>' },
        { doi: '10.1000/a_b#c%d' },
        { doi: '10.1000/{x}\\y' },
      ),
    })
    .map(({ ids, ...paper }) => ({ key: 't:0123456789abcdef', ...paper, primary: paper.categories[0], ...ids })),
  { maxLength: 5 },
)
