/** Where runs find files, papers and what earlier runs left: the same for the server and for a run's own process. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { Block } from '@offprint/papers'
import type { LibraryPaper } from '@offprint/papers/input'
import { openDatabase } from './database.ts'
import { type FileStore, openFileStore } from './files.ts'
import type { InputSources } from './inputs.ts'
import { createLibrary, type Library } from './library/library.ts'
import { readResult } from './runs/result-file.ts'

/** Opens the sources of a data directory for reading, in a run's own process. */
export function openInputSources(dataDirectory: string): InputSources {
  let library: Library | undefined
  const open = () => {
    const database: DatabaseSync = openDatabase(join(dataDirectory, 'offprint.db'))
    library ??= createLibrary(database)
    return library
  }
  return inputSources(dataDirectory, openFileStore(join(dataDirectory, 'files'), 0), () => library ?? open())
}

export function inputSources(dataDirectory: string, files: FileStore, library: () => Library): InputSources {
  return {
    files,
    artefact(run, file) {
      if (!/^[0-9a-z]{1,40}$/.test(run)) return undefined
      const directory = join(dataDirectory, 'runs', run)
      let blocks: Block[]
      try {
        blocks = readResult(directory)
      } catch {
        return undefined
      }
      const found = blocks.find(block => block.type === 'file' && block.artefact && (!file || block.file === file))
      if (found?.type !== 'file') return undefined
      const path = join(directory, found.file)
      return existsSync(path) ? { path, file: found.file, artefact: found.artefact! } : undefined
    },
    findPapers: (query, limit) =>
      library()
        .search(query, { limit })
        .papers.map(paper => paper.key),
    loadPapers(keys) {
      const papers: LibraryPaper[] = []
      for (const key of keys) {
        const paper = library().paper(key)
        if (!paper || 'redirect' in paper) continue
        papers.push({
          key: paper.key,
          title: paper.title,
          text: paper.abstract || paper.summary || '',
          authors: paper.authors.map(author => author.name),
          publishedAt: paper.publishedAt,
        })
      }
      return papers
    },
  }
}
