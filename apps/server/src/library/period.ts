/** Days, ISO weeks and months as they stand in addresses: `2026-11-24`, `2026-W48`, `2026-11`. All in UTC. */
import { isDay } from './listing.ts'

export type PeriodKind = 'day' | 'week' | 'month'

export interface Period {
  kind: PeriodKind
  /** As it stands in an address. */
  name: string
  /** First day, `YYYY-MM-DD`. */
  start: string
  /** The day after the last. */
  end: string
}

const dayMs = 86_400_000
const dayAfter = (date: string, days: number) => new Date(Date.parse(date) + days * dayMs).toISOString().slice(0, 10)

/** The period of this name; undefined where there is none, such as the 53rd week of most years. */
export function periodOf(name: string): Period | undefined {
  if (isDay(name)) return { kind: 'day', name, start: name, end: dayAfter(name, 1) }
  const month = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(name)
  if (month) {
    const start = `${name}-01`
    return { kind: 'month', name, start, end: `${dayAfter(start, 31).slice(0, 7)}-01` }
  }
  const week = /^(\d{4})-W(0[1-9]|[1-4]\d|5[0-3])$/.exec(name)
  if (!week) return undefined
  // The week of 4 January is the first.
  const start = dayAfter(mondayOf(`${week[1]}-01-04`), (Number(week[2]) - 1) * 7)
  return weekName(start) === name ? { kind: 'week', name, start, end: dayAfter(start, 7) } : undefined
}

/** The period of a kind that a day is in. */
export function periodAround(day: string, kind: PeriodKind): Period {
  const name = kind === 'day' ? day : kind === 'month' ? day.slice(0, 7) : weekName(mondayOf(day))
  return periodOf(name)!
}

function mondayOf(day: string): string {
  return dayAfter(day, -((new Date(day).getUTCDay() + 6) % 7))
}

/** @param monday its first day */
function weekName(monday: string): string {
  // A week belongs to the year that its Thursday is in.
  const year = dayAfter(monday, 3).slice(0, 4)
  const first = mondayOf(`${year}-01-04`)
  const number = Math.round((Date.parse(monday) - Date.parse(first)) / (7 * dayMs)) + 1
  return `${year}-W${String(number).padStart(2, '0')}`
}
