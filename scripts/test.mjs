// `npm test`: installs and builds what is missing, then runs every test. Arguments are file patterns.
import { spawnSync } from 'node:child_process'
import { ensureBuilt, ensureInstalled, root } from './bootstrap.mjs'

const node = ensureInstalled()
await ensureBuilt()
const wanted = process.argv.slice(2)
const patterns = wanted.length
  ? wanted
  : [
      'packages/*/test/**/*.test.ts',
      'papers/**/*.test.ts',
      'apps/*/src/**/*.test.ts',
      'apps/*/test/**/*.test.ts',
      'scripts/*.test.ts',
    ]
const result = spawnSync(
  node,
  ['--disable-warning=ExperimentalWarning', '--test', '--test-concurrency=2', ...patterns],
  { cwd: root, stdio: 'inherit' },
)
process.exit(result.status ?? 1)
