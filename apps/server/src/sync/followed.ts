/** Sources that can be followed, as people write them: `arxiv:cs.DC`, `arxiv:cs.LG@02:15`, `hf@6h`. */
import { setOfCategory } from '../library/sources/arxiv-taxonomy.ts'

/** Once a day at a time in UTC, or every so many hours. */
export type Schedule = { at: string } | { everyHours: number }

export interface FollowedSource {
  /** `arxiv:cs.DC` or `hf`. */
  name: string
  /** What people call it. */
  title: string
  schedule: Schedule
}

/** arXiv announces at about 20:00 in New York, on the evening before. */
const afterAnnouncement = '01:30'
/** After one that failed, in ms. */
const retryMs = 3_600_000

/** A source with its schedule, by default once a day at 01:30 UTC; or a sentence about what is wrong with it. */
export function parseSource(text: string): FollowedSource | { error: string } {
  const [, name = '', when] = /^\s*([^@\s]+)\s*(?:@\s*(\S+))?\s*$/.exec(text.slice(0, 200)) ?? []
  const found = `'${text.trim().slice(0, 60).toWellFormed()}'`
  const schedule = parseSchedule(when)
  if (!schedule)
    return { error: `has ${found}: after @ comes a time in UTC such as 02:15, or hours such as 6h (1h to 168h)` }
  if (name === 'hf') return { name, title: 'Hugging Face daily papers', schedule }
  const category = /^arxiv:(.+)$/.exec(name)?.[1] ?? (setOfCategory(name) ? name : undefined)
  if (category && setOfCategory(category)) return { name: `arxiv:${category}`, title: `arXiv ${category}`, schedule }
  return {
    error: category
      ? `has ${found}: '${category.slice(0, 40)}' is no category of arXiv such as cs.DC, hep-th or stat`
      : `has ${found}, expected arxiv: and a category (arxiv:cs.DC), or hf; with @02:15 or @6h behind it where once a day at ${afterAnnouncement} UTC is not right`,
  }
}

function parseSchedule(text: string | undefined): Schedule | undefined {
  if (text === undefined) return { at: afterAnnouncement }
  const hours = Number(/^(\d{1,3})h$/.exec(text)?.[1] ?? 0)
  if (hours >= 1 && hours <= 168) return { everyHours: hours }
  return /^(?:[01]\d|2[0-3]):[0-5]\d$/.test(text) ? { at: text } : undefined
}

/** As it is written behind the name: `@01:30`, `@6h`. */
export function scheduleText(schedule: Schedule): string {
  return 'at' in schedule ? `@${schedule.at}` : `@${schedule.everyHours}h`
}

export function describeSchedule(schedule: Schedule): string {
  if ('at' in schedule) return `daily at ${schedule.at} UTC`
  return schedule.everyHours === 1 ? 'every hour' : `every ${schedule.everyHours} hours`
}

/** What is known of the last time. */
export interface LastTime {
  startedAt?: string
  /** Missing where it was cut short, by a stop of the server or of the machine. */
  finishedAt?: string
  error?: string
}

/** When a source is due next, in ms since 1970: at once where it never ran or was cut short, an hour after it failed. */
export function nextTime(schedule: Schedule, { startedAt, finishedAt, error }: LastTime, now: number): number {
  if (!startedAt || !finishedAt) return now
  const started = Date.parse(startedAt)
  let regular: number
  if ('everyHours' in schedule) regular = started + schedule.everyHours * 3_600_000
  else {
    regular = Date.parse(`${startedAt.slice(0, 10)}T${schedule.at}:00.000Z`)
    if (regular <= started) regular += 86_400_000
  }
  return error ? Math.min(regular, Date.parse(finishedAt) + retryMs) : regular
}
