import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { inflateRawSync } from 'node:zlib'
import Papa from 'papaparse'
import { startServer } from './harness.ts'

/** The files of a ZIP archive by name, read from its central directory. */
function unzip(archive: Buffer): Map<string, Buffer> {
  const end = archive.lastIndexOf('PK\x05\x06', undefined, 'latin1')
  assert.ok(end >= 0, 'the archive has an end')
  const files = new Map<string, Buffer>()
  let at = archive.readUInt32LE(end + 16)
  for (let entry = 0; entry < archive.readUInt16LE(end + 10); entry++) {
    assert.equal(archive.readUInt32LE(at), 0x02014b50)
    const [method, packed, nameLength, extra, comment] = [
      archive.readUInt16LE(at + 10),
      archive.readUInt32LE(at + 20),
      archive.readUInt16LE(at + 28),
      archive.readUInt16LE(at + 30),
      archive.readUInt16LE(at + 32),
    ]
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength)
    const local = archive.readUInt32LE(at + 42)
    const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28)
    const data = archive.subarray(start, start + packed)
    files.set(name, method === 8 ? inflateRawSync(data) : Buffer.from(data))
    at += 46 + nameLength + extra + comment
  }
  return files
}

test('the archive of a run holds its record, its tables and charts, its files and its inputs', async t => {
  const { url, run } = await startServer(t)
  const { body } = await run('outside/show')
  const files = unzip(Buffer.from(await (await fetch(`${url}/api/runs/${body.run.id}/archive.zip`)).arrayBuffer()))
  assert.deepEqual([...files.keys()].sort(), [
    'bars.csv',
    'files/plan.json',
    'graph.csv',
    'record.json',
    'scatter.csv',
    'series.csv',
    'table.csv',
    'timeline.csv',
  ])
  assert.deepEqual(JSON.parse(files.get('record.json')!.toString()), body)
  assert.equal(files.get('files/plan.json')!.toString(), '{}')
  assert.equal(files.get('series.csv')!.toString().split('\n')[0], 'series,size,time')
})

test('names inside of an archive stay inside of it, whatever an upload was called', async t => {
  const { url, run } = await startServer(t)
  const names = ['../../../etc/passwd.csv', '/abs/olute.csv', '..', 'ä b\n.csv', '']
  for (const name of names) {
    const { body } = await run('outside/sum', { table: { name, text: 'a,x\none,1\n' } })
    assert.equal(body.run.status, 'done', JSON.stringify(body))
    const files = unzip(Buffer.from(await (await fetch(`${url}/api/runs/${body.run.id}/archive.zip`)).arrayBuffer()))
    const input = [...files.keys()].find(file => file.startsWith('inputs/'))!
    assert.match(input, /^inputs\/table-[^/\\\n]+$/)
    assert.equal(files.get(input)!.toString(), 'a,x\none,1\n')
  }
})

test('each chart is to be had as CSV, with what it draws', async t => {
  const { url, run } = await startServer(t)
  const { body } = await run('outside/show')
  const csv = async (name: string) => {
    const response = await fetch(`${url}/api/runs/${body.run.id}/tables/${name}.csv`)
    assert.equal(response.headers.get('content-type'), 'text/csv; charset=utf-8')
    return Papa.parse<string[]>((await response.text()).trim()).data
  }
  assert.deepEqual(await csv('series'), [
    ['series', 'size', 'time'],
    ['ours', '1', '1'],
    ['ours', '10', ''],
    ['ours', '100', '5'],
    ['theirs', '1', '2'],
    ['theirs', '10', ''],
    ['theirs', '100', '6'],
  ])
  assert.deepEqual((await csv('bars'))[1], ['one', 'a', '3'])
  assert.deepEqual((await csv('scatter'))[1], ['<b>', '', '1', '3', 'false'])
  assert.deepEqual((await csv('graph'))[1], ['a', 'b', '2', '', ''])
  assert.deepEqual((await csv('timeline'))[1], ['gpu0', 'forward', '', '0', '5'])
  for (const name of ['text', 'file', 'rate', 'none', '..%2Ftable'])
    assert.equal((await fetch(`${url}/api/runs/${body.run.id}/tables/${name}.csv`)).status, 404, name)
  assert.equal((await fetch(`${url}/api/runs/none/archive.zip`)).status, 404)
})

test('an archive whose files are gone is an error, not half an archive', async t => {
  const { url, run, offprint } = await startServer(t)
  const { body } = await run('outside/leave', { text: 'model' })
  rmSync(join(offprint.runs.store.directory(body.run.id), 'model.txt'))
  const response = await fetch(`${url}/api/runs/${body.run.id}/archive.zip`)
  assert.equal(response.status, 410)
  assert.match(((await response.json()) as { detail: string }).detail, /model.txt is no longer on the disk/)
  writeFileSync(join(offprint.runs.store.directory(body.run.id), 'model.txt'), 'model')
  assert.equal((await fetch(`${url}/api/runs/${body.run.id}/archive.zip`)).status, 200)
})

test('the theme is kept in a cookie, and leads back only into this site', async t => {
  const { url } = await startServer(t)
  const choose = (theme: string, next: string) =>
    fetch(`${url}/theme`, { method: 'POST', redirect: 'manual', body: new URLSearchParams({ theme, next }) })
  const dark = await choose('dark', '/runs?paper=hnsw')
  assert.equal(dark.status, 303)
  assert.equal(dark.headers.get('location'), '/runs?paper=hnsw')
  assert.match(dark.headers.get('set-cookie')!, /^theme=dark; Path=\/; Max-Age=\d+; SameSite=Lax$/)
  assert.match((await choose('<script>', '/')).headers.get('set-cookie')!, /^theme=; Path=\/; Max-Age=0/)
  for (const next of [
    '//elsewhere.example',
    '/\\elsewhere.example',
    'https://elsewhere.example',
    '/a\r\nb: c',
    '/ü',
    '',
  ])
    assert.equal((await choose('dark', next)).headers.get('location'), '/', JSON.stringify(next))
  const other = await fetch(`${url}/theme`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin: 'https://elsewhere.example' },
    body: new URLSearchParams({ theme: 'dark' }),
  })
  assert.equal(other.status, 403)
})

test('a claim shows its newest check that came to an end', async t => {
  const { url, offprint } = await startServer(t)
  const check = () => fetch(`${url}/api/check/outside/T1`, { method: 'POST', headers: { prefer: 'wait=60' } })
  const verdict = () => offprint.claims('outside').map(({ id, verdict, run }) => ({ id, verdict, run }))
  assert.deepEqual(
    verdict().map(one => one.verdict),
    ['not checked', 'not checked', 'not checked'],
  )
  const first = ((await (await check()).json()) as { run: { id: string } }).run.id
  assert.deepEqual(verdict()[0], { id: 'T1', verdict: 'holds', run: first })
  const second = ((await (await check()).json()) as { run: { id: string } }).run.id
  assert.equal(verdict()[0].run, second)
  // One that failed afterwards says nothing about the claim.
  const store = offprint.runs.store
  store.add({ ...store.get(second)!, id: 'later', status: 'failed', check: undefined })
  assert.equal(verdict()[0].run, second)
})

test('papers go out and come in as reference managers have them', async t => {
  const { url } = await startServer(t)
  const export_ = async (format: string) => {
    const response = await fetch(`${url}/api/export?format=${format}`)
    assert.match(response.headers.get('content-disposition')!, /attachment; filename="offprint\.\w+"/)
    return response.text()
  }
  for (const [format, papers] of [
    ['bibtex', /^@\w+\{/gm],
    ['ris', /^TY {2}- /gm],
    ['csl', /"type":"article/g],
  ] as const) {
    const text = await export_(format)
    assert.equal(text.match(papers)?.length, 35, format)
    const report = await (await fetch(`${url}/api/import?name=back`, { method: 'POST', body: text })).json()
    assert.deepEqual([report.format, report.added, report.refusedCount, report.state], [format, 0, 0, 'done'])
  }
  assert.equal((await fetch(`${url}/api/export?format=docx`)).status, 422)
  assert.equal((await fetch(`${url}/api/import?format=docx`, { method: 'POST', body: 'x' })).status, 422)
  const cite = async (path: string) => (await fetch(`${url}/api/papers/${path}`)).text()
  assert.match(await cite('2008.05171/cite.bib'), /eprint = ?\{2008\.05171\}/)
  assert.match(await cite('fasterpam/cite.ris'), /^AN {2}- arXiv:2008\.05171/m)
  assert.equal(JSON.parse(await cite('2008.05171/cite.json'))[0].number, 'arXiv:2008.05171')
  assert.equal((await fetch(`${url}/api/papers/none/cite.bib`)).status, 404)
  assert.equal((await fetch(`${url}/api/papers/2008.05171/cite.exe`)).status, 404)
})
