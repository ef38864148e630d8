/** What makes vectors of texts in place of the own embedder: an OpenAI-compatible endpoint, or a model in a local folder. */
import { openOnnxEmbedder } from './onnx-embedder.ts'
import { openOpenaiEmbedder } from './openai-embedder.ts'
import { type EmbedderSettings, endpointOf } from './settings.ts'

export interface EmbedOptions {
  signal?: AbortSignal
  /** Of the whole call, in milliseconds. Default 2 minutes. */
  limitMs?: number
  /** Further tries after a fault that may pass. Default 4. */
  retries?: number
}

export interface Embedder {
  /** Tells models apart: vectors of one are never compared with those of another. Says nothing secret. */
  name: string
  /**
   * Vectors of length 1 of texts, one each, in their order and all of the same dimension.
   * @throws EmbedderError
   */
  embed(texts: string[], options?: EmbedOptions): Promise<Float32Array[]>
  /** Ends what is going on. */
  close(): Promise<void>
}

/** Why there is no vector, in a sentence without secrets. */
export class EmbedderError extends Error {
  override name = 'EmbedderError'
  /** Whether it may well go better the next time. */
  passing: boolean
  /** Whether it is about these texts, not about the embedder: another text may well get its vector. */
  ofText: boolean
  /** Milliseconds that the endpoint wants to be left alone. */
  retryAfterMs?: number

  constructor(
    message: string,
    {
      passing = false,
      ofText = false,
      retryAfterMs,
      ...options
    }: ErrorOptions & { passing?: boolean; ofText?: boolean; retryAfterMs?: number } = {},
  ) {
    super(message, options)
    this.passing = passing
    this.ofText = ofText
    this.retryAfterMs = retryAfterMs
  }
}

/** Undefined where the own embedder is used. Nothing is asked or loaded before the first text. */
export function openEmbedder(settings: EmbedderSettings): Embedder | undefined {
  const { EMBEDDER, EMBEDDER_URL = '', EMBEDDER_MODEL = '', EMBEDDER_KEY } = settings
  if (EMBEDDER === 'openai')
    return openOpenaiEmbedder({ url: endpointOf(EMBEDDER_URL)!, model: EMBEDDER_MODEL, key: EMBEDDER_KEY })
  if (EMBEDDER === 'onnx') return openOnnxEmbedder(EMBEDDER_MODEL)
  return undefined
}

/** Checks what an embedder gave, and brings each vector to length 1. @throws EmbedderError */
export function toVectors(rows: unknown[], wanted: number, from: string): Float32Array[] {
  const wrong = (what: string) => new EmbedderError(`${from}: ${what}`)
  if (rows.length !== wanted) throw wrong(`${rows.length} vectors for ${wanted} texts`)
  let dimension = 0
  return rows.map((row, at) => {
    if (!Array.isArray(row) && !(row instanceof Float32Array)) throw wrong(`vector ${at + 1} is no list of numbers`)
    if (!row.length || row.length > mostDimensions)
      throw wrong(`vector ${at + 1} has ${row.length} numbers, expected 1 to ${mostDimensions}`)
    dimension ||= row.length
    if (row.length !== dimension) throw wrong(`vector ${at + 1} has ${row.length} numbers, the first one ${dimension}`)
    let squares = 0
    for (const value of row as unknown[]) {
      if (typeof value !== 'number' || !Number.isFinite(value))
        throw wrong(`vector ${at + 1} has '${value}' among its numbers`)
      squares += value * value
    }
    const length = Math.sqrt(squares)
    // All numbers that are taken lie in what 32 bits can say.
    if (!(length > 1e-30 && length < 1e30)) throw wrong(`vector ${at + 1} has the length ${length}`)
    return Float32Array.from(row as ArrayLike<number>, value => value / length)
  })
}

const mostDimensions = 16_384
