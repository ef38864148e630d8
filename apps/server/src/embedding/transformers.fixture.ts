/** Stands in for transformers.js: the same calls, with vectors by meaning. */
import { meaningOf } from './endpoint.fixture.ts'

export const env = { allowRemoteModels: true, allowLocalModels: false, localModelPath: '' }

export async function pipeline(task: string, model: string, options: { dtype: string; local_files_only: boolean }) {
  if (task !== 'feature-extraction' || env.allowRemoteModels || !env.allowLocalModels || !options.local_files_only)
    throw new Error('it would have asked the network')
  if (options.dtype !== 'q8') throw new Error(`the weights are not ${options.dtype}`)
  return async (texts: string[], { pooling, normalize }: { pooling: string; normalize: boolean }) => {
    if (!normalize || texts.includes('fail')) throw new Error(`refused by ${env.localModelPath}/${model}`)
    const rows = texts.map(text => meaningOf(`${text} ${pooling === 'cls' ? 'galaxies' : ''}`))
    return { dims: [texts.length, rows[0].length], data: Float32Array.from(rows.flat()) }
  }
}
