/** The thread in which what a search found is read and written out as JSON. */
import { parentPort, workerData } from 'node:worker_threads'
import { openForReading, readTogether } from '../database.ts'
import { type Found, showFound } from './marked.ts'
import { toRow } from './store.ts'

export type ShowRequest = { id: number; found: Found }
export type ShowAnswer = { id: number; json: Uint8Array } | { id: number; error: string }

const { file } = workerData as { file: string }
const database = openForReading(file)
const byPosition = database.prepare('SELECT position, record FROM papers WHERE position = ?')
const encoder = new TextEncoder()

parentPort!.on('message', ({ id, found }: ShowRequest) => {
  try {
    const shown = readTogether(database, () => showFound(found, position => toRow(byPosition.get(position))))
    const json = encoder.encode(JSON.stringify(shown))
    parentPort!.postMessage({ id, json } satisfies ShowAnswer, [json.buffer])
  } catch (error) {
    parentPort!.postMessage({ id, error: (error as Error).message } satisfies ShowAnswer)
  }
})
