import assert from 'node:assert/strict'
import { test } from 'node:test'
import { random } from '@offprint/kernels'

test('numbers are those of Philox 2×32-10 (known answer of Random123 for counter 0 and key 0)', () => {
  // ff1dae59 6cd10df2: the upper 27 bits of the first and 26 of the second make one number.
  const expected = ((0xff1dae59 >>> 5) * 2 ** 26 + (0x6cd10df2 >>> 6)) / 2 ** 53
  assert.equal(random(0).next(), expected)
})

test('the same seed gives the same numbers; another seed or stream others', () => {
  const take = (seed: number, stream?: number) => {
    const { next } = random(seed, stream)
    return Array.from({ length: 5 }, next)
  }
  assert.deepEqual(take(7), take(7))
  assert.notDeepEqual(take(7), take(8))
  assert.notDeepEqual(take(7), take(7, 1))
})

test('numbers are uniform in [0, 1)', () => {
  const { next } = random(3)
  const bins = new Array<number>(10).fill(0)
  for (let draw = 0; draw < 20_000; draw++) {
    const value = next()
    assert.ok(value >= 0 && value < 1)
    bins[Math.floor(value * 10)]++
  }
  // 2,000 expected in each, standard deviation 42.
  for (const count of bins) assert.ok(Math.abs(count - 2000) < 250, String(count))
})

test('a sample is of distinct numbers below n, and each is equally likely', () => {
  const { sample } = random(5)
  const drawn = new Array<number>(6).fill(0)
  for (let draw = 0; draw < 6000; draw++) {
    const chosen = sample(2, 6)
    assert.equal(new Set(chosen).size, 2)
    for (const value of chosen) drawn[value]++
  }
  for (const count of drawn) assert.ok(Math.abs(count - 2000) < 250, String(count))
  assert.deepEqual(
    sample(4, 4).sort((a, b) => a - b),
    [0, 1, 2, 3],
  )
})
