/** The host's side of assembly/inline/work-queue.ts: a counter of the units taken, a flag to stop, and a limit. */
import type { Arena } from './arena.ts'

const nextAt = 0
const stopAt = 1
const limitAt = 2
const bytes = 16

export interface WorkQueue {
  pointer: number
  total: number
  /** Units that were taken so far. */
  taken(): number
  /** Lets no more be taken. */
  stop(): void
  /** Lets units be taken while fewer than `limit` are. */
  allow(limit: number): void
  /** Gives its memory back. */
  release(): void
}

export function workQueue(space: Arena, total: number): WorkQueue {
  const pointer = space.take(bytes)
  const cells = () => new Uint32Array(space.memory.buffer, pointer, bytes / 4)
  cells().set([0, 0, 0xffffffff, 0])
  return {
    pointer,
    total,
    taken: () => Math.min(Atomics.load(cells(), nextAt), total),
    stop: () => void Atomics.store(cells(), stopAt, 1),
    allow: limit => void Atomics.store(cells(), limitAt, limit),
    release: () => space.give(pointer),
  }
}
