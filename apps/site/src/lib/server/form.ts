/** A method's form as the page shows it: fields with the values that were given, kept, or are the default. */
import type { Field, Method, Offprint, StoredFile } from '@offprint/server'

export interface ShownField extends Field {
  /** What stands in the field. */
  value: string
  /** Takes an upload. */
  uploads: boolean
  /** The numbers that it takes, such as `1 to 10`. */
  range?: string
  /** A file given earlier that still counts. */
  kept?: StoredFile
}

export interface ShownForm {
  slug: string
  method: string
  title: string
  description: string
  fields: ShownField[]
  errors: { field: string; message: string }[]
  exampleHref?: string
  effort: string
}

/** A method as the tabs above a form name it. */
export interface ShownMethod {
  name: string
  title: string
  href: string
  chosen: boolean
}

/** The methods of a paper or tool, and the form of the one that the address names, or of the first. */
export function showMethods(
  offprint: Offprint,
  module: { slug: string; methods: Record<string, Method> } | undefined,
  page: string,
  query: URLSearchParams,
): { methods: ShownMethod[]; form?: ShownForm } {
  const methods = Object.entries(module?.methods ?? {})
  const chosen = methods.find(([name]) => name === query.get('method')) ?? methods[0]
  if (!module || !chosen) return { methods: [] }
  const [name, method] = chosen
  const { values, errors } = startingValues(offprint, module.slug, name, query)
  return {
    methods: methods.map(([other, { title }]) => ({
      name: other,
      title,
      href: `${page}?method=${other}#run`,
      chosen: other === name,
    })),
    form: showForm({ slug: module.slug, name, method, fields: offprint.fieldsOf(method) }, values, errors, page),
  }
}

const uploading = new Set(['table', 'vectors', 'file'])

/** @param values as given before: by a draft, by a run that is repeated, or by the example */
function showForm(
  { slug, name, method, fields }: { slug: string; name: string; method: Method; fields: Field[] },
  values: Record<string, unknown>,
  errors: ShownForm['errors'],
  page: string,
): ShownForm {
  return {
    slug,
    method: name,
    title: method.title,
    description: method.description,
    errors,
    exampleHref: method.example ? `${page}?method=${name}&example=1#run` : undefined,
    effort: method.effort === 'quick' ? 'Takes seconds.' : `Takes about ${method.effort.full} s on two cores.`,
    fields: fields.map(field => {
      const given = values[field.name]
      const kept = uploading.has(field.kind) && isStored(given) ? given : undefined
      return {
        ...field,
        uploads: uploading.has(field.kind),
        range: range(field),
        kept,
        value: kept ? '' : plain(given ?? field.default),
      }
    }),
  }
}

/** The values that a form starts with: a draft that was refused, an earlier run's input, the example, or nothing. */
function startingValues(
  offprint: Offprint,
  slug: string,
  name: string,
  query: URLSearchParams,
): { values: Record<string, unknown>; errors: ShownForm['errors'] } {
  const draft = query.get('draft') ? offprint.runs.store.draft(query.get('draft')!) : undefined
  if (draft?.paper === slug && draft.method === name) return { values: draft.values, errors: draft.errors }
  const from = query.get('from') ? offprint.runs.store.get(query.get('from')!) : undefined
  if (from?.paper === slug && from.method === name) {
    const errors = from.error?.kind === 'input' ? [{ field: from.error.field ?? '', message: from.error.message }] : []
    return { values: { ...from.input, seed: from.seed, threads: from.threads }, errors }
  }
  const example = query.get('example') ? offprint.module(slug)?.methods[name]?.example : undefined
  return { values: example ?? {}, errors: [] }
}

function isStored(value: unknown): value is StoredFile {
  return typeof value === 'object' && value !== null && 'file' in value && 'bytes' in value
}

function plain(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value !== 'object') return String(value)
  const { text, query, run, file } = value as Record<string, unknown>
  if (typeof text === 'string') return text
  if (typeof query === 'string') return query || 'all'
  return run ? `${run}/${file}` : ''
}

function range({ kind, min, max }: Field): string | undefined {
  if (kind !== 'number' && kind !== 'integer') return undefined
  // The bounds of 32 bits tell nobody anything.
  if (max !== undefined && max > 1e9) return undefined
  const show = (value: number) => value.toLocaleString('en')
  if (min !== undefined && max !== undefined) return `${show(min)} to ${show(max)}`
  if (min !== undefined) return `at least ${show(min)}`
  return max === undefined ? undefined : `at most ${show(max)}`
}
