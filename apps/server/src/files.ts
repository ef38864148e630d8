/** Uploaded and pasted inputs, stored once by content: `DATA_DIR/files/<sha256>`. A run refers to them by hash and name. */
import { createHash, randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'

/** A stored file as a run's input refers to it. */
export const storedFile = z.object({
  file: z.string().regex(/^[0-9a-f]{64}$/),
  name: z.string().max(200),
  bytes: z.int().min(0),
})
export type StoredFile = z.infer<typeof storedFile>

export class TooLargeError extends Error {
  override name = 'TooLargeError'
}

export interface FileStore {
  /** Streams content to disk. @throws TooLargeError beyond the limit; then nothing is kept */
  save(name: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<StoredFile>
  /** Path of a stored file, or undefined where there is none of that hash. */
  path(file: string): string | undefined
}

/** @param limitMegabytes largest file that `save` takes */
export function openFileStore(folder: string, limitMegabytes: number): FileStore {
  mkdirSync(folder, { recursive: true })
  dropAbandoned(folder)
  return {
    async save(name, chunks) {
      const temporary = join(folder, `.part-${randomBytes(8).toString('hex')}`)
      const hash = createHash('sha256')
      let bytes = 0
      const handle = await open(temporary, 'wx')
      try {
        for await (const chunk of chunks) {
          bytes += chunk.length
          if (bytes > limitMegabytes * 1024 * 1024)
            throw new TooLargeError(
              `${plainName(name)} is larger than the limit of ${limitMegabytes} MB (setting UPLOAD_LIMIT_MB)`,
            )
          hash.update(chunk)
          await writeFile(handle, chunk)
        }
        await handle.sync()
      } catch (error) {
        await handle.close()
        rmSync(temporary, { force: true })
        throw error
      }
      await handle.close()
      const file = hash.digest('hex')
      const target = join(folder, file)
      if (existsSync(target)) rmSync(temporary)
      else renameSync(temporary, target)
      syncFolder(folder)
      return { file, name: plainName(name), bytes }
    },
    path(file) {
      if (!/^[0-9a-f]{64}$/.test(file)) return undefined
      const path = join(folder, file)
      return existsSync(path) ? path : undefined
    },
  }
}

/** Removes what uploads of killed processes left; a living upload writes to its file at least once an hour. */
function dropAbandoned(folder: string): void {
  const hourAgo = Date.now() - 3_600_000
  for (const name of readdirSync(folder)) {
    if (!name.startsWith('.part-')) continue
    const path = join(folder, name)
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Number.POSITIVE_INFINITY }
    if (mtimeMs < hourAgo) rmSync(path, { force: true })
  }
}

/** The last part of a name, without control characters: an upload's name is shown, never used as a path. */
export function plainName(name: string): string {
  const last = basename(name.replaceAll('\\', '/'))
  return last.replace(/[\u0000-\u001f\u007f]/g, '').slice(0, 200) || 'unnamed'
}

export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

export function fileSize(path: string): number {
  return statSync(path).size
}
