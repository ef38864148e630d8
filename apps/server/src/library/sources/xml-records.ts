/**
 * XML of any length, one small tree at a time: the first step of every importer of XML. Elements are known by namespace and
 * name; which prefix a server uses, and in which order, says nothing.
 */
import { SaxesParser } from 'saxes'
import { type Chunks, decodeText, longestLine } from '../lines.ts'

export interface XmlElement {
  /** Namespace and local name, as `{http://www.w3.org/2005/Atom}entry`; without a namespace only the name. */
  name: string
  /** By name, those of a namespace by `{namespace}name`. */
  attributes: ReadonlyMap<string, string>
  /** What stands in it, in order. Empty where the record is `tooLong`. */
  content: (XmlElement | string)[]
  /** Of its start tag, from 1. */
  line: number
  /** Only of a record: longer than `longestRecord`. */
  tooLong: boolean
}

/** What makes a text no XML, or XML that no honest server sends. The message starts with the line. */
export class XmlError extends Error {
  override name = 'XmlError'
  line: number

  constructor(line: number, reason: string) {
    super(`line ${line}: ${reason}`)
    this.line = line
  }
}

/** A longer record is no paper, in characters; it is read over. */
export const longestRecord = longestLine
/** The parser holds whatever has no tag in it, so what is longer ends the reading, in characters. */
const longestText = longestRecord / 2
const deepest = 32

export interface XmlRecordsOptions {
  /** Names of the elements of which the outermost may be one. */
  roots: readonly string[]
  /** What the roots are, for the error where the text is something else: `an Atom feed`. */
  expected: string
  /** Names of the elements that are given as trees; one within another is part of the outer one. */
  records: readonly string[]
  /** Called once where there are bytes that are not UTF-8, or characters that XML forbids. */
  onInvalid?(): void
}

/**
 * Reads the records of a document, some at a time, in the order in which they end. Memory is bounded by the longest record.
 * The text is UTF-8, whatever its declaration says. What came whole before an error is given before it is thrown, so that the
 * same records come wherever the chunks end.
 *
 * @throws XmlError where the text is not well-formed, ends early, or defines entities
 */
export async function* readXmlRecords(
  chunks: Chunks,
  { roots, expected, records, onInvalid }: XmlRecordsOptions,
): AsyncGenerator<XmlElement[]> {
  let invalid = false
  const noteInvalid = () => {
    if (!invalid) onInvalid?.()
    invalid = true
  }
  const parser = new SaxesParser({ xmlns: true })
  const fail = (reason: string): never => {
    throw new XmlError(parser.line, reason)
  }
  let whole: XmlElement[] = []
  /** The record that is being read, and the elements in it that are still open. */
  const open: XmlElement[] = []
  let depth = 0
  let startLine = 1
  let recordStart = 0
  let lastMark = 0

  /** Everything that the parser holds or has given since the last mark is bounded. */
  const check = (position: number) => {
    if (position - lastMark > longestText) fail(`more than ${longestText / 1e6} MB without a tag`)
    if (!open.length || open[0].tooLong || position - recordStart <= longestRecord) return
    open[0].tooLong = true
    open[0].content = []
  }
  const mark = () => {
    check(parser.position)
    lastMark = parser.position
  }
  const addText = (text: string) => {
    mark()
    if (open.length && !open[0].tooLong) open.at(-1)!.content.push(text)
  }

  parser.on('error', error => fail(error.message.replace(/^\d+:\d+: /, '').replace(/\.$/, '')))
  parser.on('doctype', doctype => {
    mark()
    if (doctype.includes('[')) fail('a document that defines entities is not read')
  })
  parser.on('comment', mark)
  parser.on('processinginstruction', mark)
  parser.on('text', addText)
  parser.on('cdata', addText)
  parser.on('opentagstart', () => {
    startLine = parser.line
    mark()
  })
  parser.on('opentag', tag => {
    mark()
    depth++
    if (depth > deepest) fail(`more than ${deepest} elements within each other`)
    const name = qualified(tag.uri, tag.local)
    if (depth === 1 && !roots.includes(name)) fail(`<${tag.name.slice(0, 60)}> instead of ${expected}`)
    if (!open.length && !records.includes(name)) return
    const attributes = new Map<string, string>()
    for (const attribute of Object.values(tag.attributes))
      attributes.set(qualified(attribute.uri, attribute.local), attribute.value)
    const element: XmlElement = { name, attributes, content: [], line: startLine, tooLong: false }
    if (!open.length) recordStart = parser.position
    else if (!open[0].tooLong) open.at(-1)!.content.push(element)
    open.push(element)
  })
  parser.on('closetag', () => {
    mark()
    depth--
    const element = open.pop()
    if (element && !open.length) whole.push(element)
  })

  let written = 0
  for await (const text of legalText(decodeText(chunks, noteInvalid), noteInvalid)) {
    let error: unknown
    try {
      parser.write(text)
      written += text.length
      check(written)
    } catch (caught) {
      error = caught
    }
    if (whole.length) yield whole
    whole = []
    if (error) throw error
  }
  parser.close()
}

/** Replaces what XML forbids, such as half characters: one in one abstract must not end a harvest. */
async function* legalText(texts: AsyncIterable<string>, onInvalid: () => void): AsyncGenerator<string> {
  const legal = (text: string) => {
    const replaced = text.toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    if (replaced !== text) onInvalid()
    return replaced
  }
  let rest = ''
  for await (const text of texts) {
    const joined = rest + text
    // The other half may start the next piece.
    const hold = /[\ud800-\udbff]$/.test(joined) ? 1 : 0
    rest = joined.slice(joined.length - hold)
    const ready = legal(joined.slice(0, joined.length - hold))
    if (ready) yield ready
  }
  if (rest) yield legal(rest)
}

function qualified(namespace: string, name: string): string {
  return namespace ? `{${namespace}}${name}` : name
}

/** The elements of a name that stand directly in another one. */
export function childrenOf(element: XmlElement, name: string): XmlElement[] {
  return element.content.filter(part => typeof part !== 'string').filter(child => child.name === name)
}

/** All the text within an element, as it came. */
export function textOf(element: XmlElement): string {
  return element.content.map(part => (typeof part === 'string' ? part : textOf(part))).join('')
}

/** The text of the first child of a name; empty where there is none. */
export function childText(element: XmlElement, name: string): string {
  const [child] = childrenOf(element, name)
  return child ? textOf(child) : ''
}
