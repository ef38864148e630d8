/**
 * The library at work with 50,000 papers: import, search over HTTP by eight clients, day page, what is learned in the background
 * while pages are asked for, and memory. The papers are the corpus, grown by recombining its sentences.
 * With --large also an import of 2 GB, or of so many megabytes, after which its memory is compared with that of the first.
 * Usage: npm run bench -- library [papers] [--large [--megabytes n]] [--peer folder of arxiv-sanity-lite, with Debian's python3-flask,
 * python3-sklearn and python3-sqlitedict]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { random } from '@offprint/kernels'
import serverFlags from '../apps/cli/src/server-flags.json' with { type: 'json' }
import { printMachine, quantile } from './machine.ts'

const { values: options, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: { large: { type: 'boolean' }, megabytes: { type: 'string', default: '2000' }, peer: { type: 'string' } },
})
const papers = Number(positionals[0] ?? 50_000)
const clients = 8
const searches = 4000
/** What must be reached. */
const wanted = {
  importPerSecond: 3000,
  searchP50: 10,
  searchP99: 50,
  dayP50: 5,
  megabytes: 600,
  learnedSeconds: 60,
  slowestMs: 100,
  peerRatio: 20,
}

printMachine()
const folder = mkdtempSync(join(tmpdir(), 'offprint-bench-'))
const main = fileURLToPath(new URL('../apps/cli/src/main.ts', import.meta.url))
const children: ChildProcess[] = []
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})
let failed = false
function report(name: string, value: number, unit: string, most: number, atLeast = false): void {
  const holds = atLeast ? value >= most : value <= most
  if (!holds) failed = true
  const shown = value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
  console.log(
    `${name.padEnd(44)} ${shown} ${unit}, ${atLeast ? 'at least' : 'at most'} ${most.toLocaleString('en')} wanted${holds ? '' : ': NOT REACHED'}`,
  )
}

interface Source {
  id: string
  title: string
  abstract: string
  authors: string[]
  categories: string
}

/** The corpus; made-up words where it is not there. */
function readSources(): Source[] {
  const data = fileURLToPath(new URL('../../shared/data/arxiv-abstracts/', import.meta.url))
  if (existsSync(data))
    return ['classic', 'recent'].flatMap(name =>
      gunzipSync(readFileSync(join(data, `${name}.jsonl.gz`)))
        .toString()
        .trim()
        .split('\n')
        .map(line => JSON.parse(line)),
    )
  console.log('shared/data/arxiv-abstracts is missing: papers of made-up words, which are easier than real ones')
  const { integer } = random(3)
  const word = () => `w${Math.floor(20_000 ** (integer(1e6) / 1e6))}`
  const words = (many: number) => Array.from({ length: many }, word).join(' ')
  return Array.from({ length: 5000 }, (_, index) => ({
    id: String(index),
    title: words(8),
    abstract: Array.from({ length: 8 }, () => `${words(20)}.`).join(' '),
    authors: [words(2), words(2)],
    categories: 'cs.LG',
  }))
}

/** Each paper has the title of one, and sentences of others about as many as that one has. */
function* growPapers(sources: Source[], many: number): Generator<string> {
  const { integer } = random(7)
  const sentences = sources.flatMap(
    ({ abstract }) => abstract.replace(/\s+/g, ' ').match(/[^.]+\.(?=\s|$)/g) ?? [abstract],
  )
  for (let index = 0; index < many; index++) {
    const source = sources[index % sources.length]
    const count = 5 + integer(5)
    const paper = {
      id: `${String(8 + Math.floor(index / 90_000)).padStart(2, '0')}${String(1 + (index % 12)).padStart(2, '0')}.${String(1 + Math.floor(index / 12)).padStart(4, '0')}`,
      title: `${source.title} ${index >= sources.length ? `(${index})` : ''}`.trim(),
      abstract: Array.from({ length: count }, () => sentences[integer(sentences.length)].trim()).join(' '),
      authors: source.authors,
      categories: source.categories,
    }
    yield `${JSON.stringify(paper)}\n`
  }
}

/** Runs an import; gives its seconds and its highest resident memory in MB. */
async function importFile(file: string, repeats = 1): Promise<{ seconds: number; megabytes: number; read: number }> {
  const began = performance.now()
  const child = spawn(process.execPath, [...serverFlags, main, 'import', '-', '--json'], {
    env: { ...process.env, DATA_DIR: join(folder, 'data') },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  children.push(child)
  let megabytes = 0
  const watch = setInterval(() => {
    megabytes = Math.max(megabytes, memoryOf(child.pid!).peak)
  }, 100)
  child.stdin.on('error', () => {})
  const fed = (async () => {
    for (let repeat = 0; repeat < repeats; repeat++)
      for await (const chunk of createReadStream(file)) if (!child.stdin.write(chunk)) await once(child.stdin, 'drain')
    child.stdin.end()
  })()
  let output = ''
  for await (const chunk of child.stdout) output += chunk
  await fed
  clearInterval(watch)
  const { read, state } = JSON.parse(output)
  if (state !== 'done') throw new Error(`the import ended as ${state}`)
  return { seconds: (performance.now() - began) / 1000, megabytes, read }
}

function memoryOf(process: number): { now: number; peak: number } {
  try {
    const status = readFileSync(`/proc/${process}/status`, 'utf8')
    const read = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024
    return { now: read('VmRSS'), peak: read('VmHWM') }
  } catch {
    return { now: 0, peak: 0 }
  }
}

const agent = new Agent({ keepAlive: true })

/** As a program asks that is not busy with the answer itself: uncompressed, and read to its end. */
function get(address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    request(address, { agent }, response => {
      response.resume()
      response.on('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`${address} answered ${response.statusCode}`)),
      )
    })
      .on('error', reject)
      .end()
  })
}

/** Each client asks for the next path as soon as it has its answer. @returns times in ms */
async function ask(url: string, paths: string[], parallel: number): Promise<number[]> {
  const times: number[] = []
  let next = 0
  const client = async () => {
    while (next < paths.length) {
      const path = paths[next++]
      const start = performance.now()
      await get(url + path)
      times.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: parallel }, client))
  return times
}

const sources = readSources()
const file = join(folder, 'papers.jsonl')
const out = createWriteStream(file)
for (const line of growPapers(sources, papers)) if (!out.write(line)) await once(out, 'drain')
out.end()
await once(out, 'finish')
const size = statSync(file).size
console.log(`${papers.toLocaleString('en')} papers, ${(size / 1e6).toFixed(0)} MB of JSON lines`)

const imported = await importFile(file)
report('import', imported.read / imported.seconds, 'papers/s', wanted.importPerSecond, true)
console.log(`${'its memory'.padEnd(44)} ${imported.megabytes.toFixed(0)} MB at most`)
if (options.large) {
  const repeats = Math.ceil((Number(options.megabytes) * 1e6) / size)
  const large = await importFile(file, repeats)
  report(
    `memory, ${((repeats * size) / 1e9).toFixed(1)} GB of JSON lines, as a multiple`,
    large.megabytes / imported.megabytes,
    '',
    1.25,
  )
}

const server = spawn(process.execPath, [...serverFlags, main, 'serve'], {
  env: { ...process.env, PORT: '0', DATA_DIR: join(folder, 'data') },
  stdio: ['ignore', 'pipe', 'inherit'],
})
children.push(server)
const [line] = await once(server.stdout!, 'data')
const url = /http:\S+/.exec(String(line))![0]

// Two or three words that follow each other in a title.
const { integer } = random(11)
const queries = Array.from({ length: searches }, () => {
  const words = sources[integer(sources.length)].title.split(/\s+/).filter(word => /^[\p{L}-]{4,}$/u.test(word))
  const start = integer(Math.max(1, words.length - 2))
  return words.slice(start, start + 2 + integer(2)).join(' ')
}).filter(Boolean)

const began = performance.now()
await fetch(`${url}/topics`)
let slowest = { time: 0, path: '', at: 0 }
let learned: number | undefined
const meanwhile: number[] = []
for (let index = 0; ; index++) {
  const paths = ['/', `/search?q=${encodeURIComponent(queries[index % queries.length])}`, '/papers/2008.05171']
  for (const path of paths) {
    const [time] = await ask(url, [path], 1)
    // The first ones wait for the code of the pages to be compiled.
    if (index < 5) continue
    meanwhile.push(time)
    if (time > slowest.time) slowest = { time, path, at: (performance.now() - began) / 1000 }
  }
  const { behind } = await (await fetch(`${url}/health`)).json()
  if (!behind.includes('vectors')) learned ??= (performance.now() - began) / 1000
  if (!behind.length) break
  if (performance.now() - began > 300_000) throw new Error('nothing was learned within five minutes')
  await new Promise(resolve => setTimeout(resolve, 100))
}
report('words indexed, embedder learned, papers embedded', learned!, 's', wanted.learnedSeconds)
console.log(`${'topics as well'.padEnd(44)} ${((performance.now() - began) / 1000).toFixed(1)} s`)
report(`slowest of ${meanwhile.length} requests meanwhile`, slowest.time, 'ms', wanted.slowestMs)
console.log(
  `${''.padEnd(44)} ${slowest.path} after ${slowest.at.toFixed(0)} s; p99 ${quantile(meanwhile, 0.99).toFixed(1)} ms`,
)

const searchPaths = queries.map(query => `/api/search?q=${encodeURIComponent(query)}`)
await ask(url, searchPaths.slice(0, 300), clients)
const times = await ask(url, searchPaths, clients)
report(`search, ${clients} clients, p50`, quantile(times, 0.5), 'ms', wanted.searchP50)
report(`search, ${clients} clients, p99`, quantile(times, 0.99), 'ms', wanted.searchP99)
const pages = await ask(
  url,
  queries.slice(0, 1000).map(query => `/search?q=${encodeURIComponent(query)}`),
  clients,
)
console.log(
  `${`search page, ${clients} clients`.padEnd(44)} p50 ${quantile(pages, 0.5).toFixed(1)} ms, p99 ${quantile(pages, 0.99).toFixed(1)} ms`,
)
const alone = await ask(url, searchPaths.slice(0, 500), 1)
console.log(
  `${'search, one client'.padEnd(44)} p50 ${quantile(alone, 0.5).toFixed(2)} ms, p99 ${quantile(alone, 0.99).toFixed(2)} ms`,
)
const day = await ask(
  url,
  Array.from({ length: 500 }, () => '/'),
  1,
)
report('day page, p50', quantile(day, 0.5), 'ms', wanted.dayP50)
report("the server's resident memory", memoryOf(server.pid!).peak, 'MB', wanted.megabytes)
server.kill('SIGKILL')

if (options.peer) await comparePeer(options.peer, quantile(times, 0.5))
process.exit(failed ? 1 : 0)

/** arxiv-sanity-lite over the same papers and queries, as its README starts it; its own text search and its SVM ranking. */
async function comparePeer(peer: string, ours: number): Promise<void> {
  const load = `
import sys, json
sys.path.insert(0, '.')
from aslite.db import get_papers_db, get_metas_db
pdb, mdb = get_papers_db(flag='c'), get_metas_db(flag='c')
for line in open(sys.argv[1]):
    p = json.loads(line)
    pdb[p['id']] = {'_id': p['id'], '_idv': p['id'] + 'v1', '_version': 1, '_time': 1.7e9, '_time_str': 'Nov 27 2026', 'title': p['title'],
      'summary': p['abstract'], 'authors': [{'name': n} for n in p['authors']], 'tags': [{'term': c} for c in (p['categories'].split() if isinstance(p['categories'], str) else p['categories'])],
      'arxiv_primary_category': {'term': 'cs.LG'}, 'id': p['id']}
    mdb[p['id']] = {'_time': 1.7e9}
pdb.commit(); mdb.commit()
`
  const python = '/usr/bin/python3'
  const run = async (words: string[]) => {
    const child = spawn(python, words, { cwd: peer, stdio: ['ignore', 'ignore', 'inherit'] })
    const [code] = await once(child, 'exit')
    if (code) throw new Error(`${words[0]} ended with ${code}`)
  }
  await run(['-c', load, file])
  await run(['compute.py'])
  const port = '5123'
  const flask = spawn(python, ['-m', 'flask', '--app', 'serve.py', 'run', '--port', port], {
    cwd: peer,
    stdio: 'ignore',
  })
  children.push(flask)
  const theirs = `http://127.0.0.1:${port}`
  for (let attempt = 0; ; attempt++) {
    if (
      await fetch(theirs).then(
        () => true,
        () => attempt > 300,
      )
    )
      break
    await new Promise(resolve => setTimeout(resolve, 200))
  }
  // Few: each of them takes long.
  const some = queries.slice(0, 16).map(query => `/?rank=search&q=${encodeURIComponent(query)}`)
  await ask(theirs, some.slice(0, 2), 1)
  const search = quantile(await ask(theirs, some, clients), 0.5)
  report(
    `arxiv-sanity-lite's search, ${clients} clients: ${search.toFixed(0)} ms; ratio`,
    search / ours,
    'x',
    wanted.peerRatio,
    true,
  )
  const keys = readFileSync(file, 'utf8')
    .split('\n', 8)
    .map(text => JSON.parse(text).id)
  const svm = await ask(
    theirs,
    keys.map(key => `/?rank=pid&pid=${key}`),
    clients,
  )
  console.log(`${'its ranking by SVM'.padEnd(44)} ${quantile(svm, 0.5).toFixed(0)} ms`)
}
