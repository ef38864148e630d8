import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { random } from '@offprint/kernels'
import { openDatabase } from '../database.ts'
import { createLibrary } from './library.ts'
import { paper, streamOf } from './made-papers.fixture.ts'
import { keepTopicIds } from './topic-ids.ts'
import { computeTopics } from './topics.ts'
import type { PaperRecord, Topic } from './types.ts'

const fields = [
  'medoids clusters silhouettes partitions centroids swaps dissimilarities',
  'transformers attention tokens decoding prompts logits embeddings',
  'galaxies telescopes redshift supernovae nebulae quasars photometry',
  'enzymes proteins ligands folding genomes peptides ribosomes',
].map(words => words.split(' '))

/** Papers of four fields in turn; each has five of its field's seven words. */
function madePapers(count: number): PaperRecord[] {
  return Array.from({ length: count }, (_, number) => {
    const words = fields[number % fields.length]
    const drawn = [0, 1, 2, 3, 4].map(offset => words[(Math.floor(number / 4) + offset) % words.length])
    return paper({
      key: `t:${String(number).padStart(16, '0')}`,
      title: `On ${drawn[0]} and ${drawn[1]}`,
      abstract: `We propose a novel method for ${drawn.join(' and ')}.`,
    })
  })
}

const fieldOf = (key: string) => Number(key.slice(2)) % fields.length

describe('topics', () => {
  test('put papers with the same words together, the medoid first, then by distance', async () => {
    const papers = madePapers(60)
    const topics = await computeTopics(papers)
    assert.equal(topics.flatMap(topic => topic.members).length, 60)
    assert.equal(new Set(topics.flatMap(topic => topic.members.map(({ key }) => key))).size, 60)
    for (const { medoid, members, words } of topics) {
      assert.equal(new Set(members.map(({ key }) => fieldOf(key))).size, 1)
      assert.deepEqual(members[0], { key: medoid, distance: 0 })
      for (const [index, { distance }] of members.entries())
        assert.ok(distance >= (members[index - 1]?.distance ?? 0) && distance <= 1)
      assert.ok(words.length >= 2 && words.length <= 6)
      for (const word of words) assert.ok(fields[fieldOf(medoid)].includes(word), word)
    }
    assert.deepEqual(
      topics.map(topic => topic.members.length),
      topics.map(topic => topic.members.length).sort((a, b) => b - a),
    )
  })

  test('are the same for the same papers', async () => {
    assert.deepEqual(await computeTopics(madePapers(50)), await computeTopics(madePapers(50)))
  })

  test('of more papers than are clustered come from a sample, and every paper is in one', async () => {
    const topics = await computeTopics(madePapers(4400))
    assert.equal(topics.flatMap(topic => topic.members).length, 4400)
    for (const { members } of topics) assert.equal(new Set(members.map(({ key }) => fieldOf(key))).size, 1)
    // Medoids of before are looked at though another lot would not have drawn them.
    const papers = random(5).shuffle(madePapers(4440))
    const next = keepTopicIds(topics, await computeTopics(papers, { before: topics }))
    assert.deepEqual(new Set(next.map(({ id }) => id)), new Set(topics.map(({ id }) => id)))
  })

  test('have words as they are written, plurals and hyphens too, and none out of formulas', async () => {
    const texts = ['Few-shot $\\alphabeta$', 'Ontologies \\(\\alphabeta\\)', 'Policies', '12345 caches']
    const papers = madePapers(24).map((made, number) => ({
      ...made,
      abstract: '',
      title: `${texts[number % 4]} everywhere`,
    }))
    const words = (await computeTopics(papers)).flatMap(topic => topic.words)
    for (const word of ['few-shot', 'ontologies', 'policies', 'caches']) assert.ok(words.includes(word), word)
    assert.ok(!words.some(word => /alphabeta|\d/.test(word)))
  })

  test('of no paper, one, equal ones, and those without words', async () => {
    const countOf = async (papers: PaperRecord[]) =>
      (await computeTopics(papers)).flatMap(topic => topic.members).length
    assert.equal(await countOf([]), 0)
    assert.equal(await countOf(madePapers(1)), 1)
    assert.equal(
      await countOf(Array.from({ length: 9 }, (_, number) => ({ ...madePapers(1)[0], key: `t:${number}` }))),
      9,
    )
    const titles = ['', '…', '42', '$x$', '深度学习', '<script>', '__proto__ constructor']
    const silent = titles.map((title, number) => paper({ key: `t:${number}`, title }))
    assert.equal(await countOf(silent), 7)
    assert.equal(await countOf([...madePapers(20), ...silent]), 27)
  })

  test('stop when they are asked to', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    await assert.rejects(computeTopics(madePapers(20), { signal }), /enough/)
  })
})

describe('topics from day to day', () => {
  /** Papers of four fields in turn with four words by lot of their field's. */
  const varied = (count: number): PaperRecord[] => {
    const { sample } = random(7)
    return Array.from({ length: count }, (_, number) => {
      const words = sample(4, 7).map(at => fields[number % fields.length][at])
      return paper({
        key: `t:${String(number).padStart(16, '0')}`,
        title: `On ${words[0]} and ${words[1]}`,
        abstract: `We propose a novel method for ${words.join(' and ')}.`,
      })
    })
  }
  const nextDay = async (papers: PaperRecord[], before: Topic[]) =>
    keepTopicIds(before, await computeTopics(papers, { before }))
  const homes = (topics: Topic[]) => new Map(topics.flatMap(({ id, members }) => members.map(({ key }) => [key, id])))
  /** Share of the papers of before that are in the topic in which they were. */
  const stayed = (before: Topic[], now: Topic[]) => {
    const [old, home] = [homes(before), homes(now)]
    return [...old].filter(([key, id]) => home.get(key) === id).length / old.size
  }
  const nameOf = ({ words }: Topic) => words.slice(0, 3).join(', ')

  test('keep ids, names and papers where nothing came in, in whatever order they are read', async () => {
    const papers = varied(100)
    const before = keepTopicIds([], await computeTopics(papers))
    const now = await nextDay(random(5).shuffle([...papers]), before)
    assert.equal(stayed(before, now), 1)
    assert.deepEqual(
      new Map(now.map(topic => [topic.id, nameOf(topic)])),
      new Map(before.map(topic => [topic.id, nameOf(topic)])),
    )
  })

  test('keep ids and names of most while papers come in, more than those that are found anew', async () => {
    let kept = keepTopicIds([], await computeTopics(varied(80)))
    let anew = kept
    const shares: number[] = []
    const sharesAnew: number[] = []
    let lost = 0
    for (let count = 84; count <= 140; count += 4) {
      const papers = varied(count)
      const now = await nextDay(papers, kept)
      shares.push(stayed(kept, now))
      lost += kept.filter(({ id }) => !now.some(topic => topic.id === id)).length
      kept = now
      const other = keepTopicIds(anew, await computeTopics(papers))
      sharesAnew.push(stayed(anew, other))
      anew = other
      assert.equal(now.flatMap(topic => topic.members).length, count)
    }
    const mean = (values: number[]) => values.reduce((sum, one) => sum + one, 0) / values.length
    assert.ok(mean(shares) > 0.93, `${mean(shares)} stay`)
    assert.ok(mean(shares) > mean(sharesAnew) + 0.05, `${mean(shares)} against ${mean(sharesAnew)}`)
    assert.ok(lost <= 5, `${lost} topics are lost in 15 days`)
  })

  test('get a new one for a new field, and lose those of a field that is gone, while the others stay', async () => {
    const all = varied(120)
    const of = (...wanted: number[]) => all.filter(({ key }) => wanted.includes(fieldOf(key)))
    const fieldsIn = (topics: Topic[]) =>
      new Set(topics.flatMap(({ members }) => members.map(({ key }) => fieldOf(key))))
    const before = keepTopicIds([], await computeTopics(of(0, 1, 2)))
    const more = await nextDay(all, before)
    assert.ok(stayed(before, more) > 0.7)
    const fresh = more.filter(({ id }) => !before.some(topic => topic.id === id))
    assert.ok(fresh.some(({ medoid }) => fieldOf(medoid) === 3))
    const fewer = await nextDay(of(1, 2, 3), more)
    assert.ok(!fieldsIn(fewer).has(0))
    const others = more.filter(({ medoid }) => fieldOf(medoid) !== 0)
    assert.ok(stayed(others, fewer) > 0.7)
    assert.equal(new Set(fewer.map(({ id }) => id)).size, fewer.length)
  })
})

describe('ids of topics', () => {
  const topic = (id: string, ...keys: string[]): Topic => ({
    id,
    medoid: keys[0],
    words: [],
    members: keys.map((key, index) => ({ key, distance: index / 10 })),
  })
  const ids = (before: Topic[], computed: Topic[]) => keepTopicIds(before, computed).map(({ id }) => id)

  test('stay where the medoid or most members stay', () => {
    assert.deepEqual(
      ids([topic('a', '1', '2', '3'), topic('b', '4', '5')], [topic('x', '4', '9'), topic('y', '2', '3', '7')]),
      ['b', 'a'],
    )
  })

  test('go to those who keep the most of all, and words keep their order while they tell', () => {
    // The merged topic takes the id of the one that it is most alike; a medoid that stayed outweighs members.
    const merged = [topic('x', '6', '1', '2', '3', '4', '5', '7')]
    assert.deepEqual(ids([topic('a', '1', '2'), topic('b', '3', '4', '5', '7')], merged), ['b'])
    assert.deepEqual(ids([topic('a', '1', '2', '3'), topic('b', '4', '5')], [topic('x', '4', '1', '2', '3')]), ['b'])
    const [kept] = keepTopicIds(
      [{ ...topic('a', '1', '2'), words: ['graph', 'index', 'old', 'search'] }],
      [{ ...topic('x', '1', '2'), words: ['search', 'new', 'graph', 'index'] }],
    )
    assert.deepEqual(kept.words, ['graph', 'index', 'search', 'new'])
  })

  test('are new where neither does, and never there twice', () => {
    assert.deepEqual(ids([topic('a', '1', '2', '3')], [topic('a', '7', '1'), topic('a', '8', '9'), topic('a', '1')]), [
      'a-2',
      'a-3',
      'a',
    ])
  })
})

test('the process stores topics once for each state of the library', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'offprint-topics-'))
  try {
    const file = join(folder, 'offprint.db')
    const database = openDatabase(file)
    const library = createLibrary(database)
    const lines = madePapers(40).map(({ title, abstract }, number) =>
      JSON.stringify({ title: `${title} ${number}`, abstract }),
    )
    await library.importStream(streamOf(lines.join('\n')), { name: 'made', format: 'jsonl' })
    const run = () =>
      execFileSync(process.execPath, [
        fileURLToPath(new URL('./catch-up-process.ts', import.meta.url)),
        file,
        join(folder, 'vectors'),
        join(folder, 'words'),
      ])
    assert.equal(library.topicsRevision(), undefined)
    run()
    assert.equal(library.topicsRevision(), library.revision())
    assert.equal(library.topics().flatMap(topic => topic.members).length, 40)
    for (const topic of library.topics()) {
      assert.match(topic.id, /^[A-Za-z0-9.-]+$/)
      assert.deepEqual(library.topic(topic.id), topic)
      assert.ok(topic.members.every(({ key }) => 'title' in library.paper(key)!))
    }
    library.saveTopics([], library.revision())
    run()
    assert.deepEqual(library.topics(), [])
    database.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
})

const sample = fileURLToPath(new URL('../../../../../shared/data/daily-papers-listing/listing.txt', import.meta.url))
const missing = existsSync(sample) ? false : 'shared/data/daily-papers-listing is missing'

test('the real listing has 4 to 12 topics with words', { skip: missing }, async () => {
  const { createReadStream } = await import('node:fs')
  const library = createLibrary(openDatabase(':memory:'))
  await library.importStream(createReadStream(sample), { name: 'listing.txt' })
  const topics = await computeTopics({ [Symbol.iterator]: () => library.records() })
  assert.ok(topics.length >= 4 && topics.length <= 12)
  assert.equal(topics.flatMap(topic => topic.members).length, 34)
  for (const { words } of topics) assert.ok(words.length >= 3)
})
