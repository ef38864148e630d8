import adapter from '@sveltejs/adapter-node'
import { sveltekit } from '@sveltejs/kit/vite'
import { defineConfig, type Plugin } from 'vite'

/** A style sheet finds its fonts beside itself, under whatever path the site lies. */
const besideItself: Plugin = {
  name: 'offprint-relative-fonts',
  enforce: 'post',
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type !== 'asset' || !file.fileName.endsWith('.css')) continue
      const folder = `/${file.fileName.slice(0, file.fileName.lastIndexOf('/') + 1)}`
      file.source = String(file.source).replaceAll(`url(${folder}`, 'url(./')
    }
  },
}

export default defineConfig({
  plugins: [sveltekit({ adapter: adapter({ precompress: true }), paths: { relative: false } }), besideItself],
})
