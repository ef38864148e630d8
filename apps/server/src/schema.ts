/** The steps of every owner of tables: what a data folder of this version has, and how an older one gets there. */
import type { MigrationStep } from './database.ts'
import { steps as library } from './library/store.ts'
import { steps as mail } from './mail/tables.ts'
import { steps as runs } from './runs/store.ts'
import { steps as sync } from './sync/store.ts'

/** By the owner's name, as `migrate` is called with it. A test holds that none is missing here. */
export const schemaSteps: Readonly<Record<string, readonly MigrationStep[]>> = { library, mail, runs, sync }

/**
 * What a database has that this version does not know, as a sentence; undefined where there is nothing.
 * @param steps of each owner how many were done, as `stepsDone` gives it
 */
export function isNewer(steps: Readonly<Record<string, number>>): string | undefined {
  for (const [owner, step] of Object.entries(steps)) {
    const known = schemaSteps[owner]?.length ?? 0
    if (step > known)
      return `it was made by a newer version of Offprint (${owner}: step ${step}, this one knows ${known})`
  }
  return undefined
}
