/** Everything that the site, the HTTP edge and the command line stand on, opened from the settings. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Claim, describeTolerance, type Method, type Paper, type Verdict } from '@offprint/papers'
import { describeFields, type Field } from '@offprint/papers/fields'
import { type LoadedPaper, loadPapers } from '@offprint/papers/load'
import { openDatabase } from './database.ts'
import type { Place } from './feeds/feed.ts'
import { type FileStore, openFileStore } from './files.ts'
import { openFolder, useFolder } from './hosting/data-folder.ts'
import { createLibrary, type Library } from './library/library.ts'
import { arxivCategoryName } from './library/sources/arxiv-taxonomy.ts'
import { exportFormats } from './library/sources/exports.ts'
import { importFormats } from './library/sources/formats.ts'
import { splitMath } from './library/text.ts'
import { openVectors } from './library/vectors.ts'
import { type Mail, openMail } from './mail/mail.ts'
import { openPreviews, type Previews } from './previews.ts'
import { commonFields, createRuns, type Runs } from './runs/runs.ts'
import { openRunStore, processOwner } from './runs/store.ts'
import type { Run } from './runs/types.ts'
import type { Settings } from './settings.ts'
import { inputSources } from './sources.ts'
import { openSiteGet, siteAddresses } from './sync/sites.ts'
import { openSync, type Sync } from './sync/sync.ts'

/** A claim with what came out here when it was last checked. */
export interface ClaimRow {
  paper: string
  id: string
  statement: string
  where: string
  setup: string
  measures: string
  kind: Claim['kind']
  unit?: string
  paperValue?: number
  ourValue?: number
  tolerance: string
  verdict: Verdict
  /** Why it is not checked, where no check exists yet. */
  pending?: string
  effort: Claim['effort']
  on?: string
  notes?: string
  machine?: string
  checkedAt?: string
  /** Id of the run that checked it. */
  run?: string
}

export interface Offprint {
  settings: Settings
  /** Where others reach the site: from PUBLIC_URL. */
  place: Place
  /** Path under which the site is reached, from PUBLIC_URL: empty, or such as `/offprint`. */
  base: string
  papers: Map<string, Paper>
  library: Library
  /** Cuts a text into formulas, with their marks, and what stands between them. */
  splitMath(text: string): { text: string; math: boolean }[]
  /** What arXiv calls a category or an archive: `cs.LG` is `Machine Learning`. */
  categoryName(id: string): string | undefined
  /** What can be imported and exported, by the name of the format. */
  formats: { imported: Record<string, string>; exported: Record<string, string> }
  files: FileStore
  runs: Runs
  /** Digests by mail. Nothing is sent before `mail.start()`. */
  mail: Mail
  /** Papers from arXiv and Hugging Face. */
  sync: Sync
  /** Uploads that are looked at before they are imported. */
  previews: Previews
  /** All inputs of a method's run: its own, then seed and threads. */
  fieldsOf(method: Method): Field[]
  /** The claims of one paper or of all, each with its newest finished check. */
  claims(slug?: string): ClaimRow[]
  /** What was computed from an earlier state of the library, in the order in which it is made anew: `words`, `vectors`, `topics`. */
  behind(): string[]
  /** Computes vectors and topics anew in a process of their own, where the library has changed since. */
  catchUp(): void
  /** The same, resolved when it is done. */
  caughtUp(): Promise<void>
  close(): Promise<void>
}

/**
 * Opens the data directory (made where missing), puts the known papers into the library, and marks runs whose process is
 * gone as interrupted.
 *
 * @param options.syncSite stands in for arXiv and Hugging Face in tests: an address of this machine
 */
export async function openOffprint(settings: Settings, { syncSite }: { syncSite?: string } = {}): Promise<Offprint> {
  const loaded = await loadPapers(settings.PAPERS)
  openFolder(settings.DATA_DIR)
  const inUse = useFolder(settings.DATA_DIR)
  const database = openDatabase(join(settings.DATA_DIR, 'offprint.db'))
  const vectorsFolder = join(settings.DATA_DIR, 'vectors')
  const wordsFolder = join(settings.DATA_DIR, 'words')
  const vectors = openVectors(vectorsFolder, { patient: true })
  const library = createLibrary(database, { vectors, wordsFolder, patient: true })
  const papers = new Map(loaded.map(({ paper }) => [paper.slug, paper]))
  library.seed([...papers.values()])
  const files = openFileStore(join(settings.DATA_DIR, 'files'), settings.UPLOAD_LIMIT_MB)
  const owner = processOwner()
  const store = openRunStore(database, join(settings.DATA_DIR, 'runs'), owner)
  store.interruptDead()
  const runs = createRuns({
    settings,
    onSubmit: slug => library.reading.ran(slug),
    papers: new Map(loaded.map((one: LoadedPaper) => [one.paper.slug, one])),
    store,
    sources: inputSources(settings.DATA_DIR, files, () => library),
  })
  const background = catchUpInBackground([join(settings.DATA_DIR, 'offprint.db'), vectorsFolder, wordsFolder], () => {
    // Opened now, and in steps, so that nobody who asks for a page waits for it.
    return vectors.refresh()
  })
  library.vectorsRevision()
  const address = new URL(settings.PUBLIC_URL ?? `http://localhost:${settings.PORT}`)
  const base = address.pathname.replace(/\/$/, '')
  const behind = () => {
    const revision = library.revision()
    const made = {
      words: library.wordsRevision(),
      vectors: library.vectorsRevision(),
      topics: library.topicsRevision(),
    }
    return Object.entries(made).flatMap(([name, of]) => (of === revision ? [] : [name]))
  }
  const isCaughtUp = () => !behind().length
  const place = { url: address.origin + base, host: address.hostname }
  const mail = openMail(database, {
    library,
    place,
    settings,
    owner,
    votesOf: key => (library.reading.marksOf([key]).get(key)?.voted ? 1 : undefined),
    runsHere: slug => Object.keys(papers.get(slug)?.methods ?? {}).length > 0,
  })
  const catchUp = () => {
    if (!isCaughtUp()) background.start()
  }
  const sync = openSync(database, library, {
    followed: settings.SYNC,
    get: openSiteGet(settings, syncSite),
    addresses: siteAddresses(syncSite),
    onChange: catchUp,
  })
  return {
    settings,
    place,
    mail,
    base,
    papers,
    library,
    splitMath,
    categoryName: arxivCategoryName,
    formats: { imported: titlesOf(importFormats), exported: titlesOf(exportFormats) },
    files,
    runs,
    sync,
    previews: openPreviews(join(settings.DATA_DIR, 'previews'), settings.UPLOAD_LIMIT_MB),
    fieldsOf: method => [...describeFields(method), ...commonFields],
    claims(slug) {
      const checks = store.lastChecks()
      return [...papers.values()]
        .filter(paper => !slug || paper.slug === slug)
        .flatMap(paper =>
          paper.claims.map(claim => claimRow(paper.slug, claim, checks.get(`${paper.slug} check:${claim.id}`))),
        )
    },
    behind,
    catchUp,
    async caughtUp() {
      if (!isCaughtUp()) await background.done()
    },
    async close() {
      await sync.close()
      background.close()
      await mail.close()
      await runs.close()
      database.close()
      inUse.end()
    },
  }
}

function titlesOf(formats: Record<string, { title: string }>): Record<string, string> {
  return Object.fromEntries(Object.entries(formats).map(([name, { title }]) => [name, title]))
}

/** After one that failed the next waits: pages ask for it whenever they are shown. */
const retryMs = 60_000

/** Starts the process when asked, one at a time; asked while it works, it starts once more afterwards. */
function catchUpInBackground(paths: string[], onDone: () => Promise<void>) {
  let working: ChildProcess | undefined
  let again = false
  let failedAt = Number.NEGATIVE_INFINITY
  let waiting: (() => void)[] = []
  const ended = () => {
    for (const resolve of waiting) resolve()
    waiting = []
  }
  function start(): void {
    if (working) {
      again = true
      return
    }
    again = false
    if (performance.now() < failedAt + retryMs) {
      ended()
      return
    }
    const script = fileURLToPath(new URL('./library/catch-up-process.ts', import.meta.url))
    working = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...paths], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    working.on('error', error => console.error(`vectors and topics: ${error.message}`))
    working.on('exit', code => {
      working = undefined
      if (code) failedAt = performance.now()
      if (again) return start()
      onDone()
        .catch(error => console.error(`vectors: ${error.message}`))
        .finally(ended)
    })
  }
  return {
    start,
    done() {
      return new Promise<void>(resolve => {
        waiting.push(resolve)
        start()
      })
    },
    close() {
      again = false
      working?.kill('SIGKILL')
    },
  }
}

/** The row of a claim, with the run that checked it where there is one. */
export function claimRow(paper: string, claim: Claim, run?: Run): ClaimRow {
  return {
    paper,
    id: claim.id,
    statement: claim.statement,
    where: claim.where,
    setup: claim.setup,
    measures: claim.measures,
    kind: claim.kind,
    unit: claim.unit,
    paperValue: claim.value,
    ourValue: run?.check?.value,
    tolerance: describeTolerance(claim.tolerance, claim.unit),
    verdict: run?.check?.verdict ?? 'not checked',
    pending: claim.check ? undefined : claim.pending,
    effort: claim.effort,
    on: run?.check?.on,
    notes: run?.check?.notes,
    machine: run?.machine,
    checkedAt: run?.startedAt,
    run: run?.id,
  }
}
