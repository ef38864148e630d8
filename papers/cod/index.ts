import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'cod',
  about: {
    arxiv: '2502.17262',
    title: 'Unveiling Downstream Performance Scaling of LLMs: A Clustering-Based Perspective',
    authorCount: 5,
    organization: 'ByteDance Seed',
    publishedAt: '2025-02-24',
    venue: 'ICLR 2026',
    summary:
      'Before a large model is trained, its makers want to know how it will score. Loss can be extrapolated from small models; scores cannot, because a benchmark mixes questions that become easy early with others that stay at chance until late. COD measures how often each of several small models solves each question, groups questions whose curves look alike, fits a law to every predictable group, and carries the result over to the whole benchmark. For a 70-billion-parameter target the mean error over eight benchmarks was about 1.4 points. Bring pass rates of your small models and get a forecast with the groups behind it.',
    topics: ['scaling laws', 'performance prediction', 'clustering', 'benchmarks'],
  },
})
