/** When a digest is due: days and hours of a time zone as moments, whatever the clocks there do. */
import { periodAround } from '../library/period.ts'

export interface Rhythm {
  /** Weekly ones are due on Mondays. */
  kind: 'daily' | 'weekly'
  /** Of the day, 0 to 23, as the clocks of the zone show it. */
  hour: number
  /** A name of the time-zone database such as `Europe/Berlin`, or `UTC`. */
  zone: string
}

export interface Due {
  /** In ms since 1970. */
  at: number
  /** The local day (`2026-11-27`) or week (`2026-W48`) that it is the digest of. */
  period: string
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const clocks = new Map<string, Intl.DateTimeFormat>()

function clockOf(zone: string): Intl.DateTimeFormat {
  let clock = clocks.get(zone)
  if (!clock) {
    clock = new Intl.DateTimeFormat('en-US', {
      // One that was known when it was chosen may be gone from a newer database.
      timeZone: zoneNamed(zone) ?? 'UTC',
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
    clocks.set(zone, clock)
  }
  return clock
}

/** The zone as the time-zone database spells it; undefined where there is none of this name. */
export function zoneNamed(text: string): string | undefined {
  const name = text.trim()
  if (!/^[A-Za-z0-9_+:/-]{1,64}$/.test(name)) return undefined
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone
  } catch {
    return undefined
  }
}

/** What the clocks of a zone show, as if it were UTC, in ms. */
function shownAt(moment: number, zone: string): number {
  const parts: Record<string, number> = {}
  for (const { type, value } of clockOf(zone).formatToParts(moment)) parts[type] = Number(value)
  return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second)
}

/** How far the clocks of a zone are ahead of UTC, in ms. */
function offsetAt(moment: number, zone: string): number {
  return shownAt(moment, zone) - Math.floor(moment / 1000) * 1000
}

/** The day that it is somewhere, `YYYY-MM-DD`. */
export function localDay(moment: number, zone: string): string {
  return new Date(shownAt(moment, zone)).toISOString().slice(0, 10)
}

/**
 * The moment at which the clocks of a zone show an hour of a day: the first one where they show it twice; where they leap
 * over it, as long after the leap as the hour is into what was left out.
 */
export function momentOf(day: string, hour: number, zone: string): number {
  const shown = Date.parse(day) + hour * hourMs
  // No zone is a day away from UTC, so these are the offsets before and after.
  const before = offsetAt(shown - dayMs, zone)
  const after = offsetAt(shown + dayMs, zone)
  const moments = [shown - before, shown - after].filter(moment => shownAt(moment, zone) === shown)
  return moments.length ? Math.min(...moments) : shown - before
}

function dueOn(day: string, { kind, hour, zone }: Rhythm): Due {
  const at = momentOf(day, hour, zone)
  const local = localDay(at, zone)
  return { at, period: kind === 'daily' ? local : periodAround(local, 'week').name }
}

/** The days around a moment on which one may be due, in order. */
function daysAround(moment: number, { kind, zone }: Rhythm): string[] {
  const today = Date.parse(localDay(moment, zone))
  return Array.from(
    { length: kind === 'daily' ? 5 : 19 },
    (_, index) => today + (index - (kind === 'daily' ? 2 : 9)) * dayMs,
  )
    .filter(day => kind === 'daily' || new Date(day).getUTCDay() === 1)
    .map(day => new Date(day).toISOString().slice(0, 10))
}

/** The first that is due after a moment. */
export function nextDue(moment: number, rhythm: Rhythm): Due {
  return daysAround(moment, rhythm)
    .map(day => dueOn(day, rhythm))
    .find(due => due.at > moment)!
}

/** The last that was due at a moment or before. */
export function lastDue(moment: number, rhythm: Rhythm): Due {
  return daysAround(moment, rhythm)
    .map(day => dueOn(day, rhythm))
    .findLast(due => due.at <= moment)!
}

/** From one to the next, in ms. */
export function lengthOf({ kind }: Pick<Rhythm, 'kind'>): number {
  return kind === 'daily' ? dayMs : 7 * dayMs
}
