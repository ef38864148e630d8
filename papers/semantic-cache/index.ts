import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'semantic-cache',
  about: {
    arxiv: '2510.26835',
    title: 'Category-Aware Semantic Caching for Heterogeneous LLM Workloads',
    authorCount: 6,
    publishedAt: '2025-10-29',
    summary:
      'A gateway before several models pays for every repeated question. A cache that also answers paraphrases helps, but one threshold for all is wrong: in code small differences matter, in chat large ones do not, and prices age faster than facts. Here each category has its own threshold, lifetime and quota, and an index in memory with documents kept elsewhere brings the cost of a miss from 30 ms to 2 ms. A cache then pays from 3 to 5 % hits instead of 15 to 20 %, so that rare categories can be cached too. Policies may loosen while a model is overloaded.',
    topics: ['semantic caching', 'llm serving', 'vector search'],
  },
})
