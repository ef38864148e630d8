import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type DissimilarityRows,
  dissimilarities,
  dissimilarityRows,
  type Matrix,
  matrix,
  metrics,
  random,
  workerPool,
} from '@offprint/kernels'

function points(rows: number, columns: number): Matrix {
  const { normal } = random(rows + columns)
  const made = matrix(rows, columns)
  for (let at = 0; at < made.data.length; at++) made.data[at] = 5 + normal()
  return made
}

/** The rows that are listed, to all objects or those listed. */
async function computed(all: DissimilarityRows, rows: number[], objects?: number[]): Promise<number[][]> {
  const columns = objects?.length ?? all.n
  const bytes = Math.ceil(columns / 4) * 16
  const out = all.arena.take(rows.length * bytes)
  await all.compute(rows, out, bytes, objects)
  const found = rows.map((_, at) => [...new Float32Array(all.arena.memory.buffer, out + at * bytes, columns)])
  all.arena.give(out)
  return found
}

for (const metric of metrics)
  test(`${metric}: rows are those of all dissimilarities, also in threads`, async () => {
    const pool = workerPool({ threads: 2 })
    for (const [rows, columns] of [
      [1, 1],
      [37, 3],
      [130, 23],
      [90, 40],
    ]) {
      const own = points(rows, columns)
      const { data } = await dissimilarities(own, metric)
      assert.deepEqual((await dissimilarities(own, metric, { pool })).data, data)
      const wanted = Array.from({ length: Math.min(rows, 9) }, (_, at) => (at * 7) % rows)
      const some = Array.from({ length: Math.min(rows, 6) }, (_, at) => (at * 5) % rows)
      for (const threads of [undefined, pool]) {
        const all = await dissimilarityRows(own, metric, { pool: threads })
        const whole = await computed(all, wanted)
        const part = await computed(all, wanted, some)
        // From 24 columns on, by products of matrices, which lose digits.
        const within = columns < 24 ? 0 : 2e-5
        for (const [at, row] of wanted.entries())
          for (let object = 0; object < rows; object++) {
            const expected = data[row * rows + object]
            assert.ok(Math.abs(whole[at][object] - expected) <= within * expected, `${row}, ${object}`)
            const place = some.indexOf(object)
            if (place >= 0) assert.ok(Math.abs(part[at][place] - expected) <= within * expected)
          }
      }
    }
    await pool.close()
  })

test('numbers far from 1 keep their distances', async () => {
  for (const unit of [2 ** 60, 2 ** -60]) {
    const own = points(20, 3)
    const far = matrix(
      20,
      3,
      own.data.map(value => value * unit),
    )
    const [near, scaled] = [await dissimilarityRows(own), await dissimilarityRows(far)]
    const expected = (await computed(near, [3]))[0].map(value => value * unit)
    for (const [at, value] of (await computed(scaled, [3]))[0].entries())
      assert.ok(Math.abs(value - expected[at]) <= 1e-6 * expected[at])
  }
})

test('points that cannot be compared are refused in words', async () => {
  await assert.rejects(dissimilarityRows(matrix(0, 2)), /at least one row/)
  await assert.rejects(dissimilarityRows(matrix(2, 0)), /at least one column/)
  await assert.rejects(dissimilarityRows(matrix(1, 1, Float32Array.of(Number.NaN))), /row 1, column 1 must be a finite/)
  await assert.rejects(dissimilarityRows(matrix(2, 2), 'cosine'), /row 1 has nothing but zeros/)
  await assert.rejects(dissimilarityRows(matrix(2, 2), 'miles' as never), /metric must be one of/)
})
