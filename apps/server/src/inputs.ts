/**
 * From what a form, the command line or HTTP gave to a run's stored input (`acceptInput`), and from the stored input to
 * what the method receives (`loadInput`). Stored inputs are JSON: files are references, so that a run can be repeated.
 */
import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { InputError, readMatrix } from '@offprint/kernels'
import type { Method } from '@offprint/papers'
import {
  decodeFields,
  describeFields,
  type Field,
  InputErrors,
  isLoadedKind,
  parseInput,
} from '@offprint/papers/fields'
import type { LibraryPaper } from '@offprint/papers/input'
import { numericMatrix, parseTable } from '@offprint/papers/table'
import { type FileStore, fileSize, type StoredFile, storedFile } from './files.ts'

/** Where inputs are found. */
export interface InputSources {
  files: FileStore
  /** Path and type of a file that a run left, or undefined. */
  artefact(run: string, file?: string): { path: string; file: string; artefact: string } | undefined
  /** Papers of the library by search (empty or `all`: all of them, newest first). */
  findPapers(query: string, limit: number): string[]
  loadPapers(keys: string[]): LibraryPaper[]
}

/** Files up to this size are parsed in the calling thread when a run is accepted; larger ones only in the run's process. */
const inlineBytes = 4 * 1024 * 1024

/**
 * Decodes and checks a method's input, stores pasted text, and gives back the stored input.
 *
 * @param raw values by field: strings, numbers, switches; for files `{ name, text }`, plain text, or a stored file
 * @throws InputErrors
 */
export async function acceptInput(
  method: Method,
  raw: Record<string, unknown>,
  sources: InputSources,
  options: { absentMeansOff?: boolean } = {},
): Promise<Record<string, unknown>> {
  const fields = describeFields(method)
  const values = decodeFields(fields, raw, options)
  const errors: InputError[] = []
  for (const field of fields) {
    if (!isLoadedKind(field.kind) || values[field.name] === undefined) continue
    try {
      values[field.name] = await storeValue(field, values[field.name], sources)
    } catch (error) {
      if (error instanceof InputError) errors.push(error)
      else throw error
    }
  }
  if (errors.length) throw new InputErrors(errors)
  const bytes = Object.values(values).reduce<number>((sum, value) => sum + ((value as StoredFile)?.bytes ?? 0), 0)
  // A large file is parsed once, by the run's own process, so that it never holds up the server.
  if (bytes <= inlineBytes) await loadInput(method, values, sources)
  return values
}

/** Loads the files, papers and artefacts of a stored input and parses it with the method's schema. @throws InputErrors */
export async function loadInput(
  method: Method,
  stored: Record<string, unknown>,
  sources: InputSources,
): Promise<Record<string, unknown>> {
  const values = { ...stored }
  const errors: InputError[] = []
  for (const field of describeFields(method)) {
    if (!isLoadedKind(field.kind) || values[field.name] === undefined) continue
    try {
      values[field.name] = await loadValue(field, values[field.name], sources)
    } catch (error) {
      if (error instanceof InputError) errors.push(error)
      else throw error
    }
  }
  if (errors.length) throw new InputErrors(errors)
  return parseInput(method, values)
}

async function storeValue(field: Field, value: unknown, sources: InputSources): Promise<unknown> {
  const refuse = (found: string, expected: string) => new InputError(field.name, found, expected)
  if (field.kind === 'papers') {
    const wanted = Array.isArray(value)
      ? { keys: value }
      : typeof value === 'object'
        ? (value as { query?: unknown; keys?: unknown })
        : { query: value, keys: undefined }
    if (Array.isArray(wanted.keys)) {
      if (!wanted.keys.every(key => typeof key === 'string'))
        throw refuse('a list with other things', 'a list of paper keys')
      return { keys: wanted.keys }
    }
    const query = String(wanted.query ?? '')
    const keys = sources.findPapers(query.trim().toLowerCase() === 'all' ? '' : query, 2000)
    if (!keys.length) throw refuse(`no paper for '${query}'`, "a search that finds papers, or 'all'")
    return { query, keys }
  }
  if (field.kind === 'artefact') {
    const reference = typeof value === 'string' ? parseReference(value) : (value as { run?: string; file?: string })
    const found = reference?.run ? sources.artefact(reference.run, reference.file) : undefined
    if (!found || found.artefact !== field.artefact)
      throw refuse(
        found ? `a file of type '${found.artefact}'` : `'${typeof value === 'string' ? value : 'no such run'}'`,
        `the id of a run that left a file of type '${field.artefact}'`,
      )
    return { run: reference.run, file: found.file }
  }
  const kept = storedFile.safeParse(value)
  if (kept.success) {
    if (!sources.files.path(kept.data.file)) throw refuse('a file that is no longer stored', 'an upload')
    return kept.data
  }
  const pasted =
    typeof value === 'string'
      ? { name: 'pasted', text: value }
      : (value as { name?: unknown; text?: unknown } | null | undefined)
  if (typeof pasted?.text !== 'string') throw refuse('something else', 'a file, or its text')
  const name = typeof pasted.name === 'string' ? pasted.name : 'pasted'
  return sources.files.save(name, [new TextEncoder().encode(pasted.text)])
}

function parseReference(text: string): { run: string; file?: string } {
  const [run, file] = text.trim().replace(/^run:/, '').split('/')
  return { run, file }
}

async function loadValue(field: Field, value: unknown, sources: InputSources): Promise<unknown> {
  if (field.kind === 'papers') return sources.loadPapers((value as { keys: string[] }).keys)
  if (field.kind === 'artefact') {
    const { run, file } = value as { run: string; file: string }
    const found = sources.artefact(run, file)
    if (!found) throw new InputError(field.name, `${run}/${file}`, 'a file that is still there')
    return { run, name: file, artefact: found.artefact, path: found.path, bytes: fileSize(found.path) }
  }
  const { file, name, bytes } = storedFile.parse(value)
  const path = sources.files.path(file)
  if (!path) throw new InputError(field.name, name, 'a file that is still stored')
  if (field.kind === 'file') {
    if (field.accept && !field.accept.some(ending => name.toLowerCase().endsWith(ending)))
      throw new InputError(field.name, `'${name}'`, `a file (${field.accept.join(', ')})`)
    return { name, bytes, path }
  }
  const content = await readFile(path)
  // Stored files are named by their content.
  if (hash('sha256', content) !== file)
    throw new InputError(field.name, name, 'a stored file', `${name}: the stored file is damaged; upload it again`)
  if (field.kind === 'vectors' && /\.(npy|fvecs|ivecs|bvecs)$/i.test(name))
    return { ...readMatrix(content, name, field.name), name }
  const table = parseTable(content, { name, field: field.name })
  if (field.kind === 'table') return table
  const { data, rows, columns } = numericMatrix(table, { field: field.name })
  const labels = table.columns.find(column => column.type === 'text')?.text
  return { data, rows, columns, name, ...(labels && { labels }) }
}
