import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ImportPreview } from './library/types.ts'
import { openPreviews } from './previews.ts'

test('previews are kept for a day, the newest 20 of them, and their texts no longer than they', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'previews-'))
  t.after(() => rmSync(folder, { recursive: true }))
  let time = Date.parse('2026-01-01T00:00:00Z')
  const previews = openPreviews(folder, 1, () => time)
  const preview = { added: 1 } as ImportPreview
  const keep = async (text: string) => {
    const upload = await previews.save('x', [Buffer.from(text)])
    const path = join(folder, 'texts', upload.file)
    // As old as the made-up clock says.
    utimesSync(path, time / 1000, time / 1000)
    return { ...(await previews.keep({ upload, options: { name: 'x' }, preview })), path }
  }
  const first = await keep('first')
  assert.deepEqual(previews.get(first.id)?.preview, preview)
  const chunks = []
  for await (const chunk of previews.open(first.upload)) chunks.push(chunk)
  assert.equal(Buffer.concat(chunks).toString(), 'first')
  for (const id of ['..', first.id.slice(1), `${first.id}/..`]) assert.equal(previews.get(id), undefined)

  for (let number = 0; number < 20; number++) {
    time += 60_000
    await keep(`number ${number}`)
  }
  assert.equal(previews.get(first.id), undefined)
  // Its text waits for an hour, as the preview of another upload of it may be on its way.
  assert.ok(existsSync(first.path))
  time += 3_600_000
  const large = await keep('l'.repeat(1_000_000))
  assert.ok(!existsSync(first.path))
  time += 1000
  const second = await keep('m'.repeat(1_000_000))
  time += 1000
  await keep('n'.repeat(1_000_000))
  assert.deepEqual([previews.get(large.id), previews.get(second.id)?.id], [undefined, second.id])

  previews.discard(second.upload)
  assert.ok(existsSync(second.path), 'a preview needs it')
  previews.drop(second.id)
  previews.discard(second.upload)
  assert.ok(!existsSync(second.path))
  const last = await keep('last')
  time += 86_400_001
  assert.equal(previews.get(last.id), undefined)
  writeFileSync(join(folder, 'texts', '.part-x'), '')
  previews.drop(last.id)
  assert.deepEqual(readdirSync(folder), ['texts'])
  assert.deepEqual(readdirSync(join(folder, 'texts')), ['.part-x'])
})
