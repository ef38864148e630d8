import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resizeMedoids } from '@offprint/clustering'
import { dissimilarities, matrix } from '@offprint/kernels'
import fc from 'fast-check'

test('medoids are added by the greatest gain and taken away by the least loss', async () => {
  const cell = fc.integer({ min: -20, max: 20 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 12 }),
      fc.nat(11),
      fc.nat(11),
      async (rows, from, to) => {
        const n = rows.length
        const distances = await dissimilarities(matrix(n, 2, Float32Array.from(rows.flat())), 'manhattan')
        const deviation = (medoids: number[]) => {
          let total = 0
          for (let object = 0; object < n; object++)
            total += Math.min(...medoids.map(medoid => distances.data[medoid * n + object]))
          return total
        }
        const start = Array.from({ length: (from % n) + 1 }, (_, at) => at)
        const k = (to % n) + 1
        const expected = [...start]
        while (expected.length > k) {
          const without = expected.map((_, at) => deviation(expected.toSpliced(at, 1)))
          expected.splice(without.indexOf(Math.min(...without)), 1)
        }
        while (expected.length < k) {
          const free = Array.from({ length: n }, (_, row) => row).filter(row => !expected.includes(row))
          const withOne = free.map(row => deviation([...expected, row]))
          expected.push(free[withOne.indexOf(Math.min(...withOne))])
        }
        assert.deepEqual(await resizeMedoids(distances, start, k), expected)
      },
    ),
  )
})

test('from none it is the start of PAM, and what is no medoid is refused', async () => {
  const distances = await dissimilarities(matrix(4, 1, Float32Array.of(0, 1, 2, 10)))
  assert.deepEqual(await resizeMedoids(distances, [], 2), [1, 3])
  await assert.rejects(resizeMedoids(distances, [4], 2), /medoids must be different whole numbers from 0 to 3, found 4/)
  await assert.rejects(resizeMedoids(distances, [1, 1], 3), /medoids must be different/)
  await assert.rejects(resizeMedoids(distances, [1], 5), /k must be/)
  await assert.rejects(resizeMedoids(distances, [1], 0), /k must be/)
})
