export { type Alternative, type Bm25, type Bm25Found, type Bm25Options, createBm25, openBm25 } from './bm25.ts'
export {
  type BatchNeighbours,
  Hnsw,
  type HnswMetric,
  type HnswOptions,
  type HnswStats,
  hnswMetrics,
  type Neighbours,
  noNeighbour,
  type SearchOptions,
} from './hnsw.ts'
export {
  type EmbedderOptions,
  type LexicalEmbedder,
  openLexicalEmbedder,
  trainLexicalEmbedder,
} from './lexical-embedder.ts'
