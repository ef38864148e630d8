import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { random } from '@offprint/kernels'
import { BackupError, FolderInUseError, openOffprint, readSettings, restoreBackup, writeBackup } from '@offprint/server'
import { openDatabase } from '../src/database.ts'
import { openFolder, restoredName } from '../src/hosting/data-folder.ts'
import { tarEnd, tarHeader, tarPadding } from '../src/hosting/tar.ts'
import { createLibrary } from '../src/library/library.ts'
import { outsidePaper, startServer, temporaryFolder } from './harness.ts'

const table = 'name,x\none,1\ntwo,2\n'
const settingsOf = (folder: string) =>
  readSettings({ DATA_DIR: folder, PAPERS: outsidePaper, RUN_CONCURRENCY: '2' }, '/nonexistent/.env')

/** A server with an imported paper, a run with an upload, a run that left a file, and a failed one. */
async function withData(t: TestContext) {
  const served = await startServer(t)
  const form = new FormData()
  form.set('table', new Blob([table]), 'numbers.csv')
  const sum = (await (
    await fetch(`${served.url}/api/run/outside/sum`, { method: 'POST', body: form, headers: { prefer: 'wait=60' } })
  ).json()) as { run: { id: string }; blocks: unknown[] }
  const shown = await served.run('outside/show')
  const failed = await served.run('outside/fail', { how: 'throw' })
  const paper = {
    arxivId: '2401.00001',
    title: 'A paper about wombats',
    abstract: 'Wombats dig.',
    authors: [{ name: 'Ada' }],
  }
  await fetch(`${served.url}/api/import`, { method: 'POST', body: `${JSON.stringify(paper)}\n` })
  const place = temporaryFolder(t)
  return { ...served, folder: served.settings.DATA_DIR, sum, shown, failed, place, file: join(place, 'b.tar.gz') }
}

/** All plain files of a folder, without the lock, and the SHA-256 of each. */
function contentOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name =>
    statSync(join(folder, name)).isFile(),
  )
  const kept = names.filter(name => !name.startsWith('lock.db')).sort()
  return Object.fromEntries(kept.map(name => [name, hash('sha256', readFileSync(join(folder, name)))]))
}

test('a backup of a running server comes back as a library with its papers, runs, results and uploads', async t => {
  const { folder, file, place, sum, shown, failed, offprint } = await withData(t)
  mkdirSync(join(folder, 'later', 'deep'), { recursive: true })
  writeFileSync(join(folder, 'later', 'deep', 'of a later version.txt'), 'kept')
  symlinkSync('/etc/passwd', join(folder, 'later', 'link'))
  writeFileSync(join(folder, 'files', '.part-1'), 'an upload that is going on')
  const steps: number[] = []
  const made = await writeBackup(folder, file, { onProgress: ({ done, total }) => steps.push(done / total) })
  assert.equal(made.file, file)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.equal(made.bytes, statSync(file).size)
  assert.equal(made.manifest.papers, offprint.library.count())
  assert.equal(made.manifest.runs, 2)
  assert.deepEqual(made.manifest.leftOut, [
    { name: 'later/link', why: 'neither a file nor a folder' },
    { name: 'previews', why: 'made anew when it is missing' },
  ])
  assert.deepEqual(readdirSync(place), ['b.tar.gz'], 'nothing is left beside it')
  assert.equal(steps.at(-1), 1)

  const target = join(place, 'restored', 'data')
  const restored = await restoreBackup(file, target)
  assert.equal(restored.kept, undefined)
  assert.deepEqual(restored.manifest, made.manifest)
  assert.deepEqual(readdirSync(join(place, 'restored')), ['data'])
  assert.equal(statSync(target).mode & 0o777, 0o700)
  for (const name of readdirSync(target, { recursive: true, encoding: 'utf8' }))
    assert.equal(statSync(join(target, name)).mode & 0o077, 0, name)
  assert.ok(!existsSync(join(target, 'files', '.part-1')))
  assert.equal(readFileSync(join(target, 'later', 'deep', 'of a later version.txt'), 'utf8'), 'kept')

  const other = await openOffprint(settingsOf(target))
  t.after(() => other.close())
  assert.deepEqual([...other.library.records()], [...offprint.library.records()])
  assert.equal(other.library.search('wombats').papers[0].key, '2401.00001')
  for (const id of [sum.run.id, shown.body.run.id, failed.body.run.id])
    assert.deepEqual(other.runs.store.record(id), offprint.runs.store.record(id))
  const repeated = await other.runs.wait(other.runs.repeat(sum.run.id)!.id)
  assert.deepEqual(repeated!.blocks, sum.blocks)
})

test('backups taken while another process imports each hold a library that fits its report', {
  timeout: 120_000,
}, async t => {
  const folder = temporaryFolder(t)
  const place = temporaryFolder(t)
  const database = join(folder, 'offprint.db')
  createLibrary(openDatabase(database))
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      fileURLToPath(new URL('../src/library/killed-import.fixture.ts', import.meta.url)),
      database,
      '50000',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  t.after(() => child.kill('SIGKILL'))
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  const counts: number[] = []
  for (let number = 0; number < 8; number++) {
    const file = join(place, `${number}.tar.gz`)
    const { manifest } = await writeBackup(folder, file)
    const target = join(place, String(number))
    await restoreBackup(file, target)
    const restored = openDatabase(join(target, 'offprint.db'))
    const library = createLibrary(restored)
    const [report] = library.imports()
    assert.equal(library.count(), manifest.papers)
    assert.equal(library.count(), report.added)
    assert.equal(library.search('"Made Paper Number"', { limit: 0 }).total, report.added)
    counts.push(report.added)
    restored.close()
    rmSync(file)
    rmSync(target, { recursive: true })
  }
  assert.ok(child.exitCode === null && child.signalCode === null, 'the import was still going on')
  assert.ok(new Set(counts).size > 4, `it went on meanwhile: ${counts}`)
  child.kill('SIGKILL')
})

test('what exists is not overwritten, and the data folder holds no backup of itself', async t => {
  const { folder, file, place } = await withData(t)
  writeFileSync(file, 'something else')
  await assert.rejects(writeBackup(folder, file), /exists already; --force overwrites it/)
  assert.equal(readFileSync(file, 'utf8'), 'something else')
  await writeBackup(folder, file, { force: true })
  await restoreBackup(file, join(place, 'new'))
  for (const inside of [join(folder, 'b.tar.gz'), join(folder, 'runs', 'b.tar.gz')])
    await assert.rejects(writeBackup(folder, inside), /lies in the data folder/)
  await assert.rejects(writeBackup(folder, join(place, 'none', 'b.tar.gz')), /there is no folder/)
  await assert.rejects(writeBackup(folder, place), /is a folder/)
  await assert.rejects(writeBackup(join(place, 'empty'), join(place, 'c.tar.gz')), /nothing to back up/)
})

test('a folder that is in use, or not empty, is not replaced; with force the former one is kept', async t => {
  const { folder, file, place, offprint } = await withData(t)
  await writeBackup(folder, file)
  await assert.rejects(restoreBackup(file, folder), /is not empty; --force/)
  await assert.rejects(restoreBackup(file, folder, { force: true }), FolderInUseError)
  const target = join(place, 'data')
  const own = await openOffprint(settingsOf(target))
  await assert.rejects(restoreBackup(file, target, { force: true }), /is in use: stop the server/)
  await own.close()
  const before = contentOf(target)
  const { kept } = await restoreBackup(file, target, { force: true })
  assert.match(kept!, /data\.before-restore-\d{4}-\d\d-\d\dT\d{6}$/)
  assert.deepEqual(contentOf(kept!), before)
  const restored = await openOffprint(settingsOf(target))
  t.after(() => restored.close())
  assert.equal(restored.library.count(), offprint.library.count())
})

test('nobody opens a folder while a restore has it', async t => {
  const folder = temporaryFolder(t)
  const { takeFolder } = await import('../src/hosting/data-folder.ts')
  const lock = takeFolder(folder)!
  await assert.rejects(openOffprint(settingsOf(folder)), /a restore into .* is going on/)
  lock.end()
  await (await openOffprint(settingsOf(folder))).close()
})

test('a backup that is cut off anywhere is refused, and nothing changes', async t => {
  const { folder, file, place } = await withData(t)
  await writeBackup(folder, file)
  const whole = readFileSync(file)
  const target = join(place, 'data')
  mkdirSync(target)
  writeFileSync(join(target, 'mine'), 'mine')
  const cut = join(place, 'cut')
  const lengths = [...Array.from({ length: 80 }, (_, part) => Math.floor((whole.length * part) / 80))]
  for (let before = 1; before <= 30; before++) lengths.push(whole.length - before)
  for (const length of lengths) {
    writeFileSync(cut, whole.subarray(0, length))
    await assert.rejects(restoreBackup(cut, target, { force: true }), BackupError, `${length} of ${whole.length}`)
  }
  rmSync(cut)
  assert.deepEqual(readdirSync(place).sort(), ['b.tar.gz', 'data'])
  assert.deepEqual(readFileSync(join(target, 'mine'), 'utf8'), 'mine')
})

test('a flipped byte is noticed, or changes nothing of what comes back', { timeout: 120_000 }, async t => {
  const { folder, file, place } = await withData(t)
  await writeBackup(folder, file)
  const whole = readFileSync(file)
  const target = join(place, 'data')
  await restoreBackup(file, target)
  const wanted = contentOf(target)
  rmSync(target, { recursive: true })
  const { integer } = random(20_261_127)
  let refused = 0
  const flips = 250
  for (let flip = 0; flip < flips; flip++) {
    const bytes = Buffer.from(whole)
    bytes[flip < 20 ? flip : integer(bytes.length)] ^= 1 << integer(8)
    writeFileSync(join(place, 'flipped'), bytes)
    try {
      await restoreBackup(join(place, 'flipped'), target)
      assert.deepEqual(contentOf(target), wanted)
      rmSync(target, { recursive: true })
    } catch (error) {
      assert.ok(error instanceof BackupError, String(error))
      assert.ok(!existsSync(target))
      refused++
    }
  }
  assert.ok(refused > flips - 20, `${refused} of ${flips} were refused`)
})

/** An archive with an own hand: what no `writeBackup` would write. */
function archive(entries: [name: string, content: string | Buffer][]): Buffer {
  return gzipSync(
    Buffer.concat([
      ...entries.flatMap(([name, content]) => {
        const bytes = Buffer.from(content as string)
        return [tarHeader(name, bytes.length, new Date(0)), bytes, tarPadding(bytes.length)]
      }),
      tarEnd,
    ]),
  )
}

test('foreign, hostile and newer files are refused by name, and nothing is written elsewhere', async t => {
  const place = temporaryFolder(t)
  const target = join(place, 'data')
  const head: [string, string] = ['offprint-backup.json', JSON.stringify({ format: 'offprint-backup', version: 1 })]
  const named = (name: string) => archive([head, [name, 'x']])
  const cases: [Buffer, RegExp][] = [
    [Buffer.alloc(0), /cut off|no backup/],
    [Buffer.from('just a text'), /no backup of Offprint/],
    [Buffer.from('PK\x03\x04 a zip archive'), /no backup of Offprint/],
    [gzipSync('a text that was compressed'), /cannot be read|cut off/],
    [archive([['README', 'another archive']]), /no backup of Offprint/],
    [archive([['offprint-backup.json', '{"format":"other","version":1}']]), /no backup of Offprint/],
    [
      archive([['offprint-backup.json', '{"format":"offprint-backup","version":2}']]),
      /newer version of Offprint \(format 2/,
    ],
    [archive([head]), /manifest is missing/],
    [archive([head, ['manifest.json', '{}']]), /manifest of the backup is damaged/],
    [archive([head, ['data/offprint.db', 'x'], ['data/offprint.db', 'y']]), /twice/],
    [archive([head, ['data/a', 'x'], ['data/a/b', 'y']]), /twice/],
  ]
  for (const name of [
    '../outside',
    'data/../outside',
    'data/../../outside',
    '/etc/outside',
    'data//outside',
    'data/./outside',
    'data/',
    'data',
    'data/a\\..\\..\\outside',
    'data/a\0b',
    `data/${'a'.repeat(300)}`,
    'data/offprint.db-wal',
    'data/lock.db',
    'data/vectors/manifest.json',
    'outside',
    'data/runs/../../../outside',
  ])
    cases.push([named(name), /forbidden name/])
  for (const [index, [bytes, message]] of cases.entries()) {
    const file = join(place, 'hostile')
    writeFileSync(file, bytes)
    await assert.rejects(restoreBackup(file, target), (error: Error) => {
      assert.ok(error instanceof BackupError, `${index}: ${error}`)
      assert.match(error.message, message, String(index))
      return true
    })
    rmSync(file)
    assert.deepEqual(readdirSync(place), [], String(index))
  }
})

test('a database of a newer version is refused', async t => {
  const { folder, place } = await withData(t)
  const copy = join(place, 'copy')
  await writeBackup(folder, join(place, 'a.tar.gz'))
  await restoreBackup(join(place, 'a.tar.gz'), copy)
  const database = openDatabase(join(copy, 'offprint.db'))
  database.exec(`UPDATE migrations SET step = step + 1 WHERE owner = 'runs'`)
  database.close()
  await writeBackup(copy, join(place, 'b.tar.gz'))
  await assert.rejects(
    restoreBackup(join(place, 'b.tar.gz'), join(place, 'data')),
    /made by a newer version of Offprint \(runs: step/,
  )
})

const fixture = fileURLToPath(new URL('./hosting.fixture.ts', import.meta.url))

/** Lets the fixture work for a random time and kills it. */
async function killed(t: TestContext, words: string[], ms: number) {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', fixture, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const timer = setTimeout(() => child.kill('SIGKILL'), ms)
  await once(child, 'exit')
  clearTimeout(timer)
  assert.equal(child.signalCode, 'SIGKILL')
}

/** A data folder whose files all say the same word, with some megabytes to be at. */
function spokenFolder(place: string, word: string): string {
  const folder = join(place, word)
  mkdirSync(folder)
  const database = openDatabase(join(folder, 'offprint.db'))
  createLibrary(database)
  database.exec(`CREATE TABLE word (word TEXT); INSERT INTO word VALUES ('${word}')`)
  database.close()
  for (let file = 0; file < 40; file++)
    writeFileSync(join(folder, `file-${file}`), word.repeat(3000) + random(file).integer(1e9))
  return folder
}

function wordOf(folder: string): string {
  const database = openDatabase(join(folder, 'offprint.db'))
  const word = String(database.prepare('SELECT word FROM word').get()!.word)
  database.close()
  const names = readdirSync(folder).filter(name => name.startsWith('file-'))
  assert.equal(names.length, 40)
  for (const name of names) assert.ok(readFileSync(join(folder, name), 'utf8').startsWith(word.repeat(3000)), name)
  return word
}

test('killed at any moment, a backup has its name only when it is whole', { timeout: 120_000 }, async t => {
  const place = temporaryFolder(t)
  const folder = spokenFolder(place, 'now')
  const out = join(place, 'out')
  mkdirSync(out)
  const file = join(out, 'b.tar.gz')
  const { integer } = random(1)
  let whole = 0
  for (let kill = 0; kill < 25; kill++) {
    if (kill % 2) rmSync(file, { force: true })
    await killed(t, ['backup', file, folder], integer(120))
    if (!existsSync(file)) continue
    whole++
    const target = join(place, 'target')
    await restoreBackup(file, target)
    assert.equal(wordOf(target), 'now')
    rmSync(target, { recursive: true })
  }
  assert.ok(whole > 0)
  await writeBackup(folder, file, { force: true })
  assert.deepEqual(readdirSync(out), ['b.tar.gz'], 'what the killed ones left is gone')
})

test('killed at any moment, a restore leaves the former folder or the new one', { timeout: 180_000 }, async t => {
  const place = temporaryFolder(t)
  const file = join(place, 'b.tar.gz')
  await writeBackup(spokenFolder(place, 'new'), file)
  const old = spokenFolder(place, 'old')
  const { integer } = random(2)
  const seen = { old: 0, new: 0 }
  for (let kill = 0; kill < 25; kill++) {
    const home = join(place, `home-${kill}`)
    mkdirSync(home)
    const target = join(home, 'data')
    cpSync(old, target, { recursive: true })
    await killed(t, ['restore', file, target], integer(150))
    openFolder(target)
    seen[wordOf(target) as keyof typeof seen]++
    await restoreBackup(file, target, { force: true })
    assert.equal(wordOf(target), 'new')
    const others = readdirSync(home).filter(name => name !== 'data' && !name.startsWith('data.before-restore-'))
    assert.deepEqual(others, [], 'what the killed ones left is gone')
    rmSync(home, { recursive: true })
  }
  assert.ok(seen.old > 0 && seen.new > 0, JSON.stringify(seen))
})

test('a restore that was cut off between its two renames is finished by whoever opens the folder', async t => {
  const place = temporaryFolder(t)
  const target = join(place, 'data')
  renameSync(spokenFolder(place, 'new'), restoredName(target))
  const opened = await openOffprint(settingsOf(target))
  await opened.close()
  assert.equal(wordOf(target), 'new')
})
