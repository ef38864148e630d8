/**
 * The text that a person gets by selecting a daily-papers page in the browser and copying it. It has no marks but its
 * shape: blocks between empty lines, of which a title, an abstract and a few short lines make a paper.
 */
import { type Chunks, decodeText, type Line, longestLine, splitLines } from './lines.ts'
import { convertTex, oneLine, paragraphs, saysWithdrawn } from './text.ts'
import type { ImportedRecord, ImportItem } from './types.ts'

export interface ListingOptions {
  /** The day of the import, `YYYY-MM-DD`: a date without a year is not after it. Default: today in UTC. */
  importDay?: string
  /** Year of the listing's own date, where it is not the latest possible one. */
  year?: number
  /** Called once where the text has bytes that are not UTF-8. */
  onInvalid?(): void
}

const longestTitle = 300
const shortestAbstract = 200
/** The heading comes before this many blocks, or not at all. */
const longestHeader = 100
/** Text is looked at this far to find its first line end; a text without any has them written as `\n`. */
const literalWindow = 1 << 20

/** Lines that stand together. */
interface Block {
  lines: string[]
  /** Of its first line, from 1. */
  line: number
  length: number
  tooLong: boolean
  /** A listing's heading and date, not a paper's. */
  heading?: true
}

interface Meta {
  authorCount?: number
  organization?: string
  date?: DateLine
}

interface DateLine {
  month: number
  day: number
  year?: number
  comments?: number
}

/**
 * Reads a listing piece by piece: memory stays bounded by the longest paper, however long the text is. What is no paper is
 * refused with its line and the reason, and reading goes on.
 */
export async function* parseListing(chunks: Chunks, options: ListingOptions = {}): AsyncGenerator<ImportItem> {
  const importDay = options.importDay ?? new Date().toISOString().slice(0, 10)
  const texts = unescapeLineEnds(decodeText(chunks, options.onInvalid))
  const reader = readPapers(importDay, options.year)
  for await (const blocks of markFurniture(splitBlocks(splitLines(texts)))) {
    for (const block of blocks) yield* reader.next(block)
  }
  yield* reader.end()
}

/** A text that was copied out of a JSON string has its line ends as two characters. */
async function* unescapeLineEnds(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let held: string | undefined = ''
  let literal = false
  let rest = ''
  const unescaped = (text: string) => text.replace(/(?:\\r)?\\n/g, '\n')
  for await (const text of texts) {
    if (held !== undefined) {
      held += text
      const decided = held.slice(0, literalWindow)
      const end = /[\r\n]/.test(decided)
      if (!end && held.length < literalWindow) continue
      literal = !end
      rest = held
      held = undefined
    } else {
      rest += text
    }
    if (!literal) {
      yield rest
      rest = ''
    } else {
      // A mark may go on in the next piece.
      const hold = /\\(?:r\\?)?$/.exec(rest)?.[0].length ?? 0
      yield unescaped(rest.slice(0, rest.length - hold))
      rest = rest.slice(rest.length - hold)
    }
  }
  yield held === undefined ? rest : /[\r\n]/.test(held) ? held : unescaped(held)
}

async function* splitBlocks(batches: AsyncIterable<Line[]>): AsyncGenerator<Block[]> {
  let block: Block | undefined
  for await (const lines of batches) {
    const blocks: Block[] = []
    for (const line of lines) {
      const text = line.text
        .replace(/[\u200b\ufeff]/g, '')
        .replaceAll('\u00a0', ' ')
        .trim()
      if (!text && !line.tooLong) {
        if (block) blocks.push(block)
        block = undefined
        continue
      }
      block ??= { lines: [], line: line.number, length: 0, tooLong: false }
      block.length += text.length + 1
      block.tooLong ||= line.tooLong || block.length > longestLine
      if (block.tooLong) block.lines = []
      else block.lines.push(text)
    }
    if (blocks.length) yield blocks
  }
  if (block) yield [block]
}

const isHeading = (line: string) => /^daily papers$/i.test(line)
// `byAK and the research community`; a title starts with a capital.
const isByLine = (line: string) => line.length <= 120 && /^(?:by[\s\p{Lu}]|By .*\bcommunity$)/u.test(line)
const isFurniture = (line: string) => /^(?:new|subscribe|get trending papers\b.{0,80})$/i.test(line)

/**
 * Takes the page's furniture out: what stands around papers, and the heading with its date, which comes as a block marked
 * `heading`. Whatever may be a paper is left alone.
 */
async function* markFurniture(batches: AsyncIterable<Block[]>): AsyncGenerator<Block[]> {
  // What may still follow a heading: its by-line, then its date.
  let expected: 'nothing' | 'by or date' | 'date' = 'nothing'
  for await (const blocks of batches) {
    const kept: Block[] = []
    for (const block of blocks) {
      let from = 0
      const push = (to: number) => {
        if (from < to && !block.lines.slice(from, to).every(isFurniture)) kept.push(part(block, from, to))
      }
      if (block.tooLong) {
        expected = 'nothing'
        kept.push(block)
        continue
      }
      for (let at = 0; at < block.lines.length; at++) {
        const line = block.lines[at]
        if (isHeading(line)) {
          push(at)
          from = at + 1
          kept.push({ ...part(block, at, at + 1), lines: [], heading: true })
          expected = 'by or date'
        } else if (expected === 'by or date' && isByLine(line)) {
          from = at + 1
          expected = 'date'
        } else if (expected !== 'nothing' && readDateLine(line)) {
          from = at + 1
          expected = 'nothing'
          kept.push({ ...part(block, at, at + 1), heading: true })
        } else {
          expected = 'nothing'
        }
      }
      push(block.lines.length)
    }
    if (kept.length) yield kept
  }
}

function part(block: Block, from: number, to: number): Block {
  if (from === 0 && to === block.lines.length) return block
  const lines = block.lines.slice(from, to)
  return {
    lines,
    line: block.line + from,
    length: lines.reduce((sum, line) => sum + line.length + 1, 0),
    tooLong: false,
  }
}

/** Puts papers together from blocks; it looks one block ahead. */
function readPapers(importDay: string, year: number | undefined) {
  let reference = year === undefined ? importDay : earlier(importDay, `${String(year).padStart(4, '0')}-12-31`)
  /** Blocks before the first heading, which may turn out to be page furniture. */
  let beginning: Block[] | undefined = []
  let beginningLength = 0
  let title: Block | undefined
  let abstract: Block[] = []
  let length = 0
  let meta: Meta | undefined
  let pending: Block | undefined
  /** After a refused paper that no meta block has ended: everything up to the next title belongs to it. */
  let skipping = false

  function* next(block: Block): Generator<ImportItem> {
    if (!beginning) {
      yield* feed(block)
      return
    }
    if (block.heading) {
      // What stands before the heading is furniture; but nothing long goes unmentioned.
      for (const before of beginning)
        if (before.tooLong || before.length > shortestAbstract)
          yield refused(before.line, 'text before the heading Daily Papers')
      beginning = undefined
      yield* feed(block)
      return
    }
    beginning.push(block)
    beginningLength += block.length
    if (beginning.length >= longestHeader || beginningLength > longestLine || isMeta(block)) yield* begin()
  }

  /** There is no heading: what was held back are papers. */
  function* begin(): Generator<ImportItem> {
    const held = beginning!
    beginning = undefined
    // The rest of a heading that was not copied as a whole.
    const date = held.length && !held[0].tooLong && held[0].lines.length === 1 && readDateLine(held[0].lines[0])
    for (const block of date ? [{ ...held[0], heading: true as const }, ...held.slice(1)] : held) yield* feed(block)
  }

  function* feed(block: Block): Generator<ImportItem> {
    const before = pending
    pending = block
    if (before) yield* take(before, block)
  }

  function* take(block: Block, following: Block | undefined): Generator<ImportItem> {
    if (block.heading) {
      yield* finish()
      skipping = false
      const date = block.lines.length ? readDateLine(block.lines[0]) : undefined
      if (!date) return
      const day = resolveDate(year !== undefined && !date.year ? { ...date, year } : date, importDay)
      if (day) reference = day
      else yield refused(block.line, `there is no day ${block.lines[0]}`)
      return
    }
    if (isMeta(block)) {
      yield* takeMeta(block)
      return
    }
    if (title && meta) yield* finish()
    if (skipping && !isTitleLike(block, following)) return
    skipping = false
    if (!title) {
      title = block
      length = block.length
      return
    }
    // The first long block after a title is its abstract, even where it could be a title by its length.
    const first = abstract.length === 0 && block.length > shortestAbstract
    if (!first && isTitleLike(block, following)) {
      yield* finish()
      skipping = false
      title = block
      length = block.length
      return
    }
    length += block.length
    if (block.tooLong || length > longestLine) {
      yield refused(title.line, 'longer than 1 MB: no paper')
      reset()
      skipping = true
      return
    }
    abstract.push(block)
  }

  function* takeMeta(block: Block): Generator<ImportItem> {
    if (skipping) {
      skipping = false
      return
    }
    const long = block.lines.findLastIndex(line => line.length >= shortestAbstract)
    if (long >= 0 && title) abstract.push(part(block, 0, long + 1))
    const found = readMeta(block.lines.slice(long + 1))
    if (!title) {
      yield refused(block.line, 'authors or a date without a paper before them')
    } else if (!meta) {
      meta = found
    } else if (
      (meta.authorCount === undefined || found.authorCount === undefined) &&
      (meta.organization === undefined || found.organization === undefined) &&
      (meta.date === undefined || found.date === undefined)
    ) {
      // An empty line within the meta block.
      meta = { ...meta, ...found }
    } else {
      yield refused(block.line, 'authors or a date without a paper before them')
    }
  }

  /** Ends the paper that is being read, if any. */
  function* finish(): Generator<ImportItem> {
    if (!title) return
    const { line, tooLong } = title
    const titleText = oneLine(title.lines.join(' '))
    const abstractText = paragraphs(abstract.map(block => block.lines.join(' ')).join('\n\n'))
    const { authorCount, organization, date } = meta ?? {}
    const day = date && resolveDate(date, reference)
    const reason = tooLong
      ? 'longer than 1 MB: no paper'
      : titleText.length > longestTitle
        ? `a title of ${titleText.length} characters, at most ${longestTitle}`
        : abstractText.length === 0
          ? `'${excerpt(titleText)}' has no abstract`
          : abstractText.length < shortestAbstract
            ? `the abstract of '${excerpt(titleText)}' has ${abstractText.length} characters, at least ${shortestAbstract}`
            : date && !day
              ? `there is no day ${monthNames[date.month - 1]} ${date.day}${date.year === undefined ? '' : `, ${date.year}`}`
              : undefined
    const ended = meta !== undefined
    reset()
    if (reason) {
      yield refused(line, reason)
      skipping = !ended
      return
    }
    yield {
      line,
      record: listedRecord({
        title: titleText,
        abstract: abstractText,
        authorCount,
        organization,
        publishedAt: day,
        commentCount: date?.comments,
      }),
    }
  }

  function reset() {
    title = undefined
    abstract = []
    length = 0
    meta = undefined
  }

  function* end(): Generator<ImportItem> {
    if (beginning) yield* begin()
    if (pending) yield* take(pending, undefined)
    pending = undefined
    yield* finish()
  }

  return { next, end }
}

function listedRecord(
  read: Pick<ImportedRecord, 'title' | 'abstract' | 'authorCount' | 'organization' | 'publishedAt' | 'commentCount'>,
): ImportedRecord {
  const title = convertTex(read.title)
  const abstract = convertTex(read.abstract)
  const raw = {
    ...(title === read.title ? {} : { title: read.title }),
    ...(abstract === read.abstract ? {} : { abstract: read.abstract }),
  }
  return {
    ...read,
    title,
    abstract,
    authors: [],
    categories: [],
    withdrawn: saysWithdrawn(abstract),
    source: 'listing',
    ...(Object.keys(raw).length ? { raw } : {}),
  }
}

function refused(line: number, reason: string): ImportItem {
  return { refused: { line, reason } }
}

function excerpt(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60).toWellFormed()}…` : text
}

/** A title by its shape: short, no sentence, and a long block that is no meta block follows. */
function isTitleLike(block: Block, following: Block | undefined): boolean {
  return (
    !block.tooLong &&
    block.length - 1 <= longestTitle &&
    !block.lines.at(-1)!.endsWith('.') &&
    following !== undefined &&
    !following.heading &&
    (following.tooLong || following.length > shortestAbstract) &&
    !isMeta(following)
  )
}

const authorsLine = /^[•*-]?\s*(\d{1,6}) authors?$/i
const dot = '\u00b7'

function isMeta(block: Block): boolean {
  if (block.tooLong || block.heading) return false
  if (block.lines.length === 1 && readDateLine(block.lines[0])) return true
  return block.lines.some(line => line === dot || authorsLine.test(line))
}

function readMeta(lines: string[]): Meta {
  const meta: Meta = {}
  for (const line of lines) {
    const authors = authorsLine.exec(line)
    const date = readDateLine(line)
    if (line === dot) continue
    if (authors) meta.authorCount = Number(authors[1])
    else if (date) meta.date = date
    else meta.organization ??= withoutLogo(oneLine(line))
  }
  return meta
}

/** A logo's text and the name beside it give the same words twice. */
function withoutLogo(text: string): string {
  const words = text.split(' ')
  const half = words.length / 2
  const first = words.slice(0, half).join(' ')
  return Number.isInteger(half) && first === words.slice(half).join(' ') ? first : text
}

const monthNames = 'January February March April May June July August September October November December'.split(' ')
const dateLine =
  /^((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*)\.?\s+(\d{1,2})(?:,\s+(\d{4}))?(?:\s+(\d{1,7}))?$/

function readDateLine(line: string): DateLine | undefined {
  if (line.length > 40) return undefined
  const match = dateLine.exec(line)
  if (!match) return undefined
  const [, name, day, year, comments] = match
  const month = monthNames.findIndex(full => full.startsWith(name) || (name === 'Sept' && full === 'September')) + 1
  if (!month) return undefined
  return {
    month,
    day: Number(day),
    ...(year === undefined ? {} : { year: Number(year) }),
    ...(comments === undefined ? {} : { comments: Number(comments) }),
  }
}

/**
 * The day that a date line means: without a year the latest one not after `reference`.
 *
 * @returns `YYYY-MM-DD`, or undefined where there is no such day
 */
function resolveDate({ month, day, year }: DateLine, reference: string): string | undefined {
  const at = (someYear: number) => {
    const text = `${String(someYear).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`
    return isDay(text) ? text : undefined
  }
  if (year !== undefined) return year >= 1900 ? at(year) : undefined
  const latest = Number(reference.slice(0, 4))
  // 29 February is at most eight years away.
  for (let candidate = latest; candidate > latest - 9; candidate--) {
    const text = at(candidate)
    if (text && text <= reference) return text
  }
  return undefined
}

/** Whether a text is a day of the calendar, `YYYY-MM-DD`. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false
  const date = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)
}

function earlier(a: string, b: string): string {
  return a < b ? a : b
}
