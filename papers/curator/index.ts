import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'curator',
  about: {
    arxiv: '2401.07119',
    title: 'Curator: Efficient Indexing for Multi-Tenant Vector Databases',
    authorCount: 6,
    publishedAt: '2024-01-13',
    summary:
      'In a shared vector database tenants may search only what they are allowed to see. One index with a filter wastes time on foreign vectors; an index for each tenant is quick but stores shared vectors again and again. Curator keeps one tree of clusters for everybody and hangs on it, for each tenant, short lists of vectors and small Bloom filters that say which branches matter. A search then walks only those branches. Speed comes close to separate indexes, memory stays near that of a single one, and granting or revoking access is cheap.',
    topics: ['vector search', 'multi-tenancy', 'clustering'],
  },
})
