/** How each topic's share of the papers changes with time: what rises and what falls. */
import type { PaperRecord, Topic, TopicHistory } from './types.ts'

/** The finest unit in which the newest periods have enough papers to say anything. */
const units: { unit: TopicHistory['unit']; periods: number; least: number }[] = [
  { unit: 'week', periods: 26, least: 400 },
  { unit: 'month', periods: 24, least: 200 },
  { unit: 'year', periods: 15, least: 1 },
]
/** Of the periods, the newest of these are compared with those before. */
const recentShare = 0.25
/** So many standard errors apart two shares differ by more than chance (pooled two-sample test of proportions). */
const clear = 3

type Dated = Pick<PaperRecord, 'key' | 'publishedAt'>

/**
 * Topics with their history, by the days on which papers were published. What is known by its year alone counts only where
 * years are compared.
 *
 * @param today `YYYY-MM-DD`: later days are taken for mistakes
 */
export function withHistory(topics: readonly Topic[], papers: Iterable<Dated>, today: string): Topic[] {
  const dates = new Map<string, string>()
  let newest = ''
  for (const { key, publishedAt } of papers) {
    if (!publishedAt || publishedAt.slice(0, 10) > today) continue
    dates.set(key, publishedAt)
    if (publishedAt > newest) newest = publishedAt
  }
  if (!newest) return [...topics]
  const days = [...dates.values()]
  for (const { unit, periods, least } of units) {
    const names = lastPeriods(unit, newest, periods)
    const rowOf = new Map(names.map((name, row) => [name, row]))
    const count = (all: Iterable<string>) => {
      const counts = names.map(() => 0)
      for (const day of all) {
        const row = rowOf.get(periodOf(unit, day) ?? '')
        if (row !== undefined) counts[row]++
      }
      return counts
    }
    const totals = count(days)
    if (unit !== 'year' && sum(totals) < least) continue
    return topics.map(topic => {
      const counts = count(topic.members.flatMap(({ key }) => dates.get(key) ?? []))
      const history: TopicHistory = {
        unit,
        periods: names,
        counts,
        shares: counts.map((own, row) => (totals[row] ? own / totals[row] : 0)),
        ...changeOf(counts, totals),
      }
      return { ...topic, history }
    })
  }
  return [...topics]
}

/** Whether the newest periods' share differs clearly from that of those before, and by which factor. */
export function changeOf(counts: number[], totals: number[]): Pick<TopicHistory, 'change' | 'factor'> {
  const cut = counts.length - Math.max(1, Math.round(counts.length * recentShare))
  const [before, after] = [sum(counts.slice(0, cut)), sum(counts.slice(cut))]
  const [papersBefore, papersAfter] = [sum(totals.slice(0, cut)), sum(totals.slice(cut))]
  if (!papersBefore || !papersAfter) return {}
  const [share, shareBefore] = [after / papersAfter, before / papersBefore]
  const pooled = (before + after) / (papersBefore + papersAfter)
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / papersBefore + 1 / papersAfter))
  return {
    ...(shareBefore > 0 ? { factor: share / shareBefore } : {}),
    ...(Math.abs(share - shareBefore) > clear * error ? { change: share > shareBefore ? 'rising' : 'falling' } : {}),
  }
}

/** The name of the period that a day is in: a Monday, a month or a year. Undefined where the day is not known so exactly. */
function periodOf(unit: TopicHistory['unit'], day: string): string | undefined {
  if (unit === 'year') return day.slice(0, 4)
  if (unit === 'month') return day.length >= 7 ? day.slice(0, 7) : undefined
  return day.length >= 10 ? mondayOf(day) : undefined
}

function mondayOf(day: string): string {
  const date = new Date(`${day.slice(0, 10)}T00:00:00Z`)
  date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7))
  return date.toISOString().slice(0, 10)
}

/** The newest periods, the oldest of them first. */
function lastPeriods(unit: TopicHistory['unit'], newest: string, many: number): string[] {
  const last = periodOf(unit, newest.length === 4 ? `${newest}-01-01` : newest.length === 7 ? `${newest}-01` : newest)!
  return Array.from({ length: many }, (_, index) => {
    const back = many - 1 - index
    if (unit === 'year') return String(Number(last) - back).padStart(4, '0')
    const date = new Date(`${last.length === 7 ? `${last}-01` : last}T00:00:00Z`)
    if (unit === 'month') date.setUTCMonth(date.getUTCMonth() - back)
    else date.setUTCDate(date.getUTCDate() - 7 * back)
    return date.toISOString().slice(0, last.length)
  })
}

function sum(numbers: number[]): number {
  return numbers.reduce((all, one) => all + one, 0)
}
