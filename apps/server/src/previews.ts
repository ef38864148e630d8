/** Uploaded and pasted texts that wait to be imported: kept for a day, each with what its import would change. */
import { randomBytes } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openFileStore, type StoredFile } from './files.ts'
import type { ImportOptions, ImportPreview } from './library/types.ts'

export interface KeptPreview {
  id: string
  /** ISO 8601. */
  createdAt: string
  upload: StoredFile
  options: Pick<ImportOptions, 'name' | 'format' | 'year'>
  preview: ImportPreview
}

export type Previews = ReturnType<typeof openPreviews>

const keptMs = 86_400_000
const mostKept = 20

/**
 * Opens the folder, made where it is missing. What is older than a day is dropped, and so is the oldest where there are more
 * than 20 or where they take more than twice the limit of one upload.
 */
export function openPreviews(folder: string, limitMegabytes: number, now: () => number = Date.now) {
  mkdirSync(folder, { recursive: true })
  const texts = openFileStore(join(folder, 'texts'), limitMegabytes)
  const fileOf = (id: string) => join(folder, `${id}.json`)

  function read(id: string): KeptPreview | undefined {
    if (!/^[0-9a-f]{24}$/.test(id) || !existsSync(fileOf(id))) return undefined
    const kept: KeptPreview = JSON.parse(readFileSync(fileOf(id), 'utf8'))
    return Date.parse(kept.createdAt) + keptMs > now() && texts.path(kept.upload.file) ? kept : undefined
  }

  /** Texts that came within the hour stay in any case: their preview may be on its way. */
  function tidy(): void {
    const all = readdirSync(folder)
      .filter(name => name.endsWith('.json'))
      .map(name => ({ name, kept: read(name.slice(0, -'.json'.length)) }))
      .sort((a, b) => ((a.kept?.createdAt ?? '') > (b.kept?.createdAt ?? '') ? -1 : 1))
    let bytes = 0
    const stay = new Set<string>()
    for (const [index, { name, kept }] of all.entries()) {
      bytes += kept?.upload.bytes ?? 0
      if (kept && index < mostKept && (index === 0 || bytes <= 2 * limitMegabytes * 1024 * 1024))
        stay.add(kept.upload.file)
      else rmSync(join(folder, name), { force: true })
    }
    for (const file of readdirSync(join(folder, 'texts'))) {
      const path = join(folder, 'texts', file)
      const age = now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now())
      if (!stay.has(file) && !file.startsWith('.') && age > 3_600_000) rmSync(path, { force: true })
    }
  }

  return {
    /** Streams a text to disk. @throws TooLargeError beyond the limit; then nothing is kept */
    save: texts.save,
    open: (upload: StoredFile): AsyncIterable<Uint8Array> => createReadStream(texts.path(upload.file)!),
    async keep(fields: Omit<KeptPreview, 'id' | 'createdAt'>): Promise<KeptPreview> {
      const kept = { id: randomBytes(12).toString('hex'), createdAt: new Date(now()).toISOString(), ...fields }
      await writeFile(fileOf(kept.id), JSON.stringify(kept))
      tidy()
      return kept
    },
    /** Drops a text that no preview needs. */
    discard(upload: StoredFile): void {
      const isKept = readdirSync(folder).some(
        name => name.endsWith('.json') && read(name.slice(0, -'.json'.length))?.upload.file === upload.file,
      )
      if (!isKept) rmSync(join(folder, 'texts', upload.file), { force: true })
    },
    /** Undefined where there is none, or none any more. */
    get: read,
    drop(id: string): void {
      if (read(id)) rmSync(fileOf(id), { force: true })
      tidy()
    },
  }
}
