/** What stands in a digest: its papers, each in a few lines, the same for everybody who gets it. */
import type { Arrivals } from '../library/arrivals.ts'
import { oneLine, splitMath } from '../library/text.ts'
import type { PaperRecord } from '../library/types.ts'

export const mostPapers = 25
const mostAuthors = 3
const longestTitle = 300
const longestName = 80
const longestSummary = 300
const shortestSentence = 40

/** What is kept of a digest until it is sent: which papers, of how many, and of when it is. */
export interface DigestContent {
  keys: string[]
  total: number
  /** When it was due, in ms since 1970. */
  at: number
  /** Its papers came in after this moment, up to the other; ISO 8601. */
  after: string
  until: string
  /** The last place in the library that was looked at before it. */
  seen?: number
}

export interface DigestPaper {
  title: string
  /** Empty where nothing is known of them. */
  authors: string
  /** One sentence; empty where there is no text. */
  summary: string
  votes?: number
  runsHere: boolean
  url: string
}

/** The papers that are shown: those with the most votes, then the newest. */
export function chooseKeys({ keys }: Arrivals, votesOf: (key: string) => number | undefined): string[] {
  const votes = new Map(keys.map(key => [key, votesOf(key) ?? 0]))
  return [...keys].sort((a, b) => votes.get(b)! - votes.get(a)!).slice(0, mostPapers)
}

export function digestPaper(
  paper: PaperRecord,
  site: string,
  votes: number | undefined,
  runsHere: boolean,
): DigestPaper {
  return {
    title: shortened(paper.title, longestTitle) || paper.key,
    authors: authorsOf(paper),
    summary: firstSentence(paper.summary || paper.abstract),
    ...(votes === undefined ? {} : { votes }),
    runsHere,
    url: `${site}/papers/${paper.key.split('/').map(encodeURIComponent).join('/')}`,
  }
}

function authorsOf({ authors, authorCount }: PaperRecord): string {
  const names = authors.slice(0, mostAuthors).map(({ name }) => shortened(name, longestName))
  const more = Math.max(authors.length, authorCount ?? 0) - names.length
  if (!names.length) return more > 0 ? (more === 1 ? '1 author' : `${more.toLocaleString('en')} authors`) : ''
  return names.join(', ') + (more > 0 ? ` and ${more.toLocaleString('en')} more` : '')
}

const abbreviation =
  /(?:^|[\s(])(?:[A-Za-z]|e\.g|i\.e|et al|vs|cf|etc|resp|approx|ca|fig|figs|eq|eqs|sec|no|dr|prof|st|w\.r\.t|a\.k\.a)\.$/i

/** The first sentence of a text, formulas as they are written; at most 300 characters. */
export function firstSentence(text: string): string {
  const start = oneLine(text.slice(0, 4000))
  let at = 0
  for (const part of splitMath(start)) {
    if (!part.math)
      for (const { index, 0: mark } of part.text.matchAll(/[.!?]["”’)\]]?(?= )/g)) {
        const end = at + index + mark.length
        const before = start.slice(0, at + index + 1)
        const next = start.slice(end + 1, end + 3)
        if (end >= shortestSentence && !abbreviation.test(before) && !/^\p{Ll}/u.test(next))
          return shortened(start.slice(0, end), longestSummary)
      }
    at += part.text.length
  }
  return shortened(start, longestSummary)
}

/** On one line, cut between words. */
function shortened(text: string, most: number): string {
  const line = withoutDirections(oneLine(text.slice(0, 4 * most)))
  if (line.length <= most) return line
  const cut = line.slice(0, most - 1)
  const space = cut.lastIndexOf(' ')
  return `${(space > most / 2 ? cut.slice(0, space) : cut)
    .toWellFormed()
    .replace(/\ufffd$/, '')
    .trimEnd()}…`
}

/** Without the characters that turn the direction of all that follows them. */
function withoutDirections(text: string): string {
  return text.replace(/[\u202a-\u202e\u2066-\u2069]/g, '')
}
