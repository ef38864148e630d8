import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'crisp',
  about: {
    arxiv: '2505.11471',
    title: 'CRISP: Clustering Multi-Vector Representations for Denoising and Pruning',
    authorCount: 6,
    organization: 'Google',
    publishedAt: '2025-05-16',
    summary:
      'Search with one vector for every token finds more than search with one for the whole document, and costs tens of times as much to store and score. Averaging groups of finished token vectors saves space, but they were never made to be averaged. CRISP does the clustering during training, inside each step, which teaches the encoder to give token vectors that can be averaged within clusters and still search well. With about a third of the vectors it is slightly better than the full set; with one eleventh it loses 3.6 %. It answers how small a late-interaction index can become before quality suffers.',
    topics: ['dense retrieval', 'vector search', 'clustering', 'compression'],
  },
})
