// `npm start`: installs and builds what is missing, then serves.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { ensureBuilt, ensureInstalled, root, serverFlags } from './bootstrap.mjs'

const node = ensureInstalled()
await ensureBuilt()
const server = spawn(node, [...serverFlags, join(root, 'apps/cli/src/main.ts'), 'serve', ...process.argv.slice(2)], {
  stdio: 'inherit',
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => server.kill(signal))
server.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)))
