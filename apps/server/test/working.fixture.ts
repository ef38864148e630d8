/** Makes runs until it is killed, and says on stdout what it has been promised: `accepted <id>`, `done <id>`. */
import { writeSync } from 'node:fs'
import { openOffprint, readSettings } from '@offprint/server'

const offprint = await openOffprint(readSettings(process.env, '/nonexistent/.env'))
// Written at once, so that a kill afterwards cannot take the line back.
const say = (line: string) => writeSync(1, `${line}\n`)
say('open')
for (let round = 0; ; round++) {
  const table = `x\n${round}\n`
  const runs = await Promise.all([1, 2, 3].map(factor => offprint.runs.submit('outside', 'sum', { table, factor })))
  for (const run of runs) say(`accepted ${run.id}`)
  for (const run of runs) {
    await offprint.runs.wait(run.id)
    say(`done ${run.id}`)
  }
}
