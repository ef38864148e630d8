// Packs the built packages, installs them into an empty project, and runs the first example of each README there, as plain
// JavaScript on the Node that runs this script; then checks that the types are found. `npm run build` comes first.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pinnedNode, root, stop } from './bootstrap.mjs'

const project = mkdtempSync(join(tmpdir(), 'offprint-packages-'))
process.on('exit', () => rmSync(project, { recursive: true, force: true }))

function run(command, args, cwd = project) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (status !== 0) stop(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`)
  return stdout
}

const names = readdirSync(join(root, 'packages'))
run('npm', ['pack', '--pack-destination', project, ...names.map(name => `./packages/${name}/dist`)], root)
writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n')
const tarballs = readdirSync(project).filter(file => file.endsWith('.tgz'))
run('npm', ['install', '--no-audit', '--no-fund', ...tarballs.map(file => `./${file}`)])
for (const name of names) {
  const readme = readFileSync(join(project, 'node_modules/@offprint', name, 'README.md'), 'utf8')
  const example = /```js\n([\s\S]*?)```/.exec(readme)?.[1]
  if (!example) stop(`the README of @offprint/${name} has no example`)
  // The same text as TypeScript shows whether the types that are shipped are found.
  writeFileSync(join(project, `${name}.js`), example)
  writeFileSync(join(project, `${name}.ts`), example)
  const printed = run(process.execPath, [`${name}.js`]).trim()
  if (!printed) stop(`the example of @offprint/${name} printed nothing`)
  console.log(`@offprint/${name} on Node ${process.versions.node}: ${printed.split('\n')[0]}`)
}
const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--lib', 'es2024,dom']
const tsc = join(root, 'node_modules/typescript/bin/tsc')
run(pinnedNode(), [tsc, ...options, ...names.map(name => `${name}.ts`)])
console.log('types are found')
