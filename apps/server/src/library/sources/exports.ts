/** The formats in which papers go out: to another library, or to a reference manager. */
import { exportedRecord } from '../jsonl.ts'
import type { PaperRecord } from '../types.ts'
import { writeBibtex } from './bibtex.ts'
import { writeCsl } from './csl.ts'
import type { CitedPaper } from './paper-record.ts'
import { writeRis } from './ris.ts'

/** Of each format its name for people, the ending of its files, its media type, and papers in it, in pieces. */
export const exportFormats = {
  jsonl: {
    title: 'JSON lines',
    ending: 'jsonl',
    type: 'application/x-ndjson',
    *write(papers: Iterable<PaperRecord>) {
      for (const paper of papers) yield `${JSON.stringify(exportedRecord(paper))}\n`
    },
  },
  bibtex: forManager('BibTeX', 'bib', 'application/x-bibtex', writeBibtex),
  ris: forManager('RIS', 'ris', 'application/x-research-info-systems', writeRis),
  csl: forManager('CSL-JSON', 'json', 'application/vnd.citationstyles.csl+json', writeCsl),
}

export type ExportFormat = keyof typeof exportFormats

/** How one paper is cited. */
export const citeFormats = { bib: exportFormats.bibtex, ris: exportFormats.ris, json: exportFormats.csl }

function forManager(
  title: string,
  ending: string,
  type: string,
  write: (papers: Iterable<CitedPaper>) => Generator<string>,
) {
  return {
    title,
    ending,
    type,
    one: (paper: CitedPaper) => [...write([paper])].join(''),
    write: (papers: Iterable<PaperRecord>) => write(papers),
  }
}
