import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  arena,
  distanceMatrix,
  distancesOfRows,
  type Matrix,
  matrix,
  multiplyRows,
  type ProductMetric,
  placeRows,
  product,
  random,
  readRows,
  takeRows,
  workerPool,
} from '@offprint/kernels'
import fc from 'fast-check'
import { dot, matrices, rowOf } from './variants.ts'

const pool = workerPool({ threads: 2 })
after(() => pool.close())

function transpose({ data, rows, columns }: Matrix): Matrix {
  const turned = matrix(columns, rows)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) turned.data[column * rows + row] = data[row * columns + column]
  return turned
}

function checkProduct(a: Matrix, b: Matrix, found: Matrix): void {
  assert.deepEqual([found.rows, found.columns], [a.rows, b.rows])
  for (let row = 0; row < a.rows; row++)
    for (let column = 0; column < b.rows; column++) {
      const [x, y] = [rowOf(a, row), rowOf(b, column)]
      const within = (a.columns + 2) * 2 ** -23 * dot(x.map(Math.abs), y.map(Math.abs)) + 1e-30
      const value = found.data[row * b.rows + column]
      assert.ok(Math.abs(value - dot(x, y)) <= within, `${row}, ${column}: ${value}, not ${dot(x, y)}`)
    }
}

function noise(rows: number, columns: number, seed: number): Matrix {
  const { next } = random(seed)
  return matrix(
    rows,
    columns,
    Float32Array.from({ length: rows * columns }, () => next() - 0.5),
  )
}

const pairs = fc
  .tuple(matrices({ rows: [0, 12] }), fc.integer({ min: 0, max: 20 }))
  .chain(([a, rows]) => fc.tuple(fc.constant(a), matrices({ rows: [rows, rows], columns: [a.columns, a.columns] })))

for (const relaxed of [true, false])
  test(`${relaxed ? 'relaxed' : 'plain'} SIMD: products of any sizes are those of the definition`, async () => {
    await fc.assert(
      fc.asyncProperty(pairs, async ([a, b]) => {
        for (const transposed of [true, false]) {
          const space = arena(0, { relaxed })
          const out = takeRows(space, a.rows, b.rows)
          await multiplyRows(placeRows(space, a), placeRows(space, transposed ? b : transpose(b)), out, { transposed })
          checkProduct(a, b, readRows(out))
        }
      }),
      { seed: 1, numRuns: 60 },
    )
  })

test('products larger than a tile and a panel are right at all edges, in one thread and in several', async () => {
  for (const [n, m, d] of [
    [65, 67, 257],
    [130, 5, 600],
    [3, 530, 31],
    [515, 70, 1],
    [129, 129, 512],
  ]) {
    const [a, b] = [noise(n, d, 1), noise(m, d, 2)]
    const one = await product(a, b, { transposed: true })
    checkProduct(a, b, one)
    const several = await product(a, b, { transposed: true, pool })
    assert.deepEqual(several, one)
    assert.deepEqual(await product(a, transpose(b), { pool }), one)
  }
})

test('a product over no columns is zero', async () => {
  const found = await product(matrix(2, 0), matrix(0, 3))
  assert.deepEqual(found, matrix(2, 3))
})

function checkDistances(a: Matrix, b: Matrix, metric: ProductMetric, found: Matrix): void {
  for (let row = 0; row < a.rows; row++)
    for (let column = 0; column < b.rows; column++) {
      const [x, y] = [rowOf(a, row), rowOf(b, column)]
      const squares = dot(x, x) + dot(y, y)
      let expected = 0
      const difference = x.map((value, at) => value - y[at])
      for (let at = 0; at < x.length; at++) expected += (x[at] - y[at]) ** 2
      let within = Math.min(4 * 2 ** -23 * (a.columns + 8) * squares, expected * 1e-4 * Math.sqrt(a.columns + 8))
      if (metric === 'cosine') {
        expected = 1 - dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y))
        within = 4 * 2 ** -23 * (a.columns + 8)
      }
      if (metric === 'euclidean') {
        within = expected && within / Math.sqrt(expected)
        expected = Math.sqrt(expected)
      }
      const value = found.data[row * b.rows + column]
      assert.ok(value >= 0 && Math.abs(value - expected) <= within + 1e-30, `${metric}: ${value}, not ${expected}`)
      if (difference.every(one => one === 0)) assert.equal(value, 0)
    }
}

for (const metric of ['sqeuclidean', 'euclidean', 'cosine'] as const)
  test(`${metric}: all distances of rows to rows are as the definition says, and 0 where rows are equal`, async () => {
    await fc.assert(
      fc.asyncProperty(pairs, async ([first, second]) => {
        const zero = [first, second].some(one =>
          Array.from({ length: one.rows }, (_, row) => dot(rowOf(one, row), rowOf(one, row))).includes(0),
        )
        if (metric === 'cosine' && zero) {
          await assert.rejects(distanceMatrix(first, second, metric), /nothing but zeros/)
          return
        }
        checkDistances(first, second, metric, await distanceMatrix(first, second, metric))
        checkDistances(first, first, metric, await distanceMatrix(first, first, metric, { pool }))
        const space = arena(0, { relaxed: false })
        const out = takeRows(space, first.rows, second.rows)
        await distancesOfRows(placeRows(space, first), placeRows(space, second), out, metric)
        checkDistances(first, second, metric, readRows(out))
      }),
      { seed: 2, numRuns: 50 },
    )
  })

test('rows that are near each other and far from 0 keep their distances', async () => {
  const base = noise(1, 50, 3).data.map(value => value + 1000)
  const points = matrix(
    40,
    50,
    Float32Array.from({ length: 2000 }, (_, at) => base[at % 50] + ((at * 31) % 17) / 64),
  )
  for (const metric of ['sqeuclidean', 'euclidean'] as const)
    checkDistances(points, points, metric, await distanceMatrix(points, points, metric))
})

test('sizes that do not fit and metrics that are unknown are refused, and a long product can be aborted', async () => {
  await assert.rejects(product(matrix(2, 3), matrix(2, 3)), /b must be a matrix with 3 rows, found 2 × 3/)
  await assert.rejects(distanceMatrix(matrix(2, 3), matrix(2, 4)), /b must be 3 columns, as a has, found 4 columns/)
  await assert.rejects(distanceMatrix(matrix(1, 1), matrix(1, 1), 'miles' as never), /metric must be one of/)
  for (const one of [undefined, pool]) {
    const controller = new AbortController()
    const reason = new Error('enough')
    const onProgress = () => controller.abort(reason)
    const points = noise(3000, 500, 4)
    await assert.rejects(
      product(points, points, { transposed: true, pool: one, signal: controller.signal, onProgress }),
      reason,
    )
  }
})
