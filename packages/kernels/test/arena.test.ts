import assert from 'node:assert/strict'
import { test } from 'node:test'
import { arena } from '@offprint/kernels'
import fc from 'fast-check'

test('an arena reuses what was given back, and grows when it must', () => {
  const space = arena(100)
  const a = space.take(50)
  const b = space.take(50)
  assert.equal(a % 64, 0)
  space.give(a)
  assert.equal(space.take(40), a)
  const large = space.take(1_000_000)
  assert.ok(space.memory.buffer.byteLength >= large + 1_000_000)
  assert.ok(large > b)
  assert.throws(() => space.give(12_345), /no block was taken/)
  assert.throws(() => space.take(5_000_000_000), /not enough memory: 5,000 MB more are needed/)
})

for (const shared of [false, true])
  test(`blocks of an arena ${shared ? 'on shared memory ' : ''}never overlap, and all of it is one piece again when they are given back`, () => {
    const steps = fc.array(
      fc.oneof(
        fc.integer({ min: 0, max: 100_000 }),
        fc.nat().map(which => ({ which })),
      ),
    )
    fc.assert(
      fc.property(steps, list => {
        const space = arena(0, { shared })
        const live: { pointer: number; bytes: number }[] = []
        for (const step of list)
          if (typeof step === 'number') live.push({ pointer: space.take(step), bytes: step })
          else if (live.length) space.give(live.splice(step.which % live.length, 1)[0].pointer)
        const sorted = live.toSorted((a, b) => a.pointer - b.pointer)
        for (const [at, { pointer, bytes }] of sorted.entries()) {
          assert.ok(pointer >= 64 && pointer % 64 === 0)
          assert.ok(pointer + bytes <= (sorted[at + 1]?.pointer ?? space.memory.buffer.byteLength))
        }
        for (const { pointer } of live) space.give(pointer)
        assert.equal(space.take(10_000_000), 64)
      }),
      { seed: 1, numRuns: 50 },
    )
  })

test('a small block does not use up a large one', () => {
  const space = arena()
  const large = space.take(1_000_000)
  const behind = space.take(100)
  space.give(large)
  assert.equal(space.take(16), large)
  const next = space.take(900_000)
  assert.ok(next > large && next < behind)
})
