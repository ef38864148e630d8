/** What becomes of two records of the same paper. Nothing here touches the database. */
import type { ImportedRecord, PaperRecord } from './types.ts'

/** Fields that a newer version replaces and an older one only fills in. */
const plainFields = [
  'doi',
  'primary',
  'organization',
  'publishedAt',
  'updatedAt',
  'comment',
  'journalRef',
  'license',
  'projectPage',
  'githubRepo',
  'sourceUrl',
  'version',
] as const

/**
 * The paper after a record of it was read. Fields of the newer version win, empty never overwrites full, and the same
 * record read again changes nothing. `submittedAt` stays the earliest; what is Offprint's own (`summary`, `topics`,
 * `slug`) and where the paper came from first stay as they are.
 */
export function mergeRecord(existing: PaperRecord, incoming: ImportedRecord): PaperRecord {
  const age = compareVersions(incoming, existing)
  const newer = age > 0
  const merged: PaperRecord = { ...existing }
  for (const field of plainFields) {
    const value = incoming[field]
    if (value === undefined) continue
    // An older version's day is not the day of the newest version.
    if (field === 'updatedAt' && age < 0) continue
    const known = merged[field]
    const wins =
      field === 'publishedAt' && known !== undefined
        ? newer
          ? !isMoreExact(known, value)
          : age === 0 && isMoreExact(value, known)
        : newer || known === undefined
    if (wins) Object.assign(merged, { [field]: value })
  }
  const raw = { ...existing.raw }
  const takeText = (field: 'title' | 'abstract') => {
    if (!incoming[field] || (!newer && merged[field])) return
    merged[field] = incoming[field]
    setRaw(raw, field, incoming.raw?.[field])
  }
  takeText('title')
  takeText('abstract')
  if (incoming.authors.length && (newer || !merged.authors.length)) {
    merged.authors = incoming.authors
    setRaw(raw, 'authors', incoming.raw?.authors)
  }
  if (incoming.categories.length && (newer || !merged.categories.length)) merged.categories = incoming.categories
  merged.authorCount =
    merged.authors.length ||
    (newer ? (incoming.authorCount ?? merged.authorCount) : (merged.authorCount ?? incoming.authorCount))
  merged.arxivId ??= incoming.arxivId
  merged.withdrawn = newer ? incoming.withdrawn : existing.withdrawn || (age === 0 && incoming.withdrawn)
  if (incoming.commentCount !== undefined)
    merged.commentCount = Math.max(incoming.commentCount, merged.commentCount ?? 0)
  if (incoming.externalVotes !== undefined)
    merged.externalVotes = Math.max(incoming.externalVotes, merged.externalVotes ?? 0)
  if (incoming.submittedAt && incoming.submittedAt < merged.submittedAt) merged.submittedAt = incoming.submittedAt
  const extra = newer ? { ...existing.extra, ...incoming.extra } : { ...incoming.extra, ...existing.extra }
  if (Object.keys(extra).length) merged.extra = boundedExtra(extra)
  if (Object.keys(raw).length) merged.raw = raw
  else delete merged.raw
  return merged
}

function setRaw<Field extends keyof NonNullable<PaperRecord['raw']>>(
  raw: NonNullable<PaperRecord['raw']>,
  field: Field,
  value: NonNullable<PaperRecord['raw']>[Field] | undefined,
): void {
  if (value === undefined) delete raw[field]
  else raw[field] = value
}

/** Positive where `a` is of a newer version than `b`: by version number, then by the day of the version. */
function compareVersions(
  a: Pick<ImportedRecord, 'version' | 'updatedAt'>,
  b: Pick<PaperRecord, 'version' | 'updatedAt'>,
): number {
  const versions = (a.version ?? 0) - (b.version ?? 0)
  if (versions) return versions
  const [left, right] = [a.updatedAt ?? '', b.updatedAt ?? '']
  return left === right ? 0 : left > right ? 1 : -1
}

/** A day says more than its month, and a month more than its year. */
function isMoreExact(date: unknown, than: unknown): boolean {
  return String(date).startsWith(`${than}-`)
}

const mostExtra = 20_000

/** What fits of the fields that have no place in a record, in their order; undefined where there is nothing. */
export function boundedExtra(extra: Record<string, unknown>): Record<string, unknown> | undefined {
  let left = mostExtra
  const kept = Object.entries(extra).filter(([name, value]) => {
    const size = Buffer.byteLength(JSON.stringify({ [name]: value }))
    if (value === undefined || size > left) return false
    left -= size
    return true
  })
  return kept.length ? Object.fromEntries(kept) : undefined
}

/** The key that a paper with these ids has: it only ever changes from a fingerprint to a DOI to an arXiv id. */
export function keyOf(record: Pick<PaperRecord, 'arxivId' | 'doi' | 'key'>): string {
  if (record.arxivId) return record.arxivId
  return record.key.startsWith('t:') && record.doi ? `doi:${record.doi}` : record.key
}

/** Whether two states of a paper say the same, whenever they were written. */
export function sameRecord(a: PaperRecord, b: PaperRecord): boolean {
  return canonical({ ...a, fetchedAt: '' }) === canonical({ ...b, fetchedAt: '' })
}

function canonical(value: object): string {
  return JSON.stringify(value, (_, inner) =>
    inner && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
