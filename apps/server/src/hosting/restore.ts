/** The way back: a backup becomes a data folder, after all of it was looked at and before anything is replaced. */
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { InputError } from '@offprint/kernels'
import { findDamage, openForReading, stepsDone } from '../database.ts'
import { syncFolder } from '../files.ts'
import { isNewer } from '../schema.ts'
import { type BackupManifest, type BackupProgress, backupHead, backupManifest, backupVersion } from './backup.ts'
import {
  databaseName,
  derivedFolders,
  dropAbandoned,
  FolderInUseError,
  finishRestore,
  isEmptyFolder,
  ownNames,
  restoredName,
  takeFolder,
  workName,
} from './data-folder.ts'
import { readTar, TarError } from './tar.ts'

/** A file that cannot be restored; nothing was changed. */
export class BackupError extends Error {
  override name = 'BackupError'
}

export interface RestoreOptions {
  /** Replaces a folder that is not empty; it is kept beside the new one. */
  force?: boolean
  signal?: AbortSignal
  onProgress?(progress: BackupProgress): void
}

export interface Restored {
  folder: string
  /** Where the former folder lies now, where there was one. */
  kept?: string
  manifest: BackupManifest
}

const longestText = 256 * 1024 * 1024

/**
 * Puts the content of a backup in the place of a data folder. All of it is unpacked beside the folder and verified first: every
 * size and SHA-256, the database and its schema. Killed at any moment, it leaves the former folder or the new one.
 *
 * @throws BackupError for a file that is no backup, cut off, damaged, hostile or of a newer version
 * @throws InputError where the folder is not empty, and `force` is not given
 * @throws FolderInUseError while a server or a command uses the folder
 */
export async function restoreBackup(
  file: string,
  folder: string,
  { force = false, signal, onProgress }: RestoreOptions = {},
): Promise<Restored> {
  const stat = statSync(file, { throwIfNoEntry: false })
  if (!stat?.isFile()) throw new InputError('file', `'${file}'`, '', `file: there is no file ${file}`)
  const target = resolve(folder)
  finishRestore(target)
  if (existsSync(target) && !statSync(target).isDirectory())
    throw new InputError('into', `'${folder}'`, '', `into: ${target} is not a folder`)
  if (!isEmptyFolder(target) && !force)
    throw new InputError(
      'into',
      `'${folder}'`,
      '',
      `into: ${target} is not empty; --force puts the backup in its place and keeps it beside as ${basename(target)}.before-restore-…`,
    )
  mkdirSync(dirname(target), { recursive: true })
  const lock = existsSync(target) ? takeFolder(target) : undefined
  if (existsSync(target) && !lock)
    throw new FolderInUseError(`${target} is in use: stop the server and all commands that work with it first`)
  const staged = workName(`${target}.restoring-`)
  try {
    dropAbandoned(dirname(target), `${basename(target)}.restoring-`)
    rmSync(restoredName(target), { recursive: true, force: true })
    rmSync(staged, { recursive: true, force: true })
    mkdirSync(staged, { mode: 0o700 })
    const manifest = await unpack(file, stat.size, staged, { signal, onProgress })
    checkDatabase(join(staged, databaseName), manifest)
    signal?.throwIfAborted()
    return { folder: target, ...exchange(target, staged), manifest }
  } finally {
    rmSync(staged, { recursive: true, force: true })
    lock?.end()
  }
}

async function unpack(
  file: string,
  bytes: number,
  staged: string,
  { signal, onProgress }: RestoreOptions,
): Promise<BackupManifest> {
  const found = new Map<string, { bytes: number; sha256: string }>()
  const folders = new Set([staged])
  let manifest: BackupManifest | undefined
  let first = true
  let read = 0
  async function* counted() {
    for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024, signal })) {
      read += chunk.length
      yield chunk as Uint8Array
    }
  }
  try {
    await pipeline(
      counted(),
      createGunzip(),
      async chunks => {
        for await (const entry of readTar(chunks)) {
          if (manifest) throw new BackupError('the backup has more after its manifest')
          if (first) {
            first = false
            if (entry.name !== 'offprint-backup.json') throw new BackupError('this is no backup of Offprint')
            checkHead(parse(await collect(entry.content, 10_000)))
          } else if (entry.name === 'manifest.json') {
            const parsed = backupManifest.safeParse(parse(await collect(entry.content, longestText)))
            if (!parsed.success) throw new BackupError('the manifest of the backup is damaged')
            manifest = parsed.data
          } else {
            const path = safePath(entry.name, found)
            onProgress?.({ done: read, total: bytes, what: entry.name })
            const place = join(staged, ...path)
            mkdirSync(dirname(place), { recursive: true, mode: 0o700 })
            for (let depth = 1; depth < path.length; depth++) folders.add(join(staged, ...path.slice(0, depth)))
            found.set(entry.name, await writePart(place, entry.content))
          }
        }
      },
      { signal },
    )
  } catch (error) {
    throw describe(error)
  }
  if (!manifest) throw new BackupError('the backup was cut off: its manifest is missing')
  const listed = new Map(manifest.parts.map(part => [part.name, part]))
  if (listed.size !== found.size) throw new BackupError('the backup does not have what its manifest lists')
  for (const [name, part] of found) {
    const said = listed.get(name)
    if (said?.bytes !== part.bytes || said.sha256 !== part.sha256)
      throw new BackupError(`${name} in the backup is damaged: it is not what the manifest says`)
  }
  if (!found.has(`data/${databaseName}`)) throw new BackupError('the backup has no database')
  for (const one of folders) syncFolder(one)
  return manifest
}

function checkHead(value: unknown): void {
  const head = backupHead.safeParse(value)
  if (!head.success) throw new BackupError('this is no backup of Offprint')
  if (head.data.version > backupVersion)
    throw new BackupError(
      `the backup was made by a newer version of Offprint (format ${head.data.version}, this one knows ${backupVersion})`,
    )
}

/** The parts of a name below `data/`. @throws BackupError for a name that leads elsewhere, or comes twice */
function safePath(name: string, found: Map<string, unknown>): string[] {
  const [top, ...path] = name.split('/')
  const fine = path.every(part => /^[^\0\\/]{1,255}$/.test(part) && part !== '.' && part !== '..')
  const shown = JSON.stringify(name.slice(0, 200))
  if (top !== 'data' || !path.length || !fine || Buffer.byteLength(name) > 3000)
    throw new BackupError(`the backup has a file with the forbidden name ${shown}`)
  // A journal beside the database would change it; what is derived is made from it.
  const reserved = path.length === 1 ? ownNames.has(path[0]) && path[0] !== databaseName : derivedFolders.has(path[0])
  if (reserved) throw new BackupError(`the backup has a file with the forbidden name ${shown}`)
  if (found.has(name)) throw new BackupError(`the backup has ${shown} twice`)
  return path
}

async function writePart(place: string, content: AsyncIterable<Uint8Array>) {
  const handle = await open(place, 'wx', 0o600)
  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const chunk of content) {
      hash.update(chunk)
      bytes += chunk.length
      await handle.writeFile(chunk)
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
  return { bytes, sha256: hash.digest('hex') }
}

async function collect(content: AsyncIterable<Uint8Array>, most: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of content) {
    bytes += chunk.length
    if (bytes > most) throw new BackupError('this is no backup of Offprint')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function describe(error: unknown): unknown {
  const { code = '', message } = error as NodeJS.ErrnoException
  if (error instanceof TarError) return new BackupError(`the backup cannot be read: ${message}`)
  if (code === 'Z_BUF_ERROR') return new BackupError('the backup was cut off')
  if (code === 'Z_DATA_ERROR' && message === 'incorrect header check')
    return new BackupError('this is no backup of Offprint')
  if (code.startsWith('Z_')) return new BackupError(`the backup is damaged: ${message}`)
  if (code === 'EEXIST' || code === 'ENOTDIR') return new BackupError(`the backup has a name twice: ${message}`)
  if (code === 'ENOSPC') return new BackupError('the disk is full; nothing was changed')
  return error
}

/** @throws BackupError where the database cannot be used by this version */
function checkDatabase(file: string, manifest: BackupManifest): void {
  let damage: string[]
  try {
    const database = openForReading(file)
    try {
      const steps = stepsDone(database)
      const newer = isNewer({ ...manifest.steps, ...steps })
      if (newer) throw new BackupError(`the backup cannot be used here: ${newer}`)
      damage = steps.library ? findDamage(database) : ['it has no library']
    } finally {
      database.close()
    }
  } catch (error) {
    if (error instanceof BackupError) throw error
    damage = [(error as Error).message]
  }
  if (damage.length) throw new BackupError(`the database in the backup is damaged: ${damage[0]}`)
  for (const ending of ['-wal', '-shm', '-journal']) rmSync(`${file}${ending}`, { force: true })
}

/**
 * Moves the new folder to where the former one is. Between the two renames the new one stands beside under a name that
 * whoever opens the folder looks for (`finishRestore`).
 */
function exchange(target: string, staged: string): { kept?: string } {
  const parent = dirname(target)
  const ready = restoredName(target)
  let kept: string | undefined
  try {
    renameSync(staged, ready)
    if (isEmptyFolder(target)) {
      for (const name of existsSync(target) ? readdirSync(target) : []) rmSync(join(target, name), { force: true })
      if (existsSync(target)) rmdirSync(target)
    } else {
      kept = freeName(`${target}.before-restore-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}`)
      renameSync(target, kept)
    }
    finishRestore(target)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (kept && !existsSync(target)) renameSync(kept, target)
    rmSync(ready, { recursive: true, force: true })
    if (code === 'EBUSY' || code === 'EXDEV')
      throw new BackupError(
        `${target} cannot be moved, as another disk is mounted there: restore --into a new folder in it, and set DATA_DIR to that (${message})`,
      )
    throw error
  }
  syncFolder(parent)
  return kept ? { kept } : {}
}

function freeName(wanted: string): string {
  let name = wanted
  for (let number = 2; existsSync(name); number++) name = `${wanted}-${number}`
  return name
}
