/** `/feeds.opml`: everything that is followed here, for a feed reader: new papers, saved searches, lists and tags. */
import type { ServerResponse } from 'node:http'
import { type OutlineFeed, writeOpml } from '../feeds/opml.ts'
import type { Offprint } from '../offprint.ts'
import { attachment } from './downloads.ts'

export function sendOpml({
  response,
  url,
  offprint,
}: {
  response: ServerResponse
  url: URL
  offprint: Offprint
}): void {
  const { library, place } = offprint
  const { reading } = library
  const key = url.searchParams.get('key')?.slice(0, 100)
  const feedOf = (title: string, query: string | undefined): OutlineFeed => {
    const parameters = new URLSearchParams({ ...(query && { q: query }), ...(key && { key }) }).toString()
    return {
      title,
      feed: `${place.url}/feed.atom${parameters && `?${parameters}`}`,
      page: query ? `${place.url}/search?q=${encodeURIComponent(query)}` : `${place.url}/`,
    }
  }
  const opml = writeOpml('Offprint', [
    { title: 'Papers', feeds: [feedOf('New papers', undefined), feedOf('Trending papers', 'sort:trending')] },
    { title: 'Searches', feeds: reading.searches().map(({ query }) => feedOf(query, query)) },
    { title: 'Lists', feeds: reading.lists().map(({ name }) => feedOf(name, `list:"${name}"`)) },
    { title: 'Tags', feeds: reading.tags().map(({ tag }) => feedOf(tag, `tag:"${tag}"`)) },
  ])
  response.writeHead(200, {
    'content-type': 'text/x-opml; charset=utf-8',
    'content-disposition': attachment('offprint.opml'),
    'cache-control': 'private, no-store',
  })
  response.end(opml)
}
