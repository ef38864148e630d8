import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { Steps } from '@offprint/kernels'

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
