import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'spann',
  about: {
    arxiv: '2111.08566',
    title: 'SPANN: Highly-efficient Billion-scale Approximate Nearest Neighbor Search',
    authorCount: 8,
    publishedAt: '2021-11-05',
    venue: 'NeurIPS 2021',
    code: 'https://github.com/microsoft/SPTAG',
    summary:
      'A vector collection that does not fit in memory must still be searched in about a millisecond. SPANN keeps only the centres of many small clusters in memory and their short lists of vectors on disk. Clusters are balanced so that no list is long; vectors near a border stand in several lists; a query reads only lists whose centres are nearly as close as the nearest one. So one round of parallel reads is enough. At equal memory it reached 90 % recall twice as fast as the graph index on disk of its time, on three collections of a billion vectors.',
    topics: ['vector search', 'nearest neighbor search', 'storage', 'clustering'],
  },
})
