/**
 * The process of one run: loads the paper, its input, calls the method and writes the blocks. Started by `supervise.ts`,
 * which watches its memory and time from outside.
 */
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { InputError } from '@offprint/kernels'
import { type Block, block, type RunContext, z } from '@offprint/papers'
import { InputErrors } from '@offprint/papers/fields'
import { loadModule } from '@offprint/papers/load'
import { loadInput } from '../inputs.ts'
import { openInputSources } from '../sources.ts'
import { resultFile, writeResult } from './result-file.ts'
import type { FromChild, Job, RunError } from './types.ts'

const abort = new AbortController()

// A supervisor that is killed cannot stop us, and a busy method would not notice: a thread of its own looks after that.
new Worker(new URL('./watchdog.ts', import.meta.url), { workerData: { parent: process.ppid } }).unref()
process.on('disconnect', () => process.exit(1))
process.on('message', (message: { type: 'job'; job: Job } | { type: 'cancel' }) => {
  if (message.type === 'cancel') abort.abort(new Error('cancelled'))
  else void start(message.job)
})

function send(message: FromChild): Promise<void> {
  return new Promise(resolve => process.send!(message, undefined, {}, () => resolve()))
}

async function start(job: Job): Promise<void> {
  try {
    await send({ type: 'result', check: await perform(job) })
    process.exit(0)
  } catch (error) {
    await send({ type: 'error', error: describeError(error) })
    process.exit(1)
  }
}

async function perform(job: Job) {
  const { paper } = await loadModule(job.module)
  mkdirSync(job.runDirectory, { recursive: true })
  const outputs = new Set<string>()
  const context: RunContext = {
    seed: job.seed,
    threads: job.threads,
    signal: abort.signal,
    progress: throttledProgress(),
    log: line => void send({ type: 'log', line: String(line).slice(0, 2000) }),
    output(name) {
      if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name) || name === resultFile)
        throw new Error(`output name '${name}' must be letters, digits, '.', '_' and '-'`)
      outputs.add(name)
      return join(job.runDirectory, name)
    },
    dataset(name) {
      if (!job.datasetsDirectory || !/^[a-z0-9-]+$/.test(name)) return undefined
      const path = join(job.datasetsDirectory, name)
      return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? path : undefined
    },
  }
  if (job.method.startsWith('check:')) {
    const claim = paper.claims.find(claim => claim.id === job.method.slice('check:'.length))
    if (!claim?.check) throw new Error(`${paper.slug} has no check for ${job.method.slice('check:'.length)}`)
    const { blocks = [], ...check } = await claim.check(context)
    writeBlocks(job, blocks, outputs)
    return check
  }
  const method = paper.methods[job.method]
  if (!method) throw new Error(`${paper.slug} has no method ${job.method}`)
  const input = await loadInput(method, job.input, openInputSources(job.dataDirectory))
  writeBlocks(job, await method.run(input, context), outputs)
  return undefined
}

function writeBlocks(job: Job, blocks: Block[], outputs: Set<string>): void {
  const checked = z.array(block).safeParse(blocks)
  if (!checked.success)
    throw new Error(`the method's result is no list of blocks: ${z.prettifyError(checked.error).slice(0, 500)}`)
  const twice = checked.data.find(({ name }, at) => checked.data.findIndex(one => one.name === name) < at)
  if (twice) throw new Error(`the method's result has two blocks named '${twice.name}'`)
  for (const one of checked.data) {
    if (one.type !== 'file') continue
    if (!outputs.has(one.file))
      throw new Error(`the file block '${one.name}' names '${one.file}', which was not asked for by context.output`)
    one.bytes = statSync(join(job.runDirectory, one.file)).size
  }
  writeResult(job.runDirectory, checked.data)
}

/** At most 10 reports a second go to the supervisor, and always the last one. */
function throttledProgress(): RunContext['progress'] {
  let last = 0
  return (done, total, what) => {
    const now = Date.now()
    if (now - last < 100 && done < total) return
    last = now
    void send({ type: 'progress', done, total, what })
  }
}

function describeError(error: unknown): RunError {
  if (error instanceof InputErrors) return { kind: 'input', message: error.message, field: error.errors[0].field }
  if (error instanceof InputError) return { kind: 'input', message: error.message, field: error.field }
  if (error instanceof RangeError && /memory|allocat|buffer/i.test(error.message))
    return { kind: 'limit', message: `the run asked for more memory than there is: ${error.message}` }
  return { kind: 'failure', message: error instanceof Error ? error.message : String(error) }
}
