// Plain JavaScript that runs on Node 20: installs what is missing, builds what is stale, and gives back the pinned Node.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const windows = process.platform === 'win32'

/** Flags of Node for the server: a small heap, as runs have processes of their own. It halves the memory under load. */
export const serverFlags = JSON.parse(readFileSync(join(root, 'apps/cli/src/server-flags.json'), 'utf8'))

/** Stops with a sentence instead of a stack. */
export function stop(sentence) {
  console.error(sentence)
  process.exit(1)
}

/** Runs a command in the project's folder and stops if it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell: windows, ...options })
  if (result.error) stop(`cannot run ${command}: ${result.error.message}`)
  if (result.status !== 0) process.exit(result.status ?? 1)
}

/** `npm ci` where node_modules does not belong to the lock file; then checks the pinned Node. Gives back its path. */
export function ensureInstalled() {
  const lock = readFileSync(join(root, 'package-lock.json'))
  const stamp = join(root, 'node_modules/.offprint-installed')
  const wanted = createHash('sha256').update(lock).digest('hex')
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
    console.error('Installing packages (once) …')
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { stdio: ['ignore', 2, 2] })
    writeFileSync(stamp, wanted)
  }
  return pinnedNode()
}

/** Path of the Node that the lock file pins. */
export function pinnedNode() {
  const node = join(root, 'node_modules/node/bin', windows ? 'node.exe' : 'node')
  const answer = existsSync(node) ? spawnSync(node, ['-v'], { encoding: 'utf8' }).stdout : ''
  if (!answer?.startsWith('v24.'))
    stop(
      'The pinned Node 24 is not there: npm did not run the install script of its package "node". ' +
        'Delete node_modules and run `npm ci --ignore-scripts=false` (npm 12 also needs the allowScripts entry of package.json).',
    )
  return node
}

/** Builds the WebAssembly and the site where their sources have changed since the last build. */
export async function ensureBuilt({ site = true } = {}) {
  const { ensureWasm } = await import('./build-wasm.mjs')
  await ensureWasm()
  if (site) ensureSite()
}

function ensureSite() {
  const folder = join(root, 'apps/site')
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')))
  for (const file of sourcesOf(folder)) hash.update(file).update(readFileSync(join(folder, file)))
  const wanted = hash.digest('hex')
  const stamp = join(folder, 'build/.sources')
  // A new installation has taken along what the build put beside the packages: the settings that types are checked with.
  const settings = join(folder, 'node_modules/$app')
  if (existsSync(settings) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  console.error('Building the site …')
  run(pinnedNode(), [join(root, 'node_modules/vite/bin/vite.js'), 'build', '--logLevel', 'warn'], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
  })
  mkdirSync(join(folder, 'build'), { recursive: true })
  writeFileSync(stamp, wanted)
}

function sourcesOf(folder, below = '') {
  return readdirSync(join(folder, below), { withFileTypes: true })
    .filter(entry => !['node_modules', 'build', '.svelte-kit', 'test'].includes(entry.name))
    .flatMap(entry => (entry.isDirectory() ? sourcesOf(folder, join(below, entry.name)) : [join(below, entry.name)]))
    .sort()
}
