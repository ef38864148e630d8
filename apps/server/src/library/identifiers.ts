/** arXiv ids and DOIs in all the spellings that people paste. */

export interface ArxivId {
  /** Base id without version and subject class: `2008.05171`, `math/0309136`. */
  id: string
  version?: number
  /** Whether digits that a spreadsheet had dropped were put back. */
  repaired?: boolean
}

export type Identifier = ({ kind: 'arxiv' } & ArxivId) | { kind: 'doi'; doi: string }

/** An id that looks like one but cannot be: `error` is a sentence that says why. */
export interface WrongIdentifier {
  error: string
}

const archives = new Set(
  `acc-phys adap-org alg-geom ao-sci astro-ph atom-ph bayes-an chao-dyn chem-ph cmp-lg comp-gas cond-mat cs dg-ga funct-an
  gr-qc hep-ex hep-lat hep-ph hep-th math math-ph mtrl-th nlin nucl-ex nucl-th patt-sol physics plasm-ph q-alg q-bio
  quant-ph solv-int supr-con`.split(/\s+/),
)
const months = 'January February March April May June July August September October November December'.split(' ')

const newStyle = /^(\d{2})(\d{2})\.(\d+)(?:v([1-9]\d{0,3}))?$/i
const oldStyle = /^([a-z]+(?:-[a-z]+)?)(?:\.[a-z]{2})?\/(\d{2})(\d{2})(\d{3})(?:v([1-9]\d{0,3}))?$/i

const hosts = [
  String.raw`(?:[a-z]{2,6}\.)?arxiv\.org/(?:abs|pdf|html|e-print|format)`,
  String.raw`(?:www\.)?ar5iv(?:\.labs\.arxiv)?\.org/(?:abs|pdf|html)`,
  String.raw`(?:www\.)?huggingface\.co/papers`,
  String.raw`(?:www\.)?hf\.co/papers`,
  String.raw`(?:www\.)?alphaxiv\.org/(?:abs|pdf|overview)`,
]
const address = new RegExp(`^(?:https?://)?(?:${hosts.join('|')})/`, 'i')
const doiPrefix = /^(?:(?:https?:\/\/)?(?:dx\.|www\.)?doi\.org\/|doi:\s*)/i
const arxivDoi = /^10\.48550\/arxiv\./i

/**
 * Reads an arXiv id in any accepted spelling: bare, with `arXiv:`, as a URL of arXiv, ar5iv, Hugging Face or alphaXiv, as
 * arXiv's DOI; punctuation, `?…` and `#…` at the end don't matter.
 *
 * @param options.repair put back digits that a spreadsheet dropped: `704.001` is `0704.0010`. Default off, because what
 * a person types is rather a slip.
 */
export function parseArxivId(text: string, { repair = false }: { repair?: boolean } = {}): ArxivId | WrongIdentifier {
  const bare = bareId(text)
  if (/^[+-]?\d+(?:\.\d+)?e[+-]?\d+$/i.test(bare))
    return { error: `${bare}: a spreadsheet has turned this id into a number and lost its digits` }
  if (repair && /^\d{3,4}(?:\.\d{1,5})?$/.test(bare)) {
    const whole = repairedId(bare)
    const parsed = parseBareId(whole)
    if (!('error' in parsed)) return whole === bare ? parsed : { ...parsed, repaired: true }
  }
  return parseBareId(bare)
}

/** Whether a text has the form of an arXiv id, be it one or a wrong one such as `0808.05394` and `hep-th/0704001`. */
export function looksLikeArxivId(text: string): boolean {
  return /^(?:\d{4}\.\d{4,5}|[a-z]+(?:-[a-z]+)?(?:\.[a-z]{2})?\/\d{7})(?:v\d+)?$/i.test(bareId(text))
}

function bareId(text: string): string {
  let bare = text.trim().slice(0, 500)
  const doi = bare.replace(doiPrefix, '')
  if (arxivDoi.test(doi)) bare = doi.replace(arxivDoi, '')
  bare = bare.replace(address, '').replace(/^arxiv:\s*/i, '')
  bare = bare.replace(/[?#].*$/s, '').replace(/%2f/gi, '/')
  return bare.replace(/[.,;:)\]}>"'/]+$/, '').replace(/\.pdf$/i, '')
}

function repairedId(damaged: string): string {
  const [whole, fraction = ''] = damaged.split('.')
  const month = whole.padStart(4, '0')
  return `${month}.${fraction.padEnd(month >= '1501' ? 5 : 4, '0')}`
}

function parseBareId(bare: string): ArxivId | WrongIdentifier {
  const wrong = (why: string) => ({ error: `${bare}: ${why}` })
  const version = (digits?: string) => (digits ? { version: Number(digits) } : {})
  const current = newStyle.exec(bare)
  if (current) {
    const [, year, month, number, digits] = current
    if (!isMonth(month)) return wrong(`there is no month ${month}`)
    if (year + month < '0704') return wrong('ids of this form start in April 2007 (0704)')
    if (`20${year}-${month}` > new Date().toISOString().slice(0, 7))
      return wrong(`${months[Number(month) - 1]} 20${year} is yet to come`)
    const expected = year + month >= '1501' ? 5 : 4
    if (number.length !== expected)
      return wrong(`a paper of ${months[Number(month) - 1]} 20${year} has ${expected} digits after the point`)
    if (Number(number) === 0) return wrong('numbers within a month start at 1')
    return { id: `${year}${month}.${number}`, ...version(digits) }
  }
  const old = oldStyle.exec(bare)
  if (old) {
    const [, name, year, month, number, digits] = old
    const archive = name.toLowerCase()
    if (!archives.has(archive)) return wrong(`'${archive}' is not an archive of arXiv`)
    if (!isMonth(month)) return wrong(`there is no month ${month}`)
    const day = `${Number(year) >= 91 ? 19 : 20}${year}${month}`
    if (day < '199107') return wrong('arXiv started in July 1991 (9107)')
    if (day > '200703') return wrong('ids of this form end in March 2007 (0703)')
    if (Number(number) === 0) return wrong('numbers within a month start at 1')
    return { id: `${archive}/${year}${month}${number}`, ...version(digits) }
  }
  return {
    error: `'${bare.length > 60 ? `${bare.slice(0, 60).toWellFormed()}…` : bare}' is not an arXiv id such as 2008.05171 or cs/9808004`,
  }
}

function isMonth(digits: string): boolean {
  return digits >= '01' && digits <= '12'
}

/** A DOI in lower case without `https://doi.org/` or `doi:`; undefined where the text is none. */
export function parseDoi(text: string): string | undefined {
  if (text.length > 500) return undefined
  const bare = text
    .trim()
    .replace(doiPrefix, '')
    .replace(/[.,;]+$/, '')
    .toLowerCase()
  return /^10\.\d{4,9}\/\S+$/.test(bare) && bare.length <= 300 ? bare : undefined
}

/** What a whole text names: an arXiv paper (arXiv's own DOIs count as such), a DOI, or nothing. */
export function findIdentifier(text: string): Identifier | undefined {
  const trimmed = text.trim()
  if (trimmed.length > 500) return undefined
  const arxiv = parseArxivId(trimmed)
  if (!('error' in arxiv)) return { kind: 'arxiv', ...arxiv }
  const doi = parseDoi(trimmed)
  return doi ? { kind: 'doi', doi } : undefined
}
