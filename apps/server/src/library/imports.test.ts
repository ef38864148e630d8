import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { random } from '@offprint/kernels'
import { openDatabase } from '../database.ts'
import { exportedRecord } from './jsonl.ts'
import { createLibrary } from './library.ts'
import { listed, manyListed, numberedTitle, record, streamOf } from './made-papers.fixture.ts'
import { type ExportFormat, exportFormats } from './sources/exports.ts'
import type { ImportFormat } from './sources/formats.ts'
import type { ImportReport } from './types.ts'

const open = () => createLibrary(openDatabase(':memory:'))

test('an import that can be cancelled lets go of what it has read', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  let first: WeakRef<Uint8Array> | undefined
  let isHeld = true
  async function* chunks() {
    for (let number = 1; number <= 300; number++) {
      const chunk = new TextEncoder().encode(`${JSON.stringify({ title: `Paper ${number}` })}\n`.padStart(70_000))
      // What is looked at to see the format is held until it is seen.
      if (number === 20) first = new WeakRef(chunk)
      yield chunk
    }
    await new Promise(resolve => setImmediate(resolve))
    collect()
    isHeld = first!.deref() !== undefined
  }
  const library = createLibrary(openDatabase(':memory:'))
  const { signal } = new AbortController()
  const { read } = await library.importStream(chunks(), { name: 'made', format: 'jsonl', signal })
  assert.deepEqual([read, isHeld], [300, false])
})

describe('an import', () => {
  test('finds the format by itself, wherever the chunks end', async () => {
    const json = '\ufeff \n{"title":"A"}\n'
    for (const [text, format] of [
      [json, 'jsonl'],
      [listed('A'), 'listing'],
      ['', 'listing'],
      ['[{}]', 'csl'],
    ] as const) {
      const bytes = new TextEncoder().encode(text)
      const library = open()
      const report = await library.importStream(
        (async function* () {
          for (const byte of bytes) yield Uint8Array.of(byte)
        })(),
        { name: 'made' },
      )
      assert.deepEqual([report.format, report.state], [format, 'done'])
      assert.equal(library.count(), text.includes('A') ? 1 : 0)
    }
  })

  test('reports what it did, and keeps the report', async () => {
    const library = open()
    const text = ['{"title":"A"}', 'x', '{"title":"A"}', '{"title":"A","id":704.001}', '\x81'].join('\n')
    const report = await library.importStream(
      (async function* () {
        yield Uint8Array.from(text, char => char.charCodeAt(0))
      })(),
      { name: ' a\u0000\nfile \ud800', format: 'jsonl' },
    )
    assert.partialDeepStrictEqual(report, {
      name: 'a file \ufffd',
      state: 'done',
      read: 5,
      added: 1,
      updated: 1,
      unchanged: 1,
      refusedCount: 2,
      repaired: 1,
      refused: [
        { line: 2, reason: 'not valid JSON' },
        { line: 5, reason: 'not valid JSON' },
      ],
      notes: ['The text has bytes that are not UTF-8; each was replaced by \ufffd.'],
    })
    assert.deepEqual(library.importReport(report.id), report)
    assert.deepEqual(library.imports(), [report])
    assert.equal(library.importReport('../../etc'), undefined)
  })

  test('keeps the first 1000 refusals and counts the rest', async () => {
    const report = await open().importStream(streamOf('x\n'.repeat(2500)), { name: 'made', format: 'jsonl' })
    assert.deepEqual([report.refusedCount, report.refused.length, report.refused[999].line], [2500, 1000, 1000])
  })

  test('whose source breaks keeps what came whole and says why', async () => {
    const library = open()
    const report = await library.importStream(
      (async function* () {
        yield* streamOf(...manyListed(450))
        throw new Error('the disk is gone')
      })(),
      { name: 'made' },
    )
    assert.partialDeepStrictEqual(report, { state: 'failed', error: 'the disk is gone' })
    assert.deepEqual([library.count(), library.importReport(report.id)], [report.added, report])
    assert.equal(report.added, 449)
    const broken = { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('nothing there')) }) }
    const early = await library.importStream(broken, { name: 'made' })
    assert.partialDeepStrictEqual(early, { state: 'failed', read: 0, error: 'nothing there' })
  })

  test('stops when it is asked to, also while its source waits', async () => {
    const library = open()
    const controller = new AbortController()
    const seen: ImportReport[] = []
    const report = await library.importStream(
      (async function* () {
        yield* streamOf(...manyListed(300))
        await new Promise(() => {})
      })(),
      {
        name: 'made',
        signal: controller.signal,
        onProgress: progress => {
          seen.push(progress)
          assert.equal(library.count(), progress.added)
          assert.equal(library.importReport(progress.id)!.state, 'running')
          controller.abort()
        },
      },
    )
    assert.deepEqual([report.state, report.added, seen.length], ['interrupted', 200, 1])
    const never = await library.importStream(streamOf(listed('B')), { name: 'made', signal: AbortSignal.abort() })
    assert.deepEqual([never.state, never.read], ['interrupted', 0])
  })

  test('of another connection of the same process is shown as running', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'offprint-imports-'))
    try {
      const database = openDatabase(join(folder, 'offprint.db'))
      const other = openDatabase(join(folder, 'offprint.db'))
      const states: string[] = []
      await createLibrary(database).importStream(streamOf(...manyListed(200)), {
        name: 'made',
        onProgress: () => void states.push(createLibrary(other).imports()[0].state),
      })
      assert.deepEqual(states, ['running'])
      assert.equal(createLibrary(other).imports()[0].state, 'done')
      database.close()
      other.close()
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

test('a process that is killed 25 times loses nothing that it said was in, and the import can be done again', async () => {
  const papers = 700
  const { integer } = random(7)
  let interrupted = 0
  for (let kill = 0; kill < 25; kill++) {
    const folder = mkdtempSync(join(tmpdir(), 'offprint-killed-'))
    try {
      const file = join(folder, 'offprint.db')
      const fixture = fileURLToPath(new URL('./killed-import.fixture.ts', import.meta.url))
      const child = spawn(process.execPath, [fixture, file, String(papers)], { stdio: ['ignore', 'pipe', 'inherit'] })
      const ended = once(child, 'exit')
      const deadly = 1 + integer(3)
      let [lines, acknowledged] = [0, 0]
      for await (const line of createInterface(child.stdout)) {
        acknowledged = Number(line)
        if (++lines === deadly) child.kill('SIGKILL')
      }
      await ended
      assert.ok(lines >= deadly)

      const database = openDatabase(file)
      assert.equal(database.prepare('PRAGMA integrity_check').get()!.integrity_check, 'ok')
      const library = createLibrary(database)
      const titles = new Set(Array.from(library.records(), ({ title }) => title))
      for (let number = 1; number <= acknowledged; number++) assert.ok(titles.has(numberedTitle(number)))
      const [report] = library.imports()
      assert.equal(report.state, report.finishedAt ? 'done' : 'interrupted')
      if (!report.finishedAt) interrupted++
      assert.equal(report.added, library.count())
      assert.ok(report.read >= acknowledged)

      const again = await library.importStream(streamOf(...manyListed(papers)), { name: 'again' })
      assert.deepEqual([again.state, again.unchanged, again.added + again.unchanged], ['done', report.added, papers])
      assert.equal(library.count(), papers)
      assert.equal(library.search(`"${numberedTitle(papers)}"`).total, 1)
      database.close()
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
  assert.ok(interrupted > 0)
})

test('a file of 80 MB takes no more memory than a small one', () => {
  const script = `
    import { parseJsonl } from ${JSON.stringify(new URL('./jsonl.ts', import.meta.url).href)}
    import { parseListing } from ${JSON.stringify(new URL('./listing.ts', import.meta.url).href)}
    import { abstractAbout, listed } from ${JSON.stringify(new URL('./made-papers.fixture.ts', import.meta.url).href)}
    const megabyte = text => new TextEncoder().encode(text.repeat(Math.ceil(1e6 / text.length)))
    async function* file(piece, filler) {
      for (let at = 0; at < 80; at++) yield at < 60 ? piece : filler
    }
    const paper = JSON.stringify({ title: 'T', abstract: abstractAbout('it') }) + '\\n'
    let count = 0
    for await (const item of parseListing(file(megabyte(listed('T', '2 authors')), megabyte('x')))) count++
    for await (const item of parseJsonl(file(megabyte(paper), megabyte('x')))) count++
    console.log(count)`
  const out = execFileSync(process.execPath, ['--max-old-space-size=32', '--input-type=module', '-e', script], {
    encoding: 'utf8',
  })
  assert.ok(Number(out) > 200_000)
})

test('what other sites say beside is kept up to 20 kB, goes out and comes in again, and nothing changes by it', async () => {
  const extraOf = (library: ReturnType<typeof createLibrary>) => {
    const found = library.paper('2401.00001')!
    assert.ok('title' in found)
    return found.extra
  }
  const library = createLibrary(openDatabase(':memory:'))
  const hf = (fields: object) =>
    library.importStream(streamOf(JSON.stringify([{ paper: { id: '2401.00001', title: 'A', ...fields } }])), {
      name: 'hf',
      format: 'hf',
    })
  await hf({ githubStars: 1, ai_summary: 'x'.repeat(15_000), ai_keywords: ['a'.repeat(6_000)] })
  assert.deepEqual(extraOf(library), { githubStars: 1, ai_summary: 'x'.repeat(15_000) })
  assert.equal((await hf({ githubStars: 2, more: true })).updated, 1)
  assert.deepEqual([extraOf(library)?.githubStars, extraOf(library)?.more], [1, true])
  assert.equal((await hf({ githubStars: 2, more: true })).unchanged, 1)
  const text = [...Array.from(library.records(), exportedRecord)].map(record => `${JSON.stringify(record)}\n`).join('')
  const other = createLibrary(openDatabase(':memory:'))
  await other.importStream(streamOf(text), { name: 'export', format: 'jsonl' })
  assert.deepEqual(extraOf(other), extraOf(library))
})

test('of a harvest are committed together with how far it is', async () => {
  const database = openDatabase(':memory:')
  const library = createLibrary(database)
  database.exec('CREATE TABLE far (page INTEGER)')
  const item = (title: string) => ({ line: 1, record: record({ title }) })
  const report = await library.importItems(
    async function* ({ checkpoint }) {
      yield item('One')
      checkpoint(() => void database.exec('INSERT INTO far VALUES (1)'))
      assert.equal(library.count(), 1)
      yield item('Two')
      checkpoint(() => {
        database.exec('INSERT INTO far VALUES (2)')
        throw new Error('the disk is full')
      })
    },
    { name: 'harvest', format: 'oai' },
  )
  assert.partialDeepStrictEqual(report, { state: 'failed', error: 'the disk is full', added: 1 })
  assert.deepEqual(
    [
      library.count(),
      database
        .prepare('SELECT page FROM far')
        .all()
        .map(({ page }) => page),
    ],
    [1, [1]],
  )
})

test('a year gives way to a month of it, and a month to a day, never to another', async () => {
  const library = createLibrary(openDatabase(':memory:'))
  const dates = async (...all: string[]) => {
    const text = all.map(publishedAt => `${JSON.stringify({ id: '2401.00001', title: 'A', publishedAt })}\n`).join('')
    await library.importStream(streamOf(text), { name: 'x', format: 'jsonl' })
    const found = library.paper('2401.00001')!
    return 'title' in found && found.publishedAt
  }
  assert.equal(await dates('2024'), '2024')
  assert.equal(await dates('2023-05'), '2024')
  assert.equal(await dates('2024-01', '2024'), '2024-01')
  assert.equal(await dates('2024-01-07', '2024-02-01'), '2024-01-07')
})

test('an organisation that wrote a paper stays whole, whichever way it comes and goes', async () => {
  const name = 'World Health Organization'
  const sources = {
    bibtex: `@misc{a, title={T}, author={{${name}} and Byron, Ada}}`,
    csl: JSON.stringify([{ title: 'T', author: [{ literal: name }, { family: 'Byron', given: 'Ada' }] }]),
    ris: `TY  - GEN\nTI  - T\nAU  - ${name}\nAU  - Byron, Ada\nER  - \n`,
  }
  const imported = async (text: string, format: ImportFormat) => {
    const library = open()
    await library.importStream(streamOf(text), { name: 'x', format })
    return Array.from(library.records())
  }
  const written = {
    bibtex: 'author = {{World Health Organization} and Ada Byron}',
    csl: '"author":[{"literal":"World Health Organization"},{"given":"Ada","family":"Byron"}]',
    ris: 'AU  - World Health Organization\r\nAU  - Byron, Ada\r\n',
    jsonl: '"authors":[{"name":"World Health Organization","whole":true},{"name":"Ada Byron"}]',
  }
  for (const [format, text] of Object.entries(sources)) {
    const papers = await imported(text, format as ImportFormat)
    assert.deepEqual(papers[0].authors, [{ name, whole: true }, { name: 'Ada Byron' }], format)
    for (const [way, part] of Object.entries(written)) {
      const out = [...exportFormats[way as ExportFormat].write(papers)].join('')
      assert.ok(out.includes(part), `${format} ${way} ${out}`)
      const again = await imported(out, way as ImportFormat)
      assert.deepEqual(again[0].authors, papers[0].authors, `${format} ${way}`)
    }
  }
})
