/** The `offprint` command: the papers, the runs and the site from a shell. Results on stdout, messages on stderr. */
import { createReadStream, existsSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { InputError } from '@offprint/kernels'
import type { Method } from '@offprint/papers'
import { describeFields, type Field, InputErrors, isLoadedKind } from '@offprint/papers/fields'
import {
  commonFields,
  type ExportFormat,
  exportFormats,
  findIdentifier,
  type ImportPreview,
  type ImportReport,
  importFormats,
  listPapers,
  looksLikeArxivId,
  type Offprint,
  openOffprint,
  type Run,
  readSettings,
  SettingsError,
  SyncError,
} from '@offprint/server'
import { Command, CommanderError, Option } from 'commander'
import manifest from '../package.json' with { type: 'json' }
import { addHostingCommands, isHostingCommand } from './hosting-commands.ts'
import { addMailCommands } from './mail-command.ts'
import { progressBar } from './progress.ts'
import { serve } from './serve.ts'
import { addSyncCommand } from './sync-command.ts'
import { printBlocks, printTable } from './terminal.ts'

/** Exit codes: 0 fine, 1 failed or a claim does not hold, 2 bad input. */
const failed = 1
const badInput = 2

async function main(): Promise<number> {
  const wanted = process.argv.slice(2)
  if (isHostingCommand(wanted[0])) return hosting(wanted)
  const offprint = await openForCommand(wanted[0])
  if (!offprint) return serve()
  try {
    return await command(offprint, wanted)
  } finally {
    await offprint.close()
  }
}

/** Commands that must work where the library does not. */
async function hosting(words: string[]): Promise<number> {
  let code = 0
  const exit = (value: number) => {
    code = value
  }
  const program = new Command('offprint').exitOverride().showHelpAfterError('(--help shows what there is)')
  addHostingCommands(program, { print, stopOnInterrupt, exit })
  await program.parseAsync(words, { from: 'user' })
  return code
}

/** All commands but `serve` work on the opened library; a server may run on the same one at the time. */
async function openForCommand(name: string | undefined): Promise<Offprint | undefined> {
  if (name === 'serve' && !process.argv.includes('--help')) return undefined
  return openOffprint(readSettings(), { syncSite: process.env.OFFPRINT_TEST_SITE })
}

async function command(offprint: Offprint, words: string[]): Promise<number> {
  let code = 0
  const program = new Command('offprint')
    .description('Daily papers whose papers run: read them, run them on your own data, check their claims.')
    .version(manifest.version)
    .exitOverride()
    .configureOutput({ writeErr: text => process.stderr.write(text) })
    .showHelpAfterError('(--help shows what there is)')
    .addHelpText(
      'after',
      `
Examples:
  offprint papers
  offprint run fasterpam cluster --table points.csv --k 8 --seed 1 --json
  offprint check fasterpam
  offprint import listing.txt
  offprint sync arxiv cs.DC

Exit codes: 0 fine, 1 failed or a claim does not hold, 2 bad input.`,
    )

  program
    .command('serve')
    .description('Serve the site (settings: .env.example)')
    .action(() => {})

  program
    .command('papers')
    .description('List the papers and what they can do')
    .option('--json', 'one JSON document')
    .action(({ json }) => {
      const papers = listPapers(offprint)
      if (json) return print({ papers })
      printTable(
        ['slug', 'title', 'methods'],
        papers.map(paper => [paper.slug, paper.title, paper.methods.map(method => method.name).join(', ') || '–']),
      )
    })

  program
    .command('search')
    .description('Search the library: words, "phrases", -without, author:, cat:, date:, has:, is:, sort:')
    .addHelpText('after', `\nExample: offprint search 'clustering -streams has:code date:>=2019 sort:new'`)
    .argument('<words...>')
    // `-graph` is a word that must not be there, not an option.
    .allowUnknownOption()
    .option('--limit <n>', 'at most so many', '20')
    .option('--json', 'one JSON document')
    .action(async (words: string[], { json, limit }) => {
      const many = Number(limit)
      if (!Number.isInteger(many) || many < 1 || many > 1000)
        throw new InputError('limit', `'${limit}'`, 'a whole number from 1 to 1000')
      await offprint.prepareQuery(words.join(' '), 3000)
      const found = offprint.library.search(words.join(' '), { limit: many })
      if (json)
        return print({
          papers: found.papers.map(({ titleParts: _, snippetParts: __, ...paper }) => paper),
          total: found.total,
          note: found.note,
          close: found.close?.map(({ titleParts: _, snippetParts: __, ...paper }) => paper),
        })
      if (found.note) console.error(found.note)
      const rows = (some: typeof found.papers) => some.map(paper => [paper.key, paper.title, paper.publishedAt ?? ''])
      if (found.papers.length) printTable(['key', 'title', 'date'], rows(found.papers))
      else console.error('No paper found.')
      if (found.close) {
        console.log('\nWith some of these words, or close in meaning:')
        printTable(['key', 'title', 'date'], rows(found.close))
      }
    })

  program
    .command('similar')
    .description('Papers like another, with what they have in common')
    .argument('<paper>', 'an id, an address, or the name of a paper that runs here')
    .option('--limit <n>', 'at most so many', '6')
    .option('--json', 'one JSON document')
    .addHelpText('after', '\nExample: offprint similar 1603.09320')
    .action(async (name: string, { json, limit }) => {
      const many = Number(limit)
      if (!Number.isInteger(many) || many < 1 || many > 100)
        throw new InputError('limit', `'${limit}'`, 'a whole number from 1 to 100')
      const found = offprint.library.paper(name)
      if (!found) throw new InputError('paper', `'${name}'`, 'a paper of the library')
      if (offprint.library.vectorsRevision() !== offprint.library.revision()) {
        console.error('Learning from the texts of the library (again only once it has changed) …')
        await offprint.caughtUp()
      }
      const similar = offprint.library.similar('redirect' in found ? found.redirect : found.key, many)
      if (json) return print({ papers: similar })
      if (similar.length)
        printTable(
          ['key', 'title', 'both'],
          similar.map(({ paper, shared }) => [paper.key, paper.title, shared.join(', ')]),
        )
      else console.error('No paper here has anything in common with it.')
    })

  program
    .command('import')
    .description(
      'Import papers: a pasted daily-papers listing, JSON lines as export prints them, Hugging Face and arXiv answers, CSV, BibTeX, RIS, CSL-JSON; or papers of arXiv by their ids',
    )
    .argument(
      '<file...>',
      'files, packed with gzip or not, or - for standard input; or ids and addresses of arXiv, at most 100',
    )
    .option('--dry-run', 'only show what would change (of the first 2,000 records)')
    .option('--year <year>', "year of the listing's date, where it has none")
    .addOption(
      new Option('--format <format>', 'what it is (default: found from how it begins)').choices(
        Object.keys(importFormats),
      ),
    )
    .option('--columns <field=header,…>', 'of a CSV: which column is what, such as title=Name,authors=Who')
    .option('--json', 'one JSON document, for several files one a line')
    .addHelpText(
      'after',
      '\nExamples:\n  offprint import listing.txt\n  offprint import first.jsonl.gz second.bib\n  offprint import --dry-run works.bib\n  offprint import works.csv --columns title=Name\n  offprint import 1603.09320 https://arxiv.org/abs/2008.05171',
    )
    .action(async (words: string[], { json, year, format, columns, dryRun }) => {
      if (year !== undefined && !/^(19|20)\d\d$/.test(year))
        throw new InputError('year', `'${year}'`, 'a year such as 2025')
      const { signal } = stopOnInterrupt()
      const settings = {
        year: year && Number(year),
        format,
        columns: columns && readColumns(columns),
        unpackedLimit: Number.POSITIVE_INFINITY,
        signal,
      }
      const onProgress = (bar: ReturnType<typeof progressBar>) => (report: ImportReport) => bar.count(report.read)
      const ids = idsOf(words)
      if (ids && dryRun) {
        const read = offprint.sync.readIds(ids, signal)
        code = reportPreview(
          await offprint.library.previewItems(read, { ...settings, name: ids.join(' '), format: 'atom' }),
          json,
        )
        return
      }
      if (ids) {
        const bar = progressBar('imported')
        const report = await offprint.sync.importIds(ids, { signal, onProgress: onProgress(bar) })
        bar.end()
        code = reportImport(report, json)
        return
      }
      for (const word of words) if (word !== '-') requireFile('file', word)
      const codes: number[] = []
      for (const file of words) {
        if (signal.aborted) break
        const chunks = file === '-' ? process.stdin : createReadStream(file)
        const options = { ...settings, name: file === '-' ? 'standard input' : basename(file) }
        if (words.length > 1 && !json) console.log(`${options.name}:`)
        if (dryRun) {
          codes.push(reportPreview(await offprint.library.preview(chunks, options), json))
          continue
        }
        const bar = progressBar('imported')
        const report = await offprint.library.importStream(chunks, {
          ...options,
          alone: true,
          onProgress: onProgress(bar),
        })
        bar.end()
        codes.push(reportImport(report, json))
      }
      code = codes.includes(failed) ? failed : Math.max(0, ...codes)
    })

  addSyncCommand(program, offprint, {
    stopOnInterrupt: () => stopOnInterrupt().signal,
    report: (report, json) => {
      code = reportImport(report, json, true)
    },
    print,
  })

  program
    .command('export')
    .description('Print the library: as JSON lines, one paper a line, or for a reference manager')
    .addOption(
      new Option('--format <format>', 'how it is written').choices(Object.keys(exportFormats)).default('jsonl'),
    )
    .addHelpText('after', '\nExample: offprint export --format bibtex > papers.bib')
    .action(async ({ format }: { format: ExportFormat }) => {
      for (const piece of exportFormats[format].write(offprint.library.records())) await write(piece)
    })

  program
    .command('check')
    .description("Check a paper's claims here, or those of all papers")
    .argument('[slug]')
    .option('--all', 'every paper')
    .option('--claim <id>', 'only this claim')
    .option('--full', 'also the checks that take long')
    .option('--json', 'one JSON document')
    .addHelpText('after', '\nExample: offprint check fasterpam --claim C2')
    .action(async (slug: string | undefined, options) => {
      code = await check(offprint, slug, options)
    })

  addMailCommands(program, offprint, exitCode => {
    code = exitCode
  })
  // Listed here for the help; they are called by `hosting`.
  addHostingCommands(program, { print, stopOnInterrupt, exit: () => {} })

  const run = program
    .command('run')
    .description("Run a paper's method, or a tool, on your own data")
    .addHelpText(
      'after',
      '\nExample: offprint run fasterpam cluster --table points.csv --k 8 --seed 1 --json\nA paper with one method needs no method name.',
    )
  for (const paper of [...offprint.tools.values(), ...offprint.papers.values()]) {
    const methods = Object.entries(paper.methods)
    if (!methods.length) continue
    const ofPaper = run.command(paper.slug).description(paper.about.title)
    for (const [name, method] of methods) {
      const ofMethod = ofPaper
        .command(name, { isDefault: methods.length === 1 })
        .description(`${method.title}. ${method.description}`)
      addOptions(ofMethod, paper.slug, name, method)
      ofMethod.action(async options => {
        code = await runMethod(offprint, paper.slug, name, method, options)
      })
    }
  }

  const slug = words[0] === 'run' ? words[1] : undefined
  if (slug && !slug.startsWith('-') && slug !== 'help') {
    const paper = offprint.module(slug)
    const runnable = [...offprint.tools.values(), ...offprint.papers.values()]
      .filter(one => Object.keys(one.methods).length)
      .map(one => one.slug)
    if (!paper) throw new InputError('paper', `'${slug}'`, `one of ${runnable.join(', ')}`)
    if (!Object.keys(paper.methods).length)
      throw new InputError(
        'paper',
        slug,
        '',
        `${slug} can be read here but not run yet; these run: ${runnable.join(', ')}`,
      )
  }
  await program.parseAsync(words, { from: 'user' })
  return code
}

function addOptions(command: Command, slug: string, name: string, method: Method): void {
  const fields = describeFields(method)
  for (const field of [...fields, ...commonFields]) {
    const hint = [field.label === field.name ? '' : field.label, field.hint].filter(Boolean).join('. ')
    const { default: preset, required } = field
    const terms = [
      bounds(field),
      field.choices && `one of ${field.choices.join(', ')}`,
      required && 'required',
      preset !== undefined && preset !== '' && `default ${preset}`,
    ]
    const known = terms.filter(Boolean).join('; ')
    // A switch that is on by default is turned off by `--name false`.
    const flag = field.kind === 'switch' ? `--${field.name} [true|false]` : `--${field.name} <${placeholder(field)}>`
    const option = new Option(flag, [hint, known && `(${known})`].filter(Boolean).join(' '))
    command.addOption(option)
  }
  if (method.example) command.option('--example', "start from the method's example; other flags win")
  command.option('--json', 'one JSON document: { run, blocks }')
  const examples = [
    method.example && `offprint run ${slug} ${name} --example`,
    exampleCommand(slug, name, fields, method),
  ]
  command.addHelpText('after', ['\nExamples:', ...examples.filter(Boolean)].join('\n  '))
}

function placeholder(field: Field): string {
  if (field.kind === 'papers') return 'search|all'
  if (field.kind === 'artefact') return 'run'
  return isLoadedKind(field.kind) ? 'file' : field.kind
}

function bounds({ min, max, unit }: Field): string {
  const range =
    min !== undefined && max !== undefined
      ? `${min} to ${max}`
      : min !== undefined
        ? `at least ${min}`
        : max !== undefined
          ? `at most ${max}`
          : ''
  return [range, unit].filter(Boolean).join(' ')
}

function exampleCommand(slug: string, name: string, fields: Field[], method: Method): string {
  const flags = fields.flatMap(field => {
    const given = method.example?.[field.name]
    if (given === undefined) return []
    return [`--${field.name} ${isLoadedKind(field.kind) ? `<${placeholder(field)}>` : given}`]
  })
  // Without an example the command still shows what must be given.
  if (!flags.length)
    for (const field of fields) if (field.required) flags.push(`--${field.name} <${placeholder(field)}>`)
  return ['offprint run', slug, name, ...flags].join(' ')
}

async function runMethod(
  offprint: Offprint,
  slug: string,
  name: string,
  method: Method,
  options: Record<string, unknown>,
): Promise<number> {
  const { json, example, ...given } = options
  const values: Record<string, unknown> = example ? { ...method.example } : {}
  for (const field of [...describeFields(method), ...commonFields]) {
    const value = given[field.name]
    if (value === undefined) continue
    values[field.name] = ['table', 'vectors', 'file'].includes(field.kind)
      ? await storeFile(offprint, field.name, String(value))
      : value
  }
  const { signal } = stopOnInterrupt()
  const run = await offprint.runs.submit(slug, name, values)
  const record = await follow(offprint, run, signal)
  if (json) print(record)
  else if (record.run.status === 'done') {
    await printBlocks(record.blocks, offprint.runs.store.directory(run.id))
    console.error(`Run ${run.id}: ${seconds(record.run)}, seed ${run.seed}, ${run.threads} threads.`)
  }
  return outcome(record.run)
}

async function storeFile(offprint: Offprint, field: string, path: string) {
  if (path === '-') return offprint.files.save('standard input', process.stdin)
  requireFile(field, path)
  return offprint.files.save(path, createReadStream(path))
}

function requireFile(field: string, path: string): void {
  if (!existsSync(path)) throw new InputError(field, `'${path}'`, 'a file', `${field}: there is no file ${path}`)
  if (statSync(path).isDirectory()) throw new InputError(field, `'${path}'`, 'a file', `${field}: ${path} is a folder`)
}

/** Shows progress until the run has ended; an interrupt cancels it. */
async function follow(offprint: Offprint, run: Run, signal: AbortSignal) {
  const bar = progressBar(`${run.paper} ${run.method}`)
  if (signal.aborted) offprint.runs.cancel(run.id)
  else signal.addEventListener('abort', () => offprint.runs.cancel(run.id), { once: true })
  const stop = offprint.runs.watch(run.id, event => {
    if (event.type === 'progress') bar.progress(event.progress)
    else if (event.type === 'log') bar.log(event.line)
  })
  const record = await offprint.runs.wait(run.id)
  stop()
  bar.end()
  return record!
}

/** 0, 1 or 2 for an ended run, with its error on stderr. */
function outcome(run: Run): number {
  if (run.status === 'done') return 0
  console.error(run.error?.message ?? `The run was ${run.status}.`)
  return run.error?.kind === 'input' ? badInput : failed
}

interface CheckOptions {
  all?: boolean
  claim?: string
  full?: boolean
  json?: boolean
}

async function check(
  offprint: Offprint,
  slug: string | undefined,
  { all, claim, full, json }: CheckOptions,
): Promise<number> {
  const withClaims = [...offprint.papers.values()].filter(paper => paper.claims.length).map(paper => paper.slug)
  if (!slug && !all) throw new InputError('paper', 'nothing', `one of ${withClaims.join(', ')}, or --all`)
  if (slug && !offprint.papers.has(slug)) throw new InputError('paper', `'${slug}'`, `one of ${withClaims.join(', ')}`)
  if (slug && !withClaims.includes(slug)) {
    console.error(`${slug} has no claims that can be checked yet; these have: ${withClaims.join(', ')}`)
    return 0
  }
  const wanted = offprint.claims(slug).filter(row => !claim || row.id === claim)
  if (claim && !wanted.length)
    throw new InputError(
      'claim',
      `'${claim}'`,
      `one of ${offprint
        .claims(slug)
        .map(row => row.id)
        .join(', ')}`,
    )
  let broken = false
  const { signal } = stopOnInterrupt()
  for (const row of wanted) {
    if (signal.aborted) break
    if (row.pending) continue
    if (row.effort !== 'quick' && !full && !claim) {
      console.error(`${row.paper} ${row.id}: left out, takes about ${row.effort.full} s (--full runs it)`)
      continue
    }
    const { run } = await follow(offprint, offprint.runs.submitCheck(row.paper, row.id), signal)
    if (run.status !== 'done') {
      console.error(`${row.paper} ${row.id}: ${run.error?.message ?? run.status}`)
      broken = true
    }
  }
  const rows = offprint.claims(slug).filter(row => wanted.some(one => one.paper === row.paper && one.id === row.id))
  if (json) {
    const claims = rows.map(({ where: _, setup: __, measures: ___, effort: ____, ...claim }) => ({
      ...claim,
      paperValue: claim.paperValue ?? null,
      ourValue: claim.ourValue ?? null,
    }))
    print({ claims })
  } else
    printTable(
      ['paper', 'claim', 'says', 'here', 'counts if', 'verdict'],
      rows.map(row => [
        row.paper,
        row.id,
        figure(row.paperValue, row.unit),
        figure(row.ourValue, row.unit),
        row.tolerance,
        row.pending ? `not checked: ${row.pending}` : row.verdict,
      ]),
    )
  return broken || rows.some(row => row.verdict === 'does not hold here') ? failed : 0
}

function figure(value: number | undefined, unit = ''): string {
  return value === undefined ? '–' : `${Number(value.toPrecision(4)).toLocaleString('en')} ${unit}`.trim()
}

function seconds(run: Run): string {
  return `${((run.durationMs ?? 0) / 1000).toFixed(1)} s`
}

/** The first interrupt stops what runs; a second one ends the command at once. */
function stopOnInterrupt(): AbortController {
  const controller = new AbortController()
  const stop = () => {
    if (controller.signal.aborted) process.exit(130)
    console.error('\nStopping …')
    controller.abort(new Error('interrupted'))
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return controller
}

/** Ids, addresses and arXiv's DOIs, also wrong ones, where the words are nothing else, and no files. */
function idsOf(words: string[]): string[] | undefined {
  return words.every(word => !existsSync(word) && (findIdentifier(word) || looksLikeArxivId(word))) ? words : undefined
}

/**
 * Says what came of an import; gives back the exit code.
 *
 * @param mayBeEmpty where nothing new is no mistake
 */
function reportImport(report: ImportReport, json: boolean | undefined, mayBeEmpty = false): number {
  if (json) print(report)
  else {
    console.log(
      `${report.added} new, ${report.updated} updated, ${report.unchanged} unchanged, ${report.refusedCount} refused`,
    )
    printRefused(report)
    for (const note of report.notes) console.error(note)
  }
  if (report.state !== 'done') {
    console.error(report.error ?? 'The import was interrupted; what is counted above is kept.')
    return failed
  }
  if (report.read === 0 && mayBeEmpty) return 0
  if (report.read === 0) console.error('No paper was found in it.')
  return report.refusedCount === report.read ? badInput : 0
}

/** Says what an import would do; gives back the exit code. */
function reportPreview(preview: ImportPreview, json: boolean | undefined): number {
  if (json) print(preview)
  else printPreview(preview)
  if (preview.error) return failed
  return preview.read === 0 || preview.refusedCount === preview.read ? badInput : 0
}

function printRefused({ refused, refusedCount }: Pick<ImportReport, 'refused' | 'refusedCount'>): void {
  for (const { line, reason } of refused.slice(0, 20)) console.error(`line ${line}: ${reason}`)
  if (refusedCount > 20) console.error(`… and ${refusedCount - 20} more (--json has the first 1,000)`)
}

function printPreview(preview: ImportPreview): void {
  const { added, updated, unchanged, refusedCount, repaired } = preview
  for (const { line, outcome, key, title, changes, sameAs, lookalikes } of preview.records) {
    if (outcome === 'unchanged') continue
    console.log(`line ${line}: ${outcome === 'added' ? 'new' : 'updated'} ${key} ${title}`)
    if (sameAs) console.log(`  the same paper as in line ${sameAs}`)
    for (const { field, from, to } of changes) console.log(`  ${field}: ${from ?? '(nothing)'} → ${to ?? '(nothing)'}`)
    for (const other of lookalikes) console.log(`  looks like ${other.key} ${other.title}; they stay apart`)
  }
  console.log(
    `Would be: ${added} new, ${updated} updated, ${unchanged} unchanged, ${refusedCount} refused${repaired ? `, ${repaired} ids repaired` : ''}. Nothing was changed.`,
  )
  printRefused(preview)
  for (const note of preview.notes) console.error(note)
  if (added + updated > preview.records.length) console.error(`Shown are the first ${preview.records.length} of them.`)
  if (preview.more) console.error(`Only the first ${preview.read} records were looked at.`)
  if (preview.error) console.error(preview.error)
}

/** `title=Name,authors=Who` as an object. @throws InputError */
function readColumns(text: string): Record<string, string> {
  const pairs = text.split(',').map(pair => pair.split('='))
  for (const pair of pairs)
    if (pair.length !== 2 || !pair[0].trim() || !pair[1].trim())
      throw new InputError('columns', `'${pair.join('=')}'`, 'field=header, separated by commas')
  return Object.fromEntries(pairs.map(([field, header]) => [field.trim(), header.trim()]))
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await new Promise(resolve => process.stdout.once('drain', resolve))
}

// `offprint export | head` closes the pipe early; that is no failure.
process.stdout.on('error', error => process.exit((error as NodeJS.ErrnoException).code === 'EPIPE' ? 0 : failed))

try {
  process.exitCode = await main()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : badInput
  else if (error instanceof InputErrors) {
    for (const one of error.errors) console.error(one.message)
    process.exitCode = badInput
  } else if (error instanceof InputError || error instanceof SettingsError || error instanceof SyncError) {
    console.error(error.message)
    process.exitCode = badInput
  } else {
    console.error(error instanceof Error ? error.message : error)
    if (process.env.DEBUG) console.error(error)
    process.exitCode = failed
  }
}
