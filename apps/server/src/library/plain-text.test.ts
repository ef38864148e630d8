import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { openDatabase } from '../database.ts'
import { createLibrary } from './library.ts'
import { readPlainText } from './plain-text.ts'

async function* stream(...chunks: Uint8Array[]) {
  yield* chunks
}

/** All of the text, what was said of it, and what ended it early. */
async function read(...chunks: Uint8Array[]) {
  const notes: string[] = []
  let text = ''
  try {
    for await (const piece of readPlainText(stream(...chunks), { note: note => void notes.push(note) })) text += piece
  } catch (error) {
    return { text, notes, error: (error as Error).message }
  }
  return { text, notes }
}

async function imported(bytes: Uint8Array, name: string) {
  const library = createLibrary(openDatabase(':memory:'))
  const report = await library.importStream(stream(bytes), { name })
  return { report, library, papers: Array.from(library.records()) }
}

const windows = { notes: ['The text is not UTF-8; it was read as Windows-1252.'] }
const replaced = { notes: ['The text has bytes that are not UTF-8; each was replaced by \ufffd.'] }
const latin1 = (text: string) => Buffer.from(text, 'latin1')
const line = (number: number) => `${JSON.stringify({ title: `Paper ${number}`, abstract: 'Of nothing.' })}\n`
const lines = (count: number) => Array.from({ length: count }, (_, number) => line(number)).join('')

describe('a gzip file', () => {
  test('is unpacked, also one of several members and one with the name of its format', async () => {
    const both = Buffer.concat([gzipSync(line(1)), gzipSync(line(2))])
    assert.deepEqual(await read(both), { text: line(1) + line(2), notes: [] })
    const { report } = await imported(both, 'papers.jsonl.gz')
    assert.partialDeepStrictEqual(report, { state: 'done', format: 'jsonl', added: 2 })
    const table = await imported(gzipSync('name,who\nA,B C\n'), 'works.csv.gz')
    assert.partialDeepStrictEqual(table.report, { state: 'done', format: 'csv', added: 1 })
    const spreadsheet = gzipSync(Buffer.from('\ufefftitle,abstract\nMüller,x\n', 'utf16le'))
    assert.equal((await imported(spreadsheet, 'works.csv.gz')).papers[0].title, 'Müller')
  })

  test('that is cut gives what came whole, and says that it is', async () => {
    const text = lines(3000)
    const whole = gzipSync(text)
    for (const length of [whole.length - 1, whole.length - 8, whole.length >> 1, 11]) {
      const cut = await read(whole.subarray(0, length))
      assert.equal(cut.error, 'the gzip file is cut off: its end is missing')
      assert.ok(text.startsWith(cut.text))
      if (length > whole.length / 3) assert.ok(cut.text.length > text.length / 3, `${length}`)
    }
    const { report, library } = await imported(whole.subarray(0, whole.length >> 1), 'cut.gz')
    assert.partialDeepStrictEqual(report, { state: 'failed', error: 'the gzip file is cut off: its end is missing' })
    assert.ok(report.added > 1000 && library.count() === report.added)
  })

  test('that is damaged says so', async () => {
    const bytes = gzipSync(lines(3000))
    bytes.fill(0xff, bytes.length >> 1, (bytes.length >> 1) + 40)
    assert.match((await read(bytes)).error ?? '', /^the gzip file is damaged: /)
  })

  test('that unpacks to too much ends with an error, in the memory of a small one', () => {
    const script = `
      import { gzipSync } from 'node:zlib'
      import { readPlainText } from ${JSON.stringify(new URL('./plain-text.ts', import.meta.url).href)}
      const member = gzipSync(Buffer.alloc(1_000_000, ' '))
      async function* bomb() {
        for (let at = 0; at < 5; at++) yield Buffer.concat(Array(20).fill(member))
      }
      for (const unpackedLimit of [7e6, undefined, Infinity]) {
        let length = 0
        try {
          for await (const text of readPlainText(bomb(), { note() {}, unpackedLimit })) length += text.length
        } catch (error) {
          console.log(Math.round(length / 1e6), error.message)
        }
      }
      console.log(process.resourceUsage().maxRSS < 200_000)`
    const out = execFileSync(process.execPath, ['--max-old-space-size=32', '--input-type=module', '-e', script], {
      encoding: 'utf8',
    })
    assert.deepEqual(out.trim().split('\n'), [
      '7 the gzip file unpacks to more than 7 MB; unpack it first, or use the command offprint import',
      '10 the gzip file unpacks to more than 100 times its size, which no text of papers does',
      '10 the gzip file unpacks to more than 100 times its size, which no text of papers does',
      'true',
    ])
  })
})

describe('a text', () => {
  test('of UTF-16 is known by its mark', async () => {
    const little = Buffer.from('\ufeffMüller 🙂\n', 'utf16le')
    assert.deepEqual(await read(little), { text: '\ufeffMüller 🙂\n', notes: [] })
    assert.deepEqual(await read(Buffer.from(little).swap16()), { text: '\ufeffMüller 🙂\n', notes: [] })
    const { papers } = await imported(Buffer.from('\ufefftitle\tabstract\nMüller\tx\n', 'utf16le'), 'works.txt')
    assert.equal(papers[0].title, 'Müller')
  })

  test('that UTF-8 does not explain is read as Windows-1252, and the report says so', async () => {
    assert.deepEqual(await read(latin1('M\xfcller \x80 und \xe9')), { text: 'Müller € und é', ...windows })
    assert.deepEqual(await read(latin1(`${'x'.repeat(400_000)}\xfc`)), { text: `${'x'.repeat(400_000)}ü`, ...windows })
    const { papers, report } = await imported(
      latin1('@article{x, title={M\xfcller und die K\xe4tzchen}, author={J\xf6rg M\xfcller}, year=2020}'),
      'x.bib',
    )
    assert.deepEqual(
      [papers[0].title, papers[0].authors[0].name, report.notes],
      ['Müller und die Kätzchen', 'Jörg Müller', windows.notes],
    )
  })

  test('of UTF-8 with a wrong byte stays UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('Müller '), Buffer.of(0xff), Buffer.from(' é')])
    assert.deepEqual(await read(bytes), { text: 'Müller \ufffd é', ...replaced })
    const later = Buffer.concat([Buffer.from('a '), Buffer.of(0xff), Buffer.from(` ${'.'.repeat(90_000)} Müller é`)])
    assert.deepEqual((await read(later)).notes, replaced.notes)
    const marked = Buffer.concat([Buffer.from('\ufeffa '), Buffer.of(0xfc, 0xe9)])
    assert.deepEqual(await read(marked), { text: '\ufeffa \ufffd\ufffd', ...replaced })
    assert.deepEqual(await read(Buffer.of(0x61, 0x81)), { text: 'a\ufffd', ...replaced })
  })

  test('that ends or breaks within a character is not taken for another encoding', async () => {
    const bytes = Buffer.from('Größe 🙂').subarray(0, -1)
    assert.deepEqual(await read(bytes), { text: 'Größe \ufffd', ...replaced })
    const notes: string[] = []
    async function* broken() {
      yield Buffer.from('a é').subarray(0, -1)
      throw new Error('gone')
    }
    await assert.rejects(
      async () => {
        for await (const _ of readPlainText(broken(), { note: note => void notes.push(note) }));
      },
      { message: 'gone' },
    )
    assert.deepEqual(notes, [])
  })

  test('is the same wherever the chunks end', async () => {
    const piece = fc.oneof(
      fc.constantFrom('a', 'é', '中', '🙂', '\ufeff').map(text => Buffer.from(text)),
      fc.uint8Array({ minLength: 1, maxLength: 3 }).map(bytes => Buffer.from(bytes)),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 12 }),
        fc.array(fc.nat(20), { maxLength: 4 }),
        async (all, cuts) => {
          const bytes = Buffer.concat(all)
          fc.pre(!/^(?:fffe|feff|1f8b)/.test(bytes.toString('hex')))
          const whole = await read(bytes)
          const single = await read(...Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)))
          const places = [0, ...cuts.map(cut => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length]
          const cut = await read(...places.slice(1).map((end, index) => bytes.subarray(places[index], end)))
          assert.deepEqual([single, cut], [whole, whole])
          if (whole.notes[0] !== windows.notes[0])
            assert.equal(whole.text, new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes))
        },
      ),
      { numRuns: 500, seed: 7 },
    )
  })

  test('of another making says that it is none', async () => {
    const zip = await imported(Buffer.from('PK\u0003\u0004\u0000\u0000'), 'papers.xlsx')
    assert.match(zip.report.error ?? '', /^this is not text/)
  })
})
