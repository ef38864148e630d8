/** An endpoint on this machine that speaks `/v1/embeddings`, with vectors by meaning and the faults that tests want. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Words that mean the same lie in the same direction, although they share no letter. */
const meanings = [
  ['medoids', 'clusters', 'swaps', 'grouping'],
  ['transformers', 'attention', 'tokens', 'parroting'],
  ['galaxies', 'telescopes', 'quasars', 'stargazing'],
]

export function meaningOf(text: string, dimension = 8): number[] {
  const vector = Array<number>(dimension).fill(0.05)
  for (const word of text.toLowerCase().match(/[a-z]+/g) ?? [])
    for (const [direction, words] of meanings.entries()) if (words.includes(word)) vector[direction] += 1
  return vector
}

export type Fault = (call: {
  asked: number
  texts: string[]
  request: IncomingMessage
  response: ServerResponse
}) => boolean | undefined

/** @param options.fault answers a request itself, and says so by `true` */
export async function madeEndpoint(options: { fault?: Fault; dimension?: number } = {}) {
  const calls: { texts: string[]; model: string; authorization?: string }[] = []
  const state = { ...options }
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { input, model } = JSON.parse(body) as { input: string[]; model: string }
    calls.push({ texts: input, model, authorization: request.headers.authorization })
    if (request.url !== '/v1/embeddings' || request.method !== 'POST') return void response.writeHead(404).end()
    if (state.fault?.({ asked: calls.length, texts: input, request, response })) return
    const data = input.map((text, index) => ({
      object: 'embedding',
      index,
      embedding: meaningOf(text, state.dimension),
    }))
    // The order is told by the index alone.
    response.end(JSON.stringify({ object: 'list', model, data: data.reverse() }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    calls,
    /** Its fault and dimension from now on. */
    state,
    texts: () => calls.flatMap(({ texts }) => texts).filter(text => text !== 'Offprint'),
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
