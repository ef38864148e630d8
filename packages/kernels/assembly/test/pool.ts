// What the tests of the pool run: see test/worker-pool.test.ts. No part of the package.
import { claim } from '../inline/work-queue'

let counts: usize = 0

/** Sets a global, as engines do. */
export function bind(pointer: usize): void {
  counts = pointer
}

/** Counts each unit once, after `delay` rounds of nothing. */
export function count(queue: usize, piece: u32, total: u32, delay: u32): void {
  for (let from = claim(queue, piece, total); from < total; from = claim(queue, piece, total)) {
    for (let unit = from; unit < min(from + piece, total); unit++) {
      for (let round: u32 = 0; round < delay; round++) atomic.load<u32>(counts)
      atomic.add<u32>(counts + ((<usize>unit) << 2), 1)
    }
  }
}

/** Marks that a thread was here. */
export function mark(at: usize): void {
  atomic.add<u32>(at, 1)
}

export function endless(at: usize): void {
  mark(at)
  while (true) atomic.load<u32>(at)
}

export function trap(): void {
  unreachable()
}

export function trapInOne(thread: u32, queue: usize, total: u32): void {
  if (thread == 1) unreachable()
  count(queue, 1, total, 20_000_000)
}
