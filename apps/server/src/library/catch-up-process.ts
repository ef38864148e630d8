/**
 * A process of its own that computes the words, vectors and topics of a library anew where it has changed since:
 * `catch-up-process.ts <database> <folder of the vectors> <folder of the words>`.
 */
import { setPriority } from 'node:os'
import { dirname } from 'node:path'
import { openDatabase } from '../database.ts'
import { useFolder } from '../hosting/data-folder.ts'
import { createLibrary } from './library.ts'
import { withHistory } from './topic-history.ts'
import { computeTopics } from './topics.ts'
import { computeVectors, vectorsRevision } from './vectors.ts'

// The site comes first.
setPriority(19)
const [file, folder, wordsFolder] = process.argv.slice(2)
const inUse = useFolder(dirname(file))
const database = openDatabase(file)
const library = createLibrary(database)
const papers = { [Symbol.iterator]: () => library.records() }
const revision = library.revision()
await library.saveWords(wordsFolder)
if (vectorsRevision(folder) !== revision) await computeVectors(folder, papers, revision)
if (library.topicsRevision() !== revision) {
  const topics = await computeTopics(papers, { before: library.topics() })
  library.saveTopics(withHistory(topics, papers, new Date().toISOString().slice(0, 10)), revision)
}
database.close()
inUse.end()
