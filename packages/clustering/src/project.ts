/** Objects in the plane, for a picture: distances there are only roughly right. */
import { breathe, type Dissimilarities, type LongCall, type Matrix, matrix, random } from '@offprint/kernels'

/** Landmarks of classical scaling: enough for a picture, and never O(n³). */
const mostLandmarks = 400
const mostSteps = 60
const pieceMs = 20

/** n × 2 coordinates. */
export interface Projection extends Matrix {
  /** Of points: the share of their variance that lies along each axis. */
  shares?: [number, number]
}

/**
 * Places objects in two dimensions: points by their first two principal components, dissimilarities by classical scaling on
 * at most 400 landmarks (de Silva and Tenenbaum 2004). The sign of an axis is such that its largest coordinate is positive.
 */
export async function project(data: Matrix | Dissimilarities, { signal }: LongCall = {}): Promise<Projection> {
  const place = 'n' in data ? await scale(data, signal) : await components(data, signal)
  for (const axis of [0, 1]) {
    let largest = 0
    for (let row = 0; row < place.rows; row++)
      if (Math.abs(place.data[2 * row + axis]) > Math.abs(largest)) largest = place.data[2 * row + axis]
    if (largest < 0) for (let row = 0; row < place.rows; row++) place.data[2 * row + axis] *= -1
  }
  return place
}

async function components({ data, rows, columns }: Matrix, signal?: AbortSignal): Promise<Projection> {
  const mean = new Float64Array(columns)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) mean[column] += data[row * columns + column] / rows
  const place = matrix(rows, 2)
  const scores = [new Float64Array(rows), new Float64Array(rows)]
  let since = performance.now()
  // v ← Xᵀ(X v) without the covariance matrix: O(n·d) a step.
  const multiply = async (vectors: Float64Array[]) => {
    const next = vectors.map(() => new Float64Array(columns))
    for (let row = 0; row < rows; row++) {
      for (let axis = 0; axis < 2; axis++) {
        let dot = 0
        for (let column = 0; column < columns; column++)
          dot += (data[row * columns + column] - mean[column]) * vectors[axis][column]
        scores[axis][row] = dot
        for (let column = 0; column < columns; column++)
          next[axis][column] += dot * (data[row * columns + column] - mean[column])
      }
      if (performance.now() - since < pieceMs) continue
      await breathe(signal)
      since = performance.now()
    }
    return next
  }
  const { values } = await leadingVectors(columns, multiply)
  let squares = 0
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) squares += (data[row * columns + column] - mean[column]) ** 2
  for (let row = 0; row < rows; row++)
    for (let axis = 0; axis < 2; axis++) place.data[2 * row + axis] = scores[axis][row]
  const share = (value: number) => (squares > 0 ? Math.min(1, value / squares) : 0)
  return { ...place, shares: [share(values[0]), share(values[1])] }
}

/**
 * The two leading eigenvectors of a symmetric positive matrix, by orthogonal iteration from a fixed start. The last call of
 * `multiply` is with the vectors that are given back.
 */
async function leadingVectors(
  size: number,
  multiply: (vectors: Float64Array[]) => Promise<Float64Array[]>,
): Promise<{ vectors: Float64Array[]; values: number[] }> {
  const { next: draw } = random(1)
  let vectors = orthonormal([0, 1].map(() => Float64Array.from({ length: size }, () => draw() - 0.5)))
  let values = [0, 0]
  for (let step = 0; ; step++) {
    const product = await multiply(vectors)
    const before = values
    values = product.map((one, axis) => Math.max(0, dotOf(one, vectors[axis])))
    const settled = values.every((value, axis) => Math.abs(value - before[axis]) <= 1e-7 * values[0])
    if (settled || step === mostSteps) return { vectors, values }
    vectors = orthonormal(product)
  }
}

function orthonormal([first, second]: Float64Array[]): Float64Array[] {
  const unit = (vector: Float64Array) => {
    const length = Math.sqrt(dotOf(vector, vector))
    return length > 0 ? vector.map(value => value / length) : vector
  }
  const a = unit(first)
  const shared = dotOf(a, second)
  return [a, unit(second.map((value, index) => value - shared * a[index]))]
}

function dotOf(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let index = 0; index < a.length; index++) sum += a[index] * b[index]
  return sum
}

async function scale(distances: Dissimilarities, signal?: AbortSignal): Promise<Matrix> {
  const { n } = distances
  const count = Math.min(n, mostLandmarks)
  const landmarks = Array.from({ length: count }, (_, index) => Math.floor((index * n) / count))
  // B = −½ J D² J over the landmarks.
  const square = new Float64Array(count * count)
  const mean = new Float64Array(count)
  let { data } = distances
  for (const [a, from] of landmarks.entries())
    for (const [b, to] of landmarks.entries()) {
      square[a * count + b] = data[from * n + to] ** 2
      mean[b] += square[a * count + b] / count
    }
  const overall = mean.reduce((sum, value) => sum + value, 0) / count
  const { vectors, values } = await leadingVectors(count, async pair =>
    pair.map(vector => {
      const result = new Float64Array(count)
      for (let a = 0; a < count; a++) {
        let sum = 0
        for (let b = 0; b < count; b++) sum += -0.5 * (square[a * count + b] - mean[a] - mean[b] + overall) * vector[b]
        result[a] = sum
      }
      return result
    }),
  )
  const place = matrix(n, 2)
  let since = performance.now()
  for (let object = 0; object < n; object++) {
    for (let axis = 0; axis < 2; axis++) {
      if (values[axis] <= 0) continue
      let sum = 0
      for (let b = 0; b < count; b++) sum += vectors[axis][b] * (data[landmarks[b] * n + object] ** 2 - mean[b])
      place.data[2 * object + axis] = -0.5 * (sum / Math.sqrt(values[axis]))
    }
    if (performance.now() - since < pieceMs) continue
    await breathe(signal)
    since = performance.now()
    data = distances.data
  }
  return place
}
