// Where the site does not answer, its page `/offline` says so instead of the browser.
const name = 'offprint-offline'

self.addEventListener('install', event => {
  event.waitUntil(store().then(() => self.skipWaiting()))
})
self.addEventListener('activate', event => event.waitUntil(self.clients.claim()))

/** The page, and the styles and fonts that it names. */
async function store() {
  const page = await fetch('/offline', { cache: 'reload' })
  if (!page.ok) throw new Error(`/offline answered ${page.status}`)
  const html = await page.clone().text()
  const cache = await caches.open(name)
  await cache.addAll([...html.matchAll(/href="(\/_app\/[^"]+)"/g)].map(([, path]) => path))
  await cache.put('/offline', page)
}

self.addEventListener('fetch', event => {
  const { request } = event
  const { pathname, origin } = new URL(request.url)
  if (request.mode === 'navigate' && request.method === 'GET')
    event.respondWith(fetch(request).catch(() => caches.match('/offline')))
  else if (origin === location.origin && pathname.startsWith('/_app/immutable/'))
    event.respondWith(fetch(request).catch(async () => (await caches.match(request)) ?? Response.error()))
})
