/** `offprint sync`: papers from arXiv and Hugging Face, and how far they are. */
import { InputError } from '@offprint/kernels'
import type { ImportReport, Offprint, SourceStatus } from '@offprint/server'
import { type Command, Option } from 'commander'
import { progressBar } from './progress.ts'
import { printTable } from './terminal.ts'

interface Surroundings {
  stopOnInterrupt(): AbortSignal
  /** Says what came, and sets the exit code. */
  report(report: ImportReport, json?: boolean): void
  print(value: unknown): void
}

export function addSyncCommand(program: Command, offprint: Offprint, { stopOnInterrupt, report, print }: Surroundings) {
  const sync = program
    .command('sync')
    .description('Bring papers in from arXiv and Hugging Face; a sync that was stopped goes on where it was')
    .addHelpText(
      'after',
      `
Examples:
  offprint sync arxiv cs.DC cs.LG
  offprint sync arxiv --query 'cat:cs.DB AND ti:"vector search"' --most 200
  offprint sync hf --week 2026-W48
  offprint sync complete
  offprint sync status

arXiv is asked once in three seconds, as it wants. What is followed day by day: the setting SYNC, or the page Import.`,
    )

  /** Runs one sync after the other with progress, until one does not end well. */
  async function each(
    jobs: ((options: { signal: AbortSignal; onProgress(report: ImportReport): void }) => Promise<ImportReport>)[],
    json: boolean | undefined,
  ): Promise<void> {
    const signal = stopOnInterrupt()
    const reports: ImportReport[] = []
    for (const job of jobs) {
      const bar = progressBar('papers')
      try {
        const done = await job({
          signal,
          onProgress: ({ name, read }) => bar.progressText(`${name} ${read.toLocaleString('en')}`),
        })
        reports.push(done)
        if (!json && jobs.length > 1) console.error(`${done.name}:`)
        if (!json) report(done)
        if (done.state !== 'done') break
      } finally {
        bar.end()
      }
    }
    if (!json) return
    if (jobs.length === 1) report(reports[0], true)
    else {
      print({ reports })
      for (const one of reports)
        if (one.state !== 'done') console.error(one.error ?? 'It was interrupted; what is counted is kept.')
      if (reports.some(one => one.state !== 'done')) process.exitCode = 1
    }
  }

  sync
    .command('arxiv')
    .description(
      'Papers of categories that changed since the last sync (the first time: in the last 7 days), or of a query',
    )
    .argument('[category...]', 'such as cs.DC, hep-th, or an archive such as stat')
    .option('--from <day>', 'all that changed since this day')
    .option('--query <query>', "in arXiv's language, instead of categories; asked once a day")
    .option('--most <n>', 'of a query: at most so many papers, the newest first (to 30000)', '1000')
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      "\nExamples:\n  offprint sync arxiv cs.DC --from 2026-11-01\n  offprint sync arxiv --query 'au:Schubert AND ti:medoids' --json",
    )
    .action(async (categories: string[], { from, query, most, json }) => {
      if (query !== undefined) {
        if (categories.length || from)
          throw new InputError(
            'query',
            'it together with categories or --from',
            'one of them (a query can say cat:cs.DC AND …)',
          )
        const many = Number(most)
        if (!Number.isInteger(many) || many < 1 || many > 30_000)
          throw new InputError('most', `'${most}'`, 'a whole number from 1 to 30000')
        return each([options => offprint.sync.query(query, many, options)], json)
      }
      if (!categories.length)
        throw new InputError('category', 'nothing', 'a category of arXiv such as cs.DC, or --query')
      // All are looked at before any is asked for.
      for (const category of categories) offprint.sync.check(category, from)
      await each(
        [...new Set(categories)].map(category => options => offprint.sync.arxiv(category, from, options)),
        json,
      )
    })

  sync
    .command('hf')
    .description("Hugging Face's daily papers: of a day, a week or a month, or all since the last sync")
    .addOption(new Option('--date <day>', 'such as 2026-11-27').conflicts(['week', 'month', 'latest']))
    .addOption(new Option('--week <week>', 'such as 2026-W48').conflicts(['month', 'latest']))
    .addOption(new Option('--month <month>', 'such as 2026-11').conflicts(['latest']))
    .option('--latest', 'all since the last sync, at first of 7 days (the default)')
    .option('--json', 'one JSON document')
    .addHelpText('after', '\nExample: offprint sync hf --date 2026-11-26')
    .action(async ({ date, week, month, json }) => {
      const expected = [
        ['date', date, /^\d{4}-\d\d-\d\d$/, 'a day such as 2026-11-27'],
        ['week', week, /^\d{4}-W\d\d$/, 'a week such as 2026-W48'],
        ['month', month, /^\d{4}-\d\d$/, 'a month such as 2026-11'],
      ] as const
      for (const [name, value, form, words] of expected)
        if (value !== undefined && !form.test(value)) throw new InputError(name, `'${value}'`, words)
      await each([options => offprint.sync.hf(date ?? week ?? month, options)], json)
    })

  sync
    .command('complete')
    .description('Ask arXiv by title for papers without an id, such as those of pasted listings')
    .option('--most <n>', 'at most so many papers (to 1000); the next time goes on with the rest', '100')
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      '\nTaken is only a paper of equal title, first author and year, as far as they are known here.',
    )
    .action(async ({ most, json }) => {
      const many = Number(most)
      if (!Number.isInteger(many) || many < 1 || many > 1000)
        throw new InputError('most', `'${most}'`, 'a whole number from 1 to 1000')
      const bar = progressBar('asked for')
      const onAsked = (done: number, total: number) => bar.progress({ done, total })
      const done = await offprint.sync.complete(many, { signal: stopOnInterrupt(), onAsked }).finally(() => bar.end())
      report(done, json)
    })

  sync
    .command('status')
    .description('What is followed, when it is due, and what came the last time')
    .option('--json', 'one JSON document')
    .action(({ json }) => {
      const status = offprint.sync.status()
      if (json) return print(status)
      if (status.sources.length)
        printTable(
          ['source', 'followed', 'next', 'last', 'result'],
          status.sources.map(source => [
            source.name,
            `${source.schedule} (${source.by === 'settings' ? 'SYNC' : 'page'})`,
            minute(source.next) || 'now',
            minute(source.startedAt) || '–',
            resultOf(source),
          ]),
        )
      else console.error('Nothing is followed: the setting SYNC, or the page Import, says what should be.')
      if (status.incomplete)
        console.error(`${status.incomplete} papers have no arXiv id; offprint sync complete asks arXiv for them.`)
    })
}

function minute(moment: string | undefined): string {
  return moment ? `${moment.slice(0, 16).replace('T', ' ')} UTC` : ''
}

function resultOf({ state, report, error }: SourceStatus): string {
  const counts = report ? `${report.added} new, ${report.updated} updated, ${report.unchanged} unchanged` : ''
  return [state === 'running' ? 'running' : '', counts, error ?? ''].filter(Boolean).join('; ') || '–'
}
