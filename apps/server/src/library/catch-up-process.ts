/**
 * A process of its own that computes the vectors and topics of a library anew where it has changed since:
 * `catch-up-process.ts <database> <folder of the vectors>`.
 */
import { setPriority } from 'node:os'
import { dirname } from 'node:path'
import { openDatabase } from '../database.ts'
import { useFolder } from '../hosting/data-folder.ts'
import { createLibrary } from './library.ts'
import { computeTopics } from './topics.ts'
import { computeVectors, vectorsRevision } from './vectors.ts'

// The site comes first.
setPriority(19)
const [file, folder] = process.argv.slice(2)
const inUse = useFolder(dirname(file))
const database = openDatabase(file)
const library = createLibrary(database)
const papers = { [Symbol.iterator]: () => library.records() }
const revision = library.revision()
if (vectorsRevision(folder) !== revision) await computeVectors(folder, papers, revision)
if (library.topicsRevision() !== revision) library.saveTopics(await computeTopics(papers), revision)
database.close()
inUse.end()
