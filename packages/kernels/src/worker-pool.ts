/** Runs functions of WebAssembly modules in several threads, on the shared memory of an arena. */
import { type Arena, compile, hasSharedMemory, instantiate } from './arena.ts'
import { InputError } from './input-error.ts'
import { breathe, type LongCall } from './long-call.ts'
import type { Answer, Order } from './pool-thread.ts'
import { type WorkQueue, workQueue } from './work-queue.ts'

/** A call of a module's export. */
export interface Call {
  name: string
  args: number[]
}

/** Where calls are made: what differs between threads, such as a pointer to room of their own, follows from `thread`. */
export interface Place {
  /** From 0. */
  thread: number
  threads: number
  /** Pointer to the queue that a kernel's `claim` (assembly/inline/work-queue.ts) takes work from. */
  queue: number
}

export interface RunOptions extends LongCall {
  /**
   * Units of work in the queue, up to 2³¹; default 0, no queue. The last call is then the one that claims them, and it may be
   * made again and again in the same thread until all are taken.
   */
  total?: number
}

export interface WorkerPool {
  /** Threads that a run is shared out to; 1 means that runs are done in the calling thread. */
  readonly threads: number
  /**
   * Starts the module once in each thread and makes a sequence of calls there. Globals belong to a thread, so a sequence begins
   * with the calls that set them. In one thread (an arena that is not shared, a host without threads) the calls are made
   * here, a few pieces of the queue at a time, and the event loop runs in between.
   *
   * Runs on one pool take turns. An aborted run ends when the pieces at work are done. Threads that make no end of it
   * within a second, and those of a run without a queue at once, are stopped where they stand.
   *
   * @param base64 as for `instantiate`
   * @param calls says what to call in a thread
   * @throws the signal's reason once it is aborted; Error for a call that traps, a thread that ends by itself, or a pool that is
   * closed. The pool can be used again after all of these but the last; the memory is as the threads have left it
   *
   * @example
   * const pool = workerPool()
   * const space = arena(bytes, { shared: true })
   * await pool.run([relaxed, simd], space, ({ queue }) => [{ name: 'sumRows', args: [rows, 1000, sums, queue] }], { total: 1000 })
   */
  run(base64: string | string[], space: Arena, calls: (place: Place) => Call[], options?: RunOptions): Promise<void>
  /** Ends the threads; a run at work is rejected. */
  close(): Promise<void>
}

export interface WorkerPoolOptions {
  /** Default: as many as the host has processors. */
  threads?: number
}

const mostThreads = 256
const mostUnits = 2 ** 31
const progressMs = 50
/** How long a stopped run may take to end its pieces. */
const graceMs = 1000
/** How long threads without work are kept: they hold on to the memory that they last worked in. */
const idleMs = 5000
/** In one thread, how long pieces are worked on before the event loop has a turn. */
const sliceMs = 12

/**
 * A pool of threads. They are started with the first run, wait for more for 5 seconds, and keep no process from ending.
 * @throws InputError for a number of threads that is not whole or outside 1 to 256
 */
export function workerPool({ threads = hostThreads() }: WorkerPoolOptions = {}): WorkerPool {
  if (!Number.isInteger(threads) || threads < 1 || threads > mostThreads)
    throw new InputError('threads', String(threads), `a whole number from 1 to ${mostThreads}`)
  let usable = hasSharedMemory && hasThreads() ? threads : 1
  let crew: Thread[] = []
  let closed = false
  let idle: ReturnType<typeof setTimeout> | undefined
  let turn: Promise<unknown> = Promise.resolve()
  let last: WeakRef<WebAssembly.Memory> | undefined

  /** All threads, started, or none where this host lets none start. */
  async function gather(): Promise<Thread[]> {
    crew = crew.filter(one => one.alive())
    try {
      while (crew.length < usable) crew.push(startThread())
      await Promise.all(crew.map(one => one.started))
    } catch {
      if (!closed) usable = 1
      await dismiss()
    }
    return crew
  }

  async function dismiss(): Promise<void> {
    clearTimeout(idle)
    const gone = crew
    crew = []
    await Promise.all(gone.map(one => one.stop()))
  }

  function rest(): void {
    for (const one of crew) one.letEnd()
    idle = setTimeout(dismiss, idleMs)
    // A page has numbers for timers.
    if (typeof idle === 'object') idle.unref()
  }

  async function inThreads(module: WebAssembly.Module, { memory }: Arena, at: Job, signal?: AbortSignal) {
    const { queue, calls, onProgress } = at
    let grace: ReturnType<typeof setTimeout> | undefined
    const stop = () => {
      queue.stop()
      grace ??= setTimeout(() => crew.forEach(one => void one.stopIfBusy()), queue.total ? graceMs : 0)
    }
    const orders = crew.map((_, thread) => calls({ thread, threads: crew.length, queue: queue.pointer }))
    signal?.addEventListener('abort', stop)
    // The first failure is the cause: the rest fail because they are stopped.
    let failed: unknown
    const fail = (error: unknown) => {
      failed ??= error
      stop()
    }
    const report = () => {
      try {
        onProgress?.(queue.taken(), queue.total)
      } catch (error) {
        fail(error)
      }
    }
    const timer = onProgress && setInterval(report, progressMs)
    try {
      const unseen = memory !== last?.deref()
      last = new WeakRef(memory)
      const runs = crew.map((one, thread) => one.carryOut({ module, memory, unseen, calls: orders[thread] }))
      for (const one of runs) one.catch(fail)
      await Promise.allSettled(runs)
      signal?.throwIfAborted()
      if (failed) throw failed
    } finally {
      signal?.removeEventListener('abort', stop)
      clearInterval(timer)
      clearTimeout(grace)
    }
  }

  async function oneRun(base64: string | string[], space: Arena, calls: Job['calls'], options: RunOptions) {
    const { total = 0, signal, onProgress } = options
    if (!Number.isInteger(total) || total < 0 || total > mostUnits)
      throw new InputError('total', String(total), `a whole number from 0 to ${mostUnits}`)
    if (closed) throw wasClosed()
    clearTimeout(idle)
    const threads = space.shared && usable > 1 ? await gather() : []
    const queue = workQueue(space, total)
    try {
      signal?.throwIfAborted()
      if (closed) throw wasClosed()
      const job = { queue, calls, onProgress }
      if (threads.length) await inThreads(compile(base64, space), space, job, signal)
      else await here(instantiate(base64, space), job, () => closed, signal)
      onProgress?.(total, total)
    } finally {
      queue.release()
      if (crew.length) rest()
    }
  }

  return {
    get threads() {
      return usable
    },
    async run(base64, space, calls, options = {}) {
      const before = turn
      let leave = () => {}
      turn = Promise.all([
        before,
        new Promise<void>(resolve => {
          leave = resolve
        }),
      ])
      try {
        await unlessAborted(before, options.signal)
        await oneRun(base64, space, calls, options)
      } finally {
        leave()
      }
    },
    async close() {
      closed = true
      await dismiss()
    },
  }
}

interface Job {
  queue: WorkQueue
  calls: (place: Place) => Call[]
  onProgress: LongCall['onProgress']
}

type Exports = Record<string, (...args: number[]) => void>

async function here(exports: Exports, job: Job, closed: () => boolean, signal?: AbortSignal): Promise<void> {
  const { queue, calls, onProgress } = job
  const list = calls({ thread: 0, threads: 1, queue: queue.pointer })
  const make = ({ name, args }: Call) => {
    try {
      exports[name](...args)
    } catch (error) {
      throw failure(name, error)
    }
  }
  const rest = async () => {
    await breathe(signal)
    if (closed()) throw wasClosed()
  }
  for (const call of queue.total ? list.slice(0, -1) : list) {
    make(call)
    await rest()
  }
  // Units at a time: found by doubling, so that a slice is neither long nor a turn of the event loop for each piece.
  let units = 1
  for (let taken = 0; taken < queue.total; ) {
    const began = performance.now()
    queue.allow(taken + units)
    make(list[list.length - 1])
    const now = queue.taken()
    if (now === taken) throw new Error(`${list[list.length - 1].name} took no work from the queue`)
    const ms = performance.now() - began
    if (ms < sliceMs / 2) units = 2 * Math.max(units, now - taken)
    else if (ms > sliceMs) units = Math.max(1, Math.floor(units / 2))
    taken = now
    onProgress?.(taken, queue.total)
    await rest()
  }
}

const wasClosed = () => new Error('the pool of threads was closed')

function failure(name: string, error: unknown): Error {
  const reason = error instanceof Error ? error.message : String(error)
  return new Error(`the WebAssembly function ${name} failed: ${reason}`, { cause: error })
}

/** Waits, and rejects as soon as the signal is aborted. */
async function unlessAborted(wait: Promise<unknown>, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted()
  if (!signal) return void (await wait)
  let abort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort)
  })
  try {
    await Promise.race([wait, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

interface Thread {
  /** Rejects where the thread cannot start. */
  started: Promise<void>
  alive(): boolean
  /** Rejects for a call that fails, and when the thread ends meanwhile. */
  carryOut(order: Order): Promise<void>
  /** From now on, until the next order, it keeps no process from ending. */
  letEnd(): void
  stop(): Promise<void>
  stopIfBusy(): void
}

type NodeThreads = typeof import('node:worker_threads')

// Asked for in this way, as a page has none of Node's modules to import.
const nodeThreads = (): NodeThreads | undefined => globalThis.process?.getBuiltinModule?.('node:worker_threads')

function hasThreads(): boolean {
  return nodeThreads() !== undefined || typeof Worker !== 'undefined'
}

/** Processors of the host. */
function hostThreads(): number {
  const known = globalThis.navigator?.hardwareConcurrency
  const count = known ?? globalThis.process?.getBuiltinModule?.('node:os').availableParallelism() ?? 1
  return Math.max(1, Math.min(count, mostThreads))
}

function startThread(): Thread {
  let alive = true
  let waiting: { resolve(): void; reject(error: Error): void } | undefined
  const wait = () =>
    new Promise<void>((resolve, reject) => {
      waiting = { resolve, reject }
    })
  const settle = (error?: Error) => {
    const one = waiting
    waiting = undefined
    if (error) one?.reject(error)
    else one?.resolve()
  }
  const hear = (answer: Answer) => {
    if (answer === 'ready' || !answer.error) settle()
    else settle(new Error(`a WebAssembly call in a thread failed: ${answer.error}`))
  }
  const lose = (why: string) => {
    alive = false
    settle(new Error(`a thread of the pool has ended: ${why}`))
  }
  const started = wait()
  // Several may fail at once; the first is heard.
  started.catch(() => {})
  const worker = launch(hear, lose)
  return {
    started,
    alive: () => alive,
    carryOut(order) {
      worker.keep()
      const done = wait()
      try {
        if (!alive) throw new Error('it was gone before it could begin')
        worker.post(order)
      } catch (error) {
        lose(String(error))
      }
      return done
    },
    letEnd: () => worker.letEnd(),
    async stop() {
      lose('it was stopped')
      await worker.end()
    },
    stopIfBusy() {
      if (waiting) void this.stop()
    },
  }
}

/** A thread of Node or of a browser, with one face. */
function launch(hear: (answer: Answer) => void, lose: (why: string) => void) {
  const node = nodeThreads()
  if (node) {
    const worker = new node.Worker(new URL('./pool-thread.ts', import.meta.url))
    worker.on('message', hear)
    worker.on('error', error => lose(error instanceof Error ? error.message : String(error)))
    worker.on('exit', code => lose(`exit code ${code}`))
    return {
      post: (order: Order) => worker.postMessage(order),
      keep: () => worker.ref(),
      letEnd: () => worker.unref(),
      end: async () => void (await worker.terminate()),
    }
  }
  const worker = new Worker(new URL('./pool-thread.ts', import.meta.url), { type: 'module' })
  worker.addEventListener('message', ({ data }) => hear(data))
  worker.addEventListener('error', ({ message }) => {
    worker.terminate()
    lose(message ?? 'it could not be loaded')
  })
  return {
    post: (order: Order) => worker.postMessage(order),
    keep() {},
    letEnd() {},
    async end() {
      worker.terminate()
    },
  }
}
