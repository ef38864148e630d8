import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { InputError } from '@offprint/kernels'
import fc from 'fast-check'
import { type Bm25, createBm25, openBm25 } from '../src/bm25.ts'

type Document = Map<string, number>
const words = ['a', 'b', 'c', 'dd', 'é', '深']
const document = fc
  .dictionary(fc.constantFrom(...words), fc.integer({ min: 1, max: 6 }), { maxKeys: 5 })
  .map(counts => new Map(Object.entries(counts)) as Document)
const query = fc.array(
  fc.array(fc.array(fc.constantFrom(...words, 'none'), { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 2 }),
  { minLength: 1, maxLength: 3 },
)

/** By the book, document by document. */
function slowSearch(documents: Map<number, Document>, groups: string[][][], any: boolean, k: number) {
  const length = (one: Document) => [...one.values()].reduce((sum, count) => sum + count, 0)
  const average = [...documents.values()].reduce((sum, one) => sum + length(one), 0) / documents.size
  const frequency = (one: Document, terms: string[]) => terms.reduce((sum, term) => sum + (one.get(term) ?? 0), 0)
  const scored = [...documents].flatMap(([id, one]) => {
    const ofGroups = groups.map(group =>
      group.map(terms => {
        const f = frequency(one, terms)
        if (!f) return undefined
        const n = [...documents.values()].filter(other => frequency(other, terms) > 0).length
        const idf = Math.max(1e-6, Math.log((documents.size - n + 0.5) / (n + 0.5)))
        return (idf * f * 2.2) / (f + 1.2 * (0.25 + (0.75 * length(one)) / average))
      }),
    )
    const has = ofGroups.map(group => group.some(score => score !== undefined))
    if (!(any ? has.some(Boolean) : has.every(Boolean))) return []
    return [{ id, score: ofGroups.flat().reduce<number>((sum, score) => sum + (score ?? 0), 0) }]
  })
  scored.sort((a, b) => (Math.abs(a.score - b.score) > 1e-12 ? b.score - a.score : a.id - b.id))
  return { found: scored.slice(0, k), total: scored.length }
}

function same(index: Bm25, documents: Map<number, Document>, groups: string[][][], any: boolean, k: number) {
  const { ids, scores, total } = index.search(groups, { k, any })
  // The best are the same where not all are counted.
  const best = index.search(groups, { k, any, countAll: false })
  assert.deepEqual([best.ids, best.scores], [ids, scores])
  const slow = slowSearch(documents, groups, any, k)
  assert.equal(total, slow.total)
  assert.equal(ids.length, slow.found.length)
  for (const [at, { score }] of slow.found.entries()) assert.ok(Math.abs(scores[at] - score) < 1e-5)
  // Of scores that are the same but for rounding the order may differ.
  const all = slowSearch(documents, groups, any, documents.size).found.map(({ score }) => score.toFixed(6))
  if (new Set(all).size === all.length)
    assert.deepEqual(
      [...ids],
      slow.found.map(({ id }) => id),
    )
}

describe('BM25', () => {
  test('finds and scores as the formula says, whatever was added, replaced, deleted, written and opened', () => {
    const step = fc.record({
      id: fc.nat(12),
      document: fc.option(document, { nil: undefined }),
      reopen: fc.integer({ min: 0, max: 5 }),
    })
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 30 }),
        fc.array(query, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (steps, queries, any) => {
          let index = createBm25()
          const documents = new Map<number, Document>()
          for (const { id, document, reopen } of steps) {
            if (document) {
              index.add(id, document)
              documents.set(id, document)
            } else assert.equal(index.delete(id), documents.delete(id))
            if (reopen === 0) index = openBm25(index.toBytes())
          }
          assert.equal(index.size, documents.size)
          for (const groups of queries) for (const k of [0, 1, 3, 50]) same(index, documents, groups, any, k)
        },
      ),
      { numRuns: 300, seed: 4 },
    )
  })

  test('takes a phrase for as frequent as its term, in the documents that have it', () => {
    const index = createBm25()
    index.add(
      1,
      new Map([
        ['a', 2],
        ['b', 1],
      ]),
    )
    index.add(
      2,
      new Map([
        ['a', 1],
        ['b', 1],
      ]),
    )
    index.add(3, new Map([['b', 3]]))
    index.add(4, new Map([['c', 3]]))
    const phrase = { term: 'a', documents: [1, 3, 99] }
    const found = index.search([[phrase], [['b']]])
    assert.deepEqual([[...found.ids].sort(), found.total], [[1, 3], 2])
    // Like a term that these two have, as often.
    const other = createBm25()
    other.add(
      1,
      new Map([
        ['p', 2],
        ['b', 1],
      ]),
      3,
    )
    other.add(
      2,
      new Map([
        ['a', 1],
        ['b', 1],
      ]),
      2,
    )
    other.add(
      3,
      new Map([
        ['p', 1],
        ['b', 3],
      ]),
      3,
    )
    other.add(4, new Map([['c', 3]]), 3)
    const like = other.search([[['p']], [['b']]])
    assert.deepEqual([[...found.ids], [...found.scores]], [[...like.ids], [...like.scores]])
    assert.equal(openBm25(index.toBytes()).search([[phrase]]).total, 2)
    index.delete(1)
    assert.deepEqual([...index.search([[phrase]]).ids], [3])
  })

  test('finds only what is asked for, with the scores that it has among all', () => {
    fc.assert(
      fc.property(
        fc.array(document, { minLength: 1, maxLength: 20 }),
        query,
        fc.boolean(),
        (documents, groups, any) => {
          const index = createBm25()
          for (const [id, one] of documents.entries()) index.add(id, one)
          const all = index.search(groups, { k: 50, any })
          const odd = index.search(groups, { k: 50, any, only: id => id % 2 === 1 })
          const kept = [...all.ids.keys()].filter(at => all.ids[at] % 2 === 1)
          assert.deepEqual(
            [...odd.ids],
            kept.map(at => all.ids[at]),
          )
          assert.deepEqual(
            [...odd.scores],
            kept.map(at => all.scores[at]),
          )
          assert.deepEqual([odd.total, odd.highest, all.highest], [kept.length, all.highest, all.scores[0] ?? 0])
        },
      ),
      { numRuns: 200, seed: 8 },
    )
  })

  test('keeps the best of thousands, in their order', () => {
    const index = createBm25()
    const documents = new Map<number, Document>()
    for (let id = 0; id < 3000; id++) {
      const one = new Map([
        ['a', 1 + (id % 7)],
        ['b', 1 + (id % 11)],
        [`only${id % 500}`, 1],
      ])
      index.add(id, one)
      documents.set(id, one)
    }
    const scores = [...index.search([[['a']], [['b']]], { k: 100 }).scores]
    assert.deepEqual(
      scores,
      scores.toSorted((x, y) => y - x),
    )
    const { found } = slowSearch(documents, [[['a']], [['b']]], false, 100)
    for (const [at, { score }] of found.entries()) assert.ok(Math.abs(score - scores[at]) < 1e-9)
    assert.equal(index.search([[['a']]], { k: 5 }).total, 3000)
  })

  test('lists the terms that begin so, of any script, whatever was added and opened', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '\ue000', '\u{1f600}', '+'), maxLength: 4 })
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 30 }),
        fc.array(letters, { maxLength: 5 }),
        letters,
        (before, later, sought) => {
          const add = (index: Bm25, id: number, terms: string[]) => index.add(id, new Map(terms.map(term => [term, 1])))
          const first = createBm25()
          add(first, 1, before)
          const index = openBm25(first.toBytes())
          add(index, 2, later)
          const all = [...new Set([...before, ...later])]
          assert.deepEqual(index.termsBeginning(sought).sort(), all.filter(term => term.startsWith(sought)).sort())
          for (const term of all) assert.ok(index.search([[[term]]]).total > 0, term)
        },
      ),
      { numRuns: 300, seed: 8 },
    )
  })

  test('is refused where it is cut off, damaged or foreign, at any place', () => {
    const index = createBm25()
    for (let id = 0; id < 40; id++)
      index.add(
        id,
        new Map([
          [`w${id % 9}`, 1],
          ['all', 2],
        ]),
      )
    const bytes = index.toBytes()
    assert.deepEqual(openBm25(bytes).toBytes(), bytes)
    // Bytes that begin at an odd place are read as well.
    const shifted = new Uint8Array(bytes.length + 1)
    shifted.set(bytes, 1)
    assert.equal(openBm25(shifted.subarray(1)).search([[['all']]]).total, 40)
    for (let length = 0; length < bytes.length; length += 13)
      assert.throws(() => openBm25(bytes.subarray(0, length)), InputError)
    for (let at = 0; at < bytes.length; at += 7) {
      const broken = bytes.slice()
      broken[at] ^= 0x10
      assert.throws(() => openBm25(broken), InputError, `byte ${at}`)
    }
    assert.throws(() => openBm25(new TextEncoder().encode('{"a":1}'.repeat(20))), InputError)
  })

  test('refuses what makes no sense, and then nothing has changed', () => {
    const index = createBm25()
    index.add(1, new Map([['a', 1]]))
    const refused = (work: () => unknown) => assert.throws(work, InputError)
    for (const id of [-1, 1.5, Number.NaN, 2 ** 32]) refused(() => index.add(id, new Map()))
    for (const frequency of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      refused(() => index.add(1, new Map([['b', frequency]])))
    refused(() => index.add(1, new Map(), Number.NaN))
    refused(() => index.search([], { k: -1 }))
    refused(() => createBm25({ b: 2 }))
    assert.deepEqual([...index.search([[['a']]]).ids], [1])
    assert.deepEqual([...createBm25().search([[['a']]]).ids, index.search([]).total], [0].slice(1).concat(0))
  })
})
