import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'csts',
  about: {
    arxiv: '2505.14596',
    title: 'CSTS: A Benchmark for the Discovery of Correlation Structures in Time Series Clustering',
    authorCount: 4,
    publishedAt: '2025-05-20',
    code: 'https://github.com/isabelladegen/corrclust-validation',
    summary:
      'People cut multivariate recordings into segments and cluster these by how the variables move together. When the result looks poor, real data cannot say whether the structure is missing, the algorithm weak or the quality index wrong. CSTS generates series that hold known correlation patterns, 23 of them, and damages them in controlled ways: other distributions, dropped samples, lower sampling rates. A fixed protocol then scores any algorithm against the truth. Use it to find out how much damage your method stands, how many samples a segment needs, and which validity index deserves trust.',
    topics: ['time series', 'clustering', 'benchmarks', 'cluster validity'],
  },
})
