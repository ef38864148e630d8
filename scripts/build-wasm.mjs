// Compiles packages/*/assembly/<name>.ts (AssemblyScript) to packages/*/build/<name>.js: the binary as base64 in a plain
// module, so that it loads in Node, browsers and workers without fetch, file system or bundler settings.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const flags = ['-O3', '--runtime', 'stub', '--importMemory', '--initialMemory', '1', '--enable', 'simd']

/** Builds what has changed since the last build. */
export async function ensureWasm() {
  const version = JSON.parse(readFileSync(join(root, 'node_modules/assemblyscript/package.json'), 'utf8')).version
  for (const name of readdirSync(join(root, 'packages'))) {
    const folder = join(root, 'packages', name, 'assembly')
    if (!existsSync(folder)) continue
    for (const file of readdirSync(folder).filter(file => file.endsWith('.ts'))) {
      const source = readFileSync(join(folder, file), 'utf8')
      const stamp = createHash('sha256').update(version).update(flags.join()).update(source).digest('hex')
      const target = join(root, 'packages', name, 'build', basename(file, '.ts'))
      if (existsSync(`${target}.js`) && readFileSync(`${target}.js`, 'utf8').startsWith(`// ${stamp}`)) continue
      await compile(join('packages', name, 'assembly', file), target, stamp)
    }
  }
}

async function compile(source, target, stamp) {
  const { default: asc } = await import('assemblyscript/asc')
  let binary
  const { error, stderr } = await asc.main([source, ...flags, '--outFile', 'out.wasm'], {
    readFile: (name, base) => {
      const path = join(base && !name.startsWith('/') ? base : '', name)
      return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : null
    },
    writeFile: (_name, content) => {
      binary = content
    },
    listFiles: () => [],
  })
  if (error) throw new Error(`${source}: ${error.message}\n${stderr.toString()}`)
  mkdirSync(dirname(target), { recursive: true })
  write(`${target}.js`, `// ${stamp}\nexport const simd = '${Buffer.from(binary).toString('base64')}'\n`)
  write(`${target}.d.ts`, '/** The module with SIMD, as base64. */\nexport declare const simd: string\n')
}

function write(path, content) {
  writeFileSync(`${path}.part`, content)
  renameSync(`${path}.part`, path)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await ensureWasm()
