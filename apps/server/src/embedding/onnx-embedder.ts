/** Vectors from a model in a local folder, by transformers.js in a thread of its own, so that the site goes on meanwhile. */
import { Worker } from 'node:worker_threads'
import { type Embedder, EmbedderError, type EmbedOptions, toVectors } from './embedder.ts'

type Answer = { id: number; rows?: Float32Array[]; error?: string; ofText?: boolean }

/** @param module stands in for transformers.js in tests: what `import()` takes */
export function openOnnxEmbedder(folder: string, module = '@huggingface/transformers'): Embedder {
  let worker: Worker | undefined
  const waiting = new Map<number, { resolve(answer: Answer): void; reject(error: unknown): void }>()
  let last = 0

  function start(): Worker {
    const started = new Worker(new URL('./onnx-worker.ts', import.meta.url), { workerData: { folder, module } })
    const ended = (error: unknown) => {
      if (worker === started) worker = undefined
      for (const { reject } of waiting.values()) reject(error)
      waiting.clear()
    }
    started.on('message', (answer: Answer) => {
      waiting.get(answer.id)?.resolve(answer)
      waiting.delete(answer.id)
      if (!waiting.size) started.unref()
    })
    started.on('error', error => ended(new EmbedderError(`the model in ${folder}: ${error.message}`, { cause: error })))
    started.on('exit', () => ended(new EmbedderError(`the model in ${folder}: its thread ended`, { passing: true })))
    return started
  }

  return {
    name: `onnx ${folder}`,
    async embed(texts, { signal, limitMs = 120_000 }: EmbedOptions = {}) {
      if (!texts.length) return []
      signal?.throwIfAborted()
      const id = ++last
      const limit = AbortSignal.timeout(limitMs)
      const ending = signal ? AbortSignal.any([signal, limit]) : limit
      const answer = await new Promise<Answer>((resolve, reject) => {
        ending.addEventListener('abort', () => {
          waiting.delete(id)
          const late = new EmbedderError(`the model in ${folder}: no vectors within ${limitMs / 1000} seconds`, {
            passing: true,
          })
          reject(limit.aborted ? late : ending.reason)
        })
        waiting.set(id, { resolve, reject })
        worker ??= start()
        worker.ref()
        worker.postMessage({ id, texts })
      })
      if (answer.error !== undefined) throw new EmbedderError(answer.error)
      return toVectors(answer.rows!, texts.length, `the model in ${folder}`)
    },
    async close() {
      await worker?.terminate()
    },
  }
}
