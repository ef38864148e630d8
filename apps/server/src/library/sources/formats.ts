/** The formats that papers come in: how each is told from the others, and what reads it. */
import { parseJsonl } from '../jsonl.ts'
import type { Chunks } from '../lines.ts'
import { parseListing } from '../listing.ts'
import { parseArxivAtom } from './arxiv-atom.ts'
import { type OaiItem, parseArxivOai } from './arxiv-oai.ts'
import { parseArxivRss } from './arxiv-rss.ts'
import { parseArxivSnapshot } from './arxiv-snapshot.ts'
import { parseBibtex } from './bibtex.ts'
import { parseCsl } from './csl.ts'
import { type CsvOptions, parseCsvPapers } from './csv.ts'
import { parseHfDailyPapers } from './hf-daily-papers.ts'
import type { SourceItem } from './paper-record.ts'
import { parseRis } from './ris.ts'

export interface ReadOptions extends Pick<CsvOptions, 'columns'> {
  /** Called once where the text has bytes that are not UTF-8. */
  onInvalid(): void
  /** Of a listing whose dates have no year: the day of the import, and the year where it is known. */
  importDay: string
  year?: number
}

/** A paper, why there is none, or the id of one that its source no longer has. */
export type ReadItem = SourceItem | Extract<OaiItem, { deleted: string }>

type Reader = (chunks: Chunks, options: ReadOptions) => AsyncIterable<ReadItem>

/** Name of each format with what people call it, and its reader. */
export const importFormats = {
  listing: { title: 'pasted daily-papers listing', read: parseListing },
  jsonl: { title: 'JSON lines', read: parseJsonl },
  hf: { title: 'Hugging Face daily papers', read: parseHfDailyPapers },
  atom: { title: 'arXiv query (Atom)', read: parseArxivAtom },
  oai: { title: 'arXiv OAI-PMH', read: parseArxivOai },
  rss: { title: 'arXiv announcements (RSS)', read: parseArxivRss },
  snapshot: { title: 'arXiv snapshot (Kaggle)', read: parseArxivSnapshot },
  csv: { title: 'CSV or TSV', read: parseCsvPapers },
  bibtex: { title: 'BibTeX', read: parseBibtex },
  ris: { title: 'RIS', read: parseRis },
  csl: { title: 'CSL-JSON', read: parseCsl },
} satisfies Record<string, { title: string; read: Reader }>

export type ImportFormat = keyof typeof importFormats

const endings: Record<string, ImportFormat> = { bib: 'bibtex', ris: 'ris', tsv: 'csv' }

/**
 * What a text is, from its beginning.
 *
 * @param start the first characters, some thousands at best
 * @param name of the file, which decides where the text could be several
 */
export function formatOf(start: string, name = ''): ImportFormat {
  const text = start.replace(/^\ufeff/, '').trimStart()
  const ending = /\.([a-z]{2,5})$/i.exec(name)?.[1].toLowerCase() ?? ''
  if (text.startsWith('<')) return xmlFormat(text)
  if (/^(?:\{|\[\s*[{\]])/.test(text)) return jsonFormat(text)
  if (ending in endings) return endings[ending]
  if (/^(?:%[^\n]*\n\s*)*@\s*[a-z]+\s*[{(]/i.test(text)) return 'bibtex'
  if (/^TY {1,2}- /m.test(text.slice(0, 2000))) return 'ris'
  const [header] = text.split(/[\r\n]/, 1)
  const columns = header.split(/[,;\t|]/).map(column => column.trim().replace(/^"|"$/g, '').toLowerCase())
  if (
    columns.length > 1 &&
    columns.includes('id') &&
    /^(?:versions|authors_parsed|update_date)$/m.test(columns.join('\n'))
  )
    return 'snapshot'
  if (ending === 'csv' || (columns.length > 1 && columns.some(column => /^(?:paper |article )?title$/.test(column))))
    return 'csv'
  return 'listing'
}

function xmlFormat(text: string): ImportFormat {
  const [, root = ''] = /<(?![?!])(?:[\w.-]+:)?([\w.-]+)/.exec(text) ?? []
  if (root === 'OAI-PMH') return 'oai'
  if (root !== 'feed') return 'rss'
  return /arxiv\.org\/api\/|opensearch/i.test(text) ? 'atom' : 'rss'
}

function jsonFormat(text: string): ImportFormat {
  const [line] = text.split(/[\r\n]/, 1)
  const has = (name: string) => new RegExp(`"${name}"\\s*:`).test(text)
  if (text.startsWith('{') && line.length > 1) {
    // One record a line; each says by its fields whose it is.
    if (/"(?:authors_parsed|update_date)"\s*:/.test(line)) return 'snapshot'
    if (
      !/"(?:paper|upvotes|discussionId|submittedOnDailyAt)"\s*:/.test(line) &&
      !/"(?:issued|container-title)"\s*:/.test(line)
    )
      return 'jsonl'
  }
  if (['paper', 'upvotes', 'discussionId', 'submittedOnDailyAt', 'error'].some(has)) return 'hf'
  if (text.startsWith('[') || has('issued') || has('container-title') || (has('type') && has('DOI'))) return 'csl'
  return 'jsonl'
}
