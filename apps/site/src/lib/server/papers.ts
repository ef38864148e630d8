/** Papers as a page shows them: with their formulas set. */
import type { Offprint, PaperRecord } from '@offprint/server'
import { renderMath } from './math.ts'

export interface ShownPaper extends PaperRecord {
  /** The title, and the summary or abstract on a list, as HTML. */
  html: { title: string; lead: string }
}

/** What stands on a list is cut to a few lines: more than this would not be seen. */
const leadLength = 600

export function showPaper({ splitMath }: Offprint, paper: PaperRecord): ShownPaper {
  const lead = paper.summary || paper.abstract
  // Not within a formula: what is cut there stays as it is written.
  const cut = lead.length > leadLength ? `${lead.slice(0, leadLength).toWellFormed()}…` : lead
  return { ...paper, html: { title: renderMath(paper.title, splitMath), lead: renderMath(cut, splitMath) } }
}
