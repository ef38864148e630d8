/** Papers as a page shows them: with their formulas set. */
import type { Offprint, PaperRecord } from '@offprint/server'
import { renderMath } from './math.ts'

export interface ShownPaper extends PaperRecord {
  /** The title, and the summary or abstract on a list, as HTML. */
  html: { title: string; lead: string }
  voted?: boolean
  read?: boolean
}

/** What stands on a list is cut to a few lines: more than this would not be seen. */
const leadLength = 600

/** The papers of a list, with what the reader made of them. */
export function showPapers<Paper extends PaperRecord>(
  offprint: Offprint,
  papers: readonly Paper[],
): (Paper & ShownPaper)[] {
  const marks = offprint.library.reading.marksOf(papers.map(paper => paper.key))
  return papers.map(paper => ({ ...paper, ...showPaper(offprint, paper), ...marks.get(paper.key) }))
}

export function showPaper({ splitMath }: Offprint, paper: PaperRecord): ShownPaper {
  const lead = paper.summary || paper.abstract
  // Not within a formula: what is cut there stays as it is written.
  const cut = lead.length > leadLength ? `${lead.slice(0, leadLength).toWellFormed()}…` : lead
  return { ...paper, html: { title: renderMath(paper.title, splitMath), lead: renderMath(cut, splitMath) } }
}
