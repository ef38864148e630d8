/** The data folder as a whole: who uses it now, what lies in it, and the end of a restore that was cut off. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isAlive, processOwner } from '../runs/store.ts'

export const databaseName = 'offprint.db'
const lockName = 'lock.db'

/** What a database may have beside it while it is open. */
const companions = ['-wal', '-shm', '-journal']

/** Names in the data folder that belong to the database or to the lock, and never travel as files. */
export const ownNames = new Set(
  [databaseName, lockName].flatMap(name => [name, ...companions.map(ending => `${name}${ending}`)]),
)

/**
 * What is computed or decided anew when it is missing: vectors and words (`embeddings` by another embedder), whose turn it is to ask another site, and uploads
 * that are only looked at.
 */
export const derivedFolders = new Set(['vectors', 'embeddings', 'words', 'pace', 'previews'])

/** The folder cannot be used now: another process has it. */
export class FolderInUseError extends Error {
  override name = 'FolderInUseError'
}

/**
 * Says that this process uses the folder, together with any others, until `end`. SQLite's lock on a file ends with its
 * process, however that ends, so that there is none to take over from the dead.
 *
 * @throws FolderInUseError while a restore has the folder
 */
export function useFolder(folder: string): { end(): void } {
  const lock = takeLock(folder, 'BEGIN')
  if (!lock) throw new FolderInUseError(`a restore into ${folder} is going on; try again when it is done`)
  return lock
}

/** Takes the folder for this process alone; undefined while anybody uses it. */
export function takeFolder(folder: string): { end(): void } | undefined {
  return takeLock(folder, 'BEGIN EXCLUSIVE')
}

function takeLock(folder: string, begin: string): { end(): void } | undefined {
  const file = new DatabaseSync(join(folder, lockName), { timeout: 0 })
  try {
    file.exec(begin)
    // The lock is taken with the first look at the file.
    file.prepare('SELECT count(*) FROM sqlite_schema').get()
  } catch (error) {
    file.close()
    if ((error as { errcode?: number }).errcode === 5) return undefined
    throw error
  }
  return {
    end() {
      if (file.isOpen) file.close()
    },
  }
}

/** Where a restore puts the new folder, verified and complete, for the moment until the old one has made room. */
export const restoredName = (folder: string) => `${folder}.restored`

/** Makes the folder where it is missing, readable for its owner only: it holds addresses and uploads. */
export function openFolder(folder: string): void {
  finishRestore(folder)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
}

/** A restore that was killed after it had moved the old folder away, and before the new one took its place, is ended. */
export function finishRestore(folder: string): void {
  if (existsSync(folder) || !existsSync(restoredName(folder))) return
  try {
    renameSync(restoredName(folder), folder)
  } catch (error) {
    // Another process that was started at the same time was faster.
    if (!existsSync(folder)) throw error
  }
}

/** Whether there is anything in a folder that a restore would replace. */
export function isEmptyFolder(folder: string): boolean {
  return !existsSync(folder) || readdirSync(folder).every(name => name.startsWith(lockName))
}

const dayMs = 86_400_000

/** Names a folder that this process works in, so that others see whether it still does. */
export function workName(prefix: string): string {
  return `${prefix}${processOwner().replaceAll(':', '+')}`
}

/** Removes the folders of that prefix whose process is gone. */
export function dropAbandoned(place: string, prefix: string): void {
  for (const name of readdirSync(place)) {
    if (!name.startsWith(prefix)) continue
    const [host, pid, start] = name.slice(prefix.length).split('+')
    const made = statSync(join(place, name), { throwIfNoEntry: false })?.mtimeMs ?? 0
    // On a disk that machines share another one may be at work, which we cannot look at.
    const works = host === hostname() ? isAlive([host, pid, start].join(':'), made) : made > Date.now() - dayMs
    if (!works) rmSync(join(place, name), { recursive: true, force: true })
  }
}
