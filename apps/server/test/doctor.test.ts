import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { examine, openOffprint, readSettings, SettingsError } from '@offprint/server'
import { outsidePaper, temporaryFolder } from './harness.ts'

const settingsOf = (folder: string, more: Record<string, string> = {}) =>
  readSettings({ DATA_DIR: folder, PAPERS: outsidePaper, ...more }, '/nonexistent/.env')

/** A folder with papers, vectors, a run with an upload and one that left a file; nobody uses it. */
async function sound(t: TestContext) {
  const folder = join(temporaryFolder(t), 'data')
  const settings = settingsOf(folder)
  const offprint = await openOffprint(settings)
  const table = await offprint.files.save('numbers.csv', [new TextEncoder().encode('name,x\none,1\ntwo,2\n')])
  const ids: string[] = []
  for (const [method, input] of [
    ['sum', { table }],
    ['show', {}],
  ] as const) {
    const { id } = await offprint.runs.submit('outside', method, input)
    assert.equal((await offprint.runs.wait(id))!.run.status, 'done')
    ids.push(id)
  }
  await offprint.caughtUp()
  await offprint.close()
  const file = join(folder, 'offprint.db')
  return {
    folder,
    file,
    settings,
    runs: ids,
    upload: join(folder, 'files', table.file),
    sql(text: string) {
      const database = new DatabaseSync(file, { enableForeignKeyConstraints: false, defensive: false } as object)
      database.exec(text)
      database.close()
    },
    examine: (options = {}) => examine(settings, options),
  }
}

/** What was found that is not fine, as `state check: found`. */
async function complaints(from: ReturnType<typeof examine>) {
  return (await from).findings
    .filter(finding => finding.state !== 'ok')
    .map(finding => {
      assert.ok(finding.todo, `${finding.check} says what to do`)
      return `${finding.state} ${finding.check}: ${finding.found}`
    })
}

test('a sound folder is said to be sound, also while it is in use', async t => {
  const { examine, settings } = await sound(t)
  for (const full of [false, true]) {
    assert.deepEqual(await complaints(examine({ full })), [])
    const { findings, repaired } = await examine({ full, repair: true })
    assert.deepEqual(repaired, [])
    const found = new Map(findings.map(({ check, found }) => [check, found]))
    assert.deepEqual(
      [
        'Node',
        'settings',
        'data folder',
        'disk',
        'database',
        'library',
        'search index',
        'clock',
        'vectors',
        'results',
        'uploads',
      ],
      [...found.keys()],
    )
    assert.equal(found.get('vectors'), 'of all papers')
    assert.equal(found.get('results'), '2, all sound')
    assert.equal(found.get('uploads'), '1, all sound')
  }
  const offprint = await openOffprint(settings)
  t.after(() => offprint.close())
  const used = await examine()
  assert.deepEqual(
    used.findings.filter(({ state }) => state !== 'ok'),
    [],
  )
  assert.match(used.findings.find(({ check }) => check === 'data folder')!.found, /in use now/)
})

test('settings that stop the start are said, and what else can be seen without them', async () => {
  const { findings } = await examine(new SettingsError("PORT must be a whole number from 0 to 65535, found 'x'"))
  assert.deepEqual(
    findings.map(({ check, state }) => [check, state]),
    [
      ['Node', 'ok'],
      ['settings', 'problem'],
    ],
  )
})

test('settings that do not fit together are said with what to set', async t => {
  const { folder } = await sound(t)
  const token = { OWNER_TOKEN: 'a-secret-of-the-owner' }
  const https = { PUBLIC_URL: 'https://papers.example', ALLOWED_HOSTS: 'papers.example', TRUST_PROXY: '1', ...token }
  for (const [environment, expected] of [
    [{}, []],
    [https, []],
    [{ PUBLIC_URL: 'http://localhost:3000' }, []],
    [{ ...https, ALLOWED_HOSTS: 'other.example' }, [/^problem settings: PUBLIC_URL names papers\.example, for which/]],
    [{ ...https, TRUST_PROXY: '0' }, [/^warning settings: PUBLIC_URL is https, but TRUST_PROXY is off/]],
    [{ ...https, PUBLIC_URL: 'http://papers.example' }, [/^warning settings: PUBLIC_URL is http/]],
    [{ ...https, OWNER_TOKEN: '' }, [/^warning settings: anybody who reaches https:\/\/papers\.example/]],
    [{ ...https, HOST: '0.0.0.0' }, [/^warning settings: TRUST_PROXY is on, and HOST 0\.0\.0\.0/]],
    [{ ...token, HOST: '0.0.0.0' }, [/^warning settings: others can reach the site, but feeds/]],
  ] as [Record<string, string>, RegExp[]][]) {
    const said = await complaints(examine(settingsOf(folder, environment)))
    assert.equal(said.length, expected.length, `${JSON.stringify(environment)}: ${said}`)
    for (const [index, pattern] of expected.entries()) assert.match(said[index], pattern)
  }
})

test('a folder that is not there, no folder, or without its database', async t => {
  const place = temporaryFolder(t)
  const missing = await complaints(examine(settingsOf(join(place, 'none'))))
  assert.match(missing[0], /^warning data folder: .* does not exist yet/)
  writeFileSync(join(place, 'file'), '')
  assert.match(
    (await complaints(examine(settingsOf(join(place, 'file')))))[0],
    /^problem data folder: .* is not a folder/,
  )
  const { file, examine: look } = await sound(t)
  for (const ending of ['', '-wal', '-shm']) rmSync(`${file}${ending}`, { force: true })
  assert.match((await complaints(look()))[0], /^problem database: .* is missing, although runs or uploads are there/)
})

test('a database that is no database, cut off, or damaged within is a problem, never a crash', async t => {
  const { file, examine } = await sound(t)
  const whole = readFileSync(file)
  const damage: [string, () => void][] = [
    ['other bytes', () => writeFileSync(file, 'this was a database once, and is not any more. '.repeat(100))],
    ['cut to a half', () => truncateSync(file, Math.floor(whole.length / 2))],
    ['cut within a page', () => truncateSync(file, 5000)],
    ['empty', () => truncateSync(file, 0)],
    [
      'zeros in the middle',
      () => {
        const bytes = Buffer.from(whole)
        bytes.fill(0, 4096 * 3, 4096 * 12)
        writeFileSync(file, bytes)
      },
    ],
  ]
  for (const [name, apply] of damage) {
    writeFileSync(file, whole)
    apply()
    for (const repair of [false, true]) {
      const { findings } = await examine({ repair, full: true })
      const problem = findings.find(({ check, state }) => check === 'database' && state === 'problem')
      assert.ok(problem, `${name}: ${JSON.stringify(findings)}`)
      assert.match(problem.todo!, /offprint restore/, name)
    }
  }
})

test('a newer database is said to be newer', async t => {
  const { sql, examine } = await sound(t)
  sql(`UPDATE migrations SET step = step + 1 WHERE owner = 'library'`)
  assert.match((await complaints(examine()))[0], /^problem database: it was made by a newer version/)
})

for (const [name, damage] of [
  ['lacks papers', `INSERT INTO search(search) VALUES ('delete-all')`],
  ['has papers that are gone', `INSERT INTO search (rowid, title) VALUES (99999, 'gone')`],
  ['is damaged within', `DELETE FROM search_data WHERE id > 10`],
  ['has lost its structure', `UPDATE search_data SET block = x'00' WHERE id = 10`],
  ['is not there at all', 'DROP TABLE search'],
] as const)
  test(`a search index that ${name} is a problem, and is made anew from the papers`, async t => {
    const { sql, examine, settings } = await sound(t)
    sql(damage)
    const said = await complaints(examine())
    assert.equal(said.length, 1, String(said))
    assert.match(said[0], /^problem search index: /)
    const { findings, repaired } = await examine({ repair: true })
    assert.ok(repaired.length >= 1)
    assert.match(repaired[0], /^search index: /)
    assert.deepEqual(
      findings.filter(({ state }) => state !== 'ok'),
      [],
    )
    const offprint = await openOffprint(settings)
    t.after(() => offprint.close())
    assert.equal(offprint.library.search('k-medoids eager').papers[0].slug, 'fasterpam')
    assert.equal(offprint.library.search('gone').total, 0)
  })

test('rows that belong to nothing, papers from the future', async t => {
  const { sql, examine } = await sound(t)
  sql(`INSERT INTO aliases VALUES ('doi:nowhere', 99999)`)
  assert.deepEqual(await complaints(examine()), ['warning database: rows that belong to nothing: 1 in aliases'])
  sql(`DELETE FROM aliases WHERE position = 99999`)
  assert.deepEqual(
    await complaints(examine({ now: () => Date.parse('2001-01-01') })).then(said =>
      said.map(one => one.replace(/at \S+,/, 'at …,')),
    ),
    ['warning clock: papers came in at …, which is in the future'],
  )
})

test('damaged vectors, and those of a library that was restored to an earlier time, are dropped', async t => {
  const { folder, examine, sql } = await sound(t)
  const vectors = join(folder, 'vectors')
  const index = join(vectors, readdirSync(vectors).find(name => name.startsWith('papers-'))!)
  const whole = readFileSync(index)
  writeFileSync(index, whole.subarray(0, whole.length / 2))
  assert.deepEqual(await complaints(examine()), ['warning vectors: damaged'])
  writeFileSync(index, whole)
  assert.deepEqual(await complaints(examine()), [])
  sql('UPDATE library SET revision = 0')
  assert.match((await complaints(examine()))[0], /^warning vectors: of revision \d+, but the library is at 0/)
  const { findings, repaired } = await examine({ repair: true })
  assert.equal(repaired.length, 1)
  assert.match(findings.find(({ check }) => check === 'vectors')!.found, /^none yet/)
})

test('results and uploads that are not as they were stored are named', async t => {
  const { folder, examine, runs, upload } = await sound(t)
  const [sum, show] = runs
  const result = join(folder, 'runs', sum, 'result.txt')
  const whole = readFileSync(result)
  const bytes = Buffer.from(whole)
  bytes[bytes.length - 5] ^= 1
  writeFileSync(result, bytes)
  assert.deepEqual(await complaints(examine()), [`problem results: missing or damaged: ${sum}`])
  writeFileSync(result, whole)
  const left = readdirSync(join(folder, 'runs', show)).find(name => name !== 'result.txt')!
  truncateSync(join(folder, 'runs', show, left), 0)
  assert.deepEqual(await complaints(examine()), [`problem results: missing or damaged: ${show}`])
  rmSync(join(folder, 'runs', show), { recursive: true })
  assert.deepEqual(await complaints(examine()), [`problem results: missing or damaged: ${show}`])
  writeFileSync(upload, 'other bytes')
  assert.match((await complaints(examine()))[1], /^problem uploads: not as they were stored: [0-9a-f]{12}$/)
  rmSync(upload)
  assert.match((await complaints(examine()))[1], new RegExp(`^warning results: input files are gone.*: ${sum}$`))
})

test('runs whose process is gone are marked as interrupted', async t => {
  const { examine, sql, runs, settings } = await sound(t)
  sql(`UPDATE runs SET status = 'running', owner = '${hostname()}:999999999:1' WHERE id = '${runs[0]}'`)
  assert.deepEqual(await complaints(examine()), ['warning runs: 1 say that they run, but their process is gone'])
  const { repaired } = await examine({ repair: true })
  assert.equal(repaired.length, 1)
  assert.deepEqual(await complaints(examine()), [])
  const offprint = await openOffprint(settings)
  t.after(() => offprint.close())
  assert.equal(offprint.runs.store.get(runs[0])!.status, 'interrupted')
})

test('a folder that every user can read, and what a stopped restore left', async t => {
  const { folder, file, examine } = await sound(t)
  chmodSync(folder, 0o755)
  chmodSync(file, 0o644)
  const [said] = await complaints(examine())
  assert.match(said, /^warning data folder: every user of this machine can read it \(mode 755\)/)
  chmodSync(folder, 0o700)
  mkdirSync(`${folder}.restoring-elsewhere+1+1`)
  assert.match(
    (await complaints(examine()))[0],
    /a restore that was stopped left data\.restoring-elsewhere\+1\+1 beside it/,
  )
})
