/** What every long call takes. */
export interface LongCall {
  /** Aborts the call within about 50 ms; it then rejects with the signal's reason. */
  signal?: AbortSignal
  /** Called now and then with units done and in all. */
  onProgress?: (done: number, total: number) => void
}

const channel = typeof setImmediate === 'undefined' ? new MessageChannel() : undefined
/** Several calls may wait at the same time. */
const waiting: (() => void)[] = []
if (channel) channel.port1.onmessage = () => waiting.shift()?.()

/** Lets the event loop run once, so that messages and aborts come through. @throws the signal's reason once it is aborted */
export async function breathe(signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted()
  await new Promise<void>(resolve => {
    if (!channel) return setImmediate(resolve)
    waiting.push(resolve)
    channel.port2.postMessage(0)
  })
  signal?.throwIfAborted()
}
