/** A site on this machine that speaks as arXiv and Hugging Face do, with made-up papers and the faults that tests want. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface MadePaper {
  id: string
  title: string
  authors?: string[]
  published?: string
}

export type Fault = (request: IncomingMessage, response: ServerResponse, asked: number) => boolean | undefined

const escaped = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;')

/** So many papers of January 2026 with numbered titles. */
export function madePapers(count: number): MadePaper[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `2601.${String(index + 1).padStart(5, '0')}`,
    title: `Made paper of the site, number ${index + 1}`,
    authors: ['Ada Byron', 'Carl Dahl'],
  }))
}

/**
 * @param options.fault answers a request itself, and says so by `true`
 * @param options.pageSize papers on a page of OAI and of the daily list
 */
export async function madeSite(
  papers: MadePaper[],
  { fault = () => false, pageSize = 100 }: { fault?: Fault; pageSize?: number } = {},
) {
  const asked: string[] = []
  const agents = new Set<string>()
  const server = createServer((request, response) => {
    asked.push(request.url!)
    agents.add(request.headers['user-agent'] ?? '')
    if (fault(request, response, asked.length)) return
    const { pathname, searchParams } = new URL(request.url!, 'http://a.example')
    if (pathname === '/oai') response.end(oaiPage(searchParams))
    else if (pathname === '/api/query') response.end(queryPage(searchParams))
    else if (pathname === '/api/daily_papers') response.end(dailyPage(searchParams))
    else response.writeHead(404).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  function oaiPage(query: URLSearchParams): string {
    const start = Number(query.get('resumptionToken') ?? 0)
    const records = papers
      .slice(start, start + pageSize)
      .map(
        ({ id, title, authors = ['Ada Byron'] }) =>
          `<record><header><identifier>oai:arXiv.org:${id}</identifier></header><metadata><arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>${id}</id><version version="v1"><date>Mon, 05 Jan 2026 10:00:00 GMT</date><size>1kb</size></version><title>${escaped(title)}</title><authors>${authors.join(', ')}</authors><categories>cs.DC</categories><abstract>Words.</abstract></arXivRaw></metadata></record>`,
      )
    const next = start + pageSize < papers.length ? start + pageSize : ''
    const content = records.length
      ? `<ListRecords>${records.join('\n')}<resumptionToken>${next}</resumptionToken></ListRecords>`
      : '<error code="noRecordsMatch">none</error>'
    return `<?xml version="1.0"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-01-20T03:04:05Z</responseDate>${content}</OAI-PMH>`
  }

  function queryPage(query: URLSearchParams): string {
    const ids = query.get('id_list')?.split(',')
    const words = /^ti:"(.*)"$/.exec(query.get('search_query') ?? '')?.[1].toLowerCase()
    const found = papers.filter(({ id, title }) => {
      if (ids) return ids.includes(id)
      return (
        words === undefined ||
        title
          .toLowerCase()
          .replace(/[^a-z0-9'-]+/g, ' ')
          .includes(words)
      )
    })
    const start = Number(query.get('start') ?? 0)
    const page = found.slice(start, start + Number(query.get('max_results') ?? 10))
    const entries = page.map(
      ({ id, title, authors = ['Ada Byron'], published = '2026-01-05' }) =>
        `<entry><id>http://arxiv.org/abs/${id}v1</id><title>${escaped(title)}</title><summary>Words.</summary><published>${published}T10:00:00Z</published><updated>${published}T10:00:00Z</updated>${authors.map(name => `<author><name>${name}</name></author>`).join('')}<category term="cs.DC"/></entry>`,
    )
    return `<feed xmlns="http://www.w3.org/2005/Atom" xmlns:o="http://a9.com/-/spec/opensearch/1.1/"><o:totalResults>${found.length}</o:totalResults><o:startIndex>${start}</o:startIndex>${entries.join('\n')}</feed>`
  }

  function dailyPage(query: URLSearchParams): string {
    const start = Number(query.get('p') ?? 0) * pageSize
    return JSON.stringify(
      papers.slice(start, start + pageSize).map(({ id, title }) => ({
        paper: { id, title, summary: 'Words.', upvotes: 3, githubStars: 12 },
        publishedAt: '2026-01-06T08:00:00.000Z',
      })),
    )
  }

  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    asked,
    agents,
    papers,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
