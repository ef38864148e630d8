// `npm run build`: the site and the WebAssembly for production, and the packages as plain JavaScript with types.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuilt, ensureInstalled, root } from './bootstrap.mjs'

ensureInstalled()
await ensureBuilt({ site: existsSync(join(root, 'apps/site/vite.config.ts')) })
