/**
 * One description of a method's input for the form, the command line and the HTTP endpoint, read from its Zod schema, and
 * the one decoder that turns form fields, flags or JSON into the schema's input.
 */
import { InputError } from '@offprint/kernels'
import { z } from 'zod'
import type { Method } from './define.ts'

/** The kinds whose values are files, papers or artefacts: looked up and loaded before the schema sees them. */
export type LoadedKind = 'table' | 'vectors' | 'file' | 'papers' | 'artefact'
export type FieldKind = 'number' | 'integer' | 'choice' | 'switch' | 'text' | LoadedKind

export interface Field {
  name: string
  kind: FieldKind
  label: string
  hint?: string
  required: boolean
  default?: number | string | boolean
  min?: number
  max?: number
  exclusiveMin?: boolean
  exclusiveMax?: boolean
  step?: number
  unit?: string
  choices?: string[]
  maxLength?: number
  multiline?: boolean
  /** Input with the table whose columns kind `text` names. */
  columnsOf?: string
  /** File endings of kind `file`. */
  accept?: string[]
  /** Type of kind `artefact`. */
  artefact?: string
}

const loadedKinds: ReadonlySet<string> = new Set(['table', 'vectors', 'file', 'papers', 'artefact'])

export function isLoadedKind(kind: FieldKind): kind is LoadedKind {
  return loadedKinds.has(kind)
}

interface JsonSchema {
  type?: string
  enum?: unknown[]
  anyOf?: JsonSchema[]
  default?: unknown
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
  minLength?: number
  maxLength?: number
  description?: string
  properties?: Record<string, JsonSchema & Record<string, unknown>>
  required?: string[]
}

/** JSON Schema of a method's input, as the OpenAPI entry shows it. */
export function inputJsonSchema(method: Method): JsonSchema {
  return z.toJSONSchema(method.input, { io: 'input', unrepresentable: 'any' }) as JsonSchema
}

/** The fields of a method's input in the order of its schema. */
export function describeFields(method: Method): Field[] {
  const schema = inputJsonSchema(method)
  const required = new Set(schema.required ?? [])
  return Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const kind = kindOf(name, property)
    // Zod's int() states the safe integers as bounds; they mean "no bound" to a person.
    const bound = (value?: number) =>
      value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : undefined
    const field: Field = {
      name,
      kind,
      label: (property.label as string) ?? name,
      hint: (property.hint as string) ?? property.description,
      required: required.has(name) && !method.input.shape[name].safeParse(undefined).success,
      default: property.default as Field['default'],
      min: bound(property.minimum ?? property.exclusiveMinimum),
      max: bound(property.maximum ?? property.exclusiveMaximum),
      exclusiveMin: property.exclusiveMinimum === undefined ? undefined : true,
      exclusiveMax: property.exclusiveMaximum === undefined ? undefined : true,
      step: property.step as number,
      unit: property.unit as string,
      choices: property.enum as string[],
      maxLength: property.maxLength,
      multiline: property.multiline as boolean,
      columnsOf: property.columnsOf as string,
      accept: property.accept as string[],
      artefact: property.artefact as string,
    }
    return Object.fromEntries(Object.entries(field).filter(([, value]) => value !== undefined)) as unknown as Field
  })
}

function kindOf(name: string, property: JsonSchema & { offprint?: unknown }): FieldKind {
  if (typeof property.offprint === 'string' && loadedKinds.has(property.offprint))
    return property.offprint as LoadedKind
  if (property.enum) return 'choice'
  if (property.type === 'integer') return 'integer'
  if (property.type === 'number') return 'number'
  if (property.type === 'boolean') return 'switch'
  if (property.type === 'string') return 'text'
  throw new Error(`input '${name}': no form field is known for this schema; use the kinds of papers/input.ts`)
}

/** What a field takes, as it stands after "must be" in an error. */
export function expectation(field: Field): string {
  switch (field.kind) {
    case 'integer':
    case 'number': {
      const what = field.kind === 'integer' ? 'a whole number' : 'a number'
      const { min, max, exclusiveMin, exclusiveMax } = field
      if (min !== undefined && max !== undefined && !exclusiveMin && !exclusiveMax)
        return `${what} from ${min} to ${max}`
      const bounds = [
        min !== undefined && (exclusiveMin ? `above ${min}` : `of at least ${min}`),
        max !== undefined && (exclusiveMax ? `below ${max}` : `at most ${max}`),
      ].filter(Boolean)
      return [what, bounds.join(' and ')].filter(Boolean).join(' ')
    }
    case 'choice':
      return `one of ${field.choices!.join(', ')}`
    case 'switch':
      return 'true or false'
    case 'text':
      return `text${field.maxLength ? ` of at most ${field.maxLength.toLocaleString('en')} characters` : ''}`
    case 'table':
      return 'a table (CSV, TSV or JSONL)'
    case 'vectors':
      return 'vectors (.npy, .fvecs, .ivecs, .bvecs or CSV)'
    case 'papers':
      return "papers of the library (a search, or 'all')"
    case 'artefact':
      return `a file of type '${field.artefact}' that an earlier run left (run id, or run id/file name)`
    case 'file':
      return field.accept ? `a file (${field.accept.join(', ')})` : 'a file'
  }
}

/** A value as it is quoted in an error: short, on one line. */
export function quoteFound(value: unknown): string {
  if (value === undefined || value === '') return 'nothing'
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 57)}…` : value}'`
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value)
  return Array.isArray(value) ? 'a list' : 'an object'
}

/** All that is wrong with an input, one error a field, so that a form can show each beside its field. */
export class InputErrors extends Error {
  errors: InputError[]
  constructor(errors: InputError[]) {
    super(errors.map(error => error.message).join('; '))
    this.name = 'InputErrors'
    this.errors = errors
  }
}

const on = new Set(['true', 'on', 'yes', '1'])
const off = new Set(['false', 'off', 'no', '0', ''])

/**
 * Decodes what a form, the command line or a JSON body gave into the types of the fields: strings become numbers and
 * switches, empty fields fall back to the default. Values of loaded kinds are passed through untouched.
 *
 * @param presence `true` where switches that are absent mean "off" (HTML forms send nothing for an unticked box)
 * @throws InputErrors for unknown fields and values that cannot be what the field takes
 */
export function decodeFields(
  fields: Field[],
  raw: Record<string, unknown>,
  { absentMeansOff = false }: { absentMeansOff?: boolean } = {},
): Record<string, unknown> {
  const errors: InputError[] = []
  const values: Record<string, unknown> = {}
  const known = new Map(fields.map(field => [field.name, field]))
  for (const name of Object.keys(raw)) {
    if (known.has(name)) continue
    const names = fields.map(field => field.name).join(', ')
    errors.push(new InputError(name, 'this', '', `${name} is no input of this method; it has ${names || 'none'}`))
  }
  for (const field of fields) {
    const value = Object.hasOwn(raw, field.name) ? raw[field.name] : undefined
    const fail = (found: unknown = value) =>
      errors.push(new InputError(field.name, quoteFound(found), expectation(field)))
    if (Array.isArray(value) && field.kind !== 'papers') {
      errors.push(new InputError(field.name, `${value.length} values`, `given once`))
      continue
    }
    if (value === undefined || value === null || (value === '' && field.kind !== 'switch')) {
      if (field.kind === 'switch' && absentMeansOff) values[field.name] = false
      else if (field.required) fail('')
      else if (field.default !== undefined) values[field.name] = field.default
      continue
    }
    switch (field.kind) {
      case 'integer':
      case 'number': {
        const decoded = typeof value === 'string' ? parseNumber(value) : value
        if (typeof decoded !== 'number' || !withinBounds(field, decoded)) fail()
        else values[field.name] = decoded
        break
      }
      case 'switch': {
        const word = String(value).toLowerCase()
        if (typeof value === 'boolean') values[field.name] = value
        else if (typeof value === 'string' && on.has(word)) values[field.name] = true
        else if (typeof value === 'string' && off.has(word)) values[field.name] = false
        else fail()
        break
      }
      case 'choice':
        if (typeof value !== 'string' || !field.choices!.includes(value)) fail()
        else values[field.name] = value
        break
      case 'text':
        if (typeof value !== 'string' && typeof value !== 'number') fail()
        else if (field.maxLength && String(value).length > field.maxLength)
          errors.push(
            new InputError(field.name, `${String(value).length.toLocaleString('en')} characters`, expectation(field)),
          )
        else values[field.name] = String(value)
        break
      default:
        values[field.name] = value
    }
  }
  if (errors.length) throw new InputErrors(errors)
  return values
}

/** A decimal number as people write it; undefined for anything else (no hexadecimal, no 'Infinity', no empty string). */
export function parseNumber(text: string): number | undefined {
  const trimmed = text.trim()
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return undefined
  const value = Number(trimmed)
  return Number.isFinite(value) ? value : undefined
}

function withinBounds(field: Field, value: number): boolean {
  if (!Number.isFinite(value)) return false
  if (field.kind === 'integer' && !Number.isSafeInteger(value)) return false
  if (field.min !== undefined && (field.exclusiveMin ? value <= field.min : value < field.min)) return false
  return !(field.max !== undefined && (field.exclusiveMax ? value >= field.max : value > field.max))
}

/**
 * Parses decoded and loaded values with the method's schema.
 * @throws InputErrors with the field's name, what was found and what is expected
 */
export function parseInput(method: Method, values: Record<string, unknown>): Record<string, unknown> {
  const result = method.input.safeParse(values)
  if (result.success) return result.data
  const fields = new Map(describeFields(method).map(field => [field.name, field]))
  const errors = new Map<string, InputError>()
  for (const issue of result.error.issues) {
    const name = String(issue.path[0] ?? 'input')
    const field = fields.get(name)
    const own = issue.code === 'custom' && field && issue.message !== 'Invalid input'
    const error =
      field && !own
        ? new InputError(name, quoteFound(values[name]), expectation(field))
        : new InputError(name, quoteFound(values[name]), '', issue.message)
    if (!errors.has(name)) errors.set(name, error)
  }
  throw new InputErrors([...errors.values()])
}
