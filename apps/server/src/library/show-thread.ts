/** The thread in which what a search found is read and written out as JSON. */
import { parentPort, workerData } from 'node:worker_threads'
import { openForReading, readTogether } from '../database.ts'
import { type Found, writeFound } from './marked.ts'

export type ShowRequest = { id: number; found: Found }
export type ShowAnswer = { id: number; json: Uint8Array } | { id: number; error: string }

const { file } = workerData as { file: string }
const database = openForReading(file)
const byPosition = database.prepare('SELECT record FROM papers WHERE position = ?')
const recordAt = (position: number) => byPosition.get(position)?.record as string | undefined
const encoder = new TextEncoder()

parentPort!.on('message', ({ id, found }: ShowRequest) => {
  try {
    const json = encoder.encode(readTogether(database, () => writeFound(found, recordAt)))
    parentPort!.postMessage({ id, json } satisfies ShowAnswer, [json.buffer])
  } catch (error) {
    parentPort!.postMessage({ id, error: (error as Error).message } satisfies ShowAnswer)
  }
})
