/** A process of its own that computes the topics of a library anew where it has changed since: `topics-process.ts <database>`. */
import { setPriority } from 'node:os'
import { openDatabase } from '../database.ts'
import { createLibrary } from './library.ts'
import { computeTopics } from './topics.ts'

// The site comes first.
setPriority(19)
const database = openDatabase(process.argv[2])
const library = createLibrary(database)
const revision = library.revision()
const papers = { [Symbol.iterator]: () => library.records() }
if (library.topicsRevision() !== revision) library.saveTopics(await computeTopics(papers), revision)
database.close()
