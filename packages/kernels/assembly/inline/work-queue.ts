// Work that several threads share out among themselves: each takes the next piece until none is left. The host's side is
// src/work-queue.ts.

/**
 * Takes the next `piece` of `total` units: gives back the first of them, or `total` where the caller must return, because all
 * are taken, the run was stopped or (in one thread) the host wants a turn. A kernel is called again in that last case, so it
 * must keep nothing between pieces but what lies in memory.
 *
 * @param queue the pointer that the host gives
 * @param piece short of 10 ms of work; at most 2²⁴
 * @param total at most 2³¹
 */
@inline
export function claim(queue: usize, piece: u32, total: u32): u32 {
  if (atomic.load<u32>(queue, 4)) return total
  const next = atomic.load<u32>(queue)
  // Looked at first, so that the counter stays near its end however often it is asked.
  if (next >= total || next >= atomic.load<u32>(queue, 8)) return total
  return min(atomic.add<u32>(queue, piece), total)
}
