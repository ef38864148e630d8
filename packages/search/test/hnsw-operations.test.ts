/** What happens to an index over its life, beside brute force over the same rows. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { InputError, type Matrix, matrix, random } from '@offprint/kernels'
import { Hnsw, type HnswId, type HnswMetric, type HnswOptions, mergeNeighbours } from '@offprint/search'
import { openHnsw, saveHnsw, updateHnsw } from '@offprint/search/node'
import fc from 'fast-check'
import { clustered, distance, recall, rowOf } from './brute-force.ts'

type Kind = 'sequence' | 'number' | 'bigint' | 'string'

/** A name for the n-th row of a kind. */
function nameOf(kind: Kind, n: number): HnswId {
  return kind === 'string' ? `row ${n}` : kind === 'bigint' ? 2n ** 40n + BigInt(n) : kind === 'number' ? 7 * n + 3 : n
}

const operation = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('add' as const), rows: fc.integer({ min: 0, max: 20 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('upsert' as const), rows: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('delete' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  fc.record({ do: fc.constant('repair' as const) }),
  fc.record({ do: fc.constant('compact' as const) }),
  fc.record({ do: fc.constant('reorder' as const) }),
  fc.record({ do: fc.constant('reopen' as const) }),
)

const life = fc.record({
  columns: fc.integer({ min: 1, max: 9 }),
  // Few values make equal rows and ties.
  values: fc.integer({ min: 2, max: 40 }),
  metric: fc.constantFrom<HnswMetric>('l2', 'cosine', 'ip'),
  codes: fc.constantFrom<'none' | 'i8' | 'bit'>('none', 'i8', 'bit'),
  keepFloats: fc.constantFrom<'f32' | 'f16'>('f32', 'f16'),
  M: fc.integer({ min: 4, max: 12 }),
  kind: fc.constantFrom<Kind>('sequence', 'number', 'bigint', 'string'),
  seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  operations: fc.array(operation, { maxLength: 12 }),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  k: fc.integer({ min: 1, max: 40 }),
})

test('any row of additions, replacements, deletions, repairs and openings leaves what brute force finds', async () => {
  await fc.assert(
    fc.asyncProperty(
      life,
      async ({ columns, values, metric, codes, keepFloats, M, kind, seed, operations, share, k }) => {
        const { integer, next, shuffle } = random(seed)
        // Whole numbers below 2,048, which 16-bit floats hold; of length 1 they do not.
        const floats = codes === 'bit' ? 'f32' : keepFloats
        const close = 2e-5 * values ** 2 * columns + (floats === 'f16' && metric === 'cosine' ? 4e-3 : 0)
        const options: HnswOptions = {
          metric,
          codes: metric === 'ip' ? 'none' : codes,
          keepFloats: floats,
          M,
          efConstruction: 30,
          seed,
        }
        let index = Hnsw.create<HnswId>(columns, options)
        const truth = new Map<HnswId, Float32Array>()
        let named = 0
        const made = (rows: number): Matrix => {
          const points = matrix(rows, columns)
          for (let at = 0; at < points.data.length; at++)
            points.data[at] = integer(values) - (metric === 'cosine' ? -1 : 3)
          return points
        }
        for (const step of operations) {
          if (step.do === 'add') {
            const points = made(step.rows)
            const own = Array.from({ length: step.rows }, () => nameOf(kind, named++))
            const ids = await index.add(points, kind === 'sequence' ? {} : { ids: own })
            assert.deepEqual([...ids], own)
            for (const [row, id] of own.entries()) truth.set(id, rowOf(points, row))
          } else if (step.do === 'upsert') {
            if (kind === 'sequence') continue
            const ids: HnswId[] = shuffle([...truth.keys()] as string[]).slice(0, step.rows)
            const replaced = ids.length
            while (ids.length < step.rows) ids.push(nameOf(kind, named++))
            const points = made(step.rows)
            assert.equal(await index.upsert(points, ids), replaced)
            for (const [row, id] of ids.entries()) truth.set(id, rowOf(points, row))
          } else if (step.do === 'delete') {
            const ids = [...truth.keys()].filter(() => next() < step.share)
            assert.equal(index.delete([...ids, nameOf(kind, named + 5)]), ids.length)
            for (const id of ids) truth.delete(id)
          } else if (step.do === 'reopen') index = Hnsw.open<HnswId>(index.toBytes())
          else await index[step.do]()
          assert.equal(index.size, truth.size)
          if (step.do === 'compact') assert.equal(index.stats().deleted + index.stats().holes, 0)
        }
        for (const id of truth.keys()) assert.ok(index.has(id))
        assert.ok(!index.has(nameOf(kind, named)))
        const query = Float32Array.from({ length: columns }, () => integer(values) + 1)
        const all = [...truth]
          .map(([id, row]) => ({ id, far: distance(row, query, metric) }))
          .sort((a, b) => a.far - b.far)
        const assertNearest = (
          found: { ids: Iterable<HnswId>; distances: Float32Array },
          wanted: { id: HnswId; far: number }[],
          most: number,
        ) => {
          const ids = [...found.ids]
          assert.equal(ids.length, Math.min(most, wanted.length))
          assert.equal(new Set(ids).size, ids.length)
          for (const [at, id] of ids.entries()) {
            assert.ok(truth.has(id))
            assert.ok(Math.abs(found.distances[at] - distance(truth.get(id)!, query, metric)) <= close)
            assert.ok(
              Math.abs(found.distances[at] - wanted[at].far) <= close,
              `${found.distances[at]} for ${wanted[at].far}`,
            )
          }
        }
        // What cannot be reached in a graph that changed bit by bit would be missed; comparing all misses nothing.
        await index.repair()
        if (index.unreached() === 0 || truth.size < 2) assertNearest(index.search(query, k, { ef: 500 }), all, k)
        if (truth.size) assertNearest(await index.searchExact(matrix(1, columns, query), k), all, k)
        // The same among some, by a list and by a function, and in a range.
        const some = new Set(all.filter(() => next() < share).map(({ id }) => id))
        const chosen = all.filter(({ id }) => some.has(id))
        const filter = index.filter(some)
        assert.equal(filter.size, some.size)
        assertNearest(index.search(query, k, { filter }), chosen, k)
        assertNearest(index.search(query, k, { filter: id => some.has(id) }), chosen, k)
        if (!all.length) return
        const radius = all[integer(all.length)].far + close / 2
        const within = index.range(query, radius)
        assert.equal(within.truncated, false)
        const sure = all.filter(({ far }) => far <= radius - 2 * close)
        for (const { id } of sure) assert.ok([...within.ids].includes(id))
        for (const [at, id] of [...within.ids].entries()) {
          assert.ok(distance(truth.get(id)!, query, metric) <= radius + 2 * close)
          assert.ok(at === 0 || within.distances[at] >= within.distances[at - 1])
        }
      },
    ),
    { seed: 4, numRuns: 400 },
  )
})

describe('an index of 4,000 × 24', () => {
  const rows = 4000
  const columns = 24
  const points = clustered(rows, columns, 21, 30)
  const queries = clustered(100, columns, 22, 30)
  const queriesOf8 = clustered(20, 8, 25, 30)

  test('after all rows were replaced, bit by bit, recall is that of a new index, and it takes no more memory', async () => {
    const index = await Hnsw.build(points, { M: 10, efConstruction: 100 })
    const fresh = clustered(rows, columns, 23, 30)
    let bytes = 0
    for (let round = 0; round < 3; round++) {
      for (let from = 0; from < rows; from += 400) {
        const ids = Uint32Array.from({ length: 400 }, (_, at) => from + at + round * rows)
        assert.equal(index.delete(ids), 400)
        await index.add(matrix(400, columns, fresh.data.slice(from * columns, (from + 400) * columns)))
        await index.repair()
      }
      assert.equal(index.size, rows)
      assert.equal(index.unreached(), 0)
      const total = index.stats().bytes.total
      if (round) assert.ok(total <= bytes * 1.001, `${total} bytes after ${bytes}`)
      bytes = total
    }
    const anew = await Hnsw.build(fresh, { M: 10, efConstruction: 100 })
    const [churned, built] = [await recall(index, queries, 20), await recall(anew, queries, 20)]
    assert.ok(churned > built - 0.005, `${churned} where a new one has ${built}`)
  })

  test('a filter finds the true neighbours whatever it lets through', async () => {
    const index = await Hnsw.build(points, { M: 10, efConstruction: 100 })
    const { next } = random(3)
    const drawn = Float64Array.from({ length: rows }, next)
    for (const share of [1, 0.9, 0.6, 0.5, 0.2, 0.05, 0.005, 0.0005, 0]) {
      const filter = index.filter((id: number) => drawn[id] < share)
      let hits = 0
      let wanted = 0
      const { ids, k } = await index.searchBatch(queries, 10, { filter, ef: 60 })
      for (let q = 0; q < queries.rows; q++) {
        const query = rowOf(queries, q)
        const far = Array.from({ length: rows }, (_, id) =>
          drawn[id] < share ? distance(rowOf(points, id), query, 'l2') : Infinity,
        )
        const limit = far.toSorted((a, b) => a - b)[k - 1]
        wanted += k
        for (const id of ids.slice(q * k, (q + 1) * k)) {
          assert.ok(drawn[id] < share)
          if (far[id] <= limit * (1 + 1e-5)) hits++
        }
      }
      assert.ok(hits >= 0.97 * wanted, `${hits} of ${wanted} at ${share}`)
    }
  })

  test('a filter far from the query, and one that follows the index', async () => {
    const index = await Hnsw.build(points, { M: 10, efConstruction: 100 })
    // Only rows on the far side may be found: the walk must get through all the others.
    const query = rowOf(queries, 1)
    const order = Uint32Array.from({ length: rows }, (_, id) => id).sort(
      (a, b) => distance(rowOf(points, b), query, 'l2') - distance(rowOf(points, a), query, 'l2'),
    )
    const furthest = new Set(order.slice(0, 3000))
    const { ids } = index.search(query, 10, { filter: (id: number) => furthest.has(id), ef: 64 })
    const best = new Set(order.slice(2990, 3000))
    assert.ok(ids.filter(id => best.has(id)).length >= 9)
    const even = index.filter((id: number) => id % 2 === 0)
    assert.equal(even.size, 2000)
    await index.add(matrix(2, columns, points.data.slice(0, 2 * columns)))
    assert.equal(even.size, 2001)
    index.delete([0])
    assert.ok(!index.search(rowOf(points, 0), 5, { filter: even }).ids.includes(0))
    assert.equal(index.search(rowOf(points, 0), 1, { filter: even }).ids[0], rows)
  })

  test('every way past a filter finds most of what may be found', async () => {
    const many = clustered(30_000, 8, 24, 30)
    const index = await Hnsw.build(many, { M: 8, efConstruction: 40, threads: 2 })
    const { next } = random(5)
    const drawn = Float64Array.from({ length: 30_000 }, next)
    // Compared one by one, walked through, gone round, walked through.
    for (const share of [0.03, 0.09, 0.2, 0.4]) {
      const filter = index.filter((id: number) => drawn[id] < share)
      const { distances } = await index.searchBatch(queriesOf8, 10, { filter, ef: 40 })
      let hits = 0
      for (let q = 0; q < queriesOf8.rows; q++) {
        const far = Array.from({ length: 30_000 }, (_, id) =>
          drawn[id] < share ? distance(rowOf(many, id), rowOf(queriesOf8, q), 'l2') : Infinity,
        ).sort((a, b) => a - b)
        for (let rank = 0; rank < 10; rank++) if (distances[q * 10 + rank] <= far[9] * (1 + 1e-5)) hits++
      }
      assert.ok(hits >= 0.97 * 10 * queriesOf8.rows, `${hits} at ${share}`)
    }
  })

  test('a filter that lets few through takes no more memory than one that lets many', async () => {
    const index = await Hnsw.build(points, { M: 10, efConstruction: 100 })
    const scratch = () => index.stats().bytes.scratch
    index.search(rowOf(queries, 0), 10, { ef: 60 })
    const before = scratch()
    index.search(rowOf(queries, 0), 10, { ef: 60, filter: [7] })
    assert.equal(scratch(), before)
  })

  test('a range gives all that is within it, and says where it was cut', async () => {
    const index = await Hnsw.build(points, { metric: 'cosine', M: 10, efConstruction: 100 })
    let missed = 0
    let expected = 0
    for (let q = 0; q < 30; q++) {
      const query = rowOf(queries, q)
      const far = Array.from({ length: rows }, (_, id) => distance(rowOf(points, id), query, 'cosine')).sort(
        (a, b) => a - b,
      )
      for (const rank of [3, 40, 900]) {
        const radius = (far[rank - 1] + far[rank]) / 2
        const found = index.range(query, radius)
        assert.ok(found.distances.every(value => value <= radius * 1.0001))
        assert.equal(found.truncated, false)
        expected += rank
        missed += rank - found.ids.length
      }
      const cut = index.range(query, 2, { limit: 25 })
      assert.equal(cut.truncated, true)
      assert.ok(cut.distances.every((value, at) => Math.abs(value - far[at]) < 1e-5))
    }
    assert.ok(missed <= 0.005 * expected, `${missed} of ${expected} missed`)
    assert.deepEqual([...index.range(rowOf(queries, 0), -1).ids], [])
  })

  test('groups are found by their nearest row', async () => {
    const index = await Hnsw.build(points, { M: 10, efConstruction: 100 })
    const groups = Uint32Array.from({ length: rows }, (_, id) => Math.floor(id / 8))
    let hits = 0
    for (let q = 0; q < queries.rows; q++) {
      const query = rowOf(queries, q)
      const best = new Map<number, number>()
      for (let id = 0; id < rows; id++) {
        const far = distance(rowOf(points, id), query, 'l2')
        best.set(groups[id], Math.min(far, best.get(groups[id]) ?? Infinity))
      }
      const nearest = [...best].sort((a, b) => a[1] - b[1]).slice(0, 10)
      const { ids, distances } = index.searchGroups(query, 10, groups, { ef: 80 })
      assert.equal(new Set([...ids].map(id => groups[id])).size, 10)
      assert.ok(distances.every((far, at) => at === 0 || far >= distances[at - 1]))
      hits += [...ids].filter(id => nearest.some(([group]) => group === groups[id])).length
    }
    assert.ok(hits >= 970, `${hits} of 1000`)
    assert.equal(index.searchGroups(rowOf(queries, 0), 10, () => 'one').ids.length, 1)
  })

  test('16-bit floats take half the memory, and neighbours stay', async () => {
    const [wide, half] = await Promise.all(
      (['f32', 'f16'] as const).map(keepFloats => Hnsw.build(points, { M: 10, efConstruction: 100, keepFloats })),
    )
    assert.equal(half.stats().floats, 'f16')
    assert.equal(half.stats().bytes.vectors * 2, wide.stats().bytes.vectors)
    for (const [at, value] of half.vector(17).entries())
      assert.ok(Math.abs(value - points.data[17 * columns + at]) <= Math.abs(value) / 2000 + 1e-7)
    const [a, b] = [await wide.searchBatch(queries, 10, { ef: 100 }), await half.searchBatch(queries, 10, { ef: 100 })]
    let same = 0
    for (let q = 0; q < 100; q++)
      for (const id of b.ids.subarray(q * 10, q * 10 + 10)) if (a.ids.subarray(q * 10, q * 10 + 10).includes(id)) same++
    assert.ok(same >= 985, `${same} of 1000`)
    for (const [at, far] of b.distances.entries()) assert.ok(Math.abs(far - a.distances[at]) <= 0.01 * a.distances[at])
    assert.ok((await recall(half, queries, 100)) > 0.97)
    // Where codes do not fit, floats stay as they are.
    assert.equal((await Hnsw.build(points, { codes: 'none', keepFloats: 'f16' })).stats().floats, 'f32')
  })

  test('codes of bits find most neighbours of rows of 400 dimensions with three times the candidates', async () => {
    const all = clustered(1600, 400, 24, 200)
    const points = matrix(1500, 400, all.data.slice(0, 600_000))
    const queries = matrix(100, 400, all.data.slice(600_000))
    const index = await Hnsw.build(points, { codes: 'bit', efConstruction: 60 })
    assert.equal(index.stats().codes, 'bit')
    assert.equal(index.stats().bytes.codes, 1500 * 64)
    assert.ok((await recall(index, queries, 300)) > 0.95)
    const again = Hnsw.open(index.toBytes())
    assert.deepEqual(await again.searchBatch(queries, 5), await index.searchBatch(queries, 5))
    // The default is enough for most.
    const { distances } = await index.searchBatch(queries, 1)
    const truth = await index.searchExact(queries, 1)
    assert.ok(distances.filter((far, at) => far <= truth.distances[at] * 1.000001).length >= 90)
    assert.equal(index.unreached(), 0)
    await assert.rejects(
      Hnsw.build(points, { codes: 'bit', keepFloats: 'f16' }),
      /keepFloats must be 'f32' where codes are bits/,
    )
    await assert.rejects(Hnsw.build(points, { codes: 'bit', metric: 'ip' }), /found 'bit'/)
  })

  test('a wanted recall is had, once it was measured', async () => {
    const index = await Hnsw.build(points, { M: 8, efConstruction: 60 })
    assert.throws(() => index.search(rowOf(queries, 0), 10, { recall: 0.9 }), /calibrate/)
    const { curves, queries: asked } = await index.calibrate({ sample: 300 })
    assert.equal(asked, 300)
    assert.deepEqual(
      curves.map(({ k }) => k),
      [1, 10, 100],
    )
    const { distances: truth } = await index.searchExact(queries, 10)
    for (const opened of [index, Hnsw.open(index.toBytes())])
      for (const wanted of [0.9, 0.99]) {
        const { distances } = await opened.searchBatch(queries, 10, { recall: wanted })
        let hits = 0
        for (const [at, far] of distances.entries()) if (far <= truth[Math.floor(at / 10) * 10 + 9] * 1.000001) hits++
        assert.ok(hits >= (wanted - 0.03) * 1000, `${hits} of 1000 for ${wanted}`)
      }
    for (const recall of [0, 1.1, Number.NaN])
      assert.throws(() => index.search(rowOf(queries, 0), 10, { recall }), InputError)
    // Rows that ask for themselves would find themselves: the curve would begin at 1.
    assert.ok(curves[1].points[0][1] < 0.99)
    const own = await index.calibrate({ queries })
    assert.equal(own.queries, 100)
  })

  test('reordering changes where rows lie, and nothing else', async () => {
    const ids = Array.from({ length: rows }, (_, row) => `no ${row}`)
    const index = await Hnsw.build(points, { ids, M: 10, efConstruction: 60 })
    const before = await index.searchBatch(queries, 10)
    const links = new Set(index.linksOf('no 77'))
    await index.reorder()
    assert.deepEqual(await index.searchBatch(queries, 10), before)
    assert.deepEqual(new Set(index.linksOf('no 77')), links)
    assert.deepEqual(index.vector('no 77'), rowOf(points, 77).slice())
    assert.deepEqual(await Hnsw.open<string>(index.toBytes()).searchBatch(queries, 10), before)
    await index.add(matrix(1, columns, points.data.slice(0, columns)), { ids: ['another'] })
    assert.deepEqual(new Set(index.search(rowOf(points, 0), 2).ids), new Set(['no 0', 'another']))
  })
})

test('the graph and the answers are the same for any number of threads', async () => {
  const points = clustered(1500, 16, 41)
  // Rows that are equal, also within a batch.
  points.data.copyWithin(64, 0, 64)
  points.data.copyWithin(16 * 700, 0, 16 * 30)
  const queries = clustered(200, 16, 42)
  const one = await Hnsw.build(points, { efConstruction: 60 })
  const found = await one.searchBatch(queries, 7)
  for (const threads of [2, 3]) {
    const index = await Hnsw.build(points, { efConstruction: 60, threads })
    assert.equal(index.stats().threads, threads)
    assert.ok(Buffer.from(index.toBytes()).equals(one.toBytes()))
    assert.deepEqual(await index.searchBatch(queries, 7), found)
    const { distances } = index.takeCounts()
    assert.ok(distances > 100_000)
    const controller = new AbortController()
    controller.abort(new Error('enough'))
    await assert.rejects(index.searchBatch(queries, 7, { signal: controller.signal }), /enough/)
    await assert.rejects(index.add(points, { signal: controller.signal }), /enough/)
    assert.deepEqual(await Hnsw.open(index.toBytes(), { threads }).searchBatch(queries, 7), found)
    await index.add(queries)
    assert.equal(index.size, 1700)
  }
  await assert.rejects(Hnsw.build(points, { threads: 0 }), /threads must be a whole number/)
})

describe('saving what has changed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'offprint-update-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const columns = 8

  test('after any changes the file opens as the index is, and much less is written than the whole', async () => {
    for (const kind of ['sequence', 'string'] as const) {
      const path = join(folder, `${kind}.hnsw`)
      let named = 0
      const ids = (rows: number) =>
        kind === 'sequence' ? {} : { ids: Array.from({ length: rows }, () => `row ${named++}`) as never[] }
      const points = clustered(6000, columns, 51)
      let index = await Hnsw.build<HnswId>(points, { M: 8, efConstruction: 40, codes: 'i8', ...ids(6000) })
      assert.equal(await updateHnsw(index, path), statSync(path).size)
      const same = () => assert.ok(Buffer.from(openHnsw(path).toBytes()).equals(index.toBytes()))
      same()
      const whole = statSync(path).size
      // Nothing has changed.
      assert.ok((await updateHnsw(index, path)) < 2000)
      index.delete([kind === 'sequence' ? 5 : 'row 5'])
      assert.ok((await updateHnsw(index, path)) < 8000)
      same()
      await index.add(clustered(10, columns, 52), ids(10))
      const written = await updateHnsw(index, path)
      assert.ok(written < (kind === 'sequence' ? 0.4 : 0.6) * whole, `${written} of ${whole}`)
      same()
      // Opened again, it goes on with the same file.
      index = openHnsw<HnswId>(path, { lazy: true })
      await index.add(clustered(1, columns, 53), ids(1))
      index.delete([kind === 'sequence' ? 7 : 'row 7'])
      assert.ok((await updateHnsw(index, path)) < 0.2 * whole)
      same()
      await index.calibrate({ sample: 5 })
      await updateHnsw(index, path)
      assert.deepEqual(openHnsw(path).calibration, index.calibration)
      // What changes everything is written whole.
      await index.reorder()
      const size = await updateHnsw(index, path)
      assert.equal(size, statSync(path).size)
      assert.ok(Math.abs(size - whole) < 0.2 * whole)
      same()
      // Another file is not added to.
      const other = await Hnsw.build<HnswId>(points, { M: 8, efConstruction: 40, seed: 1, ...ids(6000) })
      await updateHnsw(other, path)
      await index.add(clustered(1, columns, 54), ids(1))
      await updateHnsw(index, path)
      same()
      // Change upon change, until the file would be too long.
      for (let round = 0; round < 30; round++) {
        await index.add(clustered(3, columns, 60 + round), ids(3))
        await updateHnsw(index, path)
        assert.ok(statSync(path).size < 1.8 * whole)
      }
      same()
    }
    const empty = Hnsw.create(3)
    const path = join(folder, 'empty.hnsw')
    await updateHnsw(empty, path)
    await empty.add(matrix(2, 3, Float32Array.of(1, 2, 3, 4, 5, 6)))
    await updateHnsw(empty, path)
    assert.equal(openHnsw(path).size, 2)
  })

  test('wherever it is interrupted, the file opens as it was before; damage is refused', async () => {
    const path = join(folder, 'cut.hnsw')
    const index = await Hnsw.build(clustered(3000, columns, 55), { M: 8, efConstruction: 40, codes: 'i8' })
    await saveHnsw(index, path)
    const before = readFileSync(path)
    const was = Buffer.from(index.toBytes())
    index.delete([3])
    await index.add(clustered(2, columns, 56))
    assert.ok((await updateHnsw(index, path)) < before.length)
    const after = readFileSync(path)
    assert.ok(after.length > before.length)
    const is = Buffer.from(index.toBytes())
    // The bytes that count are written last, at 20.
    const cut = Buffer.from(after)
    before.copy(cut, 20, 20, 32)
    fc.assert(
      fc.property(fc.integer({ min: before.length, max: after.length }), length =>
        assert.ok(Buffer.from(Hnsw.open(cut.subarray(0, length)).toBytes()).equals(was)),
      ),
      { seed: 5, numRuns: 50 },
    )
    fc.assert(
      fc.property(fc.integer({ min: 0, max: after.length - 1 }), length =>
        assert.throws(() => Hnsw.open(after.subarray(0, length)), InputError),
      ),
      { seed: 6, numRuns: 50 },
    )
    fc.assert(
      fc.property(fc.integer({ min: 0, max: after.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Buffer.from(after)
        damaged[at] ^= change
        try {
          // Only what fills up to 64 bytes may differ.
          assert.ok(Buffer.from(Hnsw.open(damaged).toBytes()).equals(is))
          assert.ok(at >= before.length && after[at] === 0)
        } catch (error) {
          assert.ok(error instanceof InputError && /index: /.test(error.message), String(error))
        }
      }),
      { seed: 7, numRuns: 400 },
    )
  })
})

describe('whatever the rows are like, most true neighbours are found', () => {
  const { next, integer } = random(71)
  const rows = 3000
  const columns = 16
  const made = (cell: (row: number, column: number) => number) => {
    const points = matrix(rows + 100, columns)
    for (let at = 0; at < points.data.length; at++) points.data[at] = cell(Math.floor(at / columns), at % columns)
    return points
  }
  const factors = Float64Array.from({ length: (rows + 100) * 3 }, next)
  const mixing = Float64Array.from({ length: 3 * columns }, next)
  const sets: Record<string, Matrix> = {
    'on a grid of whole numbers': made(() => integer(4)),
    'half of them equal to others': made(row => (row % 2 ? ((row % 40) * 7919) % 11 : next())),
    'of rank 3': made((row, column) => {
      let sum = 0
      for (let at = 0; at < 3; at++) sum += factors[row * 3 + at] * mixing[at * columns + column]
      return sum
    }),
    'in tiny clusters far apart': made((row, column) => (((row % 60) * 31 + column * 17) % 97) + 1e-3 * next()),
    'along a line, in order': made((row, column) => row * (column ? 0.001 : 1)),
    'of very different lengths': made(row => next() * 10 ** (row % 7)),
    'with one column that is all': made((row, column) => (column ? 1e-4 * next() : 1000 * Math.sin(row))),
  }
  for (const [name, all] of Object.entries(sets))
    test(name, async () => {
      const points = matrix(rows, columns, all.data.slice(0, rows * columns))
      const queries = matrix(100, columns, all.data.slice(rows * columns))
      for (const options of [
        {},
        { codes: 'none' },
        { keepPruned: true },
        { extendCandidates: true },
      ] as HnswOptions[]) {
        const index = await Hnsw.build(points, { ...options, efConstruction: 80 })
        assert.equal(index.unreached(), 0)
        assert.ok((await recall(index, queries, 100)) >= 0.97, JSON.stringify(options))
      }
    })

  test('pruned links fill the records, and candidates are extended', async () => {
    const points = clustered(2000, 8, 72)
    const links = async (options: HnswOptions) =>
      (await Hnsw.build(points, { M: 8, efConstruction: 20, ...options })).stats().meanLinks
    const [plain, kept] = [await links({}), await links({ keepPruned: true })]
    assert.ok(kept > plain + 1 && kept <= 16)
    const evaluated = async (extendCandidates: boolean) =>
      (await Hnsw.build(points, { M: 8, efConstruction: 20, extendCandidates })).takeCounts().hops
    assert.ok((await evaluated(true)) > 0 && (await evaluated(false)) > 0)
    const [narrow, wide] = await Promise.all(
      [false, true].map(async extendCandidates =>
        recall(await Hnsw.build(points, { M: 8, efConstruction: 10, extendCandidates }), clustered(100, 8, 73), 20),
      ),
    )
    assert.ok(wide >= narrow - 0.01)
    await assert.rejects(Hnsw.build(points, { keepPruned: 1 as never }), /keepPruned must be true or false/)
  })
})

test('ids are checked before anything is added', async () => {
  const two = matrix(2, 3, Float32Array.of(1, 2, 3, 4, 5, 6))
  const refused = (work: () => Promise<unknown>, message: RegExp) =>
    assert.rejects(
      work,
      (error: Error) => error instanceof InputError && error.field === 'ids' && message.test(error.message),
    )
  const index = await Hnsw.build<HnswId>(two, { ids: ['a', 'b'] })
  await refused(() => index.add(two, { ids: ['c'] }), /2 ids, one a row, found 1 ids/)
  await refused(() => index.add(two, { ids: ['c', 'c'] }), /row 2: 'c' is in the list twice/)
  await refused(() => index.add(two, { ids: ['c', 'a'] }), /row 2: 'a' is in the index already; upsert replaces/)
  await refused(() => index.add(two, { ids: ['c', ''] }), /strings that are not empty, found ''/)
  await refused(() => index.add(two, { ids: [1, 2] }), /of one kind: strings/)
  await refused(() => index.add(two), /strings, as the rows before have them/)
  await refused(() => index.upsert(two, ['d', 'd']), /twice/)
  assert.equal(index.size, 2)
  assert.equal(await index.upsert(two, ['b', 'c']), 1)
  assert.deepEqual(new Set(index.search(Float32Array.of(1, 2, 3), 9).ids), new Set(['a', 'b', 'c']))
  const big = await Hnsw.build(two, { ids: [2n ** 60n, 5n] })
  assert.deepEqual([...big.search(Float32Array.of(1, 2, 3), 1).ids], [2n ** 60n])
  const plain = await Hnsw.build(two)
  await refused(() => plain.add(two, { ids: [5, -1] }), /whole numbers from 0/)
  await refused(() => plain.add(two, { ids: [5, 1.5] }), /whole numbers from 0/)
  assert.deepEqual([...(await plain.add(two, { ids: [9, 4] }))], [9, 4])
  assert.deepEqual([...(await plain.add(two))], [10, 11])
  plain.delete([0, 9])
  assert.deepEqual([...(await plain.add(two, { ids: [9, 0] }))], [9, 0])
})

test('an aborted addition leaves what was there, an aborted replacement what was in', async () => {
  const points = clustered(2000, 8, 31)
  const index = await Hnsw.build(matrix(500, 8, points.data.slice(0, 4000)), {
    ids: Array.from({ length: 500 }, (_, at) => at),
  })
  const more = matrix(1500, 8, points.data.slice(4000))
  const aborting = (stop: number) => {
    const controller = new AbortController()
    return {
      signal: controller.signal,
      onProgress: (done: number) => done >= stop && controller.abort(new Error('enough')),
    }
  }
  await assert.rejects(index.add(more, aborting(600)), /enough/)
  assert.equal(index.size, 500)
  const { ids } = await index.searchBatch(more, 5)
  assert.ok(ids.every(id => id < 500))
  const again = Array.from({ length: 1500 }, (_, at) => at)
  await assert.rejects(index.upsert(more, again, aborting(600)), /enough/)
  assert.ok(index.size >= 600 && index.size < 1500)
  for (let id = 0; id < 500; id++) assert.ok(index.has(id))
  assert.deepEqual(index.vector(3), rowOf(more, 3).slice())
  await index.repair()
  assert.equal(index.unreached(), 0)
})

test('thousands of searches while rows come and go find only what is there', async () => {
  const points = clustered(3000, 12, 33)
  const index = await Hnsw.build(matrix(1000, 12, points.data.slice(0, 12_000)))
  let searches = 0
  const gone = new Set<number>()
  const check = () => {
    for (let at = 0; at < 60; at++) {
      const { ids, distances } = index.search(rowOf(points, (searches * 7) % 3000), 5)
      assert.equal(ids.length, 5)
      for (const [rank, id] of ids.entries()) {
        assert.ok(!gone.has(id))
        assert.ok(rank === 0 || distances[rank] >= distances[rank - 1])
      }
      searches++
    }
  }
  const drop = (from: number, to: number) => {
    const ids = Array.from({ length: to - from }, (_, at) => from + at)
    index.delete(ids)
    for (const id of ids) gone.add(id)
  }
  for (let round = 0; round < 8; round++) {
    drop(round * 60, round * 60 + 60)
    const adding = index.add(matrix(200, 12, points.data.slice((1000 + round * 200) * 12, (1200 + round * 200) * 12)), {
      onProgress: check,
    })
    const repairing = index.repair({ onProgress: check })
    for (let turn = 0; turn < 10; turn++) {
      check()
      await new Promise(resolve => setImmediate(resolve))
    }
    await Promise.all([adding, repairing])
  }
  assert.ok(searches > 2000)
  assert.equal(index.size, 1000 + 1600 - 480)
  assert.equal(index.unreached(), 0)
})

test('several indexes with ids of their own are searched as one', async () => {
  const points = clustered(900, 6, 5)
  const whole = await Hnsw.build(points, { codes: 'none' })
  const parts = await Promise.all(
    [0, 300, 600].map(from =>
      Hnsw.build<string>(matrix(300, 6, points.data.slice(from * 6, (from + 300) * 6)), {
        ids: Array.from({ length: 300 }, (_, row) => String(from + row)),
      }),
    ),
  )
  const query = points.data.slice(6 * 450, 6 * 451)
  const options = { ef: 900 }
  const merged = mergeNeighbours(
    parts.map(index => index.search(query, 12, options)),
    12,
  )
  const truth = whole.search(query, 12, options)
  assert.deepEqual(merged.distances, truth.distances)
  assert.deepEqual(merged.ids.map(Number), [...truth.ids])
  const none = Hnsw.create(6).search(query, 3)
  const one = whole.search(query, 3)
  assert.deepEqual(mergeNeighbours([none, one], 2), { ids: one.ids.slice(0, 2), distances: one.distances.slice(0, 2) })
  assert.deepEqual(mergeNeighbours([none], 2), none)
  assert.throws(() => mergeNeighbours([one], 0), /k/)
})
