/** `offprint backup`, `restore` and `doctor`: what whoever hosts the site needs. None of them opens the library itself. */
import { resolve } from 'node:path'
import {
  BackupError,
  examine,
  type Finding,
  FolderInUseError,
  readSettings,
  restoreBackup,
  type Settings,
  SettingsError,
  writeBackup,
} from '@offprint/server'
import type { Command } from 'commander'
import { progressBar } from './progress.ts'

const names = ['backup', 'restore', 'doctor']

export const isHostingCommand = (name: string | undefined) => name !== undefined && names.includes(name)

interface Tools {
  print(value: unknown): void
  stopOnInterrupt(): AbortController
  /** Sets the exit code. */
  exit(code: number): void
}

export function addHostingCommands(program: Command, { print, stopOnInterrupt, exit }: Tools): void {
  program
    .command('backup')
    .description('Write the data folder into one file, also while the site runs')
    .argument('<file>', 'such as offprint-2026-11-27.tar.gz; it can be read by you only')
    .option('--force', 'overwrite the file where it exists')
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      '\nExample: offprint backup /var/backups/offprint-$(date +%F).tar.gz\nThe file holds the database, uploads and results. Vectors are computed anew after a restore; settings (.env) are not in it.',
    )
    .action(async (file: string, { force, json }: { force?: boolean; json?: boolean }) => {
      const bar = progressBar('backup')
      const { signal } = stopOnInterrupt()
      try {
        const made = await writeBackup(readSettings().DATA_DIR, file, { force, signal, onProgress: bar.progress })
        bar.end()
        const { manifest, bytes } = made
        if (json) return print({ file: made.file, bytes, manifest })
        console.log(
          `${made.file}: ${megabytes(bytes)}, ${counted(manifest.papers, 'paper')}, ${counted(manifest.runs, 'run')}, ${counted(manifest.parts.length, 'file')}`,
        )
      } finally {
        bar.end()
      }
    })

  program
    .command('restore')
    .description('Put a backup in the place of the data folder, once all of it was verified')
    .argument('<file>', 'what offprint backup wrote')
    .option('--into <folder>', 'instead of DATA_DIR')
    .option('--force', 'replace a folder that is not empty; it is kept beside as ….before-restore-…')
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  offprint restore offprint-2026-11-27.tar.gz --force\n  offprint restore offprint-2026-11-27.tar.gz --into /tmp/look   # then DATA_DIR=/tmp/look npm start\nStop the server first.',
    )
    .action(async (file: string, { into, force, json }: { into?: string; force?: boolean; json?: boolean }) => {
      const bar = progressBar('restore')
      const { signal } = stopOnInterrupt()
      try {
        const folder = into === undefined ? readSettings().DATA_DIR : resolve(into)
        const { kept, manifest } = await restoreBackup(file, folder, { force, signal, onProgress: bar.progress })
        bar.end()
        if (json) return print({ folder, kept: kept ?? null, manifest })
        console.log(
          `${folder}: ${counted(manifest.papers, 'paper')} and ${counted(manifest.runs, 'run')}, as they were at ${manifest.madeAt}`,
        )
        if (kept) console.log(`What was there before lies in ${kept}; delete it when you no longer need it.`)
      } catch (error) {
        bar.end()
        if (!(error instanceof BackupError || error instanceof FolderInUseError)) throw error
        console.error(error.message)
        exit(error instanceof BackupError ? 2 : 1)
      } finally {
        bar.end()
      }
    })

  program
    .command('doctor')
    .description('Examine settings, data folder, database, search, vectors, results and uploads')
    .option('--full', 'every result and upload, not a sample')
    .option('--repair', 'mend what can be mended without losing anything')
    .option('--json', 'one JSON document')
    .addHelpText('after', '\nExample: offprint doctor --full\nExit code 1 where there is a problem.')
    .action(async ({ full, repair, json }: { full?: boolean; repair?: boolean; json?: boolean }) => {
      const { signal } = stopOnInterrupt()
      const { findings, repaired } = await examine(settingsOrError(), { full, repair, signal })
      const sick = findings.filter(finding => finding.state === 'problem').length
      if (sick) exit(1)
      if (json) return print({ ok: sick === 0, findings, repaired })
      for (const text of repaired) console.log(`repaired  ${text}`)
      const wide = Math.max(...findings.map(({ check }) => check.length))
      for (const finding of findings) console.log(line(finding, wide))
      if (sick) console.error(`\n${sick} ${sick === 1 ? 'problem' : 'problems'}.`)
    })
}

function line({ check, state, found, todo }: Finding, wide: number): string {
  const first = `${state.padEnd(8)}  ${check.padEnd(wide)}  ${found}`
  return todo ? `${first}\n${' '.repeat(12 + wide)}→ ${todo}` : first
}

function settingsOrError(): Settings | Error {
  try {
    return readSettings()
  } catch (error) {
    if (error instanceof SettingsError) return error
    throw error
  }
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`
}

function megabytes(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}
