/** Backs up or restores again and again in a process that is there to be killed: `backup|restore <file> <folder>`. */
import { writeSync } from 'node:fs'
import { restoreBackup, writeBackup } from '@offprint/server'

const [what, file, folder] = process.argv.slice(2)
writeSync(1, 'open\n')
for (;;) {
  if (what === 'backup') await writeBackup(folder, file, { force: true })
  else await restoreBackup(file, folder, { force: true })
  writeSync(1, 'done\n')
}
