// Pages that were visited are kept, to be read where the site does not answer; `/offline` lists them. The last ones only,
// and none that is about who may come in: what is not in `kept` goes to the network and nowhere else.
const base = new URL(self.registration.scope).pathname
const names = {
  offline: `offprint-offline ${base}`,
  pages: `offprint-pages ${base}`,
  assets: `offprint-assets ${base}`,
}

/** Below the path of the site. The day page is the empty one. */
const kept =
  /^(?:$|(?:day|week|month|papers|topics|trending|authors|organizations|categories|runs|claims|about|compare|search)(?:\/|$))/
const mostPages = 100
const mostBytes = 20_000_000
const mostAssets = 200
/** A proxy answers so for a server that is not there. */
const notThere = [502, 503, 504]

self.addEventListener('install', event => {
  event.waitUntil(store().then(() => self.skipWaiting()))
})
self.addEventListener('activate', event => {
  event.waitUntil(
    dropOldNames()
      .then(() => self.clients.claim())
      .then(keepOpenPages),
  )
})

/** The page that brought this script here came without it. */
async function keepOpenPages() {
  for (const client of await self.clients.matchAll({ type: 'window' })) {
    const url = new URL(client.url)
    const response = await fetch(url, { headers: { accept: 'text/html' }, redirect: 'manual' }).catch(() => undefined)
    if (response && isKept(response, url, url.pathname.slice(base.length))) await inTurn(() => keep(url, response))
  }
}

/** Caches of earlier versions of this script. */
async function dropOldNames() {
  for (const name of await caches.keys()) if (name === 'offprint-offline') await caches.delete(name)
}

/** The page that says that the site does not answer, with what it is shown with. */
async function store() {
  const page = await fetch(`${base}offline`, { cache: 'reload' })
  if (!page.ok) throw new Error(`${base}offline answered ${page.status}`)
  const html = await page.clone().text()
  const cache = await caches.open(names.offline)
  await cache.addAll(
    [...html.matchAll(/(?:href|src)="([^"]*\/(?:_app\/[^"]+|offprint\.js))"/g)].map(([, path]) => path),
  )
  await cache.put(`${base}offline`, page)
}

self.addEventListener('fetch', event => {
  const { request } = event
  const url = new URL(request.url)
  if (url.origin !== location.origin || !url.pathname.startsWith(base)) return
  const path = url.pathname.slice(base.length)
  if (request.mode === 'navigate') {
    // Who logs out leaves nothing to be read here.
    if (path === 'logout' || path === 'login') event.waitUntil(caches.delete(names.pages))
    if (request.method === 'GET') event.respondWith(page(event, url, path))
  } else if (
    request.method === 'GET' &&
    (path.startsWith('_app/immutable/') || /^[a-z0-9-]+\.(?:js|svg|png)$/.test(path))
  )
    event.respondWith(asset(event, path.startsWith('_app/immutable/')))
})

/** From the network; else as it was kept; else the page that says so. */
async function page(event, url, path) {
  try {
    const response = await fetch(event.request)
    if (path === 'offline' && response.ok) return withList(response)
    if (!notThere.includes(response.status)) {
      if (isKept(response, url, path)) {
        const copy = response.clone()
        event.waitUntil(inTurn(() => keep(url, copy)))
      }
      return response
    }
  } catch {
    // No network, or no server.
  }
  const found = path === 'offline' ? undefined : await (await caches.open(names.pages)).match(url.href)
  if (found) return withLine(found)
  return withList((await caches.match(`${base}offline`, { cacheName: names.offline })) ?? Response.error())
}

function isKept(response, url, path) {
  const { headers } = response
  return (
    response.status === 200 &&
    kept.test(path) &&
    // A form that was sent back with what was wrong is of the moment.
    !url.searchParams.has('draft') &&
    !/\bno-store\b/.test(headers.get('cache-control') ?? '') &&
    /^text\/html\b/.test(headers.get('content-type') ?? '')
  )
}

let last = Promise.resolve()

/** One change of the kept pages after the other. */
function inTurn(work) {
  last = last.then(work, work)
  return last
}

async function keep(url, response) {
  const text = await response.text()
  const title = /<title>([^<]*)<\/title>/.exec(text)?.[1] ?? url.pathname
  const bytes = new TextEncoder().encode(text).length
  if (bytes > mostBytes / 10) return
  const headers = new Headers(response.headers)
  // The text is not compressed any more.
  for (const name of ['content-encoding', 'content-length', 'etag']) headers.delete(name)
  headers.set('x-kept-at', new Date().toISOString())
  headers.set('x-kept-bytes', String(bytes))
  headers.set('x-kept-title', encodeURIComponent(title))
  const cache = await caches.open(names.pages)
  await cache.put(url.href.replace(/#.*/, ''), new Response(text, { headers }))
  let all = 0
  for (const [place, one] of (await keptPages()).entries()) {
    all += Number(one.headers.get('x-kept-bytes'))
    if (place >= mostPages || all > mostBytes) await cache.delete(one.address)
  }
}

/** Addresses and headers of the kept pages, the last one first. */
async function keptPages() {
  const cache = await caches.open(names.pages)
  const found = []
  for (const request of await cache.keys()) {
    const headers = (await cache.match(request))?.headers
    if (headers) found.push({ address: request.url, headers })
  }
  return found.sort((a, b) => (timeOf(a) < timeOf(b) ? 1 : -1))
}

/** Files named for what is in them never change; the others are asked for first. */
async function asset(event, isImmutable) {
  const known = isImmutable ? await caches.match(event.request) : undefined
  if (known) return known
  try {
    const response = await fetch(event.request)
    if (response.ok) {
      const copy = response.clone()
      event.waitUntil(
        inTurn(async () => {
          const cache = await caches.open(names.assets)
          await cache.put(event.request, copy)
          const all = await cache.keys()
          for (const request of all.slice(0, Math.max(0, all.length - mostAssets))) await cache.delete(request)
        }),
      )
    }
    return response
  } catch {
    return (await caches.match(event.request)) ?? Response.error()
  }
}

const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short' })
const timeOf = response => response.headers.get('x-kept-at') ?? ''
const shown = iso => `<time datetime="${iso}">${moment.format(new Date(iso))}</time>`

/** A kept page, with a line that says what it is. */
async function withLine(response) {
  const line = `<p class="notice bad" role="status" data-kept-page>Kept from ${shown(timeOf(response))}; the site does not answer now. <a href="${base}offline">All kept pages</a></p>`
  const text = (await response.text()).replace(/<main\b[^>]*>/, found => found + line)
  return new Response(text, { headers: response.headers })
}

/** The page that says that the site does not answer, with what can be read all the same. */
async function withList(response) {
  if (!response.ok) return response
  const items = (await keptPages()).map(({ address, headers }) => {
    const title = decodeURIComponent(headers.get('x-kept-title') ?? '').replace(/ · Offprint$/, '')
    const { pathname, search } = new URL(address)
    const href = (pathname + search).replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
    return `<li><a href="${href}">${title}</a> <span class="hint">${shown(timeOf({ headers }))}</span></li>`
  })
  const list = items.length ? `<h2>Kept on this device</h2><ul class="kept">${items.join('')}</ul>` : ''
  const text = (await response.text()).replace(
    /(<div data-kept-pages(?:="[^"]*")?[^>]*>)[\s\S]*?<\/div>/,
    (_, open) => `${open}${list}</div>`,
  )
  const headers = new Headers(response.headers)
  for (const name of ['content-encoding', 'content-length', 'etag']) headers.delete(name)
  return new Response(text, { headers })
}
