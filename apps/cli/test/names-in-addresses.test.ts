import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nameInAddress } from '../../server/src/library/facets.ts'
import * as site from '../../site/src/lib/format.ts'

test('names stand in addresses as letters and digits, the same in the library and on pages', () => {
  const names = ['Erich Müller', ' J.-P. O’Neil ', '李明', 'ÅÅ', '…', 'x'.repeat(300)]
  assert.deepEqual(names.slice(0, 5).map(nameInAddress), ['erich-muller', 'j-p-o-neil', '李明', 'aa', ''])
  for (const name of [...names, ...fc.sample(fc.string({ unit: 'binary' }), { numRuns: 300, seed: 3 })])
    assert.equal(site.nameInAddress(name), nameInAddress(name))
})
