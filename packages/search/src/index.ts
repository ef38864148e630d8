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
