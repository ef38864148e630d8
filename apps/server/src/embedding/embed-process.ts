/**
 * A process of its own that makes the vectors of a library with the embedder of the settings, which it finds in its
 * environment: `embed-process.ts <database> <folder of the vectors>`. Exit code 1 where it could not; why lies in the folder.
 */
import { setPriority } from 'node:os'
import { dirname } from 'node:path'
import { openDatabase } from '../database.ts'
import { useFolder } from '../hosting/data-folder.ts'
import { createLibrary } from '../library/library.ts'
import { openEmbedder } from './embedder.ts'
import { computeModelVectors, noteProblem } from './model-vectors.ts'
import type { EmbedderSettings } from './settings.ts'

// The site comes first.
setPriority(19)
const [file, folder] = process.argv.slice(2)
const inUse = useFolder(dirname(file))
const database = openDatabase(file)
const library = createLibrary(database)
const embedder = openEmbedder(process.env as EmbedderSettings)!
try {
  const papers = { [Symbol.iterator]: () => library.records() }
  await computeModelVectors(folder, papers, library.revision(), embedder)
} catch (error) {
  noteProblem(folder, embedder.name, error as Error)
  console.error(`embedder: ${(error as Error).message}`)
  process.exitCode = 1
} finally {
  await embedder.close()
  database.close()
  inUse.end()
}
