/** Papers as a list shows them: with their formulas set, and with what the reader made of them. */
import type { FoundPaper, Offprint, PaperRecord } from '@offprint/server'
import { authorLine, searchPath } from '#lib/format.ts'
import { ShownPaper } from '#lib/shown-paper.ts'
import { renderMath } from './math.ts'

/** What stands on a list is cut to a few lines: more than this would not be seen. */
const leadLength = 600
const authorsShown = 3

/** Address of the page of an author or an organization; a name without a letter or digit has none, and is searched for. */
export function namedPath({ nameInAddress }: Offprint, kind: 'authors' | 'organizations', name: string): string {
  const value = nameInAddress(name)
  return value ? `/${kind}/${encodeURIComponent(value)}` : searchPath(`"${name}"`)
}

export function showPapers(offprint: Offprint, papers: readonly (PaperRecord & Partial<FoundPaper>)[]): ShownPaper[] {
  const { splitMath, library } = offprint
  const marks = library.reading.marksOf(papers.map(paper => paper.key))
  return papers.map(paper => {
    const { key, title, organization, publishedAt, withdrawn, externalVotes, slug, snippetParts } = paper
    // A snippet stands in its place.
    const lead = snippetParts ? '' : paper.summary || paper.abstract
    // Not within a formula: what is cut there stays as it is written.
    const cut = lead.length > leadLength ? `${lead.slice(0, leadLength).toWellFormed()}…` : lead
    return new ShownPaper({
      ...{ key, title, organization, publishedAt, withdrawn, externalVotes, slug, snippetParts },
      ...marks.get(key),
      organizationHref: organization && namedPath(offprint, 'organizations', organization),
      authors: authorLine(paper, authorsShown),
      titleParts: paper.titleParts?.some(part => part.match) ? paper.titleParts : undefined,
      html: { title: renderMath(title, splitMath), lead: renderMath(cut, splitMath) },
    })
  })
}
