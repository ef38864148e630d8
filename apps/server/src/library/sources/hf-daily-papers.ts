/** Papers as Hugging Face's API gives them: a day's items, found items, flat papers, one paper. */
import { parseArxivId } from '../identifiers.ts'
import { webAddress } from '../jsonl.ts'
import { type Chunks, decodeText } from '../lines.ts'
import { convertTex, oneLine, showable } from '../text.ts'
import type { Author } from '../types.ts'
import { elementProblem, jsonObject, splitElements } from './json-elements.ts'
import { defined, excerpt, itemOf, NoPaper, paperRecord, type SourceItem } from './paper-record.ts'

type Fields = Record<string, unknown>

/** What becomes fields of the record, or has no meaning outside of that site. All else goes to `extra`. */
const readFields = new Set(
  `id title summary authors publishedAt submittedOnDailyAt upvotes organization projectPage githubRepo numComments paper
  discussionId thumbnail submittedOnDailyBy`.split(/\s+/),
)
const deepestExtra = 20

/**
 * Reads an answer of `daily_papers`, `papers/search`, `papers` or `papers/ID`: every field but the id may be missing.
 * Upvotes are another site's, so they come beside the record, as does what we have no field for. People are kept by name
 * only, without account and picture.
 *
 * @param options.onInvalid called once where the text has bytes that are not UTF-8
 * @throws Error where the answer is longer than 32 MB
 */
export async function* parseHfDailyPapers(
  chunks: Chunks,
  { onInvalid }: { onInvalid?(): void } = {},
): AsyncGenerator<SourceItem> {
  for await (const elements of splitElements(decodeText(chunks, onInvalid))) {
    for (const element of elements) {
      yield itemOf(element.line, () => {
        const problem = elementProblem(element)
        if (problem) throw new NoPaper(problem)
        return readItem(jsonObject(element.text))
      })
    }
  }
}

/** @throws NoPaper */
function readItem(fields: Fields) {
  if (typeof fields.error === 'string' && !fields.id && !fields.paper)
    throw new NoPaper(`the site answered with an error: ${excerpt(oneLine(fields.error))}`)
  const item = isObject(fields.paper) ? fields : {}
  const paper = isObject(fields.paper) ? fields.paper : fields
  const given = paper.id
  if (typeof given !== 'string' || !given.trim()) throw new NoPaper('"id" is missing')
  const id = parseArxivId(given)
  if ('error' in id) throw new NoPaper(`"id" ${id.error}`)
  const record = paperRecord(
    {
      ...defined({ arxivId: id.id, version: id.version }),
      title: text(paper, 'title') || text(item, 'title'),
      abstract: text(paper, 'summary') || text(item, 'summary'),
      authors: readAuthors(paper.authors),
      organization: organizationName(paper.organization) ?? organizationName(item.organization),
      publishedAt: moment(paper, 'publishedAt')?.slice(0, 10),
      // An item's own `publishedAt` is, in answers of 2026, hours from arXiv's time, and days before this one.
      submittedAt: moment(paper, 'submittedOnDailyAt') ?? moment(item, 'publishedAt'),
      projectPage: webAddress(paper.projectPage),
      githubRepo: webAddress(paper.githubRepo),
      commentCount: count(item.numComments),
      sourceUrl: `https://huggingface.co/papers/${id.id}`,
    },
    'hf-daily-papers',
    convertTex,
  )
  const extra = { ...unreadFields(item), ...unreadFields(paper) }
  const submitter = plainNames(item.submittedBy ?? paper.submittedOnDailyBy)
  if (typeof submitter === 'string') extra.submittedBy = submitter
  return {
    record,
    ...defined({ externalVotes: count(paper.upvotes) }),
    ...(Object.keys(extra).length ? { extra } : {}),
  }
}

function readAuthors(value: unknown): Author[] {
  if (!Array.isArray(value)) return []
  return value.flatMap(author =>
    isObject(author) && author.hidden !== true && typeof author.name === 'string' ? [{ name: author.name }] : [],
  )
}

function organizationName(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (!isObject(value)) return undefined
  return [value.fullname, value.name].find(name => typeof name === 'string' && name.trim() !== '') as string | undefined
}

function unreadFields(fields: Fields): Fields {
  const unread = Object.entries(fields).filter(([name, value]) => !readFields.has(name) && value !== null)
  return Object.fromEntries(unread.map(([name, value]) => [name, plainNames(value)]))
}

/** Accounts become the names of their people, wherever they stand; pictures are left out. */
function plainNames(value: unknown, depth = 0): unknown {
  if (depth > deepestExtra) return null
  if (Array.isArray(value)) return value.map(item => plainNames(item, depth + 1))
  if (typeof value === 'string') return showable(value)
  if (!isObject(value)) return value
  if ('avatarUrl' in value || 'fullname' in value) return organizationName(value) ?? null
  const kept = Object.entries(value).filter(([name]) => !/avatar/i.test(name))
  return Object.fromEntries(kept.map(([name, item]) => [name, plainNames(item, depth + 1)]))
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function text(fields: Fields, name: string): string | undefined {
  const value = fields[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw new NoPaper(`"${name}" must be text`)
  return value
}

/** ISO 8601 in UTC with milliseconds. */
function moment(fields: Fields, name: string): string | undefined {
  const value = text(fields, name)
  if (!value) return undefined
  const date = new Date(value)
  const iso = /^\d{4}-\d\d-\d\d/.test(value) && !Number.isNaN(date.getTime()) ? date.toISOString() : ''
  // A year that a time zone moves out of 0 to 9999 is written otherwise, and sorts otherwise.
  if (!/^\d{4}-/.test(iso)) throw new NoPaper(`"${name}" must be a time such as 2020-08-12T10:00:00.000Z`)
  return iso
}

function count(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined
}
