/** Numbers, dates and keys as people read them. */

const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' })
const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'long', timeZone: 'UTC' })
const month = new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' })
const moment = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZone: 'UTC',
})

/** `2020-08-12` as `12 August 2020`; `2025-05` as `May 2025`; a year as it is. */
export function formatDate(date: string): string {
  if (date.length === 4) return date
  const parsed = new Date(date.length === 7 ? `${date}-01` : date.slice(0, 10))
  if (Number.isNaN(parsed.getTime())) return date
  return (date.length === 7 ? month : day).format(parsed)
}

/** A day, a week or a month as a heading, with what stands above it, and short. */
export function formatPeriod({ kind, name, start = name }: { kind: string; name: string; start?: string }) {
  if (kind === 'day')
    return { kicker: weekday.format(new Date(name)), title: formatDate(name), short: formatDate(name) }
  if (kind === 'month') return { kicker: 'Month', title: formatDate(name), short: formatDate(name) }
  const [year, number] = name.split('-W')
  const short = `week ${Number(number)} of ${year}`
  return { kicker: `From ${formatDate(start)}`, title: `Week ${Number(number)} of ${year}`, short }
}

export const formatMoment = (iso: string) => `${moment.format(new Date(iso))} UTC`

export function formatNumber(value: number | null | undefined, digits = 5): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  if (Number.isInteger(value)) return value.toLocaleString('en')
  const size = Math.abs(value)
  if (size >= 1e9 || size < 1e-4) return value.toPrecision(5)
  // All digits before the point are shown, whatever the number of digits.
  return value.toLocaleString('en', { maximumSignificantDigits: Math.max(digits, Math.ceil(Math.log10(size))) })
}

export function formatDuration(ms: number): string {
  if (ms < 1000) return `${ms} ms`
  if (ms < 90_000) return `${(ms / 1000).toFixed(1)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`
  const power = Math.min(4, Math.floor(Math.log10(bytes) / 3))
  return `${(bytes / 1000 ** power).toPrecision(3)} ${['', 'kB', 'MB', 'GB', 'TB'][power]}`
}

/** Address of a paper's page. Old arXiv ids keep their slash. */
export const paperPath = (key: string) => `/papers/${key.split('/').map(encodeURIComponent).join('/')}`

/** Address of the page of a category or a search; those of authors and organizations are made where papers are shown. */
export const categoryPath = (category: string) => `/categories/${encodeURIComponent(category)}`
export const searchPath = (query: string) => `/search?q=${encodeURIComponent(query)}`

/** The authors in one line, the first so many by name. */
export function authorLine(paper: { authors: { name: string }[]; authorCount?: number }, most: number): string {
  const names = paper.authors.map(author => author.name)
  if (names.length > most)
    return `${names.slice(0, most).join(', ')} and ${(names.length - most).toLocaleString('en')} more`
  if (names.length) return names.join(', ')
  if (!paper.authorCount) return ''
  return paper.authorCount === 1 ? '1 author' : `${paper.authorCount} authors`
}
