/** The configurations of docs/hosting.md, tried for real where their programs are installed; skipped by name elsewhere. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as timeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { PageHandler } from '@offprint/server'
import { startServer, temporaryFolder } from '../../server/test/harness.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const doc = readFileSync(join(root, 'docs/hosting.md'), 'utf8')
const blocks = (language: string) =>
  [...doc.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, text]) => text)

process.env.PROTOCOL_HEADER = 'x-forwarded-proto'
process.env.HOST_HEADER = 'host'

const missing = (program: string) => (existsSync(program) ? false : `no ${program} on this machine`)

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

async function answering(url: string) {
  for (let tries = 0; tries < 500; tries++) {
    const answer = await fetch(url).catch(() => undefined)
    if (answer) return
    await timeout(20)
  }
  assert.fail(`${url} does not answer`)
}

/** The site behind a proxy whose configuration is written by `configure(port, port of the site)`. */
async function behind(
  t: TestContext,
  path: string,
  start: (port: number, upstream: number, folder: string) => string[],
) {
  const port = await freePort()
  const pages = (await import('@offprint/site')).handler as unknown as PageHandler
  const origin = `http://127.0.0.1:${port}`
  const served = await startServer(t, { PUBLIC_URL: origin + path, TRUST_PROXY: '1' }, pages)
  const folder = temporaryFolder(t)
  const [program, ...words] = start(port, Number(new URL(served.url).port), folder)
  const proxy = spawn(program, words, { stdio: 'ignore', cwd: folder, env: { ...process.env, HOME: folder } })
  t.after(async () => {
    proxy.kill('SIGTERM')
    await once(proxy, 'exit')
  })
  await answering(`${origin}${path}/health`)
  return { ...served, origin, site: origin + path }
}

/** What a proxy can spoil: pages, writes, uploads, events, compression. */
async function works({
  site,
  origin,
  offprint,
}: {
  site: string
  origin: string
  offprint: Awaited<ReturnType<typeof startServer>>['offprint']
}) {
  const page = await (await fetch(`${site}/papers/2008.05171`)).text()
  const [, style] = /<link href="([^"]+\.css)"/.exec(page)!
  assert.equal((await fetch(origin + style)).status, 200)
  const form = new FormData()
  form.set('table', new Blob([`x\n${'1\n'.repeat(10_000_000)}`]), 'large.csv')
  const upload = await fetch(`${site}/api/run/outside/sum`, { method: 'POST', body: form, headers: { origin } })
  assert.equal(upload.status, 202)
  const { run } = (await upload.json()) as { run: { id: string } }
  offprint.runs.cancel(run.id)
  const foreign = await fetch(`${site}/api/run/outside/sum`, {
    method: 'POST',
    headers: { origin: 'https://evil.example' },
  })
  assert.equal(foreign.status, 403)

  const waiting = await offprint.runs.submit('outside', 'wait', { deaf: false })
  const events = await fetch(`${site}/api/runs/${waiting.id}/events`)
  const reader = events.body!.getReader()
  let text = ''
  // They come while the run goes on: a proxy that gathers them would let this wait for ever.
  while (!text.includes('event: progress')) text += Buffer.from((await reader.read()).value!).toString()
  offprint.runs.cancel(waiting.id)
  while (!(await reader.read()).done) {}

  const redirect = await fetch(`${site}/theme`, {
    method: 'POST',
    body: new URLSearchParams({ theme: 'dark', next: '/claims' }),
    redirect: 'manual',
  })
  assert.equal(new URL(redirect.headers.get('location')!, origin).href, `${site}/claims`)
  assert.match(
    redirect.headers.get('set-cookie')!,
    new RegExp(`Path=${new URL(site).pathname.replace(/\/$/, '') || '/'}(;|$)`),
  )
}

for (const [index, path] of ['', '/offprint'].entries()) {
  test(`nginx ${path ? 'under a path' : 'on a host of its own'}`, {
    skip: missing('/usr/sbin/nginx'),
    timeout: 120_000,
  }, async t => {
    const served = await behind(t, path, (port, upstream, folder) => {
      const server = blocks('nginx')
        [index].replace('listen 443 ssl;', `listen 127.0.0.1:${port};`)
        .replace(/^\s*ssl_certificate.*\n/gm, '')
        .replaceAll('127.0.0.1:3000', `127.0.0.1:${upstream}`)
      assert.ok(!server.includes('ssl'))
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map(name => `${name}_temp_path ${folder}/${name};`)
        .join('\n')
      writeFileSync(
        join(folder, 'nginx.conf'),
        `daemon off; ${process.getuid?.() === 0 ? 'user root;' : ''} pid ${folder}/pid; error_log ${folder}/error.log;
        events {} http { access_log off; ${temporary}\n${server}\n}`,
      )
      const words = ['-p', folder, '-c', join(folder, 'nginx.conf')]
      const { status, stderr } = spawnSync('/usr/sbin/nginx', ['-t', ...words], { encoding: 'utf8' })
      assert.equal(status, 0, stderr)
      return ['/usr/sbin/nginx', ...words]
    })
    await works(served)
    if (path) {
      assert.equal((await fetch(`${served.origin}/papers/2008.05171`)).status, 404)
      assert.equal((await fetch(served.site)).url, `${served.site}/`)
    }
  })

  test(`Caddy ${path ? 'under a path' : 'on a host of its own'}`, {
    skip: missing('/usr/bin/caddy'),
    timeout: 120_000,
  }, async t => {
    const served = await behind(t, path, (port, upstream, folder) => {
      const site = blocks('caddy')
        [index].replace(/^[\w.]+ \{/, `http://127.0.0.1:${port} {`)
        .replaceAll('127.0.0.1:3000', `127.0.0.1:${upstream}`)
      mkdirSync(join(folder, 'storage'))
      writeFileSync(
        join(folder, 'Caddyfile'),
        `{\n admin off\n auto_https off\n storage file_system ${folder}/storage\n}\n${site}`,
      )
      const words = ['--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile']
      const { status, stderr } = spawnSync('/usr/bin/caddy', ['validate', ...words], { encoding: 'utf8' })
      assert.equal(status, 0, stderr)
      return ['/usr/bin/caddy', 'run', ...words]
    })
    await works(served)
  })
}

test('the units are what systemd understands', { skip: missing('/usr/bin/systemd-analyze') }, t => {
  const folder = temporaryFolder(t)
  const units: [string, string][] = [['offprint.service', readFileSync(join(root, 'docs/offprint.service'), 'utf8')]]
  for (const text of blocks('ini')) units.push([/^# \/etc\/systemd\/system\/(\S+)/.exec(text)![1], text])
  assert.deepEqual(
    units.map(([name]) => name),
    ['offprint.service', 'offprint-backup.service', 'offprint-backup.timer'],
  )
  for (const [name, text] of units)
    writeFileSync(
      join(folder, name),
      text.replaceAll('/opt/offprint/', root).replaceAll('/opt/offprint', root.slice(0, -1)),
    )
  const { status, stderr } = spawnSync(
    '/usr/bin/systemd-analyze',
    ['verify', ...units.map(([name]) => join(folder, name))],
    { encoding: 'utf8' },
  )
  assert.deepEqual([status, stderr], [0, ''])
})

test('the settings that the guide names are there, and the doctor is content with them', async () => {
  const { examine, readSettings } = await import('@offprint/server')
  const [, words] = /printf '%s\\n' ([\s\S]*?) \| sudo tee/.exec(doc)!
  const environment = Object.fromEntries(
    words
      .replaceAll('\\\n', ' ')
      .split(/\s+/)
      .filter(word => /^"?[A-Z_]+=/.test(word))
      .map(word => word.replaceAll('"', '').split('=')),
  )
  assert.deepEqual(Object.keys(environment), ['DATA_DIR', 'PUBLIC_URL', 'ALLOWED_HOSTS', 'TRUST_PROXY', 'OWNER_TOKEN'])
  const settings = readSettings(
    { ...environment, OWNER_TOKEN: 'x'.repeat(48), DATA_DIR: '/nonexistent/data' },
    '/nonexistent/.env',
  )
  const { findings } = await examine(settings)
  assert.equal(findings.find(({ check }) => check === 'settings')!.state, 'ok')
})
