import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { random } from '@offprint/kernels'
import { openDatabase } from '../database.ts'
import { createLibrary } from './library.ts'
import { streamOf } from './made-papers.fixture.ts'
import { computeVectors, openVectors, vectorsRevision } from './vectors.ts'

const fields = [
  'medoids clusters silhouettes partitions centroids swaps dissimilarities',
  'transformers attention tokens decoding prompts logits embeddings',
  'galaxies telescopes redshift supernovae nebulae quasars photometry',
].map(words => words.split(' '))

/** Papers about three fields, in turn. */
function made(count: number, first = 0): { id: string; title: string; abstract: string }[] {
  return Array.from({ length: count }, (_, at) => {
    const number = first + at
    const { integer } = random(number + 1)
    const words = fields[number % 3]
    const some = Array.from({ length: 12 }, () => words[integer(words.length)]).join(' ')
    return {
      id: `2001.${String(10_000 + number)}`,
      title: `Paper ${number} on ${words[integer(words.length)]}`,
      abstract: some,
    }
  })
}

function opened(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'offprint-vectors-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const database = openDatabase(':memory:')
  const vectors = openVectors(folder)
  const library = createLibrary(database, { vectors })
  return {
    folder,
    database,
    vectors,
    library,
    put: (records: object[]) =>
      library.importStream(streamOf(records.map(one => JSON.stringify(one)).join('\n')), {
        name: 'made',
        format: 'jsonl',
      }),
    compute: () => computeVectors(folder, { [Symbol.iterator]: () => library.records() }, library.revision()),
  }
}

const fieldOf = (key: string) => (Number(key.slice(5)) - 10_000) % 3

describe('similar papers', () => {
  test('are of the same field, and say what they share', async t => {
    const { library, put, compute } = opened(t)
    await put(made(60))
    assert.deepEqual(library.similar('2001.10000'), [])
    await compute()
    assert.equal(library.vectorsRevision(), library.revision())
    for (const number of [0, 1, 2]) {
      const similar = library.similar(`2001.1000${number}`)
      assert.equal(similar.length, 6)
      for (const { paper, shared, similarity } of similar) {
        assert.notEqual(paper.key, `2001.1000${number}`)
        assert.equal(fieldOf(paper.key), number)
        assert.ok(
          shared.length > 0 && shared.every(term => term.split(' ').every(word => fields[number].includes(word))),
        )
        assert.ok(similarity > 0 && similarity <= 1.000001)
      }
    }
    assert.deepEqual(library.similar('none'), [])
  })

  test('come and go with the papers: added without learning anew, changed, and gone', async t => {
    const { folder, database, library, put, compute } = opened(t)
    await put(made(600))
    await compute()
    const embedder = () => readdirSync(folder).find(name => name.startsWith('embedder'))
    const first = embedder()
    await put(made(30, 600))
    await compute()
    assert.equal(embedder(), first)
    assert.equal(library.similar('2001.10629').length, 6)
    // Its text is about another field from now on.
    database.exec(
      "UPDATE papers SET record = json_set(record, '$.title', 'Galaxies', '$.abstract', 'galaxies telescopes quasars nebulae') WHERE key = '2001.10000'",
    )
    database.exec("DELETE FROM papers WHERE key = '2001.10001'; UPDATE library SET revision = revision + 1")
    await compute()
    assert.equal(embedder(), first)
    assert.ok(library.similar('2001.10000').every(({ paper }) => fieldOf(paper.key) === 2))
    assert.deepEqual(library.similar('2001.10001'), [])
    for (const { key } of library.records())
      assert.ok(library.similar(key).every(({ paper }) => paper.key !== '2001.10001'))
    await put(made(400, 1000))
    await compute()
    assert.notEqual(embedder(), first)
    assert.deepEqual(readdirSync(folder).length, 3)
  })

  test('of a library that is empty or says nothing are none', async t => {
    const { library, put, compute } = opened(t)
    await compute()
    assert.equal(library.search('anything').close, undefined)
    await put([
      { title: '42', abstract: '' },
      { title: 'The of and', abstract: '' },
    ])
    await compute()
    for (const { key } of library.records()) assert.deepEqual(library.similar(key), [])
  })

  test('of damaged files are none, and the next computation mends them', async t => {
    const { folder, vectors, library, put, compute } = opened(t)
    t.mock.method(console, 'error', () => {})
    await put(made(30))
    for (const kind of ['embedder', 'papers', 'manifest']) {
      await compute()
      assert.ok(vectors())
      const path = join(folder, readdirSync(folder).find(name => name.startsWith(kind))!)
      const bytes = readFileSync(path)
      bytes[bytes.length >> 1] ^= 255
      writeFileSync(path, kind === 'manifest' ? bytes.subarray(0, bytes.length >> 1) : bytes)
      const anew = openVectors(folder)
      assert.equal(anew(), undefined)
      assert.equal(library.search('medoids').papers.length > 0, true)
      await compute()
      assert.equal(anew()?.revision, library.revision())
      assert.equal(vectorsRevision(folder), library.revision())
    }
  })
})

describe('a search with vectors', () => {
  test('finds what the words find, and orders it by meaning too', async t => {
    const { library, put, compute } = opened(t)
    await put([
      ...made(90),
      { id: '2002.00001', title: 'On tokens', abstract: 'galaxies and telescopes and redshift of quasars with tokens' },
      {
        id: '2002.00002',
        title: 'On tokens',
        abstract: 'attention and decoding and prompts of transformers with tokens',
      },
    ])
    const query = 'tokens attention'
    const before = library.search(query, { limit: 1000 })
    await compute()
    const after = library.search(query, { limit: 1000 })
    assert.equal(after.total, before.total)
    assert.deepEqual(after.papers.map(({ key }) => key).sort(), before.papers.map(({ key }) => key).sort())
    const paged = Array.from({ length: Math.ceil(after.total / 7) }, (_, page) =>
      library.search(query, { limit: 7, offset: page * 7 }).papers.map(({ key }) => key),
    ).flat()
    assert.deepEqual(
      paged,
      after.papers.map(({ key }) => key),
    )
  })

  test('goes on by words behind the best hundred', async t => {
    const { library, put, compute } = opened(t)
    await put(made(450))
    await compute()
    const all = library.search('tokens', { limit: 1000 }).papers.map(({ key }) => key)
    assert.ok(all.length > 100)
    assert.equal(new Set(all).size, all.length)
    const paged = Array.from({ length: Math.ceil(all.length / 30) }, (_, page) =>
      library.search('tokens', { limit: 30, offset: page * 30 }).papers.map(({ key }) => key),
    ).flat()
    assert.deepEqual(paged, all)
  })

  test('fills up with what is close without the words, and never after phrases and excluded words', async t => {
    const { library, put, compute } = opened(t)
    // One paper lacks the second word, and is about nothing but the first.
    await put([...made(15), { id: '2002.00001', title: 'Medoids', abstract: 'medoids and medoids and medoids' }])
    await compute()
    const found = library.search('medoids swaps', { limit: 150 })
    assert.ok(found.close?.some(({ key }) => key === '2002.00001'))
    const keys = new Set(found.papers.map(({ key }) => key))
    for (const { key } of found.close!) assert.ok(!keys.has(key))
    assert.equal(library.search('medoids', { limit: 1 }).close, undefined)
    for (const query of ['"medoids swaps"', 'medoids -swaps', 'medoids OR swaps'])
      assert.equal(library.search(query, { limit: 100 }).close, undefined)
  })
})
