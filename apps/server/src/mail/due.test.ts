import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lastDue, localDay, momentOf, nextDue, type Rhythm, zoneNamed } from './due.ts'

const iso = (moment: number) => new Date(moment).toISOString()
const daily = (hour: number, zone: string): Rhythm => ({ kind: 'daily', hour, zone })

/** All that are due after a moment and up to another. */
function allBetween(from: string, until: string, rhythm: Rhythm) {
  const found = []
  for (let due = nextDue(Date.parse(from), rhythm); due.at <= Date.parse(until); due = nextDue(due.at, rhythm))
    found.push({ at: iso(due.at), period: due.period })
  return found
}

test('an hour is that of the zone, in summer and in winter', () => {
  assert.equal(iso(momentOf('2026-07-01', 7, 'Europe/Berlin')), '2026-07-01T05:00:00.000Z')
  assert.equal(iso(momentOf('2026-12-12', 7, 'Europe/Berlin')), '2026-12-12T06:00:00.000Z')
  assert.equal(iso(momentOf('2026-12-12', 7, 'America/New_York')), '2026-12-12T12:00:00.000Z')
  assert.equal(iso(momentOf('2026-12-12', 7, 'Asia/Kolkata')), '2026-12-12T01:30:00.000Z')
  assert.equal(iso(momentOf('2026-12-12', 0, 'Pacific/Kiritimati')), '2026-12-11T10:00:00.000Z')
})

test('an hour that the clocks leap over gives one digest, just after the leap', () => {
  assert.deepEqual(allBetween('2026-03-28T00:00:00Z', '2026-03-30T23:00:00Z', daily(2, 'Europe/Berlin')), [
    { at: '2026-03-28T01:00:00.000Z', period: '2026-03-28' },
    { at: '2026-03-29T01:00:00.000Z', period: '2026-03-29' },
    { at: '2026-03-30T00:00:00.000Z', period: '2026-03-30' },
  ])
})

test('an hour that comes twice gives one digest, the first time', () => {
  assert.deepEqual(allBetween('2026-10-24T12:00:00Z', '2026-10-26T12:00:00Z', daily(2, 'Europe/Berlin')), [
    { at: '2026-10-25T00:00:00.000Z', period: '2026-10-25' },
    { at: '2026-10-26T01:00:00.000Z', period: '2026-10-26' },
  ])
})

test('a leap of half an hour, a midnight that is left out, and a day that was left out', () => {
  assert.equal(allBetween('2026-10-03T00:00:00Z', '2026-10-05T00:00:00Z', daily(2, 'Australia/Lord_Howe')).length, 2)
  assert.deepEqual(allBetween('2018-11-03T12:00:00Z', '2018-11-05T12:00:00Z', daily(0, 'America/Sao_Paulo')), [
    { at: '2018-11-04T03:00:00.000Z', period: '2018-11-04' },
    { at: '2018-11-05T02:00:00.000Z', period: '2018-11-05' },
  ])
  assert.deepEqual(
    allBetween('2011-12-29T00:00:00Z', '2012-01-01T12:00:00Z', daily(7, 'Pacific/Apia')).map(due => due.period),
    ['2011-12-29', '2011-12-31', '2012-01-01'],
  )
})

test('weekly ones are due on Mondays, and have the name of the week', () => {
  const weekly: Rhythm = { kind: 'weekly', hour: 7, zone: 'UTC' }
  assert.deepEqual(nextDue(Date.parse('2026-12-12T06:30:00Z'), weekly), {
    at: Date.parse('2026-12-14T07:00:00Z'),
    period: '2026-W51',
  })
  assert.equal(iso(lastDue(Date.parse('2026-12-12T06:30:00Z'), weekly).at), '2026-12-07T07:00:00.000Z')
})

test('whatever the zone and hour: one a day, each its own, and the last is the one before the next', () => {
  const zones = [...Intl.supportedValuesOf('timeZone'), 'UTC']
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.integer({ min: 0, max: 23 }),
      fc.integer({ min: Date.parse('2015-01-01'), max: Date.parse('2030-01-01') }),
      (zone, hour, start) => {
        const rhythm = daily(hour, zone)
        let due = nextDue(start, rhythm)
        assert.ok(due.at > start && due.at - start <= 26 * 3_600_000, `${zone} ${hour} ${iso(start)}`)
        const periods = new Set([due.period])
        for (let day = 1; day < 5; day++) {
          assert.deepEqual(lastDue(due.at, rhythm), due)
          const next = nextDue(due.at, rhythm)
          assert.deepEqual(lastDue(next.at - 1, rhythm), due)
          assert.ok(next.at - due.at >= 22 * 3_600_000 && next.at - due.at <= 26 * 3_600_000)
          assert.equal(next.period, localDay(next.at, zone))
          periods.add(next.period)
          due = next
        }
        assert.equal(periods.size, 5)
      },
    ),
    { numRuns: 300, seed: 1 },
  )
})

test('zones are known by their names, and nothing else is', () => {
  assert.equal(zoneNamed(' europe/berlin '), 'Europe/Berlin')
  assert.equal(zoneNamed('UTC'), 'UTC')
  for (const wrong of ['', 'Berlin', 'Europe/Nowhere', 'x'.repeat(100), 'Europe/Berlin\r\nBcc: x', '<script>'])
    assert.equal(zoneNamed(wrong), undefined, wrong)
})
