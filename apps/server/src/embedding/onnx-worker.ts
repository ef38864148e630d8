/** The thread that transformers.js works in. It reads the model's folder, and never the network. */
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { weightFiles } from './settings.ts'

interface Transformers {
  env: { allowRemoteModels: boolean; allowLocalModels: boolean; localModelPath: string }
  pipeline(task: 'feature-extraction', model: string, options: object): Promise<Extractor>
}
type Extractor = (texts: string[], options: object) => Promise<{ data: ArrayLike<number>; dims: number[] }>

const { folder, module } = workerData as { folder: string; module: string }
let extractor: Promise<Extractor> | undefined

parentPort!.on('message', async ({ id, texts }: { id: number; texts: string[] }) => {
  try {
    extractor ??= load()
    const { data, dims } = await (await extractor)(texts, { pooling: poolingOf(), normalize: true })
    const [rows, columns] = dims
    if (dims.length !== 2 || rows * columns !== data.length)
      throw new Error(`its answer has the shape ${dims.join(' × ')}`)
    const found = Array.from({ length: rows }, (_, row) =>
      Float32Array.from({ length: columns }, (_, column) => data[row * columns + column]),
    )
    parentPort!.postMessage({ id, rows: found })
  } catch (error) {
    const { message } = error as Error
    parentPort!.postMessage({ id, error: message.includes(folder) ? message : `the model in ${folder}: ${message}` })
  }
})

async function load(): Promise<Extractor> {
  const transformers = await (import(module) as Promise<Transformers>).catch(error => {
    const missing = error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'MODULE_NOT_FOUND'
    const why = missing ? 'is not installed' : `cannot be loaded (${error.message})`
    throw new Error(
      `EMBEDDER is onnx (${folder}), but ${module} ${why}: npm install --no-save --ignore-scripts @huggingface/transformers@4`,
    )
  })
  transformers.env.allowRemoteModels = false
  transformers.env.allowLocalModels = true
  transformers.env.localModelPath = dirname(folder)
  const dtype = weightFiles.find(([name]) => existsSync(join(folder, name)))?.[1]
  return transformers.pipeline('feature-extraction', basename(folder), { dtype, local_files_only: true })
}

/** As the model's own description says, where it has one. */
function poolingOf(): string {
  try {
    const told = JSON.parse(readFileSync(join(folder, '1_Pooling', 'config.json'), 'utf8'))
    return told.pooling_mode_cls_token ? 'cls' : told.pooling_mode_lasttoken ? 'last_token' : 'mean'
  } catch {
    return 'mean'
  }
}
