/** The settings of what makes vectors of texts, and what they mean together. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

export const embedderSettings = {
  EMBEDDER: z.enum(['openai', 'onnx']).optional().meta({ expected: 'openai, onnx or empty' }),
  EMBEDDER_URL: z
    .string()
    .refine(value => endpointOf(value) !== undefined)
    .optional()
    .meta({ expected: 'an address such as http://localhost:11434/v1, without a password or ? in it' }),
  EMBEDDER_MODEL: z
    .string()
    .regex(/^[^\p{Cc}]{1,500}$/u)
    .optional()
    .meta({ expected: 'the name of a model, or with EMBEDDER=onnx a folder' }),
  EMBEDDER_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{1,4000}$/)
    .optional()
    .meta({ expected: 'a key of printable characters without spaces' }),
}

export type EmbedderSettings = { [name in keyof typeof embedderSettings]?: z.output<(typeof embedderSettings)[name]> }

/** Where texts are posted to; undefined where it is no such address. */
export function endpointOf(text: string): string | undefined {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash)
    return undefined
  const path = url.pathname.replace(/\/+$/, '')
  url.pathname = path.endsWith('/embeddings') ? path : `${path}/embeddings`
  return url.href
}

/** The files of weights that are looked for in a model's folder, the exactest first, with what transformers.js calls them. */
export const weightFiles = [
  ['onnx/model.onnx', 'fp32'],
  ['onnx/model_fp16.onnx', 'fp16'],
  ['onnx/model_quantized.onnx', 'q8'],
] as const

/** What is missing or contradicts itself, as a sentence that names the setting; undefined where all is well. */
export function embedderSettingsProblem(given: EmbedderSettings): string | undefined {
  const { EMBEDDER, EMBEDDER_URL, EMBEDDER_MODEL, EMBEDDER_KEY } = given
  if (!EMBEDDER) {
    const name = EMBEDDER_URL ? 'EMBEDDER_URL' : EMBEDDER_MODEL ? 'EMBEDDER_MODEL' : EMBEDDER_KEY ? 'EMBEDDER_KEY' : ''
    return name ? `${name} is set: set EMBEDDER to openai or onnx too` : undefined
  }
  if (EMBEDDER === 'openai') {
    if (!EMBEDDER_URL)
      return 'EMBEDDER is openai: set EMBEDDER_URL too, such as http://localhost:11434/v1 or https://api.openai.com/v1'
    if (!EMBEDDER_MODEL) return 'EMBEDDER is openai: set EMBEDDER_MODEL too, the name of the model at EMBEDDER_URL'
    return undefined
  }
  if (EMBEDDER_URL || EMBEDDER_KEY)
    return `EMBEDDER is onnx, which asks no other machine: leave ${EMBEDDER_URL ? 'EMBEDDER_URL' : 'EMBEDDER_KEY'} empty`
  if (!EMBEDDER_MODEL) return 'EMBEDDER is onnx: set EMBEDDER_MODEL too, the folder of the model'
  const missing = ['config.json', 'tokenizer.json'].find(name => !existsSync(join(EMBEDDER_MODEL, name)))
  if (missing)
    return `EMBEDDER_MODEL must be a folder with a model for transformers.js, but ${join(EMBEDDER_MODEL, missing)} is missing`
  if (!weightFiles.some(([name]) => existsSync(join(EMBEDDER_MODEL, name))))
    return `EMBEDDER_MODEL must be a folder with ${weightFiles.map(([name]) => name).join(' or ')}, found none in ${EMBEDDER_MODEL}`
  return undefined
}
