/** Text as papers bring it: white space, TeX accents, formulas, and the words by which authors withdraw a paper. */

// What no page, feed or database can show: control characters but tab and line ends, byte-order marks, half characters; and
// what turns the direction of all that comes after it in a line. Letters have their direction without it, and the
// marks U+200E and U+200F stay.
const unshowable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u200b\u202a-\u202e\u2066-\u2069\ufeff]/g

/**
 * Removes what cannot be shown or stored: control characters, also those that turn the direction of a line, byte-order
 * marks, lone surrogates.
 */
export function showable(text: string): string {
  return text.toWellFormed().replace(unshowable, '')
}

/** Text of one line: every run of white space becomes one space. */
export function oneLine(text: string): string {
  return withSingleSpaces(showable(text))
}

/** Most spaces are single ones already. */
function withSingleSpaces(text: string): string {
  return text.replace(/\s\s+|[^\S ]/g, ' ').trim()
}

/** An abstract: a line end becomes a space; a line end before white space starts a paragraph, after an empty line. */
export function paragraphs(text: string): string {
  return showable(text).replace(/\r\n?/g, '\n').trim().split(/\n\s+/).map(withSingleSpaces).filter(Boolean).join('\n\n')
}

/** The longest formula between `$` and `$`, in characters; further away, the two are prices. */
const longestInline = 300
const longestFormula = 2000

/**
 * Cuts a text into formulas (`$…$`, `$$…$$`, `\(…\)`, with their marks) and what stands between them. A `$` before white
 * space, a sum of money or a formula that does not end stays text.
 */
export function splitMath(text: string): { text: string; math: boolean }[] {
  if (text && !/[$\\]/.test(text)) return [{ text, math: false }]
  const parts: { text: string; math: boolean }[] = []
  let start = 0
  let at = 0
  while (at < text.length) {
    const end = formulaEnd(text, at)
    if (end) {
      if (start < at) parts.push({ text: text.slice(start, at), math: false })
      parts.push({ text: text.slice(at, end), math: true })
      start = end
      at = end
    } else {
      at += text[at] === '\\' || text.startsWith('$$', at) ? 2 : 1
    }
  }
  if (start < text.length) parts.push({ text: text.slice(start), math: false })
  return parts
}

/** Where the formula that starts at `at` ends; 0 where none starts. */
function formulaEnd(text: string, at: number): number {
  const [open, close] = text.startsWith('$$', at)
    ? ['$$', '$$']
    : text.startsWith('\\(', at)
      ? ['\\(', '\\)']
      : ['', '']
  if (open) {
    const length = text.slice(at + 2, at + 2 + longestFormula).indexOf(close)
    return length > 0 ? at + length + 4 : 0
  }
  if (text[at] !== '$' || /^\$(?:\s|\d[\d.,]*\s)/.test(text.slice(at, at + 40))) return 0
  const last = Math.min(text.length, at + 2 + longestInline)
  for (let end = at + 1; end < last; end++) {
    if (text[end] === '\\') end++
    else if (text[end] === '$') return /\d/.test(text[end + 1] ?? '') ? 0 : end + 1
  }
  return 0
}

const combining: Record<string, string> = {
  "'": '\u0301',
  '`': '\u0300',
  '^': '\u0302',
  '"': '\u0308',
  '~': '\u0303',
  '=': '\u0304',
  '.': '\u0307',
  c: '\u0327',
  v: '\u030c',
  u: '\u0306',
  H: '\u030b',
  r: '\u030a',
  k: '\u0328',
  d: '\u0323',
  b: '\u0331',
}
const letters: Record<string, string> = {
  ss: 'ß',
  ae: 'æ',
  AE: 'Æ',
  oe: 'œ',
  OE: 'Œ',
  o: 'ø',
  O: 'Ø',
  l: 'ł',
  L: 'Ł',
  aa: 'å',
  AA: 'Å',
  i: 'ı',
  j: 'ȷ',
}
const letterNames = 'ss|ae|AE|oe|OE|aa|AA|o|O|l|L|i|j'
// A letter with or without braces, or a dotless i or j; then the same accent as a letter command.
const base = String.raw`(?:\{\s*(?:\\([ij])|([A-Za-z]))\s*\}|\\([ij])(?![A-Za-z])|([A-Za-z]))`
const baseAfterName = String.raw`(?:\{\s*(?:\\([ij])|([A-Za-z]))\s*\}| +(?:\\([ij])(?![A-Za-z])|([A-Za-z])))`
const accents = [String.raw`\\(['${'`'}^"~=.])${base}`, String.raw`\\([cvuHrkdb])${baseAfterName}`].flatMap(pattern => [
  new RegExp(String.raw`\{${pattern}\}`, 'g'),
  new RegExp(pattern, 'g'),
])
const namedLetters = new RegExp(String.raw`\{\\(${letterNames})\s*\}|\\(${letterNames})(?:\{\}| +|(?![A-Za-z]))`, 'g')

/**
 * Turns TeX's ASCII spelling of letters, quotes and dashes into characters, outside formulas: `K\"onig` gives `König`.
 * A `~` that means "about" (`a ~3x speedup`) and a flag (`--seed`) stay.
 */
export function convertTex(text: string): string {
  if (!/[\\`'~]|--/.test(text)) return text
  return splitMath(text)
    .map(part => (part.math ? part.text : convertWords(part.text)))
    .join('')
}

function convertWords(text: string): string {
  let converted = text
  for (const accent of accents)
    converted = converted.replace(accent, (_, mark: string, ...rest: unknown[]) => {
      const letter = rest.slice(0, 4).find(group => group !== undefined) as string
      return (letter + combining[mark]).normalize('NFC')
    })
  return converted
    .replace(namedLetters, (_, inBraces?: string, bare?: string) => letters[(inBraces ?? bare)!])
    .replaceAll('``', '“')
    .replaceAll("''", '”')
    .replace(/(?<!-)---(?!-)/g, '—')
    .replace(/(?<!-)--(?!-)(?!(?<=(?:^|\s)--)[A-Za-z])/g, '–')
    .replace(/(?<=[^\s([~/])~(?=[^\s~])/g, ' ')
    .replace(/\\([%&_#$])/g, '$1')
}

const withdrawn = /\b(?:this (?:paper|article|submission|manuscript|work) (?:has been|is|was) |^)withdrawn\b/i

/** Whether a comment or an abstract says that the paper was withdrawn. */
export function saysWithdrawn(...texts: (string | undefined)[]): boolean {
  return texts.some(text => text !== undefined && withdrawn.test(text.trim()))
}
