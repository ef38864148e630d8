import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { readTar, TarError, tarEnd, tarHeader, tarPadding } from './tar.ts'

const archived = (files: { name: string; content: Uint8Array }[]) =>
  Buffer.concat([
    ...files.flatMap(({ name, content }) => [
      tarHeader(name, content.length, new Date(0)),
      content,
      tarPadding(content.length),
    ]),
    tarEnd,
  ])

async function* inPieces(bytes: Uint8Array, length: number) {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

async function unpacked(bytes: Uint8Array, length = 1000) {
  const files: { name: string; content: Uint8Array }[] = []
  for await (const entry of readTar(inPieces(bytes, length))) {
    const chunks: Uint8Array[] = []
    for await (const chunk of entry.content) chunks.push(chunk)
    files.push({ name: entry.name, content: Uint8Array.from(Buffer.concat(chunks)) })
  }
  return files
}

const file = fc.record(
  {
    name: fc.string({ minLength: 1, maxLength: 300, unit: 'binary' }).filter(name => !name.includes('\0')),
    content: fc.uint8Array({ maxLength: 3000 }),
  },
  { noNullPrototype: true },
)

test('what goes in comes out, whatever the names, the contents and the pieces', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(file, { maxLength: 5 }), fc.integer({ min: 1, max: 3000 }), async (files, length) => {
      assert.deepEqual(await unpacked(archived(files), length), files)
    }),
    { numRuns: 200 },
  )
})

test('an entry that is not read is skipped', async () => {
  const names: string[] = []
  const files = ['a', 'b', 'c'].map(name => ({ name, content: new Uint8Array(700) }))
  for await (const { name } of readTar(inPieces(archived(files), 600))) names.push(name)
  assert.deepEqual(names, ['a', 'b', 'c'])
})

test('an archive that is cut off or goes on after its end is refused', async () => {
  const whole = archived([{ name: 'a', content: new Uint8Array(600).fill(7) }])
  for (let length = 0; length < whole.length - 512; length += 64)
    await assert.rejects(unpacked(whole.subarray(0, length)), TarError, `${length} bytes`)
  await assert.rejects(unpacked(Buffer.concat([whole, Buffer.from('x')])), TarError)
  assert.equal((await unpacked(Buffer.concat([whole, Buffer.alloc(9000)]))).length, 1)
})

test('any bytes give files or a TarError', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(file, { maxLength: 2 }), fc.nat(), fc.nat(255), async (files, at, value) => {
      const bytes = archived(files)
      bytes[at % bytes.length] = value
      await unpacked(bytes).catch(error => assert.ok(error instanceof TarError, String(error)))
    }),
    { numRuns: 500 },
  )
})

test('links, folders and devices are refused', async () => {
  for (const type of ['1', '2', '3', '5', 'g']) {
    const head = tarHeader('a', 0, new Date(0))
    head.write(type, 156, 'latin1')
    head.write('        ', 148, 'latin1')
    const sum = head.reduce((total, byte) => total + byte, 0)
    head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
    await assert.rejects(unpacked(Buffer.concat([head, tarEnd])), /no plain file/)
  }
})

test('the system’s tar reads it, long names included', t => {
  const folder = mkdtempSync(join(tmpdir(), 'offprint-tar-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const names = ['plain.txt', `${'long'.repeat(40)}/ünïcode 文.txt`]
  writeFileSync(join(folder, 'a.tar'), archived(names.map(name => ({ name, content: Buffer.from(`of ${name}`) }))))
  execFileSync('tar', ['xf', 'a.tar'], { cwd: folder })
  for (const name of names) assert.equal(readFileSync(join(folder, name), 'utf8'), `of ${name}`)
})
