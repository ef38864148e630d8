/** What a thread of `workerPool` does: starts a module on shared memory and makes the calls it is told, one run after the other. */

import { weighOnCollector } from './arena.ts'

export interface Order {
  module: WebAssembly.Module
  memory: WebAssembly.Memory
  /** Whether the run before was on another memory. */
  unseen: boolean
  calls: { name: string; args: number[] }[]
}

/** `ready` once, when the thread has started; then one answer to each order. */
export type Answer = 'ready' | { error?: string }

interface Port {
  postMessage(answer: Answer): void
  addEventListener(type: 'message', listener: (event: { data: Order }) => void): void
}

// Asked for in this way, as a page has none of Node's modules to import.
const port = (globalThis.process?.getBuiltinModule?.('node:worker_threads').parentPort ?? globalThis) as unknown as Port

port.addEventListener('message', ({ data }) => port.postMessage(carryOut(data)))
port.postMessage('ready')

function carryOut({ module, memory, unseen, calls }: Order): Answer {
  let name = ''
  try {
    if (unseen) weighOnCollector(memory.buffer.byteLength)
    const { exports } = new WebAssembly.Instance(module, { env: { memory } })
    for (const call of calls) {
      name = call.name
      ;(exports[name] as (...args: number[]) => void)(...call.args)
    }
    return {}
  } catch (error) {
    return { error: `${name}: ${error instanceof Error ? error.message : String(error)}` }
  }
}
