import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'splitwise',
  about: {
    arxiv: '2311.18677',
    title: 'Splitwise: Efficient generative LLM inference using phase splitting',
    authorCount: 7,
    publishedAt: '2023-11-30',
    venue: 'ISCA 2024',
    code: 'https://github.com/Mutinifni/splitwise-sim',
    summary:
      'Answering a request has two phases: reading the prompt keeps a GPU’s arithmetic busy, writing tokens keeps its memory busy and draws much less power. On one machine they disturb each other, and both get the newest hardware although only one needs it. Splitwise runs them on separate pools and passes the cache of keys and values between them while it is being made. Pools may differ in hardware or be capped in power. Simulated on production traces, such clusters give 1.4 times the throughput at 20 % less cost, or 2.35 times at equal cost and power.',
    topics: ['llm serving', 'capacity planning', 'power', 'scheduling'],
  },
})
