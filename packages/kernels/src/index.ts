export { type Arena, type ArenaOptions, arena, hasSharedMemory, instantiate } from './arena.ts'
export {
  type Dissimilarities,
  type DissimilarityOptions,
  dissimilarities,
  dissimilarity,
  type Metric,
  metrics,
  mostObjects,
  precomputed,
} from './dissimilarities.ts'
export { InputError } from './input-error.ts'
export { breathe, type LongCall } from './long-call.ts'
export { type Matrix, matrix, requireFinite } from './matrix.ts'
export { readMatrix, writeBvecs, writeFvecs, writeIvecs, writeNpy } from './matrix-files.ts'
export { type Random, random } from './random.ts'
export {
  type Call,
  type Place,
  type RunOptions,
  type WorkerPool,
  type WorkerPoolOptions,
  workerPool,
} from './worker-pool.ts'
