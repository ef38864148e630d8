/**
 * The site as a reader meets it: time of a page over HTTP, one request after the other, and the server's resident memory.
 * Usage: npm run bench -- site [requests]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import serverFlags from '../apps/cli/src/server-flags.json' with { type: 'json' }
import { printMachine, quantile } from './machine.ts'

const requests = Number(process.argv[2] ?? 1000)
/** What must be reached: median of the day page in ms, and resident memory in MB. */
const mostMs = 5
const mostMegabytes = 250

printMachine()
const folder = mkdtempSync(join(tmpdir(), 'offprint-bench-'))
const main = fileURLToPath(new URL('../apps/cli/src/main.ts', import.meta.url))
const began = performance.now()
const server = spawn(process.execPath, [...serverFlags, main, 'serve'], {
  env: { ...process.env, PORT: '0', DATA_DIR: folder },
  stdio: ['ignore', 'pipe', 'inherit'],
})
process.on('exit', () => {
  server.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})
const [line] = await once(server.stdout, 'data')
const url = /http:\S+/.exec(String(line))![0]
console.log(`answers ${Math.round(performance.now() - began)} ms after its start, first time, with ${url}`)

const listing = fileURLToPath(new URL('../../shared/data/daily-papers-listing/listing.txt', import.meta.url))
if (existsSync(listing)) await fetch(`${url}/api/import`, { method: 'POST', body: readFileSync(listing) })

let failed = false
for (const [name, path, most] of [
  ['day page', '/', mostMs],
  ['paper page', '/papers/2008.05171', undefined],
  ['search', '/search?q=vector+search', undefined],
  ['topics', '/topics', undefined],
] as const) {
  for (let warm = 0; warm < 100; warm++) await (await fetch(url + path)).arrayBuffer()
  const times: number[] = []
  let bytes = 0
  for (let request = 0; request < requests; request++) {
    const start = performance.now()
    const response = await fetch(url + path)
    bytes = (await response.arrayBuffer()).byteLength
    times.push(performance.now() - start)
    if (!response.ok) throw new Error(`${path} answered ${response.status}`)
  }
  const p50 = quantile(times, 0.5)
  const wanted = most === undefined ? '' : `, at most ${most} ms wanted`
  console.log(
    `${name.padEnd(12)} p50 ${p50.toFixed(2)} ms, p99 ${quantile(times, 0.99).toFixed(2)} ms, ${(bytes / 1000).toFixed(1)} kB${wanted}`,
  )
  if (most !== undefined && p50 > most) failed = true
}
const status = readFileSync(`/proc/${server.pid}/status`, 'utf8')
const megabytes = Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024
const peak = Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024
console.log(
  `resident memory ${megabytes.toFixed(0)} MB, at most ${peak.toFixed(0)} MB; below ${mostMegabytes} MB wanted`,
)
if (megabytes >= mostMegabytes) failed = true
process.exit(failed ? 1 : 0)
