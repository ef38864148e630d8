/**
 * A backup: the data folder as one file, taken while the site runs. A gzipped tar archive of
 * `offprint-backup.json` (what this is), `data/offprint.db` (a snapshot), `data/…` (everything else that is not derived)
 * and at last `manifest.json` (size and SHA-256 of every part): a file without it was cut off.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  createWriteStream,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { InputError } from '@offprint/kernels'
import { z } from 'zod'
import { openForReading, stepsDone, writeSnapshot } from '../database.ts'
import { syncFolder } from '../files.ts'
import { databaseName, derivedFolders, dropAbandoned, ownNames, useFolder, workName } from './data-folder.ts'
import { tarEnd, tarHeader, tarPadding } from './tar.ts'

export const backupFormat = 'offprint-backup'
export const backupVersion = 1

export const backupHead = z.object({ format: z.literal(backupFormat), version: z.int().min(1) })

export const backupManifest = backupHead.extend({
  madeAt: z.iso.datetime(),
  /** Version of Offprint that made it. */
  offprint: z.string(),
  /** Of each owner of tables how many steps its schema had. */
  steps: z.record(z.string(), z.int().min(0)),
  papers: z.int().min(0),
  runs: z.int().min(0),
  parts: z.array(z.object({ name: z.string(), bytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
  /** What is in the data folder and not in here, and why. */
  leftOut: z.array(z.object({ name: z.string(), why: z.string() })),
})
export type BackupManifest = z.infer<typeof backupManifest>

export interface BackupProgress {
  /** Bytes of the data folder. */
  done: number
  total: number
  what: string
}

export interface BackupOptions {
  /** Overwrites a file of that name. */
  force?: boolean
  signal?: AbortSignal
  onProgress?(progress: BackupProgress): void
}

const workPrefix = '.offprint-backup-'
const chunkBytes = 1024 * 1024

/**
 * Writes a backup of a data folder. The file has its name when it is complete and on the disk, and never before; it can be
 * read by its owner only.
 *
 * @throws InputError where there is nothing to back up, the file exists already or lies in the data folder
 */
export async function writeBackup(
  folder: string,
  file: string,
  { force = false, signal, onProgress }: BackupOptions = {},
): Promise<{ file: string; bytes: number; manifest: BackupManifest }> {
  const target = resolve(file)
  if (!existsSync(join(folder, databaseName)))
    throw new InputError('DATA_DIR', `'${folder}'`, '', `${folder} has no ${databaseName}: there is nothing to back up`)
  const place = dirname(target)
  if (!statSync(place, { throwIfNoEntry: false })?.isDirectory())
    throw new InputError('file', `'${file}'`, '', `file: there is no folder ${place}`)
  const inside = relative(realpathSync(folder), realpathSync(place))
  if (inside === '' || (!inside.startsWith('..') && resolve(inside) !== inside))
    throw new InputError(
      'file',
      `'${file}'`,
      '',
      `file: ${target} lies in the data folder; choose a place outside of it`,
    )
  const refuseExisting = () => {
    if (statSync(target, { throwIfNoEntry: false })?.isDirectory())
      throw new InputError('file', `'${file}'`, '', `file: ${target} is a folder`)
    if (!force && existsSync(target))
      throw new InputError('file', `'${file}'`, '', `file: ${target} exists already; --force overwrites it`)
  }
  refuseExisting()
  const inUse = useFolder(folder)
  dropAbandoned(place, workPrefix)
  // Nobody but us can look into it, whatever is in it.
  const work = mkdtempSync(join(place, `${workName(workPrefix)}+`))
  try {
    const part = join(work, 'part')
    const manifest = await writeArchive(folder, work, part, { signal, onProgress })
    signal?.throwIfAborted()
    refuseExisting()
    renameSync(part, target)
    syncFolder(place)
    return { file: target, bytes: statSync(target).size, manifest }
  } finally {
    rmSync(work, { recursive: true, force: true })
    inUse.end()
  }
}

async function writeArchive(
  folder: string,
  work: string,
  part: string,
  { signal, onProgress }: BackupOptions,
): Promise<BackupManifest> {
  const snapshot = join(work, 'snapshot')
  const source = openForReading(join(folder, databaseName))
  try {
    onProgress?.({ done: 0, total: statSync(join(folder, databaseName)).size, what: 'database' })
    writeSnapshot(source, snapshot)
  } finally {
    source.close()
  }
  // The database comes first: what it refers to was on the disk before it was in there, so that it is found now.
  const { steps, papers, done } = lookInto(snapshot)
  const { files, leftOut } = findFiles(folder, done)
  const manifest: BackupManifest = {
    format: backupFormat,
    version: backupVersion,
    madeAt: new Date().toISOString(),
    offprint: version(),
    steps,
    papers,
    runs: done.size,
    parts: [],
    leftOut,
  }
  const total = statSync(snapshot).size + files.reduce((sum, { bytes }) => sum + bytes, 0)
  let written = 0
  const madeAt = new Date(manifest.madeAt)

  async function* onePart(name: string, path: string) {
    const handle = await open(path, 'r')
    try {
      // What it has now: a file that grows meanwhile is taken as it was.
      const { size, mtime } = await handle.stat()
      yield tarHeader(name, size, mtime)
      const hash = createHash('sha256')
      for (let left = size; left > 0; ) {
        signal?.throwIfAborted()
        const buffer = Buffer.allocUnsafe(Math.min(left, chunkBytes))
        const { bytesRead } = await handle.read(buffer)
        if (!bytesRead) throw new Error(`${path} became shorter while it was read; try again`)
        const chunk = buffer.subarray(0, bytesRead)
        hash.update(chunk)
        left -= bytesRead
        written += bytesRead
        onProgress?.({ done: Math.min(written, total), total, what: name })
        yield chunk
      }
      yield tarPadding(size)
      manifest.parts.push({ name, bytes: size, sha256: hash.digest('hex') })
    } finally {
      await handle.close()
    }
  }
  async function* archive() {
    yield* text('offprint-backup.json', { format: backupFormat, version: backupVersion, madeAt: manifest.madeAt })
    yield* onePart(`data/${databaseName}`, snapshot)
    rmSync(snapshot)
    for (const { name } of files) yield* onePart(`data/${name}`, join(folder, ...name.split('/')))
    yield* text('manifest.json', manifest)
    yield tarEnd
  }
  function* text(name: string, value: unknown) {
    const content = Buffer.from(`${JSON.stringify(value, null, 1)}\n`)
    yield tarHeader(name, content.length, madeAt)
    yield content
    yield tarPadding(content.length)
  }
  const output = createWriteStream(part, { flags: 'wx', mode: 0o600, flush: true })
  // Most of what is in there is text, and the disk is slower than the lowest level.
  await pipeline(archive(), createGzip({ level: 1 }), output, { signal })
  if (!output.closed) await once(output, 'close')
  return manifest
}

/** The schema's steps, the number of papers, and the runs that are done, by a snapshot. */
function lookInto(snapshot: string) {
  const database = openForReading(snapshot)
  try {
    const steps = stepsDone(database)
    const count = steps.library ? database.prepare('SELECT count(*) AS total FROM papers').get() : undefined
    const ids = steps.runs ? database.prepare(`SELECT id FROM runs WHERE status = 'done'`).all() : []
    return { steps, papers: Number(count?.total ?? 0), done: new Set(ids.map(row => String(row.id))) }
  } finally {
    database.close()
  }
}

/** Everything else in the data folder: also what a later version, or somebody by hand, has put there. */
function findFiles(folder: string, done: Set<string>) {
  const files: { name: string; bytes: number }[] = []
  const leftOut: BackupManifest['leftOut'] = []
  const walk = (below: string[]) => {
    for (const entry of readdirSync(join(folder, ...below), { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const path = [...below, entry.name]
      const name = path.join('/')
      if (!below.length && ownNames.has(entry.name)) continue
      if (entry.name.startsWith('.part-') || entry.name.endsWith('.part')) continue
      if (!below.length && derivedFolders.has(entry.name)) leftOut.push({ name, why: 'made anew when it is missing' })
      // A run that is not done has nothing that can be opened, and changes while we look.
      else if (below.length === 1 && below[0] === 'runs' && !done.has(entry.name)) continue
      else if (entry.isDirectory()) walk(path)
      else if (!entry.isFile()) leftOut.push({ name, why: 'neither a file nor a folder' })
      else if (name.includes('\\')) leftOut.push({ name, why: 'its name has a backslash' })
      else {
        const stat = lstatSync(join(folder, ...path), { throwIfNoEntry: false })
        if (stat) files.push({ name, bytes: stat.size })
      }
    }
  }
  walk([])
  return { files, leftOut }
}

function version(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
}
