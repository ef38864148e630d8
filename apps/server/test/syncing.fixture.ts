/** Syncs from the site that it is told, without a pace, and says on stdout what is committed. */
import { join } from 'node:path'
import { openDatabase } from '../src/database.ts'
import { createLibrary } from '../src/library/library.ts'
import { politeFetch } from '../src/sync/polite-fetch.ts'
import { openSync } from '../src/sync/sync.ts'

const [folder, site] = process.argv.slice(2)
const database = openDatabase(join(folder, 'offprint.db'))
const library = createLibrary(database)
const sync = openSync(database, library, {
  followed: [],
  get: (address, options) => politeFetch(address, { allowPrivate: [new URL(site).host], ...options }),
  addresses: { oai: `${site}/oai`, query: `${site}/api/query`, daily: `${site}/api/daily_papers` },
})
const report = await sync.arxiv('cs.DC', undefined, {
  onProgress: ({ read }) => process.stdout.write(`${read} ${library.count()}\n`),
})
process.stdout.write(`${report.state} ${report.error ?? ''}\n`)
await sync.close()
database.close()
