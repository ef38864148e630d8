// `npm run bench -- <name> [arguments]`: runs bench/<name>.ts; npm peers are installed into bench/ when it names any.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuilt, ensureInstalled, root, run, stop } from './bootstrap.mjs'

const [name, ...words] = process.argv.slice(2)
const names = readdirSync(join(root, 'bench'))
  .filter(file => file.endsWith('.ts') && !['machine.ts', 'recall-plot.ts'].includes(file))
  .map(file => file.slice(0, -3))
if (!name || !names.includes(name)) stop(`npm run bench -- <name>, with one of: ${names.join(', ')}`)

const node = ensureInstalled()
await ensureBuilt()
const { dependencies } = JSON.parse(readFileSync(join(root, 'bench/package.json'), 'utf8'))
if (dependencies && !existsSync(join(root, 'bench/node_modules')))
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: join(root, 'bench') })
run(node, ['--disable-warning=ExperimentalWarning', join('bench', `${name}.ts`), ...words])
