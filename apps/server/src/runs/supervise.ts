/** Runs one job in a process of its own and watches it: memory, time, cancel. */
import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FromChild, Job, RunError } from './types.ts'

export interface Limits {
  seconds: number
  megabytes: number
}

export type Outcome =
  | { status: 'done'; check?: { value: number; on: string; notes?: string } }
  | { status: 'failed'; error: RunError }
  | { status: 'cancelled' }

/** After a cancel the method has this long to stop by itself, in ms; then its process is killed. */
const cancelGraceMs = 500
const watchEveryMs = 100

/**
 * Starts the job's process and resolves with how it ended. Never rejects: a process that cannot be started, crashes or is
 * killed is a failed run.
 */
export function supervise(
  job: Job,
  {
    limits,
    signal,
    onMessage,
  }: { limits: Limits; signal: AbortSignal; onMessage: (message: FromChild & { type: 'progress' | 'log' }) => void },
): Promise<Outcome> {
  return new Promise(resolve => {
    const child = fork(fileURLToPath(new URL('./child.ts', import.meta.url)), {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: ['--disable-warning=ExperimentalWarning', `--max-old-space-size=${limits.megabytes}`],
    })
    let outcome: Outcome | undefined
    let stderr = ''
    const stop = (status: Outcome) => {
      outcome ??= status
      child.kill('SIGKILL')
    }
    const limit = (message: string) => stop({ status: 'failed', error: { kind: 'limit', message } })
    const timer = setTimeout(
      () => limit(`stopped after ${limits.seconds} s, the limit of a run (setting RUN_TIME_LIMIT_SECONDS)`),
      limits.seconds * 1000,
    )
    const watch = setInterval(() => {
      const megabytes = residentMegabytes(child.pid!)
      if (megabytes !== undefined && megabytes > limits.megabytes)
        limit(
          `stopped at ${Math.round(megabytes)} MB of memory; the limit of a run is ${limits.megabytes} MB (setting RUN_MEMORY_LIMIT_MB)`,
        )
    }, watchEveryMs)
    let grace: NodeJS.Timeout | undefined
    const cancel = () => {
      if (child.connected) child.send({ type: 'cancel' }, () => {})
      grace = setTimeout(() => stop({ status: 'cancelled' }), cancelGraceMs)
    }
    if (signal.aborted) cancel()
    else signal.addEventListener('abort', cancel, { once: true })

    child.stderr!.on('data', chunk => {
      stderr = (stderr + chunk).slice(-4000)
    })
    child.on('message', (message: FromChild) => {
      if (message.type === 'result') outcome ??= { status: 'done', check: message.check }
      else if (message.type === 'error') outcome ??= { status: 'failed', error: message.error }
      else onMessage(message)
    })
    child.on('error', error => {
      outcome ??= {
        status: 'failed',
        error: { kind: 'failure', message: `cannot start the run's process: ${error.message}` },
      }
      if (child.pid === undefined) finish()
    })
    child.on('close', (code, killedBy) => {
      outcome ??= { status: 'failed', error: crash(code, killedBy, stderr, limits) }
      finish()
    })
    child.send({ type: 'job', job }, () => {})

    function finish() {
      clearTimeout(timer)
      clearTimeout(grace)
      clearInterval(watch)
      signal.removeEventListener('abort', cancel)
      resolve(signal.aborted && outcome!.status !== 'done' ? { status: 'cancelled' } : outcome!)
    }
  })
}

function crash(code: number | null, killedBy: string | null, stderr: string, limits: Limits): RunError {
  if (/heap out of memory|Allocation failed/i.test(stderr))
    return {
      kind: 'limit',
      message: `the run needed more memory than its limit of ${limits.megabytes} MB (setting RUN_MEMORY_LIMIT_MB)`,
    }
  const last = stderr.trim().split('\n').at(-1) ?? ''
  return {
    kind: 'failure',
    message: `the run's process ended (${killedBy ?? `exit ${code}`})${last ? `: ${last.slice(0, 300)}` : ''}`,
  }
}

/** Memory that a process holds, WebAssembly included; undefined where the system does not tell or the process is gone. */
function residentMegabytes(pid: number): number | undefined {
  try {
    const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return match ? Number(match[1]) / 1024 : undefined
  } catch {
    return undefined
  }
}
