import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'offprint-hosting-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function offprint(words: string[], environment: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', main, ...words],
    {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, DATA_DIR: join(folder, 'data'), ...environment },
    },
  )
  return { code: status, stdout, stderr }
}

test('backup, restore and doctor from the shell', () => {
  const none = offprint(['backup', 'b.tar.gz'])
  assert.deepEqual([none.code, /there is nothing to back up/.test(none.stderr)], [2, true])
  assert.equal(offprint(['papers']).code, 0)

  const made = offprint(['backup', 'b.tar.gz'])
  assert.equal(made.code, 0, made.stderr)
  assert.match(made.stdout, /b\.tar\.gz: \d+ kB, 34 papers, 0 runs, 1 file\n$/)
  const again = offprint(['backup', 'b.tar.gz'])
  assert.deepEqual([again.code, /exists already; --force overwrites it/.test(again.stderr)], [2, true])
  const json = JSON.parse(offprint(['backup', 'b.tar.gz', '--force', '--json']).stdout)
  assert.equal(json.bytes, statSync(join(folder, 'b.tar.gz')).size)
  assert.equal(json.manifest.papers, 34)

  const refused = offprint(['restore', 'b.tar.gz'])
  assert.deepEqual([refused.code, /is not empty; --force/.test(refused.stderr)], [2, true])
  const restored = offprint(['restore', 'b.tar.gz', '--force'])
  assert.equal(restored.code, 0, restored.stderr)
  assert.match(
    restored.stdout,
    /34 papers and 0 runs, as they were at .*\nWhat was there before lies in .*data\.before-restore-/,
  )
  const into = JSON.parse(offprint(['restore', 'b.tar.gz', '--into', 'elsewhere', '--json']).stdout)
  assert.deepEqual([into.folder, into.kept], [join(folder, 'elsewhere'), null])
  writeFileSync(join(folder, 'cut.tar.gz'), readFileSync(join(folder, 'b.tar.gz')).subarray(0, 5000))
  const cut = offprint(['restore', 'cut.tar.gz', '--into', 'third'])
  assert.deepEqual([cut.code, cut.stderr.trim()], [2, 'the backup was cut off'])
  assert.equal(offprint(['restore', 'nothing.tar.gz']).code, 2)

  const fine = offprint(['doctor'])
  assert.equal(fine.code, 0, fine.stdout)
  assert.match(fine.stdout, /^ok {8}Node +24\./)
  const report = JSON.parse(offprint(['doctor', '--json', '--full']).stdout)
  assert.deepEqual([report.ok, report.repaired], [true, []])
  writeFileSync(join(folder, 'data', 'offprint.db'), 'no database at all')
  const sick = offprint(['doctor'])
  assert.equal(sick.code, 1)
  assert.match(
    sick.stdout,
    /problem +database +.*offprint\.db cannot be read: file is not a database\n +→ stop the server, then restore/,
  )
  assert.match(sick.stderr, /1 problem\./)
  assert.equal(JSON.parse(offprint(['doctor', '--json']).stdout).ok, false)
  assert.equal(offprint(['restore', 'b.tar.gz', '--force']).code, 0)
  assert.equal(offprint(['doctor']).code, 0)
  const wrong = offprint(['doctor'], { PORT: 'x' })
  assert.equal(wrong.code, 1)
  assert.match(wrong.stdout, /problem +settings +PORT must be a whole number/)
})

test('the help of each command has an example, and all are listed', () => {
  const listed = offprint(['--help']).stdout
  for (const name of ['backup', 'restore', 'doctor']) {
    assert.match(listed, new RegExp(`^  ${name} `, 'm'))
    const { code, stdout } = offprint([name, '--help'])
    assert.equal(code, 0)
    assert.match(stdout, new RegExp(`Examples?:\\s+offprint ${name}`))
  }
  assert.equal(offprint(['backup']).code, 2)
  assert.equal(offprint(['doctor', '--what']).code, 2)
})
