/** Papers that come in over HTTP: files, pasted texts and ids, what they would change, and the sources that are followed. */
import type { IncomingMessage } from 'node:http'
import { setTimeout as timeout } from 'node:timers/promises'
import type { StoredFile } from '../files.ts'
import { readPlainText } from '../library/plain-text.ts'
import { type ImportFormat, importFormats } from '../library/sources/formats.ts'
import type { ImportOptions, ImportPreview, ImportReport } from '../library/types.ts'
import type { Offprint } from '../offprint.ts'
import { linesOfIds, SyncError } from '../sync/sync.ts'
import { eachPart, readFields } from './body.ts'
import { wantsPage } from './browser.ts'
import type { Call, Route } from './edge.ts'
import { HttpError, seeOther, sendJson } from './problem.ts'

/** How long a browser waits for papers from arXiv before it is shown the report as far as it is. */
const pageWaitMs = 20_000
/** Fetches of pasted ids at the same time. They wait for each other all the same, at arXiv's pace. */
const mostFetches = 4
const longestIds = 100_000
let fetches = 0

type Options = Pick<ImportOptions, 'name' | 'format' | 'year'>

export const syncRoutes: Route[] = [
  ['GET', /^\/api\/sync$/, ({ response, offprint }) => sendJson(response, offprint.sync.status())],
  ['POST', /^\/api\/sync$/, call => changeSync(call, (sync, source) => sync.begin(source || undefined), 202)],
  ['POST', /^\/api\/sync\/follow$/, call => changeSync(call, (sync, source) => sync.follow(source))],
  ['POST', /^\/api\/sync\/unfollow$/, call => changeSync(call, (sync, source) => sync.unfollow(source))],
  ['POST', /^\/api\/sync\/cancel$/, call => changeSync(call, (sync, source) => sync.cancel(source))],
]

async function changeSync(
  { request, response, offprint }: Call,
  change: (sync: Offprint['sync'], source: string) => unknown,
  status = 200,
): Promise<void> {
  const { source = '' } = await readFields(request, offprint.files)
  if (typeof source !== 'string' || source.length > 200)
    throw new HttpError(422, 'source must be a name such as arxiv:cs.DC or hf')
  asked(() => change(offprint.sync, source.trim()))
  if (wantsPage(request)) seeOther(response, '/import#sources')
  else sendJson(response, offprint.sync.status(), status)
}

/** What was asked for and cannot be had is the asker's to mend. */
function asked<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    if (error instanceof SyncError) throw new HttpError(422, error.message)
    throw error
  }
}

/**
 * `POST /api/import`: a form with a file or a text, or the text as it is. With `?action=preview` nothing is changed, and
 * what a form sent is kept for a day; `?preview=ID` then imports it.
 */
export async function importPapers(call: Call): Promise<void> {
  const { request, response, url, offprint } = call
  const kept = url.searchParams.get('preview')
  if (kept !== null) {
    const preview = offprint.previews.get(kept)
    if (!preview)
      throw new HttpError(410, 'this preview is gone: they are kept for a day; paste or choose the text again')
    const report = await importUpload(offprint, preview.upload, preview.options)
    offprint.previews.drop(kept)
    return answerReport(call, report)
  }
  const isPreview = url.searchParams.get('action') === 'preview'
  const given = { year: parseYear(url.searchParams.get('year')), format: parseFormat(url.searchParams.get('format')) }
  const type = request.headers['content-type']?.split(';')[0].trim().toLowerCase() ?? ''
  if (type !== 'multipart/form-data') {
    const options = { name: url.searchParams.get('name') ?? 'request', ...given }
    const stream = bounded(request, offprint.settings.UPLOAD_LIMIT_MB * 1024 * 1024)
    if (isPreview) return sendJson(response, await offprint.library.preview(stream, options))
    return answerReport(call, await offprint.library.importStream(stream, options))
  }
  const form = await readForm(request, offprint)
  if (!form) {
    if (wantsPage(request)) return seeOther(response, '/import?empty=1')
    throw new HttpError(422, 'send a file, or text in the field text')
  }
  const { upload } = form
  const options = { name: upload.name, year: form.year ?? given.year, format: form.format ?? given.format }
  if (!isPreview) {
    const report = await importUpload(offprint, upload, options)
    offprint.previews.discard(upload)
    return answerReport(call, report)
  }
  const preview = await previewUpload(offprint, upload, options)
  const { id } = await offprint.previews.keep({ upload, options, preview })
  if (wantsPage(request)) seeOther(response, `/import?preview=${id}`)
  else sendJson(response, { id, ...preview })
}

/** The whole form first: a browser sends the chosen format and year after the file. */
async function readForm(
  request: IncomingMessage,
  { previews }: Offprint,
): Promise<(Omit<Options, 'name'> & { upload: StoredFile }) | undefined> {
  const fields: Record<string, string> = {}
  let upload: StoredFile | undefined
  await eachPart(request, {
    field(name, value) {
      fields[name] = value
    },
    async file(_name, filename, stream) {
      if (filename && !upload) upload = await previews.save(filename, stream)
      else stream.resume()
    },
  })
  const options = { year: parseYear(fields.year ?? null), format: parseFormat(fields.format ?? null) }
  if (!upload && fields.text?.trim()) upload = await previews.save('pasted text', [Buffer.from(fields.text)])
  return upload && { ...options, upload }
}

/** Ids and addresses of arXiv where the text is nothing else. */
async function idsOf(offprint: Offprint, upload: StoredFile, { format }: Options): Promise<string[] | undefined> {
  if (format || upload.bytes > longestIds) return undefined
  let text = ''
  try {
    for await (const piece of readPlainText(offprint.previews.open(upload), { note() {} })) {
      text += piece
      if (text.length > longestIds) return undefined
    }
  } catch {
    // The report of its import says what is wrong with it.
    return undefined
  }
  return linesOfIds(text.replace(/^\ufeff/, ''))
}

async function importUpload(offprint: Offprint, upload: StoredFile, options: Options): Promise<ImportReport> {
  const ids = await idsOf(offprint, upload, options)
  if (!ids) return offprint.library.importStream(offprint.previews.open(upload), options)
  let started: ImportReport | undefined
  const onStart = (report: ImportReport) => {
    started = report
  }
  const done = fetching(() => offprint.sync.importIds(ids, { onStart }))
  const waited = timeout(pageWaitMs, undefined, { ref: false })
  // After the wait nobody else is told.
  done.catch(() => {})
  return (await Promise.race([done, waited])) ?? started ?? done
}

async function previewUpload(offprint: Offprint, upload: StoredFile, options: Options): Promise<ImportPreview> {
  const ids = await idsOf(offprint, upload, options)
  if (!ids) return offprint.library.preview(offprint.previews.open(upload), options)
  return fetching(() =>
    offprint.library.previewItems(offprint.sync.readIds(ids), { name: options.name, format: 'atom' }),
  )
}

async function fetching<T>(work: () => Promise<T>): Promise<T> {
  if (fetches >= mostFetches)
    throw new HttpError(503, 'papers are being fetched from arXiv already; try again in a minute')
  fetches++
  try {
    return await work()
  } catch (error) {
    if (error instanceof SyncError) throw new HttpError(422, error.message)
    throw error
  } finally {
    fetches--
  }
}

function answerReport({ request, response, offprint }: Call, report: ImportReport): void {
  offprint.catchUp()
  if (wantsPage(request)) seeOther(response, `/import?report=${report.id}`)
  else sendJson(response, report, report.state === 'done' ? 200 : report.state === 'running' ? 202 : 422)
}

function parseYear(text: string | null): number | undefined {
  if (!text) return undefined
  if (/^(19|20)\d\d$/.test(text)) return Number(text)
  throw new HttpError(422, `year must be a year such as 2025, found '${text.slice(0, 20)}'`)
}

function parseFormat(text: string | null): ImportFormat | undefined {
  if (!text) return undefined
  if (Object.hasOwn(importFormats, text)) return text as ImportFormat
  throw new HttpError(
    422,
    `format must be one of ${Object.keys(importFormats).join(', ')}, found '${text.slice(0, 20)}'`,
  )
}

async function* bounded(stream: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of stream) {
    bytes += chunk.length
    if (bytes > limit)
      throw new HttpError(
        413,
        `larger than the limit of ${limit / 1024 / 1024} MB (setting UPLOAD_LIMIT_MB); what came before is imported`,
      )
    yield chunk
  }
}
