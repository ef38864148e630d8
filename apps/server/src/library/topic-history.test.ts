import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changeOf, withHistory } from './topic-history.ts'

const today = '2026-11-27'
const dayBefore = (days: number) => new Date(Date.parse(today) - days * 86_400_000).toISOString().slice(0, 10)

function papersOn(days: (number | string)[], name = 'p') {
  return days.map((day, index) => ({
    key: `${name}${index}`,
    publishedAt: typeof day === 'string' ? day : dayBefore(day),
  }))
}

const topicOf = (papers: { key: string }[]) => ({
  id: 't',
  medoid: papers[0].key,
  words: ['t'],
  members: papers.map(({ key }) => ({ key, distance: 0 })),
})

test('a full library is compared week by week, and what rises or falls clearly says so', () => {
  const steady = papersOn(
    Array.from({ length: 520 }, (_, index) => index % 182),
    's',
  )
  const other = papersOn(
    Array.from({ length: 5200 }, (_, index) => index % 182),
    'o',
  )
  const rising = papersOn([...Array.from({ length: 60 }, (_, index) => index % 40), 90, 100, 110], 'r')
  const falling = papersOn(
    Array.from({ length: 60 }, (_, index) => 60 + (index % 110)),
    'f',
  )
  const all = [steady, rising, falling, other]
  const topics = withHistory(all.map(topicOf), all.flat(), today)
  const [s, r, f] = topics
  assert.deepEqual([s.history!.unit, s.history!.periods.length, s.history!.periods.at(-1)], ['week', 26, '2026-11-23'])
  assert.deepEqual([s.history!.change, r.history!.change, f.history!.change], [undefined, 'rising', 'falling'])
  assert.deepEqual([r.history!.factor! > 5, f.history!.factor! < 0.5], [true, true])
  for (const row of s.history!.periods.keys()) {
    const sum = topics.reduce((all, topic) => all + topic.history!.shares[row], 0)
    assert.ok(Math.abs(sum - 1) < 1e-9 || sum === 0)
  }
})

test('a sparse library is compared by months or years; days to come and unknown days do not count', () => {
  const monthly = papersOn(Array.from({ length: 240 }, (_, index) => index * 3))
  assert.equal(withHistory([topicOf(monthly)], monthly, today)[0].history!.unit, 'month')
  const few = papersOn(['2019', '2020-05', '2021-01-02', '2021-05', '2031-01-01', ''])
  const { history } = withHistory([topicOf(few)], few, today)[0]
  assert.deepEqual([history!.unit, history!.periods[0], history!.periods.at(-1)], ['year', '2007', '2021'])
  assert.deepEqual(history!.counts.slice(-3), [1, 1, 2])
  assert.deepEqual(withHistory([topicOf(few)], papersOn(['', '']), today)[0].history, undefined)
})

test('a few papers more or less are no trend', () => {
  assert.equal(changeOf([1, 1, 1, 4], [10, 10, 10, 10]).change, undefined)
  assert.equal(changeOf([100, 100, 100, 200], [1000, 1000, 1000, 1000]).change, 'rising')
  // More papers in all are not a larger share.
  assert.equal(changeOf([100, 100, 100, 200], [1000, 1000, 1000, 2000]).change, undefined)
  assert.deepEqual(changeOf([0, 0, 0, 0], [0, 0, 0, 5]), {})
})
