import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'c4',
  about: {
    arxiv: '2406.04594',
    title: 'Boosting Large-scale Parallel Training Efficiency with C4: A Communication-Driven Approach',
    authorCount: 25,
    organization: 'Alibaba Cloud',
    publishedAt: '2024-06-06',
    venue: 'HPCA 2025',
    summary:
      'A training job on thousands of GPUs stops as soon as one of them misbehaves, and when every rank times out together nobody can tell who began it. C4 records each collective operation inside the communication library: who entered, when, and what moved over which connection. From these records it names the hanging or slow node, and a second part plans the routes of the few large flows so that they do not collide on shared uplinks. In production, time lost to faults fell from 31 % to about 1 % of a job’s life, and runs bound by communication gained about 15 %.',
    topics: ['llm training', 'fault tolerance', 'collective communication', 'networking'],
  },
})
