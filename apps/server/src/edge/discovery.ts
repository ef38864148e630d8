/** What programs look for at a site: `/sitemap.xml`, `/robots.txt`, `/llms.txt` and `/opensearch.xml`. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { paperAddress } from '../feeds/feed.ts'
import { escapeXml } from '../feeds/write.ts'
import type { Offprint } from '../offprint.ts'
import { HttpError } from './problem.ts'

interface Call {
  request: IncomingMessage
  response: ServerResponse
  offprint: Offprint
}

/** As the protocol has it. */
export const mostAddresses = 50_000
const rowsAtOnce = 500

const fixedPages = ['/', '/trending', '/topics', '/categories', '/claims', '/tools', '/about']

/** What is not for crawlers: each of these costs work, is about one reader, or has endlessly many addresses. */
const notCrawled = [
  '/api/',
  '/runs',
  '/search',
  '/compare',
  '/import',
  '/login',
  '/offline',
  '/mail',
  '/reading',
  '/feed.',
  '/feeds.',
]

export function sendRobots({ response, offprint }: Call): void {
  const { place, base, settings } = offprint
  const lines = settings.OWNER_TOKEN
    ? ['User-agent: *', 'Disallow: /']
    : ['User-agent: *', ...notCrawled.map(path => `Disallow: ${base}${path}`), '', `Sitemap: ${place.url}/sitemap.xml`]
  send(response, 'text/plain; charset=utf-8', `${lines.join('\n')}\n`)
}

/** Addresses of the site with the day of the last change, in an order that only grows at its end. */
function* addresses({ place, library, tools, pageOf }: Offprint): Generator<{ address: string; changed?: string }> {
  for (const path of fixedPages) yield { address: place.url + path }
  for (const slug of tools.keys()) yield { address: place.url + pageOf(slug) }
  for (const paper of library.records()) yield { address: paperAddress(place, paper.key), changed: paper.fetchedAt }
}

/**
 * All papers and the pages that stay; an index of several files where there are more than fit into one.
 * @param part which of them, from 1; '' for the first or the index
 * @param most addresses a file
 */
export async function sendSitemap(
  { request, response, offprint }: Call,
  part: string,
  most = mostAddresses,
): Promise<void> {
  const { library, place, tools } = offprint
  const parts = Math.ceil((fixedPages.length + tools.size + library.count()) / most)
  const number = part === '' ? 1 : Number(part)
  if (part !== '' && (number < 1 || number > parts))
    throw new HttpError(404, `there are ${parts} parts of the site map`)
  // The same library gives the same bytes.
  const tag = `"sitemap-${library.revision()}-${part}"`
  const headers = { etag: tag, 'cache-control': 'public, max-age=3600' }
  if (request.headers['if-none-match'] === tag) {
    response.writeHead(304, headers).end()
    return
  }
  response.writeHead(200, { ...headers, 'content-type': 'application/xml; charset=utf-8' })
  if (request.method === 'HEAD') return void response.end()
  const write = async (text: string) => {
    if (response.destroyed) return
    if (!response.write(text))
      await new Promise<void>(resolve => {
        response.once('drain', resolve)
        response.once('close', resolve)
      })
  }
  const space = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
  await write('<?xml version="1.0" encoding="UTF-8"?>\n')
  if (part === '' && parts > 1) {
    const all = Array.from(
      { length: parts },
      (_, index) => `<sitemap><loc>${escapeXml(`${place.url}/sitemap-${index + 1}.xml`)}</loc></sitemap>\n`,
    )
    response.end(`<sitemapindex ${space}>\n${all.join('')}</sitemapindex>\n`)
    return
  }
  await write(`<urlset ${space}>\n`)
  let index = -1
  let text = ''
  for (const { address, changed } of addresses(offprint)) {
    index++
    // Others are served meanwhile.
    if (index % rowsAtOnce === 0) {
      await write(text)
      text = ''
      await new Promise(resolve => setImmediate(resolve))
      if (response.destroyed) return
    }
    if (index < (number - 1) * most) continue
    if (index >= number * most) break
    text += `<url><loc>${escapeXml(address)}</loc>${changed ? `<lastmod>${escapeXml(changed)}</lastmod>` : ''}</url>\n`
  }
  response.end(`${text}</urlset>\n`)
}

/** Lets a browser search the site from its address bar. */
export function sendOpenSearch({ response, offprint }: Call): void {
  const { url } = offprint.place
  const link = (type: string, path: string) => `  <Url type="${type}" template="${escapeXml(url + path)}"/>`
  send(
    response,
    'application/opensearchdescription+xml; charset=utf-8',
    [
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">',
      '  <ShortName>Offprint</ShortName>',
      '  <Description>Papers of this library, by words and meaning</Description>',
      '  <InputEncoding>UTF-8</InputEncoding>',
      `  <Image height="32" width="32" type="image/svg+xml">${escapeXml(url)}/favicon.svg</Image>`,
      link('text/html', '/search?q={searchTerms}'),
      link('application/atom+xml', '/feed.atom?q={searchTerms}'),
      link('application/json', '/api/search?q={searchTerms}'),
      `  <Url type="application/opensearchdescription+xml" rel="self" template="${escapeXml(url)}/opensearch.xml"/>`,
      '</OpenSearchDescription>',
      '',
    ].join('\n'),
  )
}

/** What is here for programs that read text, in the form of llmstxt.org. */
export function sendLlms({ response, offprint }: Call): void {
  const { place, papers, tools, library } = offprint
  const { url } = place
  const runnable = [...papers.values()].filter(paper => Object.keys(paper.methods).length)
  const plain = (text: string) =>
    text
      .replace(/\s+/g, ' ')
      .replace(/[\\[\]]/g, '\\$&')
      .trim()
  const lines = [
    '# Offprint',
    '',
    `> Daily papers whose papers run. ${library.count()} papers that can be read and searched; ${runnable.length} of them can be run here on data of your own.`,
    '',
    `Every paper has its page as text: ${url}/papers/ID.md, or ask for \`Accept: text/markdown\`. Errors are problem+json.`,
    '',
    '## Read',
    '',
    `- [Search](${url}/api/search?q=vector+search): JSON; words, "phrases", -without; \`limit\`, \`offset\``,
    `- [Papers of a day](${url}/api/daily_papers): JSON in the shape of Hugging Face’s API; \`date\`, \`week\`, \`month\``,
    `- [New papers](${url}/feed.atom): Atom, also feed.rss and feed.json; \`q\`, \`topic\``,
    `- [Everything](${url}/api/export): JSON lines, one paper a line; \`format\` for BibTeX, CSL-JSON and others`,
    '',
    '## Run',
    '',
    `- [Every method with its input](${url}/api/openapi.json): OpenAPI 3.1; with \`Prefer: wait=30\` a run is answered with its result`,
    `- [Papers that run](${url}/api/papers): JSON, with fields and claims`,
    `- [Claims](${url}/api/claims): what papers say, what came out here, and whether that counts`,
    '',
    '## Papers that run here',
    '',
    ...runnable.map(({ slug, about, methods }) => {
      const key = about.arxiv ?? slug
      return `- [${plain(about.title)}](${paperAddress(place, key)}.md): ${plain(about.summary)} Methods: ${Object.keys(methods).join(', ')}.`
    }),
    '',
    '## Tools',
    '',
    ...[...tools.values()].map(
      ({ slug, about, methods }) =>
        `- [${plain(about.title)}](${url}${offprint.pageOf(slug)}): ${plain(about.summary)} Methods: ${Object.keys(methods).join(', ')}.`,
    ),
    '',
  ]
  send(response, 'text/plain; charset=utf-8', lines.join('\n'))
}

function send(response: ServerResponse, type: string, text: string): void {
  response.writeHead(200, { 'content-type': type, 'cache-control': 'public, max-age=3600' })
  response.end(text)
}
