import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  dissimilarities,
  dissimilarity,
  fromCondensed,
  matrix,
  precomputed,
  random,
  toCondensed,
} from '@offprint/kernels'
import fc from 'fast-check'

test('each pair stands once, in the order of pdist, and comes back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 1000 }), async (n, seed) => {
      const points = matrix(n, 3, Float32Array.from({ length: 3 * n }, random(seed).normal))
      const all = await dissimilarities(points, 'manhattan')
      const list = toCondensed(all)
      assert.equal(list.length, (n * (n - 1)) / 2)
      let at = 0
      for (let a = 0; a < n; a++)
        for (let b = a + 1; b < n; b++) {
          const expected = dissimilarity(
            points.data.subarray(3 * a, 3 * a + 3),
            points.data.subarray(3 * b, 3 * b + 3),
            'manhattan',
          )
          assert.ok(Math.abs(list[at++] - expected) < 1e-5)
        }
      const back = await fromCondensed(list)
      assert.deepEqual([back.n, back.symmetric], [n, true])
      assert.deepEqual(back.data, all.data)
    }),
    { numRuns: 50, seed: 1 },
  )
})

test('a list that cannot be is refused by the pair that is wrong', async () => {
  const refused = (values: number[], message: RegExp) => assert.rejects(fromCondensed(values), message)
  await refused([1, 2], /n\(n − 1\)\/2 numbers/)
  await refused([1, 2, Number.NaN], /the pair of 2 and 3 must be a number of at least 0, found NaN/)
  await refused([1, -2, 3], /the pair of 1 and 3 .* found -2/)
  await refused([Infinity], /the pair of 1 and 2/)
  await assert.rejects(fromCondensed(new Float32Array(6), { most: 3 }), /4/)
  const one = await fromCondensed([])
  assert.deepEqual([one.n, [...one.data]], [1, [0]])
  const uneven = await precomputed(matrix(2, 2, Float32Array.of(0, 1, 2, 0)), { asymmetric: true })
  assert.throws(() => toCondensed(uneven), /asymmetric/)
})
