import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { periodAround, periodOf } from './period.ts'

test('weeks are those of ISO 8601, also where a year begins in the middle of one', () => {
  for (const [day, name, start, end] of [
    ['2026-11-27', '2026-W48', '2026-11-23', '2026-11-30'],
    ['2021-01-03', '2020-W53', '2020-12-28', '2021-01-04'],
    ['2024-12-31', '2025-W01', '2024-12-30', '2025-01-06'],
    ['2016-01-01', '2015-W53', '2015-12-28', '2016-01-04'],
  ])
    assert.deepEqual(periodAround(day, 'week'), { kind: 'week', name, start, end })
})

test('months end where the next begins', () => {
  assert.deepEqual(periodOf('2024-02'), { kind: 'month', name: '2024-02', start: '2024-02-01', end: '2024-03-01' })
  assert.equal(periodOf('2025-12')!.end, '2026-01-01')
})

test('what names no period is none', () => {
  for (const name of [
    '',
    '2026',
    '2026-13',
    '2026-00',
    '2026-02-30',
    '2025-W53',
    '2026-W00',
    '2026-W54',
    '2026-w01',
    '2026-1',
  ])
    assert.equal(periodOf(name), undefined, name)
})

test('every day is in one period of each kind, which is found again by its name', () => {
  const day = fc.date({ min: new Date('1991-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
  fc.assert(
    fc.property(day, date => {
      const name = date.toISOString().slice(0, 10)
      for (const kind of ['day', 'week', 'month'] as const) {
        const period = periodAround(name, kind)
        assert.ok(period.start <= name && name < period.end)
        assert.deepEqual(periodOf(period.name), period)
        // The next one begins where this one ends.
        assert.equal(periodAround(period.end, kind).start, period.end)
      }
    }),
  )
})
