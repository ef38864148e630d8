import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'swe-bench-pro',
  about: {
    arxiv: '2509.16941',
    title: 'SWE-Bench Pro: Can AI Agents Solve Long-Horizon Software Engineering Tasks?',
    organization: 'Scale AI',
    publishedAt: '2025-09',
    code: 'https://github.com/scaleapi/SWE-bench_Pro-os',
    summary:
      'Teams that build or choose coding agents want to know how many real tasks they finish and why they fail on the others. Earlier benchmarks are nearly solved, known from training data, and full of one-line fixes. This one has 1,865 problems from 41 repositories, each checked by people, with reference changes of about a hundred lines over four files; part of it stays private to detect overfitting. When it came out the best agents resolved less than a quarter of the public problems. Failures are sorted into kinds, from wrong solutions to running out of context.',
    topics: ['benchmarks', 'coding agents'],
  },
})
