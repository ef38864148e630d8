import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readSettings, type Settings, SettingsError } from '@offprint/server'
import { temporaryFolder } from './harness.ts'

const none = '/nonexistent/.env'

test('without settings it binds this machine only, on port 3000', () => {
  const settings = readSettings({}, none)
  assert.equal(settings.HOST, '127.0.0.1')
  assert.equal(settings.PORT, 3000)
  assert.equal(settings.OWNER_TOKEN, undefined)
  assert.equal(settings.TRUST_PROXY, false)
})

for (const [environment, message] of [
  [{ PORT: '70000' }, "PORT must be a whole number from 0 to 65535, found '70000'"],
  [{ PORT: 'abc' }, "PORT must be a whole number from 0 to 65535, found 'abc'"],
  [{ TRUST_PROXY: 'yes' }, "TRUST_PROXY must be 0 or 1, found 'yes'"],
  [{ HOST: 'a b' }, "HOST must be a host name or address, found 'a b'"],
  [{ OWNER_TOKEN: 'short' }, 'OWNER_TOKEN must be a secret of at least 16 characters, found 5 characters'],
  [{ RUN_MEMORY_LIMIT_MB: '1' }, "RUN_MEMORY_LIMIT_MB must be a whole number from 128 to 1048576, found '1'"],
  [{ PROT: '3001' }, 'unknown setting PROT in the environment; did you mean PORT?'],
  [{ OFFPRINT_PORT: '3001' }, 'unknown setting OFFPRINT_PORT in the environment; did you mean PORT?'],
] as const)
  test(`a wrong setting stops the start with a sentence that names it: ${Object.keys(environment)}`, () => {
    assert.throws(() => readSettings(environment, none), { name: 'SettingsError', message })
  })

test('another host needs an owner token', () => {
  assert.throws(() => readSettings({ HOST: '0.0.0.0' }, none), /HOST is '0.0.0.0'.*set OWNER_TOKEN/)
  assert.equal(readSettings({ HOST: '0.0.0.0', OWNER_TOKEN: 'x'.repeat(16) }, none).HOST, '0.0.0.0')
  for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '::1']) readSettings({ HOST: host }, none)
})

test('the file counts below the environment, and an unknown name in it is refused', t => {
  const file = join(temporaryFolder(t), '.env')
  writeFileSync(file, '# comment\nPORT=4000\nUPLOAD_LIMIT_MB=7\n')
  const settings = readSettings({ PORT: '5000' }, file)
  assert.equal(settings.PORT, 5000)
  assert.equal(settings.UPLOAD_LIMIT_MB, 7)
  writeFileSync(file, 'UPLOAD_LIMIT=7\n')
  assert.throws(
    () => readSettings({}, file),
    (error: Error) => error instanceof SettingsError && /unknown setting UPLOAD_LIMIT/.test(error.message),
  )
})

test('.env.example lists every setting, and reads as it stands', t => {
  const example = readFileSync(new URL('../../../.env.example', import.meta.url), 'utf8')
  const named = [...example.matchAll(/^#? ?([A-Z_]+)=/gm)].map(([, name]) => name)
  const settings = readSettings({}, none)
  const embedder = ['EMBEDDER', 'EMBEDDER_URL', 'EMBEDDER_MODEL', 'EMBEDDER_KEY']
  const mail = ['SMTP_URL', 'MAIL_FROM', 'MAIL_REPLY_TO', 'DKIM_DOMAIN', 'DKIM_SELECTOR', 'DKIM_KEY_FILE']
  const known = [
    ...Object.keys(settings),
    'OWNER_TOKEN',
    'DATASETS_DIR',
    'PUBLIC_URL',
    'SYNC_CONTACT',
    ...mail,
    ...embedder,
  ] as (keyof Settings)[]
  assert.deepEqual([...new Set(named)].sort(), [...new Set(known)].sort())
  const file = join(temporaryFolder(t), '.env')
  writeFileSync(file, example)
  readSettings({}, file)
})

test('SYNC names sources, and what is wrong with one', () => {
  const read = (SYNC: string) => readSettings({ SYNC }, none).SYNC
  assert.deepEqual(read(' arxiv:cs.DC , cs.LG@02:15, hf@6h'), ['arxiv:cs.DC', 'cs.LG@02:15', 'hf@6h'])
  for (const [text, words] of [
    ['arxiv:cs.DC,arxiv:cs.XX', /^SYNC has 'arxiv:cs\.XX': 'cs\.XX' is no category of arXiv/],
    ['hf@25:00', /^SYNC has 'hf@25:00': after @ comes a time in UTC/],
    ['hf@999h', /1h to 168h/],
    ['huggingface', /^SYNC has 'huggingface', expected arxiv: and a category/],
  ] as const)
    assert.throws(() => read(text), { name: 'SettingsError', message: words })
  assert.throws(() => readSettings({ SYNC_CONTACT: 'a b' }, none), /^SettingsError: SYNC_CONTACT must be an address/)
})

test('PUBLIC_URL is an address, with a path where the site lies under one', () => {
  for (const [given, kept] of [
    ['https://papers.example.org/', 'https://papers.example.org'],
    ['https://example.org/offprint', 'https://example.org/offprint'],
    ['https://example.org/a/b-c_d.e/', 'https://example.org/a/b-c_d.e'],
    ['http://localhost:3000', 'http://localhost:3000'],
    ['HTTPS://Example.org:443/a/../b', 'https://example.org/b'],
  ])
    assert.equal(readSettings({ PUBLIC_URL: given }, none).PUBLIC_URL, kept)
  for (const wrong of [
    'papers.example.org',
    'ftp://x.example',
    'https://x.example/path?x',
    'https://x.example/path#x',
    'https://x.example//path',
    'https://x.example/a//b',
    'https://x.example/a b',
    'https://x.example/"><script>',
    'https://x.example/a%20b',
    'https://x.example/.hidden',
    'https://x.example?x',
    'https://a@x.example',
    'https://a:b@x.example/c',
  ])
    assert.throws(() => readSettings({ PUBLIC_URL: wrong }, none), /PUBLIC_URL must be an address such as/, wrong)
})
