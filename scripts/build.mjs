// `npm run build`: the site and the WebAssembly for production, and each package as plain JavaScript with types in
// packages/<name>/dist, ready for `npm pack`.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuilt, ensureInstalled, root, run } from './bootstrap.mjs'

const node = ensureInstalled()
await ensureBuilt()

const compiled = join(root, 'build/packages')
rmSync(compiled, { recursive: true, force: true })
run(node, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.packages.json', '--outDir', compiled])
for (const name of readdirSync(join(root, 'packages'))) {
  const from = join(root, 'packages', name)
  const to = join(from, 'dist')
  rmSync(to, { recursive: true, force: true })
  mkdirSync(to)
  cpSync(join(compiled, name, 'src'), join(to, 'src'), { recursive: true })
  renameWorkers(join(to, 'src'))
  if (existsSync(join(from, 'build'))) cpSync(join(from, 'build'), join(to, 'build'), { recursive: true })
  // README.md and its pictures.
  for (const file of readdirSync(from).filter(name => /\.(md|svg)$/.test(name)))
    cpSync(join(from, file), join(to, file))
  cpSync(join(root, 'LICENSE'), join(to, 'LICENSE'))
  const manifest = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'))
  manifest.exports = Object.fromEntries(
    Object.entries(manifest.exports).map(([path, source]) => [
      path,
      { types: source.replace(/\.ts$/, '.d.ts'), default: source.replace(/\.ts$/, '.js') },
    ]),
  )
  writeFileSync(join(to, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  console.log(`built packages/${name}/dist`)
}

/** TypeScript rewrites the endings of imports, but not those of the files that workers are started from. */
function renameWorkers(folder) {
  for (const file of readdirSync(folder).filter(name => name.endsWith('.js'))) {
    const text = readFileSync(join(folder, file), 'utf8')
    const renamed = text.replace(/(new URL\('\.[^']*)\.ts', import\.meta\.url\)/g, "$1.js', import.meta.url)")
    if (renamed !== text) writeFileSync(join(folder, file), renamed)
  }
}
