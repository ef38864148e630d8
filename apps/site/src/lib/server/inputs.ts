/** A run's input as people read it. */
import type { Offprint, Run, StoredFile } from '@offprint/server'

export interface ShownInput {
  name: string
  label: string
  text: string
  file?: StoredFile
  /** On a page that compares two runs: whether the other run has it otherwise. */
  differs?: boolean
}

/** The inputs of a run in the order of its method, with seed and threads. */
export function describeInputs(offprint: Offprint, run: Run): ShownInput[] {
  const method = offprint.module(run.paper)?.methods[run.method]
  const fields = method ? offprint.fieldsOf(method) : []
  // A check has no inputs but these.
  const labels = new Map([
    ['seed', 'Seed'],
    ['threads', 'Threads'],
    ...fields.map(field => [field.name, field.label] as const),
  ])
  const values: Record<string, unknown> = { ...run.input, seed: run.seed, threads: run.threads }
  const names = [...new Set([...labels.keys(), ...Object.keys(values)])].filter(
    name => values[name] !== undefined && values[name] !== '',
  )
  return names.map(name => {
    const value = values[name]
    const text = typeof value === 'boolean' ? (value ? 'yes' : 'no') : describe(value)
    return { name, label: labels.get(name) ?? name, text, file: isFile(value) ? value : undefined }
  })
}

/** A value in one line: files by their name, papers by the search that found them. */
export function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  const { name, query, keys, run, file } = value as Record<string, unknown>
  if (typeof name === 'string') return name
  if (typeof query === 'string') return query || 'all'
  if (Array.isArray(keys)) return keys.join(' ')
  return `${run}/${file}`
}

export function isFile(value: unknown): value is StoredFile {
  return typeof value === 'object' && value !== null && 'file' in value && 'bytes' in value
}
