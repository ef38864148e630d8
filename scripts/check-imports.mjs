// Imports go down only: kernels < tensors < engines < papers < server < site, cli. Never up, never between engines.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { root } from './bootstrap.mjs'

const floors = {
  'packages/kernels': 1,
  'packages/tensors': 2,
  'packages/search': 3,
  'packages/clustering': 3,
  'packages/fleet': 3,
  'packages/forecast': 3,
  papers: 4,
  'apps/server': 5,
  'apps/site': 6,
  'apps/cli': 7,
}
const names = {
  '@offprint/papers': 'papers',
  '@offprint/server': 'apps/server',
  '@offprint/site': 'apps/site',
  offprint: 'apps/cli',
}

/** The room a path lies in, such as `packages/kernels`, or undefined outside of all. */
function roomOf(path) {
  const parts = relative(root, path).split(sep)
  return [parts.slice(0, 2).join('/'), parts[0]].find(name => name in floors)
}

function roomOfPackage(name) {
  const match = /^(@offprint\/[a-z]+|offprint)(\/|$)/.exec(name)
  if (!match) return undefined
  return names[match[1]] ?? `packages/${match[1].slice('@offprint/'.length)}`
}

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (['node_modules', 'build', 'dist', '.svelte-kit'].includes(entry.name)) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* sources(path)
    else if (/\.(ts|js|mjs|svelte)$/.test(entry.name)) yield path
  }
}

const wrong = []
for (const room of Object.keys(floors)) {
  let files = []
  try {
    files = [...sources(join(root, room))]
  } catch {
    continue // no code for this room yet
  }
  for (const file of files) {
    const text = readFileSync(file, 'utf8')
    for (const match of text.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)) {
      const typeOnly = /import\s+type\s[^'"]*$/.test(text.slice(Math.max(0, match.index - 300), match.index))
      const target = match[1].startsWith('.') ? roomOf(resolve(dirname(file), match[1])) : roomOfPackage(match[1])
      if (!target || target === room) continue
      if (floors[target] === undefined) wrong.push(`${relative(root, file)} imports ${match[1]}, which is in no room`)
      else if (floors[target] >= floors[room])
        wrong.push(`${relative(root, file)} imports ${match[1]}: ${room} may not import ${target}`)
      // The site is given the library by the server and knows only its types; a bundler must never see an engine.
      else if (room === 'apps/site' && !typeOnly && !file.includes(`${sep}test${sep}`))
        wrong.push(`${relative(root, file)} imports ${match[1]}: the site may import only types from below`)
    }
  }
}
if (wrong.length) {
  console.error(wrong.join('\n'))
  process.exit(1)
}
console.log('imports go down only')
