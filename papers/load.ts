/** Finds papers and tools: every folder beside this file and in `tools`, and those from elsewhere that the configuration names. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as contract from './define.ts'

/** A loaded paper and the module it came from, so that a child process can load just that one. */
export interface LoadedPaper {
  paper: contract.Paper
  module: string
}

export interface LoadedTool {
  paper: contract.Tool
  module: string
}

const here = dirname(fileURLToPath(import.meta.url))

/**
 * Loads all papers and tools, each sorted by slug.
 *
 * @param elsewhere folders (with `index.ts`, `index.js` or `index.mjs`), files or npm package names, from the setting
 * `PAPERS`. Such a module's default export is a paper or a tool, or a function `({ definePaper, defineTool, defineMethod, input,
 * z, … }) => paper`: a module outside this project cannot import from it, so the contract is handed in.
 * @throws Error that names the one which cannot be loaded, or two with the same slug
 */
export async function loadAll(elsewhere: string[] = []): Promise<{ papers: LoadedPaper[]; tools: LoadedTool[] }> {
  const paths = [...modulesIn(here), ...modulesIn(join(here, 'tools')), ...elsewhere.map(findModule)]
  const loaded = await Promise.all(paths.map(loadModule))
  const seen = new Map<string, string>()
  for (const { paper, module } of loaded) {
    const other = seen.get(paper.slug)
    if (other) throw new Error(`two papers or tools have the slug '${paper.slug}': ${other} and ${module}`)
    seen.set(paper.slug, module)
  }
  loaded.sort((a, b) => (a.paper.slug < b.paper.slug ? -1 : 1))
  return {
    papers: loaded.filter((one): one is LoadedPaper => !isTool(one)),
    tools: loaded.filter(isTool),
  }
}

function isTool(one: LoadedPaper | LoadedTool): one is LoadedTool {
  return 'kind' in one.paper
}

function modulesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && existsSync(join(folder, entry.name, 'index.ts')))
    .map(entry => join(folder, entry.name, 'index.ts'))
}

/** Loads the paper or tool of one module (a path, or a URL from `LoadedPaper.module`). */
export async function loadModule(module: string): Promise<LoadedPaper | LoadedTool> {
  const url = module.startsWith('file:') ? module : pathToFileURL(module).href
  try {
    let exported: unknown = (await import(url)).default
    if (typeof exported === 'function') exported = await exported(contract)
    const given = exported as contract.Paper | contract.Tool
    if (given && 'kind' in given && given.kind === 'tool') return { paper: contract.defineTool(given), module: url }
    return { paper: contract.definePaper(given as contract.Paper), module: url }
  } catch (error) {
    throw new Error(`cannot load the paper ${module}: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
}

function findModule(name: string): string {
  if (isAbsolute(name) || name.startsWith('.')) {
    const path = resolve(name)
    if (!existsSync(path)) throw new Error(`PAPERS names ${name}, but there is no such file or folder`)
    if (!statSync(path).isDirectory()) return path
    const index = ['index.ts', 'index.mjs', 'index.js'].map(file => join(path, file)).find(existsSync)
    if (index) return index
    throw new Error(`PAPERS names ${name}, but there is no index.ts, index.mjs or index.js in it`)
  }
  try {
    return fileURLToPath(import.meta.resolve(name, pathToFileURL(`${process.cwd()}/`).href))
  } catch {
    throw new Error(`PAPERS names ${name}, but no npm package of that name is installed`)
  }
}
