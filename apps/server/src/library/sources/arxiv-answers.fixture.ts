/** Answers of arXiv for tests: made-up ones, what the samples in `shared/data` hold, and ways to spoil both. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { ArxivError } from './arxiv-record.ts'
import { XmlError } from './xml-records.ts'

const samples = fileURLToPath(new URL('../../../../../../shared/data/api-samples/', import.meta.url))

/** For `test`: the name of what is missing, where the samples are. */
export const withoutSamples = existsSync(samples) ? false : 'no shared/data/api-samples'

export function sample(name: string): Buffer {
  return readFileSync(`${samples}${name}`)
}

/** Everything that a reader gives: what came, then its return value or the error. */
export async function outcome<Item, Page>(reader: AsyncGenerator<Item, Page>) {
  const items: Item[] = []
  try {
    for (;;) {
      const next = await reader.next()
      if (next.done) return { items, page: next.value }
      items.push(next.value)
    }
  } catch (error) {
    assert.ok(error instanceof Error)
    return { items, error }
  }
}

/** The bytes of a text cut anywhere, also within a character. */
export function piecesOf(text: string | Uint8Array, cuts: number[]): Uint8Array[] {
  const bytes = Buffer.from(text)
  const places = [0, ...cuts.map(cut => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end))
}

type Read<Item, Page> = (chunks: Iterable<Uint8Array | string>) => AsyncGenerator<Item, Page>

/** Fails where other items come when the chunks of an answer end elsewhere. */
export async function sameWhereverCut<Item, Page>(text: string | Uint8Array, read: Read<Item, Page>) {
  const whole = await outcome(read([text]))
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(), { maxLength: 12 }), async cuts => {
      assert.deepEqual(await outcome(read(piecesOf(text, cuts))), whole)
    }),
  )
  const single = Array.from(Buffer.from(text).subarray(0, 20_000), byte => Uint8Array.of(byte))
  const rest = Buffer.from(text).subarray(20_000)
  assert.deepEqual(await outcome(read([...single, rest])), whole)
}

/** Fails where an answer that ends early gives anything but the records that came whole before its end, and an error. */
export async function completeOrNothing<Item, Page>(text: string | Uint8Array, read: Read<Item, Page>) {
  const bytes = Buffer.from(Buffer.from(text).toString().trimEnd())
  const whole = await outcome(read([bytes]))
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), async length => {
      const { items, error } = await outcome(read([bytes.subarray(0, length)]))
      assert.ok(error instanceof XmlError || error instanceof ArxivError, `no error after ${length} bytes`)
      assert.deepEqual(items, whole.items.slice(0, items.length))
    }),
  )
}

const spoilers = fc.oneof(
  fc.constantFrom(
    ...['<', '>', '&', '"', '</', '<![CDATA[', ']]>', '<!--', '&#0;', '&nbsp;', '\0', '\ufffe', '<x/>', ''],
  ),
  fc.constantFrom(...['v0', '99999', 'arXiv', '-', '{\\"', 'T25:61:61Z', '<?x ?>', 'xmlns=""', '\r\n', '🙂']),
  fc.string({ maxLength: 8 }),
)

/** Fails where a spoiled answer gives anything but whole items or a clear error. */
export async function soundWhenSpoiled<Item extends object, Page>(text: string | Uint8Array, read: Read<Item, Page>) {
  const bytes = Buffer.from(text)
  const change = fc.record({ at: fc.nat(), remove: fc.nat(30), add: spoilers })
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async changes => {
      let spoiled = bytes
      for (const { at, remove, add } of changes) {
        const start = at % bytes.length
        spoiled = Buffer.concat([spoiled.subarray(0, start), Buffer.from(add), spoiled.subarray(start + remove)])
      }
      const { items, error } = await outcome(read([spoiled]))
      for (const item of items) assertSound(item)
      if (error) assert.ok(error instanceof XmlError || error instanceof ArxivError, error.stack)
    }),
    { numRuns: 300 },
  )
}

function assertSound(item: object) {
  const { line, record, refused, deleted } = item as Record<string, unknown>
  if (refused) {
    const { line: refusedLine, reason } = refused as Record<string, unknown>
    assert.ok(Number.isInteger(refusedLine) && typeof reason === 'string' && reason)
    return
  }
  assert.ok(Number.isInteger(line))
  if (typeof deleted === 'string') return
  const { title, abstract, authors, categories, withdrawn, arxivId, publishedAt } = record as Record<string, unknown>
  assert.ok(typeof title === 'string' && title && typeof abstract === 'string' && typeof withdrawn === 'boolean')
  assert.ok(typeof arxivId === 'string' && /^(?:\d{4}\.\d{4,5}|[a-z-]+\/\d{7})$/.test(arxivId))
  assert.ok(Array.isArray(authors) && authors.every(author => typeof author.name === 'string' && author.name))
  assert.ok(Array.isArray(categories) && categories.every(id => typeof id === 'string'))
  assert.ok(publishedAt === undefined || /^\d{4}-\d\d-\d\d$/.test(String(publishedAt)))
}
