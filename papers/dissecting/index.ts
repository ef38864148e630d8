import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'dissecting',
  about: {
    arxiv: '2311.03687',
    title: 'Dissecting the Runtime Performance of the Training, Fine-tuning, and Inference of Large Language Models',
    authorCount: 11,
    publishedAt: '2023-11-06',
    summary:
      'Whoever owns a machine with eight GPUs must choose how to train, tune or serve a 7, 13 or 70 billion parameter model: sharding stages, offloading, recomputation, quantisation, adapters, serving engines. This study measures those choices on three kinds of servers, with and without fast links, from the whole step down to single operators. It shows where time and memory go: matrix products, small operators bound by memory, transfers between cards. From one to eight GPUs, data-parallel speed is almost linear on the A800 and about 91 % of linear on the RTX 4090. The tables let a planner rule out setups that cannot fit or will be slow.',
    topics: ['llm training', 'llm serving', 'fine-tuning', 'performance prediction', 'benchmarks'],
  },
})
