/** Indexes as files, for Node. */
import { randomUUID } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { InputError } from '@offprint/kernels'
import { Hnsw } from './hnsw.ts'
import type { OpenOptions } from './hnsw-options.ts'
import type { HnswId } from './row-ids.ts'

/** Of each file that is being written, when that is done. */
const turns = new Map<string, Promise<unknown>>()

/** Two that write the same file take turns. */
async function inTurn<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  const file = resolve(path)
  const result = (turns.get(file) ?? Promise.resolve()).then(work)
  const turn = result.catch(() => {})
  turns.set(file, turn)
  try {
    return await result
  } finally {
    if (turns.get(file) === turn) turns.delete(file)
  }
}

/**
 * Writes an index to a file: under a temporary name first, so that an interrupted save leaves what was there before.
 *
 * @example
 * await saveHnsw(index, 'vectors.hnsw')
 */
export function saveHnsw<Id extends HnswId>(index: Hnsw<Id>, path: string): Promise<void> {
  return inTurn(path, () => save(index, path))
}

async function save<Id extends HnswId>(index: Hnsw<Id>, path: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}.part`
  const file = await open(temporary, 'w')
  try {
    await index.writeTo(async (bytes, at) => {
      for (let done = 0; done < bytes.length; )
        done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten
    })
    await file.sync()
    await file.close()
    await rename(temporary, path)
  } catch (error) {
    await file.close().catch(() => {})
    await rm(temporary, { force: true })
    throw error
  }
  // The new name is on the disk only once its folder is; some systems cannot do that to a folder.
  const folder = await open(dirname(path)).catch(() => undefined)
  await folder?.sync().catch(() => {})
  await folder?.close()
}

/**
 * Writes what has changed since the index was saved to a file or opened from it, behind what stands there: for a large index that
 * changes a little. The whole file is written anew where it is another one, is missing, or much has changed. Whenever it is
 * interrupted, the file opens as it was before or after.
 *
 * @returns bytes written
 *
 * @example
 * await index.add(morePoints)
 * await updateHnsw(index, 'vectors.hnsw')
 */
export function updateHnsw<Id extends HnswId>(index: Hnsw<Id>, path: string): Promise<number> {
  return inTurn(path, () => update(index, path))
}

async function update<Id extends HnswId>(index: Hnsw<Id>, path: string): Promise<number> {
  const file = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  try {
    const written =
      file &&
      (await index.writeChangesTo({
        read: async (into, at) => (await file.read(into, 0, into.length, at)).bytesRead,
        async write(bytes, at) {
          for (let done = 0; done < bytes.length; )
            done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten
        },
        sync: () => file.datasync(),
      }))
    if (written !== undefined) return written
  } finally {
    await file?.close()
  }
  await save(index, path)
  return (await stat(path)).size
}

/**
 * Opens an index file. It is read straight into the index's memory, without a copy in between.
 * @throws InputError for a file that is foreign, truncated or damaged; the system's error where it cannot be read
 *
 * @example
 * const index = openHnsw('vectors.hnsw', { lazy: true })
 */
export function openHnsw<Id extends HnswId = number>(path: string, options: OpenOptions = {}): Hnsw<Id> {
  const file = openSync(path, 'r')
  let open = true
  const close = () => {
    if (open) closeSync(file)
    open = false
  }
  const read = (at: number, into: Uint8Array) => {
    for (let done = 0; done < into.length; ) {
      const bytes = readSync(file, into, done, into.length - done, at + done)
      if (!bytes) throw new InputError('index', 'a truncated file', 'an index file', 'index: the file became shorter')
      done += bytes
    }
  }
  try {
    return Hnsw.openFrom<Id>({ bytes: fstatSync(file).size, read, close }, options)
  } catch (error) {
    close()
    throw error
  }
}
