#!/usr/bin/env node
// Runs on the machine's own Node: installs and builds what is missing, then hands over to the pinned Node.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ensureBuilt, ensureInstalled, serverFlags } from '../../../scripts/bootstrap.mjs'

const node = ensureInstalled()
const serving = process.argv[2] === 'serve'
await ensureBuilt({ site: serving })
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const flags = serving ? serverFlags : ['--disable-warning=ExperimentalWarning']
const command = spawn(node, [...flags, main, ...process.argv.slice(2)], { stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => command.kill(signal))
command.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)))
