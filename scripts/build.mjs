// `npm run build`: the site and the WebAssembly for production, and the packages as plain JavaScript with types.
import { ensureBuilt, ensureInstalled } from './bootstrap.mjs'

ensureInstalled()
await ensureBuilt()
