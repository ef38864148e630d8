/** Everything that the site, the HTTP edge and the command line stand on, opened from the settings. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Claim, describeTolerance, type Method, type Paper, type Tool, type Verdict } from '@offprint/papers'
import { describeFields, type Field } from '@offprint/papers/fields'
import { loadAll } from '@offprint/papers/load'
import { openDatabase } from './database.ts'
import { openEmbedder } from './embedding/embedder.ts'
import { type EmbedderProblem, type ModelVectors, openModelVectors, readProblem } from './embedding/model-vectors.ts'
import { openQueryVectors } from './embedding/query-vectors.ts'
import type { Place } from './feeds/feed.ts'
import { type FileStore, openFileStore } from './files.ts'
import { openFolder, useFolder } from './hosting/data-folder.ts'
import { nameInAddress } from './library/facets.ts'
import { createLibrary, type Library } from './library/library.ts'
import type { SearchOptions } from './library/search.ts'
import { openShowApart } from './library/show-apart.ts'
import { arxivCategoryName } from './library/sources/arxiv-taxonomy.ts'
import { exportFormats } from './library/sources/exports.ts'
import { importFormats } from './library/sources/formats.ts'
import { splitMath } from './library/text.ts'
import { openVectors, type PaperVectors } from './library/vectors.ts'
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
  /** What runs without being a paper's, by slug. */
  tools: Map<string, Tool>
  /** The paper or tool of a slug. */
  module(slug: string): Paper | Tool | undefined
  /** Path of the page that a paper or tool is run from. */
  pageOf(slug: string): string
  library: Library
  /** Cuts a text into formulas, with their marks, and what stands between them. */
  splitMath(text: string): { text: string; math: boolean }[]
  /** A name as it stands in addresses: `Erich Müller` is `erich-muller`. */
  nameInAddress(name: string): string
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
  /**
   * Waits at most so many milliseconds (default 300) until the vector of a query is there, where an embedder is configured;
   * a search without it is by words. Undefined where there is nothing to wait for.
   */
  prepareQuery(query: string, wait?: number): Promise<void> | undefined
  /** What `library.search` gives, as JSON (a string, or bytes of UTF-8); a thread of its own writes it out where it can. */
  searchJson(query: string, options?: SearchOptions): Promise<string | Uint8Array>
  /** The embedder that the settings name, and why it failed the last time; undefined where the own one is used. */
  embedder(): { name: string; problem?: EmbedderProblem } | undefined
  /**
   * What was computed from an earlier state of the library, in the order in which it is made anew: `words`, `vectors`,
   * `topics`, and `embeddings` where an embedder is configured.
   */
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
  const loaded = await loadAll(settings.PAPERS)
  openFolder(settings.DATA_DIR)
  const inUse = useFolder(settings.DATA_DIR)
  const databaseFile = join(settings.DATA_DIR, 'offprint.db')
  const database = openDatabase(databaseFile)
  const vectorsFolder = join(settings.DATA_DIR, 'vectors')
  const wordsFolder = join(settings.DATA_DIR, 'words')
  const vectors = openVectors(vectorsFolder, { patient: true })
  const embeddingsFolder = join(settings.DATA_DIR, 'embeddings')
  const embedder = openEmbedder(settings)
  const queries = embedder && openQueryVectors(embedder)
  const modelVectors = embedder && openModelVectors(embeddingsFolder, embedder.name)
  let combined: { own?: PaperVectors; model: ModelVectors; vectors: PaperVectors } | undefined
  const vectorsInUse = () => {
    const own = vectors()
    const model = modelVectors?.()
    // Until the model has seen all papers for the first time, the own vectors serve.
    if (!model) return own
    if (combined?.own !== own || combined?.model !== model)
      combined = { own, model, vectors: model.over(own, queries!.get) }
    return combined!.vectors
  }
  const library = createLibrary(database, { vectors: vectorsInUse, wordsFolder, patient: true })
  const papers = new Map(loaded.papers.map(({ paper }) => [paper.slug, paper]))
  const tools = new Map(loaded.tools.map(({ paper }) => [paper.slug, paper]))
  library.seed([...papers.values()])
  const files = openFileStore(join(settings.DATA_DIR, 'files'), settings.UPLOAD_LIMIT_MB)
  const owner = processOwner()
  const store = openRunStore(database, join(settings.DATA_DIR, 'runs'), owner)
  store.interruptDead()
  const runs = createRuns({
    settings,
    onSubmit: slug => library.reading.ran(slug),
    papers: new Map([...loaded.papers, ...loaded.tools].map(one => [one.paper.slug, one])),
    store,
    sources: inputSources(settings.DATA_DIR, files, () => library),
  })
  const showApart = openShowApart(databaseFile)
  const background = inBackground({
    script: 'library/catch-up-process.ts',
    paths: [databaseFile, vectorsFolder, wordsFolder],
    // Opened now, and in steps, so that nobody who asks for a page waits for it.
    onDone: () => vectors.refresh(),
  })
  library.vectorsRevision()
  const embedding =
    embedder &&
    inBackground({
      script: 'embedding/embed-process.ts',
      paths: [databaseFile, embeddingsFolder],
      // The key is in no command line.
      environment: Object.fromEntries(
        (['EMBEDDER', 'EMBEDDER_URL', 'EMBEDDER_MODEL', 'EMBEDDER_KEY'] as const).map(name => [
          name,
          settings[name] ?? '',
        ]),
      ),
      longestRetryMs: 3_600_000,
      retryAt: () => Date.parse(readProblem(embeddingsFolder, embedder.name)?.retryAt ?? ''),
      onDone: async () => void modelVectors!(),
    })
  const address = new URL(settings.PUBLIC_URL ?? `http://localhost:${settings.PORT}`)
  const base = address.pathname.replace(/\/$/, '')
  const behind = () => {
    const revision = library.revision()
    const made = {
      words: library.wordsRevision(),
      vectors: vectors()?.revision,
      topics: library.topicsRevision(),
      ...(modelVectors ? { embeddings: modelVectors()?.revision ?? (library.count() ? undefined : revision) } : {}),
    }
    return Object.entries(made).flatMap(([name, of]) => (of === revision ? [] : [name]))
  }
  const isCaughtUp = () => behind().every(name => name === 'embeddings')
  const isEmbedded = () => !behind().includes('embeddings')
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
    if (!isEmbedded()) embedding?.start()
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
    tools,
    module: slug => papers.get(slug) ?? tools.get(slug),
    pageOf: slug =>
      tools.has(slug)
        ? `/tools/${slug}`
        : `/papers/${(papers.get(slug)?.about.arxiv ?? slug).split('/').map(encodeURIComponent).join('/')}`,
    library,
    splitMath,
    nameInAddress,
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
    prepareQuery: (query, wait) => queries?.prepare(query, wait),
    async searchJson(query, options) {
      const found = library.found(query, options)
      return (await showApart.json(found)) ?? JSON.stringify(library.show(found))
    },
    embedder: () => embedder && { name: embedder.name, problem: readProblem(embeddingsFolder, embedder.name) },
    behind,
    catchUp,
    async caughtUp() {
      if (!isCaughtUp()) await background.done()
      if (!isEmbedded()) await embedding?.done()
    },
    async close() {
      await sync.close()
      background.close()
      embedding?.close()
      queries?.close()
      await showApart.close()
      await embedder?.close()
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
function inBackground({
  script,
  paths,
  environment = {},
  longestRetryMs = retryMs,
  retryAt = () => Number.NaN,
  onDone,
}: {
  /** Relative to this file. */
  script: string
  paths: string[]
  environment?: Record<string, string>
  /** The wait is twice as long after each failure, up to this. Default: always the same. */
  longestRetryMs?: number
  /** Not before this time, in milliseconds since 1970; NaN where any will do. */
  retryAt?(): number
  onDone(): Promise<void>
}) {
  let working: ChildProcess | undefined
  let again = false
  let notBefore = Number.NEGATIVE_INFINITY
  let failures = 0
  let retrying: NodeJS.Timeout | undefined
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
    if (performance.now() < notBefore) {
      ended()
      return
    }
    const file = fileURLToPath(new URL(script, import.meta.url))
    working = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file, ...paths], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    working.on('error', error => console.error(`${script}: ${error.message}`))
    working.on('exit', code => {
      working = undefined
      failures = code ? failures + 1 : 0
      if (code) {
        const told = retryAt() - Date.now()
        const pause = Math.min(longestRetryMs, retryMs * 2 ** (failures - 1))
        const wait = Number.isNaN(told) ? pause : Math.max(pause, told)
        notBefore = performance.now() + wait
        // Others are asked for whenever a page is shown.
        if (longestRetryMs > retryMs) retrying = setTimeout(start, wait + 1).unref()
      }
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
      clearTimeout(retrying)
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
