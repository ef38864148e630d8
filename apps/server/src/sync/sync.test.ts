import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createLibrary } from '../library/library.ts'
import { streamOf } from '../library/made-papers.fixture.ts'
import type { ImportReport } from '../library/types.ts'
import { nextTime, parseSource } from './followed.ts'
import { type PaceOptions, pacedGet } from './pace.ts'
import { type Fault, type MadePaper, madePapers, madeSite } from './site.fixture.ts'
import { linesOfIds, openSync, SyncError } from './sync.ts'

interface Made {
  papers?: MadePaper[]
  fault?: Fault
  pageSize?: number
  followed?: string[]
  idleMs?: number
}

/** A library that syncs from a made-up site, with a clock that only waiting moves on. */
async function made(
  t: TestContext,
  { papers = madePapers(250), followed = [], idleMs = 10_000, ...options }: Made = {},
) {
  const site = await madeSite(papers, options)
  const folder = mkdtempSync(join(tmpdir(), 'sync-'))
  const database = new DatabaseSync(join(folder, 'offprint.db'))
  const clock = { time: Date.parse('2026-01-21T04:00:00.000Z') }
  const waits: number[] = []
  const sleep = async (ms: number) => {
    waits.push(ms)
    clock.time += ms
    await setImmediate()
  }
  const pace: PaceOptions = { now: () => clock.time, sleep, random: () => 0 }
  const host = new URL(site.url).host
  const library = createLibrary(database, { now: () => new Date(clock.time) })
  const get = pacedGet(join(folder, 'pace'), pace)
  const open = () =>
    openSync(database, library, {
      followed,
      get: (address, more) => get(address, { allowPrivate: [host], idleMs, mostBytes: 1_000_000, ...more }),
      addresses: { oai: `${site.url}/oai`, query: `${site.url}/api/query`, daily: `${site.url}/api/daily_papers` },
      now: () => new Date(clock.time),
      pause: sleep,
      beatMs: 5,
    })
  const sync = open()
  t.after(async () => {
    await sync.close()
    site.close()
    database.close()
    rmSync(folder, { recursive: true })
  })
  return { site, database, library, sync, clock, waits, open }
}

const counts = ({ added, updated, unchanged, refusedCount, state, error }: ImportReport) =>
  `${state}: ${added} ${updated} ${unchanged} ${refusedCount}${error ? ` ${error}` : ''}`

describe('a sync from arXiv', () => {
  test('takes the last seven days at first, then what changed since the last answer', async t => {
    const { sync, site, library, waits } = await made(t)
    assert.equal(counts(await sync.arxiv('cs.DC')), 'done: 250 0 0 0')
    assert.deepEqual(site.asked, [
      '/oai?verb=ListRecords&metadataPrefix=arXivRaw&set=cs%3Acs%3ADC&from=2026-01-14',
      '/oai?verb=ListRecords&resumptionToken=100',
      '/oai?verb=ListRecords&resumptionToken=200',
    ])
    assert.ok(waits.filter(ms => ms > 2_900 && ms <= 3_000).length >= 2, String(waits))
    assert.equal(counts(await sync.arxiv('cs.DC')), 'done: 0 0 250 0')
    assert.match(site.asked[3], /from=2026-01-20$/)
    assert.equal(library.count(), 250)
  })

  test('since a day leaves what is followed where it was, unless days would be left out', async t => {
    const { sync, site } = await made(t, { papers: madePapers(3) })
    await sync.arxiv('cs.DC', '2026-01-01')
    await sync.arxiv('cs.DC')
    await sync.arxiv('cs.DC', '2026-01-01')
    assert.deepEqual(
      site.asked.map(path => /from=(.*)$/.exec(path)![1]),
      ['2026-01-01', '2026-01-20', '2026-01-01'],
    )
    for (const [category, from, words] of [
      ['cs.XX', undefined, /'cs.XX' is no category/],
      ['cs.DC', '2026-13-01', /from must be a day .* found '2026-13-01'/],
      ['cs.DC', '2027-01-01', /to today/],
    ] as const)
      await assert.rejects(sync.arxiv(category, from), { name: 'SyncError', message: words })
  })

  test('that is stopped goes on with the page at which it was', async t => {
    const { sync, site, library } = await made(t)
    const controller = new AbortController()
    const report = await sync.arxiv('cs.DC', undefined, {
      signal: controller.signal,
      onProgress: ({ read }) => read >= 200 && controller.abort(new Error('enough')),
    })
    assert.equal(report.state, 'interrupted')
    assert.ok(library.count() >= 100)
    const before = site.asked.length
    assert.equal((await sync.arxiv('cs.DC')).state, 'done')
    assert.match(site.asked[before], /resumptionToken=[12]00$/)
    assert.equal(library.count(), 250)
  })

  test('goes on after faults: busy, at fault, cut in a record, cut before any, too slow', async t => {
    const faults: Record<number, Parameters<Fault>[1] extends infer Response ? (response: Response) => void : never> = {
      1: response => response.writeHead(500).end(),
      2: response => response.writeHead(503, { 'retry-after': '7' }).end(),
      3: response => void response.destroy(),
      5: response => {
        response.writeHead(200).write('<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><ListRecords><record>')
        setTimeout(() => response.destroy(), 10)
      },
      6: response => response.end('<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><ListRecords><record>'),
      7: response => void response.write('<'),
      8: response => response.writeHead(502).end(),
    }
    const { sync, library, waits, site } = await made(t, {
      idleMs: 400,
      fault: (_, response, asked) => {
        faults[asked]?.(response)
        return asked in faults
      },
    })
    assert.equal(counts(await sync.arxiv('cs.DC')), 'done: 250 0 0 0')
    assert.equal(library.count(), 250)
    assert.ok(site.asked.length >= 3 + 7)
    assert.ok(waits.some(ms => ms > 6_000 && ms <= 7_000) && waits.some(ms => ms >= 9_000), String(waits))
  })

  test('gives up after five tries, keeps what came, and is tried again', async t => {
    let broken = true
    const { sync, library, site } = await made(t, {
      fault: (request, response) => broken && request.url!.includes('=100') && Boolean(response.writeHead(504).end()),
    })
    const report = await sync.arxiv('cs.DC')
    assert.match(counts(report), /^failed: 100 0 0 0 127\.0\.0\.1: it is at fault \(HTTP 504\), also the 5th time$/)
    assert.equal(site.asked.length, 6)
    broken = false
    assert.equal((await sync.arxiv('cs.DC')).state, 'done')
    assert.equal(library.count(), 250)
  })

  test('starts again from its day where arXiv has forgotten how far it was', async t => {
    let forgot = false
    const { sync, library } = await made(t, {
      fault(request, response) {
        if (forgot || !request.url!.includes('=200')) return false
        forgot = true
        response.end(
          '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-01-20T03:04:05Z</responseDate><error code="badResumptionToken">gone</error></OAI-PMH>',
        )
        return true
      },
    })
    assert.equal(counts(await sync.arxiv('cs.DC')), 'done: 250 0 200 0')
    assert.equal(library.count(), 250)
  })

  test('with nothing new is done, and so is one whose text is in another charset than it says', async t => {
    const { sync } = await made(t, { papers: [] })
    assert.equal(counts(await sync.arxiv('hep-th')), 'done: 0 0 0 0')
    const named = await made(t, {
      papers: [{ id: '2601.00001', title: 'Über Wübben', authors: ['K. Wübben'] }],
      fault: (_, response) => void response.setHeader('content-type', 'text/xml; charset=ISO-8859-1'),
    })
    await named.sync.arxiv('cs.DC')
    const paper = named.library.paper('2601.00001')!
    assert.ok('title' in paper && paper.title === 'Über Wübben' && paper.authors[0].name === 'K. Wübben')
  })

  test('asks nobody within our own network, also where it is sent there', async t => {
    let reached = 0
    const inside = createServer((_, response) => {
      reached++
      response.end()
    }).listen(0, '127.0.0.1')
    await once(inside, 'listening')
    t.after(() => inside.close())
    const { port } = inside.address() as AddressInfo
    const { sync } = await made(t, {
      fault: (_, response) => Boolean(response.writeHead(302, { location: `http://127.0.0.1:${port}/oai` }).end()),
    })
    assert.match(counts(await sync.arxiv('cs.DC')), /^failed: .* is not one of the open internet/)
    assert.equal(reached, 0)
  })

  test('paces what it is sent to as well', async t => {
    const { sync, waits } = await made(t, {
      papers: madePapers(1),
      fault(request, response) {
        if (request.url!.startsWith('/oai?moved')) return false
        response.writeHead(301, { location: request.url!.replace('/oai?', '/oai?moved=1&') }).end()
        return true
      },
    })
    assert.equal(counts(await sync.arxiv('cs.DC')), 'done: 1 0 0 0')
    assert.ok(
      waits.some(ms => ms > 2_900),
      String(waits),
    )
  })

  test('is cancelled by any process, and then waits for its time', async t => {
    let other = false
    const { sync, open } = await made(t, {
      fault(request) {
        // Never answered.
        if (!request.url!.includes('=100')) return false
        other = open().cancel('arxiv:cs.DC')
        return true
      },
    })
    const report = await sync.arxiv('cs.DC')
    assert.deepEqual([other, report.state, report.read], [true, 'interrupted', 100])
    assert.equal(sync.cancel('arxiv:cs.DC'), false)
  })

  test('is done by one process at a time', async t => {
    const { sync, open, database } = await made(t, { papers: madePapers(1) })
    database.exec("INSERT INTO syncs (name, owner, heartbeat) VALUES ('arxiv:cs.DC', 'elsewhere:1:', 9e15)")
    await assert.rejects(sync.arxiv('cs.DC'), /by another process already/)
    database.exec('UPDATE syncs SET heartbeat = 0')
    assert.equal((await open().arxiv('cs.DC')).state, 'done')
  })

  test('by a query comes once a day', async t => {
    const { sync, site, clock } = await made(t)
    assert.equal(counts(await sync.query('cat:cs.DC', 120)), 'done: 120 0 0 0')
    const again = await sync.query(' cat:cs.DC ', 120)
    assert.deepEqual([counts(again), site.asked.length], ['done: 0 0 0 0', 1])
    assert.match(again.notes[0], /asked today already: 120 of 250/)
    assert.equal(counts(await sync.query('cat:cs.DC', 200)), 'done: 80 0 0 0')
    clock.time += 86_400_000
    assert.equal(counts(await sync.query('cat:cs.DC', 120)), 'done: 0 0 120 0')
  })
})

describe('a sync from Hugging Face', () => {
  test('of a week takes all of its pages, with votes and fields beside', async t => {
    const { sync, library, site } = await made(t)
    assert.equal(counts(await sync.hf('2026-W02')), 'done: 250 0 0 0')
    assert.equal(site.asked.length, 4)
    const paper = library.paper('2601.00001')!
    assert.ok('title' in paper)
    assert.deepEqual([paper.externalVotes, paper.extra], [3, { githubStars: 12 }])
    for (const name of ['2026-W60', '2030-01-01', 'x']) await assert.rejects(sync.hf(name), SyncError)
  })

  test('takes the days since the last time, the newest two once more', async t => {
    const { sync, site, clock } = await made(t, { papers: madePapers(1) })
    await sync.hf(undefined)
    const days = () =>
      site.asked
        .splice(0)
        .filter(path => path.includes('p=0'))
        .map(path => /date=([\d-]*)/.exec(path)![1])
    assert.deepEqual(days(), [
      '2026-01-14',
      '2026-01-15',
      '2026-01-16',
      '2026-01-17',
      '2026-01-18',
      '2026-01-19',
      '2026-01-20',
      '2026-01-21',
    ])
    clock.time += 86_400_000
    await sync.hf(undefined)
    assert.deepEqual(days(), ['2026-01-20', '2026-01-21', '2026-01-22'])
    clock.time += 60 * 86_400_000
    const late = await sync.hf(undefined)
    assert.equal(days().length, 32)
    assert.match(late.notes[0], /^The days before 2026-02-20 were left out/)
  })
})

describe('papers by ids', () => {
  test('come from arXiv; what it left out and what is no id is named by its line', async t => {
    const { sync, library, site } = await made(t, { papers: madePapers(3) })
    const texts = ['2601.00003v2', 'https://arxiv.org/abs/2601.00001', '2601.09999', '10.1000/x', '13.1']
    const report = await sync.importIds([...texts, 'arXiv:2601.00003'])
    assert.equal(counts(report), 'done: 2 0 0 3')
    assert.match(site.asked[0], /id_list=2601.00003%2C2601.00001%2C2601.09999&max_results=3$/)
    assert.deepEqual(
      report.refused.map(({ line, reason }) => [line, reason.slice(0, 40)]),
      [
        [4, "'10.1000/x' is a DOI of another publisher"],
        [5, "'13.1' is no id or address of arXiv such as 2"],
        [3, '2601.09999: arXiv has no paper of this id'],
      ].map(([line, reason]) => [line, String(reason).slice(0, 40)]),
    )
    assert.equal(library.count(), 2)
    await assert.rejects(sync.importIds(Array(101).fill('2601.00001')), /101 ids, at most 100/)
  })

  test('are told from other texts', () => {
    assert.deepEqual(linesOfIds('\r\n2601.00001\r\n\r\nhttps://arxiv.org/abs/cs/9808004\n13.1\narXiv: 2601.00002\n'), [
      '2601.00001',
      'https://arxiv.org/abs/cs/9808004',
      '13.1',
      'arXiv: 2601.00002',
    ])
    for (const text of ['', 'title,id', 'One two\n2601.00001', '10.1000/x', 'Daily Papers', 'x'.repeat(100_001)])
      assert.equal(linesOfIds(text), undefined, text.slice(0, 20))
    for (const wrong of ['0808.05394', 'hep-th/0704001', 'https://arxiv.org/abs/0808.05394'])
      assert.deepEqual(linesOfIds(`${wrong}\n`), [wrong])
  })

  test('that are wrong are refused with the reason, without asking arXiv', async t => {
    const { sync, site } = await made(t)
    const { refused } = await sync.importIds([
      '0808.05394',
      'hep-th/0704001',
      'https://arxiv.org/abs/9912.00001',
      'x y',
    ])
    assert.deepEqual(refused, [
      { line: 1, reason: '0808.05394: a paper of August 2008 has 4 digits after the point' },
      { line: 2, reason: 'hep-th/0704001: ids of this form end in March 2007 (0703)' },
      { line: 3, reason: '9912.00001: December 2099 is yet to come' },
      {
        line: 4,
        reason: "'x y' is no id or address of arXiv such as 2008.05171, cs/9808004 or https://arxiv.org/abs/2008.05171",
      },
    ])
    assert.equal(site.asked.length, 0)
  })
})

test('papers without an id are completed where exactly one of arXiv is the same', async t => {
  const { sync, library, site } = await made(t, {
    papers: [
      { id: '2601.00001', title: 'Grid medoids: for everyone', authors: ['Ada Byron'] },
      { id: '2601.00002', title: 'Grid medoids for everyone else' },
      { id: '2601.00003', title: 'Twice there', authors: ['Ada Byron'] },
      { id: '2601.00004', title: 'Twice there', authors: ['Ada Byron'] },
      { id: '2601.00005', title: 'Long ago', authors: ['Ada Byron'], published: '1999-01-01' },
      { id: '2601.00006', title: 'By another', authors: ['Zoe Zed'] },
    ],
  })
  const known = [
    { title: 'Grid Medoids for Everyone', publishedAt: '2025-12' },
    { title: 'Twice there' },
    { title: 'Long ago', publishedAt: '2026' },
    { title: 'By another', authors: ['Ada Byron'] },
    { title: '$$' },
    { id: '2601.00009', title: 'Has an id' },
  ]
  const text = known.map(record => `${JSON.stringify(record)}\n`).join('')
  await library.importStream(streamOf(text), { name: 'known', format: 'jsonl' })
  assert.equal(sync.status().incomplete, 5)
  const report = await sync.complete(4)
  assert.equal(counts(report), 'done: 0 1 0 0')
  assert.deepEqual(report.notes, [
    '4 asked for, 1 found, 2 not on arXiv under the same title, 1 left alone, as several papers there have this title, 1 left for the next time.',
  ])
  const paper = library.paper('2601.00001')!
  assert.ok('title' in paper)
  assert.deepEqual([paper.title, paper.authors[0].name], ['Grid medoids: for everyone', 'Ada Byron'])
  assert.equal(library.count(), 6)
  const before = site.asked.length
  assert.match((await sync.complete(4)).notes[0], /^1 asked for, 0 found, 1 that arXiv could not look for\.$/)
  assert.equal((await sync.complete(4)).notes[0], '0 asked for, 0 found.')
  assert.equal(site.asked.length, before)
})

describe('what is followed', () => {
  test('comes from the settings and from the page, and runs when it is due', async t => {
    const { sync, clock, library } = await made(t, { papers: madePapers(2), followed: ['arxiv:cs.DC', 'hf@6h'] })
    sync.follow('stat@05:00')
    for (const [text, words] of [
      ['cs.DC', /followed by the setting SYNC already/],
      ['arxiv:x', /'x' is no category/],
      ['hf@0h', /after @ comes a time/],
      ['', /expected arxiv:/],
    ] as const)
      assert.throws(() => sync.follow(text), { name: 'SyncError', message: words })
    assert.throws(() => sync.unfollow('hf'), /take it out there/)
    assert.throws(() => sync.unfollow('arxiv:x'), /is not followed/)
    sync.start()
    await sync.idle()
    const { sources } = sync.status()
    assert.deepEqual(
      sources.map(({ name, by, schedule, state, next }) => [name, by, schedule, state, next!.slice(0, 16)]),
      [
        ['arxiv:cs.DC', 'settings', 'daily at 01:30 UTC', 'waiting', '2026-01-22T01:30'],
        ['arxiv:stat', 'page', 'daily at 05:00 UTC', 'waiting', '2026-01-21T05:00'],
        ['hf', 'settings', 'every 6 hours', 'waiting', '2026-01-21T10:00'],
      ],
    )
    assert.deepEqual(
      sources.map(({ report }) => report!.added),
      [2, 0, 0],
    )
    assert.equal(library.count(), 2)
    sync.unfollow('arxiv:stat')
    assert.equal(sync.status().sources.length, 2)
    assert.throws(() => sync.begin('arxiv:stat'), /is not followed/)
    clock.time += 1000
    sync.begin('hf')
    await sync.idle()
    assert.ok(sync.status().sources[1].startedAt! > sources[2].startedAt!)
  })

  test('is due at its time, an hour after it failed, and at once where it was cut short', () => {
    const at = (text: string) => Date.parse(`2026-01-${text}:00.000Z`)
    const now = at('21T12:00')
    const time = (schedule: string, last: { startedAt?: string; finishedAt?: string; error?: string }) => {
      const source = parseSource(`hf@${schedule}`)
      assert.ok(!('error' in source))
      return new Date(nextTime(source.schedule, last, now)).toISOString().slice(8, 16)
    }
    const ran = (day: string, more = {}) => ({
      startedAt: `2026-01-${day}:00.000Z`,
      finishedAt: `2026-01-${day}:30.000Z`,
      ...more,
    })
    assert.equal(time('01:30', {}), '21T12:00')
    assert.equal(time('01:30', ran('21T01:30')), '22T01:30')
    assert.equal(time('01:30', ran('21T01:29')), '21T01:30')
    assert.equal(time('6h', ran('21T09:10')), '21T15:10')
    assert.equal(time('01:30', ran('21T11:30', { error: 'x' })), '21T12:30')
    assert.equal(time('01:30', ran('21T11:30', { finishedAt: undefined })), '21T12:00')
  })
})
