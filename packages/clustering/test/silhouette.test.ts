import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assignToMedoids,
  fasterPam,
  type MedoidsModel,
  medoidSilhouette,
  medoidsModel,
  openModel,
  pointSilhouette,
  project,
  saveModel,
  silhouette,
} from '@offprint/clustering'
import { type Dissimilarities, dissimilarities, matrix, precomputed, random } from '@offprint/kernels'
import fc from 'fast-check'

const labelled = fc.integer({ min: 2, max: 25 }).chain(n =>
  fc.record({
    n: fc.constant(n),
    values: fc.array(fc.integer({ min: 0, max: 20 }), { minLength: n * 2, maxLength: n * 2 }),
    labels: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: n, maxLength: n }),
  }),
)

test('silhouettes are as the definition says', async () => {
  await fc.assert(
    fc.asyncProperty(labelled, async ({ n, values, labels }) => {
      const distances = await dissimilarities(matrix(n, 2, Float32Array.from(values)), 'manhattan')
      const found = await silhouette(distances, labels)
      const groups = new Set(labels)
      if (groups.size < 2 || groups.size >= n) {
        assert.equal(found.mean, null)
        return
      }
      const expected = labels.map((own, object) => {
        const meanTo = (label: number) => {
          const others = labels.flatMap((one, other) =>
            one === label && other !== object ? [at(distances, object, other)] : [],
          )
          return others.reduce((sum, value) => sum + value, 0) / others.length
        }
        if (labels.filter(one => one === own).length === 1) return 0
        const a = meanTo(own)
        const b = Math.min(...[...groups].filter(label => label !== own).map(meanTo))
        return Math.max(a, b) === 0 ? 0 : (b - a) / Math.max(a, b)
      })
      for (const [object, value] of expected.entries()) assert.ok(Math.abs(found.values[object] - value) < 1e-9)
    }),
    { seed: 1, numRuns: 150 },
  )
})

test('medoid silhouettes are 1 − d₁/d₂', async () => {
  await fc.assert(
    fc.asyncProperty(labelled, async ({ n, values, labels }) => {
      const distances = await dissimilarities(matrix(n, 2, Float32Array.from(values)), 'manhattan')
      const medoids = [...new Set(labels)].map(label => labels.indexOf(label))
      const { mean, values: found, note } = medoidSilhouette(distances, medoids)
      if (medoids.length < 2 || medoids.length >= n) {
        assert.equal(mean, null)
        return assert.equal(note, `not defined for ${medoids.length} clusters of ${n} objects`)
      }
      let sum = 0
      for (let object = 0; object < n; object++) {
        const [first, second = Infinity] = medoids.map(medoid => at(distances, object, medoid)).sort((a, b) => a - b)
        const expected = first === 0 ? 1 : 1 - first / second
        sum += expected
        assert.ok(Math.abs(found[object] - expected) < 1e-9)
      }
      assert.ok(Math.abs(mean! - sum / n) < 1e-9)
    }),
    { seed: 2, numRuns: 100 },
  )
})

test('medoid silhouettes of one medoid, of none and of all objects are not defined; what is no object is refused', async () => {
  const distances = await dissimilarities(matrix(3, 1, Float32Array.of(1, 2, 4)))
  for (const medoids of [[], [1], [0, 1, 2]]) {
    const { mean, values, note } = medoidSilhouette(distances, medoids)
    assert.deepEqual([mean, [...values]], [null, [0, 0, 0]])
    assert.match(note!, /not defined for \d clusters of 3 objects/)
  }
  for (const wrong of [3, -1, 0.5, NaN])
    assert.throws(() => medoidSilhouette(distances, [0, wrong]), /medoids must be row numbers from 0 to 2, found/)
})

test('noise has no silhouette: the mean is that of the others alone, as of points', async () => {
  const points = matrix(8, 1, Float32Array.of(0, 1, 100, 10, 12, 50, 11, 2))
  const labels = [0, 0, -1, 1, 1, -1, 1, 0]
  const found = await silhouette(await dissimilarities(points), labels)
  const kept = [0, 1, 3, 4, 6, 7]
  const without = await silhouette(
    await dissimilarities(
      matrix(
        6,
        1,
        Float32Array.from(kept, row => points.data[row]),
      ),
    ),
    kept.map(row => labels[row]),
  )
  assert.equal(found.mean, without.mean)
  assert.deepEqual(
    kept.map(row => found.values[row]),
    [...without.values],
  )
  assert.deepEqual([found.values[2], found.values[5]], [0, 0])
  assert.ok(Math.abs(found.mean! - (await pointSilhouette(points, labels)).mean!) < 1e-6)
  const noise = await silhouette(await dissimilarities(points), new Array(8).fill(-1))
  assert.deepEqual([noise.mean, noise.note], [null, 'not defined for 0 clusters of 0 objects'])
})

test('labels that do not fit are refused', async () => {
  const distances = await dissimilarities(matrix(3, 1, Float32Array.of(1, 2, 3)))
  await assert.rejects(silhouette(distances, [0, 1]), /labels must be one for each of 3 objects, found 2 labels/)
  await assert.rejects(
    silhouette(distances, [0, 1, -2]),
    /labels must be whole numbers from 0, or -1 for noise, found -2/,
  )
})

test('an object alone in its cluster counts 0; fewer than two clusters have no silhouette', async () => {
  const distances = await dissimilarities(matrix(3, 1, Float32Array.of(0, 1, 9)))
  assert.equal((await silhouette(distances, [0, 0, 1])).values[2], 0)
  const one = await silhouette(distances, [0, 0, 0])
  assert.equal(one.mean, null)
  assert.match(one.note!, /not defined for 1 clusters of 3 objects/)
})

test('points are assigned to the nearest medoid, the first of equals', () => {
  const medoids = matrix(2, 1, Float32Array.of(0, 10))
  const { labels, nearest } = assignToMedoids(matrix(4, 1, Float32Array.of(1, 9, 5, 20)), medoids)
  assert.deepEqual([...labels], [0, 1, 0, 1])
  assert.deepEqual([...nearest], [1, 1, 5, 10])
  assert.throws(() => assignToMedoids(matrix(1, 2), medoids), /points must be 1 columns, as the medoids have/)
})

test('medoids are saved, opened and place new rows as they placed their own; damage is refused', async () => {
  const points = matrix(60, 3, Float32Array.from({ length: 180 }, random(8).normal))
  for (const metric of ['euclidean', 'manhattan', 'cosine'] as const) {
    const found = await fasterPam(points, { k: 4, metric, seed: 1 })
    const text = saveModel(medoidsModel(points, found.medoids, metric))
    const model = openModel(text) as MedoidsModel
    const { labels, nearest } = assignToMedoids(points, model)
    assert.deepEqual(labels, Int32Array.from(found.labels))
    for (const [row, distance] of nearest.entries()) assert.ok(Math.abs(distance - found.nearest[row]) < 1e-5)
    for (const damaged of [
      text.replace(`"${metric}"`, '"none"'),
      text.replace('"columns":3', '"columns":7'),
      text.replace('"columns":3', '"columns":0'),
      text.replace(/"medoidRows":"[^"]*"/, '"medoidRows":""'),
      text.slice(0, -9),
    ])
      assert.throws(() => openModel(damaged), /model must be text that saveModel has written/)
  }
  assert.throws(() => medoidsModel(points, [60]), /medoids must be row numbers from 0 to 59, found 60/)
})

test('a projection keeps distances of points that lie in a plane', async () => {
  // A tilted plane in four dimensions.
  const flat = Array.from({ length: 60 }, (_, index) => [Math.cos(index) * 5, Math.sin(index * 1.7) * 2])
  const points = matrix(
    60,
    4,
    Float32Array.from(flat.flatMap(([x, y]) => [x * 0.6 + 1, x * 0.8, y * 0.6, y * 0.8 - 3])),
  )
  const distances = await dissimilarities(points)
  for (const place of [await project(points), await project(distances)]) {
    const after = await dissimilarities(place)
    for (let a = 0; a < 60; a++)
      for (let b = 0; b < a; b++) assert.ok(Math.abs(at(after, a, b) - at(distances, a, b)) < 0.01)
  }
  assert.deepEqual((await project(points)).data, (await project(points)).data)
})

test('a projection of equal rows, of one row and of one column is finite', async () => {
  for (const points of [
    matrix(5, 3),
    matrix(1, 3, Float32Array.of(1, 2, 3)),
    matrix(4, 1, Float32Array.of(1, 2, 3, 4)),
  ]) {
    assert.ok((await project(points)).data.every(Number.isFinite))
    assert.ok((await project(await dissimilarities(points))).data.every(Number.isFinite))
  }
})

test('an asymmetric matrix is clustered by the distances to the medoids', async () => {
  // Everything is near to object 2, which is far from everything.
  const distances = await precomputed(matrix(3, 3, Float32Array.of(0, 5, 1, 5, 0, 1, 9, 9, 0)), { asymmetric: true })
  const { medoids, objective } = await fasterPam(distances, { k: 1 })
  assert.deepEqual([...medoids], [2])
  assert.equal(objective, 2)
})

/** d(a, b). */
function at({ data, n }: Dissimilarities, a: number, b: number): number {
  return data[b * n + a]
}

test('labels may be any whole numbers', async () => {
  const distances = await dissimilarities(matrix(4, 1, Float32Array.of(0, 1, 5, 7)))
  const { mean } = await silhouette(distances, [4_000_000_000, 4_000_000_000, 7, 7])
  assert.equal(mean, (await silhouette(distances, [0, 0, 1, 1])).mean)
})
