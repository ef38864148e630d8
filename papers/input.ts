/**
 * The kinds of input that a method can take. Each is a Zod schema whose metadata tells the form, the command line and the
 * HTTP endpoint how to ask for it; `fields.ts` reads that metadata back.
 */
import { InputError, type Matrix } from '@offprint/kernels'
import { z } from 'zod'

/** What every kind of input can say about itself. */
export interface Asking {
  /** Shown above the field; the field's name where missing. */
  label?: string
  /** One line under the field: what it means, how to choose. */
  hint?: string
}

/** A table as a method receives it: typed columns of equal length, in file order. */
export interface Table {
  name: string
  rows: number
  columns: Column[]
}

export interface Column {
  name: string
  /**
   * `number`: every cell is a number or empty. `text`: no cell, or less than half of them, is a number. `mixed`: mostly
   * numbers, but not all; `firstBad` says where the first other cell is.
   */
  type: 'number' | 'text' | 'mixed'
  /** The cells as written, trimmed. */
  text: string[]
  /** The cells as numbers: NaN where empty or not a number. */
  numbers: Float64Array
  /** Row (from 1, the header not counted) and content of the first cell of a mixed column that is no number. */
  firstBad?: { row: number; cell: string }
}

/** Vectors as a method receives them, with the name of the file they came from, and of CSV the first column of text. */
export type Vectors = Matrix & { name: string; labels?: string[] }

/** A file as a method receives it: stream or read it from `path`. */
export interface InputFile {
  name: string
  bytes: number
  path: string
}

/** A file that an earlier run left. */
export interface Artefact extends InputFile {
  /** `index`, `model`, `plan`, … */
  artefact: string
  /** Id of the run that made it. */
  run: string
}

/** A paper of the library as a method receives it. */
export interface LibraryPaper {
  key: string
  title: string
  /** The abstract where it was imported, else our summary. */
  text: string
  authors: string[]
  publishedAt?: string
}

const loaded = <T>(kind: string, test: (value: object) => boolean, meta: object) =>
  z.custom<T>(value => typeof value === 'object' && value !== null && test(value)).meta({ ...meta, offprint: kind })

/** A number. `integer` for whole numbers; `unit` is shown after the field. */
export function number(
  options: Asking & {
    min?: number
    max?: number
    integer?: boolean
    step?: number
    unit?: string
    default?: number
  } = {},
) {
  const { min, max, integer, default: preset, ...meta } = options
  let schema = integer ? z.int() : z.number()
  if (min !== undefined) schema = schema.min(min)
  if (max !== undefined) schema = schema.max(max)
  return preset === undefined ? schema.meta(meta) : schema.default(preset).meta(meta)
}

/** The same as `number`, but may be left empty. */
export function optionalNumber(
  options: Asking & { min?: number; max?: number; integer?: boolean; unit?: string } = {},
) {
  const { min, max, integer, ...meta } = options
  let schema = integer ? z.int() : z.number()
  if (min !== undefined) schema = schema.min(min)
  if (max !== undefined) schema = schema.max(max)
  return schema.optional().meta(meta)
}

/** One of a few values. The first is the default where none is named. */
export function choice<const Choices extends readonly [string, ...string[]]>(
  choices: Choices,
  options: Asking & { default?: Choices[number] } = {},
) {
  const { default: preset, ...meta } = options
  type Value = Choices[number]
  const schema = z.enum(choices as unknown as [Value, ...Value[]])
  return schema.default((preset ?? choices[0]) as never).meta(meta)
}

/** On or off. */
export function toggle(options: Asking & { default?: boolean } = {}) {
  const { default: preset = false, ...meta } = options
  return z.boolean().default(preset).meta(meta)
}

/** A line of text, or several with `multiline`. Empty where not given, unless `required`. */
export function text(
  options: Asking & {
    multiline?: boolean
    maxLength?: number
    default?: string
    required?: boolean
    /** The input with the table whose columns are named here, separated by commas: the form offers them. */
    columnsOf?: string
  } = {},
) {
  const { maxLength = 10_000, default: preset = '', required, ...meta } = options
  const schema = z.string().max(maxLength)
  return required ? schema.min(1).meta(meta) : schema.default(preset).meta(meta)
}

/** A table: CSV, TSV or JSONL, pasted or uploaded. With `required: false` it may be left out. */
export function table(options: Asking = {}) {
  return loaded<Table>('table', value => 'columns' in value && 'rows' in value, options)
}

/** Vectors: `.npy`, `.fvecs`, `.ivecs`, `.bvecs`, or CSV with numbers only. */
export function vectors(options: Asking = {}) {
  return loaded<Vectors>('vectors', value => 'data' in value && 'columns' in value, options)
}

/** Any other file: a trace, a configuration. `accept` lists the endings, such as `['.json', '.gz']`. */
export function file(options: Asking & { accept?: string[] } = {}) {
  return loaded<InputFile>('file', value => 'path' in value, options)
}

/** Papers of the library: a search, or `all`. `max` bounds how many (default 2,000). */
export function papers(options: Asking & { max?: number } = {}) {
  return loaded<LibraryPaper[]>('papers', Array.isArray, options)
}

/** A file that an earlier run left, of one type. */
export function artefact(options: Asking & { artefact: string }) {
  return loaded<Artefact>('artefact', value => 'run' in value, options)
}

/**
 * A check of several inputs together, for `superRefine`: an `InputError` that it throws is shown beside its field.
 *
 * @example z.object({ … }).superRefine(checked(given => requireK('k', given.k, given.table.rows)))
 */
export function checked<Given>(check: (given: Given) => void) {
  return (given: Given, context: z.RefinementCtx): void => {
    try {
      check(given)
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      context.addIssue({ code: 'custom', path: [error.field], message: error.message })
    }
  }
}
