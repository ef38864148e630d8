/** Reads request bodies: JSON, urlencoded and multipart forms. Uploads are streamed to disk, everything is bounded. */
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import busboy from 'busboy'
import type { FileStore, StoredFile } from '../files.ts'
import { HttpError } from './problem.ts'

/** JSON bodies and text fields of forms are held in memory; larger inputs are uploaded as files. */
const memoryLimit = 16 * 1024 * 1024

/**
 * Fields of a request's body by name. Uploaded files are `StoredFile`s. A text field `x.kept` holds a file stored
 * earlier (as JSON) and counts where `x` itself is empty.
 *
 * @throws HttpError for other content types, broken bodies and too large ones; TooLargeError for uploads
 */
export async function readFields(request: IncomingMessage, files: FileStore): Promise<Record<string, unknown>> {
  const type = request.headers['content-type']?.split(';')[0].trim().toLowerCase() ?? ''
  if (type === 'multipart/form-data' || type === 'application/x-www-form-urlencoded') return readForm(request, files)
  const body = await readText(request, memoryLimit)
  if (type === '' && body === '') return {}
  if (type !== 'application/json') throw new HttpError(415, `send application/json or a form, not '${type}'`)
  return parseObject(body)
}

/**
 * A small body without files: a JSON object, or a form whose fields are texts.
 *
 * @throws HttpError for other content types, broken bodies and those larger than `limit` bytes
 */
export async function readFlatBody(request: IncomingMessage, limit: number): Promise<Record<string, unknown>> {
  const type = request.headers['content-type']?.split(';')[0].trim().toLowerCase() ?? ''
  if (type !== '' && type !== 'application/json' && type !== 'application/x-www-form-urlencoded')
    throw new HttpError(415, `send application/json or a form, not '${type}'`)
  const body = await readText(request, limit)
  return type === 'application/json' ? parseObject(body) : Object.fromEntries(new URLSearchParams(body))
}

function parseObject(body: string): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    throw new HttpError(400, 'the body is not JSON')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new HttpError(400, 'the body must be a JSON object with the inputs by name')
  return parsed as Record<string, unknown>
}

export async function readText(request: Readable, limit: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > limit)
      throw new HttpError(
        413,
        `the body is larger than ${limit >= 2 ** 20 ? `${limit / 2 ** 20} MB` : `${limit / 1024} kB`}; upload a file instead`,
      )
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function readForm(request: IncomingMessage, files: FileStore): Promise<Record<string, unknown>> {
  const fields: Record<string, unknown> = Object.create(null)
  const kept: [string, string][] = []
  await eachPart(request, {
    field(name, value) {
      if (name.endsWith('.kept')) kept.push([name.slice(0, -'.kept'.length), value])
      else if (!(name in fields) || fields[name] === '') fields[name] = value
      else if (value !== '' && typeof fields[name] === 'string') fields[name] = [fields[name], value]
    },
    async file(name, filename, stream) {
      const stored = await files.save(filename, stream)
      // Browsers send an empty file without a name for a file field that was left empty.
      if (stored.bytes > 0 || filename) fields[name] = stored satisfies StoredFile
      else if (!(name in fields)) fields[name] = ''
    },
  })
  for (const [name, value] of kept) {
    if (fields[name]) continue
    try {
      fields[name] = value === '' ? '' : JSON.parse(value)
    } catch {
      throw new HttpError(400, `${name}.kept is not JSON`)
    }
  }
  return { ...fields }
}

/** Calls back for each part of a form in turn; a file's stream must be read to its end. */
export async function eachPart(
  request: Readable & Pick<IncomingMessage, 'headers'>,
  on: {
    field(name: string, value: string): void
    file(name: string, filename: string, stream: Readable): Promise<void>
  },
): Promise<void> {
  let parser: busboy.Busboy
  try {
    parser = busboy({
      headers: request.headers,
      defParamCharset: 'utf8',
      limits: { fields: 200, files: 20, parts: 220, fieldNameSize: 100, fieldSize: memoryLimit, headerPairs: 50 },
    })
  } catch (error) {
    throw new HttpError(400, `the form cannot be read: ${(error as Error).message}`)
  }
  const saving: Promise<void>[] = []
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error) => {
      request.unpipe(parser)
      reject(error)
    }
    parser.on('field', (name, value, { valueTruncated, nameTruncated }) => {
      if (valueTruncated) fail(new HttpError(413, `${name} is larger than 16 MB; upload it as a file`))
      else if (nameTruncated) fail(new HttpError(400, 'a field name is longer than 100 characters'))
      else on.field(name, value)
    })
    parser.on('file', (name, stream, { filename }) => {
      const saved = on.file(name, filename ?? '', stream)
      saving.push(saved)
      saved.catch(error => {
        stream.resume()
        fail(error)
      })
    })
    for (const limit of ['fieldsLimit', 'filesLimit', 'partsLimit'] as const)
      parser.on(limit, () => fail(new HttpError(413, 'the form has too many fields')))
    parser.on('error', error => fail(new HttpError(400, `the form cannot be read: ${(error as Error).message}`)))
    parser.on('close', resolve)
    request.on('aborted', () => fail(new HttpError(400, 'the request was cut off')))
    request.on('error', () => fail(new HttpError(400, 'the request was cut off')))
    request.pipe(parser)
  })
  await Promise.all(saving)
}
