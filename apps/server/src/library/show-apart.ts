/**
 * Reads and writes out what searches found in a thread of its own, so that the next search begins meanwhile: with several
 * readers at a time that is a third of what an answer takes.
 */
import { Worker } from 'node:worker_threads'
import type { Found } from './marked.ts'
import type { ShowAnswer, ShowRequest } from './show-thread.ts'

/** After a fault the thread is not started again for so long. */
const pauseMs = 60_000

export interface ShowApart {
  /** The search's result as JSON in UTF-8; undefined where the thread does not do it. Never rejects. */
  json(found: Found): Promise<Uint8Array | undefined>
  close(): Promise<void>
}

/** @param file the database; the thread starts with the first search */
export function openShowApart(file: string): ShowApart {
  let thread: Worker | undefined
  let notBefore = Number.NEGATIVE_INFINITY
  let closed = false
  let requests = 0
  const waiting = new Map<number, (json?: Uint8Array) => void>()

  function start(): Worker {
    const started = new Worker(new URL('./show-thread.ts', import.meta.url), { workerData: { file } })
    const fail = (reason: string) => {
      if (thread !== started) return
      thread = undefined
      notBefore = performance.now() + pauseMs
      if (!closed) console.error(`search: ${reason}; answers are written out in the server's own thread`)
      for (const resolve of waiting.values()) resolve()
      waiting.clear()
    }
    started.on('message', (answer: ShowAnswer) => {
      const resolve = waiting.get(answer.id)
      waiting.delete(answer.id)
      if ('error' in answer) console.error(`search: ${answer.error}`)
      resolve?.('json' in answer ? answer.json : undefined)
    })
    started.on('error', error => fail(error.message))
    started.on('exit', () => fail('its thread ended'))
    // It keeps no process running.
    started.unref()
    return started
  }

  return {
    json(found) {
      if (closed || (!thread && performance.now() < notBefore)) return Promise.resolve(undefined)
      thread ??= start()
      const id = requests++
      return new Promise(resolve => {
        waiting.set(id, resolve)
        thread!.postMessage({ id, found: { ...found, query: { terms: found.query.terms } } } satisfies ShowRequest)
      })
    },
    async close() {
      closed = true
      await thread?.terminate()
    },
  }
}
