/** Vectors of what people search for: asked for before a search, kept, and given at once or not at all. */
import { findIdentifier } from '../library/identifiers.ts'
import { parseQuery } from '../library/query.ts'
import { textOf } from '../library/search.ts'
import type { Embedder } from './embedder.ts'

const mostKept = 1000
const mostAsked = 4
/** A search waits so long; what comes later serves the next one. */
const waitMs = 300
const limitMs = 15_000
/** After a fault nothing is asked for so long, twice as long each time. */
const firstPauseMs = 15_000
const longestPauseMs = 300_000

export interface QueryVectors {
  /** The vector of a query's text, where it is there. */
  get(text: string): Float32Array | undefined
  /**
   * Resolved when the vector of a search is there, or the wait is over. Undefined where there is nothing to wait for. Never
   * rejects.
   */
  prepare(query: string, wait?: number): Promise<void> | undefined
  close(): void
}

export function openQueryVectors(embedder: Embedder, { now = () => performance.now() } = {}): QueryVectors {
  const kept = new Map<string, Float32Array>()
  const asked = new Map<string, Promise<void>>()
  const closing = new AbortController()
  let faults = 0
  let pausedUntil = Number.NEGATIVE_INFINITY

  function ask(text: string): Promise<void> {
    const asking = embedder
      .embed([text], { signal: closing.signal, limitMs, retries: 0 })
      .then(
        ([vector]) => {
          faults = 0
          kept.set(text, vector)
          if (kept.size > mostKept) kept.delete(kept.keys().next().value!)
        },
        error => {
          if (closing.signal.aborted) return
          const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** faults++)
          pausedUntil = now() + Math.max(pauseMs, error.retryAfterMs ?? 0)
          console.error(`embedder: searches go by words for ${pauseMs / 1000} seconds: ${error.message}`)
        },
      )
      .finally(() => asked.delete(text))
    asked.set(text, asking)
    return asking
  }

  return {
    get(text) {
      const vector = kept.get(text)
      if (!vector) return undefined
      kept.delete(text)
      kept.set(text, vector)
      return vector
    },
    prepare(query, wait = waitMs) {
      const parsed = parseQuery(query)
      const text = textOf(parsed)
      if (!parsed.terms.length || !text || findIdentifier(parsed.text)) return undefined
      if (parsed.sort && parsed.sort !== 'relevance') return undefined
      if (kept.has(text)) return undefined
      const before = asked.get(text)
      if (!before && (asked.size >= mostAsked || now() < pausedUntil)) return undefined
      const asking = before ?? ask(text)
      return new Promise(resolve => {
        const timer = setTimeout(resolve, wait)
        asking.finally(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    },
    close: () => closing.abort(new Error('closed')),
  }
}
