import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  agglomerative,
  copheneticCorrelation,
  cutByCount,
  cutByHeight,
  dbscan,
  fasterPam,
  type Hierarchy,
  hdbscan,
  linkages,
  openModel,
  type SavedModel,
  saveModel,
} from '@offprint/clustering'
import { matrix, random } from '@offprint/kernels'

const points = matrix(60, 3, Float32Array.from({ length: 180 }, random(8).normal))

for (const linkage of linkages)
  test(`a hierarchy by ${linkage} linkage is cut as before once it was saved and opened`, async () => {
    const tree = await agglomerative(points, { linkage })
    const opened = openModel(saveModel(tree)) as Hierarchy
    assert.deepEqual(opened, tree)
    for (const k of [1, 4, 60]) assert.deepEqual(cutByCount(opened, k), cutByCount(tree, k))
    assert.deepEqual(cutByHeight(opened, 1), cutByHeight(tree, 1))
    assert.equal(await copheneticCorrelation(opened, points), await copheneticCorrelation(tree, points))
  })

test('a hierarchy of one row, and one whose leaves are centres, are saved too', async () => {
  const one = await agglomerative(matrix(1, 2))
  assert.deepEqual(openModel(saveModel(one)), one)
  const centres = { ...(await agglomerative(points)), leafOf: Uint32Array.from({ length: 300 }, (_, row) => row % 60) }
  assert.deepEqual(openModel(saveModel({ ...centres, notes: ['k-means went before'] })), {
    ...centres,
    notes: ['k-means went before'],
  })
})

test('a damaged hierarchy is refused', async () => {
  const tree = await agglomerative(points)
  const merges = (change: (all: Float64Array) => void) => {
    const changed = tree.merges.slice()
    change(changed)
    return saveModel({ ...tree, merges: changed })
  }
  const text = saveModel(tree)
  for (const [damaged, message] of [
    [text.slice(0, -5), /found no JSON/],
    [text.replace('"linkage":"ward"', '"linkage":"median"'), /found the linkage 'median'/],
    [text.replace('"notes":[]', '"notes":[1]'), /damaged notes/],
    [text.replace(/"merges":"[^"]*"/, '"merges":1'), /damaged merges/],
    [text.replace(/"merges":"[^"]{8}/, '"merges":"'), /damaged merges/],
    [text.replace(/"leafOf":"[^"]*"/, '"leafOf":""'), /damaged leafOf/],
    [saveModel({ ...tree, merges: tree.merges.slice(4) }), /damaged/],
    [saveModel({ ...tree, merges: tree.merges.slice(0, -2) }), /damaged merges/],
    [saveModel({ ...tree, leafOf: tree.leafOf.with(3, 60) }), /damaged leafOf/],
    // Merged with itself, twice, before it is there, lower than the one before.
    [merges(all => all.copyWithin(1, 0, 1)), /damaged merges/],
    [merges(all => all.copyWithin(4, 0, 1)), /damaged merges/],
    [merges(all => all.fill(70, 0, 1)), /damaged merges/],
    [merges(all => all.fill(0.5, 0, 1)), /damaged merges/],
    [merges(all => all.fill(0, 6, 7)), /damaged merges/],
    [merges(all => all.fill(NaN, 2, 3)), /damaged merges/],
  ] as const)
    assert.throws(() => openModel(damaged), { name: 'InputError', message })
})

test('what is no model is refused with what can be saved', async () => {
  for (const other of [
    {},
    null,
    'text',
    await fasterPam(points, { k: 3 }),
    await hdbscan(points),
    await dbscan(points, { eps: 1, minPts: 3 }),
    { centres: [1, 2], k: 1, columns: 2 },
  ])
    assert.throws(() => saveModel(other as unknown as SavedModel), {
      name: 'InputError',
      message:
        /model must be a result of kMeans .* the `model` of a result of dbscan or hdbscan, or what medoidsModel gives, found/,
    })
})
