/**
 * The site under a path of another one, such as `https://example.org/offprint`. Inside, addresses begin at `/`; here the
 * path is taken off what comes in and put before what goes out: headers, and the attributes of HTML that hold addresses.
 */

/** Attributes that hold one address. */
const addressed = new Set(['href', 'src', 'action', 'formaction', 'poster', 'xlink:href'])
/** Attributes that hold several, each with its width or density. */
const listed = new Set(['srcset', 'imagesrcset'])
/** Elements whose content is text to the parser, whatever it looks like. */
const textElements = new Set(['script', 'style', 'textarea', 'title', 'xmp', 'iframe', 'noembed', 'noframes'])

const space = /[\t\n\f\r ]/
const letter = /[a-zA-Z]/

/**
 * The address of a request without the path of the site; undefined where it is the bare path without its slash. What lies
 * elsewhere stays as it is: a proxy may have taken the path off already.
 */
export function withoutBase(address: string, base: string): string | undefined {
  if (address === base || address.startsWith(`${base}?`)) return undefined
  return address.startsWith(`${base}/`) ? address.slice(base.length) : address
}

/** An address of this site with its path before it; `//elsewhere` and `https:…` are addresses of others. */
export function withBase(address: string, base: string): string {
  return /^\/(?![/\\])/.test(address) ? base + address : address
}

/** Headers that hold addresses. @param value as it was set */
export function headerWithBase(name: string, value: string, base: string): string {
  if (name === 'location' || name === 'content-location') return withBase(value, base)
  if (name === 'link') return value.replace(/<\/(?![/\\])/g, `<${base}/`)
  // Another site on this host must not get it.
  if (name === 'set-cookie') return value.replace(/;\s*Path=\/(?=;|$)/i, `; Path=${base}`)
  return value
}

/**
 * Puts a path before the addresses in the attributes of HTML, as it streams. Reads tags as browsers do; text, comments, scripts and
 * styles go through byte by byte.
 *
 * @example
 * const scanner = scanHtml('/offprint')
 * response.write(scanner.push(chunk)); response.end(scanner.end())
 */
export function scanHtml(base: string) {
  /** What was not decided yet: a tag or comment whose end has not come. */
  let held = ''
  /** Name of the text element that we are in. */
  let within = ''

  /** Gives back all that is decided. At the end everything is. */
  function scan(text: string, isLast: boolean): string {
    let out = ''
    let at = 0
    for (;;) {
      const open = text.indexOf('<', at)
      if (open < 0) break
      const piece = within ? endOfTextElement(text, open) : markup(text, open)
      if (piece === undefined) {
        held = isLast ? '' : text.slice(open)
        return out + text.slice(at, isLast ? undefined : open)
      }
      out += text.slice(at, open) + piece.text
      at = piece.end
    }
    held = ''
    return out + text.slice(at)
  }

  /** `</name` ends it, whatever follows up to its `>`; undefined where it may still come. */
  function endOfTextElement(text: string, open: number): { text: string; end: number } | undefined {
    const end = open + 2 + within.length
    const found = text.slice(open, end).toLowerCase()
    const wanted = `</${within}`
    if (end >= text.length && wanted.startsWith(found)) return undefined
    if (found !== wanted || !/[\t\n\f\r />]/.test(text[end])) return { text: '<', end: open + 1 }
    within = ''
    return markup(text, open)
  }

  /** A tag, comment or declaration that begins here; undefined where its end has not come. */
  function markup(text: string, open: number): { text: string; end: number } | undefined {
    const next = text[open + 1]
    if (next === undefined) return undefined
    if (letter.test(next)) return tag(text, open, open + 1)
    if (next === '/') {
      const after = text[open + 2]
      if (after === undefined) return undefined
      if (letter.test(after)) return tag(text, open, open + 2)
      return until(text, open, '>', open + 2)
    }
    if (next === '!') {
      if (text.length < open + 4 && '<!--'.startsWith(text.slice(open))) return undefined
      return text.startsWith('<!--', open) ? comment(text, open) : until(text, open, '>', open + 2)
    }
    if (next === '?') return until(text, open, '>', open + 2)
    return { text: '<', end: open + 1 }
  }

  function until(text: string, open: number, mark: string, from: number) {
    const found = text.indexOf(mark, from)
    const end = found + mark.length
    return found < 0 ? undefined : { text: text.slice(open, end), end }
  }

  function comment(text: string, open: number) {
    // `<!-->` and `<!--->` are whole comments; the others end with `-->` or `--!>`.
    const rest = /(?:^-?|--!?)>/g
    const body = text.slice(open + 4)
    const found = rest.exec(body)
    if (!found) return undefined
    const end = open + 4 + found.index + found[0].length
    return { text: text.slice(open, end), end }
  }

  function tag(text: string, open: number, from: number): { text: string; end: number } | undefined {
    const isEnd = from === open + 2
    let at = from
    while (at < text.length && !space.test(text[at]) && text[at] !== '/' && text[at] !== '>') at++
    const name = text.slice(from, at).toLowerCase()
    let out = ''
    let copied = open
    for (;;) {
      while (at < text.length && (space.test(text[at]) || text[at] === '/')) at++
      if (at >= text.length) return undefined
      if (text[at] === '>') break
      const start = at
      // A `=` that comes first belongs to the name.
      at++
      while (at < text.length && !space.test(text[at]) && text[at] !== '/' && text[at] !== '>' && text[at] !== '=') at++
      const attribute = text.slice(start, at).toLowerCase()
      while (at < text.length && space.test(text[at])) at++
      if (at >= text.length) return undefined
      if (text[at] !== '=') continue
      at++
      while (at < text.length && space.test(text[at])) at++
      if (at >= text.length) return undefined
      if (text[at] === '>') break
      const quote = text[at] === '"' || text[at] === "'" ? text[at] : ''
      const valueStart = quote ? at + 1 : at
      if (quote) at = text.indexOf(quote, valueStart)
      else while (at < text.length && !space.test(text[at]) && text[at] !== '>') at++
      if (at < 0 || at >= text.length) return undefined
      const value = text.slice(valueStart, at)
      if (!isEnd) {
        out += text.slice(copied, valueStart) + valueWithBase(attribute, value)
        copied = at
      }
      if (quote) at++
    }
    const end = at + 1
    if (!isEnd && textElements.has(name)) within = name
    return { text: out + text.slice(copied, end), end }
  }

  function valueWithBase(attribute: string, value: string): string {
    if (addressed.has(attribute)) return value.replace(/^([\t\n\f\r ]*)\/(?![/\\])/, `$1${base}/`)
    if (listed.has(attribute)) return value.replace(/(^[\t\n\f\r ]*|,[\t\n\f\r ]+)\/(?![/\\])/g, `$1${base}/`)
    return value
  }

  // Every byte is a letter of its own: what is not ASCII goes through as it is.
  const bytes = (text: string) => Buffer.from(text, 'latin1')
  return {
    push: (chunk: Uint8Array): Buffer =>
      bytes(scan(held + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1'), false)),
    /** What was held back: a tag that never ends stays as it is. */
    end: (): Buffer => bytes(scan(held, true)),
  }
}
