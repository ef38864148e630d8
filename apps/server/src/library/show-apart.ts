/**
 * Reads and writes out what searches found in a thread of its own, so that the next search begins meanwhile: with several
 * readers at a time that is a third of what an answer takes.
 */
import { Worker } from 'node:worker_threads'
import type { Found } from './marked.ts'
import type { ShowAnswer, ShowRequest } from './show-thread.ts'

/** After a fault the thread is not started again for so long. */
const pauseMs = 60_000
/** A thread that does not answer within this time is given up. */
const longestWaitMs = 5000

export interface ShowApart {
  /** The search's result as JSON in UTF-8; undefined where the thread does not do it. Never rejects. */
  json(found: Found): Promise<Uint8Array | undefined>
  close(): Promise<void>
}

/**
 * @param file the database; the thread starts with the first search
 * @param options.start stands in for it in tests
 */
export function openShowApart(file: string, { start = startThread, waitMs = longestWaitMs } = {}): ShowApart {
  let thread: Worker | undefined
  let notBefore = Number.NEGATIVE_INFINITY
  let closed = false
  let requests = 0
  const waiting = new Map<number, (json?: Uint8Array) => void>()

  /** Whoever waits has it done in the server's own thread. */
  function giveUp(reason: string): void {
    thread = undefined
    notBefore = performance.now() + pauseMs
    if (!closed) console.error(`search: ${reason}; answers are written out in the server's own thread`)
    for (const resolve of waiting.values()) resolve()
    waiting.clear()
  }

  function begin(): Worker {
    const started = start(file)
    const failed = (reason: string) => {
      if (thread === started) giveUp(reason)
    }
    started.on('message', (answer: ShowAnswer) => {
      if ('error' in answer) console.error(`search: ${answer.error}`)
      waiting.get(answer.id)?.('json' in answer ? answer.json : undefined)
    })
    started.on('error', error => failed(error.message))
    started.on('exit', () => failed('its thread ended'))
    // It keeps no process running.
    started.unref()
    return started
  }

  return {
    json(found) {
      if (closed || (!thread && performance.now() < notBefore)) return Promise.resolve(undefined)
      try {
        thread ??= begin()
      } catch (error) {
        giveUp((error as Error).message)
        return Promise.resolve(undefined)
      }
      const asked = thread
      const id = requests++
      return new Promise(resolve => {
        const timer = setTimeout(() => {
          if (thread !== asked) return
          giveUp('its thread does not answer')
          void asked.terminate()
        }, waitMs).unref()
        waiting.set(id, json => {
          clearTimeout(timer)
          waiting.delete(id)
          resolve(json)
        })
        asked.postMessage({ id, found: { ...found, query: { terms: found.query.terms } } } satisfies ShowRequest)
      })
    },
    async close() {
      closed = true
      await thread?.terminate()
    },
  }
}

function startThread(file: string): Worker {
  return new Worker(new URL('./show-thread.ts', import.meta.url), { workerData: { file } })
}
