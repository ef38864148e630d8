/** A run's input as people read it, and as the command that repeats it. */
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
  const method = offprint.papers.get(run.paper)?.methods[run.method]
  const fields = method ? offprint.fieldsOf(method) : []
  const labels = new Map(fields.map(field => [field.name, field.label]))
  const values: Record<string, unknown> = { ...run.input, seed: run.seed, threads: run.threads }
  const names = [...new Set([...labels.keys(), ...Object.keys(values)])].filter(
    name => values[name] !== undefined && values[name] !== '',
  )
  return names.map(name => {
    const value = values[name]
    return { name, label: labels.get(name) ?? name, text: describe(value), file: isFile(value) ? value : undefined }
  })
}

/** What to type to repeat a run from a shell; files under the names that they were given with. */
export function shellCommand(offprint: Offprint, run: Run): string | undefined {
  if (run.method.startsWith('check:'))
    return `npx offprint check ${run.paper} --claim ${run.method.slice('check:'.length)}`
  const method = offprint.papers.get(run.paper)?.methods[run.method]
  if (!method) return undefined
  const values: Record<string, unknown> = { ...run.input, seed: run.seed, threads: run.threads }
  const flags = offprint.fieldsOf(method).flatMap(field => {
    const value = values[field.name]
    if (value === undefined || (value === field.default && field.name !== 'seed')) return []
    return [`--${field.name} ${quote(isFile(value) ? value.name : describe(value))}`]
  })
  return ['npx offprint run', run.paper, run.method, ...flags].join(' ')
}

function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  const { name, query, keys, run, file } = value as Record<string, unknown>
  if (typeof name === 'string') return name
  if (typeof query === 'string') return query || 'all'
  if (Array.isArray(keys)) return keys.join(' ')
  return `${run}/${file}`
}

function isFile(value: unknown): value is StoredFile {
  return typeof value === 'object' && value !== null && 'file' in value && 'bytes' in value
}

function quote(text: string): string {
  return /^[A-Za-z0-9_./:,@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
