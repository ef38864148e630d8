/** What kernel tests go through: both builds, plain and shared memory; and data that fast-check makes. */
import { type Arena, arena, type Matrix, matrix } from '@offprint/kernels'
import fc from 'fast-check'

/** An arena for each build, and one that is shared. */
export const arenas: [string, () => Arena][] = [
  ['relaxed SIMD', () => arena()],
  ['plain SIMD', () => arena(0, { relaxed: false })],
  ['relaxed SIMD, shared memory', () => arena(0, { shared: true })],
]

/** Numbers as vectors have them, zeros and repeated ones among them. */
export const coordinate = fc.oneof(
  { weight: 6, arbitrary: fc.float({ min: -100, max: 100, noNaN: true }).map(tidy) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, -1) },
)

function tidy(value: number): number {
  return Math.fround(Math.round(value * 1000) / 1000)
}

export function matrices({
  rows = [1, 20],
  columns = [1, 40],
  cell = coordinate,
}: {
  rows?: [number, number]
  columns?: [number, number]
  cell?: fc.Arbitrary<number>
} = {}): fc.Arbitrary<Matrix> {
  return fc
    .tuple(fc.integer({ min: rows[0], max: rows[1] }), fc.integer({ min: columns[0], max: columns[1] }))
    .chain(([n, d]) =>
      fc.array(cell, { minLength: n * d, maxLength: n * d }).map(values => matrix(n, d, Float32Array.from(values))),
    )
}

export function rowOf({ data, columns }: Matrix, row: number): Float32Array {
  return data.subarray(row * columns, (row + 1) * columns)
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += a[at] * b[at]
  return sum
}
