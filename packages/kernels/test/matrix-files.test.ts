import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { InputError, type Matrix, readMatrix, writeBvecs, writeFvecs, writeIvecs, writeNpy } from '../src/index.ts'

const floats = fc.float({ noDefaultInfinity: true, noNaN: true })
const matrixOf = (cell: fc.Arbitrary<number>) =>
  fc
    .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 5 }))
    .chain(([rows, columns]) =>
      fc
        .array(cell, { minLength: rows * columns, maxLength: rows * columns })
        .map((cells): Matrix => ({ data: Float32Array.from(cells), rows, columns })),
    )

const formats: [string, (points: Matrix) => Uint8Array, fc.Arbitrary<number>][] = [
  ['a.npy', writeNpy, floats],
  ['a.fvecs', writeFvecs, floats],
  ['a.ivecs', writeIvecs, fc.integer({ min: -1000, max: 1000 })],
  ['a.bvecs', writeBvecs, fc.integer({ min: 0, max: 255 })],
]

for (const [name, write, cell] of formats) {
  test(`${name.slice(1)} files read back as they were written`, () => {
    fc.assert(fc.property(matrixOf(cell), points => assert.deepEqual(readMatrix(write(points), name), points)))
  })

  test(`a ${name.slice(1)} file cut at any byte is refused or holds fewer whole vectors`, () => {
    const points = { data: Float32Array.from([1, 2, 3, 4, 5, 6]), rows: 3, columns: 2 }
    const bytes = write(points)
    for (let length = 0; length < bytes.length; length++) {
      try {
        const read = readMatrix(bytes.subarray(0, length), name)
        assert.ok(name !== 'a.npy' && read.rows < points.rows, `cut at ${length}`)
      } catch (error) {
        assert.ok(error instanceof InputError, String(error))
      }
    }
  })

  test(`no flipped bit of a ${name.slice(1)} file gives anything but a matrix or an InputError`, () => {
    const bytes = write({ data: Float32Array.from([1, 2, 3, 4]), rows: 2, columns: 2 })
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = bytes.slice()
      damaged[bit >> 3] ^= 1 << (bit & 7)
      try {
        const { data, rows, columns } = readMatrix(damaged, name)
        assert.equal(data.length, rows * columns)
      } catch (error) {
        assert.ok(error instanceof InputError, String(error))
      }
    }
  })
}

test('a big-endian .npy in column order with 64-bit floats is read row by row', () => {
  const dictionary = "{'descr': '>f8', 'fortran_order': True, 'shape': (2, 3), }"
  const header = `${dictionary.padEnd(117)}\n`
  const bytes = new Uint8Array(128 + 48)
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0])
  bytes.set(new TextEncoder().encode(header), 10)
  const view = new DataView(bytes.buffer)
  for (const [index, value] of [1, 4, 2, 5, 3, 6].entries()) view.setFloat64(128 + index * 8, value, false)
  assert.deepEqual([...readMatrix(bytes, 'x.npy').data], [1, 2, 3, 4, 5, 6])
})

test('16-bit floats of a .npy are read, subnormal ones too', () => {
  const header = `${"{'descr': '<f2', 'fortran_order': False, 'shape': (5,), }".padEnd(117)}\n`
  const bytes = new Uint8Array(128 + 10)
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0])
  bytes.set(new TextEncoder().encode(header), 10)
  const view = new DataView(bytes.buffer)
  for (const [index, bits] of [0x3c00, 0xc500, 0x0001, 0x7c00, 0x3555].entries())
    view.setUint16(128 + index * 2, bits, true)
  const third = 1365 / 4096
  assert.deepEqual([...readMatrix(bytes, 'x.npy').data], [1, -5, 2 ** -24, Number.POSITIVE_INFINITY, third])
})

test('an unknown ending is refused with the endings that are known', () => {
  assert.throws(() => readMatrix(new Uint8Array(10), 'a.parquet'), /must end in \.npy, \.fvecs, \.ivecs or \.bvecs/)
})
