#!/usr/bin/env node
// Runs on the machine's own Node: installs and builds what is missing, then hands over to the pinned Node.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ensureBuilt, ensureInstalled } from '../../../scripts/bootstrap.mjs'

const node = ensureInstalled()
await ensureBuilt({ site: process.argv[2] === 'serve' })
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const command = spawn(node, ['--disable-warning=ExperimentalWarning', main, ...process.argv.slice(2)], {
  stdio: 'inherit',
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => command.kill(signal))
command.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)))
