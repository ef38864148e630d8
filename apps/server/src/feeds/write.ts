/** A feed as the bytes of its three formats: Atom (RFC 4287), RSS 2.0 and JSON Feed 1.1. */
import type { Feed, FeedEntry } from './feed.ts'

export const feedTypes = {
  atom: 'application/atom+xml; charset=utf-8',
  rss: 'application/rss+xml; charset=utf-8',
  json: 'application/feed+json; charset=utf-8',
} as const

export function writeFeed(feed: Feed, format: keyof typeof feedTypes): string {
  return { atom: writeAtom, rss: writeRss, json: writeJson }[format](feed)
}

/** What no entry has an updated day for. */
const never = '1970-01-01T00:00:00.000Z'

function writeAtom(feed: Feed): string {
  const entry = ({ id, url, title, authors, text, categories, published, updated }: FeedEntry) => [
    '<entry>',
    tag('id', id),
    tag('title', title),
    link({ rel: 'alternate', type: 'text/html', href: url }),
    tag('published', published),
    tag('updated', updated),
    ...authors.map(name => `<author>${tag('name', name)}</author>`),
    ...categories.map(term => `<category${attributes({ term })}/>`),
    ...(text ? [`<summary type="text">${escapeXml(firstSentence(text))}</summary>`] : []),
    `<content type="html">${escapeXml(htmlOf(text))}</content>`,
    '</entry>',
  ]
  return lines([
    '<?xml version="1.0" encoding="utf-8"?>',
    '<feed xmlns="http://www.w3.org/2005/Atom">',
    tag('id', feed.id),
    tag('title', feed.title),
    tag('updated', feed.updated ?? never),
    // Of entries whose authors are not known; the format wants one.
    `<author>${tag('name', 'Offprint')}</author>`,
    link({ rel: 'self', type: 'application/atom+xml', href: feed.self }),
    link({ rel: 'alternate', type: 'text/html', href: feed.page }),
    ...(feed.next ? [link({ rel: 'next', type: 'application/atom+xml', href: feed.next })] : []),
    ...feed.entries.flatMap(entry),
    '</feed>',
  ])
}

function writeRss(feed: Feed): string {
  const item = ({ id, url, title, authors, text, categories, published }: FeedEntry) => [
    '<item>',
    tag('title', title),
    tag('link', url),
    `<guid isPermaLink="false">${escapeXml(id)}</guid>`,
    tag('pubDate', rfc822(published)),
    ...authors.map(name => tag('dc:creator', name)),
    ...categories.map(name => tag('category', name)),
    tag('description', htmlOf(text)),
    '</item>',
  ]
  return lines([
    '<?xml version="1.0" encoding="utf-8"?>',
    '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/">',
    '<channel>',
    tag('title', feed.title),
    tag('link', feed.page),
    tag('description', 'Papers, as they came into this library.'),
    ...(feed.updated ? [tag('lastBuildDate', rfc822(feed.updated))] : []),
    `<atom:link${attributes({ rel: 'self', type: 'application/rss+xml', href: feed.self })}/>`,
    ...(feed.next ? [`<atom:link${attributes({ rel: 'next', type: 'application/rss+xml', href: feed.next })}/>`] : []),
    ...feed.entries.flatMap(item),
    '</channel>',
    '</rss>',
  ])
}

function writeJson(feed: Feed): string {
  const items = feed.entries.map(({ id, url, title, authors, text, categories, published, updated }) => ({
    id,
    url,
    title,
    content_html: htmlOf(text),
    summary: firstSentence(text),
    date_published: published,
    date_modified: updated,
    ...(authors.length && { authors: authors.map(name => ({ name })) }),
    ...(categories.length && { tags: categories }),
  }))
  const document = {
    version: 'https://jsonfeed.org/version/1.1',
    title: feed.title,
    home_page_url: feed.page,
    feed_url: feed.self,
    ...(feed.next && { next_url: feed.next }),
    items,
  }
  return `${JSON.stringify(document, (_, value) => (typeof value === 'string' ? legal(value) : value))}\n`
}

const lines = (all: string[]) => `${all.join('\n')}\n`
const tag = (name: string, text: string) => `<${name}>${escapeXml(text)}</${name}>`
const link = (given: Record<string, string>) => `<link${attributes(given)}/>`
const attributes = (given: Record<string, string>) =>
  Object.entries(given)
    .map(([name, value]) => ` ${name}="${escapeXml(value)}"`)
    .join('')

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text as it stands in XML and HTML. */
export function escapeXml(text: string): string {
  return legal(text).replace(/[&<>"']/g, character => escapes[character])
}

/** Without what XML 1.0 does not allow at all. */
function legal(text: string): string {
  return text.toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
}

/** Paragraphs of a plain text as HTML. Math stays as it was written. */
function htmlOf(text: string): string {
  return text
    .split(/\n{2,}/)
    .filter(Boolean)
    .map(paragraph => `<p>${escapeXml(paragraph)}</p>`)
    .join('')
}

function firstSentence(text: string): string {
  const end = text.search(/[.!?](?=\s|$)/)
  return end < 0 || end > 400 ? text.slice(0, 400).toWellFormed() : text.slice(0, end + 1)
}

/** `Sat, 28 Nov 2026 10:00:00 +0000`. */
function rfc822(moment: string): string {
  return new Date(moment).toUTCString().replace('GMT', '+0000')
}
