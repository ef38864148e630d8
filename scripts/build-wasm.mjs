// Compiles packages/*/assembly/<name>.ts (AssemblyScript) to packages/*/build/<name>.js: the binaries as base64 in a plain
// module, so that they load in Node, browsers and workers without fetch, file system or bundler settings. What kernels share
// lies in assembly/inline, what only tests run in assembly/test. A kernel that uses relaxed SIMD is compiled twice, with it and
// without. Memory is imported with a maximum, so that `instantiate` can turn the same binary into one for shared memory.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const flags = [
  ['-O3', '--runtime', 'stub', '--importMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
  ['--enable', 'simd', '--enable', 'threads'],
].flat()
const variants = { simd: [], relaxed: ['--enable', 'relaxed-simd'] }

/** Builds what has changed since the last build. */
export async function ensureWasm() {
  const version = JSON.parse(readFileSync(join(root, 'node_modules/assemblyscript/package.json'), 'utf8')).version
  const folders = readdirSync(join(root, 'packages')).map(name => join('packages', name, 'assembly'))
  const shared = folders.flatMap(folder => sourcesIn(join(folder, 'inline')))
  const sharedText = shared.map(file => readFileSync(join(root, file), 'utf8')).join('')
  for (const file of folders.flatMap(sourcesIn)) {
    const source = readFileSync(join(root, file), 'utf8')
    const usesShared = source.includes('/inline/')
    const text = usesShared ? source + sharedText : source
    const stamp = createHash('sha256')
      .update(version)
      .update(JSON.stringify([flags, variants]))
      .update(text)
      .digest('hex')
    const target = join(root, dirname(dirname(file)), 'build', basename(file, '.ts'))
    if (existsSync(`${target}.js`) && readFileSync(`${target}.js`, 'utf8').startsWith(`// ${stamp}`)) continue
    const names = text.includes('ASC_FEATURE_RELAXED_SIMD') ? Object.keys(variants) : ['simd']
    const binaries = []
    for (const name of names) binaries.push({ name, base64: await compile(file, variants[name]) })
    mkdirSync(dirname(target), { recursive: true })
    write(
      `${target}.d.ts`,
      names
        .map(name => `/** The module with ${titles[name]}, as base64. */\nexport declare const ${name}: string\n`)
        .join(''),
    )
    write(
      `${target}.js`,
      `// ${stamp}\n${binaries.map(({ name, base64 }) => `export const ${name} = '${base64}'\n`).join('')}`,
    )
  }
}

const titles = { simd: 'SIMD', relaxed: 'relaxed SIMD' }

function sourcesIn(folder) {
  if (!existsSync(join(root, folder))) return []
  const files = readdirSync(join(root, folder)).filter(file => file.endsWith('.ts'))
  return files.sort().map(file => join(folder, file))
}

/** The binary of a source, as base64. */
export async function compile(source, more = []) {
  const { default: asc } = await import('assemblyscript/asc')
  let binary
  const { error, stderr } = await asc.main([source, ...flags, ...more, '--outFile', 'out.wasm'], {
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
  if (hasData(binary))
    throw new Error(`${source}: static data would overwrite the caller's memory; pass a pointer to it`)
  return Buffer.from(binary).toString('base64')
}

/** Whether a binary has a data section, which would be written into the arena each time the module is started. */
function hasData(binary) {
  let at = 8
  while (at < binary.length) {
    const section = binary[at++]
    let size = 0
    for (let shift = 0, byte = 0x80; byte & 0x80; shift += 7) {
      byte = binary[at++]
      size |= (byte & 0x7f) << shift
    }
    if (section === 11) return binary[at] > 0
    at += size
  }
  return false
}

function write(path, content) {
  writeFileSync(`${path}.part`, content)
  renameSync(`${path}.part`, path)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await ensureWasm()
