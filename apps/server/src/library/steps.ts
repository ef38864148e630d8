/** Work in small steps, so that a server that does it goes on answering. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { breathe } from '@offprint/kernels'

/** Work that pauses every few milliseconds. */
export type Steps<Result> = Generator<undefined, Result>

/** All steps at once. */
export function runSteps<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

/** One step after the other, with whatever else there is to do in between. */
export async function takeSteps<Result>(steps: Steps<Result>): Promise<Result> {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
    await breathe()
  }
}

const pieceBytes = 2 << 20

/** A file's bytes. @throws the system's error where it cannot be read */
export function* readFileInSteps(path: string): Steps<Uint8Array<ArrayBuffer>> {
  const file = openSync(path, 'r')
  try {
    const bytes = new Uint8Array(fstatSync(file).size)
    let done = 0
    while (done < bytes.length) {
      const read = readSync(file, bytes, done, Math.min(pieceBytes, bytes.length - done), done)
      if (!read) break
      done += read
      yield
    }
    return bytes.subarray(0, done)
  } finally {
    closeSync(file)
  }
}
