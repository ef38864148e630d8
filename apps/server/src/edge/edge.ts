/** The HTTP edge: checks who asks, answers `/api`, uploads and health itself, and hands the rest to the site's pages. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { inputJsonSchema } from '@offprint/papers/fields'
import { citeFormats, type ExportFormat, exportFormats } from '../library/sources/exports.ts'
import type { Offprint } from '../offprint.ts'
import type { Run } from '../runs/types.ts'
import { readFields, readText } from './body.ts'
import { ownPath, wantsMarkdown, wantsPage } from './browser.ts'
import { sendLlms, sendOpenSearch, sendRobots, sendSitemap } from './discovery.ts'
import { attachment, sendArchive, sendInput, sendRunFile, sendTable } from './downloads.ts'
import { sendFeed } from './feeds.ts'
import { sendDailyPapers, sendFoundPapers, sendMarkdown, sendPaper } from './hf-papers.ts'
import { importPapers, syncRoutes } from './imports.ts'
import { isOneClick, isOpenMailPath, mailRoutes } from './mail.ts'
import { sendOpml } from './opml.ts'
import { shapeOutgoing } from './outgoing.ts'
import { HttpError, type Problem, problemOf, seeOther, sendJson, sendProblem, sendWrittenJson } from './problem.ts'
import {
  changeFeedKeys,
  changeLists,
  changeMarks,
  changeSearches,
  sendList,
  sendMarks,
  sendReading,
  sendReadingArchive,
} from './reading.ts'
import { withoutBase } from './sub-path.ts'
import { checkHost, checkSameSite, endedCookie, isOwner, isSecure, isToken, sessionCookie } from './trust.ts'

/** A request as the site's handler gets it: the library rides along, and what the edge refused, to be shown as a page. */
export type PageRequest = IncomingMessage & { offprint: Offprint; problem?: Problem }
export type PageHandler = (request: PageRequest, response: ServerResponse) => void

const securityHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

/** Longest that `Prefer: wait=` waits, in seconds. */
const longestWait = 300

/** How long a browser waits for a run before it is shown its progress. */
const pageWaitMs = 800

export interface Call {
  request: IncomingMessage
  response: ServerResponse
  url: URL
  offprint: Offprint
  /** Has the site answer this request with the page of an address. */
  page(path: string): void
}

export type Route = [method: string, path: RegExp, answer: (call: Call, ...parts: string[]) => void | Promise<void>]

const routes: Route[] = [
  [
    'GET',
    /^\/health$/,
    ({ response, offprint }) =>
      sendJson(response, {
        status: 'ok',
        papers: offprint.library.count(),
        // What is computed in the background and is of an earlier state.
        behind: offprint.behind(),
        ...offprint.runs.counts(),
      }),
  ],
  ['POST', /^\/login$/, login],
  ['POST', /^\/logout$/, ({ response }) => seeOther(response, '/login', { 'set-cookie': endedCookie })],
  ['POST', /^\/theme$/, chooseTheme],
  ['GET', /^\/robots\.txt$/, sendRobots],
  ['GET', /^\/sitemap(?:-([1-9]\d{0,5}))?\.xml$/, (call, part) => sendSitemap(call, part ?? '')],
  ['GET', /^\/llms\.txt$/, sendLlms],
  ['GET', /^\/opensearch\.xml$/, sendOpenSearch],
  ['GET', /^\/feed\.(atom|rss|json)$/, sendFeed],
  ['GET', /^\/api\/papers$/, ({ response, offprint }) => sendJson(response, { papers: listPapers(offprint) })],
  ['GET', /^\/api\/papers\/(.+)\/similar$/, similarPapers],
  ['GET', /^\/api\/papers\/(.+)\/cite\.(bib|ris|json)$/, cite],
  ['GET', /^\/api\/papers\/search$/, sendFoundPapers],
  ['GET', /^\/api\/papers\/(.+)\/marks$/, sendMarks],
  ['POST', /^\/api\/papers\/(.+)\/marks$/, changeMarks],
  ['GET', /^\/api\/reading$/, sendReading],
  ['GET', /^\/api\/reading\/archive\.zip$/, sendReadingArchive],
  ['POST', /^\/api\/reading\/searches$/, changeSearches],
  ['POST', /^\/api\/reading\/lists$/, changeLists],
  ['GET', /^\/api\/reading\/lists\/([^/]+)\.(bib|ris|json)$/, sendList],
  ['POST', /^\/api\/reading\/feed-keys$/, changeFeedKeys],
  ['GET', /^\/feeds\.opml$/, sendOpml],
  ['GET', /^\/api\/papers\/(.+)$/, sendPaper],
  ['GET', /^\/api\/daily_papers$/, sendDailyPapers],
  ['GET', /^\/papers\/(.+)\.md$/, sendMarkdown],
  ['GET', /^\/api\/search$/, search],
  [
    'GET',
    /^\/api\/claims$/,
    ({ response, url, offprint }) =>
      sendJson(response, { claims: offprint.claims(url.searchParams.get('paper') ?? undefined) }),
  ],
  ['POST', /^\/api\/run\/([^/]+)\/([^/]+)$/, startRun],
  ['POST', /^\/api\/check\/([^/]+)\/([^/]+)$/, startCheck],
  [
    'GET',
    /^\/api\/runs$/,
    ({ response, url, offprint }) =>
      sendJson(response, {
        runs: offprint.runs.store.list({
          paper: url.searchParams.get('paper') ?? '',
          before: url.searchParams.get('before') ?? '',
          limit: Math.min(200, Math.max(1, Math.floor(Number(url.searchParams.get('limit')) || 50))),
        }),
      }),
  ],
  ['GET', /^\/api\/runs\/([^/]+)$/, ({ response, offprint }, id) => sendJson(response, record(offprint, id))],
  ['GET', /^\/api\/runs\/([^/]+)\/events$/, events],
  ['POST', /^\/api\/runs\/([^/]+)\/cancel$/, cancel],
  ['POST', /^\/api\/runs\/([^/]+)\/repeat$/, repeat],
  ['GET', /^\/api\/runs\/([^/]+)\/tables\/([^/]+)\.csv$/, sendTable],
  ['GET', /^\/api\/runs\/([^/]+)\/files\/([^/]+)$/, sendRunFile],
  ['GET', /^\/api\/runs\/([^/]+)\/inputs\/([^/]+)$/, sendInput],
  ['GET', /^\/api\/runs\/([^/]+)\/archive\.zip$/, sendArchive],
  ['POST', /^\/api\/import$/, importPapers],
  ...syncRoutes,
  [
    'GET',
    /^\/api\/imports\/([^/]+)$/,
    ({ response, offprint }, id) => sendJson(response, offprint.library.importReport(id) ?? missing(`no import ${id}`)),
  ],
  ['GET', /^\/api\/export$/, exportPapers],
  ['GET', /^\/api\/openapi\.json$/, ({ response, offprint }) => sendJson(response, openApi(offprint))],
  ...mailRoutes,
]

/** @param pages answers everything that is not the edge's own */
export function createEdge(offprint: Offprint, pages: PageHandler): Server {
  const { settings } = offprint
  const server = createServer((request, response) => {
    shapeOutgoing(request, response, offprint.base)
    const started = answer(request, response)
    started.catch(error => {
      const problem = problemOf(error)
      // What is left of a refused body is not read; the connection ends with the answer.
      if (!request.complete) response.setHeader('connection', 'close')
      if (!wantsPage(request) || problem.status === 421 || response.headersSent) return sendProblem(response, problem)
      pages(Object.assign(request, { offprint, problem, method: 'GET', url: '/problem' }), response)
    })
  })
  server.requestTimeout = 600_000
  server.headersTimeout = 20_000

  /** A feed's address may carry a key that the owner made for feed readers. */
  function hasKey({ pathname, searchParams }: URL): boolean {
    const key = /^\/feed\.(atom|rss|json)$/.test(pathname) ? searchParams.get('key') : null
    return key !== null && offprint.library.reading.isFeedKey(key)
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value)
    checkHost(request, settings)
    if (offprint.base) {
      const address = withoutBase(request.url ?? '/', offprint.base)
      if (address === undefined) return seeOther(response, `/${request.url!.slice(offprint.base.length)}`)
      request.url = address
    }
    const url = parseUrl(request)
    if (!isOneClick(request.method, url.pathname)) checkSameSite(request)
    const scheme = isSecure(request, settings) ? 'https' : 'http'
    if (!settings.TRUST_PROXY)
      for (const name of Object.keys(request.headers)) if (name.startsWith('x-forwarded-')) delete request.headers[name]
    // The site takes the scheme from here.
    request.headers['x-forwarded-proto'] = scheme
    if (settings.OWNER_TOKEN && !isOwner(request, settings.OWNER_TOKEN) && !isOpen(url.pathname) && !hasKey(url)) {
      if (url.pathname.startsWith('/api/') || request.method !== 'GET')
        throw new HttpError(401, 'send the owner token as Authorization: Bearer …, or log in at /login')
      return seeOther(response, `/login?next=${encodeURIComponent(url.pathname + url.search)}`)
    }
    const matching = routes.filter(([, path]) => path.test(url.pathname))
    const route = matching.find(
      ([method]) => method === request.method || (method === 'GET' && request.method === 'HEAD'),
    )
    if (route) {
      const parts = route[1]
        .exec(url.pathname)!
        .slice(1)
        .map(part => part && decodePart(part))
      const page = (path: string) => pages(Object.assign(request, { offprint, method: 'GET', url: path }), response)
      return route[2]({ request, response, url, offprint, page }, ...parts)
    }
    if (matching.length && request.method !== 'GET' && request.method !== 'HEAD')
      throw new HttpError(405, `${request.method} is not for this address`)
    if (url.pathname.startsWith('/api/')) throw new HttpError(404, `there is no ${url.pathname}`)
    if (request.method !== 'GET' && request.method !== 'HEAD') throw new HttpError(405, 'pages are only read')
    const paper = /^\/papers\/(.+)$/.exec(url.pathname)
    if (paper && wantsMarkdown(request)) return sendMarkdown({ request, response, url, offprint }, decodePart(paper[1]))
    if (paper) nameMarkdown(response, offprint, decodePart(paper[1]))
    pages(Object.assign(request, { offprint }), response)
  }
  return server
}

/** Programs learn from the header where a paper's page is as text. */
function nameMarkdown(response: ServerResponse, { library }: Offprint, name: string): void {
  const paper = library.paper(name)
  if (!paper || 'redirect' in paper) return
  const path = paper.key.split('/').map(encodeURIComponent).join('/')
  response.setHeader('link', `</papers/${path}.md>; rel="alternate"; type="text/markdown"`)
  response.setHeader('vary', 'accept')
}

function parseUrl(request: IncomingMessage): URL {
  try {
    return new URL(request.url ?? '/', 'http://localhost')
  } catch {
    throw new HttpError(400, 'the address cannot be read')
  }
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new HttpError(400, 'the address has a broken % sequence')
  }
}

const openFiles = new Set([
  '/favicon.svg',
  '/icon-192.png',
  '/icon-512.png',
  '/icon-maskable-512.png',
  '/manifest.webmanifest',
  '/offprint.js',
  '/results.js',
  '/robots.txt',
  '/service-worker.js',
])

/** What is shown without the token: the login page with its styles, and health. */
function isOpen(path: string): boolean {
  return (
    path === '/login' ||
    path === '/health' ||
    path.startsWith('/_app/') ||
    path === '/theme' ||
    path === '/offline' ||
    isOpenMailPath(path) ||
    openFiles.has(path)
  )
}

function missing(what: string): never {
  throw new HttpError(404, what)
}

function record(offprint: Offprint, id: string) {
  return offprint.runs.store.record(id) ?? missing(`there is no run ${id.slice(0, 40)}`)
}

/** Light, dark, or what the system says: kept in a cookie, so that pages come in it without a script. */
async function chooseTheme({ request, response, offprint }: Call): Promise<void> {
  const form = new URLSearchParams(await readText(request, 10_000))
  const theme = form.get('theme')
  const chosen = theme === 'light' || theme === 'dark' ? theme : ''
  const age = chosen ? 400 * 86_400 : 0
  const secure = isSecure(request, offprint.settings) ? '; Secure' : ''
  seeOther(response, ownPath(form.get('next')), {
    'set-cookie': `theme=${chosen}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`,
  })
}

// Slows down guessing: failed logins are counted for all callers together, as addresses are cheap.
let failedLogins: number[] = []

async function login({ request, response, url, offprint }: Call): Promise<void> {
  const { OWNER_TOKEN: token } = offprint.settings
  const target = ownPath(url.searchParams.get('next'))
  if (!token) return seeOther(response, target)
  const minuteAgo = Date.now() - 60_000
  failedLogins = failedLogins.filter(time => time > minuteAgo)
  if (failedLogins.length >= 20) throw new HttpError(429, 'too many wrong tokens; try again in a minute')
  const given = new URLSearchParams(await readText(request, 10_000)).get('token') ?? ''
  if (!isToken(given, token)) {
    failedLogins.push(Date.now())
    return seeOther(response, `/login?wrong=1&next=${encodeURIComponent(target)}`)
  }
  seeOther(response, target, { 'set-cookie': sessionCookie(token, isSecure(request, offprint.settings)) })
}

/** The papers that have a module, with what they can do: the same for `papers --json`. */
export function listPapers(offprint: Offprint) {
  return [...offprint.papers.values()].map(({ slug, about, methods, claims }) => ({
    slug,
    title: about.title,
    arxiv: about.arxiv,
    topics: about.topics,
    methods: Object.entries(methods).map(([name, method]) => ({
      name,
      title: method.title,
      description: method.description,
      effort: method.effort,
      fields: offprint.fieldsOf(method),
    })),
    claims: claims.map(claim => claim.id),
  }))
}

function similarPapers({ response, offprint }: Call, key: string): void {
  const paper = offprint.library.paper(key) ?? missing(`there is no paper ${key.slice(0, 100)}`)
  if ('redirect' in paper) seeOther(response, `/api/papers/${paper.redirect}/similar`)
  else sendJson(response, { papers: offprint.library.similar(paper.key) })
}

async function search({ response, url, offprint }: Call): Promise<void> {
  const limit = Math.min(100, Math.max(1, Number(url.searchParams.get('limit')) || 20))
  const offset = Math.max(0, Math.floor(Number(url.searchParams.get('offset')) || 0))
  const typing = url.searchParams.get('typing') === '1'
  const facets = url.searchParams.get('facets') === '1'
  const query = url.searchParams.get('q') ?? ''
  // Not at every letter that is typed.
  const waiting = typing ? undefined : offprint.prepareQuery(query)
  if (waiting) await waiting
  sendWrittenJson(response, await offprint.searchJson(query, { limit, offset, typing, facets }))
}

async function startRun({ request, response, offprint }: Call, slug: string, method: string): Promise<void> {
  const { runs } = offprint
  const known = offprint.module(slug)?.methods[method]
  // An upload for a method that does not exist is not even read.
  const values = known ? await readFields(request, offprint.files) : {}
  let run: Run
  try {
    run = await runs.submit(slug, method, values, { absentMeansOff: wantsPage(request) })
  } catch (error) {
    const { errors } = problemOf(error)
    if (!known || !errors || !wantsPage(request)) throw error
    const draft = runs.store.saveDraft({ paper: slug, method, values, errors })
    return seeOther(response, `${offprint.pageOf(slug)}?method=${method}&draft=${draft}#run`)
  }
  await answerRun(request, response, offprint, run)
}

async function startCheck({ request, response, offprint }: Call, slug: string, claim: string): Promise<void> {
  await answerRun(request, response, offprint, offprint.runs.submitCheck(slug, claim))
}

async function repeat({ request, response, offprint }: Call, id: string): Promise<void> {
  await answerRun(
    request,
    response,
    offprint,
    offprint.runs.repeat(id) ?? missing(`there is no run ${id.slice(0, 40)}`),
  )
}

/** To a browser the run's page; to a program 202 with the run's address, or its record where it asked to wait for it. */
async function answerRun(
  request: IncomingMessage,
  response: ServerResponse,
  offprint: Offprint,
  run: Run,
): Promise<void> {
  const location = `/api/runs/${run.id}`
  const addresses = { url: offprint.base + location, page: `${offprint.base}/runs/${run.id}` }
  if (wantsPage(request)) {
    // Most quick runs are done by then, and the reader goes straight to the result.
    await offprint.runs.wait(run.id, pageWaitMs)
    return seeOther(response, `/runs/${run.id}`)
  }
  const wait = /\bwait=(\d+)/.exec(String(request.headers.prefer ?? ''))
  if (!wait) return sendJson(response, { run, ...addresses }, 202, { location })
  const done = await offprint.runs.wait(run.id, Math.min(longestWait, Number(wait[1])) * 1000)
  const ended = done!.run
  if (ended.error?.kind === 'input') {
    const { message, field = 'input' } = ended.error
    return sendProblem(response, {
      status: 422,
      title: 'Input cannot be used',
      detail: message,
      errors: [{ field, message }],
    })
  }
  const finished = !['queued', 'running'].includes(ended.status)
  sendJson(response, finished ? done : { run: ended, ...addresses }, finished ? 200 : 202, {
    location,
    'preference-applied': `wait=${wait[1]}`,
  })
}

function cancel({ request, response, offprint }: Call, id: string): void {
  const { run } = record(offprint, id)
  const cancelled = offprint.runs.cancel(id)
  if (!cancelled && ['queued', 'running'].includes(run.status))
    throw new HttpError(409, 'this run belongs to another process; cancel it there')
  if (wantsPage(request)) seeOther(response, `/runs/${id}`)
  else sendJson(response, { cancelled })
}

/** Server-sent events: `status` (the run), `progress`, `log` (first all `lines`, then each `line`); ends with the run. */
function events({ request, response, offprint }: Call, id: string): void {
  const { run } = record(offprint, id)
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  if (request.method === 'HEAD') return void response.end()
  const send = (type: string, data: unknown) => response.write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`)
  send('status', run)
  const progress = offprint.runs.progress(id)
  if (progress) send('progress', progress)
  // The whole log first: whoever comes late has missed lines.
  send('log', { lines: offprint.runs.log(id) ?? run.log })
  if (!['queued', 'running'].includes(run.status)) return void response.end()
  const beat = setInterval(() => response.write(': still here\n\n'), 15_000)
  const stop = offprint.runs.watch(id, event => {
    if (event.type === 'progress') send('progress', event.progress)
    else if (event.type === 'log') send('log', { line: event.line })
    else {
      send('status', event.run)
      if (!['queued', 'running'].includes(event.run.status)) response.end()
    }
  })
  // A run of another process is followed by looking at its row.
  const elsewhere = offprint.runs.isOurs(id)
    ? undefined
    : setInterval(() => {
        const now = offprint.runs.store.get(id)
        if (now && ['queued', 'running'].includes(now.status)) return
        send('status', now)
        response.end()
      }, 1000)
  const close = () => {
    clearInterval(beat)
    clearInterval(elsewhere)
    stop()
  }
  response.on('close', close)
  request.on('close', close)
}

async function exportPapers({ response, url, offprint }: Call): Promise<void> {
  const name = url.searchParams.get('format') ?? 'jsonl'
  if (!Object.hasOwn(exportFormats, name))
    throw new HttpError(
      422,
      `format must be one of ${Object.keys(exportFormats).join(', ')}, found '${name.slice(0, 20)}'`,
    )
  const { type, ending, write } = exportFormats[name as ExportFormat]
  response.writeHead(200, { 'content-type': type, 'content-disposition': attachment(`offprint.${ending}`) })
  for (const piece of write(offprint.library.records()))
    if (!response.write(piece)) await new Promise(resolve => response.once('drain', resolve))
  response.end()
}

/** A paper as reference managers take it. */
function cite({ response, offprint }: Call, key: string, ending: string): void {
  const paper = offprint.library.paper(key) ?? missing(`there is no paper ${key.slice(0, 100)}`)
  if ('redirect' in paper) {
    seeOther(response, `/api/papers/${paper.redirect}/cite.${ending}`)
    return
  }
  const { type, one } = citeFormats[ending as keyof typeof citeFormats]
  response.writeHead(200, {
    'content-type': `${type}; charset=utf-8`,
    'content-disposition': attachment(`${paper.key.replaceAll('/', '-')}.${ending}`),
  })
  response.end(one(paper))
}

function openApi(offprint: Offprint) {
  const paths: Record<string, unknown> = {}
  for (const paper of [...offprint.papers.values(), ...offprint.tools.values()])
    for (const [name, method] of Object.entries(paper.methods))
      paths[`/api/run/${paper.slug}/${name}`] = {
        post: {
          summary: `${paper.about.title}: ${method.title}`,
          description: method.description,
          requestBody: {
            content: {
              'application/json': { schema: inputJsonSchema(method) },
              'multipart/form-data': { schema: inputJsonSchema(method) },
            },
          },
          responses: {
            202: { description: 'Accepted; the run’s address is in Location' },
            200: { description: 'With Prefer: wait=30, the run’s record' },
            422: { description: 'problem+json with the field' },
          },
        },
      }
  return {
    openapi: '3.1.0',
    info: { title: 'Offprint', version: '0.1.0' },
    servers: [{ url: offprint.base || '/' }],
    paths,
  }
}
