/** What an index must stand: calls that overlap, aborts at any point, files that somebody made. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { InputError, type Matrix, matrix, random } from '@offprint/kernels'
import { Hnsw, type HnswId, noNeighbour } from '@offprint/search'
import { openHnsw, saveHnsw, updateHnsw } from '@offprint/search/node'
import { checksumOf } from '../src/checksum.ts'
import { clustered, recall, rowOf } from './brute-force.ts'

const folder = mkdtempSync(join(tmpdir(), 'offprint-safety-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const part = ({ data, columns }: Matrix, from: number, to: number) =>
  matrix(to - from, columns, data.slice(from * columns, to * columns))
const upTo = (n: number) => Array.from({ length: n }, (_, at) => at)
const nextTurn = () => new Promise(resolve => setImmediate(resolve))

interface Head {
  about: { options: Record<string, unknown> }
  sections: { name: string }[]
}

/** A signal that is aborted when it is looked at for the n-th time. */
function abortedAt(n: number): AbortSignal {
  const { signal } = new AbortController()
  let looks = 0
  signal.throwIfAborted = () => {
    if (++looks >= n) throw new Error('enough')
  }
  return signal
}

test('a batch keeps its answers while rows are put into another order', async () => {
  const queries = clustered(300, 8, 2)
  for (const threads of [1, 2]) {
    const index = await Hnsw.build(clustered(3000, 8, 1), { threads })
    const wanted = await index.searchBatch(queries, 5)
    const exact = await index.searchExact(queries, 5)
    for (const change of [() => index.reorder(), () => index.compact()]) {
      const [found, exactly] = await Promise.all([
        index.searchBatch(queries, 5),
        index.searchExact(queries, 5),
        change(),
        nextTurn().then(change),
      ])
      assert.deepEqual(found, wanted)
      assert.deepEqual(exactly, exact)
    }
  }
})

test('an exact search begins anew where rows were compared under other names', async () => {
  // Rows so long that there are pauses between the blocks of one comparison.
  const points = clustered(1200, 4000, 3)
  const queries = part(points, 0, 70)
  const index = await Hnsw.build(points, { codes: 'none', efConstruction: 8, M: 4 })
  const wanted = await index.searchExact(queries, 3)
  let once = true
  const found = await index.searchExact(queries, 3, {
    onProgress() {
      if (once) void index.reorder()
      once = false
    },
  })
  assert.deepEqual(found, wanted)
})

test('rows that come into the places of deleted ones are not found under the old ids', async () => {
  const index = await Hnsw.build(clustered(300, 4, 4))
  index.delete(upTo(250))
  await index.repair()
  let looked = 0
  const adding = index.add(clustered(250, 4, 5), {
    onProgress: () => {
      looked += 100
    },
  })
  while (looked < 100) {
    const ids: number[] = []
    for (const one of [index, Hnsw.open(index.toBytes())])
      ids.push(...(await one.searchExact(matrix(1, 4), 500)).ids, ...one.range(new Float32Array(4), 1e9).ids)
    ids.push(...index.search(new Float32Array(4), 500, { filter: () => true }).ids)
    assert.deepEqual(
      ids.filter(id => id < 250),
      [],
    )
    looked++
    await nextTurn()
  }
  await adding
  assert.equal(index.size, 300)
})

test('searches in threads stand rows that come, and searches with more candidates, meanwhile', async () => {
  const points = clustered(1500, 16, 6, 30)
  const queries = clustered(1500, 16, 7, 30)
  const index = await Hnsw.build(points, { threads: 2, codes: 'none' })
  const wanted = await index.searchBatch(queries, 5, { ef: 200 })
  for (let round = 0; round < 4; round++) {
    const searching = index.searchBatch(queries, 5, { ef: 200 })
    const adding = index.add(clustered(1500, 16, 8 + round, 30))
    for (let at = 0; at < 20; at++) {
      const { ids } = index.search(rowOf(queries, at), 5, { ef: 100 * (at + 20 * round) + 5 })
      assert.equal(ids.length, 5)
      await nextTurn()
    }
    const [{ ids }] = await Promise.all([searching, adding])
    if (round === 0) assert.deepEqual(ids, wanted.ids)
    assert.ok(ids.every(id => index.has(id)))
  }
  assert.equal(Hnsw.open(index.toBytes()).size, 7500)
  assert.ok((await recall(index, part(queries, 0, 60), 100)) > 0.97)
})

test('in threads as many neighbours are found as in one, though all that are near were deleted', async () => {
  const queries = clustered(64, 8, 10)
  const points = clustered(1500, 8, 9)
  // Pairs of equal rows, whose nodes stay.
  for (let row = 0; row < 60; row++) {
    points.data.set(rowOf(queries, 0), row * 8)
    points.data[row * 8] += 1e-3 * (row >> 1)
  }
  const index = await Hnsw.build(points, { threads: 2 })
  index.delete(upTo(60))
  const { ids } = await index.searchBatch(queries, 10, { ef: 20 })
  assert.ok(!ids.includes(noNeighbour))
  // Opened lazily, the floats of those behind are read.
  const path = join(folder, 'pairs.hnsw')
  await saveHnsw(index, path)
  const lazy = openHnsw(path, { lazy: true })
  assert.deepEqual(lazy.search(rowOf(queries, 0), 10, { ef: 20 }), index.search(rowOf(queries, 0), 10, { ef: 20 }))
  await lazy.ready
})

test('wherever an addition is aborted, nothing of it stays', async () => {
  // Few links, so that rows must be connected in the end.
  const points = clustered(700, 3, 12, 60)
  const before = part(points, 0, 100)
  for (let n = 1; ; n++) {
    const index = await Hnsw.build<HnswId>(before, {
      M: 4,
      efConstruction: 8,
      selection: 'simple',
      ids: upTo(100).map(String),
    })
    const bytes = index.stats().bytes.links
    const ids = upTo(600).map(at => `more ${at}`)
    const added = await index.add(part(points, 100, 700), { ids, signal: abortedAt(n) }).then(
      () => true,
      error => assert.match(error.message, /enough/),
    )
    if (added) break
    assert.equal(index.size, 100)
    assert.ok([...index.search(rowOf(points, 300), 50).ids].every(id => index.has(id)))
    await index.compact()
    assert.ok(index.stats().bytes.links <= bytes)
  }
})

test('an abort while codes are tried does not decide for them', async () => {
  const { next } = random(5)
  const points = matrix(1500, 16)
  for (let row = 0; row < 1500; row++) {
    points.data[row * 16] = 1000 * (row % 2)
    for (let column = 1; column < 16; column++) points.data[row * 16 + column] = next() * 1e-3
  }
  const index = Hnsw.create(16)
  for (const n of [2, 3, 4]) await assert.rejects(index.add(points, { signal: abortedAt(n) }), /enough/)
  await index.add(points)
  assert.equal(index.stats().codes, 'none')
})

test('deleted rows do not decide about codes', async () => {
  const index = await Hnsw.build(clustered(600, 8, 13))
  index.delete(upTo(600))
  await index.repair()
  await index.add(clustered(600, 8, 14))
  await index.add(clustered(600, 8, 15))
  assert.equal(index.stats().codes, 'i8')
  assert.ok((await recall(index, clustered(50, 8, 16), 100)) > 0.97)
})

test('codes fit the rows, though these came one by one', async () => {
  const all = clustered(450, 8, 33)
  for (let at = 0; at < all.data.length; at++) all.data[at] *= 0.01
  const [points, queries] = [part(all, 0, 400), part(all, 400, 450)]
  for (const keepFloats of ['f32', 'f16'] as const) {
    const index = Hnsw.create(8, { codes: 'i8', keepFloats })
    for (let row = 0; row < 400; row++) await index.add(part(points, row, row + 1))
    assert.equal(index.stats().codes, 'i8')
    assert.ok((await recall(index, queries, 50)) > 0.97)
    for (let row = 0; row < 400; row++) assert.equal(index.search(rowOf(points, row), 1).ids[0], row)
  }
})

test('memory does not grow over ten rounds in which all rows are replaced and what is free given back', async () => {
  const index = await Hnsw.build(clustered(500, 4, 17), { M: 4 })
  let bytes = 0
  for (let round = 0; round < 10; round++) {
    index.delete(upTo(500).map(at => at + 500 * round))
    await index.add(clustered(10, 4, 30))
    await index.compact()
    index.delete(index.search(new Float32Array(4), 10).ids)
    await index.compact()
    await index.add(clustered(500, 4, 18 + round), { ids: upTo(500).map(at => at + 500 * (round + 1)) })
    const { links } = index.stats().bytes
    bytes ||= links
    assert.ok(links < 1.2 * bytes, `${links} after ${bytes}`)
  }
})

test('where there is no setImmediate, as in a page, calls that overlap all end', () => {
  const script = `
    delete globalThis.setImmediate
    const { Hnsw } = await import('@offprint/search')
    const { matrix, random } = await import('@offprint/kernels')
    const points = matrix(300, 4, Float32Array.from({ length: 1200 }, random(1).next))
    const index = await Hnsw.build(points, { codes: 'none', efConstruction: 20 })
    await Promise.all([index.searchBatch(points), index.searchBatch(points), index.add(points), index.searchExact(points)])
    console.log('ended')
    process.exit()`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    timeout: 20_000,
  })
  assert.equal(stdout, 'ended\n')
})

test('more answers than memory can hold are refused', async () => {
  const index = await Hnsw.build(clustered(2000, 4, 20))
  await assert.rejects(index.searchExact(matrix(1_000_000, 4), 2000), InputError)
  await assert.rejects(index.searchBatch(matrix(1_000_000, 4), 2000), InputError)
})

test('ids that are refused do not settle of which kind ids are', async () => {
  const index = Hnsw.create<HnswId>(2)
  const two = matrix(2, 2, Float32Array.of(1, 2, 3, 4))
  await assert.rejects(index.add(two, { ids: ['a', 'a'] }), /twice/)
  assert.deepEqual([...(await index.add(two))], [0, 1])
})

test('what is saved while rows come counts on behind all of them', async () => {
  const index = await Hnsw.build(clustered(10, 3, 21), { ids: upTo(10).map(at => at + 5) })
  const saved: Uint8Array[] = []
  await index.add(clustered(600, 3, 22), { onProgress: () => saved.push(index.toBytes()) })
  const opened = Hnsw.open(saved[0])
  assert.equal(opened.size, 266)
  assert.deepEqual([...(await opened.add(matrix(1, 3)))], [271])
})

test('a row is not lost to one that comes into a place where it once was', async () => {
  const one = (value: number) => matrix(1, 2, Float32Array.of(value, 1))
  let index = await Hnsw.build<HnswId>(clustered(2, 2, 32), { ids: ['x', 'a'] })
  index.delete(['x'])
  await index.repair()
  await index.upsert(one(1), ['a'])
  await index.repair()
  index = Hnsw.open<HnswId>(index.toBytes())
  await index.upsert(one(2), ['b'])
  assert.ok(index.has('a') && index.has('b'))
})

test('a batch asked of an empty index, of which rows of other names come meanwhile', async () => {
  const index = Hnsw.create<HnswId>(2)
  const [found] = await Promise.all([index.searchExact(matrix(100, 2), 3), index.add(matrix(1, 2), { ids: ['a'] })])
  assert.equal(found.ids.length, 0)
})

test('a filter of another index is refused', async () => {
  const [one, other] = [await Hnsw.build(clustered(50, 3, 23)), await Hnsw.build(clustered(500, 3, 24))]
  const filter = other.filter(() => true)
  assert.throws(() => one.search(new Float32Array(3), 3, { filter }), /filter must be one that this index made/)
})

test('two that save to the same file take turns', async () => {
  const path = join(folder, 'same.hnsw')
  const one = await Hnsw.build(clustered(400, 6, 25))
  const other = await Hnsw.build(clustered(500, 6, 26))
  await Promise.all([saveHnsw(one, path), saveHnsw(other, path), updateHnsw(one, path), saveHnsw(other, path)])
  assert.ok(Buffer.from(other.toBytes()).equals(readFileSync(path)))
  assert.ok(readdirSync(folder).every(name => !name.endsWith('.part')))
})

test('damage that an index opened lazily finds is not saved as if it were sound', async () => {
  const path = join(folder, 'damaged.hnsw')
  const index = await Hnsw.build(clustered(1500, 8, 27), { codes: 'i8' })
  const bytes = index.toBytes()
  // A bit of the floats, which are last but some.
  bytes[bytes.length - 40_000] ^= 1
  writeFileSync(path, bytes)
  const opened = openHnsw(path, { lazy: true })
  assert.throws(() => opened.toBytes(), /damaged in its section 'vectors'/)
  const works = [
    opened.ready,
    saveHnsw(opened, join(folder, 'again.hnsw')),
    updateHnsw(opened, path),
    opened.add(clustered(1, 8, 28)),
    opened.repair(),
  ]
  for (const done of await Promise.allSettled(works)) {
    assert.equal(done.status, 'rejected')
    assert.match(done.reason.message, /damaged in its section 'vectors'/)
  }
  assert.throws(() => opened.vector(3), /damaged/)
  assert.ok(!readdirSync(folder).includes('again.hnsw'))
})

test('links that lead nowhere are refused before any walk, also where the file is read lazily', async () => {
  const index = await Hnsw.build(clustered(1500, 8, 29), { codes: 'i8' })
  const bytes = index.toBytes()
  const links = new Uint32Array(bytes.buffer)
  const { integer } = random(30)
  let refused = 0
  for (let round = 0; round < 200; round++) {
    const at = 1000 + integer(links.length - 30_000)
    const before = links[at]
    links[at] = integer(2 ** 32)
    const path = join(folder, 'led.hnsw')
    writeFileSync(path, bytes)
    try {
      const opened = openHnsw(path, { lazy: true })
      opened.search(new Float32Array(8), 10, { ef: 1000 })
      await opened.ready
      assert.fail('it was not refused')
    } catch (error) {
      assert.ok(error instanceof InputError && /index: /.test(error.message), String(error))
      refused++
    }
    links[at] = before
  }
  assert.equal(refused, 200)
})

test('headers that somebody made, with checksums that are right, are refused', async () => {
  const index = await Hnsw.build(clustered(1100, 4, 31), { codes: 'i8', M: 4 })
  const path = join(folder, 'made.hnsw')
  await saveHnsw(index, path)
  index.delete([3])
  await updateHnsw(index, path)
  const bytes = readFileSync(path)
  const first = Number(Buffer.from(bytes).readUInt32LE(12))
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const whole = bytes.indexOf(Buffer.from('CNGE'))
  const changed = view.getUint32(whole + 4, true)
  /** Another header in the same room, filled with blanks. */
  const withHeader = (at: number, fixed: { crc: number }, length: number, edit: (head: Head) => unknown) => {
    const made = Buffer.from(bytes)
    const head: Head = JSON.parse(made.subarray(at, at + length).toString())
    // Room for what is longer; these are the defaults.
    delete head.about.options.keepPruned
    delete head.about.options.extendCandidates
    const json = Buffer.from(JSON.stringify(edit(head)).padEnd(length))
    assert.equal(json.length, length)
    json.copy(made, at)
    made.writeUInt32LE(checksumOf(json), fixed.crc)
    return made
  }
  assert.ok(whole > 0)
  const inFirst = (edit: (head: Head) => unknown) => withHeader(32, { crc: 16 }, first, edit)
  const inChange = (edit: (head: Head) => unknown) => withHeader(whole + 12, { crc: whole + 8 }, changed, edit)
  assert.equal(Hnsw.open(inFirst(head => head)).size, 1099)
  assert.equal(Hnsw.open(inChange(head => head)).size, 1099)
  const withFlags = (other: object) => (head: Head) => ({
    ...head,
    sections: head.sections.map(section => (section.name === 'flags' ? { ...section, ...other } : section)),
  })
  for (const made of [
    inFirst(() => []),
    inFirst(() => 'x'),
    inFirst(head => ({ about: head.about })),
    inFirst(head => ({ ...head, about: null })),
    inFirst(head => ({ ...head, sections: [null] })),
    inChange(head => ({ ...head, about: { ...head.about, options: 7 } })),
    inChange(head => ({ ...head, about: { ...head.about, calibration: 7 } })),
    inChange(head => ({ ...head, about: { ...head.about, upper: 1e9 } })),
    inChange(() => 3),
    inChange(head => ({ ...head, sections: 4 })),
    inChange(head => ({ ...head, block: 0 })),
    inChange(withFlags({ runs: 5 })),
    inChange(withFlags({ runs: [5] })),
    inChange(withFlags({ runs: [[-1, 1]] })),
    inChange(withFlags({ runs: [[0.5, 1]] })),
    inChange(withFlags({ bytes: -1 })),
  ])
    assert.throws(
      () => Hnsw.open(made),
      (error: Error) => error instanceof InputError && error.field === 'index',
    )
})
