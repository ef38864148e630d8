/** A list of feeds as feed readers take it (OPML 2.0). */
import { escapeXml } from './write.ts'

export interface OutlineFeed {
  title: string
  /** Of its Atom feed, and of the page that shows the same. */
  feed: string
  page: string
}

export interface OutlineGroup {
  title: string
  feeds: OutlineFeed[]
}

export function writeOpml(title: string, groups: OutlineGroup[]): string {
  const attributes = (fields: Record<string, string>) =>
    Object.entries(fields)
      .map(([name, value]) => ` ${name}="${escapeXml(value)}"`)
      .join('')
  const outlines = groups
    .filter(group => group.feeds.length)
    .map(
      group =>
        `    <outline${attributes({ text: group.title })}>\n${group.feeds
          .map(
            ({ title, feed, page }) =>
              `      <outline${attributes({ type: 'rss', text: title, title, xmlUrl: feed, htmlUrl: page })}/>\n`,
          )
          .join('')}    </outline>\n`,
    )
  return `<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0">
  <head><title>${escapeXml(title)}</title></head>
  <body>
${outlines.join('')}  </body>
</opml>
`
}
