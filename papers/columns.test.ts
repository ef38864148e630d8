import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namesIn, whyId } from './columns.ts'

test('names are separated by commas; one with a comma stands in double quotes', () => {
  assert.deepEqual(namesIn(' x, y ,,"a, b","say ""hi"", now"'), ['x', 'y', 'a, b', 'say "hi", now'])
  assert.deepEqual(namesIn(' '), [])
})

test('ids and counts of rows are told from columns that measure something', () => {
  assert.match(whyId('customer_id', Float64Array.of(7, 3, 9))!, /^an id/)
  assert.match(whyId('n', Float64Array.of(1, 2, 3, 4, 5))!, /counts the rows/)
  assert.equal(whyId('customer_id', Float64Array.of(7, 3, 7)), undefined)
  assert.equal(whyId('income', Float64Array.of(7, 3, 9)), undefined)
  assert.equal(whyId('n', Float64Array.of(1, 2, 3, 5, 4)), undefined)
  assert.equal(whyId('x_id', Float64Array.of(0.5, 1.5)), undefined)
})
