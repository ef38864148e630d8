/**
 * Vectors from an endpoint that speaks OpenAI's `POST /v1/embeddings`, as Ollama, vLLM and llama.cpp do too. The owner named
 * it, so it may lie in one's own network; it cannot send us elsewhere.
 */
import { request as requestPlain } from 'node:http'
import { request as requestSecure } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Embedder, EmbedderError, type EmbedOptions, toVectors } from './embedder.ts'

export interface OpenaiOptions {
  /** With `/embeddings` at its end. */
  url: string
  model: string
  key?: string
  /** How it waits; tests don't. */
  wait?(ms: number, signal?: AbortSignal): Promise<void>
}

const mostBytes = 64_000_000
/** Who wants to be left alone for longer is asked at another time. */
const longestWaitMs = 60_000
const firstWaitMs = 1000

/** @throws EmbedderError */
export function openOpenaiEmbedder({ url, model, key, wait = waitFor }: OpenaiOptions): Embedder {
  const { host } = new URL(url)
  const closing = new AbortController()

  async function ask(texts: string[], limitMs: number, signal: AbortSignal): Promise<Float32Array[]> {
    const limit = AbortSignal.timeout(limitMs)
    const { status, text, retryAfter } = await post(AbortSignal.any([signal, limit]), texts).catch(error => {
      if (signal.aborted) throw signal.reason
      const why = limit.aborted ? `no whole answer within ${limitMs / 1000} seconds` : sentenceOf(error)
      throw error instanceof EmbedderError ? error : new EmbedderError(`${host}: ${why}`, { passing: true })
    })
    if (status !== 200) throw refusal(status, text, retryAfter)
    return toVectors(readAnswer(text, texts.length), texts.length, host)
  }

  function post(signal: AbortSignal, texts: string[]) {
    return new Promise<{ status: number; text: string; retryAfter?: string }>((resolve, reject) => {
      const body = JSON.stringify({ model, input: texts })
      const send = new URL(url).protocol === 'https:' ? requestSecure : requestPlain
      const request = send(url, {
        method: 'POST',
        agent: false,
        signal,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          accept: 'application/json',
          'user-agent': 'Offprint/0.1',
          ...(key ? { authorization: `Bearer ${key}` } : {}),
        },
      })
      request.on('error', reject)
      request.on('response', response => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('error', reject)
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > mostBytes)
            return void response.destroy(new EmbedderError(`${host}: an answer of more than ${mostBytes / 1e6} MB`))
          chunks.push(chunk)
        })
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(chunks).toString(),
            retryAfter: response.headers['retry-after'],
          }),
        )
      })
      request.end(body)
    })
  }

  function readAnswer(text: string, wanted: number): unknown[] {
    let answer: unknown
    try {
      answer = JSON.parse(text)
    } catch {
      throw new EmbedderError(`${host}: its answer is no JSON: ${shown(text)}`)
    }
    const { data } = (answer ?? {}) as { data?: unknown }
    if (!Array.isArray(data)) throw new EmbedderError(`${host}: its answer has no list 'data': ${shown(text)}`)
    if (data.length !== wanted) throw new EmbedderError(`${host}: ${data.length} vectors for ${wanted} texts`)
    const rows: unknown[] = Array(wanted)
    for (const [at, item] of data.entries()) {
      const { index = at, embedding } = (item ?? {}) as { index?: unknown; embedding?: unknown }
      if (!Number.isInteger(index) || (index as number) < 0 || (index as number) >= wanted || rows[index as number])
        throw new EmbedderError(`${host}: its answer has the index '${index}' twice or out of place`)
      rows[index as number] = embedding ?? 'nothing'
    }
    return rows
  }

  function refusal(status: number, text: string, retryAfter: string | undefined): EmbedderError {
    const tooLong = /too (?:large|long|many tokens)|context (?:length|size|window)|maximum.{0,40}tokens/i.test(text)
    const what = `${host}: HTTP ${status}, ${shown(messageOf(text))}`
    const hint =
      status === 401 || status === 403
        ? key
          ? ' (look at EMBEDDER_KEY)'
          : ' (set EMBEDDER_KEY)'
        : status === 404
          ? ' (look at EMBEDDER_URL and EMBEDDER_MODEL)'
          : status >= 300 && status < 400
            ? ' (redirects are not followed: set EMBEDDER_URL to where it leads)'
            : ''
    const ofText = [400, 413, 422].includes(status) || (status === 500 && tooLong)
    return new EmbedderError(`${what}${hint}`, {
      ofText,
      passing: !ofText && (status === 408 || status === 429 || status >= 500),
      retryAfterMs: readRetryAfter(retryAfter),
    })
  }

  /** A piece of what it said, without the key. */
  function shown(text: string): string {
    const bare = (key ? text.replaceAll(key, '…') : text).replace(/[\s\p{Cc}]+/gu, ' ').trim()
    return bare ? `'${bare.slice(0, 200)}'` : 'nothing'
  }

  return {
    name: `openai ${url} ${model}`,
    async embed(texts, { signal, limitMs = 120_000, retries = 4 }: EmbedOptions = {}) {
      if (!texts.length) return []
      const ending = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal
      for (let tried = 0; ; tried++) {
        ending.throwIfAborted()
        try {
          return await ask(texts, limitMs, ending)
        } catch (error) {
          if (!(error instanceof EmbedderError) || !error.passing || tried >= retries) throw error
          const ms = Math.max(error.retryAfterMs ?? 0, firstWaitMs * 2 ** tried)
          if (ms > longestWaitMs) throw error
          await wait(ms, ending)
        }
      }
    },
    async close() {
      closing.abort(new EmbedderError('it was closed'))
    },
  }
}

async function waitFor(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(error => {
    throw signal?.reason ?? error
  })
}

/** Seconds or a date, as milliseconds from now; at most a day. */
export function readRetryAfter(text: string | undefined, now = Date.now()): number | undefined {
  if (!text) return undefined
  const ms = /^\s*\d{1,9}\s*$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isFinite(ms) ? Math.min(86_400_000, Math.max(0, ms)) : undefined
}

/** What an error's body says in words: OpenAI's `error.message`, Ollama's `error`, vLLM's `message` or `detail`. */
function messageOf(text: string): string {
  try {
    const { error, message, detail } = JSON.parse(text) ?? {}
    for (const one of [error?.message, error, message, detail]) if (typeof one === 'string') return one
  } catch {}
  return text
}

const sentences: Record<string, string> = {
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'its name could not be looked up just now',
  ECONNREFUSED: 'it takes no connections',
  ECONNRESET: 'it broke the connection off',
  EPIPE: 'it broke the connection off',
  EHOSTUNREACH: 'it cannot be reached',
  ENETUNREACH: 'it cannot be reached',
}

function sentenceOf(error: NodeJS.ErrnoException): string {
  return sentences[error.code ?? ''] ?? (error.message || error.code || 'it cannot be asked')
}
