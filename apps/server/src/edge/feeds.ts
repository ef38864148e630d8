/** `/feed.atom`, `/feed.rss` and `/feed.json`: the newest papers of all, of a search (`?q=`) or of a topic (`?topic=`). */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { paperFeed } from '../feeds/feed.ts'
import { feedTypes, writeFeed } from '../feeds/write.ts'
import type { Offprint } from '../offprint.ts'
import { HttpError } from './problem.ts'

const longestQuery = 250

interface FeedCall {
  request: IncomingMessage
  response: ServerResponse
  url: URL
  offprint: Offprint
}

/** Answers 304 where the reader has this already: the same library gives the same bytes. */
export function sendFeed({ request, response, url, offprint }: FeedCall, ending: string): void {
  const format = ending as keyof typeof feedTypes
  const number = (name: string) => {
    const text = url.searchParams.get(name)
    return text === null ? undefined : Number(text)
  }
  const feed = paperFeed(
    offprint.library,
    offprint.place,
    {
      q: url.searchParams.get('q')?.slice(0, longestQuery) || undefined,
      topic: url.searchParams.get('topic') ?? undefined,
      key: url.searchParams.get('key') ?? undefined,
      limit: number('limit'),
      page: number('page'),
    },
    format,
  )
  if (!feed) throw new HttpError(404, 'there is no such topic any more: topics change as papers come in')
  const text = writeFeed(feed, format)
  const compressed = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))
  const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}${compressed ? '-gzip' : ''}"`
  const modified = feed.updated && new Date(feed.updated).toUTCString()
  const isPrivate = feed.personal || offprint.settings.OWNER_TOKEN !== undefined
  const headers: Record<string, string> = {
    etag: tag,
    vary: 'accept-encoding',
    'cache-control': `${isPrivate ? 'private' : 'public'}, max-age=300`,
    ...(isPrivate && { 'x-robots-tag': 'noindex' }),
    ...(modified && { 'last-modified': modified }),
  }
  if (isKnown(request, tag, modified)) {
    response.writeHead(304, headers).end()
    return
  }
  const body = compressed ? gzipSync(text) : Buffer.from(text)
  response.writeHead(200, {
    ...headers,
    'content-type': feedTypes[format],
    'content-length': body.length,
    ...(compressed && { 'content-encoding': 'gzip' }),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** By its tag where the reader gives one, else by its time (RFC 9110, 13.2.2). */
function isKnown(request: IncomingMessage, tag: string, modified: string | undefined): boolean {
  const tags = request.headers['if-none-match']
  if (tags !== undefined) return tags.split(',').some(one => [tag, '*'].includes(one.trim().replace(/^W\//, '')))
  const since = request.headers['if-modified-since']
  return since !== undefined && modified !== undefined && Date.parse(since) >= Date.parse(modified)
}
