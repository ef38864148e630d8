import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nameInAddress } from './facets.ts'

test('names stand in addresses as letters and digits', () => {
  const names = ['Erich Müller', ' J.-P. O’Neil ', '李明', 'ÅÅ', '…']
  assert.deepEqual(names.map(nameInAddress), ['erich-muller', 'j-p-o-neil', '李明', 'aa', ''])
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), name => {
      const short = nameInAddress(name)
      assert.match(short, /^(?:[\p{L}\p{N}]+(?:-[\p{L}\p{N}]+)*)?$/u)
      assert.ok(short.length <= 100)
      assert.equal(nameInAddress(short), short)
    }),
  )
})
