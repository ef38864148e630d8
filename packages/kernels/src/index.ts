export { type Arena, type ArenaOptions, arena, hasSharedMemory, instantiate } from './arena.ts'
export { fromCondensed, toCondensed } from './condensed.ts'
export {
  type Dissimilarities,
  type DissimilarityOptions,
  dissimilarities,
  dissimilarity,
  type Metric,
  metrics,
  mostObjects,
  type PointDissimilarityOptions,
  precomputed,
} from './dissimilarities.ts'
export { type DissimilarityRows, dissimilarityRows } from './dissimilarity-rows.ts'
export {
  type DistanceKernels,
  type DistancesToOptions,
  distanceBetween,
  distanceKernels,
  distancesTo,
  distancesToBytes,
  readNumbers,
  type VectorMetric,
} from './distances.ts'
export { InputError } from './input-error.ts'
export { breathe, type LongCall } from './long-call.ts'
export { type Matrix, matrix, requireFinite } from './matrix.ts'
export { readMatrix, writeBvecs, writeFvecs, writeIvecs, writeNpy } from './matrix-files.ts'
export {
  type DistanceMatrixOptions,
  distanceMatrix,
  distancesOfRows,
  multiplyRows,
  type ProductMetric,
  type ProductOptions,
  product,
} from './products.ts'
export {
  type BitQuantiser,
  type ByteQuantiser,
  type ByteQuantiserOptions,
  decodeBits,
  decodeBytes,
  decodeHalves,
  encodeBits,
  encodeBytes,
  encodeHalves,
  trainBits,
  trainBytes,
} from './quantisers.ts'
export { type Random, random } from './random.ts'
export {
  fillNormal,
  fillUniform,
  type RandomKernels,
  type RandomNumbersOptions,
  randomKernels,
} from './random-numbers.ts'
export {
  columnMoments,
  giveRows,
  type NumberType,
  normaliseRows,
  placeRows,
  prefixSums,
  type Rows,
  readRows,
  rowLengths,
  takeRows,
} from './rows.ts'
export {
  type LeastOfRows,
  leastOfPlaced,
  leastOfRows,
  type SelectionOptions,
  type TopK,
  type TopKOptions,
  topK,
  topKOfRows,
} from './selection.ts'
export { binaryDissimilarities, correlationRows } from './special-dissimilarities.ts'
export { runSteps, type Steps, takeSteps } from './steps.ts'
export { symmetricEigen } from './symmetric-eigen.ts'
export {
  type Call,
  type Place,
  type RunOptions,
  type WorkerPool,
  type WorkerPoolOptions,
  workerPool,
} from './worker-pool.ts'
