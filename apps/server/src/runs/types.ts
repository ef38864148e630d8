import type { Block, Verdict } from '@offprint/papers'

export type RunStatus = 'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'interrupted'

export interface RunError {
  /** `input`: the user can mend it; `limit`: a configured limit was hit; `failure`: the method failed. */
  kind: 'input' | 'limit' | 'failure'
  message: string
  /** The input's field, where one is to blame. */
  field?: string
}

/** A run as it is shown everywhere: on its page, by HTTP and by `--json`. */
export interface Run {
  id: string
  paper: string
  /** Name of the method, or `check:<claim id>`. */
  method: string
  status: RunStatus
  /** What the user gave: plain values; files as `{ file: sha256, name, bytes }`. */
  input: Record<string, unknown>
  seed: number
  threads: number
  createdAt: string
  startedAt?: string
  durationMs?: number
  version: string
  machine: string
  error?: RunError
  /** Lines that the method logged, the last 200. */
  log: string[]
  /** Of a check. */
  check?: { claim: string; value: number; verdict: Verdict; on: string; notes?: string }
}

export interface RunRecord {
  run: Run
  blocks: Block[]
}

export interface Progress {
  done: number
  total: number
  what?: string
  /** Units a second since the method's first report. */
  rate?: number
  /** Seconds left at that rate. */
  secondsLeft?: number
}

/** What the process of a run tells its supervisor. */
export type FromChild =
  | { type: 'progress'; done: number; total: number; what?: string }
  | { type: 'log'; line: string }
  | { type: 'result'; check?: { value: number; on: string; notes?: string } }
  | { type: 'error'; error: RunError }

/** What the supervisor tells the process of a run. */
export interface Job {
  id: string
  module: string
  method: string
  input: Record<string, unknown>
  seed: number
  threads: number
  dataDirectory: string
  runDirectory: string
  datasetsDirectory?: string
}
