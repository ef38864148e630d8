/** What repeats a run outside of this page: pasted as it stands, it fetches the run's own files first. */
import type { Offprint, Run, StoredFile } from '@offprint/server'
import { describe, isFile } from './inputs.ts'

export interface Snippet {
  title: string
  hint: string
  code: string
}

/** @param origin scheme and host under which this site is reached */
export function snippets(offprint: Offprint, run: Run, origin: string): Snippet[] {
  const locked = offprint.settings.OWNER_TOKEN !== undefined
  const bearer = locked ? ' -H "Authorization: Bearer $OWNER_TOKEN"' : ''
  const secret = locked ? ' OWNER_TOKEN must be in the environment.' : ''
  const inFolder = `In the folder of Offprint, or with its command on the path.${secret}`
  if (run.method.startsWith('check:')) {
    const claim = run.method.slice('check:'.length)
    return [
      { title: 'From the shell', hint: inFolder, code: `npx offprint check ${run.paper} --claim ${quote(claim)}` },
      {
        title: 'Over HTTP',
        hint: `Waits up to five minutes for the result.${secret}`,
        code: `curl -fsS -X POST${bearer} -H 'Prefer: wait=300' ${quote(`${origin}/api/check/${run.paper}/${encodeURIComponent(claim)}`)}`,
      },
    ]
  }
  const method = offprint.module(run.paper)?.methods[run.method]
  if (!method) return []
  const values: Record<string, unknown> = { ...run.input, seed: run.seed, threads: run.threads }
  const given = offprint.fieldsOf(method).flatMap(field => {
    const value = values[field.name]
    return value === undefined || (value === field.default && field.name !== 'seed' && field.name !== 'threads')
      ? []
      : [{ name: field.name, value }]
  })
  const files = given.flatMap(({ name, value }) =>
    isFile(value) ? [{ name, file: localName(name, value, given) }] : [],
  )
  const fileOf = new Map(files.map(({ name, file }) => [name, file]))
  const addressOf = (name: string) => `${origin}/api/runs/${run.id}/inputs/${name}`
  const fetched = files
    .map(({ name, file }) => `curl -fsS${bearer} -o ${quote(file)} ${quote(addressOf(name))}\n`)
    .join('')
  const flags = given.map(({ name, value }) => `--${name} ${quote(fileOf.get(name) ?? describe(value))}`)
  const parts = given.map(({ name, value }) =>
    fileOf.has(name)
      ? `-F ${quote(`${name}=@${fileOf.get(name)}`)}`
      : `--form-string ${quote(`${name}=${describe(value)}`)}`,
  )
  const address = `${origin}/api/run/${run.paper}/${run.method}`
  return [
    {
      title: 'From the shell',
      hint: inFolder,
      code: `${fetched}${['npx offprint run', run.paper, run.method, ...flags].join(' ')}`,
    },
    {
      title: 'From code',
      hint: `JavaScript: save it as run.mjs, then node run.mjs.${secret}`,
      code: script(address, given, fileOf, addressOf, locked),
    },
    {
      title: 'Over HTTP',
      hint: `Waits up to five minutes for the result.${secret}`,
      code: `${fetched}curl -fsS${bearer} -H 'Prefer: wait=300' ${parts.join(' ')} ${quote(address)}`,
    },
  ]
}

function script(
  address: string,
  given: { name: string; value: unknown }[],
  fileOf: Map<string, string>,
  addressOf: (name: string) => string,
  locked: boolean,
): string {
  const literal = (value: unknown) => JSON.stringify(value)
  const plain = Object.fromEntries(
    given.filter(({ name }) => !fileOf.has(name)).map(({ name, value }) => [name, describe(value)]),
  )
  const headers = locked ? '{ headers: { authorization } }' : ''
  return [
    ...(locked ? [`const authorization = 'Bearer ' + process.env.OWNER_TOKEN`] : []),
    'const form = new FormData()',
    ...[...fileOf].map(
      ([name, file]) =>
        `form.set(${literal(name)}, await (await fetch(${literal(addressOf(name))}${headers && `, ${headers}`})).blob(), ${literal(file)})`,
    ),
    `for (const [name, value] of Object.entries(${literal(plain)})) form.set(name, value)`,
    `const response = await fetch(${literal(address)}, {`,
    `  method: 'POST',`,
    `  headers: { prefer: 'wait=300'${locked ? ', authorization' : ''} },`,
    '  body: form,',
    '})',
    'const { run, blocks } = await response.json()',
    'console.log(run.status)',
    `for (const block of blocks) if (block.type === 'metric') console.log(block.title, block.value, block.unit ?? '')`,
  ].join('\n')
}

/** A name that no shell minds, and that no other input of the run has. */
function localName(field: string, { name }: StoredFile, given: { name: string; value: unknown }[]): string {
  const plain = (name || field).replace(/[^\p{L}\p{N}._-]/gu, '_').replace(/^[.-]+/, '_')
  const same = given.filter(({ value }) => isFile(value) && value.name === name).length > 1
  return same ? `${field}-${plain}` : plain
}

function quote(text: string): string {
  return /^[A-Za-z0-9_./:,@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
