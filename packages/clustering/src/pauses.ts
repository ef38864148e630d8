/** Long work in the calling thread lets others have their turn. */
import { breathe, type LongCall } from '@offprint/kernels'

/** Waits once a piece of work has taken long enough. */
export function pauses({ signal, onProgress }: LongCall, pieceMs = 20) {
  let since = performance.now()
  return (done: number, total: number) => {
    if (performance.now() - since < pieceMs) return undefined
    onProgress?.(done, total)
    return breathe(signal).then(() => {
      since = performance.now()
    })
  }
}

/** Goes through rows, each of which takes much less than a piece of work. */
export async function eachRow(
  rows: number,
  pause: ReturnType<typeof pauses>,
  work: (row: number) => void,
): Promise<void> {
  for (let row = 0; row < rows; row++) {
    work(row)
    const wait = pause(row, rows)
    if (wait) await wait
  }
}
