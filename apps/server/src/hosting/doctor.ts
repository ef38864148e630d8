/** Looks after the health of an installation: settings, data folder, database, search index, vectors, results and uploads. */
import { createHash } from 'node:crypto'
import {
  createReadStream,
  existsSync,
  readdirSync,
  rmSync,
  type Stats,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import {
  emptyLog,
  findDamage,
  findIndexDamage,
  findOrphans,
  migrate,
  openDatabase,
  openForReading,
  stepsDone,
  transaction,
} from '../database.ts'
import { openEmbedder } from '../embedding/embedder.ts'
import { modelRevision, readProblem } from '../embedding/model-vectors.ts'
import { tokens } from '../library/search-text.ts'
import { openPaperStore, toRow } from '../library/store.ts'
import { openVectors, vectorsRevision } from '../library/vectors.ts'
import { readResult } from '../runs/result-file.ts'
import { isAlive, openRunStore, processOwner } from '../runs/store.ts'
import type { Run } from '../runs/types.ts'
import { isNewer, schemaSteps } from '../schema.ts'
import { isLoopback, type Settings } from '../settings.ts'
import { databaseName, restoredName, takeFolder } from './data-folder.ts'

export interface Finding {
  /** What was looked at, in a word or two. */
  check: string
  state: 'ok' | 'warning' | 'problem'
  found: string
  /** What to do about it. */
  todo?: string
  /** Whether `--repair` can do it. */
  repairable?: boolean
}

interface Examined extends Finding {
  repair?(): void
}

export interface ExamineOptions {
  /** Looks at all stored results and uploads, and at every index; otherwise at a sample. */
  full?: boolean
  /** Mends what can be mended without losing anything. */
  repair?: boolean
  signal?: AbortSignal
  now?(): number
}

const megabyte = 1024 * 1024
/** Less free space than this is a warning; a twentieth of it a problem. */
const wantedFree = 2048 * megabyte
/** A log beside the database that is larger was not emptied for long. */
const largestLog = 256 * megabyte
const sampleResults = 100
const sampleFiles = 100
const sampleSearches = 20
const sampleBytes = 256 * megabyte
const mostNamed = 5

/**
 * Examines an installation, and mends what it can where it is told to.
 *
 * @param settings those in use; an error where they cannot be read
 * @returns one finding a check, and with `repair` what was mended
 */
export async function examine(
  settings: Settings | Error,
  options: ExamineOptions = {},
): Promise<{ findings: Finding[]; repaired: string[] }> {
  let findings = await look(settings, options)
  const repaired: string[] = []
  if (options.repair) {
    for (const { check, found, repair } of findings) {
      if (!repair) continue
      try {
        repair()
        repaired.push(`${check}: ${found}`)
      } catch (error) {
        repaired.push(`${check} could not be mended: ${(error as Error).message}`)
      }
    }
    if (repaired.length) findings = await look(settings, options)
  }
  return {
    findings: findings.map(({ repair, ...finding }) => ({ ...finding, repairable: repair !== undefined })),
    repaired,
  }
}

async function look(settings: Settings | Error, options: ExamineOptions): Promise<Examined[]> {
  const findings: Examined[] = [node()]
  if (settings instanceof Error) {
    findings.push({
      check: 'settings',
      state: 'problem',
      found: settings.message,
      todo: 'correct it; .env.example lists all',
    })
    return findings
  }
  findings.push(...examineSettings(settings))
  const folder = settings.DATA_DIR
  const here = examineFolder(folder)
  findings.push(...here)
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return findings
  const file = join(folder, databaseName)
  if (!existsSync(file)) {
    const others = existsSync(join(folder, 'runs')) || existsSync(join(folder, 'files'))
    findings.push(
      others
        ? {
            check: 'database',
            state: 'problem',
            found: `${file} is missing, although runs or uploads are there`,
            todo: restoreHint,
          }
        : { check: 'database', state: 'ok', found: 'none yet; it is made at the first start' },
    )
    return findings
  }
  let database: DatabaseSync | undefined
  try {
    database = openForReading(file)
    const steps = stepsDone(database)
    findings.push(...examineDatabase(database, file, steps, options))
    if (!steps.library && (existsSync(join(folder, 'runs')) || existsSync(join(folder, 'files'))))
      findings.push({
        check: 'database',
        state: 'problem',
        found: `${file} has none of our tables, although runs or uploads are there`,
        todo: restoreHint,
      })
    const usable = !findings.some(({ check, state }) => check === 'database' && state === 'problem')
    if (usable && steps.library) {
      findings.push(...examineLibrary(database, folder, options))
      findings.push(examineVectors(database, folder))
      findings.push(...examineEmbedder(database, settings))
    }
    if (usable && steps.runs) findings.push(...(await examineRuns(database, folder, options)))
    findings.push(await examineUploads(join(folder, 'files'), options))
  } catch (error) {
    options.signal?.throwIfAborted()
    findings.push({
      check: 'database',
      state: 'problem',
      found: `${file} cannot be read: ${(error as Error).message}`,
      todo: restoreHint,
    })
  } finally {
    database?.close()
  }
  return findings
}

const restoreHint =
  'stop the server, then restore the newest backup: offprint restore FILE --force (this folder is kept beside it)'

function node(): Examined {
  const { node } = process.versions
  if (node.startsWith('24.')) return { check: 'Node', state: 'ok', found: node }
  return {
    check: 'Node',
    state: 'problem',
    found: `${node}, and not the pinned 24`,
    todo: 'use npx offprint or npm start, which take the pinned one',
  }
}

function examineSettings(settings: Settings): Examined[] {
  const { HOST, OWNER_TOKEN, PUBLIC_URL, TRUST_PROXY, ALLOWED_HOSTS } = settings
  const findings: Examined[] = []
  const add = (state: Finding['state'], found: string, todo: string) =>
    findings.push({ check: 'settings', state, found, todo })
  const url = PUBLIC_URL ? new URL(PUBLIC_URL) : undefined
  const publicHost = url?.hostname.replace(/^\[(.*)\]$/, '$1')
  const isPublic = publicHost !== undefined && !isLoopback(publicHost)
  if (!url && (!isLoopback(HOST) || ALLOWED_HOSTS.length))
    add(
      'warning',
      'others can reach the site, but feeds and mail name http://localhost',
      'set PUBLIC_URL to the address that readers use',
    )
  if (isPublic) {
    const answers = [HOST, ...ALLOWED_HOSTS].some(host => host.toLowerCase() === publicHost.toLowerCase())
    if (!answers)
      add(
        'problem',
        `PUBLIC_URL names ${publicHost}, for which the server does not answer`,
        `add ${publicHost} to ALLOWED_HOSTS`,
      )
    if (url!.protocol === 'http:')
      add(
        'warning',
        'PUBLIC_URL is http: what readers do can be read on the way',
        'put a proxy with https in front (docs/hosting.md)',
      )
    else if (!TRUST_PROXY)
      add(
        'warning',
        'PUBLIC_URL is https, but TRUST_PROXY is off: cookies go without Secure',
        'set TRUST_PROXY=1 where a proxy of yours sets X-Forwarded-Proto',
      )
    if (!OWNER_TOKEN)
      add(
        'warning',
        `anybody who reaches ${PUBLIC_URL} can run papers and import`,
        'set OWNER_TOKEN, or let the proxy ask who comes',
      )
  }
  if (TRUST_PROXY && !isLoopback(HOST))
    add(
      'warning',
      `TRUST_PROXY is on, and HOST ${HOST} can be reached without the proxy: its headers can be forged`,
      'let HOST be 127.0.0.1, or shut the port for others',
    )
  if (!findings.length)
    findings.push({
      check: 'settings',
      state: 'ok',
      found: OWNER_TOKEN ? 'fit together; visitors are asked for the token' : 'fit together',
    })
  return findings
}

function examineFolder(folder: string): Examined[] {
  const check = 'data folder'
  const stat = statSync(folder, { throwIfNoEntry: false })
  if (!stat) {
    const cutOff = existsSync(restoredName(folder))
    return [
      cutOff
        ? {
            check,
            state: 'warning',
            found: 'a restore was cut off after its last check',
            todo: 'start the site: it finishes it',
          }
        : {
            check,
            state: 'warning',
            found: `${folder} does not exist yet`,
            todo: 'nothing, if the site was never started; else check DATA_DIR',
          },
    ]
  }
  if (!stat.isDirectory())
    return [{ check, state: 'problem', found: `${folder} is not a folder`, todo: 'set DATA_DIR to a folder' }]
  const findings: Examined[] = []
  const probe = join(folder, `.part-doctor-${process.pid}`)
  try {
    writeFileSync(probe, 'x', { flush: true })
    rmSync(probe)
  } catch (error) {
    rmSync(probe, { force: true })
    findings.push({
      check,
      state: 'problem',
      found: `cannot be written: ${(error as Error).message}`,
      todo: `give ${folder} to the user that runs the site`,
    })
  }
  findings.push(...modes(folder, stat))
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  if (free < wantedFree)
    findings.push({
      check: 'disk',
      state: free < wantedFree / 20 ? 'problem' : 'warning',
      found: `${size(free)} free`,
      todo: 'make room: uploads and results of runs need it',
    })
  else findings.push({ check: 'disk', state: 'ok', found: `${size(free)} free` })
  const left = readdirSync(dirname(folder)).filter(
    name => name.startsWith(`${basename(folder)}.restoring-`) || name === basename(restoredName(folder)),
  )
  if (left.length)
    findings.push({
      check,
      state: 'warning',
      found: `a restore that was stopped left ${left.join(', ')} beside it`,
      todo: 'delete it once no restore is going on',
    })
  const alone = takeFolder(folder)
  alone?.end()
  if (!findings.some(finding => finding.check === check))
    findings.unshift({ check, state: 'ok', found: `${folder}${alone ? '' : ', in use now'}` })
  return findings
}

/** Others on the machine must not read addresses and uploads. */
function modes(folder: string, stat: Stats): Examined[] {
  if (process.platform === 'win32' || (stat.mode & 0o077) === 0) return []
  const open = [databaseName, `${databaseName}-wal`, 'files', 'runs'].some(
    name => ((statSync(join(folder, name), { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0,
  )
  if (!open) return []
  return [
    {
      check: 'data folder',
      state: 'warning',
      found: `every user of this machine can read it (mode ${(stat.mode & 0o777).toString(8)})`,
      todo: `chmod 700 ${folder}`,
    },
  ]
}

function examineDatabase(
  database: DatabaseSync,
  file: string,
  steps: Record<string, number>,
  { full = false }: ExamineOptions,
): Examined[] {
  const check = 'database'
  const newer = isNewer(steps)
  if (newer) return [{ check, state: 'problem', found: newer, todo: 'update Offprint' }]
  const findings: Examined[] = []
  // A damaged search index is looked at apart: it can be made anew.
  const damage = findDamage(database, { quick: !full }).filter(text => !/\bFTS5 table\b|fts5/i.test(text))
  if (damage.length)
    findings.push({ check, state: 'problem', found: `damaged: ${damage[0].slice(0, 200)}`, todo: restoreHint })
  const orphans = Object.entries(findOrphans(database)).map(([table, count]) => `${count} in ${table}`)
  if (orphans.length)
    findings.push({
      check,
      state: 'warning',
      found: `rows that belong to nothing: ${orphans.join(', ')}`,
      todo: 'restore a backup from before, or report it',
    })
  const log = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0
  if (log > largestLog)
    findings.push({
      check,
      state: 'warning',
      found: `its log has ${size(log)}`,
      todo: 'offprint doctor --repair empties it, best while the site is stopped',
      repair() {
        const own = openDatabase(file)
        emptyLog(own)
        own.close()
      },
    })
  const behind = Object.entries(schemaSteps).filter(([owner, known]) => (steps[owner] ?? 0) < known.length)
  const version = behind.length ? 'of an older version, brought up to date at the next start' : 'of this version'
  if (!findings.length) findings.push({ check, state: 'ok', found: `sound, ${size(statSync(file).size)}, ${version}` })
  return findings
}

function examineLibrary(database: DatabaseSync, folder: string, { now = Date.now }: ExamineOptions): Examined[] {
  const file = join(folder, databaseName)
  const total = Number(database.prepare('SELECT count(*) AS total FROM papers').get()!.total)
  const findings: Examined[] = [{ check: 'library', state: 'ok', found: `${total} papers` }]
  const check = 'search index'
  const fault = indexFault(database, file, total)
  findings.push(
    fault === undefined
      ? { check, state: 'ok', found: 'sound, and has every paper' }
      : {
          check,
          state: 'problem',
          found: fault,
          todo: 'offprint doctor --repair makes it anew from the papers',
          repair: () => rebuildIndex(file),
        },
  )
  const newest = database.prepare('SELECT max(submittedAt) AS moment FROM papers').get()!.moment
  const ahead = newest ? Date.parse(String(newest)) - now() : 0
  findings.push(
    ahead > 300_000
      ? {
          check: 'clock',
          state: 'warning',
          found: `papers came in at ${newest}, which is in the future`,
          todo: 'set the clock of this machine',
        }
      : { check: 'clock', state: 'ok', found: new Date(now()).toISOString() },
  )
  return findings
}

/** What is wrong with the search index, as a sentence. */
function indexFault(database: DatabaseSync, file: string, total: number): string | undefined {
  try {
    // It looks at itself only when something is written.
    const own = openDatabase(file)
    try {
      const [damage] = Object.values(findIndexDamage(own))
      if (damage) return `damaged: ${damage}`
    } finally {
      own.close()
    }
    const count = (sql: string) => Number(database.prepare(sql).get()!.total)
    const lacks = count('SELECT count(*) AS total FROM papers WHERE position NOT IN (SELECT id FROM search_docsize)')
    const gone = count('SELECT count(*) AS total FROM search_docsize WHERE id NOT IN (SELECT position FROM papers)')
    if (lacks || gone) return `${lacks} papers are not in it, ${gone} in it are not there`
    const lost = notFound(database, total)
    return lost && `does not find ${lost} by its title`
  } catch (error) {
    return `cannot be read: ${(error as Error).message}`
  }
}

/** The key of a paper that a word of its own title does not find, out of a sample. */
function notFound(database: DatabaseSync, total: number): string | undefined {
  const sample = database.prepare('SELECT position, record FROM papers ORDER BY position LIMIT 1 OFFSET ?')
  const find = database.prepare('SELECT 1 FROM search WHERE search MATCH ? AND rowid = CAST(? AS INTEGER)')
  for (let number = 0; number < sampleSearches; number++) {
    const row = toRow(sample.get(Math.floor((number * total) / sampleSearches)))
    const word = row && tokens(row.record.title)[0]?.stem
    if (word && !find.get(`"${word.replaceAll('"', '""')}"`, row.position)) return row.record.key
  }
  return undefined
}

/** Throws the index away and makes it anew from the papers. */
function rebuildIndex(file: string): void {
  const fresh = new DatabaseSync(':memory:')
  migrate(fresh, 'library', schemaSteps.library)
  const sql = String(fresh.prepare(`SELECT sql FROM sqlite_schema WHERE name = 'search'`).get()!.sql)
  fresh.close()
  const database = openDatabase(file)
  const empty = () => database.exec(`DROP TABLE IF EXISTS search; ${sql}`)
  try {
    let store: ReturnType<typeof openPaperStore>
    try {
      store = openPaperStore(database)
    } catch {
      // So broken that it cannot even be opened: then nobody finds anything meanwhile either.
      transaction(database, empty)
      store = openPaperStore(database)
    }
    const after = database.prepare('SELECT position, record FROM papers WHERE position > ? ORDER BY position LIMIT 500')
    transaction(database, () => {
      empty()
      for (let position = 0; ; ) {
        const rows = after.all(position).map(row => toRow(row)!)
        for (const row of rows) store.indexWords(row.position, row.record)
        if (rows.length < 500) return
        position = rows.at(-1)!.position
      }
    })
  } finally {
    database.close()
  }
}

function examineVectors(database: DatabaseSync, folder: string): Examined {
  const check = 'vectors'
  const vectors = join(folder, 'vectors')
  if (!existsSync(join(vectors, 'manifest.json')))
    return { check, state: 'ok', found: 'none yet; they are computed while the site runs' }
  const revision = Number(database.prepare('SELECT revision FROM library').get()?.revision ?? 0)
  const theirs = vectorsRevision(vectors)
  const repair = () => rmSync(vectors, { recursive: true, force: true })
  const todo = 'offprint doctor --repair drops them, and the site computes them anew'
  if (theirs === undefined || !openVectors(vectors)())
    return { check, state: 'warning', found: 'damaged', todo, repair }
  if (theirs > revision)
    return { check, state: 'warning', found: `of revision ${theirs}, but the library is at ${revision}`, todo, repair }
  const state = theirs === revision ? 'of all papers' : 'behind the library; computed anew while the site runs'
  return { check, state: 'ok', found: state }
}

function examineEmbedder(database: DatabaseSync, settings: Settings): Examined[] {
  const check = 'embedder'
  const embedder = openEmbedder(settings)
  const folder = join(settings.DATA_DIR, 'embeddings')
  if (!embedder) return []
  const problem = readProblem(folder, embedder.name)
  if (problem)
    return [
      {
        check,
        state: 'warning',
        found: `${problem.message} (${problem.at})`,
        todo: 'look at the EMBEDDER settings and at what they name; it is tried again, and what was there stays in use',
      },
    ]
  const revision = Number(database.prepare('SELECT revision FROM library').get()?.revision ?? 0)
  const theirs = modelRevision(folder, embedder.name)
  const state =
    theirs === revision
      ? 'has seen all papers'
      : theirs === undefined
        ? 'has not seen all papers yet; until then the own one serves'
        : 'is behind the library, and goes on while the site runs'
  return [{ check, state: 'ok', found: `${embedder.name}: ${state}` }]
}

async function examineRuns(
  database: DatabaseSync,
  folder: string,
  { full = false, signal }: ExamineOptions,
): Promise<Examined[]> {
  const unfinished = database.prepare(`SELECT owner, heartbeat FROM runs WHERE status IN ('queued', 'running')`).all()
  const dead = unfinished.filter(row => !isAlive(String(row.owner), Number(row.heartbeat))).length
  const findings: Examined[] = []
  if (dead)
    findings.push({
      check: 'runs',
      state: 'warning',
      found: `${dead} say that they run, but their process is gone`,
      todo: 'the next start of the site marks them as interrupted; so does offprint doctor --repair',
      repair() {
        const own = openDatabase(join(folder, databaseName))
        openRunStore(own, join(folder, 'runs'), processOwner()).interruptDead()
        own.close()
      },
    })
  const done = Number(database.prepare(`SELECT count(*) AS total FROM runs WHERE status = 'done'`).get()!.total)
  const rows = database
    .prepare(`SELECT run FROM runs WHERE status = 'done' ORDER BY sequence DESC LIMIT ?`)
    .iterate(full ? -1 : sampleResults)
  const broken: string[] = []
  const lost = new Set<string>()
  let looked = 0
  for (const row of rows) {
    signal?.throwIfAborted()
    const run: Run = JSON.parse(String(row.run))
    const directory = join(folder, 'runs', run.id)
    looked++
    try {
      for (const block of readResult(directory))
        if (block.type === 'file' && statSync(join(directory, block.file)).size !== block.bytes)
          throw new Error('shorter')
    } catch {
      broken.push(run.id)
    }
    for (const value of Object.values(run.input)) {
      const { file } = (value ?? {}) as { file?: unknown }
      if (typeof file === 'string' && /^[0-9a-f]{64}$/.test(file) && !existsSync(join(folder, 'files', file)))
        lost.add(run.id)
    }
    if (looked % 50 === 0) await new Promise(resolve => setImmediate(resolve))
  }
  if (broken.length)
    findings.push({
      check: 'results',
      state: 'problem',
      found: `missing or damaged: ${named(broken)}`,
      todo: 'repeat these runs on their pages, or restore a backup',
    })
  if (lost.size)
    findings.push({
      check: 'results',
      state: 'warning',
      found: `input files are gone, so that these cannot be repeated: ${named([...lost])}`,
      todo: 'restore a backup if you need them',
    })
  if (!broken.length && !lost.size)
    findings.push({
      check: 'results',
      state: 'ok',
      found: looked < done ? `${looked} of ${done} looked at (--full: all)` : `${done}, all sound`,
    })
  return findings
}

async function examineUploads(folder: string, { full = false, signal }: ExamineOptions): Promise<Examined> {
  const check = 'uploads'
  const names = existsSync(folder) ? readdirSync(folder).filter(name => /^[0-9a-f]{64}$/.test(name)) : []
  const broken: string[] = []
  let looked = 0
  let bytes = 0
  for (const name of names) {
    if (!full && (looked >= sampleFiles || bytes >= sampleBytes)) break
    looked++
    const hash = createHash('sha256')
    try {
      for await (const chunk of createReadStream(join(folder, name), { signal, highWaterMark: megabyte })) {
        hash.update(chunk)
        bytes += chunk.length
      }
      if (hash.digest('hex') !== name) broken.push(name.slice(0, 12))
    } catch {
      signal?.throwIfAborted()
      broken.push(name.slice(0, 12))
    }
  }
  if (broken.length)
    return {
      check,
      state: 'problem',
      found: `not as they were stored: ${named(broken)}`,
      todo: 'restore a backup, or upload them again',
    }
  return {
    check,
    state: 'ok',
    found:
      looked < names.length ? `${looked} of ${names.length} looked at (--full: all)` : `${names.length}, all sound`,
  }
}

function named(names: string[]): string {
  const more = names.length - mostNamed
  return `${names.slice(0, mostNamed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

function size(bytes: number): string {
  if (bytes < megabyte) return `${Math.ceil(bytes / 1024)} kB`
  return bytes < 1024 * megabyte ? `${Math.round(bytes / megabyte)} MB` : `${(bytes / megabyte / 1024).toFixed(1)} GB`
}
