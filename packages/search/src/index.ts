export { type Alternative, type Bm25, type Bm25Found, type Bm25Options, createBm25, openBm25 } from './bm25.ts'
export { Hnsw, noNeighbour } from './hnsw.ts'
export type { GrowingFile } from './hnsw-file.ts'
export { HnswFilter } from './hnsw-filter.ts'
export {
  type AddOptions,
  type BatchNeighbours,
  type Calibration,
  type FilterSource,
  type HnswMetric,
  type HnswOptions,
  type HnswStats,
  hnswMetrics,
  type Neighbours,
  type OpenOptions,
  type RangeOptions,
  type SearchOptions,
  type ThreadOptions,
} from './hnsw-options.ts'
export {
  type EmbedderOptions,
  type LexicalEmbedder,
  openLexicalEmbedder,
  trainLexicalEmbedder,
} from './lexical-embedder.ts'
export { mergeNeighbours } from './merge-neighbours.ts'
export type { HnswId, IdList } from './row-ids.ts'
