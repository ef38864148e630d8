/** The settings, from the environment and from `.env`; all are listed in `.env.example`. */
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'
import { z } from 'zod'
import { embedderSettings, embedderSettingsProblem } from './embedding/settings.ts'
import { mailSettings, mailSettingsProblem } from './mail/settings.ts'
import { parseSource } from './sync/followed.ts'

/** Root of the project: relative paths in settings are relative to it, wherever a command is called from. */
export const projectRoot = fileURLToPath(new URL('../../../', import.meta.url))

const whole = (min: number, max: number, preset: number) =>
  z
    .string()
    .regex(/^\d+$/)
    .transform(Number)
    .pipe(z.number().min(min).max(max))
    .default(preset)
    .meta({ expected: `a whole number from ${min} to ${max}` })
const flag = z
  .enum(['0', '1'])
  .transform(value => value === '1')
  .default(false)
  .meta({ expected: '0 or 1' })
const list = z
  .string()
  .transform(value =>
    value
      .split(',')
      .map(item => item.trim())
      .filter(Boolean),
  )
  .default([])
  .meta({ expected: 'a comma-separated list' })
const cores = cpus().length

const schema = z.object({
  PORT: whole(0, 65_535, 3000),
  HOST: z
    .string()
    .regex(/^[a-zA-Z0-9.:-]+$/)
    .default('127.0.0.1')
    .meta({ expected: 'a host name or address' }),
  DATA_DIR: z.string().min(1).default('data').meta({ expected: 'a folder' }),
  OWNER_TOKEN: z.string().min(16).optional().meta({ expected: 'a secret of at least 16 characters' }),
  ALLOWED_HOSTS: list,
  PUBLIC_URL: z
    .string()
    .refine(isSiteAddress)
    .transform(value => new URL(value).href.replace(/\/$/, ''))
    .optional()
    .meta({ expected: 'an address such as https://offprint.example.org or https://example.org/offprint' }),
  TRUST_PROXY: flag,
  PAPERS: list,
  DATASETS_DIR: z.string().min(1).optional().meta({ expected: 'a folder' }),
  RUN_CONCURRENCY: whole(1, 64, Math.max(1, Math.floor(cores / 2))),
  RUN_QUEUE_LIMIT: whole(1, 10_000, 100),
  RUN_TIME_LIMIT_SECONDS: whole(1, 604_800, 3600),
  RUN_MEMORY_LIMIT_MB: whole(128, 1_048_576, 4096),
  UPLOAD_LIMIT_MB: whole(1, 102_400, 512),
  ...mailSettings,
  ...embedderSettings,
  SYNC: list,
  SYNC_CONTACT: z
    .string()
    .regex(/^[\x21-\x7e]{3,200}$/)
    .optional()
    .meta({ expected: 'an address such as mailto:papers@example.org or https://example.org/about' }),
})

export type Settings = z.output<typeof schema>

/** A setting that stops the start, with a sentence that names it. */
export class SettingsError extends Error {
  override name = 'SettingsError'
}

/**
 * Reads and checks the settings.
 *
 * @param environment wins over the file; foreign names in it are ignored, except those that are one slip away from ours
 * @param envFile path of a `.env` file; unknown names in it are refused. A missing file is no error.
 * @throws SettingsError
 */
export function readSettings(
  environment: Record<string, string | undefined> = process.env,
  envFile = join(projectRoot, '.env'),
): Settings {
  const names = Object.keys(schema.shape)
  const suggestion = (name: string) => names.find(known => oneSlipAway(name.toUpperCase(), known))
  const fromFile = readEnvFile(envFile)
  for (const name of Object.keys(fromFile)) {
    if (names.includes(name)) continue
    const meant = suggestion(name)
    throw new SettingsError(
      `.env has the unknown setting ${name}${meant ? `; did you mean ${meant}?` : `; there are ${names.join(', ')}`}`,
    )
  }
  for (const name of Object.keys(environment)) {
    if (names.includes(name)) continue
    const meant = name.startsWith('OFFPRINT_') ? name.slice(9) : suggestion(name)
    if (meant && names.includes(meant))
      throw new SettingsError(`unknown setting ${name} in the environment; did you mean ${meant}?`)
  }
  const given: Record<string, string> = {}
  for (const name of names) {
    const value = environment[name] ?? fromFile[name]
    if (value !== undefined && value !== '') given[name] = value
  }
  const result = schema.safeParse(given)
  if (!result.success) {
    const name = String(result.error.issues[0].path[0]) as keyof typeof schema.shape
    const expected = schema.shape[name].meta()?.expected
    const secret = name === 'OWNER_TOKEN' || name === 'SMTP_URL' || name.startsWith('EMBEDDER_')
    const found = secret ? `${given[name].length} characters` : `'${given[name]}'`
    throw new SettingsError(`${name} must be ${expected}, found ${found}`)
  }
  const settings = result.data
  if (!isLoopback(settings.HOST) && !settings.OWNER_TOKEN)
    throw new SettingsError(
      `HOST is '${settings.HOST}', which other machines can reach: set OWNER_TOKEN to a secret of at least 16 characters, which visitors will be asked for`,
    )
  for (const text of settings.SYNC) {
    const source = parseSource(text)
    if ('error' in source) throw new SettingsError(`SYNC ${source.error}`)
  }
  const absolute = (path: string) => (isAbsolute(path) ? path : resolve(projectRoot, path))
  const DKIM_KEY_FILE = settings.DKIM_KEY_FILE && absolute(settings.DKIM_KEY_FILE)
  const mailProblem = mailSettingsProblem({ ...settings, DKIM_KEY_FILE })
  if (mailProblem) throw new SettingsError(mailProblem)
  const EMBEDDER_MODEL =
    settings.EMBEDDER === 'onnx' && settings.EMBEDDER_MODEL
      ? absolute(settings.EMBEDDER_MODEL)
      : settings.EMBEDDER_MODEL
  const embedderProblem = embedderSettingsProblem({ ...settings, EMBEDDER_MODEL })
  if (embedderProblem) throw new SettingsError(embedderProblem)
  return {
    ...settings,
    DKIM_KEY_FILE,
    EMBEDDER_MODEL,
    DATA_DIR: absolute(settings.DATA_DIR),
    DATASETS_DIR: settings.DATASETS_DIR && absolute(settings.DATASETS_DIR),
    PAPERS: settings.PAPERS.map(name => (name.startsWith('.') ? absolute(name) : name)),
  }
}

/** Scheme and host, and a path where the site is reached under one. */
function isSiteAddress(value: string): boolean {
  const url = URL.parse(value)
  if (!url || !/^https?:$/.test(url.protocol)) return false
  // No `..`, no `//`, nothing that would have to be escaped in a page or a header.
  const isPlain = /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*\/?$/.test(url.pathname)
  return isPlain && `${url.origin}${url.pathname.replace(/\/$/, '')}` === url.href.replace(/\/$/, '')
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function readEnvFile(path: string): Record<string, string | undefined> {
  try {
    return parseEnv(readFileSync(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new SettingsError(`cannot read ${path}: ${(error as Error).message}`)
  }
}

/** Whether two different names differ by one letter, or by two neighbouring letters in the wrong order. */
function oneSlipAway(a: string, b: string): boolean {
  if (a === b || Math.abs(a.length - b.length) > 1) return false
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end++
  const left = a.slice(start, a.length - end)
  const right = b.slice(start, b.length - end)
  if (left.length <= 1 && right.length <= 1) return true
  return left.length === 2 && right.length === 2 && left[0] === right[1] && left[1] === right[0]
}
