/**
 * The one run path for form, command line and HTTP: accept -> queue -> a process of its own -> blocks -> stored run.
 */
import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { InputError } from '@offprint/kernels'
import { verdict } from '@offprint/papers'
import { type Field, InputErrors, parseNumber } from '@offprint/papers/fields'
import type { LoadedPaper, LoadedTool } from '@offprint/papers/load'
import { acceptInput, type InputSources } from '../inputs.ts'
import type { Settings } from '../settings.ts'
import { newId, type RunStore } from './store.ts'
import { supervise } from './supervise.ts'
import type { Job, Progress, Run, RunRecord } from './types.ts'

/** The queue is full: try again later. */
export class QueueFullError extends Error {
  override name = 'QueueFullError'
}

export type RunEvent =
  | { type: 'progress'; progress: Progress }
  | { type: 'log'; line: string }
  | { type: 'status'; run: Run }

/** Inputs that every run has besides those of its method. */
export const commonFields: Field[] = [
  {
    name: 'seed',
    kind: 'integer',
    label: 'Seed',
    hint: 'Same input, seed and threads: same result.',
    required: false,
    default: 1,
    min: 0,
    max: 2 ** 32 - 1,
  },
  {
    name: 'threads',
    kind: 'integer',
    label: 'Threads',
    hint: 'Worker threads the engine may use.',
    required: false,
    default: cpus().length,
    min: 1,
    max: 256,
  },
]

export type Runs = ReturnType<typeof createRuns>

export const heartbeatMs = 2000

export function createRuns({
  settings,
  papers,
  store,
  sources,
  onSubmit = () => {},
}: {
  settings: Settings
  /** All that runs, by slug. */
  papers: Map<string, LoadedPaper | LoadedTool>
  store: RunStore
  sources: InputSources
  /** Called with a paper's slug once a run of it is accepted. */
  onSubmit?(slug: string): void
}) {
  const queue: { run: Run; job: Job }[] = []
  const live = new Map<
    string,
    { run: Run; controller: AbortController; progress?: Progress; since?: number; first?: number; ended: Promise<Run> }
  >()
  const events = new EventEmitter().setMaxListeners(0)
  let closed = false
  /** Runs that have logged since they were last stored: so the log outlives this process, up to a heartbeat. */
  const unsaved = new Set<Run>()
  const heart = setInterval(() => {
    try {
      for (const run of unsaved) store.save(run)
      unsaved.clear()
      store.heartbeat()
    } catch (error) {
      // Another process holds the database, or the disk is full: the next beat tries again.
      console.error(`runs: ${(error as Error).message}`)
    }
  }, heartbeatMs)
  heart.unref()

  function find(slug: string): LoadedPaper | LoadedTool {
    const loaded = papers.get(slug)
    if (loaded) return loaded
    throw new InputError('paper', `'${slug}'`, `one of ${[...papers.keys()].join(', ')}`)
  }

  /**
   * Accepts a run and puts it into the queue.
   *
   * @param raw fields of the method, besides `seed` and `threads`
   * @throws InputErrors, InputError (unknown paper or method), QueueFullError
   */
  async function submit(
    slug: string,
    methodName: string,
    raw: Record<string, unknown>,
    options: { absentMeansOff?: boolean } = {},
  ): Promise<Run> {
    const { paper, module } = find(slug)
    const method = Object.hasOwn(paper.methods, methodName) ? paper.methods[methodName] : undefined
    const names = Object.keys(paper.methods)
    if (!method)
      throw new InputError(
        'method',
        `'${methodName}'`,
        names.length ? `one of ${names.join(', ')}` : 'none yet: this paper can only be read',
      )
    const { seed, threads, ...rest } = raw
    const errors: InputError[] = []
    const common = decodeCommon({ seed, threads }, errors)
    let input: Record<string, unknown> = {}
    try {
      input = await acceptInput(method, rest, sources, options)
    } catch (error) {
      if (!(error instanceof InputErrors)) throw error
      errors.push(...error.errors)
    }
    if (errors.length) throw new InputErrors(errors)
    return enqueue(module, { paper: slug, method: methodName, input, ...common })
  }

  /** Queues the check of one claim. @throws InputError for an unknown claim or one that has no check */
  function submitCheck(slug: string, claimId: string, { seed = 1, threads = cpus().length } = {}): Run {
    const { paper, module } = find(slug)
    const claim = paper.claims.find(claim => claim.id === claimId)
    if (!claim?.check)
      throw new InputError(
        'claim',
        `'${claimId}'`,
        `one of ${
          paper.claims
            .filter(one => one.check)
            .map(one => one.id)
            .join(', ') || 'none: no claim of this paper can be checked yet'
        }`,
      )
    return enqueue(module, { paper: slug, method: `check:${claimId}`, input: {}, seed, threads })
  }

  function enqueue(module: string, what: Pick<Run, 'paper' | 'method' | 'input' | 'seed' | 'threads'>): Run {
    if (queue.length >= settings.RUN_QUEUE_LIMIT)
      throw new QueueFullError(`${queue.length} runs are waiting already; try again when some are done`)
    const run: Run = {
      id: newId(),
      ...what,
      status: 'queued',
      createdAt: new Date().toISOString(),
      version: version(),
      machine: machine(),
      log: [],
    }
    store.add(run)
    onSubmit(what.paper)
    queue.push({
      run,
      job: {
        id: run.id,
        module,
        method: run.method,
        input: run.input,
        seed: run.seed,
        threads: run.threads,
        dataDirectory: settings.DATA_DIR,
        runDirectory: store.directory(run.id),
        datasetsDirectory: settings.DATASETS_DIR,
      },
    })
    advance()
    return store.get(run.id)!
  }

  function advance(): void {
    while (!closed && queue.length && live.size < settings.RUN_CONCURRENCY) {
      const { run, job } = queue.shift()!
      const controller = new AbortController()
      live.set(run.id, { run, controller, ended: execute(run, job, controller) })
    }
  }

  async function execute(run: Run, job: Job, controller: AbortController): Promise<Run> {
    const started = performance.now()
    run.status = 'running'
    run.startedAt = new Date().toISOString()
    publish(run)
    const outcome = await supervise(job, {
      limits: { seconds: settings.RUN_TIME_LIMIT_SECONDS, megabytes: settings.RUN_MEMORY_LIMIT_MB },
      signal: controller.signal,
      onMessage(message) {
        if (message.type === 'log') {
          run.log = [...run.log, message.line].slice(-200)
          unsaved.add(run)
          events.emit(run.id, { type: 'log', line: message.line } satisfies RunEvent)
        } else {
          const progress = withRate(run.id, message)
          events.emit(run.id, { type: 'progress', progress } satisfies RunEvent)
        }
      },
    })
    run.durationMs = Math.round(performance.now() - started)
    run.status = outcome.status
    if (outcome.status === 'failed') run.error = outcome.error
    if (outcome.status === 'done' && outcome.check) {
      const claim = papers.get(run.paper)!.paper.claims.find(claim => run.method === `check:${claim.id}`)!
      run.check = { claim: claim.id, ...outcome.check, verdict: verdict(claim, outcome.check.value) }
    }
    live.delete(run.id)
    publish(run)
    advance()
    return run
  }

  function publish(run: Run): void {
    unsaved.delete(run)
    store.save(run)
    events.emit(run.id, { type: 'status', run } satisfies RunEvent)
  }

  function withRate(id: string, reported: { done: number; total: number; what?: string }): Progress {
    const state = live.get(id)!
    const { what } = reported
    // A method that miscounts is neither done more than once nor less than not at all.
    const total = reported.total > 0 && Number.isFinite(reported.total) ? reported.total : 1
    const done = Number.isFinite(reported.done) ? Math.min(total, Math.max(0, reported.done)) : 0
    const now = performance.now()
    // A new stage starts its own clock: its units need not be those of the stage before.
    if (state.since === undefined || state.progress?.what !== what || done < (state.progress?.done ?? 0)) {
      state.since = now
      state.first = done
    }
    const seconds = (now - state.since) / 1000
    const rate = seconds > 0.2 ? (done - state.first!) / seconds : undefined
    state.progress = { done, total, what, rate, secondsLeft: rate ? (total - done) / rate : undefined }
    return state.progress
  }

  return {
    submit,
    submitCheck,
    store,
    /** Repeats a stored run with the same input, seed and threads. */
    repeat(id: string): Run | undefined {
      const run = store.get(id)
      if (!run) return undefined
      const { module } = find(run.paper)
      const { paper, method, input, seed, threads } = run
      return enqueue(module, { paper, method, input, seed, threads })
    },
    /** Cancels a waiting or running run of this process; false where it is none of these. */
    cancel(id: string): boolean {
      const state = live.get(id)
      if (state) {
        state.controller.abort()
        return true
      }
      const index = queue.findIndex(entry => entry.run.id === id)
      if (index < 0) return false
      const [{ run }] = queue.splice(index, 1)
      run.status = 'cancelled'
      publish(run)
      return true
    },
    /** Whether the run waits or runs in this process. */
    isOurs: (id: string) => live.has(id) || queue.some(entry => entry.run.id === id),
    progress: (id: string): Progress | undefined => live.get(id)?.progress,
    /** What a run of this process has logged so far; of any other run that is in its record. */
    log: (id: string): string[] | undefined => live.get(id)?.run.log,
    /** Calls back on each event of a run of this process; gives back a function that ends it. */
    watch(id: string, listener: (event: RunEvent) => void): () => void {
      events.on(id, listener)
      return () => events.off(id, listener)
    },
    /** Resolves once the run has ended (or `ms` have passed), with its record. */
    async wait(id: string, ms = Number.POSITIVE_INFINITY): Promise<RunRecord | undefined> {
      await new Promise<void>(resolve => {
        const ended = () => !['queued', 'running'].includes(store.get(id)?.status ?? 'done')
        if (ended()) return resolve()
        const finish = () => {
          clearTimeout(timer)
          events.off(id, check)
          resolve()
        }
        const check = () => ended() && finish()
        const timer = Number.isFinite(ms) ? setTimeout(finish, ms) : undefined
        events.on(id, check)
      })
      return store.record(id)
    },
    counts: () => ({ running: live.size, queued: queue.length }),
    /** Stops what runs and marks it as interrupted. */
    async close(): Promise<void> {
      closed = true
      clearInterval(heart)
      const unfinished = [...live.entries()]
      for (const [, { controller }] of unfinished) controller.abort()
      await Promise.all(unfinished.map(([, { ended }]) => ended))
      for (const id of [...unfinished.map(([id]) => id), ...queue.map(({ run }) => run.id)]) {
        const run = store.get(id)
        if (run && run.status !== 'done' && run.status !== 'failed') store.save({ ...run, status: 'interrupted' })
      }
      queue.length = 0
    },
  }
}

function decodeCommon(
  raw: { seed?: unknown; threads?: unknown },
  errors: InputError[],
): { seed: number; threads: number } {
  const values: Record<string, number> = {}
  for (const field of commonFields) {
    const given = raw[field.name as keyof typeof raw]
    const value =
      given === undefined || given === '' ? field.default : typeof given === 'string' ? parseNumber(given) : given
    if (typeof value === 'number' && Number.isInteger(value) && value >= field.min! && value <= field.max!)
      values[field.name] = value
    else errors.push(new InputError(field.name, `'${given}'`, `a whole number from ${field.min} to ${field.max}`))
  }
  return values as { seed: number; threads: number }
}

let packageVersion: string | undefined
function version(): string {
  packageVersion ??= JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version as string
  return packageVersion
}

function machine(): string {
  const processors = cpus()
  return `${processors[0]?.model.trim() ?? 'unknown processor'}, ${processors.length} cores, Node ${process.versions.node}`
}
