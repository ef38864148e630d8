/** A paper as a list shows it. */
import type { TextPart } from '@offprint/server'

/**
 * No plain object: what a page is made from is written into the page for scripts that take it up again, and these pages have
 * none. Of an instance of a class that has an entry in `hooks.ts` nothing is written.
 */
export class ShownPaper {
  key!: string
  title!: string
  /** The title, and the summary or abstract, as HTML. */
  html!: { title: string; lead: string }
  authors!: string
  organization?: string
  organizationHref?: string
  publishedAt?: string
  withdrawn!: boolean
  externalVotes?: number
  slug?: string
  voted?: boolean
  read?: boolean
  /** Where it was found by a search. */
  titleParts?: TextPart[]
  snippetParts?: TextPart[]

  constructor(fields: ShownPaper) {
    Object.assign(this, fields)
  }
}
