/** What a page says about itself to search engines, reference managers and whoever shows a link to it. */
import type { Offprint, PaperRecord } from '@offprint/server'
import { authorLine, formatDate, formatPeriod, paperPath } from '#lib/format.ts'

export interface PageMetadata {
  description: string
  /** The one address of what the page shows; undefined where it is not to be found by search engines. */
  canonical?: string
  /** Names and contents of `<meta name>` and `<meta property>`. */
  names: [name: string, content: string][]
  properties: [property: string, content: string][]
  /** A script element of JSON-LD, ready to be put into the page. */
  jsonLd?: string
}

const longestDescription = 200
/** Papers of large collaborations have thousands. */
const mostAuthors = 200

const house = 'Daily papers whose papers run: read them, run them on your own data, check their claims.'

/** Pages that look the same to everybody; what is not here or below is for those who are at work, not for search engines. */
const pages: Record<string, [title: string, description: string]> = {
  '/': ['Offprint', house],
  '/topics': [
    'Topics',
    'The library by topic: papers that belong together, each topic shown by the paper in its middle.',
  ],
  '/trending': ['Trending', 'The papers that got attention here lately.'],
  '/categories': ['Categories', 'The papers of this library by the categories of arXiv.'],
  '/claims': ['Claims', 'What the papers say of themselves, what came out here, and whether that counts.'],
  '/tools': ['Tools', 'What runs here on your own data without being a paper’s.'],
  '/about': ['About', 'What Offprint is, and what its papers can do.'],
}

const facets = { authors: 'author', organizations: 'organization', categories: 'category' } as const

/** @param route id of the page's route; null where there is no such page */
export function pageMetadata(
  offprint: Offprint,
  route: string | null,
  params: Partial<Record<string, string>>,
  url: URL,
): PageMetadata {
  const { place, library } = offprint
  const of = (title: string, text: string, path: string, type = 'website'): PageMetadata => {
    const description = shorten(text)
    const canonical = place.url + path
    return {
      description,
      canonical,
      names: [['twitter:card', 'summary']],
      properties: [
        ['og:type', type],
        ['og:site_name', 'Offprint'],
        ['og:title', title],
        ['og:description', description],
        ['og:url', canonical],
      ],
    }
  }
  if (route === '/papers/[...key]') {
    const paper = library.paper(params.key ?? '')
    if (paper && !('redirect' in paper)) {
      const page = of(paper.title, aboutPaper(paper), paperPath(paper.key), 'article')
      return withPaper(page, paper)
    }
  }
  const tool = route === '/tools/[slug]' ? offprint.tools.get(params.slug ?? '') : undefined
  if (tool) return of(tool.about.title, tool.about.summary, offprint.pageOf(tool.slug))
  const fixed = route ? pages[route] : undefined
  if (fixed) return of(...fixed, route!)
  if (route === '/topics/[id]') {
    const topic = library.topic(params.id ?? '')
    if (topic)
      return of(
        topic.words.slice(0, 3).join(', '),
        `${topic.members.length} papers that belong together: ${topic.words.join(', ')}.`,
        `/topics/${topic.id}`,
      )
  }
  const named = /^\/(authors|organizations|categories)\//.exec(route ?? '')?.[1] as keyof typeof facets | undefined
  const value = params.name ?? params.id
  if (named && value) {
    const found = library.facet(facets[named], value, { limit: 0 })
    const title = (named === 'categories' && offprint.categoryName(value)) || found?.label
    if (found && title)
      return of(
        title,
        `${found.total === 1 ? 'One paper' : `${found.total} papers`}: ${title}.`,
        `/${named}/${encodeURIComponent(value)}`,
      )
  }
  const kind = /^\/(day|week|month)\//.exec(route ?? '')?.[1]
  const name = params.date ?? params.week ?? params.month
  if (kind && name && library.period(name, { limit: 0 })?.kind === kind) {
    const { title } = formatPeriod({ kind, name })
    const page = Number(url.searchParams.get('page'))
    return of(title, `The papers of ${title}.`, `/${kind}/${name}${page > 1 ? `?page=${Math.floor(page)}` : ''}`)
  }
  return { description: house, names: [['robots', 'noindex']], properties: [] }
}

function aboutPaper(paper: PaperRecord): string {
  const text = paper.summary || paper.abstract
  if (text) return text
  return (
    [authorLine(paper, 3), paper.publishedAt && formatDate(paper.publishedAt)].filter(Boolean).join(', ') || paper.title
  )
}

/** One line of at most 200 characters, cut between words. */
export function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  if (line.length <= longestDescription) return line
  const cut = line.slice(0, longestDescription - 1)
  const end = cut.lastIndexOf(' ')
  return `${(end > longestDescription / 2 ? cut.slice(0, end) : cut).toWellFormed().replace(/[\s,;:.\ufffd]+$/, '')}…`
}

function withPaper(page: PageMetadata, paper: PaperRecord): PageMetadata {
  const { arxivId, doi, publishedAt, updatedAt } = paper
  const authors = paper.authors.slice(0, mostAuthors).map(author => author.name)
  const abs = arxivId && `https://arxiv.org/abs/${arxivId}`
  const date = publishedAt?.replaceAll('-', '/')
  const given = (list: [string, string | undefined][]) => list.filter((one): one is [string, string] => Boolean(one[1]))
  const data = {
    '@context': 'https://schema.org',
    '@type': 'ScholarlyArticle',
    headline: paper.title.slice(0, 110),
    name: paper.title,
    author: authors.map(name => ({ '@type': 'Person', name })),
    datePublished: publishedAt,
    dateModified: updatedAt,
    abstract: paper.abstract || undefined,
    identifier: arxivId ? { '@type': 'PropertyValue', propertyID: 'arXiv', value: arxivId } : undefined,
    sameAs: [abs, doi && `https://doi.org/${encodeURI(doi)}`].filter(Boolean),
    url: page.canonical,
    keywords: [...paper.topics, ...paper.categories].join(', ') || undefined,
    isAccessibleForFree: true,
  }
  return {
    ...page,
    names: [
      ...page.names,
      ...given([
        ['citation_title', paper.title],
        ...authors.map((name): [string, string] => ['citation_author', name]),
        ['citation_publication_date', date],
        ['citation_online_date', date],
        ['citation_arxiv_id', arxivId],
        ['citation_doi', doi],
        ['citation_abstract_html_url', page.canonical],
        ['citation_pdf_url', arxivId && `https://arxiv.org/pdf/${arxivId}`],
      ]),
    ],
    properties: [...page.properties, ...given([['article:published_time', publishedAt]])],
    // No text can end the element: every `<` is written as an escape.
    jsonLd: `<script type="application/ld+json">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script>`,
  }
}
