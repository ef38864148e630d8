/** Imports made papers in a process that is there to be killed. Arguments: database, papers. It says what is committed. */
import { writeSync } from 'node:fs'
import { openDatabase } from '../database.ts'
import { createLibrary } from './library.ts'
import { manyListed, streamOf } from './made-papers.fixture.ts'

const [file, papers] = process.argv.slice(2)
const library = createLibrary(openDatabase(file))
await library.importStream(streamOf(...manyListed(Number(papers))), {
  name: 'made',
  onProgress: ({ read }) => void writeSync(1, `${read}\n`),
})
