/** Imports made papers in a process that is there to be killed. Arguments: database, papers, chunk to die at (0: never). */
import { writeSync } from 'node:fs'
import { openDatabase } from '../database.ts'
import { createLibrary } from './library.ts'
import { manyListed } from './made-papers.fixture.ts'

const [file, papers, deadlyChunk] = process.argv.slice(2)

async function* chunks() {
  let number = 0
  for (const text of manyListed(Number(papers))) {
    if (++number === Number(deadlyChunk)) process.kill(process.pid, 'SIGKILL')
    yield new TextEncoder().encode(text)
  }
}

const library = createLibrary(openDatabase(file))
const report = await library.importStream(chunks(), {
  name: 'made',
  onProgress: ({ read }) => void writeSync(1, `${read}\n`),
})
writeSync(1, `${report.state}\n`)
