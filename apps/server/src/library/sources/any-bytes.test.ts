/** Whatever bytes come, every reader ends: with papers that do no harm, refusals with reasons, or an error in words. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Chunks } from '../lines.ts'
import { type ImportFormat, importFormats, type ReadItem, type ReadOptions } from './formats.ts'
import { assertHarmless } from './source-properties.fixture.ts'

const longMs = 5_000

const texts: Record<ImportFormat, string> = {
  listing: `Daily Papers\n\nDec 12\n\nA title\n\n${'An abstract of words. '.repeat(12)}\n\n• 3 authors\n·\nDec 10\n`,
  jsonl: '{"id":"2401.00001","title":"A","authors":["B"],"extra":{"a":[1]},"publishedAt":"2020"}\n{"title":"C"}\n',
  hf: '[{"paper":{"id":"2401.00001","title":"A","authors":[{"name":"B"}],"githubStars":3},"numComments":1}]',
  atom: '<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>http://arxiv.org/abs/2401.00001v1</id><title>A</title><summary>B</summary><author><name>C</name></author></entry></feed>',
  oai: '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-01-02T03:04:05Z</responseDate><ListRecords><record><header><identifier>oai:arXiv.org:2401.00001</identifier></header><metadata><arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>2401.00001</id><title>T</title><authors>A</authors></arXivRaw></metadata></record></ListRecords></OAI-PMH>',
  rss: '<rss version="2.0"><channel><title>cs.DC updates on arXiv.org</title><item><title>T</title><link>https://arxiv.org/abs/2401.00001</link><description>arXiv:2401.00001v1 Announce Type: new Abstract: B</description></item></channel></rss>',
  snapshot:
    '{"id":"0704.0001","authors":"A","title":"T","update_date":"2008-11-26","versions":[],"authors_parsed":[["A","B",""]]}\n',
  csv: 'id,title,authors,year\n2401.00001,"A ""b""",C and D,2020\n',
  bibtex:
    '@string{x = "y"}\n@misc{a, title={{T}}, author="A and B", year=2020, eprint={2401.00001}, archivePrefix={arXiv}}\n',
  ris: 'TY  - JOUR\nTI  - T\nAU  - B, A\nPY  - 2020\nER  - \n',
  csl: '[{"id":"a","type":"article","title":"T","author":[{"family":"B"}],"issued":{"date-parts":[[2020]]}}]',
}

async function readAll(format: ImportFormat, chunks: Uint8Array[]): Promise<void> {
  const read = importFormats[format].read as (chunks: Chunks, options: ReadOptions) => AsyncIterable<ReadItem>
  const started = performance.now()
  try {
    for await (const item of read(chunks, { onInvalid() {}, importDay: '2026-01-20' })) {
      if ('record' in item) assertHarmless(item.record)
      else if ('refused' in item) assert.ok(item.refused.reason.length > 5 && item.refused.line >= 1)
    }
  } catch (error) {
    assert.ok(error instanceof Error && !(error instanceof TypeError) && !(error instanceof RangeError), String(error))
    if (error instanceof assert.AssertionError) throw error
    assert.ok(error.message.length > 5)
  }
  assert.ok(performance.now() - started < longMs)
}

for (const [format, text] of Object.entries(texts) as [ImportFormat, string][])
  test(`any bytes, and any damage to a text, as ${importFormats[format].title}`, async () => {
    const bytes = Buffer.from(text)
    for (let length = 0; length <= bytes.length; length++) await readAll(format, [bytes.subarray(0, length)])
    const damage = fc.tuple(fc.nat(bytes.length), fc.uint8Array({ maxLength: 6 }), fc.nat(20))
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }).map(whole => [whole]),
          fc.array(damage, { minLength: 1, maxLength: 4 }).map(all => {
            let made = bytes
            for (const [at, put, cut] of all) made = Buffer.concat([made.subarray(0, at), put, made.subarray(at + cut)])
            return [made.subarray(0, made.length >> 1), made.subarray(made.length >> 1)]
          }),
        ),
        chunks => readAll(format, chunks),
      ),
      { numRuns: 300 },
    )
  })
