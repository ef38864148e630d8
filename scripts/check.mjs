// `npm run check`: types, lint and format, direction of imports.
import { join } from 'node:path'
import { ensureBuilt, ensureInstalled, root, run } from './bootstrap.mjs'

const node = ensureInstalled()
await ensureBuilt()
run(node, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'])
run(
  node,
  [
    join(root, 'apps/site/node_modules/svelte-check/bin/svelte-check'),
    '--tsconfig',
    './tsconfig.json',
    '--fail-on-warnings',
  ],
  { cwd: join(root, 'apps/site') },
)
run(node, [join(root, 'node_modules/@biomejs/biome/bin/biome'), 'ci', '--colors=off', '--error-on-warnings', '.'])
run(node, [join(root, 'scripts/check-imports.mjs')])
