/**
 * Papers in the shape of Hugging Face's API, so that programs that read its daily papers read these: `/api/daily_papers`,
 * `/api/papers/search`, `/api/papers/ID`. Errors are as there, `{ "error": "…" }`.
 */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type PeriodKind, periodOf } from '../library/period.ts'
import type { Library, PaperRecord } from '../library/types.ts'
import type { Offprint } from '../offprint.ts'
import { seeOther, sendJson } from './problem.ts'

interface Call {
  request: IncomingMessage
  response: ServerResponse
  url: URL
  offprint: Offprint
}

const mostPapers = 100
const longestQuery = 250

const kinds: Record<string, { kind: PeriodKind; example: string }> = {
  date: { kind: 'day', example: 'a day such as 2026-11-24' },
  week: { kind: 'week', example: 'a week such as 2026-W48' },
  month: { kind: 'month', example: 'a month such as 2026-11' },
}

/** The papers of a day, a week or a month, or the newest ones; a page behind the last is empty. */
export function sendDailyPapers({ response, url, offprint }: Call): void {
  const { library } = offprint
  const given = (name: string) => url.searchParams.get(name) ?? undefined
  const limit = wholeNumber(given('limit'), 50)
  const page = wholeNumber(given('p'), 0)
  if (limit === undefined || page === undefined)
    return void refuse(response, 400, '"limit" and "p" must be whole numbers')
  const sort = given('sort') ?? 'publishedAt'
  if (sort !== 'publishedAt' && sort !== 'trending')
    return void refuse(response, 400, `"sort" must be publishedAt or trending, found '${sort.slice(0, 20)}'`)
  // All papers are put in by the owner of this library.
  if (given('submitter') !== undefined && given('submitter') !== owner.name) return void sendJson(response, [])
  const size = Math.min(mostPapers, Math.max(1, limit))
  const asked = Object.keys(kinds).find(parameter => given(parameter) !== undefined)
  const name = asked && given(asked)!.slice(0, 20)
  if (asked && name !== undefined && periodOf(name)?.kind !== kinds[asked].kind)
    return void refuse(response, 400, `"${asked}" must be ${kinds[asked].example}, found '${name}'`)
  const papers =
    name === undefined
      ? library.search(sort === 'trending' ? 'sort:trending' : 'sort:new', { limit: size, offset: page * size }).papers
      : sort === 'trending'
        ? library.period(name, { limit: size, offset: page * size, sort })?.papers
        : newestOf(library, name, size, page * size)
  if (!papers) return void refuse(response, 400, `"${asked}" must not be in the future, found '${name}'`)
  sendItems(response, library, papers)
}

/** Newest first, as there; the library gives a period's papers in the order in which they came. */
function newestOf(library: Library, name: string, size: number, skip: number): PaperRecord[] | undefined {
  const period = library.period(name, { limit: 0 })
  if (!period) return undefined
  const end = period.total - skip
  if (end <= 0) return []
  const start = Math.max(0, end - size)
  return library.period(name, { limit: end - start, offset: start })!.papers.reverse()
}

export async function sendFoundPapers({ response, url, offprint }: Call): Promise<void> {
  const query = (url.searchParams.get('q') ?? '').slice(0, longestQuery)
  const limit = wholeNumber(url.searchParams.get('limit') ?? undefined, 20)
  if (limit === undefined) return void refuse(response, 400, '"limit" must be a whole number')
  const waiting = offprint.prepareQuery(query)
  if (waiting) await waiting
  const { papers } = offprint.library.search(query, { limit: Math.min(mostPapers, Math.max(1, limit)) })
  sendItems(response, offprint.library, papers)
}

/** One paper, with what only a paper alone has, and our own record of it beside. */
export function sendPaper({ response, offprint }: Call, key: string): void {
  const paper = offprint.library.paper(key)
  if (!paper) return void refuse(response, 404, `Paper not found: ${key.slice(0, 100)}`)
  if ('redirect' in paper) return void seeOther(response, `/api/papers/${paper.redirect}`)
  const none = { linkedModels: [], linkedDatasets: [], linkedSpaces: [] }
  const counts = { numTotalModels: 0, numTotalDatasets: 0, numTotalSpaces: 0 }
  sendJson(response, {
    ...flat(paper, offprint.library.reading.marks(paper.key).voted ? 1 : 0),
    ...none,
    ...counts,
    offprint: paper,
  })
}

/** A paper as a page for programs that read text. */
export function sendMarkdown({ response, offprint }: Call, key: string): void {
  const paper = offprint.library.paper(key)
  if (!paper) {
    response.writeHead(404, { 'content-type': 'text/markdown; charset=utf-8' })
    response.end('# There is no such paper\n')
    return
  }
  if ('redirect' in paper) return void seeOther(response, `/papers/${paper.redirect}.md`)
  response.writeHead(200, { 'content-type': 'text/markdown; charset=utf-8', vary: 'accept' })
  response.end(markdownOf(paper, offprint))
}

function markdownOf(paper: PaperRecord, offprint: Offprint): string {
  const module = paper.slug ? offprint.papers.get(paper.slug) : undefined
  const methods = Object.entries(module?.methods ?? {})
  const claims = module ? offprint.claims(module.slug) : []
  const lines = [
    `# ${paper.title}`,
    '',
    ...(paper.authors.length ? [paper.authors.map(author => author.name).join(', '), ''] : []),
    ...(paper.arxivId ? [`- arXiv: https://arxiv.org/abs/${paper.arxivId}`] : []),
    ...(paper.doi ? [`- DOI: https://doi.org/${paper.doi}`] : []),
    ...(paper.publishedAt ? [`- Published: ${paper.publishedAt}`] : []),
    '',
    ...(paper.summary ? ['## In short', '', paper.summary, ''] : []),
    '## Abstract',
    '',
    paper.abstract || 'Not imported yet.',
    ...(methods.length ? ['', '## Run it here', ''] : []),
    ...methods.map(([name, method]) => `- \`npx offprint run ${paper.slug} ${name}\`: ${method.description}`),
    ...(claims.length ? ['', '## What it claims', ''] : []),
    ...claims.map(({ id, statement, verdict }) => `- ${id}: ${statement} (${verdict})`),
  ]
  return `${lines.join('\n')}\n`
}

function sendItems(response: ServerResponse, library: Library, papers: PaperRecord[]): void {
  const marks = library.reading.marksOf(papers.map(paper => paper.key))
  sendJson(
    response,
    papers.map(paper => itemOf(paper, marks.get(paper.key)?.voted ? 1 : 0)),
  )
}

function itemOf(paper: PaperRecord, upvotes: number) {
  return {
    paper: flat(paper, upvotes),
    publishedAt: paper.submittedAt,
    title: paper.title,
    summary: paper.abstract || paper.summary || '',
    thumbnail: '',
    numComments: 0,
    submittedBy: owner,
    ...(paper.organization && { organization: organizationOf(paper.organization) }),
    isAuthorParticipating: false,
  }
}

function flat(paper: PaperRecord, upvotes: number) {
  return {
    id: paper.key,
    authors: paper.authors.map(({ name }) => ({ _id: idOf(`${paper.key} ${name}`), name, hidden: false })),
    publishedAt: momentOf(paper.publishedAt ?? paper.submittedAt),
    submittedOnDailyAt: paper.submittedAt,
    submittedOnDailyBy: owner,
    title: paper.title,
    summary: paper.abstract || paper.summary || '',
    // Votes of other sites are not ours.
    upvotes,
    discussionId: idOf(paper.key),
    ...(paper.projectPage && { projectPage: paper.projectPage }),
    ...(paper.githubRepo && { githubRepo: paper.githubRepo, githubRepoAddedBy: 'auto' }),
    ...(paper.summary && { ai_summary: paper.summary, ai_keywords: paper.topics }),
    ...(paper.organization && { organization: organizationOf(paper.organization) }),
  }
}

function organizationOf(name: string) {
  return { _id: idOf(`organization ${name}`), name: name.toLowerCase().replace(/[^a-z0-9]+/g, '-'), fullname: name }
}

/** 24 hex digits, as ids there are. */
function idOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24)
}

const owner = {
  _id: idOf('owner'),
  avatarUrl: '/favicon.svg',
  fullname: 'Offprint',
  isPro: false,
  user: 'offprint',
  name: 'offprint',
  type: 'user',
}

/** A day or a month as the moment at which it begins. */
function momentOf(date: string): string {
  return new Date(date.length === 7 ? `${date}-01` : date).toISOString()
}

function wholeNumber(text: string | undefined, preset: number): number | undefined {
  if (text === undefined) return preset
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined
}

function refuse(response: ServerResponse, status: number, error: string): void {
  sendJson(response, { error }, status)
}
