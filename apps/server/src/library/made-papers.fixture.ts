/** Papers made up for tests: nothing here was copied from a real one. */
import type { ImportedRecord, PaperRecord } from './types.ts'

const filler =
  'This text stands for an abstract. It goes on long enough to be taken for one, says nothing about anything, and has the usual marks, such as commas, numbers (42) and an em dash. '

/** An abstract of at least 200 characters that mentions some words. */
export function abstractAbout(words: string): string {
  return `We look at ${words}. ${filler}${filler}`.trim()
}

/** One paper of a listing as it is copied, with or without its lines of authors and date. */
export function listed(title: string, meta?: string, abstract = abstractAbout(title)): string {
  return `${title}\n\n${abstract}\n\n${meta === undefined ? '' : `${meta}\n\n`}`
}

/** A listing of papers with numbered titles. */
export function* manyListed(count: number): Generator<string> {
  yield 'Daily Papers\n\nDec 12\n\n'
  for (let number = 1; number <= count; number++)
    yield listed(numberedTitle(number), `  • ${(number % 9) + 1} authors\n·\nNov 3, 2024`)
}

export function numberedTitle(number: number): string {
  return `Made Paper Number ${number}`
}

export function record(fields: Partial<ImportedRecord> & { title: string }): ImportedRecord {
  return { abstract: '', authors: [], categories: [], withdrawn: false, source: 'jsonl', ...fields }
}

/** The bytes of texts as a stream gives them. */
export async function* streamOf(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield new TextEncoder().encode(text)
}

/** A paper as the library gives it. */
export function paper(fields: Partial<PaperRecord> & { key: string; title: string }): PaperRecord {
  const moment = '2025-12-12T00:00:00.000Z'
  return { ...record(fields), submittedAt: moment, fetchedAt: moment, topics: [], ...fields }
}
